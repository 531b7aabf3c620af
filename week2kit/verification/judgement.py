"""The judgement on a run, as a value, and the one way in which most of them begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from week2kit.errors import DataNotFound
from week2kit.record.verdict import Cause, Check, Finding, Layer, Level, MetricValues, RerunRecord, VerdictName
from week2kit.verification.messages import Missing

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
