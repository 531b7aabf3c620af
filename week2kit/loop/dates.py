"""Dates: which columns hold them, in whatever spelling, and whether the rows of a table stand in their order."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from week2kit.thresholds import DATE_TEXTS, ORDERED_DATES, ORDERED_ROWS

#: Spellings that pandas guesses wrongly or not at all: what the text looks like, and its format.
_SPELLINGS: Final = (
    (re.compile(r"[A-Za-z]{3}[- ]\d{2}"), "%b-%y"),
    (re.compile(r"[A-Za-z]{3}[- ]\d{4}"), "%b-%Y"),
    (re.compile(r"[A-Za-z]{4,9} \d{4}"), "%B %Y"),
    (re.compile(r"[A-Za-z]{3} \d{1,2} \d{4}"), "%b %d %Y"),
    (re.compile(r"[A-Za-z]{3,9} [A-Za-z]{3} \d{1,2} \d{4}"), "%a %b %d %Y"),
    (re.compile(r"\d{4}[-/]\d{1,2}"), "%Y-%m"),
    (re.compile(r"\d{1,2}-[A-Za-z]{3}-\d{2}"), "%d-%b-%y"),
    (re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2}"), "%m/%d/%y"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{2}"), "%d.%m.%y"),
    (re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2} \d{1,2}:\d{2}"), "%m/%d/%y %H:%M"),
)
_QUARTER: Final = re.compile(r"(?:(\d{4})[-: ]?[Qq]([1-4])|[Qq]([1-4])[-: ]?(\d{4}))")

_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:$|[T ]\d)")

#: What every date has: a digit, and something between its parts.
_LIKELY: Final = re.compile(r"(?=.*\d)(?=.*[-/.: Qq])[\dA-Za-z][\w\-/.:,+ ]{3,39}", re.ASCII)

#: Names under which numbers stand for time, each with what the numbers must lie between.
_NUMBERED: Final = (
    (re.compile(r"(?i)(?:^|[_\W])(?:year|yr|time|date|period|quarter|month)|(?<=[a-z])(?:Year|Date)$"), 1500, 2200),
    (re.compile(r"(?i)(?:^|[_\W])(?:date|day|ymd)"), 15_000_101, 22_001_231),
    (re.compile(r"(?i)(?:^|[_\W])(?:timestamp|time|date|unix|epoch)"), 5e8, 5e12),
    (re.compile(r"(?i)^(?:day|week|month|quarter|hour|minute|t|time|trend)$"), 0, 1e5),
)


def dates_in(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """A column of texts as datetime64 (missing as NaT), where all of them are dates of one spelling; else None."""
    texts = pd.Series(values, dtype=object)
    first = [text.strip() for text in pd.unique(texts)[:DATE_TEXTS] if isinstance(text, str)]
    if not first or not all(map(_LIKELY.fullmatch, first)):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas wonders whether the day comes first: both are tried
        for spelling in _formats(first):
            try:
                return _parsed(texts.str.strip(), spelling)
            except (ValueError, TypeError, OverflowError):
                continue
    return None


def _formats(first: list[str]) -> Iterator[str]:
    """Formats in which the first texts may be dates, the likelier ones first."""
    if all(map(_QUARTER.fullmatch, first)):
        yield "quarter"
        return
    if all(map(_ISO.match, first)):
        yield "ISO8601"
    known = [spelling for shape, spelling in _SPELLINGS if all(map(shape.fullmatch, first))]
    for spelling in known:
        yield from _variants(spelling, first[0])
    for day_first in (False, True):
        for text in first[:3]:
            guessed = pd.tseries.api.guess_datetime_format(text, dayfirst=day_first)
            if guessed and re.search("%[yY]", guessed) and re.search("%[mbBj]", guessed):
                yield guessed


def _variants(spelling: str, text: str) -> Iterator[str]:
    """A format with the marks that a text has between its parts; where day and month may be meant, in both orders."""
    marks = re.findall(r"[-/. ]", text)
    written = iter(marks)
    found = re.sub(r"(?<=[a-zA-Z])[-/. ](?=%)", lambda match: next(written, match[0]), spelling)
    yield found
    if "%m" in found and "%d" in found:
        yield found.replace("%m", "%#").replace("%d", "%m").replace("%#", "%d")


def _parsed(texts: pd.Series[Any], spelling: str) -> np.ndarray[Any, Any]:
    if spelling == "quarter":
        parts = texts.str.extract(_QUARTER)
        years, quarters = parts[0].fillna(parts[3]), parts[1].fillna(parts[2])
        if (years.isna() & texts.notna()).any():
            raise ValueError
        texts, spelling = years + "-" + (quarters.astype("Float64") * 3 - 2).astype("Int64").astype("string"), "%Y-%m"
    read = pd.to_datetime(texts, format=spelling, errors="raise", utc="%z" in spelling or spelling == "ISO8601")
    if read.dt.tz is not None:
        read = read.dt.tz_localize(None)
    found: np.ndarray[Any, Any] = read.to_numpy(dtype="datetime64[ns]", na_value=np.datetime64("NaT"))
    return found


class TimeOrder(NamedTuple):
    """The rows stand in the order of a column that holds time: the oldest or the newest first.

    `within` is the column in each of whose values they do, where it begins anew with the next one, as in panels.
    """

    column: str
    first: Literal["oldest", "newest"]
    within: str | None = None


def time_order(frame: pd.DataFrame) -> TimeOrder | None:
    """The column of time in whose order all rows of a table stand; None where there is none.

    Looked at on rows at even distances, at most `thresholds.ORDERED_ROWS`. A column of a few different times, such as
    three years, is no order of rows.
    """
    if len(frame) == 0:
        return None
    rows = np.unique(np.linspace(0, len(frame) - 1, min(len(frame), ORDERED_ROWS)).astype(np.int64))
    for name in map(str, frame.columns):
        times = times_of(frame[name].iloc[rows], name)
        if times is None or len(np.unique(times)) < ORDERED_DATES:
            continue
        steps = np.diff(times)
        if (steps >= 0).all():
            return TimeOrder(name, "oldest")
        if (steps <= 0).all():
            return TimeOrder(name, "newest")
    return _order_in_blocks(frame.iloc[:ORDERED_ROWS])


def _order_in_blocks(frame: pd.DataFrame) -> TimeOrder | None:
    """The time in whose order the rows of each block stand, where another column has one value in each block."""
    changes = {str(name): np.flatnonzero(np.diff(pd.factorize(frame[name])[0])) for name in frame.columns}
    for name in changes:
        times = times_of(frame[name], name)
        if times is None or len(np.unique(times)) < ORDERED_DATES:
            continue
        steps = np.diff(times)
        for back, first in ((np.flatnonzero(steps < 0), "oldest"), (np.flatnonzero(steps > 0), "newest")):
            if not 0 < len(back) * ORDERED_DATES <= len(times):
                continue
            within = [other for other, at in changes.items() if other != name and np.array_equal(at, back)]
            if within:
                return TimeOrder(name, "oldest" if first == "oldest" else "newest", within[0])
    return None


def times_of(series: pd.Series[Any], name: str) -> np.ndarray[Any, Any] | None:
    """A column that holds time as numbers that grow with it, where no value is missing; None of any other column."""
    dtype = series.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        dates = series.to_numpy(dtype="datetime64[ns]")
    elif pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
        return _numbered(series, name)
    elif pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype):
        found = dates_in(series.to_numpy(dtype=object, na_value=np.nan))
        if found is None:
            return None
        dates = found
    else:
        return None
    return None if np.isnat(dates).any() else dates.astype(np.int64)


def _numbered(series: pd.Series[Any], name: str) -> np.ndarray[Any, Any] | None:
    """Numbers that stand for time by their name and their size: years, 20080131, seconds since 1970, days."""
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    if len(values) == 0 or np.isnan(values).any():
        return None
    least, most = values.min(), values.max()
    fits = any(shape.search(name) and low <= least and most <= high for shape, low, high in _NUMBERED)
    return values if fits else None
