"""The checks of a run that has no manifest: its few files against each other, and against one training here.

Its metrics, its classification report and its numbers of rows are all that can be compared; what else its files hold is
named as not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from week2kit.canonical import clean
from week2kit.record.manifest import Split
from week2kit.record.partial import PartialRun
from week2kit.record.val_report import ReportRow, class_rows, held_against, report_rows
from week2kit.record.verdict import Check, Finding, Layer
from week2kit.record.written_metrics import compared_names, rounds_to, validation_names, written_digits
from week2kit.thresholds import LISTED_CELLS
from week2kit.verification.checks import compare, failed, passed, skipped
from week2kit.verification.messages import Fresh, Scored

_METRICS_FILE: Final = "metrics.json"
_REPORT_FILE: Final = "val_report.txt"

#: The layer that what is shown to be another one belongs to.
LAYERS: Final[Mapping[str, Layer]] = {
    "bare.other_columns": "data",
    "bare.other_rows": "data",
    "bare.other_classes": "data",
    "bare.other_test_size": "split",
    "bare.other_split": "split",
    "bare.all_rows_scored": "split",
    "bare.other_supports": "split",
}

#: Refusals of a table (`week2kit.refusals`) by a rule of our own: pandas and scikit-learn take such a table.
_OWN_RULES: Final = frozenset({"column.dates", "column.empty", "column.gaps", "file.same_name"})
_OTHER_COLUMNS: Final = frozenset({"columns.misspelt", "columns.semicolons", "columns.unknown"})

# --- the folder alone -------------------------------------------------------------------------------------------


def check_report(record: PartialRun) -> list[Check]:
    """The two files that hold metrics agree, as far as both hold them."""
    code = "follows.val_report"
    if record.report is None:
        return [skipped(code, "bare.report", _REPORT_FILE, now=record.report_problem)]
    held = held_against(record.report, record.metrics)
    if not held:
        return [skipped(code, "bare.report", _REPORT_FILE, now="it holds no metric of metrics.json")]
    contradictions = [
        failed(code, "bare.contradicts", name, record.metrics[name], shown)
        for name, (shown, agrees) in held.items()
        if not agrees
    ]
    return contradictions or [passed(code)]


def check_versions(record: PartialRun) -> Iterable[Check]:
    """Where versions are recorded, that of the library that trains should be, too."""
    if "scikit-learn" not in record.versions and (record.versions or record.missing):
        recorded = sorted(record.versions)
        yield skipped("record.versions", "bare.versions_unrecorded", "scikit-learn", recorded, record.missing)


# --- against a training -----------------------------------------------------------------------------------------


def sizes(split: Split) -> dict[str, int]:
    """How many rows were trained on and validated on, under the names of metrics.json."""
    return {"n_train": split.folds[0].n_train, "n_val": split.folds[0].n_val}


def check_split(record: PartialRun, fresh: Fresh) -> Iterable[Check]:
    """The numbers of rows, and whether the fit converged."""
    if record.counts and fresh.split is not None:
        now = {name: sizes(fresh.split)[name] for name in record.counts}
        yield compare("split.folds", "", record.counts, now, finding="bare.rows")
    if fresh.outcome is not None and fresh.outcome.model.converged is False:
        iterations = max(fresh.outcome.model.n_iter or [0])
        yield passed("model.converged", Finding(code="fit.not_converged", now=iterations))


def check_values(record: PartialRun, scored: Scored) -> Iterable[Check]:
    """The report and every metric, held against the record."""
    names = compared_names(record.metrics)
    if record.report is not None:
        yield from _check_rows(record.report, report_rows(scored.report))
    metrics = {name: record.metrics[name] for name, scorer in names.items() if scorer in scored.metrics}
    for name, written in metrics.items():
        yield _check_metric(name, written, scored.metrics[names[name]], metrics)
    beyond = sorted(validation_names(record.metrics).keys() - names.keys())
    left = sorted({*record.other, *record.metrics} - {*metrics, *beyond, *record.undefined})
    for code, finding, skipped_names in (
        ("metrics.beyond", "bare.beyond", beyond),
        ("metrics.undefined", "bare.undefined", record.undefined),
        ("metrics.times", "bare.times", record.times),
        ("metrics.others", "bare.not_compared", left),
    ):
        if skipped_names:
            shown = [clean(name, 80) for name in skipped_names[:LISTED_CELLS]]
            yield skipped(code, finding, _METRICS_FILE, shown, len(skipped_names))


def compared(checks: Iterable[Check]) -> list[Check]:
    """The checks that compare a metric."""
    return [check for check in checks if check.code.startswith("metrics.") and check.outcome != "skipped"]


def names_compared(checks: Iterable[Check]) -> list[str]:
    """The metrics that were compared, under their names in metrics.json."""
    return [check.code.removeprefix("metrics.") for check in compared(checks)]


def agrees(checks: Iterable[Check]) -> bool:
    """Whether a metric was compared, and nothing differs."""
    checks = list(checks)
    some = any(check.code.startswith("metrics.") and check.outcome == "passed" for check in checks)
    return some and not any(check.outcome == "failed" for check in checks)


def is_constant(rows: Mapping[str, ReportRow]) -> bool:
    """Whether a report is that of one and the same answer for every row."""
    found = [row for row in class_rows(rows).values() if float(row.numbers[1]) > 0]
    return len(found) == 1 and float(found[0].numbers[1]) == 1 and len(class_rows(rows)) > 1


def _check_metric(name: str, written: float, here: float, others: dict[str, float]) -> Check:
    code = f"metrics.{name}"
    if written == here:
        return passed(code)
    digits = written_digits(written, others)
    if digits is not None and rounds_to(here, written, digits):
        return passed(code, Finding(code="bare.rounded", where=name, recorded=written, now=digits))
    return failed(code, "metrics.value", name, written, here)


def _check_rows(recorded: dict[str, ReportRow], here: dict[str, ReportRow]) -> Iterable[Check]:
    """The rows of the report; a script may give its classes other names, and list some that no row has."""
    code = "report.rows"
    other = next((name for name in recorded if name in here and recorded[name].values != here[name].values), None)
    alone = [name for name in recorded if name not in here]
    shown = [clean(name, 80) for name in alone[:LISTED_CELLS]]
    if other is not None:
        numbers = [" ".join(side[other].numbers) for side in (recorded, here)]
        yield failed(code, "bare.report_row", clean(other, 80), *numbers)
    elif class_rows(recorded) and _of_classes(recorded) != _of_classes(here):
        lacking = [clean(name, 80) for name in class_rows(here) if name not in recorded][:LISTED_CELLS]
        yield failed(code, "bare.report_rows_other", _REPORT_FILE, shown, lacking)
    elif alone and class_rows(recorded):
        yield passed(code, Finding(code="bare.report_names", where=_REPORT_FILE, recorded=shown, now=len(alone)))
    elif alone:
        yield skipped(code, "bare.report_rows_alone", _REPORT_FILE, shown, len(alone))
    else:
        yield passed(code)


def _of_classes(rows: dict[str, ReportRow]) -> list[tuple[float, ...]]:
    """The numbers of the rows of classes, whatever these are called and in whatever order they stand.

    A row that counts nothing and scores nothing is of a class that no validation row has.
    """
    return sorted(row.values for row in class_rows(rows).values() if any(row.values))


def _supports(rows: dict[str, ReportRow]) -> dict[str, int]:
    """How many validation rows each class has that has any."""
    return {name: row.support for name, row in class_rows(rows).items() if row.support}


# --- other inputs -----------------------------------------------------------------------------------------------


def other_inputs(record: PartialRun, fresh: Fresh, scored: Scored | None, path: str) -> Finding | None:
    """What shows that the record speaks of another table, or of another split, than were used here."""
    if fresh.failure is not None:
        return _refused(fresh, path)
    if fresh.split is None or scored is None:
        return None
    here, counts = sizes(fresh.split), _counts(record)
    if counts.keys() == here.keys() and sum(counts.values()) != sum(here.values()):
        return Finding(code="bare.other_rows", where=path, recorded=counts, now=sum(here.values()))
    if any(here[name] != count for name, count in counts.items()):
        code = "bare.other_test_size" if counts.keys() == here.keys() else "bare.other_split"
        if code == "bare.other_split" and counts.get("n_val", 0) > max(here.values()):
            code = "bare.all_rows_scored"
        return Finding(code=code, where=path, recorded=counts, now=here)
    recorded, now = _supports(record.report or {}), _supports(report_rows(scored.report))
    if recorded and sorted(recorded.values()) != sorted(now.values()):
        code = "bare.other_supports" if recorded.keys() == now.keys() else "bare.other_classes"
        listed = [{clean(name, 80): side[name] for name in sorted(side)[:LISTED_CELLS]} for side in (recorded, now)]
        return Finding(code=code, where=path, recorded=listed[0], now=listed[1])
    return None


def _counts(record: PartialRun) -> dict[str, int]:
    """How many rows the record counts; the report counts validation rows, too."""
    average = (record.report or {}).get("weighted avg")
    return {**({"n_val": average.support} if average is not None else {}), **record.counts}


def _refused(fresh: Fresh, path: str) -> Finding | None:
    """What week2kit refuses about the table, of which other scripts may train all the same."""
    said = fresh.failure.message if fresh.failure else None
    if fresh.refused in _OTHER_COLUMNS:
        return Finding(code="bare.other_columns", where=path, now=said)
    if fresh.refused in _OWN_RULES:
        return Finding(code="bare.own_rule", where=path, recorded=fresh.refused, now=said)
    return None
