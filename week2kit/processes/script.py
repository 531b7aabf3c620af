"""A person's own command, run as it stands: without a shell, its output passed on as it comes, and ended as a whole."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from week2kit.canonical import clean
from week2kit.errors import UsageError
from week2kit.importing import held
from week2kit.processes.limits import prctl
from week2kit.processes.tree import MARK, PATIENCE, Tree, guarded

#: The ends of both streams that are kept: metrics are printed last, and so is what went wrong.
KEPT_OUTPUT: Final = 1 << 20
KEPT_ERRORS: Final = 64 << 10

_SUBREAPER: Final = 36

#: Seconds that processes have to end after the command itself.
_MOMENT: Final = 0.5

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True)
class Ended:
    """How a command ended: with an exit code, by a signal, or at its time limit.

    Attributes:
        output: the end of its standard output.
        errors: the end of its standard error.
        left_running: whether processes that it had started were still there, and were ended.
    """

    code: int | None
    signal: int | None
    timed_out: bool
    output: bytes
    errors: bytes
    seconds: float
    left_running: bool

    @property
    def is_complete(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.code == 0 and not self.timed_out


def find_program(argv: Sequence[str], directory: Path, environment: Mapping[str, str]) -> str:
    """The path of the program that a command names, as a shell would find it.

    Raises:
        UsageError: there is no command, or no such program, or it may not be run.
    """
    if not argv or not argv[0]:
        raise UsageError("no command was given. Write it after --: week2kit train -- python train.py --seed 1")
    name, shown = argv[0], clean(argv[0], 100)
    if any("\0" in word for word in argv):
        raise UsageError(f"{shown}: a word of the command holds a NUL character, which no program can be given.")
    if os.sep in name or (os.altsep and os.altsep in name):
        path = directory / name
        if not path.exists():
            raise UsageError(f"{shown}: there is no such program.")
        if path.is_dir():
            raise UsageError(f"{shown}: expected a program, and it is a folder.")
        if not os.access(path, os.X_OK):
            helps = f" Run it by its interpreter: python {shown}" if path.suffix == ".py" else f" chmod +x {shown}"
            raise UsageError(f"{shown}: it may not be run.{helps}")
        _check_first_line(path, shown)
        return name
    found = shutil.which(name, path=environment.get("PATH"))
    if found is None:
        here = directory / name
        helps = f" A file in this folder is named ./{shown}" if here.is_file() else ""
        if here.is_file() and here.suffix == ".py":
            helps = f" To run the file in this folder: python {shown}"
        raise UsageError(f"{shown}: no program of this name was found on the PATH.{helps}")
    _check_first_line(Path(found), shown)
    return found


def _check_first_line(path: Path, shown: str) -> None:
    """Refuse a text that names no interpreter, or one that is not there: the system would not start it."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError:  # it may be run, and not be read
        return
    if os.name != "posix" or b"\0" in head:  # no text
        return
    by = "python" if path.suffix == ".py" else "sh"
    if not head.startswith(b"#!"):
        raise UsageError(f"{shown}: its first line names no interpreter (#!). Run it by one: {by} {shown}")
    line = head[2:].partition(b"\n")[0].strip(b" \t")
    interpreter = line.partition(b" ")[0].partition(b"\t")[0].decode(errors="replace")
    if interpreter.endswith("\r"):
        raise UsageError(f"{shown}: its lines end as on Windows (CR LF), so no interpreter is found. Save it with LF.")
    if not Path(interpreter).exists():
        raise UsageError(
            f'{shown}: its first line names an interpreter that is not there: "{clean(interpreter, 100)}". '
            f"Correct it, or run the file by one: {by} {shown}"
        )


def run_script(
    argv: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    timeout: float | None = None,
    on_output: Callable[[Stream, bytes], None] = lambda stream, data: None,
    started_by: Sequence[str] | None = None,
    pass_fds: Sequence[int] = (),
    stdin: int | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    umask: int | None = None,
) -> Ended:
    """Run a command to its end, and pass on what it writes.

    It has a session of its own, and the standard input of this process, unless that is a terminal. Whatever ends this
    call, and be it that this process is killed, ends the command with all that it started.

    Args:
        argv: the command.
        directory: its working directory.
        environment: its environment variables; one is added, by which its processes are known.
        timeout: seconds after which it is ended.
        on_output: told of what it writes, as it comes, in other threads.
        started_by: the words that start it in place of its own: those of an observer.
        pass_fds: descriptors that it inherits.
        stdin: a descriptor in place of the standard input of this process.
        umask: its file mode mask; by default that of this process.
        meanwhile: called once it runs: what takes a moment is done beside it, and not before it.

    Raises:
        UsageError: there is no such program, or the system does not start it.
        KeyboardInterrupt: as it came, after the command and what it had started were ended.
    """
    find_program(argv, directory, environment)
    start, mark = time.monotonic(), os.urandom(8).hex()
    with _orphans_are_ours(), contextlib.ExitStack() as stack:
        with held():  # between its start and our knowledge of it
            process = _start([*(started_by or argv)], directory, {**environment, MARK: mark}, pass_fds, stdin, umask)
            tree = Tree(process.pid, mark)
            stack.enter_context(guarded(process.pid, mark))
            stack.callback(tree.reap)
            _running.add(tree)
            stack.callback(_running.discard, tree)
            stack.push(lambda kind, *_: _end(process, tree) if kind is not None else None)
        pipes: list[tuple[Stream, Any]] = [("stdout", process.stdout), ("stderr", process.stderr)]
        tails: dict[Stream, _Tail] = {"stdout": _Tail(KEPT_OUTPUT), "stderr": _Tail(KEPT_ERRORS)}
        readers = [
            threading.Thread(target=_pass_on, args=(pipe, name, tails[name], on_output), daemon=True)
            for name, pipe in pipes
        ]
        for reader in readers:
            reader.start()
        timed_out = False
        meanwhile()
        try:
            process.wait(None if timeout is None else max(0.0, timeout - (time.monotonic() - start)))
        except subprocess.TimeoutExpired:
            timed_out = True
            _end(process, tree, signal.SIGTERM)
        left = not timed_out and _stays(tree)
        if left:
            _end(process, tree, signal.SIGTERM)
        _join(readers)
    code = process.returncode
    return Ended(
        code=code if code >= 0 and not timed_out else None,
        signal=-code if code < 0 and not timed_out else None,
        timed_out=timed_out,
        output=bytes(tails["stdout"]),
        errors=bytes(tails["stderr"]),
        seconds=time.monotonic() - start,
        left_running=left,
    )


_running = set[Tree]()


def end_running() -> None:
    """End every command that this process runs, in whatever thread: whoever waits for one goes on."""
    for tree in [*_running]:
        tree.end()


def _start(
    argv: list[str],
    directory: Path,
    environment: Mapping[str, str],
    pass_fds: Sequence[int],
    stdin: int | None,
    umask: int | None,
) -> subprocess.Popen[bytes]:
    try:
        with _interrupts_blocked() if pass_fds else contextlib.nullcontext():
            return subprocess.Popen(
                argv,
                cwd=directory,
                env=environment,
                stdin=stdin if stdin is not None else subprocess.DEVNULL if _is_terminal(0) else None,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=pass_fds,
                umask=-1 if umask is None else umask,
            )
    except OSError as error:
        helps = " Its first line names no interpreter (#!)." if error.errno == errno.ENOEXEC else ""
        raise UsageError(f"{clean(argv[0], 100)}: it cannot be started: {error.strerror}.{helps}") from None


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let what is started have Ctrl-C blocked: an observer's launcher takes it before it becomes the command."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _orphans_are_ours() -> Iterator[None]:
    """Let processes that lose their parent become children of this one, so that they are found and forgotten."""
    took = prctl(_SUBREAPER, 1)
    try:
        yield
    finally:
        if took:
            prctl(_SUBREAPER, 0)


class _Tail:
    """The last bytes of a stream."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._parts = deque[bytes]()

    def add(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        while self._size - len(self._parts[0]) >= self._limit:
            self._size -= len(self._parts.popleft())

    def __bytes__(self) -> bytes:
        return b"".join(self._parts)[-self._limit :]


def _pass_on(pipe: Any, name: Stream, tail: _Tail, on_output: Callable[[Stream, bytes], None]) -> None:
    with pipe:
        while data := os.read(pipe.fileno(), 1 << 16):
            tail.add(data)
            with contextlib.suppress(Exception):  # whoever listens may have gone: the command goes on
                on_output(name, data)


def _join(readers: Sequence[threading.Thread]) -> None:
    """Wait for the last output; what a process left behind holds the pipe open, and is not waited for."""
    ends = time.monotonic() + PATIENCE
    for reader in readers:
        reader.join(max(0.0, ends - time.monotonic()))


def _stays(tree: Tree) -> bool:
    """Whether processes are still there that end a moment after their parent: pools and what tidies up behind them."""
    ends = time.monotonic() + _MOMENT
    while tree.alive():
        if time.monotonic() > ends:
            return True
        tree.reap()
        time.sleep(0.02)
    return False


def _end(process: subprocess.Popen[bytes], tree: Tree, *numbers: int) -> None:
    """End all of a command: as it was asked for, or as Ctrl-C does; at once where that is asked for twice."""
    try:
        tree.end(*(numbers or (signal.SIGINT, signal.SIGTERM)))
    except KeyboardInterrupt:
        tree.end()
    process.wait()


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False
