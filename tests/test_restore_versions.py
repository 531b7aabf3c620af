"""Runs of other versions: put back, they explain what came out otherwise, and excuse no forgery."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from week2kit import verify
from week2kit.errors import CannotRestore
from week2kit.processes.interpreters import Interpreter, build

HERE = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
ROOT = Path(__file__).parent.parent


def _load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("copies", Path(__file__).parent / path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["copies"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


copies = _load("tampering/copies.py")

#: What was current in the autumn of 2025: scikit-learn 1.7 computes some models otherwise than later ones.
OLDER = {"numpy": "2.3.5", "scipy": "1.16.3", "scikit-learn": "1.7.2", "pandas": "2.3.3", "joblib": "1.5.2"}


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="session")
def older(cache: Path) -> Interpreter:
    try:
        return build(HERE, OLDER, timeout=300, cache=cache / "week2kit" / "environments")
    except CannotRestore as error:
        pytest.skip(f"no package index, or no wheels for this Python: {error}")


# --- runs of other versions -------------------------------------------------------------------------------------

CONFIGS = {
    # scikit-learn 1.8 changed how it is solved
    "forest": {"class": "sklearn.ensemble.RandomForestRegressor", "params": {"n_estimators": 20}},
    "boosting": {"class": "sklearn.ensemble.GradientBoostingRegressor", "params": {"n_estimators": 20}},
    "gaussian_process": {"class": "sklearn.gaussian_process.GaussianProcessRegressor"},
}


@pytest.fixture(scope="session")
def recorded(older: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that were recorded under the older versions."""
    project = tmp_path_factory.mktemp("older")
    program = """
import json, sys
from pathlib import Path
from week2kit.training.door import train
for name, config in json.loads(sys.argv[1]).items():
    train(config, runs_dir="runs", name=name)
"""
    configs = {
        name: {"data": {"dataset": "diabetes"}, "model": model, "metrics": ["r2"], "seed": 0, "preprocess": "none"}
        for name, model in CONFIGS.items()
    }
    environment = {**os.environ, "PYTHONPATH": str(older.import_path)}
    subprocess.run(
        [older.executable, "-P", "-c", program, json.dumps(configs)], cwd=project, env=environment, check=True
    )
    return project / "runs"


@pytest.mark.slow
def test_versions_explain_what_they_changed(recorded: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    untested = {verdict.run: verdict for verdict in verify(recorded).runs}
    assert "different" not in {verdict.verdict for verdict in untested.values()}
    result = verify(recorded, restore_versions=True)
    for verdict in result.runs:
        if untested[verdict.run].verdict == "identical" and untested[verdict.run].level != "metrics":
            assert verdict.verdict == "identical"
            continue
        assert (verdict.verdict, verdict.level) == ("explained", "model"), verdict
        proven = {cause.factor for cause in verdict.causes if cause.proof == "restored"}
        assert proven, verdict
        assert proven <= {f"library.{name}" for name in OLDER}
        assert len(verdict.reruns) <= 12
        for values in verdict.metrics.values():
            assert values.restored == values.recorded
    assert "explained" in result.summary, untested


@pytest.mark.slow
def test_a_forgery_is_not_excused_by_versions_that_can_be_put_back(
    recorded: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    copy = copies.Copy(tmp_path, tmp_path)
    shutil.copytree(recorded / "forest", copy.run)
    copy.forge_predictions(copies.one_label)
    (verdict,) = verify(copy.run, restore_versions=True).runs
    assert verdict.verdict == "different", verdict
    assert verdict.reason is not None
    assert verdict.reason.code == "different.all_put_back"


@pytest.mark.slow
def test_a_record_of_versions_that_never_were_is_undecided(
    recorded: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    copy = copies.Copy(tmp_path, tmp_path)
    shutil.copytree(recorded / "forest", copy.run)
    copy.forge_predictions(copies.one_label)
    text = (copy.run / "requirements.txt").read_text()
    for bad in ("99.99.99", "1.0 --index-url=https://example.org", "file:///tmp/scikit-learn.whl"):
        forged = text.replace("scikit-learn==1.7.2", f"scikit-learn=={bad}")
        copy.set("inputs.environment.libraries.scikit-learn", bad)
        (copy.run / "requirements.txt").write_text(forged)
        copy.seal()
        (verdict,) = verify(copy.run, restore_versions=True).runs
        assert verdict.verdict == "undecided", verdict
        assert "stuck.failed" in {check.finding.code for check in verdict.checks if check.finding}
