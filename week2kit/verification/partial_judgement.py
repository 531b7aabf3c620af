"""The judgement on a run that was made without week2kit: from its few files and one training here to a verdict.

Its record fixes config and seed, and neither code nor data nor environment. So what agrees is `identical` at the level
of metrics and never deeper, and what differs proves nothing: it is `undecided`. Only files that contradict each other
are `tampered`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, Protocol

from week2kit.canonical import clean
from week2kit.config.form import Config, FileData
from week2kit.environment.conditions import AS_HERE, Conditions
from week2kit.errors import ConfigError, DataNotFound
from week2kit.processes.interpreters import nearest_python
from week2kit.record.manifest import Data, Environment
from week2kit.record.partial import PartialRun
from week2kit.record.places import DataFile, find_unrecorded, reader_of
from week2kit.record.requirements import same_version
from week2kit.record.store import Run
from week2kit.record.val_report import class_rows, report_rows
from week2kit.record.verdict import Cause, Check, Finding, Layer, MetricValues, RerunRecord
from week2kit.record.written_metrics import (
    compared_names,
    decimals,
    scorer_name,
)
from week2kit.thresholds import DETAILED_DIGITS, MAX_MESSAGE, MIN_LABELS_APART, TELLING_DIGITS
from week2kit.verification.checks import passed, skipped
from week2kit.verification.judgement import OUR_ERRORS, Judgement, missing_here, undecided, without_data
from week2kit.verification.messages import Fresh, RerunRequest, Scored, Stored, Tried
from week2kit.verification.partial_checks import (
    LAYERS,
    agrees,
    check_report,
    check_split,
    check_values,
    check_versions,
    compared,
    is_constant,
    names_compared,
    other_inputs,
)
from week2kit.verification.recipes import other_recipes
from week2kit.verification.trials import Kind

#: Decimals of scikit-learn's own classification report.
_USUAL_DIGITS: Final = 2

#: Reasons that tell columns, classes, cells or numbers of rows: of a file that nobody named they are kept back, as the
#: path of a stranger's config may lead to any table of the person who verifies it.
_DESCRIBES_THE_TABLE: Final = frozenset({*LAYERS, "bare.own_rule", "bare.failed"})

#: Metrics that move with every probability: no other recipe gives the same digits.
_OF_PROBABILITIES: Final = re.compile(r"(?:neg_)?(?:log_loss|brier_score)|d2_(?:log_loss|brier)")

#: Metrics of scores, which tell models apart that give every row the same label.
_OF_SCORES: Final = re.compile(r"(?:neg_)?(?:log_loss|brier|roc_auc|average_precision|top_k|d2_)")


class Rerunner(Protocol):
    """The children in which a run is trained again."""

    def environment(self) -> Environment:
        """What is in force in them."""

    def train(self, request: RerunRequest) -> Fresh:
        """Train once; what conditions make impossible is a failure in the answer."""

    def score(self, predictions: Stored, digits: int) -> Scored:
        """The metrics and the report of fresh predictions."""

    def try_recipes(
        self, request: RerunRequest, configs: list[dict[str, Any]], stored: Stored, digits: int, near: int
    ) -> list[Tried]:
        """Train other configs on the same rows, up to the first whose labels are others in fewer rows than `near`."""

    def tell(self, kind: Literal["native", "restored", "provoked"], factors: list[tuple[str, str]]) -> None:
        """Say what is being trained."""


def judge_partial(
    run: Run,
    record: PartialRun,
    children: Rerunner,
    given: Path | None,
    *,
    restore_versions: bool,
    max_data_bytes: int | None = None,
) -> Judgement:
    """The verdict on a run that was made without week2kit.

    Args:
        run: the run.
        record: what is recorded of it, perhaps with names that the caller gives.
        children: trains and scores in other processes.
        given: the data file, where the caller names it.
        restore_versions: whether recorded versions of Python and of libraries may be put back.
        max_data_bytes: what the data may have, and unpack to, where the caller says so.
    """
    before = [
        skipped("record.manifest", "bare.no_manifest", "manifest.json"),
        *check_report(record),
        *check_versions(record),
    ]
    if any(check.outcome == "failed" for check in before):
        return Judgement("tampered", checks=before)
    if record.model is not None:
        named_in, key, model = record.model
        return undecided("bare.model", named_in, {key: model}, checks=before)
    if record.config is None:
        return undecided("bare.config", now=record.problem, checks=before)
    assert isinstance(record.config.data, FileData)  # the flat form has no other
    try:
        file = find_unrecorded(run, record.config.data.path, given, max_data_bytes)
    except ConfigError as error:
        return undecided("bare.config", now=str(error), checks=before)
    except DataNotFound as error:
        return without_data(error, checks=before)
    case = _Case(record, _request(record.config, file), before, children)
    judgement = case.judge(restore_versions=restore_versions)
    if file.vouched or judgement.reason is None or judgement.reason.code not in _DESCRIBES_THE_TABLE:
        return judgement
    return undecided("bare.not_named", clean(file.shown, MAX_MESSAGE), now=file.sha256, checks=before)


def _request(config: Config, file: DataFile) -> RerunRequest:
    assert config.seed is not None  # the flat form has one by default
    name = PurePosixPath(file.shown).name
    return RerunRequest(
        config=config.as_json(),
        seed=config.seed,
        path=clean(name),
        reader=reader_of(name) or "csv",
        file=file,
        give_predictions=True,
    )


# --- the training -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Outcome:
    """What one training came to, and its checks against the record."""

    fresh: Fresh
    scored: Scored | None
    checks: list[Check]

    @property
    def agrees(self) -> bool:
        """Whether a metric was compared, and nothing differs."""
        return agrees(self.checks)


@dataclass(frozen=True)
class _Case:
    record: PartialRun
    request: RerunRequest
    before: list[Check]
    children: Rerunner

    def judge(self, *, restore_versions: bool) -> Judgement:
        self.children.tell("native", [])
        native = self._train()
        if native.fresh.missing is not None:
            return self._judgement("undecided", native, missing_here(native.fresh.missing))
        causes = self._other_versions() if self.record.versions else []
        if native.fresh.failure is None and not compared(native.checks):
            return self._judgement("undecided", native, Finding(code="bare.nothing_compared"), causes=causes)
        if native.agrees:
            return self._agreed(native, causes)
        if (reason := other_inputs(self.record, native.fresh, native.scored, self.request.path)) is not None:
            # the table decides, and no version makes another one of it
            return self._judgement("undecided", native, reason, causes=causes, first=LAYERS.get(reason.code))
        if restore_versions and causes:
            return self._restored(native, causes)
        return self._differs(native, causes)

    def _agreed(self, native: _Outcome, causes: list[Cause]) -> Judgement:
        """Every recorded number came out: whether that shows by which recipe the script came to them."""
        notes = _other_versions_note(causes)
        reason, others = self._evidence(native)
        if reason is None:
            reason = self._thin(native, others)
            judgement = self._judgement("identical", native, reason, level="metrics", more=notes)
        else:
            judgement = self._judgement("undecided", native, reason, more=notes)
        return dataclasses.replace(judgement, reruns=[*judgement.reruns, *others])

    def _train(self, conditions: Conditions = AS_HERE) -> _Outcome:
        fresh = self.children.train(dataclasses.replace(self.request, conditions=conditions))
        stored = self._stored(fresh)
        if stored is None:
            return _Outcome(fresh, None, [])
        scored = self.children.score(stored, self._report_digits())
        return _Outcome(fresh, scored, [*check_split(self.record, fresh), *check_values(self.record, scored)])

    def _stored(self, fresh: Fresh) -> Stored | None:
        """The predictions of a training that came to its end, and which metrics of them are asked for."""
        if fresh.failure is not None or fresh.outcome is None or fresh.predictions is None:
            return None
        return Stored(
            fresh.predictions.encode(),
            fresh.outcome.classes,
            fresh.outcome.predictions.score_method,
            sorted({*compared_names(self.record.metrics).values()}),
            fresh.outcome.positive,
            earlier=True,  # what a script gets from scikit-learn's functions, undefined or not
        )

    def _report_digits(self) -> int:
        rows = (self.record.report or {}).values()
        return max((row.digits for row in rows), default=_USUAL_DIGITS)

    # --- evidence -----------------------------------------------------------------------------------------------

    def _evidence(self, outcome: _Outcome) -> tuple[Finding | None, list[RerunRecord]]:
        """Why the numbers that came out show too little, if they do, and the trainings that were done to see it."""
        values = {name: self.record.metrics[name] for name in names_compared(outcome.checks)}
        scorers = {scorer_name(name): value for name, value in values.items()}
        if all(value in (0, 1) for value in values.values()):
            return self._shows_little("bare.saturated", values), []
        if any(_OF_PROBABILITIES.match(name) and decimals(value) >= TELLING_DIGITS for name, value in scorers.items()):
            return None, []
        of_labels = not any(_OF_SCORES.match(name) for name in scorers)
        if of_labels and outcome.scored is not None and is_constant(report_rows(outcome.scored.report)):
            return self._shows_little("bare.one_class", values), []
        if of_labels and not self._is_detailed(outcome, scorers):
            return self._shows_little("bare.coarse", values), []
        return self._other_recipe(outcome, values, MIN_LABELS_APART if of_labels else 0)

    def _is_detailed(self, outcome: _Outcome, scorers: Mapping[str, float]) -> bool:
        """Whether what agreed tells which classes were taken for which, and not only how many rows were wrong."""
        report = any(check.code == "report.rows" and check.outcome == "passed" for check in outcome.checks)
        if report and class_rows(self.record.report or {}):
            return True
        return any(name != "accuracy" and decimals(value) >= DETAILED_DIGITS for name, value in scorers.items())

    def _other_recipe(
        self, outcome: _Outcome, values: Mapping[str, float], near: int
    ) -> tuple[Finding | None, list[RerunRecord]]:
        """The first other recipe that gives what is recorded, too, or other labels in fewer rows than `near`."""
        fresh, stored = outcome.fresh, self._stored(outcome.fresh)
        if stored is None or fresh.split is None or not isinstance(fresh.data, Data):
            return None, []
        self.children.tell("provoked", [("recipe", "several others")])
        configs = other_recipes(self.request.config, fresh.split.folds[0].n_train, fresh.data)
        reruns = []
        answers = self.children.try_recipes(self.request, [*configs.values()], stored, self._report_digits(), near)
        for name, tried in zip(configs, answers, strict=False):
            checks = [*check_values(self.record, tried.scored)] if tried.scored is not None else []
            reruns.append(_provoked(name, tried, checks, self._by_name(tried.scored)))
            if agrees(checks):
                return self._shows_little("bare.other_recipe", values, recipe=name), reruns
            if tried.apart is not None and tried.apart < near:
                return self._shows_little("bare.near_recipe", values, recipe=name, rows=tried.apart), reruns
        return None, reruns

    def _shows_little(self, code: str, values: Mapping[str, float], **other: Any) -> Finding:
        return Finding(code=code, where=self.request.path, recorded={**values}, now={**self._recipe(), **other})

    def _recipe(self) -> dict[str, Any]:
        """The recipe that was trained here, which is the one that the flat form means."""
        config = self.request.config
        return {
            "model": config["model"]["class"].rpartition(".")[2],
            **config["model"]["params"],
            "preprocess": config["preprocess"],
            "split": config["split"],
            "random_state": self.request.seed,
        }

    # --- verdicts -----------------------------------------------------------------------------------------------

    def _thin(self, outcome: _Outcome, others: Sequence[RerunRecord]) -> Finding:
        tried = sum(other.failure is None for other in others)
        now = {"sha256": self._digest(), **self._recipe(), "other_recipes": tried}
        return Finding(code="bare.thin", where=self.request.path, recorded=names_compared(outcome.checks), now=now)

    def _digest(self) -> str:
        assert self.request.file is not None  # the flat form has no other data
        return self.request.file.sha256

    def _differs(self, native: _Outcome, causes: list[Cause], more: Iterable[Check] = ()) -> Judgement:
        failure = native.fresh.failure
        if failure is not None:
            said = failure.message if failure.error in OUR_ERRORS else f"{failure.error}: {failure.message}"
            reason = Finding(code="bare.failed", where=failure.stage, recorded="completed", now=said)
            return self._judgement("undecided", native, reason, causes=causes, more=more)
        code = "bare.other_versions" if causes else "bare.same_versions" if self.record.versions else "bare.no_versions"
        split = any(check.code == "split.folds" and check.outcome == "failed" for check in native.checks)
        first: Layer = "split" if split else "metrics"
        reason = Finding(code=code, where=self.request.path, now=self._digest())
        return self._judgement("undecided", native, reason, causes=causes, first=first, more=more)

    def _restored(self, native: _Outcome, causes: list[Cause]) -> Judgement:
        """Train with the recorded versions, all of them at once.

        A Python on which week2kit does not run gives way to the oldest on which it does: the libraries matter more.
        """
        python = next((str(cause.recorded) for cause in causes if cause.factor == "python"), None)
        request = None if python is None else nearest_python(python)
        instead = python is not None and request is not None and not same_version(python, request)
        put_back = [cause for cause in causes if not (instead and cause.factor == "python")]
        versions = tuple(sorted((cause.factor.removeprefix("library."), str(cause.recorded)) for cause in put_back))
        if not versions:
            note = skipped("environment.restored", "bare.python_too_old", "", python)
            return self._differs(native, causes, [note])
        self.children.tell("restored", list(versions))
        asked = dict(versions) | ({"python": request} if request is not None else {})
        again = self._train(Conditions(versions=tuple(sorted(asked.items()))))
        rerun = _rerun("restored", again, self._by_name(again.scored), versions)
        causes_now = [_read_back(cause, again.fresh.environment) for cause in causes]
        proven = [cause for cause in causes_now if cause.proof == "restored"]
        notes = [passed("environment.python", Finding(code="bare.python_instead", recorded=python, now=request))]
        if not again.agrees or not proven:
            why = again.fresh.failure.message if again.fresh.failure else None
            note = skipped("environment.restored", "bare.not_restored", "", dict(versions), why)
            judgement = self._differs(native, causes, [*(notes if instead else ()), note])
            return dataclasses.replace(judgement, reruns=[*judgement.reruns, rerun])
        reason, others = self._evidence(again)
        together = [passed("environment.restored", Finding(code="bare.together", recorded=[c.factor for c in proven]))]
        more = [*(notes if instead else ()), *(together if len(proven) > 1 else ())]
        reruns = [_rerun("native", native, self._by_name(native.scored)), rerun, *others]
        if reason is not None:
            judgement = self._judgement("undecided", again, reason, causes=causes_now, more=more)
        else:
            reason = self._thin(again, others)
            judgement = self._judgement("explained", again, reason, level="metrics", causes=causes_now, more=more)
        metrics = {
            name: MetricValues(recorded=value.recorded, here=native_value, restored=value.here)
            for name, value in judgement.metrics.items()
            if (native_value := self._by_name(native.scored).get(name)) is not None
        }
        return dataclasses.replace(judgement, metrics=metrics, reruns=reruns)

    def _other_versions(self) -> list[Cause]:
        environment = self.children.environment()
        here = {"python": environment.python, **environment.libraries}
        return [
            Cause(
                input="environment",
                factor=name if name == "python" else f"library.{name}",
                recorded=version,
                now=here.get(name),
                proof="observed",
            )
            for name, version in sorted(self.record.versions.items())
            if not same_version(version, here.get(name, ""))
        ]

    def _by_name(self, scored: Scored | None) -> dict[str, float]:
        """What came out, under the names of metrics.json."""
        found = scored.metrics if scored is not None else {}
        names = compared_names(self.record.metrics)
        return {name: found[scorer] for name, scorer in names.items() if scorer in found}

    def _judgement(
        self,
        verdict: Literal["identical", "explained", "undecided"],
        outcome: _Outcome,
        reason: Finding,
        *,
        level: Literal["metrics"] | None = None,
        first: Layer | None = None,
        causes: Iterable[Cause] = (),
        more: Iterable[Check] = (),
    ) -> Judgement:
        values = self._by_name(outcome.scored)
        return Judgement(
            verdict,
            level=level,
            first_divergence=first,
            reason=reason,
            causes=list(causes),
            metrics={
                name: MetricValues(recorded=self.record.metrics[name], here=value) for name, value in values.items()
            },
            reruns=[_rerun("native", outcome, values)],
            checks=[*self.before, *outcome.checks, *more],
        )


def _read_back(cause: Cause, environment: Environment | None) -> Cause:
    """A cause, as restored where its version was in force: this patch release of Python may not be installed here."""
    if environment is None:
        return cause
    in_force = {"python": environment.python, **environment.libraries}
    restored = same_version(str(cause.recorded), in_force.get(cause.factor.removeprefix("library."), ""))
    return cause.model_copy(update={"proof": "restored"}) if restored else cause


def _other_versions_note(causes: list[Cause]) -> list[Check]:
    """That it came out under other versions than recorded: a note, as nothing is left to be explained."""
    if not causes:
        return []
    recorded = {cause.factor.removeprefix("library."): cause.recorded for cause in causes}
    now = {cause.factor.removeprefix("library."): cause.now for cause in causes}
    return [passed("environment.facts", Finding(code="bare.other_versions_hold", recorded=recorded, now=now))]


def _rerun(
    kind: Literal["native", "restored"],
    outcome: _Outcome,
    values: dict[str, float],
    versions: Iterable[tuple[str, str]] = (),
) -> RerunRecord:
    settings = {name if name == "python" else f"library.{name}": version for name, version in versions}
    failure = outcome.fresh.failure
    said = f"{failure.error}: {failure.message}" if failure else None
    return _record(kind, settings, outcome.checks, values, said, outcome.fresh.seconds)


def _provoked(recipe: str, tried: Tried, checks: Sequence[Check], values: dict[str, float]) -> RerunRecord:
    """One training of another recipe, which was done to see whether it gives the same."""
    record = _record("provoked", {"recipe": recipe}, checks, values, tried.failure, tried.seconds)
    return record.model_copy(update={"labels_moved": tried.apart})


def _record(
    kind: Kind,
    settings: dict[str, Any],
    checks: Sequence[Check],
    values: dict[str, float],
    failure: str | None,
    seconds: float,
) -> RerunRecord:
    return RerunRecord(
        kind=kind,
        factors=list(settings),
        settings=settings,
        agrees_to="metrics" if agrees(checks) else "nothing",
        differs=[check.code for check in checks if check.outcome == "failed"],
        metrics=values,
        failure=failure,
        seconds=round(seconds, 3),
    )
