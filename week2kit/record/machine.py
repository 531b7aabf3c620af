"""Where data lie on this machine: what train noted of the files that it read, and what a person's paths lead to."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from week2kit.canonical import JsonError, parse_json
from week2kit.record.files import is_folder, read_regular, replace_file
from week2kit.resources import cache_directory
from week2kit.thresholds import (
    MAX_CONFIG_BYTES,
    REMEMBERED_FILES,
    REMEMBERED_PLACES,
    SEARCHED_DEPTH,
    SEARCHED_ENTRIES,
)

# --- the index --------------------------------------------------------------------------------------------------


def places_of(sha256: str | None) -> list[Path]:
    """Where train read a file with this digest on this machine: each a path to look at, the latest first.

    Kept in the user's cache folder, never in a run: a text file for each digest. Nothing that stands there is believed:
    whoever is led to a file looks at its digest.
    """
    if sha256 is None:
        return []
    try:
        lines = parse_json(read_regular(_index_of(sha256), MAX_CONFIG_BYTES, follow=False))
    except (OSError, JsonError, RuntimeError):
        return []
    places = [Path(line) for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    return [place for place in places if place.is_absolute()][:REMEMBERED_PLACES]


def remember(sha256: str, path: Path) -> None:
    """Note where a file with this digest was read; what cannot be written is left: it is no matter of the run.

    Of two at once one is kept; as both led to the same bytes, either will do.
    """
    place, known = Path(os.path.realpath(path)), places_of(sha256)
    if known[:1] == [place]:
        return
    lines = [str(place), *(str(other) for other in known if other != place)][:REMEMBERED_PLACES]
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        index = _index_of(sha256)
        index.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(index, json.dumps(lines).encode())
        _forget_oldest(index.parent)


def _index_of(sha256: str) -> Path:
    return cache_directory() / "week2kit" / "data" / f"{sha256}.json"


def _forget_oldest(folder: Path) -> None:
    """Remove what was noted longest ago, where there is too much of it, and what a killed process left."""
    with os.scandir(folder) as entries:
        known = [entry.path for entry in entries]
    if len(known) > REMEMBERED_FILES:
        ages = {path: os.lstat(path).st_mtime for path in known}
        for path in sorted(known, key=ages.__getitem__)[: len(known) - REMEMBERED_FILES]:
            os.unlink(path)  # noqa: PTH108


# --- what a person names ----------------------------------------------------------------------------------------

#: The variable of a shell that names files and folders with data, as PATH names folders with programs.
DATA_VARIABLE: Final = "WEEK2KIT_DATA"


def named_by_shell() -> list[Path]:
    """The files and folders that ``WEEK2KIT_DATA`` names."""
    return [Path(name) for name in os.environ.get(DATA_VARIABLE, "").split(os.pathsep) if name]


@dataclass(frozen=True)
class Lying:
    """A regular file that a person's paths lead to; `chosen` where it was named itself, and not found in a folder."""

    path: Path
    bytes: int
    chosen: bool


@dataclass
class Looked:
    """What a person's paths lead to.

    Attributes:
        files: the regular files, in the order of the paths, and in a folder the nearest first.
        absent: those of the paths at which there is nothing.
        unread: how many folders may not be listed.
        whole: whether that is all that there is.
    """

    files: list[Lying] = field(default_factory=list)
    absent: list[Path] = field(default_factory=list)
    unread: int = 0
    whole: bool = True


def look_through(named: Sequence[Path]) -> Looked:
    """The files that are named, and those below the folders that are named; none is opened.

    A link to a file is one more name of it; links to folders are not followed, as they may lead round in circles.
    """
    looked, left = Looked(), SEARCHED_ENTRIES
    for path in named:
        if not is_folder(path):
            with contextlib.suppress(OSError, ValueError):
                looked.files.append(Lying(path, path.stat().st_size, chosen=True))
                continue
            looked.absent.append(path)
            continue
        for entry in islice(_below(path, looked), left):
            left -= 1
            with contextlib.suppress(OSError):  # it loops, or is gone
                if entry.is_file():
                    looked.files.append(Lying(Path(entry.path), entry.stat().st_size, chosen=False))
        looked.whole = looked.whole and left > 0
    return looked


def _below(folder: Path, looked: Looked) -> Iterator[os.DirEntry[str]]:
    """What lies below a folder, one depth after the other, each in the order of the names."""
    level: list[str] = [os.fspath(folder)]
    for _ in range(SEARCHED_DEPTH):
        deeper: list[str] = []
        for directory in level:
            try:
                with os.scandir(directory) as listed:
                    entries = sorted(islice(listed, SEARCHED_ENTRIES), key=lambda entry: entry.name)
            except OSError:
                looked.unread += 1
                continue
            for entry in entries:
                with contextlib.suppress(OSError):
                    deeper += [entry.path] if entry.is_dir(follow_symlinks=False) else []
                yield entry
        level = deeper
        if not level:
            return
    looked.whole = False
