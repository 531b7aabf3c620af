"""The keys of class_weight mean the classes that they spell: the same model as a script by hand, or a sentence."""

from __future__ import annotations

# ruff: noqa: E501  a row is a line, however long its model
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from week2kit import train, verify
from week2kit.loop.class_weights import Given
from week2kit.record.manifest import CompletedRun, FailedRun

RNG = np.random.default_rng(4)
FEATURES = pd.DataFrame(RNG.normal(size=(160, 3)), columns=["a", "b", "c"])
RARE = (FEATURES.a + RNG.normal(size=160) > 1.3).astype(int).to_numpy()
TARGETS: dict[str, Any] = {
    "0 and 1": RARE,
    "2 and 7": np.where(RARE == 1, 7, 2),
    "-1.0 and 2.0": np.where(RARE == 1, 2.0, -1.0),
    "true and false": RARE == 1,
    "texts": np.where(RARE == 1, "yes", "no"),
    "texts with digits": np.where(RARE == 1, "x1", "01a"),
}


def config_for(target: Any, directory: Path, model: Any, **more: Any) -> dict[str, Any]:
    FEATURES.assign(y=target).to_csv(directory / "t.csv", index=False)
    data = {"path": str(directory / "t.csv"), "target": "y"}
    return {"data": data, "split": {"random_state": 3}, "model": model, "metrics": ["f1_macro"], "seed": 3, **more}


def value_of(config: dict[str, Any], directory: Path) -> float:
    manifest = train(config, runs_dir=directory).manifest
    assert isinstance(manifest, CompletedRun), manifest.failure
    value = manifest.outcome.metrics["f1_macro"].value
    assert value is not None
    return value


def by_hand(target: Any, model: Any) -> float:
    X, X_val, y, y_val = train_test_split(FEATURES, target, test_size=0.2, stratify=target, random_state=3)
    fitted = make_pipeline(SimpleImputer(strategy="median"), model).fit(X.to_numpy(), y)
    return float(f1_score(y_val, fitted.predict(X_val.to_numpy()), average="macro"))


def named(class_: str, **params: Any) -> dict[str, Any]:
    return {"class": class_, "params": params}


@pytest.mark.parametrize(
    ("kind", "rest", "one"),
    [
        ("0 and 1", "0", "1"),
        ("2 and 7", "2", "7"),
        ("2 and 7", "2.0", "+7"),
        ("-1.0 and 2.0", "-1.0", "2.0"),
        ("-1.0 and 2.0", "-1", "2"),
        ("true and false", "false", "true"),
        ("true and false", "False", "True"),
        ("true and false", "0", "1"),
        ("texts", "no", "yes"),
        ("texts with digits", "01a", "x1"),
    ],
)
def test_a_key_means_the_class_that_it_spells(kind: str, rest: str, one: str, tmp_path: Path) -> None:
    target = TARGETS[kind]
    low, high = np.unique(target)
    value = by_hand(target, LogisticRegression(class_weight={low: 1, high: 6}))
    assert value != by_hand(target, LogisticRegression())
    config = config_for(target, tmp_path, named("logistic_regression", class_weight={rest: 1, one: 6}))
    assert value_of(config, tmp_path) == value


def test_a_run_with_class_weights_comes_out_again_and_its_config_keeps_the_texts(tmp_path: Path) -> None:
    weights = {"0": 1, "1": 6}
    config = config_for(TARGETS["0 and 1"], tmp_path, named("logistic_regression", class_weight=weights))
    run = train({**config, "repeats": 1}, runs_dir=tmp_path)
    assert run.manifest.inputs.config.resolved["model"]["params"]["class_weight"] == weights
    (verdict,) = verify(run).runs
    assert (verdict.verdict, verdict.level) == ("identical", "model")


def test_the_keys_of_toml_are_the_same_texts(tmp_path: Path) -> None:
    FEATURES.assign(y=RARE).to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "c.toml").write_text(
        'seed = 3\nmetrics = ["f1_macro"]\n[data]\npath = "t.csv"\ntarget = "y"\n[split]\nrandom_state = 3\n'
        '[model]\nclass = "logistic_regression"\n[model.params.class_weight]\n0 = 1\n1 = 6\n'
    )
    manifest = train(tmp_path / "c.toml", runs_dir=tmp_path / "runs").manifest
    assert isinstance(manifest, CompletedRun), manifest.failure
    expected = by_hand(RARE, LogisticRegression(class_weight={0: 1, 1: 6}))
    assert manifest.outcome.metrics["f1_macro"].value == expected


SVC_OF = {"class": "svc", "params": {"class_weight": {"2": 1, "7": 6}}}
GRID = {"class_weight": ["balanced", None, {"2": 1, "7": 6}, {"2": 1, "7": 30}]}
PIPELINE = named("sklearn.pipeline.Pipeline", steps=[["scale", named("standard_scaler")], ["m", named("svc")]])
SEARCH = "sklearn.model_selection.GridSearchCV"
TRIED = [{2: 1, 7: 6}, {2: 1, 7: 30}]


@pytest.mark.parametrize(
    ("model", "made"),
    [
        (
            named("random_forest", n_estimators=9, class_weight={"2": 1, "7": 6}),
            lambda: RandomForestClassifier(9, class_weight={2: 1, 7: 6}, random_state=3),
        ),
        (named(SEARCH, estimator=SVC_OF, param_grid={"C": [0.1, 1.0]}), lambda: GridSearchCV(
            SVC(class_weight={2: 1, 7: 6}, random_state=3), {"C": [0.1, 1.0]})),
        (named(SEARCH, estimator=named("svc"), param_grid=GRID, scoring="f1_macro"), lambda: GridSearchCV(
            SVC(random_state=3), {"class_weight": ["balanced", None, *TRIED]}, scoring="f1_macro")),
        (named(SEARCH, estimator=named("svc"), param_grid=[{"C": [1.0], "class_weight": [SVC_OF["params"]["class_weight"]]}]),
         lambda: GridSearchCV(SVC(random_state=3), [{"C": [1.0], "class_weight": TRIED[:1]}])),
        (named(SEARCH, estimator=PIPELINE, param_grid={"m__class_weight": GRID["class_weight"][2:]}), lambda: GridSearchCV(
            make_pipeline(StandardScaler(), SVC(random_state=3)),
            {"svc__class_weight": TRIED})),
        # these give what is inside them the positions of the classes, or one class against the rest: as in a script
        (named("sklearn.ensemble.BaggingClassifier", estimator=named("decision_tree", class_weight={"0": 1, "1": 6})),
         lambda: BaggingClassifier(DecisionTreeClassifier(class_weight={0: 1, 1: 6}, random_state=3), random_state=3)),
        (named("sklearn.ensemble.VotingClassifier", estimators=[["a", named("logistic_regression", class_weight={"0": 1, "1": 6})]]),
         lambda: VotingClassifier([("a", LogisticRegression(class_weight={0: 1, 1: 6}))])),
        (named("sklearn.ensemble.StackingClassifier", estimators=[["a", named("naive_bayes")]],
               final_estimator=named("logistic_regression", class_weight={"0": 1, "1": 6})),
         lambda: StackingClassifier([("a", GaussianNB())],
                                    LogisticRegression(class_weight={0: 1, 1: 6}))),
        (named("sklearn.multiclass.OneVsRestClassifier", estimator=named("logistic_regression", class_weight={"0": 1, "1": 6})),
         lambda: OneVsRestClassifier(LogisticRegression(class_weight={0: 1, 1: 6}))),
        (named(SEARCH, estimator=named("sklearn.multiclass.OneVsRestClassifier", estimator=named("logistic_regression")),
               param_grid={"estimator__class_weight": [{"0": 1, "1": 6}]}),
         lambda: GridSearchCV(OneVsRestClassifier(LogisticRegression()), {"estimator__class_weight": [{0: 1, 1: 6}]})),
    ],
    ids=["forest", "in-a-search", "tried", "list-of-grids", "of-a-step", "bagged", "voting", "stacked", "one-vs-rest",
         "tried-one-vs-rest"],
)  # fmt: skip
def test_class_weights_further_inside_are_those_of_a_script(model: Any, made: Any, tmp_path: Path) -> None:
    target = TARGETS["2 and 7"]
    assert value_of(config_for(target, tmp_path, model), tmp_path) == by_hand(target, made())


# --- what spells no class ---------------------------------------------------------------------------------------


def problem_of(target: Any, directory: Path, model: Any, **more: Any) -> str:
    manifest = train(config_for(target, directory, model, **more), runs_dir=directory).manifest
    assert isinstance(manifest, FailedRun)
    assert (manifest.failure.stage, manifest.failure.error) == ("config", "ConfigError")
    return manifest.failure.message


@pytest.mark.parametrize(
    ("kind", "weights", "said"),
    [
        ("2 and 7", {"2": 1, "8": 6}, 'model.params.class_weight: "8" is none of the classes "2", "7"'),
        ("2 and 7", {"2": 1, "07x": 6}, '"07x" is none of the classes "2", "7"'),
        ("2 and 7", {"2": 1, "true": 6}, '"true" is none of the classes'),
        ("true and false", {"yes": 6}, '"yes" is none of the classes "False", "True"'),
        ("texts", {"Yes": 6}, '"Yes" is none of the classes "no", "yes"'),
        ("texts with digits", {"1": 6}, '"1" is none of the classes "01a", "x1"'),
        ("2 and 7", {"2": 1, "2.0": 6}, '"2" and "2.0" mean the same class'),
    ],
)
def test_a_key_that_spells_no_class_is_an_error_that_names_the_classes(
    kind: str, weights: dict[str, int], said: str, tmp_path: Path
) -> None:
    assert said in problem_of(TARGETS[kind], tmp_path, named("logistic_regression", class_weight=weights))


def test_a_class_that_the_rows_lack_may_be_weighed_among_texts_as_in_a_script(tmp_path: Path) -> None:
    """Runs that were recorded before keys were looked at have such weights, and come out again."""
    weights = {"no": 1, "yes": 6, "maybe": 2}
    value = by_hand(TARGETS["texts"], LogisticRegression(class_weight=weights))
    config = config_for(TARGETS["texts"], tmp_path, named("logistic_regression", class_weight=weights))
    assert value_of(config, tmp_path) == value
    del weights["yes"]
    model = named("logistic_regression", class_weight=weights)
    assert '"maybe" is none of the classes "no", "yes"' in problem_of(TARGETS["texts"], tmp_path, model)
    numbers = named("logistic_regression", class_weight={"0": 1, "1": 6, "2": 2})
    assert '"2" is none of the classes "0", "1"' in problem_of(RARE, tmp_path, numbers)


def test_it_is_one_in_a_step_and_in_a_grid_and_where_classes_are_numbered(tmp_path: Path) -> None:
    wrong = named("logistic_regression", class_weight={"3": 1})
    step = named("sklearn.feature_selection.SelectFromModel", estimator=wrong)
    said = problem_of(TARGETS["2 and 7"], tmp_path, named("naive_bayes"), preprocess=[step])
    assert said == 'preprocess.0.params.estimator.params.class_weight: "3" is none of the classes "2", "7"'
    grid = {"class_weight": [{"2": 1}, {"3": 1}]}
    said = problem_of(TARGETS["2 and 7"], tmp_path, named(SEARCH, estimator=named("svc"), param_grid=grid))
    assert said == 'model.params.param_grid.class_weight.1: "3" is none of the classes "2", "7"'
    voting = named("sklearn.ensemble.VotingClassifier", estimators=[["a", wrong]])
    assert problem_of(TARGETS["2 and 7"], tmp_path, voting) == (
        'model.params.estimators.0.1.params.class_weight: "3" is no class: within VotingClassifier the classes are '
        'numbered, "0", "1"'
    )


def test_a_class_that_only_looks_the_same_is_told_as_such() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    problems: list[str] = []
    Given([decomposed, "tea"]).translated({composed: 2}, "p", problems)
    assert problems[0].endswith(f"differ in their Unicode form, NFC or NFD: write {json.dumps(decomposed)}")
    problems.clear()
    assert Given([decomposed, "tea"]).translated({decomposed: 2}, "p", problems) == {decomposed: 2}
    assert problems == []


def test_what_is_no_class_weight_stays_as_it_is(tmp_path: Path) -> None:
    assert Given([0, 1]).translated("balanced", "p", []) == "balanced"
    assert Given([0, 1]).translated(None, "p", []) is None
    monotonic = named("gradient_boosting", max_iter=5, monotonic_cst=[0, 1, 0])
    assert value_of(config_for(RARE, tmp_path, monotonic), tmp_path) > 0
