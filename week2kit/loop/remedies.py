"""Remedies: what to try after an error of a step that is not given the columns it takes.

scikit-learn speaks of dimensions, shapes and attributes; the config says which column and which step it was. The
message stays as it is: a failure is known again by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from week2kit.config.form import Config, Estimator, Group
from week2kit.errors import LibraryError
from week2kit.loop.data import Table
from week2kit.record.manifest import Column
from week2kit.refusals import remedy

#: What is said where a text step gets no texts, or its neighbours other rows than it.
_OF_TEXTS: Final = re.compile(
    "inconsistent numbers of samples|must match exactly|incompatible row dimensions|invalid document"
    "|has no attribute 'lower'|object is not iterable"
)
#: What is said where a step that takes a table gets one column.
_OF_ONE_COLUMN: Final = re.compile("2-dimensional container|should be 2D|Expected 2D array")


@contextmanager
def telling_remedies(config: Config, table: Table) -> Iterator[None]:
    """Give an error of a step the remedy that the config and the columns tell."""
    try:
        yield
    except LibraryError as error:
        error.hint = error.hint or _remedy(str(error), config, table) or ""
        raise


def _remedy(message: str, config: Config, table: Table) -> str | None:
    features = {column.name: column for column in table.columns if column.role == "feature"}
    items: Sequence[Estimator | Group] = config.preprocess if isinstance(config.preprocess, list) else []
    if _OF_TEXTS.search(message):
        told = [_of_texts(number, item, features, len(table.target)) for number, item in enumerate(items)]
    elif _OF_ONE_COLUMN.search(message):
        told = [_of_one_column(number, item) for number, item in enumerate(items)]
    else:
        return None
    return next(filter(None, told), None)


def _of_texts(number: int, item: Estimator | Group, features: dict[str, Column], rows: int) -> str | None:
    """What is wrong with the columns of a text step; None where nothing is, or it is none."""
    steps = item.steps if isinstance(item, Group) else [item]
    place = next((i for i, step in enumerate(steps) if _reads_texts(step)), None)
    if place is None:
        return None
    step = steps[place].class_.rpartition(".")[2]
    if isinstance(item, Estimator):
        texts = [name for name, column in features.items() if column.kind == "text"]
        return remedy("text.no_group", step=step, name=(texts or list(features))[0])
    if place > 0:
        return remedy("text.not_first", group=number, step=step)
    if not isinstance(item.columns, str):
        several = "text.several" if len(item.columns) > 1 else "text.list"
        return remedy(several, group=number, step=step, name=item.columns[0])
    column = features[item.columns]
    if column.kind != "text":
        return remedy("text.numbers", group=number, step=step, name=column.name)
    if column.missing:
        return remedy("text.gaps", missing=column.missing, rows=rows, name=column.name, step=step)
    return None


def _of_one_column(number: int, item: Estimator | Group) -> str | None:
    """What is wrong with a group of one column whose name stands alone; None where a list does, or a text step."""
    if isinstance(item, Estimator) or not isinstance(item.columns, str) or any(map(_reads_texts, item.steps[:1])):
        return None
    step = item.steps[0].class_.rpartition(".")[2] if item.steps else "the model"
    return remedy("table.one_column", group=number, step=step, name=item.columns)


def _reads_texts(step: Estimator) -> bool:
    module, _, name = step.class_.rpartition(".")
    return module == "sklearn.feature_extraction.text" and name.endswith("Vectorizer")
