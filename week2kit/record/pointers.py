"""What stands in a file's place where the file itself was not fetched: Git LFS, git-annex, DVC."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple


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
