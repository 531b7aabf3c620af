"""The verdict on the run of a command: it is run again, and what comes out is held against the record.

One rerun in the common case, in an empty folder that holds the recorded code and inputs and, where the kernel can
enforce it, with nothing else within reach. Where that is not enough for the recorded outcome, what the command asked
for besides is named, and given to it. Then the rules of any other run: reruns that differ from one another are
unstable; recorded facts of the environment are put back and taken away again; what is left is different, unless the
command may have had something that nobody saw.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from week2kit.canonical import clean
from week2kit.environment.conditions import Conditions
from week2kit.environment.restoring import Factor, Plan
from week2kit.errors import ChildDied, TimeLimitReached, UsageError
from week2kit.inputs.leaves import same_value
from week2kit.observing.confined import available
from week2kit.record.command import CompletedCommand, FailedCommand, Sources
from week2kit.record.machine import places_of
from week2kit.record.manifest import Environment
from week2kit.record.store import Run
from week2kit.record.verdict import Cause, Check, Finding, Layer, MetricValues, RerunRecord
from week2kit.record.written_paths import STREAM
from week2kit.thresholds import RERUNS_FOR_NOISE
from week2kit.training.outputs import stable_name
from week2kit.verification.checks import Judgement, OfCommand, failed, failing, made, passed, skipped, undecided
from week2kit.verification.command_layers import (
    FACTS,
    SUPPLY,
    first_layer,
    level_of,
    recorded_texts,
)
from week2kit.verification.command_reruns import Reruns, Tell, same_failure
from week2kit.verification.messages import Variable
from week2kit.verification.options import Options
from week2kit.verification.putting_back import other_facts, plan_for
from week2kit.verification.rerunning import Again, NotHere, Rerun
from week2kit.verification.trials import EffortSpent, causes_of, smallest_set
from week2kit.verification.variation import carry_out, idle_switches, variations
from week2kit.verification.workspace import Supply, find_supply


def judge_command(
    manifest: CompletedCommand | FailedCommand,
    run: Run,
    files: Mapping[str, bytes],
    options: Options,
    deadline: float,
    tell: Tell,
    variable: Callable[[], Variable],
) -> Judgement:
    """The verdict on a command whose folder agrees with its record.

    Args:
        manifest: the record.
        run: the run.
        files: its artifacts.
        options: what the caller decides.
        deadline: when its time is over, by the monotonic clock.
        tell: told of each rerun before it begins.
        variable: asks what of this machine can be varied.

    Raises:
        TimeLimitReached: the time was over.
    """
    known = places_of(run.manifest_sha256)
    if not (known or options.trust):
        return undecided("undecided.trust", now=manifest.inputs.program.argv)
    if isinstance(manifest, FailedCommand) and manifest.failure.error not in ("ExitCode", "NotRecorded"):
        return undecided("undecided.external_failure", "command", manifest.failure.message)
    nothing = Sources(modules={}, files={})
    sources = Sources.model_validate_json(files["sources"]) if "sources" in files else nothing
    project = _project(manifest, run, known)
    written = {file.path for file in manifest.outcome.files} if manifest.outcome is not None else set()
    supply = find_supply(manifest.inputs, sources, project, options.data, written)
    checks = made(SUPPLY, manifest, supply)
    if supply.missing_code:
        return undecided("undecided.no_code", clean(supply.missing_code[0]), [*supply.missing_code], checks=checks)
    if supply.missing:
        if supply.edited_data:
            return _other_data(supply, checks)
        file = supply.missing[0]
        return undecided(
            "undecided.no_input", clean(file.path), file.sha256, [f.path for f in supply.missing], checks=checks
        )
    rerun = Rerun(
        manifest.inputs,
        manifest.outcome if isinstance(manifest, CompletedCommand) else None,
        supply,
        project,
        run.path.resolve().parent,
        max(0.001, deadline - time.monotonic()),
    )
    of = OfCommand(manifest, options.repeats) if isinstance(manifest, CompletedCommand) else None
    texts, may = recorded_texts(files), options.restore_versions
    reruns = Reruns(rerun, deadline, options.effort, tell, manifest, of, texts, may_restore=may)
    case = _Case(manifest, supply, reruns, checks)
    try:
        judgement = case.failed() if isinstance(manifest, FailedCommand) else case.completed()
        if options.vary and judgement.verdict == "identical" and judgement.level != "failure":
            judgement = case.varied(judgement, options.vary, variable)
    except UsageError as error:
        judgement = undecided("undecided.no_program", manifest.inputs.program.argv[0], now=str(error), checks=checks)
    except EffortSpent:
        judgement = undecided("undecided.effort", recorded=options.effort, checks=checks)
    if supply.edited_data and judgement.verdict in ("identical", "explained"):
        return dataclasses.replace(_other_data(supply, judgement.checks), reruns=judgement.reruns)
    return judgement


def _project(manifest: CompletedCommand | FailedCommand, run: Run, known: Sequence[Path]) -> Path | None:
    """The folder in which a command was recorded: as this machine noted it, or one that holds its script."""
    places = [*known, *run.path.absolute().parents[:2], Path.cwd()]
    script = manifest.inputs.program.script
    named = [place for place in places if place.is_dir() and (script is None or (place / script).is_file())]
    return next(iter([*named, *(place for place in known if place.is_dir())]), None)


# --- what is other than recorded --------------------------------------------------------------------------------


def _other_data(supply: Supply, checks: Sequence[Check]) -> Judgement:
    causes = [
        Cause(input="data", factor=one.place, recorded=one.recorded, now=one.now, proof="observed")
        for one in supply.edited_data
    ]
    return Judgement("different", first_divergence="data", causes=causes, checks=[*checks])


# --- reruns -----------------------------------------------------------------------------------------------------


#: Reruns with the same hashes that must agree before these are held to be what moves the others.
_RERUNS_FOR_HASHES: Final = 4

#: Reruns that are given what the one before looked for in vain.
_ROUNDS: Final = 3

#: How Python code and R ask for an environment variable; a record keeps those of libraries, and none of a person's own.
_VARIABLE: Final = re.compile(
    r"""(?:environb?\s*(?:\.\s*(?:get|pop|setdefault)\s*\(|\[)|getenvb?\s*\()\s*b?["'](?P<name>[A-Za-z_]\w*)["']"""
)

# --- the rules --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tried:
    """The rerun with recorded facts put back: which, what came out, and why the others could not be."""

    factors: Sequence[Factor] = ()
    again: Again | None = None
    stuck: Mapping[str, tuple[str, Any]] = field(default_factory=dict)


@dataclass
class _Case:
    """One command to be judged."""

    manifest: CompletedCommand | FailedCommand
    supply: Supply
    reruns: Reruns
    checks: list[Check]
    hermetic: Check | None = None
    besides: tuple[str, ...] = ()
    tried: _Tried = field(default_factory=lambda: _Tried())

    def failed(self) -> Judgement:
        """Does a command that failed fail again, in the same way?"""
        assert isinstance(self.manifest, FailedCommand)
        again = self._first(lambda one: same_failure(self.manifest, one))  # type: ignore[arg-type]
        told = self.manifest.failure.message
        if (other := self._other_files(again)) is not None:
            return other
        if same_failure(self.manifest, again):
            return self._judgement("identical", level="failure", checks=[passed("failure")])
        came_out = "it completed" if again.failure is None else again.failure[2]
        check = failed("failure", "failure.other", "command", told, came_out)
        reason = self._why_not(again)
        if reason is not None:
            return self._judgement("undecided", reason=reason, causes=self._facts(again), checks=[check])
        return self._judgement("different", checks=[check])

    def completed(self) -> Judgement:
        """Does what a command gave come out again?"""
        assert isinstance(self.manifest, CompletedCommand)
        if not self._anything():
            return self._judgement("undecided", reason=Finding(code="undecided.nothing_came_out"))
        again = self._first(self._agrees)
        if (other := self._other_files(again)) is not None:
            return other
        if self._agrees(again):
            return self._agreed(again)
        return self._noise(again) or self._explained(again) or self._differs(again)

    def _noise(self, again: Again, *, repeats: bool = True) -> Judgement | None:
        """Unstable where reruns as it is here differ from one another."""
        if _is_not_here(again):
            return None
        while len(self._natives()) < RERUNS_FOR_NOISE:
            self.reruns.run("native", confine=False, repeats=repeats)
        return self._unstable(self._natives())

    def _other_files(self, again: Again) -> Judgement | None:
        """Undecided where what ran is not what is recorded: it reads, by an absolute path, what was edited since."""
        for one in (*self.supply.edited_code, *self.supply.edited_data):
            if os.path.realpath(one.path) in again.opened:
                return self._judgement(
                    "undecided", reason=Finding(code="undecided.edited_there", where=clean(one.place))
                )
        return None

    def _anything(self) -> bool:
        assert isinstance(self.manifest, CompletedCommand)
        outcome = self.manifest.outcome
        return bool(outcome.metrics or outcome.undefined or outcome.predictions or outcome.files)

    def _first(self, agrees: Callable[[Again], bool]) -> Again:
        """The first rerun that counts: what was withheld from the very first one and is there is named, and given."""
        again = self.reruns.run("native", confine=True)
        if _is_not_here(again):
            return again
        if not again.confined:
            self.hermetic = skipped("hermetic", "hermetic.unavailable", now=available())
        elif agrees(again) and (again.reached_out or not again.observed) and self._speaks_within():
            self.hermetic = skipped("hermetic", "hermetic.network")
        elif agrees(again):
            count = len(self.manifest.inputs.files or [])
            self.hermetic = passed("hermetic", Finding(code="hermetic.proven", now=count))
        if agrees(again) or not (again.confined or again.refused):
            return again
        # only a rerun that had everything within reach says something of the command
        asked, freely = list[tuple[str, Path]](), again
        for _ in range(_ROUNDS):
            new = [one for one in freely.refused if one not in asked]
            if asked and not new:
                break
            asked += new
            self.reruns.done.pop()
            self.reruns.more = {place: path for place, path in asked if not place.startswith("/")}
            freely = self.reruns.run("native", confine=False)
            if agrees(freely):
                break
        self.besides = tuple(dict.fromkeys(_shown(place) for place, _ in asked)) if again.observed else ()
        if agrees(freely) and self.besides:
            self.hermetic = failed("hermetic", "hermetic.missing", self.besides[0], now=[*self.besides])
        elif again.confined:
            self.hermetic = skipped("hermetic", "hermetic.otherwise")
        return freely

    def _speaks_within(self) -> bool:
        """Whether its own processes speak to one another over TCP, so that a rerun cannot be kept from the network."""
        coverage = self.manifest.inputs.coverage
        return coverage is not None and coverage.within and not coverage.network

    def _agrees(self, again: Again) -> bool:
        return again.gathered is not None and not failing(self.reruns.compared(again))

    def _agreed(self, again: Again) -> Judgement:
        assert isinstance(self.manifest, CompletedCommand)
        if self._is_thin() and (unstable := self._noise(again, repeats=False)) is not None:
            return unstable
        checks = self.reruns.compared(again)
        level = level_of(self.manifest.outcome, checks)
        checks += made([FACTS], None, (self.manifest.inputs.environment, self._facts(again)))
        return self._judgement("identical", level=level, metrics=self._metrics(again), checks=checks)

    def _is_thin(self) -> bool:
        """Whether a rerun may have agreed by luck: nothing but a few numbers was compared, and no seed was given."""
        assert isinstance(self.manifest, CompletedCommand)
        outcome = self.manifest.outcome
        others = [file for file in outcome.files if file.role in ("model", "predictions") and file.bytes]
        return self.manifest.inputs.seed is None and outcome.predictions is None and not others

    def _natives(self) -> list[Again]:
        return [again for record, again in self.reruns.done if record.kind == "native"]

    def _unstable(self, reruns: Sequence[Again]) -> Judgement | None:
        """Unstable where reruns differ from one another, or where one fails and another does not."""
        first, seed = reruns[0], self.manifest.inputs.seed
        where = _where_unstable(reruns)
        if where is None:
            return None
        code = "unstable.command" if seed is None else "unstable.seeded_command"
        if self._follows_hashes():
            code = "unstable.hash_seed"
        reason = Finding(code=code, where=where, recorded=None if seed is None else seed.value)
        return self._judgement("unstable", first_divergence=where, reason=reason, metrics=self._metrics(first))

    def _follows_hashes(self) -> bool:
        """Whether reruns that differ from one another agree where texts have the same hashes.

        Python gives them others in each process, and with them a set of texts another order. Only where each rerun is
        another one does it say anything that some agree: of two outcomes that chance has, one comes often.
        """
        natives = self._natives()
        here = natives[0].environment
        if here is None or "PYTHONHASHSEED" in here.variables or any(one.gathered is None for one in natives):
            return False
        if len(natives) < RERUNS_FOR_NOISE or not all(_where_unstable(pair) for pair in combinations(natives, 2)):
            return False
        fixed, asked = list[Again](), Factor("hash_seed", "0", None, Conditions(hash_seed="0"))
        try:
            while len(fixed) < _RERUNS_FOR_HASHES and _where_unstable(fixed) is None:
                fixed.append(self.reruns.run("varied", [asked], confine=False))
        except EffortSpent:
            return False
        in_force = all(one.environment and one.environment.variables.get("PYTHONHASHSEED") == "0" for one in fixed)
        return in_force and _where_unstable(fixed) is None

    def _explained(self, again: Again) -> Judgement | None:
        """Explained where the recorded facts, put back, give the recorded outcome: by the smallest set of them."""
        assert isinstance(self.manifest, CompletedCommand)
        recorded = self.manifest.inputs.environment
        if recorded is None or (again.environment is None and not _is_not_here(again)):
            return None
        self.reruns.home = self._home(recorded, again)
        self.tried = self._put_back(recorded, self.reruns.home)
        restored = self.tried.again
        if restored is None or not self._agrees(restored) or restored.environment is None:
            return None
        needed = smallest_set(self.tried.factors, self._comes_out)
        facts = self._facts(restored)
        off = {fact.factor for fact in facts}
        apart = [one for one in needed.factors if one not in needed.not_apart and one.name not in off]
        causes = causes_of(needed.factors, apart)
        if all(cause.proof == "observed" for cause in causes):
            return None  # what the record names was not in force
        checks = self.reruns.compared(restored)
        if together := [factor.name for factor in needed.not_apart]:
            checks.append(skipped("environment.facts", "explained.not_apart", "", together))
        else:
            checks += made([FACTS], None, (recorded, facts))
        if not needed.minimal:
            checks.append(passed("effort", Finding(code="explained.not_minimal", recorded=self.reruns.effort)))
        return self._judgement(
            "explained",
            level=level_of(self.manifest.outcome, checks),
            causes=causes,
            metrics=self._metrics(again, restored),
            checks=checks,
        )

    def _home(self, recorded: Environment, again: Again) -> Environment | None:
        """The environment here; where the command fails, it may have imported less than is installed."""
        here = again.environment
        if here is None or again.failure is None or not self.reruns.may_restore:
            return here
        installed = self.reruns.rerun.installed(sorted(recorded.libraries))
        return here.model_copy(update={"libraries": {**installed, **here.libraries}})

    def _put_back(self, recorded: Environment, here: Environment | None) -> _Tried:
        """The rerun with every recorded fact put back that can be, and why the others cannot.

        What can be put back is looked at again with what then is in force: a library that is not here has no threads.
        """
        may = self.reruns.may_restore
        if here is None:
            python = Conditions(versions=tuple({**recorded.libraries, "python": recorded.python}.items()))
            plan = Plan([Factor("python", recorded.python, None, python)])
        else:
            plan = plan_for(recorded, here, versions=may)
        factors, again, stuck = list[Factor](), None, dict(plan.stuck)
        for factors in _attempts(plan.factors):
            again = self._restored(factors)
            if again.environment is not None:
                break
            stuck[factors[0].name] = ("failed", _failure(again))
        if again is None or again.environment is None:
            return _Tried(stuck=stuck)
        if any(factor.conditions.versions is not None for factor in factors):
            failed = {name: why for name, why in stuck.items() if why[0] == "failed"}
            plan, names = plan_for(recorded, again.environment, versions=True), {factor.name for factor in factors}
            unmoved = {one.name: ("not_taken", one.recorded) for one in plan.factors if one.name in names}
            stuck = {**plan.stuck, **unmoved, **failed}
            if more := [one for one in plan.factors if one.name not in {*names, *failed}]:
                factors = [*factors, *more]
                again = self._restored(factors)
        return _Tried(factors, again, stuck)

    def _restored(self, factors: Sequence[Factor]) -> Again:
        """A rerun with facts put back: with nothing else within reach, if it comes out so, else with everything."""
        again = self.reruns.run("restored", factors, confine=True)
        if self._agrees(again):
            if again.confined and not self.besides:
                count = len(self.manifest.inputs.files or [])
                self.hermetic = passed("hermetic", Finding(code="hermetic.proven", now=count))
            return again
        if not again.confined:
            return again
        self.reruns.done.pop()
        return self.reruns.run("restored", factors, confine=False)

    def _comes_out(self, factors: Sequence[Factor]) -> bool | None:
        again = self.reruns.run("restored", factors, confine=False)
        return True if self._agrees(again) else None if again.environment is None else False

    def varied(self, judgement: Judgement, names: Sequence[str], variable: Callable[[], Variable]) -> Judgement:
        """The judgement with what came out under each variation that was asked for.

        Where one comes out otherwise, reruns as it is here tell whether that is chance: then the verdict was luck.
        """
        native, self.reruns.effort = self._natives()[-1], sys.maxsize
        here = native.environment
        if here is None:
            return dataclasses.replace(judgement, not_varied=[Finding(code="vary.no_facts")])
        stops = (TimeLimitReached, ChildDied)
        try:
            plan = variations(names, here, variable(), None)
        except stops as error:
            return dataclasses.replace(judgement, not_varied=[Finding(code="vary.stopped", now=str(error))])
        noted = {check.code for check in self.reruns.compared(native) if check.finding is not None}

        def one(factor: Factor) -> RerunRecord:
            again = self.reruns.run("varied", [factor], confine=False)
            record, _ = self.reruns.done.pop()
            others = [check.code for check in self.reruns.compared(again) if check.finding is not None]
            differs = dict.fromkeys([*record.differs, *(code for code in others if code not in noted)])
            idle = _not_in_force(factor, here, again) if again.failure is None else []
            return record.model_copy(update={"differs": [*differs], "not_in_force": idle})

        done, stuck = carry_out(plan, one, stops)
        moved = any(record.agrees_to != judgement.level and not record.not_in_force for record in done)
        with contextlib.suppress(TimeLimitReached):
            if moved and (unstable := self._noise(native)) is not None:
                return unstable
        return dataclasses.replace(judgement, reruns=self.reruns.records, variations=done, not_varied=stuck)

    def _differs(self, again: Again) -> Judgement:
        assert isinstance(self.manifest, CompletedCommand)
        checks, facts = self.reruns.compared(again), self._never_in_force(again)
        if again.failure is not None:
            checks = [failed("failure", "rerun.failed", "command", "completed", again.failure[2])]
        if _is_not_here(again):
            argv, why = self.manifest.inputs.program.argv, _failure(again)
            return self._judgement(
                "undecided",
                reason=Finding(code="undecided.no_program", where=argv[0], now=why),
                checks=self._stuck(),
            )
        where = first_layer(checks)
        told: dict[str, Any] = {
            "metrics": self._metrics(again, self.tried.again),
            "checks": checks,
            "causes": facts,
            "first_divergence": where,
        }
        if again.is_ended:
            return self._judgement("undecided", reason=Finding(code="undecided.ended", now=_failure(again)), **told)
        reason = self._why_not(again)
        if reason is None and self.tried.again is not None:
            if (unstable := self._unstable(self._restored_again())) is not None:
                return unstable
            names = [factor.name for factor in self.tried.factors]
            reason = Finding(code="different.all_put_back", recorded=names)
            return self._judgement("different", reason=reason, **told)
        told["checks"] = [*checks, *self._stuck()]
        return self._judgement("different" if reason is None else "undecided", reason=reason, **told)

    def _restored_again(self) -> list[Again]:
        """Reruns with the facts put back: more threads than here may race where these do not."""
        first, factors = self.tried.again, self.tried.factors
        assert first is not None
        if not any("threads" in factor.name for factor in factors):
            return [first]
        return [first, *(self.reruns.run("restored", factors, confine=False) for _ in range(RERUNS_FOR_NOISE - 1))]

    def _stuck(self) -> list[Check]:
        """Why each recorded fact that is not in force could not be put back."""
        return [
            skipped("environment.facts", f"stuck.{reason}", factor, now=value)
            for factor, (reason, value) in self.tried.stuck.items()
        ]

    def _why_not(self, again: Again) -> Finding | None:
        """Why nothing follows from an outcome that is another one: something else than recorded may have led to it."""
        inputs, coverage = self.manifest.inputs, self.manifest.inputs.coverage
        if again.repeats and (reason := self._why_not_repeated()) is not None:
            return reason
        if inputs.program.stdin == STREAM:
            return Finding(code="undecided.standard_input")
        if again.barred:
            return Finding(code="undecided.writes_elsewhere", where=_shown(again.barred[0]), now=len(again.barred))
        if self.supply.overwritten:
            file = self.supply.overwritten[0]
            return Finding(code="undecided.overwritten", where=clean(file.path), recorded=file.sha256)
        if self.supply.other_code:
            return Finding(code="undecided.other_script", where=clean(self.supply.other_code[0].place))
        if places := [place for place in self.besides if place in self.reruns.more]:
            return Finding(code="undecided.asked_for", where=places[0], now=len(places))
        if coverage is None or not coverage.is_whole:
            unseen = coverage is not None and "system_calls" not in coverage.observers
            readers = [*coverage.programs, *coverage.native_readers] if coverage is not None and unseen else []
            return Finding(code="undecided.unseen", now=readers or None)
        if coverage.network:
            return Finding(code="undecided.network")
        if names := self._variables():
            return Finding(code="undecided.variables", now=names)
        if inputs.environment is None or again.environment is None:
            return Finding(code="undecided.no_facts")
        return Finding(code="undecided.environment") if self._never_in_force(again) else None

    def _never_in_force(self, again: Again) -> list[Cause]:
        """The recorded facts that were in force in neither rerun, as it is here and with facts put back.

        Other versions bring a process in which everything may be another: there only what is in force together counts.
        """
        facts, restored = self._facts(again), self.tried.again
        if restored is None or restored.gathered is None or restored.environment is None:
            return facts
        left = self._facts(restored)
        if any(factor.conditions.versions is not None for factor in self.tried.factors):
            return left
        native = {fact.factor for fact in facts}
        return [fact for fact in left if fact.factor in native]

    def _why_not_repeated(self) -> Finding | None:
        """Why nothing follows where the run came out again, and its repeats did not."""
        assert isinstance(self.manifest, CompletedCommand)
        if any(repeat.seed is None for repeat in self.manifest.outcome.repeats):
            return Finding(code="undecided.unseeded_repeats")
        written = {file.path for file in self.manifest.outcome.files}
        told = [warned.values for warned in self.manifest.warnings if warned.code == "command.repeats_changed_input"]
        changed = [file.path for file in self.manifest.inputs.files or [] if file.is_changed or file.path in written]
        changed += [str(path) for values in told for path in values.get("files", [])]
        return Finding(code="undecided.repeats_changed_input", where=clean(changed[0])) if changed else None

    def _variables(self) -> list[str]:
        """The environment variables that its code asks for by name, and that no record keeps."""
        inputs = self.manifest.inputs
        kept = inputs.environment.variables if inputs.environment is not None else {}
        texts = [text for place, text in self.supply.texts.items() if place in inputs.program.modules]
        return sorted({clean(match["name"]) for text in texts for match in _VARIABLE.finditer(text)} - kept.keys())

    def _facts(self, again: Again) -> list[Cause]:
        recorded = self.manifest.inputs.environment
        if recorded is None or again.environment is None:
            return []
        return other_facts(recorded, again.environment)

    def _metrics(self, here: Again, restored: Again | None = None) -> dict[str, MetricValues]:
        assert isinstance(self.manifest, CompletedCommand)
        now = here.gathered.outcome.metrics if here.gathered is not None else {}
        then = restored.gathered.outcome.metrics if restored is not None and restored.gathered is not None else {}
        return {
            name: MetricValues(recorded=value, here=now.get(name), restored=then.get(name))
            for name, value in self.manifest.outcome.metrics.items()
        }

    def _judgement(self, verdict: Any, *, checks: Sequence[Check] = (), **more: Any) -> Judgement:
        hermetic = [self.hermetic] if self.hermetic is not None else []
        return Judgement(verdict, checks=[*self.checks, *checks, *hermetic], reruns=self.reruns.records, **more)


def _shown(place: str) -> str:
    return clean(Path(place).name if place.startswith("/") else place)


def _attempts(factors: Sequence[Factor]) -> Iterator[list[Factor]]:
    """What to put back first, and where no process comes about so: all versions, then those that need no other Python.

    Then what needs no versions. Other facts are looked at again where the versions are in force.
    """
    versions = [factor for factor in factors if factor.conditions.versions is not None]
    libraries = [factor for factor in versions if factor.name != "python"]
    others = [factor for factor in factors if factor not in versions]
    yield from (some for some in (versions, libraries if libraries != versions else [], others) if some)


def _is_not_here(again: Again) -> bool:
    return again.failure is not None and again.failure[0] == NotHere.__name__


def _not_in_force(factor: Factor, here: Environment, again: Again) -> list[str]:
    """The switches of a variation that its process did not have in force at its end; of home and mask nothing tells."""
    if again.environment is None:
        return [factor.name]
    asked, variables = factor.conditions, again.environment.variables
    wanted = {"PYTHONHASHSEED": asked.hash_seed, "TZ": asked.time_zone, "LC_ALL": asked.locale}
    overruled = any(value is not None and variables.get(name) != value for name, value in wanted.items())
    return [*([factor.name] if overruled else []), *idle_switches(asked, here, again.environment)]


def _where_unstable(reruns: Sequence[Again]) -> Layer | None:
    """The first layer in which reruns differ from the first of them; None where they agree."""
    return next(filter(None, (_first_difference(reruns[0], other) for other in reruns[1:])), None)


def _first_difference(first: Again, other: Again) -> Layer | None:
    """The first layer in which two reruns differ."""
    if first.gathered is None or other.gathered is None:
        # a message may hold a random name, of a temporary file
        return None if (first.failure or ())[:2] == (other.failure or ())[:2] else "metrics"
    one, two = first.gathered.outcome, other.gathered.outcome
    if one.predictions is not None and two.predictions is not None:
        sides = [(side.predictions.digest, side.predictions.scores) for side in (one, two) if side.predictions]
        if sides[0] != sides[1]:
            return "predictions"
    if not same_value(one.metrics, two.metrics) or [*one.undefined] != [*two.undefined]:
        return "metrics"
    if first.repeats and other.repeats and not same_value(first.repeated_metrics, other.repeated_metrics):
        return "metrics"
    if one.metrics or one.predictions is not None:
        return None
    digests = [{stable_name(file.path): file.sha256 for file in side.files} for side in (one, two)]
    return None if digests[0] == digests[1] else "outputs"


def _failure(again: Again) -> str:
    return again.failure[2] if again.failure is not None else ""
