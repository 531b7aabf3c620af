"""The digest of the training code: what counts and what does not, and which other code computes alike."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from week2kit import open_run, train, verify
from week2kit.canonical import combined_digest
from week2kit.environment.facts import record_environment
from week2kit.inputs.changes import compare_inputs
from week2kit.record.code import (
    BESIDE,
    KNOWN,
    _logical_lines,
    alike,
    code_digest,
    code_modules,
    digest_modules,
    follows,
    same_code,
    statements,
)
from week2kit.record.migrations import read_manifest
from week2kit.record.requirements import requirements_text
from week2kit.record.verdict import Verdict
from week2kit.sentences.verdicts import describe_verdict

from .tampering.copies import Copy, one_label

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "week2kit"
LOOP = sorted((PACKAGE / "loop").glob("*.py"))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of what is digested, in a folder of another name."""
    to = tmp_path / "elsewhere"
    for path in [*LOOP, *(PACKAGE / name for name in BESIDE)]:
        copy = to / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return to


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} holds no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# --- what does not count ------------------------------------------------------------------------------------------


def _each_line(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(map(change, text.splitlines(keepends=True)))


def _other_docstrings(text: str) -> str:
    found = ast.walk(ast.parse(text))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for old in [doc for node in found if isinstance(node, kinds) and (doc := ast.get_docstring(node, clean=False))]:
        text = text.replace(f'"""{old}"""', '"""Another."""', 1)
    return text


def _imports_reversed(text: str) -> str:
    """The block of imports at the top of a module, in the opposite order."""
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    blocks = ["".join(lines[node.lineno - 1 : node.end_lineno]) for node in top]
    if not top:
        return text
    return "".join([*lines[: top[0].lineno - 1], *reversed(blocks), *lines[top[-1].end_lineno :]])


ZIP = "zip(values, missing, strict=True)"

HARMLESS: dict[str, Callable[[str], str]] = {
    "comment-appended": lambda text: f"{text}# a comment\n",
    "comment-without-line-end": lambda text: f"{text}# 'a comment",
    "comments-before-definitions": _each_line(lambda line: f'# it\'s """\n{line}' if line.startswith("def ") else line),
    "comments-removed": _each_line(lambda line: "" if line.lstrip().startswith("#") else line),
    "type-ignores-removed": lambda text: re.sub(r"  # type: ignore\[.*?\]", "", text),
    "docstrings-changed": _other_docstrings,
    "docstrings-removed": lambda text: _other_docstrings(text).replace('"""Another."""', ""),
    "blank-lines-doubled": lambda text: text.replace("\n\n", "\n\n\n\n"),
    "blank-lines-removed": _each_line(lambda line: line if line.strip() else ""),
    "blank-lines-filled": _each_line(lambda line: line if line.strip() else "   \n"),
    "windows-line-ends": lambda text: text.replace("\n", "\r\n"),
    "byte-order-mark": lambda text: f"\ufeff{text}",
    "two-spaces": _each_line(lambda line: " " * ((len(line) - len(line.lstrip(" "))) // 2) + line.lstrip(" ")),
    "tabs": _each_line(lambda line: "\t" * ((len(line) - len(line.lstrip(" "))) // 4) + line.lstrip(" ")),
    "trailing-blanks": _each_line(lambda line: line if '"""' in line else f"{line[:-1]}  \n"),
    "imports-reversed": _imports_reversed,
    "an-import-more": lambda text: text.replace("from __future__ import annotations\n", "import json\n"),
    "an-import-in-every-function": _each_line(
        lambda line: f"{line}    import json, os\n" if re.match(r"def .*:\n", line) else line
    ),
    "blanks-in-brackets": lambda text: text.replace(ZIP, "zip ( values,missing, strict = True )"),
    "lines-in-brackets": lambda text: text.replace(ZIP, "zip(values,\n# why\n\nmissing,\nstrict=True)"),
    "comma-before-bracket": lambda text: text.replace(ZIP, "zip(values, missing, strict=True,)"),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_computes_nothing_does_not_count(change: Callable[[str], str], package: Path) -> None:
    changed = 0
    for path in (package / "loop").glob("*.py"):
        before = path.read_text(encoding="utf-8")
        path.write_bytes(change(before).encode())
        changed += path.read_bytes() != before.encode()
    assert changed
    assert digest_modules(package) == digest_modules(PACKAGE)


SAME = {
    "a quote": ("x = 'a'", 'x = "a"'),
    "a quote of a formatted string": ("x = f'{a!r:>5}'", 'x = f"{a!r:>5}"'),
    "a line joined by a backslash": ("x = a + \\\n    b", "x = a + b"),
    "a call over lines": ("f(\n    a,\n    b,  # why\n)", "f(a, b)"),
    "a list over lines": ("x = [\n    a,\n]", "x = [a]"),
    "a tuple over lines": ("x = (\n    a,\n    b,\n)", "x = (a, b)"),
    "a subscript over lines": ("x[\n    a,\n    b,\n]", "x[a, b]"),
    "a dict over lines": ("x = {\n    a: b,\n}", "x = {a: b}"),
    "a sign": ("f(x = -1)", "f(x=-1)"),
    "an exponent": ("x = 1e-8+y", "x = 1e-8 + y"),
    "an import on one line": ("from a import (\n    b,\n    c,\n)", "from a import c, b"),
    "an import for types": ("if TYPE_CHECKING:\n    import a\nx = 1", "x = 1"),
    "the order of definitions": ("def f(): return 1\ndef g(): return 2", "def g(): return 2\ndef f(): return 1"),
    "a comment between decorator and function": ("@a\n# why\ndef f(): b", "@a\ndef f(): b"),
    "a docstring where nothing else stands": ('class A(B):\n    """What it is."""', "class A(B):\n    pass"),
    "a sign for numbers in a text": ("x = '# no comment' # one", "x = '# no comment'"),
}


@pytest.mark.parametrize(("first", "second"), SAME.values(), ids=SAME)
def test_one_form_for_what_python_reads_as_the_same(first: str, second: str) -> None:
    assert sorted(statements(first)) == sorted(statements(second))


# --- what counts --------------------------------------------------------------------------------------------------

OTHER = {
    "an operator": ("x = a < b", "x = a <= b"),
    "an operator of two": ("x = a ** b", "x = a * b"),
    "a name": ("x = a.b", "x = a.c"),
    "a number": ("x = 1e-8", "x = 1e-9"),
    "a string": ("x = 'a'", "x = 'b'"),
    "blanks in a string": ("x = 'a b'", "x = 'a  b'"),
    "a formatted string": ("x = 'a'", "x = f'a'"),
    "a raw string": (r"x = '\n'", r"x = r'\n'"),
    "what a formatted string shows": ("x = f'{a}'", "x = f'{b}'"),
    "a string that only looks like a comment": ("x = '#a'", "x = '#b'"),
    "a decorator": ("@a\ndef f(): x", "def f(): x"),
    "which function is decorated": ("@a\ndef f(): x\ndef g(): y", "def f(): x\n@a\ndef g(): y"),
    "a default": ("def f(a=1): x", "def f(a=2): x"),
    "an annotation": ("a: int", "a: float"),
    "a keyword": ("x = a and b", "x = a or b"),
    "a statement in a block": ("if a:\n    b\nc", "if a:\n    b\n    c"),
    "a statement in the outer block": ("if a:\n  if b:\n    c\n  d", "if a:\n  if b:\n    c\n    d"),
    "a tuple of one": ("x = (a,)", "x = (a)"),
    "a tuple of one after a keyword": ("return (a,)", "return (a)"),
    "a subscript by a tuple of one": ("x[a,]", "x[a]"),
    "an argument": ("f(a, b)", "f(a)"),
    "a formatted string that calls": ("f'{a()}'", "x = 1"),
    "what else is done on the line of an import": ("import a; b()", "import a; c()"),
    "the order within a function": ("def f():\n  a\n  b", "def f():\n  b\n  a"),
    "what becomes of an error": ("try:\n  a\nexcept B:\n  c", "try:\n  a\nexcept B:\n  d"),
}


@pytest.mark.parametrize(("first", "second"), OTHER.values(), ids=OTHER)
def test_what_computes_counts(first: str, second: str) -> None:
    assert sorted(statements(first)) != sorted(statements(second))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("loop/metrics.py", "math.fsum(values) / len(values)", "math.fsum(values) * len(values)"),
        ("loop/split.py", "shuffle=split.shuffle", "shuffle=not split.shuffle"),
        ("loop/reading.py", '"NULL", ', ""),
        ("loop/evaluating.py", ">= max(GAP, least)", "> max(GAP, least)"),
        ("loop/model.py", '"strategy": "median"', '"strategy": "mean"'),
        ("loop/__init__.py", '"passive"', '"active"'),
        ("thresholds.py", "GAP: Final = 0.1", "GAP: Final = 0.2"),
        ("thresholds.py", "SAMPLE_ROWS: Final = 100_000", "SAMPLE_ROWS: Final = 10_000"),
        ("thresholds.py", "0.85, 1.0)", "0.8, 1.0)"),
        ("config/overriding.py", "range(1, count + 1)", "range(count)"),
        ("canonical.py", '"\\n".join(parts)', '"".join(parts)'),
    ],
)  # fmt: skip
def test_a_change_names_its_module(name: str, old: str, new: str, package: Path) -> None:
    edit(package / name, old, new)
    now, before = digest_modules(package), digest_modules(PACKAGE)
    assert [key for key in now if now[key] != before[key]] == [Path(name).name]
    assert code_digest(now) != code_digest(before)


def test_limits_and_words_beside_the_loop_do_not_count(package: Path) -> None:
    edit(package / "thresholds.py", "MAX_JOBS: Final = 256", "MAX_JOBS: Final = 64")
    edit(package / "canonical.py", "limit: int = 200", "limit: int = 300")
    assert digest_modules(package) == digest_modules(PACKAGE)


#: What the loop imports of ours and what does not count, with the reason. Everything else it imports must count.
NOT_COUNTED = {
    "canonical": {
        "clean": "shows text",
        "compact_json": "only writes a config down to read it back",
        "same_to_the_eye": "words",
    },
    "importing": {
        "defer_scipy_stats": "when a library is imported changes no bit",
        "held": "when an interrupt arrives",
    },
    "errors": {"*": "words"},
    "refusals": {"*": "words"},
    "thresholds": {
        "COUNTED_ROWS": "how many rows are looked at at a time",
    },
    "privacy": {"scrub": "takes paths out of messages"},
    "config.form": {"*": "the shape of a config; the resolved one is an input of its own"},
    "config.reading": {"*": "the same"},
    "record.manifest": {"*": "the shape of the record"},
    "record.predictions": {"*": "the text of a recorded file, and the names of its columns"},
}


def test_all_of_ours_that_the_loop_imports_counts_or_is_known_not_to() -> None:
    for path in LOOP:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = getattr(node, "module", None) or ""
            if isinstance(node, ast.ImportFrom) and module.startswith("week2kit.") and "loop" not in module:
                inner = module.removeprefix("week2kit.")
                counted = BESIDE.get(f"{inner.replace('.', '/')}.py", ())
                known = NOT_COUNTED.get(inner, {})
                names = {alias.name for alias in node.names if not alias.name.startswith("MAX_")}  # those are limits
                rest = names - {*counted, *known}
                assert not rest or "*" in known, (
                    f"{path.name} imports {sorted(rest)} from {module}: does it decide a number, a digest or a "
                    "warning? Then add it to week2kit.record.code.BESIDE, else to NOT_COUNTED here, with the reason."
                )


# --- wherever it lies ---------------------------------------------------------------------------------------------


def test_a_module_may_have_another_name(package: Path) -> None:
    (package / "loop/split.py").rename(package / "loop/splitting.py")
    edit(package / "loop/run.py", "from week2kit.loop.split import", "from week2kit.loop.splitting import")
    assert code_digest(digest_modules(package)) == code_digest(digest_modules(PACKAGE))


def test_a_definition_may_move_to_another_module(package: Path) -> None:
    metrics, split = package / "loop/metrics.py", package / "loop/split.py"
    text = metrics.read_text(encoding="utf-8")
    found = re.search(r"^def cells.*?(?=^def |^@)", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    metrics.write_text(text.replace(found[0], "from week2kit.loop.split import cells\n"), encoding="utf-8")
    split.write_text(f"{split.read_text(encoding='utf-8')}\n\n{found[0]}", encoding="utf-8")
    now, before = digest_modules(package), digest_modules(PACKAGE)
    assert code_digest(now) == code_digest(before)
    assert {name for name in now if now[name] != before[name]} == {"metrics.py", "split.py"}


def test_other_files_do_not_count(package: Path) -> None:
    (package / "loop/notes.txt").write_text("x = 1")
    (package / "loop/model.pyc").write_bytes(b"x = 1")
    assert digest_modules(package) == digest_modules(PACKAGE)


def test_the_recorded_digest_is_that_of_what_is_imported_and_names_every_module_once() -> None:
    assert code_modules() == digest_modules(PACKAGE)
    assert len(code_modules()) == len(LOOP) + len(BESIDE)


# --- the form -----------------------------------------------------------------------------------------------------


def _again(text: str) -> str:
    """A program that Python reads, out of the lines that the digest is made of."""
    return "\n".join(" " * level + "".join(_glued(tokens)) for level, tokens in _logical_lines(text))


def _glued(tokens: list[str]) -> Iterator[str]:
    for before, token in zip(["", *tokens], tokens, strict=False):
        prefixed = token[0] in "\"'" and re.fullmatch("(?i)[rbfu]{1,2}", before)
        yield token if prefixed or not before else f" {token}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_lines_that_are_digested_are_the_same_program(path: Path) -> None:
    """Nothing that Python's own parser sees is lost in them: neither a token nor the block that it stands in."""
    text = path.read_text(encoding="utf-8")
    assert ast.dump(ast.parse(_again(text))) == ast.dump(ast.parse(text))


SAMPLE = '''
"""A module."""
from a import b
@dataclass(frozen=True)
class C:
    """A class."""
    x: float = 1e-8  # why
    def f(self, *args, key='v', **more) -> str:
        r"""Another docstring."""
        if (n := len(args)) > 0x1F and key not in {"a", 'b"c'}:
            return f"{n:>{self.x}} {more['k']!r} #" + rb'\\0'.decode() * -1
        return """two
lines""" "joined", (n,)
'''


def test_the_form_is_the_same_on_every_python_for_ever() -> None:
    """One that changes makes every record of before one of another code."""
    (found,) = statements(SAMPLE)
    assert found.splitlines() == [
        "@ dataclass ( frozen = True )",
        "class C :",
        " x : float = 1e-8",
        ' def f ( self , * args , key = "v" , ** more ) -> str :',
        '  if ( n := len ( args ) ) > 0x1F and key not in { "a" , \'b"c\' } :',
        "   return f \"{n:>{self.x}} {more['k']!r} #\" + rb '\\0' .decode ( ) * - 1",
        '  return """two',
        'lines""" "joined" , ( n , )',
    ]


# --- other code that computes alike -------------------------------------------------------------------------------

TODAY = code_digest(code_modules())
OLD_RUNS = sorted((ROOT / "tests/old_runs").glob("*/*-baseline"))
DATA = ROOT / "examples/penguins/penguins.csv"


def test_it_was_decided_whether_todays_code_computes_what_earlier_code_did() -> None:
    assert TODAY in KNOWN, (
        f"What the training modules do was changed: {TODAY}. If every run that the code before recorded still comes "
        "out (tests/old_runs and runs/ verify identical), add this digest to week2kit.record.code.KNOWN; if earlier "
        "values follow another rule, tell it in week2kit.record.earlier, too. Else take "
        "the digests before out of KNOWN."
    )


def test_old_digests_are_known_and_others_are_not() -> None:
    for run in OLD_RUNS:
        recorded = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["inputs"]["code"]
        assert same_code(recorded["digest"], TODAY), run
        assert "modules" not in recorded or follows(recorded["digest"], recorded["modules"])
    assert not same_code("0" * 64, TODAY)
    assert same_code("0" * 64, "0" * 64)


def test_an_old_record_and_a_new_one_name_the_modules_that_differ() -> None:
    recorded = json.loads((ROOT / "tests/old_runs/v3/iris-baseline/manifest.json").read_text(encoding="utf-8"))
    old, here = alike(recorded["inputs"]["code"]["modules"], code_modules())
    assert old["__init__.py"] == here["__init__.py"], "unchanged: the digest of its text is known as that of its tokens"
    assert not {Path(name).name for name in BESIDE} & here.keys(), "of these an old record knows nothing"


def recorded_here(run: Path) -> None:
    """Let a record say that it was made in the environment that is here, so that no fact of it excuses anything."""
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    here = record_environment()
    old = manifest["inputs"]["environment"]
    manifest["inputs"]["environment"] = {key: here.model_dump(mode="json")[key] for key in old}
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (run / "requirements.txt").write_text(requirements_text(here), encoding="utf-8")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    """The verdicts on old runs that were changed, by what was changed."""
    folder = tmp_path_factory.mktemp("old")
    old = {"label": "v1/iris-baseline", "model": "v3/iris-baseline", "table": "v2/iris-baseline"}
    old["message"] = "v2/penguins-failing"
    copies = {name: Copy(folder / name, folder) for name in old}
    for name, copy in copies.items():
        shutil.copytree(ROOT / "tests/old_runs" / old[name], copy.run)
        recorded_here(copy.run)
        copy.seal()
    copies["label"].forge_predictions(one_label)
    copies["model"].bytes_of("model.joblib", lambda data: data + b"\0")
    copies["model"].seal()
    copies["table"].set("inputs.data.columns.0.digest", "0" * 64)
    columns = copies["table"].get("inputs.data.columns")
    copies["table"].set("inputs.data.table_digest", combined_digest(column["digest"] for column in columns))
    copies["message"].set("failure.message", "It was said in other words then.")
    by_run = {verdict.run: verdict for verdict in verify(*(copy.run for copy in copies.values()), data=DATA).runs}
    return {name: by_run[copy.run.as_posix()] for name, copy in copies.items()}


def code_of(verdict: Verdict) -> list[str]:
    return [cause.factor for cause in verdict.causes if cause.input == "code"]


def test_a_forged_old_run_is_different_and_no_code_excuses_it(verdicts: Mapping[str, Verdict]) -> None:
    verdict = verdicts["label"]
    assert (verdict.verdict, code_of(verdict)) == ("different", []), describe_verdict(verdict)


@pytest.mark.newest  # with those that the run was trained with
def test_other_bytes_of_the_model_alone_do_not_condemn_a_run_of_earlier_code(verdicts: Mapping[str, Verdict]) -> None:
    verdict = verdicts["model"]
    assert (verdict.verdict, verdict.level) == ("identical", "scores"), describe_verdict(verdict)
    assert "the bytes alone prove nothing" in "\n".join(describe_verdict(verdict))


@pytest.mark.parametrize("what", ["message", "table"])
def test_what_earlier_code_said_or_read_otherwise_is_undecided(what: str, verdicts: Mapping[str, Verdict]) -> None:
    """The message of a failure, and the table that was read out of the same bytes."""
    verdict = verdicts[what]
    assert (verdict.verdict, code_of(verdict)) == ("undecided", ["week2kit"]), describe_verdict(verdict)
    assert "the code that trains here is not the recorded one" in "\n".join(describe_verdict(verdict))
    assert "environment" not in describe_verdict(verdict)[1]


def test_a_comparison_of_an_old_run_with_a_new_one_does_not_count_the_code(tmp_path: Path) -> None:
    old = open_run(ROOT / "tests/old_runs/v3/iris-baseline")
    new = train(json.loads((old.path / "config.json").read_text(encoding="utf-8")), runs_dir=tmp_path, name="new")
    assert "code" not in {change.input for change in compare_inputs(old.manifest, new.manifest)}
    value = json.loads((new.path / "manifest.json").read_text(encoding="utf-8"))
    value["inputs"]["code"] |= {"digest": "0" * 64, "modules": None}
    other = read_manifest(value)
    assert "code" in {change.input for change in compare_inputs(old.manifest, other)}


@pytest.mark.parametrize(("by", "verdict"), [("today", "tampered"), ("earlier", "undecided")])
def test_labels_that_earlier_code_broke_over_lines_are_not_called_edited(by: str, verdict: str, tmp_path: Path) -> None:
    """They stood in predictions.csv so that nobody can read them back; today's are written on one line."""
    copy, table, labels = Copy(tmp_path, tmp_path), tmp_path / "t.csv", ("likely", "not\r\nlikely", "not\r\nlikely")
    table.write_text("a,b\n" + "".join(f'{i},"{labels[i % 3]}"\n' for i in range(30)), newline="")
    config = {"data": {"path": str(table), "target": "b"}, "model": "decision_tree", "seed": 1}
    train(config, runs_dir=copy.run.parent, name="run")
    copy.text_of("predictions.csv", "not\\r\\nlikely", "not\r\nlikely\r", count=-1)
    if by == "earlier":
        copy.set("inputs.code", lambda code: {**code, "digest": min(KNOWN - {TODAY}), "modules": None})
    copy.seal()
    (found,) = verify(copy.run).runs
    assert found.verdict == verdict, describe_verdict(found)
