"""The pytest plugin, through real pytest processes: what is collected, what passes, and what can never pass unseen."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import week2kit
from week2kit.errors import UnreadableRun, UsageError
from week2kit.pytest_plugin import assert_reproducible
from week2kit.record.store import open_run
from week2kit.verification.deciding import planned_checks

from .sessions import command, pytest_session

TREE: dict[str, Any] = {
    "data": {"dataset": "iris"},
    "model": {"class": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 3}},
    "metrics": ["accuracy"],
    "seed": 1,
}
FOREST = {"class": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 3, "random_state": None}}
CONFIGS: dict[str, dict[str, Any]] = {
    "tree": TREE,
    "table": TREE | {"data": {"path": "table.csv", "target": "label"}},
    "fails": TREE | {"split": {"test_size": 1_000_000}},
    "unseeded": TREE | {"model": FOREST},
    "folds": TREE | {"split": {"method": "kfold", "n_splits": 3}, "metrics": ["f1_macro", "accuracy"]},
    "labels_only": TREE | {"model": {"class": "sklearn.linear_model.Perceptron", "params": {}}, "learning_curve": True},
    "repeated": TREE | {"repeats": 2},
    "regression": {
        "data": {"dataset": "diabetes"},
        "model": {"class": "sklearn.linear_model.Ridge", "params": {}},
        "metrics": ["r2", "mean_absolute_error"],
        "seed": 1,
    },
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, one of each config."""
    place = tmp_path_factory.mktemp("trained")
    rows = [f"{a},{(a * 7) % 11},{'yes' if a % 3 else 'no'}" for a in range(60)]
    (place / "table.csv").write_text("\n".join(["a,b,label", *rows]) + "\n")
    for name, config in CONFIGS.items():
        (place / f"{name}.json").write_text(json.dumps(config))
        run = week2kit.train(place / f"{name}.json", name=name, runs_dir=place / "runs")
        assert run.manifest.status == ("failed" if name == "fails" else "completed")
    (place / "data").mkdir()  # where this machine does not look for it
    (place / "table.csv").rename(place / "data" / "table.csv")
    return place / "runs"


@pytest.fixture
def project(tmp_path: Path, trained: Path) -> Callable[..., Path]:
    """A project with copies of some runs in its folder ``runs``."""

    def make(*names: str) -> Path:
        for name in names:
            shutil.copytree(trained / name, tmp_path / "runs" / name)
        return tmp_path

    return make


@dataclass(frozen=True)
class Session:
    """What a pytest process did."""

    exit_code: int
    output: str

    @property
    def counts(self) -> dict[str, int]:
        """The counts of pytest's last line, such as ``{"passed": 3}``."""
        last = self.output.strip().splitlines()[-1]
        return {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", last.partition(" in ")[0])}


def run_pytest(folder: Path, *arguments: str, new: bool = False) -> Session:
    """What pytest does in `folder`, with our plugin loaded."""
    done = pytest_session(folder, *arguments, new=new)
    return Session(done.returncode, done.stdout + done.stderr)


def items(run: Path) -> int:
    """How many items a completed run has: its verdict, and its checks."""
    return 1 + len(planned_checks(open_run(run)))


def write_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# --- what is collected ------------------------------------------------------------------------------------------


def test_the_ids_of_a_run_follow_from_its_manifest_and_are_stable(project: Callable[..., Path]) -> None:
    folder = project("tree", "fails")
    session = run_pytest(folder, "--week2kit", "runs", "--collect-only", "-q")
    assert session.exit_code == 0
    ids = [line for line in session.output.splitlines() if "::" in line]
    assert ids == ["runs/fails::verdict"] + [
        f"runs/tree::{name}"
        for name in [
            "verdict",
            "record.artifacts",
            *(f"artifacts.{name}" for name in ("config", "metrics", "model", "predictions", "requirements")),
            "artifacts.val_report",
            *(f"record.{name}" for name in ("config", "config_digest", "config_valid", "seed", "metric_names")),
            *(f"record.{name}" for name in ("outcome", "data", "table", "code", "metrics", "requirements")),
            *("record.model", "record.folds", "record.repeats"),
            *(f"follows.{name}" for name in ("predictions", "scores", "accuracy", "val_report")),
            *("data.table", "data.columns", "data.rows", "data.checksum", "data.bytes"),
            *("split.positions", "split.contents", "split.folds"),
            *("model.convergence", "predictions.form", "predictions.rows", "predictions.scores", "predictions.labels"),
            *("metrics.accuracy", "training.accuracy", "dummy.accuracy"),
            *("model.bytes", "seed.fixed", "environment.facts", "warnings"),
        ]
    ]


@pytest.mark.parametrize("repeats", [False, True], ids=["without-repeats", "with-repeats"])
def test_what_is_planned_is_what_is_made_in_the_same_order(trained: Path, repeats: bool) -> None:
    document = week2kit.verify(trained, data=trained.parent / "data" / "table.csv", repeats=repeats)
    verdicts = {Path(verdict.run).name: verdict for verdict in document.runs if verdict.status == "completed"}
    assert verdicts.keys() == CONFIGS.keys() - {"fails"}
    for name, verdict in verdicts.items():
        made = [*dict.fromkeys(check.code for check in verdict.checks)]
        planned = planned_checks(open_run(trained / name), repeats=repeats)
        reached = [code for code in planned if code in made] if verdict.verdict == "unstable" else planned
        assert made == reached, name
    assert {name for name, verdict in verdicts.items() if verdict.verdict != "identical"} <= {"unseeded"}


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs of a person's own scripts: one that leaves all that there is, one with less, one that fails."""
    place = tmp_path_factory.mktemp("commands")
    (place / "data.csv").write_text("1\n0\n1\n")
    (place / "full.py").write_text(
        "import json, sys\n"
        "rows = open('data.csv').read().split()\n"
        "seed = int(sys.argv[2])\n"
        "json.dump({'mean': rows.count('1') / 3 + seed, 'seconds': 0.5}, open('metrics.json', 'w'))\n"
        "open('predictions.csv', 'w').write('y_true,y_pred,score:1\\n1,1,0.75\\n0,1,0.5\\n')\n"
        "open('notes.txt', 'w').write('done\\n')\n"
        "open('model.pkl', 'wb').write(b'\\x80weights')\n"
    )
    (place / "few.py").write_text("print('loss: nan')\nprint('f1: 0.5')\n")
    (place / "files.py").write_text("open('out.txt', 'w').write('1\\n')\n")
    (place / "fails.py").write_text("raise SystemExit(3)\n")
    for words in (
        ("--repeats", "2", "--name", "full", "--", "python", "full.py", "--seed", "1"),
        *(("--name", name, "--", "python", f"{name}.py") for name in ("few", "files", "fails")),
    ):
        done = command("train", *words, cwd=place)
        assert done.returncode == ("fails" in words), done.stderr
    return place


def test_a_command_has_an_item_for_each_check(commands: Path) -> None:
    session = run_pytest(commands, "--week2kit", "runs/full", "runs/fails", "--collect-only", "-q")
    ids = [line.partition("::")[2] for line in session.output.splitlines() if line.startswith("runs/full::")]
    assert ids == [
        "verdict",
        "record.artifacts",
        *(f"artifacts.{name}" for name in ("metrics", "outputs", "predictions", "sources")),
        *("record.sources", "record.metrics", "record.outputs", "follows.source", "follows.predictions"),
        *("code.modules", "data.bytes", "metrics.mean", "repeats", "predictions.labels", "predictions.scores"),
        *("outputs.model.pkl", "outputs.notes.txt", "environment.facts", "hermetic"),
    ]
    assert [line for line in session.output.splitlines() if line.startswith("runs/fails::")] == ["runs/fails::verdict"]


@pytest.mark.parametrize("repeats", [False, True], ids=["without-repeats", "with-repeats"])
def test_what_is_planned_of_commands_is_what_is_made_in_the_same_order(commands: Path, repeats: bool) -> None:
    said = command("verify", "runs", "--json", *(["--repeats"] if repeats else []), cwd=commands).stdout
    verdicts = {verdict["run"].rpartition("/")[2]: verdict for verdict in json.loads(said)["runs"]}
    assert verdicts.keys() == {"full", "few", "files", "fails"}
    for name, verdict in verdicts.items():
        assert verdict["verdict"] == "identical", (name, verdict)
        made = [*dict.fromkeys(check["code"] for check in verdict["checks"])]
        planned = planned_checks(open_run(commands / "runs" / name), repeats=repeats)
        assert planned == ([] if name == "fails" else made), name
    assert ("repeats.mean" in str(verdicts["full"]["checks"])) == repeats


def test_a_command_passes_check_by_check(commands: Path) -> None:
    session = run_pytest(commands, "--week2kit", "runs", "-rs")
    assert session.exit_code == 0, session.output
    told = [line for line in session.output.splitlines() if line.startswith("SKIPPED")]
    confined = not any("nothing shows that the recorded files" in line for line in told)
    assert len(told) == (2 if confined else 5)
    assert "its 2 repeats were not run again: --week2kit-repeats does that, too." in session.output
    session = run_pytest(commands, "--week2kit", "runs/full", "--week2kit-repeats")
    assert (session.exit_code, session.counts.keys()) == (0, {"passed"} if confined else {"passed", "skipped"})


def test_a_command_fails_at_the_checks_that_differ(commands: Path, tmp_path: Path) -> None:
    shutil.copy(commands / "full.py", tmp_path)
    (tmp_path / "data.csv").write_text("1\n0\n1\n")
    assert command("train", "--name", "full", "--", "python", "full.py", "--seed", "1", cwd=tmp_path).returncode == 0
    (tmp_path / "data.csv").write_text("1\n0\n0\n")
    session = run_pytest(tmp_path, "--week2kit", "runs/full", "-rf")
    failed = re.findall(r"^FAILED runs/full::(\S+)", session.output, re.MULTILINE)
    assert failed == ["verdict", "data.bytes"]  # the recorded data are run, and give the recorded numbers
    assert "FAILED runs/full::data.bytes - data.csv: the command read this file, which holds" in session.output
    write_json(tmp_path / "runs" / "full" / "metrics.json", mean=5.0)
    session = run_pytest(tmp_path, "--week2kit", "runs/full", "-rfs")
    failed = re.findall(r"^FAILED runs/full::(\S+)", session.output, re.MULTILINE)
    assert failed == ["verdict", "artifacts.metrics", "record.metrics"]
    assert "not reached: tampered" in session.output


def test_of_a_command_of_somebody_else_only_the_folder_is_checked(commands: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(commands, tmp_path / "project"))
    write_json(folder / "runs" / "full" / "manifest.json", run_id="run_20990101_000000_aaaa")  # no run of this machine
    session = run_pytest(folder, "--week2kit", "runs/full", "-rps")
    passed = re.findall(r"^PASSED runs/full::(\S+)", session.output, re.MULTILINE)
    assert session.exit_code == 1
    assert passed
    assert all(name.startswith(("artifacts.", "record.", "follows.")) for name in passed)
    assert {"record.artifacts", "artifacts.metrics", "record.metrics", "follows.source"} <= {*passed}
    assert "is to run its author's code. If you trust it: --week2kit-trust." in session.output
    assert "Nothing was verified: every run was undecided." in session.output
    trusted = run_pytest(folder, "--week2kit", "runs/full", "--week2kit-trust")
    assert trusted.exit_code == 0, trusted.output


@pytest.mark.parametrize("how", ["not", "flag", "ini", "toml as text", "toml"])
def test_it_is_off_until_it_is_asked_for(project: Callable[..., Path], how: str) -> None:
    folder = project("fails")
    if how == "ini":
        (folder / "pytest.ini").write_text("[pytest]\nweek2kit = true\n")
    elif how == "toml as text":
        (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\nweek2kit = true\n")
    elif how == "toml":
        native = int(pytest.__version__.partition(".")[0]) >= 9
        (folder / "pyproject.toml").write_text(
            "[tool.pytest]\nweek2kit = true\n" if native else "[tool.pytest.ini_options]\nweek2kit = 'true'\n"
        )
    session = run_pytest(folder, *(["--week2kit"] if how == "flag" else []), "runs")
    assert session.exit_code == (5 if how == "not" else 1)
    assert session.counts == ({} if how == "not" else {"skipped": 1})


def test_a_session_that_does_not_use_it_imports_nothing_for_it(tmp_path: Path) -> None:
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "manifest.json").write_text("{}")
    (tmp_path / "test_modules.py").write_text(
        "import sys\n"
        "def test_modules():\n"
        "    heavy = {'numpy', 'pandas', 'pydantic', 'scipy', 'sklearn', 'joblib', 'typer', 'rich'}\n"
        "    assert not heavy & sys.modules.keys()\n"
        "    ours = {name for name in sys.modules if name.startswith('week2kit')}\n"
        "    of_a_session = ('', '.errors', '.pytest_items', '.pytest_plugin', '.thresholds')\n"
        "    assert ours == {f'week2kit{name}' for name in of_a_session}\n"
    )
    session = run_pytest(tmp_path, "-W", "error", new=True)
    assert (session.exit_code, session.counts) == (0, {"passed": 1}), session.output


def test_a_manifest_of_another_tool_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "manifest.json").write_text('{"name": "an app", "icons": [], "start_url": "/"}')
    (tmp_path / "web" / "test_web.py").write_text("def test_web(): pass\n")
    session = run_pytest(tmp_path, "--week2kit", "-v")
    assert "web/test_web.py::test_web PASSED" in session.output
    assert session.counts == {"passed": 1}


# --- what passes and what does not ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs"],
        ["runs", "-W", "error", "--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:xdist"],
        ["runs", "-c", os.devnull, "--rootdir=.", "--noconftest", "-p", "no:python"],
        ["runs/fails", "runs/tree", "--rootdir=elsewhere", "--week2kit-strict=model", "--week2kit-accept=identical"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_an_honest_run_passes_in_every_kind_of_session(project: Callable[..., Path], arguments: list[str]) -> None:
    folder = project("tree", "fails")
    (folder / "elsewhere").mkdir()
    session = run_pytest(folder, "--week2kit", *arguments)
    counts = {"passed": items(folder / "runs" / "tree"), "skipped": 1}
    assert (session.exit_code, session.counts) == (0, counts), session.output


@pytest.mark.parametrize(
    ("arguments", "selected"),
    [
        (["runs/tree::metrics.accuracy"], ["metrics.accuracy"]),
        (["runs/tree::verdict", "runs/tree/manifest.json::data.table", "-n1"], ["verdict", "data.table"]),
        (["runs", "-k", "accuracy and not follows"], ["metrics.accuracy", "training.accuracy", "dummy.accuracy"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_items_are_selected_as_other_tests_are(
    project: Callable[..., Path], arguments: list[str], selected: list[str]
) -> None:
    session = run_pytest(project("tree"), "--week2kit", "-v", *arguments)
    assert session.exit_code == 0
    assert [a or b for a, b in re.findall(r"tree::(\S+) PASSED|PASSED runs/tree::(\S+)", session.output)] == selected


def test_a_check_that_a_run_does_not_have_is_a_usage_error(project: Callable[..., Path]) -> None:
    session = run_pytest(project("tree"), "--week2kit", "runs/tree::metrics.acuracy")
    assert session.exit_code == 4
    assert "not found" in session.output


def test_an_edited_metric_fails_with_its_sentence_and_without_a_traceback(project: Callable[..., Path]) -> None:
    folder = project("tree")
    write_json(folder / "runs" / "tree" / "metrics.json", accuracy=0.5)
    session = run_pytest(folder, "--week2kit", "runs", "-rfs")
    assert session.exit_code == 1
    assert "FAILED runs/tree::verdict - tampered: the folder does not agree with its own record" in session.output
    assert "FAILED runs/tree::record.metrics - metrics.json says accuracy 0.5, and the manifest" in session.output
    assert "runs/tree/manifest.json:1: not reached: tampered: " in session.output
    assert session.counts["failed"] == 3
    assert session.counts["skipped"] >= 20
    assert "Traceback" not in session.output
    assert not {"pytest_plugin.py", "pytest_items.py"} & set(re.findall(r"pytest_\w+\.py", session.output))
    again = run_pytest(folder, "--week2kit", "runs", "--lf", "-q", "--collect-only")
    ids = [line.partition("::")[2] for line in again.output.splitlines() if "::" in line]
    assert ids == ["verdict", "artifacts.metrics", "record.metrics"]


def test_a_run_that_comes_out_otherwise_fails_at_the_layer_that_differs(project: Callable[..., Path]) -> None:
    folder = project("table")
    text = (folder.joinpath("runs", "table", "manifest.json")).read_text()
    assert '"path": "table.csv"' in text
    rows = [f"{a},{(a * 5) % 11},{'yes' if a % 3 else 'no'}" for a in range(60)]
    (folder / "table.csv").write_text("\n".join(["a,b,label", *rows]) + "\n")
    named = f"--week2kit-data={folder / 'table.csv'}"  # a file that nobody named is another one, and no other outcome
    session = run_pytest(folder, "--week2kit", "runs", named, "-rfs")
    assert session.exit_code == 1
    assert "FAILED runs/table::verdict - different: " in session.output
    assert "FAILED runs/table::data.table - table.csv: the table is not the one" in session.output
    failing = {
        code.partition(".")[0] for code in re.findall(r"^FAILED runs/table::(\S+)", session.output, re.MULTILINE)
    }
    assert {"verdict", "data"} <= failing <= {"verdict", "data", "split"}
    assert "SKIPPED [" in session.output
    assert "not reached: different: " in session.output


def test_a_session_in_which_nothing_could_be_verified_fails(project: Callable[..., Path]) -> None:
    folder = project("table")
    for more in (["-k", "artifacts"], ["-n2"]):
        session = run_pytest(folder, "--week2kit", "runs", "-rs", *more)
        assert session.exit_code == 1
        passed = {"passed"} if more[0] == "-k" else {"passed", "skipped"}  # the folder agrees with its record
        assert session.counts.keys() - {"deselected"} == passed
        assert "Nothing was verified: every run was undecided." in session.output
    assert 'The data file "table.csv" is not in the run folder' in session.output
    assert "Name it: --week2kit-data table.csv" in session.output


def test_an_undecided_run_beside_a_verified_one_is_not_green_unless_that_is_allowed(
    project: Callable[..., Path],
) -> None:
    folder = project("table", "tree")
    for more in ([], ["-n2"]):
        session = run_pytest(folder, "--week2kit", "runs", *more)
        assert session.exit_code == 1
        assert session.counts.keys() == {"passed", "skipped"}
        assert "Not verified, because undecided here: runs/table. The item verdict" in session.output
    assert verified(folder) == 125
    for more in (["--week2kit-allow-undecided"], ["-o", "week2kit_allow_undecided=true"]):
        session = run_pytest(folder, "--week2kit", "runs", "-k", "verdict", *more)
        assert (session.exit_code, session.counts.keys()) == (0, {"passed", "skipped", "deselected"})
    session = run_pytest(folder, "--week2kit", "runs/table", "-k", "verdict", "--week2kit-allow-undecided")
    assert session.exit_code == 1


def verified(folder: Path) -> int:
    """The exit code of verify for the same runs."""
    return command("verify", "runs", cwd=folder).returncode


def test_the_data_file_is_named_by_flag_or_configuration(project: Callable[..., Path], trained: Path) -> None:
    folder = project("table")
    (folder / "data").mkdir()
    shutil.copy(trained.parent / "data" / "table.csv", folder / "data" / "renamed.csv")
    session = run_pytest(folder, "--week2kit", "runs", "--week2kit-data", "data/renamed.csv")
    assert (session.exit_code, session.counts.keys()) == (0, {"passed"})
    (folder / "pytest.ini").write_text("[pytest]\nweek2kit = true\nweek2kit_data = data/renamed.csv\n")
    session = run_pytest(folder / "data", "../runs")
    assert (session.exit_code, session.counts.keys()) == (0, {"passed"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--week2kit-data", "absent.csv"], 'there is no file "absent.csv"'),
        (["--week2kit-timeout", "0"], "expected a number of seconds above 0"),
        (["--week2kit-accept", "undecided"], "invalid choice: 'undecided'"),
        (
            ["-o", "week2kit_strict=deep"],
            'week2kit_strict: expected one of metrics, predictions, scores, model, got "d',
        ),
        (["-o", "week2kit_timeout=soon"], "expected a number of seconds above 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_option_is_a_usage_error(tmp_path: Path, arguments: list[str], said: str) -> None:
    session = run_pytest(tmp_path, "--week2kit", *arguments)
    assert session.exit_code == 4
    assert said in session.output
    assert "Traceback" not in session.output


def test_what_takes_too_long_is_undecided(project: Callable[..., Path]) -> None:
    session = run_pytest(project("tree"), "--week2kit", "runs", "--week2kit-timeout", "0.001", "-rs")
    assert session.exit_code == 1
    assert "Allow more with --week2kit-timeout." in session.output


def test_an_unreadable_manifest_is_one_failing_item_and_the_session_goes_on(project: Callable[..., Path]) -> None:
    folder = project("tree")
    damages = {"cut": '{"artifacts": [', "empty": "", "list": "[]", "newer": '{"schema_version": 99}'}
    for name, damage in damages.items():
        shutil.copytree(folder / "runs" / "tree", folder / "runs" / name)
        (folder / "runs" / name / "manifest.json").write_text(damage)
    (folder / "runs" / "link").mkdir()
    (folder / "runs" / "link" / "manifest.json").symlink_to(folder / "runs" / "tree" / "manifest.json")
    (folder / "runs" / "link" / "metrics.json").write_text("{}")
    session = run_pytest(folder, "--week2kit", "runs")
    assert (session.exit_code, session.counts) == (1, {"failed": 5, "passed": items(folder / "runs" / "tree")})
    for name in damages:
        assert f"FAILED runs/{name}::verdict - runs/{name}/manifest.json: not a manifest that can be" in session.output
    assert "runs/link/manifest.json: cannot be read: it is a symbolic link." in session.output
    assert str(folder) not in session.output.replace(f"rootdir: {folder}", "")


def test_a_failed_run_is_listed_and_never_green_by_itself(project: Callable[..., Path]) -> None:
    folder = project("fails")
    session = run_pytest(folder, "--week2kit", "runs", "-rs")
    assert (session.exit_code, session.counts) == (1, {"skipped": 1})
    assert "Nothing was verified: the runs here failed or were interrupted" in session.output
    assert "recorded as failed: it has no outcome that could come out again" in session.output
    manifest = folder / "runs" / "fails" / "manifest.json"
    failure = json.loads(manifest.read_text())["failure"] | {"message": "the dog ate it"}
    write_json(manifest, failure=failure)
    session = run_pytest(folder, "--week2kit", "runs", "-rs")
    assert (session.exit_code, session.counts) == (1, {"skipped": 1})
    assert "the dog ate it" in session.output
    project("tree")  # beside a run that completed the exit code is that run's
    session = run_pytest(folder, "--week2kit", "runs", "-k", "verdict")
    assert (session.exit_code, verified(folder)) == (0, 0)


def test_a_named_folder_without_a_run_or_a_test_is_not_green(project: Callable[..., Path]) -> None:
    folder = project("tree")
    (folder / "plots" / "deep").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "tests" / "test_own.py").write_text("def test_own(): pass\n")
    shutil.copytree(folder / "runs" / "tree", folder / "more" / "deep" / "run")
    for more in ([], ["-n1"]):
        session = run_pytest(folder, "--week2kit", "runs", "plots", "tests", "more", "-k", "verdict", *more)
        assert session.exit_code == 1
        assert "Nothing was verified in plots: neither a run nor a test was found there." in session.output
    session = run_pytest(folder, "--week2kit", "runs", "tests", "more", "-k", "verdict")
    assert session.exit_code == 0, session.output


def test_an_interrupted_run_is_one_skipped_item(project: Callable[..., Path]) -> None:
    folder = project("fails", "tree")
    write_json(folder / "runs" / "fails" / "manifest.json", status="running", failure=None)
    session = run_pytest(folder, "--week2kit", "runs", "-rfs")
    assert (session.exit_code, session.counts) == (0, {"passed": items(folder / "runs" / "tree"), "skipped": 1})
    assert "the run never came to its end" in session.output


def test_a_session_that_insists_and_finds_no_run_fails(project: Callable[..., Path]) -> None:
    folder = project()
    (folder / "test_own.py").write_text("def test_own(): pass\n")
    for more in ([], ["-n1"]):
        session = run_pytest(folder, "--week2kit", *more)
        assert session.exit_code == 1
        assert "Nothing was verified: no run folder was found." in session.output
    (folder / "pytest.ini").write_text("[pytest]\nweek2kit = true\n")
    assert run_pytest(folder, "test_own.py").exit_code == 0
    (folder / "empty").mkdir()
    assert run_pytest(folder, "empty").exit_code == 5


# --- with others ------------------------------------------------------------------------------------------------


def junit(path: Path) -> dict[str, ElementTree.Element]:
    """The test cases of a JUnit file by ``classname::name``."""
    return {f"{case.get('classname')}::{case.get('name')}": case for case in ElementTree.parse(path).iter("testcase")}


def test_with_xdist_each_run_is_trained_once_on_one_worker(project: Callable[..., Path]) -> None:
    folder = project("tree", "folds", "regression")
    (folder / "test_own.py").write_text("import pytest\n@pytest.mark.parametrize('n', range(4))\ndef test(n): pass\n")
    session = run_pytest(folder, "--week2kit", "-n2", "-v", "--junitxml=result.xml")
    assert session.exit_code == 0, session.output
    workers = defaultdict(set)
    for worker, run in re.findall(r"\[(gw\d)\].* PASSED (runs/\w+)::", session.output):
        workers[run].add(worker)
    assert {run: len(names) for run, names in workers.items()} == {
        f"runs/{n}": 1 for n in ("tree", "folds", "regression")
    }
    assert set.union(*workers.values()) == {"gw0", "gw1"}
    verifications = defaultdict(set)
    for name, case in junit(folder / "result.xml").items():
        properties = {p.get("name"): p.get("value") for p in case.iter("property")}
        if name.startswith("runs."):
            verifications[name.partition("::")[0]].add((properties["week2kit.reruns"], properties["week2kit.seconds"]))
    assert {run: len(seen) for run, seen in verifications.items()} == {
        f"runs.{n}": 1 for n in ("tree", "folds", "regression")
    }
    assert {reruns for seen in verifications.values() for reruns, _ in seen} == {"1"}


OTHER_PLUGIN = """
import random
import pytest

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    random.shuffle(items)

def pytest_runtest_setup(item):
    random.seed(1)
    item.user_properties.append((["not", "a", "text"], {"of": "theirs"}))

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    return (yield)
"""


def test_plugins_that_shuffle_reseed_and_wrap_change_nothing(project: Callable[..., Path]) -> None:
    folder = project("tree", "table", "fails")
    (folder / "theirs.py").write_text(OTHER_PLUGIN)
    (folder / "test_own.py").write_text("def test_own(): pass\n")
    more = ["-p", "theirs", "-o", "pythonpath=.", "-W", "error", "-p", "no:cacheprovider"]
    session = run_pytest(folder, "--week2kit", *more, "-p", "no:xdist", "-rp")
    agrees = session.output.count("PASSED runs/table::")  # with its own record
    assert 10 < agrees < items(folder / "runs" / "table")
    passed = 1 + items(folder / "runs" / "tree") + agrees
    assert (session.exit_code, session.counts["passed"]) == (1, passed), session.output
    assert "Not verified, because undecided here: runs/table." in session.output
    session = run_pytest(folder, "--week2kit", *more, "--week2kit-allow-undecided")
    assert session.exit_code == 0, session.output


def test_junit_has_the_ids_the_sentences_and_no_path_of_this_machine(project: Callable[..., Path]) -> None:
    folder = project("tree", "table")
    write_json(folder / "runs" / "tree" / "metrics.json", accuracy=0.5)
    run_pytest(folder, "--week2kit", "runs", "--junitxml=result.xml")
    cases = junit(folder / "result.xml")
    failure = cases["runs.tree::record.metrics"].find("failure")
    assert failure is not None
    assert str(failure.text).startswith("metrics.json says accuracy 0.5, and the manifest")
    skipped = cases["runs.table::metrics.accuracy"].find("skipped")
    assert skipped is not None
    assert str(skipped.get("message")).startswith("undecided: could not be tested here.")
    text = (folder / "result.xml").read_text()
    assert str(folder) not in text
    assert str(Path.home()) not in text


def test_nothing_in_an_untrusted_run_folder_is_executed_on_the_documented_way(project: Callable[..., Path]) -> None:
    folder = project("tree")
    run = folder / "runs" / "tree"
    for name in ("conftest.py", "test_x.py", "__init__.py"):
        (run / name).write_text(f"open({str(folder / 'executed')!r}, 'a').write({name!r})\ndef test(): pass\n")
    (run / "pytest.ini").write_text("[pytest]\naddopts = -p test_x\npythonpath = .\n")
    safe = ["-c", os.devnull, "--rootdir=.", "--noconftest", "-p", "no:python"]
    for named in ("runs", "runs/tree"):
        session = run_pytest(folder, *safe, "--week2kit", named)
        assert (session.exit_code, session.counts) == (0, {"passed": items(run)}), session.output
        assert not (folder / "executed").exists()


def test_python_files_in_a_run_folder_are_never_collected(project: Callable[..., Path]) -> None:
    folder = project("tree")
    run = folder / "runs" / "tree"
    for name in ("conftest.py", "test_x.py", "__init__.py"):
        (run / name).write_text("raise SystemExit('executed')\n")
    session = run_pytest(folder, "--week2kit", "runs")
    assert (session.exit_code, session.counts) == (0, {"passed": items(run)}), session.output
    for name in ("conftest.py", "__init__.py"):
        (run / name).unlink()
    session = run_pytest(folder, "--week2kit", "runs/tree/test_x.py")
    assert session.exit_code == 4
    assert "executed" not in session.output


# --- in one's own tests -----------------------------------------------------------------------------------------


def test_assert_reproducible_returns_the_verdict_that_it_accepted(trained: Path) -> None:
    verdict = assert_reproducible(trained / "tree", accept="identical", strict="model")
    assert (verdict.verdict, verdict.level) == ("identical", "model")
    assert (
        assert_reproducible(open_run(trained / "table"), data=trained.parent / "data" / "table.csv").verdict
        == "identical"
    )


def test_assert_reproducible_says_what_is_wrong(project: Callable[..., Path]) -> None:
    runs = project("tree") / "runs"
    write_json(runs / "tree" / "metrics.json", accuracy=0.5)
    with pytest.raises(AssertionError, match=r"(?s)^tampered: .*metrics\.json says accuracy 0\.5"):
        assert_reproducible(runs / "tree")


def test_assert_reproducible_does_not_pass_what_could_not_be_tested(project: Callable[..., Path]) -> None:
    runs = project("table", "fails") / "runs"
    with pytest.raises(AssertionError, match=r"(?s)^undecided: .*table\.csv"):
        assert_reproducible(runs / "table")
    with pytest.raises(pytest.skip.Exception, match=r"table\.csv"):
        assert_reproducible(runs / "table", skip_undecided=True)
    with pytest.raises(AssertionError, match="recorded as failed: it has no outcome"):
        assert_reproducible(runs / "fails")


def test_assert_reproducible_refuses_a_wrong_call(tmp_path: Path, trained: Path) -> None:
    with pytest.raises(UnreadableRun):
        assert_reproducible(tmp_path)
    with pytest.raises(UsageError, match='accept: expected one of identical, explained, close, got "anything"'):
        assert_reproducible(trained / "tree", accept="anything")  # type: ignore[arg-type]


def test_a_failing_assert_reproducible_shows_the_sentence_and_not_its_own_source(project: Callable[..., Path]) -> None:
    folder = project("tree")
    write_json(folder / "runs" / "tree" / "metrics.json", accuracy=0.5)
    (folder / "test_own.py").write_text(
        "from week2kit.pytest_plugin import assert_reproducible\n"
        "def test_own():\n    assert_reproducible('runs/tree')\n"
    )
    session = run_pytest(folder, "test_own.py")
    assert session.exit_code == 1
    assert "test_own.py:3: AssertionError" in session.output
    assert "FAILED test_own.py::test_own - AssertionError: tampered: " in session.output
    assert "skip_undecided" not in session.output
