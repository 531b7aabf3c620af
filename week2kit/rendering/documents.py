"""Reports as files: only a report of ours is ever replaced."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from week2kit.canonical import clean
from week2kit.errors import ReportError
from week2kit.rendering.beside import remove_stale_pictures, write_pictures
from week2kit.store import replace_file

#: The first line of every report; a file without it was not written by week2kit and is never overwritten.
MARKER: Final = "<!-- week2kit report 1 -->"


def write_report(path: Path, text: str, pictures: Mapping[str, str] | None = None) -> None:
    """Write a report to a file in one step, as UTF-8 with LF; only a report of ours is ever replaced.

    Args:
        path: the file.
        text: the report.
        pictures: SVG by file name, for the folder beside the report; None: the report has none, and no folder is
            looked at.

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
        if pictures is not None:
            write_pictures(path, pictures)
        replace_file(path, text.encode())
        if pictures is not None:
            remove_stale_pictures(path, pictures)
    except OSError as error:
        raise ReportError(f"{shown}: the report cannot be written: {error.strerror}.") from None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(MARKER))
