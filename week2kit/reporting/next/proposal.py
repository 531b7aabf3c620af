"""The next experiment: one change, its reason from the evidence, and what each outcome of it would mean."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from week2kit.errors import is_from_outside
from week2kit.inputs.changes import (
    SELECTION,
    Change,
    Statement,
    advantage,
    is_interpretable,
    primary_metric,
    repeats_vary,
)
from week2kit.inputs.leaves import ABSENT
from week2kit.privacy import shown_path
from week2kit.record.manifest import FailedRun
from week2kit.record.store import Run
from week2kit.reporting.interpretation import beats_dummy, gap, learnt_little
from week2kit.reporting.next.experiments import Candidate, Step, again, following, made_by, named
from week2kit.reporting.next.models import KNOBS, WEIGHTED
from week2kit.reporting.noise.seeds import spread
from week2kit.reporting.values import Comparison, Curve, Experiment, Proposal, Setback
from week2kit.scales import is_bounded
from week2kit.thresholds import (
    BALANCE_GAP,
    CURVE_GAIN,
    FEW_ROWS,
    GAP,
    MANY_TRAININGS,
    PROPOSED_RUNS,
    SUGGESTED_REPEATS,
)

Variants: TypeAlias = Sequence[tuple[Candidate, Comparison]]


def propose(baseline: Candidate, variants: Variants, curves: Sequence[Curve], runs: Sequence[Run]) -> Proposal:
    """The most useful next step: first what makes the comparison valid, then the model, then the noise.

    The model steps start from the best run that is comparable with the baseline. What one of `runs` already did is not
    proposed again.
    """
    comparable = [pair for pair in variants if not pair[1].obstacles]
    best = _best(baseline, comparable)
    everyone = [baseline, *(candidate for candidate, _ in comparable)]
    rules: list[Callable[[], Proposal | None]] = [
        *(partial(_make_valid, baseline, candidate, comparison) for candidate, comparison in variants),
        lambda: _define(best),
        lambda: _converge(best),
        lambda: _beat_the_dummy(best, everyone),
        lambda: _fit_more(best),
        lambda: _fit_less(best),
        lambda: _balance(best),
        lambda: _more_rows(best, curves),
        lambda: _measure_noise(baseline, best, comparable),
        lambda: _try_other_rows(best),
    ]
    candidates = [baseline, *(candidate for candidate, _ in variants)]
    found = (new for rule in rules if (one := rule()) is not None and (new := _not_made(one, candidates, runs)))
    return next(found, None) or _judged(_change_one_thing(best, compared=bool(comparable)), {}, candidates, runs)


def _not_made(proposal: Proposal, candidates: Sequence[Candidate], runs: Sequence[Run]) -> Proposal | None:
    """A proposal without the experiments that were made already; None where nothing is left of it."""
    found = ((index, made_by(one, runs)) for index, one in enumerate(proposal.experiments))
    made = {index: run for index, run in found if run is not None}
    if made and len(made) == len(proposal.experiments):
        return None
    return _judged(proposal, made, candidates, runs)


def _judged(
    proposal: Proposal, made: Mapping[int, Run], candidates: Sequence[Candidate], runs: Sequence[Run]
) -> Proposal:
    """What is left of a proposal, its runs named, with the command that compares them once they are trained.

    Where the same is changed in several runs, these are compared with each other, or else with what they came from.

    Args:
        proposal: all of its experiments.
        made: the runs that made some of them already, by their place.
        candidates: the baseline and its variants.
        runs: all runs, whose names are taken.
    """
    if not proposal.experiments:
        return proposal
    every = list(enumerate(proposal.experiments))
    left = named([one for index, one in every if index not in made], runs)
    names = iter(left)
    new = [shown_path(made[index].path) if index in made else f"runs/{next(names).name}" for index, _ in every]
    paths = {candidate.row.name: candidate.row.path for candidate in candidates}
    bases = {one.base for one in proposal.experiments}
    shown = [*(paths[base] for base in bases if len(bases) == 1), *new]
    if proposal.proposal.code == "next.same_here":
        shown.append(paths[proposal.proposal.values["variant"]])
    return proposal._replace(experiments=left, judge=shlex.join(["week2kit", "report", *shown, "--only-named"]))


def propose_first(setbacks: Sequence[Setback], run: Run | None, runs: Sequence[Run]) -> Proposal:
    """What to do where no run completed.

    Args:
        setbacks: how the runs failed.
        run: the run of the first of them.
        runs: all runs, whose names are taken.
    """
    if not setbacks or run is None:
        return _proposal(Statement("next.no_run"), Statement("next.train"), None)
    name, manifest = setbacks[0].run.name, run.manifest
    if isinstance(manifest, FailedRun) and not is_from_outside(manifest.failure.error):
        repair = Statement("next.repair", {"run": name})
        return _proposal(Statement("next.none_completed"), repair, None)
    same = again(run, setbacks[0].run)
    found = named([] if same is None else [same], runs)
    return _proposal(Statement("next.none_completed"), Statement("next.run_again", {"run": name}), None, *found)


def _proposal(reason: Statement, proposal: Statement, reading: Statement | None, *found: Experiment) -> Proposal:
    return Proposal(reason, proposal, reading, found)


def _best(baseline: Candidate, comparable: Variants) -> Candidate:
    name, best = primary_metric(baseline.run), baseline
    for candidate, _ in comparable:
        if (advantage(best.run.outcome.metrics[name], candidate.run.outcome.metrics[name]) or 0.0) > 0:
            best = candidate
    return best


# --- make the comparison valid ----------------------------------------------------------------------------------


def _make_valid(baseline: Candidate, variant: Candidate, comparison: Comparison) -> Proposal | None:
    """The runs that would separate what changed; None where nothing is to be separated."""
    obstacles = {statement.code for statement in comparison.obstacles}
    if not obstacles and len(comparison.things) < 2:
        return None
    values: dict[str, Any] = {"baseline": baseline.row.name, "variant": variant.row.name, "things": comparison.things}
    reason = Statement(_why_not_valid(obstacles, baseline, variant), values)
    if reason.code == "next.other_question":
        return _proposal(reason, Statement("next.one_question", values), None)
    if others := [thing for thing in comparison.things if thing in _NOT_SET]:
        told = values | {"others": others}
        return _proposal(
            reason, Statement("next.same_here", told), Statement("reading.same_here", told), baseline.but()
        )
    found = _separated(baseline, variant, comparison)
    if not found:
        return None
    reading = "reading.separate" if len(found) > 1 else "reading.one_cause"
    told = values | {"metric": primary_metric(baseline.run)}
    return _proposal(reason, Statement("next.separate", values), Statement(reading, told), *found)


#: Inputs that no config sets: they are whatever they are here and now, so the baseline is what must be trained again.
_NOT_SET: Final = ("code", "data", "environment")


def _why_not_valid(obstacles: set[str], baseline: Candidate, variant: Candidate) -> str:
    if not obstacles:
        return "next.several"
    if all(code.startswith("split.") for code in obstacles):
        return "next.other_rows"
    if obstacles == {"metric.missing"}:
        return "next.other_metric"
    same_place = baseline.run.inputs.data.path == variant.run.inputs.data.path
    only_data = all(code.startswith(("data.", "split.")) for code in obstacles)
    return "next.other_data" if same_place and only_data else "next.other_question"


def _separated(baseline: Candidate, variant: Candidate, comparison: Comparison) -> list[Experiment]:
    """One run for each thing that changed, each with that one change against the baseline, on the baseline's rows."""
    found: list[Experiment] = []
    for thing in comparison.things:
        if len(found) == PROPOSED_RUNS:
            break
        change = next(change for change in comparison.changes if thing in (change.input, change.key))
        if steps := _steps(change, baseline, variant, comparison.things):
            found.append(baseline.but(*steps))
    return found


def _steps(change: Change, baseline: Candidate, variant: Candidate, things: Sequence[str]) -> list[Step]:
    """One change against the baseline; none where it cannot be made alone, or leads to other rows."""
    key, seed = change.key, baseline.seed
    if change.input == "seed":
        fixed = baseline.split.get("random_state")
        stays = [Step("split.random_state", fixed)] if type(fixed) is int and fixed == seed else []
        return [Step("seed", change.variant), *stays]
    if change.input != "config" or key in ("task", "positive", "data.target") or key.startswith("split."):
        return []
    value = following(change.variant, variant.seed, seed)
    selected = [thing for thing in things if thing in SELECTION]
    if key in SELECTION:
        # the recorded config names the columns in its preprocessing, too
        preprocess = following(variant.config.get("preprocess"), variant.seed, seed)
        alone = selected == [key] and "preprocess" not in things
        return [Step(key, value), Step("preprocess", preprocess)] if alone else []
    return [] if key == "preprocess" and selected else [Step(key, value)]


# --- make the model better --------------------------------------------------------------------------------------


#: What the config's "auto" consists of: a preprocessing of nothing else can be replaced by "auto-scaled".
_AUTO: Final = frozenset({"SimpleImputer", "OneHotEncoder"})
_MORE_ITERATIONS: Final = 4


def _define(best: Candidate) -> Proposal | None:
    """Rows that define the primary metric; without a value nothing else can be judged."""
    metric = primary_metric(best.run)
    if is_interpretable(best.run, metric):
        return None
    reason = Statement("next.undefined", {"run": best.row.name, "metric": metric})
    return _proposal(reason, Statement("next.define"), None)


def _converge(best: Candidate) -> Proposal | None:
    if best.run.outcome.model.converged is not False:
        return None
    reason, reading = Statement("next.not_converged", {"run": best.row.name}), Statement("reading.converge")
    if _classes(best.config.get("preprocess")) <= _AUTO:
        return _proposal(reason, Statement("next.scale"), reading, best.but(Step("preprocess", "auto-scaled")))
    n_iter = best.run.outcome.model.n_iter
    now = best.params.get("max_iter", max(n_iter) if n_iter else None)
    if isinstance(now, bool) or not isinstance(now, int) or now < 1:
        return _proposal(reason, Statement("next.iterate_somehow"), reading)
    more = now * _MORE_ITERATIONS
    proposal = Statement("next.iterate", {"before": now, "after": more})
    return _proposal(reason, proposal, reading, best.but(Step("model.params.max_iter", more)))


def _classes(value: object) -> set[str]:
    """The names of all classes in a preprocessing."""
    if isinstance(value, list):
        return {name for item in value for name in _classes(item)}
    if isinstance(value, Mapping):
        own = {str(value["class"]).rpartition(".")[2]} if "class" in value else set()
        return own | _classes(value.get("steps"))
    return set()


def _beat_the_dummy(best: Candidate, everyone: Sequence[Candidate]) -> Proposal | None:
    if beats_dummy(best.run) is not False or (gap(best.run) or 0.0) >= GAP:
        return None
    code = "next.no_better_than_dummy" if len(everyone) == 1 else "next.all_guess"
    reason = Statement(code, {"run": best.row.name, "runs": len(everyone)})
    return _other_model(best, reason)


def _other_model(best: Candidate, reason: Statement, code: str = "next.other_model") -> Proposal:
    """A forest in place of the model, or another kind of forest."""
    name = primary_metric(best.run)
    reading = Statement("reading.other_model", {"metric": name, "dummy": best.run.outcome.metrics[name].dummy})
    kind = "Classifier" if best.run.outcome.task == "classification" else "Regressor"
    other = "ExtraTrees" if best.model.startswith("RandomForest") else "RandomForest"
    forest = best.but(Step("model", {"class": f"sklearn.ensemble.{other}{kind}"}))
    return _proposal(reason, Statement(code), reading, forest)


def _fit_more(best: Candidate) -> Proposal | None:
    if not learnt_little(best.run):
        return None
    reason = Statement("next.underfitting", {"run": best.row.name})
    return _turn(best, reason, simpler=False) or _other_model(best, reason)


def _fit_less(best: Candidate) -> Proposal | None:
    difference = gap(best.run)
    if difference is None or difference < GAP:
        return None
    reason = Statement("next.overfitting", {"run": best.row.name, "gap": difference})
    if turned := _turn(best, reason, simpler=True):
        return turned
    if best.config.get("learning_curve") is True:
        return None  # what it shows, the next rule says
    curve = best.but(Step("learning_curve", True))
    return _proposal(reason, Statement("next.learning_curve"), Statement("reading.learning_curve"), curve)


def _turn(best: Candidate, reason: Statement, *, simpler: bool) -> Proposal | None:
    """The parameter that ties the model down, turned by one step; None where the model has none, or no step is left."""
    knob = KNOBS.get(best.model)
    new = knob.turned(best.params, simpler=simpler) if knob else None
    if knob is None or new is None:
        return None
    if knob.key == "n_neighbors" and new > min(fold.n_train for fold in best.run.outcome.split.folds):
        return None
    key, direction = f"model.params.{knob.key}", "simpler" if simpler else "more_flexible"
    values = {"key": key, "before": best.params.get(knob.key, ABSENT), "after": new}
    reading = Statement(f"reading.{direction}", {"metric": primary_metric(best.run)})
    return _proposal(reason, Statement(f"next.{direction}", values), reading, best.but(Step(key, new)))


def _balance(best: Candidate) -> Proposal | None:
    metrics = best.run.outcome.metrics
    if "accuracy" not in metrics or "f1_macro" not in metrics or best.model not in WEIGHTED:
        return None
    accuracy, balanced = metrics["accuracy"].value, metrics["f1_macro"].value
    if accuracy is None or balanced is None or accuracy - balanced < BALANCE_GAP:
        return None
    if best.params.get("class_weight") is not None:
        return None
    reason = Statement("next.imbalance", {"run": best.row.name, "accuracy": accuracy, "f1_macro": balanced})
    weighted = best.but(Step("model.params.class_weight", "balanced"))
    return _proposal(reason, Statement("next.weight_classes"), Statement("reading.imbalance"), weighted)


def _more_rows(best: Candidate, curves: Sequence[Curve]) -> Proposal | None:
    """More rows to train on, where the learning curve still rises with the last of them."""
    curve = next((curve for curve in curves if curve.run == best.row.name and len(curve.points) > 1), None)
    step = _more_to_train(best)
    if curve is None or step is None or curve.metric not in best.run.outcome.metrics:
        return None
    before, after = curve.points[-2], curve.points[-1]
    gain = after.validation - before.validation
    if not best.run.outcome.metrics[curve.metric].greater_is_better:
        gain = -gain
    if gain < CURVE_GAIN * (1.0 if is_bounded(curve.metric) else abs(before.validation)) or gain <= 0:
        return None
    values = {"run": best.row.name, "metric": curve.metric, "gain": gain, "before": before.n_train}
    reason = Statement("next.still_rising", values | {"after": after.n_train})
    experiment = best.but(step)
    code = "next.smaller_test" if step.key == "split.test_size" else "next.more_folds"
    proposal = Statement(code, {"before": experiment.changes[0].baseline, "after": step.value})
    return _proposal(reason, proposal, Statement("reading.more_rows", {"metric": curve.metric}), experiment)


def _more_to_train(best: Candidate) -> Step | None:
    """A split with more rows to train on: half as many to validate, or twice as many folds.

    None where a class might then be too small for it.
    """
    split, n_val = best.split, best.run.outcome.split.folds[0].n_val
    classes = max(2, len(best.run.outcome.classes or []))
    if split.get("method") == "holdout":
        size = split.get("test_size")
        if isinstance(size, bool) or not isinstance(size, int | float) or n_val < 2 * classes:
            return None
        return Step("split.test_size", size // 2 if isinstance(size, int) else float(f"{size / 2:.6g}"))
    count, rows = split.get("n_splits"), best.run.inputs.data.rows
    if split.get("method") != "kfold" or split.get("groups") or type(count) is not int or 2 * count * classes > rows:
        return None
    return Step("split.n_splits", 2 * count)


# --- the noise --------------------------------------------------------------------------------------------------


def _measure_noise(baseline: Candidate, best: Candidate, comparable: Variants) -> Proposal | None:
    """Nothing is wrong with the models: how much the score moves by chance is what is missing, or is too much."""
    if not comparable:
        return None
    variant, comparison = next((pair for pair in comparable if pair[0] is best), comparable[0])
    judgement, metric = comparison.judgement, primary_metric(baseline.run)
    if judgement is None or judgement.verdict == "equal" or judgement.difference is None:
        return None
    needed = next((statement.values["rows"] for statement in judgement.statements if statement.code == "needed"), None)
    values: dict[str, Any] = {
        "baseline": baseline.row.name,
        "variant": variant.row.name,
        "metric": metric,
        "difference": abs(judgement.difference),
        "needed": needed,
    }
    runs = [baseline, variant]
    unknown = [one for one in runs if not one.run.outcome.metrics[metric].repeats and any(repeats_vary(one.config))]
    if unknown:
        return _repeat(unknown, values, noise=judgement.verdict == "noise")
    return _against_noise(runs, values) if judgement.verdict == "noise" else None


def _repeat(runs: Sequence[Candidate], values: Mapping[str, Any], *, noise: bool) -> Proposal:
    rows = sum(fold.n_val for fold in runs[0].run.outcome.split.folds)
    one_split = runs[0].run.outcome.split.method == "holdout"
    code = "next.noise_unknown" if noise else "next.one_split" if one_split else "next.one_seed"
    reason = Statement(code, {**values, "rows": rows, "seed": runs[0].seed})
    return _repeated(runs, reason, Statement("reading.repeat", values))


def _repeated(runs: Sequence[Candidate], reason: Statement, reading: Statement) -> Proposal:
    found = [one.but(Step("repeats", SUGGESTED_REPEATS)) for one in runs]
    return _proposal(reason, Statement("next.repeat", {"repeats": SUGGESTED_REPEATS}), reading, *found)


def _against_noise(runs: Sequence[Candidate], values: dict[str, Any]) -> Proposal | None:
    """More trainings, or more rows to validate on, for both runs alike."""
    known = [spread(one.run.outcome.metrics[values["metric"]]) for one in runs]
    largest = max((value for value in known if value is not None), default=None)
    code = "next.noise" if largest is None else "next.noise_known"
    reason = Statement(code + ("_needed" if values["needed"] else ""), values | {"spread": largest})
    steps = [_less_noise(one) for one in runs]
    found = [one.but(step) for one, step in zip(runs, steps, strict=True) if step is not None]
    if len(found) < len(runs):
        return None
    first = found[0].changes[0]
    proposal = Statement(f"next.less_noise_{first.key.rpartition('.')[2]}", {"after": first.variant})
    return _proposal(reason, proposal, Statement("reading.less_noise", values), *found)


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


def _try_other_rows(best: Candidate) -> Proposal | None:
    """A score that no model can beat says little more on the same rows."""
    name = primary_metric(best.run)
    metric = best.run.outcome.metrics[name]
    beaten = metric.value is None or metric.value < 1 or not is_bounded(name)
    if beaten or metric.repeats or not any(repeats_vary(best.config)):
        return None
    values = {"run": best.row.name, "metric": name, "rows": best.run.outcome.predictions.rows}
    return _repeated([best], Statement("next.perfect", values), Statement("reading.perfect"))


# --- nothing is wrong -------------------------------------------------------------------------------------------


def _change_one_thing(best: Candidate, *, compared: bool) -> Proposal:
    """Nothing is wrong: one more change makes the next comparison."""
    reason = Statement("next.go_on" if compared else "next.single", {"run": best.row.name})
    return _turn(best, reason, simpler=False) or _other_model(best, reason, "next.other_class")
