"""Checks, collected once: every kind of run has a list of questions, from which its checks are planned and made.

And the judgement that they lead to, as a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, TypeVar

from week2kit.errors import DataNotFound
from week2kit.record.command import CompletedCommand
from week2kit.record.manifest import CompletedRun
from week2kit.record.verdict import Cause, Check, Finding, Layer, Level, MetricValues, RerunRecord, VerdictName
from week2kit.verification.messages import Missing

Case = TypeVar("Case")


class Expected(NamedTuple):
    """What decides which checks there are: the record, and whether its repeats are trained again, too.

    Of a partial record it is the record alone.
    """

    manifest: CompletedRun
    repeats: bool = False


class OfCommand(NamedTuple):
    """The same for a command."""

    manifest: CompletedCommand
    repeats: bool = False


@dataclass(frozen=True)
class Question(Generic[Case]):
    """One question to a run.

    Attributes:
        codes: the stable codes of its checks, in order: one, or those that follow from the record.
        ask: makes the check of one code, or several that failed; None where an earlier one left nothing to ask.
    """

    codes: str | Callable[[Any], Iterable[str]]
    ask: Callable[[Case, str], Check | list[Check] | None]

    def planned(self, expected: object) -> list[str]:
        """The codes of its checks."""
        return [self.codes] if isinstance(self.codes, str) else [*self.codes(expected)]


def planned(questions: Iterable[Question[Any]], expected: object) -> list[str]:
    """The codes of all checks, in the order in which they are made."""
    return [code for question in questions for code in question.planned(expected)]


def made(questions: Iterable[Question[Case]], expected: object, case: Case) -> list[Check]:
    """The checks: as planned, but for those that an earlier one leaves out."""
    checks: list[Check] = []
    for question in questions:
        for code in question.planned(expected):
            answer = question.ask(case, code)
            checks += [answer] if isinstance(answer, Check) else answer or []
    return checks


def failing(checks: Iterable[Check]) -> list[Check]:
    """The checks that failed."""
    return [check for check in checks if check.outcome == "failed"]


def passed(code: str, finding: Finding | None = None) -> Check:
    """A check that passed, perhaps with a note."""
    return Check(code=code, outcome="passed", finding=finding)


def failed(code: str, finding: str, where: str = "", recorded: Any = None, now: Any = None) -> Check:
    """A check that failed: what was found there, as values."""
    return Check(code=code, outcome="failed", finding=Finding(code=finding, where=where, recorded=recorded, now=now))


def skipped(code: str, finding: str, where: str = "", recorded: Any = None, now: Any = None) -> Check:
    """A check that could not be made, and why."""
    return Check(code=code, outcome="skipped", finding=Finding(code=finding, where=where, recorded=recorded, now=now))


def compare(code: str, where: str, recorded: Any, now: Any, *, finding: str = "") -> Check:
    """Passed where two values are equal, else failed with both; the finding is named as the check, if not otherwise."""
    return passed(code) if recorded == now else failed(code, finding or code, where, recorded, now)


# --- the judgement ------------------------------------------------------------------------------------------------

#: Types of errors of ours: their names say nothing to a person, their messages do.
OUR_ERRORS: Final = frozenset({"ConfigError", "DataNotFound", "StageError", "WarningRefused"})


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


def without_data(error: DataNotFound, where: str = "", checks: Sequence[Check] = ()) -> Judgement:
    """The judgement where the data are not here: what is missing, and what helps."""
    now = f"{error} {error.hint}".strip()
    return undecided("undecided.data_missing", where, error.command or None, now, checks=[*checks])
