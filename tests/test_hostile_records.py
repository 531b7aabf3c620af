"""Whatever is changed in a run folder, every command says it in a sentence, and no other run of the folder is lost.

Real runs are changed place by place: a value becomes another one, is taken out, or stands twice.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from week2kit import train
from week2kit.canonical import dump_json
from week2kit.config.form import config_digest
from week2kit.inputs.listing import list_runs, runs_table
from week2kit.record.artifacts import artifact_digest
from week2kit.record.manifest import CompletedRun, FailedRun
from week2kit.record.store import Run, find_runs
from week2kit.record.verdict import Check, Verdict
from week2kit.rendering.checking import check_report
from week2kit.rendering.files.reports import write_report
from week2kit.rendering.output import render
from week2kit.rendering.page import make_page
from week2kit.rendering.sections.whole import compose
from week2kit.reporting.composing import report
from week2kit.sentences.verdicts import describe_verdict
from week2kit.verification.child import read_predictions
from week2kit.verification.integrity import check_failed_record, check_files, check_predictions, check_record
from week2kit.verification.messages import FromPredictions, Stored

from . import build_runs as build
from .tampering.copies import CONFIGS, TABLES

#: What no record holds in most places: other types, the ends of numbers, hostile texts, and words that mean something.
HOSTILE: list[Any] = [
    *(None, True, 0, 1, -1, 2**53, 2**53 + 1, 2**63, 10**30, 10**308, 10**309, 0.5, -0.0, 1e308, 5e-324),
    *(
        "",
        "A" * 9_999,
        "A" * 10_001,
        "x\ny",
        "\x1b[31m",
        "\u202e",
        "\0",
        "a|b`c",
        "<b>",
        "../../x",
        "C:\\x",
        "{0}",
        "nan",
    ),
    *([], {}, [[]], [{}], {"": ""}, [1, "a", None], {"class": 1}, {"class": "x", "params": []}),
    *("2026-01-01T00:00:00Z", "predict_proba", "regression", "kfold", "completed", "data.leak", "accuracy", "f" * 64),
]
Place = tuple[Any, ...]


def _places(value: Any, above: Place = ()) -> Iterator[Place]:
    if above:
        yield above
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _places(inner, (*above, key))


@st.composite
def changed(draw: Callable[..., Any], value: Any) -> Any:
    """A JSON value in which one to three places are others."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        if not places:
            break
        *above, last = draw(st.sampled_from(places))
        parent = value
        for key in above:
            parent = parent[key]
        match draw(st.integers(0, 5)):
            case 0:
                del parent[last]
            case 1 if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[last]))
            case 1:
                parent[draw(st.sampled_from(["", "x", "class", "seed", "<!--", "a" * 500]))] = parent[last]
            case _:
                parent[last] = draw(st.sampled_from(HOSTILE))
    return value


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of every kind, not to be changed."""
    folder = tmp_path_factory.mktemp("bases")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, table in TABLES.items():
            Path(name).write_text(table(), encoding="utf-8", newline="")
        for name in ("penguins", "houses", "repeats", "margins", "iris", "fails", "no_config"):
            train(CONFIGS[name], name=name)
    return folder / "runs"


def _seal(folder: Path, manifest: Any) -> None:
    """The config in both places, and the digests of all files, as far as they can be told."""
    with suppress(KeyError, TypeError, AttributeError, ValueError):
        config = manifest["inputs"]["config"]
        (folder / "config.json").write_text(dump_json(config["resolved"]), encoding="utf-8")
        config["digest"] = config_digest(config["resolved"])
    with suppress(KeyError, TypeError, OSError, ValueError):
        for artifact in manifest["artifacts"]:
            artifact["sha256"] = artifact_digest(artifact["name"], (folder / artifact["path"]).read_bytes())


def _integrity(run: Run) -> list[Check]:
    """What verify asks of a run before it trains."""
    manifest, contents = run.manifest, check_files(run)
    if isinstance(manifest, FailedRun):
        return [*contents.checks, *check_failed_record(run)]
    if not isinstance(manifest, CompletedRun):
        return []
    checks = [*contents.checks, *check_record(run, contents)]
    if any(check.outcome == "failed" for check in checks):
        return checks
    outcome = manifest.outcome

    def read(content: bytes) -> FromPredictions:
        method, names = outcome.predictions.score_method, list(outcome.metrics)
        stored = Stored(content, outcome.classes, method, names, outcome.positive)
        return FromPredictions.model_validate_json(
            read_predictions(stored, [fold.n_val for fold in outcome.split.folds])
        )

    return [*checks, *check_predictions(manifest, contents, read)]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_is_changed_every_command_has_a_sentence_for_it(
    bases: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    runs = tmp_path_factory.mktemp("runs")
    names = sorted(path.name for path in bases.iterdir())
    shutil.copytree(bases / data.draw(st.sampled_from(names)), runs / "changed")
    shutil.copytree(bases / data.draw(st.sampled_from(names)), runs / "honest")
    folder = runs / "changed"
    file = data.draw(st.sampled_from([*["manifest.json"] * 6, "metrics.json", "curves.json"]))
    if (folder / file).exists():
        value = data.draw(changed(json.loads((folder / file).read_text())))
        (folder / file).write_text(json.dumps(value), encoding="utf-8")
    if data.draw(st.booleans()):
        with suppress(ValueError):
            manifest = json.loads((folder / "manifest.json").read_text())
            _seal(folder, manifest)
            (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    found = find_runs([runs])
    assert "honest" in [run.path.name for run in found.runs]
    json.dumps(rows := list_runs(found.everything, [path for path, _ in found.unreadable]), allow_nan=False)
    assert runs_table(rows).replace("\n", " ").isprintable()
    for run in found.runs:
        run._repr_markdown_()
        for check in _integrity(run):
            verdict = Verdict(run="x", manifest_sha256=run.manifest_sha256, verdict="tampered", checks=[check])
            assert all(line.isprintable() for line in describe_verdict(verdict))
    made = report([run.path for run in found.runs])
    text = render(made)
    make_page(compose(made))
    write_report(runs / "report.md", text)
    wrong = [finding for finding in check_report(made, runs / "report.md").failures if finding.code != "file.disagrees"]
    assert not wrong, "a fresh report does not hold"


TEXTS = st.text(st.sampled_from("#\r\n>`-* \tab<!|~\\_[](){}0.:/&$@\x0b\x1b\x85\u2028\u202e\ufeffé"), max_size=12)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS | st.sampled_from(["##########", "<!-- week2kit end of words -->", "```", "0.5", "a/config.json"]))
def test_a_fresh_report_of_texts_of_every_shape_holds(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("runs")
    build.hostile_pair(folder, "x" if text in ("", "b") else text)  # b is the other class
    made = report([folder / "a", folder / "b"])
    write_report(folder / "report.md", render(made))
    checked = check_report(made, folder / "report.md")
    assert not [finding for finding in checked.failures if finding.code != "file.disagrees"]
    (folder / "report.md").write_bytes((folder / "report.md").read_bytes().replace(b"\n", b"\r\n"))
    checked = check_report(made, folder / "report.md")
    assert not [finding for finding in checked.failures if finding.code != "file.disagrees"]


def test_a_report_of_many_broken_runs_is_short_enough_for_a_comment(tmp_path: Path) -> None:
    recipe = build.Recipe(predictions=build.labels({("a", "a"): 3, ("b", "b"): 3}))
    for number in range(60):
        build.completed(tmp_path, f"run_with_a_name_of_some_length_{number:02}", recipe)
        if number % 3 == 1:
            (tmp_path / f"run_with_a_name_of_some_length_{number:02}" / "manifest.json").write_text('{"a": 1}')
        elif number % 3 == 2:
            (tmp_path / f"run_with_a_name_of_some_length_{number:02}" / "metrics.json").write_text("{}")
    made = report([tmp_path])
    text = render(made)
    assert len(made.unreadable) == 20
    assert len(text.encode()) < 50_000
    assert text.count("> Not read: ") == 10
    assert "10 more folders could not be read" in text
    assert text.count("does not agree with its own record** (edited") == 10
    assert "10 more runs do not agree with the record of the run" in text
