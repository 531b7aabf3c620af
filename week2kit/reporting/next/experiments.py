"""An experiment as a config that is ready to train: a completed run's own, with one thing changed."""

from __future__ import annotations

import copy
import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from week2kit.canonical import UNCOUNTED, drop_keys, follows_seed
from week2kit.inputs.changes import Change
from week2kit.inputs.leaves import ABSENT, Absent, same_value
from week2kit.record.manifest import CompletedRun, FoundData
from week2kit.record.places import reader_of, recorded_path
from week2kit.record.store import Run
from week2kit.reporting.noise.seeds import Named
from week2kit.reporting.rows import RunRow
from week2kit.reporting.values import Experiment

#: What a person expected of another run is not what the next one shall show.
_NOT_CARRIED: Final = ("hypothesis",)


class Step(NamedTuple):
    """A dotted key of a config, and its new value; `ABSENT` leaves it out."""

    key: str
    value: Any


class Candidate(NamedTuple):
    """A completed run that the next experiment may start from."""

    row: RunRow
    run: CompletedRun
    path: Path

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved config."""
        return self.run.inputs.config.resolved or {}

    @property
    def seed(self) -> int:
        """The seed."""
        return self.run.inputs.seed.value

    @property
    def named(self) -> Named:
        """The run under its name in the report."""
        return Named(self.row.name, self.run, self.row.path)

    @property
    def split(self) -> Mapping[str, Any]:
        """How the config splits the rows."""
        split = self.config.get("split")
        return split if isinstance(split, Mapping) else {}

    @property
    def model(self) -> str:
        """The model's class without its module."""
        model = self.config.get("model")
        return str(model.get("class") if isinstance(model, Mapping) else None).rpartition(".")[2]

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters that the config gives to the model."""
        model = self.config.get("model")
        params = model.get("params") if isinstance(model, Mapping) else None
        return params if isinstance(params, Mapping) else {}

    def but(self, *steps: Step) -> Experiment:
        """This run again with other values; none: the same config again."""
        return Experiment(
            name="",
            base=self.row.name,
            changes=tuple(change for step in steps if (change := _shown(self.config, step)) is not None),
            command=_command(self.row.path, steps),
            config=_ready(_changed(self.config, steps), self.path, self.run.inputs.data),
        )


def again(run: Run, row: RunRow) -> Experiment | None:
    """A run that did not come to its end, with the same config; None where the config never became valid."""
    config = run.manifest.inputs.config.resolved
    if config is None:
        return None
    ready = _ready(_changed(config, ()), run.path, run.manifest.inputs.data)
    return Experiment(name="", base=row.name, changes=(), command=None, config=ready)


def made_by(experiment: Experiment, runs: Sequence[Run]) -> Run | None:
    """Which of these runs is the experiment; one that only trains the same again counts as new."""
    if not experiment.changes:
        return None
    wanted = _essence(experiment.config)
    for run in runs:
        config = run.manifest.inputs.config.resolved or {}
        if run.manifest.status == "completed" and same_value(_essence(config), wanted):
            return run
    return None


def _essence(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a config computes and reports: without the person's words, and without where its table lies."""
    return drop_keys(config, ("data", "path"), *((key,) for key, why in UNCOUNTED.items() if why == "words"))


# --- what it is called ------------------------------------------------------------------------------------------

#: Keys that train the same once more: the name then says of which run.
_ONCE_MORE: Final = ("repeats", "learning_curve", "seed")
_MAX_NAME: Final = 40


def named(experiments: Sequence[Experiment], runs: Sequence[Run]) -> tuple[Experiment, ...]:
    """Experiments under names that say what is new in them, and that no run has, here or beside `runs`."""
    folders = {Path("runs"), *(run.path.parent for run in runs)}
    taken = {run.name.casefold() for run in runs}
    wanted = [_wanted(one) for one in experiments]
    found = []
    for one, short in zip(experiments, wanted, strict=True):
        alike = wanted.count(short) > 1 or not one.changes or one.changes[0].key in _ONCE_MORE
        first = _plain_name(f"{one.base}-{short}" if alike else short)
        name, number = first, 1
        while name.casefold() in taken or any(os.path.lexists(folder / name) for folder in folders):
            number += 1
            name = f"{first}-{number}"
        taken.add(name.casefold())
        command = None if one.command is None else f"{one.command} --name {name}"
        found.append(one._replace(name=name, command=command))
    return tuple(found)


def _wanted(experiment: Experiment) -> str:
    """What is new in an experiment: the last part of its key with a short value, or the class of another model."""
    if not experiment.changes:
        return "again"
    change = experiment.changes[0]
    key, value = change.key.rpartition(".")[2], change.variant
    if isinstance(value, Mapping) and isinstance(value.get("class"), str):
        return str(value["class"]).rpartition(".")[2]
    if key == "preprocess" and value == []:
        return "preprocess-none"
    short = isinstance(value, str | int | float) and not isinstance(value, bool | Absent) and len(str(value)) <= 20
    return f"{key}-{value}" if short else key


def _plain_name(text: str) -> str:
    """A name that `train` takes and a shell leaves alone, whatever a record calls its runs and keys."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text)[:_MAX_NAME].strip("-._") or "next"


def following(value: Any, old: int, new: int) -> Any:
    """A config value in which each ``random_state`` that followed the seed `old` follows `new`."""
    if isinstance(value, Mapping):
        return {key: new if follows_seed(key, item, old) else following(item, old, new) for key, item in value.items()}
    return [following(item, old, new) for item in value] if isinstance(value, list) else value


def _changed(config: Mapping[str, Any], steps: Sequence[Step]) -> dict[str, Any]:
    result = {key: copy.deepcopy(value) for key, value in config.items() if key not in _NOT_CARRIED}
    for step in steps:
        old = result.get("seed")
        if step.key == "seed" and type(old) is int:
            result = following(result, old, step.value)
        _set(result, step.key.split("."), step.value)
    return result


def _set(target: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        if not isinstance(target.get(key), dict):
            target[key] = {}
        target = target[key]
    if value is ABSENT:
        target.pop(keys[-1], None)
    else:
        target[keys[-1]] = value


def _shown(config: Mapping[str, Any], step: Step) -> Change | None:
    """A step as a change; None where it only holds a value that would have followed the seed."""
    before: Any = config
    for key in step.key.split("."):
        before = before.get(key, ABSENT) if isinstance(before, Mapping) else ABSENT
    return None if same_value(before, step.value) else Change("config", step.key, before, step.value)


def _command(path: str, steps: Sequence[Step]) -> str | None:
    """The same from the command line; None where a key must go, which no flag does."""
    if any(step.value is ABSENT for step in steps):
        return None
    words = ["week2kit", "train", f"{path}/config.json"]
    if len(steps) == 1 and steps[0].key in ("seed", "repeats"):
        return shlex.join([*words, f"--{steps[0].key}", str(steps[0].value)])
    for key, value in steps:
        words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"]
    return shlex.join(words)


# --- the data ---------------------------------------------------------------------------------------------------


def _ready(config: dict[str, Any], run: Path, data: FoundData | None) -> dict[str, Any]:
    """A config whose data path is as seen from the working directory, where the file is found; never absolute."""
    asked = config.get("data")
    if isinstance(asked, dict) and isinstance(asked.get("path"), str):
        found = _found(run, data) if data is not None else None
        asked["path"] = found or recorded_path(asked["path"])
    return config


def _found(run: Path, data: FoundData) -> str | None:
    """The data file: where it lay as seen from the run, in the run folder, or as written; first one of recorded size.

    Never an absolute path: where the run was named by one, its data is looked for as it was written only.
    """
    name = PurePosixPath(data.path).name
    places = [Path(data.path)]
    if not run.is_absolute() and reader_of(name):
        known = data.from_run if data.from_run and recorded_path(data.from_run) == data.from_run else ""
        beside = [run / known] if PurePosixPath(known).name == name else []
        places = [*beside, run / name, *places]
    shown = [os.path.normpath(place) for place in places if not place.is_absolute()]
    sizes = {path: size for path in shown if (size := _size(path)) is not None}
    exact = [path for path, size in sizes.items() if size == data.bytes]
    found = next(iter([*exact, *sizes]), None)
    return None if found is None else Path(found).as_posix()


def _size(path: str) -> int | None:
    try:
        return os.path.getsize(path) if os.path.isfile(path) else None  # noqa: PTH113, PTH202
    except (OSError, ValueError):  # a name that no file system takes
        return None
