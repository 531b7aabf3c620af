"""The recipes that a script of a course may have followed, beside the one that the flat form of a config means.

A flat config names data, split and iterations, and neither model nor preprocessing. Numbers that several recipes reach
do not show which of them the script followed, so the usual other ones are trained, too, and held against the record.

How often that matters was counted in 220 holdouts of iris, wine, breast_cancer and penguins (some with fewer columns),
30 to 171 validation rows, against 23 to 25 other models each, with the same seed and with another:

| what is recorded | other models that give it | ... where every recipe here gives another label in two rows or more |
|---|---|---|
| accuracy alone | 1,045 of 5,260 | 1 |
| accuracy and f1_macro, two decimals | 935 | 2 |
| accuracy and f1_macro, all digits or four | 664 | 1 |
| the table of errors, as a report has it | 640 | 0 (at most 0.06 %, with 95 % confidence) |

34 of the 220 were saturated, and are counted as given by none. The flat form itself passes in 8, which is right: on
these tables the labels do not show who gave them. Other settings of the same model (C, class weights, another scaling)
give the same table of errors in 440 of 1,540, and in 4 of them after that. A loss of probabilities tells them apart,
unless a setting changes nothing, as weights of classes of one size do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from week2kit.record.manifest import Data
from week2kit.thresholds import QUADRATIC_ROWS


class Recipe(NamedTuple):
    """Another way to get from the same rows to predictions.

    Attributes:
        name: how a sentence calls it.
        config: the keys of the config that are others.
        is_linear: whether its fit takes time in proportion to the rows, or little more.
    """

    name: str
    config: Mapping[str, Any]
    is_linear: bool = True


def _model(
    name: str, class_: str, params: Mapping[str, Any] | None = None, *, scaled: bool = False, is_linear: bool = True
) -> Recipe:
    preprocess = {"preprocess": "auto-scaled"} if scaled else {}
    model = {"class": f"sklearn.{class_}", "params": {**(params or {})}}
    return Recipe(name, {"model": model, **preprocess}, is_linear)


#: The usual ones; first those that are most often as good as the same, as one of them is enough.
_USUAL: Final = (
    Recipe("LogisticRegression on scaled columns", {"preprocess": "auto-scaled"}),
    _model("LinearDiscriminantAnalysis", "discriminant_analysis.LinearDiscriminantAnalysis"),
    # on columns that are not scaled it may go on for hours
    _model("a linear SVC", "svm.SVC", {"kernel": "linear", "max_iter": 100_000}, is_linear=False),
    _model("SVC on scaled columns", "svm.SVC", scaled=True, is_linear=False),
    _model("RidgeClassifier", "linear_model.RidgeClassifier"),
    _model("KNeighborsClassifier on scaled columns", "neighbors.KNeighborsClassifier", scaled=True, is_linear=False),
    _model("GaussianNB", "naive_bayes.GaussianNB"),
    _model("SVC", "svm.SVC", is_linear=False),
    _model("KNeighborsClassifier", "neighbors.KNeighborsClassifier", is_linear=False),
    _model("DecisionTreeClassifier", "tree.DecisionTreeClassifier"),
    _model("RandomForestClassifier", "ensemble.RandomForestClassifier"),
    _model("ExtraTreesClassifier", "ensemble.ExtraTreesClassifier"),
)


def other_recipes(config: Mapping[str, Any], n_train: int, data: Data) -> dict[str, dict[str, Any]]:
    """The recipes that are tried against a record whose numbers came out of `config`: by name, the whole config.

    On very many rows only those whose fit takes time in proportion to them: there, others seldom reach every label.
    """
    features = [column for column in data.columns if column.role == "feature"]
    texts = [column.name for column in features if column.kind == "text"]
    alone = {"data": {**config["data"], "drop": texts}}
    fewer = [Recipe("LogisticRegression on the numbers alone", alone)] if 0 < len(texts) < len(features) else []
    tried = (recipe for recipe in (*fewer, *_USUAL) if recipe.is_linear or n_train <= QUADRATIC_ROWS)
    return {recipe.name: {**config, **recipe.config} for recipe in tried}
