"""The reruns of one command: each under the facts that are asked for, held against the record, and counted."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from pathlib import Path

from week2kit.environment.conditions import AS_HERE, Conditions
from week2kit.environment.restoring import Factor
from week2kit.errors import CannotRestore, TimeLimitReached
from week2kit.processes.interpreters import build_for_command
from week2kit.record.command import CompletedCommand, FailedCommand
from week2kit.record.manifest import Environment
from week2kit.record.verdict import Agreement, Check, RerunRecord
from week2kit.verification.checks import OfCommand, failing
from week2kit.verification.command_layers import (
    can_repeat,
    compared,
    level_of,
)
from week2kit.verification.rerunning import Again, NotHere, Rerun, not_run
from week2kit.verification.trials import EffortSpent, Kind

#: Told of each rerun before it begins: why it is done, and the facts with the values that are put back.
Tell = Callable[[Kind, Sequence[tuple[str, object]]], None]


@dataclass
class Reruns:
    """Runs the command again on request, within its time and effort, and keeps the account."""

    rerun: Rerun
    deadline: float
    effort: int
    tell: Tell
    manifest: CompletedCommand | FailedCommand
    of: OfCommand | None
    texts: Mapping[str, str]
    may_restore: bool
    home: Environment | None = None
    more: dict[str, Path] = field(default_factory=dict)
    done: list[tuple[RerunRecord, Again]] = field(default_factory=list)

    def run(self, kind: Kind, factors: Sequence[Factor] = (), *, confine: bool, repeats: bool = True) -> Again:
        """Run it once more; where it agrees and `repeats` are asked for, each of them too.

        Raises:
            EffortSpent: there were as many reruns as are allowed.
            TimeLimitReached: there is no time left.
        """
        if len(self.done) >= self.effort:
            raise EffortSpent
        self.tell(kind, [(factor.name, factor.recorded) for factor in factors])
        conditions = reduce(or_, (factor.conditions for factor in factors), AS_HERE)
        again = self._under(self.rerun, conditions, confine=confine)
        if repeats and self._asks_for_repeats() and again.gathered is not None and not failing(self.compared(again)):
            assert self.of is not None
            for repeat in self.of.manifest.outcome.repeats:
                one = self._under(self.rerun.with_seed(repeat.seed), conditions, confine=confine)
                again = again.and_repeat(one)
        self.done.append((self._record(kind, factors, again), again))
        return again

    def _under(self, rerun: Rerun, conditions: Conditions, *, confine: bool) -> Again:
        """What came out under conditions; where no process came about, and versions may be put back, a failure."""
        python = None
        try:
            if conditions.versions is not None:
                python = self._python(dict(conditions.versions))
            rerun = dataclasses.replace(rerun, timeout=self._time_left())
            again = rerun.run(conditions, self.more, python=python, confine=confine)
        except (CannotRestore, NotHere) as error:
            if not self.may_restore or isinstance(self.manifest, FailedCommand):
                raise
            return not_run(type(error).__name__, str(error))
        if again.failure is not None and again.failure[0] == "TimeLimit":
            raise TimeLimitReached("The time was over.")
        return again

    def _python(self, versions: dict[str, str]) -> Path:
        """A Python in which these versions are in force, and for the others that the command imported those of here."""
        recorded, here = self.manifest.inputs.environment, self.home
        assert recorded is not None
        kept = {} if here is None else {n: v for n, v in here.libraries.items() if n in recorded.libraries}
        python = versions.pop("python", here.python if here is not None else recorded.python)
        return build_for_command(python, {**kept, **versions}, timeout=self._time_left())

    def _time_left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeLimitReached("The time was over.")
        return left

    def _asks_for_repeats(self) -> bool:
        return self.of is not None and self.of.repeats and can_repeat(self.of.manifest)

    def compared(self, again: Again) -> list[Check]:
        """What came out, held against the record; nothing of a command that is recorded to fail."""
        return [] if self.of is None else compared(self.of, self.texts, again)

    def _record(self, kind: Kind, factors: Sequence[Factor], again: Again) -> RerunRecord:
        checks = self.compared(again)
        metrics = again.gathered.outcome.metrics if again.gathered is not None else {}
        return RerunRecord(
            kind=kind,
            factors=[factor.name for factor in factors],
            settings={factor.name: factor.recorded for factor in factors},
            agrees_to=_agrees_to(self.manifest, again, checks),
            differs=[check.code for check in failing(checks)],
            metrics=dict(metrics),
            failure=again.failure[2] if again.failure is not None else None,
            seconds=round(again.seconds, 3),
        )

    @property
    def records(self) -> list[RerunRecord]:
        """What was done, in order."""
        return [record for record, _ in self.done]


def _agrees_to(manifest: CompletedCommand | FailedCommand, again: Again, checks: Sequence[Check]) -> Agreement:
    if isinstance(manifest, FailedCommand):
        return "failure" if same_failure(manifest, again) else "nothing"
    if again.gathered is None:
        return "nothing"
    if not failing(checks):
        return level_of(manifest.outcome, checks)
    return "metrics" if all(check.code.startswith("predictions") for check in failing(checks)) else "nothing"


def same_failure(manifest: FailedCommand, again: Again) -> bool:
    """Whether a command failed again in the same way."""
    recorded = manifest.failure
    return again.failure == (recorded.error, recorded.code, recorded.message)
