"""The metrics that a script wrote down: which scorer a name means, and how its digits were rounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
