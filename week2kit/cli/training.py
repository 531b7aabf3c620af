"""The commands that lead to a run: init and train."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from typer.core import TyperCommand

from week2kit.canonical import clean
from week2kit.errors import UsageError

if TYPE_CHECKING:
    from week2kit.record.store import Run
    from week2kit.starting.survey import Survey
from week2kit.cli.entry import edge
from week2kit.cli.options import AllowModule, AsJson, MaxDataBytes, given_options
from week2kit.cli.running import product_of, run_command, tell_command, typed_line
from week2kit.cli.terminal import own_stdout, product, recordable, say, stage_line, table_width


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
        typer.Option(help="Train so many times more, each with the next seed, and record how far the metrics move."),
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
        typer.Option(
            "--input", help="Of a command: a file that it reads, or a folder of such (repeatable).", metavar="PATH"
        ),
    ] = None,
    seed_flag: Annotated[
        str | None,
        typer.Option(help="Of a command: the flag of its seed, if it is not --seed or --random-state.", metavar="FLAG"),
    ] = None,
    outputs: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            help="Of a command: a file or folder that it writes outside of the working directory, or in a folder of "
            "tools (repeatable).",
            metavar="PATH",
        ),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(help="Run the command of this stage of dvc.yaml, or entry point of MLproject.", metavar="NAME"),
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
    with edge():
        trains = _check_options(context, config, command, stage)
    options: dict[str, Any] = {"repeats": repeats, "name": name, "runs_dir": runs_dir}
    of_config: dict[str, Any] = {"set": [*map(recordable, assignments or ())], "seed": seed}
    if not trains:
        from week2kit.record.manifest import FailedRun

        paths = {"inputs": inputs or (), "outputs": outputs or (), "metrics": metrics, "predictions": predictions}
        options |= paths | {"command": command, "stage": stage, "seed_flag": seed_flag, "timeout": timeout}
        run = run_command(config, as_json=as_json, **options, **of_config)
        if isinstance(run.manifest, FailedRun):  # its config is wrong, so it was recorded as any other
            raise SystemExit(_tell(context, run, as_json))
        raise SystemExit(tell_command(run, as_json))
    files: list[Path] = []
    with edge(config.name if config else None):
        from week2kit.config.project import allowed_modules
        from week2kit.training.door import train

        with own_stdout():
            run = train(
                config,
                **options,
                **of_config,
                allow_modules=[*(allow_module or ()), *allowed_modules()],
                max_data_bytes=max_data_bytes,
                typed=typed_line(),
                on_stage=stage_line(as_json),
                on_data=files.append,
            )
    raise SystemExit(_tell(context, run, as_json, files))


def _check_options(context: typer.Context, config: Path | None, command: list[str] | None, stage: str | None) -> bool:
    """Whether a model of scikit-learn is trained; else a command, which has other options.

    Raises:
        BadParameter: not exactly one thing is to be run, or an option is for another kind of it.
        UsageError: the config cannot be read.
    """
    given = {"a config": config, "--stage": stage, "a command behind --": command}
    named = [name for name, value in given.items() if value is not None]
    if not named:
        raise typer.BadParameter("expected a config, or a command behind --: week2kit train -- python train.py")
    if len(named) > 1:
        raise typer.BadParameter(f"expected a config, --stage, or a command behind --; got {' and '.join(named)}.")
    if config is None:
        if wrong := given_options(context, "assignments", "seed", "allow_module", "max_data_bytes"):
            raise typer.BadParameter(f"{wrong[0]} is for a config.")
        return False
    if context.args or config.suffix in _SCRIPTS:
        words = [str(config), *context.args]
        typed = clean(shlex.join(words if context.args else ["python", *words]), 200)
        said = "expected one config" if context.args else f"{clean(str(config), 100)} is no config"
        raise typer.BadParameter(f"{said}. To run a command, write -- before it: week2kit train -- {typed}")
    from week2kit.config.command import is_command
    from week2kit.training.requests import read_config

    trains = not is_command(read_config(config))
    if wrong := given_options(context, "metrics", "predictions", "inputs", "outputs", "seed_flag", "timeout"):
        keys = "" if trains else "; this config has keys for it"
        raise typer.BadParameter(f"{wrong[0]} is for a command behind --, or for --stage{keys}.")
    if not trains and (wrong := given_options(context, "allow_module", "max_data_bytes")):
        raise typer.BadParameter(f"{wrong[0]} is for a config of a model, and this one is of a command.")
    return trains


def _tell(context: typer.Context, run: Run, as_json: bool, files: Sequence[Path] = ()) -> int:
    """Tell of the run of a config; the exit code."""
    from week2kit.sentences.training import Given, run_lines

    code = 0 if run.manifest.status == "completed" else 1
    if as_json:
        product_of(run)
        return code
    asked = context.params
    given = [Given("--set", recordable(assignment)) for assignment in asked["assignments"] or []]
    given += [Given(f"--{key}", f"{key}={asked[key]}") for key in ("seed", "repeats") if asked[key] is not None]
    needed = [*given_options(context, "allow_module", "max_data_bytes"), *_data_flag(run, files)]
    facts, talk = run_lines(run, asked["config"].name, given, needed)
    product("\n".join(facts))
    say("\n".join(talk))
    return code


def _data_flag(run: Run, files: Sequence[Path]) -> list[str]:
    """The flag by which verify finds the data where it would not without, as words: no home to note their place in."""
    from week2kit.record.places import leads_back

    data = run.manifest.inputs.data
    read = zip(data.files if data is not None else (), files, strict=False)
    return [word for one, file in read if not leads_back(run, one, file) for word in ("--data", file.as_posix())]
