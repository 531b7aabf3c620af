"""Survey: what a table holds, column by column, in the types that train will see; and what is chosen by it."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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

    from week2kit.loop.reading import Read

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
    """A table as it was found; `first_rows` has the first rows as texts.

    `form` is how it is read, as keys of `data` in a config, and `said` what was seen for that.
    """

    path: Path
    rows: int
    columns: tuple[Column, ...]
    first_rows: tuple[tuple[str, ...], ...]
    read: Read = field(repr=False, compare=False)
    again: Callable[[Mapping[str, Any]], Read] = field(repr=False, compare=False)
    form: Mapping[str, Any]
    said: tuple[Statement, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """The whole table."""
        return self.read.frame

    def read_as(self, form: Mapping[str, Any], said: tuple[Statement, ...]) -> Survey:
        """The same file read in another form."""
        return _survey(self.path, self.again(form), self.again, form, (*self.said, *said))

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
    """The column to be predicted, and the rows that have it.

    Its classes with their rows, the largest first, or its least, middle and largest.
    """

    name: str
    kind: Kind
    task: Task
    distinct: int
    rows: int
    classes: tuple[tuple[Any, int], ...] = ()
    span: tuple[float, float, float] | None = None

    @property
    def is_unbalanced(self) -> bool:
        """Whether nearly all rows are of one class, so that train warns of it."""
        if not self.classes:
            return False
        return self.classes[0][1] >= IMBALANCE_SHARE * sum(rows for _, rows in self.classes)


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


#: ``id``, ``customer_id``, ``PassengerId``, ``Row Id.``; not ``paid``, nor ``body_mass_index``.
_ID_NAME: Final = re.compile(
    r"(?:^|[_\W])(?i:id|uuid|guid)\W*$|[a-z]I[dD]$|^(?i:(?:row|case|record|sample|obs|observation)?[_\W]?"
    r"(?:index|idx|no|nr)|row[_\W]?(?:names?|numbers?|id))\W*$"
)


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
    from week2kit.starting.meaning import first_form, read_as  # pandas: not for a path that is wrong

    content = read_data(path)
    read, form, seen = first_form(content, reader)
    return _survey(path, read, lambda other: read_as(content, reader, other), form, seen)


def _survey(
    path: Path,
    read: Read,
    again: Callable[[Mapping[str, Any]], Read],
    form: Mapping[str, Any],
    said: tuple[Statement, ...],
) -> Survey:
    from week2kit.loop.reading import at_the_edge

    frame = read.frame.set_axis([str(name) for name in read.frame.columns], axis=1)
    frame = frame.drop(columns=at_the_edge(frame))
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
        read=replace(read, frame=frame),
        again=again,
        form=form,
        said=said,
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
        separator = next((mark for mark in (";", "\t", "|") if mark in names[0]), None)
        raise StageError(
            f'The data file has one column, "{clean(names[0], 60)}"; expected a target and at least one feature.',
            "Its lines do not all have the same number of fields: correct those that have more or fewer."
            if separator
            else "Blanks stand between its fields: write commas in their place, and give each field a name."
            if len(names[0].split()) > 2
            else "Add a feature column.",
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
    from week2kit.loop.textfile import NUMBER

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
    if series.dtype.kind == "M":
        return Column(name, None, missing, None, "dates")
    try:
        kind, values = typed(series, name)
    except StageError:
        return Column(name, None, missing, None, "unreadable")
    present, distinct = len(values) - missing, _count_distinct(values)
    fault = _fault(name, kind, values, present, distinct)
    named = FEW_CLASSES < distinct < present and _ID_NAME.search(name) is not None and not _has_fractions(kind, values)
    return Column(name, kind, missing, distinct, fault, named and fault in (None, "identifier", "names"))


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

    from week2kit.loop.dates import dates_in

    if present == 0:
        return "empty"
    if kind == "float" and np.isinf(values).any():
        return "infinite"
    if kind == "float" and max(np.nanmax(values), -np.nanmin(values)) > LARGEST_NUMBER:
        return "huge"
    if kind == "text" and dates_in(values) is not None:
        return "dates"
    if distinct == 1:
        return "constant" if present == len(values) else "one_value"
    if present <= (1 - MOSTLY_MISSING) * len(values):
        return "missing"
    if _is_identifier(name, kind, values, present, distinct):
        return "identifier"
    if kind != "bool" and 2 * distinct > present and _ID_NAME.search(name) and not _has_fractions(kind, values):
        return "names"
    return "many_values" if kind == "text" and 2 * distinct > present else None


def _is_identifier(name: str, kind: Kind, values: np.ndarray[Any, Any], present: int, distinct: int) -> bool:
    """Whether a column tells every row apart: all texts differ, it counts from 0 or 1, has no name, or such a one."""
    from week2kit.loop.reading import NAMELESS

    if distinct < present or kind == "bool":
        return False
    if kind == "text":
        return True
    if kind == "int":
        first, last = int(values.min()), int(values.max())
        if first in (0, 1) and last - first == len(values) - 1:
            return True
    named = _ID_NAME.search(name) is not None or NAMELESS.fullmatch(name) is not None
    return named and not _has_fractions(kind, values)


def _has_fractions(kind: Kind, values: np.ndarray[Any, Any]) -> bool:
    """Whether a column holds a number that is not whole: no identifier does."""
    import numpy as np

    return kind == "float" and bool((np.floor(values) != values)[~np.isnan(values)].any())
