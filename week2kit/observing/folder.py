"""What a command left in its working directory: the files that are there, and which of them are new or changed.

Seen by comparing the folder before and after, which works on every system and for every program. A file that was
written and removed again is not seen, nor one outside of the folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

#: Folders of tools, not of a person: what stands in them is no result, and there may be a hundred thousand of it.
TOOLS: Final = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".ipynb_checkpoints", ".venv", "venv", "node_modules", ".tox", ".nox"}
    | {".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".cache", ".dvc", ".Rproj.user"}
)

#: Files that are looked at in a folder; a project has some hundreds.
MAX_FILES: Final = 200_000


class State(NamedTuple):
    """What changes when a file is written: its bytes, when it was last written, and which file it is."""

    size: int
    written: int
    inode: int


def state_of(path: Path) -> State | None:
    """That of one file, links followed; None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return State(found.st_size, found.st_mtime_ns, found.st_ino)


@dataclass(frozen=True)
class Snapshot:
    """The regular files below a folder by POSIX path, links and folders of tools left out.

    Attributes:
        folders: the folders that they may lie in.
        is_whole: whether all were looked at: there may be too many, or a folder that cannot be read.
    """

    files: Mapping[str, State]
    is_whole: bool
    folders: frozenset[str] = frozenset()


def snapshot(folder: Path, but: Iterable[Path] = ()) -> Snapshot:
    """The files below `folder`, except for what is below the folders `but` (the runs themselves)."""
    left_out = {os.path.realpath(path) for path in but}
    files, folders, whole = dict[str, State](), set[str](), True
    waiting = [("", os.fspath(folder))]
    while waiting:
        prefix, place = waiting.pop()
        try:
            entries = list(os.scandir(place))
        except OSError:
            whole = False
            continue
        for entry in entries:
            name = f"{prefix}{entry.name}"
            try:
                if entry.is_dir(follow_symlinks=False):
                    is_tool = entry.name in TOOLS or os.path.lexists(f"{entry.path}/pyvenv.cfg")
                    if not is_tool and os.path.realpath(entry.path) not in left_out:
                        waiting.append((f"{name}/", entry.path))
                        folders.add(name)
                elif entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    files[name] = State(status.st_size, status.st_mtime_ns, status.st_ino)
            except OSError:  # it went meanwhile
                continue
            if len(files) >= MAX_FILES:
                return Snapshot(files, is_whole=False, folders=frozenset(folders))
    return Snapshot(files, whole, frozenset(folders))


class Written(NamedTuple):
    """A file that is new or another one, by its path."""

    path: str
    change: Literal["created", "modified"]


def written_between(before: Snapshot, after: Snapshot) -> Iterator[Written]:
    """The files of `after` that `before` does not have, or has in another state; by path."""
    for path in sorted(after.files):
        old = before.files.get(path)
        if old is None:
            yield Written(path, "created")
        elif old != after.files[path]:
            yield Written(path, "modified")
