"""Classes from outside scikit-learn: other libraries and a person's own, allowed by the caller and never by a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from tests.sessions import command, pytest_session
from week2kit.config.project import allowed_modules
from week2kit.errors import UsageError
from week2kit.record.own_code import own_code
from week2kit.record.store import open_run

OWN = '''"""A rule of one's own, written as scikit-learn's guide says, with nothing of scikit-learn in it."""
import numpy as np


class Threshold:
    """Says yes where the first feature is above a limit."""

    def __init__(self, limit=0.0):
        self.limit = limit

    def get_params(self, deep=True):
        return {"limit": self.limit}

    def set_params(self, **params):
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(np.asarray(X)[:, 0] > self.limit).astype(int)]

    _estimator_type = "classifier"
'''

DATA = {"path": "t.csv", "target": "y"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a table, and a package of one's own."""
    draws = np.random.default_rng(2)
    frame = pd.DataFrame({"a": draws.normal(size=120).round(3), "b": draws.normal(size=120).round(3)})
    frame["y"] = np.where(frame.a + 0.3 * frame.b > 0, "yes", "no")
    frame.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("")
    (tmp_path / "mine" / "rules.py").write_text(OWN)
    return tmp_path


def config(project: Path, model: Any, **more: Any) -> str:
    whole = {"data": DATA, "preprocess": "none", "model": model, "seed": 3, **more}
    (project / "config.json").write_text(json.dumps(whole))
    return "config.json"


RULE = {"class": "mine.rules.Threshold", "params": {"limit": 0.1}}


def week2kit(project: Path, *words: str) -> Any:
    return command(*words, cwd=project, first=str(project))


def test_a_class_of_ones_own_trains_and_verifies_and_its_code_is_recorded(project: Path) -> None:
    name = config(project, RULE)
    done = week2kit(project, "train", name, "--name", "r", "--allow-module", "mine")
    assert done.returncode == 0, done.stderr
    code = open_run(project / "runs" / "r").manifest.inputs.code
    assert code is not None
    assert code.own is not None
    assert list(code.own) == ["mine"]
    done = week2kit(project, "verify", "runs/r", "--allow-module", "mine")
    assert (done.returncode, "identical" in done.stdout) == (0, True), done.stdout

    rules = project / "mine" / "rules.py"
    rules.write_text("# a comment is no other code\n" + OWN)
    assert week2kit(project, "verify", "runs/r", "--allow-module", "mine").returncode == 0
    rules.write_text(OWN.replace("> self.limit", "> self.limit + 0.5"))
    done = week2kit(project, "verify", "runs/r", "--allow-module", "mine", "--json")
    (found,) = json.loads(done.stdout)["runs"]
    assert found["verdict"] == "undecided"
    assert [(cause["input"], cause["factor"]) for cause in found["causes"]] == [("code", "mine")]
    done = week2kit(project, "verify", "runs/r", "--allow-module", "mine", "--explain")
    assert "your module mine: recorded" in done.stdout


def test_another_version_of_ones_own_code_is_the_one_thing_that_changed(project: Path) -> None:
    name = config(project, RULE)
    week2kit(project, "train", name, "--name", "a", "--allow-module", "mine")
    (project / "mine" / "rules.py").write_text(OWN.replace("> self.limit", "> self.limit + 0.5"))
    week2kit(project, "train", name, "--name", "b", "--allow-module", "mine")
    done = week2kit(project, "report", "runs/a", "runs/b")
    assert "**One thing changed:** `code`" in done.stdout, done.stdout[:600]


def test_a_project_allows_modules_for_good_and_a_run_never_does(project: Path) -> None:
    name = config(project, RULE)
    assert week2kit(project, "train", name, "--name", "not allowed").returncode == 2
    assert week2kit(project, "train", name, "--name", "refused").returncode == 1
    (project / "pyproject.toml").write_text('[tool.week2kit]\nallow-modules = ["mine"]\n')
    assert week2kit(project, "train", name, "--name", "r").returncode == 0
    assert week2kit(project, "verify", "runs/r").returncode == 0
    run = project / "runs" / "r"
    shutil.move(project / "pyproject.toml", run / "pyproject.toml")
    assert week2kit(project, "verify", "runs/r").returncode == 125
    assert allowed_modules(run) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.week2kit]\nallow_modules = ['mine']\n", "one key, allow-modules, got allow_modules"),
        ("[tool.week2kit]\nallow-modules = 'mine'\n", "names of modules"),
        ("[tool.week2kit]\nallow-modules = ['a.b']\n", "names of modules"),
        ("[tool]\nweek2kit = 3\n", "one key, allow-modules"),
    ],
)
def test_a_wrong_setting_of_the_project_is_told(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        allowed_modules(tmp_path)


@pytest.mark.parametrize("text", ["", "no toml [", "[tool.ruff]\n", "tool = 3\n"])
def test_a_project_that_says_nothing_allows_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert allowed_modules(tmp_path / "below") == ()


def test_pytest_has_the_flag_and_the_setting(project: Path) -> None:
    name = config(project, RULE)
    week2kit(project, "train", name, "--name", "r", "--allow-module", "mine")
    (project / "conftest.py").write_text("")  # pytest puts its folder on the path
    done = pytest_session(project, "--week2kit", "--week2kit-allow-module", "mine", "runs", new=True)
    assert done.returncode == 0, done.stdout
    assert pytest_session(project, "--week2kit", "runs", new=True).returncode != 0
    (project / "pytest.ini").write_text("[pytest]\nweek2kit_allow_module = mine\n")
    assert pytest_session(project, "--week2kit", "runs", new=True).returncode == 0


def test_installed_libraries_have_a_version_and_no_digest() -> None:
    assert own_code(["sklearn", "pandas", "there_is_no_such_module", "json"]).keys() <= {"json"}


def test_lightgbm_trains_as_in_a_script_and_verifies(project: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    model = {"class": "lightgbm.LGBMClassifier", "params": {"n_estimators": 20, "verbosity": -1}}
    name = config(project, model, metrics=["accuracy", "log_loss"])
    done = week2kit(project, "train", name, "--name", "r", "--allow-module", "lightgbm")
    assert done.returncode == 0, done.stderr
    recorded = json.loads((project / "runs" / "r" / "metrics.json").read_text())
    frame = pd.read_csv(project / "t.csv")
    train, val = train_test_split(frame, test_size=0.2, stratify=frame.y, random_state=3)
    by_hand = lightgbm.LGBMClassifier(n_estimators=20, verbosity=-1, random_state=3).fit(train[["a", "b"]], train.y)
    assert recorded["accuracy"] == by_hand.score(val[["a", "b"]], val.y)
    done = week2kit(project, "verify", "runs/r", "--allow-module", "lightgbm")
    assert (done.returncode, "identical" in done.stdout) == (0, True), done.stdout
    assert "lightgbm" in (project / "runs" / "r" / "requirements.txt").read_text()
    assert open_run(project / "runs" / "r").manifest.inputs.code.own == {}  # type: ignore[union-attr]


def test_xgboost_trains_where_it_is_installed(project: Path) -> None:
    pytest.importorskip("xgboost")
    model = {"class": "xgboost.XGBRegressor", "params": {"n_estimators": 5}}
    name = config(project, model, data={**DATA, "target": "a", "drop": ["y"]})
    done = week2kit(project, "train", name, "--name", "x", "--allow-module", "xgboost")
    assert done.returncode == 0, done.stderr
    assert week2kit(project, "verify", "runs/x", "--allow-module", "xgboost").returncode == 0
