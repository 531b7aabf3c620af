"""The commands that lead to a run: init and train."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from typer.core import TyperCommand

from week2kit.canonical import clean
from week2kit.errors import UsageError

if TYPE_CHECKING:
    from week2kit.record.store import Run
    from week2kit.starting.survey import Survey
    from week2kit.training.command import Asked
from week2kit.cli.entry import edge
from week2kit.cli.options import AllowModule, AsJson, MaxDataBytes, given_options, recordable
from week2kit.cli.terminal import own_stdout, product, say, stage_line, table_width


def init_command(
    data: Annotated[Path, typer.Argument(help="A table: .csv, .tsv or .parquet.", metavar="DATA", show_default=False)],
    target: Annotated[
        str | None, typer.Option(help="The column to be predicted; asked for on a terminal.", metavar="COLUMN")
    ] = None,
    task: Annotated[
        Literal["classification", "regression"] | None,
        typer.Option(
            help="Whether the target is classes or an amount; by default its values tell.", show_default=False
        ),
    ] = None,
    output_dir: Annotated[Path, typer.Option(help="The folder that the two configs are written to.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Look at a table, and write a baseline config and a variant of it that changes one thing."""
    with edge():
        from week2kit.starting.init import start
        from week2kit.starting.sentences import describe, document, page_lines, survey_lines

        asked = not as_json and target is None and sys.stdin.isatty() and sys.stderr.isatty()
        begun = start(
            data,
            target=target,
            task=task,
            directory=output_dir,
            ask=_ask_target if asked else None,
        )
    if as_json:
        product(json.dumps(document(begun), indent=2, sort_keys=True, ensure_ascii=False))
        return
    lines = page_lines(begun)
    product("\n".join(lines if asked else [*survey_lines(begun.survey, table_width()), *lines]))
    for note in begun.notes:
        say(f"warning {note.code}: {describe(note)}")
    say(f"written: {', '.join(clean(str(path)) for path in begun.files)}")


def _ask_target(survey: Survey) -> str:
    """Show the table, and ask for the column to be predicted until it is one of its columns."""
    from week2kit.starting.init import find_column
    from week2kit.starting.sentences import survey_lines

    product("\n".join(survey_lines(survey, table_width())) + "\n")
    likely = survey.likely_target
    shown = clean(likely, 60)  # the prompt itself would show it as it is
    question = f"Which column is to be predicted? (Enter takes the one in brackets) [{shown}]"
    while True:
        name: str = typer.prompt(question, default=likely, show_default=False, err=True)
        try:
            return find_column(survey, name).name
        except UsageError as error:
            say(str(error))


class WithCommand(TyperCommand):
    """A command of the line that takes another one behind ``--``, word for word."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep what stands behind the first ``--`` for the one who asks for it."""
        if "--" in args:
            place = args.index("--")
            ctx.meta[_COMMAND] = args[place + 1 :]
            args = args[:place]
        return list(super().parse_args(ctx, args))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line, which has both forms."""
        return ["[OPTIONS] CONFIG | [OPTIONS] -- COMMAND..."]


_COMMAND: Final = "week2kit.command"
#: What nobody calls a config.
_SCRIPTS: Final = frozenset({".py"})


def train_command(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Argument(help="A JSON or TOML config.", metavar="CONFIG", show_default=False)
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Override a key: --set model.params.max_iter=1000 (repeatable).", metavar="KEY=VALUE"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Replace the config's seed, wherever it went.")] = None,
    repeats: Annotated[
        int | None,
        typer.Option(help="Train so many times again, each with the next seed, and record how far the metrics move."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The run folder's name; default: UTC time and a random suffix.")
    ] = None,
    runs_dir: Annotated[Path, typer.Option(help="The folder that holds the runs.")] = Path("runs"),
    allow_module: AllowModule = None,
    max_data_bytes: MaxDataBytes = None,
    metrics: Annotated[
        str | None, typer.Option(help="Of a command: the JSON file that it writes its metrics to.", metavar="FILE")
    ] = None,
    predictions: Annotated[
        str | None,
        typer.Option(help="Of a command: its table with the columns y_true and y_pred.", metavar="FILE"),
    ] = None,
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="Of a command: a file that it reads (repeatable).", metavar="PATH"),
    ] = None,
    seed_flag: Annotated[
        str | None,
        typer.Option(help="Of a command: the flag of its seed, if it is not --seed or --random-state.", metavar="FLAG"),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Of a command: seconds after which it is ended.", min=0.001)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Split, train, evaluate, save: with a record of everything that made the result.

    Behind -- stands any command that trains: week2kit train -- python train.py --seed 1
    """
    command = context.meta.get(_COMMAND)
    of_config = given_options(context, "assignments", "seed", "repeats", "allow_module", "max_data_bytes")
    of_command = given_options(context, "metrics", "predictions", "inputs", "seed_flag", "timeout")
    if command is None and config is None:
        raise typer.BadParameter("expected a config, or a command behind --: week2kit train -- python train.py")
    if command is None and config is not None and (context.args or config.suffix in _SCRIPTS):
        words = [str(config), *context.args]
        typed = clean(shlex.join(words if context.args else ["python", *words]), 200)
        said = "expected one config" if context.args else f"{clean(str(config), 100)} is no config"
        raise typer.BadParameter(f"{said}. To run a command, write -- before it: week2kit train -- {typed}")
    if command is not None and config is not None:
        raise typer.BadParameter(f"expected a config or a command, got both: {clean(str(config))} stands before --.")
    if wrong := (of_command if command is None else of_config):
        raise typer.BadParameter(f"{wrong[0]} is for {'a command' if command is None else 'a config'}.")
    if command is not None:
        from week2kit.training.command import Asked
        from week2kit.training.gathering import Named

        named = Named(metrics, predictions)
        asked = Asked([*map(recordable, command)], inputs or (), (), named, seed_flag, timeout)
        _record(asked, name, runs_dir, as_json=as_json)
        return
    assert config is not None
    with edge(config.name):
        from week2kit.config.project import allowed_modules
        from week2kit.training.recording import train

        command = shlex.join(["week2kit", *map(recordable, sys.argv[1:])])
        files: list[Path] = []
        with own_stdout():
            run = train(
                config,
                set=map(recordable, assignments or []),
                seed=seed,
                repeats=repeats,
                name=name,
                runs_dir=runs_dir,
                allow_modules=[*(allow_module or ()), *allowed_modules()],
                max_data_bytes=max_data_bytes,
                command=command,
                on_stage=stage_line(as_json),
                on_data=files.append,
            )
    if as_json:
        sys.stdout.write((run.path / "manifest.json").read_text(encoding="utf-8"))
    else:
        from week2kit.sentences.training import Given, run_lines

        given = [Given("--set", recordable(assignment)) for assignment in assignments or []]
        given += [Given("--seed", f"seed={seed}")] if seed is not None else []
        given += [Given("--repeats", f"repeats={repeats}")] if repeats is not None else []
        needed = [*given_options(context, "allow_module", "max_data_bytes"), *_data_flag(run, files)]
        facts, talk = run_lines(run, config.name, given, needed)
        product("\n".join(facts))
        say("\n".join(talk))
    raise typer.Exit(0 if run.manifest.status == "completed" else 1)


def _record(asked: Asked, name: str | None, runs_dir: Path, *, as_json: bool) -> None:
    """Run a command and tell of its record; standard output is the command's own, unless JSON is asked for."""
    from week2kit.sentences.training import command_lines
    from week2kit.training.command import train_command as recorded

    streams = {"stdout": sys.stderr if as_json else sys.stdout, "stderr": sys.stderr}

    def pass_on(stream: str, data: bytes) -> None:
        streams[stream].buffer.write(data)
        streams[stream].buffer.flush()

    with edge():
        command = shlex.join(["week2kit", *map(recordable, sys.argv[1:])])
        run = recorded(asked, name=name, runs_dir=runs_dir, command=command, on_output=pass_on)
    if as_json:
        sys.stdout.write((run.path / "manifest.json").read_text(encoding="utf-8"))
    else:
        say("\n".join(command_lines(run)))
    raise typer.Exit(0 if run.manifest.status == "completed" else 1)


def _data_flag(run: Run, files: list[Path]) -> list[str]:
    """The flag by which verify finds the data where it would not without, as words: no home to note their place in."""
    from week2kit.record.places import leads_back

    data = run.manifest.inputs.data
    read = zip(data.files if data is not None else (), files, strict=False)
    return [word for one, file in read if not leads_back(run, one, file) for word in ("--data", file.as_posix())]
