"""The command line: parse, one call, print, exit. The product is on standard output, all talk on standard error."""

from week2kit.cli.entry import app, main
from week2kit.cli.reporting import report_command, runs_command, schema_command
from week2kit.cli.training import WithCommand, init_command, train_command
from week2kit.cli.verifying import verify_command

__all__ = ["app", "main"]

# in the order of the help
app.command("init")(init_command)
app.command("train", cls=WithCommand, context_settings={"allow_extra_args": True})(train_command)
app.command("verify")(verify_command)
app.command("report")(report_command)
app.command("runs")(runs_command)
app.command("schema")(schema_command)
