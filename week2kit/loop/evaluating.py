"""Evaluating: fit and measure fold by fold, repeat, and say what the numbers do not tell by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import Pipeline

from week2kit.canonical import clean
from week2kit.config.form import Config
from week2kit.config.overriding import reseeded
from week2kit.errors import LibraryError, StageError
from week2kit.loop import advice
from week2kit.loop.data import Table
from week2kit.loop.fitting import Fitted, fit
from week2kit.loop.metrics import Score, Scorer, report_text, summary
from week2kit.loop.model import make_pipeline
from week2kit.loop.predictions import Answers, Predictions, predict
from week2kit.loop.progress import Progress
from week2kit.loop.split import Fold, make_folds
from week2kit.record.manifest import (
    Metric,
    Repeat,
)
from week2kit.refusals import refusal
from week2kit.scales import gap_by_chance, gap_by_folds, is_bounded
from week2kit.thresholds import CURVE_SHARES, FEW_ROWS, GAP, GOOD_DUMMY, SAMPLE_ROWS, TOO_GOOD

#: The metrics of one model on some rows, by name.
Scores: TypeAlias = dict[str, Score]


@dataclass(frozen=True)
class Measured:
    """One fold: the fitted model, what it says of the validation rows, and its scores."""

    fitted: Fitted
    answers: Answers
    scores: Scores
    training: Scores
    dummy: Scores
    n_training_rows: int


@dataclass(frozen=True)
class Loop:
    """What every fold is fitted and measured with.

    `earlier` says that metrics are those of a record before schema 4, see `week2kit.record.earlier`.
    """

    config: Config
    table: Table
    pipeline: Pipeline
    scorers: list[Scorer]
    progress: Progress
    allowed_modules: Sequence[str]
    earlier: bool

    def fit(self, rows: np.ndarray[Any, Any]) -> Fitted:
        """Fit the pipeline on these rows."""
        weights = None if self.table.weights is None else self.table.weights[rows]
        return fit(self.pipeline, self.table.features.iloc[rows], self.table.target[rows], weights)

    def predict(self, fitted: Fitted, rows: np.ndarray[Any, Any]) -> Answers:
        """What a fitted pipeline says of these rows."""
        decision = any(scorer.takes_decision for scorer in self.scorers)
        return predict(fitted.pipeline, self.table.features.iloc[rows], self.table.classes, decision=decision)

    def learn(self, fold: Fold) -> tuple[Fitted, Answers]:
        """Fit on the training rows of a fold, and ask about its validation rows."""
        if self.table.codes is not None and np.count_nonzero(np.bincount(self.table.codes[fold.train])) < 2:
            raise refusal("split.one_class")
        with self.progress.during("fit"):
            fitted = self.fit(fold.train)
        with self.progress.during("evaluate"):
            return fitted, self.predict(fitted, fold.val)

    def measure(self, fold: Fold) -> Measured:
        """Learn from a fold, and score both sides of it and the dummy."""
        fitted, answers = self.learn(fold)
        with self.progress.during("evaluate"):
            sample = advice.evenly(fold.train, SAMPLE_ROWS)
            on_training = self.predict(fitted, sample)
            return Measured(
                fitted,
                answers,
                self._score(fold.val, answers),
                self._score(sample, on_training),
                self._score(fold.val, self._dummy(fold)),
                len(sample),
            )

    def repeat(self, seed: int) -> dict[str, Repeat]:
        """Every metric of the same training with another seed; what it warns of has been said of the run itself."""
        scores: list[Scores] = []
        with _naming(seed):
            config = reseeded(self.config, seed)
            other = replace(self, config=config, pipeline=make_pipeline(config, self.table, seed, self.allowed_modules))
            with self.progress.during("split"):
                folds, _ = make_folds(config.split, self.table)
            for fold in folds:
                _, answers = other.learn(fold)
                with self.progress.during("evaluate"):
                    scores.append(self._score(fold.val, answers))
        repeats = {}
        for scorer in self.scorers:
            of_folds = [score[scorer.name].value for score in scores]
            value = summary(of_folds)[0]
            repeats[scorer.name] = Repeat(seed=seed, value=value, folds=of_folds if len(of_folds) > 1 else [])
        return repeats

    def _score(self, rows: np.ndarray[Any, Any], answers: Answers) -> Scores:
        return {scorer.name: scorer.measure(self.table.truth[rows], answers) for scorer in self.scorers}

    def _dummy(self, fold: Fold) -> Answers:
        """What a model says that ignores the features: the most frequent class and the class shares, or the mean."""
        nothing, more_nothing = np.zeros((len(fold.train), 1)), np.zeros((len(fold.val), 1))
        if self.table.codes is None:
            values = DummyRegressor().fit(nothing, self.table.truth[fold.train]).predict(more_nothing)
            return Answers(values, values, "predict")
        dummy = DummyClassifier().fit(nothing, self.table.codes[fold.train])
        scores = np.zeros((len(fold.val), len(self.table.classes or ())))
        scores[:, dummy.classes_] = dummy.predict_proba(more_nothing)
        return Answers(dummy.predict(more_nothing).astype(np.int64), scores, "predict_proba")

    def predictions(self, folds: list[Fold], measured: list[Measured]) -> Predictions:
        """The answers of all folds as one table."""
        scores, decisions = ([getattr(one.answers, name) for one in measured] for name in ("scores", "decision"))
        whole = all(score is not None for score in scores)
        rows = np.concatenate([fold.val for fold in folds])
        sizes = [len(fold.val) for fold in folds]
        return Predictions(
            repeat=np.repeat(np.array([fold.repeat for fold in folds], dtype=np.int64), sizes),
            fold=np.repeat(np.array([fold.fold for fold in folds], dtype=np.int64), sizes),
            row=rows,
            y_true=self.table.truth[rows],
            y_pred=np.concatenate([one.answers.labels for one in measured]),
            scores=np.concatenate(scores) if whole else None,
            decision=np.concatenate(decisions) if all(part is not None for part in decisions) else None,
            method=measured[0].answers.method if whole else None,
            classes=self.table.classes,
        )

    def metrics(self, measured: list[Measured]) -> dict[str, Metric]:
        """Every metric over all folds, without repeats."""
        several = len(measured) > 1
        result = {}
        for scorer in self.scorers:
            values = [one.scores[scorer.name].value for one in measured]
            dummies = [one.dummy[scorer.name].value for one in measured]
            alike = [value is None for value in values] == [dummy is None for dummy in dummies]
            value, std = summary(values)
            result[scorer.name] = Metric(
                value=value,
                training=summary([one.training[scorer.name].value for one in measured])[0],
                n_training_rows=sum(one.n_training_rows for one in measured),
                dummy=summary(dummies)[0] if alike else None,  # means over other folds are not compared
                std=std if several else None,
                folds=values if several else [],
                repeats=[],
                greater_is_better=scorer.greater_is_better,
            )
        return result

    # --- what is told of them -------------------------------------------------------------------------------------

    def warn_about_metrics(self, folds: list[Fold], measured: list[Measured], metrics: Mapping[str, Metric]) -> None:
        """What has no value, what scikit-learn warned of, and what the values say; of the dummy, its value says all.

        A dummy that never predicts a class is told by its low score, not by scikit-learn's warnings of it.
        """
        of_little: set[str] = set()
        validated = sum(len(fold.val) for fold in folds)
        held_out = validated / sum(len(fold.train) for fold in folds)
        if not self.earlier:
            for rows in ("validation", "training"):
                parts = [one.scores if rows == "validation" else one.training for one in measured]
                self._warn_of_undefined(rows, parts)
                self._warn_as_told(rows, parts)
            of_little = self._say_little(folds, measured, metrics)
        unseen = (warned.values for warned in self.progress.warnings if warned.code == "split.unseen_class")
        lost = next((values["rows"] / values["of"] for values in unseen), 0.0)  # and not by overfitting
        for scorer in self.scorers:
            training, validation = metrics[scorer.name].training, metrics[scorer.name].value
            if training is None or validation is None or scorer.name in of_little:
                continue
            by_chance = (
                gap_by_chance(scorer.name, validation, validated),
                gap_by_folds(metrics[scorer.name].folds, held_out),
            )
            least = 0.0 if self.earlier else max(by_chance)
            if is_bounded(scorer.name) and training - validation - lost >= max(GAP, least):
                values = {"training": training, "validation": validation, "gap": training - validation}
                self.progress.warn("metric.gap", {"metric": scorer.name, **values})
        primary, name = self.scorers[0], self.scorers[0].name
        value, dummy = metrics[name].value, metrics[name].dummy
        if value is None or dummy is None or name in of_little:
            return
        too_good = is_bounded(name) and primary.greater_is_better and value >= TOO_GOOD and dummy < GOOD_DUMMY
        if too_good and validated >= FEW_ROWS:  # few rows are all got right by luck
            self.progress.warn("metric.too_good", {"metric": name, "value": value})
        at_best = is_bounded(name) and value >= 1 and not self.earlier  # the dummy is right, too: nobody is told apart
        if not at_best and not (value > dummy if primary.greater_is_better else value < dummy):
            self.progress.warn("metric.no_better_than_dummy", {"metric": name, "value": value, "dummy": dummy})

    def _warn_of_undefined(self, rows: str, parts: Sequence[Scores]) -> None:
        """Say in how many folds metrics have no value, and why in the first of them."""
        told: dict[str, tuple[dict[str, Any], list[str]]] = {}
        for scorer in self.scorers:
            found = [one for part in parts if (one := part[scorer.name].undefined) is not None]
            if found:
                codes = sorted({code for one in found for code in one.classes})
                labels = [(self.table.classes or ())[code] for code in codes]
                why = {"folds": len(found), "of": len(parts), "reason": found[0].reason, "labels": labels}
                told.setdefault(repr(why), (why, []))[1].append(scorer.name)
        for why, names in told.values():
            self.progress.warn("metric.undefined", {"metrics": names, "rows": rows, **why})

    def _warn_as_told(self, rows: str, parts: Sequence[Scores]) -> None:
        """Say once what scikit-learn warned of, with the metrics and the number of folds that it is about."""
        messages = sorted({message for part in parts for score in part.values() for message in score.warned})
        for message in messages:
            having = [{name for name, score in part.items() if message in score.warned} for part in parts]
            names = [scorer.name for scorer in self.scorers if any(scorer.name in part for part in having)]
            count = sum(bool(part) for part in having)
            values = {"metrics": names, "rows": rows, "folds": count, "of": len(parts), "message": clean(message, 500)}
            self.progress.warn("library.metric", values)

    def _say_little(self, folds: list[Fold], measured: Sequence[Measured], metrics: Mapping[str, Metric]) -> set[str]:
        """The metrics from whose values nothing is to be concluded; it is told why."""
        defined = [scorer for scorer in self.scorers if metrics[scorer.name].value is not None]
        small = sum(len(fold.val) == 1 for fold in folds)
        of_one_row = [scorer.name for scorer in defined if small and not scorer.is_mean_of_rows]
        if of_one_row:
            self.progress.warn("metric.one_row", {"metrics": of_one_row, "folds": small, "of": len(folds)})
        truth = self.table.truth[np.concatenate([fold.val for fold in folds])]
        zeros = int(np.count_nonzero(truth == 0))
        percentages = [scorer.name for scorer in defined if zeros and scorer.name == "mean_absolute_percentage_error"]
        if percentages:
            self.progress.warn("metric.zero_targets", {"metrics": percentages, "rows": zeros, "of": len(truth)})
        warned = {name for one in measured for name, score in one.scores.items() if score.warned}
        ratios = [scorer.name for scorer in defined if scorer.divides and scorer.name in warned]
        if ratios:
            self.progress.warn("metric.replaced", {"metrics": ratios})
        return {*of_one_row, *percentages, *ratios}

    def warn_about_repeats(self, repeated: Sequence[Mapping[str, Repeat]]) -> None:
        """Say of which metrics repeats, or some of their folds, have no value."""
        for scorer in self.scorers:
            every = [value for one in repeated for value in (one[scorer.name].folds or [one[scorer.name].value])]
            if undefined := every.count(None):
                self.progress.warn("repeats.undefined", {"metric": scorer.name, "folds": undefined, "of": len(every)})

    def curves(self, fold: Fold) -> dict[str, Any]:
        """The primary metric on training and validation rows over the number of training rows (first fold)."""
        primary = self.scorers[0]
        points = []
        for count in sorted({max(2, round(share * len(fold.train))) for share in CURVE_SHARES}):
            rows = fold.train[:count]
            if self.table.codes is not None and len(np.unique(self.table.codes[rows])) < 2:
                continue  # too few rows to hold two classes: nothing can be learnt yet
            fitted = self.fit(rows)
            sample = advice.evenly(rows, SAMPLE_ROWS)
            scores = [primary(self.table.truth[part], self.predict(fitted, part)) for part in (sample, fold.val)]
            points.append({"n_train": count, "training": scores[0], "validation": scores[1]})
        return {"metric": primary.name, "points": points}


@contextmanager
def _naming(seed: int) -> Iterator[None]:
    """Say of an error that it is that of a repeat: the run itself had come to its end."""
    try:
        yield
    except LibraryError as error:
        raise LibraryError(error.error, f"repeat with seed {seed}: {error}", error.hint) from error.__cause__
    except StageError as error:
        raise StageError(f"Repeat with seed {seed}: {error}", error.hint) from None


def recompute(
    predictions: Predictions, metric_names: Sequence[str], positive: Any, *, earlier: bool = False
) -> tuple[dict[str, Any], str]:
    """Metrics and report from stored predictions alone, without any model.

    Args:
        predictions: what predictions.csv holds.
        metric_names: the metrics.
        positive: the positive class of a binary task.
        earlier: whether the metrics are those of a record before schema 4, see `week2kit.record.earlier`.

    Returns:
        For each metric ``{"value", "folds", "exact"}`` (exact: a metric of labels, which has one right value), and the
        text of val_report.txt.

    Raises:
        StageError: a metric cannot be computed from these predictions.
    """
    classes = predictions.classes
    code = classes.index(positive) if classes and len(classes) == 2 and positive in classes else 0
    method, decision = predictions.method if classes else "predict", predictions.decision is not None
    result: dict[str, Any] = {}
    for name in metric_names:
        scorer = Scorer(name, len(classes or ()), code, method, decision=decision, labels=classes, earlier=earlier)
        values = [scorer(predictions.y_true[part], predictions.answers.at(part)) for part in predictions.folds()]
        folds = values if len(values) > 1 else []
        result[name] = {"value": summary(values)[0], "folds": folds, "exact": scorer.of_labels}
    return result, report_text(predictions.y_true, predictions.y_pred, predictions.texts)
