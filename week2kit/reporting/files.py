"""Whether the files of a run still agree with its own record. Nothing is unpickled, nothing written."""

from __future__ import annotations

from typing import Any, Final

from week2kit.canonical import JsonError, json_digest, parse_json
from week2kit.inputs.changes import Statement
from week2kit.record.files import is_no_file
from week2kit.record.manifest import Artifact, CompletedRun
from week2kit.record.pointers import pointer_beside, pointer_in
from week2kit.record.store import ARTIFACTS, OPTIONAL_ARTIFACTS, Run, artifact_digest
from week2kit.reporting.values import FileRow, FileState

_REQUIRED: Final = frozenset(ARTIFACTS) - OPTIONAL_ARTIFACTS


def examine(run: Run) -> tuple[tuple[FileRow, ...], tuple[Statement, ...]]:
    """The files that the manifest lists with their state, and everything that contradicts the record.

    A model or a learning curve that is not there contradicts nothing: models are often not committed. Neither does a
    file that was not fetched, or may not be read here.
    """
    rows: list[FileRow] = []
    against: list[Statement] = []
    for artifact in sorted(run.manifest.artifacts, key=lambda artifact: artifact.name):
        state, content = _state(run, artifact)
        rows.append(FileRow(artifact.path, artifact.sha256, state))
        if state not in ("agrees", "not read here") and not (
            state == "missing" and artifact.name in OPTIONAL_ARTIFACTS
        ):
            against.append(Statement(f"file.{state.replace(' ', '_')}", {"file": artifact.path}))
        elif artifact.name == "metrics" and isinstance(run.manifest, CompletedRun):
            against += _other_metrics(run.manifest, content)
    if isinstance(run.manifest, CompletedRun):
        listed = {artifact.name for artifact in run.manifest.artifacts}
        against += [Statement("file.not_listed", {"file": ARTIFACTS[name]}) for name in sorted(_REQUIRED - listed)]
    return tuple(rows), tuple(against)


def _state(run: Run, artifact: Artifact) -> tuple[FileState, Any]:
    """How the file stands to its record; and its content, where it is JSON that agrees."""
    if ARTIFACTS.get(artifact.name) != artifact.path:
        return "not recorded", None  # a name of no file of ours: it is not opened, wherever it points
    try:
        data = run.read(artifact.name)
        if pointer_in(data):
            return "not read here", None
        if artifact.path.endswith(".json"):
            content = parse_json(data)
            return ("agrees", content) if json_digest(content) == artifact.sha256 else ("differs", None)
        return ("agrees" if artifact_digest(artifact.name, data) == artifact.sha256 else "differs"), None
    except FileNotFoundError:
        return ("not read here" if pointer_beside(run.path / artifact.path) else "missing"), None
    except JsonError:
        return "differs", None
    except OSError as error:
        return ("unreadable" if is_no_file(error) else "not read here"), None


def _other_metrics(run: CompletedRun, content: object) -> list[Statement]:
    """The metrics of which metrics.json, whose digest is right, and the manifest hold different values."""
    stored = content if isinstance(content, dict) else {}
    return [
        Statement("metric.contradicted", {"metric": name, "manifest": metric.value, "file": stored.get(name)})
        for name, metric in sorted(run.outcome.metrics.items())
        if name not in stored or not _same_number(stored[name], metric.value)
    ]


def _same_number(stored: object, value: float | None) -> bool:
    if value is None:
        return stored is None
    return isinstance(stored, int | float) and not isinstance(stored, bool) and float(stored) == value
