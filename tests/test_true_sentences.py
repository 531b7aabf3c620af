"""Sentences of a report that were false somewhere: where each must stand, and a case in which it must not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from week2kit.errors import StageError
from week2kit.record.manifest import Warned
from week2kit.rendering.markdown import number
from week2kit.rendering.output import render
from week2kit.rendering.pictures.contents import plan_pictures
from week2kit.reporting.composing import report
from week2kit.reporting.interpretation import _disagreement
from week2kit.reporting.rows import MetricRow, Range, Verdict
from week2kit.sentences.next_experiment import NEXT
from week2kit.sentences.warnings import describe_warning
from week2kit.starting.init import start
from week2kit.training.door import train

from . import build_runs as build


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(rows: int, *, leak: bool = False, noise: float = 1.0, classes: bool = True) -> None:
    draws = np.random.default_rng(4)
    frame = pd.DataFrame({name: draws.normal(size=rows).round(3) for name in "abcd"})
    amount = frame.a + noise * draws.normal(size=rows)
    frame["y"] = np.where(amount > 0, "yes", "no") if classes else amount.round(3)
    if leak:
        frame["late"] = frame.y.map({"yes": "paid", "no": "open"}) if classes else -3 * frame.y
    frame.to_csv("t.csv", index=False)


def runs(*models: Any, runs_dir: str = "runs", **keys: Any) -> list[str]:
    data = {"path": "t.csv", "target": "y"}
    for index, model in enumerate(models):
        train({"data": data, "model": model, "seed": 1} | keys, name=f"r{index}", runs_dir=runs_dir)
    return [f"{runs_dir}/r{index}" for index in range(len(models))]


def text_of(paths: list[str]) -> str:
    return render(report(paths, only_named=True))


@pytest.mark.parametrize(
    ("classes", "models", "keys"),
    [
        (True, ("logistic_regression", "decision_tree"), {}),
        (False, ("ridge", "linear_regression"), {"metrics": ["root_mean_squared_error"]}),
    ],
)
def test_a_leak_comes_first_and_the_next_experiment_is_without_it(classes: bool, models: Any, keys: Any) -> None:
    table(400, leak=True, classes=classes)
    made = report(runs(*models, **keys), only_named=True)
    text = render(made)
    first = text.split("\n\n")[1]
    assert first.startswith("> [!WARNING]\n> **Do not believe the scores of `r0`, `r1` yet.** The feature late")
    assert "Leave `late` out, and train again" in text.partition("## Goal")[0]
    assert made.proposal.reason.code == "next.leak"
    again = train(made.proposal.config, name="without")
    assert again.manifest.status == "completed"
    assert "late" not in [column.name for column in again.manifest.inputs.data.columns]  # type: ignore[union-attr]
    text = text_of(["runs/without"])
    assert "Do not believe" not in text
    assert "Leave `late` out" not in text


def test_a_score_that_is_too_good_is_not_praised() -> None:
    draws = np.random.default_rng(1)
    along, across = draws.uniform(-3, 3, 400), np.where(np.arange(400) % 2, 1, -1) * draws.uniform(0.6, 1.2, 400)
    frame = pd.DataFrame({"a": along + across, "b": across - along, "y": np.where(across > 0, "yes", "no")})
    frame.to_csv("t.csv", index=False)
    text = text_of(runs("logistic_regression"))
    assert "So good a score is rare" in text.partition("## Goal")[0]
    assert "no sign of overfitting" not in text
    frame[:150].to_csv("t.csv", index=False)  # thirty rows are all got right by luck
    assert "So good a score is rare" not in text_of(runs("logistic_regression", runs_dir="few"))


def test_where_to_look_for_the_reason_of_a_good_score_fits_the_table() -> None:
    """One feature cannot be left out, and rows in time order that were split at random are the first suspect."""
    days = np.arange(1000)
    date = pd.Series(pd.date_range("2020-01-01", periods=1000)).dt.strftime("%Y%m%d").astype(int)
    frame = pd.DataFrame({"date": date, "y": (300 + np.sin(days / 60)).round(4)})
    one_by_one, later, single = "leave out one feature at a time", "Judge it on later rows first", "`date`, the only"

    def told(frame: pd.DataFrame, folder: str) -> list[bool]:
        frame.to_csv("t.csv", index=False)
        text = text_of(runs("decision_tree_regressor", runs_dir=folder))
        assert "So good a score is rare" in text
        return [said in text for said in (later, single, one_by_one)]

    shuffled = frame.sample(frac=1, random_state=1)
    assert told(frame, "ordered") == [True, False, False]
    assert told(shuffled, "shuffled") == [False, True, False]
    assert told(shuffled.assign(b=np.random.default_rng(1).normal(size=1000)), "two") == [False, False, True]


def test_accuracy_is_spoken_of_where_it_is_measured_only() -> None:
    table(300, classes=False)
    text = text_of(runs("ridge"))
    assert "The scores come from one split with 60 validation rows; other rows would give other scores." in text
    assert "accuracy" not in text
    table(300)
    assert "is worth 0.0167 of accuracy" in text_of(runs("logistic_regression", runs_dir="classes"))


def test_a_gap_is_judged_where_the_rows_allow_it_only() -> None:
    """Of twenty-four rows a gap of 0.1 may come by chance, and train and report say nothing of overfitting."""
    table(120)
    gaps, told = {}, {}
    for seed in range(20):
        name = f"k{seed}"
        run = train({"data": {"path": "t.csv", "target": "y"}, "model": "k_nearest_neighbors", "seed": seed}, name=name)
        told[name] = [warned.values["metric"] for warned in run.manifest.warnings if warned.code == "metric.gap"]
        accuracy = run.manifest.outcome.metrics["accuracy"]  # type: ignore[union-attr]
        gaps[name] = accuracy.training - accuracy.value  # type: ignore[operator]
    near = next(name for name, gap in gaps.items() if 0.1 < gap < 0.15)
    text = text_of([f"runs/{near}"])
    assert re.search(r"With 24 validation rows the gap of 0\.\d+ may come by chance", text)
    assert "accuracy" not in told[near]
    far = max(gaps, key=gaps.__getitem__)
    assert gaps[far] > 0.2
    assert "accuracy" in told[far]
    table(3000)
    many = text_of(runs("decision_tree", runs_dir="many"))
    assert "a sign of overfitting" in many
    assert "may come by chance" not in many


@pytest.mark.parametrize("folder", ["runs", "compare", "deep/er"])
def test_the_next_run_lands_beside_those_that_it_is_compared_with(folder: str) -> None:
    table(300)
    text = text_of(runs("logistic_regression", "decision_tree", runs_dir=folder))
    commands = re.findall(r"week2kit train [^`\n]*--name [^`\n]*", text)
    assert commands
    for command in commands:
        assert ("--runs-dir" in command) == (folder != "runs")
        assert folder == "runs" or f"--runs-dir {folder}" in command


def test_the_errors_of_prices_are_amounts_and_small_errors_are_not_zero() -> None:
    """1.6e+04 stood beside 1.783e+04, and their difference as +1826.9200."""
    shown = {
        15999.62: "15999.6",
        -26160.04: "-26160.0",
        2.5e7: "2.5e+07",
        4.7e-07: "4.7e-07",
        0.0: "0.0000",
        5.5: "5.5000",
    }
    assert {value: number(value) for value in shown} == shown
    table(100, classes=False)
    frame = pd.read_csv("t.csv")
    frame.assign(y=68000 + 27000 * frame.y).to_csv("t.csv", index=False)
    error = {"metrics": ["root_mean_squared_error"]}
    text = text_of(runs("ridge", "decision_tree_regressor", **error))
    assert "predicted upward, both" in text
    assert not re.search(r"\de\+0[456]", text)


def row(metric: str, low: float, high: float, *, primary: bool = False, up: bool = True) -> MetricRow:
    return MetricRow(
        metric=metric, of=None, baseline=None, variant=None, difference=(low + high) / 2,
        interval=Range(low, high, 0.95), greater_is_better=up, primary=primary, outcome="better" if primary else None,
    )  # fmt: skip


def test_a_secondary_metric_beyond_noise_is_told_and_one_within_is_not() -> None:
    primary = row("accuracy", -0.01, 0.02, primary=True)

    def told(other: MetricRow, verdict: Verdict = "noise") -> list[tuple[str, Any]]:
        return [(one.code, one.values["against"]) for one in _disagreement([primary, other], primary, verdict)]

    assert told(row("f1_macro", -0.2, -0.1)) == [("difference.others_worse", ["f1_macro"])]
    assert told(row("log_loss", -0.2, -0.1, up=False)) == [("difference.others_better", ["log_loss"])]
    assert told(row("f1_macro", -0.2, 0.1)) == []
    assert told(row("f1_macro", -0.2, -0.1), "better") == []
    primary = row("accuracy", 0.01, 0.02, primary=True)
    assert told(row("f1_macro", 0.01, 0.03)) == []


@pytest.mark.parametrize(("fixed", "broken", "said"), [(80, 81, False), (20, 32, True)])
def test_rows_that_nobody_collects_are_not_asked_for(fixed: int, broken: int, said: bool) -> None:
    counts = {("a", "b", "a"): fixed, ("a", "a", "b"): broken, ("a", "a", "a"): 60, ("b", "b", "b"): 60}
    base, other = build.moves(counts)
    build.completed(Path("runs"), "base", build.Recipe(predictions=base))
    config = build.with_keys(build.LOGISTIC, model__params__C=10.0)
    build.completed(Path("runs"), "other", build.Recipe(predictions=other, config=config))
    text = text_of(["runs/base", "runs/other"])
    assert "not shown to be more than noise" in text
    assert "That is noise" not in text
    assert ("would be needed to find such a difference" in text) == said


def test_a_gap_is_not_judged_where_the_folds_differ_by_more() -> None:
    """One fold whose rows are nearly alike has an r2 far below 0, that of the dummy too: no sign of overfitting."""
    table(60, classes=False)
    frame = pd.read_csv("t.csv")
    frame.loc[:11, "y"] = 0.02 * np.arange(12)
    frame.to_csv("t.csv", index=False)
    folds = {"split": {"method": "kfold", "n_splits": 5, "shuffle": False}}
    text = text_of(runs("ridge", **folds))
    assert re.search(r"The 5 folds differ by so much \(-\d+\.\d+ to 0\.\d+\) that the gap of \d+\.\d+ may come", text)
    assert "a sign of overfitting" not in text
    table(600, classes=False)
    text = text_of(runs("decision_tree_regressor", runs_dir="many", **folds))
    assert "a sign of overfitting" in text
    assert "differ by so much" not in text


def test_what_is_not_shown_is_called_noise_nowhere_and_amounts_have_no_more_digits_than_anyone_reads() -> None:
    table(80, classes=False, noise=9)
    worse = {"class": "ridge", "params": {"alpha": 0.01}}
    made = report(runs("ridge", worse, seed=2, metrics=["root_mean_squared_error"]), only_named=True)
    text = render(made)
    assert [one.kind for one in plan_pictures(made) if one.description.endswith(", not shown.")] == ["difference"]
    assert "Lower than the baseline" not in text  # a larger error is higher, and worse
    assert "A worse score than the baseline, but not told apart" in text
    rows = text.partition("The largest changes of the absolute error")[2].partition("##")[0]
    assert re.search(r"`-?\d+\.\d{4}`", rows)
    assert not re.search(r"\d\.\d{6}", rows)


def test_labels_that_differ_by_blanks_around_them_are_told_apart() -> None:
    table(60)
    pd.read_csv("t.csv").replace({"y": {"yes": " no"}}).to_csv("t.csv", index=False)
    text = text_of(runs("logistic_regression", "decision_tree", split={"method": "kfold", "n_splits": 3}))
    assert '| `" no"` |' in text
    assert "| `no` |" in text


def test_the_split_that_a_warning_offers_can_be_copied_into_a_config() -> None:
    for column in ("", "year of sale", 'so-called "year"'):
        text = describe_warning(Warned(code="split.time_order", values={"column": column, "rows": 3}))
        assert json.loads("{" + text.partition("try ")[2].rstrip(".") + "}")["split"]["order_by"] == column


def test_no_praise_without_a_ground_and_no_blame_either() -> None:
    """A run in which nothing was found is not faultless, and one that is always right is not dishonest."""
    told = " ".join(map(str, NEXT.values()))
    assert "Nothing is wrong" not in told
    assert "honest" not in told


def test_a_forest_votes_on_classes_and_takes_the_mean_of_amounts() -> None:
    for classes, said in ((True, "A hundred trees that vote"), (False, "The mean of a hundred trees")):
        table(100, classes=classes)
        start("t.csv", target="y")
        config = json.loads(Path("variant.json").read_text())
        Path("baseline.json").unlink()
        Path("variant.json").unlink()
        assert str(config["hypothesis"]).startswith(said)


def test_a_file_with_blanks_between_its_fields_is_told_so() -> None:
    Path("t.csv").write_text("'OBS' 'GPA' 'GRADE'\n" + "1 2.66 0\n" * 20)
    with pytest.raises(StageError) as refused:
        start("t.csv", target="GRADE")
    assert "Blanks stand between its fields" in str(refused.value.hint)
    Path("t.csv").write_text("grade\n" + "a\n" * 20)
    with pytest.raises(StageError) as refused:
        start("t.csv", target="grade")
    assert "Blanks" not in str(refused.value.hint)


def test_what_no_run_on_the_same_rows_can_show_is_named_where_the_changes_are_taken_apart() -> None:
    table(160)
    runs({"class": "decision_tree", "params": {"max_depth": 2}})
    data = {"path": "t.csv", "target": "y", "drop": ["d"]}
    other = {"data": data, "model": {"class": "logistic_regression"}, "seed": 1}
    train(other, name="same", runs_dir="runs")
    train(other | {"split": {"test_size": 0.3}}, name="fewer", runs_dir="runs")
    left = "What cannot be tried alone on these rows: `split.test_size`."
    assert left in text_of(["runs/r0", "runs/fewer"])
    assert "What cannot be tried alone" not in text_of(["runs/r0", "runs/same"])


def test_one_split_is_spoken_of_only_where_all_runs_have_it() -> None:
    table(160)
    runs({"class": "logistic_regression"}, {"class": "decision_tree"})
    train("runs/r0/config.json", set=["split.test_size=0.3"], name="fewer", runs_dir="runs")
    assert "The scores come from one split." in text_of(["runs/r0", "runs/r1"])
    text = text_of(["runs/r0", "runs/fewer"])
    assert "one split" not in text
    assert "because the config differs in `split.test_size`." in text
