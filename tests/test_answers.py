"""One question has one answer, whether train, verify or report is asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from week2kit import open_run, train, verify
from week2kit.canonical import UNCOUNTED
from week2kit.config.form import config_digest
from week2kit.errors import is_from_outside, message_without
from week2kit.inputs.changes import compare_inputs
from week2kit.record.manifest import FailedRun
from week2kit.rendering.output import render
from week2kit.reporting.composing import report
from week2kit.sentences.verdicts import describe_verdict
from week2kit.sentences.warnings import warning_lines
from week2kit.thresholds import GAP

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# --- is a metric bounded ------------------------------------------------------------------------------------------

TREE = {"data": {"dataset": "diabetes"}, "model": "decision_tree_regressor", "seed": 1}


@pytest.mark.parametrize(
    ("metric", "judged"), [("d2_absolute_error_score", True), ("r2", True), ("mean_absolute_error", False)]
)
def test_the_gap_of_a_score_that_ends_at_1_is_judged_by_train_and_report(metric: str, judged: bool) -> None:
    run = train({**TREE, "metrics": [metric]}, name="run")
    warned = "\n".join(warning_lines(run.manifest.warnings))
    told = render(report(["runs/run"]))
    assert ("such a gap is what overfitting looks like" in warned) is judged
    assert ("a sign of overfitting" in told) is judged
    assert ("This metric has no fixed scale" in told) is not judged
    assert [verdict.level for verdict in verify("runs/run").runs] == ["model"]


def test_a_gap_that_unlike_folds_explain_is_judged_by_neither_train_nor_report_nor_what_comes_next() -> None:
    draws = np.random.default_rng(0)
    frame = pd.DataFrame({"x": draws.normal(size=60)})
    frame["y"] = frame["x"] + draws.normal(size=60)
    steady = frame.copy()
    frame.loc[48:, "x"] = 50 + draws.normal(size=12)  # one fold is unlike all others
    for name, table in (("unlike", frame), ("steady", steady)):
        table.to_csv(f"{name}.csv", index=False)
        config = {
            "data": {"path": f"{name}.csv", "target": "y"},
            "split": {"method": "kfold", "n_splits": 5, "shuffle": False},
            "model": {"class": "decision_tree_regressor", "params": {"max_depth": 9}}
            if name == "steady"
            else "linear_regression",
            "metrics": ["r2"],
            "seed": 1,
        }
        run = train(config, name=name)
        told = report([run.path], only_named=True)
        warned = "metric.gap" in {one.code for one in run.manifest.warnings}
        judged = "gap.large" in {said.code for one in told.findings for said in one.statements}
        assert (warned, judged, told.proposal.reason.code == "next.overfitting") == (3 * (name == "steady",)), name
        metric = run.manifest.outcome.metrics["r2"]
        assert metric.training - metric.value >= GAP


# --- what comes from outside --------------------------------------------------------------------------------------

#: A file that is larger than 40,000 bytes cannot be written: what a full disk or a quota does to the largest one.
FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
from week2kit.cli import main
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of a process")
def test_from_a_full_disk_nothing_follows_for_verify_nor_for_report() -> None:
    config = {"data": {"dataset": "digits"}, "model": {"class": "decision_tree", "params": {"max_depth": 3}}, "seed": 1}
    Path("config.json").write_text(json.dumps({**config, "metrics": ["accuracy"]}))
    train("config.json", name="works")
    command = [sys.executable, "-P", "-c", FULL, "train", "config.json", "--set", "model.params.max_depth=20"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, "--name", "full"], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1, done.stderr
    manifest = open_run("runs/full").manifest
    assert isinstance(manifest, FailedRun)
    assert (manifest.failure.stage, manifest.failure.error) == ("save", "OSError")
    (verdict,) = verify("runs/full").runs
    assert verdict.verdict == "undecided"
    assert "nothing follows from its inputs" in "\n".join(describe_verdict(verdict))
    told = render(report(["runs/works", "runs/full"]))
    assert "Nothing about the config: `OSError` comes from outside the run." in told
    assert "`max_depth`" not in told.split("## Failed-run retrospective")[1].split("\n## ")[0].split("Learned")[-1]


OUTSIDE = ["BlockingIOError", "MemoryError", "OSError", "PermissionError", "TimeoutError", "ThreadLimit"]
INSIDE = ["LinAlgError", "ValueError", "open"]


def test_verify_and_report_agree_on_every_type_of_error() -> None:
    config = {"data": {"dataset": "iris"}, "model": "naive_bayes", "seed": 1}
    train(config, name="base")
    fails = train({**config, "fail_on": ["metric.gap", "seed.unset"], "metrics": ["r2"]}, name="fails").path
    for error in [*OUTSIDE, *INSIDE]:
        other = shutil.copytree(fails, Path("runs") / error)
        manifest = json.loads((other / "manifest.json").read_text(encoding="utf-8"))
        manifest["failure"] |= {"error": error, "message": f"{error}: it did not work"}
        (other / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    shutil.rmtree(fails)
    told = {setback.run.name: setback.learned.code for setback in report(["runs"]).retrospective.setbacks}
    assert sorted(name for name, code in told.items() if code == "learned.from_outside") == sorted(OUTSIDE)
    said = {verdict.run.rpartition("/")[2]: verdict.reason for verdict in verify("runs").runs}
    found = [name for name, reason in said.items() if reason and reason.code == "undecided.external_failure"]
    assert sorted(found) == sorted(OUTSIDE)
    assert said.keys() == told.keys() | {"base"}


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "Terminated", "SystemExit", "TimeLimitReached", "ChildDied"])
def test_what_ends_a_run_comes_from_outside(error: str) -> None:
    assert is_from_outside(error)


@pytest.mark.parametrize("error", ["", "Exception", "ConfigError", "DataNotFound", "WarningRefused", "__import__"])
def test_what_the_inputs_bring_about_does_not_come_from_outside(error: str) -> None:
    assert not is_from_outside(error)


def test_an_error_without_a_message_is_told_in_words() -> None:
    assert message_without("MemoryError") == "the memory was not enough"
    assert message_without("ValueError") == "ValueError"


# --- what of a config does not count ------------------------------------------------------------------------------

RESOLVED: dict[str, Any] = {
    "goal": "another",
    "hypothesis": "another",
    "fail_on": ["data.leak"],
    "metrics": ["f1_macro"],
    "learning_curve": True,
    "repeats": 1,
}


@pytest.mark.parametrize("key", RESOLVED)
def test_what_does_not_count_counts_nowhere(key: str) -> None:
    config = {"data": {"dataset": "iris"}, "model": "naive_bayes", "metrics": ["accuracy", "f1_macro"], "seed": 1}
    before, after = train(config, name="a").manifest, train({**config, key: RESOLVED[key]}, name="b").manifest
    assert key in UNCOUNTED
    assert compare_inputs(before, after) == []
    digests = {run.inputs.config.digest for run in (before, after)}
    assert len(digests) == (2 if key == "metrics" else 1)  # which metrics a run claims is in its config's digest
    (comparison,) = report(["runs/a", "runs/b"]).comparisons
    assert comparison.changes == ()


def test_every_recorded_digest_of_a_config_is_still_that_of_its_config() -> None:
    found = 0
    for path in [*(ROOT / "runs").glob("*/manifest.json"), *(ROOT / "tests/old_runs").glob("*/*/manifest.json")]:
        config = json.loads(path.read_text(encoding="utf-8"))["inputs"]["config"]
        if config["resolved"] is not None:
            assert config_digest(config["resolved"]) == config["digest"], path
            found += 1
    assert found >= 15
