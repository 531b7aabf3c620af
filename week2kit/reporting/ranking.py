"""Many runs in one table: ranked by the baseline's primary metric, with ties that respect the noise."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from week2kit.inputs.changes import Statement, changed_things
from week2kit.record.store import Run
from week2kit.reporting.noise.judging import tests_between
from week2kit.reporting.noise.tables import p_of_tables
from week2kit.reporting.rows import Verdict
from week2kit.reporting.runs import Runs, is_command, is_whole, primary_of
from week2kit.reporting.values import OverviewRow
from week2kit.statistics.exact import holm_among
from week2kit.thresholds import OVERVIEW_RUNS, SIGNIFICANCE


def ranked(first: Run, variants: Sequence[Run], runs: Runs) -> tuple[tuple[OverviewRow, ...], int, list[Run]]:
    """The ranked table of a baseline and its variants, how many runs it leaves out, and the variants, best first.

    The best runs are shown, and the baseline always. Each is tested against the best and against the baseline; Holm's
    p-values count all comparable variants, also those that the table leaves out. Runs without a manifest have their
    place in the order, and are not tested.
    """
    metric = primary_of(runs.scores(first))
    upward = runs.is_upward(metric, [first])
    if upward is None:
        return _unordered(first, variants, runs)
    sign = 1 if upward else -1

    def goodness(run: Run) -> float:
        score = runs.scores(run).get(metric)
        return sign * ((score and score.value) or 0.0)  # of what is not defined only a baseline stands alone

    comparable: list[Run] = []
    apart: list[Run] = []
    for run in variants:
        known = not runs.obstacles(first, run) and runs.difference(first, run, metric) is not None
        (comparable if known else apart).append(run)
    order = sorted([first, *comparable], key=lambda run: -goodness(run))
    best_first = [run for run in order if run is not first]
    shown = sorted([first, *best_first[: OVERVIEW_RUNS - 1]], key=lambda run: -goodness(run))
    tests = sum(not run.partial for run in comparable)
    rows = _ranked(first, shown, {run.path: goodness(run) for run in order}, runs, tests)
    rows += [_row(first, run, runs, None, None) for run in apart[: OVERVIEW_RUNS - len(rows)]]
    return _with_ties(rows), 1 + len(variants) - len(rows), [*best_first, *apart]


def _ranked(
    first: Run, shown: Sequence[Run], goodness: Mapping[Path, float], runs: Runs, tests: int
) -> list[OverviewRow]:
    """The rows of the shown runs: those that the noise does not tell from the best come first."""
    whole = [run for run in shown if is_whole(run)] if is_whole(first) else []
    places = {run.path: place for place, run in enumerate(whole)}
    between = tests_between(first, whole, runs) if whole else None
    metric = primary_of(runs.scores(first))

    def test(run: Run, other: Run) -> float | None:
        if is_command(run) or is_command(other):
            return p_of_tables(run, other, metric, runs)
        if between is None or run.path not in places or other.path not in places:
            return None
        return between(places[run.path], places[other.path])

    others = [run for run in shown if run is not first]
    behind = holm_among([test(shown[0], run) for run in shown[1:]], tests)
    against = holm_among([test(first, run) for run in others], tests)
    verdicts = {
        run.path: _verdict(goodness[run.path] - goodness[first.path], p_value)
        for run, p_value in zip(others, against, strict=True)
    }
    falling = [-value for value in goodness.values()]
    rows = []
    for run, p_best in zip(shown, [1.0, *behind], strict=True):
        tied = p_best is not None and p_best >= SIGNIFICANCE
        rank = 1 if tied else 1 + bisect_left(falling, -goodness[run.path])
        rows.append(_row(first, run, runs, rank, verdicts.get(run.path)))
    return sorted(rows, key=lambda row: row.rank or 0)


def _unordered(first: Run, variants: Sequence[Run], runs: Runs) -> tuple[tuple[OverviewRow, ...], int, list[Run]]:
    """The runs as they were named, where nothing says whether a high value of their metric is good."""
    rows = [_row(first, first, runs, None, None)._replace(comparable=True)]
    for run in variants[: OVERVIEW_RUNS - 1]:
        comparable = not runs.obstacles(first, run)
        row = _row(first, run, runs, None, "untested" if comparable else None)
        found = runs.difference(first, run, primary_of(runs.scores(first))) if comparable else None
        rows.append(row._replace(comparable=comparable, difference=found))
    return tuple(rows), 1 + len(variants) - len(rows), list(variants)


def _verdict(gain: float, p_value: float | None) -> Verdict:
    if p_value is None:
        return "untested"
    if p_value >= SIGNIFICANCE:
        return "noise" if gain else "equal"
    return "better" if gain > 0 else "worse"


def _row(first: Run, run: Run, runs: Runs, rank: int | None, verdict: Verdict | None) -> OverviewRow:
    metric = primary_of(runs.scores(first))
    score = runs.scores(run).get(metric)
    return OverviewRow(
        rank=rank,
        tied=False,
        run=runs.name(run),
        baseline=run is first,
        things=() if run is first else tuple(changed_things(runs.changes(first, run))),
        comparable=rank is not None,
        value=None if score is None else score.value,
        difference=None if run is first or rank is None else runs.difference(first, run, metric),
        verdict=verdict,
    )


def _with_ties(rows: Sequence[OverviewRow]) -> tuple[OverviewRow, ...]:
    ranks = [row.rank for row in rows if row.rank is not None]
    return tuple(row._replace(tied=row.rank is not None and ranks.count(row.rank) > 1) for row in rows)


def told(rows: Sequence[OverviewRow], metric: str, leaking: Container[str]) -> tuple[Statement, ...]:
    """What the ranked table says: which run is best, who is level with it, and who is better than the baseline.

    Where the best is one of the `leaking` runs, it says which of the others is best, if any.
    """
    if not rows:
        return ()
    if rows[0].rank is None:
        return (Statement("ranked.no_direction", {"metric": metric}),) if metric else ()
    top = next((row for row in rows if row.rank is not None and row.run not in leaking), rows[0])
    if top is not rows[0] and rows[0].run in leaking:
        values = {"best": rows[0].run, "metric": metric, "value": rows[0].value, "honest": top.run, "score": top.value}
        return (Statement("ranked.leaking", values),)
    best = {"best": rows[0].run, "metric": metric, "value": rows[0].value}
    tied = [row.run for row in rows[1:] if row.rank == 1]
    tested = [row for row in rows if row.verdict not in (None, "untested")]
    baseline = next(row.run for row in rows if row.baseline)
    if any(row.rank is not None and row.verdict == "untested" for row in rows):
        equal = [row.run for row in rows if row.rank is not None and row.value == rows[0].value]
        first = Statement("ranked.untested", best | {"best": equal})
        if not tested:
            return (first,)
    else:
        first = Statement("ranked.tied", best | {"tied": tied}) if tied else Statement("ranked.alone", best)
    better = [row.run for row in rows if row.verdict == "better"]
    of_all = all(row.verdict != "untested" for row in rows if row.rank is not None)
    code = "ranked.better" if better else "ranked.none_better" if of_all else "ranked.none_better_tested"
    return first, Statement(code, {"baseline": baseline, "runs": better})
