"""Runs that were made without week2kit: folders as a course's own script leaves them, honest, edited, and hostile."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from week2kit import open_run, report, train, verify
from week2kit.errors import CannotRestore, UnreadableRun, UsageError
from week2kit.processes.interpreters import build, nearest_python
from week2kit.pytest_plugin import assert_reproducible
from week2kit.record.partial import read_partial
from week2kit.record.store import Run, find_runs
from week2kit.record.verdict import Verdict, VerdictDocument
from week2kit.record.written_metrics import (
    decimals,
    report_rows,
    rounds_to,
    scorer_name,
    validation_names,
    written_digits,
)
from week2kit.rendering.output import render
from week2kit.sentences.findings import describe_finding
from week2kit.sentences.reruns import account
from week2kit.sentences.verdicts import describe_verdict, short_verdict

from .sessions import ROOT, python
from .sessions import here as week2kit
from .tampering.remembered import verdict_of

#: What a course hands out: the flat config's meaning, written by hand with pandas, scikit-learn, json and joblib. Its
#: log loss shows that it was trained so; other versions of scikit-learn sum it otherwise in the last bits.
SCRIPT = """
import json, sys, time
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, classification_report, f1_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

run = Path(sys.argv[1])
config = json.loads((run / "config.json").read_text())
table = pd.read_csv(config["input_csv"])
y, X = table[config["label_col"]], table.drop(columns=config["label_col"])
numbers = X.select_dtypes("number").columns
words = [name for name in X.columns if name not in numbers]
steps = [("numbers", SimpleImputer(strategy="median"), numbers)]
if words:
    one_hot = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    steps.append(("words", one_hot, words))
X_train, X_val, y_train, y_val = train_test_split(
    X, y, test_size=config["test_size"], random_state=config["random_state"], stratify=y
)
start = time.perf_counter()
model = make_pipeline(ColumnTransformer(steps), LogisticRegression(max_iter=config["max_iter"]))
model.fit(X_train, y_train)
seconds = time.perf_counter() - start
predicted = model.predict(X_val)
metrics = {
    "accuracy": accuracy_score(y_val, predicted),
    "f1_macro": f1_score(y_val, predicted, average="macro"),
    "log_loss": round(log_loss(y_val, model.predict_proba(X_val)), 8),
    "roc_auc": None,
    "train_seconds": seconds,
    "n_train": len(X_train),
    "n_val": len(X_val),
}
(run / "metrics.json").write_text(json.dumps(metrics, indent=2))
(run / "val_report.txt").write_text(classification_report(y_val, predicted))
joblib.dump(model, run / "model.joblib")
"""

CONFIG = {"input_csv": "flowers.csv", "label_col": "kind", "test_size": 0.3, "random_state": 7, "max_iter": 1000}

#: As a data file: numbers that say something of the class, a word that does, and places without a value.
DATA = """
import numpy as np, pandas as pd

draw = np.random.default_rng(0)
kind = np.array(["aster", "lily", "rose"])[draw.integers(0, 3, 230)]
center = {"aster": 0.0, "lily": 1.5, "rose": 3.0}
table = pd.DataFrame({
    "height": [center[k] + draw.normal() for k in kind],
    "width": draw.normal(size=230).round(3),
    "soil": np.where(draw.random(230) < 0.5, kind, "sand"),
    "kind": kind,
})
table.loc[::11, "height"] = np.nan
table.loc[::13, "soil"] = None
table.to_csv("flowers.csv", index=False)
"""


def write_run(project: Path, name: str, config: dict[str, Any]) -> Path:
    """A run folder as the script leaves it."""
    run = project / "runs" / name
    run.mkdir(parents=True)
    (run / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    done = python("train.py", run, cwd=project)
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learner's project with two runs; not to be changed."""
    project = tmp_path_factory.mktemp("course")
    (project / "train.py").write_text(SCRIPT, encoding="utf-8")
    assert python("-c", DATA, cwd=project).returncode == 0
    write_run(project, "first", CONFIG)
    write_run(project, "few_iterations", CONFIG | {"max_iter": 2})
    return project


@pytest.fixture
def project(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project that may be changed; it is the working directory."""
    shutil.copytree(course, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


# --- the table --------------------------------------------------------------------------------------------------

Change = Callable[[Path], object]


class Case(NamedTuple):
    id: str
    change: Change
    verdict: str | None
    says: str = ""


def metrics(**changes: Any) -> Change:
    """Change keys of metrics.json; ``...`` takes one away; a function gets the value as it was."""
    return _json("metrics.json", changes)


def config(**changes: Any) -> Change:
    return _json("config.json", changes)


def _json(file: str, changes: dict[str, Any]) -> Change:
    def change(run: Path) -> None:
        value = json.loads((run / file).read_text(encoding="utf-8"))
        for key, new in changes.items():
            value[key] = new(value.get(key)) if callable(new) else new
        value = {key: item for key, item in value.items() if item is not ...}
        (run / file).write_text(json.dumps(value), encoding="utf-8")

    return change


def text(file: str, content: str) -> Change:
    return lambda run: (run / file).write_text(content, encoding="utf-8")


def edit(file: str, pattern: str, new: str) -> Change:
    def change(run: Path) -> None:
        before = (run / file).read_text(encoding="utf-8")
        after = re.sub(pattern, new, before, count=1)
        assert after != before
        (run / file).write_text(after, encoding="utf-8")

    return change


def without(*files: str) -> Change:
    return lambda run: [(run / file).unlink() for file in files]


def both(*changes: Change) -> Change:
    return lambda run: [change(run) for change in changes]


def renamed(**names: str) -> Change:
    """Other names for the metrics, as other scripts have them."""

    def change(run: Path) -> None:
        value = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
        value = {names.get(key, key): item for key, item in value.items()}
        (run / "metrics.json").write_text(json.dumps(value), encoding="utf-8")

    return change


def link(file: str, to: str) -> Change:
    def change(run: Path) -> None:
        (run / file).unlink(missing_ok=True)
        (run / file).symlink_to(to)

    return change


def folder(file: str) -> Change:
    def change(run: Path) -> None:
        (run / file).unlink()
        (run / file).mkdir()

    return change


def other_report(**options: Any) -> Change:
    """The report of the same predictions in another form."""

    def change(run: Path) -> None:
        program = SCRIPT.replace(
            "classification_report(y_val, predicted)", f"classification_report(y_val, predicted, **{options!r})"
        )
        assert python("-c", program, run, cwd=run.parent.parent).returncode == 0

    return change


def scored_on_everything(run: Path) -> None:
    """The mistake of asking a model about the rows that it was trained on; and the script does not count rows."""
    program = SCRIPT.replace("model.predict(X_val)", "model.predict(X)").replace("y_val, predicted", "y, predicted")
    assert python("-c", program, run, cwd=run.parent.parent).returncode == 0
    metrics(n_train=..., n_val=...)(run)


def other_scorers(run: Path) -> None:
    """More metrics of the same model, of scores, too."""
    scores = "model.predict_proba(X_val)"
    more = (
        f'"neg_log_loss": -log_loss(y_val, {scores}), '
        f'"roc_auc_ovr": roc_auc_score(y_val, {scores}, multi_class="ovr"), '
        '"balanced_accuracy": balanced_accuracy_score(y_val, predicted),'
    )
    program = "from sklearn.metrics import balanced_accuracy_score, roc_auc_score\n" + SCRIPT.replace(
        '"roc_auc": None,', more
    )
    assert python("-c", program, run, cwd=run.parent.parent).returncode == 0


def windows(run: Path) -> None:
    """Line ends as git makes them on Windows."""
    content = (run / "val_report.txt").read_bytes()
    (run / "val_report.txt").write_bytes(content.replace(b"\n", b"\r\n"))


def own_data(run: Path) -> None:
    shutil.copy(run.parent.parent / "flowers.csv", run / "own.csv")


def other_table(change: Callable[[list[str]], list[str]], more: str = "", values: Callable[[int], str] = str) -> Change:
    """Other rows below the same column names, as data in the run folder; perhaps with another column before them."""

    def write(run: Path) -> None:
        head, *rows = (run.parent.parent / "flowers.csv").read_text(encoding="utf-8").splitlines()
        if more:
            head, rows = f"{more},{head}", [f"{values(number)},{row}" for number, row in enumerate(rows)]
        (run / "own.csv").write_text("\n".join([head, *change(rows)]) + "\n", encoding="utf-8")
        config(input_csv="own.csv")(run)

    return write


#: The same table in the run folder itself: only of such a file, and of one that is named, it is told what differs.
OWN = other_table(lambda rows: rows)

METADATA = {"python_version": "3.9.1 (main) [GCC]", "libraries": {"sklearn": {"version": "1.2.2"}}, "timestamp": "2026"}


def many_keys(run: Path) -> None:
    value = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    value |= {f"metric_{number}": 0.5 for number in range(10_000)}
    (run / "metrics.json").write_text(json.dumps(value), encoding="utf-8")


class Trap:
    """Unpickling it leaves a mark."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("UNPICKLED", "w"))


def trap(run: Path) -> None:
    (run / "model.joblib").write_bytes(pickle.dumps(Trap()))


FREEZE = """# made by pip freeze
-e git+https://example.org/course.git@0123456789#egg=course
numpy=={numpy}
package @ file:///tmp/package-1.0.whl
scikit-learn=={sklearn}

tools==1.0 ; python_version < "4"
"""


def freeze(**versions: str) -> Change:
    import numpy
    import sklearn

    here = {"numpy": numpy.__version__, "sklearn": sklearn.__version__}
    return text("requirements.txt", FREEZE.format(**here | versions))


def metadata(value: Any) -> Change:
    return text("run_metadata.json", json.dumps(value))


#: What no float and no character holds, as Python's json.dump writes it.
ODD = (
    '{"roc_auc": NaN, "f1_weighted": Infinity, "precision_macro": -Infinity, "recall_macro": 1e999, '
    f'"n_val": 69, "jaccard_macro": 1{"0" * 400}, "f1_micro": {"9" * 5000}, "\\\\ud800": "\\\\udfff", '
)


def odd_numbers(run: Path) -> None:
    """Values that a strict reader refuses stand beside the others."""
    text = (
        (run / "metrics.json")
        .read_text(encoding="utf-8")
        .replace('"roc_auc": null,', "")
        .replace('"n_val": 69', '"x": []')
    )
    (run / "metrics.json").write_text(ODD + text.lstrip(" {"), encoding="utf-8")


ROUND = {digits: (lambda value, digits=digits: round(value, digits)) for digits in (1, 2, 3, 4)}
TO_FOUR = metrics(accuracy=ROUND[4], f1_macro=ROUND[4])
NO_REPORT = without("val_report.txt")
HIGHER = metrics(accuracy=lambda value: value + 1 / 690, f1_macro=lambda value: value + 1e-4)

NO_LOSS = metrics(log_loss=...)
TRAINING_REPORT = """
              precision    recall  f1-score   support
       aster       1.00      1.00      1.00        50
        lily       1.00      1.00      1.00        51
        rose       1.00      1.00      1.00        60
    accuracy                           1.00       161
   macro avg       1.00      1.00      1.00       161
weighted avg       1.00      1.00      1.00       161
"""

CASES = [
    # honest
    Case(
        "as it is", lambda run: None, "identical", "accuracy, f1_macro, log_loss came out of a training on flowers.csv"
    ),
    Case("names what is not compared", lambda run: None, "identical", "metrics.json: roc_auc not compared"),
    Case("without a model", without("model.joblib"), "identical"),
    Case("with a model that is a trap", trap, "identical"),
    Case(
        "without a report", NO_REPORT, "identical", "val_report.txt was not compared with metrics.json: it is not there"
    ),
    Case("windows line ends", windows, "identical"),
    Case("a report with four digits", other_report(digits=4), "identical"),
    Case(
        "classes with other names",
        other_report(target_names=["a", "b", "c"]),
        "identical",
        "a, b, c have no row of that name here",
    ),
    Case(
        "a report that is something else",
        text("val_report.txt", "it went well"),
        "identical",
        "it holds no row of a classification report",
    ),
    Case("rounded to four digits", TO_FOUR, "identical", "to the digits that were written: the metrics."),
    Case(
        "rounded to two digits",
        metrics(accuracy=ROUND[2], f1_macro=ROUND[2], log_loss=ROUND[2]),
        "identical",
        "accuracy: compared to the 2 decimals",
    ),
    Case("one of them rounded", metrics(f1_macro=ROUND[4]), "identical", "f1_macro: compared to the 4 decimals"),
    Case(
        "aliases",
        renamed(accuracy="val_accuracy", f1_macro="macro_f1"),
        "identical",
        "val_accuracy, macro_f1, log_loss came out",
    ),
    Case(
        "other scorers",
        other_scorers,
        "identical",
        "accuracy, f1_macro, log_loss, neg_log_loss, roc_auc_ovr, balanced_accuracy came",
    ),
    Case(
        "training beside validation",
        both(renamed(accuracy="val_accuracy"), metrics(accuracy=1.0)),
        "identical",
        "accuracy, roc_auc",
    ),
    Case("one metric", metrics(accuracy=...), "identical", "f1_macro, log_loss came out"),
    Case("ten thousand keys", many_keys, "identical", "and 9991 more not compared"),
    Case(
        "odd values",
        metrics(a=True, b=[0.1], c={"accuracy": 1}, d="0.9", e=10**400, f=-1, precision={}),
        "identical",
        "not compared",
    ),
    Case("nan", edit("metrics.json", "null", "NaN"), "identical", "roc_auc not compared: NaN, infinity"),
    Case(
        "numbers that are none",
        odd_numbers,
        "identical",
        "f1_micro, f1_weighted, jaccard_macro, precision_macro, recall_macro, roc_auc not compared: NaN, infinity",
    ),
    Case(
        "nan where a metric is alone",
        text("metrics.json", '{"accuracy": NaN, "n_val": 69}'),
        "undecided",
        "no metric that can be compared",
    ),
    Case(
        "a config with numbers that are none",
        edit("config.json", r'"max_iter": \d+', '"max_iter": NaN'),
        "undecided",
        "max_iter: Input should be a valid integer, got .NaN",
    ),
    Case(
        "a config with half a character",
        edit("config.json", '"flowers.csv"', r'"\\\\udc80.csv"'),
        "undecided",
        "udc80.csv",
    ),
    Case(
        "metadata with numbers that are none",
        text("run_metadata.json", '{"loss": NaN, "numpy": "1.26.4"}'),
        "identical",
        "recorded 1.26.4",
    ),
    Case(
        "percent",
        metrics(accuracy=lambda value: 100 * value, f1_macro=lambda value: 100 * value),
        "identical",
        "accuracy, f1_macro not compared: no share of rows is below 0 or above 1, as a percentage is",
    ),
    Case(
        "percent alone",
        metrics(accuracy=82.6, f1_macro=..., log_loss=...),
        "undecided",
        "no metric that can be compared",
    ),
    Case("texts", metrics(accuracy=str, f1_macro=str), "identical", "accuracy, f1_macro, roc_auc not compared"),
    Case(
        "of test rows",
        renamed(accuracy="test_accuracy", f1_macro="test_f1_macro"),
        "identical",
        "roc_auc, test_accuracy, test_f1_macro not compared",
    ),
    Case(
        "of training rows",
        renamed(accuracy="train_accuracy", f1_macro="train_f1_macro", log_loss="train_log_loss"),
        "undecided",
        "no metric that can be compared",
    ),
    Case(
        "of several runs",
        text("metrics.json", '{"lr": {"accuracy": 0.9}, "rf": {"accuracy": 1.0}}'),
        "undecided",
        "no metric that can be compared",
    ),
    Case(
        "counts and times alone",
        text("metrics.json", '{"n_train": 161, "n_val": 69, "train_seconds": 1.5}'),
        "undecided",
        "no metric that can be compared",
    ),
    # what agrees, and how much it shows
    Case(
        "labels alone, and no other recipe is near",
        NO_LOSS,
        "identical",
        r"no scaling, .* 13 other recipes, such as scaled columns or a forest, did not give these numbers",
    ),
    Case("labels and no report", both(NO_LOSS, NO_REPORT), "identical", "13 other recipes"),
    Case("accuracy and the report", both(NO_LOSS, metrics(f1_macro=...)), "identical", "13 other recipes"),
    Case(
        "accuracy alone",
        both(NO_LOSS, NO_REPORT, metrics(f1_macro=...)),
        "undecided",
        "Many recipes reach the same accuracy, or numbers of so few digits",
    ),
    Case(
        "few digits",
        both(NO_LOSS, NO_REPORT, metrics(accuracy=ROUND[3], f1_macro=ROUND[3])),
        "undecided",
        "Many recipes reach the same accuracy, or numbers of so few digits",
    ),
    Case(
        "few digits of a loss",
        both(NO_REPORT, metrics(accuracy=..., f1_macro=..., log_loss=ROUND[3])),
        "identical",
        "log_loss came out",
    ),
    # names a model
    Case(
        "a model",
        config(model="random_forest"),
        "undecided",
        r"config.json names a model \(model random_forest\).*So nothing was trained",
    ),
    Case(
        "a logistic regression",
        config(model="LogisticRegression"),
        "undecided",
        r"names a model \(model LogisticRegression\)",
    ),
    Case(
        "a model as an object",
        config(estimator={"class": "svc", "C": 2}),
        "undecided",
        r"names a model \(estimator svc\)",
    ),
    Case("a model of another spelling", config(Model_Type=["rf"]), "undecided", r"names a model \(Model_Type"),
    Case("a model that is null", config(model=None), "undecided", "model: unknown key"),
    Case("a model and another table", config(data="x.csv", clf="knn"), "undecided", r"names a model \(clf knn\)"),
    Case(
        "metadata name a model",
        metadata({"model": {"name": "RandomForestClassifier"}}),
        "undecided",
        r"run_metadata.json names a model \(model RandomForestClassifier\)",
    ),
    Case(
        "metadata name a model in their config",
        metadata({"config": {"model_type": "svm"}}),
        "undecided",
        r"run_metadata.json names a model \(model_type svm\)",
    ),
    Case(
        "metadata name settings of it", metadata({"model": "LogisticRegression(C=10)"}), "undecided", r"names a model"
    ),
    Case(
        "metadata name the same model",
        metadata({"model": "sklearn.linear_model.LogisticRegression", "cpu": {"model": "Xeon"}}),
        "identical",
    ),
    Case(
        "metadata name the same model and its settings",
        metadata({"estimator": "LogisticRegression(max_iter=1000, random_state=7)"}),
        "identical",
    ),
    Case(
        "metadata say where the model is",
        metadata({"model": "artifacts/model.joblib", "clf": "model.pkl"}),
        "identical",
    ),
    Case(
        "metrics name a model",
        metrics(model="XGBClassifier"),
        "undecided",
        r"metrics.json names a model \(model XGBClassifier\)",
    ),
    # the report
    Case(
        "a report of another number of rows",
        edit("val_report.txt", r"( +aster [^\n]*\n)", r"\1 tulip 1.00 1.00 1.00 0\n"),
        "undecided",
        "tulip only there",
    ),
    Case(
        "a report without one of its classes",
        edit("val_report.txt", r" +aster [^\n]*\n", ""),
        "undecided",
        "the run is not of this table, or was split otherwise. Name the right one with --data",
    ),
    Case(
        "a report of averages",
        lambda run: [edit("val_report.txt", rf" +{name} [^\n]*\n", "")(run) for name in ("aster", "lily", "rose")],
        "identical",
    ),
    Case(
        "a report of what is not defined",
        edit("val_report.txt", r"( +aster [^\n]*\n)", r"\1 tulip nan nan nan 0\n"),
        "identical",
        "tulip have no row of that name here",
    ),
    Case(
        "two reports, of training rows first",
        lambda run: text("val_report.txt", TRAINING_REPORT + (run / "val_report.txt").read_text())(run),
        "identical",
    ),
    Case(
        "two reports, of training rows last",
        lambda run: text("val_report.txt", (run / "val_report.txt").read_text() + TRAINING_REPORT)(run),
        "identical",
    ),
    Case("counts of another type", metrics(n_train="161", n_val=None), "identical", "n_train, n_val"),
    Case("no counts", metrics(n_train=..., n_val=...), "identical"),
    Case("a goal", config(goal="tell them apart", hypothesis="soil tells"), "identical"),
    Case("defaults left out", config(max_iter=1000), "identical"),
    Case("the versions of here", freeze(), "identical"),
    Case(
        "other versions, the same numbers",
        freeze(numpy="1.26.4", sklearn="1.4.0"),
        "identical",
        r"other versions are here: numpy [0-9.]+ \(recorded 1.26.4\), scikit-learn [0-9.]+ \(recorded 1.4.0\)",
    ),
    Case(
        "requirements that are no text",
        lambda run: (run / "requirements.txt").write_bytes(bytes(range(256)) * 9),
        "identical",
    ),
    Case(
        "metadata that miss scikit-learn",
        metadata({"python_version": "3.13.5", "environment": {"scikit-learn": {"version": None, "status": "missing"}}}),
        "identical",
        'run_metadata.json says "missing" of scikit-learn, so its version is not recorded',
    ),
    Case(
        "metadata that miss scikit-learn, in a word",
        metadata({"numpy": "2.3.2", "scikit-learn": "missing"}),
        "identical",
        'run_metadata.json says "missing" of scikit-learn, so its version is not recorded',
    ),
    Case(
        "metadata without scikit-learn",
        metadata({"numpy": "2.3.2", "python": "3.13.5"}),
        "identical",
        "versions are recorded .numpy, python., and that of scikit-learn is not",
    ),
    Case(
        "one that has not converged",
        lambda run: [shutil.copy(f, run) for f in (run.parent / "few_iterations").iterdir()],
        "identical",
        "note: trained again here, the fit stopped after 2 iterations before it had converged",
    ),
    Case(
        "one that has not converged, edited",
        both(lambda run: [shutil.copy(f, run) for f in (run.parent / "few_iterations").iterdir()], NO_REPORT, HIGHER),
        "undecided",
        "note: trained again here, the fit stopped after 2 iterations before it had converged",
    ),
    Case("metadata that are no JSON", text("run_metadata.json", "{python: 3}"), "identical"),
    Case("metadata that lead away", link("run_metadata.json", "/etc/passwd"), "identical"),
    Case("an absolute path", config(input_csv="/home/ada/course/flowers.csv"), "identical", "training on flowers.csv"),
    Case("a windows path", config(input_csv="C:\\Users\\ada\\flowers.csv"), "identical", "training on flowers.csv"),
    Case("data in the folder", both(own_data, config(input_csv="own.csv")), "identical", "training on own.csv"),
    Case("a relative path from windows", config(input_csv=".\\..\\..\\flowers.csv"), "identical"),
    # differs, and proves nothing
    Case("edited, no report", both(NO_REPORT, HIGHER), "undecided", "a difference proves nothing"),
    Case(
        "edited beyond what the report shows",
        metrics(accuracy=lambda value: value + 1e-4),
        "undecided",
        r"accuracy: recorded 0\.\d+, here 0\.\d+",
    ),
    Case("in the last bit", metrics(accuracy=lambda value: value + 2**-53), "undecided", "accuracy: recorded"),
    Case(
        "rounded, and the last digit edited",
        both(NO_REPORT, TO_FOUR, metrics(accuracy=lambda value: value + 1e-4)),
        "undecided",
        "accuracy: recorded",
    ),
    Case(
        "one digit is too few",
        both(NO_REPORT, metrics(accuracy=ROUND[1], f1_macro=ROUND[1])),
        "undecided",
        "accuracy: recorded",
    ),
    Case("short beside long", both(NO_REPORT, metrics(accuracy=ROUND[2])), "undecided", "accuracy: recorded"),
    Case(
        "validation edited beside training",
        both(NO_REPORT, lambda run: metrics(val_accuracy=0.5)(run)),
        "undecided",
        "val_accuracy: recorded 0.5",
    ),
    Case("an alias edited", both(NO_REPORT, metrics(macro_f1=0.5)), "undecided", "macro_f1: recorded 0.5"),
    Case("another seed", config(random_state=8), "undecided", "a difference proves nothing"),
    Case(
        "another test size",
        both(OWN, config(test_size=0.25)),
        "undecided",
        "the run was split otherwise",
    ),
    # shows that the table, or the split, is another one
    Case(
        "another number of rows",
        both(OWN, metrics(n_train=120, n_val=30)),
        "undecided",
        "own.csv: here it gives n_train 161, n_val 69, and the record counts n_train 120, n_val 30: it is not",
    ),
    Case(
        "another table",
        other_table(lambda rows: rows[:200]),
        "undecided",
        "gives n_train 140, n_val 60, and the record counts n_train 161, n_val 69",
    ),
    Case(
        "another table, where only the report counts",
        both(metrics(n_train=..., n_val=...), other_table(lambda rows: rows[:200])),
        "undecided",
        "own.csv: split as config.json says it gives n_train 140, n_val 60, and the record counts n_val 69",
    ),
    Case(
        "scored on the rows that it was trained on",
        both(scored_on_everything, OWN),
        "undecided",
        r"gives n_train 161, n_val 69, and the record counts n_val 230: .* scored on rows that it was trained on",
    ),
    Case(
        "another table of as many rows and other classes",
        other_table(lambda rows: [re.sub("rose|lily", "iris", row) for row in rows]),
        "undecided",
        "own.csv: here it gives aster .*, iris .*, and the record counts aster .*, lily",
    ),
    Case(
        "another table of as many rows of other shares",
        other_table(lambda rows: [row.replace("rose", "lily") if n % 3 else row for n, row in enumerate(rows)]),
        "undecided",
        "own.csv: split as config.json says it gives aster .* the record counts aster .*, or this is another table",
    ),
    Case(
        "another table, and other versions",
        both(freeze(numpy="1.26.4"), other_table(lambda rows: rows[:200])),
        "undecided",
        "gives n_train 140, n_val 60, and the record counts n_train 161, n_val 69",
    ),
    Case(
        "another table of as many rows and classes of the same sizes",
        other_table(lambda rows: [re.sub(r"^[^,]*", "1.0", row) for row in rows]),
        "undecided",
        "first at the layer metrics, and why could not be tested",
    ),
    Case(
        "a class too many in the report",
        both(OWN, edit("val_report.txt", r"( +aster [^\n]*\n)", r"\1 tulip 1.00 1.00 1.00 3\n")),
        "undecided",
        "and the record counts aster .*, tulip 3: it is not the table",
    ),
    Case(
        "a class in the report that no row has",
        edit("val_report.txt", r"( +aster [^\n]*\n)", r"\1 tulip 0.00 0.00 0.00 0\n"),
        "identical",
        "tulip have no row of that name here",
    ),
    Case(
        "classes with other names, and other numbers",
        both(other_report(target_names=["a", "b", "c"]), edit("val_report.txt", r"( b +0)\.\d\d", r"\1.11")),
        "undecided",
        r"rows of classes are not those here \(of that name: a, b, c only there; aster, lily, rose only here\)",
    ),
    Case(
        "rows counted otherwise",
        both(OWN, metrics(n_val=70)),
        "undecided",
        "recorded n_train 161, n_val 70, here n_train 161, n_val 69",
    ),
    Case(
        "a row of the report",
        edit("val_report.txt", r"(lily +0)\.\d\d", r"\1.11"),
        "undecided",
        'val_report.txt, lily: recorded "0.11',
    ),
    Case(
        "the same versions",
        both(NO_REPORT, HIGHER, freeze()),
        "undecided",
        "a difference proves nothing",
    ),
    Case(
        "other versions", both(NO_REPORT, HIGHER, freeze(numpy="1.26.4")), "undecided", "library.numpy: recorded 1.26.4"
    ),
    Case(
        "other versions in metadata", both(NO_REPORT, HIGHER, metadata(METADATA)), "undecided", "python: recorded 3.9.1"
    ),
    Case(
        "requirements before metadata",
        both(NO_REPORT, HIGHER, freeze(numpy="1.26.4"), metadata({"numpy": "1.25.0"})),
        "undecided",
        "library.numpy: recorded 1.26.4",
    ),
    # nothing to compare, or no training
    Case("no metrics", text("metrics.json", "{}"), "undecided", "metrics.json holds no metric that can be compared"),
    Case(
        "names that are no scorers",
        text("metrics.json", '{"Accuracy": 0.9, "acc": 0.9, "f1": 0.9}'),
        "undecided",
        "holds no metric",
    ),
    Case("no data", config(input_csv="gone.csv"), "undecided", "Say where it lies: --data PATH/TO/gone.csv"),
    Case(
        "no data, and the places that were searched",
        config(input_csv="data/gone.csv"),
        "undecided",
        "from the run folder, from the two folders above it, and from the working directory",
    ),
    Case(
        "a link to data in the folder",
        both(config(input_csv="own.csv"), link("own.csv", "../../flowers.csv")),
        "undecided",
        "it is a symbolic link",
    ),
    Case("data that are no table", config(input_csv="../../../../../etc/passwd"), "undecided", "expected a .csv"),
    Case("the folder itself as data", config(input_csv=".."), "undecided", "expected a .csv"),
    Case("no such column", both(OWN, config(label_col="colour")), "undecided", 'the data has no column "colour"'),
    Case(
        "no such column, in a file that nobody named",
        config(label_col="colour"),
        "undecided",
        r"flowers.csv: the path in config.json leads to this file \(sha256 .*\), and the run is not of this table",
    ),
    Case(
        "other numbers of rows, in a file that nobody named",
        metrics(n_train=120, n_val=30),
        "undecided",
        "Name the right one with --data, or this one to see what differs.",
    ),
    # rules that week2kit alone has
    Case(
        "a column of dates",
        other_table(lambda rows: rows, more="day", values=lambda n: f"2026-01-{n % 28 + 1:02}"),
        "undecided",
        'own.csv: week2kit refuses this table: Column "day" holds dates.* mend a copy',
    ),
    Case(
        "two columns of one name",
        other_table(lambda rows: rows, more="width", values=lambda n: "1"),
        "undecided",
        'week2kit refuses this table: The data file has two columns named "width"',
    ),
    Case("a parameter that the form has not", config(C=0.1), "undecided", "C: unknown key"),
    Case("a wrong type", config(max_iter="many"), "undecided", "config.json cannot be trained as it stands: max_iter"),
    Case("a number for a path", config(input_csv=5), "undecided", "input_csv"),
    # the folder against itself
    Case(
        "accuracy raised",
        metrics(accuracy=1.0),
        "tampered",
        "metrics.json gives accuracy as 1.0, and val_report.txt as 0",
    ),
    Case("f1 raised", metrics(f1_macro=lambda value: value + 0.02), "tampered", "metrics.json gives f1_macro"),
    Case(
        "an alias raised",
        both(renamed(f1_macro="val_macro_f1"), metrics(val_macro_f1=0.999)),
        "tampered",
        "val_macro_f1",
    ),
    Case(
        "raised and rounded",
        both(TO_FOUR, metrics(accuracy=0.9911)),
        "tampered",
        "metrics.json gives accuracy as 0.9911",
    ),
    Case(
        "the report edited",
        edit("val_report.txt", r"(accuracy +0)\.\d\d", r"\1.99"),
        "tampered",
        "val_report.txt as 0.99",
    ),
    # not to be read
    Case("a list of metrics", text("metrics.json", "[0.9]"), None, "expected an object"),
    Case("deep metrics", text("metrics.json", '{"a": ' + "[" * 5000 + "]" * 5000 + "}"), None, "nested deeper"),
    Case("deep config", text("config.json", "[" * 100_000), None, "config.json: no JSON that can be read"),
    Case("twice the same key", text("metrics.json", '{"accuracy": 0.9, "accuracy": 1.0}'), None, "stands twice"),
    Case(
        "a config that leads away",
        link("config.json", "../first/config.json"),
        None,
        "config.json: cannot be read: it is a symbolic link",
    ),
    Case(
        "metrics that lead away",
        link("metrics.json", "../first/metrics.json"),
        None,
        "metrics.json: cannot be read: it is a symbolic link",
    ),
    Case("metrics as a folder", folder("metrics.json"), None, "it is a folder"),
    Case("a huge file", lambda run: os.truncate(run / "metrics.json", 1 << 40), None, "it is larger than"),
    Case("an empty file", text("metrics.json", ""), None, "no JSON that can be read"),
]


def snapshot(directory: Path) -> dict[str, tuple[object, ...]]:
    """Everything that a write would change."""
    found = {}
    for path in sorted([directory, *directory.rglob("*")]):
        status = path.lstat()
        large = status.st_size > 1 << 30
        content = path.read_bytes() if path.is_file() and not path.is_symlink() and not large else b""
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, content)
    return found


class Verified(NamedTuple):
    verdicts: dict[str, Verdict]
    untouched: bool
    unpickled: bool


@pytest.fixture(scope="module")
def verified(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Verified:
    """Every case as a run of its own, verified all together."""
    project = tmp_path_factory.mktemp("table") / "project"
    shutil.copytree(course, project)
    for case in CASES:
        run = project / "runs" / case.id
        shutil.copytree(course / "runs" / "first", run)
        case.change(run)
    before = snapshot(project)
    with contextlib.chdir(project):
        verdicts = {case.id: verdict_of(Path("runs", case.id), project) for case in CASES}
    unpickled = any(project.parent.rglob("UNPICKLED"))
    return Verified(verdicts, snapshot(project) == before, unpickled)


OTHER_INPUTS = {"partial.refused", "partial.other_table", "partial.other_split"}

#: Other versions of scikit-learn sum a loss by hand and through a scorer in the last bits otherwise.
ONLY_NEWEST = {"other scorers"}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.id, marks=[pytest.mark.newest] * (case.id in ONLY_NEWEST)) for case in CASES],
)
def test_each_folder_gets_its_verdict_and_its_sentence(case: Case, verified: Verified) -> None:
    verdict = verified.verdicts[case.id]
    sentences = "\n".join(describe_verdict(verdict))
    assert verdict.verdict == case.verdict, sentences
    assert re.search(case.says, sentences), sentences
    told = verdict.reason is not None and verdict.reason.code in OTHER_INPUTS
    assert (
        "No manifest: only config and metrics are recorded" in sentences
        or told
        or case.verdict in (None, "tampered")
        or verdict.reruns == []
    )


def test_nothing_is_told_of_a_file_that_nobody_named(verified: Verified) -> None:
    for name in ("no such column", "other numbers of rows"):
        told = verified.verdicts[f"{name}, in a file that nobody named"].model_dump_json()
        assert not any(word in told for word in ("height", "width", "soil", "230", "aster"))


def test_where_the_table_is_another_one_this_is_told_alone_and_no_version_is_blamed(verified: Verified) -> None:
    told = [v for v in verified.verdicts.values() if v.reason is not None and v.reason.code in OTHER_INPUTS]
    assert {v.reason.code for v in told if v.reason is not None} == OTHER_INPUTS
    assert {v.first_divergence for v in told} == {"data", "split"}
    for verdict in told:
        headline, *sentences = short_verdict(verdict)
        assert re.match("undecided: could not be tested with this (table|split|table and split)[.]$", headline)
        assert len(sentences) == 1
        assert "version" not in sentences[0]
    assert verified.verdicts["another table, and other versions"].causes != []


def test_a_duration_is_known_as_such_and_told_to_those_who_ask(verified: Verified) -> None:
    verdict = verified.verdicts["as it is"]
    (check,) = [check for check in verdict.checks if check.code == "metrics.times"]
    assert check.outcome == "skipped"
    assert check.finding is not None
    assert "train_seconds not compared: no training takes the same time again" in describe_finding(check.finding)
    assert "train_seconds" not in "".join(describe_verdict(verdict))


@pytest.mark.parametrize(
    ("key", "known"),
    [("train_seconds", True), ("train_time_seconds", True), ("seconds", True), ("fit_ms", True),
     ("Train seconds", True), ("accuracy", False), ("f1_ms_macro", False), ("atoms", False),
     ("seconds_per_row", False)],
)  # fmt: skip
def test_which_keys_are_durations(key: str, known: bool) -> None:
    record = read_partial(Path("nowhere"), {}, {key: 0.5})
    assert (record.times, [*record.metrics]) == (([key], []) if known else ([], [key]))


def test_the_default_output_tells_every_weighty_note_and_none_twice(verified: Verified) -> None:
    told = {
        name: [line for line in short_verdict(verified.verdicts[name]) if line.startswith("note: ")]
        for name in (
            "without a report",
            "metadata that miss scikit-learn",
            "one that has not converged",
            "other versions",
        )
    }
    assert ["it is not there" in line for line in told["without a report"]] == [True]
    missing, hold = told["metadata that miss scikit-learn"]
    assert "scikit-learn" in missing
    assert "(recorded 3.13.5)" in hold
    assert ["before it had converged" in line for line in told["one that has not converged"]] == [True]
    assert told["other versions"] == []


def test_versions_that_are_others_and_give_the_same_stand_in_the_verdict_with_both_values(verified: Verified) -> None:
    verdict = verified.verdicts["other versions, the same numbers"]
    (finding,) = [c.finding for c in verdict.checks if c.finding and c.finding.code == "environment.versions"]
    assert finding.recorded == {"numpy": "1.26.4", "scikit-learn": "1.4.0"}
    assert finding.now.keys() == finding.recorded.keys()
    assert not set(finding.now.values()) & set(finding.recorded.values())


#: What a course participant recorded of iris, under the versions that stand beside it.
IRIS = {"accuracy": 0.9666666666666667, "f1_macro": 0.9665831244778612, "n_train": 120, "n_val": 30}
IRIS_REPORT = """
              precision    recall  f1-score   support
      setosa       1.00      1.00      1.00        10
  versicolor       1.00      0.90      0.95        10
   virginica       0.91      1.00      0.95        10
    accuracy                           0.97        30
   macro avg       0.97      0.97      0.97        30
weighted avg       0.97      0.97      0.97        30
"""


@pytest.mark.parametrize("max_iter", [500, 1000])
def test_a_run_that_a_participant_recorded_comes_out_to_the_last_digit_and_does_not_show_its_recipe(
    max_iter: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.datasets import load_iris

    iris = load_iris(as_frame=True)
    names = dict(enumerate(map(str, iris.target_names)))
    iris.data.assign(label=iris.target.map(names)).to_csv(tmp_path / "iris.csv", index=False)
    run = tmp_path / "run"
    run.mkdir()
    flat = {"input_csv": "iris.csv", "label_col": "label", "max_iter": max_iter, "random_state": 42, "test_size": 0.2}
    versions = {"numpy": {"version": "2.3.2"}, "scikit-learn": {"version": None, "status": "missing"}}
    (run / "config.json").write_text(json.dumps(flat), encoding="utf-8")
    (run / "metrics.json").write_text(json.dumps(IRIS | {"train_seconds": 0.0179}), encoding="utf-8")
    (run / "val_report.txt").write_text(IRIS_REPORT, encoding="utf-8")
    metadata({"python_version": "3.13.5", "environment": versions})(run)
    text("requirements.txt", "conda @ file:///croot/conda/work\nnumpy==2.3.2\nscikit-learn==1.8.0\n")(run)
    monkeypatch.chdir(tmp_path)
    (verdict,) = verify(run).runs
    assert (verdict.verdict, verdict.level) == ("undecided", None), describe_verdict(verdict)
    headline, sentence, *_ = short_verdict(verdict)
    assert headline == "undecided: the recorded metrics came out again, and do not show how they were made."
    assert (
        f"with LogisticRegression(max_iter={max_iter}), medians for missing numbers, one-hot texts, no scaling"
        in sentence
    )
    assert "Another recipe (" in sentence  # six of the usual ones give these very labels, with one error in thirty
    assert [rerun.agrees_to for rerun in verdict.reruns[:1]] == ["metrics"]
    assert {name: values.here for name, values in verdict.metrics.items()} == {n: IRIS[n] for n in verdict.metrics}
    assert verdict.metrics.keys() == {"accuracy", "f1_macro"}
    codes = {check.finding.code for check in verdict.checks if check.finding is not None}
    assert not codes & {"partial.rounded", "partial.not_compared", "partial.versions_unrecorded"}
    metrics(accuracy=0.9333333333333333, f1_macro=0.9333333333333333)(run)
    (run / "val_report.txt").unlink()
    assert verify(run).runs[0].verdict == "undecided"


def test_no_version_is_put_back_for_another_table(project: Path) -> None:
    both(freeze(numpy="1.26.4"), other_table(lambda rows: rows[:200]))(project / "runs" / "first")
    (verdict,) = verify("runs/first", restore_versions=True).runs
    assert [rerun.kind for rerun in verdict.reruns] == ["native"]
    assert verdict.reason is not None
    assert verdict.reason.code == "partial.other_table"


def test_a_python_that_week2kit_does_not_run_on_is_said_to_be_what_is_needed(project: Path) -> None:
    both(NO_REPORT, HIGHER, metadata({"python": "3.9.1"}))(project / "runs" / "first")
    (verdict,) = verify("runs/first", restore_versions=True).runs
    lines = "\n".join(short_verdict(verdict))
    assert [rerun.kind for rerun in verdict.reruns] == ["native"]
    assert "note: Python 3.9.1 could not be put back, as week2kit does not run on it." in lines
    assert "--restore" not in lines


@pytest.mark.parametrize(
    ("recorded", "asked_for"),
    [("3.9.1", "3.11.0"), ("3.10", "3.11.0"), ("3.11.7", "3.11.7"), ("3.12", "3.12.0"), ("3.13.0rc1", "3.13.0rc1"),
     ("2.7.18", "2.7.18"), ("31.4", "31.4"), ("3", "3")],
)  # fmt: skip
def test_the_python_that_is_asked_for_in_place_of_a_recorded_one(recorded: str, asked_for: str) -> None:
    assert nearest_python(recorded) == asked_for


def test_the_account_says_why(verified: Verified) -> None:
    verdict = verified.verdicts["another number of rows"]
    assert verdict.reason is not None
    assert account(verdict)[0] == ("why", [describe_finding(verdict.reason)])


def test_nothing_is_written_and_nothing_unpickled(verified: Verified) -> None:
    assert verified.untouched
    assert not verified.unpickled


def test_never_deeper_than_metrics_and_never_different(verified: Verified) -> None:
    judged = [verdict for verdict in verified.verdicts.values() if verdict.verdict is not None]
    assert {verdict.level for verdict in judged if verdict.verdict == "identical"} == {"metrics"}
    assert {verdict.verdict for verdict in judged} == {"identical", "undecided", "tampered"}
    assert all(verdict.manifest_sha256 is None and verdict.status == "completed" for verdict in judged)
    assert all(verdict.checks[0].code == "record.manifest" for verdict in judged)
    claimed = {(v.verdict, v.reruns[0].agrees_to, _shows_little(v)) for v in judged if v.reruns}
    assert claimed == {
        ("identical", "metrics", False),
        ("undecided", "metrics", True),
        ("undecided", "nothing", False),
    }


def _shows_little(verdict: Verdict) -> bool:
    return short_verdict(verdict)[0].endswith("and do not show how they were made.")


def test_what_is_not_compared_stands_in_no_metric(verified: Verified) -> None:
    assert verified.verdicts["as it is"].metrics.keys() == {"accuracy", "f1_macro", "log_loss"}
    assert verified.verdicts["training beside validation"].metrics.keys() == {"val_accuracy", "f1_macro", "log_loss"}


# --- made by another recipe -------------------------------------------------------------------------------------

#: Folders of scripts that follow another recipe, and write the same flat config: table, seed, test size, whether
#: numbers are scaled, and the model. Each comes to the numbers of the flat form, with up to eight errors.
OTHERS = """
import json, warnings
from pathlib import Path
import pandas as pd
from sklearn.compose import make_column_selector as of, make_column_transformer
from sklearn.datasets import load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, classification_report, f1_score
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

warnings.simplefilter("ignore")
tables = {
    "iris": (load_iris(as_frame=True).frame, "target"),
    "wine": (load_wine(as_frame=True).frame.iloc[:, -4:], "target"),
}
for name, (table, _) in tables.items():
    table.to_csv(f"{name}.csv", index=False)
tables["penguins"] = (pd.read_csv("penguins.csv"), "species")
tables["few"] = (tables["penguins"][0].iloc[:, [0, 2, 3]], "species")
tables["few"][0].to_csv("few.csv", index=False)
made = [
    ("iris", 1, 0.2, False, RandomForestClassifier(random_state=1)),
    ("iris", 5, 0.3, False, KNeighborsClassifier()),
    ("iris", 2, 0.2, True, SVC()),
    ("iris", 1, 0.3, False, GaussianNB()),
    ("penguins", 0, 0.2, False, RandomForestClassifier(random_state=0)),
    ("penguins", 7, 0.2, False, RandomForestClassifier(random_state=7)),
    ("penguins", 5, 0.2, True, SVC()),
    ("penguins", 4, 0.3, False, HistGradientBoostingClassifier(random_state=4)),
    ("few", 0, 0.2, False, LinearDiscriminantAnalysis()),
    ("few", 5, 0.2, True, LogisticRegression(max_iter=500)),
    ("wine", 7, 0.25, True, LogisticRegression(max_iter=500)),
    ("wine", 1, 0.3, False, RidgeClassifier()),
    ("wine", 9, 0.3, False, SVC(kernel="linear")),
]


def make(table, seed, size, scaled, model):
    frame, target = tables[table]
    y, X = frame[target], frame.drop(columns=target)
    numbers = [SimpleImputer(strategy="median"), *([StandardScaler()] if scaled else [])]
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = make_column_transformer(
        (make_pipeline(*numbers), of(dtype_include="number")), (words, of(dtype_exclude="number")),
    )
    split = train_test_split(X, y, test_size=size, random_state=seed, stratify=y)
    fitted = make_pipeline(columns, model).fit(split[0], split[2])
    return split[3], fitted.predict(split[1]), {
        "input_csv": f"{table}.csv", "label_col": target, "test_size": size, "random_state": seed, "max_iter": 500,
    }


for number, (table, seed, size, scaled, model) in enumerate(made):
    own = make(table, seed, size, False, LogisticRegression(max_iter=500))[1]
    truth, predicted, config = make(table, seed, size, scaled, model)
    if classification_report(truth, own) != classification_report(truth, predicted):
        continue  # other versions of scikit-learn may tell the two apart
    run = Path("others") / f"{number} {table} {type(model).__name__}"
    run.mkdir(parents=True)
    values = {"accuracy": accuracy_score(truth, predicted), "macro_f1": f1_score(truth, predicted, average="macro")}
    (run / "config.json").write_text(json.dumps(config))
    (run / "metrics.json").write_text(json.dumps(values))
    (run / "val_report.txt").write_text(classification_report(truth, predicted))
"""


def test_the_folder_of_another_recipe_is_never_identical_and_is_told_what_would_show_it(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "penguins" / "penguins.csv", tmp_path)
    assert python("-c", OTHERS, cwd=tmp_path).returncode == 0
    done = week2kit("verify", "others", "--json", cwd=tmp_path)
    assert done.returncode == 125, done.stderr
    verdicts = VerdictDocument.model_validate_json(done.stdout).runs
    assert len(verdicts) > 6
    assert {(verdict.run, verdict.verdict) for verdict in verdicts} == {(v.run, "undecided") for v in verdicts}
    codes = {verdict.reason.code for verdict in verdicts if verdict.reason is not None}
    assert (
        {"partial.saturated", "partial.other_recipe"}
        <= codes
        <= {"partial.saturated", "partial.other_recipe", "partial.near_recipe"}
    )
    for verdict in verdicts:
        assert _shows_little(verdict)
        sentence = short_verdict(verdict)[1]
        assert "LogisticRegression(max_iter=500), medians for missing numbers, one-hot texts, no scaling" in sentence
        assert "such as log_loss, would show it; so does a run made with week2kit train." in sentence


def test_one_answer_for_every_row_shows_no_recipe(project: Path) -> None:
    config(max_iter=1)(project / "runs" / "first")
    value = {"accuracy": 0.3, "f1_macro": 0.2}
    (project / "runs" / "first" / "metrics.json").write_text(json.dumps(value), encoding="utf-8")
    rows = (project / "flowers.csv").read_text(encoding="utf-8").splitlines()
    noise = [rows[0], *(re.sub(r"^.*,(?=[a-z]+$)", f"1.{n % 7},{n % 3},sand,", row) for n, row in enumerate(rows[1:]))]
    (project / "flowers.csv").write_text("\n".join(noise) + "\n", encoding="utf-8")
    NO_REPORT(project / "runs" / "first")
    (verdict,) = verify("runs/first").runs
    here = {name: values.here for name, values in verdict.metrics.items()}
    (project / "runs" / "first" / "metrics.json").write_text(json.dumps(here), encoding="utf-8")
    (verdict,) = verify("runs/first").runs
    assert verdict.verdict == "undecided"
    assert verdict.reason is not None
    assert verdict.reason.code == "partial.one_class", here


# --- the command line -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "flags", "exit_code"),
    [
        (lambda run: None, [], 0),
        (lambda run: None, ["--strict", "metrics"], 0),
        (lambda run: None, ["--strict", "predictions"], 1),
        (both(NO_REPORT, HIGHER), [], 125),
        (config(input_csv="gone.csv"), [], 125),
        (config(input_csv="gone.csv"), ["--data", "flowers.csv"], 0),
        (metrics(accuracy=1.0), [], 3),
        (text("metrics.json", "[]"), [], 2),
        (without("metrics.json"), [], 2),
        (without("config.json"), [], 2),
    ],
    ids=["identical", "strict metrics", "strict predictions", "undecided", "no data", "data named", "tampered",
         "unreadable", "no metrics", "no config"],
)  # fmt: skip
def test_the_exit_code_of_verify(project: Path, change: Change, flags: list[str], exit_code: int) -> None:
    change(project / "runs" / "first")
    done = week2kit("verify", "runs/first", *flags, cwd=project)
    assert done.returncode == exit_code, done.stdout + done.stderr


def test_a_folder_without_metrics_says_what_is_missing(project: Path) -> None:
    (project / "runs" / "first" / "metrics.json").unlink()
    done = week2kit("verify", "runs/first", cwd=project)
    assert done.stderr == (
        "error: runs/first: not a run folder, it holds no manifest.json and no metrics.json: nothing says what came "
        "out.\n"
    )


def test_both_kinds_are_found_in_a_folder_of_runs(project: Path) -> None:
    train({"data": {"dataset": "iris"}, "model": "naive_bayes", "seed": 1}, name="full", runs_dir="runs")
    (project / "runs" / "notes").mkdir()
    done = week2kit("verify", "runs", cwd=project)
    assert re.findall(r"^runs/(\w+)  (\w+):", done.stdout, re.MULTILINE) == [
        ("full", "identical"),
        ("few_iterations", "identical"),
        ("first", "identical"),
    ]
    assert "runs/notes: skipped" in done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("place", [".", "runs", "runs/first"])
def test_from_another_working_directory_the_data_are_found_in_the_run_or_up_to_two_folders_above(
    place: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(project / "flowers.csv", project / place / "kept.csv")
    config(input_csv="kept.csv")(project / "runs" / "first")
    monkeypatch.chdir(tmp_path)
    (verdict,) = verify("project/runs/first").runs
    assert verdict.verdict == "identical"


def test_data_farther_away_are_not_looked_for(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.move(project / "flowers.csv", tmp_path / "flowers.csv")
    monkeypatch.chdir(project / "runs")
    (verdict,) = verify("first").runs
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.data_missing")
    assert "when the run was made" not in "".join(describe_verdict(verdict))  # which such a record does not know


def test_named_runs_of_both_kinds_keep_their_order(project: Path) -> None:
    train({"data": {"dataset": "iris"}, "model": "naive_bayes", "seed": 1}, name="full", runs_dir="runs")
    names = ["runs/first", "runs/full", "runs/few_iterations"]
    assert [verdict.run for verdict in verify(*names, jobs=2).runs] == names


def test_a_run_of_week2kit_that_lost_its_manifest_is_no_run_without_one(project: Path) -> None:
    run = train("runs/first/config.json", name="full", runs_dir="runs")
    (run.path / "manifest.json").unlink()
    with pytest.raises(UnreadableRun, match=r"holds no manifest\.json\.$"):
        open_run(run.path)
    assert find_runs(["runs"]).skipped == (run.path,)


def test_the_config_of_a_bare_run_trains_to_the_same_metrics(project: Path) -> None:
    run = train("runs/first/config.json", name="full", runs_dir="runs")
    values = json.loads((run.path / "metrics.json").read_text(encoding="utf-8"))
    written = json.loads((project / "runs" / "first" / "metrics.json").read_text(encoding="utf-8"))
    assert values == {name: written[name] for name in ("accuracy", "f1_macro")}


def test_open_run_opens_such_a_folder(project: Path) -> None:
    run = open_run("runs/first")
    assert (run.partial is run.manifest, run.manifest_sha256, run.name) == (True, "", "first")


def test_the_short_verdict_says_what_is_recorded(project: Path) -> None:
    lines = short_verdict(verify("runs/first").runs[0])
    assert "No manifest: only config and metrics are recorded." in lines[1]
    assert "could not be checked" in lines[1]


def test_nothing_is_varied(project: Path) -> None:
    (verdict,) = verify("runs/first", vary=["threads"]).runs
    assert [finding.code for finding in verdict.not_varied] == ["vary.partial"]
    assert verdict.verdict == "identical"


def test_one_that_takes_too_long_is_undecided(project: Path) -> None:
    (verdict,) = verify("runs/first", timeout=0.001).runs
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.timeout")


def test_assert_reproducible_takes_it(project: Path) -> None:
    assert assert_reproducible("runs/first").verdict == "identical"
    both(NO_REPORT, HIGHER)(project / "runs" / "first")
    with pytest.raises(AssertionError, match="undecided"):
        assert_reproducible("runs/first")


# --- runs and report --------------------------------------------------------------------------------------------


def test_runs_lists_them_with_what_differs(project: Path) -> None:
    train("runs/first/config.json", name="full", runs_dir="runs", set=["seed=8"])
    rows = {row["run"]: row for row in json.loads(week2kit("runs", "runs", "--json", cwd=project).stdout)}
    assert rows["first"] | {"value": 0} == {
        "run": "first", "status": "no manifest", "metric": "accuracy", "value": 0, "differs": ["seed"], "command": None,
    }  # fmt: skip
    assert rows["few_iterations"]["differs"] == ["model.params.max_iter", "seed"]
    config(test_size=69)(project / "runs" / "first")
    rows = {row["run"]: row for row in json.loads(week2kit("runs", "runs", "--json", cwd=project).stdout)}
    assert rows["first"]["differs"] == ["split.test_size", "seed"]
    assert "first           no manifest" in week2kit("runs", "runs", cwd=project).stdout


def test_a_report_of_such_runs_tells_values_changes_and_what_nothing_shows(project: Path) -> None:
    made = report(["runs/first", "runs/few_iterations"])
    (comparison,) = made.comparisons
    written = json.loads((project / "runs" / "few_iterations" / "metrics.json").read_text(encoding="utf-8"))
    assert {row.metric: row.variant.value for row in comparison.metrics if row.variant} == {
        name: written[name] for name in ("accuracy", "f1_macro")
    }
    assert [(change.key, change.baseline, change.variant) for change in comparison.changes] == [
        ("model.params.max_iter", 1000, 2)
    ]
    assert [statement.code for statement in comparison.comparable] == ["written.comparable"]
    row = comparison.metrics[0]
    assert row.baseline is not None
    assert row.difference == written["accuracy"] - row.baseline.value
    assert comparison.judgement is not None
    assert comparison.judgement.verdict == "untested"
    page = render(made)
    assert "# Report: `few_iterations` against `first`\n" in page
    assert "No manifest: `first`, `few_iterations`." in page
    assert "no difference is tested" in page
    assert "week2kit train runs/first/config.json" in page


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (config(random_state=8), "split.follows_seed"),
        (config(test_size=0.25), "split.config_differs"),
        (config(label_col="soil"), "target.differs"),
        (config(input_csv="gone.csv"), "written.data_missing"),
        (both(text("own.csv", "height,kind\n1,rose\n"), config(input_csv="own.csv")), "written.data_differs"),
        (config(C=1), "written.config"),
    ],
    ids=["seed", "test size", "target", "no data", "other data", "config"],
)  # fmt: skip
def test_runs_that_nothing_shows_to_be_comparable_get_no_difference(project: Path, change: Change, code: str) -> None:
    change(project / "runs" / "few_iterations")
    made = report(["runs/first", "runs/few_iterations"])
    (comparison,) = made.comparisons
    assert [statement.code for statement in comparison.obstacles] == [code]
    assert {row.difference for row in comparison.metrics} == {None}
    assert comparison.judgement is None
    assert "**Not comparable.**" in render(made)


def test_a_report_of_both_kinds_is_one_list(project: Path) -> None:
    train("runs/first/config.json", name="full", runs_dir="runs")
    done = week2kit("report", "runs", cwd=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == "# Report: 2 variants against `full`"
    assert "No manifest: `few_iterations`, `first`." in done.stdout
    assert re.search(r"\| `first` \| nothing \| 0\.\d+ \| [-+]?0\.\d+ \(not tested\) \|", done.stdout)
    (project / "report.md").write_text(done.stdout, encoding="utf-8")
    checked = week2kit("report", "runs", "--check", "report.md", cwd=project)
    assert checked.returncode == 0, checked.stdout


def test_an_edited_number_of_such_a_run_in_a_report_is_found(project: Path) -> None:
    page = week2kit("report", "runs/first", "runs/few_iterations", cwd=project).stdout
    shown = re.search(r"\| `accuracy` \(primary\) \| (0\.\d{4}) \|", page)
    assert shown is not None
    (project / "report.md").write_text(page.replace(shown[1], "0.9999", 1), encoding="utf-8")
    done = week2kit("report", "runs/first", "runs/few_iterations", "--check", "report.md", cwd=project)
    assert (done.returncode, "0.9999" in done.stdout) == (1, True)


def test_such_a_run_is_no_baseline(project: Path) -> None:
    train("runs/first/config.json", name="full", runs_dir="runs")
    with pytest.raises(UsageError, match="expected a run with a manifest, and it was made without week2kit"):
        report(["runs/full"], baseline="runs/first")


# --- values -----------------------------------------------------------------------------------------------------

SCORES = st.floats(0, 1, allow_nan=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["input_csv", "label_col", "test_size", "random_state", "max_iter", "accuracy", "val_f1", "n_val"]
)


@given(SCORES, st.integers(2, 12))
def test_a_rounded_score_agrees_to_its_digits_and_no_other_does(value: float, digits: int) -> None:
    written = round(value, digits)
    assert rounds_to(value, written, digits)
    assert not rounds_to(value, written + 2 * 10.0**-digits, digits)
    assert decimals(written) <= digits or "e" in repr(written)


@given(SCORES)
def test_a_score_with_all_its_digits_is_not_taken_for_a_rounded_one(value: float) -> None:
    digits = written_digits(value, {"it": value})
    assert digits is None or repr(round(value, digits)) == repr(value)


@given(st.text() | st.text("0123456789. avgmcro\n", max_size=300))
def test_any_text_can_be_read_as_a_report(content: str) -> None:
    for name, row in report_rows(content).items():
        assert name
        assert [float(number) for number in row.numbers]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40),
    st.permutations(["a", "rose red", "accuracy", "macro avg", "1", "0.5"]).map(lambda names: names[:4]),
    st.integers(2, 6),
)
def test_every_row_of_a_real_report_is_read(pairs: list[tuple[int, int]], names: list[str], digits: int) -> None:
    from sklearn.metrics import accuracy_score, classification_report

    true, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    content = classification_report(
        true, predicted, labels=range(4), target_names=names, digits=digits, zero_division=0.0
    )
    rows = report_rows(content)
    expected = {*names, "macro avg", "weighted avg"}
    assert expected <= rows.keys()
    assert rows["weighted avg"].digits == digits
    assert float(rows["macro avg"].numbers[-1]) == len(pairs)
    accuracy = rows.get("accuracy")
    if accuracy is not None and "accuracy" not in names:
        assert rounds_to(accuracy_score(true, predicted), float(accuracy.numbers[0]), digits)


@given(st.dictionaries(KEYS | st.text(max_size=12), JSON, max_size=8), st.dictionaries(KEYS | st.text(), JSON))
def test_whatever_the_two_objects_hold_reading_them_invents_nothing(
    config: dict[str, Any], metrics: dict[str, Any]
) -> None:
    record = read_partial(Path("nowhere"), config, metrics)
    numbers = {name: metrics[name] for name in record.metrics}
    assert all(type(value) in (int, float) for value in numbers.values())
    assert record.metrics == {name: float(value) for name, value in numbers.items()}
    assert all(type(value) is int and metrics[name] == value for name, value in record.counts.items())
    assert {*record.metrics, *record.counts, *record.times, *record.other} == metrics.keys()
    assert (record.config is None) == bool(record.problem)


@given(st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_in_the_two_files_are_a_run_or_a_sentence(content: bytes) -> None:
    import tempfile

    for broken, whole in (("config.json", "metrics.json"), ("metrics.json", "config.json")):
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / broken).write_bytes(content)
            (Path(place) / whole).write_text(json.dumps(CONFIG), encoding="utf-8")
            try:
                opened: object = open_run(place)
            except UnreadableRun as error:
                opened = error
            assert isinstance(opened, Run) or str(opened).endswith(".")


@pytest.mark.parametrize(
    ("written", "scorer"),
    [
        ("accuracy", "accuracy"),
        ("val_accuracy", "accuracy"),
        ("macro_f1", "f1_macro"),
        ("val_weighted_recall", "recall_weighted"),
        ("f1", "f1"),
        ("train_accuracy", "train_accuracy"),
        ("test_accuracy", "test_accuracy"),
        ("Accuracy", "Accuracy"),
    ],
)
def test_a_name_is_a_scorer_or_one_of_a_few_other_spellings(written: str, scorer: str) -> None:
    assert scorer_name(written) == scorer


def test_beside_a_validation_metric_the_same_without_its_prefix_may_be_of_training() -> None:
    assert validation_names({"accuracy": 1.0, "val_accuracy": 0.9, "f1_macro": 0.8}) == {
        "val_accuracy": "accuracy",
        "f1_macro": "f1_macro",
    }


# --- other versions ---------------------------------------------------------------------------------------------

OLDER = {"numpy": "1.26.4", "scipy": "1.13.1", "scikit-learn": "1.5.2", "pandas": "2.2.3", "joblib": "1.4.2"}

#: Validation accuracies of fits that have not converged, which other versions move.
PROBE = """
import json, sys, pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

table = pd.read_csv("cells.csv")
y, X = table["target"], table.drop(columns="target")
found = {}
for seed in range(12):
    a, b, c, d = train_test_split(X, y, test_size=0.4, random_state=seed, stratify=y)
    found[seed] = LogisticRegression(max_iter=300).fit(a, c).score(b, d)
print(json.dumps(found))
"""


@pytest.mark.slow
def test_a_run_of_other_versions_is_explained_with_the_versions_that_its_requirements_name(
    course: Path, tmp_path: Path
) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    try:
        older = build(version, OLDER, timeout=300)
    except CannotRestore as error:
        pytest.skip(f"no package index, or no wheels for this Python: {error}")
    shutil.copy(course / "train.py", tmp_path)
    load = "from sklearn.datasets import load_breast_cancer as load"
    save = f"{load}; load(as_frame=True).frame.to_csv('cells.csv', index=False)"
    assert python("-c", save, cwd=tmp_path).returncode == 0

    def run_in_older(*arguments: object) -> str:
        done = subprocess.run(
            [older.executable, "-W", "ignore", *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True,
            check=True, timeout=300,
        )  # fmt: skip
        return done.stdout

    there, here = (
        json.loads(run_in_older("-c", PROBE)),
        json.loads(python("-W", "ignore", "-c", PROBE, cwd=tmp_path).stdout),
    )
    moved = next((int(seed) for seed in there if there[seed] != here[seed]), None)
    if moved is None:
        pytest.skip("these versions give the same accuracies on this machine")
    run = tmp_path / "runs" / "old"
    run.mkdir(parents=True)
    flat = {"input_csv": "cells.csv", "label_col": "target", "test_size": 0.4, "random_state": moved, "max_iter": 300}
    (run / "config.json").write_text(json.dumps(flat), encoding="utf-8")
    run_in_older("train.py", run)
    pins = "".join(f"{name}=={version}\n" for name, version in OLDER.items())
    (run / "requirements.txt").write_text(pins, encoding="utf-8")

    def verdict(*flags: str) -> Verdict:
        return VerdictDocument.model_validate_json(
            week2kit("verify", "runs/old", "--json", *flags, cwd=tmp_path).stdout
        ).runs[0]

    assert verdict().verdict == "undecided"
    restored = verdict("--restore", "versions")
    assert (restored.verdict, restored.level) == ("explained", "metrics")
    # of the smallest set; what no environment could be built without is observed
    assert "restored" in {cause.proof for cause in restored.causes} <= {"restored", "observed"}
    accuracy = restored.metrics["accuracy"]
    assert accuracy.recorded == accuracy.restored != accuracy.here
    if sys.version_info[:2] == (3, 11):  # which is the Python that is taken for an older one
        metadata({"python": "3.9.1"})(run)
        libraries = verdict("--restore", "versions")
        assert libraries.verdict == "explained"
        proofs = {cause.factor: cause.proof for cause in libraries.causes}
        assert proofs.pop("python", "observed") == "observed"
        assert "restored" in proofs.values()
        assert "for the recorded Python 3.9.1" in "\n".join(short_verdict(libraries))
        (run / "run_metadata.json").unlink()
    metrics(accuracy=lambda value: value - 1e-3)(run)
    (run / "val_report.txt").unlink()
    forged = verdict("--restore", "versions")
    assert forged.verdict == "undecided"
    assert "with the recorded versions" in "\n".join(describe_verdict(forged))
