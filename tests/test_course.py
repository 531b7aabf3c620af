"""The course in examples/week2: its sessions print what it shows, its links lead somewhere, its figures come out."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .course_solutions import BROKEN, SOLUTIONS, WRONG
from .sessions import ROOT, blocks, check_sessions, copy_checkout, kernels_in_force, session

COURSE = ROOT / "examples" / "week2"
PAGES = sorted(COURSE.rglob("*.md"))


def _name(page: Path) -> str:
    return page.relative_to(COURSE).as_posix()


@pytest.mark.slow
@pytest.mark.newest  # trees and losses come out otherwise with other versions of scikit-learn
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=_name)
def test_the_console_sessions_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    check_sessions(page, "console", copy_checkout(tmp_path))


@pytest.mark.slow
@pytest.mark.newest  # the accuracy hangs on the versions of the libraries, too
def test_the_session_of_a_processor_with_avx512_prints_what_the_page_shows(tmp_path: Path) -> None:
    if (kernels := kernels_in_force()) != {"SkylakeX"}:
        pytest.skip(f"OpenBLAS has the kernels {sorted(map(str, kernels))} in force here, and not those for AVX-512")
    check_sessions(COURSE / "02_reproducibility_package.md", "console avx512", copy_checkout(tmp_path))


def test_the_table_of_the_rare_class_follows_from_the_penguins() -> None:
    with (ROOT / "examples" / "penguins" / "penguins.csv").open(newline="") as published:
        birds = list(csv.DictReader(published))
    with (COURSE / "chinstrap.csv").open(newline="") as ours:
        rows = list(csv.DictReader(ours))
    features = ("bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex")
    label = {True: "yes", False: "no"}
    assert rows == [
        {name: bird[name] for name in features} | {"chinstrap": label[bird["species"] == "Chinstrap"]} for bird in birds
    ]


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
    "https://developers.google.com/machine-learning/crash-course/generalization/video-lecture",
    "https://developers.google.com/machine-learning/crash-course/linear-regression/loss",
    "https://en.wikipedia.org/wiki/F1_score",
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


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "tutorial.md"], ids=_name)
def test_each_question_has_a_command_and_says_what_to_look_for(page: Path) -> None:
    _, _, questions = page.read_text(encoding="utf-8").partition("\n## Check yourself\n")
    asked = re.split(r"^(?=\*\*\d\. )", questions, flags=re.MULTILINE)[1:]
    assert len(asked) >= 3
    for question in asked:
        assert re.search(r"^```console\n\$ .*^(```|~~~)\n\nLook for: ", question, flags=re.MULTILINE | re.DOTALL), (
            question
        )


@pytest.mark.parametrize(
    "question",
    [
        "Can you explain overfitting without using equations?",
        "If someone runs your command twice, will results be identical or explainably close?",
        "Can you point to the saved artifact that proves your reported metric?",
    ],
)
def test_the_questions_of_the_course_are_asked(question: str) -> None:
    assert [page for page in PAGES if f" {question}**" in " ".join(page.read_text(encoding="utf-8").split())]


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


# --- the notebook ------------------------------------------------------------------------------------------------

NOTEBOOK = COURSE / "practice.ipynb"

#: Runs a notebook in a process of its own: Jupyter's libraries warn about this and that.
EXECUTE = """\
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=110, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


def _exercises(notebook: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {tag: cell for cell in notebook["cells"] for tag in cell["metadata"].get("tags", [])}


def _read_notebook() -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return notebook


def test_the_committed_notebook_has_open_exercises_and_no_outputs() -> None:
    notebook = _read_notebook()
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not [cell for cell in code if cell["outputs"] or cell["execution_count"] is not None]
    exercises = _exercises(notebook)
    assert list(exercises) == list(SOLUTIONS) == list(WRONG)
    assert all("..." in "".join(cell["source"]) for cell in exercises.values())


def test_the_notebook_leads_to_the_pages() -> None:
    text = "".join(line for cell in _read_notebook()["cells"] for line in cell["source"])
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (COURSE / target).is_file(), target


def _execute(notebook: dict[str, Any], checkout: Path) -> list[str]:
    """What the checks of the exercises say, in a fresh kernel."""
    place = checkout / "examples" / "week2" / "practice.ipynb"
    place.write_text(json.dumps(notebook), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(checkout / "ipython")}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(place)], cwd=place.parent, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 120
    executed = json.loads(place.read_text(encoding="utf-8"))
    outputs = [output for cell in executed["cells"] for output in cell.get("outputs", [])]
    return re.findall(r"^Exercise .*$", "".join("".join(each.get("text", "")) for each in outputs), flags=re.MULTILINE)


def _answered(*attempts: dict[str, str]) -> dict[str, Any]:
    """The notebook with answers; of several attempts, each runs with its check before the next."""
    notebook = _read_notebook()
    cells: list[dict[str, Any]] = []
    for cell in notebook["cells"]:
        (tag,) = cell["metadata"].get("tags", [None])
        if tag is not None:
            # what clears an earlier attempt away is not the learner's to write
            given = [line for line in cell["source"] if line.startswith("shutil.")]
            tries = [[*given, answers[tag]] if tag in answers else cell["source"] for answers in attempts]
            pending = [
                {**cell, "id": f"{cell['id']}-{number}", "source": source} for number, source in enumerate(tries)
            ]
            continue
        if cell["cell_type"] == "code" and "solved(\n" in cell["source"]:
            for number, exercise in enumerate(pending):
                cells += [exercise, {**cell, "id": f"{cell['id']}-{number}"}]
            continue
        cells.append(cell)
    return {**notebook, "cells": cells}


@pytest.mark.slow
def test_the_notebook_with_open_exercises_says_so_and_runs_to_its_end(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    told = _execute(_answered({}), checkout)
    open_ones = range(1, len(SOLUTIONS) + 1)
    assert told == [f"Exercise {number}: not yet. The three dots are still there." for number in open_ones]
    assert len(list((checkout / "practice").glob("*/report.md"))) == 1


@pytest.mark.slow
def test_after_a_wrong_answer_comes_a_hint_and_the_right_one_is_taken_in_the_same_session(tmp_path: Path) -> None:
    told = _execute(_answered(WRONG, SOLUTIONS), copy_checkout(tmp_path))
    assert told[1::2] == [f"Exercise {number}: solved." for number in range(1, len(SOLUTIONS) + 1)]
    hints = [line.partition("not yet. It runs, but this is not the answer. ")[2] for line in told[::2]]
    assert all(hints)
    assert len(set(hints)) == len(SOLUTIONS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        'tree = train("examples/penguins/failing.json", runs_dir=RUNS, name="tree")',
        'tree = train("examples/penguins/variant.json", runs_dir=RUNS)',
        'tree = train("examples/penguins/variant.json", runs_dir=RUNS / "aside", name="tree")',
    ],
    ids=["failed", "unnamed", "elsewhere"],
)
def test_a_tree_that_the_report_would_not_find_is_not_yet_the_answer(answer: str, tmp_path: Path) -> None:
    told = _execute(_answered({"exercise-4": answer}), copy_checkout(tmp_path))
    assert told[3].startswith("Exercise 4: not yet. It runs, but this is not the answer. It lies in RUNS")


def test_outside_a_clone_the_notebook_says_where_to_open_it(tmp_path: Path) -> None:
    first = next(cell for cell in _read_notebook()["cells"] if cell["cell_type"] == "code")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", "".join(first["source"])], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stderr.endswith("needs the clone that it came with: open it there, in examples/week2.\n")


@pytest.mark.slow
def test_the_notebook_tells_an_answer_that_raises_from_a_wrong_one(tmp_path: Path) -> None:
    told = _execute(_answered(BROKEN), copy_checkout(tmp_path))
    kinds = [line.partition(": ")[2].partition(".")[0] for line in told]
    assert kinds == ["error", "error", "not yet", "not yet", "error", "error", "not yet", "not yet"]
    assert told[0].endswith("AttributeError: 'Series' object has no attribute 'equal'")
    assert told[1].endswith("NameError: name 'gap' is not defined. Has the cell above run without an error?")
    assert "ValueError: The truth value of a Series is ambiguous" in told[4]
    assert "ZeroDivisionError" in told[5]


@pytest.mark.slow
def test_the_notebook_is_solved_by_the_solutions_and_leaves_a_report_that_holds(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    told = _execute(_answered(SOLUTIONS), checkout)
    assert told == [f"Exercise {number}: solved." for number in range(1, len(SOLUTIONS) + 1)]
    (folder,) = (checkout / "practice").iterdir()
    executed = (checkout / "examples" / "week2" / "practice.ipynb").read_text(encoding="utf-8")
    (command,) = re.findall(r"week2kit report practice.*/next --check practice[\w/]*/report\.md", executed)
    checked = session(f"$ {command}; echo $?\n", checkout)
    assert "numbers hold" in checked
    assert checked.endswith("\n0\n")
    written = (folder / "report.md").read_text(encoding="utf-8")
    assert "### `no-preprocessing`: failed at stage `fit`" in written
    assert "## Next experiment" in written
