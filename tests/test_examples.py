"""The examples and the committed runs: each config does what it is there for, each run still comes out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from week2kit import train, verify
from week2kit.config.command import parse_command
from week2kit.inputs.changes import changed_things, compare_inputs
from week2kit.record.command import CompletedCommand
from week2kit.record.manifest import CompletedRun, FailedRun
from week2kit.record.store import find_runs, open_run
from week2kit.verification.options import exit_code

from .sessions import blocks

ROOT = Path(__file__).parent.parent
DATASETS = ("breast_cancer", "iris", "penguins", "wine")


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_variant_changes_one_thing(dataset: str, tmp_path: Path) -> None:
    baseline, variant = (
        train(ROOT / "examples" / dataset / f"{kind}.json", runs_dir=tmp_path) for kind in ("baseline", "variant")
    )
    assert isinstance(baseline.manifest, CompletedRun)
    assert isinstance(variant.manifest, CompletedRun)
    assert len(changed_things(compare_inputs(baseline.manifest, variant.manifest))) == 1


SCRIPTS = {"boosting": "lightgbm", "network": "torch"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_are_recorded_and_come_out_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(SCRIPTS[name], reason=f"{SCRIPTS[name]} is not installed (extra: examples)")
    for folder in ("penguins", "scripts"):
        shutil.copytree(ROOT / "examples" / folder, tmp_path / "examples" / folder)
    monkeypatch.chdir(tmp_path)
    run = train(f"examples/scripts/{name}.json", name="one", repeats=1)
    assert isinstance(run.manifest, CompletedCommand), run.manifest
    outcome = run.manifest.outcome
    assert run.manifest.warnings == []
    assert outcome.predictions is not None
    assert outcome.metrics["accuracy"] != outcome.repeats[0].metrics["accuracy"]
    assert {file.role for file in outcome.files} >= {"metrics", "predictions"}
    verdict = verify(run.path).runs[0]
    assert (verdict.verdict, verdict.level) == ("identical", "predictions")


def test_the_page_about_scripts_shows_the_config_that_is_there() -> None:
    folder = ROOT / "examples" / "scripts"
    (shown,) = blocks(folder / "README.md", "json")
    assert shown == (folder / "boosting.json").read_text(encoding="utf-8")
    for config in folder.glob("*.json"):
        assert parse_command(json.loads(config.read_bytes())).command[1] == f"examples/scripts/{config.stem}.py"


FAILURES = {
    "breast_cancer": ("fit", "WarningRefused", "fit.not_converged", "auto-scaled"),
    "iris": ("config", "ConfigError", "max_itr", "Correct the config"),
    "penguins": ("fit", "ValueError", "could not convert string to float", '"preprocess": "auto"'),
    "wine": ("config", "ConfigError", "roc_auc", "Correct the config"),
}


@pytest.mark.filterwarnings("default")  # where every warning is an error, a fit fails before fail_on is asked
@pytest.mark.parametrize("dataset", DATASETS)
def test_the_failing_config_fails_and_says_what_to_do(dataset: str, tmp_path: Path) -> None:
    run = train(ROOT / "examples" / dataset / "failing.json", runs_dir=tmp_path)
    stage, error, message, hint = FAILURES[dataset]
    assert isinstance(run.manifest, FailedRun)
    failure = run.manifest.failure
    assert (failure.stage, failure.error) == (stage, error)
    assert message in failure.message
    assert hint in failure.hint


def test_the_penguins_are_the_published_ones() -> None:
    import palmerpenguins

    published = Path(palmerpenguins.__file__).parent / "data" / "penguins.csv"
    assert (ROOT / "examples/penguins/penguins.csv").read_text() == published.read_text()


def test_every_committed_run_still_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    named = [run.path for run in find_runs(["runs"]).runs if not run.name.startswith("run_")]
    assert len(named) >= 6
    result = verify(*named)
    told = {verdict.run: (verdict.verdict, [check for check in verdict.checks if check.outcome == "failed"])
            for verdict in result.runs}  # fmt: skip
    assert exit_code(result, "close") == 0, told


def test_the_committed_runs_hold_a_failed_one() -> None:
    assert open_run(ROOT / "runs/penguins-failing").manifest.status == "failed"
