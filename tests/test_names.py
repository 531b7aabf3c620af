"""Other names of metrics and classes are told by what a config calls them, and values that are no estimators."""

from __future__ import annotations

# ruff: noqa: E501  a row is a line, however long its sentence
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process import kernels as k
from sklearn.metrics import get_scorer_names, r2_score
from sklearn.model_selection import GridSearchCV, train_test_split

from week2kit import train, verify
from week2kit.config.form import ALIASES
from week2kit.errors import StageError
from week2kit.loop.estimators import find_class
from week2kit.loop.metrics import Scorer
from week2kit.loop.names import public_classes
from week2kit.record.manifest import CompletedRun, FailedRun, Warned
from week2kit.sentences.warnings import describe_warning


def refused(name: str, classes: int) -> str:
    with pytest.raises(StageError) as caught:
        Scorer(name, classes, 0, "predict_proba" if classes else "predict")
    return f"{caught.value} {caught.value.hint}".strip()


@pytest.mark.parametrize(
    ("classes", "name", "called"),
    [
        *[(2, name, "f1") for name in ("f1_score", "f1-score", "F1", "fscore", "f_measure")],
        *[(3, name, "f1_macro") for name in ("f1_score", "macro_f1", "f1macro", "F1-Macro", "macro f1 score")],
        (2, "precision_score", "precision"),
        (3, "precision_score", "precision_macro"),
        (2, "recall_score", "recall"),
        (2, "sensitivity", "recall"),
        *[(2, name, "roc_auc") for name in ("roc_auc_score", "auc", "AUC", "roc-auc", "auroc")],
        (3, "roc_auc_score", "roc_auc_ovr"),
        *[(2, name, "accuracy") for name in ("acc", "accuracy_score", "Accuracy")],
        (2, "mcc", "matthews_corrcoef"),
        *[(2, name, "log_loss") for name in ("logloss", "cross_entropy", "Log Loss")],
        (2, "average_precision_score", "average_precision"),
        (2, "brier_score_loss", "brier_score"),
        *[(0, name, "r2") for name in ("R2", "r2_score", "R^2", "r_squared")],
        (0, "rmse", "root_mean_squared_error"),
        (0, "RMSE", "root_mean_squared_error"),
        (0, "mae", "mean_absolute_error"),
        (0, "mse", "mean_squared_error"),
        (0, "mape", "mean_absolute_percentage_error"),
        (0, "explained_variance_score", "explained_variance"),
    ],
)
def test_another_name_of_a_metric_is_told_by_its_own(classes: int, name: str, called: str) -> None:
    assert refused(name, classes) == f'metrics: there is no metric "{name}"; it is called "{called}".'


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("acuracy", 'Did you mean "accuracy"?'),
        ("f1_marco", 'Did you mean "f1_macro"?'),
        ("rsme", 'Did you mean "root_mean_squared_error"?'),
        ("adjusted_rand_scor", 'Did you mean "adjusted_rand_score"?'),
        ("beauty", "Use a name of scikit-learn's scorers"),
        ("kappa", "Use a name of scikit-learn's scorers"),
    ],
)
def test_a_slip_or_an_unknown_name_is_not_told_as_another_name(name: str, said: str) -> None:
    assert said in (told := refused(name, 2))
    assert "it is called" not in told


def test_a_measure_of_clusters_is_never_what_a_metric_of_predictions_is_taken_for() -> None:
    for name in ("f1_score", "fbeta_score", "hamming_loss", "zero_one_loss", "r2_scor", "recall_scor", "ndcg_score"):
        assert "rand_score" not in refused(name, 2)
        assert "mutual_info" not in refused(name, 2)


def test_every_name_of_scikit_learn_is_none_that_is_told_otherwise() -> None:
    for name in get_scorer_names():
        for classes in (0, 2, 3):
            try:
                Scorer(name.removeprefix("neg_"), classes, 0, "predict_proba" if classes else "predict")
            except StageError as error:
                assert error.code == "metric.unfit"  # noqa: PT017


# --- classes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "RandomForestClassifier",
            'got "RandomForestClassifier"; write "random_forest" or "sklearn.ensemble.RandomForestClassifier"',
        ),
        ("KNeighborsClassifier", 'write "k_nearest_neighbors" or "sklearn.neighbors.KNeighborsClassifier"'),
        ("SVC", 'write "svc" or "sklearn.svm.SVC"'),
        (
            "knn",
            'write "k_nearest_neighbors" or "sklearn.neighbors.KNeighborsClassifier" (to predict numbers: "sklearn.neighbors.KNeighborsRegressor")',
        ),
        ("random-forest", 'write "random_forest" or'),
        ("Lasso", 'write "sklearn.linear_model.Lasso"'),
        (
            "MLP",
            'write "sklearn.neural_network.MLPClassifier" (to predict numbers: "sklearn.neural_network.MLPRegressor")',
        ),
        ("IterativeImputer", 'write "sklearn.impute.IterativeImputer"'),
        ("LogisticRegresion", 'did you mean "sklearn.linear_model.LogisticRegression"?'),
        (
            "sklearn.tree.RandomForestClassifier",
            '"sklearn.tree" has no "RandomForestClassifier"; write "random_forest" or',
        ),
        (
            "sklearn.tree._classes.DecisionTreeClassifier",
            'write "decision_tree" or "sklearn.tree.DecisionTreeClassifier"',
        ),
        ("sklearn.ensemble.forest.RandomForestClassifier", "there is no module"),
        ("sklearn.ensemble.forest.RandomForestClassifier", 'write "random_forest" or'),
        ("linear_model.LogisticRegression", 'write "logistic_regression" or'),
        ("XGBClassifier", 'write "xgboost.XGBClassifier", and allow its module: --allow-module xgboost'),
        ("lightgbm.LGBMClassifier", "if you trust the code of lightgbm: --allow-module lightgbm"),
        ("decison_tree", 'did you mean "decision_tree"?'),
    ],
)
def test_a_class_by_another_name_is_told_by_its_path_or_alias(path: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        find_class(path)


@pytest.mark.parametrize(
    "path", ["os.system", "builtins.eval", "Zzyzx", "sklearn.svm.Zzyzx", "sklearn..SV", ".", "a b.c"]
)
def test_what_is_no_class_has_no_other_name(path: str) -> None:
    with pytest.raises(ValueError, match=r"expected|has no") as caught:
        find_class(path)
    assert "write" not in str(caught.value)
    assert "--allow-module" not in str(caught.value)


def test_every_path_that_is_told_leads_to_the_class() -> None:
    for name, path in public_classes().items():
        assert find_class(path).__name__ == name
    assert {path for path in ALIASES.values() if "sklearn." in path} <= {*public_classes().values()}


# --- kernels, and what a grid tries -----------------------------------------------------------------------------

RNG = np.random.default_rng(1)
FRAME = pd.DataFrame(RNG.normal(size=(60, 2)), columns=["a", "b"]).assign(y=lambda f: np.sin(2 * f.a) + 0.1 * f.b)
PROCESS = "sklearn.gaussian_process.GaussianProcessRegressor"


def kernel(name: str, **params: Any) -> dict[str, Any]:
    return {"class": f"sklearn.gaussian_process.kernels.{name}", "params": params}


def run_of(model: dict[str, Any], directory: Path) -> Any:
    FRAME.to_csv(directory / "t.csv", index=False)
    data = {"path": str(directory / "t.csv"), "target": "y"}
    config = {"data": data, "preprocess": "none", "model": model, "metrics": ["r2"], "split": {"random_state": 2}}
    return train({**config, "seed": 2}, runs_dir=directory / "runs")


def by_hand(model: Any) -> float:
    X, X_val, y, y_val = train_test_split(FRAME[["a", "b"]], FRAME.y, test_size=0.2, random_state=2)
    return float(r2_score(y_val, model.fit(X, y).predict(X_val)))


KERNELS = {
    "one": (kernel("RBF", length_scale=2.0), lambda: k.RBF(2.0)),
    "each feature": (kernel("RBF", length_scale=[1.0, 3.0]), lambda: k.RBF([1.0, 3.0])),
    "bounds": (kernel("Matern", nu=1.5, length_scale_bounds=[0.1, 10.0]), lambda: k.Matern(nu=1.5, length_scale_bounds=(0.1, 10.0))),
    "fixed": (kernel("RationalQuadratic", alpha_bounds="fixed"), lambda: k.RationalQuadratic(alpha_bounds="fixed")),
    "sum": (kernel("Sum", k1=kernel("RBF"), k2=kernel("WhiteKernel", noise_level=0.1)), lambda: k.RBF() + k.WhiteKernel(0.1)),
    "product": (
        kernel("Product", k1=kernel("ConstantKernel", constant_value=2.0), k2=kernel("Sum", k1=kernel("RBF"), k2=kernel("DotProduct"))),
        lambda: k.ConstantKernel(2.0) * (k.RBF() + k.DotProduct()),
    ),
    "power": (kernel("Exponentiation", kernel=kernel("RBF"), exponent=2), lambda: k.RBF() ** 2),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_is_a_parameter_as_in_a_script_and_comes_out_again(name: str, tmp_path: Path) -> None:
    written, made = KERNELS[name]
    run = run_of({"class": PROCESS, "params": {"kernel": written, "alpha": 1e-3}}, tmp_path)
    assert isinstance(run.manifest, CompletedRun), run.manifest.failure
    assert run.manifest.outcome.metrics["r2"].value == by_hand(
        GaussianProcessRegressor(made(), alpha=1e-3, random_state=2)
    )
    assert verify(run).runs[0].verdict == "identical"


def test_a_fit_that_counts_no_iterations_is_not_told_to_have_stopped_after_some() -> None:
    told = describe_warning(Warned(code="fit.not_converged", values={"n_iter": None, "max_iter": None}))
    assert told.startswith("scikit-learn warns that something in the fit has not converged")
    assert "nothing" not in told
    told = describe_warning(Warned(code="fit.not_converged", values={"n_iter": [7], "max_iter": 7}))
    assert told.startswith("The fit stopped after 7 iterations")


def test_kernels_and_estimators_may_be_tried_by_a_search(tmp_path: Path) -> None:
    grid = {"kernel": [kernel("RBF"), kernel("Matern")], "alpha": [0.1]}
    search = {"estimator": {"class": PROCESS}, "param_grid": grid, "cv": 3}
    run = run_of({"class": "sklearn.model_selection.GridSearchCV", "params": search}, tmp_path)
    assert isinstance(run.manifest, CompletedRun), run.manifest.failure
    made = GridSearchCV(
        GaussianProcessRegressor(random_state=2), {"kernel": [k.RBF(), k.Matern()], "alpha": [0.1]}, cv=3
    )
    assert run.manifest.outcome.metrics["r2"].value == by_hand(made)
    steps = {"class": "sklearn.pipeline.Pipeline", "params": {"steps": [["m", {"class": "ridge"}]]}}
    tried = {"m": [{"class": "ridge"}, {"class": "decision_tree_regressor"}]}
    search = {"estimator": steps, "param_grid": tried, "cv": 3}
    run = run_of({"class": "sklearn.model_selection.GridSearchCV", "params": search}, tmp_path)
    assert isinstance(run.manifest, CompletedRun), run.manifest.failure
    grid = run.manifest.inputs.config.resolved["model"]["params"]["param_grid"]
    assert grid["m"][1] == {"class": ALIASES["decision_tree_regressor"], "params": {"random_state": 2}}
    assert not [warning for warning in run.manifest.warnings if warning.code == "seed.unset"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"kernel": kernel("RFB")}, 'model.params.kernel.class: "sklearn.gaussian_process.kernels" has no "RFB"'),
        ({"kernel": kernel("RBF", length=2)}, "model.params.kernel.params.length: RBF has no such parameter"),
        ({"kernel": kernel("Kernel")}, "model.params.kernel.params: Can't instantiate abstract class"),
        ({"kernel": kernel("Hyperparameter")}, "is no estimator"),
        ({"kernel": {"class": "sklearn.datasets.load_iris"}}, "is no estimator"),
    ],
)
def test_what_is_no_kernel_is_refused(params: dict[str, Any], said: str, tmp_path: Path) -> None:
    run = run_of({"class": PROCESS, "params": params}, tmp_path)
    assert isinstance(run.manifest, FailedRun)
    assert said in run.manifest.failure.message


def test_a_kernel_is_no_model_and_no_step(tmp_path: Path) -> None:
    run = run_of(kernel("RBF"), tmp_path)
    assert isinstance(run.manifest, FailedRun)
    assert "is no estimator" in run.manifest.failure.message


def test_what_a_grid_holds_is_as_closed_as_any_other_parameter(tmp_path: Path) -> None:
    search = {"estimator": {"class": PROCESS}, "param_grid": {"kernel": [{"class": "os.system"}]}}
    run = run_of({"class": "sklearn.model_selection.GridSearchCV", "params": search}, tmp_path)
    assert isinstance(run.manifest, FailedRun)
    assert "model.params.param_grid.kernel.0.class: expected an import path into scikit-learn, such as" in (
        run.manifest.failure.message
    )
