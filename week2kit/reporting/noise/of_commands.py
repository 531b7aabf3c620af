"""The noise of a person's own script: how far a metric moves over its repeats and over runs with other seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from week2kit.inputs.changes import Statement
from week2kit.record.command import CompletedCommand
from week2kit.reporting.noise.seeds import pairs_of, spread_of

#: Fewer values than this say little of how far a metric moves.
_FEWEST: Final = 3


def by_seed(run: CompletedCommand, metric: str) -> dict[int, float]:
    """A metric of a run and its repeats, by their seeds; empty where no seed is known."""
    seed, own = run.inputs.seed, run.outcome.metrics.get(metric)
    found = {one.seed: value for one in run.outcome.repeats if (value := one.metrics.get(metric)) is not None}
    if seed is not None and own is not None:
        found = {seed.value: own, **found}
    return {number: value for number, value in found.items() if number is not None}


def tell_spread(name: str, metric: str, alike: Sequence[CompletedCommand]) -> Iterator[Statement]:
    """How far a metric moves over runs of one command, the first with its repeats, that differ in the seed at most."""
    first, code = alike[0], "noise.over_seeds"
    values = list({seed: value for run in reversed(alike) for seed, value in by_seed(run, metric).items()}.values())
    if not values and metric in first.outcome.metrics:  # no seed is known
        code = "noise.over_runs"
        values = [one.metrics[metric] for one in first.outcome.repeats if metric in one.metrics]
        values.insert(0, first.outcome.metrics[metric])
    if len(values) >= _FEWEST:
        found = {"count": len(values), "spread": spread_of(values), "least": min(values), "most": max(values)}
        yield Statement(code, {**found, "run": name, "metric": metric})


def tell_pairs(
    names: tuple[str, str], metric: str, values: tuple[Mapping[int, float], Mapping[int, float]], *, upward: bool
) -> Iterator[Statement]:
    """How two runs that were repeated compare seed by seed, over the seeds that both have."""
    before, after = values
    differences = [after[seed] - before[seed] for seed in before if seed in after]
    if len(differences) >= _FEWEST:
        yield pairs_of(*names, differences, upward=upward)
