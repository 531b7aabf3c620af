"""The code as recorded: which week2kit trained, and where the user's own project stood.

Git is asked only about the working directory, while training, and so that nothing that a repository configures is
run: no hook, no file system monitor, no filter of its attributes, no fetch, no submodule. Never in a run folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import week2kit
from week2kit.record.code import code_digest, code_modules
from week2kit.record.manifest import Code, Git
from week2kit.record.own_modules import own_code

#: Seconds for each question to git: a huge or remote working tree must not hold up a training.
_GIT_TIMEOUT: Final = 2.0


def record_code(allowed: Sequence[str] = ()) -> Code:
    """week2kit's version, the digest of its modules that train, and the state of the working directory's project.

    And the digest of each `allowed` module that is the person's own.
    """
    modules = code_modules()
    return Code(
        week2kit=week2kit.__version__,
        digest=code_digest(modules),
        modules=modules,
        git=git_state(),
        own=own_code(allowed),
    )


# --- git --------------------------------------------------------------------------------------------------------

_COMMIT: Final = re.compile(rb"^# branch\.oid ([0-9a-f]{40}(?:[0-9a-f]{24})?)$", re.MULTILINE)


def git_state() -> Git | None:
    """Commit and dirtiness of the working directory's repository.

    None where there is no git, no repository or no commit, or where git refuses or takes too long.
    """
    try:
        here = Path.cwd()
    except OSError:  # it was removed under us
        return None
    if not any((directory / ".git").exists() for directory in (here, *here.parents)):
        return None
    git = shutil.which("git")
    if git is None or not Path(git).is_absolute():  # relative: found in the working directory, which may be anybody's
        return None
    try:
        filters = _filters([git, *_SAFE, "config", "-z", "--name-only", "--get-regexp", r"^filter\."])
        status = _ask([git, *_SAFE, *_STATUS], _without_filters(filters))
    except (OSError, subprocess.SubprocessError):
        return None
    commit = _COMMIT.search(status)
    if commit is None:
        return None
    dirty = any(not line.startswith(b"# ") for line in status.splitlines())
    return Git(commit=commit[1].decode(), dirty=dirty)


_SAFE: Final = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_STATUS: Final = (
    *("status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--no-renames"),
    *("--untracked-files=no", "--ignore-submodules=dirty"),
)


def _filters(command: Sequence[str]) -> list[str]:
    """Names of the configured filters; git ends with 1 where there are none."""
    try:
        keys = _ask(command, {})
    except subprocess.CalledProcessError as error:
        if error.returncode != 1:
            raise
        return []
    # filter.<name>.<variable>, where the name may hold dots
    return sorted({key[len("filter.") :].rpartition(".")[0] for key in os.fsdecode(keys).split("\0") if key})


def _without_filters(names: Sequence[str]) -> dict[str, str]:
    """Variables that switch filters off by name: attributes of the repository could name any of them.

    A file that a filter has changed may then count as dirty, which is better than to run what a repository brings.
    """
    settings = [
        (f"filter.{name}.{variable}", value)
        for name in names
        for variable, value in (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    ]
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for index, (key, value) in enumerate(settings):
        variables[f"GIT_CONFIG_KEY_{index}"] = key
        variables[f"GIT_CONFIG_VALUE_{index}"] = value
    return variables


def _ask(command: Sequence[str], variables: Mapping[str, str]) -> bytes:
    # variables of git itself (GIT_DIR of a hook that trains) would lead it to another repository
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", **variables}
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_GIT_TIMEOUT,
        check=True,
    ).stdout
