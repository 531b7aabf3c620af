"""What a manifest says of a training script: the command, the files that it read and wrote, and what was not seen.

The script is the person's own, in any library: nothing is known of its split or its model, only what it left. Each
value that could not be observed is null, and `Coverage` says what the observers cannot see.
"""

# no annotations from the future: pydantic would compile and evaluate each of them again, at every start
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from week2kit.record.manifest import (
    Blas,
    Count,
    Cpu,
    Digest,
    Git,
    Libm,
    Many,
    Name,
    Number,
    Record,
    Text,
)

#: What a file is for, where its name or its content tells.
Role: TypeAlias = Literal["metrics", "predictions", "model", "report", "config", "other"]
#: Who saw that a file was read: an observer, or the person who named it with --input.
How: TypeAlias = Literal["observed", "declared"]
#: The audit hook in each Python process, or the system calls of the whole tree.
Observer: TypeAlias = Literal["audit_hook", "system_calls"]


class Program(Record):
    """The code of a command: what was typed, and the project's own files that ran."""

    argv: Annotated[Many[Text], Field(min_length=1)] = Field(description="as typed; absolute paths are cut")
    script: Text | None = Field(description="the first project file that ran, as seen from the working directory")
    modules: dict[Text, Digest] = Field(
        description="the project's files that ran, by path: the digest of what a Python file does, else of its bytes"
    )
    git: Git | None


class InputFile(Record):
    """A file that was there before the command, and was read by it."""

    path: Text = Field(description="POSIX, from the working directory; outside of it as `../data.csv`, else the name")
    bytes: Count
    sha256: Digest = Field(description="when the command began")
    after: Digest | None = Field(description="when it had ended; null: the file was gone")
    how: How

    @property
    def is_changed(self) -> bool:
        """Whether the run changed what it had read, or somebody else did meanwhile."""
        return self.after != self.sha256


class OutputFile(Record):
    """A file that the command wrote, and that was there at its end."""

    path: Text
    bytes: Count
    sha256: Digest
    change: Literal["created", "modified"]
    role: Role
    kept: Name | None = Field(description="the file of the run folder that holds a copy; null: only its digest is kept")


class CommandSeed(Record):
    """The seed that the command was given, and the flag by which another one can be."""

    value: Annotated[int, Field(ge=0, lt=2**64)]
    flag: Text


class Coverage(Record):
    """What was observed, and what could not be."""

    observers: Many[Observer]
    refused: dict[Observer, Text] = Field(description="observers that could not be used here, and why")
    processes: Count = Field(description="processes of the tree that were seen to start")
    hooked: Count = Field(description="Python processes that reported for themselves")
    programs: Many[Text] = Field(description="programs that ran in the tree and did not report: others than Python")
    native_readers: Many[Text] = Field(description="loaded libraries that open files past the audit hook")
    network: bool
    unreadable: Count = Field(description="lines of the observers that could not be read")

    @property
    def is_whole(self) -> bool:
        """Whether nothing is known that could have read a file unseen."""
        if self.unreadable or not self.observers:
            return False
        return "system_calls" in self.observers or not (self.programs or self.native_readers)


class CommandEnvironment(Record):
    """What took effect in the script's own process at its end; null where it is no Python, or has not that library."""

    platform: Text
    cpu: Cpu
    cpus_allowed: Count
    python: Text | None
    implementation: Text | None
    libraries: dict[Text, Text] = Field(description="distributions that were imported, name to version")
    blas: Many[Blas] | None
    openmp_threads: Count | None
    libm: Libm | None
    variables: dict[Text, Text]


class CommandInputs(Record):
    """What went into a command; null is what a failed or running one had not reached."""

    program: Program
    files: Many[InputFile] | None
    seed: CommandSeed | None
    environment: CommandEnvironment | None
    coverage: Coverage | None


class RecordedPredictions(Record):
    """The columns `y_true` and `y_pred` of a table that the script wrote, in the order of its rows."""

    path: Text
    rows: Count
    digest: Digest
    scores: Digest | None


class CommandOutcome(Record):
    """What came out of a command that ended with exit code 0."""

    metrics: dict[Name, Number]
    metrics_from: Text | None = Field(description="the file, or `standard output`; null where there is no metric")
    times: dict[Name, Number] = Field(description="values named as durations: no run repeats them")
    undefined: Many[Name] = Field(description="names whose value is no finite number")
    predictions: RecordedPredictions | None
    files: Many[OutputFile]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.metrics_from is None) != (not self.metrics and not self.times and not self.undefined):
            raise ValueError("metrics come from somewhere, and what comes from nowhere holds none")
        return self


#: What stands for standard output among the files of metrics.
STANDARD_OUTPUT: Final = "standard output"
