"""The next experiment: one change, its reason from the evidence, and the command that makes it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from week2kit.comparison import ABSENT, SELECTION, Statement, advantage, metric_names, primary_metric
from week2kit.reporting.interpretation import beats_dummy, gap, learnt_little
from week2kit.reporting.noise import Named
from week2kit.reporting.values import Comparison, Proposal, RunRow, Setback
from week2kit.schema.manifest import CompletedRun
from week2kit.thresholds import BALANCE_GAP, GAP


class Candidate(NamedTuple):
    """A completed run that the next experiment may start from."""

    row: RunRow
    run: CompletedRun

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved config."""
        return self.run.inputs.config.resolved or {}

    @property
    def named(self) -> Named:
        """The run under its name in the report."""
        return Named(self.row.name, self.run, self.row.path)

    @property
    def split(self) -> dict[str, Any]:
        """How the config splits the rows."""
        split = self.config.get("split")
        return dict(split) if isinstance(split, Mapping) else {}

    def params(self) -> Mapping[str, Any]:
        """The parameters that the config gives to the model."""
        model = self.config.get("model")
        params = model.get("params") if isinstance(model, Mapping) else None
        return params if isinstance(params, Mapping) else {}

    def train(self, *assignments: tuple[str, object], seed: int | None = None) -> str:
        """The command that trains this run's config again with other values."""
        words = ["week2kit", "train", f"{self.row.path}/config.json"]
        for key, value in assignments:
            words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
        return shlex.join(words if seed is None else [*words, "--seed", str(seed)])


def propose(
    baseline: Candidate | None, variants: Sequence[tuple[Candidate, Comparison]], setbacks: Sequence[Setback]
) -> Proposal:
    """The most useful next step: first what makes the comparison valid, then what makes the model better.

    The model steps start from the best run that is comparable with the baseline.
    """
    if baseline is None:
        return _first_run(setbacks)
    for candidate, comparison in variants:
        if valid := _make_valid(baseline, candidate, comparison):
            return valid
    best = _best(baseline, variants)
    for rule in (_converge, _beat_the_dummy, _fit_more, _fit_less, _balance):
        if better := rule(best):
            return better
    return _measure_spread(baseline, best, variants) if variants else _second_run(baseline)


def _first_run(setbacks: Sequence[Setback]) -> Proposal:
    if not setbacks:
        return Proposal(Statement("next.no_run"), Statement("next.train"), ("week2kit train config.json",))
    first = setbacks[0]
    code = "next.repair" if first.kind == "failed" else "next.run_again"
    command = shlex.join(["week2kit", "train", f"{first.run.path}/config.json"])
    return Proposal(Statement("next.none_completed"), Statement(code, {"run": first.run.name}), (command,))


def _best(baseline: Candidate, variants: Sequence[tuple[Candidate, Comparison]]) -> Candidate:
    name, best = primary_metric(baseline.run), baseline
    for candidate, comparison in variants:
        if comparison.obstacles:
            continue
        if advantage(best.run.outcome.metrics[name], candidate.run.outcome.metrics[name]) > 0:
            best = candidate
    return best


# --- make the comparison valid ----------------------------------------------------------------------------------


def _make_valid(baseline: Candidate, variant: Candidate, comparison: Comparison) -> Proposal | None:
    values = {"baseline": baseline.row.name, "variant": variant.row.name}
    codes = {statement.code for statement in comparison.obstacles}
    if comparison.obstacles:
        if codes <= {"split.follows_seed", "split.config_differs", "split.differs"}:
            split = _same_split(baseline, variant)
            return Proposal(
                Statement("next.other_rows", values), Statement("next.same_split", values), (variant.train(split),)
            )
        if codes == {"metric.missing"}:
            command = variant.train(("metrics", metric_names(baseline.run)))
            return Proposal(Statement("next.other_metric", values), Statement("next.same_metrics", values), (command,))
        return Proposal(Statement("next.other_question", values), Statement("next.one_question", values), ())
    if len(comparison.things) > 1:
        return _separate(baseline, comparison, values)
    return None


def _same_split(baseline: Candidate, variant: Candidate) -> tuple[str, object]:
    """The baseline's split with its random_state fixed to what it was, so that it no longer follows the seed."""
    split, other = baseline.split, variant.split
    if split.get("method") != "time_series" and split.get("shuffle") is not False:
        split.setdefault("random_state", baseline.run.inputs.seed.value)
        if {**other, "random_state": split["random_state"]} == split:
            return "split.random_state", split["random_state"]
    return "split", split


def _separate(baseline: Candidate, comparison: Comparison, values: dict[str, Any]) -> Proposal:
    """One run with only one of the changes: a config key where there is one, because a command can set it.

    Not one that selects columns: the recorded config also names the columns in its preprocessing.
    """
    reason = Statement("next.several", values | {"things": comparison.things})
    keys = [c for c in comparison.changes if c.input == "config" and c.variant is not ABSENT and c.key not in SELECTION]
    if keys:
        proposal = Statement("next.only_key", values | {"key": keys[0].key})
        return Proposal(reason, proposal, (baseline.train((keys[0].key, keys[0].variant)),))
    seed = next((change for change in comparison.changes if change.input == "seed"), None)
    if seed is not None:
        proposal = Statement("next.only_key", values | {"key": "seed"})
        return Proposal(reason, proposal, (baseline.train(seed=seed.variant),))
    return Proposal(reason, Statement("next.only_one", values), (baseline.train(),))


# --- make the model better --------------------------------------------------------------------------------------


class _Knob(NamedTuple):
    """The parameter that ties a model down: its default, and the factor for one step towards a simpler model."""

    key: str
    default: float | None
    factor: float
    without: int | None = None
    """What to start with where the default is no limit at all."""

    def turned(self, params: Mapping[str, Any], *, simpler: bool) -> float | None:
        value = params.get(self.key, self.default)
        if value is None:
            return self.without if simpler else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        new = value * self.factor if simpler else value / self.factor
        if isinstance(value, int) and isinstance(self.default, int | None):
            return max(round(new), 1) if max(round(new), 1) != value else None
        return float(f"{new:.6g}")


_DEPTH: Final = _Knob("max_depth", None, 0.5, without=4)
_LEAF: Final = _Knob("min_samples_leaf", 1, 5)
_C: Final = _Knob("C", 1.0, 0.1)
_ALPHA: Final = _Knob("alpha", 1.0, 10)
_KNOBS: Final[Mapping[str, _Knob]] = {
    "DecisionTreeClassifier": _DEPTH,
    "DecisionTreeRegressor": _DEPTH,
    "ExtraTreesClassifier": _LEAF,
    "ExtraTreesRegressor": _LEAF,
    "GradientBoostingClassifier": _Knob("max_depth", 3, 0.5),
    "GradientBoostingRegressor": _Knob("max_depth", 3, 0.5),
    "HistGradientBoostingClassifier": _Knob("max_leaf_nodes", 31, 0.5),
    "HistGradientBoostingRegressor": _Knob("max_leaf_nodes", 31, 0.5),
    "KNeighborsClassifier": _Knob("n_neighbors", 5, 3),
    "KNeighborsRegressor": _Knob("n_neighbors", 5, 3),
    "Lasso": _ALPHA,
    "LinearSVC": _C,
    "LogisticRegression": _C,
    "MLPClassifier": _Knob("alpha", 0.0001, 10),
    "MLPRegressor": _Knob("alpha", 0.0001, 10),
    "RandomForestClassifier": _LEAF,
    "RandomForestRegressor": _LEAF,
    "Ridge": _ALPHA,
    "RidgeClassifier": _ALPHA,
    "SVC": _C,
    "SVR": _C,
}

#: Models whose classes can be weighted by one parameter.
_WEIGHTED: Final = frozenset(
    {
        "DecisionTreeClassifier",
        "ExtraTreesClassifier",
        "HistGradientBoostingClassifier",
        "LinearSVC",
        "LogisticRegression",
        "RandomForestClassifier",
        "RidgeClassifier",
        "SGDClassifier",
        "SVC",
    }
)
#: What the config's "auto" consists of: a preprocessing of nothing else can be replaced by "auto-scaled".
_AUTO: Final = frozenset({"SimpleImputer", "OneHotEncoder"})
_MORE_ITERATIONS: Final = 4


def _model(candidate: Candidate) -> str:
    model = candidate.config.get("model")
    name = model.get("class") if isinstance(model, Mapping) else None
    return str(name).rpartition(".")[2]


def _converge(best: Candidate) -> Proposal | None:
    if best.run.outcome.model.converged is not False:
        return None
    reason = Statement("next.not_converged", {"run": best.row.name})
    if _classes(best.config.get("preprocess")) <= _AUTO:
        return Proposal(reason, Statement("next.scale"), (best.train(("preprocess", "auto-scaled")),))
    n_iter = best.run.outcome.model.n_iter
    now = best.params().get("max_iter", max(n_iter) if n_iter else None)
    if isinstance(now, bool) or not isinstance(now, int) or now < 1:
        return Proposal(reason, Statement("next.iterate_somehow"), ())
    more = now * _MORE_ITERATIONS
    command = best.train(("model.params.max_iter", more))
    return Proposal(reason, Statement("next.iterate", {"before": now, "after": more}), (command,))


def _classes(value: object) -> set[str]:
    """The names of all classes in a preprocessing."""
    if isinstance(value, list):
        return {name for item in value for name in _classes(item)}
    if isinstance(value, Mapping):
        own = {str(value["class"]).rpartition(".")[2]} if "class" in value else set()
        return own | _classes(value.get("steps"))
    return set()


def _beat_the_dummy(best: Candidate) -> Proposal | None:
    if beats_dummy(best.run) or (gap(best.run) or 0.0) >= GAP:
        return None
    return Proposal(
        Statement("next.no_better_than_dummy", {"run": best.row.name}), Statement("next.other_model"), (_forest(best),)
    )


def _forest(best: Candidate) -> str:
    kind = "Classifier" if best.run.outcome.task == "classification" else "Regressor"
    other = "HistGradientBoosting" if _model(best).startswith("RandomForest") else "RandomForest"
    return best.train(("model", {"class": f"sklearn.ensemble.{other}{kind}"}))


def _fit_more(best: Candidate) -> Proposal | None:
    if not learnt_little(best.run):
        return None
    return _turn(best, simpler=False, reason="next.underfitting") or Proposal(
        Statement("next.underfitting", {"run": best.row.name}), Statement("next.other_model"), (_forest(best),)
    )


def _fit_less(best: Candidate) -> Proposal | None:
    difference = gap(best.run)
    if difference is None or difference < GAP:
        return None
    return _turn(best, simpler=True, reason="next.overfitting") or Proposal(
        Statement("next.overfitting", {"run": best.row.name, "gap": difference}),
        Statement("next.learning_curve"),
        (best.train(("learning_curve", True)),),
    )


def _turn(best: Candidate, *, simpler: bool, reason: str) -> Proposal | None:
    knob = _KNOBS.get(_model(best))
    new = knob.turned(best.params(), simpler=simpler) if knob else None
    if knob is None or new is None:
        return None
    key = f"model.params.{knob.key}"
    before = best.params().get(knob.key, ABSENT)
    values = {"key": key, "before": before, "after": new}
    command = best.train((key, new))
    gap_now = gap(best.run)
    code = "next.simpler" if simpler else "next.more_flexible"
    return Proposal(Statement(reason, {"run": best.row.name, "gap": gap_now}), Statement(code, values), (command,))


def _balance(best: Candidate) -> Proposal | None:
    metrics = best.run.outcome.metrics
    if "accuracy" not in metrics or "f1_macro" not in metrics or _model(best) not in _WEIGHTED:
        return None
    accuracy, balanced = metrics["accuracy"].value, metrics["f1_macro"].value
    if accuracy - balanced < BALANCE_GAP or best.params().get("class_weight") is not None:
        return None
    values = {"run": best.row.name, "accuracy": accuracy, "f1_macro": balanced}
    command = best.train(("model.params.class_weight", "balanced"))
    return Proposal(Statement("next.imbalance", values), Statement("next.weight_classes"), (command,))


# --- measure the spread -----------------------------------------------------------------------------------------


def _second_run(baseline: Candidate) -> Proposal:
    """One run, and nothing wrong with it: one change makes a comparison."""
    return _turn(baseline, simpler=False, reason="next.single") or Proposal(
        Statement("next.single"), Statement("next.other_class"), (_forest(baseline),)
    )


def _measure_spread(baseline: Candidate, best: Candidate, variants: Sequence[tuple[Candidate, Comparison]]) -> Proposal:
    """Nothing is wrong with the models: what is missing is how much the score moves by chance."""
    split = best.run.outcome.split
    runs = [baseline, *(candidate for candidate, _ in variants[:1])]
    if split.method == "holdout":
        rows = sum(fold.n_val for fold in split.folds)
        folds = _folds(best)
        reason = Statement("next.one_split", {"rows": rows})
        commands = tuple(candidate.train(("split", folds)) for candidate in runs)
        return Proposal(reason, Statement("next.cross_validate", {"folds": folds["n_splits"]}), commands)
    seed = best.run.inputs.seed.value + 1
    reason = Statement("next.one_seed", {"seed": best.run.inputs.seed.value})
    commands = tuple(candidate.train(seed=seed % 2**32) for candidate in runs)
    return Proposal(reason, Statement("next.another_seed"), commands)


def _folds(best: Candidate) -> dict[str, Any]:
    """Five folds that keep what the holdout promised: groups stay together, the order of time is kept."""
    split = best.split
    if split.get("shuffle") is False:
        return {"method": "time_series", "n_splits": 5}
    kept = {key: split[key] for key in ("groups", "random_state") if split.get(key) is not None}
    return {"method": "kfold", "n_splits": 5, **kept}
