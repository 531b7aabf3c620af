"""Factors of the environment, by the names that people give them, and their values in short."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from week2kit.canonical import clean
from week2kit.sentences.statement import shown

FACTORS: Final[Mapping[str, str]] = {
    "blas.kernel": "CPU kernels of the BLAS",
    "blas.threads": "threads of the BLAS",
    "blas.vendor": "vendor of the BLAS",
    "blas.version": "version of the BLAS",
    "cpu": "CPU model",
    "cpus": "number of CPUs",
    "jobs": "jobs where n_jobs is not given",
    "libm": "C mathematics library",
    "openmp.threads": "OpenMP threads",
    "simd": "CPU features used by numpy",
    "threads": "numbers of threads",
    "torch.kernel": "CPU kernels of PyTorch",
    "torch.threads": "threads of PyTorch",
}


def factor_name(factor: str) -> str:
    """A factor by the name that people give it, and by the one that the verdict has."""
    name = clean(factor, 80)
    return f"{FACTORS[name]} ({name})" if name in FACTORS else name


def factor_names(factors: object) -> str:
    """Several factors, by the names that people give them."""
    names = factors if isinstance(factors, list | tuple) else []
    return ", ".join(dict.fromkeys(FACTORS.get(str(name), clean(str(name), 80)) for name in names)) or "nothing"


def needs(features: object) -> str:
    """The class of processors that has a feature, where it is one of the usual names, else the features."""
    names = [str(name) for name in features] if isinstance(features, list | tuple) else []
    for cpu_class, prefixes in (("AVX-512", ("avx512", "x86_v4")), ("AVX2", ("avx2", "fma", "x86_v3"))):
        if any(name.lower().startswith(prefixes) for name in names):
            return f"{cpu_class} ({shown(names)})"
    return shown(names)


def short_value(value: object) -> str:
    """A recorded value in short; one text where all copies of a library have the same."""
    if isinstance(value, Mapping) and value and len({str(item) for item in value.values()}) == 1:
        value = next(iter(value.values()))
    text = shown(value)
    return f"{text[:12]}…" if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) else text
