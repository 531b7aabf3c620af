"""What a manifest says of a training script: the command, the files that it read and wrote, and what was not seen.

The script is the person's own, in any library: nothing is known of its split or its model, only what it left. Each
value that could not be observed is null, and `Coverage` says what the observers cannot see.
"""

# no annotations from the future: pydantic would compile and evaluate each of them again, at every start
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from week2kit.record.manifest import (
    AnyRun,
    Count,
    Digest,
    Failure,
    Git,
    Inputs,
    Many,
    Name,
    Number,
    Record,
    Recorded,
    Text,
)

#: What a file is for, where its name or its content tells.
Role: TypeAlias = Literal["metrics", "predictions", "model", "report", "config", "other"]
#: Who saw that a file was read: an observer, or the person who named it with --input.
How: TypeAlias = Literal["observed", "declared"]
#: The audit hook in each Python process, or the system calls of the whole tree.
Observer: TypeAlias = Literal["audit_hook", "system_calls"]


#: What can be handed to a program.
Word: TypeAlias = Annotated[Text, Field(pattern=r"^[^\x00]*$")]
#: The name of an environment variable.
Variable: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]


class Program(Record):
    """The code of a command: what was typed, and the project's own files that ran."""

    argv: Annotated[Many[Word], Field(min_length=1)] = Field(description="as typed; absolute paths are cut")
    script: Text | None = Field(description="the first project file that ran, as seen from the working directory")
    modules: dict[Text, Digest] = Field(
        description="the project's files that ran or were named, by path: the digest of what a Python file does, else "
        "of its bytes"
    )
    git: Git | None
    seed_flag: Text | None = Field(description="the flag by which another seed is given; null: the command has none")
    variables: dict[Variable, Word | None] = Field(
        description="environment variables that its config sets; null: the name is that of a secret, which is not kept"
    )
    stdin: Text | None = Field(
        description="the file that was its standard input; `-`: a stream, which is not kept; null: there was none"
    )


class InputFile(Record):
    """A file that was there before the command, and was read by it."""

    path: Text = Field(
        description="POSIX, from the working directory: `data.csv`, `../data.csv`; else `~/` or `.../` and the name"
    )
    bytes: Count
    sha256: Digest | None = Field(
        description="when the command began; null: it was changed while the command ran, and nobody saw it before"
    )
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
    kept: bool = Field(description="whether outputs.json holds its text; else only its digest is kept")


#: What no observer sees: what the command is given by time, chance and the variables of its environment.
NEVER_SEEN: Final = ("clock", "entropy", "environment variables of its own")


class Coverage(Record):
    """What was observed, and what could not be."""

    observers: Many[Observer]
    refused: dict[Observer, Text] = Field(description="observers that could not be used here, and why")
    processes: Count = Field(description="processes of the tree that were seen to start")
    hooked: Count = Field(description="Python processes that reported for themselves")
    programs: Many[Text] = Field(description="programs that ran in the tree and did not report: others than Python")
    native_readers: Many[Text] = Field(description="loaded libraries that open files past the audit hook")
    network: bool
    within: bool = Field(
        default=False, description="whether its processes spoke to one another over TCP, which is no network"
    )
    unreadable: Count = Field(description="lines of the observers that could not be read")
    never_seen: Many[Text] = Field(description="what no observer sees, whatever the command does")

    @property
    def is_whole(self) -> bool:
        """Whether nothing is known that could have read a file unseen."""
        if self.unreadable or not self.observers:
            return False
        return "system_calls" in self.observers or not (self.programs or self.native_readers)


class Sources(BaseModel, frozen=True, extra="forbid"):
    """The artifact sources.json: the texts of what went in, where they are small, by their places in the record.

    With them a run can be told apart from what its project has become, and be run again without it.
    """

    modules: dict[str, str]
    files: dict[str, str]


class CommandInputs(Inputs):
    """What went into a command, in the places of any other run; null is what was not reached, or could not be seen.

    Of a script nothing is known that goes by our own config: `code` and `data` are null, and `config` is empty. In
    their place stand the program and the files. `environment` is that of the script's own process at its end; what a
    library would have told that it did not import is an empty list there.
    """

    code: None
    data: None
    program: Program
    files: Many[InputFile] | None
    folders: Many[Text] = Field(description="folders that were there before, and that the command wrote files into")
    coverage: Coverage | None


class RecordedPredictions(Record):
    """The columns `y_true` and `y_pred` of a table that the script wrote, in the order of its rows."""

    path: Text
    rows: Count
    digest: Digest
    scores: Digest | None


class CommandRepeat(Record):
    """The metrics of the same command, run once more before the run that is recorded."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = Field(description="null: no seed of the command is known")
    metrics: dict[Name, Number]


class CommandOutcome(Record):
    """What came out of a command that ended with exit code 0."""

    metrics: dict[Name, Number]
    metrics_from: Text | None = Field(description="the file, or `standard output`; null where there is no metric")
    times: dict[Name, Number] = Field(description="values named as durations: no run repeats them")
    undefined: Many[Name] = Field(description="names whose value is no finite number")
    predictions: RecordedPredictions | None
    files: Many[OutputFile]
    repeats: Many[CommandRepeat] = Field(
        description="with the seeds that follow that of the run, in order; without a seed as it stands"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.metrics_from is None) != (not self.metrics and not self.times and not self.undefined):
            raise ValueError("metrics come from somewhere, and what comes from nowhere holds none")
        return self


#: What stands for standard output among the files of metrics.
STANDARD_OUTPUT: Final = "standard output"


# --- the run ----------------------------------------------------------------------------------------------------


class CommandFailure(Failure):
    """Why a command failed: another exit code than 0, a signal, its time limit, or it never began.

    `traceback` has the last lines of standard error.
    """

    stage: Literal["command"] = "command"
    error: Literal["ExitCode", "Signal", "TimeLimit", "NotStarted", "Interrupted", "NotRecorded"]
    code: Annotated[int, Field(ge=0, le=2**32)] | None = Field(description="the exit code or the number of the signal")


class _Command(AnyRun):
    kind: Literal["command"] = "command"
    inputs: CommandInputs


class RunningCommand(_Command):
    """A command that has begun; if its process is gone, it was interrupted."""

    status: Literal["running"] = "running"
    outcome: None
    failure: None


class FailedCommand(_Command):
    """A command that failed, which was recorded."""

    status: Literal["failed"] = "failed"
    outcome: CommandOutcome | None
    failure: CommandFailure


class CompletedCommand(_Command):
    """A command that completed: what is needed to run it again, and what then must come out."""

    status: Literal["completed"] = "completed"
    outcome: CommandOutcome
    failure: None


#: What the manifest of a command can be.
RecordedCommand: TypeAlias = RunningCommand | FailedCommand | CompletedCommand
_CONFIGS = Annotated[Recorded, Field(discriminator="status")]
_COMMANDS = Annotated[RecordedCommand, Field(discriminator="status")]
#: What a manifest can be: by `kind`, then by `status`.
MANIFEST: Final[TypeAdapter[Recorded | RecordedCommand]] = TypeAdapter(
    Annotated[_CONFIGS | _COMMANDS, Field(discriminator="kind")], config=ConfigDict(defer_build=True)
)
