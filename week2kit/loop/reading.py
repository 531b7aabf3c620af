"""Reading: from the bytes of a file, or a bundled data set, to a table as it stands there, every number exact."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
import zlib
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd

from week2kit.canonical import clean
from week2kit.errors import MissingHere, StageError
from week2kit.refusals import refusal
from week2kit.thresholds import MAX_COLUMNS, MAX_DATA_BYTES, MAX_UNPACKED_BYTES

Reader: TypeAlias = Literal["csv", "tsv", "parquet", "sklearn"]

#: What a CSV cell holds when it holds no value. Written out, because pandas' own list has grown between versions.
MISSING: Final = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip

#: (Python's float takes blanks around it, but not the separators of ASCII, which count as blanks elsewhere.)
NUMBER: Final = re.compile(r"[^\S\x1c-\x1f]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[^\S\x1c-\x1f]*")


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
        raise refusal("file.not_gzip", why=str(error)) from None
    return unpacked.getvalue()


_UNPACKED_AT_ONCE: Final = 1 << 20


def _unpacks_to_more_than(most: int) -> MissingHere:
    larger = max(MAX_DATA_BYTES, 2 * most)
    return MissingHere(
        f"The data file is compressed, and unpacks to more than the {most} bytes that are read.",
        f"Unpack it first, or allow more: train and verify take --max-data-bytes {larger}.",
        flags=("--max-data-bytes", str(larger)),
    )


def _read_text(content: bytes, delimiter: str) -> pd.DataFrame:
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
        raise refusal("file.long_rows", fields=len(names)) from None
    except UnicodeDecodeError as error:
        raise refusal("file.not_text", why=error.reason) from None
    except pd.errors.ParserError as error:
        # without pandas' name for its parser: "Expected 7 fields in line 6, saw 8"
        said = clean(str(error)).removeprefix("Error tokenizing data. C error: ").rstrip(". ")
        raise refusal("file.not_parsed", why=said) from None
    except (pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        raise refusal("file.no_table", why=str(error)) from None
    for name in frame.columns:
        if (numbers := _large_numbers(frame[name])) is not None:
            frame[name] = numbers
    return frame


def _large_numbers(series: pd.Series[Any]) -> np.ndarray[Any, Any] | None:
    """A column of nothing but numbers of which some are too large for pandas, as float64; None for any other column.

    Whole numbers beyond 64 bits and floats beyond 1e308 make pandas give up in a way of its own in every release:
    texts, Python's integers, or infinity. Here they are what Python's ``float()`` makes of them.
    """
    types = pd.api.types
    held = types.is_object_dtype(series.dtype) or types.is_string_dtype(series.dtype)
    first = series.first_valid_index() if held else None
    if first is None or not _is_number(series[first]):
        return None
    values = series.to_numpy(dtype=object)
    missing = pd.isna(values)
    if not all(_is_number(value) for value in pd.unique(values[~missing])):
        return None
    return np.array([np.nan if gone else float(str(v)) for v, gone in zip(values, missing, strict=True)])


def _is_number(value: object) -> bool:
    return isinstance(value, int | str) and NUMBER.fullmatch(str(value)) is not None


def _parse(content: bytes, delimiter: str, *, in_pieces: bool) -> pd.DataFrame:
    """The table by pandas' C parser; in pieces it takes half the memory, and a fifth less time."""
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
        raise refusal("file.first_line", why=str(error)) from None
    if not any(names):
        raise refusal("file.no_names")
    if len(names) > MAX_COLUMNS:
        raise refusal("file.columns", count=len(names))
    _each_once(names)
    return names


def _each_once(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise refusal("file.same_name", name=min(name for name in names if names.count(name) > 1))


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
        raise refusal("file.not_parquet", why=str(error)) from None
    _each_once(table.column_names)
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


#: Rows of a Parquet file that are unpacked before their size is looked at.
_ROWS_AT_ONCE: Final = 1 << 14


def load_dataset(name: str) -> tuple[pd.DataFrame, str]:
    """A data set that scikit-learn ships, as a table, and the name of its target column."""
    from sklearn import datasets

    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame, "target"
