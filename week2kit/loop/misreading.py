"""What a table may mean and does not say: numbers that were read as text, and texts that were read as no value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from week2kit.loop.cells import numbers_as_text
from week2kit.loop.data import Table
from week2kit.loop.split import Fold
from week2kit.thresholds import LEAK_FEATURES, TELLING_CHI_SQUARED, TELLING_GAP


def misread_texts(table: Table, fold: Fold) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a person should look at in the features that hold text: codes and values of train's warnings."""
    columns = [column for column in table.columns if column.role in ("feature", "target") and column.kind == "text"]
    for column in columns[:LEAK_FEATURES]:
        values = table.target if column.role == "target" else table.features[column.name].to_numpy()
        if found := numbers_as_text(values, table.separator):
            yield (
                "data.numbers_as_text",
                {
                    "column": column.name,
                    "numbers": found.numbers,
                    "markers": [list(pair) for pair in found.markers],
                    "cell": found.example[0],
                    "row": found.example[1],
                    "remedy": found.remedy,
                },
            )
        elif column.gaps and (why := _may_be_value(column.gaps, values, table, fold)):
            yield "data.read_as_missing", {"column": column.name, "texts": dict(column.gaps), "why": why}


def _may_be_value(gaps: Mapping[str, int], values: np.ndarray[Any, Any], table: Table, fold: Fold) -> str | None:
    """Why a text that was read as no value may be one: it tells of the target, is a word, or a code among codes."""
    train = fold.train
    if tells_of_target(pd.isna(values[train]), table.truth[train], classes=table.codes is not None):
        return "decides"
    return looks_like_value(gaps, values)


def looks_like_value(gaps: Mapping[str, int], values: np.ndarray[Any, Any]) -> str | None:
    """Whether a text that was read as no value is a "word" (None), or a "code" among codes of its length (NA).

    pandas writes None for nothing only where a person asked for it, and "" otherwise; NA is how R writes nothing.
    """
    if "None" in gaps:
        return "word"
    others = [text for text in pd.unique(values) if isinstance(text, str)]
    codes = sum(len(text) == 2 and text.isalpha() and text.isupper() for text in others)
    return "code" if "NA" in gaps and len(others) >= _CODES and codes >= _OF_CODES * len(others) else None


#: Codes of two letters among which NA is one more of them: names of countries, of states, of airlines.
_CODES: Final = 10
_OF_CODES: Final = 0.9


def tells_of_target(gone: np.ndarray[Any, Any], truth: np.ndarray[Any, Any], *, classes: bool) -> bool:
    """Whether a value is missing in these rows for a reason that the target knows of (see `thresholds.TELLING_GAP`).

    By Cramer's V of gaps and classes (`truth` has their codes or numbers), or by the correlation of gaps and numbers.
    """
    if gone.all() or not gone.any():
        return False
    share = float(gone.mean())
    if not classes:
        target = truth.astype(np.float64)
        with np.errstate(over="ignore"):
            spread = float(target.std())
        if spread == 0 or not np.isfinite(spread):
            return False
        apart = float(target[gone].mean() - target[~gone].mean())
        squared = (apart / spread) ** 2 * share * (1 - share)
    else:
        codes = pd.factorize(truth)[0]
        total, missing = np.bincount(codes), np.bincount(codes[gone], minlength=int(codes.max()) + 1)
        present = total > 0
        expected = total[present] * share
        squared = float((((missing[present] - expected) ** 2) / expected).sum()) / (1 - share) / len(gone)
    return squared >= TELLING_GAP**2 and squared * len(gone) >= TELLING_CHI_SQUARED
