"""Model: from the config's steps to a scikit-learn pipeline that fits the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from week2kit.canonical import clean, same_to_the_eye
from week2kit.config.form import Config, Estimator, Group
from week2kit.loop.class_weights import Given
from week2kit.loop.data import Table
from week2kit.loop.estimators import Builder, message_of
from week2kit.loop.inside import has, is_dense_only
from week2kit.refusals import told_apart


def build_estimators(config: Config, seed: int, allowed_modules: Sequence[str] = ()) -> Config:
    """The config with seeds and task written out; every estimator of it was built once, without the data.

    Raises:
        ConfigError: with every problem of every estimator.
    """
    builder = Builder(seed, allowed_modules)

    def step(spec: Estimator, where: str) -> Estimator:
        estimator, written = builder.build(spec, where)
        if estimator is not None and not has(estimator, "transform"):
            name = type(estimator).__name__
            builder.problems.append(f"{where}.class: {name} is no transformer: expected a class with transform")
        return written

    model, written = builder.build(config.model, "model")
    preprocess: Any = config.preprocess
    if isinstance(preprocess, list):
        preprocess = [
            step(item, f"preprocess.{i}")
            if isinstance(item, Estimator)
            else item.model_copy(
                update={"steps": [step(one, f"preprocess.{i}.steps.{j}") for j, one in enumerate(item.steps)]}
            )
            for i, item in enumerate(preprocess)
        ]
    task = _task_of(model, config, builder.problems) if model is not None else None
    builder.check()
    return config.model_copy(update={"model": written, "preprocess": preprocess, "task": task})


def _task_of(model: BaseEstimator, config: Config, problems: list[str]) -> str | None:
    name = type(model).__name__
    try:
        old = getattr(model, "_estimator_type", None)  # how classes said it before they had tags
        if old is not None and not hasattr(model, "__sklearn_tags__"):
            task = {"classifier": "classification", "regressor": "regression"}.get(old)
        else:
            task = "classification" if is_classifier(model) else "regression" if is_regressor(model) else None
    except Exception as error:  # steps that are none, or a class without the tags of scikit-learn
        said = message_of(error) or type(error).__name__
        problems.append(f"model: {name} does not tell whether it does classification: {clean(said)}")
        return None
    if task is None:
        problems.append(f"model.class: {name} is neither a classifier nor a regressor")
    elif config.task not in (None, task):
        problems.append(f"task: {name} does {task}, got {config.task}")
    return task


def settle_preprocess(config: Config, table: Table, seed: int, allowed_modules: Sequence[str] = ()) -> Config:
    """The config with ``auto`` and ``auto-scaled`` written out as groups of columns and their steps.

    Numbers and booleans first, in file order, with the median (scaled: and StandardScaler); then texts, with the most
    frequent value and one column per category, unknown categories ignored; dense for a model that takes nothing else.
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
    one_hot: dict[str, Any] = {"handle_unknown": "ignore"}
    if texts and is_dense_only(Builder(seed, allowed_modules).build(config.model, "model")[0]):
        one_hot["sparse_output"] = False
    text_steps = [
        Estimator(class_="sklearn.impute.SimpleImputer", params={"strategy": "most_frequent"}),
        Estimator(class_="sklearn.preprocessing.OneHotEncoder", params=one_hot),
    ]
    groups = [Group(columns=numbers, steps=number_steps)] if numbers else []
    groups += [Group(columns=texts, steps=text_steps)] if texts else []
    return config.model_copy(update={"preprocess": groups})


def make_pipeline(config: Config, table: Table, seed: int, allowed_modules: Sequence[str] = ()) -> Pipeline:
    """The unfitted pipeline of a settled config: preprocessing steps, then the model.

    Raises:
        ConfigError: a group names a column that the data lacks, or a feature is in no group.
    """
    builder = Builder(seed, allowed_modules, given=None if table.classes is None else Given(table.classes))
    items = config.preprocess
    assert isinstance(items, list)
    groups = [item for item in items if isinstance(item, Group)]
    if groups:
        steps = [("preprocess", _column_transformer(groups, table, builder))]
    else:
        steps = _steps([item for item in items if isinstance(item, Estimator)], "preprocess", builder)
    model = builder.build(config.model, "model")[0]
    builder.check()
    if groups and any(_makes_words(spec) for group in groups for spec in group.steps) and is_dense_only(model):
        steps[0][1].set_params(sparse_threshold=0)  # columns of words are sparse, and this model takes none
    return Pipeline([*steps, ("model", model)])


def _makes_words(spec: Estimator) -> bool:
    return spec.class_.startswith("sklearn.feature_extraction.text.")


def _column_transformer(groups: Sequence[Group], table: Table, builder: Builder) -> ColumnTransformer:
    features = [column.name for column in table.columns if column.role == "feature"]
    used: set[str] = set()
    transformers = []
    for number, group in enumerate(groups):
        columns = [group.columns] if isinstance(group.columns, str) else group.columns
        used.update(columns)
        builder.problems.extend(
            f'preprocess.{number}.columns: "{clean(name)}" is no feature of the data{_looks_like(name, features)}'
            for name in columns
            if name not in features
        )
        steps = _steps(group.steps, f"preprocess.{number}.steps", builder)
        inner = "passthrough" if not steps else steps[0][1] if len(steps) == 1 else Pipeline(steps)
        transformers.append((f"group{number + 1}", inner, group.columns))
    builder.problems.extend(
        f'preprocess: the feature "{clean(name)}" is in no group; add it to one ("steps": [] passes it on), or drop it'
        for name in features
        if name not in used
    )
    return ColumnTransformer(transformers)


def _looks_like(name: str, features: Sequence[str]) -> str:
    alike = same_to_the_eye(name, features)
    return "" if alike is None else f"; one is there, and {told_apart(name, alike)}"


def _steps(specs: Sequence[Estimator], where: str, builder: Builder) -> list[tuple[str, Any]]:
    """The steps of a pipeline, each with its name."""
    return [
        (f"step{i + 1}_{spec.class_.rpartition('.')[2].lower()}", builder.build(spec, f"{where}.{i}")[0])
        for i, spec in enumerate(specs)
    ]
