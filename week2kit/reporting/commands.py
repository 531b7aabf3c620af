"""A run of a person's own script, in a report: what it says of itself, and how far it can be compared with another.

Of such a run nothing is known of split, model or folds. Its numbers are what the script reports; on which rows it
measured them only a table of predictions shows.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from week2kit.errors import UsageError
from week2kit.inputs.changes import Change, Statement, changed_things
from week2kit.record.command import CommandInputs, CompletedCommand, RecordedCommand
from week2kit.record.store import Run
from week2kit.record.written_metrics import reported_order
from week2kit.record.written_paths import STREAM
from week2kit.reporting.noise.seeds import spread_of
from week2kit.reporting.rows import CommandRow, ReadFile, Score, WrittenFile
from week2kit.reporting.values import Comparison, Proposal

#: What differs between two runs.
Changes: TypeAlias = Callable[[Run, Run], list[Change]]

#: Metrics of a script that a report shows, those that are known by their names first; a script may write ten thousand.
SHOWN_METRICS: Final = 40


def command_scores(run: CompletedCommand) -> dict[str, Score]:
    """The numbers that a script reports under its own names; what says most of a model first."""
    metrics = run.outcome.metrics
    names = reported_order(metrics)[:SHOWN_METRICS]
    repeats = {name: [one.metrics[name] for one in run.outcome.repeats if name in one.metrics] for name in names}
    spreads = {name: spread_of([metrics[name], *repeats[name]]) for name in names}
    return {
        name: Score(metrics[name], None, None, None, 1, None, spreads[name], tuple(repeats[name])) for name in names
    }


def command_line(run: RecordedCommand) -> str:
    """The command as it can be typed."""
    return shlex.join(run.inputs.program.argv)


def command_row(name: str, run: CompletedCommand) -> CommandRow:
    """What a report shows of a command in the place of a config: what ran, what went in, and what came out."""
    inputs, outcome = run.inputs, run.outcome
    read = inputs.files
    return CommandRow(
        run=name,
        line=command_line(run),
        script=inputs.program.script or "",
        seed=None if inputs.seed is None else inputs.seed.value,
        stdin=inputs.program.stdin if inputs.program.stdin != STREAM else None,
        metrics_from=outcome.metrics_from or "",
        metrics_left_out=max(0, len(outcome.metrics) - SHOWN_METRICS),
        times=tuple(sorted(outcome.times.items())),
        modules=tuple(sorted(inputs.program.modules.items())),
        read=None if read is None else tuple(ReadFile(f.path, f.bytes, f.sha256, f.after, f.how) for f in read),
        written=tuple(WrittenFile(f.path, f.bytes, f.sha256, f.change, f.role, f.kept) for f in outcome.files),
        predicted=None if outcome.predictions is None else outcome.predictions.rows,
        unseen=tuple(_unseen(inputs)),
    )


def _unseen(inputs: CommandInputs) -> Iterator[Statement]:
    """What was not observed, most general first."""
    coverage, named = inputs.coverage, bool(inputs.files)
    if coverage is None:
        yield Statement("unseen.not_reached")
    elif not coverage.observers:
        yield Statement("unseen.unwatched_named" if named else "unseen.unwatched")
    else:
        if "system_calls" not in coverage.observers:
            yield Statement("unseen.by_hook")
        if coverage.programs and "system_calls" not in coverage.observers:
            yield Statement("unseen.programs", {"names": list(coverage.programs)})
        if coverage.native_readers and "system_calls" not in coverage.observers:
            yield Statement("unseen.native", {"names": list(coverage.native_readers)})
        if coverage.unreadable:
            yield Statement("unseen.unreadable", {"lines": coverage.unreadable})
        if coverage.network:
            yield Statement("unseen.network")
        yield Statement("unseen.clock")
    for observer, why in sorted((coverage.refused if coverage is not None else {}).items()):
        yield Statement("unseen.refused", {"observer": observer.replace("_", " "), "why": why})
    if inputs.program.stdin == STREAM:
        yield Statement("unseen.stdin")
    if inputs.environment is None:
        yield Statement("unseen.environment")


# --- comparability ----------------------------------------------------------------------------------------------


def command_obstacles(baseline: str, metric: str, others: Mapping[str, Score], found: object) -> tuple[Statement, ...]:
    """Why two runs of which one is a command cannot be compared; empty where nothing shows that they cannot.

    Args:
        baseline: what the baseline is called.
        metric: its primary metric; empty where it reports none.
        others: the metrics of the variant.
        found: their tables line by line, or the statement that says why there are none.
    """
    if not metric:
        return (Statement("command.no_metric", {"run": baseline}),)
    if metric not in others:
        return (Statement("metric.missing", {"metric": metric}),)
    if isinstance(found, Statement) and found.code == "command.other_truth":
        return (found,)
    return ()


def command_comparable(first: Run, variant: Run, found: object) -> tuple[Statement, ...]:
    """What shows that two runs without obstacles were measured on the same rows, or that nothing does."""
    if not isinstance(found, Statement):
        return (Statement("command.same_truth", {"rows": len(found[0].true)}),)  # type: ignore[index]
    told = [found, Statement("command.rows_unknown")]
    seeds = [run.manifest.inputs.seed for run in (first, variant)]
    if None not in seeds and len({seed.value for seed in seeds if seed is not None}) > 1:
        told.append(Statement("command.seed_may_split"))
    return tuple(told)


def differing_code(changes: Sequence[Change], before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """The lines of code in which two runs differ, as a unified diff of each file that changed.

    Args:
        changes: what differs.
        before: the texts of the files of the baseline, by path.
        after: those of the variant.
    """
    import difflib

    for change in changes:
        names = (change.baseline, change.variant) if change.key == "script" else (change.key, change.key)
        if change.input == "code" and names[0] in before and names[1] in after:
            texts = before[names[0]].splitlines(), after[names[1]].splitlines()
            yield from difflib.unified_diff(texts[0], texts[1], names[0], names[1], lineterm="", n=1)


# --- what to do next --------------------------------------------------------------------------------------------


def propose_for_commands(
    first: Run,
    variants: Sequence[tuple[Run, Comparison]],
    runs: Sequence[Run],
    name: Callable[[Run], str],
    changes: Changes,
) -> Proposal:
    """The next step with a script, as far as anything is known of it: what makes it comparable, then its noise."""
    manifest = first.manifest
    assert isinstance(manifest, CompletedCommand)
    told = {"run": name(first)}

    def proposal(reason: str, what: str, **values: object) -> Proposal:
        return Proposal(Statement(f"next.{reason}", told | values), Statement(f"next.{what}", told | values), None, ())

    if not manifest.outcome.metrics:
        return proposal("no_metric", "report_metric")
    several = next((one for run, one in variants if len(one.things) > 1 and not _of_two_kinds(first, run)), None)
    if several is not None:
        return proposal("several", "one_at_a_time", things=list(several.things))
    if manifest.inputs.seed is None:
        return proposal("no_seed", "give_seed")
    if _seeds_tried(first, runs, changes) < 2:
        seed = manifest.inputs.seed.value
        return proposal("script_one_seed", "another_seed", seed=seed, command=_again(manifest, seed + 1))
    for run in [first, *(run for run, _ in variants)]:
        if isinstance(run.manifest, CompletedCommand) and run.manifest.outcome.predictions is None:
            return proposal("no_table", "write_table", run=name(run))
    return proposal("nothing_known", "change_one_thing")


def _of_two_kinds(first: Run, run: Run) -> bool:
    return type(first.manifest) is not type(run.manifest)


def _seeds_tried(first: Run, runs: Sequence[Run], changes: Changes) -> int:
    """With how many seeds the same completed, as far as is recorded."""
    alike = [first, *(run for run in runs if isinstance(run.manifest, CompletedCommand))]
    same = [run for run in alike if changed_things(changes(first, run)) in ([], ["seed"])]
    repeats = first.manifest.outcome.repeats if isinstance(first.manifest, CompletedCommand) else []
    seeds = {seed.value for run in same if (seed := run.manifest.inputs.seed) is not None}
    return len(seeds | {one.seed for one in repeats if one.seed is not None})


def _again(manifest: CompletedCommand, seed: int) -> str:
    """The command with another seed, recorded with the same options but for the name, which is taken."""
    from week2kit.training.arguments import find_seed, with_seed

    argv, at = manifest.inputs.program.argv, None
    with contextlib.suppress(UsageError):  # a record that was edited
        at = find_seed(argv, manifest.inputs.program.seed_flag)
    return shlex.join([*_options(manifest.command), "--", *(argv if at is None else with_seed(argv, at, seed))])


def _options(command: str) -> list[str]:
    """What stands before the command, as it was typed, without the name of the run."""
    try:
        words = shlex.split(command)
        before = words[: words.index("--")]
    except ValueError:
        return ["week2kit", "train"]
    if before[:2] != ["week2kit", "train"]:
        return ["week2kit", "train"]
    kept = list[str]()
    skip = False
    for word in before:
        if not skip and word != "--name" and not word.startswith("--name="):
            kept.append(word)
        skip = word == "--name"
    return kept
