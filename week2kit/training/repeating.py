"""A command run several times: with the seeds that follow, or as it stands, to see how far its metrics move.

The repeats come first and in the working directory, as the command expects it; the recorded run comes last, so that
what lies there in the end is its own.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from week2kit.config.overriding import repeat_seeds
from week2kit.errors import StageError, UsageError
from week2kit.processes.script import Ended, run_script
from week2kit.record.command import CommandOutcome, CommandRepeat
from week2kit.record.manifest import Warned
from week2kit.training.arguments import SeedAt, find_seed, with_seed
from week2kit.training.gathering import Named, gather
from week2kit.training.outputs import role_of
from week2kit.training.written import look, written_since

if TYPE_CHECKING:
    from week2kit.training.command import Asked

MAX_REPEATS: Final = 1000

#: Told of each repeat that begins: which, of how many, and its seed.
OnRepeat = Callable[[int, int, int | None], None]


class RepeatFailed(Exception):
    """A repeat did not come to its end, or left no metrics where it should.

    Attributes:
        which: such as `repeat 2 of 5 (seed 3)`.
        ended: how it ended.
        error: what it should have written; None where it did not end with exit code 0.
    """

    def __init__(self, which: str, ended: Ended, error: StageError | None) -> None:
        super().__init__(which)
        self.which, self.ended, self.error = which, ended, error


def repeated(asked: Asked, count: int) -> Asked:
    """The same command with `count` repeats before it: with the seeds that follow its own, where it has one.

    Raises:
        UsageError: these are too many, or its seed is larger than any library takes.
    """
    at = find_seed(asked.argv, asked.seed_flag)
    if not 0 <= count <= MAX_REPEATS:
        raise UsageError(f"--repeats: expected a number from 0 to {MAX_REPEATS}, got {count}.")
    if at is None:
        return replace(asked, repeats=[asked] * count)
    if count and at.value >= 2**32:
        raise UsageError(f"--repeats: expected a seed below 2**32 = {2**32} behind {at.flag}, got {at.value}.")
    seeds = repeat_seeds(at.value, count)
    return replace(asked, repeats=[replace(asked, argv=with_seed(asked.argv, at, seed), seed=seed) for seed in seeds])


def flag_for_seeds(asked: Asked, at: SeedAt | None) -> str | None:
    """The flag by which alone the command takes another seed; None where it has none, or its seed stands elsewhere."""
    if at is None or asked.seed not in (None, at.value):
        return None
    others = [one for one in asked.repeats if one.seed is not None]
    alone = all([*one.argv] == with_seed(asked.argv, at, one.seed or 0) for one in others)
    return at.flag if alone and all(one.variables == asked.variables for one in others) else None


def run_repeats(
    repeats: Sequence[Asked], here: Path, but: Sequence[Path], environment: Mapping[str, str], on_repeat: OnRepeat
) -> list[CommandRepeat]:
    """Run each of the repeats to its end; what they print is passed on to nobody.

    Raises:
        RepeatFailed: with the first that failed.
    """
    found: list[CommandRepeat] = []
    start = _input_position()
    for number, asked in enumerate(repeats, 1):
        on_repeat(number, len(repeats), asked.seed)
        seed = "" if asked.seed is None else f" (seed {asked.seed})"
        metrics = _metrics(asked, f"repeat {number} of {len(repeats)}{seed}", here, but, environment)
        found.append(CommandRepeat(seed=asked.seed, metrics=metrics))
        if start is not None:
            os.lseek(0, start, os.SEEK_SET)
    return found


def _metrics(
    asked: Asked, which: str, here: Path, but: Sequence[Path], environment: Mapping[str, str]
) -> dict[str, float]:
    before = look(here, but, asked.expected)
    ended = run_script(
        asked.argv, directory=here, environment={**environment, **asked.variables}, timeout=asked.timeout
    )
    if not ended.is_complete:
        raise RepeatFailed(which, ended, None)
    try:
        left = written_since(here, before, look(here, but, asked.expected))
        if left.unwritten is not None:
            raise left.unwritten
        files = [one for one in left.files if role_of(one.path) == "metrics"]  # no digests of models and tables
        named = Named(asked.named.metrics)
        return gather(here, files, ended.output, named, places=left.places).outcome.metrics
    except StageError as error:
        raise RepeatFailed(which, ended, error) from None


def about_repeats(outcome: CommandOutcome) -> list[Warned]:
    """What a reader of the repeats must know: seeds that move nothing, and metrics that some of them do not have."""
    repeats, names = outcome.repeats, outcome.metrics.keys()
    if not repeats or not names:
        return []
    found = list[Warned]()
    seeds = [repeat.seed for repeat in repeats if repeat.seed is not None]
    moved = [name for name in sorted(names) if any(outcome.metrics[name] != _of(one, name) for one in repeats)]
    seldom = [name for name in sorted(names) if any(_of(one, name) is None for one in repeats)]
    if seeds and not moved:
        found.append(Warned(code="command.seed_without_effect", values={"seeds": seeds[:10]}))
    if moved and not seeds:
        found.append(Warned(code="command.unstable", values={"names": moved[:20]}))
    if seldom:
        found.append(Warned(code="command.repeats_undefined", values={"names": seldom[:20]}))
    return found


def _of(repeat: CommandRepeat, metric: str) -> float | None:
    return repeat.metrics.get(metric)


def _input_position() -> int | None:
    """Where a file on standard input is read from: each command shall read it so. A pipe is read once only."""
    with contextlib.suppress(OSError):
        if stat.S_ISREG(os.fstat(0).st_mode):
            return os.lseek(0, 0, os.SEEK_CUR)
    return None
