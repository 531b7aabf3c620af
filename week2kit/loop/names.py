"""Names: what people and other libraries call a metric or a class, and what a config calls it. Only for messages.

A config stays explicit: nothing that is read here is trained with.
"""

from __future__ import annotations

import difflib
import pkgutil
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

import sklearn

from week2kit.canonical import clean
from week2kit.config.form import ALIASES


def _bare(name: str) -> str:
    """A name without what people write in more than one way: capitals, hyphens, blanks, underscores."""
    return re.sub(r"[^0-9a-z]+", "", name.lower())


# --- metrics ----------------------------------------------------------------------------------------------------

#: Other names of metrics, bare, besides those of scikit-learn's functions (f1_score, log_loss, mean_squared_error).
_METRICS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("acc", "accuracyrate"), "accuracy"),
    **dict.fromkeys(("balancedacc", "bacc"), "balanced_accuracy"),
    **dict.fromkeys(("auc", "auroc", "roc", "rocauc", "aucroc", "areaundercurve"), "roc_auc"),
    **dict.fromkeys(("ap", "auprc", "aucpr", "prauc"), "average_precision"),
    **dict.fromkeys(("brier",), "brier_score"),
    **dict.fromkeys(("bce", "crossentropy", "categoricalcrossentropy", "logloss", "nll", "xent"), "log_loss"),
    **dict.fromkeys(("binarycrossentropy",), "log_loss"),
    **dict.fromkeys(("mcc", "matthews", "phi"), "matthews_corrcoef"),
    **dict.fromkeys(("sensitivity", "tpr", "truepositiverate"), "recall"),
    **dict.fromkeys(("ppv", "positivepredictivevalue"), "precision"),
    **dict.fromkeys(("iou",), "jaccard"),
    **dict.fromkeys(("topk", "topkacc"), "top_k_accuracy"),
    **dict.fromkeys(("fscore", "fmeasure", "f"), "f1"),
    **dict.fromkeys(("coefficientofdetermination", "rsquared", "rsq", "rsquare"), "r2"),
    **dict.fromkeys(("evs", "expvar"), "explained_variance"),
    **dict.fromkeys(("mse", "squarederror"), "mean_squared_error"),
    **dict.fromkeys(("rmse", "rmsd", "rootmse"), "root_mean_squared_error"),
    **dict.fromkeys(("mae", "absoluteerror"), "mean_absolute_error"),
    **dict.fromkeys(("mape", "absolutepercentageerror"), "mean_absolute_percentage_error"),
    **dict.fromkeys(("msle",), "mean_squared_log_error"),
    **dict.fromkeys(("rmsle",), "root_mean_squared_log_error"),
    **dict.fromkeys(("medae", "medianae"), "median_absolute_error"),
    **dict.fromkeys(("poisson", "poissondeviance"), "mean_poisson_deviance"),
    **dict.fromkeys(("gamma", "gammadeviance"), "mean_gamma_deviance"),
}

#: Measures of clusters, which nobody means who spelt a metric of predictions wrong.
_OF_CLUSTERS: Final = re.compile(r"rand_score|mutual_info|homogeneity|completeness|v_measure|fowlkes")

_AVERAGED: Final = re.compile(r"(macro|micro|weighted)(f1|precision|recall|jaccard)")


def metric_called(name: str, known: Sequence[str], classes: int) -> str | None:
    """The metric that another name is known for; None where it is no such name.

    Args:
        name: what the config says.
        known: the names that scikit-learn has here, without ``neg_``.
        classes: the number of classes; 0 for regression.
    """
    bare = _bare(name)
    short = {bare, *(bare.removesuffix(end) for end in ("score", "loss", "metric", "value"))}
    short |= {_AVERAGED.sub(r"\2\1", one) for one in short}
    plain = {_bare(one): one for one in known}
    plain |= {_bare(one.removesuffix("_score")): one for one in known if one.endswith("_score")}
    found = [plain[one] for one in sorted(short) if one in plain]
    found += [_METRICS[one] for one in sorted(short) if _METRICS.get(one) in known]
    if not found:
        return None
    if classes > 2:  # what is of one of two classes has an average of this name
        for ending in ("_macro", "_ovr"):
            if f"{found[0]}{ending}" in known:
                return f"{found[0]}{ending}"
    return found[0]


def nearest_metric(name: str, known: Sequence[str]) -> str | None:
    """The metric whose name is spelt most like another text; one of clusters only where nothing else is near."""
    close = [
        *difflib.get_close_matches(name, [one for one in known if not _OF_CLUSTERS.search(one)], n=1),
        *(_METRICS[one] for one in difflib.get_close_matches(_bare(name), _METRICS, n=1, cutoff=0.75)),
        *difflib.get_close_matches(name, known, n=1, cutoff=0.85),
    ]
    return next((one for one in close if one in known), None)


# --- classes ----------------------------------------------------------------------------------------------------

#: Short names of classes, bare, that are no alias: what a config writes, for classes first.
_CLASSES: Final[Mapping[str, Sequence[str]]] = {
    **dict.fromkeys(("knn", "kneighbors", "nearestneighbors", "knearestneighbours", "kneighbours"), (
        "k_nearest_neighbors", "sklearn.neighbors.KNeighborsRegressor")),
    **dict.fromkeys(("svm", "supportvectormachine", "supportvectorclassifier"), ("svc", "sklearn.svm.SVR")),
    **dict.fromkeys(("rf", "forest", "randomforests"), ("random_forest", "random_forest_regressor")),
    **dict.fromkeys(("dt", "tree", "cart"), ("decision_tree", "decision_tree_regressor")),
    **dict.fromkeys(("gb", "gbm", "gbt", "gbdt", "boosting", "histgradientboosting", "hgb"), (
        "gradient_boosting", "gradient_boosting_regressor")),
    **dict.fromkeys(("logreg", "lr", "logit", "logistic"), ("logistic_regression",)),
    **dict.fromkeys(("linreg", "ols", "linear", "leastsquares"), ("linear_regression",)),
    **dict.fromkeys(("nb", "gnb", "bayes", "gaussiannaivebayes"), ("naive_bayes",)),
    **dict.fromkeys(("baseline", "majority"), ("dummy", "dummy_regressor")),
    **dict.fromkeys(("mlp", "neuralnetwork", "nn", "ann", "neuralnet"), (
        "sklearn.neural_network.MLPClassifier", "sklearn.neural_network.MLPRegressor")),
    **dict.fromkeys(("gp", "gaussianprocess"), (
        "sklearn.gaussian_process.GaussianProcessClassifier", "sklearn.gaussian_process.GaussianProcessRegressor")),
    **dict.fromkeys(("ada", "adaboost"), ("sklearn.ensemble.AdaBoostClassifier", "sklearn.ensemble.AdaBoostRegressor")),
    **dict.fromkeys(("extratrees", "et"), (
        "sklearn.ensemble.ExtraTreesClassifier", "sklearn.ensemble.ExtraTreesRegressor")),
    **dict.fromkeys(("sgd",), ("sklearn.linear_model.SGDClassifier", "sklearn.linear_model.SGDRegressor")),
    **dict.fromkeys(("lda",), ("sklearn.discriminant_analysis.LinearDiscriminantAnalysis",)),
    **dict.fromkeys(("qda",), ("sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis",)),
    **dict.fromkeys(("scaler", "scale", "standardize", "standardscale", "zscore"), ("standard_scaler",)),
    **dict.fromkeys(("minmax", "normalize"), ("sklearn.preprocessing.MinMaxScaler",)),
    **dict.fromkeys(("imputer", "impute"), ("simple_imputer",)),
    **dict.fromkeys(("onehot", "ohe", "dummies", "getdummies"), ("one_hot",)),
    **dict.fromkeys(("ordinal",), ("sklearn.preprocessing.OrdinalEncoder",)),
    **dict.fromkeys(("poly", "polynomial"), ("sklearn.preprocessing.PolynomialFeatures",)),
    **dict.fromkeys(("tfidf",), ("sklearn.feature_extraction.text.TfidfVectorizer",)),
    **dict.fromkeys(("gridsearch", "grid"), ("sklearn.model_selection.GridSearchCV",)),
    **dict.fromkeys(("randomsearch", "randomizedsearch"), ("sklearn.model_selection.RandomizedSearchCV",)),
}  # fmt: skip

#: Classes of other libraries that are known by their name alone.
_OF_LIBRARIES: Final[Mapping[str, str]] = {"XGB": "xgboost", "LGBM": "lightgbm", "CatBoost": "catboost"}


def class_called(path: str) -> str:
    """What to write for a class that a config names in another way, as the end of a sentence; empty if it is unknown.

    Args:
        path: a name without its module, a short one, or a path that leads to no class.
    """
    module, _, name = path.rpartition(".")
    aliases = {_bare(alias): alias for alias in ALIASES}
    if short := [aliases[_bare(path)]] if _bare(path) in aliases else list(_CLASSES.get(_bare(path), ())):
        return _written([ALIASES.get(one, one) for one in short])
    if not module and (library := next((of for start, of in _OF_LIBRARIES.items() if name.startswith(start)), None)):
        return f'; write "{library}.{clean(name)}", and allow its module: --allow-module {library}'
    public = public_classes()
    if name in public:
        return _written([public[name]])
    if kinds := [public[f"{name}{kind}"] for kind in ("Classifier", "Regressor") if f"{name}{kind}" in public]:
        return _written(kinds)
    top = module.partition(".")[0]
    if module and top != "sklearn":
        told = f"; if you trust the code of {clean(top, 60)}: --allow-module {clean(top, 60)}"
        return told if top.isidentifier() and top not in sys.stdlib_module_names else ""
    bare = {_bare(one): one for one in public}
    close = [bare[_bare(name)]] if _bare(name) in bare else difflib.get_close_matches(name, public, n=1, cutoff=0.8)
    return f'; did you mean "{public[close[0]]}"?' if close else ""


def _written(paths: Sequence[str]) -> str:
    """The ways to write a class: its alias, where it has one, or its import path; the second is that for numbers."""
    alias = {written: short for short, written in ALIASES.items()}
    told = [f'"{alias[path]}" or "{path}"' if path in alias else f'"{path}"' for path in paths]
    return f"; write {told[0]}" + (f" (to predict numbers: {told[1]})" if told[1:] else "")


def public_classes() -> dict[str, str]:
    """The estimators of scikit-learn by their class name, each with its import path; all its parts are imported."""
    found: dict[str, str] = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(sklearn.__path__)):
        if module.startswith("_") or module in ("conftest", "experimental", "externals", "tests"):
            continue
        part: Any = import_module(f"sklearn.{module}")
        for name, kind in sorted(vars(part).items()):
            own = isinstance(kind, type) and kind.__module__.startswith(f"sklearn.{module}")
            if own and not name.startswith("_") and hasattr(kind, "fit") and hasattr(kind, "get_params"):
                found.setdefault(name, f"sklearn.{module}.{name}")
    for name in ("CountVectorizer", "HashingVectorizer", "TfidfTransformer", "TfidfVectorizer"):
        found[name] = f"sklearn.feature_extraction.text.{name}"
    for name, module in (("IterativeImputer", "impute"), ("HalvingGridSearchCV", "model_selection")):
        found[name] = f"sklearn.{module}.{name}"
    return found
