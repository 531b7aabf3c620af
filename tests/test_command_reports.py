"""Reports and lists of runs of a person's own scripts: what is told of them, alone, several, and beside other runs."""

from __future__ import annotations

import itertools
import json
import random
import re
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from week2kit import train
from week2kit.inputs.commands import compare_commands, flags, uncounted_of_commands
from week2kit.inputs.listing import list_runs, runs_table
from week2kit.record.command import CompletedCommand, RecordedCommand
from week2kit.record.store import Run, find_runs, open_run
from week2kit.record.written_metrics import is_upward, reported_order
from week2kit.rendering.checking import check_report
from week2kit.rendering.files.reports import write_report
from week2kit.rendering.output import render
from week2kit.rendering.page import make_page
from week2kit.rendering.sections.whole import compose
from week2kit.rendering.structured import report_model, to_json
from week2kit.reporting.composing import report
from week2kit.training.asked import Asked
from week2kit.training.command import train_command

from . import build_runs as build

TRAIN = """
    import argparse, json, os
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.model_selection import train_test_split

    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split-seed", type=int, default=0)
    parser.add_argument("--C", type=float, default=1.0)
    parser.add_argument("--input", default="data.csv")
    parser.add_argument("--out", default="out")
    parser.add_argument("--table", choices=["whole", "none"], default="whole")
    asked = parser.parse_args()
    if asked.C <= 0:
        raise ValueError(f"C must be positive, and it is {asked.C}")
    frame = pd.read_csv(asked.input)
    parts = train_test_split(frame[["a", "b"]], frame["y"], random_state=asked.split_seed)
    model = LogisticRegression(C=asked.C, random_state=asked.seed).fit(parts[0], parts[2])
    predicted = model.predict(parts[1])
    os.makedirs(asked.out, exist_ok=True)
    if asked.table == "whole":
        pd.DataFrame({"y_true": parts[3], "y_pred": predicted}).to_csv(f"{asked.out}/predictions.csv", index=False)
    scores = {"accuracy": accuracy_score(parts[3], predicted), "f1": f1_score(parts[3], predicted), "fit_seconds": 0.2}
    with open(f"{asked.out}/metrics.json", "w") as file:
        json.dump(scores, file)
"""

#: A script without a library: what it reports, and what it writes, its words say.
SAY = """
    import json, sys
    metrics, table = json.loads(sys.argv[1]), json.loads(sys.argv[2])
    for name, value in metrics.items():
        print(f"{name}: {value}")
    if table:
        rows = "".join(f"{true},{predicted}\\n" for true, predicted in table)
        open("predictions.csv", "w").write("y_true,y_pred\\n" + rows)
"""


def rows(pairs: dict[str, int]) -> list[list[str]]:
    """True and predicted labels, as `{"ab": 3}`: three times an a that was taken for a b."""
    return [list(pair) for pair, count in pairs.items() for _ in range(count)]


def say(name: str, metrics: dict[str, Any], table: list[list[str]] = [], **asked: Any) -> Run:  # noqa: B006
    Path("predictions.csv").unlink(missing_ok=True)
    return command(name, "say.py", json.dumps(metrics), json.dumps(table), **asked)


def command(name: str, *argv: str, **asked: Any) -> Run:
    return train_command(Asked([sys.executable, *argv], **asked), name=name)


def write_project(folder: Path) -> None:
    (folder / "train.py").write_text(textwrap.dedent(TRAIN))
    (folder / "say.py").write_text(textwrap.dedent(SAY))
    draw = random.Random(0)
    lines = ["a,b,y"]
    for _ in range(400):
        a, b = draw.gauss(0, 1), draw.gauss(0, 1)
        lines.append(f"{a:.4f},{b:.4f},{int(a + b / 2 + draw.gauss(0, 1) > 0.7)}")
    (folder / "data.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def text_of(*names: str, **asked: Any) -> str:
    return str(render(report([f"runs/{name}" for name in names], only_named=True, **asked)))


def manifest(run: Run) -> RecordedCommand:
    assert isinstance(run.manifest, RecordedCommand)
    return run.manifest


# --- real trainings ---------------------------------------------------------------------------------------------


def test_one_run_is_told_by_its_numbers_its_command_and_its_files() -> None:
    command("one", "train.py", "--seed", "4", "--C", "0.5")
    text = text_of("one")
    head = text.partition("## Goal")[0]
    assert head.index("| `accuracy` (primary) |") < head.index("The command: `")
    assert "train.py --seed 4 --C 0.5`" in head
    assert "The numbers of `one` are those in `out/metrics.json`." in head
    assert re.search(r"\| `data\.csv` \| seen to be read \| [\d,]+ \| `[0-9a-f]{12}` \|", text)
    assert re.search(r"\| `train\.py` \| its own code \| \| `[0-9a-f]{12}` \|", text)
    assert "| `out/predictions.csv` | predictions | created |" in text
    assert "It left a table of 100 predictions." in text
    assert "`fit_seconds` 0.2000" in text
    assert "| accuracy, as reported |" in text
    for untrue in ("training score", "dummy", "folds", "split", "validat", "into the config", "time of fit", "model"):
        assert untrue not in text.replace("`model.joblib`", ""), untrue
    assert "seen with one seed only (`4`)" in text
    assert re.search(r"`week2kit train -- \S+ train.py --seed 5 --C 0.5`", text)


def test_one_changed_flag_is_the_one_change_and_is_judged_on_the_tables() -> None:
    command("base", "train.py", "--seed", "1", "--C", "1.0", "--out", "o1")
    command("low", "train.py", "--seed", "1", "--C", "0.0001", "--out", "o2")
    made = report(["runs/base", "runs/low"], only_named=True)
    (comparison,) = made.comparisons
    assert comparison.things == ("--C",)
    assert [change.key for change in comparison.uncounted] == ["--out"]
    assert comparison.judgement is not None
    assert comparison.judgement.method == "mcnemar"
    text = render(made)
    assert "**One thing changed:** `--C` (`1.0` → `0.0001`)." in text
    assert "both tables of predictions hold the same true values in the same order (100 rows)" in text
    assert "exact McNemar" in text
    assert "validation" not in text
    assert "one seed only" in text  # o1 and o2 are places, and no second seed was tried


def test_other_rows_are_not_compared() -> None:
    command("base", "train.py", "--split-seed", "0")
    command("other", "train.py", "--split-seed", "1")
    text = text_of("base", "other")
    assert "**Not comparable.** Their tables of predictions do not hold the same true values" in text
    assert "(not shown)" not in text
    assert "McNemar" not in text


def test_without_a_table_nothing_is_judged_and_it_is_said_why() -> None:
    command("base", "train.py", "--C", "1.0", "--table", "none")
    command("low", "train.py", "--C", "0.1", "--table", "none")
    text = text_of("base", "low")
    assert "left no table of predictions with the columns y_true and y_pred." in text
    assert "So this report does not say whether the difference is more than noise." in text
    assert "Comparable" not in text
    assert "same rows, so no rows" not in text


def test_a_changed_script_and_a_changed_file_are_named() -> None:
    first = command("base", "train.py", "--seed", "1", "--input", "data.csv")
    shutil.copy("data.csv", "copy.csv")
    Path("train.py").write_text("# a comment\n" + Path("train.py").read_text())
    same = command("same", "train.py", "--seed", "1", "--input", "copy.csv")
    assert compare_commands(manifest(first), manifest(same)) == []
    assert [change.key for change in uncounted_of_commands(manifest(first), manifest(same))] == ["--input"]
    Path("copy.csv").write_text(Path("data.csv").read_text() + "0.0,0.0,1\n")
    Path("train.py").write_text(Path("train.py").read_text().replace("default=1.0", "default=2.0"))
    other = command("other", "train.py", "--seed", "1", "--input", "copy.csv")
    changes = compare_commands(manifest(first), manifest(other))
    assert [(change.input, change.key) for change in changes] == [("code", "train.py"), ("data", "--input")]
    text = text_of("base", "other")
    assert "| code | `train.py` |" in text
    assert "| data | `--input` | `data.csv` | `copy.csv` |" in text
    assert '-parser.add_argument("--C", type=float, default=1.0)\n+parser.add_argument("--C", type=float, def' in text
    assert "lines of code that differ" not in text_of("base", "same")


def test_several_seeds_of_one_command_tell_its_noise() -> None:
    for seed in (1, 2, 3):
        say(f"s{seed}", {"accuracy": 0.8 + seed / 100}, rows({"aa": 5, "bb": 5}))
    assert "standard deviation" not in text_of("s1", "s2", "s3")  # no seed stands in these commands
    Path("say.py").write_text(Path("say.py").read_text() + "print('accuracy:', 0.8 + int(sys.argv[4]) / 100)\n")
    for seed in (1, 2, 3):
        command(f"n{seed}", "say.py", "{}", "[]", "--seed", str(seed))
    text = text_of("n1", "n2", "n3")
    assert "With 3 seeds and all else as in `n1`, as far as is recorded, `accuracy` has a standard deviation" in text
    assert "one seed only" not in text
    assert "standard deviation" not in text_of("n1", "n2")


# --- what a number is worth -------------------------------------------------------------------------------------

BASE, BETTER = rows({"aa": 40, "ab": 20, "bb": 30, "ba": 10}), rows({"aa": 60, "bb": 30, "ba": 10})


def test_a_real_difference_is_told_as_one() -> None:
    say("base", {"accuracy": 0.7}, BASE)
    say("better", {"accuracy": 0.9}, BETTER)
    made = report(["runs/base", "runs/better"], only_named=True)
    judgement = made.comparisons[0].judgement
    assert judgement is not None
    assert (judgement.verdict, judgement.method) == ("better", "mcnemar")
    worse = report(["runs/better", "runs/base"], only_named=True)
    assert [(one.kind, one.run.name) for one in worse.retrospective.setbacks] == [("worse", "base")]
    assert "none came out worse" not in render(worse)


def test_a_number_that_does_not_follow_from_the_table_is_not_tested_by_it() -> None:
    say("base", {"accuracy": 0.7}, BASE)
    say("boast", {"accuracy": 0.99}, BETTER)
    judgement = report(["runs/base", "runs/boast"], only_named=True).comparisons[0].judgement
    assert judgement is not None
    assert judgement.verdict == "untested"
    text = text_of("base", "boast")
    assert "reported as 0.9900, and from its table of predictions follows 0.9000" in text
    say("rounded", {"accuracy": 0.9}, BETTER)
    assert "from its table of predictions follows" not in text_of("base", "rounded")


@pytest.mark.parametrize(
    ("metric", "values", "method"),
    [
        ("f1_macro", (0.6970, 0.8990), "bootstrap"),
        ("val_accuracy", (0.7, 0.9), "mcnemar"),
        ("cohen", (0.7, 0.9), None),
    ],
)
def test_each_metric_has_its_test_or_a_reason(metric: str, values: tuple[float, float], method: str | None) -> None:
    from sklearn.metrics import f1_score

    if metric == "f1_macro":
        values = tuple(round(float(f1_score(*zip(*t, strict=True), average="macro")), 4) for t in (BASE, BETTER))  # type: ignore[assignment]
    say("base", {metric: values[0]}, BASE)
    say("better", {metric: values[1]}, BETTER)
    made = report(["runs/base", "runs/better"], only_named=True)
    judgement = made.comparisons[0].judgement
    assert judgement is not None
    assert judgement.method == method
    text = render(made)
    assert ("does not say whether a high value is good" in text) == (method is None)
    assert ("Whether that is better, its name does not say." in text) == (method is None)
    assert ("is better)" in text) == (method is not None)


def test_numbers_that_are_written_otherwise_are_the_same_truth() -> None:
    say("base", {"f1_macro": 1.0}, rows({"00": 9, "11": 9}))
    say("other", {"f1_macro": 1.0}, [["0.0", "0.0"]] * 9 + [["1e0", "1e0"]] * 9)
    text = text_of("base", "other")
    assert "hold the same true values" in text
    assert "not comparable" not in text.lower()
    say("off", {"f1_macro": 1.0}, rows({"00": 9, "11": 8, "01": 1}))
    assert "not comparable" in text_of("base", "off").lower()


def test_many_runs_are_ranked_with_one_test_for_all() -> None:
    for name, table in (("base", BASE), ("better", BETTER), ("same", BASE)):
        correct = sum(true == predicted for true, predicted in table) / len(table)
        say(name, {"accuracy": correct}, table)
    made = report(["runs/base", "runs/better", "runs/same"], only_named=True)
    assert [(row.run, row.rank, row.verdict) for row in made.overview] == [
        ("better", 1, "better"), ("base", 2, None), ("same", 2, "equal"),
    ]  # fmt: skip


def test_amounts_are_judged_by_their_errors() -> None:
    true = [draw * 1.5 for draw in range(60)]
    near, far = ([[repr(t), repr(t + error)] for t in true] for error in (0.5, 2.0))
    say("far", {"mae": 2.0}, far)
    say("near", {"mae": 0.5}, near)
    made = report(["runs/far", "runs/near"], only_named=True)
    assert made.comparisons[0].metrics[0].greater_is_better is False
    assert made.comparisons[0].metrics[0].outcome == "better"
    assert "closer to the true value on 60" in render(made)
    assert "(lower is better)" in render(made)


def test_runs_without_a_known_direction_are_not_ranked() -> None:
    for name, value in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
        say(name, {"my_number": value})
    made = report(["runs/a", "runs/b", "runs/c"], only_named=True)
    assert [row.rank for row in made.overview] == [None] * 3
    assert [row.comparable for row in made.overview] == [True] * 3
    assert "The runs are not ranked" in render(made)
    for name, value in (("d", 0.1), ("e", 0.3), ("f", 0.2)):
        say(name, {"loss": value})
    made = report(["runs/d", "runs/e", "runs/f"], only_named=True)
    assert [row.run for row in made.overview] == ["d", "f", "e"]
    assert "not ranked" not in render(made)


def test_names_tell_what_is_good_and_what_comes_first() -> None:
    good = ("accuracy", "Test F1-score", "val/acc", "macro_f1", "r2", "neg_log_loss", "model.roc_auc")
    assert [is_upward(name) for name in good] == [True] * len(good)
    bad = ("loss", "val_loss", "mae", "test rmse", "error", "error_rate", "perplexity", "mean_squared_error")
    assert [is_upward(name) for name in bad] == [False] * len(bad)
    unknown = ("score", "epochs", "n_test", "terror", "glossy", "k")
    assert [is_upward(name) for name in unknown] == [None] * len(unknown)
    names = ("epochs", "loss", "train_accuracy", "history.0.accuracy", "f1", "accuracy")
    order = reported_order(dict.fromkeys(names, 0.5))
    assert order == ["accuracy", "f1", "loss", "history.0.accuracy", "train_accuracy", "epochs"]


def test_the_words_of_a_command() -> None:
    run = say("one", {"accuracy": 0.5}, [])
    argv = [sys.executable, "-u", "say.py", "in.csv", "--C=1", "--lr", "-1e-3", "--fast", "--x", "1", "--x", "2", "k=3"]
    program = manifest(run).inputs.program.model_copy(update={"argv": argv})
    inputs = manifest(run).inputs.model_copy(update={"program": program})
    assert flags(manifest(run).model_copy(update={"inputs": inputs})) == {
        "-u": "given", "word 1": "in.csv", "--C": "1", "--lr": "-1e-3", "--fast": "given", "--x": ["1", "2"], "k=": "3",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("papermill", {"word 1": "b.ipynb", "seed": "1", "C": "0.5"}),
        ("fit", {"word 1": "b.ipynb", "-p": ["seed", "C"], "word 2": "1", "word 3": "0.5"}),
    ],
)
def test_the_parameters_of_papermill_are_told_by_their_names(program: str, found: dict[str, Any]) -> None:
    run = manifest(say("one", {"accuracy": 0.5}, []))
    argv = [program, "a.ipynb", "b.ipynb", "-p", "seed", "1", "-p", "C", "0.5"]
    said = run.inputs.program.model_copy(update={"argv": argv, "script": "a.ipynb"})
    assert flags(run.model_copy(update={"inputs": run.inputs.model_copy(update={"program": said})})) == found


def test_a_flag_that_names_what_is_trained_is_no_place_though_a_folder_is_called_so() -> None:
    Path("kind.py").write_text(
        "import os, sys\nos.makedirs(sys.argv[2], exist_ok=True)\nopen(sys.argv[2] + '/x', 'w').write('1')\n"
        "print('accuracy: 0.5')\n"
    )
    runs = [manifest(command(word + flag[-1], "kind.py", flag, word)) for flag in ("--model", "--out") for word in "ab"]
    assert [change.key for change in compare_commands(*runs[:2])] == ["--model"]
    assert compare_commands(*runs[2:]) == []
    assert [change.key for change in uncounted_of_commands(*runs[2:])] == ["--out"]


# --- what to do next --------------------------------------------------------------------------------------------


def next_of(*names: str) -> str:
    return text_of(*names).partition("## Next experiment")[2].partition("## Risk")[0]


def test_each_next_step_has_its_reason_and_none_where_that_is_gone() -> None:
    Path("two.py").write_text("print('accuracy:', 0.5)\n")
    say("mute", {})
    command("seedless", "two.py", "--k", "1")
    command("one", "two.py", "--seed", "1", "--k", "1")
    assert "reports no metric" in next_of("mute")
    assert "No seed stands in the command of `seedless`" in next_of("seedless")
    assert "one seed only (`1`)" in next_of("one")
    command("two", "two.py", "--seed", "2", "--k", "1")
    command("three", "two.py", "--seed", "1", "--k", "2", "--fast")
    assert "Several things changed (`--k`, `--fast`), so no cause can be named." in next_of("one", "three")
    assert "with one of these changes at a time" in next_of("one", "three")
    assert "`one` left no table of predictions" in next_of("one", "two")
    for reason in ("reports no metric", "No seed stands", "one seed only", "Several things", "Nothing found here"):
        assert reason not in next_of("one", "two")
    Path("two.py").write_text(
        "print('accuracy:', 0.5)\nopen('predictions.csv', 'w').write('y_true,y_pred\\n0,0\\n1,1\\n0,1\\n1,0\\n')\n"
    )
    for name, seed in (("four", "1"), ("five", "2")):
        command(name, "two.py", "--seed", seed)
    assert "Nothing found here speaks against `four`." in next_of("four", "five")
    assert "left no table" not in next_of("four", "five")


def test_what_is_not_tested_is_not_called_no_better() -> None:
    for name, accuracy, table in (("base", 0.7, BASE), ("same", 0.7, BASE), ("also", 0.7, BASE), ("mute", 0.9, [])):
        say(name, {"accuracy": accuracy}, table)
    assert "None of the variants that were tested is better than `base`" in text_of("base", "same", "mute")
    assert "No variant is better than `base`" in text_of("base", "same", "also")


def test_where_nothing_can_be_compared_none_is_the_best() -> None:
    for name, true in (("a", "ab"), ("b", "abb"), ("c", "abbb")):
        say(name, {"accuracy": 1.0}, rows(dict.fromkeys((label * 2 for label in true), 9)) + [["b", "b"]] * len(true))
    text = text_of("a", "b", "c")
    assert "No other run can be compared with `a`, so none is the best." in text
    assert "ahead of each other" not in text
    say("d", {"accuracy": 1.0}, rows({"aa": 9, "bb": 9}) + [["b", "b"]] * 2)
    assert "so none is the best" not in text_of("a", "b", "d")


# --- failures ---------------------------------------------------------------------------------------------------


def test_failures_are_grouped_by_how_they_ended_and_their_last_line() -> None:
    say("works", {"accuracy": 0.5})
    fail = "import sys; sys.exit(sys.argv[1]) if not sys.argv[1].isdigit() else sys.exit(int(sys.argv[1]))"
    Path("fail.py").write_text(fail)
    for name, word in (("a", "no 3"), ("b", "no 4"), ("c", "7"), ("d", "8")):
        command(name, "fail.py", word)
    story = report(["runs"]).retrospective
    assert sorted(sorted(one.runs) for one in story.setbacks) == [["a", "b"], ["c"], ["d"]]
    text = text_of("works", "a", "b", "c", "d")
    assert "It ended with exit code 7." in text
    assert "No run of the same script that completed" in text
    assert "at stage" not in text
    assert "config" not in text.partition("## Failed-run")[2].partition("## Next")[0]


def test_what_a_failure_teaches_is_the_flag_that_differs() -> None:
    Path("take.py").write_text("import sys\nif sys.argv[2] == '0': raise ValueError('zero')\nprint('accuracy: 0.5')\n")
    command("works", "take.py", "--k", "1")
    command("fails", "take.py", "--k", "0")
    text = text_of("works", "fails")
    assert "only `--k` differs from `works`: with `0` it fails, and with `1` it completed." in text
    command("slow", "-c", "import time; time.sleep(30)", timeout=0.3)
    assert "it was ended from outside" in text_of("works", "slow")
    assert "it was ended from outside" not in text


# --- beside other runs ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of every kind, each of a real script, training or folder."""
    folder = tmp_path_factory.mktemp("kinds")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_project(folder)
        data = {"path": "data.csv", "target": "y"}
        config: dict[str, Any] = {"data": data, "seed": 1, "split": {"method": "holdout"}}
        for name, model in (("config", "logistic_regression"), ("forest", "dummy")):
            train({**config, "model": model}, name=name)
        shutil.copy("runs/config/predictions.csv", "of_config.csv")
        train({**config, "model": "logistic_regression", "data": {"path": "none.csv", "target": "y"}}, name="lost")
        build.running(
            folder / "runs", "killed", build.Recipe(config=config, predictions=[(0, "a", "a"), (1, "b", "b")])
        )
        command("script", "train.py", "--seed", "1")
        command("scaled", "train.py", "--seed", "2", "--C", "0.0001", "--out", "o2")
        command("fails", "train.py", "--C", "-1")
        command("hangs", "-c", "import time; time.sleep(30)", timeout=0.3)
        say("mute", {})
        say("unknown", {"my_number": 3.5}, BASE)
        say("same", {"accuracy": 0.7}, BASE)
        lines = Path("of_config.csv").read_text().splitlines()
        names = lines[0].split(",")
        cells = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
        table = [[cell["y_true"], cell["y_pred"]] for cell in cells]
        accuracy = sum(true == predicted for true, predicted in table) / len(table)
        say("as_config", {"accuracy": accuracy, "f1_macro": 0.5}, table)
        say("empty_words", {"accuracy": float("nan"), "loss": 0.25, "a|b": 1})
        shutil.copytree("runs/script", "runs/begun")
        value = json.loads(Path("runs/begun/manifest.json").read_text())
        value |= {"status": "running", "outcome": None}
        Path("runs/begun/manifest.json").write_text(json.dumps(value))
        shutil.copytree("runs/script", "runs/edited")
        Path("runs/edited/metrics.json").write_text('{"accuracy": 1.0}')
        partial = folder / "runs" / "folder"
        partial.mkdir()
        flat = {"input_csv": "data.csv", "label_col": "y", "test_size": 0.25, "random_state": 1, "max_iter": 100}
        (partial / "config.json").write_text(json.dumps(flat))
        (partial / "metrics.json").write_text('{"accuracy": 0.75, "f1_macro": 0.7}')
    return folder


KINDS = (
    "config", "forest", "lost", "killed", "script", "scaled", "fails", "hangs", "mute", "unknown", "same", "as_config",
    "empty_words", "begun", "edited", "folder",
)  # fmt: skip


def holds(names: tuple[str, ...], model: Any) -> None:
    """Every form of the report of these runs is made, and holds when it is held against the runs."""
    made = report([f"runs/{name}" for name in names], only_named=True)
    text = render(made)
    assert "Traceback" not in text
    make_page(compose(made))
    model.model_validate_json(to_json(made))
    write_report(Path("report.md"), text)
    wrong = [one for one in check_report(made, Path("report.md")).failures if one.code != "file.disagrees"]
    assert not wrong
    found = find_runs([f"runs/{name}" for name in names])
    json.dumps(listed := list_runs(found.everything), allow_nan=False)
    assert runs_table(listed).replace("\n", " ").isprintable()


def test_no_pair_of_runs_ends_in_a_traceback(every_kind: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(every_kind)
    model = report_model()
    for names in itertools.chain(((name,) for name in KINDS), itertools.permutations(KINDS, 2)):
        holds(names, model)


def test_no_group_of_runs_ends_in_a_traceback(every_kind: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(every_kind)
    draw, model = random.Random(0), report_model()
    for size in [*range(3, 8)] * 12:
        holds(tuple(draw.sample(KINDS, size)), model)
    holds(KINDS, model)


def test_a_config_and_a_command_share_what_came_out(every_kind: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(every_kind)
    made = report(["runs/config", "runs/as_config"], only_named=True)
    (comparison,) = made.comparisons
    assert comparison.judgement is not None
    assert comparison.judgement.verdict == "equal"
    text = render(made)
    assert "**Of two kinds:** `config` is a training by week2kit, and `as_config` is a command." in text
    assert "One thing changed" not in text
    assert "Nothing changed" not in text
    other = text_of("config", "script")
    assert "do not hold the same true values" in other
    assert "Of two kinds" not in text_of("script", "scaled")
    assert "Of two kinds" not in text_of("config", "forest")


#: What ends a fence, a cell, a comment or a place for words; what moves a cursor; and what no text of a record may do.
HOSTILE = (
    "<!-- week2kit end of words -->", "<!-- week2kit words: goal -->", "<!--x week2kit words: y -->", "```", "a|b`c",
    "# x", "\x1b[31m", "\u202e", "x\ny", "{0}", "<b>", "-", "--", "=", "\t", "'", "\\",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_every_shape_in_a_record(every_kind: Path, tmp_path: Path, text: str) -> None:
    names = ("script", "scaled", "fails")
    for name in names:
        shutil.copytree(every_kind / "runs" / name, tmp_path / "runs" / name)
        place = tmp_path / "runs" / name / "manifest.json"
        value = json.loads(place.read_text())
        program, outcome = value["inputs"]["program"], value["outcome"]
        program["argv"] = [*program["argv"], text, f"--{text}", f"{name}{text}"]
        program["script"] = text
        program["modules"] = {text: name[0].encode().hex() * 32, "train.py": "a" * 64}
        program["seed_flag"] = text
        if outcome is not None:
            value["inputs"]["files"][0]["path"] = text
            value["inputs"]["coverage"]["programs"] = [text]
            outcome["metrics"] = {text: 0.5, **outcome["metrics"]}
            outcome["times"] = {text: 1.0}
            outcome["metrics_from"] = text
            outcome["files"][0]["path"] = text
            value["warnings"] = [{"code": "command.metrics_unread", "values": {"file": text}}]
        else:
            value["failure"] |= {"message": text, "hint": text}
        value["command"] = text
        place.write_text(json.dumps(value))
    model = report_model()
    for group in itertools.chain(itertools.permutations(names, 1), itertools.permutations(names, 2), [names]):
        holds(group, model)


def test_a_notebook_shows_a_command_by_its_numbers(every_kind: Path) -> None:
    assert "| accuracy | 0.7" in open_run(every_kind / "runs" / "script")._repr_markdown_()
    assert "exit code 1: ValueError" in open_run(every_kind / "runs" / "fails")._repr_markdown_()
    assert "metric" not in open_run(every_kind / "runs" / "mute")._repr_markdown_()


def test_an_edited_metric_is_seen(every_kind: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(every_kind)
    assert "does not agree with its own record" in text_of("edited")
    assert "does not agree with its own record" not in text_of("script")


def test_the_list_of_runs_has_the_command_and_the_metric(every_kind: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(every_kind)
    found = find_runs(["runs/script", "runs/scaled", "runs/fails", "runs/begun", "runs/config", "runs/mute"]).everything
    listed = {row["run"]: row for row in list_runs(found)}
    assert listed["script"]["metric"] == "accuracy"
    assert listed["script"]["command"].endswith("train.py --seed 1")
    assert listed["scaled"]["differs"] == ["--C", "seed"]
    assert [listed[name]["status"] for name in ("fails", "begun")] == ["failed", "interrupted"]
    assert (listed["config"]["command"], listed["config"]["differs"]) == (None, ["kind"])
    assert (listed["mute"]["metric"], listed["mute"]["value"]) == (None, None)
    assert "train.py --seed 1" in runs_table([*listed.values()])
    assert "command" not in runs_table(list_runs(find_runs(["runs/config", "runs/forest"]).everything))


def test_what_was_not_observed_is_told_once_and_only_where_it_is_true(every_kind: Path) -> None:
    run = open_run(every_kind / "runs" / "script")
    assert isinstance(run.manifest, CompletedCommand)
    coverage = run.manifest.inputs.coverage
    assert coverage is not None
    sentences = {
        "observers": ([], "Nothing watched the command while it ran"),
        "native_readers": (["pyarrow"], "Libraries were loaded that open files unseen: `pyarrow`."),
        "programs": (["make"], "Other programs ran, which did not report: `make`."),
        "network": (True, "It used the network"),
        "unreadable": (2, "2 lines of what was observed cannot be read"),
        "refused": ({"system_calls": "the host refuses it"}, "could not be used here: the host refuses it"),
    }
    by_hook = ("native_readers", "programs")  # where the kernel is not asked
    for key, (value, words) in sentences.items():
        for is_so in (True, False):
            nothing = coverage.observers if key == "observers" else type(value)()
            seen = coverage.model_copy(update={"observers": ["audit_hook"]}) if key in by_hook else coverage
            told = seen.model_copy(update={key: value if is_so else nothing})
            inputs = run.manifest.inputs.model_copy(update={"coverage": told})
            changed = run._replace(manifest=run.manifest.model_copy(update={"inputs": inputs}))
            folder = every_kind / "runs" / "told"
            shutil.copytree(run.path, folder, dirs_exist_ok=True)
            (folder / "manifest.json").write_text(changed.manifest.model_dump_json(by_alias=True))
            assert (words in render(report([folder], only_named=True))) == is_so, key
    shutil.rmtree(every_kind / "runs" / "told")
