"""What matplotlib draws, made fit for a page: named, in the reader's colours, and with ids that clash with nobody's.

matplotlib is given a colour per role. Each becomes a class here, so that style sheets choose the real colours: one for
light, one for dark, one for paper, and the system's own where it forces them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
        name: begins every id in the picture.
        title: what it shows, foreign text included.
        description: what it says, the same.
    """
    from xml.etree import ElementTree

    root = ElementTree.fromstring(drawn)
    _strip(root)
    _name_ids(root, name)
    for element in root.iter():
        _paint(element)
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


def _strip(element: Element) -> None:
    """Take away namespaces, metadata, style sheets, and groups that hold nothing."""
    element.tag = element.tag.rpartition("}")[2]
    element.text = element.text if element.tag == "text" else None
    element.tail = None
    element.attrib = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    for child in list(element):
        _strip(child)
        if child.tag in ("metadata", "style") or (child.tag in ("g", "defs") and not len(child)):
            element.remove(child)


_REFERENCE: Final = re.compile(r"#([\w.-]+)\)?$")


def _name_ids(root: Element, name: str) -> None:
    """Keep the ids that something refers to, numbered in their order, and let `name` begin them."""
    new: dict[str, str] = {}
    for element, key, old in _references(root):
        new.setdefault(old, f"{name}-{len(new) + 1}")
        element.set(key, element.attrib[key].replace(f"#{old}", f"#{new[old]}"))
    for element in root.iter():
        if (known := new.get(element.attrib.pop("id", ""))) is not None:
            element.set("id", known)


def _references(root: Element) -> Iterator[tuple[Element, str, str]]:
    for element in root.iter():
        for key in ("href", "clip-path"):
            if match := _REFERENCE.search(element.get(key, "")):
                yield element, key, match[1]


def _paint(element: Element) -> None:
    """Turn the colours of the roles in an element's style into classes."""
    declarations = [part.strip() for part in element.attrib.pop("style", "").split(";") if part.strip()]
    kept: list[str] = []
    classes: list[str] = []
    for declaration in declarations:
        key, _, value = declaration.partition(": ")
        role = next((role for role, colour in ROLES.items() if value == colour), None)
        if role is None:
            kept.append(declaration)
        else:
            classes.append(f"{key}-{role}")
    if classes:
        element.set("class", " ".join(classes))
    if kept:
        element.set("style", "; ".join(kept))
