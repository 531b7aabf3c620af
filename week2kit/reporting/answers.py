"""What the runs answer to a goal or a hypothesis: the comparison, beside words that nothing here understands.

Only a text that is a metric, a sign and a number (``f1_macro >= 0.9``) is held against what was measured.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from week2kit.inputs.changes import Statement
from week2kit.reporting.rows import GoalRow, Score
from week2kit.reporting.values import Comparison

#: How a threshold is written, and what it asks.
_ASKS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_THRESHOLD: Final = re.compile(r"\s*(?P<metric>\w+)\s*(?P<sign>[<>]=?)\s*(?P<value>-?\d+(?:\.\d+)?)\s*")


def answered(
    goals: Sequence[GoalRow],
    scores: Mapping[str, Mapping[str, Score]],
    baseline: str,
    comparisons: Sequence[Comparison],
    ranking: Sequence[Statement],
) -> tuple[GoalRow, ...]:
    """Goals and hypotheses with what was measured.

    Args:
        goals: as the configs have them.
        scores: the metrics of each run that is told of, by its name, the baseline first.
        baseline: the run that the others are compared with.
        comparisons: what came of it.
        ranking: what is said of all of them, where there are several.
    """
    rows = []
    for row in goals:
        measured = tuple(_measured(row.goal, scores)) if row.goal else ()
        found: tuple[Statement, ...] = ()
        if row.hypothesis and not (found := tuple(_measured(row.hypothesis, {row.run: scores.get(row.run, {})}))):
            found = tuple(_compared(row.run, baseline, comparisons, ranking))
        rows.append(row._replace(goal_measured=measured, hypothesis_measured=found))
    return tuple(rows)


def _measured(text: str, scores: Mapping[str, Mapping[str, Score]]) -> Iterator[Statement]:
    """Whether runs reach the threshold that a text is; nothing where it is any other text."""
    match = _THRESHOLD.fullmatch(text)
    if match is None:
        return
    asked = float(match["value"])
    for run, metrics in scores.items():
        score = metrics.get(match["metric"])
        if score is None or score.value is None:
            continue
        code = "goal.reached" if _ASKS[match["sign"]](score.value, asked) else "goal.missed"
        names = {"run": run, "metric": match["metric"], "value": score.value, "gap": abs(score.value - asked)}
        yield Statement(code, names)


def _compared(
    run: str, baseline: str, comparisons: Sequence[Comparison], ranking: Sequence[Statement]
) -> Iterator[Statement]:
    """What the comparison that a hypothesis is about came to; of the baseline's own, all of them."""
    own = [one for one in comparisons if one.variant.name == run]
    if not own and run == baseline:
        if len(comparisons) != 1 or ranking:
            yield from ranking
            return
        own = list(comparisons)
    for one in own:
        yield from came_to(one, baseline)


def came_to(one: Comparison, baseline: str) -> Iterator[Statement]:
    """What a comparison answers on the primary metric; nothing where there is no number."""
    judgement = one.judgement
    if one.obstacles:
        yield Statement("answer.not_comparable", {"variant": one.variant.name, "baseline": baseline})
    if one.obstacles or judgement is None or judgement.difference is None:
        return
    names = {"variant": one.variant.name, "baseline": baseline, "metric": judgement.metric}
    yield Statement(f"answer.{judgement.verdict}", {**names, "difference": judgement.difference})
    yield from (said for said in judgement.statements if said.code.startswith("unreliable."))
    if len(one.things) > 1:
        yield Statement("answer.several", {"things": list(one.things)})
