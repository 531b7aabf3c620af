"""What a reader must know about the data of a result: which rows stand on both sides of the split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from week2kit.loop.data import Table
from week2kit.loop.split import Fold
from week2kit.thresholds import SAMPLE_ROWS


def evenly(positions: np.ndarray[Any, Any], limit: int) -> np.ndarray[Any, Any]:
    """`positions`, or at most `limit` of them at even distances, first and last included."""
    if len(positions) <= limit:
        return positions
    chosen: np.ndarray[Any, Any] = positions[np.linspace(0, len(positions) - 1, limit).astype(np.int64)]
    return chosen


def unseen_classes(codes: np.ndarray[Any, Any], folds: Sequence[Fold]) -> tuple[list[int], int]:
    """The classes (as codes) of which a fold has validation rows and no training row, and how many rows these are."""
    missing = [val[~np.isin(val, codes[fold.train])] for fold in folds for val in [codes[fold.val]]]
    rows = np.concatenate(missing)
    return np.unique(rows).tolist(), len(rows)


def shared_rows(table: Table, fold: Fold) -> tuple[int, int, int, int]:
    """How many validation rows of a fold have a training row with identical features, and how many were looked at.

    And how many different rows the training rows are, and how many of these were looked at.
    """
    train, val = evenly(fold.train, SAMPLE_ROWS), evenly(fold.val, SAMPLE_ROWS)
    hashes = [pd.util.hash_pandas_object(table.features.iloc[rows], index=False).to_numpy() for rows in (train, val)]
    return int(np.isin(hashes[1], hashes[0]).sum()), len(val), len(np.unique(hashes[0])), len(train)
