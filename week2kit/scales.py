"""The scale of a metric, by its name alone: that of scikit-learn's scorer without ``neg_``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

#: Scores that are 1 at best, and 0 at worst.
_SHARES: Final = frozenset(
    {
        *("accuracy", "average_precision", "balanced_accuracy", "f1", "jaccard", "precision", "recall", "roc_auc"),
        *("top_k_accuracy", "completeness_score", "fowlkes_mallows_score", "homogeneity_score"),
        *("normalized_mutual_info_score", "rand_score", "v_measure_score"),
    }
)

#: Scores that are 1 at best, and may fall below 0.
_BELOW_0: Final = frozenset(
    {
        *("d2_absolute_error_score", "d2_brier_score", "d2_log_loss_score", "explained_variance", "r2"),
        *("adjusted_mutual_info_score", "adjusted_rand_score", "matthews_corrcoef"),
    }
)

_AVERAGE: Final = re.compile(r"_(macro|micro|samples|weighted|ov[or](_weighted)?)$")


def is_bounded(metric: str) -> bool:
    """Whether a metric is a score that ends at 1, so that a distance means the same everywhere."""
    return is_share(metric) or metric in _BELOW_0


def gap_by_chance(metric: str, value: float | None, rows: int) -> float:
    """How far a training score may be above a validation score because the validation rows are few.

    Two standard errors of a share of `rows`, never as of one nearer than 0.05 to its ends. A score that may fall below
    0 has no such formula; its scale is twice as long, so twice the largest error of a share is taken.
    """
    if not is_share(metric):
        return float(2 / max(rows, 1) ** 0.5)
    share = min(max(value or 0.0, 0.05), 0.95)
    return float(2 * (share * (1 - share) / max(rows, 1)) ** 0.5)


def gap_by_folds(scores: Sequence[float | None], held_out: float) -> float:
    """How far a training score may be above the mean of fold scores because the folds differ; 0 of one fold.

    Two standard errors of a mean over folds that share training rows.
    Source: Nadeau and Bengio 2003, "Inference for the generalization error".

    Args:
        scores: of the folds; those without a value are passed over.
        held_out: validation rows for each training row.
    """
    values = [score for score in scores if score is not None]
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return float(2 * (variance * (1 / len(values) + held_out)) ** 0.5)


def is_share(metric: str) -> bool:
    """Whether a metric is a score between 0 and 1."""
    return _AVERAGE.sub("", metric) in _SHARES
