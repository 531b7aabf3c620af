"""Runs on several data sets: a section for each, and no number of one beside a number of another."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from week2kit.rendering.checking import check_report
from week2kit.rendering.output import document, render, save
from week2kit.rendering.pictures.drawing import draw
from week2kit.rendering.structured import report_model, to_json
from week2kit.reporting.composing import report
from week2kit.training.door import train

from .sessions import here

LOGISTIC = {"class": "sklearn.linear_model.LogisticRegression", "params": {"max_iter": 300}}
TREE = {"class": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 2}}
RIDGE = {"class": "sklearn.linear_model.Ridge", "params": {}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs on iris, wine and diabetes, and one on iris that failed."""
    folder = tmp_path_factory.mktemp("sets")
    for name, dataset, model in [
        ("iris-a", "iris", LOGISTIC),
        ("iris-b", "iris", TREE),
        ("wine-a", "wine", TREE),
        ("wine-b", "wine", TREE | {"params": {"max_depth": 1}}),
        ("wine-c", "wine", TREE | {"params": {"max_depth": 3}}),
        ("sick-a", "diabetes", RIDGE),
        ("iris-broken", "iris", LOGISTIC | {"params": {"penalty": "l7"}}),
    ]:
        config = {"data": {"dataset": dataset}, "model": model, "seed": 3, "hypothesis": f"{name} is good."}
        train(config, name=name, runs_dir=str(folder / "runs"))
    return folder


@pytest.fixture(autouse=True)
def _here(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)


def of(*names: str) -> Any:
    return report([f"runs/{name}" for name in names])


ALL = ("iris-a", "wine-a", "iris-b", "sick-a", "wine-b", "wine-c")


def test_each_data_set_has_its_own_baseline_and_ranking() -> None:
    made = of(*ALL)
    assert [one.baseline.name for one in (made, *made.others)] == ["iris-a", "wine-a", "sick-a"]
    for one in (made, *made.others):
        stem = one.baseline.name[:4]
        assert {row.run[:4] for row in one.overview} <= {stem}
        assert {comparison.variant.name[:4] for comparison in one.comparisons} <= {stem}
        assert not any(comparison.obstacles for comparison in one.comparisons)
    assert [setback.run.name for setback in made.retrospective.setbacks if setback.kind == "failed"] == ["iris-broken"]
    assert not any(setback.kind == "failed" for one in made.others for setback in one.retrospective.setbacks)


def test_the_report_has_a_section_for_each_and_one_table_of_answers() -> None:
    text = render(of(*ALL))
    assert text.splitlines()[1] == "# Report: 6 runs on 3 data sets"
    titles = re.findall("^## .*", text, re.MULTILINE)
    assert titles == [
        "## `iris`: `iris-b` against `iris-a`",
        "## `wine`: 2 variants against `wine-a`",
        "## `diabetes`: `sick-a`",
    ]
    iris, wine, sick = re.split("^## ", text, flags=re.MULTILINE)[1:]
    assert "wine" not in iris
    assert "sick-" not in iris
    assert "iris" not in wine
    assert "sick-" not in wine
    assert "iris" not in sick
    assert "wine" not in sick
    assert "not comparable" not in text.lower()
    head = text.partition("\n## ")[0]
    assert "- **`iris`, target `target`, 2 runs:** `accuracy` of `iris-b`" in head
    assert "- **`wine`, target `target`, 3 runs:** " in head
    assert "- **`diabetes`, target `target`, 1 run:** One run, `sick-a`: `r2` " in head
    assert head.count("**Not verified:**") == text.count("**Not verified:**") == 1
    keys = re.findall("week2kit words: (.*) -->", text)
    assert len(keys) == len(set(keys))
    assert {"interpretation", "interpretation wine-a", "interpretation sick-a"} <= set(keys)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("iris-a", "wine-a"), "two runs are compared, and it is said that they cannot be"),
        (("wine-a", "wine-b", "wine-c"), "one data set"),
        (("iris-a",), "one run"),
    ],
)
def test_no_sections_where_they_are_not_asked_for(names: tuple[str, ...], why: str) -> None:
    made = of(*names)
    assert made.others == (), why
    assert "data sets" not in render(made)
    assert ("Not comparable" in render(made)) == (names == ("iris-a", "wine-a"))


def test_a_baseline_that_is_named_leads_its_own_data_set() -> None:
    made = report([f"runs/{name}" for name in ALL], baseline="runs/wine-b")
    assert [one.baseline.name for one in (made, *made.others) if one.baseline] == ["wine-b", "iris-a", "sick-a"]


def test_words_and_pictures_of_each_stay_apart_and_the_report_holds(tmp_path: Path) -> None:
    made, path = of(*ALL), tmp_path / "report.md"
    pictures = draw(made)
    assert {"metric.svg", "metric-data2.svg", "metric-data3.svg"} <= set(pictures)
    save(made, path, pictures=pictures)
    text = path.read_text()
    assert set(re.findall(r"\(report_files/(.*?\.svg)\)", text)) == set(pictures)
    own = "<!-- week2kit words: interpretation wine-a -->\n"
    text = re.sub(f"({own}).*\n", r"\1Wine is easy.\n", text)
    path.write_text(text)
    save(made, path, pictures=pictures)
    wine = path.read_text().partition("## `wine`")[2].partition("\n## ")[0]
    assert "Wine is easy." in wine
    assert Counter(path.read_text().split("\n"))["Wine is easy."] == 1
    checked = check_report(made, path)
    assert not checked.failures
    assert checked.runs == len(ALL)
    value = made.others[1].metrics[0].baseline.value
    path.write_text(path.read_text().replace(f"{value:.4f}", "0.9999"))
    assert any(finding.code == "claim.differs" for finding in check_report(made, path).failures)


def test_a_damaged_run_is_warned_of_in_its_section_and_in_the_table(trained: Path) -> None:
    path = trained / "runs" / "wine-b" / "metrics.json"
    before = path.read_bytes()
    try:
        path.write_text('{"accuracy": 1.0}')
        text = render(of(*ALL))
    finally:
        path.write_bytes(before)
    head, iris, wine, _ = re.split("^## ", text, flags=re.MULTILINE)
    assert "- **`wine`, target `target`, 3 runs:** Read the warning in its section first." in head
    assert head.count("Read the warning") == 1
    assert "does not agree with its own record" in wine
    assert "does not agree with its own record" not in iris


def test_json_holds_the_others_and_fulfils_the_schema() -> None:
    value = json.loads(to_json(of(*ALL)))
    assert [one["baseline"]["name"] for one in value["others"]] == ["wine-a", "sick-a"]
    report_model().model_validate(value)


def test_a_page_lists_the_data_sets() -> None:
    made = of(*ALL)
    page = document(made, "html", pictures=draw(made))
    assert re.findall("<h2[^>]*>(.*?)</h2>", page)
    names = re.findall(' id="([^"]+)"', page)
    assert len(names) == len(set(names))
    for name in ("iris", "wine", "diabetes"):
        assert re.search(rf"<h2[^>]*><code>{name}</code>", page)


def test_a_template_of_a_persons_own_has_every_data_set(tmp_path: Path) -> None:
    template = tmp_path / "own.md.j2"
    template.write_text('{{ marker }}\n{{ section("head") }}\n{{ section("results") }}\n')
    text = document(of(*ALL), template=template)
    for name in ("iris", "wine", "diabetes"):
        assert len(re.findall(f"^## `{name}`", text, re.MULTILINE)) == 2, name
    assert text.count("### Results\n") == 3


def test_the_command_does_it_too() -> None:
    done = here("report", *(f"runs/{name}" for name in ALL))
    assert done.returncode == 0
    assert done.stdout.splitlines()[1] == "# Report: 6 runs on 3 data sets"
