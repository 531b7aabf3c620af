"""The commands that a project declares already: the stages of dvc.yaml, and the entry points of an MLproject file.

Both are read as declarations and never written. What they say of caches, remotes, environments and containers is left
to their own tools: the command runs here, as it stands.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from week2kit.canonical import clean
from week2kit.errors import UsageError
from week2kit.record.files import read_regular
from week2kit.thresholds import MAX_CONFIG_BYTES
from week2kit.training.asked import Asked, Named

DVC: Final = "dvc.yaml"
MLPROJECT: Final = "MLproject"
_PARAMS: Final = "params.yaml"


def read_stage(name: str, here: Path) -> Asked:
    """The command of a stage of dvc.yaml, else of an entry point of MLproject, in the folder `here`.

    Raises:
        UsageError: there is none of this name, or it asks for something that only its own tool can do.
    """
    known: dict[str, list[str]] = {}
    for file, key, read in ((DVC, "stages", _dvc_stage), (MLPROJECT, "entry_points", _entry_point)):
        if not (here / file).is_file():
            continue
        whole = _mapping(_read(here, file), file)
        stages = _mapping(whole.get(key) or {}, f"{file}: {key}")
        if name in stages:
            where = f"{file}: {clean(name, 100)}"
            return read(_mapping(stages[name], where), whole, here, where)
        known[file] = [clean(str(stage), 60) for stage in stages]
    if not known:
        raise UsageError(f"--stage: there is neither {DVC} nor {MLPROJECT} in this folder.")
    has = "; ".join(f"{file} has {', '.join(names[:20]) or 'none'}" for file, names in known.items())
    raise UsageError(f"--stage: there is no stage {clean(name, 100)}; {has}.")


def _read(here: Path, file: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise UsageError(f"Reading {clean(file)} needs PyYAML. Install it: pip install pyyaml") from None
    try:
        return yaml.safe_load(read_regular(here / file, MAX_CONFIG_BYTES, follow=True))
    except OSError as error:
        raise UsageError(f"{clean(file)}: it cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise UsageError(f"{clean(file)}: no YAML can be read: {clean(said, 300)}.") from None


def _mapping(value: Any, where: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: expected keys and values.")
    return value


# --- DVC --------------------------------------------------------------------------------------------------------

#: Keys of a stage that change what is run, and what to do instead.
_ONLY_DVC: Final = {
    "foreach": "it stands for several stages; write the one that is meant as a command behind --",
    "matrix": "it stands for several stages; write the one that is meant as a command behind --",
    "wdir": "the command runs in another folder; go there, and write it behind --",
}


def _dvc_stage(stage: Mapping[Any, Any], whole: Mapping[Any, Any], here: Path, where: str) -> Asked:
    for key, told in _ONLY_DVC.items():
        if key in stage:
            raise UsageError(f'{where}: "{key}" is read by DVC only: {told}.')
    if "cmd" not in stage:
        raise UsageError(f'{where}: it has no "cmd".')
    values = _Values(_variables(stage, whole, here, where), where)
    lines = stage["cmd"] if isinstance(stage["cmd"], list) else [stage["cmd"]]
    line = _one_after_another([values.filled(str(one)).strip() for one in lines])

    def paths(key: str) -> list[str]:
        return [values.filled(path) for path in _paths(stage.get(key), f"{where}: {key}")]

    inputs = [*paths("deps"), *_parameter_files(stage, f"{where}: params")]
    for path in inputs:
        if re.match(r"[a-z][a-z0-9+]*://", path, re.IGNORECASE):
            raise UsageError(f"{where}: deps: {clean(path, 200)} lies on no disk of this machine; fetch it first.")
    metrics = paths("metrics")
    outputs = [path for key in ("outs", "metrics", "plots") for path in paths(key)]
    return Asked(
        argv=words_of(line),
        inputs=[*map(Path, inputs)],
        outputs=[Path(path) for path in dict.fromkeys(outputs) if path not in metrics[: len(metrics) == 1]],
        named=Named(metrics[0] if len(metrics) == 1 else None),
    )


def _paths(entries: Any, where: str) -> Iterator[str]:
    """The paths of a list whose entries are paths, or paths with what DVC shall do with them."""
    for entry in _list(entries, where):
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, Mapping) and len(entry) == 1 and isinstance(path := next(iter(entry)), str):
            yield path
        else:
            raise UsageError(f"{where}: expected paths.")


def _parameter_files(stage: Mapping[Any, Any], where: str) -> Iterator[str]:
    """The files that hold the parameters on which a stage depends: an entry is a key of params.yaml, or a file."""
    entries = _list(stage.get("params"), where)
    if any(isinstance(entry, str) for entry in entries):
        yield _PARAMS
    yield from dict.fromkeys(str(file) for entry in entries if isinstance(entry, Mapping) for file in entry)


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise UsageError(f"{where}: expected a list.")
    return value


def _variables(stage: Mapping[Any, Any], whole: Mapping[Any, Any], here: Path, where: str) -> dict[Any, Any]:
    """What ``${...}`` can name: the keys of params.yaml, and of what `vars` lists, the later over the earlier."""
    found: dict[Any, Any] = {}
    files = [_PARAMS] if (here / _PARAMS).is_file() else []
    for entry in [*files, *_list(whole.get("vars"), f"{DVC}: vars"), *_list(stage.get("vars"), f"{where}: vars")]:
        if isinstance(entry, str):
            if not entry.lower().endswith((".yaml", ".yml", ".json")):
                raise UsageError(f"{where}: vars: {clean(entry, 200)}: only whole files of YAML or JSON are read.")
            entry = _mapping(_read(here, entry), clean(entry, 200))
        found |= _mapping(entry, f"{where}: vars")
    return found


class _Values:
    """Values by name, and texts that name them as ``${model.lr}`` or ``${sizes[0]}``."""

    def __init__(self, values: Mapping[Any, Any], where: str) -> None:
        self._values, self._where = values, where

    def filled(self, text: str) -> str:
        """A text with each value in its place; behind a backslash ``${`` stays as it is.

        Raises:
            UsageError: a name is not there, or its value is no text, number or truth value.
        """
        return _REFERENCE.sub(lambda found: found[0][1:] if found[0][0] == "\\" else self._of(found[1]), text)

    def _of(self, name: str) -> str:
        value: Any = self._values
        for step in re.findall(r"[^.\[\]]+", name.strip()):
            try:
                value = value[int(step)] if isinstance(value, list) else value[step]
            except (KeyError, ValueError, IndexError, TypeError):
                said = f"{self._where}: ${{{clean(name, 100)}}} stands neither in {_PARAMS} nor in vars."
                raise UsageError(said) from None
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str | int | float):
            raise UsageError(f"{self._where}: ${{{clean(name, 100)}}} is no single value, and only DVC fills it in.")
        return str(value)


_REFERENCE: Final = re.compile(r"\\?\$\{([^}]*)\}")


# --- MLflow -----------------------------------------------------------------------------------------------------


def _entry_point(entry: Mapping[Any, Any], whole: Mapping[Any, Any], here: Path, where: str) -> Asked:
    if not isinstance(command := entry.get("command"), str):
        raise UsageError(f'{where}: it has no "command".')
    defaults = {}
    for name, said in _mapping(entry.get("parameters") or {}, f"{where}: parameters").items():
        defaults[str(name)] = said.get("default") if isinstance(said, Mapping) else None

    def value(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        name = found[1]
        if name not in defaults:
            raise UsageError(f"{where}: {{{clean(name, 100)}}} is none of its parameters.")
        if defaults[name] is None:
            raise UsageError(f"{where}: the parameter {clean(name, 100)} has no default; write the command behind --.")
        return shlex.quote(str(defaults[name]))

    return Asked(argv=words_of(re.sub(r"\{\{|\}\}|\{(\w+)\}", value, command).strip()))


# --- a line of a shell ------------------------------------------------------------------------------------------

#: What a shell reads in a line besides words and quotes; in doubt the shell has it.
_OF_SHELL: Final = re.compile(r"[|&;<>()$`*?\[\]~#!{}\n\\]|^\s*[A-Za-z_][A-Za-z0-9_]*=")


#: What is no program, or may be none, and what a shell does itself.
_BUILT_IN: Final = frozenset({".", "cd", "command", "eval", "exec", "export", "set", "source", "time"})


def words_of(line: str) -> list[str]:
    """The words of a line, where it is a plain command; else the command that has a shell read it."""
    if not _OF_SHELL.search(line):
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise UsageError(f"--stage: {clean(line, 200)}: {error}.") from None
        if not words:
            raise UsageError("--stage: its command is empty.")
        if words[0] not in _BUILT_IN:
            return words
    return ["sh", "-c", line]


def _one_after_another(lines: Sequence[str]) -> str:
    """Several lines as one, of which each is read by a shell of its own and must succeed."""
    if len(lines) == 1:
        return lines[0]
    return " && ".join(f"sh -c {shlex.quote(line)}" if _OF_SHELL.search(line) else line for line in lines)
