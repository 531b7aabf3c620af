"""How it computes here: digests of fixed computations, which tell a difference that has no name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack
from threadpoolctl import threadpool_limits


def fingerprint() -> dict[str, str]:
    """Digests of fixed computations: ``blas``, ``lapack``, ``ufunc`` (numpy), ``libm``.

    Two processes with equal digests use the same kernels, whatever these are called; another CPU class, BLAS or C
    library changes at least one. ``ufunc`` moves with ``libm`` where numpy has no code of its own for a function.
    The number of threads has no effect: it is recorded as a fact of its own.
    """
    with threadpool_limits(1, user_api="blas"), np.errstate(all="ignore"):
        return {
            "blas": _digest(_blas_probe()),
            "lapack": _digest(_lapack_probe()),
            "ufunc": _digest(_ufunc_probe()),
            "libm": _digest([_libm_probe()]),
        }


def _digest(results: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for result in results:
        digest.update(np.ascontiguousarray(result, dtype="<f8").tobytes())
    return digest.hexdigest()


def _blas_probe() -> Iterable[Any]:
    """Sizes below, at and beyond the kernels' block sizes, with remainders, from numpy's copy and from scipy's."""
    for n in (8, 30, 64, 100, 150):
        a, b, x = _matrix(n, n), _matrix(n, n, 1), _matrix(1, n, 2)[0]
        yield from (a @ b, a.T @ a, a @ x, x @ a, x @ x)
        yield from (blas.dgemm(1.0, a, b), blas.dsyrk(1.0, a), blas.dgemv(1.0, a, x))
        yield from (blas.dtrsm(1.0, a + n * np.eye(n), b), blas.ddot(x, x), blas.dnrm2(x))
    tall = _matrix(300, 40)
    yield from (tall.T @ tall, tall @ _matrix(40, 20, 1))


def _lapack_probe() -> Iterable[Any]:
    for n in (8, 20, 40, 60):
        a, b = _matrix(n, n), _matrix(n, 1, 1)
        definite = a @ a.T + np.eye(n)
        yield from (np.linalg.solve(definite, b), np.linalg.svd(a)[1], np.linalg.eigh(definite)[0])
        yield from (lapack.dgesv(definite, b)[2], lapack.dgesdd(a)[1], lapack.dsyevr(definite)[0])
        yield from (lapack.dpotrf(definite)[0], lapack.dgeqrf(a)[0])


def _ufunc_probe() -> Iterable[Any]:
    positive = _numbers(1000) + 0.501
    signed = positive * 4 - 2
    both_signs = (np.exp, np.expm1, np.sin, np.cos, np.tanh, np.sinh, np.arctan, np.cbrt)
    yield from (function(signed) for function in both_signs)
    yield from (function(positive) for function in (np.log, np.log2, np.log10, np.log1p, np.sqrt))
    yield positive**2.7
    single, single_signed = positive.astype(np.float32), signed.astype(np.float32)
    yield from (np.log(single), np.exp(single_signed), np.sin(single_signed), np.tanh(single_signed))
    yield from (signed.sum(), signed.std(), np.cumsum(signed), np.einsum("i,i->", signed, positive))
    yield from (_matrix(50, 20).sum(axis=0), _matrix(50, 20).sum(axis=1))


def _libm_probe() -> list[float]:
    """Enough arguments that a variant with fused multiply-add shows: it differs in one result of some hundreds."""
    positive = [float(value) + 0.5 for value in _numbers(2000)]
    results = [math.pow(value, 2.7) for value in positive]
    for function in _LIBM_FUNCTIONS:
        results += map(function, positive)
    return results


_LIBM_FUNCTIONS: Final[tuple[Callable[[float], float], ...]] = (
    *(math.log, math.log2, math.log1p, math.exp, math.expm1, math.sin, math.cos, math.tan),
    *(math.asin, math.atan, math.sinh, math.cosh, math.tanh, math.erf, math.cbrt),
)


def _matrix(rows: int, columns: int, stream: int = 0) -> NDArray[np.float64]:
    return _numbers(rows * columns, stream).reshape(rows, columns)


def _numbers(count: int, stream: int = 0) -> NDArray[np.float64]:
    """`count` numbers from -0.5 to 0.5: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), in whole numbers.

    Not a generator of numpy's: its stream may change between releases, and this one must stay as it is.
    """
    start = stream * 1_000_003 + 1
    mixed = np.arange(start, start + count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53 - 0.5
