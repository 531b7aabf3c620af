"""The command verify."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from week2kit.canonical import clean, dump_json
from week2kit.errors import UsageError
from week2kit.importing import held

if TYPE_CHECKING:
    from week2kit.record.verdict import VerdictDocument
    from week2kit.verification.verdict_file import Reached
from week2kit.cli.entry import edge
from week2kit.cli.options import AllowModule, AsJson, MaxDataBytes, given_options, output_option
from week2kit.cli.terminal import begin_line, collect_garbage, product, say, say_skipped, show_verdict, trial_line

#: Options of verify that another verification of one run needs as well.
_OF_ONE_RUN: Final = (
    *("data", "target", "accept", "strict", "tolerance", "timeout", "effort", "restore", "vary", "repeats", "explain"),
    *("allow_module", "max_data_bytes", "limit", "pass_env"),
)


def verify_command(
    context: typer.Context,
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders, or folders of them.", metavar="RUN...", show_default=False)
    ],
    data: Annotated[Path | None, typer.Option(help="The data file, where it is not found beside the run.")] = None,
    target: Annotated[
        str | None,
        typer.Option(help="The label column, where a run without a manifest names none.", metavar="COLUMN"),
    ] = None,
    accept: Annotated[
        Literal["identical", "explained", "close"], typer.Option(help="The weakest verdict that passes.")
    ] = "explained",
    strict: Annotated[
        Literal["metrics", "predictions", "scores", "model"] | None,
        typer.Option(help="Identical must be at least this deep to pass."),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="What is close: a share of each score, or of the median one.", show_default="1e-8"),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, max=64, help="Runs verified at a time.", show_default="one per processor"),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds that one run may take.", show_default="3600")
    ] = None,
    effort: Annotated[
        int | None, typer.Option(min=3, help="Trainings that one run may cost.", show_default="12")
    ] = None,
    restore: Annotated[
        Literal["versions"] | None,
        typer.Option(help="Put back library versions, too, in an environment built for it; not for untrusted runs."),
    ] = None,
    vary: Annotated[
        str | None,
        typer.Option(
            help="After an identical rerun, vary what should not matter, and tell what holds: all, or some of "
            "threads,cpu,process,jobs,data.",
            metavar="NAMES",
        ),
    ] = None,
    repeats: Annotated[
        bool, typer.Option("--repeats", help="Train the recorded repeats with other seeds again, too.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Tell all: what was tried, what it gave.")] = False,
    output: Annotated[
        Path | None,
        output_option("Write the verdicts to this file as JSON, also while they are reached."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Keep the verdicts that the file of -o holds on the same records, and reach the others."
        ),
    ] = False,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            help="Change what a training may use: memory=GIB, file=GIB, processes=N; or time=SECONDS of all runs "
            "together. none lifts it.",
            metavar="NAME=VALUE",
            show_default="memory and swap of the machine, 1, 8192, 86400",
        ),
    ] = None,
    pass_env: Annotated[
        list[str] | None,
        typer.Option(help="Also pass this environment variable on to the trainings.", metavar="NAME"),
    ] = None,
    allow_module: AllowModule = None,
    max_data_bytes: MaxDataBytes = None,
    as_json: AsJson = False,
) -> None:
    """Run each run again and assert the same outcome; say which layer diverged, and why."""
    with edge():
        from week2kit.processes.limits import read_limits
        from week2kit.thresholds import EFFORT, SCORE_TOLERANCE, VERIFY_TIMEOUT
        from week2kit.verification.options import exit_code
        from week2kit.verification.verdict_file import Reached, read_known
        from week2kit.verification.verifying import verify

        collect_garbage()
        if resume and output is None:
            raise UsageError("verify: --resume goes on from the file of -o: name it, too.")
        known = read_known(output) if resume and output is not None else None
        reached = Reached(output)
        with _kept(reached, as_json and output is None):
            result = verify(
                *runs,
                data=data,
                target=target,
                tolerance=SCORE_TOLERANCE if tolerance is None else tolerance,
                timeout=VERIFY_TIMEOUT if timeout is None else timeout,
                jobs=jobs,
                allow_modules=allow_module or [],
                max_data_bytes=max_data_bytes,
                effort=EFFORT if effort is None else effort,
                restore_versions=restore is not None,
                repeats=repeats,
                limits=read_limits(limit or [], pass_env or []),
                vary=[] if vary is None else [name.strip() for name in vary.split(",")],
                known=known,
                on_found=reached.found,
                on_begin=begin_line(as_json),
                on_trial=trial_line(as_json),
                on_reached=lambda verdict: _reached_line(reached.add(verdict), as_json),
                on_verdict=lambda verdict: show_verdict(
                    verdict, given_options(context, *_OF_ONE_RUN), explain=explain, quiet=as_json
                ),
                on_skip=say_skipped,
            )
        if not as_json and len(result.runs) > 1:
            product(", ".join(f"{count} {name}" for name, count in result.summary.items()))
        _say_bugs(result)
        raise typer.Exit(exit_code(result, accept, strict))


def _say_bugs(result: VerdictDocument) -> None:
    from week2kit.verification.options import bugs

    for run, traceback in bugs(result):
        say(f"{run}: {traceback}\nThis is a bug in week2kit: please report it with the lines above.")


@contextlib.contextmanager
def _kept(reached: Reached, printed: bool) -> Iterator[None]:
    """Give out the verdicts that were reached, also where an interrupt ends the verification before its last one."""
    try:
        yield
    finally:
        with held():
            if reached.begun is not None and printed:
                product(dump_json(reached.document().model_dump(mode="json")).rstrip("\n"))
            reached.save()
        if reached.begun is not None and reached.output is not None:
            say(f"written: {clean(str(reached.output))}")


def _reached_line(line: str, as_json: bool) -> None:
    if as_json:
        say(line)
