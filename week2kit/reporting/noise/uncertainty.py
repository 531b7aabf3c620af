"""How far metrics and their differences would move on other rows or folds, from what the runs stored.

One holdout: validation rows are drawn again with the fitted models held fixed. Several trainings (folds, repeats with
other seeds): their spread, corrected for the training rows that they share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from week2kit.canonical import label_texts
from week2kit.inputs.changes import Statement, is_interpretable, repeats_vary
from week2kit.record.manifest import CompletedRun, Metric, metric_names
from week2kit.reporting.predicted import Predicted
from week2kit.reporting.rows import Method, Range
from week2kit.scales import is_bounded
from week2kit.thresholds import RESAMPLING_SEED, SIGNIFICANCE

if TYPE_CHECKING:
    import numpy as np

    from week2kit.statistics.resampling import Resampled
    from week2kit.statistics.weighted import Rows

#: The p-value of the difference between two runs, by their places; None: not tested.
Test: TypeAlias = Callable[[int, int], float | None]

_EQUIVALENCE_LEVEL: Final = 1 - 2 * SIGNIFICANCE


class Estimate(NamedTuple):
    """One metric of one or two runs with its uncertainty; None is what cannot be told."""

    units: int
    """Validation rows, or trainings, that it rests on."""
    baseline: Range | None = None
    variant: Range | None = None
    mean: float | None = None
    """The difference on average over several trainings; None where there is one."""
    difference: Range | None = None
    equivalence: Range | None = None
    p_value: float | None = None
    needed: int | None = None
    """Rows that would be needed to see a difference of this size."""
    resamples: int | None = None


def method_of(runs: Sequence[CompletedRun], metric: str) -> Method | Statement:
    """The test that the split and the metric allow, or why none does."""
    split = runs[0].outcome.split
    if split.method == "time_series":
        return Statement("untested.time_series", {"folds": len(split.folds)})
    if len(split.folds) > 1 or len(trainings(runs, metric)[0]) > 1:
        return "corrected_t"
    if metric == "accuracy":
        return "mcnemar"
    from week2kit.statistics.weighted import kind_of

    return "bootstrap" if kind_of(metric) else Statement("untested.metric", {"metric": metric})


def trainings(runs: Sequence[CompletedRun], metric: str) -> list[list[float]]:
    """Per run the values of a metric over the trainings on different rows that all runs have in common.

    Those are the folds, and the repeats with equal seeds, where the split moves with the seed; those in which the
    metric is not defined are left out. One value each: there is one split.
    """
    records = [run.outcome.metrics[metric] for run in runs]
    several = len(runs[0].outcome.split.folds) > 1
    values = [list(record.folds) if several else [record.value] for record in records]
    if same_seeds(records) and all(repeats_vary(run.inputs.config.resolved or {})[0] for run in runs):
        for side, record in zip(values, records, strict=True):
            side += [value for repeat in record.repeats for value in (repeat.folds or [repeat.value])]
    return _defined(values)


def _defined(sides: Sequence[Sequence[float | None]]) -> list[list[float]]:
    """The values at the places at which every side has one; none where an edited record lost places."""
    if len({len(side) for side in sides}) > 1:
        return [[] for _ in sides]
    together = [row for row in zip(*sides, strict=True) if None not in row]
    return [[value for row in together if (value := row[index]) is not None] for index in range(len(sides))]


def same_seeds(records: Sequence[Metric]) -> bool:
    """Whether the runs were repeated with the same seeds, and so can be compared in pairs."""
    seeds = [[repeat.seed for repeat in record.repeats] for record in records]
    return all(other == seeds[0] for other in seeds)


# --- several trainings ------------------------------------------------------------------------------------------


def common(runs: Sequence[CompletedRun]) -> list[str]:
    """The metrics of the first run that say something in all of them."""
    return [
        name
        for name in metric_names(runs[0])
        if all(name in run.outcome.metrics and is_interpretable(run, name) for run in runs)
    ]


def over_trainings(runs: Sequence[CompletedRun], metric: str) -> Estimate:
    """A metric of one run, or of a baseline and a variant, from their folds and repeats.

    Source: Nadeau and Bengio (2003); see `week2kit.statistics.folds`.
    """
    from week2kit.statistics.folds import corrected_t

    values, folds = trainings(runs, metric), runs[0].outcome.split.folds
    overlap = sum(fold.n_val for fold in folds) / max(1, sum(fold.n_train for fold in folds))
    best = 1.0 if is_bounded(metric) else math.inf  # Student's t knows no bounds
    ranges = [_range(test and test.interval95, 1 - SIGNIFICANCE) for test in (corrected_t(v, overlap) for v in values)]
    alone = [one and one._replace(high=min(one.high, best)) for one in ranges]
    estimate = Estimate(len(values[0]), alone[0], alone[-1] if len(alone) > 1 else None)
    if len(values) < 2:
        return estimate
    test = corrected_t([after - before for before, after in zip(*values, strict=True)], overlap)
    return (
        estimate
        if test is None
        else estimate._replace(
            mean=test.mean,
            difference=_range(test.interval95, 1 - SIGNIFICANCE),
            equivalence=_range(test.interval90, _EQUIVALENCE_LEVEL),
            p_value=test.p,
        )
    )


def _range(ends: tuple[float, float] | None, level: float) -> Range | None:
    return None if ends is None else Range(*ends, level)


# --- one holdout ------------------------------------------------------------------------------------------------


def over_rows(runs: Sequence[CompletedRun], predicted: Sequence[Predicted]) -> dict[str, Estimate]:
    """The metrics that one run, or a baseline and a variant, have in common, from their aligned predictions.

    The paired bootstrap over rows, see `week2kit.statistics.resampling`; metrics for which it offers no interval are
    left out.

    Raises:
        ValueError: a label is none of the classes, or a number is none.
    """
    from week2kit.statistics.resampling import resample
    from week2kit.statistics.weighted import kind_of

    rows = [rows_of(run, table) for run, table in zip(runs, predicted, strict=True)]
    metrics = [metric for metric in common(runs) if kind_of(metric)]
    if not metrics:
        return {}
    drawn = resample(metrics, rows, seed=RESAMPLING_SEED)
    return {metric: estimate_of(metric, drawn, rows[0]) for metric in metrics}


def p_over_rows(runs: Mapping[int, tuple[CompletedRun, Predicted]], metric: str) -> Test:
    """A function from the keys of two of these runs to the p-value of the paired bootstrap between them.

    All are resampled together, so that a hundred runs cost little more than two.
    """
    from week2kit.statistics.resampling import p_value, resample
    from week2kit.statistics.weighted import support

    try:
        rows = [rows_of(run, table) for run, table in runs.values()]
    except ValueError:
        rows = []
    if not rows:
        return lambda one, other: None
    values, carried = resample([metric], rows, seed=RESAMPLING_SEED).values[metric], support(metric, rows[0])
    drawn = dict(zip(runs, values, strict=True))

    def test(one: int, other: int) -> float | None:
        differences = drawn[other] - drawn[one]
        return _beyond_resamples(differences, p_value(differences, carried))

    return test


def _beyond_resamples(differences: np.ndarray[Any, Any], p_value: float | None) -> float | None:
    """The p-value; where no resample reaches across 0, by the normal approximation.

    Two thousand resamples show no p-value below 0.001, and Holm's for a hundred runs need smaller ones.
    """
    if p_value is None or ((differences <= 0).any() and (differences >= 0).any()):
        return p_value
    error = float(differences.std(ddof=1))
    return min(p_value, math.erfc(abs(float(differences.mean())) / error / math.sqrt(2))) if error else p_value


def estimate_of(metric: str, resampled: Resampled, rows: Rows) -> Estimate:
    """The uncertainty of a metric of one run, or of two, from what was resampled."""
    from week2kit.statistics.resampling import interval, metric_interval, p_value, rows_for_interval
    from week2kit.statistics.weighted import support

    estimates, values, carried = resampled.estimates[metric], resampled.values[metric], support(metric, rows)
    level, units = 1 - SIGNIFICANCE, len(rows.true)
    alone = [
        _range(metric_interval(metric, float(value), drawn, level, carried), level)
        for value, drawn in zip(estimates, values, strict=True)
    ]
    estimate = Estimate(units, alone[0], alone[-1] if len(alone) > 1 else None, resamples=resampled.resamples)
    if len(values) < 2:
        return estimate
    drawn, difference = values[1] - values[0], float(estimates[1] - estimates[0])
    return estimate._replace(
        difference=_range(interval(drawn, level, carried), level),
        equivalence=_range(interval(drawn, _EQUIVALENCE_LEVEL, carried), _EQUIVALENCE_LEVEL),
        p_value=p_value(drawn, carried),
        needed=rows_for_interval(difference, drawn, units),
    )


def rows_of(run: CompletedRun, table: Predicted) -> Rows:
    """Predictions as the arrays that `week2kit.statistics.resampling` takes.

    Raises:
        ValueError: a label is none of the classes, or a number is none.
    """
    import numpy as np

    from week2kit.statistics.weighted import Rows

    if run.outcome.task == "regression":
        true, predicted = (floats(column) for column in (table.true, table.predicted))
        return Rows(true, predicted, None, "predict", 0, 0)
    labels = run.outcome.classes or []
    classes = label_texts(labels)
    codes = {label: code for code, label in enumerate(classes)}
    scores, decision = (_columns(columns) for columns in (table.scores, table.decision))
    positive = labels.index(run.outcome.positive) if run.outcome.positive is not None else 1
    method = run.outcome.predictions.score_method
    if not codes.keys() >= {*table.true, *table.predicted}:
        raise ValueError("a label is none of the classes")
    true, predicted = (
        np.array([codes[label] for label in column], dtype=np.int64) for column in (table.true, table.predicted)
    )
    return Rows(true, predicted, scores, method, len(classes), positive, decision)


def _columns(columns: Sequence[Sequence[str]]) -> np.ndarray[Any, Any] | None:
    """Score columns as one array of shape (rows, columns), or (rows,) where there is one; None where there is none."""
    import numpy as np

    if not columns:
        return None
    values = [floats(column) for column in columns]
    return values[0] if len(values) == 1 else np.column_stack(values)


def floats(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """Numbers from their texts.

    Raises:
        ValueError: one is none, or not finite.
    """
    import numpy as np

    values = np.array([float(text) for text in texts], dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a value is no finite number")
    return values
