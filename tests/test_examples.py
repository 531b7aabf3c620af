"""The examples and the committed runs: each config does what it is there for, each run still comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from week2kit import train, verify
from week2kit.inputs.changes import changed_things, compare_inputs
from week2kit.record.manifest import CompletedRun, FailedRun
from week2kit.record.store import find_runs, open_run
from week2kit.verification.options import exit_code

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
