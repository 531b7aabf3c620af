"""The verb verify: read runs as untrusted input, check them against their own record, train again, judge.

Nothing is unpickled, nothing is written into a run folder, git is never started there, and no tolerance or list of
metrics to skip is ever taken from it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from week2kit.canonical import clean
from week2kit.errors import (
    ChildDied,
    DataNotFound,
    LimitReached,
    ServerDied,
    TimeLimitReached,
    UnreadableRun,
    UsageError,
)
from week2kit.privacy import scrub
from week2kit.processes.children import ChildBug, Children
from week2kit.processes.limits import memory_in_force
from week2kit.processes.scratch import removed_scratch
from week2kit.processes.script import end_running
from week2kit.record.command import RunningCommand
from week2kit.record.manifest import CompletedRun, FailedRun, RunningRun
from week2kit.record.partial import PartialRun
from week2kit.record.store import Found, Run, find_runs
from week2kit.record.verdict import Finding, Verdict, VerdictDocument
from week2kit.verification.checks import Judgement, passed, undecided, without_data
from week2kit.verification.integrity import check_files
from week2kit.verification.options import BUG, Options
from week2kit.verification.recorded_run import Verification
from week2kit.verification.trainings import OnTrial, rerun_children
from week2kit.verification.trials import Kind


class Events:
    """What is told of a verification while it goes on; by default nobody listens."""

    def found(self, begun: VerdictDocument) -> None:
        """Told once, before the first verification, of what will be verified: no run is reached yet."""

    def skipped(self, path: Path) -> None:
        """Told of each subfolder that holds no run."""

    def begins(self, run: str) -> None:
        """Told of each run, by name, when its verification begins."""

    def tries(self, run: str, kind: Kind, factors: Sequence[tuple[str, object]]) -> None:
        """Told of each training before it begins: run, kind, and each factor with its value."""

    def reached(self, verdict: Verdict) -> None:
        """Told of each verdict as it is reached."""

    def verdict(self, verdict: Verdict) -> None:
        """Told of each verdict in the order of the runs."""


def verify_runs(
    named: Sequence[Path],
    options: Options,
    *,
    jobs: int | None = None,
    known: VerdictDocument | None = None,
    events: Events = Events(),  # noqa: B008 - it holds nothing
) -> VerdictDocument:
    """The verdicts on the runs at these paths; see `week2kit.verify`.

    Args:
        named: run folders, or folders of run folders.
        options: what the caller decides.
        jobs: how many runs are verified at a time; by default one per processor.
        known: what an earlier call with the same options came to before it was ended: its verdicts stand where the
            record and the files of a run are still the same.
        events: told of what happens.

    Raises:
        UnreadableRun: no path was named.
        UsageError: `known` was reached with other options.
    """
    if not named:
        raise UnreadableRun("verify: expected at least one run folder, and none was named.")
    found = find_runs(named)
    for path in found.skipped:
        events.skipped(path)
    ends = None if options.limits.time is None else time.monotonic() + options.limits.time
    stands = _standing(known, options) if known is not None else {}
    unreadable = [_unreadable(path, reason) for path, reason in found.unreadable]
    begun = _begun(found, unreadable, options)
    events.found(begun)
    for verdict in unreadable:
        events.verdict(verdict)
    reached: dict[int, Verdict] = {}
    tidied = removed_scratch() if options.vary else contextlib.nullcontext()
    with tidied, rerun_children(found.everything, options.limits) as children:
        if any(isinstance(run.manifest, CompletedRun | FailedRun | PartialRun) for run in found.everything):
            children.warm_up()

        def one(run: Run) -> Verdict:
            if (earlier := stands.get(clean(run.path.as_posix()))) is not None and _still_stands(earlier, run):
                return earlier
            events.begins(run.name)
            return verify_run(run, children, options, ends=ends, on_trial=events.tries)

        told = 0
        try:
            for place, verdict in _as_reached(one, found.everything, jobs, children):
                reached[place] = verdict
                events.reached(verdict)
                while told in reached:
                    events.verdict(reached[told])
                    told += 1
        finally:  # it was ended: what waited for an earlier run is told all the same
            for place in sorted(place for place in reached if place >= told):
                events.verdict(reached[place])
    return document([*(reached[place] for place in sorted(reached)), *unreadable], begun)


def _begun(found: Found, unreadable: list[Verdict], options: Options) -> VerdictDocument:
    return VerdictDocument(
        runs=unreadable,
        summary={},
        skipped=[clean(path.as_posix()) for path in found.skipped],
        not_reached=[clean(run.path.as_posix()) for run in found.everything],
        options=options.deciding(),
    )


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
    if isinstance(run.manifest, RunningRun | RunningCommand):
        return True
    answers = check_files(run).checks
    return [check for check in verdict.checks if check.code in {answer.code for answer in answers}] == answers


def _as_reached(
    one: Callable[[Run], Verdict], runs: Sequence[Run], jobs: int | None, children: Children
) -> Iterator[tuple[int, Verdict]]:
    """Each verdict with the place of its run, as it is reached; `jobs` of them are being reached at a time."""
    if len(runs) <= 1 or jobs == 1:
        yield from enumerate(map(one, runs))
        return
    from joblib import cpu_count  # brings numpy, which one run does not need here

    pool = ThreadPoolExecutor(min(jobs or cpu_count(), len(runs)))
    try:
        places = {pool.submit(one, run): place for place, run in enumerate(runs)}
        for future in as_completed(places):
            yield places[future], future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        children.kill()  # or the threads would wait for them
        end_running()
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


# --- one run ----------------------------------------------------------------------------------------------------------


def verify_run(
    run: Run,
    children: Children,
    options: Options,
    *,
    ends: float | None = None,
    on_trial: OnTrial = lambda run, kind, factors: None,
) -> Verdict:
    """The verdict on one run that could be read; one that was made without week2kit has metrics, so it completed.

    Whatever goes wrong on the way is a verdict, too, and no other run pays for it.
    """
    start = time.monotonic()
    judgement = _judged(run, children, options, ends, on_trial)
    asked_in_vain = judgement.not_varied or _not_varied(judgement, options)
    return Verdict(
        run=clean(run.path.as_posix()),
        manifest_sha256=run.manifest_sha256 or None,
        status=run.manifest.status,
        seconds=round(time.monotonic() - start, 3),
        **vars(dataclasses.replace(judgement, not_varied=asked_in_vain)),
    )


def _judged(
    run: Run, children: Children, options: Options, ends: float | None, on_trial: OnTrial, again: int = 2
) -> Judgement:
    now = time.monotonic()
    if ends is not None and now >= ends:
        return undecided("undecided.limit", "time", now=options.limits.time)
    deadline = min(now + options.timeout, math.inf if ends is None else ends)
    try:
        return _with_unused_data(Verification(children, options, deadline, on_trial, run).judge(), run, options.data)
    except DataNotFound as error:
        return without_data(error)
    except TimeLimitReached:  # a child knows what was left of the time, not what was asked for
        if deadline == ends:
            return undecided("undecided.limit", "time", now=options.limits.time)
        return undecided("undecided.timeout", now=f"It was stopped after {options.timeout:g} seconds.")
    except LimitReached as error:
        return undecided("undecided.limit", error.limit, now=error.value)
    except ServerDied as error:  # with every child, whatever it was at: each is begun again, one by one
        if again:
            with children.again:
                return _judged(run, children, options, ends, on_trial, again - 1)
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


def _with_unused_data(judgement: Judgement, run: Run, given: Sequence[Path]) -> Judgement:
    """The judgement with the note that a named data file was not used: the run is on data of scikit-learn's."""
    data = run.manifest.inputs.data
    if not given or data is None or data.source != "dataset":
        return judgement
    where = clean(" and ".join(path.as_posix() for path in given), 200)
    note = passed("data.bytes", Finding(code="data.not_used", where=where, now=data.path))
    noted = [note if check.code == note.code else check for check in judgement.checks]
    return dataclasses.replace(judgement, checks=noted if note in noted else [*noted, note])


def _not_varied(judgement: Judgement, options: Options) -> list[Finding]:
    """That nothing was varied although it was asked for: what did not come out again cannot be seen to hold."""
    if not options.vary or judgement.variations:
        return []
    code = "vary.failure" if judgement.level == "failure" else "vary.not_identical"
    return [Finding(code=code, where="", now=judgement.verdict)]
