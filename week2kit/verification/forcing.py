"""Bringing conditions about in the process that trains: what its environment variables cannot do.

Only the child's side imports this. Nothing here tells whether a condition took effect: the environment is recorded
while it should hold, and the reader of that record compares.
"""

from __future__ import annotations

import csv
import dataclasses
import inspect
import io
import locale
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import joblib

from week2kit.environment.conditions import Conditions
from week2kit.environment.facts import shipped_by
from week2kit.errors import StageError
from week2kit.processes.scratch import scratch_folder
from week2kit.verification.messages import RerunRequest


@contextmanager
def in_force(conditions: Conditions) -> Iterator[None]:
    """Bring about the conditions that a running process can have; a worker that is spawned trains again without them.

    The locale is not taken back: it is a variable, so the process was started for it.
    """
    with ExitStack() as stack:
        if conditions.blas_threads is not None:
            stack.enter_context(_blas_threads(dict(conditions.blas_threads)))
        if conditions.elsewhere:
            stack.enter_context(_empty_directory())
        if conditions.locale is not None:
            with suppress(locale.Error):  # it is not installed; nothing of it would be in force
                locale.setlocale(locale.LC_ALL, "")
        if conditions.time_zone is not None:
            stack.enter_context(_variable("TZ", conditions.time_zone))
        if conditions.home is not None:
            stack.enter_context(_variable("HOME", conditions.home))
        if conditions.default_jobs is not None:
            stack.enter_context(joblib.parallel_config(n_jobs=conditions.default_jobs))
        if conditions.umask is not None:
            stack.callback(os.umask, os.umask(conditions.umask))
        yield


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    _take_time_zone()
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
        _take_time_zone()


def _take_time_zone() -> None:
    if hasattr(time, "tzset"):
        time.tzset()


def not_in_force(conditions: Conditions) -> list[str]:
    """The conditions of a process, by the names of what varies them, that are not in force in this one."""
    held = {
        "hash_seed": conditions.hash_seed is None
        or (os.environ.get("PYTHONHASHSEED") == conditions.hash_seed and not sys.flags.ignore_environment),
        "locale": conditions.locale is None
        or (os.environ.get("LC_ALL") == conditions.locale and locale.localeconv()["decimal_point"] != "."),
        # a zone that is not known is taken for UTC, and one that is not taken leaves the one that was there
        "time_zone": conditions.time_zone is None or (time.timezone != 0 and time.tzname[0] in conditions.time_zone),
        "directory": not conditions.elsewhere or not any(Path.cwd().iterdir()),
        "home": conditions.home is None or Path.home() == Path(conditions.home),
        "umask": conditions.umask is None or umask() == conditions.umask,
    }
    return [name for name, holds in held.items() if not holds]


def home() -> str:
    """The home directory in force; the empty text where none is known."""
    try:
        return str(Path.home())
    except RuntimeError:
        return ""


def umask() -> int:
    """The file mode mask in force, which can only be read by setting another."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


#: Languages that write decimals with a comma; Turkish first, whose small letters surprise most.
_COMMA_LOCALES: Final = ("tr_TR", "de_DE", "fr_FR", "es_ES", "it_IT", "pt_BR", "nl_NL", "pl_PL", "ru_RU", "sv_SE")


def comma_locale() -> str | None:
    """An installed locale that writes decimals with a comma, in another language than that of here."""
    here = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    before = locale.setlocale(locale.LC_NUMERIC)
    try:
        others = [language for language in _COMMA_LOCALES if not here.startswith(language)]
        for name in (f"{language}.{coding}" for language in others for coding in ("UTF-8", "utf8")):
            with suppress(locale.Error):
                locale.setlocale(locale.LC_NUMERIC, name)
                if locale.localeconv()["decimal_point"] == ",":
                    return name
        return None
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)


@contextmanager
def _blas_threads(threads: dict[str, int]) -> Iterator[None]:
    """Set the threads of each copy of a BLAS, which no environment variable can raise above the CPUs allowed."""
    from threadpoolctl import ThreadpoolController

    copies = [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]
    before = [library.num_threads for library in copies]
    try:
        for library in copies:
            wanted = threads.get(shipped_by(library.filepath))
            if wanted is not None:
                library.set_num_threads(wanted)
        yield
    finally:
        for library, number in zip(copies, before, strict=True):
            library.set_num_threads(number)


@contextmanager
def _empty_directory() -> Iterator[None]:
    before = os.open(".", os.O_RDONLY)
    try:
        with scratch_folder() as directory:
            os.chdir(directory)
            yield
            os.fchdir(before)
    finally:
        os.close(before)


# --- conditions of what is trained ------------------------------------------------------------------------------


def of_request(request: RerunRequest) -> RerunRequest:
    """The request with the condition that lies in its config, the number of jobs; `rewritten` is that of its data."""
    conditions = request.conditions
    if conditions.cpus is not None:
        request = dataclasses.replace(request, config=_with_cpus(request.config, conditions.cpus))
    if conditions.jobs is not None:
        request = dataclasses.replace(request, config=_with_jobs(request.config, conditions.jobs))
    return request


def takes_jobs(config: dict[str, Any]) -> bool:
    """Whether an estimator of a config takes ``n_jobs``."""
    return any(_with_jobs(config, jobs) != config for jobs in (1, 2))


def _with_jobs(value: Any, jobs: int) -> Any:
    """A resolved config in which every estimator that takes ``n_jobs`` is given that many."""
    if isinstance(value, list):
        return [_with_jobs(item, jobs) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _with_jobs(item, jobs) for key, item in value.items()}
    if isinstance(name := changed.get("class"), str) and _takes_jobs(name):
        changed["params"] = {**(changed.get("params") or {}), "n_jobs": jobs}
    return changed


def _with_cpus(value: Any, cpus: int, name: str = "") -> Any:
    """A resolved config in which every negative ``n_jobs``, also those of a search's grid, is what it is on `cpus`."""
    if isinstance(value, dict):
        return {key: _with_cpus(item, cpus, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_cpus(item, cpus, name) for item in value]
    counts = name.rpartition("__")[2] == "n_jobs" and isinstance(value, int) and value < 0
    return max(cpus + 1 + value, 1) if counts else value


def _takes_jobs(name: str) -> bool:
    """Whether a class of scikit-learn takes ``n_jobs``; nothing else is imported for the question."""
    module, _, attribute = name.rpartition(".")
    if not name.startswith("sklearn."):
        return False
    try:
        kind = getattr(import_module(module), attribute, None)
        return kind is not None and "n_jobs" in inspect.signature(kind).parameters
    except (ImportError, TypeError, ValueError):
        return False


def rewritten(content: bytes, reader: str, most: int) -> bytes:
    """The same table as tabs for commas (or the other way round), with the line ends of Windows, compressed."""
    import gzip

    from week2kit.loop.textfile import unpacked

    before, after = (",", "\t") if reader == "csv" else ("\t", ",")
    text = io.StringIO(newline="")
    try:
        table = unpacked(content, most).decode("utf-8-sig")
        csv.field_size_limit(len(table) + 1)  # the loop's reader has no limit
        rows = csv.reader(io.StringIO(table, newline=""), delimiter=before)
        csv.writer(text, delimiter=after, lineterminator="\r\n").writerows(rows)
    except (csv.Error, UnicodeDecodeError) as error:
        raise StageError(f"The table cannot be written in another text form: {error}") from error
    return gzip.compress(text.getvalue().encode(), mtime=0)
