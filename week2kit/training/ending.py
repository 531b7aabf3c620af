"""What is recorded of a command that has begun: what went in, how it ended, and what came out."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from week2kit.canonical import clean, dump_json
from week2kit.environment.observed import environment_of
from week2kit.errors import StageError
from week2kit.importing import held
from week2kit.observing.folder import Written, written_between
from week2kit.observing.watching import Watched
from week2kit.privacy import scrub
from week2kit.processes.script import Ended
from week2kit.record.command import (
    MANIFEST,
    CommandFailure,
    CommandInputs,
    CommandRepeat,
    CompletedCommand,
    FailedCommand,
    InputFile,
    Sources,
)
from week2kit.record.machine import remember
from week2kit.record.manifest import Warned
from week2kit.record.provenance import git_state
from week2kit.record.store import Run, open_run
from week2kit.record.writing import RunFolder
from week2kit.record.written_paths import HOME, SOMEWHERE, place_of
from week2kit.training.asked import Asked
from week2kit.training.gathering import Gathered, gather
from week2kit.training.going_in import declared_input, went_in
from week2kit.training.inputs import is_source
from week2kit.training.repeating import OnRepeat, RepeatFailed, about_repeats, run_repeats
from week2kit.training.written import Found, Look, look, written_since

#: Inputs outside of the working directory whose places are noted.
_REMEMBERED: Final = 100

#: Files that a warning names.
_LISTED: Final = 5

#: Lines of standard error that a failure is recorded with.
_LAST_LINES: Final = 20


def inputs_of(first: Mapping[str, Any]) -> CommandInputs:
    """The inputs that were recorded before the command began."""
    return CommandInputs.model_validate(first)


@dataclass
class Ending:
    """Records how a run of a command ends.

    Attributes:
        inputs: what went in, as far as it is known.
    """

    folder: RunFolder
    asked: Asked
    inputs: CommandInputs
    named: Sequence[Path]
    command: str
    here: Path
    on_bytes: Callable[[int], None]
    _sources: Sources | None = None
    _repeats: Sequence[CommandRepeat] = ()
    _changed: Sequence[str] = ()
    _recorded: bool = False

    def prepare(self) -> None:
        """Ask git, and make what is needed when the command has ended; its own first second is not ours to take."""
        program = self.inputs.program.model_copy(update={"git": git_state()})
        self.inputs = self.inputs.model_copy(update={"program": program})
        with held(), contextlib.suppress(ValueError):
            MANIFEST.validate_python(None)  # its form is made when it is asked for

    def run(self) -> Run:
        """The run as it was recorded."""
        run = open_run(self.folder.path)
        remember(run.manifest_sha256, self.here)
        return run

    # --- before it began --------------------------------------------------------------------------------------------

    def repeat(self, environment: Mapping[str, str], on_repeat: OnRepeat, runs_dir: Path) -> bool:
        """Run the repeats; False where one failed, which is recorded."""
        try:
            self._repeats = run_repeats(self.asked.repeats, self.here, [runs_dir], environment, on_repeat)
        except RepeatFailed as failed:
            self._fail(_failure_of_repeat(failed, self.asked))
            return False
        self._changed = self._look_again()
        return True

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

    # --- when it has ended ------------------------------------------------------------------------------------------

    def interrupted(self) -> None:
        """Record that it was interrupted, unless its end is recorded already."""
        if not self._recorded:
            self._fail(_failure("Interrupted", None, "It was interrupted.", "Run it again when there is time."))

    def record(self, ended: Ended, watched: Watched, began: int, looks: tuple[Look, Look], runs_dir: Path) -> None:
        """Record how it ended.

        Args:
            ended: how.
            watched: what was seen of it.
            began: when, in nanoseconds since 1970, by the clock of the files.
            looks: what lay in the working directory before the first repeat, and before the command itself.
            runs_dir: the folder of runs, of which nothing is the command's.

        Raises:
            OSError: the record cannot be written.
        """
        first, before = looks
        left = written_since(self.here, before, look(self.here, [runs_dir], self.asked.expected), first)
        left = left.without(lambda one: _is_ours(self.here / one.path))
        foreign = _of_others(left.files, watched, self.here)
        left = left.without(lambda one: one.path in foreign).and_outside(_outside(watched, self.here))
        # what a repeat made was there before the run itself
        self._took_in(watched, began, [one for one in left.files if one.path not in before.folder.files])
        by_repeats = {one.path for one in written_between(first.folder, before.folder)} - {*self._changed}
        self._changed = [*self._changed, *(one.path for one in self.inputs.files or [] if one.path in by_repeats)]
        self._record(ended, left, foreign)

    def _took_in(self, watched: Watched, began: int, written: Sequence[Written]) -> None:
        """Put what went in into the record, and note where it lies what is not below the working directory."""
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

    def _record(self, ended: Ended, left: Found, foreign: Sequence[str]) -> None:
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
        outcome = found.outcome.model_copy(update={"repeats": [*self._repeats]})
        warnings = [*found.warnings, *about_repeats(outcome)]
        if self._changed:
            warnings.append(Warned(code="command.repeats_changed_input", values={"files": self._changed[:20]}))
        if foreign:
            named = {"files": [*foreign[:_LISTED]], "count": len(foreign)}
            warnings.append(Warned(code="command.others_files", values=named))
        if ended.left_running:
            warnings.append(Warned(code="command.left_running", values={}))
        self._write(
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
        self._write(FailedCommand(**self._common([]), inputs=self.inputs, outcome=None, failure=failure))

    def _write(self, manifest: CompletedCommand | FailedCommand) -> None:
        with held():
            self.folder.write_manifest(manifest)
            self._recorded = True

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
