"""What changed between the baseline and each variant, and whether the two can be compared."""

from __future__ import annotations

from collections.abc import Iterator

from week2kit.rendering.blocks import Block
from week2kit.rendering.markdown import code
from week2kit.rendering.sections.wording import change_table, from_to, is_single, rule_of_one_change, statements
from week2kit.reporting.values import Comparison, Report


def beginning(report: Report) -> Iterator[Block]:
    """Why there is nothing to compare."""
    if report.baseline is None:
        yield "No run completed, so there is nothing to compare."
    elif not report.comparisons:
        yield 'One run completed, so there is nothing to compare. For the second run, see "Next experiment".'


def rule(report: Report, comparison: Comparison) -> str:
    """Whether exactly one thing changed."""
    assert report.baseline is not None
    between = f"{code(report.baseline.name)} and {code(comparison.variant.name)}"
    return rule_of_one_change(comparison.things, comparison.changes, f"no recorded input differs between {between}")


def of_one(report: Report, comparison: Comparison) -> Iterator[Block]:
    """What changed in one variant; the rule stands at the head where there is one."""
    if not is_single(report):
        yield rule(report, comparison)
    if comparison.changes and not (is_single(report) and len(comparison.changes) == 1):
        yield change_table(comparison.changes, "baseline", "variant")
    if comparison.obstacles:
        yield f"**Not comparable.** {statements(comparison.obstacles)}"
    else:
        yield statements(comparison.comparable)
    if comparison.uncounted:
        told = "; ".join(f"{change.input} {code(change.key)} ({from_to(change)})" for change in comparison.uncounted)
        yield f"Also different, but not counted, because it does not change how a metric comes out: {told}."
