"""predictions.csv: whatever the labels hold comes back, and no other text passes for what week2kit writes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from week2kit.canonical import label_texts, text_digest
from week2kit.loop.data import Labels
from week2kit.loop.predictions import Predictions, PredictionsError, check_text, from_csv, to_csv

#: Labels of every odd kind: line breaks, quotes, commas, blanks, nothing, backslashes, what looks like another value.
NUL = "\0" if int(pd.__version__.split(".")[0]) >= 3 else ""  # where it ends a text, no table brings one
ODD = st.text(st.sampled_from(NUL + "\n\r\\nr\",; \t'ab1.\x0b\x1c\x85\u2028\ufeffé\U0001f600"), max_size=5)
LABELS = st.lists(ODD | st.sampled_from(["nan", "NA", "True", "1", "1.0", "score", "None"]), min_size=2, unique=True)
NUMBERED = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, unique=True)
NO_PLAIN_NUMBER = [
    *("11.0", "11.9", "False", " 11", "11 ", "+11", "011", "1.1e1", "0xb", "1_1", "", "nan", '"11"', "-0"),
    "\N{ARABIC-INDIC DIGIT ONE}",
]
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def predicted(classes: Labels | None, rows: int = 12, *, margins: bool = False) -> Predictions:
    """Predictions of some rows in two folds, with scores."""
    numbers = np.random.default_rng(len(classes or ()))
    wide = rows if classes is None or margins else (rows, len(classes))
    scores = numbers.normal(size=wide)
    true, guess = ((lambda n: numbers.integers(0, len(classes or ()), n)) if classes else numbers.normal for _ in "tg")
    y_true, y_pred = (true(rows), guess(rows)) if classes else (numbers.normal(size=rows), scores)
    fold = np.arange(rows) * 2 // rows
    method = "predict" if classes is None else "decision_function" if margins else "predict_proba"
    return Predictions(
        np.zeros(rows, np.int64), fold, np.arange(rows)[::-1].copy(), y_true, y_pred, scores, method, classes
    )


def assert_comes_back(predictions: Predictions, content: bytes) -> None:
    read = from_csv(content, predictions.classes, predictions.method)
    check_text(content, read)
    for name in ("repeat", "fold", "row", "y_true", "y_pred", "scores"):
        assert np.array_equal(getattr(read, name), getattr(predictions, name)), name
    assert (read.digest, read.scores_digest) == (predictions.digest, predictions.scores_digest)


@settings(deadline=None)  # the first example imports pandas
@given(LABELS | NUMBERED | st.just([False, True]))
def test_every_label_comes_back_and_git_on_windows_changes_nothing(classes: Labels) -> None:
    predictions = predicted(classes)
    content = to_csv(predictions)
    assert_comes_back(predictions, content)
    windows = content.replace(b"\n", b"\r\n")
    assert_comes_back(predictions, windows)
    assert text_digest(content) == text_digest(windows)
    header, *lines = csv.reader(io.StringIO(content.decode(), newline=""))
    texts = label_texts(classes)
    assert header[5:] == [f"score:{text}" for text in texts]
    assert [line[4] for line in lines] == [texts[code] for code in predictions.y_pred]


@given(LABELS | NUMBERED | st.lists(FLOATS, unique_by=abs))
def test_no_two_labels_are_written_alike_nor_with_a_line_break(classes: Labels) -> None:
    texts = label_texts(classes)
    assert len(set(texts)) == len(classes)
    assert not any("\n" in text or "\r" in text for text in texts)


@settings(deadline=None)
@given(st.lists(FLOATS, min_size=1))
def test_numbers_come_back_to_the_bit(values: list[float]) -> None:
    numbers = np.array(values)
    zeros = np.zeros(len(values), np.int64)
    predictions = Predictions(zeros, zeros, zeros, numbers, -numbers, -numbers, "predict", None)
    assert_comes_back(predictions, to_csv(predictions))


def test_labels_without_line_breaks_are_written_as_ever() -> None:
    classes = ["a\\n", "b, c", 'd "e"', " f ", ""]
    header = 'repeat,fold,row,y_true,y_pred,score:a\\n,"score:b, c","score:d ""e""",score: f ,score:'
    assert to_csv(predicted(classes)).decode().split("\n")[0] == header


def test_line_breaks_that_stand_in_the_cells_of_an_older_run_are_read() -> None:
    predictions = predicted(["a\nb", "a\\nb", "c\r"])
    older = Predictions(**{**vars(predictions), "raw": True})
    content = to_csv(older)
    assert b'"score:a\nb"' in content
    assert_comes_back(predictions, content)
    assert from_csv(content, predictions.classes, predictions.method).texts == predictions.classes


def _cell(number: int, text: str) -> Callable[[bytes], bytes]:
    """The second line with another text in one of its cells."""

    def change(content: bytes) -> bytes:
        header, line, rest = content.split(b"\n", 2)
        cells = line.decode().split(",")
        cells[number] = text
        return b"\n".join((header, ",".join(cells).encode(), rest))

    return change


def _number(number: int, change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    return lambda content: _cell(number, change(content.split(b"\n")[1].decode().split(",")[number]))(content)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        *(
            pytest.param(_cell(cell, text), "line 2", id=f"{text!r}-in-cell-{cell}")
            for cell in (0, 2)
            for text in NO_PLAIN_NUMBER
        ),
        *(
            pytest.param(_number(5, edit), "line 2", id=f"score-{name}")
            for name, edit in {
                "zero added": lambda text: text + "0",
                "plus": lambda text: "+" + text.lstrip("-"),
                "blank": lambda text: " " + text,
                "exponent": lambda text: text + "e0",
                "underscore": lambda text: text.replace(".", "._"),
                "hex": lambda text: float(text).hex(),
                "quoted": lambda text: f'"{text}"',
                "infinite": lambda text: "inf",
                "nan": lambda text: "nan",
            }.items()
        ),
        pytest.param(lambda data: data + b"\n", "line 14", id="a blank line at the end"),
        pytest.param(lambda data: data.replace(b"\n", b"\n\n", 1), "line 2", id="a blank line in between"),
        pytest.param(lambda data: data + b"   \n", "as many cells", id="a line of blanks"),
        pytest.param(lambda data: data[:-1], "line 13", id="no line end at the end"),
        pytest.param(lambda data: b"\xef\xbb\xbf" + data, "line 1|columns", id="a byte order mark"),
        pytest.param(lambda data: data.replace(b"\n", b",\n"), "columns", id="a column more"),
        pytest.param(lambda data: data.replace(b",a,", b',"a",'), "line ", id="quotation marks that are not needed"),
        pytest.param(lambda data: data.replace(b"\n", b"\r"), "line 1", id="line ends of an old Mac"),
        pytest.param(lambda data: data.replace(b"repeat", b'"repeat"'), "line 1", id="a quoted heading"),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_prediction_is_refused(change: Callable[[bytes], bytes], says: str) -> None:
    predictions = predicted(["a", "b"])
    content = change(to_csv(predictions))
    with pytest.raises(PredictionsError, match=says):
        check_text(content, from_csv(content, predictions.classes, predictions.method))
