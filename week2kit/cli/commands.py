"""The app: all commands and what they share."""

from __future__ import annotations

from typing import Annotated

import typer

from week2kit import __version__
from week2kit.cli.reporting import report_command, runs_command, schema_command
from week2kit.cli.terminal import product
from week2kit.cli.training import WithCommand, init_command, train_command
from week2kit.cli.verifying import verify_command

app = typer.Typer(
    name="week2kit",
    help="A reproducibility checker and report generator for scikit-learn training runs.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# in the order of the help
app.command("init")(init_command)
app.command("train", cls=WithCommand, context_settings={"allow_extra_args": True})(train_command)
app.command("verify")(verify_command)
app.command("report")(report_command)
app.command("runs")(runs_command)
app.command("schema")(schema_command)


def _version(value: bool) -> None:
    if value:
        product(f"week2kit {__version__}")
        raise SystemExit(0)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def run_app() -> int:
    """Parse the command line and carry it out; the exit code."""
    try:
        return app(standalone_mode=False) or 0
    except typer.Abort:  # Ctrl-C at a question
        return 130
