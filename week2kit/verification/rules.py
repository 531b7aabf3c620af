"""The verdict on a run with an outcome, as ordered rules over the evidence: the first that applies decides.

One training in the environment as it is here decides in the common case. Where it comes out otherwise and recorded
facts are not in force, they are put back, all at once; where that gives the recorded outcome, they are taken away again
one by one, for the smallest set that is needed. Where it does not, reruns tell whether the run is stable here, and
provoking the factors whether a fact that cannot be put back could excuse the difference. `ORDER` is that order.

A partial record, of a folder without a manifest, is judged by the same rules: what it does not hold is a check that is
skipped, what agrees may show too little, and a difference proves nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from week2kit.errors import is_from_outside
from week2kit.inputs.causes import Here, data_causes, other_bytes, seed_causes
from week2kit.record.manifest import CompletedRun, Data
from week2kit.record.partial import PartialRun
from week2kit.record.verdict import Cause, Finding, Layer, VerdictName
from week2kit.thresholds import SCORE_TOLERANCE
from week2kit.verification.checks import Judgement, failed, failing, made, missing_here, passed, skipped
from week2kit.verification.deciding import NOTES, Noted, decide, failure_of, first_divergence_of, stuck_notes
from week2kit.verification.evidence import (
    Evidence,
    dump_again,
    dump_again_with_facts_put_back,
    provoke,
    put_back,
    repeat_for_the_noise,
    repeat_here_for_an_explanation,
    repeat_what_may_agree_by_luck,
    repeat_with_facts_put_back,
    take_facts_away,
    take_the_nearer,
)
from week2kit.verification.layers import as_note, layer_of, where_unstable
from week2kit.verification.partial_rules import (
    compares_nothing,
    notes_on_python,
    proves_nothing,
    shows_too_little,
    speaks_of_other_inputs,
    weigh_what_came_out,
)
from week2kit.verification.recorded_facts import facts_of, may_be, only_of_processor, uses_of
from week2kit.verification.trials import EffortSpent, Trials, causes_of

#: Gathers more evidence, which costs trainings; or decides, where it applies.
Step: TypeAlias = Callable[[Evidence], Evidence | Judgement | None]


def judge(
    record: CompletedRun | PartialRun,
    here: Here,
    trials: Trials,
    *,
    tolerance: float,
    curves: str | None,
    restore_versions: bool = False,
) -> Judgement:
    """The verdict on a run with an outcome whose folder agrees with its record.

    Args:
        record: the manifest, or what a folder without one says.
        here: what is in force in the processes that train again.
        trials: trains once more in a fresh process; called once in the common case.
        tolerance: by how many units (`messages.Comparison`) a score may move and be close.
        curves: the digest of the recorded learning curve, if there is one.
        restore_versions: whether versions of Python and of libraries may be put back.
    """
    fresh = trials.run("native")
    uses = uses_of(record, here, fresh)
    facts = facts_of(record, here, uses)
    first = Evidence(record, here, here.environment, fresh, uses, facts, tolerance, curves, trials, restore_versions)
    evidence = first
    try:
        for step in ORDER:
            trained = len(trials.done)
            answer = step(evidence)
            if isinstance(answer, Judgement):
                return answer
            evidence = answer or evidence
            if len(trials.done) > trained and (unstable := is_unstable(evidence)):
                return unstable
    except EffortSpent:
        spent = Finding(code="undecided.effort", recorded=trials.effort)
        return decide(first, "undecided", reason=spent, causes=first.facts)
    raise AssertionError("the last rule decides whatever is left")


# --- the rules --------------------------------------------------------------------------------------------------


def needs_what_is_not_here(evidence: Evidence) -> Judgement | None:
    """Nothing was trained: undecided."""
    missing = evidence.fresh.missing
    return None if missing is None else decide(evidence, "undecided", reason=missing_here(missing))


def is_unstable(evidence: Evidence) -> Judgement | None:
    """Reruns in one environment differ from one another: asked whenever something was trained."""
    again = [side.reruns for side in (evidence.tried, evidence.restored) if side is not None]
    where = next(filter(None, map(where_unstable, [evidence.trials.native(), *map(list, again)])), None)
    if where is None:
        return None
    seed = evidence.record.inputs.seed
    causes = seed_causes(seed, evidence.fresh.unseeded) if seed is not None else []
    code = "unstable.unseeded" if causes else "unstable.race"
    races = [race.model_dump() for race in evidence.fresh.races]
    return decide(
        evidence,
        "unstable",
        first_divergence=where,
        reason=Finding(code=code, where=where, now=evidence.fresh.unseeded or races or None),
        causes=causes,
        checks=evidence.checks if evidence.fresh.outcome else [],
    )


def has_other_bytes(evidence: Evidence) -> Judgement | None:
    """All else came out, and the bytes of the model repeat, and are not the recorded ones."""
    if evidence.model_bytes is None or evidence.model_bytes[0].outcome != "failed":
        return None
    counted = evidence if evidence.tried is None else dataclasses.replace(evidence, restored=evidence.tried)
    checks = evidence.checks if evidence.tried is None else evidence.tried.there.checks
    return decide(counted, "different", first_divergence="model", checks=[*checks, evidence.model_bytes[0]])


def is_identical(evidence: Evidence) -> Judgement | None:
    """Data to metrics are equal bit for bit; how deep it goes beyond that is the level."""
    if not evidence.came_out() or evidence.model_bytes is None:
        return None
    bytes_check, level = evidence.model_bytes
    noted = made(NOTES, evidence.record, Noted(bytes_check, evidence, evidence.facts))
    return decide(evidence, "identical", level=level, reason=evidence.shows, checks=[*evidence.checks, *noted])


def has_other_data(evidence: Evidence) -> Judgement | None:
    """The table is another one because the bytes are others: no environment does that."""
    if isinstance(evidence.record, PartialRun):
        return None
    old, new = evidence.manifest.inputs.data, evidence.fresh.data
    if evidence.fresh.failure is not None or old.source != "file" or not isinstance(new, Data):
        return None
    return _other_inputs(evidence) if old.digests != new.digests and evidence.differs_in("data") else None


def has_other_rows(evidence: Evidence) -> Judgement | None:
    """The predictions are said to be of other rows, or of other true values, than data and split give.

    No environment can do that: neither is computed by a model.
    """
    if evidence.fresh.failure is not None or "predictions.rows" not in evidence.failing_codes:
        return None
    return decide(evidence, "different", first_divergence="predictions", checks=evidence.checks)


def is_explained(evidence: Evidence) -> Judgement | None:
    """The recorded outcome came out with recorded facts put back; the smallest set that does it is the cause."""
    tried = evidence.tried
    if tried is None or evidence.model_bytes is None or not tried.there.came_out():
        return None
    # where none could be tried apart, the set as a whole is what was put back
    apart = [factor for factor in tried.needed if factor not in tried.not_apart] or [*tried.needed]
    together = [factor.name for factor in tried.needed if factor not in apart]
    partial = isinstance(evidence.record, PartialRun)  # of which a Python may be asked for that is not the recorded one
    not_in_force = {fact.factor for fact in tried.there.facts} if partial else set()
    causes = causes_of(tried.needed, [factor for factor in apart if factor.name not in not_in_force])
    if all(cause.proof == "observed" for cause in causes):
        return None  # what the record names was not in force
    checks = tried.there.checks
    if isinstance(evidence.record, CompletedRun) and evidence.record.outcome.model.converged is False:
        unfinished = passed("model.convergence", Finding(code="model.not_converged", where="model"))
        checks = [unfinished if check.code == "model.convergence" else check for check in checks]
    bytes_check, level = evidence.model_bytes
    noted = made(NOTES, evidence.record, Noted(bytes_check, evidence, tried.there.facts))
    if together:
        noted.insert(1, skipped("environment.facts", "explained.not_apart", "", together))
    not_minimal = Finding(code="explained.not_minimal", recorded=evidence.trials.effort)
    return decide(
        dataclasses.replace(evidence, restored=tried),
        "explained",
        level=level,
        first_divergence=None if evidence.fresh.failure else first_divergence_of(evidence, evidence.failing_codes),
        reason=evidence.shows if tried.minimal else not_minimal,
        causes=causes,
        checks=[*checks, *noted, *notes_on_python(evidence)],
    )


def fails_here(evidence: Evidence) -> Judgement | None:
    """Recorded as completed, and it does not complete here, nor with the facts put back that can be."""
    failure, reason = evidence.fresh.failure, failure_of(evidence)
    if failure is None:
        return None
    old, new = evidence.manifest.inputs.data, evidence.fresh.data
    causes: list[Cause] = []
    if isinstance(new, Data) and old.table_digest != new.table_digest:
        causes = data_causes(old, new)
    elif new is not None and not isinstance(new, Data) and old.digests != new.digests:
        causes = [other_bytes(old, new)]
    if causes:
        checks = [failed("data.table", "data.table", old.path)]
        return decide(evidence, "different", first_divergence="data", reason=reason, causes=causes, checks=checks)
    facts = [*evidence.other_code(), *(fact for fact in evidence.facts if fact.input != "code")]
    before_fit = failure.stage in ("config", "load", "split") and only_of_processor(facts)
    if is_from_outside(failure.error) or (facts and not before_fit):
        return decide(evidence, "undecided", reason=reason, causes=facts, checks=stuck_notes(evidence))
    where: Layer = "model" if failure.stage in ("fit", "evaluate") else "data"
    return decide(evidence, "different", first_divergence=where, reason=reason)


def has_other_inputs(evidence: Evidence) -> Judgement | None:
    """Data or split came out otherwise, with the facts put back, too."""
    return _other_inputs(evidence) if evidence.differs_in("data", "split") else None


def _other_inputs(evidence: Evidence) -> Judgement:
    """Data or split came out otherwise: decided before any fit, unless the environment may have done it."""
    checks, old, new = evidence.checks, evidence.manifest.inputs.data, evidence.fresh.data
    assert isinstance(new, Data)
    where = next(layer for check in failing(checks) if (layer := layer_of(check.code)))
    if where == "split" and old.validation is not None and old.digests != new.digests:  # a row went to the other file
        return decide(
            evidence, "different", first_divergence="data", causes=[other_bytes(old, new)], checks=evidence.checks
        )
    same_bytes = old.source == "dataset" or old.digests == new.digests
    # one table out of the same bytes: code that computes alike may still read a cell otherwise
    facts = evidence.facts or (evidence.other_code() if where == "data" and same_bytes else [])
    causes = data_causes(old, new) if where == "data" and not same_bytes else facts
    # text and whole numbers are the same on every processor; some of scikit-learn's datasets are computed
    on_processor = where == "data" and old.source == "dataset"
    excused = facts and (on_processor or not only_of_processor(facts))
    read_otherwise = where == "split" or same_bytes
    verdict: Literal["undecided", "different"] = "undecided" if excused and read_otherwise else "different"
    return decide(
        evidence,
        verdict,
        first_divergence=where,
        reason=Finding(code=may_be(facts), where=where) if verdict == "undecided" else None,
        causes=causes,
        checks=[*checks, *stuck_notes(evidence)] if verdict == "undecided" else checks,
    )


def may_have_raced(evidence: Evidence) -> Judgement | None:
    """Reruns may agree with one another by luck, and an honest run with none of them."""
    if not evidence.racing or not evidence.within():
        return None
    return _otherwise(evidence, "undecided", Finding(code="undecided.race", now=evidence.racing))


def differs_with_all_in_force(evidence: Evidence) -> Judgement | None:
    """Every recorded fact is in force, or was put back: it is the run itself that differs."""
    if evidence.facts:
        return None
    factors = [factor.name for factor in evidence.restored.factors] if evidence.restored else []
    return _otherwise(
        evidence, "different", Finding(code="different.all_put_back", recorded=factors) if factors else None
    )


def has_scores_of_another_kind(evidence: Evidence) -> Judgement | None:
    """No processor changes the classes, the rows or the kind of scores."""
    if not evidence.has_other_kinds() or not only_of_processor(evidence.facts):
        return None
    names = sorted(fact.factor for fact in evidence.facts)
    return _otherwise(evidence, "different", Finding(code="different.other_kinds", recorded=names))


def is_moved_by_nothing(evidence: Evidence) -> Judgement | None:
    """Beyond the tolerance, and no factor that can be changed here moves a score that far.

    The facts that cannot be put back act in the same ways, so they excuse nothing.
    """
    if evidence.moved is None or evidence.moved[0]:
        return None
    names = sorted({fact.factor for fact in evidence.facts})
    idle = Finding(code="different.nothing_moves_it", recorded=names, now=evidence.moved[1])
    return _otherwise(evidence, "different", idle)


def is_beyond_the_tolerance(evidence: Evidence) -> Judgement | None:
    """Beyond the tolerance, and a fact that cannot be put back may be the reason."""
    if evidence.is_near():
        return None
    reason = Finding(code=may_be(evidence.facts), where="scores", now=_moved(evidence))
    return _otherwise(evidence, "undecided", reason)


def is_close(evidence: Evidence) -> Judgement | None:
    """Metrics move in consequence of scores within the tolerance; or a tolerance of the caller's is wider than ours."""
    metrics_moved = evidence.differs_in("metrics")
    if not metrics_moved and evidence.within(min(evidence.tolerance, SCORE_TOLERANCE)):
        return None
    code = "close.scores" if metrics_moved else "close.equal_metrics"
    return _otherwise(evidence, "close", Finding(code=code, recorded=evidence.tolerance, now=_moved(evidence)))


def is_identical_in_metrics(evidence: Evidence) -> Judgement:
    """Every metric is equal, and the scores are within the tolerance."""
    return decide(
        evidence,
        "identical",
        level="metrics",
        reason=Finding(code="identical.other_scores", now=_moved(evidence)),
        causes=evidence.facts,
        checks=[as_note(check) for check in evidence.checks],
    )


def _otherwise(evidence: Evidence, verdict: VerdictName, reason: Finding | None) -> Judgement:
    """The judgement that it came out otherwise: from which layer on, and with which facts not in force."""
    return decide(
        evidence,
        verdict,
        reason=reason,
        first_divergence=first_divergence_of(evidence, evidence.failing_codes),
        causes=evidence.facts,
        checks=[*evidence.checks, *stuck_notes(evidence)],
    )


def _moved(evidence: Evidence) -> dict[str, Any]:
    comparison = evidence.fresh.comparison
    return {
        "largest_difference": comparison.largest_difference if comparison else None,
        "labels_moved": comparison.labels_moved if comparison else None,
    }


#: From one training here to facts put back, and to the noise; the first rule that applies decides. After each step that
#: trained, `is_unstable` is asked as well.
ORDER: Final[tuple[Step, ...]] = (
    needs_what_is_not_here,
    compares_nothing,
    repeat_what_may_agree_by_luck,
    dump_again,
    has_other_bytes,
    weigh_what_came_out,
    shows_too_little,
    is_identical,
    speaks_of_other_inputs,
    has_other_data,
    has_other_rows,
    # it differs here: the recorded facts are put back
    put_back,
    repeat_here_for_an_explanation,
    take_facts_away,
    dump_again_with_facts_put_back,
    has_other_bytes,
    weigh_what_came_out,
    shows_too_little,
    is_explained,
    # it differs with the facts put back, too
    take_the_nearer,
    proves_nothing,
    fails_here,
    has_other_inputs,
    repeat_for_the_noise,
    repeat_with_facts_put_back,
    may_have_raced,
    differs_with_all_in_force,
    has_scores_of_another_kind,
    provoke,
    is_moved_by_nothing,
    is_beyond_the_tolerance,
    is_close,
    is_identical_in_metrics,
)
