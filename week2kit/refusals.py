"""Why data or a config cannot be trained on: each refusal of the loop by a code and values, and its sentences here.

A code is known again whatever its sentence says; the sentence stands in the record of a failed run.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from week2kit.canonical import clean
from week2kit.errors import StageError
from week2kit.thresholds import MAX_COLUMN_NAMES, MAX_COLUMNS, MAX_LABEL

_QUOTE_IT: Final = (
    "Put values that hold the separator into double quotes. Where the names of the columns stand below other lines, or "
    'fields are separated by something else, say so, such as "data": {{"header": 4, "separator": ";"}}.'
)
_NO_TARGET: Final = 'The target "{name}" has no value in {missing} of {rows} rows, first in data row {row}'
_EXPORT_IT: Final = "Save the table as CSV, and name that file."
_SAVE_AGAIN: Final = "Save the table again: UTF-8, commas between the values, one line with the column names."
_FAILED: Final = "The metric {name} cannot be computed: {why}."
_PREDICTS_TOO_LITTLE: Final = (
    "The model predicts down to {lowest}, where the target goes down to {least}: choose a model that stays within the "
    'range of the target ("random_forest_regressor", "sklearn.linear_model.PoissonRegressor"), or a metric that takes '
    "any number, such as {instead}."
)
_NAME_EACH: Final = "Give every column its own name."
_NO_COLUMN: Final = '{key}: the data has no column "{name}"; it has {names}.'
_NO_SCORES: Final = "A metric asks for the model's decision function, which has no column for each class"
_OTHER_TARGET: Final = "Check that data.target names the right column."

#: What a file is that is no table in text, and what to try.
OTHER_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "web_page": ("a web page (HTML)", "Take the raw file: on GitHub by the button Raw."),
    "xml": ("XML", _EXPORT_IT),
    "json": ("JSON", "Turn it into a table first, for example with pandas.read_json."),
    "zip": ("a zip archive", "Unzip it, and name the table in it."),
    "spreadsheet": ("a spreadsheet (Excel or OpenDocument)", _EXPORT_IT),
    "pdf": ("a PDF document", _EXPORT_IT),
    "parquet": ("Parquet", "Give it a name that ends in .parquet."),
    "database": ("an SQLite database", _EXPORT_IT),
    "hdf5": ("HDF5", _EXPORT_IT),
    "pickle": ("a pickle, which is never opened: it may run any code", _EXPORT_IT),
}

#: What is wrong, and what to try.
SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    # --- of the file
    "file.not_packed": ("The data file is not a whole {name} file: {why}.", "Fetch or make it again."),
    "file.other_kind": ("The data file is {kind}.", "{remedy}"),
    "file.other_encoding": ("The data file cannot be read as {encoding}: {why}.", "Correct data.encoding."),
    "file.no_such_line": ("The data file has no line {number}.", "Correct data.header: the line of the names, from 1."),
    "file.long_rows": ("The data file has rows with more than the {fields} fields of its first line.", _QUOTE_IT),
    "file.not_text": (
        "The data file is not UTF-8 text ({why}).",
        'Save it as UTF-8, or say how it is encoded, such as "data": {{"encoding": "cp1252"}} (Windows).',
    ),
    "file.not_parsed": ("The data file cannot be read as a table: {why}.", _QUOTE_IT),
    "file.no_table": ("The data file cannot be read as a table: {why}.", _SAVE_AGAIN),
    "file.first_line": ("The first line of the data file cannot be read: {why}.", _SAVE_AGAIN),
    "file.no_names": ("The data file holds no table: its first line must name the columns.", _SAVE_AGAIN),
    "file.columns": (
        f"The data file has {{count}} columns; at most {MAX_COLUMNS} are read.",
        "Save the ones you need.",
    ),
    "file.same_name": ('The data file has two columns named "{name}".', _NAME_EACH),
    "file.not_parquet": ("The data file cannot be read as Parquet: {why}.", "Write it again, or save it as .csv."),
    "file.no_rows": ("The data file has column names, but no rows.", "Put the rows below them."),
    "file.other_table": ("The data file holds another table.", "Name the file that the run was trained on: --data."),
    "file.two_kinds": (
        "split.validation_path: only one of the two files is Parquet, and they are read as one table.",
        "Save both in the same form.",
    ),
    "file.open_quote": (
        "The two files cannot be read as one table: a double quote in the data file is never closed.",
        "Close it, or write it twice within a quoted value.",
    ),
    # --- of the columns that the config names
    "columns.unknown": (_NO_COLUMN, "Name one of these columns."),
    "columns.misspelt": (_NO_COLUMN, 'Did you mean "{close}"?'),
    "columns.same_to_the_eye": (_NO_COLUMN, "A column is there, and {apart}."),
    "columns.semicolons": (
        _NO_COLUMN,
        'The file seems to be separated by semicolons: "data": {{"separator": ";"}}.',
    ),
    "columns.not_in_validation": (
        'split.validation_path: the file has no column "{name}", which is used; it has {names}.',
        "Give it that column. A feature may be left out instead, with data.drop.",
    ),
    "columns.no_feature": ("No feature column is left.", "Name some under data.features, or drop fewer."),
    "columns.target_is_feature": ('The target "{name}" is listed among the features.', "Take it out of data.features."),
    "columns.long_name": (
        f'The column "{{name}}" has a name of {{count}} characters; at most {MAX_LABEL} are read.',
        "Give it a shorter name in the file, or drop it with data.drop.",
    ),
    "columns.long_names": (
        f"The names of the columns have {{count}} characters together; at most {MAX_COLUMN_NAMES} are read.",
        "Give them shorter names in the file, or use fewer: data.features.",
    ),
    # --- of what a column holds
    "column.dtype": (
        'Column "{name}" holds {dtype}, which no model reads as a feature.',
        'Leave it out ("drop": ["{name}"]), or turn it into numbers first.',
    ),
    "column.types": (
        'Column "{name}" holds values of type {types}, which no model reads as a feature.',
        'Leave it out ("drop": ["{name}"]), or turn it into numbers or texts first.',
    ),
    "column.empty": ('Column "{name}" holds no value at all.', 'Leave it out: "drop": ["{name}"].'),
    "column.infinite": (
        'Column "{name}" holds an infinite number in data row {row}; numbers must be finite.',
        "Correct the cell, or leave it empty.",
    ),
    "column.dates": (
        'Column "{name}" holds dates, which a model would take for unordered categories.',
        'Leave it out ("drop": ["{name}"]), or turn it into numbers first (year, days since the start).',
    ),
    "column.gaps": (
        'The {role} "{name}" has no value in {missing} of {rows} rows, first in data row {row}.',
        "Remove these rows from the data, or fill in what is missing: a row without it teaches nothing.",
    ),
    "target.gaps": (
        f"{_NO_TARGET}.",
        'Leave these rows out with "data": {{"drop_missing_target": true}}.',
    ),
    "target.gaps_of": (
        f"{_NO_TARGET}: these cells hold {{texts}}, which is read as no value.",
        'If it is a class, keep it: "data": {{"keep_text": [{texts}]}}. If not: "drop_missing_target": true.',
    ),
    "column.no_number": (
        'The column "{name}" holds "{cell}" in data row {row}, which is no number in the form that data.columns gives.',
        "Correct the form (thousands, decimal). Where the cell stands for no value, add it to data.missing.",
    ),
    "target.number_texts": (
        'The target "{name}" holds numbers written as text, such as "{cell}" in data row {row}.',
        'Have them read as numbers: "data": {remedy}.',
    ),
    "target.constant": (
        'The target "{name}" has the same value in every row, so there is nothing to learn.',
        _OTHER_TARGET,
    ),
    "target.text": ('The target "{name}" holds text, and the model predicts numbers.', "Choose a classifier."),
    "target.fractions": (
        'The target "{name}" holds fractions, and the model predicts classes.',
        'Choose a regressor, for example "model": "linear_regression".',
    ),
    "target.long_text": (
        f'The target "{{name}}" holds a text of {{count}} characters, and a class has at most {MAX_LABEL}.',
        _OTHER_TARGET,
    ),
    "target.all_differ": (
        'The target "{name}" has another value in each of its {rows} rows, so no class can be learnt.',
        "Check that data.target does not name an identifier; for numbers choose a regressor.",
    ),
    # --- of the split
    "split.stratify": (
        "split.stratify: only classes can be stratified, and the task is regression.",
        "Leave split.stratify out.",
    ),
    "split.shuffle": (
        "split.shuffle: folds by groups are shuffled from scikit-learn 1.6 on.",
        "Set split.shuffle to false, or install it.",
    ),
    "weights.text": ('data.weights: the column "{name}" holds text; expected numbers.', "Name a column of weights."),
    "weights.negative": (
        'data.weights: the column "{name}" holds a negative number in data row {row}.',
        "Correct the cell: a weight of 0 leaves a row out.",
    ),
    "split.no_sides": (
        'split.column: the values of "{name}" ({values}) do not say which rows are trained on and which are validated.',
        'Name the value of the validation rows, such as "split": {{"column": "{name}", "validation": "test"}}.',
    ),
    "split.no_folds": (
        'split.column: "{name}" numbers no folds; expected two or more whole numbers (-1: always trained on).',
        'For one split, name the value of its validation rows: "split": {{"column": "{name}", "validation": 1}}.',
    ),
    "split.empty_side": (
        'split.column: by the column "{name}" one side of the split has no row (validated is {side}).',
        "Name another value under split.validation, or leave it out.",
    ),
    "split.empty_file": (
        "{where}: the file has no row that can be used.",
        "Name a file with rows that have a target.",
    ),
    "split.no_dates": (
        'split.order_by: the column "{name}" holds texts that are not all dates of one spelling.',
        "Write them as 2026-01-31, or name a column of numbers that grow with time.",
    ),
    "split.impossible": (
        "The {rows} rows cannot be split as the config asks: {why}",
        "Use more rows, a larger test_size, fewer folds, or do not stratify.",
    ),
    "split.one_class": (
        "The training rows of a fold hold one class only, so there is nothing to tell apart.",
        "Shuffle or stratify the split, or use more rows.",
    ),
    # --- of predictions and metrics
    "scores.class_missing": (
        f"{_NO_SCORES}: no training row is of class {{label}}.",
        "Stratify the split or use more rows.",
    ),
    "scores.of_pairs": (
        f"{_NO_SCORES}: it compares classes pair by pair.",
        "Choose a metric of labels or of probabilities.",
    ),
    "scores.not_finite": (
        "The model's {what} hold numbers that are not finite (NaN or infinity).",
        "The fit has diverged: scale the features, or choose a smaller learning rate.",
    ),
    "metric.other_name": ('metrics: there is no metric "{name}"; it is called "{called}".', ""),
    "metric.misspelt": ('metrics: there is no metric "{name}".', 'Did you mean "{close}"?'),
    "metric.unknown": (
        'metrics: there is no metric "{name}".',
        "Use a name of scikit-learn's scorers: accuracy, f1_macro, roc_auc, r2, root_mean_squared_error.",
    ),
    "metric.unfit": (
        "metrics: {name} cannot be computed for this model and target: {why}.",
        "Choose a metric for this task, such as {instead}.",
    ),
    "metric.failed": (_FAILED, "Train without this metric, or with another one, such as {instead}."),
    "metric.of_negative_targets": (
        _FAILED,
        "The target goes down to {least}, which it is not made for: choose another, such as {instead}.",
    ),
    "metric.of_negative_predictions": (
        _FAILED,
        _PREDICTS_TOO_LITTLE,
    ),
    "metric.not_finite": (
        "The metric {name} is not a finite number on {rows} rows ({value}).",
        "A class or value may be missing on one side: use more rows, stratify, or choose another metric.",
    ),
    "metric.overflow": (
        "The errors are so large that they cannot be squared and added up.",
        "Give the target in another unit, so that its values are smaller.",
    ),
}

#: What to try after an error of a step that is not given the columns it takes.
REMEDIES: Final[Mapping[str, str]] = {
    "text.list": 'preprocess.{group}: {step} takes one column of texts: write "columns": "{name}", without the list.',
    "text.several": "preprocess.{group}: {step} takes one column of texts: make a group for each, such as "
    '{{"columns": "{name}", "steps": [...]}}.',
    "text.no_group": 'preprocess: {step} takes one column of texts: write {{"columns": "{name}", "steps": [...]}}.',
    "text.not_first": "preprocess.{group}: {step} takes the texts as they are: make it the first step.",
    "text.numbers": 'preprocess.{group}: {step} takes texts, and "{name}" holds numbers: leave it to another group.',
    "text.gaps": '{missing} of {rows} rows have no "{name}", and no step can fill in texts for {step}: remove these '
    'rows, or write a text such as "-" into the empty cells.',
    "table.one_column": 'preprocess.{group}: {step} takes a table: write "columns": ["{name}"], as a list.',
}


def refusal(code: str, **values: Any) -> StageError:
    """The error to be raised: texts among the values are made safe to show, and names in a list quoted."""
    shown = {key: _shown(value) for key, value in values.items()}
    if "{why}." in SENTENCES[code][0]:  # a library ends its own sentence, or does not
        shown["why"] = shown["why"].rstrip(".")
    said, hint = (text.format_map(shown) for text in SENTENCES[code])
    error = StageError(said, hint)
    error.code, error.values = code, values
    return error


def remedy(code: str, **values: Any) -> str:
    """One of `REMEDIES`, its values made safe to show."""
    return REMEDIES[code].format_map({key: _shown(value) for key, value in values.items()})


def told_apart(text: str, other: str) -> str:
    """How two texts that look the same differ, and how the other one is written in a config."""
    twice = unicodedata.normalize("NFC", text) == unicodedata.normalize("NFC", other)
    why = "differ in their Unicode form, NFC or NFD" if twice else "differ in characters that cannot be told by eye"
    return f"the two look the same and {why}: write {clean(json.dumps(other))}"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return listed(value)
    return clean(value) if isinstance(value, str) else str(value)


def listed(names: Sequence[str]) -> str:
    """Names in double quotes, the first twelve."""
    shown = ", ".join(f'"{clean(name, 60)}"' for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")
