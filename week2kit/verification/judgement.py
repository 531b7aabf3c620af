"""The judgement: from what a run recorded and what came out of reruns to a verdict. Values in, values out.

What agrees and what does not is said by `layers`; what follows from that is written in one place, here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from week2kit.environment.facts import Uses, differences, same_versions
from week2kit.environment.restoring import Factor, is_version, plan_restoring, provocations, version_factors
from week2kit.errors import is_from_outside
from week2kit.inputs.causes import Here, code_causes, data_causes, seed_causes
from week2kit.record.manifest import CompletedRun, Data, Environment, FailedRun
from week2kit.record.verdict import Cause, Check, Finding, Layer, Level, MetricValues, RerunRecord, VerdictName
from week2kit.thresholds import DUMPS, RERUNS_FOR_NOISE, SCORE_TOLERANCE
from week2kit.verification.checks import failed, failing, passed, skipped
from week2kit.verification.layers import (
    agrees_to,
    as_note,
    compare_layers,
    compare_warnings,
    in_the_last_bits,
    layer_of,
    metric_values,
    repeat_checks,
    where_unstable,
)
from week2kit.verification.messages import Fresh, Missing
from week2kit.verification.trials import EffortSpent, Trial, Trials

#: Types of errors of ours: their names say nothing to a person, their messages do.
OUR_ERRORS: Final = frozenset({"ConfigError", "DataNotFound", "StageError", "WarningRefused"})

Again = Callable[[], Fresh]


@dataclass(frozen=True)
class Judgement:
    """A verdict without the run's name: what was decided, and on what."""

    verdict: VerdictName
    level: Level | None = None
    first_divergence: Layer | None = None
    reason: Finding | None = None
    causes: list[Cause] = field(default_factory=list)
    metrics: dict[str, MetricValues] = field(default_factory=dict)
    reruns: list[RerunRecord] = field(default_factory=list)
    variations: list[RerunRecord] = field(default_factory=list)
    not_varied: list[Finding] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)


def undecided(code: str, where: str = "", recorded: Any = None, now: Any = None, **more: Any) -> Judgement:
    """The judgement that nothing can be said here, and why."""
    return Judgement("undecided", reason=Finding(code=code, where=where, recorded=recorded, now=now), **more)


def missing_here(missing: Missing) -> Finding:
    """That something is not here which the run needs; recorded is what helps, a command or flags of verify."""
    helps = missing.flags or missing.command or None
    return Finding(code="undecided.missing_here", recorded=helps, now=missing.said)


# --- completed runs ---------------------------------------------------------------------------------------------


def judge_completed(
    manifest: CompletedRun,
    here: Here,
    trials: Trials,
    *,
    tolerance: float,
    curves: str | None,
    restore_versions: bool = False,
) -> Judgement:
    """The verdict on a completed run whose folder agrees with its record.

    One training in the environment as it is here decides in the common case. Where it comes out otherwise and recorded
    facts are not in force, they are put back, all at once; where that gives the recorded outcome, they are taken away
    again one by one, for the smallest set that is needed. Where it does not, reruns tell whether the run is stable
    here, and provoking the factors whether a fact that cannot be put back could excuse the difference.

    Args:
        manifest: the record.
        here: what is in force in the processes that train again.
        trials: trains once more in a fresh process; called once in the common case.
        tolerance: by how many units (`reruns.Comparison`) a score may move and be close.
        curves: the digest of the recorded learning curve, if there is one.
        restore_versions: whether versions of Python and of libraries may be put back.
    """
    first = trials.run("native")
    uses = _uses(manifest, here, first)
    case = _Case(manifest, here, here.environment, first, uses, _facts(manifest, here, uses), tolerance, curves, trials)
    try:
        return _judge_completed(case, restore_versions=restore_versions)
    except EffortSpent:
        return case.effort_spent()


def _judge_completed(case: _Case, *, restore_versions: bool) -> Judgement:
    first, trials = case.fresh, case.trials
    checks: list[Check] = []
    if first.missing is not None:
        return case.judgement("undecided", reason=missing_here(first.missing))
    if first.failure is None:
        if first.unseeded or _racing(first):
            # it may have agreed, or differed, by luck
            trials.repeat(RERUNS_FOR_NOISE)
            if where := where_unstable(trials.native()):
                return case.unstable(where)
        checks = case.checks()
        if not failing(checks):
            return case.identical(checks)
        if case.has_other_data(checks):
            return case.other_inputs(checks)
        if any(check.code == "predictions.rows" for check in failing(checks)):
            return case.other_rows(checks)
    restored = _put_back(case, restore_versions=restore_versions) if case.facts else None
    if restored is not None and restored.case.came_out():
        return _explained(case, restored)
    if restored is not None:
        # what it came to with the facts put back is what counts, unless it came to nothing
        nearer = case if restored.case.fresh.failure else restored.case
        case = dataclasses.replace(nearer, facts=_never_in_force(case, restored), restored=restored)
    if case.fresh.failure is not None:
        return case.rerun_failed()
    checks = case.checks()
    if any(layer_of(check.code) in ("data", "split") for check in failing(checks)):
        return case.other_inputs(checks)
    if not (case.facts and case.within()):
        trials.repeat(RERUNS_FOR_NOISE)
        if where := where_unstable(trials.native()) or _where_restored_unstable(case, restored):
            return case.unstable(where)
    return case.other_outcome(checks)


def _where_restored_unstable(case: _Case, restored: _Restored | None) -> Layer | None:
    """As `_where_unstable`, with the recorded facts put back: more threads than here may race where these do not."""
    if restored is None or restored.case.fresh.failure is not None:
        return None
    if not {"blas.threads", "openmp.threads", "jobs", "cpus"} & {factor.name for factor in restored.factors}:
        return None
    more = [case.trials.run("restored", restored.factors) for _ in range(RERUNS_FOR_NOISE - 1)]
    return where_unstable([restored.case.fresh, *more])


@dataclass(frozen=True)
class _Restored:
    """The training with all recorded facts put back that can be, and those facts."""

    factors: list[Factor]
    case: _Case
    stuck: dict[str, tuple[str, Any]]


def _put_back(case: _Case, *, restore_versions: bool) -> _Restored | None:
    """Train with every recorded fact put back that can be; None where none can.

    What can be put back is looked at again with what then is in force: other versions of numpy name the features of
    a processor in another way.
    """
    recorded = case.manifest.inputs.environment
    plan = plan_restoring(recorded, case.here.environment, case.uses)
    factors = plan.factors
    if restore_versions:
        factors = [*version_factors(recorded, case.here.environment), *factors]
    if not factors:
        return None
    fresh = case.trials.run("restored", factors)
    if fresh.environment is not None and restore_versions:
        names = {factor.name for factor in factors}
        plan = plan_restoring(recorded, fresh.environment, case.uses)
        if more := [factor for factor in plan.factors if factor.name not in names]:
            factors = [*factors, *more]
            fresh = case.trials.run("restored", factors)
    stuck = plan.stuck
    if fresh.failure is not None and fresh.environment is None:  # it came to nothing: died, or could not be built
        stuck = stuck | {factor.name: ("failed", fresh.failure.message) for factor in factors[:1]}
    return _Restored(factors, case.with_factors(fresh), stuck)


def _never_in_force(case: _Case, restored: _Restored) -> list[Cause]:
    """The recorded facts that were in force in neither training, as it is here and with facts put back.

    A record that names the kernels of another processor, and keeps the fingerprint of these, contradicts itself: one of
    the two is always missing, and neither excuses anything. Other versions bring a process in which everything may be
    another: there only what is in force together counts.
    """
    facts = restored.case.facts
    if any(is_version(factor.name) for factor in restored.factors):
        return facts
    native = {fact.factor for fact in case.facts}
    return [fact for fact in facts if fact.factor in native]


def _explained(case: _Case, restored: _Restored) -> Judgement:
    """The recorded bits came out with the recorded facts put back: which of them are needed?"""
    if case.fresh.failure is None:
        # a run that is not stable here could have agreed by luck
        case.trials.repeat(2)
        if where := where_unstable(case.trials.native()):
            return case.unstable(where)
    search = _Search(case, list(restored.factors))
    versions = [factor for factor in restored.factors if is_version(factor.name)]
    others = [factor for factor in restored.factors if not is_version(factor.name)]
    try:
        if len(restored.factors) == 1:
            # nothing to take away, so nothing would be trained with it again: it may have agreed by luck
            again = case.trials.run("restored", restored.factors)
            if where := where_unstable([restored.case.fresh, again]):
                return case.unstable(where)
        for group in (versions, others) if versions and others else ():
            search.take_away(group)
        for factor in restored.factors:
            search.take_away([factor])
    except EffortSpent:
        return case.explained(restored, search, minimal=False)
    return case.explained(restored, search, minimal=True)


@dataclass
class _Search:
    """The search for the smallest set of facts that gives the recorded outcome: they interact, so never only add.

    Attributes:
        needed: what has not been taken away.
        not_apart: what could not be tried without: no process came about (no environment holds such versions).
    """

    case: _Case
    needed: list[Factor]
    not_apart: list[Factor] = field(default_factory=list)

    def take_away(self, group: list[Factor]) -> None:
        """Train without these, and leave them away where the recorded outcome comes out all the same."""
        rest = [factor for factor in self.needed if factor not in group]
        if not rest or len(rest) == len(self.needed):
            return
        without = self.case.with_factors(self.case.trials.run("restored", rest))
        if without.came_out():
            self.needed = rest
        elif without.fresh.environment is None and len(group) == 1:
            self.not_apart += group


def _may_be(facts: Sequence[Cause]) -> str:
    """What may be the reason that something came out otherwise: another environment, or other code alone."""
    return "undecided.code" if facts and all(fact.input == "code" for fact in facts) else "undecided.environment"


def _writes_jobs(factors: Sequence[Factor]) -> bool:
    """Whether putting facts back wrote another ``n_jobs`` into the estimators, and so into the bytes of the model."""
    return any(factor.name == "cpus" for factor in factors)


def _racing(fresh: Fresh) -> list[str]:
    """The estimators whose threads may finish in any order, and that week2kit cannot keep from it."""
    return [race.estimator for race in fresh.races if not race.kept_out]


def _uses(manifest: CompletedRun | FailedRun, here: Here, fresh: Fresh, before: Uses = Uses()) -> Uses:  # noqa: B008
    """What of an environment counts for this run; a training that came to no pipeline says nothing of its jobs."""
    modules = _named_modules(manifest.inputs.config.resolved or {})
    libraries = {name for module, names in here.libraries.items() if module in modules for name in names}
    cpus = before.cpus if fresh.by_cpus is None else bool(fresh.by_cpus)
    return Uses(tuple(sorted(libraries)), cpus)


def _named_modules(value: Any) -> set[str]:
    """The top-level modules of the classes in a config."""
    if isinstance(value, list):
        return set().union(*map(_named_modules, value))
    if not isinstance(value, dict):
        return set()
    own = {value["class"].partition(".")[0]} if isinstance(value.get("class"), str) else set()
    return own.union(*map(_named_modules, value.values()))


def _facts(manifest: CompletedRun | FailedRun, here: Here, uses: Uses, *, exactly: bool = False) -> list[Cause]:
    """The recorded facts that are not in force here: of the environment, and of week2kit's own code."""
    recorded = manifest.inputs
    facts: list[Cause] = []
    if recorded.code is not None:
        facts += code_causes(recorded.code, here, exactly=exactly)
    if recorded.environment is not None:
        facts += [
            Cause(input="environment", factor=d.factor, recorded=d.recorded, now=d.now, proof="observed")
            for d in differences(recorded.environment, here.environment, uses)
        ]
    return facts


@dataclass(frozen=True)
class _Case:
    """The record beside what came out of one training.

    Attributes:
        here: what was in force in it.
        home: the environment as it is here, with nothing put back.
        uses: what of it counts for this run.
        facts: the recorded facts that were not in force in it.
    """

    manifest: CompletedRun
    here: Here
    home: Environment
    fresh: Fresh
    uses: Uses
    facts: list[Cause]
    tolerance: float
    curves: str | None
    trials: Trials
    restored: _Restored | None = None

    def with_factors(self, fresh: Fresh) -> _Case:
        """The same record beside a training with facts put back: what is in force is what was read back there."""
        if fresh.environment is None:
            return dataclasses.replace(self, fresh=fresh)
        here = self.here.model_copy(update={"environment": fresh.environment})
        # with the number of CPUs put back, no job follows from that of here
        uses = _uses(self.manifest, self.here, fresh, self.uses)
        return dataclasses.replace(self, here=here, fresh=fresh, uses=uses, facts=_facts(self.manifest, here, uses))

    def other_code(self) -> list[Cause]:
        """The code, where it is not the very same: one that computes alike may refuse and store other things."""
        return code_causes(self.manifest.inputs.code, self.here, exactly=True)

    def came_out(self) -> bool:
        """Whether the recorded outcome came out: scores and every metric, bit for bit."""
        return self.fresh.failure is None and not failing(self.checks())

    def within(self, tolerance: float | None = None) -> bool:
        """Whether the scores are within the tolerance, here or with the facts put back that can be."""
        allowed = self.tolerance if tolerance is None else tolerance
        comparisons = [self.fresh.comparison, self.trials.native()[0].comparison]
        return any(comparison.within(allowed) for comparison in comparisons if comparison is not None)

    def has_other_data(self, checks: Iterable[Check]) -> bool:
        """Whether the table is another one because the bytes are others: no environment does that."""
        old, new = self.manifest.inputs.data, self.fresh.data
        other = old.source == "file" and isinstance(new, Data) and old.sha256 != new.sha256
        return other and any(layer_of(check.code) == "data" for check in failing(checks))

    # --- what came out ------------------------------------------------------------------------------------------

    def checks(self) -> list[Check]:
        """Every layer of the record against the rerun, in the loop's order."""
        return compare_layers(self.manifest, self.fresh, self.curves)

    def metrics(self) -> dict[str, MetricValues]:
        """Each metric as recorded, as it came out here, and as it came out with the recorded facts put back."""
        here = metric_values(self.trials.native()[0])
        restored = metric_values(self.restored.case.fresh) if self.restored else {}
        return {
            name: MetricValues(recorded=metric.value, here=here.get(name), restored=restored.get(name))
            for name, metric in self.manifest.outcome.metrics.items()
        }

    def account(self) -> list[RerunRecord]:
        """What every training so far agreed to."""
        return [
            rerun_record(self.manifest, trial, [check.code for check in self._failing_of(trial)])
            for trial in self.trials.done
        ]

    def _failing_of(self, trial: Trial) -> list[Check]:
        case = self.with_factors(trial.fresh)
        return failing(case.checks()) if trial.fresh.outcome is not None else []

    def judgement(self, verdict: VerdictName, **more: Any) -> Judgement:
        """A judgement with the metrics and the account of the trainings, and what the warnings of the record add."""
        judgement = Judgement(verdict, metrics=self.metrics(), reruns=self.account(), **more)
        layers = {layer_of(check.code) for check in failing(judgement.checks)}
        reached = self.fresh.outcome is not None and self.trials.native()[0].failure is None
        if verdict in ("unstable", "different") or not reached or layers & {"data", "split"}:
            return judgement
        checks = self._warnings(verdict)
        judgement = dataclasses.replace(judgement, checks=[*judgement.checks, *checks])
        if not failing(checks):
            return judgement
        return dataclasses.replace(judgement, verdict="different", level=None, reason=None)

    def _warnings(self, verdict: VerdictName) -> list[Check]:
        """The warnings of the record: what data, split, seed and metrics decide condemns where the code is the same.

        Libraries may say other things in another version, on another processor, once in a process, or in threads.
        """
        case = self.restored.case if self.restored is not None and verdict == "explained" else self
        named = _named_modules(self.manifest.inputs.config.resolved or {})
        return compare_warnings(
            self.manifest.warnings,
            self.trials.native()[0],
            case.fresh,
            metrics=verdict in ("identical", "explained"),
            strict=not case.other_code(),
            libraries=not case.facts and not case.fresh.threads and named <= {"sklearn"},
        )

    # --- verdicts -----------------------------------------------------------------------------------------------

    def effort_spent(self) -> Judgement:
        """As many trainings as are allowed have been done, and no verdict was reached."""
        spent = Finding(code="undecided.effort", recorded=self.trials.effort)
        return self.judgement("undecided", reason=spent, causes=self.facts)

    def rerun_failed(self) -> Judgement:
        """Recorded as completed, and it does not complete here, nor with the facts put back that can be."""
        failure = self.fresh.failure
        assert failure is not None
        said = failure.message if failure.error in OUR_ERRORS else f"{failure.error}: {failure.message}"
        reason = Finding(code="rerun.failed", where=failure.stage, recorded="completed", now=said)
        old, new = self.manifest.inputs.data, self.fresh.data
        causes: list[Cause] = []
        if isinstance(new, Data) and old.table_digest != new.table_digest:
            causes = data_causes(old, new)
        elif new is not None and not isinstance(new, Data) and old.sha256 != new.sha256:
            causes = [Cause(input="data", factor="bytes", recorded=old.sha256, now=new.sha256, proof="observed")]
        if causes:
            checks = [failed("data.table", "data.table", old.path)]
            return self.judgement("different", first_divergence="data", reason=reason, causes=causes, checks=checks)
        facts = [*self.other_code(), *(fact for fact in self.facts if fact.input != "code")]
        before_fit = failure.stage in ("config", "load", "split") and _only_of_processor(facts)
        if is_from_outside(failure.error) or (facts and not before_fit):
            return self.judgement("undecided", reason=reason, causes=facts, checks=self._stuck_notes())
        where: Layer = "model" if failure.stage in ("fit", "evaluate") else "data"
        return self.judgement("different", first_divergence=where, reason=reason)

    def unstable(self, where: Layer) -> Judgement:
        """Reruns in one environment differ from one another."""
        causes = seed_causes(self.manifest.inputs.seed, self.fresh.unseeded)
        code = "unstable.unseeded" if causes else "unstable.race"
        races = [race.model_dump() for race in self.fresh.races]
        return self.judgement(
            "unstable",
            first_divergence=where,
            reason=Finding(code=code, where=where, now=self.fresh.unseeded or races or None),
            causes=causes,
            checks=self.checks() if self.fresh.outcome else [],
        )

    def other_inputs(self, checks: list[Check]) -> Judgement:
        """Data or split came out otherwise: decided before any fit, unless the environment may have done it."""
        old, new = self.manifest.inputs.data, self.fresh.data
        assert isinstance(new, Data)
        where = next(layer for check in failing(checks) if (layer := layer_of(check.code)))
        same_bytes = old.source == "dataset" or old.sha256 == new.sha256
        # one table out of the same bytes: code that computes alike may still read a cell otherwise
        facts = self.facts or (self.other_code() if where == "data" and same_bytes else [])
        causes = data_causes(old, new) if where == "data" and not same_bytes else facts
        # text and whole numbers are the same on every processor; some of scikit-learn's datasets are computed
        on_processor = where == "data" and old.source == "dataset"
        excused = facts and (on_processor or not _only_of_processor(facts))
        read_otherwise = where == "split" or same_bytes
        verdict: Literal["undecided", "different"] = "undecided" if excused and read_otherwise else "different"
        return self.judgement(
            verdict,
            first_divergence=where,
            reason=Finding(code=_may_be(facts), where=where) if verdict == "undecided" else None,
            causes=causes,
            checks=[*checks, *self._stuck_notes()] if verdict == "undecided" else checks,
        )

    def other_rows(self, checks: list[Check]) -> Judgement:
        """The predictions are said to be of other rows, or of other true values, than data and split give.

        No environment can do that: neither is computed by a model.
        """
        return self.judgement("different", first_divergence="predictions", checks=checks)

    def identical(self, checks: list[Check]) -> Judgement:
        """Data to metrics are equal bit for bit; how deep it goes beyond that is the level."""
        bytes_check, level = self._model_bytes(())
        if bytes_check.outcome == "failed":
            return self.judgement("different", first_divergence="model", checks=[*checks, bytes_check])
        if where := where_unstable(self.trials.native()):
            return self.unstable(where)
        facts = {fact.factor: fact.now for fact in self.facts}
        notes = [
            bytes_check,
            passed("seed.fixed", self._luck()),
            passed("environment.facts", Finding(code="environment.other", now=facts) if facts else None),
        ]
        return self.judgement("identical", level=level, checks=[*checks, *notes])

    def _luck(self) -> Finding | None:
        """What keeps a rerun from proving much although it agreed: nothing fixes the draws, or the order of threads."""
        if self.fresh.unseeded:
            return Finding(code="seed.nothing_fixes_it", now=self.fresh.unseeded)
        racing = _racing(self.fresh)
        return Finding(code="seed.race", now=racing) if racing else None

    def explained(self, restored: _Restored, search: _Search, *, minimal: bool) -> Judgement:
        """The recorded outcome came out with recorded facts put back; the smallest set that does it is the cause."""
        there = dataclasses.replace(self, restored=restored)
        checks = restored.case.checks()
        bytes_check, level = restored.case._model_bytes(restored.factors)
        # where none could be tried apart, the set as a whole is what was put back
        apart = [f for f in search.needed if f not in search.not_apart] or search.needed
        causes = [
            Cause(
                input="environment",
                factor=factor.name,
                recorded=factor.recorded,
                now=factor.now,
                proof="restored" if factor in apart else "observed",
            )
            for factor in search.needed
        ]
        if bytes_check.outcome == "failed":
            return there.judgement("different", first_divergence="model", checks=[*checks, bytes_check])
        if self.manifest.outcome.model.converged is False:
            unfinished = passed("model.convergence", Finding(code="model.not_converged", where="model"))
            checks = [unfinished if check.code == "model.convergence" else check for check in checks]
        facts = {fact.factor: fact.now for fact in restored.case.facts}
        together = [factor.name for factor in search.needed if factor not in apart]
        notes = [
            bytes_check,
            *([skipped("environment.facts", "explained.not_apart", "", together)] if together else []),
            passed("seed.fixed", self._luck()),
            passed("environment.facts", Finding(code="environment.other", now=facts) if facts else None),
        ]
        return there.judgement(
            "explained",
            level=level,
            first_divergence=self._first_divergence([check.code for check in failing(self.checks())])
            if self.fresh.failure is None
            else None,
            reason=None if minimal else Finding(code="explained.not_minimal", recorded=self.trials.effort),
            causes=causes,
            checks=[*checks, *notes],
        )

    def _model_bytes(self, factors: Sequence[Factor]) -> tuple[Check, Level]:
        """Whether the bytes of the model are the recorded ones, where all that counts came out with these put back.

        Other bytes condemn only where several more trainings never vary; whatever may vary is a note.
        """
        assert self.fresh.outcome is not None
        recorded, now = self.manifest.outcome.model.digest, self.fresh.outcome.model.digest
        level: Level = "scores" if self.manifest.outcome.predictions.scores is not None else "predictions"
        if recorded == now:
            return passed("model.bytes"), "model"
        if not same_versions(self.manifest.inputs.environment, self.here.environment):
            return skipped("model.bytes", "model.other_versions", "model.joblib"), level
        if self.facts:
            return skipped("model.bytes", "model.other_environment", "model.joblib", recorded, now), level
        if self.other_code():
            return skipped("model.bytes", "model.other_code", "model.joblib", recorded, now), level
        if self.fresh.never_repeat:
            return skipped("model.bytes", "model.never_repeats", "model.joblib", now=self.fresh.never_repeat), level
        if self.fresh.unseeded:  # two draws that agree by luck would condemn an honest third one
            return skipped("model.bytes", "model.unseeded", "model.joblib", recorded, now), level
        if self.fresh.racing_bytes:
            return skipped("model.bytes", "model.races", "model.joblib", now=self.fresh.racing_bytes), level
        if _writes_jobs(factors):
            return skipped("model.bytes", "model.jobs_written", "model.joblib", recorded, now), level
        if self.trials.left < DUMPS - 1:
            return skipped("model.bytes", "model.too_few", "model.joblib", now=DUMPS), level
        for _ in range(DUMPS - 1):
            again = self.trials.run("restored" if factors else "native", factors).outcome
            if again is None or again.model.digest != now:
                return skipped("model.bytes", "model.never_repeats", "model.joblib"), level
        return failed("model.bytes", "model.bytes", "model.joblib", recorded, now), level

    def other_outcome(self, checks: list[Check]) -> Judgement:
        """Same data and split, stable reruns, and yet another outcome, here and with the facts put back that can be."""
        codes = [check.code for check in failing(checks)]
        shared: dict[str, Any] = {
            "first_divergence": self._first_divergence(codes),
            "causes": self.facts,
            "checks": [*checks, *self._stuck_notes()],
        }
        if (racing := _racing(self.fresh)) and self.within():
            # reruns may agree with one another by luck, and an honest run with none of them
            return self.judgement("undecided", reason=Finding(code="undecided.race", now=racing), **shared)
        if not self.facts:
            put_back = [factor.name for factor in self.restored.factors] if self.restored else []
            reason = Finding(code="different.all_put_back", recorded=put_back) if put_back else None
            return self.judgement("different", reason=reason, **shared)
        comparison = self.fresh.comparison
        moved = {
            "largest_difference": comparison.largest_difference if comparison else None,
            "labels_moved": comparison.labels_moved if comparison else None,
        }
        moved_scores = {"predictions.scores", "predictions.labels"} & set(codes)
        repeats = [check for check in checks if check.code.startswith("repeats.")]
        rest = [check for check in checks if check not in repeats]
        # what differs although no score does cannot follow from the scores, but for the order in which they are summed;
        # of the scores of repeats nothing is recorded, and their metrics are all that can be near
        of_scores = moved_scores or in_the_last_bits(rest)
        if self._other_kinds(codes) and _only_of_processor(self.facts):
            kinds = Finding(code="different.other_kinds", recorded=sorted(fact.factor for fact in self.facts))
            return self.judgement("different", reason=kinds, **shared)
        if self._other_kinds(codes) or not self.within() or not of_scores or not in_the_last_bits(repeats):
            return self._beyond(shared, moved)
        metrics_moved = any(layer_of(code) == "metrics" for code in codes)
        # a wider tolerance of the caller's makes a run close, and never identical
        if metrics_moved or not self.within(min(self.tolerance, SCORE_TOLERANCE)):
            code = "close.scores" if metrics_moved else "close.equal_metrics"
            return self.judgement("close", reason=Finding(code=code, recorded=self.tolerance, now=moved), **shared)
        shared["checks"] = [as_note(check) for check in checks]
        shared["first_divergence"] = None
        reason = Finding(code="identical.other_scores", now=moved)
        return self.judgement("identical", level="metrics", reason=reason, **shared)

    def _other_kinds(self, codes: Iterable[str]) -> bool:
        """Whether the record has scores of another kind, or lacks some: no processor does that, and nothing is near."""
        assert self.fresh.outcome is not None
        old, new = self.manifest.outcome.predictions, self.fresh.outcome.predictions
        lacking = (old.decision is None) != (new.decision is None) and not self.other_code()
        return lacking or "predictions.form" in codes

    def _beyond(self, shared: dict[str, Any], moved: dict[str, Any]) -> Judgement:
        """Beyond the tolerance, with facts that cannot be put back: could they have done it?

        Each factor that can be changed here is changed. Where none moves a score beyond the tolerance, the facts that
        cannot be put back, which act in the same ways, excuse nothing. Facts of versions act in other ways.
        """
        open_ = Finding(code=_may_be(self.facts), where="scores", now=moved)
        names = {fact.factor for fact in self.facts}
        if not _only_of_processor(self.facts):
            return self.judgement("undecided", reason=open_, **shared)
        trials = self.trials
        factors = provocations(self.home, self.uses)
        native = next((fresh for fresh in trials.native() if fresh.predictions is not None), None)
        if trials.left < len(factors) + (native is None):
            return self.judgement("undecided", reason=open_, **shared)
        native = native or trials.run("native", give_predictions=True)
        # the first that moves it settles the question
        if any(not self._holds(trials.run("provoked", [f], against=native.predictions), native) for f in factors):
            return self.judgement("undecided", reason=open_, **shared)
        idle = Finding(code="different.nothing_moves_it", recorded=sorted(names), now=[f.name for f in factors])
        return self.judgement("different", reason=idle, **shared)

    def _holds(self, fresh: Fresh, native: Fresh) -> bool:
        """Whether a provoked training has the scores of the native one, within the tolerance, and its repeats.

        One that died counts as moving: it says nothing.
        """
        if fresh.comparison is None or fresh.outcome is None or native.outcome is None:
            return False
        repeats = repeat_checks(native.outcome.metrics, fresh.outcome.metrics)
        return fresh.comparison.within(self.tolerance) and in_the_last_bits(repeats)

    def _stuck_notes(self) -> list[Check]:
        """Why each recorded fact that is still not in force could not be put back, where there is a reason to tell."""
        plan = self.restored.stuck if self.restored else None
        if plan is None:
            plan = plan_restoring(self.manifest.inputs.environment, self.home, self.uses).stuck
        names = {fact.factor for fact in self.facts}
        return [
            skipped("environment.facts", f"stuck.{reason}", factor, now=value)
            for factor, (reason, value) in plan.items()
            if names & {factor, f"fingerprint.{factor}"}
        ]

    def _first_divergence(self, codes: list[str]) -> Layer:
        """The first layer that differs; other scores come from another model where the models' bytes differ."""
        assert self.fresh.outcome is not None
        layer = next(layer for code in codes if (layer := layer_of(code)))
        if self.restored is not None and _writes_jobs(self.restored.factors):
            return layer
        if layer == "predictions" and self.fresh.outcome.model.digest != self.manifest.outcome.model.digest:
            return "model"
        return layer


#: Facts that act through kernels, SIMD, the C library and threads, each of which can be provoked here.
_PROVOKABLE: Final = frozenset(
    {"cpu", "cpus", "blas.kernel", "blas.threads", "openmp.threads", "simd", "libm"}
    | {f"fingerprint.{name}" for name in ("blas", "lapack", "ufunc", "libm")}
)


def _only_of_processor(facts: Iterable[Cause]) -> bool:
    """Whether facts that are not in force act through kernels, SIMD, the C library and threads only."""
    return all(fact.input == "environment" and fact.factor in _PROVOKABLE for fact in facts)


def rerun_record(manifest: CompletedRun, trial: Trial, differs: list[str]) -> RerunRecord:
    """One training as the verdict lists it."""
    fresh, comparison = trial.fresh, trial.fresh.comparison
    return RerunRecord(
        kind=trial.kind,
        factors=[factor.name for factor in trial.factors],
        settings={factor.name: factor.recorded for factor in trial.factors},
        agrees_to=agrees_to(manifest, fresh),
        differs=differs,
        largest_difference=comparison.largest_difference if comparison else None,
        labels_moved=comparison.labels_moved if comparison else None,
        metrics=metric_values(fresh),
        failure=f"{fresh.failure.error}: {fresh.failure.message}" if fresh.failure else None,
        seconds=round(fresh.seconds, 3),
    )


# --- failed and interrupted runs --------------------------------------------------------------------------------


def judge_failed(manifest: FailedRun, here: Here, again: Again) -> Judgement:
    """The verdict on a failed run: does it fail again, at the same stage and in the same way?"""
    recorded = manifest.failure
    told = f"{recorded.stage}: {recorded.error}: {recorded.message}"
    if is_from_outside(recorded.error):
        return undecided("undecided.external_failure", recorded.stage, told)
    fresh = again()
    facts = _facts(manifest, here, _uses(manifest, here, fresh), exactly=True)
    rerun = [RerunRecord(factors=[], agrees_to="nothing", seconds=round(fresh.seconds, 3))]
    now = fresh.failure
    if now is not None and (now.stage, now.error, now.message) == (recorded.stage, recorded.error, recorded.message):
        rerun = [rerun[0].model_copy(update={"agrees_to": "failure"})]
        return _failed_again(manifest, fresh, rerun)
    came_out = "it completed" if now is None else f"{now.stage}: {now.error}: {now.message}"
    check = failed("failure", "failure.other", recorded.stage, told, came_out)
    old, new = manifest.inputs.data, fresh.data
    same_data = old is None or new is None or old.sha256 == new.sha256
    if fresh.missing is not None:
        return Judgement("undecided", reason=missing_here(fresh.missing), reruns=rerun)
    external = now is not None and is_from_outside(now.error)
    if external or (facts and same_data):
        return undecided(_may_be(facts), recorded.stage, told, came_out, causes=facts, reruns=rerun, checks=[check])
    causes = facts
    if old is not None and new is not None and not same_data:
        causes = [Cause(input="data", factor="bytes", recorded=old.sha256, now=new.sha256, proof="observed")]
    return Judgement(
        "different", first_divergence=None if same_data else "data", causes=causes, reruns=rerun, checks=[check]
    )


def _failed_again(manifest: FailedRun, fresh: Fresh, reruns: list[RerunRecord]) -> Judgement:
    """It fails again in the same way: on the recorded data?"""
    old, new = manifest.inputs.data, fresh.data
    if old is None or new is None or old.sha256 == new.sha256 or old.sha256 is None:
        return Judgement("identical", level="failure", reruns=reruns, checks=[passed("failure")])
    if isinstance(old, Data) and isinstance(new, Data) and (causes := data_causes(old, new)):
        other = failed("data.table", "data.table", old.path, old.table_digest, new.table_digest)
        checks = [passed("failure", Finding(code="failure.same")), other]
        return Judgement("different", first_divergence="data", causes=causes, reruns=reruns, checks=checks)
    # the same table in another form; or it failed before there was a table, and nothing tells whether it is the same
    code = "data.other_text" if isinstance(old, Data) and isinstance(new, Data) else "failure.other_bytes"
    note = passed("data.bytes", Finding(code=code, where=old.path, recorded=old.sha256, now=new.sha256))
    return Judgement("identical", level="failure", reruns=reruns, checks=[passed("failure"), note])
