"""What a record must not tell about a machine or its user: one function that every recorded text passes through."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Final

from week2kit.thresholds import MAX_MESSAGE

_CREDENTIALS: Final = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)[^\s/@]{1,400}@")
_PACKAGES: Final = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][^\\/\s'\":,;()]+)*[\\/](?:site|dist)-packages(?=[\\/])")
_WINDOWS_PATH: Final = re.compile(
    r"(?<![\w.])[A-Za-z]:[\\/](?:[^\\/\s'\":,;()<>|]+[\\/])*(?P<last>[^\\/\s'\":,;()<>|]*)"
)
_POSIX_PATH: Final = re.compile(r"(?<![\w.~<>:/])/(?:[^/\s'\":,;()<>]+/)*(?P<last>[^/\s'\":,;()<>]+)")


def scrub(text: str, limit: int = MAX_MESSAGE) -> str:
    """`text` without what tells about this machine or its user; every text that goes into a record passes here.

    ``site-packages`` becomes ``<packages>``, the working directory ``.``, the home directory ``~``, any other
    absolute path its last part; credentials in URLs go.
    """
    text = _CREDENTIALS.sub(r"\g<scheme>", text)
    text = _PACKAGES.sub("<packages>", text)
    for directory, name in _known_directories():
        text = re.sub(rf"(?<![\w.]){re.escape(directory)}(?=[\\/\s'\":,;)]|$)", name, text)
    text = _WINDOWS_PATH.sub(lambda match: match["last"] or match[0][:3], text)
    text = _POSIX_PATH.sub(lambda match: match["last"], text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _known_directories() -> list[tuple[str, str]]:
    directories = [(sys.prefix, "<python>"), (sys.base_prefix, "<python>")]
    with contextlib.suppress(OSError):  # the working directory may have been removed under us
        directories.append((str(Path.cwd()), "."))
    home = str(Path("~").expanduser())
    if home not in ("~", "/", ""):
        directories.append((home, "~"))
    # the longest first: the working directory usually lies below the home directory
    return sorted((d for d in directories if len(d[0]) > 1), key=lambda pair: -len(pair[0]))
