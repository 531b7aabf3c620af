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

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from week2kit.inputs.changes import Change, Statement
from week2kit.record.manifest import Stage

if TYPE_CHECKING:  # its models cost milliseconds, and only `--verdicts` needs them
    from week2kit.record.verdict import InputName, Layer, Level, VerdictName

REPORT_VERSION: Final = 1

FileState: TypeAlias = Literal["agrees", "differs", "missing", "unreadable", "not read here", "not recorded"]
Outcome: TypeAlias = Literal["better", "worse", "equal"]
Verdict: TypeAlias = Literal["better", "worse", "noise", "equal", "equivalent", "untested"]
Method: TypeAlias = Literal["mcnemar", "bootstrap", "corrected_t"]
#: Verdicts on a run whose numbers did not come out again, or not twice.
REFUTED: Final = frozenset({"tampered", "different", "unstable"})

Topic: TypeAlias = Literal["difference", "noise", "overfitting", "underfitting", "imbalance", "convergence", "warnings"]


class FileRow(NamedTuple):
    """One file of a run folder: the digest that the manifest holds, and whether the file still has it."""

    name: str
    sha256: str
    state: FileState


class CauseRow(NamedTuple):
    """An input that differed when a run was trained again, and how it is known to be the cause."""

    input: InputName
    factor: str
    proof: Literal["restored", "provoked", "observed"]


class Verification(NamedTuple):
    """What `verify` found when it trained a run again."""

    verdict: VerdictName
    level: Level | None
    """How deep the outcome is identical."""
    first_divergence: Layer | None
    causes: tuple[CauseRow, ...]
    told: str
    """The verdict as `verify` words it, without its name; of one that is not accepted with the first reason."""


class RunRow(NamedTuple):
    """One run as it is named in the report, and how it was made."""

    name: str
    path: str
    status: Literal["running", "completed", "failed"]
    manifest_sha256: str
    command: str
    environment: str
    files: tuple[FileRow, ...]
    disagreements: tuple[Statement, ...]
    """What does not agree with the run's own record; empty for an intact run."""
    verdict: Verification | None = None
    """None: the report was given no verdict on this very record, so the run is not verified."""


class GoalRow(NamedTuple):
    """The goal and hypothesis that a run's config carries, as the person wrote them."""

    run: str
    goal: str
    hypothesis: str


class Range(NamedTuple):
    """An interval with its level, such as 0.95."""

    low: float
    high: float
    level: float


class Score(NamedTuple):
    """One metric of one run; a value that is not defined is None."""

    value: float | None
    std: float | None
    training: float | None
    dummy: float | None
    folds: int
    interval: Range | None
    """Where the metric would lie on other rows or folds, the fitted models held fixed; None: no interval."""
    spread: float | None
    """Sample standard deviation over the run's seed and its repeats; None without repeats."""
    repeats: tuple[float, ...]
    """The values of the repeats, in order of their seeds, as far as they are defined."""
    undefined: int = 0
    """Folds in which the metric is not defined: `value` is the mean of the others."""


class Judgement(NamedTuple):
    """Whether the difference of one metric (variant minus baseline) is more than noise, by a named test."""

    metric: str
    verdict: Verdict
    method: Method | None
    """None: no test fits, and `statements` say why."""
    difference: float | None
    """None: the metric is not defined in one of the two, or not in the same folds."""
    interval: Range | None
    """95 % interval of the difference."""
    equivalence: Range | None
    """90 % interval of the difference: equivalent is what lies inside the margin with all of it."""
    p_value: float | None
    adjusted: float | None
    """Holm's p-value, where several variants are tested against the baseline."""
    units: int
    """Validation rows, or folds, that the test rests on."""
    reliable: bool
    statements: tuple[Statement, ...]
    """What the test says, in sentences that a learner understands."""
    notes: tuple[Statement, ...]
    """The test's name, its assumption, its source, its seed."""


class MetricRow(NamedTuple):
    """One metric of the baseline and of a variant. `difference` is variant minus baseline; None: not comparable."""

    metric: str
    primary: bool
    greater_is_better: bool
    baseline: Score | None
    variant: Score | None
    difference: float | None
    outcome: Outcome | None
    interval: Range | None
    """95 % interval of the difference."""
    of: str | None = None
    """The class that a metric of two classes is of."""


class FoldRow(NamedTuple):
    """The primary metric in one fold of a cross-validation; `fold` counts from 1 through all repeats."""

    fold: int
    n_train: int
    n_val: int
    baseline: float | None
    """None: not defined in this fold."""
    variant: float | None
    difference: float | None


class MovedRow(NamedTuple):
    """A validation row that the two runs judge differently. For regression the labels are numbers, as text."""

    repeat: str
    fold: str
    row: str
    true: str
    baseline: str
    variant: str
    change_of_error: float | None = None


class ClassRow(NamedTuple):
    """One class on the validation rows: how many are right in each run, and how many moved."""

    label: str
    rows: int
    right_baseline: int
    right_variant: int
    fixed: int
    broken: int


class ConfusionRow(NamedTuple):
    """One true class; per predicted class the pair (baseline, variant) of counts."""

    label: str
    cells: tuple[tuple[int, int], ...]


class MovedClasses(NamedTuple):
    """Which validation rows a classifier got right or wrong that the other did not."""

    rows: int
    right_both: int
    fixed: int
    broken: int
    wrong_both: int
    wrong_otherwise: int
    """Of `wrong_both`, the rows that the two runs get wrong in different ways."""
    classes: tuple[ClassRow, ...]
    fixed_rows: tuple[MovedRow, ...]
    broken_rows: tuple[MovedRow, ...]
    confusion: tuple[ConfusionRow, ...]
    """Empty where there are too many classes to read."""
    several_folds: bool


class MovedErrors(NamedTuple):
    """On which validation rows a regressor came closer to, or went farther from, the true value."""

    rows: int
    closer: int
    farther: int
    equal: int
    largest: tuple[MovedRow, ...]
    several_folds: bool


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


class OverviewRow(NamedTuple):
    """One run in the ranked table: its rank on the baseline's primary metric, and what changed."""

    rank: int | None
    """From 1; runs that the noise does not tell from the best share rank 1. None: not comparable."""
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
    stage: Stage | None
    happened: Statement
    why: Statement
    hint: str
    """What the failed run itself recorded as the thing to try; empty where it recorded none."""
    next: Attempt | None
    """None: nothing like it was tried later."""
    learned: Statement


class BriefFailure(NamedTuple):
    """A way in which runs failed, in one line; `error` None: they were interrupted."""

    stage: Stage | None
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
    worse_left_out: int
    """Runs that are worse by more than noise, and are not told."""
    not_apart: tuple[str, ...]
    """Runs that are lower than the baseline, but not told apart from it by more than noise."""
    not_tested: tuple[str, ...]
    """Runs that are lower than the baseline, and were not tested."""
    not_judged: int
    """Completed runs that are not comparable with the baseline, so neither better nor worse."""
    not_read: int


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


class ThinScore(NamedTuple):
    """A score of a run that was made without week2kit, as it wrote it."""

    metric: str
    """Its name as written."""
    value: float
    difference: float | None
    """From the first of these runs; None where they are not comparable, and of the first itself."""


class ThinRow(NamedTuple):
    """A run that was made without week2kit: no manifest, so no predictions, no digests and no environment."""

    name: str
    path: str
    scores: tuple[ThinScore, ...]
    changes: tuple[Change, ...]
    """In config and seed as they are written, against the first of these runs."""
    comparable: tuple[Statement, ...]
    """Why it can or cannot be compared with the first of these runs; empty for that one itself."""
    metrics_sha256: str
    things: tuple[str, ...] = ()
    """What changed, as the rule of one change counts it, against the first of these runs."""
    n_train: int | None = None
    n_val: int | None = None
    seconds: float | None = None
    """How long the training took, as it wrote it."""
    seconds_difference: float | None = None
    """From the first of these runs; None where one of the two wrote no time."""
    timestamp: str = ""
    git: str = ""
    """The commit that it names, as foreign text."""
    versions: Mapping[str, str] = {}
    """Python and the libraries that decide an outcome, as far as it names them."""

    @property
    def has_record(self) -> bool:
        """Whether it says more than scores and a time."""
        return bool(self.n_train is not None or self.n_val is not None or self.timestamp or self.git or self.versions)


class Thin(NamedTuple):
    """The runs that were made without week2kit; the first is what the others are compared with."""

    rows: tuple[ThinRow, ...]
    left_out: int
    summary: tuple[Statement, ...] = ()
    """What came out, and what is not known: the first lines of a report that has no other runs."""
    verify_command: str = ""
    """What trains them again."""


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
    thin: Thin | None = None
    """None: no run without a manifest was named."""
