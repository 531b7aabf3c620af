"""What a run predicted on its validation rows, as its predictions.csv holds it; standard library only.

Texts stay texts: a label is what it is, and a number is parsed by whoever computes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from week2kit.canonical import on_one_line
from week2kit.inputs.changes import Statement
from week2kit.record.predictions import FIXED_COLUMNS, read_cells
from week2kit.record.store import ARTIFACTS, Run
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
        return Predicted(places, take(self.true), take(self.predicted), scores, decision)


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
