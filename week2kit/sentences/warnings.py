"""Sentences: the warnings of train."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from week2kit.canonical import clean, show_value
from week2kit.record.manifest import Warned
from week2kit.sentences.statement import Either, Statement, shown
from week2kit.thresholds import FEW_SHARED_ROWS


def warning_lines(warnings: Sequence[Warned]) -> list[str]:
    """A line for each warning with its code; one for all metrics whose training score is too good."""
    gaps = [warned for warned in warnings if warned.code == "metric.gap"]
    lines = []
    leaks = any(warned.code == "data.leak" for warned in warnings)
    for warned in warnings:
        if leaks and warned.code == "metric.too_good":  # the reason has been told
            continue
        said = describe_warning(warned)
        if gaps and warned is gaps[0]:
            said += _same_gap_in(gaps[1:])
        if warned not in gaps[1:]:
            lines.append(f"warning {clean(warned.code)}: {said}")
    return lines


def _same_gap_in(gaps: Sequence[Warned]) -> str:
    told = [_GAP.tell("", None, warned.values) for warned in gaps]
    return f" ({', '.join(told)}.)" if told else ""


def describe_warning(warned: Warned) -> str:
    """What a warning of train says to a person, in one or two sentences."""
    return WARNINGS.tell(warned.code, warned.values, warned.values)


_UNDEFINED: Final[Mapping[str, str]] = {
    "one_class": "all rows there are of one class",
    "one_row": "there is one row only",
    "constant": "the target has one value only there",
    "no_spread": "the values of the target there differ by less than can be squared",
    "not_a_number": "scikit-learn gives no number for what was predicted",
}


def _undefined(values: Mapping[str, Any]) -> str:
    """Where a metric has no value, why, and what becomes of its mean."""
    count, of, rows = values.get("folds"), values.get("of"), values.get("rows")
    labels = values.get("labels")
    if values.get("reason") == "no_row_of" and isinstance(labels, list):
        one = of == 1 or len(labels) == 1
        why = f" ({'no row there is' if one else 'each lacks rows'} of class {' or '.join(map(shown, labels))})"
    else:
        why = f" ({_UNDEFINED.get(str(values.get('reason')), 'the rows do not define it')})"
    if of == 1:
        told = f"not defined on the {shown(rows)} rows{why}."
        return told if rows == "training" else f"{told} Shuffle or stratify, use more rows, or choose another metric."
    where = f"not defined in {count} of {of} folds{' on the training rows' if rows == 'training' else ''}{why}"
    return f"{where}; the mean is over the others." if count != of else f"{where}, so there is no value."


def _json(name: object) -> str:
    # a name as it stands in a config
    return json.dumps(clean(str(name), 100), ensure_ascii=False)


def _shared_rows(values: Mapping[str, Any]) -> str:
    rows, of = values.get("rows"), values.get("looked_at")
    have = "has" if rows == 1 else "have"
    told = f"{shown(rows)} of {shown(of)} validation rows {have} the same features as a training row"
    if isinstance(rows, int) and isinstance(of, int) and rows < FEW_SHARED_ROWS * of:
        return f"{told}. So few hardly move a score."
    if values.get("different") is not None:
        few = f"{shown(values.get('different'))} different rows of features among {shown(values.get('of'))}"
        return f"{told}, as the features take few values ({few}). A model cannot tell such rows apart."
    return f"{told}: where they are copies, they test memory, not learning. Remove copies, or split by groups."


_FORMS: Final[Mapping[str, str]] = {
    "separator": "its fields are separated by {}",
    "encoding": "it is encoded as {}",
    "header": "its columns are named in line {}",
    "row_names": "its first column has no name (R writes the names of the rows there)",
}
_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def form_of_file(values: Mapping[str, Any]) -> str:
    """How a file was read that is no plain CSV."""
    told = {
        key: _SEPARATORS.get(str(value), shown(value)) if key == "separator" else shown(value)
        for key, value in values.items()
    }
    return "; ".join(text.format(told[key]) for key, text in _FORMS.items() if key in told)


def _numbers_as_text(values: Mapping[str, Any]) -> str:
    """What a column of text holds that is numbers for the most part, and how a config has them read."""
    column, remedy = shown(values.get("column")), values.get("remedy")
    remedy = dict(remedy) if isinstance(remedy, Mapping) else {}
    if "columns" in remedy:
        remedy["columns"] = {str(values.get("column")): remedy["columns"]}
        what = f"numbers written as text, such as {shown(values.get('cell'))} in data row {shown(values.get('row'))}"
    else:
        what = "numbers"
    markers = values.get("markers")
    pairs = [pair for pair in markers if isinstance(pair, list) and len(pair) == 2] if isinstance(markers, list) else []
    marked = " and ".join(f"{quoted(text)} in {counted(rows)}" for text, rows in pairs[:3])
    but = f", but for {marked}" if marked else ""
    return (
        f"{column} holds {what}{but}: it is taken for text, and each value becomes a category of its own. To have it "
        f'read as numbers: "data": {clean(json.dumps(remedy, ensure_ascii=False), 300)}.'
    )


_LEAKS: Final[Mapping[str, str]] = {
    "alone": "The feature {names} alone reaches {metric} {score}: it probably holds the answer itself.",
    "present": "Where the feature {names} holds a value, it alone reaches {metric} {score}: it probably holds the "
    "answer itself.",
    "order": "The feature {names} puts the rows in the very order of the target (Spearman's coefficient {score}): it "
    "is probably a log, a rank or a copy of it.",
    "sum": "{names} together make up the target: added up, with their signs, they reach R2 {score}.",
    "mean": "{names} together make up the target: their mean reaches R2 {score}.",
    "product": "{names} together make up the target: multiplied or divided, they reach R2 {score} on a log scale.",
    "formula": "The target is an exact formula of {names}, R2 {score}: each times a number, and added up.",
    "comparison": "{names} together make up the target: which of them is larger, or whether they are equal, reaches "
    "{metric} {score}.",
    "class": "The feature {names} holds {value} where the target is {label}, and nearly nowhere else: it probably "
    "tells of that class afterwards.",
}


def leak_told(values: Mapping[str, Any]) -> str:
    """How features give the target away, and what is to be asked of them."""
    features = values.get("features")
    names = [shown(name) for name in features] if isinstance(features, list) else [shown(values.get("feature"))]
    several = len(names) > 1
    score, value = values.get("score"), values.get("value")
    told = _LEAKS.get(str(values.get("how", "alone")), _LEAKS["alone"]).format(
        names=f"{', '.join(names[:-1])} and {names[-1]}" if several else names[0],
        metric=shown(values.get("metric")),
        score=show_value(score) if isinstance(score, float | int) else shown(score),
        value="nothing" if value is None else shown(value),
        label=shown(values.get("label")),
    )
    it = "them" if several else "it"
    return f"{told} Would you know {it} at the time of prediction? If not, leave {it} out with data.drop."


_WHY_VALUE: Final[Mapping[str, str]] = {
    "decides": "These rows have other targets than the rest.",
    "word": "It may be a word of its own.",
    "code": "The other values are codes of the same kind.",
}


def _read_as_missing(values: Mapping[str, Any]) -> str:
    """Which texts were read as no value, why they may be one, and how a config keeps them."""
    texts = values.get("texts")
    pairs = list(texts.items()) if isinstance(texts, Mapping) else []
    held = " and ".join(f"{quoted(text) if text else 'nothing'} in {counted(rows)}" for text, rows in pairs[:3])
    kept = clean(json.dumps([text for text, _ in pairs[:3]], ensure_ascii=False), 200)
    why = _WHY_VALUE.get(str(values.get("why")), "It may be a value.")
    return (
        f"{shown(values.get('column'))} holds {held}, read as no value. {why} To keep it as a category of "
        f'its own: "data": {{"keep_text": {kept}}}.'
    )


def quoted(text: object) -> str:
    """A text of a cell in double quotes."""
    return f'"{clean(str(text), 60)}"'


def counted(rows: object) -> str:
    """A number of rows."""
    return f"{rows:,} row{'s' * (rows != 1)}" if isinstance(rows, int) else f"{shown(rows)} rows"


def _in_folds(values: Mapping[str, Any]) -> str:
    return f" in {shown(values.get('folds'))} of {shown(values.get('of'))} folds" if values.get("of") != 1 else ""


def _first_sentence(message: object) -> str:
    # the rest of such a message speaks of parameters of scikit-learn's functions
    return clean(str(message).partition(". Use ")[0].rstrip("."), 300)


WARNINGS: Final = Statement(
    {
        "fit.not_converged": Either(
            lambda values: values.get("n_iter", 0) is None,
            "scikit-learn warns that something in the fit has not converged: on another processor it may come out "
            "otherwise. Scale the features, or widen what limits it (iterations, the bounds of a kernel).",
            "The fit stopped after {n_iter} iterations before it had converged (max_iter {max_iter}): on another "
            "processor it may stop elsewhere. Scale the features or raise max_iter.",
        ),
        "data.imbalance": "{share:percent} of the rows are of class {label}: always guessing it already scores that "
        "accuracy. Look at f1_macro.",
        "metric.gap": "{metric} is {training:number} on training rows and {validation:number} on validation rows: "
        "such a gap is what overfitting looks like.",
        "metric.too_good": "{metric} is {value:number} on the validation rows. So good a score is rare: look for a "
        "feature that holds the answer, and for copies of rows, before you believe it.",
        "metric.no_better_than_dummy": "{metric} is {value:number}, and a dummy that ignores the features reaches "
        "{dummy:number}: nothing was learnt that helps.",
        "split.not_stratified": "The split is not stratified: class {label} has only {rows} row(s), too few for every "
        "side.",
        "split.small_class": "Class {label} has {rows} row(s) for {folds} folds: some folds hold none of it.",
        "data.leak": "{it:leak}",
        "library.warning": "{category}: {message}",
        "repeats.undefined": "{metric}: not defined on {folds} of {of} sets of validation rows with other seeds; "
        "these are left out.",
        "metric.replaced": "{metrics}: scikit-learn puts a number in the place of a division by zero, and nothing is "
        "concluded from it. Look at recall and precision.",
        "metric.zero_targets": "{metrics} divides by the true value, which is 0 in {rows} of {of} validation rows: "
        "these decide it. Nothing is concluded from it; use mean_absolute_error.",
        "session.set_aside": "The session had settings of its own ({settings}). The training did not use them: it "
        "runs with the defaults of the libraries, so that it can be done again anywhere.",
        "seed.unset": "No seed fixes {estimators}: another run draws other numbers, and may give another result. "
        "{estimators:to_seed}",
        "command.no_metrics": "No metric was found: the command wrote no metrics.json, and printed no line such as "
        "accuracy: 0.93. Name its file with --metrics FILE.",
        "command.several_metrics": "{count} files look like metrics ({files}), and none was chosen. Name one with "
        "--metrics FILE.",
        "command.several_predictions": "{count} files look like predictions ({files}), and none was chosen. Name one "
        "with --predictions FILE.",
        "command.metrics_unread": "{file} holds no number that could be read as a metric.",
        "command.others_files": "While the command ran, files came or changed that it did not write ({files}). They "
        "are not in its record.",
        "command.many_metrics": "{where} has {count} numbers or more: no more are recorded as metrics. Write those "
        "that are to be compared to a file of their own, and name it with --metrics FILE.",
        "command.undefined": "{names}: no finite number, so nothing can be compared.",
        "command.seed_without_effect": "With other seeds ({seeds}) the metrics are exactly the same: the script may "
        "not use its seed.",
        "command.unstable": "{names}: another value when the same command is run again, and no seed is known. The "
        "repeats show how far it moves.",
        "command.repeats_changed_input": "{files}: changed by the repeats. Each run read something else, so they "
        "show more than the noise.",
        "command.repeats_undefined": "{names}: missing in some of the repeats.",
        "command.left_running": "The command ended, and processes that it had started were still running: they were "
        "ended.",
        "data.form": Either(
            lambda values: values.get("of") == "validation",
            "The validation file is no plain CSV: {it:form}. It was read so.",
            "The data file is no plain CSV: {it:form}. It was read so.",
        ),
        "data.dropped_rows": "{rows} of {of} rows have no {target}, and were left out.",
        "data.leading_zeros": "{column} holds codes with a leading zero ({cell}), and is read as numbers without it. "
        'To keep them: "data": {{"columns": {{"{column}": {{"type": "text"}}}}}}.',
        "data.numbers_as_text": "{it:numbers_as_text}",
        "data.read_as_missing": "{it:read_as_missing}",
        "metric.undefined": "{metrics}: {it:undefined}",
        "split.shared_rows": "{it:shared_rows}",
        "split.unseen_class": "{rows} of {of} validation rows are of a class that the model was not trained on "
        "({labels}): it is wrong on all of them. Check how the labels are spelt, or stratify the split.",
        "split.unused_rows": "{rows} of {of} rows are on neither side of the split: the model is not fitted on them, "
        "nor judged by them. Keep them for the last look.",
        "split.time_order": "The rows stand in the order of {column}, and the split is random: the model learns from "
        "rows after those that it is judged by. Where it is to tell the future, the score is too good: try "
        '"split": {{"method": "time_series", "order_by": {column:json}}}.',
        "split.newest_first": "The rows stand in the order of {column}, the newest first, and the split takes them as "
        'they stand: it learns from the future. Use "split": {{"method": "time_series", "order_by": {column:json}}}.',
        "library.metric": "scikit-learn warns of {metrics} on the {rows} rows{it:in_folds}: {message:first_sentence}.",
        "metric.one_row": Either(
            lambda values: values.get("of") == 1,
            "{metrics}: one row is validated, and nothing is concluded from it. Use more.",
            "{metrics}: {folds} of {of} folds hold one row, and the mean over such folds is not the metric over all "
            "rows. Nothing is concluded from it; use fewer folds.",
        ),
    },
    {
        "undefined": _undefined,
        "shared_rows": _shared_rows,
        "form": form_of_file,
        "json": _json,
        "leak": leak_told,
        "numbers_as_text": _numbers_as_text,
        "read_as_missing": _read_as_missing,
        "in_folds": _in_folds,
        "first_sentence": _first_sentence,
    },
)

_GAP: Final = Statement({"": "{metric} is {training:number} and {validation:number}"}, {})
