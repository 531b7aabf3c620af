"""The tampering table: what was changed in a run or its data, and what verify must say of it."""

from __future__ import annotations

# ruff: noqa: E501  a row is a line, however long its sentence
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from week2kit.record.code import code_digest
from week2kit.record.manifest import SCHEMA_VERSION

from .copies import (
    REMOVED,
    Copy,
    all_but_the_outlier,
    folds_renumbered,
    labels_right,
    one_label,
    put,
    rows_renamed,
    scores_left_out,
    scores_scaled,
    scores_shifted,
    truths_swapped,
)

Level = Literal["metrics", "predictions", "scores", "model", "failure"]


@dataclass(frozen=True)
class Case:
    """One row: what was changed in a copy of a base run, and what must be said of it.

    `verdict` is None for a run that cannot be read; `exit` follows from the verdict unless it is given; `cause` is
    ``input factor``, and "" means that none is named; `data` is a file in the project that is given as ``--data``, `repeats` says whether ``--repeats`` is.
    `code` changes the week2kit that verifies, in a copy of its folder. `level` holds the levels of which either is right.
    """

    id: str
    base: str
    change: Callable[[Copy], object]
    verdict: str | None
    says: str
    level: Level | tuple[Level, ...] | None = None
    layer: str | None = None
    cause: str | None = None
    data: str | None = None
    repeats: bool = False
    code: Callable[[Path], object] | None = None
    exit: int | None = None

    @property
    def exit_code(self) -> int:
        if self.exit is not None:
            return self.exit
        if self.level == "failure":
            return 125
        codes = {"identical": 0, "different": 1, "unstable": 1, "close": 1, "undecided": 125, "tampered": 3, None: 2}
        return codes[self.verdict]


CASES: list[Case] = []


def case(row: str, base: str, change: Callable[[Copy], object], verdict: str | None, says: str, **more: Any) -> None:
    """Add a row; a copy is tried as ``base-id``."""
    CASES.append(Case(f"{base}-{row}", base, change, verdict, says, **more))


def nothing(copy: Copy) -> None:
    """Leave everything as it is."""


# --- honest: what must stay accepted ----------------------------------------------------------------------------


def _crlf_everywhere(copy: Copy) -> None:
    for path in copy.run.iterdir():
        if path.suffix != ".joblib":
            copy.bytes_of(path.name, lambda data: data.replace(b"\n", b"\r\n"))


def _reindented(copy: Copy) -> None:
    for path in copy.run.glob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()), indent=7, sort_keys=False), encoding="utf-8")


def _minified(copy: Copy) -> None:
    for path in copy.run.glob("*.json"):
        value = json.loads(path.read_text())
        path.write_text(json.dumps(dict(reversed(value.items())), separators=(",", ":")), encoding="utf-8")


def _bom(copy: Copy) -> None:
    for path in copy.run.glob("*.json"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def _extra_files(copy: Copy) -> None:
    for name in ("conftest.py", "notes.md", "report.md", ".DS_Store", "Thumbs.db", "test_x.py", "pytest.ini"):
        (copy.run / name).write_text("raise SystemExit(3)\n")
    (copy.run / ".git").mkdir()
    (copy.run / "__pycache__").mkdir()


def _read_only(copy: Copy) -> None:
    for path in copy.run.iterdir():
        path.chmod(0o444)
    copy.run.chmod(0o555)


for base in ("penguins", "houses", "folds", "margins", "iris", "answers"):
    case("untouched", base, nothing, "identical", "bit for bit: metrics", level="model", cause="")
    case("crlf-everywhere", base, _crlf_everywhere, "identical", "scores and model.", level="model", cause="")
    case("json-reindented", base, _reindented, "identical", "scores and model.", level="model", cause="")
    case("json-minified", base, _minified, "identical", "scores and model.", level="model", cause="")
    case("json-with-bom", base, _bom, "identical", "scores and model.", level="model", cause="")
    case(
        "no-model-file",
        base,
        lambda c: (c.run / "model.joblib").unlink(),
        "identical",
        "note: model.joblib: it is not there, and is not needed",
        level="model",
    )
case("extra-files", "penguins", _extra_files, "identical", "scores and model.", level="model")
case("read-only", "penguins", _read_only, "identical", "scores and model.", level="model")
case(
    "no-curves-file",
    "iris",
    lambda c: (c.run / "curves.json").unlink(),
    "identical",
    "note: curves.json: it is not there, and is not needed",
    level="model",
)
case(
    "unseeded-and-steady",
    "steady",
    nothing,
    "identical",
    "nothing fixes it: DecisionTreeClassifier draws without a seed",
    level="model",
)
case("unseeded", "unseeded", nothing, "unstable", "draws without a seed", layer="model", cause="seed unset")


# the same table in another text form


def _data(change: Callable[[bytes], bytes], name: str = "penguins.csv") -> Callable[[Copy], None]:
    def apply(copy: Copy) -> None:
        path = copy.project / name
        before = path.read_bytes()
        path.write_bytes(change(before))
        assert path.read_bytes() != before

    return apply


def _cells(change: Callable[[list[list[str]]], object], name: str = "penguins.csv") -> Callable[[Copy], None]:
    """Change the table as a list of rows (the header first); what is returned replaces it."""

    def apply(content: bytes) -> bytes:
        rows = [line.split(",") for line in content.decode().splitlines()]
        changed = change(rows)
        return "".join(",".join(row) + "\n" for row in (changed if isinstance(changed, list) else rows)).encode()

    return _data(apply, name)


def _gzipped_in_place(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _longer_numbers(rows: list[list[str]]) -> None:
    for row in rows[1:]:
        row[1] = f"{row[1]}00" if len(row[1]) % 2 else f"{float(row[1]):e}"


def _integers_as_floats(rows: list[list[str]]) -> None:
    for row in rows[1:]:
        row[2] = f"{row[2]}.0"


def _quoted(rows: list[list[str]]) -> list[list[str]]:
    return [[f'"{cell}"' for cell in rows[0]], *([*row[:-1], f'"{row[-1]}"'] for row in rows[1:])]


def _other_missing(rows: list[list[str]]) -> None:
    for row in rows[1:]:
        row[0] = row[0] or "NaN"
        row[3] = row[3] or "NA"


ANOTHER_FORM = "note: penguins.csv: the same table in another form"
for id_, change in {
    "data-crlf": _data(lambda d: d.replace(b"\n", b"\r\n")),
    "data-semicolons": _data(lambda d: d.replace(b",", b";")),
    "data-bom": _data(lambda d: b"\xef\xbb\xbf" + d),
    "data-gzipped-under-its-name": _data(_gzipped_in_place),
    "data-float-spelling": _cells(_longer_numbers),
    "data-quoted": _cells(_quoted),
    "data-integers-as-floats": _cells(_integers_as_floats),
    "data-booleans-in-capitals": _cells(lambda rows: [rows[0], *([*r[:4], r[4].upper(), *r[5:]] for r in rows[1:])]),
    "data-missing-spelled-NA": _cells(_other_missing),
    "data-no-last-newline": _data(lambda d: d.rstrip(b"\n")),
    "data-unused-column-changed": _cells(lambda rows: [rows[0], *([*r[:5], "1999", r[6]] for r in rows[1:])]),
    "data-unused-column-emptied": _cells(lambda rows: [rows[0], *([*r[:5], "", r[6]] for r in rows[1:])]),
}.items():
    case(id_, "penguins", change, "identical", ANOTHER_FORM, level="model", cause="")


def _data_beside_manifest(copy: Copy) -> None:
    shutil.move(copy.project / "penguins.csv", copy.run / "penguins.csv")


def _gz_renamed(copy: Copy) -> None:
    data = (copy.project / "penguins.csv").read_bytes()
    (copy.project / "elsewhere.csv.gz").write_bytes(gzip.compress(data, mtime=0))
    (copy.project / "penguins.csv").unlink()


def _renamed(name: str) -> Callable[[Copy], None]:
    return lambda copy: shutil.move(copy.project / "penguins.csv", copy.project / name)


def _decoy(copy: Copy) -> None:
    """A stranger of the same name lies in the run folder; the data lies where it lay."""
    (copy.run / "penguins.csv").write_text("a,b\n1,2\n")


case("data-in-run-folder", "penguins", _data_beside_manifest, "identical", "scores and model.", level="model")
case("data-decoy-in-run-folder", "penguins", _decoy, "identical", "scores and model.", level="model")
case("data-given", "penguins", _renamed("b.csv"), "identical", "model", level="model", data="b.csv")
case("data-given-with-other-suffix", "penguins", _renamed("b.data"), "identical", "model", level="model", data="b.data")
case("data-given-gz", "penguins", _gz_renamed, "identical", ANOTHER_FORM, level="model", data="elsewhere.csv.gz")

# --- the data ---------------------------------------------------------------------------------------------------

OTHER_TABLE = "penguins.csv: the table is not the one that the run was trained on"


def _one_cell(row: int, column: int, text: str) -> Callable[[list[list[str]]], None]:
    def change(rows: list[list[str]]) -> None:
        assert rows[row][column] != text
        rows[row][column] = text

    return change


def _swap(rows: list[list[str]], first: int, second: int) -> None:
    rows[first], rows[second] = rows[second], rows[first]


for id_, cells, cause, says in (
    ("one-cell-moves-no-metric", _one_cell(3, 0, "53.750001"), "data column length", "length: other float values than"),
    ("one-cell-emptied", _one_cell(3, 2, ""), "data column mass", "mass: recorded as int, here float"),
    ("one-cell-filled", _one_cell(1, 0, "45.0"), "data column length", "(missing: recorded 6, here 5)"),
    ("one-category-new", _one_cell(3, 3, "Atlantis"), "data column island", "island: other text values"),
    ("one-category-with-a-space", _one_cell(3, 3, "Biscoe "), "data column island", "island: other text values"),
    ("one-boolean-flipped", _one_cell(3, 4, "true"), "data column tagged", "tagged: other bool values"),
    ("one-label-changed", _one_cell(3, 6, "C"), "data column species", "species: other text values"),
    ("integers-as-floats-and-one-more", lambda rows: [rows[0], *([*r[:2], r[2] + (".0" if i else ".5"), *r[3:]] for i, r in enumerate(rows[1:]))], "column mass", "mass: recorded as int, here float"),
    ("text-in-a-number", _one_cell(3, 2, "many"), "data column mass", "mass: recorded as int, here text"),
    ("a-new-class", _one_cell(3, 6, "Z"), "data column species", "species: other text values"),
    ("two-rows-swapped", lambda rows: _swap(rows, 4, 30), "data order of rows", "order of rows: not the recorded one, and otherwise equal"),
    ("rows-sorted", lambda rows: [rows[0], *sorted(rows[1:])], "data order of rows", "not the recorded one"),
    ("rows-reversed", lambda rows: [rows[0], *reversed(rows[1:])], "data order of rows", "not the recorded one"),
    ("last-row-missing", lambda rows: rows[:-1], "data rows", "data, rows: recorded 90, here 89"),
    ("last-row-twice", lambda rows: [*rows, rows[-1]], "data rows", "data, rows: recorded 90, here 91"),
    ("half-the-rows", lambda rows: rows[:45], "data rows", "data, rows: recorded 90, here 44"),
    ("columns-permuted", lambda rows: [[r[1], r[0], *r[2:]] for r in rows], "data order of columns", "order of columns: recorded length, depth, mass, island, tagged, species, here depth, length"),
    ("a-column-renamed", _one_cell(0, 1, "height"), "data column depth", "depth: here it is named height, with the same values"),
    ("a-column-dropped", lambda rows: [r[1:] for r in rows], "data column length", "length: recorded as float, and not here"),
    ("a-column-added", lambda rows: [["extra", *rows[0]], *(["1", *r] for r in rows[1:])], "data column extra", "extra: not recorded, and here as int"),
    ("two-columns-exchange-names", lambda rows: [["depth", "length", *rows[0][2:]], *rows[1:]], "data column", "length: here it is named depth"),
):  # fmt: skip
    layer = {"verdict": "different", "layer": "data", "data": "penguins.csv"}
    case(f"data-{id_}", "penguins", _cells(cells), says=says, cause=cause, **layer)  # type: ignore[arg-type]


def _beside(change: Callable[[list[list[str]]], Any]) -> Callable[[Copy], None]:
    """Another table in new.csv; the recorded one still lies where it lay."""

    def apply(copy: Copy) -> None:
        path = copy.project / "penguins.csv"
        recorded = path.read_bytes()
        _cells(change)(copy)
        path.rename(copy.project / "new.csv")
        path.write_bytes(recorded)

    return apply


for id_, cells, cause, says in (
    ("one-cell", _one_cell(3, 0, "53.750001"), "data column length", "other values than in the recorded file in 1 cell (length 1): row 2 (line 4), length: recorded 53.74, here 53.750001"),
    ("one-cell-emptied", _one_cell(3, 2, ""), "data column mass", "row 2 (line 4), mass: recorded 4326, here nothing"),
    ("text-in-a-number", _one_cell(3, 2, "many"), "data column mass", "in 1 cell (mass 1): row 2 (line 4), mass: recorded 4326, here many"),
    ("one-label", _one_cell(3, 6, "C"), "data column species", "row 2 (line 4), species: recorded G, here C"),
    ("one-boolean", _one_cell(3, 4, "true"), "data column tagged", "row 2 (line 4), tagged: recorded False, here True"),
    ("one-label-and-integers-as-floats", lambda rows: [rows[0], *([*r[:2], r[2] + ".0", *r[3:6], "C" if i == 2 else r[6]] for i, r in enumerate(rows[1:]))], "data column species", "in 1 cell (species 1): row 2 (line 4), species: recorded G, here C"),
    ("two-rows-swapped", lambda rows: _swap(rows, 4, 30), "data order of rows", "the rows are the recorded ones in another order, from row 3 on (2 stand elsewhere)"),
    ("rows-reversed", lambda rows: [rows[0], *reversed(rows[1:])], "data order of rows", "in another order, from row 0 on"),
    ("a-row-missing", lambda rows: [*rows[:5], *rows[6:]], "data rows", "recorded with 90 rows, here 89; missing here: 1 (row 4 (line 6)); new here: nothing"),
    ("a-row-twice", lambda rows: [*rows, rows[-1]], "data rows", "recorded with 90 rows, here 91; missing here: nothing; new here: 1 (row 90 (line 92))"),
    ("a-row-moved-and-edited", lambda rows: [rows[0], *rows[2:], ["1", "2", "3", "Dream", "true", "2009", "A"]], "data column length", "missing here: 1 (row 0 (line 2)); new here: 1 (row 89 (line 91))"),
    ("a-column-dropped", lambda rows: [r[1:] for r in rows], "data column length", "length: recorded as float, and not here"),
    ("a-column-renamed", _one_cell(0, 1, "height"), "data column depth", "depth: here it is named height"),
    ("hostile-text", _one_cell(3, 3, "\x1b[31m\u202e" + "A" * 5000), "data column island", "row 2 (line 4), island: recorded "),
):  # fmt: skip
    layer = {"verdict": "different", "layer": "data", "data": "new.csv"}
    case(f"data-beside-{id_}", "penguins", _beside(cells), says=says, cause=cause, **layer)  # type: ignore[arg-type]
case(
    "data-beside-no-table",
    "penguins",
    lambda c: (c.project / "new.csv").write_bytes(b"\xff"),
    "different",
    "not UTF-8",
    layer="data",
    cause="data bytes",
    data="new.csv",
)


def _target_of(validation: bool) -> Callable[[Copy], None]:
    """Another target in the first row that is (or is not) among the validation rows."""

    def apply(copy: Copy) -> None:
        lines = (copy.run / "predictions.csv").read_text().splitlines()[1:]
        seen = {int(line.split(",")[2]) for line in lines}
        row = next(row for row in range(90) if (row in seen) == validation)

        def change(rows: list[list[str]]) -> None:
            rows[row + 1][6] = "C" if rows[row + 1][6] != "C" else "A"

        _cells(change)(copy)

    return apply


for id_, validation, says in (
    (
        "validation",
        True,
        "in 1 cell (species 1) of 18 validation rows: row ",
    ),
    (
        "training",
        False,
        "the target of all 18 validation rows is the recorded one, so what changed is among the training",
    ),
):
    case(
        f"data-target-of-a-{id_}-row",
        "penguins",
        _target_of(validation),
        "different",
        says,
        layer="data",
        cause="data column species",
        data="penguins.csv",
    )
    case(
        f"data-target-of-a-{id_}-row",
        "other",
        _target_of(validation),
        "different",
        says,
        layer="data",
        cause="data column species",
        data="penguins.csv",
    )

for id_, change, says in (
    ("header-only", _cells(lambda rows: rows[:1]), "no rows"),
    ("empty-file", _data(lambda d: b""), "holds no table"),
    ("not-utf8", _data(lambda d: d.replace(b"Dream", b"Dr\xe9am")), "not UTF-8"),
    ("two-separators", _data(lambda d: d.replace(b",", b";").replace(b"\n", b"\n1;2;3\n", 1)), 'no column "species"'),
    ("binary", _data(lambda d: bytes(range(256)) * 20), ""),
    ("truncated-gzip", _data(lambda d: gzip.compress(d)[:200]), "not a whole gzip file"),
    ("html-error-page", _data(lambda d: b"<!doctype html><html>404</html>\n"), "a web page"),
    ("infinite-cell", _cells(_one_cell(3, 2, "1e999")), "infinite"),
    ("ragged-row", _cells(lambda rows: rows[5].append("7")), "Expected 7 fields in line 6, saw 8"),
    ("target-column-renamed", _cells(_one_cell(0, 6, "kind")), 'no column "species"'),
    ("target-constant", _cells(lambda rows: [rows[0], *([*r[:6], "A"] for r in rows[1:])]), "same value in every row"),
    ("truncated-in-a-row", _data(lambda d: d[:1503]), ""),
    ("another-table", _data(lambda d: b"a,b\n1,2\n"), 'no column "species"'),
):
    case(f"data-{id_}", "penguins", change, "different", says, layer="data", cause="data bytes", data="penguins.csv")

# what the record leads to, and nobody named: only its digest is told

OTHER_FILE = "penguins.csv: this is not the file that the run was trained on"
for id_, change in {
    "one-cell": _cells(_one_cell(3, 0, "53.750001")),
    "a-column-dropped": _cells(lambda rows: [r[1:] for r in rows]),
    "rows-reversed": _cells(lambda rows: [rows[0], *reversed(rows[1:])]),
    "empty-file": _data(lambda d: b""),
    "another-table": _data(lambda d: b"salary,ssn\n1,2\n"),
    "truncated-gzip": _data(lambda d: gzip.compress(d)[:200]),
    "much-larger": _data(lambda d: d + d.partition(b"\n")[2] * 200),
}.items():
    case(f"data-unnamed-{id_}", "penguins", change, "undecided", OTHER_FILE, cause="")
case(
    "data-unnamed-out",
    "penguins",
    lambda c: (
        c.set("inputs.data.from_run", "../../mine/penguins.csv"),
        _no_data(c),
        (c.project / "mine").mkdir(),
        (c.project / "mine" / "penguins.csv").write_text("salary,ssn\n1,2\n"),
    ),
    "undecided",
    "this is not the file that the run was trained on",
    cause="",
)
case(
    "data-in-run-folder-edited",
    "penguins",
    lambda c: (_cells(_one_cell(3, 2, ""))(c), _data_beside_manifest(c)),
    "different",
    "mass: recorded as int, here float",
    layer="data",
    cause="data column mass",
)


def _no_data(copy: Copy) -> None:
    (copy.project / "penguins.csv").unlink()


def _data_is(make: Callable[[Path], object]) -> Callable[[Copy], None]:
    def change(copy: Copy) -> None:
        path = copy.project / "penguins.csv"
        path.unlink()
        make(path)

    return change


# --- two files: one is trained on, the other validated


def _later(change: Callable[[list[str]], list[str]]) -> Callable[[Copy], None]:
    """The lines of later.csv changed: the names, then its rows."""

    def apply(copy: Copy) -> None:
        path = copy.project / "later.csv"
        path.write_text("".join(change(path.read_text().splitlines(keepends=True))))

    return apply


def _row_to_the_other_file(copy: Copy) -> None:
    """The last row of the trained file becomes the first of the validated one: together they are the same table."""
    path = copy.project / "penguins.csv"
    *rest, last = path.read_text().splitlines(keepends=True)
    path.write_text("".join(rest))
    row = ",".join(reversed(last.strip().split(","))) + "\n"
    _later(lambda lines: [lines[0], row, *lines[1:]])(copy)


def _files_change_places(copy: Copy) -> None:
    first, second = copy.project / "penguins.csv", copy.project / "later.csv"
    before = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(before)


def _packed_later(copy: Copy) -> None:
    path = copy.project / "later.csv"
    (copy.project / "later.csv.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()


_BOTH = {"layer": "data", "data": "later.csv"}
case("nothing", "two_files", nothing, "identical", "model", level="model")
case("data-given", "two_files", nothing, "identical", "model", level="model", data="later.csv")
case("data-first-given", "two_files", nothing, "identical", "model", level="model", data="penguins.csv")
case(
    "data-renamed",
    "two_files",
    lambda c: shutil.move(c.project / "later.csv", c.project / "b.csv"),
    "identical",
    "model",
    level="model",
    data="b.csv",
)
case(
    "data-in-run",
    "two_files",
    lambda c: shutil.move(c.project / "later.csv", c.run / "later.csv"),
    "identical",
    "model",
    level="model",
)
case(
    "data-crlf",
    "two_files",
    _later(lambda rows: [row.replace("\n", "\r\n") for row in rows]),
    "identical",
    "later.csv: the same table in another form",
    level="model",
    data="later.csv",
)
case(
    "data-gz",
    "two_files",
    _packed_later,
    "identical",
    "later.csv: the same table in another form",
    level="model",
    data="later.csv.gz",
)
case(
    "data-further-column",
    "two_files",
    _later(
        lambda rows: [row.replace("\n", ",0\n") if i else row.replace("\n", ",more\n") for i, row in enumerate(rows)]
    ),
    "identical",
    "later.csv: the same table in another form",
    level="model",
    data="later.csv",
)
case(
    "data-one-cell",
    "two_files",
    _later(lambda rows: [*rows[:3], rows[3].replace("false", "true"), *rows[4:]]),
    "different",
    "later.csv: the table is not the one that the run was trained on",
    cause="data column tagged",
    **_BOTH,
)
case(
    "data-without-a-row",
    "two_files",
    _later(lambda rows: rows[:-1]),
    "different",
    "the table is not the one",
    cause="data rows",
    **_BOTH,
)
case(
    "data-without-a-column",
    "two_files",
    _later(lambda rows: [row.rpartition(",")[0] + "\n" for row in rows]),
    "different",
    'the file has no column "length"',
    cause="data bytes",
    **_BOTH,
)
case(
    "data-no-row",
    "two_files",
    _later(lambda rows: rows[:1]),
    "different",
    "no row that can be used",
    cause="data rows",
    **_BOTH,
)
case(
    "data-nobody-named",
    "two_files",
    _later(lambda rows: rows[:-1]),
    "undecided",
    "later.csv: this is not the file that the run was trained on",
)
case(
    "data-row-in-the-other",
    "two_files",
    _row_to_the_other_file,
    "different",
    "the validation rows hold other values than recorded",
    layer="data",
    cause="data bytes",
)
case(
    "data-change-places",
    "two_files",
    _files_change_places,
    "undecided",
    "this is not the file that the run was trained on",
)
case("data-missing", "two_files", lambda c: (c.project / "later.csv").unlink(), "undecided", "--data later.csv")
case(
    "data-first-missing",
    "two_files",
    lambda c: (c.project / "penguins.csv").unlink(),
    "undecided",
    "--data penguins.csv",
)
case("no-record-of-the-second", "two_files", lambda c: c.set("inputs.data.validation", None), "tampered", "later.csv")
case(
    "second-without-split",
    "penguins",
    lambda c: c.set(
        "inputs.data.validation", {"path": "later.csv", "from_run": None, "bytes": 1, "sha256": None, "reader": "csv"}
    ),
    "tampered",
    "later.csv",
)
case(
    "other-second-file",
    "two_files",
    lambda c: c.forge_config("split.validation_path", "houses.csv"),
    "tampered",
    "houses.csv",
)
case("second-led-out", "two_files", lambda c: ((c.project / "later.csv").unlink(), c.set("inputs.data.validation.from_run", "../../../../../../etc/passwd")), "undecided", "--data later.csv")  # fmt: skip

NAME_IT = "--data penguins.csv"
case("data-missing", "penguins", _no_data, "undecided", NAME_IT)
case("data-is-a-folder", "penguins", _data_is(Path.mkdir), "undecided", NAME_IT)
case("data-is-a-fifo", "penguins", _data_is(os.mkfifo), "undecided", "not a regular file")
case("data-is-a-device", "penguins", _data_is(lambda p: p.symlink_to("/dev/zero")), "undecided", "not a regular file")
case("data-is-a-loop", "penguins", _data_is(lambda p: p.symlink_to(p.name)), "undecided", NAME_IT)
case("data-is-a-dead-link", "penguins", _data_is(lambda p: p.symlink_to("gone")), "undecided", NAME_IT)
case("data-given-missing", "penguins", nothing, "undecided", "--data: there is no file", data="none.csv")
case("data-given-folder", "penguins", nothing, "undecided", "is a folder", data="runs")
case(
    "data-given-wrong",
    "penguins",
    nothing,
    "different",
    'no column "species"',
    layer="data",
    cause="data bytes",
    data="houses.csv",
)
case(
    "data-link-in-run-folder-leads-out",
    "penguins",
    lambda c: (_no_data(c), (c.run / "penguins.csv").symlink_to("/etc/passwd")),
    "undecided",
    NAME_IT,
)
for id_, path in {
    "absolute": "/etc/passwd",
    "dots": "../../../../../../../../etc/passwd",
    "other-name": "../../houses.csv",
    "own-manifest": "manifest.json",
    "nul": "../../a\0.csv",
    "url": "file:///etc/passwd",
    "long": "a/" * 4000 + "penguins.csv",
    "folder": "..",
    "empty": "",
}.items():
    case(
        f"from-run-{id_}",
        "penguins",
        lambda c, path=path: (_no_data(c), c.set("inputs.data.from_run", path)),
        "undecided",
        NAME_IT,
    )


def _path_forged(path: str, reader: str = "csv") -> Callable[[Copy], None]:
    def change(copy: Copy) -> None:
        _no_data(copy)
        copy.forge_config("data.path", path)
        copy.set("inputs.data.path", path)
        copy.set("inputs.data.reader", reader)

    return change


case("data-path-passwd", "penguins", _path_forged("/etc/passwd"), "tampered", "manifest.json: the config says")
case("data-path-no-table", "penguins", _path_forged("../../../../etc/hosts"), "tampered", "the config says")
case("data-path-absolute-csv", "penguins", _path_forged("/etc/x.csv"), "undecided", "--data x.csv")

# --- files of the run -------------------------------------------------------------------------------------------


def _damage(name: str, change: Callable[[bytes], bytes]) -> Callable[[Copy], None]:
    return lambda copy: copy.bytes_of(name, change)


def _flip(data: bytes) -> bytes:
    middle = next(i for i in range(len(data) // 2, len(data)) if data[i : i + 1].isalnum())
    return data[:middle] + (b"7" if data[middle : middle + 1] != b"7" else b"8") + data[middle + 1 :]


def _instead(name: str, make: Callable[[Path], object]) -> Callable[[Copy], None]:
    def change(copy: Copy) -> None:
        (copy.run / name).unlink()
        make(copy.run / name)

    return change


def _link_to_itself_moved(name: str) -> Callable[[Copy], None]:
    def change(copy: Copy) -> None:
        (copy.run / name).rename(copy.run / "x")
        (copy.run / name).symlink_to("x")

    return change


def _lfs_pointer(name: str, digest: str = "") -> Callable[[Copy], None]:
    """A Git LFS pointer in place of a file, to its own content or to another."""

    def pointer(data: bytes) -> bytes:
        oid = digest or hashlib.sha256(data).hexdigest()
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n".encode()

    return lambda copy: copy.bytes_of(name, pointer)


FILES = ("config.json", "metrics.json", "val_report.txt", "predictions.csv", "model.joblib", "requirements.txt")
for name in FILES:
    changed = "no JSON that can be read" if name.endswith(".json") else "its content is not the recorded one"
    for id_, damage, says in (
        ("truncated", lambda d: d[: len(d) // 2], changed),
        ("emptied", lambda d: b"", changed),
        ("flipped", _flip, name),
        ("appended", lambda d: d + b"x\n", changed),
        ("twice", lambda d: d + d, changed),
        ("nulled", lambda d: b"\0" * len(d), changed),
        ("utf16", lambda d: d.decode("latin-1").encode("utf-16"), changed),
    ):
        case(f"{name}-{id_}", "penguins", _damage(name, damage), "tampered", says)
    for id_, make, says in (
        ("a-folder", Path.mkdir, "expected a regular file of the run folder; it is a folder"),
        ("a-fifo", os.mkfifo, "it is not a regular file"),
    ):
        case(f"{name}-is-{id_}", "penguins", _instead(name, make), "tampered", says)
    # what cannot be looked at here condemns nobody; a model is not needed
    needed: dict[str, Any] = {"verdict": "undecided"}
    not_needed: dict[str, Any] = {"verdict": "identical", "level": "model"}
    missing_here = not_needed if name == "model.joblib" else needed
    for id_, change, says in (
        ("a-link-to-zero", _instead(name, lambda p: p.symlink_to("/dev/zero")), "it is a symbolic link"),
        ("a-link-out", _instead(name, lambda p: p.symlink_to("/etc/passwd")), "it is a symbolic link"),
        ("a-loop", _instead(name, lambda p: p.symlink_to(p.name)), "it is a symbolic link"),
        ("a-link-to-the-true-file", _link_to_itself_moved(name), "it is a symbolic link"),
        ("a-link-into-an-empty-annex", _instead(name, lambda p: p.symlink_to("../.git/annex/objects/x")), "git annex get"),
        ("a-link-into-an-empty-cache-of-dvc", _instead(name, lambda p: p.symlink_to("../../.dvc/cache/x")), "dvc pull"),
        ("a-pointer-of-git-lfs", _lfs_pointer(name), "a pointer of Git LFS stands in its place. Fetch it: git lfs pull"),
        ("a-pointer-of-git-annex", _damage(name, lambda d: b"/annex/objects/MD5E-s10--0123456789.csv\n"), "git annex get"),
        ("kept-by-dvc", lambda c, name=name: ((c.run / name).unlink(), (c.run / f"{name}.dvc").write_text("outs:\n")), "dvc pull"),
    ):  # fmt: skip
        case(
            f"{name}-is-{id_}", "penguins", change, says=f"{name}: {says}" if "link-to" in id_ else says, **missing_here
        )
    case(
        f"{name}-of-another-run",
        "penguins",
        lambda c, name=name: shutil.copy(c.other("other") / name, c.run / name),
        "identical" if name == "requirements.txt" else "tampered",
        "" if name == "requirements.txt" else name,
        level="model" if name == "requirements.txt" else None,
    )
    if name != "model.joblib":
        case(
            f"{name}-missing",
            "penguins",
            lambda c, name=name: (c.run / name).unlink(),
            "tampered",
            "the folder is incomplete",
        )
case("model.joblib-is-a-pointer-to-another", "penguins", _lfs_pointer("model.joblib", "a" * 64), "identical", "to another file (sha256 aaaaaaaaaaaa) than the recorded one", level="model")  # fmt: skip
case("manifest.json-is-a-pointer", "penguins", _lfs_pointer("manifest.json"), None, "manifest.json: it was not fetched; a pointer of Git LFS stands in its place. Fetch it: git lfs pull")  # fmt: skip
case("predictions.csv-is-a-pointer-and-metrics-edited", "penguins", lambda c: (_lfs_pointer("predictions.csv")(c), c.text_of("metrics.json", "0.", "0.9")), "tampered", "metrics.json: its content")  # fmt: skip
case("data-is-a-pointer", "penguins", _lfs_pointer("../../penguins.csv"), "undecided", "It stands for the file that the run was trained on. Git LFS may have it: git lfs pull")  # fmt: skip
case("data-is-a-pointer-to-another", "penguins", _lfs_pointer("../../penguins.csv", "a" * 64), "undecided", "It stands for another file (sha256 aaaaaaaaaaaa) than was recorded")  # fmt: skip
case("data-given-is-a-pointer", "penguins", _lfs_pointer("../../penguins.csv"), "undecided", "--data: The data file \"penguins.csv\" was not fetched", data="penguins.csv")  # fmt: skip
case("data-kept-by-dvc", "penguins", lambda c: (_no_data(c), (c.project / "penguins.csv.dvc").write_text("outs:\n")), "undecided", "DVC may have it: dvc pull")  # fmt: skip
case(
    "curves.json-edited",
    "iris",
    lambda c: c.text_of("curves.json", "0.9", "0.8"),
    "tampered",
    "curves.json: its content",
)
case("config.json-line", "penguins", lambda c: c.text_of("config.json", '"max_iter": 500', '"max_iter": 501'), "tampered", "config.json: its content")  # fmt: skip
case("config.json-true-for-one", "penguins", lambda c: (c.text_of("config.json", '"stratify": true', '"stratify": 1'), c.seal()), "tampered", "config.json is not the config in the manifest (split.stratify is True there, and 1 here)")  # fmt: skip

SPARSE = 70 << 20
for name in ("config.json", "metrics.json", "val_report.txt", "requirements.txt"):
    case(f"{name}-huge", "penguins", lambda c, name=name: os.truncate(c.run / name, SPARSE), "tampered", "larger than")

DEEP = "[" * 100_000 + "]" * 100_000
for name in ("config.json", "metrics.json"):
    for id_, text, says in (
        ("deep", DEEP, "nested deeper than"),
        ("duplicate-key", '{"accuracy": 1, "accuracy": 0.9}', "stands twice"),
        ("nan", '{"accuracy": NaN}', "NaN is no JSON number"),
        ("infinity", '{"accuracy": -Infinity}', "-Infinity is no JSON number"),
        ("1e999", '{"accuracy": 1e999}', "too large for a number"),
        ("many-digits", '{"accuracy": ' + "9" * 5000 + "}", "no JSON that can be read"),
        ("surrogate", '{"accuracy": "\\ud800"}', "half of a surrogate pair"),
        ("a-list", "[]", "its content is not the recorded one"),
        ("null", "null", "its content is not the recorded one"),
    ):
        write = lambda c, name=name, text=text: (c.run / name).write_text(text)  # noqa: E731
        case(f"{name}-{id_}", "penguins", write, "tampered", says)

# --- the manifest as a file -------------------------------------------------------------------------------------


def _manifest_text(text: str | bytes) -> Callable[[Copy], object]:
    data = text.encode() if isinstance(text, str) else text
    return lambda copy: (copy.run / "manifest.json").write_bytes(data)


for id_, change, says in (
    ("truncated", _damage("manifest.json", lambda d: d[:-30]), "line "),
    ("half", _damage("manifest.json", lambda d: d[: len(d) // 2]), "not a manifest that can be read"),
    ("emptied", _manifest_text(""), "not a manifest that can be read"),
    ("nulled", _damage("manifest.json", lambda d: b"\0" * len(d)), "not a manifest that can be read"),
    ("not-utf8", _damage("manifest.json", lambda d: d.replace(b"species", b"esp\xe8ce", 1)), "not UTF-8"),
    ("utf16", _damage("manifest.json", lambda d: d.decode().encode("utf-16")), "not UTF-8"),
    ("deep", _manifest_text(DEEP), "nested deeper than"),
    ("deep-objects", _manifest_text('{"a":' * 100_000 + "1" + "}" * 100_000), "nested deeper than"),
    ("deep-inside", lambda c: c.text_of("manifest.json", '"warnings": []', f'"warnings": {DEEP}'), "nested deeper"),
    ("a-list", _manifest_text("[]"), "expected a JSON object"),
    ("a-number", _manifest_text("1"), "expected a JSON object"),
    ("empty-object", _manifest_text("{}"), "schema_version"),
    ("twice", _damage("manifest.json", lambda d: d + d), "Extra data"),
    ("huge", lambda c: os.truncate(c.run / "manifest.json", SPARSE), "larger than"),
    ("merge-conflict", _damage("manifest.json", lambda d: b"<<<<<<< HEAD\n" + d), "line 1"),
    ("duplicate-key", lambda c: c.text_of("manifest.json", '{\n  "artifacts"', '{\n  "run_id": "x",\n  "artifacts"'), '"run_id" stands twice'),
    ("duplicate-metric", lambda c: c.text_of("manifest.json", '"dummy":', '"value": 1.0,\n        "dummy":'), '"value" stands twice'),
    ("nan", lambda c: c.set("outcome.metrics.accuracy.value", 0.123456) or c.text_of("manifest.json", "0.123456", "NaN"), "NaN is no JSON number"),
    ("1e999", lambda c: c.set("outcome.metrics.accuracy.value", 0.123456) or c.text_of("manifest.json", "0.123456", "1e999"), "too large"),
    ("many-digits", lambda c: c.set("outcome.metrics.accuracy.value", 0.123456) or c.text_of("manifest.json", "0.123456", "9" * 5000), "not a manifest"),
    ("surrogate", lambda c: c.text_of("manifest.json", "Tell three", "\\ud83d"), "surrogate"),
    ("newer-version", lambda c: c.set("schema_version", SCHEMA_VERSION + 1), "install a newer week2kit"),
    ("far-newer-version", lambda c: c.set("schema_version", 10**300), "install a newer week2kit"),
    ("version-beyond-all-floats", lambda c: c.set("schema_version", 10**400), "0 is too large for a number"),
    ("older-version", lambda c: c.set("schema_version", 0), "was never used"),
    ("negative-version", lambda c: c.set("schema_version", -(10**9)), "was never used"),
    ("version-as-text", lambda c: c.set("schema_version", "1"), "no whole number under schema_version"),
    ("version-as-float", lambda c: c.set("schema_version", 1.0), "no whole number under schema_version"),
    ("version-as-true", lambda c: c.set("schema_version", True), "no whole number under schema_version"),
    ("no-version", lambda c: c.set("schema_version", REMOVED), "no whole number under schema_version"),
    ("unknown-key", lambda c: c.set("tolerance", 1e9), "tolerance"),
    ("unknown-key-inside", lambda c: c.set("outcome.metrics.accuracy.tolerance", 1e9), "tolerance"),
    ("status-unknown", lambda c: c.set("status", "verified"), "status"),
    ("status-failed", lambda c: c.set("status", "failed"), "outcome"),
    ("status-running", lambda c: c.set("status", "running"), "outcome"),
    ("status-missing", lambda c: c.set("status", REMOVED), "status"),
    ("no-metrics", lambda c: c.set("outcome.metrics", {}), "outcome.metrics"),
    ("classes-null", lambda c: c.set("outcome.classes", None), "outcome.classes: a classification has classes"),
    ("classes-empty", lambda c: c.set("outcome.classes", []), "outcome.classes: it holds no class"),
    ("classes-one", lambda c: c.set("outcome.classes", ["A"]), "outcome.classes: expected two classes or more"),
    ("classes-twice", lambda c: c.set("outcome.classes.0", "C"), "outcome.classes: the class 'C' stands there 2 times"),
    ("classes-of-all-kinds", lambda c: c.set("outcome.classes", [1, "A", True]), "outcome.classes: the classes are not all of one kind"),
    ("classes-one-in-two-types", lambda c: c.set("outcome.classes", [1, 1.0]), "outcome.classes: the classes are not all of one kind"),
    ("classes-zero-twice", lambda c: c.set("outcome.classes", [0.0, -0.0]), "outcome.classes: the class 0.0 stands there 2 times"),
    ("classes-null-among-them", lambda c: c.set("outcome.classes.0", None), "outcome.classes.0"),
    ("classes-beyond-64-bits", lambda c: c.set("outcome.classes", [1, 2**63, 3]), "outcome.classes: "),
    ("positive-of-three", lambda c: c.set("outcome.positive", "A"), "outcome.positive: only one of two classes"),
    ("regression-with-classes", lambda c: c.set("outcome.task", "regression"), "outcome.classes: a classification has classes, and a regression has none"),
    ("score-method-of-a-regression", lambda c: c.set("outcome.predictions.score_method", "predict"), "outcome.predictions.score_method"),
    ("warning-with-a-huge-number", lambda c: c.set("warnings", [{"code": "data.leak", "values": {"score": 10**400}}]), "0 is too large for a number"),
    ("warning-with-a-huge-key", lambda c: c.set("warnings", [{"code": "data.leak", "values": {"x" * 10_001: 1}}]), "warnings.0.values: it holds a text of 10001 characters"),
    ("config-of-many-keys", lambda c: c.set("inputs.config.resolved.model.params", {f"k{i}": i for i in range(10_000)}), "inputs.config.resolved: it holds more than 10000 keys"),
    ("warnings-without-end", lambda c: c.set("warnings", [{"code": "x", "values": {}}] * 10_001), "warnings: List should have at most 10000"),
    ("config-with-a-huge-number", lambda c: c.set("inputs.config.resolved.model.params.C", -(10**400)), ": -1000"),
    ("metric-huge-whole-number", lambda c: c.set("outcome.metrics.accuracy.value", 10**309), "0 is too large for a number"),
    ("rows-beyond-all-floats", lambda c: c.set("inputs.data.rows", 2**53 + 1), "inputs.data.rows"),
    ("seconds-of-ages", lambda c: c.set("stages.0.seconds", 1e300), "stages.0.seconds"),
    ("no-such-date", lambda c: c.set("created_at", "2026-99-99T25:61:61Z"), "created_at: there is no such date or time of day"),
    ("command-of-a-megabyte", lambda c: c.set("command", "A" * 1_600_000), "command: String should have at most 10000"),
    ("goal-of-a-lone-surrogate", lambda c: c.text_of("manifest.json", "Tell three", "\\udc80"), "surrogate"),
    ("larger-than-8-MiB", lambda c: c.set("inputs.config.resolved.goal", "A" * (8 << 20)), "larger than 8388608 bytes"),
    ("no-folds", lambda c: c.set("outcome.split.folds", []), "outcome.split.folds"),
    ("no-outcome", lambda c: c.set("outcome", None), "outcome"),
    ("value-as-text", lambda c: c.set("outcome.metrics.accuracy.value", "1.0"), "outcome.metrics.accuracy.value"),
    ("value-as-true", lambda c: c.set("outcome.metrics.accuracy.value", True), "outcome.metrics.accuracy.value"),
    ("seed-as-text", lambda c: c.set("inputs.seed.value", "42"), "inputs.seed.value"),
    ("seed-as-float", lambda c: c.set("inputs.seed.value", 42.0), "inputs.seed.value"),
    ("seed-too-large", lambda c: c.set("inputs.seed.value", 2**32), "inputs.seed.value"),
    ("rows-negative", lambda c: c.set("inputs.data.rows", -1), "inputs.data.rows"),
    ("digest-short", lambda c: c.set("inputs.data.table_digest", "ab"), "inputs.data.table_digest"),
    ("digest-upper", lambda c: c.set("inputs.data.table_digest", str.upper), "inputs.data.table_digest"),
    ("run-id-a-path", lambda c: c.set("run_id", "../../etc"), "run_id"),
    ("artifacts-an-object", lambda c: c.set("artifacts", {}), "artifacts"),
    ("environment-null", lambda c: c.set("inputs.environment", None), "inputs.environment"),
    ("a-folder", _instead("manifest.json", Path.mkdir), "it is a folder"),
    ("a-fifo", _instead("manifest.json", os.mkfifo), "not a regular file"),
    ("a-link-to-zero", _instead("manifest.json", lambda p: p.symlink_to("/dev/zero")), "symbolic link"),
    ("a-link-out", lambda c: _instead("manifest.json", lambda p: p.symlink_to(c.other("penguins") / "manifest.json"))(c), "symbolic link"),
    ("a-loop", _instead("manifest.json", lambda p: p.symlink_to(p.name)), "symbolic link"),
    ("missing", lambda c: (c.run / "manifest.json").unlink(), "manifest.json"),
    ("run-is-a-file", lambda c: (shutil.rmtree(c.run), c.run.write_text("x")), "expected a run folder, and it is a file"),
    ("run-is-missing", lambda c: shutil.rmtree(c.run), "not there"),
    ("run-is-empty", lambda c: (shutil.rmtree(c.run), c.run.mkdir()), "it holds no run"),
    ("run-is-a-loop", lambda c: (shutil.rmtree(c.run), c.run.symlink_to("run")), "run"),
):  # fmt: skip
    case(f"manifest-{id_}", "penguins", change, None, says)
case("manifest-positive-of-another-type", "folds", lambda c: c.set("outcome.positive", True), None, "outcome.positive: it is none of the classes")  # fmt: skip
case("manifest-positive-unknown", "folds", lambda c: c.set("outcome.positive", 2), None, "outcome.positive: it is none of the classes")  # fmt: skip
case("manifest-classes-that-positive-is-not-of", "folds", lambda c: c.set("outcome.classes", [False, True]), None, "outcome.positive: it is none of the classes")  # fmt: skip
case("manifest-regression-with-no-scores", "houses", lambda c: c.set("outcome.predictions.score_method", None), None, "outcome.predictions.score_method")  # fmt: skip

# --- the record against itself ----------------------------------------------------------------------------------

ACCURACY = "outcome.metrics.accuracy"


def _artifact(name: str, key: str, new: Any) -> Callable[[Copy], None]:
    def change(manifest: Any) -> None:
        artifact = next(a for a in manifest["artifacts"] if a["name"] == name)
        artifact[key] = new

    return lambda copy: copy.json_of("manifest.json", change)


def _metric(base_value: float) -> Callable[[Copy], None]:
    """The metric in manifest and metrics.json, and the digest of the file."""

    def change(copy: Copy) -> None:
        copy.set(f"{ACCURACY}.value", base_value)
        copy.json_of("metrics.json", lambda metrics: put(metrics, "accuracy", base_value))
        copy.seal()

    return change


for id_, change, says in (
    ("metric-alone", lambda c: c.set(f"{ACCURACY}.value", 0.99), "metrics.json says"),
    ("metric-null", lambda c: c.set(f"{ACCURACY}.value", None), "and the manifest accuracy nothing"),
    ("metrics.json-alone", lambda c: c.json_of("metrics.json", lambda m: put(m, "accuracy", 0.99)), "metrics.json: its content"),
    ("metrics.json-sealed", lambda c: (c.json_of("metrics.json", lambda m: put(m, "accuracy", 0.99)), c.seal()), "metrics.json says"),
    ("metrics.json-sealed-extra", lambda c: (c.json_of("metrics.json", lambda m: put(m, "auc", 0.99)), c.seal()), "metrics.json says"),
    ("metrics.json-sealed-empty", lambda c: (c.json_of("metrics.json", lambda m: {}), c.seal()), "metrics.json says"),
    ("metric-everywhere", _metric(0.99), "accuracy is recorded as 0.99, and predictions.csv gives 0.888"),
    ("metric-everywhere-by-a-bit", _metric(0.8888888888888890), "accuracy is recorded as"),
    ("metric-lower", _metric(0.1), "accuracy is recorded as 0.1"),
    ("metric-huge", _metric(1e308), "accuracy is recorded as 1e+308"),
    ("val-report-sealed", lambda c: (c.text_of("val_report.txt", "0.8", "0.9"), c.seal()), "val_report.txt is not the report"),
    ("requirements-sealed", lambda c: (c.text_of("requirements.txt", "scikit-learn==", "scikit-learn==9."), c.seal()), "requirements.txt does not list"),
    ("config-sealed", lambda c: (c.text_of("config.json", '"max_iter": 500', '"max_iter": 501'), c.seal()), "config.json is not the config"),
    ("config-in-manifest", lambda c: c.set("inputs.config.resolved.model.params.max_iter", 501), "(model.params.max_iter is 501 there, and 500 here)"),
    ("config-key-added", lambda c: (c.json_of("config.json", lambda v: put(v, "model.params.C", 2.0)), c.seal()), "(model.params.C is not given there, and 2.0 here)"),
    ("config-keys-edited", lambda c: (c.json_of("config.json", lambda v: put(v, "split.test_size", 0.3)), c.json_of("config.json", lambda v: put(v, "data.drop", ["year", "mass"])), c.seal()), "(split.test_size is 0.2 there, and 0.3 here; data.drop.1 is not given there, and mass here)"),
    ("config-a-list", lambda c: (c.json_of("config.json", lambda v: [v]), c.seal()), "config.json is not the config in the manifest (the whole is"),
    ("config-keys-with-dots", lambda c: (c.json_of("config.json", lambda v: ({k: w for k, w in v.items() if k != "split"} | {"split": {}} | {f"split.{k}": w for k, w in v["split"].items()})), c.seal()), "config.json is not the config in the manifest"),
    ("config-digest", lambda c: c.set("inputs.config.digest", "0" * 64), "does not have the digest"),
    ("config-null", lambda c: c.set("inputs.config.resolved", None), "config"),
    ("seed-alone", lambda c: c.set("inputs.seed.value", 43), "the seed is 43 among the inputs and 42 in the config"),
    ("config-invalid", lambda c: c.forge_config("split.test_size", 7.5), "no completed run has a config like this"),
    ("config-no-object", lambda c: c.forge_config("split", []), "no completed run has a config like this"),
    ("config-other-model", lambda c: c.forge_config("model.class", "sklearn.linear_model.Ridge"), "the config says"),
    ("config-metric-added", lambda c: c.forge_config("metrics", ["accuracy", "f1_macro", "log_loss", "roc_auc_ovr"]), "asks for the metrics"),
    ("config-metric-left-out", lambda c: c.forge_config("metrics", ["accuracy"]), "asks for the metrics"),
    ("metric-left-out", lambda c: c.set("outcome.metrics.log_loss", REMOVED), "log_loss"),
    ("metric-unknown", lambda c: c.json_of("manifest.json", lambda m: m["outcome"]["metrics"].update(luck=m["outcome"]["metrics"]["accuracy"])), "luck"),
    ("model-class", lambda c: c.set("outcome.model.class", "sklearn.svm.SVC"), "sklearn.svm.SVC"),
    ("model-digest", lambda c: c.set("outcome.model.digest", "0" * 64), "the digest of the model and that of model.joblib differ"),
    ("split-method", lambda c: c.set("outcome.split.method", "kfold"), "kfold"),
    ("data-source", lambda c: c.set("inputs.data.source", "dataset"), "dataset"),
    ("data-path", lambda c: c.set("inputs.data.path", "q.csv"), "q.csv"),
    ("data-reader", lambda c: c.set("inputs.data.reader", "tsv"), "tsv"),
    ("table-digest", lambda c: c.set("inputs.data.table_digest", "0" * 64), "does not follow from those of its columns"),
    ("column-digest", lambda c: c.set("inputs.data.columns.0.digest", "0" * 64), "does not follow from those of its columns"),
    ("column-left-out", lambda c: c.set("inputs.data.columns.0", REMOVED), "does not follow from those of its columns"),
    ("no-columns", lambda c: c.set("inputs.data.columns", []), "does not follow from those of its columns"),
    ("folds-where-none-are", lambda c: c.set(f"{ACCURACY}.folds", [0.9]), "accuracy: expected"),
    ("rows-of-predictions", lambda c: c.set("outcome.predictions.rows", 17), "18"),
    ("n-val", lambda c: c.set("outcome.split.folds.0.n_val", 17), "expected 17"),
    ("n-val-and-rows", lambda c: (c.set("outcome.split.folds.0.n_val", 17), c.set("outcome.predictions.rows", 17)), "predictions.csv: its folds have"),
    ("labels-digest", lambda c: c.set("outcome.predictions.digest", "0" * 64), "its labels do not have the recorded digest"),
    ("scores-digest", lambda c: c.set("outcome.predictions.scores", "0" * 64), "its scores do not have the recorded digest"),
    ("scores-digest-null", lambda c: c.set("outcome.predictions.scores", None), "its scores do not have the recorded digest"),
    ("score-method", lambda c: c.set("outcome.predictions.score_method", "decision_function"), "predictions.csv"),
    ("score-method-null", lambda c: c.set("outcome.predictions.score_method", None), "predictions.csv"),
    ("classes-renamed", lambda c: c.set("outcome.classes.0", "B"), "predictions.csv"),
    ("classes-reversed", lambda c: c.set("outcome.classes", ["G", "C", "A"]), "predictions.csv"),
    ("artifact-unlisted", lambda c: c.set("artifacts.3", REMOVED), "expected these artifacts"),
    ("artifacts-none", lambda c: c.set("artifacts", []), "expected these artifacts"),
    ("artifact-twice", lambda c: c.set("artifacts", lambda a: [*a, a[0]]), "lists one twice"),
    ("artifact-path-out", _artifact("config", "path", "../../../etc/passwd"), "lists a file that no run has"),
    ("artifact-path-absolute", _artifact("config", "path", "/etc/passwd"), "lists a file that no run has"),
    ("artifact-path-other", _artifact("config", "path", "metrics.json"), "lists a file that no run has"),
    ("artifact-renamed", _artifact("config", "name", "passwd"), "lists a file that no run has"),
    ("artifact-digest", _artifact("predictions", "sha256", "0" * 64), "predictions.csv: its content"),
    ("curves-listed-without-being-asked-for", lambda c: c.set("artifacts", lambda a: [*a, {"name": "curves", "path": "curves.json", "sha256": "0" * 64, "bytes": 1}]), "expected these artifacts"),
):  # fmt: skip
    case(f"record-{id_}", "penguins", change, "tampered", says)

for id_, change, says in (
    ("one-fold", lambda c: c.set(f"{ACCURACY}.folds.1", 1.0), "mean and deviation of the folds"),
    ("std", lambda c: c.set(f"{ACCURACY}.std", 0.001), "mean and deviation of the folds"),
    ("std-null", lambda c: c.set(f"{ACCURACY}.std", None), "mean and deviation of the folds"),
    ("folds-reordered", lambda c: c.set(f"{ACCURACY}.folds", lambda f: f[::-1]), "accuracy"),
    ("folds-none", lambda c: c.set(f"{ACCURACY}.folds", []), "accuracy: expected 3"),
    ("folds-huge", lambda c: c.set(f"{ACCURACY}.folds", [1e308] * 3), "mean and deviation of the folds"),
    (
        "folds-spread-huge",
        lambda c: c.set(f"{ACCURACY}.folds", [1e200, -1e200, 0.5]),
        "mean and deviation of the folds",
    ),
    ("positive-edited", lambda c: c.set("outcome.positive", 0), "the record"),
    ("one-fold-less", lambda c: c.set("outcome.split.folds.2", REMOVED), "accuracy: expected 2"),
):
    case(f"record-{id_}", "folds", change, "tampered", says)

# --- forgeries that agree with themselves -----------------------------------------------------------------------


def _predictions(change: Callable[..., Any], **more: Any) -> Callable[[Copy], None]:
    return lambda copy: copy.forge_predictions(change, **more)


for base in ("penguins", "folds", "iris"):
    case(
        "forged-one-label",
        base,
        _predictions(one_label),
        "different",
        "the scores on the validation rows are not",
        layer="predictions",
        cause="",
    )
    case(
        "forged-all-labels",
        base,
        _predictions(labels_right),
        "different",
        "the predicted labels are not",
        layer="predictions",
        cause="",
    )
case(
    "forged-last-digit-of-a-score",
    "penguins",
    _predictions(scores_shifted),
    "different",
    "the scores on the validation rows",
    layer="predictions",
    cause="",
)
case(
    "forged-one-value",
    "houses",
    _predictions(one_label),
    "different",
    "root_mean_squared_error: recorded",
    layer="predictions",
    cause="",
)
case(
    "forged-values-scaled",
    "houses",
    _predictions(lambda p: replace(p, y_pred=p.y_pred * (1 + 1e-12), scores=p.y_pred * (1 + 1e-12))),
    "different",
    "scores",
    layer="predictions",
)
case(
    "forged-one-label",
    "margins",
    _predictions(one_label),
    "different",
    "the predicted labels are not",
    layer="predictions",
    cause="",
)
case(
    "forged-margins-doubled",
    "margins",
    _predictions(scores_scaled(2.0)),
    "different",
    "the scores on the validation rows",
    layer="predictions",
    cause="",
)
case(
    "forged-margins-beyond-scale",
    "margins",
    _predictions(lambda p: replace(labels_right(p), scores=(2.0 * p.y_true - 1) * 1.7e308)),
    "different",
    "scores",
    layer="predictions",
)
for base in ("penguins", "folds", "houses"):
    case(
        "forged-rows-renamed",
        base,
        _predictions(rows_renamed),
        "different",
        "other rows, or other true values",
        layer="predictions",
        cause="",
    )
for base in ("other", "margins", "iris"):
    case(
        "forged-truths-swapped",
        base,
        _predictions(truths_swapped),
        "different",
        "other rows, or other true values",
        layer="predictions",
        cause="",
    )
case(
    "forged-folds-renumbered",
    "folds",
    _predictions(folds_renumbered),
    "different",
    "other rows",
    layer="predictions",
    cause="",
)
case(
    "forged-truths-are-the-predictions",
    "penguins",
    _predictions(lambda p: replace(p, y_true=p.y_pred.copy())),
    "different",
    "other true values",
    layer="predictions",
    cause="",
)
case(
    "forged-truths-are-the-predictions",
    "houses",
    _predictions(lambda p: replace(p, y_true=p.y_pred + 1)),
    "different",
    "other true values",
    layer="predictions",
    cause="",
)
case(
    "predictions-edited-unsealed-metrics",
    "penguins",
    _predictions(one_label, metrics=False),
    "tampered",
    "accuracy is recorded as 0.888",
)
case(
    "predictions-edited-metrics-kept",
    "houses",
    _predictions(one_label, metrics=False),
    "tampered",
    "predictions.csv gives",
)


def _csv(change: Callable[[list[str]], object]) -> Callable[[Copy], None]:
    """Edit the lines of predictions.csv and seal it."""

    def apply(copy: Copy) -> None:
        lines = (copy.run / "predictions.csv").read_text().splitlines()
        changed = change(lines)
        text = "\n".join(changed if isinstance(changed, list) else lines) + "\n"
        (copy.run / "predictions.csv").write_text(text, encoding="utf-8", newline="")
        copy.seal()

    return apply


for id_, lines, says in (
    ("header-only", lambda ls: ls[:1], "it holds no predictions"),
    ("no-header", lambda ls: ls[1:], "its columns are not"),
    ("nothing", lambda ls: [], "predictions.csv"),
    ("a-row-less", lambda ls: ls[:-1], "its folds have"),
    ("a-row-more", lambda ls: [*ls, ls[-1]], "its folds have"),
    ("rows-swapped", lambda ls: [ls[0], ls[2], ls[1], *ls[3:]], "do not have the recorded digest"),
    ("column-renamed", lambda ls: ls.__setitem__(0, ls[0].replace("score:A", "score:B")), "its columns are not"),
    ("a-word-for-a-score", lambda ls: ls.__setitem__(1, ls[1].rpartition(",")[0] + ",best"), "line 2 is not as week2kit writes"),
    ("nan-score", lambda ls: ls.__setitem__(1, ls[1].rpartition(",")[0] + ",nan"), "predictions.csv"),
    ("infinite-score", lambda ls: ls.__setitem__(1, ls[1].rpartition(",")[0] + ",1e999"), "line 2 is not as week2kit writes"),
    ("unknown-label", lambda ls: ls.__setitem__(1, ls[1].replace(",G,", ",X,", 1)), "none of the classes"),
    ("huge-row", lambda ls: ls.__setitem__(1, "0,0," + "9" * 400 + ls[1][ls[1].index(",", 5):]), "line 2 is not as week2kit writes"),
    ("fraction-of-a-row", lambda ls: ls.__setitem__(1, "0,0,1.5" + ls[1][ls[1].index(",", 5):]), "line 2 is not as week2kit writes"),
    ("fraction-of-the-right-row", lambda ls: ls.__setitem__(2, ls[2].replace(",", ".9,", 3).replace(".9,", ",", 2)), "line 3 is not as week2kit writes"),
    ("false-for-a-repeat", lambda ls: [ls[0], *("False" + line[1:] for line in ls[1:])], "line 2 is not as week2kit writes"),
    ("blank-lines-at-the-end", lambda ls: [*ls, "", ""], "line 20 is not as week2kit writes"),
    ("negative-fold", lambda ls: ls.__setitem__(1, "0,-1" + ls[1][3:]), "its folds have"),
    ("a-cell-less", lambda ls: ls.__setitem__(1, ls[1].rpartition(",")[0]), "its lines have not all as many cells"),
    ("nul-byte", lambda ls: ls.__setitem__(1, ls[1].replace(",G,", ",\0,", 1)), "predictions.csv"),
    ("open-quote", lambda ls: ls.__setitem__(1, '"' + ls[1]), "predictions.csv"),
):  # fmt: skip
    case(f"predictions-{id_}", "penguins", _csv(lines), "tampered", says)

for base, place, new, says, layer in (
    ("penguins", f"{ACCURACY}.training", 1.0, "accuracy on training rows [value, rows]: recorded 1.0", "metrics"),
    ("penguins", f"{ACCURACY}.training", 0.7638888888888890, "accuracy on training rows", "metrics"),
    ("penguins", f"{ACCURACY}.n_training_rows", 71, "accuracy on training rows", "metrics"),
    ("penguins", f"{ACCURACY}.dummy", 0.1, "accuracy of the dummy: recorded 0.1", "metrics"),
    ("penguins", f"{ACCURACY}.greater_is_better", False, "accuracy", "metrics"),
    ("penguins", f"{ACCURACY}.std", 0.01, "accuracy", "metrics"),
    ("penguins", f"{ACCURACY}.repeats", [{"seed": 43, "value": 0.9, "folds": []}], "asks for 0 repeats, and 1 are recorded", None),
    ("penguins", "outcome.metrics.log_loss.dummy", 9.9, "log_loss of the dummy", "metrics"),
    ("penguins", "outcome.model.converged", False, "the solver: recorded", "model"),
    ("penguins", "outcome.model.converged", None, "the solver: recorded", "model"),
    ("penguins", "outcome.model.n_iter", [499], "the solver: recorded", "model"),
    ("penguins", "outcome.model.n_iter", None, "the solver: recorded", "model"),
    ("penguins", "outcome.split.positions", "0" * 64, "split (holdout)", "split"),
    ("penguins", "outcome.split.contents", "0" * 64, "split (holdout)", "split"),
    ("penguins", "outcome.split.splitter", "GroupShuffleSplit", "split (holdout)", "split"),
    ("penguins", "outcome.split.folds.0.n_train", 73, "split (holdout)", "split"),
    ("penguins", "inputs.data.rows", 91, "recorded with 91 rows, here 90", "data"),
    ("penguins", "inputs.data.unordered_digest", "0" * 16, "the rows of the recorded table have the checksum", "data"),
    ("penguins", "inputs.data.bytes", 7, "recorded with 7 bytes", "data"),
    ("penguins", "inputs.data.columns.0.missing", 0, "names, kinds, roles or missing values", "data"),
    ("penguins", "inputs.data.columns.0.kind", "int", "names, kinds, roles or missing values", "data"),
    ("penguins", "inputs.data.columns.0.role", "groups", "names, kinds, roles or missing values", "data"),
    ("penguins", "inputs.data.columns.0.name", "width", "names, kinds, roles or missing values", "data"),
    ("folds", f"{ACCURACY}.training", 1.0, "accuracy on training rows", "metrics"),
    ("folds", "outcome.metrics.roc_auc.dummy", 0.1, "roc_auc of the dummy", "metrics"),
    ("folds", "outcome.split.positions", "0" * 64, "split (kfold)", "split"),
    ("houses", "outcome.metrics.r2.training", 1.0, "r2 on training rows", "metrics"),
    ("houses", "outcome.metrics.root_mean_squared_error.greater_is_better", True, "root_mean_squared_error", "metrics"),
    ("iris", f"{ACCURACY}.dummy", 0.2, "accuracy of the dummy", "metrics"),
):  # fmt: skip
    verdict = "different" if layer else "tampered"
    shown = json.dumps(new).replace('"', "")[:12]
    case(
        f"claim-{place.removeprefix('outcome.')}={shown}",
        base,
        lambda c, p=place, n=new: c.set(p, n),
        verdict,
        says,
        layer=layer,
    )  # type: ignore[misc]


for base, place, new, says in (
    ("repeats", "repeats", [], "the config asks for 2 repeats, and 0 are recorded"),
    ("repeats", "repeats", lambda r: [*r, r[1] | {"seed": 44}], "the config asks for 2 repeats, and 3 are recorded"),
    ("repeats", "repeats", lambda r: r[::-1], "its repeats should have the seeds 42, 43, and have 43, 42"),
    ("repeats", "repeats", lambda r: [r[0], r[0]], "its repeats should have the seeds 42, 43, and have 42, 42"),
    ("repeats", "repeats.1.seed", 99, "its repeats should have the seeds 42, 43, and have 42, 99"),
    ("repeats", "repeats.0.folds", lambda f: f[1:], "each repeat should have 3 folds, and one has 2"),
    ("repeats", "repeats.1.folds", [], "each repeat should have 3 folds, and one has 0"),
    ("repeats", "repeats.0.folds.0", 0.5, "the mean of the folds of a repeat is"),
    ("repeats", "repeats.0.value", 0.987, "and the record says 0.987"),
    ("one_repeat", "repeats.0.folds", [0.5], "each repeat should have 0 folds, and one has 1"),
):  # fmt: skip
    row = f"{place}={new if not callable(new) else says[-12:]}"
    case(row, base, lambda c, p=place, n=new: c.set(f"{ACCURACY}.{p}", n), "tampered", says)  # type: ignore[misc]
for row, base, new, says in (
    ("more-asked-for", "repeats", 3, "accuracy: the config asks for 3 repeats, and 2 are recorded"),
    ("none-asked-for", "repeats", REMOVED, "accuracy: the config asks for 0 repeats, and 2 are recorded"),
    ("a-billion-asked-for", "repeats", 10**9, "no completed run has a config like this"),
    ("true-asked-for", "one_repeat", True, "no completed run has a config like this"),
):
    case(row, base, lambda c, n=new: c.forge_config("repeats", n), "tampered", says)  # type: ignore[misc]
case("null-asked-for", "penguins", lambda c: c.forge_config("repeats", None), "tampered", "asks for nothing repeats")


def _better_repeat(copy: Copy) -> None:
    """A repeat that agrees with itself, and that no training gave."""
    copy.set("outcome.metrics.accuracy.repeats.1", lambda repeat: repeat | {"folds": [1.0] * 3, "value": 1.0})


NOT_AGAIN = "repeats with other seeds were not trained again: --repeats does that, too."
REPEATED = {"level": "model", "cause": ""}
case("untouched", "repeats", nothing, "identical", f"note: the 2 {NOT_AGAIN}", **REPEATED)
case("untouched-and-asked-for", "repeats", nothing, "identical", "scores and model.", repeats=True, **REPEATED)
case("untouched-and-asked-for", "one_repeat", nothing, "identical", "scores and model.", repeats=True, **REPEATED)
case("untouched-and-asked-for", "penguins", nothing, "identical", "scores and model.", repeats=True, **REPEATED)
case("better", "repeats", _better_repeat, "identical", f"note: the 2 {NOT_AGAIN}", **REPEATED)
case(
    "better-and-asked-for",
    "repeats",
    _better_repeat,
    "different",
    "accuracy, repeats with other seeds: seed 43: recorded 1.0, here",
    layer="metrics",
    cause="",
    repeats=True,
)
case(
    "better-and-an-excuse",
    "repeats",
    lambda c: (_better_repeat(c), c.set("inputs.environment.cpu.model", "Z80")),
    "different",
    "moves no score beyond the tolerance: that does not explain it",
    layer="metrics",
    repeats=True,
)
case(
    "better-and-an-excuse-of-versions",
    "repeats",
    lambda c: (_better_repeat(c), c.set("inputs.environment.implementation", "PyPy")),
    "undecided",
    "accuracy, repeats with other seeds: seed 43: recorded 1.0, here",
    layer="metrics",
    repeats=True,
)
case(
    "better-in-the-last-bits",
    "one_repeat",
    lambda c: c.set("outcome.metrics.log_loss.repeats.0.value", lambda value: value * (1 - 2e-16)),
    "different",
    "log_loss, repeats with other seeds: seed 43: recorded",
    layer="metrics",
    repeats=True,
)


def _metric_in_the_last_bits(copy: Copy) -> None:
    value = copy.get("outcome.metrics.log_loss.value") + 1e-12
    copy.set("outcome.metrics.log_loss.value", value)
    copy.json_of("metrics.json", lambda metrics: put(metrics, "log_loss", value))
    copy.seal()


case(
    "metric-of-scores-in-the-last-bits",
    "penguins",
    _metric_in_the_last_bits,
    "different",
    "log_loss: recorded",
    layer="metrics",
)


def _curves(copy: Copy) -> None:
    copy.json_of("curves.json", lambda curves: put(curves, "points.0.validation", 1.0))
    copy.seal()


case(
    "curves-missing-and-digest-edited",
    "iris",
    lambda c: ((c.run / "curves.json").unlink(), _artifact("curves", "sha256", "0" * 64)(c)),
    "different",
    "curves.json: the learning curve came out otherwise",
    layer="metrics",
)
case("data-given", "iris", nothing, "identical", "--data", level="model", cause="", data="none.csv")
case(
    "curves-sealed", "iris", _curves, "different", "curves.json: the learning curve came out otherwise", layer="metrics"
)


def _other_model(copy: Copy) -> None:
    shutil.copy(copy.other("other") / "model.joblib", copy.run / "model.joblib")
    copy.seal()


for base in ("penguins", "folds", "houses", "margins"):
    case(
        "model-of-another-run-sealed",
        base,
        _other_model,
        "different",
        "model.joblib: 5 fits here",
        layer="model",
        cause="",
    )
case(
    "model-of-another-run-sealed",
    "neighbours",
    _other_model,
    "identical",
    "those of KNeighborsClassifier may vary from fit to fit: its threads count their work",
    level="scores",
    cause="",
)
case(
    "model-edited-sealed",
    "penguins",
    lambda c: (c.bytes_of("model.joblib", lambda d: d + b"."), c.seal()),
    "different",
    "model.joblib",
    layer="model",
)
case(
    "model-missing-and-digest-edited",
    "penguins",
    lambda c: (
        (c.run / "model.joblib").unlink(),
        c.set("outcome.model.digest", "0" * 64),
        _artifact("model", "sha256", "0" * 64)(c),
    ),
    "different",
    "model.joblib",
    layer="model",
)

# the config, edited everywhere: another experiment than the one whose results stand there
for base, place, new, layer in (
    ("penguins", "model.params.max_iter", 3, "model"),
    ("penguins", "model.params.C", 100.0, "model"),
    ("penguins", "model.params.max_iter", 501, "model"),
    ("penguins", "split.test_size", 0.25, "split"),
    ("penguins", "split.random_state", 43, "split"),
    ("penguins", "split.stratify", False, "split"),
    ("penguins", "split.shuffle", False, None),
    ("penguins", "preprocess.0.steps.0.params.strategy", "mean", "model"),
    ("penguins", "data.drop", ["year", "depth"], "data"),
    ("penguins", "data.target", "island", "data"),
    ("penguins", "data.drop", ["yaer"], "data"),
    ("houses", "model.params.alpha", 0.1, "model"),
    ("folds", "split.n_splits", 3.0, None),
    ("folds", "split.random_state", 6, "split"),
    ("other", "model.params.max_depth", 2, "model"),
    ("other", "model.params.memory", "cache", None),
):
    verdict = "tampered" if layer is None and place != "model.params.memory" else "different"
    if place == "model.params.memory":
        layer = "data"
    case(
        f"config-{place}={json.dumps(new)}",
        base,
        lambda c, p=place, n=new: c.forge_config(p, n),
        verdict,
        "",
        layer=layer,
    )  # type: ignore[misc]


def _seed_everywhere(copy: Copy) -> None:
    """The seed, and every random_state that followed it."""
    text = (copy.run / "config.json").read_text()
    config = json.loads(text.replace('"random_state": 42', '"random_state": 43').replace('"seed": 42', '"seed": 43'))
    copy.set("inputs.config.resolved", config)
    copy.set("inputs.seed.value", 43)
    copy.forge_config("seed", 43)


case("seed-everywhere", "penguins", _seed_everywhere, "different", "split (holdout)", layer="split")
case("goal-rewritten", "penguins", lambda c: c.forge_config("goal", "Another"), "identical", "model", level="model")

# --- the environment and the code -------------------------------------------------------------------------------


def _other_module(copy: Copy) -> None:
    """A record of another week2kit, one of whose training modules differs."""
    copy.json_of("manifest.json", lambda manifest: _set_code(manifest["inputs"]["code"], "modules.data.py"))
    copy.set("inputs.code.digest", code_digest(copy.get("inputs.code.modules")))


def _set_code(code: Any, place: str) -> None:
    if place == "modules":
        code["modules"] = {}
    elif place == "digest":
        code["digest"] = "0" * 64
    else:
        code["modules"][place.removeprefix("modules.")] = "0" * 64


def _of_version_1(copy: Copy) -> None:
    """The record as the first version of the schema kept it."""

    def change(manifest: Any) -> None:
        manifest["schema_version"] = 1
        del manifest["inputs"]["code"]["modules"], manifest["inputs"]["data"]["unordered_digest"]

    copy.json_of("manifest.json", change)


for base in ("penguins", "houses", "folds", "iris"):
    case("schema-1", base, _of_version_1, "identical", "scores and model.", level="model", cause="")

HOLDS = "note: it holds here although"
case(
    "environment-cpu",
    "penguins",
    lambda c: c.set("inputs.environment.cpu.model", "Z80"),
    "identical",
    HOLDS,
    level="model",
)
case(
    "environment-threads",
    "penguins",
    lambda c: c.set("inputs.environment.openmp_threads", 96),
    "identical",
    HOLDS,
    level="model",
)
case(
    "environment-fingerprint",
    "penguins",
    lambda c: c.set("inputs.environment.fingerprint.blas", "0" * 64),
    "identical",
    HOLDS,
    level="model",
)
case(
    "environment-python",
    "penguins",
    lambda c: c.set("inputs.environment.python", "3.9.1"),
    "identical",
    HOLDS,
    level="model",
)
case(
    "environment-numpy",
    "penguins",
    lambda copy: copy.forge_library("numpy", "1.0.0"),
    "identical",
    HOLDS,
    level="model",
)
case(
    "environment-numpy-alone",
    "penguins",
    lambda c: c.set("inputs.environment.libraries.numpy", "1.0.0"),
    "tampered",
    "requirements.txt",
)
case("code-module", "penguins", _other_module, "identical", HOLDS, level="model")
for place in ("digest", "modules.data.py", "modules"):
    case(
        f"code-{place}-alone",
        "penguins",
        lambda c, p=place: c.json_of("manifest.json", lambda m: _set_code(m["inputs"]["code"], p)),
        "tampered",
        "the digest of the training code does not follow",
    )  # type: ignore[misc]
case("code-version", "penguins", lambda c: c.set("inputs.code.week2kit", "9.9"), "identical", "model", level="model")


# the week2kit that verifies is another one


def _in_module(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Another text in a training module."""

    def change(package: Path) -> None:
        path = package / "loop" / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} holds no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def _split_moved(package: Path) -> None:
    """The module that splits lies elsewhere, under another name."""
    (package / "loop" / "split.py").rename(package / "splitting.py")
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("week2kit.loop.split import", "week2kit.splitting import"), encoding="utf-8")
    code = package / "record" / "code.py"
    text = code.read_text(encoding="utf-8")
    code.write_text(
        text.replace('(package / "loop").glob("*.py")', '[*(package / "loop").glob("*.py"), package / "splitting.py"]'),
        encoding="utf-8",
    )


for id_, code in {
    "comment": _in_module("split.py", "def make_folds", "# a comment\ndef make_folds"),
    "docstring": _in_module("split.py", '"""One training: ', '"""A training: '),
    "blank-line": _in_module("split.py", "    rows = np", "\n\n    rows = np"),
    "import-order": _in_module(
        "split.py",
        "from sklearn import model_selection\nfrom sklearn.model_selection import GroupShuffleSplit, train_test_split\n",
        "from sklearn.model_selection import train_test_split, GroupShuffleSplit\nfrom sklearn import model_selection\n",
    ),
    "file-moved": _split_moved,
}.items():
    # on a forgery it can be seen: other code would excuse it
    forge = lambda c: c.forge_predictions(one_label)  # noqa: E731
    case(
        f"{id_}-in-the-code", "penguins", nothing, "identical", "scores and model.", level="model", cause="", code=code
    )
    case(
        f"{id_}-in-the-code-forged",
        "penguins",
        forge,
        "different",
        "different",
        layer="predictions",
        cause="",
        code=code,
    )
case(
    "operator-in-the-code",
    "penguins",
    nothing,
    "undecided",
    "other modules: metrics.py",
    cause="code week2kit",
    code=_in_module("metrics.py", "math.fsum(values) / len(values)", "math.fsum(values) - len(values)"),
)
case(
    "operator-in-the-code-forged",
    "penguins",
    lambda c: c.forge_predictions(one_label),
    "undecided",
    "other modules: split.py",
    layer="predictions",
    cause="code week2kit",
    code=_in_module("split.py", "smallest >= sides", "smallest > sides"),
)
case(
    "operator-that-changes-nothing-here",
    "penguins",
    nothing,
    "identical",
    "note: it holds here although other than recorded are: week2kit",
    level="model",
    code=_in_module("split.py", "smallest >= sides", "smallest > sides"),
)


def _elsewhere(change: Callable[[Copy], object]) -> Callable[[Copy], None]:
    """A forgery that also claims to come from another processor."""

    def apply(copy: Copy) -> None:
        change(copy)
        copy.set("inputs.environment.cpu.model", "Z80")

    return apply


IDLE = "moves no score beyond the tolerance: that does not explain it"
case(
    "elsewhere-metric-of-scores-in-the-last-bits",
    "penguins",
    _elsewhere(_metric_in_the_last_bits),
    "close",
    "within the",
    layer="metrics",
)
for id_, base, change, layer in (
    ("one-label", "penguins", _predictions(one_label), "predictions"),
    ("all-labels", "folds", _predictions(labels_right), "predictions"),
    ("one-value", "houses", _predictions(one_label), "predictions"),
    ("training", "penguins", lambda c: c.set(f"{ACCURACY}.training", 1.0), "metrics"),
    ("dummy", "penguins", lambda c: c.set(f"{ACCURACY}.dummy", 0.1), "metrics"),
    ("converged", "penguins", lambda c: c.set("outcome.model.converged", False), "model"),
    ("curves", "iris", _curves, "metrics"),
):
    # it claims another processor, and nothing that another processor changes moves this model
    case(f"elsewhere-{id_}", base, _elsewhere(change), "different", IDLE, layer=layer, cause="environment cpu")
case(
    "elsewhere-code-and-label",
    "penguins",
    lambda c: (c.forge_predictions(one_label), _other_module(c)),
    "undecided",
    "; other modules: data.py",
    layer="predictions",
    cause="code week2kit",
)
case(
    "elsewhere-positions",
    "penguins",
    _elsewhere(lambda c: c.set("outcome.split.positions", "0" * 64)),
    "different",
    "split (holdout)",
    layer="split",
)
case(
    "elsewhere-last-digit-of-a-score",
    "penguins",
    _elsewhere(_predictions(scores_shifted)),
    "identical",
    "every metric is equal",
    level="metrics",
)
case(
    "elsewhere-margins-in-the-last-digits",
    "margins",
    _elsewhere(_predictions(scores_scaled(1 + 1e-13))),
    "identical",
    "every metric is equal",
    level="metrics",
)
case(
    "elsewhere-all-other-values",
    "outlier",
    _elsewhere(_predictions(all_but_the_outlier)),
    "different",
    IDLE,
    layer="predictions",
    cause="environment cpu",
)
case("untouched", "bagged", nothing, "identical", "scores and model.", level="model", cause="")
case(
    "untouched",
    "neighbours",
    nothing,
    "identical",
    "bit for bit: metrics, predictions",
    level=("scores", "model"),  # as its threads raced here and there
    cause="",
)
case(
    "claims-64-cpus",
    "bagged",
    lambda c: c.set("inputs.environment.cpus", 64),
    "identical",
    f"{HOLDS} other than recorded are: cpus",
    level="model",
)
case(
    "claims-64-cpus",
    "houses",  # no job of it hangs on them
    lambda c: c.set("inputs.environment.cpus", 64),
    "identical",
    "scores and model.",
    level="model",
    cause="",
)
for count, says in ((64, "the recorded facts were put back (number of CPUs)"), (10_000, IDLE)):
    case(
        f"claims-{count}-cpus-and-one-value",
        "bagged",
        lambda c, n=count: (c.forge_predictions(one_label), c.set("inputs.environment.cpus", n)),
        "different",
        says,
        layer="predictions",
    )


def _without_scores(copy: Copy) -> None:
    copy.forge_predictions(scores_left_out)
    copy.set("outcome.predictions.score_method", None)


case("scores-left-out", "other", _without_scores, "different", "kind of scores", layer="predictions", cause="")
case(
    "elsewhere-scores-left-out",
    "other",
    _elsewhere(_without_scores),
    "different",
    "no processor changes",
    layer="predictions",
)
for id_, change in {"rows-renamed": _predictions(rows_renamed), "truths-swapped": _predictions(truths_swapped)}.items():
    case(
        f"elsewhere-{id_}",
        "other",
        _elsewhere(change),
        "different",
        "other rows, or other true values",
        layer="predictions",
    )
case(
    "elsewhere-one-cell",
    "penguins",
    _elsewhere(_cells(_one_cell(3, 0, "53.750001"))),
    "different",
    OTHER_TABLE,
    data="penguins.csv",
    layer="data",
    cause="data column length",
)
case(
    "elsewhere-column-dropped",
    "penguins",
    _elsewhere(_cells(lambda rows: [r[1:] for r in rows])),
    "different",
    "length",
    data="penguins.csv",
    layer="data",
    cause="data column length",
)
case(
    "elsewhere-model-of-another-run",
    "penguins",
    _elsewhere(_other_model),
    "identical",
    "note: the bytes of the model differ",
    level="scores",
)

# --- warnings ---------------------------------------------------------------------------------------------------


def _warnings(change: Callable[[list[Any]], list[Any]]) -> Callable[[Copy], None]:
    def apply(copy: Copy) -> None:
        before = copy.get("warnings")
        copy.set("warnings", change)
        assert copy.get("warnings") != before

    return apply


def _without(code: str) -> Callable[[Copy], None]:
    return _warnings(lambda told: [warned for warned in told if warned["code"] != code])


def _and_warned(code: str, **values: Any) -> Callable[[Copy], None]:
    return _warnings(lambda told: [*told, {"code": code, "values": values}])


def _other_score(by: float) -> Callable[[Copy], None]:
    def change(told: list[Any]) -> list[Any]:
        leak = next(warned for warned in told if warned["code"] == "data.leak")
        leak["values"]["score"] -= by
        return told

    return _warnings(change)


LEAK = "data.leak (feature b, metric balanced_accuracy, score 1.0)"
LIBRARY = {"category": "UserWarning", "message": "all is well"}
case("untouched", "warned", nothing, "identical", "scores and model.", level="model", cause="")
for id_, base, change, says in (
    ("warning-of-a-leak-left-out", "warned", _without("data.leak"), f"The training alone has {LEAK}."),
    ("warning-of-shared-rows-left-out", "warned", _without("split.shared_rows"), "split.shared_rows (looked_at 16, rows"),
    ("all-warnings-left-out", "warned", _warnings(lambda told: []), LEAK),
    ("warning-of-a-gap-left-out", "other", _without("metric.gap"), "The training alone has metric.gap"),
    ("warning-twice", "warned", _warnings(lambda told: [*told, told[0]]), f"The record alone has {LEAK}."),
    ("warning-of-another-score", "warned", _other_score(0.01), "The record alone has data.leak (feature b, metric balanced_accuracy, score 0.99). The training alone"),
    ("warning-of-a-leak-added", "penguins", _and_warned("data.leak", feature="mass", score=1.0, metric="r2"), "The record alone has data.leak"),
    ("warning-of-a-library-added", "penguins", _and_warned("library.warning", **LIBRARY), "The record alone has library.warning"),
    ("elsewhere-warning-of-a-leak-left-out", "warned", _elsewhere(_without("data.leak")), LEAK),
    ("schema-1-and-a-warning-left-out", "warned", lambda c: (_of_version_1(c), _without("data.leak")(c)), LEAK),
):  # fmt: skip
    case(id_, base, change, "different", says, cause="")
for id_, base, change, says, level in (
    ("warning-in-the-last-bits", "warned", _other_score(1e-13), "scores and model.", "model"),
    ("warning-of-a-session-added", "penguins", _and_warned("session.set_aside", settings={}), "scores and model.", "model"),
    ("code-module-and-a-warning-left-out", "warned", lambda c: (_other_module(c), _without("data.leak")(c)), f"note: manifest.json: its warnings are not those of the training here. The training alone has {LEAK}.", "model"),
    ("elsewhere-warning-of-a-library-added", "penguins", _elsewhere(_and_warned("library.warning", **LIBRARY)), "note: manifest.json: its warnings are not", "model"),
    ("warning-of-a-library-added", "bagged", _and_warned("library.warning", **LIBRARY), "note: manifest.json: its warnings are not", "model"),  # it has threads
):  # fmt: skip
    case(id_, base, change, "identical", says, level=level)

# --- runs exchanged ---------------------------------------------------------------------------------------------


def _folder_of(base: str) -> Callable[[Copy], None]:
    def change(copy: Copy) -> None:
        shutil.rmtree(copy.run)
        shutil.copytree(copy.other(base), copy.run)

    return change


case("folder-of-another-run", "penguins", _folder_of("other"), "identical", "model", level="model")
case(
    "manifest-of-another-run",
    "penguins",
    lambda c: shutil.copy(c.other("other") / "manifest.json", c.run),
    "tampered",
    "its content is not",
)
case(
    "all-but-manifest-of-another-run",
    "penguins",
    lambda c: [shutil.copy(c.other("other") / n, c.run) for n in FILES],
    "tampered",
    "its content is not",
)

# --- failed and interrupted runs --------------------------------------------------------------------------------

AGAIN = "the run fails again in the same way"
for base in ("fails", "no_column", "no_data", "no_config"):
    case("untouched", base, nothing, "identical", AGAIN, level="failure")
    case(
        "crlf", base, _damage("manifest.json", lambda d: d.replace(b"\n", b"\r\n")), "identical", AGAIN, level="failure"
    )
case("data-gone", "no_config", lambda c: (c.project / "admissions.csv").unlink(), "identical", AGAIN, level="failure")
case("message", "fails", lambda c: c.set("failure.message", "out of luck"), "different", "recorded to fail", exit=125)
case("error", "fails", lambda c: c.set("failure.error", "KeyError"), "different", "recorded to fail", exit=125)
case("stage", "fails", lambda c: c.set("failure.stage", "load"), "different", "recorded to fail", exit=125)
case(
    "now-it-works",
    "fails",
    _data(lambda d: d.replace(b",n", b",1"), "admissions.csv"),
    "different",
    "it completed",
    data="admissions.csv",
    layer="data",
    cause="data bytes",
    exit=125,
)
case(
    "data-edited",
    "fails",
    _data(lambda d: d.replace(b",n", b",1"), "admissions.csv"),
    "undecided",
    "admissions.csv: this is not the file that the run was trained on",
)
case(
    "data-edited-and-named",
    "fails",
    _cells(_one_cell(3, 0, "59"), "admissions.csv"),
    "different",
    "the run fails again in the same way, and not on the recorded data",
    data="admissions.csv",
    layer="data",
    cause="data column score",
    exit=125,
)
case(
    "data-in-another-form",
    "fails",
    _data(lambda d: d.replace(b"\n", b"\r\n"), "admissions.csv"),
    "identical",
    "note: admissions.csv: the same table in another form",
    level="failure",
)
case(
    "data-edited-and-named",
    "no_column",
    _cells(_one_cell(3, 0, "59"), "admissions.csv"),
    "identical",
    "note: admissions.csv: the file has other bytes than recorded",
    data="admissions.csv",
    level="failure",
)
case("data-gone", "fails", lambda c: (c.project / "admissions.csv").unlink(), "undecided", "--data admissions.csv")
case(
    "data-found",
    "no_data",
    lambda c: shutil.copy(c.project / "admissions.csv", c.project / "lost.csv"),
    "undecided",
    "train again",
    data="lost.csv",
)
case(
    "config-edited",
    "fails",
    lambda c: c.set("inputs.config.resolved.model.params", {"max_depth": 1}),
    "tampered",
    "does not have the digest",
)
case(
    "memory",
    "fails",
    lambda c: c.set("failure", lambda f: {**f, "error": "MemoryError"}),
    "undecided",
    "ended from outside",
)
for id_, raw in {
    "a-list": "[1]",
    "a-number": "3",
    "a-text": '"x"',
    "null": "null",
}.items():
    case(f"raw-{id_}", "no_config", lambda c, raw=raw: c.set("inputs.config.raw", raw), "tampered", "config")
for id_, raw in {"cut": '{"data": {', "nothing": "", "deep": DEEP}.items():
    case(
        f"raw-{id_}",
        "no_config",
        lambda c, raw=raw: c.set("inputs.config.raw", raw),
        "undecided",
        "was not recorded as a whole",
    )
case(
    "raw-left-out", "no_config", lambda c: c.set("inputs.config.raw", None), "undecided", "was not recorded as a whole"
)
for id_, raw in {
    "other-problem": '{"seed": 1}',
    "odd-types": '{"data": [], "model": 7, "split": "x", "preprocess": {}, "metrics": 1, "seed": {}}',
    "odd-flat": '{"input_csv": 1, "label_col": []}',
}.items():
    case(
        f"raw-{id_}",
        "no_config",
        lambda c, raw=raw: c.set("inputs.config.raw", raw),
        "different",
        "recorded to fail",
        exit=125,
    )
case("untouched", "interrupted", nothing, "undecided", "never came to its end")
case("untouched", "stopped", nothing, "undecided", "ended from outside")


def _as_running(copy: Copy) -> None:
    copy.json_of("manifest.json", lambda m: m | {"status": "running", "outcome": None, "failure": None})


def _as_failed(copy: Copy) -> None:
    failure = {"stage": "fit", "error": "ValueError", "message": "no", "traceback": [], "hint": ""}
    copy.json_of("manifest.json", lambda m: m | {"status": "failed", "outcome": None, "failure": failure})


case("claims-to-be-running", "penguins", _as_running, "undecided", "never came to its end")
case("claims-to-have-failed", "penguins", _as_failed, "different", "it completed", exit=125)
case("artifact-path-out", "fails", lambda c: c.set("artifacts", [{"name": "config", "path": "/etc/passwd", "sha256": "0" * 64, "bytes": 1}]), "tampered", "lists a file that no run has")  # fmt: skip

del (
    base,
    change,
    id_,
    says,
    name,
    verdict,
    layer,
    path,
    raw,
    cause,
    cells,
    lines,
    place,
    new,
    make,
    damage,
    changed,
    shown,
    text,
    write,
    count,
    level,
)
