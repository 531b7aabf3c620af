"""The values of a first experiment: what a table holds, what was chosen and why. Their sentences come last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from week2kit.record.manifest import Kind
from week2kit.thresholds import IMBALANCE_SHARE

if TYPE_CHECKING:
    import pandas as pd

#: The files that are written, in this order.
FILES: Final = ("baseline.json", "variant.json")

#: Why a column cannot, or should not, be a feature.
Fault: TypeAlias = Literal[
    "constant",
    "dates",
    "empty",
    "huge",
    "identifier",
    "infinite",
    "many_values",
    "missing",
    "unreadable",
    "unseen",
]

_TARGET_NAMES: Final = ("target", "label", "class", "y")

Task: TypeAlias = Literal["classification", "regression"]


@dataclass(frozen=True)
class Column:
    """What is known of a column. `kind` and `distinct` are None where it holds what no model reads.

    `is_grouping` is true of a column that is named like an identifier, and names several rows.
    """

    name: str
    kind: Kind | None
    missing: int
    distinct: int | None
    fault: Fault | None
    is_grouping: bool = False


@dataclass(frozen=True)
class Survey:
    """A table as it was found; `first_rows` has the first rows as texts."""

    path: Path
    rows: int
    columns: tuple[Column, ...]
    first_rows: tuple[tuple[str, ...], ...]
    frame: pd.DataFrame = field(repr=False, compare=False)

    @property
    def names(self) -> list[str]:
        """The columns' names in the file's order."""
        return [column.name for column in self.columns]

    @property
    def likely_target(self) -> str:
        """The first column that is named like a target, else the last one."""
        return next((name for name in self.names if name.lower() in _TARGET_NAMES), self.names[-1])


@dataclass(frozen=True)
class Target:
    """The column to be predicted: its classes with their rows, the largest first, or its least, middle and largest."""

    name: str
    kind: Kind
    task: Task
    distinct: int
    classes: tuple[tuple[Any, int], ...] = ()
    span: tuple[float, float, float] | None = None

    @property
    def is_unbalanced(self) -> bool:
        """Whether the largest class is to the smallest as train's warning has it for two classes: four to one."""
        if not self.classes:
            return False
        largest, smallest = self.classes[0][1], self.classes[-1][1]
        return largest >= IMBALANCE_SHARE * (largest + smallest)


@dataclass(frozen=True)
class Choice:
    """One decision: the key of the config, its value, and why, as a stable code with the values that it speaks of."""

    key: str
    value: Any
    reason: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Note:
    """Something that a person should look at before training: a stable code and its values."""

    code: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Start:
    """A first experiment: what the table holds, what was chosen and why, and the two configs."""

    survey: Survey
    target: Target
    left_out: Mapping[str, Fault]
    choices: tuple[Choice, ...]
    notes: tuple[Note, ...]
    baseline: Mapping[str, Any]
    variant: Mapping[str, Any]
    directory: Path

    @property
    def files(self) -> list[Path]:
        """Where the two configs lie."""
        return [self.directory / name for name in FILES]
