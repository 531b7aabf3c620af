"""A recorded command, run once more: in a working directory of its own, and where the kernel can, with nothing else."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from week2kit.environment.observed import environment_of
from week2kit.errors import StageError
from week2kit.observing.confined import (
    Allowed,
    Refused,
    available,
    devices,
    interpreter_places,
    refused,
    system_places,
)
from week2kit.observing.folder import Written, snapshot, written_between
from week2kit.observing.watching import STARTUP, Watch
from week2kit.privacy import scrub
from week2kit.processes.scratch import scratch_folder
from week2kit.processes.script import run_script
from week2kit.record.command import HOME, SOMEWHERE, STANDARD_OUTPUT, STREAM, CommandInputs, CommandOutcome
from week2kit.record.manifest import Environment
from week2kit.training.command import failure_of
from week2kit.training.gathering import Gathered, Named, gather
from week2kit.training.outputs import stable_name
from week2kit.verification.workspace import Supply, Workspace, prepare

#: Environment variables to be set, and with None those to be taken away.
Variables: TypeAlias = Mapping[str, str | None]

_PYTHON: Final = re.compile(r"(?:python|pypy)[0-9.]*(?:\.exe)?")


@dataclass(frozen=True)
class Again:
    """What came out of one rerun.

    Attributes:
        gathered: the outcome; None where it failed.
        failure: how it failed, in the words of a record; None where it did not.
        is_ended: whether it was ended by a signal or at the time limit: nothing follows from that.
        environment: what its process said of its environment at its end.
        confined: whether it could read nothing but what it was given.
        refused: what it asked for, is there, and was not given to it: places of the project, or absolute paths.
    """

    gathered: Gathered | None
    failure: tuple[str, int | None, str] | None
    is_ended: bool
    environment: Environment | None
    confined: bool
    refused: tuple[tuple[str, Path], ...]
    seconds: float


@dataclass(frozen=True)
class Rerun:
    """How a command is run again.

    Attributes:
        inputs: the record of what went in.
        outcome: what is recorded to have come out, if it completed.
        supply: where its code and inputs are.
        project: the folder in which it was recorded, where that is known.
        timeout: seconds that it may take.
    """

    inputs: CommandInputs
    outcome: CommandOutcome | None
    supply: Supply
    project: Path | None
    timeout: float

    def run(self, variables: Variables, more: Mapping[str, Path], *, confine: bool) -> Again:
        """Run it once, with these environment variables (None takes one away), and with these files besides.

        Raises:
            UsageError: its program is not here.
            OSError: there is no room for the working directory.
        """
        with scratch_folder() as scratch:
            workspace = prepare(Path(scratch).resolve(), self.inputs, self.supply, more)
            return self._run(workspace, variables, confine=confine and available() is None)

    def _run(self, workspace: Workspace, variables: Variables, *, confine: bool) -> Again:
        set_by_config = {name: value for name, value in self.inputs.program.variables.items() if value is not None}
        asked = {**set_by_config, **variables}
        environment = {**os.environ, **{name: value for name, value in asked.items() if value is not None}}
        for name in (name for name, value in asked.items() if value is None):
            environment.pop(name, None)
        environment["TMPDIR"] = str(workspace.temporary)
        argv = self._argv(environment)
        allowed = self._allowed(workspace, argv, environment) if confine else None
        before, start = snapshot(workspace.here), time.monotonic()
        stdin = self._stdin(workspace)
        watched_folder = workspace.root / "watched"
        watched_folder.mkdir()
        try:
            with Watch(watched_folder, confine=None if allowed is None else allowed.request()) as watch:
                ended = run_script(
                    argv,
                    directory=workspace.here,
                    environment=watch.environment(environment),
                    timeout=self.timeout,
                    started_by=watch.argv(argv),
                    pass_fds=watch.pass_fds,
                    stdin=stdin,
                )
                watched = watch.finish()
        finally:
            os.close(stdin)
        failure = failure_of(ended, argv, self.timeout, workspace.here)
        told = None if failure is None else (failure.error, failure.code, failure.message)
        gathered: Gathered | None = None
        if failure is None:
            written = self._with_named(list(written_between(before, snapshot(workspace.here))), workspace)
            try:
                gathered = gather(workspace.here, written, ended.output, self._named([one.path for one in written]))
            except StageError as error:
                told = ("NotRecorded", ended.code, scrub(str(error)))
        found = refused(watched.seen, allowed) if allowed is not None else ()
        return Again(
            gathered=gathered,
            failure=told,
            is_ended=ended.timed_out or ended.signal is not None,
            environment=environment_of(watched.facts, watched.distributions),
            confined=watched.seen.confined is not None,
            refused=(*self._absent(watched.seen.wanted(str(workspace.root)), workspace), *_not_given(found, workspace)),
            seconds=time.monotonic() - start,
        )

    def _with_named(self, written: list[Written], workspace: Workspace) -> list[Written]:
        """What was written, with what is recorded to lie where the comparison of the folder does not look."""
        found = {one.path for one in written}
        recorded = [file for file in self.outcome.files if file.path not in found] if self.outcome is not None else []
        inside = [file for file in recorded if not file.path.startswith((HOME, SOMEWHERE))]
        return [*written, *(Written(one.path, one.change) for one in inside if (workspace.here / one.path).is_file())]

    def _argv(self, environment: Mapping[str, str]) -> list[str]:
        """The recorded words, with the program as it is found here."""
        program, *words = self.inputs.program.argv
        if "/" not in program:
            beside = Path(sys.executable).parent / program
            found = shutil.which(program, path=environment.get("PATH"))
            if found is None and beside.exists():
                program = str(beside)
            elif found is None and _PYTHON.fullmatch(program):
                program = sys.executable
        return [program, *words]

    def _stdin(self, workspace: Workspace) -> int:
        place = self.inputs.program.stdin
        path = Path(os.devnull) if place in (None, STREAM) else workspace.here / str(place)
        return os.open(path if path.is_file() else os.devnull, os.O_RDONLY)

    def _named(self, written: Sequence[str]) -> Named:
        """The files in which metrics and predictions are recorded to stand, as they are called this time."""
        if self.outcome is None:
            return Named()
        metrics, predictions = self.outcome.metrics_from, self.outcome.predictions
        return Named(
            None if metrics == STANDARD_OUTPUT else _called_now(metrics, written),
            _called_now(predictions.path if predictions is not None else None, written),
        )

    def _allowed(self, workspace: Workspace, argv: Sequence[str], environment: Mapping[str, str]) -> Allowed:
        program = shutil.which(argv[0], path=environment.get("PATH"))
        interpreter = _interpreter_of(Path(program)) if program is not None and "/" not in argv[0] else program
        places = list(system_places())
        for path in filter(None, (interpreter, program)):
            real = os.path.realpath(path)
            places += [path, real]
            if _PYTHON.fullmatch(os.path.basename(path)) or _PYTHON.fullmatch(os.path.basename(real)):  # noqa: PTH119
                places += interpreter_places(path)
        linked = [path.resolve() for path in self.supply.paths.values()]
        given = [str(path) for path in (*self.supply.outside, *linked)]
        coverage = self.inputs.coverage
        return Allowed(
            read=(*places, *given, str(STARTUP.parent.parent)),
            write=(str(workspace.root), *devices()),
            network=coverage is not None and coverage.network,
        )

    def _absent(self, wanted: Sequence[str], workspace: Workspace) -> list[tuple[str, Path]]:
        """What the command looked for in its working directory in vain, and what lies there in the project."""
        found = []
        for path in wanted:
            place = Path(os.path.relpath(path, workspace.here)).as_posix()
            if self.project is not None and (self.project / place).is_file() and "__pycache__" not in place:
                found.append((place, self.project / place))
        return found


def _not_given(found: Sequence[Refused], workspace: Workspace) -> list[tuple[str, Path]]:
    """What is there, was refused for reading, and is a file; not what a program asks for and does without."""
    return [
        (one.path, Path(one.path))
        for one in found
        if one.access == "read" and not one.folder and not one.path.startswith(str(workspace.root))
    ]


def _called_now(recorded: str | None, written: Sequence[str]) -> str | None:
    if recorded is None or recorded in written:
        return recorded
    same = [path for path in written if stable_name(path) == stable_name(recorded)]
    return same[0] if len(same) == 1 else recorded


def _interpreter_of(program: Path) -> str | None:
    """The interpreter that a script's first line names; the program itself where it is none."""
    try:
        with program.open("rb") as file:
            line = file.readline(512)
    except OSError:
        return str(program)
    if not line.startswith(b"#!"):
        return str(program)
    words = os.fsdecode(line[2:]).split()
    if words and os.path.basename(words[0]) == "env":  # noqa: PTH119
        return shutil.which(next((word for word in words[1:] if not word.startswith("-")), ""))
    return words[0] if words else None
