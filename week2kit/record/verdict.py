"""The verdict on a run, as data: checks with stable codes, causes with their proof, values kept as values.

Sentences are made from it last, in `week2kit.sentences.verdicts`. This is also what ``verify --json`` prints.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

VERDICT_SCHEMA_VERSION: Final = 1

VerdictName: TypeAlias = Literal["identical", "explained", "close", "undecided", "unstable", "different", "tampered"]
Level: TypeAlias = Literal["outputs", "metrics", "predictions", "scores", "model", "failure"]
Layer: TypeAlias = Literal["data", "split", "model", "predictions", "metrics", "outputs"]
Agreement: TypeAlias = Literal[
    "nothing", "data", "split", "outputs", "metrics", "predictions", "scores", "model", "failure"
]
InputName: TypeAlias = Literal["code", "data", "config", "seed", "environment"]

#: How deep an identical outcome was seen to be identical, shallowest first.
LEVELS: Final[tuple[Level, ...]] = ("outputs", "metrics", "predictions", "scores", "model")


class Value(BaseModel):
    """A part of the verdict: frozen, closed to unknown keys, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Finding(Value):
    """What a check that did not pass (or passed with a note) saw; `week2kit.sentences` words its ``code``."""

    code: str
    where: str = Field(default="", description="the file, column, metric or layer that it speaks of")
    recorded: Any = None
    now: Any = None


class Check(Value):
    """One question that was put to a run, and the answer. A failed or skipped check says why in its finding."""

    code: str
    outcome: Literal["passed", "failed", "skipped"]
    finding: Finding | None = None


class Cause(Value):
    """An input that differs, the factor of it, and how it is known that it is (or may be) the cause."""

    input: InputName
    factor: str
    recorded: Any
    now: Any
    proof: Literal["restored", "provoked", "observed"]


class MetricValues(Value):
    """A metric as recorded, as it came out here, and as it came out with the recorded factors put back."""

    recorded: float | None
    here: float | None
    restored: float | None = None


class RerunRecord(Value):
    """One training that was done to judge: what was put back or changed, how far it agreed, how long it took."""

    kind: Literal["native", "restored", "provoked", "varied"] = Field(
        default="native",
        description="as it is here; with recorded facts put back; with a factor changed to see what it moves, for the "
        "verdict (provoked) or because it was asked for (varied)",
    )
    factors: list[str]
    settings: dict[str, Any] = Field(default={}, description="factor to the value that was asked for")
    agrees_to: Agreement
    differs: list[str] = Field(default=[], description="codes of the checks that failed for it")
    largest_difference: float | None = Field(
        default=None,
        description="largest difference of a score, in units of its own recorded absolute value or of the median one "
        "of its fold, whichever is larger",
    )
    labels_moved: int | None = None
    metrics: dict[str, float | None] = Field(
        default={}, description="validation metrics that came out; null: not defined on these rows"
    )
    failure: str | None = Field(default=None, description="why it did not come to an end")
    not_in_force: list[str] = Field(
        default=[], description="switches of a variation that did not take effect: it says nothing then"
    )
    seconds: float


class Verdict(Value):
    """The judgement on one run."""

    run: str
    manifest_sha256: str | None
    status: Literal["running", "completed", "failed"] | None = None
    verdict: VerdictName | None = Field(description="null for a path that could not be read as a run")
    level: Level | None = None
    first_divergence: Layer | None = None
    reason: Finding | None = Field(default=None, description="what decided, where no failed check did")
    causes: list[Cause] = []
    metrics: dict[str, MetricValues] = {}
    reruns: list[RerunRecord] = []
    variations: list[RerunRecord] = Field(default=[], description="what --vary asked for, after the verdict")
    not_varied: list[Finding] = Field(default=[], description="what --vary asked for and was not done, and why")
    checks: list[Check] = []
    seconds: float = 0.0


class VerdictDocument(Value):
    """What ``verify --json`` prints."""

    schema_version: Literal[1] = VERDICT_SCHEMA_VERSION
    runs: list[Verdict]
    summary: dict[str, int]
    skipped: list[str] = Field(default=[], description="subfolders of a named folder that hold no run")
    not_reached: list[str] = Field(
        default=[], description="runs that have no verdict because the verification was ended before; else empty"
    )
    options: dict[str, Any] = Field(default={}, description="what the caller asked for that a verdict depends on")
