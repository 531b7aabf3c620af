"""Reports: runs compared as plain rows, what failed on the way, and what to do next. `week2kit.rendering` words it.

Reading two runs costs milliseconds: nothing here imports numpy, pandas, scipy or scikit-learn, nothing is unpickled,
and nothing is written into a run.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from week2kit.canonical import clean
from week2kit.errors import UnreadableRun, UsageError
from week2kit.inputs.changes import Statement, changed_things, primary_metric
from week2kit.privacy import shown_path
from week2kit.record.artifacts import ARTIFACTS, MANIFEST_NAME
from week2kit.record.command import CompletedCommand
from week2kit.record.manifest import CompletedRun
from week2kit.record.store import Found, Run, find_runs, in_time
from week2kit.reporting.answers import answered
from week2kit.reporting.columns import used_columns
from week2kit.reporting.commands import command_row, propose_for_commands
from week2kit.reporting.datasets import data_sets
from week2kit.reporting.failures.losses import with_losses
from week2kit.reporting.failures.retrospective import failures
from week2kit.reporting.figures import make_figures
from week2kit.reporting.interpretation import caveats, findings, leaking
from week2kit.reporting.next.experiments import Candidate
from week2kit.reporting.next.proposal import propose, propose_first
from week2kit.reporting.noise.judging import Side, adjust, estimates
from week2kit.reporting.noise.of_commands import by_seed, tell_pairs, tell_spread
from week2kit.reporting.noise.seeds import Named
from week2kit.reporting.noise.uncertainty import Estimate
from week2kit.reporting.pairs import compare, fit_seconds, interpreted, metric_rows, with_judgement
from week2kit.reporting.partial import train_with_record, verify_flags, written_proofs
from week2kit.reporting.ranking import ranked, told
from week2kit.reporting.rows import REFUTED, CommandRow, GoalRow, RunRow, Verdict
from week2kit.reporting.runs import Runs, completed, distinct_names, is_command, is_whole, primary_of
from week2kit.reporting.values import (
    REPORT_VERSION,
    Comparison,
    EvidenceRow,
    Finding,
    Loop,
    OverviewRow,
    Report,
    Retrospective,
)
from week2kit.thresholds import COMMAND_RUNS, DETAILED_VARIANTS, SIBLING_FOLDERS

if TYPE_CHECKING:
    from week2kit.record.verdict import VerdictDocument
    from week2kit.reporting.verdicts import Given

__all__ = ["REPORT_VERSION", "Report", "report"]


def report(
    runs: Sequence[str | Path | Run],
    *,
    baseline: str | Path | None = None,
    only_named: bool = False,
    margin: float | None = None,
    verdicts: str | Path | VerdictDocument | None = None,
    on_skip: Callable[[Path], None] = lambda path: None,
) -> Report:
    """Compare runs: the baseline against each other completed run, and tell the story of those that did not work.

    Args:
        runs: run folders, or folders of run folders; named ones keep their order. Of those that were made
            without week2kit much is not recorded.
        baseline: the run to compare with; by default the first completed one of `runs`.
        only_named: do not look at the run folders beside the named ones for failures.
        margin: differences of the primary metric up to this are as good as none to you; without it, no equivalence is
            claimed.
        verdicts: what `verify` returned, or a file with what ``verify --json`` printed: the verdicts on these runs.
        on_skip: told of each subfolder of the named ones that holds no run.

    Raises:
        UsageError: nothing was named, `baseline` is not one completed run, or `verdicts` holds no verdicts.
        UnreadableRun: no run could be read.
    """
    named = [run.path if isinstance(run, Run) else Path(run) for run in runs]
    if not named:
        raise UsageError("report: expected at least one run folder, and none was named.")
    given = _given(verdicts)
    found = find_runs([baseline, *named] if baseline is not None else named)
    for path in found.skipped:
        on_skip(path)
    first = _chosen_baseline(found, baseline)
    if not found.everything:
        raise UnreadableRun("\n".join(reason for _, reason in found.unreadable))
    beside, folders, not_read = ((), (), 0) if only_named else _beside(named, found)
    known = given.by_manifest if given is not None else {}
    names = distinct_names([*found.runs, *beside, *found.partial])
    looked = Retrospective(0, folders, only_named, (), (), 0, not_read=not_read)
    reports = [
        _of_one_data_set(
            first if first in one.named else None,
            one.named,
            Runs([*(run for run in one.named if run.partial is None), *one.beside], known, found.partial, names),
            looked,
            margin,
        )
        for one in data_sets(found.everything, beside)
    ]
    seen = given and given.seen_from(run.manifest_sha256 for run in (*found.runs, *beside))
    rows = [row for one in reports for row in one.runs]
    result, *others = (one._replace(verdicts=seen) for one in reports)
    return result._replace(
        verify_commands=_verify(rows, named, baseline, margin, verify_flags(found.partial)),
        unreadable=tuple(reason for _, reason in found.unreadable),
        others=tuple(others),
    )


def _of_one_data_set(
    first: Run | None, named: Sequence[Run], everything: Runs, looked: Retrospective, margin: float | None
) -> Report:
    """The report of the runs on one data set; `looked` says where failed runs were looked for."""
    finished = [run for run in named if run.manifest.status == "completed"]
    # of what records most, more can be told
    first = first or next(iter(sorted(finished, key=lambda run: (not is_whole(run), run.partial is not None))), None)
    story = failures(None if first is None or first.partial else first, everything)
    retrospective = looked._replace(
        looked_at=len(everything.runs), setbacks=story.told, brief=story.brief, left_out=story.left_out
    )
    if first is None:
        return _without_baseline([run for run in named if run.partial is None], everything, retrospective)
    variants = [run for run in finished if run is not first]
    return _with_baseline(first, variants, everything, retrospective, margin)


def _given(verdicts: str | Path | VerdictDocument | None) -> Given | None:
    if verdicts is None:
        return None
    from week2kit.reporting.verdicts import take_verdicts

    return take_verdicts(verdicts)


def _chosen_baseline(found: Found, baseline: str | Path | None) -> Run | None:
    if baseline is None:
        return None
    shown = clean(os.fspath(baseline))
    only = find_runs([baseline])
    if only.partial and found.runs:
        raise UsageError(f"--baseline {shown}: expected a run with a manifest, and it was made without week2kit.")
    if len(only.everything) != 1:
        reason = only.unreadable[0][1] if only.unreadable else f"{shown}: expected one run folder."
        raise UsageError(f"--baseline {reason}")
    wanted = only.everything[0].path.resolve()
    run = next(run for run in found.everything if run.path.resolve() == wanted)
    if run.manifest.status != "completed":
        what = "failed" if run.manifest.status == "failed" else "was interrupted"
        raise UsageError(f"--baseline {shown}: expected a run that completed, and this one {what}.")
    return run


def _beside(named: Sequence[Path], found: Found) -> tuple[tuple[Run, ...], tuple[str, ...], int]:
    """The runs in the folders that hold the named runs, those folders as shown, and how many could not be read."""
    parents = {path.resolve(): path for path in (_parent(run.path) for run in found.runs)}
    given = {path.resolve() for path in named}
    known = {run.path.resolve() for run in found.runs}
    runs: list[Run] = []
    not_read = 0
    for resolved, parent in parents.items():
        if resolved in given:
            continue  # a folder of runs was named itself, and all of its runs are here
        children = [path for path in _children(parent) if path.resolve() not in known]
        inside = find_runs(children[:SIBLING_FOLDERS])
        runs += sorted(inside.runs, key=in_time)
        not_read += len(inside.unreadable) + len(children[SIBLING_FOLDERS:])
    return tuple(runs), tuple(sorted(shown_path(path) for path in parents.values())), not_read


def _parent(path: Path) -> Path:
    """The folder that holds a run; also for ``.`` and ``..``, whose last part says nothing."""
    return path / ".." if path.name in ("", "..") else path.parent


def _children(parent: Path) -> list[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(parent) if not entry.name.startswith("."))
    except OSError:
        return []
    return [parent / name for name in names if os.path.lexists(parent / name / MANIFEST_NAME)]


# --- the whole --------------------------------------------------------------------------------------------------


def _without_baseline(runs: Sequence[Run], everything: Runs, retrospective: Retrospective) -> Report:
    rows = tuple(everything.row(run) for run in runs[: DETAILED_VARIANTS + 1])
    told = retrospective.setbacks
    stopped = next((run for run in everything.runs if told and everything.row(run) is told[0].run), None)
    return Report(
        version=REPORT_VERSION,
        baseline=None,
        goals=_goals(_configs(runs[: DETAILED_VARIANTS + 1], everything)),
        loop=None,
        figures=None,
        metrics=(),
        fit_seconds=None,
        findings=(),
        comparisons=(),
        overview=(),
        ranking=(),
        overview_left_out=0,
        retrospective=retrospective,
        proposal=propose_first(told, stopped, everything.runs),
        caveats=(),
        evidence=(),
        runs=rows,
        verify_commands=(),
        unreadable=(),
    )


def _with_baseline(
    first: Run,
    variants: Sequence[Run],
    everything: Runs,
    retrospective: Retrospective,
    margin: float | None,
) -> Report:
    overview, left_out, best_first = ranked(first, variants, everything) if len(variants) > 1 else ((), 0, [])
    detailed = list(variants) if len(variants) <= DETAILED_VARIANTS else best_first[:1]
    tests = sum(not everything.obstacles(first, run) for run in variants if not run.partial)
    comparisons = _comparisons(first, detailed, everything, margin, tests, several=len(variants) > 1)
    shown = [first, *detailed]
    others = [everything.row(run) for run in variants if run not in detailed]
    damaged = [row for row in others if row.disagreements or (row.verdict and row.verdict.verdict in REFUTED)]
    pairs = list(zip(detailed, comparisons, strict=True))
    recorded = [(run, one) for run, one in pairs if is_whole(run)]
    ranking = told(overview, primary_of(everything.scores(first)), _leaking([first, *variants], everything))
    listed = (*(everything.row(run) for run in shown), *damaged)
    drawn, loop = None, None
    own: tuple[Finding, ...] = ()
    limits: tuple[Statement, ...] = ()
    if first.partial is not None:
        proposal = train_with_record([first, *variants], everything.name)
    elif not is_whole(first):
        retrospective = with_losses(retrospective, first, everything, _verdicts(overview, comparisons))
        proposal = propose_for_commands(first, pairs, everything.runs, everything.name, everything.changes)
        own = _noise_over_seeds(first, variants, everything)
    else:
        manifest, named = completed(first), everything.named(first)
        both = [first, *(run for run, _ in recorded)]
        drawn = make_figures(both, everything.predicted, everything.name, everything.intact)
        loop = _loop(manifest)
        own = findings([named]) if len(recorded) != 1 or len(variants) > 1 else ()
        retrospective = with_losses(retrospective, first, everything, _verdicts(overview, comparisons))
        candidates = [(Candidate(one.variant, completed(run), run.path), one) for run, one in recorded]
        baseline = Candidate(everything.row(first), manifest, first.path)
        proposal = propose(baseline, candidates, drawn.curves, everything.runs)
        limits = _caveats(named, recorded, len(variants), everything)
    return Report(
        version=REPORT_VERSION,
        baseline=everything.row(first),
        goals=answered(
            _goals(_configs(shown, everything)),
            {everything.name(run): everything.scores(run) for run in shown},
            everything.name(first),
            comparisons,
        ),
        loop=loop,
        figures=drawn,
        metrics=metric_rows(first, None, everything, _known(first, comparisons, everything), comparable=False),
        fit_seconds=fit_seconds(first),
        findings=(*own, *_warned(shown, everything)),
        comparisons=comparisons,
        overview=overview,
        ranking=ranking,
        overview_left_out=left_out,
        retrospective=retrospective,
        proposal=proposal,
        caveats=(*limits, *_as_reported(shown, everything)),
        evidence=tuple(row for run in shown for row in _evidence(run, everything)),
        runs=listed,
        verify_commands=(),
        unreadable=(),
        columns=used_columns([(everything.name(run), completed(run)) for run in shown if is_whole(run)]),
        commands=tuple(_command_rows([run for run in (first, *variants) if everything.row(run) in listed], everything)),
    )


def _leaking(runs: Sequence[Run], everything: Runs) -> set[str]:
    """The names of the runs that have the answer among their features."""
    return {everything.name(run) for run in runs if is_whole(run) and leaking(completed(run))}


def _noise_over_seeds(first: Run, variants: Sequence[Run], everything: Runs) -> tuple[Finding, ...]:
    """How far the primary metric of a script moves where nothing but the seed is other; and seed by seed."""
    metric = primary_of(everything.scores(first))
    alike = [run for run in variants if _only_seed(first, run, everything)]
    commands = [run.manifest for run in (first, *alike) if isinstance(run.manifest, CompletedCommand)]
    told = [*tell_spread(everything.name(first), metric, commands)]
    for run in variants:
        upward = everything.is_upward(metric, [first, run])
        if isinstance(run.manifest, CompletedCommand) and upward is not None and run not in alike:
            if everything.obstacles(first, run):
                continue
            names = everything.name(first), everything.name(run)
            values = by_seed(commands[0], metric), by_seed(run.manifest, metric)
            told += tell_pairs(names, metric, values, upward=upward)
    return (Finding("noise", tuple(told)),) if told else ()


def _only_seed(first: Run, run: Run, everything: Runs) -> bool:
    return changed_things(everything.changes(first, run)) == ["seed"]


def _command_rows(runs: Sequence[Run], everything: Runs) -> Iterator[CommandRow]:
    for run in runs:
        if isinstance(run.manifest, CompletedCommand):
            yield command_row(everything.name(run), run.manifest)


def _as_reported(runs: Sequence[Run], everything: Runs) -> Iterator[Statement]:
    if names := [everything.name(run) for run in runs if is_command(run) and everything.scores(run)]:
        yield Statement("caveat.as_reported", {"runs": names})


def _warned(runs: Sequence[Run], everything: Runs) -> tuple[Finding, ...]:
    """What scripts recorded that must be known of their outcome."""
    said = (
        Statement("warning", {"run": everything.name(run), "warned": warned})
        for run in runs
        if is_command(run)
        for warned in run.manifest.warnings
    )
    told = tuple(said)
    return (Finding("warnings", told),) if told else ()


def _verify(
    rows: Sequence[RunRow], named: Sequence[Path], baseline: str | Path | None, margin: float | None, also: str
) -> tuple[str, ...]:
    """The two commands that verify the runs of a report and make it with their verdicts; none where it has them.

    A verdict is matched by the digest of a manifest: where no run has one, the first command is all; `also` are its
    flags for what is not recorded.
    """
    if all(row.verdict for row in rows):
        return ()
    runs = [shown_path(path) for path in named]
    shown = shlex.join(runs) if len(runs) <= COMMAND_RUNS else "RUN..."
    if not any(row.manifest_sha256 for row in rows):
        return (f"week2kit verify {shown}{also}",)
    flags = f" --baseline {shlex.quote(shown_path(Path(baseline)))}" if baseline is not None else ""
    flags += f" --margin {margin!r}" if margin is not None else ""
    return (
        f"week2kit verify {shown}{also} --json > verify.json",
        f"week2kit report {shown}{flags} --verdicts verify.json",
    )


def _comparisons(
    first: Run, detailed: Sequence[Run], everything: Runs, margin: float | None, tests: int, *, several: bool
) -> tuple[Comparison, ...]:
    """Each detailed variant against the baseline; what several have in common is the number of tests."""
    compared = [compare(first, run, everything, margin) for run in detailed]
    final = iter(adjust([one.judgement for one in compared if one.judgement is not None], tests))
    judgements = [next(final) if one.judgement is not None else None for one in compared]
    return tuple(
        interpreted(one, everything.named(first), everything.named(run), judgement, several=several)
        if is_whole(first) and is_whole(run)
        else with_judgement(one, judgement)
        for one, run, judgement in zip(compared, detailed, judgements, strict=True)
    )


def _verdicts(overview: Sequence[OverviewRow], comparisons: Sequence[Comparison]) -> dict[str, Verdict]:
    """What is known of each variant against the baseline, by its name; the details know more than the table."""
    verdicts = {row.run: row.verdict for row in overview if row.verdict is not None}
    return verdicts | {one.variant.name: one.judgement.verdict for one in comparisons if one.judgement is not None}


def _known(first: Run, comparisons: Sequence[Comparison], everything: Runs) -> Mapping[str, Estimate]:
    """The intervals of the baseline: as a comparison has them, and computed where there is none to look at.

    A report of runs that cannot be compared does without: numpy alone would cost it half as much again.
    """
    if not is_whole(first):
        return {}
    if comparisons:
        rows = [row for comparison in reversed(comparisons) for row in comparison.metrics]
        return {row.metric: Estimate(0, baseline=row.baseline.interval) for row in rows if row.baseline is not None}
    found = everything.aligned(first, first)
    side = Side(everything.name(first), completed(first), None if isinstance(found, Statement) else found[0])
    return estimates([side], primary_metric(completed(first)))


def _configs(runs: Sequence[Run], everything: Runs) -> Iterator[tuple[str, Mapping[str, Any]]]:
    written = (run.partial.as_written if run.partial else run.manifest.inputs.config.resolved or {} for run in runs)
    return zip(map(everything.name, runs), written, strict=True)


def _goals(configs: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[GoalRow, ...]:
    """The goals and hypotheses that the configs of runs carry; a goal that repeats the baseline's is left out."""
    rows: list[GoalRow] = []
    told: set[tuple[str, str]] = set()
    for name, config in configs:
        goal, hypothesis = (_text(config.get(key)) for key in ("goal", "hypothesis"))
        new = {(kind, text) for kind, text in (("goal", goal), ("hypothesis", hypothesis)) if text} - told
        if new:
            kinds = dict(new)
            rows.append(GoalRow(name, kinds.get("goal", ""), kinds.get("hypothesis", "")))
        told |= new
    return tuple(rows)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _caveats(
    first: Named, compared: Sequence[tuple[Run, Comparison]], variants: int, everything: Runs
) -> tuple[Statement, ...]:
    named = [(everything.named(run), comparison.changes) for run, comparison in compared]
    moved = next((comparison.moved for _, comparison in compared if comparison.moved is not None), None)
    return caveats(first, named, moved, runs=variants + 1)


# --- figures and evidence ---------------------------------------------------------------------------------------


def _loop(run: CompletedRun) -> Loop:
    data, split, name = run.inputs.data, run.outcome.split, primary_metric(run)
    return Loop(
        source=data.path,
        rows=data.rows,
        features=sum(column.role == "feature" for column in data.columns),
        target=next((column.name for column in data.columns if column.role == "target"), ""),
        method=split.method,
        folds=len(split.folds),
        n_train=split.folds[0].n_train,
        n_val=split.folds[0].n_val,
        model=_model_name(run),
        metric=name,
        value=run.outcome.metrics[name].value,
        seed=run.inputs.seed.value,
        artifacts=tuple(sorted(artifact.path for artifact in run.artifacts)),
    )


def _model_name(run: CompletedRun) -> str:
    """The model's class without its module; the config's, because the outcome's is the pipeline around it."""
    model = (run.inputs.config.resolved or {}).get("model")
    name = model.get("class") if isinstance(model, dict) else None
    return (name if isinstance(name, str) else run.outcome.model.class_).rpartition(".")[2]


def _evidence(run: Run, everything: Runs) -> list[EvidenceRow]:
    """Which file proves which number; the manifest proves what no other file holds."""
    name = everything.name(run)
    digests = {file.name: file.sha256 for file in everything.row(run).files}
    proofs: list[tuple[str, float | None, str]] = [
        (f"validation {metric}", score.value, ARTIFACTS["metrics"]) for metric, score in everything.scores(run).items()
    ]
    if run.partial is not None:
        proofs += written_proofs(run.partial)
    elif is_command(run):
        proofs = [
            (f"{metric}, as reported", value, file)
            for (_, value, file), metric in zip(proofs, everything.scores(run), strict=True)
        ]
        proofs.append(("each prediction", None, ARTIFACTS["predictions"]))
    else:
        proofs += [
            ("each prediction, and the metrics that follow from them", None, ARTIFACTS["predictions"]),
            ("learning curve", None, ARTIFACTS["curves"]),
        ]
    rows = [EvidenceRow(number, value, name, file, digests[file]) for number, value, file in proofs if file in digests]
    if run.partial is not None:
        return [row._replace(number=f"{row.number}, as written") for row in rows]
    whole = "training scores, dummy, folds, time of fit, inputs, warnings"
    if is_command(run):
        whole = "command, inputs, outputs, what was not observed, warnings"
    return [*rows, EvidenceRow(whole, None, name, MANIFEST_NAME, everything.row(run).manifest_sha256)]
