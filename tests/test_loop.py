"""The loop: where the seed goes, what it warns of, what it records, and that it comes out the same again."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from palmerpenguins import load_penguins
from sklearn import (
    cluster,
    decomposition,
    dummy,
    ensemble,
    gaussian_process,
    kernel_approximation,
    linear_model,
    neural_network,
    preprocessing,
    random_projection,
    svm,
    tree,
)
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from week2kit import train
from week2kit.config.form import config_digest
from week2kit.config.overriding import override
from week2kit.config.reading import parse_config
from week2kit.errors import ConfigError
from week2kit.loop.advice import evenly, shared_rows
from week2kit.loop.data import use_columns
from week2kit.loop.inside import unseeded, walk
from week2kit.loop.leaks import leaks
from week2kit.loop.reading import load_dataset, read_file
from week2kit.loop.split import Fold, make_folds, settle_split
from week2kit.record.manifest import CompletedRun, FailedRun
from week2kit.thresholds import CURVE_SHARES


def named(path: str, **params: Any) -> dict[str, Any]:
    return {"class": path, "params": params}


def completed(config: dict[str, Any], directory: Path, **options: Any) -> CompletedRun:
    manifest = train(config, runs_dir=directory, **options).manifest
    assert isinstance(manifest, CompletedRun), manifest.failure
    return manifest


def csv_config(frame: pd.DataFrame, directory: Path, **config: Any) -> dict[str, Any]:
    """A config for a frame with the target `y`, written as a CSV into the directory."""
    frame.to_csv(directory / "data.csv", index=False)
    return {"data": {"path": str(directory / "data.csv"), "target": "y"}, "seed": 5, **config}


def codes_of(manifest: CompletedRun) -> dict[str, dict[str, Any]]:
    return {warned.code: warned.values for warned in manifest.warnings}


def random_states(value: Any) -> Iterator[Any]:
    """Every ``random_state`` in a resolved config."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "random_state":
                yield item
            else:
                yield from random_states(item)
    elif isinstance(value, list):
        for item in value:
            yield from random_states(item)


# --- the seed ---------------------------------------------------------------------------------------------------

TREE = named("sklearn.tree.DecisionTreeClassifier", max_depth=2)
NESTED = [
    pytest.param({"model": "random_forest"}, 2, id="forest"),
    pytest.param(
        {"model": named("sklearn.ensemble.BaggingClassifier", estimator=TREE, n_estimators=3)}, 3, id="bagging"
    ),
    pytest.param(
        {"model": named("sklearn.ensemble.VotingClassifier", estimators=[["a", TREE], ["b", "drop"], ["c", TREE]])},
        3,
        id="voting",
    ),
    pytest.param(
        {
            "model": named(
                "sklearn.ensemble.StackingClassifier",
                estimators=[["a", TREE], ["b", named("sklearn.svm.LinearSVC", dual=False)]],
                final_estimator={"class": "logistic_regression"},
                cv=2,
            )
        },
        4,
        id="stacking",
    ),
    pytest.param(
        {
            "model": named(
                "sklearn.multiclass.OneVsRestClassifier",
                estimator=named("sklearn.ensemble.BaggingClassifier", estimator=TREE, n_estimators=3),
            )
        },
        3,
        id="three levels",
    ),
    pytest.param(
        {
            "preprocess": [
                {
                    "columns": ["sepal length (cm)", "sepal width (cm)"],
                    "steps": ["standard_scaler", named("pca", n_components=1)],
                },
                {
                    "columns": ["petal length (cm)", "petal width (cm)"],
                    "steps": [named("sklearn.preprocessing.QuantileTransformer", n_quantiles=20)],
                },
            ],
            "model": "logistic_regression",
        },
        4,
        id="groups of columns",
    ),
]


@pytest.mark.parametrize(("config", "count"), NESTED)
def test_the_seed_reaches_the_split_and_every_random_state_and_decides_the_outcome(
    config: dict[str, Any], count: int, tmp_path: Path
) -> None:
    manifest = completed({"data": {"dataset": "iris"}, "seed": 97, **config}, tmp_path, name="run")
    resolved = manifest.inputs.config.resolved
    assert list(random_states(resolved)) == [97] * count
    pipeline = joblib.load(tmp_path / "run/model.joblib")
    outer = [value for name, value in pipeline.get_params().items() if name.endswith("random_state")]
    assert outer == [97] * (count - 1)
    assert "seed.unset" not in codes_of(manifest)
    assert unseeded(pipeline) == []
    again, other = (completed({"data": {"dataset": "iris"}, **config}, tmp_path, seed=seed).outcome for seed in (97, 4))
    assert again == manifest.outcome
    assert other.split.positions != manifest.outcome.split.positions


def test_a_seed_that_is_not_given_is_drawn_recorded_and_enough_to_do_it_again(tmp_path: Path) -> None:
    config = {"data": {"dataset": "iris"}, "model": TREE}
    first, second = completed(config, tmp_path), completed(config, tmp_path)
    assert first.inputs.seed.source == "drawn"
    assert first.inputs.seed.value != second.inputs.seed.value
    again = completed(config, tmp_path, seed=first.inputs.seed.value)
    assert again.inputs.seed.source == "given"
    assert again.outcome == first.outcome


def test_a_random_state_of_its_own_is_kept_where_it_stands(tmp_path: Path) -> None:
    model = named("sklearn.ensemble.BaggingClassifier", estimator=TREE, n_estimators=3, random_state=1)
    config = {"data": {"dataset": "iris"}, "split": {"random_state": 2}, "model": model, "seed": 3}
    resolved = completed(config, tmp_path).inputs.config.resolved
    assert resolved is not None
    assert resolved["split"]["random_state"] == 2
    assert resolved["model"]["params"]["random_state"] == 1
    assert resolved["model"]["params"]["estimator"]["params"]["random_state"] == 3


NULLS = [
    pytest.param(
        {"model": named("random_forest", random_state=None, n_estimators=3)}, ["RandomForestClassifier"], id="model"
    ),
    pytest.param(
        {"model": named("sklearn.ensemble.BaggingClassifier", estimator=named("decision_tree", random_state=None))},
        ["DecisionTreeClassifier"],
        id="inside a model",
    ),
    pytest.param({"model": "naive_bayes", "split": {"random_state": None}}, ["split"], id="split"),
    pytest.param({"model": "naive_bayes", "split": {"method": "kfold", "random_state": None}}, ["split"], id="folds"),
    pytest.param(
        {
            "model": "naive_bayes",
            "preprocess": [
                named("sklearn.random_projection.GaussianRandomProjection", n_components=2, random_state=None)
            ],
        },
        ["GaussianRandomProjection"],
        id="preprocessing",
    ),
    pytest.param({"model": named("logistic_regression", random_state=None)}, None, id="a model that never draws"),
    pytest.param({"model": "naive_bayes", "split": {"shuffle": False, "random_state": None}}, None, id="rows in order"),
]


@pytest.mark.filterwarnings("ignore:Estimator's parameters have changed")
@pytest.mark.parametrize(("config", "names"), NULLS)
def test_an_explicit_null_stays_null_and_is_a_warning_where_it_draws(
    config: dict[str, Any], names: list[str] | None, tmp_path: Path
) -> None:
    config = {"data": {"dataset": "breast_cancer"}, "seed": 8, "preprocess": "auto-scaled", **config}
    manifest = completed(config, tmp_path, name="run")
    assert codes_of(manifest).get("seed.unset") == (names and {"estimators": names})
    if names is not None:
        assert None in list(random_states(json.loads((tmp_path / "run/config.json").read_text())))


# --- which estimators draw --------------------------------------------------------------------------------------

DRAWS = {
    "random forest": ensemble.RandomForestClassifier(5),
    "extra trees": ensemble.ExtraTreesClassifier(5),
    "tree of some features": tree.DecisionTreeClassifier(max_features=3),
    "tree of random thresholds": tree.DecisionTreeClassifier(splitter="random"),
    "bagging": ensemble.BaggingClassifier(n_estimators=3),
    "boosting of half of the rows": ensemble.GradientBoostingClassifier(n_estimators=5, subsample=0.5),
    "boosting that stops early": ensemble.HistGradientBoostingClassifier(max_iter=5, early_stopping=True),
    "perceptron of layers": neural_network.MLPClassifier(max_iter=2),
    "stochastic gradient": linear_model.SGDClassifier(max_iter=3),
    "stochastic gradient in order": linear_model.SGDClassifier(max_iter=3, shuffle=False),
    "perceptron": linear_model.Perceptron(max_iter=3),
    "logistic, lbfgs": linear_model.LogisticRegression(),
    "logistic, newton": linear_model.LogisticRegression(solver="newton-cholesky"),
    "logistic, liblinear": linear_model.LogisticRegression(solver="liblinear"),
    "logistic, liblinear, dual": linear_model.LogisticRegression(solver="liblinear", dual=True, max_iter=9),
    "logistic, saga": linear_model.LogisticRegression(solver="saga", max_iter=3),
    "ridge": linear_model.Ridge(),
    "ridge, sag": linear_model.Ridge(solver="sag"),
    "lasso": linear_model.Lasso(0.01),
    "lasso, random": linear_model.Lasso(0.01, selection="random"),
    "least angles": linear_model.LassoLars(alpha=0.001),
    "least angles with jitter": linear_model.LassoLars(alpha=0.001, jitter=0.1),
    "linear support vectors, primal": svm.LinearSVC(dual=False),
    "linear support vectors, dual": svm.LinearSVC(dual=True, max_iter=20),
    "support vectors": svm.SVC(),
    "gaussian process": gaussian_process.GaussianProcessClassifier(),
    "dummy": dummy.DummyClassifier(),
    "dummy, stratified": dummy.DummyClassifier(strategy="stratified"),
    "dummy, uniform": dummy.DummyClassifier(strategy="uniform"),
    "components, full": decomposition.PCA(2, svd_solver="full"),
    "components, randomized": decomposition.PCA(2, svd_solver="randomized", iterated_power=0),
    "truncated, randomized": decomposition.TruncatedSVD(2, n_iter=1),
    "truncated, arpack": decomposition.TruncatedSVD(2, algorithm="arpack"),
    "k-means": cluster.KMeans(4, n_init=1),
    "kernel map": kernel_approximation.Nystroem(n_components=10),
    "random projection": random_projection.GaussianRandomProjection(5),
    "quantiles of all": preprocessing.QuantileTransformer(n_quantiles=20, subsample=None),
    "quantiles of some": preprocessing.QuantileTransformer(n_quantiles=20, subsample=50),
    "bins of equal width": preprocessing.KBinsDiscretizer(strategy="uniform", encode="ordinal"),
    "bins of some": preprocessing.KBinsDiscretizer(subsample=50, encode="ordinal"),
}

#: They store a draw that never reaches a score, or draw from larger data only: named, to be on the safe side.
MAY_DRAW = {
    "boosting of histograms": ensemble.HistGradientBoostingClassifier(max_iter=5),
    "adaptive boosting": ensemble.AdaBoostClassifier(n_estimators=3),
    "components": decomposition.PCA(2),
    "linear support vectors": svm.LinearSVC(),
}


def varies(estimator: Any) -> bool:
    """Whether four fits without a seed say different things of rows that they have not seen."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)[:220].round(1)
    y = np.where(np.random.default_rng(0).random(220) < 0.2, 1 - y[:220], y[:220])
    answers = set()
    for _ in range(4):
        steps = [clone(estimator)] if hasattr(estimator, "predict") and not hasattr(estimator, "transform") else None
        model = make_pipeline(*(steps or [clone(estimator), linear_model.LogisticRegression()])).fit(X[:140], y[:140])
        methods = [m for m in ("predict_proba", "decision_function", "predict") if hasattr(model, m)]
        answers.add(b"".join(np.asarray(getattr(model, m)(X[140:])).tobytes() for m in methods))
    return len(answers) > 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DRAWS)
def test_an_estimator_without_a_seed_is_named_exactly_where_its_results_vary(name: str) -> None:
    assert (unseeded(DRAWS[name]) == [type(DRAWS[name]).__name__]) is varies(DRAWS[name])


@pytest.mark.parametrize("name", MAY_DRAW)
def test_an_estimator_that_may_draw_is_named(name: str) -> None:
    assert unseeded(MAY_DRAW[name]) == [type(MAY_DRAW[name]).__name__]


def test_a_seed_silences_every_name() -> None:
    for estimator in (*DRAWS.values(), *MAY_DRAW.values()):
        for inner in walk(seeded := clone(estimator)):
            if "random_state" in inner.get_params(deep=False):
                inner.set_params(random_state=0)
        assert unseeded(seeded) == []


# --- warnings ---------------------------------------------------------------------------------------------------


def noise(rows: int = 200, features: int = 3, seed: int = 0) -> pd.DataFrame:
    """Features that tell nothing of the target."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, features)), columns=[f"x{i}" for i in range(features)])
    return frame.assign(y=rng.integers(0, 2, rows))


NOT_CONVERGED = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@NOT_CONVERGED
def test_a_solver_that_stops_early_is_said_with_its_iterations(tmp_path: Path) -> None:
    config = {"data": {"dataset": "breast_cancer"}, "model": named("logistic_regression", max_iter=7), "seed": 1}
    manifest = completed(config, tmp_path)
    assert codes_of(manifest)["fit.not_converged"] == {"n_iter": [7], "max_iter": 7}
    assert manifest.outcome.model.converged is False
    calm = completed({**config, "preprocess": "auto-scaled", "model": "logistic_regression"}, tmp_path)
    assert "fit.not_converged" not in codes_of(calm)
    assert calm.outcome.model.converged is True


@pytest.mark.parametrize("action", ["ignore", "once", "default", "error"])
def test_what_is_said_of_a_fit_does_not_depend_on_the_callers_filters(action: Any, tmp_path: Path) -> None:
    config = {"data": {"dataset": "wine"}, "model": named("logistic_regression", max_iter=3), "seed": 1}
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        runs = [completed(config, tmp_path) for _ in range(2)]
    for manifest in runs:
        assert "fit.not_converged" in codes_of(manifest)
        assert manifest.outcome.model.converged is False


TEXTS = pd.DataFrame({"a": np.arange(40.0), "b": [None, "u", "v", "w"] * 10, "y": ["no", "yes"] * 20})


@pytest.mark.newest  # older versions of pandas cannot set every option back
@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(change, told, id=name)
        for name, change, told in (
            ("transform_output", lambda: sklearn.set_config(transform_output="pandas"), "pandas"),
            ("assume_finite", lambda: sklearn.set_config(assume_finite=True), "True"),
            ("working_memory", lambda: sklearn.set_config(working_memory=1), "1"),
            ("enable_metadata_routing", lambda: sklearn.set_config(enable_metadata_routing=True), "True"),
            ("display", lambda: sklearn.set_config(display="text"), None),
            ("divide", lambda: np.seterr(divide="raise"), "raise"),
            ("divide-ignored", lambda: np.seterr(divide="ignore"), None),
            ("random", lambda: np.random.seed(3), None),
            ("string_storage", lambda: pd.set_option("mode.string_storage", "python"), None),
        )
    ],
)
def test_a_setting_of_the_session_changes_no_result_and_is_told_where_it_could(
    change: Callable[[], object], told: str | None, tmp_path: Path
) -> None:
    config = csv_config(TEXTS, tmp_path, preprocess="auto-scaled", model="logistic_regression")
    before = completed(config, tmp_path)
    with sklearn.config_context(), np.errstate(), pd.option_context("mode.string_storage", "auto"):
        change()
        session = sklearn.get_config(), np.geterr(), pd.get_option("mode.string_storage")
        after = completed(config, tmp_path)
        assert (sklearn.get_config(), np.geterr(), pd.get_option("mode.string_storage")) == session
    assert after.outcome == before.outcome
    settings = codes_of(after).get("session.set_aside", {"settings": {}})["settings"]
    assert list(settings.values()) == ([told] if told else [])


@pytest.mark.newest  # older versions of numpy have other ways of printing
def test_a_failure_says_the_same_however_the_session_prints_numbers(tmp_path: Path) -> None:
    numbers = TEXTS.assign(b=np.where(TEXTS.a == 7, 99.123456789, 1.0))
    step = {"columns": ["a", "b"], "steps": [named("sklearn.preprocessing.OrdinalEncoder")]}
    config = csv_config(numbers, tmp_path, preprocess=[step], model="decision_tree", split={"random_state": 1})

    def failure() -> str:
        manifest = train(config, runs_dir=tmp_path).manifest
        assert manifest.failure is not None
        return manifest.failure.message

    before = failure()
    with np.printoptions(precision=1, legacy="1.25"):
        assert failure() == before


def test_a_class_that_the_session_has_put_in_the_place_of_scikit_learns_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faster(linear_model.Ridge):
        """What a package that patches scikit-learn puts there."""

    monkeypatch.setattr(linear_model, "Ridge", Faster)
    manifest = train({"data": {"dataset": "diabetes"}, "model": "ridge", "seed": 1}, runs_dir=tmp_path).manifest
    assert manifest.failure is not None
    assert "name that class, or train where scikit-learn is not patched" in manifest.failure.message


def test_threads_that_the_system_refuses_are_told_as_such_also_where_the_tidying_up_fails_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        try:
            raise RuntimeError("can't start new thread")
        finally:
            raise AttributeError("'DummyProcess' object has no attribute 'terminate'")

    monkeypatch.setattr(linear_model.Ridge, "fit", refused)
    manifest = train({"data": {"dataset": "diabetes"}, "model": "ridge", "seed": 1}, runs_dir=tmp_path).manifest
    assert isinstance(manifest, FailedRun)
    assert (manifest.failure.error, manifest.failure.message) == ("ThreadLimit", "no more threads may be started here")
    assert "ulimit -u" in manifest.failure.hint


@pytest.mark.parametrize(("ones", "said"), [(80, True), (79, False)], ids=["at the limit", "below"])
def test_a_class_of_four_fifths_is_an_imbalance(ones: int, said: bool, tmp_path: Path) -> None:
    frame = noise(100).assign(y=[1] * ones + [0] * (100 - ones))
    values = codes_of(completed(csv_config(frame, tmp_path, model="naive_bayes"), tmp_path)).get("data.imbalance")
    assert values == ({"label": 1, "share": 0.8} if said else None)


def test_a_model_that_learnt_by_heart_is_told_by_its_gap_and_is_no_better_than_guessing(tmp_path: Path) -> None:
    manifest = completed(csv_config(noise(), tmp_path, model="decision_tree", metrics=["accuracy"]), tmp_path)
    metric, values = manifest.outcome.metrics["accuracy"], codes_of(manifest)["metric.gap"]
    assert values == {
        "metric": "accuracy",
        "training": 1.0,
        "validation": metric.value,
        "gap": 1.0 - metric.value,
    }
    assert metric.value < 0.9
    dummy_run = completed(csv_config(noise(), tmp_path, model="dummy", metrics=["accuracy"]), tmp_path)
    assert codes_of(dummy_run)["metric.no_better_than_dummy"]["metric"] == "accuracy"
    assert "metric.gap" not in codes_of(dummy_run)


def test_a_gap_is_only_told_of_scores_that_end_at_one(tmp_path: Path) -> None:
    """Not of a loss, even where the training rows are the harder ones."""
    frame = noise().assign(y=[10.0 * (-1) ** row if row < 160 else (-1) ** row for row in range(200)])
    config = csv_config(
        frame, tmp_path, model="dummy_regressor", metrics=["mean_absolute_error"], split={"shuffle": False}
    )
    manifest = completed(config, tmp_path)
    metric = manifest.outcome.metrics["mean_absolute_error"]
    assert metric.training - metric.value > 1
    assert "metric.gap" not in codes_of(manifest)
    learnt = csv_config(frame, tmp_path, model="decision_tree_regressor", metrics=["mean_absolute_error", "r2"])
    gaps = [w.values["metric"] for w in completed(learnt, tmp_path).warnings if w.code == "metric.gap"]
    assert gaps == ["r2"]


def test_the_dummy_of_a_loss_is_better_when_it_is_smaller(tmp_path: Path) -> None:
    frame = noise().assign(y=lambda f: f.x0 * 3)
    good = completed(csv_config(frame, tmp_path, model="linear_regression", metrics=["mean_squared_error"]), tmp_path)
    bad = completed(csv_config(frame, tmp_path, model="dummy_regressor", metrics=["mean_squared_error"]), tmp_path)
    assert "metric.no_better_than_dummy" not in codes_of(good)
    assert "metric.no_better_than_dummy" in codes_of(bad)


def test_rows_on_both_sides_are_counted(tmp_path: Path) -> None:
    frame = noise(100)
    frame = pd.concat([frame, frame.iloc[:60]], ignore_index=True)
    manifest = completed(csv_config(frame, tmp_path, model="naive_bayes"), tmp_path)
    train_rows, val_rows = train_test_split(np.arange(160), test_size=0.2, stratify=frame.y, random_state=5)
    features = frame.drop(columns="y")
    both = features.iloc[val_rows].merge(features.iloc[train_rows].drop_duplicates())
    assert codes_of(manifest)["split.shared_rows"] == {"rows": len(both), "looked_at": 32}


LEAK_BASE = {"data": {"path": "d.csv", "target": "y"}, "model": "dummy"}


def test_shared_rows_of_texts_and_missing_values_are_found_and_neighbours_are_not() -> None:
    table = use_columns(
        read_file(b"a,b,y\nx,,0\nx,,1\nx,1,0\nz,1,1\nx,2,0\n,1,1\n", "csv"),
        parse_config(LEAK_BASE),
        "y",
        classification=True,
    )
    assert shared_rows(table, Fold(0, 0, np.array([0, 1, 2]), np.array([3, 4, 5]))) == (0, 3, 2, 3)
    assert shared_rows(table, Fold(0, 0, np.array([0, 2, 4]), np.array([1, 3, 5]))) == (1, 3, 3, 3)


LEAKS = [
    pytest.param(lambda f: f.assign(copy=f.y), "naive_bayes", "copy", id="a copy of the classes"),
    pytest.param(lambda f: f.assign(late=f.y.map({0: "no", 1: "yes"})), "naive_bayes", "late", id="a renamed copy"),
    pytest.param(lambda f: f.assign(twice=f.y * 2 + f.x0 / 100), "naive_bayes", "twice", id="a copy with noise"),
    pytest.param(
        lambda f: f.assign(y=f.x0 * 3 + f.x1, total=lambda g: g.y), "linear_regression", "total", id="a copy of numbers"
    ),
    pytest.param(
        lambda f: f.assign(y=f.x0 * 3 + f.x1, cents=lambda g: -100 * g.y + 7), "ridge", "cents", id="in another unit"
    ),
]


@pytest.mark.parametrize(("leak", "model", "feature"), LEAKS)
def test_a_feature_that_holds_the_answer_is_named(leak: Any, model: str, feature: str, tmp_path: Path) -> None:
    manifest = completed(csv_config(leak(noise(300)), tmp_path, model=model), tmp_path)
    values = codes_of(manifest)["data.leak"]
    assert values["feature"] == feature
    assert values["score"] >= 0.99
    assert values["metric"] == ("r2" if manifest.outcome.task == "regression" else "balanced_accuracy")


def honest_table(name: str) -> Any:
    """The table of a data set without a leak."""
    if name == "penguins":
        config = parse_config({"data": {"path": "d.csv", "target": "species"}, "model": "dummy"})
        frame, target = read_file(load_penguins().to_csv(index=False).encode(), "csv"), "species"
    else:
        config = parse_config({"data": {"dataset": name}, "model": "dummy"})
        frame, target = load_dataset(name)
    return use_columns(frame, config, target, classification=name != "diabetes")


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "iris", "penguins", "wine"])
def test_no_leak_is_seen_in_well_known_data_whatever_the_split(name: str) -> None:
    table = honest_table(name)
    for seed in range(10):
        split, _ = settle_split(parse_config({**LEAK_BASE, "split": {}}).split, table.counts, seed)
        folds, _ = make_folds(split, table)
        assert list(leaks(table, folds[0])) == [], seed


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_a_good_run_on_well_known_data_warns_of_nothing(name: str, tmp_path: Path) -> None:
    config = {"data": {"dataset": name}, "model": "logistic_regression", "preprocess": "auto-scaled", "seed": 2}
    assert set(codes_of(completed(config, tmp_path))) <= {"split.shared_rows"}  # iris holds one flower twice


@NOT_CONVERGED
def test_what_fail_on_names_is_a_failure_with_its_values(tmp_path: Path) -> None:
    config = {"data": {"dataset": "wine"}, "model": named("logistic_regression", max_iter=3), "seed": 1}
    manifest = train({**config, "fail_on": ["fit.not_converged"]}, runs_dir=tmp_path).manifest
    assert isinstance(manifest, FailedRun)
    assert manifest.failure.error == "WarningRefused"
    assert "fit.not_converged" in manifest.failure.message
    assert "max_iter = 3" in manifest.failure.message
    assert train({**config, "fail_on": ["data.leak"]}, runs_dir=tmp_path).manifest.status == "completed"


# --- what is measured -------------------------------------------------------------------------------------------


def wine() -> tuple[pd.DataFrame, Any]:
    """The features as a frame of columns, as `pandas.read_csv` gives it, and the classes."""
    read, target = load_dataset("wine")
    frame = read.frame
    return pd.DataFrame({name: frame[name].to_numpy() for name in frame if name != target}), frame[target]


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_the_learning_curve_is_that_of_a_loop_by_hand(metric: str, tmp_path: Path) -> None:
    config = {
        "data": {"dataset": "wine"},
        "preprocess": "none",
        "model": "naive_bayes",
        "metrics": [metric],
        "learning_curve": True,
        "seed": 6,
    }
    completed(config, tmp_path, name="run")
    curves = json.loads((tmp_path / "run/curves.json").read_text())
    X, y = wine()
    X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=6)
    points = []
    for share in CURVE_SHARES:
        count = round(share * len(X_train))
        model = GaussianNB().fit(X_train[:count], y_train[:count])
        scores = []
        for part, truth in ((X_train[:count], y_train[:count]), (X_val, y_val)):
            if metric == "accuracy":
                scores.append(accuracy_score(truth, model.predict(part)))
            else:
                scores.append(log_loss(truth, model.predict_proba(part), labels=[0, 1, 2]))
        points.append({"n_train": count, "training": scores[0], "validation": scores[1]})
    assert curves == {"metric": metric, "points": points}


def test_training_scores_and_the_dummys_are_those_of_a_script(tmp_path: Path) -> None:
    config = {"data": {"dataset": "wine"}, "preprocess": "none", "model": "naive_bayes", "seed": 6}
    metric = completed(config, tmp_path).outcome.metrics["accuracy"]
    X, y = wine()
    X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=6)
    model = GaussianNB().fit(X_train, y_train)
    assert metric.value == model.score(X_val, y_val)
    assert metric.training == model.score(X_train, y_train)
    assert metric.n_training_rows == len(X_train)
    assert metric.dummy == dummy.DummyClassifier().fit(X_train, y_train).score(X_val, y_val)


def test_cross_validation_saves_the_model_of_all_rows(tmp_path: Path) -> None:
    config = {"data": {"dataset": "wine"}, "split": {"method": "kfold"}, "preprocess": "none", "model": TREE, "seed": 6}
    manifest = completed(config, tmp_path, name="run")
    X, y = wine()
    by_hand = tree.DecisionTreeClassifier(max_depth=2, random_state=6).fit(X, y)
    pipeline = joblib.load(tmp_path / "run/model.joblib")
    assert pipeline.predict_proba(X).tolist() == by_hand.predict_proba(X).tolist()
    assert [fold.n_train + fold.n_val for fold in manifest.outcome.split.folds] == [178] * 5


FORESTS = [
    pytest.param("diabetes", named("random_forest_regressor", n_estimators=40), id="forest of numbers"),
    pytest.param(
        "diabetes", named("sklearn.ensemble.ExtraTreesRegressor", n_estimators=40), id="extra trees of numbers"
    ),
    pytest.param("digits", named("random_forest", n_estimators=40, min_samples_leaf=5), id="forest of classes"),
    pytest.param(
        "diabetes",
        named(
            "sklearn.ensemble.VotingRegressor",
            estimators=[["a", named("random_forest_regressor", n_estimators=40, n_jobs=2)], ["b", {"class": "ridge"}]],
        ),
        id="a forest inside a vote",
    ),
]


@pytest.mark.parametrize(("dataset", "model"), FORESTS)
def test_forests_of_two_jobs_say_to_the_bit_what_one_job_says(
    dataset: str, model: dict[str, Any], tmp_path: Path
) -> None:
    config = {"data": {"dataset": dataset}, "split": {"test_size": 0.5}, "preprocess": "none", "seed": 1}

    def with_jobs(jobs: int) -> dict[str, Any]:
        return {**config, "model": {**model, "params": {**model["params"], "n_jobs": jobs}}}

    one = completed(with_jobs(1), tmp_path).outcome
    for _ in range(3):
        two = completed(with_jobs(2), tmp_path).outcome
        assert two.predictions == one.predictions
        assert two.metrics == one.metrics


@pytest.mark.parametrize("count", [1, 7, 100, 101, 100_000])
def test_evenly_takes_the_first_the_last_and_no_row_twice(count: int) -> None:
    chosen = evenly(np.arange(count), 100)
    assert len(chosen) == min(count, 100)
    assert (chosen[0], chosen[-1]) == (0, count - 1)
    assert (np.diff(chosen) > 0).all()


# --- again ------------------------------------------------------------------------------------------------------

AGAIN = [
    pytest.param({"data": {"dataset": "iris"}, "model": "logistic_regression"}, id="defaults"),
    pytest.param(
        {"data": {"dataset": "breast_cancer"}, "model": "naive_bayes", "positive": 0, "metrics": ["f1"]}, id="positive"
    ),
    pytest.param({"data": {"dataset": "diabetes"}, "model": "ridge", "split": {"method": "kfold"}}, id="regression"),
    pytest.param({"data": {"dataset": "wine"}, "model": "svc", "preprocess": "auto-scaled", "seed": 4}, id="scaled"),
    pytest.param(
        {"data": {"dataset": "iris"}, "model": "svc", "metrics": ["accuracy"], "goal": "g"},
        id="a goal",
    ),
    *NESTED[1:],
]


@NOT_CONVERGED
@pytest.mark.parametrize("config", [p.values[0] for p in AGAIN], ids=[str(p.id) for p in AGAIN])
def test_the_resolved_config_trains_to_the_same_outcome_and_is_its_own_resolution(
    config: dict[str, Any], tmp_path: Path
) -> None:
    first = completed({"data": {"dataset": "iris"}, **config}, tmp_path, name="first")
    second = completed_file(tmp_path / "first/config.json", tmp_path)
    assert second.outcome == first.outcome
    assert second.inputs.config == first.inputs.config
    assert second.inputs.data == first.inputs.data


def completed_file(config: Path, directory: Path) -> CompletedRun:
    manifest = train(config, runs_dir=directory, name="again").manifest
    assert isinstance(manifest, CompletedRun), manifest.failure
    return manifest


def test_a_resolved_config_of_a_file_finds_its_data_from_the_run_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    noise().assign(text=["a", "b"] * 100).to_csv(tmp_path / "data/d.csv", index=False)
    monkeypatch.chdir(tmp_path)
    config = {"data": {"path": "data/d.csv", "target": "y"}, "model": "naive_bayes", "seed": 1, "preprocess": "auto"}
    config["model"] = "decision_tree"
    first = completed(config, Path("runs"), name="first")
    assert first.inputs.data.from_run == "../../data/d.csv"
    again = completed_file(tmp_path / "runs/first/config.json", tmp_path / "elsewhere")
    assert again.outcome == first.outcome
    assert again.inputs.config.digest == first.inputs.config.digest


def test_the_config_digest_leaves_out_what_changes_no_result() -> None:
    config = {"data": {"path": "a.csv", "target": "y"}, "model": named("m", C=1, random_state=7), "seed": 7}
    same = {
        **config,
        "data": {"path": "b.csv", "target": "y"},
        "model": named("m", C=1, random_state=8),
        "seed": 8,
        "goal": "g",
        "hypothesis": "h",
        "learning_curve": True,
    }
    assert config_digest(config) == config_digest(same)
    for other in (
        {**config, "model": named("m", C=1.0, random_state=7)},
        {**config, "model": named("m", C=1, random_state=8)},
        {**config, "model": named("m", C=1, random_state=None)},
        {**config, "data": {"path": "a.csv", "target": "z"}},
    ):
        assert config_digest(config) != config_digest(other)


# --- changing a config ------------------------------------------------------------------------------------------

OVERRIDES = [
    pytest.param(
        {"model": {"class": "svc"}},
        ["model.params.C=10"],
        {"model": {"class": "svc", "params": {"C": 10}}},
        id="a number",
    ),
    pytest.param(
        {"model": "svc"}, ["model.params.C=0.5"], {"model": {"class": "svc", "params": {"C": 0.5}}}, id="of an alias"
    ),
    pytest.param({"model": "svc"}, ["model=ridge"], {"model": "ridge"}, id="a text without quotes"),
    pytest.param({}, ["goal=1e3"], {"goal": 1000.0}, id="a number is a number"),
    pytest.param({}, ['goal="1e3"'], {"goal": "1e3"}, id="a quoted number is a text"),
    pytest.param({}, ["goal=a=b"], {"goal": "a=b"}, id="an equals sign in the value"),
    pytest.param({}, ["goal="], {"goal": ""}, id="an empty value"),
    pytest.param({"a": 1}, ["a=null"], {"a": None}, id="null"),
    pytest.param({}, ["a=[1, true]"], {"a": [1, True]}, id="a list"),
    pytest.param({}, ["a=NaN"], {"a": "NaN"}, id="NaN is no JSON"),
    pytest.param({"a": [{"b": 1}, 2]}, ["a.0.b=3", "a.1=4"], {"a": [{"b": 3}, 4]}, id="positions in lists"),
    pytest.param({}, ["a.b.c=1"], {"a": {"b": {"c": 1}}}, id="objects are made"),
    pytest.param({"a": 1}, ["a=2", "a=3"], {"a": 3}, id="the last one counts"),
    pytest.param(
        {"seed": 1, "split": {"random_state": 1}, "model": {"params": {"random_state": 2, "e": [{"random_state": 1}]}}},
        ["seed=9"],
        {"seed": 9, "split": {"random_state": 9}, "model": {"params": {"random_state": 2, "e": [{"random_state": 9}]}}},
        id="a seed goes where the old one went",
    ),
    pytest.param(
        {"split": {"random_state": 1}}, ["seed=9"], {"seed": 9, "split": {"random_state": 1}}, id="a first seed"
    ),
    pytest.param(
        {"input_csv": "a.csv", "label_col": "y"},
        ["max_iter=9"],
        {"input_csv": "a.csv", "label_col": "y", "max_iter": 9},
        id="a flat key",
    ),
]


@pytest.mark.parametrize(("value", "assignments", "expected"), OVERRIDES)
def test_an_assignment_sets_its_key_and_nothing_else(
    value: dict[str, Any], assignments: list[str], expected: dict[str, Any]
) -> None:
    before = json.dumps(value)
    assert override(value, assignments) == expected
    assert json.dumps(value) == before


@pytest.mark.parametrize(
    "assignment", ["seed", "=1", "a..b=1", ".a=1", "list.5=1", "list.x=1", "text.a=1", "a" + ".a" * 70 + "=1"]
)
def test_an_assignment_that_leads_nowhere_is_an_error_that_shows_it(assignment: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        override({"list": [1], "text": "t"}, [assignment])


def test_a_flat_config_becomes_a_full_one_where_an_assignment_needs_it(tmp_path: Path) -> None:
    flat = {"input_csv": "a.csv", "label_col": "y", "random_state": 3}
    full = override(flat, ["model.params.C=2", "seed=4"])
    assert full["model"] == named("sklearn.linear_model.LogisticRegression", max_iter=500, C=2)
    assert full["seed"] == 4
    assert parse_config(override(flat, ["seed=4"])).seed == 4
    assert parse_config(override(flat, ["random_state=4"])).seed == 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "random_state"]), inner),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["a", "b.a", "new.deep.key"]), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_assigning_twice_is_assigning_once(value: Any, path: str, seed: int) -> None:
    config = {"a": 1, "b": {"a": 2}, "seed": 5, "rest": value}
    assignments = [f"{path}={json.dumps(value)}", f"seed={seed}"]
    once = override(config, assignments)
    assert override(once, assignments) == once


@pytest.mark.parametrize("way", ["seed", "set"])
def test_another_seed_for_a_resolved_config_is_that_seed_from_the_start(way: str, tmp_path: Path) -> None:
    config = {"data": {"dataset": "iris"}, "model": named("random_forest", n_estimators=3)}
    completed(config, tmp_path, name="first", seed=1)
    options: dict[str, Any] = {"seed": 2} if way == "seed" else {"set": ["seed=2"]}
    manifest = train(tmp_path / "first/config.json", runs_dir=tmp_path, **options).manifest
    assert isinstance(manifest, CompletedRun)
    assert manifest.outcome == completed(config, tmp_path, seed=2).outcome


# --- what the record does not hold ------------------------------------------------------------------------------

WEEK2KIT = [sys.executable, "-m", "week2kit"]

SECRETS = {"user": "wilhelmina77", "host": "secrethost-4711", "token": "s3cr3t-t0ken-value"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project below the home directory of a person, with runs of it: one that completed and four that failed."""
    home = tmp_path_factory.mktemp("people") / SECRETS["user"]
    folder = home / "Private Letters" / "project"
    folder.mkdir(parents=True)
    noise(120).assign(kind=["a", "b", "c"] * 40).to_csv(folder / "data.csv", index=False)
    environment = {
        **os.environ,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "USER": SECRETS["user"],
        "LOGNAME": SECRETS["user"],
        "HOSTNAME": SECRETS["host"],
        "API_TOKEN": SECRETS["token"],
        "OMP_DISPLAY_FILE": f"{home}/a:{folder}/b:/opt/{SECRETS['user']}/lib.so",
        "MKL_CACHE": f"https://{SECRETS['user']}:{SECRETS['token']}@example.org/x",
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    base = {"data": {"path": str(folder / "data.csv"), "target": "y"}, "model": "decision_tree", "seed": 1}
    configs: dict[str, dict[str, Any]] = {
        "absolute": base,
        "missing": {**base, "data": {"path": str(folder / "nothing.csv"), "target": "y"}},
        "folder": {**base, "data": {"path": f"{folder}.csv/../data.csv/", "target": "y"}},
        "invalid": {**base, "modle": str(home), "model": {"class": f"{folder}.Class"}},
        "refused": {**base, "model": named("sklearn.feature_extraction.text.CountVectorizer", input=str(folder))},
    }
    for name, config in configs.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
        subprocess.run(
            [*WEEK2KIT, "train", str(folder / f"{name}.json"), "--name", name, "--runs-dir", str(folder / "runs")],
            cwd=folder,
            env=environment,
            capture_output=True,
            check=False,
        )
    return folder


def test_the_runs_of_the_project_are_what_they_are_made_for(project: Path) -> None:
    statuses = {
        path.parent.name: json.loads(path.read_text())["status"] for path in project.glob("runs/*/manifest.json")
    }
    assert statuses == {
        "absolute": "completed",
        "missing": "failed",
        "folder": "failed",
        "invalid": "failed",
        "refused": "failed",
    }


@pytest.mark.parametrize("name", ["absolute", "missing", "folder", "invalid", "refused"])
def test_a_run_folder_tells_nothing_of_the_person_the_machine_or_its_secrets(project: Path, name: str) -> None:
    files = [path for path in (project / "runs" / name).iterdir() if path.name != "model.joblib"]
    assert files
    words = [*SECRETS.values(), str(project), str(project.parent), str(Path(sys.prefix)), str(Path(__file__).parent)]
    for path in files:
        text = path.read_text(encoding="utf-8")
        for word in words:
            assert word not in text, f"{path.name} holds {word}"
        assert not re.search(rf"(?<![A-Za-z0-9_-]){re.escape(socket.gethostname())}(?![A-Za-z0-9_-])", text), path.name
        assert not re.search(r"(?<![\w.:/<>~])/(?:tmp|home|root|usr|opt|work|var)/", text), path.name


def test_the_record_of_a_run_in_a_project_finds_its_data_by_relative_path(project: Path) -> None:
    manifest = json.loads((project / "runs/absolute/manifest.json").read_text())
    assert manifest["inputs"]["data"]["path"] == "data.csv"
    assert manifest["inputs"]["data"]["from_run"] == "../../data.csv"
    assert manifest["command"].startswith("week2kit train ")


def test_the_text_of_a_library_is_scrubbed_before_it_is_recorded(tmp_path: Path) -> None:
    """Also where an error message of scikit-learn repeats a value that is a path."""
    config = {"data": {"dataset": "iris"}, "model": named("svc", kernel=str(tmp_path / "secret" / "kernel"))}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        manifest = train(config, runs_dir=tmp_path / "runs").manifest
    assert isinstance(manifest, FailedRun)
    assert str(tmp_path) not in manifest.failure.message
    assert "kernel" in manifest.failure.message


def test_jobs_within_jobs_start_no_thousand_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is divided by the number of jobs, which decides the numbers; how many threads do it does not."""
    started: list[int] = []

    def counted(number: int) -> ThreadPool:
        started.append(number)
        return ThreadPool(number)

    monkeypatch.setattr("week2kit.loop.inside.ThreadPool", counted)
    inner = {"class": "random_forest", "params": {"n_estimators": 9, "n_jobs": 9}}
    model = {
        "class": "sklearn.ensemble.BaggingClassifier",
        "params": {"estimator": inner, "n_estimators": 12, "n_jobs": 12},
    }
    digests = set()
    for processors in (1, 4):
        monkeypatch.setattr("joblib.cpu_count", lambda *a, processors=processors, **k: processors)
        started.clear()
        run = train({"data": {"dataset": "iris"}, "model": model, "seed": 1}, runs_dir=tmp_path / str(processors))
        assert isinstance(run.manifest, CompletedRun)
        assert max(started) == processors
        digests.add((run.manifest.outcome.predictions.scores, run.manifest.outcome.model.digest))
    assert len(digests) == 1
