"""Whole reports, word for word, for the situations that a reader meets; each must say what its name says.

Refreshed with ``WEEK2KIT_REFRESH=1 python -m pytest tests/test_golden_reports.py``; read the difference first.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from week2kit.rendering.output import render
from week2kit.reporting.composing import report

from . import build_runs as build

GOLDEN = Path(__file__).parent / "golden" / "reports"
A, C, G = "Adelie", "Chinstrap", "Gentoo"
RUNS = Path("runs")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(**changes: Any) -> dict[str, Any]:
    result: dict[str, Any] = build.with_keys(build.LOGISTIC, **changes)
    return result


def two(counts: dict[tuple[str, str, str], int], **changes: Any) -> list[str]:
    """A baseline and a variant on the same rows; ``changes`` are keys of the variant's config."""
    first, second = build.moves(counts)
    build.completed(RUNS, "base", build.Recipe(predictions=first))
    build.completed(RUNS, "variant", build.Recipe(predictions=second, config=config(**changes), n_iter=[58]))
    return ["runs/base", "runs/variant"]


# --- the situations ---------------------------------------------------------------------------------------------


def a_real_improvement() -> list[str]:
    return two(
        {(A, A, A): 60, (A, C, A): 18, (A, A, C): 2, (C, C, C): 30, (C, A, C): 9, (C, C, A): 1, (G, G, G): 40},
        model__params__C=10.0,
    )


def noise() -> list[str]:
    """The nine and six rows of sixty-nine with which the report's sentence was thought out."""
    return two(
        {(A, A, A): 24, (A, C, A): 4, (A, A, C): 3, (C, C, C): 9, (C, A, C): 3, (C, C, A): 2, (G, G, G): 21}
        | {(G, A, G): 2, (G, G, A): 1},
        model__params__C=10.0,
    )


def worse() -> list[str]:
    return two(
        {(A, A, A): 30, (A, A, C): 12, (A, C, A): 1, (C, C, C): 14, (C, C, A): 4, (G, G, G): 25},
        model__params__C=0.001,
    )


def several_inputs_changed() -> list[str]:
    return two(
        {(A, A, A): 28, (A, C, A): 2, (C, C, C): 12, (C, A, C): 2, (G, G, G): 25},
        model__params__C=10.0, model__params__class_weight="balanced", preprocess=[],
    )  # fmt: skip


def another_split() -> list[str]:
    first, second = build.moves({(A, A, A): 28, (A, C, A): 2, (C, C, C): 12, (C, A, C): 2, (G, G, G): 25})
    build.completed(RUNS, "base", build.Recipe(predictions=first))
    other = config(seed=7, split__random_state=7, model__params__random_state=7)
    recipe = build.Recipe(predictions=[(row + 1, *pair) for row, *pair in second], config=other)
    build.completed(RUNS, "seed-7", recipe.but(split={"positions": "a" * 64}))
    return ["runs/base", "runs/seed-7"]


def _regression(alpha: float, shrink: float) -> Any:
    """Sixty rows whose error falls with `shrink`; the error's sign and size come from the row alone."""
    settings = config(
        task="regression",
        model={"class": "sklearn.linear_model.Ridge", "params": {"alpha": alpha}},
        metrics=["root_mean_squared_error", "r2"],
        split={"method": "holdout", "test_size": 0.2, "shuffle": True, "stratify": False, "random_state": 42},
    )
    errors = [((37 * row) % 41 - 20) / 10 for row in range(60)]
    rows = [(5 * row, row / 2, row / 2 + shrink * error + 0.1) for row, error in enumerate(errors)]
    squares = [(guess - true) ** 2 for _, true, guess in rows]
    mean = sum(true for _, true, _ in rows) / len(rows)
    spread = sum((true - mean) ** 2 for _, true, _ in rows)
    rmse = (sum(squares) / len(squares)) ** 0.5
    return build.Recipe(
        config=settings, predictions=rows, n_iter=None, converged=None,
        metrics={
            "root_mean_squared_error": {
                "value": rmse, "training": rmse - 0.05, "dummy": 8.7, "greater_is_better": False
            },
            "r2": {"value": 1 - sum(squares) / spread, "training": 0.99, "dummy": 0.0},
        },
    )  # fmt: skip


def a_regression() -> list[str]:
    build.completed(RUNS, "ridge-1", _regression(1.0, 1.0))
    build.completed(RUNS, "ridge-01", _regression(0.1, 0.6))
    return ["runs/ridge-1", "runs/ridge-01"]


def _folds(wrong: list[int], **changes: Any) -> Any:
    """Five folds of twenty rows of which the first `wrong` are misjudged."""
    settings = config(split={"method": "kfold", "n_splits": 5, "shuffle": True, "stratify": True, "random_state": 42})
    settings = build.with_keys(settings, metrics=["accuracy"], **changes)
    rows = [(20 * fold + row, A, C if row < wrong[fold] else A) for fold in range(5) for row in range(15)]
    rows += [(20 * fold + row, C, C) for fold in range(5) for row in range(15, 20)]
    rows.sort()
    values = [1 - count / 20 for count in wrong]
    mean = sum(values) / 5
    std = (sum((value - mean) ** 2 for value in values) / 5) ** 0.5
    return build.Recipe(
        config=settings, predictions=rows, rows=100,
        split={"method": "kfold", "folds": [{"n_train": 80, "n_val": 20}] * 5},
        metrics={"accuracy": {"value": mean, "training": mean + 0.02, "dummy": 0.75, "std": std, "folds": values}},
    )  # fmt: skip


def folds() -> list[str]:
    build.completed(RUNS, "base", _folds([2, 1, 2, 3, 1]))
    build.completed(RUNS, "variant", _folds([1, 1, 2, 2, 0], model__params__C=10.0))
    return ["runs/base", "runs/variant"]


def three_failed_runs() -> list[str]:
    runs = two({(A, A, A): 28, (A, C, A): 2, (C, C, C): 12, (C, A, C): 2, (G, G, G): 25}, model__params__C=10.0)
    hint = "Set model.params.l1_ratio."
    for number, ratio in enumerate((0.3, 0.7)):
        recipe = build.Recipe(
            config=config(model__params__penalty="elasticnet", model__params__C=ratio),
            created_at=f"2026-11-23T12:0{number}:00Z",
        )
        message = f"l1_ratio must be given when penalty is elasticnet and C is {ratio}."
        build.failed(RUNS, f"elastic-{number}", recipe, message=message, hint=hint)
    build.failed(
        RUNS, "typo", build.Recipe(created_at="2026-11-23T12:05:00Z"), stage="config", error="ConfigError",
        raw='{"data": {"path": "penguins.csv", "target": "species"}, "model": "logistic_regresion"}',
        message='model.class: there is no "logistic_regresion"; did you mean "logistic_regression"?',
    )  # fmt: skip
    return runs


def one_run_alone() -> list[str]:
    first, _ = build.moves({(A, A, A): 28, (A, C, A): 2, (C, C, C): 12, (C, A, C): 2, (G, G, G): 25})
    build.completed(RUNS, "base", build.Recipe(predictions=first))
    return ["runs/base"]


def seven_runs_ranked() -> list[str]:
    """The first is the baseline; three cannot be told from the best, two are behind, and one has other rows."""
    for number, wrong in enumerate((6, 2, 3, 4, 25, 30)):
        rows = [(5 * row, A, C if row < wrong else A) for row in range(60)] + [(5 * row, C, C) for row in range(60, 90)]
        settings = config(model__params__C=float(number + 1))
        build.completed(RUNS, f"c{number + 1}", build.Recipe(predictions=rows, config=settings))
    build.completed(RUNS, "other-data", build.Recipe(predictions=rows, rows=300))
    return ["runs"]


SITUATIONS: list[Callable[[], list[str]]] = [
    a_real_improvement, noise, worse, several_inputs_changed, another_split, a_regression, folds, three_failed_runs,
    one_run_alone, seven_runs_ranked,
]  # fmt: skip
SAYS = {
    "a_real_improvement": ["more than noise (exact McNemar, p < 0.001)"],
    "noise": [
        (
            "`variant` is right on 9 rows where `base` is wrong, and wrong on 6 where it is right. With 69 rows that "
            "is not shown to be more than noise (exact McNemar, p = 0.61). "
            "If the true rates were those seen here, about 900 rows would be "
            "needed to find such a difference in 8 of 10 tries (80 % power, 5 % level)."
        ),
    ],
    "worse": ["more than noise (exact McNemar", "lower in `variant`", "(worse)"],
    "several_inputs_changed": ["**Several things changed**", "so no cause can be named"],
    "another_split": ["**Not comparable.**", "there is no winner"],
    "a_regression": ["paired bootstrap", "lower is better"],
    "folds": ["corrected t test", "Nadeau and Bengio"],
    "three_failed_runs": ["l1_ratio", "logistic_regresion"],
    "one_run_alone": ["One run completed, so there is nothing to compare"],
    "seven_runs_ranked": ["| 1 = |", "not comparable", "Holm"],
}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_a_whole_report(situation: Callable[[], list[str]]) -> None:
    text = render(report(situation()))
    for wanted in SAYS[situation.__name__]:
        assert wanted in text
    golden = GOLDEN / f"{situation.__name__}.md"
    if os.environ.get("WEEK2KIT_REFRESH"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8", newline="\n")
    expected = golden.read_text(encoding="utf-8")
    difference = difflib.unified_diff(expected.splitlines(), text.splitlines(), lineterm="")
    assert text == expected, "\n" + "\n".join(difference)
