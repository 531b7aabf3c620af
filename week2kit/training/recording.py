"""The verb train: carry out a config as a run, and keep the record of everything that made the result.

Nothing is lost: the manifest is on disk before the fit starts, and whatever ends the run, the end replaces it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import gc
import json
import secrets
import shlex
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from week2kit.canonical import JsonError, as_utf8, clean, dump_json, parse_json
from week2kit.config.command import is_command, parse_command, without_secrets
from week2kit.config.form import Config, FileData, ValidationFile, config_digest
from week2kit.config.overriding import override
from week2kit.config.reading import parse_config, read_object
from week2kit.config.slips import json_slip, toml_slip
from week2kit.errors import ConfigError, LibraryError, StageError, UsageError, Week2kitError, message_without
from week2kit.importing import held
from week2kit.privacy import scrub
from week2kit.processes.limits import check_room
from week2kit.processes.script import Stream
from week2kit.record import manifest as record
from week2kit.record.files import read_regular
from week2kit.record.machine import remember
from week2kit.record.manifest import Stage
from week2kit.record.places import (
    PathKey,
    find_for_config,
    from_run_to_data,
    read_data,
    reader_for_config,
    reader_of,
    recorded_path,
)
from week2kit.record.provenance import record_code
from week2kit.record.requirements import requirements_text
from week2kit.record.store import ARTIFACTS, Run, from_here, open_run
from week2kit.record.writing import RunFolder
from week2kit.sentences.hints import config_hint, failure_hint
from week2kit.thresholds import (
    MAX_CONFIG_BYTES,
    MAX_TRACEBACK_FRAMES,
    MAX_UNPACKED_BYTES,
    MEMORY_RESERVE,
    ROOM_FOR_LIBRARIES,
)
from week2kit.training.command import Asked, train_command
from week2kit.training.declared import asked_by, out_folder
from week2kit.training.gathering import Named
from week2kit.training.repeating import OnRepeat, repeated
from week2kit.training.stages import read_stage

if TYPE_CHECKING:
    from week2kit.loop.progress import Progress
    from week2kit.loop.run import Result, Source


@dataclass(frozen=True)
class _Request:
    """What is to be trained: the config object after ``--set``, and where it came from."""

    value: dict[str, Any]
    directory: Path | None
    command: str
    allowed_modules: tuple[str, ...]
    max_data_bytes: int | None


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
        asked = asked if stage is None else asked.and_of(read_stage(stage, Path.cwd()))
        return record_command(repeated(asked, repeats or 0), name=name, command=typed)
    if command is not None or stage is not None:
        raise UsageError("train: expected a config, a command or a stage, got several of them.")
    if asked != Asked(()):
        raise UsageError("inputs, outputs, metrics, predictions, seed_flag, timeout: a config has them as keys.")
    given = [f"{key}={value}" for key, value in (("seed", seed), ("repeats", repeats)) if value is not None]
    if isinstance(config, Mapping):
        try:
            value, directory = parse_json(json.dumps(config, allow_nan=False).encode()), None
        except (TypeError, ValueError) as error:
            raise UsageError(f"The config holds what JSON cannot write: {clean(str(error))}.") from None
        said = "week2kit.train({...})"
    else:
        path = Path(config)
        value, directory = read_config(path), path.parent
        said = f"week2kit.train({path.name!r})"
    value = override(value, [*assignments, *given])
    with contextlib.suppress(ConfigError):  # which is recorded below, as that of any other config
        if is_command(value):
            declared = parse_command(value)
            asked = asked_by(declared, out_folder(None if isinstance(config, Mapping) else Path(config)))
            return record_command(asked, name=name or declared.name, command=typed or said)
    request = _Request(value, directory, scrub(typed or said), tuple(allow_modules), max_data_bytes)
    return _Training(request, Path(runs_dir), name, on_stage, on_data).run()


def _check_words(command: Sequence[str] | None, stage: str | None, *, beside: bool) -> None:
    if (command is None) == (stage is None):
        raise UsageError("train: expected a config, a command or a stage: train(command=[...]).")
    if beside:
        raise UsageError("set, seed: they are for a config; the seed of a command is one of its words.")
    if isinstance(command, str):
        raise UsageError(f"command: expected a list of words, got a text; write command={command.split()!r}.")


def read_config(path: Path) -> dict[str, Any]:
    """The object in a config file.

    Raises:
        UsageError: there is no such file, or no object can be read from it.
    """
    shown, text = clean(str(path)), b""
    try:
        text = as_utf8(read_regular(path, MAX_CONFIG_BYTES, follow=True))
        return read_object(text, path.suffix)
    except FileNotFoundError:
        raise UsageError(f"{shown}: there is no such config file.{from_here(path)}") from None
    except IsADirectoryError:
        inside = path / ARTIFACTS["config"]
        other = f" Did you mean {clean(inside.as_posix())}?" if inside.is_file() else ""
        raise UsageError(f"{shown}: expected a config file, and it is a folder.{other}") from None
    except (ValueError, OSError) as error:  # a JsonError, or a path that no system takes, is a ValueError
        unread = isinstance(error, JsonError) or (isinstance(error, OSError) and error.errno == errno.EFBIG)
        kind = "TOML" if path.suffix.lower() == ".toml" else "JSON"
        if unread and reader_of(path.name) is not None:
            said = f"expected a config, and this is a table. For a first config: week2kit init {shlex.quote(shown)}"
        elif isinstance(error, JsonError):
            slip = json_slip(text) if kind == "JSON" else toml_slip(text)
            said = f"{slip or f'no config can be read as {kind}: {error}'}."
        else:
            said = f"cannot be read: {error.strerror if isinstance(error, OSError) else error}."
        raise UsageError(f"{shown}: {said}") from None


class _Training:
    """One run from its first to its last manifest."""

    def __init__(
        self,
        request: _Request,
        runs_dir: Path,
        name: str | None,
        on_stage: Callable[[Stage], None],
        on_data: Callable[[Path], None],
    ) -> None:
        self.request = request
        self.place = runs_dir, name
        self.on_stage = on_stage
        self.on_data = on_data
        self._folder: RunFolder | None = None
        self.reserve: bytearray | None = bytearray(MEMORY_RESERVE)
        self.config: Config | None = None
        self.seed: record.Seed | None = None
        self.progress: Progress | None = None
        self.result: Result | None = None
        self.data_files: list[Path] = []
        self.stage: Stage = "config"
        self.started = time.perf_counter()

    def run(self) -> Run:
        try:
            self._begin()
            self._write(self._complete())
            return open_run(self.folder.path)
        except BaseException as error:
            if self._folder is None or isinstance(error, _NotRecorded):
                raise
            ended = error  # what it holds of the fit can be let go only where it is no longer being handled
        self._record_failure(ended)
        if not isinstance(ended, Week2kitError | MemoryError | OSError):
            raise ended  # Ctrl-C, SIGTERM, or a bug of ours: recorded, and passed on
        return open_run(self.folder.path)

    @property
    def folder(self) -> RunFolder:
        """The run's folder, once it is made."""
        assert self._folder is not None
        return self._folder

    def _begin(self) -> None:
        """Make the folder with a first record, and settle the config; an interrupt waits until both are done.

        Pydantic, too, compiles models at their first use, and makes an interrupt an error of its own.
        """
        with held():
            self._folder = RunFolder.create(*self.place, self._running)
            if is_command(self.request.value):
                parse_command(self.request.value)  # raises: one that is right never comes here
            self.config = parse_config(self.request.value)  # neither scikit-learn nor the data are needed for it
            given = self.config.seed
            drawn = secrets.randbelow(2**32) if given is None else given
            self.seed = record.Seed(value=drawn, source="drawn" if given is None else "given")
            self.folder.write_manifest(self._running(self.folder))

    def _write(self, manifest: record.CompletedRun | record.FailedRun) -> None:
        try:
            self.folder.write_manifest(manifest)
        except OSError as error:
            raise _NotRecorded(
                f"{clean(str(self.folder.path))}: the record cannot be written: {error.strerror}. The run is left as "
                f'"running"{" (it had failed: " + clean(manifest.failure.message) + ")" if manifest.failure else ""}. '
                "Make room, and train again."
            ) from None

    def _record_failure(self, error: BaseException) -> None:
        """Record first what costs nothing, while no signal disturbs it; then what else can be told."""
        self.reserve = None
        failure = failure_record(error, self.progress.stage if self.progress else "config")
        self.result = None
        if isinstance(error, Week2kitError | MemoryError):
            _let_go(error)
        with held():
            manifest = self._failed(failure)
            self._write(manifest)
        with contextlib.suppress(Exception):  # a failure is recorded even where the environment cannot be
            inputs = manifest.inputs.model_copy(update=self._surroundings())
            self._write(manifest.model_copy(update={"inputs": inputs}))

    # --- the steps ----------------------------------------------------------------------------------------------

    def _complete(self) -> record.CompletedRun:
        self.on_stage("config")
        with held():
            check_room(ROOM_FOR_LIBRARIES)
            from week2kit.environment.facts import hold_blas_buffers, record_environment
            from week2kit.loop.progress import Progress
            from week2kit.loop.run import run_loop

            hold_blas_buffers()
        assert self.config is not None
        assert self.seed is not None
        self.progress = Progress(on_stage=self.on_stage)
        self.progress.seconds["config"] = time.perf_counter() - self.started  # the imports are part of it
        source = self._source(self.config)
        self.result = run_loop(
            self.config, self.seed.value, source, self.progress, allowed_modules=self.request.allowed_modules
        )
        self._remember_data()
        environment = record_environment(self.request.allowed_modules)
        with self.progress.during("save"):
            self._save(self.result, environment)
        return record.CompletedRun(
            **self._common(self.folder),
            inputs=record.CompletedInputs(
                code=record_code(self.request.allowed_modules),
                data=self.result.data,
                config=self._config_record(self.result.config),
                seed=self.seed,
                environment=environment,
            ),
            outcome=self.result.outcome,
            failure=None,
        )

    def _source(self, config: Config) -> Source:
        from week2kit.loop.run import Source

        if not isinstance(config.data, FileData):
            return Source(config.data.dataset)
        source = self._file(config.data.path, "data.path")
        if isinstance(config.split, ValidationFile):
            second = self._file(config.split.validation_path, "split.validation_path")
            source = dataclasses.replace(source, validation=second)
        return source

    def _file(self, written: str, key: PathKey) -> Source:
        """One file that the config names, read when the loop asks for it."""
        from week2kit.loop.run import Source

        reader, most = reader_for_config(written, key), self.request.max_data_bytes
        from_run = None
        with contextlib.suppress(StageError, OSError, ValueError):
            data_file = find_for_config(written, self.request.directory, key)
            from_run = from_run_to_data(self.folder.path, data_file, written)

        def read() -> bytes:
            file = find_for_config(written, self.request.directory, key)
            content = read_data(file, most)
            self.data_files.append(file)
            self.on_data(file)
            return content

        return Source(recorded_path(written), from_run, reader, read, most or MAX_UNPACKED_BYTES)

    def _remember_data(self) -> None:
        data = self.progress.data if self.progress else None
        for recorded, file in zip(data.files if data is not None else (), self.data_files, strict=False):
            if recorded.sha256 is not None:
                remember(recorded.sha256, file)

    def _save(self, result: Result, environment: record.Environment) -> None:
        from week2kit.loop.predictions import to_csv

        values = {name: metric.value for name, metric in result.outcome.metrics.items()}
        self.folder.write("config", dump_json(_recorded_config(result.config)).encode())
        self.folder.write("metrics", dump_json(values).encode())
        self.folder.write("val_report", result.report.encode("utf-8", "replace"))
        self.folder.write("predictions", to_csv(result.predictions))
        self.folder.write("requirements", requirements_text(environment).encode())
        if result.curves is not None:
            self.folder.write("curves", dump_json(result.curves).encode())
        self.folder.write("model", result.model_bytes)

    # --- the record ---------------------------------------------------------------------------------------------

    def _common(self, folder: RunFolder) -> dict[str, Any]:
        warnings = self.progress.warnings if self.progress else []
        return {
            "run_id": folder.run_id,
            "nonce": folder.nonce,
            "created_at": folder.created_at,
            "command": self.request.command,
            "artifacts": folder.artifacts,
            "stages": self.progress.stage_times() if self.progress else [],
            "warnings": sorted(warnings, key=lambda w: (w.code, json.dumps(w.values, default=str))),
        }

    def _config_record(self, config: Config | None, *, completed: bool = True) -> record.Config:
        if config is None:
            raw = scrub(
                json.dumps(without_secrets(self.request.value), sort_keys=True, ensure_ascii=False),
                limit=MAX_CONFIG_BYTES,
            )
            return record.Config(resolved=None, raw=raw, digest=None)
        resolved = _recorded_config(config)
        if not completed:  # of a run that completed no parameter is a path: those that read files are refused
            resolved |= {key: _without_paths(resolved[key]) for key in ("model", "preprocess")}
        return record.Config(resolved=resolved, raw=None, digest=config_digest(resolved))

    def _inputs(self) -> record.Inputs:
        progress = self.progress
        reached = (progress.config if progress else None) or self.config
        if reached is not None and self.seed is not None:
            reached = reached.model_copy(update={"seed": self.seed.value})
        return record.Inputs(
            code=None,
            data=progress.data if progress else None,
            config=self._config_record(reached, completed=False),
            seed=self.seed,
            environment=None,
        )

    def _running(self, folder: RunFolder) -> record.RunningRun:
        return record.RunningRun(**self._common(folder), inputs=self._inputs(), outcome=None, failure=None)

    def _failed(self, failure: record.Failure) -> record.FailedRun:
        self._remember_data()
        progress = self.progress
        outcome = None
        if progress is not None and progress.config is not None and progress.config.task is not None:
            outcome = record.PartialOutcome(task=progress.config.task, classes=progress.classes, split=progress.split)
        return record.FailedRun(**self._common(self.folder), inputs=self._inputs(), outcome=outcome, failure=failure)

    def _surroundings(self) -> dict[str, Any]:
        if self.progress is None:
            return {}  # scikit-learn was never imported: there is no environment to tell of
        from week2kit.environment.facts import record_environment

        return {
            "code": record_code(self.request.allowed_modules),
            "environment": record_environment(self.request.allowed_modules),
        }


def _recorded_config(config: Config) -> dict[str, Any]:
    value = config.as_json()
    for part, key in (("data", "path"), ("split", "validation_path")):
        if key in value[part]:
            value[part][key] = recorded_path(value[part][key])
    if reasons := value.get("drop_reasons"):
        value["drop_reasons"] = {name: scrub(why) for name, why in reasons.items()}
    return value | {key: scrub(value[key], limit=10_000) for key in ("goal", "hypothesis") if key in value}


def _without_paths(value: Any) -> Any:
    """A config's steps with those parameters cut that are absolute paths."""
    if isinstance(value, dict):
        return {key: _without_paths(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_paths(item) for item in value]
    return scrub(value) if isinstance(value, str) and recorded_path(value) != value else value


class _NotRecorded(UsageError):
    """The last record cannot be written: there is nothing more that could be done."""


def _let_go(error: BaseException | None) -> None:
    """Let go what an error holds of the fit that it ended: its record needs memory, too."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
    gc.collect()


def failure_record(error: BaseException, stage: Stage) -> record.Failure:
    """An error as the record keeps it: its type, its message without paths, a short traceback, and what to try."""
    name = error.error if isinstance(error, LibraryError) else type(error).__name__
    message = scrub(str(error)) or message_without(name)
    if isinstance(error, OSError):
        name, message = _os_error(error)
    expected = isinstance(error, StageError) and not isinstance(error, LibraryError)
    hint = error.hint if isinstance(error, StageError) and error.hint else failure_hint(stage, name, message)
    hint = config_hint(message) if isinstance(error, ConfigError) else hint
    return record.Failure(
        stage=stage, error=name, message=message, traceback=[] if expected else _frames(error), hint=scrub(hint)
    )


def _os_error(error: OSError) -> tuple[str, str]:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "OSError", "No space is left on the disk." if full else scrub(error.strerror or str(error))


def _frames(error: BaseException) -> list[str]:
    error = error.__cause__ if isinstance(error, LibraryError) and error.__cause__ else error
    # not extract_tb, which reads the source of every module on the way
    frames = deque(traceback.walk_tb(error.__traceback__), MAX_TRACEBACK_FRAMES)
    return [scrub(f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_name}") for frame, line in frames]
