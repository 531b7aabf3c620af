"""The loop itself, stage by stage: load -> split -> fit -> evaluate; and what came out, as one value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from week2kit.canonical import clean, compact_json, sha256
from week2kit.config.form import BundledData, Config, KFold, TimeSeries
from week2kit.config.form import Split as SplitConfig
from week2kit.config.overriding import repeat_seeds
from week2kit.config.reading import parse_config
from week2kit.errors import ConfigError, StageError
from week2kit.loop import advice, session
from week2kit.loop.data import Table, use_columns
from week2kit.loop.evaluating import Loop
from week2kit.loop.fitting import Fitted, dump
from week2kit.loop.inside import has, unseeded
from week2kit.loop.metrics import Scorer, report_text
from week2kit.loop.model import build_estimators, make_pipeline, settle_preprocess
from week2kit.loop.predictions import Labels, Predictions
from week2kit.loop.progress import Progress
from week2kit.loop.reading import Reader, load_dataset, read_file
from week2kit.loop.split import Fold, make_folds, positions_digest, settle_split
from week2kit.record.manifest import (
    Data,
    FoldSize,
    FoundData,
    Kind,
    Model,
    Outcome,
    Split,
)
from week2kit.record.manifest import Predictions as PredictionsRecord
from week2kit.refusals import refusal
from week2kit.thresholds import IMBALANCE_SHARE, MAX_UNPACKED_BYTES


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
        built = build_estimators(config, seed, allowed_modules)
        progress.config, progress.task = built.config, built.task
    with progress.during("load"):
        table, data = _load(built.config, source, progress, classification=built.task == "classification")
    with progress.during("config"):
        classes, codes = _classes(table) if built.task == "classification" else (None, None)
        progress.classes = classes
        settled = _settle(built.config, table, classes, codes, seed, progress)
        pipeline = make_pipeline(settled, table, seed, allowed_modules)
        progress.config, progress.pipeline = settled, pipeline
        scorers = _scorers(settled, pipeline, classes, earlier=earlier)
        _warn_unseeded(pipeline, settled, len(table.target), progress)
    with progress.during("split"):
        folds, splitter = make_folds(settled.split, table, codes, classes)
        progress.split = _split_record(settled, table, folds, splitter)
        if not earlier:
            _warn_small_class(settled.split, codes, classes, progress)
        _advise_on_data(table, codes, classes, folds[0], progress, everything=advise)
    loop = Loop(settled, table, classes, codes, pipeline, scorers, progress)
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
        model_bytes = dump(final.pipeline)
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
        raise refusal("file.other_table")
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
    config = settle_preprocess(config, table, seed)
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


def _warn_unseeded(pipeline: Pipeline, config: Config, rows: int, progress: Progress) -> None:
    names = unseeded(pipeline, rows)
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


def _warn_about_fit(final: Fitted, any_not_converged: bool, said: set[tuple[str, str]], progress: Progress) -> None:
    if any_not_converged or final.not_converged:
        max_iter = getattr(final.pipeline.steps[-1][1], "max_iter", None)
        max_iter = max_iter if isinstance(max_iter, int | float) else None
        progress.warn("fit.not_converged", {"n_iter": final.n_iter, "max_iter": max_iter})
    for category, message in sorted(said):
        if category != "ConvergenceWarning":
            progress.warn("library.warning", {"category": category, "message": message})
