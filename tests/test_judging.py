"""A difference is called more than noise only by the test that fits, and the report says which and why."""

from __future__ import annotations

import math
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from week2kit.inputs.changes import Statement
from week2kit.record.store import open_run
from week2kit.rendering.output import render
from week2kit.reporting.composing import report
from week2kit.reporting.noise.judging import adjust
from week2kit.reporting.rows import Judgement
from week2kit.reporting.values import Comparison
from week2kit.thresholds import FEW_OF_A_CLASS, FEW_ROWS, SIGNIFICANCE

from . import build_runs as build

A, C, G = "Adelie", "Chinstrap", "Gentoo"
RUNS = Path("runs")
OTHER = build.with_keys(build.LOGISTIC, model__params__C=10.0)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def compared(first: Any, second: Any, **options: Any) -> Comparison:
    shutil.rmtree(RUNS, ignore_errors=True)  # some tests compare several times
    build.completed(RUNS, "base", first)
    build.completed(RUNS, "variant", second)
    (comparison,) = report(["runs/base", "runs/variant"], **options).comparisons
    return comparison


def judged(first: Any, second: Any, **options: Any) -> Judgement:
    judgement = compared(first, second, **options).judgement
    assert judgement is not None
    return judgement


def codes(statements: tuple[Statement, ...]) -> list[str]:
    return [statement.code for statement in statements]


def moved(counts: dict[tuple[str, str, str], int]) -> tuple[Any, Any]:
    first, second = build.moves(counts)
    recipe = build.Recipe(predictions=first, rows=2000)
    return recipe, recipe.but(predictions=second, config=OTHER)


# --- one holdout ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (1, 0), (5, 0), (6, 0), (9, 6), (20, 6), (6, 20), (30, 30)])
def test_accuracy_is_judged_by_the_exact_mcnemar_test(fixed: int, broken: int) -> None:
    judgement = judged(*moved({(A, A, A): 60, (C, C, C): 30, (A, C, A): fixed, (A, A, C): broken}))
    expected = stats.binomtest(fixed, fixed + broken).pvalue if fixed + broken else 1.0
    assert judgement.method == "mcnemar"
    assert judgement.p_value == pytest.approx(expected, rel=1e-12)
    real = "better" if fixed > broken else "worse"
    noise = "noise" if fixed + broken else "equal"
    assert judgement.verdict == (real if expected < SIGNIFICANCE else noise)
    assert judgement.units == 90 + fixed + broken
    counted = [one.values for one in judgement.statements if one.code in ("mcnemar.noise", "mcnemar.real")]
    assert [(values["fixed"], values["broken"]) for values in counted] == [(fixed, broken)] * bool(fixed + broken)


def test_a_run_against_its_twin_is_equal_and_a_swap_of_rows_is_noise() -> None:
    assert judged(*moved({(A, A, A): 60, (C, C, C): 30, (C, A, A): 5})).verdict == "equal"
    swapped = judged(*moved({(A, A, A): 60, (C, C, C): 30, (C, A, C): 5, (A, A, C): 5}))
    assert (swapped.difference, swapped.verdict, swapped.p_value) == (0, "noise", 1.0)


def test_another_primary_metric_is_judged_by_the_paired_bootstrap() -> None:
    first, second = moved({(A, A, A): 60, (A, C, A): 9, (C, C, C): 30, (C, A, C): 3})
    by_f1 = {"metrics": ["f1_macro", "accuracy"]}
    first = first.but(config=build.with_keys(build.LOGISTIC, **by_f1))
    comparison = compared(first, second.but(config=build.with_keys(OTHER, **by_f1)))
    judgement = comparison.judgement
    assert judgement is not None
    assert (judgement.method, judgement.verdict) == ("bootstrap", "better")
    assert judgement.interval is not None
    assert 0 < judgement.interval.low < judgement.difference < judgement.interval.high
    assert {row.metric: row.interval is not None for row in comparison.metrics} == {"f1_macro": True, "accuracy": True}
    assert "resamples" in judgement.notes[-1].values


def test_a_metric_that_follows_from_no_row_gets_no_interval_and_no_test() -> None:
    values = {"cohen_kappa_score": {"value": 0.8, "training": 0.9, "dummy": 0.0}}
    first, second = moved({(A, A, A): 60, (A, C, A): 9, (C, C, C): 30})
    config = {"metrics": ["cohen_kappa_score"]}
    comparison = compared(
        first.but(config=build.with_keys(build.LOGISTIC, **config), metrics=values),
        second.but(
            config=build.with_keys(OTHER, **config),
            metrics={"cohen_kappa_score": {**values["cohen_kappa_score"], "value": 0.9}},
        ),
    )
    assert comparison.judgement is not None
    assert comparison.judgement.verdict == "untested"
    assert codes(comparison.judgement.statements) == ["untested.metric", "untested"]
    assert comparison.metrics[0].interval is None


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({(A, A, A): FEW_ROWS - 11, (C, C, C): 10}, "unreliable.rows"),
        ({(A, A, A): FEW_ROWS - 10, (C, C, C): 10}, None),
        ({(A, A, A): 60, (C, C, C): FEW_OF_A_CLASS - 1}, None),  # accuracy counts rows, of whatever class
    ],
)
def test_few_rows_are_marked_unreliable(counts: dict[tuple[str, str, str], int], code: str | None) -> None:
    judgement = judged(*moved({**counts, (A, C, A): 0, (A, A, C): 0}))
    assert judgement.reliable == (code is None)
    assert (code in codes(judgement.statements)) == (code is not None)


def test_a_class_of_few_rows_makes_a_mean_over_classes_unreliable() -> None:
    counts = {(A, A, A): 60, (A, C, A): 1, (C, C, C): FEW_OF_A_CLASS - 1}
    by_f1 = {"metrics": ["f1_macro", "accuracy"]}
    first, second = moved(counts)
    config = build.LOGISTIC | by_f1
    judgement = judged(first.but(config=config), second.but(config=OTHER | by_f1))
    assert "unreliable.classes" in codes(judgement.statements)


def test_equivalence_needs_a_margin_that_holds_the_whole_interval() -> None:
    counts = {(A, A, A): 600, (C, C, C): 300, (A, C, A): 3, (A, A, C): 3}
    assert judged(*moved(counts)).verdict == "noise"
    wide = judged(*moved(counts), margin=0.02)
    assert wide.verdict == "equivalent"
    assert wide.equivalence is not None
    assert -0.02 < wide.equivalence.low < 0 < wide.equivalence.high < 0.02
    narrow = judged(*moved(counts), margin=0.0001)
    assert narrow.verdict == "noise"
    assert "equivalent.no" in codes(narrow.statements)
    real = judged(*moved({**counts, (A, C, A): 15}), margin=0.5)
    assert real.verdict == "better"
    assert "equivalent.real_but_small" in codes(real.statements)


def test_rows_that_cannot_be_read_are_not_judged() -> None:
    first, second = moved({(A, A, A): 60, (C, C, C): 30})
    build.completed(RUNS, "base", first)
    build.completed(RUNS, "variant", second)
    (RUNS / "variant" / "predictions.csv").write_text("edited\n")
    (comparison,) = report(["runs/base", "runs/variant"]).comparisons
    assert comparison.judgement is not None
    assert codes(comparison.judgement.statements) == ["untested.no_rows", "untested"]


def test_two_holdouts_with_the_same_rows_in_another_order_are_comparable() -> None:
    first, second = moved({(A, A, A): 60, (A, C, A): 9, (C, C, C): 30})
    rows = list(second.predictions)
    random.Random(0).shuffle(rows)
    comparison = compared(first, second.but(predictions=rows, split={"positions": "b" * 64}))
    assert comparison.obstacles == ()
    assert comparison.judgement is not None
    assert comparison.judgement.p_value == pytest.approx(stats.binomtest(9, 9).pvalue)
    assert comparison.moved is not None
    assert comparison.moved.rows == 99


def test_one_row_less_in_common_is_not_comparable() -> None:
    first, second = moved({(A, A, A): 60, (A, C, A): 9, (C, C, C): 30})
    rows = [(row + 1 if row == 0 else row, true, guess) for row, true, guess in second.predictions]
    comparison = compared(first, second.but(predictions=rows, split={"positions": "b" * 64}))
    assert codes(comparison.obstacles) == ["split.differs"]
    assert comparison.judgement is None
    assert "no winner" in render(report(["runs/base", "runs/variant"]))


# --- several trainings ------------------------------------------------------------------------------------------


def folded(values: list[float], method: str = "kfold", **changes: Any) -> Any:
    split = {"method": method, "n_splits": len(values), "shuffle": True, "stratify": True, "random_state": 42}
    config = build.with_keys(build.LOGISTIC, split=split, metrics=["accuracy"], **changes)
    mean = math.fsum(values) / len(values)
    rows = build.labels({(A, A): 10 * len(values) - 20, (C, C): 20})
    sizes = [{"n_train": 10 * (len(values) - 1), "n_val": 10}] * len(values)
    metric = {"value": mean, "training": mean, "dummy": 0.2, "std": 0.01, "folds": values}
    return build.Recipe(
        config=config, predictions=rows, rows=len(rows), split={"method": method, "folds": sizes},
        metrics={"accuracy": metric},
    )  # fmt: skip


BEFORE, AFTER = [0.8, 0.7, 0.9, 0.6, 0.8], [0.9, 0.8, 0.9, 0.7, 1.0]


def test_folds_are_judged_by_the_corrected_t_test() -> None:
    judgement = judged(folded(BEFORE), folded(AFTER, model__params__C=10.0))
    differences = np.subtract(AFTER, BEFORE)
    error = math.sqrt(differences.var(ddof=1) * (1 / 5 + 10 / 40))
    assert judgement.method == "corrected_t"
    assert judgement.p_value == pytest.approx(2 * stats.t.sf(differences.mean() / error, 4), rel=1e-9)
    assert judgement.interval is not None
    expected = stats.t.interval(0.95, 4, loc=differences.mean(), scale=error)
    assert [judgement.interval.low, judgement.interval.high] == pytest.approx(list(expected), rel=1e-9)
    assert stats.ttest_rel(AFTER, BEFORE).pvalue < judgement.p_value  # the plain test is too sure


def test_a_record_that_lost_the_value_of_a_fold_stops_no_report() -> None:
    edited = folded(AFTER, model__params__C=10.0)
    metric = edited.metrics["accuracy"]
    judgement = judged(folded(BEFORE), edited.but(metrics={"accuracy": metric | {"folds": AFTER[:-1]}}))
    assert judgement.verdict == "untested"
    assert codes(judgement.statements) == ["untested.no_spread", "untested"]  # "... or too few could be used"


def test_folds_of_a_time_series_get_no_test() -> None:
    judgement = judged(folded(BEFORE, "time_series"), folded(AFTER, "time_series", model__params__C=10.0))
    assert judgement.verdict == "untested"
    assert codes(judgement.statements) == ["untested.time_series", "untested"]


def test_folds_that_differ_by_one_and_the_same_amount_have_no_spread_to_test_with() -> None:
    shifted = [value + 0.05 for value in BEFORE]
    judgement = judged(folded(BEFORE), folded(shifted, model__params__C=10.0))
    assert judgement.verdict == "untested"
    assert codes(judgement.statements) == ["untested.no_spread", "untested"]
    assert judged(folded(BEFORE), folded(BEFORE, model__params__C=10.0)).verdict == "equal"


def repeated(values: list[float], *, fixed_split: bool = False, seed: int = 42) -> Any:
    """A holdout of a hundred rows with the first value, repeated with the next seeds."""
    config = build.with_keys(build.LOGISTIC, metrics=["accuracy"], seed=seed, repeats=len(values) - 1)
    if fixed_split:
        config = build.with_keys(config, split__random_state=7)
    right = round(100 * values[0])
    rows = build.labels({(A, A): right - 20, (A, C): 100 - right, (C, C): 20})
    repeats = [{"seed": seed + k, "value": value, "folds": []} for k, value in enumerate(values[1:], start=1)]
    metric = {"value": values[0], "training": 1.0, "dummy": 0.8, "repeats": repeats, "folds": []}
    return build.Recipe(config=config, predictions=rows, rows=500, metrics={"accuracy": metric})


def test_repeated_holdouts_are_compared_seed_by_seed() -> None:
    before, after = [0.90, 0.85, 0.88, 0.92], [0.89, 0.93, 0.95, 0.97]
    second = repeated(after)
    second = second.but(config=build.with_keys(second.config, model__params__C=10.0))
    comparison = compared(repeated(before), second)
    judgement = comparison.judgement
    assert judgement is not None
    differences = np.subtract(after, before)
    error = math.sqrt(differences.var(ddof=1) * (1 / 4 + 100 / 400))
    assert (judgement.method, judgement.units) == ("corrected_t", 4)
    assert judgement.p_value == pytest.approx(2 * stats.t.sf(differences.mean() / error, 3), rel=1e-9)
    assert judgement.difference == pytest.approx(-0.01)
    (told,) = (one for one in judgement.statements if one.code.startswith("corrected_t"))
    assert told.values["mean"] == pytest.approx(differences.mean())  # the first seed alone points the other way
    (noise,) = (finding for finding in comparison.findings if finding.topic == "noise")
    assert codes(noise.statements)[-1] == "noise.pairs"
    assert noise.statements[-1].values["ahead"] == 3
    score = comparison.metrics[0].baseline
    assert score is not None
    assert score.spread == pytest.approx(np.std(before, ddof=1))


def test_a_fixed_split_shows_the_spread_over_model_seeds_alone_and_rows_decide() -> None:
    """Repeats on the same validation rows say nothing of other rows, so they are no test of the difference."""
    forest = {"class": "sklearn.ensemble.RandomForestClassifier", "params": {"random_state": 42}}
    first, second = (repeated([0.9, 0.89, 0.91, shift], fixed_split=True) for shift in (0.9, 0.95))
    first, second = (recipe.but(config=build.with_keys(recipe.config, model=forest)) for recipe in (first, second))
    second = second.but(config=build.with_keys(second.config, model__params__max_depth=4))
    comparison = compared(first, second)
    assert comparison.judgement is not None
    assert comparison.judgement.method == "mcnemar"
    (noise,) = (finding for finding in comparison.findings if finding.topic == "noise")
    assert codes(noise.statements) == ["noise.model", "noise.model", "noise.pairs"]
    assert "over model seeds alone" in render(report(["runs/base", "runs/variant"]))


def test_without_repeats_the_report_prints_the_command_that_supplies_them() -> None:
    compared(*moved({(A, A, A): 60, (C, C, C): 30}))
    text = render(report(["runs/base", "runs/variant"]))
    assert "`week2kit train runs/variant/config.json --repeats 5`" in text


# --- several variants -------------------------------------------------------------------------------------------


def test_several_variants_share_their_false_alarms() -> None:
    """A difference that is real alone is noise among ten that were tried."""
    first, better = moved({(A, A, A): 60, (C, C, C): 30, (A, C, A): 6})
    assert judged(first, better).verdict == "better"
    for number in range(9):
        config = build.with_keys(build.LOGISTIC, model__params__C=float(number + 2))
        build.completed(RUNS, f"twin-{number}", first.but(config=config))
    result = report(["runs"], baseline="runs/base")
    (comparison,) = result.comparisons
    assert comparison.variant.name == "variant"
    judgement = comparison.judgement
    assert judgement is not None
    assert judgement.verdict == "noise"
    assert judgement.adjusted == pytest.approx(10 * judgement.p_value)
    assert "holm.lost" in codes(judgement.statements)
    assert {row.rank for row in result.overview} == {1}
    assert codes(result.ranking) == ["ranked.tied", "ranked.none_better"]


def test_holm_counts_variants_that_were_not_tested() -> None:
    base = Judgement(
        metric="accuracy", verdict="better", method="mcnemar", difference=0.1, interval=None, equivalence=None,
        p_value=0.01, adjusted=None, units=90, reliable=True, statements=(), notes=(),
    )  # fmt: skip
    untested = base._replace(verdict="untested", p_value=None)
    one, other, none = adjust([base, base._replace(p_value=0.04), untested], 4)
    assert (one.adjusted, other.adjusted, none.adjusted) == (pytest.approx(0.04), pytest.approx(0.12), None)
    assert (one.verdict, other.verdict, none.verdict) == ("better", "noise", "untested")
    assert adjust([base], 1) == [base]


def test_the_ranked_table_puts_only_what_is_behind_by_more_than_noise_behind() -> None:
    base, variant = moved({(A, A, A): 60, (C, C, C): 30, (A, C, C): 2})
    build.completed(RUNS, "base", base)
    for name, wrong in (("level", 4), ("behind", 20), ("far", 40)):
        rows = [(row, true, C if index < wrong else true) for index, (row, true, _) in enumerate(base.predictions)]
        config = build.with_keys(build.LOGISTIC, model__params__C=float(wrong))
        build.completed(RUNS, name, variant.but(predictions=rows, config=config))
    result = report(["runs"], baseline="runs/base")
    assert [(row.run, row.rank, row.tied, row.verdict) for row in result.overview] == [
        ("base", 1, True, None),
        ("level", 1, True, "noise"),
        ("behind", 3, False, "worse"),
        ("far", 4, False, "worse"),
    ]
    p_values = {comparison.variant.name: comparison.judgement.adjusted for comparison in result.comparisons}
    assert (
        p_values["behind"] == pytest.approx(2 * stats.binomtest(0, 22).pvalue, rel=1e-6) or p_values["behind"] < 0.001
    )


@pytest.mark.parametrize("metric", ["accuracy", "f1_macro"])
def test_ranks_by_any_metric_agree_with_the_comparison_in_detail(metric: str) -> None:
    base, _ = moved({(A, A, A): 60, (C, C, C): 30})
    settings = {"metrics": [metric, *({"accuracy", "f1_macro"} - {metric})]}
    build.completed(RUNS, "base", base.but(config=build.with_keys(build.LOGISTIC, **settings)))
    for wrong in (3, 9, 15):
        rows = [(row, true, C if index < wrong else true) for index, (row, true, _) in enumerate(base.predictions)]
        config = build.with_keys(build.LOGISTIC, model__params__C=float(wrong), **settings)
        build.completed(RUNS, f"wrong-{wrong:02}", base.but(predictions=rows, config=config))
    result = report(["runs"], baseline="runs/base")
    in_detail = {comparison.variant.name: comparison.judgement.verdict for comparison in result.comparisons}
    in_table = {row.run: row.verdict for row in result.overview if not row.baseline}
    assert in_table == in_detail


def test_reading_the_same_run_twice_gives_the_same_judgement() -> None:
    first, second = moved({(A, A, A): 60, (A, C, A): 9, (C, C, C): 30, (C, C, A): 2})
    once = compared(first, second)
    (twice,) = report([open_run("runs/base"), open_run("runs/variant")]).comparisons
    assert once == twice
