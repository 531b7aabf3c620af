"""What differs between two runs, either of which may have no manifest: as far as their files say it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from week2kit.inputs.changes import Change, compare_inputs
from week2kit.inputs.leaves import ABSENT, same_value
from week2kit.record.command import RecordedCommand
from week2kit.record.requirements import same_version
from week2kit.record.store import Run

if TYPE_CHECKING:
    from week2kit.record.partial import PartialRun


#: The digests of data files as they are found today, by run folder: each costs a look at a whole file.
Digests: TypeAlias = dict[Path, str | None]


def compare_runs(first: Run, run: Run, digests: Digests) -> list[Change]:
    """The differences of two runs: of the five inputs, and with a run made without week2kit, of what it writes down.

    A flat config is not resolved on its data: what only one side writes out (steps, a random_state) is not compared.
    Nor is code, which such a run does not record; of the environment, the versions that both name. Of the data, the
    files that are found today are compared, and their names where one is not found. Where one of two such configs
    cannot be trained, its keys are compared one by one, as they stand there.

    Digests that are asked for here are added to `digests`.
    """
    commands = any(isinstance(one.manifest, RecordedCommand) for one in (first, run))
    if commands or (first.partial is None and run.partial is None):
        return compare_inputs(first.manifest, run.manifest)
    before, after = first.manifest.inputs.config.resolved, run.manifest.inputs.config.resolved
    if before is None or after is None:
        return _as_they_stand(first.partial, run.partial)
    changes = [
        change
        for change in compare_inputs(first.manifest, run.manifest)
        if ABSENT not in (change.baseline, change.variant) and change.key != "preprocess"
    ]
    data = _other_file(file_name(before), file_name(after), data_digest(first, digests), data_digest(run, digests))
    return [*data, *changes, *_other_versions(first.partial, run.partial)]


def _as_they_stand(first: PartialRun | None, run: PartialRun | None) -> list[Change]:
    if first is None or run is None:
        return []
    from week2kit.config.form import FLAT_ALIASES

    left, right = ({FLAT_ALIASES.get(key, key): item for key, item in one.as_written.items()} for one in (first, run))
    changes = [Change("config", key, left.get(key, ABSENT), right.get(key, ABSENT)) for key in sorted({*left, *right})]
    return [change for change in changes if not same_value(change.baseline, change.variant)]


def _other_file(name: Any, other: Any, left: str | None, right: str | None) -> list[Change]:
    """The data files, by their digests, and by their names where one is not found, or where these differ, too."""
    if ABSENT not in (name, other) and name != other and (left != right or left is None):
        return [Change("data", "path", name, other)]
    return [Change("data", "sha256", left, right)] if None not in (left, right) and left != right else []


def _other_versions(first: PartialRun | None, run: PartialRun | None) -> list[Change]:
    """The versions that both folders name, and that differ; ``3.11`` is any 3.11."""
    before, after = ({} if one is None else one.versions for one in (first, run))
    return [
        Change("environment", name if name == "python" else f"library.{name}", before[name], after[name])
        for name in sorted(before.keys() & after.keys())
        if not same_version(before[name], after[name]) and not same_version(after[name], before[name])
    ]


def data_digest(run: Run, known: Digests) -> str | None:
    """The digest of a run's data: as recorded, or of the file that is found today where nothing is recorded."""
    if run.partial is None:
        data = run.manifest.inputs.data
        return None if data is None else data.sha256
    if run.path not in known:
        from week2kit.record.places import digest_today

        known[run.path] = digest_today(run)
    return known[run.path]


def file_name(config: Mapping[str, Any]) -> Any:
    """The file, or the data set, that a config names; of a path the last part."""
    data = config.get("data")
    name = (data.get("path") or data.get("dataset")) if isinstance(data, Mapping) else None
    return name.replace("\\", "/").rpartition("/")[2] if isinstance(name, str) else ABSENT
