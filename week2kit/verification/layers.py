"""The layers of a run: what it recorded beside what came out of one rerun, in the loop's order.

Data, split, model, predictions, metrics: the first that differs is where things went wrong. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from week2kit.inputs.causes import other_file
from week2kit.record.manifest import CompletedRun, Data, Metric, Outcome, Split
from week2kit.record.verdict import Agreement, Check, Finding, Layer
from week2kit.thresholds import RECOMPUTED_METRIC_TOLERANCE
from week2kit.verification.checks import Expected, Question, compare, failed, failing, made, passed, skipped
from week2kit.verification.messages import Fresh


def layer_of(code: str) -> Layer | None:
    """The layer that a check is about, by its code; None for one of the record itself."""
    return _LAYERS.get(code.partition(".")[0])


_LAYERS: Final[dict[str, Layer]] = {
    "data": "data",
    "split": "split",
    "model": "model",
    "predictions": "predictions",
    "metrics": "metrics",
    "report": "metrics",
    "training": "metrics",
    "dummy": "metrics",
    "repeats": "metrics",
    "curves": "metrics",
}


_PREDICTIONS: Final = "predictions.csv"

#: What is compared of each metric, by the first part of the code.
_OF_A_METRIC: Final = ("metrics", "training", "dummy")


# --- the record beside one rerun ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rerun:
    """A record beside what came out of one rerun, which completed; and the digest of its learning curve."""

    manifest: CompletedRun
    fresh: Fresh
    curves: str | None

    @property
    def data(self) -> tuple[Data, Data]:
        """The data, recorded and here."""
        assert isinstance(self.fresh.data, Data)
        return self.manifest.inputs.data, self.fresh.data

    @property
    def split(self) -> tuple[Split, Split]:
        """The split, recorded and here."""
        assert self.fresh.split is not None
        return self.manifest.outcome.split, self.fresh.split

    @property
    def outcome(self) -> tuple[Outcome, Outcome]:
        """The outcome, recorded and here."""
        assert self.fresh.outcome is not None
        return self.manifest.outcome, self.fresh.outcome


def compare_layers(manifest: CompletedRun, fresh: Fresh, curves: str | None) -> list[Check]:
    """Every layer of the record against a rerun, in the loop's order.

    What follows from data or split is not looked at where these are others already.

    Args:
        manifest: the record.
        fresh: what came out; it completed.
        curves: the digest of the recorded learning curve, if there is one.
    """
    assert fresh.outcome is not None
    expected = Expected(manifest, repeats=any(metric.repeats for metric in fresh.outcome.metrics.values()))
    rerun = _Rerun(manifest, fresh, curves)
    checks: list[Check] = []
    for questions in (DATA, SPLIT, RESULT):
        checks += made(questions, expected, rerun)
        if questions is not RESULT and failing(checks):
            break  # what follows is made from it: that it differs too says nothing
    return checks


def _compare_data(value: Callable[[Data], Any]) -> Callable[[_Rerun, str], Check | None]:
    """The check that something of the same table is as recorded."""

    def ask(rerun: _Rerun, code: str) -> Check | None:
        old, new = rerun.data
        return compare(code, old.path, value(old), value(new)) if old.table_digest == new.table_digest else None

    return ask


def _compare_columns(rerun: _Rerun, code: str) -> Check | None:
    # old records have no digest of whole numbers as floats
    known = any(column.as_float for column in rerun.data[0].columns)
    left_out = set() if known else {"as_float"}
    old, new = rerun.data
    # which texts stand for no value is a matter of the file; and old records do not know them
    if old.digests != new.digests or old.dropped is None:
        left_out |= {"gaps"}
    return _compare_data(lambda data: [column.model_dump(exclude=left_out) for column in data.columns])(rerun, code)


def _compare_row_counts(rerun: _Rerun, code: str) -> Check | None:
    """The rows that are used, and those that were left out, which old records do not count."""
    old, new = rerun.data
    by_target = old.rows == new.rows and old.dropped is not None
    return _compare_data(lambda data: data.dropped if by_target else data.rows)(rerun, code)


def _compare_bytes(rerun: _Rerun, code: str) -> Check | None:
    old, new = rerun.data
    if old.table_digest != new.table_digest:
        return None
    if old.digests != new.digests:
        one, other = other_file(old, new)
        return passed(code, Finding(code="data.other_text", where=one.path, recorded=one.sha256, now=other.sha256))
    edited = next((pair for pair in zip(old.files, new.files, strict=True) if pair[0].bytes != pair[1].bytes), None)
    one, other = edited or (old, new)
    return compare(code, one.path, one.bytes, other.bytes)


DATA: Final[tuple[Question[_Rerun], ...]] = (
    Question(
        "data.table",
        lambda rerun, code: compare(code, other_file(*rerun.data)[0].path, *(data.table_digest for data in rerun.data)),
    ),
    Question("data.columns", _compare_columns),
    Question("data.rows", _compare_row_counts),
    Question(
        lambda of: ["data.checksum"] if of.manifest.inputs.data.unordered_digest is not None else [],
        _compare_data(lambda data: data.unordered_digest),
    ),
    Question("data.bytes", _compare_bytes),
)


def _compare_split(value: Callable[[Split], Any]) -> Callable[[_Rerun, str], Check]:
    return lambda rerun, code: compare(code, rerun.split[0].method, *map(value, rerun.split))


SPLIT: Final[tuple[Question[_Rerun], ...]] = (
    Question("split.positions", _compare_split(lambda split: split.positions)),
    Question("split.contents", _compare_split(lambda split: split.contents)),
    Question(
        "split.folds", _compare_split(lambda split: [split.splitter, *([f.n_train, f.n_val] for f in split.folds)])
    ),
)


def _compare_outcome(where: str, value: Callable[[Outcome], Any]) -> Callable[[_Rerun, str], Check]:
    return lambda rerun, code: compare(code, where, *map(value, rerun.outcome))


def _compare_rows(rerun: _Rerun, code: str) -> Check:
    return passed(code) if rerun.fresh.comparison is not None else failed(code, code, _PREDICTIONS)


def _compare_scores(rerun: _Rerun, code: str) -> Check:
    if all(outcome.predictions.scores is None for outcome in rerun.outcome):
        return skipped(code, "predictions.no_scores")
    return compare(code, _PREDICTIONS, *map(_scores, rerun.outcome))


def _compare_metric(rerun: _Rerun, code: str) -> Check | None:
    layer, _, name = code.partition(".")
    old, new = (outcome.metrics.get(name) for outcome in rerun.outcome)
    assert old is not None
    if new is None:
        return failed(code, "metrics.value", name, old.value) if layer == "metrics" else None
    if layer == "training":
        return compare(code, name, *([m.training, m.n_training_rows] for m in (old, new)), finding="metrics.training")
    if layer == "dummy":
        return compare(code, name, old.dummy, new.dummy, finding="metrics.dummy")
    if old.value != new.value:
        return failed(code, "metrics.value", name, old.value, new.value)
    return compare(
        code, name, *([m.value, m.std, *m.folds, m.greater_is_better] for m in (old, new)), finding="metrics.folds"
    )


def _repeated(of: Expected) -> list[str]:
    """One check for the repeats of each metric; one for all of them where they are not trained again."""
    names = [name for name, metric in of.manifest.outcome.metrics.items() if metric.repeats]
    return [f"repeats.{name}" for name in names] if of.repeats else ["repeats"] * bool(names)


def _compare_repeats(rerun: _Rerun, code: str) -> Check | None:
    checks = repeat_checks(*(outcome.metrics for outcome in rerun.outcome))
    return next((check for check in checks if check.code == code), None)


def repeat_checks(old: Mapping[str, Metric], new: Mapping[str, Metric]) -> Iterable[Check]:
    """The repeats of every metric, where there are some; a rerun has none where they were not asked for."""
    count = max(len(metric.repeats) for metric in old.values())
    if count and not any(metric.repeats for metric in new.values()):
        yield skipped("repeats", "repeats.not_trained", recorded=count)
        return
    for name in old if count else ():
        again = _repeats(new[name]) if name in new else None
        yield compare(f"repeats.{name}", name, _repeats(old[name]), again, finding="metrics.repeats")


def _repeats(metric: Metric) -> list[list[float | None]]:
    return [[repeat.seed, repeat.value, *repeat.folds] for repeat in metric.repeats]


def _scores(outcome: Outcome) -> str | list[str | None] | None:
    """The digests of all scores: the decision function may stand beside probabilities."""
    predictions = outcome.predictions
    return predictions.scores if predictions.decision is None else [predictions.scores, predictions.decision]


RESULT: Final[tuple[Question[_Rerun], ...]] = (
    Question("model.convergence", _compare_outcome("model", lambda o: [o.model.n_iter, o.model.converged])),
    Question(
        "predictions.form",
        _compare_outcome(
            _PREDICTIONS, lambda o: [[repr(c) for c in o.classes or ()], o.predictions.rows, o.predictions.score_method]
        ),
    ),
    Question("predictions.rows", _compare_rows),
    Question("predictions.scores", _compare_scores),
    Question("predictions.labels", _compare_outcome(_PREDICTIONS, lambda outcome: outcome.predictions.digest)),
    Question(
        lambda of: [f"{layer}.{name}" for name in of.manifest.outcome.metrics for layer in _OF_A_METRIC],
        _compare_metric,
    ),
    Question(_repeated, _compare_repeats),
    Question(
        lambda of: ["curves"] if (of.manifest.inputs.config.resolved or {}).get("learning_curve") else [],
        lambda rerun, code: compare(code, "curves.json", rerun.curves, rerun.fresh.curves),
    ),
)


def metric_values(fresh: Fresh) -> dict[str, float | None]:
    """The metrics that came out, by name; none where the rerun failed."""
    return {name: metric.value for name, metric in fresh.outcome.metrics.items()} if fresh.outcome else {}


def in_the_last_bits(checks: Iterable[Check]) -> bool:
    """Whether all that failed are metrics, and by no more than versions of scikit-learn differ in summing scores."""
    return all(
        layer_of(check.code) == "metrics"
        and check.finding is not None
        and nearly_same(check.finding.recorded, check.finding.now)
        for check in checks
        if check.outcome == "failed"
    )


def nearly_same(recorded: Any, now: Any) -> bool:
    """Whether two JSON values are equal but for the last bits of numbers."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        return recorded.keys() == now.keys() and all(nearly_same(recorded[key], now[key]) for key in recorded)
    if isinstance(recorded, list) and isinstance(now, list):
        return len(recorded) == len(now) and all(map(nearly_same, recorded, now))
    if isinstance(recorded, float) and isinstance(now, float):
        return abs(recorded - now) <= RECOMPUTED_METRIC_TOLERANCE * max(1.0, abs(recorded))
    return type(recorded) is type(now) and bool(recorded == now)


def as_note(check: Check) -> Check:
    """A difference below the level that was reached: told, and no failure."""
    return check if check.outcome != "failed" else check.model_copy(update={"outcome": "skipped"})


def agrees_to(manifest: CompletedRun, fresh: Fresh) -> Agreement:
    """How far a rerun agrees with the record, in the order of depth."""
    old, new = manifest.outcome, fresh.outcome
    if not isinstance(fresh.data, Data) or fresh.data.table_digest != manifest.inputs.data.table_digest:
        return "nothing"
    if fresh.split is None or (fresh.split.positions, fresh.split.contents) != (
        old.split.positions,
        old.split.contents,
    ):
        return "data"
    if new is None or {n: m.value for n, m in new.metrics.items()} != {n: m.value for n, m in old.metrics.items()}:
        return "split"
    if new.predictions.digest != old.predictions.digest:
        return "metrics"
    if _scores(new) != _scores(old):
        return "predictions"
    return "model" if new.model.digest == old.model.digest else "scores"


# --- reruns beside one another ------------------------------------------------------------------------------------


def _fingerprint(fresh: Fresh) -> list[tuple[Layer, object]]:
    """What has to be equal in two reruns for a run to be stable, layer by layer; bytes of the model do not count."""
    outcome, split = fresh.outcome, fresh.split
    return [
        ("split", (split.positions, split.contents) if split else None),
        ("predictions", (_scores(outcome), outcome.predictions.digest) if outcome else None),
        ("metrics", (outcome.metrics, fresh.curves) if outcome else None),
        ("model", fresh.failure.message if fresh.failure else None),
    ]


def where_unstable(reruns: list[Fresh]) -> Layer | None:
    """The first layer in which reruns in one environment differ from one another, or None."""
    for parts in zip(*map(_fingerprint, reruns), strict=True):
        if any(value != parts[0][1] for _, value in parts):
            return "model" if parts[0][0] == "predictions" else parts[0][0]
    return None
