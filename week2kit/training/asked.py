"""What a person asks for where a command is to be recorded: its words, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from week2kit.training.arguments import SeedAt, with_seed
from week2kit.training.written import Expected


@dataclass(frozen=True)
class Named:
    """The files that the person named: where metrics and predictions are, as seen from the working directory."""

    metrics: str | None = None
    predictions: str | None = None


@dataclass(frozen=True)
class Asked:
    """A command, and what a person says of it.

    Attributes:
        argv: its words.
        inputs: files that it reads, and folders of such, where they were not seen to be.
        outputs: files and folders that it writes, which the comparison of the working directory leaves out.
        named: the files that hold metrics and predictions.
        seed_flag: the flag by which it takes a seed, if it is none of the usual ones.
        timeout: seconds after which it is ended.
        seed: that of its config; of a command that was typed it stands among the words.
        variables: environment variables that it gets besides those that are there.
        repeats: the same command with other seeds, or as it stands, to be run before it.
    """

    argv: Sequence[str]
    inputs: Sequence[Path] = ()
    outputs: Sequence[Path] = ()
    named: Named = field(default_factory=Named)
    seed_flag: str | None = None
    timeout: float | None = None
    seed: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    repeats: Sequence[Asked] = ()

    def and_of(self, declared: Asked) -> Asked:
        """What a file declares, with what is asked here besides or in place of it."""
        return replace(
            declared,
            inputs=[*declared.inputs, *self.inputs],
            outputs=[*declared.outputs, *self.outputs],
            named=replace(
                declared.named,
                metrics=self.named.metrics or declared.named.metrics,
                predictions=self.named.predictions or declared.named.predictions,
            ),
            seed_flag=self.seed_flag,
            timeout=self.timeout,
        )

    @property
    def expected(self) -> Sequence[Expected]:
        """What the command must write."""
        named = (("metrics", self.named.metrics), ("predictions", self.named.predictions))
        found = [Expected(path, what) for what, path in named if path is not None]
        return [*found, *(Expected(str(path), "output") for path in self.outputs)]


def flag_for_seeds(asked: Asked, at: SeedAt | None) -> str | None:
    """The flag by which alone the command takes another seed; None where it has none, or its seed stands elsewhere."""
    if at is None or asked.seed not in (None, at.value):
        return None
    others = [one for one in asked.repeats if one.seed is not None]
    alone = all([*one.argv] == with_seed(asked.argv, at, one.seed or 0) for one in others)
    return at.flag if alone and all(one.variables == asked.variables for one in others) else None
