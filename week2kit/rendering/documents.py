"""Reports as files: only a report of ours is ever replaced."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final

from week2kit.canonical import JsonError, clean, parse_json
from week2kit.errors import ReportError
from week2kit.rendering.beside import remove_stale_pictures, write_pictures
from week2kit.rendering.next_files import files_folder, write_next
from week2kit.reporting.values import Proposal
from week2kit.store import read_regular, refuse_place, replace_file
from week2kit.thresholds import MAX_REPORT_BYTES

#: The first line of every report; a file without it was not written by week2kit and is never overwritten.
MARKER: Final = "<!-- week2kit report 1 -->"


#: Windows editors put it before the first line.
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

#: Names that no JSON document but a report of ours has side by side.
_JSON_KEYS: Final = frozenset({"version", "baseline", "retrospective", "evidence"})


def write_report(
    path: Path,
    text: str,
    pictures: Mapping[str, str] | None = None,
    proposal: Proposal | None = None,
    *,
    keep: bool = False,
) -> Path | None:
    """Write a report to a file in one step, as UTF-8 with LF; only a report of ours is ever replaced.

    Args:
        path: the file.
        text: the report.
        pictures: SVG by file name, for the folder beside the report; None: the report has none, and no folder is
            looked at.
        proposal: the next experiments, whose configs go into that folder, too.
        keep: keep the report that is replaced beside the new one.

    Returns:
        Where the replaced report was kept; None where it was not.

    Raises:
        ReportError: the file is there and lacks our marker, there is no such folder, or it cannot be written.
    """
    shown = clean(os.fspath(path))
    try:
        if reason := refuse_place(path, _is_ours, "a report"):
            raise ReportError(f"{shown}: {reason}")
        if proposal is not None:
            write_next(files_folder(path), proposal)
        if pictures is not None:
            write_pictures(path, pictures)
        old = _keep_old(path) if keep else None
        replace_file(path, text.encode())
        if pictures is not None:
            remove_stale_pictures(path, pictures)
        return old
    except OSError as error:
        raise ReportError(f"{shown}: the report cannot be written: {error.strerror}.") from None


def _keep_old(path: Path) -> Path:
    """Copy a report to the first free name beside it: ``report.md.old``, ``report.md.old2``, ..."""
    data = read_regular(path, MAX_REPORT_BYTES, follow=True)
    for number in count(1):
        old = path.with_name(f"{path.name}.old{number if number > 1 else ''}")
        if os.path.lexists(old):
            continue
        with contextlib.suppress(FileExistsError), old.open("xb") as file:  # it came into being in between
            file.write(data)
            return old
    raise AssertionError("there is always a free name")


def read_report(path: Path) -> str:
    """The text of a report in Markdown, with the line ends that it has.

    Raises:
        ReportError: it cannot be read, is no UTF-8 text, or lacks our marker.
    """
    shown = clean(os.fspath(path))
    try:
        data = read_regular(path, MAX_REPORT_BYTES, follow=True).removeprefix(_BYTE_ORDER_MARK)
    except OSError as error:
        raise ReportError(f"{shown}: the report cannot be read: {error.strerror}.") from None
    if not data.startswith(MARKER.encode()):
        raise ReportError(f"{shown}: it is not a report of week2kit: expected `{MARKER}` on its first line.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ReportError(f"{shown}:{line}: it is not UTF-8 text: save it as UTF-8 and try again.") from None


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(len(_BYTE_ORDER_MARK + MARKER.encode()))
    if head.removeprefix(_BYTE_ORDER_MARK).startswith(MARKER.encode()):
        return True
    return head.startswith(b"{") and _is_json_report(path)


def _is_json_report(path: Path) -> bool:
    try:
        value = parse_json(read_regular(path, MAX_REPORT_BYTES, follow=True))
    except (JsonError, OSError):
        return False
    return isinstance(value, dict) and value.keys() >= _JSON_KEYS
