"""The Markdown that `week2kit.rendering.markdown` makes, as HTML: code, emphasis, and escaped text.

It knows what that module writes and nothing more, so that no other Markdown can come through.
"""

from __future__ import annotations

import html
import re
from typing import Final

from markupsafe import Markup

_PIECE: Final = re.compile(
    r"\\(?P<escaped>.)|`(?P<code>[^`]+)`|\*\*(?P<strong>(?:[^*\\`]|\\.|`[^`]+`)+)\*\*|\*(?P<em>[^*\\`]+)\*"
    r"|(?P<entity>&(?:lt|gt);)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_FENCE: Final = re.compile(r"(?P<ticks>`{3,})\w*\n(?P<body>.*)\n(?P=ticks)", re.DOTALL)


def as_html(markdown: str) -> Markup:
    """A piece of our own Markdown as HTML: a fenced block, a quote of one line, or text with code and emphasis."""
    if fence := _FENCE.fullmatch(markdown):
        return Markup(f"<pre><code>{html.escape(fence['body'])}</code></pre>")
    if markdown.startswith("> "):
        return Markup(f"<blockquote>{as_html(markdown[2:])}</blockquote>")
    return Markup(_PIECE.sub(_piece, markdown))


def _piece(match: re.Match[str]) -> str:
    kind, text = match.lastgroup, match[match.lastgroup or 0]
    if kind == "entity":
        return text
    if kind == "strong":
        return f"<strong>{_PIECE.sub(_piece, text)}</strong>"
    escaped = html.escape(text)
    return f"<{kind}>{escaped}</{kind}>" if kind in ("code", "em") else escaped
