"""Runs that were made without week2kit, in a report: their metrics, what changed among them, and what nothing shows.

Only config and metrics are recorded. Without predictions nothing is tested, and without digests two of them are only
comparable as far as their configs and the data file that is found today tell.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from week2kit.canonical import clean, json_digest
from week2kit.config.form import FileData
from week2kit.config.reading import parse_config
from week2kit.errors import ConfigError
from week2kit.inputs.changes import Statement, changed_things
from week2kit.inputs.leaves import same_value
from week2kit.inputs.partial import compare_partial
from week2kit.privacy import shown_path
from week2kit.record.partial import PartialRun
from week2kit.record.store import Run
from week2kit.record.written_metrics import scorer_name, validation_names
from week2kit.reporting.runs import distinct_names
from week2kit.reporting.values import EvidenceRow, Proposal, Thin, ThinRow, ThinScore
from week2kit.scales import is_bounded
from week2kit.thresholds import COMMAND_RUNS, OVERVIEW_RUNS

#: The digests of data files as they are found today, by run folder.
_Digests: TypeAlias = dict[Path, str | None]


def thin_runs(runs: Sequence[Run]) -> Thin:
    """The runs that were made without week2kit, one or more, each against the first."""
    shown = runs[:OVERVIEW_RUNS]
    digests: _Digests = {}
    names = distinct_names(shown)
    rows = tuple(_row(shown[0], run, names[run.path], digests) for run in shown)
    verify = _verify(rows, [_record(run) for run in shown])
    return Thin(rows=rows, left_out=len(runs) - len(shown), summary=_summary(rows), verify_command=verify)


def _record(run: Run) -> PartialRun:
    assert run.partial is not None
    return run.partial


def _verify(rows: Sequence[ThinRow], records: Sequence[PartialRun]) -> str:
    """The command that trains them again, with the flags for what their configs do not name."""
    unnamed = {name for record in records for name in record.unnamed}
    flags = {"input_csv": "--data FILE", "label_col": "--target COLUMN"}
    runs = shlex.join([row.path for row in rows]) if len(rows) <= COMMAND_RUNS else "RUN..."
    return " ".join(["week2kit verify", runs, *(flag for name, flag in flags.items() if name in unnamed)])


def _row(first: Run, run: Run, name: str, digests: _Digests) -> ThinRow:
    baseline, record = _record(first), _record(run)
    changes = tuple(compare_partial(first, run, digests))
    against = () if run is first else _obstacles(first, run, digests)
    timed = run is not first and record.seconds is not None and baseline.seconds is not None
    return ThinRow(
        name=name,
        path=shown_path(run.path),
        scores=_scores(baseline, record, comparable=is_comparable(against)),
        changes=changes,
        comparable=against,
        metrics_sha256=json_digest(record.numbers),
        things=tuple(changed_things(changes)),
        n_train=record.counts.get("n_train"),
        n_val=record.counts.get("n_val"),
        seconds=record.seconds,
        seconds_difference=record.seconds - baseline.seconds if timed else None,  # type: ignore[operator]
        timestamp=record.timestamp,
        git=record.git,
        versions=record.versions,
    )


def is_comparable(against: Sequence[Statement]) -> bool:
    """Whether the statements about a run say that it can be compared with the first one."""
    return bool(against) and against[0].code == "thin.comparable"


def _scores(baseline: PartialRun, record: PartialRun, *, comparable: bool) -> tuple[ThinScore, ...]:
    """The scores that end at 1, which is all that names alone tell of; with the difference where there can be one."""
    others = {scorer: baseline.metrics[name] for name, scorer in validation_names(baseline.metrics).items()}
    found = [
        ThinScore(name, value, value - others[scorer] if comparable and scorer in others else None)
        for name, scorer in sorted(validation_names(record.metrics).items(), key=lambda item: item[1])
        if is_bounded(scorer) and abs(value := record.metrics[name]) <= 1
    ]
    return tuple(sorted(found, key=lambda score: scorer_name(score.metric) != "accuracy"))


# --- comparability ----------------------------------------------------------------------------------------------


def _obstacles(first: Run, run: Run, digests: _Digests) -> tuple[Statement, ...]:
    """Why two runs cannot be compared, or that they can as far as the two show."""
    if other := _other_rows(_record(first), _record(run)):
        return other
    for side in (first, run):
        record = _record(side)
        if record.unnamed:
            return (Statement("thin.unnamed", {"run": side.name, "keys": list(record.unnamed)}),)
        if record.config is None:
            return (Statement("thin.config", {"run": side.name, "problem": clean(record.problem)}),)
    return _same_file(first, run, digests)


def _other_rows(baseline: PartialRun, record: PartialRun) -> tuple[Statement, ...]:
    """Why two runs were not validated on the same rows of the same column, as far as their configs say it."""
    before, after = baseline.inputs.config.resolved, record.inputs.config.resolved
    if before is None or after is None:
        return ()
    targets = [value["data"].get("target") for value in (before, after)]
    if None not in targets and targets[0] != targets[1]:
        return (Statement("target.differs", {"baseline": targets[0], "variant": targets[1]}),)
    if not same_value(before["split"]["test_size"], after["split"]["test_size"]):
        return (Statement("split.config_differs", {"keys": ["split.test_size"]}),)
    if before["seed"] != after["seed"]:
        return (Statement("split.follows_seed", {"baseline": before["seed"], "variant": after["seed"]}),)
    return ()


def _same_file(first: Run, run: Run, digests: _Digests) -> tuple[Statement, ...]:
    """Whether the data files that are found today are the same; `compare_partial` has looked for them."""
    left, right = digests[first.path], digests[run.path]
    if left is None or right is None:
        return (Statement("thin.data_missing", {"run": (first if left is None else run).name}),)
    if left != right:
        return (Statement("thin.data_differs"),)
    names = [_file_name(side) for side in (first, run)]
    other = (Statement("thin.other_name", {"baseline": names[0], "variant": names[1]}),) if names[0] != names[1] else ()
    return (Statement("thin.comparable"), *other)


def _file_name(run: Run) -> str:
    config = _record(run).config
    assert config is not None
    assert isinstance(config.data, FileData)  # the flat form has no other
    return config.data.path.replace("\\", "/").rpartition("/")[2]


# --- what came out ----------------------------------------------------------------------------------------------


def _summary(rows: Sequence[ThinRow]) -> tuple[Statement, ...]:
    """What came out, and what nothing shows: of one run, of one against another, or of many."""
    first = rows[0]
    if len(rows) == 1:
        return (_alone(first), Statement("thin.unknown_alone"))
    if len(rows) > 2:
        return (*_of_many(first, rows[1:]), Statement("thin.unknown"))
    row = rows[1]
    if is_comparable(row.comparable):
        moved, equal = _moved(first, row), all(score.difference in (0, None) for score in row.scores)
        return (*moved, *_time(first, row), Statement("thin.unknown_equal" if equal else "thin.unknown"))
    told = (*_values(first, row), Statement("difference.not_comparable"), *row.comparable)
    return (*told, *_time(first, row), Statement("thin.unknown_rows"))


def _alone(row: ThinRow) -> Statement:
    if not row.scores:
        return Statement("thin.alone_no_metric", {"run": row.name})
    score = row.scores[0]
    return Statement("thin.alone", {"run": row.name, "metric": score.metric, "value": score.value})


def _moved(first: ThinRow, row: ThinRow) -> tuple[Statement, ...]:
    """The first score that both runs have."""
    score = next((score for score in row.scores if score.difference is not None), None)
    if score is None or score.difference is None:
        return (Statement("thin.no_shared_metric", {"baseline": first.name, "variant": row.name}),)
    values = {"metric": score.metric, "variant": row.name, "baseline": first.name, "after": score.value}
    if score.difference == 0:
        return (Statement("thin.equal", values),)
    direction = "higher" if score.difference > 0 else "lower"
    before = next(other.value for other in first.scores if scorer_name(other.metric) == scorer_name(score.metric))
    return (
        Statement(
            "thin.moved", {**values, "before": before, "difference": abs(score.difference), "direction": direction}
        ),
    )


def _values(first: ThinRow, row: ThinRow) -> tuple[Statement, ...]:
    """The first score of each, side by side, where it has one name in both."""
    if not first.scores or not row.scores or first.scores[0].metric != row.scores[0].metric:
        return ()
    values = {"metric": first.scores[0].metric, "baseline": first.name, "before": first.scores[0].value}
    return (Statement("thin.values", {**values, "variant": row.name, "after": row.scores[0].value}),)


def _time(first: ThinRow, row: ThinRow) -> tuple[Statement, ...]:
    """Whether the training took longer, where both wrote how long it took."""
    if row.seconds_difference is None:
        return ()
    values = {"variant": row.name, "before": first.seconds, "after": row.seconds}
    difference = row.seconds_difference
    code = "thin.time_longer" if difference > 0 else "thin.time_shorter" if difference < 0 else "thin.time_equal"
    return (Statement(code, values),)


def _of_many(first: ThinRow, rows: Sequence[ThinRow]) -> tuple[Statement, ...]:
    """Which of the runs can be compared with the first one, and the highest score among these."""
    comparable = [row for row in rows if is_comparable(row.comparable)]
    others = [row.name for row in rows if row not in comparable]
    names = {"baseline": first.name, "comparable": [row.name for row in comparable], "others": others}
    if not comparable:
        return (Statement("thin.none_comparable", names),)
    told = Statement("thin.some_comparable" if others else "thin.all_comparable", names)
    if not first.scores:
        return (told,)
    metric = first.scores[0].metric
    values = {
        row.name: score.value
        for row in (first, *comparable)
        for score in row.scores
        if scorer_name(score.metric) == scorer_name(metric)
    }
    best = max(values.values())
    holders = [name for name, value in values.items() if value == best]
    if len(holders) == len(comparable) + 1:
        return (told, Statement("thin.all_equal", {"metric": metric, "value": best}))
    return (told, Statement("thin.best", {"metric": metric, "value": best, "runs": holders}))


# --- evidence and what to do ------------------------------------------------------------------------------------


def thin_evidence(runs: Sequence[Run], thin: Thin) -> tuple[EvidenceRow, ...]:
    """The file that each number comes from; nothing else proves it."""
    return tuple(row for run, told in zip(runs, thin.rows, strict=False) for row in _evidence(run, told))


def _evidence(run: Run, row: ThinRow) -> Iterator[EvidenceRow]:
    written = [(f"validation {score.metric}", score.value) for score in row.scores]
    if row.seconds is not None:
        written.append(("time of training (s)", row.seconds))
    counts = [] if row.n_train is row.n_val is None else [("rows to train and to validate", None)]
    for number, value in [*written, *counts]:
        yield EvidenceRow(f"{number}, as written", value, row.name, "metrics.json", row.metrics_sha256)
    for file, digest in _record(run).sources.items():
        yield EvidenceRow("environment, as written", None, row.name, file, digest)


def thin_proposal(runs: Sequence[Run], thin: Thin) -> Proposal:
    """Where there is no other run: train one of them with a record, or say what its config has to name for that."""
    reason = Statement("next.thin")
    for run, row in zip(runs, thin.rows, strict=False):
        if _is_trainable(run):
            command = shlex.join(["week2kit", "train", f"{row.path}/config.json"])
            return Proposal(reason, Statement("next.full_record", {"run": row.name, "command": command}), None, ())
    return Proposal(reason, Statement("next.name_data", {"run": thin.rows[0].name}), None, ())


def _is_trainable(run: Run) -> bool:
    """Whether `train` takes the config as it stands: it is stricter than what is read here."""
    try:
        parse_config(_record(run).as_written)
    except ConfigError:
        return False
    return True
