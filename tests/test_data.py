"""Data is read exactly, and its digests follow the values and nothing else: no library, no spelling, no file format."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import struct
import sys
import tracemalloc
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets

from week2kit.config.reading import parse_config
from week2kit.errors import MissingHere, StageError
from week2kit.loop.data import Table, of_kind, use_columns
from week2kit.loop.digests import column_digest, values_digest
from week2kit.loop.reading import Reader, load_dataset, read_file


def table(content: bytes | str, reader: Any = "csv", **data: Any) -> Table:
    """The table of a file with the target `y`."""
    content = content.encode() if isinstance(content, str) else content
    config = parse_config({"data": {"path": "d.csv", "target": "y", **data}, "model": "dummy_regressor"})
    return use_columns(read_file(content, reader), config, "y", classification=False)


def rows_of(*cells: str) -> str:
    """A CSV text with these cells in column `a`."""
    return "a,y\n" + "".join(f"{cell},{position}\n" for position, cell in enumerate(cells))


def column(*cells: str) -> Any:
    """Kind and values of a CSV column with these cells."""
    found = table(rows_of(*cells))
    return found.columns[0].kind, found.features["a"].tolist()


def parquet(frame: pd.DataFrame | pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False), buffer)
    return buffer.getvalue()


def bits(values: Any) -> list[bytes]:
    return [struct.pack("<d", value) for value in values]


# --- exact numbers ----------------------------------------------------------------------------------------------


def random_doubles(count: int, seed: int = 0) -> list[float]:
    """Finite doubles with uniformly random bits: all magnitudes alike."""
    values = np.frombuffer(np.random.default_rng(seed).bytes(8 * count), dtype="<f8")
    return values[np.isfinite(values)].tolist()


def halfway_texts(count: int) -> list[str]:
    """Decimals exactly between two neighbouring doubles, and the same with one more digit below or above."""
    texts = []
    with localcontext() as context:
        context.prec = 1200
        for value in random_doubles(count, seed=1):
            value = abs(value)
            neighbour = math.nextafter(value, math.inf)
            if not math.isfinite(neighbour):
                continue
            middle = (Decimal(value) + Decimal(neighbour)) / 2
            digits = f"{middle:e}"
            mantissa, exponent = digits.split("e")
            texts += [digits, f"{mantissa}1e{exponent}"]
    return texts


SPELLINGS = {
    "repr": [repr(value) for value in random_doubles(4000)],
    "normal numbers": [repr(value) for value in np.random.default_rng(2).normal(size=4000).tolist()],
    "17 digits": [f"{value:.17g}" for value in random_doubles(3000)],
    "25 digits": [f"{value:.24e}" for value in random_doubles(3000)],
    "15 digits": [f"{value:.15g}" for value in np.random.default_rng(3).uniform(-1e6, 1e6, 3000).tolist()],
    "six places": [f"{value:.6f}" for value in np.random.default_rng(4).normal(size=3000).tolist()],
    "subnormal": [repr(n * 5e-324) for n in (1, 2, 3, 17, 2**40 + 1, 2**52 - 1, 2**52, 2**52 + 1)],
    "halfway": halfway_texts(500),
    "extremes": [
        repr(sys.float_info.max),
        repr(sys.float_info.min),
        "1e-400",
        "2.4703282292062327e-324",
        "1e22",
        "1e23",
    ],
    "odd spellings": ["+1.5", ".5", "5.", "0001.25", "1E5", "1e+05", "-0.0", " 1.25", "2.5 ", "0" * 400 + "1.5"],
    "many digits": ["0." + "3" * 300, "1" * 300 + ".5", "9007199254740993.0", "1." + "0" * 200 + "1"],
}


@pytest.mark.parametrize("texts", SPELLINGS.values(), ids=SPELLINGS)
def test_every_float_of_a_csv_is_the_one_that_python_reads(texts: list[str]) -> None:
    kind, values = column("0.5", *texts)
    assert kind == "float"
    assert bits(values[1:]) == bits(map(float, texts))


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FINITE, min_size=1, max_size=30), st.sampled_from(["r", ".17g", ".25e"]))
@settings(max_examples=60, deadline=None)
def test_any_float_in_any_spelling_is_read_exactly(values: list[float], spelling: str) -> None:
    texts = [repr(value) if spelling == "r" else format(value, spelling) for value in values]
    assert bits(column("0.5", *texts)[1][1:]) == bits(map(float, texts))


def test_whole_numbers_are_exact_up_to_64_bits() -> None:
    numbers = [2**53 + 1, 2**63 - 1, -(2**63), 0, -1]
    assert column(*map(str, numbers)) == ("int", numbers)


# --- kinds ------------------------------------------------------------------------------------------------------

KINDS = [
    pytest.param(["007", "1"], "int", [7, 1], id="leading zeros"),
    pytest.param(["+7", "-0"], "int", [7, 0], id="signs"),
    pytest.param([" 1", "2 "], "int", [1, 2], id="spaces around numbers"),
    pytest.param(["1", '"2"'], "int", [1, 2], id="a quoted number"),
    pytest.param(["9223372036854775807", "1"], "int", [2**63 - 1, 1], id="2**63 - 1"),
    pytest.param(["9223372036854775808", "1"], "float", [2.0**63, 1.0], id="2**63"),
    pytest.param(["18446744073709551615", "1"], "float", [2.0**64, 1.0], id="2**64 - 1"),
    pytest.param(["18446744073709551616", "1"], "float", [2.0**64, 1.0], id="2**64"),
    pytest.param(["9223372036854775808", "-1"], "float", [2.0**63, -1.0], id="2**63 and a negative"),
    pytest.param(["-9223372036854775809", "1"], "float", [-(2.0**63), 1.0], id="below -2**63"),
    pytest.param(["36893488147419103232", ""], "float", [2.0**65, math.nan], id="2**65 and missing"),
    pytest.param(["1", ""], "float", [1.0, math.nan], id="whole numbers with a missing one"),
    pytest.param(["1e3", "2"], "float", [1000.0, 2.0], id="an exponent"),
    pytest.param(["True", "False"], "bool", [1, 0], id="True and False"),
    pytest.param(["true", "FALSE"], "bool", [1, 0], id="true and FALSE"),
    pytest.param(["True", "", "False"], "bool", [1.0, math.nan, 0.0], id="booleans with a missing one"),
    pytest.param(["True", "1"], "text", ["True", "1"], id="booleans and a number"),
    pytest.param(["yes", "no"], "text", ["yes", "no"], id="yes and no"),
    pytest.param(["NA", "1"], "float", [math.nan, 1.0], id="NA among numbers"),
    pytest.param(["NA", "None", "NULL", "n/a", "#N/A", "x"], "text", [math.nan] * 5 + ["x"], id="words for missing"),
    pytest.param(["na", "none", "-", "x"], "text", ["na", "none", "-", "x"], id="words that are not missing"),
    pytest.param(['""', "x"], "text", [math.nan, "x"], id="an empty text"),
    pytest.param([" x", "x "], "text", [" x", "x "], id="spaces around texts"),
    pytest.param([" ", "x"], "text", [" ", "x"], id="a space"),
    pytest.param(["1_000", "2"], "text", ["1_000", "2"], id="underscores"),
    pytest.param(["0x1F", "2"], "text", ["0x1F", "2"], id="hexadecimal"),
    pytest.param(['"1,5"', '"2,5"'], "text", ["1,5", "2,5"], id="decimal commas"),
    pytest.param(["1e400", "x"], "text", ["1e400", "x"], id="a large number among texts"),
    pytest.param(["ärger", "日本", "𝔘"], "text", ["ärger", "日本", "𝔘"], id="unicode"),
    pytest.param(["١", "٢"], "text", ["١", "٢"], id="arabic digits"),
    pytest.param(['"a\nb"', '"c""d"'], "text", ["a\nb", 'c"d'], id="line breaks and quotes"),
]


@pytest.mark.parametrize(("cells", "kind", "values"), KINDS)
def test_a_csv_column_has_one_kind_under_every_pandas(cells: list[str], kind: str, values: list[Any]) -> None:
    found_kind, found = column(*cells)
    assert found_kind == kind
    assert [type(value) for value in found] == [type(value) for value in values]
    assert all(a == b or (a != a and b != b) for a, b in zip(found, values, strict=True))


PARQUET_KINDS = [
    pytest.param(pd.Series([3, 1], dtype="int8"), "int", [3, 1], id="int8"),
    pytest.param(pd.Series([3, 2**63], dtype="uint64"), "float", [3.0, 2.0**63], id="uint64"),
    pytest.param(pd.Series([3, None], dtype="Int64"), "float", [3.0, math.nan], id="nullable whole numbers"),
    pytest.param(pd.Series([3, 4], dtype="Int32"), "int", [3, 4], id="nullable without missing"),
    pytest.param(pd.Series([0.1, 2], dtype="float32"), "float", [float(np.float32(0.1)), 2.0], id="float32"),
    pytest.param(pd.Series([True, False]), "bool", [1, 0], id="booleans"),
    pytest.param(pd.Series([True, None], dtype="boolean"), "bool", [1.0, math.nan], id="booleans with missing"),
    pytest.param(pd.Series(["b", "a"], dtype="category"), "text", ["b", "a"], id="categories of texts"),
    pytest.param(pd.Series(["b", None], dtype="category"), "text", ["b", math.nan], id="categories with missing"),
    pytest.param(pd.Series([7, 5], dtype="category"), "int", [7, 5], id="categories of numbers"),
    pytest.param(pd.Series(["007", "1"]), "text", ["007", "1"], id="digits that are texts"),
    pytest.param(pd.Series(["", "NA"]), "text", ["", "NA"], id="empty texts and NA are values"),
]


@pytest.mark.parametrize(("series", "kind", "values"), PARQUET_KINDS)
def test_a_parquet_column_keeps_its_declared_kind(series: pd.Series[Any], kind: str, values: list[Any]) -> None:
    found = table(parquet(pd.DataFrame({"a": series, "y": [0.0, 1.0]})), "parquet")
    assert found.columns[0].kind == kind
    got = found.features["a"].tolist()
    assert all(a == b or (a != a and b != b) for a, b in zip(got, values, strict=True)), got


# --- digests ----------------------------------------------------------------------------------------------------

PLAIN = "a,b,c,y\n1.5,x,3,0\n-2.25,ü,4,1\n1e3,,5,2\n0.1,x y,6,3\n"
QUOTED = '"' + PLAIN.rstrip("\n").replace(",", '","').replace("\n", '"\n"') + '"\n'
SAME = [
    pytest.param(PLAIN.replace("\n", "\r\n").encode(), id="CRLF"),
    pytest.param(PLAIN.replace("\n", "\r").encode(), id="CR"),
    pytest.param(PLAIN.rstrip("\n").encode(), id="no newline at the end"),
    pytest.param((PLAIN + "\n\n").encode(), id="blank lines at the end"),
    pytest.param(b"\xef\xbb\xbf" + PLAIN.encode(), id="byte order mark"),
    pytest.param(gzip.compress(PLAIN.encode()), id="gzip"),
    pytest.param(gzip.compress(PLAIN[:20].encode()) + gzip.compress(PLAIN[20:].encode()), id="gzip of two members"),
    pytest.param(gzip.compress(b"\xef\xbb\xbf" + PLAIN.encode()), id="gzip of a byte order mark"),
    pytest.param(PLAIN.replace("x,", '"x",').replace("ü", '"ü"').encode(), id="quoted texts"),
    pytest.param(QUOTED.encode(), id="quoted cells"),
    pytest.param(PLAIN.replace("1.5", "1.50").replace("1e3", "1000.0").encode(), id="trailing zeros"),
    pytest.param(PLAIN.replace("0.1", "1E-1").encode(), id="an exponent"),
    pytest.param(PLAIN.replace("0.1,", "0.1000000000000000055511151231257827,").encode(), id="all digits of 0.1"),
    pytest.param(PLAIN.replace("e3,,", "e3,NA,").encode(), id="NA for missing"),
    pytest.param(PLAIN.replace(",3,0", ",003,0").encode(), id="leading zeros"),
]


@pytest.mark.parametrize("content", SAME)
def test_the_digest_does_not_follow_how_the_text_is_written(content: bytes) -> None:
    assert table(content).digest == table(PLAIN).digest
    plain = [column.model_copy(update={"gaps": None}) for column in table(PLAIN).columns]
    assert [column.model_copy(update={"gaps": None}) for column in table(content).columns] == plain


def test_tab_separated_text_and_parquet_have_the_digest_of_the_csv() -> None:
    frame = pd.read_csv(io.StringIO(PLAIN))
    assert table(PLAIN.replace(",", "\t"), "tsv").digest == table(PLAIN).digest
    assert table(parquet(frame), "parquet").digest == table(PLAIN).digest


DIFFERENT = [
    pytest.param(PLAIN.replace("0.1", "0.10000000000000002"), id="one ulp"),
    pytest.param(PLAIN.replace("x y", "x z"), id="one text"),
    pytest.param(PLAIN.replace("x y", "x  y"), id="one space"),
    pytest.param(PLAIN.replace("6,3", "6,4"), id="one target value"),
    pytest.param(PLAIN.replace("1e3,,", "1e3,x,"), id="a missing cell filled"),
    pytest.param(PLAIN.replace("a,b,c", "A,b,c"), id="a column name"),
    pytest.param(PLAIN.replace("ü", "u\u0308"), id="another unicode form"),
    pytest.param("\n".join([*PLAIN.split("\n")[:1], *sorted(PLAIN.split("\n")[1:5])]) + "\n", id="row order"),
    pytest.param("b,a,c,y\nx,1.5,3,0\nü,-2.25,4,1\n,1e3,5,2\nx y,0.1,6,3\n", id="column order"),
    pytest.param(PLAIN + "0.1,x y,6,3\n", id="one more row"),
    pytest.param(PLAIN.replace(",3,0", ",3.0,0"), id="whole numbers as floats"),
]


@pytest.mark.parametrize("content", DIFFERENT)
def test_the_digest_follows_every_value_name_kind_and_order(content: str) -> None:
    assert table(content).digest != table(PLAIN).digest


def test_a_change_in_one_column_changes_the_digest_of_that_column_only() -> None:
    before, after = table(PLAIN).columns, table(PLAIN.replace("-2.25", "-2.5")).columns
    assert [one.name for one, other in zip(before, after, strict=True) if one != other] == ["a"]


def test_a_column_that_is_not_used_does_not_count() -> None:
    assert table(PLAIN, drop=["b"]).digest == table(PLAIN.replace("x y", "z"), drop=["b"]).digest
    assert table(PLAIN, features=["c", "a"]).digest == table(PLAIN, features=["a", "c"]).digest


def test_negative_zero_is_zero_and_every_nan_is_missing() -> None:
    payload = struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000123))[0]
    one = column_digest("a", "float", np.array([0.0, math.nan]))
    assert column_digest("a", "float", np.array([-0.0, payload])) == one
    assert values_digest(np.array([[0.0, -0.0]])) == values_digest(np.array([[-0.0, 0.0]]))


def test_texts_cannot_be_moved_across_cells_without_changing_the_digest() -> None:
    digests = {
        column_digest("a", "text", np.array(values, dtype=object))
        for values in (["ab", "c"], ["a", "bc"], ["abc", ""], ["abc", math.nan], [math.nan, "abc"], ["abc"])
    }
    assert len(digests) == 6


def test_the_digest_of_bare_values_knows_their_shape() -> None:
    flat = np.arange(6.0)
    assert len({values_digest(flat), values_digest(flat.reshape(2, 3)), values_digest(flat.reshape(3, 2))}) == 3


def test_digests_are_what_they_were_in_the_first_release() -> None:
    """Old runs must verify for ever: these values may never change."""
    found = table(PLAIN)
    positions, labels = np.array([3, 1], dtype=np.int64), np.array(["a", "ü"], dtype=object)
    assert found.digest == "f4a4b3c5e3b4c35a0807152721aebffab28f0fcfbf57cd7f41926e82909cf44c"
    assert found.digest_of(np.array([2, 0])) == "16f2a86b32b5e778fbc4082d97802acb56fdf56b7c35b43ddd0e2007821f7e90"
    assert values_digest(positions) == "9d6616867780bac5bab4b74a731e18a66b87531aa095582b8fcaa8e2a52d1256"
    assert values_digest(labels) == "206cfc690525b24f226a4b273ca55146dfb6f1aba30b32edc0419d4c260bd244"


def test_a_column_digest_is_sha256_over_name_kind_and_plain_bytes() -> None:
    """The definition, written out once more without any of our functions: another program can compute it too."""
    text = b"".join(len(t).to_bytes(8, "little") + t for t in (b"x", "ü".encode()))
    missing = b"\xff" * 8
    expected = {
        ("a", "float"): struct.pack("<4d", 1.5, -2.25, 1e3, 0.1),
        ("b", "text"): text + missing + (3).to_bytes(8, "little") + b"x y",
        ("c", "int"): struct.pack("<4q", 3, 4, 5, 6),
        ("y", "int"): struct.pack("<4q", 0, 1, 2, 3),
    }
    digests = [
        hashlib.sha256(f"{name}\0{kind}\0{4}\0".encode() + values).hexdigest()
        for (name, kind), values in expected.items()
    ]
    found = table(PLAIN)
    assert [column.digest for column in found.columns] == digests
    assert found.digest == hashlib.sha256("\n".join(digests).encode()).hexdigest()


def test_the_digest_of_some_rows_is_that_of_the_table_that_holds_them() -> None:
    lines = PLAIN.splitlines(keepends=True)
    assert table(PLAIN).digest_of(np.array([3, 0, 1])) == table("".join(lines[i] for i in (0, 4, 1, 2))).digest
    assert table(PLAIN).digest_of(np.arange(4)) == table(PLAIN).digest


# --- a large file, read in pieces -------------------------------------------------------------------------------

WIDE = 700
LONG = 2600  # pandas reads 1024 rows of such a file at a time

LATE = [
    pytest.param("3", "2.5", "float", [3.0, 2.5], id="whole numbers, then a float"),
    pytest.param("3", "x", "text", ["3", "x"], id="whole numbers, then a text"),
    pytest.param("3", "", "float", [3.0, math.nan], id="whole numbers, then missing"),
    pytest.param("2.50", "x", "text", ["2.50", "x"], id="floats, then a text"),
    pytest.param("True", "x", "text", ["True", "x"], id="booleans, then a text"),
    pytest.param("True", "", "bool", [1.0, math.nan], id="booleans, then missing"),
    pytest.param("True", "1", "text", ["True", "1"], id="booleans, then a number"),
    pytest.param("x", "3", "text", ["x", "3"], id="texts, then a number"),
    pytest.param("x", "", "text", ["x", math.nan], id="texts, then missing"),
    pytest.param("", "x", "text", [math.nan, "x"], id="missing, then a text"),
    pytest.param("", "3", "float", [math.nan, 3.0], id="missing, then a number"),
    pytest.param("", "True", "bool", [math.nan, 1.0], id="missing, then a boolean"),
    pytest.param("3", "9223372036854775808", "float", [3.0, 2.0**63], id="whole numbers, then a large one"),
    pytest.param("-3", "9223372036854775808", "float", [-3.0, 2.0**63], id="negative ones, then a large one"),
    pytest.param("9007199254740993", "0.5", "float", [2.0**53, 0.5], id="a number beyond 2**53, then a float"),
]


def wide(early: str, late: str) -> bytes:
    filler = ",1" * WIDE
    lines = [f"{late if row == LONG - 50 else early},{row}{filler}\n" for row in range(LONG)]
    return ("a,y," + ",".join(f"f{i}" for i in range(WIDE)) + "\n" + "".join(lines)).encode()


def test_these_tests_read_their_file_in_pieces() -> None:
    with pytest.raises(pd.errors.DtypeWarning):
        pd.read_csv(io.BytesIO(wide("3", "x")), low_memory=True)


@pytest.mark.parametrize(("early", "late", "kind", "values"), LATE)
def test_a_column_that_changes_its_kind_late_is_read_as_a_whole(
    early: str, late: str, kind: str, values: list[Any]
) -> None:
    found = table(wide(early, late), features=["a"])
    expected = np.array([values[row == LONG - 50] for row in range(LONG)], dtype=object if kind == "text" else float)
    assert found.columns[0].kind == kind
    assert found.columns[0].digest == column_digest("a", found.columns[0].kind, expected)


# --- round trips ------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t,;\"'"), max_size=8).map(
    "t{}".format
)
COLUMNS = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.one_of(st.none(), FINITE),
    "bool": st.one_of(st.none(), st.booleans()),
    "text": st.one_of(st.none(), TEXTS),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(2, 12))
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4))
    data: dict[str, Any] = {}
    for number, kind in enumerate(kinds):
        values = draw(st.lists(COLUMNS[kind], min_size=rows, max_size=rows))
        if all(value is None for value in values):
            values[0] = {"float": 0.5, "bool": True, "text": "t"}[kind]
        dtype = {"int": "int64", "float": "float64"}.get(kind, object)
        data[f"c{number}"] = pd.Series(values, dtype=dtype)
    return pd.DataFrame({**data, "y": np.arange(rows)})


@given(frames())
@settings(max_examples=60, deadline=None)
def test_any_table_has_one_digest_as_csv_tsv_and_parquet(frame: pd.DataFrame) -> None:
    digest = table(parquet(frame), "parquet").digest
    assert table(frame.to_csv(index=False)).digest == digest
    assert table(frame.to_csv(index=False, sep="\t"), "tsv").digest == digest
    assert table(gzip.compress(frame.to_csv(index=False, lineterminator="\r\n").encode())).digest == digest


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "digits", "iris", "wine"])
def test_a_bundled_dataset_is_scikit_learns_own_arrays(name: str) -> None:
    bundle = getattr(datasets, f"load_{name}")()
    frame, target = load_dataset(name)
    config = parse_config({"data": {"dataset": name}, "model": "dummy_regressor"})
    found = use_columns(frame, config, target, classification=False)
    np.testing.assert_array_equal(found.features.to_numpy(dtype=float), bundle.data)
    np.testing.assert_array_equal(found.target, bundle.target)
    assert [c.role for c in found.columns] == ["feature"] * bundle.data.shape[1] + ["target"]
    script = pd.DataFrame(bundle.data, columns=found.features.columns).assign(y=bundle.target)
    # no ulp is lost on the way through a file
    assert [c.digest for c in table(script.to_csv(index=False)).columns[:-1]] == [c.digest for c in found.columns[:-1]]


# --- what is refused --------------------------------------------------------------------------------------------

#: What tests/test_bad_configs.py does not train with.
REFUSED = [
    pytest.param("a,y\n1,2\n", "csv", "same value in every row", id="one row"),
    pytest.param(gzip.compress(PLAIN.encode())[:-12], "csv", "not a whole gzip file", id="truncated gzip"),
    pytest.param(rows_of("1", "-inf"), "csv", "infinite number in data row 1", id="-inf"),
    pytest.param(rows_of("2024-01-31T10:00:00Z", "2024-02-01 11:30"), "csv", "holds dates", id="times"),
    pytest.param(f"{'a' * 1001},y\n1,2\n2,3\n3,3\n", "csv", "a name of 1001 characters", id="a long name"),
]


@pytest.mark.parametrize(("content", "reader", "said"), REFUSED)
def test_what_cannot_be_used_is_refused_in_a_sentence(content: bytes | str, reader: str, said: str) -> None:
    with pytest.raises(StageError, match=said) as caught:
        table(content, reader)
    assert "Traceback" not in str(caught.value)


NUMBERS = np.array([0, 3, -7, 2**53, -(2**63)])


@pytest.mark.parametrize(
    ("wanted", "kind", "values", "came_out"),
    [
        ("float", "int", NUMBERS, "float"),
        ("int", "float", NUMBERS.astype(float), "int"),
        ("int", "float", np.array([-0.0, 1.0]), "int"),
        ("float", "int", np.array([2**53 + 1]), "int"),  # no float is this number
        ("float", "int", np.array([2**63 - 1]), "int"),
        ("int", "float", np.array([1.0, 2.5]), "float"),
        ("int", "float", np.array([1.0, np.nan]), "float"),
        ("int", "float", np.array([1.0, 2.0**63]), "float"),
        ("int", "float", np.array([1.0, -1e300]), "float"),
        ("text", "int", np.array([1]), "int"),
        ("bool", "int", np.array([1]), "int"),
        (None, "int", np.array([1]), "int"),
    ],
)
def test_a_column_takes_another_kind_only_where_every_number_is_the_same(
    wanted: Any, kind: Any, values: Any, came_out: str
) -> None:
    found, changed = of_kind(wanted, kind, values)
    assert found == came_out
    assert [int(value) for value in changed if value == value] == [int(value) for value in values if value == value]
    assert (changed is values) == (found == kind)


def test_whole_numbers_have_the_digest_that_they_have_as_floats() -> None:
    whole, floats = table(rows_of("1", "-3")).columns[0], table(rows_of("1.0", "-3.00")).columns[0]
    assert (whole.kind, floats.kind) == ("int", "float")
    assert (whole.as_float, floats.as_float) == (floats.digest, None)
    assert table(rows_of("1", str(2**53 + 1))).columns[0].as_float is None
    assert table(rows_of("true", "false")).columns[0].as_float is None


ROW = "0.1,0.2,yes\n0.2,0.1,no\n"
BOMBS = [
    pytest.param(gzip.compress(b"a,b,y\n") + gzip.compress(ROW.encode() * 50_000) * 4, "csv", id="gzip of members"),
    pytest.param(parquet(pa.table({"a": ["x" * 1000] * 5000, "y": [1.0, 2.0] * 2500})), "parquet", id="texts repeated"),
    pytest.param(parquet(pa.table({"a": [1.0] * 300_000})), "parquet", id="one number repeated"),
    pytest.param(gzip.compress(parquet(pa.table({"a": [1.0] * 300_000}))), "parquet", id="packed twice"),
]


@pytest.mark.parametrize(("content", "reader"), BOMBS)
def test_what_unpacks_to_more_than_the_caller_allows_is_not_unpacked(content: bytes, reader: Reader) -> None:
    assert len(content) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(MissingHere, match=r"unpacks to more than the 2097152 bytes") as caught:
            read_file(content, reader, 2 << 20)
        # pyarrow's own memory is not seen here; Python's stays near the limit
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.flags == ("--max-data-bytes", str(8 << 30))
    assert len(read_file(content, reader, 20 << 20).frame) > 0


PARQUET_REFUSED = [
    pytest.param(pa.array([1, 2], pa.timestamp("s")), "datetime64", id="timestamps"),
    pytest.param(pa.array([1, 2], pa.date32()), "type date", id="dates"),
    pytest.param(pa.array([[1], [2]]), "type ndarray", id="lists"),
    pytest.param(pa.array([b"a", b"b"]), "type bytes", id="bytes"),
    pytest.param(pa.array([1, 2], pa.duration("s")), "timedelta64", id="durations"),
]


@pytest.mark.parametrize(("array", "said"), PARQUET_REFUSED)
def test_parquet_columns_that_are_no_numbers_or_texts_are_refused_by_name(array: Any, said: str) -> None:
    content = parquet(pa.table({"a": array, "y": pa.array([1.0, 2.0])}))
    with pytest.raises(StageError, match=f'Column "a" holds .*{said}') as caught:
        table(content, "parquet")
    assert '"drop": ["a"]' in caught.value.hint
    assert table(
        parquet(pa.table({"a": array, "b": [1, 2], "y": [1.0, 2.0]})), "parquet", drop=["a"]
    ).features.shape == (2, 1)


def test_an_index_that_pandas_stored_in_a_parquet_file_is_a_column_like_any_other() -> None:
    frame = pd.DataFrame({"id": [7, 5], "a": pd.Series([1, None], dtype="Int64"), "y": [0.0, 1.0]})
    indexed = parquet(pa.Table.from_pandas(frame.set_index("id"), preserve_index=True))
    found = table(indexed, "parquet")
    assert [(column.name, column.kind) for column in found.columns] == [("a", "float"), ("id", "int"), ("y", "float")]
    assert table(indexed, "parquet", features=["id"]).digest == table(parquet(frame), "parquet", features=["id"]).digest


def test_parquet_columns_of_one_name_are_refused() -> None:
    content = parquet(pa.table([pa.array([1, 2])] * 3, names=["a", "a", "y"]))
    with pytest.raises(StageError, match=r'two columns named "a"'):
        table(content, "parquet")


def test_a_text_that_is_no_class_is_refused() -> None:
    config = parse_config({"data": {"path": "d.csv", "target": "y"}, "model": "dummy"})
    content = "x,y\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(["a", "b" * 1001, "a", "a"]))
    with pytest.raises(StageError, match="a text of 1001 characters") as caught:
        use_columns(read_file(content.encode(), "csv"), config, "y", classification=True)
    assert (caught.value.code, caught.value.values) == ("target.long_text", {"name": "y", "count": 1001})
