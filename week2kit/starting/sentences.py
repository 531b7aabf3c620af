"""Sentences: what a survey and its choices say to a person. Every name and cell is foreign, and cleaned here."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from week2kit.canonical import aligned, clean
from week2kit.inputs.changes import Statement
from week2kit.refusals import listed
from week2kit.sentences.statement import Statement as Table
from week2kit.sentences.warnings import counted, form_of_file, leak_told, quoted
from week2kit.thresholds import (
    FEW_OF_A_CLASS,
    LARGEST_NUMBER,
    MOSTLY_MISSING,
    SHOWN_CLASSES,
    SHOWN_COLUMNS,
    START_FOLDS,
    START_TEST_SIZE,
    WIDE_TEXT,
)

if TYPE_CHECKING:
    from week2kit.starting.survey import Choice, Start, Survey, Target

#: Characters of a name and of a cell that are shown.
_NAME, _CELL = 40, 20

#: What speaks against a column as a feature.
FAULTS: Final[Mapping[str, str]] = {
    "constant": "has one value only",
    "one_value": "has one value and gaps, and the gaps do not go with the target",
    "dates": "holds dates, which a model would take for unordered categories",
    "empty": "holds no value at all",
    "huge": f"holds numbers beyond {LARGEST_NUMBER:g}",
    "identifier": "names the rows: every row has another value",
    "names": "looks like an identifier: its numbers and texts are names, and no amounts",
    "infinite": "holds an infinite number",
    "many_values": "holds text with nearly as many different values as rows: little comes again to learn from",
    "missing": f"lacks {100 * MOSTLY_MISSING:.0f} % of its values or more",
    "unreadable": "holds what no model reads",
    "unseen": "has too few values: some fold has none to learn from",
}


def describe_faults(faults: Mapping[str, str], most: int) -> str:
    """What speaks against each of these columns as a feature, for the first `most`."""
    told = "; ".join(f'"{clean(name, _NAME)}" {FAULTS[fault]}' for name, fault in [*faults.items()][:most])
    return told + (f"; and {len(faults) - most} more" if len(faults) > most else "") + "."


def _tiny(classes: list[tuple[object, int]]) -> str:
    told = ", ".join(f"{_label(label)} ({counted(rows)})" for label, rows in classes[:6])
    return told + (f" and {len(classes) - 6} more" if len(classes) > 6 else "")


def _marks(marks: Mapping[str, Mapping[str, int]]) -> str:
    """Which marks stand in which columns, and in how many rows of each."""
    told = []
    for mark, columns in marks.items():
        names = ", ".join(f'"{_label(name)}" ({counted(rows)})' for name, rows in [*columns.items()][:6])
        more = f" and {len(columns) - 6} more" if len(columns) > 6 else ""
        told.append(f"{quoted(mark)} among the numbers of {names}{more}")
    return "; ".join(told[:6])


def _counts(texts: Mapping[str, int]) -> str:
    """Texts of cells with their rows."""
    return " and ".join(
        f"{quoted(text) if text else 'an empty cell'} ({counted(rows)})" for text, rows in texts.items()
    )


def _label(label: object) -> str:
    return clean(str(label), _NAME)


_SIMPLE: Final = "simple, fast, and hard to fool: what is more complicated must beat it."
#: What a person should look at, and why each key of the config was chosen.
TEXTS: Final = Table(
    {
        # --- notes
        "leak": "{leak:leak}",
        "dates": "{columns:holds} dates. If what is predicted lies in the future, a random split looks ahead: try "
        '"split": {{"method": "time_series", "order_by": "{columns:first}"}}.',
        "time_order": 'The rows stand in the order of "{column:label}"{within:within}, {first} first. If what is '
        "predicted lies in the future, a random split looks ahead: try "
        '"split": {{"method": "time_series", "order_by": "{column:label}"}}.',
        "groups": "{columns:name} several rows each. Rows of one group on both sides of the split test memory, "
        "not learning: name the column under split.groups.",
        "few_rows": f"{{rows}} rows are few: the scores of {START_FOLDS} folds will differ, and small differences "
        "between runs say nothing.",
        "tiny_class": f"Fewer than {FEW_OF_A_CLASS} rows are validated of class {{classes:tiny}}: a score of it rests "
        "on single rows.{stratify:cannot}",
        "many_values": f"More than {WIDE_TEXT} different texts in {{columns:listed}}: each becomes a column of its "
        "own. Group the rare ones, or name the column under data.drop.",
        "file_form": "The data file is no plain CSV: {told:form}. It is read so.",
        # --- choices
        "data.encoding": "the file is not UTF-8, and most others are Windows-1252. Look at the accents: where they are "
        "wrong, it is another one.",
        "data.missing": "{marks:marks}: taken as no value.",
        "data.columns.number": '"{column:label}" holds numbers written as text, such as "{cell:label}".',
        "data.columns.text": '"{column:label}" holds codes, such as "{cell:label}": as numbers they would lose their '
        "zeros.",
        "data.keep_text.target": '{texts:counts} of "{column:label}" is a class, and no gap.',
        "data.keep_text.decides": '{texts:counts} of "{column:label}" goes with other targets than the rest: it is a '
        "category of its own, and no gap. (Is it only known afterwards? Then leave the column out.)",
        "data.keep_text.word": '{texts:counts} of "{column:label}" is a word, and may be a category of its own. (Is it '
        "a gap? Take the key out.)",
        "data.keep_text.code": '{texts:counts} of "{column:label}" is one more code among codes of two letters. (Is it '
        "a gap? Take the key out.)",
        "data.drop_missing_target": '{rows} of {of} rows have no "{column:label}": a row without an answer teaches '
        "nothing.",
        "task.text": '"{target:label}" holds text: its values are classes to tell apart.',
        "task.bool": '"{target:label}" holds true and false: its values are classes to tell apart.',
        "task.few_numbers": '"{target:label}" holds only {distinct} different whole numbers: they are '
        "classes.{distinct:amounts}",
        "task.asked": 'as you asked; "{target:label}" holds {distinct} different values.',
        "task.numbers": '"{target:label}" holds {distinct} different numbers: an amount is predicted.{whole:classes}',
        "metrics.classification": "the share of right answers first; f1_macro beside it, where every class counts the "
        "same.",
        "metrics.unbalanced_classification": "f1_macro first: accuracy would look good for a model that always says "
        "the largest class.",
        "metrics.regression": "how much of the variation is explained (1 is all of it), and the typical error in the "
        "target's unit.",
        "split.holdout": f"a random {100 * START_TEST_SIZE:.0f} % of the rows is kept back to judge the model by"
        "{stratify:on_both_sides}.",
        "split.predefined": "{column:label} says which rows are trained on and which are judged by; it is no feature.",
        "split.kfold": "{rows} rows are few, so every row is validated once, by a model of the other folds"
        "{stratify:in_every_fold}.",
        "preprocess.auto-scaled": "fill gaps (median, most frequent), one column per text value, and numbers on one "
        "scale.",
        "data.drop.faults": "{faults:faults}",
        "model.classification": _SIMPLE,
        "model.regression": _SIMPLE,
        "seed.fixed": "any number will do, as long as it stays the same: both runs then see the same split.",
        "variant.unbalanced": "the classes are unequal, so let every class weigh the same in the fit.",
        "variant.another_model": "another kind of model on the same rows: does the data hold more than a straight "
        "line can say?",
    },
    {
        "label": _label,
        "listed": listed,
        "holds": lambda names: f"{listed(names)} {'holds' if len(names) == 1 else 'hold'}",
        "name": lambda names: f"{listed(names)} {'names' if len(names) == 1 else 'name'}",
        "first": lambda names: _label(names[0]),
        "within": lambda within: f' within "{_label(within)}"' if within else "",
        "form": form_of_file,
        "leak": leak_told,
        "marks": _marks,
        "counts": _counts,
        "tiny": _tiny,
        "faults": lambda faults: describe_faults(faults, 12),
        "cannot": lambda stratify: "" if stratify else " The split cannot be stratified.",
        "amounts": lambda distinct: " (Are they amounts? --task regression.)" if distinct > 2 else "",
        "classes": lambda whole: " (Are they classes? --task classification.)" if whole else "",
        "on_both_sides": lambda stratify: ", with the same share of each class on both sides" if stratify else "",
        "in_every_fold": lambda stratify: ", with the same share of each class in every fold" if stratify else "",
    },
)


def describe(said: Statement) -> str:
    """What a person should look at before training, or why something was chosen, in one or two sentences."""
    return TEXTS.tell(said.code, said, said.values)


# --- the words of the configs -----------------------------------------------------------------------------------


def goal_of(target: Target, file: str) -> str:
    """The goal that both configs carry; a person puts a better one in its place."""
    return f"Predict {clean(target.name, 60)} in {clean(file, 60)} from its other columns."


def hypotheses(target: Target, baseline: Mapping[str, Any], change: Choice) -> tuple[str, str]:
    """What the baseline and the variant are expected to show, by the primary metric."""
    metric = baseline["metrics"][0]
    guess = "always saying the largest class" if target.classes else "always saying the mean"
    of_baseline = f"A straight line ({baseline['model']['class']}) reaches a better {metric} than {guess}."
    if change.why.code == "variant.unbalanced":
        return of_baseline, f"Where every class weighs the same in the fit, small ones are found, and {metric} rises."
    name = change.value["model"]["class"]
    which = next((words for start, words in _TREES.items() if name.startswith(start)), "A tree")
    return of_baseline, f"{which} ({name}) can follow what a straight line cannot, so {metric} rises."


_TREES: Final = {
    "random_forest_regressor": "The mean of a hundred trees",
    "random_forest": "A hundred trees that vote",
    "gradient_boosting": "Trees that each correct those before them",
}


# --- the page ---------------------------------------------------------------------------------------------------


def survey_lines(survey: Survey, width: int) -> list[str]:
    """The first rows and the columns of a table, at most `width` characters wide."""
    name = clean(survey.path.name)
    lines = [f"{name}: {survey.rows:,} rows, {len(survey.columns)} columns", ""]
    lines += [*_first_rows(survey, width), ""]
    head = ("column", "kind", "missing", "distinct")
    rows = [
        (clean(c.name, _NAME), c.kind or "-", f"{c.missing:,}", "-" if c.distinct is None else f"{c.distinct:,}")
        for c in survey.columns[:SHOWN_COLUMNS]
    ]
    lines += aligned([head, *rows], "llrr")
    if len(survey.columns) > SHOWN_COLUMNS:
        lines.append(f"and {len(survey.columns) - SHOWN_COLUMNS} more columns")
    return lines


def _first_rows(survey: Survey, width: int) -> list[str]:
    """As many columns of the first rows as fit side by side."""
    columns: list[list[str]] = []
    used = 0
    for position, column in enumerate(survey.columns):
        cells = [clean(column.name, _CELL), *(clean(row[position], _CELL) for row in survey.first_rows)]
        used += max(map(len, cells)) + 2
        if columns and used > width + 2 - (8 if position + 1 < len(survey.columns) else 0):
            columns.append([f"… {len(survey.columns) - position} more", *[""] * len(survey.first_rows)])
            break
        columns.append(cells)
    return aligned([*zip(*columns, strict=True)], "l" * len(columns))


def target_lines(target: Target) -> list[str]:
    """The classes of the target and their balance, or its range."""
    head = f"target {clean(target.name, _NAME)}: {target.kind}, "
    if target.span is not None:
        least, middle, most = target.span
        return [f"{head}from {least:g} to {most:g}, median {middle:g}"]
    shown = [
        (f"  {_label(label)}", counted(count), f"{100 * count / target.rows:.1f} %")
        for label, count in target.classes[:SHOWN_CLASSES]
    ]
    more = len(target.classes) - len(shown)
    return [f"{head}{len(target.classes)} classes", *aligned(shown, "lrr"), *([f"  and {more} more"] if more else [])]


def choice_lines(begun: Start) -> list[str]:
    """What was chosen for both configs, and why."""
    *chosen, variant = begun.choices
    lines = ["baseline.json", *(f"  {_chosen(choice)}: {describe(choice.why)}" for choice in chosen)]
    return [*lines, "variant.json", f"  {_chosen(variant)} and nothing else: {describe(variant.why)}"]


def _chosen(choice: Choice) -> str:
    match choice.key, choice.value:
        case "data.missing" | "data.keep_text" as key, texts:
            return f"{key[5:]} {', '.join(map(quoted, texts))}"
        case "data.columns" | "data.drop_missing_target" | "data.encoding" as key, _:
            return {"columns": "columns", "encoding": "encoding cp1252"}.get(key[5:], "rows left out")
        case "split", {"column": name}:
            return f"split by the column {quoted(name)}"
        case "split", value:
            said = f"{value['n_splits']} folds" if value["method"] == "kfold" else f"holdout {value['test_size']}"
            return f"split {said}{', stratified' if value.get('stratify') else ''}"
        case "data.drop", names:
            return f"left out {len(names)} column{'s' * (len(names) != 1)}"
        case "metrics", names:
            return f"metrics {' and '.join(names)}"
        case "variant", {"model": {"class": name}}:
            return f"model {name}"
        case "variant", value:
            return ", ".join(f"{key} {item}" for key, item in value.items())
        case key, value:
            return f"{key} {value}"


def commands(begun: Start) -> list[str]:
    """The three commands to type, with names that are free in ``runs``."""
    names = [_free_name(name) for name in ("baseline", "variant")]
    trains = [
        shlex.join(["week2kit", "train", path.as_posix(), "--name", name])
        for path, name in zip(begun.files, names, strict=True)
    ]
    return [*trains, shlex.join(["week2kit", "report", *(f"runs/{name}" for name in names), "-o", "report.md"])]


def _free_name(name: str) -> str:
    names = (f"{name}-{number}" if number > 1 else name for number in count(1))
    return next(free for free in names if not os.path.lexists(Path("runs") / free))


def page_lines(begun: Start) -> list[str]:
    """Everything after the survey: target, choices, and what to type."""
    return [
        "",
        *target_lines(begun.target),
        "",
        *choice_lines(begun),
        "",
        "Put your own goal and hypothesis into both files, and type:",
        "",
        *(f"  {command}" for command in commands(begun)),
    ]


def document(begun: Start) -> dict[str, Any]:
    """The whole first experiment as one JSON value."""
    target = begun.target
    return {
        "schema_version": 1,
        "data": {"file": begun.survey.path.name, "rows": begun.survey.rows, "form": dict(begun.survey.form)},
        "columns": [
            {
                "name": c.name,
                "kind": c.kind,
                "missing": c.missing,
                "distinct": c.distinct,
                "role": "target" if c.name == target.name else "left_out" if c.name in begun.left_out else "feature",
                "left_out": begun.left_out.get(c.name),
            }
            for c in begun.survey.columns
        ],
        "target": {
            "name": target.name,
            "kind": target.kind,
            "task": target.task,
            "classes": [{"label": label, "rows": rows} for label, rows in target.classes] or None,
            "range": dict(zip(("least", "median", "largest"), target.span, strict=True)) if target.span else None,
        },
        "choices": [
            {"key": c.key, "value": c.value, "code": c.why.code.removeprefix(f"{c.key}."), "reason": describe(c.why)}
            for c in begun.choices
        ],
        "warnings": [{"code": n.code, "values": dict(n.values), "message": describe(n)} for n in begun.notes],
        "configs": {"baseline": begun.baseline, "variant": begun.variant},
        "written": [path.as_posix() for path in begun.files],
        "commands": commands(begun),
    }
