"""A validation file: its rows are read as if they stood below those of the data file, and all of them are validated."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from week2kit import report, train, verify
from week2kit.config.form import ColumnForm, FileData
from week2kit.errors import StageError
from week2kit.loop.joining import read_both
from week2kit.loop.reading import Reader, read_file

from .sessions import command

TOP = ["size", "name", "kept", "code", "y"]
ROWS = [
    ["1", "red", "true", "007", "a"],
    ["2", 'a "word"', "false", "010", "b"],
    ["", "green, dark", "", "100", "a"],
    ["1e3", "", "true", "020", "b"],
    ["9007199254740993", "two\nlines", "false", "003", "a"],
    ["0.1", "blue", "true", "044", "b"],
]


def text(rows: list[list[str]], names: list[str] = TOP, separator: str = ",") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, lineterminator="\n").writerows([names, *rows])
    return out.getvalue()


def same(first: pd.DataFrame, second: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def reversed_columns(rows: list[list[str]]) -> bytes:
    return text([row[::-1] for row in rows], TOP[::-1]).encode()


FORMS: dict[str, Callable[[list[list[str]]], tuple[bytes, Reader]]] = {
    "as the first": lambda rows: (text(rows).encode(), "csv"),
    "columns in another order": lambda rows: (reversed_columns(rows), "csv"),
    "a further column": lambda rows: (text([[*row, "x"] for row in rows], [*TOP, "more"]).encode(), "csv"),
    "semicolons": lambda rows: (text(rows, separator=";").encode(), "csv"),
    "tabs": lambda rows: (text(rows, separator="\t").encode(), "tsv"),
    "packed": lambda rows: (gzip.compress(text(rows).encode()), "csv"),
    "UTF-16": lambda rows: (text(rows).encode("utf-16"), "csv"),
    "line ends of Windows": lambda rows: (text(rows).replace("\n", "\r\n").replace("two\r\n", "two\n").encode(), "csv"),
    "empty lines": lambda rows: (("\n\n" + text(rows) + "\n\n").encode(), "csv"),
    "no line end": lambda rows: (text(rows).rstrip("\n").encode(), "csv"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("at", [1, 3, 5])
def test_two_files_are_the_table_of_one(form: str, at: int) -> None:
    whole = read_file(text(ROWS).encode(), "csv")
    both = read_both((text(ROWS[:at]).rstrip("\n").encode(), "csv"), FORMS[form](ROWS[at:]))
    same(both.read.frame, whole.frame)
    assert both.rows == len(ROWS) - at


CELL = st.text(st.sampled_from('ab01,;"\n .e-'), max_size=5)


@given(st.lists(st.tuples(CELL, CELL, st.sampled_from("xyz")), min_size=2, max_size=8), st.data())
def test_any_cells_are_read_as_in_one_file(cells: list[tuple[str, ...]], data: st.DataObject) -> None:
    rows = [[*row] for row in cells]
    at = data.draw(st.integers(1, len(rows) - 1))
    names = ["p", "q", "y"]
    try:
        whole = read_file(text(rows, names).encode(), "csv").frame
    except StageError:
        return
    order = data.draw(st.permutations(range(3)))
    second = text([[row[i] for i in order] for row in rows[at:]], [names[i] for i in order])
    both = read_both((text(rows[:at], names).encode(), "csv"), (second.encode(), "csv"))
    same(both.read.frame, whole)
    assert both.rows == len(rows) - at


def test_what_the_config_says_of_cells_holds_in_both() -> None:
    data = FileData(path="-", target="y", missing=["?"], columns={"code": ColumnForm(type="text")})
    rows = [["?", *ROWS[0][1:]], *ROWS[1:4], ["?", *ROWS[4][1:]]]
    both = read_both((text(rows[:3]).encode(), "csv"), (reversed_columns(rows[3:]), "csv"), data=data)
    same(both.read.frame, read_file(text(rows).encode(), "csv", data=data).frame)
    assert [*both.read.frame["code"]] == ["007", "010", "100", "020", "003"]
    assert both.read.frame["size"].isna().tolist() == [True, False, True, False, True]


# --- trained ------------------------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """A table with gaps, whose first 90 rows lie in train.csv, and whose last 30 in valid.csv."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    draws = np.random.default_rng(0)
    frame = pd.DataFrame({"p": draws.normal(size=120), "q": draws.choice(["red", "blue", "green"], 120)})
    frame["y"] = np.where(frame["p"] + (frame["q"] == "red") + draws.normal(size=120) > 0.4, "yes", "no")
    frame.loc[::13, "p"] = np.nan
    write(frame)
    return frame


def write(frame: pd.DataFrame) -> None:
    frame[:90].to_csv("train.csv", index=False)
    frame[90:].to_csv("valid.csv", index=False)


CONFIG: dict[str, Any] = {
    "data": {"path": "train.csv", "target": "y"},
    "split": {"validation_path": "valid.csv"},
    "model": "logistic_regression",
    "metrics": ["accuracy", "neg_log_loss"],
    "seed": 1,
}


def warned(config: dict[str, Any] = CONFIG) -> dict[str, Any]:
    return {one.code: one.values for one in train(config).manifest.warnings}


def test_the_metrics_are_those_of_a_script(table: pd.DataFrame) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, log_loss
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    run = train(CONFIG, name="r")
    steps = make_column_transformer(
        (SimpleImputer(strategy="median"), ["p"]), (OneHotEncoder(handle_unknown="ignore"), ["q"])
    )
    learnt, judged = table[:90], table[90:]
    model = make_pipeline(steps, LogisticRegression(random_state=1)).fit(learnt[["p", "q"]], learnt["y"])
    values = {name: metric.value for name, metric in run.manifest.outcome.metrics.items()}
    assert values["accuracy"] == accuracy_score(judged["y"], model.predict(judged[["p", "q"]]))
    assert values["log_loss"] == pytest.approx(log_loss(judged["y"], model.predict_proba(judged[["p", "q"]])), abs=1e-9)
    rows = pd.read_csv(run.path / "predictions.csv")["row"]
    assert rows.tolist() == [*range(90, 120)]
    data = run.manifest.inputs.data
    assert (data.rows, data.path, data.validation.path) == (120, "train.csv", "valid.csv")
    (verdict,) = verify(run.path).runs
    assert (verdict.verdict, verdict.level) == ("identical", "model")


def test_both_files_are_found_by_their_digests_wherever_they_lie(table: pd.DataFrame, tmp_path: Path) -> None:
    train(CONFIG, name="r")
    (tmp_path / "archive").mkdir()
    (tmp_path / "train.csv").rename(tmp_path / "archive" / "x.csv")
    (tmp_path / "valid.csv").rename(tmp_path / "archive" / "y.csv")
    (verdict,) = verify("runs/r").runs
    assert verdict.verdict == "undecided"
    for given_files in (["archive"], ["archive/y.csv", "archive/x.csv"]):
        (verdict,) = verify("runs/r", data=given_files).runs
        assert verdict.verdict == "identical", given_files


def test_rows_without_a_target_are_left_out_of_both(table: pd.DataFrame) -> None:
    table.loc[[3, 95, 96], "y"] = None
    write(table)
    run = train(CONFIG | {"data": {**CONFIG["data"], "drop_missing_target": True}})
    (fold,) = run.manifest.outcome.split.folds
    assert (fold.n_train, fold.n_val, run.manifest.inputs.data.dropped) == (89, 28, 3)
    assert verify(run.path).runs[0].verdict == "identical"


def test_the_place_of_the_second_file_is_no_change(table: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "copy.csv").write_bytes((tmp_path / "valid.csv").read_bytes())
    first, second = train(CONFIG), train(CONFIG | {"split": {"validation_path": "copy.csv"}})
    assert first.manifest.inputs.config.digest == second.manifest.inputs.config.digest
    told = report([first.path, second.path])
    assert [change for comparison in told.comparisons for change in comparison.changes] == []
    next_config = json.loads(json.dumps(first.manifest.inputs.config.resolved))
    assert next_config["split"] == {"method": "validation_file", "validation_path": "valid.csv"}


def test_a_class_that_was_never_trained_on_is_told_and_is_no_overfitting(table: pd.DataFrame) -> None:
    assert "split.unseen_class" not in warned()
    table.loc[90:, "y"] = "maybe"
    write(table)
    told = warned()
    assert told["split.unseen_class"] == {"labels": ["maybe"], "rows": 30, "of": 30}
    assert "metric.gap" not in told


def test_a_shuffled_split_without_strata_tells_of_a_class_on_one_side_only(table: pd.DataFrame) -> None:
    table.loc[119, "y"] = "maybe"
    table.to_csv("train.csv", index=False)
    assert warned(CONFIG | {"split": {"shuffle": False}})["split.unseen_class"]["labels"] == ["maybe"]


# --- refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said", "hint"),
    [
        (
            b"p,y\n1,yes\n",
            'has no column "q", which is used; it has "p", "y"',
            "may be left out instead, with data.drop",
        ),
        (b"p,q\n1,red\n", 'has no column "y", which is used', "Give it that column"),
        (b"p,q,y\n", "has no row that can be used", "Name a file with rows"),
        (b"p,q,y\n1,red,yes\n2,red,no,7\n", "Expected 3 fields in line 3, saw 4", ""),
        (b"p,q,y\n1,r\xffd,yes\n", "validation_path: The data file is not UTF-8", "encoding"),
        (b"<!doctype html><html></html>", "validation_path: The data file is a web page", ""),
        (b"", "validation_path: The data file holds no table", ""),
        (b"p,p,y\n1,2,yes\n", 'validation_path: The data file has two columns named "p"', ""),
    ],
    ids=["feature", "target", "empty", "long", "encoding", "web", "nothing", "twice"],
)
def test_what_is_wrong_with_the_second_file_is_said_of_it(
    table: pd.DataFrame, tmp_path: Path, content: bytes, said: str, hint: str
) -> None:
    (tmp_path / "valid.csv").write_bytes(content)
    run = train(CONFIG)
    assert run.manifest.failure is not None
    assert said in run.manifest.failure.message
    assert hint in run.manifest.failure.hint
    (verdict,) = verify(run.path).runs
    assert (verdict.verdict, verdict.level) == ("identical", "failure")


def test_a_second_file_that_is_not_there_fails_again_until_it_is(table: pd.DataFrame, tmp_path: Path) -> None:
    run = train(CONFIG | {"split": {"validation_path": "later.csv"}}, name="r")
    assert run.manifest.failure.message.startswith('split.validation_path: there is no file "later.csv"')
    assert verify("runs/r").runs[0].verdict == "identical"
    (tmp_path / "later.csv").write_bytes((tmp_path / "valid.csv").read_bytes())
    assert verify("runs/r").runs[0].verdict == "undecided"


def test_bundled_data_have_no_second_file(table: pd.DataFrame) -> None:
    run = train({**CONFIG, "data": {"dataset": "iris"}})
    assert "only a data file has a validation file beside it" in run.manifest.failure.message


def test_parquet_is_joined_with_parquet_only(table: pd.DataFrame) -> None:
    pytest.importorskip("pyarrow")
    table[:90].to_parquet("train.parquet")
    table[90:].to_parquet("valid.parquet")
    config = CONFIG | {"data": {"path": "train.parquet", "target": "y"}}
    mixed = train(config)
    assert "only one of the two files is Parquet" in mixed.manifest.failure.message
    both, texts = train(config | {"split": {"validation_path": "valid.parquet"}}), train(CONFIG)
    assert both.manifest.inputs.data.table_digest == texts.manifest.inputs.data.table_digest
    assert both.manifest.outcome.metrics == texts.manifest.outcome.metrics


def test_both_files_are_named_in_the_command_that_verifies(table: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    config = CONFIG | {"data": {**CONFIG["data"], "path": str(tmp_path / "train.csv")}}
    config["split"] = {"validation_path": str(tmp_path / "valid.csv")}
    (tmp_path / "here" / "c.json").write_text(json.dumps(config))
    nowhere = {"XDG_CACHE_HOME": "/dev/null/none"}  # a machine that remembers nothing
    done = command("train", "c.json", "--name", "r", cwd=tmp_path / "here", **nowhere)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("next: ")]
    assert line.count("--data") == 2
    words = shlex.split(line.removeprefix("next: "))
    assert command(*words[1:], cwd=tmp_path / "here", **nowhere).returncode == 0
