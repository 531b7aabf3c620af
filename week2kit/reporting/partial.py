"""A run that was made without week2kit, in a report: a run like any other, in which most is not recorded.

Only config and metrics are there, as somebody wrote them. Without predictions nothing is tested, and without digests
two runs are only comparable as far as their configs and the data file that is found today tell.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from week2kit.canonical import clean, json_digest
from week2kit.errors import ConfigError
from week2kit.inputs.changes import Statement
from week2kit.inputs.leaves import same_value
from week2kit.inputs.partial import Digests, data_digest, file_name
from week2kit.privacy import shown_path
from week2kit.record.artifacts import ARTIFACTS
from week2kit.record.store import Run
from week2kit.record.written_metrics import validation_names
from week2kit.reporting.rows import FileRow, Score
from week2kit.reporting.values import Finding, Proposal
from week2kit.scales import is_bounded

if TYPE_CHECKING:
    from week2kit.record.partial import PartialRun

#: What `verify` has to be told where a config does not name it.
_FLAGS: Mapping[str, str] = {"input_csv": "--data FILE", "label_col": "--target COLUMN"}


def written_scores(record: PartialRun) -> dict[str, Score]:
    """The scores that end at 1, which is all that names alone tell of, by their scorers; accuracy first."""
    found = {
        scorer: Score(value, None, None, None, 1, None, None, ())
        for name, scorer in validation_names(record.metrics).items()
        if is_bounded(scorer) and abs(value := record.metrics[name]) <= 1
    }
    return dict(sorted(found.items(), key=lambda item: (item[0] != "accuracy", item[0])))


def written_files(record: PartialRun) -> tuple[FileRow, ...]:
    """The files that say something; no record holds their digests."""
    digests = {"config": json_digest(record.as_written), "metrics": json_digest(record.numbers)}
    named = {ARTIFACTS[name]: digest for name, digest in digests.items()} | record.sources
    return tuple(FileRow(name, digest, "read") for name, digest in sorted(named.items()))


def written_facts(record: PartialRun) -> str:
    """What it says of how it was made, on one line."""
    facts = {"timestamp": record.timestamp, "git_hash": record.git[:12]} | record.counts
    told = [f"{name} {value}" for name, value in facts.items() if value != ""]
    return ", ".join([*told, *(f"{name} {record.versions[name]}" for name in sorted(record.versions, key=str.lower))])


def written_proofs(record: PartialRun) -> Iterator[tuple[str, float | None, str]]:
    """What besides metrics it says, and in which file."""
    if record.seconds is not None:
        yield "time of training (s)", record.seconds, ARTIFACTS["metrics"]
    if record.counts:
        yield "rows to train and to validate", None, ARTIFACTS["metrics"]
    for file in record.sources:
        yield "environment", None, file


def verify_flags(runs: Sequence[Run]) -> str:
    """The flags of `verify` for what the configs of runs do not name."""
    unnamed = {name for run in runs if run.partial is not None for name in run.partial.unnamed}
    return "".join(f" {flag}" for name, flag in _FLAGS.items() if name in unnamed)


# --- comparability ----------------------------------------------------------------------------------------------


def written_obstacles(first: Run, run: Run, digests: Digests) -> tuple[Statement, ...]:
    """Why two runs, of which one has no manifest, cannot be compared; empty where all that they show is the same."""
    if other := _other_rows(first, run):
        return other
    for side in (first, run):
        if side.partial is not None and side.partial.unnamed:
            return (Statement("written.unnamed", {"run": side.name, "keys": list(side.partial.unnamed)}),)
        if side.partial is not None and side.partial.config is None:
            return (Statement("written.config", {"run": side.name, "problem": clean(side.partial.problem)}),)
    left, right = data_digest(first, digests), data_digest(run, digests)
    if left is None or right is None:
        return (Statement("written.data_missing", {"run": (first if left is None else run).name}),)
    return (Statement("written.data_differs"),) if left != right else ()


def _other_rows(first: Run, run: Run) -> tuple[Statement, ...]:
    """Why two runs were not validated on the same rows of the same column, as far as their configs say it."""
    before, after = (side.manifest.inputs.config.resolved for side in (first, run))
    if before is None or after is None:
        return ()
    targets = [value["data"].get("target") for value in (before, after)]
    if None not in targets and targets[0] != targets[1]:
        return (Statement("target.differs", {"baseline": targets[0], "variant": targets[1]}),)
    keys = [key for key in ("method", "test_size") if not same_value(before["split"].get(key), after["split"].get(key))]
    if keys:
        return (Statement("split.config_differs", {"keys": [f"split.{key}" for key in keys]}),)
    seeds = [value["split"].get("random_state", value["seed"]) for value in (before, after)]
    if seeds[0] != seeds[1]:
        return (Statement("split.follows_seed", {"baseline": seeds[0], "variant": seeds[1]}),)
    return ()


def as_written(first: Run, run: Run) -> tuple[Statement, ...]:
    """That two runs without obstacles can be compared as far as they show, and under which names they hold the data."""
    names = [file_name(side.manifest.inputs.config.resolved or {}) for side in (first, run)]
    other = Statement("written.other_name", {"baseline": names[0], "variant": names[1]})
    return (Statement("written.comparable"), *([other] if names[0] != names[1] else []))


# --- what came out, and what to do ------------------------------------------------------------------------------


def written_difference(
    names: Mapping[str, Any], moved: Sequence[Statement], seconds: tuple[float | None, float | None]
) -> Finding:
    """What is said of two runs of which one holds no predictions: what came out, how long it took, what is not known.

    Args:
        names: how the two are called.
        moved: how their primary metric moved, or why it cannot be said.
        seconds: how long both trained, as they wrote it.
    """
    time = Statement("written.time", {**names, "before": seconds[0], "after": seconds[1]})
    return Finding("difference", (*moved, *([] if None in seconds else [time]), Statement("written.unknown")))


def train_with_record(runs: Sequence[Run], name: Callable[[Run], str]) -> Proposal:
    """Where no run has a manifest: train one of them with a record, or say what its config has to name for that."""
    trainable = next(filter(_is_trainable, runs), None)
    if trainable is None:
        return Proposal(Statement("next.not_recorded"), Statement("next.name_data", {"run": name(runs[0])}), None, ())
    command = shlex.join(["week2kit", "train", f"{shown_path(trainable.path)}/config.json"])
    values = {"run": name(trainable), "command": command}
    return Proposal(Statement("next.not_recorded"), Statement("next.full_record", values), None, ())


def _is_trainable(run: Run) -> bool:
    """Whether `train` takes the config as it stands: it is stricter than what is read here."""
    from week2kit.config.reading import parse_config

    assert run.partial is not None
    try:
        parse_config(run.partial.as_written)
    except ConfigError:
        return False
    return True
