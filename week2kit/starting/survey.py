"""Survey: what a table holds, column by column, in the types that train will see; and what is chosen by it."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from week2kit.canonical import clean
from week2kit.errors import StageError, UsageError
from week2kit.inputs.changes import Statement
from week2kit.record.manifest import Kind
from week2kit.record.places import read_data, reader_of
from week2kit.record.store import from_here
from week2kit.thresholds import (
    FEW_CLASSES,
    FIRST_ROWS,
    IMBALANCE_SHARE,
    LARGEST_NUMBER,
    MAX_LABEL,
    MIN_ROWS,
    MOSTLY_MISSING,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_TARGET_NAMES: Final = ("target", "label", "class", "y")


@dataclass(frozen=True)
class Column:
    """What is known of a column. `kind` and `distinct` are None where it holds what no model reads.

    `fault` says why it cannot, or should not, be a feature: a code of `week2kit.starting.sentences.FAULTS`.
    `is_grouping` is true of a column that is named like an identifier, and names several rows.
    """

    name: str
    kind: Kind | None
    missing: int
    distinct: int | None
    fault: str | None
    is_grouping: bool = False


@dataclass(frozen=True)
class Survey:
    """A table as it was found; `first_rows` has the first rows as texts."""

    path: Path
    rows: int
    columns: tuple[Column, ...]
    first_rows: tuple[tuple[str, ...], ...]
    frame: pd.DataFrame = field(repr=False, compare=False)

    @property
    def names(self) -> list[str]:
        """The columns' names in the file's order."""
        return [column.name for column in self.columns]

    @property
    def likely_target(self) -> str:
        """The first column that is named like a target, else the last one."""
        return next((name for name in self.names if name.lower() in _TARGET_NAMES), self.names[-1])


#: The files that are written, in this order.
FILES: Final = ("baseline.json", "variant.json")

Task: TypeAlias = Literal["classification", "regression"]


@dataclass(frozen=True)
class Target:
    """The column to be predicted: its classes with their rows, the largest first, or its least, middle and largest."""

    name: str
    kind: Kind
    task: Task
    distinct: int
    classes: tuple[tuple[Any, int], ...] = ()
    span: tuple[float, float, float] | None = None

    @property
    def is_unbalanced(self) -> bool:
        """Whether the largest class is to the smallest as train's warning has it for two classes: four to one."""
        if not self.classes:
            return False
        largest, smallest = self.classes[0][1], self.classes[-1][1]
        return largest >= IMBALANCE_SHARE * (largest + smallest)


class Choice(NamedTuple):
    """One decision: the key of the config, its value, and why."""

    key: str
    value: Any
    why: Statement


@dataclass(frozen=True)
class Start:
    """A first experiment: what the table holds, what was chosen and why, and the two configs.

    `left_out` has the columns that are no features, each with its fault; `notes` is what a person should look at.
    """

    survey: Survey
    target: Target
    left_out: Mapping[str, str]
    choices: tuple[Choice, ...]
    notes: tuple[Statement, ...]
    baseline: Mapping[str, Any]
    variant: Mapping[str, Any]
    directory: Path

    @property
    def files(self) -> list[Path]:
        """Where the two configs lie."""
        return [self.directory / name for name in FILES]


#: ``id``, ``customer_id``, ``PassengerId``; not ``paid``.
_ID_NAME: Final = re.compile(r"(?:^|[_\W])(?i:id|uuid|guid|index)$|[a-z]I[dD]$")


def look(path: Path) -> Survey:
    """Look at the table in a CSV, TSV or Parquet file, through the very reader of train.

    Raises:
        UsageError: there is no such file, or its name tells no format.
        StageError: no table can be read from it, or none that anything can be learnt from.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        said = f"{clean(str(path))}: the path is no UTF-8 text, which no config can hold: rename it."
        raise UsageError(said) from None
    if not os.path.lexists(path):
        raise UsageError(f"There is no file {clean(str(path))}{_nearest(path)}")
    reader = reader_of(path.name)
    if reader is None:
        raise UsageError(f"{clean(str(path))}: expected a .csv, .tsv or .parquet file (.csv.gz and .tsv.gz, too).")
    from week2kit.loop.reading import read_file  # pandas: not for a path that is wrong

    frame = read_file(read_data(path), reader)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    _check_names(list(frame.columns))
    if len(frame) < MIN_ROWS:
        raise StageError(
            f"The data file has {len(frame)} rows; expected at least {MIN_ROWS}.",
            "Collect more rows: what is learnt from so few says nothing about the next one.",
        )
    return Survey(
        path=path,
        rows=len(frame),
        columns=tuple(_column(name, frame[name]) for name in frame.columns),
        first_rows=_first_rows(frame),
        frame=frame,
    )


def _nearest(path: Path) -> str:
    """The table in that folder whose name is nearest, or where the path starts."""
    try:
        tables = [other.name for other in path.parent.iterdir() if reader_of(other.name) is not None]
    except OSError:
        tables = []
    close = difflib.get_close_matches(path.name, tables, n=1)
    return f"; did you mean {clean(str(path.with_name(close[0])))}?" if close else f".{from_here(path)}"


def _check_names(names: Sequence[str]) -> None:
    if len(names) == 1:
        separator = next((name for mark, name in ((";", "semicolons"), ("\t", "tabs")) if mark in names[0]), None)
        raise StageError(
            f'The data file has one column, "{clean(names[0], 60)}"; expected a target and at least one feature.',
            f"It seems to be separated by {separator}: save it with commas." if separator else "Add a feature column.",
        )
    if _are_values(names):
        raise StageError(
            f"The first line of the data file holds numbers ({clean(', '.join(names), 60)}) and no column names.",
            "Write the names of the columns above the first row.",
        )
    unfit = next((name for name in names if not 0 < len(name) <= MAX_LABEL), None)
    if unfit is not None:
        raise StageError(
            f'The data file has a column name of {len(unfit)} characters ("{clean(unfit, 60)}"); a config takes '
            f"names of 1 to {MAX_LABEL}.",
            "Rename the column.",
        )


def _are_values(names: Sequence[str]) -> bool:
    """Whether a header is a row of numbers: one with a point, or mostly whole ones that do not ascend as years do."""
    from week2kit.loop.reading import NUMBER

    numbers = [name for name in names if NUMBER.fullmatch(name)]
    if any("." in name or "e" in name.lower() for name in numbers):
        return True
    whole = [int(name) for name in numbers]
    return 2 * len(whole) > len(names) and any(a >= b for a, b in pairwise(whole))


def _first_rows(frame: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    head = frame.head(FIRST_ROWS)
    cells = [map(_cell, head[name].to_list(), head[name].isna()) for name in head.columns]
    return tuple(zip(*cells, strict=True))


def _cell(value: object, missing: bool) -> str:
    return "" if missing else f"{value:.6g}" if isinstance(value, float) else str(value)


def _column(name: str, series: pd.Series[Any]) -> Column:
    from week2kit.loop.data import typed

    missing = int(series.isna().sum())
    try:
        kind, values = typed(series, name)
    except StageError:
        return Column(name, None, missing, None, "unreadable")
    present, distinct = len(values) - missing, _count_distinct(values)
    grouping = FEW_CLASSES < distinct < present and _ID_NAME.search(name) is not None
    return Column(name, kind, missing, distinct, _fault(name, kind, values, present, distinct), grouping)


def _count_distinct(values: np.ndarray[Any, Any]) -> int:
    """How many different values there are, missing ones not counted; sorting numbers is faster than hashing them."""
    import numpy as np
    import pandas as pd

    if values.dtype.kind == "O":
        return int(pd.Series(values, dtype=object).nunique())
    present = np.sort(values[~np.isnan(values)] if values.dtype.kind == "f" else values)
    return int(np.count_nonzero(present[1:] != present[:-1])) + (len(present) > 0)


def _fault(name: str, kind: Kind, values: np.ndarray[Any, Any], present: int, distinct: int) -> str | None:
    """The first reason against a column as a feature: those first that train would refuse."""
    import numpy as np

    from week2kit.loop.data import holds_dates

    if present == 0:
        return "empty"
    if kind == "float" and np.isinf(values).any():
        return "infinite"
    if kind == "float" and max(np.nanmax(values), -np.nanmin(values)) > LARGEST_NUMBER:
        return "huge"
    if kind == "text" and holds_dates(values):
        return "dates"
    if distinct == 1:
        return "constant"
    if present <= (1 - MOSTLY_MISSING) * len(values):
        return "missing"
    if _is_identifier(name, kind, values, present, distinct):
        return "identifier"
    return "many_values" if kind == "text" and 2 * distinct > present else None


def _is_identifier(name: str, kind: Kind, values: np.ndarray[Any, Any], present: int, distinct: int) -> bool:
    """Whether a column names its rows: all texts differ, it counts from 0 or 1, or its name says so and half differ."""
    if kind == "text":
        return distinct == present
    if kind == "int" and distinct == len(values):
        first, last = int(values.min()), int(values.max())
        if first in (0, 1) and last - first == len(values) - 1:
            return True
    return kind in ("int", "float") and 2 * distinct > present and _ID_NAME.search(name) is not None
