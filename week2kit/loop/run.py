"""The loop itself, stage by stage: load -> split -> fit -> evaluate; and what came out, as one value."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor

from week2kit.canonical import clean, compact_json, sha256
from week2kit.config.form import BundledData, Config, KFold, TimeSeries
from week2kit.config.form import Split as SplitConfig
from week2kit.config.overriding import repeat_seeds, reseeded
from week2kit.config.reading import parse_config
from week2kit.errors import ConfigError, LibraryError, StageError, WarningRefused
from week2kit.loop import advice, model, session
from week2kit.loop.data import Reader, Table, load_dataset, read_file, use_columns
from week2kit.loop.metrics import Score, Scorer, report_text, summary
from week2kit.loop.predictions import Answers, Labels, Predictions, predict
from week2kit.loop.split import Fold, make_folds, positions_digest, settle_split
from week2kit.record.manifest import (
    Data,
    FoldSize,
    FoundData,
    Kind,
    Metric,
    Model,
    Outcome,
    Repeat,
    Split,
    Stage,
    StageTime,
    Warned,
)
from week2kit.record.manifest import Predictions as PredictionsRecord
from week2kit.scales import is_bounded
from week2kit.thresholds import CURVE_SHARES, GAP, IMBALANCE_SHARE, MAX_UNPACKED_BYTES, SAMPLE_ROWS

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Source:
    """Where the data's bytes come from. `read` gives them all at once, so that those hashed are those parsed.

    `most` is what they may unpack to, in bytes; `only` the digest of the one table that they may hold, and
    `kinds` are those that their columns had when they were recorded.
    """

    path: str
    from_run: str | None = None
    reader: Reader = "sklearn"
    read: Callable[[], bytes] | None = None
    most: int = MAX_UNPACKED_BYTES
    only: str | None = None
    kinds: Mapping[str, Kind] | None = None


@dataclass
class Progress:
    """What the loop has reached; it is written into the record also when the loop does not come to its end.

    `on_stage` is called when a stage begins.
    """

    on_stage: Callable[[Stage], None] = lambda stage: None
    stage: Stage = "config"
    seconds: dict[Stage, float] = field(default_factory=dict)
    config: Config | None = None
    data: Data | FoundData | None = None
    task: model.Task | None = None
    pipeline: Pipeline | None = None
    classes: list[Any] | None = None
    split: Split | None = None
    warnings: list[Warned] = field(default_factory=list)

    @contextmanager
    def during(self, stage: Stage) -> Iterator[None]:
        """Time a stage; one that is entered again adds up."""
        self.stage = stage
        if stage not in self.seconds:
            self.on_stage(stage)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def warn(self, code: str, values: dict[str, Any]) -> None:
        """Keep a warning, or raise it where the config says that it is an error."""
        self.warnings.append(Warned(code=code, values=values))
        if self.config is not None and code in self.config.fail_on:
            raise WarningRefused(
                f'The config\'s fail_on names "{code}", and it happened: '
                + ", ".join(f"{key} = {_short(value)}" for key, value in values.items())
                + "."
            )

    def stage_times(self) -> list[StageTime]:
        """The stages in their order, with their times."""
        return [StageTime(name=stage, seconds=round(seconds, 6)) for stage, seconds in self.seconds.items()]


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else clean(str(value))


@dataclass(frozen=True)
class Result:
    """What came out of the loop."""

    config: Config
    data: Data
    outcome: Outcome
    predictions: Predictions
    report: str
    curves: dict[str, Any] | None
    model_bytes: bytes


def run_loop(
    config: Config,
    seed: int,
    source: Source,
    progress: Progress,
    *,
    advise: bool = True,
    earlier: bool = False,
    allowed_modules: Sequence[str] = (),
) -> Result:
    """Load, split, fit and evaluate as the config says.

    Args:
        config: a config whose shape is valid.
        seed: what reaches the split and every ``random_state`` that the config leaves open.
        source: the data.
        progress: told of every stage; holds what was reached when an error is raised.
        advise: whether to look for leaks and shared rows also where ``fail_on`` does not ask for it.
        earlier: whether metrics are those of a record before schema 4, see `week2kit.record.earlier`.
        allowed_modules: modules besides scikit-learn whose classes may be used; the caller's decision.

    Raises:
        StageError: a stage cannot be carried out for a reason that lies in the inputs.
    """
    with session.set_aside() as others:
        if others:
            progress.warn("session.set_aside", {"settings": others})
        return _run_loop(config, seed, source, progress, advise, earlier, allowed_modules)


def _run_loop(
    config: Config,
    seed: int,
    source: Source,
    progress: Progress,
    advise: bool,
    earlier: bool,
    allowed_modules: Sequence[str],
) -> Result:
    with progress.during("config"):
        built = model.build_estimators(config, seed, allowed_modules)
        progress.config, progress.task = built.config, built.task
    with progress.during("load"):
        table, data = _load(built.config, source, progress, classification=built.task == "classification")
    with progress.during("config"):
        classes, codes = _classes(table) if built.task == "classification" else (None, None)
        progress.classes = classes
        settled = _settle(built.config, table, classes, codes, seed, progress)
        pipeline = model.make_pipeline(settled, table, seed, allowed_modules)
        progress.config, progress.pipeline = settled, pipeline
        scorers = _scorers(settled, pipeline, classes, earlier=earlier)
        _warn_unseeded(pipeline, settled, len(table.target), progress)
    with progress.during("split"):
        folds, splitter = make_folds(settled.split, table, codes, classes)
        progress.split = _split_record(settled, table, folds, splitter)
        if not earlier:
            _warn_small_class(settled.split, codes, classes, progress)
        _advise_on_data(table, codes, classes, folds[0], progress, everything=advise)
    loop = _Loop(settled, table, classes, codes, pipeline, scorers, progress)
    measured = [loop.measure(fold) for fold in folds]
    with progress.during("fit"):
        final = measured[0].fitted if len(folds) == 1 else loop.fit(np.arange(len(table.target)))
        said = {pair for one in measured for pair in one.fitted.said} | set(final.said)
        _warn_about_fit(final, any(one.fitted.not_converged for one in measured), said, progress)
    with progress.during("evaluate"):
        predictions = loop.predictions(folds, measured)
        metrics = loop.metrics(measured)
        loop.warn_about_metrics(folds, measured, metrics)
        curves = loop.curves(folds[0]) if settled.learning_curve else None
        report = report_text(predictions.y_true, predictions.y_pred, predictions.texts)
    repeated = [loop.repeat(other, allowed_modules) for other in repeat_seeds(seed, settled.repeats or 0)]
    loop.warn_about_repeats(repeated)
    with progress.during("save"):
        model_bytes = model.dump(final.pipeline)
    outcome = Outcome(
        task=built.task,
        classes=classes,
        positive=settled.positive,
        split=progress.split,
        model=Model.model_validate(
            {
                "class": settled.model.class_,
                "digest": sha256(model_bytes),
                "n_iter": final.n_iter,
                "converged": final.converged,
            }
        ),
        predictions=PredictionsRecord(
            rows=len(predictions.row),
            digest=predictions.digest,
            scores=predictions.scores_digest,
            decision=predictions.decision_digest,
            score_method=predictions.method,
        ),
        metrics={
            name: metric.model_copy(update={"repeats": [repeats[name] for repeats in repeated]})
            for name, metric in metrics.items()
        },
    )
    return Result(settled, data, outcome, predictions, report, curves, model_bytes)


# --- before the fit ---------------------------------------------------------------------------------------------


def _load(config: Config, source: Source, progress: Progress, *, classification: bool) -> tuple[Table, Data]:
    bundled = isinstance(config.data, BundledData)
    found: dict[str, Any] = {
        "source": "dataset" if bundled else "file",
        "path": source.path,
        "from_run": source.from_run,
        "bytes": None,
        "sha256": None,
        "reader": source.reader,
    }
    progress.data = FoundData(**found)
    if isinstance(config.data, BundledData):
        frame, target = load_dataset(config.data.dataset)
    else:
        assert source.read is not None
        content = source.read()
        found |= {"bytes": len(content), "sha256": sha256(content)}
        progress.data = FoundData(**found)
        frame, target = read_file(content, source.reader, source.most), config.data.target
        del content  # hundreds of megabytes that the fit can use
    table = use_columns(frame, config, target, classification=classification, kinds=source.kinds)
    if source.only is not None and table.digest != source.only:
        raise StageError("The data file holds another table.")
    data = Data(
        **found,
        table_digest=table.digest,
        unordered_digest=table.unordered_digest,
        rows=len(table.target),
        columns=list(table.columns),
    )
    progress.data = data
    return table, data


def _classes(table: Table) -> tuple[list[Any], np.ndarray[Any, Any]]:
    """The classes in scikit-learn's order (sorted), typed, and the rows as positions in them."""
    codes, classes = pd.factorize(table.target, sort=True)
    kind = next(column.kind for column in table.columns if column.role == "target")
    labels = [bool(label) if kind == "bool" else label for label in np.asarray(classes).tolist()]
    return labels, codes.astype(np.int64)


def _settle(
    config: Config,
    table: Table,
    classes: Labels | None,
    codes: np.ndarray[Any, Any] | None,
    seed: int,
    progress: Progress,
) -> Config:
    """The config with everything written out that depends on the data."""
    counts = np.bincount(codes).tolist() if codes is not None else None
    split, too_small = settle_split(config.split, counts, seed)
    config = model.settle_preprocess(config, table, seed)
    config = config.model_copy(
        update={
            "split": split,
            "positive": _positive(config, classes),
            "metrics": config.metrics or _default_metrics(classes),
            "seed": seed,
        }
    )
    # read back from its text: what a rerun reads is what is trained, down to which strings are one object in the model
    config = parse_config(json.loads(compact_json(config.as_json())))
    progress.config = config
    if too_small is not None and counts is not None and classes is not None:
        label = classes[counts.index(too_small)]
        progress.warn("split.not_stratified", {"label": label, "rows": too_small})
    return config


def _default_metrics(classes: Labels | None) -> list[str]:
    return ["r2", "root_mean_squared_error"] if classes is None else ["accuracy", "f1_macro"]


def _positive(config: Config, classes: Labels | None) -> Any:
    if classes is None or len(classes) != 2:
        if config.positive is not None:
            raise ConfigError([f"positive: it is for two classes, and the target has {len(classes or []) or 'none'}"])
        return None
    if config.positive is None:
        return classes[1]
    for label in classes:
        if label == config.positive and type(label) is type(config.positive):
            return label
    shown = ", ".join(repr(label) for label in classes)
    raise ConfigError([f"positive: expected one of the classes {clean(shown)}, got {clean(repr(config.positive))}"])


def _scorers(config: Config, pipeline: Pipeline, classes: Labels | None, *, earlier: bool) -> list[Scorer]:
    """The metrics of the config, each tried on a small example: what cannot be given is an error before the fit."""
    last = pipeline.steps[-1][1]
    methods = [m for m in ("predict_proba", "decision_function") if model.has(last, m)] if classes else ["predict"]
    method, decision = methods[0] if methods else None, "decision_function" in methods
    positive = classes.index(config.positive) if classes and len(classes) == 2 else 0
    count = len(classes or ())
    problems, scorers = [], []
    for name in config.metrics or []:
        try:
            scorers.append(Scorer(name, count, positive, method, decision=decision, labels=classes, earlier=earlier))
        except StageError as error:
            problems.append(f"{error} {error.hint}".strip())
    if problems:
        raise ConfigError(problems)
    return scorers


def _warn_unseeded(pipeline: Pipeline, config: Config, rows: int, progress: Progress) -> None:
    names = model.unseeded(pipeline, rows)
    split = config.split
    if not isinstance(split, TimeSeries) and split.shuffle and split.random_state is None:
        names = ["split", *names]
    if names:
        progress.warn("seed.unset", {"estimators": names})


def _warn_small_class(
    split: SplitConfig, codes: np.ndarray[Any, Any] | None, classes: Labels | None, progress: Progress
) -> None:
    """Say where folds are stratified by a class of which not every fold can hold a row."""
    if codes is None or classes is None or not isinstance(split, KFold) or not split.stratify:
        return
    counts = np.bincount(codes)
    if counts.min() < split.n_splits:
        values = {"label": classes[int(counts.argmin())], "rows": int(counts.min()), "folds": split.n_splits}
        progress.warn("split.small_class", values)


def _split_record(config: Config, table: Table, folds: list[Fold], splitter: str) -> Split:
    return Split(
        method=config.split.method,
        splitter=splitter,
        positions=positions_digest(folds),
        contents=table.digest_of(np.concatenate([fold.val for fold in folds])),
        folds=[FoldSize(n_train=len(fold.train), n_val=len(fold.val)) for fold in folds],
    )


def _advise_on_data(
    table: Table,
    codes: np.ndarray[Any, Any] | None,
    classes: Labels | None,
    fold: Fold,
    progress: Progress,
    *,
    everything: bool,
) -> None:
    wanted = progress.config.fail_on if progress.config else []
    if codes is not None and classes is not None:
        counts = np.bincount(codes)
        share = float(counts.max() / counts.sum())
        if share >= IMBALANCE_SHARE:
            progress.warn("data.imbalance", {"label": classes[int(counts.argmax())], "share": share})
    if everything or "split.shared_rows" in wanted:
        shared, looked_at = advice.shared_rows(table, fold)
        if shared:
            progress.warn("split.shared_rows", {"rows": shared, "looked_at": looked_at})
    if everything or "data.leak" in wanted:
        leak = advice.leaking_feature(table, codes, fold)
        if leak is not None:
            kind = "r2" if codes is None else "balanced_accuracy"
            progress.warn("data.leak", {"feature": leak[0], "score": leak[1], "metric": kind})


# --- fit and evaluate -------------------------------------------------------------------------------------------


#: The metrics of one model on some rows, by name.
Scores: TypeAlias = dict[str, Score]


@dataclass(frozen=True)
class _Measured:
    """One fold: the fitted model, what it says of the validation rows, and its scores."""

    fitted: model.Fitted
    answers: Answers
    scores: Scores
    training: Scores
    dummy: Scores
    n_training_rows: int


@dataclass(frozen=True)
class _Loop:
    config: Config
    table: Table
    classes: Labels | None
    codes: np.ndarray[Any, Any] | None
    pipeline: Pipeline
    scorers: list[Scorer]
    progress: Progress

    @property
    def truth(self) -> np.ndarray[Any, Any]:
        return self.codes if self.codes is not None else self.table.target.astype(np.float64)

    def fit(self, rows: np.ndarray[Any, Any]) -> model.Fitted:
        with model.library_errors():
            return model.fit(self.pipeline, self.table.features.iloc[rows], self.table.target[rows])

    def predict(self, fitted: model.Fitted, rows: np.ndarray[Any, Any]) -> Answers:
        with model.library_errors():
            decision = any(scorer.takes_decision for scorer in self.scorers)
            return predict(fitted.pipeline, self.table.features.iloc[rows], self.classes, decision=decision)

    def learn(self, fold: Fold) -> tuple[model.Fitted, Answers]:
        """Fit on the training rows of a fold, and ask about its validation rows."""
        if self.codes is not None and np.count_nonzero(np.bincount(self.codes[fold.train])) < 2:
            raise StageError(
                "The training rows of a fold hold one class only, so there is nothing to tell apart.",
                "Shuffle or stratify the split, or use more rows.",
            )
        with self.progress.during("fit"):
            fitted = self.fit(fold.train)
        with self.progress.during("evaluate"):
            return fitted, self.predict(fitted, fold.val)

    def measure(self, fold: Fold) -> _Measured:
        fitted, answers = self.learn(fold)
        with self.progress.during("evaluate"):
            sample = advice.evenly(fold.train, SAMPLE_ROWS)
            on_training = self.predict(fitted, sample)
            return _Measured(
                fitted,
                answers,
                self._score(fold.val, answers),
                self._score(sample, on_training),
                self._score(fold.val, self._dummy(fold)),
                len(sample),
            )

    def repeat(self, seed: int, allowed_modules: Sequence[str]) -> dict[str, Repeat]:
        """Every metric of the same training with another seed; what it warns of has been said of the run itself."""
        with _naming(seed):
            config = reseeded(self.config, seed)
            pipeline = model.make_pipeline(config, self.table, seed, allowed_modules)
            scores = replace(self, config=config, pipeline=pipeline).scores()
        values = {scorer.name: [score[scorer.name].value for score in scores] for scorer in self.scorers}
        return {
            name: Repeat(seed=seed, value=summary(of_folds)[0], folds=of_folds if len(of_folds) > 1 else [])
            for name, of_folds in values.items()
        }

    def scores(self) -> list[Scores]:
        """Every metric on the validation rows of each fold, and nothing else."""
        with self.progress.during("split"):
            folds, _ = make_folds(self.config.split, self.table, self.codes, self.classes)
        scores = []
        for fold in folds:
            _, answers = self.learn(fold)
            with self.progress.during("evaluate"):
                scores.append(self._score(fold.val, answers))
        return scores

    def _score(self, rows: np.ndarray[Any, Any], answers: Answers) -> Scores:
        return {scorer.name: scorer.measure(self.truth[rows], answers) for scorer in self.scorers}

    def _dummy(self, fold: Fold) -> Answers:
        """What a model says that ignores the features: the most frequent class and the class shares, or the mean."""
        nothing, more_nothing = np.zeros((len(fold.train), 1)), np.zeros((len(fold.val), 1))
        if self.codes is None:
            values = DummyRegressor().fit(nothing, self.truth[fold.train]).predict(more_nothing)
            return Answers(values, values, "predict")
        dummy = DummyClassifier().fit(nothing, self.codes[fold.train])
        scores = np.zeros((len(fold.val), len(self.classes or ())))
        scores[:, dummy.classes_] = dummy.predict_proba(more_nothing)
        return Answers(dummy.predict(more_nothing).astype(np.int64), scores, "predict_proba")

    def predictions(self, folds: list[Fold], measured: list[_Measured]) -> Predictions:
        scores, decisions = ([getattr(one.answers, name) for one in measured] for name in ("scores", "decision"))
        whole = all(score is not None for score in scores)
        rows = np.concatenate([fold.val for fold in folds])
        sizes = [len(fold.val) for fold in folds]
        return Predictions(
            repeat=np.repeat(np.array([fold.repeat for fold in folds], dtype=np.int64), sizes),
            fold=np.repeat(np.array([fold.fold for fold in folds], dtype=np.int64), sizes),
            row=rows,
            y_true=self.truth[rows],
            y_pred=np.concatenate([one.answers.labels for one in measured]),
            scores=np.concatenate(scores) if whole else None,
            decision=np.concatenate(decisions) if all(part is not None for part in decisions) else None,
            method=measured[0].answers.method if whole else None,
            classes=self.classes,
        )

    def metrics(self, measured: list[_Measured]) -> dict[str, Metric]:
        several = len(measured) > 1
        result = {}
        for scorer in self.scorers:
            values, dummies = (
                [scores[scorer.name].value for scores in side]
                for side in ([one.scores for one in measured], [one.dummy for one in measured])
            )
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

    def warn_about_metrics(self, folds: list[Fold], measured: list[_Measured], metrics: Mapping[str, Metric]) -> None:
        """What has no value, what scikit-learn warned of, and what the values say; of the dummy, its value says all.

        A dummy that never predicts a class is told by its low score, not by scikit-learn's warnings of it.
        """
        of_little: set[str] = set()
        if not self.scorers[0].earlier:
            for rows in ("validation", "training"):
                parts = [one.scores if rows == "validation" else one.training for one in measured]
                self._warn_of_undefined(rows, parts)
                self._warn_as_told(rows, parts)
            of_little = self._say_little(folds, measured, metrics)
        for scorer in self.scorers:
            training, validation = metrics[scorer.name].training, metrics[scorer.name].value
            if training is None or validation is None or scorer.name in of_little:
                continue
            if is_bounded(scorer.name) and training - validation >= GAP:
                values = {"training": training, "validation": validation, "gap": training - validation}
                self.progress.warn("metric.gap", {"metric": scorer.name, **values})
        primary, name = self.scorers[0], self.scorers[0].name
        value, dummy = metrics[name].value, metrics[name].dummy
        if value is None or dummy is None or name in of_little:
            return
        at_best = (
            is_bounded(name) and value >= 1 and not primary.earlier
        )  # the dummy is right, too: nobody is told apart
        if not at_best and not (value > dummy if primary.greater_is_better else value < dummy):
            self.progress.warn("metric.no_better_than_dummy", {"metric": name, "value": value, "dummy": dummy})

    def _warn_of_undefined(self, rows: str, parts: Sequence[Scores]) -> None:
        """Say in how many folds metrics have no value, and why in the first of them."""
        told: dict[str, tuple[dict[str, Any], list[str]]] = {}
        for scorer in self.scorers:
            found = [one for part in parts if (one := part[scorer.name].undefined) is not None]
            if found:
                codes = sorted({code for one in found for code in one.classes})
                labels = [(self.classes or ())[code] for code in codes]
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

    def _say_little(self, folds: list[Fold], measured: Sequence[_Measured], metrics: Mapping[str, Metric]) -> set[str]:
        """The metrics from whose values nothing is to be concluded; it is told why."""
        defined = [scorer for scorer in self.scorers if metrics[scorer.name].value is not None]
        small = sum(len(fold.val) == 1 for fold in folds)
        of_one_row = [scorer.name for scorer in defined if small and not scorer.is_mean_of_rows]
        if of_one_row:
            self.progress.warn("metric.one_row", {"metrics": of_one_row, "folds": small, "of": len(folds)})
        truth = self.truth[np.concatenate([fold.val for fold in folds])]
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
            if self.codes is not None and len(np.unique(self.codes[rows])) < 2:
                continue  # too few rows to hold two classes: nothing can be learnt yet
            fitted = self.fit(rows)
            sample = advice.evenly(rows, SAMPLE_ROWS)
            scores = [primary(self.truth[part], self.predict(fitted, part)) for part in (sample, fold.val)]
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


def _warn_about_fit(
    final: model.Fitted, any_not_converged: bool, said: set[tuple[str, str]], progress: Progress
) -> None:
    if any_not_converged or final.not_converged:
        max_iter = getattr(final.pipeline.steps[-1][1], "max_iter", None)
        max_iter = max_iter if isinstance(max_iter, int | float) else None
        progress.warn("fit.not_converged", {"n_iter": final.n_iter, "max_iter": max_iter})
    for category, message in sorted(said):
        if category != "ConvergenceWarning":
            progress.warn("library.warning", {"category": category, "message": message})


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
    parts = predictions.folds()
    result: dict[str, Any] = {}
    for name in metric_names:
        method, decision = predictions.method if classes else "predict", predictions.decision is not None
        scorer = Scorer(name, len(classes or ()), code, method, decision=decision, labels=classes, earlier=earlier)
        values = [
            scorer(
                predictions.y_true[part],
                Answers(
                    predictions.y_pred[part],
                    None if predictions.scores is None else predictions.scores[part],
                    predictions.method,
                    None if predictions.decision is None else predictions.decision[part],
                ),
            )
            for part in parts
        ]
        result[name] = {
            "value": summary(values)[0],
            "folds": values if len(values) > 1 else [],
            "exact": scorer.of_labels,
        }
    return result, report_text(predictions.y_true, predictions.y_pred, predictions.texts)
