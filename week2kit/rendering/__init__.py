"""From a `Report` to a document: what is computed and ordered is worded, rounded, escaped and laid out here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from week2kit.rendering.beside import picture_links
from week2kit.rendering.captions import shown_pictures
from week2kit.rendering.documents import MARKER, write_report
from week2kit.rendering.templates import fill
from week2kit.reporting.values import Report

__all__ = ["MARKER", "picture_links", "render", "write_report"]


def render(report: Report, pictures: Mapping[str, str] | None = None) -> str:
    """The report as GitHub-flavoured Markdown with LF line ends; the same report gives the same text.

    Args:
        report: what to render.
        pictures: where each drawn picture is found, by its file name, as `drawing.draw` names them; without, and for
            those that are not drawn, pictures are text.

    Raises:
        ReportError: the template cannot be found or rendered.
    """
    text = fill("report.md.j2", report=report, marker=MARKER, picture=shown_pictures(report, pictures))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"
