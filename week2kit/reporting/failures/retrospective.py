"""What failed on the way: runs grouped by how they failed, what was tried next, and what that teaches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from week2kit.canonical import without_seed
from week2kit.errors import is_from_outside
from week2kit.inputs.changes import Change, Statement, changed_things, compare_configs, compare_inputs, primary_metric
from week2kit.inputs.leaves import ABSENT, config_leaves
from week2kit.record.command import CommandFailure, CompletedCommand, FailedCommand
from week2kit.record.manifest import CompletedRun, Data, FailedRun, FailureStage
from week2kit.record.store import Run, began_after, in_time
from week2kit.reporting.commands import command_line
from week2kit.reporting.failures.nearness import Given, Near, alike, given_config, nearest, only_in
from week2kit.reporting.runs import Runs, is_command
from week2kit.reporting.values import Attempt, BriefFailure, Setback
from week2kit.sentences.statement import part
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
    if all(run.manifest.status == "completed" for run in everything.runs):
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


def fingerprint(run: Run, given: Given | None) -> Fingerprint:
    """How a run failed: status, stage, error type, and the message without what differs from run to run."""
    if isinstance(run.manifest, FailedCommand):
        ended = run.manifest.failure
        return "failed", ended.stage, f"{ended.error} {ended.code}", normalised(ended.message)
    if not isinstance(run.manifest, FailedRun):
        return "interrupted", _last_stage(run) or "", "", ""
    failure, keys = run.manifest.failure, given.keys if given is not None else ()
    names = frozenset(key.rpartition(".")[2] for key in keys)
    return "failed", failure.stage, failure.error, normalised(failure.message, names)


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


def _last_stage(run: Run) -> FailureStage | None:
    if is_command(run):
        return "command"
    return run.manifest.stages[-1].name if run.manifest.stages else None


# --- the story of a group ---------------------------------------------------------------------------------------


class _Story:
    """All runs of a report, with what is asked of each group of failures."""

    def __init__(self, baseline: Run | None, everything: Runs) -> None:
        runs = self._runs = everything.runs
        self._row, self._name, self._scores = everything.row, everything.name, everything.scores
        self._given = {run.path: given_config(run) for run in runs}
        # of equally near ones the baseline is the one that the reader knows
        self._completed = [run for run in runs if run.manifest.status == "completed"]
        self._completed.sort(key=lambda run: run is not baseline)
        # of equally near later ones the one that worked tells most
        self._in_time = sorted(runs, key=lambda run: (run.manifest.status != "completed", in_time(run)))
        self._failed = {
            run.path: fingerprint(run, self._given[run.path]) for run in runs if run.manifest.status != "completed"
        }

    def groups(self) -> list[list[Run]]:
        """The runs that did not complete, by how they failed: frequent ones first.

        Failures stand before interruptions, and last among them the configs that were refused.
        """
        found: dict[Fingerprint, list[Run]] = {}
        for run in self._runs:
            if run.path in self._failed:
                found.setdefault(self._failed[run.path], []).append(run)
        return sorted(
            found.values(),
            key=lambda group: (group[0].manifest.status != "failed", _never_valid(group[0]), -len(group)),
        )

    def brief(self, group: Sequence[Run]) -> BriefFailure:
        """A group in one line."""
        manifest, names = group[0].manifest, tuple(self._name(run) for run in group)
        if isinstance(manifest, FailedRun | FailedCommand):
            return BriefFailure(manifest.failure.stage, manifest.failure.error, manifest.failure.message, names)
        return BriefFailure(_last_stage(group[0]), None, None, names)

    def told(self, group: Sequence[Run]) -> Setback:
        """A group in full, told of the run that was repaired, or else of the one that is nearest to a working run."""
        members = sorted(group, key=in_time)[-COMPARED_MEMBERS:]
        tries = [near for run in members if (near := nearest(run, self._later(run), self._given))]
        repairs = [near for near in tries if near.other.manifest.status == "completed"]
        repair = min(reversed(repairs), key=lambda near: near.distance, default=None)
        works = [near for run in members if (near := nearest(run, self._working(run), self._given))]
        closest = min(works, key=lambda near: near.distance, default=None)
        run = repair.run if repair else closest.run if closest else members[-1]
        after = repair
        if not repair and not _never_valid(run):  # two refused configs hold too little in common to be compared
            after = next((near for near in reversed(tries) if near.run is run), None)
        return self._setback(run, group, next((near for near in works if near.run is run), None), after)

    def _later(self, run: Run) -> list[Run]:
        """The runs that try to answer the same question, begun after it: those of one time stamp are in no order."""
        return [other for other in self._in_time if began_after(other, run) and self._alike(other, run)]

    def _working(self, run: Run) -> Sequence[Run]:
        """The completed runs that answer the same question; where none does, all configs."""
        found = [other for other in self._completed if self._alike(other, run)]
        # the words of another script mean something else; configs all have the same keys
        return found or [other for other in self._completed if not is_command(run) and not is_command(other)]

    def _alike(self, one: Run, other: Run) -> bool:
        return alike(self._given[one.path], self._given[other.path])

    def _setback(self, run: Run, group: Sequence[Run], near: Near | None, after: Near | None) -> Setback:
        tried = tuple(self._changes(near.other, run)) if near else ()
        attempt = self._attempt(run, after.other) if after else None
        given, stage, hint = self._given[run.path], _last_stage(run), ""
        known = stage is not None and not is_command(run)
        happened = Statement("interrupted.after" if known else "interrupted", {"stage": stage})
        why = Statement("interrupted.why")
        if isinstance(run.manifest, FailedRun | FailedCommand):
            failure = run.manifest.failure
            stage, hint = failure.stage, failure.hint
            happened = Statement("failed.at", {"stage": stage, "error": failure.error})
            if isinstance(run.manifest, FailedCommand):
                happened = Statement("failed.command", {"command": command_line(run.manifest)})
            why = Statement("failed.why", {"message": failure.message})
        return Setback(
            run=self._row(run),
            kind="failed" if run.manifest.status == "failed" else "interrupted",
            runs=tuple(self._name(member) for member in group),
            compared_with=self._name(near.other) if near else None,
            tried=tried,
            as_written=given is None or given.as_written,
            stage=stage,
            happened=happened,
            why=why,
            hint=hint,
            next=attempt,
            learned=self._learned(run, group, tried, near, attempt),
        )

    def _changes(self, before: Run, after: Run) -> Iterator[Change]:
        """What a run changed against another one; of a config as written, only keys that it holds.

        Of a config that was refused only keys that both hold: whether its other keys mean anything is not known.
        """
        old, new = self._given[before.path], self._given[after.path]
        if old is None or new is None:
            return
        found = [run.manifest.inputs.data for run in (before, after)]
        if any(data is not None and not isinstance(data, Data) for data in found):  # the data of one was not found
            for key, name in (("data", "path"), ("split", "validation_path")):
                paths = [part(part(given.config, key), name) for given in (old, new)]
                if None not in paths and paths[0] != paths[1]:
                    yield Change("config", f"{key}.{name}", *paths)
        if not old.as_written and not new.as_written:
            yield from compare_inputs(before.manifest, after.manifest)
            return
        configs = (without_seed(given.config, given.config.get("seed")) for given in (old, new))
        for change in compare_configs(*configs):
            lacks_old = change.baseline is ABSENT and (old.as_written or new.refused)
            lacks_new = change.variant is ABSENT and (new.as_written or old.refused)
            if not lacks_old and not lacks_new:
                yield change

    def _attempt(self, run: Run, after: Run) -> Attempt:
        """What was tried next."""
        name, changes, manifest = self._name(after), tuple(self._changes(run, after)), after.manifest
        if isinstance(manifest, CompletedRun):
            metric = primary_metric(manifest)
            values = {"metric": metric, "value": manifest.outcome.metrics[metric].value}
            return Attempt(name, changes, "completed", Statement("tried.completed", values))
        if isinstance(manifest, CompletedCommand):
            return Attempt(name, changes, "completed", self._came_out(after))
        if not isinstance(manifest, FailedRun | FailedCommand):
            return Attempt(name, changes, "interrupted", Statement("tried.interrupted"))
        if self._failed[run.path] == self._failed[after.path]:
            return Attempt(name, changes, "same", Statement("tried.same"))
        if isinstance(manifest, FailedCommand):
            told = Statement("tried.elsewhere_command", {"message": manifest.failure.message})
            return Attempt(name, changes, "elsewhere", told)
        values = {"stage": manifest.failure.stage, "error": manifest.failure.error}
        return Attempt(name, changes, "elsewhere", Statement("tried.elsewhere", values))

    def _came_out(self, run: Run) -> Statement:
        metric, score = next(iter(self._scores(run).items()), ("", None))
        if score is None:
            return Statement("tried.completed_alone")
        return Statement("tried.completed", {"metric": metric, "value": score.value})

    def _learned(
        self, run: Run, group: Sequence[Run], tried: Sequence[Change], near: Near | None, attempt: Attempt | None
    ) -> Statement:
        """One sentence from the strongest evidence: a repair, a value that only failures have, the nearest run."""
        manifest = run.manifest
        if not isinstance(manifest, FailedRun | FailedCommand):
            return Statement("interrupted.learned_of_command" if is_command(run) else "interrupted.learned")
        failure = manifest.failure
        if isinstance(failure, CommandFailure) and _ended_from_outside(failure):
            return Statement("learned.ended")
        if is_from_outside(failure.error):
            return Statement("learned.from_outside", {"error": failure.error})
        if _never_valid(run):
            return Statement("learned.not_valid")
        given = self._given[run.path]
        as_written = given is None or given.as_written
        by_repair = _repaired(attempt, as_written=as_written) if attempt else None
        name = self._name(near.other) if near else None
        return by_repair or self._shared(run, group) or _lesson(failure.stage, tried, name, as_written=as_written)

    def _shared(self, run: Run, group: Sequence[Run]) -> Statement | None:
        """A value that all runs of the group have and no completed one has, where it is the only such value."""
        failed, worked = (
            [given for member in members if (given := self._given[member.path]) is not None]
            for members in (group, self._working(run))
        )
        if len(failed) < max(2, len(group)) or not worked:
            return None
        keys = only_in(failed, worked)
        if "model.class" in keys:  # its parameters come with it
            keys = [key for key in keys if key == "model.class" or not key.startswith("model.")]
        if len(keys) != 1:
            return None
        leaves = failed[0].config if failed[0].script is not None else config_leaves(failed[0].config)
        value = leaves[keys[0]]
        values = {"count": len(failed), "completed": len(worked), "key": keys[0], "value": value}
        return Statement("learned.shared", values)


# --- lessons ----------------------------------------------------------------------------------------------------


def _ended_from_outside(failure: CommandFailure) -> bool:
    """Whether something else than the command ended it: its time limit, a person, or whoever may kill it."""
    killed = failure.error == "Signal" and failure.code in (1, 2, 9, 15)  # HUP, INT, KILL, TERM
    return killed or failure.error in ("Interrupted", "TimeLimit")


def _repaired(attempt: Attempt, *, as_written: bool) -> Statement | None:
    """What a later run shows that completed."""
    things = changed_things(attempt.changes)
    if attempt.outcome != "completed" or len(things) > 1:
        return None
    values: dict[str, Any] = {"run": attempt.run, "things": things}
    if not things:
        return None if as_written else Statement("learned.came_back", values)
    change = attempt.changes[0]
    if change.input != "config":
        return Statement("learned.repaired_input", values | {"input": change.input})
    how = "_without" if change.variant is ABSENT else "_with" if change.baseline is ABSENT else ""
    values |= {"key": change.key, "failed": change.baseline, "worked": change.variant}
    return Statement(f"learned.repaired{how}", values)


def _lesson(stage: FailureStage, tried: Sequence[Change], other: str | None, *, as_written: bool) -> Statement:
    """What follows from the difference to the nearest run that completed.

    Of a config that was never filled in nothing is said but of the keys that it holds.
    """
    things = changed_things(tried)
    values: dict[str, Any] = {"stage": stage, "other": other, "things": things}
    of = "_command" if stage == "command" else ""
    if other is None:
        return Statement(f"learned.alone{of}", values)
    if len(things) != 1:
        codes = ("refused", "refused_alike") if as_written else ("several", "no_difference")
        return Statement(f"learned.{codes[not things]}", values)
    change = tried[0]
    values |= {"input": change.input, "key": things[0], "worked": change.baseline, "failed": change.variant}
    if as_written:
        return Statement("learned.refused_one", values)
    if change.input != "config":
        return Statement(f"learned.one_input{of}", values)
    return Statement(f"learned.one_key{'_new' if change.baseline is ABSENT else ''}{of}", values)
