"""What to try after a failure: a remedy where one is known, else how the cause is found; never that one should look."""

from __future__ import annotations

# ruff: noqa: E501  a row is a line, however long its sentence
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

import week2kit
from week2kit import train, verify
from week2kit.errors import StageError
from week2kit.loop.estimators import message_of
from week2kit.record.manifest import FailedRun, Stage
from week2kit.refusals import REMEDIES, SENTENCES, refusal
from week2kit.sentences.hints import failure_hint
from week2kit.sentences.training import Given, run_lines

RNG = np.random.default_rng(0)
ROWS = 60
FRAME = pd.DataFrame(
    {
        "x": RNG.normal(size=ROWS),
        "z": RNG.normal(size=ROWS),
        "city": RNG.choice(list("abcdefghijklmnop"), ROWS),
        "review": RNG.choice(["good film", "bad plot", "nice one here", "so so"], ROWS),
        "y": RNG.choice(["no", "yes"], ROWS),
        "price": RNG.normal(size=ROWS) * 3 + 1,
        "steep": np.exp(np.linspace(-3, 4, ROWS)),
        "level": np.linspace(-1, 1, ROWS),
    }
)
VECTORIZER = "sklearn.feature_extraction.text.TfidfVectorizer"
PREPROCESSING = "sklearn.preprocessing."
SEARCH = "sklearn.model_selection.GridSearchCV"


def named(class_: str, **params: Any) -> dict[str, Any]:
    return {"class": class_, "params": params}


def group(columns: Any, *steps: Any) -> dict[str, Any]:
    return {"columns": columns, "steps": list(steps)}


def on(features: list[str], preprocess: Any, model: Any = "logistic_regression", **more: Any) -> dict[str, Any]:
    data = {"path": "t.csv", "target": more.pop("target", "y"), "features": features}
    return {"data": data, "preprocess": preprocess, "model": model, "seed": 1, **more}


@pytest.fixture(autouse=True)
def _table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("t.csv", index=False)


def failure_of(config: dict[str, Any]) -> Any:
    manifest = train(config).manifest
    assert isinstance(manifest, FailedRun), manifest.status
    return manifest.failure


X = group(["x"])
LABELS = f"{PREPROCESSING}LabelEncoder"
UNKNOWN = 'OrdinalEncoder {"handle_unknown": "use_encoded_value", "unknown_value": -1}'
KNOWN = {
    "label-encoder": (on(["x", "city"], [X, group("city", LABELS)]), "fit", '"sklearn.preprocessing.OrdinalEncoder"'),
    "label-encoder-of-a-list": (on(["x", "city"], [X, group(["city"], LABELS)]), "fit", "It encodes a target"),
    "label-binarizer": (on(["city"], [f"{PREPROCESSING}LabelBinarizer"]), "fit", "It encodes a target"),
    "multi-label-binarizer": (on(["city"], [f"{PREPROCESSING}MultiLabelBinarizer"]), "fit", "It encodes a target"),
    "unknown-ordinal": (on(["city"], [f"{PREPROCESSING}OrdinalEncoder"], split={"test_size": 0.8}), "evaluate", UNKNOWN),
    "unknown-one-hot": (on(["city"], ["one_hot"], split={"test_size": 0.8}), "evaluate", 'OneHotEncoder {"handle_unknown": "ignore"}'),
    "unlisted": (on(["city"], [named(f"{PREPROCESSING}OrdinalEncoder", categories=[["a", "b"]])]), "fit", "parameter categories lacks values"),
    "text-in-a-list": (on(["review"], [group(["review"], VECTORIZER)]), "fit", 'preprocess.0: TfidfVectorizer takes one column of texts: write "columns": "review", without the list.'),
    "text-in-a-list-among-others": (on(["x", "review"], [X, group(["review"], VECTORIZER)]), "fit", 'preprocess.1: TfidfVectorizer takes one column of texts: write "columns": "review"'),
    "two-texts-in-a-list": (on(["city", "review"], [group(["city", "review"], VECTORIZER)]), "fit", 'make a group for each, such as {"columns": "city", "steps": [...]}.'),
    "text-without-a-group": (on(["review"], [VECTORIZER]), "fit", 'write {"columns": "review", "steps": [...]}.'),
    "text-of-numbers": (on(["x"], [group("x", VECTORIZER)]), "fit", 'TfidfVectorizer takes texts, and "x" holds numbers'),
    "text-after-a-step": (on(["review"], [group(["review"], named("simple_imputer", strategy="most_frequent"), VECTORIZER)]), "fit", "make it the first step"),
    "one-column": (on(["x"], [group("x", "standard_scaler")]), "fit", 'preprocess.0: StandardScaler takes a table: write "columns": ["x"], as a list.'),
    "one-column-one-hot": (on(["x", "city"], [X, group("city", "one_hot")]), "fit", 'preprocess.1: OneHotEncoder takes a table: write "columns": ["city"]'),
    "one-column-no-step": (on(["x"], [group("x")]), "fit", 'the model takes a table: write "columns": ["x"]'),
    "text-to-the-model": (on(["x", "city"], "none"), "fit", 'Set "preprocess": "auto"'),
    "median-of-texts": (on(["city"], [named("simple_imputer", strategy="median")]), "fit", '{"strategy": "most_frequent"}'),
    "sparse": (on(["city"], ["one_hot"], "naive_bayes"), "fit", '{"sparse_output": false}'),
    "box-cox": (on(["x"], [named(f"{PREPROCESSING}PowerTransformer", method="box-cox")]), "fit", '{"method": "yeo-johnson"}'),
    "no-word": (on(["review"], [group("review", named(VECTORIZER, token_pattern="\bgood\b"))]), "fit", "each backslash twice"),
    "pattern": (on(["review"], [group("review", named(VECTORIZER, token_pattern="("))]), "fit", "regular expression"),
    "neighbours": (on(["x"], "none", named("k_nearest_neighbors", n_neighbors=500)), "evaluate", "neighbours as training rows"),
    "components": (on(["x", "z"], [named("pca", n_components=5)]), "fit", "as many components as columns"),
    "inner-folds": (on(["x"], "none", named(SEARCH, estimator=named("svc"), param_grid={"C": [1.0]}, cv=100)), "fit", "choose fewer folds"),
    "grid-key": (on(["x"], "none", named(SEARCH, estimator=named("svc"), param_grid={"max_depth": [1]})), "fit", "STEP__PARAMETER"),
    "grid-values": (on(["x"], "none", named(SEARCH, estimator=named("svc"), param_grid={"C": [-1.0]})), "fit", "without the search"),
    "solver": (on(["x"], "none", named("logistic_regression", solver="newton-cg", l1_ratio=1.0, penalty="l1")), "fit", '"saga"'),
    "loss": (on(["x"], "none", "sklearn.linear_model.PoissonRegressor", target="price"), "fit", "targets that are not negative"),
    "counts": (on(["x"], "none", "sklearn.naive_bayes.MultinomialNB"), "fit", "counts or frequencies"),
    "negative-predictions": (on(["level"], "none", "linear_regression", target="steep", metrics=["mean_poisson_deviance"], split={"shuffle": False}, ), "evaluate", "The model predicts down to"),
    "negative-targets": (on(["x"], "none", "linear_regression", target="price", metrics=["mean_squared_log_error"]), "evaluate", "The target goes down to"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.newest  # the words are those of the newest scikit-learn; another's lead to the stage's own advice
@pytest.mark.parametrize("name", KNOWN)
def test_a_known_failure_has_its_remedy(name: str) -> None:
    config, stage, said = KNOWN[name]
    if name == "negative-predictions":
        config["split"] = {"random_state": 1}
    failure = failure_of(config)
    assert failure.stage == stage, failure.message
    assert said in failure.hint, (failure.message, failure.hint)


@pytest.mark.newest
def test_missing_texts_are_counted_and_their_column_is_named() -> None:
    FRAME.assign(review=FRAME.review.where(FRAME.index > 2)).to_csv("t.csv", index=False)
    for kind in ("TfidfVectorizer", "CountVectorizer", "HashingVectorizer"):
        steps = [group("review", f"sklearn.feature_extraction.text.{kind}")]
        assert failure_of(on(["review"], steps)).hint.startswith(
            f'3 of 60 rows have no "review", and no step can fill in texts for {kind}'
        )


@pytest.mark.parametrize(
    "config",
    [
        on(["x", "city"], [X, group(["city"], named(f"{PREPROCESSING}OrdinalEncoder", handle_unknown="use_encoded_value", unknown_value=-1))], split={"test_size": 0.8}),
        on(["city"], [named("one_hot", handle_unknown="ignore")], split={"test_size": 0.8}),
        on(["review"], [group("review", VECTORIZER)]),
        on(["x", "review"], [X, group("review", VECTORIZER)]),
        on(["city", "review"], [group("city", named(VECTORIZER, analyzer="char")), group("review", VECTORIZER)]),
        on(["x"], [group(["x"], "standard_scaler")]),
        on(["x"], [named(f"{PREPROCESSING}PowerTransformer", method="yeo-johnson")]),
        on(["review"], [group("review", named(VECTORIZER, token_pattern="\\bgood\\b"))]),
        on(["x"], "none", "random_forest_regressor", target="steep", metrics=["mean_poisson_deviance", "root_mean_squared_log_error"]),
    ],
)  # fmt: skip
def test_what_a_remedy_says_works(config: dict[str, Any]) -> None:
    run = train(config)
    assert run.manifest.status == "completed", run.manifest.failure


def test_a_column_is_not_blamed_for_an_error_that_is_not_its_own() -> None:
    steps = [group("review", VECTORIZER), group(["x"])]
    failure = failure_of(on(["x", "review"], steps, named("k_nearest_neighbors", n_neighbors=500)))
    assert "TfidfVectorizer" not in failure.hint
    FRAME.assign(review=FRAME.review.where(FRAME.index > 2)).to_csv("t.csv", index=False)
    failure = failure_of(on(["x", "city"], [X, group("city", LABELS)]))
    assert "review" not in failure.hint


GP = "sklearn.gaussian_process.GaussianProcessClassifier"
BAGGING = "sklearn.ensemble.BaggingClassifier"
FUNCTION = f"{PREPROCESSING}FunctionTransformer"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (on(["x"], "none", named(GP, kernel="1.0 * RBF(1.0)")), "Write a kernel as a class"),
        (
            on(["x"], "none", named(SEARCH, estimator=named("svc"), param_grid={"C": [1.0]}, cv="StratifiedKFold(3)")),
            "a splitter as a class",
        ),
        (on(["x"], "none", named(BAGGING, estimator="svc")), "inside of another as a class"),
        (on(["x"], [named(FUNCTION, func="numpy.log1p")]), "A function cannot be written in a config"),
        (
            on(["x"], [named("sklearn.feature_selection.SelectKBest", score_func="chi2")]),
            "A function cannot be written",
        ),
        (on(["x"], "none", named("logistic_regression", C=-1.0)), "Correct the config and train again."),
        (on(["x"], "none", named("k_nearest_neighbors", weights="none")), "Correct the config and train again."),
        (on(["x"], "none", named("random_forest", max_depth="deep")), "Correct the config and train again."),
        (on(["x"], "none", fail_on=["no.such"]), "Correct the config and train again."),
    ],
)
def test_a_value_that_is_no_text_is_told_how_it_is_written(config: dict[str, Any], said: str) -> None:
    failure = failure_of(config)
    assert (failure.stage, failure.error) == ("config", "ConfigError")
    assert said in failure.hint, failure.message


def test_it_is_told_of_a_set_too() -> None:
    run = train(on(["x"], "none", named(GP)), set=["model.params.kernel=RBF()"])
    lines = run_lines(run, "c.json", [Given("--set", "model.params.kernel=RBF()")])[1]
    assert lines[-1].startswith("  try: Correct the --set and train again. Write a kernel as a class")


# --- where no remedy is known -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", get_args(Stage))
def test_where_no_remedy_is_known_the_stage_tells_what_to_try(stage: Stage) -> None:
    hint = failure_hint(stage, "StrangeError", "it went wrong")
    assert hint.endswith(".")
    assert "message" not in hint
    assert failure_hint(stage, "OSError", "it went wrong") != "" != failure_hint(stage, "", "")


def test_labels_that_xgboost_cannot_take_are_told_how_they_are_numbered() -> None:
    """Its own words, of version 3.2; what the remedy says works with every classifier, so with one that is here."""
    said = "Invalid classes inferred from unique values of `y`.  Expected: [0 1], got ['no' 'yes']"
    assert "VotingClassifier" in failure_hint("fit", "ValueError", said)
    assert "XGBoost" not in failure_hint("fit", "ValueError", "Invalid classes in y")
    vote = named("sklearn.ensemble.VotingClassifier", voting="soft", estimators=[["dt", named("decision_tree")]])
    assert train(on(["x", "z"], "auto", vote)).manifest.status == "completed"


def test_nobody_is_sent_to_the_message() -> None:
    for path in Path(week2kit.__file__).parent.rglob("*.py"):
        assert "Look at the message" not in path.read_text(encoding="utf-8"), path


def test_every_refusal_says_what_to_try() -> None:
    """Those of metrics are told as one sentence, and one of them says it by itself."""
    assert [code for code, (_, hint) in SENTENCES.items() if not hint] == ["metric.other_name"]
    assert all(text.endswith(".") for text in REMEDIES.values())


def test_an_error_of_a_class_is_told_by_the_stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "own_odd.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "class Odd(LogisticRegression):\n"
        "    def fit(self, X, y): raise ValueError('odd')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    run = train(on(["x"], "none", "own_odd.Odd"), allow_modules=["own_odd"])
    assert isinstance(run.manifest, FailedRun)
    assert run.manifest.failure.message == "odd"
    assert run.manifest.failure.hint.startswith('Train with "preprocess": "auto" and the model without params')


# --- the record -------------------------------------------------------------------------------------------------


def test_unknown_categories_are_told_in_one_order_in_every_process() -> None:
    """They come from a set: a failure must be known again by its message."""
    error = ValueError("Found unknown categories ['b', 'a', 'c'] in column 0 during transform")
    assert message_of(error) == "Found unknown categories ['a', 'b', 'c'] in column 0 during transform"
    run = train(on(["city"], ["one_hot"], split={"test_size": 0.8, "random_state": 1}), name="unknown")
    assert isinstance(run.manifest, FailedRun)
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "week2kit", "verify", "runs/unknown"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "identical" in done.stdout, done.stdout + done.stderr


def test_a_hint_is_no_part_of_what_a_failure_is_known_by() -> None:
    run = train(on(["x"], [group("x", "standard_scaler")]), name="hinted")
    manifest = run.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace("takes a table", "took a table"))
    (verdict,) = verify(run.path).runs
    assert (verdict.verdict, verdict.level) == ("identical", "failure")


def test_the_error_itself_stays_as_the_library_says_it() -> None:
    failure = failure_of(on(["review"], [group(["review"], VECTORIZER)]))
    assert failure.error == "ValueError"
    assert failure.message.startswith("Found input variables with inconsistent numbers of samples")
    assert StageError("a", "b").hint == "b"


def test_the_sentence_of_a_library_ends_once() -> None:
    said = [str(refusal("metric.failed", name="m", why=why, instead="r2")) for why in ("no.", "no", "no..")]
    assert {*said} == {"The metric m cannot be computed: no."}
    assert str(refusal("split.impossible", rows=2, why="No row is left")).endswith("No row is left")
