"""Matplotlib set up to write SVG that is the same from anywhere, names itself, and takes the reader's colours.

Each colour stands for a role. Style sheets put others in its place: in the dark, and the system's own where it forces
them. A program that reads no style sheet shows the light ones.
"""

from __future__ import annotations

import io
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, Final

from week2kit.canonical import clean
from week2kit.errors import PicturesUnavailable, refused

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Narrow enough for a telephone, on which it is shown at three quarters of its size.
WIDTH: Final = 440
SIZE: Final = 12.5
SMALL: Final = 11.5

#: Text (ink, muted) has a contrast of 4.5 and more, marks (one, two) of 3 and more.
INK, MUTED, GRID, ONE, TWO, PAPER = "#1f2328", "#59636e", "#d1d9e0", "#0b5cad", "#a8430b", "#ffffff"
#: What each colour becomes in the dark, and where the system forces its own.
DARK: Final[Mapping[str, str]] = {
    INK: "#e6edf3", MUTED: "#9aa4af", GRID: "#3d444d", ONE: "#6cb6ff", TWO: "#f0a45d", PAPER: "#0d1117",
}  # fmt: skip
_FORCED: Final[Mapping[str, str]] = {
    INK: "CanvasText", MUTED: "CanvasText", GRID: "GrayText", ONE: "CanvasText", TWO: "CanvasText", PAPER: "Canvas",
}  # fmt: skip


def _rules(colours: Mapping[str, str]) -> str:
    # without `.picture` in front of it: a mark that is used several times does not see what it stands in
    return "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{other}!important}}'
        for light, other in colours.items()
        for kind in ("fill", "stroke")
    )


#: The style sheet of a picture; a page that holds several pictures holds it once.
STYLE: Final = (
    "svg.picture *{stroke-linejoin:round}"
    f"@media screen and (prefers-color-scheme:dark){{{_rules(DARK)}}}"
    f"@media (forced-colors:active){{svg.picture{{forced-color-adjust:none}}{_rules(_FORCED)}}}"
)

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
    "axes.labelsize": SMALL,
    "axes.facecolor": "none",
    "axes.linewidth": 1,
    "axes.unicode_minus": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": SIZE,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "figure.facecolor": "none",
    "figure.dpi": 72,  # one point is one pixel
    "figure.constrained_layout.w_pad": 8 / 72,
    "figure.constrained_layout.h_pad": 6 / 72,
    "grid.color": GRID,
    "legend.fontsize": SMALL,
    "legend.labelcolor": MUTED,
    "legend.frameon": False,
    "legend.borderpad": 0,
    "lines.markersize": 7,
    "path.simplify": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
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
            "The report has its numbers as tables and text."
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


def as_svg(figure: Figure, name: str, title: str, description: str) -> str:
    """A drawn figure as SVG with a title and a description of its own; to be called within `own_settings`.

    Args:
        figure: what is drawn.
        name: begins the ids of its words.
        title: what it shows, foreign text included.
        description: what it says, the same.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    target = io.StringIO()
    FigureCanvasSVG(figure).print_svg(target, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    inside = target.getvalue().partition("<svg ")[2].partition(">")[2]
    inside = inside.replace("'DejaVu Sans', ", "").replace("<use xlink:href", "<use href")
    inside = re.sub(r'<defs>\s*<style.*?</style>\s*</defs>|(?<=<g) id="[^"]*"', "", inside, flags=re.DOTALL)
    width, height = (round(72 * length) for length in figure.get_size_inches())
    words = [(tag, escape(xml_text(text, 2_000))) for tag, text in (("title", title), ("desc", description))]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" '
        f'class="picture" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">'
        + "".join(f'<{tag} id="{name}-{tag}">{text}</{tag}>' for tag, text in words)
        + f"<style>{STYLE}</style>{inside}"
    )


def xml_text(text: str, limit: int = 200) -> str:
    """Foreign text on one line, without the two characters that XML cannot hold and `clean` lets pass."""
    return re.sub("[\ufffe\uffff]", "\N{REPLACEMENT CHARACTER}", clean(text, limit))
