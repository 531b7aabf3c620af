"""Pictures as SVG, by matplotlib: the same report gives the same bytes, whatever a matplotlibrc or MPLBACKEND says.

Everything can be told apart without colour: filled against hollow marks, solid against dashed lines, a sign before
each number, and words beside what they name.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from week2kit.rendering.markdown import number
from week2kit.rendering.pictures.contents import (
    Calibrations,
    Confusion,
    Content,
    Curves,
    Differences,
    Fits,
    Metric,
    Picture,
    Scatter,
    difference_extent,
    extent,
    metric_extent,
    plan_pictures,
    told_difference,
    told_score,
)
from week2kit.rendering.pictures.sheet import (
    GRID,
    INK,
    MUTED,
    ONE,
    PAPER,
    SIZE,
    SMALL,
    TWO,
    WIDTH,
    fit_text,
    import_matplotlib,
    new_sheet,
    number_axis,
    own_settings,
    text_width,
)
from week2kit.rendering.pictures.svg import finish, seal
from week2kit.reporting.rows import Range
from week2kit.reporting.values import Report

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Share of a scale that stays free at its ends.
_MARGIN: Final = 0.04

#: Pixels that the name of a class may take.
_LABEL_WIDTH: Final = 100

#: The line of a dummy, and of no difference.
_STROKE: Final[Mapping[str, Any]] = {"linestyle": (0, (3, 1.5)), "color": INK, "linewidth": 1.5}
#: A mark that is told from a filled one without colour.
_HOLLOW: Final[Mapping[str, Any]] = {"markerfacecolor": PAPER, "markeredgecolor": TWO, "markeredgewidth": 2}


def draw(report: Report) -> dict[str, str]:
    """The pictures of a report: file name, and the SVG in it. The same report gives the same text.

    Raises:
        PicturesUnavailable: matplotlib is not installed, or cannot be imported.
    """
    planned = plan_pictures(report)
    if not planned:
        return {}
    import_matplotlib()
    return {f"{picture.name}.svg": _svg(picture) for picture in planned}


def _svg(picture: Picture) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with own_settings(picture.name):
        figure = _figure(picture.content)
        target = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        FigureCanvasSVG(figure).print_svg(target, metadata=nothing)
    drawn = target.getvalue().replace("'DejaVu Sans', sans-serif", "sans-serif")
    return seal(finish(drawn, f"picture-{picture.name}", picture.title, picture.description), picture.digest)


def _figure(content: Content) -> Figure:
    match content:
        case Metric():
            return _metric(content)
        case Differences():
            return _differences(content)
        case Fits():
            return _fits(content)
        case Curves():
            return _curves(content)
        case Confusion():
            return _confusion(content)
        case Calibrations():
            return _calibrations(content)
        case Scatter():
            return _scatter(content)


def _name(axes: Axes, name: str, room: float, label: str) -> None:
    """The name of a run above its axes, and below it what the upright axis says: nobody has to turn their head."""
    axes.set_title(fit_text(name, room, bold=True), loc="left", weight="bold", fontsize=SIZE, pad=24)
    axes.annotate(
        fit_text(label, room, SMALL), (0, 1), (0, 5), "axes fraction", "offset points", fontsize=SMALL, color=MUTED
    )


# --- one row for each run ----------------------------------------------------------------------------------------


def _rows(names: Sequence[str], values: Sequence[str], limits: tuple[float, float], label: str) -> tuple[Figure, Axes]:
    """A row for each run, at y = 0, 1, ...: its name and its values, and below them room for its marks."""
    figure, (axes,) = new_sheet(WIDTH, 48 * len(names) + 72, 1, 1)
    axes.set_xlim(limits)
    axes.set_ylim(len(names) - 0.6, -0.75)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.grid(axis="x")
    axes.set_xlabel(fit_text(label, WIDTH - 24, SMALL), fontsize=SMALL)
    number_axis(axes.xaxis, WIDTH - 24)
    across = axes.get_yaxis_transform()
    for y, (name, value) in enumerate(zip(names, values, strict=True)):
        short = fit_text(name, WIDTH - 36 - text_width(value, SMALL), bold=True)
        axes.text(0, y - 0.36, short, transform=across, weight="bold")
        axes.text(1, y - 0.36, value, transform=across, ha="right", fontsize=SMALL)
    return figure, axes


def _metric(content: Metric) -> Figure:
    limits, with_dummy = metric_extent(content, _MARGIN)
    values = [told_score(row.score) + ("" if row.comparable else " not comparable") for row in content.rows]
    figure, axes = _rows([row.run for row in content.rows], values, limits, content.metric)
    for y, row in enumerate(content.rows):
        if row.score.interval is not None:
            _whisker(axes, y, row.score.interval)
        face = ONE if row.comparable else PAPER
        axes.plot(row.value, y, "o", markersize=10, markerfacecolor=face, markeredgecolor=ONE, clip_on=False)
        for repeat in row.score.repeats:
            axes.plot(repeat, y + 0.26, "|", color=INK, clip_on=False)
        if with_dummy:
            axes.plot([row.dummy] * 2, [y - 0.24, y + 0.24], **_STROKE)
    text, where = _dummy_mark(content, limits, with_dummy)
    _mark(axes, text, where)
    if any(row.score.repeats for row in content.rows):
        _mark(axes, "| other seeds", 1.0 if where < 0.5 else 0.0)
    return figure


def _whisker(axes: Axes, y: float, interval: Range) -> None:
    axes.plot(interval[:2], [y, y], "-|", color=ONE, linewidth=2, markersize=11, markeredgewidth=2, clip_on=False)


def _differences(content: Differences) -> Figure:
    """Each difference with its interval, beside the line of no difference."""
    limits = difference_extent(content, _MARGIN)
    names, values = [row.run for row in content.rows], [told_difference(row) for row in content.rows]
    figure, axes = _rows(names, values, limits, f"difference of {content.metric}")
    for y, row in enumerate(content.rows):
        axes.plot([0, 0], [y - 0.24, y + 0.3], **_STROKE)
        _whisker(axes, y, row.interval)
        axes.plot(row.difference, y, "D", color=ONE, markersize=8, clip_on=False)
    _mark(axes, "no difference", -limits[0] / (limits[1] - limits[0]))
    return figure


def _dummy_mark(content: Metric, limits: tuple[float, float], on_axis: bool) -> tuple[str, float]:
    """The word for the line of the dummy and its place, or, where that lies outside, in which direction."""
    dummies = {row.dummy for row in content.rows}
    text = f"dummy {number(min(dummies))}" if len(dummies) == 1 else "dummies"
    dummy, (low, high) = min(dummies), limits
    if on_axis:
        return text, (dummy - low) / (high - low)
    return (f"← {text}", 0.0) if dummy < low else (f"{text} →", 1.0)


def _mark(axes: Axes, text: str, where: float) -> None:
    """A word above the rows, at this share of their width."""
    side = "left" if where < 0.3 else "right" if where > 0.7 else "center"
    axes.annotate(text, (where, 1), (0, 4), "axes fraction", "offset points", ha=side, fontsize=SMALL, color=MUTED)


def _fits(content: Fits) -> Figure:
    values = [f"{number(row.training)} → {number(row.validation)}" for row in content.rows]
    limits = extent([value for row in content.rows for value in (row.training, row.validation)], _MARGIN)
    figure, axes = _rows([row.run for row in content.rows], values, limits, content.metric)
    for y, row in enumerate(content.rows):
        axes.plot([row.training, row.validation], [y, y], color=GRID, linewidth=6, solid_capstyle="butt")
        marks = (*axes.plot(row.training, y, "s", **_HOLLOW), *axes.plot(row.validation, y, "o", color=ONE))
    _key(figure, marks)
    return figure


def _key(figure: Figure, marks: Sequence[Artist]) -> None:
    """What the hollow square and the filled circle are."""
    figure.legend(
        marks, ["training", "validation"], loc="outside upper left", ncols=2, frameon=False, fontsize=SMALL,
        labelcolor=MUTED, handlelength=1.5, borderpad=0, columnspacing=1.5,
    )  # fmt: skip


# --- a panel for each run ----------------------------------------------------------------------------------------


def _curves(content: Curves) -> Figure:
    """One panel below the other, with one scale: what a model gains from more rows, and the gap that stays."""
    figure, panels = new_sheet(WIDTH, 24 + 200 * len(content.rows), len(content.rows), 1)
    points = [point for curve in content.rows for point in curve.points]
    scores = extent([score for point in points for score in (point.training, point.validation)], _MARGIN)
    scale = extent([float(point.n_train) for point in points], _MARGIN)
    for axes, curve in zip(panels, content.rows, strict=True):
        axes.set(xlim=scale, ylim=scores)
        axes.set_xlabel("training rows", fontsize=SMALL)
        axes.grid(axis="y")
        _name(axes, curve.run, WIDTH - 120, content.metric)
        number_axis(axes.xaxis, WIDTH - 120)
        number_axis(axes.yaxis, math.inf)
        rows, training, validation = ([float(value) for value in column] for column in zip(*curve.points, strict=True))
        axes.fill_between(rows, training, validation, color=GRID, alpha=0.5, linewidth=0)
        below = axes.plot(rows, training, "--s", color=TWO, linewidth=2, clip_on=False, **_HOLLOW)
        above = axes.plot(rows, validation, "-o", color=ONE, linewidth=2, clip_on=False)
    _key(figure, [*below, *above])
    return figure


#: The width of a panel that stands beside another one, without the numbers on its left.
_SIDE: Final = 150


def _calibrations(content: Calibrations) -> Figure:
    """For each run the bins, on the diagonal where probabilities come true, and below how many rows each has."""
    rows = content.rows
    lines = -(-len(rows) // 2)
    figure, panels = new_sheet(WIDTH, 310 * lines, 2 * lines, 2, height_ratios=[4, 1] * lines)
    for index, row in enumerate(rows):
        place = index // 2 * 4 + index % 2
        axes, counts = panels[place], panels[place + 2]
        predicted = [point.predicted for point in row.points]
        _square(axes, row.run, (-0.03, 1.03), "came true")
        axes.plot(predicted, [point.observed for point in row.points], "-o", color=ONE, clip_on=False)
        axes.tick_params(labelbottom=False)
        counts.bar(predicted, [point.rows for point in row.points], width=0.05, color=ONE)
        counts.set(xlim=(-0.03, 1.03), yticks=[0, max(point.rows for point in row.points)])
        counts.set_xlabel("predicted probability", fontsize=SMALL)
        counts.set_title("rows", loc="left", fontsize=SMALL, color=MUTED)
        number_axis(counts.xaxis, _SIDE)
    _hide_unused(panels)
    return figure


def _hide_unused(panels: Sequence[Axes]) -> None:
    for axes in panels:
        axes.set_visible(axes.has_data())


def _square(axes: Axes, name: str, limits: tuple[float, float], label: str) -> None:
    """A square panel with one scale on both sides, and its diagonal."""
    axes.plot(limits, limits, linestyle="--", color=MUTED, linewidth=1.2)
    axes.set(xlim=limits, ylim=limits)
    axes.grid()
    _name(axes, name, _SIDE, label)
    number_axis(axes.xaxis, _SIDE)
    number_axis(axes.yaxis, math.inf)


def _scatter(content: Scatter) -> Figure:
    limits = extent([value for row in content.rows for point in row.points for value in point], _MARGIN)
    lines = -(-len(content.rows) // 2)
    figure, panels = new_sheet(WIDTH, 250 * lines, lines, 2)
    for axes, row in zip(panels, content.rows, strict=False):
        _square(axes, row.run, limits, "predicted")
        true, predicted = zip(*row.points, strict=True)
        axes.plot(true, predicted, "o", markersize=4, markerfacecolor="none", markeredgecolor=ONE, markeredgewidth=1)
        axes.set_xlabel("true value", fontsize=SMALL)
    _hide_unused(panels)
    return figure


# --- confusion matrices ------------------------------------------------------------------------------------------


def _confusion(content: Confusion) -> Figure:
    """Both matrices and the difference: tinted where rows are, outlined where more mistakes are made."""
    labels = [fit_text(row.label, _LABEL_WIDTH, SMALL) for row in content.rows]
    before, after = ([[cell[which] for cell in row.cells] for row in content.rows] for which in (0, 1))
    digits = max(len(str(count)) for matrix in (before, after) for row in matrix for count in row)
    longest = max(text_width(label, SMALL) for label in labels)
    least = len(labels) * max(24 if len(labels) > 4 else 34, 8 * digits + 10)
    side = max(least, (WIDTH - longest - 80) / 3)
    width, height = longest + 3 * side + 80, side + longest + 86
    figure, panels = new_sheet(width, height, 1, 3)
    figure.set_layout_engine(None)  # it takes signs that its font lacks for narrower than they are
    figure.subplots_adjust((20 + longest) / width, (24 + longest) / height, 1 - 12 / width, 1 - 62 / height, 24 / side)
    note = "rows: true class, columns: predicted; outlined: more mistakes"
    figure.text(12 / width, 1 - 16 / height, note, fontsize=SMALL, color=MUTED)
    for axes, name in zip(panels, (content.baseline, content.variant, "what moved"), strict=True):
        _matrix(axes, labels, fit_text(name, side + 16, SMALL, bold=True), with_rows=axes is panels[0])
    _draw_counts(panels[0], before)
    _draw_counts(panels[1], after)
    _draw_moves(panels[2], before, after)
    return figure


def _matrix(axes: Axes, labels: Sequence[str], name: str, with_rows: bool) -> None:
    """The empty matrix: classes on its edges, and lines between its cells."""
    size, lines = len(labels), range(len(labels) + 1)
    centres = [index + 0.5 for index in range(size)]
    axes.set(xlim=(0, size), ylim=(size, 0))
    axes.set_title(name, loc="left", weight="bold", fontsize=SMALL, pad=12)
    axes.set_xticks(centres, labels, rotation=90 if max(map(len, labels)) > 2 else 0)
    axes.set_yticks(centres, labels if with_rows else [""] * size)
    axes.tick_params(length=0, labelcolor=INK)
    axes.hlines(lines, 0, size, color=GRID, linewidth=1, clip_on=False)
    axes.vlines(lines, 0, size, color=GRID, linewidth=1, clip_on=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_counts(axes: Axes, matrix: Sequence[Sequence[int]]) -> None:
    for y, row in enumerate(matrix):
        for x, count in enumerate(row):
            if count:
                _fill(axes, x, y, facecolor=ONE if x == y else TWO, alpha=0.10 + 0.25 * count / sum(row))
            _count(axes, x, y, f"{count}" if count or len(row) < 5 else "", bold=x == y, muted=not count)


def _draw_moves(axes: Axes, before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> None:
    for y, (first, second) in enumerate(zip(before, after, strict=True)):
        for x, move in enumerate(b - a for a, b in zip(first, second, strict=True)):
            if move and (move > 0) == (x == y):
                _fill(axes, x, y, facecolor=ONE, alpha=0.25)
            elif move:
                _fill(axes, x, y, facecolor=TWO, alpha=0.2)
                _fill(axes, x + 0.06, y + 0.06, 0.88, fill=False, edgecolor=TWO, linewidth=1.5)
            _count(axes, x, y, f"{move:+d}" if move else "", bold=True, muted=False)


def _fill(axes: Axes, x: float, y: float, side: float = 1, **style: Any) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, y), side, side, **{"linewidth": 0, **style}))


def _count(axes: Axes, x: float, y: float, text: str, *, bold: bool, muted: bool) -> None:
    axes.text(
        x + 0.5,
        y + 0.52,
        text,
        ha="center",
        va="center_baseline",
        fontsize=SMALL,
        weight="bold" if bold else "normal",
        color=MUTED if muted else INK,
    )
