"""Reading: from the bytes of a file, or a bundled data set, to a table as it stands there, every number exact."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd

from week2kit.canonical import clean
from week2kit.config.form import FileData
from week2kit.errors import MissingHere, StageError
from week2kit.loop.cells import numbers_of
from week2kit.loop.textfile import NUMBER, TextTable, text_table, unpacked, unpacks_to_more_than
from week2kit.refusals import refusal
from week2kit.thresholds import COUNTED_ROWS, MAX_UNPACKED_BYTES, SNIFFED_BYTES

Reader: TypeAlias = Literal["csv", "tsv", "parquet", "sklearn"]

#: What a CSV cell holds when it holds no value. Written out, because pandas' own list has grown between versions.
MISSING: Final = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip


@dataclass(frozen=True)
class Read:
    """A table as it stands in a file.

    Attributes:
        frame: its columns; a cell without a value is missing.
        told: what was seen of the file and is not plain, see `TextTable`.
        text: the text it was read from; None of another kind of file.
    """

    frame: pd.DataFrame
    told: Mapping[str, Any] = field(default_factory=dict)
    text: TextTable | None = None


def read_file(content: bytes, reader: Reader, most: int = MAX_UNPACKED_BYTES, data: FileData | None = None) -> Read:
    """The table in the bytes of a text file (packed ones are recognised by their first bytes) or a Parquet file.

    Numbers are read exactly: every float is the one that Python's ``float()`` gives for its text.

    Args:
        content: the bytes of the file.
        reader: what they are read as.
        most: the bytes that a packed file may unpack to.
        data: how a config says that cells are read.

    Raises:
        MissingHere: the caller allows fewer bytes, or a package is not installed.
        StageError: no table can be read from it.
    """
    if reader == "parquet":
        return Read(as_declared(parquet_in(content, most), data))
    return read_text(text_in(content, reader, most, data), data)


def text_in(content: bytes, reader: Reader, most: int, data: FileData | None) -> TextTable:
    """The text of the table in the bytes of a text file; for the arguments see `read_file`.

    Raises:
        StageError: it is no such text, or its names are none.
    """
    text = text_table(unpacked(content, most), "\t" if reader == "tsv" else ",", data)
    if not any(text.names):
        raise refusal("file.no_names")
    _each_once([name for name in text.names if name])
    return text


#: What pandas calls a column without a name.
NAMELESS: Final = re.compile(r"Unnamed: [0-9]+")


def at_the_edge(frame: pd.DataFrame) -> list[str]:
    """The columns that have neither a name nor a value, as spreadsheets write them to the right of a table."""
    return [name for name in map(str, frame.columns) if NAMELESS.fullmatch(name) and frame[name].isna().all()]


def as_declared(frame: pd.DataFrame, data: FileData | None) -> pd.DataFrame:
    """The table with the columns as the config declares them, and numbers where kept texts made texts of them."""
    if data is None:
        return frame
    kept = set(data.keep_text or ())
    for position, name in enumerate(map(str, frame.columns)):
        form, series = (data.columns or {}).get(name), frame.iloc[:, position]
        if form is not None and form.type == "number" and not pd.api.types.is_numeric_dtype(series.dtype):
            frame.isetitem(position, numbers_of(series, name, form))
        elif form is not None and form.type == "text" and pd.api.types.is_numeric_dtype(series.dtype):
            frame.isetitem(position, series.map(lambda value: f"{value}", na_action="ignore").astype(object))
        elif form is None and kept and (numbers := _numbers_but_for(series, kept)) is not None:
            frame.isetitem(position, numbers)
    return frame


def _numbers_but_for(series: pd.Series[Any], kept: set[str]) -> np.ndarray[Any, Any] | None:
    """A column of plain numbers in which texts that are kept elsewhere stand for no value; else None."""
    if pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        return None
    values = series.to_numpy(dtype=object)
    codes, distinct = pd.factorize(values)
    numbers = [text for text in distinct if text not in kept]
    if not all(isinstance(text, str) and NUMBER.fullmatch(text) for text in numbers) or not numbers:
        return None
    floats = np.array([*(np.nan if text in kept else float(text) for text in distinct), np.nan])
    found: np.ndarray[Any, Any] = floats[codes]
    return found


def read_text(text: TextTable, data: FileData | None) -> Read:
    """The table in a text.

    Raises:
        StageError: its rows are none of a table.
    """
    with _telling_why(text):
        try:
            frame = _parse(text, data, in_pieces=True)
        except pd.errors.DtypeWarning:  # pieces of one column were taken for different kinds: read it as a whole
            frame = _parse(text, data, in_pieces=False)
    declared = data.columns or () if data is not None else ()
    for name in frame.columns:
        if name not in declared and (numbers := _large_numbers(frame[name])) is not None:
            frame[name] = numbers
    return Read(as_declared(frame, data), text.told, text)


@contextlib.contextmanager
def _telling_why(text: TextTable) -> Iterator[None]:
    """Say in one's own words why pandas cannot read a text.

    Raises:
        StageError: it cannot.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            warnings.simplefilter("error", pd.errors.DtypeWarning)
            yield
    except pd.errors.ParserWarning:
        raise refusal("file.long_rows", fields=len(text.names)) from None
    except UnicodeDecodeError as error:
        raise refusal("file.not_text", why=error.reason) from None
    except pd.errors.ParserError as error:
        # without pandas' name for its parser: "Expected 7 fields in line 6, saw 8"
        said = clean(str(error)).removeprefix("Error tokenizing data. C error: ").rstrip(". ")
        raise refusal("file.not_parsed", why=said) from None
    except (pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        raise refusal("file.no_table", why=str(error)) from None


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


def _parse(text: TextTable, data: FileData | None, *, in_pieces: bool) -> pd.DataFrame:
    """The table by pandas' C parser; in pieces it takes half the memory, and a fifth less time."""
    # pandas 3 reads exactly and deprecates the argument; pandas 2 is off in up to a third of all floats without it
    exact = {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}
    declared = {} if data is None else dict.fromkeys(data.columns or (), str)
    frame: pd.DataFrame = pd.read_csv(
        io.BytesIO(text.content),
        sep=text.separator,
        encoding="utf-8",
        index_col=False,
        low_memory=in_pieces,
        na_values=missing_texts(data),
        keep_default_na=False,
        dtype=declared or None,
        **exact,
    )
    return frame


def texts_in(text: TextTable, **how: Any) -> Any:
    """The cells of a text table as they stand there, each as a text; `how` is for `pandas.read_csv`.

    Raises:
        StageError: its rows are none of a table.
    """
    with _telling_why(text):
        return pd.read_csv(
            io.BytesIO(text.content),
            sep=text.separator,
            encoding="utf-8",
            index_col=False,
            dtype=str,
            na_filter=False,
            **how,
        )


def missing_texts(data: FileData | None) -> list[str]:
    """The texts that stand for no value in a table, as its config has it."""
    if data is None:
        return list(MISSING)
    return [text for text in (*MISSING, *(data.missing or ())) if text not in (data.keep_text or ())]


def texts_of_gaps(
    read: Read,
    frame: pd.DataFrame,
    names: Sequence[str],
    rows: np.ndarray[Any, Any] | None = None,
) -> dict[str, dict[str, int]]:
    """For each of these columns that has gaps, the texts in their place, with the number of rows that hold each.

    Args:
        read: what was read; only of a text file such texts are known.
        frame: its table, with texts as names.
        names: the columns.
        rows: whether each row counts; by default all do.
    """
    if read.text is None:
        return {}
    counted = np.ones(len(frame), dtype=bool) if rows is None else rows
    gaps = {name: gone for name in names if (gone := frame[name].isna().to_numpy() & counted).any()}
    if not gaps:
        return {}
    counts: dict[str, dict[str, int]] = {name: {} for name in gaps}
    places = [int(np.flatnonzero(frame.columns == name)[0]) for name in gaps]
    text, some = read.text, np.flatnonzero(np.logical_or.reduce([*gaps.values()]))
    if len(some) < len(frame) / 2 and (lines := _lines_of(text.content, some, len(frame))) is not None:
        text, gaps = replace(text, content=lines), {name: gone[some] for name, gone in gaps.items()}
    pieces = texts_in(text, usecols=places, chunksize=COUNTED_ROWS)
    start = 0
    with pieces:
        for piece in pieces:
            for name, gone in gaps.items():
                found = piece[name].to_numpy(dtype=object)[gone[start : start + len(piece)]]
                for text, rows in zip(*np.unique(found.astype(str), return_counts=True), strict=True):
                    counts[name][str(text)] = counts[name].get(str(text), 0) + int(rows)
            start += len(piece)
    return {name: dict(sorted(found.items())) for name, found in counts.items()}


def _lines_of(content: bytes, rows: np.ndarray[Any, Any], count: int) -> bytes | None:
    """The first line of a text and those of some of its `count` rows; None where not every row is one line."""
    if content.count(b"\r") != content.count(b"\r\n"):
        return None
    bounds = [np.zeros(1, dtype=np.int64)]
    for start in range(0, len(content), SNIFFED_BYTES):  # piece by piece: a mark for every byte would take its memory
        piece = np.frombuffer(content, np.uint8, min(SNIFFED_BYTES, len(content) - start), start)
        bounds.append(start + 1 + np.flatnonzero(piece == ord("\n")))
    places = np.concatenate([*bounds, *([] if content.endswith(b"\n") else [np.array([len(content)])])])
    if len(places) != count + 2:
        return None
    wanted = np.concatenate([[0], rows + 1])
    pairs = zip(places[wanted].tolist(), places[wanted + 1].tolist(), strict=True)
    return b"".join(content[start:end] for start, end in pairs)


def leading_zeros(read: Read, names: Sequence[str]) -> dict[str, str]:
    """Of these columns of whole numbers, those whose file has one with a zero before it, as codes have; and that cell.

    The start of the file is looked at: codes with a zero are seldom rare, and a second reading would cost too much.
    """
    if read.text is None:
        return {}
    start = read.text.content[:SNIFFED_BYTES].decode(errors="replace")
    rows = csv.reader(io.StringIO(start, newline=""), delimiter=read.text.separator)
    wanted = [(i, str(n)) for i, n in enumerate(read.frame.columns) if str(n) in names]
    found: dict[str, str] = {}
    with contextlib.suppress(csv.Error):
        for fields in itertools.islice(rows, 1, None) if wanted and _ZERO.search(start) else ():
            for position, name in wanted:
                if position < len(fields) and name not in found and _CODE.fullmatch(fields[position]):
                    found[name] = fields[position]
    return found


_ZERO: Final = re.compile(r"(?<![0-9.])0[0-9]")
_CODE: Final = re.compile(r"0[0-9]+")


def _each_once(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise refusal("file.same_name", name=min(name for name in names if names.count(name) > 1))


def parquet_in(content: bytes, most: int) -> pd.DataFrame:
    """The table in the bytes of a Parquet file, which may unpack to `most`.

    Raises:
        MissingHere: the caller allows fewer bytes, or pyarrow is not installed.
        StageError: no table can be read from it.
    """
    content = unpacked(content, most)
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
            raise unpacks_to_more_than(most)
        for piece in file.iter_batches(_ROWS_AT_ONCE):
            pieces.append(piece)
            size += piece.nbytes  # texts that repeat are stored once, and unpack to any size
            if size > most:
                raise unpacks_to_more_than(most)
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


def load_dataset(name: str) -> tuple[Read, str]:
    """A data set that scikit-learn ships, as a table, and the name of its target column."""
    from sklearn import datasets

    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return Read(frame), "target"
