"""Every rule of the next experiment proposes a config that really trains, and that changes one thing."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from week2kit import train
from week2kit.cli.commands import app
from week2kit.errors import ReportError
from week2kit.inputs.changes import changed_things, compare_inputs, uncounted_differences
from week2kit.record.manifest import CompletedRun
from week2kit.record.store import Run, open_run
from week2kit.rendering.files.beside import contents_beside, files_folder, next_configs, next_paths
from week2kit.rendering.output import render, save
from week2kit.rendering.shown import report
from week2kit.reporting.next.moves import KNOBS, WEIGHTED
from week2kit.reporting.values import Proposal, Report

from . import build_runs as build

ROOT = str(Path(__file__).parent.parent)
HOSTILE = "```\n~~~\n</pre><script>x</script>\u202eabc\x1b[31m {{7*7}} {% raw %}<!-- week2kit words: goal -->\n## End\n"
#: Keys that change what is recorded, and no result: the rule of one change does not count them.
RECORDED_ONLY = {"repeats", "learning_curve"}


def write_next(path: Path, proposal: Proposal) -> None:
    """The configs of the next experiments, where a report in the file `path` has them."""
    contents = contents_beside(path, next_configs(proposal))
    files_folder(path).mkdir(exist_ok=True)
    for path, content in contents.items():
        path.write_bytes(content)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# --- real runs --------------------------------------------------------------------------------------------------


def table(rows: int, line: Callable[[random.Random, int], list[object]], columns: int, seed: int = 0) -> None:
    """``t.csv`` with columns x0, x1, ... and y."""
    draw = random.Random(seed)
    lines = [",".join([*(f"x{i}" for i in range(columns)), "y"])]
    lines += [",".join(map(str, line(draw, row))) for row in range(rows)]
    Path("t.csv").write_text("\n".join(lines) + "\n")


def classes(noise: float, rows: int = 160, share: float = 0.5, seed: int = 0) -> None:
    """Two classes that lie 2 apart in x0, more or less blurred; x1 is noise on a large scale."""

    def line(draw: random.Random, row: int) -> list[object]:
        positive = row < rows * share
        return [2.0 * positive + draw.gauss(0, noise), 1000 * draw.gauss(0, 1), "yes" if positive else "no"]

    table(rows, line, 2, seed)


def numbers(signal: float, columns: int = 3, rows: int = 120) -> None:
    """A number that hangs on all columns, and on as much noise as one of them has."""

    def line(draw: random.Random, row: int) -> list[object]:
        x = [draw.gauss(0, 1) for _ in range(columns)]
        return [*x, signal * sum(x) + draw.gauss(0, 1)]

    table(rows, line, columns)


CONFIG: dict[str, Any] = {
    "data": {"path": "t.csv", "target": "y"},
    "preprocess": "auto-scaled",
    "model": {"class": "logistic_regression"},
    "seed": 1,
    "goal": "Tell yes from no.",
    "hypothesis": "What was expected of another run.",
}
TREE = {"class": "decision_tree", "params": {"max_depth": 2}}
NEIGHBORS = {"class": "k_nearest_neighbors", "params": {"n_neighbors": 15}}
FOLDS = {"method": "kfold", "n_splits": 4}
RMSE = ["root_mean_squared_error"]
LINEAR = {"class": "linear_regression"}
EXTRA_TREE = {"class": "sklearn.tree.ExtraTreeClassifier"}
NET = {"class": "sklearn.linear_model.ElasticNet", "params": {"alpha": 100.0, "l1_ratio": 0.01}}


def a_run(name: str, **changes: Any) -> Run:
    """Train the config with other keys; None leaves a key out."""
    config = {key: value for key, value in (CONFIG | changes).items() if value is not None}
    Path(f"{name}.json").write_text(json.dumps(config))
    run = train(f"{name}.json", name=name)
    assert run.manifest.status == "completed", run.manifest.failure
    return run


def edit(name: str, change: Callable[[dict[str, Any]], None]) -> None:
    path = Path("runs", name, "manifest.json")
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def with_repeats(*names: str, spread: float) -> None:
    """Repeats in the record of a run, as if it had been trained with other seeds."""

    def change(manifest: dict[str, Any]) -> None:
        for metric in manifest["outcome"]["metrics"].values():
            values = [metric["value"] - spread, metric["value"] + spread]
            metric["repeats"] = [{"seed": 2 + index, "value": value, "folds": []} for index, value in enumerate(values)]

    for name in names:
        edit(name, change)


def elsewhere(name: str) -> None:
    edit(name, lambda manifest: manifest["inputs"]["environment"].update(python="3.10.1"))


# --- every rule -------------------------------------------------------------------------------------------------

Made = list[str]


def _two(base: dict[str, Any], other: dict[str, Any]) -> Made:
    a_run("base", **base)
    a_run("other", **base | other)
    return ["runs/base", "runs/other"]


def _one(**changes: Any) -> Made:
    a_run("base", **changes)
    return ["runs/base"]


def several() -> Made:
    classes(1.0)
    return _two({}, {"preprocess": "auto", "model": {"class": "logistic_regression", "params": {"C": 3.0}}})


def several_with_a_key_less() -> Made:
    classes(1.0)
    model = {"class": "logistic_regression", "params": {"C": 3.0, "max_iter": 300}}
    return _two({"model": model}, {"model": {"class": "logistic_regression", "params": {"C": 9.0}}})


def several_with_a_column_less() -> Made:
    classes(1.0)
    data = {"path": "t.csv", "target": "y", "drop": ["x1"]}
    return _two({}, {"data": data, "model": {"class": "logistic_regression", "params": {"C": 3.0}}})


def several_with_another_environment() -> Made:
    runs = several()
    elsewhere("other")
    return runs


def other_rows() -> Made:
    classes(1.0)
    return _two({"model": TREE}, {"seed": 2, "model": {"class": "logistic_regression"}})


def other_metric() -> Made:
    classes(1.0)
    return _two({"metrics": ["accuracy"]}, {"metrics": ["f1"], "model": TREE})


def other_data() -> Made:
    classes(1.0)
    a_run("base")
    classes(1.0, rows=170)
    a_run("other", model=TREE)
    return ["runs/base", "runs/other"]


def not_converged() -> Made:
    classes(1.0)
    return _one(preprocess="auto", model={"class": "logistic_regression", "params": {"max_iter": 1}})


def not_converged_though_scaled() -> Made:
    classes(1.0)
    return _one(model={"class": "logistic_regression", "params": {"max_iter": 1}})


def guessing() -> Made:
    table(120, lambda draw, row: [draw.random(), "ab"[row % 4 > 0]], 1)
    return _one()


def all_guessing() -> Made:
    table(120, lambda draw, row: [draw.random(), "ab"[row % 4 > 0]], 1)
    return _two({}, {"model": {"class": "logistic_regression", "params": {"C": 0.5}}})


def forest_guessing() -> Made:
    table(120, lambda draw, row: [1.0, "ab"[row % 4 > 0]], 1)
    return _one(model={"class": "random_forest", "params": {"n_estimators": 5}})


def underfitting() -> Made:
    numbers(1.0)
    return _one(model={"class": "ridge", "params": {"alpha": 5000.0}}, metrics=["r2"])


def underfitting_without_a_knob() -> Made:
    numbers(1.0)
    return _one(model=NET, metrics=["r2"])


def overfitting() -> Made:
    classes(1.5)
    return _one(model={"class": "decision_tree"})


def overfitting_without_a_knob() -> Made:
    classes(1.5)
    return _one(model=EXTRA_TREE)


def imbalance() -> Made:
    classes(1.2, rows=300, share=0.2)
    return _one()


def still_rising() -> Made:
    numbers(1.0, columns=30, rows=70)
    return _one(model=LINEAR, metrics=RMSE, learning_curve=True)


def still_rising_in_folds() -> Made:
    numbers(1.0, columns=30, rows=70)
    return _one(model=LINEAR, metrics=RMSE, learning_curve=True, split={"method": "kfold", "n_splits": 3})


def noise_unknown() -> Made:
    classes(1.0)
    return _two({}, {"model": {"class": "logistic_regression", "params": {"C": 0.02}}})


def one_split() -> Made:
    numbers(1.0)
    return _two({"model": {"class": "ridge", "params": {"alpha": 300.0}}, "metrics": RMSE}, {"model": LINEAR})


def one_seed() -> Made:
    numbers(1.0)
    return _two(
        {"model": {"class": "ridge", "params": {"alpha": 300.0}}, "metrics": RMSE, "split": FOLDS}, {"model": LINEAR}
    )


def noise_in_folds() -> Made:
    classes(1.3)
    runs = _two({"split": FOLDS}, {"model": NEIGHBORS})
    with_repeats("base", "other", spread=0.05)
    return runs


def noise_in_repeats() -> Made:
    classes(1.3)
    return _two({"repeats": 2}, {"model": NEIGHBORS})


def noise_in_one_split() -> Made:
    classes(1.3)
    runs = _two({"split": {"test_size": 0.2, "random_state": 3}}, {"model": NEIGHBORS})
    with_repeats("base", "other", spread=0.05)
    return runs


def perfect() -> Made:
    """Two columns that part the classes together, and neither alone: few rows, all of them right."""

    def line(draw: random.Random, row: int) -> list[object]:
        along, across = draw.uniform(-3, 3), (2 * (row % 2) - 1) * draw.uniform(0.6, 1.2)
        return [along + across, across - along, "yes" if across > 0 else "no"]

    table(160, line, 2, 0)
    return _one()


def nothing_wrong_alone() -> Made:
    classes(0.7)
    return _one(metrics=["accuracy"])


def nothing_wrong_without_a_knob() -> Made:
    classes(0.7)
    return _one(metrics=["accuracy"], model={"class": "naive_bayes"})


def nothing_wrong() -> Made:
    runs = one_split()
    with_repeats("base", "other", spread=0.01)
    return runs


RULES: list[tuple[Callable[[], Made], str, str, list[list[str]]]] = [
    (several, "next.several", "next.separate", [["model.params.C"], ["preprocess"]]),
    (several_with_a_key_less, "next.several", "next.separate", [["model.params.C"], ["model.params.max_iter"]]),
    (several_with_a_column_less, "next.several", "next.separate", [["data.drop"], ["model.params.C"]]),
    (several_with_another_environment, "next.several", "next.same_here", [[]]),
    (other_rows, "next.other_rows", "next.separate", [["model"], ["seed"]]),
    (other_metric, "next.other_metric", "next.separate", [["model"]]),
    (other_data, "next.other_data", "next.same_here", [["data"]]),
    (not_converged, "next.not_converged", "next.scale", [["preprocess"]]),
    (not_converged_though_scaled, "next.not_converged", "next.iterate", [["model.params.max_iter"]]),
    (guessing, "next.no_better_than_dummy", "next.other_model", [["model"]]),
    (all_guessing, "next.all_guess", "next.other_model", [["model"]]),
    (forest_guessing, "next.no_better_than_dummy", "next.other_model", [["model"]]),
    (underfitting, "next.underfitting", "next.more_flexible", [["model.params.alpha"]]),
    (underfitting_without_a_knob, "next.underfitting", "next.other_model", [["model"]]),
    (overfitting, "next.overfitting", "next.simpler", [["model.params.max_depth"]]),
    (overfitting_without_a_knob, "next.overfitting", "next.learning_curve", [["learning_curve"]]),
    (imbalance, "next.imbalance", "next.weight_classes", [["model.params.class_weight"]]),
    (still_rising, "next.still_rising", "next.smaller_test", [["split.test_size"]]),
    (still_rising_in_folds, "next.still_rising", "next.more_folds", [["split.n_splits"]]),
    (noise_unknown, "next.noise_unknown", "next.repeat", [["repeats"], ["repeats"]]),
    (one_split, "next.one_split", "next.repeat", [["repeats"], ["repeats"]]),
    (one_seed, "next.one_seed", "next.repeat", [["repeats"], ["repeats"]]),
    (noise_in_folds, "next.noise_known", "next.less_noise_n_repeats", [["split.n_repeats"], ["split.n_repeats"]]),
    (noise_in_repeats, "next.noise_known", "next.less_noise_repeats", [["repeats"], ["repeats"]]),
    (noise_in_one_split, "next.noise_known", "next.less_noise_test_size", [["split.test_size"], ["split.test_size"]]),
    (perfect, "next.perfect", "next.repeat", [["repeats"]]),
    (nothing_wrong_alone, "next.single", "next.more_flexible", [["model.params.C"]]),
    (nothing_wrong_without_a_knob, "next.single", "next.other_class", [["model"]]),
    (nothing_wrong, "next.go_on", "next.other_class", [["model"]]),
]  # fmt: skip


@pytest.mark.filterwarnings("default")  # a fit that does not converge is among the rules
@pytest.mark.parametrize(
    ("make", "reason", "proposal", "things"), RULES, ids=[rule[0].__name__.replace("_", " ") for rule in RULES]
)
def test_each_rule_proposes_a_config_that_trains_and_changes_one_thing(
    make: Callable[[], Made], reason: str, proposal: str, things: list[list[str]]
) -> None:
    result = report(make(), only_named=True)
    told = result.proposal
    assert told.reason.code == reason
    assert told.proposal.code == proposal
    assert told.reading is not None
    assert "How to read it: " in render(result)
    for experiment in told.experiments:
        assert "hypothesis" not in experiment.config
        assert experiment.config["goal"] == CONFIG["goal"]
    write_next(Path("report.md"), told)
    for path, experiment, expected in zip(next_paths(Path("report.md"), told), told.experiments, things, strict=True):
        new = train(path, name=Path(path).stem)
        assert isinstance(new.manifest, CompletedRun), new.manifest.failure
        assert changed_between(open_run(Path("runs", experiment.base)), new) == expected


def test_where_another_kind_of_model_guesses_too_it_is_not_proposed_again() -> None:
    table(120, lambda draw, row: [1.0, "ab"[row % 4 > 0]], 1)
    told = report(_two({}, {"model": "random_forest"}), only_named=True).proposal
    assert (told.reason.code, told.proposal.code, told.experiments) == ("next.all_guess", "next.look_at_features", ())


def test_the_best_run_is_one_without_the_answer_where_there_is_one() -> None:
    def line(draw: random.Random, row: int) -> list[object]:
        return [row % 2 + draw.gauss(0, 1.2), row % 2 * 7, "ab"[row % 2]]

    table(300, line, 2)
    data = CONFIG["data"] | {"drop": ["x1"]}
    a_run("leaks")
    a_run("leaks-too", model="decision_tree")
    a_run("honest", data=data)
    several = report(["runs/leaks", "runs/leaks-too", "runs/honest"], only_named=True)
    (said,) = several.ranking
    assert (said.code, said.values["honest"]) == ("ranked.leaking", "honest")
    assert {one.base for one in several.proposal.experiments} == {"honest"}
    all_leak = report(["runs/leaks", "runs/leaks-too"], only_named=True)
    assert all_leak.proposal.reason.code == "next.leak"
    a_run("honest-too", data=data, model="decision_tree")
    none_leaks = report(["runs/honest", "runs/honest-too", "runs/leaks"], only_named=True, baseline="runs/honest")
    assert "leaks" not in {one.base for one in none_leaks.proposal.experiments}
    alone = report(["runs/honest", "runs/honest-too"], only_named=True)
    assert not any(one.code == "ranked.leaking" for one in alone.ranking)


@pytest.mark.parametrize("name", sorted(KNOBS))
def test_a_knob_is_a_parameter_with_that_default_and_every_turn_of_it_is_allowed(name: str) -> None:
    from sklearn.utils import all_estimators

    kind, knob = dict(all_estimators())[name], KNOBS[name]
    assert kind().get_params()[knob.key] == knob.default
    for simpler in (True, False):
        params: dict[str, Any] = {}
        for _ in range(12):
            value = knob.turned(params, simpler=simpler)
            if value is None:
                break
            assert value != params.get(knob.key, knob.default)
            params = {knob.key: value}
            kind(**params)._validate_params()


def test_models_that_are_weighted_take_weights() -> None:
    from sklearn.utils import all_estimators

    assert all("class_weight" in dict(all_estimators())[name]().get_params() for name in WEIGHTED)


@pytest.mark.parametrize("params", [{"C": True}, {"C": "big"}, {"C": [1]}])
def test_a_knob_of_another_kind_is_not_turned(params: dict[str, Any]) -> None:
    assert KNOBS["LogisticRegression"].turned(params, simpler=True) is None
    assert KNOBS["RandomForestClassifier"].turned({"min_samples_leaf": 0.1}, simpler=True) is None


def changed_between(base: Run, new: Run) -> list[str]:
    recorded = [c.key for c in uncounted_differences(base.manifest, new.manifest) if c.key in RECORDED_ONLY]
    return changed_things(compare_inputs(base.manifest, new.manifest)) + recorded


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("make", [several, other_rows, other_metric, still_rising, overfitting, nothing_wrong_alone])
def test_the_command_makes_the_same_run_as_the_config(make: Callable[[], Made]) -> None:
    told = report(make(), only_named=True).proposal
    for index, experiment in enumerate(told.experiments):
        assert experiment.command is not None
        Path("next.json").write_text(json.dumps(experiment.config))
        own = f" --name {experiment.name}"
        assert experiment.command.endswith(own)
        command = experiment.command.removesuffix(own)
        for name, words in ((f"c{index}", command), (f"n{index}", "week2kit train next.json")):
            week2kit(f"{words} --name {name}")
        left, right = (open_run(Path("runs", f"{kind}{index}")).manifest for kind in "cn")
        assert isinstance(left, CompletedRun)
        assert isinstance(right, CompletedRun)
        assert left.outcome == right.outcome
        assert compare_inputs(left, right) == []


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("make", "names", "judge"),
    [
        (nothing_wrong_alone, ["C-10.0"], "runs/base runs/C-10.0"),
        (several, ["C-3.0", "preprocess"], "runs/base runs/C-3.0 runs/preprocess"),
        (one_split, ["base-repeats-5", "other-repeats-5"], "runs/base-repeats-5 runs/other-repeats-5"),
        (several_with_another_environment, ["base-again"], "runs/base runs/base-again runs/other"),
        (guessing, ["RandomForestClassifier"], "runs/base runs/RandomForestClassifier"),
        (not_converged, ["preprocess-auto-scaled"], "runs/base runs/preprocess-auto-scaled"),
    ],
)
def test_the_runs_have_telling_names_and_a_command_that_judges_them(
    make: Callable[[], Made], names: list[str], judge: str
) -> None:
    result = report(make(), only_named=True)
    told = result.proposal
    assert [one.name for one in told.experiments] == names
    assert told.judge == f"week2kit report {judge} --only-named"
    assert f"\n{told.judge}\n" in render(result)


@pytest.mark.filterwarnings("default")
def test_what_is_printed_is_trained_and_judged_as_it_stands() -> None:
    told = report(several(), only_named=True).proposal
    for command in told.commands:
        week2kit(command)
    assert told.judge is not None
    week2kit(f"{told.judge} -o judged.md")
    assert "# Report: 2 variants against `base`" in Path("judged.md").read_text()


def test_a_run_that_was_made_already_is_judged_with_the_one_that_is_left() -> None:
    runs = one_split()
    week2kit(report(runs).proposal.commands[0])
    told = report(runs).proposal
    assert [one.name for one in told.experiments] == ["other-repeats-5"]
    assert told.judge == "week2kit report runs/base-repeats-5 runs/other-repeats-5 --only-named"


def test_noise_that_another_run_of_the_same_inputs_measured_is_told_as_that() -> None:
    runs = one_split()
    week2kit(report(runs).proposal.commands[0])
    text = render(report(runs))
    assert "`base-repeats-5` has the inputs of `base`, and was trained with other seeds, too." in text
    assert "`base-repeats-5`: with 5 other seeds" in text
    assert "of `base` moves with another seed was not measured" not in text
    assert "of `other` moves with another seed was not measured" in text
    assert "of `base` moves with another seed was not measured" in render(report(runs, only_named=True))
    against = render(report(["runs/base", "runs/base-repeats-5"], only_named=True))
    assert against.count("`base-repeats-5`: with 5 other seeds") == 1


def test_a_name_that_is_taken_is_not_proposed() -> None:
    runs = nothing_wrong_alone()
    Path("runs/c-10.0-2").mkdir()
    Path("runs/C-10.0").write_text("in the way")
    Path("runs/C-10.0-2").mkdir(exist_ok=True)
    assert report(runs, only_named=True).proposal.experiments[0].name == "C-10.0-3"


def test_a_name_is_fit_for_a_shell_whatever_a_record_says() -> None:
    base = build.Recipe(predictions=[(0, "a", "b"), (1, "b", "b")])
    build.completed(Path("runs"), "base; rm x", base)
    build.completed(Path("runs"), "other", base.but(predictions=[(0, "a", "a"), (1, "b", "b")]))
    told = report(["runs/base; rm x", "runs/other"]).proposal
    assert [one.name for one in told.experiments] == ["base-rm-x-repeats-5", "other-repeats-5"]


def test_a_run_that_separates_is_compared_with_the_baseline_on_its_rows() -> None:
    told = report(other_rows()).proposal
    model, seed = (one.config for one in told.experiments)
    assert (model["seed"], model["model"]["params"]["random_state"], model["split"]["random_state"]) == (1, 1, 1)
    assert (seed["seed"], seed["model"]["params"]["random_state"], seed["split"]["random_state"]) == (2, 2, 1)
    write_next(Path("f.md"), told)
    runs = ["runs/base", *(str(train(f"f_files/{name}").path) for name in ("next.json", "next-2.json"))]
    result = report(runs, only_named=True)
    assert [one.obstacles for one in result.comparisons] == [(), ()]
    assert [one.things for one in result.comparisons] == [("model",), ("seed",)]


@pytest.mark.parametrize(
    ("model", "separated"),
    [({"class": "logistic_regression"}, ["model"]), (TREE, ["model", "seed"])],
    ids=["draws nothing", "draws"],
)
def test_another_seed_is_tried_on_the_same_rows_only_where_something_draws_from_it(
    model: dict[str, Any], separated: list[str]
) -> None:
    classes(1.0)
    told = report(_two({"model": model}, {"seed": 2, "model": NEIGHBORS})).proposal
    assert [one.changes[0].key for one in told.experiments] == separated


def test_of_two_questions_neither_is_trained_for_the_person() -> None:
    table(120, lambda draw, row: [draw.random(), row % 2, "ab"[row % 3 > 0]], 2)
    a_run("base", data={"path": "t.csv", "target": "y", "drop": ["x1"]})
    a_run("other", data={"path": "t.csv", "target": "x1", "drop": ["y"]}, model=TREE)
    told = report(["runs/base", "runs/other"]).proposal
    assert (told.reason.code, told.proposal.code, told.experiments) == ("next.other_question", "next.one_question", ())
    assert "```json" not in render(report(["runs/base", "runs/other"]))


def test_what_changed_only_the_rows_leads_on() -> None:
    classes(0.7)
    a_run("base", metrics=["accuracy"])
    a_run("other", metrics=["accuracy"], split={"test_size": 0.4})
    assert report(["runs/base", "runs/other"]).proposal.reason.code == "next.single"


def test_an_equal_score_is_no_reason_to_measure_its_noise() -> None:
    classes(0.9)
    runs = _two({"metrics": ["accuracy"]}, {"model": {"class": "logistic_regression", "params": {"C": 1.001}}})
    assert report(runs).proposal.reason.code == "next.go_on"


def test_a_run_that_was_interrupted_is_run_again_as_it_was() -> None:
    classes(1.0)
    a_run("base")
    edit("base", lambda manifest: manifest.update(status="running", outcome=None, artifacts=[]))
    told = report(["runs/base"]).proposal
    assert told.proposal.code == "next.run_again"
    write_next(Path("f.md"), told)
    new = train("f_files/next.json")
    assert new.manifest.status == "completed"
    assert compare_inputs(open_run("runs/base").manifest, new.manifest) == []


def test_a_config_that_was_refused_is_not_proposed_again() -> None:
    build.failed(Path("runs"), "bad", build.Recipe(predictions=[(0, "a", "b")]))
    told = report(["runs/bad"]).proposal
    assert (told.proposal.code, told.experiments, told.config) == ("next.repair", (), None)


# --- where the config lies, and the data ------------------------------------------------------------------------


def week2kit(command: str, code: int = 0) -> None:
    """Type a command, in this process: the words go through a shell's splitting and the parser of the command line."""
    done = CliRunner().invoke(app, shlex.split(command)[1:])
    assert done.exit_code == code, done.output


def in_a_shell(command: str, code: int = 0) -> str:
    done = subprocess.run(
        command.replace("week2kit", f"{sys.executable} -m week2kit", 1), shell=True, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": ROOT}, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout


def _in_the_working_directory() -> None:
    classes(0.7)
    a_run("base", metrics=["accuracy"])


def _beside_the_config() -> None:
    _in_the_working_directory()
    Path("examples").mkdir()
    Path("t.csv").rename("examples/t.csv")
    Path("base.json").rename("examples/base.json")
    os.rename("runs/base", "runs/old")  # noqa: PTH104
    train("examples/base.json", name="base")


def _beside_the_config_with_another_table_here() -> None:
    _beside_the_config()
    classes(0.9, rows=40)


def _beside_the_config_and_changed_since() -> None:
    _beside_the_config()
    Path("examples/t.csv").write_text(Path("examples/t.csv").read_text() + "0.5,0.5,no\n")


def _here_and_changed_where_it_lay() -> None:
    _beside_the_config_and_changed_since()
    classes(0.7)


def _in_the_run_folder() -> None:
    _in_the_working_directory()
    Path("t.csv").rename("runs/base/t.csv")


@pytest.mark.parametrize(
    "place",
    [
        _in_the_working_directory,
        _beside_the_config,
        _beside_the_config_with_another_table_here,
        _beside_the_config_and_changed_since,
        _here_and_changed_where_it_lay,
        _in_the_run_folder,
    ],
)
@pytest.mark.parametrize("output", ["report.md", "out/the report.md"])
def test_next_json_finds_the_data_of_the_run(place: Callable[[], None], output: str) -> None:
    place()
    Path("out").mkdir()
    week2kit(f"week2kit report runs/base --only-named -o '{output}'")
    text = Path(output).read_text()
    command = re.search(r"^week2kit train .*next\.json'? --name (\S+)$", text, flags=re.MULTILINE)
    assert command is not None
    week2kit(command[0])
    base, new = open_run("runs/base").manifest, open_run(f"runs/{command[1]}").manifest
    things = ["data"] if place is _beside_the_config_and_changed_since else []
    assert changed_things(compare_inputs(base, new)) == [*things, "model.params.C"]
    written = (files_folder(Path(output)) / "next.json").read_text()
    assert not json.loads(written)["data"]["path"].startswith("/")


def test_a_report_elsewhere_names_its_config_as_seen_from_here(tmp_path: Path) -> None:
    _in_the_working_directory()
    output = tmp_path / "deep" / "r.md"
    output.parent.mkdir()
    in_a_shell(f"week2kit report {tmp_path}/runs/base --only-named -o {output}")
    assert "\nweek2kit train deep/r_files/next.json --name C-10.0\n" in output.read_text()
    assert str(tmp_path) not in output.read_text() + (output.parent / "r_files" / "next.json").read_text()


def test_a_path_in_a_foreign_record_leads_nowhere_else() -> None:
    _in_the_working_directory()
    Path("secret.csv").write_bytes(Path("t.csv").read_bytes())

    def change(manifest: dict[str, Any]) -> None:
        manifest["inputs"]["data"]["from_run"] = "../../secret.csv"
        manifest["inputs"]["config"]["resolved"]["data"]["path"] = "/etc/t.csv"

    edit("base", change)
    config = report(["runs/base"]).proposal.config
    assert config is not None
    assert config["data"]["path"] == "t.csv"


# --- as text ----------------------------------------------------------------------------------------------------


def shown_config(result: Report) -> Any:
    (block,) = re.findall(r"^```json\n(.*?)^```$", render(result), flags=re.MULTILINE | re.DOTALL)
    return json.loads(block)


def test_standard_output_shows_the_config_and_the_command_that_makes_it() -> None:
    classes(0.7)
    result = report(_one(metrics=["accuracy"]))
    assert shown_config(result) == result.proposal.config
    assert "\nweek2kit train runs/base/config.json --set model.params.C=10.0 --name C-10.0\n" in render(result)
    assert "and `week2kit train next.json --name C-10.0`:" in render(result)
    assert "The one change:" not in render(result)  # the flags say it


def test_a_file_takes_the_place_of_the_config_in_the_text() -> None:
    classes(0.7)
    result = report(_one(metrics=["accuracy"]))
    text = render(result, next_files=["report_files/next.json"])
    assert "```json" not in text
    assert "--set" not in text.split("## Next experiment")[1].split("\n## ")[0]


def test_hostile_values_stay_in_their_block_and_come_out_whole() -> None:
    config = build.with_keys(build.LOGISTIC, goal=HOSTILE)
    config["model"]["params"] = {"max_iter": 5, HOSTILE: [HOSTILE]}
    build.completed(Path("runs"), "base", build.Recipe(config=config, predictions=[(0, "a", "b"), (1, "b", "b")]))
    result = report(["runs/base"])
    assert shown_config(result) == result.proposal.config
    (block,) = re.findall(r"^```json\n(.*?)^```$", render(result), flags=re.MULTILINE | re.DOTALL)
    assert not re.search("[`<>\x1b\u202e]", block)


def test_a_long_config_is_not_shown() -> None:
    names = [f"column_{index}" for index in range(2000)]
    config = build.with_keys(build.LOGISTIC, data__drop=names)
    build.completed(Path("runs"), "base", build.Recipe(config=config, predictions=[(0, "a", "b"), (1, "b", "b")]))
    text = render(report(["runs/base"]))
    assert "too long to be shown" in text
    assert "column_1999" not in text


@pytest.mark.parametrize("junk", [None, 1, "x", [], [[]], {}, {"a": {"b": [{}]}}, [{"columns": 1, "steps": [1]}]])
@pytest.mark.parametrize("key", ["data", "split", "preprocess", "model", "metrics", "seed", "task"])
def test_a_config_of_any_shape_leads_to_a_proposal(key: str, junk: Any) -> None:
    base = build.Recipe(predictions=[(0, "a", "b"), (1, "b", "b")])
    build.completed(Path("runs"), "base", base)
    other = build.with_keys(build.LOGISTIC, model__params__C=5.0, seed=3)
    build.completed(Path("runs"), "other", base.but(config=other))
    edit("other", lambda manifest: manifest["inputs"]["config"]["resolved"].update({key: junk}))
    for runs in (["runs/base", "runs/other"], ["runs/other", "runs/base"], ["runs/other"]):
        assert render(report(runs)) == render(report(runs))


# --- the file ---------------------------------------------------------------------------------------------------


def test_only_our_own_files_are_replaced() -> None:
    classes(0.7)
    told = report(_one(metrics=["accuracy"])).proposal
    write_next(Path("f.md"), told)
    first = Path("f_files/next.json").read_bytes()
    write_next(Path("f.md"), told)
    assert Path("f_files/next.json").read_bytes() == first
    for foreign in ("my own words", '{"seed": 1}', first.decode().replace("  ", " ")):
        Path("f_files/next.json").write_text(foreign)
        with pytest.raises(ReportError, match="was not written by week2kit, or was changed since"):
            write_next(Path("f.md"), told)
        assert Path("f_files/next.json").read_text() == foreign
    Path("f_files/next.json").unlink()
    Path("target.json").write_bytes(first)
    Path("f_files/next.json").symlink_to("../target.json")
    with pytest.raises(ReportError):
        write_next(Path("f.md"), told)


def test_a_folder_that_cannot_be_made_is_a_sentence() -> None:
    classes(0.7)
    a_run("base")
    Path("report_files").write_text("in the way")
    with pytest.raises(ReportError, match="report_files: it is no folder"):
        save(report(["runs/base"]), Path("report.md"))
    assert not Path("report.md").exists()


def test_a_report_that_is_refused_writes_no_config() -> None:
    classes(0.7)
    a_run("base")
    Path("report.md").write_text("my own words")
    week2kit("week2kit report runs/base -o report.md", code=2)
    assert not Path("report_files").exists()


# --- what was made already --------------------------------------------------------------------------------------


def test_an_experiment_that_a_run_already_made_is_not_proposed_again() -> None:
    labels = {("A", "A"): 80, ("B", "A"): 8, ("B", "B"): 2}
    unequal = {
        "accuracy": {"value": 0.91, "training": 0.93, "dummy": 0.5},
        "f1_macro": {"value": 0.66, "training": 0.7, "dummy": 0.4},
    }
    recipe = build.Recipe(predictions=build.labels(labels), metrics=unequal)
    build.completed(Path("runs"), "base", recipe)
    first = report(["runs/base"]).proposal
    (change,) = first.experiments[0].changes
    assert (change.key, change.variant) == ("model.params.class_weight", "balanced")
    made = dict(first.experiments[0].config) | {"hypothesis": "Of my own.", "data": {**recipe.config["data"]}}
    build.completed(Path("runs"), "weighted", recipe.but(config=made))
    again = report(["runs/base"]).proposal
    assert again.reason.code != first.reason.code
    assert first.experiments[0] not in again.experiments
    assert again.experiments


# --- a command that names a file that a report replaces -----------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "shown", "replaced"),
    [
        (
            "week2kit train report_files/next.json --name new",
            "week2kit train runs/new/config.json --name new",
            "report_files/next.json",
        ),
        (
            "week2kit train --set goal=next.json --runs-dir 'a b' 'out/the report_files/next-12.json' --seed=7",
            "week2kit train --set goal=next.json --runs-dir 'a b' runs/new/config.json --seed=7",
            "out/the report_files/next-12.json",
        ),
        ("week2kit.train('next.json')", "week2kit.train('runs/new/config.json')", "next.json"),
        ("week2kit train my_next.json --name next.json", "week2kit train my_next.json --name next.json", ""),
        ("week2kit train next.json --set 'goal=…", "week2kit train next.json --set 'goal=…", ""),
        ("week2kit report next.json", "week2kit report next.json", ""),
        ("next.json", "next.json", ""),
        ("week2kit train", "week2kit train", ""),
    ],
)
def test_a_recorded_command_names_no_config_that_a_report_replaces(recorded: str, shown: str, replaced: str) -> None:
    build.completed(Path("runs"), "new", build.Recipe(predictions=[(0, "a", "a"), (1, "b", "b")], command=recorded))
    told = f" (recorded with `{replaced}`, which each report replaces)" if replaced else ""
    assert f"\n- `new`: `{shown}`{told}\n" in render(report(["runs/new"]))


def test_the_command_of_a_run_from_a_replaced_config_makes_the_same_run_again() -> None:
    classes(1.0)
    a_run("base")
    report(["runs/base"], only_named=True).save("report.md")
    train("report_files/next.json", name="new", typed="week2kit train report_files/next.json --name new")
    report(["runs/base", "runs/new"], only_named=True).save("report.md")
    Path("report_files/next.json").write_bytes(Path("runs/base/config.json").read_bytes())
    told = re.search(r"^- `new`: `(week2kit train .*) --name new`", Path("report.md").read_text(), flags=re.MULTILINE)
    assert told is not None
    week2kit(f"{told[1]} --name again")
    assert compare_inputs(open_run("runs/new").manifest, open_run("runs/again").manifest) == []


def test_a_run_that_kept_no_config_shows_the_command_as_recorded() -> None:
    recipe = build.Recipe(predictions=[(0, "a", "b")], command="week2kit train report_files/next.json")
    build.failed(Path("runs"), "bad", recipe)
    assert "\n- `bad`: `week2kit train report_files/next.json`\n" in render(report(["runs/bad"]))
