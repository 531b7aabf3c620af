"""Statistics agree with the libraries of the field, give the false alarms that they say, and cover what they say."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from mlxtend.evaluate import mcnemar as mlxtend_mcnemar
from scipy import stats
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from week2kit.statistics.exact import (
    holm,
    mcnemar,
    normal_probability,
    normal_quantile,
    round_rows,
    rows_for_mcnemar,
)
from week2kit.statistics.folds import corrected_t
from week2kit.statistics.resampling import (
    interval,
    metric_interval,
    p_value,
    resample,
    rows_for_interval,
)
from week2kit.statistics.weighted import KINDS, Rows, kind_of, support, weighted_metrics

Array = np.ndarray[Any, Any]

# --- importing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import week2kit.statistics.exact, week2kit.statistics.folds", {"numpy", "scipy", "statistics"}),
        (
            "from week2kit.statistics import exact; exact.holm([0.1, 0.2]), exact.rows_for_mcnemar(9, 6, 69)",
            {"numpy", "scipy"},
        ),
        ("from week2kit.statistics.folds import corrected_t; corrected_t([0.1, 0.2], 0.25)", {"scipy.stats", "pandas"}),
        (
            "from week2kit.statistics.resampling import interval; import numpy\ninterval(numpy.arange(9.0), 0.9, 20)",
            {"scipy", "pandas", "sklearn"},
        ),
    ],
    ids=["imports", "exact", "folds", "resampling"],
)
def test_nothing_heavy_is_imported(code: str, absent: set[str]) -> None:
    ask = f"{code}\nimport sys; print(*sorted({absent!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []


# --- McNemar ----------------------------------------------------------------------------------------------------

PAIRS = [(0, 0), (0, 1), (1, 0), (3, 3), (9, 6), (6, 9), (0, 5), (0, 6), (10, 25), (499, 501), (430, 570), (520, 600)]


@pytest.mark.parametrize(("baseline_only", "variant_only"), PAIRS)
def test_mcnemar_is_that_of_statsmodels_mlxtend_and_scipy(baseline_only: int, variant_only: int) -> None:
    p = mcnemar(baseline_only, variant_only)
    table = np.array([[30, baseline_only], [variant_only, 24]])
    assert p == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, rel=1e-9)
    assert p == pytest.approx(min(1.0, mlxtend_mcnemar(table, exact=True)[1]), rel=1e-9)
    if baseline_only + variant_only:
        assert p == pytest.approx(stats.binomtest(baseline_only, baseline_only + variant_only).pvalue, rel=1e-9)


@pytest.mark.parametrize(
    ("baseline_only", "variant_only"),
    [(500, 500), (500, 501), (49_000, 51_000), (50_000, 50_100), (150_000, 151_500), (1_000, 99_000)],
)
def test_mcnemar_holds_for_many_pairs(baseline_only: int, variant_only: int) -> None:
    expected = stats.binomtest(baseline_only, baseline_only + variant_only).pvalue
    assert mcnemar(baseline_only, variant_only) == pytest.approx(expected, rel=1e-8)


def test_mcnemar_gives_no_more_false_alarms_than_it_says() -> None:
    rates = []
    for pairs in range(1, 401):
        chances = stats.binom.pmf(np.arange(pairs + 1), pairs, 0.5)
        found = np.array([mcnemar(count, pairs - count) <= 0.05 for count in range(pairs + 1)])
        rates.append(float(chances[found].sum()))  # the rate itself, not a simulation of it
    assert max(rates) <= 0.05
    assert rates[4] == 0.0  # five rows can show nothing
    assert min(rates[200:]) > 0.03  # and with many rows it is not needlessly shy


# --- how many rows ----------------------------------------------------------------------------------------------


def test_nine_against_six_of_69_would_take_about_900_rows() -> None:
    rows = rows_for_mcnemar(9, 6, 69)
    assert rows == 901
    assert round_rows(rows) == 900


def test_rows_for_mcnemar_is_the_published_formula() -> None:
    b, c, n, level, power = 12, 30, 200, 0.01, 0.9
    psi, delta = (b + c) / n, (b - c) / n
    wanted, found = stats.norm.ppf(1 - level / 2), stats.norm.ppf(power)
    expected = (wanted * math.sqrt(psi) + found * math.sqrt(psi - delta**2)) ** 2 / delta**2
    assert rows_for_mcnemar(b, c, n, power=power, level=level) == math.ceil(expected)
    assert rows_for_mcnemar(c, b, n, power=power, level=level) == math.ceil(expected)


def test_rows_for_mcnemar_at_the_edges() -> None:
    assert rows_for_mcnemar(4, 4, 69) is None
    assert rows_for_mcnemar(0, 0, 69) is None
    assert rows_for_mcnemar(7, 0, 7) == 4  # psi = delta^2: only the level counts, 1.96^2 rows


def test_the_rows_named_give_the_power_named() -> None:
    rows = rows_for_mcnemar(9, 6, 69)
    assert rows is not None
    drawn = np.random.RandomState(0).multinomial(rows, [9 / 69, 6 / 69, 54 / 69], size=2000)
    found = np.mean([mcnemar(int(b), int(c)) <= 0.05 for b, c, _ in drawn])
    assert 0.75 < found < 0.83


@pytest.mark.parametrize(
    ("rows", "said"),
    [(0, 0), (7, 7), (99, 99), (100, 100), (104, 100), (105, 110), (885, 890), (996, 1000), (12_345, 12_000)],
)
def test_rows_are_said_with_two_digits(rows: int, said: int) -> None:
    assert round_rows(rows) == said
    assert isinstance(round_rows(rows), int)


@pytest.mark.parametrize("value", [-8.0, -1.96, -0.1, 0.0, 0.7, 3.0])
def test_the_normal_distribution_is_scipys(value: float) -> None:
    assert normal_probability(value) == pytest.approx(stats.norm.cdf(value), rel=1e-12)
    assert normal_quantile(stats.norm.cdf(value)) == pytest.approx(value, abs=1e-9)


# --- Holm -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "p_values",
    [[0.03], [0.01, 0.04, 0.03], [0.04, 0.04, 0.001, 1.0], [0.5, 0.5, 0.9], [0.0, 0.2, 0.0, 0.01, 0.011]],
    ids=str,
)
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist(), rel=1e-12)


def test_holm_of_nothing_is_nothing() -> None:
    assert holm([]) == []


# --- folds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.25, 1 / 9], ids=["5 folds", "10 folds"])
@pytest.mark.parametrize("count", [2, 3, 10, 100])
def test_corrected_t_is_the_formula_of_scikit_learns_example(count: int, share: float) -> None:
    differences = np.random.RandomState(count).normal(0.01, 0.03, count)
    error = math.sqrt(np.var(differences, ddof=1) * (1 / count + share))
    statistic = np.mean(differences) / error
    test = corrected_t(differences.tolist(), share)
    assert test is not None
    assert test.mean == pytest.approx(np.mean(differences), rel=1e-12)
    assert test.p == pytest.approx(2 * stats.t.sf(abs(statistic), count - 1), rel=1e-9)
    for level, found in ((0.95, test.interval95), (0.90, test.interval90)):
        assert found == pytest.approx(stats.t.interval(level, count - 1, np.mean(differences), error), rel=1e-9)


@pytest.mark.parametrize("differences", [[], [0.1]])
def test_one_fold_is_no_test(differences: list[float]) -> None:
    assert corrected_t(differences, 0.25) is None


@pytest.mark.parametrize(
    ("differences", "p"),
    [([0.0] * 5, 1.0), ([0.02] * 5, None), ([0.9 - 0.8, 0.8 - 0.7, 0.7 - 0.6], None)],
    ids=["all 0", "all equal", "equal but for rounding"],
)
def test_equal_differences_claim_no_small_p_value(differences: list[float], p: float | None) -> None:
    test = corrected_t(differences, 0.25)
    assert test is not None
    assert test.mean == pytest.approx(np.mean(differences))
    assert test[1:] == (p, None, None)


Splits = Callable[[np.random.RandomState], list[Array]]


def _fold_differences(splits: Splits, seed: int) -> Array:
    """Differences of the errors of two equally good models: least squares on one of two features that matter alike.

    Shape (3000, folds): that many data sets of 60 rows, all split alike.
    """
    state, trials, rows = np.random.RandomState(seed), 3000, 60
    x = state.normal(size=(2, trials, rows))
    y = x.sum(axis=0) + state.normal(size=(trials, rows))
    result = []
    for validation in splits(state):
        training = np.setdiff1d(np.arange(rows), validation)
        slopes = (x[:, :, training] * y[:, training]).sum(axis=2)
        slopes /= (x[:, :, training] ** 2).sum(axis=2)
        errors = ((y[:, validation] - slopes[:, :, None] * x[:, :, validation]) ** 2).mean(axis=2)
        result.append(errors[1] - errors[0])
    return np.stack(result, axis=1)


def _random_splits(state: np.random.RandomState) -> list[Array]:
    return [state.permutation(60)[:12] for _ in range(15)]


def _five_folds_five_times(state: np.random.RandomState) -> list[Array]:
    return [fold for _ in range(5) for fold in np.split(state.permutation(60), 5)]


def _ten_folds(state: np.random.RandomState) -> list[Array]:
    return np.split(state.permutation(60), 10)


@pytest.mark.parametrize(
    ("splits", "share", "at_least", "at_most"),
    [
        # 0.053 over 60,000 data sets: the correction is an approximation; the seeds here scatter by 0.0026
        (_random_splits, 0.25, 0.045, 0.06),
        (_five_folds_five_times, 0.25, 0.03, 0.05),
        (_ten_folds, 1 / 9, 0.005, 0.05),  # shy: folds of one pass depend on one another less than it supposes
    ],
    ids=["15 random splits", "5 times 5 folds", "10 folds"],
)
def test_corrected_t_gives_about_the_false_alarms_it_says(
    splits: Splits, share: float, at_least: float, at_most: float
) -> None:
    tests = [corrected_t(row, share) for seed in range(5) for row in _fold_differences(splits, seed).tolist()]
    rate = np.mean([test is not None and test.p is not None and test.p <= 0.05 for test in tests])
    assert at_least < rate <= at_most


def test_the_plain_paired_test_is_what_would_give_false_alarms() -> None:
    assert np.mean(stats.ttest_1samp(_fold_differences(_random_splits, 1), 0, axis=1).pvalue <= 0.05) > 0.2


# --- resampling: the values -------------------------------------------------------------------------------------

PLAIN: dict[str, Callable[..., float]] = {
    "f1": metrics.f1_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "jaccard": metrics.jaccard_score,
}


def _of_labels(classes: int, positive: int) -> dict[str, Callable[[Array, Array], float]]:
    averaged = {
        f"{name}_{average}": lambda true, predicted, f=function, a=average: f(
            true, predicted, average=a, zero_division=0
        )
        for name, function in PLAIN.items()
        for average in ("macro", "micro", "weighted")
    }
    binary = {
        name: lambda true, predicted, f=function: f(true == positive, predicted == positive, zero_division=0)
        for name, function in PLAIN.items()
    }
    return {
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "matthews_corrcoef": metrics.matthews_corrcoef,
        **averaged,
        **(binary if classes == 2 else {}),
    }


def _of_numbers() -> dict[str, Callable[[Array, Array], float]]:
    return {
        "mean_absolute_error": metrics.mean_absolute_error,
        "mean_squared_error": metrics.mean_squared_error,
        "root_mean_squared_error": metrics.root_mean_squared_error,
        "mean_absolute_percentage_error": metrics.mean_absolute_percentage_error,
        "mean_squared_log_error": metrics.mean_squared_log_error,
        "root_mean_squared_log_error": metrics.root_mean_squared_log_error,
        "r2": metrics.r2_score,
        "explained_variance": metrics.explained_variance_score,
    }


def _is_defined(run: Rows, name: str, true: Array) -> bool:
    """Whether these rows define the metric: they hold its class, two classes, or two values."""
    if name in ("f1", "precision", "recall", "jaccard", "average_precision"):
        return bool((true == run.positive).any())
    return name not in ("roc_auc", "matthews_corrcoef", "r2", "explained_variance") or len(np.unique(true)) > 1


def _reference(run: Rows, name: str, at: Array) -> float:
    """scikit-learn's value on the rows `at`, written out."""
    true, predicted = run.true[at], run.predicted[at]
    if not _is_defined(run, name, true):
        return math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if run.classes == 0:
            return float(_of_numbers()[name](true, predicted))
        if kind_of(name) == "counts":
            return float(_of_labels(run.classes, run.positive)[name](true, predicted))
        assert run.scores is not None
        scores = run.scores[at]
        if name == "log_loss":
            return float(metrics.log_loss(true, scores, labels=np.arange(run.classes)))
        toward = scores[:, run.positive] if scores.ndim == 2 else scores * (1 if run.positive else -1)
        if name == "brier_score":
            return float(metrics.brier_score_loss(true == run.positive, toward, pos_label=True))
        if name == "average_precision":
            return float(metrics.average_precision_score(true == run.positive, toward))
        return float(metrics.roc_auc_score(true == run.positive, toward))


def _classified(classes: int, rows: int, seed: int, *, rare: bool, decimals: int, positive: int, decide: bool) -> Rows:
    state = np.random.RandomState(seed)
    chances = np.array([1.0] + [0.08 if rare else 1.0] * (classes - 1))
    true = state.choice(classes, rows, p=chances / chances.sum()).astype(np.int64)
    margins = np.eye(classes)[true] * 1.5 + state.normal(size=(rows, classes))
    predicted = margins.argmax(axis=1).astype(np.int64)
    if decide:
        scores = np.round(margins[:, 1] - margins[:, 0], decimals) if classes == 2 else margins
        return Rows(true, predicted, scores, "decision_function", classes, positive)
    scores = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
    scores[:, 0] = np.round(scores[:, 0], decimals)  # equal scores, and certain ones
    scores[:, 1:] *= ((1 - scores[:, 0]) / scores[:, 1:].sum(axis=1))[:, None]
    return Rows(true, predicted, scores, "predict_proba", classes, positive)


def _measured(rows: int, seed: int, *, steps: bool) -> Rows:
    state = np.random.RandomState(seed)
    true = state.exponential(size=rows) + 0.1
    if steps:  # few values: some resamples of ten rows have one only
        true = np.where(state.rand(rows) < 0.1, 5.0, 0.7)
    return Rows(true, true + state.uniform(-0.05, 0.5, rows), None, "predict", 0)


RUNS: Mapping[str, Rows] = {
    "binary": _classified(2, 60, 1, rare=False, decimals=9, positive=1, decide=False),
    "binary, ties": _classified(2, 60, 2, rare=False, decimals=1, positive=1, decide=False),
    "binary, the first is positive": _classified(2, 40, 3, rare=False, decimals=1, positive=0, decide=False),
    "binary, decision function": _classified(2, 40, 4, rare=False, decimals=0, positive=1, decide=True),
    "binary, decision function, the first is positive": _classified(
        2, 40, 5, rare=False, decimals=1, positive=0, decide=True
    ),
    "binary, rare": _classified(2, 30, 6, rare=True, decimals=1, positive=1, decide=False),
    "three classes": _classified(3, 50, 7, rare=False, decimals=1, positive=1, decide=False),
    "three classes, rare": _classified(3, 25, 8, rare=True, decimals=1, positive=1, decide=False),
    "six classes, few rows": _classified(6, 12, 9, rare=True, decimals=2, positive=1, decide=False),
    "numbers": _measured(50, 10, steps=False),
    "numbers, few values": _measured(10, 12, steps=True),
}


def _given_by(run: Rows) -> list[str]:
    """The metrics that a run's rows can give."""
    if run.classes == 0:
        return list(_of_numbers())
    names = list(_of_labels(run.classes, run.positive))
    if run.method == "predict_proba":
        names += ["log_loss", *(["brier_score"] if run.classes == 2 else [])]
    return names + (["roc_auc", "average_precision"] if run.classes == 2 else [])


def _rows_drawn(rows: int, seed: int, resamples: int) -> Array:
    return np.random.RandomState(seed).randint(0, rows, size=(resamples, rows), dtype=np.int64)


@pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
def test_every_value_is_scikit_learns_on_the_rows_written_out(run: Rows) -> None:
    names, resamples = _given_by(run), 40
    result = resample(names, [run], seed=3, resamples=resamples)
    drawn = _rows_drawn(len(run.true), 3, resamples)
    everything = np.arange(len(run.true))
    for name in names:
        expected = [_reference(run, name, at) for at in drawn]
        np.testing.assert_allclose(result.values[name][0], expected, rtol=1e-9, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(result.estimates[name][0], _reference(run, name, everything), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("positive", [0, 1])
def test_ranks_are_those_of_the_decision_function_where_it_stands_beside_probabilities(positive: int) -> None:
    run = RUNS["binary, ties"]._replace(positive=positive)
    assert run.scores is not None
    decision = np.random.RandomState(4).normal(size=len(run.true)) + run.true
    both = resample(["roc_auc", "log_loss"], [run._replace(decision=decision)], seed=0, resamples=2).estimates
    expected = metrics.roc_auc_score(run.true == positive, decision if positive else -decision)
    assert both["roc_auc"][0] == pytest.approx(expected, rel=1e-12)
    assert both["log_loss"][0] == pytest.approx(metrics.log_loss(run.true, run.scores), rel=1e-12)


def test_the_tables_of_that_test_hold_the_hard_cases() -> None:
    given = {name for run in RUNS.values() for name in _given_by(run)}
    assert given == set(KINDS)
    rare, steps = RUNS["binary, rare"], RUNS["numbers, few values"]
    assert any(len(np.unique(rare.true[at])) == 1 for at in _rows_drawn(30, 3, 40))
    assert any(len(np.unique(steps.true[at])) == 1 for at in _rows_drawn(10, 3, 40))
    few = RUNS["six classes, few rows"]
    assert any(len(np.union1d(few.true[at], few.predicted[at])) < 6 for at in _rows_drawn(12, 3, 40))


def test_brier_score_of_several_classes_is_the_sum_over_them() -> None:
    run = RUNS["three classes"]
    assert run.scores is not None
    expected = ((run.scores - np.eye(3)[run.true]) ** 2).sum(axis=1).mean()
    assert resample(["brier_score"], [run], seed=0, resamples=2).estimates["brier_score"][0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("f1", "three classes"),
        ("roc_auc", "three classes"),
        ("log_loss", "binary, decision function"),
        ("accuracy", "numbers"),
        ("r2", "binary"),
    ],
)
def test_a_metric_that_the_rows_cannot_give_is_nan(name: str, run: str) -> None:
    result = resample([name], [RUNS[run]], seed=0, resamples=20)
    assert np.isnan(result.values[name]).all()
    assert np.isnan(result.estimates[name]).all()
    assert interval(result.values[name][0], 0.95) is None
    assert p_value(result.values[name][0]) is None


# --- resampling: the draws --------------------------------------------------------------------------------------


def test_all_runs_see_the_same_rows_whoever_else_is_there() -> None:
    first, second = (
        RUNS["binary"],
        RUNS["binary"]._replace(predicted=1 - RUNS["binary"].predicted),
    )
    both = resample(["accuracy", "roc_auc"], [first, second], seed=5, resamples=50)
    alone = resample(["accuracy"], [second], seed=5, resamples=50)
    assert both.values["accuracy"].shape == (2, 50)
    np.testing.assert_allclose(both.values["accuracy"].sum(axis=0), 1.0)  # each row is right in one of the two
    np.testing.assert_array_equal(both.values["accuracy"][1], alone.values["accuracy"][0])
    other = resample(["accuracy"], [second], seed=6, resamples=50)
    assert (other.values["accuracy"] != alone.values["accuracy"]).any()


@pytest.mark.parametrize(("rows", "resamples"), [(100, 2000), (10_000, 2000), (50_000, 400), (200_000, 200)])
def test_fewer_resamples_for_many_rows(rows: int, resamples: int) -> None:
    state = np.random.RandomState(0)
    run = Rows(state.randint(0, 2, rows), state.randint(0, 2, rows), None, None, 2)
    result = resample(["accuracy"], [run], seed=0)
    assert result.resamples == resamples
    assert result.values["accuracy"].shape == (1, resamples)
    # the chunks change nothing: the deviation is that of a proportion
    p = result.estimates["accuracy"][0]
    assert result.values["accuracy"].std() == pytest.approx(math.sqrt(p * (1 - p) / rows), rel=0.2)


def test_unknown_metrics_and_other_rows_are_refused() -> None:
    run = RUNS["binary"]
    assert kind_of("max_error") is None
    with pytest.raises(ValueError, match="max_error"):
        resample(["max_error"], [run], seed=0)
    with pytest.raises(ValueError, match="different true values"):
        resample(["accuracy"], [run, run._replace(true=1 - run.true)], seed=0)


# --- resampling: intervals and p-values -------------------------------------------------------------------------


def test_interval_without_support_is_numpys_quantiles() -> None:
    values = np.random.RandomState(0).normal(size=500)
    assert interval(values, 0.9) == pytest.approx(tuple(np.quantile(values, [0.05, 0.95])), rel=1e-9)


@pytest.mark.parametrize("rows", [4, 10, 30, 200, 5000])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_interval_is_widened_as_students_t_is(rows: int, level: float) -> None:
    values = np.random.RandomState(0).normal(size=400_000)
    found = interval(values, level, rows)
    assert found is not None
    expected = stats.t.ppf((1 + level) / 2, rows - 1) * math.sqrt(rows / (rows - 1))
    assert found == pytest.approx((-expected, expected), rel=0.03)


@pytest.mark.parametrize("rows", [None, 20, 200])
def test_p_value_and_interval_say_the_same(rows: int | None) -> None:
    values = np.sort(np.random.RandomState(0).normal(size=4000))
    for share in (0.001, 0.005, 0.012, 0.02, 0.03, 0.05, 0.3):
        shifted = values - np.quantile(values, share)
        p, ends = p_value(shifted, rows), interval(shifted, 0.95, rows)
        assert p is not None
        assert ends is not None
        assert (p < 0.05) == (ends[0] > 0)


def test_p_value_is_the_counted_one() -> None:
    values = np.array([-1.0, 0.0, *[2.0] * 97])
    assert p_value(values) == pytest.approx(2 * 3 / 100, rel=1e-12)
    assert p_value(-values) == pytest.approx(2 * 3 / 100, rel=1e-12)
    assert p_value(np.zeros(99)) == pytest.approx(1.0)
    assert p_value(np.ones(1999)) == pytest.approx(2 / 2000, rel=1e-9)  # never 0


@pytest.mark.parametrize(("undefined", "there"), [(0, True), (5, True), (6, False), (100, False)])
def test_undefined_values_are_left_out_up_to_a_share(undefined: int, there: bool) -> None:
    values = np.arange(100.0) - 3
    values[100 - undefined :] = np.nan
    assert (interval(values, 0.95) is not None) == there
    assert (p_value(values) is not None) == there
    assert (rows_for_interval(1.0, values, 50) is not None) == there
    if there:
        assert interval(values, 0.95) == pytest.approx(tuple(np.nanquantile(values, [0.025, 0.975])))


def test_values_that_do_not_vary_give_no_interval() -> None:
    assert interval(np.full(50, 0.1), 0.95) is None
    assert metric_interval("accuracy", 1.0, np.ones(50), 0.95, 69) is None
    assert metric_interval("roc_auc", 0.9, np.linspace(0.8, 1, 50), 0.95, 1) is None


def test_an_interval_of_a_score_stays_between_0_and_1() -> None:
    values = np.linspace(0.9, 1.0, 101)
    found = metric_interval("roc_auc", 0.98, values, 0.95, 20)
    assert found is not None
    assert 0 < found[0] < 0.9 < 0.98 < found[1] < 1
    assert metric_interval("matthews_corrcoef", 0.98, values, 0.95, 20) == interval(values, 0.95, 20)
    assert metric_interval("log_loss", 0.98, values, 0.95, 20) == interval(values, 0.95, 20)


def test_support_is_the_rarer_class_where_it_carries_the_metric() -> None:
    true = np.array([0] * 7 + [1] * 3)
    binary, three = Rows(true, true, None, None, 2), Rows(true, true, None, None, 3)
    assert [support(name, binary) for name in ("roc_auc", "f1_macro", "log_loss")] == [3, 3, 3]
    assert [support(name, binary) for name in ("accuracy", "f1_weighted", "recall_micro")] == [10, 10, 10]
    assert support("f1_macro", three) == 10
    assert support("r2", RUNS["numbers"]) == 50


def test_rows_for_interval_is_the_normal_formula() -> None:
    values = np.random.RandomState(0).normal(0.02, 0.03, 1000)
    reach = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * np.std(values, ddof=1) / 0.02
    assert rows_for_interval(0.02, values, 150) == math.ceil(150 * reach**2)
    assert rows_for_interval(0.0, values, 150) is None
    assert rows_for_interval(math.nan, values, 150) is None
    assert rows_for_interval(0.1, np.full(50, 0.1), 150) is None


# --- resampling: coverage ---------------------------------------------------------------------------------------


def _binary_runs(state: np.random.RandomState, rows: int, share: float) -> list[Rows]:
    """Two linear models of one task, each calibrated, their errors half in common."""
    true = (state.rand(rows) < share).astype(np.int64)
    common, runs = state.normal(size=rows), []
    for strength in (2.0, 2.2):
        seen = strength * (true - 0.5) + math.sqrt(0.5) * (common + state.normal(size=rows))
        p = 1 / (1 + np.exp(-strength * seen - math.log(share / (1 - share))))
        runs.append(Rows(true, (p > 0.5).astype(np.int64), np.c_[1 - p, p], "predict_proba", 2))
    return runs


def _multiclass_runs(state: np.random.RandomState, rows: int) -> list[Rows]:
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    true = state.choice(4, rows, p=shares).astype(np.int64)
    common, runs = state.normal(size=(rows, 4)), []
    for strength in (1.5, 1.7):
        seen = np.eye(4)[true] * strength + math.sqrt(0.5) * (common + state.normal(size=(rows, 4)))
        p = np.exp(strength * seen) * shares
        p /= p.sum(axis=1, keepdims=True)
        runs.append(Rows(true, p.argmax(axis=1), p, "predict_proba", 4))
    return runs


def _regression_runs(state: np.random.RandomState, rows: int) -> list[Rows]:
    signal, common = state.normal(size=rows), state.normal(size=rows)
    true = signal + 0.5 * state.normal(size=rows)
    return [Rows(true, slope * signal + 0.3 * slope * common, None, "predict", 0) for slope in (1.0, 0.9)]


Maker = Callable[[np.random.RandomState, int], list[Rows]]

SITUATIONS: Mapping[str, tuple[Maker, list[str]]] = {
    "balanced": (lambda s, n: _binary_runs(s, n, 0.5), ["accuracy", "f1_macro", "log_loss", "roc_auc"]),
    "one in ten": (lambda s, n: _binary_runs(s, n, 0.1), ["accuracy", "f1_macro", "log_loss", "roc_auc"]),
    "four classes": (_multiclass_runs, ["accuracy", "f1_macro", "log_loss"]),
    "numbers": (_regression_runs, ["mean_absolute_error", "root_mean_squared_error", "r2"]),
}


@pytest.mark.slow
@pytest.mark.parametrize(("make", "names"), SITUATIONS.values(), ids=list(SITUATIONS))
def test_intervals_cover_the_truth_from_200_rows_on(make: Maker, names: list[str]) -> None:
    rows, trials, state = 200, 1200, np.random.RandomState(7)
    many = make(state, 1_000_000)
    truth = np.stack([weighted_metrics(names, run)(np.ones((1, 1_000_000)))[:, 0] for run in many])
    covered = dict.fromkeys([(name, what) for name in names for what in ("one run", "difference")], 0)
    for trial in range(trials):
        runs = make(state, rows)
        result = resample(names, runs, seed=trial, resamples=600)
        for at, name in enumerate(names):
            values, carried = result.values[name], support(name, runs[0])
            one = metric_interval(name, result.estimates[name][0], values[0], 0.95, carried)
            both = interval(values[1] - values[0], 0.95, carried)
            assert one is not None
            assert both is not None
            covered[name, "one run"] += one[0] <= truth[0, at] <= one[1]
            covered[name, "difference"] += both[0] <= truth[1, at] - truth[0, at] <= both[1]
    shares = {key: count / trials for key, count in covered.items()}
    assert {key: share for key, share in shares.items() if not 0.93 <= share <= 0.97} == {}


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.1], ids=["balanced", "one in ten"])
def test_the_bootstrap_gives_no_more_false_alarms_than_it_says(share: float) -> None:
    names, trials, state = ["accuracy", "log_loss", "roc_auc"], 1000, np.random.RandomState(8)
    alarms = dict.fromkeys(names, 0)
    for trial in range(trials):
        first, second = _binary_runs(state, 200, share)
        runs = [first, second] if trial % 2 else [second, first]
        # which of the two is the better one is drawn row by row: their true metrics are equal
        swap = state.rand(200) < 0.5
        assert first.scores is not None
        assert second.scores is not None
        mixed = [
            a._replace(
                predicted=np.where(swap, a.predicted, b.predicted), scores=np.where(swap[:, None], a.scores, b.scores)
            )
            for a, b in (runs, runs[::-1])
        ]
        result = resample(names, mixed, seed=trial, resamples=600)
        for name in names:
            p = p_value(result.values[name][1] - result.values[name][0], support(name, first))
            assert p is not None
            alarms[name] += p <= 0.05
    rates = {name: count / trials for name, count in alarms.items()}
    assert {name: rate for name, rate in rates.items() if not 0.02 < rate < 0.065} == {}
