"""Model: from the config's steps to a scikit-learn pipeline that fits the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.pipeline import Pipeline

from week2kit.canonical import clean
from week2kit.config.form import Config, Estimator, Group
from week2kit.errors import ConfigError
from week2kit.loop.data import Table
from week2kit.loop.estimators import build_estimator, message_of
from week2kit.loop.inside import has

Task = Literal["classification", "regression"]


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
