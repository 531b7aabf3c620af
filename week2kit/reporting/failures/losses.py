"""Runs that worked and came out lower than the baseline: which of them are worse by more than noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from week2kit.inputs.changes import (
    Statement,
    changed_things,
    compare_inputs,
)
from week2kit.record.manifest import CompletedRun
from week2kit.record.store import Run
from week2kit.reporting.noise.judging import tests_between
from week2kit.reporting.rows import Verdict
from week2kit.reporting.runs import Runs, completed, is_whole, primary_of
from week2kit.reporting.values import Retrospective, Setback
from week2kit.statistics.exact import holm_among
from week2kit.thresholds import RANKED_ROWS, SIGNIFICANCE, TESTED_LOSERS, TOLD_LOSERS

_NOT_APART: Final = frozenset({"noise", "equal", "equivalent"})


def with_losses(story: Retrospective, first: Run, everything: Runs, known: Mapping[str, Verdict]) -> Retrospective:
    """The story of what failed, and of what came out lower than the baseline.

    Args:
        story: what failed.
        first: the baseline.
        everything: all runs to look at.
        known: the verdicts that the report has already, by the names of the runs. Of the others, those with the
            largest losses are tested here.
    """
    others = [run for run in everything.runs if run is not first and run.manifest.status == "completed"]
    comparable = [run for run in others if not everything.obstacles(first, run)]
    gains = {run.path: gain for run in comparable if (gain := _gain(first, run, everything)) is not None}
    comparable = [run for run in comparable if run.path in gains]
    lower = sorted((run for run in comparable if gains[run.path] < 0), key=lambda run: gains[run.path])
    untold = [run for run in lower if everything.name(run) not in known]
    new = [run for run in untold if is_whole(first) and is_whole(run)][:TESTED_LOSERS]
    verdicts = {**known, **(_tested(first, new, everything, len(comparable)) if new else {})}
    by_verdict: dict[str, list[Run]] = {}
    for run in lower:
        verdict = verdicts.get(everything.name(run), "untested")
        by_verdict.setdefault("noise" if verdict in _NOT_APART else verdict, []).append(run)
    worse = by_verdict.get("worse", [])
    return story._replace(
        setbacks=(*story.setbacks, *(_lost(run, first, everything) for run in worse[:TOLD_LOSERS])),
        worse_left_out=len(worse[TOLD_LOSERS:]),
        not_apart=tuple(map(everything.name, by_verdict.get("noise", []))),
        not_tested=tuple(map(everything.name, by_verdict.get("untested", []))),
        not_judged=len(others) - len(comparable),
    )


def _gain(first: Run, run: Run, everything: Runs) -> float | None:
    name = primary_of(everything.scores(first))
    found, better = everything.difference(first, run, name), everything.is_upward(name, [first])
    return None if found is None or better is None else found if better else -found


# --- a light test -----------------------------------------------------------------------------------------------


def _tested(first: Run, runs: Sequence[Run], everything: Runs, comparable: int) -> dict[str, Verdict]:
    """The verdicts of runs that are lower; Holm's p-values count all comparable runs, of which these are the worst.

    Where their rows are too many for a light test, there are none.
    """
    every = [first, *runs]
    if sum(completed(run).outcome.predictions.rows for run in every) > RANKED_ROWS:
        return {}
    test = tests_between(first, every, everything)
    adjusted = holm_among([test(0, position) for position in range(1, len(every))], comparable)
    return {
        everything.name(run): "worse" if p_value < SIGNIFICANCE else "noise"
        for run, p_value in zip(runs, adjusted, strict=True)
        if p_value is not None
    }


# --- how it is told ---------------------------------------------------------------------------------------------


def _lost(run: Run, first: Run, everything: Runs) -> Setback:
    tried = tuple(compare_inputs(first.manifest, run.manifest))
    name = primary_of(everything.scores(first))
    before, after = (everything.scores(one)[name].value for one in (first, run))
    found = everything.difference(first, run, name)
    values: dict[str, Any] = {"metric": name, "baseline": before, "value": after, "difference": found}
    rows = run.manifest.outcome.predictions.rows if isinstance(run.manifest, CompletedRun) else None
    things = changed_things(tried)
    told = {"thing": things[0] if things else None, "things": things, "metric": name}
    code = {0: "nothing", 1: "one"}.get(len(things), "several")
    return Setback(
        run=everything.row(run),
        kind="worse",
        runs=(everything.name(run),),
        compared_with=everything.name(first),
        tried=tried,
        as_written=False,
        stage=None,
        happened=Statement("worse.reported" if rows is None else "worse.by", values | {"rows": rows}),
        why=Statement(f"worse.why_{code}", told),
        hint="",
        next=None,
        learned=Statement(f"worse.learned_{code}", told),
    )
