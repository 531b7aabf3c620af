"""Reports as files: only a report of ours is ever replaced."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from week2kit.canonical import clean
from week2kit.errors import ReportError
from week2kit.store import replace_file

#: The first line of every report; a file without it was not written by week2kit and is never overwritten.
MARKER: Final = "<!-- week2kit report 1 -->"


def write_report(path: Path, text: str) -> None:
    """Write a report to a file in one step, as UTF-8 with LF; only a report of ours is ever replaced.

    Raises:
        ReportError: the file is there and lacks our marker, or it cannot be written.
    """
    shown = clean(os.fspath(path))
    try:
        if os.path.lexists(path):
            head = _head(path) if path.is_file() else b""
            if head != MARKER.encode():
                raise ReportError(
                    f"{shown}: it is there already and is not a report of week2kit, so it is not overwritten: "
                    "choose another -o, or move it away."
                )
        replace_file(path, text.encode())
    except OSError as error:
        raise ReportError(f"{shown}: the report cannot be written: {error.strerror}.") from None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(MARKER))
