"""The numbers of the pictures, from what training recorded; `week2kit.rendering.output` draws them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from week2kit.canonical import JsonError, label_texts, parse_json
from week2kit.inputs.changes import primary_metric
from week2kit.record.manifest import CompletedRun
from week2kit.record.store import Run
from week2kit.reporting.predicted import NotComparable, Predicted, Reader
from week2kit.reporting.values import Calibration, CalibrationPoint, Curve, CurvePoint, Figures, Fit, Residuals
from week2kit.thresholds import CALIBRATION_BINS, RESIDUAL_POINTS

#: The inner edges of the bins of a calibration curve; a probability on an edge belongs to the bin below it.
_EDGES: Final = tuple(bin_ / CALIBRATION_BINS for bin_ in range(1, CALIBRATION_BINS))


def make_figures(
    runs: Sequence[Run], predictions: Reader, name: Callable[[Run], str], intact: Callable[[Run, str], bool]
) -> Figures:
    """The figures of completed runs, the baseline first.

    Args:
        runs: completed runs.
        predictions: reads a run's predictions.
        name: how a run is shown.
        intact: whether a run's artifact is the file that it recorded; of another one nothing is drawn.
    """
    manifests = [run.manifest for run in runs if isinstance(run.manifest, CompletedRun)]
    metric = primary_metric(manifests[0])
    calibration: list[Calibration] = []
    residuals: list[Residuals] = []
    for run, manifest in zip(runs, manifests, strict=True):
        if not intact(run, "predictions"):
            continue
        try:
            if manifest.outcome.task == "regression":
                residuals.append(_residuals(name(run), predictions(run)))
            elif manifest.outcome.predictions.score_method == "predict_proba":
                calibration += _calibration(name(run), manifest, predictions(run))
        except (NotComparable, ValueError):
            continue  # a picture is an extra: what cannot be read is not drawn, and the rows say why
    return Figures(
        metric=metric,
        greater_is_better=manifests[0].outcome.metrics[metric].greater_is_better,
        fits=tuple(
            Fit(name(run), metric, found.training, found.value)
            for run, manifest in zip(runs, manifests, strict=True)
            if (found := manifest.outcome.metrics.get(metric)) is not None
            and found.training is not None
            and found.value is not None
        ),
        curves=tuple(curve for run in runs if intact(run, "curves") and (curve := _curve(run, name(run))) is not None),
        calibration=tuple(calibration),
        residuals=tuple(residuals),
    )


def _curve(run: Run, name: str) -> Curve | None:
    """The learning curve that the run recorded."""
    try:
        value = parse_json(run.read("curves"))
        points = tuple(
            CurvePoint(int(point["n_train"]), float(point["training"]), float(point["validation"]))
            for point in value["points"]
            if None not in (point["training"], point["validation"])  # not defined there
        )
        return Curve(name, str(value["metric"]), points) if points else None
    except (OSError, JsonError, KeyError, TypeError, ValueError, OverflowError):
        return None


def _calibration(name: str, run: CompletedRun, rows: Predicted) -> Iterator[Calibration]:
    """The reliability curve in bins of equal width, as scikit-learn's ``calibration_curve`` has it.

    Of two classes the positive one's; of more, how often the predicted class is right at the probability given to it.
    """
    labels = run.outcome.classes or []
    classes = label_texts(labels)
    if len(rows.scores) != len(classes):
        return
    if len(classes) == 2:
        positive = labels.index(run.outcome.positive) if run.outcome.positive is not None else 1
        label: str | None = classes[positive]
        pairs = [(float(score), true == label) for score, true in zip(rows.scores[positive], rows.true, strict=True)]
    else:
        label = None
        column = {text: index for index, text in enumerate(classes)}
        pairs = [
            (float(rows.scores[column[guess]][line]), guess == true)
            for line, (guess, true) in enumerate(zip(rows.predicted, rows.true, strict=True))
            if guess in column
        ]
    bins: dict[int, list[tuple[float, bool]]] = {}
    for score, came_true in pairs:
        if 0 <= score <= 1:
            bins.setdefault(bisect_left(_EDGES, score), []).append((score, came_true))
    points = tuple(
        CalibrationPoint(
            math.fsum(score for score, _ in part) / len(part), sum(came for _, came in part) / len(part), len(part)
        )
        for _, part in sorted(bins.items())
    )
    if points:
        yield Calibration(name, label, points)


def _residuals(name: str, rows: Predicted) -> Residuals:
    count = len(rows.true)
    step = max(1, math.ceil(count / RESIDUAL_POINTS))
    points = tuple((float(rows.true[line]), float(rows.predicted[line])) for line in range(0, count, step))
    if not all(math.isfinite(value) for point in points for value in point):
        raise ValueError("a prediction is no finite number")
    return Residuals(name, points, count - len(points))
