"""Sentences: what to try after a failure of train, from its error and message.

What week2kit itself refuses brings its remedy along (`week2kit.refusals`); here are the errors of libraries. Where none
is known, the stage tells how the cause is found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from week2kit.record.manifest import Stage

_TEXT_COLUMN: Final = (
    'The model was given a column of text. Set "preprocess": "auto", which turns categories into numbers, or drop the '
    "column."
)
_SAME_ROWS: Final = (
    "A step gives another number of rows than it was given. A text step takes one column, whose name is no list: "
    '"columns": "review".'
)

#: What a message holds, and what to do about it; the first that is found.
_HINTS: Final[Mapping[str, str]] = {
    # --- of steps
    r"^(LabelEncoder|LabelBinarizer|MultiLabelBinarizer)\b.* takes 2 positional arguments": "It encodes a target, "
    'and the target needs none here. For features take "one_hot" or "sklearn.preprocessing.OrdinalEncoder", with '
    '"columns" as a list.',
    r"Cannot use \w+ strategy with non-numeric data": "Texts have neither mean nor median: give SimpleImputer "
    '{"strategy": "most_frequent"} for their columns.',
    "could not convert string to float": _TEXT_COLUMN,
    "Found unknown categories .* during transform": "Rows that are predicted hold categories which the training "
    'rows lack. Let the encoder take them: OneHotEncoder {"handle_unknown": "ignore"}, OrdinalEncoder '
    '{"handle_unknown": "use_encoded_value", "unknown_value": -1}.',
    "Found unknown categories .* during fit": "The encoder's parameter categories lacks values of the column: leave "
    "it out, or list them all.",
    "is an invalid document": "A row has no text, and no step can fill in a column of texts: remove these rows, or "
    'write a text such as "-" into the empty cells.',
    "has no attribute 'lower'": "A text step takes one column that holds nothing but texts, and is the first step "
    'of its group: {"columns": "review", "steps": [...]}.',
    "empty vocabulary": "No word is left: look at token_pattern (JSON wants each backslash twice), stop_words and "
    "min_df.",
    "max_df corresponds to < documents than min_df": "Lower min_df, or raise max_df: no word is rare and frequent "
    "enough.",
    "2-dimensional container|should be 2D|Expected 2D array": 'The step takes a table: write its "columns" as a '
    'list, ["x"], also where it is one.',
    "inconsistent numbers of samples|incompatible row dimensions|array dimensions except for the concat": _SAME_ROWS,
    "contains NaN|does not accept missing values": "The model was given missing values, which it cannot use. Set "
    '"preprocess": "auto", which fills them in, or add a SimpleImputer to your steps.',
    "Sparse data was passed": 'The one-hot columns are sparse: give OneHotEncoder {"sparse_output": false}.',
    "'<' not supported between instances of": "A column holds texts and something else: put a SimpleImputer "
    '{"strategy": "most_frequent"} before the encoder, or write all its cells in one way.',
    "Box-Cox transformation can only": 'Give PowerTransformer {"method": "yeo-johnson"}, which takes any numbers.',
    "No feature in X meets the variance": "Lower the threshold of VarianceThreshold.",
    "contains infinity or a value too large": "A step makes numbers that are too large: scale the features before "
    'it ("standard_scaler"), or lower its degree.',
    "should have `coef_` or `feature_importances_`": "Give the selection an estimator that weighs features, such as "
    '"logistic_regression" or "random_forest".',
    # --- of parameters and data that do not go together
    "n_components=|n_neighbors <= n_samples": "Choose a smaller number: at most as many components as columns are "
    "left, or neighbours as training rows.",
    r"number of splits|n_splits=\d+ cannot|^Requesting \d+-fold": "The cross-validation inside of the fit (cv) has "
    "more folds than rows, or than rows of the smallest class: choose fewer folds.",
    "'groups' parameter should not be None": "A splitter by groups is given none inside of a search: choose another "
    "cv. split.groups keeps groups together outside of it.",
    r"while a minimum of \d+ is required": "The step or model needs more features or rows than are left for it: use "
    "fewer steps before it, more data, or another one.",
    r"^Invalid parameter '": "The grid names a parameter that its estimator lacks. One of a step is written "
    'STEP__PARAMETER, such as "model__C", and one of an inner estimator "estimator__C".',
    r"All the \d+ fits failed": "The search can fit none of its combinations; the last line of the first traceback "
    'says why. Train one of them as the "model", without the search, to see it alone.',
    r"Solver \S+ supports only": 'Choose a solver for this penalty: "saga" takes every one, "liblinear" l1 and l2.',
    "are not in class_weight": 'Give every class its weight, each label as a key, or set "class_weight": '
    '"balanced". Inside of a bagging, vote or stack the classes are numbered from 0.',
    "Invalid classes inferred from unique values": "XGBoost takes classes that are numbered from 0. Write them so in "
    'the table, or let a vote of one model number them: {"class": "sklearn.ensemble.VotingClassifier", "params": '
    '{"voting": "soft", "estimators": [["xgb", {"class": "xgboost.XGBClassifier"}]]}}.',
    "specified nu is infeasible": "Choose a smaller nu.",
    "should be greater or equal to the number of classes": "The rows that the fit holds back are fewer than the "
    "classes: raise validation_fraction, or set early_stopping to false.",
    r"^The estimator \w+ should be a": "All estimators of it must do what it does: classifiers in a classifier, "
    "regressors in a regressor.",
    "valid range of the loss|requires non-negative y|requires strictly positive y": "This loss is for targets that "
    "are not negative (gamma: above 0): choose another loss or model.",
    "Negative values in data": "This model takes counts or frequencies: use another, or shift the features.",
    "must be non-negative": "This model takes non-negative numbers only: use another, or shift the features.",
    "Unknown label type|continuous is not supported": "The estimator predicts classes, and is given numbers: choose "
    "a regressor.",
    "^No module named": "A library that this class needs is not installed here: install it, and train again.",
    "[Pp]ickle": "The fitted model holds what cannot be saved, such as a function that was made in the fit: in a "
    "class of your own, define it at the top of the module.",
    # --- of warnings that fail_on names
    "fit.not_converged": "Scale the features (preprocess auto-scaled), or raise max_iter.",
    "data.leak": "Drop the feature that holds the answer; if it is known in advance, take the code off fail_on.",
    "split.shared_rows": "Remove the duplicate rows, or keep them together with split.groups.",
    "seed.unset": 'Remove "random_state": null.',
}

_PATTERN: Final = "A parameter holds a wrong regular expression, such as token_pattern: correct it."

_HINTS_BY_ERROR: Final[Mapping[str, str]] = {
    "MemoryError": "The memory was not enough: use fewer rows or features, or a smaller model.",
    "OSError": "Make room on the disk, or choose another place with --runs-dir; then train again.",
    "KeyboardInterrupt": "You interrupted it; train again when you have the time.",
    "LinAlgError": "Features may follow from one another, or be too large: drop some, scale them, or take a model "
    'with a penalty, such as "ridge".',
    "PatternError": _PATTERN,
    "Terminated": "The process was asked to end (SIGTERM); train again.",
    "ThreadLimit": "No more threads may be started here: lower n_jobs, or raise the limit (ulimit -u).",
    "WarningRefused": "Mend what the warning speaks of, or take it off the config's fail_on.",
    "error": _PATTERN,  # before Python 3.13
}

#: What scikit-learn says of a parameter in a config, and how its value is written.
_VALUES: Final[Mapping[str, str]] = {
    r"'sklearn\.gaussian_process\.kernels\.Kernel'": 'Write a kernel as a class: {"class": '
    '"sklearn.gaussian_process.kernels.RBF", "params": {"length_scale": 1.0}}. A sum or product of two is the class '
    "Sum or Product, with k1 and k2.",
    "implementing 'split' and 'get_n_splits'": 'Write a number of folds, or a splitter as a class: {"class": '
    '"sklearn.model_selection.StratifiedKFold", "params": {"n_splits": 5, "shuffle": true}}.',
    "must be an object implementing 'fit'": "Write an estimator that is inside of another as a class: "
    '{"class": "random_forest", "params": {"max_depth": 3}}.',
    r"must be a callable\b(?! .*\{)": "A function cannot be written in a config: choose a class that does it, such as "
    '"sklearn.preprocessing.PowerTransformer", or write one in a module of your own (--allow-module).',
}

#: How the cause is found where no remedy is known.
_HINTS_BY_STAGE: Final[Mapping[Stage, str]] = {
    "config": "Correct the config and train again.",
    "load": "Look at the data file in an editor, or save the table again: UTF-8, commas, one line with the column "
    "names.",
    "split": 'Leave "split" out, which holds out a fifth of the rows: if that works, its keys are the cause.',
    "fit": 'Train with "preprocess": "auto" and the model without params: if that works, put steps and params back '
    "one at a time, and the last one is the cause.",
    "evaluate": 'The model was fitted, and fails on other rows. Train with "preprocess": "auto" and without '
    "metrics: if that works, put steps and metrics back one at a time, and the last one is the cause.",
    "save": "The model was fitted, and could not be saved with its record. Train it without params: if that works, "
    "put them back one at a time, and the last one is the cause.",
}


def config_hint(message: str) -> str:
    """What to try after problems of a config: each says by itself what is wrong, and few how it is put right."""
    found = [hint for pattern, hint in _VALUES.items() if re.search(pattern, message)]
    return " ".join(found) or _HINTS_BY_STAGE["config"]


def failure_hint(stage: Stage, error: str, message: str) -> str:
    """What to try after a failure, from its error and message."""
    for pattern, hint in _HINTS.items():
        if re.search(pattern, message):
            return hint
    if error == "OSError" and stage in ("fit", "evaluate"):  # of an estimator: it need not be the disk
        error = ""
    return _HINTS_BY_ERROR.get(error) or _HINTS_BY_STAGE[stage]
