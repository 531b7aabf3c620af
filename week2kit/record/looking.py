"""A data file as it lies there, and the one that is meant among the files and folders that a person names."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from week2kit.canonical import clean
from week2kit.errors import DataNotFound, StageError
from week2kit.record.files import (
    POINTER_BYTES,
    Pointer,
    digest_regular,
    is_folder,
    pointer_beside,
    pointer_in,
    read_regular,
)
from week2kit.record.machine import Looked, look_through
from week2kit.record.manifest import FoundFile
from week2kit.record.store import near_path
from week2kit.thresholds import MAX_DATA_BYTES, SEARCHED_DEPTH, SEARCHED_ENTRIES


@dataclass(frozen=True)
class DataFile:
    """A data file, which whoever trains reads itself: only its digest and its place are handed on.

    Attributes:
        path: absolute, with every link resolved.
        shown: as it may be shown, and typed after ``--data``.
        bytes, sha256: what it held when it was looked at.
        vouched: whether the caller named it, or it lies in the run folder itself. What a record leads to besides may
            be anybody's: nothing of it is told but its digest.
        most: the bytes that it may have, and unpack to, where the caller says so.
    """

    path: str
    shown: str
    bytes: int
    sha256: str
    vouched: bool
    most: int | None = None

    def is_recorded(self, data: FoundFile) -> bool:
        """Whether it holds the very bytes that a record is about."""
        return (self.bytes, self.sha256) == (data.bytes, data.sha256)


def last_part(path: str) -> str:
    """The name of the file that a path leads to, on every system alike."""
    return PurePosixPath(path.replace("\\", "/")).name


def is_there(path: Path) -> bool:
    """Whether anything is there, as far as this user may see."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def how_to_fetch(pointer: Pointer) -> str:
    """What brings the file that a pointer stands for."""
    return f"{pointer.tool} may have it: {pointer.fetch}"


def not_fetched(name: str, pointer: Pointer, recorded: str | None = None) -> str:
    """That a pointer stands in the place of a file; and whether it stands for the one with the recorded digest."""
    said = f'The data file "{clean(name)}" was not fetched: a pointer of {pointer.tool} stands in its place.'
    if recorded is None or pointer.sha256 is None:
        return said
    if pointer.sha256 == recorded:
        return f"{said} It stands for the file that the run was trained on."
    return f"{said} It stands for another file (sha256 {pointer.sha256[:12]}) than was recorded ({recorded[:12]})."


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what a system says into what is said of a data file of this name.

    Raises:
        StageError: it is a folder, or cannot be read.
    """
    try:
        yield
    except IsADirectoryError:
        raise StageError(
            f'The data path "{clean(name)}" is a folder; expected a file.', "Name the file in it."
        ) from None
    except OSError as error:
        raise StageError(
            f'The data file "{clean(name)}" cannot be read: {error.strerror}.', REMEDIES.get(error.errno or 0, _COPY)
        ) from None


_COPY: Final = "See whether another program opens it, and copy it to a folder on this machine."

#: What helps by the number of an error; else another file is named or copied.
REMEDIES: Final = {
    errno.EACCES: "Allow it (chmod +r), or work as a user who may read it.",
    errno.EFBIG: "Allow more: train and verify take --max-data-bytes.",
}


def look_at(place: Path, recorded: str | None, most: int | None, inside: Path | None) -> DataFile:
    """What lies at a place, opened only for its digest: one that a caller named, or that may lie `inside` a run.

    Raises:
        DataNotFound: nothing, nothing that can be read, or a pointer: then with its command.
    """
    if not is_there(place):
        if pointer := pointer_beside(place):
            raise DataNotFound(
                f'The data file "{clean(place.name)}" is not there.', how_to_fetch(pointer), command=pointer.fetch
            )
        raise DataNotFound(f'The data file "{clean(place.name)}" is not there.')
    path, limit = os.path.realpath(place), MAX_DATA_BYTES if most is None else most
    own = inside is not None and Path(os.path.realpath(place.parent)).is_relative_to(os.path.realpath(inside))
    try:
        with reading(place.name):
            size, sha256 = digest_regular(place, limit, follow=not own)
            pointer = (
                pointer_in(read_regular(Path(path), POINTER_BYTES, follow=False)) if size <= POINTER_BYTES else None
            )
    except StageError as error:
        raise DataNotFound(str(error), error.hint) from None
    if pointer and sha256 != recorded:
        raise DataNotFound(not_fetched(place.name, pointer, recorded), how_to_fetch(pointer), command=pointer.fetch)
    if inside is None:
        return DataFile(path, place.as_posix(), size, sha256, True, most)
    short = os.path.normpath(place)  # runs/a/../../t.csv, unless a link is on the way
    shown = Path(short) if os.path.realpath(short) == path else place
    return DataFile(path, shown.as_posix(), size, sha256, own, most)


# --- what a person names ----------------------------------------------------------------------------------------


def among_given(given: Sequence[Path], data: FoundFile, most: int | None) -> DataFile:
    """The data file of a run, as the caller names it: one file, or files and folders in which it is looked for.

    One file alone is taken, whatever it holds: the verdict then says what differs. Of others it is the one with the
    recorded bytes, or where the run records no digest, the one with the name that its config has.

    Raises:
        DataNotFound: it is none of them, or is not there, or cannot be read; the message says what was looked at.
    """
    if len(given) == 1 and not is_folder(given[0]):
        return _named(given[0], data.sha256, most)
    looked = look_through(given)
    name = last_part(data.path)
    if data.sha256 is None:
        if (alike := of_the_name(looked, name, most)) is not None:
            return alike
        raise DataNotFound(
            f'--data: no file has the name "{clean(name)}" of its config. {_account(looked, given)}',
            "Name the file itself, alone.",
        )
    if (found := with_recorded_bytes(looked, data, most)) is not None:
        return found
    for file in looked.files:  # what stands for it is not it, and tells how to get it
        if file.path.name == name:
            try:
                look_at(file.path, data.sha256, most, inside=None)
            except DataNotFound as error:
                raise DataNotFound(f"--data: {error}", error.hint, command=error.command) from None
    told = "no file holds"
    if len(given) == 1:
        told = f'"{clean(given[0].as_posix())}" is a folder, and no file in it holds'
    raise DataNotFound(
        f'--data: {told} the bytes that the run was trained on ("{clean(name)}", sha256 {data.sha256[:12]}). '
        f"{_account(looked, given)}",
        f"To see what differs, name one file alone: --data {clean(name)}",
    )


def with_recorded_bytes(looked: Looked, data: FoundFile, most: int | None) -> DataFile | None:
    """The first file with the recorded bytes; only those with the recorded number of them are opened."""
    for lying in looked.files:
        if lying.bytes == data.bytes:
            with contextlib.suppress(DataNotFound):
                file = look_at(lying.path, data.sha256, most, inside=None)
                if file.is_recorded(data):
                    return file
    return None


def of_the_name(looked: Looked, name: str, most: int | None) -> DataFile | None:
    """The file that a config names, of a run that records no digest; None where there is none of that name.

    Raises:
        DataNotFound: there are several, and they differ; or it cannot be read.
    """
    # whoever wrote the config chose the name: in a folder no link is followed, and nothing there is vouched for
    lying = [file for file in looked.files if file.path.name == name and (file.chosen or not file.path.is_symlink())]
    files = [replace(look_at(file.path, None, most, inside=None), vouched=file.chosen) for file in lying]
    if len({file.sha256 for file in files}) <= 1:
        return files[0] if files else None
    where = ", ".join(clean(file.shown) for file in files[:3]) + (", ..." if len(files) > 3 else "")
    raise DataNotFound(
        f'Several files are named "{clean(name)}", and hold different bytes: {where}. The run records no digest that '
        "would tell which is meant.",
        "Name it alone: --data FILE",
    )


def _account(looked: Looked, named: Sequence[Path]) -> str:
    """What was looked at, as a sentence or several."""
    where = ", ".join(clean(path.as_posix()) for path in named[:3]) + (", ..." if len(named) > 3 else "")
    count = len(looked.files)
    said = [f"Looked at: {count:,} file{'' if count == 1 else 's'} of {where}."]
    if looked.absent:
        said.append(f"There is no {', '.join(clean(path.as_posix()) for path in looked.absent[:3])}.")
    if looked.unread:
        said.append(f"{looked.unread:,} folder{'' if looked.unread == 1 else 's'} may not be listed.")
    if not looked.whole:
        said.append(f"There is more than the {SEARCHED_ENTRIES:,} names, {SEARCHED_DEPTH} folders deep, that are read.")
    return " ".join(said)


def _named(path: Path, recorded: str | None, most: int | None) -> DataFile:
    try:
        return look_at(path, recorded, most, inside=None)
    except DataNotFound as error:
        if error.command or is_there(path):
            raise DataNotFound(f"--data: {error}", error.hint, command=error.command) from None
        said = f'--data: there is no file "{clean(str(path))}".'
        near = near_path(path)
        hint = f"Did you mean {clean(near.as_posix())}?" if near else "Name the file that the run was made from."
        raise DataNotFound(said, hint) from None
