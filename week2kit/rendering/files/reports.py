"""Reports as files: only a report of ours is ever replaced."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Final

from week2kit.canonical import JsonError, clean, parse_json
from week2kit.errors import ReportError
from week2kit.record.files import read_regular, refuse_place, replace_file, replace_files, temporary_name
from week2kit.rendering.files.beside import contents_beside, files_folder, remove_files, stale_files
from week2kit.thresholds import MAX_REPORT_BYTES, REPORT_BYTES

#: The first line of every report; a file without it was not written by week2kit and is never overwritten.
MARKER: Final = "<!-- week2kit report 1 -->"
#: Windows editors put it before the first line.
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

#: Names that no JSON document but a report of ours has side by side.
_JSON_KEYS: Final = frozenset({"version", "baseline", "retrospective", "evidence"})


class ChangedMeanwhile(ReportError):
    """A report was written by somebody else while a new one was made for its place."""


def write_report(
    path: Path,
    text: str,
    beside: Mapping[str, str] | None = None,
    *,
    keep: bytes | None = None,
    unchanged: Callable[[], bool] = lambda: True,
) -> Path | None:
    """Write a report to a file, as UTF-8 with LF, with all that lies beside it or not at all.

    Only a report of ours is ever replaced.

    Args:
        path: the file.
        text: the report.
        beside: the files of the folder beside it, by name; None: the report has no such folder, and none is looked at.
        keep: what the file holds, where that is to be kept beside the new one.
        unchanged: asked last of all whether the file is still the one that the text was made for.

    Returns:
        Where the replaced report was kept; None where it was not.

    Raises:
        ReportError: the file is there and lacks our marker, there is no such folder, or it cannot be written; then
            the old report and what lies beside it are as they were.
        ChangedMeanwhile: it is not `unchanged`; the same.
    """
    shown, old, made = clean(os.fspath(path)), None, False

    def ready() -> None:
        nonlocal old
        if not unchanged():
            raise ChangedMeanwhile(f"{shown}: somebody else is writing it: try again.")
        old = _keep_old(path, keep) if keep is not None else None

    try:
        if reason := refuse_place(path, _is_ours, "a report"):
            raise ReportError(f"{shown}: {reason}")
        stale = stale_files(path, beside) if beside is not None else []
        if contents := contents_beside(path, beside or {}):
            made = not files_folder(path).exists()
            files_folder(path).mkdir(exist_ok=True)
        replace_files({**contents, path: text.encode()}, ready)
    except OSError as error:
        if made:
            with contextlib.suppress(OSError):
                files_folder(path).rmdir()
        if error.errno in (errno.EMFILE, errno.ENFILE):  # of this process or machine, and not of this place
            raise
        where = clean(os.fspath(error.filename or path))
        raise ReportError(f"{where}: it cannot be written: {error.strerror or error}.") from None
    remove_files(stale)
    return old


def too_long(path: Path) -> str:
    """That a written report is longer than a comment may be, which only a person's own words can make it; or empty."""
    size = len((content_of(path) or b"").decode("utf-8", "replace"))
    if size <= REPORT_BYTES:
        return ""
    return (
        f"{clean(os.fspath(path))}: it has {size:,} characters, as your own words are kept whole, and a comment on "
        f"GitHub takes {REPORT_BYTES:,}."
    )


def content_of(path: Path) -> bytes | None:
    """What a report holds; None where there is none that can be read."""
    try:
        return read_regular(path, MAX_REPORT_BYTES, follow=True)
    except OSError:
        return None


def _keep_old(path: Path, content: bytes) -> Path:
    """A copy of a report under the first free name beside it: ``report.md.old``, ``report.md.old2``, ...

    One that is kept already, by somebody who makes the same report or from an earlier time, is not kept again.
    """
    whole = temporary_name(path)
    replace_file(whole, content)
    try:
        for number in count(1):
            old = path.with_name(f"{path.name}.old{number if number > 1 else ''}")
            with contextlib.suppress(FileExistsError):
                _take_name(whole, old)
                return old
            if content_of(old) == content:
                return old
    finally:
        whole.unlink(missing_ok=True)
    raise AssertionError("there is always a free name")


def _take_name(whole: Path, name: Path) -> None:
    """Give a file a name that nothing has yet, in one step where there are links."""
    try:
        os.link(whole, name)
    except FileExistsError:
        raise
    except OSError:
        with name.open("xb") as file:
            file.write(whole.read_bytes())


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
