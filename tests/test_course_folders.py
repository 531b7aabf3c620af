"""Folders as scripts and notebooks of a course leave them.

Configs that name neither data nor label, other names of keys, data files of several names, and what such folders
record beside their metrics.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from week2kit import report, train, verify
from week2kit.config.overriding import override
from week2kit.config.reading import has_flat_keys, is_flat, parse_config
from week2kit.errors import ConfigError, UnreadableRun
from week2kit.inputs.listing import list_runs
from week2kit.pytest_plugin import assert_reproducible
from week2kit.record.partial import read_partial
from week2kit.record.store import Run, find_runs, open_run
from week2kit.record.verdict import Verdict
from week2kit.rendering.output import render
from week2kit.rendering.structured import json_schema, report_model
from week2kit.sentences.verdicts import describe_verdict
from week2kit.verification.deciding import planned_checks

from .sessions import here as week2kit
from .sessions import pytest_session, python

#: A notebook that holds data and label in its code, and writes its three settings into the config.
NOTEBOOK = """
import json, sys
from importlib.metadata import entry_points
from pathlib import Path

import joblib
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, classification_report, f1_score, log_loss
from sklearn.model_selection import train_test_split

load_wine(as_frame=True).frame.iloc[:, -4:].to_csv("wine.csv", index=False)
table = load_wine(as_frame=True).frame.iloc[:, -4:]
y, X = table["target"], table.drop(columns="target")
for name, seed, iterations in (("first", 7, 1000), ("second", 7, 2), ("third", 8, 1000)):
    run = Path("output") / name
    run.mkdir(parents=True)
    split = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y)
    model = LogisticRegression(max_iter=iterations).fit(split[0], split[2])
    predicted = model.predict(split[1])
    metrics = {
        "accuracy": accuracy_score(split[3], predicted),
        "f1_macro": f1_score(split[3], predicted, average="macro"),
        "log_loss": round(log_loss(split[3], model.predict_proba(split[1])), 8),
        "train_time_seconds": 0.005 * seed,
    }
    config = {"seed": seed, "test_size": 0.25, "max_iter": iterations}
    (run / "config.json").write_text(json.dumps(config, indent=2))
    (run / "metrics.json").write_text(json.dumps(metrics, indent=2))
    (run / "val_report.txt").write_text(classification_report(split[3], predicted))
    joblib.dump(model, run / "model.joblib")
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with three runs of a notebook; not to be changed."""
    project = tmp_path_factory.mktemp("course")
    assert python("-W", "ignore", "-c", NOTEBOOK, cwd=project).returncode == 0
    return project


@pytest.fixture
def project(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project that may be changed; it is the working directory."""
    shutil.copytree(course, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def change(run: str, file: str = "config.json", **values: Any) -> None:
    """Change keys of a JSON file of a run; ``...`` takes one away."""
    path = Path("output") / run / file
    value = {**json.loads(path.read_text(encoding="utf-8")), **values} if path.exists() else values
    path.write_text(json.dumps({key: item for key, item in value.items() if item is not ...}), encoding="utf-8")


def said(verdict: Verdict) -> str:
    return "\n".join(describe_verdict(verdict))


# --- configs that name neither data nor label -------------------------------------------------------------------


def test_the_folders_of_a_notebook_are_undecided_for_the_true_reason_and_the_sentence_says_what_helps(
    project: Path,
) -> None:
    done = week2kit("verify", "output", cwd=project)
    assert done.returncode == 125
    assert done.stderr == ""
    assert "3 undecided" in done.stdout
    sentence = (
        "config.json names neither the data file (input_csv) nor the label column (label_col), only max_iter, seed, "
        "test_size: the script or notebook that made it holds the rest in its own code. Say what it was trained on: "
        "--data FILE --target COLUMN."
    )
    assert done.stdout.count(sentence) == 3


def test_with_data_and_label_named_they_are_verified_and_the_verdict_says_who_named_them(project: Path) -> None:
    done = week2kit("verify", "output", "--data", "wine.csv", "--target", "target", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 identical" in done.stdout
    assert done.stdout.count("whoever verified it named input_csv wine.csv, label_col target") == 3
    (verdict,) = verify("output/first", data="wine.csv", target="target").runs
    assert verdict.checks[0].code == "record.manifest"
    assert [(check.code, check.finding and check.finding.now) for check in verdict.checks[1:2]] == [
        ("config.names", {"input_csv": "wine.csv", "label_col": "target"})
    ]
    assert assert_reproducible("output/first", data="wine.csv", target="target").verdict == "identical"


@pytest.mark.parametrize(
    ("data", "target", "expected"),
    [
        ("wine.csv", None, "does not name the label column (label_col), only max_iter, seed, test_size"),
        (None, "target", "does not name the data file (input_csv), only max_iter, seed, test_size"),
        ("wine.csv", "proline", "wine.csv: here it gives"),
        ("wine.csv", "colour", 'the data has no column "colour"'),
        ("gone.csv", "target", 'there is no file "gone.csv"'),
    ],
)
def test_what_is_named_in_part_or_wrongly_is_never_identical(
    project: Path, data: str | None, target: str | None, expected: str
) -> None:
    (verdict,) = verify("output/first", data=data, target=target).runs
    assert verdict.verdict == "undecided"
    assert expected in said(verdict)


def test_another_table_under_the_name_of_the_caller_is_not_identical(project: Path) -> None:
    lines = Path("wine.csv").read_text(encoding="utf-8").splitlines()
    Path("other.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n", encoding="utf-8")
    (verdict,) = verify("output/first", data="other.csv", target="target").runs
    assert verdict.verdict == "undecided"
    assert verdict.first_divergence == "metrics"


def test_a_label_that_the_config_names_is_not_replaced(project: Path) -> None:
    change("first", input_csv="wine.csv", label_col="target")
    (verdict,) = verify("output/first", target="proline").runs
    assert verdict.verdict == "identical"
    assert "config.names" not in {check.code for check in verdict.checks}


def test_a_data_file_alone_can_be_missing(project: Path) -> None:
    change("first", label_col="target", input_csv=None, create_sample="wine")
    (verdict,) = verify("output/first").runs
    assert "does not name the data file (input_csv)" in said(verdict)
    (verdict,) = verify("output/first", data="wine.csv").runs
    assert verdict.verdict == "identical"


def test_a_report_that_contradicts_the_metrics_is_found_without_data(project: Path) -> None:
    change("first", "metrics.json", accuracy=0.123)
    (verdict,) = verify("output/first").runs
    assert verdict.verdict == "tampered"


def test_a_hostile_label_is_cleaned_where_it_is_told(project: Path) -> None:
    (verdict,) = verify("output/first", data="wine.csv", target="\x1b[31m\u202e" + "x" * 500).runs
    assert verdict.verdict == "undecided"
    assert not any(sign in said(verdict) for sign in ("\x1b", "\u202e", "x" * 200))


@pytest.mark.parametrize(
    "config",
    [
        {"seed": 7},
        {"lr": 0.1, "epochs": 3},
        {"data": {"dataset": "wine"}, "test_size": 0.2},
        {"model": "svc", "seed": 3},
    ],
    ids=["seed only", "another framework", "full form", "a model and nothing of the flat form"],
)  # fmt: skip
def test_other_configs_beside_metrics_make_no_run(project: Path, config: dict[str, Any]) -> None:
    Path("output/first/config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(UnreadableRun, match=r"holds no manifest\.json"):
        open_run("output/first")


@pytest.mark.parametrize(
    "written",
    [
        {"input_csv": "wine.csv", "label_col": "target", "seed": 7, "model": "LogisticRegression"},
        {"model": "svc", "max_iter": 3},
        {"data": "wine.csv", "model_type": "random_forest", "random_state": 7},
    ],
    ids=["beside the flat form", "beside a setting", "beside a file"],
)
def test_a_config_that_says_its_model_is_undecided_at_every_door(project: Path, written: dict[str, Any]) -> None:
    Path("output/first/config.json").write_text(json.dumps(written), encoding="utf-8")
    done = week2kit("verify", "output/first", cwd=project)
    assert (done.returncode, done.stderr) == (125, "")
    assert "config.json names a model (model" in done.stdout
    assert list_runs([open_run("output/first")])[0]["status"] == "no manifest"
    assert "> No manifest: `first`." in render(report(["output/first"]))


def test_numbers_that_are_none_are_told_at_every_door(project: Path) -> None:
    """As Python's json.dump writes an undefined metric; a whole number that no float holds, and half a character."""
    name_data(first="wine.csv", second="wine.csv")
    whole = json.loads(Path("output/first/metrics.json").read_text())["accuracy"]
    for run in ("first", "second"):
        path = Path("output") / run / "metrics.json"
        odd = '{"roc_auc": NaN, "big": 1e999, "whole": ' + "9" * 5000 + ', "\\ud800": -Infinity, '
        path.write_text(odd + path.read_text().lstrip("{"), encoding="utf-8")
    Path("output/second/config.json").write_text(
        Path("output/second/config.json").read_text().replace('"test_size": 0.25', '"test_size": Infinity')
    )
    done = week2kit("verify", "output/first", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "metrics.json: \\ud800, big, roc_auc, whole not compared: NaN, infinity" in done.stdout
    assert "test_size: " in said(verify("output/second").runs[0])
    rows = {row["run"]: row for row in list_runs(find_runs(["output/first", "output/second"]).everything)}
    assert (rows["first"]["value"], rows["second"]["status"]) == (whole, "no manifest")
    for kind in ("md", "html", "json"):
        page = week2kit("report", "output/first", "output/second", "--format", kind, cwd=project)
        assert (page.returncode, page.stderr) == (0, "")


def test_runs_inside_a_folder_that_is_one_itself_are_not_lost(project: Path) -> None:
    for name in ("config.json", "metrics.json"):
        shutil.copy(f"output/third/{name}", f"output/{name}")
    Path("output/notes").mkdir()
    train(FLAT | {"random_state": 7}, name="full", runs_dir="output")
    found = find_runs(["output"])
    assert [run.name for run in found.everything] == ["output", "full", "first", "second", "third"]
    assert (found.skipped, found.unreadable) == ((), ())
    assert [run.name for run in find_runs(["output/full", "output/first"]).everything] == ["full", "first"]


# --- other names of keys ----------------------------------------------------------------------------------------

FLAT = {"input_csv": "wine.csv", "label_col": "target"}


@pytest.mark.parametrize(
    ("written", "seed", "path", "max_iter"),
    [
        (FLAT | {"seed": 7}, 7, "wine.csv", 500),
        (FLAT | {"seed": 7, "random_state": 7}, 7, "wine.csv", 500),
        (FLAT | {"random_state": 7}, 7, "wine.csv", 500),
        (FLAT, 42, "wine.csv", 500),
        (FLAT | {"max_iter": None}, 42, "wine.csv", 500),
        ({"input": "other.csv", "label_col": "target"}, 42, "other.csv", 500),
        (FLAT | {"input": "wine.csv", "max_iter": 3}, 42, "wine.csv", 3),
    ],
)
def test_a_flat_config_under_other_names_means_the_same(
    written: dict[str, Any], seed: int, path: str, max_iter: int
) -> None:
    config = parse_config(written)
    meant = FLAT | {"input_csv": path, "random_state": seed, "max_iter": max_iter}
    assert config == parse_config(meant)
    assert (config.seed, config.model.params) == (seed, {"max_iter": max_iter})


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (
            FLAT | {"seed": 7, "random_state": 8},
            "seed: it is another name of random_state, and the two differ (7 and 8); keep one of them",
        ),
        (FLAT | {"input": "b"}, 'input: it is another name of input_csv, and the two differ ("b" and "wine.csv")'),
        (FLAT | {"seed": True, "random_state": 1}, "seed: it is another name of random_state"),
        (FLAT | {"seed": "7"}, 'seed: Input should be a valid integer, got "7"'),
        (FLAT | {"seed": None}, "seed: Input should be a valid integer, got null"),
        (FLAT | {"random_state": None}, "random_state: Input should be a valid integer, got null"),
        (FLAT | {"max_iter": 0}, "max_iter: "),
        (FLAT | {"sed": 1}, 'sed: unknown key; did you mean "seed"?'),
        (FLAT | {"artifacts_dir": "out"}, "artifacts_dir: unknown key"),
        (FLAT | {"create_sample": "iris"}, "create_sample: unknown key"),
        ({"seed": 7, "test_size": 0.2, "max_iter": 200}, "input_csv: it is missing"),
    ],
)  # fmt: skip
def test_train_stays_strict_about_a_flat_config(written: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_config(written)
    assert any(told.startswith(problem) for told in raised.value.problems), raised.value.problems


@pytest.mark.parametrize(
    ("written", "assignment", "seed", "path"),
    [
        (FLAT | {"seed": 7}, "random_state=9", 9, "wine.csv"),
        (FLAT | {"seed": 7}, "seed=9", 9, "wine.csv"),
        (FLAT | {"random_state": 7}, "seed=9", 9, "wine.csv"),
        (FLAT | {"seed": 7}, "model.params.C=0.5", 7, "wine.csv"),
        (FLAT, "input=other.csv", 42, "other.csv"),
        ({"input": "wine.csv", "label_col": "target"}, "input_csv=other.csv", 42, "other.csv"),
    ],
)
def test_a_key_that_is_set_replaces_its_other_name(
    written: dict[str, Any], assignment: str, seed: int, path: str
) -> None:
    config = parse_config(override(written, [assignment]))
    assert (config.seed, getattr(config.data, "path", None)) == (seed, path)


def test_a_run_trained_with_the_other_names_has_the_same_config_digest(project: Path) -> None:
    first = train(FLAT | {"random_state": 7, "max_iter": 1000}, name="a", runs_dir="runs")
    second = train({"input": "wine.csv", "label_col": "target", "seed": 7, "max_iter": 1000}, name="b", runs_dir="runs")
    assert first.manifest.inputs.config == second.manifest.inputs.config
    assert first.manifest.inputs.seed == second.manifest.inputs.seed


def test_keys_that_have_no_part_in_the_training_are_told_and_passed_over(project: Path) -> None:
    change("first", **FLAT, artifacts_dir="output", create_sample=None)
    (verdict,) = verify("output/first").runs
    assert verdict.verdict == "identical"
    assert "config.json: not used, as it has no part in the training: artifacts_dir, create_sample." in said(verdict)
    change("second", **FLAT, C=2.0)
    (verdict,) = verify("output/second").runs
    assert (verdict.verdict, "C: unknown key" in said(verdict)) == ("undecided", True)


def test_a_bare_run_whose_two_names_of_the_seed_differ_is_undecided(project: Path) -> None:
    change("first", **FLAT, random_state=8)
    (verdict,) = verify("output/first").runs
    assert verdict.verdict == "undecided"
    assert "seed: it is another name of random_state, and the two differ (7 and 8)" in said(verdict)


def test_the_json_schema_knows_the_other_names() -> None:
    flat = json_schema("config")["$defs"]["FlatConfig"]
    assert {"seed", "input"} <= flat["properties"].keys()
    assert flat["required"] == ["label_col"]
    assert flat["anyOf"] == [{"required": ["input_csv"]}, {"required": ["input"]}]


VALUES = st.none() | st.booleans() | st.integers(-2, 9) | st.floats(0, 2) | st.sampled_from(["wine.csv", "target", ""])
FLAT_KEYS = st.sampled_from(
    ["input", "input_csv", "label_col", "seed", "random_state", "test_size", "max_iter", "artifacts_dir", "data"]
)


@given(st.dictionaries(FLAT_KEYS, VALUES))
def test_reading_a_bare_config_never_says_more_than_train_would(config: dict[str, Any]) -> None:
    record = read_partial(Path("nowhere"), config, {})
    assert (record.config is None) == bool(record.problem)
    if record.config is not None:
        kept = {key: item for key, item in config.items() if key != "artifacts_dir" and item is not None}
        assert parse_config(kept) == record.config
    for name in record.unnamed:
        assert config.get(name) is None
    assert not is_flat(config) or has_flat_keys(config)


# --- the data of today ------------------------------------------------------------------------------------------


def differs(project: Path) -> dict[str, list[str]]:
    return {row["run"]: row["differs"] for row in json.loads(week2kit("runs", "output", "--json", cwd=project).stdout)}


def told(*runs: str) -> list[tuple[list[str], list[str]]]:
    """What a report says of each run but the first: what changed, and whether it can be compared."""
    made = report(list(runs) or ["output"])
    return [
        (list(one.things), [statement.code for statement in one.obstacles or one.comparable])
        for one in made.comparisons
    ]


def name_data(**names: str) -> None:
    for run, name in names.items():
        change(run, input_csv=name, label_col="target")


def test_the_same_bytes_under_two_names_are_the_same_data_in_runs_and_in_a_report(project: Path) -> None:
    shutil.copy("wine.csv", "copy.csv")
    name_data(first="wine.csv", second="copy.csv", third="wine.csv")
    assert differs(project) == {"first": [], "second": ["model.params.max_iter"], "third": ["seed"]}
    assert told() == [
        (["model.params.max_iter"], ["written.comparable", "written.other_name"]),
        (["seed"], ["split.follows_seed"]),
    ]


def test_other_bytes_under_one_name_are_other_data_in_both(project: Path) -> None:
    name_data(first="wine.csv", second="wine.csv", third="wine.csv")
    lines = Path("wine.csv").read_text(encoding="utf-8").splitlines()
    Path("output/second/wine.csv").write_text("\n".join(lines[:-1]), encoding="utf-8")
    assert differs(project)["second"] == ["data", "model.params.max_iter"]
    assert told("output/first", "output/second") == [(["data", "model.params.max_iter"], ["written.data_differs"])]


def test_where_a_file_is_not_found_the_names_decide_in_both(project: Path) -> None:
    name_data(first="wine.csv", second="gone.csv", third="wine.csv")
    assert differs(project)["second"] == ["data", "model.params.max_iter"]
    assert told("output/first", "output/second") == [(["data", "model.params.max_iter"], ["written.data_missing"])]


def test_a_run_with_a_manifest_is_compared_by_the_digest_that_it_recorded(project: Path) -> None:
    shutil.copy("wine.csv", "copy.csv")
    config = FLAT | {"random_state": 7, "test_size": 0.25, "max_iter": 1000}
    train(config, name="full", runs_dir="output")
    name_data(first="copy.csv", second="copy.csv", third="copy.csv")
    assert differs(project) == {"full": [], "first": [], "second": ["model.params.max_iter"], "third": ["seed"]}
    Path("copy.csv").write_text("alcohol,target\n1,0\n", encoding="utf-8")
    assert differs(project)["first"] == ["data"]


def test_folders_that_leave_out_data_and_label_are_listed_with_what_differs_and_not_compared(project: Path) -> None:
    assert differs(project) == {"first": [], "second": ["model.params.max_iter"], "third": ["seed"]}
    assert told() == [(["model.params.max_iter"], ["written.unnamed"]), (["seed"], ["split.follows_seed"])]


def test_folders_that_leave_out_data_and_have_another_test_size_are_known_to_have_other_rows(project: Path) -> None:
    change("second", test_size=0.5)
    assert told("output/first", "output/second") == [
        (["model.params.max_iter", "split.test_size"], ["split.config_differs"])
    ]


def test_of_a_config_that_cannot_be_trained_the_keys_are_compared_as_they_stand(project: Path) -> None:
    change("second", C=2.0, penalty={"l1": 0.5})
    assert differs(project)["second"] == ["C", "max_iter", "penalty"]
    assert told("output/first", "output/second") == [(["C", "max_iter", "penalty"], ["written.unnamed"])]


def test_other_recorded_versions_are_another_environment(project: Path) -> None:
    for run, numpy in (("first", "2.3.2"), ("second", "2.2.0"), ("third", "2.3")):
        change(run, "run_metadata.json", environment={"numpy": {"version": numpy}}, python_version="3.13.5")
    assert differs(project)["second"] == ["model.params.max_iter", "environment"]
    assert differs(project)["third"] == ["seed"]


def test_each_data_file_is_read_once_for_a_list_of_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name_data(first="wine.csv", second="wine.csv", third="wine.csv")
    asked: list[str] = []

    def digest(run: Run) -> str:
        asked.append(run.name)
        return "0" * 64

    monkeypatch.setattr("week2kit.record.places.digest_today", digest)
    assert [row["differs"] for row in list_runs(find_runs(["output"]).everything)] == [
        [],
        ["model.params.max_iter"],
        ["seed"],
    ]
    assert sorted(asked) == ["first", "second", "third"]


# --- the report -------------------------------------------------------------------------------------------------


def head(page: str) -> str:
    """What stands above the first section."""
    return page.partition("## Goal")[0]


def test_the_report_of_two_folders_says_first_what_changed_what_happened_and_what_is_not_known(project: Path) -> None:
    name_data(first="wine.csv", second="wine.csv")
    change("second", "metrics.json", train_time_seconds=0.5)
    page = render(report(["output/first", "output/second"]))
    top = head(page)
    first, second = (json.loads(Path(f"output/{run}/metrics.json").read_text()) for run in ("first", "second"))
    difference = first["accuracy"] - second["accuracy"]
    assert "# Report: `second` against `first`\n" in top
    assert "No manifest: `first`, `second`." in top
    assert "**One thing changed:** `model.params.max_iter` (`1000` → `2`)." in top
    assert f"`accuracy` is {difference:.4f} lower in `second` than in `first` (higher is better)." in top
    assert "Training took 0.0350 s in `first` and 0.5000 s in `second`, as written" in top
    assert "Not recorded: predictions and code." in top
    assert "```sh\nweek2kit verify output/first output/second\n```" in page
    assert "| time of fit (s) | 0.0350 | 0.5000 |" in page


@pytest.mark.parametrize("seconds", [0.01, -1.0, "fast", True, ...])
def test_how_long_training_took_is_told_where_both_wrote_a_time(project: Path, seconds: object) -> None:
    name_data(first="wine.csv", second="wine.csv")
    change("first", "metrics.json", train_time_seconds=0.035)
    change("second", "metrics.json", train_time_seconds=seconds)
    top = head(render(report(["output/first", "output/second"])))
    assert "`accuracy` is" in top
    assert ("Training took 0.0350 s in `first` and 0.0100 s in `second`" in top) == (seconds == 0.01)
    assert ("Training took" in top) == (seconds == 0.01)


def test_the_report_of_folders_that_cannot_be_compared_says_why_in_its_head(project: Path) -> None:
    page = render(report(["output/first", "output/third"]))
    top = head(page)
    assert "**One thing changed:** `seed` (`7` → `8`)." in top
    assert "The two runs are not comparable, so no difference is drawn and there is no winner." in top
    assert "the split follows the seed (`7` and `8`)" in top
    assert "week2kit verify output/first output/third --data FILE --target COLUMN\n" in page
    assert "higher" not in top
    assert "lower" not in top


def test_the_report_of_many_says_which_can_be_compared_and_which_is_highest(project: Path) -> None:
    name_data(first="wine.csv", second="wine.csv", third="wine.csv")
    change("third", "metrics.json", accuracy=1.0)  # of other rows, so it wins nothing
    page = render(report(["output"]))
    best = json.loads(Path("output/first/metrics.json").read_text())["accuracy"]
    assert "# Report: 2 variants against `first`" in head(page)
    assert f"The best `accuracy` is {best:.4f} (`first`); whether by more than noise is not tested." in head(page)
    assert re.search(r"\| 2 \| `second` \| `model.params.max_iter` \| 0\.\d+ \| -0\.\d+ \(not tested\) \|", page)
    assert "| – | `third` | `seed` | 1.0000 | not comparable |" in page
    change("second", "metrics.json", accuracy=best)
    assert f"The best `accuracy` is {best:.4f} (`first`, `second`)" in head(render(report(["output"])))


def test_the_report_of_one_says_what_it_writes(project: Path) -> None:
    page = render(report(["output/first"]))
    assert "# Report: `first`\n" in head(page)
    assert "No manifest: `first`." in head(page)
    assert re.search(r"\| `accuracy` \(primary\) \| 0\.\d{4} \| – \| – \| – \|", page)
    assert "Nothing is known of failed runs" in page


def test_a_folder_without_a_known_metric_is_reported_alone_and_beside_another(project: Path) -> None:
    Path("output/first/metrics.json").write_text('{"goodness": 0.9}', encoding="utf-8")
    assert "`first` has no metric that is known by its name." in render(report(["output/first"]))
    name_data(first="wine.csv", second="wine.csv")
    top = head(render(report(["output/first", "output/second"])))
    assert "`second` and `first` have no metric in common that is known by its name." in top
    assert "No run" not in render(report(["output"]))


def test_the_baseline_among_such_folders_can_be_chosen(project: Path) -> None:
    made = report(["output/first", "output/second"], baseline="output/second")
    assert "# Report: `first` against `second`\n" in render(made)


def test_the_report_shows_what_the_folder_records_besides(project: Path) -> None:
    change("first", "metrics.json", n_train=133, n_val=45)
    change(
        "first", "run_metadata.json", timestamp="2026-02-10 08:42:45", git_hash="f04eae57ab01" + "c" * 28,
        python_version="3.13.5", environment={"numpy": {"version": "2.3.2"}},
    )  # fmt: skip
    Path("output/first/requirements.txt").write_text("numpy==2.3.1\njoblib @ file:///work/joblib\n", encoding="utf-8")
    page = render(report(["output/first"]))
    assert (
        "- `first`: timestamp 2026-02-10 08:42:45, git_hash f04eae57ab01, n_train 133, n_val 45, numpy 2.3.1, "
        "python 3.13.5 (as written, and nothing proves it)" in page
    )
    proofs = re.findall(r"^\| (.*?, as written) \|.*\| `([\w.]+)` \| `[0-9a-f]{12}` \|$", page, re.MULTILINE)
    assert proofs == [
        ("validation accuracy, as written", "metrics.json"),
        ("validation f1_macro, as written", "metrics.json"),
        ("time of training (s), as written", "metrics.json"),
        ("rows to train and to validate, as written", "metrics.json"),
        ("environment, as written", "requirements.txt"),
        ("environment, as written", "run_metadata.json"),
    ]


HOSTILE = "<script>alert(1)</script>|`\n# title\x1b[31m\u202e [x](https://example.org) "


def test_hostile_records_are_text_in_markdown_and_on_the_page(project: Path) -> None:
    for run in ("first", "second"):
        change(run, label_col=HOSTILE, input_csv=HOSTILE + run, goal=HOSTILE, **{HOSTILE: HOSTILE})
        change(run, "metrics.json", **{HOSTILE: 0.5})
        change(run, "run_metadata.json", timestamp=HOSTILE * 9, git_hash=HOSTILE, numpy="2.3.2" + HOSTILE)
    result = report(["output"])
    page = render(result)
    assert not re.search(r"<script|^# title|\x1b|\u202e|(?<!\\)\]\(https", page, re.MULTILINE)
    (project / "hostile.html").unlink(missing_ok=True)
    result.save("hostile.html")
    html = Path("hostile.html").read_text(encoding="utf-8")
    assert "alert(1)" in html
    assert not re.search(r"<script|\x1b|\u202e|href=\"https", html)


def test_the_goal_of_a_flat_config_stands_in_the_report(project: Path) -> None:
    change("first", goal="tell the wines apart")
    change("second", goal="tell the wines apart", hypothesis="two steps are not enough")
    goals = report(["output/first", "output/second"]).goals
    assert [(row.run, row.goal, row.hypothesis) for row in goals] == [
        ("first", "tell the wines apart", ""),
        ("second", "", "two steps are not enough"),
    ]


def test_the_next_experiment_is_a_command_that_train_takes(project: Path) -> None:
    name_data(first="wine.csv", second="wine.csv")
    change("first", artifacts_dir="output")
    page = render(report(["output/first", "output/second"]))
    (command,) = set(re.findall(r"all that is missing: `(week2kit train [^`]+)`", page))
    assert command == "week2kit train output/second/config.json"
    done = week2kit(*command.split()[1:], "--set", "input_csv=wine.csv", cwd=project)
    assert done.returncode == 0, done.stderr
    change("second", artifacts_dir="output")
    assert "`train` does not take that of `first` as it stands" in render(report(["output/first", "output/second"]))


def test_of_very_many_folders_those_that_are_left_out_are_counted(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("week2kit.reporting.ranking.OVERVIEW_RUNS", 2)
    page = render(report(["output"]))
    assert "# Report: 2 variants against `first`" in page
    assert "The table leaves out 1 run" in page


def test_two_folders_of_one_name_are_told_by_their_paths(project: Path) -> None:
    shutil.copytree("output/second", "elsewhere/first")
    made = report(["output/first", "elsewhere/first"])
    assert [run.name for run in made.runs] == ["output/first", "elsewhere/first"]


def test_the_report_as_json_fulfils_its_schema_and_an_edited_time_is_found(project: Path) -> None:
    change("first", "run_metadata.json", timestamp="2026-02-10", git_hash="f04e", numpy="2.3.2")
    document = json.loads(week2kit("report", "output", "--format", "json", cwd=project).stdout)
    report_model().model_validate(document)
    assert "numpy 2.3.2" in document["runs"][0]["environment"]
    page = week2kit("report", "output", cwd=project).stdout
    assert "| time of fit (s) | 0.0350 |" in page
    Path("report.md").write_text(page.replace("| 0.0350 |", "| 0.0150 |", 1), encoding="utf-8")
    done = week2kit("report", "output", "--check", "report.md", cwd=project)
    assert (done.returncode, "0.0150" in done.stdout) == (1, True)


# --- pytest -----------------------------------------------------------------------------------------------------


def outcomes(session: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Each item with what became of it, from pytest's verbose lines."""
    return dict(re.findall(r"^(\S+::\S+) ([A-Z]+)", session.stdout, re.MULTILINE))


def test_pytest_collects_such_runs_and_identical_undecided_and_tampered_are_told_apart(project: Path) -> None:
    name_data(first="wine.csv", second="wine.csv")
    change("first", "metrics.json", n_train=133, n_val=45)
    change("second", "metrics.json", accuracy=1.0)
    session = pytest_session(project, "--week2kit", "output", "-v", "-rs")
    assert session.returncode == 1, session.stdout
    found = outcomes(session)
    expected = ["verdict", "follows.val_report", "split.folds", "report.rows", "metrics.accuracy", "metrics.f1_macro"]
    of_first = {item: outcome for item, outcome in found.items() if item.startswith("output/first::")}
    assert of_first == {f"output/first::{name}": "PASSED" for name in expected}
    assert found["output/second::verdict"] == "FAILED"
    assert found["output/second::follows.val_report"] == "FAILED"
    assert found["output/second::metrics.accuracy"] == "SKIPPED"
    assert "metrics.json gives accuracy as 1.0" in session.stdout
    of_third = {item: outcome for item, outcome in found.items() if item.startswith("output/third::")}
    assert of_third["output/third::verdict"] == of_third["output/third::metrics.accuracy"] == "SKIPPED"
    assert {*of_third.values()} <= {"PASSED", "SKIPPED"}  # what needs no data may hold
    assert "output/third/metrics.json:1: undecided" in session.stdout
    assert "--week2kit-data FILE --week2kit-target COLUMN" in session.stdout


def test_pytest_takes_data_and_label_and_one_item_and_keeps_a_run_on_one_worker(project: Path) -> None:
    named = ["--week2kit-data", "wine.csv", "--week2kit-target", "target"]
    session = pytest_session(project, "--week2kit", "output", "-v", "-n2", *named)
    assert session.returncode == 0, session.stdout
    workers = re.findall(r"^\[(gw\d)\].*PASSED (output/\w+)::", session.stdout, re.MULTILINE)
    assert len(workers) == 15
    assert len(set(workers)) == 3
    session = pytest_session(project, "--week2kit", "output/first::metrics.accuracy", "-v", *named)
    assert outcomes(session) == {"output/first::metrics.accuracy": "PASSED"}
    (project / "pytest.ini").write_text(
        "[pytest]\nweek2kit = true\nweek2kit_data = wine.csv\nweek2kit_target = target\n", encoding="utf-8"
    )
    assert pytest_session(project, "output").returncode == 0


def test_a_session_of_undecided_folders_alone_does_not_pass(project: Path) -> None:
    session = pytest_session(project, "--week2kit", "output")
    assert session.returncode == 1
    assert "Nothing was verified: every run was undecided." in session.stdout


def test_a_strict_session_does_not_pass_what_is_only_identical_in_its_metrics(project: Path) -> None:
    name_data(first="wine.csv")
    session = pytest_session(project, "--week2kit", "output/first", "--week2kit-strict", "predictions", "-v")
    assert outcomes(session)["output/first::verdict"] == "FAILED"


def test_unreadable_metrics_are_one_failing_item(project: Path) -> None:
    Path("output/first/metrics.json").write_text('{"accuracy": 0.9', encoding="utf-8")
    session = pytest_session(project, "--week2kit", "output/first", "-v")
    assert outcomes(session) == {"output/first::verdict": "FAILED"}
    assert "output/first/metrics.json: no JSON that can be read" in session.stdout


@pytest.mark.parametrize("beside", ["test_own.py", "folder"])
def test_a_project_whose_own_folder_holds_such_files_keeps_its_tests_and_is_told(project: Path, beside: str) -> None:
    for name in ("config.json", "metrics.json"):
        shutil.copy(f"output/first/{name}", name)
    shutil.rmtree("output")
    test = Path("tests/test_own.py") if beside == "folder" else Path(beside)
    test.parent.mkdir(exist_ok=True)
    test.write_text("def test_it():\n    pass\n", encoding="utf-8")
    session = pytest_session(project, "--week2kit", "-v")
    assert outcomes(session) == {f"{test.as_posix()}::test_it": "PASSED"}
    assert "a run without a manifest lies beside Python files or folders" in session.stdout
    assert session.returncode == 1
    assert "Nothing was verified: no run folder was found." in session.stdout


def test_every_planned_check_of_such_a_run_is_made(project: Path) -> None:
    change("first", "metrics.json", n_train=133)
    (verdict,) = verify("output/first", data="wine.csv", target="target").runs
    run = open_run("output/first")
    assert run.partial is not None
    assert set(planned_checks(run)) <= {check.code for check in verdict.checks}
