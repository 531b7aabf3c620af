"""The verb train for a person's own script: run it as it stands, and keep the record of what went in and what came out.

The record is on disk before the command starts, and whatever ends the run, the end replaces it. What the record needs
beyond that first one, the models of `ending`, takes longer to load than a command to begin: that is done meanwhile.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from week2kit.canonical import clean
from week2kit.errors import Terminated, UsageError
from week2kit.importing import held
from week2kit.observing.watching import Watch
from week2kit.privacy import is_secret, scrub
from week2kit.processes.limits import surroundings
from week2kit.processes.scratch import scratch_folder
from week2kit.processes.script import Stream, find_program, run_script
from week2kit.record.writing import RunFolder
from week2kit.record.written_paths import STREAM, path_of, place_of, recorded_words
from week2kit.training.arguments import find_seed
from week2kit.training.asked import Asked, flag_for_seeds
from week2kit.training.written import look

if TYPE_CHECKING:
    from week2kit.record.store import Run
    from week2kit.training.ending import Ending
    from week2kit.training.repeating import OnRepeat

#: The version of the schema whose first record is written here.
_SCHEMA: Final = 5


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
    here, environment = Path.cwd(), {**surroundings(), **asked.variables}
    find_program(asked.argv, here, environment)
    named: list[Path] = []
    if asked.inputs:
        from week2kit.training.inputs import input_files

        named = input_files(asked.inputs, here)
    said = scrub(command or f"week2kit.train(command={[*asked.argv]!r})")
    first = _first_inputs(asked, named, here)
    return _Training(asked, first, named, said, here, environment, on_output, on_repeat, on_bytes).run(runs_dir, name)


def _first_inputs(asked: Asked, named: Sequence[Path], here: Path) -> dict[str, Any]:
    """What is known of the inputs before the command begins, in the JSON form of `CommandInputs`."""
    seed, stdin = find_seed(asked.argv, asked.seed_flag), _standard_input(here)
    value = asked.seed if asked.seed is not None or seed is None else seed.value
    return {
        "code": None,
        "data": None,
        "config": {"resolved": None, "raw": None, "digest": None},
        "seed": {"value": value, "source": "given"} if value is not None and value < 2**32 else None,
        "environment": None,
        "program": {
            "argv": recorded_words(asked.argv, here),
            "script": None,
            "modules": {},
            "git": None,
            "seed_flag": flag_for_seeds(asked, seed),
            "variables": {
                name: None if is_secret(name) else scrub(text) for name, text in sorted(asked.variables.items())
            },
            "stdin": stdin,
        },
        "files": _declared(named, stdin, here) if named or stdin not in (None, STREAM) else [],
        "folders": [],
        "coverage": None,
    }


def _declared(named: Sequence[Path], stdin: str | None, here: Path) -> list[dict[str, Any]]:
    from week2kit.training.going_in import declared_input
    from week2kit.training.inputs import is_source

    found = []
    for path in named:
        try:
            found += [] if is_source(path, here) else [declared_input(path, here)]
        except OSError as error:
            raise UsageError(f"input {clean(str(path))}: it cannot be read: {error.strerror}.") from None
    if stdin is not None and stdin not in (STREAM, *(file.path for file in found)):
        found.append(declared_input(path_of(stdin, here), here, how="observed"))
    return [file.model_dump(mode="json") for file in found]


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
class _Training:
    """One run of a command, from its folder to its last record."""

    asked: Asked
    first: dict[str, Any]
    named: Sequence[Path]
    command: str
    here: Path
    environment: Mapping[str, str]
    on_output: Callable[[Stream, bytes], None]
    on_repeat: OnRepeat
    on_bytes: Callable[[int], None]
    _folder: RunFolder | None = None
    _ending: Ending | None = None

    def run(self, runs_dir: Path, name: str | None) -> Run:
        try:
            return self._run(runs_dir, name)
        except OSError as error:
            if self._folder is None:
                raise
            raise _not_recorded(self._folder.path, error) from None

    def _run(self, runs_dir: Path, name: str | None) -> Run:
        try:
            with held():
                self._folder = RunFolder.create(runs_dir, name, self._first_record)
            return self._train(self._folder, runs_dir)
        except (KeyboardInterrupt, Terminated):
            if self._folder is not None:
                self._end(self._folder).interrupted()
            raise

    def _train(self, folder: RunFolder, runs_dir: Path) -> Run:
        first = before = look(self.here, [runs_dir], self.asked.expected)
        with scratch_folder() as scratch, Watch(Path(scratch)) as watch:
            if self.asked.repeats:
                if not self._end(folder).repeat(self.environment, self.on_repeat, runs_dir):
                    return self._end(folder).run()
                before = look(self.here, [runs_dir], self.asked.expected)
            began = _clock(Path(scratch))
            ended = run_script(
                self.asked.argv,
                directory=self.here,
                environment=watch.environment(self.environment),
                timeout=self.asked.timeout,
                on_output=self.on_output,
                started_by=watch.argv(self.asked.argv),
                pass_fds=watch.pass_fds,
                meanwhile=lambda: self._end(folder).prepare(),
            )
            self._end(folder).record(ended, watch.finish(), began, (first, before), runs_dir)
        return self._end(folder).run()

    def _end(self, folder: RunFolder) -> Ending:
        """What records how it ended; an interrupt waits until that is loaded."""
        if self._ending is None:
            with held():
                from week2kit.training.ending import Ending, inputs_of

                self._ending = Ending(
                    folder, self.asked, inputs_of(self.first), self.named, self.command, self.here, self.on_bytes
                )
        return self._ending

    def _first_record(self, folder: RunFolder) -> dict[str, Any]:
        """The JSON form of `RunningCommand`, which is not loaded yet."""
        return {
            "schema_version": _SCHEMA,
            "kind": "command",
            "status": "running",
            "run_id": folder.run_id,
            "nonce": folder.nonce,
            "created_at": folder.created_at,
            "command": self.command,
            "artifacts": [],
            "stages": [],
            "warnings": [],
            "inputs": self.first,
            "outcome": None,
            "failure": None,
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
