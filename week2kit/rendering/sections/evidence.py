"""Which file proves which number, and how each run was made."""

from __future__ import annotations

from collections.abc import Iterator

from week2kit.canonical import clean
from week2kit.rendering.blocks import Block, Code, Item, Items, Section, Table, folded, section
from week2kit.rendering.markdown import code, escape, made_by
from week2kit.reporting.rows import RunRow
from week2kit.reporting.values import Report


def sections(report: Report) -> Iterator[Section]:
    """The evidence, and what belongs to the files that are listed."""
    yield section(2, "evidence", "Evidence", folded("Which file proves which number", _evidence(report)))
    if report.runs:
        yield section(3, "commands", "Commands", _commands(report))
        told = (Item(f"{code(run.name)}: {_environment(run)}") for run in report.runs)
        yield section(3, "environments", "Environments", folded("Where each run was trained", [Items(tuple(told))]))
        rows = (row for run in report.runs for row in _files(run))
        files = Table(("run", "file", "state", "sha256"), "llll", tuple(rows))
        yield section(3, "files", "Files", folded("Every file with its digest", [files]))


def _evidence(report: Report) -> Iterator[Block]:
    if not report.evidence:
        return
    rows: list[tuple[str, ...]] = []
    for row in report.evidence:
        value = "" if row.value is None else f"`{row.value!r}`"
        rows.append((escape(row.number), value, code(row.run), code(row.file), _short(row.sha256)))
    if found := report.verdicts:
        rows += [
            (f"the verdict {run.verdict.verdict}", "", code(run.name), code(found.file), _short(found.sha256))
            for run in report.runs
            if run.verdict
        ]
    yield Table(("number", "value", "run", "file that proves it", "sha256"), "lrlll", tuple(rows))
    yield (
        "A text file is hashed with CRLF read as LF, a JSON artifact by its content, `manifest.json` and "
        "`model.joblib` byte by byte."
    )


def _short(digest: str) -> str:
    return f"`{clean(digest)[:12]}`"


def _commands(report: Report) -> Iterator[Block]:
    made = [Item(f"{code(run.name)}: {made_by(run) if run.command else 'not recorded'}") for run in report.runs]
    yield from folded("How each run was made, as it recorded it", [Items(tuple(made))])
    if report.verify_commands:
        not_verified = "Not verified by this report" if report.verdicts is None else "Not all of them are verified"
        also = ", and to have the verdicts in this report" if len(report.verify_commands) > 1 else ""
        told = f"{not_verified}. To train again and compare{also}:"
        yield from folded("How to verify", [told, Code(report.verify_commands)])


def _environment(run: RunRow) -> str:
    if not run.environment:
        return "not recorded"
    return escape(run.environment) + ("" if run.manifest_sha256 else " (as written, and nothing proves it)")


def _files(run: RunRow) -> Iterator[tuple[str, ...]]:
    digest = f"`{escape(run.manifest_sha256)}`"
    yield code(run.name), "`manifest.json`", *(("read", digest) if run.manifest_sha256 else ("not recorded", "–"))
    for file in run.files:
        yield code(run.name), code(file.name), escape(file.state), f"`{escape(file.sha256)}`"
