"""An experiment as a config that is ready to train: a run's own, with one thing changed, under a telling name."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from week2kit.canonical import UNCOUNTED, drop_keys, follows_seed, without_seed
from week2kit.inputs.changes import Change
from week2kit.inputs.leaves import ABSENT, Absent, same_value
from week2kit.record.manifest import CompletedRun, FoundData, FoundFile
from week2kit.record.places import reader_of, recorded_path
from week2kit.record.store import Run
from week2kit.reporting.rows import RunRow
from week2kit.reporting.values import Experiment


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
    def name(self) -> str:
        """What the report calls it."""
        return self.row.name

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved config."""
        return self.run.inputs.config.resolved or {}

    @property
    def seed(self) -> int:
        """The seed."""
        return self.run.inputs.seed.value

    @property
    def split(self) -> Mapping[str, Any]:
        """How the config splits the rows."""
        return _mapping(self.config.get("split"))

    @property
    def model(self) -> str:
        """The model's class without its module."""
        return str(_mapping(self.config.get("model")).get("class")).rpartition(".")[2]

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters that the config gives to the model."""
        return _mapping(_mapping(self.config.get("model")).get("params"))

    def but(self, *steps: Step) -> Experiment:
        """This run again with other values; none: the same config again."""
        changes = [change for step in steps if (change := _change(self.config, step)) is not None]
        config = _ready(self.config, steps, self.path, self.run.inputs.data)
        return Experiment("", self.name, tuple(changes), _command(self.row.path, steps), config)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def again(run: Run, row: RunRow) -> Experiment | None:
    """A run that did not come to its end, with the same config; None where the config never became valid."""
    inputs = run.manifest.inputs
    if inputs.config.resolved is None:
        return None
    return Experiment("", row.name, (), None, _ready(inputs.config.resolved, (), run.path, inputs.data))


def made_by(experiment: Experiment, runs: Sequence[Run]) -> Run | None:
    """Which of these runs is the experiment; one that only trains the same again counts as new."""
    wanted = _essence(experiment.config)
    finished = (run for run in runs if experiment.changes and run.manifest.status == "completed")
    return next((run for run in finished if same_value(_essence(run.manifest.inputs.config.resolved), wanted)), None)


def _essence(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a config computes and reports: without words, places, and each ``random_state`` that follows the seed."""
    words = ((key,) for key, why in UNCOUNTED.items() if why == "words")
    essence = drop_keys(config or {}, ("data", "path"), ("split", "validation_path"), *words)
    return {**without_seed(essence, essence.get("seed")), "seed": essence.get("seed")}


# --- what it is called ------------------------------------------------------------------------------------------

#: Keys that train the same once more: the name then says of which run.
_ONCE_MORE: Final = ("repeats", "learning_curve", "seed")
_MAX_NAME: Final = 40


def named(experiments: Sequence[Experiment], runs: Sequence[Run], runs_dir: str = "runs") -> tuple[Experiment, ...]:
    """Experiments under names that say what is new in them, and that no run has, here or beside `runs`.

    They shall lie in `runs_dir`, beside the runs that they are compared with.
    """
    folders = {Path("runs"), *(run.path.parent for run in runs)}
    taken = {run.name.casefold() for run in runs}
    wanted = [_what_is_new(one) for one in experiments]
    found = []
    for one, short in zip(experiments, wanted, strict=True):
        alike = wanted.count(short) > 1 or not one.changes or one.changes[0].key in _ONCE_MORE
        first = _plain_name(f"{one.base}-{short}" if alike else short)
        name, number = first, 1
        while name.casefold() in taken or any(os.path.lexists(folder / name) for folder in folders):
            number += 1
            name = f"{first}-{number}"
        taken.add(name.casefold())
        placed = one._replace(name=name, runs_dir=runs_dir)
        found.append(placed._replace(command=one.command and f"{one.command}{placed.flags}"))
    return tuple(found)


def _what_is_new(experiment: Experiment) -> str:
    """The last part of the key with a short value, or the class of another model."""
    if not experiment.changes:
        return "again"
    change = experiment.changes[0]
    key, value = change.key.rpartition(".")[2], change.variant
    if isinstance(_mapping(value).get("class"), str):
        return str(value["class"]).rpartition(".")[2]
    if key == "preprocess" and value == []:
        return "preprocess-none"
    short = isinstance(value, str | int | float) and not isinstance(value, bool | Absent) and len(str(value)) <= 20
    return f"{key}-{value}" if short else key


def _plain_name(text: str) -> str:
    """A name that `train` takes and a shell leaves alone, whatever a record calls its runs and keys."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text)[:_MAX_NAME].strip("-._") or "next"


# --- what it trains ---------------------------------------------------------------------------------------------


def following(value: Any, old: int, new: int) -> Any:
    """A config value in which each ``random_state`` that followed the seed `old` follows `new`."""
    if isinstance(value, Mapping):
        return {key: new if follows_seed(key, item, old) else following(item, old, new) for key, item in value.items()}
    return [following(item, old, new) for item in value] if isinstance(value, list) else value


def _change(config: Mapping[str, Any], step: Step) -> Change | None:
    """A step as a change; None where it only holds a value that would have followed the seed."""
    before: Any = config
    for key in step.key.split("."):
        before = _mapping(before).get(key, ABSENT)
    return None if same_value(before, step.value) else Change("config", step.key, before, step.value)


def _ready(config: Mapping[str, Any], steps: Sequence[Step], run: Path, data: FoundData | None) -> dict[str, Any]:
    """A config with these steps; its data paths are as seen from the working directory, and never absolute.

    What a person expected of another run (``hypothesis``) is not what the next one shall show.
    """
    result = {key: copy.deepcopy(value) for key, value in config.items() if key != "hypothesis"}
    for step in steps:
        old = result.get("seed")
        if step.key == "seed" and type(old) is int:
            result = following(result, old, step.value)
        _set(result, step.key.split("."), step.value)
    for part, key, file in (("data", "path", data), ("split", "validation_path", data and data.validation)):
        asked = result.get(part)
        if isinstance(asked, dict) and isinstance(asked.get(key), str):
            asked[key] = (_found(run, file) if file is not None else None) or recorded_path(asked[key])
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


def _found(run: Path, data: FoundFile) -> str | None:
    """The data file: where it lay as seen from the run, in the run folder, or as written; first one of recorded size.

    Never an absolute path: where the run was named by one, its data is looked for as it was written only.
    """
    name = PurePosixPath(data.path).name
    beside = [] if run.is_absolute() or not reader_of(name) else [(run, data.from_run), (run, name)]
    sizes: dict[str, int] = {}
    for start, way in [*beside, (Path(), data.path)]:
        if way and recorded_path(way) == way and PurePosixPath(way).name == name:
            place = Path(os.path.normpath(start / way))
            with contextlib.suppress(OSError, ValueError):  # a name that no file system takes
                sizes |= {place.as_posix(): place.stat().st_size} if place.is_file() else {}
    return min(sizes, key=lambda place: sizes[place] != data.bytes, default=None)


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
