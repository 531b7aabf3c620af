"""The conditions under which a training is done again: recorded facts put back, or varied on purpose.

A value only. Some conditions hold for a process from its start on (`Conditions.variables`), the others are brought
about in the process that trains, by `week2kit.verification.child`. Every switch fails silently, so whoever sets one
reads back what took effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final


@dataclass(frozen=True)
class Conditions:
    """What is to be in force in the process that trains; what is None stays as it is here.

    Attributes:
        kernel: OpenBLAS' kernel set, by the name that OpenBLAS takes.
        simd_off: the CPU features that numpy's dispatch shall not use.
        torch_kernel: the CPU capability of PyTorch's kernels, by the name that PyTorch takes.
        libm: glibc's tunables that choose a variant of its mathematics library; the empty text takes them away.
        blas_threads: threads of each copy of the BLAS, by the package that ships it.
        openmp_threads: the OpenMP width as scikit-learn takes it.
        versions: of Python (under the name "python") and of libraries; the others stay as they are here.
        hash_seed, locale, time_zone, home: values of PYTHONHASHSEED, LC_ALL, TZ and HOME.
        elsewhere: train in an empty working directory.
        umask: the file mode mask.
        jobs: ``n_jobs`` of every estimator that takes one.
        cpus: the number of CPUs that a negative ``n_jobs`` counts from.
        default_jobs: the jobs of estimators that say nothing of them.
        other_text: give the same table in another text form.
        variables_as: environment variables of a command as they are recorded; None: it was not set.
    """

    kernel: str | None = None
    simd_off: tuple[str, ...] | None = None
    torch_kernel: str | None = None
    libm: str | None = None
    blas_threads: tuple[tuple[str, int], ...] | None = None
    openmp_threads: int | None = None
    versions: tuple[tuple[str, str], ...] | None = None
    hash_seed: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    home: str | None = None
    elsewhere: bool | None = None
    umask: int | None = None
    jobs: int | None = None
    cpus: int | None = None
    default_jobs: int | None = None
    other_text: bool | None = None
    variables_as: tuple[tuple[str, str | None], ...] | None = None

    def __or__(self, other: Conditions) -> Conditions:
        """Both; where both say something, `other` holds. Versions and variables are added up."""
        versions = tuple(sorted({**dict(self.versions or ()), **dict(other.versions or ())}.items())) or None
        variables = {**dict(self.variables_as or ()), **dict(other.variables_as or ())}
        added = {"versions": versions, "variables_as": tuple(sorted(variables.items())) or None}
        return Conditions(**{**self._given(), **other._given(), **added})

    def _given(self) -> dict[str, Any]:
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}

    def variables(self) -> Mapping[str, str]:
        """The environment variables that a process must have from its start on."""
        found = {
            "OPENBLAS_CORETYPE": self.kernel,
            "ATEN_CPU_CAPABILITY": self.torch_kernel,
            "NPY_DISABLE_CPU_FEATURES": None if self.simd_off is None else " ".join(self.simd_off),
            "GLIBC_TUNABLES": self.libm,
            # later it would reach the thread that sets it only, not those that joblib starts
            "OMP_NUM_THREADS": None if self.openmp_threads is None else str(self.openmp_threads),
            "PYTHONHASHSEED": self.hash_seed,
            "LC_ALL": self.locale,
        }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def need_a_process(self) -> bool:
        """Whether a process must be started for them; a fork of one that runs already will not do."""
        return self.versions is not None or bool(self.variables())


AS_HERE: Final = Conditions()
