"""The verdict on the run of a command: it is run again, and what comes out is held against the record.

One rerun in the common case, in an empty folder that holds the recorded code and inputs and, where the kernel can
enforce it, with nothing else within reach. Where that is not enough for the recorded outcome, what the command asked
for besides is named, and given to it. Then the rules of any other run: reruns that differ from one another are
unstable; recorded facts of the environment are put back and taken away again; what is left is different, unless the
command may have had something that nobody saw.
"""

from __future__ import annotations

import dataclasses
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from week2kit.canonical import clean
from week2kit.errors import TimeLimitReached, UsageError
from week2kit.inputs.leaves import same_value
from week2kit.observing.confined import available
from week2kit.record.command import CompletedCommand, FailedCommand, Sources
from week2kit.record.machine import places_of
from week2kit.record.store import Run
from week2kit.record.verdict import Agreement, Cause, Check, Finding, Layer, MetricValues, RerunRecord
from week2kit.record.written_paths import STREAM
from week2kit.training.outputs import stable_name
from week2kit.verification.checks import Judgement, OfCommand, failed, failing, made, passed, skipped, undecided
from week2kit.verification.command_layers import (
    FACTS,
    SUPPLY,
    can_repeat,
    compared,
    first_layer,
    level_of,
    recorded_texts,
)
from week2kit.verification.options import Options
from week2kit.verification.putting_back import Setting, other_facts, settings_for
from week2kit.verification.rerunning import Again, Rerun, Variables
from week2kit.verification.trials import EffortSpent, Kind
from week2kit.verification.workspace import Supply, find_supply

#: Told of each rerun before it begins: why it is done, and the facts with the values that are put back.
Tell = Callable[[Kind, Sequence[tuple[str, object]]], None]


def judge_command(
    manifest: CompletedCommand | FailedCommand,
    run: Run,
    files: Mapping[str, bytes],
    options: Options,
    deadline: float,
    tell: Tell,
) -> Judgement:
    """The verdict on a command whose folder agrees with its record.

    Args:
        manifest: the record.
        run: the run.
        files: its artifacts.
        options: what the caller decides.
        deadline: when its time is over, by the monotonic clock.
        tell: told of each rerun before it begins.

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
    reruns = _Reruns(rerun, deadline, options.effort, tell, manifest, of, recorded_texts(files))
    case = _Case(manifest, supply, reruns, checks)
    try:
        judgement = case.failed() if isinstance(manifest, FailedCommand) else case.completed()
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


@dataclass
class _Reruns:
    """Runs the command again on request, within its time and effort, and keeps the account."""

    rerun: Rerun
    deadline: float
    effort: int
    tell: Tell
    manifest: CompletedCommand | FailedCommand
    of: OfCommand | None
    texts: Mapping[str, str]
    more: dict[str, Path] = field(default_factory=dict)
    done: list[tuple[RerunRecord, Again]] = field(default_factory=list)

    def run(self, kind: Kind, settings: Sequence[Setting] = (), *, confine: bool, repeats: bool = True) -> Again:
        """Run it once more; where it agrees and `repeats` are asked for, each of them too.

        Raises:
            EffortSpent: there were as many reruns as are allowed.
            TimeLimitReached: there is no time left.
        """
        if len(self.done) >= self.effort:
            raise EffortSpent
        self.tell(kind, [(setting.name, setting.recorded) for setting in settings])
        variables: Variables = {name: value for setting in settings for name, value in setting.variables.items()}
        again = self._run(self.rerun, variables, confine=confine)
        if repeats and self._asks_for_repeats() and again.gathered is not None and not failing(self.compared(again)):
            assert self.of is not None
            for repeat in self.of.manifest.outcome.repeats:
                one = self._run(self.rerun.with_seed(repeat.seed), variables, confine=confine)
                again = again.and_repeat(one)
        self.done.append((self._record(kind, settings, again), again))
        return again

    def _run(self, rerun: Rerun, variables: Variables, *, confine: bool) -> Again:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeLimitReached("The time was over.")
        again = dataclasses.replace(rerun, timeout=left).run(variables, self.more, confine=confine)
        if again.failure is not None and again.failure[0] == "TimeLimit":
            raise TimeLimitReached("The time was over.")
        return again

    def _asks_for_repeats(self) -> bool:
        return self.of is not None and self.of.repeats and can_repeat(self.of.manifest)

    def compared(self, again: Again) -> list[Check]:
        """What came out, held against the record; nothing of a command that is recorded to fail."""
        return [] if self.of is None else compared(self.of, self.texts, again)

    def _record(self, kind: Kind, settings: Sequence[Setting], again: Again) -> RerunRecord:
        checks = self.compared(again)
        metrics = again.gathered.outcome.metrics if again.gathered is not None else {}
        return RerunRecord(
            kind=kind,
            factors=[setting.name for setting in settings],
            settings={setting.name: setting.recorded for setting in settings},
            agrees_to=_agrees_to(self.manifest, again, checks),
            differs=[check.code for check in failing(checks)],
            metrics=dict(metrics),
            failure=again.failure[2] if again.failure is not None else None,
            seconds=round(again.seconds, 3),
        )

    @property
    def records(self) -> list[RerunRecord]:
        return [record for record, _ in self.done]


def _agrees_to(manifest: CompletedCommand | FailedCommand, again: Again, checks: Sequence[Check]) -> Agreement:
    if isinstance(manifest, FailedCommand):
        return "failure" if _same_failure(manifest, again) else "nothing"
    if again.gathered is None:
        return "nothing"
    if not failing(checks):
        return level_of(manifest.outcome, checks)
    return "metrics" if not any(check.code.startswith("metrics") for check in failing(checks)) else "split"


def _same_failure(manifest: FailedCommand, again: Again) -> bool:
    recorded = manifest.failure
    return again.failure == (recorded.error, recorded.code, recorded.message)


#: Reruns that are given what the one before looked for in vain.
_ROUNDS: Final = 3

#: How Python code and R ask for an environment variable; a record keeps those of libraries, and none of a person's own.
_VARIABLE: Final = re.compile(
    r"""(?:environb?\s*(?:\.\s*(?:get|pop|setdefault)\s*\(|\[)|getenvb?\s*\()\s*b?["'](?P<name>[A-Za-z_]\w*)["']"""
)

# --- the rules --------------------------------------------------------------------------------------------------


@dataclass
class _Case:
    """One command to be judged."""

    manifest: CompletedCommand | FailedCommand
    supply: Supply
    reruns: _Reruns
    checks: list[Check]
    hermetic: Check | None = None
    besides: tuple[str, ...] = ()

    def failed(self) -> Judgement:
        """Does a command that failed fail again, in the same way?"""
        assert isinstance(self.manifest, FailedCommand)
        again = self._first(lambda one: _same_failure(self.manifest, one))  # type: ignore[arg-type]
        told = self.manifest.failure.message
        if (other := self._other_files(again)) is not None:
            return other
        if _same_failure(self.manifest, again):
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
        while len(self._natives()) < 3:
            self.reruns.run("native", confine=False)
        if (unstable := self._unstable()) is not None:
            return unstable
        return self._explained(again) or self._differs(again)

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
        if self._is_thin():
            while len(self._natives()) < 3:
                self.reruns.run("native", confine=False, repeats=False)
            if (unstable := self._unstable()) is not None:
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

    def _unstable(self) -> Judgement | None:
        """Unstable where reruns differ from one another, or where one fails and another does not."""
        first, *others = self._natives()
        where: Layer | None = None
        for other in others:
            where = where or _first_difference(first, other)
        if where is None:
            return None
        code = "unstable.command" if self.manifest.inputs.seed is None else "unstable.seeded_command"
        seed = self.manifest.inputs.seed
        reason = Finding(code=code, where=where, recorded=None if seed is None else seed.value)
        return self._judgement("unstable", first_divergence=where, reason=reason, metrics=self._metrics(first))

    def _explained(self, again: Again) -> Judgement | None:
        """Explained where the recorded facts, put back, give the recorded outcome: by the smallest set of them."""
        recorded = self.manifest.inputs.environment
        if recorded is None or again.environment is None:
            return None
        needed = settings_for(recorded, again.environment)
        if not needed:
            return None
        restored = self.reruns.run("restored", needed, confine=False)
        if not self._agrees(restored):
            return None
        note: list[Check] = []
        try:
            for setting in list(needed) if len(needed) > 1 else []:
                fewer = [one for one in needed if one is not setting]
                if fewer and self._agrees(self.reruns.run("restored", fewer, confine=False)):
                    needed = fewer
        except EffortSpent:
            note = [passed("effort", Finding(code="explained.not_minimal", recorded=self.reruns.effort))]
        assert isinstance(self.manifest, CompletedCommand)
        facts = made([FACTS], None, (recorded, self._facts(restored)))
        checks = [*self.reruns.compared(restored), *facts, *note]
        return self._judgement(
            "explained",
            level=level_of(self.manifest.outcome, checks),
            causes=[setting.cause("restored") for setting in needed],
            metrics=self._metrics(again, restored),
            checks=checks,
        )

    def _differs(self, again: Again) -> Judgement:
        assert isinstance(self.manifest, CompletedCommand)
        checks, facts = self.reruns.compared(again), self._facts(again)
        if again.failure is not None:
            checks = [failed("failure", "rerun.failed", "command", "completed", again.failure[2])]
        where = first_layer(checks)
        told: dict[str, Any] = {
            "metrics": self._metrics(again),
            "checks": checks,
            "causes": facts,
            "first_divergence": where,
        }
        if again.is_ended:
            return self._judgement("undecided", reason=Finding(code="undecided.ended", now=_failure(again)), **told)
        reason = self._why_not(again)
        return self._judgement("different" if reason is None else "undecided", reason=reason, **told)

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
        return Finding(code="undecided.environment") if self._facts(again) else None

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


def _first_difference(first: Again, other: Again) -> Layer | None:
    """The first layer in which two reruns differ."""
    if first.gathered is None or other.gathered is None:  # of what fails, words of its own vary: names, addresses
        return None if first.gathered is other.gathered else "metrics"
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
