"""Runs on disk, opened as untrusted input; and of a path that leads to none, what it is and where the nearest are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from week2kit.canonical import (
    JsonError,
    clean,
    json_digest,
    parse_foreign_json,
    parse_json,
    sha256,
    show_value,
    text_digest,
)
from week2kit.errors import UnreadableRun
from week2kit.record.files import is_folder, read_regular
from week2kit.record.manifest import Artifact, CompletedRun, FailedRun, Manifest, RunningRun, metric_names
from week2kit.record.migrations import ManifestError, read_manifest
from week2kit.record.pointers import pointer_in
from week2kit.thresholds import (
    MAX_ARTIFACT_BYTES,
    MAX_CONFIG_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_NAME_LENGTH,
    SEARCHED_FOLDERS,
)

if TYPE_CHECKING:
    from week2kit.record.partial import PartialRun

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
        return None if isinstance(self.manifest, RunningRun | FailedRun | CompletedRun) else self.manifest

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
        elif isinstance(manifest, FailedRun):
            lines.append(f"\nat stage {manifest.failure.stage}: {clean(manifest.failure.message)}")
        return "\n".join(lines) + "\n"


def open_run(path: str | Path) -> Run:
    """The run in the folder `path`.

    Raises:
        UnreadableRun: there is no such folder, it holds no manifest, or the manifest cannot be read.
    """
    path = Path(path)
    shown = clean(os.fspath(path))
    if not is_folder(path):
        raise UnreadableRun(f"{shown}: expected a run folder, and it is {_no_folder(path)}")
    try:
        data = read_regular(path / MANIFEST_NAME, MAX_MANIFEST_BYTES, follow=False)
        refuse_pointer(data, f"{shown}/{MANIFEST_NAME}")
        return Run(path, read_manifest(parse_json(data)), sha256(data))
    except FileNotFoundError:
        raise UnreadableRun(no_manifest_in(path)) from None
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
    if is_run_folder(path.parent):
        return f"a file; name the run folder that holds it: {clean(path.parent.as_posix())}."
    return "a file." if path.is_file() else "neither a folder nor a file."


def refuse_pointer(content: bytes, shown: str) -> None:
    """Raise where a pointer stands in place of a file that was not fetched."""
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
        if found := [child for child in inside if is_run_folder(child)]:
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


def no_manifest_in(path: Path) -> str:
    """That a folder has no manifest, and what is known of it instead."""
    said = f"{clean(os.fspath(path))}: not a run folder, it holds no {MANIFEST_NAME}"
    if is_partial(path):
        return f"{said}. It was made without week2kit: verify takes it as it stands."
    if not os.path.lexists(path / "metrics.json") and _has_flat_config(path):
        return f"{said}, and no metrics.json, which a run that was made without week2kit has."
    if _has_only_metrics(path):
        return f"{said}. It has metrics.json and no config.json: nothing says how these numbers were made."
    deeper = runs_below(path)
    return f"{said}: {deeper}." if deeper else f"{said}."


def _has_only_metrics(path: Path) -> bool:
    return os.path.lexists(path / "metrics.json") and not os.path.lexists(path / "config.json")


def is_partial(path: Path) -> bool:
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
    from week2kit.config.reading import is_of_course

    return isinstance(value, dict) and is_of_course(value)


def open_any(path: str | Path) -> Run:
    """The run in the folder `path`, with a manifest or made without week2kit.

    Raises:
        UnreadableRun: there is neither, or it cannot be read.
    """
    if not is_partial(path := Path(path)):
        return open_run(path)
    from week2kit.record.partial import open_partial  # it knows the forms of configs, which cost milliseconds

    return open_partial(path)


def is_run_folder(path: Path) -> bool:
    """Whether a folder is a run, with a manifest or made without week2kit; whether it can be read is not asked."""
    return os.path.lexists(path / MANIFEST_NAME) or is_partial(path)


def artifact_digest(name: str, data: bytes) -> str:
    """The digest of an artifact's content in its canonical form: JSON by value, text with LF, the model by its bytes.

    Raises:
        JsonError: a JSON artifact holds none.
    """
    if ARTIFACTS[name].endswith(".json"):
        return json_digest(parse_json(data))
    return sha256(data) if name == "model" else text_digest(data)
