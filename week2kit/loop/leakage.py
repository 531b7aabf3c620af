"""Leaks: features that hold the answer, alone or together, whatever they are called.

Found without the model: by a tree on one feature, by the order of its values, by sums and products of a few, by which
of two is larger, and by a single value that stands for a class. Each must hold on training *and* validation rows: few
rows are all got right by luck, thousands are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from week2kit.loop.advice import evenly
from week2kit.loop.data import Table
from week2kit.loop.split import Fold
from week2kit.thresholds import (
    LEAK_DEPTH,
    LEAK_FEATURES,
    LEAK_ORDER,
    LEAK_PARTS,
    LEAK_ROWS,
    LEAK_SCORE,
    LEAK_SCREEN_ROWS,
    LEAK_SCREEN_SCORE,
    LEAK_SUM,
    LEAK_VALUE_ROWS,
)

#: How features give the target away: one for one, the same where it is not missing, in the same order, added, averaged,
#: multiplied, by an exact formula, compared, one class.
How: TypeAlias = Literal["alone", "present", "order", "sum", "mean", "product", "formula", "comparison", "class"]


class Leak(NamedTuple):
    """Features that give the target away, how, and how well on validation rows.

    `score` is the balanced accuracy or R2, of an order Spearman's coefficient. `label` and `value` are the class that
    one value stands for (None: that it is missing).
    """

    features: tuple[str, ...]
    how: How
    metric: str
    score: float
    label: Any = None
    value: str | None = None


def leaks(table: Table, fold: Fold) -> Iterator[Leak]:
    """Everything that is found in a table: what one feature tells alone first, in the order of the columns."""
    names = list(table.features.columns)[:LEAK_FEATURES]
    metric = "r2" if table.codes is None else "balanced_accuracy"
    alone = set[str]()
    for name in names:
        if (score := _alone(table, fold, name)) is not None:
            alone.add(name)
            yield Leak((name,), "alone", metric, score)
        elif (score := _where_present(table, fold, name)) is not None:
            alone.add(name)
            yield Leak((name,), "present", metric, score)
        elif table.codes is None and (order := _same_order(table, fold, name)) is not None:
            alone.add(name)
            yield Leak((name,), "order", "spearman", order)
        elif table.classes is not None and len(table.classes) > 2:
            yield from _one_class(table, fold, name)
    if alone:
        return
    amounts = table.target.dtype.kind in "fi" and (table.classes is None or len(table.classes) > 2)
    together = _together(table, fold, names) if amounts else None
    if together is None and table.classes is not None and len(table.classes) <= len(_OUTCOMES):
        together = _compared(table, fold, names)
    if together is not None:
        yield together


# --- one feature ------------------------------------------------------------------------------------------------


def _alone(table: Table, fold: Fold, name: str) -> float | None:
    """The validation score of a tree on the ranks of one feature, where it holds the answer by itself.

    For regression a straight line counts too, since eight leaves cannot follow a copy of the target.
    """
    few = _scores(table, fold, name, LEAK_SCREEN_ROWS)
    if min(few) < LEAK_SCREEN_SCORE:
        return None
    scores = _scores(table, fold, name, LEAK_ROWS)
    return scores[1] if min(scores) >= LEAK_SCORE else None


def _where_present(table: Table, fold: Fold, name: str) -> float | None:
    """As `_alone`, by the rows in which a feature with gaps is not missing: a copy with a few cells taken out."""
    train, val = evenly(fold.train, LEAK_ROWS), evenly(fold.val, LEAK_ROWS)
    values = table.features[name].to_numpy()
    held = replace(fold, train=train[pd.notna(values[train])], val=val[pd.notna(values[val])])
    shares = [len(held.train) / len(train), len(held.val) / len(val)]
    if min(shares) < _HELD or min(shares) == 1 or len(held.val) < _FEW_ROWS:
        return None
    if table.codes is not None:
        counts = np.unique(table.codes[held.train], return_counts=True)[1]
        if len(counts) < 2 or counts.min() < LEAK_VALUE_ROWS:
            return None
    return _alone(table, held, name)


#: The share of rows that must hold a value for it to be the answer of a table, not of a part of it; and the validation
#: rows, fewer than elsewhere, as a laboratory's tables are short and a copy is exact.
_HELD: Final = 0.3
_FEW_ROWS: Final = 5


def _scores(table: Table, fold: Fold, name: str, rows: int) -> tuple[float, float]:
    """What one feature reaches by itself on at most `rows` training and validation rows each."""
    train, val = evenly(fold.train, rows), evenly(fold.val, rows)
    both = np.concatenate([train, val])
    values = table.features[name].to_numpy()[both]
    # what a tree would turn them into, so that it need not look at them again: there are thousands of such trees
    ranks = pd.factorize(values, sort=True)[0].astype(np.float32).reshape(-1, 1)
    # a text or a code of few values is looked up: the answer of each of them is learnt
    looked_up = values.dtype.kind in "Oi" and int(ranks.max()) * _ROWS_OF_A_VALUE <= len(train)
    if table.codes is not None:
        return _tree_scores(ranks, table.codes[both], len(train), whole=looked_up)
    with np.errstate(over="ignore", invalid="ignore"):  # a target that large is no leak, and its metrics tell of it
        return _regression_scores(ranks, values, table.target[both].astype(np.float64), len(train), whole=looked_up)


#: Rows that each value has on average where it is looked up: of fewer, names would be learnt by heart.
_ROWS_OF_A_VALUE: Final = 5


def _tree_scores(
    ranks: np.ndarray[Any, Any], codes: np.ndarray[Any, Any], n_train: int, *, whole: bool
) -> tuple[float, float]:
    # a copy of more classes than a tree of that depth has leaves needs a leaf for each
    classes = int(codes.max()) + 1
    limit: dict[str, int] = {"max_depth": LEAK_DEPTH} if classes <= 2**LEAK_DEPTH else {"max_leaf_nodes": classes}
    tree = DecisionTreeClassifier(**({} if whole else limit), random_state=0)
    tree.fit(ranks[:n_train], codes[:n_train], check_input=False)
    right = tree.predict(ranks, check_input=False) == codes
    scores = [(_balanced(right[part], codes[part]), float(right[part].mean())) for part in _parts(len(codes), n_train)]
    # where classes are unequal, a few rows of the small one take much from a balanced score
    most = np.bincount(codes).max() / len(codes)
    if most < _EQUAL and min(share for _, share in scores) >= LEAK_SCORE > min(even for even, _ in scores):
        return scores[0][1], scores[1][1]
    return scores[0][0], scores[1][0]


def _parts(rows: int, n_train: int) -> tuple[slice, slice]:
    return slice(0, n_train), slice(n_train, rows)


#: Up to this share of the largest class, the share of right answers shows a leak as well as a balanced score does.
_EQUAL: Final = 0.8


def _balanced(right: np.ndarray[Any, Any], codes: np.ndarray[Any, Any]) -> float:
    counts = np.bincount(codes)
    hits = np.bincount(codes, weights=right)
    present = counts > 0
    return float((hits[present] / counts[present]).mean())


def _regression_scores(
    ranks: np.ndarray[Any, Any],
    values: np.ndarray[Any, Any],
    target: np.ndarray[Any, Any],
    n_train: int,
    *,
    whole: bool,
) -> tuple[float, float]:
    tree = DecisionTreeRegressor(max_depth=None if whole else LEAK_DEPTH, random_state=0)
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


def _same_order(table: Table, fold: Fold, name: str) -> float | None:
    """Spearman's coefficient of a numeric feature on validation rows, where it orders all rows as the target does."""
    found = []
    for rows in (evenly(fold.train, LEAK_ROWS), evenly(fold.val, LEAK_ROWS)):
        values, target = table.features[name].to_numpy()[rows], table.target[rows]
        if values.dtype.kind == "O" or len(rows) < LEAK_VALUE_ROWS:
            return None
        x = values.astype(np.float64)
        there = ~np.isnan(x)
        if there.sum() < LEAK_VALUE_ROWS or (~there).mean() > 1 - LEAK_SCORE:
            return None
        # by pandas: scipy.stats, which no ordinary training needs, takes a quarter of a second to import
        a, b = (pd.Series(numbers[there]).rank().to_numpy() for numbers in (x, target))
        if a.std() == 0 or b.std() == 0:
            return None
        found.append(abs(float(np.corrcoef(a, b)[0, 1])))
        if found[-1] < LEAK_ORDER:
            return None
    return found[1]


def _one_class(table: Table, fold: Fold, name: str) -> Iterator[Leak]:
    """The class that one single value of a feature stands for: where it is, that class is, and nowhere else."""
    assert table.codes is not None
    assert table.classes is not None
    train, val = evenly(fold.train, LEAK_ROWS), evenly(fold.val, LEAK_ROWS)
    both = np.concatenate([train, val])
    values = table.features[name].to_numpy()[both]
    few = len(pd.unique(values[:LEAK_SCREEN_ROWS])) <= _FEW_VALUES + 1  # a gap is no value
    codes, distinct = pd.factorize(values) if few else (-pd.isna(values).astype(np.int64), values)
    truth, of_train = table.codes[both], np.arange(len(both)) < len(train)
    for code, value in [(-1, None), *enumerate(distinct)] if len(distinct) <= _FEW_VALUES else [(-1, None)]:
        held = codes == code
        if held[of_train].sum() < LEAK_VALUE_ROWS or held[~of_train].sum() == 0:
            continue
        label = int(np.bincount(truth[held & of_train]).argmax())
        is_class = truth == label
        scores = [
            min(float(is_class[held & part].mean()), float(held[is_class & part].mean()))
            for part in (of_train, ~of_train)
            if (is_class & part).any()
        ]
        if len(scores) == 2 and min(scores) >= LEAK_SCORE:
            told = None if value is None else str(value)
            yield Leak((name,), "class", "balanced_accuracy", scores[1], table.classes[label], told)
            return


#: More different values than this are measurements, and none of them stands for a class.
_FEW_VALUES: Final = 50


# --- features together ------------------------------------------------------------------------------------------


def _numeric(table: Table, names: Sequence[str]) -> list[str]:
    return [name for name in names if table.features[name].dtype.kind in "fi"]


def _numbers(table: Table, names: Sequence[str], rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """These rows of numeric features as float64, one column each; no other row is copied."""
    return np.column_stack([table.features[name].to_numpy()[rows].astype(np.float64) for name in names])


@np.errstate(over="ignore", invalid="ignore")  # numbers that large are no parts of anything; the fit tells of them
def _together(table: Table, fold: Fold, names: Sequence[str]) -> Leak | None:
    """Numeric features of which the target is the sum, the mean, the product or an exact formula, up to rounding."""
    train, val = evenly(fold.train, LEAK_SCREEN_ROWS), evenly(fold.val, LEAK_SCREEN_ROWS)
    numeric = _numeric(table, names)
    if len(numeric) < 2:
        return None
    rows = np.concatenate([train, val])
    target = table.target[rows].astype(np.float64)
    columns = _numbers(table, numeric, rows)
    plain = _Rows.of(columns, target, np.arange(len(rows)) < len(train), np.isfinite)
    if plain is not None and (found := _sum_of(plain, numeric)) is not None:
        return found
    positive = _Rows.of(columns, target, np.arange(len(rows)) < len(train), lambda numbers: numbers > 0)
    if positive is None:
        return None
    logs = _Rows(np.log(positive.columns), np.log(positive.target), positive.kept, positive.n_train)
    product = _plain_sum(logs, numeric)
    return product and Leak(product.features, "product", "r2", product.score)


#: What a comparison of two numbers comes to: less, equal, more; and where one is missing, which is left out.
_OUTCOMES: Final = (-1, 0, 1)
_UNKNOWN: Final = 2


def _compared(table: Table, fold: Fold, names: Sequence[str]) -> Leak | None:
    """Two numeric features of which the class says which one is larger, as who won a game; the pair that does it best.

    Each outcome stands for the class that has it most often in training rows.
    """
    assert table.codes is not None
    numeric, classes = _numeric(table, names), len(table.classes or ())
    train, val = evenly(fold.train, LEAK_ROWS), evenly(fold.val, LEAK_ROWS)
    screen = evenly(fold.train, LEAK_SCREEN_ROWS)
    counts = [np.bincount(table.codes[rows], minlength=classes) for rows in (train, val, screen)]
    if len(numeric) < 2 or min(counts[0]) < LEAK_VALUE_ROWS or min(map(min, counts)) == 0:
        return None

    def outcomes(rows: np.ndarray[Any, Any], columns: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The share of each class's rows (first axis) with each outcome (second) of the first column and each other.

        Of the rows in which both hold a number, or of `_HELD` of all where these are fewer.
        """
        assert table.codes is not None
        x, y = columns[:, :1], columns[:, 1:]
        apart = np.where(x < y, -1, np.where(x > y, 1, np.where(x == y, 0, _UNKNOWN)))
        of_class = [apart[table.codes[rows] == code] for code in range(classes)]
        known = [np.maximum((part != _UNKNOWN).sum(axis=0), _HELD * len(part)) for part in of_class]
        counted = ([(part == outcome).sum(axis=0) for outcome in _OUTCOMES] for part in of_class)
        return np.array([np.array(sums) / of for sums, of in zip(counted, known, strict=True)])

    few, found = _numbers(table, numeric, screen), list[Leak]()
    for first in range(len(numeric) - 1):
        screened = outcomes(screen, few[:, first:])
        for other in np.flatnonzero(_balanced_of(screened, screened) >= LEAK_SCREEN_SCORE).tolist():
            pair = (numeric[first], numeric[first + 1 + other])
            learnt, seen = (outcomes(rows, _numbers(table, pair, rows)) for rows in (train, val))
            scores = (_balanced_of(learnt, learnt)[0], _balanced_of(learnt, seen)[0])
            if min(scores) >= LEAK_SCORE:
                found.append(Leak(pair, "comparison", "balanced_accuracy", float(scores[1])))
    return max(found, key=lambda leak: leak.score, default=None)


def _balanced_of(learnt: np.ndarray[Any, Any], seen: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The balanced accuracy on `seen` rows of the classes that the outcomes have most often in those `learnt` from."""
    answers = learnt.argmax(axis=0, keepdims=True)
    scores: np.ndarray[Any, Any] = np.take_along_axis(seen, answers, axis=0).sum(axis=(0, 1)) / len(seen)
    return scores


class _Rows(NamedTuple):
    """Rows in which all of the columns that are `kept` hold what is asked for: training rows first."""

    columns: np.ndarray[Any, Any]
    target: np.ndarray[Any, Any]
    kept: np.ndarray[Any, Any]
    n_train: int

    @classmethod
    def of(
        cls,
        columns: np.ndarray[Any, Any],
        target: np.ndarray[Any, Any],
        of_train: np.ndarray[Any, Any],
        fit: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]],
    ) -> _Rows | None:
        """None where too few rows, or fewer than two columns, are left: gaps in a few rows hide nothing."""
        with np.errstate(invalid="ignore"):
            fits, right = fit(columns), fit(target)
        usual = fits.mean(axis=0) >= _USUAL
        rows = right & fits[:, usual].all(axis=1)
        n_train = int(np.count_nonzero(rows & of_train))
        if usual.sum() < 2 or n_train < LEAK_VALUE_ROWS or rows.sum() - n_train < 2:
            return None
        part = columns[rows][:, usual]
        varies = part[:n_train].std(axis=0) > 0
        if varies.sum() < 2 or target[rows][:n_train].std() == 0:
            return None
        return cls(part[:, varies], target[rows], np.flatnonzero(usual)[varies], n_train)


#: The share of rows in which a part of the target holds a number.
_USUAL: Final = 0.9

#: Weights of features that are added up are the same within this: recorded parts are rounded.
_SAME: Final = 0.02

#: An R2 that only a formula reaches, and the share of the target's spread that a part of it makes at least.
_EXACT: Final = 1 - 1e-9
_MEMBER: Final = 1e-4


def _sum_of(rows: _Rows, names: Sequence[str]) -> Leak | None:
    """The features of which the target is an exact formula; else the few of which it is the plain sum or mean."""
    x = rows.columns
    if rows.n_train >= 2 * (x.shape[1] + 1):
        weights, scores = _fitted(rows, list(range(x.shape[1])))
        spread = np.abs(weights[:-1]) * x[: rows.n_train].std(axis=0)
        members = np.flatnonzero(spread > _MEMBER * rows.target[: rows.n_train].std()).tolist()
        if min(scores) >= _EXACT and members:
            weights, scores = _fitted(rows, members)
            if min(scores) >= _EXACT:
                how = _how(weights, rows.target[: rows.n_train].std()) or "formula"
                return Leak(tuple(names[rows.kept[i]] for i in members), how, "r2", scores[1])
    return _plain_sum(rows, names)


def _plain_sum(rows: _Rows, names: Sequence[str]) -> Leak | None:
    """Two or three features of which the target is the sum, up to signs, or the mean.

    Candidates are those that follow the target most, and what is left of it, one after the other.
    """
    candidates = _followers(rows)
    for size in range(2, LEAK_PARTS + 1):
        for chosen in combinations(candidates, size):
            weights, scores = _fitted(rows, chosen)
            how = _how(weights, rows.target[: rows.n_train].std())
            if min(scores) >= LEAK_SUM and how is not None:
                return Leak(tuple(names[rows.kept[i]] for i in sorted(chosen)), how, "r2", scores[1])
    return None


def _fitted(rows: _Rows, chosen: Sequence[int]) -> tuple[np.ndarray[Any, Any], tuple[float, float]]:
    """The least-squares weights of these columns, the constant last, with the R2 on training and validation rows."""
    x = np.column_stack([rows.columns[:, [*chosen]], np.ones(len(rows.target))])
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.linalg.lstsq(x[: rows.n_train], rows.target[: rows.n_train], rcond=None)[0]
        predicted, n = x @ weights, rows.n_train
        return weights, (_r2(predicted[:n], rows.target[:n]), _r2(predicted[n:], rows.target[n:]))


def _followers(rows: _Rows) -> list[int]:
    """The columns that may be parts of the target: a few that follow it, and one that follows what each leaves."""
    x, chosen = rows.columns[: rows.n_train], list[int]()
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = rows.target[: rows.n_train] - rows.target[: rows.n_train].mean()
    for start in np.argsort(-np.abs(x.T @ y), kind="stable")[:_FOLLOWERS].tolist():
        left = y - x[:, start] * (x[:, start] @ y) / len(y)
        for follower in (start, int(np.argmax(np.abs(x.T @ left)))):
            if follower not in chosen:
                chosen.append(follower)
    return chosen


_FOLLOWERS: Final = 6


def _how(weights: np.ndarray[Any, Any], spread: float) -> Literal["sum", "mean"] | None:
    """Whether all features count alike, as in a sum or a mean, and nothing is added to them."""
    *parts, rest = weights.tolist()
    size = abs(parts[0])
    if abs(rest) > _SAME * spread or any(abs(abs(part) - size) > _SAME * size for part in parts):
        return None
    if abs(size - 1) <= _SAME:
        return "sum"
    return "mean" if abs(size - 1 / len(parts)) <= _SAME / len(parts) else None
