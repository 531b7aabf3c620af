"""What a child that trains may use of this machine: memory, processes, file size, and which environment variables.

The limits are generous: they hold off what would take the machine down, and no honest training comes near them. Each
may be lifted by the caller; a limit of the caller's own shell that is lower stays in force. What a system lacks (such
as limits on Windows) is left out.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from week2kit.errors import UsageError
from week2kit.thresholds import CHILD_FILE_BYTES, CHILD_PROCESSES, TOTAL_TIMEOUT


@dataclass(frozen=True)
class Limits:
    """What one child may use; None lifts a limit.

    Attributes:
        memory: bytes that it may hold; by default those that the machine or the container has, with its swap.
        processes: processes and threads that may be there besides those of now.
        file_size: bytes of the largest file that it may write.
        time: seconds that the verification of all runs together may take.
        variables: environment variables of the caller that reach it besides those that computing needs.
    """

    memory: int | None = field(default_factory=lambda: physical_memory())
    processes: int | None = CHILD_PROCESSES
    file_size: int | None = CHILD_FILE_BYTES
    time: float | None = TOTAL_TIMEOUT
    variables: tuple[str, ...] = ()


#: What --limit takes: the limit, how many of its units are in one of what is given, and what that is.
_SETTINGS: Final = {
    "memory": ("memory", 1 << 30, "GiB"),
    "file": ("file_size", 1 << 30, "GiB"),
    "processes": ("processes", 1, "a number"),
    "time": ("time", 1, "seconds"),
}


def read_limits(settings: Iterable[str], variables: Iterable[str] = ()) -> Limits:
    """Limits from texts such as ``memory=32`` (GiB) or ``time=none``, and the names of variables.

    Raises:
        UsageError: there is no such limit, or it is no number above zero.
    """
    given: dict[str, Any] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in _SETTINGS:
            raise UsageError(f'--limit: expected one of {", ".join(sorted(_SETTINGS))}, got "{setting[:100]}".')
        field_name, unit, what = _SETTINGS[name]
        value = math.inf if text == "none" else _number(text)
        if value is None:
            raise UsageError(f'--limit {name}: expected {what} above 0, or none, got "{text[:100]}".')
        given[field_name] = None if value == math.inf else value if name == "time" else int(value * unit)
    return Limits(**given, variables=tuple(variables))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < 1e9 else None


# --- the environment --------------------------------------------------------------------------------------------

#: What numerics, Python and the system's own libraries read. Anything else of the caller, a token or a password, is
#: nobody's business in a fit.
_NEEDED: Final = re.compile(
    r"PATH|HOME|TMPDIR|TEMP|TMP|LANG|LANGUAGE|TZ|TZDIR|VIRTUAL_ENV|XDG_CACHE_HOME"
    r"|LD_LIBRARY_PATH|LD_PRELOAD|LD_BIND_NOW|DYLD_.*|GLIBC_TUNABLES|MALLOC_.*|QEMU_LD_PREFIX|QEMU_CPU"
    r"|PYTHON(?!WARNINGS|STARTUP|INSPECT|BREAKPOINT|DEVMODE).*|CONDA_PREFIX"
    r"|(?:LC|OMP|GOMP|KMP|OPENBLAS|GOTO|MKL|BLIS|VECLIB|NPY|NUMEXPR|SKLEARN|SCIPY|JOBLIB|LOKY)_.*|CUDA_VISIBLE_DEVICES"
    r"|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|NUMBER_OF_PROCESSORS|PROCESSOR_.*|USERPROFILE|HOMEDRIVE|HOMEPATH"
    r"|APPDATA|LOCALAPPDATA|PROGRAMDATA",
    re.IGNORECASE if sys.platform == "win32" else 0,
)


#: What week2kit sets for itself, where nobody set it before: how its own libraries wait, and what they look for.
_OURS: Final = {
    "OMP_WAIT_POLICY": "passive",
    "OPENBLAS_THREAD_TIMEOUT": "16",
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
}


def surroundings() -> dict[str, str]:
    """The environment variables that a person's own command gets: those of this process, without what it set itself."""
    try:
        at_start = set(Path("/proc/self/environ").read_bytes().split(b"\0"))
    except OSError:
        at_start = set()
    ours = {name for name, value in _OURS.items() if f"{name}={value}".encode() not in at_start}
    return {name: value for name, value in os.environ.items() if name not in ours or value != _OURS[name]}


def needed_variables(also: Iterable[str] = ()) -> dict[str, str]:
    """The environment variables of this process that a child gets."""
    kept = set(also)
    return {name: value for name, value in os.environ.items() if name in kept or _NEEDED.fullmatch(name)}


# --- the limits -------------------------------------------------------------------------------------------------

#: Where Linux tells what a container may hold, by the second and the first version of its control groups.
_CONTAINER: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def physical_memory() -> int | None:
    """Bytes of memory and swap of this machine, or of the container where it has less; None where nothing tells."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") + _swap()
    except (AttributeError, ValueError, OSError):
        return None
    for place in map(Path, _CONTAINER):
        with contextlib.suppress(OSError, ValueError):  # "max" is no number
            memory = min(memory, int(place.read_text()))
    return memory


def _swap() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text(encoding="ascii", errors="replace")
        return int(text.partition("SwapTotal:")[2].split()[0]) << 10
    return 0


def check_room(size: int) -> None:
    """Fail where this process may not have so many more bytes of address space.

    OpenBLAS asks for what it works in while it is loaded and at its first large product. Where the system refuses, it
    asks again for ever, and no signal ends it that Python handles: so others have to ask first.

    Raises:
        MemoryError: it may not.
    """
    try:
        mmap.mmap(-1, size).close()
    except OSError:
        raise MemoryError from None


def memory_in_force(limits: Limits) -> tuple[str, int | None]:
    """The limit of memory of a child and its bytes: its own (memory), or a lower one that it inherits (inherited)."""
    with contextlib.suppress(ImportError):
        import resource

        values = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
        inherited = min((value for value in values if value != resource.RLIM_INFINITY), default=None)
        if inherited is not None and (limits.memory is None or inherited < limits.memory):
            return "inherited", inherited
    return "memory", limits.memory


def impose(limits: Limits) -> None:
    """Take these limits upon this process and its children, for good."""
    with contextlib.suppress(ImportError):
        import resource

        _lower(resource.RLIMIT_CORE, 0)
        _lower(resource.RLIMIT_DATA, limits.memory)
        _lower(resource.RLIMIT_FSIZE, limits.file_size)
        if hasattr(resource, "RLIMIT_NPROC"):
            _lower(resource.RLIMIT_NPROC, _processes(limits))
    prctl(_NO_NEW_PRIVILEGES, 1)


def _lower(kind: int, value: int | None) -> None:
    import resource

    before = [limit for limit in resource.getrlimit(kind) if limit != resource.RLIM_INFINITY]
    if value is not None:
        with contextlib.suppress(ValueError, OSError):  # a system that knows the name and does not have the limit
            least = min([value, *before])
            resource.setrlimit(kind, (least, least))


def _processes(limits: Limits) -> int | None:
    """The system counts those of a user, in other containers too: so all that there are now count as the user's."""
    if limits.processes is None:
        return None
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2]) + limits.processes
    return None


#: Numbers of Linux's prctl: the signal that a process gets when its parent ends, and that no program it starts may have
#: more rights than itself.
_PARENT_DEATH_SIGNAL: Final = 1
_NO_NEW_PRIVILEGES: Final = 38


def prctl(option: int, value: int) -> bool:
    """Set an option of this process, where the system is Linux; whether it took effect."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def end_with_parent(signal_number: int) -> bool:
    """Let this process get a signal when the process that started it ends, however that ends; whether it will.

    It reaches also a process that computes in C and holds the interpreter's lock.
    """
    return prctl(_PARENT_DEATH_SIGNAL, signal_number)
