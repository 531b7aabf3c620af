"""Is a difference more than noise? The test that fits, and what it says in sentences that a learner understands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from week2kit.canonical import label_texts
from week2kit.inputs.changes import Statement, comparable_difference, primary_metric
from week2kit.record.manifest import CompletedRun
from week2kit.record.store import Run
from week2kit.reporting.noise.uncertainty import (
    Estimate,
    Test,
    common,
    method_of,
    over_rows,
    over_trainings,
    p_over_rows,
)
from week2kit.reporting.predicted import Predicted
from week2kit.reporting.rows import Judgement, Method, Verdict
from week2kit.reporting.runs import Runs, completed
from week2kit.statistics.exact import holm_among, mcnemar, round_rows, rows_for_mcnemar
from week2kit.thresholds import FEW_OF_A_CLASS, FEW_ROWS, MOST_NEEDED, POWER, RANKED_ROWS, RESAMPLING_SEED, SIGNIFICANCE


class Side(NamedTuple):
    """A run in a comparison: its name in the report, its record, and its predictions, where they can be read."""

    name: str
    run: CompletedRun
    rows: Predicted | None


def estimates(sides: Sequence[Side], metric: str) -> dict[str, Estimate]:
    """All metrics of one run, or of a baseline and a variant, with their uncertainty.

    Args:
        sides: one run, or two with the same validation rows, their predictions in the same order.
        metric: the primary metric.
    """
    runs = [side.run for side in sides]
    if method_of(runs, metric) == "corrected_t":
        return {name: over_trainings(runs, name) for name in common(runs)}
    rows = [side.rows for side in sides if side.rows is not None]
    if runs[0].outcome.split.method == "time_series" or len(rows) < len(sides):
        return {}
    try:
        return over_rows(runs, rows)
    except ValueError:  # a label or number that is none: the rows that moved say so
        return {}


def tests_between(first: Run, shown: Sequence[Run], runs: Runs) -> Test:
    """The test that fits these runs, as a function of two of them; each is read once, however many pairs are asked for.

    Args:
        first: the baseline, whose primary metric and order of rows count.
        shown: runs that are comparable with it, itself among them.
        runs: reads their predictions.
    """
    manifests, metric = [completed(run) for run in shown], primary_metric(completed(first))
    method = method_of(manifests, metric)
    if method == "corrected_t":
        return lambda one, other: over_trainings([manifests[one], manifests[other]], metric).p_value
    rows = sum(run.outcome.predictions.rows for run in manifests)
    if isinstance(method, Statement) or (method == "bootstrap" and rows > RANKED_ROWS):
        return lambda one, other: None
    aligned = ((place, runs.aligned(first, run)) for place, run in enumerate(shown))
    read = ((place, found[1]) for place, found in aligned if not isinstance(found, Statement))
    known: Collection[int]
    if method == "mcnemar":
        right = known = {place: rows_right(table) for place, table in read}
        test: Test = lambda one, other: mcnemar(*discordant(right[one], right[other]))  # noqa: E731
    else:
        tables = known = {place: (manifests[place], table) for place, table in read}
        test = p_over_rows(tables, metric)
    return lambda one, other: test(one, other) if one in known and other in known else None


def rows_right(rows: Predicted) -> int:
    """Which rows a classifier gets right, as the bits of a number: a hundred runs fit, whatever their size."""
    pairs = zip(rows.true, rows.predicted, strict=True)
    return int("".join("1" if true == predicted else "0" for true, predicted in pairs), 2)


def discordant(before: int, after: int) -> tuple[int, int]:
    """On how many rows only the first, and only the second, of two runs is right (see `rows_right`)."""
    return (before & ~after).bit_count(), (after & ~before).bit_count()


def judge(baseline: Side, variant: Side, metric: str, known: Mapping[str, Estimate], margin: float | None) -> Judgement:
    """Judge the difference of the primary metric between two comparable runs.

    Args:
        baseline: the run that is compared with.
        variant: the other one.
        metric: the baseline's primary metric, which both have.
        known: what `estimates` gives for the two.
        margin: differences up to this are as good as none to the person who asks; None: no equivalence is claimed.
    """
    method = method_of([baseline.run, variant.run], metric)
    pair = Pair(
        names={"baseline": baseline.name, "variant": variant.name, "metric": metric},
        method=method,
        difference=comparable_difference(baseline.run, variant.run, metric),
        higher_is_better=baseline.run.outcome.metrics[metric].greater_is_better,
        rows=(baseline.rows, variant.rows),
        weak=() if isinstance(method, Statement) else _weak(baseline, method),
    )
    return decide(pair, known.get(metric, Estimate(baseline.run.outcome.predictions.rows)), margin)


class Pair(NamedTuple):
    """Two comparable runs with all that a test of their primary metric asks of them."""

    names: Mapping[str, str]
    """Of the baseline, the variant and the metric."""
    method: Method | Statement
    """The test, or why there is none."""
    difference: float | None
    higher_is_better: bool
    rows: tuple[Predicted | None, Predicted | None]
    weak: tuple[Statement, ...]
    """Why the test is unreliable on so few rows."""


def decide(pair: Pair, estimate: Estimate, margin: float | None) -> Judgement:
    """Judge a difference.

    Args:
        pair: the runs.
        estimate: the uncertainty of the metric, as far as it could be told.
        margin: differences up to this are as good as none; None: no equivalence is claimed.
    """
    method, difference, metric = pair.method, pair.difference, pair.names["metric"]
    why: Statement | None = method if isinstance(method, Statement) else None
    moved, p_value = (0, 0), estimate.p_value
    before, after = pair.rows
    if method == "mcnemar" and before is not None and after is not None:
        moved = discordant(rows_right(before), rows_right(after))
        p_value = mcnemar(*moved)
    if difference is None:
        why = Statement("untested.says_little", {"metric": metric})
    elif why is None and method != "corrected_t" and None in pair.rows:
        why = Statement("untested.no_rows")
    elif why is None and p_value is None:
        why = Statement("untested.no_spread", {"metric": metric})
    untested = Judgement(
        metric=metric,
        verdict="untested",
        method=None,
        difference=difference,
        interval=None if difference is None else estimate.difference,
        equivalence=None,
        p_value=None,
        adjusted=None,
        units=estimate.units,
        reliable=False,
        statements=() if why is None else (why, Statement("untested")),
        notes=(),
    )
    if why is not None or isinstance(method, Statement) or difference is None or p_value is None:
        return untested
    test = _Test(method, pair.names, difference, estimate, moved, p_value)
    verdict = _verdict(test, margin, higher_is_better=pair.higher_is_better)
    return untested._replace(
        verdict=verdict,
        method=method,
        equivalence=estimate.equivalence,
        p_value=p_value,
        reliable=not pair.weak,
        statements=(*_told(test), *_needed(test), *_equivalence(test, margin, verdict), *pair.weak),
        notes=_notes(method, estimate),
    )


class _Test(NamedTuple):
    """A test that was made, with all that its sentences speak of."""

    method: Method
    names: Mapping[str, str]
    difference: float
    estimate: Estimate
    discordant: tuple[int, int]
    """On how many rows only the baseline, and only the variant, is right; (0, 0) where that is not the test."""
    p_value: float

    @property
    def typical(self) -> float:
        """The difference that the test speaks of: over several trainings their mean."""
        return self.difference if self.estimate.mean is None else self.estimate.mean

    @property
    def nothing_moved(self) -> bool:
        """Whether the two are equal on everything that was measured."""
        found = self.estimate.difference
        flat = found is None or found.low == found.high == 0
        return self.difference == self.typical == 0 and self.discordant == (0, 0) and flat


def adjust(judgements: Sequence[Judgement], tests: int) -> list[Judgement]:
    """The judgements of several variants against one baseline with Holm's p-values, and what those change.

    Args:
        judgements: of the variants that were tested.
        tests: how many variants there are; those not tested count as if they had the largest p-values.
    """
    if tests < 2:
        return list(judgements)
    adjusted = holm_among([judgement.p_value for judgement in judgements], tests)
    return [
        judgement if p_value is None else _adjusted(judgement, p_value, tests)
        for judgement, p_value in zip(judgements, adjusted, strict=True)
    ]


def _adjusted(judgement: Judgement, p_value: float, tests: int) -> Judgement:
    lost = judgement.verdict in ("better", "worse") and p_value >= SIGNIFICANCE
    code = "holm.lost" if lost else "holm"
    statement = Statement(code, {"p": p_value, "tests": tests, "level": SIGNIFICANCE})
    return judgement._replace(
        verdict="noise" if lost else judgement.verdict,
        adjusted=p_value,
        statements=(*judgement.statements, statement),
        notes=(*judgement.notes, Statement("note.holm")),
    )


def _verdict(test: _Test, margin: float | None, *, higher_is_better: bool) -> Verdict:
    if test.p_value < SIGNIFICANCE:
        return "better" if (test.typical > 0) == higher_is_better else "worse"
    if test.nothing_moved:
        return "equal"
    return "equivalent" if _inside(test.estimate, margin) else "noise"


def _inside(estimate: Estimate, margin: float | None) -> bool:
    """Whether the 90 % interval lies within the margin: two one-sided tests at 5 % each (Schuirmann 1987)."""
    found = estimate.equivalence
    return margin is not None and found is not None and -margin < found.low and found.high < margin


# --- what it says -----------------------------------------------------------------------------------------------


def _told(test: _Test) -> tuple[Statement, ...]:
    found: dict[str, Any] = {**test.names, "units": test.estimate.units, "mean": test.estimate.mean, "p": test.p_value}
    real = "noise" if test.p_value >= SIGNIFICANCE else "real"
    interval = test.estimate.difference
    if test.method == "mcnemar":
        broken, fixed = test.discordant
        if not broken and not fixed:
            return (Statement("mcnemar.same", found),)
        told = Statement(f"mcnemar.{real}", found | {"fixed": fixed, "broken": broken})
        puzzling = real == "noise" and interval is not None and not interval.low <= 0 <= interval.high
        return (told, Statement("mcnemar.few", {"changed": fixed + broken})) if puzzling else (told,)
    if interval is None:  # whatever is measured comes out alike
        return (Statement(f"{test.method}.equal", found),)
    return (Statement(f"{test.method}.{real}", found | interval._asdict()),)


def _needed(test: _Test) -> tuple[Statement, ...]:
    """How many rows it would take to see such a difference: what a learner can do about noise."""
    if test.p_value < SIGNIFICANCE or test.difference == 0:
        return ()
    needed, units = test.estimate.needed, test.estimate.units
    if test.method == "mcnemar":
        needed = rows_for_mcnemar(*test.discordant, units)
    if needed is None or needed <= units or needed > MOST_NEEDED * units:
        return ()
    values = {"rows": round_rows(needed), "tries": round(10 * POWER), "power": POWER, "level": SIGNIFICANCE}
    return (Statement("needed", values),)


def _equivalence(test: _Test, margin: float | None, verdict: Verdict) -> tuple[Statement, ...]:
    found = test.estimate.equivalence
    if margin is None or found is None or verdict == "equal":
        return ()
    code = "equivalent.yes" if _inside(test.estimate, margin) else "equivalent.no"
    if code == "equivalent.yes" and verdict in ("better", "worse"):
        code = "equivalent.real_but_small"
    return (Statement(code, {"margin": margin, **found._asdict()}),)


def _weak(baseline: Side, method: Method) -> tuple[Statement, ...]:
    """Why a test on so few rows is unreliable; for several trainings the test itself knows how few they are."""
    if method == "corrected_t" or baseline.rows is None:
        return ()
    rows = len(baseline.rows.true)
    if rows < FEW_ROWS:
        return (Statement("unreliable.rows", {"rows": rows, "threshold": FEW_ROWS}),)
    if baseline.run.outcome.task == "classification" and method != "mcnemar":  # it counts rows, of whatever class
        counts = dict.fromkeys(label_texts(baseline.run.outcome.classes or []), 0)
        for label in baseline.rows.true:
            counts[label] = counts.get(label, 0) + 1
        few = [label for label, count in counts.items() if count < FEW_OF_A_CLASS]
        if few:
            return (Statement("unreliable.classes", {"labels": few, "threshold": FEW_OF_A_CLASS}),)
    return ()


def _notes(method: Method, estimate: Estimate) -> tuple[Statement, ...]:
    """The test's name, what it takes for granted, its source, and its seed."""
    notes = [Statement(f"note.{method}", {"units": estimate.units})]
    if method == "mcnemar" and estimate.resamples is not None:
        notes.append(Statement("note.intervals"))
    if estimate.resamples is not None:
        notes.append(Statement("note.resamples", {"resamples": estimate.resamples, "seed": RESAMPLING_SEED}))
    return tuple(notes)
