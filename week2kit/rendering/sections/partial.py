"""Runs without a manifest: what they write, and what nothing shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from week2kit.rendering.blocks import Block, Item, Items, Section, Table, section
from week2kit.rendering.markdown import code, count, escape, number, signed
from week2kit.rendering.sections.wording import (
    change_line,
    change_table,
    only_partial,
    rule_of_one_change,
    statements,
)
from week2kit.reporting.values import Report, Thin, ThinRow

#: Changes that a table shows.
_ROWS: Final = 20
MEANS: Final = (
    "No manifest: only a config in the flat form and metrics are recorded, as somebody wrote them. Not recorded: "
    "predictions, so no difference is tested and no row can be seen to have moved; training scores and a dummy; and "
    "digests, so nothing shows which data, rows and code gave the numbers. `week2kit verify` trains such a run again, "
    "and `week2kit train` with its config makes a full record."
)


def pair(report: Report) -> tuple[ThinRow, ThinRow] | None:
    """The two runs of a report that has nothing else."""
    thin = report.thin
    if thin is None or report.runs or len(thin.rows) != 2 or thin.left_out:
        return None
    return thin.rows[0], thin.rows[1]


def title(report: Report, thin: Thin) -> str:
    """The heading of a report that has no other runs."""
    if two := pair(report):
        return f"Report: {code(two[1].name)} against {code(two[0].name)}, without a manifest"
    if len(thin.rows) == 1:
        return f"Report: {code(thin.rows[0].name)}, without a manifest"
    return f"Report: {count(len(thin.rows) + thin.left_out, 'run')} without a manifest"


def rule(first: ThinRow, row: ThinRow) -> str:
    """Whether exactly one thing changed, as far as the two say it."""
    nothing = f"of what the two write down, nothing differs between {code(first.name)} and {code(row.name)}"
    return rule_of_one_change(row.things, row.changes, nothing)


def head(report: Report, thin: Thin) -> Iterator[Block]:
    """What came out, and what is not known."""
    if two := pair(report):
        yield rule(*two)
    yield statements(thin.summary)
    yield f"**Not verified:** no run was trained again for this report. This does it: {code(thin.verify_command, 500)}."


def changes(report: Report) -> Iterator[Block]:
    """What changed among runs of which none has a manifest."""
    assert report.thin is not None
    if two := pair(report):
        first, row = two
        yield rule(first, row)
        if row.changes:
            yield change_table(row.changes[:_ROWS], code(first.name), code(row.name))
        if (more := len(row.changes) - _ROWS) > 0:
            yield f"And {count(more, 'more key')}."
        yield _comparable(row)
    elif len(report.thin.rows) > 1:
        yield _each_change(report.thin)
    else:
        yield "There is no second run, so nothing can have changed."


def _comparable(row: ThinRow) -> str:
    apart = row.comparable and row.comparable[0].code != "thin.comparable"
    return f"{'**Not comparable.** ' if apart else ''}{statements(row.comparable)}"


def _each_change(thin: Thin) -> Items:
    first, *others = thin.rows
    told = (
        f"{code(row.name)} against {code(first.name)}: {_written_changes(row)} {_comparable(row)}" for row in others
    )
    return Items(tuple(map(Item, told)))


def _written_changes(row: ThinRow) -> str:
    if not row.changes:
        return "nothing that they write down differs."
    return f"{change_line(row.changes, ('data', 'environment'))}."


def results(report: Report) -> Iterator[Block]:
    """What came out, where no run has a manifest."""
    thin = report.thin
    assert thin is not None
    yield _scores(thin)
    yield _left_out(thin)
    if any(row.seconds is not None for row in thin.rows):
        yield "The time of a training varies from run to run."
    if any(row.has_record for row in thin.rows):
        yield f"What else {'they record' if len(thin.rows) > 1 else 'it records'}:"
        yield from _records(thin)


def _scores(thin: Thin) -> Table:
    rows: list[tuple[str, ...]] = []
    for row in thin.rows:
        name = code(row.name)
        rows += [(name, code(one.metric), number(one.value), signed(one.difference)) for one in row.scores]
        if not row.scores:
            rows.append((name, "no metric that is known by its name", "–", "–"))
        if row.seconds is not None:
            rows.append((name, "time of training (s)", number(row.seconds), signed(row.seconds_difference)))
    return Table(("run", "what it writes", "value", "difference from the first"), "llrr", tuple(rows))


def _records(thin: Thin) -> Iterator[Block]:
    rows = (
        (
            code(row.name),
            "–" if row.n_train is None else str(row.n_train),
            "–" if row.n_val is None else str(row.n_val),
            escape(row.timestamp or "–"),
            code(row.git[:12]) if row.git else "–",
        )
        for row in thin.rows
    )
    yield Table(("run", "rows to train", "rows to validate", "made at", "git commit"), "lrrll", tuple(rows))
    yield "A dash: the folder does not say."
    named = [f"{code(row.name)} names {_versions(row)}." for row in thin.rows if row.versions]
    if named:
        yield Items(tuple(map(Item, named)))
    yield "All of it is as it was written, and nothing proves it."


def _versions(row: ThinRow) -> str:
    names = sorted(row.versions, key=str.lower)
    return ", ".join(f"{escape(name)} {code(row.versions[name])}" for name in names)


def _left_out(thin: Thin) -> str:
    if not thin.left_out:
        return ""
    return (
        f"{count(thin.left_out, 'more run')} without a manifest {'is' if thin.left_out == 1 else 'are'} not told here."
    )


def apart(report: Report) -> Iterator[Section]:
    """The section about them in a report that has other runs as well."""
    if report.thin is not None and not only_partial(report):
        more = _records(report.thin) if any(row.has_record for row in report.thin.rows) else ()
        blocks = (MEANS, _scores(report.thin), _each_change(report.thin), *more, _left_out(report.thin))
        yield section(2, "partial", "Runs without a manifest", blocks)
