"""Two tables cell by cell: which cells differ, which rows came or went, or whether only their order is another.

For the child, which has pandas. What is told is a finding with values: rows counted from 0 as in predictions.csv, the
line of the file where every row has one line, the column, and both values (missing is null).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from week2kit.config.form import Config, FileData, split_column
from week2kit.loop.data import of_kind, typed
from week2kit.loop.digests import row_hashes
from week2kit.loop.predictions import Predictions
from week2kit.loop.reading import Reader, read_file
from week2kit.loop.textfile import NUMBER, unpacked
from week2kit.record.manifest import Kind
from week2kit.record.verdict import Finding
from week2kit.thresholds import CELL_LENGTH, LISTED_CELLS

#: Tells the second of two equal rows from the first, and so on: any odd number with many bits set does.
_OCCURRENCE: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Columns:
    """The used columns of a file as they were read, whether or not a model could use them."""

    kinds: Mapping[str, Kind]
    frame: pd.DataFrame
    one_line_each: bool

    def cell(self, name: str, row: int, recorded: Any) -> dict[str, Any]:
        """A cell of this file, and what was recorded in its place; with its line, where every row has one."""
        now = _told(self.kinds[name], self.frame[name].iat[row])
        return {"column": name, "row": row, "line": self.line(row), "recorded": recorded, "now": now}

    def line(self, row: int) -> int | None:
        """The line of the file in which a row stands, where every row has one."""
        return row + 2 if self.one_line_each else None


def read_columns(content: bytes, reader: Reader, config: Config, kinds: Mapping[str, Kind] | None = None) -> Columns:
    """The columns of a file that a config uses; those that are not there are left out. For `kinds` see `of_kind`.

    Raises:
        StageError: no table can be read from it.
    """
    assert isinstance(config.data, FileData)
    read = read_file(content, reader, data=config.data)
    frame = read.frame.set_axis([str(name) for name in read.frame.columns], axis=1)
    rows = len(frame)
    if config.data.drop_missing_target and config.data.target in frame:
        frame = frame[frame[config.data.target].notna()]
    by, data = split_column(config.split), config.data
    others = {data.target, data.weights, by and by[1]}
    features = data.features or [name for name in frame.columns if name not in {*(data.drop or []), *others}]
    used = [name for name in frame.columns if name in {*features, *others}]
    found = {name: of_kind((kinds or {}).get(name), *typed(frame[name], name)) for name in used}
    typed_frame = pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, (_, values) in found.items()})
    one_line_each = reader != "parquet" and _lines(content) == rows + 1 and rows == len(frame)
    return Columns({name: kind for name, (kind, _) in found.items()}, typed_frame, one_line_each)


def _lines(content: bytes) -> int:
    text = unpacked(content)
    return text.count(b"\n") + (not text.endswith(b"\n"))


# --- two files --------------------------------------------------------------------------------------------------


def compare_columns(old: Columns, new: Columns, where: str) -> list[Finding]:
    """What differs in the columns that both files have; empty where their cells are equal."""
    shared = [name for name in old.frame if name in new.frame]
    if not shared:
        return []
    alike = [name for name in shared if (old.kinds[name] == "text") == (new.kinds[name] == "text")]
    alone = _surplus(old, new, alike) if alike else (np.array([], np.int64),) * 2
    if len(old.frame) != len(new.frame):
        return [_other_rows(old, new, alone, where)] if alike else []
    differs = pd.DataFrame({name: unequal(old.frame[name], new.frame[name]) for name in shared})
    changed = differs.any(axis=1)
    moved = int(changed.sum())
    if not moved:
        return []
    if len(alike) == len(shared) and len(alone[0]) < moved:  # the same rows, elsewhere
        if len(alone[0]):
            return [_other_rows(old, new, alone, where)]
        return [Finding(code="data.row_order", where=where, now={"rows": moved, "first": int(changed.argmax())})]
    rows, positions = (found[:LISTED_CELLS].tolist() for found in np.nonzero(differs.to_numpy()))
    cells = [
        new.cell(name, row, _told(old.kinds[name], old.frame[name].iat[row]))
        for row, name in zip(rows, differs.columns[positions], strict=True)
    ]
    counts = {str(name): int(count) for name, count in differs.sum().items() if count}
    return [Finding(code="data.cells", where=where, now={"columns": counts, "cells": cells})]


def _surplus(old: Columns, new: Columns, names: Sequence[str]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The rows that only one of the files has; of equal rows, those that one has more often."""
    pairs = [(old.frame[name].to_numpy(), new.frame[name].to_numpy()) for name in names]
    # whole numbers on one side only: a missing value makes floats of all the others
    pairs = [(a, b) if a.dtype == b.dtype else (a.astype(np.float64), b.astype(np.float64)) for a, b in pairs]
    left, right = (_row_keys(side) for side in zip(*pairs, strict=True))
    return np.flatnonzero(~np.isin(left, right)), np.flatnonzero(~np.isin(right, left))


def _row_keys(columns: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """A number for each row that equal rows of two files share, the n-th with the n-th."""
    hashes = row_hashes(columns)
    occurrence = pd.Series(hashes).groupby(hashes).cumcount().to_numpy().astype(np.uint64)
    keys: np.ndarray[Any, Any] = hashes + occurrence * _OCCURRENCE
    return keys


def _other_rows(
    old: Columns, new: Columns, alone: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]], where: str
) -> Finding:
    sides = []
    for side, rows in zip((old, new), alone, strict=True):
        first = [{"row": row, "line": side.line(row)} for row in rows[:LISTED_CELLS].tolist()]
        sides.append({"rows": len(side.frame), "alone": len(rows), "first": first})
    return Finding(code="data.row_set", where=where, recorded=sides[0], now=sides[1])


def _told(kind: Kind, value: Any) -> Any:
    """A cell as a JSON value."""
    if isinstance(value, str):
        return value[:CELL_LENGTH].encode("utf-8", "replace").decode()
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, float) and not math.isfinite(number):
        return None if math.isnan(number) else str(number)
    return bool(number) if kind == "bool" else number


def unequal(old: pd.Series[Any], new: pd.Series[Any]) -> pd.Series[bool]:
    """Where two columns of equal length hold other values; two missing values are equal.

    Where one holds texts and the other numbers, a text is the number that it spells.
    """
    if (old.dtype == object) != (new.dtype == object):
        old, new = (_numbers(side) if side.dtype == object else side for side in (old, new))
    return old.ne(new) & ~(old.isna() & new.isna())


def _numbers(texts: pd.Series[Any]) -> pd.Series[Any]:
    """The numbers that texts spell, true and false 1 and 0; infinity for one that spells none."""
    codes, distinct = pd.factorize(texts)
    words = {"true": 1.0, "false": 0.0}
    found = [float(t) if NUMBER.fullmatch(t) else words.get(t.strip().lower(), math.inf) for t in distinct]
    return pd.Series(np.array([*found, math.nan])[codes])  # what code -1, missing, looks up


# --- the target, from predictions.csv ---------------------------------------------------------------------------


def compare_target(stored: Predictions, new: Columns, target: str, where: str) -> list[Finding]:
    """Which validation rows have another target than predictions.csv says; for files with the same rows otherwise."""
    rows, first = np.unique(stored.row, return_index=True)
    if rows[0] < 0 or rows[-1] >= len(new.frame):
        return []
    labels = stored.decoded(stored.y_true[first])
    recorded = pd.Series(labels, dtype=labels.dtype)
    changed = np.flatnonzero(unequal(recorded, new.frame[target].iloc[rows].reset_index(drop=True)))
    kind = new.kinds[target]
    cells = [new.cell(target, int(rows[i]), _told(kind, recorded.iat[i])) for i in changed[:LISTED_CELLS]]
    told = {"validation_rows": len(rows), "columns": {target: len(changed)}, "cells": cells}
    return [Finding(code="data.target_cells" if cells else "data.target_elsewhere", where=where, now=told)]
