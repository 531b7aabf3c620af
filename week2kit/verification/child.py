"""What a child process does for a verdict: train again, or compute metrics from stored predictions.

It gets bytes and a config, and answers with a JSON text of numbers and digests; it sees no run folder. Importing this
module imports scikit-learn, so only the child's side imports it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import joblib
import numpy as np
from pydantic import TypeAdapter

import week2kit
from week2kit.canonical import clean, json_digest, label_text
from week2kit.config.form import FileData, ValidationFile
from week2kit.config.reading import parse_config
from week2kit.environment.conditions import AS_HERE
from week2kit.environment.facts import hold_blas_buffers, record_environment, required_by
from week2kit.errors import ConfigError, LibraryError, MissingHere, StageError, Week2kitError
from week2kit.inputs.causes import Here
from week2kit.loop.digests import column_digest
from week2kit.loop.estimators import find_class
from week2kit.loop.evaluating import recompute
from week2kit.loop.inside import is_forest, is_kmeans, jobs_by_cpus, walk
from week2kit.loop.predictions import Predictions, PredictionsError, check_text, from_csv, to_csv
from week2kit.loop.progress import Progress
from week2kit.loop.reading import Reader
from week2kit.loop.run import Result, Source, run_loop
from week2kit.record.code import code_digest, code_modules
from week2kit.record.files import read_regular
from week2kit.record.looking import DataFile
from week2kit.record.manifest import Data
from week2kit.record.own_modules import own_code
from week2kit.record.places import reader_for_config
from week2kit.record.requirements import class_names
from week2kit.record.verdict import Finding
from week2kit.thresholds import MAX_DATA_BYTES, MAX_UNPACKED_BYTES
from week2kit.training.recording import failure_record
from week2kit.verification import forcing
from week2kit.verification.cells import Columns, compare_columns, compare_target, read_columns
from week2kit.verification.messages import (
    Comparison,
    Fresh,
    FromPredictions,
    Missing,
    Race,
    RerunRequest,
    Scored,
    Stored,
    Variable,
)

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def describe_here(allowed_modules: tuple[str, ...]) -> bytes:
    """The environment and the code of this process, which are those of every other child."""
    hold_blas_buffers()
    modules = code_modules()
    here = Here(
        environment=record_environment(allowed_modules),
        code=code_digest(modules),
        modules=modules,
        week2kit=week2kit.__version__,
        libraries={module: required_by(module) for module in allowed_modules},
        own=own_code(allowed_modules),
    )
    return here.model_dump_json().encode()


def describe_variable(config: dict[str, Any]) -> bytes:
    """What of a config, and of this machine, can be varied."""
    found = Variable(
        takes_jobs=forcing.takes_jobs(config),
        comma_locale=forcing.comma_locale(),
        utc_offset=-time.timezone,
        home=forcing.home(),
        umask=forcing.umask(),
    )
    return found.model_dump_json().encode()


def train_again(request: RerunRequest, stored: Stored | None) -> bytes:
    """Carry out a config again and tell what came out, and how it compares with the stored predictions."""
    return _train(request, stored).model_dump_json(by_alias=True).encode()


def _train(request: RerunRequest, stored: Stored | None) -> Fresh:
    start = time.perf_counter()
    np.random.seed()  # forked children share the server's state, and unseeded draws must differ
    progress = Progress()
    failure, missing, result, environment = None, None, None, None
    idle: list[str] = []
    notes: dict[str, Any] = {}
    with forcing.in_force(request.conditions):
        try:
            hold_blas_buffers()
            request = forcing.of_request(request)
            config = parse_config(request.config)
            if isinstance(config.data, FileData):
                reader_for_config(config.data.path)
            if isinstance(config.split, ValidationFile):
                reader_for_config(config.split.validation_path, "split.validation_path")
            source = _source(request)
            modules = request.allowed_modules
            result = run_loop(
                config,
                request.seed,
                source,
                progress,
                advise=request.advise,
                earlier=request.earlier,
                allowed_modules=modules,
            )
        except (Week2kitError, MemoryError, OSError) as error:
            failure = failure_record(error, progress.stage)
            missing = _missing(error, request)
        if progress.pipeline is not None:
            notes = static_notes(progress.pipeline)
        if request.conditions != AS_HERE:
            environment = record_environment(request.allowed_modules)
            idle = forcing.not_in_force(request.conditions)
    return Fresh(
        failure=failure,
        missing=missing,
        data=progress.data,
        split=progress.split,
        outcome=result.outcome if result else None,
        curves=json_digest(result.curves) if result and result.curves is not None else None,
        warnings=progress.warnings,
        unseeded=[name for w in progress.warnings if w.code == "seed.unset" for name in w.values["estimators"]],
        **notes,
        comparison=_compare(result, stored) if result and stored else None,
        environment=environment,
        not_in_force=idle,
        predictions=to_csv(result.predictions).decode() if result and request.give_predictions else None,
        scored=_scored(result, request) if result and request.scorers is not None else None,
        seconds=time.perf_counter() - start,
    )


def _missing(error: BaseException, request: RerunRequest) -> Missing | None:
    """What is not here that the training needs, where it failed of that."""
    if isinstance(error, MissingHere):
        return Missing(said=f"{error} {error.hint}".strip(), command=error.command, flags=list(error.flags))
    if not isinstance(error, ConfigError | LibraryError):
        return None
    named = (name for name in class_names(request.config) if "." in name)
    wanted = sorted({name for name in named if name.partition(".")[0] != "sklearn"})
    tops = sorted({name.partition(".")[0] for name in wanted} - set(request.allowed_modules))
    if tops:
        flags = [word for top in tops for word in ("--allow-module", top)]
        told = " and ".join(clean(top, 80) for top in tops)
        said = f"It was trained with estimators of {told}, whose code is only imported where you allow it."
        return Missing(said=f"{said} If you trust it: {clean(' '.join(flags))}", flags=flags)
    for name in wanted:
        try:
            find_class(name, request.allowed_modules)
        except (ValueError, LibraryError) as refused:
            said = f"{clean(name)} cannot be imported here: {str(refused).rstrip('.')}."
            return Missing(said=f"{said} Install what it was trained with, or put its folder on PYTHONPATH.")
    return None


def _source(request: RerunRequest) -> Source:
    if request.file is None:  # the loop tells what it misses, or needs none
        return Source(request.path, None, request.reader, bytes)
    other_text = bool(request.conditions.other_text)
    source, second = _file(request.path, request.reader, request.file, other_text=other_text), None
    if (beside := request.validation) is not None:
        second = _file(beside.path, beside.reader, beside.file, other_text=other_text)
    only = None if request.only is None else request.only.digest
    return dataclasses.replace(source, only=only, kinds=dict(request.kinds), validation=second)


def _file(path: str, reader: Reader, file: DataFile, *, other_text: bool) -> Source:
    """One file, in another form where that is asked for."""
    most = file.most or MAX_UNPACKED_BYTES
    if not other_text or reader not in ("csv", "tsv"):
        return Source(path, None, reader, lambda: _bytes_of(file), most)
    other: Reader = "tsv" if reader == "csv" else "csv"
    return Source(path, None, other, lambda: forcing.rewritten(_bytes_of(file), reader, most), most)


def _bytes_of(file: DataFile) -> bytes:
    try:  # its links were resolved before
        return read_regular(Path(file.path), MAX_DATA_BYTES if file.most is None else file.most, follow=False)
    except OSError as error:
        raise MissingHere(f'The data file "{clean(file.shown)}" cannot be read: {error.strerror}.') from None


def compare_tables(request: RerunRequest, recorded: Data, files: Sequence[DataFile | None], stored: Stored) -> bytes:
    """Tell which cells, rows or order differ between files and those that a run was trained on, as findings.

    Args:
        request: the training that was done with the files.
        recorded: what the run recorded of its data.
        files: the recorded files, each where it is still there. Elsewhere the true values in `stored` tell
            what happened to the target, as long as nothing else did, and the run has no validation file.
        stored: the stored predictions.
    """
    try:
        config, kinds = parse_config(request.config), dict(request.kinds)
        second = request.validation
        readers = (request.reader, *(() if second is None else (second.reader,)))
        findings: list[Finding] = []
        for one, file, now, reader in zip(recorded.files, files, request.files, readers, strict=True):
            if not now.vouched or now.is_recorded(one):
                continue
            new = read_columns(_bytes_of(now), reader, config, kinds)
            if file is not None:
                findings += compare_columns(read_columns(_bytes_of(file), one.reader, config), new, one.path)
            elif second is None:
                findings += _other_target(new, recorded, stored)
    except (Week2kitError, PredictionsError, MemoryError):  # it only explains: the verdict stands without it
        findings = []
    return TypeAdapter(list[Finding]).dump_json(findings)


def _other_target(new: Columns, recorded: Data, stored: Stored) -> list[Finding]:
    """The changed cells of the target, where every other column is the recorded one: then the rows are, too."""
    if [(c.name, c.kind) for c in recorded.columns] != [(c.name, new.kinds.get(c.name)) for c in recorded.columns]:
        return []
    digests = {name: column_digest(name, new.kinds[name], new.frame[name].to_numpy()) for name in new.frame}
    other = [column for column in recorded.columns if column.digest != digests[column.name]]
    if recorded.rows != len(new.frame) or [column.role for column in other] != ["target"]:
        return []
    predictions = from_csv(stored.content, stored.classes, stored.method)
    return compare_target(predictions, new, other[0].name, recorded.path)


def static_notes(pipeline: Pipeline) -> dict[str, Any]:
    """What is known of a pipeline without a rerun, as the fields of `Fresh` that tell it; names are sorted."""
    alone = {id(step) for step in _own_steps(pipeline)}
    races = set()
    for estimator in walk(pipeline):
        name = type(estimator).__name__
        if is_forest(estimator) and _has_jobs(estimator):
            races.add((name, "forest", id(estimator) in alone))
        if is_kmeans(estimator):
            races.add((name, "kmeans", True))
    found = [Race(estimator=name, kind=kind, kept_out=kept_out) for name, kind, kept_out in sorted(races)]
    addresses = {type(estimator).__name__ for estimator in walk(pipeline) if _keeps_an_address(estimator)}
    several = {type(e).__name__ for e in walk(pipeline) if (is_forest(e) or _searches_a_tree(e)) and _has_jobs(e)}
    return {
        "races": found,
        "never_repeat": sorted(addresses),
        "racing_bytes": sorted(several),
        "threads": any(map(_has_jobs, walk(pipeline))),
        "by_cpus": jobs_by_cpus(pipeline),
    }


def _has_jobs(estimator: Any) -> bool:
    """Whether an estimator has several jobs, its own or those that ``joblib.parallel_config`` gives it."""
    jobs = getattr(estimator, "n_jobs", None)
    return jobs != 1 and (jobs is not None or joblib.effective_n_jobs(None) != 1)


#: What looks for neighbours in a tree, which counts the nodes that it visits, without a lock, and is dumped with them.
_TREE_SEARCHES: Final = frozenset({"NeighborsBase", "LocallyLinearEmbedding", "Isomap", "BaseLabelPropagation"})


def _searches_a_tree(estimator: Any) -> bool:
    kinds = {kind.__name__ for kind in type(estimator).__mro__}
    algorithm = getattr(estimator, "algorithm", getattr(estimator, "neighbors_algorithm", "auto"))
    return bool(kinds & _TREE_SEARCHES) and algorithm != "brute"


def _own_steps(value: Any) -> Iterator[Any]:
    """The steps of a pipeline and of the pipelines and column groups in it: what no other estimator predicts with."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    if isinstance(value, Pipeline | ColumnTransformer):
        for _, step, *_ in value.steps if isinstance(value, Pipeline) else value.transformers:
            yield from _own_steps(step)
    else:
        yield value


def _keeps_an_address(estimator: Any) -> bool:
    """Whether it is a vectoriser of words: those remember ``id(stop_words)``, also of None."""
    mixed_in = any(kind.__name__ == "_VectorizerMixin" for kind in type(estimator).__mro__)
    return mixed_in and getattr(estimator, "analyzer", None) == "word"


def _compare(result: Result, stored: Stored) -> Comparison | None:
    """How far the fresh predictions are from the stored ones."""
    try:
        return compare_predictions(from_csv(stored.content, stored.classes, stored.method), result.predictions)
    except PredictionsError:
        return None


def compare_predictions(old: Predictions, new: Predictions) -> Comparison | None:
    """How far predictions are from stored ones; None where they speak of other rows, or of other true values."""
    if not _same_rows(old, new):
        return None
    pairs = [(old.scores, new.scores), *([(old.decision, new.decision)] if old.decision is not None else [])]
    known = [(a, b) for a, b in pairs if a is not None and b is not None and a.shape == b.shape]
    moved = np.flatnonzero(old.y_pred != new.y_pred)
    if old.scores is None or len(known) < len(pairs):
        return Comparison(labels_moved=len(moved))
    if old.classes is None:  # numbers are no labels
        moved = moved[:0]
    units = [_units(old, scores) for scores, _ in known]
    return Comparison(
        labels_moved=len(moved),
        largest_difference=max(_largest(a, b, unit) for (a, b), unit in zip(known, units, strict=True)),
        widest_tie=_widest_tie(old, new, moved, units[0]),
    )


def _same_rows(old: Predictions, new: Predictions) -> bool:
    """Whether both speak of the same rows in the same order, and of the same true values."""
    parts = ((old.repeat, new.repeat), (old.fold, new.fold), (old.row, new.row), (old.y_true, new.y_true))
    return old.classes == new.classes and all(np.array_equal(a, b) for a, b in parts)


def _units(old: Predictions, scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What the difference of each score is measured in: its own absolute value or the median one of its fold.

    Models of different folds may give scores of different sizes, so each fold has a median of its own.
    """
    sizes: np.ndarray[Any, Any] = np.abs(scores)
    method = old.method if scores is old.scores else "decision_function"
    for fold in old.folds():
        sizes[fold] = np.maximum(sizes[fold], _median(sizes[fold], method))
    return sizes


def _median(sizes: np.ndarray[Any, Any], method: str | None) -> float:
    """Of an even number the lower one of the middle two, so that half of the scores excuse nothing of the other half.

    Two probabilities are p and 1 - p, and the rounding of 1 - p is that of 1: there it lies between the two.
    """
    ordered = np.sort(sizes, axis=None)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float(low + (high - low) / 2 if method == "predict_proba" else low)


def _largest(old: np.ndarray[Any, Any], new: np.ndarray[Any, Any], units: np.ndarray[Any, Any]) -> float:
    """The largest difference in units; 1, the whole, where what was 0 is not, and most others are 0, too."""
    with np.errstate(all="ignore"):  # stored scores may be as large as numbers get
        differences = np.abs(old - new) / units
    differences[(units == 0) & (new != 0)] = 1.0
    differences[old == new] = 0.0
    return min(float(differences.max()), sys.float_info.max)


def _widest_tie(old: Predictions, new: Predictions, moved: np.ndarray[Any, Any], units: np.ndarray[Any, Any]) -> float:
    """`Comparison.widest_tie` over the rows whose label moved; a binary decision function decides at 0."""
    if not len(moved) or old.scores is None:
        return 0.0
    scores, units = old.scores[moved], units[moved]
    if scores.ndim == 1:
        return _largest(scores, np.zeros_like(scores), units)
    each = np.arange(len(moved))
    best = each, scores.argmax(axis=1)
    given = [scores[each, labels[moved]] for labels in (old.y_pred, new.y_pred)]
    return max(_largest(scores[best], score, units[best]) for score in given)


def read_predictions(stored: Stored, n_val: list[int]) -> bytes:
    """Compute from predictions.csv alone what it proves: digests, metrics, the report."""
    try:
        predictions = from_csv(stored.content, stored.classes, stored.method)
        check_text(stored.content, predictions)
        sizes = [len(part) for part in predictions.folds()]
        if sizes != n_val:
            raise PredictionsError(f"its folds have {sizes[:5]} rows, and the record says {n_val[:5]}")
        metrics, report = recompute(predictions, stored.metric_names, stored.positive, earlier=stored.earlier)
    except (PredictionsError, StageError) as error:
        return FromPredictions(problem=str(error)).model_dump_json().encode()
    found = FromPredictions(
        digest=predictions.digest,
        scores=predictions.scores_digest,
        decision=predictions.decision_digest,
        metrics=metrics,
        report=report,
    )
    return found.model_dump_json().encode()


def _scored(result: Result, request: RerunRequest) -> Scored:
    """The metrics that predictions can give of those in a request, as a script gets them from scikit-learn's functions.

    A name that is no scorer's, or of one that this model and target cannot give, is left out.
    """
    from sklearn.metrics import get_scorer_names

    scorers = set(get_scorer_names())
    values = {}
    for name in request.scorers or ():
        if not {name, f"neg_{name}"} & scorers:
            continue  # to be asked for the nearest name, thousands of times, would take minutes
        with contextlib.suppress(StageError):
            value = recompute(result.predictions, [name], result.outcome.positive, earlier=True)[0][name]["value"]
            if value is not None:  # it is defined on these rows
                values[name] = -value if name.startswith("neg_") else value
    return Scored(metrics=values, report=_report(result.predictions, request.digits))


def try_recipes(request: RerunRequest, configs: list[dict[str, Any]], stored: Stored, near: int) -> bytes:
    """Carry out other configs on the same rows, up to the first that gives other labels in fewer rows than `near`."""
    tried = []
    for config in configs:
        fresh = _train(dataclasses.replace(request, config=config, give_predictions=False), stored)
        comparison = fresh.comparison
        if comparison is not None:  # scores of other recipes are of other kinds
            comparison = comparison.model_copy(update={"largest_difference": None, "widest_tie": None})
        tried.append(fresh.model_copy(update={"comparison": comparison}))
        if comparison is not None and comparison.labels_moved < near:
            break
    return TypeAdapter(list[Fresh]).dump_json(tried, by_alias=True)


def _report(predictions: Predictions, digits: int) -> str:
    from sklearn.metrics import classification_report

    codes = np.union1d(predictions.y_true, predictions.y_pred)
    text: str = classification_report(
        predictions.y_true,
        predictions.y_pred,
        labels=codes,
        target_names=[label_text((predictions.classes or [])[code]) for code in codes],
        digits=digits,
        zero_division=0.0,
    )
    return text
