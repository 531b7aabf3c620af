"""The files of a run as the report tells of them: whether each still agrees with the run's own record."""

from __future__ import annotations

from typing import Final

from week2kit.canonical import parse_json
from week2kit.inputs.changes import Statement
from week2kit.inputs.leaves import differences
from week2kit.record.agreement import Examined, examine, required_artifacts
from week2kit.record.artifacts import ARTIFACTS
from week2kit.record.command import CompletedCommand
from week2kit.record.manifest import CompletedRun
from week2kit.record.store import Manifest, Run
from week2kit.reporting.rows import FileRow, FileState

#: What `verify` finds of a file, as the report calls it; any other finding is about this place, not about the run.
_STATES: Final[dict[str, FileState]] = {
    "artifact.changed": "differs",
    "artifact.missing": "missing",
    "artifact.no_json": "differs",
    "artifact.unknown": "not recorded",
    "artifact.unreadable": "unreadable",
}


def file_rows(run: Run) -> tuple[tuple[FileRow, ...], tuple[Statement, ...]]:
    """The files that the manifest lists with their state, and everything that contradicts the record.

    A model or a learning curve that is not there contradicts nothing: models are often not committed. Neither does a
    file that was not fetched, or may not be read here.
    """
    rows: list[FileRow] = []
    against: list[Statement] = []
    for one in sorted(examine(run), key=lambda one: one.artifact.name):
        state: FileState = "agrees" if one.finding is None else _STATES.get(one.finding.code, "not read here")
        rows.append(FileRow(one.artifact.path, one.artifact.sha256, state))
        if one.disagrees:
            against.append(Statement(f"file.{state.replace(' ', '_')}", {"file": one.artifact.path}))
        elif one.artifact.name == "metrics":
            against += _other_metrics(run.manifest, one)
    if isinstance(run.manifest, CompletedRun | CompletedCommand):
        listed = {artifact.name for artifact in run.manifest.artifacts}
        left_out = sorted(set(required_artifacts(run.manifest)) - listed)
        against += [Statement("file.not_listed", {"file": ARTIFACTS[name]}) for name in left_out]
    return tuple(rows), tuple(against)


def _other_metrics(run: Manifest, file: Examined) -> list[Statement]:
    """The metrics of which metrics.json, whose digest is right, and the manifest hold different values."""
    recorded: dict[str, float | None]
    if isinstance(run, CompletedRun):
        recorded = {name: metric.value for name, metric in run.outcome.metrics.items()}
    elif isinstance(run, CompletedCommand):
        recorded = {**run.outcome.metrics}
    else:
        return []
    if file.content is None:
        return []
    return [
        Statement("metric.contradicted", {"metric": name or "metrics", "manifest": value, "file": stored})
        for name, value, stored in sorted(differences(recorded, parse_json(file.content)), key=lambda found: found[0])
    ]
