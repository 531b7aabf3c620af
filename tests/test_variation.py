"""``verify --vary``: what holds when what should not matter is changed, through real processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import week2kit
from week2kit.environment.conditions import Conditions
from week2kit.environment.facts import record_environment
from week2kit.environment.restoring import Factor, missing_for
from week2kit.errors import UsageError
from week2kit.record.manifest import Environment
from week2kit.record.verdict import Check, Finding, MetricValues, RerunRecord, Verdict
from week2kit.sentences.reruns import describe_attempt, describe_trial
from week2kit.sentences.variations import variation_lines
from week2kit.verification.messages import Fresh, Variable
from week2kit.verification.variation import GROUPS, chosen, not_in_force, variations

from .sessions import kernels_in_force

ROOT = Path(week2kit.__file__).parents[1]

CANCER: dict[str, Any] = {
    "data": {"dataset": "breast_cancer"},
    "split": {"test_size": 0.25, "stratify": True},
    "preprocess": "none",
    "model": {"class": "logistic_regression", "params": {"max_iter": 100}},
    "metrics": ["accuracy", "log_loss"],
    "seed": 0,
}
FOREST: dict[str, Any] = {
    "data": {"path": "penguins.csv", "target": "species"},
    "model": {"class": "random_forest", "params": {"n_estimators": 10, "n_jobs": 2}},
    "metrics": ["accuracy", "log_loss"],
    "seed": 0,
}


Verdicts: TypeAlias = dict[str, dict[str, Any]]


def command(*arguments: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([*filter(None, [variables.pop("PYTHONPATH", None)]), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "week2kit", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | variables | {"PYTHONPATH": path},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of the three examples."""
    folder = tmp_path_factory.mktemp("variation")
    (folder / "iris.json").write_bytes((ROOT / "examples/iris/baseline.json").read_bytes())
    (folder / "penguins.csv").write_bytes((ROOT / "examples/penguins/penguins.csv").read_bytes())
    (folder / "cancer.json").write_text(json.dumps(CANCER))
    (folder / "forest.json").write_text(json.dumps(FOREST))
    # one process for the three: most of it is the import, and warnings are no errors there
    code = "import sys, week2kit; print([week2kit.train(f'{n}.json', name=n).manifest.status for n in sys.argv[1:]])"
    done = subprocess.run(
        [sys.executable, "-c", code, "iris", "cancer", "forest"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.stdout == "['completed', 'completed', 'completed']\n", done.stderr
    return folder


@pytest.fixture(scope="module")
def verified(folder: Path) -> Verdicts:
    """The verdicts with variations, by the name of the run."""
    return varied(folder, "cpu,umask,jobs,data", "cancer", "forest")


def varied(folder: Path, names: str, *runs: str) -> dict[str, Any]:
    done = command("verify", *(f"runs/{run}" for run in runs), "--vary", names, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return {verdict["run"].removeprefix("runs/"): verdict for verdict in json.loads(done.stdout)["runs"]}


def by_name(verdict: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The variations by factor and value."""
    return {f"{r['factors'][0]} {r['settings'][r['factors'][0]]}": r for r in verdict["variations"]}


def lines_of(verdict: dict[str, Any]) -> list[str]:
    return variation_lines(Verdict.model_validate(verdict))


@pytest.fixture(scope="module")
def here() -> Environment:
    import sklearn.ensemble  # noqa: F401  # loads OpenMP

    return record_environment()


@pytest.fixture(scope="module")
def avx2(here: Environment) -> None:
    if missing_for("Haswell", here) or {blas.vendor for blas in here.blas} != {"openblas"}:
        pytest.skip("classes of processors can be chosen with OpenBLAS and AVX2 only")


# --- real runs --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("avx2")
def test_the_iris_baseline_holds_under_everything(folder: Path) -> None:
    verdict = varied(folder, "all", "iris")["iris"]
    assert (verdict["verdict"], verdict["level"], len(verdict["reruns"])) == ("identical", "model", 1)
    found = by_name(verdict)
    expected = {"threads 1", "threads 2", "threads 4", "cpu AVX2", "cpu SSE", "hash_seed 1", "time_zone UTC+05:45"}
    expected |= {"directory empty", "home /nonexistent", "umask 0077"}
    assert expected <= found.keys() <= expected | {"jobs 1", "jobs 2", *(n for n in found if n.startswith("locale "))}
    assert [name for name, record in found.items() if record["not_in_force"] or record["failure"]] == []
    assert {record["kind"] for record in found.values()} == {"varied"}
    assert {record["labels_moved"] for record in found.values()} == {0}
    assert {found[name]["agrees_to"] for name in expected if not name.startswith("cpu")} == {"model"}
    assert 0 < found["cpu SSE"]["largest_difference"] < 1e-12
    assert "vary.no_text" in {finding["code"] for finding in verdict["not_varied"]}
    told = "\n".join(lines_of(verdict))
    assert "Holds under 1, 2 and 4 threads, another hash seed" in told
    assert "predictions yes, scores to" in told
    assert "could not be varied here." in told


@pytest.mark.usefixtures("avx2")
def test_a_fit_that_has_not_converged_moves_with_the_cpu_class(verified: Verdicts) -> None:
    verdict = verified["cancer"]
    found, lines = by_name(verdict), lines_of(verdict)
    assert found["cpu SSE"]["largest_difference"] > 1e-6
    if kernels_in_force() == {"SkylakeX"}:  # from another processor's kernels to those of SSE, labels may hold
        assert found["cpu SSE"]["labels_moved"] > 0
        assert found["cpu SSE"]["metrics"]["accuracy"] != verdict["metrics"]["accuracy"]["recorded"]
    assert any(line.startswith("Does not hold under the x86-64 CPU class SSE: ") for line in lines)
    (holds,) = [line for line in lines if line.startswith("Holds under")]
    assert holds.endswith("another umask and n_jobs 1 and 2: predictions and scores bit for bit.")


@pytest.mark.usefixtures("avx2")
def test_a_forest_holds_in_another_text_form_of_the_data_and_with_other_jobs(verified: Verdicts) -> None:
    verdict = verified["forest"]
    found = by_name(verdict)
    assert {name: record["agrees_to"] for name, record in found.items()} == {
        "cpu AVX2": "model",
        "cpu SSE": "model",
        "umask 0077": "model",
        "jobs 1": "scores",
        "jobs 2": "model",
        "data CRLF, gzip, other separator": "model",
    }
    assert {tuple(record["not_in_force"]) for record in found.values()} == {()}
    alone = "No score differs, but the bytes of the model do, under n_jobs 1: "
    assert any(line.startswith(alone) for line in lines_of(verdict))


@pytest.mark.skipif(os.name != "posix", reason="the home and the mask of files are those of POSIX")
def test_where_it_is_so_already_something_else_is_varied(folder: Path) -> None:
    arguments = ("verify", "runs/iris", "--vary", "home,umask,time_zone", "--json")
    before = os.umask(0o077)
    try:
        done = command(*arguments, cwd=folder, HOME="/nonexistent", TZ="<+0545>-5:45")
    finally:
        os.umask(before)
    found = by_name(json.loads(done.stdout)["runs"][0])
    assert set(found) == {"home /nonexistent/other", "umask 0022", "time_zone UTC-09:30"}
    assert [record["not_in_force"] for record in found.values()] == [[], [], []]


@pytest.mark.parametrize("zone", ["UTC", "EST5"])
def test_a_switch_that_is_not_obeyed_is_told_and_never_counts_as_held(folder: Path, tmp_path: Path, zone: str) -> None:
    """A machine that sets its own time zone at the start of every Python, and keeps it."""
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.tzset = lambda: None\n")
    done = command("verify", "runs/iris", "--vary", "time_zone,umask", cwd=folder, PYTHONPATH=str(tmp_path), TZ=zone)
    assert done.returncode == 0, done.stderr
    lines = [re.sub(" +", " ", line.strip()) for line in done.stdout.splitlines()]
    assert lines[1:] == [
        "varied holds to largest score difference labels moved",
        "time zone: UTC+05:45 not in force",
        "umask: 0077 model 0 0",
        "Holds under another umask: predictions and scores bit for bit.",
        "Not in force, so nothing is known of it: time zone: UTC+05:45 (time_zone did not change).",
    ]


def test_a_run_that_does_not_come_out_again_is_not_varied(folder: Path, tmp_path: Path) -> None:
    other = (folder / "penguins.csv").read_text().splitlines(keepends=True)
    (tmp_path / "penguins.csv").write_text("".join(other[:-1]))
    done = command(
        "verify", "runs/forest", "--data", tmp_path / "penguins.csv", "--vary", "umask", "--explain", cwd=folder
    )
    assert done.returncode == 1, done.stderr
    assert "Nothing was varied: only what came out again can be seen to hold, and this run is different." in done.stdout
    assert "umask" not in done.stdout


def test_an_unknown_name_is_a_wrong_call_and_the_nearest_is_named(folder: Path) -> None:
    done = command("verify", "runs/iris", "--vary", "threads,proces", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'there is no "proces". Did you mean "process"?' in done.stderr


# --- the plan ---------------------------------------------------------------------------------------------------


def variable(**more: Any) -> Variable:
    return Variable(**{"takes_jobs": False, "comma_locale": None, "utc_offset": 0, "home": "/h", "umask": 0o022} | more)


def test_what_is_in_force_already_is_never_called_another(here: Environment) -> None:
    names = ["time_zone", "home", "umask"]
    first = variations(names, here, variable(), "csv")
    there = variable(utc_offset=20700, home="/nonexistent", umask=0o077)
    second = variations(names, here, there, "csv")
    assert [factor.recorded for factor in first.factors] == ["UTC+05:45", "/nonexistent", "0077"]
    assert [factor.recorded for factor in second.factors] == ["UTC-09:30", "/nonexistent/other", "0022"]


def test_names_of_groups_and_of_their_parts_stand_for_the_same() -> None:
    assert chosen(["all"]) == tuple(name for names in GROUPS.values() for name in names)
    assert chosen(["umask", "process"]) == GROUPS["process"]
    assert chosen([]) == ()
    with pytest.raises(UsageError, match="There are: all, threads"):
        chosen([""])


@pytest.mark.parametrize(
    ("separator", "form", "code"), [(";", {}, "vary.not_plain"), ("|", {"separator": "|"}, "vary.not_plain")]
)
def test_a_table_that_is_not_plain_is_not_written_anew(separator: str, form: Any, code: str, tmp_path: Path) -> None:
    rows = "".join(f"{row % 7}.5{separator}{row % 5},1{separator}{'ab'[row % 2]}\n" for row in range(60))
    (tmp_path / "t.csv").write_text(f"u{separator}v{separator}y\n{rows}")
    config = {"data": {"path": "t.csv", "target": "y", **form}, "model": "logistic_regression", "seed": 1}
    (tmp_path / "a.json").write_text(json.dumps(config))
    assert command("train", "a.json", "--name", "a", cwd=tmp_path).returncode == 0
    done = command("verify", "runs/a", "--vary", "data", "--json", cwd=tmp_path)
    (found,) = json.loads(done.stdout)["runs"]
    assert found["verdict"] == "identical"
    assert [finding["code"] for finding in found["not_varied"]] == [code]


def test_what_cannot_be_varied_has_a_reason(here: Environment) -> None:
    arm = here.model_copy(update={"platform": "Linux-aarch64"})
    plan = variations(["locale", "jobs", "data", "cpu"], arm, variable(), "parquet")
    assert plan.factors == []
    assert {name: reason for name, (reason, _) in plan.stuck.items()} == {
        "locale": "no_locale",
        "jobs": "no_jobs",
        "data": "no_text",
        "cpu": "no_classes",
    }
    plan = variations(["locale"], here, variable(comma_locale="tr_TR.UTF-8"), "csv")
    assert [factor.conditions.variables() for factor in plan.factors] == [{"LC_ALL": "tr_TR.UTF-8"}]


@pytest.mark.usefixtures("avx2")
def test_a_processor_without_avx2_still_has_the_class_below(here: Environment) -> None:
    old = here.model_copy(update={"cpu": here.cpu.model_copy(update={"features": ["sse4_2"]})})
    plan = variations(["cpu"], old, variable(), "csv")
    assert [(factor.recorded, factor.conditions.libm) for factor in plan.factors] == [("SSE", None)]
    assert plan.stuck == {"cpu AVX2": ("needs", ["avx2", "fma"])}


@pytest.mark.usefixtures("avx2")
def test_each_switch_that_is_not_read_back_is_named(here: Environment) -> None:
    asked = Conditions(
        kernel="Prescott", simd_off=("X",), libm="a", blas_threads=(("numpy", 77),), openmp_threads=78, other_text=True
    )
    there = here.model_copy(update={"simd": ["X"]})
    fresh = Fresh(
        failure=None,
        data=None,
        split=None,
        outcome=None,
        curves=None,
        unseeded=[],
        comparison=None,
        environment=there,
        not_in_force=["umask"],
        seconds=0,
    )
    idle = not_in_force(Factor("all", 1, None, asked), fresh, here, fresh)
    assert idle == ["umask", "blas.kernel", "simd", "libm", "blas.threads", "openmp.threads", "data"]
    katmai = [blas.model_copy(update={"architecture": "Katmai"}) for blas in here.blas]
    fresh = fresh.model_copy(update={"environment": here.model_copy(update={"blas": katmai}), "not_in_force": []})
    assert not_in_force(Factor("kernel", 1, None, Conditions(kernel="Prescott")), fresh, here, fresh) == []
    unread = fresh.model_copy(update={"environment": None})
    assert not_in_force(Factor("umask", 1, None, Conditions(umask=1)), fresh, here, unread) == ["umask"]


# --- sentences --------------------------------------------------------------------------------------------------


def told(*records: RerunRecord, **more: Any) -> str:
    verdict = Verdict(run="r", manifest_sha256=None, verdict="identical", level="model", variations=[*records], **more)
    return "\n".join(variation_lines(verdict))


def record(name: str, value: object, **more: Any) -> RerunRecord:
    more = {"agrees_to": "model", "largest_difference": 0.0, "labels_moved": 0} | more
    return RerunRecord(kind="varied", factors=[name], settings={name: value}, seconds=0.1, **more)


def test_regressions_have_no_labels_to_hold() -> None:
    text = told(record("cpu", "SSE", agrees_to="split", labels_moved=None, largest_difference=3e-14))
    assert "Holds under the x86-64 CPU class SSE: predictions to 3e-14" in text
    assert "predictions yes" not in text


def test_a_cpu_class_is_not_called_a_cpu_model() -> None:
    attempt = describe_attempt("varied", [("cpu", "SSE")])
    assert attempt == "varying CPU class: SSE"
    assert describe_trial(record("cpu", "SSE")).startswith("varied: CPU class: SSE -> everything agrees bit for bit")


def test_metrics_that_move_with_the_scores_are_told() -> None:
    text = told(record("cpu", "AVX2", agrees_to="split", largest_difference=3e-14))
    assert "predictions yes, scores to 3e-14, metrics not to the last bit." in text


@pytest.mark.parametrize(
    ("labels_moved", "what"), [(0, "no label moves, scores do by up to"), (None, "predictions move by up to")]
)
def test_scores_that_move_further_than_is_close_do_not_hold(labels_moved: int | None, what: str) -> None:
    moved = record("cpu", "SSE", agrees_to="split", largest_difference=0.05, labels_moved=labels_moved)
    moved = moved.model_copy(update={"metrics": {"log_loss": 0.25000001}})
    metrics = {"log_loss": MetricValues(recorded=0.25, here=0.25)}
    text = told(moved, metrics=metrics)
    assert f"Does not hold under the x86-64 CPU class SSE: {what} 0.05, log_loss is 0.25000001 instead of 0.25." in text
    assert "Holds" not in text


def test_what_moves_in_an_unseeded_run_is_not_blamed_on_the_variation() -> None:
    note = Finding(code="seed.nothing_fixes_it", now=["DecisionTreeClassifier"])
    checks = [Check(code="seed.fixed", outcome="passed", finding=note)]
    moved = record("umask", "0077", agrees_to="split", largest_difference=1.0, labels_moved=1)
    chance = "What differs may be chance, and not the variation: three reruns agreed, but nothing fixes it: "
    assert chance in told(moved, checks=checks)
    assert chance not in told(moved)
    assert chance not in told(record("umask", "0077"), checks=checks)


def test_a_variation_that_died_or_was_not_in_force_never_counts_as_held() -> None:
    text = told(
        record("threads", 1, not_in_force=["blas.threads"]),
        record("cpu", "SSE", agrees_to="nothing", failure="ChildDied: SIGILL\x1b[2J", labels_moved=None),
    )
    assert "Holds" not in text
    assert "Failed under the x86-64 CPU class SSE: ChildDied" in text
    assert "\x1b" not in text
    assert re.search("^threads: 1 +not in force$", text, flags=re.MULTILINE)
