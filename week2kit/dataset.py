"""Where a data file lies: for a config that is trained, and for a run that is verified."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path, PurePath, PurePosixPath
from typing import Literal

from week2kit.canonical import JsonError, clean, parse_json
from week2kit.errors import ConfigError, DataNotFound, StageError
from week2kit.schema.manifest import FoundData
from week2kit.store import MANIFEST_NAME, BareRun, Run, read_regular
from week2kit.thresholds import MAX_DATA_BYTES, MAX_MANIFEST_BYTES


def reader_of(name: str) -> Literal["csv", "tsv", "parquet"] | None:
    """The reader that a file's name asks for (``.gz`` does not count), or None."""
    suffix = PurePosixPath(name.lower().removesuffix(".gz")).suffix
    return {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".parquet": "parquet"}.get(suffix)  # type: ignore[return-value]


def reader_for_config(path: str) -> Literal["csv", "tsv", "parquet"]:
    """The reader for the path in a config.

    Raises:
        ConfigError: there is none for a file of this name.
    """
    reader = reader_of(path)
    if reader is None:
        raise ConfigError([f'data.path: expected a .csv, .tsv or .parquet file, got "{clean(recorded_path(path))}"'])
    return reader


def find_for_config(path: str, config_directory: Path | None) -> Path:
    """The data file that a config names: beside the config, then in the working directory.

    A config that was taken from a run folder is also served by what that run was trained on.

    Raises:
        DataNotFound: it is in none of these places.
    """
    places = [Path(path)] if _is_absolute(path) else [d / path for d in (config_directory, Path()) if d is not None]
    if config_directory is not None and (from_run := _from_run_beside(config_directory)):
        places.append(config_directory / from_run)
    for place in places:
        if _is_there(place):
            return place
    looked = "beside the config, and in the working directory" if not _is_absolute(path) else "at that place"
    raise DataNotFound(
        f'data.path: there is no file "{clean(_shown(path))}" {looked}.',
        "Write the path as seen from the config file.",
    )


def _is_absolute(path: str) -> bool:
    return PurePath(path).is_absolute()


def _shown(path: str) -> str:
    return recorded_path(path)


def recorded_path(path: str) -> str:
    """A data path as the record keeps it: as written; of an absolute one the last part, on every system alike."""
    absolute = PurePosixPath(path).is_absolute() or path[1:2] == ":" or path.startswith("\\\\")
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] if absolute else path


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def _from_run_beside(directory: Path) -> str | None:
    try:
        manifest = parse_json(read_regular(directory / MANIFEST_NAME, MAX_MANIFEST_BYTES, follow=False))
        from_run = manifest["inputs"]["data"]["from_run"]
    except (OSError, JsonError, KeyError, TypeError):
        return None
    return from_run if isinstance(from_run, str) else None


def from_run_to_data(run: Path, data: Path) -> str | None:
    """The POSIX path from a run folder to its data, when both lie below the working directory; else None."""
    # not resolved: a link to the data is where the user sees it, today and after the link was moved
    here, run, data = Path.cwd(), Path(os.path.abspath(run)), Path(os.path.abspath(data))  # noqa: PTH100
    if here not in run.parents or here not in data.parents:
        return None
    return PurePath(os.path.relpath(data, run)).as_posix()


def read_data(path: Path) -> bytes:
    """The bytes of a data file: one regular file within the size cap.

    Raises:
        StageError: it cannot be read, or is none.
    """
    return _read(path, follow=True)


def _read(path: Path, *, follow: bool) -> bytes:
    try:
        return read_regular(path, MAX_DATA_BYTES, follow=follow)
    except IsADirectoryError:
        raise StageError(f'The data path "{clean(path.name)}" is a folder; expected a file.') from None
    except OSError as error:
        raise StageError(f'The data file "{clean(path.name)}" cannot be read: {error.strerror}.') from None


def find_for_run(run: Run | BareRun, data: FoundData, given: Path | None) -> tuple[Path, bytes]:
    """The data file of a run, and its bytes.

    Looked for in this order: what the caller names, in the run folder, where it lay as seen from the run, at the path
    as the config wrote it. Where several files are there, the first with the recorded bytes; where none has them, the
    first: an unrelated file of the same name in the working directory must not condemn an honest run.

    Raises:
        DataNotFound: it is in none of these places, or what is there cannot be read.
    """
    found = _find(run, data, given)
    if not isinstance(found, str):
        return found
    raise DataNotFound(
        found
        or f'The data file "{clean(data.path)}" is not in the run folder, not where it lay when the run was made, and '
        "not at the path of its config.",
        f"Name it: --data {clean(PurePosixPath(data.path).name)}",
    )


def _find(run: Run | BareRun, data: FoundData, given: Path | None) -> tuple[Path, bytes] | str:
    """The file and its bytes, or why what is there cannot be read: an empty text where nothing is there."""
    if given is not None:
        return given, _readable(given)
    found: list[tuple[Path, bytes]] = []
    unreadable = ""
    for place in _places(run, data):
        if not _is_there(place):
            continue
        try:
            content = _read(place, follow=not _lies_in(place, run.path))
        except StageError as error:
            unreadable = unreadable or str(error)
            continue
        if data.bytes == len(content) and hashlib.sha256(content).hexdigest() == data.sha256:
            return place, content
        found.append((place, content))
    return found[0] if found else unreadable


def find_for_bare(run: BareRun, written: str, given: Path | None) -> tuple[Path, bytes]:
    """The data file of a run that was made without week2kit, and its bytes: the path as its config writes it.

    Looked for in this order: what the caller names, in the run folder, at the path as seen from the run folder, from
    the working directory, and from the two folders above the run (``project/runs/first`` with ``project/data``). Of an
    absolute path the last part counts, and a path from Windows is read as one. The record holds no digest, so the first
    that is there is taken.

    Raises:
        ConfigError: there is no reader for a file of this name.
        DataNotFound: it is in none of these places (which are named), or what is there cannot be read.
    """
    path, reader = recorded_path(written).replace("\\", "/"), reader_for_config(written)
    unreadable = ""
    for start in ("", "../", "../../"):
        data = FoundData(source="file", path=path, from_run=start + path, bytes=None, sha256=None, reader=reader)
        found = _find(run, data, given)
        if not isinstance(found, str):
            return found
        unreadable = unreadable or found
    raise DataNotFound(
        unreadable
        or f'The data file "{clean(path)}" of its config.json is not there. Looked for in the run folder, and by this '
        "path from the run folder, from the two folders above it, and from the working directory.",
        f"Say where it lies: --data PATH/TO/{clean(_last_part(path))}",
    )


def find_recorded(run: Run, data: FoundData) -> bytes | None:
    """The bytes of the very file that a run was trained on, where it still lies in one of its places; else None."""
    for place in _places(run, data) if data.sha256 is not None else ():
        try:
            content = _read(place, follow=not _lies_in(place, run.path)) if _is_there(place) else b""
        except StageError:
            continue
        if hashlib.sha256(content).hexdigest() == data.sha256:
            return content
    return None


def _lies_in(place: Path, directory: Path) -> bool:
    return os.path.realpath(place.parent).startswith(os.path.realpath(directory))


def _readable(path: Path) -> bytes:
    if not _is_there(path):
        raise DataNotFound(
            f'--data: there is no file "{clean(str(path))}".', "Name the file that the run was made from."
        )
    try:
        return read_data(path)
    except StageError as error:
        raise DataNotFound(f"--data: {error}") from None


def _places(run: Run | BareRun, data: FoundData) -> Iterable[Path]:
    name = _last_part(data.path)
    if name not in ("", ".", ".."):
        yield run.path / name
    for text, start in ((data.from_run, run.path), (data.path, Path())):
        # train records no absolute path, and no file but a table under its own name: no run leads anywhere else
        if text and recorded_path(text) == text and _last_part(text) == name and reader_of(name):
            yield start / text


def _last_part(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name
