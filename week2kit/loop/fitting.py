"""Fitting a pipeline: what was said meanwhile, the bytes of what came out, and the errors of libraries as ours."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from week2kit.canonical import clean
from week2kit.errors import LibraryError, StageError, Terminated, message_without, refused
from week2kit.loop.estimators import message_of
from week2kit.loop.inside import steady_threads
from week2kit.privacy import scrub


@contextmanager
def library_errors() -> Iterator[None]:
    """Turn what an estimator raises into our error, once, where it enters; out of memory stays what it is.

    SystemExit is an error, too: a fit that leaves the process has not fitted anything.
    """
    try:
        yield
    except (StageError, MemoryError, KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            raise MemoryError(message_of(error)) from error
        name, message = type(error).__name__, message_of(error)
        if refused(error) == errno.EAGAIN:  # a thread; joblib's tidying up raises another after it
            name = "ThreadLimit"
            message = message_without(name)
        raise LibraryError(name, message or name) from error


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline, and what was said while it was fitted: (category, message), each once, sorted."""

    pipeline: Pipeline
    said: tuple[tuple[str, str], ...]

    @property
    def n_iter(self) -> list[int] | None:
        """Iterations of the last step's solver, or None where it does not tell."""
        try:
            found = getattr(self.pipeline.steps[-1][1], "n_iter_", None)
            return None if found is None else [int(value) for value in np.atleast_1d(np.asarray(found)).ravel()]
        except Exception:  # of another library: what it calls so need be no number
            return None

    @property
    def not_converged(self) -> bool:
        """Whether scikit-learn warned that a solver stopped before it had converged."""
        return any(category == "ConvergenceWarning" for category, _ in self.said)

    @property
    def converged(self) -> bool | None:
        """False where scikit-learn warned, None where nothing iterates."""
        return False if self.not_converged else None if self.n_iter is None else True


@library_errors()
def fit(pipeline: Pipeline, X: Any, y: np.ndarray[Any, Any], weights: np.ndarray[Any, Any] | None = None) -> Fitted:
    """Fit a clone of `pipeline`, keeping its warnings, whatever the filters of the caller make of them.

    `weights` (a float64 for each row, or None) go to the last step.

    Raises:
        LibraryError: scikit-learn refuses the data or the parameters.
    """
    model = clone(pipeline)
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        warnings.simplefilter("always")
        with steady_threads(model):
            model.fit(X, y, **({} if weights is None else {f"{model.steps[-1][0]}__sample_weight": weights}))
    said = {(w.category.__name__, clean(scrub(str(w.message)))) for w in caught if issubclass(w.category, UserWarning)}
    return Fitted(model, tuple(sorted(said)))


@library_errors()
def dump(model: BaseEstimator) -> bytes:
    """The bytes of ``joblib.dump(model)``, uncompressed.

    Raises:
        LibraryError: it holds what cannot be saved, such as a function that was made in the fit.
    """
    buffer = BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()
