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

from week2kit.canonical import JsonError, clean, parse_json, same_to_the_eye
from week2kit.errors import ConfigError, DataNotFound, MissingHere, StageError
from week2kit.record.files import (
    POINTER_BYTES,
    Pointer,
    digest_regular,
    pointer_beside,
    pointer_in,
    read_regular,
    replace_file,
)
from week2kit.record.manifest import FoundData
from week2kit.record.store import MANIFEST_NAME, Run
from week2kit.refusals import told_apart
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
    places, looked = [Path(path)], "at that place"
    if not PurePath(path).is_absolute():
        looked = "beside the config, and in the working directory"
        places = [directory / path for directory in (config_directory, Path()) if directory is not None]
    if config_directory is not None and (from_run := _from_run_beside(config_directory)):
        places.append(config_directory / from_run)
    for place in places:
        if _is_there(place):
            return place
    pointer = next(filter(None, map(pointer_beside, places)), None)
    raise DataNotFound(
        f'data.path: there is no file "{clean(recorded_path(path))}" {looked}.',
        _fetch(pointer) if pointer else _other_spelling(path, places) or "Write the path as seen from the config file.",
    )


#: The characters that a single backslash in a text of JSON or TOML makes of a letter after it.
_ESCAPED: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def _other_spelling(path: str, places: Iterable[Path]) -> str:
    """What is wrong with the spelling of a path that leads nowhere, and how it is written; empty where nothing is."""
    meant = "".join(_ESCAPED.get(character, character) for character in path)
    written = clean(recorded_path(meant.replace("\\", "/")))
    if meant != path:
        return f'A single backslash in a text makes other characters of what follows it: write / for it, "{written}".'
    for place in places:
        found = _as_it_lies(place)
        if found is not None:
            other = PurePath(*found.parts[-len(PurePath(path).parts) :]).as_posix()
            if other.casefold() == path.casefold():
                return f'Capital letters count: write "{clean(other)}".'
            return f"A file is there, and {told_apart(path, recorded_path(other))}."
    if "\\" in path and os.sep != "\\":
        return f'Write / between folders, which works on every system: "{written}".'
    return ""


def _as_it_lies(path: Path) -> Path | None:
    """The path of what is there under a name that looks the same, or has other capitals; None where nothing is."""
    found = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        if not _is_there(found / part):
            try:
                names = sorted(os.listdir(found))  # noqa: PTH208
            except (OSError, ValueError):
                return None
            same = (name for name in names if name.casefold() == part.casefold())
            other = same_to_the_eye(part, names) or next(same, None)
            if other is None:
                return None
            part = other
        found /= part
    return found


def _fetch(pointer: Pointer) -> str:
    return f"{pointer.tool} may have it: {pointer.fetch}"


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
        raise StageError(
            f'The data path "{clean(name)}" is a folder; expected a file.', "Name the file in it."
        ) from None
    except OSError as error:
        raise StageError(
            f'The data file "{clean(name)}" cannot be read: {error.strerror}.', _REMEDIES.get(error.errno or 0, _COPY)
        ) from None


_COPY: Final = "See whether another program opens it, and copy it to a folder on this machine."

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
    # where the record knows no way to the data, this machine may
    besides = places_of(data.sha256) if data.from_run is None else []
    found = _find(run, data, given, most, besides)
    if isinstance(found, DataFile):
        return found
    hint = f"Name it: --data {clean(_last_part(data.path))}"
    if found is not None:
        raise DataNotFound(str(found), found.hint or hint, command=found.command)
    raise DataNotFound(
        f'The data file "{clean(data.path)}" is not in the run folder, not where it lay when the run was made, and '
        "not at the path of its config.",
        hint,
    )


def _find(
    run: Run, data: FoundData, given: Path | None, most: int | None, besides: Iterable[Path] = ()
) -> DataFile | DataNotFound | None:
    """The file, or why what is there cannot be read or was not fetched; None where nothing is there."""
    if given is not None:
        return _named(given, data.sha256, most)
    found: list[DataFile] = []
    why_not: list[DataNotFound] = []
    for place in (*_places(run, data), *besides):
        try:
            file = _look_at(place, data.sha256, most, inside=run.path)
        except DataNotFound as error:
            why_not += [error] if error.command or _is_there(place) else []
            continue
        if (data.bytes, data.sha256) == (file.bytes, file.sha256):
            return file
        found.append(file)
    unfetched = [error for error in why_not if error.command]
    best: list[DataFile | DataNotFound] = [*(file for file in found if file.vouched), *unfetched, *found, *why_not]
    return best[0] if best else None


def _named(path: Path, recorded: str | None, most: int | None) -> DataFile:
    try:
        return _look_at(path, recorded, most, inside=None)
    except DataNotFound as error:
        if error.command or _is_there(path):
            raise DataNotFound(f"--data: {error}", error.hint, command=error.command) from None
        said = f'--data: there is no file "{clean(str(path))}".'
        raise DataNotFound(said, "Name the file that the run was made from.") from None


def _look_at(place: Path, recorded: str | None, most: int | None, inside: Path | None) -> DataFile:
    """What lies at a place, opened only for its digest: one that a caller named, or that may lie `inside` a run.

    Raises:
        DataNotFound: nothing, nothing that can be read, or a pointer: then with its command.
    """
    if not _is_there(place):
        if pointer := pointer_beside(place):
            raise DataNotFound(
                f'The data file "{clean(place.name)}" is not there.', _fetch(pointer), command=pointer.fetch
            )
        raise DataNotFound(f'The data file "{clean(place.name)}" is not there.')
    path, limit = os.path.realpath(place), MAX_DATA_BYTES if most is None else most
    own = inside is not None and Path(os.path.realpath(place.parent)).is_relative_to(os.path.realpath(inside))
    try:
        with _reading(place.name):
            size, sha256 = digest_regular(place, limit, follow=not own)
            pointer = (
                pointer_in(read_regular(Path(path), POINTER_BYTES, follow=False)) if size <= POINTER_BYTES else None
            )
    except StageError as error:
        raise DataNotFound(str(error), error.hint) from None
    if pointer and sha256 != recorded:
        raise DataNotFound(_not_fetched(place.name, pointer, recorded), _fetch(pointer), command=pointer.fetch)
    if inside is None:
        return DataFile(path, place.as_posix(), size, sha256, True, most)
    short = os.path.normpath(place)  # runs/a/../../t.csv, unless a link is on the way
    shown = Path(short) if os.path.realpath(short) == path else place
    return DataFile(path, shown.as_posix(), size, sha256, own, most)


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
    found = _find(run, data, None, None, places_of(data.sha256))
    return found if isinstance(found, DataFile) and found.sha256 == data.sha256 else None


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
