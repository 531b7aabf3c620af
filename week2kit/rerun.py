"""What a child process does for a verdict: train again, or compute metrics from stored predictions.

It gets bytes and a config, and answers with a JSON text of numbers and digests; it sees no run folder. Importing this
module imports scikit-learn, so only the child's side imports it.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from week2kit import conditioning
from week2kit.canonical import json_digest
from week2kit.conditions import AS_HERE
from week2kit.dataset import reader_for_config
from week2kit.environment import record_environment
from week2kit.errors import StageError, Week2kitError
from week2kit.loop.predictions import Predictions, PredictionsError, from_csv, to_csv
from week2kit.loop.run import Progress, Result, Source, recompute, run_loop
from week2kit.provenance import code_digest
from week2kit.reruns import Comparison, Fresh, FromPredictions, Here, RerunRequest, Stored, Variable
from week2kit.schema.config import FileData, parse_config
from week2kit.training import failure_record


def describe_here(allowed_modules: tuple[str, ...]) -> bytes:
    """The environment and the code of this process, which are those of every other child."""
    return Here(environment=record_environment(allowed_modules), code=code_digest()).model_dump_json().encode()


def describe_variable(config: dict[str, Any]) -> bytes:
    """What of a config, and of this machine, can be varied."""
    found = Variable(takes_jobs=conditioning.takes_jobs(config), comma_locale=conditioning.comma_locale())
    return found.model_dump_json().encode()


def train_again(request: RerunRequest, stored: Stored | None) -> bytes:
    """Carry out a config again and tell what came out, and how it compares with the stored predictions."""
    start = time.perf_counter()
    np.random.seed()  # forked children share the server's state, and unseeded draws must differ
    progress = Progress()
    failure, result, environment = None, None, None
    idle: list[str] = []
    with conditioning.in_force(request.conditions):
        try:
            request = conditioning.of_request(request)
            config = parse_config(request.config)
            if isinstance(config.data, FileData):
                reader_for_config(config.data.path)
            source = Source(request.path, None, request.reader, lambda: request.content or b"")
            modules = request.allowed_modules
            result = run_loop(config, request.seed, source, progress, advise=False, allowed_modules=modules)
        except (Week2kitError, MemoryError, OSError) as error:
            failure = failure_record(error, progress.stage)
        if request.conditions != AS_HERE:
            environment = record_environment(request.allowed_modules)
            idle = conditioning.not_in_force(request.conditions)
    fresh = Fresh(
        failure=failure,
        data=progress.data,
        split=progress.split,
        outcome=result.outcome if result else None,
        curves=json_digest(result.curves) if result and result.curves is not None else None,
        unseeded=[name for w in progress.warnings if w.code == "seed.unset" for name in w.values["estimators"]],
        comparison=_compare(result, stored) if result and stored else None,
        environment=environment,
        not_in_force=idle,
        predictions=to_csv(result.predictions).decode() if result and request.give_predictions else None,
        seconds=time.perf_counter() - start,
    )
    return fresh.model_dump_json(by_alias=True).encode()


def _compare(result: Result, stored: Stored) -> Comparison | None:
    """How far the fresh predictions are from the stored ones."""
    try:
        old = from_csv(stored.content, stored.classes, stored.method)
    except PredictionsError:
        return None
    new = result.predictions
    if not _same_rows(old, new):
        return None
    if old.scores is None or new.scores is None or old.scores.shape != new.scores.shape:
        moved = np.flatnonzero(old.y_pred != new.y_pred)
        return Comparison(rows=len(old.row), labels_moved=len(moved), first_moved=_first(old, moved))
    with np.errstate(over="ignore"):
        difference = np.abs(old.scores - new.scores)
    moved = np.flatnonzero(old.y_pred != new.y_pred) if old.classes is not None else np.array([], dtype=np.int64)
    return Comparison(
        rows=len(old.row),
        labels_moved=len(moved),
        first_moved=_first(old, moved),
        largest_score=float(np.abs(old.scores).max()),
        largest_difference=_finite(difference.max()),
        widest_tie=_widest_tie(old, moved),
    )


def _same_rows(old: Predictions, new: Predictions) -> bool:
    """Whether both speak of the same rows in the same order, and of the same true values."""
    parts = ((old.repeat, new.repeat), (old.fold, new.fold), (old.row, new.row), (old.y_true, new.y_true))
    return old.classes == new.classes and all(np.array_equal(a, b) for a, b in parts)


def _finite(value: Any) -> float:
    """A distance between stored scores, which may be as large as numbers get."""
    return min(float(value), sys.float_info.max)


def _first(predictions: Predictions, moved: np.ndarray[Any, Any]) -> int | None:
    return int(predictions.row[moved[0]]) if len(moved) else None


def _widest_tie(old: Predictions, moved: np.ndarray[Any, Any]) -> float:
    """The largest distance between the two best recorded scores of a row whose label moved; 0 where none did."""
    if not len(moved) or old.scores is None:
        return 0.0
    scores = old.scores[moved]
    if scores.ndim == 1:
        return float(np.abs(scores).max())  # a binary decision function decides at 0
    best = np.sort(scores, axis=1)[:, -2:]
    with np.errstate(over="ignore"):
        return _finite((best[:, 1] - best[:, 0]).max())


def read_predictions(stored: Stored, n_val: list[int]) -> bytes:
    """Compute from predictions.csv alone what it proves: digests, metrics, the report."""
    try:
        predictions = from_csv(stored.content, stored.classes, stored.method)
        sizes = [len(part) for part in predictions.folds()]
        if sizes != n_val:
            raise PredictionsError(f"its folds have {sizes[:5]} rows, and the record says {n_val[:5]}")
        metrics, report = recompute(predictions, stored.metric_names, stored.positive)
    except (PredictionsError, StageError) as error:
        return FromPredictions(problem=str(error)).model_dump_json().encode()
    return (
        FromPredictions(
            rows=len(predictions.row),
            digest=predictions.digest,
            scores=predictions.scores_digest,
            metrics=metrics,
            report=report,
        )
        .model_dump_json()
        .encode()
    )
