"""From a `Report` to a document: what is computed and ordered is worded, rounded, escaped and laid out here."""

from __future__ import annotations

import re

from week2kit.rendering.documents import MARKER, write_report
from week2kit.rendering.templates import fill
from week2kit.rendering.words import NO_WORDS, Words, insert, read_words, words_beside
from week2kit.reporting.values import Report

__all__ = ["MARKER", "NO_WORDS", "Words", "read_words", "render", "words_beside", "write_report"]


def render(report: Report, words: Words = NO_WORDS) -> str:
    """The report as GitHub-flavoured Markdown with LF line ends; the same report and words give the same text.

    Args:
        report: what is told.
        words: what a person wrote, by the key of its place (`read_words`); it is put in as it is.

    Raises:
        ReportError: the template cannot be found or rendered.
    """
    text = fill("report.md.j2", report=report, marker=MARKER, written=frozenset(words))
    return insert(re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n", words)
