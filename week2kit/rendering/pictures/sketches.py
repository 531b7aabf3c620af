"""Pictures as text, for Markdown that stands alone: at most 76 columns of signs that every monospaced font has.

The scale of a row of marks stands above it. A filled circle is what was measured on validation rows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from week2kit.rendering.markdown import number
from week2kit.rendering.pictures.contents import (
    Calibrations,
    Content,
    Curves,
    Differences,
    Fits,
    Measured,
    Metric,
    Scatter,
    difference_extent,
    extent,
    metric_extent,
    shorten,
    told_difference,
    told_score,
)
from week2kit.reporting.values import Calibration, Curve, Fit, Residuals


class Lane(NamedTuple):
    """What stands on one line: marks, later ones above earlier ones, and a line from one value to another."""

    marks: Sequence[tuple[float, str]]
    line: tuple[float, float] | None = None


_COLUMNS: Final = 76
_NAME: Final = 20
#: The fewest columns on which two marks can be told apart.
_LANE: Final = 10


def sketch(content: Content) -> tuple[str, ...]:
    """The lines of a text picture; none where a table says it better."""
    match content:
        case Metric():
            return tuple(_metric(content))
        case Differences():
            return tuple(_differences(content))
        case Fits():
            return tuple(_fits(content))
        case Curves():
            return _blocks([_curve(row) for row in content.rows])
        case Calibrations():
            return _blocks([_calibration(row) for row in content.rows])
        case Scatter():
            return _blocks([_scatter(row) for row in content.rows])
        case _:
            return ()


def _blocks(blocks: Iterable[list[str]]) -> tuple[str, ...]:
    """Blocks of lines, an empty line between two of them."""
    return tuple(line for block in blocks for line in ["", *block])[1:]


# --- rows of marks -----------------------------------------------------------------------------------------------


def _metric(content: Metric) -> list[str]:
    limits, with_dummy = metric_extent(content)
    values = [told_score(row.score) + ("" if row.comparable else " n.c.") for row in content.rows]
    lanes = [_measured(row, with_dummy) for row in content.rows]
    key = "● score, ├─┤ interval, d dummy" if any(lane.line for lane in lanes) else "● score, d dummy"
    if not with_dummy:
        key = f"{key.removesuffix(', d dummy')}; the dummy lies outside, at {number(content.rows[0].dummy)}"
    if not all(row.comparable for row in content.rows):
        key += "; n.c. not comparable"
    return [*_lanes([row.run for row in content.rows], lanes, values, limits), "", f" {key}"]


def _measured(row: Measured, with_dummy: bool) -> Lane:
    dummy = [(row.dummy, "d")] if with_dummy else []
    if row.score.interval is None:
        return Lane([*dummy, (row.value, "●")])
    low, high, _ = row.score.interval
    return Lane([*dummy, (low, "├"), (high, "┤"), (row.value, "●")], (low, high))


def _differences(content: Differences) -> list[str]:
    lanes = [
        Lane([(0.0, "│"), (row.interval.low, "├"), (row.interval.high, "┤"), (row.difference, "●")], row.interval[:2])
        for row in content.rows
    ]
    names, values = [row.run for row in content.rows], [told_difference(row) for row in content.rows]
    lines = _lanes(names, lanes, values, difference_extent(content))
    return [*lines, "", " ● difference, ├─┤ interval, │ no difference"]


def _fits(content: Fits) -> list[str]:
    limits = extent([value for row in content.rows for value in (row.training, row.validation)])
    lanes = [_gap(row) for row in content.rows]
    values = [f"{number(row.training)} → {number(row.validation)}" for row in content.rows]
    lines = _lanes([row.run for row in content.rows], lanes, values, limits)
    return [*lines, "", " ○ training, ● validation, ■ both"]


def _gap(row: Fit) -> Lane:
    ends = row.training, row.validation
    return Lane([(row.training, "○"), (row.validation, "■" if ends[0] == ends[1] else "●")], (min(ends), max(ends)))


def _lanes(
    names: Sequence[str], lanes: Sequence[Lane], values: Sequence[str], limits: tuple[float, float]
) -> list[str]:
    """A line for each run: its name, its marks on one scale, and its values."""
    value_width = max(map(len, values))
    room = _COLUMNS - 6 - value_width
    short = [shorten(name, max(8, min(_NAME, room - 2 * _LANE))) for name in names]
    name_width = max(map(_width, short))
    width = max(_LANE, room - name_width)
    left, right = (f"{limit:.4g}" for limit in limits)
    scale = f" {'':{name_width}}  {left}{right:>{width - len(left)}}"
    lines = [
        f" {_padded(name, name_width)}  {_drawn(lane, limits, width)}  {value:>{value_width}}".rstrip()
        for name, lane, value in zip(short, lanes, values, strict=True)
    ]
    return [scale, *lines]


def _drawn(lane: Lane, limits: tuple[float, float], width: int) -> str:
    cells = ["·"] * width
    if lane.line is not None:
        first, last = (_cell(end, limits, width) for end in lane.line)
        cells[first : last + 1] = "─" * (last + 1 - first)
    for value, sign in lane.marks:
        cells[_cell(value, limits, width)] = sign
    return "".join(cells)


def _cell(value: float, limits: tuple[float, float], cells: int) -> int:
    low, high = limits
    return min(cells - 1, max(0, int((value - low) / (high - low) * cells)))


def _calibration(row: Calibration) -> list[str]:
    """A line for each bin: its probability (+), how often it came true (●), and its rows."""
    names = [f"{point.predicted:.2f}" for point in row.points]
    lanes = [Lane([(point.predicted, "+"), (point.observed, "●")]) for point in row.points]
    values = [f"{point.rows:,}" for point in row.points]
    return [
        f" {shorten(row.run, 60)}: ● came true, + predicted; on the right, rows",
        *_lanes(names, lanes, values, (0.0, 1.0)),
    ]


# --- plots -------------------------------------------------------------------------------------------------------


def _curve(curve: Curve) -> list[str]:
    points = [(float(point.n_train), point.training, "○") for point in curve.points]
    points += [(float(point.n_train), point.validation, "●") for point in curve.points]
    head = f" {shorten(curve.run, 40)}: ○ training, ● validation, ■ both"
    return [head, *_plot(points, f"{curve.metric} / training rows")]


def _scatter(row: Residuals) -> list[str]:
    points = [(true, predicted, "○") for true, predicted in row.points]
    return [f" {shorten(row.run, 40)}: ○ one row, ■ several", *_plot(points, "predicted / true value", square=True)]


def _plot(points: Sequence[tuple[float, float, str]], label: str, square: bool = False) -> list[str]:
    """Points on a plane with the ends of both scales; a cell with two different or repeated marks is filled."""
    across = extent(x for x, _, _ in points)
    up = extent(y for _, y, _ in points)
    if square:
        across = up = extent([*across, *up])
    ends = [f"{up[1]:.4g}", f"{up[0]:.4g}"]
    margin = max(map(len, ends))
    width = _COLUMNS - margin - 4
    rows = _plane(points, across, up, width, 13 if square else 9)
    names = [ends[0], *[""] * (len(rows) - 2), ends[1]]
    low, high = (f"{end:.4g}" for end in across)
    foot = f"{low}{shorten(label, width - len(low) - len(high) - 2):^{width - len(low) - len(high)}}{high}"
    lines = [f" {name:>{margin}} │{''.join(row).rstrip()}" for name, row in zip(names, rows, strict=True)]
    return [*(line.rstrip() for line in lines), f" {'':{margin}} └{'─' * width}", f" {'':{margin}}  {foot}"]


def _plane(
    points: Sequence[tuple[float, float, str]],
    across: tuple[float, float],
    up: tuple[float, float],
    width: int,
    height: int,
) -> list[list[str]]:
    rows = [[" "] * width for _ in range(height)]
    for x, y, sign in points:
        row, column = height - 1 - _cell(y, up, height), _cell(x, across, width)
        rows[row][column] = sign if rows[row][column] == " " else "■"
    return rows


# --- widths ------------------------------------------------------------------------------------------------------


def _width(text: str) -> int:
    """Columns of a text in a monospaced font: East Asian signs take two, combining marks none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
