"""The report as a document: checked against its runs, as JSON or by a template, with verdicts, and not too long."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from week2kit.errors import ReportError, UsageError
from week2kit.inputs.changes import Statement
from week2kit.inputs.leaves import ABSENT
from week2kit.rendering.checking import Checked, Code, Finding, NoteCode, check_report, describe
from week2kit.rendering.files.reports import MARKER, write_report
from week2kit.rendering.files.words import is_text_line, read_words
from week2kit.rendering.inline import as_html
from week2kit.rendering.markdown import code, escape
from week2kit.rendering.output import document, render
from week2kit.rendering.shown import report
from week2kit.rendering.structured import report_model, to_json
from week2kit.sentences.check import SENTENCES
from week2kit.thresholds import MAX_TEMPLATE_BYTES, MAX_VERDICTS_BYTES, REPORT_BYTES, WORDS_BYTES

from . import build_runs as build
from .sessions import here as command

A, C, G = "Adelie", "Chinstrap", "Gentoo"
BASE = build.Recipe(predictions=build.labels({(A, A): 28, (A, C): 2, (C, C): 12, (C, A): 2, (G, G): 25}))
BETTER = build.labels({(A, A): 29, (A, C): 1, (C, C): 13, (C, A): 1, (G, G): 25})
TEN = build.with_keys(build.LOGISTIC, model__params__C=10.0)
OTHER = BASE.but(config=TEN, predictions=BETTER, n_iter=[58])
END = "<!-- week2kit end of words -->"
HOSTILE = (
    "a|b`c<script>alert(1)</script><img src=x onerror=alert(1)> ![i](http://evil.example/x.png) "
    "[a](javascript:alert(1)) www.evil.example me@evil.example #1 **b** _c_ {{7*7}} $x$ &lt; \\| \n# head\n\n"
    "| x |\n|---|\n```mermaid\n%%{init}%%\n"
    "--> <!-- week2kit end of words -->\x1b[31mred\x1b]0;title\x07 \u202eabc ::error::x"
)
RUNS = ["runs/base", "runs/other"]
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def two_runs(recipe: Any = OTHER) -> list[str]:
    build.completed(Path("runs"), "base", BASE)
    build.completed(Path("runs"), "other", recipe)
    build.failed(Path("runs"), "bad", BASE, message="no")
    return RUNS


def put(text: str, key: str, words: str) -> str:
    """`text` with `words` in the place `key`."""
    begin = f"<!-- week2kit words: {key} -->\n"
    before, rest = text.split(begin, 1)
    return f"{before}{begin}{words}{END}{rest.split(END, 1)[1]}"


def check(text: str, runs: list[str] = RUNS) -> Checked:
    Path("report.md").write_bytes(text.encode())
    return check_report(report(runs), Path("report.md"))


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), 1) if part in line)


# --- what was edited, held against the runs ----------------------------------------------------------------------


def test_an_unedited_report_holds_and_says_against_what() -> None:
    text = render(report(two_runs()))
    checked = check(text)
    assert (checked.failures, checked.notes) == ((), ())
    assert (checked.files, checked.runs) == (14, 2)
    assert checked.numbers > 100
    done = command("report", *RUNS, "--check", "report.md")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r"report\.md: \d+ numbers hold against 14 files of 2 runs, .* week2kit verify does\.\n", done.stdout
    )
    assert Path("report.md").read_text() == text


def test_a_report_with_drawn_pictures_holds_as_long_as_they_are_there() -> None:
    pytest.importorskip("matplotlib")
    two_runs()
    assert command("report", *RUNS, "-o", "my report.md").returncode == 0
    assert command("report", *RUNS, "--check", "my report.md").returncode == 0
    pictures = sorted(Path("my report_files").glob("*.svg"))
    pictures[0].unlink()
    done = command("report", *RUNS, "--check", "my report.md")
    assert done.returncode == 1
    line = line_of(Path("my report.md").read_text(), pictures[0].name)
    assert done.stdout.startswith(
        f"my report.md:{line}: it shows my%20report_files/{pictures[0].name}, and that picture"
    )
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda svg: svg.replace("0.9", "0.8", 1) if "0.9" in svg else svg.replace("69", "70", 1),
        lambda svg: "<svg/>",
        lambda svg: "\ud800",
        lambda svg: re.sub("of [0-9a-f]{64}", f"of {64 * '0'}", svg),
    ],
    ids=["number", "another", "no text", "other numbers"],
)
def test_a_picture_that_is_not_of_these_runs_fails(change: Any) -> None:
    pytest.importorskip("matplotlib")
    report(two_runs()).save("report.md")
    assert check_report(report(RUNS), Path("report.md")).failures == ()
    picture = Path("report_files/metric.svg")
    before = picture.read_text()
    picture.write_bytes(before.replace("\n", "\r\n").encode())
    assert check_report(report(RUNS), Path("report.md")).failures == ()
    after = change(before)
    assert after != before
    picture.write_bytes(after.encode("utf-8", "surrogatepass"))
    (finding,) = check_report(report(RUNS), Path("report.md")).failures
    assert "that picture is not as it was drawn from these numbers" in describe(finding, "report.md")
    assert "report_files/metric.svg" in describe(finding, "report.md")


def test_the_pictures_of_other_runs_are_not_of_these_runs() -> None:
    pytest.importorskip("matplotlib")
    report(two_runs()).save("other.md")
    build.completed(Path("runs"), "third", OTHER.but(predictions=BASE.predictions))
    report(["runs/base", "runs/third"]).save("report.md")
    assert check_report(report(["runs/base", "runs/third"]), Path("report.md")).failures == ()
    shutil.rmtree("report_files")
    Path("other_files").rename("report_files")
    found = check_report(report(["runs/base", "runs/third"]), Path("report.md")).failures
    assert {finding.code for finding in found} == {"picture.differs"}


def test_line_ends_and_words_are_no_claim() -> None:
    text = put(render(report(two_runs())), "interpretation", "I believe that `C` helps, by 2 rows of 69.\n")
    assert not check("\ufeff" + text.replace("\n", "\r\n")).failures
    assert not check(text.replace("\n\n## Evidence", "  \n\n\n## Evidence")).failures


@pytest.mark.parametrize(
    ("part", "old", "new", "code"),
    [
        pytest.param("| `accuracy` (primary)", "0.9710", "0.9910", "claim.differs", id="a table"),
        pytest.param("sha256", "sha256", "sha256, and 99.9 % right", "claim.differs", id="a number is added to a line"),
        pytest.param("| validation accuracy", "0.9420289855072463", "0.9420289855072464", "claim.differs", id="bits"),
        pytest.param("`predictions.csv` | agrees", "`predictions.csv`", "`model.joblib`", "claim.differs", id="a name"),
        pytest.param("## Rows that moved", "##", "The best reaches 0.99.\n\n##", "claim.unknown", id="own number"),
        pytest.param("## Rows that moved", "##", "sha256: deadbeef0123\n\n##", "claim.unknown", id="own digest"),
        pytest.param("## Goal", "##", "<!--\n##", "claim.unknown", id="a comment hides"),
        pytest.param("## Goal", "##", "```\n##", "claim.unknown", id="a fence hides"),
        pytest.param(
            "## Goal", "##", "| 140 | `Adelie` | `Chinstrap` | `Adelie` |\n##",
            "claim.unknown", id="a line that stands elsewhere",
        ),
    ],
)  # fmt: skip
def test_a_claim_that_does_not_hold_is_told_with_its_line(part: str, old: str, new: str, code: str) -> None:
    text = render(report(two_runs()))
    line = line_of(text, part)
    lines = text.split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    checked = check("\n".join(lines))
    assert [(finding.code, finding.line) for finding in checked.failures] == [(code, line)]
    done = command("report", *RUNS, "--check", "report.md")
    assert done.returncode == 1
    assert done.stdout.startswith(f"report.md:{line}: ")
    assert done.stdout.count("\n") == 1


@cache
def _made() -> tuple[Any, str]:
    """A report and its text; the runs are those of the first test that asks."""
    result = report(two_runs())
    return result, render(result)


@pytest.mark.parametrize("kind", ["hostile", "not comparable", "damaged", "none completed", "folds", "long", "alone"])
def test_no_unedited_report_has_a_finding(kind: str) -> None:
    runs = {
        "hostile": lambda: two_runs(
            BASE.but(
                config=build.with_keys(TEN, goal=HOSTILE, model__params__C=HOSTILE, data__path=HOSTILE),
                predictions=[(0, HOSTILE, "b"), (5, "b", HOSTILE), (10, "b", "b")],
                command=HOSTILE,
                environment={"platform": HOSTILE},
            )
        ),
        "not comparable": lambda: two_runs(OTHER.but(split={"contents": "a" * 64})),
        "damaged": two_runs,
        "none completed": lambda: [str(build.failed(Path("runs"), "a", BASE, message=HOSTILE))],
        "folds": lambda: two_runs(
            OTHER.but(metrics={"accuracy": {"value": 0.5, "std": 0.123456, "folds": [0.4, 0.6]}})
        ),
        "long": lambda: many_runs(40, LONG),
        "alone": lambda: [str(build.completed(Path("runs"), "a", BASE.but(converged=False)))],
    }[kind]()
    if kind == "damaged":
        Path("runs/other/metrics.json").write_text("{}")
    result = report(runs)
    for text in (render(result), render(result, full=True), render(result, {"interpretation": "Mine.\n"})):
        checked = check_report(result, _written(text))
        assert {finding.code for finding in checked.failures} == ({"file.disagrees"} if kind == "damaged" else set())
        assert checked.notes == ()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_digit_of_a_report_can_be_changed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    result, text = _made()
    inside = [range(match.start(1), match.end(1)) for match in re.finditer(rf"words: .+ -->\n(.*)\n{END}", text)]
    places = [place for place, letter in enumerate(text) if letter.isdigit()]
    place = data.draw(st.sampled_from([place for place in places if not any(place in span for span in inside)]))
    digit = data.draw(st.sampled_from("0123456789"))
    assume(digit != text[place])
    Path("edited.md").write_text(text[:place] + digit + text[place + 1 :], newline="\n")
    line = text.count("\n", 0, place) + 1
    try:
        told = {finding.line for finding in check_report(result, Path("edited.md")).failures}
    except ReportError:  # our first line, or a comment of a place for words
        told = {line if "<!-- week2kit" in text.split("\n")[line - 1] else 0}
    assert line in told


def test_own_text_and_left_out_lines_are_notes() -> None:
    text = render(report(two_runs()))
    line = line_of(text, "## Next experiment")
    checked = check(
        text.replace("## Next experiment", "We liked this, and more is to come in the f1_macro.\n\n## Next experiment")
    )
    assert not checked.failures
    assert [(note.code, note.line) for note in checked.notes] == [("text.own", line)]
    start = text.index("### Environments")
    checked = check(text[:start] + text[text.index("### Files") :])
    assert not checked.failures
    assert [note.code for note in checked.notes] == ["text.removed"]
    done = command("report", *RUNS, "--check", "report.md")
    assert done.returncode == 0
    assert re.match(r"report\.md:\d+: note: left out here", done.stderr)
    assert "numbers hold" in done.stdout


def test_sections_may_stand_in_another_order_but_their_lines_may_not() -> None:
    text = render(report(two_runs()))
    before, rest = text.split("## What changed\n", 1)
    changed, rest = rest.split("## Results\n", 1)
    results, rest = rest.split("## Interpretation\n", 1)
    assert not check(f"{before}## Results\n{results}## What changed\n{changed}## Interpretation\n{rest}").failures
    rows = [
        line for line in text.split("\n") if line.startswith(("| 140 |", "| 210 |", "| `f1_macro`", "| `accuracy`"))
    ]
    swapped = text.replace(rows[0], "X").replace(rows[1], rows[0]).replace("X", rows[1])
    assert swapped != text
    assert check(swapped).failures


def test_a_banner_cannot_be_taken_away() -> None:
    two_runs()
    Path("runs/other/val_report.txt").write_text("another")
    text = render(report(RUNS))
    assert [finding.code for finding in check(text).failures] == ["file.disagrees"]
    start, end = text.index("> [!WARNING]"), text.index("**One thing changed")
    codes = {finding.code for finding in check(text[:start] + text[end:]).failures}
    assert codes == {"file.disagrees", "warning.missing"}
    softened = text.replace(
        "> **`other` does not agree with its own record**", "> **`other` agrees with its own record**"
    )
    assert softened != text
    assert "file.disagrees" in {finding.code for finding in check(softened).failures}


@pytest.mark.parametrize("line", ["**Not comparable.**", "no winner"])
def test_what_says_that_nothing_can_be_compared_cannot_be_taken_away(line: str) -> None:
    two_runs(OTHER.but(split={"contents": "a" * 64}))
    text = render(report(RUNS))
    (found, *_) = [text_ for text_ in text.split("\n") if line in text_]
    assert not check(text).failures
    assert "warning.missing" in {finding.code for finding in check(text.replace(found + "\n", "")).failures}
    softer = found.replace("Not comparable", "Comparable").replace("no winner", "a winner")
    assert check(text.replace(found, softer)).failures


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param("It reaches 0.9420 and then 0.971, so +0.029.", None, id="roundings"),
        pytest.param("Exactly 0.9420289855072463.", None, id="exact"),
        pytest.param("It is 94.203 % against 97.101%.", None, id="percent"),
        pytest.param("With scikit-learn 1.9.1 on 2026-11-23, section 1.2.3.", None, id="versions"),
        pytest.param("It gets 67 of 69 right, up from 65, or about 1,000.", None, id="whole numbers"),
        pytest.param("It reaches 0.991.", "words.unknown", id="invented"),
        pytest.param("It reaches **.9421**!", "words.unknown", id="one off"),
        pytest.param("It reaches 0.94202898550724631.", None, id="more digits of the same float"),
        pytest.param("It reaches 99.123 %.", "words.unknown", id="percent invented"),
        pytest.param("```\n0.1235\n```", "words.unknown", id="in a fence"),
        pytest.param("1.000e999 and 9.999e-999", "words.unknown", id="no float"),
        pytest.param("It is about 1.37 times.", "words.few_decimals", id="two decimals"),
    ],
)
def test_decimal_numbers_in_words_are_those_of_the_record(words: str, code: str | None) -> None:
    text = put(render(report(two_runs())), "interpretation", f"Well.\n\n{words}\n")
    checked = check(text)
    found = [*checked.failures, *checked.notes]
    assert {finding.code for finding in found} == ({code} if code else set())
    assert all(text.split("\n")[finding.line - 1] in words.split("\n") for finding in found)
    assert bool(checked.failures) == (code == "words.unknown")


@pytest.mark.parametrize("file", ["metrics.json", "predictions.csv", "val_report.txt", "config.json"])
@pytest.mark.parametrize("change", ["edited", "gone"])
def test_an_artifact_that_is_gone_or_edited_since_fails_with_the_line_that_lists_it(file: str, change: str) -> None:
    text = render(report(two_runs()))
    target = Path("runs/other", file)
    target.unlink() if change == "gone" else target.write_text('{"accuracy": 1.0}')
    checked = check(text)
    (damaged,) = [finding for finding in checked.failures if finding.code == "file.disagrees"]
    assert text.split("\n")[damaged.line - 1].startswith(f"| `other` | `{file}` | agrees |")
    done = command("report", *RUNS, "--check", "report.md")
    assert done.returncode == 1
    assert f"report.md:{damaged.line}: run other: `{file}` " in done.stdout


def test_a_run_that_was_trained_again_makes_the_old_report_fail() -> None:
    text = render(report(two_runs()))
    Path("runs/other").rename("old")
    build.completed(Path("runs"), "other", OTHER.but(predictions=BASE.predictions))
    told = [describe(finding, "r.md") for finding in check(text).failures]
    assert any("0.9710" in line and "0.9420" in line for line in told)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (["runs/other", "runs/base"], "other, base"),
        (["runs/base"], "base"),
        (["runs/base", "runs/third"], "base, third"),
        (["runs/base", "runs/other", "runs/third"], "base, other, third"),
    ],
    ids=["another order", "one is missing", "another run", "one more"],
)
@pytest.mark.parametrize("edited", [False, True], ids=["untouched", "edited"])
def test_a_check_against_other_runs_says_that_and_nothing_else(named: list[str], said: str, edited: bool) -> None:
    text = render(report(two_runs(), only_named=True))
    build.completed(Path("runs"), "third", OTHER.but(predictions=BASE.predictions))
    text = put(text, "interpretation", "I say 0.98765.\n") if edited else text
    Path("report.md").write_text(text.replace("\n", "\r\n") if edited else text, newline="")
    done = command("report", *named, "--only-named", "--check", "report.md")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        f"report.md was made of base, other (in this order), and you named {said}: "
        "name the same runs in the same order.\n"
    )


def test_a_long_report_of_other_runs_says_so_too() -> None:
    many_runs(12, LONG)
    runs = sorted(path.as_posix() for path in Path("runs").iterdir())
    text = render(report(runs, only_named=True))
    assert "Left out, as this report would be too long: the commands." in text
    assert check(text, runs).failures == ()
    assert [finding.code for finding in check(text, [runs[1], runs[0], *runs[2:]]).failures] == ["runs.differ"]


def test_one_edited_list_of_runs_is_no_sign_of_other_runs() -> None:
    text = render(report(two_runs()))
    edited = re.sub(r"^\| `other` \| `(?=.*`[0-9a-f]{64}`)", "| `mine` | `", text, flags=re.MULTILINE)
    assert edited.count("| `mine` |") == 7
    assert {finding.code for finding in check(edited).failures} == {"claim.differs"}


@pytest.mark.parametrize("content", [b"my own words", b"", b"\xff\xfe", MARKER.encode() + b"\n\xff"])
def test_what_is_no_report_of_ours_is_exit_code_2(content: bytes) -> None:
    two_runs()
    Path("report.md").write_bytes(content)
    done = command("report", *RUNS, "--check", "report.md")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"error: report\.md(:2)?: it is not ", done.stderr)
    assert command("report", *RUNS, "--check", "none.md").returncode == 2
    assert command("report", *RUNS, "--check", ".").returncode == 2


def test_every_finding_of_a_check_has_its_sentence() -> None:
    codes = [code for union in (Code, NoteCode) for code in get_args(union)]
    assert set(codes) == set(SENTENCES)
    assert all("{" not in describe(Finding(code, 1, "says", "recorded"), "r.md") for code in codes)


def test_hostile_words_and_lines_reach_no_terminal() -> None:
    text = put(render(report(two_runs())), "interpretation", HOSTILE.replace(END, "") + "\n0.98765\n")
    Path("report.md").write_text(text.replace("## Goal", f"\x1b[31m{HOSTILE[-20:]} 0.1\n\n## Goal"), newline="\n")
    done = command("report", *RUNS, "--check", "report.md")
    assert done.returncode == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.stdout + done.stderr)


# --- JSON --------------------------------------------------------------------------------------------------------


def test_json_is_the_value_and_fulfils_its_schema() -> None:
    result = report(two_runs())
    text = to_json(result)
    value = json.loads(text)
    report_model().model_validate_json(text, strict=True)
    assert value["version"] == result.version
    assert value["comparisons"][0]["metrics"][0]["variant"]["value"] == result.comparisons[0].metrics[0].variant.value
    assert value["comparisons"][0]["changes"] == [
        {"input": "config", "key": "model.params.C", "baseline": {"absent": True}, "variant": 10.0}
    ]
    assert text == json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", ["none completed", "one", "several", "regression"])
def test_json_of_every_kind_of_report_fulfils_the_schema(name: str) -> None:
    two_runs(OTHER.but(warnings=[{"code": "fit.not_converged", "values": {"x": [1]}}]))
    build.running(Path("runs"), "night", BASE)
    regression = build.with_keys(build.LOGISTIC, task="regression", metrics=["r2"])
    for index in range(2):
        rows = [(i, float(i), i + 0.5 * index) for i in range(6)]
        build.completed(
            Path("more"), f"r{index}", BASE.but(config=regression, predictions=rows, metrics={"r2": {"value": 0.5}})
        )
    runs = {
        "none completed": ["runs/bad"],
        "one": ["runs/base"],
        "several": ["runs"],
        "regression": ["more"],
    }[name]
    report_model().model_validate_json(to_json(report(runs)), strict=True)


def test_json_holds_no_absolute_path_and_moves_no_cursor(tmp_path: Path) -> None:
    two_runs(OTHER.but(config=build.with_keys(TEN, goal=HOSTILE + "\x9b31m\ufeff"), command=HOSTILE))
    text = to_json(report([str(tmp_path / run) for run in RUNS]))
    assert str(tmp_path) not in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufeff]", text)
    assert HOSTILE in json.loads(text)["goals"][1]["goal"]
    stranger = report(RUNS)._replace(caveats=(Statement("x", {"name": "a\udcffb", "value": ABSENT}),))
    assert json.loads(to_json(stranger))["caveats"] == [
        {"code": "x", "values": {"name": "a\N{REPLACEMENT CHARACTER}b", "value": {"absent": True}}}
    ]


def test_the_command_prints_json_and_replaces_only_its_own() -> None:
    two_runs()
    done = command("report", *RUNS, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == to_json(report(RUNS))
    for _ in range(2):
        assert command("report", *RUNS, "--format", "json", "-o", "report.json").returncode == 0
    assert Path("report.json").read_bytes() == done.stdout.encode()
    Path("mine.json").write_text('{"mine": 1}')
    done = command("report", *RUNS, "--format", "json", "-o", "mine.json")
    assert done.returncode == 2
    assert Path("mine.json").read_text() == '{"mine": 1}'


# --- a person's template -----------------------------------------------------------------------------------------


def filled(source: str, name: str = "mine.md.j2", **options: Any) -> str:
    Path(name).write_text(source, encoding="utf-8")
    return document(report(RUNS), template=Path(name), **options)


def test_the_name_of_the_file_says_what_it_holds_unless_a_flag_does() -> None:
    two_runs()
    for name, flags, begins in (
        ("a.html", [], "<!doctype html>"),
        ("a.json", [], "{"),
        ("b.html", ["--format", "md"], "# Report"),
        ("c", ["--format", "json"], "{"),
    ):
        assert command("report", *RUNS, "-o", name, *flags).returncode == 0
        assert Path(name).read_text().removeprefix("<!-- week2kit report 1 -->").lstrip().startswith(begins)


def test_a_report_saves_itself_as_its_suffix_says_and_keeps_words() -> None:
    result = report(two_runs())
    for name, begins in (("report.md", "# "), ("page.HTML", "<!doctype html>"), ("value.json", "{")):
        result.save(name)
        written = Path(name).read_text(encoding="utf-8").removeprefix("<!-- week2kit report 1 -->").lstrip()
        assert written.startswith(begins)
    assert Path("report_files").is_dir()
    Path("report.md").write_text(put(Path("report.md").read_text(), "interpretation", "It is noise.\n"))
    result.save(Path("report.md"))
    assert "It is noise." in Path("report.md").read_text()
    Path("mine.md").write_text("mine")
    with pytest.raises(ReportError, match="not a report of week2kit"):
        result.save("mine.md")
    assert Path("mine.md").read_text() == "mine"
    Path("hostile.j2").write_text("{{ report.save('stolen.md') }}")
    with pytest.raises(ReportError, match="unsafe"):
        document(result, template=Path("hostile.j2"))
    assert not Path("stolen.md").exists()


def test_a_template_has_the_value_and_our_filters() -> None:
    two_runs()
    source = (
        "{{ report.baseline.name | code }}\n{% for c in report.comparisons %}\n{{ c.metrics[0].difference | signed }} "
        "{{ c.metrics[0].baseline.value | number }} {{ c.metrics[0].variant | score }}\n{% endfor %}\n"
        "{{ report.caveats | map('sentence') | first }}\n{{ marker }}\n"
    )
    lines = filled(source).split("\n")
    assert lines[:2] == ["`base`", "+0.0290 0.9420 0.9710"]
    assert lines[2].startswith("The scores come from one split.")
    assert lines[3] == MARKER


def test_a_template_can_include_ours_and_its_neighbours() -> None:
    two_runs()
    Path("part.j2").write_text("part of {{ report.version }}")
    Path("below").mkdir()
    Path("below/part.j2").write_text("deeper")
    text = filled("{% include 'part.j2' %} {% include 'below/part.j2' %}\n\n{% include 'report.md.j2' %}")
    assert text.startswith("part of 2 deeper\n")
    assert "\n## Failed-run retrospective\n" in text
    Path("macros.j2").write_text("{% macro twice(x) %}{{ x }} {{ x | code }}{% endmacro %}")
    source = (
        "{% import 'macros.j2' as m %}{% set n = namespace(last='') %}{% for run in report.runs %}{{ loop.index }} "
        "{{ m.twice(run.name) }} {% set n.last = run.name %}{% endfor %}{{ n.last }}"
    )
    assert filled(source) == "1 base `base` 2 other `other` other"


def test_our_own_template_makes_our_own_report_and_takes_single_sections() -> None:
    made = report(two_runs())
    whole = document(made, template=ROOT / "templates/report.md.j2")
    assert outside(whole) == outside(render(made))
    results = filled("{{ section('results') }}")
    assert results.startswith("## Results\n\n<details>\n<summary>Scores with their intervals</summary>\n\n**Score.** ")
    assert results in whole
    with pytest.raises(ReportError, match=r"mine\.md\.j2:1: .*no section is called Results; there are head, goal"):
        filled("{{ section('Results') }}")


def outside(text: str) -> list[str]:
    """The lines of a report but for the last, which holds their digest, and empty ones."""
    return [line for line in text.split("\n") if line and not is_text_line(line)]


def test_words_survive_a_template_that_has_places() -> None:
    two_runs()
    source = "{{ marker }}\n{{ 'interpretation' | place }}\n{{ 'bad' | lesson }}\n"
    text = put(filled(source), "interpretation", "Mine.\n")
    write_report(Path("out.md"), text)
    assert document(report(RUNS), template=Path("mine.md.j2"), output=Path("out.md")) == text
    page = filled("{{ 'interpretation' | place }}{{ 'bad' | lesson }}", "mine.html", output=Path("out.html"))
    assert page == "<p>Mine.</p>"
    write_report(Path("out.md"), put(text, "interpretation", "<b>x</b>\nand\n\ny & z\n"))
    page = filled("{{ 'interpretation' | place }}", "mine.html", output=Path("out.html"))
    assert page == "<p>&lt;b&gt;x&lt;/b&gt; and</p>\n<p>y &amp; z</p>"


@pytest.mark.parametrize("flags", [("--format", "json"), ("--template", "mine.html")], ids=" ".join)
def test_a_report_with_words_is_never_replaced_by_a_document_without(flags: tuple[str, ...]) -> None:
    text = put(render(report(two_runs())), "interpretation", "Mine.\n")
    Path("mine.html").write_text("{{ marker }}")
    _written(text)
    done = command("report", *RUNS, *flags, "-o", "report.md")
    assert (done.returncode, done.stdout) == (2, "")
    assert "report.md: it holds words of yours" in done.stderr
    assert Path("report.md").read_text() == text


def test_words_without_a_place_in_a_template_stand_at_the_end() -> None:
    _written(put(render(report(two_runs())), "interpretation", "Mine.\n"))
    text = filled("{{ marker }}\nx\n", output=Path("report.md"))
    assert text.startswith(f"{MARKER}\nx\n\n## Kept words\n")
    assert text.endswith(f"Mine.\n{END}\n")


def test_pictures_in_a_template_are_text() -> None:
    two_runs()
    Path("runs/other").rename("runs/<b>x")
    source = "{{ picture('metric') }}"
    for name in ("mine.html", "mine.md"):
        Path(name).write_text(source)
    result = report(["runs/base", "runs/<b>x"])
    page = document(result, template=Path("mine.html"))
    assert page.startswith("<strong>")
    assert "<pre><code>" in page
    assert "&lt;b&gt;x" in page
    assert "<b>" not in page
    assert "```text\n" in document(result, template=Path("mine.md"))


FOREIGN = (
    "{{ run.command }}", "{{ run.command | code }}", "{{ run.command | text }}", "{{ run.command | value }}",
    "{{ [run.command, 'x' | code] | join('|') }}", "{{ run.command ~ ('x' | code) }}",
    "{{ ('x' | code) ~ run.command }}",
    "{{ ('x' | code) + run.command }}", "{{ run.command | upper }}", "{{ run.command | string | trim }}",
    "{% set y %}{{ run.command }}{% endset %}{{ y }}", "{% macro m(z) %}{{ z }}{% endmacro %}{{ m(run.command) }}",
    "{% autoescape false %}{{ run.command }}{% endautoescape %}", "{{ [run.command] | first }}",
    "{{ run.command | quoted }}", "{{ [run.command] }}", "{{ {'k': run.command} | dictsort }}",
    "{{ report.comparisons[0].changes | list }}", "{{ run }}",
)  # fmt: skip


@pytest.mark.parametrize("expression", FOREIGN)
@pytest.mark.parametrize("name", ["mine.md.j2", "mine.html", "mine.HTML.j2"])
def test_foreign_text_stays_text_whatever_a_template_does_with_it(expression: str, name: str) -> None:
    two_runs(OTHER.but(command=HOSTILE, config=build.with_keys(TEN, model__params__C=HOSTILE)))
    text = filled("{% set run = report.comparisons[0].variant %}\n" + expression, name)
    assert "script" in text.lower()
    assert "<script" not in text.lower()
    assert "<img" not in text.lower()
    assert not re.search("[\x1b\u202e\x07]", text)
    if name == "mine.md.j2":
        parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
        kinds = {token.type for outer in parsed for token in [outer, *(outer.children or [])]}
        assert not {"image", "link_open", "html_inline", "html_block", "heading_open", "table_open", "fence"} & kinds


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("x\n{{ report.nothing }}", 2, "no attribute 'nothing'"),
        ("x\n\n{{ nothing }}", 3, "'nothing' is undefined"),
        ("x\n{% if %}", 2, "not valid"),
        ("x\n{{ 'a' | nofilter }}", 2, "No filter named 'nofilter'"),
        ("{{ report.__class__ }}", 1, "unsafe"),
        ("{{ report._asdict() }}", 1, "unsafe"),
        ("{{ ''.__class__.__mro__ }}", 1, "unsafe"),
        ("{{ 'x'.format(report) }}", 1, "unsafe"),
        ("{{ ('x' | code).format(report) }}", 1, "unsafe"),
        ("{{ ('x' | code).join(['a']) }}", 1, "unsafe"),
        ("{{ report.caveats[0].values.update({'a': 1}) }}", 1, "unsafe"),
        ("{{ [].append(1) }}", 1, "unsafe"),
        ("{% for i in range(10000000) %}{% endfor %}", 1, "Range too big"),
        ("{{ 'x' * 100000000000 }}", 1, "no operator"),
        ("{{ 10 ** 10 ** 10 }}", 1, "small whole numbers"),
        ("\n{{ 1 / 0 }}", 2, "ZeroDivisionError"),
        ("{{ 0.123456 | round(2) }}", 1, "No filter named 'round'"),
        ("{{ 'x' | safe }}", 1, "No filter named 'safe'"),
        ("{{ [1, 2] | random }}", 1, "No filter named 'random'"),
        ("{{ lipsum() }}", 1, "'lipsum' is undefined"),
        ("{% include 'mine.md.j2' %}", 1, "RecursionError"),
        ("x\n{% include 'nothing.j2' %}", 2, "nothing.j2"),
        ("x\n{% include '../outside.j2' %}", 2, "outside.j2"),
        ("x\n{% include '/etc/passwd' %}", 2, "etc/passwd"),
        ("x\n{% include 'link.j2' %}", 2, "link.j2"),
        ("x\n{% include 'linked/outside.j2' %}", 2, "outside.j2"),
        ("x\n{{ report.baseline.name | number }}", 2, "TypeError"),
        ("x\n{{ [report.baseline] | map(attribute='__class__') | first }}", 2, "unsafe"),
    ],
)
def test_what_a_template_must_not_do_is_an_error_with_its_line(
    source: str, line: int, said: str, tmp_path: Path
) -> None:
    two_runs()
    place = Path("templates")
    place.mkdir()
    Path("outside.j2").write_text("secret")
    (place / "link.j2").symlink_to(tmp_path / "outside.j2")
    (place / "linked").symlink_to(tmp_path)
    with pytest.raises(ReportError, match=re.escape(said)) as raised:
        filled(source, "templates/mine.md.j2")
    assert str(raised.value).startswith(f"templates/mine.md.j2:{line}: the template ")
    assert "secret" not in str(raised.value)


def test_the_methods_of_a_recorded_warning_are_out_of_reach() -> None:
    two_runs(OTHER.but(warnings=[{"code": "fit.not_converged", "values": {}}]))
    Path("secret.json").write_text('{"code": "secret", "values": {}}')
    result = report(RUNS)._replace(caveats=(Statement("x", {"warning": _warned()}),))
    Path("mine.j2").write_text("{{ report.caveats[0].values.warning.code }}")
    assert document(result, template=Path("mine.j2")) == "fit.not\\_converged" or "fit.not_converged"
    Path("mine.j2").write_text("{{ report.caveats[0].values.warning.parse_file('secret.json').code }}")
    with pytest.raises(ReportError, match="unsafe"):
        document(result, template=Path("mine.j2"))


def _warned() -> Any:
    from week2kit.record.manifest import Warned

    return Warned(code="fit.not_converged", values={})


@pytest.mark.parametrize("content", [None, b"\xff", b"x" * (MAX_TEMPLATE_BYTES + 1)], ids=["none", "bytes", "large"])
def test_a_template_that_cannot_be_read_is_exit_code_2(content: bytes | None) -> None:
    two_runs()
    if content is not None:
        Path("mine.j2").write_bytes(content)
    done = command("report", *RUNS, "--template", "mine.j2")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"error: mine\.j2: the template (cannot be read|is not UTF-8)", done.stderr)


def test_a_template_without_our_marker_makes_files_that_are_never_replaced() -> None:
    two_runs()
    Path("mine.j2").write_text("x\n")
    arguments = ("report", *RUNS, "--template", "mine.j2", "-o", "out.md")
    assert command(*arguments).returncode == 0
    assert command(*arguments).returncode == 2
    assert Path("out.md").read_text() == "x\n"
    Path("marked.j2").write_text("{{ marker }}\nx\n")
    for _ in range(2):
        assert command("report", *RUNS, "--template", "marked.j2", "-o", "marked.md").returncode == 0


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_our_markdown_becomes_html_that_shows_the_same_text(text: str) -> None:
    for markdown in (escape(text), code(text)):
        page = as_html(markdown)
        assert not re.search(r"<(?!/?code>)", page)
        shown = MarkdownIt("commonmark").renderInline(markdown)
        assert _plain(page) == _plain(shown)


def _plain(page: str) -> str:
    import html

    return html.unescape(re.sub(r"</?code>", "", page)).strip()


# --- verdicts ----------------------------------------------------------------------------------------------------


def verdicts(**by_run: Any) -> Path:
    """A file as `verify --json` prints it: a verdict, or fields of one, per run."""
    runs = []
    for run, fields in by_run.items():
        manifest = Path("runs", run, "manifest.json")
        digest = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.exists() else "0" * 64
        fields = fields if isinstance(fields, dict) else {"verdict": fields}
        runs.append({"run": f"runs/{run}", "manifest_sha256": digest} | fields)
    Path("verify.json").write_text(json.dumps({"schema_version": 1, "runs": runs, "summary": {}}))
    return Path("verify.json")


def test_verdicts_stand_at_the_head_in_the_evidence_and_in_json() -> None:
    two_runs()
    cause = {
        "input": "environment",
        "factor": "blas.kernel",
        "recorded": "Haswell",
        "now": "SkylakeX",
        "proof": "restored",
    }
    path = verdicts(
        base={"verdict": "identical", "level": "model"},
        other={"verdict": "explained", "level": "scores", "causes": [cause]},
    )
    result = report(RUNS, verdicts=path)
    text = render(result)
    head = text.split("\n## Goal\n")[0]
    assert "| `base` | identical (model) | the recorded outcome came out again" in head
    assert re.search(
        r"\| `other` \| explained \(scores\) \| .* Causes: environment `blas.kernel` \(restored\)\. \|", head
    )
    assert "not verified" not in text.lower()
    assert "| the verdict identical | | `base` | `verify.json` |" in text
    assert "--verdicts" not in text
    assert "WARNING" not in text
    value = json.loads(to_json(result))
    assert value["comparisons"][0]["variant"]["verdict"]["causes"] == [
        {"input": "environment", "factor": "blas.kernel", "proof": "restored"}
    ]
    report_model().model_validate_json(to_json(result), strict=True)


def test_without_verdicts_the_report_says_how_to_have_them() -> None:
    text = render(report(two_runs(), baseline="runs/other"))
    assert "**Not verified:**" in text.split("\n## Goal\n")[0]
    assert "week2kit verify runs/base runs/other --json > verify.json" in text
    assert "week2kit report runs/base runs/other --baseline runs/other --verdicts verify.json" in text


@pytest.mark.parametrize("verdict", ["tampered", "different", "unstable"])
def test_a_refuted_run_gets_a_banner_that_cannot_be_taken_away(verdict: str) -> None:
    two_runs()
    path = verdicts(base="identical", other=verdict)
    result = report(RUNS, verdicts=path)
    text = render(result)
    start, end = text.index("> [!WARNING]"), text.index("**One thing changed")
    assert f"> **`other` was trained again, and the verdict is {verdict}:**" in text[start:end]
    Path("report.md").write_text(text[:start] + text[end:], newline="\n")
    assert "warning.missing" in {finding.code for finding in check_report(result, Path("report.md")).failures}


def test_a_run_without_its_verdict_is_not_verified_and_one_too_many_is_told() -> None:
    two_runs()
    path = verdicts(base="identical", gone="different")
    manifest = Path("runs/other/manifest.json")
    text = render(report(RUNS, verdicts=path))
    head = text.split("\n## Goal\n")[0]
    assert "| `other` | not verified | no verdict on this record was given |" in head
    assert "whose record has changed since: `runs/gone`." in head
    assert "WARNING" not in head
    assert "week2kit verify runs/base runs/other --json > verify.json" in text
    path = verdicts(base="identical", other="identical")
    manifest.write_text(manifest.read_text().replace("2026-11-23", "2026-11-24"))
    assert "| `other` | not verified |" in render(report(RUNS, verdicts=path))


@pytest.mark.parametrize("name", ["/home/somebody/runs/gone", "C:\\\\Users\\\\somebody\\\\gone"])
def test_an_absolute_path_in_a_list_of_verdicts_is_not_told(name: str) -> None:
    two_runs()
    path = verdicts(base="identical", gone="different")
    path.write_text(path.read_text().replace("runs/gone", name))
    result = report(RUNS, verdicts=path)
    assert result.verdicts is not None
    assert result.verdicts.unmatched == ("gone",)


def test_of_two_verdicts_on_one_record_the_worse_counts() -> None:
    two_runs()
    path = verdicts(base="identical", other="identical")
    value = json.loads(path.read_text())
    value["runs"].insert(0, value["runs"][1] | {"verdict": "different"})
    path.write_text(json.dumps(value))
    result = report(RUNS, verdicts=path)
    assert [run.verdict and run.verdict.verdict for run in result.runs] == ["identical", "different"]


def test_verdicts_of_verify_itself_are_taken_in_python() -> None:
    from week2kit.record.verdict import VerdictDocument

    two_runs()
    taken = VerdictDocument.model_validate_json(verdicts(base="identical", other="close").read_bytes())
    result = report(RUNS, verdicts=taken)
    assert [run.verdict and run.verdict.verdict for run in result.runs] == ["identical", "close"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"", "line 1"),
        (b"\xff", "not UTF-8"),
        (b"[]", "valid dictionary"),
        (b"{}", "runs: Field required (and 1 more)"),
        (b'{"schema_version": 99, "runs": [], "summary": {}}', "schema_version is 99"),
        (b'{"schema_version": 1, "runs": [{"run": "x"}], "summary": {}}', "runs.0."),
        (b'{"schema_version": 1, "runs": [], "summary": {"x": NaN}}', "NaN"),
        (b"[" * 100_000, "nested deeper"),
        (b"x" * 100, "line 1"),
        (
            json.dumps(
                {
                    "schema_version": 1,
                    "summary": {},
                    "runs": [
                        {
                            "run": HOSTILE, "manifest_sha256": "0", "verdict": "different",
                            "reason": {"code": "environment.other", "now": 1},
                        }
                    ],
                }
            ).encode(),
            "holds values that verify never gives it",
        ),
    ],
)  # fmt: skip
def test_what_holds_no_verdicts_is_exit_code_2(content: bytes | None, said: str) -> None:
    two_runs()
    if content is not None:
        Path("verify.json").write_bytes(content)
    done = command("report", *RUNS, "--verdicts", "verify.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --verdicts verify.json: ")
    assert said in done.stderr
    assert not re.search("[\x1b\x07\u202e]|Traceback", done.stderr)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_verdicts_that_a_windows_shell_wrote_are_read(encoding: str) -> None:
    two_runs()
    text = verdicts(one="identical").read_text()
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    Path("verify.json").write_bytes((mark + text.replace("\n", "\r\n")).encode(encoding))
    done = command("report", *RUNS, "--verdicts", "verify.json")
    assert (done.returncode, "not verified" in done.stdout) == (0, True), done.stderr
    Path("verify.json").write_bytes(b"\xff\xfe\x00")
    done = command("report", *RUNS, "--verdicts", "verify.json")
    assert (done.returncode, "not UTF-8 text" in done.stderr) == (2, True)


def test_a_report_that_own_words_make_too_long_says_so() -> None:
    runs = two_runs()
    assert command("report", *runs, "-o", "r.md").stderr == "written: r.md\n"
    Path("r.md").write_text(put(Path("r.md").read_text(), "interpretation", "word " * 14_000 + "\n"))
    done = command("report", *runs, "-o", "r.md")
    size = f"{len(Path('r.md').read_text()):,}"
    assert done.stderr == (
        f"r.md: it has {size} characters, as your own words are kept whole, and a comment on GitHub takes 65,536.\n"
        "written: r.md\n"
    )
    assert command("report", *runs, "-o", "r.md", "--full").stderr == "written: r.md\n"


def test_a_list_of_verdicts_that_is_too_large_is_not_read() -> None:
    two_runs()
    with Path("verify.json").open("wb") as file:
        file.truncate(MAX_VERDICTS_BYTES + 1)
    with pytest.raises(UsageError, match="larger than"):
        report(RUNS, verdicts="verify.json")


def test_hostile_verdicts_stay_text() -> None:
    two_runs()
    cause = {"input": "data", "factor": HOSTILE, "recorded": HOSTILE, "now": {HOSTILE: [HOSTILE]}, "proof": "observed"}
    reason = {"code": HOSTILE, "where": HOSTILE, "recorded": HOSTILE, "now": HOSTILE}
    bad = {
        "verdict": "different",
        "causes": [cause] * 9,
        "reason": reason,
        "metrics": {HOSTILE: {"recorded": 1.0, "here": 2.0}},
    }
    path = verdicts(base=bad, other=bad, gone=bad)
    value = json.loads(path.read_text())
    value["runs"][2]["run"] = HOSTILE
    path.write_text(json.dumps(value))
    result = report(RUNS, verdicts=path)
    text = render(result)
    head = text.split("\n## Goal\n")[0]
    assert "<script" not in text
    assert "<img" not in text
    assert not re.search("[\x1b\x07\u202e]", text)
    for rows in re.findall(r"(?:^\|.*\n)+", head.partition("**Next:**")[2], flags=re.MULTILINE):
        assert {len(re.split(r"(?<!\\)\|", row)) for row in rows.splitlines()} == {5}
    assert not re.search(r"^#+ head", text, flags=re.MULTILINE)
    assert not check_report(result, _written(text)).failures


def _written(text: str) -> Path:
    Path("report.md").write_text(text, newline="\n")
    return Path("report.md")


def test_a_report_without_verdicts_imports_neither_their_models_nor_a_check() -> None:
    two_runs()
    code_ = (
        "import sys; from week2kit.reporting.composing import report; from week2kit.rendering.output import render;"
        f"render(report({RUNS!r}));"
        "print(sorted({'week2kit.record.verdict', 'week2kit.reporting.verdicts', 'week2kit.rendering.checking',"
        "'markdown_it', 'jinja2',"
        "'week2kit.rendering.custom', 'week2kit.rendering.structured', 'difflib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code_],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.strip() == "[]"


# --- length ------------------------------------------------------------------------------------------------------

LONG = "L" * 150


def many_runs(count: int, label: str = "", *, damaged: int = 0) -> list[str]:
    """Runs of which every third failed, with long names and texts where a label is given."""
    names = [f"{label}{index}" for index in range(10)]
    text = "g" * (3000 if label else 10)
    for index in range(count):
        rows = [(5 * row, names[row % 10], names[row * (index + 1) % 10]) for row in range(60)]
        params = {f"{label}{key}": f"{label}{label}{index}" for key in range(6)}
        keys = {"model__params": params, "goal": f"{text}{index}", "hypothesis": f"{text}h{index}"}
        recipe = BASE.but(config=build.with_keys(build.LOGISTIC, **keys), predictions=rows)
        name = f"{label[:50]}{index:04}"
        if index % 3 == 2:
            build.failed(Path("runs"), name, recipe, message=text * 2, hint=text)
        else:
            build.completed(Path("runs"), name, recipe)
        if index < damaged:
            (Path("runs") / name / "config.json").write_text("{}")
    return ["runs"]


def test_a_report_of_a_thousand_runs_is_short_enough_for_a_comment_as_it_is() -> None:
    result = report(many_runs(1000, "", damaged=45))
    full = render(result, full=True)
    assert len(full.encode()) < REPORT_BYTES
    assert "Left out" not in full
    assert full.count("> [!WARNING]") == 10 + 1  # the ten that are told, and one line for the others


def test_a_report_is_short_enough_for_a_comment_and_says_what_left_out() -> None:
    damaged = 2
    result = report(many_runs(40, LONG, damaged=damaged))
    full, text = render(result, full=True), render(result)
    assert len(full.encode()) > REPORT_BYTES
    assert len(text.encode()) < REPORT_BYTES
    head, below = text.split("\n## Goal\n")
    note = head.split("\n\n")[1]
    assert note.startswith("> [!NOTE]\n> Cut to 64 KB")
    assert note.endswith("`--full` shows all.")
    told = re.findall(
        r"^\*Left out, as this report would be too long: (.*)\. `--full` shows all\.\*$", below, re.MULTILINE
    )
    assert told
    assert set(told) == set(note.split("Left out: ")[1].split(". `--full`")[0].split("; "))
    assert "Left out" not in full
    # what must stay
    assert head.count("> [!WARNING]") == damaged * 2 // 3 + damaged % 3 // 2
    assert re.findall(r"^## .*$", text, re.MULTILINE) == re.findall(r"^## .*$", full, re.MULTILINE)
    assert re.findall(r"^### .*: failed .*$", text, re.MULTILINE) == re.findall(
        r"^### .*: failed .*$", full, re.MULTILINE
    )
    assert re.findall(r"<!-- week2kit words.*", text) == re.findall(r"<!-- week2kit words.*", full)
    assert re.findall(r"^- \*\*The difference.*$", text, re.MULTILINE) == re.findall(
        r"^- \*\*The difference.*$", full, re.MULTILINE
    )


def test_words_are_never_left_out_and_a_cut_report_can_be_checked() -> None:
    result = report(many_runs(60, LONG))
    words = "".join(f"Line {index} of what I think about it.\n" for index in range(400))
    assert len(words) > WORDS_BYTES
    for made in (render(result), render(result, full=True)):
        text = put(made, "interpretation", words)
        assert not check_report(result, _written(text)).failures
        assert read_words(Path("report.md")) == {"interpretation": words}
    again = render(result, {"interpretation": words})
    assert words in again
    assert len(again.encode()) < REPORT_BYTES
    assert not check_report(result, _written(again)).failures


def test_a_report_of_two_runs_is_whole() -> None:
    result = report(two_runs())
    assert render(result) == render(result, full=True)


def test_full_is_a_flag_of_the_command() -> None:
    many_runs(30, LONG)
    assert len(command("report", "runs").stdout.encode()) < REPORT_BYTES
    assert command("report", "runs", "--full").stdout == render(report(["runs"]), full=True)


# --- flags -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flags",
    [
        ("--check", "report.md", "-o", "other.md"),
        ("--check", "report.md", "--format", "json"),
        ("--check", "report.md", "--template", "mine.j2"),
        ("--template", "mine.j2", "--format", "json"),
        ("--full", "--format", "json"),
        ("--full", "--template", "mine.j2"),
    ],
    ids=" ".join,
)
def test_flags_that_contradict_each_other_are_exit_code_2(flags: tuple[str, ...]) -> None:
    two_runs()
    done = command("report", *RUNS, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert "do not go together" in done.stderr
    assert [path.name for path in Path().iterdir()] == ["runs"]


def test_an_unreadable_run_is_exit_code_2_whatever_a_check_found() -> None:
    Path("report.md").write_text(render(report([*two_runs(), "runs/none"])), newline="\n")
    done = command("report", *RUNS, "runs/none", "--check", "report.md")
    assert done.returncode == 2
    assert "numbers hold" in done.stdout


# --- where a report was made, and where it lies today -------------------------------------------------------------


@pytest.mark.parametrize("folder", ["reports", "my reports"])
def test_an_unchanged_report_holds_from_any_folder_and_under_any_name(folder: str) -> None:
    two_runs()
    here = Path.cwd()
    Path(folder).mkdir()
    assert command("report", *RUNS, "-o", f"{folder}/report.md").returncode == 0
    shutil.copytree(f"{folder}/report_files", f"{folder}/anna_files")
    shutil.copy(f"{folder}/report.md", f"{folder}/anna.md")
    shutil.copytree(folder, "handed in")
    absolute = [str(here / run) for run in RUNS]
    for named, file in (
        (RUNS, f"{folder}/report.md"),
        (RUNS, str(here / folder / "report.md")),
        (RUNS, f"{folder}/anna.md"),
        (RUNS, "handed in/anna.md"),
        (absolute, f"{folder}/report.md"),
        (absolute, str(here / "handed in/anna.md")),
    ):
        done = command("report", *named, "--check", file)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    os.chdir(folder)
    done = command("report", *(f"../{run}" for run in RUNS), "--check", "anna.md")
    assert done.returncode == 0, done.stdout


def test_a_number_in_a_path_cannot_be_changed_where_the_report_lies_elsewhere() -> None:
    two_runs()
    Path("out1").mkdir()
    assert command("report", *RUNS, "-o", "out1/report.md").returncode == 0
    text = Path("out1/report.md").read_text()
    for old in ("out1/report_files/next.json", "--name"):
        Path("moved.md").write_text(text.replace(old, old.replace("1", "2") + " 7", 1))
        assert check_report(report(RUNS), Path("moved.md")).failures, old


@pytest.mark.parametrize("absolute", [False, True])
def test_the_commands_of_a_report_work_where_it_was_made(absolute: bool) -> None:
    two_runs()
    Path("out").mkdir()
    here = Path.cwd() if absolute else Path()
    assert command("report", *(here / run for run in RUNS), "-o", here / "out/r.md").returncode == 0
    text = Path("out/r.md").read_text()
    named = [word for line in re.findall(r"^week2kit train .*", text, re.M) for word in shlex.split(line)[2:3]]
    assert named
    assert all(Path(word).is_file() for word in named), named
    assert str(Path.cwd()) not in text
    verified = next(line for line in text.splitlines() if line.startswith("week2kit verify "))
    assert shlex.split(verified)[2:4] == RUNS
