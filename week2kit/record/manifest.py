"""The run manifest: the five inputs of a run, its outcome, and the files that prove it. All commands share it.

How to raise the version: change the models, raise `SCHEMA_VERSION`, add the step from the old version to
`week2kit.record.migrations`, keep runs of the old version in `tests/old_runs`, refresh the golden JSON Schema.
"""

# no annotations from the future: pydantic would compile and evaluate each of them again, at every start
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from week2kit.canonical import clean, every_value, label_text
from week2kit.config.label import Label
from week2kit.thresholds import MAX_CONFIG_BYTES, MAX_RECORDED_KEYS, MAX_RECORDED_TEXT

SCHEMA_VERSION: Final = 5

Digest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
#: Sixteen hexadecimal digits that tell accidents apart, and stop no forger.
Checksum: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=1000)]
Text: TypeAlias = Annotated[str, Field(max_length=MAX_RECORDED_TEXT)]
#: Whole numbers up to this are floats, too: whoever computes with a count need not ask.
Count: TypeAlias = Annotated[int, Field(ge=0, le=2**53)]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Kind: TypeAlias = Literal["bool", "int", "float", "text"]
Stage: TypeAlias = Literal["config", "load", "split", "fit", "evaluate", "save"]
#: Where a run can fail: in a stage of our own loop, or in a script, of whose stages nothing is known.
FailureStage: TypeAlias = Stage | Literal["command"]


def _inconsistent(message: str, *places: str) -> PydanticCustomError:
    """What no run of week2kit records, and where below the part that is validated."""
    return PydanticCustomError("inconsistent", "{message}", {"message": message, "places": places})


def _classes_of_one_kind(classes: list[Label]) -> list[Label]:
    if not classes:
        raise _inconsistent("it holds no class")
    if len({type(label) for label in classes}) > 1:
        raise _inconsistent("the classes are not all of one kind, such as texts or whole numbers")
    twice, times = Counter(classes).most_common(1)[0]
    if times > 1:
        raise _inconsistent(f"the class {clean(repr(twice), 60)} stands there {times} times")
    return classes


def _a_moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise _inconsistent("there is no such date or time of day") from None
    return text


def _of_bounded_texts(value: dict[str, Any]) -> dict[str, Any]:
    texts = (text for item in every_value(value) for text in (item if isinstance(item, dict) else [item]))
    if (longest := max((len(text) for text in texts if isinstance(text, str)), default=0)) > MAX_RECORDED_TEXT:
        raise _inconsistent(f"it holds a text of {longest} characters, and at most {MAX_RECORDED_TEXT} are read")
    return value


def _of_few_keys(value: dict[str, Any]) -> dict[str, Any]:
    if sum(len(item) for item in every_value(value) if isinstance(item, dict)) > MAX_RECORDED_KEYS:
        raise _inconsistent(f"it holds more than {MAX_RECORDED_KEYS} keys")
    return value


T = TypeVar("T")
#: The first thing that is wrong in a list is told, not a million of them collected.
Many: TypeAlias = Annotated[list[T], Field(fail_fast=True)]
Classes: TypeAlias = Annotated[Many[Label], AfterValidator(_classes_of_one_kind)]


class Record(BaseModel):
    """A part of the manifest: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


# --- the five inputs --------------------------------------------------------------------------------------------


class Git(Record):
    """Where the user's own project stood; provenance only, no verdict depends on it."""

    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]
    dirty: bool


class Code(Record):
    """What computed the result: week2kit's version and the digest of the modules that train."""

    week2kit: Name
    digest: Digest
    modules: dict[Name, Digest] | None = Field(
        description="digest of each module that trains, by file name; `digest` follows from them. Null in old records"
    )
    git: Git | None
    own: dict[Name, Digest] | None = Field(
        default=None,
        description="digest of each allowed module that is no installed distribution, by name. Null in old records",
    )


class Column(Record):
    """One used column of the table, in fit order (features, target, what the split goes by, weights)."""

    name: Text
    kind: Kind
    role: Literal["feature", "target", "groups", "order", "split", "weights"]
    missing: Count
    digest: Digest
    as_float: Digest | None = Field(
        default=None,
        description="of whole numbers: the digest that the same values have as floats, as 3 and 3.0 are. Null where "
        "a value is none, for other kinds, and in old records",
    )
    gaps: Annotated[dict[Text, Count], Field(max_length=1000)] | None = Field(
        default=None,
        description='the texts of the file that were read as no value, with their rows; "" is an empty cell. Null '
        "where the file is no text, and in old records",
    )


class FoundFile(Record):
    """Where rows came from, and the digest of the bytes."""

    path: Text = Field(description="as the config writes it, or the name of the dataset; an absolute path is cut")
    from_run: Text | None = Field(
        description="POSIX path from the run folder to the data; null where it would tell a name of machine or user"
    )
    bytes: Count | None
    sha256: Digest | None
    reader: Literal["csv", "tsv", "parquet", "sklearn"]


class FoundData(FoundFile):
    """Where all rows came from: what a run knows that failed before it had a table."""

    source: Literal["file", "dataset"]
    validation: FoundFile | None = Field(
        default=None, description="the file of the validation rows, where the split names one. Null in old records"
    )

    @property
    def files(self) -> Sequence[FoundFile]:
        """The file, and that of the validation rows where there is one."""
        return (self,) if self.validation is None else (self, self.validation)

    @property
    def digests(self) -> Sequence[str | None]:
        """The digests of the bytes of all files."""
        return tuple(file.sha256 for file in self.files)


class Data(FoundData):
    """The data with the digests of the parsed table."""

    table_digest: Digest
    unordered_digest: Checksum | None = Field(
        description="checksum of the rows in any order; it explains, and proves nothing. Null in old records"
    )
    rows: Count
    dropped: Count | None = Field(
        default=None, description="rows that were left out because they have no target. Null in old records"
    )
    columns: Many[Column]


class Config(Record):
    """The resolved config; where it never became valid, the text that was given."""

    resolved: Annotated[dict[str, Any], AfterValidator(_of_few_keys)] | None
    raw: Annotated[str, Field(max_length=MAX_CONFIG_BYTES)] | None
    digest: Digest | None = Field(
        description="of the resolved config without path, seed, a person's words, learning_curve and repeats"
    )


class Seed(Record):
    """The seed that reached the split and every random_state."""

    value: Annotated[int, Field(ge=0, lt=2**32)]
    source: Literal["given", "drawn"]


class Cpu(Record):
    """The processor: provenance; what took effect stands in blas, simd, libm and fingerprint."""

    model: Text
    features: Many[Text]


class Blas(Record):
    """One copy of a BLAS library as it was loaded."""

    user: Text = Field(description="the package that ships it: numpy, scipy, or the file's name")
    vendor: Text
    version: Text | None
    architecture: Text | None = Field(description="the kernel set in force, such as Haswell or SkylakeX")
    threads: Count


class Libm(Record):
    """The C mathematics library."""

    name: Text
    version: Text | None


class Torch(Record):
    """What PyTorch computes with on the CPU, as it says itself."""

    kernel: Text | None = Field(description="the CPU capability of its kernels, such as AVX2")
    threads: Count | None = Field(description="the threads of one operation")


class Environment(Record):
    """What took effect, not what was asked for."""

    python: Text
    implementation: Text
    platform: Text = Field(description="operating system and machine, such as Linux-x86_64")
    cpu: Cpu
    cpus_allowed: Count
    cpus: Count | None = Field(
        description="what joblib counts: the jobs that n_jobs = -1 stands for. Null in old records"
    )
    jobs: Count | None = Field(
        description="the jobs of an estimator that says nothing of them (joblib.parallel_config). Null in old records"
    )
    libraries: dict[Text, Text] = Field(description="distributions that the run imported, name to version")
    blas: Many[Blas]
    openmp_threads: Count | None
    simd: Many[Text] = Field(description="CPU features that numpy's dispatch has in force")
    torch: Torch | None = Field(default=None, description="left out where it was not imported, and in old records")
    libm: Libm
    variables: dict[Text, Text]
    fingerprint: dict[Text, Digest] = Field(description="digests of fixed computations: blas, lapack, ufunc, libm")

    @model_serializer(mode="wrap")
    def _without_torch(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Where it was not imported, the record is as it was before there was a place for it."""
        values: dict[str, Any] = serialize(self)
        return values if self.torch is not None else {name: v for name, v in values.items() if name != "torch"}


class Inputs(Record):
    """code, data, config, seed, environment; null is what a failed or running run had not reached."""

    code: Code | None
    data: Data | FoundData | None
    config: Config
    seed: Seed | None
    environment: Environment | None


class CompletedInputs(Record):
    """The five inputs of a completed run."""

    code: Code
    data: Data
    config: Config
    seed: Seed
    environment: Environment


# --- the outcome ------------------------------------------------------------------------------------------------


class FoldSize(Record):
    """How many rows a fold trained and validated on."""

    n_train: Count
    n_val: Count


class Split(Record):
    """Which rows were trained on and which were validated on."""

    method: Literal["holdout", "kfold", "time_series", "predefined", "validation_file"]
    splitter: Name = Field(description="scikit-learn's class or function that split")
    positions: Digest
    contents: Digest
    folds: Annotated[Many[FoldSize], Field(min_length=1)]

    @property
    def held_out(self) -> float:
        """Validation rows for each training row."""
        return sum(fold.n_val for fold in self.folds) / max(1, sum(fold.n_train for fold in self.folds))


class Model(Record):
    """The fitted pipeline (cross-validation: refitted on all rows)."""

    class_: Name = Field(alias="class")
    digest: Digest
    n_iter: Many[Count] | None = Field(description="iterations of the last step's solver, where it tells")
    converged: bool | None = Field(description="false where scikit-learn warned; null where nothing iterates")


class Predictions(Record):
    """The predictions on the validation rows, in the order of predictions.csv."""

    rows: Count
    digest: Digest
    scores: Digest | None
    decision: Digest | None = Field(
        description="digest of the decision function, where the scores are probabilities and a metric asks for it"
    )
    score_method: Literal["predict_proba", "decision_function", "predict"] | None


class Repeat(Record):
    """One metric of the same training with another seed."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    value: Number | None = Field(description="as of the metric")
    folds: Many[Number | None] = Field(description="cross-validation: the value in each fold; else empty")


class Metric(Record):
    """One metric: on validation rows, on training rows, and for a dummy that ignores the features.

    Null is a value that is not defined: the rows lack the class, or the spread, that the metric asks for.
    """

    value: Number | None = Field(
        description="validation; cross-validation: the unweighted fsum mean of the folds in which it is defined"
    )
    training: Number | None
    n_training_rows: Count
    dummy: Number | None
    std: Number | None = Field(
        description="population standard deviation over the folds in which it is defined; null for one holdout"
    )
    folds: Many[Number | None]
    repeats: Many[Repeat] = Field(description="with the seeds that follow that of the run, in order")
    greater_is_better: bool


#: Metrics of the positive one of two classes.
OF_POSITIVE: Final = frozenset({"f1", "precision", "recall", "jaccard", "average_precision"})


class Outcome(Record):
    """What came out."""

    task: Literal["classification", "regression"]
    classes: Classes | None
    positive: Label | None
    split: Split
    model: Model
    predictions: Predictions
    metrics: Annotated[dict[Name, Metric], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        classes, positive, method = self.classes, self.positive, self.predictions.score_method
        if (self.task == "regression") != (classes is None):
            raise _inconsistent("a classification has classes, and a regression has none", "classes")
        if classes is not None and len(classes) < 2:
            raise _inconsistent("expected two classes or more", "classes")
        if positive is not None and (classes is None or len(classes) != 2):
            raise _inconsistent("only one of two classes is the positive one", "positive")
        if positive is not None and repr(positive) not in map(repr, classes or ()):
            raise _inconsistent("it is none of the classes", "positive")
        if (self.task == "regression") != (method == "predict"):
            raise _inconsistent('"predict" is for a regression, which has no other', "predictions", "score_method")
        return self

    def class_of(self, metric: str) -> str | None:
        """The class that a metric of one of two classes is of, as text; None for other metrics."""
        return None if self.positive is None or metric not in OF_POSITIVE else label_text(self.positive)


class PartialOutcome(Record):
    """What a failed run had reached; nothing of it is verified."""

    task: Literal["classification", "regression"] | None
    classes: Classes | None
    split: Split | None


# --- the run ----------------------------------------------------------------------------------------------------


class Artifact(Record):
    """A file of the run folder; text is hashed with CRLF read as LF, JSON by its parsed content."""

    name: Name
    path: Name
    sha256: Digest
    bytes: Count


class StageTime(Record):
    """How long a stage took, in seconds of wall-clock time."""

    name: Stage
    seconds: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


class Warned(Record):
    """Something that a reader of the result must know: a stable code and the values it speaks of."""

    code: Name
    values: Annotated[dict[str, Any], AfterValidator(_of_bounded_texts)]


class Failure(Record):
    """Why a run failed."""

    stage: FailureStage
    error: Name = Field(description="the type of the error")
    message: Text
    traceback: Many[Text]
    hint: Text


class AnyRun(Record):
    """What is recorded of every run, whatever made it."""

    schema_version: Literal[5] = SCHEMA_VERSION
    run_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    created_at: Annotated[
        str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?Z$"), AfterValidator(_a_moment)
    ]
    command: Text
    artifacts: Many[Artifact]
    stages: Many[StageTime]
    warnings: Annotated[Many[Warned], Field(max_length=MAX_RECORDED_KEYS)]


class _Run(AnyRun):
    kind: Literal["config"] = "config"


class RunningRun(_Run):
    """A run that has begun; if its process is gone, it was interrupted."""

    status: Literal["running"] = "running"
    inputs: Inputs
    outcome: PartialOutcome | None
    failure: None


class FailedRun(_Run):
    """A run that ended in a failure, which was recorded."""

    status: Literal["failed"] = "failed"
    inputs: Inputs
    outcome: PartialOutcome | None
    failure: Failure


class CompletedRun(_Run):
    """A run that completed: everything that is needed to do it again, and what then must come out."""

    status: Literal["completed"] = "completed"
    inputs: CompletedInputs
    outcome: Outcome
    failure: None


def metric_names(run: CompletedRun) -> list[str]:
    """The metrics of a run, in the order of its config; the first is the primary one."""
    listed = run.inputs.config.resolved.get("metrics") if run.inputs.config.resolved else None
    wanted = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    known = [name for name in dict.fromkeys(wanted) if name in run.outcome.metrics]
    return known + sorted(name for name in run.outcome.metrics if name not in known)


#: What the manifest of a config can be.
Recorded: TypeAlias = RunningRun | FailedRun | CompletedRun
