"""Verify runs as tests: ``pytest --week2kit runs/``; each run folder is collected, each check is an item.

The items of a run follow from its manifest alone and have stable ids, such as ``runs/abc::metrics.accuracy``; beside
the checks there is one named ``verdict``. The run is trained again once, when the first of its items runs. Runs that
failed or were interrupted have the item ``verdict`` only. pytest's ``norecursedirs`` and ``--ignore`` apply.

A run of a command has the same kinds of items: whether its record, code and data agree, its metrics, predictions and
other files, and ``hermetic``. Of one that this machine did not make only the folder is checked, without
``--week2kit-trust``.

A run that was made without week2kit (a config in the flat form, metrics, no manifest) has the item ``verdict`` and one
for each check that its few files lead to, among them ``metrics.accuracy`` and ``follows.val_report``. Repeats do
nothing for it. Where such files lie beside Python files or folders, as in a project's own folder, they are passed
over, and the summary says so: what else is in a run folder is not collected.

A failed check is a failed item; checks that were skipped or not reached, and runs that are recorded as failed or
interrupted, skip with their reason. So does an undecided run, but for the checks that it passed. What is not 0 for
``week2kit verify`` is not green here: a session with an undecided run fails (unless ``--week2kit-allow-undecided``),
and so does one in which no completed run was verified; its summary says which runs those are.

pytest executes what lies beside its tests, so this door is for runs of your own. Python files in a run folder are
never collected, but pytest itself reads ``conftest.py`` and configuration files (``pytest.ini``, ``pyproject.toml``)
in the folders that are named on its command line and above them, and no plugin can keep it from that. Runs of others::

    pytest -c /dev/null --rootdir=. --noconftest -p no:python --week2kit runs/

or ``week2kit verify``, which executes nothing from a run folder.

Sessions that do not ask for it pay nothing: this module imports pytest and the standard library, and what it needs
for a verification is imported inside the functions that use it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import pytest

from week2kit.errors import UsageError
from week2kit.pytest_items import (
    MANIFEST,
    PROPERTY,
    SESSION,
    STATUS,
    Demand,
    RunFolder,
    RunItem,
    holds_more,
    holds_run,
    id_of_folder,
    record_file,
    sentences_of,
    why_no_outcome,
    why_undecided,
)
from week2kit.thresholds import VERIFY_TIMEOUT, Accept, Strict

if TYPE_CHECKING:
    from week2kit.processes.children import Children
    from week2kit.record.store import Run
    from week2kit.record.verdict import Verdict
    from week2kit.verification.options import Options

# --- for one's own tests ----------------------------------------------------------------------------------------


def assert_reproducible(
    run: str | Path | Run,
    *,
    data: str | Path | Sequence[str | Path] | None = None,
    target: str | None = None,
    accept: Accept = "explained",
    strict: Strict | None = None,
    timeout: float = VERIFY_TIMEOUT,
    repeats: bool = False,
    trust: bool = False,
    skip_undecided: bool = False,
) -> Verdict:
    """Train a run again and assert that its recorded outcome comes out.

    Args:
        run: a run folder, or an opened run; also of one that was made without week2kit.
        data: its data file, where it is not found beside the run; or several files and folders, in which it is known
            by its recorded digest.
        target: its label column, where it was made without week2kit and its config names none.
        accept: the weakest verdict that passes.
        strict: how deep an identical run must at least be identical.
        timeout: seconds that it may take.
        repeats: whether its repeats with other seeds are trained again, too.
        trust: whether a command that was not recorded on this machine is run: that is running its author's code.
        skip_undecided: skip the test, where the run cannot be tested here or has no outcome; otherwise that fails.

    Returns:
        The verdict, which was accepted.

    Raises:
        AssertionError: the verdict is not accepted; the message says why.
        UnreadableRun: there is no run that can be read.
        UsageError: `accept` or `strict` is none that there is.
    """
    __tracebackhide__ = True
    from week2kit.record.store import open_run
    from week2kit.verification.options import read_options
    from week2kit.verification.trainings import rerun_children
    from week2kit.verification.verifying import verify_run

    demand = Demand(_one_of(Accept, accept, "accept"), strict and _one_of(Strict, strict, "strict"))
    options = read_options(data=data, target=target, timeout=timeout, repeats=repeats, trust=trust)
    with rerun_children() as children:
        children.warm_up()
        opened = open_run(run) if isinstance(run, str | Path) else run
        verdict = verify_run(opened, children, options)
    no_outcome = [] if verdict.status == "completed" else [why_no_outcome(verdict)]
    if skip_undecided and (no_outcome or verdict.verdict == "undecided"):
        pytest.skip(" ".join([*why_undecided(verdict), *no_outcome]))
    if no_outcome or not demand.accepts(verdict):
        raise AssertionError("\n".join([*sentences_of(verdict), *demand.unmet(verdict), *no_outcome]))
    return verdict


def _one_of(names: Any, value: str, what: str) -> Any:
    if value not in get_args(names):
        raise UsageError(f'{what}: expected one of {", ".join(get_args(names))}, got "{value}".')
    return value


# --- options ----------------------------------------------------------------------------------------------------


#: The options: each a flag ``--week2kit-NAME`` and a setting ``week2kit_NAME`` of the configuration file.
_VALUES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "accept": ("the weakest verdict that passes (explained)", {"choices": get_args(Accept)}),
    "strict": ("identical must be at least this deep to pass", {"choices": get_args(Strict)}),
    "timeout": ("seconds that one run may take (3600)", {"type": lambda text: _seconds(text), "metavar": "S"}),
    "data": (
        "the data file, where it is not found beside the runs; or a folder, or several, one a line",
        {"metavar": "FILE", "action": "append"},
    ),
    "allow_module": (
        "also allow estimators of this top-level module; its code is imported",
        {"metavar": "MODULE", "action": "append"},
    ),
    "target": ("the label column of runs whose config names none", {"metavar": "COLUMN"}),
}
_SWITCHES: Final = {
    "week2kit": "collect run folders, and verify them",
    "week2kit_repeats": "run the repeats of runs again, too",
    "week2kit_trust": "also run commands that were not recorded on this machine: their authors' code",
    "week2kit_allow_undecided": "pass although some runs are undecided here",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--week2kit`` and what goes with it, on the command line and in the configuration file."""
    group = parser.getgroup("week2kit", "reproducibility of training runs")
    for name, text in _SWITCHES.items():
        group.addoption(f"--{name.replace('_', '-')}", action="store_true", help=text)
        parser.addini(name, text, type="bool", default=False)
    for name, (text, more) in _VALUES.items():
        group.addoption(f"--week2kit-{name.replace('_', '-')}", help=text, **more)
        several = more.get("action") == "append"
        kind: Literal["linelist", "string"] = "linelist" if several else "string"
        default: Any = [] if several else ""
        parser.addini(f"week2kit_{name}", f"the same as --week2kit-{name}", type=kind, default=default)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f'expected a number of seconds above 0, got "{text}"')
    return value


@dataclass(frozen=True)
class Settings:
    """What the user asked for; nothing of it ever comes from a run folder."""

    demand: Demand
    options: Options
    allow_undecided: bool
    insisted: bool  # by the flag, typed: then a session without a run is a mistake


def _settings(config: pytest.Config) -> Settings:
    from week2kit.verification.options import read_options

    def value(name: str) -> Any:
        given = config.getoption(f"week2kit_{name}")
        return config.getini(f"week2kit_{name}") if given in (None, False) else given

    try:
        accept = _one_of(Accept, value("accept") or "explained", "week2kit_accept")
        strict = _one_of(Strict, value("strict"), "week2kit_strict") if value("strict") else None
        timeout = _seconds(str(value("timeout") or VERIFY_TIMEOUT))
    except (UsageError, argparse.ArgumentTypeError) as error:
        raise pytest.UsageError(f"week2kit: {error}") from None
    options = read_options(
        data=_data_files(config, value("data")),
        target=value("target") or None,
        timeout=timeout,
        repeats=bool(value("repeats")),
        trust=bool(value("trust")),
        allow_modules=tuple(dict.fromkeys([*(value("allow_module") or ()), *_allowed_in_project(config)])),
    )
    insisted = "--week2kit" in config.invocation_params.args
    return Settings(Demand(accept, strict), options, bool(value("allow_undecided")), insisted)


def _allowed_in_project(config: pytest.Config) -> tuple[str, ...]:
    from week2kit.config.project import allowed_modules

    try:
        return allowed_modules(config.invocation_params.dir)
    except UsageError as error:
        raise pytest.UsageError(f"week2kit: {error}") from None


def _data_files(config: pytest.Config, names: Sequence[str]) -> list[Path]:
    """The files and folders with data: as seen from the working directory, or from the configuration file."""
    on_command_line = config.getoption("week2kit_data") is not None
    start = config.invocation_params.dir if on_command_line else (config.inipath or config.rootpath / "-").parent
    for name in names:
        if not (start / name).exists():
            raise pytest.UsageError(f'--week2kit-data: there is no file "{name}".')
    return [start / name for name in names]


def pytest_configure(config: pytest.Config) -> None:
    """Where it was asked for: take part in the session. Everything else here happens only then."""
    if config.getoption("week2kit") or config.getini("week2kit"):
        session = RunsSession(config, _settings(config))
        config.stash[SESSION] = session
        config.pluginmanager.register(session, "week2kit-runs")
        config.args[:] = [_as_file_argument(config, argument) for argument in config.args]


def _as_file_argument(config: pytest.Config, argument: str) -> str:
    """Turn ``runs/abc::verdict`` into ``runs/abc/manifest.json::verdict``: pytest takes ``::`` after files only."""
    path, separator, name = argument.partition("::")
    record = record_file(config.invocation_params.dir / path) if separator else None
    return f"{path}{os.sep}{record}::{name}" if record else argument


# --- the session ------------------------------------------------------------------------------------------------


class RunsSession:
    """The hooks of a session in which runs are verified, and what its runs share.

    With xdist there is one in the controller, which decides about the session from the reports, and one in each
    worker, which verifies.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings, self.demand, self.repeats = settings, settings.demand, settings.options.repeats
        self.found = 0
        self.passed_over: list[str] = []
        self.empty: list[str] = []
        self._config = config
        self._verdicts: dict[str, tuple[str, str]] = {}
        self._children: Children | None = None

    def verify(self, run: Run) -> Verdict:
        """Train a run again and judge it."""
        from week2kit.verification.trainings import rerun_children
        from week2kit.verification.verifying import verify_run

        if self._children is None:
            self._children = rerun_children()
            self._children.__enter__()
            self._children.warm_up()
        return verify_run(run, self._children, self.settings.options)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """A run folder is ours, before pytest looks at what is in it."""
        record, folder_id = record_file(path), id_of_folder(path, self._config.rootpath)
        if record == MANIFEST:
            named = any(parent.session.isinitpath(place) for place in (path, path / MANIFEST))
            is_run = named or holds_run(path)
        else:
            is_run = record is not None and self._holds_partial_run(path, folder_id)
        return RunFolder.from_parent(parent, name=path.name, path=path, nodeid=folder_id) if is_run else None

    def _holds_partial_run(self, path: Path, folder_id: str) -> bool:
        """Whether a folder is a run without a manifest, and nothing but that."""
        from week2kit.record.store import is_partial

        if not is_partial(path):
            return False
        if holds_more(path):
            self.passed_over.append(folder_id)
            return False
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tell where an item skipped by its run, not by the line of this module."""
        report = yield
        if isinstance(item, RunItem) and report.skipped and isinstance(report.longrepr, tuple):
            report.longrepr = (f"{item.record.nodeid}/{item.record.path.name}", 1, report.longrepr[2])
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Find the folders that were named and hold neither a run nor a test, before any item is deselected."""
        paths = {item.path for item in items}
        paths |= {parent for path in paths for parent in path.parents}
        for argument in self._config.args:
            folder = self._config.invocation_params.dir / argument.partition("::")[0]
            as_collected = Path(os.path.abspath(folder))  # noqa: PTH100 - a link stays one
            if folder.is_dir() and as_collected not in paths and folder.resolve() not in paths:
                self.empty.append(argument)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the verdicts: with xdist they are reached elsewhere."""
        told = {name: str(value) for name, value in report.user_properties if name in (PROPERTY, STATUS)}
        if PROPERTY in told:
            self._verdicts[report.nodeid.partition("::")[0]] = (told[PROPERTY], told[STATUS])

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End the children; a session in which nothing was verified does not pass."""
        if self._children is not None:
            self._children.__exit__()
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput["week2kit_found"] = self.found
            self._config.workeroutput["week2kit_passed_over"] = self.passed_over
            self._config.workeroutput["week2kit_empty"] = self.empty
        elif self._why_not_green() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was passed over, and why the session fails, where no item does."""
        for folder in dict.fromkeys(self.passed_over):
            terminalreporter.write_line(
                f"week2kit: {folder}: a run without a manifest lies beside Python files or folders there, and was not "
                "collected. Move it into a folder of its own, or: week2kit verify"
            )
        if why := self._why_not_green():
            terminalreporter.write_sep("=", "week2kit", red=True)
            terminalreporter.write_line(why, red=True)

    def _why_not_green(self) -> str | None:
        """Why this session cannot pass although no item failed, or None."""
        if self._config.option.collectonly:
            return None
        if self.settings.insisted and not self.found:
            return "Nothing was verified: no run folder was found. Name the folder that holds the runs."
        if empty := self._named_and_empty():
            return f"Nothing was verified in {', '.join(empty)}: neither a run nor a test was found there."
        completed = {run: verdict for run, (verdict, status) in self._verdicts.items() if status == "completed"}
        undecided = sorted(run for run, verdict in completed.items() if verdict == "undecided")
        if self._verdicts and not completed:
            return "Nothing was verified: the runs here failed or were interrupted, and have no outcome (-rs)."
        if completed and len(undecided) == len(completed):
            return "Nothing was verified: every run was undecided. The item verdict of each says why (-rs)."
        if undecided and not self.settings.allow_undecided:
            more = f" and {len(undecided) - 5} more" if len(undecided) > 5 else ""
            return (
                f"Not verified, because undecided here: {', '.join(undecided[:5])}{more}. The item verdict of "
                "each says why (-rs). To pass without them: --week2kit-allow-undecided."
            )
        return None

    def _named_and_empty(self) -> list[str]:
        """The folders of `empty` that a person typed; what --lf leaves out is not collected at all."""
        typed = self.settings.insisted and self._config.args_source is pytest.Config.ArgsSource.ARGS
        return sorted(set(self.empty)) if typed and not getattr(self._config.option, "lf", False) else []

    # --- xdist --------------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Count the runs that a worker found; each of them finds all, and zero or not is what matters."""
        output = getattr(node, "workeroutput", {})
        self.found += output.get("week2kit_found", 0)
        self.passed_over += output.get("week2kit_passed_over", [])
        self.empty += output.get("week2kit_empty", [])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Keep the items of a run on one worker in the default mode, load; tests of other kinds go one by one."""
        if config.getoption("dist") != "load":
            return None
        from xdist.scheduler import LoadScopeScheduling

        @cache
        def is_run(folder: str) -> bool:
            return record_file(config.rootpath / folder) is not None

        class RunScheduling(LoadScopeScheduling):  # type: ignore[misc]
            def _split_scope(self, nodeid: str) -> str:
                folder = nodeid.partition("::")[0]
                return folder if is_run(folder) else nodeid

        return RunScheduling(config, log)
