"""The report as one HTML page: what the Markdown says, with its pictures inside, without a script or a request.

There is one template of the report and one way of escaping: this is the Markdown, parsed again, with raw HTML turned
off. What is added is what a page needs and Markdown lacks: names for headings, scopes for the cells that head a table,
places that can be scrolled by keyboard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from week2kit.rendering.files.reports import MARKER
from week2kit.rendering.files.words import INVITATIONS
from week2kit.rendering.pictures.svg import STYLE, unseal
from week2kit.rendering.templates import fill_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

#: Comments are for those who write into the Markdown, and so is the invitation to write in a place that nobody used.
_INVITATION: Final = "|".join(map(re.escape, INVITATIONS.values()))
_UNUSED: Final = re.compile(
    rf"^<!-- week2kit words: .* -->\n(?:{_INVITATION})\n<!-- week2kit end of words -->$", re.MULTILINE
)
_COMMENT: Final = re.compile(r"^[ \t]*<!-- week2kit .*-->[ \t]*$", re.MULTILINE)
_ALERT: Final = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\](?:\n|$)")
_STEP: Final = re.compile(r'^ *(\w+)\["\1: (.*)"\]$', re.MULTILINE)
#: A picture that is wider is not shrunk to a telephone's width, but scrolled there.
_WIDE: Final = 480
#: Code of more characters may be broken at its spaces in a table's cell.
_LONG: Final = 32


def make_page(text: str, pictures: Mapping[str, str] | None = None) -> str:
    """A report in Markdown as a page of its own; the same text and pictures give the same page.

    Args:
        text: the report, in which the address of each picture is its file name.
        pictures: the pictures as SVG, by file name; without, the report has pictures as text.

    Raises:
        ReportError: the template cannot be found or rendered.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = parser.parse(_COMMENT.sub("", _UNUSED.sub("", text)))
    headings = _name_headings(tokens)
    _head_tables(tokens)
    dressed = list(_dressed(tokens, pictures or {}))
    end = next((index for index, token in enumerate(dressed, start=1) if token.type == "heading_close"), 0)
    return fill_page(
        "report.html.j2",
        marker=Markup(MARKER),
        title=headings[0][1] if headings else "Report",
        contents=[(name, shown) for name, shown, level in headings if level == "h2"],
        head=Markup(parser.renderer.render(dressed[:end], parser.options, {})),
        body=Markup(parser.renderer.render(dressed[end:], parser.options, {})),
        picture_style=Markup(STYLE),
    )


def _plain(inline: Token) -> str:
    return "".join(" " if "break" in child.type else child.content for child in inline.children or ())


def _name_headings(tokens: Sequence[Token]) -> list[tuple[str, str, str]]:
    """Give every heading an id; its id, its text and its level, in order."""
    found: list[tuple[str, str, str]] = []
    names = {"content", "contents", ""}
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            text = _plain(inline)
            stem = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "section"
            name, count = stem, 1
            while name in names:
                count += 1
                name = f"{stem}-{count}"
            names.add(name)
            token.attrSet("id", name)
            found.append((name, text, token.tag))
    return found


def _head_tables(tokens: Sequence[Token]) -> None:
    """The cells of a table's first row head its columns, and the first cell of each other row heads that row."""
    first_in_row = False
    for token in tokens:
        if token.type == "tr_open":
            first_in_row = True
        elif token.type == "th_open":
            token.attrSet("scope", "col")
        elif token.type == "td_open":
            if first_in_row:
                token.tag = "th"
                token.attrSet("scope", "row")
        elif token.type == "td_close":
            token.tag = "th" if first_in_row else "td"
            first_in_row = False
        for child in token.children or ():
            if child.type == "code_inline" and len(child.content) > _LONG:
                child.attrSet("class", "long")


def _html(content: str) -> Token:
    from markdown_it.token import Token

    return Token("html_block", "", 0, content=content)


def _dressed(tokens: Sequence[Token], pictures: Mapping[str, str]) -> Iterator[Token]:
    """The tokens with places to scroll around tables, pictures for their links, and the other things of a page."""
    section, tables, sketches, index = "Report", 0, 0, 0
    while index < len(tokens):
        token = tokens[index]
        if token.type == "heading_open":
            section = _plain(tokens[index + 1])
        if token.type == "table_open":
            tables += 1
            yield _html(_scroll(f"Table {tables}: {section}"))
        if token.type == "blockquote_open":
            _make_notice(token, tokens[index + 1 :])
        if token.type == "fence":
            sketches += token.info == "text"
            yield _html(_block(token, f"Picture {sketches} as text: {section}"))
        elif token.type == "paragraph_open" and (svg := _only_picture(tokens[index + 1], pictures)):
            yield _html(_picture(svg, section))
            index += 2
        else:
            yield _without_images(token)
        if token.type == "table_close":
            yield _html("</div>\n")
        index += 1


def _scroll(label: str) -> str:
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">\n'


def _make_notice(quote: Token, following: Sequence[Token]) -> None:
    """GitHub's alerts: the word in the first line of a quotation says what it is."""
    inline = next((token for token in following if token.type == "inline"), None)
    match = _ALERT.match(inline.content) if inline is not None else None
    if inline is not None and match is not None and following[0].type == "paragraph_open":
        quote.tag = "div"
        quote.attrSet("class", f"notice {match[1].lower()}")
        quote.attrSet("role", "note")
        _close_of(quote, following).tag = "div"
        children = inline.children or []
        children[0].content = children[0].content.removeprefix(f"[!{match[1]}]")
        children.insert(0, _inline_html(f"<strong>{match[1].capitalize()}.</strong> "))


def _close_of(quote: Token, following: Sequence[Token]) -> Token:
    return next(token for token in following if token.type == "blockquote_close" and token.level == quote.level)


def _inline_html(content: str) -> Token:
    from markdown_it.token import Token

    return Token("html_inline", "", 0, content=content)


def _block(token: Token, label: str) -> str:
    """A fenced block: commands wrap, pictures scroll, and the diagram of the loop becomes a list of its steps."""
    steps = _STEP.findall(token.content) if token.info == "mermaid" else []
    if steps:
        items = "".join(f"<li><b>{escape(name)}</b> {escape(text)}</li>\n" for name, text in steps)
        return f'<ol class="flow">\n{items}</ol>\n'
    shown = f"<pre><code>{escape(token.content)}</code></pre>\n"
    return f"{_scroll(label)}{shown}</div>\n" if token.info == "text" else shown


def _only_picture(inline: Token, pictures: Mapping[str, str]) -> str | None:
    """The picture that is all that a paragraph holds."""
    children = inline.children or []
    if len(children) == 1 and children[0].type == "image":
        return pictures.get(str(children[0].attrs.get("src")))
    return None


def _picture(svg: str, section: str) -> str:
    """A picture inside the page, which holds the style sheet of all of them."""
    sealed = unseal(svg)
    inside = (sealed.svg if sealed else svg).replace(f"<style>{STYLE}</style>", "").strip()
    width = re.search(r'<svg\b[^>]* width="([\d.]+)"', inside)
    if width is not None and float(width[1]) > _WIDE:
        return f'{_scroll(f"Picture: {section}")}<div class="wide">{inside}</div></div>\n'
    return f'<div class="narrow">{inside}</div>\n'


def _without_images(token: Token) -> Token:
    """A page asks for no file: of an image that is not ours only the words stay."""
    for child in token.children or ():
        if child.type == "image":
            child.type, child.tag, child.content = "text", "", child.content or _plain(child)
    return token
