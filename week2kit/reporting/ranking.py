"""Many runs in one table: ranked by the baseline's primary metric, with ties that respect the noise."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from week2kit.comparison import Statement, changed_things, compare_inputs, primary_metric
from week2kit.reporting.predicted import Predicted
from week2kit.reporting.runs import Runs, completed
from week2kit.reporting.uncertainty import method_of, p_over_rows, p_over_trainings
from week2kit.reporting.values import OverviewRow, Verdict
from week2kit.schema.manifest import CompletedRun
from week2kit.statistics.exact import holm, mcnemar
from week2kit.store import Run
from week2kit.thresholds import OVERVIEW_RUNS, RANKED_ROWS, SIGNIFICANCE

#: The p-value of the difference between two of the shown runs, by their positions; None: not tested.
_Test = Callable[[int, int], float | None]


def ranked(first: Run, variants: Sequence[Run], runs: Runs) -> tuple[tuple[OverviewRow, ...], int, list[Run]]:
    """The ranked table of a baseline and its variants, how many runs it leaves out, and the variants, best first.

    The best runs are shown, and the baseline always. Each is tested against the best and against the baseline; Holm's
    p-values count all comparable variants, also those that the table leaves out.
    """
    metric = primary_metric(completed(first))
    comparable = [run for run in variants if not runs.obstacles(first, run)]
    apart = [run for run in variants if runs.obstacles(first, run)]
    order = sorted([first, *comparable], key=lambda run: -_goodness(run, metric))
    best_first = [run for run in order if run is not first]
    shown = sorted([first, *best_first[: OVERVIEW_RUNS - 1]], key=order.index)
    rows = _ranked(first, shown, [_goodness(run, metric) for run in order], runs)
    rows += [_row(first, run, runs, None, None) for run in apart[: OVERVIEW_RUNS - len(rows)]]
    return _with_ties(rows), 1 + len(variants) - len(rows), [*best_first, *apart]


def _goodness(run: Run, metric: str) -> float:
    record = completed(run).outcome.metrics[metric]
    return record.value if record.greater_is_better else -record.value


def _ranked(first: Run, shown: Sequence[Run], goodness: Sequence[float], runs: Runs) -> list[OverviewRow]:
    """The rows of the shown runs: those that the noise does not tell from the best come first."""
    test, baseline, tests = _tests(first, shown, runs), shown.index(first), len(goodness) - 1
    behind = _adjusted([test(0, position) for position in range(1, len(shown))], tests)
    against = _adjusted([test(baseline, other) for other in range(len(shown)) if other != baseline], tests)
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


def _adjusted(p_values: Sequence[float | None], tests: int) -> list[float | None]:
    """Holm's p-values; runs that were not tested count as if they had the largest."""
    known = [p_value for p_value in p_values if p_value is not None]
    adjusted = iter(holm([*known, *[1.0] * max(0, tests - len(known))]) if known else [])
    return [None if p_value is None else next(adjusted) for p_value in p_values]


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
    difference = None if record is None or rank is None else record.value - before.outcome.metrics[metric].value
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


# --- tests ------------------------------------------------------------------------------------------------------


def _tests(first: Run, shown: Sequence[Run], runs: Runs) -> _Test:
    """The test that fits these runs, as a function of two of them."""
    manifests = [completed(run) for run in shown]
    metric = primary_metric(completed(first))
    method = method_of(manifests, metric)
    if isinstance(method, Statement):
        return lambda left, right: None
    if method == "corrected_t":
        return lambda left, right: p_over_trainings([manifests[left], manifests[right]], metric)
    return (_mcnemars if method == "mcnemar" else _bootstraps)(first, shown, manifests, runs)


def _rows(first: Run, run: Run, runs: Runs) -> Predicted | None:
    found = runs.aligned(first, run)
    return None if isinstance(found, Statement) else found[1]


def _mcnemars(first: Run, shown: Sequence[Run], manifests: Sequence[CompletedRun], runs: Runs) -> _Test:
    # which rows a run gets right, as the bits of a number: a hundred runs fit, whatever their size
    right = [_right(_rows(first, run, runs)) for run in shown]

    def test(left: int, other: int) -> float | None:
        before, after = right[left], right[other]
        if before is None or after is None:
            return None
        return mcnemar((before & ~after).bit_count(), (after & ~before).bit_count())

    return test


def _right(rows: Predicted | None) -> int | None:
    if rows is None:
        return None
    return int("".join("1" if pair[0] == pair[1] else "0" for pair in zip(rows.true, rows.predicted, strict=True)), 2)


def _bootstraps(first: Run, shown: Sequence[Run], manifests: Sequence[CompletedRun], runs: Runs) -> _Test:
    metric = primary_metric(completed(first))
    if sum(run.outcome.predictions.rows for run in manifests) > RANKED_ROWS:
        return lambda left, right: None
    tables = {index: table for index, run in enumerate(shown) if (table := _rows(first, run, runs)) is not None}
    positions = {index: position for position, index in enumerate(tables)}
    test = p_over_rows([manifests[index] for index in tables], list(tables.values()), metric)

    def by_position(left: int, right: int) -> float | None:
        if left not in positions or right not in positions:
            return None
        return test(positions[left], positions[right])

    return by_position
