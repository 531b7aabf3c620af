"""An empty working directory with what a command's record says that it needs, and nothing else.

Each text that the record keeps is written from there. Every other file is taken where it lies, by its digest: in the
project, where the caller says, or where this machine noted it. What lies in its place in the project now is told.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from week2kit.canonical import sha256
from week2kit.record.command import CommandInputs, InputFile, Sources
from week2kit.record.machine import Lying, look_through, named_by_shell, places_of
from week2kit.record.written_paths import HOME, SOMEWHERE, path_of
from week2kit.training.gathering import digest_of
from week2kit.training.going_in import code_digest, code_digest_of

#: Larger inputs are linked, not copied: the command may read them there, and cannot write.
_COPIED: Final = 256 << 20


@dataclass(frozen=True)
class Edited:
    """A file of the project that is not as recorded any more; `text` is the recorded one, where it is kept."""

    place: str
    recorded: str
    now: str
    path: Path
    text: str | None


@dataclass(frozen=True)
class Supply:
    """Where everything is that a command needs.

    Attributes:
        texts: recorded texts by place.
        paths: files by place, each with the recorded content but those of `other_code`.
        outside: files outside of any project that are read where they lie.
        missing: inputs of which no file was found.
        overwritten: the same of inputs that the command itself writes: it may do without them.
        missing_code: modules of which there is neither the recorded text nor any file.
        edited_code: modules that are other ones in the project now; the recorded text is used, where it is kept.
        edited_data: inputs that hold something else now, in their place in the project.
    """

    texts: Mapping[str, str]
    paths: Mapping[str, Path]
    outside: tuple[Path, ...]
    missing: tuple[InputFile, ...]
    overwritten: tuple[InputFile, ...]
    missing_code: tuple[str, ...]
    edited_code: tuple[Edited, ...]
    edited_data: tuple[Edited, ...]

    @property
    def other_code(self) -> tuple[Edited, ...]:
        """The modules of which only another text than the recorded one is there."""
        return tuple(one for one in self.edited_code if one.text is None)


def find_supply(
    inputs: CommandInputs, sources: Sources, project: Path | None, given: Sequence[Path], made: Collection[str]
) -> Supply:
    """Where the code and the inputs of a command are, looked for by their digests.

    Args:
        inputs: the record.
        sources: the texts that it keeps, each with its recorded digest.
        project: the folder that the command ran in, where it is known.
        given: files and folders that the caller names.
        made: the places of what the command wrote: the next run of it writes them anew.
    """
    supply = _Search(sources, project, given, made)
    for place, digest in inputs.program.modules.items():
        supply.code(place, digest)
    for file in inputs.files or []:
        supply.input(file)
    return supply.found()


@dataclass
class _Search:
    sources: Sources
    project: Path | None
    given: Sequence[Path]
    made: Collection[str]
    texts: dict[str, str] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    outside: list[Path] = field(default_factory=list)
    missing: list[InputFile] = field(default_factory=list)
    overwritten: list[InputFile] = field(default_factory=list)
    missing_code: list[str] = field(default_factory=list)
    edited_code: list[Edited] = field(default_factory=list)
    edited_data: list[Edited] = field(default_factory=list)

    def code(self, place: str, digest: str) -> None:
        text = self.sources.modules.get(place)
        path = self._in_project(place)
        now = code_digest_of(path) if path is not None else None
        if path is not None and now is not None and now != digest:
            self.edited_code.append(Edited(place, digest, now, path, text))
        if text is not None:
            self.texts[place] = text
        elif path is not None and now is not None:
            self.paths[place] = path
        else:
            self.missing_code.append(place)

    def input(self, file: InputFile) -> None:
        text, path = self.sources.files.get(file.path), self._in_project(file.path)
        now = _digest(path) if path is not None else None
        ours = not file.path.startswith(HOME)  # what lies there changes from day to day: caches, settings
        is_stable = ours and file.path not in self.made
        if is_stable and path is not None and now and file.sha256 and now not in (file.sha256, file.after):
            self.edited_data.append(Edited(file.path, file.sha256, now, path, text))
        if text is not None:
            self.texts[file.path] = text
        if path is not None and now == file.sha256:
            found: Path | None = path
        else:
            found = next(iter(self._elsewhere(file)), None)
        if found is not None and file.path.startswith((HOME, SOMEWHERE, "../")):
            self.outside.append(found)
        if text is not None:
            return
        if found is None and ours:
            (self.overwritten if file.path in self.made else self.missing).append(file)
        elif found is not None:
            self.paths[file.path] = found

    def found(self) -> Supply:
        return Supply(
            self.texts,
            self.paths,
            tuple(self.outside),
            tuple(self.missing),
            tuple(self.overwritten),
            tuple(self.missing_code),
            tuple(self.edited_code),
            tuple(self.edited_data),
        )

    def _in_project(self, place: str) -> Path | None:
        if self.project is None or place.startswith(SOMEWHERE):
            return None
        path = path_of(place, self.project)
        return path if path.is_file() else None

    @cached_property
    def _named(self) -> Sequence[Lying]:
        """The files that the caller and the shell name, looked through once for all inputs."""
        return look_through([*self.given, *named_by_shell()]).files

    def _elsewhere(self, file: InputFile) -> Iterator[Path]:
        if file.sha256 is None:
            return
        listed = [one.path for one in self._named if one.bytes == file.bytes]
        for path in [*listed, *places_of(file.sha256)]:
            if _digest(path) == file.sha256:
                yield path


def _digest(path: Path) -> str | None:
    try:
        return digest_of(path)[0] if path.is_file() else None
    except OSError:
        return None


@dataclass(frozen=True)
class Workspace:
    """Where a command is run again: `here` is its working directory below `root`, to which alone it may write."""

    root: Path
    here: Path
    temporary: Path


def prepare(root: Path, inputs: CommandInputs, supply: Supply, more: Mapping[str, Path] | None = None) -> Workspace:
    """Make the working directory below an empty folder: as deep as the record's paths go up.

    Raises:
        OSError: there is no room, or a file went meanwhile.
    """
    places = [*supply.texts, *supply.paths, *inputs.folders, *(more or {})]
    depth = max((place.split("/").count("..") for place in places), default=0)
    here = root.joinpath("work", *(["in"] * depth), "project")
    temporary = root / "temporary"
    here.mkdir(parents=True)
    temporary.mkdir()
    workspace = Workspace(root, here, temporary)
    for folder in inputs.folders:
        _below(here, folder, root).mkdir(parents=True, exist_ok=True)
    for place, text in supply.texts.items():
        if not place.startswith((HOME, SOMEWHERE)):
            target = _below(here, place, root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
            if text.startswith("#!"):
                target.chmod(0o755)
    for place, path in {**supply.paths, **(more or {})}.items():
        if not place.startswith((HOME, SOMEWHERE)):
            _put(_below(here, place, root), path)
    return workspace


def _put(target: Path, path: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        target.mkdir(exist_ok=True)
        return
    if path.stat().st_size > _COPIED:
        target.symlink_to(path.resolve())
        return
    shutil.copyfile(path, target)
    with contextlib.suppress(OSError):
        target.chmod(path.stat().st_mode & 0o755 | 0o600)


def _below(here: Path, place: str, root: Path) -> Path:
    """A place of a record as a path below the root; a record may be anybody's.

    Raises:
        OSError: it leads anywhere else.
    """
    path = Path(os.path.normpath(here / place))
    if not path.is_relative_to(root):
        raise OSError(f"{place}: it leads out of the folder in which the command is run again.")
    return path


def kept_sources(sources: Sources, inputs: CommandInputs) -> Sources:
    """The texts that the record of a command keeps: those with their recorded digests, and no others."""
    recorded = {file.path: file.sha256 for file in inputs.files or []}
    modules = inputs.program.modules
    return Sources(
        modules={p: t for p, t in sources.modules.items() if code_digest(p, t.encode()) == modules.get(p)},
        files={p: t for p, t in sources.files.items() if sha256(t.encode()) == recorded.get(p)},
    )
