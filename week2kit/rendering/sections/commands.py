"""The command of a person's own script: what ran, where its numbers come from, and what went in and out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from week2kit.canonical import clean
from week2kit.rendering.blocks import Block, Code, Table, folded
from week2kit.rendering.markdown import code, codes, count, escape, number
from week2kit.rendering.sections.wording import only_commands, statements
from week2kit.reporting.rows import CommandRow
from week2kit.reporting.values import Report

#: Files that a table lists; a command may write ten thousand.
_LISTED: Final = 30
_TIMES: Final = 5
#: Commands whose source of numbers the head names.
_IN_HEAD: Final = 2
_OUTPUT: Final = "standard output"


def in_short(report: Report) -> str:
    """Where the numbers of the commands come from, for the head; of one command what ran, too."""
    told = [_source(row) for row in report.commands if len(report.commands) <= _IN_HEAD]
    if only_commands(report) and len(report.commands) == 1:
        told.insert(0, f"The command: {code(report.commands[0].line)}.")
    return " ".join(told)


def _source(row: CommandRow) -> str:
    if not row.metrics_from:
        return f"{code(row.run)} reports no number."
    source = "its standard output" if row.metrics_from == _OUTPUT else code(row.metrics_from)
    more = f" ({count(row.metrics_left_out, 'more')} there)" if row.metrics_left_out else ""
    return f"The numbers of {code(row.run)} are those in {source}{more}."


def of_one(row: CommandRow, report: Report) -> Iterator[Block]:
    """All that is recorded of a command in the place of a config."""
    yield Code((clean(row.line, 10_000),))
    source = [_source(row)] if len(report.commands) > _IN_HEAD else []
    yield " ".join([*source, *_facts(row)])
    yield from folded("What went in", _read(row))
    yield from folded("What came out", _written(row))
    first = next(other for other in report.commands if other.unseen == row.unseen)
    if first is not row:
        yield f"**Not observed:** the same as of {code(first.run)}."
    elif row.unseen:
        yield f"**Not observed.** {statements(row.unseen)}"


def _facts(row: CommandRow) -> Iterator[str]:
    read = row.read or ()
    changed = [file.path for file in read if file.after != file.sha256 and file.after is not None]
    gone = [file.path for file in read if file.after is None]
    seed = "No seed was found in it." if row.seed is None else f"Its seed is {row.seed}."
    yield seed
    if row.stdin is not None:
        yield f"Its standard input was {code(row.stdin)}."
    if row.predicted is not None:
        yield f"It left a table of {count(row.predicted, 'prediction')}."
    if row.times:
        times = ", ".join(f"{code(name)} {number(value)}" for name, value in row.times[:_TIMES])
        yield f"It says how long it took: {times}."
    if changed:
        yield f"**Changed while it ran:** {codes(changed, 4)}."
    if gone:
        yield f"**Gone when it had ended:** {codes(gone, 4)}."


def _read(row: CommandRow) -> Iterator[Block]:
    rows: list[tuple[str, ...]] = [
        (code(name), "its own code", "", f"`{clean(digest)[:12]}`") for name, digest in row.modules
    ]
    for file in row.read or ():
        how = "named" if file.how == "declared" else "seen to be read"
        state = "" if file.after == file.sha256 else ", gone" if file.after is None else ", changed"
        digest = f"`{clean(file.sha256)[:12]}`" if file.sha256 is not None else "not seen before"
        rows.append((code(file.path), how + state, f"{file.bytes:,}", digest))
    if rows:
        yield Table(("file", "how it is known", "bytes", "sha256"), "llrl", tuple(rows[:_LISTED]))
        yield _more(len(rows))


def _written(row: CommandRow) -> Iterator[Block]:
    if not row.written:
        yield "No file that it wrote was found."
        return
    rows = tuple(
        (code(file.path), escape(file.role), file.change, f"{file.bytes:,}", f"`{clean(file.sha256)[:12]}`")
        for file in row.written
    )
    yield Table(("file", "what it is", "change", "bytes", "sha256"), "lllrl", rows[:_LISTED])
    yield _more(len(rows))
    if any(file.kept for file in row.written):
        yield "The text of small files is kept in `outputs.json` of the run folder."


def _more(rows: int) -> str:
    return f"{count(rows - _LISTED, 'more file')} in `manifest.json`." if rows > _LISTED else ""
