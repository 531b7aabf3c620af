"""Pictures as SVG, by matplotlib: the same report gives the same bytes, whatever a matplotlibrc or MPLBACKEND says.

Everything can be told apart without colour: filled against hollow marks, solid against dashed lines, a sign before
each number, and words beside what they name.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from week2kit.rendering.pictures.contents import Lane, Picture, plan_pictures
from week2kit.rendering.pictures.svg import (
    GRID,
    INK,
    MUTED,
    ONE,
    PAPER,
    SMALL,
    TWO,
    WIDTH,
    as_svg,
    import_matplotlib,
    own_settings,
    xml_text,
)
from week2kit.reporting.rows import ConfusionRow
from week2kit.reporting.values import Calibration, Curve, Report, Residuals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Columns of a name in bold, which at its widest (26 times W) just fits, of the name of an axis, and of a class.
_NAME: Final = 26
_AXIS: Final = 28
_LABEL: Final = 14

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
    if planned:
        import_matplotlib()
    return {f"{picture.name}.svg": _svg(picture) for picture in planned}


def _svg(picture: Picture) -> str:
    with own_settings(picture.name):
        if isinstance(picture.rows[0], Lane):
            figure = _lanes(picture)
        elif isinstance(picture.rows[0], ConfusionRow):
            figure = _confusion(picture.rows)
        else:
            figure = _panels(picture)
        drawn = as_svg(figure, f"picture-{picture.name}", picture.title, picture.description)
    return f"{picture.first_line}\n{drawn}"


def fitted(text: str, columns: int) -> str:
    """Foreign text on one line, cut in its middle: names of runs mostly differ at their ends. CJK takes two columns."""
    flat = xml_text(" ".join(text.split()), 10_000).strip() or "(empty)"
    if _columns(flat) <= columns:
        return flat
    size = min(len(flat), columns)
    while _columns(short := f"{flat[: (size - 1) // 2]}…{flat[len(flat) - size // 2 :]}") > columns:
        size -= 1
    return short


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _sheet(height: float, panels: int = 1) -> tuple[Figure, Sequence[Axes]]:
    """A transparent sheet with panels of one scale below each other, laid out by matplotlib."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
    column = list(figure.subplots(panels, 1, squeeze=False, sharex=True, sharey=True)[:, 0])
    for axis in (column[0].xaxis, column[0].yaxis):  # few numbers, never an offset or a power of ten in a corner
        axis.set_major_locator(MaxNLocator(3))
        axis.set_major_formatter("{x:.12g}")
    return figure, column


def _origins(figure: Figure, axes: Axes, **names: str) -> None:
    """Write below a picture where its axes begin, if it is not at 0: what is cut off makes a difference look larger.

    An axis on which 0 lies needs no words. The others begin at a number that has few digits, so that it can be told.

    Args:
        figure: the picture.
        axes: a panel of it, with the scale of all.
        names: what the axes `x` and `y` are called; one without a name is left as it is.
    """
    told = []
    for which, name in names.items():
        low, high = (axes.xaxis if which == "x" else axes.yaxis).get_view_interval()
        if low <= 0 <= high:
            continue
        step = 10.0 ** math.floor(math.log10(high - low)) / 10
        edge = math.floor(low / step) * step if low > 0 else math.ceil(high / step) * step
        axes.set(**{f"{which}lim": (edge, high) if low > 0 else (low, edge)})
        told.append(f"The axis of {name} {'begins' if low > 0 else 'ends'} at {edge:.12g}, not at 0.")
    if told:
        figure.supxlabel("\n".join(told), fontsize=SMALL, color=MUTED)


def _key(figure: Figure, axes: Axes) -> None:
    """What the labelled marks of these axes are, each once."""
    marks = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    if marks:
        figure.legend(marks.values(), marks, loc="outside upper left", ncols=4, handlelength=1.5, columnspacing=1.5)


# --- one row for each run ----------------------------------------------------------------------------------------


def _lanes(picture: Picture) -> Figure:
    """For each run its name, its numbers, and below them its marks."""
    figure, (axes,) = _sheet(66 * len(picture.rows) + 76)
    axes.set_ylim(len(picture.rows) - 0.6, -0.8)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.grid(axis="x")
    axes.set_xlabel(fitted(picture.axis, 2 * _AXIS))
    words: Mapping[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
    for y, lane in enumerate(picture.rows):
        axes.annotate(fitted(lane.run, _NAME), (0, y), (0, 30), weight="bold", **words)
        axes.annotate(lane.told, (0, y), (0, 14), fontsize=SMALL, color=MUTED, **words)
        _mark(axes, y, lane, "no difference" if picture.kind == "difference" else "dummy")
    _origins(figure, axes, x="the score" if picture.kind != "difference" else "the difference")
    _key(figure, axes)
    return figure


def _mark(axes: Axes, y: int, lane: Lane, line: str) -> None:
    shape: Mapping[str, Any] = {"color": ONE, "clip_on": False, "linestyle": ""}
    if lane.interval is not None:
        axes.plot(lane.interval, [y, y], "-|", color=ONE, linewidth=2, markersize=11, markeredgewidth=2, clip_on=False)
    if lane.training is not None:
        axes.plot([lane.training, lane.value], [y, y], color=GRID, linewidth=6, solid_capstyle="butt")
        axes.plot(lane.training, y, "s", label="training", **_HOLLOW)
        axes.plot(lane.value, y, marker="o", label="validation", **shape)
    elif lane.comparable:
        axes.plot(lane.value, y, marker="D" if line == "no difference" else "o", markersize=9, **shape)
    else:
        axes.plot(lane.value, y, marker="o", markersize=9, markerfacecolor=PAPER, label="not comparable", **shape)
    if lane.line is not None:
        axes.plot([lane.line] * 2, [y - 0.16, y + 0.2], label=line, **_STROKE)
    for repeat in lane.repeats:
        axes.plot(repeat, y + 0.22, "|", color=INK, clip_on=False, label="other seeds")


# --- a panel for each run ----------------------------------------------------------------------------------------


def _panels(picture: Picture) -> Figure:
    """One panel below the other, with one scale."""
    figure, panels = _sheet(24 + 200 * len(picture.rows), len(picture.rows))
    for axes, row in zip(panels, picture.rows, strict=True):
        axes.set_title(fitted(row.run, _NAME))
        axes.set_ylabel(fitted(picture.axis, _AXIS))
        axes.grid()
        if isinstance(row, Curve):
            _curve(axes, row)
        elif isinstance(row, Calibration):
            _calibration(axes, row)
        else:
            _scatter(axes, row)
    _key(figure, panels[0])
    if isinstance(picture.rows[0], Residuals):  # one scale both ways, so that the diagonal is one
        low, high = (pick(panels[0].get_xlim() + panels[0].get_ylim()) for pick in (min, max))
        panels[0].set(xlim=(low, high), ylim=(low, high))
        _origins(figure, panels[0], x="true values", y="predicted values")
    elif isinstance(picture.rows[0], Curve):
        panels[0].set_xlim(left=0)
        _origins(figure, panels[0], y="the score")
    return figure


def _curve(axes: Axes, row: Curve) -> None:
    """What a model gains from more rows, and the gap that stays."""
    rows, training, validation = ([float(value) for value in column] for column in zip(*row.points, strict=True))
    axes.fill_between(rows, training, validation, color=GRID, alpha=0.5, linewidth=0)
    axes.plot(rows, training, "--s", color=TWO, linewidth=2, clip_on=False, label="training", **_HOLLOW)
    axes.plot(rows, validation, "-o", color=ONE, linewidth=2, clip_on=False, label="validation")
    axes.set_xlabel("training rows")


def _calibration(axes: Axes, row: Calibration) -> None:
    """The bins, each with the number of its rows, beside the diagonal where probabilities come true."""
    axes.axline((0, 0), slope=1, linestyle="--", color=MUTED, linewidth=1.2, label="as predicted")
    predicted, observed, _ = zip(*row.points, strict=True)
    axes.plot(predicted, observed, "-o", color=ONE, clip_on=False, label="came true, and of how many rows")
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.2, 1.2), xlabel="predicted probability")
    for index, point in enumerate(row.points):  # by turns below and above, so that neighbours do not touch
        words: Mapping[str, Any] = {"ha": "center", "fontsize": SMALL, "color": MUTED}
        axes.annotate(f"{point.rows:,}", point[:2], (0, 8 if index % 2 else -18), textcoords="offset points", **words)


def _scatter(axes: Axes, row: Residuals) -> None:
    axes.axline(row.points[0][:1] * 2, slope=1, linestyle="--", color=MUTED, linewidth=1.2)
    true, predicted = zip(*row.points, strict=True)
    axes.plot(true, predicted, "o", markersize=4, markerfacecolor="none", markeredgecolor=ONE, markeredgewidth=1)
    axes.set_xlabel("true value")


# --- confusion matrices ------------------------------------------------------------------------------------------


def _confusion(rows: Sequence[ConfusionRow]) -> Figure:
    """Both matrices and the difference: tinted where rows are, outlined where more mistakes are made."""
    from matplotlib.figure import Figure

    labels = [fitted(row.label, _LABEL) for row in rows]
    matrices = [[[cell[which] for cell in row.cells] for row in rows] for which in (0, 1)]
    moves = [[after - before for before, after in row.cells] for row in rows]
    digits = max(len(str(count)) for matrix in matrices for row in matrix for count in row)
    # matplotlib's layout takes signs that its font lacks for narrower than they are, so the edges get their room here
    edge = 20 + 7.5 * max(map(_columns, labels))
    side = max((WIDTH - edge - 60) / 3, len(rows) * max(26, 8 * digits + 8))
    width, height = edge + 3 * side + 60, side + edge + 60
    figure = Figure(figsize=(width / 72, height / 72))
    panels = figure.subplots(1, 3)
    figure.subplots_adjust(edge / width, edge / height, 1 - 12 / width, 1 - 60 / height, 24 / side)
    note = "rows: true class, columns: predicted; outlined: more mistakes"
    figure.text(12 / width, 1 - 18 / height, note, fontsize=SMALL, color=MUTED)
    for axes, name, matrix in zip(panels, ("baseline", "variant", "what moved"), (*matrices, moves), strict=True):
        axes.set_title(name, fontsize=SMALL)
        _matrix(axes, labels, matrix, moved=name == "what moved")
        if axes is not panels[0]:
            axes.set_yticklabels([])
    return figure


def _matrix(axes: Axes, labels: Sequence[str], matrix: Sequence[Sequence[int]], *, moved: bool) -> None:
    """One matrix, with the classes on its edges and lines between its cells."""
    centres = [index + 0.5 for index in range(len(labels))]
    axes.set(xlim=(0, len(labels)), ylim=(len(labels), 0))
    upright: Mapping[str, Any] = {"rotation": 90, "rotation_mode": "anchor", "ha": "right", "va": "center"}
    axes.set_xticks(centres, labels, **(upright if max(map(_columns, labels)) > 2 else {}))
    axes.set_yticks(centres, labels)
    axes.tick_params(length=0, labelcolor=INK)
    axes.hlines(range(len(labels) + 1), 0, len(labels), color=GRID, linewidth=1, clip_on=False)
    axes.vlines(range(len(labels) + 1), 0, len(labels), color=GRID, linewidth=1, clip_on=False)
    axes.spines[:].set_visible(False)
    for y, row in enumerate(matrix):
        for x, count in enumerate(row):
            mistakes = moved and count != 0 and (count > 0) != (x == y)
            if count:
                colour = TWO if mistakes or (x != y and not moved) else ONE
                _fill(axes, x, y, facecolor=colour, alpha=0.22 if moved else 0.1 + 0.25 * count / sum(row))
            if mistakes:
                _fill(axes, x + 0.06, y + 0.06, 0.88, fill=False, edgecolor=TWO, linewidth=1.5)
            text = f"{count:+d}" if moved else str(count)
            weight, colour = "bold" if moved or x == y else "normal", INK if count else MUTED
            if count or not (moved or len(row) > 4):
                axes.text(
                    x + 0.5,
                    y + 0.52,
                    text,
                    ha="center",
                    va="center_baseline",
                    fontsize=SMALL,
                    weight=weight,
                    color=colour,
                )


def _fill(axes: Axes, x: float, y: float, side: float = 1, **style: Any) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, y), side, side, **{"linewidth": 0, **style}))
