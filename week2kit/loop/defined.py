"""What a metric asks of true values: classes and spread, without which it has no value, and a range it is made for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from week2kit.record.manifest import OF_POSITIVE

#: Metrics with a logarithm or a quotient, and the number that no true value may be below.
ABOVE: Final[Mapping[str, float]] = {
    "mean_squared_log_error": -1.0,
    "root_mean_squared_log_error": -1.0,
    "mean_poisson_deviance": 0.0,
    "mean_gamma_deviance": 0.0,
}


class Undefined(NamedTuple):
    """Why a metric has no value on some rows: these classes (as codes) have no row, or what the reason says."""

    reason: Literal["no_row_of", "one_class", "one_row", "constant", "no_spread", "not_a_number"]
    classes: tuple[int, ...] = ()


def _no_row_of(y_true: np.ndarray[Any, Any], classes: Sequence[int]) -> Undefined | None:
    missing = sorted({*classes} - {*np.unique(y_true).tolist()})
    return Undefined("no_row_of", tuple(missing)) if missing else None


def _one_class(y_true: np.ndarray[Any, Any], classes: Sequence[int]) -> Undefined | None:
    return Undefined("one_class") if (y_true == y_true[0]).all() else None


def _no_spread(y_true: np.ndarray[Any, Any], classes: Sequence[int]) -> Undefined | None:
    if len(y_true) < 2:
        return Undefined("one_row")
    if (y_true == y_true[0]).all():
        return Undefined("constant")
    with np.errstate(over="ignore", invalid="ignore"):  # of a target that large the metric itself tells
        squares = np.square(y_true - y_true.mean()).sum()
    return Undefined("no_spread") if squares < _LEAST_SQUARES else None


#: Below this sum of squares a quotient by it is beyond what can be squared and added up over folds.
_LEAST_SQUARES: Final = 1e-150

#: A question to true values and to the classes that the metric asks for.
_Need = Callable[[Any, Sequence[int]], Undefined | None]

#: What a metric asks of the true rows. scikit-learn gives 0, 1, nan or an error where they lack it, as versions differ;
#: every metric that is not named here is defined on any rows.
NEEDS: Final[Mapping[str, _Need]] = {
    **dict.fromkeys(OF_POSITIVE, _no_row_of),
    **dict.fromkeys(("roc_auc", "positive_likelihood_ratio", "negative_likelihood_ratio"), _no_row_of),
    **dict.fromkeys(("roc_auc_ovr", "roc_auc_ovr_weighted", "roc_auc_ovo", "roc_auc_ovo_weighted"), _no_row_of),
    **dict.fromkeys(("matthews_corrcoef", "d2_log_loss_score", "d2_brier_score"), _one_class),
    **dict.fromkeys(("r2", "explained_variance", "d2_absolute_error_score"), _no_spread),
}
