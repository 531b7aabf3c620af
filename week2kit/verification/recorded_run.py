"""The verification of a run: the folder against its record, then against reruns."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from week2kit.canonical import JsonError, clean, drop_keys, parse_json
from week2kit.config.form import FileData
from week2kit.environment.conditions import AS_HERE, Conditions
from week2kit.environment.restoring import Factor
from week2kit.errors import (
    ChildDied,
    ConfigError,
    DataNotFound,
    TimeLimitReached,
    is_from_outside,
)
from week2kit.inputs.causes import Here, code_causes, data_causes, other_bytes, other_file
from week2kit.processes.children import Child
from week2kit.record.command import CompletedCommand, FailedCommand, RunningCommand
from week2kit.record.earlier import is_earlier
from week2kit.record.files import is_folder
from week2kit.record.machine import places_of
from week2kit.record.manifest import CompletedRun, Data, FailedRun, FoundData, FoundFile, RunningRun
from week2kit.record.partial import PartialRun, with_names
from week2kit.record.places import find_all, find_recorded, find_unrecorded, reader_of
from week2kit.record.store import Run
from week2kit.record.verdict import (
    Cause,
    Check,
    Finding,
    RerunRecord,
)
from week2kit.record.written_metrics import compared_names
from week2kit.thresholds import ANOTHER_FORM, LISTED_CELLS, MAX_MESSAGE
from week2kit.verification.checks import Judgement, failed, failing, made, missing_here, passed, undecided, without_data
from week2kit.verification.command import check_command
from week2kit.verification.evidence import rerun_record
from week2kit.verification.integrity import (
    Contents,
    check_failed_record,
    check_files,
    check_predictions,
    check_record,
)
from week2kit.verification.judging_commands import judge_command
from week2kit.verification.layers import agrees_to, metric_values
from week2kit.verification.messages import Fresh, FromPredictions, OnlyTable, RerunRequest, SecondFile, Stored, Variable
from week2kit.verification.partial import DESCRIBES_THE_TABLE, FOLDER, folder_notes
from week2kit.verification.recorded_facts import facts_of, may_be, uses_of
from week2kit.verification.rules import judge
from week2kit.verification.trainings import WORK, OtherFile, Trainings
from week2kit.verification.trials import Kind, Train, Trials
from week2kit.verification.variation import carry_out, not_in_force, variations


@dataclass(frozen=True)
class Verification(Trainings):
    """The verification of one run."""

    run: Run

    def judge(self) -> Judgement:
        """The judgement: on the folder alone, where that decides, else by reruns."""
        manifest = self.run.manifest
        if isinstance(manifest, PartialRun):
            judgement = self._partial(manifest)
            nothing = [Finding(code="vary.partial", now=judgement.verdict)] if self.options.vary else []
            return dataclasses.replace(judgement, not_varied=nothing)
        if isinstance(manifest, RunningRun | RunningCommand):
            return undecided("undecided.interrupted")
        contents = check_files(self.run)
        checks = list(contents.checks)
        if isinstance(manifest, FailedCommand | CompletedCommand):
            return self._command(manifest, checks, contents)
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
            checks += check_predictions(
                manifest, contents, lambda content: self._read_predictions(manifest, content, child)
            )
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
        causes = code_causes(manifest.inputs.code, self.here(), exactly=broken)
        if causes := [cause for cause in causes if cause.factor == "week2kit"]:  # no module of one's own measures
            return undecided("undecided.other_code", "predictions.csv", checks=checks, causes=causes)
        return Judgement("tampered", checks=checks)

    def _command(
        self, manifest: FailedCommand | CompletedCommand, checks: list[Check], contents: Contents
    ) -> Judgement:
        """The judgement on a command: on its files alone, where that decides, else by running it again."""
        checks = [*checks, *check_command(manifest, contents.files)]
        if failing(checks):
            return Judgement("tampered", checks=checks)
        if contents.unread:
            return Judgement("undecided", reason=contents.unread[0], checks=checks)

        def tell(kind: Kind, settings: Sequence[tuple[str, object]]) -> None:
            self.on_trial(self.run.name, kind, settings)

        judgement = judge_command(
            manifest, self.run, contents.files, self.options, self.deadline, tell, lambda: self._variable({})
        )
        return _with_checks(judgement, checks)

    # --- the kinds ------------------------------------------------------------------------------------------

    def _completed(
        self, manifest: CompletedRun, checks: list[Check], files: dict[str, bytes], child: Child
    ) -> Judgement:
        """Judge by reruns: the first in the child that is there (it has trained nothing), others in new ones."""
        assert manifest.inputs.config.resolved is not None
        data = manifest.inputs.data
        try:
            request = self._request(manifest.inputs.config.resolved, manifest.inputs.seed.value, data)
            stored, listed = _stored(manifest, files["predictions"]), self.run.artifact("curves")
            curves = None if listed is None else listed.sha256  # also of a file that is not there
            judgement = self._by_reruns(manifest, request, [child], stored, curves)
        except DataNotFound as error:
            judgement = without_data(error, data.path)
        except OtherFile as other:
            judgement = _on_other_file(other)
        return _with_checks(judgement, checks)

    def _by_reruns(
        self,
        record: CompletedRun | PartialRun,
        request: RerunRequest,
        fresh_children: list[Child],
        stored: Stored | None = None,
        curves: str | None = None,
    ) -> Judgement:

        def train(
            conditions: Conditions,
            *,
            repeats: bool = False,
            give_predictions: bool = False,
            against: str | None = None,
        ) -> Fresh:
            config = request.config if repeats and self.options.repeats else drop_keys(request.config, ("repeats",))
            wanted = give_predictions or request.give_predictions
            asked = dataclasses.replace(request, config=config, conditions=conditions, give_predictions=wanted)
            beside = stored
            if stored is not None and against is not None:
                beside = dataclasses.replace(stored, content=against.encode())
            if conditions != AS_HERE:
                return self.train_under(asked, beside)
            if not fresh_children:
                return self.train_in(self.children, asked, beside)
            return self.train_in(fresh_children.pop(), dataclasses.replace(asked, advise=True), beside)

        def tell(kind: Kind, factors: Sequence[Factor]) -> None:
            self.on_trial(self.run.name, kind, [(factor.name, factor.recorded) for factor in factors])

        def others(configs: list[dict[str, Any]], fresh: Fresh, near: int) -> list[Fresh]:
            assert fresh.outcome is not None
            assert fresh.predictions is not None
            outcome = fresh.outcome
            first = Stored(
                fresh.predictions.encode(), outcome.classes, outcome.predictions.score_method, [], outcome.positive
            )
            answer = self.children.call(f"{WORK}:try_recipes", request, configs, first, near, timeout=self.time_left())
            return TypeAdapter(list[Fresh]).validate_json(answer)

        trials = Trials(train, self.options.effort, tell, others)
        judgement = judge(
            record,
            self.here(),
            trials,
            tolerance=self.options.tolerance,
            curves=curves,
            restore_versions=self.options.restore_versions,
        )
        if isinstance(record, PartialRun) or stored is None:
            return judgement
        if judgement.first_divergence == "data":
            judgement = self._with_cells(judgement, record, request, stored)
        if self.options.vary and judgement.verdict == "identical":
            judgement = self._varied(judgement, record, request, trials, train, tell)
        return judgement

    def _with_cells(
        self, judgement: Judgement, manifest: CompletedRun, request: RerunRequest, stored: Stored
    ) -> Judgement:
        """A judgement on other data, with the cells and rows that differ as far as they can be told."""
        data = manifest.inputs.data
        pairs = zip(request.files, data.files, strict=False)  # of a bundled data set no file is read
        if not any(file.vouched and not file.is_recorded(recorded) for file, recorded in pairs):
            return judgement
        before = [find_recorded(self.run, file) for file in data.files]
        try:
            answer = self.children.call(
                f"{WORK}:compare_tables", request, data, before, stored, timeout=self.time_left()
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
        here = self.here().environment
        trials = Trials(train, sys.maxsize, tell)
        native = judged.native()[0]
        stops = (TimeLimitReached, ChildDied)
        try:
            variable, plain = self._variable(request.config), _is_plain(request.config, native)
        except stops as error:
            return dataclasses.replace(judgement, not_varied=[Finding(code="vary.stopped", now=str(error))])
        plan = variations(self.options.vary, here, variable, request.reader, plain=plain)

        def one(factor: Factor) -> RerunRecord:
            fresh = trials.run("varied", [factor])
            record = rerun_record(trials.done[-1], agrees_to(manifest, fresh), metric_values(fresh), [])
            idle = not_in_force(factor, native, here, fresh) if fresh.failure is None else []
            # numbers are no labels: that none moved would say nothing
            moved = None if manifest.outcome.classes is None else record.labels_moved
            return record.model_copy(update={"not_in_force": idle, "labels_moved": moved})

        done, stuck = carry_out(plan, one, stops)
        return dataclasses.replace(judgement, variations=done, not_varied=stuck)

    def _variable(self, config: dict[str, Any]) -> Variable:
        """What of a run with this config, and of this machine, can be varied; asked where scikit-learn is imported."""
        answer = self.children.call(f"{WORK}:describe_variable", config, timeout=self.time_left())
        return Variable.model_validate_json(answer)

    def _partial(self, written: PartialRun) -> Judgement:
        """Judge a folder without a manifest, with the data and the label that the caller names."""
        options = self.options
        # of several files, or of a folder, nothing says which one a config that names none would be about
        named = options.data[0].name if len(options.data) == 1 and not is_folder(options.data[0]) else None
        record, added = with_names(written, self.run.path, named, options.target)
        checks = [*folder_notes(record, written, added), *made(FOLDER, record, record)]
        if failing(checks):
            return Judgement("tampered", checks=checks)
        if record.model is not None:
            named_in, key, model = record.model
            return undecided("partial.model", named_in, {key: model}, checks=checks)
        if record.unnamed:
            held = [clean(key, 80) for key in sorted(written.as_written)][:LISTED_CELLS]
            return undecided("partial.unnamed", "config.json", held, [*record.unnamed], checks=checks)
        if record.config is None:
            return undecided("partial.config", now=record.problem, checks=checks)
        config = record.config
        assert isinstance(config.data, FileData)  # the flat form has no other
        assert config.seed is not None  # it has one by default
        try:
            file = find_unrecorded(self.run, config.data.path, options.data, options.max_data_bytes)
        except ConfigError as error:
            return undecided("partial.config", now=str(error), checks=checks)
        except DataNotFound as error:
            return without_data(error, checks=checks)
        name = PurePosixPath(file.shown).name
        request = RerunRequest(
            config.as_json(),
            config.seed,
            clean(name),
            reader_of(name) or "csv",
            file,
            give_predictions=True,
            scorers=tuple(sorted({*compared_names(record.metrics).values()})),
            digits=max((row.digits for row in (record.report or {}).values()), default=2),
        )
        judgement = self._by_reruns(record, request, [])
        if not file.vouched and judgement.reason is not None and judgement.reason.code in DESCRIBES_THE_TABLE:
            # the path of a stranger's config may lead to any table of the person who verifies it
            judgement = undecided("undecided.other_file", clean(file.shown, MAX_MESSAGE), now=file.sha256)
        return _with_checks(judgement, checks)

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
            absent = without_data(error, where, checks=checks)
        except OtherFile as other:
            absent = _with_checks(_on_other_file(other), checks)
        if missing:
            return undecided("undecided.data_found", data.path if data else "", checks=checks)
        if absent is not None:
            if manifest.failure.stage != "config" or manifest.inputs.data is not None:
                return absent
            request = self._request(value, seed, None)  # it failed before it came to the data, and does so without them
        try:
            judgement = judge_failed(manifest, self.here(), lambda: self.train_in(self.children, request, None))
        except OtherFile as other:
            judgement = _on_other_file(other)
        if absent is not None and judgement.verdict != "identical":
            return absent
        return _with_checks(judgement, checks)

    # --- children -----------------------------------------------------------------------------------------------

    def _request(self, config: dict[str, Any], seed: int, data: FoundData | None) -> RerunRequest:
        earlier, modules = is_earlier(self.run.manifest.inputs.environment), self.options.allow_modules
        if data is None or data.source == "dataset":
            path, reader = (data.path, data.reader) if data is not None else ("", "sklearn")
            return RerunRequest(config, seed, path, reader, None, allowed_modules=modules, earlier=earlier)
        files = find_all(self.run, data, self.options.data, self.options.max_data_bytes)
        only, kinds = None, {}
        for one, file in zip(data.files, files, strict=True):
            if file.sha256 == one.sha256:
                continue
            if isinstance(data, Data):
                kinds = {column.name: column.kind for column in data.columns}
            if not file.vouched:
                if not isinstance(data, Data) or file.bytes > ANOTHER_FORM * (one.bytes or 0):
                    raise OtherFile(file, one.sha256)
                only = only or OnlyTable(data.table_digest, file, one.sha256)
        readers = [reader_of(PurePosixPath(file.shown).name) for file in files]
        second = None
        if data.validation is not None:
            second = SecondFile(data.validation.path, readers[1] or data.validation.reader, files[1])
        return RerunRequest(
            config,
            seed,
            data.path,
            readers[0] or data.reader,
            files[0],
            only,
            tuple(kinds.items()),
            modules,
            earlier=earlier,
            validation=second,
        )

    def _read_predictions(self, manifest: CompletedRun, content: bytes, child: Child) -> FromPredictions:
        sizes = [fold.n_val for fold in manifest.outcome.split.folds]
        stored = _stored(manifest, content)
        answer = child.call(f"{WORK}:read_predictions", stored, sizes, timeout=self.time_left())
        return FromPredictions.model_validate_json(answer)


def _stored(manifest: CompletedRun, content: bytes) -> Stored:
    outcome, earlier = manifest.outcome, is_earlier(manifest.inputs.environment)
    method = outcome.predictions.score_method
    return Stored(content, outcome.classes, method, list(outcome.metrics), outcome.positive, earlier)


def _is_plain(config: dict[str, Any], fresh: Fresh) -> bool:
    """Whether the text of the data is a plain table, which may be written in another form without a word about it."""
    told = any(warned.code == "data.form" for warned in fresh.warnings)
    data = config.get("data")
    return not told and not (isinstance(data, dict) and {"separator", "header", "encoding"} & data.keys())


def _on_other_file(other: OtherFile) -> Judgement:
    """The judgement where a record leads to other bytes than it was made of, in a file that nobody named.

    It is the data, edited, where train read the recorded bytes in this very place, as the index of this machine has it.
    Otherwise it may be any file of that name, and says nothing of the run.
    """
    file, recorded = other.file, other.recorded
    where = clean(file.shown, MAX_MESSAGE)
    if recorded is None or Path(file.path) not in places_of(recorded):
        return undecided("undecided.other_file", where, recorded, file.sha256)
    return Judgement(
        "different",
        first_divergence="data",
        causes=[Cause(input="data", factor="bytes", recorded=recorded, now=file.sha256, proof="observed")],
        checks=[failed("data.bytes", "data.edited", where, recorded, file.sha256)],
    )


def _with_checks(judgement: Judgement, before: list[Check]) -> Judgement:
    return dataclasses.replace(judgement, checks=[*before, *judgement.checks])


def _data_of_config(value: Any) -> FoundData | None:
    """The data that a failed run's config names, where the run itself never came to it."""
    config = value if isinstance(value, dict) else {}
    data = config.get("data", {"path": config.get("input_csv", config.get("input"))})
    path = data.get("path") if isinstance(data, dict) else None
    split = config.get("split")
    validation = split.get("validation_path") if isinstance(split, dict) else None
    first, second = _named_file(path), _named_file(validation)
    if first is None or (validation is not None and second is None):
        return None
    return FoundData(**dict(first), source="file", validation=second)


def _named_file(path: object) -> FoundFile | None:
    reader = reader_of(path) if isinstance(path, str) else None
    if not isinstance(path, str) or reader is None:
        return None
    return FoundFile(path=path, from_run=None, bytes=None, sha256=None, reader=reader)


# --- failed runs --------------------------------------------------------------------------------------------------


def judge_failed(manifest: FailedRun, here: Here, again: Callable[[], Fresh]) -> Judgement:
    """The verdict on a failed run: does it fail again, at the same stage and in the same way?"""
    recorded = manifest.failure
    told = f"{recorded.stage}: {recorded.error}: {recorded.message}"
    if is_from_outside(recorded.error):
        return undecided("undecided.external_failure", recorded.stage, told)
    fresh = again()
    facts = facts_of(manifest, here, uses_of(manifest, here, fresh), exactly=True)
    rerun = [RerunRecord(factors=[], agrees_to="nothing", seconds=round(fresh.seconds, 3))]
    now = fresh.failure
    if now is not None and (now.stage, now.error, now.message) == (recorded.stage, recorded.error, recorded.message):
        rerun = [rerun[0].model_copy(update={"agrees_to": "failure"})]
        return _failed_again(manifest, fresh, rerun)
    came_out = "it completed" if now is None else f"{now.stage}: {now.error}: {now.message}"
    check = failed("failure", "failure.other", recorded.stage, told, came_out)
    old, new = manifest.inputs.data, fresh.data
    same_data = old is None or new is None or old.digests == new.digests
    if fresh.missing is not None:
        return Judgement("undecided", reason=missing_here(fresh.missing), reruns=rerun)
    external = now is not None and is_from_outside(now.error)
    if external or (facts and same_data):
        return undecided(may_be(facts), recorded.stage, told, came_out, causes=facts, reruns=rerun, checks=[check])
    causes = facts
    if old is not None and new is not None and not same_data:
        causes = [other_bytes(old, new)]
    return Judgement(
        "different", first_divergence=None if same_data else "data", causes=causes, reruns=rerun, checks=[check]
    )


def _failed_again(manifest: FailedRun, fresh: Fresh, reruns: list[RerunRecord]) -> Judgement:
    """It fails again in the same way: on the recorded data?"""
    old, new = manifest.inputs.data, fresh.data
    if old is None or new is None or old.digests == new.digests or old.sha256 is None:
        return Judgement("identical", level="failure", reruns=reruns, checks=[passed("failure")])
    if isinstance(old, Data) and isinstance(new, Data) and (causes := data_causes(old, new)):
        other = failed("data.table", "data.table", old.path, old.table_digest, new.table_digest)
        checks = [passed("failure", Finding(code="failure.same")), other]
        return Judgement("different", first_divergence="data", causes=causes, reruns=reruns, checks=checks)
    # the same table in another form; or it failed before there was a table, and nothing tells whether it is the same
    recorded, now = other_file(old, new)
    code = "data.other_text" if isinstance(old, Data) and isinstance(new, Data) else "failure.other_bytes"
    note = passed("data.bytes", Finding(code=code, where=recorded.path, recorded=recorded.sha256, now=now.sha256))
    return Judgement("identical", level="failure", reruns=reruns, checks=[passed("failure"), note])
