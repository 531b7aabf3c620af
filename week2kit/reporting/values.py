"""The report as a value: everything that a text about runs needs, computed and ordered, nothing rounded or worded.

Numbers are what the record holds (`week2kit.rendering` rounds). What is said about them are `Statement`s: a stable
code and values, made into sentences from `week2kit.sentences.report`. Texts that come from a run folder (names,
labels, messages, commands, goals) are untrusted, and every renderer must escape them. Paths are as they were given
on the command line, with forward slashes, never absolute.

The values are named tuples: a report of two runs costs little more than its imports, and a frozen data class takes four
times as long to define.

`REPORT_VERSION` is raised when a field changes its meaning or goes away; a field that is added does not raise it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from week2kit.inputs.changes import Change, Statement
from week2kit.record.manifest import FailureStage
from week2kit.reporting.rows import (
    ColumnsRow,
    CommandRow,
    FoldRow,
    GoalRow,
    Judgement,
    MetricRow,
    MovedClasses,
    MovedErrors,
    RunRow,
    Verdict,
)

REPORT_VERSION: Final = 2

Topic: TypeAlias = Literal["difference", "noise", "overfitting", "underfitting", "imbalance", "convergence", "warnings"]


class Finding(NamedTuple):
    """What the numbers say about one topic."""

    topic: Topic
    statements: tuple[Statement, ...]


class Comparison(NamedTuple):
    """The baseline against one variant."""

    variant: RunRow
    changes: tuple[Change, ...]
    things: tuple[str, ...]
    """What changed, as the rule of one change counts it; a fair comparison has exactly one."""
    uncounted: tuple[Change, ...]
    obstacles: tuple[Statement, ...]
    """Why the two are not comparable; empty where they are."""
    comparable: tuple[Statement, ...]
    """What shows that they are; empty where they are not."""
    metrics: tuple[MetricRow, ...]
    folds: tuple[FoldRow, ...]
    folds_left_out: int
    fit_seconds: tuple[float | None, float | None]
    moved: MovedClasses | MovedErrors | None
    not_moved: Statement | None
    """Why no rows are compared, where `moved` is None."""
    judgement: Judgement | None
    """Of the primary metric; None where the two are not comparable."""
    findings: tuple[Finding, ...]
    code: tuple[str, ...] = ()
    """Where a script changed and both runs kept it, the first lines in which they differ, as a unified diff."""


class OverviewRow(NamedTuple):
    """One run in the ranked table: its rank on the baseline's primary metric, and what changed."""

    rank: int | None
    """From 1; runs that the noise does not tell from the best share rank 1. None: not comparable, or nothing says
    whether a high value is good."""
    tied: bool
    """Whether another run has the same rank."""
    run: str
    baseline: bool
    things: tuple[str, ...]
    comparable: bool
    value: float | None
    difference: float | None
    """Against the baseline."""
    verdict: Verdict | None
    """Against the baseline; None: not tested."""


class Loop(NamedTuple):
    """The baseline's training loop with its own counts (Figure A)."""

    source: str
    rows: int
    features: int
    target: str
    method: str
    folds: int
    n_train: int
    n_val: int
    """Rows of the first fold; folds differ by a row at most, but for time series."""
    model: str
    metric: str
    value: float | None
    seed: int
    artifacts: tuple[str, ...]


class CurvePoint(NamedTuple):
    """Scores of one training size."""

    n_train: int
    training: float
    validation: float


class Curve(NamedTuple):
    """A run's learning curve (Figure B)."""

    run: str
    metric: str
    points: tuple[CurvePoint, ...]


class Fit(NamedTuple):
    """Training against validation score of a run's primary metric."""

    run: str
    metric: str
    training: float
    validation: float


class CalibrationPoint(NamedTuple):
    """One bin of predicted probabilities: their mean, the share of rows that came true, and how many rows."""

    predicted: float
    observed: float
    rows: int


class Calibration(NamedTuple):
    """Whether a run's probabilities come true: of the positive class, or, with more classes, of the predicted one."""

    run: str
    label: str | None
    """The positive class; None: the predicted class, whichever it is."""
    points: tuple[CalibrationPoint, ...]


class Residuals(NamedTuple):
    """True and predicted values of a regression on the validation rows; evenly thinned where there are many."""

    run: str
    points: tuple[tuple[float, float], ...]
    left_out: int


class Figures(NamedTuple):
    """The numbers that pictures are drawn from, for the baseline and the detailed variants."""

    metric: str
    greater_is_better: bool
    fits: tuple[Fit, ...]
    curves: tuple[Curve, ...]
    calibration: tuple[Calibration, ...]
    residuals: tuple[Residuals, ...]


class Attempt(NamedTuple):
    """What was tried after a failure: of the runs begun later, the one whose config is nearest to the failed one's."""

    run: str
    changes: tuple[Change, ...]
    """From the failed run (`baseline`) to this one (`variant`)."""
    outcome: Literal["completed", "same", "elsewhere", "interrupted"]
    happened: Statement


class Setback(NamedTuple):
    """A way in which runs failed or were interrupted, or a run that came out worse than the baseline."""

    run: RunRow
    """The run that is told of; of several that failed in one way, one that was repaired, or is nearest to working."""
    kind: Literal["failed", "interrupted", "worse"]
    runs: tuple[str, ...]
    """All runs that failed in this way."""
    compared_with: str | None
    """The completed run whose config is nearest (worse: the baseline)."""
    tried: tuple[Change, ...]
    as_written: bool
    """The config was never filled in, and is compared only in the keys that it holds."""
    stage: FailureStage | None
    happened: Statement
    why: Statement
    hint: str
    """What the failed run itself recorded as the thing to try; empty where it recorded none."""
    next: Attempt | None
    """None: nothing like it was tried later."""
    learned: Statement


class BriefFailure(NamedTuple):
    """A way in which runs failed, in one line; `error` None: they were interrupted."""

    stage: FailureStage | None
    error: str | None
    message: str | None
    runs: tuple[str, ...]


class Retrospective(NamedTuple):
    """What did not work, among the named runs and the folders beside them."""

    looked_at: int
    """Runs that were looked at, the named ones included."""
    folders: tuple[str, ...]
    only_named: bool
    setbacks: tuple[Setback, ...]
    brief: tuple[BriefFailure, ...]
    """Further ways in which runs failed."""
    left_out: int
    """Runs that failed in ways that are not told."""
    worse_left_out: int = 0
    """Runs that are worse by more than noise, and are not told."""
    not_apart: tuple[str, ...] = ()
    """Runs that are lower than the baseline, but not told apart from it by more than noise."""
    not_tested: tuple[str, ...] = ()
    """Runs that are lower than the baseline, and were not tested."""
    not_judged: int = 0
    """Completed runs that are not comparable with the baseline, so neither better nor worse."""
    not_read: int = 0


class Experiment(NamedTuple):
    """A run that is ready to train."""

    name: str
    """What it shall be called: telling, and no run that was found has this name."""
    base: str
    """The run whose config it is, but for `changes`."""
    changes: tuple[Change, ...]
    """What is set; together one thing, as the rule of one change counts it."""
    command: str | None
    """The same with flags; None where no flag does it."""
    config: Mapping[str, Any]
    """What `week2kit train` takes, in the directory in which the report was made."""
    runs_dir: str = "runs"
    """The folder of the run that it starts from, in which the new one shall lie, too."""

    @property
    def flags(self) -> str:
        """The flags that name the run, and its folder where that is not the usual one."""
        folder = "" if self.runs_dir == "runs" else f" --runs-dir {shlex.quote(self.runs_dir)}"
        return f" --name {self.name}{folder}"


class Proposal(NamedTuple):
    """The next experiment: one change, why, and what its outcome would mean."""

    reason: Statement
    proposal: Statement
    reading: Statement | None
    """Which result would support it, and which would not."""
    experiments: tuple[Experiment, ...]
    """The runs to train: several where it takes several to learn anything."""
    judge: str | None = None
    """The command that compares these runs with what they came from, when they are trained."""

    @property
    def config(self) -> Mapping[str, Any] | None:
        """The config of the first experiment; None where there is none to train."""
        return self.experiments[0].config if self.experiments else None

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of the experiments, where flags do it."""
        return tuple(one.command for one in self.experiments if one.command is not None)


class Verdicts(NamedTuple):
    """The list of verdicts that the report was given."""

    file: str
    """Its name, without a folder."""
    sha256: str
    unmatched: tuple[str, ...]
    """Runs of the list, by the name that it gives them, that are none of those that the report looked at."""


class EvidenceRow(NamedTuple):
    """A number of this report and the file that proves it."""

    number: str
    value: float | None
    """None where the row speaks of many numbers."""
    run: str
    file: str
    sha256: str


class Report(NamedTuple):
    """A comparison of runs: the baseline against each variant, what failed on the way, and what to do next."""

    version: int
    baseline: RunRow | None
    """None where no run completed: then there is nothing to compare."""
    goals: tuple[GoalRow, ...]
    loop: Loop | None
    figures: Figures | None
    metrics: tuple[MetricRow, ...]
    """The baseline's own metrics, `variant` None: what a report of one run shows."""
    fit_seconds: float | None
    findings: tuple[Finding, ...]
    """About the baseline alone; where there is one variant, its comparison holds the statements about both."""
    comparisons: tuple[Comparison, ...]
    overview: tuple[OverviewRow, ...]
    """All runs in order of their rank, where there is more than one variant."""
    ranking: tuple[Statement, ...]
    """What the overview says."""
    overview_left_out: int
    retrospective: Retrospective
    proposal: Proposal
    caveats: tuple[Statement, ...]
    evidence: tuple[EvidenceRow, ...]
    runs: tuple[RunRow, ...]
    """The runs whose files the report lists: baseline, detailed variants, then what disagrees with its record."""
    verify_commands: tuple[str, ...]
    """Verify the runs, and make this report with the verdicts; empty where every run has one."""
    unreadable: tuple[str, ...]
    """What was named and could not be read, each with its reason."""
    verdicts: Verdicts | None = None
    """None: no verdicts were given."""
    columns: tuple[ColumnsRow, ...] = ()
    """Of the baseline, and of each detailed variant that uses others."""
    commands: tuple[CommandRow, ...] = ()
    """The runs among `runs` that are a person's own script."""
    others: tuple[Report, ...] = ()
    """The reports on the other data sets, where the runs are on several; this one is of the first."""
