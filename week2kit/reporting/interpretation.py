"""What the numbers say, topic by topic, and what they do not say. Every statement carries the numbers it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from week2kit.inputs.changes import Change, Statement, changed_things, is_interpretable, primary_metric
from week2kit.record.earlier import changed_since
from week2kit.record.manifest import CompletedRun, Metric
from week2kit.reporting.noise.seeds import Named, tell_noise
from week2kit.reporting.rows import Judgement, MetricRow, MovedClasses, MovedErrors, Verdict
from week2kit.reporting.values import Finding, Topic
from week2kit.scales import gap_by_chance, gap_by_folds, is_bounded
from week2kit.thresholds import BALANCE_GAP, FEW_OF_A_CLASS, FEW_ROWS, GAP, NEAR_DUMMY

#: Scores in which every class counts the same, so that a small class cannot hide; the first found is used.
_BALANCED: Final = ("f1_macro", "balanced_accuracy", "recall_macro", "f1")


def findings(
    runs: Sequence[Named],
    rows: Sequence[MetricRow] = (),
    moved: MovedClasses | MovedErrors | None = None,
    judgement: Judgement | None = None,
    *,
    about_variant: bool = False,
) -> tuple[Finding, ...]:
    """The findings about one run, or about a baseline and a variant with their metrics, moved rows and judgement.

    With `about_variant`, what concerns the baseline alone is left out: among several variants it is said once.
    """
    about = runs[1:] if about_variant else runs
    read = [named for named in about if is_interpretable(named.run, primary(named.run)[0])]
    comparable = not rows or judgement is not None
    topics: list[tuple[Topic, list[Statement]]] = [
        ("difference", list(_difference(runs, rows, moved, judgement)) if len(runs) > 1 else []),
        ("noise", list(tell_noise(runs, with_first=not about_variant)) if comparable else []),
        ("overfitting", [statement for named in read for statement in _overfitting(named)]),
        ("underfitting", [statement for named in read for statement in _underfitting(named)]),
        ("imbalance", _imbalance(about, moved)),
        ("convergence", [statement for named in about for statement in _convergence(named)]),
        ("warnings", [statement for named in about for statement in _warnings(named)]),
    ]
    return tuple(Finding(topic, tuple(statements)) for topic, statements in topics if statements)


# --- the difference ---------------------------------------------------------------------------------------------


def _difference(
    runs: Sequence[Named],
    rows: Sequence[MetricRow],
    moved: MovedClasses | MovedErrors | None,
    judgement: Judgement | None,
) -> Iterator[Statement]:
    primary = next((row for row in rows if row.primary), None)
    if primary is None or judgement is None:
        yield Statement("difference.not_comparable")
        return
    values = {"variant": runs[1].name, "baseline": runs[0].name, "metric": primary.metric}
    if primary.difference is not None:
        yield size(primary.difference, "higher" if primary.greater_is_better else "lower", values)
    if judgement.method != "mcnemar":
        yield _rows_behind(runs[0], moved, values)  # McNemar's own sentence counts them
    yield from judgement.statements
    yield from _disagreement(rows, primary, judgement.verdict)


def size(difference: float, good: str, values: Mapping[str, Any]) -> Statement:
    """By how much a metric of the variant is higher or lower; `good` is which of the two is better."""
    if difference == 0:
        return Statement("difference.equal", values)
    direction = "higher" if difference > 0 else "lower"
    return Statement(
        "difference.moved", {**values, "difference": abs(difference), "direction": direction, "good": good}
    )


def _rows_behind(baseline: Named, moved: MovedClasses | MovedErrors | None, values: dict[str, Any]) -> Statement:
    if isinstance(moved, MovedClasses):
        return _moved_statement(moved, values)
    if isinstance(moved, MovedErrors):
        return Statement("difference.errors", values | {"closer": moved.closer, "farther": moved.farther})
    return Statement("difference.validation_rows", {"rows": baseline.run.outcome.predictions.rows})


def rows_behind_tables(moved: MovedClasses | MovedErrors, values: dict[str, Any]) -> Statement:
    """What moved in the tables of two scripts, of whose rows nothing more is known."""
    if isinstance(moved, MovedErrors):
        return Statement("difference.errors", values | {"closer": moved.closer, "farther": moved.farther})
    found = _moved_statement(moved, values)
    return found._replace(code="command.same_labels") if found.code == "difference.same_labels" else found


def _moved_statement(moved: MovedClasses, values: dict[str, Any]) -> Statement:
    if moved.fixed == moved.broken == moved.wrong_otherwise == 0:
        return Statement("difference.same_labels", values | {"rows": moved.rows})
    net = moved.fixed - moved.broken
    code = "difference.rows_equal" if net == 0 else "difference.rows_more" if net > 0 else "difference.rows_fewer"
    counts = {"net": abs(net), "rows": moved.rows, "fixed": moved.fixed, "broken": moved.broken}
    return Statement(code, values | counts)


def _disagreement(rows: Sequence[MetricRow], primary: MetricRow, verdict: Verdict) -> Iterator[Statement]:
    """Metrics that tell another story than the primary one: it was not shown to move, or moved the other way."""
    if verdict not in ("better", "worse"):
        sides = [(row.metric, _beyond_zero(row)) for row in rows if not row.primary]
        own = _beyond_zero(primary)  # few rows moved, as its test says: they are behind the other metrics too
        found = {side: [name for name, one in sides if one == side != own] for side in ("worse", "better")}
        told = [Statement(f"difference.others_{side}", {"against": names}) for side, names in found.items() if names]
        yield from told
        if told:
            return
    opposite = {"better": "worse", "worse": "better"}.get(primary.outcome or "")
    against = [row.metric for row in rows if opposite and row.outcome == opposite]
    if against:
        yield Statement("difference.metrics_disagree", {"metric": primary.metric, "against": against})


def _beyond_zero(row: MetricRow) -> str | None:
    """Whether the 95 % interval of a difference leaves out zero, and on which side."""
    if row.interval is None or row.interval.low <= 0 <= row.interval.high:
        return None
    return "better" if (row.interval.low > 0) == row.greater_is_better else "worse"


# --- fit --------------------------------------------------------------------------------------------------------


def primary(run: CompletedRun) -> tuple[str, Metric]:
    """The primary metric of a run, with its name."""
    name = primary_metric(run)
    return name, run.outcome.metrics[name]


def leaking(run: CompletedRun) -> list[str]:
    """The features that give the target away, as the run recorded them."""
    found = [warned.values for warned in run.warnings if warned.code == "data.leak"]
    names = [name for values in found for name in values.get("features") or [values.get("feature")]]
    used = {column.name for column in run.inputs.data.columns if column.role == "feature"}
    return [name for name in dict.fromkeys(names) if name in used]


def gap(run: CompletedRun) -> float | None:
    """Training minus validation score of the primary metric; None where it says little, or is no score up to 1."""
    name, metric = primary(run)
    if not is_bounded(name) or not metric.greater_is_better or not is_interpretable(run, name):
        return None
    return None if metric.training is None or metric.value is None else metric.training - metric.value


def overfits(run: CompletedRun) -> bool:
    """Whether the primary metric is worse on validation rows by more than few rows or unlike folds explain."""
    name, metric = primary(run)
    by_chance = max(
        gap_by_chance(name, metric.value, run.outcome.predictions.rows),
        gap_by_folds(metric.folds, run.outcome.split.held_out),
    )
    return (gap(run) or 0.0) >= max(GAP, by_chance)


def learnt_little(run: CompletedRun) -> bool:
    """Whether even the training rows are predicted hardly better than by a dummy."""
    name, metric = primary(run)
    if metric.training is None or metric.dummy is None or not is_interpretable(run, name):
        return False
    if not is_bounded(name):
        return _beats(name, metric, metric.training) is False
    return metric.training - metric.dummy < NEAR_DUMMY * (1 - metric.dummy)


def beats_dummy(run: CompletedRun) -> bool | None:
    """Whether the validation score is better than that of a dummy that ignores the features; None: not known."""
    name, metric = primary(run)
    return _beats(name, metric, metric.value) if is_interpretable(run, name) else None


def _beats(name: str, metric: Metric, value: float | None) -> bool | None:
    if value is None or metric.dummy is None:
        return None
    if metric.greater_is_better and value == metric.dummy == 1 and is_bounded(name):
        return None  # both are right on every row: nothing tells them apart
    return value > metric.dummy if metric.greater_is_better else value < metric.dummy


def _scores(named: Named) -> dict[str, Any]:
    name, metric = primary(named.run)
    return {
        "run": named.name,
        "metric": name,
        "training": metric.training,
        "validation": metric.value,
        "dummy": metric.dummy,
    }


def _overfitting(named: Named) -> Iterator[Statement]:
    name, metric = primary(named.run)
    difference = gap(named.run)
    if difference is None:
        if not (is_bounded(name) and metric.greater_is_better):
            yield Statement("gap.no_scale", _scores(named))
        return
    rows = named.run.outcome.predictions.rows
    if metric.value is not None and any(warned.code == "metric.too_good" for warned in named.run.warnings):
        yield Statement("gap.too_good", _scores(named))
        return
    if difference >= GAP and difference < gap_by_chance(name, metric.value, rows):
        yield Statement("gap.few_rows", _scores(named) | {"gap": difference, "rows": rows})
        return
    if difference >= GAP and difference < gap_by_folds(metric.folds, named.run.outcome.split.held_out):
        scores = [score for score in metric.folds if score is not None]
        between = {"folds": len(scores), "least": min(scores), "most": max(scores)}
        yield Statement("gap.folds_differ", _scores(named) | {"gap": difference} | between)
        return
    code = "gap.large" if difference >= GAP else "gap.small" if difference >= 0 else "gap.negative"
    yield Statement(code, _scores(named) | {"gap": abs(difference), "threshold": GAP})


def _underfitting(named: Named) -> Iterator[Statement]:
    values, metric = _scores(named), primary(named.run)[1]
    if beats_dummy(named.run) is False:
        yield Statement("dummy.not_beaten", values)
    elif learnt_little(named.run):
        yield Statement("underfitting.likely", values)
    elif metric.training is not None and metric.dummy is not None:
        yield Statement("underfitting.no_sign", values)


def _convergence(named: Named) -> Iterator[Statement]:
    model = named.run.outcome.model
    if model.converged is None:
        return
    iterations = max(model.n_iter) if model.n_iter else None
    code = "converged.yes" if model.converged else "converged.no"
    yield Statement(code if iterations is not None else f"{code}_uncounted", {"run": named.name, "n_iter": iterations})


# --- classes ----------------------------------------------------------------------------------------------------


def _imbalance(runs: Sequence[Named], moved: MovedClasses | MovedErrors | None) -> list[Statement]:
    if runs[0].run.outcome.task != "classification":
        return []
    statements: list[Statement] = []
    if isinstance(moved, MovedClasses) and moved.classes:
        largest = max(moved.classes, key=lambda row: row.rows)
        share = {"label": largest.label, "rows": largest.rows, "of": moved.rows, "share": largest.rows / moved.rows}
        statements.append(Statement("classes.largest", share))
    return statements + [statement for named in runs for statement in _balance(named)]


def _balance(named: Named) -> Iterator[Statement]:
    metrics = named.run.outcome.metrics
    other = next((name for name in _BALANCED if name in metrics), None)
    if "accuracy" not in metrics or other is None:
        return
    accuracy, balanced = metrics["accuracy"].value, metrics[other].value
    if accuracy is None or balanced is None or not is_interpretable(named.run, other):
        return
    code = "balance.accuracy_flatters" if accuracy - balanced >= BALANCE_GAP else "balance.agrees"
    values = {"run": named.name, "accuracy": accuracy, "metric": other, "value": balanced, "threshold": BALANCE_GAP}
    yield Statement(code, values | {"distance": abs(accuracy - balanced)})


# --- warnings ---------------------------------------------------------------------------------------------------

#: Warnings that the topics above tell from the same numbers.
_TOLD: Final = frozenset({"metric.gap", "metric.no_better_than_dummy", "metric.too_good"})


def _warnings(named: Named) -> Iterator[Statement]:
    changed = changed_since(named.run)
    for rule in dict.fromkeys(changed.values()):
        metrics = [metric for metric, found in changed.items() if found == rule]
        yield Statement(f"earlier.{rule}", {"run": named.name, "metrics": metrics})
    for warned in named.run.warnings:
        if warned.code in _TOLD:
            continue
        if warned.code == "fit.not_converged" and named.run.outcome.model.converged is False:
            continue
        yield Statement("warning", {"run": named.name, "warned": warned})


# --- what the numbers do not say --------------------------------------------------------------------------------


def caveats(
    baseline: Named,
    variants: Sequence[tuple[Named, Sequence[Change]]],
    moved: MovedClasses | MovedErrors | None,
    *,
    runs: int,
) -> tuple[Statement, ...]:
    """The limits of this comparison that a reader must know, most general first."""
    return (
        *_about_rows(baseline, [named for named, _ in variants], moved),
        *([Statement("caveat.chosen", {"runs": runs})] if runs > 2 else []),
        *_about_environment(variants),
        *_about_seed([baseline, *(named for named, _ in variants)]),
        Statement("caveat.one_data_set", {"rows": baseline.run.inputs.data.rows}),
    )


def _about_rows(
    baseline: Named, variants: Sequence[Named], moved: MovedClasses | MovedErrors | None
) -> Iterator[Statement]:
    split = baseline.run.outcome.split
    rows = sum(fold.n_val for fold in split.folds)
    if any(named.run.outcome.split.positions != split.positions for named in variants):
        yield Statement("caveat.several_splits")
    elif len(split.folds) == 1:
        of_accuracy = "_accuracy" if "accuracy" in baseline.run.outcome.metrics else ""
        yield Statement(f"caveat.one_holdout{of_accuracy}", {"rows": rows, "share": 1 / max(rows, 1)})
    else:
        yield Statement("caveat.folds", {"folds": len(split.folds)})
    if rows < FEW_ROWS:
        yield Statement("caveat.few_rows", {"rows": rows, "threshold": FEW_ROWS})
    if isinstance(moved, MovedClasses):
        few = [row.label for row in moved.classes if row.rows < FEW_OF_A_CLASS]
        if few:
            yield Statement("caveat.few_of_a_class", {"labels": few, "threshold": FEW_OF_A_CLASS})


def _about_environment(variants: Sequence[tuple[Named, Sequence[Change]]]) -> Iterator[Statement]:
    for named, changes in variants:
        factors = [change.key for change in changes if change.input == "environment"]
        if factors and len(changed_things(changes)) > 1:
            yield Statement("caveat.environment", {"variant": named.name, "factors": factors})


def _about_seed(runs: Sequence[Named]) -> Iterator[Statement]:
    drawn = [named.name for named in runs if named.run.inputs.seed.source == "drawn"]
    if drawn:
        yield Statement("caveat.seed_drawn", {"runs": drawn})
