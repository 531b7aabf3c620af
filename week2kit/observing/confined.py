"""What a command may read and write, enforced by the kernel (Landlock): if it completes, no other file was needed.

The rules hold for the command and all of its children, need no rights, and cannot be taken back. What they do not stop
is that a file's existence, size and times are looked up (stat), what reaches the command through descriptors and Unix
sockets, and UDP. Which path was refused is known where the command is also observed: `refused`.
"""

# names of files need not be text
# ruff: noqa: PTH100, PTH110, PTH112, PTH118, PTH120

from __future__ import annotations

import ctypes
import errno
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Final, Literal

from week2kit.observing.calls import Call, Seen

#: What programs need of a system besides data. /proc and /sys tell of the machine and the processes; a rule for
#: /proc/self alone would be one for the process that made it, and not for its children.
_SYSTEM: Final = (
    *("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/proc", "/sys"),
    *(
        f"/etc/{name}"
        for name in (
            *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld.so.preload", "alternatives", "os-release"),
            *("localtime", "timezone", "locale.alias", "locale.conf", "default/locale", "inputrc", "terminfo"),
            *("passwd", "group", "nsswitch.conf", "hosts", "host.conf", "resolv.conf", "gai.conf", "services"),
            *("protocols", "ssl", "ca-certificates", "pki", "crypto-policies", "mime.types", "fonts", "R"),
            *("OpenCL", "python3", "debian_version", "magic", "papersize", "java"),
        )
    ),
    *("/dev/zero", "/dev/random", "/dev/urandom"),
)
_DEVICES: Final = ("/dev/null", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm")

_CREATE_RULESET, _ASK_VERSION = 444, 1

#: The parts of an installation or an environment. Not the folder itself: a project may lie in it.
_PARTS: Final = ("bin", "lib", "lib32", "lib64", "libexec", "include", "share", "etc", "ssl", "pyvenv.cfg")

#: Asks an interpreter where its standard library and its distributions lie. Not sys.path: that of a project that is
#: installed in place leads to the project with all of its data.
_ASK: Final = """import json, site, sys, sysconfig
libraries = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), *site.getsitepackages()]
prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
print(json.dumps([prefixes, [*libraries, site.getusersitepackages()]]))"""


@dataclass(frozen=True)
class Allowed:
    """What a command may use; a folder stands for all that is beneath it, and a symbolic link for what it leads to.

    Attributes:
        read: files and folders that it may read and run.
        write: files and folders that it may also change.
        network: whether it may use TCP; forbidding it needs Linux 6.7 (`Seen.confined`: tcp_refused).
    """

    read: tuple[str, ...]
    write: tuple[str, ...]
    network: bool = False

    def request(self) -> dict[str, Any]:
        """What `Calls(confine=...)` takes.

        Raises:
            ValueError: the whole system would be allowed, which confines nothing.
            OSError: nothing can be confined here.
        """
        if (reason := available()) is not None:
            raise OSError(errno.ENOSYS, f"nothing can be confined here: {reason}")
        if any(os.path.realpath(path) == "/" for path in (*self.read, *self.write)):
            raise ValueError("the root folder cannot be allowed")
        return {
            "abi": version(),
            "read": [os.path.abspath(path) for path in self.read],
            "write": [os.path.abspath(path) for path in self.write],
            "network": self.network,
        }


@dataclass(frozen=True)
class Refused:
    """A path that the command asked for and was not allowed to use so.

    Attributes:
        path: absolute, as the command asked for it.
        access: for reading, for writing, or to run it.
        folder: whether it is a folder, whose names were to be listed.
    """

    path: str
    access: Literal["read", "write", "run"]
    folder: bool


def version() -> int:
    """The version of Landlock of this kernel; 0 where it has none."""
    if not sys.platform.startswith("linux"):
        return 0
    # None without a size asks which there is
    return max(0, int(ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)))


def available() -> str | None:
    """Why nothing can be confined here: system (not Linux) or kernel (has no Landlock, or refuses it); else None."""
    if not sys.platform.startswith("linux"):
        return "system"
    return None if version() else "kernel"


def system_places() -> tuple[str, ...]:
    """Files and folders of the system that programs read besides data; only those that are there."""
    return tuple(path for path in _SYSTEM if os.path.exists(path))


def devices() -> tuple[str, ...]:
    """What programs write to and that keeps nothing: /dev/null, terminals, shared memory; only those that are there."""
    return tuple(path for path in _DEVICES if os.path.exists(path))


def interpreter_places(executable: str = sys.executable) -> tuple[str, ...]:
    """Where a Python has its standard library and its distributions: the parts of the installation and the environment.

    Raises:
        OSError: it cannot be started.
        subprocess.SubprocessError: it does not answer.
    """
    command = [executable, "-I", "-c", _ASK]
    told = subprocess.run(command, capture_output=True, check=True, timeout=30, stdin=subprocess.DEVNULL).stdout
    prefixes, libraries = json.loads(told)
    parts = {os.path.join(prefix, part) for prefix in prefixes for part in _PARTS}
    found = sorted(path for path in {*parts, *libraries} if os.path.exists(path))
    return tuple(path for path in found if not any(_within(path, other) for other in found if other != path))


def refused(seen: Seen, allowed: Allowed) -> tuple[Refused, ...]:
    """The paths that the command was refused, in the order in which it asked for them, each once.

    Only what exists now, or was to be made in a folder that does: what was never there is missing for another reason.
    A command may get along with a refusal: SQLite opens for writing first, Python keeps a compiled module if it may.
    """
    read = [os.path.realpath(path) for path in (*allowed.read, *allowed.write)]
    write = [os.path.realpath(path) for path in allowed.write]
    found: dict[Refused, None] = {}
    for call in seen.calls:
        access = _access(call)
        if access is None or not (call.existed or _makes(call)):
            continue
        real = os.path.realpath(call.path)
        if not any(_within(real, place) for place in (write if access == "write" else read)):
            found[Refused(call.path, access, os.path.isdir(call.path))] = None
    return tuple(found)


def _makes(call: Call) -> bool:
    makes = call.kind == "named" or (call.kind == "open" and bool(call.flags & os.O_CREAT))
    return makes and os.path.isdir(os.path.dirname(call.path))


def _access(call: Call) -> Literal["read", "write", "run"] | None:
    if call.kind == "run":
        return "run"
    if call.kind != "open":
        return "write" if call.changes else None
    if call.flags & getattr(os, "O_PATH", 0):  # names it only, which is not refused
        return None
    return "write" if call.changes else "read"


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")
