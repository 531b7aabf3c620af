"""How far predictions are from stored ones: each score by itself, so that no outlier excuses the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from week2kit.loop.predictions import Predictions
from week2kit.thresholds import SCORE_TOLERANCE
from week2kit.verification.child import compare_predictions
from week2kit.verification.messages import Comparison

LARGEST = 1.7e308


def predictions(
    scores: Any, labels: Any = None, classes: int | None = None, folds: list[int] | None = None
) -> Predictions:
    """Predictions with these scores; of a regression (no labels), of a binary margin, or of probabilities."""
    values = np.array(scores, dtype=np.float64)
    rows = np.arange(len(values))
    method: Any = "predict" if labels is None else "predict_proba" if values.ndim == 2 else "decision_function"
    truth = np.zeros(len(values), dtype=np.float64 if labels is None else np.int64)
    fold = np.array(folds if folds is not None else [0] * len(values))
    answers = values if labels is None else np.array(labels, dtype=np.int64)
    names = None if classes is None else list(range(classes))
    return Predictions(np.zeros_like(rows), fold, rows, truth, answers, values, method, names)


def compared(old: Predictions, new: Predictions) -> Comparison:
    found = compare_predictions(old, new)
    assert found is not None
    return found


OUTLIER = [1.0, 2.0, 1.5, 0.5, 1e12]


@pytest.mark.parametrize(
    ("old", "new", "within"),
    [
        (OUTLIER, OUTLIER, True),
        (OUTLIER, [1.0, 2.0, 1.5, 0.5, 1e12 + 1], True),
        (OUTLIER, [1.0 + 1e-12, 2.0, 1.5, 0.5, 1e12], True),
        (OUTLIER, [1.0 + 1e-7, 2.0, 1.5, 0.5, 1e12], False),  # 1e-19 of the largest
        (OUTLIER, [8.0, 9.0, 8.5, 7.5, 1e12], False),
        ([1.0, 1e12], [1.0 + 1e-7, 1e12], False),  # half of them excuse nothing of the other half
        ([1.0, 2.0, 1e12, 1e12], [1.0, 2.0 + 1e-7, 1e12, 1e12], False),
        ([1.0] * 8 + [2.0] * 2, [1.0] * 8 + [2.1] * 2, False),  # a fifth of the rows
        ([1.0, 2.0, 1e-12], [1.0, 2.0, 1.1e-12], True),  # a difference of two numbers near each other
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], True),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 1e-300], False),
        ([0.0, 0.0, 5.0], [0.0, 0.0, 5.0 + 1e-9], True),
        ([0.0, 0.0, 5.0], [0.0, 1e-12, 5.0], False),  # the median is 0: what was 0 must stay so
        ([5.0], [5.0 + 1e-9], True),
        ([5.0], [5.0 + 1e-6], False),
        ([LARGEST, -LARGEST, LARGEST], [-LARGEST, LARGEST, -LARGEST], False),
        ([LARGEST, LARGEST], [1.0, 1.0], False),
    ],
)
def test_every_score_is_measured_by_itself_or_the_median(old: Any, new: Any, within: bool) -> None:
    assert compared(predictions(old), predictions(new)).within(SCORE_TOLERANCE) is within


def test_each_fold_has_a_median_of_its_own() -> None:
    old, new = [1.0, 1.0, 1e12, 1e12, 1e12], [1.0 + 1e-3, 1.0, 1e12, 1e12, 1e12]
    folds = [0, 0, 1, 1, 1]
    assert not compared(predictions(old, folds=folds), predictions(new, folds=folds)).within(SCORE_TOLERANCE)


@pytest.mark.parametrize(
    ("old", "new", "within"),
    [
        ([[0.9, 0.1], [0.2, 0.8]], [[0.9 + 1e-12, 0.1 - 1e-12], [0.2, 0.8]], True),
        # the rounding of 1 - p is that of 1
        ([[1 - 1e-12, 1e-12], [1 - 1e-13, 1e-13]], [[1 - 1e-12, 1e-12 + 1e-16], [1 - 1e-13, 1e-13]], True),
        # a column of an estimator that says too much
        ([[1e12, 0.1, 0.2], [1e12, 0.3, 0.4]], [[1e12, 0.1 + 1e-6, 0.2], [1e12, 0.3, 0.4]], False),
        ([[LARGEST, 0.1], [LARGEST, 0.3]], [[0.9, 0.1], [0.7, 0.3]], False),
    ],
)
def test_probabilities_are_measured_by_the_median_of_all(old: Any, new: Any, within: bool) -> None:
    labels, classes = [0, 0], len(old[0])
    sides = [predictions(side, labels, classes) for side in (old, new)]
    assert compared(*sides).within(SCORE_TOLERANCE) is within


@pytest.mark.parametrize(
    ("scores", "labels", "within"),
    [
        ([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]], ([0, 2], [1, 2]), True),
        ([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]], ([0, 2], [2, 2]), False),  # it ties, and not with that label
        ([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]], ([0, 2], [0, 1]), False),
        ([[0.5 + 1e-12, 0.5 - 1e-12, 0.0], [0.1, 0.2, 0.7]], ([0, 2], [1, 2]), True),
        ([[0.6, 0.4, 0.0], [0.1, 0.2, 0.7]], ([0, 2], [1, 2]), False),
        ([1e-12, -3.0, 1.0], ([1, 0, 1], [0, 0, 1]), True),  # a binary margin decides at 0
        ([1e-3, -3.0, 1.0], ([1, 0, 1], [0, 0, 1]), False),
        ([1e-3, -3.0, 1e12], ([1, 0, 1], [0, 0, 1]), False),
        ([0.0, 0.0, 0.0], ([1, 0, 1], [0, 0, 1]), True),
    ],
)
def test_a_label_moves_only_where_its_scores_tie(scores: Any, labels: tuple[Any, Any], within: bool) -> None:
    classes = len(scores[0]) if isinstance(scores[0], list) else 2
    sides = [predictions(scores, side, classes) for side in labels]
    assert compared(*sides).within(SCORE_TOLERANCE) is within
