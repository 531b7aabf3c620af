"""Runs that were made without week2kit, in a report: their metrics, what changed among them, and what nothing shows.

Their record is thin. Without predictions nothing is tested, and without digests two of them are only comparable as
far as their configs and the data file that is found today tell.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from week2kit.bare import BareRecord, read_bare, scorer_name, validation_names
from week2kit.canonical import clean, json_digest
from week2kit.comparison import Statement, compare_thin, is_bounded
from week2kit.reporting.runs import shown_path
from week2kit.reporting.values import EvidenceRow, Proposal, Thin, ThinRow, ThinScore
from week2kit.schema.config import Config, FileData, Holdout
from week2kit.store import BareRun
from week2kit.thresholds import OVERVIEW_RUNS

_COMPARABLE = Statement("thin.comparable")

#: The digests of data files as they are found today, by run folder.
_Digests: TypeAlias = dict[Path, str | None]


def thin_runs(runs: Sequence[BareRun]) -> Thin:
    """The runs that were made without week2kit, one or more, each against the first."""
    shown = runs[:OVERVIEW_RUNS]
    records = [read_bare(run) for run in shown]
    digests: dict[Path, str | None] = {}
    rows = tuple(_row(shown[0], records[0], run, record, digests) for run, record in zip(shown, records, strict=True))
    return Thin(rows=rows, left_out=len(runs) - len(shown))


def _row(first: BareRun, baseline: BareRecord, run: BareRun, record: BareRecord, digests: _Digests) -> ThinRow:
    changes = tuple(compare_thin(first, run, digests))
    against = () if run is first else _obstacles(first, baseline, run, record, digests)
    return ThinRow(
        name=run.name,
        path=shown_path(run.path),
        scores=_scores(baseline, record, comparable=run is not first and against == (_COMPARABLE,)),
        changes=changes,
        comparable=against,
        metrics_sha256=json_digest(run.metrics),
    )


def _scores(baseline: BareRecord, record: BareRecord, *, comparable: bool) -> tuple[ThinScore, ...]:
    """The scores that end at 1, which is all that names alone tell of; with the difference where there can be one."""
    others = {scorer: baseline.metrics[name] for name, scorer in validation_names(baseline.metrics).items()}
    found = [
        ThinScore(name, value, value - others[scorer] if comparable and scorer in others else None)
        for name, scorer in sorted(validation_names(record.metrics).items(), key=lambda item: item[1])
        if is_bounded(scorer) and abs(value := record.metrics[name]) <= 1
    ]
    return tuple(sorted(found, key=lambda score: scorer_name(score.metric) != "accuracy"))


# --- comparability ----------------------------------------------------------------------------------------------


def _obstacles(
    first: BareRun, baseline: BareRecord, run: BareRun, record: BareRecord, digests: _Digests
) -> tuple[Statement, ...]:
    """Why two runs cannot be compared, or that they can as far as a thin record shows."""
    for side, said in ((first, baseline), (run, record)):
        if said.unnamed:
            return (Statement("thin.unnamed", {"run": side.name, "keys": list(said.unnamed)}),)
        if said.config is None:
            return (Statement("thin.config", {"run": side.name, "problem": clean(said.problem)}),)
    assert baseline.config is not None
    assert record.config is not None
    return _other_question(baseline.config, record.config) or (_same_file(first, run, digests),)


def _other_question(before: Config, after: Config) -> tuple[Statement, ...]:
    left, right = _target(before), _target(after)
    if left != right:
        return (Statement("target.differs", {"baseline": left, "variant": right}),)
    if _test_size(before) != _test_size(after):
        return (Statement("split.config_differs", {"keys": ["split.test_size"]}),)
    if before.seed != after.seed:
        return (Statement("split.follows_seed", {"baseline": before.seed, "variant": after.seed}),)
    return ()


def _target(config: Config) -> str:
    assert isinstance(config.data, FileData)  # the flat form has no other
    return config.data.target


def _test_size(config: Config) -> str:
    assert isinstance(config.split, Holdout)
    return repr(config.split.test_size)


def _same_file(first: BareRun, run: BareRun, digests: _Digests) -> Statement:
    """Whether the data files that are found today are the same; `compare_thin` has looked for them."""
    left, right = digests[first.path], digests[run.path]
    if left is None or right is None:
        return Statement("thin.data_missing", {"run": (first if left is None else run).name})
    return _COMPARABLE if left == right else Statement("thin.data_differs")


# --- evidence and what to do ------------------------------------------------------------------------------------


def thin_evidence(thin: Thin) -> tuple[EvidenceRow, ...]:
    """The file that each number comes from; nothing else proves it."""
    return tuple(
        EvidenceRow(f"validation {score.metric}, as written", score.value, row.name, "metrics.json", row.metrics_sha256)
        for row in thin.rows
        for score in row.scores
    )


def thin_proposal(thin: Thin) -> Proposal:
    """Where there is no other run: train the first one with a record."""
    first = thin.rows[0]
    command = shlex.join(["week2kit", "train", f"{first.path}/config.json"])
    return Proposal(
        Statement("next.thin"), Statement("next.full_record", {"run": first.name, "command": command}), None, ()
    )
