"""What earlier versions of week2kit computed otherwise: which recorded metrics may not be what is computed today.

Before schema 4 (a record without the jobs that joblib counts):

- ``undefined``: where the true rows of a fold or holdout do not define a metric, what scikit-learn puts in the place of
  its value was recorded, and went into the mean: 0 for f1, precision, recall, jaccard, average_precision (no row of
  the positive class) and matthews_corrcoef (one class); 0 or 1 for r2, explained_variance and d2_absolute_error_score
  (a constant target); any number for d2_log_loss_score and d2_brier_score (one class). Today: null, not in the mean.
- ``probabilities``: roc_auc, average_precision and top_k_accuracy of a model that gives probabilities came from these;
  today from its decision function where it has one, as scikit-learn's own scorers take it.

Nothing else changed: other metrics, and these where neither is the case, have the same bits. What had no finite value,
and log_loss, brier_score, top_k_accuracy and d2_log_loss_score in a fold that lacks a class, ended the run, so that no
completed record holds it. `verify` trains such a record by its own rules (``earlier=True`` of `run_loop`, `recompute`
and `Scorer`): its values come out bit for bit, and a note says what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from week2kit.record.manifest import CompletedRun, Environment, Warned

Rule: TypeAlias = Literal["undefined", "probabilities"]

_ZERO: Final = frozenset({0.0})
_ZERO_OR_ONE: Final = frozenset({0.0, 1.0})

#: What stood in the place of a value that is not defined; None: any number.
_STOOD_IN: Final[Mapping[str, frozenset[float] | None]] = {
    **dict.fromkeys(("f1", "precision", "recall", "jaccard", "average_precision", "matthews_corrcoef"), _ZERO),
    **dict.fromkeys(("r2", "explained_variance", "d2_absolute_error_score"), _ZERO_OR_ONE),
    **dict.fromkeys(("d2_log_loss_score", "d2_brier_score"), None),
}

_DECISION_FIRST: Final = frozenset({"roc_auc", "average_precision", "top_k_accuracy"})


#: Warnings that train gives, or gives by these rules, since a record counts the rows that were left out.
_TOLD_SINCE: Final = frozenset(
    {"data.dropped_rows", "data.form", "data.leading_zeros", "data.numbers_as_text", "data.read_as_missing"}
    | {"metric.gap", "metric.too_good", "split.newest_first", "split.time_order", "split.unseen_class"}
)


def as_told_then(manifest: CompletedRun, warned: Warned) -> Warned | None:
    """A warning of today as the week2kit that made a record gave it; None where it gave none.

    Of leaks it told the first feature that gives the target away alone; those that say how it does are told since. Of
    rows on both sides it did not say how many different ones there are.
    """
    if manifest.inputs.data.dropped is not None:
        return warned
    if warned.code in _TOLD_SINCE or (warned.code == "data.leak" and "how" in warned.values):
        return None
    if warned.code == "split.shared_rows":
        kept = {key: value for key, value in warned.values.items() if key not in ("different", "of")}
        return warned.model_copy(update={"values": kept})
    return warned


def is_earlier(environment: Environment | None) -> bool:
    """Whether a record was made before schema 4, and so by the rules above."""
    return environment is not None and environment.jobs is None


def changed_since(manifest: CompletedRun) -> dict[str, Rule]:
    """The recorded metrics whose values may be others today, because an earlier version computed them otherwise.

    This is the one place that says so: `verify` notes it, and `report` concludes nothing from a value that may count
    what is not defined, and compares none from probabilities with one of today.
    """
    if not is_earlier(manifest.inputs.environment):
        return {}
    outcome = manifest.outcome
    found: dict[str, Rule] = {}
    for name, metric in outcome.metrics.items():
        values = metric.folds or [metric.value]
        stood_in = _STOOD_IN.get(name, frozenset())
        if stood_in is None or any(value in stood_in for value in values):
            found[name] = "undefined"
        elif name in _DECISION_FIRST and outcome.predictions.score_method == "predict_proba":
            found[name] = "probabilities"
    return found
