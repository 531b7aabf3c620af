"""The proposed experiments as files beside a report, ready for ``week2kit train``."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from week2kit.canonical import JsonError, clean, dump_json, parse_json
from week2kit.errors import ReportError
from week2kit.privacy import shown_path
from week2kit.record.files import read_regular
from week2kit.reporting.rows import RunRow
from week2kit.reporting.values import Proposal
from week2kit.thresholds import MAX_CONFIG_BYTES

_NAME: Final = re.compile(r"next(?:-\d+)?\.json")
#: What `week2kit.train` records as its call.
_CALL: Final = re.compile(r"week2kit\.train\('(?P<name>next(?:-\d+)?\.json)'\)")
#: Flags of ``week2kit train`` that take the word behind them.
_WITH_VALUE: Final = frozenset({"--set", "--seed", "--repeats", "--name", "--runs-dir", "--allow-module"})


def files_folder(path: Path) -> Path:
    """The folder beside a report that holds what belongs to it: ``report_files`` for ``report.md``."""
    return path.with_name(f"{path.stem}_files")


def next_names(proposal: Proposal) -> list[str]:
    """The files of the proposed experiments: ``next.json``, ``next-2.json``, ..."""
    return [f"next-{number}.json" if number > 1 else "next.json" for number in range(1, 1 + len(proposal.experiments))]


def next_paths(path: Path, proposal: Proposal) -> list[str]:
    """Those files as the report names them: from where it is made."""
    return [f"{shown_path(files_folder(path))}/{name}" for name in next_names(proposal)]


def next_contents(folder: Path, proposal: Proposal) -> dict[Path, bytes]:
    """The files of the proposed experiments, as configs that ``week2kit train`` takes.

    Raises:
        ReportError: a file of that name is there and was not written by week2kit: only our own are replaced.
    """
    contents: dict[Path, bytes] = {}
    for name, experiment in zip(next_names(proposal), proposal.experiments, strict=True):
        path = folder / name
        if os.path.lexists(path) and not _is_our_json(path):
            raise ReportError(
                f"{clean(os.fspath(path))}: it is there already and was not written by week2kit, or was changed since, "
                "so it is not overwritten: move it away."
            )
        contents[path] = dump_json(experiment.config).encode()
    return contents


def _is_our_json(path: Path) -> bool:
    """Whether a file is a config in the very form in which we write it."""
    try:
        data = read_regular(path, MAX_CONFIG_BYTES, follow=False)
        return dump_json(parse_json(data)).encode() == data
    except (OSError, JsonError):
        return False


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
