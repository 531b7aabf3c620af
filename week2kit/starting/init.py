"""A first experiment for a table: a baseline, a variant that changes one thing, and the reason for every choice.

look -> choose -> rehearse -> write. What is written has been rehearsed: the very checks and the very split of train
were carried out on the very table, so that a run does not fail for what could be seen beforehand.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from week2kit.canonical import clean
from week2kit.config.reading import parse_config
from week2kit.errors import StageError, UsageError
from week2kit.inputs.changes import Statement
from week2kit.record.manifest import Kind
from week2kit.refusals import listed
from week2kit.starting.sentences import FAULTS, describe_faults, goal_of, hypotheses
from week2kit.starting.survey import FILES, Choice, Column, Start, Survey, Target, Task, look
from week2kit.thresholds import (
    BOOSTING_CELLS,
    FEW_CLASSES,
    FEW_OF_A_CLASS,
    FEW_ROWS,
    FOREST_CELLS,
    FOREST_ROWS,
    LARGEST_NUMBER,
    MAX_CONFIG_BYTES,
    MOST_CLASSES,
    MOST_NAMED_CLASSES,
    ROWS_PER_CLASS,
    START_FOLDS,
    START_TEST_SIZE,
    WIDE_TEXT,
)

if TYPE_CHECKING:
    import numpy as np

    from week2kit.loop.data import Table
    from week2kit.loop.split import Fold

__all__ = ["Choice", "Start", "Survey", "Target", "find_column", "look", "propose", "start"]

SEED: Final = 42


def start(
    path: str | Path,
    *,
    target: str | None = None,
    task: Task | None = None,
    directory: str | Path = ".",
    ask: Callable[[Survey], str] | None = None,
) -> Start:
    """Look at a table, choose a first experiment, and write ``baseline.json`` and ``variant.json``.

    Args:
        path: a .csv, .tsv or .parquet file.
        target: the column to be predicted.
        task: what is done with it; by default its values tell.
        directory: where the configs are written; made where it is missing.
        ask: called for the target where none is given.

    Raises:
        UsageError: no such column, no target, or a file of that name is there; nothing is written.
        StageError: nothing can be learnt from the table; nothing is written.
    """
    folder = Path(directory)
    survey = look(Path(path))
    _refuse_existing(folder)
    if target is None:
        if ask is None:
            raise UsageError(
                f"No target is given: name the column to be predicted with --target. The columns are "
                f"{listed(survey.names)}."
            )
        target = ask(survey)
    begun = propose(survey, target, folder, task=task)
    _write(begun)
    return begun


def propose(survey: Survey, target: str, directory: Path = Path(), *, task: Task | None = None) -> Start:
    """The first experiment for a table and its target, rehearsed; writes nothing.

    Raises:
        UsageError: there is no such column.
        StageError: nothing can be learnt from the table.
    """
    target = find_column(survey, target).name
    survey = _for_target(survey, target)
    goal = _target(survey, target, task)
    left_out = {c.name: c.fault for c in survey.columns if c.fault is not None and c.name != target}
    draft = _draft(survey, goal, left_out, directory)
    table, folds = _rehearse(survey, goal, draft, asked=task is not None)
    if unseen := _unseen(table, folds):
        left_out = {n: f for n in survey.names if (f := left_out.get(n) or ("unseen" if n in unseen else None))}
        table = replace(table, features=table.features.drop(columns=unseen))
        draft = _draft(survey, goal, left_out, directory)
    choices = _choices(survey, goal, draft, left_out, asked=task is not None)
    baseline, variant = _configs(survey, goal, draft, left_out, choices[-1])
    notes = tuple(_notes(survey, goal, draft, table, folds))
    return Start(survey, goal, left_out, choices, notes, baseline, variant, directory)


#: What stands around a name in a header, and is left out by who types it.
_AROUND: Final = " \t'\""


# --- the target -------------------------------------------------------------------------------------------------


def find_column(survey: Survey, name: str) -> Column:
    """The column of a name.

    Raises:
        UsageError: there is none; the message names the nearest one.
    """
    for column in survey.columns:
        if column.name == name:
            return column
    bare = [column for column in survey.columns if column.name.strip(_AROUND) == name.strip(_AROUND)]
    if len(bare) == 1:
        return bare[0]
    close = difflib.get_close_matches(name, survey.names, n=1)
    raise UsageError(
        f'The data has no column "{clean(name, 60)}"'
        + (f'; did you mean "{clean(close[0], 60)}"?' if close else f"; it has {listed(survey.names)}.")
    )


def _for_target(survey: Survey, name: str) -> Survey:
    """The table in the form in which this target is learnt from it."""
    from week2kit.starting.meaning import form_for_target

    if find_column(survey, name).kind is None:
        return survey
    features = [column.name for column in survey.columns if column.name != name and column.kind == "text"]
    form, said = form_for_target(survey.read, survey.form, name, features, survey.again)
    return survey.read_as(form, said) if said else survey


def _target(survey: Survey, name: str, task: Task | None) -> Target:
    """What the values of the target tell; whether a model can learn them, the rehearsal says."""
    import pandas as pd

    from week2kit.loop.data import typed

    column = find_column(survey, name)
    if column.fault in _UNFIT:
        said, hint = _UNFIT[column.fault]
        raise StageError(f'The target "{clean(name, 60)}" holds {said}', f"Name another --target, or {hint}")
    kind, values = typed(survey.frame[name].dropna(), name)  # raises where no model reads it
    distinct = column.distinct or 0
    if task == "classification" or (task is None and _is_classes(name, kind, values, distinct)):
        if distinct > MOST_CLASSES or (distinct > 2 and 2 * distinct > len(values)):
            raise StageError(
                f'The target "{clean(name, 60)}" holds {distinct} different values in {len(values)} rows; expected '
                f"classes that come again, at most {MOST_CLASSES}.",
                "Name another --target, or put its values into fewer classes.",
            )
        counts = pd.Series(values).value_counts(sort=False).sort_index()
        classes = [(bool(label) if kind == "bool" else label, rows) for label, rows in counts.to_dict().items()]
        classes.sort(key=lambda item: -item[1])  # stable: equal ones in the order of their labels
        return Target(name, kind, "classification", distinct, len(values), tuple(classes))
    if kind == "text" or not distinct:  # text that is to be an amount, or no value at all: the rehearsal refuses it
        return Target(name, kind, "regression", distinct, len(values))
    numbers = pd.Series(values)
    span = (numbers.min().item(), numbers.median().item(), numbers.max().item())
    return Target(name, kind, "regression", distinct, len(values), span=span)


#: Faults of a column that train takes as a target, and nothing is learnt from: what is wrong, and what to do.
_UNFIT: Final = {
    "dates": ("dates; expected classes or numbers.", "turn it into numbers first (days since the start)."),
    "huge": (f"numbers beyond {LARGEST_NUMBER:g}, whose squares no computer adds up.", "correct these cells."),
}


#: Names of counts and scores: few different whole numbers, and amounts all the same.
_AMOUNT_NAME: Final = re.compile(
    r"(?i)(?:^|[_\W])(?:age|amount|counts?|days|hours|minutes|n|num(?:ber)?|points|qty|quality|quantity|ratings?|"
    r"scores?|total|visits|years)(?:$|[_\W])|(?<=[a-z])(?:Age|Count|Points|Quality|Rating|Score|Visits|Years)$"
)


def _is_classes(name: str, kind: Kind, values: np.ndarray[Any, Any], distinct: int) -> bool:
    from week2kit.loop.data import of_kind

    if kind in ("text", "bool"):
        return True
    if distinct > MOST_NAMED_CLASSES and _AMOUNT_NAME.search(name):
        return False
    few = distinct == 2 or (distinct <= FEW_CLASSES and distinct * ROWS_PER_CLASS <= len(values))
    return few and of_kind("int", kind, values)[0] == "int"


# --- choosing ---------------------------------------------------------------------------------------------------


def _draft(survey: Survey, target: Target, left_out: Mapping[str, str], directory: Path) -> dict[str, Any]:
    """The baseline config without its words."""
    if len(left_out) == len(survey.names) - 1:
        raise StageError(
            f'No column is left to learn "{clean(target.name, 60)}" from: {describe_faults(left_out, 5)}',
            "Add columns that say something about each row, or write a config by hand.",
        )
    data: dict[str, Any] = {"path": _path_from(survey.path, directory), "target": target.name}
    if left_out:
        data["drop"] = list(left_out)
    data |= survey.form
    classes = target.task == "classification"
    scores = ["accuracy", "f1_macro"] if classes else ["r2", "root_mean_squared_error"]
    return {
        "data": data,
        "split": _by_column(survey, target, left_out) or _split(target.rows, target),
        "preprocess": "auto-scaled",
        "model": {"class": "logistic_regression", "params": {"max_iter": 500}}
        if classes
        else {"class": "ridge", "params": {}},
        "metrics": scores[::-1] if target.is_unbalanced else scores,
        "seed": SEED,
    }


def _path_from(path: Path, directory: Path) -> str:
    """The path of the data as seen from the configs; an absolute one stays, unless the data lies below them."""
    # links resolved: ".." leads out of the folder where one points to
    start, data = os.path.realpath(directory), os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118
    inside = PurePath(data).is_relative_to(start)
    if path.is_absolute() and not inside:
        return str(path)
    try:
        return PurePath(os.path.relpath(data, start)).as_posix()
    except ValueError:  # another drive
        return data


def _by_column(survey: Survey, target: Target, left_out: Mapping[str, str]) -> dict[str, Any] | None:
    """The split that a column says whose values name the sides, such as "train" and "test"; None where none does."""
    from week2kit.loop.split import name_sides

    for column in survey.columns:
        few = column.kind == "text" and not column.missing and (column.distinct or 0) <= MOST_SIDES
        if few and column.name != target.name and column.name not in left_out:
            rows = survey.frame[column.name][survey.frame[target.name].notna()]
            if name_sides({str(value).strip().lower() for value in rows.unique()}):
                return {"method": "predefined", "column": column.name}
    return None


#: Training, validation and test rows, and these in another spelling.
MOST_SIDES: Final = 6


def _split(rows: int, target: Target) -> dict[str, Any]:
    few = rows * START_TEST_SIZE < FEW_ROWS
    split: dict[str, Any] = (
        {"method": "kfold", "n_splits": START_FOLDS} if few else {"method": "holdout", "test_size": START_TEST_SIZE}
    )
    if target.classes:
        smallest = target.classes[-1][1]
        possible = smallest >= START_FOLDS if few else smallest >= 2 and len(target.classes) <= rows * START_TEST_SIZE
        split["stratify"] = possible
    return split


def _choices(
    survey: Survey, target: Target, config: Mapping[str, Any], left_out: Mapping[str, str], *, asked: bool
) -> tuple[Choice, ...]:
    split, unbalanced = config["split"], target.is_unbalanced
    kind = "few_numbers" if target.classes and target.kind in ("int", "float") else target.kind
    variant = (
        {"model.params.class_weight": "balanced"} if unbalanced else {"model": _another_model(survey, target, left_out)}
    )
    chosen = {
        "task": (target.task, "asked" if asked else "numbers" if target.span else kind),
        "metrics": (config["metrics"], "unbalanced_classification" if unbalanced else target.task),
        "split": (split, split["method"]),
        "preprocess": (config["preprocess"], "auto-scaled"),
        **({"data.drop": (list(left_out), "faults")} if left_out else {}),
        "model": (config["model"]["class"], target.task),
        "seed": (config["seed"], "fixed"),
        "variant": (variant, "unbalanced" if unbalanced else "another_model"),
    }
    facts = {
        "target": target.name,
        "distinct": target.distinct,
        "rows": target.rows,
        "stratify": bool(split.get("stratify")),
        "column": split.get("column"),
        "whole": target.kind == "int",
        "faults": dict(left_out),
    }
    choices = [Choice(key, value, Statement(f"{key}.{why}", facts)) for key, (value, why) in chosen.items()]
    # every choice about the data has its own reason, and a key of the config may have several
    read = [Choice(_key_of(said.code), survey.form.get(_key_of(said.code)[5:]), said) for said in _form_said(survey)]
    place = next(i for i, choice in enumerate(choices) if choice.key in ("data.drop", "model"))
    return (*choices[:place], *read, *choices[place:])


def _form_said(survey: Survey) -> list[Statement]:
    return [said for said in survey.said if said.code.startswith("data.")]


def _key_of(code: str) -> str:
    return ".".join(code.split(".")[:2])


def _another_model(survey: Survey, target: Target, left_out: Mapping[str, str]) -> dict[str, Any]:
    """A model of trees that takes a minute at the most; what a fit costs goes by the cells after one-hot encoding."""
    suffix = "_regressor" if target.task == "regression" else ""
    features = [column for column in survey.columns if column.name != target.name and column.name not in left_out]
    width = sum((column.distinct or 1) if column.kind == "text" else 1 for column in features)
    outputs = max(1, len(target.classes) - 1)  # boosting grows a tree for each class
    if target.rows <= FOREST_ROWS and target.rows * width <= FOREST_CELLS:
        return {"class": f"random_forest{suffix}", "params": {}}
    if target.rows * width * outputs <= BOOSTING_CELLS:
        return {"class": f"gradient_boosting{suffix}", "params": {}}
    return {"class": f"decision_tree{suffix}", "params": {"max_depth": 8}}


def _configs(
    survey: Survey, target: Target, draft: Mapping[str, Any], left_out: Mapping[str, str], change: Choice
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Baseline and variant with their words, in the order in which a person reads them."""
    said = goal_of(target, survey.path.name)
    why = {"drop_reasons": {name: FAULTS[fault] for name, fault in left_out.items()}} if left_out else {}
    old = draft["model"]
    new = change.value.get("model") or {**old, "params": {**old["params"], "class_weight": "balanced"}}
    of_baseline, of_variant = hypotheses(target, draft, change)
    return (
        {"goal": said, "hypothesis": of_baseline, **draft, **why},
        {"goal": said, "hypothesis": of_variant, **draft, "model": new, **why},
    )


# --- rehearsing -------------------------------------------------------------------------------------------------


def _rehearse(survey: Survey, target: Target, draft: Mapping[str, Any], *, asked: bool) -> tuple[Table, list[Fold]]:
    """The table and the folds that train will make of a config, through its own checks."""
    import numpy as np

    from week2kit.loop.data import use_columns
    from week2kit.loop.split import make_folds, settle_split

    config, classes = parse_config(draft), target.task == "classification"
    try:
        table = use_columns(survey.read, config, target.name, classification=classes)
    except StageError as error:  # train's own hint speaks of a config, and there is none yet
        hint = "Leave out --task" if asked else "Correct the table"
        raise StageError(str(error), f"{hint}, or name another --target.") from None
    folds, _ = make_folds(settle_split(config.split, table.counts, SEED)[0], table)
    if table.codes is not None and any(len(np.unique(table.codes[fold.train])) < 2 for fold in folds):
        label, rows = target.classes[-1]
        raise StageError(
            f"Class {clean(str(label), 60)} has {rows} row(s): where they are validated, one class is left to learn "
            "from.",
            "Collect more rows of it, or name another --target.",
        )
    return table, folds


def _unseen(table: Table, folds: Sequence[Fold]) -> list[str]:
    """The features that have no value in the training rows of some fold."""
    gaps = [column.name for column in table.columns if column.role == "feature" and column.missing]
    missing = {name: table.features[name].isna().to_numpy() for name in gaps}
    return [name for name in gaps if any(missing[name][fold.train].all() for fold in folds)]


def _notes(
    survey: Survey, target: Target, draft: Mapping[str, Any], table: Table, folds: Sequence[Fold]
) -> Iterator[Statement]:
    """What a person should look at before training."""
    from week2kit.loop.dates import time_order

    others = [column for column in survey.columns if column.name != target.name]
    order = time_order(survey.frame, target.name)
    texts = [c for c in others if c.kind == "text" and c.name in table.features]
    columns = {
        "dates": [c.name for c in others if c.fault == "dates" and order is None],
        "groups": [c.name for c in others if c.is_grouping],
        "many_values": [c.name for c in texts if (c.distinct or 0) > WIDE_TEXT],
    }
    yield from (said for said in survey.said if not said.code.startswith("data."))
    yield from _leaks(table, folds[0])
    if order is not None and draft["split"]["method"] != "predefined":
        yield Statement("time_order", order._asdict())
    yield from (Statement(code, {"columns": names}) for code, names in columns.items() if names)
    if draft["split"]["method"] == "kfold":
        yield Statement("few_rows", {"rows": target.rows})
    validated = 1.0 if draft["split"]["method"] == "kfold" else len(folds[0].val) / target.rows
    if tiny := [[label, rows] for label, rows in target.classes if rows * validated < FEW_OF_A_CLASS]:
        yield Statement("tiny_class", {"classes": tiny, "stratify": draft["split"].get("stratify", True)})


def _leaks(table: Table, fold: Fold) -> Iterator[Statement]:
    """Every feature, and all few together, that give the target away."""
    from week2kit.loop.leakage import leaks

    for leak in leaks(table, fold):
        values = {"metric": leak.metric, "score": leak.score, "how": leak.how, "label": leak.label, "value": leak.value}
        yield Statement("leak", {"leak": {"features": list(leak.features), **values}})


# --- writing ----------------------------------------------------------------------------------------------------


def _refuse_existing(directory: Path) -> None:
    for path in (directory / name for name in FILES):
        if os.path.lexists(path):
            raise UsageError(
                f"{clean(str(path))}: it is there already and is not overwritten: move it away, or name another folder "
                "with --output-dir."
            )


def _write(begun: Start) -> None:
    """Write both configs or none."""
    contents = [_config_bytes(config) for config in (begun.baseline, begun.variant)]
    written: list[Path] = []
    try:
        begun.directory.mkdir(parents=True, exist_ok=True)
        for path, data in zip(begun.files, contents, strict=True):
            with path.open("xb") as file:  # never one that is there, nor one that a link points to
                written.append(path)
                file.write(data)
    except OSError as error:
        for path in written:
            with contextlib.suppress(OSError):
                path.unlink()
        _refuse_existing(begun.directory)  # one that came meanwhile
        folder = clean(str(begun.directory))
        raise UsageError(f"{folder}: the configs cannot be written there: {error.strerror}.") from None


def _config_bytes(config: Mapping[str, Any]) -> bytes:
    data = (json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    if len(data) > MAX_CONFIG_BYTES:
        raise UsageError(
            f"The config would take {len(data)} bytes, because many columns are left out by name; at most "
            f"{MAX_CONFIG_BYTES} are read. Remove those columns from the data first."
        )
    return data
