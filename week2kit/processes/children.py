"""Child processes for one piece of work each: whatever happens to a child costs its own work only.

Where processes can be forked, one server has imported scikit-learn and computed nothing, and forks a child per call:
a child costs milliseconds instead of the seconds of an import. Elsewhere one spawned worker serves call after call,
and is replaced when it dies. What only holds for a process from its start on (environment variables, another Python)
gets a process of its own. A child that hangs or dies (killed, out of memory, by a signal) is told as such.

The server is not that of multiprocessing, which listens on a file in the temporary folder: it fails where that folder
is missing, or its path too long, and leaves the file behind. Ours has nothing but open sockets, which end with it.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import multiprocessing
import os
import re
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

from week2kit.errors import ChildDied, ServerDied, TimeLimitReached, refused
from week2kit.processes.limits import Limits, check_room, end_with_parent, impose, needed_variables
from week2kit.thresholds import ABANDONED_BUILD, ROOM_FOR_LIBRARIES

#: The work of a child, as "module:function": a function that returns bytes. The caller need not import the module,
#: and nothing that comes back from a child is ever unpickled.
Work: TypeAlias = str

_ANSWER: Final = b"a"
_BUG: Final = b"b"
_MEMORY: Final = b"m"

_starting: Final = threading.Lock()


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
            with _starting, contextlib.suppress(OSError):  # told to whoever asks for a child
                _running_server(self._preload)
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
        with self._used(_start_program(variables, python, self._limits)) as child:
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
            process, connection = _forked(self._preload)
        else:
            context: BaseContext = multiprocessing.get_context(self._method)
            connection, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs,), daemon=False)  # type: ignore[attr-defined]
            with _starting, _without_main(), _without_working_directory():
                process.start()
            theirs.close()
        return Child(process, connection, _settings(self._limits, _import_path()))


@dataclass(frozen=True)
class _Settings:
    """What a child is told first: what it may use, and where to find modules (None: where its own Python does)."""

    limits: Limits
    path: list[str] | None
    variables: Mapping[str, str]
    owner: int


def _settings(limits: Limits, path: list[str] | None) -> _Settings:
    kept = {name: os.environ[name] for name in limits.variables if name in os.environ}
    return _Settings(limits, path, kept, os.getpid())


def _import_path() -> list[str]:
    """Where this process finds modules; its working directory by name, which is another one in a child."""
    with contextlib.suppress(OSError):
        here = os.getcwd()  # noqa: PTH109
        return [path or here for path in sys.path]
    return [path for path in sys.path if path]


class Child:
    """A child process that waits for work."""

    def __init__(self, process: Any, connection: Connection, settings: _Settings) -> None:
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
                if reply[:1] == _MEMORY:
                    raise MemoryError
                if reply[:1] == _BUG:
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


#: What a started program runs: `serve_started` or `serve_forks`, with a socket, the process that starts it, and where
#: to find modules (nothing: where its own Python does). Those of the working directory must not be found first: -P.
_PROGRAM: Final = (
    "import sys; sys.path[:] = sys.argv[4:] or sys.path; import week2kit.processes.children as it; "
    "getattr(it, sys.argv[1])(int(sys.argv[2]), int(sys.argv[3]))"
)


def _start_program(variables: Mapping[str, str], python: str | None, limits: Limits) -> Child:
    if os.name != "posix":
        raise NotImplementedError("a process with other kernels can be started on Linux and macOS only")
    started, connection = _program("serve_started", variables, python, limits.variables)
    return Child(_Program(started), connection, _settings(limits, None))


def _program(
    function: str, variables: Mapping[str, str], python: str | None, also: Collection[str] = ()
) -> tuple[subprocess.Popen[bytes], Connection]:
    """A started program that runs a function of this module, and our end of the connection to it."""
    environment = {**needed_variables(also), **variables, "PYTHONSAFEPATH": "1"}
    environment = {name: value for name, value in environment.items() if value or name not in variables}
    ours, theirs = socket.socketpair()
    with theirs:
        path = _import_path() if python is None else []  # the week2kit that runs here, wherever it was imported from
        started = subprocess.Popen(
            [python or sys.executable, "-P", "-c", _PROGRAM, function, str(theirs.fileno()), str(os.getpid()), *path],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return started, Connection(ours.detach())


# --- the server that forks --------------------------------------------------------------------------------------

_NUMBER: Final = struct.Struct("q")

_server: _Server | None = None


class _Server:
    """A process that has imported what trainings need, and forks itself for each of them."""

    def __init__(self, preload: list[str]) -> None:
        self.owner = os.getpid()
        self._process, self._connection = _program("serve_forks", {}, None)
        self._connection.send(preload)

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def fork(self) -> tuple[_Fork, Connection]:
        """A new child and the connection to it.

        Raises:
            EOFError, OSError: the server has ended.
        """
        ours, theirs = socket.socketpair()
        told, status = os.pipe()
        try:
            with socket.fromfd(self._connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as control:
                socket.send_fds(control, [b"f"], [theirs.fileno(), status])
        except BaseException:
            os.close(told)
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(status)
        try:
            return _Fork(told), Connection(ours.detach())
        except BaseException:
            os.close(told)
            ours.close()
            raise

    def end(self) -> None:
        """End it, and whatever it forked."""
        if self.owner == os.getpid():
            self._connection.close()
            self._process.kill()
            self._process.wait()


def _running_server(preload: list[str]) -> _Server:
    """The one server of this process, started where there is none or it was ended; `_starting` is held."""
    global _server
    if _server is None or _server.owner != os.getpid() or not _server.runs:
        _server = _Server(preload)
    return _server


@atexit.register
def end_server() -> None:
    """End the server; the next child that is wanted starts another, with the environment variables of then."""
    global _server
    if _server is not None:
        _server.end()
    _server = None


def _forked(preload: list[str]) -> tuple[_Fork, Connection]:
    """A child of the server; where that was killed, of a new one."""
    with _starting:
        for _ in range(2):
            server = _running_server(preload)
            try:
                return server.fork()
            except (EOFError, ConnectionError):
                server.end()
    raise ChildDied("The process that starts the trainings was ended as soon as it ran.", None)


class _Fork:
    """A child of the server with the part of multiprocessing's Process that `Child` uses.

    The server tells its process id, and at its end its exit code; where nothing comes, the server has ended.
    """

    def __init__(self, told: int) -> None:
        self._told = told
        self._code: int | None = None
        self.lost = False
        self._pid = self._read()
        if self._pid < 0:
            raise ChildDied(f"No process could be started for it: {os.strerror(-self._pid)}.", None)

    def _read(self) -> int:
        data = os.read(self._told, _NUMBER.size)
        if len(data) < _NUMBER.size:
            raise EOFError
        return int(_NUMBER.unpack(data)[0])

    @property
    def sentinel(self) -> int:
        return self._told

    @property
    def exitcode(self) -> int | None:
        if self._code is None and not self.lost and wait([self._told], 0):
            try:
                self._code = self._read()
            except EOFError:
                self.lost = True
        return self._code

    def join(self, timeout: float) -> None:
        if self._code is None and not self.lost:
            wait([self._told], timeout)

    def kill(self) -> None:
        if self.exitcode is None and self._told >= 0:
            os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        told, self._told = self._told, -1
        self.lost = True
        if told >= 0:
            os.close(told)


def serve_forks(descriptor: int, _parent: int) -> NoReturn:
    """Fork a child for each pair of sockets that comes until the other side closes: the server's main function."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    with Connection(os.dup(descriptor)) as first:
        _preload(first.recv())
    server, children = os.getpid(), dict[int, int]()
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    with socket.socket(fileno=descriptor) as asked, selectors.DefaultSelector() as selector:
        selector.register(asked, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = [key.fd for key, _ in selector.select()]
            if woken in ready:
                os.read(woken, 1 << 16)
                _tell_ends(children)
            if descriptor in ready:
                message, passed, *_ = socket.recv_fds(asked, 1, 2)
                if not message:
                    os._exit(0)
                connection, told = passed
                if (pid := _fork()) == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for inherited in (descriptor, woken, wake, told, *children.values()):
                        os.close(inherited)
                    _serve_to_the_end(connection, server)
                os.close(connection)
                _tell(told, pid)
                if pid > 0:
                    children[pid] = told


def _preload(names: list[str]) -> None:
    gc.disable()
    for name in names:
        with contextlib.suppress(Exception):  # whoever needs it is told in the child
            check_room(ROOM_FOR_LIBRARIES)
            import_module(name)
    gc.enable()
    gc.freeze()  # what the server imported is shared by all its children; looking through it would copy it


def _tell_ends(children: dict[int, int]) -> None:
    """Tell how those children ended that did."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if pid in children:
            told = children.pop(pid)
            _tell(told, os.waitstatus_to_exitcode(status))
            os.close(told)


def _tell(told: int, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody is left to be told
        os.write(told, _NUMBER.pack(number))


def _fork() -> int:
    """As os.fork; where no process can be had, the negative number of the error."""
    try:
        return os.fork()
    except OSError as error:
        return -(error.errno or 1)


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


# --- folders of a child -----------------------------------------------------------------------------------------

#: Where a child reads for which process it works: the name of its temporary folder tells it, should it be killed.
_OWNER: Final = "WEEK2KIT_OWNER"
_SCRATCH: Final = re.compile(r"week2kit-(?P<owner>[0-9]{1,10})-[a-z0-9_]+")


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder of a child; where it is killed, its verification removes it, or the next one that varies."""
    prefix = f"week2kit-{os.environ.get(_OWNER, os.getpid())}-"
    return tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)


@contextlib.contextmanager
def removed_scratch() -> Iterator[None]:
    """At the end remove the temporary folders of killed children of this process, and those that are a day old."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for folder in Path(tempfile.gettempdir()).iterdir():
                match = _SCRATCH.fullmatch(folder.name)
                if match is None or folder.is_symlink():
                    continue
                if int(match["owner"]) == os.getpid() or time.time() - folder.stat().st_mtime > ABANDONED_BUILD:
                    shutil.rmtree(folder, ignore_errors=True)


# --- in the child -----------------------------------------------------------------------------------------------


def serve_started(descriptor: int, parent: int) -> None:
    """Answer requests on an open socket until the other side closes: the main function of a started program."""
    _serve_to_the_end(descriptor, parent)


def _serve_to_the_end(descriptor: int, parent: int) -> NoReturn:
    code = 1
    try:
        _end_with(parent)
        _serve(Connection(descriptor))
        code = 0
    finally:
        os._exit(code)


def _serve(connection: Connection) -> None:
    """Answer requests until the other side closes; runs in the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    with contextlib.suppress(ValueError, OSError):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()
    _silence()
    if multiprocessing.parent_process() is not None:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _take(connection.recv())
        while True:
            work, arguments = connection.recv()
            connection.send_bytes(_answer(work, arguments))
    except (EOFError, OSError):
        return


def _answer(work: Work, arguments: tuple[Any, ...]) -> bytes:
    try:
        module, _, function = work.partition(":")
        if module not in sys.modules:  # the server could not import it: OpenBLAS may lack the memory, and never say so
            check_room(ROOM_FOR_LIBRARIES)
        answer: bytes = getattr(import_module(module), function)(*arguments)
        return _ANSWER + answer
    except BaseException as error:
        if refused(error) == errno.ENOMEM:
            return _MEMORY
        return _BUG + traceback.format_exc().encode("utf-8", "replace")


def _take(settings: _Settings) -> None:
    """Be what the parent wants: its modules, none of its other variables, the limits."""
    if settings.path is not None:
        sys.path[:] = settings.path
    for name in os.environ.keys() - needed_variables(settings.limits.variables).keys():
        del os.environ[name]
    os.environ.update(settings.variables)
    os.environ[_OWNER] = str(settings.owner)
    impose(settings.limits)


def _silence() -> None:
    """Send what libraries print to nowhere: standard output belongs to the verdict."""
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            os.dup2(null, descriptor)
    os.close(null)


def _end_with(parent: int) -> None:
    """End when the process `parent` does, which started this one, also while a fit holds the interpreter's lock."""
    if not end_with_parent(signal.SIGKILL):
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it has ended before
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
