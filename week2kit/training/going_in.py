"""What went into a command, as its record has it: the project's own code, and the files that it read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from week2kit.canonical import as_utf8, sha256
from week2kit.observing.watching import PYTHON, Before, Watched
from week2kit.privacy import scrub, tells_a_name
from week2kit.record.code import digest_text
from week2kit.record.command import HOME, SOMEWHERE, How, InputFile, Sources
from week2kit.training.gathering import KEPT_TEXT, KEPT_TEXTS, digest_of

#: Files that a command runs, where they are no Python: they stand with the code and not with the data.
_SCRIPTS: Final = (".r", ".sh", ".bash", ".jl", ".ipynb", ".pl", ".m", ".do")

#: Modules and scripts above this size are data in the form of code: they are digested by their bytes.
MAX_CODE: Final = 4 << 20


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
        elif not place.startswith((HOME, SOMEWHERE)):
            place = f"./{place}"
        return f"{flag}{equals}{place}"
    return scrub(word)


@dataclass(frozen=True)
class WentIn:
    """What went into a command.

    Attributes:
        modules: the digest of what each project file does, by its place; in the order in which they were seen.
        script: the place of the first project file that ran.
        files: what it read besides.
        paths: where each of them lies on this machine, by place.
        sources: the texts of those that are small.
    """

    modules: Mapping[str, str]
    script: str | None
    files: tuple[InputFile, ...]
    paths: Mapping[str, str]
    sources: Sources


def went_in(
    watched: Watched,
    argv: Sequence[str],
    here: Path,
    began: int,
    declared: Sequence[InputFile],
    made: Set[str] = frozenset(),
    lies: Sequence[Path] = (),
    on_bytes: Callable[[int], None] = lambda count: None,
) -> WentIn:
    """The project's code and the inputs of a command that has ended.

    Args:
        watched: what was seen of it.
        argv: the command.
        here: its working directory.
        began: when it was started, in nanoseconds since 1970, by the clock of the files.
        declared: the inputs that the person named, as they were before.
        made: the places of what was not there before: a program that nobody watched may have made it.
        lies: where they lie: of a place in a record only the name may be left.
        on_bytes: told of the bytes that were read, as they are.
    """
    named = {os.path.normpath(here / word): None for word in argv}
    reads = dict(watched.reads)
    code = [path for path in (*named, *watched.modules) if path in watched.modules]
    code += [path for path in reads if path in named and _is_script(path, argv[0])]
    code += _unseen_script(argv, here, code)
    paths, modules = dict[str, str](), dict[str, str]()
    for path in dict.fromkeys(code):
        if (digest := code_digest_of(Path(path))) is not None:
            place = place_of(path, here)
            modules[place], paths[place] = digest, path
    lying = {place_of(str(path), here): here / path for path in lies}
    lying = {file.path: lying.get(file.path, path_of(file.path, here)) for file in declared}
    found = {file.path: _declared_after(file, lying[file.path]) for file in declared}
    paths |= {place: os.path.normpath(path) for place, path in lying.items()}
    for path, before in reads.items():
        place = place_of(path, here)
        if path in code or place in found or place in made:
            continue
        file = _input(path, place, before, began, on_bytes)
        if file is not None:
            found[place], paths[place] = file, path
    ran = [word for word in argv if os.path.normpath(here / word) in code]
    script = place_of(ran[0], here) if ran else None
    if script is None and "-m" in argv[:-1]:
        tail = argv[argv.index("-m") + 1].replace(".", "/")
        script = next((place for place in modules if place.endswith((f"{tail}.py", f"{tail}/__main__.py"))), None)
    files = sorted(found.values(), key=lambda file: file.path)
    texts = _Texts()
    sources = Sources(
        modules={
            place: text
            for place, digest in modules.items()
            if (text := texts.of(paths[place])) is not None and code_digest(place, text.encode()) == digest
        },
        files={
            file.path: text
            for file in files
            if (text := texts.of(paths.get(file.path, ""), reads.get(paths.get(file.path, "")))) is not None
            and sha256(text.encode()) == file.sha256
        },
    )
    return WentIn(modules, script or next(iter(modules), None), tuple(files), paths, sources)


class _Texts:
    """The texts of small files, as long as there is room for them."""

    def __init__(self) -> None:
        self._room = KEPT_TEXTS

    def of(self, path: str, before: Before | None = None) -> str | None:
        try:
            content = before.content if before is not None else Path(path).read_bytes() if self._fits(path) else None
            text = content.decode() if content is not None and len(content) <= min(self._room, KEPT_TEXT) else None
        except (OSError, ValueError):
            return None
        if text is None or "\0" in text:
            return None
        self._room -= len(content or b"")
        return text

    def _fits(self, path: str) -> bool:
        return Path(path).stat().st_size <= min(self._room, KEPT_TEXT)


def code_digest_of(path: Path) -> str | None:
    """The digest of what a Python file does, of any other that of its bytes; None where it cannot be read."""
    with contextlib.suppress(OSError):
        if path.stat().st_size <= MAX_CODE:
            return code_digest(path.name, path.read_bytes())
        return digest_of(path)[0]
    return None


def code_digest(name: str, content: bytes) -> str:
    """The digest of the content of a file of a project, by its name."""
    if name.endswith((".py", ".pyw")) and len(content) <= MAX_CODE:
        with contextlib.suppress(ValueError):
            return digest_text(as_utf8(content).decode())
    return sha256(content)


def _unseen_script(argv: Sequence[str], here: Path, code: Collection[str]) -> list[str]:
    """The script that a command names and that nobody saw: what ran it did not tell, or the system read it."""
    for place, word in enumerate(argv):
        path = Path(os.path.normpath(here / word))
        if not place and PYTHON.fullmatch(path.name) and path.with_name("..").joinpath("pyvenv.cfg").is_file():
            continue  # the Python of an environment that lies in the project
        if os.path.isfile(path) and (place or path.is_relative_to(here)):  # noqa: PTH113 - a word may be any text
            is_script = path.suffix == ".py" or _is_script(str(path), argv[0])
            return [str(path)] if is_script and not (place and code) else []
    return []


def _is_script(path: str, program: str) -> bool:
    return path.lower().endswith(_SCRIPTS) or os.path.basename(path) == os.path.basename(program)  # noqa: PTH119


def _input(
    path: str, place: str, before: Before | None, began: int, on_bytes: Callable[[int], None]
) -> InputFile | None:
    after: str | None = None
    size, changed = 0, True
    with contextlib.suppress(OSError):
        changed = os.stat(path).st_mtime_ns >= began  # noqa: PTH116
        after, size, _ = digest_of(Path(path), on_bytes)
    if before is not None:
        return InputFile(path=place, bytes=before.bytes, sha256=before.sha256, after=after, how="observed")
    if after is None:
        return None
    return InputFile(path=place, bytes=size, sha256=None if changed else after, after=after, how="observed")


def _declared_after(file: InputFile, path: Path) -> InputFile:
    after: str | None = None
    with contextlib.suppress(OSError):
        after = digest_of(path)[0]
    return file.model_copy(update={"after": after})


def path_of(place: str, here: Path) -> Path:
    """Where the place of a record leads on this machine; of one that keeps only a name, that name in `here`."""
    if place.startswith(HOME):
        with contextlib.suppress(RuntimeError):
            return Path.home() / place.removeprefix(HOME)
    return here / place.removeprefix(SOMEWHERE)


def declared_input(path: Path, here: Path, how: How = "declared") -> InputFile:
    """A file that a person names, as it is now.

    Raises:
        OSError: it cannot be read.
    """
    sha256, size, _ = digest_of(here / path)
    return InputFile(path=place_of(str(path), here), bytes=size, sha256=sha256, after=None, how=how)
