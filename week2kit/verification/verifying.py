"""The verb verify: read runs as untrusted input, check them against their own record, train again, judge.

Nothing is unpickled, nothing is written into a run folder, git is never started there, and no tolerance or list of
metrics to skip is ever taken from it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter

from week2kit.canonical import JsonError, clean, drop_keys, parse_json
from week2kit.environment.conditions import AS_HERE, Conditions
from week2kit.environment.restoring import Factor, Plan
from week2kit.errors import (
    CannotRestore,
    ChildDied,
    DataNotFound,
    LimitReached,
    ServerDied,
    TimeLimitReached,
    UnreadableRun,
    UsageError,
)
from week2kit.inputs.causes import Here, code_causes
from week2kit.privacy import scrub
from week2kit.processes.children import Child, ChildBug, Children
from week2kit.processes.interpreters import RESTORED, Interpreter, build
from week2kit.processes.limits import Limits, memory_in_force
from week2kit.processes.scratch import removed_scratch
from week2kit.record.earlier import is_earlier
from week2kit.record.finding import find_runs
from week2kit.record.manifest import CompletedRun, Data, Environment, FailedRun, Failure, FoundData, RunningRun
from week2kit.record.partial import PartialRun, with_names
from week2kit.record.places import DataFile, find_for_run, find_recorded, places_of, reader_of
from week2kit.record.store import Run
from week2kit.record.verdict import (
    LEVELS,
    Cause,
    Check,
    Finding,
    Level,
    RerunRecord,
    Verdict,
    VerdictDocument,
    VerdictName,
)
from week2kit.record.written_metrics import validation_names
from week2kit.scales import is_bounded
from week2kit.thresholds import ANOTHER_FORM, EFFORT, LISTED_CELLS, MAX_MESSAGE, SCORE_TOLERANCE, VERIFY_TIMEOUT
from week2kit.verification.checks import Expected, Question, failed, failing, passed, planned, skipped
from week2kit.verification.evidence import rerun_record
from week2kit.verification.failed_runs import judge_failed
from week2kit.verification.integrity import (
    FILES,
    PREDICTIONS,
    RECORD,
    check_failed_record,
    check_files,
    check_predictions,
    check_record,
)
from week2kit.verification.judgement import Judgement, undecided
from week2kit.verification.layers import DATA, RESULT, SPLIT
from week2kit.verification.messages import Fresh, FromPredictions, RerunRequest, Scored, Stored, Tried, Variable
from week2kit.verification.partial_judgement import judge_partial
from week2kit.verification.rules import NOTES, WARNINGS, judge_completed
from week2kit.verification.trials import Kind, Train, Trials
from week2kit.verification.variation import Ground, chosen, not_in_force, variations

_WORK: Final = "week2kit.verification.child"

#: Told of a training before it begins: the run, why it is done, and the factors with the values that are asked for.
OnTrial: TypeAlias = Callable[[str, Kind, Sequence[tuple[str, object]]], None]


@dataclass(frozen=True)
class Options:
    """What the caller decides about a verification; none of it ever comes from a run folder."""

    data: Path | None = None
    target: str | None = None
    tolerance: float = SCORE_TOLERANCE
    timeout: float = VERIFY_TIMEOUT
    allowed_modules: tuple[str, ...] = ()
    max_data_bytes: int | None = None
    effort: int = EFFORT
    restore_versions: bool = False
    vary: tuple[str, ...] = ()
    repeats: bool = False
    limits: Limits = field(default_factory=Limits)
    ends: float | None = None
    on_trial: OnTrial = lambda run, kind, factors: None

    def deciding(self) -> dict[str, Any]:
        """Those that a verdict depends on, as plain data; none where nothing was asked for."""
        asked, default = vars(self), vars(Options())
        return {
            name: clean(str(value)) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
            for name, value in asked.items()
            if value != default[name] and name not in ("timeout", "limits", "ends", "on_trial")
        }


def verify(
    *runs: str | Path | Run,
    data: str | Path | None = None,
    target: str | None = None,
    tolerance: float = SCORE_TOLERANCE,
    timeout: float = VERIFY_TIMEOUT,
    jobs: int | None = None,
    allow_modules: Sequence[str] = (),
    max_data_bytes: int | None = None,
    effort: int = EFFORT,
    restore_versions: bool = False,
    vary: Sequence[str] = (),
    repeats: bool = False,
    limits: Limits | None = None,
    known: VerdictDocument | None = None,
    on_found: Callable[[VerdictDocument], None] = lambda begun: None,
    on_begin: Callable[[str], None] = lambda run: None,
    on_trial: OnTrial = lambda run, kind, factors: None,
    on_reached: Callable[[Verdict], None] = lambda verdict: None,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
    on_skip: Callable[[Path], None] = lambda path: None,
) -> VerdictDocument:
    """Run each run again in a fresh process and judge whether the recorded outcome came out.

    Args:
        runs: run folders, or folders of run folders; those of runs that were made without week2kit, too.
        data: the data file of all of them, where it is not found beside the run.
        target: the label column of runs that were made without week2kit and whose config names none.
        tolerance: by how much of its own recorded value, or of the median one, a score may move and still be close.
        timeout: seconds that one run may take.
        jobs: how many runs are verified at a time; by default one per processor.
        allow_modules: top-level modules besides scikit-learn whose estimators may be trained.
        max_data_bytes: the bytes that a data file may have, and unpack to; by default 8 GiB, and 1 GiB unpacked.
        effort: how many trainings one run may cost, from 3 on.
        restore_versions: whether recorded versions of Python and of libraries may be put back, in an environment that
            is built for them from a package index; never for runs that are not trusted.
        vary: what to vary after an identical rerun, to see what holds: "all", or names of `variation.GROUPS`, or of
            what is in them; these trainings do not count as effort.
        repeats: whether the repeats of a run are trained again, too; each costs as much as the run itself.
        limits: what each training may use of the machine, and the time of all runs together.
        known: what an earlier call with the same options came to before it was ended: its verdicts stand where the
            record and the files of a run are still the same.
        on_found: told once, before the first verification, of what will be verified: no run is reached yet.
        on_begin: told of each run, by name, when its verification begins.
        on_trial: told of each training before it begins: run, kind, and each factor with its value.
        on_reached: told of each verdict as it is reached.
        on_verdict: told of each verdict in the order of the runs.
        on_skip: told of each subfolder that holds no run.

    Returns:
        One verdict per run, in order, then one for each path that led to none that can be read: the verdict is None,
        and the reason says why.

    Raises:
        UnreadableRun: no path was named.
        UsageError: there is nothing of a name in `vary`, or `known` was reached with other options.
    """
    to_vary = tuple(chosen(vary))
    limits = limits or Limits()
    named = [run.path if isinstance(run, Run) else Path(run) for run in runs]
    if not named:
        raise UnreadableRun("verify: expected at least one run folder, and none was named.")
    found = find_runs(named)
    for path in found.skipped:
        on_skip(path)
    options = Options(
        data=Path(data) if data is not None else None,
        target=target,
        tolerance=tolerance,
        timeout=timeout,
        allowed_modules=tuple(allow_modules),
        max_data_bytes=max_data_bytes,
        effort=effort,
        restore_versions=restore_versions,
        vary=to_vary,
        repeats=repeats,
        limits=limits,
        ends=None if limits.time is None else time.monotonic() + limits.time,
        on_trial=on_trial,
    )
    stands = _standing(known, options) if known is not None else {}
    unreadable = [_unreadable(path, reason) for path, reason in found.unreadable]
    begun = VerdictDocument(
        runs=unreadable,
        summary={},
        skipped=[clean(path.as_posix()) for path in found.skipped],
        not_reached=[clean(run.path.as_posix()) for run in found.everything],
        options=options.deciding(),
    )
    on_found(begun)
    for verdict in unreadable:
        on_verdict(verdict)
    reached: dict[int, Verdict] = {}
    tidied = removed_scratch() if to_vary else contextlib.nullcontext()
    with tidied, rerun_children(found.everything, limits) as children:
        if any(not isinstance(run.manifest, RunningRun) for run in found.everything):
            children.warm_up()

        def one(run: Run) -> Verdict:
            if (earlier := stands.get(clean(run.path.as_posix()))) is not None and _still_stands(earlier, run):
                return earlier
            on_begin(run.name)
            return verify_run(run, children, options)

        several = _jobs(jobs, len(found.everything))
        in_order = 0
        try:
            for place, verdict in _as_reached(one, found.everything, several, children):
                reached[place] = verdict
                on_reached(verdict)
                while in_order in reached:
                    on_verdict(reached[in_order])
                    in_order += 1
        finally:  # it was ended: what waited for an earlier run is told all the same
            for place in sorted(place for place in reached if place >= in_order):
                on_verdict(reached[place])
    return document([*(reached[place] for place in sorted(reached)), *unreadable], begun)


def _standing(known: VerdictDocument, options: Options) -> dict[str, Verdict]:
    """The verdicts of an earlier call, by run.

    Raises:
        UsageError: it was asked for something else.
    """
    if known.options != options.deciding():
        asked = ", ".join(f"{name} {value}" for name, value in sorted(known.options.items())) or "none"
        raise UsageError(f"the verdicts so far were reached with other options ({clean(asked)}): give the same again.")
    return {verdict.run: verdict for verdict in known.runs if verdict.verdict not in ("undecided", None)}


def _still_stands(verdict: Verdict, run: Run) -> bool:
    """Whether a verdict speaks of the run as it is: the same record, and the same answer about each of its files."""
    if run.partial is not None or run.manifest_sha256 != verdict.manifest_sha256:
        return False
    if isinstance(run.manifest, RunningRun):
        return True
    answers = check_files(run).checks
    return [check for check in verdict.checks if check.code in {answer.code for answer in answers}] == answers


def rerun_children(runs: Iterable[Run] = (), limits: Limits | None = None) -> Children:
    """The child processes in which runs are trained again: entered once, for any number of runs.

    What their configs name of scikit-learn is imported once, by the server that forks the children.
    """
    named = {
        name
        for run in runs
        for name in (
            _OF_THE_FLAT_FORM if run.partial is not None else _named_modules(run.manifest.inputs.config.resolved)
        )
    }
    return Children(preload=["week2kit.loop", _WORK, *sorted(named & _PRELOADED)], limits=limits)


#: The parts of scikit-learn that are worth importing ahead; a config may name anything, and only these are taken.
_PRELOADED: Final = frozenset(
    f"sklearn.{name}"
    for name in (
        "calibration", "cluster", "compose", "decomposition", "discriminant_analysis", "ensemble", "feature_extraction",
        "feature_selection", "gaussian_process", "impute", "kernel_approximation", "linear_model", "naive_bayes",
        "neighbors", "neural_network", "preprocessing", "svm", "tree",
    )
)  # fmt: skip

_OF_THE_FLAT_FORM: Final = ("sklearn.compose", "sklearn.impute", "sklearn.linear_model", "sklearn.preprocessing")


def _named_modules(config: Any) -> Iterable[str]:
    """The modules of the classes that a config names; column groups need sklearn.compose."""
    if isinstance(config, dict):
        if isinstance(name := config.get("class"), str):
            yield ".".join(name.split(".")[:2])
        if "columns" in config:
            yield "sklearn.compose"
        for value in config.values():
            yield from _named_modules(value)
    elif isinstance(config, list):
        for value in config:
            yield from _named_modules(value)


def planned_checks(run: Run, *, repeats: bool = False) -> list[str]:
    """The codes of every check of a verification of this run, in order; none is trained for it.

    Those that a verdict leaves out were not reached, because an earlier one decided. Of a run that was made without
    week2kit those that its files lead to: of its metrics the ones that end at 1, which are known by their names alone.
    """
    if run.partial is not None:
        return _planned_for_partial(run.partial)
    if not isinstance(run.manifest, CompletedRun):
        return []
    stages: list[Iterable[Question[Any]]] = [FILES, RECORD, PREDICTIONS, DATA, SPLIT, RESULT, NOTES, [WARNINGS]]
    return [code for questions in stages for code in planned(questions, Expected(run.manifest, repeats))]


def _planned_for_partial(record: PartialRun) -> list[str]:
    return [
        "follows.val_report",
        *(["split.folds"] if record.counts else []),
        *(["report.rows"] if record.report is not None else []),
        *(f"metrics.{name}" for name, scorer in validation_names(record.metrics).items() if is_bounded(scorer)),
    ]


def _jobs(wanted: int | None, runs: int) -> int:
    return max(1, min(wanted or len(_processors()), runs))


def _processors() -> Collection[int]:
    allowed = getattr(os, "sched_getaffinity", None)
    return allowed(0) if allowed else range(os.cpu_count() or 1)


def _as_reached(
    one: Callable[[Run], Verdict], runs: Sequence[Run], jobs: int, children: Children
) -> Iterator[tuple[int, Verdict]]:
    """Each verdict with the place of its run, as it is reached; `jobs` of them are being reached at a time."""
    if jobs == 1:
        yield from enumerate(map(one, runs))
        return
    pool = ThreadPoolExecutor(jobs)
    try:
        places = {pool.submit(one, run): place for place, run in enumerate(runs)}
        for future in as_completed(places):
            yield places[future], future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        children.kill()  # or the threads would wait for them
        raise
    finally:
        pool.shutdown()


def document(verdicts: Iterable[Verdict], begun: VerdictDocument | None = None) -> VerdictDocument:
    """Verdicts with their count, and with what else was looked at; runs without a verdict are not reached."""
    runs = list(verdicts)
    counts = Counter(verdict.verdict or "unreadable" for verdict in runs)
    reached = {verdict.run for verdict in runs}
    result = begun or VerdictDocument(runs=[], summary={})
    left = [run for run in result.not_reached if run not in reached]
    return result.model_copy(update={"runs": runs, "summary": dict(sorted(counts.items())), "not_reached": left})


def _unreadable(path: Path, reason: str) -> Verdict:
    return Verdict(
        run=clean(path.as_posix()),
        manifest_sha256=None,
        verdict=None,
        reason=Finding(code="unreadable", where=clean(path.as_posix()), now=reason),
    )


# --- one run ----------------------------------------------------------------------------------------------------


def verify_run(run: Run, children: Children, options: Options) -> Verdict:
    """The verdict on one run that could be read; one that was made without week2kit has metrics, so it completed."""
    start = time.monotonic()
    judgement = _judged(run, children, options)
    return Verdict(
        run=clean(run.path.as_posix()),
        manifest_sha256=run.manifest_sha256 or None,
        status=run.manifest.status,
        verdict=judgement.verdict,
        level=judgement.level,
        first_divergence=judgement.first_divergence,
        reason=judgement.reason,
        causes=judgement.causes,
        metrics=judgement.metrics,
        reruns=judgement.reruns,
        variations=judgement.variations,
        not_varied=judgement.not_varied or _not_varied(judgement, options),
        checks=judgement.checks,
        seconds=round(time.monotonic() - start, 3),
    )


def _judged(run: Run, children: Children, options: Options, again: int = 2) -> Judgement:
    """The judgement on one run; whatever goes wrong on the way is one, too: no other run pays for it."""
    now = time.monotonic()
    if options.ends is not None and now >= options.ends:
        return undecided("undecided.limit", "time", now=options.limits.time)
    deadline = min(now + options.timeout, math.inf if options.ends is None else options.ends)
    try:
        if run.partial is not None:
            return _PartialVerification(children, options, deadline, run).judge()
        return _with_unused_data(_Verification(children, options, deadline, run).judge(), run, options.data)
    except DataNotFound as error:
        return undecided("undecided.data_missing", "", error.command or None, _told(error))
    except TimeLimitReached:  # a child knows what was left of the time, not what was asked for
        if deadline == options.ends:
            return undecided("undecided.limit", "time", now=options.limits.time)
        return undecided("undecided.timeout", now=f"It was stopped after {options.timeout:g} seconds.")
    except LimitReached as error:
        return undecided("undecided.limit", error.limit, now=error.value)
    except ServerDied as error:  # with every child, whatever it was at: each is begun again, one by one
        if again:
            with children.again:
                return _judged(run, children, options, again - 1)
        return undecided("undecided.child_died", now=str(error))
    except ChildDied as error:
        return undecided("undecided.child_died", now=str(error))
    except MemoryError:  # of this process, which holds the files of the run
        limit, value = memory_in_force(options.limits)
        return undecided("undecided.limit", limit, now=value)
    except OSError as error:  # of this process: no more open files or processes
        return undecided("undecided.system", now=scrub(error.strerror or type(error).__name__))
    except Exception as error:
        told = str(error) if isinstance(error, ChildBug) else traceback.format_exc()
        return undecided(BUG, now=scrub(told.strip(), 10_000))


#: The code of a verdict that a mistake of ours prevented; ``now`` is the traceback.
BUG: Final = "undecided.bug"


def bugs(result: VerdictDocument) -> list[tuple[str, str]]:
    """The runs on which week2kit itself failed, each with the traceback."""
    found = [(verdict.run, verdict.reason) for verdict in result.runs if verdict.reason is not None]
    return [(run, str(reason.now)) for run, reason in found if reason.code == BUG]


def _with_unused_data(judgement: Judgement, run: Run, given: Path | None) -> Judgement:
    """The judgement with the note that a named data file was not used: the run is on data of scikit-learn's."""
    data = run.manifest.inputs.data
    if given is None or data is None or data.source != "dataset":
        return judgement
    note = passed("data.bytes", Finding(code="data.not_used", where=clean(given.as_posix(), 200), now=data.path))
    noted = [note if check.code == note.code else check for check in judgement.checks]
    return dataclasses.replace(judgement, checks=noted if note in noted else [*noted, note])


def _not_varied(judgement: Judgement, options: Options) -> list[Finding]:
    """That nothing was varied although it was asked for: what did not come out again cannot be seen to hold."""
    if not options.vary or judgement.variations:
        return []
    code = "vary.failure" if judgement.level == "failure" else "vary.not_identical"
    return [Finding(code=code, where="", now=judgement.verdict)]


@dataclass(frozen=True)
class _Trainings:
    """The children that train, within the time that there is."""

    children: Children
    options: Options
    deadline: float

    def _here(self) -> Here:
        modules = self.options.allowed_modules
        return Here.model_validate_json(
            self.children.call_once(f"{_WORK}:describe_here", modules, timeout=self._time_left())
        )

    def _train(self, request: RerunRequest, stored: Stored | None, child: Child | Children) -> Fresh:
        answer = child.call(f"{_WORK}:train_again", request, stored, timeout=self._time_left())
        fresh = Fresh.model_validate_json(answer)
        self._check_limits(fresh)
        if request.file is not None:
            _check_read(request, request.file, fresh)
        return fresh

    def _check_limits(self, fresh: Fresh) -> None:
        """Of a training that met a limit of this machine nothing follows: no run is judged by it.

        Raises:
            LimitReached: it did.
        """
        match fresh.failure.error if fresh.failure is not None else None:
            case "MemoryError":
                raise LimitReached(*memory_in_force(self.options.limits))
            case "ThreadLimit":
                raise LimitReached("processes", self.options.limits.processes)

    def _train_under(self, request: RerunRequest, stored: Stored | None) -> Fresh:
        """Train under conditions; what cannot be brought about, or dies of it, is a failure and no end of the matter.

        Kernels of another processor end a process by SIGILL, without a word.
        """
        conditions = request.conditions
        try:
            if not conditions.need_a_process:
                return self._train(request, stored, self.children)
            variables, python = dict(conditions.variables()), None
            if conditions.versions is not None:
                interpreter = self._interpreter(dict(conditions.versions))
                variables, python = {**variables, **interpreter.variables}, str(interpreter.executable)
            with self.children.started(variables, python) as child:
                return self._train(request, stored, child)
        except (ChildDied, ChildBug, CannotRestore, LimitReached, NotImplementedError, OSError) as error:
            failure = Failure(
                stage="fit", error=type(error).__name__, message=str(error), traceback=[], hint="It cannot be put back."
            )
            return Fresh(
                failure=failure,
                data=None,
                split=None,
                outcome=None,
                curves=None,
                unseeded=[],
                comparison=None,
                seconds=0.0,
            )

    def _interpreter(self, versions: dict[str, str]) -> Interpreter:
        """A Python in which these versions are in force, and for the other deciding libraries those that are here."""
        here = self._here().environment
        kept = {name: here.libraries[name] for name in RESTORED if name in here.libraries}
        python = versions.pop("python", here.python)
        return build(python, kept | versions, timeout=self._time_left())

    def _time_left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeLimitReached("The time was over.")
        return left


class _OtherFile(Exception):
    """The only file that a record leads to holds another table than the recorded one; nothing more is told of it."""

    def __init__(self, file: DataFile) -> None:
        super().__init__()
        self.file = file


def _check_read(request: RerunRequest, file: DataFile, fresh: Fresh) -> None:
    """What was parsed is what was looked at before; and it is the recorded table, where no other may be trained on."""
    digest = fresh.data.sha256 if fresh.data is not None else None
    if digest not in (None, file.sha256) and not request.conditions.other_text:
        raise DataNotFound(f'The data file "{clean(file.shown)}" changed while it was verified.', "Verify again.")
    failure = fresh.failure
    if request.only_table and failure is not None and (failure.stage, failure.error) == ("load", "StageError"):
        raise _OtherFile(file)


@dataclass(frozen=True)
class _PartialVerification(_Trainings):
    """The verification of a run that was made without week2kit."""

    run: Run

    def judge(self) -> Judgement:
        options = self.options
        record, added = with_names(self.run, None if options.data is None else options.data.name, options.target)
        judgement = judge_partial(
            self.run,
            record,
            self,
            options.data,
            restore_versions=options.restore_versions,
            max_data_bytes=options.max_data_bytes,
        )
        judgement = _with_names(judgement, self.run, record, added)
        if not options.vary:
            return judgement
        return dataclasses.replace(judgement, not_varied=[Finding(code="vary.bare", now=judgement.verdict)])

    def environment(self) -> Environment:
        return self._here().environment

    def train(self, request: RerunRequest) -> Fresh:
        if request.conditions == AS_HERE:
            return self._train(request, None, self.children)
        return self._train_under(request, None)

    def score(self, predictions: Stored, digits: int) -> Scored:
        answer = self.children.call(f"{_WORK}:score_predictions", predictions, digits, timeout=self._time_left())
        return Scored.model_validate_json(answer)

    def try_recipes(
        self, request: RerunRequest, configs: list[dict[str, Any]], stored: Stored, digits: int, near: int
    ) -> list[Tried]:
        answer = self.children.call(
            f"{_WORK}:try_recipes", request, configs, stored, digits, near, timeout=self._time_left()
        )
        return TypeAdapter(list[Tried]).validate_json(answer)

    def tell(self, kind: Kind, factors: Sequence[tuple[str, object]]) -> None:
        self.options.on_trial(self.run.name, kind, factors)


def _with_names(judgement: Judgement, run: Run, record: PartialRun, added: Mapping[str, str]) -> Judgement:
    """The judgement on a run, with what its config does not name, what the caller named, and what is not used."""
    reason, written = judgement.reason, run.partial or record
    if reason is not None and reason.code == "bare.config" and record.unnamed:
        held = [clean(key, 80) for key in sorted(written.as_written)][:LISTED_CELLS]
        reason = Finding(code="bare.unnamed", where="config.json", recorded=held, now=list(record.unnamed))
    notes: list[Check] = []
    if added and record.config is not None:
        told = {name: clean(value, 80) for name, value in added.items()}
        notes.append(passed("config.names", Finding(code="bare.named", where="config.json", now=told)))
    if unused := list(written.unused):
        notes.append(skipped("config.keys", "bare.unused", "config.json", unused))
    first, *others = judgement.checks
    return dataclasses.replace(judgement, reason=reason, checks=[first, *notes, *others])


@dataclass(frozen=True)
class _Verification(_Trainings):
    run: Run

    def judge(self) -> Judgement:
        manifest = self.run.manifest
        if isinstance(manifest, RunningRun):
            return undecided("undecided.interrupted")
        contents = check_files(self.run)
        checks = list(contents.checks)
        if isinstance(manifest, FailedRun):
            checks += check_failed_record(self.run)
            if failing(checks):
                return Judgement("tampered", checks=checks)
            return self._failed(manifest, checks)
        assert isinstance(manifest, CompletedRun)
        checks += check_record(self.run, contents)
        if failing(checks):
            return Judgement("tampered", checks=checks)
        if contents.unread:
            return Judgement("undecided", reason=contents.unread[0], checks=checks)
        with self.children.child() as child:
            checks += check_predictions(manifest, contents, lambda content: self._read_predictions(content, child))
            if failing(checks):
                return self._does_not_follow(manifest, checks)
            return self._completed(manifest, checks, contents.files, child)

    def _does_not_follow(self, manifest: CompletedRun, checks: list[Check]) -> Judgement:
        """Edited or damaged; or other code computed the metrics and the report, and nobody can tell which."""
        of_code = {f"follows.{name}" for name in ("val_report", *manifest.outcome.metrics)}
        # earlier versions wrote a label with a line break so that nobody can read it back
        broken = any("\n" in str(label) or "\r" in str(label) for label in manifest.outcome.classes or ())
        of_code |= {"follows.predictions"} if broken else set()
        if any(check.code not in of_code for check in failing(checks)):
            return Judgement("tampered", checks=checks)
        if causes := code_causes(manifest.inputs.code, self._here(), exactly=broken):
            return undecided("undecided.other_code", "predictions.csv", checks=checks, causes=causes)
        return Judgement("tampered", checks=checks)

    # --- the two kinds ------------------------------------------------------------------------------------------

    def _completed(
        self, manifest: CompletedRun, checks: list[Check], files: dict[str, bytes], child: Child
    ) -> Judgement:
        """Judge by reruns: the first in the child that is there (it has trained nothing), others in new ones."""
        assert manifest.inputs.config.resolved is not None
        data = manifest.inputs.data
        try:
            request = self._request(manifest.inputs.config.resolved, manifest.inputs.seed.value, data)
            judgement = self._by_reruns(manifest, request, files, child)
        except DataNotFound as error:
            judgement = undecided("undecided.data_missing", data.path, error.command or None, _told(error))
        except _OtherFile as other:
            judgement = _on_other_file(other.file, data)
        return _with_checks(judgement, checks)

    def _by_reruns(
        self, manifest: CompletedRun, request: RerunRequest, files: dict[str, bytes], child: Child
    ) -> Judgement:
        stored = self._stored(files["predictions"])
        listed = self.run.artifact("curves")
        curves = None if listed is None else listed.sha256  # also of a file that is not there
        fresh_children: list[Child | Children] = [child]

        def train(
            conditions: Conditions,
            *,
            repeats: bool = False,
            give_predictions: bool = False,
            against: str | None = None,
        ) -> Fresh:
            config = request.config if repeats and self.options.repeats else drop_keys(request.config, ("repeats",))
            asked = dataclasses.replace(
                request, config=config, conditions=conditions, give_predictions=give_predictions
            )
            beside = stored if against is None else dataclasses.replace(stored, content=against.encode())
            if conditions != AS_HERE:
                return self._train_under(asked, beside)
            if not fresh_children:
                return self._train(asked, beside, self.children)
            return self._train(dataclasses.replace(asked, advise=True), beside, fresh_children.pop())

        def tell(kind: Kind, factors: Sequence[Factor]) -> None:
            self.options.on_trial(self.run.name, kind, [(factor.name, factor.recorded) for factor in factors])

        trials = Trials(train, self.options.effort, tell)
        judgement = judge_completed(
            manifest,
            self._here(),
            trials,
            tolerance=self.options.tolerance,
            curves=curves,
            restore_versions=self.options.restore_versions,
        )
        if judgement.first_divergence == "data":
            judgement = self._with_cells(judgement, manifest, request, stored)
        if self.options.vary and judgement.verdict == "identical":
            judgement = self._varied(judgement, manifest, request, trials, train, tell)
        return judgement

    def _with_cells(
        self, judgement: Judgement, manifest: CompletedRun, request: RerunRequest, stored: Stored
    ) -> Judgement:
        """A judgement on other data, with the cells and rows that differ as far as they can be told."""
        data = manifest.inputs.data
        if request.file is None or not request.file.vouched or request.file.sha256 == data.sha256:
            return judgement
        recorded = find_recorded(self.run, data)
        try:
            answer = self.children.call(
                f"{_WORK}:compare_tables", request, data, recorded, stored, timeout=self._time_left()
            )
        except (TimeLimitReached, ChildDied):  # it only explains: the verdict stands without it
            return judgement
        found = TypeAdapter(list[Finding]).validate_json(answer)
        checks = [Check(code="data.cells", outcome="failed", finding=finding) for finding in found]
        return dataclasses.replace(judgement, checks=[*judgement.checks, *checks])

    def _varied(
        self,
        judgement: Judgement,
        manifest: CompletedRun,
        request: RerunRequest,
        judged: Trials,
        train: Train,
        tell: Callable[[Kind, Sequence[Factor]], None],
    ) -> Judgement:
        """The judgement with what came out under each variation that was asked for; the verdict stays as it is."""
        here = self._here().environment
        trials = Trials(train, sys.maxsize, tell)
        done: list[RerunRecord] = []
        plan = Plan()
        try:
            answer = self.children.call(f"{_WORK}:describe_variable", request.config, timeout=self._time_left())
            ground = Ground(here, Variable.model_validate_json(answer), request.reader)
            plan = variations(self.options.vary, ground)
            for factor in plan.factors:
                fresh = trials.run("varied", [factor])
                record = rerun_record(manifest, trials.done[-1], [])
                idle = not_in_force(factor, judged.native()[0], here, fresh) if fresh.failure is None else []
                # numbers are no labels: that none moved would say nothing
                moved = None if manifest.outcome.classes is None else record.labels_moved
                done.append(record.model_copy(update={"not_in_force": idle, "labels_moved": moved}))
        except (TimeLimitReached, ChildDied) as error:
            for factor in plan.factors[len(done) :]:
                plan.stuck[f"{factor.name} {factor.recorded}"] = ("stopped", str(error))
            if not plan.factors:
                plan.stuck[""] = ("stopped", str(error))
        stuck = [Finding(code=f"vary.{code}", where=name, now=value) for name, (code, value) in plan.stuck.items()]
        return dataclasses.replace(judgement, variations=done, not_varied=stuck)

    def _failed(self, manifest: FailedRun, checks: list[Check]) -> Judgement:
        config = manifest.inputs.config
        try:
            value = config.resolved if config.resolved is not None else parse_json((config.raw or "").encode())
        except JsonError:
            return undecided("undecided.config_cut", checks=checks)
        if not isinstance(value, dict):  # train makes no folder for it
            return Judgement("tampered", checks=[*checks, failed("record.config", "record.no_config", "manifest.json")])
        seed = manifest.inputs.seed.value if manifest.inputs.seed else 0
        data = manifest.inputs.data or _data_of_config(value)
        missing = manifest.failure.error == "DataNotFound"
        absent: Judgement | None = None
        try:
            request = self._request(value, seed, data)
        except DataNotFound as error:
            if missing or str(error) == manifest.failure.message:
                return Judgement("identical", level="failure", checks=checks)
            where = data.path if data else ""
            absent = undecided("undecided.data_missing", where, error.command or None, _told(error), checks=checks)
        except _OtherFile as other:
            absent = _with_checks(_on_other_file(other.file, data), checks)
        if missing:
            return undecided("undecided.data_found", data.path if data else "", checks=checks)
        if absent is not None:
            if manifest.failure.stage != "config" or manifest.inputs.data is not None:
                return absent
            request = self._request(value, seed, None)  # it failed before it came to the data, and does so without them
        try:
            judgement = judge_failed(manifest, self._here(), lambda: self._train(request, None, self.children))
        except _OtherFile as other:
            judgement = _on_other_file(other.file, data)
        if absent is not None and judgement.verdict != "identical":
            return absent
        return _with_checks(judgement, checks)

    # --- children -----------------------------------------------------------------------------------------------

    def _request(self, config: dict[str, Any], seed: int, data: FoundData | None) -> RerunRequest:
        earlier, modules = is_earlier(self.run.manifest.inputs.environment), self.options.allowed_modules
        if data is None or data.source == "dataset":
            path, reader = (data.path, data.reader) if data is not None else ("", "sklearn")
            return RerunRequest(config, seed, path, reader, None, allowed_modules=modules, earlier=earlier)
        file = find_for_run(self.run, data, self.options.data, self.options.max_data_bytes)
        only, kinds = None, {}
        if isinstance(data, Data) and file.sha256 != data.sha256:
            kinds = {column.name: column.kind for column in data.columns}
        if not file.vouched and file.sha256 != data.sha256:
            if not isinstance(data, Data) or file.bytes > ANOTHER_FORM * (data.bytes or 0):
                raise _OtherFile(file)
            only = data.table_digest
        reader = reader_of(PurePosixPath(file.shown).name) or data.reader
        kept = tuple(kinds.items())
        return RerunRequest(config, seed, data.path, reader, file, only, kept, modules, earlier=earlier)

    def _stored(self, content: bytes) -> Stored:
        manifest = self.run.manifest
        assert isinstance(manifest, CompletedRun)
        outcome = manifest.outcome
        return Stored(
            content,
            outcome.classes,
            outcome.predictions.score_method,
            list(outcome.metrics),
            outcome.positive,
            earlier=is_earlier(manifest.inputs.environment),
        )

    def _read_predictions(self, content: bytes, child: Child) -> FromPredictions:
        manifest = self.run.manifest
        assert isinstance(manifest, CompletedRun)
        sizes = [fold.n_val for fold in manifest.outcome.split.folds]
        answer = child.call(f"{_WORK}:read_predictions", self._stored(content), sizes, timeout=self._time_left())
        return FromPredictions.model_validate_json(answer)


def _on_other_file(file: DataFile, data: FoundData | None) -> Judgement:
    """The judgement where a record leads to other bytes than it was made of, in a file that nobody named.

    It is the data, edited, where train read the recorded bytes in this very place, as the index of this machine has it.
    Otherwise it may be any file of that name, and says nothing of the run.
    """
    where, recorded = clean(file.shown, MAX_MESSAGE), data.sha256 if data is not None else None
    if recorded is None or Path(file.path) not in places_of(recorded):
        return undecided("undecided.other_file", where, recorded, file.sha256)
    return Judgement(
        "different",
        first_divergence="data",
        causes=[Cause(input="data", factor="bytes", recorded=recorded, now=file.sha256, proof="observed")],
        checks=[failed("data.bytes", "data.edited", where, recorded, file.sha256)],
    )


def _told(error: DataNotFound) -> str:
    return f"{error} {error.hint}".strip()


def _with_checks(judgement: Judgement, before: list[Check]) -> Judgement:
    return dataclasses.replace(judgement, checks=[*before, *judgement.checks])


def _data_of_config(value: Any) -> FoundData | None:
    """The data that a failed run's config names, where the run itself never came to it."""
    config = value if isinstance(value, dict) else {}
    data = config.get("data", {"path": config.get("input_csv", config.get("input"))})
    path = data.get("path") if isinstance(data, dict) else None
    reader = reader_of(path) if isinstance(path, str) else None
    if not isinstance(path, str) or reader is None:
        return None
    return FoundData(source="file", path=path, from_run=None, bytes=None, sha256=None, reader=reader)


# --- the exit code ----------------------------------------------------------------------------------------------

#: What a caller may accept: each accepts the ones after it as well.
_WEAKEST_FIRST: Final = ("close", "explained", "identical")


def exit_code(result: VerdictDocument, accept: str = "explained", strict: Level | None = None) -> int:
    """The exit code for verdicts: 70, 2, 3, 1, 125, 0, the first that applies.

    Args:
        result: the verdicts.
        accept: the weakest verdict that passes: identical, explained or close.
        strict: the least level of an identical run that passes.
    """
    completed = [verdict for verdict in result.runs if verdict.status == "completed"]
    verdicts = {verdict.verdict for verdict in completed}
    if bugs(result):
        return 70
    if any(verdict.verdict is None for verdict in result.runs):
        return 2
    if any(verdict.verdict == "tampered" for verdict in result.runs):
        return 3
    if any(refused(verdict, accept, strict) for verdict in completed):
        return 1
    return 125 if not completed or "undecided" in verdicts else 0


def refused(verdict: Verdict, accept: str, strict: Level | None) -> bool:
    """Whether a verdict was reached and is not good enough; arguments as of `exit_code`."""
    name: VerdictName | None = verdict.verdict
    if name in ("undecided", "tampered", None):
        return False
    if name not in _WEAKEST_FIRST[_WEAKEST_FIRST.index(accept) :]:
        return True
    if strict is None or name != "identical" or verdict.level not in LEVELS:
        return False
    return LEVELS.index(verdict.level) < LEVELS.index(strict)
