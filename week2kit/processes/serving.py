"""The child's side: answer what the parent asks, and end with it; the server's, too, which forks such children.

It imports little: it is what a started program imports first.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import multiprocessing
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, Final, NoReturn, TypeAlias

from week2kit.errors import refused
from week2kit.processes.limits import Limits, check_room, end_with_parent, impose, needed_variables
from week2kit.processes.scratch import OWNER
from week2kit.thresholds import ROOM_FOR_LIBRARIES

#: The work of a child, as "module:function": a function that returns bytes. The caller need not import the module,
#: and nothing that comes back from a child is ever unpickled.
Work: TypeAlias = str

ANSWER: Final = b"a"
BUG: Final = b"b"
MEMORY: Final = b"m"


@dataclass(frozen=True)
class Settings:
    """What a child is told first: what it may use, where it works, and where to find modules.

    A folder of None is that of the server; a path of None is where its own Python looks.
    """

    limits: Limits
    folder: str | None
    path: list[str] | None
    variables: Mapping[str, str]
    owner: int


# --- the server that forks --------------------------------------------------------------------------------------

#: What is asked of the server: a child, with the two sockets that it gets, or to import more, with the names.
CHILD: Final = b"c"
MORE: Final = b"m"

#: How the server tells a child's process id, and its exit code at its end.
NUMBER: Final = struct.Struct("q")


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
                if message == MORE:
                    with Connection(os.dup(descriptor)) as more:
                        _preload(more.recv())
                    continue
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
        os.write(told, NUMBER.pack(number))


def _fork() -> int:
    """As os.fork; where no process can be had, the negative number of the error."""
    try:
        return os.fork()
    except OSError as error:
        return -(error.errno or 1)


# --- in the child -----------------------------------------------------------------------------------------------


def serve_started(descriptor: int, parent: int) -> None:
    """Answer requests on an open socket until the other side closes: the main function of a started program."""
    _serve_to_the_end(descriptor, parent)


def _serve_to_the_end(descriptor: int, parent: int) -> NoReturn:
    code = 1
    try:
        _end_with(parent)
        serve(Connection(descriptor))
        code = 0
    finally:
        os._exit(code)


def serve(connection: Connection) -> None:
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
        return ANSWER + answer
    except BaseException as error:
        if refused(error) == errno.ENOMEM:
            return MEMORY
        return BUG + traceback.format_exc().encode("utf-8", "replace")


def _take(settings: Settings) -> None:
    """Be what the parent wants: its folder, its modules, none of its other variables, the limits."""
    if settings.folder is not None:  # the server was started elsewhere, where the parent has changed its folder since
        with contextlib.suppress(OSError):
            os.chdir(settings.folder)
    if settings.path is not None:
        sys.path[:] = settings.path
    for name in os.environ.keys() - needed_variables(settings.limits.variables).keys():
        del os.environ[name]
    os.environ.update(settings.variables)
    os.environ[OWNER] = str(settings.owner)
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
