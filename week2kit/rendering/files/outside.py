"""The text of a report outside of the places for words: its digest is the last line of every report in Markdown.

What a person wrote there is lost when the report is made again. The digest tells that somebody did, so that the old
file is kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from week2kit.canonical import clean, sha256
from week2kit.errors import ReportError
from week2kit.rendering.files.reports import read_report
from week2kit.rendering.files.words import outside

_LINE: Final = re.compile(r"[ \t]*<!-- week2kit text: (?P<digest>[\da-f]{64}) -->[ \t\r]*")


class Kept(NamedTuple):
    """A replaced report that was kept, because its text outside of the places for words is not in the new one."""

    path: Path
    sentence: str
    """What happened, for the person who wrote there."""


def text_line(text: str) -> str:
    """The line that holds the digest of a report; one that `text` already has does not count.

    Neither do line ends, the blanks in front of them and empty lines: editors change them without being asked.
    """
    return f"<!-- week2kit text: {_digest(outside(text))} -->"


def with_text_line(text: str) -> str:
    """A report in Markdown, and the line with its digest below."""
    return f"{text}\n{text_line(text)}\n"


def is_text_line(line: str) -> bool:
    """Whether a line is such a line, of whatever report."""
    return bool(_LINE.fullmatch(line))


def _digest(lines: Iterable[str]) -> str:
    counted = (line.rstrip() for line in lines if not is_text_line(line))
    return sha256("\n".join(line for line in counted if line).encode("utf-8", "surrogatepass"))


def why_keep(path: Path, *, any_report: bool) -> str:
    """Why a report must be kept when it is replaced; empty where nothing outside of its places would be lost.

    Args:
        path: the file that is replaced; it need not be there.
        any_report: keep a report without a digest, too: nothing tells what was written into it.
    """
    try:
        text = read_report(path) if os.path.lexists(path) else ""
    except ReportError:
        return ""  # no report in Markdown: whether it may be replaced is not a question of its text
    stated = [line.strip() for line in outside(text) if is_text_line(line)]
    if not text or stated == [text_line(text)]:
        return ""
    if stated:
        return "text outside the comments was changed, and is not kept in the new report"
    if any_report:
        return "nothing in it tells whether text outside the comments was changed, and none is kept in the new report"
    return ""


def kept(path: Path, old: Path, why: str) -> Kept:
    """What is told about the report `path`, which was kept as `old`."""
    return Kept(old, f"{clean(os.fspath(path))}: {why}: the old one is {clean(os.fspath(old))}.")


#: Bytes that `with_text_line` adds.
TEXT_LINE_BYTES: Final = len(with_text_line("").encode())
