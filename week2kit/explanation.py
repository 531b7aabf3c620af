"""Sentences: what a code and its values mean, in the order what, where, expected, got, what to do.

The only place where findings, warnings and failures become text. Values arrive as they were recorded and are foreign:
every text among them is cleaned here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from week2kit.canonical import clean
from week2kit.schema.manifest import Warned

# --- warnings of train ------------------------------------------------------------------------------------------


def describe_warning(warned: Warned) -> str:
    """What a warning of train says to a person, in one or two sentences."""
    v = _Values(warned.values)
    match warned.code:
        case "fit.not_converged":
            return (
                f"The fit stopped after {v['n_iter']} iterations before it had converged (max_iter {v['max_iter']}): on "
                "another processor it may stop elsewhere. Scale the features or raise max_iter."
            )
        case "data.imbalance":
            return (
                f"{v.percent('share')} of the rows are of class {v['label']}: always guessing it already scores that "
                "accuracy. Look at f1_macro."
            )
        case "metric.gap":
            return (
                f"{v['metric']} is {v.number('training')} on training rows and {v.number('validation')} on validation "
                f"rows: a gap of {v.number('gap')} is what overfitting looks like."
            )
        case "metric.no_better_than_dummy":
            return (
                f"{v['metric']} is {v.number('value')}, and a dummy that ignores the features reaches "
                f"{v.number('dummy')}: nothing was learnt that helps."
            )
        case "split.shared_rows":
            return (
                f"{v['rows']} of {v['looked_at']} validation rows have the same features as a training row: they test "
                "memory, not learning. Remove duplicates, or split by groups."
            )
        case "split.not_stratified":
            return (
                f"The split is not stratified: class {v['label']} has only {v['rows']} row(s), too few for every side."
            )
        case "seed.unset":
            return (
                f"No seed fixes {v['estimators']}: another run draws other numbers, and may give another result. "
                'Remove "random_state": null.'
            )
        case "data.leak":
            return (
                f"The feature {v['feature']} alone reaches {v['metric']} {v.number('score')}: it probably holds the "
                "answer itself. Would you know it at the time of prediction? If not, drop it."
            )
        case "library.warning":
            return f"{v['category']}: {v['message']}"
        case code:
            return f"{clean(code)}: " + ", ".join(f"{clean(key)} {v[key]}" for key in sorted(warned.values))


class _Values:
    """Recorded values as text that is safe to show; what is missing or of another type never raises."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> str:
        return shown(self._values.get(key))

    def number(self, key: str) -> str:
        value = self._values.get(key)
        return f"{value:.4f}" if isinstance(value, int | float) else shown(value)

    def percent(self, key: str) -> str:
        value = self._values.get(key)
        return f"{value:.1%}".replace("%", " %") if isinstance(value, int | float) else shown(value)


def shown(value: object) -> str:
    """Any recorded value as a short text that is safe to show; a text in double quotes, a list with commas."""
    if isinstance(value, str):
        return f'"{clean(value, 100)}"' if re.search(r"\s", value) else clean(value, 100)
    if isinstance(value, list | tuple):
        items = [shown(item) for item in value[:6]]
        return ", ".join(items) + (f" and {len(value) - 6} more" if len(value) > 6 else "")
    if isinstance(value, Mapping):
        return ", ".join(f"{clean(str(key), 40)} {shown(value[key])}" for key in sorted(value)[:6])
    return "nothing" if value is None else clean(repr(value), 60)


# --- failures of train ------------------------------------------------------------------------------------------

_HINTS: Final[tuple[tuple[str, str], ...]] = (
    (
        "could not convert string to float",
        'The model was given a column of text. Set "preprocess": "auto", which turns categories into numbers, or drop '
        "the column.",
    ),
    (
        "contains NaN",
        'The model was given missing values, which it cannot use. Set "preprocess": "auto", which fills them in, or add '
        "a SimpleImputer to your steps.",
    ),
    ("Sparse data was passed", 'The one-hot columns are sparse: give OneHotEncoder {"sparse_output": false}.'),
    ("fit.not_converged", "Scale the features (preprocess auto-scaled), or raise max_iter."),
    ("data.leak", "Drop the feature that holds the answer, or say why it is known in advance and take it off fail_on."),
    ("split.shared_rows", "Remove the duplicate rows, or keep them together with split.groups."),
    ("seed.unset", 'Remove "random_state": null.'),
    ("Negative values in data", "This model takes counts or frequencies: use another, or shift the features."),
    ("must be non-negative", "This model takes non-negative numbers only: use another, or shift the features."),
)

_HINTS_BY_ERROR: Final[Mapping[str, str]] = {
    "MemoryError": "The memory was not enough: use fewer rows or features, or a smaller model.",
    "OSError": "Make room on the disk, or choose another place with --runs-dir; then train again.",
    "KeyboardInterrupt": "You interrupted it; train again when you have the time.",
    "Terminated": "The process was asked to end (SIGTERM); train again.",
    "WarningRefused": "Mend what the warning speaks of, or take it off the config's fail_on.",
}


def failure_hint(stage: str, error: str, message: str) -> str:
    """What to try after a failure, from its error and message."""
    for part, hint in _HINTS:
        if part in message:
            return hint
    return _HINTS_BY_ERROR.get(error, f"Look at the message above: it comes from the stage {stage}.")
