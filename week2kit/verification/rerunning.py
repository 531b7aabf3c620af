"""A recorded command, run once more: in a working directory of its own, and where the kernel can, with nothing else."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

from week2kit.environment.conditions import Conditions
from week2kit.environment.observed import environment_of
from week2kit.errors import StageError, UsageError
from week2kit.observing.confined import (
    Allowed,
    Refused,
    available,
    devices,
    interpreter_places,
    refused,
    system_places,
)
from week2kit.observing.folder import TOOLS, Written, snapshot, written_between
from week2kit.observing.watching import STARTUP, Watch, Watched
from week2kit.privacy import scrub
from week2kit.processes.interpreters import installed_versions
from week2kit.processes.limits import surroundings
from week2kit.processes.scratch import scratch_folder
from week2kit.processes.script import find_program, run_script
from week2kit.record.command import STANDARD_OUTPUT, CommandInputs, CommandOutcome
from week2kit.record.manifest import Environment
from week2kit.record.written_paths import HOME, PYTHON, SOMEWHERE, STREAM, path_of
from week2kit.training.arguments import with_seed
from week2kit.training.asked import Named
from week2kit.training.ending import failure_of
from week2kit.training.gathering import Gathered, gather
from week2kit.training.outputs import stable_name
from week2kit.verification.command_layers import seed_at
from week2kit.verification.other_python import environment_with, first_line, words_with
from week2kit.verification.putting_back import variables_of
from week2kit.verification.workspace import Supply, Workspace, prepare

#: Files that are given to a rerun of a folder that its command lists.
GIVEN_FILES: Final = 10_000

#: Where libraries keep what they compiled and fetched, below the home directory.
_NAMED_CACHES: Final = ("XDG_CACHE_HOME", "UV_CACHE_DIR")
_CACHES: Final = (".cache", ".config/matplotlib", ".matplotlib", ".keras", ".triton", ".nv")

#: Where Jupyter and IPython keep what they write, below the home directory, by the variable that says another place.
_FOLDERS_OF_TOOLS: Final = {
    "JUPYTER_CONFIG_DIR": ".jupyter",
    "JUPYTER_RUNTIME_DIR": ".local/share/jupyter/runtime",
    "IPYTHONDIR": ".ipython",
}


class NotHere(UsageError):
    """The program of a command is not on this machine."""


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
        observed: whether its system calls were seen; if not, `refused` is all that lies in the project.
        barred: where it would have written outside of its working directory, and may not: in a project are results.
        opened: the code and the inputs that it read outside of its working directory, where they lie.
        reached_out: whether it used the network, which only its own processes were to use among one another.
        repeats: what came out of the recorded repeats, in order; none where they were not run again.
    """

    gathered: Gathered | None
    failure: tuple[str, int | None, str] | None
    is_ended: bool
    environment: Environment | None
    confined: bool
    refused: tuple[tuple[str, Path], ...]
    observed: bool
    barred: tuple[str, ...]
    opened: frozenset[str]
    seconds: float
    reached_out: bool = False
    repeats: tuple[Again, ...] = ()

    def and_repeat(self, one: Again) -> Again:
        """With one repeat more: what was withheld from it, and what it opened, was so of the whole."""
        return replace(
            self,
            confined=self.confined and one.confined,
            refused=tuple(dict.fromkeys([*self.refused, *one.refused])),
            observed=self.observed and one.observed,
            barred=(*self.barred, *one.barred),
            opened=self.opened | one.opened,
            is_ended=self.is_ended or one.is_ended,
            reached_out=self.reached_out or one.reached_out,
            seconds=self.seconds + one.seconds,
            repeats=(*self.repeats, one),
        )

    @property
    def repeated_metrics(self) -> list[Mapping[str, float] | None]:
        """The metrics of each repeat; None of one that failed."""
        return [None if one.gathered is None else one.gathered.outcome.metrics for one in self.repeats]


@dataclass(frozen=True)
class Rerun:
    """How a command is run again.

    Attributes:
        inputs: the record of what went in.
        outcome: what is recorded to have come out, if it completed.
        supply: where its code and inputs are.
        project: the folder in which it was recorded, where that is known.
        runs: the folder of the runs, of which none is an input.
        timeout: seconds that it may take.
        is_repeat: whether it is one with another seed, of which only the metrics are recorded.
    """

    inputs: CommandInputs
    outcome: CommandOutcome | None
    supply: Supply
    project: Path | None
    runs: Path
    timeout: float
    is_repeat: bool = False

    def with_seed(self, seed: int | None) -> Rerun:
        """The same for a repeat: with another seed in place of its own, or as it stands."""
        program = self.inputs.program
        at = None if seed is None else seed_at(program)
        if at is not None and seed is not None:
            program = program.model_copy(update={"argv": with_seed(program.argv, at, seed)})
        return replace(self, inputs=self.inputs.model_copy(update={"program": program}), is_repeat=True)

    def run(
        self, conditions: Conditions, more: Mapping[str, Path], *, python: Path | None = None, confine: bool
    ) -> Again:
        """Run it once under conditions, with this Python in place of its own, and with these files besides.

        Where the kernel can forbid it, it writes nowhere but in its working directory and in caches: a script that
        names its project by an absolute path would put its results in the place of the recorded ones.

        Raises:
            NotHere: its program is not here.
            CannotRestore: it starts no Python in whose place another can be put.
            UsageError: it may put its results in the place of the recorded ones.
            OSError: there is no room for the working directory.
        """
        if available() is not None and self._names_project():
            raise UsageError(
                "its code names the folder of its project by an absolute path, and this system cannot keep a rerun "
                "from writing there. Let it use paths below its working directory."
            )
        with scratch_folder() as scratch:
            workspace = prepare(Path(scratch).resolve(), self.inputs, self.supply, more)
            return self._run(workspace, conditions, python, confine=confine and available() is None)

    def installed(self, names: Sequence[str]) -> dict[str, str]:
        """The versions of these distributions that the Python has which the command starts here; none is unknown."""
        environment = {**surroundings(), **{n: v for n, v in self.inputs.program.variables.items() if v is not None}}
        program = self._argv(environment, Path())[0]
        found = shutil.which(program, path=environment.get("PATH"))
        line = first_line(Path(found)) if found is not None else None
        python = _interpreter_of(Path(found)) if found is not None and line else found
        return installed_versions(python, names) if python is not None and _is_python(python) else {}

    def _names_project(self) -> bool:
        return self.project is not None and any(str(self.project) in text for text in self.supply.texts.values())

    def _run(self, workspace: Workspace, conditions: Conditions, python: Path | None, *, confine: bool) -> Again:
        set_by_config = {name: value for name, value in self.inputs.program.variables.items() if value is not None}
        asked = {**surroundings(), **set_by_config, **variables_of(conditions)}
        environment = {name: value for name, value in asked.items() if value is not None}
        environment["TMPDIR"] = str(workspace.temporary)
        for name, folder in self._folders_of_tools(confine=confine):
            environment.setdefault(name, str(workspace.temporary / folder))
        if "PYTHONPATH" in environment:
            environment["PYTHONPATH"] = self._moved(environment["PYTHONPATH"], workspace.here)
        argv = self._argv(environment, workspace.here)
        if python is not None:
            argv = words_with(python, argv, workspace.here, environment)
            environment = environment_with(python, environment)
        try:
            find_program(argv, workspace.here, environment)
        except UsageError as error:
            raise NotHere(str(error)) from None
        allowed = self._allowed(workspace, argv, environment) if confine else _everything(workspace, environment)
        before, start = snapshot(workspace.here), time.monotonic()
        stdin = self._stdin(workspace)
        watched_folder = workspace.root / "watched"
        watched_folder.mkdir()
        try:
            confined = allowed.request() if available() is None else None
            with Watch(watched_folder, confine=confined, asked=True, here=workspace.here) as watch:
                ended = run_script(
                    argv,
                    directory=workspace.here,
                    environment=watch.environment(environment),
                    timeout=self.timeout,
                    started_by=watch.argv(argv),
                    pass_fds=watch.pass_fds,
                    stdin=stdin,
                    umask=conditions.umask,
                )
                watched = watch.finish()
        finally:
            os.close(stdin)
        failure, recorded = failure_of(ended, argv, self.timeout, workspace.here), self.inputs.coverage
        told = None if failure is None else (failure.error, failure.code, failure.message)
        gathered: Gathered | None = None
        if failure is None:
            written = self._with_named(list(written_between(before, snapshot(workspace.here))), workspace)
            try:
                gathered = gather(workspace.here, written, ended.output, self._named([one.path for one in written]))
            except StageError as error:
                told = ("NotRecorded", ended.code, scrub(str(error)))
        found = refused(watched.seen, allowed) if watched.seen.confined is not None else ()
        withheld = _not_given(found, workspace) if confine else []
        barred = [one.path for one in found if one.access == "write" and _is_of_a_person(one.path)]
        if watched.seen.not_observed is not None and self._names_project():
            barred.append(str(self.project))
        return Again(
            gathered=gathered,
            failure=told,
            is_ended=ended.timed_out or ended.signal is not None,
            environment=environment_of(watched.facts, watched.distributions),
            confined=confine and watched.seen.confined is not None,
            refused=(*self._absent(watched, workspace), *withheld),
            observed=watched.seen.not_observed is None,
            barred=tuple(barred),
            opened=frozenset(
                path
                for path in map(os.path.realpath, (*watched.modules, *watched.reads))
                if not path.startswith(str(workspace.root))
            ),
            seconds=time.monotonic() - start,
            reached_out=watched.coverage.network and not (recorded is not None and recorded.network),
        )

    def _folders_of_tools(self, *, confine: bool) -> Iterator[tuple[str, str]]:
        """Variables that give a tool another folder than its own in the home directory, where it read nothing there.

        These do nothing without a folder that they may write to.
        """
        read = [file.path for file in self.inputs.files or []]
        for name, place in _FOLDERS_OF_TOOLS.items():
            if not any(path.startswith(f"{HOME}{place}/") for path in read):
                yield name, place.replace("/", "_")
        if confine:
            yield "UV_CACHE_DIR", "uv"

    def _with_named(self, written: list[Written], workspace: Workspace) -> list[Written]:
        """What was written, with what is recorded to lie where the comparison of the folder does not look."""
        found = {one.path for one in written}
        recorded = [file for file in self.outcome.files if file.path not in found] if self.outcome is not None else []
        inside = [file for file in recorded if not file.path.startswith((HOME, SOMEWHERE))]
        return [*written, *(Written(one.path, one.change) for one in inside if (workspace.here / one.path).is_file())]

    def _argv(self, environment: Mapping[str, str], here: Path) -> list[str]:
        """The recorded words, with the program and the files that they name as these are found here."""
        program, *words = self.inputs.program.argv
        if "/" in program:
            program = self._of_environment(program)
        if "/" not in program:
            beside = Path(sys.executable).parent / program
            found = shutil.which(program, path=environment.get("PATH"))
            if found is None and beside.exists():
                program = str(beside)
            elif found is None and PYTHON.fullmatch(program):
                program = sys.executable
        elif not (here / program).exists() and self.project is not None and (self.project / program).exists():
            # of an environment that lies in the project: it is found by its own place
            program = os.path.normpath(self.project / program)
        return [program, *(self._word(word, here, environment) for word in words)]

    def _of_environment(self, program: str) -> str:
        """A program of an environment in the project is run where it lies; where it is not, the one on the PATH."""
        if self.project is not None and (self.project / program).with_name("..").joinpath("pyvenv.cfg").is_file():
            return os.path.normpath(self.project / program)
        is_recorded = program in self.inputs.program.modules  # a wrapper, which is code of the project
        return program if is_recorded or not _is_python(program) else os.path.basename(program)  # noqa: PTH119

    def _word(self, word: str, here: Path, environment: Mapping[str, str]) -> str:
        """A path that was absolute is so again; a relative one that began with ``./`` means the same file so.

        Of an interpreter elsewhere only the name is known: it is the one of that name on the PATH.
        """
        flag, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
        path = here / value
        if value.startswith((HOME, SOMEWHERE)):
            name = value.removeprefix(SOMEWHERE)
            if PYTHON.fullmatch(name) and value not in self.supply.paths:
                path = Path(shutil.which(name, path=environment.get("PATH")) or sys.executable)
            else:
                path = self.supply.paths.get(value, path_of(value, here))
        elif not value.startswith("./") or not path.exists():
            return word
        return f"{flag}{equals}{os.path.normpath(path)}"

    def _moved(self, folders: str, here: Path) -> str:
        """The folders of PYTHONPATH: one from which modules are recorded is the copy of it that holds their texts."""
        moved = []
        for folder in folders.split(os.pathsep):
            path = Path(folder)
            if self.project is not None and path.is_absolute():
                copy = Path(os.path.normpath(here / os.path.relpath(path, self.project)))
                path = copy if copy.is_dir() else path
            moved.append(str(path) if folder else folder)
        return os.pathsep.join(moved)

    def _stdin(self, workspace: Workspace) -> int:
        place = self.inputs.program.stdin
        path = Path(os.devnull) if place in (None, STREAM) else workspace.here / str(place)
        return os.open(path if path.is_file() else os.devnull, os.O_RDONLY)

    def _named(self, written: Sequence[str]) -> Named:
        """The files in which metrics and predictions are recorded to stand, as they are called this time."""
        if self.outcome is None:
            return Named()
        metrics, predictions = self.outcome.metrics_from, self.outcome.predictions
        if self.is_repeat:  # its seed may stand in the name of the file
            now = _called_now(metrics, written)
            return Named(now if now in written else None)
        return Named(
            None if metrics == STANDARD_OUTPUT else _called_now(metrics, written),
            _called_now(predictions.path if predictions is not None else None, written),
        )

    def _allowed(self, workspace: Workspace, argv: Sequence[str], environment: Mapping[str, str]) -> Allowed:
        named = str(workspace.here / argv[0]) if "/" in argv[0] else argv[0]
        program = shutil.which(named, path=environment.get("PATH"))
        interpreter = _interpreter_of(Path(program)) if program is not None else None
        places = list(system_places())
        # make, uv and shells start the one that is on the PATH
        others = [shutil.which(name, path=environment.get("PATH")) for name in ("python", "python3")]
        for path in dict.fromkeys(filter(None, (interpreter, program, *others))):
            real = os.path.realpath(path)
            places += [path, real]
            if _is_python(path) or _is_python(real):
                places += interpreter_places(path)
        linked = [path.resolve() for path in self.supply.paths.values()]
        given = [str(path) for path in (*self.supply.outside, *linked, *self._as_recorded())]
        coverage = self.inputs.coverage
        return Allowed(
            read=(*places, *given, str(STARTUP.parent.parent)),
            write=(str(workspace.root), *devices()),
            network=coverage is not None and (coverage.network or coverage.within),
        )

    def _as_recorded(self) -> list[Path]:
        """The files of the project that still hold the recorded text: its code may name them by absolute paths."""
        if self.project is None:
            return []
        files = ((self.project / place, text) for place, text in self.supply.texts.items())
        return [path for path, text in files if path.is_file() and path.read_bytes() == text.encode()]

    def _absent(self, watched: Watched, workspace: Workspace) -> list[tuple[str, Path]]:
        """What the command looked for in its working directory in vain, and what lies there in the project.

        Of a folder that is not there, all that is in it; of one that it listed, what else bears a name there. What the
        recorded command made itself was not there when it began.
        """
        if self.project is None:
            return []
        made = {file.path for file in self.outcome.files} if self.outcome else set()
        unseen = watched.seen.not_observed not in (None, "ended")
        wanted = [str(workspace.here)] if unseen else watched.seen.wanted(str(workspace.root))
        found = dict[str, Path]()
        for path in sorted(watched.listed):
            place = Path(os.path.relpath(path, workspace.here)).as_posix()
            if path.startswith(str(workspace.root)) and (self.project / place).is_dir():
                for there in islice(sorted((self.project / place).iterdir()), GIVEN_FILES):
                    if there.name not in TOOLS and there.resolve() != self.runs:
                        found[(Path(place) / there.name).as_posix()] = there
        for path in wanted:
            place = Path(os.path.relpath(path, workspace.here)).as_posix()
            there = self.project / place
            if there.is_file():
                found[place] = there
            elif there.is_dir() and (place == "." or not any(one.startswith(f"{place}/") for one in made)):
                below = islice(sorted(snapshot(there, [self.runs]).files), GIVEN_FILES)
                found |= {(Path(place) / name).as_posix(): there / name for name in below} or {place: there}
        known = {*made, *self.supply.texts, *self.supply.paths, *self.inputs.folders}
        known |= {parent.as_posix() for place in [*known] for parent in PurePosixPath(place).parents}
        return [(place, there) for place, there in found.items() if place not in known and "__pycache__" not in place]


def not_run(error: str, message: str) -> Again:
    """A rerun of which no process came about, and why."""
    return Again(None, (error, None, message), False, None, False, (), False, (), frozenset(), 0.0)


def _everything(workspace: Workspace, environment: Mapping[str, str]) -> Allowed:
    """All may be read; what keeps nothing may be written."""
    named = [environment[name] for name in _NAMED_CACHES if environment.get(name)]
    caches = [str(path) for path in map(Path.home().joinpath, [*_CACHES, *named]) if path.is_dir()]
    return Allowed(
        read=tuple(f"/{name}" for name in sorted(os.listdir("/"))),  # noqa: PTH208
        write=(str(workspace.root), *caches, "/dev"),  # processors for graphics are devices
        network=True,
    )


def _is_python(program: str) -> bool:
    return PYTHON.fullmatch(os.path.basename(program)) is not None  # noqa: PTH119


def _is_of_a_person(path: str) -> bool:
    """Whether a file is anybody's: no compiled module, no file of a hidden folder, no device."""
    return "__pycache__" not in path and "/." not in path and not path.startswith(("/dev/", "/proc/", "/sys/", "/usr/"))


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
    words = first_line(program)
    if words is None:
        return str(program)
    if words and os.path.basename(words[0]) == "env":  # noqa: PTH119
        return shutil.which(next((word for word in words[1:] if not word.startswith("-")), ""))
    return words[0] if words else None
