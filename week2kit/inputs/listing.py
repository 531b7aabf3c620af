"""Runs, one line each: what came out, and what differs from the first."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from week2kit.canonical import aligned, clean, show_value
from week2kit.inputs.changes import Change, changed_things, is_settled, is_word, primary_metric
from week2kit.inputs.leaves import ABSENT
from week2kit.inputs.partial import Digests, compare_runs
from week2kit.record.command import CompletedCommand, RecordedCommand
from week2kit.record.manifest import CompletedRun, Recorded
from week2kit.record.store import Manifest, Run

#: Characters of a command in the table.
_SHOWN: Final = 80


def list_runs(runs: Sequence[Run], unreadable: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """One row per run: name, status, primary metric and value (null unless completed), what differs from the first.

    The status of a run that was made without week2kit is "no manifest"; what it does not record is not compared.
    Of a person's own script the command is told; null for any other run. Runs of one name are told by their paths.
    Paths that led to no run that can be read follow, as "unreadable".
    """
    rows: list[dict[str, Any]] = []
    named = Counter(run.name for run in runs)
    digests: Digests = {}
    for run in runs:
        name = run.name if named[run.name] == 1 else clean(run.path.as_posix())
        metric, value = _primary_value(run)
        differs = _differs(runs[0], run, digests)
        told = {"metric": metric, "value": value, "differs": differs, "command": _command(run)}
        rows.append({"run": name, "status": _status(run), **told})
    nothing: dict[str, Any] = {"metric": None, "value": None, "differs": [], "command": None}
    return rows + [{"run": clean(path.as_posix()), "status": "unreadable", **nothing} for path in unreadable]


def _primary_value(run: Run) -> tuple[str | None, float | None]:
    if run.partial is not None:
        from week2kit.record.written_metrics import primary_metric as primary_written

        return primary_written(run.partial.metrics)
    if isinstance(run.manifest, CompletedCommand):
        from week2kit.record.written_metrics import reported_order

        metrics = run.manifest.outcome.metrics
        name = next(iter(reported_order(metrics)), None)
        return name, None if name is None else metrics[name]
    if not isinstance(run.manifest, CompletedRun):
        return None, None
    metric = primary_metric(run.manifest)
    return metric, run.manifest.outcome.metrics[metric].value


def _command(run: Run) -> str | None:
    if not isinstance(run.manifest, RecordedCommand):
        return None
    return shlex.join(run.manifest.inputs.program.argv)


def _status(run: Run) -> str:
    if run.partial is not None:
        return "no manifest"
    return "interrupted" if run.manifest.status == "running" else run.manifest.status


def _differs(first: Run, run: Run, digests: Digests) -> list[str]:
    changes = compare_runs(first, run, digests)
    if all(isinstance(one.manifest, Recorded) for one in (first, run)):
        changes = [change for change in changes if _in_one_form(change, first.manifest, run.manifest)]
    return changed_things(changes)


def _in_one_form(change: Change, first: Manifest, run: Manifest) -> bool:
    """Whether a key can be compared: before the data is read, a config lacks what the data decides.

    What is filled in then, such as how to shuffle, is missing in it, and its preprocessing may be one word.
    """
    if change.input != "config":
        return True
    values = (first, change.baseline), (run, change.variant)
    return all(is_settled(run) or (value is not ABSENT and not is_word(change.key, value)) for run, value in values)


def runs_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of `list_runs` as aligned text that is safe to print."""
    has_command = any(row["command"] for row in rows)
    head = ("run", "status", "metric", "value", "differs from the first in")
    lines = [(*head, "command") if has_command else head]
    for row in rows:
        value = show_value(row["value"]) if row["metric"] else ""
        differs = clean(", ".join(row["differs"])) or "-"
        cells = (clean(row["run"]), row["status"], clean(row["metric"] or ""), value, differs)
        lines.append((*cells, clean(row["command"] or "", _SHOWN)) if has_command else cells)
    return "\n".join(aligned(lines))
