"""What can be asked of a partial record, which has no manifest: its few files against each other and against a rerun.

Its metrics, its classification report and its numbers of rows are all that can be compared; what else its files hold is
named as not compared. What agrees may show too little: other recipes than that of the flat form reach the same numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from week2kit.canonical import clean
from week2kit.config.form import Config
from week2kit.environment.conditions import Conditions
from week2kit.environment.restoring import Factor, Plan
from week2kit.processes.interpreters import nearest_python
from week2kit.record.manifest import Data
from week2kit.record.partial import PartialRun
from week2kit.record.requirements import same_version
from week2kit.record.verdict import Cause, Check, Finding
from week2kit.record.written_metrics import (
    ReportRow,
    class_rows,
    compared_names,
    decimals,
    held_against,
    report_rows,
    rounds_to,
    scorer_name,
    validation_names,
    written_digits,
)
from week2kit.thresholds import DETAILED_DIGITS, LISTED_CELLS, MIN_LABELS_APART, TELLING_DIGITS
from week2kit.verification.checks import OUR_ERRORS, Question, compare, failed, made, passed, skipped
from week2kit.verification.messages import Fresh, Scored

_METRICS_FILE: Final = "metrics.json"
_REPORT_FILE: Final = "val_report.txt"

#: Findings that tell columns, classes, cells or numbers of rows of the data.
DESCRIBES_THE_TABLE: Final = frozenset(
    {"partial.other_table", "partial.other_split", "partial.refused", "rerun.failed"}
)


# --- the folder alone -------------------------------------------------------------------------------------------


def folder_notes(record: PartialRun, written: PartialRun, added: Mapping[str, str]) -> Iterable[Check]:
    """What the folder leaves open: a manifest, names that the caller gives, keys that are not used, versions."""
    yield skipped("record.manifest", "partial.no_manifest", "manifest.json")
    if added and record.config is not None:
        told = {name: clean(value, 80) for name, value in added.items()}
        yield passed("config.names", Finding(code="partial.named", where="config.json", now=told))
    if written.unused:
        yield skipped("config.keys", "partial.unused", "config.json", [*written.unused])
    if "scikit-learn" not in record.versions and (record.versions or record.missing):
        versions = sorted(record.versions)
        yield skipped("record.versions", "partial.versions_unrecorded", "scikit-learn", versions, record.missing)


def _check_report(record: PartialRun, code: str) -> Check | list[Check]:
    """The two files that hold metrics agree, as far as both hold them."""
    if record.report is None:
        return skipped(code, "partial.report", _REPORT_FILE, now=record.report_problem)
    held = held_against(record.report, record.metrics)
    if not held:
        return skipped(code, "partial.report", _REPORT_FILE, now="it holds no metric of metrics.json")
    return [
        failed(code, "partial.contradicts", name, record.metrics[name], shown)
        for name, (shown, agrees) in held.items()
        if not agrees
    ] or passed(code)


FOLDER: Final[tuple[Question[PartialRun], ...]] = (Question("follows.val_report", _check_report),)


# --- against a rerun --------------------------------------------------------------------------------------------


class _Rerun(NamedTuple):
    """A partial record beside what came out of one rerun, which completed; `values` under the names of metrics.json."""

    record: PartialRun
    fresh: Fresh
    scored: Scored
    values: dict[str, float]


def compare_written(record: PartialRun, fresh: Fresh) -> list[Check]:
    """Everything that is recorded against a rerun; nothing where it came to no predictions."""
    if fresh.scored is None or fresh.outcome is None:
        return []
    rerun = _Rerun(record, fresh, fresh.scored, values_by_name(record, fresh))
    checks = made(WRITTEN, record, rerun)
    if fresh.outcome.model.converged is False:
        iterations = max(fresh.outcome.model.n_iter or [0])
        checks.append(passed("model.convergence", Finding(code="fit.not_converged", now=iterations)))
    beyond = sorted(validation_names(record.metrics).keys() - compared_names(record.metrics).keys())
    left = sorted({*record.other, *record.metrics} - {*rerun.values, *beyond, *record.undefined})
    for code, names in (
        ("partial.beyond", beyond),
        ("partial.undefined", record.undefined),
        ("partial.times", record.times),
        ("partial.not_compared", left),
    ):
        if names:
            shown = [clean(name, 80) for name in names[:LISTED_CELLS]]
            checks.append(skipped(code.replace("partial", "metrics"), code, _METRICS_FILE, shown, len(names)))
    return checks


def values_by_name(record: PartialRun, fresh: Fresh) -> dict[str, float]:
    """The metrics that came out of a rerun, under their names in metrics.json."""
    found = fresh.scored.metrics if fresh.scored is not None else {}
    names = compared_names(record.metrics)
    return {name: found[scorer] for name, scorer in names.items() if scorer in found}


def names_compared(checks: Iterable[Check]) -> list[str]:
    """The metrics that were compared, under their names in metrics.json."""
    return [c.code.removeprefix("metrics.") for c in checks if c.code.startswith("metrics.") and c.outcome != "skipped"]


def _check_counts(rerun: _Rerun, code: str) -> Check:
    counts, sizes = rerun.record.counts, _sizes(rerun.fresh)
    return compare(code, _METRICS_FILE, counts, {name: sizes[name] for name in counts})


def _check_metric(rerun: _Rerun, code: str) -> Check | None:
    name = code.removeprefix("metrics.")
    if name not in rerun.values:
        return None
    written, here = rerun.record.metrics[name], rerun.values[name]
    if written == here:
        return passed(code)
    digits = written_digits(written, {other: rerun.record.metrics[other] for other in rerun.values})
    if digits is not None and rounds_to(here, written, digits):
        return passed(code, Finding(code="partial.rounded", where=name, recorded=written, now=digits))
    return failed(code, "metrics.value", name, written, here)


def _check_rows(rerun: _Rerun, code: str) -> Check:
    """The rows of the report; a script may give its classes other names, and list some that no row has."""
    recorded, here = rerun.record.report or {}, report_rows(rerun.scored.report)
    other = next((name for name in recorded if name in here and recorded[name].values != here[name].values), None)
    alone = [name for name in recorded if name not in here]
    shown = [clean(name, 80) for name in alone[:LISTED_CELLS]]
    if other is not None:
        numbers = [" ".join(side[other].numbers) for side in (recorded, here)]
        return failed(code, "partial.report_row", clean(other, 80), *numbers)
    if class_rows(recorded) and _of_classes(recorded) != _of_classes(here):
        lacking = [clean(name, 80) for name in class_rows(here) if name not in recorded][:LISTED_CELLS]
        return failed(code, "partial.report_rows", _REPORT_FILE, shown, lacking)
    if alone and class_rows(recorded):
        return passed(code, Finding(code="partial.report_names", where=_REPORT_FILE, recorded=shown, now=len(alone)))
    return skipped(code, "partial.report_alone", _REPORT_FILE, shown, len(alone)) if alone else passed(code)


def _of_classes(rows: dict[str, ReportRow]) -> list[tuple[float, ...]]:
    """The numbers of the rows of classes, whatever these are called and in whatever order they stand.

    A row that counts nothing and scores nothing is of a class that no validation row has.
    """
    return sorted(row.values for row in class_rows(rows).values() if any(row.values))


WRITTEN: Final[tuple[Question[_Rerun], ...]] = (
    Question(lambda record: ["split.folds"] if record.counts else [], _check_counts),
    Question(lambda record: ["report.rows"] if record.report is not None else [], _check_rows),
    Question(lambda record: [f"metrics.{name}" for name in compared_names(record.metrics)], _check_metric),
)


# --- another table, or another split ----------------------------------------------------------------------------


def other_inputs(record: PartialRun, fresh: Fresh) -> Finding | None:
    """What shows that the record speaks of another table, or of another split, than were used here."""
    path = data_path(fresh, record)
    if fresh.failure is not None:
        refused = fresh.failure.error in OUR_ERRORS and fresh.failure.stage in ("config", "load")
        return Finding(code="partial.refused", where=path, now=fresh.failure.message) if refused else None
    if fresh.scored is None:
        return None
    here, average = _sizes(fresh), (record.report or {}).get("weighted avg")
    counts = {**({"n_val": average.support} if average is not None else {}), **record.counts}
    if counts.keys() == here.keys() and sum(counts.values()) != sum(here.values()):
        return Finding(code="partial.other_table", where=path, recorded=counts, now=here)
    if any(here[name] != count for name, count in counts.items()):
        return Finding(code="partial.other_split", where=path, recorded=counts, now=here)
    recorded, now = _supports(record.report or {}), _supports(report_rows(fresh.scored.report))
    if recorded and sorted(recorded.values()) != sorted(now.values()):
        code = "partial.other_split" if recorded.keys() == now.keys() else "partial.other_table"
        listed = [{clean(name, 80): side[name] for name in sorted(side)[:LISTED_CELLS]} for side in (recorded, now)]
        return Finding(code=code, where=path, recorded=listed[0], now=listed[1])
    return None


def data_path(fresh: Fresh, record: PartialRun) -> str:
    """The name of the data file, as a verdict shows it."""
    if fresh.data is not None:
        return fresh.data.path
    written = str((record.inputs.config.resolved or {}).get("data", {}).get("path", ""))
    return clean(written.replace("\\", "/").rpartition("/")[2])


def _sizes(fresh: Fresh) -> dict[str, int]:
    """How many rows were trained on and validated on, under the names of metrics.json."""
    assert fresh.split is not None
    return {"n_train": fresh.split.folds[0].n_train, "n_val": fresh.split.folds[0].n_val}


def _supports(rows: dict[str, ReportRow]) -> dict[str, int]:
    """How many validation rows each class has that has any."""
    return {name: row.support for name, row in class_rows(rows).items() if row.support}


# --- versions ---------------------------------------------------------------------------------------------------


def plan_versions(facts: Sequence[Cause], *, may: bool) -> Plan:
    """The versions that a partial record names.

    A Python on which week2kit does not run gives way to the oldest on which it does: the libraries matter more.
    """
    if not may:
        return Plan(stuck={fact.factor: ("versions", None) for fact in facts})
    factors = []
    for fact in facts:
        name, version = fact.factor.removeprefix("library."), str(fact.recorded)
        asked = nearest_python(version) if name == "python" else version
        factors.append(Factor(fact.factor, version, fact.now, Conditions(versions=((name, asked),))))
    if [factor.name for factor in factors] == ["python"] and python_instead(factors):
        return Plan(stuck={"python": ("python_too_old", factors[0].recorded)})
    return Plan(factors)


def python_instead(factors: Sequence[Factor]) -> str | None:
    """The Python that is taken in place of a recorded one on which week2kit does not run."""
    python = next((factor for factor in factors if factor.name == "python"), None)
    asked = dict(python.conditions.versions or ()).get("python", "") if python is not None else ""
    return None if python is None or same_version(str(python.recorded), asked) else asked


# --- what agrees, and shows little ------------------------------------------------------------------------------

#: Metrics that move with every probability: no other recipe gives the same digits.
_OF_PROBABILITIES: Final = re.compile(r"(?:neg_)?(?:log_loss|brier_score)|d2_(?:log_loss|brier)")

#: Metrics of scores, which tell models apart that give every row the same label.
_OF_SCORES: Final = re.compile(r"(?:neg_)?(?:log_loss|brier|roc_auc|average_precision|top_k|d2_)")


def shows_at_once(record: PartialRun, fresh: Fresh, checks: list[Check]) -> tuple[str, int | None]:
    """What the numbers that came out show without another training.

    Returns:
        Why they show too little, else an empty text; and where other recipes have to be tried, in how many rows each of
        them must give another label.
    """
    scorers = {scorer_name(name): record.metrics[name] for name in names_compared(checks)}
    if all(value in (0, 1) for value in scorers.values()):
        return "partial.saturated", None
    if any(_OF_PROBABILITIES.match(name) and decimals(value) >= TELLING_DIGITS for name, value in scorers.items()):
        return "", None
    if any(map(_OF_SCORES.match, scorers)):
        return "", 0
    if fresh.scored is not None and _is_constant(report_rows(fresh.scored.report)):
        return "partial.one_class", None
    return ("", MIN_LABELS_APART) if _is_detailed(record, scorers, checks) else ("partial.coarse", None)


def _is_constant(rows: Mapping[str, ReportRow]) -> bool:
    """Whether a report is that of one and the same answer for every row."""
    found = [row for row in class_rows(rows).values() if float(row.numbers[1]) > 0]
    return len(found) == 1 and float(found[0].numbers[1]) == 1 and len(class_rows(rows)) > 1


def _is_detailed(record: PartialRun, scorers: Mapping[str, float], checks: list[Check]) -> bool:
    """Whether what agreed tells which classes were taken for which, and not only how many rows were wrong."""
    report = any(check.code == "report.rows" and check.outcome == "passed" for check in checks)
    if report and class_rows(record.report or {}):
        return True
    return any(name != "accuracy" and decimals(value) >= DETAILED_DIGITS for name, value in scorers.items())


def what_it_shows(
    record: PartialRun, fresh: Fresh, checks: list[Check], why: str, others: int, **other: object
) -> Finding:
    """What came out again, with which recipe: why it shows too little, or how many other recipes do not give it."""
    assert isinstance(fresh.data, Data)
    assert isinstance(record.config, Config)
    names, config = names_compared(checks), record.config.as_json()
    recipe = {
        "model": config["model"]["class"].rpartition(".")[2],
        **config["model"]["params"],
        "preprocess": config["preprocess"],
        "split": config["split"],
        "random_state": record.config.seed,
    }
    if why:
        recorded = {name: record.metrics[name] for name in names}
        return Finding(code=why, where=fresh.data.path, recorded=recorded, now={**recipe, **other})
    now = {"sha256": fresh.data.sha256, **recipe, "other_recipes": others}
    return Finding(code="identical.partial", where=fresh.data.path, recorded=names, now=now)
