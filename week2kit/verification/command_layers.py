"""The layers of a command: which checks its record leads to, and how what is here and a rerun stand to it.

Metrics, predictions and repeats decide. Other files do where there is neither a metric nor a prediction, and are noted
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from week2kit.canonical import clean, parse_json
from week2kit.errors import UsageError
from week2kit.record.command import CommandOutcome, CompletedCommand, OutputFile, Program
from week2kit.record.manifest import Environment
from week2kit.record.verdict import Cause, Check, Finding, Layer, Level
from week2kit.training.arguments import SeedAt, find_seed
from week2kit.training.outputs import stable_name
from week2kit.verification.checks import OfCommand, Question, compare, failed, failing, made, passed, skipped
from week2kit.verification.outputs import LISTED_PLACES, compare_outputs

if TYPE_CHECKING:
    from week2kit.verification.rerunning import Again
    from week2kit.verification.workspace import Edited, Supply


# --- what goes in -----------------------------------------------------------------------------------------------


def _edited_code(supply: Supply, code: str) -> list[Check]:
    told = [
        skipped(code, "code.edited" if one.text is not None else "code.other", clean(one.place), *_both(one))
        for one in supply.edited_code
    ]
    return told or [passed(code)]


def _edited_data(supply: Supply, code: str) -> list[Check]:
    told = [failed(code, "data.changed", clean(one.place), *_both(one)) for one in supply.edited_data]
    return told or [passed(code)]


def _both(edited: Edited) -> tuple[Any, Any]:
    """Both digests, and the first places that differ, where the recorded text is kept."""
    told = {"sha256": edited.recorded}, {"sha256": edited.now}
    if edited.text is None:
        return told
    found = compare_outputs(edited.place, edited.text.encode(), edited.path.read_bytes())
    places = [{"where": one.where, "recorded": one.recorded, "now": one.now} for one in found.places]
    return told[0], {**told[1], "places": places, "count": found.count}


#: Whether code and data are still as recorded.
SUPPLY: Final[tuple[Question[Supply], ...]] = (
    Question(lambda manifest: ["code.modules"] * bool(manifest.inputs.program.modules), _edited_code),
    Question(lambda manifest: ["data.bytes"] * bool(manifest.inputs.files), _edited_data),
)


def _check_facts(facts: tuple[Environment | None, Sequence[Cause]], code: str) -> Check:
    recorded, others = facts
    if recorded is None:
        return skipped(code, "not_recorded")
    now = {fact.factor: fact.now for fact in others}
    return passed(code, Finding(code="environment.other", now=now) if now else None)


#: What is noted where the outcome came out: the recorded facts that were not in force.
FACTS: Final[Question[tuple[Environment | None, Sequence[Cause]]]] = Question("environment.facts", _check_facts)


# --- what comes out ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sides:
    """What is recorded to have come out, the texts that the run folder keeps of it, and a rerun that completed."""

    of: OfCommand
    texts: Mapping[str, str]
    again: Again

    @property
    def recorded(self) -> CommandOutcome:
        return self.of.manifest.outcome

    @property
    def now(self) -> CommandOutcome:
        assert self.again.gathered is not None
        return self.again.gathered.outcome

    @cached_property
    def others(self) -> dict[str, OutputFile]:
        """The recorded files that are no source of metrics or predictions, by the code of their check."""
        return _others(self.of)

    @cached_property
    def came_out(self) -> dict[str, OutputFile]:
        """The files that came out, by path, and where no other has it by the name that the next run gives."""
        by_name = {stable_name(one.path): one for one in reversed(self.now.files)}
        return by_name | {one.path: one for one in self.now.files}

    @cached_property
    def is_decided(self) -> bool:
        """Whether there are metrics or predictions, which decide before all other files."""
        return bool(_metrics(self.of) or _predictions(self.of) or self.now.metrics or self.now.undefined)


def compared(of: OfCommand, texts: Mapping[str, str], again: Again) -> list[Check]:
    """The layers of a rerun, held against the record; none where it failed.

    Args:
        of: the record, and whether its repeats are run again, too.
        texts: what the run folder keeps of the files that the command wrote.
        again: what came out.
    """
    if again.gathered is None:
        return []
    sides = _Sides(of, texts, again)
    recorded = {*of.manifest.outcome.metrics, *of.manifest.outcome.undefined}
    new = sorted({*sides.now.metrics, *sides.now.undefined} - recorded)  # no record foretells them
    return [*(_compare_metric(sides, f"metrics.{name}") for name in new), *made(OUTCOME, of, sides)]


# --- metrics and predictions ------------------------------------------------------------------------------------


def _metrics(of: OfCommand) -> list[str]:
    outcome = of.manifest.outcome
    return [f"metrics.{name}" for name in sorted({*outcome.metrics, *outcome.undefined})]


def _compare_metric(sides: _Sides, code: str) -> Check:
    name = code.partition(".")[2]
    return compare(code, name, _metric(sides.recorded, name), _metric(sides.now, name), finding="metrics.value")


def _metric(outcome: CommandOutcome, name: str) -> float | str | None:
    return "no finite number" if name in outcome.undefined else outcome.metrics.get(name)


def _predictions(of: OfCommand) -> list[str]:
    recorded = of.manifest.outcome.predictions
    if recorded is None:
        return []
    return ["predictions.labels", *(["predictions.scores"] if recorded.scores is not None else [])]


def _compare_predictions(sides: _Sides, code: str) -> Check:
    before, after = sides.recorded.predictions, sides.now.predictions
    assert before is not None
    if code == "predictions.labels":
        same = after is not None and (before.rows, before.digest) == (after.rows, after.digest)
    else:
        same = after is not None and before.scores == after.scores
    return passed(code) if same else failed(code, code)


# --- repeats ----------------------------------------------------------------------------------------------------


def seed_at(program: Program) -> SeedAt | None:
    """Where a recorded command has its seed; None where it has none, or the record does not say where."""
    try:
        return find_seed(program.argv, program.seed_flag) if program.seed_flag is not None else None
    except UsageError:  # a record may be anybody's
        return None


def can_repeat(manifest: CompletedCommand) -> bool:
    """Whether its repeats can be run again: as it stands, or with their seeds where it is known how one is given."""
    repeats = manifest.outcome.repeats
    return bool(repeats) and (
        all(repeat.seed is None for repeat in repeats) or seed_at(manifest.inputs.program) is not None
    )


def _repeats(of: OfCommand) -> list[str]:
    """One check for the repeats of each metric; one for all of them where they are not run again."""
    outcome = of.manifest.outcome
    if of.repeats and can_repeat(of.manifest):
        return [f"repeats.{name}" for name in sorted({name for repeat in outcome.repeats for name in repeat.metrics})]
    return ["repeats"] * bool(outcome.repeats)


def _compare_repeats(sides: _Sides, code: str) -> Check | None:
    recorded = sides.recorded.repeats
    if code == "repeats":
        why = "repeats.no_flag" if sides.of.repeats else "repeats.not_run"
        return skipped(code, why, recorded=len(recorded))
    if not sides.again.repeats:  # the run itself came out otherwise
        return None
    name = code.partition(".")[2]
    before = [[repeat.seed, repeat.metrics.get(name)] for repeat in recorded]
    now = [
        [repeat.seed, None if one.gathered is None else one.gathered.outcome.metrics.get(name)]
        for repeat, one in zip(recorded, sides.again.repeats, strict=True)
    ]
    told = next((one.failure[2] for one in sides.again.repeats if one.failure is not None), None)
    if told is not None and before != now:
        return failed(code, "repeats.failed", name, before, told)
    return compare(code, name, before, now, finding="metrics.repeats")


# --- other files ------------------------------------------------------------------------------------------------


def _others(of: OfCommand) -> dict[str, OutputFile]:
    outcome = of.manifest.outcome
    named = {outcome.metrics_from, outcome.predictions.path if outcome.predictions is not None else None}
    return {f"outputs.{file.path}": file for file in outcome.files if file.path not in named}


def _compare_output(sides: _Sides, code: str) -> Check:
    file = sides.others[code]
    other = sides.came_out.get(file.path) or sides.came_out.get(stable_name(file.path))
    if other is None:
        finding = Finding(code="output.missing", where=file.path)
    elif (places := _places(file, other, sides)) is None:
        return passed(code)
    else:
        finding = Finding(code="output.other", where=file.path, recorded=file.sha256, now=places)
    return Check(code=code, outcome="skipped" if sides.is_decided else "failed", finding=finding)


def _places(recorded: OutputFile, now: OutputFile, sides: _Sides) -> dict[str, Any] | None:
    """Where two files differ; None where they agree, to the byte or in all but times and places."""
    assert sides.again.gathered is not None
    if recorded.sha256 == now.sha256:
        return None
    before, after = sides.texts.get(recorded.path), sides.again.gathered.texts.get(now.path)
    if before is None or after is None:
        return {"sha256": now.sha256}
    result = compare_outputs(recorded.path, before.encode(), after.encode())
    if result.agreement != "no":
        return None
    places = [{"where": one.where, "recorded": one.recorded, "now": one.now} for one in result.places[:LISTED_PLACES]]
    return {"sha256": now.sha256, "places": places, "count": result.count}


OUTCOME: Final[tuple[Question[_Sides], ...]] = (
    Question(_metrics, _compare_metric),
    Question(_repeats, _compare_repeats),
    Question(_predictions, _compare_predictions),
    Question(_others, _compare_output),
)


# --- what follows -----------------------------------------------------------------------------------------------


def level_of(outcome: CommandOutcome, checks: Sequence[Check]) -> Level:
    """How deep an outcome that came out again was seen to."""
    if outcome.predictions is not None:
        models = [f"outputs.{file.path}" for file in outcome.files if file.role == "model"]
        same = {check.code for check in checks if check.outcome == "passed"}
        if outcome.predictions.scores is not None:
            return "model" if models and {*models} <= same else "scores"
        return "predictions"
    return "metrics" if outcome.metrics or outcome.undefined else "outputs"


def first_layer(checks: Iterable[Check]) -> Layer | None:
    """The first layer that differs."""
    codes = [check.code for check in failing(checks)]
    layers: tuple[tuple[Layer, tuple[str, ...]], ...] = (
        ("predictions", ("predictions.",)),
        ("metrics", ("metrics.", "repeats.")),
        ("outputs", ("outputs.",)),
    )
    return next((layer for layer, starts in layers if any(code.startswith(starts) for code in codes)), None)


def recorded_texts(files: Mapping[str, bytes]) -> dict[str, str]:
    """The texts of small outputs, by path, that a run folder keeps."""
    value = parse_json(files["outputs"]) if "outputs" in files else {}
    return {path: text for path, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}
