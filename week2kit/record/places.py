"""Where a data file lies: for a config that is trained, and for a run that is verified."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Final, Literal, TypeAlias

from week2kit.canonical import JsonError, clean, parse_json, same_to_the_eye
from week2kit.errors import ConfigError, DataNotFound, MissingHere, StageError
from week2kit.privacy import tells_a_name
from week2kit.record.artifacts import MANIFEST_NAME
from week2kit.record.files import is_folder, pointer_beside, pointer_in, read_regular
from week2kit.record.looking import (
    REMEDIES,
    DataFile,
    among_given,
    how_to_fetch,
    is_there,
    last_part,
    look_at,
    not_fetched,
    of_the_name,
    reading,
    with_recorded_bytes,
)
from week2kit.record.machine import look_through, named_by_shell, places_of
from week2kit.record.manifest import FoundData, FoundFile
from week2kit.record.store import Run, near_path
from week2kit.refusals import told_apart
from week2kit.thresholds import MAX_DATA_BYTES, MAX_MANIFEST_BYTES


def reader_of(name: str) -> Literal["csv", "tsv", "parquet"] | None:
    """The reader that a file's name asks for (``.gz`` does not count), or None."""
    suffix = PurePosixPath(name.lower().removesuffix(".gz")).suffix
    return {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".parquet": "parquet"}.get(suffix)  # type: ignore[return-value]


#: Where a config names a file.
PathKey: TypeAlias = Literal["data.path", "split.validation_path"]


def reader_for_config(path: str, key: PathKey = "data.path") -> Literal["csv", "tsv", "parquet"]:
    """The reader for the path in a config.

    Raises:
        ConfigError: there is none for a file of this name.
    """
    reader = reader_of(path)
    if reader is None:
        raise ConfigError([f'{key}: expected a .csv, .tsv or .parquet file, got "{clean(recorded_path(path))}"'])
    return reader


def find_for_config(path: str, config_directory: Path | None, key: PathKey = "data.path") -> Path:
    """The file that a config names: beside the config, then in the working directory.

    A config that was taken from a run folder is also served by what that run was trained on.

    Raises:
        DataNotFound: it is in none of these places.
    """
    places, looked = [Path(path)], "at that place"
    if not PurePath(path).is_absolute():
        looked = "beside the config or in the working directory"
        places = [directory / path for directory in (config_directory, Path()) if directory is not None]
    if config_directory is not None and (from_run := _from_run_beside(config_directory, key)):
        places.append(config_directory / from_run)
    for place in places:
        if is_there(place):
            return place
    pointer = next(filter(None, map(pointer_beside, places)), None)
    raise DataNotFound(
        f'{key}: there is no file "{clean(recorded_path(path))}" {looked}.',
        how_to_fetch(pointer) if pointer else _other_spelling(path, places) or _AS_SEEN,
    )


_AS_SEEN: Final = "Write the path as seen from the config file."

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
    for place in places:
        near = near_path(place)
        if near is not None and reader_of(near.name) is not None and is_there(near):
            other = PurePath(*near.parts[-len(PurePath(path).parts) :]).as_posix()
            return f'A file of nearly that name is there: write "{clean(other)}".'
    return ""


def _as_it_lies(path: Path) -> Path | None:
    """The path of what is there under a name that looks the same, or has other capitals; None where nothing is."""
    found = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        if not is_there(found / part):
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


def recorded_path(path: str) -> str:
    """A data path as the record keeps it: as written; of an absolute one the last part, on every system alike."""
    absolute = PurePosixPath(path).is_absolute() or path[1:2] == ":" or path.startswith("\\\\")
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] if absolute else path


def _from_run_beside(directory: Path, key: PathKey) -> str | None:
    try:
        manifest = parse_json(read_regular(directory / MANIFEST_NAME, MAX_MANIFEST_BYTES, follow=False))
        data = manifest["inputs"]["data"]
        from_run = (data if key == "data.path" else data["validation"])["from_run"]
    except (OSError, JsonError, KeyError, TypeError):
        return None
    return from_run if isinstance(from_run, str) else None


def from_run_to_data(run: Path, data: Path, written: str) -> str | None:
    """The POSIX path from a run folder to its data; None where it would tell more than the config does.

    Below the working directory it tells nothing of the machine. Elsewhere the config must have a relative path (of an
    absolute one the record keeps the name), and the way must neither go up to the root of the file system, or out of
    the home directory, nor come through a name of the user or the machine.
    """
    # not resolved: a link to the data is where the user sees it, today and after the link was moved
    here, run, data = Path.cwd(), Path(os.path.abspath(run)), Path(os.path.abspath(data))  # noqa: PTH100
    if not (here in run.parents and here in data.parents):
        above = Path(os.path.commonpath([run, data]))
        if PurePath(written).is_absolute() or tells_a_name(above, data.relative_to(above)):
            return None
    return PurePath(os.path.relpath(data, run)).as_posix()


def read_data(path: Path, most: int | None = None) -> bytes:
    """The bytes of a data file: one regular file within the size cap, which the caller may set.

    Raises:
        MissingHere: a pointer stands in its place.
        StageError: it cannot be read, or is none.
    """
    with reading(path.name):
        content = read_regular(path, MAX_DATA_BYTES if most is None else most, follow=True)
    if pointer := pointer_in(content):
        raise MissingHere(not_fetched(path.name, pointer), how_to_fetch(pointer), command=pointer.fetch)
    return content


# --- of a run ---------------------------------------------------------------------------------------------------


def find_for_run(run: Run, data: FoundFile, given: Sequence[Path] = (), most: int | None = None) -> DataFile:
    """The data file of a run.

    Looked for in this order: what the caller names, in the run folder, where it lay as seen from the run, at the path
    as the config wrote it, in what ``WEEK2KIT_DATA`` names, and where train read these bytes on this machine. The first
    with the recorded bytes is taken. Where none has them, it is the one in the run folder, else the first, but of the
    last two places none: they lead to bytes, not to the run's own file. So this machine is not asked either where a
    file lies in the run folder or where it lay: that is told as it is, and no copy of old bytes stands in for it.

    Args:
        run: the run.
        data: what it recorded of its data.
        given: what the caller names: one file, which is taken whatever it holds, or files and folders, in which the
            recorded bytes are looked for.
        most: the bytes that the file may have.

    Raises:
        DataNotFound: it is in none of these places, or what is there cannot be read.
    """
    if given:
        return among_given(given, data, most)
    found = _find(run, data, most)
    if isinstance(found, DataFile) and found.is_recorded(data):
        return found
    if (elsewhere := _elsewhere(run, data, most, index=not any(map(is_there, _places_by_run(run, data))))) is not None:
        return elsewhere
    if isinstance(found, DataFile):
        return found
    hint = f"Name it: --data {clean(last_part(data.path))}"
    if found is not None:
        own = bool(found.command) or found.hint in REMEDIES.values()
        raise DataNotFound(str(found), found.hint if own else hint, command=found.command)
    known = "."
    if data.sha256 is not None:
        known = f", and this machine knows of no file that still has its bytes (sha256 {data.sha256[:12]})."
    raise DataNotFound(
        f'The data file "{clean(data.path)}" is not in the run folder, not where it lay when the run was made, and '
        f"not at the path of its config{known}",
        hint,
    )


def find_all(run: Run, data: FoundData, given: Sequence[Path] = (), most: int | None = None) -> Sequence[DataFile]:
    """All data files of a run, each as `find_for_run` finds it.

    Where there are two and the caller names one file alone, it is the one whose recorded bytes it has, else the one of
    its name (``a.csv.gz`` of a.csv), else the first; the other is looked for.

    Raises:
        DataNotFound: one is in none of these places, or what is there cannot be read.
    """
    named, meant = None, None
    if len(data.files) > 1 and len(given) == 1 and not is_folder(given[0]):
        named = among_given(given, data, most)
        meant = next((file for file in data.files if named.is_recorded(file)), None)
        stem = given[0].name.partition(".")[0]
        meant = meant or next((file for file in data.files if last_part(file.path).partition(".")[0] == stem), data)
        given = ()
    return [
        named if file is meant and named is not None else find_for_run(run, file, given, most) for file in data.files
    ]


def find_recorded(run: Run, data: FoundFile) -> DataFile | None:
    """The very file that a run was trained on, or one with its bytes, where there is still one; else None."""
    found = _find(run, data, None)
    if isinstance(found, DataFile) and found.is_recorded(data):
        return found
    return _elsewhere(run, data, None, index=True)


def leads_back(run: Run, data: FoundFile, file: Path) -> bool:
    """Whether the record of a run, or this machine, leads to the file that it was trained on, without being told."""
    real = os.path.realpath(file)
    return any(os.path.realpath(place) == real for place in (*_places(run, data), *places_of(data.sha256)))


def _find(run: Run, data: FoundFile, most: int | None) -> DataFile | DataNotFound | None:
    """The file to which the record leads, or why what is there cannot be read; None where nothing is there."""
    found: list[DataFile] = []
    why_not: list[DataNotFound] = []
    for place in _places(run, data):
        try:
            file = look_at(place, data.sha256, most, inside=run.path)
        except DataNotFound as error:
            why_not += [error] if error.command or is_there(place) else []
            continue
        if file.is_recorded(data):
            return file
        found.append(file)
    unfetched = [error for error in why_not if error.command]
    best: list[DataFile | DataNotFound] = [*(file for file in found if file.vouched), *unfetched, *found, *why_not]
    return best[0] if best else None


def _elsewhere(run: Run, data: FoundFile, most: int | None, *, index: bool) -> DataFile | None:
    """A file with the recorded bytes to which the record does not lead: where the person's shell says, or the index."""
    if data.sha256 is None or data.bytes is None:
        return None
    if (found := with_recorded_bytes(look_through(named_by_shell()), data, most)) is not None:
        return found
    for place in places_of(data.sha256) if index else ():
        with contextlib.suppress(DataNotFound, OSError, ValueError):
            if place.stat().st_size == data.bytes:
                file = look_at(place, data.sha256, most, inside=run.path)
                if file.is_recorded(data):
                    return file
    return None


def find_unrecorded(run: Run, written: str, given: Sequence[Path] = (), most: int | None = None) -> DataFile:
    """The data file of a run that was made without week2kit: the path as its config writes it.

    Looked for in this order: what the caller names, in the run folder, at the path as seen from the run folder, from
    the working directory, from the two folders above the run (``project/runs/first`` with ``project/data``), and by its
    name in what ``WEEK2KIT_DATA`` names. Of an absolute path the last part counts, and a path from Windows is read as
    one. The record holds no digest, so the first that is there is taken.

    Raises:
        ConfigError: there is no reader for a file of this name.
        DataNotFound: it is in none of these places (which are named), or what is there cannot be read.
    """
    path, reader = recorded_path(written).replace("\\", "/"), reader_for_config(written)
    data = FoundFile(path=path, from_run=None, bytes=None, sha256=None, reader=reader)
    if given:
        return among_given(given, data, most)
    why_not: DataNotFound | None = None
    for start in ("", "../", "../../"):
        found = _find(run, data.model_copy(update={"from_run": start + path}), most)
        if isinstance(found, DataFile):
            return found
        why_not = why_not or found
    if why_not is None and (named := of_the_name(look_through(named_by_shell()), last_part(path), most)) is not None:
        return replace(named, vouched=False)  # for this run the person named nothing
    raise why_not or DataNotFound(
        f'The data file "{clean(path)}" of its config.json is not there. Looked for in the run folder, and by this '
        "path from the run folder, from the two folders above it, and from the working directory.",
        f"Say where it lies: --data PATH/TO/{clean(last_part(path))}",
    )


def digest_today(run: Run) -> str | None:
    """The digest of the data file of a run that records none, as it is found today; None where none is found."""
    from week2kit.config.form import FileData  # loaded with the record of such a run

    config = run.partial.config if run.partial is not None else None
    if config is None or not isinstance(config.data, FileData):
        return None
    try:
        return find_unrecorded(run, config.data.path).sha256
    except StageError:
        return None


def _places(run: Run, data: FoundFile) -> Iterable[Path]:
    yield from _places_by_run(run, data)
    if _leads_to_it(data.path, data):
        yield Path(data.path)


def _places_by_run(run: Run, data: FoundFile) -> Iterable[Path]:
    """Where the data lie as seen from the run folder, wherever that is."""
    name = last_part(data.path)
    if name not in ("", ".", ".."):
        yield run.path / name
    if data.from_run and _leads_to_it(data.from_run, data):
        yield run.path / data.from_run


def _leads_to_it(text: str, data: FoundFile) -> bool:
    """Whether a path is one of the record: no absolute one, and to no file but a table under its own name."""
    name = last_part(data.path)
    return bool(text) and recorded_path(text) == text and last_part(text) == name and reader_of(name) is not None
