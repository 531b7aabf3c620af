"""The course in examples/week2: its sessions print what it shows, its links lead somewhere, its figures come out."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .sessions import ROOT, blocks, check_sessions, copy_checkout, kernels_in_force

COURSE = ROOT / "examples" / "week2"
PAGES = sorted(COURSE.rglob("*.md"))


def _name(page: Path) -> str:
    return page.relative_to(COURSE).as_posix()


@pytest.mark.newest  # trees and losses come out otherwise with other versions of scikit-learn
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=_name)
def test_the_console_sessions_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    check_sessions(page, "console", copy_checkout(tmp_path))


@pytest.mark.newest  # the accuracy hangs on the versions of the libraries, too
def test_the_session_of_a_processor_with_avx512_prints_what_the_page_shows(tmp_path: Path) -> None:
    if (kernels := kernels_in_force()) != {"SkylakeX"}:
        pytest.skip(f"OpenBLAS has the kernels {sorted(map(str, kernels))} in force here, and not those for AVX-512")
    check_sessions(COURSE / "02_reproducibility_package.md", "console avx512", copy_checkout(tmp_path))


# --- links -------------------------------------------------------------------------------------------------------

SOURCES = {
    "https://scikit-learn.org/stable/getting_started.html",
    "https://scikit-learn.org/stable/modules/cross_validation.html",
    "https://scikit-learn.org/stable/modules/model_evaluation.html",
    "https://scikit-learn.org/stable/common_pitfalls.html#controlling-randomness",
    "https://scikit-learn.org/stable/model_persistence.html",
    "https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html",
    "https://developers.google.com/machine-learning/crash-course/overfitting/overfitting",
    "https://developers.google.com/machine-learning/crash-course/overfitting/generalization",
}


def _inline(page: Path) -> Iterator[Token]:
    for token in MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")):
        yield from token.children or ()


def _links(page: Path) -> list[str]:
    """Where the links and pictures of a page lead."""
    found = [token.attrGet("href") or token.attrGet("src") for token in _inline(page)]
    return [str(target) for target in found if target]


def _anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    titles = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in _links(page):
        if ":" in target:
            assert re.fullmatch(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+/[\w./-]*(#[\w-]+)?", target), target
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_file(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in _anchors(there), target


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_picture_of_a_page_is_told_in_words(page: Path) -> None:
    for token in _inline(page):
        assert token.type != "image" or len(token.content.split()) >= 20, token.attrGet("src")


def test_the_pages_cite_their_sources_and_lead_to_one_another() -> None:
    links = [target for page in PAGES for target in _links(page)]
    assert set(links) >= SOURCES
    led_to = {(page.parent / target.partition("#")[0]).resolve() for page in PAGES for target in _links(page)}
    assert led_to >= set(PAGES)


# --- figures -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    return _script(COURSE / "figures" / "draw.py")


def _script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.newest
def test_the_numbers_of_the_figures_come_out_again(figures: ModuleType) -> None:
    recorded = json.loads((COURSE / "figures" / "numbers.json").read_text(encoding="utf-8"))
    assert figures.measure() == recorded
    assert figures.parting(recorded["overfitting"]) == 5, "the text and the alternative text name depth 5"


def test_the_figures_are_those_that_the_script_draws(figures: ModuleType) -> None:
    numbers = json.loads((COURSE / "figures" / "numbers.json").read_text(encoding="utf-8"))
    drawn = figures.draw(numbers)
    assert drawn == figures.draw(numbers), "the same numbers give the same bytes"
    for name, svg in drawn.items():
        committed = (COURSE / "figures" / name).read_text(encoding="utf-8")
        assert "<title" in committed
        assert "<desc" in committed
        if version("matplotlib") == _pinned("matplotlib"):
            assert svg == committed, name


def _pinned(distribution: str) -> str:
    constraints = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==(.+)$", constraints, flags=re.MULTILINE))[distribution]
