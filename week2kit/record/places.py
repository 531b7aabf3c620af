"""Where a data file lies: for a config that is trained, and for a run that is verified."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Final, Literal

from week2kit.canonical import JsonError, clean, parse_json
from week2kit.errors import ConfigError, DataNotFound, MissingHere, StageError
from week2kit.record.files import digest_regular, read_regular, replace_file
from week2kit.record.manifest import FoundData
from week2kit.record.pointers import POINTER_BYTES, Pointer, pointer_beside, pointer_in
from week2kit.record.store import MANIFEST_NAME, Run
from week2kit.resources import cache_directory
from week2kit.thresholds import MAX_CONFIG_BYTES, MAX_DATA_BYTES, MAX_MANIFEST_BYTES, REMEMBERED_PLACES


@dataclass(frozen=True)
class DataFile:
    """A data file, which whoever trains reads itself: only its digest and its place are handed on.

    Attributes:
        path: absolute, with every link resolved.
        shown: as it may be shown, and typed after ``--data``.
        bytes, sha256: what it held when it was looked at.
        vouched: whether the caller named it, or it lies in the run folder itself. What a record leads to besides may
            be anybody's: nothing of it is told but its digest.
        most: the bytes that it may have, and unpack to, where the caller says so.
    """

    path: str
    shown: str
    bytes: int
    sha256: str
    vouched: bool
    most: int | None = None


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
    pointer = next(filter(None, map(pointer_beside, places)), None)
    looked = "beside the config, and in the working directory" if not _is_absolute(path) else "at that place"
    raise DataNotFound(
        f'data.path: there is no file "{clean(_shown(path))}" {looked}.',
        _fetch(pointer) if pointer else "Write the path as seen from the config file.",
    )


def _fetch(pointer: Pointer) -> str:
    return f"{pointer.tool} may have it: {pointer.fetch}"


def _to_fetch(said: str, pointer: Pointer) -> DataNotFound:
    return DataNotFound(said, _fetch(pointer), command=pointer.fetch)


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


def read_data(path: Path, most: int | None = None) -> bytes:
    """The bytes of a data file: one regular file within the size cap, which the caller may set.

    Raises:
        MissingHere: a pointer stands in its place.
        StageError: it cannot be read, or is none.
    """
    with _reading(path.name):
        content = read_regular(path, MAX_DATA_BYTES if most is None else most, follow=True)
    if pointer := pointer_in(content):
        raise MissingHere(_not_fetched(path.name, pointer), _fetch(pointer), command=pointer.fetch)
    return content


def _not_fetched(name: str, pointer: Pointer, recorded: str | None = None) -> str:
    said = f'The data file "{clean(name)}" was not fetched: a pointer of {pointer.tool} stands in its place.'
    if recorded is None or pointer.sha256 is None:
        return said
    if pointer.sha256 == recorded:
        return f"{said} It stands for the file that the run was trained on."
    return f"{said} It stands for another file (sha256 {pointer.sha256[:12]}) than was recorded ({recorded[:12]})."


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except IsADirectoryError:
        raise StageError(f'The data path "{clean(name)}" is a folder; expected a file.') from None
    except OSError as error:
        raise StageError(
            f'The data file "{clean(name)}" cannot be read: {error.strerror}.', _REMEDIES.get(error.errno or 0, "")
        ) from None


_REMEDIES: Final = {
    errno.EACCES: "Allow it (chmod +r), or work as a user who may read it.",
    errno.EFBIG: "Allow more: train and verify take --max-data-bytes.",
}


# --- the index of this machine ----------------------------------------------------------------------------------


def places_of(sha256: str | None) -> list[Path]:
    """Where train read a file with this digest on this machine: each a path to look at, the latest first.

    Kept in the user's cache folder, never in a run: a text file for each digest.
    """
    if sha256 is None:
        return []
    try:
        lines = parse_json(read_regular(_index_of(sha256), MAX_CONFIG_BYTES, follow=False))
    except (OSError, JsonError, RuntimeError):
        return []
    return [Path(line) for line in lines if isinstance(line, str)] if isinstance(lines, list) else []


def remember(sha256: str, path: Path) -> None:
    """Note where a file with this digest was read; what cannot be written is left."""
    place, known = Path(os.path.realpath(path)), places_of(sha256)
    if known[:1] == [place]:
        return
    lines = [str(place), *(str(other) for other in known if other != place)][:REMEMBERED_PLACES]
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        index = _index_of(sha256)
        index.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(index, json.dumps(lines).encode())


def _index_of(sha256: str) -> Path:
    return cache_directory() / "week2kit" / "data" / f"{sha256}.json"


# --- of a run ---------------------------------------------------------------------------------------------------


def find_for_run(run: Run, data: FoundData, given: Path | None, most: int | None = None) -> DataFile:
    """The data file of a run.

    Looked for in this order: what the caller names, in the run folder, where it lay as seen from the run, at the path
    as the config wrote it, and, where no way from the run is recorded, where train read these bytes on this machine.
    Where several files are there, the first with the recorded bytes; where none has them, the one in the run folder,
    else the first.

    Raises:
        DataNotFound: it is in none of these places, or what is there cannot be read.
    """
    found = _find(run, data, given, most)
    if isinstance(found, DataFile):
        return found
    raise found or DataNotFound(
        f'The data file "{clean(data.path)}" is not in the run folder, not where it lay when the run was made, and '
        "not at the path of its config.",
        _name_it(data.path),
    )


def _name_it(path: str) -> str:
    return f"Name it: --data {clean(PurePosixPath(path).name)}"


def _find(run: Run, data: FoundData, given: Path | None, most: int | None) -> DataFile | DataNotFound | None:
    """The file, or why what is there cannot be read or was not fetched; None where nothing is there."""
    if given is not None:
        return _named(given, most, data.sha256)
    found: list[DataFile] = []
    unfetched: list[DataNotFound] = []
    why_not: list[DataNotFound] = []
    # where the record knows no way to the data, this machine may
    for place in (*_places(run, data), *(places_of(data.sha256) if data.from_run is None else ())):
        if not _is_there(place):
            if pointer := pointer_beside(place):
                why_not.append(_to_fetch(f'The data file "{clean(place.name)}" is not there.', pointer))
            continue
        try:
            file = _look_at(place, run.path, most)
        except StageError as error:
            why_not.append(DataNotFound(str(error), error.hint or _name_it(data.path), command=error.command))
            continue
        if (data.bytes, data.sha256) == (file.bytes, file.sha256):
            return file
        if pointer := _pointer(file):
            unfetched.append(_to_fetch(_not_fetched(place.name, pointer, data.sha256), pointer))
        else:
            found.append(file)
    vouched = [file for file in found if file.vouched]
    best: list[DataFile | DataNotFound] = [*vouched, *unfetched, *found, *why_not]
    return best[0] if best else None


def _pointer(file: DataFile) -> Pointer | None:
    """What a file is a pointer to, where it is one."""
    if file.bytes > POINTER_BYTES:
        return None
    with contextlib.suppress(OSError):
        return pointer_in(read_regular(Path(file.path), POINTER_BYTES, follow=False))
    return None


def _look_at(place: Path, run: Path, most: int | None) -> DataFile:
    """A file that nobody named: opened only for its digest."""
    inside = _lies_in(place, run)
    with _reading(place.name):
        size, sha256 = digest_regular(place, MAX_DATA_BYTES if most is None else most, follow=not inside)
    path, short = os.path.realpath(place), os.path.normpath(place)  # runs/a/../../t.csv, unless a link is on the way
    shown = Path(short) if os.path.realpath(short) == path else place
    return DataFile(path, shown.as_posix(), size, sha256, inside, most)


def find_unrecorded(run: Run, written: str, given: Path | None, most: int | None = None) -> DataFile:
    """The data file of a run that was made without week2kit: the path as its config writes it.

    Looked for in this order: what the caller names, in the run folder, at the path as seen from the run folder, from
    the working directory, and from the two folders above the run (``project/runs/first`` with ``project/data``). Of an
    absolute path the last part counts, and a path from Windows is read as one. The record holds no digest, so the first
    that is there is taken.

    Raises:
        ConfigError: there is no reader for a file of this name.
        DataNotFound: it is in none of these places (which are named), or what is there cannot be read.
    """
    path, reader = recorded_path(written).replace("\\", "/"), reader_for_config(written)
    why_not: DataNotFound | None = None
    for start in ("", "../", "../../"):
        data = FoundData(source="file", path=path, from_run=start + path, bytes=None, sha256=None, reader=reader)
        found = _find(run, data, given, most)
        if isinstance(found, DataFile):
            return found
        why_not = why_not or found
    raise why_not or DataNotFound(
        f'The data file "{clean(path)}" of its config.json is not there. Looked for in the run folder, and by this '
        "path from the run folder, from the two folders above it, and from the working directory.",
        f"Say where it lies: --data PATH/TO/{clean(_last_part(path))}",
    )


def digest_today(run: Run) -> str | None:
    """The digest of the data file of a run that records none, as it is found today; None where none is found."""
    from week2kit.config.form import FileData  # loaded with the record of such a run

    config = run.partial.config if run.partial is not None else None
    if config is None or not isinstance(config.data, FileData):
        return None
    try:
        return find_unrecorded(run, config.data.path, None).sha256
    except StageError:
        return None


def find_recorded(run: Run, data: FoundData) -> DataFile | None:
    """The very file that a run was trained on, where it still lies in one of its places; else None."""
    for place in (*_places(run, data), *places_of(data.sha256)) if data.sha256 is not None else ():
        try:
            file = _look_at(place, run.path, None) if _is_there(place) else None
        except StageError:
            continue
        if file is not None and file.sha256 == data.sha256:
            return file
    return None


def _lies_in(place: Path, directory: Path) -> bool:
    return Path(os.path.realpath(place.parent)).is_relative_to(os.path.realpath(directory))


def _named(path: Path, most: int | None, recorded: str | None) -> DataFile:
    if not _is_there(path):
        pointer = pointer_beside(path)
        raise DataNotFound(
            f'--data: there is no file "{clean(str(path))}".',
            _fetch(pointer) if pointer else "Name the file that the run was made from.",
        )
    try:
        with _reading(path.name):
            size, sha256 = digest_regular(path, MAX_DATA_BYTES if most is None else most, follow=True)
    except StageError as error:
        raise DataNotFound(f"--data: {error}", error.hint) from None
    file = DataFile(os.path.realpath(path), path.as_posix(), size, sha256, True, most)
    if pointer := _pointer(file):
        raise _to_fetch(f"--data: {_not_fetched(path.name, pointer, recorded)}", pointer)
    return file


def _places(run: Run, data: FoundData) -> Iterable[Path]:
    name = _last_part(data.path)
    if name not in ("", ".", ".."):
        yield run.path / name
    for text, start in ((data.from_run, run.path), (data.path, Path())):
        # train records no absolute path, and no file but a table under its own name: no run leads anywhere else
        if text and recorded_path(text) == text and _last_part(text) == name and reader_of(name):
            yield start / text


def _last_part(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name
