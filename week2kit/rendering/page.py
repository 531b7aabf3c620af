"""The report as one HTML page: its blocks, with the pictures inside, without a script or a request.

Only what a person wrote is read as Markdown, with raw HTML turned off. What is added is what a page needs: names for
headings, scopes for the cells that head a table, places that can be scrolled by keyboard.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from week2kit.canonical import clean
from week2kit.errors import ReportError
from week2kit.rendering.blocks import (
    Block,
    Code,
    Document,
    EndFold,
    Flow,
    Fold,
    Item,
    Items,
    Notice,
    Place,
    Quotes,
    Section,
    Table,
    caption,
    section,
)
from week2kit.rendering.files.reports import MARKER
from week2kit.rendering.files.words import KEPT, NO_WORDS, Words, share_out, title_of
from week2kit.rendering.inline import as_html
from week2kit.rendering.markdown import clean_lines
from week2kit.rendering.pictures.contents import Picture
from week2kit.rendering.pictures.svg import STYLE
from week2kit.resources import templates_directory

#: A picture that is wider is not shrunk to a telephone's width, but scrolled there.
_WIDE: Final = 480
#: Code of more than 32 characters may be broken at its spaces in a table's cell.
_LONG: Final = re.compile(r"<code>(?=[^<]{33,}</code>)")
#: GitHub's alerts: the word in the first line of a quotation says what it is.
_ALERT: Final = re.compile(r"<blockquote>\n<p>\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\](?=\n|</p>)")


def make_page(document: Document, words: Words = NO_WORDS, pictures: Mapping[str, str] | None = None) -> str:
    """A report as a page of its own; the same blocks, words and pictures give the same page.

    Args:
        document: the report.
        words: what a person wrote, by the key of its place; what has no place stands at the end.
        pictures: the drawn pictures as SVG, by file name; the others are text.

    Raises:
        ReportError: the template cannot be found or rendered.
    """
    keys = [block.key for part in document for block in part.blocks if isinstance(block, Place)]
    placed, left = share_out(keys, words)
    parts = [*document, *_kept(left)]
    printer = _Printer([*placed, *left.values()], pictures or {})
    head, *body = [(printer.heading(part), printer.blocks(part.blocks)) for part in parts]
    return _fill(
        marker=Markup(MARKER),
        title=printer.headings[0][1],
        contents=[(name, text) for name, text, level in printer.headings if level == 2],
        head=head[0],
        body=Markup("").join([head[1], *(piece for both in body for piece in both)]),
        picture_style=Markup(STYLE),
    )


def _fill(**values: Any) -> str:
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(templates_directory()), undefined=StrictUndefined, autoescape=True, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    try:
        return environment.get_template("report.html.j2").render(values)
    except TemplateError as error:
        raise ReportError(f"report.html.j2: the page cannot be made: {clean(str(error))}.") from None


def _kept(left: Words) -> list[Section]:
    """The section of the words that have no place."""
    named = [block for key in left for block in (f"{title_of(key)}:", Place(key))]
    return [section(2, "goal", "Kept words", [KEPT, *named])] if left else []


class _Printer:
    """Blocks as HTML, one after the other; it counts what needs a name of its own."""

    def __init__(self, words: Iterable[str | None], pictures: Mapping[str, str]) -> None:
        self.headings: list[tuple[str, str, int]] = []
        """The id of each heading, its text and its level."""
        self._words = iter(words)
        self._pictures = pictures
        self._names = {"content", "contents", ""}
        self._counts: Counter[str] = Counter()

    def heading(self, part: Section) -> Markup:
        """The heading of a section, with an id that no other has."""
        shown = as_html(part.title)
        text = shown.striptags()
        stem = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "section"
        name, count = stem, 1
        while name in self._names:
            count += 1
            name = f"{stem}-{count}"
        self._names.add(name)
        self.headings.append((name, text, part.level))
        return Markup('<h{0} id="{1}">{2}</h{0}>\n').format(part.level, name, shown)

    def blocks(self, blocks: Iterable[Block]) -> Markup:
        """Blocks one below the other."""
        return Markup("").join(map(self._block, blocks))

    def _block(self, block: Block) -> Markup:
        match block:
            case Table():
                above = _paragraph(block.caption) if block.caption else Markup("")
                return above + self._scroll("Table", _table(block))
            case Quotes():
                return Markup("").join(_quote(*one) for one in block.texts)
            case Items():
                return _list(map(_item, block.items))
            case Notice():
                return _notice(block)
            case Code():
                return Markup("<pre><code>{}\n</code></pre>\n").format(clean_lines(block.lines))
            case Flow():
                steps = (Markup("<li><b>{}</b> {}</li>\n").format(*step) for step in block.steps)
                return Markup('<ol class="flow">\n{}</ol>\n').format(Markup("").join(steps))
            case Fold():
                return Markup("<details>\n<summary>{}</summary>\n").format(block.title)
            case EndFold():
                return Markup("</details>\n")
            case Place():
                return self._written(next(self._words))
            case Picture():
                return self._picture(block)
            case _:
                return _paragraph(block)

    def _scroll(self, kind: str, inside: Markup) -> Markup:
        """Something that may be wider than the page, under a label that nothing else has."""
        self._counts[kind] += 1
        label = f"{kind} {self._counts[kind]}: {self.headings[-1][1]}"
        frame = Markup('<div class="scroll" role="region" tabindex="0" aria-label="{}">\n{}</div>\n')
        return frame.format(label, inside)

    def _picture(self, picture: Picture) -> Markup:
        """A picture inside the page, which holds the style sheet of all of them; as text where it is not drawn."""
        svg, told = self._pictures.get(f"{picture.name}.svg"), _paragraph(caption(picture))
        if svg is None:
            drawn = Markup("<pre><code>{}\n</code></pre>\n").format(clean_lines(picture.lines))
            return told + self._scroll("Picture as text", drawn) if picture.lines else Markup("")
        inside = Markup(svg.partition("\n")[2].replace(f"<style>{STYLE}</style>", "").strip())
        width = re.search(r'<svg\b[^>]* width="([\d.]+)"', inside)
        if width is not None and float(width[1]) > _WIDE:
            return told + self._scroll("Picture", Markup('<div class="wide">{}</div>\n').format(inside))
        return told + Markup('<div class="narrow">{}</div>\n').format(inside)

    def _written(self, words: str | None) -> Markup:
        """What a person wrote; a page asks for no file, so of an image only the words stay."""
        if words is None:
            return Markup("")
        from markdown_it import MarkdownIt

        parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
        parser.add_render_rule("image", lambda self, tokens, index, options, env: escape(tokens[index].content))
        text = (
            _ALERT.sub(
                lambda match: (
                    f'<blockquote class="notice {match[1].lower()}" role="note">\n'
                    f"<p><strong>{match[1].capitalize()}.</strong>"
                ),
                parser.render(words),
            )
            .replace("<th", '<th scope="col"')
            .replace('<th scope="col"ead', "<thead")
        )
        parts = re.split(r"(<table>.*?</table>\n)", text, flags=re.DOTALL)
        return Markup("").join(
            self._scroll("Table", Markup(part)) if part.startswith("<table>") else Markup(part) for part in parts
        )


def _quote(above: str, text: str, below: str) -> Markup:
    quote = Markup("<blockquote>\n{}</blockquote>\n").format(_paragraph(text))
    before, after = (_paragraph(line) if line else Markup("") for line in (above, below))
    return before + quote + after


def _paragraph(text: str) -> Markup:
    shown = as_html(text)
    return shown + "\n" if shown.startswith("<pre>") else Markup("<p>{}</p>\n").format(shown)


def _notice(notice: Notice) -> Markup:
    kind, (first, *others) = notice.kind.lower(), notice.paragraphs
    told = _paragraph(f"**{kind.capitalize()}.** {first}")
    frame = Markup('<div class="notice {}" role="note">\n{}</div>\n')
    return frame.format(kind, told + Markup("").join(map(_paragraph, others)))


def _list(items: Iterable[Markup]) -> Markup:
    return Markup("<ul>\n{}</ul>\n").format(Markup("").join(items))


def _item(item: Item) -> Markup:
    name = f"**{item.name}** " if item.name else ""
    below = _list(Markup("<li>{}</li>\n").format(as_html(text)) for text in item.below) if item.below else ""
    return Markup("<li>{}{}</li>\n").format(as_html(name + item.text), below)


def _table(table: Table) -> Markup:
    """A table: the cells of its first row head the columns, and the first cell of each other row heads that row."""
    head, rows = _row(table.head, table.align, "col"), (_row(row, table.align, "row") for row in table.rows)
    return Markup("<table>\n<thead>\n{}</thead>\n<tbody>\n{}</tbody>\n</table>\n").format(head, Markup("").join(rows))


def _row(cells: Iterable[str], align: str, scope: str) -> Markup:
    shown = []
    for index, (cell, letter) in enumerate(zip(cells, align, strict=True)):
        name, own = ("th", f' scope="{scope}"') if scope == "col" or index == 0 else ("td", "")
        style = ' style="text-align:right"' if letter == "r" else ""
        text = _LONG.sub('<code class="long">', as_html(cell))
        shown.append(f"<{name}{own}{style}>{text}</{name}>\n")
    return Markup(f"<tr>\n{''.join(shown)}</tr>\n")
