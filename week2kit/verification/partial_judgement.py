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
from week2kit.record.val_report import ReportRow, class_rows, held_against, report_rows
from week2kit.record.verdict import Cause, Check, Finding, Layer, MetricValues, RerunRecord
from week2kit.record.written_metrics import (
    compared_names,
    decimals,
    rounds_to,
    scorer_name,
    validation_names,
    written_digits,
)
from week2kit.thresholds import DETAILED_DIGITS, LISTED_CELLS, MAX_MESSAGE, MIN_LABELS_APART, TELLING_DIGITS
from week2kit.verification.checks import failed, passed, skipped
from week2kit.verification.judgement import OUR_ERRORS, Judgement, missing_here, undecided, without_data
from week2kit.verification.messages import Fresh, RerunRequest, Scored, Stored, Tried
from week2kit.verification.recipes import other_recipes

_METRICS_FILE: Final = "metrics.json"
_REPORT_FILE: Final = "val_report.txt"

#: Decimals of scikit-learn's own classification report.
_USUAL_DIGITS: Final = 2


#: The layer that what is shown to be another one belongs to.
_LAYERS: Final[Mapping[str, Layer]] = {
    "bare.other_columns": "data",
    "bare.other_rows": "data",
    "bare.other_classes": "data",
    "bare.other_test_size": "split",
    "bare.other_split": "split",
    "bare.all_rows_scored": "split",
    "bare.other_supports": "split",
}

#: Reasons that tell columns, classes, cells or numbers of rows: of a file that nobody named they are kept back, as the
#: path of a stranger's config may lead to any table of the person who verifies it.
_DESCRIBES_THE_TABLE: Final = frozenset({*_LAYERS, "bare.own_rule", "bare.failed"})

#: Tables that week2kit refuses by a rule of its own, by what its error says (`loop.data`): pandas and scikit-learn
#: take them, perhaps with a warning.
_OWN_RULES: Final[Mapping[str, re.Pattern[str]]] = {
    "dates": re.compile(r'Column ".*" holds dates', re.DOTALL),
    "empty": re.compile(r'Column ".*" holds no value at all', re.DOTALL),
    "twice": re.compile(r"The data file has two columns "),
    "no_target": re.compile(r'The target ".*" has no value in \d+ of ', re.DOTALL),
}


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
        *_check_record(record),
        *_check_versions(record),
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


# --- the folder alone -------------------------------------------------------------------------------------------


def _check_record(record: PartialRun) -> list[Check]:
    """The two files that hold metrics agree, as far as both hold them."""
    code = "follows.val_report"
    if record.report is None:
        return [skipped(code, "bare.report", _REPORT_FILE, now=record.report_problem)]
    held = held_against(record.report, record.metrics)
    if not held:
        return [skipped(code, "bare.report", _REPORT_FILE, now="it holds no metric of metrics.json")]
    contradictions = [
        failed(code, "bare.contradicts", name, record.metrics[name], shown)
        for name, (shown, agrees) in held.items()
        if not agrees
    ]
    return contradictions or [passed(code)]


def _check_versions(record: PartialRun) -> Iterable[Check]:
    """Where versions are recorded, that of the library that trains should be, too."""
    if "scikit-learn" not in record.versions and (record.versions or record.missing):
        recorded = sorted(record.versions)
        yield skipped("record.versions", "bare.versions_unrecorded", "scikit-learn", recorded, record.missing)


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
        compared = any(check.code.startswith("metrics.") and check.outcome == "passed" for check in self.checks)
        return compared and not any(check.outcome == "failed" for check in self.checks)


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
        if native.fresh.failure is None and not _compared(native.checks):
            return self._judgement("undecided", native, Finding(code="bare.nothing_compared"), causes=causes)
        if native.agrees:
            return self._agreed(native, causes)
        if (reason := self._refused(native) or self._other_inputs(native)) is not None:
            # the table decides, and no version makes another one of it
            return self._judgement("undecided", native, reason, causes=causes, first=_LAYERS.get(reason.code))
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
        return _Outcome(fresh, scored, [*self._split_checks(fresh), *self._value_checks(scored)])

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

    # --- checks -------------------------------------------------------------------------------------------------

    def _split_checks(self, fresh: Fresh) -> Iterable[Check]:
        if self.record.counts and fresh.split is not None:
            here = {"n_train": fresh.split.folds[0].n_train, "n_val": fresh.split.folds[0].n_val}
            now = {name: here[name] for name in self.record.counts}
            same = now == self.record.counts
            yield passed("split.folds") if same else failed("split.folds", "bare.rows", "", self.record.counts, now)
        if fresh.outcome is not None and fresh.outcome.model.converged is False:
            iterations = max(fresh.outcome.model.n_iter or [0])
            yield passed("model.converged", Finding(code="fit.not_converged", now=iterations))

    def _value_checks(self, scored: Scored) -> Iterable[Check]:
        """The report and every metric, held against the record."""
        record, names = self.record, compared_names(self.record.metrics)
        if record.report is not None:
            yield from _check_report(record.report, report_rows(scored.report))
        metrics = {name: record.metrics[name] for name, scorer in names.items() if scorer in scored.metrics}
        for name, written in metrics.items():
            yield _check_metric(name, written, scored.metrics[names[name]], metrics)
        beyond = sorted(validation_names(record.metrics).keys() - names.keys())
        left = sorted({*record.other, *record.metrics} - {*metrics, *beyond, *record.undefined})
        for code, finding, skipped_names in (
            ("metrics.beyond", "bare.beyond", beyond),
            ("metrics.undefined", "bare.undefined", record.undefined),
            ("metrics.times", "bare.times", record.times),
            ("metrics.others", "bare.not_compared", left),
        ):
            if skipped_names:
                shown = [clean(name, 80) for name in skipped_names[:LISTED_CELLS]]
                yield skipped(code, finding, _METRICS_FILE, shown, len(skipped_names))

    # --- evidence -----------------------------------------------------------------------------------------------

    def _evidence(self, outcome: _Outcome) -> tuple[Finding | None, list[RerunRecord]]:
        """Why the numbers that came out show too little, if they do, and the trainings that were done to see it."""
        values = {name: self.record.metrics[name] for name in _names_compared(outcome.checks)}
        scorers = {scorer_name(name): value for name, value in values.items()}
        if all(value in (0, 1) for value in values.values()):
            return self._shows_little("bare.saturated", values), []
        if any(_OF_PROBABILITIES.match(name) and decimals(value) >= TELLING_DIGITS for name, value in scorers.items()):
            return None, []
        of_labels = not any(_OF_SCORES.match(name) for name in scorers)
        if of_labels and outcome.scored is not None and _is_constant(report_rows(outcome.scored.report)):
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
            checks = [*self._value_checks(tried.scored)] if tried.scored is not None else []
            agrees = bool(_compared(checks)) and not any(check.outcome == "failed" for check in checks)
            reruns.append(_provoked(name, tried, checks, self._by_name(tried.scored), agrees=agrees))
            if agrees:
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
        return Finding(code="bare.thin", where=self.request.path, recorded=_names_compared(outcome.checks), now=now)

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

    def _refused(self, native: _Outcome) -> Finding | None:
        """What week2kit refuses about the table, of which other scripts may train all the same."""
        failure, path = native.fresh.failure, self.request.path
        if failure is None or failure.error not in OUR_ERRORS:
            return None
        if failure.message.startswith("data.target: the data has no column "):
            return Finding(code="bare.other_columns", where=path, now=failure.message)
        rule = next((rule for rule, said in _OWN_RULES.items() if said.match(failure.message)), None)
        return None if rule is None else Finding(code="bare.own_rule", where=path, recorded=rule, now=failure.message)

    def _other_inputs(self, native: _Outcome) -> Finding | None:
        """What shows that the record speaks of another table, or of another split, than were used here."""
        fresh, scored, path = native.fresh, native.scored, self.request.path
        if fresh.split is None or scored is None:
            return None
        here = {"n_train": fresh.split.folds[0].n_train, "n_val": fresh.split.folds[0].n_val}
        counts = self._counts()
        if counts.keys() == here.keys() and sum(counts.values()) != sum(here.values()):
            return Finding(code="bare.other_rows", where=path, recorded=counts, now=sum(here.values()))
        if any(here[name] != count for name, count in counts.items()):
            code = "bare.other_test_size" if counts.keys() == here.keys() else "bare.other_split"
            if code == "bare.other_split" and counts.get("n_val", 0) > max(here.values()):
                code = "bare.all_rows_scored"
            return Finding(code=code, where=path, recorded=counts, now=here)
        recorded, now = _supports(self.record.report or {}), _supports(report_rows(scored.report))
        if recorded and sorted(recorded.values()) != sorted(now.values()):
            code = "bare.other_supports" if recorded.keys() == now.keys() else "bare.other_classes"
            listed = [{clean(name, 80): side[name] for name in sorted(side)[:LISTED_CELLS]} for side in (recorded, now)]
            return Finding(code=code, where=path, recorded=listed[0], now=listed[1])
        return None

    def _counts(self) -> dict[str, int]:
        """How many rows the record counts; the report counts validation rows, too."""
        average = (self.record.report or {}).get("weighted avg")
        return {**({"n_val": average.support} if average is not None else {}), **self.record.counts}

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
        rerun = _rerun("restored", again, self._values(again), versions)
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
        reruns = [_rerun("native", native, self._values(native)), rerun, *others]
        if reason is not None:
            judgement = self._judgement("undecided", again, reason, causes=causes_now, more=more)
        else:
            reason = self._thin(again, others)
            judgement = self._judgement("explained", again, reason, level="metrics", causes=causes_now, more=more)
        metrics = {
            name: MetricValues(recorded=value.recorded, here=native_value, restored=value.here)
            for name, value in judgement.metrics.items()
            if (native_value := self._values(native).get(name)) is not None
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

    def _values(self, outcome: _Outcome) -> dict[str, float]:
        return self._by_name(outcome.scored)

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
        values = self._values(outcome)
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


def _compared(checks: Iterable[Check]) -> list[Check]:
    """The checks that compare a metric."""
    return [check for check in checks if check.code.startswith("metrics.") and check.outcome != "skipped"]


def _names_compared(checks: Iterable[Check]) -> list[str]:
    """The metrics that were compared, under their names in metrics.json."""
    return [check.code.removeprefix("metrics.") for check in _compared(checks)]


def _is_constant(rows: Mapping[str, ReportRow]) -> bool:
    """Whether a report is that of one and the same answer for every row."""
    found = [row for row in class_rows(rows).values() if float(row.numbers[1]) > 0]
    return len(found) == 1 and float(found[0].numbers[1]) == 1 and len(class_rows(rows)) > 1


def _check_metric(name: str, written: float, here: float, others: dict[str, float]) -> Check:
    code = f"metrics.{name}"
    if written == here:
        return passed(code)
    digits = written_digits(written, others)
    if digits is not None and rounds_to(here, written, digits):
        return passed(code, Finding(code="bare.rounded", where=name, recorded=written, now=digits))
    return failed(code, "metrics.value", name, written, here)


def _check_report(recorded: dict[str, ReportRow], here: dict[str, ReportRow]) -> Iterable[Check]:
    """The rows of the report; a script may give its classes other names, and list some that no row has."""
    code = "report.rows"
    other = next((name for name in recorded if name in here and recorded[name].values != here[name].values), None)
    alone = [name for name in recorded if name not in here]
    shown = [clean(name, 80) for name in alone[:LISTED_CELLS]]
    if other is not None:
        numbers = [" ".join(side[other].numbers) for side in (recorded, here)]
        yield failed(code, "bare.report_row", clean(other, 80), *numbers)
    elif class_rows(recorded) and _of_classes(recorded) != _of_classes(here):
        lacking = [clean(name, 80) for name in class_rows(here) if name not in recorded][:LISTED_CELLS]
        yield failed(code, "bare.report_rows_other", _REPORT_FILE, shown, lacking)
    elif alone and class_rows(recorded):
        yield passed(code, Finding(code="bare.report_names", where=_REPORT_FILE, recorded=shown, now=len(alone)))
    elif alone:
        yield skipped(code, "bare.report_rows_alone", _REPORT_FILE, shown, len(alone))
    else:
        yield passed(code)


def _of_classes(rows: dict[str, ReportRow]) -> list[tuple[float, ...]]:
    """The numbers of the rows of classes, whatever these are called and in whatever order they stand.

    A row that counts nothing and scores nothing is of a class that no validation row has.
    """
    return sorted(row.values for row in class_rows(rows).values() if any(row.values))


def _supports(rows: dict[str, ReportRow]) -> dict[str, int]:
    """How many validation rows each class has that has any."""
    return {name: row.support for name, row in class_rows(rows).items() if row.support}


def _rerun(
    kind: Literal["native", "restored"],
    outcome: _Outcome,
    values: dict[str, float],
    versions: Iterable[tuple[str, str]] = (),
) -> RerunRecord:
    fresh, settings = outcome.fresh, _settings(versions)
    return RerunRecord(
        kind=kind,
        factors=list(settings),
        settings=settings,
        agrees_to="metrics" if outcome.agrees else "nothing",
        differs=[check.code for check in outcome.checks if check.outcome == "failed"],
        metrics=values,
        failure=f"{fresh.failure.error}: {fresh.failure.message}" if fresh.failure else None,
        seconds=round(fresh.seconds, 3),
    )


def _provoked(
    recipe: str, tried: Tried, checks: Iterable[Check], values: dict[str, float], *, agrees: bool
) -> RerunRecord:
    """One training of another recipe, which was done to see whether it gives the same."""
    return RerunRecord(
        kind="provoked",
        factors=["recipe"],
        settings={"recipe": recipe},
        agrees_to="metrics" if agrees else "nothing",
        differs=[check.code for check in checks if check.outcome == "failed"],
        labels_moved=tried.apart,
        metrics=values,
        failure=tried.failure,
        seconds=round(tried.seconds, 3),
    )


def _settings(versions: Iterable[tuple[str, str]]) -> dict[str, Any]:
    return {name if name == "python" else f"library.{name}": version for name, version in versions}
