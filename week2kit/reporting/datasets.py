"""Which runs are about one data set: numbers of different data are never put into one ranking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from week2kit.record.manifest import CompletedRun, Data, FoundData
from week2kit.record.store import Run

#: Two runs on different data are a question of their own ("is it the data?"), and are compared.
_LEAST: Final = 3


class DataSet(NamedTuple):
    """The runs on one data set: those that were named, and those beside them, each in order."""

    named: tuple[Run, ...]
    beside: tuple[Run, ...]


def data_sets(named: Sequence[Run], beside: Sequence[Run]) -> tuple[DataSet, ...]:
    """The data sets of runs, in the order in which the first completed run of each is named.

    One is enough where at most two runs completed, or where nothing records the data of one. A run that failed before
    it had data, or whose data no completed run has, belongs to the first.
    """
    first: list[Run] = []
    finished = [run for run in named if run.manifest.status == "completed"]
    for run in finished:
        if not any(_alike(run, other) for other in first):
            first.append(run)
    if len(first) < 2 or len(finished) < _LEAST or not all(isinstance(run.manifest, CompletedRun) for run in finished):
        return (DataSet(tuple(named), tuple(beside)),)

    def of(place: int, runs: Sequence[Run]) -> tuple[Run, ...]:
        return tuple(run for run in runs if _place(run, first) == place)

    return tuple(DataSet(of(place, named), of(place, beside)) for place in range(len(first)))


def _place(run: Run, first: Sequence[Run]) -> int:
    return next((place for place, other in enumerate(first) if _alike(run, other)), 0)


def _alike(run: Run, other: Run) -> bool:
    """Whether two runs have one file, or tables that ask for the same target from columns that they share."""
    one, two = run.manifest.inputs.data, other.manifest.inputs.data
    if one is None or two is None:
        return _source(run) is not None and _source(run) == _source(other)
    if _same_bytes(one, two) or (one.source, one.path) == (two.source, two.path):
        return True
    if not isinstance(one, Data) or not isinstance(two, Data):
        return False
    if one.table_digest == two.table_digest:
        return True
    features, target = ({(c.name) for c in one.columns if c.role == role} for role in ("feature", "target"))
    return any(column.role == "target" and column.name in target for column in two.columns) and any(
        column.role == "feature" and column.name in features for column in two.columns
    )


def _same_bytes(one: FoundData, two: FoundData) -> bool:
    return one.sha256 is not None and one.sha256 == two.sha256


def _source(run: Run) -> object:
    """The path or dataset that a config names."""
    data = (run.manifest.inputs.config.resolved or {}).get("data")
    return (data.get("path") or data.get("dataset")) if isinstance(data, dict) else None
