"""Data: from a table as it was read to the used columns, each of one kind, checked and digested."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd

from week2kit.canonical import clean, combined_digest
from week2kit.config.form import BundledData, Config, FileData, split_column
from week2kit.loop.cells import numbers_as_text
from week2kit.loop.dates import dates_in
from week2kit.loop.digests import column_digest, unordered_digest
from week2kit.loop.joining import Both
from week2kit.loop.reading import Read, at_the_edge, texts_of_gaps
from week2kit.record.manifest import Column, Kind
from week2kit.refusals import refusal
from week2kit.thresholds import MAX_COLUMN_NAMES, MAX_LABEL

Role: TypeAlias = Literal["feature", "target", "groups", "order", "split", "weights"]

#: The classes of a target, in scikit-learn's order.
Labels: TypeAlias = Sequence[bool | int | float | str]


@dataclass(frozen=True)
class Table:
    """The used columns of the data, each of one of four kinds.

    `features` has one column per feature, in the file's order: int64, float64 (missing as NaN; a column of true and
    false is 1 and 0) or object (text, missing as NaN). `target`, `by` (what the split goes by) and `weights` have a
    value per row. `classes` are the typed labels of a target that is classified, sorted, and `codes` the rows as
    positions in them (int64).
    `dropped` rows were left out because they have no target; `separator` stood between the fields; the last
    `validation` rows are those of a validation file.
    """

    features: pd.DataFrame
    target: np.ndarray[Any, Any]
    by: np.ndarray[Any, Any] | None
    columns: tuple[Column, ...]
    classes: list[Any] | None = None
    codes: np.ndarray[Any, Any] | None = None
    weights: np.ndarray[Any, Any] | None = None
    dropped: int = 0
    separator: str = ","
    validation: int | None = None

    @property
    def counts(self) -> np.ndarray[Any, Any] | None:
        """The number of rows of each class."""
        return None if self.codes is None else np.bincount(self.codes)

    @property
    def truth(self) -> np.ndarray[Any, Any]:
        """What is right, row by row: the codes of the classes, or the target as float64."""
        return self.codes if self.codes is not None else self.target.astype(np.float64)

    def column_of(self, role: Role) -> Column:
        """The column that has a role which no other has."""
        return next(column for column in self.columns if column.role == role)

    @property
    def arrays(self) -> list[np.ndarray[Any, Any]]:
        """The values of `columns`, in their order."""
        features = [self.features[column.name].to_numpy() for column in self.columns if column.role == "feature"]
        return [*features, self.target, *(other for other in (self.by, self.weights) if other is not None)]

    @property
    def digest(self) -> str:
        """The digest of the whole table: that of its columns' digests, in order."""
        return combined_digest(column.digest for column in self.columns)

    @property
    def unordered_digest(self) -> str:
        """A checksum of the rows that is the same in whatever order they stand: it tells a permuted table as such."""
        return unordered_digest(self.arrays)

    def digest_of(self, rows: np.ndarray[Any, Any]) -> str:
        """The digest of the table that these rows make up, in this order."""
        pairs = zip(self.columns, self.arrays, strict=True)
        return combined_digest(column_digest(column.name, column.kind, values[rows]) for column, values in pairs)


# --- choosing and checking --------------------------------------------------------------------------------------


def use_columns(
    read: Read,
    config: Config,
    target: str,
    *,
    classification: bool,
    kinds: Mapping[str, Kind] | None = None,
    both: Both | None = None,
) -> Table:
    """The table of the columns that the config uses, checked.

    Args:
        read: the table as it was read.
        config: says which columns.
        target: the name of the target.
        classification: whether the target is classes.
        kinds: of what kind each column is to be, as far as its values are the same in that kind (see `of_kind`).
        both: the two files that were read as one table, where there are two.

    Raises:
        StageError: a named column is not there, a column holds what no model can use, or the target cannot be learnt.
    """
    frame = read.frame.set_axis([str(name) for name in read.frame.columns], axis=1)
    by, weights = split_column(config.split), getattr(config.data, "weights", None)
    others = list[tuple[Role, str]]([by] if by else [])
    if weights:
        others.append(("weights", weights))
    features = _features(_named(frame, config.data), target, others, config.data)
    if len(frame) == 0:
        raise refusal("file.no_rows")
    if both is not None:
        _check_names([*features, target, *(name for _, name in others)], both)
    keeps = ~frame[target].isna().to_numpy() if getattr(config.data, "drop_missing_target", None) else None
    roles: list[tuple[str, Role]] = [*((name, "feature") for name in features), (target, "target")]
    roles += [(name, role) for role, name in others]
    gaps = texts_of_gaps(read, frame, [name for name, _ in roles], keeps)
    if keeps is not None:
        frame = frame[keeps]
        if len(frame) == 0:
            raise refusal("column.empty", name=target)
    columns, arrays = [], []
    for name, role in roles:
        series = frame[name]
        if role == "order" and pd.api.types.is_datetime64_any_dtype(series.dtype):
            series = series.map(lambda moment: moment.isoformat(), na_action="ignore")
        known = (kinds or {}).get(name)  # of a record: it passed all that is looked at here
        kind, values = of_kind(known, *typed(series, name))
        missing = int(np.count_nonzero(pd.isna(values)))
        _check_column(name, role, kind, values, missing, gaps.get(name, {}))
        if kind == "text" and role == "feature" and known is None and dates_in(values) is not None:
            raise refusal("column.dates", name=name)
        columns.append(
            Column(
                name=name,
                kind=kind,
                role=role,
                missing=missing,
                digest=column_digest(name, kind, values),
                as_float=_digest_as_float(name, kind, values),
                gaps=gaps.get(name, {}) if read.text is not None else None,
            )
        )
        arrays.append(values)
    learnt, separator = len(features), read.text.separator if read.text is not None else ","
    classes, codes = _target(
        arrays[learnt], target, columns[learnt].kind, classification=classification, separator=separator
    )
    # each with its own dtype: pandas 3 would make another kind of text out of objects, and another with pyarrow
    series = {name: pd.Series(a, dtype=a.dtype, copy=False) for name, a in zip(features, arrays[:learnt], strict=True)}
    return Table(
        features=pd.DataFrame(series, copy=False),
        target=arrays[learnt],
        by=arrays[learnt + 1] if by else None,
        weights=_weights(arrays[-1], weights) if weights else None,
        columns=tuple(columns),
        classes=classes,
        codes=codes,
        dropped=0 if keeps is None else int(np.count_nonzero(~keeps)),
        separator=separator,
        validation=None if both is None else _kept(both.rows, keeps),
    )


def _check_names(used: Sequence[str], both: Both) -> None:
    if lacking := next((name for name in used if name not in both.names), None):
        raise refusal("columns.not_in_validation", name=lacking, names=[*both.names])


def _kept(rows: int, keeps: np.ndarray[Any, Any] | None) -> int:
    """How many of the last rows are used."""
    return rows if keeps is None else int(np.count_nonzero(keeps[len(keeps) - rows :]))


def _named(frame: pd.DataFrame, data: FileData | BundledData) -> list[str]:
    """The columns without those at the edge of a spreadsheet that have neither a name nor a value."""
    asked = {*(data.features or ()), *(data.drop or ())}
    empty = set(at_the_edge(frame)) - asked
    return [name for name in frame.columns if name not in empty]


#: Where a config names the column of a role.
_KEYS: Final[Mapping[Role, str]] = {
    "groups": "split.groups",
    "order": "split.order_by",
    "split": "split.column",
    "weights": "data.weights",
}


def _weights(values: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
    """The weights of rows as float64, checked."""
    if values.dtype.kind == "O":
        raise refusal("weights.text", name=name)
    weights = values.astype(np.float64)
    if (weights < 0).any():
        raise refusal("weights.negative", name=name, row=int((weights < 0).argmax()))
    return weights


def _features(
    names: list[str], target: str, roles: Sequence[tuple[Role, str]], data: FileData | BundledData
) -> list[str]:
    """The features that a config uses, in the file's order, however they are listed."""
    others = [name for _, name in roles]
    wanted = {"data.target": [target]} | {_KEYS[role]: [name] for role, name in roles}
    wanted |= {"data.features": data.features or [], "data.drop": data.drop or []}
    wanted |= {"data.columns": [*(getattr(data, "columns", None) or ())]}
    for key, columns in wanted.items():
        for name in columns:
            if name not in names:
                close = difflib.get_close_matches(name, names, n=1)
                raise refusal(
                    "columns.semicolons"
                    if len(names) == 1 and ";" in names[0]
                    else "columns.misspelt"
                    if close
                    else "columns.unknown",
                    key=key,
                    name=name,
                    names=names,
                    close=close and close[0],
                )
    left = set(data.features or names) - (set() if data.features else {target, *others, *(data.drop or [])})
    if not left:
        raise refusal("columns.no_feature")
    if target in left:
        raise refusal("columns.target_is_feature", name=target)
    features = [name for name in names if name in left]
    # a record holds the name of every used column, and shall stay one that can be read
    if long := [name for name in (*features, target) if len(name) > MAX_LABEL]:
        raise refusal("columns.long_name", name=clean(long[0], 60), count=len(long[0]))
    if (characters := sum(map(len, (*features, target)))) > MAX_COLUMN_NAMES:
        raise refusal("columns.long_names", count=characters)
    return features


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
    raise refusal("column.dtype", name=name, dtype=str(dtype))


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
        raise refusal("column.types", name=name, types=found)
    if missing.any():
        values = values.copy()
        values[missing] = np.nan
    return "text", values


def _check_column(
    name: str, role: Role, kind: Kind, values: np.ndarray[Any, Any], missing: int, gaps: Mapping[str, int]
) -> None:
    if missing and role != "feature":
        rows, row = len(values), int(pd.isna(values).argmax())
        if role != "target":
            told = "groups" if role == "groups" else f"column of {_KEYS[role]}"
            raise refusal("column.gaps", role=told, name=name, missing=missing, rows=rows, row=row)
        texts = [text for text in gaps if text.strip()]
        if texts and kind in ("text", "bool"):
            raise refusal("target.gaps_of", texts=texts, name=name, missing=missing, rows=rows, row=row)
        raise refusal("target.gaps", name=name, missing=missing, rows=rows, row=row)
    if missing == len(values):
        raise refusal("column.empty", name=name)
    if kind == "float" and (infinite := np.isinf(values)).any():
        raise refusal("column.infinite", name=name, row=int(infinite.argmax()))


def _target(
    target: np.ndarray[Any, Any], name: str, kind: Kind, *, classification: bool, separator: str
) -> tuple[list[Any] | None, np.ndarray[Any, Any] | None]:
    """The classes of a target that can be learnt, and the rows as positions in them; of numbers neither."""
    codes, classes = pd.factorize(target, sort=classification)
    if len(classes) == 1:
        raise refusal("target.constant", name=name)
    if kind == "text" and (not classification or len(classes) == len(target)):
        _refuse_numbers(target, name, separator)
    if not classification:
        if kind == "text":
            raise refusal("target.text", name=name)
        return None, None
    if kind == "float" and not (target == np.floor(target)).all():
        raise refusal("target.fractions", name=name)
    if kind == "text" and (longest := max(map(len, classes))) > MAX_LABEL:
        raise refusal("target.long_text", name=name, count=longest)
    if len(classes) == len(target):
        raise refusal("target.all_differ", name=name, rows=len(target))
    labels = np.asarray(classes).tolist()
    return list(map(bool, labels)) if kind == "bool" else labels, codes.astype(np.int64)


def _refuse_numbers(target: np.ndarray[Any, Any], name: str, separator: str) -> None:
    """Refuse a target of text that is numbers as people write them, and say how they are read."""
    if (found := numbers_as_text(target, separator)) is None:
        return
    remedy = found.remedy
    if found.form is not None:
        remedy["columns"] = {name: remedy["columns"]}
    cell, row = found.example
    raise refusal("target.number_texts", name=name, cell=cell, row=row, remedy=json.dumps(remedy, ensure_ascii=False))
