"""The folder of pictures beside a report: ours are refreshed and taken away, and nothing else in it is touched."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from week2kit.canonical import clean
from week2kit.errors import ReportError
from week2kit.rendering.files.experiments import files_folder
from week2kit.rendering.pictures.svg import PICTURE_MARKER


def picture_links(report: Path, names: Mapping[str, str]) -> dict[str, str]:
    """The address of each picture, by its file name, as the report writes it: relative, and quoted."""
    folder = quote(os.fsencode(files_folder(report).name), safe="")
    return {name: f"{folder}/{name}" for name in names}


def picture_contents(report: Path, pictures: Mapping[str, str]) -> dict[Path, bytes]:
    """The files of the pictures of a report.

    Raises:
        ReportError: something that is not ours is in the way: only a picture of ours is ever replaced.
    """
    folder = files_folder(report)
    if not pictures:
        return {}
    if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir()):
        raise ReportError(
            f"{_shown(folder)}: the pictures of the report belong into a folder of this name, and something else has "
            "it: choose another -o, or move it away."
        )
    for name in pictures:
        if os.path.lexists(folder / name) and not _is_ours(folder / name):
            raise ReportError(
                f"{_shown(folder / name)}: it is there already and is not a picture of week2kit, so it is not "
                "overwritten: choose another -o, or move it away."
            )
    return {folder / name: svg.encode() for name, svg in sorted(pictures.items())}


def remove_stale_pictures(report: Path, pictures: Mapping[str, str]) -> None:
    """Take away pictures of ours that the report no longer shows, and the folder where it is empty then.

    One that cannot be removed stays.
    """
    folder = files_folder(report)
    if folder.is_symlink() or not folder.is_dir():
        return
    with contextlib.suppress(OSError):
        stale = [path for path in _own_pictures(folder) if path.name not in pictures]
        for path in stale:
            path.unlink()
        if stale:
            folder.rmdir()  # only where no other files are in it


def _own_pictures(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*.svg")):
        if _is_ours(path):
            yield path


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(PICTURE_MARKER)) == PICTURE_MARKER.encode()


def _shown(path: Path) -> str:
    return clean(os.fspath(path))
