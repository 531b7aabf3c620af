"""What did not work: runs that failed, were interrupted, or came out worse, and what each one shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from week2kit.canonical import JsonError, parse_json
from week2kit.comparison import (
    ABSENT,
    Change,
    Statement,
    advantage,
    changed_things,
    compare_configs,
    compare_inputs,
    config_items,
    config_leaves,
    nearest,
    obstacles,
    primary_metric,
)
from week2kit.reporting.values import RunRow, Setback
from week2kit.schema.manifest import CompletedRun, FailedRun, Stage
from week2kit.store import Run
from week2kit.thresholds import RETROSPECTIVE_RUNS

#: Errors that come from outside the five inputs: the same run may well complete next time.
_FROM_OUTSIDE: Final = frozenset({"KeyboardInterrupt", "Terminated", "MemoryError", "SystemExit", "TimeoutError"})


class Setbacks(NamedTuple):
    """The runs that did not work, those beyond `thresholds.RETROSPECTIVE_RUNS`, and those that cannot be judged."""

    told: tuple[Setback, ...]
    left_out: int
    not_judged: int


def setbacks(baseline: Run | None, runs: Sequence[Run], row: Callable[[Run], RunRow]) -> Setbacks:
    """The setbacks among `runs`: failures first, then interrupted runs, then those worse than the baseline.

    Args:
        baseline: the run that decides what is worse; None where none completed.
        runs: all runs to look at, in the order of the report.
        row: how a run is shown.
    """
    completed = [run for run in runs if isinstance(run.manifest, CompletedRun)]
    # of equally near ones the baseline is the one that the reader knows
    completed.sort(key=lambda run: run is not baseline)
    known = _Known(completed)
    failed = [run for run in runs if run.manifest.status == "failed"]
    running = [run for run in runs if run.manifest.status == "running"]
    worse, not_judged = _worse(baseline, completed)
    every = [*((run, "failed") for run in failed), *((run, "interrupted") for run in running)]
    every += [(run, "worse") for run in worse]
    told = [_setback(run, kind, baseline, known, row) for run, kind in every[:RETROSPECTIVE_RUNS]]
    return Setbacks(tuple(told), len(every) - len(told), not_judged)


class _Known:
    """The completed runs, and their configs in the form in which the nearest is found."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = [run for run in runs if run.manifest.inputs.config.resolved is not None]
        self._items = [config_items(run.manifest.inputs.config.resolved or {}) for run in self._runs]

    def nearest(self, config: dict[str, Any]) -> Run | None:
        index = nearest(config_items(config), self._items)
        return None if index is None else self._runs[index]


def _worse(baseline: Run | None, completed: Sequence[Run]) -> tuple[list[Run], int]:
    if baseline is None or not isinstance(baseline.manifest, CompletedRun):
        return [], 0
    reference, name = baseline.manifest, primary_metric(baseline.manifest)
    worse, not_judged = [], 0
    for run in completed:
        if run is baseline or not isinstance(run.manifest, CompletedRun):
            continue
        if obstacles(reference, run.manifest):
            not_judged += 1
        elif advantage(reference.outcome.metrics[name], run.manifest.outcome.metrics[name]) < 0:
            worse.append(run)
    return worse, not_judged


def _setback(run: Run, kind: str, baseline: Run | None, known: _Known, row: Callable[[Run], RunRow]) -> Setback:
    if kind == "worse" and baseline is not None:
        return _lost(run, baseline, row)
    config, as_written = _config(run)
    other = known.nearest(config) if config is not None else None
    tried = tuple(_tried(config, as_written, run, other)) if config is not None and other is not None else ()
    name = row(other).name if other is not None else None
    manifest = run.manifest
    if isinstance(manifest, FailedRun):
        failure = manifest.failure
        happened = Statement("failed.at", {"stage": failure.stage, "error": failure.error})
        why = Statement("failed.why", {"message": failure.message})
        stage: Stage | None = failure.stage
        learned = (
            _refused(failure.stage, tried, name) if as_written else _lesson(failure.stage, failure.error, tried, name)
        )
        return Setback(row(run), "failed", name, tried, as_written, stage, happened, why, failure.hint, learned)
    stage = manifest.stages[-1].name if manifest.stages else None
    happened = Statement("interrupted.after" if stage else "interrupted", {"stage": stage})
    why, learned = Statement("interrupted.why"), Statement("interrupted.learned")
    return Setback(row(run), "interrupted", name, tried, as_written, stage, happened, why, "", learned)


# --- failures ---------------------------------------------------------------------------------------------------


def _config(run: Run) -> tuple[dict[str, Any] | None, bool]:
    """The config that a run was given, and whether it is only known as it was written."""
    config = run.manifest.inputs.config
    if config.resolved is not None:
        # a run that failed before its data was read has a config without what the data decides, such as the task
        whole = "task" in config.resolved
        return (config.resolved, False) if whole else (_comparable(config.resolved), True)
    try:
        return _comparable(parse_json((config.raw or "").encode())), True
    except (JsonError, UnicodeEncodeError):
        return None, True


def _comparable(written: object) -> dict[str, Any] | None:
    """A config as it was written, as far as it can be compared with a resolved one.

    Short names are written out; the course's flat form and the names of whole preprocessings are not comparable.
    """
    if not isinstance(written, dict) or not {"data", "model"} & set(written):
        return None
    config = dict(written)
    if config.get("preprocess") == "none":
        config["preprocess"] = []
    elif isinstance(config.get("preprocess"), str):
        del config["preprocess"]
    model = config.get("model")
    model = {"class": model} if isinstance(model, str) else model
    if isinstance(model, dict) and isinstance(model.get("class"), str) and "." not in model["class"]:
        from week2kit.schema.config import ALIASES  # costs more than the rest of a report, and is rarely needed

        model = model | {"class": ALIASES.get(model["class"], model["class"])}
    return config if model is None else config | {"model": model}


def _tried(config: dict[str, Any], as_written: bool, run: Run, other: Run) -> Iterator[Change]:
    """What the run changed against the nearest completed one; of a config as written, only keys that it holds."""
    if not as_written:
        yield from compare_inputs(other.manifest, run.manifest)
        return
    written = config_leaves(config)
    for change in compare_configs(other.manifest.inputs.config.resolved or {}, config):
        if change.key in written or (change.key == "model" and change.variant is not ABSENT):
            yield change


def _refused(stage: Stage, tried: Sequence[Change], other: str | None) -> Statement:
    """What a config shows that was never filled in: of keys that it does not hold, nothing is said."""
    if other is None:
        return Statement("learned.alone", {"stage": stage})
    things = changed_things(tried)
    if len(things) == 1:
        values = {"key": things[0], "failed": tried[0].variant, "other": other, "stage": stage}
        return Statement("learned.refused_one", values)
    code = "learned.refused" if things else "learned.refused_alike"
    return Statement(code, {"other": other, "things": things})


def _lesson(stage: Stage, error: str, tried: Sequence[Change], other: str | None) -> Statement:
    """One sentence that follows from the failure and its difference to the nearest run that completed."""
    values: dict[str, Any] = {"stage": stage, "other": other}
    if error in _FROM_OUTSIDE:
        return Statement("learned.from_outside", values | {"error": error})
    if other is None:
        return Statement("learned.alone", values)
    things = changed_things(tried)
    if not things:
        return Statement("learned.no_difference", values)
    if len(things) > 1:
        return Statement("learned.several", values | {"things": things})
    change = tried[0]
    if change.input == "config":
        code = "learned.one_key_new" if change.baseline is ABSENT else "learned.one_key"
        return Statement(code, values | {"key": change.key, "worked": change.baseline, "failed": change.variant})
    return Statement("learned.one_input", values | {"input": change.input})


# --- worse ------------------------------------------------------------------------------------------------------


def _lost(run: Run, baseline: Run, row: Callable[[Run], RunRow]) -> Setback:
    reference, manifest = baseline.manifest, run.manifest
    assert isinstance(reference, CompletedRun)  # `_worse` compares completed runs only
    assert isinstance(manifest, CompletedRun)
    tried = tuple(compare_inputs(reference, manifest))
    name = primary_metric(reference)
    before, after = reference.outcome.metrics[name], manifest.outcome.metrics[name]
    values = {"metric": name, "baseline": before.value, "value": after.value, "difference": after.value - before.value}
    happened = Statement("worse.by", values | {"rows": manifest.outcome.predictions.rows})
    things = changed_things(tried)
    what = tried[0].key if len(things) == 1 and tried[0].input == "config" else things[0] if things else None
    why = {0: Statement("worse.why_nothing"), 1: Statement("worse.why_one", {"thing": what})}.get(
        len(things), Statement("worse.why_several", {"things": things})
    )
    codes = {0: "worse.learned_nothing", 1: "worse.learned_one"}
    learned = Statement(codes.get(len(things), "worse.learned_several"), {"thing": what, "metric": name})
    return Setback(row(run), "worse", row(baseline).name, tried, False, None, happened, why, "", learned)
