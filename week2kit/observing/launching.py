"""Becomes a command after it has taken a seccomp filter and Landlock rules upon itself: the program of `calls`.

It runs by its path in an interpreter without site-packages, so it imports the standard library only, and of that what
loads fast: it delays every command. The first argument is the descriptor of a socket: what to do comes in there
(marshalled, as both ends are the same interpreter), and what took effect goes out, with the listener of the filter.
What it cannot observe it runs unobserved, and says so; what it cannot confine, it does not run.
"""

# pathlib takes longer to import than all the rest
# ruff: noqa: PTH112

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # without the enumerations, whose import takes longer than all the rest
import _socket as socket
import ctypes
import errno
import marshal
import os
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

#: Exit codes of `env` and of shells: the launcher failed; the command was found and cannot be run; it was not found.
FAILED: Final = 125
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127

_NO_NEW_PRIVILEGES: Final = 38  # prctl
# seccomp; without the second, kernels before 5.16 would slow the command by guards against speculation
_SET_FILTER, _NO_GUARDS, _NEW_LISTENER, _WAIT_KILLABLE = 1, 1 << 2, 1 << 3, 1 << 5
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_LOAD, _EQUAL, _ANY, _RETURN = 0x20, 0x15, 0x45, 0x06  # instructions of the filter
_THIRD: Final = 16 + 2 * 8 + (4 if sys.byteorder == "big" else 0)  # the lower half of the third argument
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # Landlock; the same numbers on every architecture
_BENEATH: Final = 1

#: Landlock's rights: what may be done to a file, to a folder, and what came with later versions of its interface.
_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_OF_FIRST: Final = (1 << 13) - 1
_LATER: Final = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # moving between folders, truncating, ioctl on devices
_OF_FILES: Final = _EXECUTE | _WRITE | _READ | _LATER[3] | _LATER[5]
_TCP: Final = 0b11  # bind, connect

_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: Any) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def notify(seccomp: int, architecture: int, numbers: list[int], openat: int, listing: int, told: int) -> int:
    """Let these system calls of this process and its children wait for an answer; the descriptor that they ask.

    Of the call `openat`, a folder that is opened to be listed (the flag `listing`) does not wait, nor what is opened
    with just the flags `told`: there are hundreds and thousands of them.

    Raises:
        OSError: the system refuses.
    """
    others = [number for number in numbers if number != openat]
    ask = len(others)  # of another architecture's calls the numbers mean something else
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 0, ask + 5, architecture), (_LOAD, 0, 0, 0), (_EQUAL, 0, 3, openat)]
    program += [(_LOAD, 0, 0, _THIRD), (_EQUAL, ask + 1, 0, told), (_ANY, ask, ask + 1, listing)]
    program += [(_EQUAL, ask - place, 0, number) for place, number in enumerate(others)]
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOTIFY)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    try:
        return _call(seccomp, _SET_FILTER, _NO_GUARDS | _NEW_LISTENER | _WAIT_KILLABLE, head)
    except OSError as error:
        if error.errno != errno.EINVAL:  # before Linux 5.19 a signal interrupts the wait, and the call begins again
            raise
        return _call(seccomp, _SET_FILTER, _NO_GUARDS | _NEW_LISTENER, head)


def confine(abi: int, read: list[str], write: list[str], network: bool) -> dict[str, Any]:
    """Let this process and its children read and write beneath these paths only; what took effect.

    Raises:
        OSError: the system refuses, or did not do what it said.
    """
    rights = _OF_FIRST | sum(right for since, right in _LATER.items() if abi >= since)
    tcp = _TCP if abi >= 4 and not network else 0
    attributes = struct.pack("QQ", rights, tcp) if abi >= 4 else struct.pack("Q", rights)
    ruleset = _call(_CREATE_RULESET, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0)
    missing = []
    for paths, given in ((read, _EXECUTE | _READ | _LIST), (write, rights)):
        for path in paths:
            try:
                place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                missing.append(path)
                continue
            allowed = given & rights & (-1 if os.path.isdir(path) else _OF_FILES)
            rule = struct.pack("=Qi", allowed, place)
            _call(_ADD_RULE, ruleset, _BENEATH, ctypes.create_string_buffer(rule, len(rule)), 0)
            os.close(place)
    if _refused(_list_root):
        raise OSError(errno.EACCES, "the root folder cannot be listed, so nothing shows that the rules hold")
    _call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    if not _refused(_list_root) or (tcp and not _refused(_bind)):
        raise OSError(errno.EIO, "the rules were taken and do not hold")
    return {"abi": abi, "tcp_refused": bool(tcp), "missing": tuple(missing)}


def _refused(attempt: Any) -> bool:
    try:
        attempt()
    except PermissionError:
        return True
    return False


def _list_root() -> None:
    os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


def _bind() -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).bind(("127.0.0.1", 0))
    except PermissionError:
        raise
    except OSError:  # no such network here at all
        raise PermissionError from None


def _receive(parent: socket.socket) -> dict[str, Any]:
    data = b""
    size = int.from_bytes(parent.recv(8, socket.MSG_WAITALL), "big")
    while len(data) < size:
        part = parent.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    value: dict[str, Any] = marshal.loads(data)
    return value


def _tell(parent: socket.socket, answer: dict[str, Any], listener: list[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", listener[0]))] if listener else []
    data = marshal.dumps(answer)
    parent.sendall(data[parent.sendmsg([data], rights) :])


def _environment() -> dict[str, str]:
    """Of this process as it was started: the interpreter adds LC_CTYPE where no locale is set."""
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return dict(os.environ)
    pairs = (os.fsdecode(entry).partition("=") for entry in entries if b"=" in entry)
    return {name: value for name, _, value in pairs}


def main() -> int:
    """Take what is asked upon this process, tell what took effect, and become the command."""
    parent = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(parent.fileno(), False)
    environment = _environment()
    try:
        asked = _receive(parent)
    except (OSError, EOFError):  # the parent has gone
        return FAILED
    answer: dict[str, Any] = {}
    listener: list[int] = []
    os.get_exec_path(environment)  # it imports, which a confined process may not: execvpe calls it again
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if asked["confine"]:
        try:
            answer["confined"] = confine(**asked["confine"])
        except OSError as error:
            _tell(parent, {"not_confined": [error.errno, error.strerror]}, [])
            return FAILED
    if asked["notify"]:
        try:
            listener = [notify(**asked["notify"])]
        except OSError as error:
            answer["not_observed"] = [error.errno, error.strerror]
    _tell(parent, answer, listener)
    for descriptor in listener:
        os.close(descriptor)
    # the interpreter ignores these; a command that inherits that would write on for ever into a closed pipe
    for name in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(name, signal.SIG_DFL)
    # Ctrl-C waited for this, so that nobody sees a traceback of ours: who had it ignored goes on to
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    try:
        os.execvpe(sys.argv[2], sys.argv[2:], environment)
    except OSError as error:
        _tell(parent, {"not_started": [error.errno, error.strerror]}, [])
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


if __name__ == "__main__":
    sys.exit(main())
