"""Metrics: scikit-learn's scorers on predictions that are already there; label metrics from one confusion matrix.

A scorer asks an estimator for predictions. Here it asks a `_Replay`, which gives back recorded ones: so the values are
scikit-learn's own, and the same function serves the model, the dummy, the training rows and a stored predictions.csv.
Class labels are whole numbers by then, the positive class of a binary task being 1.

A metric that the true rows do not define has no value: `Undefined` says why. What the model does not predict is another
matter: there the value is scikit-learn's, and what it warns of is kept.
"""

from __future__ import annotations

import copy
import inspect
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import classification_report, get_scorer, get_scorer_names
from sklearn.utils.metaestimators import available_if

from week2kit.canonical import clean, label_text
from week2kit.errors import StageError
from week2kit.loop.data import Labels
from week2kit.loop.defined import ABOVE, NEEDS, Undefined
from week2kit.loop.names import metric_called, nearest_metric
from week2kit.loop.predictions import Answers
from week2kit.record.manifest import OF_POSITIVE
from week2kit.refusals import refusal

#: Metrics whose mean over folds of one row each is that over all rows.
_MEANS_OF_ROWS: Final = frozenset(
    {
        *("accuracy", "top_k_accuracy", "f1_micro", "precision_micro", "recall_micro", "recall_weighted"),
        *("log_loss", "brier_score", "mean_absolute_error", "mean_squared_error", "mean_squared_log_error"),
        *("mean_absolute_percentage_error", "mean_poisson_deviance", "mean_gamma_deviance"),
    }
)

# --- scorers ----------------------------------------------------------------------------------------------------


def _recorded(method: str) -> Any:
    """A check for `available_if`: scorers look for the methods that a model has, and take the first they like."""
    return lambda replay: method in replay.answers.methods


class _Replay(BaseEstimator):  # type: ignore[misc]
    """An estimator that is fitted by being made and answers with what it was given; ``X`` only counts rows."""

    def __init__(self, answers: Answers, classes: int) -> None:
        self.answers = answers
        self.classes_ = np.arange(classes)
        self.asked: set[str] = set()

    def fit(self, X: Any, y: Any) -> _Replay:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> Any:
        return self.answers.labels

    @available_if(_recorded("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        self.asked.add("predict_proba")
        return self.answers.scores

    @available_if(_recorded("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        self.asked.add("decision_function")
        return self.answers.scores if self.answers.method == "decision_function" else self.answers.decision


class _ReplayClassifier(ClassifierMixin, _Replay):  # type: ignore[misc]
    """Replayed class codes and scores."""


class _ReplayRegressor(RegressorMixin, _Replay):  # type: ignore[misc]
    """Replayed numbers."""


class Score(NamedTuple):
    """What a metric gives on some rows: its value, or why it has none; and what scikit-learn warned of."""

    value: float | None
    undefined: Undefined | None = None
    warned: tuple[str, ...] = ()


class Scorer:
    """One metric for one task: evaluates recorded answers.

    Args:
        name: a scikit-learn scorer's name, without ``neg_``.
        classes: the number of classes; 0 for regression.
        positive: the code of the positive class of a binary task.
        method: what the model's scores are, or None where it has none.
        decision: whether a model that gives probabilities has a decision function besides.
        labels: the classes, for messages; without them they are their codes.
        earlier: whether to evaluate as week2kit did before schema 4: from probabilities wherever there are some, and
            with what scikit-learn gives in place of a value that is not defined. See `week2kit.record.earlier`.

    Raises:
        StageError: there is no such metric, or this model and target cannot give it.
    """

    def __init__(
        self,
        name: str,
        classes: int,
        positive: int,
        method: str | None,
        *,
        decision: bool = False,
        labels: Labels | None = None,
        earlier: bool = False,
    ) -> None:
        self.name = name
        self.earlier = earlier
        #: Whether it is that of one of two classes.
        self.of_positive = classes == 2 and name in OF_POSITIVE
        #: Whether it asks for the decision function of a model that gives probabilities, too.
        self.takes_decision = False
        self._classes, self._labels = classes, labels
        self._wanted = (positive,) if self.of_positive else tuple(range(classes))
        self._flip = classes == 2 and positive == 0
        self._scorer, self.greater_is_better = _find(name, classes)
        example = _example(classes, method, decision=decision)
        self.of_labels = classes > 0 and self._why_not(*example, of_cells=True) is None
        reason = None if self.of_labels else self._why_not(*example, of_cells=False)
        if reason is None and self._takes_fractions() == (classes > 0):
            reason = "it measures " + ("numbers, not classes" if classes else "classes, not numbers")
        if reason is not None:
            raise refusal("metric.unfit", name=name, why=reason, instead=_instead(name, classes))

    @property
    def is_mean_of_rows(self) -> bool:
        """Whether its mean over folds of one row each is the metric over all rows."""
        return self.name in _MEANS_OF_ROWS

    @property
    def divides(self) -> bool:
        """Whether scikit-learn puts a number in the place of a division by zero that stands for the best."""
        return self.name in ("positive_likelihood_ratio", "negative_likelihood_ratio")

    def __call__(self, y_true: np.ndarray[Any, Any], answers: Answers) -> float | None:
        """The value of `measure`."""
        return self.measure(y_true, answers).value

    def measure(self, y_true: np.ndarray[Any, Any], answers: Answers) -> Score:
        """The metric of `answers` against the true class codes (regression: values), shape (rows,).

        Raises:
            StageError: the value is not a finite number although the rows define it, or scikit-learn refuses to
                compute one.
        """
        need = None if self.earlier else NEEDS.get(self.name)
        if need is not None and (undefined := need(y_true, self._wanted)) is not None:
            return Score(None, undefined)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                value = self._of_cells(y_true, answers.labels) if self.of_labels else self._of_rows(y_true, answers)[0]
        except (ValueError, AttributeError) as error:
            raise self._failed(error, y_true, answers) from None
        said = {str(one.message) for one in caught if issubclass(one.category, _TOLD)}
        warned = tuple(sorted(message for message in said if not message.startswith(_NOT_OF_VALUES)))
        if math.isnan(value) and self._classes and not self.earlier:  # it depends on what is predicted, too
            return Score(None, Undefined("not_a_number"), warned)
        if not math.isfinite(value):
            raise refusal("metric.not_finite", name=self.name, rows=len(y_true), value=value)
        return Score(value, None, warned)

    def _failed(self, error: Exception, y_true: np.ndarray[Any, Any], answers: Answers) -> StageError:
        """That scikit-learn refuses to compute a value; of a metric with a logarithm, whose numbers are to blame."""
        why, instead = self._readable(error), _instead(self.name, self._classes)
        limit = ABOVE.get(self.name)
        if limit is None or self._classes:
            return refusal("metric.failed", name=self.name, why=why, instead=instead)
        least, lowest = float(y_true.min()), float(np.min(answers.labels))
        of_targets = least < limit or (least == limit and lowest > limit)
        return refusal(
            "metric.of_negative_targets" if of_targets else "metric.of_negative_predictions",
            name=self.name,
            why=why,
            instead=instead,
            least=f"{least:.4g}",
            lowest=f"{lowest:.4g}",
        )

    def _ask(self, scorer: Any, y_true: np.ndarray[Any, Any], answers: Answers, **more: Any) -> tuple[float, set[str]]:
        """The value by a scorer of scikit-learn, and which scores it asked for."""
        labels, scores, decision = answers.labels, answers.scores, answers.decision
        if self._flip:
            y_true, labels = 1 - y_true, 1 - labels
            scores, decision = _flipped(scores), _flipped(decision)
        kind = _ReplayClassifier if self._classes else _ReplayRegressor
        replay = kind(Answers(labels, scores, answers.method, None if self.earlier else decision), self._classes)
        value = float(scorer(replay, np.empty((len(y_true), 0)), y_true, **more))
        return value if self.greater_is_better else 0.0 - value, replay.asked

    def _of_rows(self, y_true: np.ndarray[Any, Any], answers: Answers) -> tuple[float, set[str]]:
        """The value from every row, and which scores were asked for."""
        return self._ask(self._for(y_true), y_true, answers)

    def _for(self, y_true: np.ndarray[Any, Any]) -> Any:
        """The scorer; one that is told all classes where the rows lack one and it would take the rest for all."""
        if self.earlier or not self._classes or len(np.unique(y_true)) == self._classes:
            return self._scorer
        if "labels" not in inspect.signature(self._scorer._score_func).parameters:
            return self._scorer
        scorer = copy.copy(self._scorer)
        scorer._kwargs = {**self._scorer._kwargs, "labels": list(range(self._classes))}
        return scorer

    def _of_cells(self, y_true: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> float:
        """The value from the confusion matrix: each non-empty cell is one row, weighted by its count.

        Counts are whole numbers, and every label metric of scikit-learn computes from their sums: the same bits.
        """
        true, predicted, counts = cells(y_true, labels, self._classes)
        return self._ask(self._scorer, true, Answers(predicted, None, None), sample_weight=counts)[0]

    def _why_not(self, y: np.ndarray[Any, Any], answers: Answers, *, of_cells: bool) -> str | None:
        """Why the scorer cannot evaluate an example, or None where it can."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if of_cells:
                    self._of_cells(y, answers.labels)
                else:
                    self.takes_decision = "decision_function" in self._of_rows(y, answers)[1]
        except Exception as error:
            return self._readable(error)
        return None

    def _readable(self, error: Exception) -> str:
        """What scikit-learn says, of the model and of labels where it speaks of the replay and of codes."""
        text = clean(str(error)).replace("_ReplayClassifier", "the model")
        if self._labels is None or self.earlier:
            return text
        codes = {str(code): label_text(label) for code, label in enumerate(self._labels)}

        def named(match: re.Match[str]) -> str:
            found = match[1].replace(",", " ").split()
            return f"[{', '.join(codes[code] for code in found)}]" if codes.keys() >= {*found} else match[0]

        return clean(re.sub(r"\[(\d+(?:[ ,]+\d+)*)\]", named, text))

    def _takes_fractions(self) -> bool:
        """Whether the metric is one of numbers: those of classes and clusters refuse fractions, or warn of them."""
        values, answers = _example(0, "predict")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self._scorer(_ReplayRegressor(answers, 0), np.empty((9, 0)), values)
        except Exception:
            return False
        return True


#: Of scikit-learn's warnings, those that are about the value; the others are about its own interfaces.
_TOLD: Final = (UserWarning, RuntimeWarning)
#: The shape of a table that the scorer itself looks at, and that no value depends on.
_NOT_OF_VALUES: Final = ("A single label was found in",)


def _example(classes: int, method: str | None, *, decision: bool = False) -> tuple[np.ndarray[Any, Any], Answers]:
    """A few rows that are all predicted right, with such scores; some metrics take positive numbers only."""
    if classes == 0:
        values = np.arange(9) + 0.5
        return values, Answers(values, values, "predict")
    y = np.tile(np.arange(classes), 3)
    decided = y - 0.5 if classes == 2 else np.eye(classes)[y]
    likely = np.eye(classes)[y] * 0.5 + 0.5 / classes
    scores = {"predict_proba": likely, "decision_function": decided}.get(method or "")
    besides = decided if decision and method == "predict_proba" else None
    return y, Answers(y, scores, method, besides)  # type: ignore[arg-type]


def _flipped(scores: np.ndarray[Any, Any] | None) -> np.ndarray[Any, Any] | None:
    """The scores of two classes that have changed places."""
    return None if scores is None else scores[:, ::-1] if scores.ndim == 2 else -scores


def _instead(name: str, classes: int) -> str:
    """Metrics to try in place of one that the target or the model cannot give."""
    if not classes:
        return "r2 or root_mean_squared_error"
    if classes > 2 and name == "roc_auc":
        return "roc_auc_ovr"
    if classes > 2 and name in ("f1", "precision", "recall", "jaccard"):
        return f"{name}_macro"
    return "accuracy or f1_macro"


def _find(name: str, classes: int) -> tuple[Any, bool]:
    known = get_scorer_names()
    for full in (name, f"neg_{name}"):
        if full in known:
            scorer = get_scorer(full)
            return scorer, scorer._sign > 0  # not by the name: max_error is a negated one before scikit-learn 1.6
    plain = sorted(other.removeprefix("neg_") for other in known)
    if called := metric_called(name, plain, classes):
        raise refusal("metric.other_name", name=name, called=called)
    close = nearest_metric(name, plain)
    raise refusal("metric.misspelt" if close else "metric.unknown", name=name, close=close)


def cells(
    y_true: np.ndarray[Any, Any], y_pred: np.ndarray[Any, Any], classes: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The non-empty cells of the confusion matrix: true codes, predicted codes, counts as float64."""
    counts = np.bincount(y_true * classes + y_pred, minlength=classes * classes)
    filled = np.flatnonzero(counts)
    return filled // classes, filled % classes, counts[filled].astype(np.float64)


@contextmanager
def _no_overflow() -> Iterator[None]:
    try:
        yield
    except OverflowError:
        raise refusal("metric.overflow") from None


@_no_overflow()
def mean(values: Sequence[float]) -> float:
    """The mean by ``math.fsum``: the exact sum, rounded once, and the same on every Python and processor.

    ``sum`` rounds otherwise from Python 3.12 on, and ``numpy.mean`` by the length of the list: it may differ in the
    last bit.

    Raises:
        StageError: the sum is beyond the largest number.
    """
    return math.fsum(values) / len(values)


@_no_overflow()
def deviation(values: Sequence[float]) -> float:
    """The population standard deviation, as ``numpy.std`` has it by default, up to the last bit."""
    center = mean(values)
    return math.sqrt(math.fsum((value - center) ** 2 for value in values) / len(values))


def summary(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Mean and deviation over the folds in which a metric is defined; none where it is in none."""
    defined = [value for value in values if value is not None]
    return (mean(defined), deviation(defined)) if defined else (None, None)


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
