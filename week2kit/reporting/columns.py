"""Which columns of the table a run used, as what, and which its config leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from week2kit.inputs.changes import Statement
from week2kit.record.manifest import CompletedRun
from week2kit.reporting.rows import ColumnRow, ColumnsRow


def used_columns(runs: Sequence[tuple[str, CompletedRun]]) -> tuple[ColumnsRow, ...]:
    """The columns of the first run, and of each further one whose columns are not the same."""
    rows = [_of_one(name, run, told=_left_out(run)) for name, run in runs]
    for index, row in enumerate(rows[1:], start=1):
        rows[index] = row._replace(statements=tuple(_against(rows[0], row)))
    return (*rows[:1], *(row for row in rows[1:] if row.statements))


def _of_one(name: str, run: CompletedRun, told: Iterator[Statement]) -> ColumnsRow:
    columns = tuple(
        ColumnRow(column.name, column.role, column.kind, column.missing) for column in run.inputs.data.columns
    )
    return ColumnsRow(name, columns, _dropped(run), tuple(told))


def _dropped(run: CompletedRun) -> tuple[str, ...]:
    """The columns that the config names to be left out; where it lists the features, it need not."""
    data = (run.inputs.config.resolved or {}).get("data")
    named = data.get("drop") if isinstance(data, dict) and not data.get("features") else None
    return tuple(name for name in named if isinstance(name, str)) if isinstance(named, list) else ()


def _reasons(run: CompletedRun, dropped: Sequence[str]) -> dict[str, list[str]]:
    """The columns that are left out for each reason that the config gives, for the first few of them."""
    given, reasons = (run.inputs.config.resolved or {}).get("drop_reasons"), dict[str, list[str]]()
    given = given if isinstance(given, dict) else {}
    for name in dropped:
        why = given.get(name)
        if isinstance(why, str) and (why in reasons or len(reasons) < _REASONS):
            reasons.setdefault(why, []).append(name)
    return reasons


#: More reasons than this are read in the config.
_REASONS: Final = 8


def _left_out(run: CompletedRun) -> Iterator[Statement]:
    """The features, what else is no feature, and what the record knows of the columns that were left out."""
    columns, config = run.inputs.data.columns, (run.inputs.config.resolved or {}).get("data")
    yield Statement("columns.features", {"names": [column.name for column in columns if column.role == "feature"]})
    for column in columns:
        if column.role not in ("feature", "target"):
            yield Statement(f"columns.{column.role}", {"name": column.name})
    if isinstance(config, dict) and config.get("features"):
        yield Statement("columns.listed")
    elif dropped := _dropped(run):
        reasons = _reasons(run, dropped)
        yield from (Statement("columns.dropped_for", {"names": of, "reason": why}) for why, of in reasons.items())
        if left := [name for name in dropped if not any(name in of for of in reasons.values())]:
            yield Statement("columns.dropped", {"names": left})
    elif isinstance(config, dict):
        yield Statement("columns.all")


def _against(first: ColumnsRow, other: ColumnsRow) -> Iterator[Statement]:
    """What another run uses besides the features of the first, and what it does without."""
    before, after = first.features, other.features
    names = {"run": other.run, "first": first.run}
    if more := [name for name in after if name not in before]:
        yield Statement("columns.more", {**names, "names": more})
    if fewer := [name for name in before if name not in after]:
        yield Statement("columns.fewer", {**names, "names": fewer})
