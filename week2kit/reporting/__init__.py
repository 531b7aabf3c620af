"""Reports: runs compared as plain rows, what failed on the way, and what to do next. `week2kit.rendering` words it.

Reading two runs costs milliseconds: nothing here imports numpy, pandas, scipy or scikit-learn, nothing is unpickled,
and nothing is written into a run.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from week2kit.canonical import clean
from week2kit.comparison import (
    Change,
    Statement,
    advantage,
    changed_things,
    compare_inputs,
    metric_names,
    obstacles,
    primary_metric,
    uncounted_differences,
)
from week2kit.errors import UnreadableRun, UsageError
from week2kit.reporting.figures import figures
from week2kit.reporting.files import examine
from week2kit.reporting.interpretation import Named, caveats, findings
from week2kit.reporting.movement import moved_rows
from week2kit.reporting.predicted import NotComparable, Predicted, aligned, read_predictions
from week2kit.reporting.proposal import Candidate, propose
from week2kit.reporting.retrospective import setbacks
from week2kit.reporting.values import (
    REFUTED,
    REPORT_VERSION,
    Comparison,
    EvidenceRow,
    FoldRow,
    GoalRow,
    Loop,
    MetricRow,
    MovedClasses,
    MovedErrors,
    Outcome,
    OverviewRow,
    Report,
    Retrospective,
    RunRow,
    Score,
)
from week2kit.schema.manifest import CompletedRun, Environment, Metric
from week2kit.store import ARTIFACTS, MANIFEST_NAME, Found, Run, find_runs
from week2kit.thresholds import COMMAND_RUNS, DETAILED_VARIANTS, LISTED_FOLDS, OVERVIEW_VARIANTS, SIBLING_FOLDERS

if TYPE_CHECKING:
    from week2kit.reporting.verdicts import Given
    from week2kit.verdict import VerdictDocument

__all__ = ["REPORT_VERSION", "Report", "report"]


def report(
    runs: Sequence[str | Path | Run],
    *,
    baseline: str | Path | None = None,
    only_named: bool = False,
    verdicts: str | Path | VerdictDocument | None = None,
    on_skip: Callable[[Path], None] = lambda path: None,
) -> Report:
    """Compare runs: the baseline against each other completed run, and tell the story of those that did not work.

    Args:
        runs: run folders, or folders of run folders; named ones keep their order.
        baseline: the run to compare with; by default the first completed one of `runs`.
        only_named: do not look at the run folders beside the named ones for failures.
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
    if not found.runs:
        raise UnreadableRun("\n".join(reason for _, reason in found.unreadable) or _nothing_in(named))
    beside, folders, not_read = ((), (), 0) if only_named else _beside(named, found)
    everything = _Runs([*found.runs, *beside], given)
    completed = [run for run in found.runs if isinstance(run.manifest, CompletedRun)]
    first = first or (completed[0] if completed else None)
    story = setbacks(first, everything.runs, everything.row)
    retrospective = Retrospective(
        looked_at=len(everything.runs),
        folders=folders,
        only_named=only_named,
        setbacks=story.told,
        left_out=story.left_out,
        not_judged=story.not_judged,
        not_read=not_read,
    )
    unreadable = tuple(reason for _, reason in found.unreadable)
    if first is None:
        result = _without_baseline(found.runs, everything, retrospective, unreadable)
    else:
        variants = [run for run in completed if run is not first]
        result = _with_baseline(first, variants, everything, retrospective, unreadable)
    return result._replace(
        verify_commands=_verify(result.runs, named, baseline),
        verdicts=given and given.seen_from(run.manifest_sha256 for run in everything.runs),
    )


def _given(verdicts: str | Path | VerdictDocument | None) -> Given | None:
    if verdicts is None:
        return None
    from week2kit.reporting.verdicts import take_verdicts

    return take_verdicts(verdicts)


def _nothing_in(paths: Iterable[Path]) -> str:
    return f"No run folder in {', '.join(clean(shown_path(path)) for path in paths)}."


def _chosen_baseline(found: Found, baseline: str | Path | None) -> Run | None:
    if baseline is None:
        return None
    shown = clean(os.fspath(baseline))
    only = find_runs([baseline])
    if len(only.runs) != 1:
        reason = only.unreadable[0][1] if only.unreadable else f"{shown}: expected one run folder."
        raise UsageError(f"--baseline {reason}")
    wanted = only.runs[0].path.resolve()
    run = next(run for run in found.runs if run.path.resolve() == wanted)
    if not isinstance(run.manifest, CompletedRun):
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
        runs += sorted(inside.runs, key=lambda run: (run.manifest.created_at, run.manifest.run_id))
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


def shown_path(path: Path) -> str:
    """`path` as it is shown: as it was given, with forward slashes; of an absolute one only the last part."""
    return path.as_posix() if not path.is_absolute() else path.resolve().name


# --- runs as rows -----------------------------------------------------------------------------------------------


class _Runs:
    """All runs of a report under names that tell them apart; each is examined once, when it is first shown."""

    def __init__(self, runs: Sequence[Run], given: Given | None) -> None:
        self.runs = runs
        self._verdicts = given.by_manifest if given is not None else {}
        names = {run.path: run.name for run in runs}  # each costs a look at the file system
        count = Counter(names.values())
        self._names = {path: name if count[name] == 1 else shown_path(path) for path, name in names.items()}
        self._rows: dict[Path, RunRow] = {}
        self._predicted: list[tuple[Path, Predicted]] = []

    def row(self, run: Run) -> RunRow:
        if run.path not in self._rows:
            self._rows[run.path] = self._examined(run)
        return self._rows[run.path]

    def name(self, run: Run) -> str:
        return self._names[run.path]

    def intact(self, run: Run, artifact: str) -> bool:
        """Whether a file of the run is there as it was recorded."""
        return any(file.name == ARTIFACTS[artifact] and file.state == "agrees" for file in self.row(run).files)

    def predicted(self, run: Run) -> Predicted:
        """The predictions of a run; those of the first that is asked for, the baseline, and of the last are kept.

        Raises:
            NotComparable: they cannot be read.
        """
        for path, rows in self._predicted:
            if path == run.path:
                return rows
        rows = read_predictions(run)
        self._predicted = [*self._predicted[:1], (run.path, rows)]
        return rows

    def named(self, run: Run) -> Named:
        assert isinstance(run.manifest, CompletedRun)  # only completed runs are compared
        return Named(self.name(run), run.manifest)

    def _examined(self, run: Run) -> RunRow:
        files, disagreements = examine(run)
        return RunRow(
            name=self.name(run),
            path=shown_path(run.path),
            status=run.manifest.status,
            manifest_sha256=run.manifest_sha256,
            command=run.manifest.command,
            environment=_environment(run.manifest.inputs.environment),
            files=files,
            disagreements=disagreements,
            verdict=self._verdicts.get(run.manifest_sha256),
        )


def _environment(environment: Environment | None) -> str:
    """The facts of an environment that decide most, on one line."""
    if environment is None:
        return ""
    wanted = ("scikit-learn", "numpy", "scipy", "pandas")
    libraries = [f"{name} {environment.libraries[name]}" for name in wanted if name in environment.libraries]
    blas = sorted({f"{copy.vendor} {copy.architecture or ''} x{copy.threads}" for copy in environment.blas})
    parts = [f"{environment.implementation} {environment.python}", environment.platform, *libraries]
    return ", ".join(" ".join(part.split()) for part in [*parts, *blas])


def _without_baseline(
    runs: Sequence[Run], everything: _Runs, retrospective: Retrospective, unreadable: tuple[str, ...]
) -> Report:
    rows = tuple(everything.row(run) for run in runs[: DETAILED_VARIANTS + 1])
    return Report(
        version=REPORT_VERSION,
        baseline=None,
        goals=_goals(list(runs[: DETAILED_VARIANTS + 1]), everything),
        loop=None,
        figures=None,
        metrics=(),
        fit_seconds=None,
        findings=(),
        comparisons=(),
        overview=(),
        overview_left_out=0,
        retrospective=retrospective,
        proposal=propose(None, (), retrospective.setbacks),
        caveats=(),
        evidence=(),
        runs=rows,
        verify_commands=(),
        unreadable=unreadable,
    )


def _with_baseline(
    first: Run,
    variants: Sequence[Run],
    everything: _Runs,
    retrospective: Retrospective,
    unreadable: tuple[str, ...],
) -> Report:
    detailed = list(variants[:DETAILED_VARIANTS])
    several = len(detailed) > 1
    comparisons = tuple(_compare(first, variant, everything, several=several) for variant in detailed)
    manifest = _completed(first)
    shown = [first, *detailed]
    candidates = [
        (Candidate(comparison.variant, _completed(run)), comparison)
        for run, comparison in zip(detailed, comparisons, strict=True)
    ]
    alone = findings([everything.named(first)]) if len(detailed) != 1 else ()
    overview = tuple(_overview(first, variant, everything) for variant in variants) if len(variants) > 1 else ()
    others = [everything.row(run) for run in variants[DETAILED_VARIANTS:]]
    damaged = [row for row in others if row.disagreements or (row.verdict and row.verdict.verdict in REFUTED)]
    rows = (*(everything.row(run) for run in shown), *damaged)
    return Report(
        version=REPORT_VERSION,
        baseline=everything.row(first),
        goals=_goals(shown, everything),
        loop=_loop(manifest),
        figures=figures(shown, everything.predicted, everything.name, everything.intact),
        metrics=tuple(_metric_row(manifest, None, name, comparable=False) for name in metric_names(manifest)),
        fit_seconds=_fit_seconds(manifest),
        findings=alone,
        comparisons=comparisons,
        overview=overview[:OVERVIEW_VARIANTS],
        overview_left_out=len(overview[OVERVIEW_VARIANTS:]),
        retrospective=retrospective,
        proposal=propose(Candidate(everything.row(first), manifest), candidates, retrospective.setbacks),
        caveats=_caveats(first, detailed, len(variants), comparisons, everything),
        evidence=tuple(row for run in shown for row in _evidence(run, everything)),
        runs=rows,
        verify_commands=(),
        unreadable=unreadable,
    )


def _verify(rows: Sequence[RunRow], named: Sequence[Path], baseline: str | Path | None) -> tuple[str, ...]:
    """The two commands that verify the runs of a report and make it with their verdicts; none where it has them."""
    if all(row.verdict for row in rows):
        return ()
    runs = [shown_path(path) for path in named]
    shown = shlex.join(runs) if len(runs) <= COMMAND_RUNS else "RUN..."
    flags = f" --baseline {shlex.quote(shown_path(Path(baseline)))}" if baseline is not None else ""
    return (
        f"week2kit verify {shown} --json > verify.json",
        f"week2kit report {shown}{flags} --verdicts verify.json",
    )


def _completed(run: Run) -> CompletedRun:
    assert isinstance(run.manifest, CompletedRun)  # the baseline and the variants are chosen so
    return run.manifest


def _goals(runs: Sequence[Run], everything: _Runs) -> tuple[GoalRow, ...]:
    """The goals and hypotheses that the configs carry; a goal that repeats the baseline's is left out."""
    rows: list[GoalRow] = []
    told: set[tuple[str, str]] = set()
    for run in runs:
        config = run.manifest.inputs.config.resolved or {}
        goal, hypothesis = (_text(config.get(key)) for key in ("goal", "hypothesis"))
        new = {(kind, text) for kind, text in (("goal", goal), ("hypothesis", hypothesis)) if text} - told
        if new:
            kinds = dict(new)
            rows.append(GoalRow(everything.name(run), kinds.get("goal", ""), kinds.get("hypothesis", "")))
        told |= new
    return tuple(rows)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


# --- one comparison ---------------------------------------------------------------------------------------------


def _compare(first: Run, variant: Run, everything: _Runs, *, several: bool) -> Comparison:
    before, after = _completed(first), _completed(variant)
    changes, against = compare_inputs(before, after), obstacles(before, after)
    rows = tuple(
        _metric_row(before, after, name, comparable=not against)
        for name in dict.fromkeys([*metric_names(before), *metric_names(after)])
    )
    moved, reason = _moved(first, variant, everything) if not against else (None, Statement("rows.not_comparable"))
    folds = _folds(before, after, comparable=not against)
    return Comparison(
        variant=everything.row(variant),
        changes=tuple(changes),
        things=tuple(changed_things(changes)),
        uncounted=tuple(uncounted_differences(before, after)),
        obstacles=tuple(against),
        metrics=rows,
        folds=tuple(folds[:LISTED_FOLDS]),
        folds_left_out=len(folds[LISTED_FOLDS:]),
        fit_seconds=(_fit_seconds(before), _fit_seconds(after)),
        moved=moved,
        not_moved=reason,
        judgement=None,
        noise=(),
        findings=findings([everything.named(first), everything.named(variant)], rows, moved, about_variant=several),
    )


def _moved(first: Run, variant: Run, everything: _Runs) -> tuple[MovedClasses | MovedErrors | None, Statement | None]:
    """What moved between the rows of two comparable runs, or why that cannot be told."""
    damaged = [everything.name(run) for run in (first, variant) if not everything.intact(run, "predictions")]
    if damaged:
        return None, Statement("rows.not_intact", {"runs": damaged})
    try:
        rows = everything.predicted(first)
        return moved_rows(_completed(first), rows, aligned(rows, everything.predicted(variant))), None
    except NotComparable as reason:
        return None, reason.statement


def _metric_row(before: CompletedRun, after: CompletedRun | None, name: str, *, comparable: bool) -> MetricRow:
    left = before.outcome.metrics.get(name)
    right = after.outcome.metrics.get(name) if after is not None else None
    either = left or right
    assert either is not None  # the name comes from one of the two
    judged = comparable and left is not None and right is not None
    return MetricRow(
        metric=name,
        primary=name == primary_metric(before),
        greater_is_better=either.greater_is_better,
        baseline=_score(left),
        variant=_score(right),
        difference=right.value - left.value if judged and left and right else None,
        outcome=_outcome(left, right) if judged and left and right else None,
        interval=None,
    )


def _score(metric: Metric | None) -> Score | None:
    if metric is None:
        return None
    repeats = tuple(repeat.value for repeat in metric.repeats)
    return Score(metric.value, metric.std, metric.training, metric.dummy, len(metric.folds), None, None, repeats)


def _outcome(left: Metric, right: Metric) -> Outcome:
    gain = advantage(left, right)
    return "better" if gain > 0 else "worse" if gain < 0 else "equal"


def _folds(before: CompletedRun, after: CompletedRun, *, comparable: bool) -> list[FoldRow]:
    name = primary_metric(before)
    left = before.outcome.metrics[name].folds
    if len(left) < 2 or len(left) != len(before.outcome.split.folds):
        return []
    other = after.outcome.metrics.get(name)
    right = other.folds if comparable and other is not None and len(other.folds) == len(left) else None
    return [
        FoldRow(
            fold=index + 1,
            n_train=size.n_train,
            n_val=size.n_val,
            baseline=left[index],
            variant=right[index] if right else None,
            difference=right[index] - left[index] if right else None,
        )
        for index, size in enumerate(before.outcome.split.folds)
    ]


def _fit_seconds(run: CompletedRun) -> float | None:
    return next((stage.seconds for stage in run.stages if stage.name == "fit"), None)


def _overview(first: Run, variant: Run, everything: _Runs) -> OverviewRow:
    before, after = _completed(first), _completed(variant)
    comparable = not obstacles(before, after)
    row = _metric_row(before, after, primary_metric(before), comparable=comparable)
    return OverviewRow(
        rank=None,
        tied=False,
        run=everything.name(variant),
        baseline=False,
        things=tuple(changed_things(compare_inputs(before, after))),
        comparable=comparable,
        value=row.variant.value if row.variant else None,
        difference=row.difference,
        verdict=row.outcome,
    )


def _caveats(
    first: Run, detailed: Sequence[Run], variants: int, comparisons: Sequence[Comparison], everything: _Runs
) -> tuple[Statement, ...]:
    named: list[tuple[Named, Sequence[Change]]] = [
        (everything.named(run), comparison.changes) for run, comparison in zip(detailed, comparisons, strict=True)
    ]
    moved = next((comparison.moved for comparison in comparisons if comparison.moved is not None), None)
    return caveats(everything.named(first), named, moved, runs=variants + 1)


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


def _evidence(run: Run, everything: _Runs) -> list[EvidenceRow]:
    """Which file proves which number; the manifest proves what no other file holds."""
    name, manifest = everything.name(run), _completed(run)
    digests = {file.name: file.sha256 for file in everything.row(run).files}
    scores = [(f"validation {metric}", manifest.outcome.metrics[metric].value) for metric in metric_names(manifest)]
    rows: list[tuple[str, float | None, str]] = [(number, value, ARTIFACTS["metrics"]) for number, value in scores]
    rows += [
        ("each prediction, and the metrics that follow from them", None, ARTIFACTS["predictions"]),
        ("learning curve", None, ARTIFACTS["curves"]),
    ]
    whole = "training scores, dummy, folds, time of fit, inputs, warnings"
    return [
        *(EvidenceRow(number, value, name, file, digests[file]) for number, value, file in rows if file in digests),
        EvidenceRow(whole, None, name, MANIFEST_NAME, everything.row(run).manifest_sha256),
    ]
