"""What a caller may ask of a verification, and which verdicts pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from week2kit.canonical import clean
from week2kit.processes.limits import Limits
from week2kit.record.verdict import (
    LEVELS,
    Level,
    Verdict,
    VerdictDocument,
    VerdictName,
)
from week2kit.thresholds import EFFORT, SCORE_TOLERANCE, VERIFY_TIMEOUT


@dataclass(frozen=True)
class Options:
    """What the caller decides about a verification; none of it ever comes from a run folder.

    Plain data: it can be sent to another process.
    """

    data: Path | None = None
    target: str | None = None
    tolerance: float = SCORE_TOLERANCE
    timeout: float = VERIFY_TIMEOUT
    allowed_modules: tuple[str, ...] = ()
    max_data_bytes: int | None = None
    effort: int = EFFORT
    restore_versions: bool = False
    vary: tuple[str, ...] = ()
    repeats: bool = False
    limits: Limits = field(default_factory=Limits)

    def deciding(self) -> dict[str, Any]:
        """Those that a verdict depends on, as plain data; none where nothing was asked for."""
        asked, default = vars(self), vars(Options())
        return {
            name: clean(str(value)) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
            for name, value in asked.items()
            if value != default[name] and name not in ("timeout", "limits")
        }


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
