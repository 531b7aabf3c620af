"""Progress: what the loop has reached, with its times and warnings, also where it does not come to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sklearn.pipeline import Pipeline

from week2kit.canonical import clean
from week2kit.config.form import Config
from week2kit.errors import WarningRefused
from week2kit.record.manifest import (
    Data,
    FoundData,
    Split,
    Stage,
    StageTime,
    Warned,
)


@dataclass
class Progress:
    """What the loop has reached; it is written into the record also when the loop does not come to its end.

    `on_stage` is called when a stage begins.
    """

    on_stage: Callable[[Stage], None] = lambda stage: None
    stage: Stage = "config"
    seconds: dict[Stage, float] = field(default_factory=dict)
    config: Config | None = None
    data: Data | FoundData | None = None
    pipeline: Pipeline | None = None
    classes: list[Any] | None = None
    split: Split | None = None
    warnings: list[Warned] = field(default_factory=list)

    @contextmanager
    def during(self, stage: Stage) -> Iterator[None]:
        """Time a stage; one that is entered again adds up."""
        self.stage = stage
        if stage not in self.seconds:
            self.on_stage(stage)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def warn(self, code: str, values: dict[str, Any]) -> None:
        """Keep a warning, or raise it where the config says that it is an error."""
        self.warnings.append(Warned(code=code, values=values))
        if self.config is not None and code in self.config.fail_on:
            raise WarningRefused(
                f'The config\'s fail_on names "{code}", and it happened: '
                + ", ".join(f"{key} = {_short(value)}" for key, value in values.items())
                + "."
            )

    def stage_times(self) -> list[StageTime]:
        """The stages in their order, with their times."""
        return [StageTime(name=stage, seconds=round(seconds, 6)) for stage, seconds in self.seconds.items()]


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else clean(str(value))
