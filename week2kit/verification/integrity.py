"""Integrity: does a run folder agree with its own record, before anything is trained again?

A failed check makes the run ``tampered``: edited, or damaged in copying; which of the two it was, no file can tell.
What is asked, and in which order, stands in `FILES`, `RECORD` and `PREDICTIONS`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from week2kit.canonical import combined_digest, parse_json
from week2kit.config.form import Config, FileData, ValidationFile, config_digest
from week2kit.config.overriding import repeat_seeds
from week2kit.config.reading import parse_config
from week2kit.errors import ConfigError
from week2kit.inputs.causes import differing_leaves
from week2kit.inputs.leaves import same_value
from week2kit.record.agreement import Examined, examine, known_artifacts, required_artifacts
from week2kit.record.code import code_digest, follows
from week2kit.record.command import CompletedCommand
from week2kit.record.earlier import changed_since
from week2kit.record.manifest import CompletedRun, FailedRun
from week2kit.record.places import reader_of
from week2kit.record.requirements import requirements_text
from week2kit.record.store import Manifest, Run
from week2kit.record.verdict import Check, Finding
from week2kit.verification.checks import (
    Expected,
    OfCommand,
    Question,
    compare,
    failed,
    made,
    passed,
    skipped,
)
from week2kit.verification.layers import nearly_same
from week2kit.verification.messages import FromPredictions

_MANIFEST: Final = "manifest.json"


# --- files ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contents:
    """The files of a run that could be read.

    Attributes:
        files: the content of each, but of the model, which only its digest is needed of.
        unread: why files that a verdict needs could not be read here, which says nothing about the run.
    """

    checks: list[Check]
    files: dict[str, bytes]
    unread: list[Finding]


def check_files(run: Run) -> Contents:
    """Every listed artifact is there, is a regular file, and has its recorded content.

    One that was not fetched, may not be read, or is a link could not be looked at: that condemns nobody.
    """
    manifest, found = run.manifest, examine(run)
    files = _Files(manifest, found)
    if isinstance(manifest, CompletedRun):
        checks = made(FILES, Expected(manifest), files)
    elif isinstance(manifest, CompletedCommand):
        checks = made(FILES, OfCommand(manifest), files)
    else:  # it lists whatever it came to
        checks = [*_unknown(files), *(_check_artifact(files, code) for code in _listed(manifest))]
    return Contents(
        checks,
        {one.artifact.name: one.content for one in found if one.content is not None},
        [one.finding for one in found if one.finding is not None and not one.disagrees and not one.may_lack],
    )


@dataclass(frozen=True)
class _Files:
    """A record, and how each file that it lists stands to it."""

    manifest: Manifest
    found: list[Examined]


def _listed(manifest: Manifest) -> list[str]:
    return [f"artifacts.{artifact.name}" for artifact in known_artifacts(manifest.artifacts)]


def _unknown(files: _Files) -> list[Check]:
    found = [one.finding for one in files.found if one.finding is not None]
    return [Check(code="record.artifacts", outcome="failed", finding=f) for f in found if f.code == "artifact.unknown"]


def _check_list(files: _Files, code: str) -> list[Check]:
    names = {artifact.name for artifact in files.manifest.artifacts}
    may_be = {"sources"} & names if isinstance(files.manifest, CompletedCommand) else set()
    required = sorted({*required_artifacts(files.manifest), *may_be})
    return [compare(code, "artifacts", required, sorted(names)), *_unknown(files)]


def _check_artifact(files: _Files, code: str) -> Check:
    one = next(one for one in files.found if f"artifacts.{one.artifact.name}" == code)
    if one.finding is None:
        return passed(code)
    return Check(code=code, outcome="failed" if one.disagrees else "skipped", finding=one.finding)


FILES: Final[tuple[Question[_Files], ...]] = (
    Question("record.artifacts", _check_list),
    Question(lambda of: _listed(of.manifest), _check_artifact),
)


# --- the record -------------------------------------------------------------------------------------------------


def check_record(run: Run, contents: Contents) -> list[Check]:
    """The manifest of a completed run agrees with itself and with its JSON and text files."""
    assert isinstance(run.manifest, CompletedRun)
    return made(RECORD, Expected(run.manifest), _Record(run.manifest, contents.files))


@dataclass(frozen=True)
class _Record:
    """What a manifest says, and the files that say the same."""

    manifest: CompletedRun
    files: Mapping[str, bytes]

    @cached_property
    def resolved(self) -> dict[str, Any] | None:
        """The config; raw text is kept only of one that never became valid."""
        config = self.manifest.inputs.config
        return config.resolved if config.raw is None else None

    @cached_property
    def config(self) -> Config | ConfigError | None:
        """The config as `train` understands it, or why it does not."""
        if self.resolved is None:
            return None
        try:
            return parse_config(self.resolved)
        except ConfigError as error:
            return error

    def text(self, name: str) -> str | None:
        """A text file; on Windows git writes other line ends."""
        return self.files[name].replace(b"\r\n", b"\n").decode("utf-8", "replace") if name in self.files else None


def _check_config(record: _Record, code: str) -> Check | None:
    if record.resolved is None:
        return failed(code, "record.no_config", _MANIFEST)
    if "config" not in record.files:
        return None
    now = parse_json(record.files["config"])
    if same_value(record.resolved, now):
        return passed(code)
    return failed(code, "record.config", "config.json", *differing_leaves(record.resolved, now))


def _check_config_digest(record: _Record, code: str) -> Check | None:
    recorded = record.manifest.inputs.config.digest
    return None if record.resolved is None else compare(code, _MANIFEST, recorded, config_digest(record.resolved))


def _check_config_valid(record: _Record, code: str) -> Check | None:
    if isinstance(record.config, ConfigError):
        return failed(code, "record.config_invalid", "config.json", None, str(record.config))
    return passed(code) if record.config else None


def _with_config(values: Callable[[CompletedRun, Config], tuple[Any, Any]]) -> Callable[[_Record, str], Check | None]:
    """The check that two values are equal, one of the record and one of its config, where that is valid."""

    def ask(record: _Record, code: str) -> Check | None:
        if not isinstance(record.config, Config):
            return None
        return compare(code, _MANIFEST, *values(record.manifest, record.config))

    return ask


def _outcomes(manifest: CompletedRun, config: Config) -> tuple[Any, Any]:
    outcome = manifest.outcome
    said = [config.task, config.model.class_, config.split.method, _typed(config.positive)]
    return said, [outcome.task, outcome.model.class_, outcome.split.method, _typed(outcome.positive)]


def _typed(label: Any) -> str | None:
    return None if label is None else repr(label)


def _data(manifest: CompletedRun, config: Config) -> tuple[Any, Any]:
    data = manifest.inputs.data
    if isinstance(config.data, FileData):
        said = ["file", config.data.path, reader_of(config.data.path)]
    else:
        said = ["dataset", config.data.dataset, "sklearn"]
    if isinstance(config.split, ValidationFile):
        said += [config.split.validation_path, reader_of(config.split.validation_path)]
    second = [] if data.validation is None else [data.validation.path, data.validation.reader]
    return said, [data.source, data.path, data.reader, *second]


def _check_table(record: _Record, code: str) -> Check:
    data = record.manifest.inputs.data
    return compare(code, _MANIFEST, data.table_digest, combined_digest(c.digest for c in data.columns))


def _check_code(record: _Record, code: str) -> Check:
    recorded = record.manifest.inputs.code
    if recorded.modules is None or follows(recorded.digest, recorded.modules):  # null: it knew the whole only
        return passed(code)
    return failed(code, "record.code", _MANIFEST, recorded.digest, code_digest(recorded.modules))


def _check_metrics(record: _Record, code: str) -> Check | None:
    if "metrics" not in record.files:
        return None
    metrics = {name: metric.value for name, metric in record.manifest.outcome.metrics.items()}
    now = parse_json(record.files["metrics"])  # to Python 1, 1.0 and True are equal, and in JSON they mean other things
    return passed(code) if same_value(metrics, now) else failed(code, code, "metrics.json", metrics, now)


def _check_requirements(record: _Record, code: str) -> Check | None:
    text = record.text("requirements")
    expected = requirements_text(record.manifest.inputs.environment)
    return None if text is None else compare(code, "requirements.txt", expected, text)


def _check_model(record: _Record, code: str) -> Check | None:
    listed = next((artifact for artifact in record.manifest.artifacts if artifact.name == "model"), None)
    recorded = record.manifest.outcome.model.digest
    return None if listed is None else compare(code, "model.joblib", recorded, listed.sha256)


def _check_folds(record: _Record, code: str) -> Check:
    """Means and deviations follow from the folds, and there are as many folds as the split has."""
    outcome = record.manifest.outcome
    several = len(outcome.split.folds) if len(outcome.split.folds) > 1 else 0
    for name, metric in outcome.metrics.items():
        if len(metric.folds) != several:
            return failed(code, "record.folds", name, several, len(metric.folds))
        if several and (expected := _summary(metric.folds)) != [metric.value, metric.std]:
            return failed(code, "record.fold_mean", name, expected, [metric.value, metric.std])
    rows = sum(fold.n_val for fold in outcome.split.folds)
    return compare(code, "predictions", rows, outcome.predictions.rows, finding="record.fold_rows")


def _check_repeats(record: _Record, code: str) -> Check:
    """Every metric was repeated with the seeds that the config asks for, over as many folds as the split has."""
    manifest = record.manifest
    wanted = (manifest.inputs.config.resolved or {}).get("repeats", 0)
    several = len(manifest.outcome.split.folds) if len(manifest.outcome.split.folds) > 1 else 0
    for name, metric in manifest.outcome.metrics.items():
        if len(metric.repeats) != wanted:
            return failed(code, "record.repeats", name, wanted, len(metric.repeats))
        seeds = repeat_seeds(manifest.inputs.seed.value, len(metric.repeats))
        if (found := [repeat.seed for repeat in metric.repeats]) != seeds:
            return failed(code, "record.repeat_seeds", name, seeds, found)
        for repeat in metric.repeats:
            if len(repeat.folds) != several:
                return failed(code, "record.repeat_folds", name, several, len(repeat.folds))
            if several and (mean := _summary(repeat.folds)[0]) != repeat.value:
                return failed(code, "record.repeat_mean", name, mean, repeat.value)
    return passed(code)


def _summary(folds: Sequence[float | None]) -> list[float | str | None]:
    # the same arithmetic as week2kit.loop.metrics, which imports scikit-learn
    defined = [value for value in folds if value is not None]
    if not defined:
        return [None, None]
    try:
        center = math.fsum(defined) / len(defined)
        spread = math.fsum((value - center) ** 2 for value in defined) / len(defined)
    except OverflowError:  # recorded numbers may be as large as numbers get; no run has such metrics
        return ["too large", "too large"]
    return [center, math.sqrt(spread)]


def _note_rules(record: _Record, code: str) -> Check:
    return passed(code, Finding(code="record.metric_rules", recorded=changed_since(record.manifest)))


RECORD: Final[tuple[Question[_Record], ...]] = (
    Question("record.config", _check_config),
    Question("record.config_digest", _check_config_digest),
    Question("record.config_valid", _check_config_valid),
    Question("record.seed", _with_config(lambda run, config: (run.inputs.seed.value, config.seed))),
    Question(
        "record.metric_names",
        _with_config(lambda run, config: (sorted(config.metrics or []), sorted(run.outcome.metrics))),
    ),
    Question("record.outcome", _with_config(_outcomes)),
    Question("record.data", _with_config(_data)),
    Question("record.table", _check_table),
    Question("record.code", _check_code),
    Question("record.metrics", _check_metrics),
    Question("record.requirements", _check_requirements),
    Question("record.model", _check_model),
    Question("record.folds", _check_folds),
    Question("record.repeats", _check_repeats),
    Question(lambda of: ["record.metric_rules"] if changed_since(of.manifest) else [], _note_rules),
)


def check_failed_record(run: Run) -> list[Check]:
    """What little a failed run's record says twice agrees."""
    assert isinstance(run.manifest, FailedRun)
    config = run.manifest.inputs.config
    if config.resolved is None or config.digest is None:
        return []
    return [compare("record.config_digest", _MANIFEST, config.digest, config_digest(config.resolved))]


# --- predictions ------------------------------------------------------------------------------------------------


def check_predictions(
    manifest: CompletedRun, contents: Contents, read: Callable[[bytes], FromPredictions]
) -> list[Check]:
    """The recorded digests and metrics and val_report.txt follow from predictions.csv alone."""
    content = contents.files.get("predictions")
    if content is None:
        return [skipped("follows.predictions", "predictions.absent", "predictions.csv")]
    record, found = _Record(manifest, contents.files), read(content)
    if found.problem is not None:
        return [failed("follows.predictions", "predictions.unreadable", "predictions.csv", None, found.problem)]
    return made(PREDICTIONS, Expected(manifest), (record, found))


def _check_scores(sides: tuple[_Record, FromPredictions], code: str) -> list[Check]:
    recorded, now = sides[0].manifest.outcome.predictions, sides[1]
    checks = [compare(code, "predictions.csv", recorded.scores, now.scores)]
    if recorded.decision is None and now.decision is not None:  # no record foretells it
        checks.append(failed("follows.decision", code, "predictions.csv", None, now.decision))
    return checks


def _check_decision(sides: tuple[_Record, FromPredictions], code: str) -> Check:
    recorded, now = sides[0].manifest.outcome.predictions, sides[1]
    return compare(code, "predictions.csv", recorded.decision, now.decision, finding="follows.scores")


def _check_metric(sides: tuple[_Record, FromPredictions], code: str) -> Check:
    name = code.partition(".")[2]
    recorded, now = sides[0].manifest.outcome.metrics[name], sides[1].metrics[name]
    near = operator.eq if now.exact else nearly_same
    agree = near(recorded.value, now.value) and len(recorded.folds) == len(now.folds)
    agree = agree and all(map(near, recorded.folds, now.folds))
    return passed(code) if agree else failed(code, "follows.metric", name, recorded.value, now.value)


def _check_report(sides: tuple[_Record, FromPredictions], code: str) -> Check | None:
    text = sides[0].text("val_report")
    expected = sides[1].report.encode("utf-8", "replace").decode("utf-8", "replace")
    return None if text is None else compare(code, "val_report.txt", expected, text)


PREDICTIONS: Final[tuple[Question[tuple[_Record, FromPredictions]], ...]] = (
    Question(
        "follows.predictions",
        lambda sides, code: compare(
            code, "predictions.csv", sides[0].manifest.outcome.predictions.digest, sides[1].digest
        ),
    ),
    Question("follows.scores", _check_scores),
    Question(
        lambda of: ["follows.decision"] if of.manifest.outcome.predictions.decision is not None else [], _check_decision
    ),
    Question(lambda of: [f"follows.{name}" for name in of.manifest.outcome.metrics], _check_metric),
    Question("follows.val_report", _check_report),
)
