"""A command that a file declares: a config, a stage of dvc.yaml, an entry point of MLproject; and its repeats."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from week2kit import train
from week2kit.errors import UsageError
from week2kit.record.command import CompletedCommand, FailedCommand
from week2kit.record.manifest import FailedRun
from week2kit.record.store import Run, open_run
from week2kit.rendering.output import render
from week2kit.reporting.composing import report
from week2kit.training.stages import read_stage, words_of

from .sessions import ROOT, command

TRAIN = """
    import argparse, json, os, random
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="out")
    asked = parser.parse_args()
    random.seed(asked.seed)
    os.makedirs(asked.out, exist_ok=True)
    open("data/x.csv").read()
    with open(f"{asked.out}/metrics.json", "w") as file:
        json.dump({"accuracy": random.random()}, file)
    print("threads", os.environ.get("OMP_NUM_THREADS"))
"""
WORDS = [sys.executable, "train.py", "--seed", "{seed}", "--out", "{out}"]
CONFIG: dict[str, Any] = {
    "command": WORDS,
    "inputs": ["data"],
    "outputs": ["{out}"],
    "seed": 1,
    "env": {"OMP_NUM_THREADS": "1"},
    "metrics": "{out}/metrics.json",
    "timeout": 60,
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "train.py").write_text(textwrap.dedent(TRAIN))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return tmp_path


def week2kit(*words: str) -> subprocess.CompletedProcess[str]:
    done = command(*words, cwd=Path.cwd())
    assert "Traceback" not in done.stderr
    return done


def declared(**changes: Any) -> str:
    """The name of a config that differs from `CONFIG` by some keys; None leaves a key out."""
    value = {key: item for key, item in {**CONFIG, **changes}.items() if item is not None}
    Path("command.json").write_text(json.dumps(value))
    return "command.json"


def completed(run: Run | str) -> CompletedCommand:
    manifest = (open_run(f"runs/{run}") if isinstance(run, str) else run).manifest
    assert isinstance(manifest, CompletedCommand), manifest
    return manifest


def failure(run: Run | str) -> Any:
    manifest = (open_run(f"runs/{run}") if isinstance(run, str) else run).manifest
    assert isinstance(manifest, FailedCommand), manifest
    return manifest.failure


def script(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


# --- a config ---------------------------------------------------------------------------------------------------


def test_a_config_does_what_the_line_does() -> None:
    out = ["--input", "data", "--output", "out/command", "--metrics", "out/command/metrics.json"]
    words = [word.format(seed=1, out="out/command") for word in WORDS]
    typed = week2kit("train", *out, "--name", "typed", "--", *words)
    read = week2kit("train", declared(), "--name", "read")
    assert (typed.returncode, read.returncode) == (0, 0)
    assert (typed.stdout, read.stdout) == ("threads None\n", "threads 1\n")
    first, second = completed("typed"), completed("read")
    assert first.outcome == second.outcome.model_copy(update={"files": first.outcome.files})
    assert [file.path for file in second.outcome.files] == ["out/command/metrics.json"]
    assert first.inputs.program == second.inputs.program.model_copy(update={"variables": {}})
    assert second.inputs.program.variables == {"OMP_NUM_THREADS": "1"}
    assert [(file.path, file.how) for file in second.inputs.files or []] == [("data/x.csv", "declared")]
    assert second.inputs.seed is not None
    assert (second.inputs.seed.value, second.inputs.program.seed_flag) == (1, "--seed")


def test_options_replace_what_the_config_says() -> None:
    done = week2kit("train", declared(name="own"), "--seed", "7", "--set", "timeout=5", "--runs-dir", "elsewhere")
    assert done.returncode == 0, done.stderr
    manifest = completed(open_run("elsewhere/own"))
    assert manifest.inputs.program.argv[1:] == ["train.py", "--seed", "7", "--out", "out/command"]
    assert week2kit("train", "command.json", "--name", "other").returncode == 0
    assert completed("other").inputs.seed == manifest.inputs.seed.model_copy(update={"value": 1})  # type: ignore[union-attr]


def test_toml_does_the_same_and_other_braces_stay_as_they_are() -> None:
    words = [*script("import sys; print('m:', sys.argv[3])"), "{x}", "{{x}}", "{seed}", "{}", "{out}/a"]
    Path("c.toml").write_text(f"command = {json.dumps(words)}\nseed = 5\n[env]\nA = '{{seed}}'\n")
    program = completed(train("c.toml", name="t")).inputs.program
    assert program.argv[-5:] == ["{x}", "{{x}}", "5", "{}", "out/c/a"]
    assert program.variables == {"A": "5"}
    assert program.seed_flag is None  # there is none: it is the third word
    repeated = completed(train("c.toml", name="r", repeats=1)).outcome
    assert (repeated.metrics, [one.metrics for one in repeated.repeats]) == ({"m": 5}, [{"m": 6}])


def test_an_object_is_a_config_too() -> None:
    run = train({**CONFIG, "seed": 3}, name="one")
    assert completed(run).inputs.program.argv[-1] == "out"
    assert run.manifest.command == "week2kit.train({...})"  # type: ignore[union-attr]


def test_the_value_of_a_secret_is_given_to_the_command_and_kept_nowhere(project: Path) -> None:
    print_it = script("import os; print('m:', len(os.environ['MY_API_KEY']), os.environ['MONKEYS'])")
    env = {"MY_API_KEY": "hush-hush", "MONKEYS": "many"}
    run = train({"command": [*print_it], "env": env}, name="one")
    assert completed(run).inputs.program.variables == {"MONKEYS": "many", "MY_API_KEY": None}
    train({"command": "python", "env": env}, name="wrong")
    week2kit("train", declared(command="python", env={**env, "HF_TOKEN": 123454321}), "--name", "number")
    written = [path.read_bytes() for path in (project / "runs").rglob("*") if path.is_file()]
    assert written
    assert not any(b"hush-hush" in text or b"123454321" in text for text in written)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"command": "python train.py --seed {seed}"}, 'write ["python", "train.py", "--seed", "{seed}"]'),
    ({"command": []}, "command: List should have at least 1 item"),
    ({"command": ["python", 3, "{seed}"]}, "command.1: Input should be a valid string, got 3"),
    ({"ouputs": ["x"]}, 'ouputs: unknown key; did you mean "outputs"?'),
    ({"inputs": "data/x.csv"}, 'inputs: Input should be a valid list, got "data/x.csv"'),
    ({"timeout": 0}, "timeout: Input should be greater than 0, got 0"),
    ({"seed": -1}, "seed: Input should be greater than or equal to 0, got -1"),
    ({"seed": None}, "seed: it is missing, and {seed} stands in the config"),
    ({"command": ["python"], "metrics": None, "outputs": None}, "seed: nothing takes it; write {seed} where"),
    ({"env": {"OMP_NUM_THREADS": 2}}, 'env.OMP_NUM_THREADS: expected a text, got a number; write "2"'),
    ({"env": {"A": True}}, "env.A: expected a text in double quotes"),
    ({"env": {"A-B": "1"}}, "env.A-B: expected a name of letters, digits and _"),
    ({"model": "svc"}, 'command: expected a command, or a model and data, and this has both ("model"); keep one'),
    ({"data": {"path": "x.csv"}}, 'and this has both ("data"); keep one'),
]


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_a_wrong_config_is_recorded_as_any_other(changes: dict[str, Any], said: str) -> None:
    done = week2kit("train", declared(**changes), "--name", "one")
    assert done.returncode == 1
    assert said in done.stderr
    assert "error at stage config: command.json: " in done.stderr
    manifest = open_run("runs/one").manifest
    assert isinstance(manifest, FailedRun)
    assert manifest.failure.stage == "config"
    assert said in manifest.failure.message


@pytest.mark.parametrize(
    "changes",
    [
        {"timeout": 0.5},
        {"timeout": 20},
        {"seed": 0},
        {"env": None, "inputs": None, "outputs": None},
        {"command": [sys.executable, "train.py", "--out", "{out}", "--seed=3"], "seed": None},
        {"env": {"_A1": ""}},
        {"metrics": "{out}/metrics.json", "repeats": 0},
    ],
)
def test_a_right_config_is_not_refused(changes: dict[str, Any]) -> None:
    assert week2kit("train", declared(**changes), "--name", "one").returncode == 0


def test_a_misspelt_command_is_told() -> None:
    Path("c.json").write_text(json.dumps({"comand": ["python"]}))
    assert 'comand: unknown key; did you mean "command"?' in week2kit("train", "c.json").stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["command.json", "--", "python"], "expected a config, --stage, or a command behind --; got a config and a"),
        (["command.json", "--stage", "a"], "got a config and --stage"),
        (["command.json", "--metrics", "m.json"], "--metrics is for a command behind --, or for --stage; this config"),
        (["command.json", "--allow-module", "m"], "--allow-module is for a config of a model, and this one is of a"),
        (["--seed", "1", "--", "python"], "--seed is for a config"),
        (["model.json", "--output", "x"], "--output is for a command behind --, or for --stage."),
        ([], "expected a config, or a command behind --"),
        (["command.json", "--set", "command=[]"], "--set command=[]: command: List should have at least 1 item"),
    ],
)
def test_options_that_do_not_fit_are_refused(words: list[str], said: str) -> None:
    declared()
    Path("model.json").write_text('{"data": {"dataset": "iris"}, "model": "svc"}')
    done = week2kit("train", *words)
    assert done.returncode == (1 if "--set" in words else 2)
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "expected a config, a command or a stage"),
        ({"config": {}, "command": ["python"]}, "got several of them"),
        ({"command": "python train.py"}, r"command=\['python', 'train.py'\]"),
        ({"command": ["python"], "seed": 1}, "set, seed: they are for a config"),
        ({"config": CONFIG, "metrics": "m.json"}, "a config has them as keys"),
        ({"command": ["python"], "repeats": -1}, "expected a number from 0 to 1000, got -1"),
        ({"command": ["python", "--seed", str(2**32)], "repeats": 1}, "expected a seed below 2"),
        ({"config": {"command": ["no-such-program"]}}, "no program of this name"),
        ({"command": ["python", "a\0b"]}, "python: a word of the command holds a NUL character"),
        ({"config": {"command": ["python"], "inputs": ["none.csv"]}}, "input none.csv: there is no such file"),
    ],
)
def test_a_call_that_does_not_fit_makes_no_folder(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        train(**asked)
    assert not Path("runs").exists()


def test_python_runs_a_command_as_the_line_does() -> None:
    seen: list[bytes] = []
    run = train(
        command=[sys.executable, Path("train.py"), "--seed", 2**32],  # type: ignore[list-item]
        inputs=["data"],
        outputs=["out"],
        metrics="out/metrics.json",
        timeout=60,
        on_output=lambda stream, data: seen.append(data),
    )
    assert completed(run).inputs.seed is None  # no library takes such a one
    assert b"".join(seen) == b"threads None\n"


# --- inputs and outputs -----------------------------------------------------------------------------------------


def test_a_folder_of_inputs_is_all_its_files_and_code_is_no_data(project: Path) -> None:
    (project / "data" / "deep").mkdir()
    (project / "data" / "deep" / "y.csv").write_text("1")
    (project / "data" / "__pycache__").mkdir()
    (project / "data" / "__pycache__" / "z.pyc").write_text("1")
    (project / "data" / "features.py").write_text("A = 1")
    run = train(command=[sys.executable, "train.py"], inputs=["data", "train.py", "data/x.csv"])
    inputs = completed(run).inputs
    assert [file.path for file in inputs.files or [] if file.how == "declared"] == ["data/deep/y.csv", "data/x.csv"]
    assert inputs.program.script == "train.py"
    assert {"train.py", "data/features.py"} <= {*inputs.program.modules}


def test_an_input_of_which_only_the_name_is_kept_is_found_again(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    outside = project.parent / f"{project.name}_{getpass.getuser()}"  # a path that tells a name
    outside.mkdir()
    (outside / "d.csv").write_text("1")
    run = train(command=script("print('m: 1')"), inputs=[outside / "d.csv"], name="one")
    (file,) = completed(run).inputs.files or []
    assert (file.path, file.is_changed) == (".../d.csv", False)
    assert week2kit("verify", "runs/one").returncode == 0


def test_named_outputs_count_wherever_they_are(project: Path) -> None:
    outside = project.parent / f"{project.name}_outside"
    write = f"""
        import os
        os.makedirs(".cache/deep", exist_ok=True)
        os.makedirs({str(outside)!r}, exist_ok=True)
        for path in (".cache/deep/a.txt", ".cache/b.txt", "c.txt", {str(outside / "d.txt")!r}):
            open(path, "w").write("x")
    """
    run = train(command=script(write), outputs=[".cache/deep", outside / "d.txt", "c.txt"])
    files = {file.path: file for file in completed(run).outcome.files}
    assert [path for path in files if not path.startswith(".")] == ["c.txt"]
    assert sum(path.endswith("d.txt") for path in files) == 1
    assert ".cache/deep/a.txt" in files
    assert ".cache/b.txt" not in files
    assert len({file.sha256 for file in files.values()}) == 1
    assert str(project.parent) not in (run.path / "manifest.json").read_text()


@pytest.mark.parametrize(
    ("code", "asked", "said"),
    [
        ("1", {"outputs": ["none.bin"]}, "output none.bin: the command left no such file or folder."),
        ("1", {"outputs": ["data/x.csv"]}, "output data/x.csv: the command did not write it; it lies there as before."),
        ("1", {"outputs": ["data"]}, "output data: the command wrote nothing in this folder."),
        ("1", {"metrics": "old.json"}, "metrics old.json: the command did not write it; it lies there as before."),
        ("1", {"predictions": "data/x.csv"}, "predictions data/x.csv: the command did not write it"),
        ("open('data/x.csv', 'a').write('1')", {"predictions": "data/x.csv"}, "predictions data/x.csv: expected a"),
        ("open('m.json', 'w').write('[1]')", {"metrics": "m.json"}, "metrics m.json: expected a JSON object"),
    ],
)
def test_what_was_not_written_is_no_result(code: str, asked: dict[str, Any], said: str) -> None:
    Path("old.json").write_text('{"accuracy": 1.0}')
    found = failure(train(command=script(code), name="one", **asked))
    assert found.error == "NotRecorded"
    assert found.message.startswith(said)


@pytest.mark.parametrize(
    "code",
    [
        "open('old.json', 'w').write('{\"accuracy\": 1.0}')",  # the same bytes again
        "import shutil; shutil.copy2('kept.json', 'old.json')",  # the same size, and an older time
        "import os; os.replace('kept.json', 'old.json')",
    ],
)
def test_what_was_written_again_is_a_result(code: str) -> None:
    for name in ("old.json", "kept.json"):
        Path(name).write_text('{"accuracy": 1.0}')
    run = train(command=script(code), metrics="old.json", outputs=["old.json"])
    assert completed(run).outcome.metrics == {"accuracy": 1.0}
    assert completed(run).outcome.metrics_from == "old.json"


# --- repeats ----------------------------------------------------------------------------------------------------


def test_repeats_have_the_next_seeds_and_come_before_the_run_that_is_recorded() -> None:
    alone = {seed: completed(train({**CONFIG, "seed": seed})).outcome.metrics for seed in (1, 2, 3)}
    for path in Path("out").glob("*"):
        path.unlink()
    done = week2kit("train", declared(), "--repeats", "2", "--name", "one")
    outcome = completed("one").outcome
    assert [(repeat.seed, repeat.metrics) for repeat in outcome.repeats] == [(2, alone[2]), (3, alone[3])]
    assert outcome.metrics == alone[1] == json.loads(Path("out/command/metrics.json").read_text())
    assert [file.change for file in outcome.files] == ["created"]  # by a repeat, which is no earlier run
    assert done.stderr.splitlines()[:2] == ["repeat 1 of 2: seed 2", "repeat 2 of 2: seed 3"]
    assert done.stdout == "threads 1\n"  # that of the recorded run only
    assert "2 other seeds" in done.stderr
    assert completed("one").warnings == []


def test_repeats_of_a_typed_command_find_its_seed() -> None:
    for flag, words in (("--seed", ["--seed=4"]), ("-s", ["-s", "4"])):
        code = "import sys; print('m:', sys.argv[-1].split('=')[-1])"
        run = train(command=[*script(code), *words], repeats=2, seed_flag=None if flag == "--seed" else flag)
        outcome = completed(run).outcome
        assert [(repeat.seed, repeat.metrics) for repeat in outcome.repeats] == [(5, {"m": 5}), (6, {"m": 6})]
        assert outcome.metrics == {"m": 4}


def test_an_input_that_the_repeats_change_is_told_and_recorded_as_it_was_read(project: Path) -> None:
    code = "print('m:', len(open('data/x.csv').read())); open('data/x.csv', 'a').write('1')"
    run = train(command=[*script(code), "--seed", "1"], inputs=["data"], repeats=2)
    outcome, (file,) = completed(run).outcome, completed(run).inputs.files or []
    assert [one.metrics["m"] for one in outcome.repeats] == [8, 9]
    assert (outcome.metrics["m"], file.bytes) == (10, 10)
    assert file.sha256 == hashlib.sha256(b"a,b\n1,2\n11").hexdigest()
    assert "command.repeats_changed_input" in codes(run)
    quiet = train(command=[*script("print('m:', len(open('data/x.csv').read()))")], inputs=["data"], repeats=2)
    assert codes(quiet) == []
    once = train(command=[*script(code)], inputs=["data"])
    assert codes(once) == []


def test_the_whole_folder_as_output_is_not_the_runs_themselves() -> None:
    files = completed(train(command=script("open('a.txt', 'w').write('1')"), outputs=["."])).outcome.files
    assert [file.path for file in files if "__pycache__" not in file.path] == ["a.txt"]


def test_seeds_that_go_round_stay_seeds() -> None:
    run = train(command=[*script("print('m: 1')"), "--seed", str(2**32 - 1)], repeats=1)
    assert [repeat.seed for repeat in completed(run).outcome.repeats] == [0]


def codes(run: Run) -> list[str]:
    return [warned.code for warned in completed(run).warnings]


def test_what_the_repeats_show_is_told_and_nothing_else() -> None:
    drawn, fixed = script("import random; print('m:', random.random())"), script("print('m: 1')")
    seeded = [*script("import sys; print('m:', sys.argv[-1])"), "--seed", "1"]
    assert codes(train(command=[*fixed, "--seed", "1"], repeats=2)) == ["command.seed_without_effect"]
    assert codes(train(command=drawn, repeats=2)) == ["command.unstable"]
    for quiet in (fixed, seeded):
        assert codes(train(command=quiet, repeats=2)) == []
    for once in ([*fixed, "--seed", "1"], drawn):
        assert codes(train(command=once)) == []
    rare = [*script("import sys; print('m:', sys.argv[-1])\nif sys.argv[-1] == '1': print('n: 1')"), "--seed", "1"]
    assert codes(train(command=rare, repeats=1)) == ["command.repeats_undefined"]


def test_the_repeats_of_an_unseeded_command_are_told_as_such() -> None:
    done = week2kit(
        "train", "--repeats", "2", "--name", "one", "--", *script("import random; print('m:', random.random())")
    )
    assert done.stderr.splitlines()[0] == "repeat 1 of 2: no seed is known"
    assert "2 more runs" in done.stderr
    assert "m: another value when the same command is run again, and no seed is known." in done.stderr
    assert [repeat.seed for repeat in completed("one").outcome.repeats] == [None, None]


@pytest.mark.parametrize(
    ("code", "asked", "said"),
    [
        ("import sys; sys.exit(sys.argv[-1] == '3')", {}, "repeat 2 of 3 (seed 3): It ended with exit code 1."),
        (
            "import sys, time; time.sleep(60 * (sys.argv[-1] == '2'))",
            {"timeout": 1},
            "repeat 1 of 3 (seed 2): It was ended after 1 seconds.",
        ),
        (
            "import sys\nif sys.argv[-1] != '2': open('m.json', 'w').write('{}')",
            {"metrics": "m.json"},
            "repeat 1 of 3 (seed 2): metrics m.json: the command left no such file",
        ),
    ],
)
def test_a_repeat_that_fails_fails_the_run(code: str, asked: dict[str, Any], said: str) -> None:
    run = train(command=[*script(code), "--seed", "1"], repeats=3, **asked)
    assert failure(run).message.startswith(said)


def test_an_interrupted_repeat_is_recorded(project: Path) -> None:
    code = "import time; open('begun', 'w'); time.sleep(60)"
    words = [sys.executable, "-m", "week2kit", "train", "--repeats", "2", "--name", "one", "--", *script(code)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        ends = time.monotonic() + 30
        while not (project / "begun").exists():
            assert time.monotonic() < ends
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert failure("one").error == "Interrupted"


def test_a_stale_file_is_no_metric_of_a_repeat() -> None:
    code = "import sys\nif sys.argv[-1] != '3': open('m.json', 'w').write('{\"m\": 1}')"
    run = train(command=[*script(code), "--seed", "1"], repeats=3, metrics="m.json")
    assert failure(run).message.startswith("repeat 2 of 3 (seed 3): metrics m.json: the command did not write it")


def test_each_repeat_reads_standard_input_from_its_start(project: Path) -> None:
    code = "import sys, week2kit; week2kit.train(command=[sys.executable, '-c', sys.argv[1]], repeats=2, name='one')"
    with (project / "data" / "x.csv").open() as file:
        words = [sys.executable, "-c", code, "import sys; print('m:', len(sys.stdin.read()))"]
        subprocess.run(words, stdin=file, check=True)
    outcome = completed("one").outcome
    assert [repeat.metrics for repeat in outcome.repeats] == [{"m": 8}, {"m": 8}] == [outcome.metrics] * 2


# --- stages -----------------------------------------------------------------------------------------------------

DVC = """
vars: [{who: me}, more.json]
stages:
  plain:
    cmd: PYTHON train.py --seed ${seed} --out ${folders.out}/plain
    deps: [train.py, data]
    params: [seed, folders.out, {more.json: [x]}]
    outs:
      - out/plain: {cache: false}
    metrics: [out/plain/metrics.json: {cache: false}]
  shell:
    cmd: mkdir -p made && PYTHON train.py | cat > made/log.txt
    outs: [made]
  lines:
    cmd: [PYTHON train.py, "echo 'm: 1' | cat"]
  stopped:
    cmd: [PYTHON train.py, exit 3 || exit 3, touch never]
  values:
    cmd: "echo 'accuracy: ${sizes[1]}' '${who} ${x.y} ${deep}' '\\\\${HOME}'"
  dicts: {cmd: "PYTHON train.py ${folders}"}
  unknown: {cmd: "PYTHON train.py ${item.x}"}
  loop: {foreach: [1, 2], do: {cmd: PYTHON}}
  elsewhere: {cmd: PYTHON train.py, wdir: data}
  remote: {cmd: PYTHON train.py, deps: ["s3://bucket/x"]}
  gone: {cmd: PYTHON train.py, deps: [none.csv]}
  unwritten: {cmd: PYTHON train.py, outs: [model.bin]}
  nothing: {deps: [data]}
  empty: {cmd: ""}
  odd: {cmd: PYTHON train.py, deps: data}
"""
MLPROJECT = """
name: course
entry_points:
  main:
    parameters:
      seed: {type: float, default: 7}
      text: {default: "a b"}
    command: "PYTHON train.py --seed {seed}"
  quoted:
    parameters: {text: {default: "a b"}}
    command: "echo m: {text} {{text}}"
  asks:
    parameters: {path: path}
    command: "PYTHON train.py {path}"
  unknown: {command: "PYTHON train.py {zz}"}
"""


@pytest.fixture
def stages(project: Path) -> Path:
    pytest.importorskip("yaml", reason="PyYAML is not installed (extra: dvc)")
    (project / "dvc.yaml").write_text(DVC.replace("PYTHON", sys.executable))
    (project / "MLproject").write_text(MLPROJECT.replace("PYTHON", sys.executable))
    (project / "params.yaml").write_text("seed: 3\nfolders: {out: out}\nsizes: [4, 8]\ndeep: true\n")
    (project / "more.json").write_text('{"x": {"y": 5}}')
    return project


def test_a_stage_of_dvc_is_run_as_it_is_declared(stages: Path) -> None:
    before = {path: path.read_bytes() for path in stages.glob("*.*")}
    done = week2kit("train", "--stage", "plain", "--name", "one", "--repeats", "1")
    assert done.returncode == 0, done.stderr
    manifest = completed("one")
    assert manifest.inputs.program.argv[1:] == ["train.py", "--seed", "3", "--out", "out/plain"]
    assert (manifest.inputs.program.script, manifest.inputs.seed.value) == ("train.py", 3)  # type: ignore[union-attr]
    named = [file.path for file in manifest.inputs.files or []]
    assert named == ["data/x.csv", "more.json", "params.yaml"]
    assert manifest.outcome.metrics_from == "out/plain/metrics.json"
    assert [repeat.seed for repeat in manifest.outcome.repeats] == [4]
    assert before == {path: path.read_bytes() for path in stages.glob("*.*")}  # never written
    assert not (stages / "dvc.lock").exists()


@pytest.mark.parametrize(
    ("stage", "argv"),
    [
        ("shell", ["sh", "-c", "mkdir -p made && PYTHON train.py | cat > made/log.txt"]),
        ("lines", ["sh", "-c", "PYTHON train.py && sh -c 'echo '\"'\"'m: 1'\"'\"' | cat'"]),
        ("main", ["PYTHON", "train.py", "--seed", "7"]),
        ("quoted", ["sh", "-c", "echo m: 'a b' {text}"]),
    ],
)
def test_a_line_is_split_or_read_by_a_shell(stages: Path, stage: str, argv: list[str]) -> None:
    asked = read_stage(stage, stages)
    assert [word.replace(sys.executable, "PYTHON") for word in asked.argv] == argv
    assert completed(train(stage=stage)).status == "completed"


def test_values_are_filled_in_and_escaped_ones_left_to_the_shell(stages: Path) -> None:
    seen: list[bytes] = []
    train(stage="values", on_output=lambda stream, data: seen.append(data))
    assert b"".join(seen) == b"accuracy: 8 me 5 true ${HOME}\n"


def test_of_several_lines_the_first_that_fails_ends_all(stages: Path) -> None:
    assert failure(train(stage="stopped")).code == 3
    assert not (stages / "never").exists()


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("dicts", r"dvc.yaml: dicts: \$\{folders\} is no single value, and only DVC fills it in"),
        ("unknown", r"\$\{item.x\} stands neither in params.yaml nor in vars"),
        ("loop", 'dvc.yaml: loop: "foreach" is read by DVC only'),
        ("elsewhere", 'dvc.yaml: elsewhere: "wdir" is read by DVC only'),
        ("remote", "s3://bucket/x lies on no disk of this machine; fetch it first"),
        ("gone", "input none.csv: there is no such file or folder"),
        ("nothing", 'dvc.yaml: nothing: it has no "cmd"'),
        ("empty", "its command is empty"),
        ("odd", "dvc.yaml: odd: deps: expected a list"),
        ("asks", "MLproject: asks: the parameter path has no default; write the command behind --"),
        ("none", "there is no stage none; dvc.yaml has plain, shell.*; MLproject has main, quoted"),
    ],
)
def test_what_only_its_own_tool_can_do_is_named(stages: Path, stage: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        train(stage=stage)
    assert not Path("runs").exists()


def test_outs_that_were_not_written_fail_the_run(stages: Path) -> None:
    assert failure(train(stage="unwritten")).message.startswith("output model.bin: the command left no such file")


def test_a_parameter_that_is_none_is_named(stages: Path) -> None:
    (stages / "dvc.yaml").unlink()
    with pytest.raises(UsageError, match=r"MLproject: unknown: \{zz\} is none of its parameters"):
        train(stage="unknown")


def test_options_beside_a_stage_add_to_it(stages: Path) -> None:
    run = train(stage="shell", metrics="out/metrics.json", inputs=["params.yaml"], timeout=60)
    assert completed(run).outcome.metrics_from == "out/metrics.json"
    assert "params.yaml" in [file.path for file in completed(run).inputs.files or []]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is neither dvc.yaml nor MLproject"),
        ("[1", "no YAML can be read"),
        ("- a", "expected keys and values"),
    ],
)
def test_files_that_are_none_are_refused(project: Path, text: str | None, said: str) -> None:
    pytest.importorskip("yaml")
    if text is not None:
        (project / "dvc.yaml").write_text(text)
    done = week2kit("train", "--stage", "plain")
    assert done.returncode == 2
    assert said in done.stderr


def test_without_pyyaml_the_remedy_is_told(stages: Path) -> None:
    (stages / "yaml.py").write_text("raise ImportError('none')")
    done = command("train", "--stage", "plain", cwd=stages, path=stages)
    assert done.returncode == 2
    assert "Reading dvc.yaml needs PyYAML. Install it: pip install pyyaml" in done.stderr
    assert command("train", declared(), cwd=stages, path=stages).returncode == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("python train.py --lr 0.1", ["python", "train.py", "--lr", "0.1"]),
        ("python 'a b' \"c\"", ["python", "a b", "c"]),
        ("  python\ttrain.py  ", ["python", "train.py"]),
        ("A=1 python train.py", None),
        ("python train.py > log", None),
        ("python train.py data/*.csv", None),
        ("python train.py $SEED", None),
        ("cd src", None),
        ("exec python train.py", None),
        ("python x.py --a=b", ["python", "x.py", "--a=b"]),
    ],
)
def test_only_a_plain_line_is_split(line: str, words: list[str] | None) -> None:
    assert words_of(line) == (words or ["sh", "-c", line])


# --- verify -----------------------------------------------------------------------------------------------------


def test_what_a_config_sets_and_names_is_there_in_the_rerun(project: Path) -> None:
    code = """
        import os, pathlib, sys
        for path in (".cache/a.txt", "../beside/b.txt"):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            pathlib.Path(path).write_text(os.environ["WORD"])
        pathlib.Path("kept/c.txt").write_text(os.environ["WORD"])
    """
    (project / "work" / "kept").mkdir(parents=True)
    config = {"command": script(code), "env": {"WORD": "{seed}"}, "seed": 1, "outputs": [".cache", "../beside"]}
    (project / "work" / "c.json").write_text(json.dumps(config))
    done = command("train", "c.json", "--name", "one", cwd=project / "work")
    assert done.returncode == 0, done.stderr
    files = completed(open_run(project / "work" / "runs" / "one")).outcome.files
    assert [file.path for file in files] == ["../beside/b.txt", ".cache/a.txt", "kept/c.txt"]
    done = command("verify", "runs/one", cwd=project / "work")
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "runs/one  identical"), done.stdout


def test_a_stage_and_a_config_with_repeats_verify(stages: Path) -> None:
    week2kit("train", declared(), "--repeats", "2", "--name", "config")
    week2kit("train", "--stage", "plain", "--name", "stage")
    done = week2kit("verify", "runs/config", "runs/stage")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("  identical: ") == 2


# --- report -----------------------------------------------------------------------------------------------------

#: A script whose accuracy moves with its seed, by a known amount, and is better with another option.
MOVES = "import sys; print('accuracy:', 0.5 + int(sys.argv[2]) % 7 / 100 + float(sys.argv[3]))"


def reported(*names: str) -> str:
    return render(report([f"runs/{name}" for name in names], only_named=True))


def test_repeats_are_the_noise_floor_of_a_report() -> None:
    for name, gain, repeats in (("base", "0.0", 3), ("more", "0.1", 3), ("less", "-0.1", 0)):
        train(command=[*script(MOVES), "--seed", "1", gain], name=name, repeats=repeats)
    alone = reported("base")
    assert "With 4 seeds and all else as in `base`, as far as is recorded, `accuracy` has a standard deviation" in alone
    assert "from 0.5100 to 0.5400" in alone
    assert "was seen with one seed only" not in alone
    both = reported("base", "more")
    assert (
        "Seed by seed, `more` is ahead of `base` in 4 of 4 pairs, behind in 0; the mean difference is +0.1000." in both
    )
    assert "Seed by seed" not in reported("base", "less")  # it was not repeated
    assert "standard deviation" not in reported("less")
    assert "was seen with one seed only" in reported("less")


def test_repeats_without_a_seed_are_told_as_such() -> None:
    drawn = script("import random; print('accuracy:', random.random())")
    train(command=drawn, name="drawn", repeats=2)
    train(command=drawn, name="once")
    assert "`drawn` was run 3 times as it stands: `accuracy` has a standard deviation of" in reported("drawn")
    assert "as it stands" not in reported("once")
    assert "seeds and all else" not in reported("drawn")
