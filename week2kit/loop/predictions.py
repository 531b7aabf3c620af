"""Predictions: what the model says of rows it has not seen, row by row; the artifact that proves every metric."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from week2kit.errors import StageError
from week2kit.loop.data import values_digest
from week2kit.loop.model import steady_forests, steady_threads

if TYPE_CHECKING:
    import numpy as np
    from sklearn.pipeline import Pipeline

ScoreMethod = Literal["predict_proba", "decision_function", "predict"]
Labels = Sequence[bool | int | float | str]

_FIXED_COLUMNS: Final = ("repeat", "fold", "row", "y_true", "y_pred")


@dataclass(frozen=True)
class Answers:
    """What one fitted model says of some rows.

    `labels` are class codes (int64; regression: float64 values), shape (rows,); `scores` are float64 of shape
    (rows, classes), or (rows,) for a binary decision function and regression; None for a classifier with neither.
    """

    labels: np.ndarray[Any, Any]
    scores: np.ndarray[Any, Any] | None
    method: ScoreMethod | None


def encode(values: np.ndarray[Any, Any], classes: Labels) -> np.ndarray[Any, Any]:
    """Labels as their positions in `classes` (int64); -1 for one that is not among them."""
    import numpy as np
    import pandas as pd

    codes = pd.Index(np.asarray(classes, dtype=values.dtype)).get_indexer(pd.Index(values))
    return np.asarray(codes, dtype=np.int64)


def predict(pipeline: Pipeline, X: Any, classes: Labels | None) -> Answers:
    """The labels and scores that a fitted pipeline gives for `X`; its transformers run once.

    A class that was missing among the training rows has probability 0; a decision function without it has no column
    for it, and is left out.

    Raises:
        StageError: a score is not a finite number.
    """
    import numpy as np

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
    _check_finite(scores, f"scores ({method})")
    known = encode(np.asarray(model.classes_), classes)
    if len(known) < len(classes):
        if method == "decision_function":
            return Answers(codes, None, None)
        wide = np.zeros((len(scores), len(classes)))
        wide[:, known] = scores
        scores = wide
    return Answers(codes, scores, method)  # type: ignore[arg-type]


def _check_finite(values: np.ndarray[Any, Any], what: str) -> None:
    import numpy as np

    if not np.isfinite(values).all():
        raise StageError(
            f"The model's {what} hold numbers that are not finite (NaN or infinity).",
            "The fit has diverged: scale the features, or choose a smaller learning rate.",
        )


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

    @property
    def digest(self) -> str:
        """The digest of y_pred: the labels themselves, not their codes."""
        return values_digest(self.decoded(self.y_pred))

    @property
    def scores_digest(self) -> str | None:
        """The digest of the scores as float64, or None where there are none."""
        return None if self.scores is None else values_digest(self.scores)

    def decoded(self, codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The labels of class codes; regression: the values as they are."""
        import numpy as np

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
        import numpy as np

        key = self.repeat * (int(self.fold.max()) + 1 if len(self.fold) else 1) + self.fold
        starts = np.flatnonzero(np.diff(key)) + 1
        return list(np.split(np.arange(len(key)), starts))


# --- as text ----------------------------------------------------------------------------------------------------


def score_columns(classes: Labels | None, scores: np.ndarray[Any, Any] | None) -> list[str]:
    """The names of the score columns: one per class, or ``score`` for a binary decision function; regression: none."""
    if scores is None or classes is None:
        return []
    return ["score"] if scores.ndim == 1 else [f"score:{label_text(label)}" for label in classes]


def label_text(label: object) -> str:
    """A class label as predictions.csv writes it; floats by ``repr``, so that they can be read back."""
    return str(label) if not isinstance(label, float) else repr(label)


def _quoted(text: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([text, ""])  # a lone empty field would be written as ""
    return buffer.getvalue()[:-1]


def to_csv(predictions: Predictions) -> bytes:
    """predictions.csv: one line per prediction, floats by ``repr``."""
    columns: list[list[str]] = [list(map(str, part.tolist())) for part in (predictions.repeat, predictions.fold)]
    columns.append(list(map(str, predictions.row.tolist())))
    if predictions.classes is None:
        columns += [list(map(repr, part.tolist())) for part in (predictions.y_true, predictions.y_pred)]
    else:
        texts = [_quoted(label_text(label)) for label in predictions.classes]
        columns += [[texts[code] for code in part.tolist()] for part in (predictions.y_true, predictions.y_pred)]
    names = score_columns(predictions.classes, predictions.scores)
    if names and predictions.scores is not None:
        wide = predictions.scores.reshape(len(predictions.row), -1)
        columns += [list(map(repr, wide[:, position].tolist())) for position in range(wide.shape[1])]
    header = ",".join(map(_quoted, (*_FIXED_COLUMNS, *names)))
    return "\n".join((header, *map(",".join, zip(*columns, strict=True)), "")).encode("utf-8", "surrogatepass")


class PredictionsError(ValueError):
    """The text of a predictions.csv does not hold what week2kit writes; the message says where."""


def from_csv(content: bytes, classes: Labels | None, method: ScoreMethod | None) -> Predictions:
    """The predictions in the text of a predictions.csv.

    Args:
        content: the bytes of the file, with LF or CRLF.
        classes: the classes of the run; None for regression.
        method: what the scores are, as the manifest records it.

    Raises:
        PredictionsError: a column or a value is not what `to_csv` writes.
    """
    import numpy as np
    import pandas as pd

    exact = {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}
    try:
        frame = pd.read_csv(
            io.BytesIO(content), encoding="utf-8", keep_default_na=False, na_filter=False, index_col=False,
            dtype={"y_true": object, "y_pred": object}, low_memory=False, **exact,
        )  # fmt: skip
    except Exception as error:
        raise PredictionsError(f"it cannot be read as a table ({type(error).__name__})") from None
    binary_decision = method == "decision_function" and classes is not None and len(classes) == 2
    wanted = [] if classes is None or method is None else ["score"] if binary_decision else [
        f"score:{label_text(label)}" for label in classes
    ]  # fmt: skip
    if list(frame.columns) != [*_FIXED_COLUMNS, *wanted]:
        raise PredictionsError(f"its columns are not {', '.join((*_FIXED_COLUMNS, *wanted))[:200]}")
    if not len(frame):
        raise PredictionsError("it holds no predictions")
    try:
        whole = [frame[name].to_numpy(dtype=np.int64) for name in ("repeat", "fold", "row")]
        scores = frame[wanted].to_numpy(dtype=np.float64) if wanted else None
    except (ValueError, TypeError, OverflowError):
        raise PredictionsError("a repeat, fold, row or score is not the number it should be") from None
    y_true, y_pred = (_parsed(frame[name].to_numpy(dtype=object), classes, name) for name in ("y_true", "y_pred"))
    if classes is None:
        scores = y_pred
    elif binary_decision and scores is not None:
        scores = scores[:, 0]
    if scores is not None and not np.isfinite(scores).all():
        raise PredictionsError("a score is not a finite number")
    return Predictions(whole[0], whole[1], whole[2], y_true, y_pred, scores, method, classes)


def _parsed(texts: np.ndarray[Any, Any], classes: Labels | None, name: str) -> np.ndarray[Any, Any]:
    import numpy as np

    if classes is None:
        try:
            values = np.array([float(text) for text in texts], dtype=np.float64)
        except (ValueError, TypeError):
            raise PredictionsError(f"a value of {name} is no number") from None
        if not np.isfinite(values).all():
            raise PredictionsError(f"a value of {name} is not finite")
        return values
    codes = encode(np.asarray(texts, dtype=object), [label_text(label) for label in classes])
    if (codes < 0).any():
        raise PredictionsError(f"line {int(np.flatnonzero(codes < 0)[0]) + 2} has a {name} that is none of the classes")
    return codes
