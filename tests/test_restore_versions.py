"""Environments with recorded versions: what is built, what is refused, and a run that is explained by versions."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from week2kit import interpreters, verify
from week2kit.errors import CannotPutBack
from week2kit.interpreters import Interpreter, build

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
        return build(HERE, OLDER, timeout=300, cache=cache)
    except CannotPutBack as error:
        pytest.skip(f"no package index, or no wheels for this Python: {error}")


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("numpy", "1.0 @ https://example.org/numpy.whl"),
        ("numpy", "file:///tmp/numpy.whl"),
        ("numpy", "../numpy"),
        ("numpy", "1.0 --index-url=https://example.org"),
        ("numpy", "1.0; python_version > '3'"),
        ("numpy", "1.0\n--pre"),
        ("numpy", "*"),
        ("numpy", ""),
        ("numpy", "1" * 1000),
        ("--index-url", "1.0"),
        ("-r", "1.0"),
        ("./numpy", "1.0"),
        ("numpy[extra]", "1.0"),
        ("git+https://example.org/numpy", "1.0"),
        ("python", "3.11; rm"),
        ("", "1.0"),
    ],
)
def test_only_names_and_versions_reach_the_installer(
    name: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("something was started"))
    with pytest.raises(CannotPutBack, match="no version"):
        build(HERE, {name: version}, timeout=10, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_uv_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotPutBack, match=r"week2kit\[restore\]"):
        build(HERE, {"numpy": "2.3.5"}, timeout=10, cache=tmp_path)


def test_a_python_that_is_not_here_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotPutBack, match=r"Python 3\.99\.1 is not installed"):
        build("3.99.1", {"numpy": "2.3.5"}, timeout=60, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_version_that_was_never_released_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CannotPutBack, match="cannot be installed together"):
        build(HERE, {"numpy": "99.99.99"}, timeout=60, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotPutBack, match="cache folder"):
        build(HERE, {"numpy": "2.3.5"}, timeout=60, cache=tmp_path / "file")


@pytest.mark.slow
def test_an_environment_holds_the_versions_and_nothing_of_ours(older: Interpreter) -> None:
    program = """
import json, sys
from week2kit.rerun import describe_here
print(json.dumps({"here": json.loads(describe_here(())), "path": sys.path}))
"""
    environment = {**os.environ, "PYTHONPATH": str(older.package_path)}
    done = subprocess.run(
        [older.executable, "-P", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    libraries = answer["here"]["environment"]["libraries"]
    assert {name: libraries[name] for name in OLDER} == OLDER
    assert str(ROOT) not in answer["path"]
    assert not [entry for entry in answer["path"] if "site-packages" in entry and str(older.executable.parent) in entry]
    site = [Path(entry) for entry in answer["path"] if entry.endswith("site-packages")]
    assert all(older.executable.parent.parent in entry.parents for entry in site)


@pytest.mark.slow
def test_an_environment_is_built_once(older: Interpreter, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "_uv", lambda: pytest.fail("it was built again"))
    assert build(HERE, OLDER, timeout=1, cache=cache) == older


def test_a_broken_environment_is_built_again_and_two_may_build_at_once(tmp_path: Path) -> None:
    try:
        first = build(HERE, {"joblib": "1.5.2"}, timeout=120, cache=tmp_path)
    except CannotPutBack as error:
        pytest.skip(f"no package index: {error}")
    first.executable.unlink()
    made: list[Interpreter] = []
    threads = [
        threading.Thread(target=lambda: made.append(build(HERE, {"joblib": "1.5.2"}, timeout=120, cache=tmp_path)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [first] * 3
    assert subprocess.run([first.executable, "-c", "import joblib"], check=False).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [first.package_path.parent.name]


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
from week2kit.training import train
for name, config in json.loads(sys.argv[1]).items():
    train(config, runs_dir="runs", name=name)
"""
    configs = {
        name: {"data": {"dataset": "diabetes"}, "model": model, "metrics": ["r2"], "seed": 0, "preprocess": "none"}
        for name, model in CONFIGS.items()
    }
    environment = {**os.environ, "PYTHONPATH": str(older.package_path)}
    subprocess.run(
        [older.executable, "-P", "-c", program, json.dumps(configs)], cwd=project, env=environment, check=True
    )
    return project / "runs"


@pytest.mark.slow
def test_versions_explain_what_they_changed(recorded: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "_cache", lambda: cache)
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
    monkeypatch.setattr(interpreters, "_cache", lambda: cache)
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
    monkeypatch.setattr(interpreters, "_cache", lambda: cache)
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
