"""What a run predicted on its validation rows, as its predictions.csv holds it; standard library only.

Texts stay texts: a label is what it is, and a number is parsed by whoever computes with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from week2kit.canonical import on_one_line
from week2kit.inputs.changes import Statement
from week2kit.record.artifacts import ARTIFACTS
from week2kit.record.command import RecordedCommand
from week2kit.record.predictions import FIXED_COLUMNS, read_cells
from week2kit.record.store import Run
from week2kit.thresholds import PREDICTION_BYTES


class Predicted(NamedTuple):
    """The columns of a predictions.csv, in the order of its lines."""

    places: Sequence[tuple[str, str, str]]
    """Repeat, fold and row of each line."""
    true: Sequence[str]
    predicted: Sequence[str]
    scores: Sequence[Sequence[str]]
    """One column per class, one for a binary decision function, none where the model has no scores."""
    decision: Sequence[Sequence[str]] = ()
    """The same of the decision function beside probabilities, where a metric asks for it."""
    named: bool = True
    """Whether the table says which row each line is; False: the lines are only counted."""

    @property
    def several_folds(self) -> bool:
        """Whether the rows come from more than one fold."""
        return any(place[:2] != self.places[0][:2] for place in self.places)

    def at(self, positions: Sequence[int]) -> Predicted:
        """The lines at these positions, in this order."""

        def take(column: Sequence[str]) -> list[str]:
            return [column[position] for position in positions]

        places = [self.places[position] for position in positions]
        scores, decision = ([take(column) for column in columns] for columns in (self.scores, self.decision))
        return Predicted(places, take(self.true), take(self.predicted), scores, decision, self.named)

    def counted(self) -> Predicted:
        """The same, each line called by its place in the table."""
        places = [("", "", str(line)) for line in range(len(self.true))]
        return self._replace(places=places, named=False)


class NotComparable(Exception):
    """The rows of two runs cannot be put side by side; carries the statement that says why."""

    def __init__(self, statement: Statement) -> None:
        super().__init__(statement.code)
        self.statement = statement


def read_predictions(run: Run) -> Predicted:
    """The predictions of a run.

    Raises:
        NotComparable: the file is too large for a report, missing, or not the table that week2kit writes.
    """
    values = {"run": run.name, "file": ARTIFACTS["predictions"]}
    artifact = run.artifact("predictions")
    if artifact is not None and artifact.bytes > PREDICTION_BYTES:
        raise NotComparable(Statement("rows.too_many", values))
    try:
        data = run.read("predictions")
        if len(data) > PREDICTION_BYTES:
            raise NotComparable(Statement("rows.too_many", values))
        if isinstance(run.manifest, RecordedCommand):
            return _of_command(data)
        names, columns = read_cells(data)
        if tuple(names[:5]) != FIXED_COLUMNS:
            raise NotComparable(Statement("rows.unreadable", values))
        repeats, folds, rows, true, predicted, *scores = columns
        if any("\n" in label or "\r" in label for label in {*true, *predicted}):  # as older versions wrote them
            true, predicted = (tuple(map(on_one_line, column)) for column in (true, predicted))
        # a label stands behind a colon, so no score column begins like this
        own = sum(not name.startswith("decision") for name in names[5:])
        places = list(zip(repeats, folds, rows, strict=True))
        return Predicted(places, true, predicted, scores[:own], scores[own:])
    except (OSError, ValueError):
        raise NotComparable(Statement("rows.unreadable", values)) from None


def _of_command(data: bytes) -> Predicted:
    """The table of a script; a column `row` names its lines where no name stands twice.

    Raises:
        ValueError: it is no table with `y_true` and `y_pred`.
    """
    from week2kit.training.outputs import columns_in

    if (columns := columns_in(data)) is None:
        raise ValueError("no table of predictions")
    true, predicted = ([*map(_plain, columns[name])] for name in ("y_true", "y_pred"))
    names = columns.get("row", ())
    found = Predicted([("", "", name) for name in names], true, predicted, ())
    return found if names and len({*names}) == len(names) else found.counted()


_WHOLE: Final = re.compile(r"(-?[0-9]+)\.0+")


@lru_cache(maxsize=1 << 12)  # a table has few labels, in many rows
def _plain(cell: str) -> str:
    """A cell as it is compared: libraries write a whole number as ``1`` and as ``1.0``."""
    match = _WHOLE.fullmatch(cell := on_one_line(cell.strip()))
    return match[1] if match else cell


def _same_cell(one: str, other: str) -> bool:
    """Whether two cells hold the same label, or the same number however it is written."""
    try:
        return one == other or float(one) == float(other)
    except ValueError:
        return False


def aligned_by_truth(baseline: Predicted, variant: Predicted) -> tuple[Predicted, Predicted]:
    """Two tables of which one is that of a script: line by line, where they hold the same true values in one order.

    Raises:
        NotComparable: they do not, or the true values cannot show it.
    """
    if baseline.several_folds or variant.several_folds:
        raise NotComparable(Statement("command.several_folds"))
    position = {place: index for index, place in enumerate(variant.places)}
    if baseline.named and variant.named and {*baseline.places} == position.keys():
        variant = variant.at([position[place] for place in baseline.places])
    else:
        baseline, variant = baseline.counted(), variant.counted()
    baseline, variant = (
        one._replace(true=[*map(_plain, one.true)], predicted=[*map(_plain, one.predicted)])
        for one in (baseline, variant)
    )
    if len(baseline.true) != len(variant.true) or not all(map(_same_cell, baseline.true, variant.true)):
        raise NotComparable(Statement("command.other_truth"))
    if len({*baseline.true}) < 2:
        raise NotComparable(Statement("command.one_truth"))
    return baseline, variant._replace(true=baseline.true)


def aligned(baseline: Predicted, variant: Predicted) -> Predicted:
    """The variant's lines in the order of the baseline's.

    Two holdouts are matched row by row; folds must come in the same order, because another model judges each.

    Raises:
        NotComparable: they did not predict the same rows, or disagree on what is true of them.
    """
    if variant.places != baseline.places:
        if baseline.several_folds or variant.several_folds:
            raise NotComparable(Statement("rows.not_the_same"))
        position = {place[2]: index for index, place in enumerate(variant.places)}
        if position.keys() != {place[2] for place in baseline.places} or len(position) != len(baseline.places):
            raise NotComparable(Statement("rows.not_the_same"))
        variant = variant.at([position[place[2]] for place in baseline.places])
    if list(variant.true) != list(baseline.true):
        raise NotComparable(Statement("rows.not_the_same"))
    return variant


#: How a report gets the predictions of a run: each file is read once. Raises `NotComparable`.
Reader = Callable[[Run], Predicted]
