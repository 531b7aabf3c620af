"""What rows do not define has no value: it is told, and no reader concludes anything from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.tampering.copies import Copy
from week2kit import open_run, report, train, verify
from week2kit.inputs.listing import list_runs, runs_table
from week2kit.loop.defined import NEEDS
from week2kit.record.earlier import changed_since
from week2kit.record.manifest import CompletedRun, FailedRun
from week2kit.rendering.output import render
from week2kit.sentences.training import run_lines
from week2kit.sentences.verdicts import describe_verdict
from week2kit.sentences.warnings import warning_lines
from week2kit.verification.options import exit_code

ROOT = Path(__file__).parent.parent
OLD = ROOT / "tests/old_runs/v3"

FORTY = {"method": "kfold", "n_splits": 40}
CONFIGS: dict[str, dict[str, Any]] = {
    "folds": {"split": {"method": "kfold", "n_splits": 10}},
    "one row each": {"split": FORTY},
    "holdout": {"split": {"test_size": 0.25, "shuffle": False}},
    "constant": {"data": {"path": "numbers.csv", "target": "y"}, "split": {"test_size": 0.25, "shuffle": False}},
    "zeros": {"data": {"path": "numbers.csv", "target": "zeros", "drop": ["y"]}},
    "rows of numbers": {"data": {"path": "numbers.csv", "target": "zeros", "drop": ["y"]}, "split": FORTY},
}
METRICS = {
    "constant": ["r2", "explained_variance", "mean_absolute_error"],
    "zeros": ["mean_absolute_percentage_error", "r2"],
    "rows of numbers": ["r2", "root_mean_squared_error", "mean_absolute_error"],
}


def rows(folder: Path) -> None:
    """Forty rows; the eight frauds are told apart by a feature, and none is among the last ten."""
    rng = np.random.default_rng(0)
    fraud = np.zeros(40, dtype=int)
    fraud[[1, 4, 8, 11, 15, 19, 22, 27]] = 1
    pd.DataFrame({"x": fraud * 10 + rng.normal(size=40), "fraud": fraud}).to_csv(folder / "fraud.csv", index=False)
    y = rng.normal(size=40)
    y[-12:] = 0.3
    zeros = np.where(np.arange(40) % 3, np.round(y, 1) + 3, 0.0)
    pd.DataFrame({"x": y + rng.normal(size=40), "y": y, "zeros": zeros}).to_csv(folder / "numbers.csv", index=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, CompletedRun]]:
    """The runs of all configs, trained once; the folder is the working directory of this module's tests."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("undefined")
        patch.chdir(folder)
        rows(folder)
        found = {}
        for name, more in CONFIGS.items():
            model = "linear_regression" if name in METRICS else "logistic_regression"
            config = {"data": {"path": "fraud.csv", "target": "fraud"}, "model": model, "seed": 1} | more
            config["metrics"] = METRICS.get(name, ["f1", "recall", "accuracy"])
            manifest = train(config, name=name.replace(" ", "-")).manifest
            assert isinstance(manifest, CompletedRun), manifest
            found[name] = manifest
        yield found


def warned(manifest: CompletedRun) -> dict[str, dict[str, Any]]:
    return {one.code: dict(one.values) for one in manifest.warnings}


def test_folds_without_the_class_are_left_out_of_the_mean_and_counted(runs: Mapping[str, CompletedRun]) -> None:
    manifest = runs["folds"]
    f1 = manifest.outcome.metrics["f1"]
    defined = [value for value in f1.folds if value is not None]
    assert 0 < len(defined) < 10
    assert (f1.value, f1.std) == (1.0, 0.0)
    told = warned(manifest)["metric.undefined"]
    assert told["metrics"] == ["f1", "recall"]
    assert (told["folds"], told["of"], told["labels"]) == (10 - len(defined), 10, [1])
    assert not {"metric.gap", "metric.no_better_than_dummy"} & warned(manifest).keys()
    assert manifest.outcome.metrics["accuracy"].folds == [1.0] * 10


def test_a_holdout_without_the_class_completes_and_says_so(runs: Mapping[str, CompletedRun]) -> None:
    manifest = runs["holdout"]
    assert json.loads(Path("runs/holdout/metrics.json").read_text()) == {"f1": None, "recall": None, "accuracy": 1.0}
    f1 = manifest.outcome.metrics["f1"]
    assert (f1.value, f1.dummy, f1.training, f1.std, f1.folds) == (None, None, 1.0, None, [])
    (line,) = [line for line in warning_lines(manifest.warnings) if "metric.undefined" in line]
    assert "f1, recall: not defined on the validation rows (no row there is of class 1)." in line
    assert not {"metric.gap", "metric.no_better_than_dummy"} & warned(manifest).keys()


@pytest.mark.parametrize("name", ["folds", "one row each", "holdout", "constant", "zeros", "rows of numbers"])
def test_no_reader_concludes_anything_from_it(runs: Mapping[str, CompletedRun], name: str) -> None:
    path = f"runs/{name.replace(' ', '-')}"
    text = render(report([path], only_named=True))
    if name != "folds":  # there the value is the mean over the folds that define it
        for word in ("overfitting", "has learnt", "no better than", "nothing was learnt"):
            assert word not in text.partition("## Interpretation")[2].partition("## Evidence")[0], word
        assert (
            "is not defined, or says little" in text or "**Do not believe the scores of" in text
        )  # a leak comes first
    table, _ = run_lines(open_run(path), "config.json")
    assert ("not defined" in "\n".join(table)) is (
        runs[name].outcome.metrics[next(iter(METRICS.get(name, ["f1"])))].value is None
    )
    assert "of class 1" not in text or "no row there is of class 1" in text
    assert "f1 of 1" in "\n".join(table) or name in METRICS
    open_run(path)._repr_markdown_()
    runs_table(list_runs([open_run(path)]))


@pytest.mark.parametrize("name", ["folds", "one row each", "holdout", "constant", "zeros", "rows of numbers"])
def test_it_comes_out_again(runs: Mapping[str, CompletedRun], name: str) -> None:
    (verdict,) = verify(f"runs/{name.replace(' ', '-')}").runs
    assert (verdict.verdict, verdict.level) == ("identical", "model"), describe_verdict(verdict)


def test_folds_of_one_row_are_told_for_metrics_that_are_no_mean_of_rows(runs: Mapping[str, CompletedRun]) -> None:
    assert warned(runs["one row each"])["metric.one_row"]["metrics"] == ["f1", "recall"]
    assert warned(runs["rows of numbers"])["metric.one_row"]["metrics"] == ["root_mean_squared_error"]
    assert warned(runs["rows of numbers"])["metric.undefined"]["reason"] == "one_row"
    assert "metric.one_row" not in warned(runs["folds"])


def test_a_constant_target_and_targets_at_zero_are_told(runs: Mapping[str, CompletedRun]) -> None:
    assert warned(runs["constant"])["metric.undefined"]["reason"] == "constant"
    assert runs["constant"].outcome.metrics["mean_absolute_error"].value is not None
    assert warned(runs["zeros"])["metric.zero_targets"]["metrics"] == ["mean_absolute_percentage_error"]
    assert "metric.no_better_than_dummy" not in warned(runs["zeros"])


def test_two_runs_are_compared_over_the_folds_that_both_define(runs: Mapping[str, CompletedRun]) -> None:
    config = json.loads(Path("runs/folds/config.json").read_text())
    config["model"]["params"] = {"C": 0.001}
    train(config, name="variant")
    (one,) = report(["runs/folds", "runs/variant"], only_named=True).comparisons
    row = next(row for row in one.metrics if row.primary)
    assert row.baseline is not None
    assert row.variant is not None
    assert row.baseline.undefined == row.variant.undefined > 0
    assert row.difference == (row.variant.value or 0.0) - (row.baseline.value or 0.0)
    assert one.judgement is not None
    assert one.judgement.units == 10 - row.baseline.undefined


def test_a_run_without_a_value_is_neither_ranked_nor_lost(runs: Mapping[str, CompletedRun]) -> None:
    config = json.loads(Path("runs/holdout/config.json").read_text())
    for number, strength in enumerate((0.1, 10.0)):
        config["model"]["params"] = {"C": strength}
        train(config, name=f"other{number}")
    found = report(["runs/holdout", "runs/other0", "runs/other1"], only_named=True)
    assert [row.rank for row in found.overview if not row.baseline] == [None, None]
    text = render(found)
    assert "not defined" in text
    for word in ("is best", "worse than", "better than the baseline"):
        assert word not in text.partition("## Results")[2].partition("## Rows that moved")[0]


# --- what a forger may write ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place", "new"),
    [
        pytest.param("holdout", "f1.value", 1.0, id="a value where there is none"),
        pytest.param("holdout", "accuracy.value", None, id="none where there is a value"),
        pytest.param("folds", "f1.folds", lambda folds: [value or 0.0 for value in folds], id="zeros in folds"),
        pytest.param("folds", "accuracy.folds", lambda folds: [None, *folds[1:]], id="a fold left out"),
    ],
)
def test_a_value_and_none_are_not_the_same(
    runs: Mapping[str, CompletedRun], tmp_path: Path, name: str, place: str, new: Any
) -> None:
    copy = Copy(tmp_path, tmp_path)
    shutil.copytree(f"runs/{name}", copy.run)
    copy.set(f"outcome.metrics.{place}", new)
    for metric, values in copy.get("outcome.metrics").items():
        copy.json_of("metrics.json", partial(_with, metric, values["value"]))
    copy.seal()
    (verdict,) = verify(copy.run).runs
    assert verdict.verdict == "tampered", describe_verdict(verdict)


def _with(metric: str, value: float | None, written: dict[str, Any]) -> dict[str, Any]:
    return written | {metric: value}


def test_an_edited_decision_function_is_tampered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = {"data": {"dataset": "breast_cancer"}, "model": "logistic_regression", "preprocess": "auto-scaled"}
    manifest = train({**config, "metrics": ["roc_auc"], "seed": 3}, name="run").manifest
    assert isinstance(manifest, CompletedRun)
    assert manifest.outcome.predictions.decision is not None
    header = Path("runs/run/predictions.csv").read_text().partition("\n")[0]
    assert header == "repeat,fold,row,y_true,y_pred,score:0,score:1,decision"
    (verdict,) = verify("runs/run").runs
    assert (verdict.verdict, verdict.level) == ("identical", "model")
    copy = Copy(tmp_path, tmp_path)

    def turned(content: bytes) -> bytes:
        head, *lines = content.decode().splitlines()
        left, _, last = lines[0].rpartition(",")
        return "\n".join([head, f"{left},{float(last) + 1e-3!r}", *lines[1:], ""]).encode()

    copy.bytes_of("predictions.csv", turned)
    copy.seal()
    (verdict,) = verify("runs/run").runs
    assert verdict.verdict == "tampered", describe_verdict(verdict)


# --- records of earlier versions --------------------------------------------------------------------------------


def test_what_earlier_versions_computed_otherwise_is_named_in_one_place() -> None:
    found = {run.name: open_run(run).manifest for run in sorted(OLD.iterdir())}
    changed = {name: changed_since(run) for name, run in found.items() if isinstance(run, CompletedRun)}
    assert changed == {
        "iris-baseline": {},
        "penguins-baseline": {},
        "ranks-of-probabilities": {"average_precision": "probabilities", "roc_auc": "probabilities"},
        "undefined-folds": {"f1": "undefined", "matthews_corrcoef": "undefined"},
    }


@pytest.mark.newest
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("undefined-folds", "f1, matthews_corrcoef (where rows do not define it"),
        ("ranks-of-probabilities", "average_precision, roc_auc (from probabilities"),
    ],
)
def test_an_old_record_is_held_against_its_own_rules_and_a_note_says_so(name: str, says: str) -> None:
    result = verify(OLD / name)
    lines = "\n".join(describe_verdict(result.runs[0]))
    assert exit_code(result, "close") == 0, lines
    assert says in lines


def test_an_old_value_is_neither_interpreted_nor_compared_with_one_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("undefined-folds", "ranks-of-probabilities"):
        shutil.copytree(OLD / name, tmp_path / "runs" / name)
        config = json.loads((OLD / name / "config.json").read_text())
        assert isinstance(train(config, name=f"{name}-today").manifest, CompletedRun)
        (one,) = report([f"runs/{name}", f"runs/{name}-today"], only_named=True).comparisons
        primary = next(row for row in one.metrics if row.primary)
        assert (primary.difference, primary.outcome) == (None, None)
        accuracy = next(row for row in one.metrics if row.metric == "accuracy")
        assert accuracy.difference == 0
    text = render(report(["runs/undefined-folds"], only_named=True))
    assert "An earlier week2kit made" in text
    assert "overfitting" not in text.partition("## Interpretation")[2].partition("## Evidence")[0]


# --- names of classes -------------------------------------------------------------------------------------------


def test_messages_name_classes_by_their_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    star = np.array([1] * 20 + [2] * 20 + [3])
    pd.DataFrame({"x": rng.normal(size=41) + star, "star": star}).to_csv("star.csv", index=False)
    data = {"path": "star.csv", "target": "star"}
    failed = train({"data": data, "split": {"stratify": True}, "model": "logistic_regression", "seed": 1}).manifest
    assert isinstance(failed, FailedRun)
    assert "class 3 has 1 row, and stratifying takes 2" in failed.failure.message
    split = {"method": "kfold", "n_splits": 3, "stratify": True}
    folds = train({"data": data, "split": split, "model": "logistic_regression", "seed": 1}).manifest
    assert isinstance(folds, CompletedRun)
    assert warned(folds)["split.small_class"] == {"label": 3, "rows": 1, "folds": 3}


@pytest.mark.parametrize(("step", "reason"), [(0.0, "constant"), (1e-90, "no_spread"), (1e-60, None), (1e200, None)])
def test_true_values_whose_squares_are_lost_define_no_quotient(step: float, reason: str | None) -> None:
    found = NEEDS["r2"](np.arange(6) * step, ())
    assert (None if found is None else found.reason) == reason
    assert "mean_absolute_error" not in NEEDS
