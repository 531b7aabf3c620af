"""The config: what a person writes, checked as a whole, and the same form fully written out.

`parse_config` knows the shape only. What needs scikit-learn (does the class exist, are its parameters allowed) or the
data (which columns, which classes) is settled in `week2kit.loop`, which fills in what is still null here.
"""

from __future__ import annotations

import difflib
import json
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, ValidationError

from week2kit.canonical import UNCOUNTED, JsonError, clean, drop_keys, json_digest, parse_json, without_seed
from week2kit.config.label import Label
from week2kit.errors import ConfigError, UsageError
from week2kit.thresholds import MAX_JSON_DEPTH

DATASETS: Final = ("breast_cancer", "diabetes", "digits", "iris", "wine")

#: Short names for classes that courses use; the resolved config writes the import path.
ALIASES: Final[Mapping[str, str]] = {
    "decision_tree": "sklearn.tree.DecisionTreeClassifier",
    "decision_tree_regressor": "sklearn.tree.DecisionTreeRegressor",
    "dummy": "sklearn.dummy.DummyClassifier",
    "dummy_regressor": "sklearn.dummy.DummyRegressor",
    "gradient_boosting": "sklearn.ensemble.HistGradientBoostingClassifier",
    "gradient_boosting_regressor": "sklearn.ensemble.HistGradientBoostingRegressor",
    "k_nearest_neighbors": "sklearn.neighbors.KNeighborsClassifier",
    "linear_regression": "sklearn.linear_model.LinearRegression",
    "logistic_regression": "sklearn.linear_model.LogisticRegression",
    "naive_bayes": "sklearn.naive_bayes.GaussianNB",
    "one_hot": "sklearn.preprocessing.OneHotEncoder",
    "pca": "sklearn.decomposition.PCA",
    "random_forest": "sklearn.ensemble.RandomForestClassifier",
    "random_forest_regressor": "sklearn.ensemble.RandomForestRegressor",
    "ridge": "sklearn.linear_model.Ridge",
    "simple_imputer": "sklearn.impute.SimpleImputer",
    "standard_scaler": "sklearn.preprocessing.StandardScaler",
    "svc": "sklearn.svm.SVC",
}

Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**32)]
Text: TypeAlias = Annotated[str, Field(max_length=10_000)]
ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=1000)]
#: The codes of train's warnings that ``fail_on`` can turn into failures.
WarningCode: TypeAlias = Literal[
    "data.imbalance",
    "data.leak",
    "fit.not_converged",
    "metric.gap",
    "metric.no_better_than_dummy",
    "metric.one_row",
    "metric.replaced",
    "metric.undefined",
    "metric.zero_targets",
    "seed.unset",
    "split.not_stratified",
    "split.shared_rows",
    "split.small_class",
]


class Part(BaseModel):
    """A part of the config: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True, defer_build=True
    )


class FileData(Part):
    """A table in a file: ``.csv``, ``.tsv`` (either also ``.gz``) or ``.parquet``."""

    path: Annotated[str, Field(min_length=1, max_length=4000)]
    target: ColumnName
    features: Annotated[list[ColumnName], Field(min_length=1)] | None = None
    drop: list[ColumnName] | None = None


class BundledData(Part):
    """A data set that scikit-learn ships."""

    dataset: Literal["breast_cancer", "diabetes", "digits", "iris", "wine"]
    features: Annotated[list[ColumnName], Field(min_length=1)] | None = None
    drop: list[ColumnName] | None = None


class Holdout(Part):
    """One split into training and validation rows, as scikit-learn's train_test_split."""

    method: Literal["holdout"] = "holdout"
    test_size: Annotated[StrictInt, Field(ge=1)] | Annotated[StrictFloat, Field(gt=0, lt=1)] = 0.2
    shuffle: bool = True
    stratify: bool | None = None
    groups: ColumnName | None = None
    random_state: Seed | None = None


class KFold(Part):
    """k-fold cross-validation: plain, stratified, grouped, repeated."""

    method: Literal["kfold"] = "kfold"
    n_splits: Annotated[int, Field(ge=2, le=10_000)] = 5
    shuffle: bool | None = None
    stratify: bool | None = None
    groups: ColumnName | None = None
    n_repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    random_state: Seed | None = None


class TimeSeries(Part):
    """Folds that train on the past and validate on what follows; rows must be in time order."""

    method: Literal["time_series"] = "time_series"
    n_splits: Annotated[int, Field(ge=2, le=10_000)] = 5


class Estimator(Part):
    """A class of scikit-learn by import path or alias, and the parameters that are not left at their defaults."""

    class_: Annotated[str, Field(alias="class", min_length=1, max_length=200)]
    params: dict[str, Any] = {}


class Group(Part):
    """Steps for some of the columns. One column's name (no list) hands the steps a one-dimensional column."""

    columns: ColumnName | Annotated[list[ColumnName], Field(min_length=1)]
    steps: list[Estimator]


Split: TypeAlias = Holdout | KFold | TimeSeries
Preprocess: TypeAlias = Literal["auto", "auto-scaled", "none"] | list[Estimator] | list[Group]


class PlainKeys(Part):
    """The keys of a config that are plain values."""

    task: Literal["classification", "regression"] | None = None
    metrics: Annotated[list[ColumnName], Field(min_length=1)] | None = None
    positive: Label | None = None
    seed: Seed | None = None
    goal: Text | None = None
    hypothesis: Text | None = None
    learning_curve: bool = False
    fail_on: list[WarningCode] = []
    repeats: Annotated[int, Field(ge=0, le=1000)] | None = None


class Config(PlainKeys):
    """A whole config. The resolved one leaves nothing null that the run depends on."""

    data: FileData | BundledData
    split: Split = Field(default_factory=Holdout)
    preprocess: Preprocess = "auto"
    model: Estimator

    def as_json(self) -> dict[str, Any]:
        """The JSON object of the config, without what was not given; an explicit ``random_state: null`` stays."""
        value = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        _restore_nulls(value, self)
        return value


#: What the flat form means where it gives no ``max_iter``, or null.
_MAX_ITER: Final = 500

#: Other names that scripts of the course give to keys of the flat form.
FLAT_ALIASES: Final[Mapping[str, str]] = {"seed": "random_state", "input": "input_csv"}


def _add_flat_aliases(schema: dict[str, Any]) -> None:
    """The other names in the JSON Schema; the file's name is required under one of its two."""
    properties = schema["properties"]
    for alias, name in FLAT_ALIASES.items():
        told = f"Another name of {name}; where both are given, they must be equal."
        shape = drop_keys(properties[name], ("default",))
        properties[alias] = {**shape, "title": alias.replace("_", " ").title(), "description": told}
    schema["required"] = [name for name in schema["required"] if name not in FLAT_ALIASES.values()]
    schema["anyOf"] = [{"required": ["input_csv"]}, {"required": ["input"]}]


class FlatConfig(Part):
    """The flat form of the course: one CSV, one logistic regression."""

    model_config = ConfigDict(json_schema_extra=_add_flat_aliases)

    input_csv: Annotated[str, Field(min_length=1, max_length=4000)]
    label_col: ColumnName
    test_size: Annotated[StrictInt, Field(ge=1)] | Annotated[StrictFloat, Field(gt=0, lt=1)] = 0.2
    random_state: Seed = 42
    max_iter: Annotated[int, Field(ge=1)] | None = _MAX_ITER
    goal: Text | None = None
    hypothesis: Text | None = None


def _restore_nulls(value: dict[str, Any], config: Config) -> None:
    """Put back the nulls that mean something: a parameter or a split seed that a person set to null."""
    value["model"]["params"] = config.model.params
    if isinstance(config.preprocess, list):
        for item, part in zip(value["preprocess"], config.preprocess, strict=True):
            if isinstance(part, Group):
                for step, estimator in zip(item["steps"], part.steps, strict=True):
                    step["params"] = estimator.params
            elif isinstance(part, Estimator):
                item["params"] = part.params
    if "random_state" in config.split.model_fields_set and not isinstance(config.split, TimeSeries):
        value["split"]["random_state"] = config.split.random_state


# --- reading ----------------------------------------------------------------------------------------------------


def read_object(text: bytes, suffix: str) -> dict[str, Any]:
    """The object of a config file's text: TOML where the file's name ends in ``.toml``, else JSON.

    Raises:
        JsonError: no object can be read; the message says where and why.
    """
    if suffix.lower() == ".toml":
        try:
            value: Any = tomllib.loads(text.decode("utf-8-sig"))
            value = parse_json(json.dumps(value, allow_nan=False).encode())
        except (ValueError, TypeError, RecursionError) as error:
            raise JsonError(str(error)) from None
    else:
        value = parse_json(text)
    if not isinstance(value, dict):
        raise JsonError(f"expected an object of keys and values, got {_kind(value)}")
    return value


def json_slip(text: bytes) -> str:
    """A common slip in a text that is no JSON, with its line and what to do; empty where it is none of these.

    Only for what a person wrote: the parser's own words name a place after the slip, which is often another line.
    """
    try:
        written = text.decode("utf-8-sig")
        json.loads(written)
    except json.JSONDecodeError as error:
        place, missing = error.pos, error.msg.startswith("Expecting ',' delimiter")
    except (ValueError, RecursionError):
        return ""
    else:
        return ""
    if written[place : place + 1] == ",":  # where newer versions of Python see a comma that is too much
        place += 1
    before, after = written[:place].rstrip(), written[place:].lstrip()
    line = before.count("\n") + 1
    next_line = written.count("\n", 0, len(written) - len(after)) + 1
    if before.endswith(",") and after.startswith(("}", "]")):
        if line == next_line:
            return f"line {line} has a comma before the closing {after[0]}, and nothing between them: remove the comma"
        return f"line {line} ends with a comma, and nothing follows it: remove the comma"
    if after.startswith(("#", "//", "/*")):
        return f"line {next_line} holds a comment, and JSON has none: remove it, or write the config as TOML"
    if after.startswith(tuple("'\u2018\u2019\u201c\u201d")):
        return f'line {next_line} has the quotes {after[0]}, and JSON takes straight double quotes only: write "'
    if missing and line < next_line and after.startswith('"'):
        return f"line {line} has no comma at its end, and line {next_line} goes on with the next entry: add the comma"
    word = re.match(r"(True|False|None)\b", after)
    if word:
        small = {"None": "null"}.get(word[0], word[0].lower())
        return f"line {next_line} has {word[0]}, which is Python's word: JSON writes {small}"
    return ""


def parse_config(value: Mapping[str, Any]) -> Config:
    """The config in a JSON object, in the full or in the flat form.

    Raises:
        ConfigError: with every problem of it, each as ``key.path: what is wrong``.
    """
    if has_flat_keys(value):
        return parse_flat(value)
    problems: list[str] = []
    rest = dict(value)
    parts: dict[str, Any] = {
        "data": _read_data(rest.pop("data", None), problems),
        "split": _read_split(rest.pop("split", {}), problems),
        "preprocess": _read_preprocess(rest.pop("preprocess", "auto"), problems),
        "model": _read_estimator(rest.pop("model", None), "model", problems),
    }
    simple = _read_part(PlainKeys, rest, "", problems, Config.model_fields)
    if problems or simple is None:
        raise ConfigError(problems)
    given = {name: getattr(simple, name) for name in simple.model_fields_set}
    if not given.get("repeats"):
        given.pop("repeats", None)  # none is not worth a word
    if given.get("metrics"):
        given["metrics"] = list(dict.fromkeys(name.removeprefix("neg_") or name for name in given["metrics"]))
    return Config(**parts, **given)


def is_flat(value: Mapping[str, Any]) -> bool:
    """Whether a config object is in the course's flat form."""
    return not {"data", "model"} & set(value) and bool({"input_csv", "label_col"} & set(value))


#: Keys that only the flat form has; a script that holds data and label in its code writes nothing but these and a seed.
_FLAT_SETTINGS: Final = frozenset({"max_iter", "random_state", "test_size"})
_FULL_KEYS: Final = frozenset({"data", "metrics", "model", "preprocess", "split"})


def has_flat_keys(value: Mapping[str, Any]) -> bool:
    """Whether a config object is in the flat form, or would be if it named its data and its label."""
    return is_flat(value) or (not _FULL_KEYS & set(value) and bool(_FLAT_SETTINGS & set(value)))


def is_of_course(value: Mapping[str, Any]) -> bool:
    """Whether a config object has a key that only the flat form has, whatever other keys stand beside it.

    That is how a script of its own writes down more than the form holds, such as its model. week2kit's own form names
    its data as an object.
    """
    names = bool({"input_csv", "label_col"} & set(value))
    return names or (bool(_FLAT_SETTINGS & set(value)) and not isinstance(value.get("data"), Mapping))


def parse_flat(value: Mapping[str, Any]) -> Config:
    """The config in a JSON object of the flat form, whatever form its keys look like.

    Raises:
        ConfigError: with every problem of it, each as ``key: what is wrong``.
    """
    problems: list[str] = []
    flat = _read_flat(value, problems)
    if flat is None or problems:
        raise ConfigError(problems)
    return _from_flat(flat)


def _read_flat(value: Mapping[str, Any], problems: list[str]) -> FlatConfig | None:
    """A flat config under the form's own names; a problem is told under the name that was written."""
    named, written = dict(value), {}
    for alias, name in FLAT_ALIASES.items():
        if alias not in named:
            continue
        other = named.pop(alias)
        if name not in named:
            written[name] = alias
            named[name] = other
        elif json.dumps(named[name]) != json.dumps(other):
            problems.append(
                f"{alias}: it is another name of {name}, and the two differ ({_shown(other)} and "
                f"{_shown(named[name])}); keep one of them"
            )
    found: list[str] = []
    flat = _read_part(FlatConfig, named, "", found, [*FlatConfig.model_fields, *FLAT_ALIASES])
    for problem in found:
        place, separator, told = problem.partition(":")
        problems.append(f"{written.get(place, place)}{separator}{told}")
    return flat


def _from_flat(flat: FlatConfig) -> Config:
    return Config(
        data=FileData(path=flat.input_csv, target=flat.label_col),
        split=Holdout(test_size=flat.test_size),
        model=Estimator(class_=ALIASES["logistic_regression"], params={"max_iter": flat.max_iter or _MAX_ITER}),
        metrics=["accuracy", "f1_macro"],
        seed=flat.random_state,
        goal=flat.goal,
        hypothesis=flat.hypothesis,
    )


def _read_data(value: Any, problems: list[str]) -> FileData | BundledData | None:
    if value is None:
        problems.append('data: it is missing; for example {"path": "penguins.csv", "target": "species"}')
        return None
    kind: type[FileData | BundledData] = BundledData if isinstance(value, dict) and "dataset" in value else FileData
    data = _read_part(kind, value, "data", problems)
    if data is not None and data.features is not None and data.drop is not None:
        problems.append("data: features and drop exclude each other; keep one of them")
    return data


_SPLITS: Final[Mapping[str, type[Holdout | KFold | TimeSeries]]] = {
    "holdout": Holdout,
    "kfold": KFold,
    "time_series": TimeSeries,
}


def _read_split(value: Any, problems: list[str]) -> Split | None:
    method = value.get("method", "holdout") if isinstance(value, dict) else "holdout"
    if not isinstance(method, str) or method not in _SPLITS:
        problems.append(f"split.method: expected {_choices(_SPLITS)}, got {_shown(method)}{_nearest(method, _SPLITS)}")
        return None
    split = _read_part(_SPLITS[method], value, "split", problems)
    if isinstance(split, Holdout) and split.stratify and not split.shuffle:
        problems.append("split.stratify: a holdout that is not shuffled cannot be stratified; set one of them to false")
    if isinstance(split, Holdout) and split.groups and (split.stratify or not split.shuffle):
        problems.append(
            "split.groups: a holdout by groups is shuffled and not stratified; use kfold for stratified groups"
        )
    if isinstance(split, KFold) and split.n_repeats > 1 and (split.groups or split.shuffle is False):
        problems.append("split.n_repeats: only shuffled folds without groups can be repeated")
    return split


def _read_preprocess(value: Any, problems: list[str]) -> Preprocess | None:
    if value in ("auto", "auto-scaled", "none"):
        return value  # type: ignore[no-any-return]
    if not isinstance(value, list):
        problems.append(f'preprocess: expected "auto", "auto-scaled", "none" or a list of steps, got {_shown(value)}')
        return None
    grouped = [isinstance(item, dict) and "columns" in item for item in value]
    if not any(grouped):
        return [s for i, item in enumerate(value) if (s := _read_estimator(item, f"preprocess.{i}", problems))]
    if not all(grouped):
        problems.append("preprocess: steps and groups of columns cannot be mixed; put the steps into groups")
        return None
    return [group for i, item in enumerate(value) if (group := _read_group(item, f"preprocess.{i}", problems))]


def _read_group(value: dict[str, Any], where: str, problems: list[str]) -> Group | None:
    steps = value.get("steps", [])
    if not isinstance(steps, list):
        problems.append(f"{where}.steps: expected a list of steps, got {_shown(steps)}")
        return None
    read = [step for i, item in enumerate(steps) if (step := _read_estimator(item, f"{where}.steps.{i}", problems))]
    return _read_part(Group, {**value, "steps": read}, where, problems)


def _read_estimator(value: Any, where: str, problems: list[str]) -> Estimator | None:
    if value is None:
        problems.append(f'{where}: it is missing; for example {{"class": "sklearn.linear_model.LogisticRegression"}}')
        return None
    if isinstance(value, str):
        value = {"class": value}
    estimator = _read_part(Estimator, value, where, problems)
    return estimator and estimator.model_copy(update={"class_": ALIASES.get(estimator.class_, estimator.class_)})


P = TypeVar("P", bound=Part)


def _read_part(
    kind: type[P], value: Any, where: str, problems: list[str], known: Iterable[str] | None = None
) -> P | None:
    """`value` as a `kind`, or None; what is wrong is added to `problems`, each under its dotted path."""
    prefix = f"{where}." if where else ""
    if not isinstance(value, Mapping):
        problems.append(f"{where}: expected an object of keys and values, got {_shown(value)}")
        return None
    names = [field.alias or name for name, field in kind.model_fields.items()]
    for key in value:
        if key not in names:
            allowed = list(known or names)
            problems.append(
                f"{prefix}{clean(str(key))}: unknown key{_nearest(key, allowed) or f'; {_choices(allowed)}'}"
            )
    try:
        return kind.model_validate({key: item for key, item in value.items() if key in names})
    except ValidationError as error:
        problems += [prefix + problem for problem in _problems(error)]
        return None


#: Parts of pydantic's error locations that name a member of a union, and no key that a person wrote.
_UNION_TAGS: Final = ("bool", "int", "float", "str", "list[", "constrained-", "function-")


def _problems(error: ValidationError) -> list[str]:
    """One sentence for each place where something is wrong; the members of a union are one place."""
    messages: dict[str, list[str]] = {}
    got: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        place = ".".join(str(part) for part in detail["loc"] if not str(part).startswith(_UNION_TAGS))
        said = messages.setdefault(clean(place), [])
        said.append(clean(detail["msg"]).removeprefix("Input should be " if said else ""))
        got[clean(place)] = "" if detail["type"] == "missing" else f", got {_shown(detail['input'])}"
    return [
        f"{place}: {' or '.join(said) if got[place] else 'it is missing'}{got[place]}"
        for place, said in messages.items()
    ]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return clean(text, 60) if isinstance(value, str | int | float | bool | None) else _kind(value)


def _kind(value: Any) -> str:
    names = {list: "a list", dict: "an object", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _choices(names: Iterable[str]) -> str:
    return "known are " + ", ".join(sorted(names))


def _nearest(name: object, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


# --- changing ---------------------------------------------------------------------------------------------------


def override(value: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """A copy of a config object with ``key.path=value`` assignments applied, the value read as JSON, else as text.

    A new ``seed`` also replaces every ``random_state`` that followed the old one, so that a resolved config can be
    trained again with another seed.

    Raises:
        ConfigError: an assignment has no ``=``, or its path leads through something that is no object.
        UsageError: a value begins as a list or an object does, and is no JSON.
    """
    result: dict[str, Any] = json.loads(json.dumps(value))
    for assignment in assignments:
        path, separator, text = assignment.partition("=")
        keys = path.strip().split(".")
        if len(keys) > MAX_JSON_DEPTH:
            raise ConfigError([f"--set {clean(path, 60)}: it leads deeper than {MAX_JSON_DEPTH} levels"])
        if not separator or not all(keys):
            raise ConfigError([f'--set: expected key=value, got "{clean(assignment)}"'])
        if is_flat(result):
            result = _without_alias(result, keys[0])
            if keys[0] not in FlatConfig.model_fields and keys[0] != "input":
                result = _flat_object(result)
        new = _assigned(path, text)
        if keys == ["seed"] and isinstance(result.get("seed"), int):
            _reseed(result, result["seed"], new)
        _assign(result, keys, new, path)
    return result


def repeat_seeds(seed: int, count: int) -> list[int]:
    """The seeds of a run's repeats: those that follow its own."""
    return [(seed + step) % 2**32 for step in range(1, count + 1)]


def reseeded(config: Config, seed: int) -> Config:
    """A resolved config with another seed, wherever the old one went: in the split and in every ``random_state``."""
    return parse_config(override(config.as_json(), [f"seed={seed}"]))


def _without_alias(value: dict[str, Any], key: str) -> dict[str, Any]:
    """A flat config without the other name of a key that is set: it would contradict the new value."""
    other = {**FLAT_ALIASES, **{name: alias for alias, name in FLAT_ALIASES.items()}}.get(key)
    return value if key == "seed" else drop_keys(value, (other,)) if other else value


def _flat_object(value: Mapping[str, Any]) -> dict[str, Any]:
    return parse_config(value).as_json()


def _assigned(path: str, text: str) -> Any:
    try:
        return parse_json(text.encode("utf-8", "surrogatepass"))
    except JsonError:
        if text.lstrip().startswith(("[", "{")):  # nobody means a text by it: a shell took the double quotes away
            raise UsageError(_unquoted(path, text)) from None
        return text


#: A word without quotes, or in quotes that are not JSON's: what an editor or a chat program makes of straight ones.
_WORD: Final = re.compile(r"""(?<![\w.])["'\u2018-\u201f]?([A-Za-z_][\w.-]*)["'\u2018-\u201f]?""")


def _unquoted(path: str, text: str) -> str:
    said = (
        f"--set {clean(f'{path}={text}', 100)}: expected JSON, and this is none: did the shell take the quotes away? "
        "Put single quotes around it"
    )
    words = ("true", "false", "null")
    mended = _WORD.sub(lambda found: found[1] if found[1] in words else f'"{found[1]}"', text)
    try:
        parse_json(mended.encode("utf-8", "surrogatepass"))
    except JsonError:
        return f"""{said}, and double quotes around each text in it: --set 'KEY=["a", "b"]'"""
    return f"{said}: --set {shlex.quote(clean(f'{path}={mended}', 1000))}"


def _assign(target: Any, keys: list[str], new: Any, path: str) -> None:
    for position, key in enumerate(keys):
        last = position == len(keys) - 1
        if isinstance(target, list):
            if not key.isdecimal() or int(key) >= len(target):
                raise ConfigError([f'--set {clean(path)}: "{clean(key)}" is no position in that list'])
            key = int(key)  # type: ignore[assignment]
        elif not isinstance(target, dict):
            raise ConfigError([f'--set {clean(path)}: "{clean(".".join(keys[:position]))}" is no object'])
        elif isinstance(target.get(key), str) and key == "model" and not last:
            target[key] = {"class": target[key]}
        if last:
            target[key] = new
        elif isinstance(target, dict):
            target = target.setdefault(key, {})
        else:
            target = target[key]


def _reseed(value: Any, old: int, new: Any) -> None:
    if isinstance(value, dict):
        if type(value.get("random_state")) is int and value["random_state"] == old:
            value["random_state"] = new
        for item in value.values():
            _reseed(item, old, new)
    elif isinstance(value, list):
        for item in value:
            _reseed(item, old, new)


# --- comparing --------------------------------------------------------------------------------------------------


#: The digest of a config has them, as every recorded one had: which metrics a run claims, and on which bundled data.
_DIGESTED: Final = frozenset({"metrics", "data.dataset"})


def config_digest(resolved: Mapping[str, Any]) -> str:
    """The digest of a resolved config without path, seed, goal, hypothesis, learning_curve, fail_on and repeats."""
    left_out = (tuple(key.split(".")) for key in UNCOUNTED if key not in _DIGESTED)
    return json_digest(without_seed(drop_keys(resolved, *left_out), resolved.get("seed")))
