"""Integrity: does a run folder agree with its own record, before anything is trained again?

Each check asks one question and is a value with a stable code. A failed one makes the run ``tampered``: edited, or
damaged in copying; which of the two it was, no file can tell.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from week2kit.canonical import JsonError, combined_digest, compact_json, parse_json
from week2kit.config.form import FileData, config_digest, parse_config, repeat_seeds
from week2kit.errors import ConfigError
from week2kit.inputs.causes import differing_leaves
from week2kit.record.code import code_digest, follows
from week2kit.record.earlier import changed_since
from week2kit.record.manifest import Artifact, Code, CompletedRun, FailedRun
from week2kit.record.places import reader_of
from week2kit.record.pointers import POINTER_BYTES, Pointer, pointer_beside, pointer_in
from week2kit.record.requirements import requirements_text
from week2kit.record.store import ARTIFACTS, OPTIONAL_ARTIFACTS, Run, artifact_digest, digest_regular, is_no_file
from week2kit.record.verdict import Check, Finding
from week2kit.thresholds import MAX_DATA_BYTES, RECOMPUTED_METRIC_TOLERANCE
from week2kit.verification.messages import FromPredictions

_REQUIRED: Final = ("config", "metrics", "model", "predictions", "requirements", "val_report")


def passed(code: str, finding: Finding | None = None) -> Check:
    """A check that passed, perhaps with a note."""
    return Check(code=code, outcome="passed", finding=finding)


def failed(code: str, finding: str, where: str = "", recorded: Any = None, now: Any = None) -> Check:
    """A check that failed: what was found there, as values."""
    return Check(code=code, outcome="failed", finding=Finding(code=finding, where=where, recorded=recorded, now=now))


def skipped(code: str, finding: str, where: str = "", recorded: Any = None, now: Any = None) -> Check:
    """A check that could not be made, and why."""
    return Check(code=code, outcome="skipped", finding=Finding(code=finding, where=where, recorded=recorded, now=now))


def compare(code: str, finding: str, where: str, recorded: Any, now: Any) -> Check:
    """Passed where two values are equal, else failed with both."""
    return passed(code) if recorded == now else failed(code, finding, where, recorded, now)


def planned_integrity(manifest: CompletedRun) -> list[str]:
    """The codes of the checks that this module puts to a run with this manifest, whatever its files hold."""
    listed = [artifact.name for artifact in manifest.artifacts if _is_known(artifact, manifest.artifacts)]
    record = ("config", "config_digest", "config_valid", "seed", "metric_names", "outcome", "data", "table", "code")
    derived = ("metrics", "requirements", "model", "folds", "repeats")
    scores = ("scores", "decision") if manifest.outcome.predictions.decision is not None else ("scores",)
    return [
        "record.artifacts",
        *(f"artifacts.{name}" for name in listed),
        *(f"record.{name}" for name in (*record, *derived)),
        *(["record.metric_rules"] if changed_since(manifest) else []),
        *(f"follows.{name}" for name in ("predictions", *scores, *manifest.outcome.metrics, "val_report")),
    ]


def compare_json(code: str, finding: str, where: str, recorded: Any, now: Any) -> Check:
    """As `compare`, for JSON values: to Python ``1``, ``1.0`` and ``True`` are equal, and they mean other things."""
    same = compact_json(recorded) == compact_json(now)
    return passed(code) if same else failed(code, finding, where, recorded, now)


# --- files ------------------------------------------------------------------------------------------------------


def _is_known(artifact: Artifact, listed: Sequence[Artifact]) -> bool:
    """Whether an entry of the list names a file that runs have, and is the only one that names it."""
    names = [other.name for other in listed]
    return ARTIFACTS.get(artifact.name) == artifact.path and names.count(artifact.name) == 1


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
    checks: list[Check] = []
    files: dict[str, bytes] = {}
    unread: list[Finding] = []
    manifest = run.manifest
    names = [artifact.name for artifact in manifest.artifacts]
    if isinstance(manifest, CompletedRun):
        curves = (
            ["curves"]
            if manifest.inputs.config.resolved and manifest.inputs.config.resolved.get("learning_curve")
            else []
        )
        checks.append(
            compare("record.artifacts", "record.artifacts", "artifacts", sorted([*_REQUIRED, *curves]), sorted(names))
        )
    for artifact in manifest.artifacts:
        code = f"artifacts.{artifact.name}"
        if not _is_known(artifact, manifest.artifacts):
            checks.append(failed("record.artifacts", "artifact.unknown", artifact.path, artifact.name, None))
            continue
        found = _look_at(run, artifact)
        if isinstance(found, bytes | str):
            digest = found if isinstance(found, str) else artifact_digest(artifact.name, found)
            checks.append(compare(code, "artifact.changed", artifact.path, artifact.sha256, digest))
        if isinstance(found, bytes):
            files[artifact.name] = found
        if isinstance(found, Finding):
            here = found.code not in _OF_THE_RUN
            optional = artifact.name in OPTIONAL_ARTIFACTS and (here or found.code == "artifact.missing")
            checks.append(Check(code=code, outcome="skipped" if here or optional else "failed", finding=found))
            unread += [found] if here and not optional else []
    return Contents(checks, files, unread)


#: What is found in place of a file that its run answers for; anything else is missing here.
_OF_THE_RUN: Final = frozenset({"artifact.missing", "artifact.unreadable", "artifact.no_json"})


def _look_at(run: Run, artifact: Artifact) -> bytes | str | Finding:
    """The content of an artifact, or its digest where no more is needed, or why there is none."""
    path = run.path / artifact.path
    try:
        if artifact.name == "model" and not path.is_symlink() and path.stat().st_size > POINTER_BYTES:
            return digest_regular(path, MAX_DATA_BYTES, follow=False)[1]
        content = run.read(artifact.name)
        if pointer := pointer_in(content):
            return _unfetched(artifact, pointer)
        artifact_digest(artifact.name, content)
    except OSError as error:
        if pointer := pointer_beside(path):
            return _unfetched(artifact, pointer)
        if isinstance(error, FileNotFoundError):
            return Finding(code="artifact.missing", where=artifact.path)
        here = "artifact.link" if error.errno == errno.ELOOP else "artifact.unread"
        code = "artifact.unreadable" if is_no_file(error) else here
        return Finding(code=code, where=artifact.path, now=error.strerror)
    except JsonError as error:
        return Finding(code="artifact.no_json", where=artifact.path, now=str(error))
    return content


def _unfetched(artifact: Artifact, pointer: Pointer) -> Finding:
    """That a pointer stands in place of an artifact, and whether it is one to the recorded content.

    The recorded digest of JSON is that of its values, and that of a text follows from other line ends, too.
    """
    told = {"tool": pointer.tool, "fetch": pointer.fetch}
    if artifact.name == "model" and pointer.sha256 not in (None, artifact.sha256):
        told["sha256"] = str(pointer.sha256)
    return Finding(code="artifact.unfetched", where=artifact.path, recorded=artifact.sha256, now=told)


# --- the record -------------------------------------------------------------------------------------------------


def check_record(run: Run, contents: Contents) -> list[Check]:
    """The manifest of a completed run agrees with itself and with its JSON and text files."""
    manifest = run.manifest
    assert isinstance(manifest, CompletedRun)
    checks = [*_check_config(manifest, contents.files), *_check_data(manifest), _check_code(manifest.inputs.code)]
    metrics = {name: metric.value for name, metric in manifest.outcome.metrics.items()}
    if "metrics" in contents.files:
        checks.append(
            compare_json(
                "record.metrics", "record.metrics", "metrics.json", metrics, parse_json(contents.files["metrics"])
            )
        )
    if "requirements" in contents.files:
        text = contents.files["requirements"].replace(b"\r\n", b"\n").decode("utf-8", "replace")
        expected = requirements_text(manifest.inputs.environment)
        checks.append(compare("record.requirements", "record.requirements", "requirements.txt", expected, text))
    model = run.artifact("model")
    if model is not None:
        checks.append(
            compare("record.model", "record.model", "model.joblib", manifest.outcome.model.digest, model.sha256)
        )
    checks += [_check_folds(manifest), _check_repeats(manifest)]
    if changed := changed_since(manifest):
        checks.append(passed("record.metric_rules", Finding(code="record.metric_rules", recorded=changed)))
    return checks


def _check_config(manifest: CompletedRun, files: dict[str, bytes]) -> Iterable[Check]:
    config = manifest.inputs.config
    if config.resolved is None or config.raw is not None:  # raw is kept only of a config that never became valid
        yield failed("record.config", "record.no_config", "manifest.json")
        return
    if "config" in files:
        now = parse_json(files["config"])
        if compact_json(config.resolved) == compact_json(now):
            yield passed("record.config")
        else:
            yield failed("record.config", "record.config", "config.json", *differing_leaves(config.resolved, now))
    yield compare(
        "record.config_digest", "record.config_digest", "manifest.json", config.digest, config_digest(config.resolved)
    )
    try:
        parsed = parse_config(config.resolved)
    except ConfigError as error:
        yield failed("record.config_valid", "record.config_invalid", "config.json", None, str(error))
        return
    yield passed("record.config_valid")
    yield compare("record.seed", "record.seed", "manifest.json", manifest.inputs.seed.value, parsed.seed)
    yield compare(
        "record.metric_names",
        "record.metric_names",
        "manifest.json",
        sorted(parsed.metrics or []),
        sorted(manifest.outcome.metrics),
    )
    outcome = manifest.outcome
    said = [parsed.task, parsed.model.class_, parsed.split.method, _typed(parsed.positive)]
    found = [outcome.task, outcome.model.class_, outcome.split.method, _typed(outcome.positive)]
    yield compare("record.outcome", "record.outcome", "manifest.json", said, found)
    path = parsed.data.path if isinstance(parsed.data, FileData) else parsed.data.dataset
    source = "file" if isinstance(parsed.data, FileData) else "dataset"
    yield compare(
        "record.data",
        "record.data",
        "manifest.json",
        [source, path, reader_of(path) if source == "file" else "sklearn"],
        [manifest.inputs.data.source, manifest.inputs.data.path, manifest.inputs.data.reader],
    )


def _typed(label: Any) -> str | None:
    return None if label is None else repr(label)


def _check_data(manifest: CompletedRun) -> Iterable[Check]:
    data = manifest.inputs.data
    yield compare(
        "record.table",
        "record.table",
        "manifest.json",
        data.table_digest,
        combined_digest(c.digest for c in data.columns),
    )


def _check_code(code: Code) -> Check:
    if code.modules is None or follows(code.digest, code.modules):  # null: a record that knew the whole only
        return passed("record.code")
    return failed("record.code", "record.code", "manifest.json", code.digest, code_digest(code.modules))


def _check_folds(manifest: CompletedRun) -> Check:
    """Means and deviations follow from the folds, and there are as many folds as the split has."""
    outcome = manifest.outcome
    several = len(outcome.split.folds) if len(outcome.split.folds) > 1 else 0
    for name, metric in outcome.metrics.items():
        if len(metric.folds) != several:
            return failed("record.folds", "record.folds", name, several, len(metric.folds))
        if several and (expected := _summary(metric.folds)) != [metric.value, metric.std]:
            return failed("record.folds", "record.fold_mean", name, expected, [metric.value, metric.std])
    rows = sum(fold.n_val for fold in outcome.split.folds)
    return compare("record.folds", "record.fold_rows", "predictions", rows, outcome.predictions.rows)


def _check_repeats(manifest: CompletedRun) -> Check:
    """Every metric was repeated with the seeds that the config asks for, over as many folds as the split has."""
    wanted = (manifest.inputs.config.resolved or {}).get("repeats", 0)
    several = len(manifest.outcome.split.folds) if len(manifest.outcome.split.folds) > 1 else 0
    for name, metric in manifest.outcome.metrics.items():
        if len(metric.repeats) != wanted:
            return failed("record.repeats", "record.repeats", name, wanted, len(metric.repeats))
        seeds = repeat_seeds(manifest.inputs.seed.value, len(metric.repeats))
        if (found := [repeat.seed for repeat in metric.repeats]) != seeds:
            return failed("record.repeats", "record.repeat_seeds", name, seeds, found)
        for repeat in metric.repeats:
            if len(repeat.folds) != several:
                return failed("record.repeats", "record.repeat_folds", name, several, len(repeat.folds))
            if several and (mean := _summary(repeat.folds)[0]) != repeat.value:
                return failed("record.repeats", "record.repeat_mean", name, mean, repeat.value)
    return passed("record.repeats")


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


def check_failed_record(run: Run) -> list[Check]:
    """What little a failed run's record says twice agrees."""
    manifest = run.manifest
    assert isinstance(manifest, FailedRun)
    resolved = manifest.inputs.config.resolved
    if resolved is None or manifest.inputs.config.digest is None:
        return []
    return [
        compare(
            "record.config_digest",
            "record.config_digest",
            "manifest.json",
            manifest.inputs.config.digest,
            config_digest(resolved),
        )
    ]


# --- predictions ------------------------------------------------------------------------------------------------


def check_predictions(
    manifest: CompletedRun, contents: Contents, read: Callable[[bytes], FromPredictions]
) -> list[Check]:
    """The recorded digests and metrics and val_report.txt follow from predictions.csv alone."""
    content = contents.files.get("predictions")
    if content is None:
        return [skipped("follows.predictions", "predictions.absent", "predictions.csv")]
    found = read(content)
    if found.problem is not None:
        return [failed("follows.predictions", "predictions.unreadable", "predictions.csv", None, found.problem)]
    recorded = manifest.outcome.predictions
    checks = [
        compare("follows.predictions", "follows.predictions", "predictions.csv", recorded.digest, found.digest),
        compare("follows.scores", "follows.scores", "predictions.csv", recorded.scores, found.scores),
    ]
    if recorded.decision is not None or found.decision is not None:
        decisions = recorded.decision, found.decision
        checks.append(compare("follows.decision", "follows.scores", "predictions.csv", *decisions))
    for name, metric in manifest.outcome.metrics.items():
        now = found.metrics[name]
        near = _equal if now.exact else _near
        agree = near(metric.value, now.value) and len(metric.folds) == len(now.folds)
        agree = agree and all(map(near, metric.folds, now.folds))
        code = f"follows.{name}"
        checks.append(passed(code) if agree else failed(code, "follows.metric", name, metric.value, now.value))
    if "val_report" in contents.files:
        text = contents.files["val_report"].replace(b"\r\n", b"\n").decode("utf-8", "replace")
        expected = found.report.encode("utf-8", "replace").decode("utf-8", "replace")
        checks.append(compare("follows.val_report", "follows.val_report", "val_report.txt", expected, text))
    return checks


def _equal(recorded: float | None, now: float | None) -> bool:
    return recorded == now


def _near(recorded: float | None, now: float | None) -> bool:
    if recorded is None or now is None:
        return recorded is now
    return abs(recorded - now) <= RECOMPUTED_METRIC_TOLERANCE * max(1.0, abs(recorded))
