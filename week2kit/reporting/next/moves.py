"""What can be tried next: each move is one change of a run, and what its outcome would mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from week2kit.inputs.changes import Statement, primary_metric, repeats_vary
from week2kit.inputs.leaves import ABSENT
from week2kit.reporting.next.experiments import Candidate, Step
from week2kit.reporting.values import Experiment
from week2kit.thresholds import FEW_ROWS, MANY_TRAININGS, SUGGESTED_REPEATS


class Move(NamedTuple):
    """What to try, how to read what comes of it, and the runs to train."""

    proposal: Statement
    reading: Statement | None = None
    experiments: tuple[Experiment, ...] = ()


def move(runs: Sequence[Candidate], step: Step, code: str, reading: str, **values: Any) -> Move:
    """The same step from each of these runs; `values` are those of both sentences."""
    found = tuple(run.but(step) for run in runs)
    return Move(Statement(f"next.{code}", values), Statement(f"reading.{reading}", values), found)


# --- leaks ------------------------------------------------------------------------------------------------------


def without(run: Candidate, features: Sequence[str]) -> Move:
    """The run again without these features, in the data and in the groups of its preprocessing."""
    told: dict[str, Any] = {"features": list(features)}
    data, key = run.config.get("data"), "drop"
    left: list[Any] = [*features]
    if isinstance(data, Mapping) and isinstance(data.get("features"), list):
        key, left = "features", [name for name in data["features"] if name not in features]
    elif isinstance(data, Mapping) and isinstance(data.get("drop"), list):
        left = [*data["drop"], *features]
    steps = [Step(f"data.{key}", left)]
    groups = run.config.get("preprocess")
    if isinstance(groups, list) and any(isinstance(group, Mapping) and "columns" in group for group in groups):
        steps.append(Step("preprocess", _without_columns(groups, features)))
    if key == "features" and not left:
        return Move(Statement("next.drop_leak", told))
    experiment = run.but(*steps)
    shown = tuple(change for change in experiment.changes if change.key != "preprocess")
    made = experiment._replace(changes=shown, command=None)
    return Move(Statement("next.drop_leak", told), Statement("reading.drop_leak"), (made,))


def _without_columns(groups: Sequence[Any], features: Sequence[str]) -> list[Any]:
    kept = []
    for group in groups:
        columns = group.get("columns")
        names = [columns] if isinstance(columns, str) else list(columns or ())
        if left := [name for name in names if name not in features]:
            kept.append({**group, "columns": columns if isinstance(columns, str) else left})
    return kept


# --- the model --------------------------------------------------------------------------------------------------


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
        value, real = params.get(self.key, self.default), isinstance(self.default, float)
        if value is None:
            return self.without if simpler else None
        if type(value) is not int and not (real and type(value) is float):  # a share, where the default is a count
            return None
        new = value * self.factor if simpler else value / self.factor
        if real:
            return float(f"{new:.6g}")
        return whole if (whole := max(round(new), self.least)) != value else None


_LEAF: Final = Knob("min_samples_leaf", 1, 5)
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
    **dict.fromkeys(("LinearSVC", "LogisticRegression", "SVC", "SVR"), Knob("C", 1.0, 0.1)),
    **dict.fromkeys(("Lasso", "Ridge", "RidgeClassifier"), Knob("alpha", 1.0, 10)),
}


def turn(run: Candidate, *, simpler: bool) -> Move | None:
    """The parameter that ties the model down, turned by one step; None where the model has none, or no step is left."""
    knob = KNOBS.get(run.model)
    new = knob and knob.turned(run.params, simpler=simpler)
    if knob is None or new is None:
        return None
    if knob.key == "n_neighbors" and new > min(fold.n_train for fold in run.run.outcome.split.folds):
        return None
    key, code = f"model.params.{knob.key}", "simpler" if simpler else "more_flexible"
    values = {"key": key, "before": run.params.get(knob.key, ABSENT), "after": new}
    return move([run], Step(key, new), code, code, metric=primary_metric(run.run), **values)


def other_model(run: Candidate, code: str = "other_model") -> Move:
    """A forest in place of the model, or another kind of forest."""
    name = primary_metric(run.run)
    kind = "Classifier" if run.run.outcome.task == "classification" else "Regressor"
    other = "ExtraTrees" if run.model.startswith("RandomForest") else "RandomForest"
    step = Step("model", {"class": f"sklearn.ensemble.{other}{kind}", "params": {}})
    return move([run], step, code, "other_model", metric=name, dummy=run.run.outcome.metrics[name].dummy)


#: What the config's "auto" consists of: a preprocessing of nothing else can be replaced by "auto-scaled".
_AUTO: Final = frozenset({"SimpleImputer", "OneHotEncoder"})
_MORE_ITERATIONS: Final = 4


def let_converge(run: Candidate) -> Move:
    """Numbers on one scale, or more iterations where the config or the record tells of how many."""
    if _classes(run.config.get("preprocess")) <= _AUTO:
        return move([run], Step("preprocess", "auto-scaled"), "scale", "converge")
    n_iter = run.run.outcome.model.n_iter
    now = run.params.get("max_iter", max(n_iter) if n_iter else None)
    if type(now) is not int or now < 1:
        return Move(Statement("next.iterate_somehow"), Statement("reading.converge"))
    more = now * _MORE_ITERATIONS
    return move([run], Step("model.params.max_iter", more), "iterate", "converge", before=now, after=more)


def _classes(value: object) -> set[str]:
    """The names of all classes in a preprocessing."""
    if isinstance(value, list):
        return {name for item in value for name in _classes(item)}
    if isinstance(value, Mapping):
        own = {str(value["class"]).rpartition(".")[2]} if "class" in value else set()
        return own | _classes(value.get("steps"))
    return set()


#: Models whose classes can be weighted by one parameter.
WEIGHTED: Final = frozenset(
    {f"{family}Classifier" for family in ("DecisionTree", "ExtraTrees", "HistGradientBoosting", "RandomForest")}
    | {"LinearSVC", "LogisticRegression", "RidgeClassifier", "SGDClassifier", "SVC"}
)


def weigh_classes(run: Candidate) -> Move | None:
    """Every class counts the same, where the model can do that and does not yet."""
    if run.model not in WEIGHTED or run.params.get("class_weight") is not None:
        return None
    return move([run], Step("model.params.class_weight", "balanced"), "weight_classes", "imbalance")


# --- the rows ---------------------------------------------------------------------------------------------------


def more_rows(run: Candidate, metric: str) -> Move | None:
    """Half as many rows to validate, or twice as many folds; None where a class might then be too small for it."""
    split, classes = run.split, max(2, len(run.run.outcome.classes or []))
    size, folds = split.get("test_size"), split.get("n_splits")
    if split.get("method") == "holdout" and isinstance(size, int | float) and not isinstance(size, bool):
        half = size // 2 if isinstance(size, int) else float(f"{size / 2:.6g}")
        key, code, before, after = "split.test_size", "smaller_test", size, half
        enough = run.run.outcome.split.folds[0].n_val >= 2 * classes
    elif split.get("method") == "kfold" and type(folds) is int and not split.get("groups"):
        key, code, before, after = "split.n_splits", "more_folds", folds, 2 * folds
        enough = 2 * folds * classes <= run.run.inputs.data.rows
    else:
        return None
    if not enough:
        return None
    return move([run], Step(key, after), code, "more_rows", metric=metric, before=before, after=after)


def repeat(runs: Sequence[Candidate], reading: str, **values: Any) -> Move:
    """The same with the next seeds, too."""
    count = SUGGESTED_REPEATS
    return move(runs, Step("repeats", count), "repeat", reading, repeats=count, **values)


def less_noise(runs: Sequence[Candidate], **values: Any) -> Move | None:
    """More trainings, or more rows to validate on, for all runs alike."""
    found = tuple(run.but(step) for run in runs if (step := _less_noise(run)) is not None)
    if len(found) < len(runs):
        return None
    first = found[0].changes[0]
    proposal = Statement(f"next.less_noise_{first.key.rpartition('.')[2]}", {"after": first.variant})
    return Move(proposal, Statement("reading.less_noise", values), found)


def _less_noise(run: Candidate) -> Step | None:
    split, repeats, n_repeats = run.split, run.config.get("repeats"), run.split.get("n_repeats", 1)
    if split.get("method") == "kfold" and split.get("shuffle") and not split.get("groups"):
        return Step("split.n_repeats", 5 * n_repeats) if type(n_repeats) is int and n_repeats < MANY_TRAININGS else None
    if type(repeats) is int and 0 < repeats < MANY_TRAININGS and repeats_vary(run.config)[0]:
        return Step("repeats", 4 * repeats)
    size, fold = split.get("test_size"), run.run.outcome.split.folds[0]
    if type(size) is float and size <= 0.25 and fold.n_train > 2 * FEW_ROWS:
        return Step("split.test_size", float(f"{2 * size:.6g}"))
    return None
