"""Which files a command and all of its children open, as the kernel tells it: also those that C, Rust and R open.

The command is started by `launching`, which lets a few system calls wait for an answer (seccomp user notification); a
thread of this process reads which path was meant, writes it down and lets the call go on. Neither root nor a change of
the command is needed. The path can be changed between reading and opening, so this is evidence and no barrier.

The calls wait for this process: while it is stopped, or computes and gives its threads no turn, so does the command.
When it ends, however that is, the next call that the command makes fails with ENOSYS: none waits for one that is gone.

Not seen are descriptors that the command was started with, what is read of a file that was open or mapped before,
programs of 32 bits on a processor of 64, and what another process, such as a server, reads for the command; where a
process changes its root, paths are those of its own view.
"""

# paths are bytes here, as the kernel has them
# ruff: noqa: PTH115, PTH118

from __future__ import annotations

import contextlib
import ctypes
import io
import marshal
import mmap
import os
import re
import select
import socket
import struct
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from week2kit.observing.sockets import answered_by

with contextlib.suppress(ImportError):  # Windows
    import fcntl

#: open: a file or folder is opened; named: a path gets another file (rename, link), or another size (truncate);
#: removed: a path goes (unlink, rename); run: a program is started; connect: a socket is connected; asked: whether
#: something is there, which is told where nothing is, and only where that is wanted.
Kind = Literal["open", "named", "removed", "run", "connect", "asked"]


@dataclass(frozen=True)
class Call:
    """One path that one process asked for; the same is told once.

    Attributes:
        pid: the process.
        kind: what for.
        path: absolute, with symbolic links as the process wrote them; of a connection ``address:port`` or a path.
        flags: those of open (os.O_RDONLY, os.O_CREAT, ...), else 0.
        existed: whether something was there just before.
    """

    pid: int
    kind: Kind
    path: str
    flags: int
    existed: bool

    @property
    def changes(self) -> bool:
        """Whether the file, or what the path means, may be changed by it."""
        if self.kind == "open":
            return bool(self.flags & (os.O_ACCMODE | os.O_TRUNC | os.O_CREAT))
        return self.kind in ("named", "removed")


@dataclass(frozen=True)
class Confined:
    """What of a confinement took effect, as a probe in the process itself found before the command began.

    Attributes:
        abi: the version of Landlock's interface; before 2 no file can be moved to another folder, before 3 one that may
            not be written may still be cut (truncate).
        tcp_refused: whether TCP connections are refused: since version 4.
        missing: allowed paths that are not there.
    """

    abi: int
    tcp_refused: bool
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """What was seen of a command, and what was not.

    Attributes:
        calls: in the order in which they came, each once; without those of the launcher.
        processes: identifiers of the processes that made them.
        running: whether processes of the command are still there.
        not_observed: why nothing was observed: as `available` says it, or "ended" where the launcher never began.
        not_started: the error with which the command could not be started (ENOENT: not found).
        not_confined: the error with which it could not be confined, so that it was not run.
        confined: what took effect; None where nothing was asked, or the command was not run.
        unread: calls whose path could not be read.
        left_out: calls above `LIMIT`.
        io_uring: whether a process asked for io_uring, through which it opens files unseen.
        within: the addresses of this machine at which processes of the command itself answered, and no others.
    """

    calls: tuple[Call, ...]
    processes: tuple[int, ...]
    running: bool
    not_observed: str | None
    not_started: OSError | None
    not_confined: OSError | None
    confined: Confined | None
    unread: int
    left_out: int
    io_uring: bool
    within: frozenset[str] = frozenset()

    def wanted(self, folder: str) -> tuple[str, ...]:
        """The paths below a folder that were asked for, or to be opened for reading, and at which there was nothing."""
        below = folder + os.sep
        kinds = ("open", "asked")
        found = (call.path for call in self.calls if call.kind in kinds and not call.changes and not call.existed)
        return tuple(dict.fromkeys(path for path in found if path.startswith(below)))


#: So many different calls are kept, some hundred bytes each.
LIMIT: Final = 500_000

# --- the system calls ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Form:
    """How a system call names what it is about: which arguments hold the folder, the path and the flags."""

    kind: Kind | Literal["io_uring"]
    x86_64: int | None
    aarch64: int | None
    path: int = 0
    folder: int | None = None
    flags: int | None = None
    fixed: int = 0
    how: bool = False


_FORMS: Final = (
    _Form("open", 2, None, flags=1),
    _Form("open", 85, None, fixed=os.O_CREAT | os.O_WRONLY | os.O_TRUNC),  # creat
    _Form("open", 257, 56, folder=0, path=1, flags=2),
    _Form("open", 437, 437, folder=0, path=1, flags=2, how=True),  # openat2
    _Form("named", 76, 45),  # truncate
    _Form("removed", 82, None),  # rename
    _Form("named", 82, None, path=1),
    _Form("removed", 264, 38, folder=0, path=1),
    _Form("named", 264, 38, folder=2, path=3),
    _Form("removed", 316, 276, folder=0, path=1),
    _Form("named", 316, 276, folder=2, path=3),
    _Form("named", 86, None, path=1),  # link
    _Form("named", 265, 37, folder=2, path=3),
    _Form("removed", 87, None),  # unlink
    _Form("removed", 263, 35, folder=0, path=1),
    _Form("run", 59, 221),
    _Form("run", 322, 281, folder=0, path=1),
    _Form("connect", 42, 203),
    _Form("io_uring", 425, 425),
    _Form("asked", 4, None),  # stat
    _Form("asked", 6, None),  # lstat
    _Form("asked", 21, None),  # access
    _Form("asked", 262, 79, folder=0, path=1),  # newfstatat
    _Form("asked", 269, 48, folder=0, path=1),  # faccessat
    _Form("asked", 439, 439, folder=0, path=1),  # faccessat2
    _Form("asked", 332, 291, folder=0, path=1),  # statx
)

#: What processor the kernel is for; `platform` takes longer to say so.
_MACHINE: Final = os.uname().machine if hasattr(os, "uname") else ""

#: Of each architecture: its number in a filter, and that of the system call `seccomp`.
_ARCHITECTURES: Final = {"x86_64": (0xC000003E, 317), "aarch64": (0xC00000B7, 277)}

_OPENAT: Final = {"x86_64": 257, "aarch64": 56}

_GET_ACTION, _GET_SIZES = 2, 3
_NOTIFY: Final = 0x7FC00000
_RECEIVE, _SEND, _IS_VALID, _SET_FLAGS = 0xC0502100, 0xC0182101, 0x40082102, 0x40082104
_REQUEST, _RESPONSE = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
_SYNCHRONOUS: Final = 1
_CHANGES: Final = os.O_ACCMODE | os.O_TRUNC | os.O_CREAT
#: What is read of Python and of installed distributions is not written down: it is most of what a script opens, and
#: versions say it.
_INSTALLED: Final = re.compile(rb"/(?:site|dist)-packages/|/lib/python3[^/]*/")
_CONTINUE: Final = 1
_AT_FDCWD: Final = -100
_IN_ROOT: Final = 0x10
_PATH_MAX: Final = 4096
_PIECE: Final = 256
#: Seconds after which another thread of this process lets that of the observer have its turn.
_TURN: Final = 0.00005
_LAUNCHER: Final = Path(__file__).with_name("launching.py")


def available() -> str | None:
    """Why no command can be observed here; None where one can, as far as that shows without trying.

    system: not Linux; architecture: neither x86_64 nor aarch64; kernel: older than 5.9; refused: a container or another
    observer does not let it; ptrace: this system forbids to read the memory of one's own children.
    """
    if not sys.platform.startswith("linux"):
        return "system"
    if _MACHINE not in _ARCHITECTURES or sys.maxsize < 1 << 32:
        return "architecture"
    if _kernel() < (5, 9):
        return "kernel"
    libc, (_, seccomp) = ctypes.CDLL(None), _ARCHITECTURES[_MACHINE]
    action, sizes = ctypes.c_uint32(_NOTIFY), ctypes.create_string_buffer(6)
    if libc.syscall(seccomp, _GET_ACTION, 0, ctypes.byref(action)) or libc.syscall(seccomp, _GET_SIZES, 0, sizes):
        return "refused"
    with contextlib.suppress(OSError, ValueError):
        if int(Path("/proc/sys/kernel/yama/ptrace_scope").read_text()) > 1 and os.geteuid():
            return "ptrace"
    return None


def told_flags() -> int:
    """The flags with which a Python that has the hook opens modules, of which the hook tells: they need not wait.

    They have no effect on a file that is read, and nobody else is known to open one so. It is what `startup` sets.
    """
    return getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_DSYNC", 0)


def _kernel() -> tuple[int, ...]:
    with contextlib.suppress(ValueError, IndexError):
        return tuple(int(part) for part in os.uname().release.split(".")[:2])
    return (0,)


# --- the observer -------------------------------------------------------------------------------------------------

_open: weakref.WeakSet[Calls] = weakref.WeakSet()


class Calls:
    """Observes one command.

    ::

        with Calls() as calls:
            process = subprocess.Popen(calls.argv(["python", "train.py"]), pass_fds=calls.pass_fds)
            process.wait()
            seen = calls.finish()

    The process is the command itself: its exit code, signals and streams are those of the command. An exit code of 125
    to 127 may be of the launcher: see `Seen.not_started`. The command cannot get more rights than its parent (sudo).

    Args:
        before_change: called in the thread of the observer with each call that may change what exists, before it is
            let go on: the only moment to read what will be overwritten. The process waits; an error is passed over.
        confine: what it may use: the keywords of `launching.confine`; see `confined`.
        observe: whether to observe; False where it is only confined.
        asked: whether to tell also of what it only asked for (stat): the most frequent calls of all, each of which
            waits; and of the folders that it lists.
    """

    def __init__(
        self,
        *,
        before_change: Callable[[Call], None] | None = None,
        confine: dict[str, Any] | None = None,
        observe: bool = True,
        asked: bool = False,
    ) -> None:
        self._before_change = before_change
        self._mine, self._theirs = socket.socketpair()
        architecture, seccomp = _ARCHITECTURES.get(_MACHINE, (0, 0))
        self._reason: str | None = available() if observe else None
        self._observing = observe and self._reason is None
        self._begun = False
        self._launches = self._observing or confine is not None
        self._forms: dict[int, list[_Form]] = {}
        for form in _FORMS:
            number = form.x86_64 if _MACHINE == "x86_64" else form.aarch64
            if number is not None and (asked or form.kind != "asked"):
                self._forms.setdefault(number, []).append(form)
        notify = {"seccomp": seccomp, "architecture": architecture, "numbers": list(self._forms)}
        notify |= {
            "openat": _OPENAT[_MACHINE] if architecture else 0,
            "listing": 0 if asked else getattr(os, "O_DIRECTORY", 0),
            "told": told_flags(),
        }
        self._asked = marshal.dumps({"notify": notify if self._observing else None, "confine": confine})
        self._answers: dict[str, Any] = {}
        self._heard = b""
        self._listener = -1
        self._calls: dict[tuple[int, Kind, bytes, int], bool] = {}
        self._read = set[bytes]()
        self._groups: dict[int, int] = {}
        self._answering: dict[str, bool] = {}
        self._unread = self._left_out = 0
        self._io_uring = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._observe, name="week2kit-calls", daemon=True)

    def __enter__(self) -> Calls:
        if self._launches:
            _open.add(self)
            self._interval = sys.getswitchinterval()
            sys.setswitchinterval(min(_TURN, self._interval))  # the command waits for the turn of the thread
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._theirs.close()
        if not self._launches:
            self._mine.close()
        elif self._interval > _TURN:  # else another one that goes on changed it, and changes it back
            sys.setswitchinterval(self._interval)
        with contextlib.suppress(OSError):  # a launcher that was never started
            self._mine.shutdown(socket.SHUT_RDWR)

    @property
    def pass_fds(self) -> tuple[int, ...]:
        """The descriptors that the process has to be started with."""
        return (self._theirs.fileno(),) if self._launches else ()

    def argv(self, command: Sequence[str]) -> list[str]:
        """What to start in place of the command; it finds the program by PATH as the command would be."""
        if not self._launches:
            return list(command)
        return [sys.executable, "-I", "-S", str(_LAUNCHER), str(self._theirs.fileno()), *command]

    def was_read(self, path: str) -> bool:
        """Whether the command has opened for reading what was there, so far."""
        return os.fsencode(path) in self._read

    def finish(self, timeout: float = 1.0) -> Seen:
        """What was seen, once the process has ended: waits so many seconds for its children.

        Those that are still there are let go on, and no longer written down.
        """
        self._theirs.close()
        if self._launches:
            self._thread.join(timeout)
        running = self._thread.is_alive()
        self._stop.set()
        if self._observing and self._reason is None and not self._begun:
            self._reason = "refused" if "not_observed" in self._answers else "ended"
        calls = tuple(_call(key, existed) for key, existed in list(self._calls.items()))
        return Seen(
            calls=calls,
            processes=tuple(sorted({call.pid for call in calls})),
            running=running,
            not_observed=self._reason,
            not_started=self._error("not_started"),
            not_confined=self._error("not_confined"),
            confined=Confined(**self._answers["confined"]) if "confined" in self._answers else None,
            unread=self._unread,
            left_out=self._left_out,
            io_uring=self._io_uring,
            within=frozenset(address for address, ours in self._answering.items() if ours),
        )

    def _error(self, name: str) -> OSError | None:
        return OSError(*self._answers[name]) if name in self._answers else None

    # --- in the thread ---

    def _observe(self) -> None:
        try:
            self._memory = _Memory()
            with contextlib.suppress(OSError, EOFError):  # the launcher was killed, or never started
                self._mine.sendall(len(self._asked).to_bytes(8, "big") + self._asked)
            self._serve()
        finally:
            self._close()

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._mine, select.POLLIN)
        waiting = 1
        while waiting:
            for descriptor, event in poll.poll():
                if descriptor != self._listener:
                    if not self._hear():
                        poll.unregister(descriptor)
                        waiting -= 1
                    elif self._listener >= 0 and waiting == 1:
                        poll.register(self._listener, select.POLLIN)
                        waiting = 2
                elif event & select.POLLIN:
                    self._answer()
                else:  # every process that it was for has ended
                    poll.unregister(descriptor)
                    waiting -= 1

    def _hear(self) -> bool:
        """Take what the launcher tells; whether there may be more."""
        try:
            data, rights, _, _ = self._mine.recvmsg(1 << 16, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:  # it was killed before it had read what to do
            data, rights = b"", []
        for _, _, descriptors in rights:
            self._listener = struct.unpack_from("i", descriptors)[0]
            with contextlib.suppress(OSError):  # since Linux 6.6: asker and observer share a CPU
                fcntl.ioctl(self._listener, _SET_FLAGS, _SYNCHRONOUS)
        self._heard += data
        if not data:  # it has become the command, or ended
            told = io.BytesIO(self._heard)
            while told.tell() < len(self._heard):
                self._answers.update(marshal.load(told))
        return bool(data)

    def _close(self) -> None:
        self._mine.close()
        listener, self._listener = self._listener, -1
        if listener >= 0:
            os.close(listener)

    def _answer(self) -> None:
        request = bytearray(_REQUEST.size)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, request)
        except OSError:  # interrupted, or the process that asked was killed
            return
        token, task, _, number, _, _, *arguments = _REQUEST.unpack(request)
        try:
            if not self._stop.is_set() and self._began(number):
                for form in self._forms.get(number, ()):
                    self._note(token, task, form, arguments)
        except Exception:  # whatever it is, the process must not wait for ever
            self._unread += self._is_valid(token)
        try:
            fcntl.ioctl(self._listener, _SEND, _RESPONSE.pack(token, 0, 0, _CONTINUE))
        except OSError:  # it has been killed since
            return

    def _began(self, number: int) -> bool:
        """Whether the command has begun: what comes before the first start of a program is the launcher's."""
        self._begun = self._begun or self._forms[number][0].kind == "run"
        return self._begun

    def _note(self, token: int, task: int, form: _Form, arguments: list[int]) -> None:
        if form.kind == "io_uring":
            self._io_uring = True
            return
        if form.kind == "connect":
            address = _address(self._memory.read(task, arguments[1], arguments[2] & 0xFF))
            self._keep(token, task, "connect", address, 0)
            self._look_who_answers(os.fsdecode(address))
            return
        path = self._memory.text(task, arguments[form.path])
        if form.flags == 2 and not arguments[2] & _CHANGES and _INSTALLED.search(path):
            return
        if not path and form.kind != "run":
            return  # the call fails
        flags = form.fixed if form.flags is None else arguments[form.flags] & 0xFFFFFFFF
        rooted = False
        if form.how:
            flags, _, resolve = struct.unpack("=QQQ", self._memory.read(task, arguments[2], 24))
            rooted = bool(resolve & _IN_ROOT)
        folder = _AT_FDCWD if form.folder is None else ctypes.c_int32(arguments[form.folder]).value
        self._keep(token, task, form.kind, _absolute(task, folder, path, rooted), flags)

    def _keep(self, token: int, task: int, kind: Kind, path: bytes, flags: int) -> None:
        pid = self._groups.get(task) or self._group(task)
        key = (pid, kind, path, flags)
        existed = self._calls.get(key)
        if existed is None:
            existed = kind != "connect" and os.access(path, os.F_OK, follow_symlinks=kind in ("open", "run"))
            if (kind == "run" and not existed) or (kind == "asked" and existed):
                return  # one of the folders of PATH, tried in vain; or what nobody wants to know
            if not self._is_valid(token):
                return  # the process was killed, and what was read may be another's
            if len(self._calls) < LIMIT:
                self._calls[key] = existed
                if existed and kind == "open" and flags & os.O_ACCMODE != os.O_WRONLY:
                    self._read.add(path)
            else:
                self._left_out += 1
        if self._before_change is not None and (call := _call(key, existed)).changes:
            with contextlib.suppress(Exception):
                self._before_change(call)

    def _is_valid(self, token: int) -> bool:
        """Whether the process still waits for the answer."""
        try:
            fcntl.ioctl(self._listener, _IS_VALID, struct.pack("=Q", token))
        except OSError:
            return False
        return True

    def _look_who_answers(self, address: str) -> None:
        """At an address of this machine; once somebody does. Where that cannot be told, it is the network."""
        if address in self._answering:
            return
        try:
            answered = answered_by(address, {*self._groups.values()})
        except (OSError, ValueError, IndexError):
            answered = False
        if answered is not None:
            self._answering[address] = answered

    def _group(self, task: int) -> int:
        """The process of a thread."""
        status = Path(f"/proc/{task}/status").read_bytes()
        pid = int(status.partition(b"\nTgid:")[2].split(None, 1)[0])
        self._groups[task] = pid
        return pid


def _call(key: tuple[int, Kind, bytes, int], existed: bool) -> Call:
    pid, kind, path, flags = key
    return Call(pid, kind, os.fsdecode(path), flags, existed)


def _leave_to_parent() -> None:
    """A fork of this process must not hold the listeners: commands would wait for it when this one has ended."""
    for calls in list(_open):
        calls._close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


# --- what a process means -----------------------------------------------------------------------------------------


class _Part(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Memory:
    """Reads the memory of other processes, for one thread: the buffer is kept, since there are thousands of calls."""

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(_PIECE)
        self._mine, self._theirs = _Part(ctypes.addressof(self._buffer), 0), _Part(0, 0)
        self._parts = ctypes.byref(self._mine), ctypes.byref(self._theirs)
        self._call = ctypes.CDLL(None, use_errno=True).process_vm_readv
        number = ctypes.c_ulong
        self._call.argtypes = (ctypes.c_int, ctypes.c_void_p, number, ctypes.c_void_p, number, number)

    def read(self, task: int, address: int, size: int) -> bytes:
        """So many bytes, at most `_PIECE`, or fewer where the memory ends."""
        self._mine.size = self._theirs.size = size
        self._theirs.base = address
        count = self._call(task, self._parts[0], 1, self._parts[1], 1, 0)
        if count <= 0:
            raise OSError(ctypes.get_errno(), "the memory of the process cannot be read")
        return ctypes.string_at(self._buffer, count)

    def text(self, task: int, address: int) -> bytes:
        """The bytes up to the next zero, in small pieces: large ones cost more, and the next page may not be there."""
        text = b""
        while len(text) < _PATH_MAX:
            here = address + len(text)
            part = self.read(task, here, min(_PIECE, mmap.PAGESIZE - here % mmap.PAGESIZE))
            before, zero, _ = part.partition(b"\0")
            text += before
            if zero:
                return text
        return b""  # too long: the call fails


def _absolute(task: int, folder: int, path: bytes, rooted: bool) -> bytes:
    """The path as seen from the root; symbolic links stay, but where ``..`` goes up from one."""
    if rooted or not path.startswith(b"/"):
        base = os.readlink(b"/proc/%d/cwd" % task if folder == _AT_FDCWD else b"/proc/%d/fd/%d" % (task, folder))
        path = os.path.join(base, path.lstrip(b"/") if rooted else path) if path else base
    if path.startswith((b"/proc/", b"/dev/")):
        path = _own(task, path)
    if b"/./" in path or b"//" in path or b"/.." in path or path.endswith(b"/."):
        head, tail = os.path.split(path)
        path = os.path.realpath(path) if tail in (b"..", b".") else os.path.join(os.path.realpath(head), tail)
    return path


def _own(task: int, path: bytes) -> bytes:
    """What a path of /proc/self or /dev/fd means in that process."""
    for name in (b"/proc/self/", b"/proc/thread-self/"):
        if path.startswith(name):
            path = b"/proc/%d/" % task + path[len(name) :]
    for name, place in ((b"/dev/std", {b"in": b"0", b"out": b"1", b"err": b"2"}), (b"/dev/fd/", None)):
        if path.startswith(name):
            rest = path[len(name) :]
            path = b"/proc/%d/fd/" % task + (place.get(rest, rest) if place else rest)
    if path.startswith(b"/proc/%d/fd/" % task):
        with contextlib.suppress(OSError):
            target = os.readlink(path)
            path = target if target.startswith(b"/") else path
    return path


def _address(data: bytes) -> bytes:
    family = int.from_bytes(data[:2], sys.byteorder)
    if family == socket.AF_UNIX:
        return data[2:].partition(b"\0")[0] or b"@" + data[3:].rstrip(b"\0")
    if family in (socket.AF_INET, socket.AF_INET6):
        host = data[4:8] if family == socket.AF_INET else data[8:24]
        name = socket.inet_ntop(family, host)
        port = int.from_bytes(data[2:4], "big")
        return (f"{name}:{port}" if family == socket.AF_INET else f"[{name}]:{port}").encode()
    return b"family %d" % family
