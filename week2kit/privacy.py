"""What a record must not tell about a machine or its user: one function that every recorded text passes through."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path, PurePath
from typing import Final

from week2kit.thresholds import MAX_MESSAGE

# Every expression takes a path as one run of characters, once: a text of a million slashes costs milliseconds.
_CREDENTIALS: Final = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)[^\s/?#]{1,400}@")
_FILE_URL: Final = re.compile(r"\bfile://[^/\s]*(?=/)")
_ANY_PATH: Final = re.compile(r"(?:[A-Za-z]:|~|\.|<python>)?[\\/][^\s'\":,;()]*")
_PACKAGES: Final = re.compile(r".*[\\/](?:site|dist)-packages(?=[\\/])")
_WINDOWS_PATH: Final = re.compile(r"(?:(?<![\w.])[A-Za-z]:(?:\\|/(?!/))|(?<![\w.\\])\\\\)[^\s'\":,;()<>|]*")
_POSIX_PATH: Final = re.compile(r"(?<![\w.~<>/])/(?!/)[^\s'\":,;()<>]*")

_SECRET: Final = re.compile(r"(?:^|_)(?:API)?(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(?:_|$)", re.IGNORECASE)


def scrub(text: str, limit: int = MAX_MESSAGE) -> str:
    """`text` without what tells about this machine or its user; every text that goes into a record passes here.

    ``site-packages`` becomes ``<packages>``, the working directory ``.``, the home directory ``~``, any other
    absolute path its last part; credentials in URLs go.
    """
    text = _FILE_URL.sub("", _CREDENTIALS.sub(r"\g<scheme>", text))
    for directory, name in _known_directories():
        text = re.sub(rf"(?<![\w.]){re.escape(directory)}(?=[\\/\s'\":,;)]|$)", name, text)
    # after the directories: their names may hold spaces, which end every other path
    text = _ANY_PATH.sub(lambda match: _below_packages(match[0]), text)
    text = _WINDOWS_PATH.sub(lambda match: _last_part(match[0], r"[\\/]+"), text)
    text = _POSIX_PATH.sub(lambda match: _last_part(match[0], "/+"), text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def is_secret(variable: str) -> bool:
    """Whether a variable of the environment is named as one of those whose value nobody else may read."""
    return _SECRET.search(variable) is not None


def shown_path(path: Path) -> str:
    """A path as a document names it, with forward slashes: one that was given as absolute, as seen from here.

    Where that would tell the name of the home directory, which is that of its user, only the last part.
    """
    if not path.is_absolute():
        return path.as_posix()
    try:
        seen = Path(os.path.relpath(path))
        if Path.home().name not in seen.parts:
            return seen.as_posix()
    except (OSError, RuntimeError, ValueError):  # no working directory, no home, another drive
        pass
    return path.name or path.resolve().name


def tells_a_name(above: Path, way: PurePath) -> bool:
    """Whether a way down from a folder tells where that is, or a name of the user or the machine.

    From the root of a file system, and from above the home directory, every way does.
    """
    import getpass  # only train needs them
    import platform

    names = {platform.node().partition(".")[0]}
    with contextlib.suppress(Exception):  # no such user: each system says so in its own way
        names.add(getpass.getuser())
    with contextlib.suppress(RuntimeError):
        home = Path.home()
        names.add(home.name)
        if above in home.parents:
            return True
    parts = [part.casefold() for part in way.parts]
    return above == Path(above.anchor) or any(name.casefold() in part for name in names if name for part in parts)


def _below_packages(path: str) -> str:
    """A path into installed packages as seen from there; any other as it is."""
    found = _PACKAGES.match(path)
    return "<packages>" + path[found.end() :] if found else path


def _last_part(path: str, separators: str) -> str:
    """The name at the end of a path; a root, which has none, as it is."""
    parts = [part for part in re.split(separators, path) if part]
    return parts[-1] if parts and parts != [path[:2]] else path


def _known_directories() -> list[tuple[str, str]]:
    directories = [(sys.prefix, "<python>"), (sys.base_prefix, "<python>")]
    with contextlib.suppress(OSError):  # the working directory may have been removed under us
        directories.append((str(Path.cwd()), "."))
    with contextlib.suppress(RuntimeError):  # neither HOME nor an entry for this user, as in some containers
        directories.append((str(Path.home()), "~"))
    # the longest first: the working directory usually lies below the home directory
    return sorted((d for d in directories if len(d[0]) > 1), key=lambda pair: -len(pair[0]))
