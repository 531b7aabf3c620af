"""Which recorded facts of the environment can be put back here, and how; which cannot, and why.

Only facts that were recorded as something that took effect count, and only values that are known are ever passed on:
a record may name kernels, features or thread counts that do not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from week2kit.environment.comparing import Difference, Uses, differences
from week2kit.environment.conditions import Conditions
from week2kit.record.manifest import Environment
from week2kit.record.requirements import DECIDING_LIBRARIES
from week2kit.thresholds import MAX_JOBS, MAX_THREADS


@dataclass(frozen=True)
class Factor:
    """A recorded fact that is not in force here and can be put back; `conditions` does it."""

    name: str
    recorded: Any
    now: Any
    conditions: Conditions


@dataclass(frozen=True)
class Plan:
    """What can be put back, least likely cause first, and what cannot: the fact and the reason (a code, a value)."""

    factors: list[Factor] = field(default_factory=list)
    stuck: dict[str, tuple[str, Any]] = field(default_factory=dict)


#: Facts that a version of a library, or of Python, brings with it.
VERSION_FACTS: Final = ("python", "implementation", "blas.vendor", "blas.version")


def is_version(fact: str) -> bool:
    """Whether a fact is one of versions that --restore puts back: only an environment with the recorded ones can."""
    return fact in VERSION_FACTS or fact.removeprefix("library.") in DECIDING_LIBRARIES


def plan_restoring(recorded: Environment, here: Environment, uses: Uses = Uses()) -> Plan:  # noqa: B008
    """How to put back what differs; facts that only follow from others (fingerprints) are left out.

    The order is that in which they are taken away again to find the smallest set that is needed: the kernels, which
    explain most, are tried last.
    """
    facts = {difference.factor: difference for difference in differences(recorded, here, uses)}
    plan = Plan()
    for name, put_back in (
        ("openmp.threads", _openmp_threads),
        ("blas.threads", _blas_threads),
        ("libm", _libm),
        ("simd", _simd),
        ("torch.threads", _torch_threads),
        ("torch.kernel", _torch_kernel),
        ("jobs", _jobs),
        ("cpus", _cpus),
        ("blas.kernel", _kernel),
    ):
        fact = facts.pop(name, None)
        if name == "libm" and fact is None and "fingerprint.libm" in facts:
            # the same release of the library, and another variant of it
            fact = Difference("libm", *(_variant(side, here) for side in (recorded, here)))
        if fact is None:
            continue
        answer = put_back(recorded, here)
        if isinstance(answer, Conditions):
            plan.factors.append(Factor(name, fact.recorded, fact.now, answer))
        else:
            plan.stuck[name] = answer
    for name, fact in facts.items():
        if not name.startswith("fingerprint."):
            plan.stuck[name] = _why_stuck(fact)
    return plan


def _why_stuck(fact: Difference) -> tuple[str, Any]:
    if is_version(fact.factor):
        return ("versions", None)
    return ("library", fact.recorded) if fact.factor.startswith("library.") else ("machine", None)


Answer = Conditions | tuple[str, Any]


# --- threads ----------------------------------------------------------------------------------------------------


def _openmp_threads(recorded: Environment, here: Environment) -> Answer:
    threads = recorded.openmp_threads
    if threads is None or here.openmp_threads is None:
        return ("unknown", threads)
    if not 0 < threads <= MAX_THREADS:
        return ("threads", threads)
    # the variable for OpenMP is obeyed by OpenBLAS, too, whose threads shall stay
    return Conditions(openmp_threads=threads, blas_threads=tuple((blas.user, blas.threads) for blas in here.blas))


def _blas_threads(recorded: Environment, here: Environment) -> Answer:
    wanted = {blas.user: blas.threads for blas in recorded.blas}
    if wanted.keys() != {blas.user for blas in here.blas}:
        return ("unknown", sorted(wanted))
    beyond = [threads for threads in wanted.values() if not 0 < threads <= MAX_THREADS]
    return ("threads", max(beyond)) if beyond else Conditions(blas_threads=tuple(sorted(wanted.items())))


def _torch_threads(recorded: Environment, here: Environment) -> Answer:
    threads = recorded.torch.threads if recorded.torch is not None else None
    if threads is None or not 0 < threads <= MAX_THREADS:
        return ("threads", threads)
    # as for OpenMP, whose variable it obeys
    return Conditions(openmp_threads=threads, blas_threads=tuple((blas.user, blas.threads) for blas in here.blas))


# --- jobs -------------------------------------------------------------------------------------------------------


def _jobs(recorded: Environment, here: Environment) -> Answer:
    assert recorded.jobs is not None  # else it is not compared
    return Conditions(default_jobs=recorded.jobs) if 0 < recorded.jobs <= MAX_JOBS else ("threads", recorded.jobs)


def _cpus(recorded: Environment, here: Environment) -> Answer:
    if recorded.cpus is None:  # what was allowed is not always what was counted
        return ("uncounted", None)
    return Conditions(cpus=recorded.cpus) if 0 < recorded.cpus <= MAX_JOBS else ("threads", recorded.cpus)


# --- variants of code -------------------------------------------------------------------------------------------

#: OpenBLAS' kernel sets for x86-64, best first: the name as it is read back, the name to ask for, and the CPU
#: features without which it dies by SIGILL. Wheels hold some of them; the others are read back as another set.
KERNELS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "Sapphirerapids": ("Sapphirerapids", frozenset({"avx512f", "avx512_bf16", "avx512dq", "avx512bw", "avx512vl"})),
    "Cooperlake": ("Cooperlake", frozenset({"avx512f", "avx512_bf16", "avx512dq", "avx512bw", "avx512vl"})),
    "SkylakeX": ("SkylakeX", frozenset({"avx512f", "avx512dq", "avx512bw", "avx512vl"})),
    "Zen": ("Zen", frozenset({"avx2", "fma"})),
    "Haswell": ("Haswell", frozenset({"avx2", "fma"})),
    "Sandybridge": ("Sandybridge", frozenset({"avx"})),
    "Nehalem": ("Nehalem", frozenset({"sse4_2"})),
    "Prescott": ("Prescott", frozenset()),
    "Katmai": ("Prescott", frozenset()),
}


def _kernel(recorded: Environment, here: Environment) -> Answer:
    wanted = {blas.architecture for blas in recorded.blas}
    vendors = {blas.vendor for blas in (*recorded.blas, *here.blas)}
    if vendors != {"openblas"} or len(wanted) != 1 or not here.platform.endswith(("x86_64", "AMD64")):
        return ("unknown", sorted(str(name) for name in wanted))
    name = next(iter(wanted))
    if name not in KERNELS:
        return ("unknown", name)
    asked, needed = KERNELS[str(name)]
    if missing := needed - set(here.cpu.features):
        return ("needs", sorted(missing))
    return Conditions(kernel=asked)


def missing_for(kernel: str, here: Environment) -> list[str]:
    """The CPU features that a kernel set needs and that are not there: without them it dies by SIGILL."""
    return sorted(KERNELS[kernel][1] - set(here.cpu.features))


def simd_without(here: Environment, features: Sequence[str]) -> tuple[str, ...]:
    """What to switch off so that numpy does without `features`: what is switched off here already stays so."""
    return tuple(sorted({*features, *_switched_off(here)}))


def _switched_off(here: Environment) -> set[str]:
    return set(here.variables.get("NPY_DISABLE_CPU_FEATURES", "").replace(",", " ").split())


#: The CPU capabilities of PyTorch's own kernels on x86-64, best first: the name as it is read back, the name to ask
#: for, and the CPU features without which it dies by SIGILL.
TORCH_KERNELS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "AVX512": ("avx512", frozenset({"avx512f", "avx512dq", "avx512bw", "avx512vl", "fma"})),
    "AVX2": ("avx2", frozenset({"avx2", "fma"})),
    "DEFAULT": ("default", frozenset()),
    "NO AVX": ("default", frozenset()),
}


def _torch_kernel(recorded: Environment, here: Environment) -> Answer:
    name = recorded.torch.kernel if recorded.torch is not None else None
    if name is None or name not in TORCH_KERNELS or not here.platform.endswith(("x86_64", "AMD64")):
        return ("unknown", name)
    asked, needed = TORCH_KERNELS[name]
    if missing := needed - set(here.cpu.features):
        return ("needs", sorted(missing))
    return Conditions(torch_kernel=asked)


def _simd(recorded: Environment, here: Environment) -> Answer:
    if recorded.libraries.get("numpy") != here.libraries.get("numpy"):
        return ("versions", None)  # the features have other names there
    possible = set(here.simd) | _switched_off(here)
    if missing := set(recorded.simd) - possible:
        return ("needs", sorted(missing))
    off = possible - set(recorded.simd)
    if off & SIMD_BASELINE:  # numpy does not even start without what it is compiled for
        return ("unknown", recorded.simd)
    return Conditions(simd_off=tuple(sorted(off)))


#: Without fused multiply-add, glibc takes the variants of its functions for older processors.
LIBM_WITHOUT_FMA: Final = "glibc.cpu.hwcaps=-FMA,-FMA4"


def _libm(recorded: Environment, here: Environment) -> Answer:
    if recorded.libm != here.libm:
        return ("machine", None)
    if here.libm.name != "glibc":
        return ("unknown", recorded.libm.name)
    if "hwcaps" in here.variables.get("GLIBC_TUNABLES", ""):
        return Conditions(libm="")
    if "fma" not in here.cpu.features:
        return ("needs", ["fma"])
    return Conditions(libm=LIBM_WITHOUT_FMA)


def _variant(side: Environment, here: Environment) -> str:
    """What a variant of the same release is called; its results are the only way to know it."""
    fused = "FMA" if side is here and "fma" in here.cpu.features else "another variant"
    return f"{side.libm.name} {side.libm.version}, {fused}"


# --- provoking --------------------------------------------------------------------------------------------------


def provocations(here: Environment, uses: Uses = Uses()) -> list[Factor]:  # noqa: B008
    """Each factor that can be changed here, changed once or more, whatever a record says of it.

    The kernels of older processors, numpy without SIMD dispatch, the C library without fused multiply-add, and other
    numbers of threads, and of jobs where they count. What none of these can move does not hang on the environment's
    factors.
    """
    kernels = sorted({str(blas.architecture) for blas in here.blas})
    found = [
        Factor("blas.kernel", name, kernels, Conditions(kernel=KERNELS[name][0]))
        for name in ("Haswell", "Nehalem", "Prescott")
        if _can_run(name, here) and kernels != [name]
    ]
    if baseline := [name for name in here.simd if name in SIMD_BASELINE]:
        off = tuple(name for name in here.simd if name not in SIMD_BASELINE)
        if off:
            found.append(Factor("simd", baseline, here.simd, Conditions(simd_off=simd_without(here, off))))
    if here.libm.name == "glibc" and "fma" in here.cpu.features:
        found.append(Factor("libm", "without FMA", "with FMA", Conditions(libm=LIBM_WITHOUT_FMA)))
    threads = max((blas.threads for blas in here.blas), default=1)
    other = 1 if threads > 1 else 2
    found.append(Factor("threads", other, threads, threads_of(here, other)))
    if uses.cpus:
        found += [Factor("cpus", n, here.cpus, Conditions(cpus=n)) for n in (1, 2, 3) if n != here.cpus]
    return found


#: What numpy's wheels for x86-64 are compiled for, by the names of its releases; it cannot be switched off.
SIMD_BASELINE: Final = frozenset({"SSE", "SSE2", "SSE3", "SSSE3", "SSE41", "POPCNT", "SSE42", "X86_V2"})


def _can_run(kernel: str, here: Environment) -> bool:
    return {blas.vendor for blas in here.blas} == {"openblas"} and not missing_for(kernel, here)


def threads_of(here: Environment, threads: int) -> Conditions:
    """The same number of threads for every BLAS and for OpenMP."""
    return Conditions(blas_threads=tuple((blas.user, threads) for blas in here.blas), openmp_threads=threads)


def version_factors(
    recorded: Environment, here: Environment, libraries: Iterable[str] = DECIDING_LIBRARIES
) -> list[Factor]:
    """Python and those of `libraries` whose versions differ, as factors; what is not recorded stays."""
    factors = [
        Factor(f"library.{name}", version, here.libraries.get(name), Conditions(versions=((name, version),)))
        for name in libraries
        if (version := recorded.libraries.get(name)) is not None and version != here.libraries.get(name)
    ]
    if recorded.python != here.python:
        python = Conditions(versions=(("python", recorded.python),))
        factors.insert(0, Factor("python", recorded.python, here.python, python))
    return factors
