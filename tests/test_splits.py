"""Every split is scikit-learn's own, row by row; what the config leaves open is settled as the design says."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import model_selection
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    train_test_split,
)

from week2kit import train
from week2kit.config.reading import parse_config
from week2kit.errors import ConfigError, StageError
from week2kit.loop.data import Table
from week2kit.loop.progress import Progress
from week2kit.loop.run import Source, run_loop
from week2kit.loop.split import Fold, make_folds, positions_digest, settle_split
from week2kit.record.manifest import CompletedRun, FailedRun

ROWS = 103
SEED = 11

rng = np.random.default_rng(4)
CODES = rng.choice(3, ROWS, p=[0.6, 0.3, 0.1]).astype(np.int64)
GROUPS = rng.integers(0, 14, ROWS)
INDEX = np.arange(ROWS)


def table(target: Any = CODES, groups: Any = GROUPS, codes: Any = CODES) -> Table:
    return Table(pd.DataFrame({"x": np.arange(len(target))}), np.asarray(target), groups, (), None, codes)


def split_config(split: dict[str, Any]) -> Any:
    return parse_config({"data": {"dataset": "iris"}, "model": "dummy", "split": split}).split


def folds_of(split: dict[str, Any], codes: Any = CODES, target: Any = None) -> tuple[list[Fold], str]:
    """The folds that a config's split section gives on the data above."""
    counts = None if codes is None else np.bincount(codes).tolist()
    settled, _ = settle_split(split_config(split), counts, SEED)
    groups = GROUPS if "groups" in split else None
    return make_folds(settled, table(CODES if target is None else target, groups, codes))


def assert_equal(folds: list[Fold], expected: list[tuple[Any, Any]]) -> None:
    assert len(folds) == len(expected)
    for fold, (train_rows, val_rows) in zip(folds, expected, strict=True):
        np.testing.assert_array_equal(fold.train, train_rows)
        np.testing.assert_array_equal(fold.val, val_rows)
        assert fold.train.dtype == fold.val.dtype == np.int64


# --- holdout ----------------------------------------------------------------------------------------------------

HOLDOUTS = [
    pytest.param({}, {"test_size": 0.2, "stratify": CODES, "random_state": SEED}, id="defaults"),
    pytest.param({"test_size": 0.37, "stratify": False}, {"test_size": 0.37, "random_state": SEED}, id="fraction"),
    pytest.param({"test_size": 17, "stratify": False}, {"test_size": 17, "random_state": SEED}, id="count"),
    pytest.param(
        {"test_size": 30, "stratify": True}, {"test_size": 30, "stratify": CODES, "random_state": SEED}, id="stratified"
    ),
    pytest.param({"shuffle": False}, {"test_size": 0.2, "shuffle": False}, id="in order"),
    pytest.param({"shuffle": False, "test_size": 20}, {"test_size": 20, "shuffle": False}, id="the last 20"),
    pytest.param(
        {"random_state": 3, "stratify": False}, {"test_size": 0.2, "random_state": 3}, id="a random_state of its own"
    ),
]


@pytest.mark.parametrize(("split", "arguments"), HOLDOUTS)
def test_a_holdout_is_train_test_split(split: dict[str, Any], arguments: dict[str, Any]) -> None:
    folds, name = folds_of(split)
    assert_equal(folds, [tuple(train_test_split(INDEX, **arguments))])
    assert name == "train_test_split"


def test_a_holdout_by_groups_is_group_shuffle_split() -> None:
    folds, name = folds_of({"groups": "g", "test_size": 0.3})
    expected = GroupShuffleSplit(n_splits=1, test_size=0.3, random_state=SEED).split(INDEX, groups=GROUPS)
    assert_equal(folds, list(expected))
    assert name == "GroupShuffleSplit"
    assert not set(GROUPS[folds[0].train]) & set(GROUPS[folds[0].val])


def test_stratifying_by_codes_is_stratifying_by_the_labels_themselves() -> None:
    labels = np.array(["adelie", "chinstrap", "gentoo"])[CODES]
    assert_equal(folds_of({})[0], [tuple(train_test_split(INDEX, test_size=0.2, stratify=labels, random_state=SEED))])


def test_a_split_of_the_rows_is_the_split_of_the_frames_that_a_script_splits() -> None:
    frame = pd.DataFrame({"x": rng.normal(size=ROWS)})
    _, X_val, _, y_val = train_test_split(frame, CODES, test_size=0.2, stratify=CODES, random_state=SEED)
    (fold,) = folds_of({})[0]
    np.testing.assert_array_equal(fold.val, X_val.index)
    np.testing.assert_array_equal(CODES[fold.val], y_val)


# --- cross-validation -------------------------------------------------------------------------------------------

FOLDS = [
    pytest.param({}, StratifiedKFold(5, shuffle=True, random_state=SEED), id="defaults"),
    pytest.param({"shuffle": False}, KFold(5), id="not shuffled"),
    pytest.param({"n_splits": 4, "stratify": False}, KFold(4, shuffle=True, random_state=SEED), id="plain"),
    pytest.param({"shuffle": False, "stratify": True, "n_splits": 3}, StratifiedKFold(3), id="stratified in order"),
    pytest.param({"groups": "g"}, GroupKFold(5), id="by groups"),
    pytest.param({"groups": "g", "n_splits": 3, "shuffle": False}, GroupKFold(3), id="by groups in order"),
    pytest.param(
        {"groups": "g", "stratify": True},
        StratifiedGroupKFold(5, shuffle=True, random_state=SEED),
        id="stratified by groups",
    ),
    pytest.param(
        {"groups": "g", "stratify": True, "shuffle": False}, StratifiedGroupKFold(5), id="stratified by groups in order"
    ),
    pytest.param(
        {"n_repeats": 3, "stratify": False, "n_splits": 4},
        RepeatedKFold(n_splits=4, n_repeats=3, random_state=SEED),
        id="repeated",
    ),
    pytest.param(
        {"n_repeats": 2}, RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=SEED), id="repeated stratified"
    ),
    pytest.param(
        {"random_state": 99}, StratifiedKFold(5, shuffle=True, random_state=99), id="a random_state of its own"
    ),
]


@pytest.mark.parametrize(("split", "splitter"), FOLDS)
def test_folds_are_those_of_scikit_learns_class(split: dict[str, Any], splitter: Any) -> None:
    folds, name = folds_of({"method": "kfold", **split})
    groups = GROUPS if "groups" in split else None
    assert_equal(folds, list(splitter.split(INDEX, CODES, groups=groups)))
    assert name == type(splitter).__name__
    per_repeat = split.get("n_splits", 5)
    assert [(fold.repeat, fold.fold) for fold in folds] == [divmod(i, per_repeat) for i in range(len(folds))]


@pytest.mark.parametrize("n_splits", [2, 5, 12])
def test_time_series_folds_are_those_of_scikit_learns_class(n_splits: int) -> None:
    folds, name = folds_of({"method": "time_series", "n_splits": n_splits})
    assert_equal(folds, list(TimeSeriesSplit(n_splits).split(INDEX)))
    assert name == "TimeSeriesSplit"
    assert all(fold.train.max() < fold.val.min() for fold in folds)


def test_folds_for_regression_are_never_stratified() -> None:
    folds, name = folds_of({"method": "kfold"}, codes=None, target=rng.normal(size=ROWS))
    assert_equal(folds, list(KFold(5, shuffle=True, random_state=SEED).split(INDEX)))
    assert name == "KFold"


def test_shuffled_folds_by_groups_follow_the_release() -> None:
    split = {"method": "kfold", "groups": "g", "shuffle": True}
    if "shuffle" in inspect.signature(model_selection.GroupKFold).parameters:
        expected = GroupKFold(5, shuffle=True, random_state=SEED).split(INDEX, groups=GROUPS)
        assert_equal(folds_of(split)[0], list(expected))
    else:
        with pytest.raises(StageError, match=r"shuffled from scikit-learn 1\.6 on"):
            folds_of(split)


# --- what is settled --------------------------------------------------------------------------------------------

SETTLED = [
    pytest.param({}, [40, 60], True, True, SEED, None, id="holdout"),
    pytest.param({}, None, True, False, SEED, None, id="holdout for regression"),
    pytest.param({"shuffle": False}, [40, 60], False, False, None, None, id="holdout in order"),
    pytest.param({"groups": "g"}, [40, 60], True, False, SEED, None, id="holdout by groups"),
    pytest.param({}, [99, 1], True, False, SEED, 1, id="holdout with a class of one row"),
    pytest.param({}, [98, 2], True, True, SEED, None, id="holdout with a class of two rows"),
    pytest.param({"stratify": False}, [99, 1], True, False, SEED, None, id="holdout that need not be stratified"),
    pytest.param({"method": "kfold"}, [40, 60], True, True, SEED, None, id="folds"),
    pytest.param({"method": "kfold"}, None, True, False, SEED, None, id="folds for regression"),
    pytest.param({"method": "kfold"}, [96, 4], True, False, SEED, 4, id="folds with a class of four rows"),
    pytest.param({"method": "kfold"}, [95, 5], True, True, SEED, None, id="folds with a class of five rows"),
    pytest.param({"method": "kfold", "shuffle": False}, [40, 60], False, False, None, None, id="folds in order"),
    pytest.param({"method": "kfold", "groups": "g"}, [40, 60], False, False, None, None, id="folds by groups"),
]


@pytest.mark.parametrize(("split", "counts", "shuffle", "stratify", "random_state", "too_small"), SETTLED)
def test_what_the_config_leaves_open_is_settled(
    split: dict[str, Any],
    counts: list[int] | None,
    shuffle: bool,
    stratify: bool,
    random_state: int | None,
    too_small: int | None,
) -> None:
    settled, smallest = settle_split(split_config(split), counts, SEED)
    assert not isinstance(settled, str)
    found = (settled.shuffle, settled.stratify, settled.random_state, smallest)  # type: ignore[union-attr]
    assert found == (shuffle, stratify, random_state, too_small)


@pytest.mark.parametrize(
    "split",
    [{}, {"shuffle": False}, {"method": "kfold"}, {"method": "kfold", "groups": "g"}, {"method": "time_series"}],
    ids=["holdout", "holdout in order", "folds", "folds by groups", "time series"],
)
def test_a_settled_split_settles_to_itself_under_any_seed(split: dict[str, Any]) -> None:
    settled, _ = settle_split(split_config(split), [40, 63], SEED)
    assert settle_split(settled, [40, 63], SEED + 1)[0] == settled


def test_an_explicit_null_leaves_the_split_to_chance() -> None:
    settled, _ = settle_split(split_config({"random_state": None}), [40, 63], SEED)
    assert settled.random_state is None  # type: ignore[union-attr]
    first = make_folds(settled, table())[0]
    assert any(positions_digest(make_folds(settled, table())[0]) != positions_digest(first) for _ in range(3))


def test_a_class_that_is_too_small_to_stratify_is_said_with_its_label_and_count(tmp_path: Any) -> None:
    labels = ["often"] * 30 + ["twice"] * 29 + ["once"]
    pd.DataFrame({"x": np.arange(60) % 7, "y": labels}).to_csv(tmp_path / "d.csv", index=False)
    config = {"data": {"path": str(tmp_path / "d.csv"), "target": "y"}, "model": "dummy", "seed": SEED}
    manifest = train(config, runs_dir=tmp_path / "runs").manifest
    assert isinstance(manifest, CompletedRun)
    (warned,) = [w for w in manifest.warnings if w.code == "split.not_stratified"]
    assert warned.values == {"label": "once", "rows": 1}
    resolved = manifest.inputs.config.resolved
    assert resolved is not None
    assert resolved["split"]["stratify"] is False
    expected = train_test_split(np.arange(60), test_size=0.2, random_state=SEED)
    assert manifest.outcome.split.positions == positions_digest([Fold(0, 0, *expected)])


# --- what is refused --------------------------------------------------------------------------------------------

CONTRADICTIONS = [
    pytest.param({"shuffle": False, "stratify": True}, "split.stratify", id="stratified without shuffling"),
    pytest.param({"groups": "g", "stratify": True}, "split.groups", id="holdout by groups and stratified"),
    pytest.param({"groups": "g", "shuffle": False}, "split.groups", id="holdout by groups in order"),
    pytest.param({"method": "kfold", "n_repeats": 2, "shuffle": False}, "split.n_repeats", id="repeated in order"),
    pytest.param({"method": "kfold", "n_repeats": 2, "groups": "g"}, "split.n_repeats", id="repeated by groups"),
    pytest.param({"method": "loo"}, "split.method", id="an unknown method"),
    pytest.param({"method": "time_series", "shuffle": True}, "split.shuffle", id="a shuffled time series"),
    pytest.param({"test_size": 0}, "split.test_size", id="an empty validation side"),
    pytest.param({"test_size": 1.0}, "split.test_size", id="an empty training side"),
    pytest.param({"test_size": True}, "split.test_size", id="a boolean size"),
    pytest.param({"method": "kfold", "n_splits": 1}, "split.n_splits", id="one fold"),
    pytest.param({"random_state": 2**32}, "split.random_state", id="a seed beyond 32 bits"),
]


@pytest.mark.parametrize(("split", "key"), CONTRADICTIONS)
def test_a_split_that_contradicts_itself_is_a_config_error_with_its_key(split: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        split_config(split)
    assert any(problem.startswith(f"{key}:") for problem in caught.value.problems)


# --- digests ----------------------------------------------------------------------------------------------------


def test_the_positions_digest_tells_training_from_validation_and_the_order() -> None:
    a, b = np.arange(5, dtype=np.int64), np.arange(5, 9, dtype=np.int64)
    parts = [[Fold(0, 0, a, b)], [Fold(0, 0, b, a)], [Fold(0, 0, a[::-1].copy(), b)], [Fold(0, 0, a, b[::-1].copy())]]
    assert len({positions_digest(folds) for folds in parts}) == 4


def test_the_contents_digest_follows_the_rows_and_not_their_positions() -> None:
    config = parse_config({"data": {"dataset": "iris"}, "model": "naive_bayes", "split": {"test_size": 0.4}})
    records = []
    for seed in (1, 1, 2):
        progress = Progress()
        records.append(run_loop(config, seed, Source("iris"), progress).outcome.split)
    assert records[0] == records[1]
    assert records[0].positions != records[2].positions
    assert records[0].contents != records[2].contents


def test_a_fold_with_one_class_only_is_told_before_it_is_fitted(tmp_path: Any) -> None:
    pd.DataFrame({"x": range(20), "y": [0] * 15 + [1] * 5}).to_csv(tmp_path / "d.csv", index=False)
    config = {
        "data": {"path": str(tmp_path / "d.csv"), "target": "y"},
        "model": "logistic_regression",
        "split": {"method": "time_series", "n_splits": 2},
    }
    manifest = train(config, runs_dir=tmp_path / "runs").manifest
    assert isinstance(manifest, FailedRun)
    assert "one class only" in manifest.failure.message
