"""The verification of one run: whatever goes wrong on the way is a verdict, too, and no other run pays for it."""

from __future__ import annotations

import dataclasses
import math
import time
import traceback
from pathlib import Path

from week2kit.canonical import clean
from week2kit.errors import (
    ChildDied,
    DataNotFound,
    LimitReached,
    ServerDied,
    TimeLimitReached,
)
from week2kit.privacy import scrub
from week2kit.processes.children import ChildBug, Children
from week2kit.processes.limits import memory_in_force
from week2kit.record.store import Run
from week2kit.record.verdict import (
    Finding,
    Verdict,
)
from week2kit.verification.checks import Judgement, passed, undecided, without_data
from week2kit.verification.options import BUG, Options
from week2kit.verification.recorded_run import Verification
from week2kit.verification.trainings import OnTrial


def verify_run(
    run: Run,
    children: Children,
    options: Options,
    *,
    ends: float | None = None,
    on_trial: OnTrial = lambda run, kind, factors: None,
) -> Verdict:
    """The verdict on one run that could be read; one that was made without week2kit has metrics, so it completed."""
    start = time.monotonic()
    judgement = _judged(run, children, options, ends, on_trial)
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


def _judged(
    run: Run, children: Children, options: Options, ends: float | None, on_trial: OnTrial, again: int = 2
) -> Judgement:
    """The judgement on one run; whatever goes wrong on the way is one, too: no other run pays for it."""
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
