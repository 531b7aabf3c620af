"""Which validation rows two runs judge differently, from their predictions.csv; standard library only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from week2kit.canonical import label_texts
from week2kit.inputs.changes import Statement
from week2kit.reporting.predicted import NotComparable, Predicted
from week2kit.reporting.rows import ClassRow, ConfusionRow, MovedClasses, MovedErrors, MovedRow
from week2kit.thresholds import CONFUSION_CLASSES, LISTED_ROWS


def moved_rows(
    task: str, classes: Sequence[Any], baseline: Predicted, variant: Predicted, *, several_folds: bool = False
) -> MovedClasses | MovedErrors:
    """What moved between two runs with the same validation rows, in the same order.

    Args:
        task: classification, or regression.
        classes: those that are known, in their order.
        baseline: the predictions of the baseline.
        several_folds: whether they come from several models.
        variant: the other run's, as `aligned` puts them.

    Raises:
        NotComparable: a value of a regression is no number.
    """
    columns = zip(baseline.places, baseline.true, baseline.predicted, variant.predicted, strict=True)
    rows = [MovedRow(*place, true, before, after, None) for place, true, before, after in columns]
    if task == "classification":
        return _moved_classes(rows, label_texts(classes), several_folds=several_folds)
    return _moved_errors(rows, several_folds=several_folds)


# --- classification ---------------------------------------------------------------------------------------------


def _moved_classes(rows: Sequence[MovedRow], known: Sequence[str], *, several_folds: bool) -> MovedClasses:
    fixed = [row for row in rows if _right(row) == (False, True)]
    broken = [row for row in rows if _right(row) == (True, False)]
    wrong = [row for row in rows if _right(row) == (False, False)]
    seen = {label for row in rows for label in (row.true, row.baseline, row.variant)}
    labels = [label for label in known if label in seen] + sorted(seen - set(known))
    return MovedClasses(
        rows=len(rows),
        right_both=len(rows) - len(fixed) - len(broken) - len(wrong),
        fixed=len(fixed),
        broken=len(broken),
        wrong_both=len(wrong),
        wrong_otherwise=sum(row.baseline != row.variant for row in wrong),
        classes=_class_rows(rows, labels),
        fixed_rows=tuple(fixed[:LISTED_ROWS]),
        broken_rows=tuple(broken[:LISTED_ROWS]),
        confusion=_confusion(rows, labels),
        several_folds=several_folds,
    )


def _right(row: MovedRow) -> tuple[bool, bool]:
    """Whether the baseline, and whether the variant, is right."""
    return row.baseline == row.true, row.variant == row.true


def _class_rows(rows: Sequence[MovedRow], labels: Sequence[str]) -> tuple[ClassRow, ...]:
    counts = Counter((row.true, *_right(row)) for row in rows)
    found = []
    for label in labels:
        both, fixed = counts[label, True, True], counts[label, False, True]
        broken, neither = counts[label, True, False], counts[label, False, False]
        found.append(ClassRow(label, both + fixed + broken + neither, both + broken, both + fixed, fixed, broken))
    return tuple(found)


def _confusion(rows: Sequence[MovedRow], labels: Sequence[str]) -> tuple[ConfusionRow, ...]:
    if len(labels) > CONFUSION_CLASSES:
        return ()
    before, after = Counter((row.true, row.baseline) for row in rows), Counter((row.true, row.variant) for row in rows)
    return tuple(
        ConfusionRow(true, tuple((before[true, guess], after[true, guess]) for guess in labels)) for true in labels
    )


# --- regression -------------------------------------------------------------------------------------------------


def _moved_errors(rows: Sequence[MovedRow], *, several_folds: bool) -> MovedErrors:
    changes = [_change_of_error(row) for row in rows]
    order = sorted(range(len(rows)), key=lambda index: (-abs(changes[index]), index))
    largest = [index for index in order[:LISTED_ROWS] if changes[index] != 0]
    return MovedErrors(
        rows=len(rows),
        closer=sum(change < 0 for change in changes),
        farther=sum(change > 0 for change in changes),
        equal=sum(change == 0 for change in changes),
        largest=tuple(rows[index]._replace(change_of_error=changes[index]) for index in largest),
        several_folds=several_folds,
    )


def _change_of_error(row: MovedRow) -> float:
    """Absolute error of the variant minus that of the baseline; negative where the variant is closer."""
    try:
        true, before, after = (float(text) for text in (row.true, row.baseline, row.variant))
        change = abs(after - true) - abs(before - true)
    except ValueError:
        change = math.nan
    if not math.isfinite(change):
        raise NotComparable(Statement("rows.no_numbers"))
    return change
