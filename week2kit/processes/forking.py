"""Programs that are started with an open connection, and the one among them that forks the children.

The server is not that of multiprocessing, which listens on a file in the temporary folder: it fails where that folder
is missing, or its path too long, and leaves the file behind. Ours has nothing but open sockets, which end with it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping
from multiprocessing.connection import Connection, wait
from typing import Final

from week2kit.errors import ChildDied
from week2kit.processes.limits import needed_variables
from week2kit.processes.serving import CHILD, MORE, NUMBER

#: Held while a process is started: the environment is set for it meanwhile, and there is one server.
STARTING: Final = threading.Lock()


def working_directory() -> str | None:
    """The working directory; None where it was removed."""
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return None


def import_path() -> list[str]:
    """Where this process finds modules; its working directory by name, which is another one in a child."""
    here = working_directory()
    return [path or here for path in sys.path if path or here]  # type: ignore[misc]


#: What a started program runs: `serve_started` or `serve_forks`, with a socket, the process that starts it, and where
#: to find modules (nothing: where its own Python does). Those of the working directory must not be found first: -P.
_PROGRAM: Final = (
    "import sys; sys.path[:] = sys.argv[4:] or sys.path; import week2kit.processes.serving as it; "
    "getattr(it, sys.argv[1])(int(sys.argv[2]), int(sys.argv[3]))"
)


def start_program(
    function: str, variables: Mapping[str, str], python: str | None, also: Collection[str] = ()
) -> tuple[subprocess.Popen[bytes], Connection]:
    """A started program that runs a function of this module, and our end of the connection to it."""
    environment = {**needed_variables(also), **variables, "PYTHONSAFEPATH": "1"}
    environment = {name: value for name, value in environment.items() if value or name not in variables}
    ours, theirs = socket.socketpair()
    with theirs:
        path = import_path() if python is None else []  # the week2kit that runs here, wherever it was imported from
        started = subprocess.Popen(
            [python or sys.executable, "-P", "-c", _PROGRAM, function, str(theirs.fileno()), str(os.getpid()), *path],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return started, Connection(ours.detach())


_server: _Server | None = None


class _Server:
    """A process that has imported what trainings need, and forks itself for each of them."""

    def __init__(self, preload: list[str]) -> None:
        self.owner = os.getpid()
        self._process, self._connection = start_program("serve_forks", {}, None)
        self._loaded = frozenset(preload)
        self._connection.send(preload)

    def load(self, preload: list[str]) -> None:
        """Let it import what it has not yet: another verification of this session may need other modules."""
        if missing := [name for name in preload if name not in self._loaded]:
            self._loaded |= frozenset(missing)
            with contextlib.suppress(ConnectionError):  # it has ended: told to whoever asks for a child
                os.write(self._connection.fileno(), MORE)
                self._connection.send(missing)

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
                socket.send_fds(control, [CHILD], [theirs.fileno(), status])
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


def running_server(preload: list[str]) -> _Server:
    """The one server of this process, started where there is none or it was ended; `STARTING` is held."""
    global _server
    if _server is None or _server.owner != os.getpid() or not _server.runs:
        _server = _Server(preload)
    _server.load(preload)
    return _server


@atexit.register
def end_server() -> None:
    """End the server; the next child that is wanted starts another, with the environment variables of then."""
    global _server
    if _server is not None:
        _server.end()
    _server = None


def fork_child(preload: list[str]) -> tuple[_Fork, Connection]:
    """A child of the server; where that was killed, of a new one."""
    with STARTING:
        for _ in range(2):
            server = running_server(preload)
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
        data = os.read(self._told, NUMBER.size)
        if len(data) < NUMBER.size:
            raise EOFError
        return int(NUMBER.unpack(data)[0])

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
