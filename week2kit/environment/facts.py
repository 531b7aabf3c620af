"""The environment as recorded facts: what took effect, and how it computes.

Switches are not recorded but their effects: OpenBLAS caps a thread count and ignores an unknown kernel name without
a word, numpy ignores feature names of another release, so only what is read back afterwards is a fact.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final

from week2kit.privacy import scrub
from week2kit.processes.limits import check_room
from week2kit.record.manifest import Blas, Cpu, Environment, Libm
from week2kit.record.requirements import DECIDING_LIBRARIES, distribution_of, normal_name
from week2kit.thresholds import BLAS_BUFFERS, BLAS_PRODUCT


def record_environment(modules: Sequence[str] = ()) -> Environment:
    """The facts of this process, to be read once scikit-learn and pandas are imported: only then are all loaded.

    Args:
        modules: import names of further modules whose versions count, such as those that the caller allows models
            from; one that no distribution of its name brings is left out.
    """
    import joblib  # scikit-learn has imported it

    # numpy comes with it, which the loop must have prepared for: how its threads wait is read when it is loaded
    from week2kit.environment.probes import fingerprint

    return Environment(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        **of_this_machine(),
        cpus=joblib.cpu_count(),
        jobs=_jobs(),
        libraries=_libraries(modules),
        blas=_blas(),
        openmp_threads=_openmp_threads(),
        simd=_simd(),
        variables=_variables(),
        fingerprint=fingerprint(),
    )


def of_this_machine() -> dict[str, Any]:
    """The facts of the machine, which are those of every process on it, as the fields of `Environment`."""
    return {
        "platform": f"{platform.system()}-{platform.machine()}",
        "cpu": _cpu(),
        "cpus_allowed": _cpus_allowed(),
        "libm": _libm(),
    }


def hold_blas_buffers() -> None:
    """Let each copy of the BLAS take the memory that it works in, which it keeps; errors as of `check_room`."""
    import numpy as np
    from scipy.linalg import blas

    check_room(BLAS_BUFFERS)
    a = np.ones((BLAS_PRODUCT, BLAS_PRODUCT))
    blas.dgemm(1.0, a, a @ a)


# --- libraries --------------------------------------------------------------------------------------------------

_METADATA_DIRECTORY: Final = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info")


def _libraries(modules: Sequence[str]) -> dict[str, str]:
    """Distributions that this process imported, by name, and those that the allowed modules require.

    A process that fits and one that only describes itself import different ones of the latter.

    The versions are taken from the names of the metadata folders: to read the metadata of all that is installed would
    take longer than a small training.
    """
    installed = _installed()
    imported = {name.partition(".")[0] for name in list(sys.modules)} - sys.stdlib_module_names
    names = {distribution_of(name) for name in imported}
    found = {name: version for name, version in installed.items() if name in names}
    required = (name for module in modules for name in required_by(module))
    for name in (*DECIDING_LIBRARIES, "threadpoolctl", *required):
        version = installed.get(name) or _metadata_version(name)
        if version is not None:
            found[name] = version
    found.pop("week2kit", None)  # it stands in `code`
    return dict(sorted(found.items()))


def _installed() -> dict[str, str]:
    found: dict[str, str] = {}
    for directory in dict.fromkeys(sys.path):
        if PurePath(directory).name not in ("site-packages", "dist-packages"):
            continue
        try:
            names = sorted(os.listdir(directory))  # noqa: PTH208 - names are all that is wanted
        except OSError:  # listed in sys.path, but not there
            continue
        for match in filter(None, map(_METADATA_DIRECTORY.fullmatch, names)):
            found.setdefault(normal_name(match["name"]), match["version"])  # the first on the path is the one imported
    return found


def required_by(module: str) -> list[str]:
    """The distribution that brings a module, then those that it requires: what they are may decide its outcome."""
    own = _bringing(module)
    try:
        required = importlib.metadata.requires(own) or []
    except importlib.metadata.PackageNotFoundError:
        required = []
    names = [re.match(r"[A-Za-z0-9._-]+", text) for text in required if "extra ==" not in text]
    return [own, *sorted({normal_name(name[0]) for name in names if name} - {own})]


def _bringing(module: str) -> str:
    """The distribution of an installed module, whatever it is called; that of its name where none is installed."""
    top = module.partition(".")[0]
    own = distribution_of(top)
    origin = _origin(top)
    if own in _installed() or not {"site-packages", "dist-packages"} & set(PurePath(origin).parts):
        return own
    return normal_name(importlib.metadata.packages_distributions().get(top, [own])[0])


def _origin(top: str) -> str:
    """Where a top-level module lies, which is not imported for it; an empty text where it is not found."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module that was made by hand has no place
        return ""
    return "" if spec is None or spec.origin is None else spec.origin


def _metadata_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


# --- processor and threads --------------------------------------------------------------------------------------

#: Features that choose between kernels; the other hundred flags of a processor do not change a number.
_VECTOR_FEATURE: Final = re.compile(r"(?:s?sse|avx|fma|f16c|bmi|amx|asimd|neon|sve|sme[2fi]|fphp|vsx|altivec|vx|rvv).*")


def _cpu() -> Cpu:
    fields = _first_processor()
    model = fields.get("model name") or os.environ.get("PROCESSOR_IDENTIFIER") or platform.machine()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return Cpu(model=scrub(model, 200), features=sorted(filter(_VECTOR_FEATURE.fullmatch, set(flags))))


def _first_processor() -> dict[str, str]:
    """The fields of Linux's description of the first processor; nothing elsewhere."""
    fields: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, colon, value = line.partition(":")
                if not colon:
                    break
                fields[key.strip()] = value.strip()
    except OSError:
        return {}
    return fields


def _jobs() -> int:
    """The jobs of an estimator that says nothing of them, run as the loop does: in threads, whatever a session has."""
    import joblib

    with joblib.parallel_config(backend="threading"):
        return int(joblib.effective_n_jobs(None))


def _cpus_allowed() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _blas() -> list[Blas]:
    from threadpoolctl import threadpool_info

    copies = [
        Blas(
            user=shipped_by(library["filepath"]),
            vendor=library["internal_api"],
            version=library.get("version"),
            architecture=library.get("architecture"),
            threads=library.get("num_threads") or 0,
        )
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]
    # the order in which they are found varies from process to process
    return sorted(copies, key=lambda blas: (blas.user, blas.vendor, str(blas.version), str(blas.architecture)))


def shipped_by(path: str) -> str:
    """The package whose wheel ships a library (``numpy.libs``, ``numpy/.dylibs``), else the library's file name."""
    parts = re.split(r"[\\/]", path)
    for package in ("numpy", "scipy"):
        if package in parts or f"{package}.libs" in parts:
            return package
    return parts[-1]


def _openmp_threads() -> int | None:
    """The OpenMP width as scikit-learn takes it; None where this scikit-learn does not tell."""
    try:
        from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

        return int(_openmp_effective_n_threads())
    except (ImportError, TypeError):
        return None


def _simd() -> list[str]:
    umath = _numpy_core()
    features = getattr(umath, "__cpu_features__", {})
    known = (*getattr(umath, "__cpu_baseline__", ()), *getattr(umath, "__cpu_dispatch__", ()))
    return sorted({name for name in known if features.get(name)})


def _numpy_core() -> Any:
    try:
        return importlib.import_module("numpy._core._multiarray_umath")
    except ImportError:  # before numpy 2
        return importlib.import_module("numpy.core._multiarray_umath")


def _libm() -> Libm:
    if sys.platform == "darwin":
        return Libm(name="libSystem", version=platform.mac_ver()[0] or None)
    if sys.platform == "win32":
        windows = sys.getwindowsversion()
        return Libm(name="ucrt", version=f"{windows.major}.{windows.minor}.{windows.build}")
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, OSError, ValueError):  # not glibc
        name, version = platform.libc_ver()
    return Libm(name=name or "libm", version=version or None)


# --- environment variables --------------------------------------------------------------------------------------

_VARIABLES: Final = frozenset(
    {
        "GLIBC_TUNABLES",
        "GOTO_NUM_THREADS",
        "KMP_DETERMINISTIC_REDUCTION",
        "LANG",
        "LC_ALL",
        "LC_NUMERIC",
        "LD_PRELOAD",
        "PYTHONHASHSEED",
        "TZ",
    }
)
_VARIABLE_PREFIXES: Final = ("BLIS_", "MKL_", "NPY_", "OMP_", "OPENBLAS_", "VECLIB_")


def _variables() -> dict[str, str]:
    chosen = {
        name: value for name, value in os.environ.items() if name in _VARIABLES or name.startswith(_VARIABLE_PREFIXES)
    }
    return {scrub(name, 200): _scrub_list(chosen[name]) for name in sorted(chosen)}


def _scrub_list(value: str) -> str:
    """A value that may be a list of paths: each is scrubbed by itself, or only the first would be seen."""
    # the whole first: a URL is in one piece there
    return os.pathsep.join(scrub(part, 500) for part in scrub(value).split(os.pathsep))
