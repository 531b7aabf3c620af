"""Sentences: the warnings of train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from week2kit.canonical import clean
from week2kit.record.manifest import Warned
from week2kit.sentences.statement import Either, Statement, shown
from week2kit.thresholds import FEW_SHARED_ROWS


def warning_lines(warnings: Sequence[Warned]) -> list[str]:
    """A line for each warning with its code; one for all metrics whose training score is too good."""
    gaps = [warned for warned in warnings if warned.code == "metric.gap"]
    lines = []
    for warned in warnings:
        said = describe_warning(warned)
        if gaps and warned is gaps[0]:
            said += _same_gap_in(gaps[1:])
        if warned not in gaps[1:]:
            lines.append(f"warning {clean(warned.code)}: {said}")
    return lines


def _same_gap_in(gaps: Sequence[Warned]) -> str:
    told = [_GAP.tell("", None, warned.values) for warned in gaps]
    return f" ({', '.join(told)}.)" if told else ""


def describe_warning(warned: Warned) -> str:
    """What a warning of train says to a person, in one or two sentences."""
    return WARNINGS.tell(warned.code, warned.values, warned.values)


_UNDEFINED: Final[Mapping[str, str]] = {
    "one_class": "all rows there are of one class",
    "one_row": "there is one row only",
    "constant": "the target has one value only there",
    "not_a_number": "scikit-learn gives no number for what was predicted",
}


def _undefined(values: Mapping[str, Any]) -> str:
    """Where a metric has no value, why, and what becomes of its mean."""
    count, of, rows = values.get("folds"), values.get("of"), values.get("rows")
    labels = values.get("labels")
    if values.get("reason") == "no_row_of" and isinstance(labels, list):
        one = of == 1 or len(labels) == 1
        why = f" ({'no row there is' if one else 'each lacks rows'} of class {' or '.join(map(shown, labels))})"
    else:
        why = f" ({_UNDEFINED.get(str(values.get('reason')), 'the rows do not define it')})"
    if of == 1:
        told = f"not defined on the {shown(rows)} rows{why}."
        return told if rows == "training" else f"{told} Shuffle or stratify, use more rows, or choose another metric."
    where = f"not defined in {count} of {of} folds{' on the training rows' if rows == 'training' else ''}{why}"
    return f"{where}; the mean is over the others." if count != of else f"{where}, so there is no value."


def _shared_rows(values: Mapping[str, Any]) -> str:
    rows, of = values.get("rows"), values.get("looked_at")
    have = "has" if rows == 1 else "have"
    told = f"{shown(rows)} of {shown(of)} validation rows {have} the same features as a training row"
    if isinstance(rows, int) and isinstance(of, int) and rows < FEW_SHARED_ROWS * of:
        return f"{told}. So few hardly move a score."
    return f"{told}: they test memory, not learning. Remove duplicates, or split by groups."


def _in_folds(values: Mapping[str, Any]) -> str:
    return f" in {shown(values.get('folds'))} of {shown(values.get('of'))} folds" if values.get("of") != 1 else ""


def _first_sentence(message: object) -> str:
    # the rest of such a message speaks of parameters of scikit-learn's functions
    return clean(str(message).partition(". Use ")[0].rstrip("."), 300)


WARNINGS: Final = Statement(
    {
        "fit.not_converged": Either(
            lambda values: values.get("n_iter", 0) is None,
            "scikit-learn warns that something in the fit has not converged: on another processor it may come out "
            "otherwise. Scale the features, or widen what limits it (iterations, the bounds of a kernel).",
            "The fit stopped after {n_iter} iterations before it had converged (max_iter {max_iter}): on another "
            "processor it may stop elsewhere. Scale the features or raise max_iter.",
        ),
        "data.imbalance": "{share:percent} of the rows are of class {label}: always guessing it already scores that "
        "accuracy. Look at f1_macro.",
        "metric.gap": "{metric} is {training:number} on training rows and {validation:number} on validation rows: "
        "such a gap is what overfitting looks like.",
        "metric.no_better_than_dummy": "{metric} is {value:number}, and a dummy that ignores the features reaches "
        "{dummy:number}: nothing was learnt that helps.",
        "split.not_stratified": "The split is not stratified: class {label} has only {rows} row(s), too few for every "
        "side.",
        "split.small_class": "Class {label} has {rows} row(s) for {folds} folds: some folds hold none of it.",
        "data.leak": "The feature {feature} alone reaches {metric} {score:number}: it probably holds the answer "
        "itself. Would you know it at the time of prediction? If not, drop it.",
        "library.warning": "{category}: {message}",
        "repeats.undefined": "{metric}: not defined on {folds} of {of} sets of validation rows with other seeds; "
        "these are left out.",
        "metric.replaced": "{metrics}: scikit-learn puts a number in the place of a division by zero, and nothing is "
        "concluded from it. Look at recall and precision.",
        "metric.zero_targets": "{metrics} divides by the true value, which is 0 in {rows} of {of} validation rows: "
        "these decide it. Nothing is concluded from it; use mean_absolute_error.",
        "session.set_aside": "The session had settings of its own ({settings}). The training did not use them: it "
        "runs with the defaults of the libraries, so that it can be done again anywhere.",
        "seed.unset": "No seed fixes {estimators}: another run draws other numbers, and may give another result. "
        "{estimators:to_seed}",
        "metric.undefined": "{metrics}: {it:undefined}",
        "split.shared_rows": "{it:shared_rows}",
        "library.metric": "scikit-learn warns of {metrics} on the {rows} rows{it:in_folds}: {message:first_sentence}.",
        "metric.one_row": Either(
            lambda values: values.get("of") == 1,
            "{metrics}: one row is validated, and nothing is concluded from it. Use more.",
            "{metrics}: {folds} of {of} folds hold one row, and the mean over such folds is not the metric over all "
            "rows. Nothing is concluded from it; use fewer folds.",
        ),
    },
    {
        "undefined": _undefined,
        "shared_rows": _shared_rows,
        "in_folds": _in_folds,
        "first_sentence": _first_sentence,
    },
)

_GAP: Final = Statement({"": "{metric} is {training:number} and {validation:number}"}, {})
