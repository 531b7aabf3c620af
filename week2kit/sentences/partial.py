"""Sentences: findings of a run without a manifest, whose record is partial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from week2kit.canonical import clean
from week2kit.record.verdict import Finding
from week2kit.sentences.statement import Either, Form, Texts, part, shown

#: What came out again, and why it does not show how it was made.
_SHOWS_LITTLE: Final[Mapping[str, str]] = {
    "partial.saturated": "Very different recipes reach these values.",
    "partial.one_class": "It gives every validation row the same label, as any model does that learnt nothing.",
    "partial.coarse": "Many recipes reach the same accuracy, or numbers of so few digits.",
    "partial.other_recipe": "Another recipe ({now[recipe]:plain}) gives all of it, too.",
    "partial.near_recipe": "Another recipe ({now[recipe]:plain}) gives another label in only "
    "{now[rows]:rows_of_labels}.",
}

SHOWS_LITTLE: Final = frozenset(_SHOWS_LITTLE)

PARTIAL: Final[Texts] = {
    "not_recorded": "it is not recorded.",
    "identical.partial": "{partial}. {recorded} came out of a training on {where}, sha256 {now[sha256]:short}, with "
    "{now:recipe}. {now:others_tried}Whether data, split, predictions and model are those of the run could not be "
    "checked.",
    "undecided.not_recorded": "{partial}. Code, data (here {where}, sha256 {now:short}) and processor are not, so a "
    "difference proves nothing. week2kit train with its config.json makes a full record.",
    **{
        why: f"{{partial}}. {{recorded}} came out of a training on {{where}} with {{now:recipe}}. {text} "
        "So the values do not show how the run was made. A metric of probabilities with all its digits in "
        "metrics.json, such as log_loss, would show it; so does a run made with week2kit train."
        for why, text in _SHOWS_LITTLE.items()
    },
    # the folder
    "partial.no_manifest": "{where}: it is not there. {partial}.",
    "partial.model": "{where} names a model ({recorded}), and the flat form of a config has no place for one: it "
    "always means a LogisticRegression with medians for missing numbers, one-hot texts and no scaling. So nothing "
    "was trained. Write a config in week2kit's own form that says the model, and train it with week2kit.",
    "partial.config": "config.json cannot be trained as it stands: {now:plain}",
    "partial.unnamed": "{it:unnamed}",
    "partial.named": "{where} leaves out {now:names}: whoever verified it named {now}, and nothing in the folder "
    "shows that it was made so.",
    "partial.unused": "{where}: not used, as it has no part in the training: {recorded}.",
    "partial.contradicts": "metrics.json gives {where} as {recorded}, and val_report.txt as {now}: one of them was "
    "edited, or is of another run.",
    "partial.report": "{where} was not compared with metrics.json: {now:plain}.",
    "partial.versions_unrecorded": Either(
        lambda finding: isinstance(finding.now, list) and finding.where in finding.now,
        'run_metadata.json says "missing" of {where}, so its version is not recorded. It imports as sklearn.',
        "versions are recorded ({recorded}), and that of {where} is not.",
    ),
    # the rerun
    "partial.nothing_compared": "{partial}, and metrics.json holds no metric that can be compared. Expected are "
    "numbers under names of scikit-learn's scorers, such as accuracy and f1_macro.",
    "partial.rounded": "{where}: compared to the {now} decimals that were written ({recorded}).",
    "partial.report_row": "val_report.txt, {where}: recorded {recorded}, here {now}.",
    "partial.report_rows": "{where}: the numbers in its rows of classes are not those here{it:rows_alone}.",
    "partial.report_names": "{where}: {it:more} have no row of that name here; the numbers of every class that has "
    "validation rows agree, whatever it is called.",
    "partial.report_alone": "{where}: {it:more} have no row of that name here, and were not compared.",
    "partial.not_compared": "{where}: {it:more} not compared: no number, or not the name of a scorer of scikit-learn "
    "that this model can give.",
    "partial.beyond": "{where}: {it:more} not compared: no share of rows is below 0 or above 1, as a percentage is.",
    "partial.undefined": "{where}: {it:more} not compared: NaN, infinity, or larger than every number is.",
    "partial.times": "{where}: {it:more} not compared: no training takes the same time again.",
    "partial.other_table": "{where}: here it gives {now}, and the record counts {recorded}: it is not the table that "
    "the run was trained on, unless its script left rows out or called the classes otherwise. Name the right one with "
    "--data.",
    "partial.other_split": "{where}: split as config.json says it gives {now}, and the record counts {recorded}: the "
    "run was split otherwise, was scored on rows that it was trained on, or this is another table. If so, name the "
    "right one with --data.",
    "partial.refused": "{where}: week2kit refuses this table: {now:plain} If the script trained on it all the same, "
    "mend a copy as the script did (a column left out, another name, rows left out) and name the copy with --data. "
    "Else name the right table.",
    # versions
    "environment.versions": "it came out again although other versions are here: {it:versions}.",
    "partial.python_instead": "for the recorded Python {recorded}, on which week2kit does not run, Python {now:minor} "
    "was taken: only the libraries are the recorded ones.",
    "stuck.python_too_old": "Python {now} could not be put back, as week2kit does not run on it. It takes the script "
    "itself, under that Python.",
    "partial.not_restored": "with the recorded versions ({recorded}) put back, it came out otherwise, too.",
}

_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "input_csv": ("the data file (input_csv)", "--data FILE"),
    "label_col": ("the label column (label_col)", "--target COLUMN"),
}


def _names(keys: object, joined: str = " and ") -> str:
    names = map(str, keys) if isinstance(keys, Iterable) else ()
    return joined.join(_NAMES[name][0] for name in names if name in _NAMES)


def _unnamed(finding: Finding) -> str:
    """Why a config without data or label cannot be trained, and what would help."""
    keys = [key for key in map(str, finding.now) if key in _NAMES] if isinstance(finding.now, list) else []
    names = "names neither" if len(keys) > 1 else "does not name"
    flags = " ".join(_NAMES[key][1] for key in keys)
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


def _rows_alone(finding: Finding) -> str:
    sides = [
        f"{shown(side)} only {place}" for side, place in ((finding.recorded, "there"), (finding.now, "here")) if side
    ]
    return f" (of that name: {'; '.join(sides)})" if sides else ""


def _versions(finding: Finding) -> str:
    """Each version that is here, and the one that is recorded."""
    recorded = finding.recorded if isinstance(finding.recorded, Mapping) else {}
    return ", ".join(
        f"{clean(str(name), 40)} {shown(part(finding.now, name))} (recorded {shown(recorded[name])})"
        for name in sorted(recorded)
    )


def _minor(version: object) -> str:
    return ".".join(clean(str(version), 40).split(".")[:2])


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
    "recipe": _recipe,
    "rows_alone": _rows_alone,
    "rows_of_labels": _rows_of_labels,
    "unnamed": _unnamed,
    "versions": _versions,
}
