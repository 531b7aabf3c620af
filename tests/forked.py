"""A process that has imported what commands need, and forks itself for each: real processes without the two seconds.

What it forks has its own working directory, variables, streams, signals and exit code. Variables that act when Python
or a library starts are those of the server, so each set of them has a server of its own. Not for tests of what is
imported or of limits; what is to lead a process group is started, not run.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import IO, Any, NoReturn

#: What begins so acts at the start of a process: on Python, on the loader, on kernels and threads, on locales.
AT_START = ("PYTHON", "LD_", "GLIBC", "OMP", "OPENBLAS", "MKL", "BLIS", "KMP", "GOTO", "NPY", "LC_", "LANG", "MALLOC")

#: What `train` and its children import, and no more: a run records the libraries that it imported.
MODULES = (
    *("week2kit.cli.commands", "week2kit.loop", "week2kit.training.door", "week2kit.training.recording"),
    "week2kit.verification.verifying",
    *("week2kit.verification.child", "sklearn.ensemble", "sklearn.linear_model", "sklearn.tree", "sklearn.compose"),
)

#: The same of those that record a person's own command, and run it again.
OF_COMMANDS = (
    *(
        "week2kit.cli.commands",
        "week2kit.training.door",
        "week2kit.training.ending",
        "week2kit.observing.watching",
        "week2kit.environment.observed",
    ),
    *("week2kit.verification.verifying", "week2kit.verification.judging_commands"),
)


class Server:
    """Our end of a server, which ends with this process."""

    def __init__(self, variables: Mapping[str, str], modules: Sequence[str]) -> None:
        folder = tempfile.mkdtemp(prefix="week2kit-fork-")
        atexit.register(shutil.rmtree, folder)
        self.address = f"{folder}/socket"
        with open(f"{self.address}.json", "w") as file:
            json.dump(at_start(variables), file)
        words = [sys.executable, "-P", __file__, "serve", self.address, *modules]
        self._process = subprocess.Popen(words, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        atexit.register(self._process.kill)

    @property
    def words(self) -> list[str]:
        """What a shell calls for the command line in a fork of this server, where its variables are the same."""
        return [sys.executable, "-I", "-S", __file__, "ask", self.address]

    def run(
        self,
        function: str,
        words: Sequence[str],
        cwd: str,
        variables: Mapping[str, str],
        timeout: float,
        *,
        first: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Call ``module:function`` in a fork, and read what it wrote when it ended.

        A module is looked for in the folder `first` before it is where the server finds its own.
        """
        order = [function, list(words), cwd, dict(variables), first]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull, "rb") as null:
            code = ask(self.address, [null.fileno(), out.fileno(), err.fileno()], order, timeout)
            written = []
            for file in (out, err):
                file.seek(0)
                written.append(file.read().decode("utf-8", "surrogateescape"))
        return subprocess.CompletedProcess(list(words), code, *written)

    def start(
        self, function: str, words: Sequence[str], cwd: str, variables: Mapping[str, str], first: str | None = None
    ) -> Started:
        """Call ``module:function`` in a fork that leads a session of its own, as what a terminal starts."""
        return Started(self.address, [function, list(words), cwd, dict(variables), first, True])


class Started:
    """A process that was forked and goes on, with the part of a Popen that tests use."""

    def __init__(self, address: str, order: list[Any]) -> None:
        (out, to_out), (err, to_err) = os.pipe(), os.pipe()
        with open(os.devnull, "rb") as null:
            self._reply = _asked(address, [null.fileno(), to_out, to_err], order, 60)
        os.close(to_out)
        os.close(to_err)
        self.stdout, self.stderr = os.fdopen(out, encoding="utf-8"), os.fdopen(err, encoding="utf-8")
        self.pid = int(self._reply.readline())

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """What it wrote until its end; it is killed where that does not come.

        Raises:
            TimeoutError: it took longer than `timeout` seconds.
        """
        from concurrent.futures import ThreadPoolExecutor  # a client of the server does without it

        with ThreadPoolExecutor(2) as pool, self.stdout, self.stderr:
            try:
                out, err = pool.map(lambda stream: stream.read(), (self.stdout, self.stderr), timeout=timeout)
            except TimeoutError:
                self.kill()
                raise
        with self._reply:
            self.returncode = int(self._reply.readline())
        return out, err

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


_servers: dict[tuple[str, ...], Server] = {}
_starting = threading.Lock()


def server_for(variables: Mapping[str, str], modules: Sequence[str] = MODULES) -> Server:
    """The server whose variables are these, as far as they act at the start."""
    with _starting:
        key = (*modules, json.dumps(at_start(variables)))
        if key not in _servers:
            _servers[key] = Server(variables, modules)
        return _servers[key]


def at_start(variables: Mapping[str, str]) -> dict[str, str]:
    """Those variables that act when a process starts; a server has safe paths."""
    found = {name: variables[name] for name in sorted(variables) if name.startswith(AT_START)}
    return {name: value for name, value in found.items() if name != "PYTHONSAFEPATH"}


def ask(address: str, streams: Sequence[int], order: Any, timeout: float | None) -> int:
    """Let a server fork a process with these streams; its exit code."""
    with _asked(address, streams, order, timeout) as reply:
        return int(reply.read().split()[1])


def _asked(address: str, streams: Sequence[int], order: Any, timeout: float | None) -> IO[str]:
    """The reply of a server that is to fork: the number of the process, and at its end the exit code, a line each."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(address)
        socket.send_fds(connection, [b"f"], list(streams))
        connection.sendall(json.dumps(order).encode())
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile()


# --- the server -------------------------------------------------------------------------------------------------


def serve(address: str, modules: Sequence[str]) -> Any:
    """Fork until standard input ends; in a fork, what it is to call."""
    for name in modules:
        import_module(name)
    gc.freeze()
    running: dict[int, tuple[int, socket.socket]] = {}
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen(64)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                if key.fd == 0:
                    os._exit(0)
                if key.fd in running:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    pid, connection = running.pop(key.fd)
                    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    with connection:
                        connection.sendall(str(code).encode())
                    continue
                connection, _ = listener.accept()
                _, streams, *_ = socket.recv_fds(connection, 1, 3)
                order = json.loads(connection.makefile().read())
                if (pid := os.fork()) == 0:
                    connection.close()
                    for descriptor, (_, other) in running.items():
                        os.close(descriptor)
                        other.close()
                    return _become(streams, *order)
                for descriptor in streams:
                    os.close(descriptor)
                connection.sendall(f"{pid}\n".encode())
                descriptor = os.pidfd_open(pid)
                running[descriptor] = (pid, connection)
                selector.register(descriptor, selectors.EVENT_READ)


def _become(
    streams: Sequence[int],
    function: str,
    words: list[str],
    cwd: str,
    variables: dict[str, str],
    first: str | None = None,
    leads: bool = False,
) -> Any:
    if leads:
        os.setsid()
    sys.path[:0] = [first] if first else []
    import numpy as np

    from week2kit.processes import forking

    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(cwd)
    sys.argv[:] = words
    np.random.seed()  # forks share the server's state, and unseeded draws must differ
    forking.start_program = partial(_start_program, forking.start_program)  # type: ignore[assignment]
    module, _, name = function.partition(":")
    return getattr(import_module(module), name) if module else globals()[name]


def _start_program(
    started: Callable[..., Any], function: str, variables: Mapping[str, str], python: str | None, also: Any = ()
) -> Any:
    """As that of `week2kit.processes.forking`; the server of children is a fork, too: it would import the same."""
    from multiprocessing.connection import Connection

    from week2kit.processes import serving
    from week2kit.processes.limits import needed_variables

    if function != "serve_forks":
        return started(function, variables, python, also)
    ours, theirs = socket.socketpair()
    if (pid := os.fork()) == 0:
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(null, number)
            ours.close()
            kept = needed_variables(also)
            os.environ.clear()
            os.environ.update({**kept, **variables, "PYTHONSAFEPATH": "1"})
            serving.serve_forks(theirs.detach(), os.getppid())
        finally:
            os._exit(1)
    theirs.close()
    return _Forked(pid), Connection(ours.detach())


class _Forked:
    """The part of a Popen that the owner of a server of children uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended = False

    def poll(self) -> int | None:
        if not self._ended:
            self._ended = os.waitpid(self.pid, os.WNOHANG)[0] != 0
        return 0 if self._ended else None

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        if not self._ended:
            os.waitpid(self.pid, 0)
            self._ended = True


def pytest_main() -> NoReturn:
    """As ``python -m pytest``, which finds modules in the working directory."""
    import pytest

    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    sys.exit(pytest.main())


def _ask(address: str, words: list[str]) -> int:
    """The command line as a client of a server; a process of its own where a variable needs one."""
    variables = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(__file__))}  # noqa: PTH120
    with open(f"{address}.json") as file:
        if json.load(file) != at_start(variables):
            os.execve(sys.executable, [sys.executable, "-m", "week2kit", *words], variables)
    order = ["week2kit.cli:main", ["week2kit", *words], os.getcwd(), variables, None]  # noqa: PTH109
    return ask(address, [0, 1, 2], order, None)


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        sys.exit(_ask(sys.argv[2], sys.argv[3:]))
    serve(sys.argv[2], sys.argv[3:])()
