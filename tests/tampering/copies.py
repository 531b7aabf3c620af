"""Real runs to tamper with, and the ways to do it: from a single byte to a forgery that agrees with itself."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from week2kit import train
from week2kit.canonical import dump_json
from week2kit.config.form import config_digest
from week2kit.loop.evaluating import recompute
from week2kit.loop.metrics import deviation
from week2kit.loop.predictions import Predictions, from_csv, to_csv
from week2kit.record.artifacts import ARTIFACTS, artifact_digest

# --- the data ---------------------------------------------------------------------------------------------------

ROWS = 90


def penguins() -> str:
    """A small table with numbers, categories, booleans, missing values, and a target that can nearly be learnt."""
    lines = ["length,depth,mass,island,tagged,year,species"]
    for i in range(ROWS):
        kind = i * 7 % 3
        noise = math.sin(i * 12.9898) * 7
        length = f"{38.5 + 5 * kind + noise:.2f}" if i % 17 else ""
        depth = f"{18.0 - 1.5 * kind + 2 * math.cos(i * 4.1414):.1f}"
        mass = str(3500 + 400 * kind + i * 13 % 200)
        island = ["Biscoe", "Dream", "Torgersen"][(i * 5 + i // 4) % 3] if i % 19 else ""
        tagged = "true" if i % 4 == 0 else "false"
        lines.append(f"{length},{depth},{mass},{island},{tagged},{2007 + i % 3},{'ACG'[(kind + (i % 7 == 4)) % 3]}")
    return "\n".join(lines) + "\n"


def houses() -> str:
    """A table whose target is a number, never met exactly."""
    lines = ["area,rooms,heated,price"]
    for i in range(60):
        area, rooms = 40 + i * 37 % 90, 1 + i * 5 % 6
        price = 2.5 * area + 11 * rooms + 9 * math.sin(i * 1.7) + i % 7
        lines.append(f"{area},{rooms},{'yes' if i % 3 else 'no'},{price:.3f}")
    return "\n".join(lines) + "\n"


def admissions() -> str:
    """A table with the target 0 or 1, and a column of text that no model reads by itself."""
    lines = ["score,grade,note,admitted"]
    for i in range(60):
        score, grade = i * 29 % 60, i * 11 % 10
        lines.append(f"{score},{grade},n{i % 5},{int((score + 3 * grade + 12 * math.sin(i) > 45) != (i % 7 == 3))}")
    return "\n".join(lines) + "\n"


def outliers() -> str:
    """A table with one validation row whose prediction is 1e12, which no metric sees beyond."""
    lines = ["a,b,y"]
    for i in range(60):
        a, b = (1e12, 0.5) if i == 55 else (math.sin(i * 1.3), math.cos(i * 2.1))
        lines.append(f"{a!r},{b!r},{1.0 if i == 55 else a + 2 * b + 0.1 * math.sin(i * 3.7)!r}")
    return "\n".join(lines) + "\n"


def answers() -> str:
    """The table of admissions with classes that hold line breaks of every kind, quotation marks and backslashes."""
    yes, no = '"very\n""likely"", a\\b"', '"not\r\nlikely\r"'
    header, *lines = admissions().splitlines()
    return "\n".join((header, *(f"{line[:-1]}{yes if line[-1] == '1' else no}" for line in lines), ""))


def leaks() -> str:
    """A table with a feature that holds the answer, and rows that come twice."""
    rows = [f"{math.sin(i // 2 * 1.3)!r},{i // 2 % 2},{'ny'[i // 2 % 2]}" for i in range(80)]
    return "\n".join(["a,b,y", *rows]) + "\n"


def later_penguins() -> str:
    """Other rows of the penguins, their columns in another order."""
    rows = [line.split(",") for line in penguins().splitlines()]
    return "\n".join(",".join(reversed(row)) for row in rows[:1] + rows[2::5]) + "\n"


TABLES: Mapping[str, Callable[[], str]] = {
    "penguins.csv": penguins,
    "later.csv": later_penguins,
    "houses.csv": houses,
    "admissions.csv": admissions,
    "outliers.csv": outliers,
    "answers.csv": answers,
    "leaks.csv": leaks,
}

PENGUINS = {"path": "penguins.csv", "target": "species", "drop": ["year"]}
ADMISSIONS = {"path": "admissions.csv", "target": "admitted", "drop": ["note"]}

#: The runs that are tampered with; ``model.params`` null where the defaults do.
CONFIGS: Mapping[str, dict[str, Any]] = {
    "penguins": {
        "data": PENGUINS,
        "preprocess": "auto-scaled",
        "model": {"class": "logistic_regression", "params": {"max_iter": 500}},
        "metrics": ["accuracy", "f1_macro", "log_loss"],
        "seed": 42,
        "goal": "Tell three species apart.",
    },
    "other": {"data": PENGUINS, "model": "decision_tree", "metrics": ["accuracy", "f1_macro"], "seed": 7},
    "two_files": {
        "data": PENGUINS,
        "split": {"validation_path": "later.csv"},
        "model": "decision_tree",
        "metrics": ["accuracy", "log_loss"],
        "seed": 3,
    },
    "houses": {"data": {"path": "houses.csv", "target": "price"}, "model": "ridge", "seed": 3},
    "outlier": {
        "data": {"path": "outliers.csv", "target": "y"},
        "split": {"shuffle": False},
        "preprocess": "none",
        "model": "ridge",
        "seed": 1,
    },
    "warned": {
        "data": {"path": "leaks.csv", "target": "y"},
        "model": "logistic_regression",
        "metrics": ["accuracy"],
        "seed": 1,
    },
    "bagged": {  # it draws job by job, and has as many as there are CPUs
        "data": {"path": "houses.csv", "target": "price"},
        "model": {"class": "sklearn.ensemble.BaggingRegressor", "params": {"n_estimators": 7, "n_jobs": -1}},
        "seed": 11,
    },
    "neighbours": {  # its tree counts the nodes that two threads visit
        "data": ADMISSIONS,
        "model": {"class": "sklearn.neighbors.KNeighborsClassifier", "params": {"algorithm": "kd_tree", "n_jobs": 2}},
        "seed": 11,
    },
    "folds": {
        "data": ADMISSIONS,
        "split": {"method": "kfold", "n_splits": 3},
        "model": "naive_bayes",
        "metrics": ["accuracy", "roc_auc"],
        "seed": 5,
    },
    "margins": {
        "data": ADMISSIONS,
        "preprocess": "auto-scaled",
        "model": {"class": "sklearn.svm.LinearSVC", "params": {"dual": False}},
        "metrics": ["accuracy", "f1"],
        "seed": 8,
    },
    "answers": {
        "data": {**ADMISSIONS, "path": "answers.csv"},
        "model": "decision_tree",
        "metrics": ["accuracy", "f1"],
        "seed": 8,
    },
    "one_repeat": {  # the config of penguins, so that its repeat is of a holdout with scores
        "data": PENGUINS,
        "preprocess": "auto-scaled",
        "model": {"class": "logistic_regression", "params": {"max_iter": 500}},
        "metrics": ["accuracy", "log_loss"],
        "seed": 42,
        "repeats": 1,
    },
    "repeats": {
        "data": ADMISSIONS,
        "split": {"method": "kfold", "n_splits": 3},
        "model": "decision_tree",
        "metrics": ["accuracy", "f1"],
        "seed": 41,
        "repeats": 2,
    },
    "iris": {
        "data": {"dataset": "iris"},
        "model": {"class": "decision_tree", "params": {"max_depth": 3}},
        "learning_curve": True,
        "seed": 1,
    },
    "unseeded": {
        "data": ADMISSIONS,
        "model": {"class": "random_forest", "params": {"n_estimators": 3, "random_state": None}},
        "seed": 2,
    },
    "steady": {  # it draws without a seed, and there is only one thing that it can draw
        "data": {**ADMISSIONS, "drop": ["note", "grade"]},
        "preprocess": "none",
        "model": {"class": "decision_tree", "params": {"max_depth": 1, "random_state": None}},
        "seed": 2,
    },
    "fails": {"data": ADMISSIONS | {"drop": []}, "preprocess": "none", "model": "decision_tree", "seed": 4},
    "no_column": {"data": {"path": "admissions.csv", "target": "admited"}, "model": "decision_tree", "seed": 4},
    "no_data": {"data": {"path": "lost.csv", "target": "admitted"}, "model": "decision_tree", "seed": 4},
    "no_config": {"data": ADMISSIONS, "model": {"class": "decision_tree", "params": {"max_dept": 3}}, "seed": -1},
}


def make_bases(directory: Path) -> None:
    """Train every base run into ``directory/NAME/runs/run``, its data in ``directory/NAME``."""
    for name, config in CONFIGS.items():
        with _project(directory / name):
            train(config, name="run")
    with _project(directory / "interrupted"):
        # what kill -9 leaves is what lies on the disk while the fit runs
        train(
            CONFIGS["penguins"],
            name="whole",
            on_stage=lambda stage: shutil.copytree("runs/whole", "runs/run") if stage == "fit" else None,
        )
        shutil.rmtree("runs/whole")
    with _project(directory / "stopped"):

        def stop(stage: str) -> None:
            if stage == "fit":
                raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            train(CONFIGS["penguins"], name="run", on_stage=stop)


@contextmanager
def _project(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True)
    for name, table in TABLES.items():
        (directory / name).write_text(table(), encoding="utf-8", newline="")
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


# --- one copy ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Copy:
    """A copy of a base run with its data, to be changed."""

    project: Path
    bases: Path

    @property
    def run(self) -> Path:
        return self.project / "runs" / "run"

    def other(self, base: str) -> Path:
        """The run folder of another base, untouched."""
        return self.bases / base / "runs" / "run"

    # files

    def bytes_of(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Change the bytes of a file of the run (or, with ``../../``, of its data)."""
        path = self.run / name
        path.write_bytes(change(path.read_bytes()))

    def text_of(self, name: str, old: str, new: str, count: int = 1) -> None:
        """Replace a text that must be there."""
        text = (self.run / name).read_bytes().decode()
        assert old in text, f"{name} holds no {old!r}"
        (self.run / name).write_bytes(text.replace(old, new, count).encode())

    def json_of(self, name: str, change: Callable[[Any], Any]) -> None:
        """Change a JSON file; `change` may edit in place, or return another value."""
        path = self.run / name
        value = json.loads(path.read_text(encoding="utf-8"))
        changed = change(value)
        path.write_text(dump_json(value if changed is None else changed), encoding="utf-8", newline="")

    def set(self, place: str, new: Any) -> None:
        """Set one value of the manifest by its dotted place; a callable is given the old one."""
        self.json_of("manifest.json", lambda manifest: put(manifest, place, new))

    def get(self, place: str) -> Any:
        """One value of the manifest by its dotted place."""
        value = json.loads((self.run / "manifest.json").read_text(encoding="utf-8"))
        for key in place.split("."):
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    # forgeries

    def forge_library(self, name: str, version: str) -> None:
        """Claim another version of a library, in the manifest and in requirements.txt."""
        self.set("inputs.environment.libraries", lambda libraries: {**libraries, name: version})
        libraries = self.get("inputs.environment.libraries")
        text = "".join(f"{key}=={value}\n" for key, value in sorted(libraries.items()))
        (self.run / "requirements.txt").write_text(text, encoding="utf-8", newline="")
        self.seal()

    def seal(self) -> None:
        """Record the digests that the files have now, as a forger would."""

        def change(manifest: Any) -> None:
            for artifact in manifest["artifacts"]:
                path = self.run / ARTIFACTS[artifact["name"]]
                if path.is_file():
                    data = path.read_bytes()
                    artifact["sha256"], artifact["bytes"] = artifact_digest(artifact["name"], data), len(data)
                    if artifact["name"] == "model" and manifest["outcome"]:
                        manifest["outcome"]["model"]["digest"] = artifact["sha256"]

        self.json_of("manifest.json", change)

    def forge_config(self, place: str, new: Any) -> None:
        """Edit the config in both places, with all digests."""

        def change(manifest: Any) -> None:
            config = manifest["inputs"]["config"]
            put(config["resolved"], place, new)
            config["digest"] = config_digest(config["resolved"])

        self.json_of("manifest.json", change)
        resolved = self.get("inputs.config.resolved")
        (self.run / "config.json").write_text(dump_json(resolved), encoding="utf-8", newline="")
        self.seal()

    def forge_predictions(self, change: Callable[[Predictions], Predictions], *, metrics: bool = True) -> None:
        """Edit predictions.csv and everything that follows from it: digests, metrics, report, artifacts."""
        manifest = json.loads((self.run / "manifest.json").read_text(encoding="utf-8"))
        outcome = manifest["outcome"]
        content = (self.run / "predictions.csv").read_bytes()
        new = change(from_csv(content, outcome["classes"], outcome["predictions"]["score_method"]))
        (self.run / "predictions.csv").write_bytes(to_csv(new))
        outcome["predictions"] |= {"digest": new.digest, "scores": new.scores_digest}
        if metrics:
            values, report = recompute(new, list(outcome["metrics"]), outcome["positive"])
            for name, computed in values.items():
                outcome["metrics"][name] |= {"value": computed["value"], "folds": computed["folds"]}
                if computed["folds"]:
                    outcome["metrics"][name]["std"] = deviation(computed["folds"])
            (self.run / "val_report.txt").write_text(report, encoding="utf-8", newline="")
            told = {name: metric["value"] for name, metric in outcome["metrics"].items()}
            (self.run / "metrics.json").write_text(dump_json(told), encoding="utf-8", newline="")
        (self.run / "manifest.json").write_text(dump_json(manifest), encoding="utf-8", newline="")
        self.seal()


def put(value: Any, place: str, new: Any) -> None:
    """Set the value at a dotted place; a callable is given the old one; `REMOVED` takes the key away."""
    *above, last = place.split(".")
    for key in above:
        value = value[int(key)] if isinstance(value, list) else value[key]
    key: Any = int(last) if isinstance(value, list) else last
    if new is REMOVED:
        del value[key]
    else:
        value[key] = new(value[key]) if callable(new) else new


REMOVED = object()


def snapshot(directory: Path) -> dict[str, tuple[Any, ...]]:
    """Everything that a write could change about a folder: names, kinds, modes, times, contents."""
    found = {}
    for path in sorted([directory, *directory.rglob("*")]):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_nlink, content)
    return found


# --- changes of predictions -------------------------------------------------------------------------------------


def labels_right(predictions: Predictions) -> Predictions:
    """Every wrong label becomes the right one; the scores stay."""
    return replace(predictions, y_pred=predictions.y_true.copy())


def one_label(predictions: Predictions) -> Predictions:
    """The first wrong label becomes the right one, with a score of 1 where there are probabilities."""
    wrong = int((predictions.y_pred != predictions.y_true).nonzero()[0][0])
    y_pred = predictions.y_pred.copy()
    y_pred[wrong] = predictions.y_true[wrong]
    scores = predictions.scores
    if predictions.method == "predict_proba" and scores is not None:
        scores = scores.copy()
        scores[wrong] = 0.0
        scores[wrong, y_pred[wrong]] = 1.0
    return replace(predictions, y_pred=y_pred, scores=y_pred if predictions.classes is None else scores)


def all_but_the_outlier(predictions: Predictions) -> Predictions:
    """Other values everywhere but in the row of the largest one: the metrics do not move in any bit."""
    y_pred = predictions.y_true + 7.0
    largest = abs(predictions.y_pred).argmax()
    y_pred[largest] = predictions.y_pred[largest]
    return replace(predictions, y_pred=y_pred, scores=y_pred)


def scores_left_out(predictions: Predictions) -> Predictions:
    """No scores, as of a model that gives labels only: there is nothing to compare then but labels."""
    return replace(predictions, scores=None, method=None)


def rows_renamed(predictions: Predictions) -> Predictions:
    """The predictions are said to be of other rows."""
    return replace(predictions, row=predictions.row[::-1].copy())


def truths_swapped(predictions: Predictions) -> Predictions:
    """Two rows of the same predicted label swap their true values: no metric of labels moves."""
    y_true = predictions.y_true.copy()
    for label in set(predictions.y_pred.tolist()):
        rows = (predictions.y_pred == label).nonzero()[0]
        values = y_true[rows]
        if len(set(values.tolist())) > 1:
            y_true[rows] = values[::-1]
            if (y_true != predictions.y_true).any():
                return replace(predictions, y_true=y_true)
    raise AssertionError("no two rows can be swapped")


def folds_renumbered(predictions: Predictions) -> Predictions:
    """The folds are counted from 1."""
    return replace(predictions, fold=predictions.fold + 1)


def scores_scaled(factor: float) -> Callable[[Predictions], Predictions]:
    """Every score times `factor`."""
    return lambda predictions: replace(predictions, scores=predictions.scores * factor)  # type: ignore[operator]


def scores_shifted(predictions: Predictions) -> Predictions:
    """One score moves in its last digit."""
    import numpy as np

    assert predictions.scores is not None
    scores = predictions.scores.copy()
    scores.ravel()[0] = np.nextafter(scores.ravel()[0], 2.0)
    return replace(predictions, scores=scores)
