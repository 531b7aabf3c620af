"""How the record of a command writes its words and the paths of files, and where such a path leads again."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from week2kit.privacy import scrub, tells_a_name

#: How the place of a file begins that lies in the home directory, and of one of which only the name is kept.
HOME: Final = "~/"
SOMEWHERE: Final = ".../"
#: What stands for a standard input that was no file.
STREAM: Final = "-"
#: The names under which Pythons are installed.
PYTHON: Final = re.compile(r"(?:python|pypy)[0-9.]*(?:\.exe)?")
#: Flags of papermill, behind which a name and a value stand as two words.
PARAMETER_FLAGS: Final = frozenset({"-p", "--parameters", "-r", "--parameters_raw"})


def place_of(path: str, here: Path) -> str:
    """A path as a record has it, in POSIX form: as seen from the working directory, else as far as it tells of no one.

    What lies in a hidden folder of the home directory begins with ``~/``. Of anything else to which the way would tell
    of the machine or its user, the name is kept, behind ``.../``.
    """
    path = os.path.normpath(os.path.join(here, path))  # noqa: PTH118
    seen = os.path.relpath(path, here)
    with contextlib.suppress(RuntimeError):
        home = os.path.realpath(Path.home())
        below = os.path.relpath(path, home) if path.startswith((home + os.sep, str(Path.home()) + os.sep)) else ".."
        if below.startswith(".") and not below.startswith("..") and seen.startswith(".."):
            return _text(f"{HOME}{below}")
    if seen.startswith(".."):
        above = Path(os.path.commonpath([path, here]))
        if tells_a_name(above, Path(path).relative_to(above)):
            return _text(f"{SOMEWHERE}{os.path.basename(path)}")  # noqa: PTH119
    return _text(seen)


def _text(path: str) -> str:
    # a name may be no text, and a record is one
    return PurePosixPath(os.fsencode(path).decode("utf-8", "backslashreplace").replace(os.sep, "/")).as_posix()


def recorded_words(argv: Sequence[str], here: Path) -> list[str]:
    """The words of a command as a record has them: an absolute path to something that is there as `place_of` has it.

    Behind ``./``, so that a rerun makes it absolute again: a command may change its folder before it reads it.
    """
    return [_word(word, here, is_program=place == 0) for place, word in enumerate(argv)]


def _word(word: str, here: Path, *, is_program: bool) -> str:
    flag, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    if os.path.isabs(value) and os.path.lexists(value):  # noqa: PTH117
        place = place_of(value, here)
        if is_program and place.startswith((HOME, SOMEWHERE, "../")):
            place = os.path.basename(value)  # noqa: PTH119 - found on the PATH of any machine
        elif place.startswith("../") and PYTHON.fullmatch(os.path.basename(value)):  # noqa: PTH119
            place = f"{SOMEWHERE}{os.path.basename(value)}"  # noqa: PTH119 - of a rerun the way to it is another one
        elif not place.startswith((HOME, SOMEWHERE)):
            place = f"./{place}"
        return f"{flag}{equals}{place}"
    return scrub(word)


def path_of(place: str, here: Path) -> Path:
    """Where the place of a record leads on this machine; of one that keeps only a name, that name in `here`."""
    if place.startswith(HOME):
        with contextlib.suppress(RuntimeError):
            return Path.home() / place.removeprefix(HOME)
    return here / place.removeprefix(SOMEWHERE)
