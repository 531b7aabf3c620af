"""What a script writes again, held against what it wrote: what decides, and what is only a time or a place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from week2kit.verification.outputs import LISTED_PLACES, Place, compare_outputs

METADATA = {
    "run_id": "20261128_130501",
    "started": "2026-11-28T13:05:01.123456",
    "train_seconds": 2.31,
    "data": "/home/ann/course/penguins.csv",
    "rows": 344,
}


def test_equal_bytes_agree_whatever_they_are() -> None:
    assert compare_outputs("m.json", b"\xff{", b"\xff{").agreement == "bytes"


def test_times_and_places_of_a_run_do_not_decide() -> None:
    later = METADATA | {
        "run_id": "20261129_081500", "started": "2026-11-29T08:15:00.000001", "train_seconds": 9.5,
        "data": "/tmp/again/penguins.csv",
    }  # fmt: skip
    found = compare_outputs("run_metadata.json", json.dumps(METADATA).encode(), json.dumps(later, indent=1).encode())
    assert (found.agreement, found.places) == ("meaning", ())
    assert [place.where for place in found.times] == ["run_id", "started", "train_seconds", "data"]


@pytest.mark.parametrize(
    ("key", "value", "recorded"),
    [
        ("rows", 343, "344"),
        ("data", "/home/ann/course/other.csv", '"/home/ann/course/penguins.csv"'),
        ("run_id", "first", '"20261128_130501"'),
        ("rows", None, "344"),
    ],
)
def test_what_a_run_says_does_decide(key: str, value: object, recorded: str) -> None:
    found = compare_outputs("m.json", json.dumps(METADATA).encode(), json.dumps(METADATA | {key: value}).encode())
    assert (found.agreement, found.count) == ("no", 1)
    assert found.places == (Place(key, recorded, json.dumps(value)),)


def notebook(**changed: Any) -> bytes:
    """A notebook as papermill leaves it, with one cell."""
    cell = {
        "cell_type": "code", "execution_count": 1, "id": "4c64f283", "source": ["model.score(X, y)"],
        "metadata": {
            "execution": {"iopub.execute_input": "2026-11-28T20:17:09.959710Z"},
            "papermill": {"duration": 0.018014, "end_time": "2026-11-28T20:17:09.972165+00:00"},
        },
        "outputs": [{"output_type": "execute_result", "data": {"text/plain": ["0.85"]}, "execution_count": 1}],
    } | changed  # fmt: skip
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def test_times_and_the_drawn_names_of_cells_of_a_notebook_do_not_decide() -> None:
    later = {
        "execution": {"iopub.execute_input": "2026-11-29T08:00:00.100000Z"},
        "papermill": {"duration": 1.5, "end_time": "2026-11-29T08:00:01.600000+00:00"},
    }
    found = compare_outputs("out.ipynb", notebook(), notebook(id="12d74fb1", metadata=later))
    assert (found.agreement, len(found.times)) == ("meaning", 4)
    assert compare_outputs("out.json", notebook(), notebook(id="12d74fb1")).agreement == "no"


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"outputs": [{"data": {"text/plain": ["0.95"]}}]}, "cells.0.outputs.0.data.text/plain.0"),
        ({"execution_count": 2}, "cells.0.execution_count"),
        ({"source": ["model.score(X, z)"]}, "cells.0.source.0"),
    ],
)
def test_what_a_notebook_shows_decides(changed: dict[str, Any], where: str) -> None:
    found = compare_outputs("out.ipynb", notebook(), notebook(**changed))
    assert found.agreement == "no"
    assert where in [place.where for place in found.places]


def test_a_duration_that_is_gone_decides() -> None:
    fewer = {key: value for key, value in METADATA.items() if key != "train_seconds"}
    found = compare_outputs("m.json", json.dumps(METADATA).encode(), json.dumps(fewer).encode())
    assert found.places == (Place("train_seconds", "2.31", None),)


def test_one_bit_of_a_metric_decides() -> None:
    found = compare_outputs("m.json", b'{"f1": 0.1}', b'{"f1": 0.10000000000000002}')
    assert found.places == (Place("f1", "0.1", "0.10000000000000002"),)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("m.json", '{"a": 1, "b": 2}', '{"b": 2.0, "a": 1.0}'),
        ("p.csv", "row,y_pred\n0,1.0\n", "row,y_pred\r\n0,1\r\n"),
        ("p.csv", 'a;b\n1;"x"\n', "a;b\n1;x\n"),
        ("log.txt", "13:05:01 fit took 2.3 s\nf1 0.5\n", "08:15:00 fit took 31 s\nf1 0.5\n"),
        ("log.txt", "saved to /home/ann/out/model.pt", "saved to /tmp/x/y/model.pt"),
        ("r.txt", "a\nb\n", "a\r\nb\r\n"),
    ],
)
def test_another_spelling_of_the_same_agrees(name: str, old: str, new: str) -> None:
    found = compare_outputs(name, old.encode(), new.encode())
    assert (found.agreement, found.places) == ("meaning", ())


@pytest.mark.parametrize(
    ("name", "old", "new", "place"),
    [
        ("p.csv", "row,y_pred\n0,a\n1,b\n", "row,y_pred\n0,a\n1,c\n", Place("line 3, column y_pred", "b", "c")),
        ("p.csv", "row,y_pred\n0,a\n1,b\n", "row,y_pred\n0,a\n", Place("line 3", "1,b", None)),
        ("p.csv", "row,y_pred\n0,a\n", "row,y_true\n0,a\n", Place("line 1", "row,y_pred", "row,y_true")),
        ("log.txt", "f1 0.5\n", "f1 0.6\n", Place("line 1", "f1 0.5", "f1 0.6")),
        ("log.txt", "MAE 2.3 s\n", "MAE 2.4 s\n", Place("line 1", "MAE 2.3 s", "MAE 2.4 s")),
        ("log.txt", "v12:30x\n", "v12:31x\n", Place("line 1", "v12:30x", "v12:31x")),
        ("m.json", "{", "[]", Place("line 1", "{", "[]")),
        ("p.csv", "id,fit_time\n1,2.5\n2,3\n", "id,fit_time\n1,9.5\n3,3\n", Place("line 3, column id", "2", "3")),
    ],
)
def test_the_place_that_differs_is_named(name: str, old: str, new: str, place: Place) -> None:
    found = compare_outputs(name, old.encode(), new.encode())
    assert (found.agreement, found.places, found.count) == ("no", (place,), 1)


def test_bytes_that_are_no_text_differ_as_a_whole() -> None:
    assert compare_outputs("model.pt", b"\xff\x00", b"\xff\x01").agreement == "no"


def test_of_many_places_the_first_are_listed_and_all_are_counted() -> None:
    old, new = (json.dumps([value] * 5000).encode() for value in (1, 2))
    found = compare_outputs("m.json", old, new)
    assert (found.count, len(found.places)) == (5000, LISTED_PLACES)


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(["a.json", "a.csv", "a.txt", "a.pt"]))
def test_any_two_files_are_compared(old: bytes, new: bytes, name: str) -> None:
    found = compare_outputs(name, old, new)
    assert (found.agreement == "bytes") == (old == new)
    assert (found.agreement == "no") == (found.count > 0)


@given(st.dictionaries(st.sampled_from("abc"), st.floats(allow_nan=False)), st.data())
def test_json_numbers_agree_to_the_bit_or_not_at_all(values: dict[str, float], data: st.DataObject) -> None:
    others = {key: data.draw(st.floats(allow_nan=False)) for key in values}
    found = compare_outputs("m.json", json.dumps(values).encode(), json.dumps(others).encode())
    assert found.count == sum(values[key] != others[key] for key in values)
