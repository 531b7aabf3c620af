"""The layers of a run: what it recorded beside what came out of one rerun, in the loop's order.

Data, split, model, predictions, metrics: the first that differs is where things went wrong. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from week2kit.record.manifest import Column, CompletedRun, Data, Metric, Outcome, Warned
from week2kit.record.verdict import Check, Finding, Layer
from week2kit.thresholds import LISTED_KEYS, RECOMPUTED_METRIC_TOLERANCE
from week2kit.verification.integrity import compare, failed, passed, skipped
from week2kit.verification.messages import Fresh


def planned_layers(manifest: CompletedRun, *, repeats: bool = False) -> list[str]:
    """The codes of the checks that a rerun puts to a run with this manifest, when nothing decides before.

    Args:
        manifest: the record.
        repeats: whether its repeats are trained again, too.
    """
    metrics = manifest.outcome.metrics
    repeated = [name for name, metric in metrics.items() if metric.repeats]
    curves = (manifest.inputs.config.resolved or {}).get("learning_curve")
    return [
        *("data.table", "data.columns", "data.rows"),
        *(["data.checksum"] if manifest.inputs.data.unordered_digest is not None else []),
        "data.bytes",
        *("split.positions", "split.contents", "split.folds"),
        "model.convergence",
        *("predictions.form", "predictions.rows", "predictions.scores", "predictions.labels"),
        *(f"{part}.{name}" for name in metrics for part in ("metrics", "training", "dummy")),
        *([f"repeats.{name}" for name in repeated] if repeats else ["repeats"] if repeated else []),
        *(["curves"] if curves else []),
        *("model.bytes", "seed.fixed", "environment.facts", "warnings"),
    ]


def differing(checks: Iterable[Check]) -> list[Check]:
    """The checks that failed."""
    return [check for check in checks if check.outcome == "failed"]


def layer_of(code: str) -> Layer | None:
    """The layer that a check is about, by its code; None for one of the record itself."""
    return _LAYERS.get(code.partition(".")[0])


_LAYERS: Final[dict[str, Layer]] = {
    "data": "data",
    "split": "split",
    "model": "model",
    "predictions": "predictions",
    "metrics": "metrics",
    "training": "metrics",
    "dummy": "metrics",
    "repeats": "metrics",
    "curves": "metrics",
}


# --- the record beside one rerun ----------------------------------------------------------------------------------


def compare_layers(manifest: CompletedRun, fresh: Fresh, curves: str | None) -> list[Check]:
    """Every layer of the record against a rerun, in the loop's order.

    What follows from data or split is not looked at where these are others already.

    Args:
        manifest: the record.
        fresh: what came out; it completed.
        curves: the digest of the recorded learning curve, if there is one.
    """
    assert fresh.outcome is not None
    old, new = manifest.outcome, fresh.outcome
    checks: list[Check] = []
    for layer in (_data_checks(manifest, fresh), _split_checks(manifest, fresh)):
        checks += layer
        if any(check.outcome == "failed" for check in checks):
            return checks  # what follows is made from it: that it differs too says nothing
    checks.append(
        compare("model.convergence", "model.convergence", "model", _convergence(old.model), _convergence(new.model))
    )
    described = ([repr(c) for c in old.classes or ()], old.predictions.rows, old.predictions.score_method)
    now = ([repr(c) for c in new.classes or ()], new.predictions.rows, new.predictions.score_method)
    checks.append(compare("predictions.form", "predictions.form", "predictions.csv", list(described), list(now)))
    checks.append(
        passed("predictions.rows")
        if fresh.comparison is not None
        else failed("predictions.rows", "predictions.rows", "predictions.csv")
    )
    if old.predictions.scores is None and new.predictions.scores is None:
        checks.append(skipped("predictions.scores", "predictions.no_scores"))
    else:
        checks.append(
            compare(
                "predictions.scores",
                "predictions.scores",
                "predictions.csv",
                _scores(old),
                _scores(new),
            )
        )
    checks.append(
        compare(
            "predictions.labels",
            "predictions.labels",
            "predictions.csv",
            old.predictions.digest,
            new.predictions.digest,
        )
    )
    for name in old.metrics:
        checks += _metric_checks(name, old.metrics[name], new.metrics.get(name))
    checks += repeat_checks(old.metrics, new.metrics)
    if curves is not None or fresh.curves is not None:
        checks.append(compare("curves", "curves", "curves.json", curves, fresh.curves))
    return checks


def _data_checks(manifest: CompletedRun, fresh: Fresh) -> Iterable[Check]:
    old, new = manifest.inputs.data, fresh.data
    assert isinstance(new, Data)
    yield compare("data.table", "data.table", old.path, old.table_digest, new.table_digest)
    if old.table_digest == new.table_digest:
        yield compare(
            "data.columns",
            "data.columns",
            old.path,
            [_described(c, old) for c in old.columns],
            [_described(c, old) for c in new.columns],
        )
        yield compare("data.rows", "data.rows", old.path, old.rows, new.rows)
        if old.unordered_digest is not None:
            yield compare("data.checksum", "data.checksum", old.path, old.unordered_digest, new.unordered_digest)
        if old.sha256 == new.sha256:
            yield compare("data.bytes", "data.bytes", old.path, old.bytes, new.bytes)
        else:
            other = Finding(code="data.other_text", where=old.path, recorded=old.sha256, now=new.sha256)
            yield passed("data.bytes", other)


def _described(column: Column, recorded: Data) -> dict[str, Any]:
    """A column as it is compared with the recorded one; old records have no digest of whole numbers as floats."""
    known = any(c.as_float for c in recorded.columns)
    return column.model_dump(exclude=set() if known else {"as_float"})


def _split_checks(manifest: CompletedRun, fresh: Fresh) -> Iterable[Check]:
    old, new = manifest.outcome.split, fresh.split
    assert new is not None
    yield compare("split.positions", "split.positions", old.method, old.positions, new.positions)
    yield compare("split.contents", "split.contents", old.method, old.contents, new.contents)
    sizes = [[[f.n_train, f.n_val] for f in side.folds] for side in (old, new)]
    yield compare("split.folds", "split.folds", old.method, [old.splitter, *sizes[0]], [new.splitter, *sizes[1]])


def metric_values(fresh: Fresh) -> dict[str, float | None]:
    """The metrics that came out, by name; none where the rerun failed."""
    return {name: metric.value for name, metric in fresh.outcome.metrics.items()} if fresh.outcome else {}


def in_the_last_bits(checks: Iterable[Check]) -> bool:
    """Whether all that failed are metrics, and by no more than versions of scikit-learn differ in summing scores."""
    return all(
        layer_of(check.code) == "metrics"
        and check.finding is not None
        and _near(check.finding.recorded, check.finding.now)
        for check in checks
        if check.outcome == "failed"
    )


def _near(recorded: Any, now: Any) -> bool:
    if isinstance(recorded, dict) and isinstance(now, dict):
        return recorded.keys() == now.keys() and all(_near(recorded[key], now[key]) for key in recorded)
    if isinstance(recorded, list) and isinstance(now, list):
        return len(recorded) == len(now) and all(map(_near, recorded, now))
    if isinstance(recorded, float) and isinstance(now, float):
        return abs(recorded - now) <= RECOMPUTED_METRIC_TOLERANCE * max(1.0, abs(recorded))
    return type(recorded) is type(now) and bool(recorded == now)


# --- warnings -----------------------------------------------------------------------------------------------------

#: What data, split, seed and metrics alone decide, by the first part of the code: it is warned of wherever they are the
#: same. The rest is said by libraries, and by a session of itself.
_OF_INPUTS: Final = ("data", "split", "seed")
_OF_METRICS: Final = ("metric",)
_OF_SESSIONS: Final = ("session",)

#: What no rerun says: of a choice that the recorded config spells out; of repeats, which are trained when asked for.
_NOT_SAID_AGAIN: Final = frozenset({"split.not_stratified", "repeats.undefined"})


def compare_warnings(
    recorded: Sequence[Warned], advised: Fresh, fresh: Fresh, *, metrics: bool, strict: bool, libraries: bool
) -> list[Check]:
    """The warnings of a record against those of reruns.

    Args:
        recorded: those of the record.
        advised: the first rerun, which looked for leaks and shared rows.
        fresh: the rerun whose metrics count.
        metrics: whether these are the recorded ones.
        strict: whether what the inputs and the metrics decide may condemn; else it is a note.
        libraries: the same of what libraries say.
    """
    of_fresh = [warned for warned in fresh.warnings if _part(warned) not in _OF_INPUTS]
    now = [warned for warned in advised.warnings if _part(warned) in _OF_INPUTS] + of_fresh
    decided = _OF_INPUTS + (_OF_METRICS if metrics else ())
    checks = [_warning_check(*_select(recorded, now, lambda part: part in decided), condemn=strict)]
    rest = _select(recorded, now, lambda part: part not in (*_OF_INPUTS, *_OF_METRICS, *_OF_SESSIONS))
    said = _warning_check(*rest, condemn=strict and libraries)
    return [*checks, said] if said.outcome != "passed" else checks


def _part(warned: Warned) -> str:
    return warned.code.partition(".")[0]


def _select(
    recorded: Sequence[Warned], now: Sequence[Warned], wanted: Callable[[str], bool]
) -> tuple[list[Warned], list[Warned]]:
    sides = [[w for w in side if wanted(_part(w)) and w.code not in _NOT_SAID_AGAIN] for side in (recorded, now)]
    return sides[0], sides[1]


def _warning_check(recorded: list[Warned], now: list[Warned], *, condemn: bool) -> Check:
    left, alone = list(now), []
    for warned in recorded:
        same = next((other for other in left if other.code == warned.code and _near(warned.values, other.values)), None)
        if same is None:
            alone.append(warned)
        else:
            left.remove(same)
    if not alone and not left:
        return passed("warnings")
    told = [[warned.model_dump() for warned in side[:LISTED_KEYS]] for side in (alone, left)]
    return (failed if condemn else skipped)("warnings", "warnings.other", "manifest.json", *told)


def as_note(check: Check) -> Check:
    """A difference below the level that was reached: told, and no failure."""
    return check if check.outcome != "failed" else check.model_copy(update={"outcome": "skipped"})


def _convergence(model: Any) -> list[Any]:
    return [model.n_iter, model.converged]


def _metric_checks(name: str, old: Metric, new: Metric | None) -> Iterable[Check]:
    if new is None:
        yield failed(f"metrics.{name}", "metrics.value", name, old.value, None)
        return
    told = (
        [old.value, old.std, *old.folds, old.greater_is_better],
        [new.value, new.std, *new.folds, new.greater_is_better],
    )
    if told[0] == told[1] or old.value != new.value:
        yield compare(f"metrics.{name}", "metrics.value", name, old.value, new.value)
    else:
        yield failed(f"metrics.{name}", "metrics.folds", name, told[0], told[1])
    yield compare(
        f"training.{name}",
        "metrics.training",
        name,
        [old.training, old.n_training_rows],
        [new.training, new.n_training_rows],
    )
    yield compare(f"dummy.{name}", "metrics.dummy", name, old.dummy, new.dummy)


def repeat_checks(old: Mapping[str, Metric], new: Mapping[str, Metric]) -> Iterable[Check]:
    """The repeats of every metric, where there are some; a rerun has none where they were not asked for."""
    count = max(len(metric.repeats) for metric in old.values())
    if count and not any(metric.repeats for metric in new.values()):
        yield skipped("repeats", "repeats.not_trained", recorded=count)
        return
    for name in old if count else ():
        again = _repeats(new[name]) if name in new else None
        yield compare(f"repeats.{name}", "metrics.repeats", name, _repeats(old[name]), again)


def _repeats(metric: Metric) -> list[list[float | None]]:
    return [[repeat.seed, repeat.value, *repeat.folds] for repeat in metric.repeats]


def _scores(outcome: Outcome) -> str | list[str | None] | None:
    """The digests of all scores: the decision function may stand beside probabilities."""
    predictions = outcome.predictions
    return predictions.scores if predictions.decision is None else [predictions.scores, predictions.decision]


def agrees_to(manifest: CompletedRun, fresh: Fresh) -> Any:
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
