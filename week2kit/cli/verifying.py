"""The command verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from week2kit.cli.entry import edge
from week2kit.cli.options import AllowModule, AsJson, MaxDataBytes, given_options, output_option
from week2kit.cli.terminal import collect_garbage
from week2kit.errors import UsageError
from week2kit.thresholds import EFFORT, SCORE_TOLERANCE, VERIFY_TIMEOUT, Accept, Strict

#: Options of verify that another verification of one run needs as well.
_OF_ONE_RUN: Final = (
    *("data", "target", "accept", "strict", "tolerance", "timeout", "effort", "restore", "vary", "repeats", "explain"),
    *("allow_module", "max_data_bytes", "limit", "pass_env", "trust"),
)


Data = Annotated[
    list[Path] | None,
    typer.Option(
        help="The data file, where it is not found beside the run. Of a folder, and of several (repeatable), each run "
        "takes the file with its recorded bytes.",
        metavar="PATH",
    ),
]
Target = Annotated[
    str | None, typer.Option(help="The label column, where a run without a manifest names none.", metavar="COLUMN")
]
MustBe = Annotated[Accept, typer.Option(help="The weakest verdict that passes.")]
MustReach = Annotated[Strict | None, typer.Option(help="Identical must be at least this deep to pass.")]
Tolerance = Annotated[
    float, typer.Option(min=0, help="What is close: a share of each score, or of the median one.", show_default="1e-8")
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, max=64, help="Runs verified at a time.", show_default="one per processor"),
]
Timeout = Annotated[float, typer.Option(min=0.001, help="Seconds that one run may take.", show_default="3600")]
Effort = Annotated[int, typer.Option(min=3, help="Trainings that one run may cost.")]
Restore = Annotated[
    Literal["versions"] | None,
    typer.Option(help="Put back library versions, too, in an environment built for it; not for untrusted runs."),
]
Vary = Annotated[
    str | None,
    typer.Option(
        help="After an identical rerun, vary what should not matter, and tell what holds: all, or some of "
        "threads,cpu,process,jobs,data.",
        metavar="NAMES",
    ),
]
Repeats = Annotated[bool, typer.Option("--repeats", help="Run the recorded repeats again, too.")]
Trust = Annotated[
    bool, typer.Option("--trust", help="Also run commands that were not recorded on this machine: their authors' code.")
]
Explain = Annotated[bool, typer.Option("--explain", help="Tell all: what was tried, what it gave.")]
Output = Annotated[Path | None, output_option("Write the verdicts to this file as JSON, also while they are reached.")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Keep the verdicts that the file of -o holds on the same records, and reach the others."
    ),
]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        help="Change what a training may use: memory=GIB, file=GIB, processes=N; or time=SECONDS of all runs "
        "together. none lifts it.",
        metavar="NAME=VALUE",
        show_default="memory and swap of the machine, 1, 8192, 86400",
    ),
]
PassEnv = Annotated[
    list[str] | None,
    typer.Option(help="Also pass this environment variable on to the trainings.", metavar="NAME"),
]


def verify_command(
    context: typer.Context,
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders, or folders of them.", metavar="RUN...", show_default=False)
    ],
    data: Data = None,
    target: Target = None,
    accept: MustBe = "explained",
    strict: MustReach = None,
    tolerance: Tolerance = SCORE_TOLERANCE,
    jobs: Jobs = None,
    timeout: Timeout = VERIFY_TIMEOUT,
    effort: Effort = EFFORT,
    restore: Restore = None,
    vary: Vary = None,
    repeats: Repeats = False,
    trust: Trust = False,
    explain: Explain = False,
    output: Output = None,
    resume: Resume = False,
    limit: Limit = None,
    pass_env: PassEnv = None,
    allow_module: AllowModule = None,
    max_data_bytes: MaxDataBytes = None,
    as_json: AsJson = False,
) -> None:
    """Run each run again and assert the same outcome; say which layer diverged, and why."""
    with edge():
        from week2kit.cli.verdicts import Shown
        from week2kit.config.project import allowed_modules
        from week2kit.processes.limits import read_limits
        from week2kit.verification.options import exit_code, read_options
        from week2kit.verification.verdict_file import read_known
        from week2kit.verification.verifying import verify_runs

        collect_garbage()
        if resume and output is None:
            raise UsageError("verify: --resume goes on from the file of -o: name it, too.")
        options = read_options(
            data=tuple(data or ()),
            target=target,
            tolerance=tolerance,
            timeout=timeout,
            allow_modules=tuple(dict.fromkeys([*(allow_module or ()), *allowed_modules()])),
            max_data_bytes=max_data_bytes,
            effort=effort,
            restore_versions=restore is not None,
            vary=() if vary is None else tuple(name.strip() for name in vary.split(",")),
            repeats=repeats,
            trust=trust,
            limits=read_limits(limit or [], pass_env or []),
        )
        known = read_known(output) if resume and output is not None else None
        with Shown(output, given_options(context, *_OF_ONE_RUN), explain=explain, as_json=as_json) as shown:
            result = verify_runs(runs, options, jobs=jobs, known=known, events=shown)
        shown.end(result)
        raise SystemExit(exit_code(result, accept, strict))
