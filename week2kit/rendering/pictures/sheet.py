"""A sheet to draw on: matplotlib's settings and layout, texts that fit, and numbers on a scale that do not touch.

Lengths are in pixels of a picture that is shown at its own size.
"""

from __future__ import annotations

import logging
import os
import unicodedata
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from week2kit.errors import PicturesUnavailable, refused
from week2kit.rendering.pictures.contents import shorten
from week2kit.rendering.pictures.svg import ROLES, xml_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

#: Narrow enough for a telephone, on which it is shown at three quarters of its size.
WIDTH: Final = 440
SIZE: Final = 12.5
SMALL: Final = 11.5

INK, MUTED, GRID, ONE, TWO, PAPER = (ROLES[role] for role in ("ink", "muted", "grid", "one", "two", "paper"))

#: What would otherwise come from a file of the person who draws.
_SETTINGS: Final[Mapping[str, Any]] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.usetex": False,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": SIZE,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.linewidth": 1,
    "axes.unicode_minus": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "grid.color": GRID,
    "axes.axisbelow": True,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.markersize": 7,
    "path.simplify": False,
    "figure.constrained_layout.w_pad": 8 / 72,
    "figure.constrained_layout.h_pad": 6 / 72,
}


def import_matplotlib() -> None:
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


@contextmanager
def own_settings(name: str) -> Iterator[None]:
    """Matplotlib's own defaults, our settings and ids of this picture, and afterwards again what was before."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a sign that is not in the font is measured by another and shown by the reader
        mpl.rcdefaults()
        mpl.rcParams.update({**_SETTINGS, "svg.hashsalt": f"week2kit {name}"})
        yield


def new_sheet(width: float, height: float, rows: int, columns: int, **grid: Any) -> tuple[Figure, list[Axes]]:
    """A transparent sheet whose axes matplotlib lays out, row by row, with room for all that is written around them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72), dpi=72, layout="constrained")
    figure.patch.set_visible(False)
    return figure, [*figure.subplots(rows, columns, squeeze=False, **grid).flat]


def fit_text(text: str, room: float, size: float = SIZE, bold: bool = False) -> str:
    """Foreign text on one line, shortened until it is at most `room` wide."""
    limit = int(room)
    while True:
        short = xml_text(shorten(text, limit), 10_000)
        excess = text_width(short, size, bold) - room
        if excess <= 0 or limit <= 1:
            return short
        limit = max(1, min(limit, len(short)) - max(1, int(excess / size)))


def text_width(text: str, size: float, bold: bool = False) -> float:
    """The width of a text in a wide font, so that in the reader's it is mostly less."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    full = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    rest = "".join(sign for sign in text if unicodedata.east_asian_width(sign) not in "WF")
    font = FontProperties(family=["sans-serif"], size=size, weight="bold" if bold else "normal")
    return full * size + (text_to_path.get_text_width_height_descent(rest, font, False)[0] if rest else 0.0)


def number_axis(axis: Axis, room: float) -> None:
    """Few ticks with whole numbers that do not touch: never an offset or a power of ten in a corner."""
    from matplotlib.ticker import MaxNLocator

    low, high = axis.get_view_interval()
    for bins in (5, 4, 3, 2, 1):
        axis.set_major_locator(MaxNLocator(bins))
        labels = [f"{value:.12g}" for value in axis.get_majorticklocs() if low <= value <= high] or [""]
        if len(labels) * (7 * max(map(len, labels)) + 8) <= room:
            break
    axis.set_major_formatter("{x:.12g}")
