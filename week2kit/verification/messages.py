"""A rerun as a value: what was asked for, and what came out. Shared by the judge and the child that trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from week2kit.environment.conditions import AS_HERE, Conditions
from week2kit.record.looking import DataFile
from week2kit.record.manifest import Data, Environment, Failure, FoundData, Kind, Outcome, Split, Warned


@dataclass(frozen=True)
class OnlyTable:
    """The digest of the one table that may be trained on: nobody vouches for `file`, and other bytes were recorded."""

    digest: str
    file: DataFile
    recorded: str | None


@dataclass(frozen=True)
class SecondFile:
    """The file of the validation rows: its path as the record has it, and what it is read as."""

    path: str
    reader: Literal["csv", "tsv", "parquet", "sklearn"]
    file: DataFile


@dataclass(frozen=True)
class RerunRequest:
    """One training to be done again.

    Attributes:
        file: the data; None for a data set that scikit-learn ships.
        validation: the file of the validation rows, where the split names one.
        only: the one table that may be trained on; None where any may.
        kinds: of what kind each column was when it was recorded, where the bytes are others than then.
        conditions: what is to be in force while it trains, besides the environment as it is here.
        earlier: whether the record has the metrics of an earlier week2kit, see `week2kit.record.earlier`.
        scorers: the names of the metrics that a partial record may have; None where it is not partial.
        digits: the decimals of its classification report.
        give_predictions: whether the answer shall hold the predictions, to compare others with.
        advise: whether to look for all that train warns of, which costs trees; the same comes out of every training.
    """

    config: dict[str, Any]
    seed: int
    path: str
    reader: Literal["csv", "tsv", "parquet", "sklearn"]
    file: DataFile | None
    only: OnlyTable | None = None
    kinds: tuple[tuple[str, Kind], ...] = ()
    allowed_modules: tuple[str, ...] = ()
    conditions: Conditions = AS_HERE
    give_predictions: bool = False
    advise: bool = False
    earlier: bool = False
    scorers: tuple[str, ...] | None = None
    digits: int = 2
    validation: SecondFile | None = None

    @property
    def files(self) -> Sequence[DataFile]:
        """The files that are read."""
        second = None if self.validation is None else self.validation.file
        return [file for file in (self.file, second) if file is not None]


@dataclass(frozen=True)
class Stored:
    """The stored predictions of a run: the bytes of predictions.csv, and what is needed to read them.

    `earlier` says that its metrics are those of an earlier week2kit, see `week2kit.record.earlier`.
    """

    content: bytes
    classes: list[Any] | None
    method: Literal["predict_proba", "decision_function", "predict"] | None
    metric_names: list[str]
    positive: Any
    earlier: bool = False


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Comparison(_Answer):
    """How far fresh predictions are from stored ones, on the same rows; scores are null where one side has none.

    Each score is measured by itself: in units of its own stored absolute value or of the median one of its fold,
    whichever is larger. One score of 1e12 excuses no other.

    Attributes:
        largest_difference: the largest difference of a score, in its unit.
        widest_tie: the largest distance, in the unit of the best score, from the best score of a row to that of a
            label that the row was given on one side only; 0 where no label moved.
    """

    labels_moved: int
    largest_difference: float | None = None
    widest_tie: float | None = None

    def within(self, tolerance: float) -> bool:
        """Whether every score moved by at most `tolerance` units, and labels only where scores tie."""
        if self.largest_difference is None or self.widest_tie is None:
            return self.labels_moved == 0
        return max(self.largest_difference, self.widest_tie) <= tolerance


class Race(_Answer):
    """An estimator whose threads may finish in any order; `kept_out` where week2kit lets only one of them run.

    A forest adds up its trees in the order in which jobs finish: week2kit predicts with one job, and cannot do so where
    another estimator predicts with the forest while it is fitted. k-means is given one OpenMP thread.
    """

    estimator: str
    kind: Literal["forest", "kmeans"]
    kept_out: bool


class Variable(_Answer):
    """What of a run, and of this machine, can be varied: asked where scikit-learn is imported.

    Attributes:
        takes_jobs: whether an estimator of the run takes ``n_jobs``.
        comma_locale: an installed locale, another than that of here, that writes decimals with a comma.
        utc_offset, home, umask: what is in force here, in seconds east of UTC, as a path, as a mask.
    """

    takes_jobs: bool
    comma_locale: str | None
    utc_offset: int
    home: str
    umask: int


class Missing(_Answer):
    """What is not here that the run needs, in a sentence or two; and the command, or the flags of verify, that help."""

    said: str
    command: str = ""
    flags: list[str] = []


class Scored(_Answer):
    """What predictions are worth: every metric that was asked for and that they can give, and the report."""

    metrics: dict[str, float]
    report: str


class Fresh(_Answer):
    """What came out of one rerun; what it did not reach is null.

    Attributes:
        missing: why it failed, where that is nothing of the run.
        warnings: what train would have recorded; leaks and shared rows only where they were asked for.
        unseeded: what draws without a seed; this and the next two are known from the pipeline, without any rerun.
        races: what races.
        never_repeat: what is dumped to other bytes each time.
        racing_bytes: what may be dumped to other bytes each time, because its threads count what they do.
        threads: whether an estimator has several jobs: what its threads are warned of may get lost.
        by_cpus: the estimators whose number of jobs follows from that of the CPUs; null where it failed before.
        comparison: how far its predictions are from the stored ones.
        environment: what was in force, where conditions were asked for.
        not_in_force: conditions of the process, by name, that were asked for and did not take effect.
        predictions: as predictions.csv has them, where they were asked for.
        scored: what they are worth, where a partial record has names of metrics.
    """

    failure: Failure | None
    missing: Missing | None = None
    data: Data | FoundData | None = None
    split: Split | None = None
    outcome: Outcome | None = None
    curves: str | None = None
    warnings: list[Warned] = []
    unseeded: list[str] = []
    races: list[Race] = []
    never_repeat: list[str] = []
    racing_bytes: list[str] = []
    threads: bool = False
    by_cpus: list[str] | None = None
    comparison: Comparison | None = None
    environment: Environment | None = None
    not_in_force: list[str] = []
    predictions: str | None = None
    scored: Scored | None = None
    seconds: float = 0.0


class MetricFromPredictions(_Answer):
    """A metric computed from predictions.csv; `exact` where it has one right value (metrics of labels).

    Null is a value that is not defined on these rows.
    """

    value: float | None
    folds: list[float | None]
    exact: bool


class FromPredictions(_Answer):
    """What predictions.csv says by itself, or the problem that keeps it from saying it."""

    problem: str | None = None
    digest: str = ""
    scores: str | None = None
    decision: str | None = None
    metrics: dict[str, MetricFromPredictions] = {}
    report: str = ""
