"""One comparison: the baseline against a variant, from what changed to whether the difference is more than noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from week2kit.inputs.changes import (
    Statement,
    changed_things,
    comparable_difference,
    compare_inputs,
    primary_metric,
    uncounted_differences,
)
from week2kit.record.manifest import CompletedRun, Metric, metric_names
from week2kit.record.store import Run
from week2kit.reporting.interpretation import findings
from week2kit.reporting.movement import moved_rows
from week2kit.reporting.noise.judging import Side, estimates, judge
from week2kit.reporting.noise.seeds import Named, spread
from week2kit.reporting.noise.uncertainty import Estimate
from week2kit.reporting.predicted import NotComparable, Predicted
from week2kit.reporting.rows import FoldRow, Judgement, MetricRow, MovedClasses, MovedErrors, Outcome, Range, Score
from week2kit.reporting.runs import Runs, completed
from week2kit.reporting.values import Comparison
from week2kit.thresholds import LISTED_FOLDS


class Pair(NamedTuple):
    """A baseline and a variant, put side by side as far as they can be."""

    first: Run
    variant: Run
    before: CompletedRun
    after: CompletedRun
    obstacles: tuple[Statement, ...]
    """Why the two are not comparable; empty where they are."""
    rows: tuple[Predicted, Predicted] | None
    """Their predictions in the same order."""
    no_rows: Statement | None
    """Why there are none."""


def side_by_side(first: Run, variant: Run, runs: Runs) -> Pair:
    """Two completed runs with their rows aligned, or with the reasons why they cannot be compared."""
    against = runs.obstacles(first, variant)
    rows = Statement("rows.not_comparable") if against else runs.aligned(first, variant)
    before, after = completed(first), completed(variant)
    if isinstance(rows, Statement):
        return Pair(first, variant, before, after, against, None, rows)
    return Pair(first, variant, before, after, against, rows, None)


def sides(pair: Pair, runs: Runs) -> tuple[Side, Side]:
    """The two sides of a pair for a test."""
    before, after = pair.rows or (None, None)
    return Side(runs.name(pair.first), pair.before, before), Side(runs.name(pair.variant), pair.after, after)


# --- a comparison -----------------------------------------------------------------------------------------------


def compare(pair: Pair, runs: Runs, margin: float | None) -> Comparison:
    """All that is said of two runs, but for what findings make of it (see `interpreted`)."""
    known: Mapping[str, Estimate] = {}
    judgement = None
    if not pair.obstacles:
        both, metric = sides(pair, runs), primary_metric(pair.before)
        known = estimates(both, metric)
        judgement = judge(*both, metric, known, margin)
    moved, not_moved = _moved(pair)
    changes = compare_inputs(pair.before, pair.after)
    folds = _folds(pair)
    return Comparison(
        variant=runs.row(pair.variant),
        changes=tuple(changes),
        things=tuple(changed_things(changes)),
        uncounted=tuple(uncounted_differences(pair.before, pair.after)),
        obstacles=pair.obstacles,
        metrics=metric_rows(pair.before, pair.after, known, comparable=not pair.obstacles),
        folds=tuple(folds[:LISTED_FOLDS]),
        folds_left_out=len(folds[LISTED_FOLDS:]),
        fit_seconds=(fit_seconds(pair.before), fit_seconds(pair.after)),
        moved=moved,
        not_moved=not_moved,
        judgement=judgement,
        findings=(),
    )


def interpreted(
    comparison: Comparison, baseline: Named, variant: Named, judgement: Judgement | None, *, several: bool
) -> Comparison:
    """A comparison with its final judgement (several variants share their false alarms) and what it all says."""
    found = findings([baseline, variant], comparison.metrics, comparison.moved, judgement, about_variant=several)
    return comparison._replace(judgement=judgement, findings=found)


def _moved(pair: Pair) -> tuple[MovedClasses | MovedErrors | None, Statement | None]:
    if pair.obstacles or pair.rows is None:
        return None, pair.no_rows
    try:
        return moved_rows(pair.before, *pair.rows), None
    except NotComparable as reason:
        return None, reason.statement


def metric_rows(
    before: CompletedRun, after: CompletedRun | None, known: Mapping[str, Estimate], *, comparable: bool
) -> tuple[MetricRow, ...]:
    """The metrics of a run, or of a baseline and a variant, the primary one first."""
    names = dict.fromkeys([*metric_names(before), *(metric_names(after) if after is not None else ())])
    return tuple(
        _metric_row(before, after, name, known.get(name, Estimate(0)), comparable=comparable) for name in names
    )


def _metric_row(
    before: CompletedRun, after: CompletedRun | None, name: str, estimate: Estimate, *, comparable: bool
) -> MetricRow:
    left = before.outcome.metrics.get(name)
    right = after.outcome.metrics.get(name) if after is not None else None
    either = left or right
    assert either is not None  # the name comes from one of the two
    judged = comparable and left is not None and right is not None
    found = comparable_difference(before, after, name) if judged and after is not None else None
    return MetricRow(
        metric=name,
        primary=name == primary_metric(before),
        greater_is_better=either.greater_is_better,
        baseline=_score(left, estimate.baseline),
        variant=_score(right, estimate.variant),
        difference=found,
        outcome=None if found is None else _outcome(found if either.greater_is_better else -found),
        interval=estimate.difference if judged else None,
        of=before.outcome.class_of(name),
    )


def _score(metric: Metric | None, interval: Range | None) -> Score | None:
    if metric is None:
        return None
    return Score(
        value=metric.value,
        std=metric.std,
        training=metric.training,
        dummy=metric.dummy,
        folds=len(metric.folds),
        interval=interval,
        spread=spread(metric),
        repeats=tuple(repeat.value for repeat in metric.repeats if repeat.value is not None),
        undefined=metric.folds.count(None),
    )


def _outcome(gain: float) -> Outcome:
    return "better" if gain > 0 else "worse" if gain < 0 else "equal"


def _folds(pair: Pair) -> list[FoldRow]:
    name = primary_metric(pair.before)
    left = pair.before.outcome.metrics[name].folds
    if len(left) < 2 or len(left) != len(pair.before.outcome.split.folds):
        return []
    other = pair.after.outcome.metrics.get(name)
    right = other.folds if not pair.obstacles and other is not None and len(other.folds) == len(left) else None
    return [
        FoldRow(
            fold=index + 1,
            n_train=size.n_train,
            n_val=size.n_val,
            baseline=left[index],
            variant=right[index] if right else None,
            difference=_minus(right[index], left[index]) if right else None,
        )
        for index, size in enumerate(pair.before.outcome.split.folds)
    ]


def _minus(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def fit_seconds(run: CompletedRun) -> float | None:
    """How long the fit took."""
    return next((stage.seconds for stage in run.stages if stage.name == "fit"), None)
