"""What is to be trained by a config: read from where it lies, with what was given beside it."""

from __future__ import annotations

import contextlib
import errno
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from week2kit.canonical import JsonError, as_utf8, clean, parse_json
from week2kit.config.command import is_command, parse_command
from week2kit.config.overriding import override
from week2kit.config.reading import read_object
from week2kit.config.slips import json_slip, toml_slip
from week2kit.errors import ConfigError, UsageError
from week2kit.privacy import scrub
from week2kit.record.artifacts import ARTIFACTS
from week2kit.record.files import read_regular
from week2kit.record.places import reader_of
from week2kit.record.store import from_here
from week2kit.thresholds import MAX_CONFIG_BYTES
from week2kit.training.asked import Asked
from week2kit.training.declared import asked_by, out_folder


@dataclass(frozen=True)
class Request:
    """What is to be trained: the config object after ``--set``, and where it came from."""

    value: dict[str, Any]
    directory: Path | None
    command: str
    allowed_modules: tuple[str, ...]
    max_data_bytes: int | None


class Declared(NamedTuple):
    """The command that a config holds, and the name that it gives to its runs."""

    asked: Asked
    name: str | None


def requested(
    config: str | Path | Mapping[str, Any],
    assignments: Sequence[str],
    typed: str | None,
    allowed_modules: tuple[str, ...],
    max_data_bytes: int | None,
) -> Request:
    """A config, given by its path or as an object, with the assignments applied.

    Raises:
        UsageError: no object can be read from it, or a value begins as a list or an object does and is no JSON.
        ConfigError: an assignment cannot be applied.
    """
    if isinstance(config, Mapping):
        try:
            value, directory = parse_json(json.dumps(config, allow_nan=False).encode()), None
        except (TypeError, ValueError) as error:
            raise UsageError(f"The config holds what JSON cannot write: {clean(str(error))}.") from None
        said = "week2kit.train({...})"
    else:
        path = Path(config)
        value, directory = read_config(path), path.parent
        said = f"week2kit.train({path.name!r})"
    return Request(override(value, assignments), directory, scrub(typed or said), allowed_modules, max_data_bytes)


def command_of(request: Request, config: str | Path | Mapping[str, Any]) -> Declared | None:
    """The command that a config holds; None where it holds none, or one that is wrong, which is recorded as any is."""
    with contextlib.suppress(ConfigError):
        if is_command(request.value):
            declared = parse_command(request.value)
            out = out_folder(None if isinstance(config, Mapping) else Path(config))
            return Declared(asked_by(declared, out), declared.name)
    return None


def read_config(path: Path) -> dict[str, Any]:
    """The object in a config file.

    Raises:
        UsageError: there is no such file, or no object can be read from it.
    """
    shown, text = clean(str(path)), b""
    try:
        text = as_utf8(read_regular(path, MAX_CONFIG_BYTES, follow=True))
        return read_object(text, path.suffix)
    except FileNotFoundError:
        raise UsageError(f"{shown}: there is no such config file.{from_here(path)}") from None
    except IsADirectoryError:
        inside = path / ARTIFACTS["config"]
        other = f" Did you mean {clean(inside.as_posix())}?" if inside.is_file() else ""
        raise UsageError(f"{shown}: expected a config file, and it is a folder.{other}") from None
    except (ValueError, OSError) as error:  # a JsonError, or a path that no system takes, is a ValueError
        unread = isinstance(error, JsonError) or (isinstance(error, OSError) and error.errno == errno.EFBIG)
        kind = "TOML" if path.suffix.lower() == ".toml" else "JSON"
        if unread and reader_of(path.name) is not None:
            said = f"expected a config, and this is a table. For a first config: week2kit init {shlex.quote(shown)}"
        elif isinstance(error, JsonError):
            slip = json_slip(text) if kind == "JSON" else toml_slip(text)
            said = f"{slip or f'no config can be read as {kind}: {error}'}."
        else:
            said = f"cannot be read: {error.strerror if isinstance(error, OSError) else error}."
        raise UsageError(f"{shown}: {said}") from None
