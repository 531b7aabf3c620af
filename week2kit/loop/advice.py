"""What a reader must know about the data of a result: rows on both sides, a feature that holds the answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from week2kit.loop.data import Table
from week2kit.loop.split import Fold
from week2kit.thresholds import (
    LEAK_DEPTH,
    LEAK_FEATURES,
    LEAK_ROWS,
    LEAK_SCORE,
    LEAK_SCREEN_ROWS,
    LEAK_SCREEN_SCORE,
    SAMPLE_ROWS,
)


def evenly(positions: np.ndarray[Any, Any], limit: int) -> np.ndarray[Any, Any]:
    """`positions`, or at most `limit` of them at even distances, first and last included."""
    if len(positions) <= limit:
        return positions
    chosen: np.ndarray[Any, Any] = positions[np.linspace(0, len(positions) - 1, limit).astype(np.int64)]
    return chosen


def shared_rows(table: Table, fold: Fold) -> tuple[int, int]:
    """How many validation rows of a fold have a training row with identical features, and how many were looked at."""
    train, val = evenly(fold.train, SAMPLE_ROWS), evenly(fold.val, SAMPLE_ROWS)
    hashes = [pd.util.hash_pandas_object(table.features.iloc[rows], index=False).to_numpy() for rows in (train, val)]
    return int(np.isin(hashes[1], hashes[0]).sum()), len(val)


def leaking_feature(table: Table, fold: Fold) -> tuple[str, float] | None:
    """The first feature that gives the target away all by itself, and its validation score; None where none does.

    A tree of depth 3 on the ranks of one feature reaches a balanced accuracy (R2) of `thresholds.LEAK_SCORE` on
    validation *and* training rows: few validation rows are all got right by luck, thousands of training rows are not.
    For regression a straight line counts too, since eight leaves cannot follow a copy of the target.
    """
    for name in list(table.features.columns)[:LEAK_FEATURES]:
        few = _scores(table, fold, name, LEAK_SCREEN_ROWS)
        if min(few) < LEAK_SCREEN_SCORE:
            continue
        scores = _scores(table, fold, name, LEAK_ROWS)
        if min(scores) >= LEAK_SCORE:
            return str(name), scores[1]
    return None


def _scores(table: Table, fold: Fold, name: str, rows: int) -> tuple[float, float]:
    """What one feature reaches by itself on at most `rows` training and validation rows each."""
    train, val = evenly(fold.train, rows), evenly(fold.val, rows)
    both = np.concatenate([train, val])
    values = table.features[name].to_numpy()[both]
    # what a tree would turn them into, so that it need not look at them again: there are thousands of such trees
    ranks = pd.factorize(values, sort=True)[0].astype(np.float32).reshape(-1, 1)
    if table.codes is not None:
        return _tree_scores(ranks, table.codes[both], len(train))
    with np.errstate(over="ignore", invalid="ignore"):  # a target that large is no leak, and its metrics tell of it
        return _regression_scores(ranks, values, table.target[both].astype(np.float64), len(train))


def _tree_scores(ranks: np.ndarray[Any, Any], codes: np.ndarray[Any, Any], n_train: int) -> tuple[float, float]:
    tree = DecisionTreeClassifier(max_depth=LEAK_DEPTH, random_state=0)
    tree.fit(ranks[:n_train], codes[:n_train], check_input=False)
    right = tree.predict(ranks, check_input=False) == codes
    return _balanced(right[:n_train], codes[:n_train]), _balanced(right[n_train:], codes[n_train:])


def _balanced(right: np.ndarray[Any, Any], codes: np.ndarray[Any, Any]) -> float:
    counts = np.bincount(codes)
    hits = np.bincount(codes, weights=right)
    present = counts > 0
    return float((hits[present] / counts[present]).mean())


def _regression_scores(
    ranks: np.ndarray[Any, Any], values: np.ndarray[Any, Any], target: np.ndarray[Any, Any], n_train: int
) -> tuple[float, float]:
    tree = DecisionTreeRegressor(max_depth=LEAK_DEPTH, random_state=0)
    tree.fit(ranks[:n_train], target[:n_train], check_input=False)
    candidates = [tree.predict(ranks, check_input=False)]
    if values.dtype.kind in "fi":
        x = np.nan_to_num(values.astype(np.float64))
        centered, residual = x[:n_train] - x[:n_train].mean(), target[:n_train] - target[:n_train].mean()
        spread = float(centered @ centered)
        if spread > 0:
            slope = float(centered @ residual) / spread
            candidates.append(target[:n_train].mean() + slope * (x - x[:n_train].mean()))
    scores = [(_r2(t[:n_train], target[:n_train]), _r2(t[n_train:], target[n_train:])) for t in candidates]
    return max(scores, key=min)


def _r2(predicted: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> float:
    total = float(((target - target.mean()) ** 2).sum())
    return 1.0 - float(((target - predicted) ** 2).sum()) / total if total > 0 else 0.0
