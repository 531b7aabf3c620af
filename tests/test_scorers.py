"""Every offered metric is that of scikit-learn's own scorer on the fitted pipeline, to the bit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cache, wraps
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.metaestimators import available_if

from week2kit.errors import StageError
from week2kit.loop import metrics
from week2kit.loop.evaluating import recompute
from week2kit.loop.metrics import Scorer
from week2kit.loop.predictions import Answers, from_csv, predict, to_csv
from week2kit.loop.predictions import Predictions as Stored

pytestmark = pytest.mark.filterwarnings("ignore")


class Nearest(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The class of the nearest mean: labels only, no scores of any kind."""

    def fit(self, X: Any, y: Any) -> Nearest:
        self.classes_ = np.unique(y)
        self.means_ = np.array([np.asarray(X)[y == label].mean(axis=0) for label in self.classes_])
        return self

    def predict(self, X: Any) -> Any:
        return self.classes_[((np.asarray(X)[:, None] - self.means_) ** 2).sum(axis=2).argmin(axis=1)]


def sgd() -> SGDClassifier:
    return SGDClassifier(loss="log_loss", random_state=0, max_iter=20, tol=1e-3)


CLASSIFIERS: dict[str, Any] = {
    "probabilities only: naive Bayes": GaussianNB(),
    "probabilities only: a tree of 0 and 1": DecisionTreeClassifier(random_state=0),
    "probabilities only: forest": RandomForestClassifier(15, random_state=0),
    "probabilities only: neighbours, with ties": KNeighborsClassifier(3),
    "probabilities only: voting": VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], voting="soft"),
    "probabilities only: neural network": MLPClassifier(hidden_layer_sizes=(5,), max_iter=40, random_state=0),
    "probabilities only: calibrated": CalibratedClassifierCV(LinearSVC(), cv=3),
    "decision only: SVC": SVC(),
    "decision only: linear SVC with weights": LinearSVC(class_weight="balanced"),
    "decision only: ridge": RidgeClassifier(),
    "both: logistic regression with weights": LogisticRegression(class_weight="balanced"),
    "both: LDA": LinearDiscriminantAnalysis(),
    "both: SVC, whose probabilities may turn round": SVC(kernel="sigmoid", probability=True, random_state=0),
    "both: SGD, whose probabilities are all 0 or 1": sgd(),
    "both: AdaBoost": AdaBoostClassifier(n_estimators=5, random_state=0),
    "both: boosting": GradientBoostingClassifier(n_estimators=5, random_state=0),
    "both: a search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
    "neither: nearest mean": Nearest(),
    "neither: voting by majority": VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], voting="hard"),
}

REGRESSORS: dict[str, Any] = {
    "linear": LinearRegression(),
    "ridge": Ridge(),
    "tree": DecisionTreeRegressor(random_state=0),
    "forest": RandomForestRegressor(15, random_state=0),
    "boosting": GradientBoostingRegressor(n_estimators=5, random_state=0),
    "neighbours": KNeighborsRegressor(3),
    "SVR": SVR(),
    "neural network": MLPRegressor(hidden_layer_sizes=(5,), max_iter=40, random_state=0),
}

OFFERED = sorted(name.removeprefix("neg_") for name in get_scorer_names())


@cache
def data(classes: int) -> tuple[pd.DataFrame, Any]:
    """Ninety rows that no model gets all right; the scale of the first feature makes SGD saturate."""
    rng = np.random.default_rng(classes)
    X = pd.DataFrame(rng.normal(size=(90, 4)) * [300.0, 1.0, 1.0, 1.0], columns=list("abcd"))
    score = X["a"] / 300 + X["b"] + rng.normal(size=90)
    if not classes:
        return X, np.exp(score.to_numpy() / 2)
    return X, np.asarray(pd.qcut(score, [0, 0.7, 1] if classes == 2 else classes, labels=False), dtype=np.int64)


FOLDS = [(np.r_[0:60], np.r_[60:90]), (np.r_[30:90], np.r_[0:30])]


@cache
def part(classes: int, fold: int, training: bool) -> tuple[pd.DataFrame, Any]:
    """The training or the validation rows of a fold, each time as the same tables."""
    X, y = data(classes)
    rows = FOLDS[fold][not training]
    return X.iloc[rows], y[rows]


@cache
def fitted(kind: str, classes: int, fold: int) -> Any:
    """A fitted pipeline, without scaling where saturation is wanted; of the same rows it remembers its answers."""
    model = clone((CLASSIFIERS if classes else REGRESSORS)[kind])
    pipeline = make_pipeline(model) if isinstance(model, SGDClassifier) else make_pipeline(StandardScaler(), model)
    pipeline.fit(*part(classes, fold, training=True))
    for method in ("predict", "predict_proba", "decision_function"):
        if hasattr(pipeline, method):
            setattr(pipeline, method, remembered(getattr(pipeline, method)))
    return pipeline


def remembered(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Asked once of each table, for sixty scorers want the same; each gets a copy, which nobody else can change."""
    answers: dict[int, tuple[Any, Any]] = {}

    @wraps(answer)
    def answered(X: Any) -> Any:
        if id(X) not in answers:
            answers[id(X)] = X, answer(X)  # the table is kept, so that no other has its address
        return answers[id(X)][1].copy()

    return answered


def scikit_learns(name: str, pipeline: Any, X: Any, y: Any) -> float:
    """The value of scikit-learn's own scorer; losses positive."""
    scorer = get_scorer(name if name in get_scorer_names() else f"neg_{name}")
    return float(scorer._sign * scorer(pipeline, X, y))


def scorers(pipeline: Any, classes: int, positive: int = 1) -> list[Scorer]:
    """All metrics that the pipeline can give."""
    methods = [m for m in ("predict_proba", "decision_function") if hasattr(pipeline, m)] if classes else ["predict"]
    return offered(classes, positive, methods[0] if methods else None, "decision_function" in methods)


@cache
def offered(classes: int, positive: int, method: str | None, decision: bool) -> list[Scorer]:
    """All metrics of scores of a method; `decision` where there are decision values, too."""
    found = []
    for name in OFFERED:
        with contextlib.suppress(StageError):
            found.append(Scorer(name, classes, positive, method, decision=decision))
    return found


def value_of(scorer: Scorer, true: Any, answers: Answers) -> tuple[str, float | str | None]:
    """The name and the value, or that there is none."""
    try:
        return scorer.name, scorer(true, answers)
    except StageError as error:
        return scorer.name, str(error).partition(": ")[2].rstrip(".")


def wanted_of(scorer: Scorer, pipeline: Any, X: Any, y: Any) -> tuple[str, float | str | None]:
    """The same by scikit-learn's scorer."""
    try:
        found = scikit_learns(scorer.name, pipeline, X, y)
    except ValueError as error:  # a deviance of predictions below 0
        return scorer.name, str(error).rstrip(".")
    return scorer.name, None if np.isnan(found) else found


@cache
def wanted(kind: str, classes: int, fold: int, training: bool) -> dict[str, float | str | None]:
    """What scikit-learn's scorers say of a fitted pipeline, by the name of the metric."""
    pipeline, (X, y) = fitted(kind, classes, fold), part(classes, fold, training)
    return dict(wanted_of(scorer, pipeline, X, y) for scorer in scorers(pipeline, classes))


#: Before scikit-learn 1.6 it gives NaN for a row that is of no class of three.
_NOT_A_NUMBER = (3, "both: SGD, whose probabilities are all 0 or 1")
CASES = [
    *(
        pytest.param(
            kind,
            classes,
            id=f"{classes}-{kind}",
            marks=[pytest.mark.newest] * ((classes, kind) == _NOT_A_NUMBER),
        )
        for kind in CLASSIFIERS
        for classes in (2, 3)
    ),
    *(pytest.param(kind, 0, id=kind) for kind in REGRESSORS),
]


@pytest.mark.parametrize(("kind", "classes"), CASES)
def test_every_metric_is_that_of_the_scorer_to_the_bit(kind: str, classes: int) -> None:
    given: set[str] = set()
    for fold, training in product(range(len(FOLDS)), (True, False)):
        pipeline, (X, y) = fitted(kind, classes, fold), part(classes, fold, training)
        answers = predict(pipeline, X, list(range(classes)) or None, decision=True)
        found = dict(value_of(scorer, y, answers) for scorer in scorers(pipeline, classes))
        assert found == wanted(kind, classes, fold, training)
        given |= found.keys()
    assert given >= ({"accuracy", "f1_macro", "matthews_corrcoef"} if classes else {"r2", "mean_squared_error"})
    if classes and not kind.startswith("neither"):
        assert given >= ({"roc_auc", "average_precision"} if classes == 2 else {"top_k_accuracy"})
    if kind.startswith(("both", "probabilities")):
        assert given >= {"log_loss", "roc_auc_ovr", "roc_auc_ovo_weighted"}


def test_each_offered_metric_is_held_against_its_scorer_somewhere() -> None:
    given = {
        scorer.name
        for kind, classes in [("both: LDA", 2), ("both: LDA", 3), ("linear", 0)]
        for scorer in scorers(fitted(kind, classes, 0), classes)
    }
    assert {*OFFERED} - given == {f"{name}_samples" for name in ("f1", "jaccard", "precision", "recall")}


@pytest.mark.parametrize("kind", list(CLASSIFIERS))
def test_the_first_class_may_be_the_positive_one(kind: str) -> None:
    pipeline, (X, y) = fitted(kind, 2, 0), part(2, 0, training=False)
    answers = predict(pipeline, X, [0, 1], decision=True)
    # of labels that stand the other way round, scikit-learn takes the same scores with the other sign, or column
    turned = Turned(pipeline)
    for scorer in scorers(pipeline, 2, positive=0):
        assert value_of(scorer, y, answers) == wanted_of(scorer, turned, X, 1 - y)


class Turned(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted classifier of 0 and 1 whose classes have changed places."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.classes_ = np.array([0, 1])

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> Turned:
        return self

    def predict(self, X: Any) -> Any:
        return 1 - self.model.predict(X)

    @available_if(lambda self: hasattr(self.model, "predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        return self.model.predict_proba(X)[:, ::-1]

    @available_if(lambda self: hasattr(self.model, "decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        return -self.model.decision_function(X)


@pytest.mark.parametrize(("kind", "classes"), [case for case in CASES if case.values[1]])
def test_predictions_csv_alone_gives_the_same_bits(kind: str, classes: int) -> None:
    pipeline, (X, y) = fitted(kind, classes, 0), part(classes, 0, training=False)
    labels = [f"class {code}" for code in range(classes)]
    answers = predict(pipeline, X, list(range(classes)), decision=True)
    zeros, rows = np.zeros(len(y), dtype=np.int64), FOLDS[0][1]
    stored = Stored(zeros, zeros, rows, y, answers.labels, answers.scores, answers.method, labels, answers.decision)
    read = from_csv(to_csv(stored), labels, answers.method)
    names = [scorer.name for scorer in scorers(pipeline, classes)]
    found, _ = recompute(read, names, labels[1] if classes == 2 else None)
    assert {name: found[name]["value"] for name in names} == wanted(kind, classes, 0, training=False)


@pytest.mark.parametrize("kind", ["both: LDA", "probabilities only: forest", "decision only: SVC"])
def test_a_class_without_rows_is_still_a_class(kind: str) -> None:
    X, y = data(3)
    pipeline, rows = fitted(kind, 3, 0), np.flatnonzero(y != 1)
    answers = predict(pipeline, X.iloc[rows], [0, 1, 2], decision=True)
    found = {scorer.name: scorer(y[rows], answers) for scorer in scorers(pipeline, 3)}
    if "log_loss" in found:
        proba = pipeline.predict_proba(X.iloc[rows])
        own = np.clip(proba[np.arange(len(rows)), y[rows]], np.finfo(float).eps, 1 - np.finfo(float).eps)
        assert found["log_loss"] == pytest.approx(-np.log(own).mean(), rel=1e-12)
        assert found["roc_auc_ovr"] is found["roc_auc_ovo"] is None
        if "brier_score" in found:  # of several classes from scikit-learn 1.7 on
            assert found["brier_score"] == pytest.approx(((proba - np.eye(3)[y[rows]]) ** 2).sum(axis=1).mean())
    scores = pipeline.decision_function(X.iloc[rows]) if hasattr(pipeline, "decision_function") else proba
    assert found["top_k_accuracy"] == np.mean(
        [y[row] in np.argsort(s)[-2:] for row, s in zip(rows, scores, strict=True)]
    )
    assert found["f1_macro"] == scikit_learns("f1_macro", pipeline, X.iloc[rows], y[rows])


# --- what the true rows do not define ---------------------------------------------------------------------------


def of_binary(name: str, true: list[int], predicted: list[int], positive: int = 1) -> metrics.Score:
    codes = np.array(predicted)
    scores = np.where(codes[:, None] == [0, 1], 0.9, 0.1)
    answers = Answers(codes, scores, "predict_proba", codes - 0.5)
    return Scorer(name, 2, positive, "predict_proba", decision=True).measure(np.array(true), answers)


@pytest.mark.parametrize("predicted", [[0, 0, 0], [1, 0, 0], [1, 1, 1]], ids=["none", "one", "all"])
@pytest.mark.parametrize("name", ["f1", "precision", "recall", "jaccard", "average_precision"])
def test_a_metric_of_a_class_without_true_rows_has_no_value_whatever_is_predicted(
    name: str, predicted: list[int]
) -> None:
    for positive in (0, 1):
        score = of_binary(name, [1 - positive] * 3, predicted, positive)
        assert score == metrics.Score(None, metrics.Undefined("no_row_of", (positive,)))


@pytest.mark.parametrize("name", ["roc_auc", "roc_auc_ovr", "matthews_corrcoef", "positive_likelihood_ratio"])
def test_a_metric_of_two_classes_has_no_value_on_one(name: str) -> None:
    for label in (0, 1):
        assert of_binary(name, [label] * 4, [0, 1, 0, 1]).undefined is not None


@pytest.mark.parametrize(
    "name", ["accuracy", "log_loss", "brier_score", "f1_macro", "f1_weighted", "balanced_accuracy"]
)
def test_a_metric_that_asks_for_no_class_is_defined_on_one(name: str) -> None:
    for label in (0, 1):
        assert of_binary(name, [label], [label]).undefined is None
        assert of_binary(name, [label] * 3, [label, label, 1 - label]).undefined is None


@pytest.mark.parametrize(("name", "said"), [("precision", "no predicted samples"), ("f1_macro", "")])
def test_what_the_model_never_predicts_is_scikit_learns_zero_and_its_warning_is_kept(name: str, said: str) -> None:
    score = of_binary(name, [1, 0, 1], [0, 0, 0])
    assert score.undefined is None
    assert score.value == (0.0 if name == "precision" else pytest.approx(0.25))
    assert said in " ".join(score.warned)
    assert bool(score.warned) == bool(said)


@pytest.mark.parametrize("name", ["r2", "explained_variance", "d2_absolute_error_score"])
@pytest.mark.parametrize(("true", "reason"), [([2.0], "one_row"), ([0.1, 0.1, 0.1], "constant")])
def test_explained_spread_has_no_value_where_nothing_spreads(name: str, true: list[float], reason: str) -> None:
    values = np.array(true)
    score = Scorer(name, 0, 0, "predict").measure(values, Answers(values + 0.01, values, "predict"))
    assert score.value is None
    assert score.undefined == metrics.Undefined(reason)  # type: ignore[arg-type]


def test_what_scikit_learn_puts_in_place_of_a_division_by_zero_stays_and_its_warning_is_kept() -> None:
    score = of_binary("positive_likelihood_ratio", [1, 0, 1, 0], [1, 0, 1, 0])  # nothing is predicted wrongly
    assert score.undefined is None or score.undefined.reason == "not_a_number"  # as versions have it
    assert "ill-defined" in " ".join(score.warned)


@pytest.mark.parametrize("name", OFFERED)
def test_whatever_scikit_learn_calls_undefined_or_refuses_on_one_class_has_no_value(name: str) -> None:
    try:
        earlier, scorer = (Scorer(name, 2, 1, "predict_proba", decision=True, earlier=old) for old in (True, False))
    except StageError:
        return
    codes = np.array([0, 0, 0, 0])
    answers = Answers(codes, np.array([[0.7, 0.3]] * 4), "predict_proba", codes - 0.5)
    if name in ("log_loss", "brier_score", "top_k_accuracy"):  # they are told both classes
        assert scorer(codes, answers) is not None
        return
    try:
        score = earlier.measure(codes, answers)
    except StageError:
        assert scorer(codes, answers) is None
    else:
        assert not score.warned or scorer(codes, answers) is None
