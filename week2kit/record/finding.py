"""The runs that a list of paths leads to, in one order."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from week2kit.canonical import clean
from week2kit.errors import UnreadableRun
from week2kit.record.files import is_folder
from week2kit.record.store import (
    ARTIFACTS,
    MANIFEST_NAME,
    Run,
    is_partial,
    is_run_folder,
    no_manifest_in,
    no_run_in,
    open_any,
)
from week2kit.thresholds import LARGE_MANIFESTS_BYTES, MAX_MANIFEST_BYTES, SMALL_MANIFEST_BYTES


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
            into.append(open_any(path))
            large += size
        except UnreadableRun as error:
            unreadable.append((path, str(error)))

    for path in map(Path, paths):
        is_run = not is_folder(path) or is_run_folder(path)
        if is_run:
            add(path, runs)
        if is_run and not is_partial(path):
            continue
        inside: list[Run] = []
        try:
            children = sorted(child for child in path.iterdir() if is_folder(child) and not child.name.startswith("."))
        except OSError as error:
            unreadable.append((path, f"{clean(os.fspath(path))}: cannot be listed: {error.strerror}."))
            continue
        found = [child for child in children if is_run_folder(child)]
        for child in found:
            add(child, inside)
        if not found and not is_run:
            remains = any(os.path.lexists(path / file) for file in ARTIFACTS.values())  # of a run that lost some
            unreadable.append((path, no_manifest_in(path) if remains else no_run_in(path)))
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


def _in_folder_order(run: Run) -> tuple[bool, str, str]:
    return run.partial is not None, *in_time(run)


def in_time(run: Run) -> tuple[str, str]:
    """By when a run began, then by its name; one that recorded whole seconds stands first in its second."""
    return run.manifest.created_at.removesuffix("Z"), run.manifest.run_id


def began_after(run: Run, other: Run) -> bool:
    """Whether a run surely began after another one: records of whole seconds know no order within a second."""
    times = in_time(run)[0], in_time(other)[0]
    digits = min(map(len, times))
    return times[0][:digits] > times[1][:digits]
