"""Many runs in one table: ranked by the baseline's primary metric, with ties that respect the noise."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from week2kit.inputs.changes import Statement, changed_things, comparable_difference, compare_inputs, primary_metric
from week2kit.record.store import Run
from week2kit.reporting.noise.judging import tests_between
from week2kit.reporting.rows import Verdict
from week2kit.reporting.runs import Runs, completed
from week2kit.reporting.values import OverviewRow
from week2kit.statistics.exact import holm_among
from week2kit.thresholds import OVERVIEW_RUNS, SIGNIFICANCE


def ranked(first: Run, variants: Sequence[Run], runs: Runs) -> tuple[tuple[OverviewRow, ...], int, list[Run]]:
    """The ranked table of a baseline and its variants, how many runs it leaves out, and the variants, best first.

    The best runs are shown, and the baseline always. Each is tested against the best and against the baseline; Holm's
    p-values count all comparable variants, also those that the table leaves out.
    """
    metric = primary_metric(completed(first))
    comparable = [
        run
        for run in variants
        if not runs.obstacles(first, run)
        and comparable_difference(completed(first), completed(run), metric) is not None
    ]
    apart = [run for run in variants if run not in comparable]
    order = sorted([first, *comparable], key=lambda run: -_goodness(run, metric))
    best_first = [run for run in order if run is not first]
    shown = sorted([first, *best_first[: OVERVIEW_RUNS - 1]], key=order.index)
    rows = _ranked(first, shown, [_goodness(run, metric) for run in order], runs)
    rows += [_row(first, run, runs, None, None) for run in apart[: OVERVIEW_RUNS - len(rows)]]
    return _with_ties(rows), 1 + len(variants) - len(rows), [*best_first, *apart]


def _goodness(run: Run, metric: str) -> float:
    record = completed(run).outcome.metrics[metric]
    value = record.value or 0.0  # of what is not defined only a baseline stands alone in the order
    return value if record.greater_is_better else -value


def _ranked(first: Run, shown: Sequence[Run], goodness: Sequence[float], runs: Runs) -> list[OverviewRow]:
    """The rows of the shown runs: those that the noise does not tell from the best come first."""
    test, baseline, tests = tests_between(first, shown, runs), shown.index(first), len(goodness) - 1
    behind = holm_among([test(0, position) for position in range(1, len(shown))], tests)
    against = holm_among([test(baseline, other) for other in range(len(shown)) if other != baseline], tests)
    against.insert(baseline, None)
    falling = [-value for value in goodness]
    metric = primary_metric(completed(first))
    rows = []
    for run, p_best, p_baseline in zip(shown, [1.0, *behind], against, strict=True):
        tied = p_best is not None and p_best >= SIGNIFICANCE
        rank = 1 if tied else 1 + bisect_left(falling, -_goodness(run, metric))
        gain = _goodness(run, metric) - _goodness(first, metric)
        rows.append(_row(first, run, runs, rank, None if run is first else _verdict(gain, p_baseline)))
    return sorted(rows, key=lambda row: row.rank or 0)


def _verdict(gain: float, p_value: float | None) -> Verdict:
    if p_value is None:
        return "untested"
    if p_value >= SIGNIFICANCE:
        return "noise" if gain else "equal"
    return "better" if gain > 0 else "worse"


def _row(first: Run, run: Run, runs: Runs, rank: int | None, verdict: Verdict | None) -> OverviewRow:
    before, after = completed(first), completed(run)
    metric = primary_metric(before)
    record = after.outcome.metrics.get(metric)
    difference = None if rank is None else comparable_difference(before, after, metric)
    return OverviewRow(
        rank=rank,
        tied=False,
        run=runs.name(run),
        baseline=run is first,
        things=() if run is first else tuple(changed_things(compare_inputs(before, after))),
        comparable=rank is not None,
        value=record.value if record is not None else None,
        difference=None if run is first else difference,
        verdict=verdict,
    )


def _with_ties(rows: Sequence[OverviewRow]) -> tuple[OverviewRow, ...]:
    ranks = [row.rank for row in rows if row.rank is not None]
    return tuple(row._replace(tied=row.rank is not None and ranks.count(row.rank) > 1) for row in rows)


def told(rows: Sequence[OverviewRow], metric: str) -> tuple[Statement, ...]:
    """What the ranked table says: which run is best, who is level with it, and who is better than the baseline."""
    if not rows or rows[0].rank is None:
        return ()
    best = {"best": rows[0].run, "metric": metric, "value": rows[0].value}
    tied = [row.run for row in rows[1:] if row.rank == 1]
    tested = [row for row in rows if row.verdict not in (None, "untested")]
    baseline = next(row.run for row in rows if row.baseline)
    if not tested:
        return (Statement("ranked.untested", best),)
    first = Statement("ranked.tied", best | {"tied": tied}) if tied else Statement("ranked.alone", best)
    better = [row.run for row in rows if row.verdict == "better"]
    code = "ranked.better" if better else "ranked.none_better"
    return first, Statement(code, {"baseline": baseline, "runs": better})
