"""The one form in which values are written and hashed, and text that is safe to show and to record."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from week2kit.canonical import (
    JsonError,
    clean,
    combined_digest,
    compact_json,
    drop_keys,
    dump_json,
    json_digest,
    parse_json,
    sha256,
    show_value,
    text_digest,
    without_seed,
)
from week2kit.privacy import scrub

# --- JSON -------------------------------------------------------------------------------------------------------

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=12)


def same(one: Any, other: Any) -> bool:
    """Equal in value and type, and to the bit in floats."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other and (not isinstance(one, float) or math.copysign(1, one) == math.copysign(1, other))


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_any_value_comes_back_from_canonical_json_to_the_bit(value: Any) -> None:
    assert same(parse_json(dump_json(value).encode()), value)
    assert same(parse_json(compact_json(value).encode()), value)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_order_of_keys_changes_neither_text_nor_digest(value: dict[str, Any]) -> None:
    other = dict(reversed(value.items()))
    assert dump_json(other) == dump_json(value)
    assert json_digest(other) == json_digest(value)
    assert json_digest(parse_json(json.dumps(other, indent=4).encode())) == json_digest(value)


def test_canonical_json_is_sorted_indented_by_two_with_lf_and_plain_unicode() -> None:
    assert dump_json({"b": [1, 2.0, 1e22], "a": {"ü": None}}) == (
        '{\n  "a": {\n    "ü": null\n  },\n  "b": [\n    1,\n    2.0,\n    1e+22\n  ]\n}\n'
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf], ids=["nan", "inf", "-inf"])
def test_a_number_that_is_not_finite_is_never_written(value: float) -> None:
    for write in (dump_json, compact_json, json_digest):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write({"a": [value]})


REFUSED = [
    pytest.param(b"", "line 1, column 1", id="nothing"),
    pytest.param(b"{", "line 1, column 2", id="cut off"),
    pytest.param(b'{"a": 1,}', "line 1, column", id="a comma too many"),
    pytest.param(b"{'a': 1}", "line 1, column 2", id="single quotes"),
    pytest.param(b'{"a": 1} x', "Extra data", id="something behind it"),
    pytest.param(b'{\n  "a" 1}', "line 2, column 7", id="no colon"),
    pytest.param(b'{"a": 1, "b": {"c": 1, "c": 2}}', 'the key "c" stands twice', id="a key twice"),
    pytest.param(b'{"a": 1, "\\u0061": 2}', 'the key "a" stands twice', id="a key twice, once escaped"),
    pytest.param(b'{"a": NaN}', "NaN is no JSON number", id="NaN"),
    pytest.param(b"[Infinity]", "Infinity is no JSON number", id="Infinity"),
    pytest.param(b"[-Infinity]", "-Infinity is no JSON number", id="-Infinity"),
    pytest.param(b"[1e999]", "1e999 is too large", id="1e999"),
    pytest.param(b"[-1e999]", "-1e999 is too large", id="-1e999"),
    pytest.param(b"[1" + b"0" * 400 + b".0]", "is too large", id="400 digits"),
    pytest.param(b"[1" + b"0" * 5000 + b"]", "1000.* is too large", id="a whole number of 5,000 digits"),
    pytest.param(b'{"a": [1, {"b": -1' + b"0" * 309 + b"}]}", "-1000.* is too large", id="beyond every float"),
    pytest.param(b'"\\ud800"', "half of a surrogate pair", id="half a surrogate pair"),
    pytest.param(b'{"\\udc00": 1}', "half of a surrogate pair", id="half a pair in a key"),
    pytest.param(b'[[["\\ud83d"]]]', "half of a surrogate pair", id="half a pair far inside"),
    pytest.param(b'"\xff"', "not UTF-8 text", id="latin-1"),
    pytest.param('"a"'.encode("utf-16"), "not UTF-8 text", id="utf-16"),
    pytest.param(b'"\xed\xa0\x80"', "not UTF-8 text", id="an encoded surrogate"),
    pytest.param(b'"a\nb"', "Invalid control character", id="a line break in a text"),
    pytest.param(b"[" * 65 + b"]" * 65, "nested deeper than 64", id="65 levels"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, "nested deeper than 64", id="100,000 levels"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested deeper than 64", id="100,000 objects"),
    pytest.param(b"[" * 100_000, "nested deeper than 64|line 1", id="100,000 brackets that stay open"),
    pytest.param(b"01", "Extra data", id="a leading zero"),
    pytest.param(b"// a\n1", "line 1, column 1", id="a comment"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_readers_of_json_disagree_about_is_refused_with_its_place(text: bytes, said: str) -> None:
    with pytest.raises(JsonError, match=said):
        parse_json(text)


ACCEPTED = [
    pytest.param(b'\xef\xbb\xbf{"a": 1}', {"a": 1}, id="a byte order mark"),
    pytest.param(b'"\\ud83d\\ude00"', "\N{GRINNING FACE}", id="a whole surrogate pair"),
    pytest.param(b"[" * 64 + b"]" * 64, None, id="64 levels"),
    pytest.param(b'"' + b"[" * 1000 + b'"', "[" * 1000, id="brackets in a text"),
    pytest.param(b'"' + b'\\"[' * 1000 + b'"', '"[' * 1000, id="escaped quotes and brackets"),
    pytest.param(b"1e-999", 0.0, id="a number too small"),
    pytest.param(b"-0.0", -0.0, id="negative zero"),
    pytest.param(b"9007199254740993", 9007199254740993, id="a whole number beyond a float"),
    pytest.param(b'\r\n{\r\n"a":1}\r\n', {"a": 1}, id="CRLF"),
]


@pytest.mark.parametrize(("text", "value"), ACCEPTED)
def test_what_is_json_is_read(text: bytes, value: Any) -> None:
    found = parse_json(text)
    assert value is None or same(found, value)


def test_a_key_that_stands_twice_is_shown_without_its_control_characters() -> None:
    with pytest.raises(JsonError) as caught:
        parse_json(b'{"\\u001b[31mred\\u202e": 1, "\\u001b[31mred\\u202e": 2}')
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


# --- digests ----------------------------------------------------------------------------------------------------


def test_a_digest_of_text_reads_crlf_as_lf_and_nothing_else() -> None:
    assert text_digest(b"a\r\nb\r\n") == text_digest(b"a\nb\n") == sha256(b"a\nb\n")
    for other in (b"a\rb\n", b"a\nb", b"a\n\nb\n", b"a \nb\n", b"\xef\xbb\xbfa\nb\n"):
        assert text_digest(other) != text_digest(b"a\nb\n")


def test_a_digest_of_json_tells_types_apart() -> None:
    values = [1, 1.0, "1", True, [1], {"1": 1}, None, 0, -0.0, 0.0, "", [], {}]
    assert len({json_digest(value) for value in values}) == len(values)


def test_a_combined_digest_follows_number_and_order_of_its_parts() -> None:
    parts = (["a", "b"], ["b", "a"], ["ab"], ["a"], ["a", "b", ""], [])
    assert len({combined_digest(part) for part in parts}) == len(parts)


def test_known_digests_never_change() -> None:
    """Old records must verify for ever."""
    assert json_digest({"b": [1, 2.5, None], "a": "ü"}) == sha256('{"a":"ü","b":[1,2.5,null]}'.encode())
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert combined_digest(["x", "y"]) == sha256(b"x\ny")


def test_keys_are_dropped_where_their_path_leads_and_nowhere_else() -> None:
    value = {"a": {"b": 1, "c": 2}, "b": 3, "d": [{"b": 4}]}
    assert drop_keys(value, ("a", "b"), ("d", "b"), ("x",)) == {"a": {"c": 2}, "b": 3, "d": [{"b": 4}]}
    assert drop_keys(value, ("a",), ("b",)) == {"d": [{"b": 4}]}
    assert value == {"a": {"b": 1, "c": 2}, "b": 3, "d": [{"b": 4}]}


def test_random_states_that_follow_the_seed_are_left_out_and_others_are_not() -> None:
    value = {"random_state": 1, "x": [{"random_state": 1, "y": 1}, {"random_state": 2}], "z": {"random_state": None}}
    assert without_seed(value, 1) == {"x": [{"y": 1}, {"random_state": 2}], "z": {"random_state": None}}
    assert without_seed({"random_state": True}, 1) == {"random_state": True}
    assert without_seed({"random_state": 1}, None) == {"random_state": 1}


# --- what is shown ----------------------------------------------------------------------------------------------

CLEANED = [
    pytest.param("plain ü 日本", "plain ü 日本", id="plain text"),
    pytest.param("\x1b[31mred\x1b[0m", "red", id="colour"),
    pytest.param("a\x1b]0;title\x07b", "ab", id="a window title"),
    pytest.param("a\x1b]8;;http://x\x1b\\link", "alink", id="a link"),
    pytest.param("a\x1b[2J\x1b[Hb", "ab", id="a cleared screen"),
    pytest.param("one\ntwo\r\n  three", "one two three", id="line breaks"),
    pytest.param("::error::forged\n::set-output", "::error::forged ::set-output", id="lines of a CI log"),
    pytest.param("a\tb", "a b", id="a tab"),
    pytest.param("over\rwritten", "over\ufffdwritten", id="a carriage return"),
    pytest.param("nul\x00bell\x07", "nul\ufffdbell\ufffd", id="control characters"),
    pytest.param("exe\u202egpj.txt", "exe\ufffdgpj.txt", id="text turned around"),
    pytest.param("a\u200bb\u2066c", "a\ufffdb\ufffdc", id="invisible characters"),
    pytest.param("a\u2028b", "a\ufffdb", id="a line separator"),
    pytest.param("c1 \x9b31m", "c1 \ufffd31m", id="an eight-bit escape"),
    pytest.param("half \ud800", "half \ufffd", id="half a surrogate pair"),
    pytest.param("x" * 300, "x" * 199 + "…", id="too long"),
]


@pytest.mark.parametrize(("text", "shown"), CLEANED)
def test_a_foreign_text_is_shown_on_one_line_and_can_move_nothing(text: str, shown: str) -> None:
    assert clean(text) == shown


WILD = st.text(
    st.sampled_from("\x1b[]0;mJ\x07\\\n\r\t \x00\x85\u200b\u202e\u2028\ufeff\ud800ab/é") | st.characters(), max_size=40
)


@given(WILD, st.integers(1, 60))
@settings(max_examples=300, deadline=None)
@example("\x1b\x1b[31m[31m", 200)
def test_cleaned_text_holds_no_control_character_fits_and_stays_as_it_is(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown)
    assert not any(unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI") for c in shown)
    assert clean(shown, limit) == shown
    shown.encode("utf-8")


# --- what is recorded -------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home directory of a person whose name holds a space, who works in a folder below it."""
    folder = tmp_path / "Ada Lovelace"
    (folder / "my work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.chdir(folder / "my work")
    return folder


SCRUBBED = [
    pytest.param("{home}/data.csv", "~/data.csv", id="home"),
    pytest.param("{home}", "~", id="home alone"),
    pytest.param("cannot open '{home}/a/b.csv': no", "cannot open '~/a/b.csv': no", id="home in a sentence"),
    pytest.param("{home}/my work/d.csv and {home}/my work", "./d.csv and .", id="working directory"),
    pytest.param("{home}2/d.csv", "Ada Lovelace2/d.csv", id="a folder whose name only begins like the home"),
    pytest.param(
        "{home}/v/lib/python3.11/site-packages/sklearn/base.py:12",
        "<packages>/sklearn/base.py:12",
        id="packages in the home",
    ),
    pytest.param("/opt/py/lib/python3.11/site-packages/sklearn/base.py", "<packages>/sklearn/base.py", id="packages"),
    pytest.param("/usr/lib/python3/dist-packages/numpy/x.py", "<packages>/numpy/x.py", id="packages of Debian"),
    pytest.param(r"C:\Py\Lib\site-packages\sklearn\base.py", r"<packages>\sklearn\base.py", id="packages on Windows"),
    pytest.param("/srv/data/secret/d.csv", "d.csv", id="another path"),
    pytest.param("/srv/data/", "data", id="a folder"),
    pytest.param('File "/srv/x/y.py", line 3', 'File "y.py", line 3', id="a line of a traceback"),
    pytest.param("/srv/x/y.py:12: error", "y.py:12: error", id="a path with a line"),
    pytest.param("--data=/srv/x/d.csv", "--data=d.csv", id="an option"),
    pytest.param("[/srv/a/b, (/srv/c/d)]", "[b, (d)]", id="paths in brackets"),
    pytest.param("/srv/lib:/srv/ada/bin", "lib:bin", id="a list of paths"),
    pytest.param("`/srv/a/b`", "`b`", id="a path in backticks"),
    pytest.param(r"C:\Users\ada\d.csv", "d.csv", id="Windows"),
    pytest.param("D:/Users/ada/d.csv", "d.csv", id="Windows with slashes"),
    pytest.param(r"C:\\Users\\ada\\d.csv", "d.csv", id="Windows as JSON writes it"),
    pytest.param(r"\\fileserver\share\ada\d.csv", "d.csv", id="a share on Windows"),
    pytest.param(r"\\\\fileserver\\share\\ada\\d.csv", "d.csv", id="a share as JSON writes it"),
    pytest.param("file:///srv/ada/d.csv", "d.csv", id="a file URL"),
    pytest.param("file://fileserver/srv/ada/d.csv", "d.csv", id="a file URL with its host"),
    pytest.param("https://ada:pw@example.org/a/b", "https://example.org/a/b", id="a password in a URL"),
    pytest.param("https://ghp_token@example.org/a", "https://example.org/a", id="a token in a URL"),
    pytest.param("postgres://u:p@ss@db/x", "postgres://db/x", id="a password with an at sign"),
    pytest.param("https://example.org/a?to=b@c", "https://example.org/a?to=b@c", id="an at sign in a query"),
    pytest.param("https://example.org/a/b", "https://example.org/a/b", id="a URL"),
    pytest.param("s3://bucket/key", "s3://bucket/key", id="a bucket"),
    pytest.param("./a/b ../c ~/d e/f", "./a/b ../c ~/d e/f", id="relative paths"),
    pytest.param("km/h, 1/2, a // b, 5 / 3", "km/h, 1/2, a // b, 5 / 3", id="slashes that are no paths"),
    pytest.param("ada@example.org", "ada@example.org", id="an address is left alone"),
    pytest.param(r"\d+\s", r"\d+\s", id="a regular expression"),
    pytest.param("C:", "C:", id="a drive"),
    pytest.param("", "", id="nothing"),
]


@pytest.mark.parametrize(("text", "recorded"), SCRUBBED)
def test_a_recorded_text_tells_no_path_of_the_machine(text: str, recorded: str, home: Path) -> None:
    text = text.replace("{home}", str(home))
    assert scrub(text) == recorded
    assert scrub(recorded) == recorded


PATHS = ["/home/ada/x.csv", "/a", "C:\\Users\\ada\\x", "C:/Users/ada/y", "\\\\host\\share\\x", "file:///home/ada/x"]
OTHERS = ["a/b", "and", "~/x", "./y", "/", "ü", "12", "https://u:p@h/x", "/usr/lib/python3/site-packages/numpy/x.py"]
PIECES = st.sampled_from([*PATHS, *OTHERS])
GAPS = st.sampled_from([" ", ", ", "\n", "' '", '" "', " (", ") ", "; "])


@given(st.lists(st.tuples(PIECES, GAPS), max_size=8))
@settings(max_examples=200, deadline=None)
def test_scrubbing_twice_is_scrubbing_once_and_no_name_is_left(parts: list[tuple[str, str]]) -> None:
    recorded = scrub("".join(piece + gap for piece, gap in parts))
    assert scrub(recorded) == recorded
    for word in ("ada", "host", "share", "u:p"):
        assert word not in recorded


@given(WILD)
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_scrubbed_and_fits(text: str) -> None:
    assert len(scrub(text, 20)) <= 20


UNITS = ("/", "\\", "/a", "a/", " ", "\n", " \n", "/site-packages", "a:/", "file://", "x://", "@", "C:\\a\\")
ESCAPES = ("\x1b", "\x1b]", "\x1b[", "\r")


@pytest.mark.parametrize("unit", [*UNITS, *ESCAPES], ids=repr)
def test_a_hostile_text_of_a_megabyte_costs_no_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    clean(text)
    scrub(text)
    assert time.process_time() - start < 3


def test_a_user_without_a_home_directory_can_be_recorded() -> None:
    """As in a container that runs under a number which no file knows."""
    script = (
        "import pwd\n"
        "def unknown(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = unknown\n"
        "from week2kit.privacy import scrub\n"
        "print(scrub('/srv/x/y.csv'))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "USERPROFILE")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "y.csv\n"), done.stderr


def test_a_working_directory_that_was_removed_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert scrub("/srv/x/y.csv") == "y.csv"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0000"), (0.99997, "0.99997"), (0.9999999791562678, "0.99999998"), (0.99994, "0.9999"),
        (0.99995, "0.99995"), (1 - 1e-12, "1.0000"), (0.9999, "0.9999"), (1.00004, "1.0000"), (0.0, "0.0000"),
        (4.7e-7, "4.7e-07"), (None, "not defined"), (5, "5.0000"),
        (17291.34, "17291.3"), (-2.5e6, "-2500000.0"), (3e7, "3e+07"),
    ],
)  # fmt: skip
def test_a_score_below_one_never_looks_like_one(value: float | None, text: str) -> None:
    assert show_value(value) == text
