"""Files, read as untrusted input and written in one step: nothing is ever half there, and nothing is unpickled."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from week2kit.canonical import clean

#: Bytes that are read at a time where a file is not held as a whole.
_PIECE: Final = 1 << 20

#: What is being written has such a name for some moments, and keeps it where its process is killed.
TEMPORARY: Final = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.tmp")


@contextlib.contextmanager
def open_regular(path: Path, limit: int, *, follow: bool) -> Iterator[BinaryIO]:
    """One regular file of at most `limit` bytes, opened for reading.

    Devices, pipes and folders are refused without being opened; with ``follow=False`` so is a symbolic link.

    Raises:
        OSError: it cannot be opened, is no regular file, or is too large; ``strerror`` says which.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    if not follow:
        if path.is_symlink():
            raise OSError(errno.ELOOP, "it is a symbolic link", path.name)
        flags |= getattr(os, "O_NOFOLLOW", 0)
    _refuse_other_than_regular(path.stat(), path)  # opening a pipe or a device may already do something
    with open(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())  # what was opened is what counts
        _refuse_other_than_regular(status, path)
        if status.st_size > limit:
            raise _too_large(limit, path)
        yield file


def _refuse_other_than_regular(status: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path.name)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", path.name)


def is_no_file(error: OSError) -> bool:
    """Whether `open_regular` refused what is there, whoever may read it: a folder, a pipe, or more than its limit."""
    return error.errno in (errno.EISDIR, errno.EINVAL, errno.EFBIG)


def _too_large(limit: int, path: Path) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {limit} bytes", path.name)


def read_regular(path: Path, limit: int, *, follow: bool) -> bytes:
    """The bytes of one regular file, opened once, never more than `limit`; memory is reserved for what it holds.

    Raises:
        OSError: as `open_regular`.
    """
    with open_regular(path, limit, follow=follow) as file:
        data = file.read(os.fstat(file.fileno()).st_size + 1)
        while more := file.read(_PIECE):  # it grows while it is read
            data += more
            if len(data) > limit:
                break
    if len(data) > limit:
        raise _too_large(limit, path)
    return data


def digest_regular(path: Path, limit: int, *, follow: bool) -> tuple[int, str]:
    """Number and SHA-256 of the bytes of one regular file, of which never more than a piece is held.

    Raises:
        OSError: as `open_regular`.
    """
    digest, size = hashlib.sha256(), 0
    with open_regular(path, limit, follow=follow) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            if size > limit:
                raise _too_large(limit, path)
    return size, digest.hexdigest()


def is_folder(path: Path) -> bool:
    """Whether a path leads to a folder; a Path raises where a name is too long, loops or may not be looked at."""
    return os.path.isdir(path)  # noqa: PTH112


def refuse_place(path: Path, is_ours: Callable[[Path], bool], what: str) -> str:
    """Why a file that a caller names with -o is not written; empty where it can be tried.

    Args:
        path: the file.
        is_ours: whether a file that is there may be replaced.
        what: what such a file is, as "a report".
    """
    if not path.name or is_folder(path):
        return "it is a folder: name a file in it."
    if not is_folder(path.parent):
        return f"there is no folder {clean(os.fspath(path.parent))}: make it, or choose another -o."
    if os.path.lexists(path) and not (path.is_file() and is_ours(path)):
        return (
            f"it is there already and is not {what} of week2kit, so it is not overwritten: choose another -o, or move "
            "it away."
        )
    return ""


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path` in one step: a temporary file beside it, flushed to disk, then renamed.

    Raises:
        OSError: the disk is full, or the folder cannot be written; nothing is left behind.
    """
    temporary = temporary_name(path)
    try:
        with temporary.open("xb") as file, held_lock(temporary):
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if os.name != "nt":  # there an open file cannot be moved
                temporary.replace(path)
        if os.name == "nt":
            temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def replace_files(files: Mapping[Path, bytes], ready: Callable[[], None] = lambda: None) -> None:
    """Write several files, all of them or none: first all beside their places, then each put there, in order.

    Args:
        files: what each holds.
        ready: called when all are written and none is in its place yet; what it raises ends it so.

    Raises:
        OSError: one cannot be written, its ``filename``; all are as they were.
    """
    staged: list[tuple[Path, Path]] = []
    aside: list[tuple[Path, Path | None]] = []
    done = False
    try:
        for path, data in files.items():
            with _naming(path):
                staged.append((temporary_name(path), path))
                _write_new(staged[-1][0], data)
        ready()
        for temporary, path in staged:
            with _naming(path):
                aside.append((path, _second_name(path)))
                temporary.replace(path)
        done = True
    finally:
        for path, before in reversed(aside if not done else []):
            with contextlib.suppress(OSError):
                before.replace(path) if before is not None else path.unlink()
        for left in [temporary for temporary, _ in staged] + [before for _, before in aside if before is not None]:
            left.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an error say which file it is about."""
    try:
        yield
    except OSError as error:
        error.filename = os.fspath(path)
        raise


def _second_name(path: Path) -> Path | None:
    """Another name beside it for what a path leads to, or a copy where there are no links; None: there is nothing."""
    if not os.path.lexists(path):
        return None
    name = temporary_name(path)
    try:
        os.link(path, name, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(path, name, follow_symlinks=False)
    return name


def temporary_name(path: Path) -> Path:
    """A new name beside `path` under which it is written before it is moved there."""
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")


@contextlib.contextmanager
def held_lock(path: Path) -> Iterator[bool]:
    """Hold the lock of a file or folder; whether it could be locked.

    Raises:
        BlockingIOError: another process holds it.
    """
    try:
        import fcntl
    except ImportError:
        yield False
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = True
        except BlockingIOError:
            raise
        except OSError:
            locked = False
        yield locked
    finally:
        os.close(descriptor)
