"""What a session of pytest collects of run folders: the run, its record, and an item for each of its checks.

This module imports pytest and the standard library; what a verification needs is imported where it is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from week2kit.errors import UnreadableRun
from week2kit.thresholds import Accept, Strict

if TYPE_CHECKING:
    from _pytest._code.code import ReprExceptionInfo

    from week2kit.record.store import Run
    from week2kit.record.verdict import Verdict

MANIFEST: Final = "manifest.json"

#: What a run without a manifest has; its items stand under the second file.
_BARE_FILES: Final = ("config.json", "metrics.json")

#: The item that stands for the whole run.
VERDICT: Final = "verdict"

#: The name under which the verdict goes with each report of an item, also into JUnit XML.
PROPERTY: Final = "week2kit.verdict"
STATUS: Final = "week2kit.status"


@dataclass(frozen=True)
class Demand:
    """What must come out for a run to pass."""

    accept: Accept = "explained"
    strict: Strict | None = None

    def accepts(self, verdict: Verdict) -> bool:
        """Whether a verdict was reached, and is good enough."""
        from week2kit.verification.options import refused

        decided = verdict.verdict not in ("undecided", "tampered", None)
        return decided and not refused(verdict, self.accept, self.strict)

    def unmet(self, verdict: Verdict) -> list[str]:
        """What was asked for beyond a good verdict, where that is why it is not accepted."""
        if verdict.verdict == "identical" and self.strict is not None:
            return [f"Expected to be identical at least down to the level {self.strict}."]
        return [f"Only {self.accept} was to be accepted."] if verdict.verdict in ("explained", "close") else []


class Verifies(Protocol):
    """What a session gives to its items.

    Attributes:
        demand: what must come out for a run to pass.
        repeats: whether repeats are trained again, too.
        found: how many runs were collected.
    """

    demand: Demand
    repeats: bool
    found: int

    def verify(self, run: Run) -> Verdict:
        """Train a run again and judge it."""


SESSION: Final = pytest.StashKey[Verifies]()


def record_file(folder: Path) -> str | None:
    """The file under which the items of a run folder stand, by the names of its files alone; None where none is one."""
    if os.path.lexists(folder / MANIFEST):
        return MANIFEST
    return _BARE_FILES[1] if all(os.path.lexists(folder / name) for name in _BARE_FILES) else None


# --- collection -------------------------------------------------------------------------------------------------

#: Files that lie beside a manifest of ours and hardly ever beside another file of that name.
_TELLING_FILES: Final = ("predictions.csv", "metrics.json", "val_report.txt", "model.joblib")
_TELLING_KEYS: Final = (b'"artifacts"', b'"inputs"', b'"nonce"', b'"outcome"', b'"run_id"', b'"schema_version"')


def holds_run(folder: Path) -> bool:
    """Whether a folder's manifest.json is one of ours, perhaps damaged; browsers and others have files of that name."""
    from week2kit.record.files import read_regular
    from week2kit.thresholds import MAX_MANIFEST_BYTES

    if any(os.path.lexists(folder / name) for name in _TELLING_FILES):
        return True
    try:
        data = read_regular(folder / MANIFEST, MAX_MANIFEST_BYTES, follow=False)
    except OSError:
        return False
    return sum(key in data for key in _TELLING_KEYS) >= 3


def holds_more(folder: Path) -> bool:
    """Whether Python files or folders lie beside a run without a manifest: then this is the folder of a project."""
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith((".", "__pycache__"))]
    except OSError:
        return False
    return any(entry.name.endswith(".py") or entry.is_dir() for entry in entries)


def id_of_folder(folder: Path, root: Path) -> str:
    """A run folder's node id: the path from pytest's root to it, also where it lies outside."""
    try:
        return Path(os.path.relpath(folder, root)).as_posix()
    except ValueError:  # another drive
        return folder.as_posix()


def _hooks_above(node: Any) -> Any:
    """The hooks as the folder above a run hears them: a conftest.py inside a run is no part of the session."""
    return node.parent.ihook


class RunFolder(pytest.Collector):
    """A run folder. What else lies in it is not collected.

    No `pytest.Directory`, for pytest would execute the conftest.py of one.
    """

    ihook = property(_hooks_above)

    def collect(self) -> Iterable[pytest.Collector]:
        """The record of the run: what pytest may take ``::`` after."""
        record = record_file(self.path) or MANIFEST
        return [RunRecord.from_parent(self, name=self.name, path=self.path / record, nodeid=self.nodeid)]


class RunRecord(pytest.Collector):
    """The record of a run, from which its items follow; the run is verified once, for all of them."""

    ihook = property(_hooks_above)
    run: Run

    def collect(self) -> Iterable[RunItem]:
        """The verdict and every check that the record leads to."""
        from week2kit.canonical import clean
        from week2kit.record.store import open_run
        from week2kit.verification.deciding import planned_checks

        session = self.config.stash[SESSION]
        session.found += 1
        folder = self.path.parent
        try:
            self.run = open_run(folder)
        except UnreadableRun as error:
            told = str(error).replace(clean(os.fspath(folder)), self.nodeid)
            return [UnreadableItem.from_parent(self, name=VERDICT, problem=told)]
        checks = dict.fromkeys(planned_checks(self.run, repeats=session.repeats))
        verdict = VerdictItem.from_parent(self, name=VERDICT)
        return [verdict, *(CheckItem.from_parent(self, name=clean(code), code=code) for code in checks)]

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict on the run, reached when it is first asked for."""
        return self.config.stash[SESSION].verify(self.run)


# --- items ------------------------------------------------------------------------------------------------------


class CheckFailed(Exception):
    """A check failed, or a verdict is not accepted; ``str()`` is one sentence a line."""


class RunItem(pytest.Item):
    """An item of a run."""

    ihook = property(_hooks_above)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.config.pluginmanager.hasplugin("xdist"):
            self.add_marker(pytest.mark.xdist_group(self.record.nodeid))  # for --dist loadgroup

    @property
    def record(self) -> RunRecord:
        """The run that this item belongs to."""
        parent = self.parent
        assert isinstance(parent, RunRecord)
        return parent

    @property
    def demand(self) -> Demand:
        """What must come out, as the user asked for."""
        return self.config.stash[SESSION].demand

    def judged(self) -> Verdict:
        """The verdict on the run, noted for the report of this item, which fails where week2kit itself failed."""
        verdict = self.record.verdict
        self.user_properties += [
            (PROPERTY, str(verdict.verdict)),
            (STATUS, str(verdict.status)),
            *([("week2kit.level", verdict.level)] if verdict.level else []),
            ("week2kit.reruns", len(verdict.reruns)),
            ("week2kit.seconds", verdict.seconds),
        ]
        if verdict.reason is not None and verdict.reason.code == "undecided.bug":
            pytest.fail("\n".join([*why_undecided(verdict), str(verdict.reason.now)]), pytrace=False)
        return verdict

    def repr_failure(  # type: ignore[override]
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> str | ReprExceptionInfo:
        """The sentences alone, without a traceback; a bug of ours keeps its own."""
        if not isinstance(excinfo.value, CheckFailed | UnreadableRun):
            return super().repr_failure(excinfo)  # type: ignore[return-value]
        from _pytest._code.code import ReprExceptionInfo, ReprFileLocation, ReprTracebackNative

        place = ReprFileLocation(f"{self.record.nodeid}/{self.record.path.name}", 1, str(excinfo.value))
        return ReprExceptionInfo(ReprTracebackNative([f"{excinfo.value}\n"]), place)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where pytest says that the item stands, and the heading of its failure."""
        return self.path, None, f"{self.record.name}: {self.name}"


class UnreadableItem(RunItem):
    """The one item of a run whose record cannot be read: it fails, and the session goes on."""

    def __init__(self, *, problem: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._problem = problem

    def runtest(self) -> None:
        """Fail, and say what is wrong with the record."""
        raise UnreadableRun(self._problem)


class VerdictItem(RunItem):
    """The verdict on the whole run."""

    def runtest(self) -> None:
        """Pass where the verdict is accepted; a run without an outcome skips, unless its folder was edited."""
        verdict = self.judged()
        if verdict.verdict == "undecided":
            pytest.skip(" ".join(why_undecided(verdict)))
        sentences = sentences_of(verdict)
        if verdict.status != "completed" and verdict.verdict != "tampered":
            pytest.skip(" ".join([*sentences, why_no_outcome(verdict)]))
        if not self.demand.accepts(verdict):
            raise CheckFailed("\n".join([*sentences, *self.demand.unmet(verdict)]))
        self.add_report_section("call", "week2kit", "\n".join(sentences))


class CheckItem(RunItem):
    """One check of a completed run."""

    def __init__(self, *, code: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._code = code

    def runtest(self) -> None:
        """Pass, fail or skip as the check did; where the run is undecided, all that did not pass skips."""
        from week2kit.sentences.findings import describe_finding

        verdict = self.judged()
        answers = [check for check in verdict.checks if check.code == self._code]
        outcomes = {check.outcome for check in answers}
        if verdict.verdict == "undecided" and outcomes != {"passed"}:
            pytest.skip(" ".join(why_undecided(verdict)))
        told = "\n".join(_flags(describe_finding(check.finding)) for check in answers if check.finding)
        if not answers:
            pytest.skip(f"not reached: {sentences_of(verdict)[0]}")
        if "failed" in outcomes and self.demand.accepts(verdict):
            pytest.skip(f"accepted, because the run is {verdict.verdict}: {told}")
        if "failed" in outcomes:
            raise CheckFailed(told)
        if "skipped" in outcomes:
            pytest.skip(told)


def sentences_of(verdict: Verdict) -> list[str]:
    """What is told of a verdict, with the flags of pytest."""
    from week2kit.sentences.verdicts import describe_verdict

    return [_flags(line) for line in describe_verdict(verdict)]


def why_no_outcome(verdict: Verdict) -> str:
    """That a run has nothing that could come out again."""
    return f"The run is recorded as {verdict.status}: it has no outcome that could come out again."


def why_undecided(verdict: Verdict) -> list[str]:
    """The verdict and its reason: of an undecided run nothing fails, and only what was found to agree passes."""
    return sentences_of(verdict)[:2]


def _flags(sentence: str) -> str:
    """A sentence that names a flag of ``week2kit verify``, with the flag that pytest has for it."""
    return re.sub(r"(?<![\w-])--(data|repeats|target|timeout|trust)\b", r"--week2kit-\1", sentence)
