"""Data: from a table as it was read to the used columns, each of one kind, checked and digested."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from week2kit.canonical import clean, combined_digest
from week2kit.config.form import BundledData, Config, FileData
from week2kit.errors import StageError
from week2kit.loop.digests import column_digest, unordered_digest
from week2kit.record.manifest import Column, Kind
from week2kit.thresholds import MAX_COLUMN_NAMES, MAX_LABEL

_DATE: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}")


@dataclass(frozen=True)
class Table:
    """The used columns of the data, each of one of four kinds.

    `features` has one column per feature, in the file's order: int64, float64 (missing as NaN; a column of true and
    false is 1 and 0) or object (text, missing as NaN). `target` and `groups` have one value per row.
    """

    features: pd.DataFrame
    target: np.ndarray[Any, Any]
    groups: np.ndarray[Any, Any] | None
    columns: tuple[Column, ...]

    @property
    def digest(self) -> str:
        """The digest of the whole table: that of its columns' digests, in order."""
        return combined_digest(column.digest for column in self.columns)

    @property
    def unordered_digest(self) -> str:
        """A checksum of the rows that is the same in whatever order they stand: it tells a permuted table as such."""
        names = [column.name for column in self.columns if column.role == "feature"]
        values = [*(self.features[name].to_numpy() for name in names), self.target]
        return unordered_digest(values if self.groups is None else [*values, self.groups])

    def digest_of(self, rows: np.ndarray[Any, Any]) -> str:
        """The digest of the table that these rows make up, in this order."""
        names = [column.name for column in self.columns if column.role == "feature"]
        kinds = {column.name: column.kind for column in self.columns}
        values = [(name, kinds[name], self.features[name].to_numpy()[rows]) for name in names]
        for column in self.columns[len(names) :]:
            whole = self.target if column.role == "target" else self.groups
            assert whole is not None
            values.append((column.name, column.kind, whole[rows]))
        return combined_digest(column_digest(name, kind, part) for name, kind, part in values)


# --- choosing and checking --------------------------------------------------------------------------------------


def use_columns(
    frame: pd.DataFrame,
    config: Config,
    target: str,
    *,
    classification: bool,
    kinds: Mapping[str, Kind] | None = None,
) -> Table:
    """The table of the columns that the config uses, checked.

    Args:
        frame: the table as it was read.
        config: says which columns.
        target: the name of the target.
        classification: whether the target is classes.
        kinds: of what kind each column is to be, as far as its values are the same in that kind (see `of_kind`).

    Raises:
        StageError: a named column is not there, a column holds what no model can use, or the target cannot be learnt.
    """
    names = [str(name) for name in frame.columns]
    frame = frame.set_axis(names, axis=1)
    data, groups = config.data, getattr(config.split, "groups", None)
    _known_columns(names, target, groups, data)
    features = data.features or [n for n in names if n not in {target, groups, *(data.drop or [])}]
    if not features:
        raise StageError("No feature column is left.", "Name some under data.features, or drop fewer.")
    if target in features:
        raise StageError(f'The target "{clean(target)}" is listed among the features.', "Take it out of data.features.")
    in_order = [name for name in names if name in set(features)]  # the file's order, however they were listed
    _check_names([*in_order, target])
    if len(frame) == 0:
        raise StageError("The data file has column names, but no rows.")
    columns, values = [], {}
    for name, role in [
        *((n, "feature") for n in in_order),
        (target, "target"),
        *([(groups, "groups")] if groups else []),
    ]:
        kind, column = of_kind((kinds or {}).get(name), *typed(frame[name], name))
        missing = _count_missing(column)
        _check_column(name, role, kind, column, missing)
        digest, as_float = column_digest(name, kind, column), _digest_as_float(name, kind, column)
        columns.append(
            Column(name=name, kind=kind, role=role, missing=missing, digest=digest, as_float=as_float)  # type: ignore[arg-type]
        )
        values[role, name] = column
    table = Table(
        # each with its own dtype: pandas 3 would make another kind of text out of objects, and another with pyarrow
        features=pd.DataFrame(
            {
                name: pd.Series(column, dtype=column.dtype, copy=False)
                for name in in_order
                for column in [values["feature", name]]
            },
            copy=False,
        ),
        target=values["target", target],
        groups=values["groups", groups] if groups else None,
        columns=tuple(columns),
    )
    _check_target(table.target, target, columns[len(in_order)].kind, classification=classification)
    return table


def _known_columns(names: Sequence[str], target: str, groups: str | None, data: FileData | BundledData) -> None:
    wanted = [("data.target", [target]), ("split.groups", [groups] if groups else [])]
    wanted += [("data.features", data.features or []), ("data.drop", data.drop or [])]
    for key, columns in wanted:
        for name in columns:
            if name not in names:
                raise StageError(
                    f'{key}: the data has no column "{clean(name)}"; it has {_listed(names)}.',
                    _column_hint(name, names),
                )


def _check_names(names: Sequence[str]) -> None:
    """A record holds the name of every used column, and shall stay one that can be read."""
    if long := [name for name in names if len(name) > MAX_LABEL]:
        raise StageError(
            f'The column "{clean(long[0], 60)}" has a name of {len(long[0])} characters; at most {MAX_LABEL} are read.',
            "Give it a shorter name in the file, or drop it with data.drop.",
        )
    if (characters := sum(map(len, names))) > MAX_COLUMN_NAMES:
        raise StageError(
            f"The names of the columns have {characters} characters together; at most {MAX_COLUMN_NAMES} are read.",
            "Give them shorter names in the file, or use fewer: data.features.",
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f'"{clean(name, 60)}"' for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _column_hint(name: str, names: Sequence[str]) -> str:
    if len(names) == 1 and ";" in names[0]:
        return "The file seems to be separated by semicolons: save it with commas."
    close = difflib.get_close_matches(name, names, n=1)
    return f'Did you mean "{clean(close[0])}"?' if close else "Name one of these columns."


def typed(series: pd.Series[Any], name: str) -> tuple[Kind, np.ndarray[Any, Any]]:
    """The kind of a column and its values as an array of int64, float64 or object."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    dtype = series.dtype
    if pd.api.types.is_bool_dtype(dtype):
        if series.isna().any():
            return "bool", series.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        return "bool", series.to_numpy(dtype=np.int64)
    if pd.api.types.is_integer_dtype(dtype):
        if series.isna().any():
            return "float", series.to_numpy(dtype=np.float64, na_value=np.nan)
        if series.max() > np.iinfo(np.int64).max:  # an unsigned column beyond int64
            return "float", series.to_numpy(dtype=np.float64)
        return "int", series.to_numpy(dtype=np.int64)
    if pd.api.types.is_float_dtype(dtype):
        return "float", series.to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype):
        return _typed_object(series, name)
    raise StageError(
        f'Column "{clean(name)}" holds {dtype}, which no model reads as a feature.',
        f'Leave it out ("drop": ["{clean(name)}"]), or turn it into numbers first.',
    )


def of_kind(wanted: Kind | None, kind: Kind, values: np.ndarray[Any, Any]) -> tuple[Kind, np.ndarray[Any, Any]]:
    """A column as it was recorded, where only its spelling made another kind of the same numbers: 3 and 3.0.

    Spreadsheets write one for the other. What is not the same number in the other kind stays as it is.
    """
    if (kind, wanted) == ("int", "float"):
        floats = values.astype(np.float64)
        return ("float", floats) if _are_equal(floats, values) else (kind, values)
    if (kind, wanted) == ("float", "int") and _fit_int64(values):
        whole = values.astype(np.int64)
        return ("int", whole) if _are_equal(values, whole) else (kind, values)
    return kind, values


def _fit_int64(floats: np.ndarray[Any, Any]) -> bool:
    return bool(((floats >= -(2.0**63)) & (floats < 2.0**63)).all())  # a missing value is neither


def _are_equal(floats: np.ndarray[Any, Any], whole: np.ndarray[Any, Any]) -> bool:
    """Whether float64 and int64 values are the same numbers; numpy by itself compares both as floats."""
    return _fit_int64(floats) and bool((floats.astype(whole.dtype) == whole).all() and (floats == whole).all())


def _digest_as_float(name: str, kind: Kind, values: np.ndarray[Any, Any]) -> str | None:
    kind, values = of_kind("float", kind, values) if kind == "int" else ("text", values)
    return column_digest(name, kind, values) if kind == "float" else None


def _typed_object(series: pd.Series[Any], name: str) -> tuple[Kind, np.ndarray[Any, Any]]:
    missing = series.isna().to_numpy()
    values = series.to_numpy(dtype=object)
    kinds = set(map(type, values[~missing]))
    if not kinds:
        return "float", np.full(len(values), np.nan)
    if kinds <= {bool, np.bool_}:
        return "bool", np.array([np.nan if gone else float(v) for v, gone in zip(values, missing, strict=True)])
    if any(not issubclass(kind, str) for kind in kinds):
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise StageError(
            f'Column "{clean(name)}" holds values of type {found}, which no model reads as a feature.',
            f'Leave it out ("drop": ["{clean(name)}"]), or turn it into numbers or texts first.',
        )
    if missing.any():
        values = values.copy()
        values[missing] = np.nan
    return "text", values


def _count_missing(values: np.ndarray[Any, Any]) -> int:
    if values.dtype.kind == "f":
        return int(np.count_nonzero(np.isnan(values)))
    return int(np.count_nonzero(pd.isna(values))) if values.dtype.kind == "O" else 0


def _check_column(name: str, role: str, kind: Kind, values: np.ndarray[Any, Any], missing: int) -> None:
    shown = clean(name)
    if missing and role != "feature":
        first = int(np.flatnonzero(_is_missing(values))[0])
        raise StageError(
            f'The {role} "{shown}" has no value in {missing} of {len(values)} rows, first in data row {first}.',
            "Remove these rows from the data, or fill in what is missing: a row without it teaches nothing.",
        )
    if missing == len(values):
        raise StageError(f'Column "{shown}" holds no value at all.', f'Leave it out: "drop": ["{shown}"].')
    if kind == "float" and not np.isfinite(values[~np.isnan(values)]).all():
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise StageError(
            f'Column "{shown}" holds an infinite number in data row {row}; numbers must be finite.',
            "Correct the cell, or leave it empty.",
        )
    if kind == "text" and role == "feature" and holds_dates(values):
        raise StageError(
            f'Column "{shown}" holds dates, which a model would take for unordered categories.',
            f'Leave it out ("drop": ["{shown}"]), or turn it into numbers first (year, days since the start).',
        )


def _is_missing(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    result: np.ndarray[Any, Any] = pd.isna(values)
    return result


def holds_dates(values: np.ndarray[Any, Any]) -> bool:
    """Whether the first texts of a column are all dates."""
    first = [value for value in pd.unique(values[:2000]) if isinstance(value, str)][:100]
    return bool(first) and all(_DATE.fullmatch(value.strip()) for value in first)


def _check_target(target: np.ndarray[Any, Any], name: str, kind: Kind, *, classification: bool) -> None:
    shown, distinct = clean(name), len(pd.unique(target))
    if distinct == 1:
        raise StageError(
            f'The target "{shown}" has the same value in every row, so there is nothing to learn.',
            "Check that data.target names the right column.",
        )
    if not classification:
        if kind == "text":
            raise StageError(
                f'The target "{shown}" holds text, and the model predicts numbers.', "Choose a classifier."
            )
        return
    if kind == "float" and not (target == np.floor(target)).all():
        raise StageError(
            f'The target "{shown}" holds fractions, and the model predicts classes.',
            'Choose a regressor, for example "model": "linear_regression".',
        )
    if kind == "text" and (longest := max(map(len, pd.unique(target)))) > MAX_LABEL:
        raise StageError(
            f'The target "{shown}" holds a text of {longest} characters, and a class has at most {MAX_LABEL}.',
            "Check that data.target names the right column.",
        )
    if distinct == len(target):
        raise StageError(
            f'The target "{shown}" has another value in each of its {distinct} rows, so no class can be learnt.',
            "Check that data.target does not name an identifier; for numbers choose a regressor.",
        )
