"""Run folders that agree with their own record, built from given predictions: what `train` writes, without training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from week2kit.canonical import dump_json
from week2kit.record.command import MANIFEST
from week2kit.record.writing import RunFolder

Prediction = tuple[int, Any, Any]

LOGISTIC = {
    "data": {"path": "penguins.csv", "target": "species", "drop": ["year"]},
    "task": "classification",
    "split": {"method": "holdout", "test_size": 0.2, "shuffle": True, "stratify": True, "random_state": 42},
    "preprocess": [
        {
            "columns": ["bill_length_mm"],
            "steps": [
                {"class": "sklearn.impute.SimpleImputer", "params": {"strategy": "median"}},
                {"class": "sklearn.preprocessing.StandardScaler", "params": {}},
            ],
        }
    ],
    "model": {"class": "sklearn.linear_model.LogisticRegression", "params": {"max_iter": 500, "random_state": 42}},
    "metrics": ["accuracy", "f1_macro"],
    "seed": 42,
    "goal": "Tell the three species of penguins apart by their measurements.",
    "learning_curve": False,
    "fail_on": [],
}


def digest(*parts: object) -> str:
    """A digest that stands for some content."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def with_keys(config: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy of `config` with keys set; ``__`` leads into an object: ``model__params__C=10``."""
    result: dict[str, Any] = json.loads(json.dumps(config))
    for path, value in changes.items():
        *above, last = path.split("__")
        target = result
        for key in above:
            target = target[key]
        target[last] = value
    return result


@dataclass(frozen=True)
class Recipe:
    """Everything about a completed run that a test may want otherwise."""

    config: Mapping[str, Any] = field(default_factory=lambda: LOGISTIC)
    predictions: Sequence[Prediction] = ()
    metrics: Mapping[str, Mapping[str, Any]] | None = None
    columns: Sequence[Mapping[str, Any]] | None = None
    rows: int = 344
    table: str = "penguins"
    split: Mapping[str, Any] | None = None
    seed_source: str = "given"
    code: str = "code"
    environment: Mapping[str, Any] = field(default_factory=dict)
    n_iter: Sequence[int] | None = (31,)
    converged: bool | None = True
    warnings: Sequence[Mapping[str, Any]] = ()
    curve: Mapping[str, Any] | None = None
    fit_seconds: float = 0.025
    created_at: str = "2026-11-23T11:57:00Z"
    command: str | None = None

    def but(self, **changes: Any) -> Recipe:
        return replace(self, **changes)


def labels(counts: Mapping[tuple[str, str], int]) -> list[Prediction]:
    """Predictions on rows 0, 5, 10, ...: each pair (true, predicted) as often as `counts` says, in that order."""
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    return [(5 * index, true, guess) for index, (true, guess) in enumerate(pairs)]


def moves(counts: Mapping[tuple[str, str, str], int]) -> tuple[list[Prediction], list[Prediction]]:
    """Predictions of two runs on the same rows: each (true, first's, second's guess) as often as `counts` says."""
    rows = [row for row, count in counts.items() for _ in range(count)]
    first = [(5 * index, true, guess) for index, (true, guess, _) in enumerate(rows)]
    return first, [(5 * index, true, guess) for index, (true, _, guess) in enumerate(rows)]


def column(name: str, role: str = "feature", content: object = "", kind: str = "float") -> dict[str, Any]:
    """A column of the table; other content, another digest."""
    return {"name": name, "kind": kind, "role": role, "missing": 0, "digest": digest(name, content)}


COLUMNS = (
    column("bill_length_mm"),
    column("bill_depth_mm"),
    column("island", kind="text"),
    column("species", "target", kind="text"),
)


def completed(parent: Path, name: str, recipe: Recipe) -> Path:
    """Write a completed run into `parent`/`name`."""
    folder, head = _begin(parent, name, recipe)
    outcome = _outcome(recipe)
    classes = outcome["classes"]
    folder.write("config", dump_json(recipe.config).encode())
    folder.write("metrics", dump_json({key: metric["value"] for key, metric in outcome["metrics"].items()}).encode())
    folder.write("val_report", b"a table for people\n")
    folder.write("predictions", _csv(recipe.predictions, outcome["split"]["folds"]))
    folder.write("model", f"model of {name}".encode())
    folder.write("requirements", b"scikit-learn==1.9.1\n")
    if recipe.curve is not None:
        folder.write("curves", dump_json(recipe.curve).encode())
    assert classes is None or len(classes) >= 2
    seconds = {"config": 0.001, "load": 0.01, "split": 0.002, "fit": recipe.fit_seconds, "evaluate": 0.01, "save": 0.01}
    _finish(
        folder,
        head
        | {
            "status": "completed",
            "outcome": outcome,
            "stages": [{"name": stage, "seconds": value} for stage, value in seconds.items()],
            "failure": None,
        },
    )
    return folder.path


def hostile_pair(parent: Path, text: str) -> None:
    """Two runs, a and b, and a failed one, c, in which everything that is foreign is `text`."""
    config = with_keys(
        LOGISTIC,
        goal=text,
        hypothesis=text,
        data={"path": text, "target": text},
        model={"class": f"sklearn.{text}", "params": {text: text}},
    )
    predictions = [(0, text, "b"), (5, "b", text), (10, "b", "b")]
    base = Recipe(
        config=config, predictions=predictions, columns=[column("x"), column(text, "target")], command=text,
        metrics={text[:900]: {"value": 0.5}, "accuracy": {"value": 0.25}},
        environment={"platform": text}, warnings=[{"code": text[:900], "values": {text: text}}],
    )  # fmt: skip
    changed = with_keys(config, model={"class": "x", "params": {text: [text]}})
    completed(parent, "a", base)
    completed(parent, "b", base.but(config=changed, predictions=[(0, text, text), *predictions[1:]]))
    failed(parent, "c", base, error=text[:900], message=text, hint=text)


def failed(parent: Path, name: str, recipe: Recipe, *, raw: str | None = None, **failure: Any) -> Path:
    """Write a failed run; with `raw`, one whose config never became valid."""
    folder, head = _begin(parent, name, recipe)
    failure = {"stage": "fit", "error": "ValueError", "message": "no", "traceback": [], "hint": ""} | failure
    if raw is not None:
        head["inputs"] = dict.fromkeys(head["inputs"]) | {"config": {"resolved": None, "raw": raw, "digest": None}}
    _finish(folder, head | {"status": "failed", "outcome": None, "stages": [], "failure": failure})
    return folder.path


def running(parent: Path, name: str, recipe: Recipe) -> Path:
    """Write a run that never came to its end."""
    folder, head = _begin(parent, name, recipe)
    _finish(folder, head | {"status": "running", "outcome": None, "stages": [], "failure": None})
    return folder.path


def _begin(parent: Path, name: str, recipe: Recipe) -> tuple[RunFolder, dict[str, Any]]:
    (parent / name).mkdir(parents=True)
    folder = RunFolder(parent / name, "run", recipe.created_at)
    return folder, {
        "schema_version": 5,
        "kind": "config",
        "run_id": "run",
        "nonce": digest(name)[:32],
        "created_at": recipe.created_at,
        "command": recipe.command or f"week2kit train penguins.json --name {name}",
        "inputs": _inputs(recipe),
        "warnings": list(recipe.warnings),
    }


def _finish(folder: RunFolder, manifest: dict[str, Any]) -> None:
    manifest["artifacts"] = [artifact.model_dump() for artifact in folder.artifacts]
    folder.write_manifest(MANIFEST.validate_python(manifest))


def _inputs(recipe: Recipe) -> dict[str, Any]:
    columns = list(recipe.columns or COLUMNS)
    return {
        "code": {"week2kit": "0.1.0", "digest": digest(recipe.code), "modules": None, "git": None},
        "data": {
            "source": "file",
            "path": "penguins.csv",
            "from_run": "../../penguins.csv",
            "bytes": 15_000,
            "sha256": digest("bytes", recipe.table),
            "reader": "csv",
            "table_digest": digest(recipe.table, columns),
            "unordered_digest": None,
            "rows": recipe.rows,
            "columns": columns,
        },
        "config": {"resolved": dict(recipe.config), "raw": None, "digest": digest(recipe.config)},
        "seed": {"value": recipe.config["seed"], "source": recipe.seed_source},
        "environment": _environment() | dict(recipe.environment),
    }


def _environment() -> dict[str, Any]:
    libraries = {"numpy": "2.4.6", "pandas": "3.1.1", "scikit-learn": "1.9.1", "scipy": "1.17.1"}
    blas = {"user": "numpy", "vendor": "openblas", "version": "0.3.30", "architecture": "Haswell", "threads": 2}
    return {
        "python": "3.11.7",
        "implementation": "CPython",
        "platform": "Linux-x86_64",
        "cpu": {"model": "a processor", "features": ["avx2"]},
        "cpus_allowed": 2,
        "cpus": 2,
        "jobs": 1,
        "libraries": libraries,
        "blas": [blas],
        "openmp_threads": 2,
        "simd": ["AVX2"],
        "libm": {"name": "glibc", "version": "2.36"},
        "variables": {},
        "fingerprint": {"blas": digest("blas")},
    }


def _outcome(recipe: Recipe) -> dict[str, Any]:
    task = recipe.config["task"]
    rows = len(recipe.predictions)
    seen = sorted({label for _, true, guess in recipe.predictions for label in (true, guess)}, key=str)
    split = {
        "method": recipe.config["split"]["method"],
        "splitter": "sklearn.model_selection.train_test_split",
        "positions": digest([row for row, _, _ in recipe.predictions]),
        "contents": digest(recipe.table, recipe.columns, [row for row, _, _ in recipe.predictions]),
        "folds": [{"n_train": recipe.rows - rows, "n_val": rows}],
    }
    return {
        "task": task,
        "classes": seen if task == "classification" else None,
        "positive": None,
        "split": split | dict(recipe.split or {}),
        "model": {
            "class": "sklearn.pipeline.Pipeline",
            "digest": digest(recipe.config),
            "n_iter": recipe.n_iter and list(recipe.n_iter),
            "converged": recipe.converged,
        },
        "predictions": {
            "rows": rows,
            "digest": digest(recipe.predictions),
            "scores": None,
            "score_method": "predict" if task == "regression" else None,
            "decision": None,
        },
        "metrics": {name: _metric(values) for name, values in (recipe.metrics or _metrics(recipe)).items()},
    }


def _metric(values: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {
        "training": values["value"],
        "n_training_rows": 275,
        "dummy": 0.0,
        "std": None,
        "folds": [values["value"]],
        "repeats": [],
        "greater_is_better": True,
    }
    return defaults | dict(values)


def _metrics(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Accuracy and macro F1 of the predictions, as scikit-learn defines them."""
    pairs = [(true, guess) for _, true, guess in recipe.predictions]
    accuracy = sum(true == guess for true, guess in pairs) / len(pairs)
    names = sorted({label for pair in pairs for label in pair}, key=str)
    scores = []
    for name in names:
        hits = sum(true == guess == name for true, guess in pairs)
        scores.append(2 * hits / max(1, sum((true == name) + (guess == name) for true, guess in pairs)))
    dummy = max(sum(true == name for true, _ in pairs) for name in names) / len(pairs)
    return {
        "accuracy": {"value": accuracy, "training": min(1.0, accuracy + 0.01), "dummy": dummy},
        "f1_macro": {"value": sum(scores) / len(scores), "training": min(1.0, accuracy + 0.01), "dummy": 0.2},
    }


def _csv(predictions: Sequence[Prediction], folds: Sequence[Mapping[str, int]]) -> bytes:
    owners = [index for index, fold in enumerate(folds) for _ in range(fold["n_val"])]
    lines = ["repeat,fold,row,y_true,y_pred"]
    for owner, (row, true, guess) in zip(owners, predictions, strict=True):
        lines.append(f"0,{owner},{row},{_cell(true)},{_cell(guess)}")
    return ("\n".join(lines) + "\n").encode()


def _cell(value: object) -> str:
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in '",\n\r') else text
