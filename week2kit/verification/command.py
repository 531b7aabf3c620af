"""The record of a command held against its own files, before anything is run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from week2kit.canonical import parse_json, sha256
from week2kit.inputs.leaves import same_value
from week2kit.record.command import CommandInputs, CommandOutcome, CompletedCommand, FailedCommand, Sources
from week2kit.record.verdict import Check
from week2kit.training.outputs import Reported, from_json, predictions_in
from week2kit.verification.checks import OfCommand, Question, compare, failed, made, passed
from week2kit.verification.workspace import kept_sources


@dataclass(frozen=True)
class _Kept:
    """What a command's manifest says, and the files of the run folder that say the same."""

    inputs: CommandInputs
    outcome: CommandOutcome
    files: Mapping[str, bytes]

    @cached_property
    def texts(self) -> dict[str, Any] | None:
        """The texts of small outputs by path; None where outputs.json is not there, or holds something else."""
        value = parse_json(self.files["outputs"]) if "outputs" in self.files else None
        return value if isinstance(value, dict) else None


def check_command(manifest: CompletedCommand | FailedCommand, files: Mapping[str, bytes]) -> list[Check]:
    """The recorded metrics, predictions and digests follow from the copies of what the command read and wrote."""
    if isinstance(manifest, CompletedCommand):
        return made(KEPT, OfCommand(manifest), _Kept(manifest.inputs, manifest.outcome, files))
    check = _check_sources(manifest.inputs, files)
    return [] if check is None else [check]


def _check_sources(inputs: CommandInputs, files: Mapping[str, bytes]) -> Check | None:
    """Each text that is kept of what went in has the digest that is recorded for it."""
    if "sources" not in files:
        return None
    code, where = "record.sources", "sources.json"
    try:
        said = Sources.model_validate_json(files["sources"])
    except ValueError:
        return failed(code, code, where)
    kept = kept_sources(said, inputs)
    others = [*(said.modules.keys() - kept.modules.keys()), *(said.files.keys() - kept.files.keys())]
    return failed(code, code, where, now=sorted(others)) if others else passed(code)


def _check_metrics(kept: _Kept, code: str) -> Check | None:
    if "metrics" not in kept.files:
        return None
    recorded, now = kept.outcome.metrics, parse_json(kept.files["metrics"])
    return passed(code) if same_value(recorded, now) else failed(code, code, "metrics.json", recorded, now)


def _check_outputs(kept: _Kept, code: str) -> Check | None:
    """The texts are those of the files that say so, and have their digests."""
    if "outputs" not in kept.files:
        return None
    recorded = {file.path: file.sha256 for file in kept.outcome.files if file.kept}
    now = {path: sha256(text.encode()) if isinstance(text, str) else None for path, text in (kept.texts or {}).items()}
    return compare(code, "outputs.json", recorded, now)


def _check_source(kept: _Kept, code: str) -> Check | None:
    """The recorded numbers are those of the file that they are said to come from."""
    outcome, texts = kept.outcome, kept.texts or {}
    if outcome.metrics_from not in texts:
        return None
    now = from_json(texts[outcome.metrics_from].encode())
    recorded = Reported(outcome.metrics, outcome.times, tuple(outcome.undefined))
    same = now is not None and same_value(recorded._asdict(), now._asdict())
    return passed(code) if same else failed(code, code, outcome.metrics_from, outcome.metrics, now and now.metrics)


def _check_predictions(kept: _Kept, code: str) -> Check | None:
    recorded = kept.outcome.predictions
    if "predictions" not in kept.files:
        return None
    now = predictions_in("" if recorded is None else recorded.path, kept.files["predictions"])
    values = (None if one is None else [one.rows, one.digest, one.scores] for one in (recorded, now))
    return compare(code, "predictions.csv", *values)


def _where_listed(code: str, artifact: str) -> Callable[[OfCommand], list[str]]:
    """The code of a check on a file that the record lists."""
    return lambda of: [code] * any(listed.name == artifact for listed in of.manifest.artifacts)


def _source(of: OfCommand) -> list[str]:
    kept = {file.path for file in of.manifest.outcome.files if file.kept}
    return ["follows.source"] * (of.manifest.outcome.metrics_from in kept)


KEPT: Final[tuple[Question[_Kept], ...]] = (
    Question(_where_listed("record.sources", "sources"), lambda kept, code: _check_sources(kept.inputs, kept.files)),
    Question("record.metrics", _check_metrics),
    Question(_where_listed("record.outputs", "outputs"), _check_outputs),
    Question(_source, _check_source),
    Question(_where_listed("follows.predictions", "predictions"), _check_predictions),
)
