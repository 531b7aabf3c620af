"""Class weights: which class a key of ``class_weight`` means.

The keys of a JSON or TOML object are always texts, and a model is fitted on labels: numbers, truth values or texts. A
key means the class that it spells. An estimator inside a bagging, a vote, a stack or one of scikit-learn's ways to make
many classes of two is not given the labels; a key means there what it means in a script, the class as it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from week2kit.canonical import clean, label_text, same_to_the_eye
from week2kit.refusals import listed, told_apart

#: What scikit-learn, LightGBM and CatBoost call it.
_NAMES: Final = frozenset({"class_weight", "class_weights"})

#: What fits the estimators inside it on the positions of the sorted classes.
_BY_POSITION: Final = frozenset(
    {"BaggingClassifier", "GradientBoostingClassifier", "StackingClassifier", "VotingClassifier"}
)
#: What fits the estimators inside it on two classes at a time: 1 is the one, 0 (or -1) the rest or the other.
_BY_PAIRS: Final[Mapping[str, Sequence[int]]] = {
    "OneVsOneClassifier": (0, 1),
    "OneVsRestClassifier": (0, 1),
    "OutputCodeClassifier": (-1, 0, 1),
}


@dataclass(frozen=True)
class Given:
    """The classes that an estimator is fitted on; `within` is what gives them, where they are not the target's own."""

    labels: Sequence[Any]
    within: str = ""

    def inside(self, kind: type) -> Given:
        """What the estimators among the parameters of a class are fitted on."""
        names = {base.__name__ for base in kind.__mro__}
        if names & _BY_POSITION:
            return Given(range(len(self.labels)), kind.__name__)
        pairs = next((labels for name, labels in _BY_PAIRS.items() if name in names), None)
        return self if pairs is None else Given(pairs, kind.__name__)

    def translated(self, value: Any, place: str, problems: list[str]) -> Any:
        """What a ``class_weight`` at `place` means: an object with the classes for keys, alone or in lists."""
        if isinstance(value, list):
            return [self.translated(item, f"{place}.{i}", problems) for i, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        meant: dict[Any, str] = {}
        weights, unknown = {}, []
        for key, weight in value.items():
            found = next((label for label in self.labels if _spells(key, label)), None)
            if found is None:
                unknown.append(key)
            elif found in meant:
                problems.append(f'{place}: "{clean(meant[found], 60)}" and "{clean(key, 60)}" mean the same class')
            else:
                meant[found] = key
                weights[int(found) if isinstance(found, bool) else found] = (
                    weight  # true and false are fitted as 1 and 0
                )
        if unknown and len(meant) == len(self.labels) and all(isinstance(label, str) for label in self.labels):
            return value  # a script may weigh a class that these rows lack, and gives this model
        problems.extend(f'{place}: "{clean(key, 60)}" is {self._not_among(key)}' for key in unknown)
        return weights

    def _not_among(self, key: str) -> str:
        texts = [label_text(label) for label in self.labels]
        if self.within:
            return f"no class: within {self.within} the classes are numbered, {listed(texts)}"
        alike = same_to_the_eye(key, texts)
        hint = f"; {told_apart(key, alike)}" if alike is not None else ""
        return f"none of the classes {listed(texts)}{hint}"


def is_class_weight(name: str) -> bool:
    """Whether a parameter, also one of an estimator further inside (``model__class_weight``), weighs classes."""
    return name.rpartition("__")[2] in _NAMES


def of_grid(grid: Any, estimator: Any, given: Given, place: str, problems: list[str]) -> Any:
    """A search's grid, or a list of them, in which the class weights to be tried have classes for keys.

    Args:
        grid: the parameter of the search.
        estimator: what the search fits.
        given: what it is fitted on.
        place: the dotted path of the grid.
        problems: gets what is wrong.
    """
    if isinstance(grid, list):
        return [of_grid(one, estimator, given, f"{place}.{i}", problems) for i, one in enumerate(grid)]
    if not isinstance(grid, dict):
        return grid
    result = dict(grid)
    for key, tried in grid.items():
        if is_class_weight(key) and isinstance(tried, list):
            inner = _given_at(key, estimator, given)
            result[key] = inner.translated(tried, f"{place}.{clean(key)}", problems)
    return result


def _given_at(key: str, estimator: Any, given: Given) -> Given:
    """What the estimator that a key of a grid leads to is fitted on."""
    for outer in _passed(key, estimator):
        given = given.inside(type(outer))
    return given


def _passed(key: str, estimator: Any) -> Iterator[Any]:
    """The estimators that hold the one of a grid's key, from outside."""
    for name in key.split("__")[:-1]:
        if estimator is None or not hasattr(estimator, "get_params"):
            return
        yield estimator
        estimator = estimator.get_params().get(name)


_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def _spells(key: str, label: Any) -> bool:
    """Whether a key means a label: its text, true and false as JSON or Python write them, an equal number."""
    if isinstance(label, str):
        return key == label
    if isinstance(label, bool) and key.lower() in ("true", "false"):
        return label is (key.lower() == "true")
    if not _NUMBER.fullmatch(key):
        return False
    return bool((int(key) if key.lstrip("+-").isdecimal() else float(key)) == label)
