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
) -> tuple[GoalRow, ...]:
    """Goals and hypotheses with what was measured.

    That of the baseline is about the baseline, and about the only variant where that has none of its own.

    Args:
        goals: as the configs have them.
        scores: the metrics of each run that is told of, by its name, the baseline first.
        baseline: the run that the others are compared with.
        comparisons: what came of it.
    """
    rows, asking = [], {row.run for row in goals if row.hypothesis}
    for row in goals:
        measured = tuple(_measured(row.goal, scores)) if row.goal else ()
        found: tuple[Statement, ...] = ()
        if row.hypothesis and not (found := tuple(_measured(row.hypothesis, {row.run: scores.get(row.run, {})}))):
            about = [one for one in comparisons if one.variant.name == row.run]
            if row.run == baseline:
                about = [one for one in comparisons if one.variant.name not in asking and len(comparisons) == 1]
            found = tuple(said for one in about for said in came_to(one, baseline))
            found += tuple(_of_baseline(row.run, scores.get(row.run, {}))) if row.run == baseline else ()
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


def _of_baseline(run: str, metrics: Mapping[str, Score]) -> Iterator[Statement]:
    """The primary metric of the baseline beside that of a dummy: it was trained before there was anything else."""
    name, score = next(iter(metrics.items()), ("", None))
    if score is not None and score.value is not None and score.dummy is not None:
        yield Statement("answer.baseline", {"run": run, "metric": name, "value": score.value, "dummy": score.dummy})


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
