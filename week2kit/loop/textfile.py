"""Text file: from the bytes of a table in text to UTF-8 with its column names in the first line, and its separator.

What a file is can be seen from its first lines, where they leave no choice; where they do, the config says it. A file
whose first line names as many columns as every row has fields is taken as it stands: nothing is guessed of it.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final

from week2kit.config.form import FileData
from week2kit.errors import MissingHere, StageError
from week2kit.refusals import OTHER_FILES, refusal
from week2kit.thresholds import (
    MAX_COLUMNS,
    MAX_DATA_BYTES,
    MAX_UNPACKED_BYTES,
    SNIFFED_BYTES,
    SNIFFED_ROWS,
    TITLE_LINES,
)

#: What separates the fields of a line, and how a person calls it.
SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

#: (Python's float takes blanks around it, but not the separators of ASCII, which count as blanks elsewhere.)
NUMBER: Final = re.compile(r"[^\S\x1c-\x1f]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[^\S\x1c-\x1f]*")


@dataclass(frozen=True)
class TextTable:
    """The text of a table: its names in the first line, its fields apart by `separator`.

    `names` are those of the first line; `told` is what was seen of the file and is not plain: the separator, the line
    of the file in which the names stand (from 1), names that were missing over the first column.
    """

    content: bytes
    separator: str
    names: list[str]
    told: dict[str, Any] = field(default_factory=dict)


def text_table(content: bytes, separator: str, data: FileData | None = None) -> TextTable:
    """The text table in the bytes of a file that is not packed.

    Args:
        content: the bytes.
        separator: what the file's name promises.
        data: says what the first lines leave open: separator, encoding, the line of the names.

    Raises:
        StageError: it is no such text; the message says what it is, where that can be seen.
    """
    if kind := _other_kind(content):
        what, remedy = OTHER_FILES[kind]
        raise refusal("file.other_kind", kind=what, remedy=remedy)
    told: dict[str, Any] = {}
    encoding = data.encoding if data is not None and data.encoding else _marked_encoding(content)
    if encoding:
        content = _in_utf8(content, encoding)
        told["encoding"] = encoding
    content = content.removeprefix(b"\xef\xbb\xbf")
    header = data.header if data is not None else None
    separator, declared, content = _declared(content, separator)
    if data is not None and data.separator:
        separator = data.separator
    elif declared:
        told["separator"] = separator
    if header is not None:
        content = _from_line(content, header)
    first, rows = _first_lines(content, separator)
    fixed = declared or (data is not None and data.separator is not None)
    if not fixed and len(first) < 2 and (other := _only_separator(content)):
        told["separator"] = separator = other
        first, rows = _first_lines(content, separator)
    if header is None and (below := _below_title(content, separator, first, rows)):
        content, told["header"] = below
        first, rows = _first_lines(content, separator)
    if len(first) > 1 and rows and all(len(row) == len(first) + 1 for row in rows):
        if not any(row[-1] for row in rows):  # every line ends with a separator
            content, first = _with_one_more_field(content, separator), [*first, ""]
        elif _begin_with_names(content, rows):  # R writes no name over the names of its rows
            content, first = separator.encode() + content, ["", *first]
            told["row_names"] = True
    return TextTable(content, separator, first, told)


# --- what a file is ---------------------------------------------------------------------------------------------

_MARKS: Final[Sequence[tuple[bytes, str]]] = (
    (b"%PDF-", "pdf"),
    (b"\xd0\xcf\x11\xe0", "spreadsheet"),
    (b"PAR1", "parquet"),
    (b"SQLite format 3", "database"),
    (b"\x89HDF", "hdf5"),
    (b"\x80\x04", "pickle"),
    (b"\x80\x05", "pickle"),
)


def _other_kind(content: bytes) -> str | None:
    """What a file is that is no table in text, by its first bytes."""
    if content.startswith(b"PK\x03\x04"):
        return "spreadsheet" if b"xl/" in content[:4096] or b"[Content_Types].xml" in content[:4096] else "zip"
    for mark, kind in _MARKS:
        if content.startswith(mark):
            return kind
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<!-- html")):
        return "web_page"
    if start.startswith(b"<?xml"):
        return "xml"
    if start[:1] in (b"{", b"[") and start[1:].lstrip()[:1] in (b'"', b"{", b"["):
        return "json"
    return None


def _marked_encoding(content: bytes) -> str | None:
    """UTF-16, which Excel calls "Unicode text", by the mark at its start."""
    return "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else None


def _in_utf8(content: bytes, encoding: str) -> bytes:
    try:
        return content.decode(encoding).encode()
    except UnicodeError as error:
        raise refusal("file.other_encoding", encoding=encoding, why=getattr(error, "reason", str(error))) from None


# --- packed files -----------------------------------------------------------------------------------------------

_UNPACKED_AT_ONCE: Final = 1 << 20


def _zstd(packed: IO[bytes]) -> Any:
    try:
        import pyarrow
    except ImportError:
        command = "pip install 'week2kit[parquet]'"
        said = "Unpacking Zstandard needs pyarrow, which is not installed here."
        raise MissingHere(said, f"Install it: {command}", command=command) from None
    return pyarrow.input_stream(packed, compression="zstd")


_PACKED: Final[Sequence[tuple[bytes, str, Callable[[IO[bytes]], Any]]]] = (
    (b"\x1f\x8b", "gzip", lambda packed: gzip.GzipFile(fileobj=packed)),
    (b"BZh", "bzip2", bz2.BZ2File),
    (b"\xfd7zXZ\x00", "xz", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", "Zstandard", _zstd),
)


def unpacked(content: bytes, most: int = MAX_UNPACKED_BYTES) -> bytes:
    """What a file holds that is packed by gzip, bzip2, xz or Zstandard, known by its first bytes; else the file itself.

    It is unpacked piece by piece up to the size that is allowed.
    """
    found = next((item for item in _PACKED if content.startswith(item[0])), None)
    if found is None:
        return content
    _, name, open_packed = found
    whole = io.BytesIO()
    try:
        with open_packed(io.BytesIO(content)) as file:
            while piece := file.read(_UNPACKED_AT_ONCE):
                whole.write(piece)
                if whole.tell() > most:
                    raise unpacks_to_more_than(most)
    except MissingHere:
        raise
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise refusal("file.not_packed", name=name, why=str(error)) from None
    return whole.getvalue()


def unpacks_to_more_than(most: int) -> MissingHere:
    """The error of a file that unpacks to more than the caller allows."""
    larger = max(MAX_DATA_BYTES, 2 * most)
    return MissingHere(
        f"The data file is compressed, and unpacks to more than the {most} bytes that are read.",
        f"Unpack it first, or allow more: train and verify take --max-data-bytes {larger}.",
        flags=("--max-data-bytes", str(larger)),
    )


# --- the first lines --------------------------------------------------------------------------------------------


def _declared(content: bytes, separator: str) -> tuple[str, bool, bytes]:
    """The separator that Excel reads from a first line ``sep=;``, whether there is one, and the text below it."""
    line, end, _ = content[:16].partition(b"\n")
    mark = line.strip().strip(b'"').decode("ascii", errors="replace")
    if end and mark[:4].lower() == "sep=" and mark[4:] in SEPARATORS:
        return mark[4:], True, content[len(line) + 1 :]
    return separator, False, content


def _from_line(content: bytes, number: int) -> bytes:
    """The text from its line `number` on, counted from 1."""
    start = 0
    for _ in range(number - 1):
        start = content.find(b"\n", start) + 1
        if start == 0:
            raise refusal("file.no_such_line", number=number)
    return content[start:]


def _lines(content: bytes, separator: str) -> Iterator[list[str]]:
    """The fields of the first lines, without the last of them, which may be cut; blank ones are passed over."""
    start, cut = content[:SNIFFED_BYTES].decode("utf-8-sig", errors="replace"), len(content) > SNIFFED_BYTES
    held: list[str] | None = None
    for fields in csv.reader(io.StringIO(start, newline=""), delimiter=separator):
        if not fields:
            continue
        if held is not None:
            yield held
        held = fields
    if held is not None and not cut:
        yield held


def _first_lines(content: bytes, separator: str) -> tuple[list[str], list[list[str]]]:
    """The fields of the first line, and of some more below it."""
    try:
        found: list[list[str]] = []
        for fields in _lines(content, separator):
            found.append(fields)
            if len(found[0]) > MAX_COLUMNS:
                raise refusal("file.columns", count=len(found[0]))
            if len(found) > SNIFFED_ROWS:
                break
    except csv.Error as error:
        if not found:
            raise refusal("file.first_line", why=str(error)) from None
    return (found[0], found[1:]) if found else ([], [])


def _only_separator(content: bytes) -> str | None:
    """The one separator that cuts all first lines into the same number of fields, two or more."""
    fitting = []
    for separator in SEPARATORS:
        try:
            first, rows = _first_lines(content, separator)
        except StageError:
            continue
        widths = set(map(len, rows))
        if len(first) > 1 and len(widths) == 1 and widths <= {len(first), len(first) + 1}:
            fitting.append(separator)
    return fitting[0] if len(fitting) == 1 else None


def _below_title(
    content: bytes, separator: str, first: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[bytes, int] | None:
    """The text from its names on, where lines above them hold a title, and the line in which they stand; else None.

    A title fills two fields at the most; names are different texts, one in every field that the rows have.
    """
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    named = sum(map(bool, first))
    too_few = len(first) < width - 1 or (len(first) == 1 and width > 1) or (named < 2 and len(first) - named > 1)
    if not too_few and (named == len(first) or width < 3):
        return None
    start, apart = 0, too_few  # a table may lack a name, and no table has a blank line below its names
    for number in range(2, TITLE_LINES + 2):
        start = content.find(b"\n", start) + 1
        if start and content[start : start + 2].strip(b"\r")[:1] == b"\n":
            apart = True
            continue
        fields = next(_lines(content[start : start + SNIFFED_BYTES], separator), []) if start else []
        if apart and len(fields) == width and all(fields) and len(set(fields)) == width and not _are_numbers(fields):
            return content[start:], number
        if start == 0 or sum(map(bool, fields)) > 2:
            return None
    return None


def _are_numbers(fields: Sequence[str]) -> bool:
    """Whether a line begins with a number, or every second field of a short one is one: then it is no line of names."""
    numbers = [NUMBER.fullmatch(text) is not None for text in fields]
    return numbers[0] or (len(fields) == 2 and any(numbers))


def _begin_with_names(content: bytes, rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first field of every row is a name of its own: all in quotes, as R writes them, or counted from 1.

    Without either, an extra field may as well come from a separator inside a text.
    """
    firsts = [row[0] for row in rows]
    if firsts == [str(number) for number in range(1, len(rows) + 1)]:
        return True
    lines = content[:SNIFFED_BYTES].splitlines()[1 : len(rows) + 1]
    return len(set(firsts)) == len(rows) and all(line.startswith(b'"') for line in lines)


def _with_one_more_field(content: bytes, separator: str) -> bytes:
    """The text with an empty name at the end of its first line."""
    line, end, rest = content.partition(b"\n")
    cut = len(line) - line.endswith(b"\r")
    return line[:cut] + separator.encode() + line[cut:] + end + rest
