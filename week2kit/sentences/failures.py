"""Sentences: what to try after a failure of train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_HINTS: Final[Mapping[str, str]] = {
    "could not convert string to float": 'The model was given a column of text. Set "preprocess": "auto", which turns '
    "categories into numbers, or drop the column.",
    "contains NaN": 'The model was given missing values, which it cannot use. Set "preprocess": "auto", which fills '
    "them in, or add a SimpleImputer to your steps.",
    "Sparse data was passed": 'The one-hot columns are sparse: give OneHotEncoder {"sparse_output": false}.',
    "fit.not_converged": "Scale the features (preprocess auto-scaled), or raise max_iter.",
    "data.leak": "Drop the feature that holds the answer; if it is known in advance, take the code off fail_on.",
    "split.shared_rows": "Remove the duplicate rows, or keep them together with split.groups.",
    "seed.unset": 'Remove "random_state": null.',
    "Negative values in data": "This model takes counts or frequencies: use another, or shift the features.",
    "must be non-negative": "This model takes non-negative numbers only: use another, or shift the features.",
}


_HINTS_BY_ERROR: Final[Mapping[str, str]] = {
    "MemoryError": "The memory was not enough: use fewer rows or features, or a smaller model.",
    "OSError": "Make room on the disk, or choose another place with --runs-dir; then train again.",
    "KeyboardInterrupt": "You interrupted it; train again when you have the time.",
    "Terminated": "The process was asked to end (SIGTERM); train again.",
    "ThreadLimit": "No more threads may be started here: lower n_jobs, or raise the limit (ulimit -u).",
    "WarningRefused": "Mend what the warning speaks of, or take it off the config's fail_on.",
}


def failure_hint(stage: str, error: str, message: str) -> str:
    """What to try after a failure, from its error and message."""
    for part, hint in _HINTS.items():
        if part in message:
            return hint
    if error == "OSError" and stage in ("fit", "evaluate"):  # of an estimator: it need not be the disk
        error = ""
    return _HINTS_BY_ERROR.get(error, f"Look at the message above: it comes from the stage {stage}.")
