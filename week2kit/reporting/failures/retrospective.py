"""What failed on the way: runs grouped by how they failed, what was tried next, and what that teaches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from week2kit.canonical import without_seed
from week2kit.errors import is_from_outside
from week2kit.inputs.changes import Change, Statement, changed_things, compare_configs, compare_inputs, primary_metric
from week2kit.inputs.leaves import ABSENT, config_leaves
from week2kit.record.manifest import CompletedRun, Data, FailedRun, Stage
from week2kit.record.store import Run, began_after, in_time
from week2kit.reporting.failures.nearness import Configs, Given
from week2kit.reporting.runs import Runs
from week2kit.reporting.values import Attempt, BriefFailure, Setback
from week2kit.thresholds import BRIEF_FAILURES, COMPARED_MEMBERS, MAX_MESSAGE, RETROSPECTIVE_RUNS


class Failures(NamedTuple):
    """The failures told in full, those told in a line, and the number of runs of those that are not told."""

    told: tuple[Setback, ...]
    brief: tuple[BriefFailure, ...]
    left_out: int


def failures(baseline: Run | None, everything: Runs) -> Failures:
    """The runs that failed or were interrupted, those that failed in one way together; the most frequent first.

    Args:
        baseline: of equally near completed runs the one that the reader knows.
        everything: all runs to look at.
    """
    if all(isinstance(run.manifest, CompletedRun) for run in everything.runs):
        return Failures((), (), 0)
    story = _Story(baseline, everything)
    groups = story.groups()
    # all configs that were refused teach the same, and each says in its own message what is wrong with it
    refused = [group for group in groups if _never_valid(group[0])]
    told = [group for group in groups if group not in refused[1:]][:RETROSPECTIVE_RUNS]
    others = [group for group in groups if group not in told]
    return Failures(
        tuple(story.told(group) for group in told),
        tuple(story.brief(group) for group in others[:BRIEF_FAILURES]),
        sum(len(group) for group in others[BRIEF_FAILURES:]),
    )


# --- the fingerprint of a failure -------------------------------------------------------------------------------

Fingerprint: TypeAlias = tuple[str, str, str, str]

_QUOTED: Final = re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*"|`[^`]*`)""")
_ADDRESS: Final = re.compile(r"\b0x[0-9a-fA-F]+\b")
_NUMBER: Final = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?!\w)")
_LISTED: Final = re.compile(r"([#…])(?:,? [#…])+")


def fingerprint(run: Run, keys: frozenset[str] = frozenset()) -> Fingerprint:
    """How a run failed: status, stage, error type, and the message without what differs from run to run."""
    manifest = run.manifest
    if isinstance(manifest, FailedRun):
        failure = manifest.failure
        return "failed", failure.stage, failure.error, normalised(failure.message, keys)
    return "interrupted", _last_stage(run) or "", "", ""


def normalised(message: str, keys: frozenset[str] = frozenset()) -> str:
    """A message with numbers as ``#``, and quoted texts, paths and memory addresses as ``…``.

    A quoted name of `keys`, the names of the config, stays: which parameter was refused is what the failure is about.
    """
    text = _QUOTED.sub(lambda match: match[0] if match[0][1:-1] in keys else "…", message[:MAX_MESSAGE])
    text = " ".join("…" if "/" in word or "\\" in word else word for word in text.split())
    return _LISTED.sub(r"\1", _NUMBER.sub("#", _ADDRESS.sub("…", text)))


def _never_valid(run: Run) -> bool:
    """Whether a run failed because its config was refused, before any of it was filled in."""
    return isinstance(run.manifest, FailedRun) and run.manifest.inputs.config.resolved is None


def _last_stage(run: Run) -> Stage | None:
    return run.manifest.stages[-1].name if run.manifest.stages else None


# --- the story of a group ---------------------------------------------------------------------------------------


class _Near(NamedTuple):
    """A failed run and another one whose config is near to it."""

    run: Run
    other: Run
    distance: int


class _Story:
    """All runs of a report, with what is asked of each group of failures."""

    def __init__(self, baseline: Run | None, everything: Runs) -> None:
        runs = self._runs = everything.runs
        self._row, self._name = everything.row, everything.name
        self._configs = Configs(runs)
        # of equally near ones the baseline is the one that the reader knows
        self._completed = [run for run in runs if isinstance(run.manifest, CompletedRun)]
        self._completed.sort(key=lambda run: run is not baseline)
        # of equally near later ones the one that worked tells most
        self._in_time = sorted(runs, key=lambda run: (run.manifest.status != "completed", in_time(run)))
        self._fingerprints: dict[Any, Fingerprint] = {}

    def groups(self) -> list[list[Run]]:
        """The runs that did not complete, by how they failed: frequent ones first.

        Failures stand before interruptions, and last among them the configs that were refused.
        """
        found: dict[Fingerprint, list[Run]] = {}
        for run in self._runs:
            if not isinstance(run.manifest, CompletedRun):
                found.setdefault(self._fingerprint(run), []).append(run)
        return sorted(
            found.values(),
            key=lambda group: (group[0].manifest.status != "failed", _never_valid(group[0]), -len(group)),
        )

    def _fingerprint(self, run: Run) -> Fingerprint:
        if run.path not in self._fingerprints:
            given = self._configs.given[run.path]
            names = config_leaves(given.config) if given is not None else ()
            self._fingerprints[run.path] = fingerprint(run, frozenset(key.rpartition(".")[2] for key in names))
        return self._fingerprints[run.path]

    def brief(self, group: Sequence[Run]) -> BriefFailure:
        """A group in one line."""
        manifest, names = group[0].manifest, tuple(self._name(run) for run in group)
        if isinstance(manifest, FailedRun):
            failure = manifest.failure
            return BriefFailure(failure.stage, failure.error, failure.message, names)
        return BriefFailure(_last_stage(group[0]), None, None, names)

    def told(self, group: Sequence[Run]) -> Setback:
        """A group in full, told of the run that was repaired, or else of the one that is nearest to a working run."""
        members = sorted(group, key=in_time)[-COMPARED_MEMBERS:]
        tries = [near for run in members if (near := self._near(run, self._later(run)))]
        repairs = [near for near in tries if isinstance(near.other.manifest, CompletedRun)]
        repair = min(reversed(repairs), key=lambda near: near.distance, default=None)
        works = [near for run in members if (near := self._near(run, self._working(run)))]
        closest = min(works, key=lambda near: near.distance, default=None)
        run = repair.run if repair else closest.run if closest else members[-1]
        after = repair
        if not repair and not _never_valid(run):  # two refused configs hold too little in common to be compared
            after = next((near for near in reversed(tries) if near.run is run), None)
        near = next((near for near in works if near.run is run), None)
        return self._setback(run, group, near.other if near else None, after)

    def _near(self, run: Run, others: Sequence[Run]) -> _Near | None:
        other = self._configs.nearest(run, others)
        return None if other is None else _Near(run, other, self._configs.distance(run, other))

    def _later(self, run: Run) -> list[Run]:
        """The runs that try to answer the same question, begun after it: those of one time stamp are in no order."""
        return [other for other in self._in_time if began_after(other, run) and self._configs.alike(run, other)]

    def _working(self, run: Run) -> Sequence[Run]:
        """The completed runs that answer the same question; where none does, all of them."""
        return [other for other in self._completed if self._configs.alike(run, other)] or self._completed

    def _setback(self, run: Run, group: Sequence[Run], other: Run | None, after: _Near | None) -> Setback:
        given = self._configs.given[run.path]
        tried = tuple(self._changes(given, other, run)) if given and other else ()
        attempt = self._attempt(run, after.other) if after else None
        manifest = run.manifest
        kind: Literal["failed", "interrupted"] = "failed" if isinstance(manifest, FailedRun) else "interrupted"
        happened, why, hint, stage = _what_happened(run)
        return Setback(
            run=self._row(run),
            kind=kind,
            runs=tuple(self._name(member) for member in group),
            compared_with=self._name(other) if other is not None else None,
            tried=tried,
            as_written=given is None or given.as_written,
            stage=stage,
            happened=happened,
            why=why,
            hint=hint,
            next=attempt,
            learned=self._learned(run, group, tried, other, attempt),
        )

    def _changes(self, given: Given, other: Run, run: Run) -> Iterator[Change]:
        """What the run changed against another one; of a config as written, only keys that it holds.

        Of a config that was refused only keys that both hold: whether its other keys mean anything is not known.
        """
        manifest = run.manifest
        known = self._configs.given[other.path]
        if known is None:
            return
        if manifest.inputs.data is not None and not isinstance(manifest.inputs.data, Data):  # its data was not found
            yield from _other_path(known.config, given)
        if not given.as_written and not known.as_written:
            yield from compare_inputs(other.manifest, manifest)
            return
        before, after = (without_seed(one.config, one.config.get("seed")) for one in (known, given))
        for change in compare_configs(before, after):
            lacks_before = change.baseline is ABSENT and (known.as_written or given.refused)
            lacks_after = change.variant is ABSENT and (given.as_written or known.refused)
            if not lacks_before and not lacks_after:
                yield change

    # --- what was tried next --------------------------------------------------------------------------------------

    def _attempt(self, run: Run, after: Run) -> Attempt:
        given, name = self._configs.given[run.path], self._name(after)
        changes = tuple(_turned(self._changes(given, after, run))) if given else ()
        manifest = after.manifest
        if isinstance(manifest, CompletedRun):
            metric = primary_metric(manifest)
            values = {"metric": metric, "value": manifest.outcome.metrics[metric].value}
            return Attempt(name, changes, "completed", Statement("tried.completed", values))
        if isinstance(manifest, FailedRun):
            same = self._fingerprint(run) == self._fingerprint(after)
            values = {"stage": manifest.failure.stage, "error": manifest.failure.error}
            code, outcome = ("tried.same", "same") if same else ("tried.elsewhere", "elsewhere")
            return Attempt(name, changes, outcome, Statement(code, values))  # type: ignore[arg-type]
        return Attempt(name, changes, "interrupted", Statement("tried.interrupted"))

    # --- what it teaches ------------------------------------------------------------------------------------------

    def _learned(
        self, run: Run, group: Sequence[Run], tried: Sequence[Change], other: Run | None, attempt: Attempt | None
    ) -> Statement:
        """One sentence from the strongest evidence: a repair, a value that only failures have, the nearest run."""
        manifest = run.manifest
        if not isinstance(manifest, FailedRun):
            return Statement("interrupted.learned")
        failure = manifest.failure
        if is_from_outside(failure.error):
            return Statement("learned.from_outside", {"error": failure.error})
        if _never_valid(run):
            return Statement("learned.not_valid")
        given = self._configs.given[run.path]
        as_written = given is None or given.as_written
        name = self._name(other) if other is not None else None
        by_nearest = _refused if as_written else _lesson
        return (
            (_repaired(attempt, as_written=as_written) if attempt else None)
            or self._shared(run, group)
            or by_nearest(failure.stage, tried, name)
        )

    def _shared(self, run: Run, group: Sequence[Run]) -> Statement | None:
        """A value that all runs of the group have and no completed one has, where it is the only such value."""
        known = [member for member in group if self._configs.given[member.path] is not None]
        working = self._working(run)
        if len(known) < 2 or len(known) < len(group) or not working:
            return None
        items = self._configs.only_in(known, working)
        if any(key == "model.class" for key, _ in items):  # its parameters come with it
            items = [item for item in items if item[0] == "model.class" or not item[0].startswith("model.")]
        if len(items) != 1:
            return None
        values = {"count": len(known), "completed": len(working), "key": items[0][0], "value": items[0][1]}
        return Statement("learned.shared", values)


def _what_happened(run: Run) -> tuple[Statement, Statement, str, Stage | None]:
    """What happened, why, the recorded hint, and the stage."""
    if isinstance(run.manifest, FailedRun):
        failure = run.manifest.failure
        happened = Statement("failed.at", {"stage": failure.stage, "error": failure.error})
        return happened, Statement("failed.why", {"message": failure.message}), failure.hint, failure.stage
    stage = _last_stage(run)
    happened = Statement("interrupted.after" if stage else "interrupted", {"stage": stage})
    return happened, Statement("interrupted.why"), "", stage


def _other_path(before: Mapping[str, Any], given: Given) -> Iterator[Change]:
    old, new = before.get("data"), given.config.get("data")
    if isinstance(old, dict) and isinstance(new, dict) and "path" in new and old.get("path") != new["path"]:
        yield Change("config", "data.path", old.get("path", ABSENT), new["path"])


def _turned(changes: Iterator[Change]) -> Iterator[Change]:
    """Changes seen from the other side."""
    return (change._replace(baseline=change.variant, variant=change.baseline) for change in changes)


# --- lessons ----------------------------------------------------------------------------------------------------


def _repaired(attempt: Attempt, *, as_written: bool) -> Statement | None:
    """What a later run shows that completed."""
    if attempt.outcome != "completed":
        return None
    things = changed_things(attempt.changes)
    values: dict[str, Any] = {"run": attempt.run, "things": things}
    if not things:
        return None if as_written else Statement("learned.came_back", values)
    if len(things) > 1:
        return None
    change = attempt.changes[0]
    if change.input != "config":
        return Statement("learned.repaired_input", values | {"input": change.input})
    code = "learned.repaired"
    if change.variant is ABSENT:
        code = "learned.repaired_without"
    elif change.baseline is ABSENT:
        code = "learned.repaired_with"
    values |= {"key": change.key, "failed": change.baseline, "worked": change.variant}
    return Statement(f"{code}_written" if as_written else code, values)


def _refused(stage: Stage, tried: Sequence[Change], other: str | None) -> Statement:
    """What a config shows that was never filled in: of keys that it does not hold, nothing is said."""
    if other is None:
        return Statement("learned.alone", {"stage": stage})
    things = changed_things(tried)
    if len(things) == 1:
        values = {"key": things[0], "failed": tried[0].variant, "other": other, "stage": stage}
        return Statement("learned.refused_one", values)
    code = "learned.refused" if things else "learned.refused_alike"
    return Statement(code, {"other": other, "things": things})


def _lesson(stage: Stage, tried: Sequence[Change], other: str | None) -> Statement:
    """One sentence that follows from the failure and its difference to the nearest run that completed."""
    values: dict[str, Any] = {"stage": stage, "other": other}
    if other is None:
        return Statement("learned.alone", values)
    things = changed_things(tried)
    if not things:
        return Statement("learned.no_difference", values)
    if len(things) > 1:
        return Statement("learned.several", values | {"things": things})
    change = tried[0]
    if change.input == "config":
        code = "learned.one_key_new" if change.baseline is ABSENT else "learned.one_key"
        return Statement(code, values | {"key": change.key, "worked": change.baseline, "failed": change.variant})
    return Statement("learned.one_input", values | {"input": change.input})
