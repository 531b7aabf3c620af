"""What a script wrote, held against what it writes again: by bytes, then by meaning.

JSON by its values, tables cell by cell, other text line by line. A time, a duration and the folder in which a script
ran are no outcome: where only these differ, the files agree, and the differences are told as such.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import zip_longest
from typing import Any, Final, Literal

from week2kit.training.outputs import dialect_of, is_duration, is_measure, stable_name

#: How two files agree: to the byte, in all but times and places, or not.
Agreement = Literal["bytes", "meaning", "no"]


@dataclass(frozen=True)
class Place:
    """One value that is another one now: where it stands (`val.f1`, `line 3, column y_pred`), and both as texts.

    None is a value that is missing on one side.
    """

    where: str
    recorded: str | None
    now: str | None


@dataclass(frozen=True)
class Compared:
    """Two files: how they agree, the first places that differ and how many there are, and those that are only times."""

    agreement: Agreement
    places: tuple[Place, ...] = ()
    count: int = 0
    times: tuple[Place, ...] = ()


#: Formats that are JSON.
_JSON: Final = ("json", "ipynb")
#: The identifier of a cell of a notebook, which is drawn when the cell is made.
_CELL_ID: Final = re.compile(r"cells\.\d+\.id")

#: Places that are listed of one file.
LISTED_PLACES: Final = 20


def compare_outputs(name: str, recorded: bytes, now: bytes) -> Compared:
    """Two versions of the file `name`, as untrusted input; nothing raises. What is no text is compared by its bytes."""
    if recorded == now:
        return Compared("bytes")
    try:
        before, after = recorded.decode("utf-8-sig"), now.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Compared("no", (), 1)
    suffix = name.lower().rpartition(".")[2]
    pairs = _of_json(before, after) if suffix in _JSON else None
    if pairs is None and suffix in ("csv", "tsv"):
        pairs = _of_table(before, after)
    if pairs is None:
        pairs = _of_lines(before, after)
    places, times, count = list[Place](), list[Place](), 0
    for where, old, new in pairs:
        if old == new or _same_number(old, new):
            continue
        both = old is not None and new is not None
        only_time = both and (is_duration(_name_of(where)) or _timeless(old) == _timeless(new))
        only_time = only_time or (suffix == "ipynb" and _CELL_ID.fullmatch(where) is not None)
        count += not only_time
        listed = times if only_time else places
        if len(listed) < LISTED_PLACES:
            listed.append(Place(where, old, new))
    return Compared("no" if count else "meaning", tuple(places), count, tuple(times))


_Pairs = Iterator[tuple[str, str | None, str | None]]


def _of_json(before: str, after: str) -> _Pairs | None:
    try:
        old, new = (dict(_leaves(json.loads(text), "")) for text in (before, after))
    except (ValueError, RecursionError):
        return None
    return ((name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new]))


def _leaves(value: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """Every value by its dotted place, as JSON; an empty list or object is a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not isinstance(value, dict | list) or not value:
        yield prefix or "the whole", json.dumps(value)
    for key, item in items:
        yield from _leaves(item, f"{prefix}.{key}" if prefix else str(key))


def _of_table(before: str, after: str) -> _Pairs | None:
    try:
        old, new = (list(csv.reader(StringIO(text, newline=""), dialect_of(text))) for text in (before, after))
    except csv.Error:
        return None
    if not old or not new or old[0] != new[0]:
        return None
    return _cells(old, new)


def _cells(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> _Pairs:
    names = old[0]
    for number, (left, right) in enumerate(zip_longest(old[1:], new[1:]), start=2):
        if left is None or right is None:
            yield f"line {number}", None if left is None else ",".join(left), None if right is None else ",".join(right)
            continue
        for column, (a, b) in enumerate(zip_longest(left, right)):
            yield f"line {number}, column {names[column] if column < len(names) else column + 1}", a, b


def _of_lines(before: str, after: str) -> _Pairs:
    lines = zip_longest(before.splitlines(), after.splitlines())
    return ((f"line {number}", old, new) for number, (old, new) in enumerate(lines, start=1))


# --- what does not decide ---------------------------------------------------------------------------------------

#: An absolute path up to its last part, on either kind of system, and a clock time or a duration within a text.
_FOLDERS: Final = re.compile(r"""(?<![\w.])(?:[A-Za-z]:)?[\\/](?:[^\\/\s"',:;]+[\\/])+""")
_CLOCK: Final = re.compile(
    r"(?<![\w.:])(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?![\d:])"
    r"|(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?\s?(?:seconds?|secs?|s|ms|minutes?|mins?|h|hours?)(?![\w])"
)


def _name_of(where: str) -> str:
    """The name of the value in a place: the column of a table, or the keys of JSON."""
    return where.partition(", column ")[2] or where


def _timeless(text: str | None) -> str:
    plain = stable_name(_FOLDERS.sub("", text or ""))
    return plain if is_measure(plain) else _CLOCK.sub("*", plain)


def _same_number(old: str | None, new: str | None) -> bool:
    """Whether two texts spell the same float64: 1 and 1.0, and 0.1 and 1e-1."""
    try:
        return old is not None and new is not None and float(old) == float(new)
    except ValueError:
        return False
