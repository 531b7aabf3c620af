"""All processes of a command: found and ended as a whole, also when the process that watches over it is killed.

It imports the standard library only: it also runs by its path, as the guard of a command (`main`).
"""

# nothing that takes long to import: the guard starts beside each command
# ruff: noqa: PTH112, PTH208

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

#: By this variable of its environment a process that left the session of its command is known as one of it.
MARK: Final = "WEEK2KIT_COMMAND"
#: Seconds that processes are given after each signal.
PATIENCE: Final = 3.0
_KILL: Final = getattr(signal, "SIGKILL", signal.SIGTERM)


class Tree:
    """The processes of the command whose first one leads a session of its own; `mark` is its value of `MARK`."""

    def __init__(self, leader: int, mark: str) -> None:
        self._leader, self._mark = leader, f"{MARK}={mark}".encode()
        self._seen: set[int] = set()

    def alive(self) -> set[int]:
        """Those that run and have not ended; without /proc, the session is one that runs or does not."""
        if not os.path.isdir("/proc/self"):
            with contextlib.suppress(OSError, AttributeError):
                os.killpg(self._leader, 0)
                return {self._leader}
            return set()
        found, parents = set[int](), dict[int, int]()
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            with contextlib.suppress(OSError, ValueError, IndexError):
                state, parent, _, session = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()[:4]
                if state in (b"Z", b"X"):
                    continue
                pid = int(name)
                parents[pid] = int(parent)
                if self._leader in (pid, int(session)) or self._is_marked(name):
                    found.add(pid)
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        self._seen |= found
        return found

    def end(self, *numbers: int) -> None:
        """Send each signal to all, until none is left; after the last one SIGKILL."""
        for number in (*numbers, _KILL):
            self._send(number)
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                self.reap()
                if not self.alive():
                    return
                time.sleep(0.02)

    def reap(self) -> None:
        """Forget those that ended and had become children of this process."""
        for pid in self._seen - {self._leader}:
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)

    def _send(self, number: int) -> None:
        for pid in self.alive():
            with contextlib.suppress(OSError):
                os.kill(pid, number)
        with contextlib.suppress(OSError, AttributeError):
            os.killpg(self._leader, number)

    def _is_marked(self, name: str) -> bool:
        with contextlib.suppress(OSError):
            return self._mark in _read(f"/proc/{name}/environ").split(b"\0")
        return False


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


@contextlib.contextmanager
def guarded(leader: int, mark: str) -> Iterator[None]:
    """End the whole command should this process end, however it does, before the block does."""
    if os.name != "posix":
        yield
        return
    theirs, ours = os.pipe()
    argv = [sys.executable, "-I", "-S", __file__, str(theirs), str(leader), mark]
    try:
        guard = subprocess.Popen(argv, pass_fds=(theirs,), start_new_session=True, stdin=subprocess.DEVNULL)
    except OSError:  # no more processes: the command itself is watched all the same
        os.close(theirs)
        os.close(ours)
        yield
        return
    os.close(theirs)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.write(ours, b".")
        os.close(ours)
        guard.wait()


def main() -> None:
    """Wait until the pipe says that all went well, or closes without a word."""
    pipe, leader, mark = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if not os.read(pipe, 1):
        Tree(leader, mark).end(_KILL)


if __name__ == "__main__":
    main()
