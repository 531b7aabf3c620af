"""Deferring scipy.stats changes when it is imported, and nothing else. Every case is a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from .forked import Server, server_for
from .sessions import ROOT

DEFER = "from week2kit.importing import defer_scipy_stats\nassert defer_scipy_stats() is True\n"

#: Whether anything of the real scipy.stats has run.
LOADED = "import sys\ndef loaded(): return any(name.startswith('scipy.stats.') for name in sys.modules)\n"


def run(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_ordinary_training_never_loads_it() -> None:
    run(
        DEFER
        + LOADED
        + """
import pandas, sklearn.compose, sklearn.impute, sklearn.model_selection
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report, log_loss
X, y = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=500).fit(X, y)
classification_report(y, model.predict(X)), log_loss(y, model.predict_proba(X))
assert not loaded()
"""
    )


@pytest.mark.parametrize("target", ["species", "body_mass_g"])
def test_train_never_loads_it(target: str, tmp_path: Path) -> None:
    """With all that it looks for: leaks, dates, what is on both sides of the split."""
    model = "logistic_regression" if target == "species" else "ridge"
    config = {"data": {"path": str(ROOT / "examples/penguins/penguins.csv"), "target": target}, "model": model}
    if target != "species":
        config["data"] |= {"drop_missing_target": True}  # type: ignore[operator]
    (tmp_path / "config.json").write_text(json.dumps(config))
    run(
        LOADED
        + f"""
from week2kit import train
assert train({str(tmp_path / "config.json")!r}, runs_dir={str(tmp_path)!r}).manifest.status == "completed"
assert not loaded()
"""
    )


def test_every_module_of_scikit_learn_can_be_imported() -> None:
    run(
        DEFER
        + """
import sys
from sklearn.utils import all_estimators
assert len(all_estimators()) > 150
import scipy.stats
assert type(scipy.stats).__name__ == "module" and scipy.stats is sys.modules["scipy.stats"]
"""
    )


RESULTS = """
import hashlib, json
import joblib, numpy as np
from io import BytesIO
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.experimental import enable_iterative_imputer
from sklearn.feature_selection import SelectKBest, f_classif, f_regression
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import label_ranking_average_precision_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

X, y = load_breast_cancer(return_X_y=True)
X = X[:, :6]
iris, species = load_iris(return_X_y=True)
holes = np.where(np.arange(X.size).reshape(X.shape) % 11 == 0, np.nan, X)
out = {}

def digest(name, *values):
    buffer = BytesIO()
    for value in values:
        joblib.dump(value, buffer)
    out[name] = hashlib.sha256(buffer.getvalue()).hexdigest()

model = LogisticRegression(max_iter=5000).fit(X, y)
digest("roc_auc", model, roc_auc_score(y, model.predict_proba(X)[:, 1]))
digest("label_ranking", label_ranking_average_precision_score(np.eye(3)[species], iris[:, :3]))
isotonic = IsotonicRegression(increasing="auto").fit(X[:, 0], y)
digest("isotonic", isotonic, isotonic.predict(X[:, 0]))
normal = QuantileTransformer(n_quantiles=50, output_distribution="normal", random_state=0).fit(X)
digest("quantile", normal, normal.transform(X), normal.inverse_transform(normal.transform(X)))
for method in ("yeo-johnson", "box-cox"):
    power = PowerTransformer(method=method).fit(X + 1)
    digest(method, power, power.transform(X + 1))
boosting = HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(iris, species)
digest("boosting", boosting.predict_proba(iris))
envelope = EllipticEnvelope(random_state=0).fit(iris)
digest("envelope", envelope, envelope.score_samples(iris))
for score in (f_classif, f_regression):
    best = SelectKBest(score, k=2).fit(X, y)
    digest(score.__name__, best, best.pvalues_)
imputer = IterativeImputer(sample_posterior=True, max_iter=2, random_state=0, min_value=0)
digest("iterative", imputer.fit_transform(holes))
digest("most_frequent", SimpleImputer(strategy="most_frequent").fit_transform(holes))
search = GridSearchCV(model, {"C": [0.1, 1.0, 10.0]}, cv=3).fit(iris, species)
digest("ranks", search.cv_results_["rank_test_score"])
from scipy.stats import loguniform
draws = RandomizedSearchCV(model, {"C": loguniform(0.1, 10)}, n_iter=2, cv=3, random_state=0).fit(iris, species)
digest("distribution", draws.best_params_)
print(json.dumps(out))
"""


def test_results_and_dumps_are_the_same_bits() -> None:
    plain, deferred = json.loads(run(RESULTS)), json.loads(run(DEFER + RESULTS))
    assert len(plain) == 14
    assert deferred == plain


@pytest.mark.parametrize(
    "use",
    [
        "import scipy.stats as stats; assert stats.norm.cdf(0) == 0.5",
        "from scipy import stats; assert stats.norm.cdf(0) == 0.5",
        "from scipy.stats import chi2; assert type(chi2).__name__ == 'chi2_gen'",
        "from scipy.stats import *; assert norm.cdf(0) == 0.5",
        "from scipy.stats.mstats import mquantiles",
        "import scipy.stats.distributions",
        "import scipy.stats._distn_infrastructure",
        "from importlib.util import *; s = find_spec('scipy.stats.qmc'); s.loader.exec_module(module_from_spec(s))",
        "import scipy; dir(scipy.stats)",
        "import importlib, scipy; importlib.reload(scipy.stats)",
        "import sklearn.metrics._ranking as r; assert list(r.rankdata([3, 1])) == [2, 1]",
        "import sklearn.covariance._robust_covariance as c; assert c.chi2(2).cdf(0) == c.chi2.cdf(0, 2) == 0",
        "import pandas; pandas.Series([1.0, 2.0]).corr(pandas.Series([2.0, 1.0]), method='kendall')",
    ],
)
def test_the_first_use_puts_the_real_module_everywhere(use: str, scikit_learn: Server) -> None:
    code = f"""
assert not loaded()
{use}
import importlib, pkgutil, scipy, scipy.stats, scipy.stats.distributions
real = sys.modules["scipy.stats"]
assert real is scipy.stats and type(real).__name__ == "module" and "norm" in vars(real)
assert real.norm is real.distributions.norm
for module in ("mstats", "distributions", "_distn_infrastructure", "qmc"):
    assert sys.modules["scipy.stats." + module] is getattr(real, module)
    assert type(getattr(real, module).__spec__.loader).__name__ == "SourceFileLoader"
assert importlib.reload(real) is real
assert sklearn.preprocessing._data.stats.norm is real.norm
"""
    done = scikit_learn.run("deferred:execute", [code], str(ROOT), os.environ, 60)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def scikit_learn(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A process that has imported scikit-learn without scipy.stats, to be forked for each case."""
    folder = tmp_path_factory.mktemp("deferred")
    more = """
import sklearn.linear_model, sklearn.metrics, sklearn.covariance, sklearn.preprocessing
def execute(): exec(sys.argv[0], globals())
"""
    (folder / "deferred.py").write_text(DEFER + LOADED + more)
    return server_for(os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}, ["deferred"])


def test_walking_over_all_modules_does_not_load_it() -> None:
    run(
        DEFER
        + LOADED
        + """
import sklearn.linear_model, inspect, warnings, unittest
for module in list(sys.modules.values()):
    getattr(module, "__warningregistry__", None), getattr(module, "__file__", None), inspect.ismodule(module)
import scipy.stats
assert scipy.stats.__spec__.name == scipy.stats.__name__ == scipy.stats.__package__ == "scipy.stats"
assert not loaded()
"""
    )


def test_nobody_but_scikit_learn_is_given_a_proxy_and_none_can_be_saved() -> None:
    run(
        DEFER
        + """
import copy, pickle
import sklearn.covariance._robust_covariance as holder
try:
    pickle.dumps(holder.chi2)
except TypeError as error:
    assert "scipy.stats.chi2" in str(error)
else:
    raise AssertionError("a proxy was pickled")
from scipy.stats import chi2, rankdata
assert b"week2kit" not in pickle.dumps([chi2, rankdata, chi2(3)])
assert b"week2kit" not in pickle.dumps(holder.chi2(3))
"""
    )


def test_threads_may_race_for_the_first_use() -> None:
    # not for a module of the package: there CPython's own import of a package and its modules in two threads fails
    run(
        DEFER
        + """
import importlib, sys, threading
import scipy
import sklearn.covariance._robust_covariance, sklearn.metrics._ranking, sklearn.preprocessing._data
uses = [
    lambda: sklearn.metrics._ranking.rankdata([2, 1]),
    lambda: sklearn.covariance._robust_covariance.chi2.cdf(1.0, 2),
    lambda: sklearn.preprocessing._data.stats.norm.ppf(0.5),
    lambda: importlib.import_module("scipy.stats").boxcox,
    lambda: getattr(scipy.stats, "yeojohnson"),
]
barrier, failures = threading.Barrier(len(uses)), []
def go(use):
    barrier.wait()
    try:
        use()
    except BaseException as error:
        failures.append(error)
sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=go, args=(use,), daemon=True) for use in uses]
for thread in threads: thread.start()
for thread in threads: thread.join(60)
assert not any(thread.is_alive() for thread in threads)
assert not failures, failures
import scipy.stats
assert scipy.stats.norm is scipy.stats.distributions.norm
"""
    )


@pytest.mark.parametrize(
    "before",
    ["import scipy.stats", "import sklearn.base", "import sys; sys.modules['scipy'] = None", f"{DEFER}"],
    ids=["stats imported", "scikit-learn imported", "no scipy", "deferred already"],
)
def test_it_does_nothing_where_it_cannot_help(before: str) -> None:
    run(
        f"""
import sys
{before}
modules, finders = dict(sys.modules), list(sys.meta_path)
import week2kit.importing
assert week2kit.importing.defer_scipy_stats() is False
assert sys.modules.get("scipy.stats") is modules.get("scipy.stats")
assert sys.meta_path == finders
"""
    )


def test_warnings_and_their_filters_stay_as_they_are() -> None:
    run(
        DEFER
        + """
import warnings
import sklearn.metrics._ranking as ranking
warnings.simplefilter("error")
before = list(warnings.filters)
ranking.rankdata([2, 1])
assert warnings.filters == before
"""
    )
