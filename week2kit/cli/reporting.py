"""The commands that train nothing: report, runs and schema."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from week2kit.canonical import clean
from week2kit.errors import UsageError

if TYPE_CHECKING:
    from week2kit.reporting.composing import Report
from week2kit.cli.entry import edge
from week2kit.cli.options import AsJson, output_option
from week2kit.cli.terminal import collect_garbage, product, say, say_skipped

Runs = Annotated[
    list[Path],
    typer.Argument(
        help="Run folders, or folders of them; the first is the baseline.", metavar="RUN...", show_default=False
    ),
]
Output = Annotated[
    Path | None,
    output_option("Write to this file; pictures of a Markdown report go beside it."),
]
Form = Annotated[
    Literal["md", "html", "json"] | None,
    typer.Option(
        "--format",
        help="Markdown, one page of HTML with its pictures inside, or the value as JSON; by default what the name "
        "of the file says, else Markdown.",
        show_default=False,
    ),
]
Baseline = Annotated[Path | None, typer.Option(help="The run that the others are compared with.")]
Margin = Annotated[
    float | None,
    typer.Option(min=0, help="A difference of the primary metric that is as good as none: tests equivalence."),
]
OnlyNamed = Annotated[bool, typer.Option("--only-named", help="Do not look at the other runs of the folder.")]
Template = Annotated[Path | None, typer.Option(help="Fill this Jinja2 template instead of ours.", metavar="FILE")]
Verdicts = Annotated[
    Path | None, typer.Option(help="What verify --json printed: the verdict on each run.", metavar="FILE")
]
Full = Annotated[bool, typer.Option("--full", help="Leave out nothing, also beyond 64 KB.")]
CheckFile = Annotated[
    Path | None, typer.Option(help="Hold this edited report against the runs; writes nothing.", metavar="FILE")
]


def report_command(
    runs: Runs,
    output: Output = None,
    form: Form = None,
    baseline: Baseline = None,
    margin: Margin = None,
    only_named: OnlyNamed = False,
    template: Template = None,
    verdicts: Verdicts = None,
    full: Full = False,
    check: CheckFile = None,
) -> None:
    """Compare runs: what changed, what happened, what failed, what next."""
    with edge():
        _refuse_together(
            {"--check": check, "--template": template, "--format": form not in (None, "md")},
            {"--check": check, "-o": output},
            {"--full": full, "--template": template, "--format": form == "json"},
        )
        from week2kit.rendering.files.reports import too_long
        from week2kit.rendering.output import document, kind_of, save
        from week2kit.reporting.composing import report

        collect_garbage()
        result = report(
            runs, baseline=baseline, margin=margin, only_named=only_named, verdicts=verdicts, on_skip=say_skipped
        )
        code = 0
        if check is not None:
            code = _check(result, check)
        else:
            kind = form or (kind_of(output) if output is not None and template is None else "md")
            beside = output is not None and kind == "md" and template is None
            pictures = _drawn(result) if beside or kind == "html" else None
            if output is None:
                sys.stdout.write(document(result, kind, template=template, full=full, pictures=pictures))
            else:
                kept = save(result, output, kind, template=template, full=full, pictures=pictures)
                if kept is not None:
                    say(kept.sentence)
                if beside and not full and (told := too_long(output)):
                    say(told)
                say(f"written: {clean(str(output))}")
        for reason in result.unreadable:
            say(f"error: {reason}")
        raise SystemExit(2 if result.unreadable else code)


def _refuse_together(*groups: dict[str, object]) -> None:
    """Refuse flags of one group that were given together."""
    for group in groups:
        given = [name for name, value in group.items() if value]
        if len(given) > 1:
            raise UsageError(f"report: {' and '.join(given)} do not go together: leave out one of them.")


def _check(result: Report, path: Path) -> int:
    """Print what in a report does not hold, or that all holds; the exit code."""
    from week2kit.rendering.checking import check_report, describe, success

    checked, shown = check_report(result, path), clean(str(path))
    for note in checked.notes:
        say(describe(note, shown))
    product("\n".join(describe(finding, shown) for finding in checked.failures) or success(checked, shown))
    return 1 if checked.failures else 0


def _drawn(result: Report) -> dict[str, str]:
    """The pictures of a report; none where they cannot be drawn, which is said."""
    from week2kit.rendering.output import draw_if_possible

    pictures, problem = draw_if_possible(result)
    if problem:
        say(problem)
    return pictures


def runs_command(
    directories: Annotated[
        list[Path] | None, typer.Argument(help="Run folders, or folders that hold runs.", metavar="[RUN...]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """One line per run: name, status, primary metric, what differs from the first. Without a folder: of runs/."""
    with edge():
        from week2kit.inputs.listing import list_runs, runs_table
        from week2kit.record.store import find_runs
        from week2kit.record.writing import leftovers

        named = directories or [Path("runs")]
        found = find_runs(named)
        for left in (left for directory in named for left in leftovers(directory)):
            say(f"{clean(left.as_posix())}: left by a training that was killed; the next training there removes it.")
        for path in found.skipped:
            say_skipped(path)
        rows = list_runs(found.everything, [path for path, _ in found.unreadable])
        if found.everything or as_json:
            product(json.dumps(rows, indent=2, sort_keys=True, ensure_ascii=False) if as_json else runs_table(rows))
        for _, reason in found.unreadable:
            say(f"error: {reason}")
        raise SystemExit(2 if found.unreadable else 0)


def schema_command(
    document: Annotated[
        Literal["config", "manifest", "report", "verdict"], typer.Argument(help="Which document.", show_default=False)
    ],
) -> None:
    """Print the JSON Schema of a document."""
    from week2kit.rendering.structured import json_schema

    product(json.dumps(json_schema(document), indent=2, sort_keys=True, ensure_ascii=False))
