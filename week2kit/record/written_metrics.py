"""The metrics that a script wrote down, in metrics.json and in a classification report.

Which scorer a name means, how its digits were rounded, and whether a report can show what stands in the other file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from week2kit.scales import is_bounded
from week2kit.thresholds import MAX_ROUNDED_DIGITS, MIN_ROUNDED_DIGITS

#: Metrics of one class, and what they are averaged over.
_OF_CLASSES: Final = ("f1", "precision", "recall", "jaccard")
_AVERAGES_OVER: Final = ("macro", "micro", "weighted")

#: Other spellings of scorers that scripts use; a leading ``val_`` is cut before.
METRIC_ALIASES: Final[Mapping[str, str]] = {
    f"{average}_{metric}": f"{metric}_{average}" for metric in _OF_CLASSES for average in _AVERAGES_OVER
}

#: The metrics of the flat form, the first being the primary one.
_DECIDING: Final = ("accuracy", "f1_macro")

#: The prefix of metrics on validation rows: they are the only ones that are compared.
_VALIDATION: Final = "val_"

#: Metrics that are shares of rows, or means of such.
_SHARES: Final = frozenset(
    {"accuracy", "balanced_accuracy"}
    | {*_OF_CLASSES, *(f"{metric}_{average}" for metric in _OF_CLASSES for average in _AVERAGES_OVER)}
)


def scorer_name(name: str) -> str:
    """The scorer that a key of metrics.json would be; whether there is such a scorer is another question."""
    stem = name.removeprefix(_VALIDATION)
    return METRIC_ALIASES.get(stem, stem)


#: What scripts put in front of the name of a metric: the rows that it was measured on.
_MEASURED_ON: Final = re.compile(r"(?:val|valid|validation|test|eval|dev|holdout|oof|cv|mean)[_ ]")
_TRAINING: Final = re.compile(r"(?<![a-z])(?:train|training)(?![a-z])")

#: Short names of scorers.
_SHORT: Final[Mapping[str, str]] = {
    "acc": "accuracy",
    "accuracy_score": "accuracy",
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "balanced_accuracy_score": "balanced_accuracy",
    "f1_score": "f1",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mcc": "matthews_corrcoef",
    "mse": "mean_squared_error",
    "precision_score": "precision",
    "r2_score": "r2",
    "recall_score": "recall",
    "rmse": "root_mean_squared_error",
    "roc_auc_score": "roc_auc",
}


def meant_scorer(name: str) -> str:
    """The scorer that a script means by a name, whatever rows it says that it was measured on: ``Test accuracy``."""
    stem = re.split(r"[./]", name.strip().lower())[-1]
    stem = _MEASURED_ON.sub("", stem).replace(" ", "_").replace("-", "_")
    return METRIC_ALIASES.get(stem, _SHORT.get(stem, stem))


def is_of_training(name: str) -> bool:
    """Whether a name says that the metric was measured on training rows."""
    return _TRAINING.search(name.lower()) is not None


_ERRORS: Final = re.compile(
    r"(?:.*_)?(?:loss|error|error_rate|perplexity|brier|brier_score)|.*_(?:deviance|divergence)|r?msle"
)


def is_upward(name: str) -> bool | None:
    """Whether a high value of a metric is good, as far as its name says it; None where it does not."""
    scorer = _TRAINING.sub("", meant_scorer(name)).strip("_")
    if is_bounded(scorer):
        return True
    if scorer.startswith("neg_") and _ERRORS.fullmatch(scorer):
        return True
    return False if _ERRORS.fullmatch(scorer) else None


def reported_order(metrics: Mapping[str, float]) -> list[str]:
    """The names of the numbers that a script reports, what says most of a model first.

    A name that is known goes before one that is not, what was measured on other rows before the training's own, a
    score before a loss, and accuracy before other scores, as where nothing says what decides.
    """

    def order(name: str) -> tuple[object, ...]:
        scorer, upward, deep = meant_scorer(name), is_upward(name), name.count(".") + name.count("/")
        return (upward is None, is_of_training(name), deep, not upward, scorer != "accuracy", scorer != "f1_macro")

    return sorted(metrics, key=order)


def validation_names(metrics: Mapping[str, float]) -> dict[str, str]:
    """Each name that may be a metric on validation rows, to its scorer.

    Where a name stands with and without ``val_``, the one without may speak of training rows, and is left out.
    """
    marked = {scorer_name(name) for name in metrics if name.startswith(_VALIDATION)}
    return {
        name: scorer_name(name) for name in metrics if name.startswith(_VALIDATION) or scorer_name(name) not in marked
    }


def compared_names(metrics: Mapping[str, float]) -> dict[str, str]:
    """Of `validation_names`, those with a value that the metric can have: 97.5 is no accuracy, perhaps a percentage."""
    names = validation_names(metrics)
    return {name: scorer for name, scorer in names.items() if scorer not in _SHARES or 0 <= metrics[name] <= 1}


def primary_metric(metrics: Mapping[str, float]) -> tuple[str | None, float | None]:
    """The metric that the flat form decides by, or the next that it has, under its own name; None where it has none."""
    names = {scorer: name for name, scorer in validation_names(metrics).items()}
    name = next((names[scorer] for scorer in _DECIDING if scorer in names), None)
    return name, None if name is None else metrics[name]


def written_digits(value: float, others: Mapping[str, float]) -> int | None:
    """The number of decimals that a metric was rounded to before it was written; None where it was not rounded.

    A number that is written with few decimals may have lost zeros at its end: the longest one in the file tells.
    """
    own = decimals(value)
    digits = own if own > MIN_ROUNDED_DIGITS else max(map(decimals, others.values()), default=own)
    return digits if MIN_ROUNDED_DIGITS <= digits <= MAX_ROUNDED_DIGITS else None


def decimals(value: float) -> int:
    """How many decimals a number is written with; one with an exponent has all of its own."""
    text = repr(value)
    return MAX_ROUNDED_DIGITS + 1 if "e" in text else len(text.partition(".")[2].rstrip("0"))


def rounds_to(value: float, written: float, digits: int) -> bool:
    """Whether `value`, rounded to so many decimals, is the written one; a tie may go to either side."""
    return abs(value - written) <= 0.5 * 10.0**-digits * (1 + 1e-6)


# --- the report ---------------------------------------------------------------------------------------------------


class ReportRow(NamedTuple):
    """One row of a classification report: the numbers as they are written, the last one being the support."""

    numbers: tuple[str, ...]

    @property
    def support(self) -> int:
        """How many validation rows it counts."""
        return int(float(self.numbers[-1]))

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers; one that is not defined is 0, as week2kit's own report has it."""
        return tuple(0.0 if number == "nan" else float(number) for number in self.numbers)

    @property
    def digits(self) -> int:
        """How many decimals the scores of the row are written with."""
        return len(self.numbers[0].partition(".")[2])


_DECIMAL: Final = re.compile(r"[01]\.\d{1,16}|nan")
_SUPPORT: Final = re.compile(r"\d{1,15}(?:\.0)?")

#: Which row and which number of a classification report a metric is.
REPORTED: Final[Mapping[str, tuple[str, int]]] = {
    "accuracy": ("accuracy", 0),
    **{
        f"{metric}_{average}": (f"{average} avg", position)
        for average in ("macro", "weighted")
        for position, metric in enumerate(("precision", "recall", "f1"))
    },
}


def report_rows(text: str) -> dict[str, ReportRow]:
    """The rows of a classification report by their name; lines that are none are passed over.

    The averages stand below the classes, so that a class of the same name does not hide them.
    """
    rows: dict[str, ReportRow] = {}
    for line in text.splitlines():
        words = line.split()
        for count in (4, 2):
            numbers = tuple(words[-count:])
            if len(words) > count and _are_numbers(numbers) and (count == 4 or words[0] == "accuracy"):
                rows[" ".join(words[:-count])] = ReportRow(numbers)
                break
    return rows


def _are_numbers(words: tuple[str, ...]) -> bool:
    return all(map(_DECIMAL.fullmatch, words[:-1])) and _SUPPORT.fullmatch(words[-1]) is not None


def reported(rows: Mapping[str, ReportRow], scorer: str) -> tuple[float, int] | None:
    """The value of a metric in a classification report with its number of decimals, or None where it is not there."""
    row, position = REPORTED.get(scorer, ("", 0))
    if row not in rows or any("nan" in found.numbers for found in rows.values()):
        return None  # averages leave out what is not defined, or count it as a script wants it
    return float(rows[row].numbers[position]), rows[row].digits


#: The rows of a classification report that are no class.
_AVERAGES: Final = frozenset({"accuracy", "micro avg", "macro avg", "weighted avg", "samples avg"})


def class_rows(rows: Mapping[str, ReportRow]) -> dict[str, ReportRow]:
    """The rows of a classification report that each speak of one class."""
    return {name: row for name, row in rows.items() if name not in _AVERAGES}


def held_against(rows: Mapping[str, ReportRow], metrics: Mapping[str, float]) -> dict[str, tuple[float, bool]]:
    """The metrics that a classification report shows, too: what it shows, and whether that can be the same value."""
    found = {name: reported(rows, scorer) for name, scorer in compared_names(metrics).items()}
    return {name: (shown[0], _may_show(metrics[name], *shown)) for name, shown in found.items() if shown is not None}


def _may_show(value: float, shown: float, digits: int) -> bool:
    """Whether a report can show this for a metric, which may be rounded itself."""
    own = max(decimals(value), MIN_ROUNDED_DIGITS)  # 1.0 was not rounded from 0.97
    return abs(value - shown) <= 0.5 * (10.0**-digits + 10.0**-own) * (1 + 1e-6)
