"""What changed between the baseline and each variant, and whether the two can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from week2kit.rendering.blocks import Block, Code, folded
from week2kit.rendering.markdown import code
from week2kit.rendering.sections.wording import (
    change_table,
    from_to,
    input_of,
    is_single,
    kind_of,
    rule_of_one_change,
    statements,
)
from week2kit.reporting.values import Comparison, Report

_KINDS: Final = {"config": "a training by week2kit", "command": "a command", "folder": "a folder without a manifest"}


def beginning(report: Report) -> Iterator[Block]:
    """Why there is nothing to compare."""
    if report.baseline is None:
        yield "No run completed, so there is nothing to compare."
    elif not report.comparisons:
        yield 'One run completed, so there is nothing to compare. For the second run, see "Next experiment".'


def rule(report: Report, comparison: Comparison) -> str:
    """Whether exactly one thing changed."""
    assert report.baseline is not None
    if _of_two_kinds(report, comparison):
        first, other = report.baseline.name, comparison.variant.name
        return (
            f"**Of two kinds:** {code(first)} is {_KINDS[kind_of(report, first)]}, and {code(other)} is "
            f"{_KINDS[kind_of(report, other)]}. What went into them is not compared, only what came out."
        )
    between = f"{code(report.baseline.name)} and {code(comparison.variant.name)}"
    return rule_of_one_change(comparison.things, comparison.changes, f"no recorded input differs between {between}")


def _of_two_kinds(report: Report, comparison: Comparison) -> bool:
    assert report.baseline is not None
    kinds = kind_of(report, report.baseline.name), comparison.variant.kind
    return kinds[0] != kinds[1] and "command" in kinds


def of_one(report: Report, comparison: Comparison) -> Iterator[Block]:
    """What changed in one variant; the rule stands at the head where there is one."""
    if not is_single(report):
        yield rule(report, comparison)
    kind, changes = comparison.variant.kind, comparison.changes
    # the rule says the values of one change; of a script's code and files it does not say which
    told = len(changes) == 1 and (kind != "command" or changes[0].input in ("config", "seed"))
    if changes and not (is_single(report) and told) and not _of_two_kinds(report, comparison):
        yield change_table(changes, "baseline", "variant", kind=kind)
    yield from folded("The lines of code that differ", [Code(comparison.code, "diff")] if comparison.code else [])
    if comparison.obstacles:
        yield f"**Not comparable.** {statements(comparison.obstacles)}"
    else:
        yield statements(comparison.comparable)
    if comparison.uncounted:
        counted = "; ".join(
            f"{input_of(change, kind)} {code(change.key)} ({from_to(change)})" for change in comparison.uncounted
        )
        why = "it does not change how a metric comes out"
        if kind == "command":
            why = "it only says where files lie, or which commit was checked out"
        yield f"Also different, but not counted, because {why}: {counted}."
