"""Joining: a data file and a validation file read as one table, the rows of the second below those of the first.

Texts are joined as texts: what a column holds is decided by all its cells, as in one file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pandas as pd

from week2kit.config.form import FileData
from week2kit.errors import StageError
from week2kit.loop.reading import Read, Reader, as_declared, parquet_in, read_text, text_in, texts_in
from week2kit.refusals import refusal
from week2kit.thresholds import MAX_UNPACKED_BYTES


@dataclass(frozen=True)
class Both:
    """Two files as one table.

    Attributes:
        read: the table, with the columns of the first file.
        rows: the number of rows of the second, which are its last.
        names: the names of the columns of the second.
        told: what was seen of the second and is not plain, see `TextTable`.
    """

    read: Read
    rows: int
    names: tuple[str, ...]
    told: dict[str, object]


def read_both(
    first: tuple[bytes, Reader],
    second: tuple[bytes, Reader],
    most: int = MAX_UNPACKED_BYTES,
    data: FileData | None = None,
) -> Both:
    """The table of two files. Columns are matched by name; one that only the second has is left out.

    Args:
        first: the bytes of the data file, and what they are read as.
        second: those of the validation file.
        most: the bytes that a packed file may unpack to.
        data: how a config says that cells are read.

    Raises:
        MissingHere: the caller allows fewer bytes, or a package is not installed.
        StageError: no table can be read from one of them, or only one is Parquet.
    """
    if (first[1] == "parquet") != (second[1] == "parquet"):
        raise refusal("file.two_kinds")
    if first[1] == "parquet":
        above = parquet_in(first[0], most)
        with of_validation_file():
            below = parquet_in(second[0], most)
        frame = pd.concat([above, below.reindex(columns=above.columns)], ignore_index=True)
        return Both(Read(as_declared(frame, data)), len(below), tuple(map(str, below.columns)), {})
    text = text_in(*first, most, data)
    with of_validation_file():
        other = text_in(*second, most, data)
        below = texts_in(other)
    names = texts_in(text, nrows=0).columns
    rows = below.reindex(columns=names, fill_value="").to_csv(sep=text.separator, index=False, header=False)
    apart = b"" if text.content.endswith(b"\n") else b"\n"
    joined = replace(text, content=text.content + apart + rows.encode())
    read = read_text(joined, data)
    if len(read.frame) - len(below) != len(texts_in(text, usecols=[0])):
        raise refusal("file.open_quote")
    return Both(read, len(below), tuple(map(str, below.columns)), other.told)


@contextmanager
def of_validation_file() -> Iterator[None]:
    """Say of a refusal that it is about the validation file."""
    try:
        yield
    except StageError as error:
        error.args = (f"split.validation_path: {error}",)
        raise
