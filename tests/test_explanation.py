"""Sentences that a learner reads: each says its thing once, and as loud as it matters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from week2kit import open_run, report, train
from week2kit.errors import ReportError, UnreadableRun, UsageError
from week2kit.inputs.listing import list_runs, runs_table
from week2kit.record.manifest import Warned
from week2kit.record.store import find_runs
from week2kit.rendering.markdown import show_value
from week2kit.rendering.output import save
from week2kit.sentences.training import Given, run_lines
from week2kit.sentences.warnings import describe_warning, warning_lines

ROOT = Path(__file__).resolve().parent.parent
DEEP = {
    "data": {"path": "penguins.csv", "target": "species", "features": ["flipper_length_mm", "body_mass_g", "sex"]},
    "model": "decision_tree",
    "metrics": ["f1_macro", "accuracy"],
    "seed": 3,
}


@pytest.fixture
def penguins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "penguins.csv").symlink_to(ROOT / "examples" / "penguins" / "penguins.csv")
    return tmp_path


def test_a_gap_in_several_metrics_is_one_warning_and_each_of_them_is_recorded(penguins: Path) -> None:
    run = train(DEEP)
    assert [warned.code for warned in run.manifest.warnings].count("metric.gap") == 2
    (line,) = [line for line in warning_lines(run.manifest.warnings) if "metric.gap" in line]
    for name, metric in run.manifest.outcome.metrics.items():  # type: ignore[union-attr]
        assert f"{name} is {metric.training:.4f}" in line
        assert f"{metric.value:.4f}" in line


def test_few_shared_rows_are_told_without_alarm_and_many_with_advice() -> None:
    def warned(rows: int) -> str:
        return describe_warning(Warned(code="split.shared_rows", values={"rows": rows, "looked_at": 100}))

    assert warned(1) == "1 of 100 validation rows has the same features as a training row. So few hardly move a score."
    assert warned(2).endswith(
        "as a training row: where they are copies, they test memory, not learning. Remove copies, or split by groups."
    )
    assert warned(2).startswith("2 of 100 validation rows have ")
    few_values = describe_warning(
        Warned(code="split.shared_rows", values={"rows": 98, "looked_at": 100, "different": 12, "of": 400})
    )
    assert "copies" not in few_values
    assert "12 different rows of features among 400" in few_values
    strange = describe_warning(Warned(code="split.shared_rows", values={"rows": "many"}))
    assert strange.startswith("many of nothing validation rows have ")


def test_a_refused_warning_is_told_in_its_sentence_and_ends_the_run(penguins: Path) -> None:
    run = train({**DEEP, "fail_on": ["metric.gap"]})
    lines = run_lines(run, "config.json")[1]
    (warning,) = [line for line in lines if line.startswith("warning metric.gap: ")]
    assert "what overfitting looks like" in warning
    assert (
        'error at stage evaluate: The config\'s fail_on names "metric.gap", so its warning (see above) ends the run.'
        in lines
    )


def test_a_preprocessing_is_told_by_the_word_that_a_config_has_for_it(penguins: Path) -> None:
    def shown(preprocess: object) -> str:
        resolved = train({**DEEP, "preprocess": preprocess}).manifest.inputs.config.resolved
        assert resolved is not None
        return show_value(resolved["preprocess"])

    assert shown("auto") == "`auto on 3 columns`"
    assert shown("auto-scaled") == "`auto-scaled on 3 columns`"
    median = {"class": "sklearn.impute.SimpleImputer", "params": {"strategy": "median"}}
    texts = {"columns": ["sex"], "steps": [{"class": "sklearn.preprocessing.OneHotEncoder"}]}
    groups = [{"columns": ["flipper_length_mm", "body_mass_g"], "steps": [median]}, texts]
    assert shown(groups).startswith('`SimpleImputer {"strategy":"median"} on 2 columns; OneHotEncoder')


def test_a_path_that_leads_nowhere_says_where_it_starts_and_where_it_would_be(
    penguins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (penguins / "configs").mkdir()
    (penguins / "configs" / "first.json").write_text("{}")
    (penguins / "runs").mkdir()
    monkeypatch.chdir(penguins / "runs")
    with pytest.raises(
        UsageError, match=r"A path starts in the folder where you are: from there it is \.\./configs/first\.json\."
    ):
        train("configs/first.json")
    with pytest.raises(UsageError, match=r"no such config file\. A path starts in the folder where you are\.$"):
        train("configs/none.json")
    monkeypatch.chdir(penguins)
    for typed in ("configs/frist.json", "config/first.json", "cofigs/fist.json"):
        with pytest.raises(UsageError, match=r"there is no such config file\. Did you mean configs/first\.json\?$"):
            train(typed)
    with pytest.raises(UsageError, match=r"no such config file\. A path starts in the folder where you are\.$"):
        train("configs/first.toml")
    with pytest.raises(UsageError, match=r"expected a config file, and it is a folder\.$"):
        train("configs")
    (penguins / "configs" / "first.json").rename(penguins / "configs" / "config.json")
    with pytest.raises(UsageError, match=r"it is a folder\. Did you mean configs/config\.json\?$"):
        train("configs")
    monkeypatch.chdir(penguins / "runs")
    with pytest.raises(UnreadableRun, match=r"it is not there\. A path starts .*: from there it is \.\./configs\."):
        open_run("configs")
    with pytest.raises(UnreadableRun, match=r"it is not there\.$"):
        open_run(penguins / "none")


def test_metrics_without_a_config_are_told_as_such(penguins: Path) -> None:
    (penguins / "kept").mkdir()
    (penguins / "kept" / "metrics.json").write_text('{"accuracy": 0.9}')
    for path in (Path("kept"), penguins / "kept"):
        ((_, reason),) = find_runs([path]).unreadable
        assert reason.endswith("holds no manifest.json and no config.json: nothing says how its numbers were made.")


def test_runs_of_several_folders_are_listed_and_those_of_one_name_by_their_path(penguins: Path) -> None:
    for folder in ("a", "b"):
        train(DEEP, runs_dir=folder, name="tree")
    train(DEEP, runs_dir="b", name="wood")  # behind "tree" by its name, too: both may begin in one second
    table = runs_table(list_runs(find_runs([Path("a"), Path("b")]).everything))
    assert [line.split()[0] for line in table.splitlines()] == ["run", "a/tree", "b/tree", "wood"]


def test_a_notebook_lists_the_metrics_in_the_order_of_the_config(penguins: Path) -> None:
    shown = train(DEEP)._repr_markdown_()
    assert shown.index("| f1_macro |") < shown.index("| accuracy |")


# --- what the command line gave ---------------------------------------------------------------------------------


def told(config: dict[str, Any], *assignments: str, seed: int | None = None) -> list[str]:
    """What train says on standard error of a run with these --set (and --seed) that fails."""
    given = [Given("--set", assignment) for assignment in assignments]
    given += [Given("--seed", f"seed={seed}")] if seed is not None else []
    run = train(config, set=assignments, seed=seed)
    assert run.manifest.status == "failed"
    return run_lines(run, "variant.json", given)[1]


def test_a_problem_of_a_key_that_set_gave_is_told_of_the_set(penguins: Path) -> None:
    assert told(DEEP, "model.parms.max_depth=3") == [
        'error at stage config: --set model.parms.max_depth=3: model.parms: unknown key; did you mean "model.params"?',
        "  try: Correct the --set and train again.",
    ]
    assert told(DEEP, 'metrics=["acuracy"]')[0].startswith('error at stage config: --set metrics=["acuracy"]: metrics')
    assert told(DEEP, "metrics.0=acuracy")[0].startswith("error at stage config: --set metrics.0=acuracy: metrics")
    assert told(DEEP, "metrics=none", "metrics=7")[0].startswith("error at stage config: --set metrics=7: metrics: ")
    problem, hint = told(DEEP, seed=-1)
    assert problem.startswith("error at stage config: --seed -1: seed: ")
    assert hint == "  try: Correct the --seed and train again."


def test_a_problem_of_the_file_is_told_of_the_file_also_where_there_is_a_set(penguins: Path) -> None:
    file = "error at stage config: variant.json: "
    problem, hint = told({**DEEP, "colour": 1}, "model.params.max_depth=3")
    assert problem.startswith(f"{file}colour: unknown key")
    assert hint == "  try: Correct the config and train again."
    both = told({**DEEP, "colour": 1}, "sead=3")
    assert both[0].startswith(f"{file}colour: ")
    assert both[1] == 'error at stage config: --set sead=3: sead: unknown key; did you mean "seed"?'
    assert both[2] == "  try: Correct the config and the --set, and train again."
    assert told({**DEEP, "seedling": 1}, "seed=3")[0].startswith(f"{file}seedling: ")


def test_a_parameter_of_the_model_that_set_replaced_is_told_as_such(penguins: Path) -> None:
    linear = {**DEEP, "model": {"class": "logistic_regression", "params": {"max_iter": 500}}}
    assert told(linear, "model.class=decision_tree") == [
        "error at stage config: variant.json: model.params.max_iter: DecisionTreeClassifier has no such parameter",
        (
            "  try: max_iter belongs to the model that was replaced. Replace model and parameters together: "
            "--set model=decision_tree"
        ),
    ]
    linear["model"]["params"]["C"] = 2.0  # type: ignore[index]
    lines = told(linear, "model.class=decision_tree", "model.params.max_dept=3")
    assert lines[-1] == (
        "  try: Correct the --set and train again. C and max_iter belong to the model that was replaced. Replace model "
        "and parameters together: --set model=decision_tree"
    )
    assert 'max_dept: DecisionTreeClassifier has no such parameter; did you mean "max_depth"?' in "".join(lines)
    assert train(linear, set=["model=decision_tree"]).manifest.status == "completed"


# --- names that are taken, and folders without runs -------------------------------------------------------------


def test_a_name_that_is_taken_says_by_what(penguins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str) -> str:
        with pytest.raises(UsageError) as caught:
            train(DEEP, name=name)
        return str(caught.value)

    train({**DEEP, "colour": 1}, name="typo")
    assert refused("typo") == (
        "runs/typo: this name is taken by a run that failed at stage config. Choose another name, or remove the folder."
    )
    train(DEEP, name="done")
    assert refused("done") == (
        "runs/done: this name is taken by a run that completed, and runs are never overwritten: choose another name, "
        "or leave it out."
    )

    def interrupt(stage: str) -> None:
        if stage == "fit":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(DEEP, name="stopped", on_stage=interrupt)
    assert "taken by a run that was interrupted at stage fit. Choose another" in refused("stopped")
    killed = json.loads(Path("runs/typo/manifest.json").read_text()) | {"status": "running", "failure": None}
    Path("runs/typo/manifest.json").write_text(json.dumps(killed))
    assert "taken by a run that is still going on, or was ended without a word." in refused("typo")
    Path("runs/typo/manifest.json").unlink()
    assert refused("typo") == (
        "runs/typo: this name is taken, and runs are never overwritten: choose another name, or leave it out."
    )


def test_a_name_of_a_run_is_told_with_the_path_of_its_folder(penguins: Path) -> None:
    train(DEEP, name="tree")
    with pytest.raises(
        UnreadableRun, match=r"^tree: expected a run folder, and it is not there\. Did you mean runs/tree\?$"
    ):
        report(["tree"])
    with pytest.raises(
        UnreadableRun, match=r"^other: .* it is not there\. A path starts in the folder where you are\.$"
    ):
        report(["other"])


def test_a_folder_without_runs_says_where_runs_come_from(penguins: Path) -> None:
    Path("empty").mkdir()
    with pytest.raises(UnreadableRun) as caught:
        report(["empty"])
    assert str(caught.value) == (
        "empty: it holds no run, and no folder in it does: runs are made with week2kit train CONFIG."
    )


def test_a_report_into_a_folder_that_is_missing_says_so_and_writes_nothing(penguins: Path) -> None:
    train(DEEP, name="tree")
    with pytest.raises(ReportError, match=r"^sub/dir/report\.md: there is no folder sub/dir: make it, or choose"):
        save(report(["runs/tree"]), Path("sub/dir/report.md"))
    assert not Path("sub").exists()


def test_a_whole_test_size_below_a_hundred_is_told_as_rows(penguins: Path) -> None:
    def notes(size: float) -> list[str]:
        return [line for line in run_lines(train({**DEEP, "split": {"test_size": size}}), "c")[1] if "note" in line]

    assert notes(80) == ["note: split.test_size is 80: 80 rows are validated (a share is written 0.8)."]
    assert notes(0.8) == notes(120) == []
