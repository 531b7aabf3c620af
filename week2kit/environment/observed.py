"""The environment of a person's own script, from what its process said of itself at its end."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from week2kit.environment.facts import of_this_machine, shipped_by
from week2kit.privacy import scrub
from week2kit.record.manifest import Blas, Environment, Torch


def environment_of(facts: Mapping[str, Any] | None, distributions: Mapping[str, str]) -> Environment | None:
    """The environment that a process was in; None where it said nothing. What it says is not taken on trust.

    Args:
        facts: what the hook read in the process when it ended.
        distributions: the versions of the distributions that it imported.
    """
    if facts is None:
        return None
    variables = facts.get("variables")
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
        return Environment(
            python=_text(facts["python"]),
            implementation={"cpython": "CPython", "pypy": "PyPy"}.get(facts["implementation"], facts["implementation"]),
            cpus=None,
            jobs=None,
            libraries=dict(sorted(distributions.items())),
            blas=_blas(facts.get("pools")),
            openmp_threads=_openmp_threads(facts),
            torch=_torch(facts.get("torch")),
            simd=facts.get("simd") or [],
            variables={name: scrub(_text(value), 500) for name, value in (variables or {}).items()},
            fingerprint={},
            **of_this_machine(),
        )
    return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _openmp_threads(facts: Mapping[str, Any]) -> int | None:
    """The OpenMP width as scikit-learn takes it, else that of the widest copy that is loaded: of XGBoost, LightGBM."""
    if (told := facts.get("openmp_threads")) is not None:
        return int(told)
    copies = [pool for pool in facts.get("pools") or [] if pool.get("user_api") == "openmp"]
    return max((pool.get("num_threads") or 0 for pool in copies), default=None)


def _torch(told: Any) -> Torch | None:
    with contextlib.suppress(ValueError):
        return None if told is None else Torch.model_validate(told)
    return None


def _blas(pools: Any) -> list[Blas]:
    copies = [
        Blas(
            user=scrub(shipped_by(_text(pool.get("filepath", "")))),
            vendor=pool["internal_api"],
            version=pool.get("version"),
            architecture=pool.get("architecture"),
            threads=pool.get("num_threads") or 0,
        )
        for pool in pools or []
        if pool.get("user_api") == "blas"
    ]
    return sorted(copies, key=lambda blas: (blas.user, blas.vendor, str(blas.version), str(blas.architecture)))
