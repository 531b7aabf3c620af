"""One comparison: the baseline against a variant, from what changed to whether the difference is more than noise."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from week2kit.inputs.changes import Statement, changed_things, primary_metric, uncounted_differences
from week2kit.record.manifest import CompletedRun
from week2kit.record.store import Run
from week2kit.record.written_metrics import meant_scorer
from week2kit.reporting.commands import command_comparable, differing_code
from week2kit.reporting.interpretation import findings, rows_behind_tables, size
from week2kit.reporting.movement import moved_rows
from week2kit.reporting.noise.judging import Side, estimates, judge
from week2kit.reporting.noise.seeds import Named
from week2kit.reporting.noise.tables import judge_tables
from week2kit.reporting.noise.uncertainty import Estimate
from week2kit.reporting.partial import as_written, written_difference
from week2kit.reporting.predicted import NotComparable, Predicted
from week2kit.reporting.rows import FoldRow, Judgement, MetricRow, MovedClasses, MovedErrors, Outcome
from week2kit.reporting.runs import Runs, completed, is_command, primary_of
from week2kit.reporting.values import Comparison, Finding
from week2kit.thresholds import LISTED_CODE, LISTED_FOLDS


def compare(first: Run, variant: Run, runs: Runs, margin: float | None) -> Comparison:
    """All that is said of two runs, but for what findings make of it (see `interpreted`).

    Their rows are put side by side, and the difference is tested, where both have a manifest.
    """
    changes, against = runs.changes(first, variant), runs.obstacles(first, variant)
    whole = Comparison(
        variant=runs.row(variant),
        changes=tuple(changes),
        things=tuple(changed_things(changes)),
        uncounted=(),
        obstacles=against,
        comparable=() if against else (Statement("comparable"),),
        metrics=(),
        folds=(),
        folds_left_out=0,
        fit_seconds=(fit_seconds(first), fit_seconds(variant)),
        moved=None,
        not_moved=None,
        judgement=None,
        findings=(),
    )
    if is_command(first) or is_command(variant):
        return _of_commands(whole, first, variant, runs, margin)
    if first.partial or variant.partial:
        return _as_written(whole, first, variant, runs)
    before, after = completed(first), completed(variant)
    found = Statement("rows.not_comparable") if against else runs.aligned(first, variant)
    known: Mapping[str, Estimate] = {}
    judgement = None
    if not against:
        rows = (None, None) if isinstance(found, Statement) else found
        both = Side(runs.name(first), before, rows[0]), Side(runs.name(variant), after, rows[1])
        metric = primary_metric(before)
        known = estimates(both, metric)
        judgement = judge(*both, metric, known, margin)
    moved: MovedClasses | MovedErrors | Statement
    try:
        moved = found if isinstance(found, Statement) else _moved(before, found)
    except NotComparable as reason:
        moved = reason.statement
    folds = _folds(before, after, comparable=not against)
    return whole._replace(
        uncounted=tuple(uncounted_differences(before, after)),
        metrics=metric_rows(first, variant, runs, known, comparable=not against),
        folds=tuple(folds[:LISTED_FOLDS]),
        folds_left_out=len(folds[LISTED_FOLDS:]),
        moved=None if isinstance(moved, Statement) else moved,
        not_moved=moved if isinstance(moved, Statement) else None,
        judgement=judgement,
    )


def _moved(run: CompletedRun, found: tuple[Predicted, Predicted]) -> MovedClasses | MovedErrors:
    outcome = run.outcome
    return moved_rows(outcome.task, outcome.classes or [], *found, several_folds=len(outcome.split.folds) > 1)


def _as_written(whole: Comparison, first: Run, variant: Run, runs: Runs) -> Comparison:
    """The comparison of two runs of which one has no manifest: without predictions, no difference can be tested."""
    rows = metric_rows(first, variant, runs, {}, comparable=not whole.obstacles)
    primary = next((row for row in rows if row.primary), None)
    names = {"baseline": runs.name(first), "variant": runs.name(variant), "metric": primary and primary.metric}
    moved = [Statement("difference.not_comparable"), *whole.obstacles]
    judgement = None
    if not whole.obstacles:
        moved = [Statement("written.no_shared_metric", names)]
        if primary is not None and primary.difference is not None:
            moved = [size(primary.difference, "higher" if primary.greater_is_better else "lower", names)]
            judgement = Judgement(
                metric=primary.metric,
                verdict="untested",
                method=None,
                difference=primary.difference,
                interval=None,
                equivalence=None,
                p_value=None,
                adjusted=None,
                units=0,
                reliable=False,
                statements=(),
                notes=(),
            )
    return whole._replace(
        comparable=() if whole.obstacles else as_written(first, variant),
        metrics=rows,
        not_moved=Statement("rows.not_recorded", {"runs": [runs.name(run) for run in (first, variant) if run.partial]}),
        judgement=judgement,
        findings=(written_difference(names, moved, whole.fit_seconds),),
    )


def _of_commands(whole: Comparison, first: Run, variant: Run, runs: Runs, margin: float | None) -> Comparison:
    """The comparison of two runs of which one is a script: tested where both left a table of the same rows."""
    metric, found = primary_of(runs.scores(first)), runs.aligned(first, variant)
    uncounted = tuple(uncounted_differences(first.manifest, variant.manifest))
    lines = differing_code(whole.changes, runs.code(first), runs.code(variant))
    whole = whole._replace(code=tuple(itertools.islice(lines, LISTED_CODE)))
    if whole.obstacles:
        return whole._replace(
            uncounted=uncounted,
            metrics=metric_rows(first, variant, runs, {}, comparable=False),
            not_moved=found if isinstance(found, Statement) else Statement("command.no_task", {"metric": metric}),
            findings=(Finding("difference", (Statement("difference.not_comparable"),)),),
        )
    judgement, estimate = judge_tables(first, variant, metric, runs, margin)
    rows = metric_rows(first, variant, runs, {} if estimate is None else {metric: estimate}, comparable=True)
    moved: MovedClasses | MovedErrors | Statement
    try:
        moved = found if isinstance(found, Statement) else _moved_in_tables(metric, found)
    except NotComparable as reason:
        moved = reason.statement
    names = {"baseline": runs.name(first), "variant": runs.name(variant), "metric": metric}
    said = list(_of_size(rows, judgement, names))
    if judgement.method != "mcnemar" and not isinstance(moved, Statement):
        said.append(rows_behind_tables(moved, names))
    return whole._replace(
        uncounted=uncounted,
        comparable=command_comparable(first, variant, found),
        metrics=rows,
        moved=None if isinstance(moved, Statement) else moved,
        not_moved=moved if isinstance(moved, Statement) else None,
        judgement=judgement,
        findings=(Finding("difference", tuple(said)),),
    )


def _of_size(rows: Sequence[MetricRow], judgement: Judgement, names: Mapping[str, Any]) -> Iterator[Statement]:
    """By how much the primary metric moved; where its name does not say what is good, no more."""
    upward = next((row.greater_is_better for row in rows if row.primary), None)
    difference = judgement.difference
    if difference is None:
        return
    if upward is None and difference != 0:
        direction = "higher" if difference > 0 else "lower"
        yield Statement("difference.moved_only", {**names, "difference": abs(difference), "direction": direction})
    else:
        yield size(difference, "higher" if upward else "lower", names)


def _moved_in_tables(metric: str, found: tuple[Predicted, Predicted]) -> MovedClasses | MovedErrors | Statement:
    """Which rows moved: labels or amounts, as the metric says it."""
    from week2kit.statistics.weighted import kind_of

    task = {"counts": "classification", "ranks": "classification", "losses": "regression"}.get(
        kind_of(meant_scorer(metric)) or ""
    )
    return Statement("command.no_task", {"metric": metric}) if task is None else moved_rows(task, [], *found)


def with_judgement(comparison: Comparison, judgement: Judgement | None) -> Comparison:
    """A comparison of two runs, of which one is no config's, with its final judgement, which ends what is said."""
    if judgement is None:
        return comparison
    told = tuple(
        one._replace(statements=(*one.statements, *judgement.statements)) if one.topic == "difference" else one
        for one in comparison.findings
    )
    return comparison._replace(judgement=judgement, findings=told)


def interpreted(
    comparison: Comparison, baseline: Named, variant: Named, judgement: Judgement | None, *, several: bool
) -> Comparison:
    """A comparison with its final judgement (several variants share their false alarms) and what it all says."""
    found = findings([baseline, variant], comparison.metrics, comparison.moved, judgement, about_variant=several)
    return comparison._replace(judgement=judgement, findings=found)


def metric_rows(
    first: Run, variant: Run | None, runs: Runs, known: Mapping[str, Estimate], *, comparable: bool
) -> tuple[MetricRow, ...]:
    """The metrics of a run, or of a baseline and a variant, the primary one first."""
    sides = runs.scores(first), {} if variant is None else runs.scores(variant)
    manifest = first.manifest
    rows = []
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        left, right = sides[0].get(name), sides[1].get(name)
        estimate = known.get(name, Estimate(0))
        judged = comparable and variant is not None and left is not None and right is not None
        found = runs.difference(first, variant, name) if judged and variant is not None else None
        upward = runs.is_upward(name, [first] if variant is None else [first, variant])
        row = MetricRow(
            metric=name,
            primary=name == primary_of(sides[0]),
            greater_is_better=upward,
            baseline=left and left._replace(interval=estimate.baseline),
            variant=right and right._replace(interval=estimate.variant),
            difference=found,
            outcome=None if found is None or upward is None else _outcome(found if upward else -found),
            interval=estimate.difference if judged else None,
            of=manifest.outcome.class_of(name) if isinstance(manifest, CompletedRun) else None,
        )
        rows.append(row)
    return tuple(rows)


def _outcome(gain: float) -> Outcome:
    return "better" if gain > 0 else "worse" if gain < 0 else "equal"


def _folds(before: CompletedRun, after: CompletedRun, *, comparable: bool) -> list[FoldRow]:
    name = primary_metric(before)
    left = before.outcome.metrics[name].folds
    if len(left) < 2 or len(left) != len(before.outcome.split.folds):
        return []
    other = after.outcome.metrics.get(name)
    right = other.folds if comparable and other is not None and len(other.folds) == len(left) else None
    return [
        FoldRow(
            fold=index + 1,
            n_train=fold.n_train,
            n_val=fold.n_val,
            baseline=left[index],
            variant=right[index] if right else None,
            difference=_minus(right[index], left[index]) if right else None,
        )
        for index, fold in enumerate(before.outcome.split.folds)
    ]


def _minus(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def fit_seconds(run: Run) -> float | None:
    """How long the fit took; of a run without a manifest, how long it says that its training took."""
    if run.partial is not None:
        return run.partial.seconds
    return next((stage.seconds for stage in run.manifest.stages if stage.name == "fit"), None)
