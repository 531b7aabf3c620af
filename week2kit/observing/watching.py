"""Watches a command by all that this system has: the hook in its Pythons, and the system calls of the whole tree.

::

    with Watch(scratch) as watch:
        environment = watch.environment(os.environ)
        run_script(argv, environment=environment, started_by=watch.argv(argv), pass_fds=watch.pass_fds, ...)
        watched = watch.finish()
"""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from week2kit.observing.calls import Call, Calls, Seen
from week2kit.observing.observed import COMPILED, SYSTEM, VERSIONS, Observed, read_log
from week2kit.record.files import digest_regular
from week2kit.record.written_paths import PYTHON

if TYPE_CHECKING:  # a command begins before the models of its record are loaded
    from week2kit.record.command import Coverage

#: Where the hook reads the place of its log.
LOG: Final = "WEEK2KIT_OBSERVED_LOG"
STARTUP: Final = Path(__file__).parent / "startup"

#: Shared libraries: outside of a project they are of a program, also of one that never said where its own are.
_LIBRARY: Final = re.compile(r"\.(?:so(?:\.[0-9]+)*|dylib|dll|pyd)$")
#: What this machine is looked up by.
_HERE: Final = {"localhost", "127.0.0.1", "::1"}
_SMALL: Final = 1 << 20


@dataclass(frozen=True)
class Before:
    """What a file was just before the command changed it; its content only where it is small."""

    sha256: str
    bytes: int
    content: builtins.bytes | None


@dataclass(frozen=True)
class Watched:
    """What was seen of a command; paths are absolute, and as the command wrote them where they lead through links.

    Attributes:
        reads: the files that were there before and were read; of those that the command then changed what they were,
            None where it could not be told.
        writes: the files that it wrote and left.
        listed: the folders that it listed; of programs other than Python where `asked` was watched.
        modules: the Python files that it read, and the scripts that it ran as programs; those of Python and of
            installed distributions left out.
        distributions: versions of the distributions that its Pythons imported.
        facts: what the Python that computed said of itself: the first with numpy, else the first; None where none did.
        coverage: what was observed, and what could not be.
        seen: the system calls, and why there are none where they were not watched.
    """

    reads: Mapping[str, Before | None]
    writes: tuple[str, ...]
    listed: frozenset[str]
    modules: tuple[str, ...]
    distributions: Mapping[str, str]
    facts: Mapping[str, Any] | None
    coverage: Coverage
    seen: Seen


@dataclass
class Watch:
    """Watches one command, from before its start to after its end.

    Args:
        scratch: an empty folder of its own, to which the command may write.
        confine: what the command may use: the keywords of `launching.confine`.
        observe: whether to watch the system calls too.
        asked: whether those too that only ask whether something is there.
        here: its working directory; what lies below is never taken for a part of the system.
    """

    scratch: Path
    confine: dict[str, Any] | None = None
    observe: bool = True
    asked: bool = False
    here: Path = field(default_factory=Path.cwd)
    _before: dict[str, Before] = field(default_factory=dict)
    _path: Sequence[str] = ()

    def __enter__(self) -> Watch:
        self._calls = Calls(before_change=self._keep, confine=self.confine, observe=self.observe, asked=self.asked)
        self._calls.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.__exit__()

    @property
    def _log(self) -> Path:
        return (self.scratch / "log").absolute()

    @property
    def pass_fds(self) -> tuple[int, ...]:
        """The descriptors that the command has to be started with."""
        return self._calls.pass_fds

    def argv(self, command: Sequence[str]) -> list[str]:
        """What to start in place of the command."""
        self._tell_start(command)
        return self._calls.argv(command)

    def environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables of the command, with which its Pythons find the hook."""
        self._path = list(filter(os.path.isabs, environment.get("PATH", os.defpath).split(os.pathsep)))
        path = os.pathsep.join(filter(None, [str(STARTUP.absolute()), environment.get("PYTHONPATH", "")]))
        return {**environment, LOG: str(self._log), "PYTHONPATH": path}

    def finish(self) -> Watched:
        """What was seen, once the command has ended."""
        seen, told = self._calls.finish(), read_log(self._log)
        facts = _facts(told)
        ran = [call.path for call in seen.calls if call.kind == "run"]
        told_prefixes = {prefix for one in told.processes for prefix in one.prefixes}
        own = _Own(sorted(told_prefixes.union(_prefixes_of(ran))), self.here, self.scratch)
        came, made = _came_and_made(seen.calls, {os.path.normpath(folder) for folder in self._path} - {str(self.here)})
        came |= dict.fromkeys(one.path for one in told.inputs if one.path not in made)
        reads: dict[str, Before | None] = {}
        for path in came:
            if not own.is_ours(path) and (path in self._before or _is_file(path)):
                reads[path] = self._before.get(path)
        modules = dict.fromkeys(told.modules.values())
        for path in [*reads]:
            source = _source_of(path)
            if source is not None or path in modules or path in ran:
                del reads[path]
                modules.setdefault(source or path)
        written = [*_written_by(seen.calls), *(one.path for one in told.outputs)]
        return Watched(
            reads=reads,
            writes=tuple(path for path in dict.fromkeys(written) if _is_file(path) and not own.is_ours(path)),
            listed=told.listed | _listed_by(seen.calls, {one.pid for one in told.processes}),
            modules=tuple(path for path in modules if not own.is_ours(path) and _is_code(path)),
            distributions=told.distributions,
            facts=facts,
            coverage=_coverage(seen, told),
            seen=seen,
        )

    def _tell_start(self, argv: Sequence[str]) -> None:
        """Tell the first program as those that a hooked Python starts: one that never announces itself was not seen."""
        python = Path(argv[0]).name.lower().startswith(("python", "pypy"))
        entry = {"event": "start", "pid": os.getpid(), "argv": list(argv), "python": python, "hooked": python}
        with self._log.open("ab") as file:
            file.write(json.dumps(entry).encode("ascii") + b"\n")

    def _keep(self, call: Call) -> None:
        """Digest a file that is about to be changed, where what it holds can be part of the outcome."""
        path = call.path
        if path in self._before or not call.existed or SYSTEM.match(path) or path.startswith(str(self.scratch)):
            return
        cut = call.kind != "open" or call.flags & os.O_TRUNC
        if cut and not self._calls.was_read(path):
            return
        with contextlib.suppress(OSError):
            size, digest = digest_regular(Path(path), sys.maxsize, follow=True)
            self._before[path] = Before(digest, size, Path(path).read_bytes() if size <= _SMALL else None)


class _Own:
    """What is no input: the system, Python and its distributions, and what is there to watch."""

    def __init__(self, prefixes: Sequence[str], here: Path, scratch: Path) -> None:
        parts = ("bin", "lib", "lib32", "lib64", "include", "share", "etc", "conda-meta", "ssl", "libexec")
        places = [f"{prefix}{os.sep}{part}{os.sep}" for prefix in prefixes for part in parts]
        watching = (os.path.dirname(__file__) + os.sep, str(scratch) + os.sep)  # noqa: PTH120
        self._places = (*places, *watching)
        self._here = str(here) + os.sep

    def is_ours(self, path: str) -> bool:
        if path.startswith(self._places) or VERSIONS.search(path):
            return True
        if path.startswith(self._here):
            return False
        return SYSTEM.match(path) is not None or _LIBRARY.search(path) is not None


def _facts(told: Observed) -> Mapping[str, Any] | None:
    """Of a notebook, the first Python is that of Jupyter, and the kernel is one of its children."""
    said = [told.facts[one.pid] for one in told.processes if one.pid in told.facts]
    return next((facts for facts in said if facts.get("pools")), next(iter(said), None))


def _prefixes_of(programs: Iterable[str]) -> list[str]:
    """Where the Pythons among these programs are installed, also where they did not tell."""
    found = set[Path]()
    for path in map(Path, programs):
        if PYTHON.fullmatch(path.name) and not _is_code(str(path)):  # no wrapper of that name
            found |= {path.resolve().parents[1]} if len(path.resolve().parents) > 2 else set()
            found |= {path.parents[1]} if path.with_name("..").joinpath("pyvenv.cfg").exists() else set()
    return sorted(map(str, found))


def _came_and_made(calls: Iterable[Call], programs: Set[str]) -> tuple[dict[str, None], set[str]]:
    """The paths that were there before the command and were read, and those at which it put something else first.

    What was only run from the folders `programs` is a part of the machine.
    """
    came, made = dict[str, None](), set[str]()
    for call in calls:
        reads = call.kind == "open" and not call.flags & os.O_TRUNC
        reads = reads or (call.kind == "run" and os.path.dirname(call.path) not in programs)  # noqa: PTH120
        if reads and call.existed and call.path not in made:
            came[call.path] = None
        if call.changes and (call.kind != "open" or call.flags & os.O_TRUNC or not call.existed):
            made.add(call.path)
    return came, made - came.keys()


def _listed_by(calls: Iterable[Call], hooked: Set[int]) -> set[str]:
    """The folders that processes listed which did not tell of it themselves: a Python lists many for its modules."""
    flag = getattr(os, "O_DIRECTORY", 0)
    return {call.path for call in calls if call.kind == "open" and call.flags & flag and call.pid not in hooked}


def _written_by(calls: Iterable[Call]) -> Iterable[str]:
    return (call.path for call in calls if call.changes and call.kind != "removed")


def _source_of(path: str) -> str | None:
    """The Python file that a path is, or was compiled from; None where it is none."""
    if match := COMPILED.fullmatch(path):
        return os.path.join(match["folder"], match["name"] + ".py")  # noqa: PTH118
    return path if path.endswith((".py", ".pyw")) else None


def _is_code(path: str) -> bool:
    """Whether a file is a Python file, or a script that names its interpreter: no program of machine code."""
    if not _is_file(path) or path.endswith((".py", ".pyw")):
        return _is_file(path)
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def _coverage(seen: Seen, told: Observed) -> Coverage:
    from week2kit.record.command import NEVER_SEEN, Coverage

    of_hook = told.coverage
    refused = {} if seen.not_observed is None else {"system_calls": seen.not_observed}
    programs = {*of_hook.other_programs, *(["python"] if of_hook.pythons_not_seen else [])} | _programs(seen, told)
    unread = of_hook.unreadable + len(of_hook.failures) + seen.unread + seen.left_out + seen.io_uring
    observers = [*(["audit_hook"] if of_hook.processes else []), *([] if refused else ["system_calls"])]
    connected = {call.path for call in seen.calls if call.kind == "connect" and _is_network(call.path)}
    asked = {*told.network} - seen.within - (_HERE if seen.within else set())
    return Coverage.model_validate(
        {
            "observers": observers,
            "refused": refused,
            "processes": max(len(seen.processes), of_hook.processes, 1),
            "hooked": of_hook.processes,
            "programs": sorted(programs),
            "native_readers": list(of_hook.native_readers),
            "network": bool(asked or connected - seen.within),
            "within": bool(seen.within),
            "unreadable": unread,
            "never_seen": list(NEVER_SEEN),
        }
    )


def _programs(seen: Seen, told: Observed) -> set[str]:
    """The names of the programs that system calls show: of a process that became a Python with a hook, those before."""
    ran: dict[int, list[str]] = {}
    for call in seen.calls:
        if call.kind == "run" and _is_file(call.path):
            ran.setdefault(call.pid, []).append(os.path.basename(call.path))  # noqa: PTH119
    hooked = Counter(one.pid for one in told.processes if not one.forked)  # twice where it becomes another one (exec)
    return {name for pid, names in ran.items() for name in names[: max(0, len(names) - hooked[pid])]}


def _is_network(address: str) -> bool:
    return not address.startswith(("/", "@")) and not address.startswith("family ") and address != ""
