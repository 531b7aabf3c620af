"""What did not work is told by how it failed, what was tried next, and what that shows; noise is no defeat."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from week2kit import train
from week2kit.rendering.output import render
from week2kit.reporting.composing import report
from week2kit.reporting.failures.retrospective import normalised
from week2kit.reporting.values import Retrospective, Setback
from week2kit.thresholds import BRIEF_FAILURES, RETROSPECTIVE_RUNS, TOLD_LOSERS

from . import build_runs as build

A, C, G = "Adelie", "Chinstrap", "Gentoo"
BASE = build.Recipe(predictions=build.labels({(A, A): 28, (A, C): 2, (C, C): 12, (C, A): 2, (G, G): 25}))
A_LITTLE_LOWER = build.labels({(A, A): 27, (A, C): 3, (C, C): 12, (C, A): 2, (G, G): 25})
MUCH_LOWER = build.labels({(A, A): 28, (A, C): 2, (C, A): 14, (G, G): 25})
HOSTILE = "a|b`c<script>x</script> ![i](http://evil.example/x.png) [a](javascript:1) @all #1 '{{7*7}}' \n# h\n```sh\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def at(minute: int, **changes: Any) -> Any:
    """The baseline's recipe with another config, begun some minutes after it."""
    config = build.with_keys(build.LOGISTIC, **changes)
    return BASE.but(config=config, created_at=f"2026-11-23T{12 + minute // 60}:{minute % 60:02}:00Z")


def base() -> None:
    build.completed(Path("runs"), "base", BASE)


def story(*runs: str) -> Retrospective:
    return report(list(runs or ("runs/base",))).retrospective


def only(*runs: str) -> Setback:
    (setback,) = story(*runs).setbacks
    return setback


def told(*runs: str) -> str:
    text = render(report(list(runs or ("runs/base",))))
    return text.split("\n## Failed-run retrospective\n")[1].split("\n## ")[0]


# --- one way of failing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("l1_ratio 0.3 is too small", "l1_ratio 0.7 is too small", True),
        ("l1_ratio 0.3 is too small", "l2_ratio 0.3 is too small", False),
        ("Got -1.0 instead.", "Got 1e-7 instead.", True),
        ("could not convert string to float: 'Torgersen'", "could not convert string to float: 'Dream'", True),
        ("no file ./data/a.csv here", "no file C:\\data\\b.csv here", True),
        ("<object at 0x7f3a12>", "<object at 0x55de00>", True),
        ("labels ['a', 'b'] are new", "labels ['c'] are new", True),
        ("values [1. 2. 3.]", "values [4. 5.]", True),
        ("it can't be 5, don't", "it can't be 6, don't", True),
        ("the mean is missing", "the median is missing", False),
        ("The 'C' parameter must be positive", "The 'tol' parameter must be positive", False),
    ],
)
def test_messages_are_alike_but_for_what_differs_from_run_to_run(left: str, right: str, same: bool) -> None:
    keys = frozenset({"C", "tol"})
    assert (normalised(left, keys) == normalised(right, keys)) == same


def test_a_message_made_to_be_slow_is_not() -> None:
    for message in ("'" * 100_000, "1" * 100_000, "a/" * 50_000, "0x" * 50_000, "# " * 50_000, "“'`\"" * 25_000):
        assert len(normalised(message)) <= 4_000


def test_three_runs_that_failed_in_one_way_are_told_once() -> None:
    base()
    for minute, ratio in enumerate((0.3, 0.5, 0.7), 1):
        recipe = at(minute, model__params__l1_ratio=ratio, model__params__penalty="elasticnet")
        build.failed(Path("runs"), f"try{minute}", recipe, message=f"l1_ratio {ratio} needs the solver saga")
    setback = only()
    assert setback.runs == ("try1", "try2", "try3")
    assert setback.learned.code == "learned.shared"
    assert setback.learned.values == {
        "count": 3, "completed": 1, "key": "model.params.penalty", "value": "elasticnet"
    }  # fmt: skip
    text = told()
    assert text.count("### ") == 1
    assert "3 failed in this way: `try1`, `try2`, `try3`." in text
    assert "none of the 1 completed run has" in text


def test_other_stages_errors_and_messages_are_other_ways() -> None:
    base()
    for name, failure in {
        "a": {"message": "x"}, "b": {"message": "y"}, "c": {"message": "x", "error": "TypeError"},
        "d": {"message": "x", "stage": "evaluate"}, "e": {"message": "x"},
    }.items():  # fmt: skip
        build.failed(Path("runs"), name, at(1, model__params__C=-1.0), **failure)
    assert sorted(setback.runs for setback in story().setbacks) == [("a", "e"), ("b",), ("c",), ("d",)]
    assert story().setbacks[0].runs == ("a", "e")  # the most frequent first


def test_a_value_that_a_completed_run_has_too_is_not_blamed() -> None:
    build.completed(Path("runs"), "base", at(0, model__params__penalty="elasticnet"))
    for minute in (1, 2):
        recipe = at(minute, model__params__penalty="elasticnet", model__params__C=-1.0 * minute)
        build.failed(Path("runs"), f"try{minute}", recipe)
    assert only().learned.code == "learned.one_key_new"


def test_of_two_values_that_only_failures_have_none_is_blamed() -> None:
    base()
    for minute in (1, 2):
        params = {"penalty": "elasticnet", "solver": "saga", "C": -1.0 * minute}
        build.failed(Path("runs"), f"try{minute}", at(minute, model__params=params))
    assert only().learned.code == "learned.several"


# --- what was tried next ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failed", "repaired", "code", "sentence"),
    [
        ({"max_iter": 5}, {"max_iter": 800}, "learned.repaired", "= `800` in place of `5` it completes, as `fixed`"),
        ({"l1_ratio": 2.0}, {}, "learned.repaired_without", "Without `model.params.l1_ratio` = `2.0` it completes"),
        ({}, {"l1_ratio": 0.5}, "learned.repaired_with", "= `0.5`, which was not given, it completes"),
    ],
)
def test_a_change_that_repaired_it_is_the_lesson(
    failed: dict[str, Any], repaired: dict[str, Any], code: str, sentence: str
) -> None:
    # the baseline differs in more, so that only the repair tells
    build.completed(Path("runs"), "base", at(0, preprocess=[], model__params__tol=0.1, model__params__C=3.0))
    params = [{"max_iter": 500, "random_state": 42} | some for some in (failed, repaired)]
    build.failed(Path("runs"), "bad", at(1, model__params=params[0]))
    build.completed(Path("runs"), "fixed", at(2, model__params=params[1]))
    setback = next(setback for setback in story().setbacks if setback.kind == "failed")
    assert setback.next is not None
    assert (setback.next.run, setback.next.outcome, len(setback.next.changes)) == ("fixed", "completed", 1)
    assert setback.next.happened.values == {"metric": "accuracy", "value": pytest.approx(65 / 69)}
    assert setback.learned.code == code
    assert sentence in told()
    assert "it completed, with `accuracy` 0.9420." in told()


def test_no_preprocessing_is_shown_by_the_word_that_a_config_has_for_it() -> None:
    build.completed(Path("runs"), "base", at(0, model__params__C=3.0))
    build.failed(Path("runs"), "bad", at(1, preprocess=[]))
    build.completed(Path("runs"), "fixed", at(2))
    assert "Learned:** With `preprocess` = `auto-scaled on 1 column` in place of `none` it completes" in told()
    assert "against `fixed`, the completed run with the nearest config: `preprocess` `auto-scaled on 1 " in told()
    assert "on 1 column` → `none`.\n" in told()
    assert "`[]`" not in told()


def test_the_try_that_came_before_the_failure_is_not_told_as_next() -> None:
    base()
    build.completed(Path("runs"), "before", at(1, model__params__max_iter=800))
    build.failed(Path("runs"), "bad", at(2, model__params__max_iter=5))
    assert only().next is None
    assert only().learned.code == "learned.one_key"


@pytest.mark.parametrize(
    ("failed", "repaired", "is_told"),
    [("01.100000", "01.200000", True), ("01", "01", False), ("01", "01.200000", False), ("01.900000", "02", True)],
)
def test_a_repair_within_a_second_is_told_where_the_record_knows_the_order(
    failed: str, repaired: str, is_told: bool
) -> None:
    base()
    recipes = [
        BASE.but(
            config=build.with_keys(build.LOGISTIC, model__params__C=value), created_at=f"2026-11-23T13:00:{second}Z"
        )
        for value, second in ((-1.0, failed), (0.5, repaired))
    ]
    build.failed(Path("runs"), "m_broken", recipes[0], error="ValueError", message="C must be positive")
    build.completed(Path("runs"), "a_fixed", recipes[1])
    assert (only("runs").learned.code == "learned.repaired") is is_told
    assert ("later run" in told("runs")) is is_told


def test_of_several_tries_the_one_that_was_repaired_is_told() -> None:
    base()
    for minute, value in enumerate((5, 6, 7), 1):
        build.failed(Path("runs"), f"try{minute}", at(minute, model__params__max_iter=value, preprocess=[]))
    build.completed(Path("runs"), "fixed", at(4, model__params__max_iter=900, preprocess=[]))
    setback = only()
    assert (setback.run.name, setback.learned.code) == ("try3", "learned.repaired")
    assert setback.learned.values["worked"] == 900


@pytest.mark.parametrize(
    ("failure", "outcome", "sentence"),
    [
        ({"message": "C is -3"}, "same", None),
        ({"message": "other"}, "elsewhere", "it failed otherwise, at stage `fit` with `ValueError`."),
        (None, "interrupted", "it was interrupted."),
    ],
)
def test_a_try_that_did_not_help_is_told_as_that(
    failure: dict[str, Any] | None, outcome: str, sentence: str | None
) -> None:
    base()
    build.failed(Path("runs"), "bad", at(1, model__params__C=-2.0), message="C is -2")
    if failure is None:
        build.running(Path("runs"), "after", at(2, model__params__C=-3.0))
    else:
        build.failed(Path("runs"), "after", at(2, model__params__C=-3.0), **failure)
    setback = story().setbacks[0]
    assert setback.next is not None
    assert setback.next.outcome == outcome
    assert [change.key for change in setback.next.changes] == ["model.params.C"]
    if sentence:
        later = "- **The later run with the nearest config:** `after` with `model.params.C` `-2.0` → `-3.0`"
        assert f"{later}: {sentence}" in told()
    else:
        assert setback.runs == ("bad", "after")


def test_what_completed_without_a_change_leaves_the_cause_open() -> None:
    base()
    build.failed(Path("runs"), "bad", at(1, model__params__C=2.0))
    build.completed(Path("runs"), "again", at(2, model__params__C=2.0))
    assert story().setbacks[0].learned.code == "learned.came_back"


def test_runs_on_another_question_repair_nothing() -> None:
    base()
    build.failed(Path("runs"), "bad", at(1, model__params__C=-2.0))
    build.completed(Path("runs"), "other", at(2, data__target="island"))
    assert only().next is None


# --- single failures --------------------------------------------------------------------------------------------


def test_without_a_setback_the_report_says_so_and_invents_none() -> None:
    base()
    build.completed(Path("runs"), "other", at(1, model__params__C=2.0))
    assert "No failed run: among the 2 runs looked at, none failed" in told()
    assert "###" not in told()


def test_setbacks_of_the_folder_are_told_with_what_they_show() -> None:
    base()
    build.failed(Path("runs"), "bad", at(0, model__params__C=-1.0), message="C < 0")
    build.failed(Path("runs"), "same", BASE, error="MemoryError", message="too large")
    build.failed(
        Path("runs"), "raw", BASE, stage="config", error="ConfigError",
        raw='{"data": {"path": "p.csv"}, "modle": 1, '
        '"model": {"class": "logistic_regression", "params": {"max_iter": "5"}}}',
    )  # fmt: skip
    build.running(Path("runs"), "night", BASE)
    build.completed(Path("runs"), "lost", BASE.but(config=at(0, model__params__C=0.001).config, predictions=MUCH_LOWER))
    by_name = {setback.run.name: setback for setback in story().setbacks}
    assert [setback.kind for setback in by_name.values()] == ["failed", "failed", "failed", "interrupted", "worse"]
    assert by_name["bad"].learned.code == "learned.one_key_new"
    assert by_name["same"].learned.code == "learned.from_outside"
    assert [change.key for change in by_name["raw"].tried] == ["model.params.max_iter"]  # what "modle" is, is not known
    assert by_name["raw"].learned.code == "learned.not_valid"
    assert by_name["lost"].learned.code == "worse.learned_one"
    assert by_name["lost"].happened.values["difference"] == pytest.approx(-12 / 69)
    assert "`model.params.C` = `-1.0` fails at stage `fit`" in told()
    assert '`500` → `"5"`' in told()
    assert report(["runs/base"], only_named=True).retrospective.setbacks == ()


def refused(name: str, minute: int, raw: str, message: str) -> None:
    recipe = at(minute)
    build.failed(
        Path("runs"), name, recipe, stage="config", error="ConfigError", raw=raw, message=message, hint="Correct it."
    )


DATA = '"data": {"path": "p.csv", "target": "species"}'


def test_a_refused_config_is_compared_only_in_what_both_hold() -> None:
    base()
    refused("typo", 1, f'{{{DATA}, "model": {{"class": "logistic_regression", "parms": {{"C": 1}}}}}}', "parms")
    setback = only()
    assert (setback.tried, setback.next, setback.learned.code) == ((), None, "learned.not_valid")
    text = told()
    assert "no key that both configs hold differs from `base`" in text
    assert "- **Why:** parms" in text
    assert "The config was refused before anything was trained" in text


def test_after_a_refused_config_only_a_run_that_completed_is_told() -> None:
    base()
    refused("typo", 1, f'{{{DATA}, "model": "decision_tree", "modle": 1}}', "modle")
    refused("next", 2, '{"data": {"target": "species"}, "modle": "decision_tree"}', "modle again")
    assert story().setbacks[0].next is None
    build.completed(Path("runs"), "fixed", at(3, model__params__C=2.0))
    setback = story().setbacks[0]
    assert setback.next is not None
    assert (setback.next.run, [change.key for change in setback.next.changes]) == ("fixed", ["model"])


def test_several_refused_configs_are_told_in_a_line_each() -> None:
    base()
    for index, key in enumerate(("modle", "sede", "splt")):
        refused(f"typo{index}", index + 1, f'{{{DATA}, "{key}": 1}}', f"{key}: unknown key")
    build.failed(Path("runs"), "bad", at(9, model__params__C=-1.0))
    result = story()
    assert [setback.run.name for setback in result.setbacks] == ["bad", "typo0"]
    assert [failure.runs for failure in result.brief] == [("typo1",), ("typo2",)]
    assert "- `typo2` at stage `config` with `ConfigError`: splt: unknown key" in told()


def test_the_try_after_a_failure_is_no_refused_config_that_holds_less() -> None:
    """What a refused config leaves out was never filled in, so nothing was "not given" in it."""
    base()
    build.failed(Path("runs"), "bad", at(1, model__params__C=-2.0))
    refused("typo", 2, f'{{{DATA}, "model": {{"class": "logistic_regression", "parms": {{"C": 1}}}}}}', "parms")
    setback = story().setbacks[0]
    assert setback.next is not None
    assert (setback.next.run, setback.next.changes) == ("typo", ())


def test_interrupted_runs_are_one_group() -> None:
    base()
    for minute in (1, 2):
        build.running(Path("runs"), f"night{minute}", at(minute, model__params__C=2.0))
    assert (only().kind, only().runs) == ("interrupted", ("night1", "night2"))
    assert "2 were interrupted in this way: `night1`, `night2`." in told()


def test_real_trainings_that_fail_and_are_repaired_tell_their_lesson() -> None:
    Path("t.csv").write_text("x,k,y\n" + "".join(f"{i},{'ab'[i % 2]},{'no' if i < 20 else 'yes'}\n" for i in range(40)))
    config: dict[str, Any] = {
        "data": {"path": "t.csv", "target": "y"}, "model": {"class": "logistic_regression"}, "seed": 1
    }  # fmt: skip
    Path("c.json").write_text(json.dumps(config))
    train("c.json", name="base")
    bad = train("c.json", set=["model.params.C=-1"], name="bad")
    worse = train("c.json", set=["model.params.C=-7.5"], name="worse")
    lost = train("c.json", set=["data.path=gone.csv"], name="lost")
    fixed = train("c.json", set=["model.params.C=10"], name="fixed")
    for minute, run in enumerate((bad, worse, lost, fixed)):  # trained within a second, and so in no known order
        path = run.path / "manifest.json"
        value = json.loads(path.read_text())
        path.write_text(json.dumps(value | {"created_at": f"2030-01-01T00:0{minute}:00Z"}))
    by_name = {setback.runs: setback for setback in story().setbacks}
    assert by_name["bad", "worse"].learned.code == "learned.repaired"
    assert by_name["bad", "worse"].learned.values["worked"] == 10
    assert [change.key for change in by_name["lost",].tried] == ["data.path"]


# --- worse, or only lower ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False], ids=["in the table", "beside the named"])
def test_a_loser_by_noise_is_not_told_as_worse(named: bool) -> None:
    base()
    build.completed(Path("runs"), "lower", at(1, model__params__C=2.0).but(predictions=A_LITTLE_LOWER))
    build.completed(Path("runs"), "worse", at(1, model__params__C=0.1).but(predictions=MUCH_LOWER))
    runs = ["runs/base", "runs/lower", "runs/worse"] if named else ["runs/base"]
    assert [setback.run.name for setback in story(*runs).setbacks] == ["worse"]
    assert story(*runs).not_apart == ("lower",)
    assert "not told apart from it by more than noise: `lower`." in told(*runs)


def test_one_variant_that_is_lower_by_noise_is_no_setback() -> None:
    base()
    build.completed(Path("runs"), "lower", at(1, model__params__C=2.0).but(predictions=A_LITTLE_LOWER))
    assert story("runs/base", "runs/lower").setbacks == ()
    assert "No failed run: among the 2 runs" in told("runs/base", "runs/lower")


def test_a_variant_that_is_equivalent_within_the_margin_is_not_told_as_worse() -> None:
    base()
    build.completed(Path("runs"), "lower", at(1, model__params__C=2.0).but(predictions=A_LITTLE_LOWER))
    result = report(["runs/base", "runs/lower"], margin=0.2)
    assert result.comparisons[0].judgement is not None
    assert result.comparisons[0].judgement.verdict == "equivalent"
    assert result.retrospective.not_apart == ("lower",)


def test_the_worst_of_many_is_not_worse_by_chance() -> None:
    """Five rows of 69 are p = 0.06 alone; among twelve that were looked at, six rows are noise, too."""
    base()
    lower = build.labels({(A, A): 22, (A, C): 8, (C, C): 12, (C, A): 2, (G, G): 25})
    build.completed(Path("runs"), "six", at(1, model__params__C=2.0).but(predictions=lower))
    assert [setback.run.name for setback in story().setbacks] == ["six"]
    for index in range(11):
        build.completed(Path("runs"), f"r{index}", at(1, model__params__C=3.0 + index))
    assert story().setbacks == ()
    assert story().not_apart == ("six",)


def test_losers_with_too_many_rows_are_told_as_not_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    base()
    always = [(row, true, BASE.predictions[0][1]) for row, true, _ in BASE.predictions]
    build.completed(Path("runs"), "lower", at(1, model__params__C=2.0).but(predictions=always))
    assert story().not_tested == ()
    monkeypatch.setattr("week2kit.reporting.failures.losses.RANKED_ROWS", 10)
    assert story().not_tested == ("lower",)


def test_losers_that_no_test_fits_are_told_as_not_tested() -> None:
    scores = {"log_loss": {"value": 0.2, "greater_is_better": False}}
    config = {"metrics": ["log_loss"]}
    build.completed(Path("runs"), "base", at(0, **config).but(metrics=scores))
    worse = {"log_loss": scores["log_loss"] | {"value": 0.9}}
    build.completed(Path("runs"), "lower", at(1, model__params__C=2.0, **config).but(metrics=worse))
    assert story().not_tested == ("lower",)
    assert "not tested for noise: `lower`." in told()


def test_many_losers_are_cut_and_counted() -> None:
    count = TOLD_LOSERS + 3
    for index in range(count):
        recipe = at(1, model__params__C=0.1 + index).but(predictions=MUCH_LOWER)
        build.completed(Path("runs"), f"r{index:02}", recipe)
    base()
    result = report(["runs"], baseline="runs/base").retrospective
    assert (len(result.setbacks), result.worse_left_out) == (TOLD_LOSERS, 3)
    assert "3 more runs came out worse than the baseline by more than noise" in render(
        report(["runs"], baseline="runs/base")
    )


# --- many, and hostile ------------------------------------------------------------------------------------------


def test_every_failure_of_a_thousand_runs_is_told_in_a_short_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    base()
    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    for index in range(1000):
        recipe = at(index % 600, model__params__C=float(-index))
        message = f"{words[index % 5]} broke at {index}" if index < 900 else f"odd {'x' * (index - 899)}"
        build.failed(Path("runs"), f"r{index:04}", recipe, message=message)
    result = story("runs")
    everyone = [name for failure in (*result.setbacks, *result.brief) for name in failure.runs]
    assert len(everyone) == len(set(everyone)) == 1000
    assert [len(setback.runs) for setback in result.setbacks[:6]] == [180] * 5 + [1]
    assert len(result.setbacks) == RETROSPECTIVE_RUNS
    assert len(result.brief) == 105 - RETROSPECTIVE_RUNS <= BRIEF_FAILURES
    assert len(told("runs").encode()) < 40_000


def test_what_is_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    base()
    count = RETROSPECTIVE_RUNS + BRIEF_FAILURES + 2
    for index in range(count):
        build.failed(Path("runs"), f"r{index:04}", at(1, model__params__C=-1.0), message="x" * (index + 1))
    assert story("runs").left_out == 2
    assert "2 more runs failed in further ways, which are not told here." in told("runs")


def test_hostile_messages_stay_text() -> None:
    base()
    for index in range(RETROSPECTIVE_RUNS + 3):
        build.failed(
            Path("runs"), f"r{index:02}", at(index, model__params={HOSTILE: index}), message=HOSTILE + "x" * index,
            error=HOSTILE[:900], hint=HOSTILE,
        )  # fmt: skip
    build.failed(Path("runs"), "raw", at(1), raw=json.dumps({"model": {HOSTILE: HOSTILE}, "data": {}}), message=HOSTILE)
    text = told()
    assert "Also failed:" in text
    assert "<script" not in text
    assert not re.search(r"(?<!\\)!\[|(?<!\\)\]\(|^#[^#]|^```|https?:|[@#]\w|(?<!\\)\{\{", text, flags=re.MULTILINE)
    ours = ("- ", "### ", "<!-- week2kit ", "*What do you learn")  # places for words stand between two comments
    others = [line for line in text.splitlines() if line and not line.startswith(ours)]
    assert [line.split(" ")[0] for line in others] == ["Also", "Looked"]


def test_the_same_folder_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    base()
    for index in range(6):
        params = {f"{name}{index}": index for name in "pqrst"}
        build.failed(Path("runs"), f"r{index}", at(index, model__params=params), message=f"{index % 2} 'x'")
    build.completed(Path("runs"), "other", at(9, preprocess=[], model__params={"C": 2.0, "tol": 0.1}))
    code = "from week2kit.cli import main; main()"
    root = str(Path(__file__).parent.parent)
    texts = {
        subprocess.run(
            [sys.executable, "-c", code, "report", "runs/base", "runs/other"],
            capture_output=True, check=True, env=os.environ | {"PYTHONPATH": root, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(texts) == 1
