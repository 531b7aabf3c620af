"""Sentences: findings of a run that was made without week2kit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from week2kit.canonical import clean
from week2kit.record.verdict import Finding
from week2kit.sentences.statement import Either, Form, Texts, part, shown

PARTIAL: Final[Texts] = {
    "bare.thin": "{thin}: {recorded} came out of a training on {where}, sha256 {now[sha256]:short}, with "
    "{now:recipe}. {now:others_tried}Without digests of data, split, predictions and model, whether these are the "
    "recorded ones could not be checked.",
    "bare.model": "{where} names a model ({recorded}), and the flat form of a config has no place for one: it "
    "always means a LogisticRegression with medians for missing numbers, one-hot texts and no scaling. So nothing "
    "was trained. Write a config in week2kit's own form that says the model, and train it with week2kit.",
    "bare.failed": "{thin}: trained here it failed at the stage {where}, and nothing shows whether data, code or "
    "versions were others. {now:plain}",
    "bare.nothing_compared": "{thin}: metrics.json holds no metric that can be compared. Expected are numbers "
    "under names of scikit-learn's scorers, such as accuracy and f1_macro.",
    "bare.no_manifest": "{where}: it is not there. {thin}.",
    "bare.config": "config.json cannot be trained as it stands: {now:plain}",
    "bare.contradicts": "metrics.json gives {where} as {recorded}, and val_report.txt as {now}: one of them was "
    "edited, or is of another run.",
    "bare.report": "{where} was not compared with metrics.json: {now:plain}.",
    "bare.report_row": "val_report.txt, {where}: recorded {recorded}, here {now}.",
    "bare.versions_unrecorded": Either(
        lambda finding: isinstance(finding.now, list) and finding.where in finding.now,
        'run_metadata.json says "missing" of {where}, so its version is not recorded. It imports as sklearn.',
        "versions are recorded ({recorded}), and that of {where} is not.",
    ),
    "bare.rounded": "{where}: compared to the {now} decimals that were written ({recorded}).",
    "bare.rows": "metrics.json counts {recorded} rows; the split has {now} here: other data, or another split.",
    "bare.not_named": "{where}: the path in config.json leads to this file (sha256 {now:short}), and the run is "
    "not of this table, or was split otherwise. What differs is told of a file that you name with --data.",
    "bare.other_columns": "{where}: it is not the table that the run was trained on, or config.json is not that "
    "of the run. {now:plain} Name the right file with --data.",
    "bare.other_rows": "{where}: the table has {now} rows, and the record counts {recorded:total} ({recorded}): "
    "it is not the table that the run was trained on, unless its script left rows out or added some. Name the "
    "right file with --data.",
    "bare.other_classes": "{where}: the classes of the validation rows are {now}, and val_report.txt counts "
    "{recorded}: it is not the table that the run was trained on, unless its script gave the classes other names "
    "and split otherwise. Name the right file with --data.",
    "bare.other_split": "{where}: split as config.json says it gives {now}, and the record counts {recorded}: it "
    "is another table than the run was trained on, or another test_size. {if_another}",
    "bare.all_rows_scored": "{where}: split as config.json says it gives {now}, and the record counts {recorded}, "
    "which is more than either: the run was scored on rows that it was trained on, or this is another table. If "
    "so, name the right one with --data.",
    "bare.other_test_size": "{where}: split as config.json says it gives {now}, and the record counts {recorded}, "
    "of as many rows: the test_size of config.json is not that of the run, or its script split otherwise.",
    "bare.other_supports": "{where}: the classes of the validation rows are {now}, and val_report.txt counts "
    "{recorded}: it is another table than the run was trained on, or was split otherwise (here stratified, with "
    "the random_state of config.json). {if_another}",
    "bare.together": "{recorded} were put back together: whether each of them is needed was not tried.",
    "bare.python_instead": "for the recorded Python {recorded}, on which week2kit does not run, Python "
    "{now:minor} was taken: only the libraries are the recorded ones.",
    "bare.python_too_old": "Python {recorded} could not be put back, as week2kit does not run on it. It takes the "
    "script itself, under that Python.",
    "bare.not_restored": Either(
        lambda finding: bool(finding.now),
        "the recorded versions ({recorded}) could not be put back: {now:plain}",
        "with the recorded versions ({recorded}) put back, it came out otherwise, too.",
    ),
    "bare.unused": "{where}: not used, as it has no part in the training: {recorded}.",
    "bare.no_versions": "{thin}: it does not say in which environment it was made, with which code, nor on which "
    "data (here {where}, sha256 {now:short}), so a difference proves nothing. {train_full}",
    "bare.other_versions": "{thin}: other versions than it names are installed here. That may be the reason, or "
    "the processor, the code or the data (here {where}, sha256 {now:short}), which it does not record. "
    "{train_full}",
    "bare.same_versions": "{thin}: the versions that it names are installed here, but not the processor, nor the "
    "code, nor the data (here {where}, sha256 {now:short}) is recorded, so a difference proves nothing. "
    "{train_full}",
    "bare.saturated": "{thin}: {recorded} came out of a training on {where} with {now:recipe}. Very different "
    "recipes reach these values, so they do not show how the run was made. {would_show_it}",
    "bare.one_class": "{thin}: {recorded} came out of a training on {where} with {now:recipe}. It gives every "
    "validation row the same label, as any model does that learnt nothing, so the values do not show how the run "
    "was made. {would_show_it}",
    "bare.coarse": "{thin}: {recorded} came out of a training on {where} with {now:recipe}. Many recipes reach "
    "the same accuracy, or numbers of so few digits, so the values do not show how the run was made. "
    "{would_show_it}",
    "bare.other_recipe": "{thin}: {recorded} came out of a training on {where} with {now:recipe}. Another recipe "
    "({now[recipe]:plain}) gives all of it, too, so nothing shows by which of them the run was made. "
    "{would_show_it}",
    "bare.near_recipe": "{thin}: {recorded} came out of a training on {where} with {now:recipe}. Another recipe "
    "({now[recipe]:plain}) gives another label in only {now[rows]:rows_of_labels}: too little to tell by which of "
    "the usual recipes the run was made. {would_show_it}",
    "bare.report_names": "{where}: {it:more} have no row of that name here; the numbers of every class that has "
    "validation rows agree, whatever it is called.",
    "bare.report_rows_alone": "{where}: {it:more} have no row of that name here, and were not compared.",
    "bare.not_compared": "{where}: {it:more} not compared: no number, or not the name of a scorer of scikit-learn "
    "that this model can give.",
    "bare.beyond": "{where}: {it:more} not compared: no share of rows is below 0 or above 1, as a percentage is.",
    "bare.undefined": "{where}: {it:more} not compared: NaN, infinity, or larger than every number is.",
    "bare.times": "{where}: {it:more} not compared: no training takes the same time again.",
    "bare.other_versions_hold": "it came out again although other versions are here: {it:versions}.",
    "bare.own_rule": "{where}: week2kit itself refuses this table, and the script that made the run may have "
    "trained on it: {now:plain}{recorded:own_rule}",
    "bare.report_rows_other": "{where}: the numbers in its rows of classes are not those here{it:rows_alone}.",
    "bare.unnamed": "{it:unnamed}",
    "bare.named": "{where} leaves out {now:names}: whoever verified it named {now}, and nothing in the folder "
    "shows that it was made so.",
}

_BARE_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "input_csv": ("the data file (input_csv)", "--data FILE"),
    "label_col": ("the label column (label_col)", "--target COLUMN"),
}


def _names(keys: object, joined: str = " and ") -> str:
    names = map(str, keys) if isinstance(keys, Iterable) else ()
    return joined.join(_BARE_NAMES[name][0] for name in names if name in _BARE_NAMES)


def _unnamed(finding: Finding) -> str:
    """Why a config without data or label cannot be trained, and what would help."""
    keys = [key for key in map(str, finding.now) if key in _BARE_NAMES] if isinstance(finding.now, list) else []
    names = "names neither" if len(keys) > 1 else "does not name"
    flags = " ".join(_BARE_NAMES[key][1] for key in keys)
    return (
        f"{shown(finding.where)} {names} {_names(keys, ' nor ')}, only {shown(finding.recorded)}: the script or "
        f"notebook that made it holds the rest in its own code. Say what it was trained on: {flags}. Write it into "
        "the config of the next run, and nobody has to."
    )


def _recipe(recipe: object) -> str:
    """The recipe of a flat config: its model, its preprocessing and its split."""
    model = f"{shown(part(recipe, 'model'))}(max_iter={shown(part(recipe, 'max_iter'))})"
    size, seed = shown(part(part(recipe, "split"), "test_size")), shown(part(recipe, "random_state"))
    split = f"test_size {size}, random_state {seed}"
    return (
        f"{model}, medians for missing numbers, one-hot texts, no scaling, and a holdout ({split}, stratified where it "
        "can be)"
    )


def _others_tried(recipe: object) -> str:
    tried = part(recipe, "other_recipes")
    if not isinstance(tried, int) or tried < 1:
        return ""
    return (
        f"{tried} other recipe{'s' if tried > 1 else ''}, such as scaled columns or a forest, did not give these "
        "numbers; another setting of the same model might. "
    )


def _rows_of_labels(rows: object) -> str:
    return f"{shown(rows)} validation row{'' if rows == 1 else 's'}"


#: What to do about a table that only week2kit refuses; what is left out or renamed here, pandas and scikit-learn's
#: imputer leave out and rename themselves.
_OWN_RULES: Final[Mapping[str, str]] = {
    "column.dates": "So nothing is known of this run. To have it checked, train again without that column.",
    "column.empty": "Leave it out of a copy of the file, as an imputer does, and name the copy with --data.",
    "file.same_name": "Rename the second one in a copy of the file, as pandas does, and name the copy with --data.",
    "column.gaps": "If the script left these rows out, do so in a copy of the file, and name the copy with --data.",
}


def _own_rule(rule: object) -> str:
    advice = _OWN_RULES.get(str(rule))
    return f" {advice}" if advice else ""


def _rows_alone(finding: Finding) -> str:
    sides = [
        f"{shown(side)} only {place}" for side, place in ((finding.recorded, "there"), (finding.now, "here")) if side
    ]
    return f" (of that name: {'; '.join(sides)})" if sides else ""


def _versions(finding: Finding) -> str:
    """Each version that is here, and the one that is recorded."""
    sides = [side if isinstance(side, Mapping) else {} for side in (finding.recorded, finding.now)]
    told = [
        f"{clean(str(name), 40)} {shown(sides[1].get(name))} (recorded {shown(sides[0][name])})"
        for name in sorted(sides[0])
    ]
    return ", ".join(told)


def _minor(version: object) -> str:
    return ".".join(clean(str(version), 40).split(".")[:2])


def _total(counts: object) -> str:
    """The sum of several numbers of rows."""
    values = counts.values() if isinstance(counts, Mapping) else []
    return shown(sum(value for value in values if isinstance(value, int)))


def _more(finding: Finding) -> str:
    """The first of several names, and how many there are besides."""
    names = finding.recorded if isinstance(finding.recorded, list) else []
    left = finding.now - len(names) if isinstance(finding.now, int) else 0
    told = ", ".join(clean(str(name), 80) for name in names)
    return f"{told} and {left} more" if left > 0 else told


PARTIAL_FORMS: Final[Mapping[str, Form]] = {
    "minor": _minor,
    "more": _more,
    "names": _names,
    "others_tried": _others_tried,
    "own_rule": _own_rule,
    "recipe": _recipe,
    "rows_alone": _rows_alone,
    "rows_of_labels": _rows_of_labels,
    "total": _total,
    "unnamed": _unnamed,
    "versions": _versions,
}
