"""The inputs: which of them differ, and in what; down to the cell where the recorded file is still there."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import LocallyLinearEmbedding
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from week2kit import open_run, train, verify
from week2kit.canonical import combined_digest
from week2kit.config.reading import parse_config
from week2kit.inputs.causes import Here, code_causes, data_causes, differing_leaves, seed_causes
from week2kit.inputs.changes import Change, compare_inputs, uncounted_differences
from week2kit.loop.data import use_columns
from week2kit.loop.digests import column_digest, row_hashes, unordered_digest
from week2kit.loop.reading import load_dataset
from week2kit.record.code import code_digest
from week2kit.record.manifest import SCHEMA_VERSION, Code, Column, CompletedRun, Data, Environment, Git, Kind, Seed
from week2kit.record.verdict import Cause, Finding, Verdict
from week2kit.sentences.causes import describe_cause
from week2kit.sentences.findings import describe_finding
from week2kit.sentences.verdicts import describe_verdict
from week2kit.thresholds import LISTED_CELLS, LISTED_KEYS
from week2kit.verification.cells import Columns, compare_columns, unequal
from week2kit.verification.child import static_notes
from week2kit.verification.options import exit_code

ROOT = Path(__file__).parent.parent
OLD_RUNS = Path(__file__).parent / "old_runs"

# --- old records ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", sorted((OLD_RUNS / "v1").iterdir()), ids=lambda run: run.name)
def test_runs_of_the_first_schema_can_be_read(run: Path) -> None:
    assert json.loads((run / "manifest.json").read_text())["schema_version"] == 1
    inputs = open_run(run).manifest.inputs
    assert inputs.code is not None
    assert inputs.code.modules is None
    assert not isinstance(inputs.data, Data) or inputs.data.unordered_digest is None


def test_there_are_runs_of_every_older_schema() -> None:
    assert sorted(folder.name for folder in OLD_RUNS.iterdir()) == [f"v{n}" for n in range(1, SCHEMA_VERSION)]
    for folder in OLD_RUNS.iterdir():
        found = {json.loads(path.read_text())["schema_version"] for path in folder.glob("*/manifest.json")}
        assert found == {int(folder.name[1:])}


@pytest.mark.parametrize("version", [f"v{n}" for n in range(1, SCHEMA_VERSION)])
def test_runs_of_an_older_schema_still_verify(version: str) -> None:
    before = {path: path.read_bytes() for path in OLD_RUNS.rglob("*") if path.is_file()}
    result = verify(OLD_RUNS / version, data=ROOT / "examples/penguins/penguins.csv")
    told = {verdict.run: describe_verdict(verdict) for verdict in result.runs}
    assert len(told) == len(list((OLD_RUNS / version).iterdir()))
    assert exit_code(result, "close") == 0, told
    assert not any("week2kit" in line for lines in told.values() for line in lines), "no other code excuses them"
    assert {path: path.read_bytes() for path in OLD_RUNS.rglob("*") if path.is_file()} == before


# --- the checksum of rows ---------------------------------------------------------------------------------------

CELLS: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_infinity=False),
    "text": st.one_of(st.text(max_size=5), st.just(np.nan)),
}


def array(kind: str, cells: list[Any]) -> np.ndarray[Any, Any]:
    dtype: dict[str, Any] = {"int": np.int64, "float": np.float64, "text": object, "bool": np.int64}
    result = np.empty(len(cells), dtype=dtype[kind])
    result[:] = cells
    return result


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[str, np.ndarray[Any, Any]]]:
    rows = draw(st.integers(1, 12))
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    return [(kind, array(kind, draw(st.lists(CELLS[kind], min_size=rows, max_size=rows)))) for kind in kinds]


@given(tables(), st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_checksum_is_the_same_in_any_order_of_rows(table: Any, random: Any) -> None:
    order = list(range(len(table[0][1])))
    random.shuffle(order)
    assert unordered_digest([c for _, c in table]) == unordered_digest([c[order] for _, c in table])


@given(tables(), st.data())
@settings(max_examples=300, deadline=None)
def test_the_checksum_is_another_with_any_single_other_cell(table: Any, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(table) - 1))
    kind, column = table[position]
    row = data.draw(st.integers(0, len(column) - 1))
    cell = data.draw(CELLS[kind])
    same = cell == column[row] or (cell != cell and column[row] != column[row])  # NaN is no other value than NaN
    changed = column.copy()
    changed[row] = cell
    columns = [c for _, c in table]
    other = [*columns[:position], changed, *columns[position + 1 :]]
    assert (unordered_digest(columns) == unordered_digest(other)) == bool(same)


def test_the_checksum_counts_values() -> None:
    assert unordered_digest([np.array([0.0, 1.5])]) == unordered_digest([np.array([-0.0, 1.5])])
    assert unordered_digest([np.array([2**62, 1])]) != unordered_digest([np.array([2**62 + 1, 1])])
    assert len(set(row_hashes([np.array([1, 2, 1]), np.array([1, 1, 1])]).tolist())) == 2


def test_the_checksum_sees_values_that_change_places() -> None:
    first, second = np.array([1, 2, 3]), np.array([7, 8, 9])
    assert unordered_digest([first, second]) != unordered_digest([second, first])
    assert unordered_digest([first, second]) != unordered_digest([first, second[::-1].copy()])
    assert unordered_digest([first]) != unordered_digest([np.array([1, 2, 3, 0])])


def test_the_checksum_never_changes() -> None:
    """It is recorded: another value for the same table would call every old run's data permuted or edited."""
    table = use_columns(*_iris(), classification=True)
    assert table.unordered_digest == "d1098abb989fc068"
    texts = array("text", ["a", "b", np.nan])
    assert unordered_digest([texts, np.array([1.5, np.nan, -0.0]), np.array([1, 2, 2**60])]) == "fb19b64c4596d90c"


def _iris() -> tuple[Any, Any, str]:
    frame, target = load_dataset("iris")
    return frame, parse_config({"data": {"dataset": "iris"}, "model": "decision_tree", "seed": 1}), target


def test_the_checksum_costs_next_to_nothing() -> None:
    values = [np.random.default_rng(0).normal(size=100_000) for _ in range(20)]
    start = time.process_time()
    unordered_digest(values)
    assert time.process_time() - start < 0.5  # 0.005 s where nothing else runs


# --- data, from the record alone --------------------------------------------------------------------------------

TABLE = {
    "length": ("float", [1.5, np.nan, 3.5, 4.0]),
    "mass": ("int", [10, 20, 30, 40]),
    "island": ("text", ["a", "b", "a", "c"]),
    "species": ("text", ["x", "y", "x", "y"]),
}


def record(table: dict[str, tuple[str, list[Any]]], *, checksum: bool = True, target: str = "species") -> Data:
    arrays = {name: array(kind, cells) for name, (kind, cells) in table.items()}
    columns = [
        Column(
            name=name,
            kind=kind,  # type: ignore[arg-type]
            role="target" if name == target else "feature",
            missing=int(pd.isna(arrays[name]).sum()),
            digest=column_digest(name, kind, arrays[name]),  # type: ignore[arg-type]
        )
        for name, (kind, _) in table.items()
    ]
    return Data(
        source="file", path="a.csv", from_run=None, bytes=1, sha256="0" * 64, reader="csv",
        table_digest=combined_digest(c.digest for c in columns),
        unordered_digest=unordered_digest(list(arrays.values())) if checksum else None,
        rows=len(arrays[target]), columns=columns,
    )  # fmt: skip


def but(**columns: Any) -> dict[str, tuple[str, list[Any]]]:
    return {name: column for name, column in {**TABLE, **columns}.items() if column is not None}


def permuted(*order: int) -> dict[str, tuple[str, list[Any]]]:
    return {name: (kind, [cells[i] for i in order]) for name, (kind, cells) in TABLE.items()}


def renamed(**names: str) -> dict[str, tuple[str, list[Any]]]:
    return {names.get(name, name): column for name, column in TABLE.items()}


OTHER_TABLES = [
    pytest.param(but(mass=("int", [10, 20, 30, 41])), ["column mass"], "other int values", id="a cell"),
    pytest.param(
        but(length=("float", [1.5, 2.5, 3.5, 4.0])), ["column length"], "recorded 1, here 0)", id="a cell filled"
    ),
    pytest.param(permuted(3, 1, 2, 0), ["order of rows"], "not the recorded one", id="rows permuted"),
    pytest.param(but(mass=None), ["column mass"], "and not here", id="a column dropped"),
    pytest.param(but(year=("int", [1, 2, 3, 4])), ["column year"], "not recorded", id="a column added"),
    pytest.param(renamed(mass="weight"), ["column mass"], "named weight, with the same", id="renamed"),
    pytest.param(
        renamed(length="mass", mass="length"), ["column length", "column mass"], "named", id="names exchanged"
    ),
    pytest.param(but(mass=("float", [10.0, 20.0, 30.0, 40.0])), ["column mass"], "int, here float", id="kind"),
    pytest.param(
        but(mass=("text", ["10", "20", "30", "x"])), ["column mass"], "recorded as int, here text", id="kind and a cell"
    ),
    pytest.param(
        {name: TABLE[name] for name in ("mass", "length", "island", "species")}, ["order of columns"],
        "recorded length, mass, island, species, here mass, length, island, species", id="columns permuted",
    ),
    pytest.param(permuted(0, 1, 2), ["rows"], "recorded 4, here 3", id="a row less"),
    pytest.param(permuted(0, 1, 2, 3, 3), ["rows"], "recorded 4, here 5", id="a row more"),
    pytest.param(
        {name: column for name, column in permuted(0, 1).items() if name != "mass"}, ["rows", "column mass"],
        "recorded 4, here 2", id="rows and a column less",
    ),
    pytest.param(
        {("weight" if name == "mass" else name): column for name, column in permuted(3, 1, 2, 0).items()},
        ["column mass", "order of rows"], "named weight", id="renamed and permuted",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("table", "factors", "says"), OTHER_TABLES)
def test_what_differs_in_the_data(table: Any, factors: list[str], says: str) -> None:
    causes = data_causes(record(TABLE), record(table))
    assert [cause.factor for cause in causes] == factors
    assert {(cause.input, cause.proof) for cause in causes} == {("data", "observed")}
    told = [describe_cause(cause) for cause in causes]
    assert says in told[0]
    assert all("(observed, not tested)" in line and "None" not in line for line in told)


@pytest.mark.parametrize(("table", "factors", "says"), OTHER_TABLES)
def test_report_names_what_verify_names(table: Any, factors: list[str], says: str) -> None:
    run = open_run(ROOT / "runs/iris-baseline").manifest
    assert isinstance(run, CompletedRun)
    pair = [
        run.model_copy(update={"inputs": run.inputs.model_copy(update={"data": d})})
        for d in (record(TABLE), record(table))
    ]
    assert [change.key for change in compare_inputs(*pair)] == factors


def test_the_same_data_has_no_cause() -> None:
    assert data_causes(record(TABLE), record(TABLE)) == []


def test_without_a_checksum_an_old_record_names_columns() -> None:
    causes = data_causes(record(TABLE, checksum=False), record(permuted(3, 1, 2, 0)))
    assert [cause.factor for cause in causes] == ["column length", "column mass", "column island", "column species"]
    renames = data_causes(record(TABLE, checksum=False), record(renamed(mass="weight")))
    assert [(cause.factor, cause.recorded is None, cause.now is None) for cause in renames] == [
        ("column mass", False, True),
        ("column weight", True, False),
    ]


# --- data, cell by cell -----------------------------------------------------------------------------------------


def columns(table: dict[str, tuple[Any, list[Any]]], *, lines: bool = True) -> Columns:
    kinds: dict[str, Kind] = {name: kind for name, (kind, _) in table.items()}
    frame = pd.DataFrame({name: series(array(kind, cells)) for name, (kind, cells) in table.items()})
    return Columns(kinds, frame, lines)


def series(values: np.ndarray[Any, Any]) -> pd.Series[Any]:
    return pd.Series(values, dtype=values.dtype)


def test_equal_files_differ_in_nothing() -> None:
    assert compare_columns(columns(TABLE), columns(TABLE), "a.csv") == []
    assert compare_columns(columns(TABLE), columns(but(mass=None, year=("int", [1, 2, 3, 4]))), "a.csv") == []
    assert compare_columns(columns(TABLE), columns({"year": ("int", [1])}), "a.csv") == []


def test_the_cells_that_differ_are_counted_and_the_first_told() -> None:
    new = but(mass=("int", [10, 21, 30, 41]), length=("float", [1.5, 2.5, 3.5, np.nan]))
    (finding,) = compare_columns(columns(TABLE), columns(new), "a.csv")
    assert finding.code == "data.cells"
    assert finding.now["columns"] == {"length": 2, "mass": 2}
    assert finding.now["cells"] == [
        {"column": "length", "row": 1, "line": 3, "recorded": None, "now": 2.5},
        {"column": "mass", "row": 1, "line": 3, "recorded": 20, "now": 21},
        {"column": "length", "row": 3, "line": 5, "recorded": 4.0, "now": None},
        {"column": "mass", "row": 3, "line": 5, "recorded": 40, "now": 41},
    ]
    assert "in 4 cells (length 2, mass 2): row 1 (line 3), length: recorded nothing, here 2.5;" in describe_finding(
        finding
    )


def test_no_more_than_ten_cells_are_told() -> None:
    old, new = {"a": ("int", list(range(50)))}, {"a": ("int", list(range(1000, 1050)))}
    (finding,) = compare_columns(columns(old, lines=False), columns(new, lines=False), "a.csv")
    assert [cell["row"] for cell in finding.now["cells"]] == list(range(LISTED_CELLS))
    assert finding.now["cells"][0]["line"] is None
    assert finding.now["columns"] == {"a": 50}


def test_a_number_as_text_is_that_number() -> None:
    numbers = np.array([1.0, 2.5, np.nan, 4.0, 0.0])
    texts = array("text", ["1", " 2.50", np.nan, "x", "1e999"])
    assert unequal(series(texts), series(numbers)).tolist() == [False, False, False, True, True]
    assert unequal(series(numbers), series(texts)).tolist() == [False, False, False, True, True]
    assert unequal(series(array("text", ["True", "false"])), series(np.array([1, 1]))).tolist() == [False, True]


def test_rows_in_another_order() -> None:
    (finding,) = compare_columns(columns(TABLE), columns(permuted(0, 2, 1, 3)), "a.csv")
    assert (finding.code, finding.now) == ("data.row_order", {"rows": 2, "first": 1})


def test_rows_that_came_and_went() -> None:
    (finding,) = compare_columns(columns(TABLE), columns(permuted(0, 2, 3, 3, 3)), "a.csv")
    assert finding.code == "data.row_set"
    assert finding.recorded == {"rows": 4, "alone": 1, "first": [{"row": 1, "line": 3}]}
    assert finding.now == {"rows": 5, "alone": 2, "first": [{"row": 3, "line": 5}, {"row": 4, "line": 6}]}


@given(tables(), st.randoms(), st.data())
@settings(max_examples=100, deadline=None)
def test_rows_taken_out_of_any_table_are_found(table: Any, random: Any, data: st.DataObject) -> None:
    named = {f"c{i}": (kind, list(cells)) for i, (kind, cells) in enumerate(table)}
    rows = len(table[0][1])
    order = list(range(rows))
    random.shuffle(order)
    kept = order[: data.draw(st.integers(1, rows))]
    other = {name: (kind, [cells[i] for i in kept]) for name, (kind, cells) in named.items()}
    found = compare_columns(columns(named), columns(other), "a.csv")
    if len(kept) == rows:
        assert all(finding.code == "data.row_order" for finding in found)
    else:
        (finding,) = found
        assert (finding.recorded["alone"], finding.now["alone"]) == (rows - len(kept), 0)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # the same table lies in the folders of other tests
    lines = ["size,colour,kind", *(f"{i}.5,{'red' if i % 3 else 'blue'},{'ab'[i * 7 % 5 > 2]}" for i in range(40))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    train({"data": {"path": "t.csv", "target": "kind"}, "model": "decision_tree", "seed": 3}, name="run")
    return tmp_path


def cells_told(verdict: Verdict) -> list[Finding]:
    return [check.finding for check in verdict.checks if check.code == "data.cells" and check.finding]


def test_the_recorded_file_is_compared_with_the_one_that_is_given(project: Path) -> None:
    text = (project / "t.csv").read_text()
    (project / "new.csv").write_text(text.replace("\n7.5,", "\n7.25,").replace("\n9.5,", "\n9.25,"))
    (verdict,) = verify("runs/run", data="new.csv").runs
    (finding,) = cells_told(verdict)
    assert (verdict.verdict, finding.code, finding.where) == ("different", "data.cells", "t.csv")
    assert finding.now["cells"][0] == {"column": "size", "row": 7, "line": 9, "recorded": 7.5, "now": 7.25}


def test_whole_numbers_that_a_spreadsheet_wrote_otherwise_are_the_same_data(project: Path) -> None:
    rows = (project / "t.csv").read_text().splitlines()
    for name, count in (("floats", "{}.0"), ("whole", "{}")):
        lines = [f"count,{rows[0]}", *(f"{count.format(i % 6)},{row}" for i, row in enumerate(rows[1:]))]
        (project / f"{name}.csv").write_text("\n".join(lines) + "\n")
        train({"data": {"path": f"{name}.csv", "target": "kind"}, "model": "decision_tree", "seed": 3}, name=name)
    for run, other in (("floats", "whole"), ("whole", "floats")):
        (verdict,) = verify(f"runs/{run}", data=f"{other}.csv").runs
        assert (verdict.verdict, verdict.level) == ("identical", "model")
        assert f"note: {run}.csv: the same table in another form" in "\n".join(describe_verdict(verdict))
    pair = [open_run(f"runs/{name}").manifest for name in ("floats", "whole")]
    assert compare_inputs(*pair) == []
    assert Change("data", "form of column count", "float", "int") in uncounted_differences(*pair)
    text = (project / "whole.csv").read_text()
    (project / "whole.csv").write_text(text.replace("\n5,", "\n4,", 1))
    (verdict,) = verify("runs/floats", data="whole.csv").runs
    assert (verdict.verdict, verdict.first_divergence) == ("different", "data")
    (finding,) = cells_told(verdict)
    assert finding.now["columns"] == {"count": 1}


def test_without_the_recorded_file_features_are_not_told_cell_by_cell(project: Path) -> None:
    text = (project / "t.csv").read_text()
    (project / "t.csv").write_text(text.replace("\n7.5,", "\n7.25,"))
    (verdict,) = verify("runs/run", data="t.csv").runs
    assert [cause.factor for cause in verdict.causes] == ["column size"]
    assert cells_told(verdict) == []


def test_data_that_were_edited_where_they_were_trained_on_are_told_by_their_digest_alone(project: Path) -> None:
    text = (project / "t.csv").read_text()
    (project / "t.csv").write_text(text.replace("\n7.5,", "\n7.25,"))
    (verdict,) = verify("runs/run").runs
    assert (verdict.verdict, verdict.first_divergence) == ("different", "data")
    assert [cause.factor for cause in verdict.causes] == ["bytes"]
    told = "\n".join(describe_verdict(verdict))
    assert "t.csv: the run was trained on this file, which holds other bytes now" in told
    assert not any(name in verdict.model_dump_json() + told for name in ("size", "colour", "7.25"))


def test_a_file_of_the_name_elsewhere_condemns_no_run_and_is_not_described(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = project / "elsewhere"
    shutil.copytree(project / "runs", elsewhere / "runs")
    (elsewhere / "t.csv").write_text("salary,ssn,kind\n7.25,1,a\n3,2,b\n")
    monkeypatch.chdir(elsewhere)
    (verdict,) = verify("runs/run").runs
    assert (verdict.verdict, verdict.first_divergence, verdict.causes) == ("undecided", None, [])
    told = "\n".join(describe_verdict(verdict))
    assert "t.csv: this is not the file that the run was trained on" in told
    assert not any(name in verdict.model_dump_json() + told for name in ("salary", "ssn", "7.25"))
    (named,) = verify("runs/run", data="t.csv").runs
    assert (named.verdict, named.first_divergence) == ("different", "data"), "what the caller names is described"


def test_data_under_an_absolute_path_are_found_again_on_this_machine_alone(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = shutil.move(project / "t.csv", tmp_path_factory.mktemp("far") / "t.csv")
    run = train({"data": {"path": str(data), "target": "kind"}, "model": "decision_tree", "seed": 3}, name="far")
    assert run.manifest.inputs.data is not None
    assert run.manifest.inputs.data.from_run is None
    (verdict,) = verify("runs/far").runs
    assert verdict.verdict == "identical"
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "another user"))
    (verdict,) = verify("runs/far").runs
    assert verdict.verdict == "undecided"


def test_a_line_is_told_only_where_every_row_has_one(project: Path) -> None:
    text = (project / "t.csv").read_text()
    (project / "new.csv").write_text(text.replace("\n7.5,red", '\n7.5,"re\nd"'))
    (verdict,) = verify("runs/run", data="new.csv").runs
    (finding,) = cells_told(verdict)
    assert [(cell["row"], cell["line"], cell["now"]) for cell in finding.now["cells"]] == [(7, None, "re\nd")]
    assert 'row 7, colour: recorded red, here "re d"' in describe_finding(finding)


# --- code -------------------------------------------------------------------------------------------------------

MODULES = {"data.py": "1" * 64, "run.py": "2" * 64}


def here(modules: dict[str, str], version: str = "0.1.0") -> Here:
    environment = open_run(OLD_RUNS / "v1/iris-baseline").manifest.inputs.environment
    assert isinstance(environment, Environment)
    return Here(environment=environment, code=code_digest(modules), modules=modules, week2kit=version)


def code(modules: dict[str, str] | None = None, git: Git | None = None) -> Code:
    return Code(week2kit="0.1.0", digest=code_digest(modules or MODULES), modules=modules, git=git)


def test_the_same_modules_are_no_cause_whatever_the_version() -> None:
    assert code_causes(code(MODULES), here(MODULES, "9.9")) == []


def test_the_modules_that_differ_are_named() -> None:
    other = {"run.py": "3" * 64, "data.py": "1" * 64, "new.py": "4" * 64}
    (cause,) = code_causes(code(MODULES, Git(commit="a" * 40, dirty=True)), here(other, "0.2.0"))
    assert cause.recorded["modules"] == {"run.py": "2" * 64}
    assert cause.now["modules"] == {"run.py": "3" * 64, "new.py": "4" * 64}
    told = describe_cause(cause)
    assert told.startswith("code, week2kit: recorded 0.1.0 (")
    assert (
        "; other modules: new.py, run.py; trained in a project at commit aaaaaaaaaaaa with uncommitted changes" in told
    )


def test_an_old_record_names_no_module() -> None:
    (cause,) = code_causes(code(None), here({"run.py": "4" * 64}))
    assert (cause.recorded["modules"], cause.now["modules"]) == (None, None)
    assert "modules" not in describe_cause(cause)


# --- config -----------------------------------------------------------------------------------------------------

DIFFERENCES = [
    pytest.param({"a": 1}, {"a": 1}, {}, {}, id="none"),
    pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}}, {"a.b": 1}, {"a.b": 3}, id="a leaf"),
    pytest.param({"a": 1}, {"a": 1.0}, {"a": 1}, {"a": 1.0}, id="a type"),
    pytest.param({"a": 1}, {"a": True}, {"a": 1}, {"a": True}, id="true for one"),
    pytest.param({"a": 1}, {}, {"a": 1}, {}, id="a key less"),
    pytest.param({}, {"a": None}, {}, {"a": None}, id="a key more"),
    pytest.param({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}, 4]}, {"a.1.b": 2}, {"a.1.b": 3, "a.2": 4}, id="in a list"),
    pytest.param({"a": {}}, {"a": []}, {"a": {}}, {"a": []}, id="another kind of nothing"),
    pytest.param({"a": {"b": 1}}, {"a": 5}, {"a": {"b": 1}}, {"a": 5}, id="an object for a number"),
    pytest.param({"a": 1}, [1], {"": {"a": 1}}, {"": [1]}, id="the whole"),
]


@pytest.mark.parametrize(("recorded", "now", "left", "right"), DIFFERENCES)
def test_the_keys_that_differ(recorded: Any, now: Any, left: Any, right: Any) -> None:
    found = differing_leaves(recorded, now)
    assert [json.dumps(side) for side in found] == [json.dumps(side) for side in (left, right)]


def test_only_the_first_keys_are_told() -> None:
    left, right = differing_leaves({str(i): i for i in range(100)}, {})
    assert (list(left), right) == ([str(i) for i in range(LISTED_KEYS)], {})


# --- seed -------------------------------------------------------------------------------------------------------


def test_an_unset_seed_is_told_beside_the_seed_of_the_run() -> None:
    (cause,) = seed_causes(Seed(value=7, source="drawn"), ["KMeans"])
    assert (cause.input, cause.factor, cause.recorded, cause.now) == (
        "seed", "unset", {"value": 7, "source": "drawn"}, "KMeans",
    )  # fmt: skip
    assert describe_cause(cause) == (
        "seed: KMeans has no seed; that of the run, 7 (drawn), is not used for it (observed, not tested)."
    )


# --- what is known without a rerun ------------------------------------------------------------------------------

FOREST = RandomForestClassifier(n_jobs=2, random_state=0)
NEIGHBOURS = KNeighborsClassifier(n_jobs=2)
NOTES = [
    pytest.param(FOREST, [("RandomForestClassifier", "forest", True)], [], ["RandomForestClassifier"], id="a forest"),
    pytest.param(RandomForestClassifier(random_state=0), [], [], [], id="a forest of one job"),
    pytest.param(
        StackingClassifier([("forest", FOREST)]), [("RandomForestClassifier", "forest", False)], [],
        ["RandomForestClassifier"], id="inside",
    ),
    pytest.param(
        BaggingClassifier(FOREST), [("RandomForestClassifier", "forest", False)], [], ["RandomForestClassifier"],
        id="a bag of forests",
    ),
    pytest.param(
        ColumnTransformer([("c", Pipeline([("k", KMeans())]), [0])]), [("KMeans", "kmeans", True)], [], [], id="k-means"
    ),
    pytest.param(TfidfVectorizer(), [], ["TfidfVectorizer"], [], id="tf-idf"),
    pytest.param(
        ColumnTransformer([("a", CountVectorizer(), "a"), ("b", HashingVectorizer(), "b")]), [],
        ["CountVectorizer", "HashingVectorizer"], [], id="two of words",
    ),
    pytest.param(TfidfVectorizer(analyzer="char"), [], [], [], id="of characters"),
    pytest.param(NEIGHBOURS, [], [], ["KNeighborsClassifier"], id="neighbours"),
    pytest.param(VotingClassifier([("n", NEIGHBOURS)]), [], [], ["KNeighborsClassifier"], id="neighbours inside"),
    pytest.param(KNeighborsClassifier(), [], [], [], id="neighbours of one job"),
    pytest.param(KNeighborsClassifier(n_jobs=2, algorithm="brute"), [], [], [], id="neighbours without a tree"),
    pytest.param(
        LocallyLinearEmbedding(n_jobs=-1), [], [], ["LocallyLinearEmbedding"], id="what looks for neighbours"
    ),
    pytest.param(LogisticRegression(), [], [], [], id="nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "races", "never", "racing"), NOTES)
def test_what_races_and_what_never_repeats(step: Any, races: Any, never: list[str], racing: list[str]) -> None:
    notes = static_notes(Pipeline([("step", step), ("model", LogisticRegression())]))
    assert [(race.estimator, race.kind, race.kept_out) for race in notes["races"]] == races
    assert (notes["never_repeat"], notes["racing_bytes"]) == (never, racing)


def test_under_jobs_of_the_session_what_says_nothing_of_jobs_has_some() -> None:
    pipeline = Pipeline([("step", RandomForestClassifier(random_state=0)), ("model", KNeighborsClassifier())])
    with joblib.parallel_config(n_jobs=2):
        notes = static_notes(pipeline)
    assert notes["racing_bytes"] == ["KNeighborsClassifier", "RandomForestClassifier"]
    assert not static_notes(pipeline)["threads"]


def test_the_bytes_of_a_text_vectoriser_condemn_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps id(stop_words), of None too, which every child forked from one server has at the same address."""
    monkeypatch.chdir(tmp_path)
    words = [f"{'good fine' if i % 2 else 'bad sad'} word{i % 5},{'pn'[i % 2]}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *words]) + "\n")
    step = {"columns": "text", "steps": [{"class": "sklearn.feature_extraction.text.TfidfVectorizer"}]}
    data = {"path": "t.csv", "target": "label"}
    train({"data": data, "preprocess": [step], "model": "logistic_regression", "seed": 1}, name="run")
    (verdict,) = verify("runs/run").runs
    assert (verdict.verdict, verdict.level, len(verdict.reruns)) == ("identical", "scores", 1)
    assert "TfidfVectorizer never repeat, because it keeps a memory address" in "\n".join(describe_verdict(verdict))


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (None, "that no seed reaches. Set n_jobs to 1, or OMP_NUM_THREADS=1, and train again."),
        ([{"estimator": "KMeans", "kind": "kmeans", "kept_out": True}], "It is not KMeans, which week2kit lets run in"),
        ([{"estimator": "Forest", "kind": "forest", "kept_out": False}], "It may be Forest: where another estimator"),
    ],
)
def test_a_race_is_told_with_what_is_known(now: Any, says: str) -> None:
    assert says in describe_finding(Finding(code="unstable.race", where="predictions", now=now))


# --- sentences --------------------------------------------------------------------------------------------------

ODD = [
    None,
    7,
    "x",
    [],
    {},
    [1],
    {"cells": 3, "columns": 4, "first": 5},
    {"cells": [1], "columns": {"a": "b"}, "first": [2]},
]


CODES = [
    *("data.cells", "data.target_cells", "data.target_elsewhere", "data.row_set", "data.row_order"),
    *("record.config", "unstable.race", "model.never_repeats"),
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("code", CODES)
def test_a_sentence_comes_of_any_value(code: str, odd: Any) -> None:
    """Verdicts are read from files, too."""
    assert describe_finding(Finding(code=code, where="a.csv", recorded=odd, now=odd)).isprintable()
    for input_name in ("data", "code", "seed"):
        assert describe_cause(
            Cause(input=input_name, factor="week2kit", recorded=odd, now=odd, proof="observed")  # type: ignore[arg-type]
        ).isprintable()


def test_foreign_texts_are_cleaned() -> None:
    bad = "\x1b[2J\u202e"
    cells = [{"column": bad, "row": 1, "line": 2, "recorded": bad, "now": bad}]
    finding = Finding(code="data.cells", where=bad, now={"columns": {bad: 1}, "cells": cells})
    assert describe_finding(finding).isprintable()
    assert describe_finding(Finding(code="record.config", recorded={bad: bad}, now={bad: "x"})).isprintable()
    column = {"name": bad, "kind": bad, "role": bad, "missing": bad, "digest": bad}
    for recorded, now in ((column, {**column, "name": "x"}), (column, {**column, "kind": "x"}), (column, None)):
        cause = Cause(input="data", factor=f"column {bad}", recorded=recorded, now=now, proof="observed")
        assert describe_cause(cause).isprintable()
    sides = {"week2kit": bad, "digest": bad, "modules": {bad: bad}, "git": {"commit": bad, "dirty": True}}
    assert describe_cause(Cause(input="code", factor=bad, recorded=sides, now=sides, proof="observed")).isprintable()


def test_todays_record_has_what_the_explanations_need(tmp_path: Path) -> None:
    config = {"data": {"dataset": "iris"}, "model": "decision_tree", "seed": 1}
    manifest = train(config, runs_dir=tmp_path, name="run").manifest
    assert isinstance(manifest, CompletedRun)
    assert manifest.inputs.code.modules is not None
    assert code_digest(manifest.inputs.code.modules) == manifest.inputs.code.digest
    assert manifest.inputs.data.unordered_digest == use_columns(*_iris(), classification=True).unordered_digest
