"""Run folders on disk: made once, never overwritten, each file replaced atomically; read as untrusted input.

The only module that writes a run folder. Nothing here ever unpickles.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from week2kit.canonical import (
    JsonError,
    clean,
    dump_json,
    json_digest,
    parse_foreign_json,
    parse_json,
    sha256,
    show_value,
    text_digest,
)
from week2kit.errors import UnreadableRun, UsageError
from week2kit.record.manifest import Artifact, CompletedRun, FailedRun, Manifest, RunningRun, metric_names
from week2kit.record.migrations import ManifestError, read_manifest
from week2kit.record.pointers import pointer_in
from week2kit.thresholds import (
    ABANDONED_BUILD,
    ABANDONED_WRITE,
    LARGE_MANIFESTS_BYTES,
    MAX_ARTIFACT_BYTES,
    MAX_CONFIG_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_NAME_LENGTH,
    SEARCHED_FOLDERS,
    SIBLING_FOLDERS,
    SMALL_MANIFEST_BYTES,
)

MANIFEST_NAME: Final = "manifest.json"

#: Every file that a run folder may hold besides the manifest: the artifact's name to its file.
ARTIFACTS: Final = {
    "config": "config.json",
    "metrics": "metrics.json",
    "val_report": "val_report.txt",
    "predictions": "predictions.csv",
    "model": "model.joblib",
    "requirements": "requirements.txt",
    "curves": "curves.json",
}

#: Artifacts that may be left out of a repository without the run being damaged: the rerun makes them again.
OPTIONAL_ARTIFACTS: Final = frozenset({"model", "curves"})

#: Artifacts that grow with the data or the model; the others are about as long as the manifest.
_LARGE_ARTIFACTS: Final = frozenset({"model", "predictions"})

#: Bytes that are read at a time where a file is not held as a whole.
_PIECE: Final = 1 << 20

_NAME: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_NAME_LENGTH}}}")
_SUFFIX_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_OWN_NAME: Final = re.compile(rf"run_\d{{8}}_\d{{6}}_[{_SUFFIX_LETTERS}]{{5}}")


# --- reading ----------------------------------------------------------------------------------------------------


class Run(NamedTuple):
    """A run folder whose manifest was read; its other files are read when they are asked for."""

    path: Path
    manifest: Manifest
    manifest_sha256: str

    @property
    def name(self) -> str:
        """The folder's name as it may be shown."""
        return clean(self.path.resolve().name, MAX_NAME_LENGTH)

    def artifact(self, name: str) -> Artifact | None:
        """The record of the artifact `name`, or None where the manifest lists none."""
        return next((artifact for artifact in self.manifest.artifacts if artifact.name == name), None)

    def read(self, name: str) -> bytes:
        """The bytes of the artifact `name`, whatever the manifest says of it.

        Raises:
            OSError: it is missing, no regular file of the folder itself, or larger than such a file ever is.
        """
        limit = MAX_ARTIFACT_BYTES if name in _LARGE_ARTIFACTS else MAX_MANIFEST_BYTES
        return read_regular(self.path / ARTIFACTS[name], limit, follow=False)

    def _repr_markdown_(self) -> str:
        manifest = self.manifest
        lines = [f"**run {self.name}**: {manifest.status}"]
        if isinstance(manifest, CompletedRun):
            lines += ["", "| metric | validation | training | dummy |", "|---|---:|---:|---:|"]
            metrics = manifest.outcome.metrics
            lines += [
                f"| {clean(name)} | {show_value(metrics[name].value)} | {show_value(metrics[name].training)} "
                f"| {show_value(metrics[name].dummy)} |"
                for name in metric_names(manifest)
            ]
        elif isinstance(manifest, FailedRun):
            lines.append(f"\nat stage {manifest.failure.stage}: {clean(manifest.failure.message)}")
        return "\n".join(lines) + "\n"


class BareRun(NamedTuple):
    """A folder as a course's own script leaves it: a config in the flat form and metrics, and no manifest.

    Attributes:
        path: the folder.
        config: the object of its config.json, in the flat form as far as its keys tell; nothing else is checked yet.
            It may name neither data nor label: a notebook holds them in its code.
        metrics: the object of its metrics.json, unchecked.
    """

    path: Path
    config: dict[str, Any]
    metrics: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name as it may be shown."""
        return clean(self.path.resolve().name, MAX_NAME_LENGTH)

    def read(self, file: str) -> bytes:
        """The bytes of one of its small files.

        Raises:
            OSError: it is missing, no regular file of the folder itself, or larger than a person's file ever is.
        """
        return read_regular(self.path / file, MAX_CONFIG_BYTES, follow=False)


@contextlib.contextmanager
def open_regular(path: Path, limit: int, *, follow: bool) -> Iterator[BinaryIO]:
    """One regular file of at most `limit` bytes, opened for reading.

    Devices, pipes and folders are refused without being opened; with ``follow=False`` so is a symbolic link.

    Raises:
        OSError: it cannot be opened, is no regular file, or is too large; ``strerror`` says which.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    if not follow:
        if path.is_symlink():
            raise OSError(errno.ELOOP, "it is a symbolic link", path.name)
        flags |= getattr(os, "O_NOFOLLOW", 0)
    _refuse_other_than_regular(path.stat(), path)  # opening a pipe or a device may already do something
    with open(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())  # what was opened is what counts
        _refuse_other_than_regular(status, path)
        if status.st_size > limit:
            raise _too_large(limit, path)
        yield file


def _refuse_other_than_regular(status: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path.name)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", path.name)


def is_no_file(error: OSError) -> bool:
    """Whether `open_regular` refused what is there, whoever may read it: a folder, a pipe, or more than its limit."""
    return error.errno in (errno.EISDIR, errno.EINVAL, errno.EFBIG)


def _too_large(limit: int, path: Path) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {limit} bytes", path.name)


def read_regular(path: Path, limit: int, *, follow: bool) -> bytes:
    """The bytes of one regular file, opened once, never more than `limit`; memory is reserved for what it holds.

    Raises:
        OSError: as `open_regular`.
    """
    with open_regular(path, limit, follow=follow) as file:
        data = file.read(os.fstat(file.fileno()).st_size + 1)
        while more := file.read(_PIECE):  # it grows while it is read
            data += more
            if len(data) > limit:
                break
    if len(data) > limit:
        raise _too_large(limit, path)
    return data


def digest_regular(path: Path, limit: int, *, follow: bool) -> tuple[int, str]:
    """Number and SHA-256 of the bytes of one regular file, of which never more than a piece is held.

    Raises:
        OSError: as `open_regular`.
    """
    digest, size = hashlib.sha256(), 0
    with open_regular(path, limit, follow=follow) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            if size > limit:
                raise _too_large(limit, path)
    return size, digest.hexdigest()


def _is_folder(path: Path) -> bool:
    # os.path, because a Path raises where a name is too long, loops or may not be looked at
    return os.path.isdir(path)  # noqa: PTH112


def open_run(path: str | Path) -> Run:
    """The run in the folder `path`.

    Raises:
        UnreadableRun: there is no such folder, it holds no manifest, or the manifest cannot be read.
    """
    path = Path(path)
    shown = clean(os.fspath(path))
    if not _is_folder(path):
        raise UnreadableRun(f"{shown}: expected a run folder, and it is {_no_folder(path)}")
    try:
        data = read_regular(path / MANIFEST_NAME, MAX_MANIFEST_BYTES, follow=False)
        _refuse_pointer(data, f"{shown}/{MANIFEST_NAME}")
        return Run(path, read_manifest(parse_json(data)), sha256(data))
    except FileNotFoundError:
        raise UnreadableRun(_no_manifest(path)) from None
    except OSError as error:
        raise UnreadableRun(f"{shown}/{MANIFEST_NAME}: cannot be read: {error.strerror}.") from None
    except (JsonError, ManifestError) as error:
        raise UnreadableRun(f"{shown}/{MANIFEST_NAME}: not a manifest that can be read: {error}.") from None


#: What one unpacks before there is a folder to look into.
_ARCHIVES: Final = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def _no_folder(path: Path) -> str:
    """What a path is that leads to no folder, and what to do."""
    if not os.path.lexists(path):
        return f"not there.{_meant(path) or from_here(path)}"
    if not os.path.exists(path):  # noqa: PTH110 - a Path raises where a link loops
        return "a symbolic link that leads nowhere." if path.is_symlink() else "not to be looked at: ask its owner."
    if path.suffix.lower() in _ARCHIVES and path.is_file():
        return "an archive: unpack it, and name the folder that comes out."
    if _is_run(path.parent):
        return f"a file; name the run folder that holds it: {clean(path.parent.as_posix())}."
    return "a file." if path.is_file() else "neither a folder nor a file."


def _refuse_pointer(content: bytes, shown: str) -> None:
    if pointer := pointer_in(content):
        raise UnreadableRun(
            f"{shown}: it was not fetched; a pointer of {pointer.tool} stands in its place. Fetch it: {pointer.fetch}"
        )


def from_here(path: Path) -> str:
    """Where a path that leads nowhere leads from: told, since whoever typed it looks at a correct name."""
    if path.is_absolute():
        return ""
    for above in range(1, len(Path.cwd().parts)):
        nearer = Path(*[".."] * above, path)
        if os.path.lexists(nearer):
            return f" A path starts in the folder where you are: from there it is {clean(os.fspath(nearer))}."
    return " A path starts in the folder where you are."


def _meant(path: Path) -> str:
    """The run of a name among the runs: train's --name is typed again where the path of its folder is expected."""
    inside = Path("runs", path)
    named = not path.is_absolute() and os.path.lexists(inside / MANIFEST_NAME)
    return f" Did you mean {clean(inside.as_posix())}?" if named else ""


def no_run_in(path: Path) -> str:
    """That a folder holds no run, and where the nearest one is, or where runs come from."""
    shown = clean(os.fspath(path))
    if deeper := runs_below(path):
        return f"{shown}: it holds no run itself: {deeper}."
    return f"{shown}: it holds no run, and no folder in it does: runs are made with week2kit train CONFIG."


def runs_below(path: Path) -> str:
    """Where in a folder, deeper than it is looked at, the nearest runs are; empty where none was found."""
    looked, level = 0, [path]
    while level:
        inside: list[Path] = []
        for folder in level:
            inside += _folders_in(folder)
            looked += 1
            if looked >= SEARCHED_FOLDERS:
                break
        if found := [child for child in inside if _is_run(child)]:
            if len(found) == 1:
                return f"the run is in {clean(os.fspath(found[0]))}"
            places = sorted({clean(os.fspath(run.parent)) for run in found})
            more = f" and {len(places) - 3} more" if len(places) > 3 else ""
            return f"runs are in {', '.join(places[:3])}{more}"
        level = inside if looked < SEARCHED_FOLDERS else []
    return ""


def _folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, links left out, by name; none where it may not be looked at."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                folder / entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            )
    except OSError:
        return []


def _no_manifest(path: Path) -> str:
    said = f"{clean(os.fspath(path))}: not a run folder, it holds no {MANIFEST_NAME}"
    if is_bare(path):
        return f"{said}. It was made without week2kit: verify takes it as it stands."
    if not os.path.lexists(path / "metrics.json") and _has_flat_config(path):
        return f"{said}, and no metrics.json, which a run that was made without week2kit has."
    if _has_only_metrics(path):
        return f"{said}. It has metrics.json and no config.json: nothing says how these numbers were made."
    deeper = runs_below(path)
    return f"{said}: {deeper}." if deeper else f"{said}."


def _has_only_metrics(path: Path) -> bool:
    return os.path.lexists(path / "metrics.json") and not os.path.lexists(path / "config.json")


# --- runs that were made without week2kit -----------------------------------------------------------------------


def is_bare(path: Path) -> bool:
    """Whether a folder looks like a run that was made without week2kit: no manifest, metrics, a flat config.

    The config of a notebook counts, too: settings of the flat form without data and label; and that of a script that
    writes more keys than the flat form has. week2kit writes its own form with a manifest: a folder that lost it is
    damaged. A config that cannot be read may be
    anything, and is better told of than passed over.
    """
    if os.path.lexists(path / MANIFEST_NAME) or not os.path.lexists(path / "metrics.json"):
        return False
    return _has_flat_config(path)


def _has_flat_config(path: Path) -> bool:
    try:
        value = parse_foreign_json(read_regular(path / "config.json", MAX_CONFIG_BYTES, follow=False))
    except FileNotFoundError:
        return False
    except (OSError, JsonError):
        return True
    from week2kit.config.form import (
        is_of_course,  # its models cost milliseconds, and runs with a manifest do not need them
    )

    return isinstance(value, dict) and is_of_course(value)


def open_bare(path: str | Path) -> BareRun:
    """The run in a folder for which `is_bare` holds.

    Raises:
        UnreadableRun: config.json or metrics.json cannot be read, or metrics.json holds no object.
    """
    path = Path(path)
    return BareRun(path, _read_object(path, "config.json"), _read_object(path, "metrics.json"))


def _read_object(path: Path, file: str) -> dict[str, Any]:
    shown = f"{clean(os.fspath(path))}/{file}"
    try:
        data = read_regular(path / file, MAX_CONFIG_BYTES, follow=False)
        _refuse_pointer(data, shown)
        value = parse_foreign_json(data)
    except OSError as error:
        raise UnreadableRun(f"{shown}: cannot be read: {error.strerror}.") from None
    except JsonError as error:
        raise UnreadableRun(f"{shown}: no JSON that can be read: {error}.") from None
    if not isinstance(value, dict):
        raise UnreadableRun(f"{shown}: expected an object of keys and values.")
    return value


def open_any(path: str | Path) -> Run | BareRun:
    """The run in the folder `path`, with a manifest or made without week2kit.

    Raises:
        UnreadableRun: there is neither, or it cannot be read.
    """
    return open_bare(path) if is_bare(Path(path)) else open_run(path)


class Found(NamedTuple):
    """What a list of paths led to, in order: runs, and the paths of which none could be read, with the reason."""

    everything: tuple[Run | BareRun, ...]
    unreadable: tuple[tuple[Path, str], ...]
    skipped: tuple[Path, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs with a manifest, in order."""
        return tuple(run for run in self.everything if isinstance(run, Run))

    @property
    def bare(self) -> tuple[BareRun, ...]:
        """The runs that were made without week2kit, in order."""
        return tuple(run for run in self.everything if isinstance(run, BareRun))


def find_runs(paths: Iterable[str | Path]) -> Found:
    """The runs at `paths`, each a run folder or a folder of run folders.

    Named runs keep their order; those found in a folder follow by created_at, then run_id, and after them those that
    were made without week2kit, by name. Folders inside a folder of runs that hold no run are skipped, not unreadable;
    a path that leads to no run at all is unreadable, whatever the others lead to.
    A folder that is such a run itself may hold others, as ``output/run_1`` in ``output``: they follow it.
    """
    runs: list[Run | BareRun] = []
    unreadable: list[tuple[Path, str]] = []
    skipped: list[Path] = []
    seen: set[str] = set()
    large = 0

    def add(path: Path, into: list[Run | BareRun]) -> None:
        nonlocal large
        if (resolved := os.path.realpath(path)) in seen:
            return
        seen.add(resolved)
        if (size := _large_manifest(path)) and large + size > LARGE_MANIFESTS_BYTES:
            shown = clean(os.fspath(path))
            unreadable.append((path, f"{shown}: too many runs with large manifests before it: name fewer at a time."))
            return
        try:
            into.append(open_any(path))
            large += size
        except UnreadableRun as error:
            unreadable.append((path, str(error)))

    for path in map(Path, paths):
        is_run = not _is_folder(path) or _is_run(path)
        if is_run:
            add(path, runs)
        if is_run and not is_bare(path):
            continue
        inside: list[Run | BareRun] = []
        try:
            children = sorted(child for child in path.iterdir() if _is_folder(child) and not child.name.startswith("."))
        except OSError as error:
            unreadable.append((path, f"{clean(os.fspath(path))}: cannot be listed: {error.strerror}."))
            continue
        found = [child for child in children if _is_run(child)]
        for child in found:
            add(child, inside)
        if not found and not is_run:
            remains = any(os.path.lexists(path / file) for file in ARTIFACTS.values())  # of a run that lost some
            unreadable.append((path, _no_manifest(path) if remains else no_run_in(path)))
        elif not is_run:
            skipped += [child for child in children if child not in found]
        runs += sorted(inside, key=_in_folder_order)
    return Found(tuple(runs), tuple(unreadable), tuple(skipped))


def _large_manifest(path: Path) -> int:
    """The bytes of a manifest that is no small one; 0 for any other, and for one that is too large to be read."""
    try:
        size = (path / MANIFEST_NAME).lstat().st_size
    except OSError:
        return 0
    return size if SMALL_MANIFEST_BYTES < size <= MAX_MANIFEST_BYTES else 0


def _is_run(path: Path) -> bool:
    return os.path.lexists(path / MANIFEST_NAME) or is_bare(path)


def _in_folder_order(run: Run | BareRun) -> tuple[bool, str, str]:
    if isinstance(run, BareRun):
        return True, run.path.name, ""
    return False, *in_time(run)


def in_time(run: Run) -> tuple[str, str]:
    """By when a run began, then by its name; one that recorded whole seconds stands first in its second."""
    return run.manifest.created_at.removesuffix("Z"), run.manifest.run_id


def began_after(run: Run, other: Run) -> bool:
    """Whether a run surely began after another one: records of whole seconds know no order within a second."""
    times = in_time(run)[0], in_time(other)[0]
    digits = min(map(len, times))
    return times[0][:digits] > times[1][:digits]


def artifact_digest(name: str, data: bytes) -> str:
    """The digest of an artifact's content in its canonical form: JSON by value, text with LF, the model by its bytes.

    Raises:
        JsonError: a JSON artifact holds none.
    """
    if ARTIFACTS[name].endswith(".json"):
        return json_digest(parse_json(data))
    return sha256(data) if name == "model" else text_digest(data)


# --- writing ----------------------------------------------------------------------------------------------------


class RunFolder:
    """A run folder that is being written by the process that made it."""

    def __init__(self, path: Path, run_id: str, created_at: str) -> None:
        self.path = path
        self.run_id = run_id
        self.nonce = os.urandom(16).hex()
        self.created_at = created_at
        self._artifacts: dict[str, Artifact] = {}

    @classmethod
    def create(cls, runs_directory: Path, name: str | None, first: Callable[[RunFolder], RunningRun]) -> RunFolder:
        """Make a new folder below `runs_directory`: `name`, or the UTC time and a random suffix.

        It is made under a hidden name and moved to its own with the record `first` in it: there is no moment at which
        it has none. What killed trainings left there is removed.

        Raises:
            UsageError: the name is taken or not allowed, or the folder cannot be made.
        """
        now = datetime.now(UTC)
        if name is not None and (not _NAME.fullmatch(name) or set(name) == {"."}):
            raise UsageError(
                f'--name: expected up to {MAX_NAME_LENGTH} letters, digits, ".", "_" and "-", got "{clean(name)}".'
            )
        try:
            for left in leftovers(runs_directory):
                _remove(left)
            runs_directory.mkdir(parents=True, exist_ok=True)
            while True:
                run_id = name or f"run_{now:%Y%m%d_%H%M%S}_{_suffix()}"
                folder = cls(runs_directory / run_id, run_id, f"{now:%Y-%m-%dT%H:%M:%S.%fZ}")
                try:
                    folder._make(first)
                except FileExistsError:
                    if name is None:
                        continue
                    raise UsageError(_taken(runs_directory / name)) from None
                return folder
        except OSError as error:
            raise UsageError(
                f"{clean(str(runs_directory))}: no run folder can be made there: {error.strerror}. "
                "Choose another place with --runs-dir."
            ) from None

    def _make(self, first: Callable[[RunFolder], RunningRun]) -> None:
        if os.path.lexists(self.path):  # an empty folder would be replaced
            raise FileExistsError
        place, hidden = self.path, temporary_name(self.path)
        hidden.mkdir()
        try:
            with _held_lock(hidden):
                self.path = hidden
                self.write_manifest(first(self))
                try:
                    hidden.rename(place)
                except OSError as error:
                    if os.path.lexists(place):  # another training was faster
                        raise FileExistsError from error
                    raise
        except BaseException:
            _remove(hidden)
            raise
        finally:
            self.path = place

    @property
    def artifacts(self) -> list[Artifact]:
        """The records of what was written so far, by name."""
        return [self._artifacts[name] for name in sorted(self._artifacts)]

    def write(self, name: str, data: bytes) -> None:
        """Write the artifact `name` and remember its record."""
        replace_file(self.path / ARTIFACTS[name], data)
        self._artifacts[name] = Artifact(
            name=name, path=ARTIFACTS[name], sha256=artifact_digest(name, data), bytes=len(data)
        )

    def write_manifest(self, manifest: RunningRun | FailedRun | CompletedRun) -> None:
        """Write or replace the manifest, atomically: a reader sees the old one or the new one, never a part."""
        data = dump_json(manifest.model_dump(mode="json", by_alias=True)).encode()
        replace_file(self.path / MANIFEST_NAME, data)


def _taken(path: Path) -> str:
    """That a name is taken, and by what: after a failed attempt its folder may go, a result must not."""
    taken = f"{clean(str(path))}: this name is taken"
    try:
        manifest = open_run(path).manifest
    except UnreadableRun:
        return f"{taken}, and runs are never overwritten: choose another --name, or leave it out."
    if isinstance(manifest, CompletedRun):
        return (
            f"{taken} by a run that completed, and runs are never overwritten: choose another --name, or leave it out."
        )
    if isinstance(manifest, FailedRun):
        ended = "was interrupted" if manifest.failure.error in ("KeyboardInterrupt", "Terminated") else "failed"
        return (
            f"{taken} by a run that {ended} at stage {manifest.failure.stage}. Choose another --name, or remove the "
            "folder."
        )
    return (
        f"{taken} by a run that is still going on, or was ended without a word. Choose another --name, or remove the "
        "folder if nothing trains there any more."
    )


def _suffix() -> str:
    return "".join(_SUFFIX_LETTERS[byte % len(_SUFFIX_LETTERS)] for byte in os.urandom(5))


def refuse_place(path: Path, is_ours: Callable[[Path], bool], what: str) -> str:
    """Why a file that a caller names with -o is not written; empty where it can be tried.

    Args:
        path: the file.
        is_ours: whether a file that is there may be replaced.
        what: what such a file is, as "a report".
    """
    if not path.name or _is_folder(path):
        return "it is a folder: name a file in it."
    if not _is_folder(path.parent):
        return f"there is no folder {clean(os.fspath(path.parent))}: make it, or choose another -o."
    if os.path.lexists(path) and not (path.is_file() and is_ours(path)):
        return (
            f"it is there already and is not {what} of week2kit, so it is not overwritten: choose another -o, or move "
            "it away."
        )
    return ""


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path` in one step: a temporary file beside it, flushed to disk, then renamed.

    Raises:
        OSError: the disk is full, or the folder cannot be written; nothing is left behind.
    """
    temporary = temporary_name(path)
    try:
        with temporary.open("xb") as file, _held_lock(temporary):
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if os.name != "nt":  # there an open file cannot be moved
                temporary.replace(path)
        if os.name == "nt":
            temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def replace_files(files: Mapping[Path, bytes], ready: Callable[[], None] = lambda: None) -> None:
    """Write several files, all of them or none: first all beside their places, then each put there, in order.

    Args:
        files: what each holds.
        ready: called when all are written and none is in its place yet; what it raises ends it so.

    Raises:
        OSError: one cannot be written, its ``filename``; all are as they were.
    """
    staged: list[tuple[Path, Path]] = []
    aside: list[tuple[Path, Path | None]] = []
    done = False
    try:
        for path, data in files.items():
            with _naming(path):
                staged.append((temporary_name(path), path))
                _write_new(staged[-1][0], data)
        ready()
        for temporary, path in staged:
            with _naming(path):
                aside.append((path, _second_name(path)))
                temporary.replace(path)
        done = True
    finally:
        for path, before in reversed(aside if not done else []):
            with contextlib.suppress(OSError):
                before.replace(path) if before is not None else path.unlink()
        for left in [temporary for temporary, _ in staged] + [before for _, before in aside if before is not None]:
            left.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an error say which file it is about."""
    try:
        yield
    except OSError as error:
        error.filename = os.fspath(path)
        raise


def _second_name(path: Path) -> Path | None:
    """Another name beside it for what a path leads to, or a copy where there are no links; None: there is nothing."""
    if not os.path.lexists(path):
        return None
    name = temporary_name(path)
    try:
        os.link(path, name, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(path, name, follow_symlinks=False)
    return name


# --- what a killed process leaves -------------------------------------------------------------------------------

#: What is being written has such a name for some moments, and keeps it where its process is killed.
_TEMPORARY: Final = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.tmp")


def temporary_name(path: Path) -> Path:
    """A new name beside `path` under which it is written before it is moved there."""
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")


def leftovers(runs_directory: Path) -> list[Path]:
    """What trainings that were killed left in a folder of runs: files and run folders under temporary names.

    Nothing counts that anybody may still write, or that is not called as week2kit calls it.
    """
    found: list[Path] = []
    with contextlib.suppress(OSError), os.scandir(runs_directory) as entries:
        found += _temporary_files(runs_directory)
        for entry in itertools.islice(entries, SIBLING_FOLDERS):
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    found += _left_in(Path(entry.path))
    return sorted(path for path in found if _is_abandoned(path))


def _left_in(folder: Path) -> list[Path]:
    """What a killed training may have left in a folder, or the folder itself."""
    if match := _TEMPORARY.fullmatch(folder.name):
        return [folder] if _NAME.fullmatch(match["name"]) else []
    if _OWN_NAME.fullmatch(folder.name) and not any(folder.iterdir()):  # as earlier versions made it first
        return [folder]
    return _temporary_files(folder)


def _temporary_files(folder: Path) -> list[Path]:
    ours = {MANIFEST_NAME, *ARTIFACTS.values()}
    with os.scandir(folder) as entries:
        named = [(entry, _TEMPORARY.fullmatch(entry.name)) for entry in entries]
        return [
            Path(entry.path)
            for entry, match in named
            if match is not None and match["name"] in ours and entry.is_file(follow_symlinks=False)
        ]


def _is_abandoned(path: Path) -> bool:
    """Whether nobody writes it any more: whoever does holds its lock, which ends with the process.

    Where nothing can be locked (Windows, some network drives), what is a day old is taken for abandoned.
    """
    with contextlib.suppress(OSError):
        age = time.time() - path.lstat().st_mtime
        with _held_lock(path) as locked:
            return age > (ABANDONED_WRITE if locked else ABANDONED_BUILD)
    return False


@contextlib.contextmanager
def _held_lock(path: Path) -> Iterator[bool]:
    """Hold the lock of a file or folder; whether it could be locked.

    Raises:
        BlockingIOError: another process holds it.
    """
    try:
        import fcntl
    except ImportError:
        yield False
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = True
        except BlockingIOError:
            raise
        except OSError:
            locked = False
        yield locked
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a leftover, and the run folder that holds nothing else: never a file that is not ours."""
    with contextlib.suppress(OSError):
        if not path.is_dir() or path.is_symlink():
            path.unlink()
            if not _TEMPORARY.fullmatch(path.parent.name):
                path.parent.rmdir()  # only where it was made and never had a record
            return
        if _TEMPORARY.fullmatch(path.name):
            for file in [*_temporary_files(path), path / MANIFEST_NAME]:
                file.unlink(missing_ok=True)
        path.rmdir()
