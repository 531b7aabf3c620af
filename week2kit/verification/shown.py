"""`week2kit.verify`: verdicts that show themselves in a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from week2kit.record.store import Run
from week2kit.record.verdict import Verdict, VerdictDocument
from week2kit.sentences.verdicts import verdicts_markdown
from week2kit.verification.options import Asked, read_options
from week2kit.verification.verifying import verify_runs


class ShownVerdict(Verdict):
    """A `Verdict` with its sentences, for a notebook."""

    def _repr_markdown_(self) -> str:
        return verdicts_markdown([self])


class ShownVerdicts(VerdictDocument):
    """All verdicts as a table, for a notebook."""

    runs: list[ShownVerdict]  # type: ignore[assignment]  # nobody writes into it

    def _repr_markdown_(self) -> str:
        return verdicts_markdown(self.runs)


def verify(*runs: str | Path | Run, jobs: int | None = None, **asked: Unpack[Asked]) -> ShownVerdicts:
    """Run each run again in a fresh process and judge whether the recorded outcome came out.

    Args:
        runs: run folders, or folders of run folders; those of runs that were made without week2kit, too.
        jobs: how many runs are verified at a time; by default one per processor.
        asked: data, target, tolerance, timeout and others: see `week2kit.verification.options.Options`.

    Returns:
        One verdict per run, in order, then one for each path that led to none that can be read: the verdict is None,
        and the reason says why.

    Raises:
        UnreadableRun: no path was named.
        UsageError: an option is none that there is, or has no value that it may have.
    """
    named = [run.path if isinstance(run, Run) else Path(run) for run in runs]
    reached = verify_runs(named, read_options(**asked), jobs=jobs)
    return ShownVerdicts.model_validate(reached, from_attributes=True)
