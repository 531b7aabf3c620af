"""What matplotlib draws, made fit for a page: named, in the reader's colours, and with ids that clash with nobody's.

matplotlib is given a colour per role. Each becomes a class here, so that style sheets choose the real colours: one for
light, one for dark, one for paper, and the system's own where it forces them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from week2kit.canonical import clean, sha256

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

#: The first line of every picture; a file without it was not drawn by week2kit and is never overwritten.
PICTURE_MARKER: Final = "<!-- week2kit picture 1 -->"

#: The colour that stands for each role in matplotlib's output.
ROLES: Final[Mapping[str, str]] = {
    "ink": "#010101",
    "muted": "#020202",
    "grid": "#030303",
    "one": "#040404",
    "two": "#050505",
    "paper": "#060606",
}
#: Light and dark colours, and the system's own. Text (ink, muted) has a contrast of 4.5 and more, marks of 3 and more.
_COLOURS: Final[Mapping[str, tuple[str, str, str]]] = {
    "ink": ("#1f2328", "#e6edf3", "CanvasText"),
    "muted": ("#59636e", "#9aa4af", "CanvasText"),
    "grid": ("#d1d9e0", "#3d444d", "GrayText"),
    "one": ("#0b5cad", "#6cb6ff", "CanvasText"),
    "two": ("#a8430b", "#f0a45d", "CanvasText"),
    "paper": ("#ffffff", "#0d1117", "Canvas"),
}


def _rules(column: int) -> str:
    return "".join(
        f".fill-{role}{{fill:{colours[column]}}}.stroke-{role}{{stroke:{colours[column]}}}"
        for role, colours in _COLOURS.items()
    )


#: The style sheet of a picture; a page that holds several pictures holds it once.
STYLE: Final = (
    "svg.picture *{stroke-linejoin:round}"
    + _rules(0)
    + f"@media screen and (prefers-color-scheme:dark){{{_rules(1)}}}"
    + f"@media (forced-colors:active){{svg.picture{{forced-color-adjust:none}}{_rules(2)}}}"
)


def finish(drawn: str, name: str, title: str, description: str) -> str:
    """A picture of its own from what matplotlib wrote.

    Args:
        drawn: matplotlib's SVG.
        name: begins the ids of its words.
        title: what it shows, foreign text included.
        description: what it says, the same.
    """
    from xml.etree import ElementTree

    root = ElementTree.fromstring(drawn)
    _clean(root)
    words = [_words("title", name, title), _words("desc", name, description)]
    style = ElementTree.Element("style")
    style.text = STYLE
    root[:] = [*words, style, *root]
    _, _, width, height = root.attrib["viewBox"].split()
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "picture",
        "viewBox": root.attrib["viewBox"],
        "width": width,
        "height": height,
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-desc",
    }
    return f"{PICTURE_MARKER}\n{ElementTree.tostring(root, encoding='unicode')}\n"


# --- the seal ---------------------------------------------------------------------------------------------------

_SEAL: Final = re.compile(
    rf"{PICTURE_MARKER}\n<!-- of ([0-9a-f]{{64}}), drawn as ([0-9a-f]{{64}}) -->\n(.*)", re.DOTALL
)


class Sealed(NamedTuple):
    """A picture file: the digest of the numbers it was drawn from, whether it is as it was drawn, and the picture."""

    plan: str
    intact: bool
    svg: str


def seal(picture: str, plan: str) -> str:
    """The picture with what it was drawn from (the digest of its plan), and its own digest, in a line of their own."""
    svg = picture.removeprefix(f"{PICTURE_MARKER}\n")
    return f"{PICTURE_MARKER}\n<!-- of {plan}, drawn as {sha256(svg.encode())} -->\n{svg}"


def unseal(picture: str) -> Sealed | None:
    """What a picture file says of itself, whatever its line ends became; None where it bears no seal."""
    match = _SEAL.fullmatch(picture.replace("\r\n", "\n"))
    return match and Sealed(match[1], sha256(match[3].encode("utf-8", "surrogatepass")) == match[2], match[3])


# --- the parts --------------------------------------------------------------------------------------------------


def _words(tag: str, name: str, text: str) -> Element:
    from xml.etree.ElementTree import Element

    element = Element(tag, {"id": f"{name}-{tag}"})
    element.text = xml_text(text, 2_000)
    return element


def xml_text(text: str, limit: int = 200) -> str:
    """Foreign text on one line, without the two characters that XML cannot hold and `clean` lets pass."""
    return re.sub("[\ufffe\uffff]", "\N{REPLACEMENT CHARACTER}", clean(text, limit))


def _clean(element: Element) -> None:
    """Take away namespaces, metadata, style sheets, ids of groups, and groups that hold nothing; paint the rest."""
    element.tag = element.tag.rpartition("}")[2]
    element.text = element.text if element.tag == "text" else None
    element.tail = None
    element.attrib = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    if element.tag == "g":
        element.attrib.pop("id", None)
    _paint(element)
    for child in list(element):
        _clean(child)
        if child.tag in ("metadata", "style") or (child.tag in ("g", "defs") and not len(child)):
            element.remove(child)


_DECLARATION: Final = re.compile(r"([\w-]+): ([^;]+);?\s*")
_ROLE_OF: Final = {colour: role for role, colour in ROLES.items()}


def _paint(element: Element) -> None:
    """Turn the colours of the roles in an element's style into classes."""
    declarations = _DECLARATION.findall(element.attrib.pop("style", ""))
    if classes := [f"{key}-{_ROLE_OF[value]}" for key, value in declarations if value in _ROLE_OF]:
        element.set("class", " ".join(classes))
    if kept := [f"{key}: {value}" for key, value in declarations if value not in _ROLE_OF]:
        element.set("style", "; ".join(kept))
