"""The decimal numbers in a person's words: is each one that some number of the report rounds to?"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from week2kit.record.manifest import Warned
from week2kit.reporting.values import Proposal, Report

_DECIMAL: Final = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d*)\.(\d+)(?:[eE]([-+]?\d{1,3}))?(?!\w|\.\d)\s*(%?)")


class Spoken(NamedTuple):
    """A decimal number in a text: as it stands there, with how many decimals, and whether the report has it."""

    text: str
    decimals: int
    holds: bool


def spoken_numbers(text: str, known: Sequence[float]) -> Iterator[Spoken]:
    """The decimal numbers in a text, each held against the `known_numbers` of a report."""
    for match in _DECIMAL.finditer(text):
        yield Spoken(match[0].strip(), len(match[2]), _is_known(match, known))


def known_numbers(report: Report) -> list[float]:
    """The absolute value of every number of a report, in order."""
    return sorted({abs(float(number)) for number in _numbers(report)})


def _is_known(match: re.Match[str], known: Sequence[float]) -> bool:
    """Whether some number of the report, or a hundred times that in front of a percent sign, rounds to this one."""
    whole, decimals, exponent, percent = match.groups()
    power = int(exponent or 0) - (2 if percent else 0)
    value = float(f"{whole.replace(',', '') or 0}.{decimals}e{power}")
    # half a unit of the last decimal, and the last bit of a float
    margin = float(f"5e{power - len(decimals) - 1}") * (1 + 1e-6) + value * 1e-15
    index = bisect.bisect_left(known, value - margin)
    return math.isfinite(value) and index < len(known) and known[index] <= value + margin


def _numbers(value: object) -> Iterator[float]:
    """Every number of a report, and those of the commands that it proposes; no text from a run folder counts."""
    if isinstance(value, bool | str) or value is None:
        return
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, Proposal):
        texts = " ".join(value.commands)
        yield from (float(match[0].replace(",", "")) for match in _DECIMAL.finditer(texts) if "%" not in match[0])
        yield from _numbers((value.reason, value.proposal, value.reading))
    elif isinstance(value, Warned):
        yield from _numbers(value.values)
    elif isinstance(value, Mapping):
        yield from _numbers(tuple(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _numbers(item)
