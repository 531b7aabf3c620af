"""What a caller may ask of a verification, and which verdicts pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypedDict, Unpack

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from week2kit.canonical import clean
from week2kit.errors import UsageError
from week2kit.processes.limits import Limits
from week2kit.record.verdict import LEVELS, Level, Verdict, VerdictDocument, VerdictName
from week2kit.thresholds import EFFORT, SCORE_TOLERANCE, VERIFY_TIMEOUT
from week2kit.verification.variation import chosen


class Asked(TypedDict, total=False):
    """What a caller may ask of `verify`; `Options` has the meaning of each."""

    data: str | Path | Sequence[str | Path] | None
    target: str | None
    tolerance: float
    timeout: float
    allow_modules: Sequence[str]
    max_data_bytes: int | None
    effort: int
    restore_versions: bool
    vary: Sequence[str]
    repeats: bool
    limits: Limits
    trust: bool


def _as_several(data: object) -> object:
    if data is None:
        return ()
    return (data,) if isinstance(data, str | Path) else data


class Options(BaseModel, frozen=True, extra="forbid"):
    """What the caller decides about a verification; none of it ever comes from a run folder.

    Plain data: it can be sent to another process.

    Attributes:
        data: the data file, where it is not found beside the run: one file, which all runs are verified with, or
            several files and folders, in which each run's own is known by its recorded digest.
        target: the label column of runs that were made without week2kit and whose config names none.
        tolerance: by how much of its own recorded value, or of the median one, a score may move and still be close.
        timeout: seconds that one run may take.
        allow_modules: top-level modules besides scikit-learn whose estimators may be trained.
        max_data_bytes: the bytes that a data file may have, and unpack to; by default 8 GiB, and 1 GiB unpacked.
        effort: how many trainings one run may cost, from 3 on.
        restore_versions: whether recorded versions of Python and of libraries may be put back, in an environment that
            is built for them from a package index; never for runs that are not trusted.
        vary: what to vary after an identical rerun, to see what holds: "all", or names of `variation.GROUPS`, or of
            what is in them; these trainings do not count as effort.
        repeats: whether the repeats of a run are trained again, too; each costs as much as the run itself.
        limits: what each training may use of the machine, and the time of all runs together.
        trust: whether commands that were recorded elsewhere are run: that is running their authors' code.
    """

    data: Annotated[tuple[Path, ...], BeforeValidator(_as_several)] = ()
    target: str | None = None
    tolerance: float = Field(SCORE_TOLERANCE, ge=0, allow_inf_nan=False)
    timeout: float = Field(VERIFY_TIMEOUT, gt=0)
    allow_modules: tuple[str, ...] = ()
    max_data_bytes: int | None = Field(None, ge=1)
    effort: int = Field(EFFORT, ge=3)
    restore_versions: bool = False
    vary: Annotated[tuple[str, ...], AfterValidator(chosen)] = ()
    repeats: bool = False
    limits: Limits = Field(default_factory=Limits)
    trust: bool = False

    def deciding(self) -> dict[str, Any]:
        """Those that a verdict depends on, as plain data; none where nothing was asked for."""
        asked = self.model_dump(exclude_defaults=True, exclude={"timeout", "limits"})
        if modules := asked.pop("allow_modules", None):
            asked["allowed_modules"] = modules  # as it is called in documents of verdicts
        if self.data:
            named = [clean(str(path)) for path in self.data]
            asked["data"] = named if len(named) > 1 else named[0]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asked.items()}


def read_options(**asked: Unpack[Asked]) -> Options:
    """Options from what a caller asks for.

    Raises:
        UsageError: there is no such option, or it cannot have this value.
    """
    try:
        return Options(**asked)
    except ValidationError as error:
        wrong = "; ".join(f"{clean(str(one['loc'][0]), 80)}: {one['msg']}" for one in error.errors())
        raise UsageError(f"verify: {wrong}.") from None


#: The code of a verdict that a mistake of ours prevented; ``now`` is the traceback.
BUG: Final = "undecided.bug"


def bugs(result: VerdictDocument) -> list[tuple[str, str]]:
    """The runs on which week2kit itself failed, each with the traceback."""
    found = [(verdict.run, verdict.reason) for verdict in result.runs if verdict.reason is not None]
    return [(run, str(reason.now)) for run, reason in found if reason.code == BUG]


#: What a caller may accept: each accepts the ones after it as well.
_WEAKEST_FIRST: Final = ("close", "explained", "identical")


def exit_code(result: VerdictDocument, accept: str = "explained", strict: Level | None = None) -> int:
    """The exit code for verdicts: 70, 2, 3, 1, 125, 0, the first that applies.

    Args:
        result: the verdicts.
        accept: the weakest verdict that passes: identical, explained or close.
        strict: the least level of an identical run that passes.
    """
    completed = [verdict for verdict in result.runs if verdict.status == "completed"]
    verdicts = {verdict.verdict for verdict in completed}
    if bugs(result):
        return 70
    if any(verdict.verdict is None for verdict in result.runs):
        return 2
    if any(verdict.verdict == "tampered" for verdict in result.runs):
        return 3
    if any(refused(verdict, accept, strict) for verdict in completed):
        return 1
    return 125 if not completed or "undecided" in verdicts else 0


def refused(verdict: Verdict, accept: str, strict: Level | None) -> bool:
    """Whether a verdict was reached and is not good enough; arguments as of `exit_code`."""
    name: VerdictName | None = verdict.verdict
    if name in ("undecided", "tampered", None):
        return False
    if name not in _WEAKEST_FIRST[_WEAKEST_FIRST.index(accept) :]:
        return True
    if strict is None or name != "identical" or verdict.level not in LEVELS:
        return False
    return LEVELS.index(verdict.level) < LEVELS.index(strict)
