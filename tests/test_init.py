"""A first experiment for any table: what init writes trains, what it refuses it refuses in a sentence."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import shlex
import shutil
import sys
import time
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sklearn import datasets

import week2kit
from week2kit.errors import StageError, UsageError, Week2kitError
from week2kit.inputs.changes import changed_things, compare_inputs
from week2kit.record.store import Run
from week2kit.starting.init import Start, start
from week2kit.starting.sentences import describe, document, page_lines, survey_lines

from .sessions import ROOT, here

PENGUINS = ROOT / "examples" / "penguins" / "penguins.csv"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(week2kit.__file__).parents[1]), "COLUMNS": "100"}


init = partial(here, "init")


def trained(begun: Start, runs: Path) -> list[Run]:
    _light(begun.files[1])
    return [week2kit.train(path, name=path.stem, runs_dir=runs) for path in begun.files]


def _light(path: Path) -> None:
    """Three trees find what a hundred would."""
    config = json.loads(path.read_text())
    if config["model"]["class"].startswith("random_forest"):
        config["model"]["params"]["n_estimators"] = 3
    path.write_text(json.dumps(config))


def failures(runs: list[Run]) -> list[str]:
    return [f"{run.name}: {run.manifest.failure}" for run in runs if run.manifest.status != "completed"]


# --- tables -----------------------------------------------------------------------------------------------------


def _bundled(name: str) -> pd.DataFrame:
    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame


def _noise(rows: int, columns: int = 3) -> dict[str, Any]:
    random = np.random.default_rng(7)
    return {f"x{i}": random.normal(size=rows).round(3) for i in range(columns)}


def _named_classes(rows: int, classes: int) -> pd.DataFrame:
    return pd.DataFrame({**_noise(rows), "label": [f"class {row % classes}" for row in range(rows)]})


def _unbalanced() -> pd.DataFrame:
    return pd.DataFrame({**_noise(400), "label": ["rare" if row % 10 == 0 else "usual" for row in range(400)]})


def _texts() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "colour": ["red", "green", "blue"] * 40,
            "size": ["small", "large"] * 60,
            "taste": ["sweet", "sour", "salty", "bitter"] * 30,
        }
    )


def _awkward() -> pd.DataFrame:
    """A column for each reason to leave one out, and two features."""
    rows = 60
    return pd.DataFrame(
        {
            "row": range(1, rows + 1),
            "customer_id": [1000 + 7 * row for row in range(rows)],
            "name": [f"name {row}" for row in range(rows)],
            "remark": [f"remark {row // 1 if row % 3 else 0}" for row in range(rows)],
            "day": [f"2024-01-{1 + row % 28:02}" for row in range(rows)],
            "unit": ["cm"] * rows,
            "gone": [None] * rows,
            "seldom": [row if row < 4 else None for row in range(rows)],
            "beyond": [float("inf") if row == 5 else row * 0.5 for row in range(rows)],
            "huge": [1e200 if row == 5 else row * 0.5 for row in range(rows)],
            **_noise(rows, 2),
            "label": ["a" if row % 2 else "b" for row in range(rows)],
        }
    )


TABLES: dict[str, tuple[Callable[[], pd.DataFrame], str]] = {
    "iris": (lambda: _bundled("iris"), "target"),
    "penguins": (lambda: pd.read_csv(PENGUINS), "species"),
    "penguins, island from the rest": (lambda: pd.read_csv(PENGUINS), "island"),
    "breast cancer": (lambda: _bundled("breast_cancer"), "target"),
    "diabetes": (lambda: _bundled("diabetes"), "target"),
    "0 and 1": (lambda: pd.DataFrame({**_noise(80), "y": [0, 1] * 40}), "y"),
    "true and false": (lambda: pd.DataFrame({**_noise(80), "y": [True, False] * 40}), "y"),
    "floats that are classes": (lambda: pd.DataFrame({**_noise(80), "y": [1.0, 2.0] * 40}), "y"),
    "fractions of few values": (lambda: pd.DataFrame({**_noise(80), "y": [0.5, 1.5] * 40}), "y"),
    "unbalanced": (_unbalanced, "label"),
    "30 rows": (lambda: _named_classes(30, 2), "label"),
    "10 rows": (lambda: _named_classes(10, 2), "label"),
    "one row of a class": (lambda: pd.DataFrame({**_noise(40), "y": ["a"] * 20 + ["b"] * 19 + ["c"]}), "y"),
    "100 classes": (lambda: _named_classes(300, 100), "label"),
    "100 classes, few rows each": (lambda: _named_classes(260, 100), "label"),
    "all texts": (_texts, "taste"),
    "all texts, and a number to predict": (lambda: _texts().assign(price=_noise(120)["x0"]), "price"),
    "every fault": (_awkward, "label"),
    "gaps": (lambda: _named_classes(60, 2).assign(x0=[None, 1.5] * 30, x3=["u", None, "v"] * 20), "label"),
}


@pytest.mark.parametrize("name", TABLES)
def test_both_configs_train_and_differ_in_one_thing(name: str, tmp_path: Path) -> None:
    make, target = TABLES[name]
    make().to_csv(tmp_path / "table.csv", index=False)
    begun = start(tmp_path / "table.csv", target=target, directory=tmp_path / "out")
    runs = trained(begun, tmp_path / "runs")
    assert failures(runs) == []
    assert json.loads(json.dumps(document(begun), allow_nan=False))["target"]["task"] == begun.target.task
    assert len(changed_things(compare_inputs(runs[0].manifest, runs[1].manifest))) == 1
    for run in runs:
        resolved = run.manifest.inputs.config.resolved  # type: ignore[union-attr]
        assert resolved is not None
        assert resolved["goal"]
        assert resolved["hypothesis"]
        assert (resolved.get("drop_reasons") or {}).keys() == begun.left_out.keys()
        assert resolved["task"] == begun.target.task
        kinds = {c.name: c.kind for c in run.manifest.inputs.data.columns}  # type: ignore[union-attr]
        assert kinds == {c.name: c.kind for c in begun.survey.columns if c.name not in begun.left_out}
        # what train warns of before the fit was said already
        warned = {w.code for w in run.manifest.warnings} & {"data.leak", "split.not_stratified"}
        assert warned <= {{"leak": "data.leak"}.get(note.code, note.code) for note in begun.notes}


@pytest.mark.parametrize("suffix", [".csv.gz", ".tsv", ".parquet"])
def test_every_format_of_train_is_looked_at(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"table{suffix}"
    frame = _named_classes(60, 3)
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
        frame.assign(when=pd.Timestamp("2024-01-01")).to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    begun = start(path, target="label", directory=tmp_path)
    assert failures(trained(begun, tmp_path / "runs")) == []
    assert dict(begun.left_out) == ({"when": "dates"} if suffix == ".parquet" else {})


# --- what is chosen ---------------------------------------------------------------------------------------------


def begun(frame: pd.DataFrame, target: str, tmp_path: Path) -> Start:
    frame.to_csv(tmp_path / "table.csv", index=False)
    return start(tmp_path / "table.csv", target=target, directory=tmp_path)


@pytest.mark.parametrize(
    ("table", "task", "metric", "split", "model", "variant"),
    [
        ("penguins", "classification", "accuracy", "holdout", "logistic_regression", "random_forest"),
        ("iris", "classification", "accuracy", "kfold", "logistic_regression", "random_forest"),
        ("diabetes", "regression", "r2", "holdout", "ridge", "random_forest_regressor"),
        ("unbalanced", "classification", "f1_macro", "holdout", "logistic_regression", "logistic_regression"),
        ("fractions of few values", "regression", "r2", "kfold", "ridge", "random_forest_regressor"),
    ],
)
def test_the_choices_follow_from_the_table(
    table: str, task: str, metric: str, split: str, model: str, variant: str, tmp_path: Path
) -> None:
    make, target = TABLES[table]
    first = begun(make(), target, tmp_path)
    assert first.target.task == task
    assert first.baseline["metrics"][0] == metric
    assert first.baseline["split"]["method"] == split
    assert first.baseline["model"]["class"] == model
    assert first.variant["model"]["class"] == variant
    assert all(describe(choice.why) for choice in first.choices)


@pytest.mark.parametrize(
    ("sides", "asked"),
    [
        (["train", "train", "train", "test"], True),
        (["Training", "Training", "Validation", "Test"], True),
        (["fit", "fit", "fit", "holdout"], True),
        (["train", "train", "bus", "test"], False),  # a way to travel
        (["train", "train", "train", "train"], False),
        (["test", "test", "val", "val"], False),
        (["train", "train", None, "test"], False),
    ],
)
def test_a_column_that_names_the_sides_splits_the_rows_and_is_no_feature(
    sides: list[str | None], asked: bool, tmp_path: Path
) -> None:
    draws = np.random.default_rng(0)
    frame = pd.DataFrame({"x": draws.normal(size=200), "where": sides * 50, "n": draws.integers(0, 9, 200)})
    frame["y"] = np.where(frame["x"] + draws.normal(size=200) > 0, "p", "q")
    frame.to_csv(tmp_path / "t.csv", index=False)
    begun = start(tmp_path / "t.csv", target="y", directory=tmp_path)
    assert ("column" in begun.baseline["split"]) == asked
    if asked:
        assert begun.baseline["split"]["column"] == "where"
        assert "split by the column" in "\n".join(page_lines(begun))
        (first, _) = trained(begun, tmp_path / "runs")
        assert first.manifest.outcome.split.folds[0].n_val == 50
        assert [c.name for c in first.manifest.inputs.data.columns if c.role == "feature"] == ["x", "n"]


def test_the_variant_of_an_unbalanced_table_weighs_the_classes(tmp_path: Path) -> None:
    first = begun(_unbalanced(), "label", tmp_path)
    assert first.variant["model"]["params"] == {"max_iter": 500, "class_weight": "balanced"}


def test_each_column_that_is_no_feature_is_left_out_for_its_reason(tmp_path: Path) -> None:
    first = begun(_awkward(), "label", tmp_path)
    assert dict(first.left_out) == {
        "row": "identifier",
        "customer_id": "identifier",
        "name": "identifier",
        "remark": "many_values",
        "day": "dates",
        "unit": "constant",
        "gone": "empty",
        "seldom": "missing",
        "beyond": "infinite",
        "huge": "huge",
    }
    assert first.baseline["data"]["drop"] == list(first.left_out)


def test_years_and_measurements_are_no_identifiers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"year": range(1990, 2020), "paid": range(5, 35), **_noise(30, 1), "y": ["a", "b"] * 15})
    assert dict(begun(frame, "y", tmp_path).left_out) == {}


def test_every_leak_is_told_and_stays_in(tmp_path: Path) -> None:
    frame = _named_classes(300, 2)
    frame.insert(0, "again", frame["label"].map({"class 0": 3.5, "class 1": -1.25}))
    frame.insert(2, "twin", frame["label"].str.upper())
    first = begun(frame, "label", tmp_path)
    assert [n.values["leak"]["features"] for n in first.notes if n.code == "leak"] == [["again"], ["twin"]]
    assert "drop" not in first.baseline["data"]


def test_a_feature_that_some_fold_cannot_learn_from_is_left_out(tmp_path: Path) -> None:
    rows = 300
    frame = _named_classes(rows, 2)
    validated = start_rows(frame, tmp_path)
    for name, value in (("few", 1.5), ("words", "x")):  # values in the validation rows only, and some differ
        frame[name] = [None if row not in validated else f"{value}{row % 2}" for row in range(rows)]
    (tmp_path / "again").mkdir()
    first = begun(frame, "label", tmp_path / "again")
    assert dict(first.left_out) == {"few": "unseen", "words": "unseen"}
    assert failures(trained(first, tmp_path / "runs")) == []


def start_rows(frame: pd.DataFrame, folder: Path) -> set[int]:
    run = week2kit.train(begun(frame, "label", folder).files[0], name="rows", runs_dir=folder / "runs")
    return set(pd.read_csv(run.path / "predictions.csv")["row"])


def test_few_rows_and_tiny_classes_are_told(tmp_path: Path) -> None:
    first = begun(TABLES["one row of a class"][0](), "y", tmp_path)
    assert {note.code for note in first.notes} == {"few_rows", "tiny_class"}
    assert any("c (1 row" in describe(note) for note in first.notes)
    assert first.baseline["split"]["stratify"] is False


def test_a_text_column_with_very_many_values_is_told(tmp_path: Path) -> None:
    frame = _named_classes(600, 2).assign(place=[f"place {row % 150}" for row in range(600)])
    assert [n.values for n in begun(frame, "label", tmp_path).notes] == [{"columns": ["place"]}]


def test_dates_and_groups_are_told(tmp_path: Path) -> None:
    frame = _named_classes(600, 2).assign(
        patient_id=[row % 200 for row in range(600)], day=[f"2024-01-{1 + row % 28:02}" for row in range(600)]
    )
    told = {note.code: note.values["columns"] for note in begun(frame, "label", tmp_path).notes}
    assert told == {"dates": ["day"], "groups": ["patient_id"]}


@pytest.mark.parametrize(
    ("rows", "places", "expected"),
    [(5_000, 100, "random_forest"), (100_001, 2, "gradient_boosting"), (20_000, 1_500, "decision_tree")],
)
def test_the_cells_after_one_hot_encoding_choose_the_variant(
    rows: int, places: int, expected: str, tmp_path: Path
) -> None:
    table = _named_classes(rows, 2).assign(place=[f"place {row * 7 % places}" for row in range(rows)])
    assert begun(table, "label", tmp_path).variant["model"]["class"] == expected


@pytest.mark.parametrize("where", ["beside", "below", "elsewhere", "linked"])
def test_the_configs_find_the_data_wherever_they_lie(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    _named_classes(30, 2).to_csv(tmp_path / "data" / "a table.csv", index=False)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "er")
    monkeypatch.chdir(tmp_path)
    folder = {"beside": "data", "below": ".", "elsewhere": "out/configs", "linked": "link"}[where]
    first = start("data/a table.csv", target="label", directory=folder)
    path = first.baseline["data"]["path"]
    expected = {"beside": "a table.csv", "below": "data/a table.csv", "elsewhere": "../../data/a table.csv"}
    assert path == expected.get(where, "../../data/a table.csv")
    monkeypatch.chdir(tmp_path / "deep")
    assert failures(trained(replaced_root(first, tmp_path), tmp_path / "runs")) == []


def replaced_root(first: Start, root: Path) -> Start:
    from dataclasses import replace

    return replace(first, directory=root / first.directory)


# --- what is refused --------------------------------------------------------------------------------------------


def _column(values: list[Any]) -> str:
    return pd.DataFrame({**_noise(len(values)), "y": values}).to_csv(index=False)


REFUSED: dict[str, tuple[str, bytes | str | None, str | None, str]] = {
    "missing file": ("table.csv", None, "y", "There is no file"),
    "unknown format": ("table.xlsx", "", "y", "expected a .csv, .tsv or .parquet"),
    "empty file": ("table.csv", "", "y", "holds no table"),
    "names only": ("table.csv", "x,y\n", "y", "has 0 rows"),
    "too few rows": ("table.csv", "x,y\n1,a\n2,b\n", "y", "has 2 rows; expected at least 10"),
    "one column": ("table.csv", "y\n" + "a\n" * 20, "y", "one column"),
    "two separators": ("table.csv", "x;y\n" + "1;a\n" * 20 + "1;a;3\n", "y", "same number of fields"),
    "a web page": ("table.csv", "<!DOCTYPE html>\n<html>" + "1,a\n" * 20, "y", "a web page"),
    "no header": ("table.csv", "5.1,3.5,a\n" + "4.9,3.0,b\n" * 20, "y", "no column names"),
    "twice the same name": ("table.csv", "x,x,y\n" + "1,2,a\n" * 20, "y", 'two columns named "x"'),
    "binary": ("table.csv", bytes(range(256)) * 20, "y", "data file"),
    "a spreadsheet": ("table.csv", b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml\xff\xfe" * 50, "y", "a spreadsheet"),
    "no Parquet": ("table.parquet", "x,y\n", "y", "Parquet"),
    "a long name": ("table.csv", f"{'x' * 1001},z,y\n" + "1,2,a\n" * 20, "y", "1001 characters"),
    "unknown target": ("table.csv", _column(["a", "b"] * 10), "yy", 'did you mean "y"?'),
    "no target": ("table.csv", _column(["a", "b"] * 10), None, '"x0", "x1", "x2", "y"'),
    "one class": ("table.csv", _column(["a"] * 20), "y", "same value in every row"),
    "no value of the target": ("table.csv", _column([None] * 20), "y", "holds no value at all"),
    "dates as target": ("table.csv", _column(["2024-01-01", "2024-01-02"] * 10), "y", "holds dates"),
    "names as target": ("table.csv", _column([f"n{i}" for i in range(20)]), "y", "20 different values in 20 rows"),
    "infinite target": ("table.csv", _column([1.5, float("inf")] * 10), "y", "infinite number in data row 1"),
    "no feature left": ("table.csv", "i,k,y\n" + "".join(f"{i},1,{i % 2}\n" for i in range(20)), "y", '"k" has one'),
}


@pytest.mark.parametrize(
    ("values", "task", "expected"),
    [
        (list(range(24)) * 5, None, ("regression", "--task classification")),
        (list(range(24)) * 5, "classification", ("classification", "as you asked")),
        ([0, 1] * 60, "regression", ("regression", "as you asked")),
        ([True, False] * 60, "regression", ("regression", "as you asked")),
        (["a", "b"] * 60, "regression", "holds text, and the model predicts numbers"),
        ([0.5, 1.5] * 60, "classification", "holds fractions, and the model predicts classes"),
        ([float(i % 24) for i in range(120)], "classification", ("classification", "as you asked")),
    ],
)
def test_the_task_can_be_asked_for(values: list[object], task: Any, expected: Any, tmp_path: Path) -> None:
    table = pd.DataFrame({"x": [i * 7 % 31 for i in range(120)], "z": [i / 3 for i in range(120)], "y": values})
    table.to_csv(tmp_path / "t.csv", index=False)
    if isinstance(expected, str):
        with pytest.raises(StageError, match=expected) as caught:
            start(tmp_path / "t.csv", target="y", task=task, directory=tmp_path)
        assert "Leave out --task" in caught.value.hint
        return
    begun = start(tmp_path / "t.csv", target="y", task=task, directory=tmp_path)
    assert begun.target.task == expected[0]
    assert expected[1] in next(line for line in page_lines(begun) if line.startswith("  task "))
    assert failures(trained(begun, tmp_path / "runs")) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_begun_is_refused_with_a_sentence_and_writes_nothing(name: str, tmp_path: Path) -> None:
    file, content, target, said = REFUSED[name]
    if content is not None:
        (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((UsageError, StageError)) as caught:
        start(tmp_path / file, target=target, directory=tmp_path / "out")
    assert said in f"{caught.value} {getattr(caught.value, 'hint', '')}"
    assert str(caught.value).rstrip().endswith((".", "?"))
    assert not (tmp_path / "out").exists()


def test_a_huge_file_a_folder_and_a_pipe_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate((8 << 30) + 1)
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for name, said in (("huge", "larger than"), ("folder", "is a folder"), ("pipe", "not a regular file")):
        with pytest.raises(StageError, match=said):
            start(tmp_path / f"{name}.csv", target="y", directory=tmp_path)


def test_a_misspelt_table_is_told_with_the_nearest_one_before_a_config_that_is_in_the_way(tmp_path: Path) -> None:
    for name in ("wine.csv", "beer.csv", "wine.cv", "baseline.json"):
        (tmp_path / name).write_text("mine")
    done = init("wine.cvs", "--target", "y", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: There is no file wine.cvs; did you mean wine.csv?\n"
    done = init("sub/none.csv", "--target", "y", cwd=tmp_path)
    assert done.stderr == "error: There is no file sub/none.csv. A path starts in the folder where you are.\n"


@pytest.mark.parametrize("name", ["baseline.json", "variant.json"])
def test_no_file_is_ever_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    done = init(PENGUINS, "--target", "species", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"error: {name}: it is there already and is not overwritten: move it away, or name another folder with "
        "--output-dir.\n"
    )
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_link_to_nowhere_is_in_the_way_too(tmp_path: Path) -> None:
    (tmp_path / "variant.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is not overwritten"):
        start(PENGUINS, target="species", directory=tmp_path)


def test_a_file_that_appears_meanwhile_is_kept_and_the_other_config_taken_back(tmp_path: Path) -> None:
    def ask(survey: object) -> str:
        (tmp_path / "variant.json").write_text("mine")
        return "species"

    with pytest.raises(UsageError, match=r"variant\.json: it is there already"):
        start(PENGUINS, directory=tmp_path, ask=ask)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("variant.json", "mine")]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match="cannot be written there"):
        start(PENGUINS, target="species", directory=tmp_path / "out")


# --- hostile names ----------------------------------------------------------------------------------------------

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\u202etxet",
    "two\nlines",
    "long " * 150,
    "::error::x",
    "[bold]rich[/bold]",
    '"quoted"',
    "Größe",
]


def test_hostile_names_and_cells_are_shown_harmless_and_still_train(tmp_path: Path) -> None:
    frame = pd.DataFrame(dict(zip(HOSTILE, _noise(40, len(HOSTILE)).values(), strict=True)))
    frame["\x1b]0;title\x07"] = ["\x1b[2Jcleared", "\u202eb\na"] * 20
    frame["kind\x1b[31m"] = ["\x1b[31ma", "b\u202e"] * 20
    first = begun(frame, "kind\x1b[31m", tmp_path)
    lines = [*survey_lines(first.survey, 100), *page_lines(first), *map(describe, first.notes)]
    assert max(map(len, survey_lines(first.survey, 100))) <= 100
    for line in [*lines, first.baseline["goal"], first.baseline["hypothesis"]]:
        assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cf")], line
    assert failures(trained(first, tmp_path / "runs")) == []


def test_a_hostile_unknown_target_is_shown_harmless(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        start(PENGUINS, target="\x1b[31m\u202ex\n::error::", directory=tmp_path)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


# --- the command ------------------------------------------------------------------------------------------------


def test_the_three_commands_that_are_printed_work(tmp_path: Path) -> None:
    shutil.copy(PENGUINS, tmp_path)
    done = init("penguins.csv", "--target", "species", "--output-dir", "first try", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    commands = [line.strip() for line in done.stdout.splitlines() if line.startswith("  week2kit ")]
    assert commands == [
        "week2kit train 'first try/baseline.json' --name baseline",
        "week2kit train 'first try/variant.json' --name variant",
        "week2kit report runs/baseline runs/variant -o report.md",
    ]
    for command in commands:
        again = here(*shlex.split(command)[1:], cwd=tmp_path)
        assert again.returncode == 0, again.stderr
    report = (tmp_path / "report.md").read_text()
    assert "**One thing changed:** `model`" in report
    assert "Predict species in penguins.csv from its other columns." in report
    other = init("penguins.csv", "--target", "species", "--output-dir", "second", cwd=tmp_path)
    assert "--name baseline-2" in other.stdout
    assert "runs/baseline-2 runs/variant-2" in other.stdout


def test_the_product_is_on_standard_output_and_the_talk_on_standard_error(tmp_path: Path) -> None:
    _named_classes(30, 2).to_csv(tmp_path / "table.csv", index=False)
    done = init("table.csv", "--target", "label", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("table.csv: 30 rows, 4 columns\n")
    assert done.stderr.splitlines()[0].startswith("warning few_rows: 30 rows are few")
    assert done.stderr.splitlines()[-1] == "written: baseline.json, variant.json"


def test_json_is_one_document_and_nothing_else(tmp_path: Path) -> None:
    done = init(PENGUINS, "--target", "species", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    value = json.loads(done.stdout)
    assert value["written"] == ["baseline.json", "variant.json"]
    assert value["configs"]["baseline"] == json.loads((tmp_path / "baseline.json").read_text())
    assert value["configs"]["variant"] == json.loads((tmp_path / "variant.json").read_text())
    assert {column["role"] for column in value["columns"]} == {"target", "feature"}
    assert all(choice["reason"] for choice in value["choices"])
    assert value["target"]["classes"][0] == {"label": "Adelie", "rows": 152}


def test_a_path_that_is_no_text_is_refused(tmp_path: Path) -> None:
    shutil.copy(PENGUINS, os.fsencode(tmp_path) + b"/\xff.csv")
    with pytest.raises(UsageError, match="no UTF-8 text"):
        start(Path(os.fsdecode(b"\xff.csv")), target="species", directory=tmp_path)


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_without_a_terminal_a_target_must_be_named(flags: list[str], tmp_path: Path) -> None:
    done = init(PENGUINS, *flags, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert '"species", "island", "bill_length_mm"' in done.stderr
    assert "--target" in done.stderr
    assert list(tmp_path.iterdir()) == []


def on_a_terminal(answers: list[str], cwd: Path) -> tuple[int, str]:
    """Run init on a pseudo-terminal of 60 columns, typing an answer whenever it asks; exit code and all it showed."""
    import fcntl
    import struct
    import termios

    pid, descriptor = pty.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.chdir(cwd)
            variables = {key: value for key, value in ENVIRONMENT.items() if key != "COLUMNS"}
            os.execve(sys.executable, [sys.executable, "-m", "week2kit", "init", str(PENGUINS)], variables)
        os._exit(99)
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 60, 0, 0))
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([descriptor], [], [], 1)[0]:
            try:
                part = os.read(descriptor, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            shown += part
            if shown.rstrip().endswith(b"]:") and answers:
                os.write(descriptor, answers.pop(0).encode())
    os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_on_a_terminal_it_asks_for_the_target_until_it_is_one(tmp_path: Path) -> None:
    code, shown = on_a_terminal(["specie\n", "species\n"], tmp_path)
    assert code == 0, shown
    assert 'did you mean "species"?' in shown
    assert shown.count("Which column is to be predicted? (Enter takes the one in brackets) [year]:") == 2
    assert shown.count("344 rows") == 1
    table = shown.replace("\r", "").split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= 60
    assert "… " in table
    assert json.loads((tmp_path / "baseline.json").read_text())["data"]["target"] == "species"


def test_on_a_terminal_the_end_of_input_ends_it_without_a_trace(tmp_path: Path) -> None:
    code, shown = on_a_terminal(["\x04"], tmp_path)
    assert code == 130
    assert "Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Target", "label", "class", "y"])
def test_a_column_named_like_a_target_is_the_default(name: str, tmp_path: Path) -> None:
    def ask(survey: Any) -> str:
        assert survey.likely_target == name
        return name

    _named_classes(30, 2).rename(columns={"label": name}).assign(last=1).to_csv(tmp_path / "t.csv", index=False)
    start(tmp_path / "t.csv", directory=tmp_path, ask=ask)


# --- any table --------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["a", "b", "c", "", "NA", "x y", "1", "2024-01-01", "true", "True", "é"])
NUMBERS = st.one_of(
    st.integers(-3, 3), st.integers(-(2**63), 2**63), st.floats(-100, 100), st.sampled_from([0.0, 1e29, 1e200, -1e-300])
)
CELLS = [
    st.integers(0, 1),
    st.integers(0, 30),
    st.floats(-5, 5).map(lambda value: round(value, 2)),
    st.booleans(),
    st.sampled_from(["red", "green", "blue"]),
    st.sampled_from(["u", "v", None]),
    st.one_of(st.none(), st.none(), st.none(), st.none(), st.integers(0, 5)),
    WORDS,
    NUMBERS,
]


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(9, 40))
    target = draw(st.sampled_from([*range(5), *range(5), *range(5), *range(len(CELLS))]))  # mostly one that is learnt
    kinds = [target, *draw(st.lists(st.sampled_from(range(len(CELLS))), min_size=1, max_size=4))]
    return pd.DataFrame(
        {f"c{i}": draw(st.lists(CELLS[kind], min_size=rows, max_size=rows)) for i, kind in enumerate(kinds)},
        dtype=object,
    )


def test_a_target_without_a_value_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": [None] * 40, "x": ["u", "v", None, "w"] * 10})
    with pytest.raises(Week2kitError, match="y"):
        begun(frame, "y", tmp_path)


def test_a_target_whose_squares_overflow_is_refused_in_our_words(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": [1e200, 2e200, 3.5, 7.5] * 10, "x": ["u", "v", None, "w"] * 10})
    with pytest.raises(Week2kitError, match="squares"):
        begun(frame, "y", tmp_path)


def test_whole_numbers_that_no_integer_holds_are_no_classes(tmp_path: Path) -> None:
    """scikit-learn takes classes as integers, and says that they are continuous."""
    frame = pd.DataFrame({"y": [0.0, 1.0, 1e29] * 20, "x": ["u", "v", None, "w"] * 15})
    first = begun(frame, "y", tmp_path)
    assert first.target.task == "regression"
    assert failures(trained(first, tmp_path / "runs")) == []


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(frame=tables())
def test_any_table_is_refused_in_a_sentence_or_trains(frame: pd.DataFrame, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    frame.to_csv(folder / "table.csv", index=False)
    try:
        first: Start | None = start(folder / "table.csv", target="c0", directory=folder)
    except Week2kitError as error:
        first, said = None, str(error)
    event("refused" if first is None else "trained")
    if first is None:
        assert said
        assert not (folder / "baseline.json").exists()
        return
    assert failures(trained(first, folder / "runs")) == []
