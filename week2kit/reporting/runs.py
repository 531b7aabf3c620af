"""The runs of a report: under names that tell them apart, each examined and read once."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from week2kit.inputs.changes import (
    Change,
    Statement,
    comparable_difference,
    compare_inputs,
    obstacles,
    primary_metric,
)
from week2kit.inputs.partial import Digests, compare_runs
from week2kit.privacy import shown_path
from week2kit.record.artifacts import ARTIFACTS
from week2kit.record.command import CompletedCommand, RecordedCommand, Sources
from week2kit.record.manifest import CompletedRun, Environment, Metric, metric_names
from week2kit.record.store import Run
from week2kit.record.written_metrics import is_upward
from week2kit.reporting.commands import command_obstacles, command_scores
from week2kit.reporting.files import file_rows
from week2kit.reporting.noise.seeds import Named, spread
from week2kit.reporting.partial import written_facts, written_files, written_obstacles, written_scores
from week2kit.reporting.predicted import NotComparable, Predicted, aligned, aligned_by_truth, read_predictions
from week2kit.reporting.rows import RunRow, Score, Verification


def distinct_names(runs: Sequence[Run]) -> dict[Path, str]:
    """What runs are called, by their paths: as their folders, or by the path where two folders have one name."""
    names = {run.path: run.name for run in runs}  # each costs a look at the file system
    count = Counter(names.values())
    return {path: name if count[name] == 1 else shown_path(path) for path, name in names.items()}


class Runs:
    """All runs of a report under names that tell them apart; each is examined once, when it is first shown."""

    def __init__(
        self,
        runs: Sequence[Run],
        verdicts: Mapping[str, Verification],
        partial: Sequence[Run] = (),
        names: Mapping[Path, str] | None = None,
    ) -> None:
        """Runs, with what is known of them.

        Args:
            runs: the runs with a manifest, in the order of the report.
            verdicts: what `verify` found, by the digest of the manifest.
            partial: the runs that were made without week2kit.
            names: what they are called (`distinct_names`), where other runs are told of, too.
        """
        self.runs = runs
        self._verdicts = verdicts
        self._names = names or distinct_names([*runs, *partial])
        self._digests: Digests = {}
        self._scores: dict[Path, Mapping[str, Score]] = {}
        self._rows: dict[Path, RunRow] = {}
        self._predicted: list[tuple[Path, Predicted]] = []
        self._obstacles: dict[tuple[Path, Path], tuple[Statement, ...]] = {}

    def row(self, run: Run) -> RunRow:
        """The run as the report shows it, its files examined."""
        if run.path not in self._rows:
            self._rows[run.path] = self._examined(run)
        return self._rows[run.path]

    def name(self, run: Run) -> str:
        """What the report calls the run."""
        return self._names[run.path]

    def intact(self, run: Run, artifact: str) -> bool:
        """Whether a file of the run is there as it was recorded."""
        return any(file.name == ARTIFACTS[artifact] and file.state == "agrees" for file in self.row(run).files)

    def predicted(self, run: Run) -> Predicted:
        """The predictions of a run; those of the first that is asked for, the baseline, and of the last are kept.

        Raises:
            NotComparable: they cannot be read.
        """
        for path, rows in self._predicted:
            if path == run.path:
                return rows
        rows = read_predictions(run)
        self._predicted = [*self._predicted[:1], (run.path, rows)]
        return rows

    def obstacles(self, first: Run, variant: Run) -> tuple[Statement, ...]:
        """Why two completed runs cannot be compared; empty where they can.

        Two holdouts with other digests may still hold the same rows in another order: their predictions tell.
        """
        key = first.path, variant.path
        if key not in self._obstacles and (is_command(first) or is_command(variant)):
            metric, found = primary_of(self.scores(first)), self.aligned(first, variant)
            self._obstacles[key] = command_obstacles(self.name(first), metric, self.scores(variant), found)
        elif key not in self._obstacles and (first.partial or variant.partial):
            self._obstacles[key] = written_obstacles(first, variant, self._digests)
        if key not in self._obstacles:
            before, after = completed(first), completed(variant)
            against = obstacles(before, after)
            if against and _maybe_other_order(before, after, against) and self._same_rows(first, variant):
                against = []
            self._obstacles[key] = tuple(against)
        return self._obstacles[key]

    def changes(self, first: Run, variant: Run) -> list[Change]:
        """The differences of what two runs record."""
        return compare_runs(first, variant, self._digests)

    def scores(self, run: Run) -> Mapping[str, Score]:
        """The metrics of a completed run, the primary one first; without intervals."""
        if run.path not in self._scores:
            if run.partial is not None:
                self._scores[run.path] = written_scores(run.partial)
            elif isinstance(run.manifest, CompletedCommand):
                self._scores[run.path] = command_scores(run.manifest)
            else:
                metrics = completed(run).outcome.metrics
                self._scores[run.path] = {name: _score(metrics[name]) for name in metric_names(completed(run))}
        return self._scores[run.path]

    def difference(self, first: Run, variant: Run, metric: str) -> float | None:
        """The metric of the variant minus that of the baseline; None where nothing can be concluded from it."""
        if is_whole(first) and is_whole(variant):
            return comparable_difference(completed(first), completed(variant), metric)
        values = [score.value if (score := self.scores(run).get(metric)) else None for run in (first, variant)]
        return None if values[0] is None or values[1] is None else values[1] - values[0]

    def _same_rows(self, first: Run, variant: Run) -> bool:
        return not isinstance(self.aligned(first, variant), Statement)

    def aligned(self, first: Run, variant: Run) -> tuple[Predicted, Predicted] | Statement:
        """The predictions of two runs in the same order, or why there are none."""
        by_truth = is_command(first) or is_command(variant)
        if by_truth and (without := [run for run in (first, variant) if run.artifact("predictions") is None]):
            return Statement("command.no_table", {"runs": list(dict.fromkeys(map(self.name, without)))})
        damaged = [self.name(run) for run in (first, variant) if not self.intact(run, "predictions")]
        if damaged:
            return Statement("rows.not_intact", {"runs": damaged})
        try:
            rows, others = self.predicted(first), self.predicted(variant)
            return aligned_by_truth(rows, others) if by_truth else (rows, aligned(rows, others))
        except NotComparable as reason:
            return reason.statement

    def code(self, run: Run) -> Mapping[str, str]:
        """The texts of the project's files that a command ran, by path, as far as its folder still holds them."""
        if run.artifact("sources") is None or not self.intact(run, "sources"):
            return {}
        with contextlib.suppress(OSError, ValueError):
            return Sources.model_validate_json(run.read("sources")).modules
        return {}

    def is_upward(self, metric: str, runs: Sequence[Run]) -> bool | None:
        """Whether a high value of a metric is good: as a run records it, else as far as the name says it."""
        records = (run.manifest.outcome.metrics.get(metric) for run in runs if isinstance(run.manifest, CompletedRun))
        known = next((record.greater_is_better for record in records if record is not None), None)
        return is_upward(metric) if known is None else known

    def named(self, run: Run) -> Named:
        """A completed run under its name, with one that measured its noise, where it did not."""
        return Named(self.name(run), completed(run), shown_path(run.path), self._repeated(completed(run)))

    def _repeated(self, run: CompletedRun) -> tuple[str, CompletedRun] | None:
        """The first other run with the same inputs and with repeats of the primary metric."""
        metric = primary_metric(run)
        if run.outcome.metrics[metric].repeats:
            return None
        for other in self.runs:
            found = other.manifest
            if not isinstance(found, CompletedRun) or metric not in found.outcome.metrics:
                continue
            # comparing costs more than a look at the record, and few runs have repeats
            if found.outcome.metrics[metric].repeats and not compare_inputs(run, found):
                return self.name(other), found
        return None

    def _examined(self, run: Run) -> RunRow:
        if run.partial is not None:
            files, environment = written_files(run.partial), written_facts(run.partial)
            disagreements: tuple[Statement, ...] = ()
        else:
            files, disagreements = file_rows(run)
            environment = environment_line(run.manifest.inputs.environment)
        return RunRow(
            name=self.name(run),
            path=shown_path(run.path),
            status=run.manifest.status,
            manifest_sha256=run.manifest_sha256,
            command=run.manifest.command,
            environment=environment,
            files=files,
            disagreements=disagreements,
            verdict=self._verdicts.get(run.manifest_sha256),
            kind="folder" if run.partial is not None else "command" if is_command(run) else "config",
        )


def primary_of(scores: Mapping[str, Score]) -> str:
    """The metric that decides: the first; empty where a run without a manifest wrote none that is known by its name."""
    return next(iter(scores), "")


def _score(metric: Metric) -> Score:
    return Score(
        value=metric.value,
        std=metric.std,
        training=metric.training,
        dummy=metric.dummy,
        folds=len(metric.folds),
        interval=None,
        spread=spread(metric),
        repeats=tuple(repeat.value for repeat in metric.repeats if repeat.value is not None),
        undefined=metric.folds.count(None),
    )


def is_command(run: Run) -> bool:
    """Whether a run is that of a person's own script."""
    return isinstance(run.manifest, RecordedCommand)


def is_whole(run: Run) -> bool:
    """Whether a completed run records all that is known of a training: no script's, and none without a manifest."""
    return isinstance(run.manifest, CompletedRun)


def completed(run: Run) -> CompletedRun:
    """The manifest of a run that is known to have completed."""
    assert isinstance(run.manifest, CompletedRun)
    return run.manifest


def _maybe_other_order(before: CompletedRun, after: CompletedRun, against: Sequence[Statement]) -> bool:
    """Whether two holdouts could hold the same rows in another order, which their digests cannot show.

    The same positions with other contents are other rows, and so are those that another seed drew.
    """
    left, right = before.outcome.split, after.outcome.split
    if left.positions == right.positions or len(left.folds) > 1 or len(right.folds) > 1:
        return False
    codes = {reason.code for reason in against}
    return left.folds == right.folds and codes <= {"split.config_differs", "split.differs"}


def environment_line(environment: Environment | None) -> str:
    """The facts of an environment that decide most, on one line."""
    if environment is None:
        return ""
    wanted = ("scikit-learn", "numpy", "scipy", "pandas")
    libraries = [f"{name} {environment.libraries[name]}" for name in wanted if name in environment.libraries]
    blas = sorted({f"{copy.vendor} {copy.architecture or ''} x{copy.threads}" for copy in environment.blas})
    parts = [f"{environment.implementation} {environment.python}", environment.platform, *libraries]
    return ", ".join(" ".join(part.split()) for part in [*parts, *blas])
