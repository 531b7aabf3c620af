"""Split: which rows a model learns from and which it is judged by, through scikit-learn's own classes."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn import model_selection
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from week2kit.canonical import clean, label_text
from week2kit.config.form import UNDRAWN, Holdout, KFold, Predefined, Split, TimeSeries, ValidationFile
from week2kit.loop.data import Table
from week2kit.loop.dates import dates_in
from week2kit.loop.digests import values_digest
from week2kit.refusals import refusal
from week2kit.thresholds import MAX_FOLDS


@dataclass(frozen=True)
class Fold:
    """One training: positions (int64) of the rows learnt from and of the rows judged by, in scikit-learn's order."""

    repeat: int
    fold: int
    train: np.ndarray[Any, Any]
    val: np.ndarray[Any, Any]


def settle_split(split: Split, class_counts: Iterable[int] | None, seed: int) -> tuple[Split, int | None]:
    """The split with nothing left open, and the size of the class that was too small to stratify by, or None.

    Stratified is the default for classification, unless rows are not shuffled, are grouped, or a class has fewer rows
    than there are sides (holdout: 2) or folds.
    """
    if isinstance(split, UNDRAWN):
        return split, None
    update: dict[str, Any] = {}
    if "random_state" not in split.model_fields_set:
        update["random_state"] = seed
    if isinstance(split, KFold) and split.shuffle is None:
        # GroupKFold has its own order, and shuffles only from scikit-learn 1.6 on
        update["shuffle"] = split.groups is None or bool(split.stratify)
    shuffled = update.get("shuffle", split.shuffle)
    too_small = None
    if split.stratify is None:
        smallest = 0 if class_counts is None else int(min(class_counts))
        sides = split.n_splits if isinstance(split, KFold) else 2
        wanted = class_counts is not None and shuffled and split.groups is None
        update["stratify"] = wanted and smallest >= sides
        too_small = smallest if wanted and smallest < sides else None
    if not shuffled:
        update.pop("random_state", None)
    return split.model_copy(update=update), too_small


def make_folds(split: Split, table: Table) -> tuple[list[Fold], str]:
    """The folds of a settled split (see `settle_split`), and the name of what made them.

    Raises:
        StageError: the data is too small for the split, or a class has too few rows.
    """
    if isinstance(split, Predefined):
        return _predefined(split, table)
    if isinstance(split, ValidationFile):
        return [_files(table)], "PredefinedSplit"
    stratified = not isinstance(split, TimeSeries) and bool(split.stratify)
    if stratified and table.codes is None:
        raise refusal("split.stratify")
    try:
        return (_holdout if isinstance(split, Holdout) else _cross_validation)(split, table)  # type: ignore[arg-type]
    except ValueError as error:
        why = str(error)
        needed = split.n_splits if isinstance(split, KFold) else 2
        if stratified and table.classes and table.counts is not None and (few := int(table.counts.min())) < needed:
            label = label_text(table.classes[int(table.counts.argmin())])  # scikit-learn would name its code
            why = f"class {clean(label)} has {few} row{'s' * (few != 1)}, and stratifying takes {needed}."
        raise refusal("split.impossible", rows=len(table.target), why=why) from None


def _holdout(split: Holdout, table: Table) -> tuple[list[Fold], str]:
    rows = np.arange(len(table.target), dtype=np.int64)
    if split.groups:
        splitter = GroupShuffleSplit(n_splits=1, test_size=split.test_size, random_state=split.random_state)
        train, val = next(splitter.split(rows, groups=table.by))
        return [Fold(0, 0, train.astype(np.int64), val.astype(np.int64))], "GroupShuffleSplit"
    train, val = train_test_split(
        rows,
        test_size=split.test_size,
        shuffle=split.shuffle,
        stratify=table.codes if split.stratify else None,
        random_state=split.random_state if split.shuffle else None,
    )
    return [Fold(0, 0, train, val)], "train_test_split"


def _cross_validation(split: KFold | TimeSeries, table: Table) -> tuple[list[Fold], str]:
    splitter = _splitter(split)
    rows = np.zeros(len(table.target))
    in_time = isinstance(split, TimeSeries)
    order = _order(table) if in_time else np.arange(len(rows), dtype=np.int64)
    groups = None if in_time else table.by
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # train says which class it is
        parts = list(splitter.split(rows, table.target if table.codes is None else table.codes, groups=groups))
    folds = [
        Fold(number // split.n_splits, number % split.n_splits, order[train], order[val])
        for number, (train, val) in enumerate(parts)
    ]
    return folds, type(splitter).__name__


#: What people call the two sides of a split, in small letters.
_TRAINING: Final = frozenset({"train", "training", "fit", "learn"})
_VALIDATION: Final = ("val", "valid", "validation", "dev", "eval", "holdout", "test", "testing")


def validation_side(values: Collection[str]) -> str | None:
    """Of values in small letters, the one that names the validation rows; None where they do not name both sides."""
    return None if _TRAINING.isdisjoint(values) else next((word for word in _VALIDATION if word in values), None)


def name_sides(values: Collection[str]) -> bool:
    """Whether values, in small letters, are the names of the sides of a split and nothing else."""
    return validation_side(values) is not None and _TRAINING.union(_VALIDATION).issuperset(values)


def _predefined(split: Predefined, table: Table) -> tuple[list[Fold], str]:
    """The folds that a column says: two sides by their names, or a number for each fold.

    Raises:
        StageError: its values name no two sides, or one of them has no row.
    """
    assert table.by is not None
    values, name = table.by, split.column
    if table.column_of("split").kind == "bool":
        values = values.astype(bool)
    if split.validation is not None:
        val = np.array([value == split.validation for value in values.tolist()])
        return [_sides(~val, val, name, split.validation)], "PredefinedSplit"
    if values.dtype.kind == "O":
        texts = np.array([str(value).strip().lower() for value in values])
        side = validation_side(set(texts.tolist()))
        if side is None:
            raise refusal("split.no_sides", name=name, values=sorted(set(map(str, values)))[:12])
        return [_sides(np.isin(texts, [*_TRAINING]), texts == side, name, side)], "PredefinedSplit"
    if values.dtype.kind == "b":
        raise refusal("split.no_sides", name=name, values=["false", "true"])
    numbers = values.astype(np.int64)
    if (numbers != values).any() or len(set(numbers.tolist()) - {-1}) > MAX_FOLDS:
        raise refusal("split.no_folds", name=name)
    parts = model_selection.PredefinedSplit(numbers).split()
    folds = [Fold(0, number, train.astype(np.int64), val.astype(np.int64)) for number, (train, val) in enumerate(parts)]
    if not folds or any(len(fold.train) == 0 for fold in folds):
        raise refusal("split.no_folds", name=name)
    return folds, "PredefinedSplit"


def _sides(train: np.ndarray[Any, Any], val: np.ndarray[Any, Any], name: str, side: object) -> Fold:
    if not train.any() or not val.any():
        raise refusal("split.empty_side", name=name, side=label_text(side))
    return Fold(0, 0, np.flatnonzero(train), np.flatnonzero(val))


def _files(table: Table) -> Fold:
    """The rows of the data file, and those of the validation file."""
    assert table.validation is not None
    rows = len(table.target)
    train, val = np.split(np.arange(rows, dtype=np.int64), [rows - table.validation])
    if not len(train) or not len(val):
        raise refusal("split.empty_file", where="data.path" if not len(train) else "split.validation_path")
    return Fold(0, 0, train, val)


def _order(table: Table) -> np.ndarray[Any, Any]:
    """The positions of the rows in the order of the column that the split goes by; rows of one time stay as they are.

    Raises:
        StageError: its texts are no dates of one spelling.
    """
    if table.by is None:
        return np.arange(len(table.target), dtype=np.int64)
    times = table.by
    if times.dtype.kind == "O":
        dates = dates_in(times)
        if dates is None:
            raise refusal("split.no_dates", name=table.columns[-1].name)
        times = dates
    return np.argsort(times, kind="stable").astype(np.int64)


def _splitter(split: KFold | TimeSeries) -> Any:
    if isinstance(split, TimeSeries):
        return model_selection.TimeSeriesSplit(n_splits=split.n_splits)
    if split.n_repeats > 1:
        name = "RepeatedStratifiedKFold" if split.stratify else "RepeatedKFold"
        return getattr(model_selection, name)(
            n_splits=split.n_splits, n_repeats=split.n_repeats, random_state=split.random_state
        )
    name = ("Stratified" if split.stratify else "") + ("Group" if split.groups else "") + "KFold"
    kind = getattr(model_selection, name)
    if "shuffle" not in inspect.signature(kind).parameters:  # GroupKFold before scikit-learn 1.6
        if split.shuffle:
            raise refusal("split.shuffle")
        return kind(n_splits=split.n_splits)
    return kind(
        n_splits=split.n_splits, shuffle=split.shuffle, random_state=split.random_state if split.shuffle else None
    )


def positions_digest(folds: list[Fold]) -> str:
    """The digest of the row positions: train then validation, repeat by repeat, fold by fold."""
    return values_digest(np.concatenate([part for fold in folds for part in (fold.train, fold.val)]))
