"""What the tables of a report hold: a row each for a run, its files, its metrics, its folds, and the rows that moved.

As in `week2kit.reporting.values`, nothing is rounded or worded, and texts that come from a run folder are untrusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from week2kit.inputs.changes import Statement

if TYPE_CHECKING:  # its models cost milliseconds, and only `--verdicts` needs them
    from week2kit.record.verdict import InputName, Layer, Level, VerdictName

FileState: TypeAlias = Literal["agrees", "differs", "missing", "unreadable", "not read here", "not recorded", "read"]
Outcome: TypeAlias = Literal["better", "worse", "equal"]
Verdict: TypeAlias = Literal["better", "worse", "noise", "equal", "equivalent", "untested"]
Method: TypeAlias = Literal["mcnemar", "bootstrap", "corrected_t"]
#: Verdicts on a run whose numbers did not come out again, or not twice.
REFUTED: Final = frozenset({"tampered", "different", "unstable"})


class FileRow(NamedTuple):
    """One file of a run folder: the digest that the manifest holds, and whether the file still has it.

    Where there is no manifest, the file was `read`, and the digest is that of today.
    """

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
    """One run as it is named in the report, and how it was made; what is not recorded is empty."""

    name: str
    path: str
    status: Literal["running", "completed", "failed"]
    manifest_sha256: str
    """Empty for a run that was made without week2kit: only what its files say is known of it."""
    command: str
    environment: str
    files: tuple[FileRow, ...]
    disagreements: tuple[Statement, ...]
    """What does not agree with the run's own record; empty for an intact run."""
    verdict: Verification | None = None
    """None: the report was given no verdict on this very record, so the run is not verified."""
    kind: Literal["config", "command", "folder"] = "config"
    """A training by week2kit, a person's own script, or a folder without a manifest."""


class ReadFile(NamedTuple):
    """A file that a command read, by its path from the working directory."""

    path: str
    bytes: int
    sha256: str | None
    """When the command began; None: it was changed, and nobody saw it before."""
    after: str | None
    """The digest when the command had ended; None: the file was gone."""
    how: Literal["observed", "declared"]


class WrittenFile(NamedTuple):
    """A file that a command wrote."""

    path: str
    bytes: int
    sha256: str
    change: Literal["created", "modified"]
    role: str
    kept: bool
    """Whether the run folder holds its text."""


class CommandRow(NamedTuple):
    """What is known of a run of a person's own script in the place of config, split and model."""

    run: str
    line: str
    """The command, quoted for a shell."""
    script: str
    """Empty where none was found."""
    seed: int | None
    metrics_from: str
    """The file, or `standard output`; empty where there is no metric."""
    metrics_left_out: int
    times: tuple[tuple[str, float], ...]
    modules: tuple[tuple[str, str], ...]
    """The project's files that ran, each with its digest."""
    read: tuple[ReadFile, ...] | None
    """None: not known."""
    written: tuple[WrittenFile, ...]
    predicted: int | None
    """Rows of its table of predictions; None where it left none."""
    unseen: tuple[Statement, ...]
    """What was not observed."""


class GoalRow(NamedTuple):
    """The goal and hypothesis that a run's config carries, as the person wrote them."""

    run: str
    goal: str
    hypothesis: str
    goal_measured: tuple[Statement, ...] = ()
    """Where the goal is a metric, a sign and a number: whether each run reaches it."""
    hypothesis_measured: tuple[Statement, ...] = ()
    """What came of it: the comparison, or whether the run reaches the number."""


class ColumnRow(NamedTuple):
    """A column of the table that a run used: as what, what it holds, and in how many rows it has no value."""

    name: str
    role: str
    kind: str
    missing: int


class ColumnsRow(NamedTuple):
    """The columns that a run used."""

    run: str
    columns: tuple[ColumnRow, ...]
    dropped: tuple[str, ...]
    """The columns that the config names to be left out."""
    statements: tuple[Statement, ...]
    """Of the baseline, which they are; of another run, where it differs."""

    @property
    def features(self) -> list[str]:
        """The names of the features."""
        return [column.name for column in self.columns if column.role == "feature"]


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
    greater_is_better: bool | None
    """None: a script reports it under a name that does not say."""
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
