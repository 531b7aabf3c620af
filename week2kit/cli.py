"""The command line: parse, one call, print, exit. The product is on standard output, all talk on standard error."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, NoReturn, cast

import typer

from week2kit import __version__
from week2kit.canonical import clean, dump_json
from week2kit.errors import ConfigError, Terminated, UsageError, Week2kitError, refusal
from week2kit.importing import held
from week2kit.processes.streams import lost, take_over
from week2kit.thresholds import REPEATED_SIGNAL

if TYPE_CHECKING:
    from week2kit.record.store import Run
    from week2kit.record.verdict import Verdict, VerdictDocument
    from week2kit.reporting.composing import Report
    from week2kit.starting.init import Survey
    from week2kit.verification.verdict_file import Reached

# pydantic would read the metadata of every installed distribution to look for plugins
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

app = typer.Typer(
    name="week2kit",
    help="A reproducibility checker and report generator for scikit-learn training runs.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Accept(StrEnum):
    """The weakest verdict that passes."""

    identical = "identical"
    explained = "explained"
    close = "close"


class Restore(StrEnum):
    """What else may be put back."""

    versions = "versions"


class Strict(StrEnum):
    """How deep an identical run must be identical."""

    metrics = "metrics"
    predictions = "predictions"
    scores = "scores"
    model = "model"


class Format(StrEnum):
    """What a report is written as."""

    md = "md"
    html = "html"
    json = "json"


class TaskName(StrEnum):
    """What is done with a target."""

    classification = "classification"
    regression = "regression"


class Document(StrEnum):
    """A document with a JSON Schema."""

    config = "config"
    manifest = "manifest"
    report = "report"
    verdict = "verdict"


AllowModule = Annotated[
    list[str] | None,
    typer.Option(help="Also allow estimators of this top-level module; its code is imported.", metavar="MODULE"),
]
MaxDataBytes = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Bytes that the data may have, and unpack to.",
        metavar="BYTES",
        show_default="8 GiB, and 1 GiB unpacked",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def main() -> NoReturn:
    """The entry point: run the command line and exit; a bug of ours ends in a traceback and exit code 70."""
    gc.disable()  # until the imports are done: see _imported
    take_over()
    os.umask(os.umask(0o077) & 0o077)  # whoever makes a file must be able to read it, whatever the umask
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, _once(lambda: Terminated("the process was asked to end")))
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # whoever ignores it goes on doing so
            signal.signal(signal.SIGINT, _once(KeyboardInterrupt))
    try:
        code = app(standalone_mode=False) or 0
    except KeyboardInterrupt:
        code = 130
    except Terminated:
        code = 143
    except Exception as error:
        code = _exit_code_of(error)
    if problem := lost():
        _say(f"error: {problem}")
        code = code if code in (70, 130, 143) else 2
    if code == 130:
        # where the interrupt came while an extension module was imported, Python remembers it, and would end itself by
        # SIGINT in spite of the exit code
        os._exit(code)
    sys.exit(code)


def _product(text: str) -> None:
    sys.stdout.write(text + "\n")


def _file_name(text: str) -> Path:
    """The file that -o names; a path would forget that its name ended as one of a folder."""
    if not text or text.endswith(("/", os.sep)):
        raise typer.BadParameter(f'expected the name of a file, got "{clean(text)}".')
    return Path(text)


def _recordable(argument: str) -> str:
    """An argument as text that can be written: bytes that are no UTF-8 arrive as halves of surrogate pairs."""
    return os.fsencode(argument).decode("utf-8", "replace")


def _imported() -> None:
    """Take up collecting garbage, leaving out the modules: they live as long as the process does.

    Looking through a hundred thousand objects of scikit-learn again and again is a fifth of a small training.
    """
    gc.freeze()
    gc.enable()


def _exit_code_of(error: Exception) -> int:
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # a wrong flag, as the parser says it
        error.show()
        return int(error.exit_code)
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, typer.Abort):
        return 130
    if told := refusal(error):
        _say(f"error: {told}")
        return 2
    import traceback

    traceback.print_exc()
    _say("This is a bug in week2kit: please report it with the lines above.")
    return 70


def _once(error: Callable[[], BaseException]) -> Callable[[int, object], None]:
    """A handler that raises an error, and none again within a moment: the first is still being recorded."""
    last = -REPEATED_SIGNAL

    def handle(signum: int, frame: object) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before >= REPEATED_SIGNAL:
            raise error()

    return handle


@contextlib.contextmanager
def _edge(name: str | None = None) -> Iterator[None]:
    """Turn our own errors into a sentence and an exit code, once, where they leave."""
    try:
        yield
    except ConfigError as error:
        own = [
            problem if problem.startswith("--set") or not name else f"{name}: {problem}" for problem in error.problems
        ]
        _fail("\n".join(own))
    except Week2kitError as error:
        _fail(str(error), getattr(error, "hint", ""))
    except KeyboardInterrupt:
        _say("Interrupted.")
        raise typer.Exit(130) from None
    except Terminated:
        _say("Terminated.")
        raise typer.Exit(143) from None


def _fail(message: str, hint: str = "") -> NoReturn:
    _say(f"error: {message}")
    if hint:
        _say(f"  try: {hint}")
    raise typer.Exit(2)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _say_skipped(path: Path) -> None:
    from week2kit.record.store import runs_below

    deeper = runs_below(path)
    _say(f"{clean(path.as_posix())}: skipped, it holds no manifest.json{f': {deeper}' if deeper else ''}.")


def _version(value: bool) -> None:
    if value:
        _product(f"week2kit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


# --- init -------------------------------------------------------------------------------------------------------


@app.command("init")
def _init(
    data: Annotated[Path, typer.Argument(help="A table: .csv, .tsv or .parquet.", metavar="DATA", show_default=False)],
    target: Annotated[
        str | None, typer.Option(help="The column to be predicted; asked for on a terminal.", metavar="COLUMN")
    ] = None,
    task: Annotated[
        TaskName | None,
        typer.Option(
            help="Whether the target is classes or an amount; by default its values tell.", show_default=False
        ),
    ] = None,
    output_dir: Annotated[Path, typer.Option(help="The folder that the two configs are written to.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Look at a table, and write a baseline config and a variant of it that changes one thing."""
    with _edge():
        from week2kit.starting.init import start
        from week2kit.starting.sentences import describe_note, document, page_lines, survey_lines

        asked = not as_json and target is None and sys.stdin.isatty() and sys.stderr.isatty()
        begun = start(
            data,
            target=target,
            task=task.value if task else None,
            directory=output_dir,
            ask=_ask_target if asked else None,
        )
    if as_json:
        _product(json.dumps(document(begun), indent=2, sort_keys=True, ensure_ascii=False))
        return
    lines = page_lines(begun)
    _product("\n".join(lines if asked else [*survey_lines(begun.survey, _width()), *lines]))
    for note in begun.notes:
        _say(f"warning {note.code}: {describe_note(note)}")
    _say(f"written: {', '.join(clean(str(path)) for path in begun.files)}")


def _ask_target(survey: Survey) -> str:
    """Show the table, and ask for the column to be predicted until it is one of its columns."""
    from week2kit.starting.init import find_column
    from week2kit.starting.sentences import survey_lines

    _product("\n".join(survey_lines(survey, _width())) + "\n")
    likely = survey.likely_target
    shown = clean(likely, 60)  # the prompt itself would show it as it is
    question = f"Which column is to be predicted? (Enter takes the one in brackets) [{shown}]"
    while True:
        name: str = typer.prompt(question, default=likely, show_default=False, err=True)
        try:
            return find_column(survey, name).name
        except UsageError as error:
            _say(str(error))


def _width() -> int:
    """How wide a table may be: only a terminal has a width."""
    from shutil import get_terminal_size

    return get_terminal_size().columns if sys.stdout.isatty() else 100


# --- train ------------------------------------------------------------------------------------------------------


@app.command("train")
def _train(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="A JSON or TOML config.", metavar="CONFIG", show_default=False)],
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
    as_json: AsJson = False,
) -> None:
    """Split, train, evaluate, save: with a record of everything that made the result."""
    with _edge(config.name):
        from week2kit.training.recording import train

        command = shlex.join(["week2kit", *map(_recordable, sys.argv[1:])])
        with _own_stdout():
            run = train(
                config,
                set=map(_recordable, assignments or []),
                seed=seed,
                repeats=repeats,
                name=name,
                runs_dir=runs_dir,
                allow_modules=allow_module or [],
                max_data_bytes=max_data_bytes,
                command=command,
                on_stage=_stage_line(as_json),
            )
    if as_json:
        sys.stdout.write(_manifest_text(run))
    else:
        from week2kit.sentences.training import Given, run_lines

        given = [Given("--set", _recordable(assignment)) for assignment in assignments or []]
        given += [Given("--seed", f"seed={seed}")] if seed is not None else []
        given += [Given("--repeats", f"repeats={repeats}")] if repeats is not None else []
        product, talk = run_lines(run, config.name, given, _flags(context, "allow_module", "max_data_bytes"))
        _product("\n".join(product))
        _say("\n".join(talk))
    raise typer.Exit(0 if run.manifest.status == "completed" else 1)


def _flags(context: typer.Context, *names: str) -> list[str]:
    """The options that were given, of those with these names, as words."""
    words: list[str] = []
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            value = context.params[parameter.name]
            option = max(parameter.opts, key=len)
            for one in value if isinstance(value, list | tuple) else [value]:
                words += [option] if one is True else [option, str(getattr(one, "value", one))]
    return words


#: Options of verify that another verification of one run needs as well.
_OF_ONE_RUN: Final = (
    *("data", "target", "accept", "strict", "tolerance", "timeout", "effort", "restore", "vary", "repeats", "explain"),
    *("allow_module", "max_data_bytes", "limit", "pass_env"),
)


def _manifest_text(run: Run) -> str:
    return (run.path / "manifest.json").read_text(encoding="utf-8")


def _watched() -> bool:
    """Whether a person watches standard error on a terminal that can take a line back."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _stage_line(quiet: bool) -> Callable[[str], None]:
    """Tell the stages as they begin, where a person watches; scikit-learn is imported before the stage load."""
    watched = _watched() and not quiet

    def tell(stage: str) -> None:
        if stage == "load":
            _imported()
        if watched:
            end = "\r\x1b[K" if stage == "save" else ""
            print(f"\r\x1b[K{stage} ...", end=end, file=sys.stderr, flush=True)

    return tell


@contextlib.contextmanager
def _own_stdout() -> Iterator[None]:
    """Send what libraries print (``verbose=1``, from C) to standard error: standard output is ours."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:
        yield
        return
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


# --- verify -----------------------------------------------------------------------------------------------------


@app.command("verify")
def _verify(
    context: typer.Context,
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders, or folders of them.", metavar="RUN...", show_default=False)
    ],
    data: Annotated[Path | None, typer.Option(help="The data file, where it is not found beside the run.")] = None,
    target: Annotated[
        str | None,
        typer.Option(help="The label column, where a run without a manifest names none.", metavar="COLUMN"),
    ] = None,
    accept: Annotated[Accept, typer.Option(help="The weakest verdict that passes.")] = Accept.explained,
    strict: Annotated[Strict | None, typer.Option(help="Identical must be at least this deep to pass.")] = None,
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
        Restore | None,
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
        typer.Option(
            "-o",
            "--output",
            parser=_file_name,
            metavar="FILE",
            help="Write the verdicts to this file as JSON, also while they are reached.",
        ),
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
    with _edge():
        from week2kit.processes.limits import read_limits
        from week2kit.thresholds import EFFORT, SCORE_TOLERANCE, VERIFY_TIMEOUT
        from week2kit.verification.verdict_file import Reached, read_known
        from week2kit.verification.verifying import exit_code, verify

        _imported()
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
                restore_versions=restore is Restore.versions,
                repeats=repeats,
                limits=read_limits(limit or [], pass_env or []),
                vary=[] if vary is None else [name.strip() for name in vary.split(",")],
                known=known,
                on_found=reached.found,
                on_begin=_begin_line(as_json),
                on_trial=_trial_line(as_json),
                on_reached=lambda verdict: _reached_line(reached.add(verdict), as_json),
                on_verdict=lambda verdict: _verdict_lines(
                    verdict, _flags(context, *_OF_ONE_RUN), explain=explain, quiet=as_json
                ),
                on_skip=_say_skipped,
            )
        if not as_json and len(result.runs) > 1:
            _product(", ".join(f"{count} {name}" for name, count in result.summary.items()))
        _say_bugs(result)
        raise typer.Exit(exit_code(result, accept.value, strict.value if strict else None))


def _say_bugs(result: VerdictDocument) -> None:
    from week2kit.verification.verifying import bugs

    for run, traceback in bugs(result):
        _say(f"{run}: {traceback}\nThis is a bug in week2kit: please report it with the lines above.")


@contextlib.contextmanager
def _kept(reached: Reached, printed: bool) -> Iterator[None]:
    """Give out the verdicts that were reached, also where an interrupt ends the verification before its last one."""
    try:
        yield
    finally:
        with held():
            if reached.begun is not None and printed:
                _product(dump_json(reached.document().model_dump(mode="json")).rstrip("\n"))
            reached.save()
        if reached.begun is not None and reached.output is not None:
            _say(f"written: {clean(str(reached.output))}")


def _reached_line(line: str, as_json: bool) -> None:
    if as_json:
        _say(line)


def _begin_line(quiet: bool) -> Callable[[str], None]:
    if quiet or not _watched():
        return lambda name: None
    return lambda name: print(f"{name} ...", end="\r", file=sys.stderr, flush=True)


def _trial_line(quiet: bool) -> Callable[[str, str, Sequence[tuple[str, object]]], None]:
    """A running account of what is being tried, on a terminal."""
    if quiet or not _watched():
        return lambda name, kind, factors: None

    def show(name: str, kind: str, factors: Sequence[tuple[str, object]]) -> None:
        from shutil import get_terminal_size

        from week2kit.sentences.account import describe_attempt

        line = f"{name}: {describe_attempt(kind, factors)} ..."
        print(f"\x1b[K{line[: get_terminal_size().columns - 1]}", end="\r", file=sys.stderr, flush=True)

    return show


def _verdict_lines(verdict: Verdict, flags: list[str], *, explain: bool, quiet: bool) -> None:
    from week2kit.sentences.variations import variation_lines
    from week2kit.sentences.verdicts import describe_verdict, next_command, short_verdict

    lines = describe_verdict(verdict) if explain else short_verdict(verdict)
    if verdict.verdict is None:
        _say(f"error: {lines[0]}")
        return
    if quiet:
        return
    if _watched():
        sys.stderr.write("\x1b[K")
    if explain:
        _account_tree(verdict, lines[0])
    else:
        _product("\n    ".join([f"{verdict.run}  {lines[0]}", *lines[1:], *variation_lines(verdict)]))
    if command := next_command(verdict, flags):
        _say(f"next: {command}")


def _account_tree(verdict: Verdict, title: str) -> None:
    from io import StringIO
    from shutil import get_terminal_size

    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    from week2kit.sentences.account import account

    tree = Tree(Text(f"{verdict.run}  {title}"))
    for part, entries in account(verdict):
        branch = tree.add(Text(part))
        for entry in entries:
            branch.add(Text(entry))
    # only a terminal has a width; elsewhere a line is a line
    width, height = get_terminal_size() if sys.stdout.isatty() else (10_000, 100)
    console = Console(
        file=StringIO(), force_terminal=False, width=width, height=height, color_system=None, highlight=False
    )
    with console.capture() as told:
        console.print(tree)
    sys.stdout.write(told.get())


# --- report, runs, schema ---------------------------------------------------------------------------------------


@app.command("report")
def _report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Run folders, or folders of them; the first is the baseline.", metavar="RUN...", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            parser=_file_name,
            metavar="FILE",
            help="Write to this file; pictures of a Markdown report go beside it.",
        ),
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="Markdown, one page of HTML with its pictures inside, or the value as JSON; by default what the name "
            "of the file says, else Markdown.",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="The run that the others are compared with.")] = None,
    margin: Annotated[
        float | None,
        typer.Option(min=0, help="A difference of the primary metric that is as good as none: tests equivalence."),
    ] = None,
    only_named: Annotated[
        bool, typer.Option("--only-named", help="Do not look at the other runs of the folder.")
    ] = False,
    template: Annotated[
        Path | None, typer.Option(help="Fill this Jinja2 template instead of ours.", metavar="FILE")
    ] = None,
    verdicts: Annotated[
        Path | None, typer.Option(help="What verify --json printed: the verdict on each run.", metavar="FILE")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Leave out nothing, also beyond 64 KB.")] = False,
    check: Annotated[
        Path | None, typer.Option(help="Hold this edited report against the runs; writes nothing.", metavar="FILE")
    ] = None,
) -> None:
    """Compare runs: what changed, what happened, what failed, what next."""
    with _edge():
        _refuse_together(
            {"--check": check, "--template": template, "--format": form not in (None, Format.md)},
            {"--check": check, "-o": output},
            {"--full": full, "--template": template, "--format": form is Format.json},
        )
        from week2kit.rendering.document import document, kind_of, save
        from week2kit.rendering.files.reports import too_long
        from week2kit.reporting.composing import report

        _imported()
        result = report(
            runs, baseline=baseline, margin=margin, only_named=only_named, verdicts=verdicts, on_skip=_say_skipped
        )
        code = 0
        if check is not None:
            code = _check(result, check)
        else:
            kind = form.value if form else kind_of(output) if output is not None and template is None else "md"
            beside = output is not None and kind == "md" and template is None
            pictures = _drawn(result) if beside or kind == "html" else None
            if output is None:
                sys.stdout.write(document(result, kind, template=template, full=full, pictures=pictures))
            else:
                kept = save(result, output, kind, template=template, full=full, pictures=pictures)
                if kept is not None:
                    _say(kept.sentence)
                if beside and not full and (told := too_long(output)):
                    _say(told)
                _say(f"written: {clean(str(output))}")
        for reason in result.unreadable:
            _say(f"error: {reason}")
        raise typer.Exit(2 if result.unreadable else code)


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
        _say(describe(note, shown))
    _product("\n".join(describe(finding, shown) for finding in checked.failures) or success(checked, shown))
    return 1 if checked.failures else 0


def _drawn(result: Report) -> dict[str, str]:
    """The pictures of a report; none where they cannot be drawn, which is said."""
    from week2kit.rendering.document import draw_if_possible

    pictures, problem = draw_if_possible(result)
    if problem:
        _say(problem)
    return pictures


@app.command("runs")
def _runs(
    directories: Annotated[
        list[Path] | None, typer.Argument(help="Run folders, or folders that hold runs.", metavar="[RUN...]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """One line per run: name, status, primary metric, what differs from the first. Without a folder: of runs/."""
    with _edge():
        from week2kit.inputs.listing import list_runs, runs_table
        from week2kit.record.finding import find_runs
        from week2kit.record.writing import leftovers

        named = directories or [Path("runs")]
        found = find_runs(named)
        for left in (left for directory in named for left in leftovers(directory)):
            _say(f"{clean(left.as_posix())}: left by a training that was killed; the next training there removes it.")
        for path in found.skipped:
            _say_skipped(path)
        rows = list_runs(found.everything, [path for path, _ in found.unreadable])
        if found.everything or as_json:
            _product(json.dumps(rows, indent=2, sort_keys=True, ensure_ascii=False) if as_json else runs_table(rows))
        for _, reason in found.unreadable:
            _say(f"error: {reason}")
        raise typer.Exit(2 if found.unreadable else 0)


@app.command("schema")
def _schema(document: Annotated[Document, typer.Argument(help="Which document.", show_default=False)]) -> None:
    """Print the JSON Schema of a document."""
    if document is Document.report:
        from week2kit.rendering.structured import report_schema

        schema = report_schema()
    else:
        from week2kit.rendering.schemas import json_schema

        schema = json_schema(cast("Literal['config', 'manifest', 'verdict']", document.value))
    _product(json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False))


if __name__ == "__main__":
    main()
