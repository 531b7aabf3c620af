"""What several sections say in the same way: what changed, statements, and which kind of report it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from week2kit.inputs.changes import Change, Statement
from week2kit.rendering.blocks import Table
from week2kit.rendering.markdown import code, codes, sentence, show_value
from week2kit.rendering.pictures.contents import Kind, Picture
from week2kit.reporting.values import Report

#: The pictures of a report, by kind and variant.
Pictures: TypeAlias = Mapping[tuple[Kind, str | None], Picture]

#: Changes that are told in one line.
_LINE: Final = 8


def is_single(report: Report) -> bool:
    """Whether it compares one variant with the baseline, and nothing else."""
    return len(report.comparisons) == 1 and not report.overview


def only_partial(report: Report) -> bool:
    """Whether no run of it has a manifest."""
    return bool(report.runs) and not any(run.manifest_sha256 for run in report.runs)


def kind_of(report: Report, run: str) -> str:
    """The kind of a run that the report lists."""
    return next((row.kind for row in report.runs if row.name == run), "config")


def only_commands(report: Report) -> bool:
    """Whether every run of it is that of a person's own script."""
    return bool(report.runs) and all(run.kind == "command" for run in report.runs)


def statements(items: Iterable[Statement]) -> str:
    """Statements as one paragraph."""
    return " ".join(map(sentence, items))


def shown(pictures: Pictures, *which: Kind) -> list[Picture]:
    """The pictures of these kinds that there are."""
    return [pictures[kind, None] for kind in which if (kind, None) in pictures]


def rule_of_one_change(things: Sequence[str], changes: Sequence[Change], nothing: str) -> str:
    """Whether one thing changed, and which; `nothing` says what is equal where nothing did."""
    if not things:
        return f"**Nothing changed:** {nothing}."
    if len(things) > 1:
        return f"**Several things changed** ({codes(things)})**, so no cause can be named.**"
    told = f" ({from_to(changes[0])})" if len(changes) == 1 and changes[0].input in ("config", "seed") else ""
    return f"**One thing changed:** {code(things[0])}{told}."


def from_to(change: Change) -> str:
    """The two values of a change."""
    return f"{show_value(change.baseline, change.key)} → {show_value(change.variant, change.key)}"


def change_line(changes: Sequence[Change], prefix: Iterable[str] = ()) -> str:
    """Several changes in one line; those of an input in `prefix` with its name."""
    told = (
        f"{f'{change.input}, ' if change.input in prefix else ''}{code(change.key)} {from_to(change)}"
        for change in changes[:_LINE]
    )
    return "; ".join(told) + ("; and more" if len(changes) > _LINE else "")


def input_of(change: Change, kind: str) -> str:
    """The input that a change is one of, as runs of this kind call it."""
    return "command" if kind == "command" and change.input == "config" else change.input


def change_table(changes: Iterable[Change], left: str, right: str, *, kind: str = "config") -> Table:
    """Changes with the values on both sides; what a config sets, the words of a command do."""
    rows = (
        (
            input_of(change, kind),
            code(change.key),
            show_value(change.baseline, change.key),
            show_value(change.variant, change.key),
        )
        for change in changes
    )
    return Table(("input", "what", left, right), "llll", tuple(rows))
