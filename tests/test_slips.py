"""Slips of what a person types: values as Python writes them, backslashes, and names that only look the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from week2kit import train
from week2kit.config.overriding import override
from week2kit.config.slips import json_slip, json_spelling, toml_slip
from week2kit.errors import UsageError
from week2kit.record.manifest import FailedRun

CONFIG: dict[str, Any] = {"data": {"path": "t.csv", "target": "y"}, "model": "svc", "seed": 1}


def refused(assignment: str) -> str:
    with pytest.raises(UsageError) as caught:
        override(CONFIG, [assignment])
    return str(caught.value)


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("False", "false"),
        ("True", "true"),
        ("TRUE", "true"),
        ("None", "null"),
        ("Null", "null"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("1.", "1.0"),
        ("+5", "5"),
        ("010", "10"),
        ("1_000", "1000"),
        ("0x10", "16"),
        (".5e-3", "0.0005"),
    ],
)
def test_a_value_as_python_writes_it_is_told_as_set_takes_it(typed: str, right: str) -> None:
    told = refused(f"model.params.C={typed}")
    assert told == (
        f"--set model.params.C={typed}: JSON, and so --set, writes {right}: --set model.params.C={right}. If the text "
        f"itself is meant: --set 'model.params.C=\"{typed}\"'"
    )
    assert override(CONFIG, [f"model.params.C={right}"])["model"]["params"]["C"] == json.loads(right)
    assert override(CONFIG, [f'model.params.C="{typed}"'])["model"]["params"]["C"] == typed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1e-3", 0.001),
        ("true", True),
        ("null", None),
        ("-0", 0),
        ("l2", "l2"),
        ("yes", "yes"),
        ("none", "none"),
        ("most_frequent", "most_frequent"),
        ("f1_macro", "f1_macro"),
        ("1.5.0", "1.5.0"),
        ("1-2", "1-2"),
        ("nan", "nan"),
        ("", ""),
        ("Falsehood", "Falsehood"),
    ],
)
def test_what_json_reads_and_what_is_a_text_stay_as_they_are(typed: str, meant: Any) -> None:
    assert override(CONFIG, [f"model.params.C={typed}"])["model"]["params"]["C"] == meant


@pytest.mark.parametrize(
    "key", ["goal", "hypothesis", "data.target", "data.path", "data.drop.0", "positive", "split.groups"]
)
def test_a_text_may_look_like_anything(key: str) -> None:
    config = {**CONFIG, "data": {**CONFIG["data"], "drop": ["a"]}, "split": {}}
    for typed in ("None", "007", "(1, 2)"):
        assert typed in json.dumps(override(config, [f"{key}={typed}"]))


def test_a_tuple_is_a_list_and_words_of_python_in_a_list_are_mended() -> None:
    assert "--set 'model.params.ngram_range=[1, 2]'" in refused("model.params.ngram_range=(1, 2)")
    assert """--set 'model={"class":"svc","params":{"shrinking":false,"C":0.5}}'""" in refused(
        "model={class:svc,params:{shrinking:False,C:.5}}"
    )


def test_quotes_that_the_shell_left_are_told() -> None:
    assert "the quotes are part of the value: --set model.params.kernel=rbf." in refused("model.params.kernel='rbf'")
    told = refused("""'metrics=["accuracy"]'""")
    assert told.endswith('''as cmd.exe does; there write --set "metrics=[\\"accuracy\\"]"''')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": .5}', "line 1 has .5: JSON writes 0.5"),
        ('{"a":\n 1.,\n "b": 2}', "line 2 has 1.: JSON writes 1.0"),
        ('{"a": [1, +2]}', "line 1 has +2: JSON writes 2"),
        ('{"a": 01}', "line 1 has 01: JSON writes 1"),
        ('{"a": (1, 2)}', "line 1 has (1, 2): JSON writes [1, 2]"),
        ('{"a": TRUE}', "line 1 has TRUE: JSON writes true"),
        ('{"a": False}', "line 1 has False, which is Python's word: JSON writes false"),
        ('{\n"path": "C:\\Users\\me.csv"}', "line 2 has a backslash in a text: a backslash is written twice"),
        ('{"path": "C:\\users\\me.csv"}', "line 1 has a backslash in a text: a backslash is written twice"),
        ('{"token_pattern": "\\w+"}', "line 1 has a backslash in a text"),
        ('{"a": yes}', ""),
        ('{"a": 1 2}', ""),
        ('{"a": "C:\\\\Users"}', ""),
        ('{"a": ', ""),
    ],
)
def test_a_slip_in_json_is_told_with_its_line_and_the_right_spelling(text: str, said: str) -> None:
    told = json_slip(text.encode())
    assert told.startswith(said)
    assert bool(told) == bool(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb = True", "line 2 has True: TOML writes true"),
        ("a = .5", "line 1 has .5: TOML writes 0.5"),
        ("a = [1, None]", "line 1 has None, and TOML has no such value: leave the key out"),
        ('path = "C:\\Users\\me.csv"', "line 1 has a backslash in a text: write the text in single quotes"),
        ('path = "C:\\data\\me.csv"', "line 1 has a backslash in a text: write the text in single quotes"),
        ("path = 'C:\\data'", ""),
        ("a = b", ""),
        ("a =", ""),
    ],
)
def test_a_slip_in_toml_is_told_too(text: str, said: str) -> None:
    told = toml_slip(text.encode())
    assert told.startswith(said)
    assert bool(told) == bool(said)


def test_a_spelling_is_only_told_where_it_is_another() -> None:
    for text in ("true", "null", "1", "1.5", "1e5", "[1, 2]", '"x"', "x", "{1, 2}", "1j", "1e999", "9" * 300, ""):
        assert json_spelling(text) is None
    assert json_spelling("[1, None]") == "[1, null]"


def test_the_file_is_named_with_the_slip(tmp_path: Path) -> None:
    for name, text in (("c.json", '{"seed": None}'), ("c.toml", "seed = True")):
        (tmp_path / name).write_text(text)
        with pytest.raises(UsageError, match=rf"{name}: line 1 has (None, which is Python's word: JSON|True: TOML)"):
            train(tmp_path / name, runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def failure_of(config: dict[str, Any], directory: Path) -> Any:
    (directory / "c.json").write_text(json.dumps(config), encoding="utf-8")
    manifest = train(directory / "c.json", runs_dir=directory / "runs").manifest
    assert isinstance(manifest, FailedRun)
    return manifest.failure


# --- paths ------------------------------------------------------------------------------------------------------

TABLE = "a,b,y\n" + "".join(f"{i},{i * 7 % 5},{'no' if i % 2 else 'yes'}\n" for i in range(40))
COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def with_path(path: str) -> dict[str, Any]:
    return {**CONFIG, "data": {"path": path, "target": "y"}}


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("data\table.csv", "data/table.csv"),
        ("data\new.csv", "data/new.csv"),
        ("\\data\bad.csv", "bad.csv"),
        ("my\raw\first.csv", "my/raw/first.csv"),
    ],
)
def test_a_backslash_that_made_another_character_is_told_with_the_path_that_was_meant(
    path: str, written: str, tmp_path: Path
) -> None:
    failure = failure_of(with_path(path), tmp_path)
    assert (failure.stage, failure.error) == ("load", "DataNotFound")
    assert failure.hint.endswith(f'write / for it, "{written}".')


def test_a_backslash_between_folders_is_told(tmp_path: Path) -> None:
    assert failure_of(with_path("data\\t.csv"), tmp_path).hint == (
        'Write / between folders, which works on every system: "data/t.csv".'
    )


def test_a_path_of_another_unicode_form_or_other_capitals_is_told_and_not_taken(tmp_path: Path) -> None:
    (tmp_path / DECOMPOSED).mkdir()
    (tmp_path / DECOMPOSED / "Table.csv").write_text(TABLE)
    hint = failure_of(with_path(f"{COMPOSED}/Table.csv"), tmp_path).hint
    assert hint.endswith('differ in their Unicode form, NFC or NFD: write "cafe\\u0301/Table.csv".')
    right = json.loads('"cafe\\u0301/Table.csv"')
    assert train({**with_path(str(tmp_path / right))}, runs_dir=tmp_path / "runs").manifest.status == "completed"
    (tmp_path / "Table.csv").write_text(TABLE)
    assert failure_of(with_path("table.csv"), tmp_path).hint == 'Capital letters count: write "Table.csv".'


def test_a_path_that_is_only_wrong_is_told_as_before(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text(TABLE)
    for path in ("none.csv", "cafe/t.csv", f"{COMPOSED}.csv"):
        assert failure_of(with_path(path), tmp_path).hint == "Write the path as seen from the config file."


def test_a_typo_in_the_path_of_the_data_is_answered_by_the_table_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "leak.csv").write_text(TABLE)
    for typed in ("tables/leek.csv", "tabels/leak.csv"):
        told = failure_of(with_path(typed), tmp_path)
        assert told.hint == 'A file of nearly that name is there: write "tables/leak.csv".'
        assert told.message.endswith("beside the config or in the working directory.")
    for typed in ("tables/b.csv", "tables/leaks/leak.csv", "tables/leak.parquet"):
        assert failure_of(with_path(typed), tmp_path).hint == "Write the path as seen from the config file."


# --- names in the table -----------------------------------------------------------------------------------------


def with_columns(header: str, directory: Path, **data: Any) -> dict[str, Any]:
    (directory / "t.csv").write_text(TABLE.replace("a,b,y", header, 1), encoding="utf-8")
    return {**CONFIG, "data": {"path": "t.csv", "target": "y", **data}}


@pytest.mark.parametrize(
    ("inside", "written", "spelt", "why"),
    [
        (DECOMPOSED, COMPOSED, '"cafe\\u0301"', "their Unicode form, NFC or NFD"),
        (COMPOSED, DECOMPOSED, '"caf\\u00e9"', "their Unicode form, NFC or NFD"),
        ("unit\u00a0price", "unit price", '"unit\\u00a0price"', "characters that cannot be told by eye"),
        ("a\u200bb", "ab", '"a\\u200bb"', "characters that cannot be told by eye"),
        ("unit  price", "unit price", '"unit  price"', "characters that cannot be told by eye"),
    ],
)
def test_a_column_that_only_looks_the_same_is_told_apart(
    inside: str, written: str, spelt: str, why: str, tmp_path: Path
) -> None:
    for header, data, key in (
        (f"a,b,{inside}", {"target": written}, "data.target"),
        (f"{inside},b,y", {"drop": [written]}, "data.drop"),
        (f"{inside},b,y", {"features": [written, "b"]}, "data.features"),
    ):
        failure = failure_of(with_columns(header, tmp_path, **data), tmp_path)
        assert (failure.stage, failure.message.startswith(f"{key}: the data has no column")) == ("load", True)
        assert failure.hint == f"A column is there, and the two look the same and differ in {why}: write {spelt}."
    config = with_columns(f"{inside},b,y", tmp_path)
    failure = failure_of({**config, "preprocess": [{"columns": [written, "b"], "steps": []}]}, tmp_path)
    assert f'"{written}" is no feature of the data; one is there, and the two look the same' in failure.message
    assert train(
        {**config, "data": {**config["data"], "path": str(tmp_path / "t.csv"), "drop": [json.loads(spelt)]}},
        runs_dir=tmp_path / "runs",
    ).manifest.status == "completed"  # fmt: skip


def test_a_column_that_looks_otherwise_is_told_as_before(tmp_path: Path) -> None:
    failure = failure_of(with_columns(f"{DECOMPOSED},b,y", tmp_path, drop=["cafe"]), tmp_path)
    assert failure.hint == f'Did you mean "{DECOMPOSED}"?'
    assert "look the same" not in failure_of(with_columns("a,b,y", tmp_path, drop=["q"]), tmp_path).hint


@pytest.mark.parametrize(
    ("classes", "positive", "said"),
    [
        (("no", "yes"), "Yes", ': write "yes"'),
        ((0, 1), "1", ": write 1"),
        (("False", "True"), "True", ": write true"),
        (("False", "True"), 1, ": write true"),
        (
            (COMPOSED, "tea"),
            DECOMPOSED,
            ': the two look the same and differ in their Unicode form, NFC or NFD: write "',
        ),
        (("no", "yes"), "maybe", "got 'maybe'"),
    ],
)
def test_a_positive_class_in_another_spelling_is_told(
    classes: tuple[Any, Any], positive: Any, said: str, tmp_path: Path
) -> None:
    rows = "".join(f"{i},{i * 7 % 5},{classes[i % 2]}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"a,b,y\n{rows}", encoding="utf-8")
    message = failure_of({**CONFIG, "positive": positive}, tmp_path).message
    assert message.startswith("positive: expected one of the classes")
    assert said in message
    if positive == "maybe":
        assert message.endswith(said)
