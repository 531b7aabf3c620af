"""Pictures show the numbers of the report, the same bytes from anywhere, and foreign text stays text in them."""

from __future__ import annotations

import errno
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from week2kit.errors import PicturesUnavailable, ReportError
from week2kit.rendering.files.beside import INDEX, next_paths, picture_links
from week2kit.rendering.files.reports import write_report
from week2kit.rendering.output import render
from week2kit.rendering.pictures import drawing
from week2kit.rendering.pictures.contents import plan_pictures
from week2kit.rendering.pictures.drawing import draw, fitted
from week2kit.rendering.pictures.svg import DARK, INK, MUTED, ONE, PAPER, TWO
from week2kit.reporting.composing import report
from week2kit.reporting.rows import ConfusionRow, MovedClasses, Range
from week2kit.reporting.values import Calibration, CalibrationPoint, Curve, CurvePoint, Fit, Report, Residuals

from . import build_reports as reports
from . import build_runs as build
from .sessions import ROOT, command, here

HOSTILE = (
    "a|b`c<script>alert(1)</script><img src=x onerror=alert(1)> ![i](http://evil.example/x.png) "
    "[a](javascript:alert(1)) www.evil.example $x^2$ \\$ $\\alpha$ ]]> <!-- --> &lt; %s {0} "
    "\n```\n| x |\n|---|\n\x1b[31mred\x07 \u202eabc \ufffe\uffff\ud800"
)
ALL = ["metric", "difference", "fit", "calibration", "residuals", "confusion"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def full() -> Report:
    result: Report = reports.every_picture(Path("runs"))
    return result


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in parsed(svg).iter() if tag(element) == "text"]


def only_metric(full: Report, **score: Any) -> Report:
    """A report of one run with this score, and of nothing else."""
    row = full.metrics[0]
    assert row.baseline is not None
    assert full.figures is not None
    return full._replace(
        metrics=(row._replace(baseline=row.baseline._replace(**score)),),
        comparisons=(),
        figures=full.figures._replace(fits=(), curves=(), calibration=(), residuals=()),
    )


# --- which pictures ----------------------------------------------------------------------------------------------


def test_what_has_numbers_is_drawn_and_nothing_else(full: Report) -> None:
    assert [picture.name for picture in plan_pictures(full)] == ALL
    assert list(draw(full)) == [f"{name}.svg" for name in ALL]
    assert list(draw(only_metric(full))) == ["metric.svg"]
    build.failed(Path("runs"), "bad", build.Recipe())
    assert draw(report(["runs/bad"])) == {}


def test_each_variant_has_its_own_confusion(full: Report) -> None:
    several = full._replace(comparisons=full.comparisons * 2)
    assert [name for name in draw(several) if "confusion" in name] == ["confusion-1.svg", "confusion-2.svg"]


def test_figure_b_is_the_learning_curve_where_one_was_recorded_else_the_gap(full: Report) -> None:
    assert full.figures is not None
    without = full._replace(figures=full.figures._replace(curves=()))
    assert "training rows" in texts(draw(full)["fit.svg"])
    assert "0.9520 → 0.9420" in texts(draw(without)["fit.svg"])


def test_a_score_is_drawn_with_its_interval_or_with_the_word_that_there_is_none(full: Report) -> None:
    assert "0.9420 (0.8920 to 0.9720)" in texts(draw(full)["metric.svg"])
    svg = draw(only_metric(full, interval=None))["metric.svg"]
    assert "0.9420 (no interval)" in texts(svg)
    assert "The dummy scores 0.4348." in svg


def test_the_key_names_each_mark_once(full: Report) -> None:
    for dummy in (0.0, 0.5, 0.93, 1.0):
        found = texts(draw(only_metric(full, dummy=dummy, repeats=(0.91, 0.95)))["metric.svg"])
        assert (found.count("dummy"), found.count("other seeds")) == (1, 1)
    assert "other seeds" not in texts(draw(only_metric(full, repeats=()))["metric.svg"])


def test_a_dummy_that_would_press_the_scores_together_is_told_and_not_drawn(full: Report) -> None:
    svg = draw(only_metric(full, dummy=-5000.0))["metric.svg"]
    assert "dummy" not in texts(svg)
    assert "the dummy scores -5000.0000, which lies outside" in svg


def test_a_difference_is_drawn_beside_zero_where_it_has_an_interval(full: Report) -> None:
    found = texts(draw(full)["difference.svg"])
    assert "0.0000 (-0.0200 to +0.0500), not shown" in found
    assert "no difference" in found
    (comparison,) = full.comparisons
    untested = tuple(row._replace(interval=None) for row in comparison.metrics)
    assert "difference.svg" not in draw(full._replace(comparisons=(comparison._replace(metrics=untested),)))


def test_a_picture_says_where_its_axis_begins_unless_it_holds_zero(full: Report) -> None:
    drawn = draw(full)
    assert "The axis of the score begins at 0.4, not at 0." in texts(drawn["metric.svg"])
    assert "The axis of the score begins at 0.79, not at 0." in texts(drawn["fit.svg"])
    for name in ("difference.svg", "residuals.svg", "calibration.svg", "confusion.svg"):  # 0 lies on their axes
        assert "not at 0" not in drawn[name], name
    high = tuple(Residuals("base", ((1000.001, 1000.0015), (1000.002, 1000.003)), 0) for _ in "ab")
    fits = (Fit("base", "r2", -5.2, -5.9),)
    drawn = draw(full._replace(figures=reports.figures("base", "other", "A", residuals=high, fits=fits, curves=())))
    assert "The axis of the score ends at -5.16, not at 0." in texts(drawn["fit.svg"])
    told = [text for text in texts(drawn["residuals.svg"]) if "not at 0" in text]
    assert {re.sub("[0-9.]+,", "N,", text) for text in told} == {
        "The axis of true values begins at N, not at 0.",
        "The axis of predicted values begins at N, not at 0.",
    }
    assert all(999.99 < float(text.split()[-4].rstrip(",")) < 1000.001 for text in told)


def test_confusion_matrices_stand_beside_each_other_and_beside_what_moved(full: Report) -> None:
    found = texts(draw(full)["confusion.svg"])
    assert {"baseline", "variant", "what moved", "28", "29", "+1", "-1"} <= set(found)


# --- what a picture is -------------------------------------------------------------------------------------------


def check_picture(svg: str) -> None:
    """A picture is XML that names itself, asks for nothing and runs nothing."""
    assert re.match("<!-- week2kit picture of [0-9a-f]{64} -->\n<svg ", svg)
    root = parsed(svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert root.get("role") == "img"
    assert [tag(child) for child in root[:2]] == ["title", "desc"]
    assert all(child.text for child in root[:2])
    assert root.get("aria-labelledby") == f"{root[0].get('id')} {root[1].get('id')}"
    for element in root.iter():
        assert tag(element) in {
            "svg", "title", "desc", "style", "g", "path", "text", "use", "defs", "clipPath", "rect", "tspan",
        }  # fmt: skip
        for key, value in element.attrib.items():
            assert not key.startswith("on")
            if key == "href":
                assert value.startswith("#")
                assert value[1:] in ids
            elif key not in ("class", "id", "aria-labelledby"):
                assert not re.search(r"url\((?!#)", value)
                assert set(re.findall("#[0-9a-f]{6}", value)) <= set(DARK), "a colour that no style sheet can change"
    assert "http" not in svg.replace('"http://www.w3.org/2000/svg"', "")


def test_a_picture_names_itself_and_asks_for_nothing(full: Report) -> None:
    for svg in draw(full).values():
        check_picture(svg)
        assert "DejaVu" not in svg


def test_ids_of_several_pictures_do_not_clash(full: Report) -> None:
    ids = [element.get("id") for svg in draw(full).values() for element in parsed(svg).iter() if element.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_enough_contrast_also_on_the_tints_of_a_matrix(scheme: str) -> None:
    paper, ink, muted, *marks = (
        rgb(DARK[colour] if scheme == "dark" else colour) for colour in (PAPER, INK, MUTED, ONE, TWO)
    )
    assert contrast(ink, paper) >= 7
    assert contrast(muted, paper) >= 4.5
    for mark in marks:
        assert contrast(mark, paper) >= 4.5
        tinted = tuple(0.35 * one + 0.65 * below for one, below in zip(mark, paper, strict=True))
        assert contrast(ink, tinted) >= 4.5


def rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The contrast ratio of WCAG 2."""
    light = sorted(
        sum(
            weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
            for weight, part in zip((0.2126, 0.7152, 0.0722), colour, strict=True)
        )
        for colour in (one, other)
    )
    return (light[1] + 0.05) / (light[0] + 0.05)


# --- the same from anywhere --------------------------------------------------------------------------------------

DRAW = """
import sys
from week2kit.reporting.composing import report
from week2kit.rendering.output import render
from week2kit.rendering.pictures.drawing import draw
from week2kit.rendering.page import make_page
from week2kit.rendering.sections.whole import compose
result = report(sys.argv[1:], only_named=True)
drawn = draw(result)
page = make_page(compose(result), pictures=drawn)
sys.stdout.buffer.write("\\0".join([*drawn, *drawn.values(), render(result), page]).encode())
"""


def drawn_elsewhere(runs: list[str], folder: Path, **environment: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-c", DRAW, *runs], cwd=folder, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def regression() -> list[str]:
    config = build.with_keys(build.LOGISTIC, task="regression", metrics=["r2"])
    metrics = {"r2": {"value": 0.6, "training": 0.7}}
    for name, slope in (("line", 1.0), ("bent", 0.8)):
        predictions = [(5 * index, float(index), slope * index + 0.5) for index in range(30)]
        build.completed(Path("runs"), name, build.Recipe(config=config, predictions=predictions, metrics=metrics))
    return ["runs/line", "runs/bent"]


def test_same_runs_give_the_same_bytes_whatever_the_environment_says(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    for runs in ([str(ROOT / "runs" / f"iris-{name}") for name in ("baseline", "variant")], regression()):
        runs = [str(Path(run).absolute()) for run in runs]
        (other / "matplotlibrc").unlink(missing_ok=True)
        first = drawn_elsewhere(runs, other, PYTHONHASHSEED="1", LC_ALL="C.UTF-8", TZ="UTC")
        (other / "matplotlibrc").write_text("svg.fonttype: path\nlines.linewidth: 9\nfont.size: 30\nsavefig.dpi: 7\n")
        second = drawn_elsewhere(
            runs,
            other,
            PYTHONHASHSEED="2",
            LC_ALL="de_DE.UTF-8",
            LANG="tr_TR.UTF-8",
            TZ="Asia/Tokyo",
            MPLBACKEND="nonsense",
        )
        assert first == second
        assert b"metric.svg" in first


def test_drawing_leaves_the_settings_of_others_alone(full: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    monkeypatch.setenv("MPLBACKEND", "module://mine")
    before = dict(mpl.rcParams)
    first = draw(full)
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"lines.linewidth": 9, "svg.fonttype": "path"}):
        assert draw(full) == first
    assert os.environ["MPLBACKEND"] == "module://mine"


# --- foreign text and odd numbers --------------------------------------------------------------------------------


def test_foreign_text_stays_text_in_a_picture() -> None:
    full = reports.every_picture(Path("runs"), name=HOSTILE, label=HOSTILE.replace("\ud800", ""))
    for svg in draw(full).values():
        check_picture(svg.replace("http://evil.example/x.png", ""))
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ufffe\uffff\ud800-\udfff]", svg)


def is_shortened(text: str, whole: str) -> bool:
    """Whether `text` is `whole`, or its begin and its end, and no less than 12 signs of it."""
    begin, _, end = text.partition("…")
    return text == whole or (len(text) >= 12 and "…" in text and whole.startswith(begin) and whole.endswith(end))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    label=st.text(st.characters(exclude_characters="…"), max_size=60) | st.text(alphabet="$\\_^{}<>&\"'", max_size=30)
)
def test_any_label_is_written_as_it_is(label: str, full: Report) -> None:
    assert full.figures is not None
    fit = (Fit(label, "accuracy", 0.9, 0.8),)
    figures = full.figures._replace(fits=fit, curves=(), calibration=(), residuals=())
    report_ = full._replace(metrics=(), comparisons=(), figures=figures)
    (svg,) = draw(report_).values()
    check_picture(svg)
    assert any(is_shortened(text, fitted(label, 1000)) for text in texts(svg))


@pytest.mark.parametrize(
    "score",
    [
        {"value": 0.5, "dummy": 0.5, "interval": None},
        {"value": 0.0, "dummy": 0.0, "interval": Range(0.0, 0.0, 0.95)},
        {"value": 1e-300, "dummy": 0.0, "interval": None},
        {"value": 1e99, "dummy": -1e99, "interval": Range(-1e99, 1e99, 0.95)},
        {"value": 0.9412345678, "dummy": 0.9412345679, "interval": None},
        {"value": 12345678.9, "dummy": 0.1, "interval": Range(12345678.0, 12345679.0, 0.95)},
        {"value": 0.5, "dummy": 0.4, "interval": Range(0.6, 0.7, 0.95)},
    ],
    ids=["equal", "zero", "tiny", "huge", "close", "far from the dummy", "outside its interval"],
)
def test_odd_scores_are_drawn(full: Report, score: dict[str, Any]) -> None:
    check_picture(draw(only_metric(full, **score))["metric.svg"])
    assert "text" in render(only_metric(full, **score))


@pytest.mark.parametrize(
    "changes",
    [
        {
            "curves": (Curve("a", "accuracy", (CurvePoint(5, 1.0, 1.0),)),),
            "calibration": (Calibration("a", None, (CalibrationPoint(1.0, 1.0, 1),)),),
            "residuals": (Residuals("a", ((0.0, 0.0),), 0),),
        },
        {
            "curves": (Curve("a", "accuracy", (CurvePoint(10**9, 1e99, -1e99), CurvePoint(10**50, 0.0, 1e-9))),),
            "residuals": (Residuals("a", ((1e99, -1e99),), 10**9),),
        },
        {"fits": (Fit("a", "accuracy", 0.0, 0.0), Fit("b", "accuracy", -1e-9, 1e-9)), "curves": ()},
    ],
    ids=["one point", "huge", "tiny"],
)
def test_odd_figures_are_drawn(full: Report, changes: dict[str, Any]) -> None:
    assert full.figures is not None
    odd = full._replace(figures=full.figures._replace(**changes))
    for svg in draw(odd).values():
        check_picture(svg)
    assert render(odd)


def test_matrices_of_many_classes_and_rows_are_drawn(full: Report) -> None:
    (comparison,) = full.comparisons
    moved = comparison.moved
    assert isinstance(moved, MovedClasses)
    counts = [tuple((i * j * 12345, i * j * 12346) for j in range(10)) for i in range(10)]
    rows = tuple(ConfusionRow(f"class number {i}", cells) for i, cells in enumerate(counts))
    wide = full._replace(comparisons=(comparison._replace(moved=moved._replace(confusion=rows)),))
    assert "999945" in texts(draw(wide)["confusion.svg"])


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300, -math.inf])
def test_what_is_no_number_of_this_world_is_not_drawn(full: Report, value: float) -> None:
    assert full.figures is not None
    curve = full.figures.curves[0]._replace(points=(CurvePoint(1, value, 0.5),))
    strange = only_metric(full, value=value)
    assert strange.figures is not None
    strange = strange._replace(figures=strange.figures._replace(curves=(curve,), fits=(Fit("a", "m", value, 1.0),)))
    assert draw(strange) == {}
    assert render(strange)


# --- as text -----------------------------------------------------------------------------------------------------


def test_text_stands_only_where_no_table_has_the_numbers(full: Report) -> None:
    lines = {picture.kind: picture.lines for picture in plan_pictures(full)}
    assert {kind for kind in lines if lines[kind]} == {"metric", "calibration", "residuals"}
    assert lines["metric"][1:] == ("other: 0.9420 (0.8920 to 0.9720)", "dummy: 0.4348")
    assert lines["calibration"][:3] == ("base:", "predicted  came true  rows", "     0.10       0.00    12")
    assert lines["residuals"][0].startswith("base: true values from left to right, predicted upward, both -2 to 19")
    assert sum(line.count("○") for line in lines["residuals"]) == 40
    assert plan_pictures(only_metric(full))[0].lines == (), "the table of metrics has its interval"


def test_a_text_picture_cannot_be_left_by_a_label() -> None:
    full = reports.every_picture(Path("runs"), name="x\n```\n# head\n<b>", label="```` <script>")
    text = render(full)
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert [token.info for token in tokens if token.type == "fence"].count("text") == 3
    assert "<script" not in MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


# --- beside a report ---------------------------------------------------------------------------------------------


def write(full: Report, path: Path) -> str:
    drawn = draw(full)
    text = render(full, pictures=picture_links(path, drawn))
    write_report(path, text, drawn)
    return text


def test_pictures_lie_beside_the_report_that_shows_them(full: Report) -> None:
    text = write(full, Path("report.md"))
    images = re.findall(r"!\[[^\]]+\]\((\S+)\)", text)
    assert images == [f"report_files/{name}.svg" for name in ALL]
    assert all(Path(image).is_file() for image in images)
    assert "```text" not in text


@pytest.mark.parametrize("name", ["my report (1).md", "r<b>&.md", "été#1?.md", "no_suffix", "a%20b.md", "[x](y).md"])
def test_links_hold_for_any_file_name(full: Report, name: str) -> None:
    from urllib.parse import unquote

    text = write(full, Path(name))
    tokens = [child for token in MarkdownIt("commonmark").parse(text) for child in token.children or ()]
    sources = [unquote(str(token.attrs["src"])) for token in tokens if token.type == "image"]
    assert len(sources) == len(ALL)
    assert all(Path(source).is_file() for source in sources)


def beside() -> list[str]:
    return sorted(path.name for path in Path("report_files").iterdir())


def test_what_is_ours_and_stale_goes_and_what_is_foreign_or_was_changed_stays(full: Report) -> None:
    write(full, Path("report.md"))
    Path("report_files/mine.svg").write_text("<svg/>")
    Path("report_files/fit.svg").write_text(Path("report_files/fit.svg").read_text().replace("training", "my"))
    write(only_metric(full), Path("report.md"))
    assert beside() == ["fit.svg", INDEX, "metric.svg", "mine.svg"]
    write_report(Path("report.md"), render(full), {})
    assert beside() == ["fit.svg", "mine.svg"]


@pytest.mark.parametrize("index", ["", "[]", "{", '{"metric.svg": 1}', '{"../report.md": "0"}'])
def test_without_our_index_nothing_is_ours(full: Report, index: str) -> None:
    write(full, Path("report.md"))
    Path("report_files", INDEX).write_text(index)
    before = beside()
    with pytest.raises(ReportError, match="was not written by week2kit, or was changed since"):
        write(full, Path("report.md"))
    write_report(Path("report.md"), render(full), {})
    assert beside() == before
    for name in ALL:
        Path("report_files", f"{name}.svg").unlink()
    with pytest.raises(ReportError, match=r"index\.json: it is not the index of week2kit, or was changed since"):
        write(full, Path("report.md"))


def test_a_folder_that_is_empty_then_goes_too(full: Report) -> None:
    write(full, Path("report.md"))
    write_report(Path("report.md"), render(full), {})
    assert not Path("report_files").exists()


def test_a_page_of_the_same_name_leaves_the_pictures_alone(full: Report) -> None:
    write(full, Path("report.md"))
    write_report(Path("report.html"), render(full))
    assert beside() == sorted([INDEX, *(f"{name}.svg" for name in ALL)])


def test_nothing_foreign_is_overwritten(full: Report) -> None:
    Path("report_files").mkdir()
    Path("report_files/fit.svg").write_text("<svg>mine</svg>")
    with pytest.raises(
        ReportError, match=r"report_files/fit\.svg: it was not written by week2kit, or was changed since"
    ):
        write(full, Path("report.md"))
    assert [path.name for path in Path("report_files").iterdir()] == ["fit.svg"]
    assert not Path("report.md").exists()


def test_a_foreign_report_gets_no_pictures(full: Report) -> None:
    Path("mine.md").write_text("my own words")
    with pytest.raises(ReportError, match="not a report of week2kit"):
        write(full, Path("mine.md"))
    assert not Path("mine_files").exists()


@pytest.mark.parametrize("kind", ["file", "link", "broken link"])
def test_something_in_the_place_of_the_folder_is_said(full: Report, kind: str) -> None:
    if kind == "file":
        Path("report_files").write_text("mine")
    else:
        Path("report_files").symlink_to("runs" if kind == "link" else "nowhere")
    with pytest.raises(
        ReportError, match="report_files: it is no folder, and the files of the report belong into a folder"
    ):
        write(full, Path("report.md"))


def test_a_full_disk_is_said(full: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ReportError, match=r"report_files/\w+\.svg: it cannot be written: No space left on device"):
        write(full, Path("report.md"))
    assert list(Path().glob("*report*")) == []  # neither the page, nor its folder, nor a part of either


# --- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def no_matplotlib(tmp_path: Path) -> str:
    """A folder that makes `import matplotlib` fail, as where it is not installed."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "matplotlib.py").write_text("raise ModuleNotFoundError('matplotlib')\n")
    return str(tmp_path / "without")


def test_the_command_writes_a_report_with_pictures(full: Report) -> None:
    done = here("report", "runs/base", "runs/other", "-o", "out.md")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "written: out.md\n")
    assert sorted(path.name for path in Path("out_files").iterdir()) == [
        "confusion.svg", "difference.svg", "fit.svg", INDEX, "metric.svg", "next-2.json", "next.json",
    ]  # fmt: skip


def test_without_matplotlib_the_report_is_whole_and_one_line_says_what_draws(full: Report, no_matplotlib: str) -> None:
    done = command("report", "runs/base", "runs/other", "-o", "out.md", path=no_matplotlib)
    assert done.returncode == 0
    assert done.stderr.splitlines()[0] == (
        "No picture was drawn, because matplotlib is not installed: `pip install 'week2kit[pictures]'` "
        '(in a clone: `python3 -m pip install -e ".[pictures]"`). The report has its numbers as tables and text.'
    )
    assert len(done.stderr.splitlines()) == 2
    assert not list(Path("out_files").glob("*.svg"))
    made = report(["runs/base", "runs/other"])
    next_files = next_paths(Path("out.md"), made.proposal)
    assert Path("out.md").read_text(encoding="utf-8") == render(made, next_files=next_files)
    page = command("report", "runs/base", "runs/other", "--format", "html", path=no_matplotlib)
    assert page.returncode == 0
    assert "<svg" not in page.stdout
    assert "dummy: 0.4348" in page.stdout


def test_markdown_on_standard_output_needs_no_matplotlib(full: Report, no_matplotlib: str) -> None:
    done = command("report", "runs/base", "runs/other", path=no_matplotlib)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == render(report(["runs/base", "runs/other"]))


def test_a_matplotlib_that_cannot_be_imported_is_no_bug(full: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_svg", None)
    monkeypatch.setenv("MPLBACKEND", "agg")
    with pytest.raises(PicturesUnavailable):
        drawing.draw(full)
    assert os.environ["MPLBACKEND"] == "agg"
