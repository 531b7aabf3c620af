"""The trainings of one verification, in order, with a cap on their number: what was tried, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Literal, Protocol, TypeAlias

from week2kit.environment.conditions import AS_HERE, Conditions
from week2kit.environment.restoring import Factor
from week2kit.record.verdict import Cause
from week2kit.verification.messages import Fresh

#: Why a training was done: in the environment as it is here; with recorded facts put back; with something changed to
#: see what it does, before a verdict (provoked) or after one, because the caller asked for it (varied).
Kind: TypeAlias = Literal["native", "restored", "provoked", "varied"]


class EffortSpent(Exception):
    """As many trainings as the caller allows have been done, and the question is still open."""


@dataclass(frozen=True)
class Needed:
    """The smallest set of factors that gives an outcome.

    Attributes:
        factors: the set.
        not_apart: those of them without which no process came about, so nobody knows.
        minimal: whether each was tried; else fewer may be enough.
    """

    factors: tuple[Factor, ...]
    not_apart: tuple[Factor, ...] = ()
    minimal: bool = True


def smallest_set(factors: Sequence[Factor], comes_out: Callable[[Sequence[Factor]], bool | None]) -> Needed:
    """Search the smallest set of factors that gives the outcome, as all of them do: they interact, so never only add.

    Args:
        factors: all, least likely cause first; versions and all others are first tried as wholes.
        comes_out: whether the outcome comes out with these alone; None where no process came about. It may raise
            `EffortSpent`.
    """
    needed, not_apart = list(factors), list[Factor]()
    versions = [factor for factor in factors if factor.conditions.versions is not None]
    others = [factor for factor in factors if factor not in versions]
    groups = [versions, others] if versions and others else []
    try:
        for group in [*groups, *([factor] for factor in factors)]:
            rest = [factor for factor in needed if factor not in group]
            if not rest or len(rest) == len(needed):
                continue
            answer = comes_out(rest)
            if answer:
                needed = rest
            elif answer is None and len(group) == 1:
                not_apart += group
    except EffortSpent:
        return Needed(tuple(needed), tuple(not_apart), minimal=False)
    return Needed(tuple(needed), tuple(not_apart))


def causes_of(factors: Sequence[Factor], restored: Sequence[Factor]) -> list[Cause]:
    """Factors as causes: proven are those that were put back by themselves and took effect."""
    return [
        Cause(
            input="environment",
            factor=factor.name,
            recorded=factor.recorded,
            now=factor.now,
            proof="restored" if factor in restored else "observed",
        )
        for factor in factors
    ]


class Train(Protocol):
    """Trains once more in a fresh process and compares with the stored predictions, or with `against`."""

    def __call__(
        self,
        conditions: Conditions,
        *,
        repeats: bool = False,
        give_predictions: bool = False,
        against: str | None = None,
    ) -> Fresh:
        """What came out; a process that died under conditions is a failure in it.

        Where `repeats`, the run's repeats are trained, too, if the caller of verify asked for that.
        """


@dataclass(frozen=True)
class Trial:
    """One training: why, with which factors, and what came out."""

    kind: Kind
    factors: tuple[Factor, ...]
    fresh: Fresh


@dataclass
class Trials:
    """Trains on request until the effort is spent, and keeps the account.

    Attributes:
        train: does one training.
        effort: how many trainings there may be.
        tell: told of each before it begins.
        others: trains other configs on the same rows, and compares them with what came out of a training.
    """

    train: Train
    effort: int
    tell: Callable[[Kind, Sequence[Factor]], None] = lambda kind, factors: None
    others: Callable[[list[dict[str, Any]], Fresh, int], list[Fresh]] = lambda configs, fresh, near: []
    done: list[Trial] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How many more trainings there may be."""
        return self.effort - len(self.done)

    def native(self) -> list[Fresh]:
        """What came out in the environment as it is here, in order."""
        return [trial.fresh for trial in self.done if trial.kind == "native"]

    def run(
        self,
        kind: Kind,
        factors: Sequence[Factor] = (),
        *,
        give_predictions: bool = False,
        against: str | None = None,
    ) -> Fresh:
        """Train once more.

        Raises:
            EffortSpent: there were as many trainings as are allowed.
        """
        if self.left <= 0:
            raise EffortSpent
        self.tell(kind, factors)
        conditions = reduce(or_, (factor.conditions for factor in factors), AS_HERE)
        # what is varied after the verdict is compared by its scores, and of repeats there are none
        repeats = kind != "varied"
        fresh = self.train(conditions, repeats=repeats, give_predictions=give_predictions, against=against)
        self.done.append(Trial(kind, tuple(factors), fresh))
        return fresh

    def repeat(self, times: int) -> None:
        """Train in the environment as it is here until that was done `times` times."""
        while len(self.native()) < times:
            self.run("native", give_predictions=True)  # what is provoked later is compared with them
