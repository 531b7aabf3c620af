"""What is inside a pipeline: which of its estimators draw without a seed, race, or follow the number of CPUs."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from typing import Any, Final

import joblib
import threadpoolctl
from joblib._parallel_backends import SequentialBackend, ThreadingBackend
from sklearn.base import BaseEstimator, clone

from week2kit.loop.estimators import SEEDS, parameters_of


def walk(value: Any) -> Iterator[BaseEstimator]:
    """Every estimator inside an estimator, fitted or not, itself first; forests are not entered."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list | tuple):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            stack.extend(reversed(list(item.values())))
        elif id(item) not in seen and not isinstance(item, type) and has(item, "fit") and has(item, "get_params"):
            seen.add(id(item))
            yield item
            if not is_forest(item):
                stack.extend(reversed(list(getattr(item, "__dict__", {}).values())))


def has(estimator: Any, name: str) -> bool:
    """Whether an estimator has a method; where it cannot tell yet (some raise while they are not fitted), it may."""
    try:
        return hasattr(estimator, name)
    except Exception:
        return True


def takes_weights(estimator: Any) -> bool:
    """Whether the fit of an estimator takes a weight for each row, or passes on what it is given."""
    try:
        parameters = inspect.signature(estimator.fit).parameters
    except (TypeError, ValueError):
        return False
    return "sample_weight" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


#: Estimators that take dense tables only, for releases of scikit-learn in which they cannot be asked (before 1.6).
_DENSE_ONLY: Final = frozenset(
    {
        *("GaussianNB", "HistGradientBoostingClassifier", "HistGradientBoostingRegressor", "CategoricalNB"),
        *("LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis", "GaussianProcessClassifier"),
        *("GaussianProcessRegressor", "Lars", "LassoLars", "PLSRegression", "IsotonicRegression"),
    }
)


def is_dense_only(estimator: Any) -> bool:
    """Whether an estimator says that it takes no sparse table; one that says nothing may take them."""
    try:
        return not estimator.__sklearn_tags__().input_tags.sparse
    except Exception:  # a class without tags, or one that asks an estimator that it does not have
        return type(estimator).__name__ in _DENSE_ONLY


def is_forest(estimator: BaseEstimator) -> bool:
    """Whether an estimator is a forest of trees, which with several jobs adds them up as threads finish."""
    return any(kind.__name__ in ("ForestClassifier", "ForestRegressor") for kind in type(estimator).__mro__)


def _never_draws(e: Any) -> bool:
    """Whether this estimator takes a random_state and, with these parameters, never draws from it."""
    match type(e).__name__:
        case "LogisticRegression" | "LogisticRegressionCV":
            newton = e.solver == "liblinear" and not e.dual and not _has_l1(e)
            return newton or e.solver in ("lbfgs", "newton-cg", "newton-cholesky")
        case "Ridge" | "RidgeClassifier":
            return e.solver not in ("sag", "saga")
        case "LinearSVC" | "LinearSVR":
            return e.dual is False and getattr(e, "penalty", "l2") == "l2"
        case "SGDClassifier" | "SGDRegressor" | "Perceptron":
            return not e.shuffle and not e.early_stopping
        case "Lars" | "LassoLars":
            return e.jitter is None
        case "SVC" | "NuSVC":
            return not e.probability or e.probability == "deprecated"
        case "PCA":
            return e.svd_solver in ("full", "covariance_eigh")
        case "Lasso" | "ElasticNet" | "LassoCV" | "ElasticNetCV" | "MultiTaskLasso" | "MultiTaskElasticNet":
            return bool(e.selection == "cyclic")
        case "GaussianProcessClassifier" | "GaussianProcessRegressor":
            return bool(e.n_restarts_optimizer == 0)
        case "DummyClassifier":
            return e.strategy not in ("stratified", "uniform")
        case "QuantileTransformer":
            return e.subsample is None
        case "KBinsDiscretizer":
            return e.subsample is None or e.strategy == "uniform"
        case "IterativeImputer":
            return not e.sample_posterior and e.imputation_order != "random"
        case "MLPClassifier" | "MLPRegressor" | "KMeans":
            return False
    return False


def _has_l1(e: Any) -> bool:
    """Whether a logistic regression is penalised by absolute values: liblinear then goes through features at random."""
    ratios = [getattr(e, name, None) or 0.0 for name in ("l1_ratio", "l1_ratios")]
    plain = all(ratio == 0.0 if isinstance(ratio, float | int) else not any(ratio) for ratio in ratios)
    return not plain or getattr(e, "penalty", "l2") not in ("l2", "deprecated", None)


def unseeded(model: BaseEstimator, rows: int | None = None) -> list[str]:
    """The class names of the estimators in `model` that draw at random without a seed, sorted.

    Args:
        model: an estimator with everything in it, also what a search tries.
        rows: of the table, where they are known.
    """
    return sorted({name for estimator in walk(model) for name in _draws_unseeded(estimator, rows)})


def _draws_unseeded(estimator: Any, rows: int | None) -> Iterator[str]:
    name = type(estimator).__name__
    if "random_state" in parameters_of(type(estimator))[0]:
        if not _is_seeded(estimator) and not _never_draws(estimator):
            yield name
    elif name == "Isomap" and _starts_at_random(estimator, rows):
        yield name
    for value in vars(estimator).values() if hasattr(estimator, "__dict__") else ():
        shuffles = hasattr(value, "get_n_splits") and getattr(value, "shuffle", True)
        if shuffles and getattr(value, "random_state", 0) is None:
            yield type(value).__name__
    yield from _unseeded_by_grid(estimator)


def _is_seeded(estimator: Any) -> bool:
    """Whether a seed is given, as an attribute (scikit-learn's) or as a parameter under another library's name."""
    if getattr(estimator, "random_state", None) is not None:
        return True
    with contextlib.suppress(Exception):
        return any(estimator.get_params(deep=False).get(seed) is not None for seed in SEEDS)
    return False


def _starts_at_random(isomap: Any, rows: int | None) -> bool:
    """Whether the eigenvectors of Isomap are ARPACK's, which starts at a vector that no parameter fixes."""
    few = (rows is not None and rows <= 200) or isomap.n_components >= 10  # KernelPCA's rule: then it is dense
    return isomap.eigen_solver == "arpack" or (isomap.eigen_solver == "auto" and not few)


def _unseeded_by_grid(search: Any) -> Iterator[str]:
    """What a search's grid leaves without a seed: ``{"model__random_state": [null]}`` takes the one away it had."""
    for grid in (getattr(search, name, None) for name in ("param_grid", "param_distributions")):
        for one in grid if isinstance(grid, list | tuple) else [grid]:
            for key, tried in one.items() if isinstance(one, dict) and hasattr(search, "estimator") else ():
                if key.rpartition("__")[2] == "random_state" and isinstance(tried, list) and None in tried:
                    with contextlib.suppress(Exception):  # a key of no estimator: the fit says so
                        yield from unseeded(clone(search.estimator).set_params(**{key: None}))


#: Under which name other libraries take a number of threads; not given, it is that of all CPUs.
_THREADS_OF: Final[Mapping[str, str]] = {"catboost": "thread_count", "lightgbm": "n_jobs", "xgboost": "n_jobs"}


def jobs_by_cpus(model: BaseEstimator) -> list[str]:
    """The class names of the estimators whose number of jobs follows from that of the CPUs, sorted."""
    return sorted({type(estimator).__name__ for estimator in walk(model) if _counts_cpus(estimator)})


def _counts_cpus(estimator: Any) -> bool:
    own = _THREADS_OF.get(type(estimator).__module__.partition(".")[0])
    if own is not None:
        jobs = estimator.get_params().get(own)
        return jobs is None or jobs <= 0
    return any(_is_negative_jobs(name, value) for name, value in getattr(estimator, "__dict__", {}).items())


def _is_negative_jobs(name: str, value: Any) -> bool:
    if isinstance(value, dict):  # a search's grid
        return any(_is_negative_jobs(str(key), item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return any(_is_negative_jobs(name, item) for item in value)
    return name.rpartition("__")[2] == "n_jobs" and isinstance(value, int) and value < 0


def is_kmeans(estimator: BaseEstimator) -> bool:
    """Whether an estimator is a k-means; its result depends on the order of three or more OpenMP threads."""
    return any("KMeans" in kind.__name__ for kind in type(estimator).__mro__)


class Threads(ThreadingBackend):  # type: ignore[misc]
    """joblib's backend of threads, with at most `most` of them at work: by default as many as there are processors.

    joblib starts a thread per job, and jobs within jobs multiply: 32 times 32 are a thousand threads, which a machine
    for a class does not allow. How the work is divided decides the numbers of some estimators (bagging adds up what
    each job gives); how many threads do it decides none.
    """

    def __init__(self, most: int | None = None, nesting_level: int | None = None) -> None:
        super().__init__(nesting_level=nesting_level)
        self.most = most or joblib.cpu_count()

    def _get_pool(self) -> ThreadPool:
        if self._pool is None:  # type: ignore[has-type]
            self._pool = ThreadPool(min(self._n_jobs, self.most))
        return self._pool

    def get_nested_backend(self) -> tuple[ThreadingBackend | SequentialBackend, None]:
        """As joblib's: the first jobs within jobs are threads, those within them are none."""
        level = (self.nesting_level or 0) + 1
        if level > 1:
            return SequentialBackend(nesting_level=level), None
        return Threads(max(1, self.most // min(self._n_jobs, self.most)), level), None


@contextmanager
def steady_threads(model: BaseEstimator) -> Iterator[None]:
    """Run jobs as threads, and with one OpenMP thread where more would race (or give other bits elsewhere).

    What comes back from a worker process was pickled on its way, and its dump then has other bytes than that of a model
    that was fitted here; a dozen processes that import scikit-learn also take longer than most fits.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(joblib.parallel_config(backend=Threads()))
        if any(map(is_kmeans, walk(model))):
            stack.enter_context(threadpoolctl.threadpool_limits(limits=1, user_api="openmp"))
        yield


@contextmanager
def steady_forests(model: BaseEstimator) -> Iterator[None]:
    """Let forests predict with one job: with more, trees are added up in the order in which threads finish.

    Also where they say nothing of jobs: ``joblib.parallel_config`` may give them some.
    """
    changed = [e for e in walk(model) if is_forest(e) and getattr(e, "n_jobs", 1) != 1]
    kept = [e.n_jobs for e in changed]
    try:
        for estimator in changed:
            estimator.n_jobs = 1
        yield
    finally:
        for estimator, jobs in zip(changed, kept, strict=True):
            estimator.n_jobs = jobs
