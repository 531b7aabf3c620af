"""The report as one page, in a real browser: on a telephone, in the dark, on paper, without colour, by keyboard."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from PIL import Image

from week2kit.rendering.blocks import Place, section
from week2kit.rendering.files.reports import MARKER, write_report
from week2kit.rendering.output import render
from week2kit.rendering.page import make_page
from week2kit.rendering.pictures.drawing import draw
from week2kit.rendering.pictures.svg import INK, MUTED, ONE, PAPER, TWO
from week2kit.rendering.sections.whole import compose
from week2kit.reporting.composing import report
from week2kit.reporting.values import Report

from . import build_reports as reports
from . import build_runs as build

ROOT = Path(__file__).parent.parent
HOSTILE = (
    "a|b`c<script>alert(1)</script><img src=x onerror=alert(1)> ![i](http://evil.example/x.png) "
    "[a](javascript:alert(1)) www.evil.example https://evil.example me@evil.example @everyone #1 **b** _c_ "
    "~~d~~ {{7*7}} $x$ &lt; \\| </svg></style><style>*{display:none}</style> \n# head\n\n| x | y |\n|---|---|\n"
    '```mermaid\nload["load: <b>x</b>"]\n```\n> [!WARNING]\n> x\n<!-- week2kit words: goal -->\n'
    "\x1b[31mred\x1b]0;title\x07 \u202eabc ::error::x"
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def page_of(made: Report) -> str:
    return make_page(compose(made), pictures=draw(made))


def hostile_report() -> Report:
    """Two runs and two failures in which everything that is foreign tries to get out of its place."""
    build.hostile_pair(Path("runs"), HOSTILE)
    Path("runs/b/val_report.txt").write_text("edited")
    made = report(["runs/a", "runs/b", "runs/`|<b>x"])
    assert made.baseline is not None
    (comparison,) = made.comparisons
    return made._replace(
        baseline=made.baseline._replace(name=HOSTILE),
        comparisons=(comparison._replace(variant=comparison.variant._replace(name=HOSTILE)),),
        runs=tuple(run._replace(name=HOSTILE) for run in made.runs),
        figures=reports.figures(HOSTILE, HOSTILE, HOSTILE),
    )


def long_report() -> Report:
    """Many classes with long labels, folds, a warning, and a name that has no place to break."""
    label = "a_label_that_is_far_longer_than_any_column_of_a_table_on_a_telephone"
    made: Report = reports.every_picture(Path("long"), name="w" * 64, label=label)
    return made


def failed_report() -> Report:
    """Nothing completed: no picture, no loop, no comparison."""
    build.failed(Path("runs"), "bad", build.Recipe(), message="C < 0")
    return report(["runs/bad"])


# --- the browser -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium of the system; where it is missing, the tests that need it are skipped, but not in CI."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        reason = f"none of {', '.join(names)} is on the PATH"
        if os.environ.get("WEEK2KIT_NEED_BROWSER"):
            pytest.fail(f"WEEK2KIT_NEED_BROWSER is set, and {reason}")
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Opened:
    """A page in the browser, with everything that it asked for and complained about."""

    def __init__(self, browser: Any, text: str, folder: Path, **options: Any) -> None:
        (folder / "page.html").write_text(text, encoding="utf-8", newline="\n")
        address = (folder / "page.html").as_uri()
        self.context = browser.new_context(**options)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.tab = self.context.new_page()
        self.tab.on("console", lambda message: self.complaints.append(message.text))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.context.route("**/*", lambda route: self._route(route, address))
        self.tab.goto(address)

    def _route(self, route: Any, address: str) -> None:
        if route.request.url == address:
            route.continue_()
        else:
            self.requests.append(route.request.url)
            route.abort()

    def evaluate(self, script: str) -> Any:
        return self.tab.evaluate(script)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert self.requests == []
        assert self.complaints == []


PHONE = {"viewport": {"width": 360, "height": 740}}
MADE = {
    "plain": lambda: reports.every_picture(Path("runs")),
    "hostile": hostile_report,
    "long": long_report,
    "failed": failed_report,
}
kinds = pytest.mark.parametrize("kind", list(MADE))


@kinds
@pytest.mark.parametrize("drawn", [True, False], ids=["drawn", "text pictures"])
def test_a_telephone_shows_it_without_scrolling_sideways(browser: Any, tmp_path: Path, kind: str, drawn: bool) -> None:
    made = MADE[kind]()
    with Opened(browser, page_of(made) if drawn else make_page(compose(made)), tmp_path, **PHONE) as opened:
        width = opened.evaluate("document.documentElement.scrollWidth")
        assert width == 360
        assert opened.evaluate("document.querySelectorAll('svg').length") == (len(draw(made)) if drawn else 0)


CONTRASTS = """() => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = parse(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || ["STYLE", "title", "desc"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const [a, b] = [parse(element.closest("svg") ? style.fill : style.color), behind(element)].map(light);
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walker.currentNode.data.slice(0, 40)]);
  }
  return found.sort((x, y) => x[0] - y[0]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(browser: Any, tmp_path: Path, scheme: str) -> None:
    with Opened(browser, page_of(hostile_report()), tmp_path, color_scheme=scheme) as opened:
        contrasts = opened.evaluate(CONTRASTS)
        assert len(contrasts) > 200
        assert contrasts[0][0] >= 4.5, contrasts[0]
        paper = opened.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]


def test_in_the_dark_no_mark_of_a_picture_keeps_its_light_colour(browser: Any, tmp_path: Path) -> None:
    with Opened(browser, page_of(reports.every_picture(Path("runs"))), tmp_path, color_scheme="dark") as opened:
        opened.evaluate(UNFOLD)
        for picture in opened.tab.locator("svg.picture").all():
            image = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
            found = {colour for _, colour in image.getcolors(1 << 24)}
            assert not {rgb(colour) for colour in (INK, MUTED, ONE, TWO, PAPER)} & found


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def test_on_paper_it_is_light_and_whole(browser: Any, tmp_path: Path) -> None:
    with Opened(browser, page_of(long_report()), tmp_path, color_scheme="dark") as opened:
        opened.tab.emulate_media(media="print")
        assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        fill = "getComputedStyle(document.querySelector('svg text[style*=\"fill: #1f2328\"]')).fill"
        assert opened.evaluate(fill) == "rgb(31, 35, 40)"
        assert not opened.tab.locator("nav").is_visible()
        hidden = "[...document.querySelectorAll('.scroll')].filter(e => getComputedStyle(e).overflowX != 'visible')"
        assert opened.evaluate(f"{hidden}.length") == 0
        assert opened.tab.pdf(format="A4")[:5] == b"%PDF-"


def test_forced_colours_reach_pictures_too(browser: Any, tmp_path: Path) -> None:
    with Opened(browser, page_of(long_report()), tmp_path, forced_colors="active", color_scheme="dark") as opened:
        own = opened.evaluate("getComputedStyle(document.body).color")
        fill = "getComputedStyle(document.querySelector('svg text[style*=\"fill: #1f2328\"]')).fill"
        assert opened.evaluate(fill) == own


UNFOLD = "() => document.querySelectorAll('details').forEach(part => { part.open = true; })"
FOCUSED = """() => {
  const e = document.activeElement;
  return [e.tagName, e.getAttribute("role"), e.getAttribute("aria-label") ?? e.textContent, e.className];
}"""


def test_the_keyboard_reaches_every_place_that_scrolls(browser: Any, tmp_path: Path) -> None:
    with Opened(browser, page_of(long_report()), tmp_path, **PHONE) as opened:
        opened.evaluate(UNFOLD)
        reached = []
        for _ in range(200):
            opened.tab.keyboard.press("Tab")
            reached.append(opened.evaluate(FOCUSED))
            if reached[-1][0] == "BODY":
                break
        assert reached[0][2:] == ["Skip to the report", "skip"]
        regions = [label for _, role, label, _ in reached if role == "region"]
        assert len(regions) == len(set(regions)) == opened.evaluate("document.querySelectorAll('.scroll').length") > 5
        links = [text for name, _, text, style in reached if name == "A" and style != "skip"]
        assert links == opened.evaluate("[...document.querySelectorAll('h2')].map(e => e.textContent)")
        opened.tab.evaluate("document.activeElement.blur()")
        opened.tab.locator(".scroll").first.focus()
        opened.tab.keyboard.press("ArrowRight")
        for _ in range(50):  # it scrolls smoothly; to wait for a function would be a script, which the page forbids
            if opened.evaluate("document.activeElement.scrollLeft") > 0:
                break
            opened.tab.wait_for_timeout(50)
        assert opened.evaluate("document.activeElement.scrollLeft") > 0


def test_the_skip_link_shows_itself_and_leads_to_the_report(browser: Any, tmp_path: Path) -> None:
    with Opened(browser, page_of(MADE["plain"]()), tmp_path) as opened:
        opened.tab.keyboard.press("Tab")
        assert opened.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        opened.tab.keyboard.press("Enter")
        assert opened.evaluate("document.activeElement.id") == "content"


STRUCTURE = """() => ({
  lang: document.documentElement.lang,
  mode: document.compatMode,
  headings: [...document.querySelectorAll("h1, h2, h3, h4")].map(e => Number(e.tagName[1])),
  heads: [...document.querySelectorAll("th")].map(e => e.scope),
  rows: [...document.querySelectorAll("tr")].filter(e => !e.querySelector("th")).length,
  unnamed: [...document.querySelectorAll("svg, img")].filter(e => e.getAttribute("role") != "img" ||
    !e.getAttribute("aria-labelledby").split(" ").every(id => document.getElementById(id)?.textContent.trim())).length,
  ids: [...document.querySelectorAll("[id]")].map(e => e.id),
  targets: [...document.querySelectorAll("a, use")].map(e => e.getAttribute("href")),
  names: [...new Set([...document.querySelectorAll("*")].map(e => e.tagName.toLowerCase()))].sort(),
  attributes: [...new Set([...document.querySelectorAll("*")].flatMap(e => e.getAttributeNames()))].sort(),
})"""
ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title style body a header h1 code nav p ul li main div strong em h2 h3 blockquote ol b pre "
        "table thead tbody tr th td details summary svg desc g path text use defs clippath rect del br hr",
    )
)
ATTRIBUTES = frozenset(
    re.findall(
        r"[\w-]+",
        "lang charset http-equiv content name href class id tabindex role aria-label aria-labelledby scope style "
        "viewBox width height xmlns d transform x y clip-path start",
    )
)


@kinds
def test_the_page_is_made_of_our_elements_only_and_in_order(browser: Any, tmp_path: Path, kind: str) -> None:
    with Opened(browser, page_of(MADE[kind]()), tmp_path) as opened:
        found = opened.evaluate(STRUCTURE)
        assert found["lang"] == "en"
        assert found["mode"] == "CSS1Compat"
        assert set(found["names"]) <= ELEMENTS
        assert set(found["attributes"]) <= ATTRIBUTES
        assert found["headings"][0] == 1
        assert found["headings"].count(1) == 1
        assert all(after <= before + 1 for before, after in zip(found["headings"], found["headings"][1:], strict=False))
        assert set(found["heads"]) == {"col", "row"}
        assert found["rows"] == 0
        assert found["unnamed"] == 0
        assert len(found["ids"]) == len(set(found["ids"]))
        assert {target[0] for target in found["targets"]} == {"#"}
        assert {target[1:] for target in found["targets"]} <= set(found["ids"])
        if kind == "hostile":
            opened.evaluate(UNFOLD)
            shown = opened.evaluate("document.body.innerText")
            assert "<script>alert(1)</script><img src=x onerror=alert(1)>" in shown
            assert not re.search("[\u202a-\u202e\x1b]", shown)


# --- without a browser -------------------------------------------------------------------------------------------


def test_a_page_is_a_report_of_ours_and_may_be_replaced() -> None:
    text = page_of(MADE["plain"]())
    assert text.startswith(f"{MARKER}\n<!doctype html>\n")
    assert "\r" not in text
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in text
    write_report(Path("report.html"), text)
    write_report(Path("report.html"), text)
    assert Path("report.html").read_bytes() == text.encode()


def test_the_loop_has_the_counts_of_the_report() -> None:
    made = MADE["plain"]()
    assert made.loop is not None
    (flow,) = re.findall(r'<ol class="flow">\n(.*?)</ol>', page_of(made), flags=re.DOTALL)
    assert re.findall(r"<b>(\w+)</b>", flow) == ["load", "split", "fit", "evaluate", "save"]
    assert f"{made.loop.n_train} rows to train, {made.loop.n_val} to validate" in flow
    assert "mermaid" not in page_of(made)


def test_a_warning_is_a_notice() -> None:
    made = MADE["plain"]()
    Path("runs/other/val_report.txt").write_text("edited")
    text = make_page(compose(report(["runs/base", "runs/other"])))
    (notice,) = re.findall(r'<div class="notice warning" role="note">(.*?)</div>', text, flags=re.DOTALL)
    assert notice.strip().startswith("<p><strong>Warning.</strong> ")
    assert "[!WARNING]" not in text
    assert 'class="notice' not in re.sub(r"<style>.*?</style>", "", page_of(made), flags=re.DOTALL)


def test_what_a_person_wrote_is_kept_as_markdown_and_never_as_html() -> None:
    words = {
        "goal": "**mine** <b onclick=x>no</b> ![far](http://a.example/x.png)\n",
        "interpretation": "*my own*\n\n> [!NOTE]\n\n> [!TIP]\n> - a list\n\n- x\n\n  > quoted\n\n| a |\n|--:|\n| 1 |\n",
        "lesson gone": "kept",
    }
    places = [Place("goal"), Place("lesson a"), Place("interpretation")]
    text = make_page((section(1, "head", "Report", places),), words)
    assert "<strong>mine</strong> &lt;b onclick=x&gt;no&lt;/b&gt; far" in text
    assert "<img" not in text
    assert "week2kit words" not in text
    assert "Write between" not in text
    assert "<em>my own</em>" in text
    assert '<blockquote class="notice note" role="note">\n<p><strong>Note.</strong></p>' in text
    assert 'aria-label="Table 1: Report">\n<table>\n<thead>\n<tr>\n<th scope="col" style' in text
    assert re.search(r">Kept words</h2>.*<p>Lesson of <code>gone</code>:</p>\n<p>kept</p>", text, re.DOTALL)


def test_headings_of_one_text_have_ids_of_their_own() -> None:
    titles = [(1, "Content"), (2, "Goal"), (2, "Goal"), (2, "企鹅"), (3, "Contents")]
    text = make_page(tuple(section(level, "goal", title, []) for level, title in titles))
    assert re.findall(r' id="([^"]+)"', text) == ["content-2", "content", "goal", "goal-2", "section", "contents-2"]


class Elements(HTMLParser):
    """Every element and attribute of some HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(name)
        self.sources += [value or "" for key, value in attributes if key in ("src", "href")]


def github(text: str) -> str:
    """Markdown as GitHub renders it: its own parser, with the raw HTML that it allows."""
    extensions = ["table", "autolink", "tagfilter", "strikethrough", "tasklist"]
    return cmarkgfm.markdown_to_html_with_extensions(text, options=Options.CMARK_OPT_UNSAFE, extensions=extensions)


@kinds
def test_github_shows_the_text_and_the_pictures_and_nothing_foreign(kind: str) -> None:
    made = MADE[kind]()
    drawn = draw(made)
    with_pictures = Elements(github(render(made, pictures={name: f"report_files/{name}" for name in drawn})))
    assert with_pictures.sources == [f"report_files/{name}" for name in drawn]
    alone = Elements(github(render(made)))
    assert alone.sources == []
    assert alone.names <= with_pictures.names | {"img"}
    assert alone.names <= ELEMENTS
    assert with_pictures.names - alone.names == ({"img"} if drawn else set())


def test_the_command_prints_the_page_and_nothing_else() -> None:
    MADE["plain"]()
    done = subprocess.run(
        [sys.executable, "-m", "week2kit", "report", "runs/base", "runs/other", "--format", "html"],
        capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == page_of(report(["runs/base", "runs/other"]))
