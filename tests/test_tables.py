"""Tables as people have them: how cells are read, what is told of it, and the right numbers at the end."""

from __future__ import annotations

import bz2
import io
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from week2kit.config.form import ColumnForm, FileData
from week2kit.config.reading import parse_config
from week2kit.errors import StageError
from week2kit.loop import reading
from week2kit.loop.cells import number_in, numbers_as_text
from week2kit.loop.data import Table, use_columns
from week2kit.loop.dates import dates_in, time_order
from week2kit.loop.misreading import tells_of_target
from week2kit.loop.progress import Progress
from week2kit.loop.reading import read_file
from week2kit.loop.run import Source, run_loop
from week2kit.starting.init import Start, start
from week2kit.starting.sentences import page_lines

ROWS = 60


def noise(rows: int = ROWS, seed: int = 0) -> dict[str, list[float]]:
    draws = np.random.default_rng(seed)
    return {name: draws.normal(size=rows).round(3).tolist() for name in ("u", "v")}


def csv_of(columns: dict[str, Any], **how: Any) -> bytes:
    return pd.DataFrame(columns).to_csv(index=False, **how).encode()


def table_of(content: bytes, target: str = "y", split: dict[str, Any] | None = None, **data: Any) -> Table:
    config = parse_config(
        {"data": {"path": "t.csv", "target": target, **data}, "split": split or {}, "model": "dummy", "seed": 1}
    )
    assert isinstance(config.data, FileData)
    return use_columns(read_file(content, "csv", data=config.data), config, target, classification=True)


def told_by_train(content: bytes, **config: Any) -> dict[str, dict[str, Any]]:
    """The warnings of a training, by code."""
    whole = {"data": {"path": "t.csv", "target": "y"}, "model": "dummy", "seed": 1, **config}
    progress = Progress()
    run_loop(parse_config(whole), 1, Source("t.csv", None, "csv", lambda: content), progress)
    return {warned.code: warned.values for warned in progress.warnings}


def begun(content: bytes, target: str, tmp_path: Path, name: str = "t.csv") -> Start:
    (tmp_path / name).write_bytes(content)
    return start(tmp_path / name, target=target, directory=tmp_path)


# --- marks of a missing value -----------------------------------------------------------------------------------

CLASSES = ["a", "b", "c"] * (ROWS // 3)


@pytest.mark.parametrize("mark", ["?", " ", "-", "nil", "n.a.", ".", "unknown", "#DIV/0!"])
def test_numbers_with_a_mark_are_told_by_train_and_written_by_init(mark: str, tmp_path: Path) -> None:
    cells = [mark if row % 9 == 4 else str(row / 4) for row in range(ROWS)]
    content = csv_of({"x": cells, **noise(), "y": CLASSES})
    told = told_by_train(content)["data.numbers_as_text"]
    assert (told["column"], told["markers"]) == ("x", [[mark, 7]])
    assert told["remedy"] == {"missing": [mark]}
    first = begun(content, "y", tmp_path)
    assert first.baseline["data"]["missing"] == [mark]
    column = table_of(content, missing=[mark]).columns[0]
    assert (column.kind, column.missing, column.gaps) == ("float", 7, {mark: 7})
    assert "data.numbers_as_text" not in told_by_train(content, data={"path": "t", "target": "y", "missing": [mark]})


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(["S", "M", "L"] * 20, id="words"),
        pytest.param(["1", "2", "3+"] * 20, id="a number and more"),
        pytest.param(["10", "12", "small", "large", "tiny", "huge"] * 10, id="numbers among words"),
        pytest.param(["A1", "A2", "B1"] * 20, id="codes"),
        pytest.param(["12 km", "14 km", "15 km"] * 20, id="a unit"),
        pytest.param(["1.2.3", "1.2.4", "2.0.0"] * 20, id="versions"),
        pytest.param(["20-30", "30-40", "40-50"] * 20, id="ranges"),
        pytest.param(["10:30", "11:30", "12:15"] * 20, id="times of day"),
    ],
)
def test_true_text_is_not_called_numbers(cells: list[str], tmp_path: Path) -> None:
    content = csv_of({"x": cells, **noise(), "y": CLASSES})
    assert not {"data.numbers_as_text", "data.read_as_missing"} & told_by_train(content).keys()
    assert not {"missing", "columns", "keep_text"} & begun(content, "y", tmp_path).baseline["data"].keys()


def test_a_mark_is_no_value_in_every_column_and_what_was_taken_as_missing_is_recorded() -> None:
    content = csv_of({"x": ["?", "1", "2"] * 20, "t": ["?", "k", ""] * 20, "y": CLASSES})
    x, t, _ = table_of(content, missing=["?"]).columns
    assert (x.gaps, x.missing) == ({"?": 20}, 20)
    assert (t.gaps, t.missing) == ({"": 20, "?": 20}, 40)


def test_a_kept_text_is_a_value_of_text_and_no_value_among_numbers() -> None:
    content = csv_of({"x": ["NA", "1", "2"] * 20, "t": ["NA", "US", ""] * 20, "y": CLASSES})
    table = table_of(content, keep_text=["NA"])
    assert [column.kind for column in table.columns] == ["float", "text", "text"]
    assert table.columns[0].gaps == {"NA": 20}
    assert table.features["t"].tolist()[:2] == ["NA", "US"]
    assert table.columns[1].gaps == {"": 20}
    blanks = table_of(content, keep_text=[""])
    assert blanks.features["t"].tolist()[2] == ""


# --- texts that are values --------------------------------------------------------------------------------------


def test_a_class_called_none_is_kept(tmp_path: Path) -> None:
    content = csv_of({**noise(), "y": ["None", "Apnea", "Insomnia"] * 20})
    first = begun(content, "y", tmp_path)
    assert first.baseline["data"]["keep_text"] == ["None"]
    assert dict(first.target.classes) == {"None": 20, "Apnea": 20, "Insomnia": 20}
    with pytest.raises(StageError, match=r'no value in 20 of 60 rows.*these cells hold "None"') as caught:
        table_of(content)
    assert '"keep_text": ["None"]' in caught.value.hint


def test_a_gap_that_decides_the_target_is_a_category_of_its_own(tmp_path: Path) -> None:
    flags = ["Y" if row % 2 else "" for row in range(ROWS)]
    answers = ["late" if flag else "paid" for flag in flags]
    content = csv_of({**noise(), "flag": flags, "y": answers})
    first = begun(content, "y", tmp_path)
    assert first.baseline["data"]["keep_text"] == [""]
    assert "flag" not in first.left_out
    assert told_by_train(content)["data.read_as_missing"] == {"column": "flag", "texts": {"": 30}, "why": "decides"}


def test_a_gap_that_does_not_go_with_the_target_stays_one(tmp_path: Path) -> None:
    content = csv_of({**noise(), "town": ["NA", "Rome", "Oslo", "Bern"] * 15, "y": CLASSES})
    assert "keep_text" not in begun(content, "y", tmp_path).baseline["data"]
    assert "data.read_as_missing" not in told_by_train(content)


def test_na_among_codes_of_two_letters_is_a_code(tmp_path: Path) -> None:
    codes = ["NA", "DE", "FR", "IT", "ES", "PT", "NL", "BE", "AT", "CH", "PL", "SE"] * 5
    content = csv_of({**noise(), "geo": codes, "y": CLASSES})
    assert begun(content, "y", tmp_path).baseline["data"]["keep_text"] == ["NA"]


@pytest.mark.parametrize("classes", [True, False])
def test_chance_never_makes_a_gap_tell_of_the_target(classes: bool) -> None:
    draws = np.random.default_rng(5)
    for _ in range(200):
        gone = draws.random(40) < 0.3
        truth = draws.integers(0, 3, 40) if classes else draws.normal(size=40)
        assert not tells_of_target(gone, truth, classes=classes)


# --- numbers as people write them -------------------------------------------------------------------------------

FORMS = {
    "thousands": (["1,234", "950", "12,000.5"], {"thousands": ","}, [1234, 950, 12000.5]),
    "currency": (["$1,375", "$12", "$7,000"], {"thousands": ","}, [1375, 12, 7000]),
    "euro after": (["12 €", "9 €", "10 €"], {}, [12, 9, 10]),
    "percent": (["12%", "9.5%", "100 %"], {}, [12, 9.5, 100]),
    "decimal comma": (["0,5", "12,25", "3"], {"decimal": ","}, [0.5, 12.25, 3]),
    "points and comma": (["1.234,5", "950", "2.000.000"], {"thousands": ".", "decimal": ","}, [1234.5, 950, 2e6]),
    "spaces": (["1 234", "950", "2 000 000"], {"thousands": " "}, [1234, 950, 2e6]),
    "apostrophes": (["1'234", "950", "2'000'000"], {"thousands": "'"}, [1234, 950, 2e6]),
    "brackets": (["(1,200)", "300", "$(45)"], {"thousands": ","}, [-1200, 300, -45]),
    "minus sign": (["\u22121,200", "300", "-45"], {"thousands": ","}, [-1200, 300, -45]),
}


@pytest.mark.parametrize("name", FORMS)
def test_numbers_in_every_form_are_seen_and_read(name: str) -> None:
    cells, form, numbers = FORMS[name]
    content = csv_of({"x": cells * 20, **noise(), "y": CLASSES})
    found = told_by_train(content)["data.numbers_as_text"]["remedy"]["columns"]
    assert found == {"type": "number", **form}
    table = table_of(content, columns={"x": found})
    assert table.features["x"].tolist()[:3] == numbers
    assert table.columns[0].kind == ("int" if all(float(n).is_integer() for n in numbers) else "float")


@given(st.floats(-1e9, 1e9).map(lambda x: round(x, 2)), st.sampled_from([",", ".", " ", "'", None]))
def test_a_number_is_read_as_it_was_written(number: float, thousands: Any) -> None:
    decimal = "," if thousands == "." else "."
    written = f"{number:,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands or "")
    assert number_in(written, ColumnForm(type="number", thousands=thousands, decimal=decimal)) == number


@pytest.mark.parametrize("text", ["12,34", "1,23,456", "1,2345", "abc", "", "1.2.3", "12-14", "--3", "1e", "$"])
def test_what_is_no_number_of_the_form_is_none(text: str) -> None:
    assert number_in(text, ColumnForm(type="number", thousands=",")) is None


def test_a_comma_is_a_point_where_semicolons_separate() -> None:
    cells = np.array(["1,234", "2,345", "0,999"] * 10, dtype=object)
    assert numbers_as_text(cells, ";").form == ColumnForm(type="number", decimal=",")  # type: ignore[union-attr]
    assert numbers_as_text(cells, ",").form == ColumnForm(type="number", thousands=",")  # type: ignore[union-attr]


def test_a_cell_that_is_no_number_is_named() -> None:
    content = csv_of({"x": ["1,000", "about 3", "5"] * 20, **noise(), "y": CLASSES})
    with pytest.raises(StageError, match='"x" holds "about 3" in data row 1'):
        table_of(content, columns={"x": {"type": "number", "thousands": ","}})


def test_a_target_of_numbers_as_text_is_refused_with_the_key_and_proposed_by_init(tmp_path: Path) -> None:
    prices = [f"{n:,}" for n in range(900, 900 + 17 * ROWS, 17)]
    content = csv_of({**noise(), "price": prices})
    first = begun(content, "price", tmp_path)
    assert (first.target.task, first.target.span) == ("regression", (900.0, 1401.5, 1903.0))
    assert first.baseline["data"]["columns"] == {"price": {"type": "number", "thousands": ","}}
    with pytest.raises(StageError, match='numbers written as text, such as "1,002" in data row 6') as caught:
        table_of(content, target="price")
    assert json.dumps(first.baseline["data"]["columns"]) in caught.value.hint


def test_codes_keep_their_zeros_where_the_config_says_so(tmp_path: Path) -> None:
    codes = [f"{501 + row % 7:05}" for row in range(ROWS)]
    content = csv_of({**noise(), "zip": codes, "y": CLASSES})
    assert told_by_train(content)["data.leading_zeros"] == {"column": "zip", "cell": "00501"}
    first = begun(content, "y", tmp_path)
    assert first.baseline["data"]["columns"] == {"zip": {"type": "text"}}
    assert table_of(content, columns={"zip": {"type": "text"}}).features["zip"].tolist()[0] == "00501"
    assert "data.leading_zeros" not in told_by_train(csv_of({"x": [0.01, 0, 10] * 20, "y": CLASSES}))


# --- rows without a target --------------------------------------------------------------------------------------


def test_rows_without_a_target_are_left_out_and_counted(tmp_path: Path) -> None:
    content = csv_of({**noise(), "y": ["a", "", "b"] * 20})
    first = begun(content, "y", tmp_path)
    assert first.baseline["data"]["drop_missing_target"] is True
    assert any("rows left out: 20 of 60 rows have no" in line for line in page_lines(first))
    data = {"path": "t.csv", "target": "y", "drop_missing_target": True}
    assert told_by_train(content, data=data)["data.dropped_rows"] == {"target": "y", "rows": 20, "of": 60}
    table = table_of(content, drop_missing_target=True)
    frame = pd.read_csv(io.BytesIO(content)).dropna(subset="y")
    assert table.target.tolist() == frame["y"].tolist()
    np.testing.assert_array_equal(table.features["u"], frame["u"])
    with pytest.raises(StageError, match="no value in 20 of 60 rows") as caught:
        table_of(content)
    assert '"drop_missing_target": true' in caught.value.hint


# --- files that are no plain CSV --------------------------------------------------------------------------------

PLAIN = csv_of({**noise(), "y": CLASSES})
R_TABLE = b'"u" "v" "y"\n'.replace(b" ", b",") + b"".join(
    b'"%d",%s\n' % (number, line) for number, line in enumerate(PLAIN.splitlines()[1:], 1)
)
FILES: dict[str, tuple[bytes, str]] = {
    "semicolons": (PLAIN.replace(b",", b";"), "separator"),
    "tabs": (PLAIN.replace(b",", b"\t"), "separator"),
    "bars": (PLAIN.replace(b",", b"|"), "separator"),
    "sep=": (b"sep=,\n" + PLAIN, "separator"),
    "sep=; and Windows": (b"sep=;\r\n" + PLAIN.replace(b",", b";").replace(b"\n", b"\r\n"), "separator"),
    "a title": (b"Measurements of 2024\n\n" + PLAIN, "header"),
    "a title with commas": (b"Measurements,,\n" + PLAIN, "header"),
    "lines of an office": (b'"Data Source","Indicators",\n\n"Last Updated","2024-01-01",\n\n' + PLAIN, "header"),
    "names of rows": (R_TABLE, "row_names"),
    "utf-16": (PLAIN.decode().encode("utf-16"), "encoding"),
    "separators at the end": (PLAIN.replace(b"\n", b",,\n"), ""),
    "separators at the end of rows": (PLAIN.replace(b"\n", b",\n").replace(b"y,\n", b"y\n", 1), ""),
    "bzip2": (bz2.compress(PLAIN), ""),
    "xz": (lzma.compress(PLAIN), ""),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_leaves_no_choice_is_read_and_told(name: str) -> None:
    content, told = FILES[name]
    assert table_of(content, features=["u", "v"]).digest == table_of(PLAIN).digest
    form = told_by_train(content).get("data.form", {})
    assert [*form] == ([told] if told else [])


def test_zstandard_is_read() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    packed = pyarrow.compress(PLAIN, codec="zstd", asbytes=True)
    assert table_of(packed).digest == table_of(PLAIN).digest


UNCLEAR: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "another field in every row": (
        PLAIN.replace(b"\n", b",z\n").replace(b"y,z", b"y", 1),
        {},
        "more than the 3 fields",
    ),
    "latin-1": (PLAIN.replace(b"u", "gr\u00f6sse".encode("cp1252"), 1), {"encoding": "cp1252"}, "not UTF-8"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_file_that_leaves_a_choice_is_refused_with_the_key_that_settles_it(name: str) -> None:
    content, keys, said = UNCLEAR[name]
    with pytest.raises(StageError, match=said) as caught:
        table_of(content, features=["v"])
    for key in keys:
        assert f'"{key}"' in caught.value.hint
    if keys:
        assert table_of(content, features=["v"], **keys).features["v"].tolist() == noise()["v"]


def test_the_line_of_the_names_can_be_given() -> None:
    assert table_of(b"a,b,c,d,e\n" + PLAIN, header=2).digest == table_of(PLAIN).digest
    with pytest.raises(StageError, match="has no line 1000"):
        table_of(PLAIN, header=1000)


def test_a_plain_file_is_never_guessed_at() -> None:
    for content in (PLAIN, b"a;b,y\n1;2,x\n3;4,z\n5;6,x\n", b"sep=,y\n1,a\n2,b\n3,a\n"):
        assert read_file(content, "csv").told == {}
    assert [*read_file(b"a;b,y\n1;2,x\n", "csv").frame] == ["a;b", "y"]


# --- dates and time order ---------------------------------------------------------------------------------------

SPELLINGS = [
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d-%m-%Y", "%d-%b-%Y", "%B %d, %Y", "%b %d %Y", "%Y-%m",
    "%Y.%m.%d", "%b-%y", "%d %B %Y", "%Y-%m-%dT%H:%M:%SZ",
    "%m/%d/%Y %H:%M", "%m/%d/%y %H:%M", "%Y/%m/%d %H:%M:%S", "%a %b %d %Y",
]  # fmt: skip
DAYS = pd.date_range("1999-01-31", periods=ROWS, freq="ME")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_dates_of_every_spelling_are_seen_and_their_order_told(spelling: str, tmp_path: Path) -> None:
    texts = DAYS.strftime(spelling).to_numpy(dtype=object)
    assert dates_in(texts) is not None
    content = csv_of({"day": texts, **noise(), "y": CLASSES})
    first = begun(content, "y", tmp_path)
    assert first.left_out == {"day": "dates"}
    assert [n.values["first"] for n in first.notes if n.code == "time_order"] == ["oldest"]
    data = {"path": "t.csv", "target": "y", "drop": ["day"]}
    assert told_by_train(content, data=data)["split.time_order"]["column"] == "day"
    with pytest.raises(StageError, match='"day" holds dates'):
        table_of(content)


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"quarter": [f"{1960 + row // 4}Q{row % 4 + 1}" for row in range(ROWS)]}, id="quarters"),
        pytest.param({"year": [1960 + row // 4 for row in range(ROWS)]}, id="years"),
        pytest.param({"time": [1949 + row / 12 for row in range(ROWS)]}, id="decimal years"),
        pytest.param({"date": [20_240_101 + row % 28 + row // 28 * 100 for row in range(ROWS)]}, id="whole dates"),
        pytest.param({"day": list(range(1, ROWS + 1))}, id="days"),
    ],
)
def test_other_columns_of_time_are_told_too(columns: dict[str, Any]) -> None:
    assert "split.time_order" in told_by_train(
        csv_of({**columns, **noise(), "y": CLASSES}), data={"path": "t.csv", "target": "y", "features": ["u", "v"]}
    )


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"day": DAYS.strftime("%Y-%m-%d")[::-1].tolist()[::2] + DAYS.strftime("%Y-%m-%d").tolist()[::2]},
                     id="dates in no order"),
        pytest.param({"year": [2007] * 20 + [2008] * 20 + [2009] * 20}, id="three years"),
        pytest.param({"age": sorted(range(ROWS))}, id="ascending ages"),
        pytest.param({"year_built": [1960 + row * 7 % 50 for row in range(ROWS)]}, id="years of houses"),
    ],
)  # fmt: skip
def test_rows_in_no_order_of_time_are_not_told(columns: dict[str, Any]) -> None:
    frame = pd.DataFrame({**columns, **noise()})
    assert time_order(frame, "y") is None
    data = {"path": "t.csv", "target": "y", "features": ["u", "v"]}
    assert "split.time_order" not in told_by_train(csv_of({**columns, **noise(), "y": CLASSES}), data=data)


def test_folds_of_time_follow_the_column_that_is_named() -> None:
    days = DAYS.strftime("%d.%m.%Y").to_numpy()
    mixed = np.random.default_rng(3).permutation(ROWS)
    frame = pd.DataFrame({"day": days[mixed], **noise(), "y": CLASSES})
    split = {"method": "time_series", "n_splits": 5, "order_by": "day"}
    table = table_of(frame.to_csv(index=False).encode(), split=split)
    from week2kit.loop.split import make_folds

    config = parse_config({"data": {"path": "t", "target": "y"}, "split": split, "model": "dummy", "seed": 1})
    folds, _ = make_folds(config.split, table)
    order = np.argsort(mixed)
    for fold in folds:
        moments = pd.to_datetime(frame["day"], format="%d.%m.%Y")
        assert moments[fold.train].max() < moments[fold.val].min()
        np.testing.assert_array_equal(np.concatenate([fold.train, fold.val]), order[: len(fold.train) + len(fold.val)])
    assert [column.role for column in table.columns if column.name == "day"] == ["order"]


def test_a_file_with_the_newest_row_first_is_told_where_the_split_takes_it_as_it_stands() -> None:
    content = csv_of({"day": DAYS.strftime("%Y-%m-%d")[::-1], **noise(), "y": CLASSES})
    data = {"path": "t.csv", "target": "y", "drop": ["day"]}
    backwards = told_by_train(content, data=data, split={"method": "time_series"})
    assert backwards["split.newest_first"] == {"column": "day"}
    by_day = told_by_train(
        content, data={"path": "t.csv", "target": "y"}, split={"method": "time_series", "order_by": "day"}
    )
    assert not {"split.newest_first", "split.time_order"} & by_day.keys()


def test_dates_beyond_nanoseconds_are_dates() -> None:
    days = pd.Series(np.array([f"{2000 + row * 100}-01-01" for row in range(ROWS)], dtype="datetime64[s]"))
    assert time_order(pd.DataFrame({"day": days, **noise()}), "y") == ("day", "oldest", None)


@pytest.mark.newest  # pandas 2 reads no text as a date beyond the year 2262
def test_texts_of_dates_beyond_nanoseconds_are_dates() -> None:
    days = [f"{2000 + row * 100}-01-01" for row in range(ROWS)]
    assert time_order(pd.DataFrame({"day": days, **noise()}), "y") == ("day", "oldest", None)


def test_time_order_within_groups_is_told_and_blocks_of_anything_else_are_not() -> None:
    years = [1990 + row % 10 for row in range(ROWS)]
    panel = pd.DataFrame({"city": [f"c{row // 10}" for row in range(ROWS)], "year": years, **noise()})
    assert time_order(panel, "y") == ("year", "oldest", "city")
    assert time_order(panel.assign(year=years[::-1]), "y") == ("year", "newest", "city")
    assert time_order(panel.assign(city=[f"c{row // 7}" for row in range(ROWS)]), "y") is None
    assert time_order(panel.sample(frac=1, random_state=1), "y") is None


# --- a split and weights that the table holds -------------------------------------------------------------------

SIDES = ["train", "train", "val"] * (ROWS // 3)
HALF = {"path": "t.csv", "target": "y"}


def folds_of(column: list[Any], **split: Any) -> list[Any]:
    from week2kit.loop.split import make_folds

    split = {"column": "side", **split}
    table = table_of(csv_of({**noise(), "side": column, "y": CLASSES}), split=split)
    assert [c.role for c in table.columns if c.name == "side"] == ["split"]
    config = parse_config({"data": HALF, "split": split, "model": "dummy", "seed": 1})
    return make_folds(config.split, table)[0]


@pytest.mark.parametrize(
    ("column", "split"),
    [
        pytest.param(SIDES, {}, id="names"),
        pytest.param([{"train": "Training", "val": " TEST"}[side] for side in SIDES], {}, id="other names"),
        pytest.param([{"train": "a", "val": "b"}[side] for side in SIDES], {"validation": "b"}, id="a named value"),
        pytest.param([{"train": 2, "val": 7}[side] for side in SIDES], {"validation": 7}, id="a named number"),
        pytest.param([side == "val" for side in SIDES], {"validation": True}, id="truth values"),
        pytest.param([{"train": -1, "val": 0}[side] for side in SIDES], {}, id="one numbered fold"),
    ],
)
def test_a_column_says_which_rows_are_validated(column: list[Any], split: dict[str, Any]) -> None:
    (fold,) = folds_of(column, **split)
    np.testing.assert_array_equal(fold.val, [row for row in range(ROWS) if SIDES[row] == "val"])
    np.testing.assert_array_equal(fold.train, [row for row in range(ROWS) if SIDES[row] == "train"])


def test_a_column_numbers_folds_as_predefined_split_does() -> None:
    from sklearn.model_selection import PredefinedSplit

    numbers = [row * 7 % 4 - 1 for row in range(ROWS)]
    for fold, (train, val) in zip(folds_of(numbers), PredefinedSplit(numbers).split(), strict=True):
        np.testing.assert_array_equal(fold.train, train)
        np.testing.assert_array_equal(fold.val, val)


def test_rows_on_neither_side_are_told() -> None:
    content = csv_of({**noise(), "side": ["train", "val", "test"] * 20, "y": ["a", "a", "a", "b", "b", "b"] * 10})
    assert told_by_train(content, data=HALF, split={"column": "side"})["split.unused_rows"] == {"rows": 20, "of": ROWS}


@pytest.mark.parametrize(
    ("column", "split", "said"),
    [
        (["left", "right", "right"] * 20, {}, 'values of "side" ("left", "right") do not say'),
        ([True, False, False] * 20, {}, "do not say which rows"),
        ([0.5, 1.5, 2.0] * 20, {}, "numbers no folds"),
        ([0] * ROWS, {}, "numbers no folds"),
        (SIDES, {"validation": "test"}, "one side of the split has no row"),
    ],
)
def test_a_column_that_says_no_split_is_refused(column: list[Any], split: dict[str, Any], said: str) -> None:
    with pytest.raises(StageError) as caught:
        folds_of(column, **split)
    assert said in str(caught.value)


def test_weights_reach_the_fit_and_are_no_feature() -> None:
    from sklearn.linear_model import LogisticRegression

    weights = [1.0, 5.0, 0.0] * 20
    answers = ["a", "b", "a", "a", "b", "b"] * 10
    content = csv_of({**noise(), "w": weights, "y": answers})
    config = {
        "data": {**HALF, "weights": "w"}, "split": {"test_size": 0.25, "stratify": False}, "preprocess": "none",
        "model": "logistic_regression", "metrics": ["log_loss"], "seed": 1,
    }  # fmt: skip
    result = run_loop(parse_config(config), 1, Source("t.csv", None, "csv", lambda: content), Progress())
    frame = pd.read_csv(io.BytesIO(content))
    val = result.predictions.row
    train = np.setdiff1d(np.arange(ROWS), val)
    from sklearn.model_selection import train_test_split

    train, val = train_test_split(np.arange(ROWS), test_size=0.25, random_state=1)
    model = LogisticRegression().fit(
        frame.loc[train, ["u", "v"]], frame.loc[train, "y"], sample_weight=frame.loc[train, "w"]
    )
    np.testing.assert_array_equal(result.predictions.scores, model.predict_proba(frame.loc[val, ["u", "v"]]))
    assert [c.role for c in result.data.columns] == ["feature", "feature", "target", "weights"]


@pytest.mark.parametrize(
    ("weights", "model", "said"),
    [
        ([1, 2, -1] * 20, "logistic_regression", "negative number in data row 2"),
        (["a", "b", "c"] * 20, "logistic_regression", "holds text"),
        ([1, 2, None] * 20, "logistic_regression", "column of data.weights"),
        ([1, 2, 3] * 20, "k_nearest_neighbors", "KNeighborsClassifier takes no weights of rows"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weights: list[Any], model: str, said: str) -> None:
    content = csv_of({**noise(), "w": weights, "y": CLASSES})
    with pytest.raises(Exception, match=said):
        told_by_train(content, data={**HALF, "weights": "w"}, model=model)


@pytest.mark.parametrize("model", ["gradient_boosting", "naive_bayes", "random_forest", "logistic_regression"])
def test_auto_goes_together_with_every_alias_on_a_wide_table(model: str) -> None:
    content = csv_of({**noise(), "town": [f"t{row * 7 % 30}" for row in range(ROWS)], "y": CLASSES})
    told_by_train(content, model=model, preprocess="auto")
    words = [{"columns": "town", "steps": ["sklearn.feature_extraction.text.TfidfVectorizer"]}]
    told_by_train(content, data={**HALF, "features": ["town"]}, model=model, preprocess=words)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "rows",
    [
        ["1,NA,x", "2,b,y", ",,x", "NULL,c,y", "5,d,x", "6,e,y"],
        ["1,NA,x", "2,b,y", "", ",,x", "NULL,c,y", "5,d,x", "6,e,y"],
        ['1,"two\nlines",x', "2,b,y", ",,x", "NULL,c,y", '"",d,x', "6,e,y", "7,f,y"],
        ["1,NA,x", "2", "3,c,x", "4,d,y", "5,e,y", "6,f,x"],
    ],
    ids=["a line each", "an empty line", "a row of two lines", "a short row"],
)
@pytest.mark.parametrize("last", [True, False])
def test_the_texts_of_gaps_are_those_of_the_whole_file(
    rows: list[str], end: str, last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (end.join(["a,b,y", *rows]) + end * last).encode()
    read = reading.read_file(content, "csv")
    found = reading.texts_of_gaps(read, read.frame, [*"aby"])
    monkeypatch.setattr(reading, "_lines_of", lambda *_: None)
    assert found == reading.texts_of_gaps(read, read.frame, [*"aby"])
    assert sum(map(sum, (texts.values() for texts in found.values()))) == int(read.frame.isna().to_numpy().sum())


def test_bounds_of_what_can_be_measured_are_marks_among_numbers() -> None:
    """However many of the rows have one: a laboratory writes them."""
    bounds = ["<0.006", "<0.01", "< 0.008", ">100", "\u22640.5", ">=9"]
    numbers = ["0.031", "0.02", "0.4", "0.07", "12", "3.5", "0.9"]
    found = numbers_as_text(np.array([*numbers, *bounds * 9], dtype=object))
    assert found is not None
    assert {text for text, _ in found.markers} == {*bounds}
    assert found.numbers == len(numbers)


@pytest.mark.parametrize("groups", ["<5 5-10 >10 10-20", "<18 18 19 >19 >65", "<a> 1 <b> 2", ">A1 >B2 3 4"])
def test_groups_with_bounds_are_no_numbers(groups: str) -> None:
    assert numbers_as_text(np.tile(np.array(groups.split(), dtype=object), 9)) is None
