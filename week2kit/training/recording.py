"""Carry out a config as a run, and keep the record of everything that made the result.

Nothing is lost: the manifest is on disk before the fit starts, and whatever ends the run, the end replaces it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import gc
import json
import secrets
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from week2kit.canonical import clean, dump_json
from week2kit.config.command import is_command, parse_command, without_secrets
from week2kit.config.form import Config, FileData, ValidationFile, config_digest
from week2kit.config.reading import parse_config
from week2kit.errors import ConfigError, LibraryError, StageError, UsageError, Week2kitError, message_without
from week2kit.importing import held
from week2kit.privacy import scrub
from week2kit.processes.limits import check_room
from week2kit.record import manifest as record
from week2kit.record.machine import remember
from week2kit.record.manifest import Stage
from week2kit.record.places import (
    PathKey,
    find_for_config,
    from_run_to_data,
    read_data,
    reader_for_config,
    recorded_path,
)
from week2kit.record.provenance import record_code
from week2kit.record.requirements import requirements_text
from week2kit.record.store import Run, open_run
from week2kit.record.writing import RunFolder, json_form
from week2kit.sentences.hints import config_hint, failure_hint
from week2kit.thresholds import (
    MAX_CONFIG_BYTES,
    MAX_TRACEBACK_FRAMES,
    MAX_UNPACKED_BYTES,
    MEMORY_RESERVE,
    ROOM_FOR_LIBRARIES,
)
from week2kit.training.requests import Request

if TYPE_CHECKING:
    from week2kit.loop.progress import Progress
    from week2kit.loop.run import Result, Source


def train_config(
    request: Request,
    runs_dir: Path,
    name: str | None,
    on_stage: Callable[[Stage], None],
    on_data: Callable[[Path], None],
) -> Run:
    """Split, fit, evaluate and save as a config says; the run as it was recorded."""
    return _Training(request, runs_dir, name, on_stage, on_data).run()


class _Training:
    """One run from its first to its last manifest."""

    def __init__(
        self,
        request: Request,
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
            self._folder = RunFolder.create(*self.place, lambda folder: json_form(self._running(folder)))
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
