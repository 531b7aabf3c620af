"""What a log of the hook says: inputs, outputs, processes, and what could not be seen.

The script can write into the log: nothing in it is taken on trust, and no line of it can make the reader fail.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from week2kit.record.requirements import distribution_of, normal_name

_LONGEST: Final = 1 << 20
#: What is of the system, of Python, or of the tools beside a project: versions and provenance, no inputs.
SYSTEM: Final = re.compile(r"/(?:proc|sys|dev|etc|usr|lib|lib32|lib64|libx32|bin|sbin|run)/")
VERSIONS: Final = re.compile(
    r"[/\\](?:site|dist)-packages[/\\]|[/\\]pyvenv\.cfg$|[/\\]lib[/\\]python3[^/\\]*[/\\]|[/\\]\.git[/\\]"
    r"|[/\\](?:\.cache|Library[/\\]Caches)[/\\](?:uv|pip)[/\\]"
    r"|[/\\]uv-[0-9a-f]{16}\.lock$|[/\\]\.jupyter[/\\]migrated$"
)
#: A compiled module, which stands for its source.
COMPILED: Final = re.compile(r"(?P<folder>.*)[/\\]__pycache__[/\\](?P<name>[^/\\.]+)\.[^/\\]+\.pyc(?:\.\d+)?")


@dataclass(frozen=True)
class Input:
    """A file that was there before the run and was read; by how many processes, and whether it was also written."""

    path: str
    processes: int
    written: bool


@dataclass(frozen=True)
class Output:
    """A file that the run wrote and left; `created`, or modified."""

    path: str
    created: bool


@dataclass(frozen=True)
class Process:
    """A Python process that announced itself, with the folders of its Python."""

    pid: int
    parent: int
    argv: tuple[str, ...]
    prefixes: tuple[str, ...]
    forked: bool


@dataclass(frozen=True)
class Start:
    """A program that a process started; `hooked` where it is a Python that should announce itself."""

    parent: int
    argv: tuple[str, ...]
    python: bool
    hooked: bool


@dataclass(frozen=True)
class Coverage:
    """What the observer saw and what it could not.

    Attributes:
        processes: Python processes that announced themselves.
        pythons_not_seen: Pythons that were started and never announced themselves.
        other_programs: names of programs that are no Python: what they do was not seen.
        native_readers: libraries that read files where no hook sees it.
        failures: places where the hook itself failed.
        unreadable: lines of the log that could not be read.
    """

    processes: int
    pythons_not_seen: int
    other_programs: tuple[str, ...]
    native_readers: tuple[str, ...]
    failures: tuple[str, ...]
    unreadable: int


@dataclass(frozen=True)
class Observed:
    """What was observed; paths are absolute and sorted.

    Attributes:
        inputs: files that were there before and were read before they were written.
        outputs: files that were written and are still there.
        modules: files of the project's own modules, by name where it is known.
        distributions: versions of the imported distributions.
        network: addresses that were asked for.
        listed: folders whose names were asked for, but by the search for modules.
        facts: what each process said of itself at its end, by process id.
    """

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    processes: tuple[Process, ...]
    network: tuple[str, ...]
    listed: frozenset[str]
    modules: dict[str, str]
    distributions: dict[str, str]
    facts: dict[int, dict[str, Any]]
    coverage: Coverage


@dataclass
class _File:
    before: tuple[int, int] | None
    kind: str = "file"
    readers: set[int] = field(default_factory=set)
    input: bool = False
    written: bool = False
    database: bool = False
    removed: bool = False


class _Log:
    def __init__(self) -> None:
        self.files: dict[str, _File] = {}
        self.processes: list[Process] = []
        self.starts: list[Start] = []
        self.network: set[str] = set()
        self.listed: set[str] = set()
        self.modules: dict[str, str] = {}
        self.packages: set[str] = set()
        self.places: dict[str, None] = {}
        self.facts: dict[int, dict[str, Any]] = {}
        self.native: set[str] = set()
        self.failures: set[str] = set()
        self.unreadable = 0

    def take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            pid = _number(entry["pid"])
            getattr(self, "_" + str(entry["event"]).replace(" ", "_") + "_line")(entry, pid)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OverflowError):
            self.unreadable += 1

    def _process_line(self, entry: dict[str, Any], pid: int) -> None:
        argv, prefixes = _texts(entry["argv"]), _texts(entry["prefixes"])
        self.processes.append(Process(pid, _number(entry["parent"]), argv, prefixes, entry["forked"] is True))

    def _open_line(self, entry: dict[str, Any], pid: int) -> None:
        access = entry["access"]
        if access not in ("reads", "writes", "both"):
            raise ValueError(access)
        self._touch(_text(entry["path"]), entry["before"], pid, reads=access != "writes", writes=access != "reads")

    def _database_line(self, entry: dict[str, Any], pid: int) -> None:
        self._touch(_text(entry["path"]), entry["before"], pid, reads=True, writes=False).database = True

    def _list_line(self, entry: dict[str, Any], pid: int) -> None:
        self.listed.add(_text(entry["path"]))

    def _rename_line(self, entry: dict[str, Any], pid: int) -> None:
        source, target = _texts(entry["paths"])
        below = [path for path in self.files if path.startswith(source + os.sep)]
        for old in below:
            moved = self.files[old]
            if moved.written and not moved.removed:
                self._touch(target + old[len(source) :], None, pid, reads=False, writes=True)
            moved.removed = True
        if entry["before"][0] is None or entry["before"][0][0] == "file":
            known = self.files.get(source)
            fresh = known is not None and known.written
            self._touch(source, entry["before"][0], pid, reads=not fresh, writes=False).removed = True
            self._touch(target, entry["before"][1], pid, reads=False, writes=True)

    def _link_line(self, entry: dict[str, Any], pid: int) -> None:
        source, target = _texts(entry["paths"])
        self._touch(source, entry["before"][0], pid, reads=True, writes=False)
        self._touch(target, entry["before"][1], pid, reads=False, writes=True)

    def _symlink_line(self, entry: dict[str, Any], pid: int) -> None:
        self._touch(_texts(entry["paths"])[0], entry["before"][0], pid, reads=False, writes=True)

    def _truncate_line(self, entry: dict[str, Any], pid: int) -> None:
        self._touch(_texts(entry["paths"])[0], entry["before"][0], pid, reads=True, writes=True)

    def _remove_line(self, entry: dict[str, Any], pid: int) -> None:
        self._touch(_texts(entry["paths"])[0], entry["before"][0], pid, reads=False, writes=False).removed = True

    def _start_line(self, entry: dict[str, Any], pid: int) -> None:
        self.starts.append(Start(pid, _texts(entry["argv"]), entry["python"] is True, entry["hooked"] is True))

    def _network_line(self, entry: dict[str, Any], pid: int) -> None:
        self.network.add(":".join(_texts(entry["address"])))

    def _native_line(self, entry: dict[str, Any], pid: int) -> None:
        self.native.add(_text(entry["name"]))

    def _hook_failed_line(self, entry: dict[str, Any], pid: int) -> None:
        self.failures.add(f"{_text(entry['where'])}: {_text(entry['error'])}")

    def _modules_line(self, entry: dict[str, Any], pid: int) -> None:
        modules = {_text(name): _text(path) for name, path in entry["modules"].items()}
        self.packages |= {*_texts(entry["packages"])}
        self.places |= dict.fromkeys(_texts(entry["places"]))
        for name, path in modules.items():
            self.modules.setdefault(name, path)

    def _end_line(self, entry: dict[str, Any], pid: int) -> None:
        if not isinstance(entry["facts"], dict):
            raise TypeError
        self.facts[pid] = entry["facts"]

    def _touch(self, path: str, before: Any, pid: int, *, reads: bool, writes: bool) -> _File:
        state, kind = None, "file"
        if before is not None:
            kind = _text(before[0])
            state = (_number(before[1]), _number(before[2]))
        file = self.files.setdefault(path, _File(state, kind))
        if reads and before is not None:
            file.readers.add(pid)
            file.input = file.input or (file.before is not None and not file.written)
        if writes:
            file.written = True
            file.removed = False
            if file.before is None:
                file.kind = kind
        return file


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(map(_text, value))


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _state(path: str) -> tuple[int, int] | None:
    """Bytes and time of a regular file; None where there is none."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def read_log(log: Path) -> Observed:
    """What the log at this place says, and what is there now of the files that it names.

    A log that is not there is one in which nothing announced itself.
    """
    found = _Log()
    try:
        with log.open("rb") as lines:
            while line := lines.readline(_LONGEST + 1):
                if len(line) > _LONGEST and not line.endswith(b"\n"):
                    while line and not line.endswith(b"\n"):
                        line = lines.readline(_LONGEST + 1)
                    found.unreadable += 1
                else:
                    found.take(line)
    except FileNotFoundError:
        pass
    return _observed(found)


def _observed(log: _Log) -> Observed:
    modules = dict(log.modules)
    known = set(modules.values())
    for path in log.files:
        if match := COMPILED.fullmatch(path):  # a process that told no end, and read what was compiled before
            source = os.path.join(match["folder"], match["name"] + ".py")  # noqa: PTH118
            if source not in known and not VERSIONS.search(source):
                modules[source] = source
                known.add(source)
    inputs, outputs = [], []
    for path, file in sorted(log.files.items()):
        if file.kind != "file" or VERSIONS.search(path) or COMPILED.fullmatch(path):
            continue
        now = _state(path)
        changed = now != file.before
        written = (file.written or (file.database and changed)) and now is not None and changed
        if written and not path.startswith(("/proc/", "/sys/", "/dev/")):
            outputs.append(Output(path, created=file.before is None))
        if file.input and path not in known and not SYSTEM.match(path):
            inputs.append(Input(path, len(file.readers), written=changed))
    processes = tuple(log.processes)
    return Observed(
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        processes=processes,
        network=tuple(sorted(log.network)),
        listed=frozenset(log.listed),
        modules=modules,
        distributions=_distributions(log.packages, list(log.places)),
        facts=log.facts,
        coverage=_coverage(log, processes),
    )


def _distributions(packages: set[str], places: list[str]) -> dict[str, str]:
    """The versions of the distributions that bring these packages, by the names of their folders.

    Of a package that has another name than its distribution, the list of files tells; `importlib.metadata` reads all of
    them, a fifth of a second where there are many.
    """
    wanted = {distribution_of(name): name for name in packages}
    found: dict[str, str] = {}
    rest: list[tuple[str, str, Path]] = []
    for place in map(Path, places):
        try:
            names = sorted(os.listdir(place))  # noqa: PTH208
        except OSError:
            continue
        for entry in names:
            stem, suffix = os.path.splitext(entry)  # noqa: PTH122
            name, _, version = stem.partition("-")
            version = version.partition("-py")[0]
            if suffix not in (".dist-info", ".egg-info") or not version:
                continue
            if wanted.pop(normal_name(name), None) is not None:
                found[normal_name(name)] = version
            else:
                rest.append((normal_name(name), version, place / entry))
    left = {*wanted.values()}
    for name, version, folder in rest:
        if not left:
            break
        if tops := _top_levels(folder) & left:
            found[name] = version
            left -= tops
    return dict(sorted(found.items()))


def _top_levels(folder: Path) -> set[str]:
    """The packages that a distribution brings, by what its metadata say."""
    for name, end in (("top_level.txt", "\n"), ("RECORD", "/")):
        with contextlib.suppress(OSError):
            lines = (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
            return {line.strip().partition(end)[0].partition(".py,")[0] for line in lines}
    return set()


def _coverage(log: _Log, processes: tuple[Process, ...]) -> Coverage:
    announced = Counter(one.parent for one in processes if not one.forked)
    expected = Counter(start.parent for start in log.starts if start.hooked)
    for one in processes:  # a program that took the place of its parent's (exec) keeps its number
        if announced[one.pid] < expected[one.pid] and sum(other.pid == one.pid for other in processes) > 1:
            announced[one.pid] += 1
    unseen = sum(start.python and not start.hooked for start in log.starts)
    unseen += sum(max(0, count - announced[pid]) for pid, count in expected.items())
    others = {
        os.path.basename(start.argv[0])  # noqa: PTH119
        for start in log.starts
        if start.argv and not start.python and not _announced(start, processes)
    }
    native = log.native | {name for fact in log.facts.values() for name in _listed(fact.get("native"))}
    return Coverage(
        processes=len(processes),
        pythons_not_seen=unseen,
        other_programs=tuple(sorted(others)),
        native_readers=tuple(sorted(native)),
        failures=tuple(sorted(log.failures)),
        unreadable=log.unreadable,
    )


def _announced(start: Start, processes: tuple[Process, ...]) -> bool:
    """Whether a program turned out to be a script of a hooked Python, as console scripts are: found on the PATH.

    It is a child of the process that started it, or has taken its place.
    """
    name = os.path.basename(start.argv[0])  # noqa: PTH119
    return any(
        start.parent in (one.parent, one.pid) and not one.forked and name in map(os.path.basename, one.argv[1:])
        for one in processes
    )


def _listed(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
