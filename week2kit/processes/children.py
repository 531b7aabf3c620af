"""Child processes for one piece of work each: whatever happens to a child costs its own work only.

Where processes can be forked, one server has imported scikit-learn and computed nothing, and forks a child per call:
a child costs milliseconds instead of the seconds of an import. Elsewhere one spawned worker serves call after call,
and is replaced when it dies. What only holds for a process from its start on (environment variables, another Python)
gets a process of its own. A child that hangs or dies (killed, out of memory, by a signal) is told as such.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from typing import Any

from week2kit.errors import ChildDied, ServerDied, TimeLimitReached
from week2kit.processes.forking import (
    STARTING,
    fork_child,
    import_path,
    running_server,
    start_program,
    working_directory,
)
from week2kit.processes.limits import Limits
from week2kit.processes.serving import BUG, MEMORY, Settings, Work, serve


class ChildBug(RuntimeError):
    """The work itself raised an error that it should have answered with: a bug of ours; holds the traceback."""


class Children:
    """Runs functions of week2kit in child processes.

    Args:
        preload: modules that the server imports once.
        method: the start method; by default forkserver where processes can be forked, else spawn.
        limits: what each child may use.

    Attributes:
        again: to be held while work is done again that was lost with the server: what killed it once may do so again.
    """

    def __init__(self, preload: list[str], method: str | None = None, limits: Limits | None = None) -> None:
        self._method = method or ("forkserver" if hasattr(os, "fork") else "spawn")
        self._preload = preload
        self._limits = limits or Limits()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._over = False
        self._answers: dict[tuple[Any, ...], bytes] = {}
        self._answering = threading.Lock()
        self.again = threading.RLock()

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End every child at once and start no more; callers in other threads are told that their child died."""
        self._over = True
        for child in list(self._busy):
            child.interrupt()  # whoever uses it closes it
        while self._idle:
            self._idle.pop().kill()

    def warm_up(self) -> None:
        """Start the server (or the first worker) without waiting for it: it imports while the caller reads files."""
        if self._method == "forkserver":
            with STARTING, contextlib.suppress(OSError):  # told to whoever asks for a child
                running_server(self._preload)
        else:
            self._idle.append(self._start())

    def call(self, work: Work, *arguments: Any, timeout: float) -> bytes:
        """What `work` returns for `arguments` in a child process.

        Raises:
            TimeLimitReached: it took longer than `timeout` seconds; the child was killed.
            ChildDied: the child ended without an answer.
            MemoryError: the child's memory was not enough for the work.
            ChildBug: the work raised another error.
        """
        with self.child() as child:
            return child.call(work, *arguments, timeout=timeout)

    @contextlib.contextmanager
    def child(self) -> Iterator[Child]:
        """One child, for several calls in a row; it is killed where one of them ends in an error."""
        with self._used(self._idle.pop() if self._idle else self._start()) as child:
            yield child
        if self._method == "forkserver":
            child.end()
        else:
            self._idle.append(child)

    @contextlib.contextmanager
    def started(self, variables: Mapping[str, str], python: str | None = None) -> Iterator[Child]:
        """A child in a process that is started for it, and ends with it.

        Args:
            variables: environment variables on top of those of this process; an empty value takes one away.
            python: the interpreter; by default the one that runs here.

        Raises:
            NotImplementedError: no process can be started with an open connection on this system.
        """
        with self._used(_started_child(variables, python, self._limits)) as child:
            yield child
        child.end()

    @contextlib.contextmanager
    def _used(self, child: Child) -> Iterator[Child]:
        self._busy.add(child)
        try:
            if self._over:
                raise ChildDied("Its process was ended.", None)
            yield child
        except BaseException:
            child.kill()
            raise
        finally:
            self._busy.discard(child)

    def call_once(self, work: Work, *arguments: Any, timeout: float) -> bytes:
        """As `call`, for what is the same in every child: asked once, and remembered as long as the children live."""
        with self._answering:
            key = (work, *arguments)
            if key not in self._answers:
                self._answers[key] = self.call(work, *arguments, timeout=timeout)
            return self._answers[key]

    def _start(self) -> Child:
        if self._method == "forkserver":
            process, connection = fork_child(self._preload)
        else:
            context: BaseContext = multiprocessing.get_context(self._method)
            connection, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs,), daemon=False)  # type: ignore[attr-defined]
            with STARTING, _without_main(), _without_working_directory():
                process.start()
            theirs.close()
        return Child(process, connection, _settings(self._limits, import_path()))


def _settings(limits: Limits, path: list[str] | None) -> Settings:
    kept = {name: os.environ[name] for name in limits.variables if name in os.environ}
    return Settings(limits, working_directory(), path, kept, os.getpid())


class Child:
    """A child process that waits for work."""

    def __init__(self, process: Any, connection: Connection, settings: Settings) -> None:
        self._process = process
        self._connection = connection
        self._closing = threading.Lock()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died: told when it is called
            self._connection.send(settings)

    def call(self, work: Work, *arguments: Any, timeout: float) -> bytes:
        """What `work` returns for `arguments`; errors as of `Children.call`."""
        deadline = time.monotonic() + timeout
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died: told below
            self._connection.send((work, arguments))
        wait([self._connection, *self._process_ends()], max(0.0, deadline - time.monotonic()))
        try:
            if self._connection.poll():
                reply = self._connection.recv_bytes()
                if reply[:1] == MEMORY:
                    raise MemoryError
                if reply[:1] == BUG:
                    raise ChildBug(reply[1:].decode("utf-8", "replace"))
                return reply[1:]
        except (EOFError, OSError):
            pass
        self._process.join(1.0 if time.monotonic() < deadline else 0.0)
        if self._process.exitcode is None and time.monotonic() >= deadline:
            raise TimeLimitReached(f"It was stopped after {timeout:g} seconds.")
        if getattr(self._process, "lost", False):
            raise ServerDied("The process that starts the trainings was ended, and this one with it.", None)
        raise ChildDied(_how_it_ended(self._process.exitcode), self._process.exitcode)

    def _process_ends(self) -> list[Any]:
        """What to wait for besides an answer; a started program closes its end of the connection when it ends."""
        return [] if isinstance(self._process, _Program) else [self._process.sentinel]

    def end(self) -> None:
        """Let it end, which it does when nobody is left to ask it anything."""
        self._connection.close()
        self._process.join(5)
        self.kill()

    def kill(self) -> None:
        """End it at once, and forget it; for the thread that uses it."""
        self.interrupt()
        with self._closing, contextlib.suppress(OSError, ValueError):
            self._connection.close()
            self._process.join(5)
            self._process.close()

    def interrupt(self) -> None:
        """End it at once, from any thread: whoever waits for an answer is told that it died."""
        with self._closing, contextlib.suppress(OSError, ValueError):  # ValueError: it is closed already
            self._process.kill()


class _Program:
    """A started program with the part of multiprocessing's Process that `Child` uses."""

    def __init__(self, started: subprocess.Popen[bytes]) -> None:
        self._started = started

    @property
    def exitcode(self) -> int | None:
        return self._started.poll()

    def join(self, timeout: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._started.wait(timeout)

    def kill(self) -> None:
        self._started.kill()

    def close(self) -> None:
        """Nothing is held that must be given back."""


def _started_child(variables: Mapping[str, str], python: str | None, limits: Limits) -> Child:
    if os.name != "posix":
        raise NotImplementedError("a process with other kernels can be started on Linux and macOS only")
    started, connection = start_program("serve_started", variables, python, limits.variables)
    return Child(_Program(started), connection, _settings(limits, None))


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:
            name = f"signal {-exitcode}"
        more = ": the memory may have run out" if name == "SIGKILL" else ""
        return f"Its process was ended by {name}{more}."
    return f"Its process ended without an answer (exit code {exitcode})."


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the caller's main module from multiprocessing, which would import it in every child.

    The functions that run in children are week2kit's own; a user's script without an ``if __name__`` guard must not
    be run again by asking for a verdict.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _without_working_directory() -> Iterator[None]:
    """Start Python so that it does not look for modules in the working directory first, which ``python -c`` does.

    Whoever verifies a stranger's runs may stand in the stranger's folder, and a ``numpy.py`` may lie there. The
    children inherit it, for the processes that joblib starts from them.
    """
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before
