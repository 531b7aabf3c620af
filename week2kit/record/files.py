"""Files, read as untrusted input and written in one step: nothing is ever half there, and nothing is unpickled.

And what stands in a file's place where the file itself was not fetched: a pointer of Git LFS, git-annex or DVC.
"""

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
from typing import BinaryIO, Final, NamedTuple

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
    """Write `data` to `path` in one step; raises as `replace_files`."""
    replace_files({path: data})


def replace_files(files: Mapping[Path, bytes], ready: Callable[[], None] = lambda: None) -> None:
    """Write files, all of them or none: first all beside their places and flushed to disk, then each renamed, in order.

    Args:
        files: what each holds.
        ready: called when all are written and none is in its place yet; what it raises ends it so.

    Raises:
        OSError: the disk is full, or a folder cannot be written; its ``filename`` is the place, and all is as it was.
    """
    temporary = {path: temporary_name(path) for path in files}
    before: dict[Path, Path | None] = {}  # what was there, under another name: a rename may fail, or be interrupted
    done = False
    try:
        with contextlib.ExitStack() as locks:
            for path, data in files.items():
                with _naming(path):
                    if is_folder(path):
                        raise IsADirectoryError(errno.EISDIR, "it is a folder")
                    with temporary[path].open("xb") as file:
                        locks.enter_context(held_lock(temporary[path]))
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
            ready()
            for path in files:
                with _naming(path):
                    if len(files) > 1:
                        before[path] = _second_name(path)
                    temporary[path].replace(path)
        done = True
    finally:
        for path, old in [] if done else reversed(before.items()):
            with contextlib.suppress(OSError):
                old.replace(path) if old is not None else path.unlink()
        for left in (*temporary.values(), *filter(None, before.values())):
            with contextlib.suppress(OSError):
                left.unlink()


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


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an error say which file it is about."""
    try:
        yield
    except OSError as error:
        error.filename = os.fspath(path)
        raise


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
        locked = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                raise
            locked = False
        yield locked
    finally:
        os.close(descriptor)


# --- files that were not fetched --------------------------------------------------------------------------------


class Pointer(NamedTuple):
    """What stands there.

    Attributes:
        tool: the program that can fetch the file.
        fetch: its command.
        sha256: the digest of the file that it stands for, where the pointer tells it.
    """

    tool: str
    fetch: str
    sha256: str | None


#: Bytes that a pointer may have: Git LFS gives its own 1,024, and the others are no longer.
POINTER_BYTES: Final = 4096

_LFS: Final = re.compile(rb"version https://(?:git-lfs|hawser)\.github\.com/spec/v1\r?\n")
_LFS_DIGEST: Final = re.compile(rb"^oid sha256:([0-9a-f]{64})\r?$", re.MULTILINE)
_ANNEX: Final = re.compile(rb"/annex/objects/(?:SHA256E?-s\d+--([0-9a-f]{64}))?[^\s/]*\s*\Z")
_DVC: Final = re.compile(rb"(?:md5: [0-9a-f]{32}\r?\n|frozen: \w+\r?\n)*outs:\r?\n- (?:md5|hash|size|path): ")

_CACHE: Final = re.compile(r"\bannex/objects/|\.dvc/cache/")


def pointer_in(content: bytes) -> Pointer | None:
    """The pointer that these bytes of a file are, or None."""
    if len(content) > POINTER_BYTES:
        return None
    if _LFS.match(content):
        digest = _LFS_DIGEST.search(content)
        return Pointer("Git LFS", "git lfs pull", digest[1].decode() if digest else None)
    if annex := _ANNEX.match(content):
        return Pointer("git-annex", "git annex get", annex[1].decode() if annex[1] else None)
    return Pointer("DVC", "dvc pull", None) if _DVC.match(content) else None


def pointer_beside(path: Path) -> Pointer | None:
    """What tells where a file that is not there can be fetched: a link into an empty cache, or DVC's file beside it."""
    try:
        target = path.readlink().as_posix() if path.is_symlink() else ""
        if path.exists() or (target and not _CACHE.search(target)):
            return None
        if "annex" in target:
            return Pointer("git-annex", "git annex get", None)
        beside = path.with_name(f"{path.name}.dvc").is_file()
        return Pointer("DVC", "dvc pull", None) if target or beside else None
    except (OSError, ValueError):  # a loop, or a name that no file system takes
        return None
