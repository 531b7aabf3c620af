"""Facts of a verdict besides the processor: the number of jobs, libraries of the caller, draws that nothing fixes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import BaggingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.manifold import Isomap
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.tree import DecisionTreeRegressor

from week2kit import open_run, train, verify
from week2kit.environment.conditions import Conditions
from week2kit.environment.facts import required_by
from week2kit.inputs.causes import Here
from week2kit.inputs.changes import compare_inputs
from week2kit.loop.inside import jobs_by_cpus, unseeded
from week2kit.record.manifest import CompletedRun
from week2kit.record.verdict import Verdict, VerdictDocument
from week2kit.sentences.verdicts import describe_verdict
from week2kit.verification.forcing import of_request
from week2kit.verification.messages import Fresh, RerunRequest
from week2kit.verification.recorded_facts import uses_of

from .sessions import ROOT, command


def bagging(**params: Any) -> dict[str, Any]:
    tree = {"class": "sklearn.tree.DecisionTreeRegressor", "params": {"max_depth": 4}}
    return {"class": "sklearn.ensemble.BaggingRegressor", "params": {"n_estimators": 31, "estimator": tree, **params}}


def config(model: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"dataset": "diabetes"}, "preprocess": "none", "model": model, "metrics": ["r2"], "seed": 11}


def week2kit(*arguments: str, cwd: Path, **variables: str) -> str:
    return command(*arguments, cwd=cwd, PYTHONSAFEPATH="1", **variables).stdout


def verdict(run: Path) -> Verdict:
    return verify(run).runs[0]


@pytest.fixture
def on_one_cpu(tmp_path: Path) -> Path:
    """A run with ``n_jobs=-1`` of a machine with one CPU (in a process: scikit-learn remembers it); here are more."""
    (tmp_path / "c.json").write_text(json.dumps(config(bagging(n_jobs=-1))))
    week2kit("train", "c.json", "--name", "run", cwd=tmp_path, LOKY_MAX_CPU_COUNT="1")
    manifest = open_run(tmp_path / "runs" / "run").manifest
    assert isinstance(manifest, CompletedRun)
    assert manifest.inputs.environment.cpus == 1
    return tmp_path / "runs" / "run"


several = pytest.mark.skipif(joblib.cpu_count() < 2, reason="needs two CPUs")


@several
def test_another_number_of_cpus_is_put_back_and_named(on_one_cpu: Path) -> None:
    found = verdict(on_one_cpu)
    assert (found.verdict, found.level) == ("explained", "scores")
    assert [(cause.factor, cause.recorded, cause.proof) for cause in found.causes] == [("cpus", 1, "restored")]


@several
def test_an_old_record_that_did_not_count_them_condemns_nobody(on_one_cpu: Path) -> None:
    path = on_one_cpu / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["inputs"]["environment"] |= {"cpus": None, "jobs": None, "cpus_allowed": 1}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    found = verdict(on_one_cpu)
    assert found.verdict == "close"  # the last bits of a sum
    assert [cause.factor for cause in found.causes] == ["cpus"]


def test_the_jobs_of_a_session_are_put_back_and_named(tmp_path: Path) -> None:
    with joblib.parallel_config(n_jobs=2):
        run = train(config(bagging()), name="run", runs_dir=tmp_path)
    found = verdict(run.path)
    assert (found.verdict, found.level) == ("explained", "model")
    assert [(cause.factor, cause.recorded, cause.now) for cause in found.causes] == [("jobs", 2, 1)]


def test_a_negative_number_of_jobs_is_written_out_wherever_it_stands() -> None:
    def nested(outer: int, inner: int, of_grid: list[Any], last: int) -> dict[str, Any]:
        estimators = [["a", {"class": "y", "params": {"n_jobs": inner}}]]
        return {
            "model": {"class": "x", "params": {"n_jobs": outer, "estimators": estimators}},
            "grid": {"param_grid": [{"n_jobs": of_grid, "model__n_jobs": [last]}], "jobs": -1},
            "data": {"drop": ["n_jobs"]},
        }

    request = RerunRequest(nested(-2, -1, [-1, 2, None], -9), 1, "", "csv", None, conditions=Conditions(cpus=4))
    assert of_request(request).config == nested(3, 4, [4, 2, None], 1)


TREE = DecisionTreeRegressor(random_state=0)
STEPS = Pipeline([("tree", TREE)])


@pytest.mark.parametrize(
    ("estimator", "names"),
    [
        (BaggingRegressor(TREE), []),
        (BaggingRegressor(TREE, n_jobs=2), []),
        (make_pipeline(BaggingRegressor(TREE, n_jobs=-1)), ["BaggingRegressor"]),
        (GridSearchCV(BaggingRegressor(TREE), {"n_jobs": [1, -2]}), ["GridSearchCV"]),
        (GridSearchCV(TREE, [{"max_depth": [2]}], n_jobs=-1), ["GridSearchCV"]),
    ],
    ids=[str(number) for number in range(5)],
)
def test_it_is_known_which_jobs_follow_from_the_cpus(estimator: Any, names: list[str]) -> None:
    assert jobs_by_cpus(estimator) == names


def searched(grid: dict[str, Any], **more: Any) -> GridSearchCV:
    return GridSearchCV(TREE, grid, **more)


@pytest.mark.parametrize(
    ("estimator", "rows", "names"),
    [
        (searched({"random_state": [None]}), None, ["DecisionTreeRegressor"]),
        (GridSearchCV(STEPS, {"tree__random_state": [1, None]}), None, ["DecisionTreeRegressor"]),
        (searched({"random_state": [1, 2]}), None, []),
        (searched({"nothing__random_state": [None]}), None, []),
        (searched({"max_depth": [2]}, cv=KFold(3, shuffle=True)), None, ["KFold"]),
        (searched({"max_depth": [2]}, cv=ShuffleSplit(3)), None, ["ShuffleSplit"]),
        (searched({"max_depth": [2]}, cv=KFold(3)), None, []),
        (searched({"max_depth": [2]}, cv=ShuffleSplit(3, random_state=1)), None, []),
        (searched({"estimator": [RandomForestRegressor()]}), None, ["RandomForestRegressor"]),
        (make_pipeline(Isomap(), LinearRegression()), None, ["Isomap"]),
        (make_pipeline(Isomap(), LinearRegression()), 150, []),  # small enough for a dense solver
        (make_pipeline(Isomap(n_components=12), LinearRegression()), 500, []),
        (make_pipeline(Isomap(eigen_solver="dense"), LinearRegression()), 500, []),
        (make_pipeline(Isomap(eigen_solver="arpack"), LinearRegression()), 150, ["Isomap"]),
    ],
    ids=[str(number) for number in range(14)],
)  # fmt: skip
def test_draws_in_a_grid_in_a_splitter_and_in_a_dependency_are_told(
    estimator: Any, rows: int | None, names: list[str]
) -> None:
    assert unseeded(estimator, rows) == names


def test_isomap_starts_at_random_where_it_is_said_to() -> None:
    """The rule is that of scikit-learn: where it changes, this one must follow."""
    X = np.random.RandomState(0).normal(size=(250, 5))
    arpack = [Isomap().fit_transform(X) for _ in range(3)]
    assert any((one != arpack[0]).any() for one in arpack[1:])
    dense = [Isomap().fit_transform(X[:150]) for _ in range(3)]
    assert all((one == dense[0]).all() for one in dense[1:])


# --- libraries of the caller --------------------------------------------------------------------------------------

MODEL = """
from sklearn.linear_model import LogisticRegression
class Model(LogisticRegression):
    def fit(self, X, y):
        self.C = {strength}
        return super().fit(X, y)
"""


def installed(directory: Path, version: str, requires: str = "", name: str = "own-lib", strength: float = 1.0) -> Path:
    """A folder of packages with the module ``ownlib``, as pip leaves one."""
    packages = directory / version / "site-packages"
    (packages / "ownlib").mkdir(parents=True)
    (packages / "ownlib" / "__init__.py").write_text(MODEL.format(strength=strength))
    told = packages / f"{name.replace('-', '_')}-{version}.dist-info"
    told.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + requires
    (told / "METADATA").write_text(metadata)
    (told / "top_level.txt").write_text("ownlib\n")
    return packages


def test_another_version_of_an_allowed_library_is_named_and_condemns_nobody(tmp_path: Path) -> None:
    """Its distribution has another name than the module."""
    old, new = installed(tmp_path, "1.0"), installed(tmp_path, "2.0", strength=1e-3)
    chosen = {"data": {"dataset": "iris"}, "model": {"class": "ownlib.Model"}, "metrics": ["accuracy"], "seed": 1}
    (tmp_path / "c.json").write_text(json.dumps(chosen))

    def with_packages(packages: Path, *arguments: str) -> str:
        path = os.pathsep.join([str(ROOT), str(packages)])
        return week2kit(*arguments, "--allow-module", "ownlib", cwd=tmp_path, path=path)

    assert "run: runs/r" in with_packages(old, "train", "c.json", "--name", "r")
    assert "own-lib==1.0" in (tmp_path / "runs/r/requirements.txt").read_text()
    (same,) = json.loads(with_packages(old, "verify", "runs/r", "--json"))["runs"]
    assert (same["verdict"], same["level"], same["causes"]) == ("identical", "model", [])
    told = json.loads(with_packages(new, "verify", "runs/r", "--json"))
    (other,) = told["runs"]
    assert other["verdict"] == "undecided"
    (cause,) = other["causes"]
    assert (cause["factor"], cause["recorded"], cause["now"]) == ("library.own-lib", "1.0", "2.0")
    lines = "\n".join(describe_verdict(VerdictDocument.model_validate(told).runs[0]))
    assert "verify it where the recorded version, 1.0, is installed" in lines
    assert "--restore versions" not in lines

    assert "run: runs/s" in with_packages(new, "train", "c.json", "--name", "s")
    (change,) = compare_inputs(open_run(tmp_path / "runs/r").manifest, open_run(tmp_path / "runs/s").manifest)
    assert change == ("environment", "library.own-lib", "1.0", "2.0")


@pytest.mark.parametrize(
    ("model", "other", "changed"),
    [
        ("lightgbm.LGBMClassifier", "lightgbm.LGBMClassifier", ["library.lightgbm"]),
        ("imblearn.ensemble.RUSBoostClassifier", "imblearn.pipeline.Pipeline", ["library.imbalanced-learn"]),
        ("mine.Model", "mine.Model", ["library.imbalanced-learn", "library.lightgbm", "library.rich"]),
        ("lightgbm.LGBMClassifier", "sklearn.svm.SVC", []),  # then the model is another, and that is what changed
        ("sklearn.svm.SVC", "sklearn.svm.SVC", []),
    ],
)
def test_a_report_compares_libraries_whose_classes_both_runs_use(model: str, other: str, changed: list[str]) -> None:
    def run(name: str, libraries: dict[str, str]) -> CompletedRun:
        value = json.loads((ROOT / "runs/iris-baseline/manifest.json").read_text())
        value["inputs"]["config"]["resolved"]["model"]["class"] = name
        value["inputs"]["environment"]["libraries"] |= libraries
        return CompletedRun.model_validate(value)

    before = run(model, {"lightgbm": "4.5.0", "imbalanced-learn": "0.13.0", "rich": "14.0.0"})
    after = run(other, {"lightgbm": "4.6.0", "imbalanced-learn": "0.14.0", "rich": "15.0.0"})
    assert [one.key for one in compare_inputs(before, after) if one.input == "environment"] == changed


def test_what_a_library_requires_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requires = 'Requires-Dist: Numba_Lib (>=0.5)\nRequires-Dist: pytest>=7; extra == "test"\n'
    monkeypatch.syspath_prepend(str(installed(tmp_path, "1.0", requires, name="ownlib")))
    assert required_by("ownlib") == ["ownlib", "numba-lib"]
    assert required_by("nothing_of_that_name") == ["nothing-of-that-name"]


@pytest.mark.parametrize(("recorded", "counts"), [({}, ["ownlib"]), ({"numba-lib": "0.5"}, ["numba-lib", "ownlib"])])
def test_what_a_library_requires_and_the_run_did_not_import_has_computed_nothing(
    recorded: dict[str, str], counts: list[str]
) -> None:
    value = json.loads((ROOT / "runs/iris-baseline/manifest.json").read_text())
    value["inputs"]["config"]["resolved"]["model"]["class"] = "ownlib.Model"
    value["inputs"]["environment"]["libraries"] |= recorded
    run = CompletedRun.model_validate(value)
    assert run.inputs.code is not None
    here = Here(
        environment=run.inputs.environment,
        code=run.inputs.code.digest,
        modules={},
        week2kit="0",
        libraries={"ownlib": ["ownlib", "numba-lib"]},
        own={},
    )
    assert uses_of(run, here, Fresh(failure=None)).libraries == tuple(counts)


@pytest.mark.parametrize("columns", [[["sex"]], [{"sex": 1}], {"sex": 1}, "sex", [None]])
def test_groups_of_no_columns_are_compared_like_any_other_value(columns: Any) -> None:
    """A stranger may write anything there."""
    value = json.loads((ROOT / "runs/penguins-baseline/manifest.json").read_text())
    before = CompletedRun.model_validate(value)
    after = json.loads(json.dumps(value))
    after["inputs"]["config"]["resolved"]["data"]["drop"] = ["year", "sex"]
    after["inputs"]["config"]["resolved"]["preprocess"][0]["columns"] = columns
    changes = compare_inputs(before, CompletedRun.model_validate(after))
    assert {change.key for change in changes} == {"data.drop", "preprocess"}
