"""Reading a config: the text of a file, the object in it, and every problem of it at once.

`parse_config` knows the shape only. What needs scikit-learn (does the class exist, are its parameters allowed) or the
data (which columns, which classes) is settled in `week2kit.loop`, which fills in what is still null here.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from week2kit.canonical import JsonError, clean, parse_json
from week2kit.config.form import (
    ALIASES,
    FLAT_ALIASES,
    MAX_ITER,
    BundledData,
    Config,
    Estimator,
    FileData,
    FlatConfig,
    Group,
    Holdout,
    KFold,
    Part,
    PlainKeys,
    Predefined,
    Preprocess,
    Split,
    TimeSeries,
    ValidationFile,
)
from week2kit.errors import ConfigError


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
    simple = read_part(PlainKeys, rest, "", problems, [*Config.model_fields, "command"])
    if isinstance(parts["data"], BundledData) and isinstance(parts["split"], ValidationFile):
        problems.append("split.validation_path: only a data file has a validation file beside it")
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
    named, written = dict(value), dict[str, str]()
    problems: list[str] = []
    for alias, name in FLAT_ALIASES.items():
        if alias not in named:
            continue
        other = named.pop(alias)
        if name not in named:
            named[name], written[name] = other, alias
        elif json.dumps(named[name]) != json.dumps(other):
            problems.append(
                f"{alias}: it is another name of {name}, and the two differ ({_shown(other)} and "
                f"{_shown(named[name])}); keep one of them"
            )
    found: list[str] = []
    flat = read_part(FlatConfig, named, "", found, [*FlatConfig.model_fields, *FLAT_ALIASES])
    for place, separator, told in (problem.partition(":") for problem in found):
        problems.append(f"{written.get(place, place)}{separator}{told}")  # under the name that was written
    if flat is None or problems:
        raise ConfigError(problems)
    return Config(
        data=FileData(path=flat.input_csv, target=flat.label_col),
        split=Holdout(test_size=flat.test_size),
        model=Estimator(class_=ALIASES["logistic_regression"], params={"max_iter": flat.max_iter or MAX_ITER}),
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
    data = read_part(kind, value, "data", problems)
    if data is not None and data.features is not None and data.drop is not None:
        problems.append("data: features and drop exclude each other; keep one of them")
    return data


_SPLITS: Final[Mapping[str, type[Split]]] = {
    "holdout": Holdout,
    "kfold": KFold,
    "time_series": TimeSeries,
    "predefined": Predefined,
    "validation_file": ValidationFile,
}

#: What a split is by a key that only one method has.
_METHODS: Final[Mapping[str, str]] = {"column": "predefined", "validation_path": "validation_file"}


def _read_split(value: Any, problems: list[str]) -> Split | None:
    given = value if isinstance(value, dict) else {}
    method = given.get("method", next((_METHODS[key] for key in _METHODS if key in given), "holdout"))
    if not isinstance(method, str) or method not in _SPLITS:
        problems.append(f"split.method: expected {_choices(_SPLITS)}, got {_shown(method)}{_nearest(method, _SPLITS)}")
        return None
    split = read_part(_SPLITS[method], value, "split", problems)
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
    return read_part(Group, {**value, "steps": read}, where, problems)


def _read_estimator(value: Any, where: str, problems: list[str]) -> Estimator | None:
    if value is None:
        problems.append(f'{where}: it is missing; for example {{"class": "sklearn.linear_model.LogisticRegression"}}')
        return None
    if isinstance(value, str):
        value = {"class": value}
    estimator = read_part(Estimator, value, where, problems)
    return estimator and estimator.model_copy(update={"class_": ALIASES.get(estimator.class_, estimator.class_)})


P = TypeVar("P", bound=Part)


def read_part(
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
_UNION_TAGS: Final = re.compile(r"(bool|int|float|str)$|list\[|constrained-|function-")


def _problems(error: ValidationError) -> list[str]:
    """One sentence for each place where something is wrong; the members of a union are one place."""
    messages: dict[str, list[str]] = {}
    got: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        place = ".".join(str(part) for part in detail["loc"] if not _UNION_TAGS.match(str(part)))
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
