"""The errors that week2kit raises on purpose: each says what, where, expected, got and what to do.

A foreign exception is translated once, where it enters, into one of these; one of these is turned into text and an
exit code once, where it leaves (`cli`, `pytest_plugin`). Anything else that escapes is a bug of ours (exit code 70).
"""

from __future__ import annotations

import builtins
import errno
import os
from collections.abc import Mapping, Sequence
from typing import Final


class Week2kitError(Exception):
    """Base of all errors that week2kit raises on purpose; ``str()`` is one or more whole sentences for a person."""


class UsageError(Week2kitError):
    """The call itself cannot be carried out: no such file, no readable object in it, a name that is taken."""


class UnreadableRun(Week2kitError):
    """A path that was named as a run holds no run, or one whose manifest cannot be read."""


class ReportError(Week2kitError):
    """A report cannot be written: its target is not ours, or its template cannot be rendered."""


class PicturesUnavailable(ReportError):
    """Pictures cannot be drawn here; a report has its numbers as tables and text."""


class StageError(Week2kitError):
    """A stage of the loop could not be carried out for a reason that lies in the inputs.

    The message never holds a path of this machine; ``hint`` says what to try, and ``command`` is the one that does it,
    where one does. ``code`` and ``values`` are those of `week2kit.refusals`, where it is one of them.
    """

    code = ""
    values: Mapping[str, object] = {}

    def __init__(self, message: str, hint: str = "", *, command: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.command = command


class ConfigError(StageError):
    """Everything that is wrong with a config, all of it at once, each as ``key.path: what is wrong``."""

    def __init__(self, problems: Sequence[str]) -> None:
        # sorted: the same config has the same message, however its keys are ordered
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(self.problems), "Correct the config and train again.")


class DataNotFound(StageError):
    """The data file is in none of the places where it is looked for."""


class MissingHere(StageError):
    """Something is not here that the run needs: a package, a file that was not fetched, a flag of the caller.

    It says nothing about the run. ``flags`` are those of the command line that help, as words; none where none does.
    """

    def __init__(self, message: str, hint: str = "", *, command: str = "", flags: Sequence[str] = ()) -> None:
        super().__init__(message, hint, command=command)
        self.flags = tuple(flags)


class LibraryError(StageError):
    """An estimator raised an error while it was fitted or asked; `error` is the name of its type."""

    def __init__(self, error: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.error = error


class WarningRefused(StageError):
    """A warning that the config's ``fail_on`` names as an error."""


class Terminated(BaseException):
    """SIGTERM arrived. Like KeyboardInterrupt it is no Exception: nothing but the record may catch it."""


class CannotRestore(Week2kitError):
    """An environment with the recorded versions cannot be had here; holds no path and no address of an index."""


class TimeLimitReached(Week2kitError):
    """A child process was stopped because it took longer than the caller allowed."""


class ChildDied(Week2kitError):
    """A child process ended without an answer: killed, out of memory, or dead by a signal."""

    def __init__(self, message: str, exitcode: int | None) -> None:
        super().__init__(message)
        self.exitcode = exitcode


class ServerDied(ChildDied):
    """The process that starts the children ended and took this one along: its work can be done again."""


class LimitReached(Week2kitError):
    """A training met a limit: `limit` is its name in `week2kit.processes.limits`, `value` what it is, where known."""

    def __init__(self, limit: str, value: int | None) -> None:
        super().__init__(f"The training met the limit of {limit}.")
        self.limit = limit
        self.value = value


# --- from outside -----------------------------------------------------------------------------------------------

#: Types of errors that come from outside of the five inputs, and what they say where they bring no message.
_FROM_OUTSIDE: Final[Mapping[str, str]] = {
    "BrokenProcessPool": "a process of the fit died",
    "ChildDied": "its process died",
    "KeyboardInterrupt": "it was interrupted",
    "MissingHere": "something was not there",
    "MemoryError": "the memory was not enough",
    "SystemExit": "the process was left",
    "TerminatedWorkerError": "a process of the fit died",
    "Terminated": "the process was asked to end",
    "ThreadLimit": "no more threads may be started here",
    "TimeLimitReached": "it took longer than was allowed",
}


#: What a machine refuses, by errno, and what to do; an error of an import tells it in its text.
_REFUSALS: Final[Mapping[int, str]] = {
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENFILE: "close other programs",
    errno.ENOMEM: "allow more memory (ulimit -v), or close other programs",
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EAGAIN: "allow more processes and threads (ulimit -u)",
}


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # it shows an object of a person's, whose own text raises
        return ""


def refused(error: BaseException) -> int | None:
    """The errno of what the machine refused that led to an error; None where it is something else."""
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in seen:
        seen.append(link)
        if isinstance(link, MemoryError) or "failed to map segment" in (told := _said(link)):  # of a shared library
            return errno.ENOMEM
        if isinstance(link, RuntimeError) and "can't start new thread" in told:
            return errno.EAGAIN
        if isinstance(link, OSError) and link.errno in _REFUSALS:
            return link.errno
        if isinstance(link, ImportError):
            named = (code for code in _REFUSALS if os.strerror(code) in told)
            if (code := next(named, None)) is not None:
                return code
        link = link.__cause__ or link.__context__
    return None


def refused_by_machine(error: BaseException) -> str:
    """What the machine refused, and what to do, as a sentence; empty where it is something else: see `refused`."""
    if (code := refused(error)) is not None:
        return f"{os.strerror(code)}: {_REFUSALS[code]}, and try again."
    if isinstance(error, FileNotFoundError):
        try:
            os.getcwd()  # noqa: PTH109
        except OSError:
            return "The folder where you are was removed: go to another one, and try again."
    return ""


def is_from_outside(error: str) -> bool:
    """Whether an error of this type follows from none of the five inputs: no verdict and no advice follows from it."""
    kind = getattr(builtins, error, None)
    return error in _FROM_OUTSIDE or (isinstance(kind, type) and issubclass(kind, OSError))


def message_without(error: str) -> str:
    """What an error of this type means that came without a message."""
    return _FROM_OUTSIDE.get(error, error)
