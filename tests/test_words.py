"""What a person wrote into a report survives every time that the report is made again, byte for byte, or nothing is."""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from week2kit.errors import ReportError
from week2kit.rendering.checking import check_report, describe
from week2kit.rendering.files.reports import MARKER, write_report
from week2kit.rendering.files.words import find_words, insert, lesson, place, read_words, text_line, words_beside
from week2kit.rendering.output import document, render
from week2kit.rendering.shown import report
from week2kit.reporting.values import Report

from . import build_runs as build
from .sessions import here as command

A, C, G = "Adelie", "Chinstrap", "Gentoo"
BASE = build.Recipe(predictions=build.labels({(A, A): 28, (A, C): 2, (C, C): 12, (C, A): 2, (G, G): 25}))
BETTER = build.labels({(A, A): 29, (A, C): 1, (C, C): 13, (C, A): 1, (G, G): 25})
END = "<!-- week2kit end of words -->"
HOSTILE = (
    "a|b`c<script>alert(1)</script>--> <!-- week2kit end of words --> [a](javascript:alert(1)) {{7*7}} \n# head\n\n"
    "\n<!-- week2kit words: goal -->\n\x1b[31mred\u202eabc"
)
MARKDOWN = (
    "\n**Bold**, a table,\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n\n\n```sh\nweek2kit report <!-- no marker -->\n```\n"
    "<!-- a comment of my own -->\n{{ 7 * 7 }} {% raw %} trailing   \n\ttab\n"
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def three_runs() -> list[str]:
    build.completed(Path("runs"), "base", BASE)
    config = build.with_keys(build.LOGISTIC, model__params__C=10.0)
    build.completed(Path("runs"), "other", BASE.but(config=config, predictions=BETTER))
    build.failed(Path("runs"), "bad", BASE, message="no")
    return ["runs/base", "runs/other"]


def begin(key: str) -> str:
    return f"<!-- week2kit words: {key} -->"


def written(text: str, key: str, words: str) -> str:
    """`text` with `words` in the place `key`."""
    before, rest = text.split(f"{begin(key)}\n", 1)
    return f"{before}{begin(key)}\n{words}{END}{rest.split(END, 1)[1]}"


def again(runs: list[str], path: str = "report.md") -> bytes:
    """Make the report again, in its file."""
    target = Path(path)
    write_report(target, render(report(runs), read_words(target)))
    return target.read_bytes()


# --- they survive ------------------------------------------------------------------------------------------------


def test_a_fresh_report_invites_to_write_and_holds_no_words() -> None:
    text = render(report(three_runs()))
    assert re.findall(r"<!-- week2kit words: (.*) -->", text) == ["hypothesis", "interpretation", "lesson bad"]
    assert len(re.findall(r"^\*What .*\*$", text, flags=re.MULTILINE)) == 3
    assert find_words(text, "x") == {}


@pytest.mark.parametrize("words", ["One line.\n", MARKDOWN, "CRLF\r\nhere\r\n", "no end of line\r\n\r\n\r\n", "*x*\n"])
@pytest.mark.parametrize("key", ["hypothesis", "interpretation", "lesson bad"])
def test_words_are_kept_byte_for_byte_while_figures_are_made_again(key: str, words: str) -> None:
    runs = three_runs()
    Path("report.md").write_bytes(written(render(report(runs)), key, words).encode().replace(b"0.9420", b"0.1234"))
    data = again(runs)
    assert words.encode() in data
    assert b"0.1234" not in data
    assert b"0.9420" in data
    assert read_words(Path("report.md")) == {key: words}
    assert again(runs) == data


def test_a_file_that_windows_gave_other_line_ends_keeps_its_words() -> None:
    runs = three_runs()
    text = written(render(report(runs)), "interpretation", "Two\nlines.\n")
    Path("report.md").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_words(Path("report.md")) == {"interpretation": "Two\r\nlines.\r\n"}
    data = again(runs)
    assert b"Two\r\nlines.\r\n" in data
    assert data.count(b"\r") == 2


@pytest.mark.parametrize("left", ["", "\n", "  \n\n", "*What do you conclude, in your own words? %s*\r\n"])
def test_a_place_that_was_left_alone_or_emptied_has_no_words(left: str) -> None:
    fresh = render(report(three_runs()))
    left = left.replace("%s", "Write between these two comments: `report -o` keeps it.")
    assert find_words(written(fresh, "interpretation", left), "x") == {}


def test_words_of_a_run_that_is_gone_are_kept_at_the_end_and_return() -> None:
    runs = three_runs()
    Path("report.md").write_text(written(render(report(runs)), "lesson bad", "Mine.\n"), newline="\n")
    Path("runs/bad").rename("bad")
    text = again(runs).decode()
    assert re.search(
        rf"\nLesson of `bad`:\n\n{begin('lesson bad')}\nMine\.\n{END}\n\n<!-- week2kit text: \w+ -->\n$", text
    )
    assert "\n## Kept words\n" in text
    Path("bad").rename("runs/bad")
    text = again(runs).decode()
    assert "Kept words" not in text
    assert "Mine.\n" in text.split("\n## Next experiment\n")[0]


def test_a_goal_that_the_config_gives_needs_no_place_but_loses_no_words() -> None:
    build.completed(Path("runs"), "base", BASE.but(config=build.with_keys(build.LOGISTIC, goal="")))
    Path("report.md").write_text(written(render(report(["runs/base"])), "goal", "Mine.\n"), newline="\n")
    build.completed(Path("more"), "base", BASE)
    text = again(["more/base"]).decode()
    assert "> Tell the three species" in text
    assert f"{begin('goal')}\nMine.\n{END}" in text
    assert "Kept words" not in text


def test_a_name_cannot_leave_its_comment_and_no_two_are_one() -> None:
    text = str(lesson(HOSTILE))
    first, _, last = text.split("\n")
    assert re.fullmatch(r"<!-- week2kit words: lesson [\w.~/%-]+ -->", first)
    assert last == END
    names = ["a b", "a%20b", "a+b", "a/b", "a\\b", "a #2", "é", "e\u0301", "\udce9", "a-- ", "a--"]
    assert len({str(lesson(name)) for name in names}) == len(names)


def test_two_runs_of_one_name_have_a_place_each() -> None:
    text = insert(f"{lesson('x')}\n\n{lesson('x')}\n", {"lesson x": "one\n", "lesson x #2": "two\n"})
    assert find_words(text, "x") == {"lesson x": "one\n", "lesson x #2": "two\n"}
    assert text.index("one") < text.index("two")
    assert "Kept" not in text


_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0")).filter(lambda text: text.strip())


@settings(max_examples=200, deadline=None)
@given(_WORDS)
@example("\x85 x \u2028 y \x0b")
@example(f"in a line {END} of its own\n")
@example("```\nnot closed\n")
def test_whatever_was_written_is_read_back(words: str) -> None:
    fresh = f"{MARKER}\n\n{place('goal')}\n\n{place('interpretation')}\n"
    text = insert(fresh, {"goal": words})
    kept = find_words(text, "x")
    assert kept == {"goal": words if words.endswith("\n") else words + "\n"}
    assert insert(fresh, kept) == text


#: Lines that mean something to a reader of Markdown, of a report, or of its places; and line ends of both kinds.
_LINES = st.sampled_from(
    [
        *(
            "##########",
            "## Interpretation",
            "## Goal",
            "---",
            "===",
            "```",
            "~~~",
            "<!--",
            "-->",
            "*x*",
            "> [!WARNING]",
            "",
        ),
        *(
            f"<!-- week2kit text: {'a' * 64} -->",
            MARKER,
            f"{END} x",
            "| a |",
            "<!-- a comment -->",
            "\ufeff",
            "\u2028\x85",
        ),
    ]
) | st.text(st.sampled_from("#\r>`-* \tab<!|~\\_[]0.\x0b\x85\u2028"), max_size=8)
_SOME = st.lists(st.tuples(_LINES, st.sampled_from(["\n", "\r\n"])), min_size=1, max_size=4).map(
    lambda lines: "".join(map("".join, lines))
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Report]:
    """Reports with and without goals, with places that the others do not have."""
    folder = tmp_path_factory.mktemp("made")
    odd = build.with_keys(build.LOGISTIC, goal="##########\r\n", hypothesis="\r")
    silent = build.with_keys(build.LOGISTIC, goal="", model__params__C=10.0)
    build.completed(folder / "goal", "base", BASE)
    build.completed(folder / "odd", "base", BASE.but(config=odd))
    build.completed(folder / "silent", "base", BASE.but(config=silent, predictions=BETTER))
    build.failed(folder / "silent", "bad", BASE, message="no")
    return [report([folder / name]) for name in ("goal", "odd", "silent")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_text_between_the_places_survives_or_nothing_is_written(made: list[Report], data: st.DataObject) -> None:
    path = Path("report.md")
    text = render(data.draw(st.sampled_from(made)))
    written_by_key = {key: data.draw(_SOME) for key in re.findall(r"<!-- week2kit words: (.*) -->", text)}
    for key, words in written_by_key.items():
        text = written(text, key, words)
    text = ("\ufeff" if data.draw(st.booleans()) else "") + text
    if windows := data.draw(st.booleans()):
        text = re.sub("\r?\n", "\r\n", text)
    path.write_bytes(text.encode())
    for _ in range(2):
        before = path.read_bytes()
        try:
            words = read_words(path)
        except ReportError:
            return
        path.write_text(render(data.draw(st.sampled_from(made)), words), encoding="utf-8", newline="")
        for key, words in written_by_key.items():
            kept = re.sub("\r?\n", "\r\n", words) if windows else words
            assert not words.strip() or kept.encode() in path.read_bytes(), (key, words, before)


# --- or nothing is written ---------------------------------------------------------------------------------------

GOAL, INTERPRETATION = begin("hypothesis"), begin("interpretation")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(INTERPRETATION + "\n", "", "a place for words ends here, and none began", id="no begin"),
        pytest.param(f"mine\n{END}\n", "mine\n", "begins here and is never closed", id="no end before another"),
        pytest.param(INTERPRETATION, GOAL, r"stands at line \d+, too", id="doubled"),
        pytest.param(INTERPRETATION, INTERPRETATION[:-4], "is not as it was", id="begin cut"),
        pytest.param(f"mine\n{END}", f"mine\n{END[:-4]}", "begins here and is never closed", id="end cut"),
        pytest.param(INTERPRETATION, "text " + INTERPRETATION, "is not as it was", id="begin no longer alone"),
        pytest.param(f"{INTERPRETATION}\nmine\n{END}\n", "mine\n", "no place for your interpretation", id="both gone"),
        pytest.param("mine", "m\udcffne", "not UTF-8", id="no UTF-8"),
    ],
)
def test_broken_places_are_refused_with_their_line_and_nothing_is_lost(old: str, new: str, said: str) -> None:
    runs = three_runs()
    text = written(render(report(runs)), "interpretation", "mine\n")
    assert old in text
    before = text.replace(old, new).encode(errors="surrogateescape")
    Path("report.md").write_bytes(before)
    with pytest.raises(ReportError, match=said) as raised:
        again(runs)
    assert re.match(r"report\.md(:\d+)?: ", str(raised.value))
    assert Path("report.md").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["report.md", "runs"]


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        pytest.param(
            f"mine\n{END}", "mine", 0,
            f"a place for words begins here and is never closed: put back the line {END} after your text.",
            id="no end",
        ),
        pytest.param(
            f"{INTERPRETATION}\n", "", 1,
            "a place for words ends here, and none began: put back the line <!-- week2kit words: KEY --> before your "
            "text, with the KEY (such as interpretation) that a report in another file has there.",
            id="no begin",
        ),
        pytest.param(
            f"{INTERPRETATION}\n", f"{INTERPRETATION} mine\n", 0,
            "the comment of a place for words is not as it was: it must be the line "
            "<!-- week2kit words: KEY --> and nothing else.",
            id="text behind the begin",
        ),
        pytest.param(
            f"mine\n{END}", f"mine\n{END}\n{END[:-4]}", 3,
            f"the comment of a place for words is not as it was: it must be the line {END} and nothing else.",
            id="a second end, cut",
        ),
        pytest.param(
            INTERPRETATION, GOAL, 0,
            "this place for words stands at line N, too: keep one of the two, with all your text in it.",
            id="doubled",
        ),
    ],
)  # fmt: skip
def test_a_broken_place_is_told_with_the_line_to_put_right(old: str, new: str, at: int, said: str) -> None:
    text = written(render(report(three_runs())), "interpretation", "mine\n")
    assert old in text
    first = text[: text.index(INTERPRETATION)].count("\n") + 1
    hypothesis = text[: text.index(GOAL)].count("\n") + 1
    with pytest.raises(ReportError) as raised:
        find_words(text.replace(old, new), "report.md")
    rest = " Until then nothing tells which words are yours, and nothing is written."
    assert str(raised.value) == f"report.md:{first + at}: {said.replace('N, too', f'{hypothesis}, too')}{rest}"


def test_the_line_of_a_broken_place_is_the_line_of_the_file() -> None:
    text = render(report(three_runs())).replace(f"{INTERPRETATION}\n", "")
    line = text.split("\n## Rows that moved\n")[0].rstrip("\n").count("\n") + 1
    with pytest.raises(ReportError, match=rf"^r\.md:{line}: "):
        find_words(text, "r.md")


def test_no_other_file_is_read_for_words() -> None:
    Path("mine.md").write_text("my own words")
    with pytest.raises(ReportError, match="not a report of week2kit"):
        read_words(Path("mine.md"))
    with pytest.raises(ReportError, match="cannot be read"):
        read_words(Path())
    assert read_words(Path("none.md")) == {}


def test_a_report_in_another_format_takes_the_words_of_the_markdown_beside_it() -> None:
    Path("report.md").write_text(written(render(report(three_runs())), "interpretation", "Mine.\n"), newline="\n")
    assert words_beside(Path("report.html"), "a page") == {"interpretation": "Mine.\n"}
    assert words_beside(Path("other.html"), "a page") == {}
    Path("mine.md").write_text("my own words")
    assert words_beside(Path("mine.html"), "a page") == {}


# --- text outside of the places -----------------------------------------------------------------------------------


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir() if path.name not in ("runs", "report_files"))


def test_the_last_line_of_a_report_is_the_digest_of_all_that_stands_outside_of_the_places() -> None:
    result = report(three_runs())
    text = render(result)
    assert text.endswith(f"\n\n{text_line(text)}\n")
    assert render(result, {"interpretation": "Mine.\n"}).endswith(f"\n\n{text_line(text)}\n")
    assert text_line(text.replace("0.9420", "0.9421", 1)) != text_line(text)
    assert "week2kit text" not in document(result, "html")
    assert "week2kit text" not in document(result, "json")


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda text: text, id="untouched"),
        pytest.param(lambda text: written(text, "interpretation", MARKDOWN), id="words in a place"),
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="line ends"),
        pytest.param(lambda text: text.replace(".\n", ".  \n") + "\n\n", id="blanks at line ends and empty lines"),
        pytest.param(lambda text: "\ufeff" + text, id="byte order mark"),
        pytest.param(lambda text: text.replace(begin("interpretation"), f"  {begin('interpretation')}"), id="indented"),
    ],
)
def test_a_report_that_was_edited_in_its_places_only_is_replaced_and_nothing_is_kept(
    edit: Callable[[str], str],
) -> None:
    result = report(three_runs())
    assert result.save("report.md") is None
    fresh = Path("report.md").read_text()
    Path("report.md").write_bytes(edit(fresh).encode())
    assert result.save("report.md") is None
    assert names() == ["report.md"]
    assert text_line(Path("report.md").read_text()) == text_line(fresh)


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda text: text.replace("## Evidence", "My own sentence.\n\n## Evidence"), id="a sentence"),
        pytest.param(lambda text: text + "My last words.\n", id="below the digest"),
        pytest.param(lambda text: text.replace("noise", "a triumph", 1), id="a word"),
        pytest.param(lambda text: re.sub("### Commands\n", "", text), id="a line less"),
        pytest.param(lambda text: re.sub("<!-- week2kit text.*", "", text), id="no digest, as of an older week2kit"),
        pytest.param(lambda text: re.sub("text: .{4}", "text: 0000", text), id="another digest"),
        pytest.param(lambda text: f"{text}{text_line('')}\n", id="two digests"),
    ],
)
def test_a_report_that_was_edited_elsewhere_is_kept_before_it_is_replaced(edit: Callable[[str], str]) -> None:
    result = report(three_runs())
    result.save("report.md")
    fresh = Path("report.md").read_bytes()
    for name in ("report.md.old", "report.md.old2", "report.md.old3"):
        edited = (edit(fresh.decode()) + 3 * name).replace("\n", "\r\n").encode()
        Path("report.md").write_bytes(edited)
        assert result.save("report.md") == Path(name)
        assert Path(name).read_bytes() == edited
        assert Path("report.md").read_bytes() == fresh
        assert result.save("report.md") is None
    Path("report.md").write_bytes(edited)
    assert result.save("report.md") == Path("report.md.old3"), "it is kept already"
    assert names() == ["report.md", "report.md.old", "report.md.old2", "report.md.old3"]


def test_eight_reports_at_once_into_one_file_keep_the_old_one_once() -> None:
    result = report(three_runs())
    result.save("report.md")
    fresh = Path("report.md").read_text()
    placed = re.sub(r"\*What do you conclude.*", "Mine, in its place.", fresh, count=1)
    edited = placed + "Mine, outside.\n"
    for _ in range(3):
        Path("report.md").write_text(edited)
        together = multiprocessing.get_context("fork").Barrier(8)

        def save(together: Any = together) -> None:
            together.wait()
            result.save("report.md")

        saving = [multiprocessing.get_context("fork").Process(target=save) for _ in range(8)]
        for process in saving:
            process.start()
        for process in saving:
            process.join(60)
        assert [process.exitcode for process in saving] == [0] * 8
        assert names() == ["report.md", "report.md.old"]
        assert not [path for path in Path().rglob("*") if path.name.startswith(".")]
        assert Path("report.md.old").read_text() == edited
        assert Path("report.md").read_text() == placed
        Path("report.md.old").unlink()


def test_an_old_report_takes_no_name_that_something_else_has() -> None:
    result = report(three_runs())
    result.save("report.md")
    Path("report.md").write_text(Path("report.md").read_text() + "Mine.\n")
    Path("report.md.old").mkdir()
    Path("report.md.old2").symlink_to("nowhere")
    Path("report.md.old3").write_text("another")
    assert result.save("report.md") == Path("report.md.old4")
    assert Path("report.md.old3").read_text() == "another"
    assert names() == ["report.md", "report.md.old", "report.md.old2", "report.md.old3", "report.md.old4"]


def test_nothing_is_kept_where_nothing_is_written() -> None:
    result = report(three_runs())
    result.save("report.md")
    Path("report.md").write_text(Path("report.md").read_text() + "Mine.\n")
    Path("report_files/next.json").write_text("mine")
    with pytest.raises(ReportError, match=r"next\.json"):
        result.save("report.md")
    assert names() == ["report.md"]
    assert Path("report.md").read_text().endswith("Mine.\n")


def test_the_command_says_that_it_kept_the_old_report_and_why() -> None:
    runs = three_runs()
    first = command("report", *runs, "-o", "report.md").stderr
    edited = Path("report.md").read_text().replace("## Evidence", "My own sentence.\n\n## Evidence")
    Path("report.md").write_text(edited)
    told = (
        "report.md: text outside the comments was changed, and is not kept in the new report: "
        "the old one is report.md.old.\n"
    )
    assert command("report", *runs, "-o", "report.md").stderr == first.replace("written:", f"{told}written:")
    assert command("report", *runs, "-o", "report.md").stderr == first
    Path("report.md").write_text(re.sub("<!-- week2kit text.*", "", edited))
    done = command("report", *runs, "-o", "report.md")
    assert done.returncode == 0
    assert "report.md: nothing in it tells whether text outside the comments was changed" in done.stderr
    assert "the old one is report.md.old2.\n" in done.stderr
    Path("report.md").write_text(edited)
    assert "the old one is report.md.old.\n" in command("report", *runs, "-o", "report.md", "--format", "json").stderr
    assert Path("report.md.old").read_text() == edited


@pytest.mark.parametrize(
    ("old", "new", "failures"),
    [
        pytest.param(r"(?=\n## Evidence)", "\nMine.\n", 0, id="text of a person's own"),
        pytest.param(r"<!-- week2kit text.*\n", "", 0, id="no digest"),
        pytest.param(r"text: .{4}", "text: 0000", 1, id="another digest"),
    ],
)
def test_a_check_makes_the_digest_again(old: str, new: str, failures: int) -> None:
    result = report(three_runs())
    text = render(result)
    Path("report.md").write_text(re.sub(old, new, text), newline="\n")
    found = check_report(result, Path("report.md")).failures
    assert len(found) == failures
    for finding in found:
        assert f"the record says: {text_line(text)} -- Make the report again" in describe(finding, "report.md")
    Path("report.md").write_text(text_line_made_again(text.replace("0.9420", "0.9999", 1)), newline="\n")
    assert [finding.says.count("0.9999") for finding in check_report(result, Path("report.md")).failures] == [1]


def text_line_made_again(text: str) -> str:
    return re.sub("<!-- week2kit text.*", text_line(text), text)


# --- on the command line -----------------------------------------------------------------------------------------


def test_the_command_keeps_words_and_refuses_what_is_broken() -> None:
    runs = three_runs()
    assert command("report", *runs, "-o", "report.md").returncode == 0
    text = written(Path("report.md").read_text(), "interpretation", MARKDOWN)
    Path("report.md").write_text(text, newline="\n")
    assert command("report", *runs, "-o", "report.md").returncode == 0
    assert Path("report.md").read_text() == text
    Path("report.md").write_text(text.replace(END, "", 1), newline="\n")
    done = command("report", *runs, "-o", "report.md")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"error: report\.md:\d+: a place for words begins here", done.stderr)
