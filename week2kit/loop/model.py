"""Model: from the config's steps to a scikit-learn pipeline, checked before it is fitted; what in it draws or races."""

from __future__ import annotations

import contextlib
import difflib
import errno
import re
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from io import BytesIO
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, Literal

from week2kit.canonical import clean
from week2kit.config.form import Config, Estimator, Group
from week2kit.errors import ConfigError, LibraryError, StageError, Terminated
from week2kit.importing import held
from week2kit.loop.data import Table
from week2kit.privacy import scrub
from week2kit.thresholds import MAX_JOBS

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

Task = Literal["classification", "regression"]

#: Parameters that read or write files, or are evaluated as code, and the values of them that are harmless.
_DENIED: Final[Mapping[str, tuple[Any, ...]]] = {"input": ("content",), "memory": (None,), "pre_dispatch": ()}

#: Parts of scikit-learn that hold no estimators for users; importing some of them runs test code.
_CLOSED_MODULES: Final = frozenset({"conftest", "experimental", "externals", "tests"})


# --- classes ----------------------------------------------------------------------------------------------------


def find_class(path: str, allowed_modules: Sequence[str] = (), *, splitters: bool = False) -> type[BaseEstimator]:
    """The estimator class at an import path into a public module of scikit-learn, or of a module the caller allows.

    Args:
        path: such as ``sklearn.linear_model.LogisticRegression``.
        allowed_modules: further top-level modules; only the caller may name them, never a config.
        splitters: whether it may be what a search splits by, such as StratifiedKFold, too.

    Raises:
        ValueError: nothing else is imported; the message says what was expected.
        LibraryError: the module of the caller raised an error of its own when it was imported.
    """
    module_name, _, name = path.rpartition(".")
    parts = module_name.split(".")
    top = parts[0]
    if top not in ("sklearn", *allowed_modules) or not name:
        raise ValueError(
            f'expected an import path into scikit-learn, such as "sklearn.linear_model.LogisticRegression", '
            f'got "{clean(path)}"{_alias_hint(path)}'
        )
    if any(part.startswith("_") or not part.isidentifier() or part in _CLOSED_MODULES for part in (*parts, name)):
        raise ValueError(f'expected a public class of scikit-learn, got "{clean(path)}"')
    with held():
        module = _imported(module_name)
        found = _attribute(module, name)
    if found is None:
        close = difflib.get_close_matches(name, [n for n in dir(module) if n[:1].isupper()], n=1)
        raise ValueError(
            f'"{clean(module_name)}" has no "{clean(name)}"' + (f'; did you mean "{close[0]}"?' if close else "")
        )
    if isinstance(found, type) and top == "sklearn" and found.__module__.partition(".")[0] != "sklearn":
        raise ValueError(
            f'in this process "{clean(path)}" is a class of "{clean(found.__module__)}": name that class, or train '
            "where scikit-learn is not patched"
        )
    # scikit-learn's clone asks for get_params, not for a base class: other libraries follow its guide without one
    if not (isinstance(found, type) and (_has_all(found, "fit", "get_params") or (splitters and _splits(found)))):
        raise ValueError(f'"{clean(path)}" is no estimator: expected a class with fit and get_params')
    return found


def _has_all(kind: type, *methods: str) -> bool:
    return all(callable(getattr(kind, method, None)) for method in methods)


def _splits(kind: type) -> bool:
    return _has_all(kind, "split", "get_n_splits") and not hasattr(kind, "fit")


def _imported(name: str) -> ModuleType:
    """The module `name`; a failure of its own is told apart from a module that is not there."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _broken_module(name, error) from error  # it is there, and imports one that is not
        raise ValueError(f'there is no module "{clean(name)}" in this environment') from None
    except BaseException as error:  # a module may raise anything, SystemExit too; signals are held meanwhile
        raise _broken_module(name, error) from error


def _attribute(module: ModuleType, name: str) -> Any:
    """What a module calls `name`; scikit-learn's experimental classes are enabled as their users do it."""
    try:
        return getattr(module, name, None)
    except ImportError as error:
        switch = re.search(r"\benable_[a-z_]+", str(error)) if module.__name__.startswith("sklearn.") else None
        if switch is None:
            raise _broken_module(module.__name__, error) from error
        import_module(f"sklearn.experimental.{switch[0]}")
        return getattr(module, name, None)
    except BaseException as error:  # a module's own __getattr__
        raise _broken_module(module.__name__, error) from error


def _broken_module(name: str, error: BaseException) -> LibraryError:
    kind, message = type(error).__name__, message_of(error)
    said = f"{kind}: {message}" if message else kind
    last = traceback.extract_tb(error.__traceback__)[-1]
    if ", line " not in said:  # a SyntaxError says it itself
        said = f"{said} ({PurePath(last.filename).name}, line {last.lineno})"
    return LibraryError(
        kind,
        f'The module "{clean(name)}" cannot be imported: {clean(said)}.',
        f'Correct it until python -c "import {clean(name)}" works, and train again.',
    )


def _alias_hint(path: str) -> str:
    from week2kit.config.form import ALIASES

    close = difflib.get_close_matches(path, ALIASES, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def build_estimator(
    spec: Estimator,
    where: str,
    seed: int,
    problems: list[str],
    allowed_modules: Sequence[str] = (),
    *,
    splitters: bool = False,
) -> tuple[BaseEstimator | None, Estimator]:
    """The unfitted estimator of a spec, and the spec with its seeds written out; what is wrong goes to `problems`.

    ``random_state`` is set to `seed` wherever a class takes one and the config does not say otherwise. Parameters may
    be estimators themselves, each as ``{"class": ..., "params": {...}}``, alone or in lists.
    """
    try:
        kind = find_class(spec.class_, allowed_modules, splitters=splitters)
    except ValueError as error:
        problems.append(f"{where}.class: {error}")
        return None, spec
    known = parameter_names(kind)
    takes_any = _takes_any(kind)
    params = dict(spec.params)
    draws = not _splits(kind) or "shuffle" not in known or params.get("shuffle", False)  # else a seed is an error
    if "random_state" in known and draws and not _SEEDS & params.keys():
        params["random_state"] = seed
    before = len(problems)
    values: dict[str, Any] = {}
    for name, value in params.items():
        place = f"{where}.params.{clean(name)}"
        if name not in known and not takes_any:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f'; did you mean "{close[0]}"?' if close else f"; it takes {', '.join(sorted(known)) or 'none'}"
            problems.append(f"{place}: {kind.__name__} has no such parameter{hint}")
            continue
        _check_denied(name, value, place, problems)
        values[name], params[name] = _build_value(value, place, seed, problems, allowed_modules)
        values[name] = _as_declared(kind, name, values[name])
    written = spec.model_copy(update={"params": params})
    if len(problems) > before:
        return None, written
    return _validated(kind, values, where, problems), written


#: Names under which libraries take one seed: where the config gives one, another would contradict it.
_SEEDS: Final = frozenset({"random_state", "random_seed", "seed"})


def parameter_names(kind: type[BaseEstimator]) -> frozenset[str]:
    """What a class takes as parameters.

    scikit-learn's classes say it by their constructor; where that passes on what it does not name (XGBoost), an object
    says it by get_params.
    """
    try:
        names = {p.name for p in signature(kind).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    except Exception:  # a signature that cannot be read
        names = set()
    if _takes_any(kind):
        with contextlib.suppress(Exception):
            names |= set(kind().get_params(deep=False))
    return frozenset(map(str, names))


def _takes_any(kind: type[BaseEstimator]) -> bool:
    """Whether the constructor takes any name: whatever a library reads from it is its own to check."""
    try:
        return any(p.kind is p.VAR_KEYWORD for p in signature(kind).parameters.values())
    except Exception:
        return True


def _check_denied(name: str, value: Any, place: str, problems: list[str]) -> None:
    if name in _DENIED and not any(value is allowed or value == allowed for allowed in _DENIED[name]):
        problems.append(f"{place}: week2kit does not pass it on, because it reads or writes files or runs code")
    if name == "n_jobs" and isinstance(value, int) and abs(value) > MAX_JOBS:
        problems.append(f"{place}: expected at most {MAX_JOBS} jobs, got {value}")


def _build_value(
    value: Any, place: str, seed: int, problems: list[str], allowed_modules: Sequence[str]
) -> tuple[Any, Any]:
    """A parameter's value as scikit-learn takes it, and as the resolved config writes it."""
    if isinstance(value, dict) and "class" in value and set(value) <= {"class", "params"}:
        params = value.get("params", {})
        if not isinstance(value["class"], str) or not isinstance(params, dict):
            problems.append(f'{place}: expected {{"class": "...", "params": {{...}}}}')
            return None, value
        from week2kit.config.form import ALIASES

        spec = Estimator(class_=ALIASES.get(value["class"], value["class"]), params=params)
        built, written = build_estimator(spec, place, seed, problems, allowed_modules, splitters=True)
        return built, written.model_dump(by_alias=True)
    if isinstance(value, list):
        pairs = [_build_value(v, f"{place}.{i}", seed, problems, allowed_modules) for i, v in enumerate(value)]
        built_list = [built for built, _ in pairs]
        # VotingClassifier and the like want (name, estimator) pairs
        if len(built_list) == 2 and isinstance(built_list[0], str) and hasattr(built_list[1], "fit"):
            return tuple(built_list), [written for _, written in pairs]
        return built_list, [written for _, written in pairs]
    if isinstance(value, dict):
        _check_grid(value, place, problems)
    return value, value


def _check_grid(value: Mapping[str, Any], place: str, problems: list[str]) -> None:
    """A search's grid (``{"vectorizer__input": [...]}``) sets parameters of other estimators, the denied ones too."""
    for key, item in value.items():
        name, where = key.rpartition("__")[2], f"{place}.{clean(key)}"
        for one in item if isinstance(item, list) else [item]:
            if isinstance(one, dict):
                _check_grid(one, where, problems)
            _check_denied(name, one, where, problems)


def _as_declared(kind: type[BaseEstimator], name: str, value: Any) -> Any:
    """A JSON list as a tuple where the class declares that it takes tuples and no lists (ngram_range)."""
    if not isinstance(value, list):
        return value
    declared = getattr(kind, "_parameter_constraints", None)
    constraints = declared.get(name) if isinstance(declared, dict) else None
    if not isinstance(constraints, list) or tuple not in constraints:  # some declare nothing ("no_validation")
        return value
    takes_list = any(constraint is list or constraint in ("array-like", "no_validation") for constraint in constraints)
    return value if takes_list else tuple(value)


def _validated(
    kind: type[BaseEstimator], values: dict[str, Any], where: str, problems: list[str]
) -> BaseEstimator | None:
    """The estimator, its parameters checked by scikit-learn's own validation, without a fit.

    Only classes that declare constraints can be asked: scikit-learn's base class has the method, not the table.
    """
    try:
        estimator = kind(**values)
        if hasattr(kind, "_parameter_constraints"):
            estimator._validate_params()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # of a class of the caller; SystemExit, too
        message = clean(message_of(error)) or type(error).__name__
        name = next((n for n in values if f"'{n}'" in message), None)
        problems.append(f"{where}.params{f'.{name}' if name else ''}: {message}")
        return None
    return estimator


_SET: Final = re.compile(r"\{[^{}]*\}")
_ADDRESS: Final = re.compile(r"\b0x[0-9a-f]{6,16}\b")


def message_of(error: BaseException) -> str:
    """What a library's error says, word for word the same in every process.

    scikit-learn prints the allowed values as a set, whose order is another in each process, and some objects with
    their address; a failure must be known again by its message.
    """
    try:
        said = str(error)
    except Exception:  # it shows an object whose repr raises
        said = ""
    text = _ADDRESS.sub("0x…", scrub(said))
    return _SET.sub(lambda match: "{" + ", ".join(sorted(match[0][1:-1].split(", "))) + "}", text)


# --- the pipeline -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimators:
    """The built parts of a config: what can be made and checked without the data."""

    model: BaseEstimator
    task: Task
    config: Config


def build_estimators(config: Config, seed: int, allowed_modules: Sequence[str] = ()) -> Estimators:
    """Check and build every estimator of a config; the returned config has seeds and task written out.

    Raises:
        ConfigError: with every problem of every estimator.
    """
    problems: list[str] = []
    model, written = build_estimator(config.model, "model", seed, problems, allowed_modules)
    preprocess = config.preprocess
    if isinstance(preprocess, list):
        preprocess = _check_steps(preprocess, seed, problems, allowed_modules)
    task = _task_of(model, config, problems) if model is not None else None
    if problems:
        raise ConfigError(problems)
    assert model is not None
    assert task is not None
    return Estimators(model, task, config.model_copy(update={"model": written, "preprocess": preprocess, "task": task}))


def _check_steps(items: Any, seed: int, problems: list[str], allowed: Sequence[str]) -> Any:
    written: list[Any] = []
    for i, item in enumerate(items):
        if isinstance(item, Group):
            steps = [
                _checked_step(step, f"preprocess.{i}.steps.{j}", seed, problems, allowed)
                for j, step in enumerate(item.steps)
            ]
            written.append(item.model_copy(update={"steps": steps}))
        else:
            written.append(_checked_step(item, f"preprocess.{i}", seed, problems, allowed))
    return written


def _checked_step(spec: Estimator, where: str, seed: int, problems: list[str], allowed: Sequence[str]) -> Estimator:
    estimator, written = build_estimator(spec, where, seed, problems, allowed)
    if estimator is not None and not has(estimator, "transform"):
        problems.append(f"{where}.class: {type(estimator).__name__} is no transformer: expected a class with transform")
    return written


def _task_of(model: BaseEstimator, config: Config, problems: list[str]) -> Task | None:
    try:
        task = _does(model)
    except Exception as error:  # steps that are none, or a class without the tags of scikit-learn
        said = message_of(error) or type(error).__name__
        problems.append(f"model: {type(model).__name__} does not tell whether it does classification: {clean(said)}")
        return None
    if task is None:
        problems.append(f"model.class: {type(model).__name__} is neither a classifier nor a regressor")
    elif config.task not in (None, task):
        problems.append(f"task: {type(model).__name__} does {task}, got {config.task}")
    return task


def _does(model: BaseEstimator) -> Task | None:
    from sklearn.base import is_classifier, is_regressor

    old = getattr(model, "_estimator_type", None)  # how classes said it before they had tags
    if old is not None and not hasattr(model, "__sklearn_tags__"):
        return "classification" if old == "classifier" else "regression" if old == "regressor" else None
    return "classification" if is_classifier(model) else "regression" if is_regressor(model) else None


def settle_preprocess(config: Config, table: Table, seed: int) -> Config:
    """The config with ``auto`` and ``auto-scaled`` written out as groups of columns and their steps.

    Numbers and booleans first, in file order, with the median (scaled: and StandardScaler); then texts, with the most
    frequent value and one column per category, unknown categories ignored.
    """
    if config.preprocess == "none":
        return config.model_copy(update={"preprocess": []})
    if isinstance(config.preprocess, list):
        return config
    numbers = [c.name for c in table.columns if c.role == "feature" and c.kind != "text"]
    texts = [c.name for c in table.columns if c.role == "feature" and c.kind == "text"]
    number_steps = [Estimator(class_="sklearn.impute.SimpleImputer", params={"strategy": "median"})]
    if config.preprocess == "auto-scaled":
        number_steps.append(Estimator(class_="sklearn.preprocessing.StandardScaler"))
    text_steps = [
        Estimator(class_="sklearn.impute.SimpleImputer", params={"strategy": "most_frequent"}),
        Estimator(class_="sklearn.preprocessing.OneHotEncoder", params={"handle_unknown": "ignore"}),
    ]
    groups = [Group(columns=numbers, steps=number_steps)] if numbers else []
    groups += [Group(columns=texts, steps=text_steps)] if texts else []
    return config.model_copy(update={"preprocess": groups})


def make_pipeline(config: Config, table: Table, seed: int, allowed_modules: Sequence[str] = ()) -> Pipeline:
    """The unfitted pipeline of a settled config: preprocessing steps, then the model.

    Raises:
        ConfigError: a group names a column that the data lacks, or a feature is in no group.
    """
    from sklearn.pipeline import Pipeline

    problems: list[str] = []

    def build(spec: Estimator, where: str) -> Any:
        return build_estimator(spec, where, seed, problems, allowed_modules)[0]

    steps: list[tuple[str, Any]] = []
    items = config.preprocess
    assert isinstance(items, list)
    groups = [item for item in items if isinstance(item, Group)]
    plain = [item for item in items if isinstance(item, Estimator)]
    if groups:
        steps.append(("preprocess", _column_transformer(groups, table, build, problems)))
    else:
        steps += [(_step_name(item.class_, i), build(item, f"preprocess.{i}")) for i, item in enumerate(plain)]
    steps.append(("model", build(config.model, "model")))
    if problems:
        raise ConfigError(problems)
    return Pipeline(steps)


def _column_transformer(groups: Sequence[Group], table: Table, build: Any, problems: list[str]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    features = [column.name for column in table.columns if column.role == "feature"]
    used: set[str] = set()
    transformers = []
    for number, group in enumerate(groups):
        columns = [group.columns] if isinstance(group.columns, str) else group.columns
        used.update(columns)
        problems += [
            f'preprocess.{number}.columns: "{clean(name)}" is no feature of the data'
            for name in columns
            if name not in features
        ]
        steps = [
            (_step_name(step.class_, i), build(step, f"preprocess.{number}.steps.{i}"))
            for i, step in enumerate(group.steps)
        ]
        inner = "passthrough" if not steps else steps[0][1] if len(steps) == 1 else Pipeline(steps)
        transformers.append((f"group{number + 1}", inner, group.columns))
    problems += [
        f'preprocess: the feature "{clean(name)}" is in no group; add it to one ("steps": [] passes it on), or drop it'
        for name in features
        if name not in used
    ]
    return ColumnTransformer(transformers)


def _step_name(path: str, position: int) -> str:
    return f"step{position + 1}_{path.rpartition('.')[2].lower()}"


# --- what is inside ---------------------------------------------------------------------------------------------


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
    if "random_state" in parameter_names(type(estimator)):
        if not _is_seeded(estimator) and not _never_draws(estimator):
            yield name
    elif name == "Isomap" and _starts_at_random(estimator, rows):
        yield name
    for value in vars(estimator).values() if hasattr(estimator, "__dict__") else ():
        if hasattr(value, "get_n_splits") and getattr(value, "shuffle", True) and _has_no_seed(value):
            yield type(value).__name__
    yield from _unseeded_by_grid(estimator)


def _is_seeded(estimator: Any) -> bool:
    """Whether a seed is given, as an attribute (scikit-learn's) or as a parameter under another library's name."""
    if getattr(estimator, "random_state", None) is not None:
        return True
    with contextlib.suppress(Exception):
        return any(estimator.get_params(deep=False).get(seed) is not None for seed in _SEEDS)
    return False


def _has_no_seed(splitter: Any) -> bool:
    return getattr(splitter, "random_state", 0) is None


def _starts_at_random(isomap: Any, rows: int | None) -> bool:
    """Whether the eigenvectors of Isomap are ARPACK's, which starts at a vector that no parameter fixes."""
    few = (rows is not None and rows <= 200) or isomap.n_components >= 10  # KernelPCA's rule: then it is dense
    return isomap.eigen_solver == "arpack" or (isomap.eigen_solver == "auto" and not few)


def _unseeded_by_grid(search: Any) -> Iterator[str]:
    """What a search's grid leaves without a seed: ``{"model__random_state": [null]}`` takes the one away it had."""
    from sklearn.base import clone

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


def races_with_openmp(model: BaseEstimator) -> bool:
    """Whether `model` holds a k-means, whose result depends on the order of three or more OpenMP threads."""
    return any(map(is_kmeans, walk(model)))


def is_kmeans(estimator: BaseEstimator) -> bool:
    """Whether an estimator is a k-means, of whatever kind."""
    return any("KMeans" in kind.__name__ for kind in type(estimator).__mro__)


@contextmanager
def steady_threads(model: BaseEstimator) -> Iterator[None]:
    """Run jobs as threads, and with one OpenMP thread where more would race (or give other bits elsewhere).

    What comes back from a worker process was pickled on its way, and its dump then has other bytes than that of a model
    that was fitted here; a dozen processes that import scikit-learn also take longer than most fits.
    """
    import joblib
    import threadpoolctl

    from week2kit.loop.threads import Threads

    with joblib.parallel_config(backend=Threads()):
        if races_with_openmp(model):
            with threadpoolctl.threadpool_limits(limits=1, user_api="openmp"):
                yield
        else:
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


# --- fitting ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline, and what was said while it was fitted: (category, message), each once, sorted."""

    pipeline: Pipeline
    said: tuple[tuple[str, str], ...]

    @property
    def n_iter(self) -> list[int] | None:
        """Iterations of the last step's solver, or None where it does not tell."""
        import numpy as np

        try:
            found = getattr(self.pipeline.steps[-1][1], "n_iter_", None)
            return None if found is None else [int(value) for value in np.atleast_1d(np.asarray(found)).ravel()]
        except Exception:  # of another library: what it calls so need be no number
            return None

    @property
    def not_converged(self) -> bool:
        """Whether scikit-learn warned that a solver stopped before it had converged."""
        return any(category == "ConvergenceWarning" for category, _ in self.said)

    @property
    def converged(self) -> bool | None:
        """False where scikit-learn warned, None where nothing iterates."""
        return False if self.not_converged else None if self.n_iter is None else True


def fit(pipeline: Pipeline, X: Any, y: np.ndarray[Any, Any]) -> Fitted:
    """Fit a clone of `pipeline`, keeping its warnings, whatever the filters of the caller make of them.

    Raises:
        StageError: scikit-learn refuses the data or the parameters.
    """
    from sklearn.base import clone

    model = clone(pipeline)
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        warnings.simplefilter("always")
        with steady_threads(model):
            model.fit(X, y)
    said = {(w.category.__name__, clean(scrub(str(w.message)))) for w in caught if issubclass(w.category, UserWarning)}
    return Fitted(model, tuple(sorted(said)))


def dump(model: BaseEstimator) -> bytes:
    """The bytes of ``joblib.dump(model)``, uncompressed.

    Raises:
        LibraryError: it holds what cannot be saved, such as a function that was made in the fit.
    """
    import joblib

    buffer = BytesIO()
    with library_errors():
        joblib.dump(model, buffer)
    return buffer.getvalue()


@contextmanager
def library_errors() -> Iterator[None]:
    """Turn what an estimator raises into our error, once, where it enters; out of memory stays what it is.

    SystemExit is an error, too: a fit that leaves the process has not fitted anything.
    """
    try:
        yield
    except (StageError, MemoryError, KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            raise MemoryError(message_of(error)) from error
        name, message = type(error).__name__, message_of(error)
        if limit := next(filter(_is_of_threads, _behind(error)), None):  # joblib's tidying up raises another after it
            name, message = "ThreadLimit", message_of(limit)
        raise LibraryError(name, message or name) from error


def _behind(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it followed from or came upon, the latest first."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _is_of_threads(error: BaseException) -> bool:
    """Whether the system refused a thread or a process."""
    return isinstance(error, BlockingIOError) or "can't start new thread" in message_of(error)
