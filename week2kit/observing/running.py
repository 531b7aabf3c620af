"""Runs a command under the hook: its output streams through, and no process of it outlives the run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal

from week2kit.processes.limits import prctl

#: Where the hook reads the place of its log.
LOG: Final = "WEEK2KIT_OBSERVED_LOG"
STARTUP: Final = Path(__file__).parent / "startup"
_STDERR_KEPT: Final = 64 << 10
_STDOUT_KEPT: Final = 1 << 20
_SUBREAPER: Final = 36
#: Seconds that the processes have after SIGINT, then after SIGTERM; and those that the output has after the end.
_GRACE: Final = 3.0
_DRAIN: Final = 2.0

How = Literal["exited", "signal", "timeout", "interrupted", "not found", "not executable"]


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        how: what ended it.
        exit_code: where it exited by itself.
        signal: the number of the signal that ended it, or that interrupted this process.
        seconds: how long it ran.
        stdout: the last MiB of its standard output.
        stderr: the last 64 KiB of its standard error.
        left: processes that were still there when the command had ended, and were ended too.
    """

    how: How
    exit_code: int | None
    signal: int | None
    seconds: float
    stdout: bytes
    stderr: bytes
    left: int


def run_observed(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    timeout: float | None = None,
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None,
) -> Ended:
    """Run a command without a shell, with the hook in its Pythons.

    Args:
        argv: the command.
        cwd: its working directory.
        env: its environment variables; two are changed for the hook.
        log: where the hook writes.
        timeout: seconds after which the whole tree is ended.
        stdout: where its standard output goes at once; None for nowhere.
        stderr: the same of standard error.

    SIGINT (KeyboardInterrupt) and, in the main thread, SIGTERM end the tree, and are told in the answer.
    """
    begun = time.monotonic()
    variables = {**env, LOG: str(log.absolute())}
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(STARTUP.absolute()), env.get("PYTHONPATH", "")]))
    with _subreaper(), _terminated() as caught:
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            return Ended("not found", None, None, 0.0, b"", b"", 0)
        except OSError:
            return Ended("not executable", None, None, 0.0, b"", b"", 0)
        _tell_start(log, argv)
        pumps = [_Pump(process.stdout, stdout, _STDOUT_KEPT), _Pump(process.stderr, stderr, _STDERR_KEPT)]
        tree = _Tree(process, variables[LOG])
        how: How = "exited"
        number: int | None = None
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            how = "timeout"
        except KeyboardInterrupt:
            how, number = "interrupted", caught[0] if caught else int(signal.SIGINT)
        seconds = time.monotonic() - begun
        left = 0
        if how == "exited":
            left = len(tree.alive())
            if left:
                tree.end(0.0)
        else:
            try:
                tree.end(_GRACE)
            except KeyboardInterrupt:  # asked twice: at once
                tree.end(0.0)
        code = process.wait()
        tree.reap()
        for pump in pumps:
            pump.join(_DRAIN)
        if how == "exited" and code < 0:
            how, number = "signal", -code
        return Ended(how, code if how == "exited" else None, number, seconds, pumps[0].kept(), pumps[1].kept(), left)


def _tell_start(log: Path, argv: Sequence[str]) -> None:
    """Tell the first program as those that a hooked Python starts: if it never announces itself, it was not seen."""
    python = Path(argv[0]).name.lower().startswith(("python", "pypy"))
    entry = {"event": "start", "pid": os.getpid(), "argv": list(argv), "python": python, "hooked": python}
    with log.open("ab") as file:
        file.write(json.dumps(entry).encode("ascii") + b"\n")


class _Pump:
    """Passes bytes on as they come, and keeps the last of them."""

    def __init__(self, source: Any, target: IO[bytes] | None, size: int) -> None:
        self._source, self._target, self._size = source, target, size
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._source:
            while data := os.read(self._source.fileno(), 1 << 16):
                self._kept += data
                if len(self._kept) > 2 * self._size:
                    del self._kept[: -self._size]
                if self._target is not None:
                    try:
                        self._target.write(data)
                        self._target.flush()
                    except (OSError, ValueError):  # nobody reads on: the command goes on
                        self._target = None

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def kept(self) -> bytes:
        return bytes(self._kept[-self._size :])


class _Tree:
    """The processes of a command, also those that left its session, where /proc tells."""

    def __init__(self, process: subprocess.Popen[bytes], log: str) -> None:
        self._process = process
        self._mark = f"{LOG}={log}".encode()
        self._seen: set[int] = set()

    def alive(self) -> list[int]:
        """Those that run; without /proc only the first one."""
        if not sys.platform.startswith("linux"):
            return [self._process.pid] if self._process.poll() is None else []
        found, parents = [], {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError, ValueError, IndexError):
                state, parent, _, session = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:4]
                if state in (b"Z", b"X"):
                    continue
                pid = int(entry.name)
                parents[pid] = int(parent)
                if int(session) == self._process.pid or pid == self._process.pid or self._marked(entry):
                    found.append(pid)
        known = set(found)
        for _ in range(len(parents)):
            more = {pid for pid, parent in parents.items() if parent in known} - known
            if not more:
                break
            known |= more
        self._seen |= known
        return sorted(known)

    def _marked(self, entry: Path) -> bool:
        with contextlib.suppress(OSError):
            return self._mark in (entry / "environ").read_bytes().split(b"\0")
        return False

    def reap(self) -> None:
        """Forget those that became children of this process."""
        for pid in self._seen - {self._process.pid}:
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)

    def end(self, grace: float) -> None:
        """SIGINT, then SIGTERM, then SIGKILL, each to all that are still there."""
        steps = [(signal.SIGINT, grace), (signal.SIGTERM, grace)] if grace else [(signal.SIGTERM, 0.5)]
        for number, seconds in [*steps, (getattr(signal, "SIGKILL", signal.SIGTERM), 2.0)]:
            for pid in self.alive():
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                self._process.poll()
                if not self.alive():
                    return
                time.sleep(0.02)


@contextlib.contextmanager
def _subreaper() -> Iterator[None]:
    """Let processes that lose their parent become children of this one, so that they can be found."""
    took = prctl(_SUBREAPER, 1)
    try:
        yield
    finally:
        if took:
            prctl(_SUBREAPER, 0)


@contextlib.contextmanager
def _terminated() -> Iterator[list[int]]:
    """Let SIGTERM interrupt as Ctrl-C does, in the main thread."""
    caught: list[int] = []

    def interrupt(number: int, _: object) -> None:
        caught.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before: Callable[..., Any] | int | None = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield caught
    finally:
        signal.signal(signal.SIGTERM, before)
