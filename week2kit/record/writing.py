"""Run folders, made once and never overwritten; and what trainings that were killed left among them."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from week2kit.canonical import clean, dump_json
from week2kit.errors import UnreadableRun, UsageError
from week2kit.record.artifacts import ARTIFACTS, MANIFEST_NAME, artifact_digest
from week2kit.record.files import TEMPORARY, held_lock, replace_file, temporary_name
from week2kit.thresholds import ABANDONED_BUILD, ABANDONED_WRITE, MAX_NAME_LENGTH, SIBLING_FOLDERS

if TYPE_CHECKING:  # the models take longer to load than a command to begin
    from week2kit.record.command import RecordedCommand
    from week2kit.record.manifest import Artifact, Recorded
    from week2kit.record.store import Manifest

_NAME: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_NAME_LENGTH}}}")

_SUFFIX_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"

#: Makes the first record of a run, in its JSON form, with the folder that it is made in.
First: TypeAlias = "Callable[[RunFolder], Mapping[str, Any]]"


class RunFolder:
    """A run folder that is being written by the process that made it."""

    def __init__(self, path: Path, run_id: str, created_at: str) -> None:
        self.path = path
        self.run_id = run_id
        self.nonce = os.urandom(16).hex()
        self.created_at = created_at
        self._artifacts: dict[str, tuple[str, int]] = {}

    @classmethod
    def create(cls, runs_directory: Path, name: str | None, first: First) -> RunFolder:
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
                suffix = "".join(_SUFFIX_LETTERS[byte % len(_SUFFIX_LETTERS)] for byte in os.urandom(5))
                run_id = name or f"run_{now:%Y%m%d_%H%M%S}_{suffix}"
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

    def _make(self, first: First) -> None:
        if os.path.lexists(self.path):  # an empty folder would be replaced
            raise FileExistsError
        place, hidden = self.path, temporary_name(self.path)
        hidden.mkdir()
        try:
            with held_lock(hidden):
                self.path = hidden
                self._write_manifest(first(self))
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
        from week2kit.record.manifest import Artifact

        return [
            Artifact(name=name, path=ARTIFACTS[name], sha256=digest, bytes=size)
            for name, (digest, size) in sorted(self._artifacts.items())
        ]

    def write(self, name: str, data: bytes) -> None:
        """Write the artifact `name` and remember its record."""
        replace_file(self.path / ARTIFACTS[name], data)
        self._artifacts[name] = artifact_digest(name, data), len(data)

    def write_manifest(self, manifest: Recorded | RecordedCommand) -> None:
        """Write or replace the manifest, atomically: a reader sees the old one or the new one, never a part."""
        self._write_manifest(json_form(manifest))

    def _write_manifest(self, value: Mapping[str, Any]) -> None:
        replace_file(self.path / MANIFEST_NAME, dump_json(value).encode())


def json_form(manifest: Recorded | RecordedCommand) -> dict[str, Any]:
    """What stands in the file of a manifest."""
    return manifest.model_dump(mode="json", by_alias=True)


def _taken(path: Path) -> str:
    """That a name is taken, and by what: after a failed attempt its folder may go, a result must not."""
    from week2kit.record.command import CompletedCommand, FailedCommand, RunningCommand
    from week2kit.record.manifest import CompletedRun, FailedRun, RunningRun
    from week2kit.record.store import open_run

    taken = f"{clean(str(path))}: this name is taken"
    manifest: Manifest | None = None
    with contextlib.suppress(UnreadableRun):
        manifest = open_run(path).manifest
    if isinstance(manifest, FailedRun | FailedCommand):
        outside = ("KeyboardInterrupt", "Terminated", "Interrupted")
        ended = "was interrupted" if manifest.failure.error in outside else "failed"
        stage = manifest.failure.stage
        return f"{taken} by a run that {ended} at stage {stage}. Choose another name, or remove the folder."
    if isinstance(manifest, RunningRun | RunningCommand):
        return (
            f"{taken} by a run that is still going on, or was ended without a word. Choose another name, or remove "
            "the folder if nothing trains there any more."
        )
    result = " by a run that completed" if isinstance(manifest, CompletedRun | CompletedCommand) else ""
    return f"{taken}{result}, and runs are never overwritten: choose another name, or leave it out."


def leftovers(runs_directory: Path) -> list[Path]:
    """What trainings that were killed left in a folder of runs: files and run folders under temporary names.

    Nothing counts that anybody may still write, or that is not called as week2kit calls it.
    """
    found = _temporary_files(runs_directory)
    with contextlib.suppress(OSError), os.scandir(runs_directory) as entries:
        for entry in itertools.islice(entries, SIBLING_FOLDERS):
            if entry.is_dir(follow_symlinks=False):
                hidden = TEMPORARY.fullmatch(entry.name)
                is_ours = hidden is not None and _NAME.fullmatch(hidden["name"]) is not None
                found += [Path(entry.path)] if is_ours else _temporary_files(Path(entry.path))
    return sorted(path for path in found if _is_abandoned(path))


def _temporary_files(folder: Path) -> list[Path]:
    """What is, or was, being written into a run folder; links are none of ours."""
    ours = {MANIFEST_NAME, *ARTIFACTS.values()}
    found: list[Path] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = TEMPORARY.fullmatch(entry.name)
            if match is not None and match["name"] in ours and entry.is_file(follow_symlinks=False):
                found.append(Path(entry.path))
    return found


def _is_abandoned(path: Path) -> bool:
    """Whether nobody writes it any more: whoever does holds its lock, which ends with the process.

    Where nothing can be locked (Windows, some network drives), what is a day old is taken for abandoned.
    """
    with contextlib.suppress(OSError):
        age = time.time() - path.lstat().st_mtime
        if age > ABANDONED_WRITE:  # before that its writer may come to lock it, and must find nobody there
            with held_lock(path) as locked:
                return locked or age > ABANDONED_BUILD
    return False


def _remove(path: Path) -> None:
    """Remove a leftover: a file, or a folder with nothing in it but files of ours."""
    with contextlib.suppress(OSError):
        if not path.is_dir() or path.is_symlink():
            path.unlink()
            return
        for file in [*_temporary_files(path), path / MANIFEST_NAME]:
            file.unlink(missing_ok=True)
        path.rmdir()
