"""Runs on disk, found and opened as untrusted input; and of a path that leads to none, what is there instead."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

from week2kit.canonical import (
    JsonError,
    clean,
    parse_foreign_json,
    parse_json,
    sha256,
    show_value,
)
from week2kit.errors import UnreadableRun
from week2kit.record.artifacts import ARTIFACTS, MANIFEST_NAME
from week2kit.record.command import CompletedCommand, FailedCommand, RecordedCommand
from week2kit.record.files import is_folder, pointer_in, read_regular
from week2kit.record.manifest import AnyRun, Artifact, CompletedRun, FailedRun, Recorded, metric_names
from week2kit.record.migrations import ManifestError, read_manifest
from week2kit.thresholds import (
    LARGE_MANIFESTS_BYTES,
    MAX_ARTIFACT_BYTES,
    MAX_CONFIG_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_NAME_LENGTH,
    SEARCHED_FOLDERS,
    SMALL_MANIFEST_BYTES,
)

if TYPE_CHECKING:
    from week2kit.record.partial import PartialRun

T = TypeVar("T")

#: The files that are a run without a manifest; and where one is missing, what is not known then.
_PARTIAL: Final = {
    "config.json": "nothing says how its numbers were made",
    "metrics.json": "nothing says what came out",
}

#: Artifacts that grow with the data or the model; the others are about as long as the manifest.
_LARGE_ARTIFACTS: Final = frozenset({"model", "predictions"})


#: Metrics of a script that a notebook shows of its run.
_SHOWN_METRICS: Final = 40

#: What can be known of a run: what a manifest says, or what the files say that stand in its place.
Manifest: TypeAlias = "Recorded | RecordedCommand | PartialRun"


class Run(NamedTuple):
    """A run folder whose record was read; its other files are read when they are asked for.

    Attributes:
        path: the folder.
        manifest: its manifest; of a run that was made without week2kit what its files say in place of one.
        manifest_sha256: the digest of manifest.json; empty where there is none.
    """

    path: Path
    manifest: Manifest
    manifest_sha256: str

    @property
    def partial(self) -> PartialRun | None:
        """What is recorded of a run that has no manifest; None of any other."""
        return None if isinstance(self.manifest, AnyRun) else self.manifest

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
        lines = [f"**run {self.name}**: {manifest.status if self.partial is None else 'no manifest'}"]
        if isinstance(manifest, CompletedRun):
            lines += ["", "| metric | validation | training | dummy |", "|---|---:|---:|---:|"]
            metrics = manifest.outcome.metrics
            lines += [
                f"| {clean(name)} | {show_value(metrics[name].value)} | {show_value(metrics[name].training)} "
                f"| {show_value(metrics[name].dummy)} |"
                for name in metric_names(manifest)
            ]
        elif isinstance(manifest, CompletedCommand) and manifest.outcome.metrics:
            lines += ["", "| metric | as reported |", "|---|---:|"]
            shown = [*manifest.outcome.metrics.items()][:_SHOWN_METRICS]
            lines += [f"| {clean(name)} | {show_value(value)} |" for name, value in shown]
        elif isinstance(manifest, FailedCommand):
            lines.append(f"\n{clean(manifest.failure.message)}")
        elif isinstance(manifest, FailedRun):
            lines.append(f"\nat stage {manifest.failure.stage}: {clean(manifest.failure.message)}")
        return "\n".join(lines) + "\n"


def open_run(path: str | Path) -> Run:
    """The run in the folder `path`, with a manifest or made without week2kit.

    Raises:
        UnreadableRun: there is neither, or it cannot be read; where the nearest runs are, is said.
    """
    path = Path(path)
    if not is_folder(path):
        raise UnreadableRun(f"{clean(os.fspath(path))}: expected a run folder, and it is {_no_folder(path)}")
    if is_partial(path):
        from week2kit.record.partial import read_partial  # it knows the forms of configs, which cost milliseconds

        objects = (_read_json(path / name, MAX_CONFIG_BYTES, _foreign_object)[0] for name in _PARTIAL)
        return Run(path, read_partial(path, *objects), "")
    if not os.path.lexists(path / MANIFEST_NAME):
        raise UnreadableRun(no_run_in(path))
    manifest, digest = _read_json(
        path / MANIFEST_NAME, MAX_MANIFEST_BYTES, lambda data: read_manifest(parse_json(data))
    )
    return Run(path, manifest, digest)


def _read_json(file: Path, limit: int, read: Callable[[bytes], T]) -> tuple[T, str]:
    """What a file of a run holds, and its digest."""
    shown = clean(os.fspath(file))
    try:
        data = read_regular(file, limit, follow=False)
        if pointer := pointer_in(data):
            raise UnreadableRun(
                f"{shown}: it was not fetched; a pointer of {pointer.tool} stands in its place. Fetch it: "
                f"{pointer.fetch}"
            )
        return read(data), sha256(data)
    except OSError as error:
        raise UnreadableRun(f"{shown}: cannot be read: {error.strerror}.") from None
    except (JsonError, ManifestError) as error:
        what = "not a manifest" if file.name == MANIFEST_NAME else "no JSON"
        raise UnreadableRun(f"{shown}: {what} that can be read: {error}.") from None


def _foreign_object(data: bytes) -> dict[str, Any]:
    value = parse_foreign_json(data)
    if not isinstance(value, dict):
        raise JsonError("expected an object of keys and values")
    return value


def is_run_folder(path: Path) -> bool:
    """Whether a folder is a run, with a manifest or made without week2kit; whether it can be read is not asked."""
    return os.path.lexists(path / MANIFEST_NAME) or is_partial(path)


def is_partial(path: Path) -> bool:
    """Whether a folder looks like a run that was made without week2kit: no manifest, metrics, a flat config.

    The config of a notebook counts, too: settings of the flat form without data and label; and that of a script that
    writes more keys than the flat form has. week2kit writes its own form with a manifest: a folder that lost it is
    damaged. A config that cannot be read may be anything, and is better told of than passed over.
    """
    if os.path.lexists(path / MANIFEST_NAME) or not all(os.path.lexists(path / name) for name in _PARTIAL):
        return False
    try:
        value = parse_foreign_json(read_regular(path / "config.json", MAX_CONFIG_BYTES, follow=False))
    except (OSError, JsonError):
        return True
    from week2kit.config.reading import is_of_course

    return isinstance(value, dict) and is_of_course(value)


# --- no run -----------------------------------------------------------------------------------------------------


def _no_folder(path: Path) -> str:
    """What a path is that leads to no folder, and what to do."""
    if not os.path.lexists(path):
        inside = Path("runs", path)  # train's --name is typed again where the path of its folder is expected
        meant = not path.is_absolute() and os.path.lexists(inside / MANIFEST_NAME)
        return f"not there.{f' Did you mean {clean(inside.as_posix())}?' if meant else from_here(path)}"
    if not os.path.exists(path):  # noqa: PTH110 - a Path raises where a link loops
        return "a symbolic link that leads nowhere." if path.is_symlink() else "not to be looked at: ask its owner."
    if path.suffix.lower() in (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"):
        return "an archive: unpack it, and name the folder that comes out."
    if is_run_folder(path.parent):
        return f"a file; name the run folder that holds it: {clean(path.parent.as_posix())}."
    return "a file."


#: How alike a name is that may have been meant: one letter is another in a name of four.
_NEARLY: Final = 0.75


def from_here(path: Path) -> str:
    """Where a path that leads nowhere leads from: told, since whoever typed it looks at a correct name."""
    if path.is_absolute():
        return ""
    for above in range(1, len(Path.cwd().parts)):
        nearer = Path(*[".."] * above, path)
        if os.path.lexists(nearer):
            return f" A path starts in the folder where you are: from there it is {clean(os.fspath(nearer))}."
    near = near_path(path)
    return f" Did you mean {clean(near.as_posix())}?" if near else " A path starts in the folder where you are."


def near_path(path: Path) -> Path | None:
    """What is there under nearly the same path as one that leads nowhere; None where nothing is."""
    folder: Path | None = path.parent
    if not path.name or folder is None:
        return None
    if not os.path.lexists(folder):
        folder = near_path(folder)
        if folder is None or os.path.lexists(folder / path.name):
            return folder and folder / path.name
    import difflib  # a report, which misses no path, does without it

    with contextlib.suppress(OSError, ValueError):
        with os.scandir(folder) as entries:  # of a folder of a hundred thousand, all would take seconds
            names = [Path(entry.name) for entry in itertools.islice(entries, SEARCHED_FOLDERS)]
        stems = sorted(name.stem for name in names if name.suffix == path.suffix)
        close = difflib.get_close_matches(path.stem, stems, n=1, cutoff=_NEARLY)
        return folder / (close[0] + path.suffix) if close else None
    return None


def no_run_in(path: Path) -> str:
    """That a folder holds no run, and where the nearest one is, what it lost, or where runs come from."""
    shown = clean(os.fspath(path))
    if not os.access(path, os.R_OK | os.X_OK):
        return f"{shown}: it cannot be looked into: ask its owner."
    if deeper := runs_below(path):
        return f"{shown}: it holds no run itself: {deeper}."
    if not any(os.path.lexists(path / name) for name in ARTIFACTS.values()):
        return f"{shown}: it holds no run, and no folder in it does: runs are made with week2kit train CONFIG."
    lost = [f" and no {name}: {why}" for name, why in _PARTIAL.items() if not os.path.lexists(path / name)]
    return f"{shown}: not a run folder, it holds no {MANIFEST_NAME}{''.join(lost[:1])}."


def runs_below(path: Path) -> str:
    """Where in a folder, deeper than it is looked at, the nearest runs are; empty where none was found."""
    level, looked = [path], 0
    while level and looked < SEARCHED_FOLDERS:
        inside = (child for folder in level for child in _folders_in(folder) if not child.is_symlink())
        level = list(itertools.islice(inside, SEARCHED_FOLDERS))
        looked += len(level)
        found = [child for child in level if is_run_folder(child)]
        if len(found) == 1:
            return f"the run is in {clean(os.fspath(found[0]))}"
        if places := sorted({clean(os.fspath(run.parent)) for run in found}):
            more = f" and {len(places) - 3} more" if len(places) > 3 else ""
            return f"runs are in {', '.join(places[:3])}{more}"
    return ""


def _folders_in(path: Path) -> list[Path]:
    """The folders in a folder, by name, hidden ones left out; none where it may not be looked at."""
    with contextlib.suppress(OSError, ValueError):
        return sorted(child for child in path.iterdir() if not child.name.startswith(".") and is_folder(child))
    return []


# --- all runs of some paths -------------------------------------------------------------------------------------


class Found(NamedTuple):
    """What a list of paths led to, in order: runs, and the paths of which none could be read, with the reason."""

    everything: tuple[Run, ...]
    unreadable: tuple[tuple[Path, str], ...]
    skipped: tuple[Path, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs with a manifest, in order."""
        return tuple(run for run in self.everything if run.partial is None)

    @property
    def partial(self) -> tuple[Run, ...]:
        """The runs that were made without week2kit, in order."""
        return tuple(run for run in self.everything if run.partial is not None)


def find_runs(paths: Iterable[str | Path]) -> Found:
    """The runs at `paths`, each a run folder or a folder of run folders.

    Named runs keep their order; those found in a folder follow by created_at, then run_id, and after them those that
    were made without week2kit, by name. Folders inside a folder of runs that hold no run are skipped, not unreadable;
    a path that leads to no run at all is unreadable, whatever the others lead to.
    A folder that is such a run itself may hold others, as ``output/run_1`` in ``output``: they follow it.
    """
    runs: list[Run] = []
    unreadable: list[tuple[Path, str]] = []
    skipped: list[Path] = []
    seen: set[str] = set()
    large = 0

    def add(path: Path, into: list[Run]) -> None:
        nonlocal large
        if (resolved := os.path.realpath(path)) in seen:
            return
        seen.add(resolved)
        if (size := _large_manifest(path)) and large + size > LARGE_MANIFESTS_BYTES:
            shown = clean(os.fspath(path))
            unreadable.append((path, f"{shown}: too many runs with large manifests before it: name fewer at a time."))
            return
        try:
            into.append(open_run(path))
            large += size
        except UnreadableRun as error:
            unreadable.append((path, str(error)))

    for path in map(Path, paths):
        children = [] if os.path.lexists(path / MANIFEST_NAME) else _folders_in(path)
        holds = {child: is_run_folder(child) for child in children}
        found = [child for child in children if holds[child]]
        if is_run_folder(path) or not found:
            add(path, runs)
        else:
            skipped += [child for child in children if not holds[child]]
        inside: list[Run] = []
        for child in found:
            add(child, inside)
        runs += sorted(inside, key=lambda run: (run.partial is not None, *in_time(run)))
    return Found(tuple(runs), tuple(unreadable), tuple(skipped))


def _large_manifest(path: Path) -> int:
    """The bytes of a manifest that is no small one; 0 for any other, and for one that is too large to be read."""
    try:
        size = (path / MANIFEST_NAME).lstat().st_size
    except OSError:
        return 0
    return size if SMALL_MANIFEST_BYTES < size <= MAX_MANIFEST_BYTES else 0


def in_time(run: Run) -> tuple[str, str]:
    """By when a run began, then by its name; one that recorded whole seconds stands first in its second."""
    return run.manifest.created_at.removesuffix("Z"), run.manifest.run_id


def began_after(run: Run, other: Run) -> bool:
    """Whether a run surely began after another one: records of whole seconds know no order within a second."""
    times = in_time(run)[0], in_time(other)[0]
    digits = min(map(len, times))
    return times[0][:digits] > times[1][:digits]
