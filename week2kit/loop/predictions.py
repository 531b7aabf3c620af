"""Predictions: what the model says of rows it has not seen, row by row; the artifact that proves every metric."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from week2kit.canonical import label_text, label_texts
from week2kit.loop.data import Labels
from week2kit.loop.digests import values_digest
from week2kit.loop.fitting import library_errors
from week2kit.loop.inside import steady_forests, steady_threads
from week2kit.record.predictions import FIXED_COLUMNS, read_cells
from week2kit.refusals import refusal

ScoreMethod = Literal["predict_proba", "decision_function", "predict"]

#: Lines that are written, and held against a file, at a time: a million lines as text take a gigabyte.
_BLOCK: Final = 10_000


@dataclass(frozen=True)
class Answers:
    """What one fitted model says of some rows.

    `labels` are class codes (int64; regression: float64 values), shape (rows,); `scores` are float64 of shape
    (rows, classes), or (rows,) for a binary decision function and regression; None for a classifier with neither.
    `decision` is the decision function beside probabilities, where it was asked for.
    """

    labels: np.ndarray[Any, Any]
    scores: np.ndarray[Any, Any] | None
    method: ScoreMethod | None
    decision: np.ndarray[Any, Any] | None = None

    def at(self, rows: np.ndarray[Any, Any]) -> Answers:
        """What it says of some of these rows."""
        scores, decision = (part if part is None else part[rows] for part in (self.scores, self.decision))
        return Answers(self.labels[rows], scores, self.method, decision)

    @property
    def methods(self) -> set[str | None]:
        """The methods of the model whose answers these are."""
        return {self.method} | ({"decision_function"} if self.decision is not None else set())


def encode(values: np.ndarray[Any, Any], classes: Labels) -> np.ndarray[Any, Any]:
    """Labels as their positions in `classes` (int64); -1 for one that is not among them."""
    codes = pd.Index(np.asarray(classes, dtype=values.dtype)).get_indexer(pd.Index(values))
    return np.asarray(codes, dtype=np.int64)


@library_errors()
def predict(pipeline: Pipeline, X: Any, classes: Labels | None, *, decision: bool = False) -> Answers:
    """The labels and scores that a fitted pipeline gives for `X`; its transformers run once.

    A class that was missing among the training rows has probability 0; a decision function without it, or one of pairs
    of classes, has no column for each class, and is left out.

    Args:
        pipeline: a fitted pipeline.
        X: the features, a table of shape (rows, columns).
        classes: the classes of the target; None for regression.
        decision: whether to ask a model that gives probabilities for its decision function, too.

    Raises:
        StageError: a score is not a finite number, or the decision function that was asked for lacks a class.
    """
    with steady_forests(pipeline), steady_threads(pipeline):
        values = X
        for _, step in pipeline.steps[:-1]:  # as Pipeline.predict does it: a step without a state is never "fitted"
            values = step.transform(values)
        model = pipeline.steps[-1][1]
        labels = np.asarray(model.predict(values))
        if classes is None:
            labels = np.asarray(labels, dtype=np.float64).ravel()
            _check_finite(labels, "predictions")
            return Answers(labels, labels, "predict")
        codes = encode(labels.ravel(), classes)
        method = next((m for m in ("predict_proba", "decision_function") if hasattr(model, m)), None)
        if method is None:
            return Answers(codes, None, None)
        scores = np.asarray(getattr(model, method)(values), dtype=np.float64)
        decided = None
        if decision and method == "predict_proba" and hasattr(model, "decision_function"):
            decided = np.asarray(model.decision_function(values), dtype=np.float64)
    _check_finite(scores, f"scores ({method})")
    known = encode(np.asarray(model.classes_), classes)
    if decided is not None:
        _check_finite(decided, "scores (decision_function)")
        _check_classes(decided, known, classes)
    if method == "decision_function" and not _is_whole(scores, classes):
        return Answers(codes, None, None)
    if len(known) < len(classes):
        wide = np.zeros((len(scores), len(classes)))
        wide[:, known] = scores
        scores = wide
    return Answers(codes, scores, method, decided)  # type: ignore[arg-type]


def _is_whole(decision: np.ndarray[Any, Any], classes: Labels) -> bool:
    """Whether a decision function has a column for each class, or, of two classes, the one that tells them apart."""
    return decision.ndim == 1 if len(classes) == 2 else decision.ndim == 2 and decision.shape[1] == len(classes)


def _check_classes(decision: np.ndarray[Any, Any], known: np.ndarray[Any, Any], classes: Labels) -> None:
    """Refuse a decision function that a metric asks for and that lacks a class, as scikit-learn's scorers do."""
    if _is_whole(decision, classes):
        return
    missing = [str(label) for code, label in enumerate(classes) if code not in known]
    raise refusal("scores.class_missing", label=missing[0]) if missing else refusal("scores.of_pairs")


def _check_finite(values: np.ndarray[Any, Any], what: str) -> None:
    if not np.isfinite(values).all():
        raise refusal("scores.not_finite", what=what)


@dataclass(frozen=True)
class Predictions:
    """The predictions on all validation rows, in order: repeat by repeat, fold by fold.

    `repeat`, `fold` and `row` are int64; `y_true` and `y_pred` class codes (regression: float64); `scores` as in
    `Answers`, or None.
    """

    repeat: np.ndarray[Any, Any]
    fold: np.ndarray[Any, Any]
    row: np.ndarray[Any, Any]
    y_true: np.ndarray[Any, Any]
    y_pred: np.ndarray[Any, Any]
    scores: np.ndarray[Any, Any] | None
    method: ScoreMethod | None
    classes: Labels | None
    decision: np.ndarray[Any, Any] | None = None
    """As in `Answers`."""
    raw: bool = False
    """Whether line breaks of labels stand in the text as they are: so older versions wrote them."""

    @property
    def texts(self) -> list[str] | None:
        """The classes as the files of the run write them; regression: None."""
        if self.classes is None:
            return None
        return list(map(label_text, self.classes)) if self.raw else label_texts(self.classes)

    @property
    def answers(self) -> Answers:
        """What the models said of these rows."""
        return Answers(self.y_pred, self.scores, self.method, self.decision)

    @property
    def digest(self) -> str:
        """The digest of y_pred: the labels themselves, not their codes."""
        return values_digest(self.decoded(self.y_pred))

    @property
    def scores_digest(self) -> str | None:
        """The digest of the scores as float64, or None where there are none."""
        return None if self.scores is None else values_digest(self.scores)

    @property
    def decision_digest(self) -> str | None:
        """The digest of the decision function beside probabilities, or None where there is none."""
        return None if self.decision is None else values_digest(self.decision)

    def decoded(self, codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The labels of class codes; regression: the values as they are."""
        if self.classes is None:
            return codes
        text = bool(self.classes) and isinstance(self.classes[0], str)
        labels = np.asarray(self.classes, dtype=object if text else None)
        if labels.dtype.kind == "b":
            labels = labels.astype(np.int64)
        result: np.ndarray[Any, Any] = labels[codes]
        return result

    def folds(self) -> list[np.ndarray[Any, Any]]:
        """The positions in these predictions of each fold, in order."""
        key = self.repeat * (int(self.fold.max()) + 1 if len(self.fold) else 1) + self.fold
        starts = np.flatnonzero(np.diff(key)) + 1
        return list(np.split(np.arange(len(key)), starts))


# --- as text ----------------------------------------------------------------------------------------------------


def _score_names(prefix: str, texts: Sequence[str], *, one: bool) -> list[str]:
    """The names of score columns: one per class, or one for a decision function that tells two classes apart."""
    return [prefix] if one else [f"{prefix}:{text}" for text in texts]


def _score_columns(predictions: Predictions) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """The score columns with their names; of a regression none."""
    found: list[tuple[str, np.ndarray[Any, Any]]] = []
    for prefix, scores in (("score", predictions.scores), ("decision", predictions.decision)):
        if scores is not None and predictions.texts is not None:
            names = _score_names(prefix, predictions.texts, one=scores.ndim == 1)
            found += zip(names, np.atleast_2d(scores.T), strict=True)
    return found


def _quoted(text: str) -> str:
    """A cell; not by `csv.writer`, which quotes a line break in one version of Python and not in another."""
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n\r') else text


def to_csv(predictions: Predictions) -> bytes:
    """predictions.csv: one line per prediction, floats by ``repr``, no line break within a cell."""
    return b"".join(_blocks(predictions))


def _blocks(predictions: Predictions) -> Iterator[bytes]:
    """The text of predictions.csv: the header, then some thousand lines at a time."""
    scores = _score_columns(predictions)
    yield _encoded([",".join(map(_quoted, (*FIXED_COLUMNS, *(name for name, _ in scores))))])
    labels = None if predictions.texts is None else list(map(_quoted, predictions.texts))
    for start in range(0, len(predictions.row), _BLOCK):
        lines = slice(start, start + _BLOCK)
        whole = (predictions.repeat, predictions.fold, predictions.row)
        columns = [list(map(str, part[lines].tolist())) for part in whole]
        for part in (predictions.y_true, predictions.y_pred):
            values = part[lines].tolist()
            columns.append(list(map(repr, values)) if labels is None else [labels[code] for code in values])
        columns += [list(map(repr, column[lines].tolist())) for _, column in scores]
        yield _encoded(map(",".join, zip(*columns, strict=True)))


def _encoded(lines: Iterable[str]) -> bytes:
    return "\n".join((*lines, "")).encode("utf-8", "surrogatepass")


class PredictionsError(ValueError):
    """The text of a predictions.csv does not hold what week2kit writes; the message says where."""


def from_csv(content: bytes, classes: Labels | None, method: ScoreMethod | None) -> Predictions:
    """The predictions in the text of a predictions.csv; `check_text` says whether it is exactly what `to_csv` writes.

    Args:
        content: the bytes of the file, with LF or CRLF.
        classes: the classes of the run; None for regression.
        method: what the scores are, as the manifest records it.

    Raises:
        PredictionsError: a column or a value is not what `to_csv` writes.
    """
    try:
        names, columns = read_cells(content)
    except ValueError as error:
        raise PredictionsError(f"it cannot be read as a table: {error}") from None
    # versions before schema 4 wrote line breaks as they are, in quotation marks, under Python 3.13
    texts, as_they_are = label_texts(classes or ()), list(map(label_text, classes or ()))
    raw = texts != as_they_are and any("\n" in cell or "\r" in cell for cell in chain(names, *columns[3:5]))
    texts = as_they_are if raw else texts
    one = len(texts) == 2
    wanted = _score_names("score", texts, one=one and method == "decision_function") if texts and method else []
    besides = _score_names("decision", texts, one=one) if texts and method == "predict_proba" else []
    if names == [*FIXED_COLUMNS, *wanted]:
        besides = []
    elif names != [*FIXED_COLUMNS, *wanted, *besides]:
        raise PredictionsError(f"its columns are not {', '.join((*FIXED_COLUMNS, *wanted))[:200]}")
    repeat, fold, row = (_numbers(int, column) for column in columns[:3])
    y_true, y_pred = (_floats([column]) if classes is None else _codes(column, texts) for column in columns[3:5])
    own = 5 + len(wanted)
    scores, decision = (_floats(part) if part else None for part in (columns[5:own], columns[own:]))
    if classes is None:
        scores = y_pred
    return Predictions(repeat, fold, row, y_true, y_pred, scores, method, classes, decision, raw)


def _numbers(kind: type[int | float], texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """The numbers that cells spell, as int64 or float64; none is infinite."""

    def read(cells: Sequence[str]) -> np.ndarray[Any, Any] | None:
        try:
            values = np.array(list(map(kind, cells)), dtype=np.int64 if kind is int else np.float64)
        except (ValueError, OverflowError):
            return None
        return values if np.isfinite(values).all() else None

    values = read(texts)
    if values is None:
        line = next(line for line, text in enumerate(texts, 2) if read([text]) is None)
        raise PredictionsError(f"line {line} is not as week2kit writes such a line")
    return values


def _floats(columns: Sequence[Sequence[str]]) -> np.ndarray[Any, Any]:
    """Columns of numbers as an array of shape (rows, columns), or (rows,) where there is one."""
    values = np.array([_numbers(float, column) for column in columns]).T
    return np.ascontiguousarray(values[:, 0] if len(columns) == 1 else values)


def _codes(texts: Sequence[str], known: Sequence[str]) -> np.ndarray[Any, Any]:
    codes = encode(np.asarray(texts, dtype=object), known)
    if (codes < 0).any():
        raise PredictionsError(f"line {int(codes.argmin()) + 2} has a label that is none of the classes")
    return codes


def check_text(content: bytes, predictions: Predictions) -> None:
    """Refuse what `from_csv` takes for a number or passes over: ``5_0`` for row 50, ``0.50`` for 0.5, blank lines.

    Raises:
        PredictionsError: the text is not that of these predictions, line ends aside; it names the first line.
    """
    text, place, line = content.replace(b"\r\n", b"\n"), 0, 1
    for block in (*_blocks(predictions), b""):
        expected = block.replace(b"\r\n", b"\n")
        found = text[place : place + len(expected)] if block else text[place:]
        if found != expected:
            pairs = zip_longest(io.BytesIO(found), io.BytesIO(expected))
            line += next(index for index, (here, there) in enumerate(pairs) if here != there)
            raise PredictionsError(f"line {line} is not as week2kit writes such a line")
        place += len(expected)
        line += expected.count(b"\n")
