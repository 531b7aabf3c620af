"""Data: from the bytes of a file, or a bundled data set, to a table of the used columns with digests of its values."""

from __future__ import annotations

import csv
import difflib
import gzip
import hashlib
import io
import re
import warnings
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from week2kit.canonical import clean, combined_digest, sha256
from week2kit.config.form import BundledData, Config, FileData
from week2kit.errors import MissingHere, StageError
from week2kit.record.manifest import Column, Kind
from week2kit.thresholds import MAX_COLUMN_NAMES, MAX_COLUMNS, MAX_DATA_BYTES, MAX_LABEL, MAX_UNPACKED_BYTES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Reader: TypeAlias = Literal["csv", "tsv", "parquet", "sklearn"]

#: What a CSV cell holds when it holds no value. Written out, because pandas' own list has grown between versions.
MISSING: Final = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip

#: (Python's float takes blanks around it, but not the separators of ASCII, which count as blanks elsewhere.)
NUMBER: Final = re.compile(r"[^\S\x1c-\x1f]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[^\S\x1c-\x1f]*")

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


# --- reading ----------------------------------------------------------------------------------------------------


def read_file(content: bytes, reader: Reader, most: int = MAX_UNPACKED_BYTES) -> pd.DataFrame:
    """The table in the bytes of a CSV, TSV (gzip is recognised by its first bytes) or Parquet file.

    Numbers are read exactly: every float is the one that Python's ``float()`` gives for its text.

    Args:
        content: the bytes of the file.
        reader: what they are read as.
        most: the bytes that a compressed file may unpack to.

    Raises:
        MissingHere: the caller allows fewer bytes, or a package is not installed.
        StageError: no table can be read from it.
    """
    if content[:2] == b"\x1f\x8b":
        content = unzipped(content, most)
    if reader == "parquet":
        return _read_parquet(content, most)
    return _read_text(content, "\t" if reader == "tsv" else ",")


def unzipped(content: bytes, most: int = MAX_UNPACKED_BYTES) -> bytes:
    """The content of a gzip file, unpacked piece by piece up to the size that is allowed."""
    unpacked = io.BytesIO()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            while piece := file.read(_UNPACKED_AT_ONCE):
                unpacked.write(piece)
                if unpacked.tell() > most:
                    raise _unpacks_to_more_than(most)
    except (OSError, EOFError, zlib.error) as error:
        raise StageError(f"The data file is not a whole gzip file: {clean(str(error))}.") from None
    return unpacked.getvalue()


_UNPACKED_AT_ONCE: Final = 1 << 20


def _unpacks_to_more_than(most: int) -> MissingHere:
    larger = max(MAX_DATA_BYTES, 2 * most)
    return MissingHere(
        f"The data file is compressed, and unpacks to more than the {most} bytes that are read.",
        f"Unpack it first, or allow more: train and verify take --max-data-bytes {larger}.",
        flags=("--max-data-bytes", str(larger)),
    )


_QUOTE_IT: Final = "Put values that hold the separator into double quotes."


def _parser_said(error: Exception) -> str:
    """What pandas' parser complains of, without its name for itself: ``Expected 7 fields in line 6, saw 8``."""
    return clean(str(error)).removeprefix("Error tokenizing data. C error: ").rstrip(". ")


def _read_text(content: bytes, delimiter: str) -> pd.DataFrame:
    import pandas as pd

    names = _header(content, delimiter)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            warnings.simplefilter("error", pd.errors.DtypeWarning)
            try:
                frame = _parse(content, delimiter, in_pieces=True)
            except pd.errors.DtypeWarning:  # pieces of one column were taken for different kinds: read it as a whole
                frame = _parse(content, delimiter, in_pieces=False)
    except pd.errors.ParserWarning:
        raise StageError(
            f"The data file has rows with more than the {len(names)} fields of its first line.",
            _QUOTE_IT,
        ) from None
    except UnicodeDecodeError as error:
        raise StageError(f"The data file is not UTF-8 text ({error.reason}).", "Save it as UTF-8.") from None
    except pd.errors.ParserError as error:
        raise StageError(f"The data file cannot be read as a table: {_parser_said(error)}.", _QUOTE_IT) from None
    except (pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        raise StageError(f"The data file cannot be read as a table: {clean(str(error))}.") from None
    for name in frame.columns:
        if (numbers := _large_numbers(frame[name])) is not None:
            frame[name] = numbers
    return frame


def _large_numbers(series: pd.Series[Any]) -> np.ndarray[Any, Any] | None:
    """A column of nothing but numbers of which some are too large for pandas, as float64; None for any other column.

    Whole numbers beyond 64 bits and floats beyond 1e308 make pandas give up in a way of its own in every release:
    texts, Python's integers, or infinity. Here they are what Python's ``float()`` makes of them.
    """
    import numpy as np
    import pandas as pd

    first = series.first_valid_index() if pd.api.types.is_object_dtype(series.dtype) or _is_text(series) else None
    if first is None or not _is_number(series[first]):
        return None
    values = series.to_numpy(dtype=object)
    missing = pd.isna(values)
    if not all(_is_number(value) for value in pd.unique(values[~missing])):
        return None
    return np.array([np.nan if gone else float(str(v)) for v, gone in zip(values, missing, strict=True)])


def _is_text(series: pd.Series[Any]) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_string_dtype(series.dtype))


def _is_number(value: object) -> bool:
    return isinstance(value, int | str) and NUMBER.fullmatch(str(value)) is not None


def _parse(content: bytes, delimiter: str, *, in_pieces: bool) -> pd.DataFrame:
    """The table by pandas' C parser; in pieces it takes half the memory, and a fifth less time."""
    import pandas as pd

    # pandas 3 reads exactly and deprecates the argument; pandas 2 is off in up to a third of all floats without it
    exact = {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}
    frame: pd.DataFrame = pd.read_csv(
        io.BytesIO(content),
        sep=delimiter,
        encoding="utf-8-sig",
        index_col=False,
        low_memory=in_pieces,
        na_values=list(MISSING),
        keep_default_na=False,
        **exact,
    )
    return frame


def _header(content: bytes, delimiter: str) -> list[str]:
    """The column names of the first line; refused where two are equal, since pandas would rename the second."""
    start = content[: 1 << 20].decode("utf-8-sig", errors="replace")
    try:
        names = next(csv.reader(io.StringIO(start, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise StageError(f"The first line of the data file cannot be read: {clean(str(error))}.") from None
    if not any(names):
        raise StageError("The data file holds no table: its first line must name the columns.")
    if len(names) > MAX_COLUMNS:
        raise StageError(f"The data file has {len(names)} columns; at most {MAX_COLUMNS} are read.")
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise StageError(f'The data file has two columns named "{clean(twice[0])}".', "Give every column its own name.")
    return names


def _read_parquet(content: bytes, most: int) -> pd.DataFrame:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        missing = "is not installed" if isinstance(error, ModuleNotFoundError) else "cannot be imported"
        command = "pip install 'week2kit[parquet]'"
        raise MissingHere(
            f"Reading Parquet needs pyarrow, which {missing} here.", f"Install it: {command}", command=command
        ) from None
    pieces, size = [], 0
    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        if file.metadata.num_rows * max(1, file.metadata.num_columns) * 8 > most:
            raise _unpacks_to_more_than(most)
        for piece in file.iter_batches(_ROWS_AT_ONCE):
            pieces.append(piece)
            size += piece.nbytes  # texts that repeat are stored once, and unpack to any size
            if size > most:
                raise _unpacks_to_more_than(most)
        table = pyarrow.Table.from_batches(pieces, file.schema_arrow)
    except StageError:
        raise
    except Exception as error:
        raise StageError(f"The data file cannot be read as Parquet: {clean(str(error))}.") from None
    if len(set(table.column_names)) < len(table.column_names):
        raise StageError("The data file has two columns of the same name.", "Give every column its own name.")
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


#: Rows of a Parquet file that are unpacked before their size is looked at.
_ROWS_AT_ONCE: Final = 1 << 14


def load_dataset(name: str) -> tuple[pd.DataFrame, str]:
    """A data set that scikit-learn ships, as a table, and the name of its target column."""
    from sklearn import datasets

    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame, "target"


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
    import pandas as pd

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
    import numpy as np
    import pandas as pd

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
    import numpy as np

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
    import numpy as np

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
    import numpy as np
    import pandas as pd

    if values.dtype.kind == "f":
        return int(np.count_nonzero(np.isnan(values)))
    return int(np.count_nonzero(pd.isna(values))) if values.dtype.kind == "O" else 0


def _check_column(name: str, role: str, kind: Kind, values: np.ndarray[Any, Any], missing: int) -> None:
    import numpy as np

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
    if kind == "text" and role == "feature" and _holds_dates(values):
        raise StageError(
            f'Column "{shown}" holds dates, which a model would take for unordered categories.',
            f'Leave it out ("drop": ["{shown}"]), or turn it into numbers first (year, days since the start).',
        )


def _is_missing(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import pandas as pd

    result: np.ndarray[Any, Any] = pd.isna(values)
    return result


def _holds_dates(values: np.ndarray[Any, Any]) -> bool:
    import pandas as pd

    first = [value for value in pd.unique(values[:2000]) if isinstance(value, str)][:100]
    return bool(first) and all(_DATE.fullmatch(value.strip()) for value in first)


def _check_target(target: np.ndarray[Any, Any], name: str, kind: Kind, *, classification: bool) -> None:
    import numpy as np
    import pandas as pd

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


# --- digests ----------------------------------------------------------------------------------------------------


def column_digest(name: str, kind: Kind, values: np.ndarray[Any, Any]) -> str:
    """The digest of one column: its name, its kind and its values, whatever library or file they came from.

    Numbers are int64 or float64, little-endian, -0.0 as 0.0 and one pattern for missing; a text is its length in
    bytes and its UTF-8, missing an impossible length.
    """
    head = f"{name}\0{kind}\0{len(values)}\0".encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(head)
    digest.update(text_bytes(values) if values.dtype.kind == "O" else number_bytes(values))
    return digest.hexdigest()


def number_bytes(values: np.ndarray[Any, Any]) -> memoryview:
    """int64 or float64 values as little-endian bytes; -0.0 as 0.0, every NaN as the same one."""
    import numpy as np

    if values.dtype.kind == "f":
        plain = values.astype("<f8") + 0.0  # -0.0 + 0.0 is 0.0
        plain[np.isnan(plain)] = np.nan
        return np.ascontiguousarray(plain).data.cast("B")
    return np.ascontiguousarray(values, dtype="<i8").data.cast("B")


def text_bytes(values: Iterable[Any]) -> bytes:
    """Texts (or missing) as length and UTF-8, one after the other."""
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(np.asarray(values, dtype=object))
    encoded = np.empty(len(distinct) + 1, dtype=object)
    for position, value in enumerate(distinct):
        text = value.encode("utf-8", "surrogatepass")
        encoded[position] = len(text).to_bytes(8, "little") + text
    encoded[-1] = b"\xff" * 8  # what code -1, missing, looks up
    return b"".join(encoded[codes])


#: Rows that are hashed at a time: all that is needed for them stays in a processor's cache.
_HASHED_ROWS: Final = 1 << 14


def row_hashes(columns: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """A 64-bit number for each row of a table, the same for equal rows; to explain differences, not against forgers.

    Only values and the order of the columns count; no name is looked at. Every step maps 64 bits one to one (as
    SplitMix64 does), so that a single other number always gives its row another hash.
    """
    import numpy as np

    first, last, half = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(32)
    hashes = np.full(len(columns[0]), 0x9E3779B97F4A7C15, dtype=np.uint64)
    blocks = [slice(start, start + _HASHED_ROWS) for start in range(0, len(hashes), _HASHED_ROWS)]
    for column in columns:
        bits = _value_bits(column)
        for block in blocks:
            part = hashes[block]
            part ^= bits[block]
            part *= first
            part ^= part >> half
    for block in blocks:
        part = hashes[block]
        part ^= part >> np.uint64(29)
        part *= last
        part ^= part >> half
    return hashes


def unordered_digest(columns: Sequence[np.ndarray[Any, Any]]) -> str:
    """The sum of the hashes of all rows, as 16 hexadecimal digits: another order of rows gives the same."""
    import numpy as np

    return f"{int(row_hashes(columns).sum(dtype=np.uint64)):016x}"


def _value_bits(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """64 bits for each value: of a number its own, of a text the first of its SHA-256."""
    import numpy as np
    import pandas as pd

    if values.dtype.kind == "O":
        codes, distinct = pd.factorize(values)
        heads = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8] for text in distinct]
        missing = b"\xff" * 8  # what code -1 looks up
        bits: np.ndarray[Any, Any] = np.frombuffer(b"".join([*heads, missing]), dtype="<u8")[codes]
        return bits
    return np.frombuffer(number_bytes(values), dtype="<u8")


def values_digest(values: np.ndarray[Any, Any]) -> str:
    """The digest of bare values: labels, positions or scores, with their shape."""
    shape = "x".join(map(str, values.shape)).encode()
    body = text_bytes(values.ravel()) if values.dtype.kind in "OU" else number_bytes(values)
    return sha256(shape + b"\0" + body)
