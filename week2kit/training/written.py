"""The files that a command wrote: those that are new or changed in its folder, and those that a person named.

Of what is named, every file counts, also outside of the working directory and in folders of tools, which the
comparison of the folder leaves out; and what is named must have been written.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from week2kit.canonical import clean
from week2kit.errors import StageError
from week2kit.observing.folder import Snapshot, Written, snapshot, written_between
from week2kit.record.written_paths import HOME, SOMEWHERE, place_of


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
    """What lies in the working directory and at the expected places, at one moment.

    Attributes:
        folders: the folders that are there, of all that files may be written into.
    """

    folder: Snapshot
    expected: Mapping[Expected, Mapping[str, _State]]
    folders: frozenset[str]


@dataclass(frozen=True)
class Found:
    """What a command wrote.

    Attributes:
        files: by path, as the record has it.
        places: where those of them lie whose path is not seen from the working directory.
        folders: those of them that were there before.
        unwritten: why it did not write what it should; None where it did.
    """

    files: Sequence[Written]
    places: Mapping[str, Path]
    folders: frozenset[str]
    unwritten: StageError | None

    def without(self, is_other: Callable[[Written], bool]) -> Found:
        """The same without the files that are none of the command's."""
        return replace(self, files=[one for one in self.files if not is_other(one)])

    def and_outside(self, files: Sequence[Written]) -> Found:
        """The same with files that were seen outside of the working directory."""
        known = {one.path: one for one in (*files, *self.files)}
        return replace(self, files=[known[path] for path in sorted(known)])


def look(here: Path, but: Sequence[Path], expected: Sequence[Expected]) -> Look:
    """Look at the working directory, except for the folders `but`, and at what the command shall write."""
    folder = snapshot(here, but)
    left_out = {os.path.realpath(path) for path in but}
    named = {one: dict(_below(here / one.path, left_out)) for one in expected}
    places = [place for one in expected for place in (here / one.path, (here / one.path).parent) if place.is_dir()]
    return Look(folder, named, folder.folders | {place_of(str(place), here) for place in places})


def _below(place: Path, but: Container[str]) -> Iterator[tuple[str, _State]]:
    """The regular files at or below a place, each by its path from there; the folders `but` are not looked into."""
    waiting = [place]
    while waiting:
        path = waiting.pop()
        with contextlib.suppress(OSError):
            status = path.stat(follow_symlinks=path == place)
            if stat.S_ISDIR(status.st_mode):
                waiting += path.iterdir() if os.path.realpath(path) not in but else ()
            elif stat.S_ISREG(status.st_mode):
                below = "" if path == place else path.relative_to(place).as_posix()
                yield below, _State(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def written_since(here: Path, before: Look, after: Look, first: Look | None = None) -> Found:
    """What is new or another file after a command.

    Args:
        here: the working directory.
        before: what lay there when the command began.
        after: what lies there at its end.
        first: what lay there before the same command was run the first time, where it was run more than once: what it
            made itself is not modified when it makes it again.
    """
    first = first or before
    files = {
        one.path: Written(one.path, "modified" if one.path in first.folder.files else "created")
        for one in written_between(before.folder, after.folder)
    }
    places, unwritten = dict[str, Path](), list[StageError]()
    for one, new in after.expected.items():
        changed = [below for below in sorted(new) if before.expected[one].get(below) != new[below]]
        if not changed:
            unwritten.append(_unwritten(one, here))
        for below in changed:
            place = here / one.path / below if below else here / one.path
            name = place_of(str(place), here)
            while name in places and places[name] != place:
                name += "'"  # of two files only the name may be kept, and each is recorded
            if name.startswith((HOME, SOMEWHERE)):
                places[name] = place
            files[name] = Written(name, "modified" if below in first.expected[one] else "created")
    folders = {path.rpartition("/")[0] for path in files} & first.folders
    return Found([files[path] for path in sorted(files)], places, frozenset(folders), next(iter(unwritten), None))


_NAME_IT: Final = "Name what the command writes, as seen from the folder in which it runs."


def _unwritten(one: Expected, here: Path) -> StageError:
    shown = f"{one.what} {clean(one.path, 200)}"
    place = here / one.path
    if not os.path.lexists(place):
        return StageError(f"{shown}: the command left no such file or folder.", _NAME_IT)
    if place.is_dir():
        return StageError(f"{shown}: the command wrote nothing in this folder.", _NAME_IT)
    return StageError(f"{shown}: the command did not write it; it lies there as before.", _NAME_IT)
