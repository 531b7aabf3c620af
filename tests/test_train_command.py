"""A person's own script from the command to its record: what was typed, what came out, and how it failed."""

from __future__ import annotations

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

from week2kit.canonical import dump_json
from week2kit.errors import UsageError
from week2kit.record.command import CompletedCommand, FailedCommand, RunningCommand
from week2kit.record.store import Run, open_run
from week2kit.record.writing import json_form
from week2kit.training.asked import Asked, Named
from week2kit.training.command import train_command
from week2kit.verification.shown import verify

TRAIN = """
    import argparse, json, os, time
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--input", default="data.csv")
    asked = parser.parse_args()
    frame = pd.read_csv(asked.input)
    split = train_test_split(frame[["a", "b"]], frame["y"], random_state=asked.seed)
    model = LogisticRegression().fit(split[0], split[2])
    predicted = model.predict(split[1])
    folder = time.strftime("artifacts/%Y%m%d_%H%M%S")
    os.makedirs(folder, exist_ok=True)
    pd.DataFrame({"y_true": split[3], "y_pred": predicted}).to_csv(f"{folder}/predictions.csv", index=False)
    with open(f"{folder}/metrics.json", "w") as file:
        json.dump({"accuracy": float((predicted == split[3]).mean())}, file)
    print("done")
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [f"{n % 7},{n % 5},{int(n % 7 > 3)}" for n in range(80)]
    (tmp_path / "data.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    (tmp_path / "train.py").write_text(textwrap.dedent(TRAIN))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*argv: str, name: str = "one", **asked: Any) -> Run:
    return train_command(Asked([sys.executable, *argv], **asked), name=name)


def python(code: str, **asked: Any) -> Run:
    return train("-c", textwrap.dedent(code), **asked)


def completed(run: Run) -> CompletedCommand:
    assert isinstance(run.manifest, CompletedCommand)
    return run.manifest


def failure(run: Run) -> Any:
    assert isinstance(run.manifest, FailedCommand)
    return run.manifest.failure


def test_a_course_script_is_recorded_as_it_stands() -> None:
    run = train("train.py", "--seed", "4", inputs=[Path("data.csv")])
    manifest = completed(run)
    program, outcome = manifest.inputs.program, manifest.outcome
    assert program.argv[1:] == ["train.py", "--seed", "4"]
    assert not program.argv[0].startswith("/")  # where Python lies on this machine is nobody's business
    assert (program.script, [*program.modules], program.seed_flag) == ("train.py", ["train.py"], "--seed")
    assert manifest.inputs.seed is not None
    assert manifest.inputs.seed.value == 4
    files = manifest.inputs.files or []
    assert [(file.path, file.how, file.is_changed) for file in files] == [("data.csv", "declared", False)]
    assert outcome.metrics == json.loads((run.path / "metrics.json").read_bytes())
    assert outcome.predictions is not None
    assert outcome.predictions.rows == 20
    assert {file.role for file in outcome.files} == {"metrics", "predictions"}
    assert manifest.warnings == []
    assert verify(run.path).runs[0].verdict == "identical"


def test_a_comment_changes_no_digest_and_a_number_does() -> None:
    digests, text = [], Path("train.py").read_text()
    for number, changed in enumerate([text, "# a comment\n" + text, text.replace("default=0", "default=1")]):
        Path("train.py").write_text(changed)
        digests.append(completed(train("train.py", name=str(number))).inputs.program.modules["train.py"])
    assert digests[0] == digests[1] != digests[2]


def test_a_script_that_fails_is_recorded_with_its_last_lines() -> None:
    found = failure(python("import sys; sys.stderr.write('10 %\\r20 %\\n'); raise ValueError('no luck')"))
    assert (found.stage, found.error, found.code) == ("command", "ExitCode", 1)
    assert found.message == "It ended with exit code 1: ValueError: no luck"
    assert (found.traceback[0], found.traceback[-1]) == ("20 %", "ValueError: no luck")


@pytest.mark.parametrize(
    ("code", "asked", "expected"),
    [
        ("import os; os.abort()", {}, ("Signal", 6, "It was ended by SIGABRT.")),
        ("import time; time.sleep(60)", {"timeout": 0.5}, ("TimeLimit", None, "It was ended after 0.5 seconds.")),
        ("import sys; sys.exit(7)", {}, ("ExitCode", 7, "It ended with exit code 7.")),
        ("1", {"named": Named(metrics="m.json")}, ("NotRecorded", 0, "metrics m.json: the command left no such")),
    ],
)
def test_every_end_is_told(code: str, asked: dict[str, Any], expected: tuple[str, int | None, str]) -> None:
    found = failure(python(code, **asked))
    assert (found.error, found.code) == expected[:2]
    assert found.message.startswith(expected[2])
    assert found.hint


def test_an_input_that_the_script_changes_is_seen() -> None:
    run = python("open('data.csv', 'a').write('1,1,1\\n'); print('m: 1')", inputs=[Path("data.csv")])
    files = completed(run).inputs.files or []
    assert [file.is_changed for file in files] == [True]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked([]), "no command was given"),
        (Asked(["no-such-program"]), "no program of this name"),
        (Asked(["python"], inputs=[Path("none.csv")]), "input none.csv: there is no such file or folder"),
        (Asked(["python", "x.py"], seed_flag="-s"), "--seed-flag: the command has no -s"),
    ],
)
def test_what_cannot_begin_makes_no_folder(asked: Asked, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        train_command(asked, name="one")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "asked", [{}, {"inputs": [Path("data.csv")], "variables": {"MODE": "fast", "API_KEY": "x"}}, {"seed": 2**40}]
)
def test_the_first_record_is_what_the_models_write(asked: dict[str, Any]) -> None:
    """It is written before they are loaded."""
    copies = "import shutil; shutil.copy('runs/one/manifest.json', 'seen.json')"
    train("-c", copies, "--seed", "3", name="one", **asked)
    seen = Path("seen.json").read_text()
    assert seen == dump_json(json_form(RunningCommand.model_validate_json(seen)))


def test_a_command_begins_before_the_models_and_the_parser_are_loaded() -> None:
    code = (
        "import sys, week2kit.cli, week2kit.processes.script as script; start = script._start\n"
        "def tell(*words): print({'pydantic', 'typer', 'sklearn', 'pandas'} & set(sys.modules)); return start(*words)\n"
        "script._start = tell; sys.argv = ['week2kit', 'train', '--', 'true']; week2kit.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("set_by", ["nobody", "the person"])
def test_a_command_gets_the_variables_of_the_person_and_none_of_ours(set_by: str) -> None:
    ours = {"PYDANTIC_DISABLE_PLUGINS": "__all__", "OMP_WAIT_POLICY": "passive"} if set_by == "the person" else {}
    names = ("PYDANTIC_DISABLE_PLUGINS", "OMP_WAIT_POLICY", "OPENBLAS_THREAD_TIMEOUT")
    surroundings = {name: value for name, value in os.environ.items() if name not in names} | ours
    code = "import sys, week2kit.cli, week2kit.loop; sys.argv = ['week2kit', *sys.argv[1:]]; week2kit.cli.main()"
    words = [sys.executable, "-c", code, "train", "--", "env"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=surroundings)
    lines = done.stdout.splitlines()
    found = {line for line in lines if line.startswith(names)}
    assert found == {f"{name}={value}" for name, value in ours.items()}


def test_a_name_that_is_taken_runs_nothing() -> None:
    python("print('m: 1')")
    with pytest.raises(UsageError, match="this name is taken by a run that completed"):
        python("open('ran', 'w')")
    assert not Path("ran").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_command_is_told_as_such(number: signal.Signals, project: Path) -> None:
    argv = [sys.executable, "-c", "import time; open('begun', 'w'); time.sleep(60)"]
    code = (
        "from week2kit.training.asked import Asked\nfrom week2kit.training.command import train_command\n"
        f"train_command(Asked({argv!r}), name='one')"
    )  # fmt: skip
    parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    ends = time.monotonic() + 30
    while not (project / "begun").exists():
        assert time.monotonic() < ends
        time.sleep(0.05)
    parent.send_signal(number)
    parent.wait(20)
    manifest = open_run("runs/one").manifest
    assert isinstance(manifest, FailedCommand if number == signal.SIGINT else RunningCommand)
    assert verify("runs/one").runs[0].verdict == "undecided"


def test_nothing_of_the_machine_stands_in_the_record(project: Path) -> None:
    run = train("-c", f"print('m: 1'); raise SystemExit('{project}/data.csv')")
    text = (run.path / "manifest.json").read_text()
    assert str(project) not in text
    assert os.path.expanduser("~") not in text  # noqa: PTH111 - as it is written
