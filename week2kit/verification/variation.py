"""What --vary changes after an identical rerun, in named groups; what cannot be varied here, and why.

Pure: what there is to vary arrives as a value, and so does what was read back. A variation whose switch did not take
effect varied nothing, so it never counts as one under which a run held.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from week2kit.environment.conditions import Conditions
from week2kit.environment.restoring import (
    KERNELS,
    LIBM_WITHOUT_FMA,
    SIMD_BASELINE,
    TORCH_KERNELS,
    Factor,
    Plan,
    missing_for,
    simd_without,
    threads_of,
)
from week2kit.errors import UsageError
from week2kit.record.manifest import Data, Environment
from week2kit.record.verdict import Finding, RerunRecord
from week2kit.verification.messages import Fresh, Variable

#: What can be asked for: each group, and what it varies.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "threads": ("threads",),
    "cpu": ("cpu",),
    "process": ("hash_seed", "locale", "time_zone", "directory", "home", "umask"),
    "jobs": ("jobs",),
    "data": ("data",),
}

_ALL: Final = tuple(name for names in GROUPS.values() for name in names)

_THREADS: Final = (1, 2, 4)
_JOBS: Final = (1, 2)

#: Numpy's names for what a processor of the AVX2 class has beyond the baseline, by its releases.
_SIMD_AVX2: Final = frozenset({"AVX", "F16C", "FMA3", "AVX2", "X86_V3"})

#: Two of each: the first that is not in force here already is another one.
#: Time zones are written out as rules: the name of one is taken for UTC, without a word, where no zones are installed.
_TIME_ZONES: Final = ((20700, "UTC+05:45", "<+0545>-5:45"), (-34200, "UTC-09:30", "<-0930>9:30"))
_HOMES: Final = ("/nonexistent", "/nonexistent/other")
_UMASKS: Final = (0o077, 0o022)


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """What the names of groups, or of what is in them, stand for, each once, in the order in which it is varied.

    Raises:
        UsageError: there is no such name.
    """
    found: set[str] = set()
    for name in names:
        if name == "all":
            found.update(_ALL)
        elif name in GROUPS:
            found.update(GROUPS[name])
        elif name in _ALL:
            found.add(name)
        else:
            known = list(dict.fromkeys(["all", *GROUPS, *_ALL]))
            near = difflib.get_close_matches(name, known, 1, 0.5)
            meant = f' Did you mean "{near[0]}"?' if near else ""
            raise UsageError(f'--vary: there is no "{name[:40]}".{meant} There are: {", ".join(known)}.')
    return tuple(name for name in _ALL if name in found)


def variations(
    names: Iterable[str], here: Environment, variable: Variable, reader: str | None, *, plain: bool = True
) -> Plan:
    """Each variation that is possible here, and for the others the reason (a code, a value), by name.

    Args:
        names: what is asked for.
        here: what is in force where the run is trained again.
        variable: what of the run, and of this machine, can be varied.
        reader: how the run's data are read; None for a command, whose jobs and data are its own.
        plain: whether its text has the names of its columns first, and the separator of its suffix between its fields.
    """
    plan = Plan()
    for name in chosen(names):
        match name:
            case "jobs" | "data" if reader is None:
                plan.stuck[name] = ("of_configs", None)
            case "directory" if reader is None:
                plan.stuck[name] = ("own_directory", None)
            case "threads" if not here.blas and here.openmp_threads is None and here.torch is None:
                plan.stuck[name] = ("no_threads", None)
            case "threads":
                plan.factors.extend(Factor("threads", n, _threads_here(here), threads_of(here, n)) for n in _THREADS)
            case "cpu":
                _vary_cpu(plan, here)
            case "locale":
                if variable.comma_locale is None:
                    plan.stuck[name] = ("no_locale", None)
                else:
                    _vary(plan, name, variable.comma_locale, Conditions(locale=variable.comma_locale))
            case "jobs":
                if variable.takes_jobs:
                    plan.factors.extend(Factor(name, n, None, Conditions(jobs=n)) for n in _JOBS)
                else:
                    plan.stuck[name] = ("no_jobs", None)
            case "data":
                if reader in ("csv", "tsv") and not plain:
                    plan.stuck[name] = ("not_plain", reader)
                elif reader in ("csv", "tsv"):
                    _vary(plan, name, "CRLF, gzip, other separator", Conditions(other_text=True))
                else:
                    plan.stuck[name] = ("no_text", reader)
            case "hash_seed":
                seed = "1" if here.variables.get("PYTHONHASHSEED") != "1" else "2"
                _vary(plan, name, seed, Conditions(hash_seed=seed))
            case "time_zone":
                zones = [(told, rule) for offset, told, rule in _TIME_ZONES if offset != variable.utc_offset]
                _vary(plan, name, zones[0][0], Conditions(time_zone=zones[0][1]))
            case "directory":
                _vary(plan, name, "empty", Conditions(elsewhere=True))
            case "home":
                home = next(path for path in _HOMES if path != variable.home)
                _vary(plan, name, home, Conditions(home=home))
            case "umask":
                umask = next(mask for mask in _UMASKS if mask != variable.umask)
                _vary(plan, name, f"{umask:04o}", Conditions(umask=umask))
    return plan


def _vary(plan: Plan, name: str, value: str, conditions: Conditions) -> None:
    plan.factors.append(Factor(name, value, None, conditions))


def _threads_here(here: Environment) -> int | None:
    of_torch = here.openmp_threads if here.torch is None else here.torch.threads
    return max((blas.threads for blas in here.blas), default=of_torch)


def _vary_cpu(plan: Plan, here: Environment) -> None:
    """Two classes of older processors: that of AVX2 with FMA, and that of SSE 4.2 without either."""
    openblas = {blas.vendor for blas in here.blas} == {"openblas"}
    torch = here.torch is not None and here.torch.kernel in TORCH_KERNELS
    if not here.platform.endswith(("x86_64", "AMD64")) or not (openblas or torch):
        plan.stuck["cpu"] = ("no_classes", here.platform)
        return
    for name, kernel, of_torch, simd in (
        ("AVX2", "Haswell", "AVX2", SIMD_BASELINE | _SIMD_AVX2),
        ("SSE", "Nehalem", "DEFAULT", SIMD_BASELINE),
    ):
        if missing := missing_for(kernel, here):
            plan.stuck[f"cpu {name}"] = ("needs", missing)
            continue
        off = tuple(feature for feature in here.simd if feature not in simd)
        libm = LIBM_WITHOUT_FMA if name == "SSE" and _has_fused_libm(here) else None
        # what is switched off here already must stay so
        conditions = Conditions(
            kernel=KERNELS[kernel][0] if openblas else None,
            simd_off=simd_without(here, off),
            torch_kernel=TORCH_KERNELS[of_torch][0] if torch else None,
            libm=libm,
        )
        _vary(plan, "cpu", name, conditions)


def _has_fused_libm(here: Environment) -> bool:
    return (
        here.libm.name == "glibc"
        and "libm" in here.fingerprint  # else it could not be read back
        and "fma" in here.cpu.features
        and "hwcaps" not in here.variables.get("GLIBC_TUNABLES", "")
    )


def carry_out(
    plan: Plan, one: Callable[[Factor], RerunRecord], stops: tuple[type[Exception], ...]
) -> tuple[list[RerunRecord], list[Finding]]:
    """What came out under each variation, and what was not varied and why; some errors stop all that is left.

    Args:
        plan: what is to be varied, and what cannot be.
        one: carries one variation out.
        stops: the errors after which no other is tried.
    """
    done: list[RerunRecord] = []
    stuck = dict(plan.stuck)
    try:
        for factor in plan.factors:
            done.append(one(factor))  # noqa: PERF401 - what came before an error counts
    except stops as error:
        for factor in plan.factors[len(done) :]:
            stuck[f"{factor.name} {factor.recorded}"] = ("stopped", str(error))
    return done, [Finding(code=f"vary.{code}", where=name, now=value) for name, (code, value) in stuck.items()]


# --- read back --------------------------------------------------------------------------------------------------


def not_in_force(factor: Factor, native: Fresh, here: Environment, varied: Fresh) -> list[str]:
    """The switches of a variation that did not take effect, as read back where it was trained.

    Args:
        factor: what was asked for.
        native: the training in the environment as it is here.
        here: that environment.
        varied: the training under the variation.
    """
    if varied.environment is None:
        return [factor.name]
    idle = [*varied.not_in_force, *idle_switches(factor.conditions, here, varied.environment)]
    if factor.conditions.other_text and _bytes(native) == _bytes(varied):
        idle.append("data")
    return idle


def idle_switches(asked: Conditions, here: Environment, now: Environment) -> list[str]:
    """Those of the conditions asked for that can be read in an environment, and are not in force `now`."""
    idle = []
    if asked.kernel is not None:
        names = {name for name, (asked_for, _) in KERNELS.items() if asked_for == asked.kernel}
        if not {str(blas.architecture) for blas in now.blas} <= names:
            idle.append("blas.kernel")
    if asked.torch_kernel is not None:
        names = {name for name, (asked_for, _) in TORCH_KERNELS.items() if asked_for == asked.torch_kernel}
        if now.torch is None or now.torch.kernel not in names:
            idle.append("torch.kernel")
    if asked.simd_off and set(asked.simd_off) & set(now.simd):
        idle.append("simd")
    # the variant has no name that could be read back, only other results
    if asked.libm and now.fingerprint.get("libm") == here.fingerprint.get("libm"):
        idle.append("libm")
    if asked.blas_threads is not None and dict(asked.blas_threads) != {blas.user: blas.threads for blas in now.blas}:
        idle.append("blas.threads")
    for name, before, after in (
        ("openmp.threads", here.openmp_threads, now.openmp_threads),
        ("torch.threads", here.torch and here.torch.threads, now.torch and now.torch.threads),
    ):
        if asked.openmp_threads is not None and after != asked.openmp_threads and (before, after) != (None, None):
            idle.append(name)
    return idle


def _bytes(fresh: Fresh) -> str | None:
    return fresh.data.sha256 if isinstance(fresh.data, Data) else None
