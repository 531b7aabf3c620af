"""Which validation rows the variant judges otherwise than the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from week2kit.rendering.blocks import Block, Table, folded
from week2kit.rendering.markdown import code, count, escape, number, sentence, signed
from week2kit.rendering.sections.wording import Pictures, kind_of
from week2kit.reporting.rows import MovedClasses, MovedErrors, MovedRow
from week2kit.reporting.values import Comparison, Report


class _Rows(NamedTuple):
    """How the rows are called, and how `row` counts them."""

    noun: str
    counted: str


_VALIDATION: Final = _Rows("validation row", "`row` counts the rows of the data from 0:")
#: Of a script it is not known that its rows are validation rows, and its table may name them.
_TABLES: Final = _Rows("row", "`row` is what both tables of predictions call it, else the place of the line from 0:")


def beginning(report: Report) -> Iterator[Block]:
    """Why no row can have moved."""
    if not report.comparisons:
        yield "There is no second run, so no row can have moved."


def of_one(report: Report, comparison: Comparison, pictures: Pictures) -> Iterator[Block]:
    """The rows that moved in one variant."""
    assert report.baseline is not None
    of = _TABLES if "command" in (kind_of(report, report.baseline.name), comparison.variant.kind) else _VALIDATION
    match comparison.moved:
        case None:
            assert comparison.not_moved is not None
            yield sentence(comparison.not_moved)
        case MovedErrors():
            yield from _errors(comparison.moved, of)
        case MovedClasses():
            yield from _classes(comparison.moved, of)
            picture = pictures.get(("confusion", comparison.variant.name))
            confusion = [_confusion(comparison.moved)] if comparison.moved.confusion else []
            yield from folded("Confusion", [*([picture] if picture else []), *confusion])


def _errors(moved: MovedErrors, of: _Rows) -> Iterator[Block]:
    yield (
        f"Both runs predicted the same {count(moved.rows, of.noun)}. The variant is closer to the true value "
        f"on {moved.closer}, farther from it on {moved.farther}, and equally far on {moved.equal}."
    )
    if moved.largest:
        caption = f"The largest changes of the absolute error (negative: the variant is closer); {of.counted}"
        yield from folded("The rows one by one", [_rows(moved.largest, caption, moved.several_folds, errors=True)])


def _classes(moved: MovedClasses, of: _Rows) -> Iterator[Block]:
    otherwise = f" ({moved.wrong_otherwise} of them in another way)" if moved.wrong_otherwise else ""
    yield (
        f"Both runs predicted the same {count(moved.rows, of.noun)}: {moved.right_both} right in both, "
        f"{moved.fixed} **fixed** by the variant, {moved.broken} **broken** by it, {moved.wrong_both} wrong in "
        f"both{otherwise}."
    )
    yield from folded("Class by class", _each_class(moved))
    yield from folded("The rows one by one", _each_row(moved, of))


def _each_class(moved: MovedClasses) -> Iterator[Block]:
    """How many rows of each class are right, and the precision and recall of each in both runs."""
    head = ("class", "rows", "right: baseline", "right: variant", "fixed", "broken")
    yield Table(head, "lrrrrr", tuple((code(row.label), *map(str, row[1:])) for row in moved.classes))
    if not moved.confusion:
        return
    labels = [row.label for row in moved.confusion]
    rows = []
    for index, row in enumerate(moved.confusion):
        cells = []
        for side in (0, 1):
            predicted = sum(other.cells[index][side] for other in moved.confusion)
            true, right = sum(cell[side] for cell in row.cells), row.cells[index][side]
            cells += [number(right / predicted if predicted else None), number(right / true if true else None)]
        rows.append((code(labels[index]), *cells))
    sides = ("precision: baseline", "recall: baseline", "precision: variant", "recall: variant")
    caption = "Precision: the share of right ones among the rows predicted as the class. Recall: among its true rows."
    yield Table(("class", *sides), "lrrrr", tuple(rows), caption)


def _each_row(moved: MovedClasses, of: _Rows) -> Iterator[Block]:
    for what, rows, every in (("Fixed", moved.fixed_rows, moved.fixed), ("Broken", moved.broken_rows, moved.broken)):
        if rows:
            part = f" (the first {len(rows)} of {every})" if every > len(rows) else ""
            yield _rows(rows, f"{what}{part}; {of.counted}", moved.several_folds)


def _rows(rows: Sequence[MovedRow], caption: str, several_folds: bool, *, errors: bool = False) -> Table:
    fold, error = (("repeat", "fold") if several_folds else ()), (("change of error",) if errors else ())
    cells = (
        (
            *((escape(row.repeat), escape(row.fold)) if several_folds else ()),
            escape(row.row),
            *map(_amount if errors else code, (row.true, row.baseline, row.variant)),
            *((signed(row.change_of_error),) if errors else ()),
        )
        for row in rows
    )
    head = (*fold, "row", "true", "baseline", "variant", *error)
    return Table(head, "r" * len(fold) + "rlll" + "r" * len(error), tuple(cells), caption)


def _amount(text: str) -> str:
    """A true or predicted amount, as it was recorded, or as a measured number where that is shorter."""
    return code(min(text, number(float(text)), key=len))


def _confusion(moved: MovedClasses) -> Table:
    caption = (
        "Confusion: how often the class on the left was predicted as the class on top. Where the runs differ, "
        "baseline → variant."
    )
    labels = tuple(code(row.label) for row in moved.confusion)
    rows = (
        (code(row.label), *(str(before) if before == after else f"{before} → {after}" for before, after in row.cells))
        for row in moved.confusion
    )
    return Table(("true class", *labels), "l" + "r" * len(labels), tuple(rows), caption)
