"""Leaks that are found, whatever form the answer takes, and honest features that are not accused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from week2kit.config.reading import parse_config
from week2kit.loop.data import use_columns
from week2kit.loop.leakage import Leak, leaks
from week2kit.loop.reading import Read
from week2kit.loop.split import make_folds, settle_split
from week2kit.sentences.warnings import leak_told

ROWS = 400
DRAWS = np.random.default_rng(11)
X = {name: DRAWS.normal(size=ROWS) for name in ("a", "b", "c", "d")}
PARTS = {name: DRAWS.gamma(3, 40, ROWS).round() for name in ("casual", "registered", "staff")}
PRICE = np.exp(DRAWS.normal(12, 0.5, ROWS)).round(2)
GOALS = DRAWS.poisson(1.4, (2, ROWS))
RESULT = np.sign(GOALS[0] - GOALS[1])
BREEDS = [f"breed {number}" for number in DRAWS.integers(0, 12, ROWS)]


def found(columns: dict[str, Any], target: str, *, classes: bool = False) -> list[Leak]:
    frame = pd.DataFrame(columns)
    config = parse_config({"data": {"path": "t.csv", "target": target}, "model": "dummy", "seed": 3})
    table = use_columns(Read(frame), config, target, classification=classes)
    folds, _ = make_folds(settle_split(config.split, table.counts, 3)[0], table)
    return list(leaks(table, folds[0]))


LEAKING: dict[str, tuple[dict[str, Any], str, bool, tuple[str, tuple[str, ...]]]] = {
    "a copy of twelve classes": (
        {**X, "code": [sum(map(ord, breed)) * 7 % 97 for breed in BREEDS], "y": BREEDS},
        "y", True, ("alone", ("code",)),
    ),
    "a text that names the class": (
        {**X, "name": [f"{'xyzw'[i % 4]}{breed[-1]}{len(breed)}" for i, breed in enumerate(BREEDS)], "y": BREEDS},
        "y", True, ("alone", ("name",)),
    ),
    "a copy with gaps": (
        {**X, "again": np.where(np.arange(ROWS) % 4 == 1, np.nan, PRICE / 7), "y": PRICE},
        "y", False, ("present", ("again",)),
    ),
    "a copy of classes with gaps": (
        {**X, "code": [None if i % 7 == 3 else f"{breed[-1]}x" for i, breed in enumerate(BREEDS)],
         "y": [breed[-1] for breed in BREEDS]},
        "y", True, ("present", ("code",)),
    ),
    "a log": ({**X, "size": np.log(PRICE), "y": PRICE}, "y", False, ("order", ("size",))),
    "a rank": ({**X, "place": pd.Series(PRICE).rank(ascending=False), "y": PRICE}, "y", False, ("order", ("place",))),
    "the price in thousands": ({**X, "k": (PRICE / 1000).round(1), "y": PRICE}, "y", False, ("alone", ("k",))),
    "a sum of two": (
        {**X, **PARTS, "y": PARTS["casual"] + PARTS["registered"]}, "y", False, ("sum", ("casual", "registered")),
    ),
    "a sum of three": ({**X, **PARTS, "y": sum(PARTS.values())}, "y", False, ("sum", tuple(PARTS))),
    "a difference": (
        {**X, **PARTS, "y": PARTS["casual"] - PARTS["staff"]}, "y", False, ("sum", ("casual", "staff")),
    ),
    "a mean, rounded": (
        {**X, **PARTS, "y": ((PARTS["casual"] + PARTS["staff"]) / 2).round(-1)},
        "y", False, ("mean", ("casual", "staff")),
    ),
    "a sum with gaps": (
        {**X, "casual": np.where(np.arange(ROWS) % 20 == 3, np.nan, PARTS["casual"]), "staff": PARTS["staff"],
         "y": PARTS["casual"] + PARTS["staff"]}, "y", False, ("sum", ("casual", "staff")),
    ),
    "a product": (
        {**X, "n": PARTS["casual"] + 1, "each": PARTS["staff"] + 1, "y": (PARTS["casual"] + 1) * (PARTS["staff"] + 1)},
        "y", False, ("product", ("n", "each")),
    ),
    "a formula": ({**X, "y": 54.4 - 2 * X["a"] + 3.3 * X["b"] - X["d"]}, "y", False, ("formula", ("a", "b", "d"))),
    "a value that only one class has": (
        {**X, "died": ["2024" if i % 3 == 0 else None for i in range(ROWS)],
         "y": [("dead", "ill", "well")[i % 3] for i in range(ROWS)]},
        "y", True, ("class", ("died",)),
    ),
    "which of two is larger": (
        {**X, **PARTS, "y": np.where(PARTS["staff"] > PARTS["casual"], "yes", "no")},
        "y", True, ("comparison", ("casual", "staff")),
    ),
    "who won": (
        {**X, "home": GOALS[0], "away": GOALS[1], "y": [("away", "draw", "home")[1 + s] for s in RESULT]},
        "y", True, ("comparison", ("home", "away")),
    ),
    "whether two are equal, with gaps": (
        {**X, "got": np.where(np.arange(ROWS) % 3 == 1, np.nan, GOALS[0]), "due": GOALS[1], "y": RESULT == 0},
        "y", True, ("comparison", ("got", "due")),
    ),
    "a sum of counts that are classes": (
        {**X, "m": DRAWS.integers(0, 3, ROWS), "f": DRAWS.integers(0, 3, ROWS)}, "y", True, ("sum", ("m", "f")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEAKING)
def test_the_answer_is_found_in_every_form(name: str) -> None:
    columns, target, classes, expected = LEAKING[name]
    if target not in columns:
        columns = {**columns, target: columns["m"] + columns["f"]}
    first, *others = found(columns, target, classes=classes)
    assert (first.how, first.features) == expected
    assert others == []
    assert first.score >= 0.99
    told = leak_told(first._asdict() | {"features": list(first.features)})
    assert all(feature in told for feature in first.features)


def correlated(strength: float) -> Callable[[], dict[str, Any]]:
    noise = np.sqrt(1 / strength**2 - 1)
    return lambda: {**X, "y": X["a"] + noise * np.random.default_rng(2).normal(size=ROWS)}


ROUND = DRAWS.integers(0, 5, ROWS)

HONEST: dict[str, tuple[Callable[[], dict[str, Any]], bool]] = {
    "a strong feature": (correlated(0.985), False),
    "two that make most of it": (
        lambda: {**X, "y": X["a"] + X["b"] + 0.12 * np.random.default_rng(3).normal(size=ROWS)}, False,
    ),
    "other weights": (
        lambda: {**X, "y": 3 * X["a"] + 0.4 * X["b"] + 0.2 * np.random.default_rng(3).normal(size=ROWS)}, False,
    ),
    "a class apart by a measurement": (
        lambda: {**X, "petal": np.repeat([1.0, 4.2, 4.6, 5.5], ROWS // 4) + 0.3 * X["b"],
                 "y": np.repeat(["s", "v", "w", "g"], ROWS // 4)}, True,
    ),
    "a place where one class lives": (
        lambda: {**X, "island": ["T" if i % 6 == 0 else "B" for i in range(ROWS)],
                 "y": [("a", "b", "c")[i % 3] for i in range(ROWS)]},
        True,
    ),
    "one that is mostly larger": (
        lambda: {**X, "y": X["a"] + 0.1 * np.random.default_rng(3).normal(size=ROWS) > X["b"]}, True,
    ),
    "one that is always larger": (
        lambda: {**X, "less": X["a"] - 1, "more": X["a"] + 1, "y": X["b"] + X["c"] > 0}, True,
    ),
    "two of which nearly no row holds both": (
        lambda: {
            "a": np.where(np.arange(ROWS) % 5 > 0, np.nan, X["a"]), "b": X["b"], "c": X["c"], "y": X["a"] > X["b"],
        },
        True,
    ),
    "a copy that nearly no row holds": (
        lambda: {"c": X["c"], "again": np.where(np.arange(ROWS) % 4 == 1, X["b"], np.nan), "y": X["b"]}, False,
    ),
    "one that a few rows of a class hold": (
        lambda: {
            "c": X["c"], "y": X["a"] > 1,
            "size": np.where(np.arange(ROWS) % np.where(X["a"] > 1, 6, 2) > 0, np.nan, 9 * (X["a"] > 1) + ROUND),
        },
        True,
    ),
    "noise": (lambda: {**X, "y": np.random.default_rng(4).normal(size=ROWS)}, False),
    "classes of noise": (lambda: {**X, "y": np.random.default_rng(4).integers(0, 12, ROWS)}, True),
    "names": (
        lambda: {**X, "name": [f"n{i // 2}" for i in range(ROWS)], "y": np.random.default_rng(4).integers(0, 3, ROWS)},
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_no_honest_feature_is_accused(name: str) -> None:
    columns, classes = HONEST[name]
    assert found(columns(), "y", classes=classes) == []


def test_numbers_beyond_all_squares_are_no_parts_of_a_target() -> None:
    """A warning of numpy would stand on standard error, in words that nobody can follow."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found({**X, "huge": X["c"] * 1e200, "y": X["a"] + X["b"] * X["d"]}, "y") == []
        assert found({**X, "y": np.random.default_rng(5).normal(size=ROWS) * 1e170}, "y") == []
