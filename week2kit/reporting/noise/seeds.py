"""How far a metric moves with other seeds: the spread of a run's repeats, and what is missing where there are none."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from week2kit.inputs.changes import Statement, is_interpretable, primary_metric, repeats_vary
from week2kit.record.manifest import CompletedRun, Metric
from week2kit.reporting.noise.uncertainty import same_seeds
from week2kit.thresholds import SUGGESTED_REPEATS


class Named(NamedTuple):
    """A completed run under the name that the report gives it, and the path by which it was named."""

    name: str
    run: CompletedRun
    path: str
    repeated: tuple[str, CompletedRun] | None = None
    """Another run of the same inputs that was trained with other seeds, too, where this one was not."""


def spread(metric: Metric) -> float | None:
    """The sample standard deviation of a metric over the run's own seed and its repeats; None without repeats."""
    return spread_of(_known(metric))


def spread_of(values: Sequence[float]) -> float | None:
    """The sample standard deviation; None of fewer than two values."""
    if len(values) < 2:
        return None
    center = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - center) ** 2 for value in values) / (len(values) - 1))


def _known(metric: Metric) -> list[float]:
    """The value of a run and those of its repeats, as far as they are defined."""
    return [value for value in (metric.value, *(repeat.value for repeat in metric.repeats)) if value is not None]


def tell_noise(runs: Sequence[Named], *, with_first: bool = True) -> Iterator[Statement]:
    """What the repeats of one run, or of a baseline and a variant, say of the noise of the first's primary metric."""
    metric = primary_metric(runs[0].run)
    having = [named for named in runs if metric in named.run.outcome.metrics and is_interpretable(named.run, metric)]
    told: list[Statement] = []  # the run that measured the noise of another may be told here itself
    for named in having if with_first else [named for named in having if named is not runs[0]]:
        told += [statement for statement in _of_one(named, metric) if statement not in told]
    yield from told
    if len(having) > 1 and having[0] is runs[0]:
        yield from _of_two(having[0], having[1], metric)


def _of_one(named: Named, metric: str) -> Iterator[Statement]:
    record = named.run.outcome.metrics[metric]
    if not record.repeats and named.repeated is not None:
        other, run = named.repeated
        yield Statement("noise.elsewhere", {"run": named.name, "other": other, "metric": metric})
        yield from _of_one(Named(other, run, named.path), metric)
        return
    values: dict[str, Any] = {"run": named.name, "metric": metric}
    if not record.repeats:
        command = ["week2kit", "train", f"{named.path}/config.json", "--repeats", str(SUGGESTED_REPEATS)]
        yield Statement("noise.missing", values | {"command": shlex.join(command)})
        return
    known = _known(record)
    if len(known) < 2:
        return
    found = {"spread": spread(record), "least": min(known), "most": max(known), "count": len(known) - 1}
    split, model = repeats_vary(named.run.inputs.config.resolved or {})
    code = {(True, True): "both", (True, False): "split", (False, True): "model"}.get((split, model), "neither")
    yield Statement(f"noise.{code}", values | found)


def _of_two(baseline: Named, variant: Named, metric: str) -> Iterator[Statement]:
    before, after = (named.run.outcome.metrics[metric] for named in (baseline, variant))
    if not before.repeats or not after.repeats:
        return
    if not same_seeds([before, after]):
        yield Statement("noise.other_seeds")
        return
    pairs = zip(*([record.value, *(one.value for one in record.repeats)] for record in (before, after)), strict=True)
    differences = [new - old for old, new in pairs if new is not None and old is not None]
    if len(differences) < 2:
        return
    yield pairs_of(baseline.name, variant.name, differences, upward=bool(before.greater_is_better))


def pairs_of(baseline: str, variant: str, differences: Sequence[float], *, upward: bool) -> Statement:
    """How often a variant was ahead of its baseline, and how far on average, seed by seed."""
    gains = differences if upward else [-difference for difference in differences]
    values = {
        "baseline": baseline,
        "variant": variant,
        "pairs": len(differences),
        "ahead": sum(gain > 0 for gain in gains),
        "behind": sum(gain < 0 for gain in gains),
        "difference": math.fsum(differences) / len(differences),
    }
    return Statement("noise.pairs", values)
