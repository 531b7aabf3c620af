"""The loop itself, stage by stage: load -> split -> fit -> evaluate; and what came out, as one value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from week2kit.canonical import clean, compact_json, label_text, same_to_the_eye, sha256
from week2kit.config.form import UNDRAWN, BundledData, Config, KFold, Predefined, TimeSeries, ValidationFile
from week2kit.config.overriding import repeat_seeds
from week2kit.config.reading import parse_config
from week2kit.errors import ConfigError, StageError
from week2kit.loop import advice, session
from week2kit.loop.data import Labels, Table, use_columns
from week2kit.loop.dates import TimeOrder, time_order
from week2kit.loop.evaluating import Loop
from week2kit.loop.fitting import Fitted, dump
from week2kit.loop.inside import has, takes_weights, unseeded
from week2kit.loop.joining import read_both
from week2kit.loop.leakage import leaks
from week2kit.loop.metrics import Scorer, report_text
from week2kit.loop.misreading import misread_texts
from week2kit.loop.model import build_estimators, make_pipeline, settle_preprocess
from week2kit.loop.predictions import Predictions
from week2kit.loop.progress import Progress
from week2kit.loop.reading import Reader, leading_zeros, load_dataset, read_file
from week2kit.loop.remedies import telling_remedies
from week2kit.loop.split import Fold, make_folds, positions_digest, settle_split
from week2kit.record.manifest import (
    Data,
    FoldSize,
    FoundData,
    FoundFile,
    Kind,
    Metric,
    Model,
    Outcome,
    Split,
)
from week2kit.record.manifest import Predictions as PredictionsRecord
from week2kit.refusals import refusal, told_apart
from week2kit.thresholds import FEW_DIFFERENT, IMBALANCE_SHARE, LEAK_DEPTH, MAX_UNPACKED_BYTES


@dataclass(frozen=True)
class Source:
    """Where the data's bytes come from. `read` gives them all at once, so that those hashed are those parsed.

    `most` is what they may unpack to, in bytes; `only` the digest of the one table that they may hold, and
    `kinds` are those that their columns had when they were recorded. `validation` is where the validation rows come
    from, where the split names a file for them.
    """

    path: str
    from_run: str | None = None
    reader: Reader = "sklearn"
    read: Callable[[], bytes] | None = None
    most: int = MAX_UNPACKED_BYTES
    only: str | None = None
    kinds: Mapping[str, Kind] | None = None
    validation: Source | None = None

    @property
    def found(self) -> dict[str, Any]:
        """What is known before the bytes are read."""
        unread = dict.fromkeys(("bytes", "sha256"))
        return {"path": self.path, "from_run": self.from_run, "reader": self.reader, **unread}


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
        loop, data = _begin(config, seed, source, progress, allowed_modules, earlier=earlier)
        folds = _split(loop, everything=advise)
        with telling_remedies(loop.config, loop.table):
            measured = [loop.measure(fold) for fold in folds]
            with progress.during("fit"):
                final = measured[0].fitted if len(folds) == 1 else loop.fit(np.arange(len(loop.table.target)))
        with progress.during("fit"):
            _warn_about_fits(final, [*(one.fitted for one in measured), final], progress)
        with progress.during("evaluate"):
            predictions = loop.predictions(folds, measured)
            metrics = loop.metrics(measured)
            loop.warn_about_metrics(folds, measured, metrics)
            curves = loop.curves(folds[0]) if loop.config.learning_curve else None
            report = report_text(predictions.y_true, predictions.y_pred, predictions.texts)
        repeated = [loop.repeat(other) for other in repeat_seeds(seed, loop.config.repeats or 0)]
        loop.warn_about_repeats(repeated)
        for name in metrics:
            metrics[name] = metrics[name].model_copy(update={"repeats": [repeats[name] for repeats in repeated]})
        with progress.during("save"):
            model_bytes = dump(final.pipeline)
        outcome = _outcome(loop, final, model_bytes, predictions, metrics)
        return Result(loop.config, data, outcome, predictions, report, curves, model_bytes)


def _begin(
    config: Config, seed: int, source: Source, progress: Progress, allowed_modules: Sequence[str], *, earlier: bool
) -> tuple[Loop, Data]:
    """The table, and everything that is settled before it is split; `progress` is told of each part."""
    with progress.during("config"):
        config = progress.config = build_estimators(config, seed, allowed_modules)
    with progress.during("load"):
        table, data = _load(config, source, progress)
        progress.classes = table.classes
    with progress.during("config"):
        settled = _settle(config, table, seed, progress, allowed_modules)
        pipeline = make_pipeline(settled, table, seed, allowed_modules)
        if table.weights is not None and not takes_weights(pipeline.steps[-1][1]):
            raise ConfigError([f"data.weights: {type(pipeline.steps[-1][1]).__name__} takes no weights of rows"])
        progress.config, progress.pipeline = settled, pipeline
        scorers = _scorers(settled, pipeline, table.classes, earlier=earlier)
        names, split = unseeded(pipeline, len(table.target)), settled.split
        if not isinstance(split, UNDRAWN) and split.shuffle and split.random_state is None:
            names = ["split", *names]
        if names:
            progress.warn("seed.unset", {"estimators": names})
    return Loop(settled, table, pipeline, scorers, progress, allowed_modules, earlier), data


def _outcome(
    loop: Loop, final: Fitted, model_bytes: bytes, predictions: Predictions, metrics: dict[str, Metric]
) -> Outcome:
    progress, config = loop.progress, loop.config
    assert config.task is not None
    assert progress.split is not None
    return Outcome(
        task=config.task,
        classes=loop.table.classes,
        positive=config.positive,
        split=progress.split,
        model=Model(
            **{"class": config.model.class_}, digest=sha256(model_bytes), n_iter=final.n_iter, converged=final.converged
        ),
        predictions=PredictionsRecord(
            rows=len(predictions.row),
            digest=predictions.digest,
            scores=predictions.scores_digest,
            decision=predictions.decision_digest,
            score_method=predictions.method,
        ),
        metrics=metrics,
    )


# --- before the fit ---------------------------------------------------------------------------------------------


def _load(config: Config, source: Source, progress: Progress) -> tuple[Table, Data]:
    found = progress.data = FoundData(
        **source.found,
        source="dataset" if isinstance(config.data, BundledData) else "file",
        validation=None if source.validation is None else FoundFile(**source.validation.found),
    )
    both = None
    if isinstance(config.data, BundledData):
        read, target = load_dataset(config.data.dataset)
    else:
        assert source.read is not None
        content, target, second = source.read(), config.data.target, source.validation
        found = progress.data = found.model_copy(update=_of_bytes(content))
        if second is None:
            read = read_file(content, source.reader, source.most, config.data)
        else:
            assert second.read is not None
            below, file = second.read(), found.validation
            assert file is not None
            found = progress.data = found.model_copy(update={"validation": file.model_copy(update=_of_bytes(below))})
            both = read_both((content, source.reader), (below, second.reader), source.most, config.data)
            read = both.read
            del below
        del content  # hundreds of megabytes that the fit can use
        if read.told:
            progress.warn("data.form", dict(read.told))
        if both is not None and both.told:
            progress.warn("data.form", {**both.told, "of": "validation"})
    with _telling_columns_apart():
        classification = config.task == "classification"
        table = use_columns(read, config, target, classification=classification, kinds=source.kinds, both=both)
    if source.only is not None and table.digest != source.only:
        raise refusal("file.other_table")
    data = progress.data = Data(
        **dict(found),
        table_digest=table.digest,
        unordered_digest=table.unordered_digest,
        rows=len(table.target),
        dropped=table.dropped,
        columns=list(table.columns),
    )
    if table.dropped:
        progress.warn("data.dropped_rows", {"target": target, "rows": table.dropped, "of": len(read.frame)})
    whole = [column.name for column in table.columns if (column.role, column.kind) == ("feature", "int")]
    if (order := time_order(read.frame, target)) is not None:
        _tell_time_order(config, order, progress)
    for feature, zeros in leading_zeros(read, whole).items():
        progress.warn("data.leading_zeros", {"column": feature, "cell": zeros})
    return table, data


def _of_bytes(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": sha256(content)}


@contextmanager
def _telling_columns_apart() -> Iterator[None]:
    """Say of a column that is not there whether another one only looks the same."""
    try:
        yield
    except StageError as error:
        key, name, names = (error.values.get(value) for value in ("key", "name", "names"))
        if not (error.code.startswith("columns.") and isinstance(name, str) and isinstance(names, list)):
            raise
        if (alike := same_to_the_eye(name, names)) is None:
            raise
        apart = told_apart(name, alike)
        raise refusal("columns.same_to_the_eye", key=key, name=name, names=names, apart=apart) from None


def _tell_time_order(config: Config, order: TimeOrder, progress: Progress) -> None:
    """Say where rows stand in time order and the split looks ahead: at random, or from the newest to the oldest."""
    split = config.split
    if isinstance(split, TimeSeries):
        backwards = order.first == "newest" and order.within is None and split.order_by is None
        if backwards:
            progress.warn("split.newest_first", {"column": order.column})
    elif isinstance(split, Predefined | ValidationFile):
        return  # who split the rows may have done it by time
    elif split.shuffle is not False:
        progress.warn("split.time_order", order._asdict())
    elif order.first == "newest" and order.within is None:
        progress.warn("split.newest_first", {"column": order.column})


def _settle(config: Config, table: Table, seed: int, progress: Progress, allowed_modules: Sequence[str]) -> Config:
    """The config with everything written out that depends on the data."""
    split, too_small = settle_split(config.split, table.counts, seed)
    config = settle_preprocess(config, table, seed, allowed_modules)
    default = ["r2", "root_mean_squared_error"] if table.classes is None else ["accuracy", "f1_macro"]
    config = config.model_copy(
        update={
            "split": split,
            "positive": _positive(config, table.classes),
            "metrics": config.metrics or default,
            "seed": seed,
        }
    )
    # read back from its text: what a rerun reads is what is trained, down to which strings are one object in the model
    config = parse_config(json.loads(compact_json(config.as_json())))
    progress.config = config
    if too_small is not None and table.counts is not None and table.classes is not None:
        label = table.classes[int(table.counts.argmin())]
        progress.warn("split.not_stratified", {"label": label, "rows": too_small})
    return config


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
    said = f"positive: expected one of the classes {clean(shown)}, got {clean(repr(config.positive))}"
    raise ConfigError([f"{said}{_label_meant(config.positive, classes)}"])


def _label_meant(label: Any, classes: Labels) -> str:
    """How the class is written that a label which is none comes near; empty where there is none."""
    text = label_text(label)
    for one in classes:
        if label_text(one).lower() == text.lower() or (not isinstance(one, str) and label == one):
            return f": write {clean(json.dumps(one, ensure_ascii=False))}"
    alike = same_to_the_eye(text, [one for one in classes if isinstance(one, str)])
    return "" if alike is None else f": {told_apart(text, alike)}"


def _scorers(config: Config, pipeline: Pipeline, classes: Labels | None, *, earlier: bool) -> list[Scorer]:
    """The metrics of the config, each tried on a small example: what cannot be given is an error before the fit."""
    last = pipeline.steps[-1][1]
    methods = [m for m in ("predict_proba", "decision_function") if has(last, m)] if classes else ["predict"]
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


def _split(loop: Loop, *, everything: bool) -> list[Fold]:
    """The folds, and what is to be told of them; `everything`: also where ``fail_on`` does not ask for it."""
    config, table, progress = loop.config, loop.table, loop.progress
    with progress.during("split"):
        folds, splitter = make_folds(config.split, table)
        progress.split = Split(
            method=config.split.method,
            splitter=splitter,
            positions=positions_digest(folds),
            contents=table.digest_of(np.concatenate([fold.val for fold in folds])),
            folds=[FoldSize(n_train=len(fold.train), n_val=len(fold.val)) for fold in folds],
        )
        if (
            unused := len(table.target) - len(folds[0].train) - len(folds[0].val)
            if splitter == "PredefinedSplit"
            else 0
        ):
            progress.warn("split.unused_rows", {"rows": unused, "of": len(table.target)})
        if table.classes is not None and table.counts is not None:
            _warn_about_classes(loop, table.classes, table.counts)
            _warn_about_unseen(loop, table.classes, folds)
        if everything or "split.shared_rows" in config.fail_on:
            shared, looked_at, different, of = advice.shared_rows(table, folds[0])
            if shared:
                values = {"rows": shared, "looked_at": looked_at}
                # where the features have few values, equal rows are no copies
                few = {"different": different, "of": of} if different <= FEW_DIFFERENT * of else {}
                progress.warn("split.shared_rows", values | few)
        if everything or {"data.numbers_as_text", "data.read_as_missing"} & {*config.fail_on}:
            for code, values in misread_texts(table, folds[0]):
                progress.warn(code, values)
        if everything or "data.leak" in config.fail_on:
            _warn_about_leaks(table, folds[0], progress)
    return folds


def _warn_about_leaks(table: Table, fold: Fold, progress: Progress) -> None:
    """Say of every leak what gives the target away; of the first feature that does it alone no more than ever."""
    for number, leak in enumerate(leaks(table, fold)):
        values = {"feature": leak.features[0], "score": leak.score, "metric": leak.metric}
        if number or leak.how != "alone" or len(table.classes or ()) > 2**LEAK_DEPTH:
            values |= {"how": leak.how, "features": list(leak.features)}
        if leak.how == "class":
            values |= {"label": leak.label, "value": leak.value}
        progress.warn("data.leak", values)


def _warn_about_unseen(loop: Loop, classes: Labels, folds: Sequence[Fold]) -> None:
    """Say where validation rows are of a class that no training row has."""
    assert loop.table.codes is not None
    codes, rows = advice.unseen_classes(loop.table.codes, folds)
    if codes and not loop.earlier:
        of = sum(len(fold.val) for fold in folds)
        loop.progress.warn("split.unseen_class", {"labels": [classes[code] for code in codes], "rows": rows, "of": of})


def _warn_about_classes(loop: Loop, classes: Labels, counts: np.ndarray[Any, Any]) -> None:
    """Say where not every fold can hold a row of each class, and where one class is nearly all."""
    split, few = loop.config.split, int(counts.min())
    if not loop.earlier and isinstance(split, KFold) and split.stratify and few < split.n_splits:
        values = {"label": classes[int(counts.argmin())], "rows": few, "folds": split.n_splits}
        loop.progress.warn("split.small_class", values)
    share = float(counts.max() / counts.sum())
    if share >= IMBALANCE_SHARE:
        loop.progress.warn("data.imbalance", {"label": classes[int(counts.argmax())], "share": share})


def _warn_about_fits(final: Fitted, every: Sequence[Fitted], progress: Progress) -> None:
    if any(fitted.not_converged for fitted in every):
        max_iter = getattr(final.pipeline.steps[-1][1], "max_iter", None)
        max_iter = max_iter if isinstance(max_iter, int | float) else None
        progress.warn("fit.not_converged", {"n_iter": final.n_iter, "max_iter": max_iter})
    for category, message in sorted({pair for fitted in every for pair in fitted.said}):
        if category != "ConvergenceWarning":
            progress.warn("library.warning", {"category": category, "message": message})
