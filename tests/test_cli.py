"""The command line: what goes where, with which exit code, and what it never imports."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import week2kit
from week2kit.errors import UsageError
from week2kit.record.verdict import Verdict
from week2kit.verification.options import exit_code, read_options
from week2kit.verification.verifying import document

from .forked import server_for
from .sessions import ROOT, command, here, python

#: The variables of a shell that finds our package.
SURROUNDINGS = os.environ | {"PYTHONPATH": str(ROOT)}
GOLDEN = Path(__file__).with_name("golden")

#: Importing these is what takes seconds; a command that trains nothing and reads no run must not.
HEAVY = {"sklearn", "pandas", "scipy", "joblib", "numpy"}

TREE: dict[str, Any] = {
    "data": {"dataset": "iris"},
    "model": {"class": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 3}},
    "metrics": ["accuracy"],
    "seed": 1,
}
TABLE: dict[str, Any] = {
    "data": {"path": "table.csv", "target": "label"},
    "model": {"class": "logistic_regression", "params": {"max_iter": 500}},
    "preprocess": "auto-scaled",
    "metrics": ["accuracy", "log_loss"],
    "seed": 1,
}


def table(factor: int) -> str:
    rows = [f"{a},{(a * factor) % 11},{'yes' if (a * 5) % 7 < 4 else 'no'}" for a in range(60)]
    return "\n".join(["a,b,label", *rows]) + "\n"


def _load(name: str) -> ModuleType:
    path = Path(__file__).parent / name
    spec = importlib.util.spec_from_file_location(f"for_cli_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


copies = _load("tampering/copies.py")


# --- what runs there are ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder ``runs`` with one run for every way in which a verification can end, named after it."""
    place = tmp_path_factory.mktemp("shop")
    (place / "table.csv").write_text(table(9))  # of no other test: train remembers where the same bytes lie
    week2kit.train(TREE, name="identical", runs_dir=place / "runs")
    week2kit.train(TREE | {"split": {"test_size": 1_000_000}}, name="fails", runs_dir=place / "runs")
    (place / "table.json").write_text(json.dumps(TABLE))
    week2kit.train(place / "table.json", name="undecided", runs_dir=place / "runs")
    runs = place / "runs"
    for name, change in {
        "different": _other_data,
        "close": _moved_scores(1 + 1e-10),
        "far": _moved_scores(1 + 1e-5),
    }.items():
        shutil.copytree(runs / "undecided", runs / name)
        change(runs / name, place)
    for name, change in {"shallow": _other_model, "tampered": _other_metric, "unreadable": _cut}.items():
        shutil.copytree(runs / "identical", runs / name)
        change(runs / name, place)
    shutil.copytree(runs / "fails", runs / "interrupted")
    _edit(runs / "interrupted" / "manifest.json", status="running", failure=None)
    (place / "table.csv").unlink()
    return place


def _edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _other_data(run: Path, place: Path) -> None:
    (run / "table.csv").write_text(table(5))


def _other_metric(run: Path, place: Path) -> None:
    _edit(run / "metrics.json", accuracy=0.5)


def _cut(run: Path, place: Path) -> None:
    (run / "manifest.json").write_text("{")


def _copy(run: Path) -> Any:
    """A copy as the tampering tests forge it; they expect it at ``runs/run``."""

    class Here(copies.Copy):  # type: ignore[name-defined, misc]
        run = property(lambda self: run)

    return Here(run, run)


def _other_environment(copy: Any) -> None:
    copy.set("inputs.environment.platform", "Plan9-z80")


def _moved_scores(factor: float) -> Callable[[Path, Path], None]:
    def change(run: Path, place: Path) -> None:
        shutil.copy(place / "table.csv", run)
        copy = _copy(run)
        copy.forge_predictions(copies.scores_scaled(factor))
        _other_environment(copy)

    return change


def _other_model(run: Path, place: Path) -> None:
    copy = _copy(run)
    (run / "model.joblib").write_bytes(b"another model")
    copy.seal()
    _other_environment(copy)


def paths(names: Iterable[str]) -> list[str]:
    return [f"runs/{name}" for name in names]


# --- before anything heavy --------------------------------------------------------------------------------------

WATCHED = f"""
import sys
from week2kit.cli import main
try:
    main()
finally:
    sys.stderr.write("heavy: " + ", ".join(sorted({HEAVY!r} & sys.modules.keys())) + "\\n")
"""


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["--help"], 0),
        (["verify", "--help"], 0),
        (["init", "--help"], 0),
        (["--version"], 0),
        (["schema", "manifest"], 0),
        (["schema", "report"], 0),
        (["runs", "runs"], 2),
        (["report", "runs/identical", "runs/undecided"], 0),
        (["verify", "--acept", "close", "runs/identical"], 2),
        (["train", "--sed", "1"], 2),
        (["init", "table.csv", "--traget", "label"], 2),
        (["init"], 2),
        (["nothing"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_trains_nothing_imports_nothing_heavy(shop: Path, arguments: list[str], exit_code: int) -> None:
    done = python("-c", WATCHED, *arguments, cwd=shop)
    assert done.returncode == exit_code, done.stderr
    assert done.stderr.endswith("heavy: \n")


def test_help_and_version_are_on_standard_output(tmp_path: Path) -> None:
    done = command("--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("train", "verify", "report", "runs", "schema"):
        assert re.search(rf"^\W*{name}\b", done.stdout, re.MULTILINE)
    done = command("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"week2kit {week2kit.__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["train"],
        ["train", "config.json", "--sed", "1"],
        ["train", "config.json", "--seed", "one"],
        ["verify"],
        ["verify", "runs", "--accept", "undecided"],
        ["verify", "runs", "--strict", "deep"],
        ["verify", "runs", "--tolerance", "-1"],
        ["verify", "runs", "--tolerance", "much"],
        ["verify", "runs", "--jobs", "0"],
        ["verify", "runs", "--timeout", "0"],
        ["schema", "nothing"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_exit_code_2_without_a_traceback(tmp_path: Path, arguments: list[str]) -> None:
    done = here(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.newest  # other versions of pydantic write the same schema in other words
@pytest.mark.parametrize("document", ["config", "manifest", "report", "verdict"])
def test_the_json_schema_is_the_golden_one(tmp_path: Path, document: str) -> None:
    """Refresh with ``WEEK2KIT_REFRESH_GOLDEN=1``; a change of a golden schema is a change of the contract."""
    done = here("schema", document, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    golden = GOLDEN / f"schema_{document}.json"
    if os.environ.get("WEEK2KIT_REFRESH_GOLDEN") == "1":
        golden.write_text(done.stdout, encoding="utf-8", newline="\n")
    assert done.stdout == golden.read_text(encoding="utf-8")


# --- train ------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "table.csv").write_text(table(7))
    (tmp_path / "table.json").write_text(json.dumps(TABLE))
    (tmp_path / "tree.json").write_text(json.dumps(TREE))
    return tmp_path


def test_train_prints_the_table_and_the_folder_and_says_the_rest_on_standard_error(project: Path) -> None:
    done = here("train", "table.json", "--name", "first", cwd=project)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["metric", "validation", "training", "dummy"]
    assert [line.split()[0] for line in lines[1:3]] == ["accuracy", "log_loss"]
    assert lines[-1] == "run: runs/first"
    assert done.stderr.endswith("next: week2kit verify runs/first\n")
    again = here("train", "table.json", "--name", "first", cwd=project)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("error: runs/first: this name is taken")


def test_train_json_prints_the_manifest_and_nothing_else(project: Path) -> None:
    config = TREE | {"model": {"class": "random_forest", "params": {"n_estimators": 2, "verbose": 2}}}
    (project / "verbose.json").write_text(json.dumps(config))
    done = command("train", "verbose.json", "--name", "a", "--json", cwd=project)
    assert done.returncode == 0
    assert done.stdout == (project / "runs" / "a" / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(done.stdout)["status"] == "completed"


def test_set_seed_name_and_place_reach_the_record(project: Path) -> None:
    arguments = ["--set", "model.params.max_depth=1", "--set", 'metrics=["f1_macro"]', "--seed", "7", "--name", "x.1"]
    done = here("train", "tree.json", *arguments, "--runs-dir", "kept/here", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    resolved = manifest["inputs"]["config"]["resolved"]
    assert resolved["model"]["params"] == {"max_depth": 1, "random_state": 7}
    assert (resolved["metrics"], resolved["seed"], resolved["split"]["random_state"]) == (["f1_macro"], 7, 7)
    assert (project / "kept" / "here" / "x.1" / "manifest.json").is_file()
    assert manifest["command"].startswith("week2kit train tree.json --set model.params.max_depth=1 --set")


def test_a_config_that_a_windows_editor_wrote_is_read(project: Path) -> None:
    (project / "u.json").write_text(json.dumps(TREE, indent=1), encoding="utf-16")
    (project / "u.toml").write_text('model = "dummy"\nseed = 1\n[data]\ndataset = "iris"\n', encoding="utf-16")
    for name in ("u.json", "u.toml"):
        done = here("train", name, cwd=project)
        assert done.returncode == 0, done.stderr


def test_a_failed_training_is_recorded_and_exit_code_1(project: Path) -> None:
    done = here("train", "tree.json", "--name", "bad", "--set", "model.params.max_dept=1", cwd=project)
    assert (done.returncode, done.stdout) == (1, "run: runs/bad (failed, recorded)\n")
    assert "error at stage config: --set model.params.max_dept=1: model.params.max_dept: " in done.stderr
    assert "  try: " in done.stderr
    assert json.loads((project / "runs" / "bad" / "manifest.json").read_text())["failure"]["stage"] == "config"
    done = here("train", "tree.json", "--set", "model.params.max_dept=1", "--json", cwd=project)
    assert done.returncode == 1
    assert json.loads(done.stdout)["status"] == "failed"


@pytest.mark.parametrize(
    ("name", "text"),
    [("absent.json", None), ("cut.json", "{"), ("list.json", "[1]"), ("cut.toml", "a = "), ("c.yaml", "a: 1")],
)
def test_what_holds_no_config_is_exit_code_2_and_makes_no_folder(project: Path, name: str, text: str | None) -> None:
    if text is not None:
        (project / name).write_text(text)
    done = here("train", name, cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {name}")
    assert not (project / "runs").exists()


def test_a_problem_of_the_file_is_told_with_its_name(project: Path) -> None:
    (project / "blue.json").write_text(json.dumps(TREE | {"colour": "blue"}))
    done = here("train", "blue.json", "--set", "model.params.max_depth=1", cwd=project)
    assert done.stderr.startswith("error at stage config: blue.json: colour: unknown key")


def test_what_the_command_line_gave_is_told_of_it(project: Path) -> None:
    done = here("train", "tree.json", "--set", "model.parms.max_depth=3", cwd=project)
    assert done.returncode == 1
    assert done.stderr == (
        "error at stage config: --set model.parms.max_depth=3: model.parms: unknown key; did you mean "
        '"model.params"?\n  try: Correct the --set and train again.\n'
    )
    done = here("train", "tree.json", "--set", "seed=1", "--seed", "-3", cwd=project)
    assert done.stderr.startswith("error at stage config: --seed -3: seed: ")
    done = here("train", "tree.json", "--set", "seed", cwd=project)
    assert (done.returncode, done.stderr) == (2, 'error: --set: expected key=value, got "seed"\n')


def test_a_list_that_lost_its_quotes_is_exit_code_2_and_makes_no_folder(project: Path) -> None:
    done = here("train", "tree.json", "--set", "metrics=[accuracy]", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: --set metrics=[accuracy]: expected JSON, and this is none: did the shell take the quotes away? "
        """Put single quotes around it: --set 'metrics=["accuracy"]'\n"""
    )
    assert not (project / "runs").exists()


@pytest.mark.parametrize("inside", [(), ("notes",)])
@pytest.mark.parametrize("verb", ["runs", "verify"])
def test_a_folder_without_runs_says_where_runs_come_from(tmp_path: Path, verb: str, inside: tuple[str, ...]) -> None:
    (tmp_path / "empty" / Path(*inside)).mkdir(parents=True)
    done = here(verb, "empty", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: empty: it holds no run, and no folder in it does: runs are made with week2kit train CONFIG.\n"
    )


# --- verify -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def verdicts(shop: Path) -> dict[str, Verdict]:
    result = week2kit.verify(*sorted(path for path in (shop / "runs").iterdir() if path.is_dir()))
    return {Path(verdict.run).name: verdict for verdict in result.runs}


@pytest.mark.parametrize(
    ("names", "accept", "strict", "expected"),
    [
        (["identical", "fails", "interrupted"], "explained", None, 0),
        (["fails"], "explained", None, 125),
        (["interrupted"], "explained", None, 125),
        (["undecided"], "explained", None, 125),
        (["identical", "undecided"], "explained", None, 125),
        (["different", "undecided", "identical"], "explained", None, 1),
        (["tampered", "different", "undecided"], "explained", None, 3),
        (["unreadable", "tampered"], "explained", None, 2),
        (["close"], "explained", None, 1),
        (["close"], "close", None, 0),
        (["close"], "identical", None, 1),
        (["far"], "close", None, 125),
        (["shallow"], "explained", None, 0),
        (["shallow"], "explained", "scores", 0),
        (["shallow"], "explained", "model", 1),
        (["identical"], "identical", "model", 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_the_exit_code_follows_from_the_verdicts(
    verdicts: dict[str, Verdict], names: list[str], accept: str, strict: Any, expected: int
) -> None:
    assert exit_code(document(verdicts[name] for name in names), accept, strict) == expected


@pytest.mark.parametrize(
    ("names", "flags", "expected"),
    [
        (["identical"], ["--strict", "model", "--accept", "identical"], 0),
        (["identical", "unreadable", "tampered"], [], 2),
        (["absent", "identical"], [], 2),
        (["tampered", "different", "undecided"], [], 3),
        (["close"], ["--accept", "close"], 0),
        (["close"], ["--tolerance", "1e-12"], 125),
        (["far"], ["--accept", "close", "--tolerance", "1e-3"], 0),
        (["shallow"], ["--strict", "model"], 1),
        (["identical"], ["--timeout", "0.001"], 125),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_the_exit_code_of_verify(shop: Path, names: list[str], flags: list[str], expected: int) -> None:
    done = here("verify", *paths(names), *flags, cwd=shop)
    assert done.returncode == expected, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_each_verdict_is_told_on_standard_output_and_what_cannot_be_read_on_standard_error(shop: Path) -> None:
    names = ["identical", "undecided", "different", "tampered", "unreadable", "fails", "close", "interrupted"]
    done = here("verify", *paths(names), "--jobs", "2", cwd=shop)
    told = dict(re.findall(r"^runs/(\w+)  (\w+): ", done.stdout, re.MULTILINE))
    expected = {name: name for name in names if name != "unreadable"} | {
        "fails": "identical",
        "interrupted": "undecided",
    }
    assert told == expected
    assert done.stdout.splitlines()[-1] == "1 close, 1 different, 2 identical, 1 tampered, 2 undecided, 1 unreadable"
    assert done.stderr.startswith("error: runs/unreadable/manifest.json: not a manifest that can be read")
    assert len(done.stderr.splitlines()) == 1


def test_verify_json_is_one_document_and_nothing_else(shop: Path) -> None:
    done = here("verify", *paths(["identical", "tampered", "unreadable"]), "--json", cwd=shop)
    assert done.returncode == 2
    said = done.stderr.splitlines()
    assert said[0].startswith("error: runs/unreadable/manifest.json: ")
    progress = [re.fullmatch(r"(\d)/2 runs/(\w+): (\w+)", line) for line in said[1:]]
    assert [line and line[1] for line in progress] == ["1", "2"]
    assert {line and line.groups()[1:] for line in progress} == {("identical",) * 2, ("tampered",) * 2}
    document = json.loads(done.stdout)
    assert (document["not_reached"], document["skipped"], document["options"]) == ([], [], {})
    assert document["summary"] == {"identical": 1, "tampered": 1, "unreadable": 1}
    told = {Path(run["run"]).name: (run["verdict"], run["level"]) for run in document["runs"]}
    assert told == {"identical": ("identical", "model"), "tampered": ("tampered", None), "unreadable": (None, None)}


@pytest.mark.parametrize("verb", ["verify", "report"])
def test_a_place_that_cannot_be_written_is_exit_code_2_and_nothing_is_written(shop: Path, verb: str) -> None:
    (shop / "notes.md").write_text("mine\n")
    before = sorted(shop.iterdir())
    told = {
        ".": "it is a folder: name a file in it.",
        "..": "it is a folder: name a file in it.",
        "runs": "it is a folder: name a file in it.",
        "/": 'expected the name of a file, got "/".',
        "": 'expected the name of a file, got "".',
        "new/": 'expected the name of a file, got "new/".',
        "/dev/full": "so it is not overwritten",
        "notes.md": "expected `<!-- week2kit" if verb == "report" else "so it is not overwritten",
        "none/r.md": "there is no folder none: make it, or choose another -o.",
    }
    for output, reason in told.items():
        done = here(verb, "runs/identical", "-o", output, cwd=shop)
        assert (done.returncode, done.stdout, reason in done.stderr) == (2, "", True), output + done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(shop.iterdir()) == before
    assert (shop / "notes.md").read_text() == "mine\n"
    (shop / "notes.md").unlink()


def test_a_folder_of_runs_is_verified_whole_and_other_folders_are_skipped(shop: Path, tmp_path: Path) -> None:
    shutil.copytree(shop / "runs" / "identical", tmp_path / "runs" / "one")
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "runs" / "README.md").write_text("our runs\n")
    done = here("verify", "runs", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("runs/one  identical: ")
    assert done.stderr == "runs/notes: skipped, it holds no manifest.json.\n"
    shutil.rmtree(tmp_path / "runs" / "one")
    done = here("verify", "runs", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (tmp_path / "empty").mkdir()
    done = here("verify", "empty", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: empty: ")


def test_the_data_file_is_named_with_data(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "renamed.csv").write_text(table(9))
    run = shop / "runs" / "undecided"
    assert here("verify", run, "--data", "renamed.csv", cwd=tmp_path).returncode == 0
    (tmp_path / "other.csv").write_text(table(5))
    done = here("verify", run, "--data", "other.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert "different" in done.stdout
    done = here("verify", run, "--data", "absent.csv", cwd=tmp_path)
    assert done.returncode == 125
    assert '--data: there is no file "absent.csv". Name the file that the run was made from.' in done.stdout
    done = here("verify", run, "--data", "othr.csv", cwd=tmp_path)
    assert '--data: there is no file "othr.csv". Did you mean other.csv?' in done.stdout


def test_verify_writes_nothing_into_a_run_and_runs_from_everywhere(shop: Path, tmp_path: Path) -> None:
    run = shop / "runs" / "identical"
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in run.iterdir()}
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    assert here("verify", run, cwd=elsewhere).returncode == 0
    assert here("verify", ".", cwd=run).returncode == 0
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in run.iterdir()} == before
    assert list(elsewhere.iterdir()) == []


# --- odd surroundings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["verify", "runs/tampered", "runs/identical", "runs/fails"], 3),
        (["verify", "runs/unreadable", "runs/identical"], 2),
        (["verify", "runs/different", "--json"], 1),
        (["schema", "manifest"], 0),
        (["runs", "runs", "--json"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("streams", ["stdout", "both"])
def test_a_reader_that_leaves_early_changes_no_exit_code(
    shop: Path, arguments: list[str], exit_code: int, streams: str
) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*server_for(SURROUNDINGS).words, *arguments],
            cwd=shop,
            env=SURROUNDINGS,
            stdout=write,
            stderr=write if streams == "both" else subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert done.returncode == exit_code, done.stderr
    assert not re.search("Traceback|BrokenPipe|Exception ignored", done.stderr or "")


def shell(line: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which WEEK2KIT is the command, and FORKED the same in a fork of what has imported it."""
    line = line.replace("FORKED", shlex.join(server_for(SURROUNDINGS).words))
    return subprocess.run(
        ["sh", "-c", line.replace("WEEK2KIT", f'"{sys.executable}" -m week2kit')],
        cwd=cwd,
        env=SURROUNDINGS | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_a_closed_stream_is_no_traceback_and_a_product_that_goes_nowhere_is_missed(shop: Path, closed: str) -> None:
    for arguments, expected in {"verify runs/tampered": 3, "schema config": 0, "--version": 0, "train": 2}.items():
        done = shell(f"exec WEEK2KIT {arguments} {closed}", shop)
        assert done.returncode == (2 if closed.startswith(">") else expected), arguments + done.stderr
        assert not re.search("Traceback|Exception ignored", done.stderr), arguments
        if closed == ">&-" and expected != 2:
            assert done.stderr == "error: standard output could not be written: it is closed.\n", arguments


@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "schema config",
        "runs runs/identical",
        "report runs/identical",
        "verify runs/identical",
        "verify runs/different --json",
        "verify runs/tampered --explain",
        "train table.json --set colour=1 --runs-dir other",
        "init ../none.csv",
    ],
)
def test_output_that_was_not_written_is_exit_code_2_and_one_sentence(shop: Path, arguments: str) -> None:
    unbuffered = "1" if arguments.startswith(("r", "verify runs/d")) else ""
    called = "FORKED" if arguments.startswith(("verify", "train")) else "WEEK2KIT"
    done = shell(f"exec {called} {arguments} > /dev/full", shop, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    if not arguments.startswith("init"):  # which has nothing to write there
        assert done.stderr.endswith("error: standard output could not be written: No space left on device.\n")


def test_a_quota_and_a_full_disk_on_standard_error_are_told_by_the_exit_code(shop: Path) -> None:
    for line, expected in {
        "ulimit -f 4; exec WEEK2KIT schema manifest > cut.json": 2,
        "exec WEEK2KIT verify runs/absent 2> /dev/full": 2,
        "exec FORKED train table.json --set colour=1 --runs-dir other 2> /dev/full": 2,  # its talk is lost
        "exec FORKED verify runs/identical 2> /dev/full": 0,  # it says nothing there
        "exec WEEK2KIT schema manifest > /dev/full 2>&1": 2,
    }.items():
        done = shell(line, shop)
        assert (done.returncode, "Traceback" in done.stderr) == (expected, False), line + done.stderr
    assert (shop / "cut.json").stat().st_size < 10_000


def test_a_pipe_that_does_not_wait_gets_all_the_same(tmp_path: Path) -> None:
    whole = here("schema", "manifest", cwd=tmp_path).stdout
    read, write = os.pipe()
    os.set_blocking(write, False)
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    assert len(whole) > 3 * 4096
    process = subprocess.Popen(
        [sys.executable, "-m", "week2kit", "schema", "manifest"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=write,
    )
    os.close(write)
    time.sleep(1)
    with open(read, encoding="utf-8") as stream:
        assert stream.read() == whole
    assert process.wait(30) == 0


def test_what_the_machine_refuses_is_one_sentence_and_no_bug(shop: Path, tmp_path: Path) -> None:
    gone = "The folder where you are was removed: go to another one, and try again."
    many = "Too many open files: allow more open files (ulimit -n), and try again."
    for line, told in {
        "mkdir gone; cd gone; rmdir ../gone; exec WEEK2KIT verify runs/a": gone,
        "mkdir gone; cd gone; rmdir ../gone; exec WEEK2KIT runs": gone,
        f"ulimit -n 5; exec WEEK2KIT report {shop}/runs/identical -o r.md": many,
    }.items():
        done = shell(line, tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {told}\n"), line
    assert not list(tmp_path.iterdir())
    done = shell(f"umask 0777; exec WEEK2KIT report {shop}/runs/identical -o r.md", tmp_path)
    assert (done.returncode, (tmp_path / "r.md").stat().st_mode & 0o777) == (0, 0o600)
    odd = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "MPLCONFIGDIR": "/dev/null", "TMPDIR": str(tmp_path)}
    done = shell(f"exec WEEK2KIT report {shop}/runs/identical -o r.md", tmp_path, **odd)
    assert (done.returncode, done.stderr) == (0, "written: r.md\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.md", "r_files"]
    done = shell(f"mkdir gone; cd gone; rmdir ../gone; exec WEEK2KIT runs {shop}/runs/identical", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_that_takes_no_escape_sequences_gets_none_and_a_file_no_width(shop: Path) -> None:
    for odd in ({"TERM": "dumb", "FORCE_COLOR": "1"}, {"COLUMNS": "1"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        for arguments, code in {"verify runs/tampered --explain": 3, "--help": 0, "nothing": 2}.items():
            done = command(*arguments.split(), cwd=shop, **odd)
            assert (done.returncode, "\x1b" in done.stdout + done.stderr) == (code, False), done.stderr
            if code == 3:
                assert max(map(len, done.stdout.splitlines())) > 150


def test_a_named_path_that_leads_to_no_run_is_exit_code_2_wherever_it_stands(shop: Path, tmp_path: Path) -> None:
    shutil.copytree(shop / "runs" / "identical", tmp_path / "s" / "alice")
    shutil.copytree(shop / "runs" / "identical", tmp_path / "s" / "carol" / "runs" / "first")
    for folder in ("bob/plots", "dan", "many"):
        (tmp_path / "s" / folder).mkdir(parents=True)
    for name in ("one", "two"):
        shutil.copytree(shop / "runs" / "identical", tmp_path / "s" / "many" / "deep" / "runs" / name)
    (tmp_path / "s" / "note.txt").write_text("hello\n")
    shutil.make_archive(str(tmp_path / "s" / "run"), "zip", tmp_path / "s" / "alice")
    (tmp_path / "s" / "loop").symlink_to("loop")
    nothing = "it holds no run, and no folder in it does: runs are made with week2kit train CONFIG."
    told = {
        "s/bob": nothing,
        "s/dan": nothing,
        "s/carol": "it holds no run itself: the run is in s/carol/runs/first.",
        "s/many": "it holds no run itself: runs are in s/many/deep/runs.",
        "s/note.txt": "expected a run folder, and it is a file.",
        "s/run.zip": "expected a run folder, and it is an archive: unpack it, and name the folder that comes out.",
        "s/loop": "expected a run folder, and it is a symbolic link that leads nowhere.",
        "s/alice/model.joblib": "expected a run folder, and it is a file; name the run folder that holds it: s/alice.",
    }
    errors = "".join(f"error: {path}: {reason}\n" for path, reason in told.items())
    named = ["s/alice", *told]
    done = here("verify", *named, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, errors)
    assert done.stdout.splitlines()[-1] == f"1 identical, {len(told)} unreadable"
    rows = json.loads(here("verify", *named, "--json", cwd=tmp_path).stdout)["runs"]
    assert [(row["run"], row["verdict"]) for row in rows] == [
        ("s/alice", "identical"),
        *((path, None) for path in told),
    ]
    done = here("report", *named, "--only-named", "-o", "r.md", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"written: r.md\n{errors}")
    done = here("runs", *named, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, errors)
    rows = json.loads(here("runs", *reversed(named), "--json", cwd=tmp_path).stdout)
    assert [row["run"] for row in rows if row["status"] == "unreadable"] == [*reversed(told)]
    # inside a folder of runs they are no path that was named
    done = here("verify", "s", "-o", "v.json", cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "written: v.json")
    assert json.loads((tmp_path / "v.json").read_text())["skipped"] == ["s/bob", "s/carol", "s/dan", "s/many"]
    done = here("runs", "s", cwd=tmp_path)
    assert done.returncode == 0
    assert "s/carol: skipped, it holds no manifest.json: the run is in s/carol/runs/first.\n" in done.stderr


def test_names_beyond_ascii_survive_a_terminal_of_ascii(tmp_path: Path) -> None:
    (tmp_path / "größe.csv").write_text(table(7).replace("label", "größe"), encoding="utf-8")
    config = TABLE | {"data": {"path": "größe.csv", "target": "größe"}, "goal": "größer"}
    (tmp_path / "größe.json").write_text(json.dumps(config), encoding="utf-8")
    plain = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "LANG": "C"}
    done = command("train", "größe.json", "--name", "a", "--json", cwd=tmp_path, **plain)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["inputs"]["data"]["path"] == "größe.csv"
    done = command("verify", "runs/a", cwd=tmp_path, **plain)
    assert done.returncode == 0, done.stderr
    done = command("verify", "runs/groß", cwd=tmp_path, **plain)
    assert done.returncode == 2
    assert "runs/groß: " in done.stderr


@pytest.mark.parametrize("utf8", ["0", "1"], ids=["ascii", "utf-8"])
def test_arguments_that_are_no_text_are_no_traceback(project: Path, utf8: str) -> None:
    odd = os.fsdecode(b"gr\xf6\xc3\x9fe")
    shutil.copy(project / "tree.json", project / f"{odd}.json")
    surroundings = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": utf8}
    arguments = [f"{odd}.json", "--set", f"goal={odd}", "--runs-dir", odd, "--name", "a"]
    done = command("train", *arguments, cwd=project, **surroundings)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((project / odd / "a" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["inputs"]["config"]["resolved"]["goal"] == "gr\N{REPLACEMENT CHARACTER}ße"
    done = command("verify", odd, cwd=project, **surroundings)
    assert done.returncode == 0, done.stderr
    assert command("verify", f"{odd}/{odd}", cwd=project, **surroundings).returncode == 2
    assert command("train", odd, cwd=project, **surroundings).returncode == 2


def test_what_lies_in_the_working_directory_is_not_executed(shop: Path) -> None:
    for name in ("json.py", "numpy.py", "week2kit_user.py", "sitecustomize.py", "typer.py"):
        (shop / "runs" / "identical" / name).write_text("raise SystemExit('executed')\n")
    try:
        done = command("verify", ".", cwd=shop / "runs" / "identical")
    finally:
        for path in (shop / "runs" / "identical").glob("*.py"):
            path.unlink()
    assert done.returncode == 0, done.stderr
    assert "executed" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"vary": "all"}, "vary: "),
        ({"allow_modules": "lightgbm"}, "allow_modules: "),
        ({"tolerence": 1e-6}, "tolerence: "),
        ({"tolerance": float("nan")}, "tolerance: "),
        ({"timeout": 0}, "timeout: "),
        ({"effort": 2}, "effort: "),
        ({"vary": ["hash"]}, 'Did you mean "hash_seed"?'),
    ],
    ids=str,
)
def test_an_option_of_verify_that_there_is_not_is_refused_in_python_too(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        week2kit.verify("runs/a", **asked)


def test_the_options_of_a_document_keep_their_names() -> None:
    """A verification that another version began is gone on with."""
    asked = read_options(allow_modules=["lightgbm"], vary=["threads"], data="a.csv", timeout=5)
    assert asked.deciding() == {"allowed_modules": ["lightgbm"], "vary": ["threads"], "data": "a.csv"}
    assert read_options().deciding() == {}
