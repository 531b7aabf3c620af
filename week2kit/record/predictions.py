"""The text of predictions.csv: what it holds, before anybody takes it for numbers or labels."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Final

#: The columns before the scores.
FIXED_COLUMNS: Final = ("repeat", "fold", "row", "y_true", "y_pred")


def read_cells(content: bytes) -> tuple[list[str], list[Sequence[str]]]:
    """The names in the first line, and the cells below each; empty lines are passed over.

    Raises:
        ValueError: it is no UTF-8 text, no table, holds no row, or its lines are of unequal length.
    """
    cells: list[str] = []  # of all lines: with a list per line a million of them take three times as long
    try:
        lines = filter(None, csv.reader(StringIO(content.decode(), newline=""), strict=True))
        names = next(lines, [])
        for line in lines:
            if len(line) != len(names):
                raise ValueError("its lines have not all as many cells")
            cells += line
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if not cells:
        raise ValueError("it holds no predictions")
    return names, [cells[column :: len(names)] for column in range(len(names))]
