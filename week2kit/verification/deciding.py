"""What the rules of a verdict share: the judgement with its account, the notes and the warnings beside it.

And, by the record alone, which checks a verification will make.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from week2kit.record.command import CompletedCommand
from week2kit.record.earlier import as_told_then
from week2kit.record.manifest import CompletedRun, Warned
from week2kit.record.partial import PartialRun
from week2kit.record.requirements import named_modules
from week2kit.record.store import Run
from week2kit.record.verdict import Cause, Check, Finding, Layer, VerdictName
from week2kit.record.written_metrics import compared_names
from week2kit.scales import is_bounded
from week2kit.thresholds import LISTED_KEYS
from week2kit.verification.checks import (
    OUR_ERRORS,
    Expected,
    Judgement,
    OfCommand,
    Question,
    failed,
    failing,
    made,
    passed,
    planned,
    skipped,
)
from week2kit.verification.command import KEPT
from week2kit.verification.command_layers import FACTS as OF_ENVIRONMENT
from week2kit.verification.command_layers import OUTCOME, SUPPLY
from week2kit.verification.evidence import Evidence, restorable, writes_jobs
from week2kit.verification.integrity import FILES, PREDICTIONS, RECORD
from week2kit.verification.layers import DATA, RESULT, SPLIT, layer_of, nearly_same
from week2kit.verification.partial import FOLDER, WRITTEN


def decide(evidence: Evidence, verdict: VerdictName, **more: Any) -> Judgement:
    """A judgement with the metrics and the account of the trainings, and what the warnings of the record add."""
    judgement = Judgement(verdict, metrics=evidence.metrics(), reruns=evidence.account(), **more)
    if isinstance(evidence.record, PartialRun):
        return dataclasses.replace(judgement, checks=[*judgement.checks, *_holes(judgement.checks)])
    layers = {layer_of(check.code) for check in failing(judgement.checks)}
    reached = evidence.fresh.outcome is not None and evidence.trials.native()[0].failure is None
    if verdict in ("unstable", "different") or not reached or layers & {"data", "split"}:
        return judgement
    checks = made([WARNINGS], Expected(evidence.manifest), (evidence, verdict))
    judgement = dataclasses.replace(judgement, checks=[*judgement.checks, *checks])
    if not failing(checks):
        return judgement
    return dataclasses.replace(judgement, verdict="different", level=None, reason=None)


def _holes(checks: Sequence[Check]) -> list[Check]:
    """What a partial record does not hold: every question on a layer that has no other answer."""
    answered = {check.code for check in checks}
    questions: list[Question[Any]] = [*DATA, *SPLIT, *RESULT, *NOTES, WARNINGS]
    codes = [question.codes for question in questions]
    return [skipped(code, "not_recorded") for code in codes if isinstance(code, str) and code not in answered]


#: What data, split, seed and metrics alone decide, by the first part of the code: it is warned of wherever they are the
#: same. The rest is said by libraries, and by a session of itself.
_OF_INPUTS: Final = ("data", "split", "seed")

#: What no rerun says: of a choice that the recorded config spells out; of repeats, which are trained when asked for.
_NOT_SAID_AGAIN: Final = ("split.not_stratified", "repeats.undefined")


#: What is told of a file, and not of its table: another file may hold the same one.
_OF_FILE: Final = ("data.form", "data.leading_zeros", "data.read_as_missing")


def _compare_warnings(evidence: Evidence, verdict: VerdictName) -> list[Check]:
    """The warnings of the record: what data, split, seed and metrics decide condemns where the code is the same.

    Libraries may say other things in another version, on another processor, once in a process, or in threads. The first
    rerun looked for leaks and shared rows; everything else is from the one whose metrics count.
    """
    counted = evidence.restored.there if evidence.restored is not None and verdict == "explained" else evidence
    advised, fresh = evidence.trials.native()[0], counted.fresh
    now = [warned for warned in advised.warnings if _part(warned) in _OF_INPUTS]
    now += [warned for warned in fresh.warnings if _part(warned) not in _OF_INPUTS]
    data = evidence.fresh.data
    other_file = data is None or data.digests != evidence.manifest.inputs.data.digests
    told = [[as_told_then(evidence.manifest, w) for w in side] for side in (evidence.manifest.warnings, now)]
    left_out = {*_NOT_SAID_AGAIN, *(_OF_FILE if other_file else ())}
    sides = [[w for w in side if w is not None and w.code not in left_out] for side in told]
    decided = (*_OF_INPUTS, *(["metric"] if verdict in ("identical", "explained") else []))
    of_inputs = [[w for w in side if _part(w) in decided] for side in sides]
    of_libraries = [[w for w in side if _part(w) not in (*_OF_INPUTS, "metric", "session")] for side in sides]
    same_code = not counted.other_code()
    named = named_modules(evidence.manifest.inputs.config.resolved or {})
    same_libraries = same_code and not counted.facts and not fresh.threads and named <= {"sklearn"}
    said = _warning_check(*of_libraries, condemn=same_libraries)
    return [_warning_check(*of_inputs, condemn=same_code), *([said] if said.outcome != "passed" else [])]


def _part(warned: Warned) -> str:
    return warned.code.partition(".")[0]


def _warning_check(recorded: list[Warned], now: list[Warned], *, condemn: bool) -> Check:
    left, alone = list(now), []
    for warned in recorded:
        same = next((w for w in left if w.code == warned.code and nearly_same(warned.values, w.values)), None)
        if same is None:
            alone.append(warned)
        else:
            left.remove(same)
    if not alone and not left:
        return passed("warnings")
    told = [[warned.model_dump() for warned in side[:LISTED_KEYS]] for side in (alone, left)]
    return (failed if condemn else skipped)("warnings", "warnings.other", "manifest.json", *told)


WARNINGS: Final[Question[tuple[Evidence, VerdictName]]] = Question(
    "warnings", lambda case, code: _compare_warnings(*case)
)


def stuck_notes(evidence: Evidence) -> list[Check]:
    """Why each recorded fact that is still not in force could not be put back, where there is a reason to tell."""
    plan = evidence.restored.stuck if evidence.restored else restorable(evidence, evidence.home).stuck
    names = {fact.factor for fact in evidence.facts}
    return [
        skipped("environment.facts", f"stuck.{reason}", factor, now=value)
        for factor, (reason, value) in plan.items()
        if names & {factor, f"fingerprint.{factor}"}
    ]


def first_divergence_of(evidence: Evidence, codes: list[str]) -> Layer:
    """The first layer that differs; other scores come from another model where the models' bytes differ."""
    assert evidence.fresh.outcome is not None
    layer = next(layer for code in codes if (layer := layer_of(code)))
    if evidence.restored is not None and writes_jobs(evidence.restored.factors):
        return layer
    if layer == "predictions" and evidence.fresh.outcome.model.digest != evidence.manifest.outcome.model.digest:
        return "model"
    return layer


class Noted(NamedTuple):
    """What is noted where the recorded outcome came out: the bytes, what a rerun proves, the facts that are others."""

    model_bytes: Check
    evidence: Evidence
    facts: list[Cause]


def _check_luck(noted: Noted, code: str) -> Check:
    """What keeps a rerun from proving much although it agreed: nothing fixes the draws, or the order of threads."""
    unseeded, racing = noted.evidence.fresh.unseeded, noted.evidence.racing
    if unseeded:
        return passed(code, Finding(code="seed.nothing_fixes_it", now=unseeded))
    return passed(code, Finding(code="seed.race", now=racing) if racing else None)


def _check_facts(noted: Noted, code: str) -> Check:
    record = noted.evidence.record
    if isinstance(record, PartialRun) and not record.versions:
        return skipped(code, "not_recorded")
    if noted.facts and isinstance(record, PartialRun):
        recorded = {fact.factor.removeprefix("library."): fact.recorded for fact in noted.facts}
        now = {fact.factor.removeprefix("library."): fact.now for fact in noted.facts}
        return passed(code, Finding(code="environment.versions", recorded=recorded, now=now))
    facts = {fact.factor: fact.now for fact in noted.facts}
    return passed(code, Finding(code="environment.other", now=facts) if facts else None)


FACTS: Final[Question[Noted]] = Question("environment.facts", _check_facts)
NOTES: Final[tuple[Question[Noted], ...]] = (
    Question("model.bytes", lambda noted, code: noted.model_bytes),
    Question("seed.fixed", _check_luck),
    FACTS,
)


def failure_of(evidence: Evidence) -> Finding | None:
    """That the rerun failed, at which stage and of what."""
    failure = evidence.fresh.failure
    if failure is None:
        return None
    said = failure.message if failure.error in OUR_ERRORS else f"{failure.error}: {failure.message}"
    return Finding(code="rerun.failed", where=failure.stage, recorded="completed", now=said)


def planned_checks(run: Run, *, repeats: bool = False) -> list[str]:
    """The codes of every check of a verification of this run, in order; none is trained for it.

    Those that a verdict leaves out were not reached, because an earlier one decided. Of a run that was made without
    week2kit those that its files lead to: of its metrics the ones that end at 1, which are known by their names alone.
    """
    if run.partial is not None:
        of_metrics = {f"metrics.{name}": scorer for name, scorer in compared_names(run.partial.metrics).items()}
        codes = planned([*FOLDER, *WRITTEN], run.partial)
        return [code for code in codes if code not in of_metrics or is_bounded(of_metrics[code])]
    if isinstance(run.manifest, CompletedCommand):
        of = OfCommand(run.manifest, repeats)
        return [
            *planned([*FILES, *KEPT], of),
            *planned(SUPPLY, run.manifest),
            *planned([*OUTCOME, OF_ENVIRONMENT], of),
            "hermetic",
        ]
    if not isinstance(run.manifest, CompletedRun):
        return []
    stages: list[Iterable[Question[Any]]] = [FILES, RECORD, PREDICTIONS, DATA, SPLIT, RESULT, NOTES, [WARNINGS]]
    return [code for questions in stages for code in planned(questions, Expected(run.manifest, repeats))]
