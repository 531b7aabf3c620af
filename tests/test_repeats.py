"""The noise floor: a run that is trained again with the seeds that follow, and what verify makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from week2kit import open_run, train, verify
from week2kit.config.reading import parse_config
from week2kit.environment.facts import record_environment
from week2kit.environment.restoring import missing_for
from week2kit.errors import ConfigError
from week2kit.inputs.changes import DRAWS_ONLY_WITH, repeats_vary
from week2kit.loop.estimators import find_class
from week2kit.loop.inside import unseeded
from week2kit.pytest_plugin import assert_reproducible
from week2kit.record.manifest import CompletedRun, FailedRun
from week2kit.record.migrations import read_manifest
from week2kit.record.verdict import Verdict

from . import sessions
from .sessions import ROOT, computed, pytest_session, wait_for
from .sessions import here as command
from .tampering.copies import Copy

IRIS = {"dataset": "iris"}
TREES = {"class": "random_forest", "params": {"n_estimators": 3}}
FOREST: dict[str, Any] = {"data": IRIS, "model": TREES, "metrics": ["accuracy", "log_loss"], "seed": 42}


def named(path: str, **params: Any) -> dict[str, Any]:
    return {"class": path, "params": params}


def completed(config: dict[str, Any], directory: Path, **options: Any) -> CompletedRun:
    manifest = train(config, runs_dir=directory, **options).manifest
    assert isinstance(manifest, CompletedRun), manifest.failure
    return manifest


# --- what they are ----------------------------------------------------------------------------------------------

FIXED_PCA = [{"class": "pca", "params": {"n_components": 2, "svd_solver": "randomized", "random_state": 7}}]
REGRESSION: dict[str, Any] = {
    "data": {"dataset": "diabetes"},
    "model": named("decision_tree_regressor", max_features=2),
    "seed": 1,
}
CONFIGS = [
    pytest.param(FOREST, (True, True), id="holdout"),
    pytest.param(FOREST | {"split": {"method": "kfold", "n_splits": 3}}, (True, True), id="kfold"),
    pytest.param(
        FOREST | {"split": {"method": "kfold", "n_splits": 2, "n_repeats": 2}}, (True, True), id="repeated-kfold"
    ),
    pytest.param(FOREST | {"split": {"random_state": 7}}, (False, True), id="fixed-split"),
    pytest.param(REGRESSION | {"split": {"shuffle": False}}, (False, True), id="no-shuffle"),
    pytest.param(FOREST | {"model": "naive_bayes"}, (True, False), id="nothing-draws"),
    pytest.param(FOREST | {"model": "naive_bayes", "split": {"random_state": 7}}, (False, False), id="nothing-moves"),
    pytest.param(
        FOREST | {"model": named("random_forest", n_estimators=3, random_state=1), "preprocess": FIXED_PCA},
        (True, False),
        id="fixed-model",
    ),
    pytest.param(
        FOREST | {"preprocess": [named("pca", n_components=2)], "model": "naive_bayes"}, (True, True), id="a-step"
    ),
    pytest.param(
        FOREST | {"model": named("sklearn.ensemble.BaggingClassifier", estimator=TREES, n_estimators=2)},
        (True, True),
        id="nested",
    ),
    pytest.param(
        REGRESSION | {"split": {"method": "time_series", "n_splits": 3}, "seed": 2**32 - 2},
        (False, True),
        id="time-series-and-the-largest-seeds",
    ),
]


@pytest.mark.parametrize(("config", "vary"), CONFIGS)
def test_a_repeat_is_what_a_run_with_that_seed_records(config: Any, vary: tuple[bool, bool], tmp_path: Path) -> None:
    """Bit for bit, metric by metric and fold by fold; and the run itself is what it is without repeats."""
    manifest = completed(config, tmp_path, repeats=3)
    seeds = [(config["seed"] + step) % 2**32 for step in (1, 2, 3)]
    alone = {seed: completed(config, tmp_path, seed=seed).outcome.metrics for seed in (config["seed"], *seeds)}
    for name, metric in manifest.outcome.metrics.items():
        told = [(repeat.seed, repeat.value, repeat.folds) for repeat in metric.repeats]
        assert told == [(seed, alone[seed][name].value, alone[seed][name].folds) for seed in seeds]
        assert metric.model_copy(update={"repeats": []}) == alone[config["seed"]][name]
    resolved = manifest.inputs.config.resolved
    assert resolved is not None
    assert repeats_vary(resolved) == vary
    moved = {tuple(metric.value for metric in metrics.values()) for metrics in alone.values()}
    assert len(moved) > 1 or vary == (False, False)


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
def test_repeats_change_nothing_else_of_a_run(tmp_path: Path) -> None:
    config = FOREST | {"model": named("logistic_regression", max_iter=3), "learning_curve": True}
    left, right = completed(config, tmp_path, name="a"), completed(config | {"repeats": 2}, tmp_path, name="b")
    assert left.warnings == right.warnings
    assert {warned.code for warned in left.warnings} >= {"fit.not_converged"}
    assert left.inputs.config.digest == right.inputs.config.digest
    assert left.outcome.model == right.outcome.model
    assert left.outcome.predictions == right.outcome.predictions
    assert [stage.name for stage in left.stages] == [stage.name for stage in right.stages]
    for name in (
        "metrics.json",
        "predictions.csv",
        "val_report.txt",
        "curves.json",
        "requirements.txt",
        "model.joblib",
    ):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert json.loads((tmp_path / "b/config.json").read_text()).pop("repeats") == 2


def test_no_repeats_are_not_worth_a_word(tmp_path: Path) -> None:
    (resolved,) = {
        json.dumps(completed(FOREST | more, tmp_path).inputs.config.resolved) for more in ({}, {"repeats": 0})
    }
    assert "repeats" not in resolved
    assert not completed(FOREST | {"repeats": 3}, tmp_path, repeats=0).outcome.metrics["accuracy"].repeats


def test_the_flat_form_and_a_drawn_seed_have_repeats_too(tmp_path: Path) -> None:
    rows = "".join(f"{row},{row * 7 % 11},{'yes' if row * 3 % 7 > 3 else 'no'}\n" for row in range(40))
    (tmp_path / "a.csv").write_text("a,b,label\n" + rows)
    flat = {"input_csv": str(tmp_path / "a.csv"), "label_col": "label", "random_state": 9}
    metric = completed(flat, tmp_path, repeats=2).outcome.metrics["accuracy"]
    assert [repeat.seed for repeat in metric.repeats] == [10, 11]
    drawn = completed({key: value for key, value in FOREST.items() if key != "seed"}, tmp_path, set=["repeats=1"])
    (repeat,) = drawn.outcome.metrics["log_loss"].repeats
    assert repeat.seed == (drawn.inputs.seed.value + 1) % 2**32
    assert repeat.value == completed(FOREST, tmp_path, seed=repeat.seed).outcome.metrics["log_loss"].value


@pytest.mark.parametrize("count", [-1, 1001, 2.0, True, "5", [1]], ids=str)
def test_a_wrong_count_is_an_error_that_names_the_key(count: Any) -> None:
    with pytest.raises(ConfigError, match=r"^repeats: Input should be "):
        parse_config(FOREST | {"repeats": count})


def test_the_command_line_tells_how_far_the_metrics_move(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(FOREST | {"seed": 3}))
    done = command("train", "a.json", "--repeats", 4, "--name", "a", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = open_run(tmp_path / "runs/a").manifest
    assert isinstance(manifest, CompletedRun)
    values = [repeat.value for repeat in manifest.outcome.metrics["accuracy"].repeats]
    header, accuracy = done.stdout.splitlines()[:2]
    assert header.endswith("  4 other seeds")
    assert accuracy.endswith(f"  {min(values):.4f} to {max(values):.4f}")


# --- what ends them ---------------------------------------------------------------------------------------------


def first_seed(rows: int, wanted: Callable[[Any, Any], bool]) -> int:
    """A seed whose unstratified split of `rows` fits, and that of the next seed does not."""
    fits = [wanted(*train_test_split(range(rows), test_size=0.2, random_state=seed)) for seed in range(100)]
    return next(seed for seed in range(99) if fits[seed] and not fits[seed + 1])


@pytest.mark.parametrize(
    ("column", "stage", "error", "says"),
    [
        ("y", "split", "StageError", "Repeat with seed {}: The training rows of a fold hold one class only"),
        ("x", "evaluate", "ValueError", "repeat with seed {}: Found unknown categories ['rare']"),
    ],
    ids=["one-class", "unknown-category"],
)
def test_a_repeat_that_fails_fails_the_run_and_says_which(
    column: str, stage: str, error: str, says: str, tmp_path: Path
) -> None:
    """And verify sees that it fails again in the same way, without being asked for repeats."""
    seed = first_seed(40, lambda learnt, _: 7 in learnt)
    frame = pd.DataFrame({"x": ["a", "b"] * 20, "z": range(40), "y": ["no", "yes"] * 20})
    frame[column] = ["rare" if row == 7 else "often" if column == "y" else "a" for row in range(40)]
    frame.to_csv(tmp_path / "data.csv", index=False)
    config = {
        "data": {"path": str(tmp_path / "data.csv"), "target": "y"},
        "split": {"stratify": False},
        "preprocess": [
            {"columns": ["x"], "steps": [named("one_hot", sparse_output=False)]},
            {"columns": ["z"], "steps": []},
        ],
        "model": "decision_tree",
        "metrics": ["accuracy"],
        "seed": seed,
    }
    completed(config, tmp_path / "runs")
    run = train(config, runs_dir=tmp_path / "runs", repeats=2)
    assert isinstance(run.manifest, FailedRun)
    failure = run.manifest.failure
    assert (failure.stage, failure.error) == (stage, error)
    assert failure.message.startswith(says.format(seed + 1))
    (verdict,) = verify(run, data=tmp_path / "data.csv").runs
    assert (verdict.verdict, verdict.level) == ("identical", "failure")


def test_an_interrupt_during_repeats_is_recorded(tmp_path: Path) -> None:
    config = FOREST | {"data": {"dataset": "digits"}, "model": named("random_forest", n_estimators=20)}
    (tmp_path / "a.json").write_text(json.dumps(config))
    process = subprocess.Popen(
        [sys.executable, "-m", "week2kit", "train", "a.json", "--repeats", "1000", "--name", "a"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    wait_for(lambda: computed(process.pid) > 5)  # imports and the fit of the run itself take half of it
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    manifest = open_run(tmp_path / "runs/a").manifest
    assert isinstance(manifest, FailedRun)
    assert manifest.failure.error == "KeyboardInterrupt"
    assert "evaluate" in [stage.name for stage in manifest.stages]  # of one holdout: the fit of the run itself was over
    assert manifest.inputs.config.resolved is not None
    assert manifest.inputs.config.resolved["repeats"] == 1000
    (verdict,) = verify(tmp_path / "runs/a").runs
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.external_failure")


# --- verify -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run with repeats of a holdout, one of folds, and one of the first whose best repeat was edited."""
    folder = tmp_path_factory.mktemp("repeats")
    train(FOREST, repeats=3, name="holdout", runs_dir=folder / "runs")
    train(FOREST | {"split": {"method": "kfold", "n_splits": 3}}, repeats=2, name="folds", runs_dir=folder / "runs")
    train(FOREST, repeats=3, name="run", runs_dir=folder / "edited/runs")
    Copy(folder / "edited", folder).set("outcome.metrics.accuracy.repeats.1.value", 0.125)
    return folder


def outcomes(verdict: Verdict) -> dict[str, str]:
    return {check.code: check.outcome for check in verdict.checks if check.code.startswith("repeats")}


@pytest.mark.parametrize("run", ["runs/holdout", "runs/folds", "edited/runs/run"])
def test_repeats_are_not_trained_again_unless_that_is_asked_for(run: str, folder: Path) -> None:
    (verdict,) = verify(folder / run).runs
    assert (verdict.verdict, verdict.level) == ("identical", "model")
    assert outcomes(verdict) == {"repeats": "skipped"}


@pytest.mark.parametrize("run", ["holdout", "folds"])
def test_repeats_come_out_again(run: str, folder: Path) -> None:
    (verdict,) = verify(folder / "runs" / run, repeats=True).runs
    assert (verdict.verdict, verdict.level) == ("identical", "model")
    assert outcomes(verdict) == {"repeats.accuracy": "passed", "repeats.log_loss": "passed"}
    assert len(verdict.reruns) == 1


def test_an_edited_repeat_is_found_where_repeats_are_trained_again(folder: Path) -> None:
    (verdict,) = verify(folder / "edited/runs/run", repeats=True).runs
    assert (verdict.verdict, verdict.first_divergence) == ("different", "metrics")
    assert outcomes(verdict) == {"repeats.accuracy": "failed", "repeats.log_loss": "passed"}
    assert [rerun.differs for rerun in verdict.reruns] == [["repeats.accuracy"]] * 3


def test_the_command_line_says_what_it_left_out_and_how_to_ask_for_it(folder: Path) -> None:
    done = command("verify", "runs/holdout", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "note: the 3 repeats with other seeds were not trained again: --repeats does that, too.\n" in done.stdout
    told = command("verify", "runs/holdout", "--explain", cwd=folder).stdout
    assert "repeats skipped: the 3 repeats with other seeds were not trained again" in told
    asked = command("verify", "runs/holdout", "--repeats", cwd=folder)
    assert (asked.returncode, "repeats" in asked.stdout) == (0, False)
    edited = command("verify", "edited/runs/run", "--repeats", "--json", cwd=folder)
    assert edited.returncode == 1
    (verdict,) = json.loads(edited.stdout)["runs"]
    (check,) = [check for check in verdict["checks"] if check["code"] == "repeats.accuracy"]
    (differs,) = [
        pair for pair in zip(check["finding"]["recorded"], check["finding"]["now"], strict=True) if pair[0] != pair[1]
    ]
    assert differs[0] == [44, 0.125]
    assert differs[1][0] == 44
    said = command("verify", "edited/runs/run", "--repeats", cwd=folder).stdout
    assert f"accuracy, repeats with other seeds: seed 44: recorded 0.125, here {differs[1][1]}.\n" in said


@pytest.mark.slow
def test_repeats_come_out_again_with_the_recorded_facts_put_back(tmp_path: Path) -> None:
    """A fit that has not converged depends on the kernels, with every seed."""
    here = record_environment()
    if missing_for("Haswell", here) or {blas.vendor for blas in here.blas} != {"openblas"}:
        pytest.skip("kernels can be chosen with OpenBLAS and AVX2 only")
    config = {
        "data": {"dataset": "breast_cancer"},
        "model": named("logistic_regression", max_iter=100),
        "metrics": ["accuracy", "log_loss"],
        "seed": 0,
        "repeats": 2,
    }
    (tmp_path / "a.json").write_text(json.dumps(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_CORETYPE", "Haswell")
        assert sessions.command("train", "a.json", "--name", "a", cwd=tmp_path).returncode == 0
    done = command("verify", "runs/a", "--repeats", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    (verdict,) = json.loads(done.stdout)["runs"]
    assert outcomes(Verdict.model_validate(verdict)) == {"repeats.accuracy": "passed", "repeats.log_loss": "passed"}
    if {blas.architecture for blas in here.blas} == {"SkylakeX"}:
        assert verdict["verdict"] == "explained"
        assert "repeats.log_loss" in verdict["reruns"][0]["differs"]
        assert verdict["reruns"][1]["differs"] == []


def test_variations_do_not_train_repeats(folder: Path) -> None:
    (verdict,) = verify(folder / "runs/holdout", repeats=True, vary=["jobs"]).runs
    assert [record.agrees_to for record in verdict.variations] == ["scores", "scores"]
    assert verdict.verdict == "identical"


def test_pytest_trains_repeats_where_it_is_asked_to(folder: Path) -> None:
    def run_pytest(*options: str) -> str:
        done = pytest_session(folder, "-p", "no:cacheprovider", "--week2kit", "runs/holdout", "-v", "-rs", *options)
        assert done.returncode == 0, done.stdout
        return done.stdout

    told = run_pytest()
    assert "runs/holdout::repeats SKIPPED" in told
    assert "--week2kit-repeats does that, too." in told
    for asked in (run_pytest("--week2kit-repeats"), run_pytest("-o", "week2kit_repeats=true")):
        assert "runs/holdout::repeats.accuracy PASSED" in asked
        assert "SKIPPED" not in asked


def test_ones_own_tests_can_ask_for_repeats(folder: Path) -> None:
    assert assert_reproducible(folder / "edited/runs/run").verdict == "identical"
    assert assert_reproducible(folder / "runs/folds", repeats=True).verdict == "identical"
    with pytest.raises(AssertionError, match=r"repeats with other seeds: seed 44: recorded 0\.125"):
        assert_reproducible(folder / "edited/runs/run", repeats=True)


# --- what they vary in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(DRAWS_ONLY_WITH))
def test_what_draws_with_some_values_only_is_what_the_loop_says(path: str) -> None:
    name, values = DRAWS_ONLY_WITH[path]
    kind: Any = find_class(path)
    options = set().union(*(getattr(option, "options", ()) for option in kind._parameter_constraints[name]))
    for value in {*options, kind().get_params()[name]} - {*values}:
        assert not unseeded(kind(random_state=None, **{name: value}))
    for value in values:
        step = {"class": path, "params": {name: value, "random_state": 1}}
        assert repeats_vary({"model": step, "seed": 1}) == (False, True)
        assert repeats_vary({"model": step, "seed": 2}) == (False, False)
    step = {"class": path, "params": {"random_state": 1}}
    assert repeats_vary({"model": step, "seed": 1}) == (False, False)
    nested = {"class": "sklearn.calibration.CalibratedClassifierCV", "params": {"estimator": step}}
    assert repeats_vary({"model": nested, "seed": 1}) == (False, True)  # a search may set what it draws with


@pytest.mark.parametrize(
    "config",
    [{}, {"model": None, "preprocess": "auto"}, {"preprocess": [1, {"steps": 2}, {"steps": [3]}], "split": []}],
    ids=str,
)
def test_nothing_is_said_to_vary_in_what_is_no_config(config: Any) -> None:
    assert repeats_vary(config) == (False, False)


def test_what_has_no_seed_at_all_varies() -> None:
    split = {"method": "holdout", "shuffle": True, "random_state": None}
    model = {"class": "sklearn.tree.DecisionTreeClassifier", "params": {"random_state": None}}
    assert repeats_vary({"split": split, "model": model, "seed": 1}) == (True, True)


# --- older records ----------------------------------------------------------------------------------------------


def test_repeats_of_schema_2_have_no_folds() -> None:
    value = json.loads((ROOT / "tests/old_runs/v2/iris-baseline/manifest.json").read_text())
    assert value["schema_version"] == 2
    for metric in value["outcome"]["metrics"].values():
        metric["repeats"] = [{"seed": 1, "value": 0.5}]
    manifest = read_manifest(value)
    assert isinstance(manifest, CompletedRun)
    assert all(metric.repeats[0].folds == [] for metric in manifest.outcome.metrics.values())
