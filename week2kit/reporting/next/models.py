"""What a model can be changed by: the one parameter that ties each down, and the classes whose rows it can weigh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Knob(NamedTuple):
    """The parameter that ties a model down: its default, and the factor for one step towards a simpler model."""

    key: str
    default: float | None
    factor: float
    without: int | None = None
    """What to start with where the default is no limit at all."""
    least: int = 1

    def turned(self, params: Mapping[str, Any], *, simpler: bool) -> float | None:
        """The value one step further; None where the given one cannot be turned, or no step is left."""
        value = params.get(self.key, self.default)
        if value is None:
            return self.without if simpler else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        new = value * self.factor if simpler else value / self.factor
        if isinstance(self.default, float):
            return float(f"{new:.6g}")
        if isinstance(value, float):
            return None  # a share, where the default is a count
        return max(round(new), self.least) if max(round(new), self.least) != value else None


_LEAF: Final = Knob("min_samples_leaf", 1, 5)
_C: Final = Knob("C", 1.0, 0.1)
_ALPHA: Final = Knob("alpha", 1.0, 10)
#: Models that there are as a classifier and as a regressor.
_FAMILIES: Final[Mapping[str, Knob]] = {
    "DecisionTree": Knob("max_depth", None, 0.5, without=4),
    "ExtraTrees": _LEAF,
    "GradientBoosting": Knob("max_depth", 3, 0.5),
    "HistGradientBoosting": Knob("max_leaf_nodes", 31, 0.5, least=2),
    "KNeighbors": Knob("n_neighbors", 5, 3),
    "MLP": Knob("alpha", 0.0001, 10),
    "RandomForest": _LEAF,
}
#: The parameter that is turned, by the model's class without its module.
KNOBS: Final[Mapping[str, Knob]] = {
    **{f"{family}{kind}": knob for family, knob in _FAMILIES.items() for kind in ("Classifier", "Regressor")},
    **dict.fromkeys(("LinearSVC", "LogisticRegression", "SVC", "SVR"), _C),
    **dict.fromkeys(("Lasso", "Ridge", "RidgeClassifier"), _ALPHA),
}

#: Models whose classes can be weighted by one parameter.
WEIGHTED: Final = frozenset(
    {f"{family}Classifier" for family in ("DecisionTree", "ExtraTrees", "HistGradientBoosting", "RandomForest")}
    | {"LinearSVC", "LogisticRegression", "RidgeClassifier", "SGDClassifier", "SVC"}
)
