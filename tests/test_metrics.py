"""Metrics are scikit-learn's own, to the last bit, though labels are counted only once; and so is the report."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.metrics import get_scorer_names
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from week2kit import train
from week2kit.errors import StageError
from week2kit.loop.metrics import Scorer, deviation, mean, report_text
from week2kit.loop.predictions import Answers
from week2kit.record.manifest import CompletedRun, FailedRun
from week2kit.scales import is_bounded, is_share

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning", "ignore:y_pred contains")

AVERAGED: dict[str, Callable[..., float]] = {
    "f1": metrics.f1_score,
    "jaccard": metrics.jaccard_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
}

#: Metrics of labels for any number of classes, as functions of the full label arrays.
OF_LABELS: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "matthews_corrcoef": metrics.matthews_corrcoef,
    **{
        f"{name}_{average}": lambda true, predicted, f=function, a=average: f(true, predicted, average=a)
        for name, function in AVERAGED.items()
        for average in ("macro", "micro", "weighted")
    },
}

#: Metrics of labels that compare partitions; scikit-learn gives them no weights.
OF_CLUSTERS = (
    "adjusted_mutual_info_score",
    "adjusted_rand_score",
    "completeness_score",
    "fowlkes_mallows_score",
    "homogeneity_score",
    "mutual_info_score",
    "normalized_mutual_info_score",
    "rand_score",
    "v_measure_score",
)

REGRESSION = tuple(
    name
    for name in (
        "d2_absolute_error_score",
        "explained_variance",
        "max_error",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_gamma_deviance",
        "mean_poisson_deviance",
        "mean_squared_error",
        "mean_squared_log_error",
        "median_absolute_error",
        "r2",
        "root_mean_squared_error",
        "root_mean_squared_log_error",
    )
    if {name, f"neg_{name}"} & set(get_scorer_names())
)


def labels_of(kind: str, count: int) -> list[Any]:
    """`count` sorted class labels of a kind."""
    return {
        "text": [f"class {chr(97 + i)}" for i in range(count)],
        "int": [7 * i - 10 for i in range(count)],
        "float": [float(i - 3) for i in range(count)],
        "bool": [False, True],
    }[kind]


def some_labels(labels: Sequence[Any], rows: int, seed: int, *, never: int | None = None) -> tuple[Any, Any, Any, Any]:
    """True and predicted labels with their codes, about 6 of 10 right; the class `never` is not predicted."""
    rng = np.random.default_rng(seed)
    true = np.concatenate([np.arange(len(labels)), rng.integers(0, len(labels), rows - len(labels))])
    predicted = np.where(rng.random(rows) < 0.6, true, rng.integers(0, len(labels), rows))
    if never is not None:
        predicted[predicted == never] = (never + 1) % len(labels)
    values = np.array(labels, dtype=object) if isinstance(labels[0], str) else np.array(labels)
    return true, predicted, values[true], values[predicted]


def value(name: str, classes: int, y_true: Any, y_pred: Any, positive: int = 0) -> float | None:
    return Scorer(name, classes, positive, None)(y_true, Answers(y_pred, None, None))


# --- metrics of labels ------------------------------------------------------------------------------------------

KINDS = [
    *(pytest.param("text", n, id=f"text-{n}") for n in (2, 3, 12)),
    *(pytest.param("int", n, id=f"int-{n}") for n in (2, 5)),
    *(pytest.param("float", n, id=f"float-{n}") for n in (2, 7)),
    pytest.param("bool", 2, id="bool-2"),
]


@pytest.mark.parametrize("never", [None, 0, 1], ids=["all-predicted", "first-never", "second-never"])
@pytest.mark.parametrize(("kind", "classes"), KINDS)
def test_every_label_metric_is_that_of_the_full_arrays_to_the_bit(kind: str, classes: int, never: int | None) -> None:
    codes_true, codes_predicted, true, predicted = some_labels(labels_of(kind, classes), 211, classes, never=never)
    for name, function in OF_LABELS.items():
        assert value(name, classes, codes_true, codes_predicted) == function(true, predicted), name


@pytest.mark.parametrize("name", ["f1", "jaccard", "precision", "recall", "accuracy"])
def test_metrics_of_labels_that_are_counted_are_marked_as_exact(name: str) -> None:
    assert Scorer(name, 2, 1, "predict_proba").of_labels
    assert not Scorer("log_loss", 2, 1, "predict_proba").of_labels


@st.composite
def label_vectors(draw: st.DrawFn) -> tuple[int, Any, Any]:
    classes = draw(st.integers(2, 6))
    rows = draw(st.integers(1, 60))
    codes = st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows)
    return classes, np.array(draw(codes)), np.array(draw(codes))


@given(label_vectors())
@settings(max_examples=50, deadline=None)
def test_any_label_vectors_give_the_same_bits_and_the_same_report(vectors: tuple[int, Any, Any]) -> None:
    classes, true, predicted = vectors
    labels = labels_of("text", classes)
    names = np.array(labels, dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("accuracy", "f1_macro", "f1_weighted", "precision_micro", "balanced_accuracy"):
            assert value(name, classes, true, predicted) == OF_LABELS[name](names[true], names[predicted])
        report = metrics.classification_report(names[true], names[predicted])
    assert report_text(true, predicted, labels) == report


# --- the report -------------------------------------------------------------------------------------------------

REPORTS = [
    pytest.param(["no", "yes"], 90, id="text"),
    pytest.param([-10, 4, 700], 90, id="int"),
    pytest.param([-1.0, 0.0, 2.0, 1e16], 90, id="float"),
    pytest.param([False, True], 90, id="bool"),
    pytest.param(["a", "b", "c"], 33_000, id="more than 10,000 of each"),
    pytest.param(["3.0", "an umlaut ü", "ends in 10.0", "tab\tinside"], 90, id="labels that look like numbers"),
    pytest.param(["a label far longer than the heading of any column of it", "b"], 90, id="long"),
    pytest.param(["line\nbreak 12.0", "line\nbreak 12.0\n"], 90, id="labels of several lines"),
]


@pytest.mark.parametrize(("labels", "rows"), REPORTS)
def test_the_report_is_scikit_learns_text(labels: list[Any], rows: int) -> None:
    codes_true, codes_predicted, true, predicted = some_labels(labels, rows, 3)
    assert report_text(codes_true, codes_predicted, labels) == metrics.classification_report(true, predicted)


def test_the_report_leaves_out_a_class_that_is_neither_true_nor_predicted() -> None:
    true, predicted = np.array([0, 2, 2, 0]), np.array([0, 2, 0, 0])
    names = np.array(["a", "b", "c"], dtype=object)
    assert report_text(true, predicted, ["a", "b", "c"]) == metrics.classification_report(names[true], names[predicted])


def test_the_error_table_of_a_regression_holds_numpys_values() -> None:
    rng = np.random.default_rng(0)
    true, errors = rng.normal(size=50) * 100, rng.normal(size=50)
    table = dict(line.rsplit(maxsplit=1) for line in report_text(true, true + errors, None).splitlines())
    assert table["rows"] == "50"
    errors = (true + errors) - true
    assert float(table["mean error (predicted - true)"]) == pytest.approx(errors.mean(), rel=1e-5)
    assert float(table["mean absolute error"]) == pytest.approx(np.abs(errors).mean(), rel=1e-5)
    assert float(table["root mean squared error"]) == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-5)
    assert float(table["largest absolute error"]) == pytest.approx(np.abs(errors).max(), rel=1e-5)
    assert float(table["90 % of absolute errors up to"]) == pytest.approx(np.sort(np.abs(errors))[44], rel=1e-5)


# --- directions and scales --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REGRESSION)
def test_regression_metrics_are_recorded_with_their_direction(name: str) -> None:
    scorer = Scorer(name, 0, 0, "predict")
    assert scorer.greater_is_better is (name in ("d2_absolute_error_score", "explained_variance", "r2"))
    assert is_bounded(name) is scorer.greater_is_better


@pytest.mark.parametrize("name", sorted(name.removeprefix("neg_") for name in get_scorer_names()))
def test_bounded_is_what_ends_at_1_and_a_share_what_begins_at_0(name: str) -> None:
    """The name alone tells it: whatever the data, the right answers give 1, and no answers less than 0."""
    numbers = np.array([1.0, 2.5, 4.0, 8.5, 16.0])
    tasks: list[tuple[int, np.ndarray[Any, Any]]] = [(0, numbers), *((n, np.tile(np.arange(n), 4)) for n in (2, 3, 5))]
    right, others = [], []
    for classes, true in tasks:
        method = "predict_proba" if classes else "predict"
        try:
            scorer = Scorer(name, classes, 1 if classes == 2 else 0, method)
            for found, labels in ((right, true), (others, true[::-1].copy()), (others, np.append(true[1:2], true[1:]))):
                scores = np.eye(classes)[labels] if classes else labels
                found.append(scorer(true, Answers(labels, scores, method)))  # type: ignore[arg-type]
        except StageError:  # of another task, or not defined
            continue
    if right and scorer.greater_is_better:
        assert is_bounded(name) is (right == pytest.approx([1.0] * len(right)) and max(others) <= 1)
    else:
        assert not is_bounded(name) or name.endswith("_samples")  # of several labels a row: never computed here
    assert not is_share(name) or min(others, default=0.0) >= 0


def test_a_loss_of_zero_is_written_without_a_sign() -> None:
    y = np.array([1.0, 2.0, 4.0])
    loss = Scorer("mean_squared_error", 0, 0, "predict")(y, Answers(y, y, "predict"))
    assert loss == 0
    assert math.copysign(1.0, loss) == 1.0


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "y_true", "y_pred"),
    [
        pytest.param("mean_squared_error", [1e200, 1.0], [-1e200, 1.0], id="square beyond all numbers"),
        pytest.param("mean_squared_log_error", [-2.0, 1.0], [1.0, 1.0], id="logarithm of a negative"),
    ],
)
def test_a_value_that_is_no_finite_number_is_refused_with_the_metrics_name(
    name: str, y_true: list[float], y_pred: list[float]
) -> None:
    predicted = np.array(y_pred)
    with pytest.raises(StageError, match=rf"^The metric {name} "):
        Scorer(name, 0, 0, "predict")(np.array(y_true), Answers(predicted, predicted, "predict"))


IMPOSSIBLE = [
    *(pytest.param(name, 3, None, id=f"{name}-without-scores") for name in ("log_loss", "roc_auc_ovr", "roc_auc")),
    *(pytest.param(name, 2, "decision_function", id=f"{name}-of-decisions") for name in ("log_loss", "brier_score")),
    *(
        pytest.param(name, 3, "predict_proba", id=f"{name}-of-three")
        for name in ("f1", "precision", "recall", "roc_auc")
    ),
    *(pytest.param(name, 3, "predict_proba", id=f"{name}-of-classes") for name in REGRESSION),
    *(pytest.param(name, 2, None, id=f"{name}-of-two") for name in ("f1_samples", "mean_squared_error")),
    *(
        pytest.param(name, 0, "predict", id=f"{name}-of-numbers")
        for name in (*OF_LABELS, *OF_CLUSTERS, "f1", "roc_auc")
    ),
]


@pytest.mark.parametrize(("name", "classes", "method"), IMPOSSIBLE)
def test_a_metric_that_a_model_cannot_give_is_named_before_any_fit(name: str, classes: int, method: str | None) -> None:
    with pytest.raises(StageError, match=rf"^metrics: {name} cannot be computed for this model and target: "):
        Scorer(name, classes, 0, method)


def test_a_misspelt_metric_is_told_the_right_name() -> None:
    with pytest.raises(StageError, match="there is no metric") as caught:
        Scorer("acuracy", 2, 1, None)
    assert caught.value.hint == 'Did you mean "accuracy"?'


def test_all_impossible_metrics_of_a_config_are_told_at_once_and_nothing_is_fitted(tmp_path: Path) -> None:
    config = {"data": {"dataset": "iris"}, "model": "svc", "metrics": ["accuracy", "roc_auc", "r2", "log_loss"]}
    run = train(config, runs_dir=tmp_path)
    assert isinstance(run.manifest, FailedRun)
    assert run.manifest.failure.stage == "config"
    for name in ("roc_auc", "r2", "log_loss"):
        assert f"metrics: {name} cannot be computed" in run.manifest.failure.message
    assert "accuracy cannot" not in run.manifest.failure.message


# --- through train ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text", "int", "float", "bool"])
@pytest.mark.parametrize("positive", [0, 1], ids=["positive-first", "positive-second"])
def test_a_run_records_what_a_script_computes_from_its_labels(kind: str, positive: int, tmp_path: Path) -> None:
    labels = labels_of(kind, 2)
    rng = np.random.default_rng(1)
    X = rng.normal(size=(120, 2)).round(3)
    y = np.array(labels, dtype=object)[(X[:, 0] + rng.normal(size=120) > 0).astype(int)]
    pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y}).to_csv(tmp_path / "data.csv", index=False)
    names = ["f1", "precision", "recall", "jaccard", *OF_LABELS]
    config = {
        "data": {"path": str(tmp_path / "data.csv"), "target": "y"},
        "split": {"test_size": 0.4},
        "model": "k_nearest_neighbors",
        "metrics": names,
        "positive": labels[positive],
        "seed": 9,
    }
    manifest = train(config, runs_dir=tmp_path / "runs", name="run").manifest
    assert isinstance(manifest, CompletedRun)
    assert manifest.outcome.positive == labels[positive]
    assert manifest.outcome.classes == labels
    true_labels = y.astype(str) if kind == "text" else y.astype(type(labels[0]))
    X_train, X_val, y_train, y_val = train_test_split(
        X, true_labels, test_size=0.4, stratify=true_labels, random_state=9
    )
    predicted = KNeighborsClassifier().fit(X_train, y_train).predict(X_val)
    written = json.loads((tmp_path / "runs/run/metrics.json").read_text())
    for name in names:
        if name in AVERAGED:
            wanted = AVERAGED[name](y_val, predicted, average="binary", pos_label=labels[positive])
        else:
            wanted = OF_LABELS[name](y_val, predicted)
        assert written[name] == manifest.outcome.metrics[name].value == wanted, name
    report = (tmp_path / "runs/run/val_report.txt").read_text()
    assert report == metrics.classification_report(y_val, predicted)


# --- means ------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_mean_and_deviation_are_correctly_summed(values: list[float]) -> None:
    assert mean(values) == math.fsum(values) / len(values)
    assert deviation(values) == pytest.approx(np.std(values), rel=1e-6, abs=1e-9)


def test_a_mean_does_not_depend_on_the_pythons_own_sum() -> None:
    assert mean([0.1] * 10) == 0.1
    assert mean([1e16, 1.0, -1e16, 1.0]) == 0.5
