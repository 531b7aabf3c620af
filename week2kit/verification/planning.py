"""Which checks a verification will make, by the record alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from week2kit.record.manifest import CompletedRun
from week2kit.record.store import Run
from week2kit.record.written_metrics import compared_names
from week2kit.scales import is_bounded
from week2kit.verification.checks import Expected, Question, planned
from week2kit.verification.deciding import NOTES, WARNINGS
from week2kit.verification.integrity import FILES, PREDICTIONS, RECORD
from week2kit.verification.layers import DATA, RESULT, SPLIT
from week2kit.verification.partial import FOLDER, WRITTEN


def planned_checks(run: Run, *, repeats: bool = False) -> list[str]:
    """The codes of every check of a verification of this run, in order; none is trained for it.

    Those that a verdict leaves out were not reached, because an earlier one decided. Of a run that was made without
    week2kit those that its files lead to: of its metrics the ones that end at 1, which are known by their names alone.
    """
    if run.partial is not None:
        of_metrics = {f"metrics.{name}": scorer for name, scorer in compared_names(run.partial.metrics).items()}
        codes = planned([*FOLDER, *WRITTEN], run.partial)
        return [code for code in codes if code not in of_metrics or is_bounded(of_metrics[code])]
    if not isinstance(run.manifest, CompletedRun):
        return []
    stages: list[Iterable[Question[Any]]] = [FILES, RECORD, PREDICTIONS, DATA, SPLIT, RESULT, NOTES, [WARNINGS]]
    return [code for questions in stages for code in planned(questions, Expected(run.manifest, repeats))]
