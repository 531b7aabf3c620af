"""The verb verify: read runs as untrusted input, check them against their own record, train again, judge.

Nothing is unpickled, nothing is written into a run folder, git is never started there, and no tolerance or list of
metrics to skip is ever taken from it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from week2kit.canonical import clean
from week2kit.errors import (
    UnreadableRun,
    UsageError,
)
from week2kit.processes.children import Children
from week2kit.processes.limits import Limits
from week2kit.processes.scratch import removed_scratch
from week2kit.record.manifest import RunningRun
from week2kit.record.store import Run, find_runs
from week2kit.record.verdict import (
    Finding,
    Verdict,
    VerdictDocument,
)
from week2kit.thresholds import EFFORT, SCORE_TOLERANCE, VERIFY_TIMEOUT
from week2kit.verification.integrity import (
    check_files,
)
from week2kit.verification.one_run import verify_run
from week2kit.verification.options import Options
from week2kit.verification.trainings import OnTrial, rerun_children
from week2kit.verification.variation import chosen


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
    )
    ends = None if limits.time is None else time.monotonic() + limits.time
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
            return verify_run(run, children, options, ends=ends, on_trial=on_trial)

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
