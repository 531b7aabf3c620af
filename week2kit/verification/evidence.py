"""The evidence for a verdict on a run with an outcome, and what gathers it: trainings, each of which costs time.

Nothing is decided here. What was gathered is frozen; a gatherer answers with the evidence and what it adds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from week2kit.environment.comparing import Uses, same_versions
from week2kit.environment.restoring import Factor, Plan, is_version, plan_restoring, provocations, version_factors
from week2kit.inputs.causes import Here, code_causes
from week2kit.record.manifest import CompletedRun, Environment
from week2kit.record.partial import PartialRun
from week2kit.record.verdict import Agreement, Cause, Check, Finding, Level, MetricValues, RerunRecord
from week2kit.thresholds import DUMPS, RERUNS_FOR_NOISE
from week2kit.verification.checks import failed, failing, passed, skipped
from week2kit.verification.layers import (
    agrees_to,
    compare_layers,
    in_the_last_bits,
    layer_of,
    metric_values,
    repeat_checks,
)
from week2kit.verification.messages import Fresh
from week2kit.verification.partial import (
    compare_written,
    names_compared,
    plan_versions,
    values_by_name,
)
from week2kit.verification.recorded_facts import facts_of, only_of_processor, uses_of
from week2kit.verification.trials import EffortSpent, Trial, Trials, smallest_set


@dataclass(frozen=True)
class Restored:
    """The training with all recorded facts put back that can be, and what else was seen with facts put back.

    Attributes:
        factors: what was put back.
        there: the record beside that training.
        stuck: why the other facts could not be put back, each a reason and a value.
        reruns: trainings with the same facts put back, that one first.
        needed: the facts without which the recorded outcome does not come out.
        not_apart: those of them that could not be tried without: no environment holds such versions.
        minimal: whether each fact was tried.
    """

    factors: list[Factor]
    there: Evidence
    stuck: dict[str, tuple[str, Any]]
    reruns: tuple[Fresh, ...]
    needed: tuple[Factor, ...] = ()
    not_apart: tuple[Factor, ...] = ()
    minimal: bool = True


@dataclass(frozen=True)
class Evidence:
    """The record beside what came out of one training, the one that counts, and what the others showed.

    Attributes:
        record: the manifest, or what a folder without one says.
        here: what was in force in it.
        home: the environment as it is here, with nothing put back.
        uses: what of it counts for this run.
        facts: the recorded facts that were not in force in it.
        trials: the account of all trainings.
        may_restore_versions: whether versions of Python and of libraries may be put back.
        tried: the training with facts put back, where there was one.
        restored: the same, once it counts.
        model_bytes: what the bytes of the model say, and the level that is reached with them.
        moved: whether a changed factor moved a score, and which were changed; null where it was not tried.
        shows: what it shows that the numbers of a partial record came out.
    """

    record: CompletedRun | PartialRun
    here: Here
    home: Environment
    fresh: Fresh
    uses: Uses
    facts: list[Cause]
    tolerance: float
    curves: str | None
    trials: Trials
    may_restore_versions: bool = False
    tried: Restored | None = None
    restored: Restored | None = None
    model_bytes: tuple[Check, Level] | None = None
    moved: tuple[bool, list[str]] | None = None
    shows: Finding | None = None

    @property
    def manifest(self) -> CompletedRun:
        """The record, where it is whole: what judges a partial one stands before all that asks for this."""
        assert isinstance(self.record, CompletedRun)
        return self.record

    def with_factors(self, fresh: Fresh) -> Evidence:
        """The same record beside a training with facts put back: what is in force is what was read back there."""
        if fresh.environment is None:
            return dataclasses.replace(self, fresh=fresh)
        here = self.here.model_copy(update={"environment": fresh.environment})
        # with the number of CPUs put back, no job follows from that of here
        uses = uses_of(self.record, self.here, fresh, self.uses)
        return dataclasses.replace(self, here=here, fresh=fresh, uses=uses, facts=facts_of(self.record, here, uses))

    def other_code(self) -> list[Cause]:
        """The code, where it is not the very same: one that computes alike may refuse and store other things."""
        return code_causes(self.manifest.inputs.code, self.here, exactly=True)

    def came_out(self) -> bool:
        """Whether the recorded outcome came out: scores and every metric, bit for bit; of a partial one what it has."""
        compared = isinstance(self.record, CompletedRun) or bool(names_compared(self.checks))
        return self.fresh.failure is None and compared and not failing(self.checks)

    def within(self, tolerance: float | None = None) -> bool:
        """Whether the scores are within the tolerance, here or with the facts put back that can be."""
        allowed = self.tolerance if tolerance is None else tolerance
        comparisons = [self.fresh.comparison, self.trials.native()[0].comparison]
        return any(comparison.within(allowed) for comparison in comparisons if comparison is not None)

    @property
    def racing(self) -> list[str]:
        """The estimators whose threads may finish in any order, and that week2kit cannot keep from it."""
        return [race.estimator for race in self.fresh.races if not race.kept_out]

    @property
    def failing_codes(self) -> list[str]:
        """The codes of the checks that failed."""
        return [check.code for check in failing(self.checks)]

    def differs_in(self, *layers: str) -> bool:
        """Whether a check of one of these layers failed."""
        return any(layer_of(code) in layers for code in self.failing_codes)

    def has_other_kinds(self) -> bool:
        """Whether the record has scores of another kind, or lacks some: no processor does that, and nothing is near."""
        assert self.fresh.outcome is not None
        old, new = self.manifest.outcome.predictions, self.fresh.outcome.predictions
        lacking = (old.decision is None) != (new.decision is None) and not self.other_code()
        return lacking or "predictions.form" in self.failing_codes

    def is_near(self) -> bool:
        """Whether the scores are within the tolerance, and all that differs follows from them, or is summed otherwise.

        Of the scores of repeats nothing is recorded, and their metrics are all that can be near.
        """
        repeats = [check for check in self.checks if check.code.startswith("repeats.")]
        rest = [check for check in self.checks if check not in repeats]
        of_scores = {"predictions.scores", "predictions.labels"} & {*self.failing_codes} or in_the_last_bits(rest)
        return bool(not self.has_other_kinds() and self.within() and of_scores and in_the_last_bits(repeats))

    @cached_property
    def checks(self) -> list[Check]:
        """Every layer of the record against the rerun, in the loop's order."""
        if isinstance(self.record, PartialRun):
            return compare_written(self.record, self.fresh)
        return compare_layers(self.record, self.fresh, self.curves)

    def metrics(self) -> dict[str, MetricValues]:
        """Each metric as recorded, as it came out here, and as it came out with the recorded facts put back."""
        here = self._values(self.trials.native()[0])
        restored = self._values(self.restored.there.fresh) if self.restored else {}
        recorded: dict[str, float | None]
        if isinstance(self.record, PartialRun):
            recorded = {name: self.record.metrics[name] for name in {**here, **restored}}
        else:
            recorded = {name: metric.value for name, metric in self.record.outcome.metrics.items()}
        return {
            name: MetricValues(recorded=value, here=here.get(name), restored=restored.get(name))
            for name, value in recorded.items()
        }

    def _values(self, fresh: Fresh) -> Mapping[str, float | None]:
        return values_by_name(self.record, fresh) if isinstance(self.record, PartialRun) else metric_values(fresh)

    def account(self) -> list[RerunRecord]:
        """What every training so far agreed to."""
        return [self._account_of(trial) for trial in self.trials.done]

    def _account_of(self, trial: Trial) -> RerunRecord:
        fresh, there = trial.fresh, self.with_factors(trial.fresh)
        differs = there.failing_codes if fresh.outcome is not None else []
        if isinstance(self.record, CompletedRun):
            return rerun_record(trial, agrees_to(self.record, fresh), metric_values(fresh), differs)
        return rerun_record(trial, "metrics" if there.came_out() else "nothing", self._values(fresh), differs)


def rerun_record(
    trial: Trial, agrees: Agreement, metrics: Mapping[str, float | None], differs: list[str]
) -> RerunRecord:
    """One training as the verdict lists it."""
    fresh, comparison = trial.fresh, trial.fresh.comparison
    return RerunRecord(
        kind=trial.kind,
        factors=[factor.name for factor in trial.factors],
        settings={factor.name: factor.recorded for factor in trial.factors},
        agrees_to=agrees,
        differs=differs,
        largest_difference=comparison.largest_difference if comparison else None,
        labels_moved=comparison.labels_moved if comparison else None,
        metrics={**metrics},
        failure=f"{fresh.failure.error}: {fresh.failure.message}" if fresh.failure else None,
        seconds=round(fresh.seconds, 3),
    )


# --- gathering --------------------------------------------------------------------------------------------------


def repeat_what_may_agree_by_luck(evidence: Evidence) -> Evidence:
    """Train three times where draws or threads are fixed by nothing: one agrees, or differs, by luck."""
    if evidence.fresh.failure is None and (evidence.fresh.unseeded or evidence.racing):
        evidence.trials.repeat(RERUNS_FOR_NOISE)
    return evidence


def dump_again(evidence: Evidence) -> Evidence:
    """Look at the bytes of the model, where all that counts came out."""
    return dataclasses.replace(evidence, model_bytes=_model_bytes(evidence, ())) if evidence.came_out() else evidence


def put_back(evidence: Evidence) -> Evidence:
    """Train with every recorded fact put back that can be, if facts are not in force.

    What can be put back is looked at again with what then is in force: other versions of numpy name the features of
    a processor in another way.
    """
    plan = restorable(evidence, evidence.here.environment)
    factors = plan.factors
    if not factors or not evidence.facts:
        return evidence
    fresh = evidence.trials.run("restored", factors)
    if fresh.environment is not None and evidence.may_restore_versions:
        names = {factor.name for factor in factors}
        plan = restorable(evidence, fresh.environment)
        if more := [factor for factor in plan.factors if factor.name not in names]:
            factors = [*factors, *more]
            fresh = evidence.trials.run("restored", factors)
    stuck = plan.stuck
    if fresh.failure is not None and fresh.environment is None:  # it came to nothing: died, or could not be built
        stuck = stuck | {factor.name: ("failed", fresh.failure.message) for factor in factors[:1]}
    tried = Restored(factors, evidence.with_factors(fresh), stuck, (fresh,))
    return dataclasses.replace(evidence, tried=tried)


def restorable(evidence: Evidence, here: Environment) -> Plan:
    """What of the record can be put back where `here` is in force, and why the rest cannot."""
    record = evidence.record
    if isinstance(record, PartialRun):
        return plan_versions(evidence.facts, may=evidence.may_restore_versions)
    plan = plan_restoring(record.inputs.environment, here, evidence.uses)
    versions = version_factors(record.inputs.environment, here) if evidence.may_restore_versions else []
    return Plan([*versions, *plan.factors], plan.stuck)


def repeat_here_for_an_explanation(evidence: Evidence) -> Evidence:
    """Where the facts that were put back gave the recorded outcome: train here again, as one run agrees by luck."""
    if _explains(evidence) and evidence.fresh.failure is None:
        evidence.trials.repeat(2)
    return evidence


def _explains(evidence: Evidence) -> bool:
    return evidence.tried is not None and evidence.tried.there.came_out()


def take_facts_away(evidence: Evidence) -> Evidence:
    """Search the smallest set of facts that gives the recorded outcome."""
    tried = evidence.tried
    if tried is None or not _explains(evidence):
        return evidence
    reruns, spent = tried.reruns, False

    def comes_out(factors: Sequence[Factor]) -> bool | None:
        without = evidence.with_factors(evidence.trials.run("restored", factors))
        return True if without.came_out() else None if without.fresh.environment is None else False

    try:
        if len(tried.factors) == 1:  # nothing to take away, so nothing would be trained with it again
            reruns = (*reruns, evidence.trials.run("restored", tried.factors))
    except EffortSpent:
        spent = True
    needed = smallest_set(tried.factors, comes_out)
    found = dataclasses.replace(
        tried,
        reruns=reruns,
        needed=needed.factors,
        not_apart=needed.not_apart,
        minimal=needed.minimal and not spent,
    )
    return dataclasses.replace(evidence, tried=found)


def dump_again_with_facts_put_back(evidence: Evidence) -> Evidence:
    """As `dump_again`, where the facts that were put back gave the recorded outcome."""
    tried = evidence.tried
    if tried is None or not _explains(evidence):
        return evidence
    return dataclasses.replace(evidence, model_bytes=_model_bytes(tried.there, tried.factors))


def take_the_nearer(evidence: Evidence) -> Evidence:
    """From here on what it came to with the facts put back is what counts, unless it came to nothing."""
    tried = evidence.tried
    if tried is None:
        return evidence
    nearer = evidence if tried.there.fresh.failure else tried.there
    facts = _never_in_force(evidence, tried)
    return dataclasses.replace(nearer, facts=facts, tried=tried, restored=tried)


def _never_in_force(evidence: Evidence, restored: Restored) -> list[Cause]:
    """The recorded facts that were in force in neither training, as it is here and with facts put back.

    A record that names the kernels of another processor, and keeps the fingerprint of these, contradicts itself: one of
    the two is always missing, and neither excuses anything. Other versions bring a process in which everything may be
    another: there only what is in force together counts.
    """
    facts = restored.there.facts
    if any(is_version(factor.name) for factor in restored.factors):
        return facts
    native = {fact.factor for fact in evidence.facts}
    return [fact for fact in facts if fact.factor in native]


def repeat_for_the_noise(evidence: Evidence) -> Evidence:
    """Train three times here, unless what differs may be excused as it is."""
    if not (evidence.facts and evidence.within()):
        evidence.trials.repeat(RERUNS_FOR_NOISE)
    return evidence


def repeat_with_facts_put_back(evidence: Evidence) -> Evidence:
    """The same with the recorded facts put back: more threads than here may race where these do not."""
    restored = evidence.restored
    if evidence.facts and evidence.within():
        return evidence
    if restored is None or restored.there.fresh.failure is not None:
        return evidence
    if not {"blas.threads", "openmp.threads", "jobs", "cpus"} & {factor.name for factor in restored.factors}:
        return evidence
    more = [evidence.trials.run("restored", restored.factors) for _ in range(RERUNS_FOR_NOISE - 1)]
    reruns = (restored.there.fresh, *more)
    return dataclasses.replace(evidence, restored=dataclasses.replace(restored, reruns=reruns))


def provoke(evidence: Evidence) -> Evidence:
    """Change each factor that can be changed here: does one move a score beyond the tolerance?

    Facts that cannot be put back act in the same ways, but for versions.
    """
    if evidence.is_near() or not only_of_processor(evidence.facts):
        return evidence
    trials, factors = evidence.trials, provocations(evidence.home, evidence.uses)
    native = next((fresh for fresh in trials.native() if fresh.predictions is not None), None)
    if trials.left < len(factors) + (native is None):
        return evidence
    native = native or trials.run("native", give_predictions=True)
    # the first that moves it settles the question
    changed = (trials.run("provoked", [factor], against=native.predictions) for factor in factors)
    moves = any(not _holds(fresh, native, evidence.tolerance) for fresh in changed)
    return dataclasses.replace(evidence, moved=(moves, [factor.name for factor in factors]))


def _holds(fresh: Fresh, native: Fresh, tolerance: float) -> bool:
    """Whether a provoked training has the scores of the native one, within the tolerance, and its repeats.

    One that died counts as moving: it says nothing.
    """
    if fresh.comparison is None or fresh.outcome is None or native.outcome is None:
        return False
    repeats = repeat_checks(native.outcome.metrics, fresh.outcome.metrics)
    return fresh.comparison.within(tolerance) and in_the_last_bits(repeats)


def _model_bytes(evidence: Evidence, factors: Sequence[Factor]) -> tuple[Check, Level]:
    """Whether the bytes of the model are the recorded ones, where all that counts came out with these put back.

    Other bytes condemn only where several more trainings never vary; whatever may vary is a note.
    """
    assert evidence.fresh.outcome is not None
    if isinstance(evidence.record, PartialRun):
        return skipped("model.bytes", "not_recorded"), "metrics"
    recorded, now = evidence.manifest.outcome.model.digest, evidence.fresh.outcome.model.digest
    level: Level = "scores" if evidence.manifest.outcome.predictions.scores is not None else "predictions"
    if recorded == now:
        return passed("model.bytes"), "model"
    if not same_versions(evidence.manifest.inputs.environment, evidence.here.environment):
        return skipped("model.bytes", "model.other_versions", "model.joblib"), level
    if evidence.facts:
        return skipped("model.bytes", "model.other_environment", "model.joblib", recorded, now), level
    if evidence.other_code():
        return skipped("model.bytes", "model.other_code", "model.joblib", recorded, now), level
    if evidence.fresh.never_repeat:
        return skipped("model.bytes", "model.never_repeats", "model.joblib", now=evidence.fresh.never_repeat), level
    if evidence.fresh.unseeded:  # two draws that agree by luck would condemn an honest third one
        return skipped("model.bytes", "model.unseeded", "model.joblib", recorded, now), level
    if evidence.fresh.racing_bytes:
        return skipped("model.bytes", "model.races", "model.joblib", now=evidence.fresh.racing_bytes), level
    if writes_jobs(factors):
        return skipped("model.bytes", "model.jobs_written", "model.joblib", recorded, now), level
    if evidence.trials.left < DUMPS - 1:
        return skipped("model.bytes", "model.too_few", "model.joblib", now=DUMPS), level
    for _ in range(DUMPS - 1):
        again = evidence.trials.run("restored" if factors else "native", factors).outcome
        if again is None or again.model.digest != now:
            return skipped("model.bytes", "model.never_repeats", "model.joblib"), level
    return failed("model.bytes", "model.bytes", "model.joblib", recorded, now), level


def writes_jobs(factors: Sequence[Factor]) -> bool:
    """Whether putting facts back wrote another ``n_jobs`` into the estimators, and so into the bytes of the model."""
    return any(factor.name == "cpus" for factor in factors)
