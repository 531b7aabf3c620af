"""The verification of a run that was made without week2kit: its judge, and the children that it asks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from week2kit.canonical import clean
from week2kit.environment.conditions import AS_HERE
from week2kit.record.manifest import Environment
from week2kit.record.partial import PartialRun, with_names
from week2kit.record.store import Run
from week2kit.record.verdict import (
    Check,
    Finding,
)
from week2kit.thresholds import LISTED_CELLS
from week2kit.verification.checks import passed, skipped
from week2kit.verification.judgement import Judgement
from week2kit.verification.messages import Fresh, RerunRequest, Scored, Stored, Tried
from week2kit.verification.partial_judgement import judge_partial
from week2kit.verification.trainings import WORK, Trainings
from week2kit.verification.trials import Kind


@dataclass(frozen=True)
class PartialVerification(Trainings):
    """The verification of a run that was made without week2kit."""

    run: Run

    def judge(self) -> Judgement:
        """The judgement, with what was named for the run."""
        options = self.options
        assert self.run.partial is not None
        record, added = with_names(
            self.run.partial, self.run.path, None if options.data is None else options.data.name, options.target
        )
        judgement = judge_partial(
            self.run,
            record,
            self,
            options.data,
            restore_versions=options.restore_versions,
            max_data_bytes=options.max_data_bytes,
        )
        judgement = _with_names(judgement, self.run, record, added)
        if not options.vary:
            return judgement
        return dataclasses.replace(judgement, not_varied=[Finding(code="vary.bare", now=judgement.verdict)])

    def environment(self) -> Environment:
        """What is in force where it is trained again."""
        return self.here().environment

    def train(self, request: RerunRequest) -> Fresh:
        """Train once; what conditions make impossible is a failure in the answer."""
        if request.conditions == AS_HERE:
            return self.train_in(self.children, request, None)
        return self.train_under(request, None)

    def score(self, predictions: Stored, digits: int) -> Scored:
        """The metrics and the report of fresh predictions."""
        answer = self.children.call(f"{WORK}:score_predictions", predictions, digits, timeout=self.time_left())
        return Scored.model_validate_json(answer)

    def try_recipes(
        self, request: RerunRequest, configs: list[dict[str, Any]], stored: Stored, digits: int, near: int
    ) -> list[Tried]:
        """Train other configs on the same rows."""
        answer = self.children.call(
            f"{WORK}:try_recipes", request, configs, stored, digits, near, timeout=self.time_left()
        )
        return TypeAdapter(list[Tried]).validate_json(answer)

    def tell(self, kind: Kind, factors: Sequence[tuple[str, object]]) -> None:
        """Say what is being trained."""
        self.on_trial(self.run.name, kind, factors)


def _with_names(judgement: Judgement, run: Run, record: PartialRun, added: Mapping[str, str]) -> Judgement:
    """The judgement on a run, with what its config does not name, what the caller named, and what is not used."""
    reason, written = judgement.reason, run.partial or record
    if reason is not None and reason.code == "bare.config" and record.unnamed:
        held = [clean(key, 80) for key in sorted(written.as_written)][:LISTED_CELLS]
        reason = Finding(code="bare.unnamed", where="config.json", recorded=held, now=list(record.unnamed))
    notes: list[Check] = []
    if added and record.config is not None:
        told = {name: clean(value, 80) for name, value in added.items()}
        notes.append(passed("config.names", Finding(code="bare.named", where="config.json", now=told)))
    if unused := list(written.unused):
        notes.append(skipped("config.keys", "bare.unused", "config.json", unused))
    first, *others = judgement.checks
    return dataclasses.replace(judgement, reason=reason, checks=[first, *notes, *others])
