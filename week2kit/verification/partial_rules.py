"""The rules for a partial record: what agrees may show too little, and a difference proves nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

from week2kit.environment.conditions import AS_HERE
from week2kit.environment.restoring import Factor
from week2kit.record.manifest import Data
from week2kit.record.partial import PartialRun
from week2kit.record.verdict import Check, Finding, Layer
from week2kit.verification.checks import Judgement, made, passed, skipped
from week2kit.verification.deciding import FACTS, Noted, decide, failure_of, first_divergence_of, stuck_notes
from week2kit.verification.evidence import Evidence
from week2kit.verification.partial import names_compared, other_inputs, python_instead, shows_at_once, what_it_shows
from week2kit.verification.recipes import other_recipes
from week2kit.verification.trials import Trial


def weigh_what_came_out(evidence: Evidence) -> Evidence:
    """Whether the numbers of a partial record show how they were made: where need be, other recipes are trained."""
    record, there = evidence.record, evidence.tried.there if evidence.tried is not None else evidence
    if not isinstance(record, PartialRun) or not there.came_out():
        return evidence
    fresh, trials, tried = there.fresh, evidence.trials, 0
    assert isinstance(fresh.data, Data)
    assert fresh.split is not None
    why, near = shows_at_once(record, fresh, there.checks)
    other: dict[str, Any] = {}
    if near is not None:
        trials.tell("provoked", [Factor("recipe", "several others", None, AS_HERE)])
        config = record.inputs.config.resolved or {}
        recipes = other_recipes(config, fresh.split.folds[0].n_train, fresh.data)
        answers = trials.others([*recipes.values()], fresh, near)
        for name, again in zip(recipes, answers, strict=False):
            trials.done.append(Trial("provoked", (Factor("recipe", name, None, AS_HERE),), again))
            tried += again.failure is None
            apart = again.comparison.labels_moved if again.comparison is not None else near
            same = dataclasses.replace(there, fresh=again).came_out()
            if same or apart < near:
                why, other = "partial.other_recipe" if same else "partial.near_recipe", {"recipe": name, "rows": apart}
                break
        else:
            assert len(answers) == len(recipes), "a recipe that was not tried shows nothing"
    return dataclasses.replace(evidence, shows=what_it_shows(record, fresh, there.checks, why, tried, **other))


def compares_nothing(evidence: Evidence) -> Judgement | None:
    """A partial record without a metric that can be compared."""
    if evidence.fresh.scored is None or names_compared(evidence.checks):
        return None
    reason, checks = Finding(code="partial.nothing_compared"), evidence.checks
    return decide(evidence, "undecided", reason=reason, causes=evidence.facts, checks=checks)


def shows_too_little(evidence: Evidence) -> Judgement | None:
    """The numbers of a partial record came out, and other recipes reach them, too."""
    if evidence.shows is None or evidence.shows.code == "identical.partial":
        return None
    record = evidence.record
    counted = evidence if evidence.tried is None else dataclasses.replace(evidence.tried.there, restored=evidence.tried)
    noted = made([FACTS], record, Noted(skipped("model.bytes", "not_recorded"), counted, counted.facts))
    checks = [*counted.checks, *noted, *notes_on_python(evidence)]
    return decide(counted, "undecided", reason=evidence.shows, checks=checks)


def speaks_of_other_inputs(evidence: Evidence) -> Judgement | None:
    """A partial record counts other rows or classes: no version makes another table, or another split, of one."""
    if not isinstance(evidence.record, PartialRun):
        return None
    reason = other_inputs(evidence.record, evidence.fresh)
    if reason is None:
        return None
    first: Layer = "split" if reason.code == "partial.other_split" else "data"
    return decide(
        evidence, "undecided", reason=reason, causes=evidence.facts, first_divergence=first, checks=evidence.checks
    )


def proves_nothing(evidence: Evidence) -> Judgement | None:
    """It came out otherwise, and the environment is not recorded, nor are code and data."""
    if not isinstance(evidence.record, PartialRun):
        return None
    reason = failure_of(evidence)
    if reason is None:
        assert isinstance(evidence.fresh.data, Data)
        reason = Finding(code="undecided.not_recorded", where=evidence.fresh.data.path, now=evidence.fresh.data.sha256)
    return decide(
        evidence,
        "undecided",
        reason=reason,
        first_divergence=first_divergence_of(evidence, evidence.failing_codes) if evidence.failing_codes else None,
        causes=evidence.facts,
        checks=[*evidence.checks, *notes_on_python(evidence), *stuck_notes(evidence)],
    )


def notes_on_python(evidence: Evidence) -> list[Check]:
    """What else there is to tell of the versions of a partial record that were put back."""
    tried = evidence.tried
    if tried is None or not isinstance(evidence.record, PartialRun):
        return []
    notes = []
    if instead := python_instead(tried.factors):
        finding = Finding(code="partial.python_instead", recorded=evidence.record.versions["python"], now=instead)
        notes.append(passed("environment.python", finding))
    if not tried.there.came_out() and not tried.there.fresh.failure:
        put_back = {factor.name.removeprefix("library."): factor.recorded for factor in tried.factors}
        notes.append(skipped("environment.restored", "partial.not_restored", "", put_back))
    return notes
