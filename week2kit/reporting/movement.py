"""Which validation rows two runs judge differently, from their predictions.csv; standard library only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from week2kit.canonical import label_texts
from week2kit.inputs.changes import Statement
from week2kit.record.manifest import CompletedRun
from week2kit.reporting.predicted import NotComparable, Predicted
from week2kit.reporting.rows import ClassRow, ConfusionRow, MovedClasses, MovedErrors, MovedRow
from week2kit.thresholds import CONFUSION_CLASSES, LISTED_ROWS


class _Predicted(NamedTuple):
    """One line of predictions.csv, as text."""

    repeat: str
    fold: str
    row: str
    true: str
    predicted: str


class _Pair(NamedTuple):
    """One validation row as both runs judge it."""

    baseline: _Predicted
    variant: _Predicted

    @property
    def right_baseline(self) -> bool:
        return self.baseline.predicted == self.baseline.true

    @property
    def right_variant(self) -> bool:
        return self.variant.predicted == self.variant.true

    @property
    def labels(self) -> tuple[str, str]:
        return self.baseline.predicted, self.variant.predicted


def moved_rows(run: CompletedRun, baseline: Predicted, variant: Predicted) -> MovedClasses | MovedErrors:
    """What moved between two runs with the same validation rows, in the same order.

    Args:
        run: the baseline.
        baseline: its predictions.
        variant: the other run's, as `aligned` puts them.

    Raises:
        NotComparable: a value of a regression is no number.
    """
    pairs = [_Pair(left, right) for left, right in zip(_lines(baseline), _lines(variant), strict=True)]
    several = len(run.outcome.split.folds) > 1
    if run.outcome.task == "classification":
        labels = label_texts(run.outcome.classes or [])
        return _moved_classes(pairs, labels, several_folds=several)
    return _moved_errors(pairs, several_folds=several)


def _lines(table: Predicted) -> Iterator[_Predicted]:
    for place, true, predicted in zip(table.places, table.true, table.predicted, strict=True):
        yield _Predicted(*place, true, predicted)


# --- classification ---------------------------------------------------------------------------------------------


def _moved_classes(pairs: Sequence[_Pair], known: Sequence[str], *, several_folds: bool) -> MovedClasses:
    fixed = [pair for pair in pairs if pair.right_variant and not pair.right_baseline]
    broken = [pair for pair in pairs if pair.right_baseline and not pair.right_variant]
    wrong = [pair for pair in pairs if not pair.right_baseline and not pair.right_variant]
    seen = {pair.baseline.true for pair in pairs} | {label for pair in pairs for label in pair.labels}
    labels = [label for label in known if label in seen] + sorted(seen - set(known))
    return MovedClasses(
        rows=len(pairs),
        right_both=len(pairs) - len(fixed) - len(broken) - len(wrong),
        fixed=len(fixed),
        broken=len(broken),
        wrong_both=len(wrong),
        wrong_otherwise=sum(pair.baseline.predicted != pair.variant.predicted for pair in wrong),
        classes=_class_rows(pairs, labels),
        fixed_rows=tuple(_moved(pair) for pair in fixed[:LISTED_ROWS]),
        broken_rows=tuple(_moved(pair) for pair in broken[:LISTED_ROWS]),
        confusion=_confusion(pairs, labels),
        several_folds=several_folds,
    )


def _class_rows(pairs: Sequence[_Pair], labels: Sequence[str]) -> tuple[ClassRow, ...]:
    counts = Counter((pair.baseline.true, pair.right_baseline, pair.right_variant) for pair in pairs)
    rows = []
    for label in labels:
        both, fixed = counts[label, True, True], counts[label, False, True]
        broken, neither = counts[label, True, False], counts[label, False, False]
        rows.append(ClassRow(label, both + fixed + broken + neither, both + broken, both + fixed, fixed, broken))
    return tuple(rows)


def _confusion(pairs: Sequence[_Pair], labels: Sequence[str]) -> tuple[ConfusionRow, ...]:
    if len(labels) > CONFUSION_CLASSES:
        return ()
    before = Counter((pair.baseline.true, pair.baseline.predicted) for pair in pairs)
    after = Counter((pair.variant.true, pair.variant.predicted) for pair in pairs)
    return tuple(
        ConfusionRow(true, tuple((before[true, guess], after[true, guess]) for guess in labels)) for true in labels
    )


def _moved(pair: _Pair, change_of_error: float | None = None) -> MovedRow:
    before = pair.baseline
    return MovedRow(
        before.repeat, before.fold, before.row, before.true, before.predicted, pair.variant.predicted, change_of_error
    )


# --- regression -------------------------------------------------------------------------------------------------


def _moved_errors(pairs: Sequence[_Pair], *, several_folds: bool) -> MovedErrors:
    changes = [_change_of_error(pair) for pair in pairs]
    order = sorted(range(len(pairs)), key=lambda index: (-abs(changes[index]), index))
    largest = [index for index in order[:LISTED_ROWS] if changes[index] != 0]
    return MovedErrors(
        rows=len(pairs),
        closer=sum(change < 0 for change in changes),
        farther=sum(change > 0 for change in changes),
        equal=sum(change == 0 for change in changes),
        largest=tuple(_moved(pairs[index], changes[index]) for index in largest),
        several_folds=several_folds,
    )


def _change_of_error(pair: _Pair) -> float:
    """Absolute error of the variant minus that of the baseline; negative where the variant is closer."""
    try:
        true, before, after = (float(text) for text in (pair.baseline.true, *pair.labels))
        change = abs(after - true) - abs(before - true)
    except ValueError:
        change = math.nan
    if not math.isfinite(change):
        raise NotComparable(Statement("rows.no_numbers"))
    return change
