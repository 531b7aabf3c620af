"""Which facts of the environment differ from a record, of those that can change the bits of an outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from week2kit.record.manifest import Environment
from week2kit.record.requirements import DECIDING_LIBRARIES

#: Libraries whose version is in the bytes of a dumped model.
_DUMPED_LIBRARIES: Final = ("numpy", "scipy", "scikit-learn", "joblib")

_FINGERPRINTS: Final = ("blas", "lapack", "ufunc", "libm")


@dataclass(frozen=True)
class Difference:
    """A fact of the environment that is not as recorded; `factor` is its stable name."""

    factor: str
    recorded: object
    now: object


@dataclass(frozen=True)
class Uses:
    """What counts for one run besides what counts for every one.

    Attributes:
        libraries: distributions that bring its classes, where these are not scikit-learn's, and what they require.
        cpus: whether the number of CPUs decides how many jobs an estimator has (``n_jobs=-1``).
    """

    libraries: tuple[str, ...] = ()
    cpus: bool = False


def differences(recorded: Environment, now: Environment, uses: Uses = Uses()) -> list[Difference]:
    """The facts that can change the bits of an outcome and differ, in a fixed order.

    In are: Python and its implementation (``sum`` of floats changed in 3.12), the platform, the versions of
    `DECIDING_LIBRARIES` and of those that the run uses, per copy of a BLAS its vendor, version, kernel and
    threads, the width of OpenMP (KMeans sums by thread), kernels and threads of PyTorch, the SIMD features that numpy
    uses (named otherwise by other releases of numpy), the C mathematics library, the jobs of estimators that draw or
    sum job by job (bagging), and the fingerprints, which tell a difference that has no name.

    In is the processor's model, too: BLAS cuts large matrices by the size of its caches, which no other fact shows.

    Out are: the features of the processor, which act only through kernels, SIMD and libm; the number of CPUs where no
    job hangs on it; environment variables, for the same reason and because most are not obeyed to the letter; other
    libraries, which compute nothing. What an old record lacks is not compared: a number of jobs, PyTorch.
    """
    before, after = _facts(recorded, uses, now), _facts(now, uses, recorded)
    return [Difference(factor, before[factor], after[factor]) for factor in before if before[factor] != after[factor]]


def _facts(environment: Environment, uses: Uses, beside: Environment) -> dict[str, object]:
    names = dict.fromkeys((*DECIDING_LIBRARIES, *uses.libraries))
    libm = environment.libm
    counted = None not in (environment.cpus, beside.cpus)
    return {
        "python": environment.python,
        "implementation": environment.implementation,
        "platform": environment.platform,
        "cpu": environment.cpu.model,
        **{f"library.{name}": environment.libraries.get(name) for name in names},
        "blas.vendor": {blas.user: blas.vendor for blas in environment.blas},
        "blas.version": {blas.user: blas.version for blas in environment.blas},
        "blas.kernel": {blas.user: blas.architecture for blas in environment.blas},
        "blas.threads": {blas.user: blas.threads for blas in environment.blas},
        "openmp.threads": environment.openmp_threads,
        "jobs": None if beside.jobs is None else environment.jobs,
        "cpus": None if not uses.cpus else environment.cpus if counted else environment.cpus_allowed,
        "torch.kernel": environment.torch.kernel if environment.torch and beside.torch else None,
        "torch.threads": environment.torch.threads if environment.torch and beside.torch else None,
        "simd": environment.simd,
        "libm": f"{libm.name} {libm.version}" if libm.version else libm.name,
        **{f"fingerprint.{name}": environment.fingerprint.get(name) for name in _FINGERPRINTS},
    }


def same_versions(recorded: Environment, now: Environment) -> bool:
    """Whether the bytes of a dumped model may be compared: all that writes or fills the dump has the same version."""
    return (recorded.python, recorded.implementation) == (now.python, now.implementation) and all(
        recorded.libraries.get(name) == now.libraries.get(name) for name in _DUMPED_LIBRARIES
    )
