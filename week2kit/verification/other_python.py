"""The words and the variables of a command, so that it starts another Python than it did.

Where a word names a Python, or starts a script of one, the other Python takes its place. A program that starts a Python
by itself (make, a shell script) finds the other one first on its PATH; whether it took that is read back afterwards.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from week2kit.canonical import clean
from week2kit.errors import CannotRestore
from week2kit.record.written_paths import PYTHON

#: Programs that run what follows ``run`` in the environment of a project.
_RUNNERS: Final = ("uv", "poetry", "pdm", "pipenv", "hatch", "rye")

#: Options of ``uv run`` that only say in which environment it runs: alone, and with a value.
_ALONE: Final = frozenset(
    f"--{name}"
    for name in (
        *("no-project", "isolated", "active", "no-sync", "frozen", "locked", "exact", "offline", "quiet"),
        *("no-progress", "no-config", "no-env-file", "all-extras", "all-groups", "no-dev", "dev"),
    )
)
_WITH_VALUE: Final = frozenset(
    f"--{name}" for name in ("with", "with-requirements", "python", "extra", "group", "only-group", "project", "index")
)
_SHORT: Final = {"-q": "--quiet", "-p": "--python", "-m": "--module"}


def words_with(python: Path, argv: Sequence[str], here: Path, environment: Mapping[str, str]) -> list[str]:
    """The words of a command that start `python` in place of the one that they would start.

    Args:
        python: the program of an environment, beside which its console scripts lie.
        argv: the command.
        here: its working directory.
        environment: its variables.

    Raises:
        CannotRestore: it is a program of a Python that the environment does not have.
    """
    program, *words = argv
    name = os.path.basename(program)  # noqa: PTH119
    if PYTHON.fullmatch(name):
        return [str(python), *words]
    if name in _RUNNERS and words[:1] == ["run"]:
        return words_with(python, _run_by(name, words[1:]), here, environment)
    if name.endswith(".py") and not _is_program(here / program):  # as uv runs it
        return [str(python), *argv]
    found = shutil.which(program, path=environment.get("PATH")) if "/" not in program else str(here / program)
    installed = python.with_name(name)
    line = first_line(Path(found)) if found is not None else None
    options = _options_of_python(line or [])
    if options is None and found is not None:
        return list(argv)  # no script of a Python: what it starts is on the PATH
    if found is not None and Path(os.path.normpath(found)).is_relative_to(here):
        return [str(python), *(options or []), program, *words]
    if not installed.exists():
        raise CannotRestore(
            f'The command is the program "{clean(name, 80)}", which no distribution brings that the script imported.'
        )
    return [str(installed), *words]


def environment_with(python: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a command that finds `python` first."""
    path = os.pathsep.join([str(python.parent), environment.get("PATH", os.defpath)])
    left = {name: value for name, value in environment.items() if name != "PYTHONHOME"}
    return {**left, "PATH": path, "VIRTUAL_ENV": str(python.parent.parent)}


def first_line(program: Path) -> list[str] | None:
    """The words of the line that names a script's interpreter; None where there is none."""
    try:
        with program.open("rb") as file:
            line = file.readline(512)
    except OSError:
        return None
    return os.fsdecode(line[2:]).split() if line.startswith(b"#!") else None


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _options_of_python(line: Sequence[str]) -> list[str] | None:
    """The options that a first line gives to its Python; None where it names another interpreter.

    A console script of an environment that can be moved begins in the shell, with a second line for Python.
    """
    words = [*line]
    if words and os.path.basename(words[0]) == "env":  # noqa: PTH119
        words = [word for word in words[1:] if word != "-S"]
    if words and PYTHON.fullmatch(os.path.basename(words[0])):  # noqa: PTH119
        return words[1:]
    return None


def _run_by(name: str, words: Sequence[str]) -> list[str]:
    """The command that ``uv run`` and the like run: their own options only choose the environment.

    Raises:
        CannotRestore: an option that is not known: nobody can tell where the command begins.
    """
    left = [*words]
    while left and left[0].startswith("-"):
        option, equals, _ = left.pop(0).partition("=")
        option = _SHORT.get(option, option)
        if option == "--":
            break
        if name == "uv" and option == "--module":
            return ["python", "-m", *left]
        if name == "uv" and option in _WITH_VALUE and (equals or left):
            del left[: 0 if equals else 1]
        elif name != "uv" or option not in _ALONE or equals:
            raise CannotRestore(f"The option {clean(option, 40)} of {name} run is not known here.")
    if not left:
        raise CannotRestore(f"The command of {name} run is not known.")
    return left
