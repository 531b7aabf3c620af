"""The one form in which values are written and hashed: canonical JSON, digests over values, text that is safe to show.

Nothing here knows what a run is; nothing here imports more than the standard library.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

#: What a person or week2kit writes is nested in a tenth of this; hostile texts try to go beyond.
MAX_JSON_DEPTH: Final = 64


class JsonError(ValueError):
    """A text is not the JSON that week2kit reads; the message says where and why."""


def dump_json(value: object) -> str:
    """`value` as canonical JSON: sorted keys, two spaces, LF, floats by ``repr``; NaN and infinity are refused.

    Raises:
        ValueError: a number in `value` is not finite.
    """
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def compact_json(value: object) -> str:
    """`value` on one line with sorted keys: the form that is hashed and compared."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def as_utf8(data: bytes) -> bytes:
    """A text that a Windows shell (``>`` of PowerShell 5.1) or editor wrote as UTF-16, with its mark, as UTF-8.

    Other bytes come back as they are, and so do those that are no UTF-16 in spite of the mark.
    """
    if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data
    try:
        return data.decode("utf-16").encode()
    except UnicodeError:
        return data


def parse_json(data: bytes) -> Any:
    """The value of a JSON text in UTF-8 (with or without a byte order mark), read strictly.

    Duplicate keys, NaN, infinity (also as ``1e999``, or a whole number beyond every float), lone surrogates and nesting
    beyond `MAX_JSON_DEPTH` are refused: readers disagree about them, so a record must not hold them.

    Raises:
        JsonError: with the reason, and the line and column where the parser knows them.
    """
    value = _parsed(data, _refuse_number)
    if b"\\u" in data and _has_surrogate(value):
        raise JsonError("it holds half of a surrogate pair, which is no character")
    return value


def parse_foreign_json(data: bytes) -> Any:
    r"""The value of a JSON text as ``json.dump`` of Python writes it, where week2kit did not write it itself.

    What no float and no character can hold becomes the text that stands there (``NaN``, ``1e999``, a whole number of
    four hundred digits, ``\ud800``), so that the rest can be read, and whatever is read can be hashed and written.

    Raises:
        JsonError: as `parse_json`, for what else it refuses.
    """
    value = _parsed(data, str)
    return _with_escapes(value) if b"\\u" in data and _has_surrogate(value) else value


def _refuse_number(text: str) -> float:
    raise JsonError(f"{text[:40]} is {'no JSON' if text[-1].isalpha() else 'too large for a'} number")


def _parsed(data: bytes, no_float: Callable[[str], Any]) -> Any:
    """The value; `no_float` gives that of a number which no float can hold (``int`` would not even read some)."""

    def real(text: str) -> Any:
        value = float(text)
        return value if math.isfinite(value) else no_float(text)

    def whole(text: str) -> Any:
        return int(text) if math.isfinite(float(text)) else no_float(text)

    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_unique_object,
            parse_constant=no_float,
            parse_float=real,
            parse_int=whole,
        )
    except UnicodeDecodeError as error:
        raise JsonError(f"it is not UTF-8 text (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise JsonError(f"it is nested deeper than {MAX_JSON_DEPTH} levels") from None
    level, depth = [value], 0
    while level := [item for outer in level for item in values_in(outer) if isinstance(item, dict | list)]:
        depth += 1
        if depth == MAX_JSON_DEPTH:
            raise JsonError(f"it is nested deeper than {MAX_JSON_DEPTH} levels")
    return value


def _unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise JsonError(f'the key "{clean(twice)}" stands twice in one object')
    return result


def values_in(value: Any) -> Iterable[Any]:
    """The values of an object or a list; of anything else none."""
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def every_value(value: Any) -> Iterator[Any]:
    """A JSON value and all that it holds, at any depth."""
    rest = [value]
    while rest:
        yield (item := rest.pop())
        rest += values_in(item)


def _has_surrogate(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _with_escapes(value: Any) -> Any:
    """`value` with each half of a surrogate pair written out; the depth of `value` is limited."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_with_escapes(item) for item in value]
    if isinstance(value, dict):
        return _unique_object([(_with_escapes(key), _with_escapes(item)) for key, item in value.items()])
    return value


# --- digests ----------------------------------------------------------------------------------------------------


def sha256(data: bytes | memoryview) -> str:
    """The SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def text_digest(data: bytes) -> str:
    """The digest of a text artifact, with CRLF read as LF: git on Windows changes line ends, and nothing else."""
    return sha256(data.replace(b"\r\n", b"\n"))


def json_digest(value: object) -> str:
    """The digest of a JSON value by its content: spacing and the order of keys do not count."""
    return sha256(compact_json(value).encode())


def combined_digest(parts: Iterable[str]) -> str:
    """One digest of several, in their order."""
    return sha256("\n".join(parts).encode())


# --- labels -----------------------------------------------------------------------------------------------------

_LINE_BREAKS: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})


def label_text(label: object) -> str:
    """A class label as text; floats by ``repr``, so that they can be read back."""
    return repr(label) if isinstance(label, float) else str(label)


def on_one_line(text: str) -> str:
    r"""A label with ``\n`` and ``\r`` in place of its line breaks, and therefore two backslashes in place of one."""
    return text.translate(_LINE_BREAKS)


def label_texts(classes: Iterable[object]) -> list[str]:
    """The classes of a run as its files write them, no two alike.

    Where one holds a line break, all are written `on_one_line`: a text file is hashed with CRLF read as LF, and not
    every reader of tables takes a line break in a cell for what it is.
    """
    texts = [label_text(label) for label in classes]
    return list(map(on_one_line, texts)) if any("\n" in text or "\r" in text for text in texts) else texts


# --- text from elsewhere ----------------------------------------------------------------------------------------

_CONTROL: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)?")


def show_value(value: float | None) -> str:
    """A metric for people: four decimals, or four significant digits where those would hide it; null is not defined.

    A score that is not quite 1 has as many decimals as tell, up to nine: below that, only sums were rounded. From ten
    thousand to ten million it has one decimal: errors of prices are compared by more than four digits.
    """
    if value is None:
        return "not defined"
    if 0.9999 < value < 1:
        return next((text for n in range(4, 10) if (text := f"{value:.{n}f}")[0] == "0"), "1.0000")
    if 1e4 <= abs(value) < 1e7:
        return f"{value:.1f}"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"


def clean(text: str, limit: int = 200) -> str:
    """`text` on one line and safe to show: no control, escape or direction-changing characters, at most `limit` long.

    What comes from a run folder or a config may try to move the cursor, to forge a line of a CI log or to turn
    text around; what is shown can do none of that.
    """
    flat = _ANSI.sub("", text)
    if "\n" in flat:
        flat = " ".join(filter(None, map(str.strip, flat.split("\n"))))
    flat = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", flat.replace("\t", " "))
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def same_to_the_eye(text: str, others: Iterable[str]) -> str | None:
    """The first of `others` that looks like `text` and is another text; None where there is none.

    Unicode has two forms of a letter with an accent (macOS names files in the other one, NFD), several blanks, and
    characters that are not seen: whoever compares what is shown sees no difference.
    """
    seen = _seen(text)
    return next((other for other in others if other != text and _seen(other) == seen), None)


def _seen(text: str) -> str:
    shown = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cc", "Cf"))
    return " ".join(shown.split())


def aligned(rows: Sequence[Sequence[str]], sides: str = "") -> list[str]:
    """The rows of a table as lines whose cells stand below each other.

    Args:
        rows: cells, as many in each row.
        sides: "l" or "r" for each column, the side of its text; further ones are "l".
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [str.rjust if side == "r" else str.ljust for side in sides.ljust(len(widths), "l")]
    return ["  ".join(pad(cell, w) for pad, cell, w in zip(padded, row, widths, strict=True)).rstrip() for row in rows]


#: Dotted keys that do not count when configs are compared, and why: a person's words, where the table lies (its digest
#: says whether it is another one), what is reported besides, and the seed, which is an input of its own.
UNCOUNTED: Final[Mapping[str, Literal["words", "place", "reported", "seed"]]] = {
    "goal": "words",
    "hypothesis": "words",
    "drop_reasons": "words",
    "fail_on": "words",
    "data.path": "place",
    "data.dataset": "place",
    "split.validation_path": "place",
    "metrics": "reported",
    "learning_curve": "reported",
    "repeats": "reported",
    "seed": "seed",
}


def drop_keys(value: Mapping[str, Any], *paths: tuple[str, ...]) -> dict[str, Any]:
    """A copy of a JSON object without the keys at `paths`."""
    result: dict[str, Any] = {}
    for key, item in value.items():
        below = [path[1:] for path in paths if path[0] == key]
        if () in below:
            continue
        result[key] = drop_keys(item, *below) if below and isinstance(item, Mapping) else item
    return result


def without_seed(value: Any, seed: object) -> Any:
    """A config value without the ``random_state`` leaves that follow `seed`: the seed is an input of its own."""
    if isinstance(value, Mapping):
        return {key: without_seed(item, seed) for key, item in value.items() if not follows_seed(key, item, seed)}
    if isinstance(value, list):
        return [without_seed(item, seed) for item in value]
    return value


def follows_seed(key: str, value: object, seed: object) -> bool:
    """Whether a key of a config holds the run's own seed."""
    return key == "random_state" and type(value) is int and type(seed) is int and value == seed
