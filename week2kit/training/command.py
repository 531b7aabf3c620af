"""The verb train for a person's own script: run it as it stands, and keep the record of what went in and what came out.

The record is on disk before the command starts, and whatever ends the run, the end replaces it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from week2kit.canonical import clean, dump_json
from week2kit.errors import StageError, Terminated, UsageError
from week2kit.importing import held
from week2kit.observing.folder import Written, written_between
from week2kit.observing.watching import Watch, Watched
from week2kit.privacy import is_secret, scrub
from week2kit.processes.scratch import scratch_folder
from week2kit.processes.script import Ended, Stream, find_program, run_script
from week2kit.record.command import (
    HOME,
    MANIFEST,
    SOMEWHERE,
    STREAM,
    CommandFailure,
    CommandInputs,
    CommandRepeat,
    CompletedCommand,
    FailedCommand,
    InputFile,
    Program,
    RunningCommand,
    Sources,
)
from week2kit.record.machine import remember
from week2kit.record.manifest import Config, Seed, Warned
from week2kit.record.provenance import git_state
from week2kit.record.store import Run, open_run
from week2kit.record.writing import RunFolder
from week2kit.training.arguments import find_seed
from week2kit.training.gathering import Gathered, Named, gather
from week2kit.training.going_in import declared_input, path_of, place_of, recorded_words, went_in
from week2kit.training.inputs import input_files, is_source
from week2kit.training.repeating import OnRepeat, RepeatFailed, about_repeats, flag_for_seeds, run_repeats
from week2kit.training.written import Expected, Found, look, written_since

#: Inputs outside of the working directory whose places are noted.
_REMEMBERED: Final = 100

#: Files that a warning names.
_LISTED: Final = 5

#: Lines of standard error that a failure is recorded with.
_LAST_LINES: Final = 20


@dataclass(frozen=True)
class Asked:
    """A command, and what a person says of it.

    Attributes:
        argv: its words.
        inputs: files that it reads, and folders of such, where they were not seen to be.
        outputs: files and folders that it writes, which the comparison of the working directory leaves out.
        named: the files that hold metrics and predictions.
        seed_flag: the flag by which it takes a seed, if it is none of the usual ones.
        timeout: seconds after which it is ended.
        seed: that of its config; of a command that was typed it stands among the words.
        variables: environment variables that it gets besides those that are there.
        repeats: the same command with other seeds, or as it stands, to be run before it.
    """

    argv: Sequence[str]
    inputs: Sequence[Path] = ()
    outputs: Sequence[Path] = ()
    named: Named = field(default_factory=Named)
    seed_flag: str | None = None
    timeout: float | None = None
    seed: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    repeats: Sequence[Asked] = ()

    def and_of(self, declared: Asked) -> Asked:
        """What a file declares, with what is asked here besides or in place of it."""
        return replace(
            declared,
            inputs=[*declared.inputs, *self.inputs],
            outputs=[*declared.outputs, *self.outputs],
            named=replace(
                declared.named,
                metrics=self.named.metrics or declared.named.metrics,
                predictions=self.named.predictions or declared.named.predictions,
            ),
            seed_flag=self.seed_flag,
            timeout=self.timeout,
        )

    @property
    def expected(self) -> Sequence[Expected]:
        """What the command must write."""
        named = (("metrics", self.named.metrics), ("predictions", self.named.predictions))
        found = [Expected(path, what) for what, path in named if path is not None]
        return [*found, *(Expected(str(path), "output") for path in self.outputs)]


def train_command(
    asked: Asked,
    *,
    name: str | None = None,
    runs_dir: Path = Path("runs"),
    command: str | None = None,
    on_output: Callable[[Stream, bytes], None] = lambda stream, data: None,
    on_repeat: OnRepeat = lambda number, of, seed: None,
    on_bytes: Callable[[int], None] = lambda count: None,
) -> Run:
    """Run a command in the working directory, and record it in a new run folder.

    Returns:
        The run as it was recorded: completed, or failed with exit code or signal, and the end of standard error.

    Raises:
        UsageError: there is no such command or input, or the name is taken; no folder is made.
        KeyboardInterrupt: as it came, after the command was ended and that was recorded.
    """
    here, environment = Path.cwd(), {**os.environ, **asked.variables}
    find_program(asked.argv, here, environment)
    seed = find_seed(asked.argv, asked.seed_flag)
    value = asked.seed if asked.seed is not None or seed is None else seed.value
    stdin = _standard_input(here)
    named = input_files(asked.inputs, here)
    declared = [_declared(path, here) for path in named if not is_source(path, here)]
    if stdin is not None and stdin not in (STREAM, *(file.path for file in declared)):
        declared.append(declared_input(path_of(stdin, here), here, how="observed"))
    program = Program(
        argv=recorded_words(asked.argv, here),
        script=None,
        modules={},
        git=None,
        seed_flag=flag_for_seeds(asked, seed),
        variables={name: None if is_secret(name) else scrub(text) for name, text in sorted(asked.variables.items())},
        stdin=stdin,
    )
    recorded = CommandInputs(
        code=None,
        data=None,
        config=Config(resolved=None, raw=None, digest=None),
        seed=Seed(value=value, source="given") if value is not None and value < 2**32 else None,
        environment=None,
        program=program,
        files=declared,
        folders=[],
        coverage=None,
    )
    said = scrub(command or f"week2kit.train(command={[*asked.argv]!r})")
    return _Recording(asked, recorded, named, said, here, environment, on_output, on_repeat, on_bytes).run(
        runs_dir, name
    )


def _declared(path: Path, here: Path) -> InputFile:
    try:
        return declared_input(path, here)
    except OSError as error:
        raise UsageError(f"input {clean(str(path))}: it cannot be read: {error.strerror}.") from None


def _standard_input(here: Path) -> str | None:
    """What a command will find as its standard input: a file, a stream, or nothing (also a terminal is nothing)."""
    try:
        found = os.fstat(0)
        if stat.S_ISREG(found.st_mode):
            path = Path("/proc/self/fd/0").readlink()
            return place_of(str(path), here) if path.exists() else STREAM
    except OSError:  # closed, or no /proc
        return None
    return STREAM if stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode) else None


@dataclass
class _Recording:
    """One run of a command from its first to its last manifest."""

    asked: Asked
    inputs: CommandInputs
    named: Sequence[Path]
    command: str
    here: Path
    environment: Mapping[str, str]
    on_output: Callable[[Stream, bytes], None]
    on_repeat: OnRepeat
    on_bytes: Callable[[int], None]
    _folder: RunFolder | None = None
    _sources: Sources | None = None

    def run(self, runs_dir: Path, name: str | None) -> Run:
        with held():
            self._folder = RunFolder.create(runs_dir, name, self._running)
        first = look(self.here, [runs_dir], self.asked.expected)
        with scratch_folder() as scratch, Watch(Path(scratch)) as watch:
            try:
                repeats = run_repeats(self.asked.repeats, self.here, [runs_dir], self.environment, self.on_repeat)
                changed = self._look_again() if repeats else []
                before = look(self.here, [runs_dir], self.asked.expected) if repeats else first
                began = _clock(Path(scratch))
                ended = run_script(
                    self.asked.argv,
                    directory=self.here,
                    environment=watch.environment(self.environment),
                    timeout=self.asked.timeout,
                    on_output=self.on_output,
                    started_by=watch.argv(self.asked.argv),
                    pass_fds=watch.pass_fds,
                    meanwhile=self._meanwhile,
                )
                watched = watch.finish()
                look_now = look(self.here, [runs_dir], self.asked.expected)
                left = written_since(self.here, before, look_now, first)
                left = left.without(lambda one: _is_ours(self.here / one.path))
                foreign = _of_others(left.files, watched, self.here)
                left = left.without(lambda one: one.path in foreign).and_outside(_outside(watched, self.here))
                # what a repeat made was there before the run itself
                self._took_in(watched, began, [one for one in left.files if one.path not in before.folder.files])
                by_repeats = {one.path for one in written_between(first.folder, before.folder)}
                changed += [one.path for one in self.inputs.files or [] if one.path in by_repeats - {*changed}]
                self._record(ended, left, repeats, changed, foreign)
            except RepeatFailed as failed:
                self._fail(_failure_of_repeat(failed, self.asked))
            except (KeyboardInterrupt, Terminated):
                self._fail(_failure("Interrupted", None, "It was interrupted.", "Run it again when there is time."))
                raise
            except OSError as error:
                raise _not_recorded(self.folder.path, error) from None
        run = open_run(self.folder.path)
        remember(run.manifest_sha256, self.here)
        return run

    def _meanwhile(self) -> None:
        """Ask git, and import what is needed when the command has ended; its own first second is not ours to take."""
        git = git_state()
        self.inputs = self.inputs.model_copy(update={"program": self.inputs.program.model_copy(update={"git": git})})
        import week2kit.environment.observed  # noqa: F401

        with contextlib.suppress(ValueError):
            MANIFEST.validate_python(None)  # its form is made when it is asked for

    @property
    def folder(self) -> RunFolder:
        """The run's folder, once it is made."""
        assert self._folder is not None
        return self._folder

    def _took_in(self, watched: Watched, began: int, written: Sequence[Written]) -> None:
        """Put what went in into the record, and note where it lies what is not below the working directory."""
        from week2kit.environment.observed import environment_of

        made = {one.path for one in written if one.change == "created"}
        sources = [os.path.normpath(self.here / path) for path in self.named if is_source(path, self.here)]
        watched = replace(watched, modules=tuple(dict.fromkeys([*watched.modules, *sources])))
        declared = self.inputs.files or []
        found = went_in(
            watched, self.asked.argv, self.here, began, declared, made, lies=self.named, on_bytes=self.on_bytes
        )
        program = self.inputs.program.model_copy(update={"modules": dict(found.modules), "script": found.script})
        self.inputs = self.inputs.model_copy(
            update={
                "program": program,
                "files": list(found.files),
                "coverage": watched.coverage,
                "environment": environment_of(watched.facts, watched.distributions),
            }
        )
        self._sources = found.sources
        outside = [file for file in found.files if file.path.startswith((HOME, SOMEWHERE, "../"))]
        for file in outside[:_REMEMBERED]:
            if file.sha256 is not None and file.path in found.paths:
                remember(file.sha256, Path(found.paths[file.path]))

    def _look_again(self) -> list[str]:
        """Take the inputs that were named as they are after the repeats; those that these changed."""
        now = dict[str, InputFile]()
        for path in self.named:
            with contextlib.suppress(OSError):  # it is gone
                file = declared_input(path, self.here)
                now[file.path] = file
        files = [
            now.get(file.path, file.model_copy(update={"sha256": None})) if file.how == "declared" else file
            for file in self.inputs.files or []
        ]
        changed = [new.path for old, new in zip(self.inputs.files or [], files, strict=True) if old != new]
        self.inputs = self.inputs.model_copy(update={"files": files})
        return changed

    def _record(
        self,
        ended: Ended,
        left: Found,
        repeats: Sequence[CommandRepeat],
        changed: Sequence[str],
        foreign: Sequence[str],
    ) -> None:
        self.inputs = self.inputs.model_copy(update={"folders": sorted(left.folders)})
        if self._sources is not None and (self._sources.modules or self._sources.files):
            self.folder.write("sources", dump_json(self._sources.model_dump()).encode())
        if (failure := failure_of(ended, self.asked.argv, self.asked.timeout)) is not None:
            self._fail(failure)
            return
        try:
            if left.unwritten is not None:
                raise left.unwritten
            found = gather(self.here, left.files, ended.output, self.asked.named, self.on_bytes, left.places)
        except StageError as error:
            self._fail(_failure("NotRecorded", ended.code, str(error), error.hint or "Name another file."))
            return
        self._save(found)
        outcome = found.outcome.model_copy(update={"repeats": [*repeats]})
        warnings = [*found.warnings, *about_repeats(outcome)]
        if changed:
            warnings.append(Warned(code="command.repeats_changed_input", values={"files": changed[:20]}))
        if foreign:
            named = {"files": [*foreign[:_LISTED]], "count": len(foreign)}
            warnings.append(Warned(code="command.others_files", values=named))
        if ended.left_running:
            warnings.append(Warned(code="command.left_running", values={}))
        self.folder.write_manifest(
            CompletedCommand(
                **self._common(warnings), inputs=self.inputs, outcome=outcome, failure=None, status="completed"
            )
        )

    def _save(self, found: Gathered) -> None:
        self.folder.write("metrics", dump_json(found.outcome.metrics).encode())
        if found.texts:
            self.folder.write("outputs", dump_json(dict(found.texts)).encode())
        if found.predictions is not None:
            self.folder.write("predictions", found.predictions)

    def _fail(self, failure: CommandFailure) -> None:
        with held():
            self.folder.write_manifest(
                FailedCommand(**self._common([]), inputs=self.inputs, outcome=None, failure=failure)
            )

    def _running(self, folder: RunFolder) -> RunningCommand:
        self._folder = folder
        return RunningCommand(**self._common([]), inputs=self.inputs, outcome=None, failure=None)

    def _common(self, warnings: Sequence[Warned]) -> dict[str, Any]:
        return {
            "run_id": self.folder.run_id,
            "nonce": self.folder.nonce,
            "created_at": self.folder.created_at,
            "command": self.command,
            "artifacts": self.folder.artifacts,
            "stages": [],
            "warnings": sorted(warnings, key=lambda warned: warned.code),
        }


def _not_recorded(folder: Path, error: OSError) -> UsageError:
    gone = "" if folder.is_dir() else " The folder was removed while the command ran."
    return UsageError(
        f"{clean(str(folder))}: the command ended, and its record cannot be written: {error.strerror}.{gone} "
        "What it wrote itself is still there. Make room for the record, and train again."
    )


def _clock(scratch: Path) -> int:
    """The time of a file that is written now: the clock of a file system may be behind that of the system."""
    file = scratch / "clock"
    file.write_bytes(b"")
    return file.stat().st_mtime_ns


def _outside(watched: Watched, here: Path) -> list[Written]:
    """The files that a command wrote outside of its working directory, but for caches and temporary files."""
    temporary = os.path.realpath(tempfile.gettempdir()) + os.sep
    found = []
    for path in (path for path in watched.writes if not path.startswith(str(here) + os.sep)):
        place = place_of(path, here)
        beside = place.startswith("../") and "/." not in place and "__pycache__" not in place
        if beside and not (path.startswith(temporary) and not str(here).startswith(temporary)):
            found.append(Written(place, "created"))
    return found


def _is_ours(path: Path) -> bool:
    """Whether a file is where our own output goes, which is that of the command and more."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(path.lstat(), os.fstat(descriptor)):
                return True
    return False


def _of_others(written: Sequence[Written], watched: Watched, here: Path) -> list[str]:
    """The files that came or changed meanwhile, and that the command did not write: those of another run at once.

    Only where all that it did was seen, and it asked nobody else (a container, a server) to write for it.
    """
    asked = any(call.kind == "connect" for call in watched.seen.calls)
    if "system_calls" not in watched.coverage.observers or watched.coverage.unreadable or asked:
        return []
    folder = Path(os.path.realpath(here))
    changed = {os.path.realpath(call.path) for call in watched.seen.calls if call.changes}
    return [
        one.path
        for one in written
        if not any(str(path) in changed for path in (folder / one.path, *(folder / one.path).parents))
    ]


# --- how it failed ----------------------------------------------------------------------------------------------


def failure_of(
    ended: Ended, argv: Sequence[str], timeout: float | None, here: Path | None = None
) -> CommandFailure | None:
    """How a command failed, as its record has it; None where it did not.

    Args:
        ended: how it ended.
        argv: its words.
        timeout: the seconds that it was given.
        here: its working directory, where that is not the one of this process: no record names it.
    """
    if ended.is_complete:
        return None
    errors = ended.errors if here is None else ended.errors.replace(os.fsencode(here), b".")
    typed = shlex.join(argv)
    alone = f"Run it by itself to see more{'.' if chr(10) in typed else ': ' + typed}"  # a hint is one line
    if ended.timed_out:
        said = f"It was ended after {timeout:g} seconds."
        return _failure("TimeLimit", None, said, "Give it more with --timeout, or find what it waits for.", errors)
    if ended.signal is not None:
        name = signal.Signals(ended.signal).name if ended.signal in {*signal.Signals} else f"signal {ended.signal}"
        killed = "The system may have run out of memory. " if name == "SIGKILL" else ""
        return _failure("Signal", ended.signal, f"It was ended by {name}.", f"{killed}{alone}", errors)
    last = next((line for line in reversed(_lines(errors)) if line.strip()), "")
    said = f"It ended with exit code {ended.code}" + (f": {last.strip()}" if last else ".")
    return _failure("ExitCode", ended.code, said, alone, errors)


def _failure_of_repeat(failed: RepeatFailed, asked: Asked) -> CommandFailure:
    """A repeat that failed fails the run: of the seeds that are left nobody would know that they were chosen."""
    error = failed.error
    found = (
        _failure("NotRecorded", failed.ended.code, str(error), error.hint)
        if error is not None
        else failure_of(failed.ended, asked.argv, asked.timeout)
    )
    assert found is not None
    return found.model_copy(update={"message": f"{failed.which}: {found.message}"})


def _failure(error: Any, code: int | None, message: str, hint: str, errors: bytes = b"") -> CommandFailure:
    return CommandFailure(
        error=error, code=code, message=scrub(message), traceback=_lines(errors)[-_LAST_LINES:], hint=scrub(hint)
    )


_BAR: Final = re.compile(r"[^\n]*\r(?!\n)")


def _lines(errors: bytes) -> list[str]:
    """The lines of standard error as they are seen at the end, without what tells of this machine."""
    text = _BAR.sub("", errors.decode("utf-8", "replace"))
    return [scrub(clean(line, 500)) for line in text.splitlines() if line.strip()]
