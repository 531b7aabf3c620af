"""The files that a person names as inputs of a command: each file, and of a folder all that are in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from week2kit.canonical import clean
from week2kit.errors import UsageError
from week2kit.observing.folder import TOOLS
from week2kit.record.store import from_here

#: Files that the folders among the inputs may hold: each is read for its digest, and has an entry in the record.
MAX_INPUTS: Final = 100_000


def input_files(paths: Sequence[Path], here: Path) -> list[Path]:
    """The files at and below `paths`, as seen from `here`, in order and each once.

    Raises:
        UsageError: one is not there, or cannot be looked into; or there are too many.
    """
    found = dict[Path, None]()
    for path in paths:
        shown = f"input {clean(str(path), 200)}"
        if not os.path.lexists(here / path):
            raise UsageError(f"{shown}: there is no such file or folder.{from_here(path)}")
        try:
            for file in _files(here, path):
                found[file] = None
                if len(found) > MAX_INPUTS:
                    raise UsageError(f"{shown}: more than {MAX_INPUTS} files. Name a file that packs them.")
        except OSError as error:
            raise UsageError(f"{shown}: it cannot be read: {error.strerror}.") from None
    return [*found]


def _files(here: Path, path: Path) -> Iterator[Path]:
    if not (here / path).is_dir():
        yield path
        return
    for folder, below, names in os.walk(here / path, onerror=_raise):
        below[:] = sorted(name for name in below if name not in TOOLS)
        inside = path / Path(folder).relative_to(here / path)
        yield from (inside / name for name in sorted(names) if (here / inside / name).is_file())


def _raise(error: OSError) -> None:
    raise error


def is_source(path: Path, here: Path) -> bool:
    """Whether a file is a module of the project: code, of which a comment changes nothing, and no data."""
    return path.suffix == ".py" and (here / path).resolve().is_relative_to(here.resolve())
