"""The verb train: by a config, by a command or by a stage that declares one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from week2kit.errors import UsageError
from week2kit.training.asked import Asked, Named
from week2kit.training.command import train_command

if TYPE_CHECKING:
    from week2kit.processes.script import Stream
    from week2kit.record.manifest import Stage
    from week2kit.record.store import Run
    from week2kit.training.repeating import OnRepeat


def train(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    command: Sequence[str] | None = None,
    stage: str | None = None,
    set: Iterable[str] = (),  # noqa: A002
    seed: int | None = None,
    repeats: int | None = None,
    name: str | None = None,
    runs_dir: str | Path = "runs",
    allow_modules: Sequence[str] = (),
    max_data_bytes: int | None = None,
    inputs: Sequence[str | Path] = (),
    outputs: Sequence[str | Path] = (),
    metrics: str | Path | None = None,
    predictions: str | Path | None = None,
    seed_flag: str | None = None,
    timeout: float | None = None,
    typed: str | None = None,
    on_stage: Callable[[Stage], None] = lambda stage: None,
    on_data: Callable[[Path], None] = lambda path: None,
    on_output: Callable[[Stream, bytes], None] = lambda stream, data: None,
    on_repeat: OnRepeat = lambda number, of, seed: None,
    on_bytes: Callable[[int], None] = lambda count: None,
) -> Run:
    """Train as a config says, or by a command, and record the run in a new folder.

    Args:
        config: the path of a JSON or TOML file, or the object itself; it may hold a command, too.
        command: the words of a command that trains, run in the working directory; in place of a config.
        stage: the name of a stage of dvc.yaml, or of an entry point of MLproject, in the working directory, whose
            command it is; in place of a config.
        set: assignments such as ``"model.params.max_iter=1000"``, applied in order.
        seed: replaces the config's seed.
        repeats: how many times to train again, each with the next seed, to see how far the metrics move; replaces the
            config's ``repeats``.
        name: the run folder's name; by default the UTC time and a random suffix.
        runs_dir: the folder that holds the runs; made where it is missing.
        allow_modules: top-level modules besides scikit-learn whose estimators the config may name.
        max_data_bytes: the bytes that the data file may have, and unpack to; by default 8 GiB, and 1 GiB unpacked.
        inputs: files that the command reads, and folders of such.
        outputs: files and folders that it writes, where they would not be looked for.
        metrics: the JSON file that it writes its metrics to.
        predictions: its table with the columns y_true and y_pred.
        seed_flag: the flag of its seed, if it is not ``--seed`` or ``--random-state``.
        timeout: seconds after which it is ended.
        typed: what to record as the command line; by default the call of this function.
        on_stage: told of each stage that begins.
        on_data: told of each data file, when it was read.
        on_output: told what a command writes to its standard output and error.
        on_repeat: told of each repeat of a command that begins: which, of how many, and its seed.
        on_bytes: told how many bytes of what a command read and wrote were digested, block by block.

    Returns:
        The run as it was recorded: completed, or failed with stage, error and hint.

    Raises:
        UsageError: no object can be read from the config file, a value of `set` begins as a list or an object does and
            is no JSON, the name is taken, or a command cannot be started; no folder is made.
        ConfigError: an assignment of `set` cannot be applied.
        KeyboardInterrupt: as it came, after it was recorded.
    """
    record_command = partial(
        train_command, runs_dir=Path(runs_dir), on_output=on_output, on_repeat=on_repeat, on_bytes=on_bytes
    )
    assignments, paths = [*set], (tuple(map(Path, inputs)), tuple(map(Path, outputs)))
    named = Named(None if metrics is None else str(metrics), None if predictions is None else str(predictions))
    words = () if command is None or isinstance(command, str) else tuple(map(str, command))
    asked = Asked(words, *paths, named, seed_flag, timeout)
    if config is None:
        _check_words(command, stage, beside=bool(assignments) or seed is not None)
        return record_command(_with_declared(asked, stage, repeats), name=name, command=typed)
    if command is not None or stage is not None:
        raise UsageError("train: expected a config, a command or a stage, got several of them.")
    if asked != Asked(()):
        raise UsageError("inputs, outputs, metrics, predictions, seed_flag, timeout: a config has them as keys.")

    from week2kit.training.recording import train_config
    from week2kit.training.requests import command_of, requested

    given = [f"{key}={value}" for key, value in (("seed", seed), ("repeats", repeats)) if value is not None]
    request = requested(config, [*assignments, *given], typed, tuple(allow_modules), max_data_bytes)
    if (declared := command_of(request, config)) is not None:
        return record_command(declared.asked, name=name or declared.name, command=request.command)
    return train_config(request, Path(runs_dir), name, on_stage, on_data)


def _with_declared(asked: Asked, stage: str | None, repeats: int | None) -> Asked:
    """A command with what is declared of it, and its repeats."""
    if stage is not None:
        from week2kit.training.stages import read_stage

        asked = asked.and_of(read_stage(stage, Path.cwd()))
    if repeats is not None:
        from week2kit.training.repeating import repeated

        asked = repeated(asked, repeats)
    return asked


def _check_words(command: Sequence[str] | None, stage: str | None, *, beside: bool) -> None:
    if (command is None) == (stage is None):
        raise UsageError("train: expected a config, a command or a stage: train(command=[...]).")
    if beside:
        raise UsageError("set, seed: they are for a config; the seed of a command is one of its words.")
    if isinstance(command, str):
        raise UsageError(f"command: expected a list of words, got a text; write command={command.split()!r}.")
