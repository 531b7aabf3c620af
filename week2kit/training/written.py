"""The files that a command wrote: those that are new or changed in its folder, and those that a person named.

Of what is named, every file counts, also outside of the working directory and in folders of tools, which the
comparison of the folder leaves out; and what is named must have been written.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from week2kit.canonical import clean
from week2kit.errors import StageError
from week2kit.observing.folder import Snapshot, Written, snapshot, written_between
from week2kit.record.places import recorded_path


class Expected(NamedTuple):
    """A file or folder that the command shall write, and what it was named as: output, metrics, predictions."""

    path: str
    what: str


class _State(NamedTuple):
    """Also when its inode changed: a copy that keeps the time of its source is written, too."""

    size: int
    written: int
    changed: int
    inode: int


@dataclass(frozen=True)
class Look:
    """What lies in the working directory and at the expected places, at one moment."""

    folder: Snapshot
    expected: Mapping[Expected, Mapping[str, _State]]


@dataclass(frozen=True)
class Found:
    """What a command wrote.

    Attributes:
        files: by path, as the record has it.
        places: where those of them lie whose path is not seen from the working directory.
    """

    files: Sequence[Written]
    places: Mapping[str, Path]


def look(here: Path, but: Sequence[Path], expected: Sequence[Expected]) -> Look:
    """Look at the working directory, except for the folders `but`, and at what the command shall write."""
    return Look(snapshot(here, but), {one: dict(_below(here / one.path)) for one in expected})


def _below(place: Path) -> Iterator[tuple[str, _State]]:
    """The regular files at or below a place, each by its path from there."""
    waiting = [place]
    while waiting:
        path = waiting.pop()
        with contextlib.suppress(OSError):
            status = path.stat(follow_symlinks=path == place)
            if stat.S_ISDIR(status.st_mode):
                waiting += path.iterdir()
            elif stat.S_ISREG(status.st_mode):
                below = "" if path == place else path.relative_to(place).as_posix()
                yield below, _State(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def written(here: Path, before: Look, after: Look, first: Look | None = None) -> Found:
    """What is new or another file after a command.

    Args:
        here: the working directory.
        before: what lay there when the command began.
        after: what lies there at its end.
        first: what lay there before the same command was run the first time, where it was run more than once: what it
            made itself is not modified when it makes it again.

    Raises:
        StageError: it did not write what it should.
    """
    first = first or before
    files = {
        one.path: Written(one.path, "modified" if one.path in first.folder.files else "created")
        for one in written_between(before.folder, after.folder)
    }
    places = dict[str, Path]()
    for one, new in after.expected.items():
        changed = [below for below in sorted(new) if before.expected[one].get(below) != new[below]]
        if not changed:
            raise _unwritten(one, here)
        for below in changed:
            place = here / one.path / below if below else here / one.path
            name = _recorded_name(here, place, one.path, below)
            while name in places and places[name] != place:
                name += "'"  # two folders outside may hold files of one name, and each is recorded
            if name != _seen_from(here, place):
                places[name] = place
            files[name] = Written(name, "modified" if below in first.expected[one] else "created")
    return Found([files[path] for path in sorted(files)], places)


def _recorded_name(here: Path, place: Path, typed: str, below: str) -> str:
    """A path from the working directory; outside of it, where an absolute one was typed, what that ends with."""
    seen = _seen_from(here, place)
    if not Path(typed).is_absolute() or not seen.startswith("../"):
        return seen
    return "/".join(part for part in (recorded_path(typed), below) if part)


def _seen_from(here: Path, place: Path) -> str:
    return os.path.relpath(place, here).replace(os.sep, "/")


_NAME_IT: Final = "Name what the command writes, as seen from the folder in which it runs."


def _unwritten(one: Expected, here: Path) -> StageError:
    shown = f"{one.what} {clean(one.path, 200)}"
    place = here / one.path
    if not os.path.lexists(place):
        return StageError(f"{shown}: the command left no such file or folder.", _NAME_IT)
    if place.is_dir():
        return StageError(f"{shown}: the command wrote nothing in this folder.", _NAME_IT)
    return StageError(f"{shown}: the command did not write it; it lies there as before.", _NAME_IT)
