"""Pictures as SVG, by matplotlib: the same report gives the same bytes, whatever a matplotlibrc or MPLBACKEND says.

Everything can be told apart without colour: filled against hollow marks, solid against dashed lines, a sign before
each number, and words beside what they name. Lengths are in pixels of a picture that is shown at its own size.
"""

from __future__ import annotations

import io
import logging
import math
import os
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from week2kit.errors import PicturesUnavailable, refused
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
    shorten,
    told_difference,
    told_score,
)
from week2kit.rendering.pictures.svg import ROLES, finish, seal, xml_text
from week2kit.reporting.rows import Range
from week2kit.reporting.values import Calibration, Curve, Report, Residuals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Narrow enough for a telephone, on which it is shown at three quarters of its size.
_WIDTH: Final = 440
_SIZE: Final = 12.5
_SMALL: Final = 11.5
_LABEL_WIDTH: Final = 100
#: Share of a scale that stays free at its ends.
_MARGIN: Final = 0.04

INK, MUTED, GRID, ONE, TWO, PAPER = (ROLES[role] for role in ("ink", "muted", "grid", "one", "two", "paper"))

#: What would otherwise come from a file of the person who draws.
_SETTINGS: Final[Mapping[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "week2kit",
    "text.parse_math": False,
    "text.usetex": False,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": _SIZE,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.linewidth": 1,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": _SMALL,
    "ytick.labelsize": _SMALL,
    "grid.color": GRID,
    "axes.axisbelow": True,
    "path.simplify": False,
}


def draw(report: Report) -> dict[str, str]:
    """The pictures of a report: file name, and the SVG in it. The same report gives the same text.

    Raises:
        PicturesUnavailable: matplotlib is not installed, or cannot be imported.
    """
    planned = plan_pictures(report)
    if not planned:
        return {}
    _import_matplotlib()
    return {f"{picture.name}.svg": _svg(picture) for picture in planned}


def _import_matplotlib() -> None:
    """Import matplotlib; a backend that the environment names does not count, and a wrong one would stop it."""
    backend = os.environ.pop("MPLBACKEND", None)
    # without a home it makes a temporary folder and says so, which is nothing that a person has to do anything about
    logging.getLogger("matplotlib").addHandler(logging.NullHandler())
    try:
        import matplotlib.backends.backend_svg
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        if refused(error) is not None:
            raise
        raise PicturesUnavailable(
            "No picture was drawn, because matplotlib is not installed: `pip install 'week2kit[pictures]'` "
            '(in a clone: `python3 -m pip install -e ".[pictures]"`). '
            "The report has its text pictures."
        ) from None
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend


def _svg(picture: Picture) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with _defaults():
        figure = _figure(picture.content)
        target = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        FigureCanvasSVG(figure).print_svg(target, metadata=nothing)
    drawn = target.getvalue().replace("'DejaVu Sans', sans-serif", "sans-serif")
    return seal(finish(drawn, f"picture-{picture.name}", picture.title, picture.description), picture.digest)


@contextmanager
def _defaults() -> Iterator[None]:
    """Matplotlib's own defaults and our settings, and afterwards again what was before."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a sign that is not in the font is measured by another and shown by the reader
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def _figure(content: Content) -> Figure:
    match content:
        case Metric():
            return _draw_metric(content)
        case Differences():
            return _draw_differences(content)
        case Fits():
            return _draw_fits(content)
        case Curves():
            return _draw_curves(content)
        case Confusion():
            return _draw_confusion(content)
        case Calibrations():
            return _draw_panels(content.rows, 304, _draw_calibration)
        case Scatter():
            points = [value for row in content.rows for point in row.points for value in point]
            return _draw_panels(content.rows, 250, _draw_scatter, extent(points, _MARGIN))


# --- the sheet ---------------------------------------------------------------------------------------------------


def _sheet(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    figure.patch.set_visible(False)
    return figure


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes whose upper left corner lies at (left, top) of the sheet."""
    whole_width, whole_height = figure.get_size_inches() * 72
    return figure.add_axes(
        (left / whole_width, 1 - (top + height) / whole_height, width / whole_width, height / whole_height)
    )


def _write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    """Text on the sheet; `y` is that of its baseline, from the top."""
    width, height = figure.get_size_inches() * 72
    figure.text(x / width, 1 - y / height, xml_text(text), va="baseline", **style)


def _fitted(text: str, room: float, size: float = _SIZE, bold: bool = False) -> str:
    """Foreign text on one line, shortened until it is at most `room` wide."""
    limit = int(room)
    while True:
        short = xml_text(shorten(text, limit), 10_000)
        excess = _text_width(short, size, bold) - room
        if excess <= 0 or limit <= 1:
            return short
        limit = max(1, min(limit, len(short)) - max(1, int(excess / size)))


def _text_width(text: str, size: float, bold: bool = False) -> float:
    """The width of a text in a wide font, so that in the reader's it is mostly less."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    full = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    rest = "".join(sign for sign in text if unicodedata.east_asian_width(sign) not in "WF")
    font = FontProperties(family=["sans-serif"], size=size, weight="bold" if bold else "normal")
    return full * size + (text_to_path.get_text_width_height_descent(rest, font, False)[0] if rest else 0.0)


def _plain_numbers(axes: Axes, x: bool = True, y: bool = False) -> None:
    """Few ticks with numbers that do not touch: never a power of ten or an offset in a corner."""
    if x:
        axes.set_xticks(*_ticks(*axes.get_xlim(), room=axes.bbox.width))
    if y:
        values, labels = _ticks(*axes.get_ylim(), room=math.inf)
        axes.set_yticks(values, labels, fontsize=_SMALL * min(1, 6 / max(map(len, labels), default=6)))
    axes.tick_params(length=3)


def _label_above(axes: Axes, label: str) -> None:
    """What the upright axis says, above it, where there is room and nobody has to turn their head."""
    text = _fitted(label, axes.bbox.width, _SMALL)
    axes.text(0, 1.02, text, transform=axes.transAxes, va="bottom", fontsize=_SMALL, color=MUTED)


def _ticks(low: float, high: float, room: float) -> tuple[list[float], list[str]]:
    """Values from `low` to `high`, and their texts, as many as have room beside each other."""
    from matplotlib.ticker import MaxNLocator

    values: list[float] = []
    labels: list[str] = []
    for bins in (5, 4, 3, 2, 1):
        values = [float(value) for value in MaxNLocator(bins).tick_values(low, high) if low <= value <= high]
        labels = _tick_labels(values)
        if len(values) * (7 * max(map(len, labels), default=0) + 8) <= room:
            break
    return values, labels


def _tick_labels(values: Sequence[float]) -> list[str]:
    """The shortest texts that tell the values from one another, no longer than they are where that is short."""
    labels = [f"{value:.10g}" for value in values]
    if max(map(len, labels), default=0) <= 6:
        return labels
    for digits in range(2, 12):
        labels = [re.sub(r"e([+-])0*", r"e\1", f"{value:.{digits}g}").replace("e+", "e") for value in values]
        if len(set(labels)) == len(labels):
            break
    return labels


# --- one row for each run ----------------------------------------------------------------------------------------

_ROW: Final = 48
#: In each row, the names are written above this share of its height, and the marks lie there.
_MARKS_AT: Final = 0.66


def _draw_rows(
    names: Sequence[str], values: Sequence[str], limits: tuple[float, float], label: str
) -> tuple[Figure, Axes]:
    """A sheet with a row for each run: its name and its values, and below them room for its marks, at y = 0, 1, ..."""
    top, margin = 24, 12
    figure = _sheet(_WIDTH, top + _ROW * len(names) + 40)
    axes = _axes(figure, margin, top, _WIDTH - 2 * margin, _ROW * len(names))
    axes.set_xlim(limits)
    axes.set_ylim(len(names) - _MARKS_AT, -_MARKS_AT)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.grid(axis="x")
    axes.set_xlabel(_fitted(label, _WIDTH - 2 * margin, _SMALL), fontsize=_SMALL)
    _plain_numbers(axes)
    for index, (name, value) in enumerate(zip(names, values, strict=True)):
        y = top + _ROW * index + 15
        room = _WIDTH - 2 * margin - _text_width(value, _SMALL) - 12
        _write(figure, margin, y, _fitted(name, room, bold=True), weight="bold")
        _write(figure, _WIDTH - margin, y, value, ha="right", fontsize=_SMALL)
    return figure, axes


def _draw_metric(content: Metric) -> Figure:
    limits, with_dummy = metric_extent(content, _MARGIN)
    values = [told_score(row.score) + ("" if row.comparable else " not comparable") for row in content.rows]
    figure, axes = _draw_rows([row.run for row in content.rows], values, limits, content.metric)
    for y, row in enumerate(content.rows):
        if row.score.interval is not None:
            _draw_whisker(axes, y, row.score.interval)
        face = ONE if row.comparable else PAPER
        axes.plot(row.value, y, "o", markersize=10, markerfacecolor=face, markeredgecolor=ONE, clip_on=False)
        axes.plot(row.score.repeats, [y + 0.26] * len(row.score.repeats), "|", color=INK, markersize=7, clip_on=False)
        if with_dummy:
            axes.plot([row.dummy] * 2, [y - 0.24, y + 0.24], linestyle=(0, (3, 1.5)), color=INK, linewidth=1.5)
    text, where = _dummy_mark(axes, content, with_dummy)
    _write_mark(figure, text, where)
    if any(row.score.repeats for row in content.rows):
        _write_mark(figure, "| other seeds", 1.0 if where < 0.5 else 0.0)
    return figure


def _draw_whisker(axes: Axes, y: float, interval: Range) -> None:
    axes.plot(interval[:2], [y, y], "-|", color=ONE, linewidth=2, markersize=11, markeredgewidth=2, clip_on=False)


def _draw_differences(content: Differences) -> Figure:
    """Each difference with its interval, beside the line of no difference."""
    limits = difference_extent(content, _MARGIN)
    names, values = [row.run for row in content.rows], [told_difference(row) for row in content.rows]
    figure, axes = _draw_rows(names, values, limits, f"difference of {content.metric}")
    for y, row in enumerate(content.rows):
        axes.plot([0, 0], [y - 0.24, y + 0.3], linestyle=(0, (3, 1.5)), color=INK, linewidth=1.5)
        _draw_whisker(axes, y, row.interval)
        axes.plot(row.difference, y, "D", color=ONE, markersize=8, clip_on=False)
    _write_mark(figure, "no difference", -limits[0] / (limits[1] - limits[0]))
    return figure


def _dummy_mark(axes: Axes, content: Metric, on_axis: bool) -> tuple[str, float]:
    """The word for the line of the dummy and its place, or, where that lies outside, in which direction."""
    dummies = {row.dummy for row in content.rows}
    text = f"dummy {number(min(dummies))}" if len(dummies) == 1 else "dummies"
    dummy, (low, high) = min(dummies), axes.get_xlim()
    if on_axis:
        return text, (dummy - low) / (high - low)
    return (f"← {text}", 0.0) if dummy < low else (f"{text} →", 1.0)


def _write_mark(figure: Figure, text: str, where: float) -> None:
    """A word above the rows, at this share of their width."""
    side = "left" if where < 0.3 else "right" if where > 0.7 else "center"
    _write(figure, 12 + where * (_WIDTH - 24), 14, text, ha=side, fontsize=_SMALL, color=MUTED)


def _draw_fits(content: Fits) -> Figure:
    values = [f"{number(row.training)} → {number(row.validation)}" for row in content.rows]
    limits = extent([value for row in content.rows for value in (row.training, row.validation)], _MARGIN)
    figure, axes = _draw_rows([row.run for row in content.rows], values, limits, content.metric)
    for y, row in enumerate(content.rows):
        axes.plot([row.training, row.validation], [y, y], color=GRID, linewidth=6, solid_capstyle="butt")
        axes.plot(row.training, y, "s", markersize=9, markerfacecolor=PAPER, markeredgecolor=TWO, markeredgewidth=2)
        axes.plot(row.validation, y, "o", markersize=9, color=ONE)
    _write_key(figure)
    return figure


def _write_key(figure: Figure, x: float = 12, y: float = 14) -> None:
    """What the hollow square and the filled circle are."""
    axes = _axes(figure, x, y - 10, 200, 12)
    axes.set_axis_off()
    axes.set_xlim(0, 200)
    axes.set_ylim(0, 1)
    axes.plot(6, 0.5, "s", markersize=8, markerfacecolor=PAPER, markeredgecolor=TWO, markeredgewidth=2)
    axes.plot(86, 0.5, "o", markersize=8, color=ONE)
    _write(figure, x + 16, y, "training", fontsize=_SMALL, color=MUTED)
    _write(figure, x + 96, y, "validation", fontsize=_SMALL, color=MUTED)


# --- a panel for each run ----------------------------------------------------------------------------------------


def _draw_curves(content: Curves) -> Figure:
    """One panel below the other, with one scale: what a model gains from more rows, and the gap that stays."""
    panel, top = 200, 24
    figure = _sheet(_WIDTH, top + panel * len(content.rows))
    points = [point for curve in content.rows for point in curve.points]
    scores = extent([score for point in points for score in (point.training, point.validation)], _MARGIN)
    rows = extent([float(point.n_train) for point in points], _MARGIN)
    for index, curve in enumerate(content.rows):
        y = top + panel * index
        _write(figure, 12, y + 15, _fitted(curve.run, _WIDTH - 24, bold=True), weight="bold")
        axes = _axes(figure, 52, y + 40, _WIDTH - 52 - 16, panel - 40 - 42)
        axes.set_xlim(rows)
        axes.set_ylim(scores)
        axes.set_xlabel("training rows", fontsize=_SMALL)
        _label_above(axes, content.metric)
        axes.grid(axis="y")
        _plain_numbers(axes, y=True)
        _draw_curve(axes, curve)
    _write_key(figure)
    return figure


def _draw_curve(axes: Axes, curve: Curve) -> None:
    rows = [float(point.n_train) for point in curve.points]
    training = [point.training for point in curve.points]
    validation = [point.validation for point in curve.points]
    axes.fill_between(rows, training, validation, color=GRID, alpha=0.5, linewidth=0)
    hollow: dict[str, Any] = {"markerfacecolor": PAPER, "markeredgecolor": TWO, "markeredgewidth": 2}
    axes.plot(rows, training, "--s", color=TWO, markersize=7, linewidth=2, clip_on=False, **hollow)
    axes.plot(rows, validation, "-o", color=ONE, markersize=7, linewidth=2, clip_on=False)


_SIDE: Final = 160


def _draw_panels(
    rows: Sequence[Any], height: float, draw_one: Callable[..., None], *scale: tuple[float, float]
) -> Figure:
    """Square panels, two beside each other, each with the name of its run above."""
    figure = _sheet(_WIDTH, height * -(-len(rows) // 2))
    for index, row in enumerate(rows):
        down, across = divmod(index, 2)
        left, top = across * _WIDTH / 2, down * height
        _write(figure, left + 12, top + 16, _fitted(row.run, _WIDTH / 2 - 18, bold=True), weight="bold")
        draw_one(figure, left + 50, top + 42, row, *scale)
    return figure


def _draw_calibration(figure: Figure, left: float, top: float, row: Calibration) -> None:
    """The line of the bins, on the diagonal where probabilities come true, and below how many rows each bin has."""
    predicted = [point.predicted for point in row.points]
    axes = _square(figure, left, top, (-0.03, 1.03), "came true")
    axes.plot(predicted, [point.observed for point in row.points], "-o", color=ONE, markersize=7, clip_on=False)
    axes.tick_params(labelbottom=False)
    counts = _axes(figure, left, top + _SIDE + 22, _SIDE, 36)
    most = max(point.rows for point in row.points)
    counts.bar(predicted, [point.rows for point in row.points], width=0.05, color=ONE)
    counts.set_xlim(-0.03, 1.03)
    counts.set_yticks([0, most])
    _label_above(counts, "rows")
    counts.set_xlabel("predicted probability", fontsize=_SMALL)
    _plain_numbers(counts)


def _square(figure: Figure, left: float, top: float, limits: tuple[float, float], label: str) -> Axes:
    """A square panel with one scale on both sides, and its diagonal."""
    axes = _axes(figure, left, top, _SIDE, _SIDE)
    axes.plot(limits, limits, linestyle="--", color=MUTED, linewidth=1.2)
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    _label_above(axes, label)
    axes.grid()
    _plain_numbers(axes, y=True)
    return axes


def _draw_scatter(figure: Figure, left: float, top: float, row: Residuals, limits: tuple[float, float]) -> None:
    axes = _square(figure, left, top, limits, "predicted")
    true, predicted = zip(*row.points, strict=True)
    axes.plot(true, predicted, "o", markersize=4, markerfacecolor="none", markeredgecolor=ONE, markeredgewidth=1)
    axes.set_xlabel("true value", fontsize=_SMALL)


# --- confusion matrices ------------------------------------------------------------------------------------------


def _draw_confusion(content: Confusion) -> Figure:
    """Both matrices and the difference: tinted where rows are, outlined where more mistakes are made."""
    labels = [_fitted(row.label, _LABEL_WIDTH, _SMALL) for row in content.rows]
    before, after = ([[cell[which] for cell in row.cells] for row in content.rows] for which in (0, 1))
    digits = max(len(str(count)) for matrix in (before, after) for row in matrix for count in row)
    cell = max(24 if len(labels) > 4 else 34, 8 * digits + 10)
    longest = max(_text_width(label, _SMALL) for label in labels)
    left, side, gap, top = 20.0, cell * len(labels), 24.0, 62.0
    figure = _sheet(max(_WIDTH, left + longest + 3 * side + 2 * gap + 12), top + side + longest + 24)
    _write(
        figure, 12, 16, "rows: true class, columns: predicted; outlined: more mistakes", fontsize=_SMALL, color=MUTED
    )
    for index, name in enumerate((content.baseline, content.variant, "what moved")):
        x = left + longest + index * (side + gap)
        _write(figure, x, top - 12, _fitted(name, side + gap - 8, _SMALL, bold=True), weight="bold", fontsize=_SMALL)
        axes = _matrix(_axes(figure, x, top, side, side), labels, with_rows=index == 0)
        if index < 2:
            _draw_counts(axes, (before, after)[index])
        else:
            _draw_moves(axes, before, after)
    return figure


def _matrix(axes: Axes, labels: Sequence[str], with_rows: bool) -> Axes:
    """The empty matrix: classes on its edges, and lines between its cells."""
    size, lines = len(labels), range(len(labels) + 1)
    centres = [index + 0.5 for index in range(size)]
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    axes.set_xticks(centres, labels, rotation=90 if max(map(len, labels)) > 2 else 0)
    axes.set_yticks(centres, labels if with_rows else [""] * size)
    axes.tick_params(length=0, labelcolor=INK)
    axes.hlines(lines, 0, size, color=GRID, linewidth=1, clip_on=False)
    axes.vlines(lines, 0, size, color=GRID, linewidth=1, clip_on=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


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
        fontsize=_SMALL,
        weight="bold" if bold else "normal",
        color=MUTED if muted else INK,
    )
