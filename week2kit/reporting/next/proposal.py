"""The next experiment: one change, its reason from the evidence, and what each outcome of it would mean."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
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
from week2kit.privacy import shown_path
from week2kit.record.command import FailedCommand
from week2kit.record.manifest import CompletedRun, FailedRun
from week2kit.record.store import Run
from week2kit.reporting.interpretation import beats_dummy, gap, leaking, learnt_little, overfits
from week2kit.reporting.next import moves
from week2kit.reporting.next.experiments import Candidate, Step, again, following, made_by, named
from week2kit.reporting.next.moves import Move
from week2kit.reporting.noise.seeds import spread
from week2kit.reporting.values import Comparison, Curve, Proposal, Setback
from week2kit.scales import is_bounded
from week2kit.thresholds import BALANCE_GAP, CURVE_GAIN, PROPOSED_RUNS

Variants: TypeAlias = Sequence[tuple[Candidate, Comparison]]
#: What is wrong, and what to try; None: nothing that could be tried here.
Found: TypeAlias = tuple[Statement, Move | None]


def propose(baseline: Candidate, variants: Variants, curves: Sequence[Curve], runs: Sequence[Run]) -> Proposal:
    """The most useful next step: first what makes the comparison valid, then the model, then the noise.

    What one of `runs` already did is not proposed again, unless nothing else is left.
    """
    for reason, move in _rules(baseline, variants, curves):
        if move is None:
            continue
        proposal = Proposal(reason, *move)
        made = [made_by(one, runs) for one in proposal.experiments]
        if not made or None in made:
            return _judged(proposal, made, [baseline, *(candidate for candidate, _ in variants)], runs)
    return _judged(proposal, [None], [baseline, *(candidate for candidate, _ in variants)], runs)


def _rules(baseline: Candidate, variants: Variants, curves: Sequence[Curve]) -> Iterator[Found]:
    """Everything that is wrong, the most important first; the last rule always applies.

    The rules of the model start from the best run that is comparable with the baseline; one with the answer among its
    features is best where every run has it.
    """
    for candidate, comparison in variants:
        yield from _make_valid(baseline, candidate, comparison)
    comparable = [pair for pair in variants if not pair[1].obstacles]
    candidates = [baseline, *(candidate for candidate, _ in comparable)]
    honest = [candidate for candidate in candidates if not leaking(candidate.run)] or candidates
    best, metric = honest[0], primary_metric(baseline.run)
    for candidate in honest[1:]:
        if (advantage(best.run.outcome.metrics[metric], candidate.run.outcome.metrics[metric]) or 0.0) > 0:
            best = candidate
    run, metric = best.run, primary_metric(best.run)

    def because(code: str, **values: Any) -> Statement:
        return Statement(f"next.{code}", {"run": best.name, **values})

    yield from _leaks(best)
    if not is_interpretable(run, metric):  # without a value nothing else can be judged
        yield because("undefined", metric=metric), Move(Statement("next.define"))
    if run.outcome.model.converged is False:
        yield because("not_converged"), moves.let_converge(best)
    if beats_dummy(run) is False and not overfits(run):
        code = "all_guess" if len(honest) == len(candidates) > 1 else "no_better_than_dummy"
        guesses = because(code, runs=len(candidates))
        yield guesses, moves.other_model(best)
        if len({candidate.model for candidate in honest}) > 1:
            yield guesses, Move(Statement("next.look_at_features"))
    if learnt_little(run):
        yield because("underfitting"), moves.turn(best, simpler=False) or moves.other_model(best)
    if overfits(run):
        look = moves.move([best], Step("learning_curve", True), "learning_curve", "learning_curve")
        looked = best.config.get("learning_curve") is True  # what it shows, a later rule says
        yield because("overfitting", gap=gap(run)), moves.turn(best, simpler=True) or (None if looked else look)
    if unequal := _misses_small_classes(run):
        yield because("imbalance", **unequal), moves.weigh_classes(best)
    if rise := _still_rises(best, curves):
        yield because("still_rising", **rise), moves.more_rows(best, rise["metric"])
    believed = [pair for pair in comparable if pair[0] in honest]
    if believed and baseline in honest:
        yield from _noise(baseline, *next((pair for pair in believed if pair[0] is best), believed[0]))
    score = run.outcome.metrics[metric]
    if score.value is not None and score.value >= 1 and is_bounded(metric) and _moves_with_seeds(best, metric):
        rows = run.outcome.predictions.rows
        yield because("perfect", metric=metric, rows=rows), moves.repeat([best], "perfect")
    another = moves.turn(best, simpler=False) or moves.other_model(best, "other_class")
    yield because("go_on" if comparable else "single"), another


def _leaks(run: Candidate) -> Iterator[Found]:
    """What must be known before any score is believed: a feature that holds the answer, or a score that is too good."""
    if features := leaking(run.run):
        yield Statement("next.leak", {"run": run.name, "features": features}), moves.without(run, features)
    elif too_good := next((warned for warned in run.run.warnings if warned.code == "metric.too_good"), None):
        yield Statement("next.too_good", {"run": run.name, **too_good.values}), Move(_reason_looked_for(run.run))


def _reason_looked_for(run: CompletedRun) -> Statement:
    """Where to look first: at rows in time order that were split at random, or at the features, one by one."""
    if order := next((warned for warned in run.warnings if warned.code == "split.time_order"), None):
        return Statement("next.judge_later", {"column": order.values["column"]})
    features = [column.name for column in run.inputs.data.columns if column.role == "feature"]
    if len(features) == 1:
        return Statement("next.look_at_feature", {"feature": features[0]})
    return Statement("next.look_for_leak")


def _judged(
    proposal: Proposal, made: Sequence[Run | None], candidates: Sequence[Candidate], runs: Sequence[Run]
) -> Proposal:
    """What is left of a proposal, its runs named, with the command that compares them once they are trained.

    Where the same is changed in several runs, these are compared with each other, or else with what they came from.

    Args:
        proposal: all of its experiments.
        made: for each of them the run that made it already.
        candidates: the baseline and its variants.
        runs: all runs, whose names are taken.
    """
    if not proposal.experiments:
        return proposal
    folder = PurePosixPath(candidates[0].row.path).parent.as_posix()
    # of a run in the folder where one stands, as of "..", no folder is told
    runs_dir = folder if folder not in (".", "..") and PurePosixPath(candidates[0].row.path).name != ".." else "runs"
    left = named([one for one, run in zip(proposal.experiments, made, strict=True) if run is None], runs, runs_dir)
    names = iter(left)
    new = [f"{runs_dir}/{next(names).name}" if run is None else shown_path(run.path) for run in made]
    paths = {candidate.name: candidate.row.path for candidate in candidates}
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
        return Proposal(Statement("next.no_run"), Statement("next.train"), None, ())
    reason, told = Statement("next.none_completed"), {"run": setbacks[0].run.name}
    if isinstance(run.manifest, FailedRun) and not is_from_outside(run.manifest.failure.error):
        return Proposal(reason, Statement("next.repair", told), None, ())
    if isinstance(run.manifest, FailedCommand) and setbacks[0].learned.code != "learned.ended":
        return Proposal(reason, Statement("next.repair_command", told), None, ())
    same = again(run, setbacks[0].run)
    return Proposal(reason, Statement("next.run_again", told), None, named([same] if same else [], runs))


# --- make the comparison valid ----------------------------------------------------------------------------------

#: Inputs that no config sets: they are whatever they are here and now, so the baseline is what must be trained again.
_NOT_SET: Final = ("code", "data", "environment")


def _make_valid(baseline: Candidate, variant: Candidate, comparison: Comparison) -> Iterator[Found]:
    """The runs that would separate what changed, each with one change against the baseline, on the baseline's rows."""
    obstacles = {statement.code for statement in comparison.obstacles}
    if not obstacles and len(comparison.things) < 2:
        return
    values: dict[str, Any] = {"baseline": baseline.name, "variant": variant.name, "things": comparison.things}
    reason = Statement(_why_not_valid(obstacles, baseline, variant), values)
    if reason.code == "next.other_question":
        yield reason, Move(Statement("next.one_question", values))
    elif others := [thing for thing in comparison.things if thing in _NOT_SET]:
        told = values | {"others": others}
        same = (baseline.but(),)
        yield reason, Move(Statement("next.same_here", told), Statement("reading.same_here", told), same)
    else:
        changes = {thing: change for change in comparison.changes[::-1] for thing in (change.input, change.key)}
        steps = {thing: _steps(changes[thing], baseline, variant, comparison.things) for thing in comparison.things}
        if found := tuple(baseline.but(*some) for some in steps.values() if some)[:PROPOSED_RUNS]:
            left = [thing for thing, some in steps.items() if not some]
            reading = "reading.one_cause" if len(found) == 1 else f"reading.separate{'_some' if left else ''}"
            told = values | {"metric": primary_metric(baseline.run), "left": left}
            yield reason, Move(Statement("next.separate", values), Statement(reading, told), found)


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


def _steps(change: Change, baseline: Candidate, variant: Candidate, things: Sequence[str]) -> list[Step]:
    """One change against the baseline; none where it cannot be made alone, changes nothing, or leads to other rows."""
    key, seed = change.key, baseline.seed
    if change.input == "seed":
        if not repeats_vary(baseline.config)[1]:
            return []  # the split stays, and nothing else draws from the seed
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


# --- the evidence -----------------------------------------------------------------------------------------------


def _misses_small_classes(run: CompletedRun) -> dict[str, float] | None:
    """Accuracy and f1_macro, where these are far apart."""
    scores = {name: run.outcome.metrics.get(name) for name in ("accuracy", "f1_macro")}
    values = {name: score.value for name, score in scores.items() if score is not None and score.value is not None}
    return values if len(values) == 2 and values["accuracy"] - values["f1_macro"] >= BALANCE_GAP else None


def _still_rises(best: Candidate, curves: Sequence[Curve]) -> dict[str, Any] | None:
    """By how much the learning curve gains with the last of the rows, where that is worth more of them."""
    curve = next((curve for curve in curves if curve.run == best.name and len(curve.points) > 1), None)
    metric = best.run.outcome.metrics.get(curve.metric) if curve else None
    if curve is None or metric is None:
        return None
    before, after = curve.points[-2:]
    gain = (after.validation - before.validation) * (1 if metric.greater_is_better else -1)
    if gain <= 0 or gain < CURVE_GAIN * (1.0 if is_bounded(curve.metric) else abs(before.validation)):
        return None
    return {"metric": curve.metric, "gain": gain, "before": before.n_train, "after": after.n_train}


def _noise(baseline: Candidate, variant: Candidate, comparison: Comparison) -> Iterator[Found]:
    """Nothing speaks against the models: how much the score moves by chance is what is missing, or is too much."""
    judgement, metric = comparison.judgement, primary_metric(baseline.run)
    if judgement is None or judgement.verdict == "equal" or judgement.difference is None:
        return
    values: dict[str, Any] = {
        "baseline": baseline.name,
        "variant": variant.name,
        "metric": metric,
        "difference": abs(judgement.difference),
    }
    runs, is_noise = [baseline, variant], judgement.verdict == "noise"
    if unknown := [one for one in runs if _moves_with_seeds(one, metric)]:
        split = unknown[0].run.outcome.split
        code = "noise_unknown" if is_noise else "one_split" if split.method == "holdout" else "one_seed"
        told = values | {"rows": sum(fold.n_val for fold in split.folds), "seed": unknown[0].seed}
        yield Statement(f"next.{code}", told), moves.repeat(unknown, "repeat", **values)
    elif is_noise:
        known = [spread(one.run.outcome.metrics[metric]) for one in runs]
        largest = max((value for value in known if value is not None), default=None)
        code = "next.noise" if largest is None else "next.noise_known"
        yield Statement(code, values | {"spread": largest}), moves.less_noise(runs, **values)


def _moves_with_seeds(one: Candidate, metric: str) -> bool:
    """Whether another seed may move a metric, and nobody measured by how much."""
    return not one.run.outcome.metrics[metric].repeats and any(repeats_vary(one.config))
