"""The report tells what the record holds, no more and no less, and nothing foreign gets out of its place.

The golden report is refreshed with ``WEEK2KIT_REFRESH=1 python -m pytest tests/test_reporting.py``.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from week2kit.errors import ReportError, UnreadableRun, UsageError
from week2kit.inputs.changes import Change, obstacles
from week2kit.inputs.listing import list_runs, runs_table
from week2kit.record.store import find_runs, open_run
from week2kit.rendering.files.reports import MARKER, write_report
from week2kit.rendering.markdown import escape
from week2kit.rendering.output import render
from week2kit.reporting.composing import REPORT_VERSION, report
from week2kit.sentences.report import SENTENCES
from week2kit.thresholds import OVERVIEW_RUNS

from . import build_runs as build

GOLDEN = Path(__file__).parent / "golden" / "report_two_runs.md"
HEADINGS = [
    "Goal",
    "What changed",
    "Results",
    "Interpretation",
    "Rows that moved",
    "Failed-run retrospective",
    "Next experiment",
    "Risk and caveat",
    "Evidence",
]
HOSTILE = (
    "a|b`c<script>alert(1)</script><img src=x onerror=alert(1)> ![i](http://evil.example/x.png) "
    "[a](javascript:alert(1)) www.evil.example https://evil.example me@evil.example @everyone #1 **b** _c_ "
    '~~d~~ {{7*7}} $x$ &lt; \\| \n# head\n\n| x | y |\n|---|---|\n```mermaid\n%%{init}%%\n"];click load "http://evil.example"\n'
    "\x1b[31mred\x1b]0;title\x07 \u202eabc ::error::x"
)
A, C, G = "Adelie", "Chinstrap", "Gentoo"
BASE = build.Recipe(predictions=build.labels({(A, A): 28, (A, C): 2, (C, C): 12, (C, A): 2, (G, G): 25}))
BETTER = build.labels({(A, A): 29, (A, C): 1, (C, C): 13, (C, A): 1, (G, G): 25})
WORSE = build.labels({(A, A): 28, (A, C): 2, (C, A): 14, (G, G): 25})


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def variant(**changes: Any) -> Any:
    """The baseline's recipe with another config and better predictions."""
    return BASE.but(config=build.with_keys(build.LOGISTIC, **changes), predictions=BETTER, n_iter=[58])


def on_other_rows(recipe: Any) -> Any:
    """The same predictions, but of rows that the baseline did not validate on."""
    rows = [(row + 1, true, guess) for row, true, guess in recipe.predictions]
    return recipe.but(predictions=rows, split={"positions": "a" * 64})


def two_runs(recipe: Any = None) -> list[str]:
    build.completed(Path("runs"), "base", BASE)
    build.completed(Path("runs"), "other", recipe or variant(model__params__C=10.0))
    return ["runs/base", "runs/other"]


def text_of(*runs: str, **options: Any) -> str:
    return render(report(list(runs), **options))


def section(text: str, heading: str) -> str:
    """The text of one ``##`` section."""
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def tables(text: str) -> Iterator[list[list[str]]]:
    """Every pipe table as rows of cells, split as GitHub splits them: at each pipe that no backslash precedes."""
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        yield [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]


# --- the whole ---------------------------------------------------------------------------------------------------


def test_a_typical_report_is_the_golden_one() -> None:
    recipe = variant(model__params__C=10.0, hypothesis="Less regularisation separates the two small species better.")
    build.completed(Path("runs"), "penguins-base", BASE)
    build.completed(Path("runs"), "penguins-c10", recipe.but(fit_seconds=0.031))
    lost = build.with_keys(build.LOGISTIC, model__params__C=0.001)
    build.completed(Path("runs"), "penguins-c0001", BASE.but(config=lost, predictions=WORSE))
    bad = build.with_keys(build.LOGISTIC, model__params__penalty="elasticnet")
    message, hint = "l1_ratio must be given when penalty is elasticnet.", "Set model.params.l1_ratio."
    build.failed(Path("runs"), "penguins-elastic", BASE.but(config=bad), message=message, hint=hint)
    build.running(Path("runs"), "penguins-night", BASE)
    text = text_of("runs/penguins-base", "runs/penguins-c10")
    if os.environ.get("WEEK2KIT_REFRESH"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8", newline="\n")
    golden = GOLDEN.read_text(encoding="utf-8")
    assert text == golden, "\n" + "\n".join(difflib.unified_diff(golden.splitlines(), text.splitlines(), lineterm=""))


def test_sections_stand_in_their_order_and_every_table_is_whole() -> None:
    text = text_of(*two_runs())
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == HEADINGS
    assert text.startswith(MARKER)
    assert "\r" not in text
    assert not re.search(r"[ \t]$", text, flags=re.MULTILINE)
    for rows in tables(text):
        assert len({len(row) for row in rows}) == 1


def test_same_runs_give_the_same_bytes_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = two_runs()
    first = text_of(*runs)
    assert text_of(*runs) == first
    absolute = text_of(*(str(tmp_path / run) for run in runs))
    assert str(tmp_path) not in absolute
    monkeypatch.chdir("/")  # from there the commands lead to the runs by another path, and nothing else differs
    elsewhere = text_of(*(str(tmp_path / run) for run in runs)).replace(f"{tmp_path}/"[1:], "")
    elsewhere = elsewhere.replace(" --runs-dir runs", "")  # the folder of the runs is the usual one in one place only
    assert elsewhere.splitlines()[:-1] == absolute.splitlines()[:-1]


def test_a_report_of_two_runs_imports_nothing_heavy() -> None:
    runs = two_runs()
    code = (
        "import sys; from week2kit.reporting.composing import report; from week2kit.rendering.output import render;"
        f"render(report({runs!r}));"
        "print(sorted({'pandas', 'scipy', 'sklearn', 'joblib', 'matplotlib'} & set(sys.modules)))"
    )
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": root}
    )
    assert done.stdout.strip() == "[]"


# --- what changed ------------------------------------------------------------------------------------------------

RIDGE = {"class": "sklearn.linear_model.RidgeClassifier", "params": {"alpha": 1.0}}
FOREST = {"class": "sklearn.ensemble.RandomForestClassifier", "params": {"random_state": 42}}


@pytest.mark.parametrize(
    ("recipe", "things"),
    [
        pytest.param(variant(), [], id="nothing"),
        pytest.param(variant(model__params__C=10.0), ["model.params.C"], id="one key"),
        pytest.param(variant(model=FOREST), ["model"], id="another model with its params is one"),
        pytest.param(variant(model__params__max_iter=500.0), ["model.params.max_iter"], id="a float is no int"),
        pytest.param(variant(preprocess=[]), ["preprocess"], id="preprocess is one leaf"),
        pytest.param(variant(metrics=["accuracy"], goal="x", learning_curve=True), [], id="texts and metrics"),
        pytest.param(variant(data__path="other.csv"), [], id="a path is no change"),
        pytest.param(
            variant(seed=7, split__random_state=7, model__params__random_state=7), ["seed"], id="leaves follow the seed"
        ),
        pytest.param(
            variant(seed=7, model__params__random_state=7), ["seed"], id="a split that stays fixed is no change"
        ),
        pytest.param(
            variant(split__random_state=9), ["split.random_state"], id="a split that leaves the seed is a change"
        ),
        pytest.param(variant().but(code="other"), ["code"], id="code"),
        pytest.param(variant().but(environment={"python": "3.12.1"}), ["environment"], id="environment"),
        pytest.param(
            variant().but(environment={"python": "3.12.1", "platform": "Darwin-arm64"}),
            ["environment"],
            id="an environment is one input",
        ),
        pytest.param(
            variant().but(columns=[*build.COLUMNS[:2], build.column("island", content="x"), build.COLUMNS[3]]),
            ["data"],
            id="a column of the data",
        ),
        pytest.param(
            variant(data__drop=["year", "island"]).but(columns=[*build.COLUMNS[:2], build.COLUMNS[3]]),
            ["data.drop"],
            id="a dropped column is a change of the config",
        ),
        pytest.param(
            variant(data__drop=["year", "bill_length_mm"], preprocess=[]).but(columns=build.COLUMNS[1:]),
            ["data.drop"],
            id="its preprocessing goes with a dropped column",
        ),
        pytest.param(variant(model__params__C=1.0, preprocess=[]), ["model.params.C", "preprocess"], id="two keys"),
        pytest.param(variant(model__params__C=1.0).but(code="x"), ["code", "model.params.C"], id="two inputs"),
    ],
)
def test_what_changed_is_counted_by_the_rule_of_one(recipe: Any, things: list[str]) -> None:
    result = report(two_runs(recipe)).comparisons[0]
    assert list(result.things) == things
    rule = render(report(["runs/base", "runs/other"])).partition("\n## Goal\n")[0]
    expected = {0: "**Nothing changed:**", 1: "**One thing changed:**"}.get(len(things), "**Several things changed**")
    assert expected in rule
    assert ("so no cause can be named" in rule) == (len(things) > 1)


def test_changed_columns_are_named() -> None:
    columns = [build.COLUMNS[0], build.column("island", content="x"), build.column("mass"), build.COLUMNS[3]]
    changes = report(two_runs(variant().but(columns=columns))).comparisons[0].changes
    assert [change.key for change in changes] == ["column bill_depth_mm", "column island", "column mass"]


@pytest.mark.parametrize(
    ("recipe", "codes"),
    [
        pytest.param(variant(model__params__C=10.0), [], id="comparable"),
        pytest.param(
            on_other_rows(variant(seed=7, split__random_state=7, model__params__random_state=7)),
            ["split.follows_seed"],
            id="split follows the seed",
        ),
        pytest.param(on_other_rows(variant(split__test_size=0.3)), ["split.config_differs"], id="split key"),
        pytest.param(variant().but(split={"contents": "a" * 64}), ["split.differs"], id="other contents"),
        pytest.param(variant().but(rows=300), ["data.rows_differ"], id="other rows"),
        pytest.param(
            variant().but(columns=[build.column("bill_length_mm", content="x"), *build.COLUMNS[1:]]),
            ["data.columns_differ"],
            id="other values",
        ),
        pytest.param(
            variant(data__target="sex").but(columns=[*build.COLUMNS[:3], build.column("sex", "target")]),
            ["target.differs"],
            id="other target",
        ),
        pytest.param(
            variant(metrics=["f1_macro"]).but(metrics={"f1_macro": {"value": 0.9}}), ["metric.missing"], id="no metric"
        ),
        pytest.param(
            variant(data__drop=["year", "island"]).but(columns=[*build.COLUMNS[:2], build.COLUMNS[3]]),
            [],
            id="a feature less is comparable",
        ),
    ],
)
def test_runs_that_answer_different_questions_get_no_winner(recipe: Any, codes: list[str]) -> None:
    runs = two_runs(recipe)
    before, after = (open_run(path).manifest for path in runs)
    assert [statement.code for statement in obstacles(before, after)] == codes
    text = text_of(*runs)
    assert ("**Not comparable.**" in text) == bool(codes)
    assert bool(re.search(r"\((better|worse|not shown|equal)\)", text.partition("\n## Goal\n")[0])) != bool(codes)
    assert ("no winner" in text) == bool(codes)
    assert ("No rows are put side by side" in text or "no rows are put side by side" in text) == bool(codes)


# --- what the numbers say ---------------------------------------------------------------------------------------


def metrics(value: float, training: float, dummy: float = 0.4, f1: float | None = None) -> dict[str, Any]:
    return {
        "accuracy": {"value": value, "training": training, "dummy": dummy},
        "f1_macro": {"value": f1 if f1 is not None else value, "training": training, "dummy": 0.2},
    }


@pytest.mark.parametrize(
    ("recipe", "code", "proposal"),
    [
        pytest.param(BASE.but(metrics=metrics(0.8, 1.0)), "gap.large", "next.simpler", id="overfitting"),
        pytest.param(BASE.but(metrics=metrics(0.41, 0.43)), "underfitting.likely", "next.more_flexible", id="underfit"),
        pytest.param(
            BASE.but(metrics=metrics(0.93, 0.94, dummy=0.91)),
            "underfitting.no_sign",
            "next.more_flexible",
            id="most of what the largest class leaves",
        ),
        pytest.param(BASE.but(metrics=metrics(0.4, 0.4)), "dummy.not_beaten", "next.other_model", id="guessing"),
        pytest.param(
            BASE.but(metrics=metrics(0.9, 0.92, f1=0.6)),
            "balance.accuracy_flatters",
            "next.weight_classes",
            id="classes",
        ),
        pytest.param(BASE.but(converged=False, n_iter=[500]), "converged.no", "next.iterate", id="not converged"),
        pytest.param(
            BASE.but(converged=False, config=build.with_keys(build.LOGISTIC, preprocess=[])),
            "converged.no",
            "next.scale",
            id="not scaled",
        ),
        pytest.param(BASE, "converged.yes", "next.more_flexible", id="nothing wrong"),
    ],
)
def test_the_evidence_leads_to_statement_and_proposal(recipe: Any, code: str, proposal: str) -> None:
    build.completed(Path("runs"), "base", recipe)
    result = report(["runs/base"])
    assert code in {statement.code for finding in result.findings for statement in finding.statements}
    assert result.proposal.proposal.code == proposal
    assert all(
        command.startswith("week2kit train runs/base/config.json --set ") for command in result.proposal.commands
    )
    assert "nothing to compare" in render(result)


def test_rows_that_moved_are_counted_and_listed() -> None:
    recipe = variant(model__params__C=10.0).but(
        predictions=build.labels({(A, A): 29, (A, C): 1, (C, C): 11, (C, A): 3, (G, G): 25})
    )
    moved = report(two_runs(recipe)).comparisons[0].moved
    assert moved is not None
    assert (moved.rows, moved.right_both, moved.fixed, moved.broken, moved.wrong_both) == (69, 64, 1, 1, 3)
    assert [row.row for row in moved.fixed_rows] == ["140"]
    assert [row.row for row in moved.broken_rows] == ["205"]
    text = text_of("runs/base", "runs/other")
    assert (
        "`other` is right on 1 row where `base` is wrong, and wrong on 1 where it is right. With 69 rows that is"
        in text
    )
    assert "noise (exact McNemar, p = 1.00)" in text
    assert "| `Chinstrap` | 2 → 3 | 12 → 11 | 0 |" in text


def test_regression_in_folds_tells_errors_and_folds() -> None:
    config = build.with_keys(
        build.LOGISTIC,
        task="regression",
        model={"class": "sklearn.linear_model.Ridge", "params": {"alpha": 1.0}},
        metrics=["root_mean_squared_error"],
        split={"method": "kfold", "n_splits": 2, "random_state": 42},
    )
    split = {"method": "kfold", "folds": [{"n_train": 3, "n_val": 3}, {"n_train": 3, "n_val": 3}]}

    def scores(value: float, folds: list[float]) -> dict[str, Any]:
        lower = {"greater_is_better": False, "dummy": 9.0, "std": 0.5, "training": 1.0}
        return {"root_mean_squared_error": {"value": value, "folds": folds} | lower}

    base = build.Recipe(
        config=config, split=split, rows=6, n_iter=None, converged=None,
        predictions=[(i, float(i), i + 0.5) for i in range(6)], metrics=scores(2.0, [1.5, 2.5]),
    )  # fmt: skip
    other = base.but(
        config=build.with_keys(config, model__params__alpha=10.0),
        predictions=[(i, float(i), i + 0.25 * i) for i in range(6)],
        metrics=scores(1.5, [1.0, 2.0]),
    )
    build.completed(Path("runs"), "base", base)
    build.completed(Path("runs"), "other", other)
    result = report(["runs/base", "runs/other"])
    (comparison,) = result.comparisons
    assert comparison.metrics[0].outcome == "better"
    assert [fold.difference for fold in comparison.folds] == [-0.5, -0.5]
    assert (comparison.moved.closer, comparison.moved.farther, comparison.moved.equal) == (2, 3, 1)
    text = render(result)
    assert "2.0000 ± 0.5000" in text
    assert "-0.5000 (not tested)" in text  # both folds moved by the same: there is no spread
    assert "| 0 | 1 | 5 | `5.0` | `5.5` | `6.25` | +0.7500 |" in text


def test_a_learning_curve_is_drawn_as_a_table() -> None:
    points = [
        {"n_train": 30, "training": 1.0, "validation": 0.8},
        {"n_train": 275, "training": 0.97, "validation": 0.95},
    ]
    build.completed(Path("runs"), "base", BASE.but(curve={"metric": "accuracy", "points": points}))
    text = text_of("runs/base")
    assert "The learning curve in numbers:" in text
    assert "| `base` | `accuracy` | 275 | 0.9700 | 0.9500 |" in text


def test_every_sentence_has_known_fields() -> None:
    kinds = {
        "name",
        "names",
        "text",
        "value",
        "warning",
        "number",
        "signed",
        "percent",
        "share",
        "p",
        "whole",
        "count",
        "",
    }
    for code, pattern in SENTENCES.items():
        for _, kind in re.findall(r"\{(\w+):?(\w*)[^}]*\}", pattern):
            assert kind in kinds, code


# --- failures ----------------------------------------------------------------------------------------------------


def test_a_run_that_did_not_complete_is_never_compared() -> None:
    build.running(Path("runs"), "first", BASE)
    result = report(["runs/first", *two_runs()])
    assert result.baseline is not None
    assert result.baseline.name == "base"
    assert [comparison.variant.name for comparison in result.comparisons] == ["other"]
    with pytest.raises(UsageError, match="expected a run that completed, and this one was interrupted"):
        report(["runs/base"], baseline="runs/first")


def test_failed_runs_alone_still_make_a_report() -> None:
    build.failed(Path("runs"), "bad", BASE)
    text = text_of("runs/bad")
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == HEADINGS
    assert "No run completed, so there is nothing to compare." in text
    assert "Repair the config of `bad` as its error says" in text


# --- which runs --------------------------------------------------------------------------------------------------


def test_the_baseline_can_be_chosen() -> None:
    runs = two_runs()
    result = report(runs, baseline="runs/other")
    assert result.baseline is not None
    assert result.baseline.name == "other"
    assert [comparison.variant.name for comparison in result.comparisons] == ["base"]
    assert result.version == REPORT_VERSION


def test_nothing_readable_is_an_error_and_one_unreadable_run_is_said() -> None:
    with pytest.raises(UnreadableRun, match="runs/none"):
        report(["runs/none"])
    with pytest.raises(UsageError):
        report([])
    text = text_of(*two_runs(), "runs/none")
    assert "Not read: runs/none: expected a run folder" in text


def test_several_variants_are_each_compared_with_the_baseline() -> None:
    runs = two_runs()
    build.completed(Path("runs"), "third", BASE.but(config=build.with_keys(build.LOGISTIC, model=FOREST)))
    text = text_of(*runs, "runs/third")
    assert text.count("**One thing changed:**") == 2
    assert "| 1 = | `third` | `model` | 0.9420 | 0.0000 (equal) |" in text
    assert "The best of 3 runs was chosen on the same validation rows" in text


def test_runs_of_one_name_are_told_apart_by_their_path() -> None:
    build.completed(Path("a"), "x", BASE)
    build.completed(Path("b"), "x", variant(model__params__C=10.0))
    assert "# Report: `b/x` against `a/x`" in text_of("a/x", "b/x")


def test_a_folder_of_many_runs_is_cut_and_says_so() -> None:
    count = OVERVIEW_RUNS + 20
    for index in range(count):
        config = build.with_keys(build.LOGISTIC, model__params__C=float(index + 1))
        build.completed(
            Path("runs"), f"r{index:04}", BASE.but(config=config, predictions=WORSE if index > 90 else BETTER)
        )
    result = report(["runs"])
    assert len(result.comparisons) == 1
    assert result.overview_left_out == count - OVERVIEW_RUNS
    text = render(result)
    assert "The table leaves out 20 runs" in text
    assert len(text.encode()) < 64_000


# --- edited files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (
            "predictions.csv",
            b"repeat,fold,row,y_true,y_pred\n0,0,0,Adelie,Adelie\n",
            "is not the file that the run rec",
        ),
        ("metrics.json", b'{"accuracy": 1.0}\n', "is not the file that the run recorded"),
        ("val_report.txt", None, "is missing"),
        ("config.json", b"{", "is not the file that the run recorded"),
    ],
)
def test_an_edited_file_puts_a_banner_over_the_report(file: str, content: bytes | None, said: str) -> None:
    runs = two_runs()
    target = Path("runs/other") / file
    target.unlink() if content is None else target.write_bytes(content)
    text = text_of(*runs)
    banner = text.split("\n## Goal\n")[0]
    assert "> [!WARNING]" in banner
    assert f"`{file}` {said}" in banner
    assert ("its rows are not compared" in text) == (file == "predictions.csv")


def test_line_ends_of_git_and_a_missing_model_are_no_damage() -> None:
    runs = two_runs()
    Path("runs/other/model.joblib").unlink()
    predictions = Path("runs/other/predictions.csv")
    predictions.write_bytes(predictions.read_bytes().replace(b"\n", b"\r\n"))
    result = report(runs)
    assert not any(run.disagreements for run in result.runs)
    assert result.comparisons[0].moved is not None
    assert "| `other` | `model.joblib` | missing |" in render(result)


def test_a_metric_that_only_the_manifest_claims_is_seen() -> None:
    runs = two_runs()
    manifest = Path("runs/other/manifest.json")
    value = json.loads(manifest.read_text())
    value["outcome"]["metrics"]["accuracy"]["value"] = 0.999
    manifest.write_text(json.dumps(value))
    assert "The manifest gives `accuracy` as `0.999`, `metrics.json` gives" in text_of(*runs)


# --- foreign text ------------------------------------------------------------------------------------------------


def tokens(text: str) -> Iterator[Any]:
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        yield token
        yield from token.children or []


def test_foreign_text_stays_text() -> None:
    build.hostile_pair(Path("runs"), HOSTILE)
    build.failed(Path("runs"), "d", BASE, raw=json.dumps({"model": {HOSTILE: HOSTILE}, "data": {}}), message=HOSTILE)
    text = text_of("runs/a", "runs/b", "runs/`|<b>x")
    for rows in tables(text):
        assert len({len(row) for row in rows}) == 1
    kinds = {token.type for token in tokens(text)}
    assert not {"image", "link_open", "html_inline", "s_open"} & kinds
    plain = " ".join(token.content for token in tokens(text) if token.type == "text")
    assert not re.search(r"https?:|www\.|[@#]\w", plain)  # what GitHub would turn into links and mentions
    comments = [token.content.strip() for token in tokens(text) if token.type == "html_block"]
    assert comments[0] == MARKER
    ours = r"<!-- week2kit [\w :.%~/-]+ -->|<details>\n<summary>[\w ,.]+</summary>|</details>"
    assert all(re.fullmatch(ours, comment) for comment in comments)
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == HEADINGS
    fences = [token for token in tokens(text) if token.type == "fence"]
    assert [fence.info for fence in fences] == ["mermaid", "text", "sh", "json", "sh", "sh"]
    assert "<script" not in text
    assert "<img" not in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)


@pytest.mark.parametrize("junk", [None, 1, "x", [], [[]], {}, {"a": {"b": [{}]}}, [{"columns": 1, "steps": [1]}]])
def test_a_config_of_any_shape_is_reported(junk: Any) -> None:
    keys = ("data", "split", "preprocess", "model", "metrics", "goal", "task")
    before = build.completed(Path("runs"), "base", BASE.but(converged=False))
    for index, key in enumerate(keys):
        path = build.completed(Path("runs"), f"r{index}", variant())
        manifest = path / "manifest.json"
        value = json.loads(manifest.read_text())
        value["inputs"]["config"]["resolved"][key] = junk
        value["outcome"]["split"]["positions"] = "a" * 64
        manifest.write_text(json.dumps(value))
        build.failed(Path("runs"), f"f{index}", BASE, raw=json.dumps({"model": "ridge", key: junk}))
        assert text_of(str(before), str(path))
        assert text_of(str(path), str(before))


def test_a_run_can_be_named_from_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = two_runs()
    monkeypatch.chdir(runs[0])
    result = report([".", "../other"])
    assert [run.path for run in result.runs] == [".", "../other"]
    assert result.retrospective.looked_at == 2


def test_a_diagram_holds_labels_of_safe_characters_only() -> None:
    config = build.with_keys(build.LOGISTIC, data={"path": HOSTILE, "target": "t"})
    build.completed(Path("runs"), "a", BASE.but(config=config))
    manifest = Path("runs/a/manifest.json")
    value = json.loads(manifest.read_text())
    value["inputs"]["data"]["path"] = HOSTILE
    manifest.write_text(json.dumps(value))
    diagram = re.search(r"```mermaid\n(.*?)\n```", text_of("runs/a"), flags=re.DOTALL)
    assert diagram is not None
    lines = diagram[1].splitlines()
    assert len(lines) == 7
    assert all(re.fullmatch(r' {4}\w+\["[\w .,:_+/=%()?-]+"\]', line) for line in lines[1:6])


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("f1_macro is 0.9 (validation)", "f1_macro is 0.9 (validation)"),
        ("a|b", "a\\|b"),
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("- no list", "\\- no list"),
        ("two\nlines", "two lines"),
        ("<b>", "&lt;b&gt;"),
        ("_a_ *b* `c`", "\\_a\\_ \\*b\\* \\`c\\`"),
        ("hi @you", "hi @\u2060you"),
    ],
)
def test_plain_text_is_escaped_no_more_than_it_must(text: str, escaped: str) -> None:
    assert escape(text) == escaped


# --- beside the report -------------------------------------------------------------------------------------------


def test_only_a_report_of_ours_is_overwritten() -> None:
    text = text_of(*two_runs())
    write_report(Path("report.md"), text)
    write_report(Path("report.md"), text)
    assert Path("report.md").read_bytes() == text.encode()
    Path("mine.md").write_text("my own words")
    with pytest.raises(ReportError, match="not a report of week2kit"):
        write_report(Path("mine.md"), text)
    assert Path("mine.md").read_text() == "my own words"


def test_runs_are_listed_one_line_each() -> None:
    two_runs()
    build.failed(Path("runs"), "bad", BASE)
    rows = list_runs(find_runs(["runs"]).runs)
    assert [row["status"] for row in rows] == ["failed", "completed", "completed"]
    assert rows[2]["differs"] == ["model.params.C"]
    assert len(runs_table(rows).splitlines()) == 4


def test_a_run_that_never_read_its_data_is_listed_with_what_it_can_be_compared_in() -> None:
    two_runs()
    split = {"method": "holdout", "test_size": 0.2}  # the rest is filled in with the data
    config = build.with_keys(BASE.config, preprocess="auto", split=split, model__params__C=7.0)
    build.failed(Path("runs"), "lost", BASE.but(config=config), stage="load")
    rows = {row["run"]: row["differs"] for row in list_runs(find_runs(["runs/base", "runs/lost"]).runs)}
    assert rows == {"base": [], "lost": ["model.params.C"]}
    rows = {row["run"]: row["differs"] for row in list_runs(find_runs(["runs/lost", "runs/base"]).runs)}
    assert rows == {"base": ["model.params.C"], "lost": []}


def test_values_of_a_comparison_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Change("seed", "seed", 1, 2).key = "other"  # type: ignore[misc]
