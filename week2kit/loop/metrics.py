"""Metrics: scikit-learn's scorers on predictions that are already there; label metrics from one confusion matrix.

A scorer asks an estimator for predictions. Here it asks a `_Replay`, which gives back recorded ones: so the values are
scikit-learn's own, and the same function serves the model, the dummy, the training rows and a stored predictions.csv.
Class labels are whole numbers by then, the positive class of a binary task being 1.
"""

from __future__ import annotations

import difflib
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import classification_report, get_scorer, get_scorer_names
from sklearn.utils.metaestimators import available_if

from week2kit.canonical import clean, label_text
from week2kit.errors import StageError
from week2kit.loop.predictions import Answers, Labels


def _recorded(method: str) -> Any:
    """A check for `available_if`: scorers look for the methods that a model has, and take the first they like."""
    return lambda replay: replay.answers.method == method


class _Replay(BaseEstimator):  # type: ignore[misc]
    """An estimator that is fitted by being made and answers with what it was given; ``X`` only counts rows."""

    def __init__(self, answers: Answers, classes: int) -> None:
        self.answers = answers
        self.classes_ = np.arange(classes)

    def fit(self, X: Any, y: Any) -> _Replay:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> Any:
        return self.answers.labels

    @available_if(_recorded("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        return self.answers.scores

    @available_if(_recorded("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        return self.answers.scores


class _ReplayClassifier(ClassifierMixin, _Replay):  # type: ignore[misc]
    """Replayed class codes and scores."""


class _ReplayRegressor(RegressorMixin, _Replay):  # type: ignore[misc]
    """Replayed numbers."""


class Scorer:
    """One metric for one task: evaluates recorded answers.

    Args:
        name: a scikit-learn scorer's name, without ``neg_``.
        classes: the number of classes; 0 for regression.
        positive: the code of the positive class of a binary task.
        method: what the model's scores are, or None where it has none.

    Raises:
        StageError: there is no such metric, or this model and target cannot give it.
    """

    def __init__(self, name: str, classes: int, positive: int, method: str | None) -> None:
        self.name = name
        self._classes = classes
        self._flip = classes == 2 and positive == 0
        self._loud, self.greater_is_better = _find(name)
        self._scorer = _quietly(self._loud)
        self.of_labels = classes > 0 and self._why_not(None, of_cells=True) is None
        reason = None if self.of_labels else self._why_not(method, of_cells=False)
        if reason is None and self._takes_fractions() == (classes > 0):
            reason = "it measures " + ("numbers, not classes" if classes else "classes, not numbers")
        if reason is not None:
            raise StageError(
                f"metrics: {name} cannot be computed for this model and target: {reason}",
                "Choose a metric for this task, such as "
                + ("accuracy or f1_macro." if classes else "r2 or root_mean_squared_error."),
            )

    def __call__(self, y_true: np.ndarray[Any, Any], answers: Answers) -> float:
        """The metric of `answers` against the true class codes (regression: values), shape (rows,).

        Raises:
            StageError: the value is not a finite number, or scikit-learn refuses to compute one.
        """
        try:
            value = self._of_cells(y_true, answers.labels) if self.of_labels else self._of_rows(y_true, answers)
        except ValueError as error:
            raise StageError(f"The metric {self.name} cannot be computed: {clean(str(error))}.") from None
        if not math.isfinite(value):
            raise StageError(
                f"The metric {self.name} is not a finite number on {len(y_true)} rows ({value}).",
                "A class or value may be missing on one side: use more rows, stratify, or choose another metric.",
            )
        return value

    def _of_rows(self, y_true: np.ndarray[Any, Any], answers: Answers) -> float:
        labels, scores = answers.labels, answers.scores
        if self._flip:
            y_true, labels = 1 - y_true, 1 - labels
            if scores is not None:
                scores = scores[:, ::-1] if scores.ndim == 2 else -scores
        kind = _ReplayClassifier if self._classes else _ReplayRegressor
        replay = kind(Answers(labels, scores, answers.method), self._classes)
        return self._signed(self._scorer(replay, np.empty((len(y_true), 0)), y_true))

    def _of_cells(self, y_true: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> float:
        """The value from the confusion matrix: each non-empty cell is one row, weighted by its count."""
        true, predicted, counts = cells(y_true, labels, self._classes)
        if self._flip:
            true, predicted = 1 - true, 1 - predicted
        replay = _ReplayClassifier(Answers(predicted, None, None), self._classes)
        return self._signed(self._scorer(replay, np.empty((len(true), 0)), true, sample_weight=counts))

    def _signed(self, value: Any) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(value) if self.greater_is_better else 0.0 - float(value)

    def _why_not(self, method: str | None, *, of_cells: bool) -> str | None:
        """Why the scorer cannot evaluate a small example with these scores, or None where it can."""
        if self._classes == 0:
            values = np.arange(9) + 0.5  # some metrics take positive numbers only
            return self._refusal(values, Answers(values, values, "predict"), of_cells=False)
        y = np.tile(np.arange(self._classes), 3)
        scores: np.ndarray[Any, Any] | None = None
        if method == "predict_proba":
            scores = np.eye(self._classes)[y] * 0.5 + 0.5 / self._classes
        elif method == "decision_function":
            scores = y - 0.5 if self._classes == 2 else np.eye(self._classes)[y]
        return self._refusal(y, Answers(y, scores, method), of_cells=of_cells)  # type: ignore[arg-type]

    def _refusal(self, y: np.ndarray[Any, Any], answers: Answers, *, of_cells: bool) -> str | None:
        try:
            if of_cells:
                self._of_cells(y, answers.labels)
            else:
                self._of_rows(y, answers)
        except Exception as error:
            return clean(str(error)).replace("_ReplayClassifier", "the model")
        return None

    def _takes_fractions(self) -> bool:
        """Whether the metric is one of numbers: those of classes and clusters refuse fractions, or warn of them."""
        values = np.arange(9) + 0.5
        replay = _ReplayRegressor(Answers(values, values, "predict"), 0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self._loud(replay, np.empty((9, 0)), values)
        except Exception:
            return False
        return True


def _find(name: str) -> tuple[Any, bool]:
    known = get_scorer_names()
    for full in (name, f"neg_{name}"):
        if full in known:
            scorer = get_scorer(full)
            return scorer, scorer._sign > 0  # not by the name: max_error is a negated one before scikit-learn 1.6
    plain = sorted(other.removeprefix("neg_") for other in known)
    close = difflib.get_close_matches(name, plain, n=1)
    raise StageError(
        f'metrics: there is no metric "{clean(name)}".',
        f'Did you mean "{close[0]}"?' if close else "Use the names of scikit-learn's scorers.",
    )


def _quietly(scorer: Any) -> Any:
    """The scorer without its warnings: a class without predictions counts as 0, and a dummy has many of those."""

    def call(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return scorer(*args, **kwargs)

    return call


def cells(
    y_true: np.ndarray[Any, Any], y_pred: np.ndarray[Any, Any], classes: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The non-empty cells of the confusion matrix: true codes, predicted codes, counts as float64."""
    counts = np.bincount(y_true * classes + y_pred, minlength=classes * classes)
    filled = np.flatnonzero(counts)
    return filled // classes, filled % classes, counts[filled].astype(np.float64)


def mean(values: Sequence[float]) -> float:
    """The mean by ``math.fsum``: the exact sum, rounded once, and the same on every Python and processor.

    ``sum`` rounds otherwise from Python 3.12 on, and ``numpy.mean`` by the length of the list: it may differ in the
    last bit.

    Raises:
        StageError: the sum is beyond the largest number.
    """
    with _no_overflow():
        return math.fsum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    """The population standard deviation, as ``numpy.std`` has it by default, up to the last bit."""
    center = mean(values)
    with _no_overflow():
        return math.sqrt(math.fsum((value - center) ** 2 for value in values) / len(values))


def summary(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Mean and deviation over the folds in which a metric is defined; none where it is in none."""
    defined = [value for value in values if value is not None]
    return (mean(defined), deviation(defined)) if defined else (None, None)


@contextmanager
def _no_overflow() -> Iterator[None]:
    try:
        yield
    except OverflowError:
        raise StageError(
            "The errors are so large that they cannot be squared and added up.",
            "Give the target in another unit, so that its values are smaller.",
        ) from None


# --- the report -------------------------------------------------------------------------------------------------


def report_text(y_true: np.ndarray[Any, Any], y_pred: np.ndarray[Any, Any], classes: Labels | None) -> str:
    """val_report.txt: scikit-learn's classification report; for regression a table of the errors."""
    return _error_table(y_true, y_pred) if classes is None else _classification_report(y_true, y_pred, classes)


def _classification_report(y_true: np.ndarray[Any, Any], y_pred: np.ndarray[Any, Any], classes: Labels) -> str:
    true, predicted, counts = cells(y_true, y_pred, len(classes))
    present = np.union1d(true, predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text: str = classification_report(
            true,
            predicted,
            labels=present,
            target_names=[label_text(classes[code]) for code in present],
            sample_weight=counts,
        )
    if not (true == predicted).any():
        return text  # scikit-learn itself writes the counts as floats where no row is right
    # weighted counts are floats; they are whole numbers here, and are written as such
    return re.sub(r"(?<=\d\.\d\d) +(\d+)\.0$", lambda match: f" {match[1]:>9}", text, flags=re.MULTILINE)


def _error_table(y_true: np.ndarray[Any, Any], y_pred: np.ndarray[Any, Any]) -> str:
    errors = y_pred - y_true
    with np.errstate(over="ignore"):
        squares = (errors * errors).tolist()
    sizes = np.sort(np.abs(errors))
    count = len(sizes)

    def quantile(share: float) -> float:
        return float(sizes[min(count - 1, math.ceil(share * count) - 1)])

    rows = [
        ("mean error (predicted - true)", mean(errors.tolist())),
        ("mean absolute error", mean(sizes.tolist())),
        ("root mean squared error", math.sqrt(mean(squares))),
        ("median absolute error", quantile(0.5)),
        ("90 % of absolute errors up to", quantile(0.9)),
        ("largest absolute error", float(sizes[-1])),
        ("smallest true value", float(y_true.min())),
        ("largest true value", float(y_true.max())),
    ]
    lines = [f"{name:<32}{value:>16.6g}" for name, value in rows]
    return "\n".join([f"{'rows':<32}{count:>16}", *lines, ""])
