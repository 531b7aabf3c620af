"""The caller's project: what ``[tool.week2kit]`` in the pyproject.toml of the folder where one works allows for good.

It is read where the caller stands, or in the nearest folder above, and never in a run: what a run brings is foreign.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

from week2kit.canonical import clean
from week2kit.errors import UsageError
from week2kit.thresholds import MAX_CONFIG_BYTES

#: What lies in a folder of a run, in which no setting is read.
_RUN: Final = "manifest.json"


def allowed_modules(start: Path | None = None) -> tuple[str, ...]:
    """The modules under ``allow-modules``, from the nearest pyproject.toml; empty where there is none.

    Args:
        start: the folder where the caller stands; by default the working directory.

    Raises:
        UsageError: the table holds another key, or no list of names.
    """
    try:
        here = Path.cwd() if start is None else start
    except OSError:  # it was removed under us
        return ()
    for folder in (here, *here.parents):
        if (folder / _RUN).exists():
            continue
        path = folder / "pyproject.toml"
        if path.is_file():
            return _allowed_in(path)
    return ()


def _allowed_in(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            whole = tomllib.loads(file.read(MAX_CONFIG_BYTES).decode())
    except (OSError, ValueError):  # of no concern to whoever asks for nothing in it
        return ()
    tool = whole.get("tool")
    table = tool.get("week2kit", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict) or (others := sorted(set(table) - {"allow-modules"})):
        named = clean(str(others[0]), 60) if isinstance(table, dict) else "tool.week2kit"
        raise UsageError(f"pyproject.toml: [tool.week2kit] has one key, allow-modules, got {named}.")
    names = table.get("allow-modules", [])
    if not isinstance(names, list) or not all(isinstance(name, str) and name.isidentifier() for name in names):
        raise UsageError('pyproject.toml: [tool.week2kit] expected allow-modules = ["lightgbm"]: names of modules.')
    return tuple(names)
