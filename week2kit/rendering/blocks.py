"""The report as a value of blocks: sections of paragraphs, lists, tables, pictures and places for words.

`week2kit.rendering.sections` makes it from a `Report`; Markdown (here), the page and the shortened report are made of
it. What a block holds is inline Markdown, in which every foreign text is escaped already
(`week2kit.rendering.markdown`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

from week2kit.rendering.files.words import place
from week2kit.rendering.markdown import escape, fence
from week2kit.rendering.pictures.contents import Picture

#: What a section is about; one of several runs has the kind of the section above it.
Kind: TypeAlias = Literal[
    "head", "goal", "changes", "results", "interpretation", "moved", "failures", "setback", "next",
    "caveats", "evidence", "commands", "environments", "files",
]  # fmt: skip


class Table(NamedTuple):
    """A table: the cells of its head, a letter a column (`l` or `r`) for the alignment, its rows, and a line above."""

    head: tuple[str, ...]
    align: str
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


class Item(NamedTuple):
    """An item of a list: its text after a bold `name` (empty: none), and the items below it."""

    text: str
    name: str = ""
    below: tuple[str, ...] = ()


class Items(NamedTuple):
    """A list."""

    items: tuple[Item, ...]


class Quotes(NamedTuple):
    """What a person wrote elsewhere, each between a line that says where and one that answers it (empty: none)."""

    texts: tuple[tuple[str, str, str], ...]


class Notice(NamedTuple):
    """What must be seen first."""

    kind: Literal["NOTE", "WARNING"]
    paragraphs: tuple[str, ...]


class Code(NamedTuple):
    """Commands, as they can be copied, or lines of another language."""

    lines: tuple[str, ...]
    language: str = "sh"


class Flow(NamedTuple):
    """Steps that follow one another, each with what it did, as text that a diagram can hold."""

    steps: tuple[tuple[str, str], ...]


class Fold(NamedTuple):
    """Where a part begins that is folded, under a line that stays; it ends at the next `EndFold`."""

    title: str


class EndFold(NamedTuple):
    """Where a folded part ends."""


def folded(title: str, blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks that are folded under a title, plain text; nothing where there are none."""
    inside = [block for block in blocks if block != ""]
    if inside:
        yield from (Fold(title), *inside, EndFold())


class Place(NamedTuple):
    """A place for words of a person."""

    key: str


#: A text is a paragraph, or the block of a config.
Block: TypeAlias = str | Table | Items | Quotes | Notice | Code | Flow | Fold | EndFold | Place | Picture


class Section(NamedTuple):
    """A part of the report: its heading on a level from 1, and what stands below it."""

    level: int
    kind: Kind
    title: str
    blocks: tuple[Block, ...]


#: The sections in their order; those of a deeper level belong to the one above.
Document: TypeAlias = tuple[Section, ...]


def section(level: int, kind: Kind, title: str, blocks: Iterable[Block]) -> Section:
    """A section without the paragraphs that say nothing."""
    return Section(level, kind, title, tuple(block for block in blocks if block != ""))


def within(document: Document, kind: Kind) -> Document:
    """The section of a kind and those that belong to it, of each data set; empty where the report has none."""
    found: list[Section] = []
    head: Section | None = None
    for index, part in enumerate(document):
        if part.kind == "head":  # of the report, or of a data set, whose name stands above each section of it
            head = part if part.level > 1 else None
            found += [part] if kind == "head" else []
        elif part.kind == kind and part not in found:
            rest = enumerate(document[index + 1 :], start=index + 1)
            found += [head._replace(blocks=())] if head is not None else []
            head = None
            end = next((place for place, below in rest if below.level <= part.level), len(document))
            found += document[index:end]
    return tuple(found)


# --- Markdown ---------------------------------------------------------------------------------------------------


def document_as_markdown(document: Document, links: Mapping[str, str]) -> str:
    """Sections as Markdown; `links` has the addresses of the pictures that are drawn, the others are text."""
    return "\n".join(section_as_markdown(part, links) for part in document)


def section_as_markdown(part: Section, links: Mapping[str, str]) -> str:
    """A section as Markdown, see `document_as_markdown`."""
    return "\n\n".join([f"{'#' * part.level} {part.title}", *_texts(part.blocks, links)]) + "\n"


def _texts(blocks: Iterable[Block], links: Mapping[str, str]) -> Iterator[str]:
    """The blocks that say something as Markdown; nothing is folded that only a drawing would show."""
    fold = ""
    for block in blocks:
        text = as_markdown(block, links)
        if isinstance(block, Fold):
            fold = text
        elif isinstance(block, EndFold) and fold:
            fold = ""
        elif text:
            yield from filter(None, (fold, text))
            fold = ""


def as_markdown(block: Block, links: Mapping[str, str]) -> str:
    """A block as GitHub-flavoured Markdown, without an end of line; empty for a picture that only drawing shows."""
    match block:
        case Table():
            rule = ["---:" if letter == "r" else "---" for letter in block.align]
            lines = ["|".join(["", *rule, ""]), *map(_row, block.rows)]
            return "\n".join([*([f"{block.caption}\n"] if block.caption else []), _row(block.head), *lines])
        case Items():
            return "\n".join(line for item in block.items for line in _item(item))
        case Quotes():
            return "\n\n".join(
                line for above, text, below in block.texts for line in (above, f"> {text}", below) if line
            )
        case Notice():
            return f"> [!{block.kind}]\n> " + "\n>\n> ".join(block.paragraphs)
        case Code():
            return fence(block.lines, block.language)
        case Flow():
            steps = [f'    {name}["{name}: {text}"]' for name, text in block.steps]
            order = "    " + " --> ".join(name for name, _ in block.steps)
            return "\n".join(["```mermaid", "flowchart LR", *steps, order, "```"])
        case Fold():
            return f"<details>\n<summary>{block.title}</summary>"
        case EndFold():
            return "</details>"
        case Place():
            return place(block.key)
        case Picture():
            return _picture(block, links.get(f"{block.name}.svg"))
        case _:
            return block


def caption(picture: Picture) -> str:
    """The line above a picture."""
    return f"**{picture.heading}.** {escape(picture.title)}."


def _picture(picture: Picture, link: str | None) -> str:
    if link is not None:
        return f"{caption(picture)}\n\n![{escape(picture.description)}]({link})"
    return f"{caption(picture)}\n\n{fence(picture.lines, 'text')}" if picture.lines else ""


def _row(cells: Iterable[str]) -> str:
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def _item(item: Item) -> list[str]:
    name = f"**{item.name}** " if item.name else ""
    return [f"- {name}{item.text}".rstrip(), *(f"  - {text}" for text in item.below)]
