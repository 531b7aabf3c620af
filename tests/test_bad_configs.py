"""Bad configs: each is refused in a sentence; where a run was begun, its failure is recorded and comes again."""

from __future__ import annotations

# ruff: noqa: E501  a row is a line, however long its sentence
import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sklearn

from week2kit import open_run, train, verify
from week2kit.errors import ConfigError, UsageError
from week2kit.record.manifest import FailedRun
from week2kit.record.verdict import Verdict
from week2kit.sentences.training import run_lines
from week2kit.sentences.verdicts import describe_verdict

from .sessions import command

#: Seconds that a refusal may take at most.
PATIENCE = 10.0

#: What is said of a pipeline whose last step is none; before scikit-learn 1.6 the question itself fails.
NO_KIND = (
    "Pipeline is neither a classifier nor a regressor"
    if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 6)
    else "Pipeline does not tell whether it does classification"
)

GOOD: dict[str, Any] = {
    "data": {"path": "table.csv", "target": "label"},
    "model": "decision_tree",
    "preprocess": "auto",
    "seed": 1,
}
TABLE = "a,b,c,label\n" + "".join(f"{i},{i * 7 % 5},{'xyz'[i % 3]},{'no' if i % 2 else 'yes'}\n" for i in range(40))


@dataclass(frozen=True)
class Bad:
    """One row: what is wrong, at which stage that is noticed (None: no run is begun), and a piece of the sentence.

    `change` edits the config or returns another one; a text or bytes are the config file itself. `table` is the data
    file's content, or makes what lies at its place.
    """

    id: str
    stage: str | None
    says: str
    change: Callable[[dict[str, Any]], Any] | str | bytes = lambda config: None
    table: str | bytes | Callable[[Path], object] = TABLE
    file: str = "config.json"
    arguments: dict[str, Any] = field(default_factory=dict)


def with_model(class_: str, **params: Any) -> Callable[[dict[str, Any]], None]:
    return lambda config: config.update(model={"class": class_, "params": params})


def with_data(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda config: config["data"].update(changes)


def with_(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda config: config.update(changes)


def without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda config: config.pop(key) and None


def table(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def column(make: Callable[[int], object], rows: int = 40) -> str:
    """A table with one more column, `extra`."""
    lines = TABLE.splitlines()[: rows + 1]
    return table(f"{lines[0]},extra", *(f"{line},{make(i)}" for i, line in enumerate(lines[1:])))


def target(make: Callable[[int], object], rows: int = 40) -> str:
    """A table with another target."""
    return table("a,b,label", *(f"{i},{i % 7},{make(i)}" for i in range(rows)))


def vectorizer(**params: Any) -> Callable[[dict[str, Any]], None]:
    step = {"class": "sklearn.feature_extraction.text.CountVectorizer", "params": params}
    return with_(preprocess=[{"columns": ["a", "b"], "steps": []}, {"columns": "c", "steps": [step]}])


def imputed(**params: Any) -> Callable[[dict[str, Any]], None]:
    step = {"class": "sklearn.impute.SimpleImputer", "params": params}
    return with_(preprocess=[{"columns": ["a", "b"], "steps": [step]}, {"columns": ["c"], "steps": ["one_hot"]}])


def encoded(**params: Any) -> Callable[[dict[str, Any]], None]:
    step = {"class": "sklearn.preprocessing.OneHotEncoder", "params": params}
    return with_(preprocess=[{"columns": ["a", "b"], "steps": []}, {"columns": ["c"], "steps": [step]}])


def searched(**grid: Any) -> Callable[[dict[str, Any]], None]:
    steps = [
        ["text", {"class": "sklearn.feature_extraction.text.CountVectorizer"}],
        ["model", {"class": "decision_tree"}],
    ]
    pipeline = {"class": "sklearn.pipeline.Pipeline", "params": {"steps": steps}}
    return with_model("sklearn.model_selection.GridSearchCV", estimator=pipeline, param_grid=grid)


DEEP = "[" * 100_000 + "]" * 100_000
FILES = "it reads or writes files or runs code"
NO_TABLE = "cannot be read as a table"

ROWS = [
    # the config file
    Bad("file-missing", None, "there is no such config file", file="none.json"),
    Bad("file-is-a-folder", None, "it is a folder", file="."),
    Bad("file-is-a-device", None, "not a regular file", file="/dev/zero"),
    Bad("file-is-a-fifo", None, "not a regular file", file="pipe"),
    Bad("file-name-too-long", None, "cannot be read", file="c" * 5000 + ".json"),
    Bad("file-empty", None, "no config can be read as JSON", ""),
    Bad("file-blank", None, "no config can be read as JSON", " \n\n"),
    Bad("file-not-json", None, "no config can be read as JSON: line 1, column 1", "model: decision_tree"),
    Bad("file-cut", None, "no config can be read as JSON", json.dumps(GOOD)[:-7]),
    Bad("file-trailing-comma", None, "config.json: line 2 ends with a comma, and nothing follows it: remove the comma.", '{\n"seed": 1,\n}'),
    Bad("file-trailing-comma-in-a-line", None, "line 1 has a comma before the closing ], and nothing between", '{"metrics": [1,]}'),
    Bad("file-nothing-but-a-comma", None, "line 1 has a comma before the closing }, and nothing between", "{,}"),
    Bad("file-trailing-comma-and-cut", None, "no config can be read as JSON: line 1", '{"seed": 1,'),
    Bad("file-no-comma", None, "line 1 has no comma at its end, and line 3 goes on with the next entry: add the", '{"seed": 1\n\n"goal": "x"}'),
    Bad("file-quotes-in-a-text", None, "no config can be read as JSON: line 1", '{"goal": "a "good" one"}'),
    Bad("file-single-quotes", None, "line 2 has the quotes ', and JSON takes straight double", "{\n'seed': 1}"),
    Bad("file-curly-quotes", None, "line 1 has the quotes \u201c, and JSON takes straight double", '{"goal": \u201cx\u201d}'.encode()),
    Bad("file-comment", None, "line 1 holds a comment, and JSON has none: remove it", '{ // mine\n"seed": 1}'),
    Bad("file-comment-after-a-comma", None, "line 1 holds a comment, and JSON has none: remove it", '{"seed": 1, # mine\n"goal": "x"}'),
    Bad("file-words-of-python", None, "line 1 has None, which is Python's word: JSON writes null.", '{"seed": None}'),
    Bad("file-a-table", None, "table.csv: expected a config, and this is a table. For a first config: week2kit init table.csv", file="table.csv"),
    Bad("file-a-parquet", None, "expected a config, and this is a table.", file="other.parquet", table=lambda p: p.with_name("other.parquet").write_bytes(b"PAR1\xff")),
    Bad("file-a-large-table", None, "expected a config, and this is a table.", file="table.csv", table=TABLE + "1,2,3,4\n" * 300_000),
    Bad("file-a-table-that-is-missing", None, "there is no such config file", file="none.csv"),
    Bad("file-a-list", None, "expected an object of keys and values, got a list", "[]"),
    Bad("file-null", None, "expected an object of keys and values, got null", "null"),
    Bad("file-not-utf8", None, "it is not UTF-8 text", '{"goal": "caf\xe9"}'.encode("latin-1")),
    Bad("file-utf16-without-its-mark", None, "", json.dumps(GOOD).encode("utf-16-le")),
    Bad("file-too-large", None, "it is larger than", " " * (1 << 21)),
    Bad("file-deep", None, "nested deeper than", '{"data": ' + DEEP + "}"),
    Bad("file-duplicate-key", None, 'the key "seed" stands twice', '{"seed": 1, "seed": 2}'),
    Bad("file-nan", None, "NaN is no JSON number", '{"model": {"class": "svc", "params": {"C": NaN}}}'),
    Bad("file-1e999", None, "1e999 is too large for a number", '{"model": {"class": "svc", "params": {"C": 1e999}}}'),
    Bad("file-many-digits", None, "no config can be read", '{"seed": ' + "9" * 5000 + "}"),
    Bad("file-surrogate", None, "half of a surrogate pair", '{"goal": "\\ud800"}'),
    Bad("toml-broken", None, "no config can be read as TOML", "[data\n", file="config.toml"),
    Bad("toml-duplicate-key", None, "no config can be read as TOML", "seed = 1\nseed = 2\n", file="config.toml"),
    Bad("toml-nan", None, "no config can be read as TOML", "seed = nan\n", file="config.toml"),
    Bad("toml-date", None, "no config can be read as TOML", "seed = 2026-01-01\n", file="config.toml"),
    Bad("toml-deep", None, "no config can be read as TOML", f"seed = {DEEP}\n", file="config.toml"),
    # the call
    Bad("name-taken", None, "this name is taken", arguments={"name": "taken"}),
    Bad("name-with-a-slash", None, "--name: expected up to 64 letters", arguments={"name": "a/b"}),
    Bad("name-dots", None, "--name: expected up to 64 letters", arguments={"name": ".."}),
    Bad("name-absolute", None, "--name: expected up to 64 letters", arguments={"name": "/tmp/x"}),
    Bad("name-empty", None, "--name: expected up to 64 letters", arguments={"name": ""}),
    Bad("name-too-long", None, "--name: expected up to 64 letters", arguments={"name": "x" * 65}),
    Bad("name-with-control-characters", None, "--name: expected up to 64 letters", arguments={"name": "a\x1b[2J\n"}),
    Bad("runs-dir-is-a-file", None, "no run folder can be made there", arguments={"runs_dir": "table.csv"}),
    Bad("runs-dir-below-a-file", None, "no run folder can be made there", arguments={"runs_dir": "table.csv/x"}),
    Bad("runs-dir-name-too-long", None, "no run folder can be made there", arguments={"runs_dir": "x" * 5000}),
    Bad("set-without-value", None, "expected key=value", arguments={"set": ["seed"]}),
    Bad("set-without-key", None, "expected key=value", arguments={"set": ["=1"]}),
    Bad("set-through-a-number", None, '"seed" is no object', arguments={"set": ["seed.x=1"]}),
    Bad("set-through-a-list", None, "is no position in that list", arguments={"set": ["metrics=[]", "metrics.7=1"]}),
    Bad("set-too-deep", None, "leads deeper than", arguments={"set": [".".join("a" * 5000) + "=1"]}),
    Bad("set-without-quotes", None, """--set 'metrics=["accuracy"]'""", arguments={"set": ["metrics=[accuracy]"]}),
    Bad("set-curly-quotes", None, """--set 'metrics=["accuracy", "f1_macro"]'""", arguments={"set": ["metrics=[\u201caccuracy\u201d, \u2018f1_macro\u2019]"]}),
    Bad("set-object-without-quotes", None, """--set 'model={"class":"svc","params":{"probability":true,"C":1e-3}}'""", arguments={"set": ["model={class:svc,params:{probability:true,C:1e-3}}"]}),
    Bad("set-list-cut", None, """--set data.drop=[a: expected JSON, and this is none: did the shell take the quotes away?""", arguments={"set": ["data.drop=[a"]}),
    Bad("set-unknown-key", "config", "mdoel: unknown key", arguments={"set": ["mdoel.params.C=1"]}),
    Bad("set-unknown-parameter", "config", "no such parameter", arguments={"set": ["model.params.max_dpeth=3"]}),
    Bad("set-wrong-type", "config", "max_depth", arguments={"set": ["model.params.max_depth=deep"]}),
    Bad("seed-argument-negative", "config", "seed: Input should be greater than or equal to 0", arguments={"seed": -1}),
    Bad("seed-argument-too-large", "config", "seed: Input should be less than", arguments={"seed": 2**32}),
    # keys and types
    Bad("nothing-in-it", "config", "data: it is missing", lambda c: {}),
    Bad("no-model", "config", "model: it is missing", without("model")),
    Bad("no-data", "config", "data: it is missing", without("data")),
    Bad("no-target", "config", "data.target: it is missing", lambda c: c["data"].pop("target") and None),
    Bad("unknown-key", "config", "colour: unknown key; known are", with_(colour="red")),
    Bad("misspelt-key", "config", 'metrcs: unknown key; did you mean "metrics"?', with_(metrcs=["accuracy"])),
    Bad("misspelt-key-of-data", "config", 'data.traget: unknown key; did you mean "target"?', with_data(traget="x")),
    Bad("misspelt-key-of-split", "config", 'did you mean "test_size"', with_(split={"tset_size": 0.2})),
    Bad("misspelt-parameter", "config", 'did you mean "max_depth"?', with_model("decision_tree", max_dept=3)),
    Bad("misspelt-alias", "config", 'did you mean "decision_tree"?', with_(model="decison_tree")),
    Bad("misspelt-class", "config", 'did you mean "Ridge"', with_(model="sklearn.linear_model.Rigde")),
    Bad("misspelt-metric", "config", 'Did you mean "accuracy"', with_(metrics=["acuracy"])),
    Bad("misspelt-dataset", "config", "data.dataset", with_(data={"dataset": "irsi"})),
    Bad("misspelt-target", "load", 'Did you mean "label"?', with_data(target="lable")),
    Bad("misspelt-drop", "load", 'the data has no column "d"', with_data(drop=["d"])),
    Bad("misspelt-feature", "load", 'the data has no column "q"', with_data(features=["a", "q"])),
    Bad("all-problems-at-once", "config", "metrics: Input should be a valid list", with_(metrics=1, seed="x", task="y")),
    Bad("ten-thousand-unknown-keys", "config", "unknown key", lambda c: {f"key{i}": i for i in range(10_000)}),
    Bad("seed-true", "config", "seed: Input should be a valid integer, got true", with_(seed=True)),
    Bad("seed-text", "config", "seed: Input should be a valid integer", with_(seed="42")),
    Bad("seed-fraction", "config", "seed: Input should be a valid integer", with_(seed=42.0)),
    Bad("seed-negative", "config", "seed: Input should be greater than or equal to 0", with_(seed=-1)),
    Bad("seed-too-large", "config", "seed: Input should be less than 4294967296", with_(seed=2**32)),
    Bad("data-text", "config", "data: expected an object of keys and values", with_(data="table.csv")),
    Bad("model-number", "config", "model: expected an object of keys and values", with_(model=7)),
    Bad("model-list", "config", "model: expected an object of keys and values", with_(model=["svc"])),
    Bad("params-list", "config", "model.params: Input should be a valid dictionary", with_(model={"class": "svc", "params": []})),
    Bad("metrics-text", "config", "metrics: Input should be a valid list", with_(metrics="accuracy")),
    Bad("metrics-empty", "config", "metrics: List should have at least 1 item", with_(metrics=[])),
    Bad("metrics-nothing-left", "config", "metrics", with_(metrics=["neg_"])),
    Bad("test-size-negative", "config", "split.test_size", with_(split={"test_size": -0.1})),
    Bad("test-size-one", "config", "split.test_size", with_(split={"test_size": 1.0})),
    Bad("test-size-text", "config", "split.test_size", with_(split={"test_size": "20 %"})),
    Bad("test-size-true", "config", "split.test_size", with_(split={"test_size": True})),
    Bad("split-method-unknown", "config", "split.method: expected", with_(split={"method": "bootstrap"})),
    Bad("split-method-list", "config", "split.method: expected", with_(split={"method": []})),
    Bad("split-text", "config", "split: expected an object", with_(split="kfold")),
    Bad("n-splits-one", "config", "split.n_splits", with_(split={"method": "kfold", "n_splits": 1})),
    Bad("n-splits-huge", "config", "split.n_splits", with_(split={"method": "kfold", "n_splits": 10**9})),
    Bad("stratified-without-shuffle", "config", "cannot be stratified", with_(split={"shuffle": False, "stratify": True})),
    Bad("preprocess-unknown", "config", "preprocess: expected", with_(preprocess="scale")),
    Bad("preprocess-number", "config", "preprocess: expected", with_(preprocess=1)),
    Bad("preprocess-a-model", "config", "is no transformer", with_(preprocess=["decision_tree"])),
    Bad("preprocess-mixed", "config", "cannot be mixed", with_(preprocess=["pca", {"columns": ["a"], "steps": []}])),
    Bad("preprocess-strange-column", "config", '"q" is no feature of the data', with_(preprocess=[{"columns": ["a", "b", "c", "q"], "steps": []}])),
    Bad("preprocess-feature-in-no-group", "config", "is in no group", with_(preprocess=[{"columns": ["a"], "steps": []}])),
    Bad("features-and-drop", "config", "features and drop exclude each other", with_data(features=["a"], drop=["b"])),
    Bad("goal-too-long", "config", "goal", with_(goal="x" * 20_000)),
    Bad("fail-on-unknown", "config", "fail_on", with_(fail_on=["bad.luck"])),
    Bad("flat-misspelt", "config", 'did you mean "max_iter"?', lambda c: {"input_csv": "table.csv", "label_col": "label", "max_itr": 5}),
    Bad("flat-without-label", "config", "label_col: it is missing", lambda c: {"input_csv": "table.csv"}),
    Bad("flat-max-iter-zero", "config", "max_iter", lambda c: {"input_csv": "table.csv", "label_col": "label", "max_iter": 0}),
    # classes that are no estimators, and parameters that reach out
    Bad("os-system", "config", "expected an import path into scikit-learn", with_(model="os.system")),
    Bad("builtins-eval", "config", "expected an import path into scikit-learn", with_(model="builtins.eval")),
    Bad("bare-name", "config", "expected an import path into scikit-learn", with_(model="SVC")),
    Bad("sklearn-os", "config", "model.class", with_(model="sklearn.os.system")),
    Bad("sklearn-itself", "config", "model.class", with_(model="sklearn")),
    Bad("a-function", "config", "is no estimator", with_(model="sklearn.datasets.load_iris")),
    Bad("a-function-that-fetches", "config", "is no estimator", with_(model="sklearn.datasets.fetch_openml")),
    Bad("a-module", "config", "is no estimator", with_(model="sklearn.utils.validation")),
    Bad("a-base-class", "config", "is no estimator", with_(model="sklearn.base.BaseEstimator")),
    Bad("underscore-module", "config", "expected a public class", with_(model="sklearn._config.get_config")),
    Bad("underscore-inside", "config", "expected a public class", with_(model="sklearn.tree._classes.DecisionTreeClassifier")),
    Bad("dunder", "config", "expected a public class", with_(model="sklearn.svm.SVC.__init__")),
    Bad("externals", "config", "expected a public class", with_(model="sklearn.externals.array_api_compat.x")),
    Bad("conftest", "config", "expected a public class", with_(model="sklearn.conftest.x")),
    Bad("tests", "config", "expected a public class", with_(model="sklearn.tests.test_base.MyEstimator")),
    Bad("no-such-module", "config", "there is no module", with_(model="sklearn.deep_learning.Net")),
    Bad("spaces", "config", "model.class", with_(model="sklearn.svm. SVC")),
    Bad("dots", "config", "model.class", with_(model="sklearn..SVC")),
    Bad("control-characters", "config", "model.class", with_(model="sklearn.\x1b[2J.SVC")),
    Bad("a-transformer-as-model", "config", "is neither a classifier nor a regressor", with_(model="standard_scaler")),
    Bad("a-clusterer-as-model", "config", "is neither a classifier nor a regressor", with_(model="sklearn.cluster.KMeans")),
    Bad("an-outlier-detector", "config", "is neither a classifier nor a regressor", with_(model="sklearn.svm.OneClassSVM")),
    Bad("task-mismatch", "config", "does classification, got regression", with_(task="regression")),
    Bad("input-filename", "config", FILES, vectorizer(input="filename")),
    Bad("input-file", "config", FILES, vectorizer(input="file")),
    Bad("memory", "config", FILES, with_model("sklearn.pipeline.Pipeline", steps=[["m", {"class": "svc"}]], memory="cache")),
    Bad("memory-nested", "config", FILES, with_model("sklearn.ensemble.BaggingClassifier", estimator={"class": "sklearn.pipeline.Pipeline", "params": {"steps": [["m", {"class": "svc"}]], "memory": "cache"}})),
    Bad("memory-of-a-transformer", "config", FILES, with_(preprocess=[{"class": "sklearn.cluster.FeatureAgglomeration", "params": {"memory": "cache"}}])),
    Bad("memory-in-a-grid", "config", FILES, searched(memory=["cache"])),
    Bad("input-in-a-grid", "config", FILES, searched(text__input=["filename"])),
    Bad("input-in-a-list-of-grids", "config", FILES, with_model("sklearn.model_selection.GridSearchCV", estimator={"class": "svc"}, param_grid=[{"x__input": ["file"]}])),
    Bad("pre-dispatch", "config", FILES, with_model("sklearn.model_selection.GridSearchCV", estimator={"class": "svc"}, param_grid={"C": [1.0]}, pre_dispatch="__import__('os').system('x')")),
    Bad("jobs-ten-thousand", "config", "expected at most 256 jobs, got 10000", with_model("random_forest", n_jobs=10_000)),
    Bad("jobs-minus-ten-thousand", "config", "expected at most 256 jobs", with_model("random_forest", n_jobs=-10_000)),
    Bad("jobs-in-a-grid", "config", "expected at most 256 jobs", with_model("sklearn.model_selection.GridSearchCV", estimator={"class": "random_forest"}, param_grid={"n_jobs": [9999]})),
    Bad("callable-as-text", "config", "func", with_(preprocess=[{"class": "sklearn.preprocessing.FunctionTransformer", "params": {"func": "os.system"}}])),
    Bad("C-negative", "config", "'C' parameter", with_model("logistic_regression", C=-1.0)),
    Bad("C-text", "config", "'C' parameter", with_model("logistic_regression", C="ten")),
    Bad("C-null", "config", "'C' parameter", with_model("logistic_regression", C=None)),
    Bad("C-object", "config", "'C' parameter", with_model("logistic_regression", C={"class": "svc"})),
    Bad("solver-unknown", "config", "'solver' parameter", with_model("logistic_regression", solver="magic")),
    Bad("depth-beyond-int64", "fit", "too large", with_model("decision_tree", max_depth=10**30)),
    Bad("random-state-text", "config", "random_state", with_model("decision_tree", random_state="x")),
    Bad("nested-estimator-broken", "config", "no such parameter", with_model("sklearn.ensemble.BaggingClassifier", estimator={"class": "svc", "params": {"D": 1}})),
    Bad("nested-estimator-missing", "config", "model.params", with_model("sklearn.ensemble.VotingClassifier")),
    Bad("a-parameter-that-is-an-estimator-of-os", "config", "expected an import path into scikit-learn", with_model("sklearn.ensemble.BaggingClassifier", estimator={"class": "os.system"})),
    # metrics
    Bad("metric-unknown", "config", "beauty", with_(metrics=["beauty"])),
    Bad("metric-of-regression", "config", "r2", with_(metrics=["r2"])),
    Bad("metric-of-classification", "config", "accuracy", lambda c: c.update(model="ridge", metrics=["accuracy"]), target(lambda i: i * 1.5)),
    Bad("metric-needs-probabilities", "config", "log_loss", lambda c: c.update(model="sklearn.svm.LinearSVC", metrics=["log_loss"])),
    Bad("metric-of-clusters", "config", "adjusted_rand_score", lambda c: c.update(model="ridge", metrics=["adjusted_rand_score"]), target(lambda i: i * 1.5)),
    Bad("binary-metric-of-three-classes", "config", "f1", with_(metrics=["f1"]), target(lambda i: "xyz"[i % 3])),
    Bad("positive-not-a-class", "config", "positive: expected one of the classes", with_(positive="maybe")),
    Bad("positive-of-another-type", "config", "positive: expected one of the classes", with_(positive="1"), target(lambda i: i % 2)),
    Bad("positive-of-three-classes", "config", "it is for two classes", with_(positive="x"), target(lambda i: "xyz"[i % 3])),
    Bad("positive-of-a-regression", "config", "it is for two classes", lambda c: c.update(model="ridge", positive=1), target(lambda i: i * 1.5)),
    # where the data is
    Bad("data-missing", "load", 'there is no file "none.csv"', with_data(path="none.csv")),
    Bad("data-is-a-folder", "load", "is a folder; expected a file", table=Path.mkdir),
    Bad("data-is-a-fifo", "load", "not a regular file", table=os.mkfifo),
    Bad("data-is-a-device", "load", "not a regular file", table=lambda p: p.symlink_to("/dev/zero")),
    Bad("data-is-a-dead-link", "load", "there is no file", table=lambda p: p.symlink_to("gone")),
    Bad("data-is-a-url", "load", "there is no file", with_data(path="https://example.org/table.csv")),
    Bad("data-is-a-file-url", "load", "there is no file", with_data(path="file:///etc/table.csv")),
    Bad("data-of-unknown-kind", "config", "expected a .csv, .tsv or .parquet file", with_data(path="table.xlsx")),
    Bad("data-passwd", "config", "expected a .csv, .tsv or .parquet file", with_data(path="/etc/passwd")),
    Bad("data-with-nul", "load", "there is no file", with_data(path="a\0.csv")),
    Bad("data-name-too-long", "load", "there is no file", with_data(path="a" * 3000 + ".csv")),
    Bad("data-path-empty", "config", "data.path", with_data(path="")),
    # what is in it
    Bad("data-empty", "load", "holds no table", table=""),
    Bad("data-blank", "load", "holds no table", table="\n\n\n"),
    Bad("data-header-only", "load", "no rows", table="a,b,c,label\n"),
    Bad("data-one-row", "load", "", table=table("a,label", "1,x")),
    Bad("data-two-rows", "load", "another value in each of its 2 rows", table=table("a,label", "1,x", "2,y")),
    Bad("data-not-utf8", "load", "is not UTF-8 text", table=TABLE.replace("yes", "ja\xdf").encode("latin-1")),
    Bad("data-half-utf16", "load", "cannot be read as utf-16", table=TABLE.encode("utf-16")[:-1]),
    Bad("data-binary", "load", "", table=bytes(range(256)) * 40),
    Bad("data-semicolons", "load", "seems to be separated by semicolons", table=TABLE.replace(",", ";") + "1;2\n"),
    Bad("data-tabs", "load", "cannot be read as a table", table=TABLE.replace(",", "\t", 40)),
    Bad("data-web-page", "load", "a web page", table="<!DOCTYPE html>\n<html><body>" + TABLE),
    Bad("data-header-twice", "load", 'two columns named "a"', table=TABLE.replace("a,b,c", "a,b,a", 1)),
    Bad("data-ragged", "load", "saw 5", table=TABLE + "1,2,3,yes,5\n"),
    Bad("data-all-rows-longer", "load", "more than the 4 fields", table=TABLE.replace("yes", "yes,1").replace("no", "no,1")),
    Bad("data-short-row", "load", "has no value in 1 of 41 rows", table=TABLE + "1,2\n"),
    Bad("data-open-quote", "load", "", table=TABLE + '1,"2,x,yes\n'),
    Bad("data-too-many-columns", "load", "at most 20000 are read", table=",".join(f"c{i}" for i in range(30_000)) + "\n"),
    Bad("data-gzip-cut", "load", "not a whole gzip file", table=b"\x1f\x8b\x08\x00rest"),
    Bad("data-no-parquet", "load", "cannot be read as Parquet", with_data(path="table.parquet"), lambda p: p.with_suffix(".parquet").write_bytes(b"PAR1")),
    Bad("data-infinite", "load", "holds an infinite number in data row 7", table=column(lambda i: "inf" if i == 7 else i)),
    Bad("data-beyond-float", "load", "holds an infinite number", table=column(lambda i: "1e999" if i == 7 else i)),
    Bad("data-dates", "load", "holds dates", table=column(lambda i: f"2026-01-{i % 28 + 1:02d}")),
    Bad("data-dates-of-europe", "load", "holds dates", table=column(lambda i: f"{i % 28 + 1}.1.2026")),
    Bad("data-empty-column", "load", "holds no value at all", table=column(lambda i: "")),
    Bad("data-text-without-preprocess", "fit", "could not convert string to float", with_(preprocess="none")),
    Bad("data-missing-without-preprocess", "fit", "NaN", lambda c: c.update(preprocess="none", model="logistic_regression", data={**c["data"], "drop": ["c"]}), column(lambda i: "" if i == 3 else i)),
    Bad("data-negative-for-counts", "fit", "Negative values", with_model("sklearn.naive_bayes.MultinomialNB"), column(lambda i: -i)),
    # the target
    Bad("target-missing-in-a-row", "load", 'The target "label" has no value in 1 of 40 rows, first in data row 7', table=target(lambda i: "" if i == 7 else i % 2)),
    Bad("target-missing-everywhere", "load", "has no value in 40 of 40 rows", table=target(lambda i: "")),
    Bad("target-constant", "load", "has the same value in every row", table=target(lambda i: "x")),
    Bad("target-constant-number", "load", "has the same value in every row", with_(model="ridge"), target(lambda i: 3.5)),
    Bad("target-all-different", "load", "another value in each of its 40 rows", table=target(lambda i: f"id{i}")),
    Bad("target-fractions", "load", "holds fractions", table=target(lambda i: i / 7)),
    Bad("target-text-for-a-regressor", "load", "holds text", with_(model="ridge"), target(lambda i: "xyz"[i % 3])),
    Bad("target-infinite", "load", "infinite", with_(model="ridge"), target(lambda i: "inf" if i == 3 else i)),
    Bad("target-among-features", "load", "is listed among the features", with_data(features=["a", "label"])),
    Bad("target-dropped-features", "load", "No feature column is left", with_data(drop=["a", "b", "c"])),
    Bad("target-beyond-range", "evaluate", "not a finite number", with_(model="linear_regression", metrics=["root_mean_squared_error"]), target(lambda i: f"{(-1) ** i * (i + 1)}e200")),
    Bad("target-beyond-range-in-folds", "evaluate", "", lambda c: c.update(model="linear_regression", metrics=["neg_mean_absolute_error"], split={"method": "kfold", "n_splits": 3}), target(lambda i: f"{(-1) ** i * (i + 1)}e200")),
    Bad("steps-empty", "config", "Pipeline does not tell whether it does classification", with_model("sklearn.pipeline.Pipeline", steps=[["a", {"class": "ridge"}], []])),
    Bad("steps-one", "config", "Pipeline does not tell whether it does classification", with_model("sklearn.pipeline.Pipeline", steps=[["a"]])),
    Bad("steps-null", "config", NO_KIND, with_model("sklearn.pipeline.Pipeline", steps=[None])),
    Bad("votes-empty", "fit", "", with_model("sklearn.ensemble.VotingClassifier", estimators=[[]])),
    Bad("fill-value-a-list", "fit", "", imputed(strategy="constant", fill_value=[1])),
    Bad("dtype-a-list", "fit", "", encoded(dtype=["x"])),
    Bad("dtype-an-object", "fit", "", encoded(dtype={"a": 1})),
    # the split
    Bad("stratify-too-small-a-class", "split", "cannot be split as the config asks", with_(split={"stratify": True}), target(lambda i: "z" if i == 0 else i % 2)),
    Bad("stratify-fewer-rows-than-classes", "split", "cannot be split as the config asks", with_(split={"test_size": 2, "stratify": True}), target(lambda i: "xyz"[i % 3])),
    Bad("stratify-a-regression", "split", "only classes can be stratified", lambda c: c.update(model="ridge", split={"stratify": True}), target(lambda i: i * 1.5)),
    Bad("more-folds-than-rows", "split", "cannot be split as the config asks", with_(split={"method": "kfold", "n_splits": 41, "stratify": False})),
    Bad("more-periods-than-rows", "split", "cannot be split as the config asks", with_(split={"method": "time_series", "n_splits": 40})),
    Bad("test-size-all-rows", "split", "cannot be split as the config asks", with_(split={"test_size": 40})),
    Bad("groups-column-missing", "load", 'the data has no column "family"', with_(split={"method": "kfold", "groups": "family"})),
    Bad("groups-too-few", "split", "cannot be split as the config asks", with_(split={"method": "kfold", "groups": "c"})),
    Bad("one-class-in-training", "split", "hold one class only", with_(split={"shuffle": False, "test_size": 20}), target(lambda i: int(i >= 20))),
    Bad("warning-refused", "fit", "fit.not_converged", lambda c: c.update(model={"class": "logistic_regression", "params": {"max_iter": 1}}, fail_on=["fit.not_converged"])),
]  # fmt: skip


# --- the table --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What a row led to in its folder: the error that was raised, or the failed run with its verdict."""

    folder: Path
    error: str | None
    run: Path | None
    seconds: float
    verdict: Verdict | None = None


def _project(directory: Path, bad: Bad) -> None:
    directory.mkdir()
    (directory / "runs" / "taken").mkdir(parents=True)
    os.mkfifo(directory / "pipe")
    config = json.loads(json.dumps(GOOD))
    if isinstance(bad.change, bytes):
        content = bad.change
    elif isinstance(bad.change, str):
        content = bad.change.encode()
    else:
        changed = bad.change(config)
        content = json.dumps(config if changed is None else changed).encode()
    if bad.file.startswith("config"):
        (directory / bad.file).write_bytes(content)
    if callable(bad.table):
        bad.table(directory / "table.csv")
    else:
        (directory / "table.csv").write_bytes(bad.table.encode() if isinstance(bad.table, str) else bad.table)


def _try(directory: Path, bad: Bad) -> Outcome:
    _project(directory, bad)
    before, start = Path.cwd(), time.monotonic()
    os.chdir(directory)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # pytest makes errors of them, and train honours that
            run = train(bad.file, **bad.arguments)
    except (UsageError, ConfigError) as error:
        return Outcome(directory, str(error), None, time.monotonic() - start)
    finally:
        os.chdir(before)
    return Outcome(directory, None, directory / run.path, time.monotonic() - start)


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    parent = tmp_path_factory.mktemp("bad")
    tried = {bad.id: _try(parent / str(number), bad) for number, bad in enumerate(ROWS)}
    runs = [outcome.run for outcome in tried.values() if outcome.run]
    verdicts = {verdict.run: verdict for verdict in verify(*runs).runs}
    return {id_: replace(o, verdict=verdicts[o.run.as_posix()]) if o.run else o for id_, o in tried.items()}


@pytest.mark.parametrize("bad", ROWS, ids=lambda bad: bad.id)
def test_every_bad_config_is_refused_in_a_sentence_and_its_failure_comes_again(
    bad: Bad, outcomes: dict[str, Outcome]
) -> None:
    outcome = outcomes[bad.id]
    assert outcome.seconds < PATIENCE
    if bad.stage is None:
        assert outcome.error is not None, "a run was begun"
        assert "runs_dir" in bad.arguments or [path.name for path in (outcome.folder / "runs").iterdir()] == ["taken"]
        said = outcome.error
    else:
        assert outcome.run is not None, outcome.error
        run = open_run(outcome.run)
        assert isinstance(run.manifest, FailedRun), run.manifest.status
        assert (run.manifest.failure.stage, run.manifest.failure.error) != ("save", "OSError")
        assert run.manifest.failure.stage == bad.stage, run.manifest.failure.message
        assert run.manifest.failure.hint
        verdict = outcome.verdict
        assert verdict is not None
        assert (verdict.verdict, verdict.level) == ("identical", "failure"), describe_verdict(verdict)
        said = "\n".join(run_lines(run, "config.json")[1]) + run.manifest.failure.message
    assert bad.says in said
    assert "Traceback" not in said
    assert "\x1b" not in said


def test_nothing_that_a_config_names_is_read_or_written(outcomes: dict[str, Outcome]) -> None:
    for outcome in outcomes.values():
        if outcome.run is not None:
            assert not (outcome.run.parents[1] / "cache").exists()


# --- through the command line -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        *("file-missing", "file-is-a-fifo", "file-deep", "name-taken", "set-too-deep", "unknown-key", "os-system"),
        *("input-in-a-grid", "data-is-a-fifo", "target-all-different", "control-characters", "more-folds-than-rows"),
    ],
)
def test_the_command_line_ends_with_1_or_2_and_never_with_a_traceback(row: str, tmp_path: Path) -> None:
    bad = next(bad for bad in ROWS if bad.id == row)
    _project(tmp_path / "p", bad)
    arguments = [flag for text in bad.arguments.get("set", []) for flag in ("--set", text)]
    arguments += ["--name", bad.arguments["name"]] if "name" in bad.arguments else []
    start = time.monotonic()
    done = command("train", bad.file, *arguments, cwd=tmp_path / "p")
    assert time.monotonic() - start < PATIENCE
    assert done.returncode == (2 if bad.stage is None else 1), done.stderr
    assert bad.says in done.stderr
    assert "try:" in done.stderr or bad.stage is None
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stdout.startswith("run: runs/") == (bad.stage is not None)


# --- classes of the caller's own modules ------------------------------------------------------------------------

CLASSIFIER = """
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
class Model(ClassifierMixin, BaseEstimator):
    def __init__(self, bias=0.0): self.bias = bias
    def fit(self, X, y): self.classes_ = np.unique(y); {fit}; return self
    def predict(self, X): return np.full(len(X), self.classes_[0])
"""


def own(fit: str, *more: str) -> str:
    return CLASSIFIER.replace("{fit}", fit) + "".join(f"    {line}\n" for line in more)


#: The module, the stage at which its failure is recorded, and what is said: the person's module, never a bug of ours.
BROKEN = {
    "name-error": ("x = nothing_of_this_name", "config", 'The module "{name}" cannot be imported: NameError: name'),
    "syntax-error": ("def f(:", "config", "SyntaxError: invalid syntax ({name}.py, line 1)"),
    "import-error": ("import no_such_package_at_all", "config", "ModuleNotFoundError: No module named 'no_such_package"),
    "exits": ("raise SystemExit(3)", "config", "cannot be imported: SystemExit: 3 ({name}.py, line 1)"),
    "interrupts": ("raise KeyboardInterrupt", "config", "cannot be imported: KeyboardInterrupt ({name}.py, line 1)"),
    "recursion": ("def f(): f()\nf()", "config", "cannot be imported: RecursionError: maximum recursion"),
    "lazy": ("def __getattr__(name):\n    raise RuntimeError('no ' + name)", "config", "cannot be imported: RuntimeError"),
    "no-class": ("Model = 3", "config", "is no estimator: expected a class with fit and get_params"),
    "no-get-params": ("class Model:\n    def fit(self): pass", "config", "expected a class with fit and get_params"),
    "construction": (own("pass", "def __init__(self): raise ValueError('never')"), "config", "model.params: never"),
    "construction-exits": (own("pass", "def __init__(self): raise SystemExit"), "config", "model.params: SystemExit"),
    "repr": (own("raise ValueError(self)", "def __repr__(self): 1 / 0"), "fit", "ValueError"),
    "get-params": (own("pass", "def get_params(self, deep=True): 1 / 0"), "fit", "division by zero"),
    "fit": (own("1 / 0"), "fit", "division by zero"),
    "fit-exits": (own("raise SystemExit('enough')"), "fit", "enough"),
    "fit-recursion": (own("self.fit(X, y)"), "fit", "maximum recursion depth"),
    "fit-memory": (own("raise MemoryError"), "fit", "the memory was not enough"),
    "fit-linalg": (own("np.linalg.inv(np.zeros((2, 2)))"), "fit", "Singular matrix"),
    "fit-warning": (own("import warnings; warnings.simplefilter('error'); warnings.warn('told')"), "fit", "told"),
    "fit-broken-pool": (
        own("from concurrent.futures.process import BrokenProcessPool; raise BrokenProcessPool('gone')"),
        "fit",
        "gone",
    ),
    "predict": (own("pass", "def predict(self, X): raise BaseException('odd')"), "evaluate", "odd"),
    "no-classes": (own("del self.classes_", "def predict_proba(self, X): return np.eye(len(X))"), "evaluate", "classes_"),
    "not-pickled": (own("self.f_ = lambda: 0"), "save", "ickle"),
    "no-tags": (own("pass", "def __sklearn_tags__(self): raise AttributeError('none')"), "config", "does not tell whether"),
}  # fmt: skip


# before scikit-learn 1.6 a class says otherwise what it does
@pytest.mark.parametrize("kind", [pytest.param(k, marks=[pytest.mark.newest] * (k == "no-tags")) for k in BROKEN])
def test_an_error_of_the_callers_module_is_a_recorded_failure(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, stage, says = BROKEN[kind]
    name = f"own_{kind.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        run = train(
            {"data": {"dataset": "iris"}, "preprocess": "none", "model": f"{name}.Model", "seed": 1},
            runs_dir=tmp_path / "runs",
            allow_modules=[name],
        )
    assert isinstance(run.manifest, FailedRun)
    failure = run.manifest.failure
    assert (failure.stage, says.format(name=name) in failure.message) == (stage, True), failure.message
    assert failure.hint
    assert os.fspath(tmp_path) not in run_text(run)


def run_text(run: Any) -> str:
    return (run.path / "manifest.json").read_text() + "\n".join(run_lines(run, "config.json")[1])


DUCKS = """
import numpy as np
class Params:
    def get_params(self, deep=True): return dict(vars(self))
    def set_params(self, **params): vars(self).update(params); return self
class Duck(Params):
    _estimator_type = "classifier"
    def __init__(self, **params): self.bias = 1; vars(self).update(params)
    def fit(self, X, y): self.classes_ = np.unique(y); return self
    def predict(self, X): return np.full(len(X), self.classes_[0])
    def get_params(self, deep=True): return {k: v for k, v in vars(self).items() if not k.endswith("_")}
class Log1p(Params):
    def fit(self, X, y=None): return self
    def transform(self, X): return np.log1p(np.abs(X))
    def fit_transform(self, X, y=None): return self.fit(X).transform(X)
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
class Majority(ClassifierMixin, BaseEstimator):
    def __init__(self, bias=0.0, random_state=None): self.bias = bias; self.random_state = random_state
    def fit(self, X, y): self.classes_ = np.unique(y); return self
    def predict(self, X): return np.full(len(X), self.classes_[0])
class Stateless(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None): return self
    def transform(self, X): return np.log1p(np.abs(X))
"""


@pytest.mark.parametrize(
    ("model", "steps"),
    [
        ({"class": "own_ducks.Majority", "params": {"bias": 2.0}}, []),
        ("decision_tree", ["own_ducks.Stateless"]),
        ("decision_tree", [{"columns": ["sepal length (cm)"], "steps": ["own_ducks.Stateless"]}]),
    ],
    ids=["no-constraints", "stateless", "stateless-in-a-group"],
)
def test_classes_as_the_guide_of_scikit_learn_has_them_are_trained(
    model: Any, steps: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only scikit-learn's own classes declare constraints, and a transformer need not keep anything."""
    (tmp_path / "own_ducks.py").write_text(DUCKS)
    monkeypatch.syspath_prepend(tmp_path)
    data = {"dataset": "iris", "features": ["sepal length (cm)"]}
    config = {"data": data, "preprocess": steps, "model": model, "seed": 7}
    run = train(config, runs_dir=tmp_path / "runs", allow_modules=["own_ducks"])
    assert run.manifest.status == "completed", run.manifest.failure
    assert not [warning for warning in run.manifest.warnings if warning.code == "seed.unset"]


EXPERIMENTAL = {
    "imputer": {
        "preprocess": [{"class": "sklearn.impute.IterativeImputer", "params": {"max_iter": 2}}],
        "model": "ridge",
        "data": {"dataset": "diabetes"},
    },
    "halving-grid": {
        "model": {
            "class": "sklearn.model_selection.HalvingGridSearchCV",
            "params": {"estimator": {"class": "decision_tree"}, "param_grid": {"max_depth": [1, 2]}},
        },
    },
    "halving-random": {
        "model": {
            "class": "sklearn.model_selection.HalvingRandomSearchCV",
            "params": {
                "estimator": {"class": "decision_tree"},
                "param_distributions": {"max_depth": [1, 2, 3, 4]},
                "n_candidates": 4,
            },
        },
    },
}


@pytest.mark.parametrize("kind", EXPERIMENTAL)
def test_experimental_classes_are_enabled_in_train_and_in_the_rerun(kind: str, tmp_path: Path) -> None:
    run = train({"data": {"dataset": "iris"}, "seed": 1} | EXPERIMENTAL[kind], runs_dir=tmp_path)
    assert run.manifest.status == "completed", run.manifest.failure
    assert verify(run).runs[0].verdict == "identical"


@pytest.mark.parametrize(
    ("splitter", "seeded"),
    [
        ({"class": "sklearn.model_selection.StratifiedKFold", "params": {"n_splits": 3, "shuffle": True}}, True),
        ({"class": "sklearn.model_selection.StratifiedKFold", "params": {"n_splits": 3}}, False),
        ({"class": "sklearn.model_selection.ShuffleSplit", "params": {"n_splits": 3}}, True),
        ({"class": "sklearn.model_selection.TimeSeriesSplit", "params": {"n_splits": 3}}, False),
    ],
    ids=["shuffled", "in-order", "drawn", "in-time"],
)
def test_a_search_may_split_by_a_splitter_and_the_seed_reaches_it(
    splitter: dict[str, Any], seeded: bool, tmp_path: Path
) -> None:
    search = {"estimator": {"class": "decision_tree"}, "param_grid": {"max_depth": [1, 2]}, "cv": splitter}
    config = {"model": {"class": "sklearn.model_selection.GridSearchCV", "params": search}, "seed": 7}
    run = train({"data": {"dataset": "iris"}} | config, runs_dir=tmp_path)
    assert run.manifest.status == "completed", run.manifest.failure
    resolved = run.manifest.inputs.config.resolved["model"]["params"]["cv"]["params"]
    assert resolved.get("random_state") == (7 if seeded else None)
    assert not [warning for warning in run.manifest.warnings if warning.code == "seed.unset"]


def test_a_splitter_is_no_model(tmp_path: Path) -> None:
    run = train({"data": {"dataset": "iris"}, "model": "sklearn.model_selection.KFold", "seed": 7}, runs_dir=tmp_path)
    assert isinstance(run.manifest, FailedRun)
    assert "is no estimator" in run.manifest.failure.message
