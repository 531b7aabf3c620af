"""How a run was made, in words that still give it when the config of a next experiment was replaced."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from week2kit.reporting.rows import RunRow

_NAME: Final = re.compile(r"next(?:-\d+)?\.json")
#: What `week2kit.train` records as its call.
_CALL: Final = re.compile(r"week2kit\.train\('(?P<name>next(?:-\d+)?\.json)'\)")
#: Flags of ``week2kit train`` that take the word behind them.
_WITH_VALUE: Final = frozenset({"--set", "--seed", "--repeats", "--name", "--runs-dir", "--allow-module"})


class Lasting(NamedTuple):
    """How a run was made, in words that give the same run whatever became of the files of a report."""

    command: str
    instead_of: str
    """The config that the recorded command names, and that each report replaces; empty where it names another."""


def lasting_command(run: RunRow) -> Lasting:
    """The recorded command of a run, with the run's own config in place of a ``next.json``, where it kept one."""
    own = f"{run.path}/config.json"
    if not any(file.name == "config.json" and file.state == "agrees" for file in run.files):
        return Lasting(run.command, "")
    if call := _CALL.fullmatch(run.command):
        return Lasting(f"week2kit.train({own!r})", call["name"])
    try:
        words = shlex.split(run.command)
    except ValueError:  # a long one was cut
        return Lasting(run.command, "")
    index = _config_of(words)
    if index is None or not _NAME.fullmatch(PurePosixPath(words[index].replace("\\", "/")).name):
        return Lasting(run.command, "")
    return Lasting(shlex.join([*words[:index], own, *words[index + 1 :]]), words[index])


def _config_of(words: Sequence[str]) -> int | None:
    """Which word of a command is the config that is trained."""
    if words[:2] != ["week2kit", "train"]:
        return None
    named = (
        index
        for index in range(2, len(words))
        if not words[index].startswith("-") and words[index - 1] not in _WITH_VALUE
    )
    return next(named, None)
