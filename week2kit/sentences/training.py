"""Sentences: what train says of its run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from week2kit.canonical import aligned, clean, show_value
from week2kit.record.command import CommandInputs, CommandOutcome, CompletedCommand, Coverage, FailedCommand
from week2kit.record.manifest import CompletedRun, Failure
from week2kit.sentences.hints import config_hint
from week2kit.sentences.statement import MOST_VALUES, command_line
from week2kit.sentences.warnings import warning_lines

if TYPE_CHECKING:
    from week2kit.record.store import Run


class Given(NamedTuple):
    """A key that the command line gave: the option, and the assignment as `override` takes it."""

    option: str
    assignment: str

    @property
    def key(self) -> str:
        """The dotted path of the key."""
        return self.assignment.partition("=")[0].strip()

    @property
    def value(self) -> str:
        """The value as it was typed."""
        return self.assignment.partition("=")[2]

    @property
    def as_typed(self) -> str:
        """The option and what follows it, as text that is safe to show."""
        return f"{self.option} {clean(self.assignment if self.option == '--set' else self.value, 100)}"


def run_lines(
    run: Run, config_name: str, given: Sequence[Given] = (), flags: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """What train says of its run: the product (a short table and the folder), and the talk (warnings, what next).

    A problem of a key that the command line gave is told of that option: the config file does not have it. `flags` are
    what train was given that verify needs, too.
    """
    manifest, folder = run.manifest, clean(run.path.as_posix())
    talk = warning_lines(manifest.warnings)
    if isinstance(manifest, CompletedRun):
        if manifest.inputs.seed.source == "drawn":
            talk.insert(0, f"No seed was given: {manifest.inputs.seed.value} was drawn and recorded.")
        talk += _rows_or_share(manifest)
        talk.append(f"next: {command_line('week2kit', 'verify', run.path.as_posix(), *flags)}")
        return [*_metric_table(manifest), "", f"run: {folder}"], talk
    failure = manifest.failure
    if failure is not None:
        prefix = f"{clean(config_name)}: " if failure.stage == "config" else ""
        if failure.error == "ConfigError":
            problems, hint = _config_problems(failure, prefix, given)
        else:
            problems, hint = [prefix + _refusal(failure)], failure.hint
        talk += [f"error at stage {failure.stage}: {clean(problem, 600)}" for problem in problems]
        talk.append(f"  try: {clean(hint, 400)}")
    return [f"run: {folder} ({manifest.status}, recorded)"], talk


def _rows_or_share(manifest: CompletedRun) -> list[str]:
    """What a whole test_size means, where it could have been meant as a share in percent."""
    size = ((manifest.inputs.config.resolved or {}).get("split") or {}).get("test_size")
    if not isinstance(size, int) or not 1 < size < 100:
        return []
    return [f"note: split.test_size is {size}: {size} rows are validated (a share is written {size / 100:g})."]


_NO_PARAMETER: Final = re.compile(r"model\.params\.([^:]+): \w+ has no such parameter")


def _config_problems(failure: Failure, prefix: str, given: Sequence[Given]) -> tuple[list[str], str]:
    """The problems of a config, each with where it was written, and what to try."""
    problems: list[str] = []
    sources: list[str] = []  # what is to be corrected, each once
    orphans: list[str] = []  # parameters that the file gave to a model that --set replaced
    new_class = next((one.value for one in reversed(given) if one.key == "model.class"), None)
    for problem in failure.message.splitlines():
        source = next((one for one in reversed(given) if _is_of(problem, one.key)), None)
        orphan = _NO_PARAMETER.match(problem) if source is None and new_class is not None else None
        if orphan is not None:
            orphans.append(orphan[1])
            problems.append(prefix + orphan[0])  # a name that is near it would lead astray: it is spelt as it should be
            continue
        problems.append(f"{source.as_typed}: {_with_whole_path(problem)}" if source else prefix + problem)
        sources.append(source.option if source else "config")
    hint = failure.hint
    if set(sources) - {"config"}:
        several = len(set(sources)) > 1
        remedy = "" if hint == config_hint("") else f" {hint}"
        hint = (
            f"Correct the {' and the '.join(dict.fromkeys(sources))}{',' if several else ''} and train again.{remedy}"
        )
    if orphans:
        belong = "belongs" if len(orphans) == 1 else "belong"
        advice = (
            f"{' and '.join(orphans)} {belong} to the model that was replaced. Replace model and parameters together: "
            f"--set model={clean(new_class or '', 100)}"
        )
        hint = f"{hint} {advice}" if sources else advice
    return problems, hint


def _with_whole_path(problem: str) -> str:
    """The problem of an unknown key with the whole path of the key that was meant: so it is typed after --set."""
    place, _, told = problem.partition(": unknown key")
    parent = place.rpartition(".")[0]
    return problem.replace('did you mean "', f'did you mean "{parent}.') if told and parent else problem


def _is_of(problem: str, key: str) -> bool:
    """Whether a problem is one of a key that was given: of itself, of what is in it, or of a key made on its way."""
    place = problem.partition(":")[0]
    if place == key or place.startswith(f"{key}."):
        return True
    into_list = key.rpartition(".")[2].isdecimal()
    return key.startswith(f"{place}.") and (into_list or problem.startswith(f"{place}: unknown key"))


def _refusal(failure: Failure) -> str:
    """The message of a failure; of a refused warning its values were told just before, in a sentence."""
    named = re.match(r'The config\'s fail_on names "[a-z_.]+"', failure.message)
    if failure.error == "WarningRefused" and named:
        return f"{named[0]}, so its warning (see above) ends the run."
    return failure.message


def _metric_table(manifest: CompletedRun) -> list[str]:
    outcome = manifest.outcome
    names = (manifest.inputs.config.resolved or {}).get("metrics") or sorted(outcome.metrics)
    metrics = [outcome.metrics[name] for name in names]
    columns = {
        "metric": [_title(manifest, name) for name in names],
        "validation": [show_value(metric.value) for metric in metrics],
        "std": [show_value(metric.std) for metric in metrics],
        "training": [show_value(metric.training) for metric in metrics],
        "dummy": [show_value(metric.dummy) for metric in metrics],
    }
    if len(outcome.split.folds) == 1:
        del columns["std"]
    if count := max(len(metric.repeats) for metric in metrics):
        heading = f"{count} other seeds" if count > 1 else "another seed"
        columns[heading] = [_span([repeat.value for repeat in metric.repeats]) for metric in metrics]
    return aligned([tuple(columns), *zip(*columns.values(), strict=True)], "l".ljust(len(columns), "r"))


def _span(repeats: Sequence[float | None]) -> str:
    """The value of a repeat, or the least and the largest of several."""
    values = [value for value in repeats if value is not None]
    ends: Sequence[float | None] = [min(values), max(values)] if len(repeats) > 1 and values else values or [None]
    return " to ".join(map(show_value, ends))


def _title(manifest: CompletedRun, metric: str) -> str:
    """A metric, with the class that it is of."""
    label = manifest.outcome.class_of(metric)
    return metric if label is None else f"{metric} of {clean(label, 40)}"


def command_lines(run: Run) -> list[str]:
    """What train says of a command that it ran: the metrics, what was not seen, the folder."""
    manifest, folder = run.manifest, clean(run.path.as_posix())
    lines = warning_lines(manifest.warnings)
    if isinstance(manifest, CompletedCommand):
        outcome = manifest.outcome
        shown = sorted(outcome.metrics.items())[:SHOWN_METRICS]
        rows = [[clean(name, 60), show_value(value), *_repeats(outcome, name)] for name, value in shown]
        left = len(outcome.metrics) - len(rows)
        more = [f"and {left} more"] if left else []
        source = f" ({clean(outcome.metrics_from, 100)})" if outcome.metrics_from else ""
        heads = ["metric", f"value{source}", *_repeats_heading(outcome)]
        table = [*aligned([heads, *rows]), *more, ""] if rows else []
        then = [f"next: {command_line('week2kit', 'verify', run.path.as_posix())}"]
        return [*table, *_went_in(manifest.inputs), f"run: {folder}", *lines, *then]
    if isinstance(manifest, FailedCommand):
        failure = manifest.failure
        lines += [f"error: {clean(failure.message, 600)}", f"  try: {clean(failure.hint, 400)}"]
    return [f"run: {folder} ({manifest.status}, recorded)", *lines]


def _repeats_heading(outcome: CommandOutcome) -> list[str]:
    count = len(outcome.repeats)
    if not count:
        return []
    if any(repeat.seed is not None for repeat in outcome.repeats):
        return [f"{count} other seeds" if count > 1 else "another seed"]
    return [f"{count} more runs" if count > 1 else "another run"]


def _repeats(outcome: CommandOutcome, metric: str) -> list[str]:
    values = [repeat.metrics.get(metric) for repeat in outcome.repeats]
    return [_span(values)] if values else []


def _went_in(inputs: CommandInputs) -> list[str]:
    """What a command read, and what of it could not be seen."""
    files = [clean(file.path, 80) for file in inputs.files or []]
    told = f"inputs: {', '.join(files[:SHOWN_INPUTS]) or 'none was seen'}"
    lines = [told + (f" and {len(files) - SHOWN_INPUTS} more" if len(files) > SHOWN_INPUTS else "")]
    coverage = inputs.coverage
    if coverage is not None and (unseen := not_seen(coverage)):
        lines.append(f"not seen: {unseen}")
    return lines


def not_seen(coverage: Coverage) -> str:
    """What may have been read unseen, in the words of a list; empty where the system calls of all were watched."""
    if not coverage.observers:
        return "what the command reads: name its files with --input"
    told = [f"{coverage.unreadable} events that could not be read"] if coverage.unreadable else []
    if "system_calls" not in coverage.observers:
        programs = [clean(name, 40) for name in coverage.programs[:MOST_VALUES]]
        told += [f"what {', '.join(programs)} read"] if programs else []
        native = [clean(name, 40) for name in coverage.native_readers[:MOST_VALUES]]
        told += [f"what {', '.join(native)} may read past Python"] if native else []
    told += ["what came over the network"] if coverage.network else []
    return "; ".join(told)


#: Inputs that are named on the screen: the record has all.
SHOWN_INPUTS: Final = 6

#: Metrics that are shown of a command: scripts write a hundred of them.
SHOWN_METRICS: Final = 12
