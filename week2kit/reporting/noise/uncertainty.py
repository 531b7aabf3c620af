"""How far metrics and their differences would move on other rows or folds, from what the runs stored.

One holdout: validation rows are drawn again with the fitted models held fixed. Several trainings (folds, repeats with
other seeds): their spread, corrected for the training rows that they share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from week2kit.canonical import label_texts
from week2kit.inputs.changes import Statement, is_interpretable, repeats_vary
from week2kit.record.manifest import CompletedRun, Metric, metric_names
from week2kit.reporting.predicted import Predicted
from week2kit.reporting.rows import Method, Range
from week2kit.scales import is_bounded
from week2kit.thresholds import RESAMPLING_SEED, SIGNIFICANCE

if TYPE_CHECKING:
    import numpy as np

    from week2kit.statistics.folds import FoldTest
    from week2kit.statistics.resampling import Resampled
    from week2kit.statistics.weighted import Rows

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
    if same_seeds(records) and all(split_moves(run) for run in runs):
        for side, record in zip(values, records, strict=True):
            side += [value for repeat in record.repeats for value in (repeat.folds or [repeat.value])]
    return _defined(values)


def _defined(sides: Sequence[Sequence[float | None]]) -> list[list[float]]:
    """The values at the places at which every side has one; none where an edited record lost places."""
    if len({len(side) for side in sides}) > 1:
        return [[] for _ in sides]
    together = [row for row in zip(*sides, strict=True) if None not in row]
    return [[value for row in together if (value := row[index]) is not None] for index in range(len(sides))]


def split_moves(run: CompletedRun) -> bool:
    """Whether the repeats of a run were validated on other rows each, because the split follows the seed."""
    return repeats_vary(run.inputs.config.resolved or {})[0]


def same_seeds(records: Sequence[Metric]) -> bool:
    """Whether the runs were repeated with the same seeds, and so can be compared in pairs."""
    seeds = [[repeat.seed for repeat in record.repeats] for record in records]
    return all(other == seeds[0] for other in seeds)


def test_share(run: CompletedRun) -> float:
    """n_val / n_train: how much the trainings overlap."""
    folds = run.outcome.split.folds
    return sum(fold.n_val for fold in folds) / max(1, sum(fold.n_train for fold in folds))


# --- several trainings ------------------------------------------------------------------------------------------


def over_trainings(runs: Sequence[CompletedRun]) -> dict[str, Estimate]:
    """The metrics that one run, or a baseline and a variant, have in common, from their folds and repeats.

    Source: Nadeau and Bengio (2003); see `week2kit.statistics.folds`.
    """
    return {
        metric: _bounded(metric, _over_trainings(trainings(runs, metric), test_share(runs[0])))
        for metric in _common(runs)
    }


def _common(runs: Sequence[CompletedRun]) -> list[str]:
    return [
        name
        for name in metric_names(runs[0])
        if all(name in run.outcome.metrics and is_interpretable(run, name) for run in runs)
    ]


def _bounded(metric: str, estimate: Estimate) -> Estimate:
    """No score beyond its best value, 1: Student's t knows no bounds."""
    if not is_bounded(metric):
        return estimate
    return estimate._replace(baseline=_capped(estimate.baseline), variant=_capped(estimate.variant))


def _capped(side: Range | None) -> Range | None:
    return side and side._replace(high=min(side.high, 1.0))


def _over_trainings(values: Sequence[Sequence[float]], share: float) -> Estimate:
    from week2kit.statistics.folds import corrected_t

    alone = [_range(corrected_t(side, share)) for side in values]
    estimate = Estimate(len(values[0]), baseline=alone[0])
    if len(values) < 2:
        return estimate
    test = corrected_t([after - before for before, after in zip(*values, strict=True)], share)
    if test is None:
        return estimate._replace(variant=alone[1])
    narrow = Range(*test.interval90, _EQUIVALENCE_LEVEL) if test.interval90 else None
    return estimate._replace(
        variant=alone[1], mean=test.mean, difference=_range(test), equivalence=narrow, p_value=test.p
    )


def p_over_trainings(runs: Sequence[CompletedRun], metric: str) -> float | None:
    """The p-value of the corrected t test between two runs."""
    return _over_trainings(trainings(runs, metric), test_share(runs[0])).p_value


def _range(test: FoldTest | None) -> Range | None:
    return Range(*test.interval95, 1 - SIGNIFICANCE) if test is not None and test.interval95 else None


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
    metrics = [metric for metric in _common(runs) if kind_of(metric)]
    if not metrics:
        return {}
    drawn = resample(metrics, rows, seed=RESAMPLING_SEED)
    return {metric: _estimate(metric, drawn, rows[0]) for metric in metrics}


def p_over_rows(
    runs: Sequence[CompletedRun], predicted: Sequence[Predicted], metric: str
) -> Callable[[int, int], float | None]:
    """A function from the positions of two of these runs to the p-value of the paired bootstrap between them.

    All are resampled together, so that a hundred runs cost little more than two.
    """
    from week2kit.statistics.resampling import p_value, resample
    from week2kit.statistics.weighted import support

    try:
        rows = [rows_of(run, table) for run, table in zip(runs, predicted, strict=True)]
    except ValueError:
        return lambda left, right: None
    if not rows:
        return lambda left, right: None
    values, carried = resample([metric], rows, seed=RESAMPLING_SEED).values[metric], support(metric, rows[0])

    def test(left: int, right: int) -> float | None:
        differences = values[right] - values[left]
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


def _estimate(metric: str, resampled: Resampled, rows: Rows) -> Estimate:
    from week2kit.statistics.resampling import interval, metric_interval, p_value, rows_for_interval
    from week2kit.statistics.weighted import support

    estimates, values, carried = resampled.estimates[metric], resampled.values[metric], support(metric, rows)
    units = len(rows.true)

    def of_one(side: int) -> Range | None:
        found = metric_interval(metric, float(estimates[side]), values[side], 1 - SIGNIFICANCE, carried)
        return Range(*found, 1 - SIGNIFICANCE) if found is not None else None

    def of_both(drawn: np.ndarray[Any, Any], level: float) -> Range | None:
        found = interval(drawn, level, carried)
        return Range(*found, level) if found is not None else None

    estimate = Estimate(units, baseline=of_one(0), resamples=resampled.resamples)
    if len(values) < 2:
        return estimate
    drawn, difference = values[1] - values[0], float(estimates[1] - estimates[0])
    return estimate._replace(
        variant=of_one(1),
        difference=of_both(drawn, 1 - SIGNIFICANCE),
        equivalence=of_both(drawn, _EQUIVALENCE_LEVEL),
        p_value=p_value(drawn, carried),
        needed=rows_for_interval(difference, drawn, units),
    )


def rows_of(run: CompletedRun, table: Predicted) -> Rows:
    """Predictions as the arrays that `week2kit.statistics.resampling` takes.

    Raises:
        ValueError: a label is none of the classes, or a number is none.
    """
    from week2kit.statistics.weighted import Rows

    if run.outcome.task == "regression":
        true, predicted = (_floats(column) for column in (table.true, table.predicted))
        return Rows(true, predicted, None, "predict", 0, 0)
    labels = run.outcome.classes or []
    classes = label_texts(labels)
    codes = {label: code for code, label in enumerate(classes)}
    scores, decision = (_columns(columns) for columns in (table.scores, table.decision))
    positive = labels.index(run.outcome.positive) if run.outcome.positive is not None else 1
    method = run.outcome.predictions.score_method
    true, predicted = (_codes(column, codes) for column in (table.true, table.predicted))
    return Rows(true, predicted, scores, method, len(classes), positive, decision)


def _columns(columns: Sequence[Sequence[str]]) -> np.ndarray[Any, Any] | None:
    """Score columns as one array of shape (rows, columns), or (rows,) where there is one; None where there is none."""
    import numpy as np

    if not columns:
        return None
    values = [_floats(column) for column in columns]
    return values[0] if len(values) == 1 else np.column_stack(values)


def _codes(labels: Sequence[str], codes: Mapping[str, int]) -> np.ndarray[Any, Any]:
    import numpy as np

    try:
        return np.array([codes[label] for label in labels], dtype=np.int64)
    except KeyError as error:
        raise ValueError(f"{error} is none of the classes") from None


def _floats(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    import numpy as np

    values = np.array([float(text) for text in texts], dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a value is no finite number")
    return values
