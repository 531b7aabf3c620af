"""Pictures as they stand in Markdown: a caption, and below it a link to an image, or the picture as text."""

from __future__ import annotations

from collections.abc import Callable

from week2kit.rendering.markdown import Markdown, escape, fence
from week2kit.rendering.pictures.contents import Kind, Picture, plan_pictures
from week2kit.rendering.pictures.sketches import sketch
from week2kit.reporting.values import Report


def shown_pictures(report: Report) -> Callable[[Kind, str | None], Markdown]:
    """What a person's template calls to show the picture of a kind, and of a variant; empty where there is none."""
    every = {(picture.kind, picture.run): picture for picture in plan_pictures(report)}

    def shown(kind: Kind, run: str | None = None) -> Markdown:
        picture = every.get((kind, run))
        return Markdown("") if picture is None else captioned(picture, None)

    return shown


def captioned(picture: Picture, link: str | None) -> Markdown:
    """A picture with its caption: the drawn one at the address `link`, else as text; empty where that says nothing."""
    body = f"![{escape(picture.description)}]({link})" if link is not None else _as_text(picture)
    return Markdown(f"{caption(picture)}\n\n{body}" if body else "")


def caption(picture: Picture) -> str:
    """The line above a picture."""
    return f"**{picture.heading}.** {escape(picture.title)}."


def _as_text(picture: Picture) -> str:
    lines = sketch(picture.content)
    return fence(lines, "text") if lines else ""
