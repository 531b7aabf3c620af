"""Cells: what texts mean that are no plain numbers: numbers as people write them, and marks of a missing value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from week2kit.config.form import ColumnForm
from week2kit.loop.textfile import NUMBER
from week2kit.refusals import refusal
from week2kit.thresholds import MARKED_SHARE, MARKERS, SAMPLE_TEXTS

#: Texts that mean "no value" wherever all else is a number.
_KNOWN_MARKERS: Final = frozenset(
    {"", "?", "-", "--", "---", ".", "..", "*", "#", "na", "n/a", "#n/a", "nan", "nil", "none", "null", "missing"}
    | {"unknown", "unk", "not available", "n.a.", "n.d.", "nd", "#div/0!", "#value!", "#ref!", "#num!"}
)

_CURRENCY: Final = re.compile(r"(?:[$€£¥₹₩₽]|\b(?:USD|EUR|GBP|CHF|JPY|US\$))", re.IGNORECASE)
_DIGITS: Final = r"[0-9]{1,3}"
#: The groups of digits that each mark may stand between.
_GROUPED: Final[Mapping[str, re.Pattern[str]]] = {
    mark: re.compile(rf"[+-]?{_DIGITS}(?:{re.escape(mark)}[0-9]{{3}})+(?P<rest>[.,][0-9]*)?") for mark in ",. '"
}
_DECIMAL_COMMA: Final = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")


def number_in(text: str, form: ColumnForm) -> float | int | None:
    """The number that a text spells in this form; None where it spells none."""
    core = _bare(text)
    thousands, decimal = form.thousands, form.decimal or ("," if form.thousands == "." else ".")
    if thousands and thousands in core:
        grouped = _GROUPED[thousands].fullmatch(core)
        if grouped is None or (grouped["rest"] or decimal)[0] != decimal:
            return None
        core = core.replace(thousands, "")
    if decimal == ",":
        if "." in core:
            return None
        core = core.replace(",", ".")
    if NUMBER.fullmatch(core) is None:
        return None
    return int(core) if core.lstrip("+-").isdigit() else float(core)


def _bare(text: str) -> str:
    """A number without blanks, currency, percent sign and the brackets that stand for a minus."""
    core = text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2212", "-").replace("\u2019", "'").strip()
    core = _CURRENCY.sub("", core, count=1).strip().removesuffix("%").strip()
    if core.startswith("(") and core.endswith(")"):
        core = f"-{core[1:-1].strip()}"
    return core[0] + core[1:].lstrip() if core[:1] in ("+", "-") else core


def numbers_of(series: pd.Series[Any], name: str, form: ColumnForm) -> np.ndarray[Any, Any]:
    """A column of texts as the numbers that they spell: int64 where all are whole and none is missing, else float64.

    Raises:
        StageError: a text spells no number in this form.
    """
    codes, distinct = pd.factorize(series.to_numpy(dtype=object))
    values: list[float | int] = []
    for code, text in enumerate(distinct):
        if (value := number_in(str(text), form)) is None:
            raise refusal("column.no_number", name=name, cell=str(text), row=int((codes == code).argmax()))
        values.append(value)
    whole = all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in values) and not (codes < 0).any()
    numbers = np.array(values, dtype=np.int64) if whole else np.array([*values, np.nan])
    found: np.ndarray[Any, Any] = numbers[codes]
    return found


# --- what a column of text looks like ---------------------------------------------------------------------------


@dataclass(frozen=True)
class NumbersAsText:
    """A column of text that holds numbers but for some marks, or numbers with more than digits in them.

    Attributes:
        form: how they are written, where it is not plainly.
        markers: the texts that are none, each with its rows, the most frequent first.
        example: a text that is no plain number, and its first row.
        numbers: the rows that hold one.
    """

    form: ColumnForm | None
    markers: tuple[tuple[str, int], ...]
    example: tuple[str, int]
    numbers: int

    @property
    def remedy(self) -> dict[str, Any]:
        """What a config says under `data`, with the column's form under its name."""
        found: dict[str, Any] = {"missing": [text for text, _ in self.markers]} if self.markers else {}
        return found | ({"columns": self.form.model_dump(exclude_none=True)} if self.form else {})


def numbers_as_text(values: np.ndarray[Any, Any], separator: str = ",") -> NumbersAsText | None:
    """What a column of texts (missing as NaN) holds, where it is numbers for the most part; None for true text."""
    first = [text for text in pd.unique(values[:SAMPLE_TEXTS]) if isinstance(text, str)]
    if not any(any(c.isdigit() for c in text) for text in first):
        return None
    if sum(_is_markable(text) for text in first) > max(MARKERS, len(first) // 2):
        return None
    codes, distinct = pd.factorize(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    markers = [(text, int(n)) for text, n in zip(distinct, counts, strict=True) if _is_markable(text)]
    texts = [text for text in distinct if not _is_markable(text)]
    strange = [text for text in texts if NUMBER.fullmatch(text) is None]
    form = _form_of(strange, texts, separator) if strange else None
    present = int(counts.sum())
    numbers = present - sum(n for _, n in markers)
    if (strange and form is None) or numbers < 3 or len(texts) < 2:
        return None
    if sum(_BOUND.fullmatch(text) is not None for text, _ in markers) >= len(texts):
        return None  # groups, such as ages
    known = all(_is_known(text) for text, _ in markers)
    if not known and (len(markers) > MARKERS or numbers < MARKED_SHARE * present):
        return None
    if not strange and not markers:
        return None
    example = strange[0] if strange else markers[0][0]
    row = int((values == example).argmax())
    markers.sort(key=lambda item: (-item[1], item[0]))
    return NumbersAsText(form, tuple(markers), (example, row), numbers)


def _is_markable(text: str) -> bool:
    """Whether a text is a known mark, or has no digit in it: a mark among numbers, or a word."""
    return _is_known(text) or not any(character.isdigit() for character in text)


def _is_known(text: str) -> bool:
    """Whether a text is a mark that people write for no value, or for one that could not be measured."""
    return text.strip().lower() in _KNOWN_MARKERS or _BOUND.fullmatch(text) is not None


#: What a laboratory writes for a value below or above what it can measure: ``<0.006``, ``> 100``.
_BOUND: Final = re.compile(r"\s*[<>\u2264\u2265]=?\s*[0-9]*[.,]?[0-9]+\s*")


def _form_of(strange: Sequence[str], texts: Sequence[str], separator: str) -> ColumnForm | None:
    """The one form in which all texts spell numbers; where two do, the one that the file's separator leaves."""
    forms = [
        ColumnForm(type="number"),
        ColumnForm(type="number", thousands=","),
        ColumnForm(type="number", decimal=","),
        ColumnForm(type="number", thousands=".", decimal=","),
        ColumnForm(type="number", thousands=" "),
        ColumnForm(type="number", thousands=" ", decimal=","),
        ColumnForm(type="number", thousands="'"),
        ColumnForm(type="number", thousands="."),
    ]
    fitting = [form for form in forms if all(number_in(text, form) is not None for text in texts)]
    if not fitting or (fitting[0].thousands is None and fitting[0].decimal is None and not _bears_signs(strange)):
        return None
    comma = next((form for form in fitting if form.decimal == "," and form.thousands is None), None)
    if comma is not None and separator == ";":
        return comma  # who separates by semicolons writes a comma for the point
    return fitting[0]


def _bears_signs(strange: Sequence[str]) -> bool:
    """Whether a currency, a percent sign or brackets are all that makes these texts no plain numbers."""
    return all(NUMBER.fullmatch(_bare(text)) is not None for text in strange)
