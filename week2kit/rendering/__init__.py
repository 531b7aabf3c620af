"""From a `Report` to a document: what is computed and ordered is worded, rounded, escaped and laid out here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from week2kit.rendering.documents import MARKER, write_report
from week2kit.rendering.next_files import files_folder, next_paths, write_next
from week2kit.rendering.templates import fill
from week2kit.reporting.values import Report

__all__ = ["MARKER", "files_folder", "next_paths", "render", "write_next", "write_report"]


def render(report: Report, *, next_files: Sequence[str] = ()) -> str:
    """The report as GitHub-flavoured Markdown with LF line ends; the same report gives the same text.

    Args:
        report: what is told.
        next_files: where the proposed experiments are written (`next_paths`); without, the report shows the first.

    Raises:
        ReportError: the template cannot be found or rendered.
    """
    commands = [shlex.join(["week2kit", "train", path]) for path in next_files]
    text = fill("report.md.j2", report=report, marker=MARKER, next_commands=commands)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"
