"""A classification report as text: its rows, and whether it can show the metrics that stand in another file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from week2kit.record.written_metrics import compared_names, decimals
from week2kit.thresholds import MIN_ROUNDED_DIGITS


class ReportRow(NamedTuple):
    """One row of a classification report: the numbers as they are written, the last one being the support."""

    numbers: tuple[str, ...]

    @property
    def support(self) -> int:
        """How many validation rows it counts."""
        return int(float(self.numbers[-1]))

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers; one that is not defined is 0, as week2kit's own report has it."""
        return tuple(0.0 if number == "nan" else float(number) for number in self.numbers)

    @property
    def digits(self) -> int:
        """How many decimals the scores of the row are written with."""
        return len(self.numbers[0].partition(".")[2])


_DECIMAL: Final = re.compile(r"[01]\.\d{1,16}|nan")
_SUPPORT: Final = re.compile(r"\d{1,15}(?:\.0)?")

#: Which row and which number of a classification report a metric is.
REPORTED: Final[Mapping[str, tuple[str, int]]] = {
    "accuracy": ("accuracy", 0),
    **{
        f"{metric}_{average}": (f"{average} avg", position)
        for average in ("macro", "weighted")
        for position, metric in enumerate(("precision", "recall", "f1"))
    },
}


def report_rows(text: str) -> dict[str, ReportRow]:
    """The rows of a classification report by their name; lines that are none are passed over.

    The averages stand below the classes, so that a class of the same name does not hide them.
    """
    rows: dict[str, ReportRow] = {}
    for line in text.splitlines():
        words = line.split()
        for count in (4, 2):
            numbers = tuple(words[-count:])
            if len(words) > count and _are_numbers(numbers) and (count == 4 or words[0] == "accuracy"):
                rows[" ".join(words[:-count])] = ReportRow(numbers)
                break
    return rows


def _are_numbers(words: tuple[str, ...]) -> bool:
    return all(map(_DECIMAL.fullmatch, words[:-1])) and _SUPPORT.fullmatch(words[-1]) is not None


def reported(rows: Mapping[str, ReportRow], scorer: str) -> tuple[float, int] | None:
    """The value of a metric in a classification report with its number of decimals, or None where it is not there."""
    row, position = REPORTED.get(scorer, ("", 0))
    if row not in rows or any("nan" in found.numbers for found in rows.values()):
        return None  # averages leave out what is not defined, or count it as a script wants it
    return float(rows[row].numbers[position]), rows[row].digits


#: The rows of a classification report that are no class.
_AVERAGES: Final = frozenset({"accuracy", "micro avg", "macro avg", "weighted avg", "samples avg"})


def class_rows(rows: Mapping[str, ReportRow]) -> dict[str, ReportRow]:
    """The rows of a classification report that each speak of one class."""
    return {name: row for name, row in rows.items() if name not in _AVERAGES}


def held_against(rows: Mapping[str, ReportRow], metrics: Mapping[str, float]) -> dict[str, tuple[float, bool]]:
    """The metrics that a classification report shows, too: what it shows, and whether that can be the same value."""
    found = {name: reported(rows, scorer) for name, scorer in compared_names(metrics).items()}
    return {name: (shown[0], _may_show(metrics[name], *shown)) for name, shown in found.items() if shown is not None}


def _may_show(value: float, shown: float, digits: int) -> bool:
    """Whether a report can show this for a metric, which may be rounded itself."""
    own = max(decimals(value), MIN_ROUNDED_DIGITS)  # 1.0 was not rounded from 0.97
    return abs(value - shown) <= 0.5 * (10.0**-digits + 10.0**-own) * (1 + 1e-6)
