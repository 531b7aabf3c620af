"""What stands beside a goal and a hypothesis, and which columns a report says were used: true also where it is odd."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from week2kit.rendering.output import render
from week2kit.reporting.composing import report
from week2kit.training.door import train

from . import build_runs as build
from .sessions import ROOT

EXPECTED = "Whether that is what you expected, you decide."


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def compared(hypothesis: str, counts: dict[tuple[str, str, str], int], *, of: str = "variant", **changes: Any) -> str:
    """The report of two runs, one of which has a hypothesis."""
    first, second = build.moves(counts)
    said = {"hypothesis": hypothesis}
    before = build.with_keys(build.LOGISTIC, **(said if of == "base" else {}))
    after = build.with_keys(build.LOGISTIC, model__params__C=10.0, **(said if of == "variant" else {}), **changes)
    build.completed(Path("runs"), "base", build.Recipe(predictions=first, config=before))
    build.completed(Path("runs"), "variant", build.Recipe(predictions=second, config=after))
    return render(report(["runs/base", "runs/variant"], only_named=True))


A, C = "Adelie", "Chinstrap"
BETTER = {(A, A, A): 60, (A, C, A): 18, (A, A, C): 2, (C, C, C): 30}
NOISE = {(A, A, A): 60, (A, C, A): 3, (A, A, C): 2, (C, C, C): 30}
EQUAL = {(A, A, A): 60, (A, C, C): 3, (C, C, C): 30}


@pytest.mark.parametrize("of", ["base", "variant"])
@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (BETTER, "`accuracy` of `variant` is better than that of `base`, by more than noise (+0.1455)."),
        (
            {(true, after, before): rows for (true, before, after), rows in BETTER.items()},
            "`accuracy` of `variant` is worse than that of `base`, by more than noise (-0.1455).",
        ),
        (NOISE, "`accuracy` of `variant` minus that of `base` is +0.0105, which is not shown to be more than noise."),
        (EQUAL, "`accuracy` is equal in `variant` and `base`."),
    ],
)
def test_what_came_out_stands_below_the_hypothesis_of_either_run(counts: Any, said: str, of: str) -> None:
    text = compared("C = 10 is right more often.", counts, of=of)
    asked = text.partition(f"Hypothesis of `{of}`:")[2].partition("## What changed")[0]
    assert f"> C = 10 is right more often.\n\nWhat came out: {said}" in asked
    assert EXPECTED in asked
    assert "no single cause" not in asked
    assert "comes before this" not in asked
    assert ("better than that of" in asked) == ("is better" in said)


def test_several_changes_are_no_answer_about_one_of_them() -> None:
    text = compared("C = 10 is right more often.", BETTER, model__params__class_weight="balanced")
    assert "so the difference has no single cause." in text.partition("## What changed")[0]


def test_runs_that_cannot_be_compared_answer_nothing() -> None:
    first, second = build.moves(BETTER)
    build.completed(Path("runs"), "base", build.Recipe(predictions=first))
    keys = {"seed": 7, "split__random_state": 7, "hypothesis": "Seed 7 is better."}
    moved = [(row + 1, *pair) for row, *pair in second]
    other = build.Recipe(predictions=moved, config=build.with_keys(build.LOGISTIC, **keys))
    build.completed(Path("runs"), "variant", other.but(split={"positions": "a" * 64}))
    text = render(report(["runs/base", "runs/variant"], only_named=True))
    asked = text.partition("Hypothesis of")[2].partition("## What changed")[0]
    assert "cannot be compared, so nothing is shown" in asked
    assert "more than noise" not in asked


def test_a_damaged_run_is_no_answer_without_its_warning() -> None:
    compared("C = 10 is right more often.", BETTER)
    Path("runs/variant/metrics.json").write_text('{"accuracy": 0.99}')
    text = render(report(["runs/base", "runs/variant"], only_named=True))
    assert "The warning at the top comes before this: " in text
    assert "What came out" not in text


def test_the_baseline_answers_for_itself_where_the_variant_has_its_own_question() -> None:
    first, second = build.moves(BETTER)
    for name, rows in (("base", first), ("variant", second)):
        config = build.with_keys(build.LOGISTIC, model__params__C=float(len(name)), hypothesis=f"Of {name}.")
        build.completed(Path("runs"), name, build.Recipe(predictions=rows, config=config))
    text = render(report(["runs/base", "runs/variant"], only_named=True))
    asked = text.partition("> Of base.")[2].partition("Hypothesis of `variant`")[0]
    assert "`accuracy` of `base` is 0.8364, and that of a dummy that ignores the features" in asked
    assert "`variant`" not in asked


def test_a_single_run_answers_with_its_score_beside_that_of_the_dummy() -> None:
    config = build.with_keys(build.LOGISTIC, hypothesis="It works.")
    first, _ = build.moves(BETTER)
    build.completed(Path("runs"), "base", build.Recipe(predictions=first, config=config))
    text = render(report(["runs/base"], only_named=True))
    assert "> It works.\n\nWhat came out: `accuracy` of `base` is 0.8364, and that of a dummy" in text
    assert "not shown" not in text.partition("## What changed")[0]


def test_only_a_metric_a_sign_and_a_number_is_held_against_the_runs() -> None:
    text = compared("accuracy >= 0.9", BETTER)
    assert "What came out: `variant` reaches it: `accuracy` is 0.9818 on the validation rows.\n" in text
    assert EXPECTED not in text
    for words in ("accuracy >= 90 %", "an accuracy >= 0.9", "accuracy > baseline", "precision >= 0.9"):
        asked = again(words).partition("Hypothesis of")[2].partition("## What changed")[0]
        assert "reach" not in asked, words
        assert EXPECTED in asked


def again(hypothesis: str) -> str:
    shutil.rmtree("runs")
    return compared(hypothesis, BETTER)


def test_a_goal_that_is_a_threshold_is_answered_for_each_run() -> None:
    first, second = build.moves(BETTER)
    base = build.with_keys(build.LOGISTIC, goal="accuracy >= 0.9")
    build.completed(Path("runs"), "base", build.Recipe(predictions=first, config=base))
    variant = build.with_keys(base, model__params__C=10.0)
    build.completed(Path("runs"), "variant", build.Recipe(predictions=second, config=variant))
    text = render(report(["runs/base", "runs/variant"], only_named=True))
    assert "`base` does not reach it: `accuracy` is 0.8364 on the validation rows, 0.0636 away." in text
    assert "`variant` reaches it: `accuracy` is 0.9818 on the validation rows." in text


def test_the_first_lines_answer_and_all_that_is_not_folded_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = render(report(["runs/penguins-baseline", "runs/penguins-variant"]))
    first = "\n".join(text.splitlines()[:40])
    for told in (
        "**One thing changed:**",
        "0.0145 higher",
        "not shown to be more than noise",
        "**Failed:**",
        "**Next:**",
    ):
        assert told in first, told
    assert "What came out: " in first
    unfolded = re.sub("^<details>.*?^</details>\n", "", text, flags=re.MULTILINE | re.DOTALL)
    assert len(unfolded.splitlines()) <= 120


# --- columns ----------------------------------------------------------------------------------------------------


def table() -> None:
    draws = np.random.default_rng(4)
    frame = pd.DataFrame({name: draws.normal(size=60).round(3) for name in ("size", "mass", "day")})
    frame["weight"], frame["site"] = 1.0, [f"s{row % 6}" for row in range(60)]
    frame["y"] = np.where(frame["size"] + draws.normal(size=60) > 0, "yes", "no")
    frame.loc[3, "mass"] = None
    frame.to_csv("t.csv", index=False)


def used(name: str = "one", split: Any = None, reasons: dict[str, str] | None = None, **data: Any) -> str:
    config = {"data": {"path": "t.csv", "target": "y", **data}, "model": "logistic_regression", "seed": 1}
    train(config | ({"split": split} if split else {}) | ({"drop_reasons": reasons} if reasons else {}), name=name)
    return text_of(name)


def text_of(*names: str) -> str:
    text = render(report([f"runs/{name}" for name in names], only_named=True))
    return text.partition("## Goal")[2].partition("## What changed")[0]


def test_all_columns_are_features_where_the_config_leaves_out_none() -> None:
    table()
    text = used()
    assert "Features: `size`, `mass`, `day`, `weight`, `site`. The config leaves out no column." in text
    assert "| `mass` | feature | float | 1 |" in text
    assert "| `y` | target | text | 0 |" in text
    assert "Not used" not in text


def test_dropped_columns_are_named() -> None:
    table()
    text = used(drop=["day", "site"])  # mass has a gap
    assert "Features: `size`, `mass`, `weight`. Not used, as `data.drop` in the config says: `day`, `site`." in text
    assert "| `day` | left out (`data.drop`) | | |" in text
    assert "leaves out no column" not in text


def test_columns_are_left_out_for_a_reason_that_a_config_gives() -> None:
    table()
    text = used(drop=["day", "site", "size"], reasons={"day": "holds *dates*", "site": "holds *dates*", "mass": "none"})
    assert "Not used: `day`, `site` (holds \\*dates\\*). Not used, as `data.drop` in the config says: `size`." in text
    assert "none" not in text  # a column that is used has no reason to be left out


RUNS = ("one", "two")


def test_a_reason_is_a_word_that_changes_no_result() -> None:
    table()
    used("one", drop=["day"])
    used("two", drop=["day"], reasons={"day": "holds dates, see /home/ada/notes.txt"})
    one, two = (json.loads(Path("runs", name, "manifest.json").read_bytes())["inputs"]["config"] for name in RUNS)
    assert one["digest"] == two["digest"]
    assert two["resolved"]["drop_reasons"] == {"day": "holds dates, see notes.txt"}
    assert "drop_reasons" not in text_of("one", "two")


def test_where_features_are_listed_the_others_are_not_known() -> None:
    table()
    text = used(features=["mass", "size"])
    assert "Features: `size`, `mass`. The config lists them in `data.features`" in text
    assert "day" not in text
    assert "leaves out no column" not in text


def test_a_column_of_groups_is_no_feature() -> None:
    table()
    text = used(split={"test_size": 0.3, "groups": "site"})
    assert "`site` is no feature: it says which rows belong together in the split." in text
    assert "`site`." not in text.partition("Features: ")[2].partition(".")[0]
    assert "| `site` | groups | text | 0 |" in text


def test_another_choice_of_columns_is_told_and_the_same_one_is_not() -> None:
    table()
    used("one")
    used("two", drop=["day"])
    train("runs/one/config.json", name="three", seed=1)
    text = text_of("one", "two")
    assert "`two` does without features of `one`: `day`." in text
    assert "has features that" not in text
    assert "`one` has features that `two` does not have: `day`." in text_of("two", "one")
    text = text_of("one", "three")
    assert "does without" not in text
    assert "has features that" not in text


def test_many_columns_do_not_fill_the_report() -> None:
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(40, 100)).round(2))
    frame.columns = [f"c{index}" for index in range(100)]
    frame["y"] = ["a", "b"] * 20
    frame.to_csv("t.csv", index=False)
    text = used()
    assert "`c11` and 88 more" in text
    assert "41 more columns: `manifest.json` and `config.json` have all." in text


def test_there_is_no_table_where_a_line_says_it_all() -> None:
    frame = pd.DataFrame({"a": range(40), "y": ["n", "p"] * 20})
    frame.to_csv("t.csv", index=False)
    text = used()
    assert "Features: `a`. The config leaves out no column." in text
    assert "one by one" not in text
