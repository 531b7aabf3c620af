"""The p-value between any two of several runs: one reading of each, however many pairs are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from week2kit.inputs.changes import Statement, primary_metric
from week2kit.record.manifest import CompletedRun
from week2kit.record.store import Run
from week2kit.reporting.noise.uncertainty import method_of, p_over_rows, p_over_trainings
from week2kit.reporting.predicted import Predicted
from week2kit.reporting.runs import Runs, completed
from week2kit.statistics.exact import mcnemar
from week2kit.thresholds import RANKED_ROWS

#: The p-value of the difference between two runs, by their positions; None: not tested.
Test: TypeAlias = Callable[[int, int], float | None]


def tests_between(first: Run, shown: Sequence[Run], runs: Runs) -> Test:
    """The test that fits these runs, as a function of two of them.

    Args:
        first: the baseline, whose primary metric and order of rows count.
        shown: runs that are comparable with it, itself among them.
        runs: reads their predictions.
    """
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


def _mcnemars(first: Run, shown: Sequence[Run], manifests: Sequence[CompletedRun], runs: Runs) -> Test:
    right = [None if (rows := _rows(first, run, runs)) is None else rows_right(rows) for run in shown]

    def test(left: int, other: int) -> float | None:
        before, after = right[left], right[other]
        return None if before is None or after is None else mcnemar(*discordant(before, after))

    return test


def rows_right(rows: Predicted) -> int:
    """Which rows a classifier gets right, as the bits of a number: a hundred runs fit, whatever their size."""
    pairs = zip(rows.true, rows.predicted, strict=True)
    return int("".join("1" if true == predicted else "0" for true, predicted in pairs), 2)


def discordant(before: int, after: int) -> tuple[int, int]:
    """On how many rows only the first, and only the second, of two runs is right (see `rows_right`)."""
    return (before & ~after).bit_count(), (after & ~before).bit_count()


def _bootstraps(first: Run, shown: Sequence[Run], manifests: Sequence[CompletedRun], runs: Runs) -> Test:
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
