"""Metrics of weighted rows: scikit-learn's values for many sets of weights at a time, each row standing for several.

Label metrics follow from the weights of the cells of the confusion table, losses from weighted means over rows, and
ranks from weights in the order of the scores. Sums of whole numbers are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

    #: From weights of shape (sets, rows) to one value per set.
    Measure = Callable[[Floats], Floats]

    #: The same for several metrics at a time, from what they share.
    Measures = Callable[[Floats], list[Floats]]

Kind = Literal["counts", "losses", "ranks"]


class Rows(NamedTuple):
    """What one run predicted on the validation rows.

    `true` and `predicted` are class codes (int64; regression: float64 values), shape (n,). `scores` are float64 of
    shape (n, classes), or (n,) for a binary decision function; None where there are none. `classes` is 0 for
    regression; `positive` is the code of the positive class of a binary task, and says nothing in others. `decision` is
    the decision function beside probabilities, of which ranks are then taken.
    """

    true: NDArray[Any]
    predicted: NDArray[Any]
    scores: Floats | None
    method: Literal["predict_proba", "decision_function", "predict"] | None
    classes: int
    positive: int = 1
    decision: Floats | None = None


def weighted_metrics(names: Sequence[str], run: Rows) -> Callable[[Floats], Floats]:
    """A function from weights of shape (sets, n) to the metrics of each set, shape (metrics, sets).

    A metric that these rows cannot give, or that has no value for a set, is nan. Weights are whole numbers, and the
    same in total for each set.
    """
    parts: list[tuple[list[int], Measures]] = []
    for kind, prepare in _PREPARE.items():
        positions = [at for at, name in enumerate(names) if KINDS[name] == kind and _suits(name, run)]
        if positions:
            parts.append((positions, prepare(run, [names[at] for at in positions])))

    def measure(weights: Floats) -> Floats:
        values = np.full((len(names), len(weights)), np.nan)
        with np.errstate(all="ignore"):  # what has no value becomes nan
            for positions, part in parts:
                values[positions] = part(weights)
        return values

    return measure


def _suits(name: str, run: Rows) -> bool:
    """Whether these rows can give the metric: the right task, and the scores that it needs."""
    if name in _BINARY:
        return run.classes == 2 and (KINDS[name] == "counts" or run.scores is not None)
    if name in _OF_PROBABILITIES:
        return run.classes > 1 and run.method == "predict_proba" and run.scores is not None
    return (KINDS[name] == "counts") == (run.classes > 0)


class _Groups:
    """Rows (or cells) by key: the order that sorts them, the keys that occur, and the sums of weights for each."""

    def __init__(self, keys: Whole) -> None:
        self.order = np.argsort(keys, kind="stable")
        ordered = keys[self.order]
        self._starts = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
        self.keys = ordered[self._starts]

    def sums(self, weights: Floats) -> Floats:
        """Shape (sets, keys)."""
        return self.sums_of_ordered(np.take(weights, self.order, axis=1))

    def sums_of_ordered(self, weights: Floats) -> Floats:
        """The same for weights that are in `order` already."""
        return weights if len(self.keys) == len(self.order) else np.add.reduceat(weights, self._starts, axis=1)

    def table(self, weights: Floats, size: int) -> Floats:
        """Shape (sets, size): the sums at their keys, and 0 at those that do not occur."""
        table = np.zeros((len(weights), size))
        table[:, self.keys] = self.sums(weights)
        return table


# --- labels -----------------------------------------------------------------------------------------------------


class _Counts(NamedTuple):
    """The weights of rows by class, each of shape (sets, classes): of this true class, predicted as it, and both."""

    true: Floats
    predicted: Floats
    hits: Floats
    positive: int


def _label_metrics(run: Rows, names: Sequence[str]) -> Measures:
    cells = _Groups(run.true * run.classes + run.predicted)
    true, predicted = cells.keys // run.classes, cells.keys % run.classes
    by_true, by_predicted, diagonal = _Groups(true), _Groups(predicted), np.flatnonzero(true == predicted)

    def measure(weights: Floats) -> list[Floats]:
        sums = cells.sums(weights)
        hits = np.zeros((len(weights), run.classes))
        hits[:, true[diagonal]] = sums[:, diagonal]
        counts = _Counts(by_true.table(sums, run.classes), by_predicted.table(sums, run.classes), hits, run.positive)
        return [_COUNTS[name](counts) for name in names]

    return measure


def _share(part: Floats, whole: Floats) -> Floats:
    """The ratio, and 0 where the whole is 0, as scikit-learn's scorers have it."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


def _mean_where(values: Floats, where: NDArray[np.bool_]) -> Floats:
    return np.asarray(np.where(where, values, 0.0).sum(axis=1) / where.sum(axis=1))


def _accuracy(counts: _Counts) -> Floats:
    return _share(counts.hits.sum(axis=1), counts.true.sum(axis=1))


def _balanced_accuracy(counts: _Counts) -> Floats:
    return _mean_where(_share(counts.hits, counts.true), counts.true > 0)


def _matthews_corrcoef(counts: _Counts) -> Floats:
    true, predicted = counts.true, counts.predicted
    rows = true.sum(axis=1)
    together = counts.hits.sum(axis=1) * rows - (true * predicted).sum(axis=1)
    apart = (rows**2 - (true**2).sum(axis=1)) * (rows**2 - (predicted**2).sum(axis=1))
    one_class = (true > 0).sum(axis=1) < 2
    return np.where(one_class, np.nan, _share(together, np.sqrt(apart)))


#: A part of a whole, from the rows of a class, those predicted as it, and those that are both.
_Ratio = Callable[["Floats", "Floats", "Floats"], tuple["Floats", "Floats"]]

_RATIOS: Final[Mapping[str, _Ratio]] = {
    "f1": lambda true, predicted, hits: (2 * hits, true + predicted),
    "precision": lambda true, predicted, hits: (hits, predicted),
    "recall": lambda true, predicted, hits: (hits, true),
    "jaccard": lambda true, predicted, hits: (hits, true + predicted - hits),
}


def _averages(name: str, ratio: _Ratio) -> dict[str, Callable[[_Counts], Floats]]:
    """The four scorers of one ratio: of the positive class, and averaged in three ways."""

    def binary(counts: _Counts) -> Floats:
        at = counts.positive
        values = _share(*ratio(counts.true[:, at], counts.predicted[:, at], counts.hits[:, at]))
        return np.where(counts.true[:, at] > 0, values, np.nan)  # not defined without a row of the class

    def macro(counts: _Counts) -> Floats:
        return _mean_where(_share(*ratio(*counts[:3])), counts.true + counts.predicted > 0)

    def micro(counts: _Counts) -> Floats:
        return _share(*ratio(*(part.sum(axis=1) for part in counts[:3])))

    def weighted(counts: _Counts) -> Floats:
        values = _share(*ratio(*counts[:3]))
        return _share((values * counts.true).sum(axis=1), counts.true.sum(axis=1))

    return {name: binary, f"{name}_macro": macro, f"{name}_micro": micro, f"{name}_weighted": weighted}


_COUNTS: Final[Mapping[str, Callable[[_Counts], Floats]]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "matthews_corrcoef": _matthews_corrcoef,
    **{key: function for name, ratio in _RATIOS.items() for key, function in _averages(name, ratio).items()},
}

# --- losses -----------------------------------------------------------------------------------------------------


def _loss_metrics(run: Rows, names: Sequence[str]) -> Measures:
    measures = [_LOSSES[name](run) for name in names]
    return lambda weights: [measure(weights) for measure in measures]


def _mean(losses: Floats) -> Measure:
    # not a matrix product: that one is summed differently from processor to processor
    return lambda weights: np.asarray((weights * losses).sum(axis=1) / len(losses))


def _root(measure: Measure) -> Measure:
    return lambda weights: np.asarray(np.sqrt(measure(weights)))


def _log_loss(run: Rows) -> Measure:
    assert run.scores is not None  # _suits
    own = run.scores[np.arange(len(run.true)), run.true]
    rounding = np.finfo(np.float64).eps
    return _mean(-np.log(np.clip(own, rounding, 1 - rounding)))


def _brier_score(run: Rows) -> Measure:
    assert run.scores is not None
    losses = ((run.scores - np.eye(run.classes)[run.true]) ** 2).sum(axis=1)
    return _mean(losses / 2 if run.classes == 2 else losses)


def _absolute(run: Rows) -> Floats:
    return np.asarray(np.abs(run.true - run.predicted))


def _squared(run: Rows) -> Floats:
    return np.asarray((run.true - run.predicted) ** 2)


def _squared_log(run: Rows) -> Floats:
    with np.errstate(all="ignore"):  # nan for what has no logarithm
        return np.asarray((np.log1p(run.true) - np.log1p(run.predicted)) ** 2)


def _percentage(run: Rows) -> Floats:
    return np.asarray(_absolute(run) / np.maximum(np.abs(run.true), np.finfo(np.float64).eps))


def _variance(values: Floats) -> Measure:
    """The weighted variance; 0 where it is no more than rounding."""
    centered = values - values.mean()
    rounding = len(values) * np.finfo(np.float64).eps

    def measure(weights: Floats) -> Floats:
        squares = (weights * centered**2).sum(axis=1) / len(values)
        variance = squares - ((weights * centered).sum(axis=1) / len(values)) ** 2
        return np.where(variance > rounding * squares, variance, 0.0)

    return measure


def _explained(residual: Measure, total: Measure) -> Measure:
    """1 - residual / total; not defined where nothing varies."""

    def measure(weights: Floats) -> Floats:
        left, all_of_it = residual(weights), total(weights)
        return np.where(all_of_it > 0, 1 - left / all_of_it, np.nan)

    return measure


_LOSSES: Final[Mapping[str, Callable[[Rows], Measure]]] = {
    "log_loss": _log_loss,
    "brier_score": _brier_score,
    "mean_absolute_error": lambda run: _mean(_absolute(run)),
    "mean_squared_error": lambda run: _mean(_squared(run)),
    "root_mean_squared_error": lambda run: _root(_mean(_squared(run))),
    "mean_absolute_percentage_error": lambda run: _mean(_percentage(run)),
    "mean_squared_log_error": lambda run: _mean(_squared_log(run)),
    "root_mean_squared_log_error": lambda run: _root(_mean(_squared_log(run))),
    "r2": lambda run: _explained(_mean(_squared(run)), _variance(run.true)),
    "explained_variance": lambda run: _explained(_variance(run.true - run.predicted), _variance(run.true)),
}

# --- ranks ------------------------------------------------------------------------------------------------------


class _Ranking(NamedTuple):
    """The weights of rows by score, the highest first, equal scores together, each of shape (sets, scores)."""

    positives: Floats
    negatives: Floats
    positives_so_far: Floats


def _rank_metrics(run: Rows, names: Sequence[str]) -> Measures:
    groups = _Groups(np.unique(-_toward_positive(run), return_inverse=True)[1].reshape(-1))
    positive = (run.true == run.positive)[groups.order]

    def measure(weights: Floats) -> list[Floats]:
        ordered = np.take(weights, groups.order, axis=1)
        positives, negatives = (groups.sums_of_ordered(ordered * side) for side in (positive, ~positive))
        ranking = _Ranking(positives, negatives, np.cumsum(positives, axis=1))
        return [_RANKS[name](ranking) for name in names]

    return measure


def _toward_positive(run: Rows) -> Floats:
    """The scores, the greater the more they speak for the positive class."""
    scores = run.scores if run.decision is None else run.decision
    assert scores is not None
    if scores.ndim == 2:
        return np.asarray(scores[:, run.positive])
    return scores if run.positive == 1 else -scores


def _roc_auc(ranking: _Ranking) -> Floats:
    """The share of pairs of a positive and a negative row in the right order, ties counting half."""
    positives, negatives, so_far = ranking
    pairs = (negatives * (so_far - positives / 2)).sum(axis=1)
    return np.asarray(pairs / (positives.sum(axis=1) * negatives.sum(axis=1)))


def _average_precision(ranking: _Ranking) -> Floats:
    positives, negatives, so_far = ranking
    precision = _share(so_far, so_far + np.cumsum(negatives, axis=1))
    return np.asarray((positives * precision).sum(axis=1) / positives.sum(axis=1))


_RANKS: Final[Mapping[str, Callable[[_Ranking], Floats]]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
}

# --- which there are --------------------------------------------------------------------------------------------

_PREPARE: Final[Mapping[Kind, Callable[[Rows, Sequence[str]], Measures]]] = {
    "counts": _label_metrics,
    "losses": _loss_metrics,
    "ranks": _rank_metrics,
}

_BINARY: Final = frozenset({*_RATIOS, *_RANKS})
_OF_PROBABILITIES: Final = frozenset({"log_loss", "brier_score"})

#: The metrics for which there is an interval, by what they are computed from: scikit-learn's names without ``neg_``.
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {**dict.fromkeys(_COUNTS, "counts"), **dict.fromkeys(_LOSSES, "losses"), **dict.fromkeys(_RANKS, "ranks")}
)


def kind_of(metric: str) -> Kind | None:
    """What a metric is computed from, or None for one that gets no interval."""
    return KINDS.get(metric)


#: Those in which every row counts the same, whatever its class.
_OF_ALL_ROWS: Final = frozenset(
    name for name in _COUNTS if name == "accuracy" or name.endswith(("_micro", "_weighted"))
)


def support(metric: str, run: Rows) -> int:
    """The number of rows that carry a metric: those of the rarer class of a binary task, and otherwise all.

    Ten positive rows among a thousand leave a `roc_auc` about as uncertain as ten among twenty.
    """
    if run.classes == 2 and metric not in _OF_ALL_ROWS:
        return int(np.bincount(run.true, minlength=2).min())
    return len(run.true)
