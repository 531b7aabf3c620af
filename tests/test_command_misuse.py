"""A command that cannot begin, ends badly or leaves rubbish: one sentence, the right exit code, and nothing lost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from week2kit.record.command import CompletedCommand, FailedCommand, RunningCommand
from week2kit.record.store import open_run

from .forked import OF_COMMANDS, server_for
from .sessions import ROOT, end_all_in, wait_for, working_in

posix = pytest.mark.skipif(os.name != "posix", reason="signals, sessions and #! are those of POSIX")

SURROUNDINGS: Final = {
    **os.environ,
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "."]),
    "PYTHONPATH": str(ROOT),
    "COLUMNS": "200",
}


@dataclass(frozen=True)
class Said:
    """What the command line said, and with which exit code."""

    code: int
    out: bytes
    err: str


def week2kit(*words: str, cwd: str = ".") -> Said:
    """The command line in a process of its own."""
    folder = str(Path(cwd).absolute())
    server = server_for(SURROUNDINGS, OF_COMMANDS)
    ended = server.run("week2kit.cli:main", ["week2kit", *words], folder, SURROUNDINGS, timeout=120)
    out = ended.stdout.encode("utf-8", "surrogateescape")
    said = Said(ended.returncode, out, ended.stderr.encode("utf-8", "replace").decode())
    assert said.code != 70, said.err
    return said


def train(*words: str, name: str | None = "one", cwd: str = ".") -> Said:
    return week2kit("train", *([] if name is None else ["--name", name]), *words, cwd=cwd)


def python(code: str, *options: str, **more: Any) -> Said:
    return train(*options, "--", "python", "-c", textwrap.dedent(code), **more)


def manifest(name: str = "one") -> Any:
    return open_run(Path("runs", name)).manifest


def completed(name: str = "one") -> CompletedCommand:
    found = manifest(name)
    assert isinstance(found, CompletedCommand), found
    return found


def failure(name: str = "one") -> Any:
    found = manifest(name)
    assert isinstance(found, FailedCommand)
    return found.failure


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    server_for(SURROUNDINGS, OF_COMMANDS)  # which then does not work in this folder
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("a,y\n1,0\n2,1\n")
    yield tmp_path
    end_all_in(tmp_path)


# --- what cannot begin ------------------------------------------------------------------------------------------

CANNOT_BEGIN: Final = {
    "nothing at all": ([], "expected a config, or a command behind --: week2kit train -- python train.py"),
    "no command": (["--"], "no command was given. Write it after --: week2kit train -- python train.py"),
    "an empty word": (["--", ""], "no command was given"),
    "not found": (["--", "pyhton", "train.py"], "pyhton: no program of this name was found on the PATH."),
    "a path that is not there": (["--", "./train.sh"], "./train.sh: there is no such program."),
    "a folder": (["--", "./place"], "./place: expected a program, and it is a folder."),
    "a file of this folder": (["--", "tool"], "tool: no program of this name was found on the PATH. A file in this"),
    "a script of this folder": (["--", "plain.py"], "To run the file in this folder: python plain.py"),
    "a script that may not be run": (["--", "./plain.py"], "Run it by its interpreter: python ./plain.py"),
    "a program that may not be run": (["--", "./tool"], "./tool: it may not be run. chmod +x ./tool"),
    "no first line": (
        ["--", "./bare.py"],
        "./bare.py: its first line names no interpreter (#!). Run it by one: python ./bare.py",
    ),
    "an interpreter that is not there": (
        ["--", "./lost.sh"],
        'its first line names an interpreter that is not there: "/no/such/interpreter".',
    ),
    "lines of Windows": (["--", "./windows.sh"], "./windows.sh: its lines end as on Windows (CR LF)"),
    "a console script of a venv that moved": (["--", "moved"], "moved: its first line names an interpreter that is"),
    "no dashes": (["python", "plain.py"], "To run a command, write -- before it: week2kit train -- python plain.py"),
    "a script for a config": (
        ["plain.py"],
        "plain.py is no config. To run a command, write -- before it: week2kit train -- python plain.py",
    ),
    "an option of a config": (["--seed", "3", "--", "python", "plain.py"], "--seed is for a config"),
    "an input that is not there": (
        ["--input", "n.csv", "--", "python", "plain.py"],
        "input n.csv: there is no such file or folder.",
    ),
    "a seed that is not there": (
        ["--seed-flag", "-s", "--", "python", "plain.py"],
        "--seed-flag: the command has no -s",
    ),
    "no time": (["--timeout", "0", "--", "python", "plain.py"], "--timeout"),
    "a time that is none": (["--timeout", "nan", "--", "python", "plain.py"], "--timeout"),
    "a name that is a path": (["--name", "../x", "--", "python", "plain.py"], "--name: expected up to"),
}


@posix
@pytest.mark.parametrize("case", CANNOT_BEGIN)
def test_what_cannot_begin_is_told_and_nothing_is_made(case: str, folder: Path) -> None:
    words, expected = CANNOT_BEGIN[case]
    (folder / "place").mkdir()
    (folder / "plain.py").write_text("open('ran', 'w'); print('m: 1')\n")
    (folder / "tool").write_text("#!/bin/sh\ntouch ran\n")
    (folder / "bare.py").write_text("open('ran', 'w')\n")
    (folder / "lost.sh").write_text("#!/no/such/interpreter\ntouch ran\n")
    (folder / "windows.sh").write_bytes(b"#!/bin/sh\r\ntouch ran\r\n")
    (folder / "moved").write_text("#!/old/venv/bin/python\nopen('ran', 'w')\n")
    for name in ("bare.py", "lost.sh", "windows.sh", "moved"):
        (folder / name).chmod(0o755)
    said = train(*words, name=None)
    assert said.code == 2
    assert said.out == b""
    assert expected in re.sub(r"\s+", " ", said.err)
    assert "Traceback" not in said.err
    assert not Path("ran").exists()
    assert not list(Path().glob("runs/*"))


@posix
@pytest.mark.parametrize("place", ["data.csv", "data.csv/runs", "/proc/none", "/dev/null/x"])
def test_a_place_that_cannot_be_written_is_told_before_anything_runs(place: str) -> None:
    said = python("open('ran', 'w')", "--runs-dir", place)
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert "no run folder can be made there" in said.err
    assert "--runs-dir" in said.err
    assert not Path("ran").exists()


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_runs_that_may_not_be_written_is_told(folder: Path) -> None:
    (folder / "runs").mkdir(mode=0o500)
    said = python("open('ran', 'w')")
    assert (said.code, Path("ran").exists()) == (2, False)
    assert "no run folder can be made there: Permission denied" in said.err


# --- how it ends ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class End:
    """A script, and how its end is recorded and told."""

    script: str
    error: str
    code: int | None
    says: str
    options: tuple[str, ...] = ()


ENDS: Final = {
    "exit code": End("import sys; sys.exit(3)", "ExitCode", 3, "It ended with exit code 3."),
    "an exception": End("raise KeyError('y')", "ExitCode", 1, "It ended with exit code 1: KeyError: 'y'"),
    "a message": End("raise SystemExit('no data')", "ExitCode", 1, "It ended with exit code 1: no data"),
    "a syntax error": End("def", "ExitCode", 1, "SyntaxError"),
    "killed": End("import os; os.kill(os.getpid(), 9)", "Signal", 9, "It was ended by SIGKILL."),
    "aborted": End("import os; os.abort()", "Signal", 6, "It was ended by SIGABRT."),
    "a segmentation fault": End("import os; os.kill(os.getpid(), 11)", "Signal", 11, "It was ended by SIGSEGV."),
    "a signal of no name": End("import os; os.kill(os.getpid(), 40)", "Signal", 40, "It was ended by signal 40."),
    "too long": End(
        "import time; time.sleep(60)",
        "TimeLimit", None, "It was ended after 0.8 seconds.", ("--timeout", "0.8"),
    ),
    "metrics not written": End(
        "pass", "NotRecorded", 0, "metrics m.json: the command left no such file", ("--metrics", "m.json")
    ),
    "metrics of before": End(
        "pass", "NotRecorded", 0, "metrics old.json: the command did not write it", ("--metrics", "old.json")
    ),
    "metrics that are a folder": End(
        "import os; os.mkdir('m.json')", "NotRecorded", 0, "metrics m.json: ", ("--metrics", "m.json")
    ),
    "metrics that are a list": End(
        "open('m.json', 'w').write('[1, 2]')", "NotRecorded", 0,
        "metrics m.json: expected a JSON object of names and numbers", ("--metrics", "m.json"),
    ),
    "metrics of texts only": End(
        "open('m.json', 'w').write('{\"accuracy\": \"high\"}')", "NotRecorded", 0,
        "metrics m.json: expected a JSON object of names and numbers", ("--metrics", "m.json"),
    ),
    "predictions of before": End(
        "pass", "NotRecorded", 0, "predictions old.csv: the command did not write it", ("--predictions", "old.csv")
    ),
    "predictions that are none": End(
        "open('p.csv', 'w').write('a,b\\n1,2\\n')", "NotRecorded", 0,
        "predictions p.csv: expected a table with the columns y_true and y_pred", ("--predictions", "p.csv"),
    ),
}  # fmt: skip


@posix
@pytest.mark.parametrize("case", ENDS)
def test_how_it_ended_is_recorded_and_told(case: str) -> None:
    end = ENDS[case]
    Path("old.json").write_text('{"accuracy": 1.0}')
    Path("old.csv").write_text("y_true,y_pred\n1,1\n")
    said = python(end.script, *end.options)
    found = failure()
    assert said.code == 1
    assert (found.stage, found.error, found.code) == ("command", end.error, end.code)
    assert end.says in found.message
    assert found.hint
    own = said.err[said.err.index("run: runs/one (failed, recorded)") :]
    assert end.says in own
    assert "  try: " in own
    assert "week2kit/" not in own


# --- what it leaves ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Left:
    """A script, and what of its numbers is recorded."""

    script: str
    metrics: dict[str, float]
    source: str | None
    warnings: tuple[str, ...] = ()
    says: str = ""
    options: tuple[str, ...] = ()


JSON: Final = "import json, os; write = lambda name, value: open(name, 'w').write(json.dumps(value)); "
LEAVES: Final = {
    "two files of metrics": Left(
        JSON + "[os.mkdir(f) or write(f + '/metrics.json', {'m': 1}) for f in 'ab']",
        {}, None, ("command.several_metrics",), "2 files look like metrics (a/metrics.json, b/metrics.json)",
    ),
    "one of two is chosen": Left(
        JSON + "[os.mkdir(f) or write(f + '/metrics.json', {'m': 1}) for f in 'ab']; write('m.json', {'m': 2})",
        {"m": 2.0}, "m.json", options=("--metrics", "m.json"),
    ),
    "NaN and infinity": Left(
        JSON + "write('metrics.json', {'a': float('nan'), 'b': float('-inf'), 'c': 0.5})",
        {"c": 0.5}, "metrics.json", ("command.undefined",), "a, b: no finite number, so nothing can be compared.",
    ),
    "only NaN": Left(
        JSON + "write('metrics.json', {'a': float('nan')})", {}, "metrics.json", ("command.undefined",), "a: no finite"
    ),
    "texts": Left(
        JSON + "write('metrics.json', {'a': '0.9', 'b': None, 'c': True})",
        {}, None, ("command.metrics_unread", "command.no_metrics"), "metrics.json holds no number",
    ),
    "no JSON": Left(
        "open('metrics.json', 'w').write('accuracy 0.9')",
        {}, None, ("command.metrics_unread", "command.no_metrics"), "metrics.json holds no number",
    ),
    "an empty file": Left(
        "open('metrics.json', 'w')", {}, None, ("command.metrics_unread", "command.no_metrics"), "metrics.json holds"
    ),
    "deep rubbish": Left(
        "open('metrics.json', 'w').write('[' * 100_000)", {}, None, ("command.metrics_unread", "command.no_metrics")
    ),
    "a number larger than any": Left(
        "open('metrics.json', 'w').write('{\"a\": 1' + '0' * 400 + '}')", {}, "metrics.json", ("command.undefined",)
    ),
    "more digits than Python reads": Left(
        "open('metrics.json', 'w').write('{\"a\": 1' + '0' * 5000 + '}')",
        {}, None, ("command.metrics_unread", "command.no_metrics"),
    ),
    "metrics of another run": Left(
        "pass", {}, None, ("command.no_metrics",), "No metric was found"
    ),
    "names that are none": Left(
        JSON + "write('metrics.json', {'': 1, 'a\\nb': 2, 'x' * 5000: 3, '\\ud800': 4, 'good': 5})",
        {"(no name)": 1.0, "a\nb": 2.0, "\\ud800": 4.0, "good": 5.0}, "metrics.json",
    ),
    "a history of a million steps": Left(
        JSON + "write('metrics.json', {'accuracy': 0.5, 'loss': [0.25] * 1_000_000})",
        {"accuracy": 0.5, "loss.9": 0.25}, "metrics.json", ("command.many_metrics",), "has 10000 numbers or more",
    ),
    "a million lines": Left(
        "print('\\n'.join(f'step {n}: 1' for n in range(200_000))); print('m: 0.5')",
        {"m": 0.5}, "standard output", ("command.many_metrics",), '"standard output" has 10000 numbers or more',
    ),
    "nothing": Left("pass", {}, None, ("command.no_metrics",), "No metric was found"),
}  # fmt: skip


@pytest.mark.parametrize("case", LEAVES)
def test_what_it_reports_is_recorded_or_told(case: str) -> None:
    left = LEAVES[case]
    if case == "metrics of another run":
        Path("old").mkdir()
        Path("old/metrics.json").write_text('{"accuracy": 1.0}')
    said = python(left.script, *left.options)
    assert said.code == 0, said.err
    outcome, warnings = completed().outcome, completed().warnings
    assert left.metrics.items() <= outcome.metrics.items()
    assert outcome.metrics_from == left.source
    assert {*left.warnings} == {warned.code for warned in warnings}
    assert left.says in said.err
    assert "Traceback" not in said.err


def test_a_command_of_many_words_is_recorded() -> None:
    long = f"'{'x' * 30_000}'; print('m: 1')"
    assert python(long).code == 0
    assert completed().outcome.metrics == {"m": 1.0}
    assert train("--", "python", "-c", "print('m: 2')", *map(str, range(5000)), name="two").code == 0
    assert completed("two").outcome.metrics == {"m": 2.0}


def test_ten_thousand_outputs_are_recorded_in_seconds() -> None:
    began = time.monotonic()
    said = python(
        """
        import os
        os.mkdir("out")
        for number in range(10_000):
            with open(f"out/{number}.txt", "w") as file:
                file.write(str(number))
        print("m: 1")
        """
    )
    assert said.code == 0
    assert len(completed().outcome.files) == 10_000
    assert len(said.err.splitlines()) < 10
    assert time.monotonic() - began < 20


@pytest.mark.slow
def test_a_large_output_is_kept_by_its_digest() -> None:
    said = python(
        """
        import os
        with open("model.bin", "wb") as file:
            file.truncate(5 << 30)
            file.seek(1 << 32)
            file.write(b"1")
        print("m: 1")
        """,
    )
    assert said.code == 0
    (file,) = completed().outcome.files
    assert (file.path, file.bytes, file.kept) == ("model.bin", 5 << 30, False)
    assert sum(entry.stat().st_size for entry in Path("runs/one").rglob("*")) < 1 << 20


def test_binary_rubbish_is_passed_on_and_disturbs_nothing() -> None:
    code = (
        "import sys; rubbish = bytes(range(256)) * 9000; sys.stdout.buffer.write(rubbish + b'\\nm: 0.5\\n'); "
        "sys.stderr.buffer.write(b'\\xff\\x1b[31m\\x00 50%\\r')"
    )
    said = python(code)
    assert said.code == 0
    assert said.out == bytes(range(256)) * 9000 + b"\nm: 0.5\n"
    assert completed().outcome.metrics == {"m": 0.5}


def test_binary_rubbish_at_a_failure_is_told_as_text() -> None:
    said = python("import sys; sys.stderr.buffer.write(b'\\xff\\x1b[31m\\x00 it \\x9b broke\\n'); sys.exit(1)")
    assert said.code == 1
    own = said.err[said.err.index("run: runs/one") :]
    assert "it" in failure().message
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", own + failure().message + "".join(failure().traceback))


def test_with_json_the_output_of_the_command_does_not_mix_with_the_record() -> None:
    said = python('print(\'{"not": "ours"}\')', "--json")
    assert json.loads(said.out)["kind"] == "command"
    assert '{"not": "ours"}' in said.err


@posix
def test_names_that_are_no_text_are_recorded() -> None:
    said = python(
        r"""
        open(b"\xff.txt", "w").write("1")
        open("line\nbreak.txt", "w").write("2")
        open("\u202e.txt", "w").write("3")
        open("-rf", "w").write("4")
        print("m: 1")
        """
    )
    assert said.code == 0, said.err
    assert len(completed().outcome.files) == 4


@posix
def test_what_is_no_file_is_no_output_and_is_not_waited_for() -> None:
    said = python(
        """
        import os, socket
        os.mkfifo("pipe")
        socket.socket(socket.AF_UNIX).bind("socket")
        os.symlink("/etc/hostname", "link")
        os.symlink("round", "round")
        open("private", "w").write("1")
        os.chmod("private", 0)
        print("m: 1")
        """
    )
    assert said.code == 0, said.err
    assert {file.path for file in completed().outcome.files} <= {"private"}


def test_a_closed_pipe_does_not_end_the_command() -> None:
    words = [sys.executable, "-m", "week2kit", "train", "--name", "one", "--", "python", "-c"]
    code = "import time\nfor n in range(20000): print('line', n)\nprint('m: 1'); open('ran', 'w')"
    process = subprocess.Popen([*words, code], env=SURROUNDINGS, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.wait(60)
    process.stderr.close()
    assert Path("ran").exists()
    assert completed().outcome.metrics == {"m": 1.0}
    assert "Traceback" not in errors


# --- what ends it -----------------------------------------------------------------------------------------------

#: It has a child, one in a session of its own, and one that nobody waits for; none ends by itself.
FAMILY: Final = """
import os, subprocess, sys, time
open("out.txt", "w").write("1")
sleep = [sys.executable, "-c", "import signal, time; signal.signal(2, signal.SIG_IGN); open(str(os.getpid()) + '.pid',"
         " 'w'); time.sleep(300)".replace("import ", "import os, ")]
children = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
subprocess.run([sys.executable, "-c", f"import subprocess; subprocess.Popen({sleep!r})"], check=True)
while sum(name.endswith(".pid") for name in os.listdir()) < 3:
    time.sleep(0.02)
try:
    open("begun", "w")
    time.sleep(300)
except KeyboardInterrupt:
    open("tidied", "w").write("1")
    raise
"""


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_what_ends_week2kit_ends_the_command_with_all_that_it_started(
    number: signal.Signals, code: int, folder: Path
) -> None:
    words = [sys.executable, "-m", "week2kit", "train", "--name", "one", "--", "python", "-c", FAMILY]
    process = subprocess.Popen(words, env=SURROUNDINGS, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: Path("begun").exists(), 30)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    wait_for(lambda: not working_in(folder), 10)
    found = manifest()
    if number == signal.SIGKILL:
        assert isinstance(found, RunningCommand)
    else:
        assert failure().error == "Interrupted"
        assert Path("tidied").exists()
        assert "week2kit/" not in errors.decode()
    listed = week2kit("runs")
    assert listed.code == 0
    assert re.search(r"one\s+(interrupted|failed) ", listed.out.decode())
    assert week2kit("verify", "runs/one").out.decode().count("undecided")


@posix
@pytest.mark.parametrize("delay", [0, 0.005, 0.01, 0.02, 0.04, 0.08])
def test_an_interrupt_before_the_command_began_leaves_no_run_that_seems_to_go_on(folder: Path, delay: float) -> None:
    words = [sys.executable, "-m", "week2kit", "train", "--name", "one", "--", "sleep", "99"]
    process = subprocess.Popen(words, env=SURROUNDINGS, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: Path("runs/one/manifest.json").exists(), 30)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "week2kit/" not in errors.decode()
    assert failure().error == "Interrupted"
    wait_for(lambda: not working_in(folder), 10)


def test_two_runs_at_once_in_one_folder_each_have_their_own_outputs() -> None:
    code = (
        "import os, sys, time; name = sys.argv[1]; open(name + '.begun', 'w').close()\n"
        "while len([f for f in os.listdir() if f.endswith('.begun')]) < 2: time.sleep(0.02)\n"
        "os.mkdir(name); open(name + '/metrics.json', 'w').write('{\"m\": ' + str(len(name)) + '}')\n"
        "open(name + '.ended', 'w').close()\n"
        "while len([f for f in os.listdir() if f.endswith('.ended')]) < 2: time.sleep(0.02)\n"
    )
    words = [sys.executable, "-m", "week2kit", "train"]
    both = [
        subprocess.Popen(
            [*words, "--name", name, "--", "python", "-c", code, name], env=SURROUNDINGS, stderr=subprocess.PIPE
        )
        for name in ("one", "three")
    ]
    said = [process.communicate(timeout=60)[1].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    for name in ("one", "three"):
        outcome = completed(name).outcome
        assert [warned.code for warned in completed(name).warnings] == ["command.others_files"]
        assert {file.path for file in outcome.files} == {f"{name}.begun", f"{name}.ended", f"{name}/metrics.json"}
        assert outcome.metrics == {"m": len(name)}


def test_what_is_told_goes_to_a_file_of_this_folder_and_is_no_output() -> None:
    words = [sys.executable, "-m", "week2kit", "train", "--name", "one", "--", "python", "-c", "print('m: 1')"]
    with open("log.txt", "wb") as log:
        subprocess.run(words, env=SURROUNDINGS, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)
    assert completed().outcome.files == []
    assert completed().warnings == []


def test_two_runs_of_one_name_are_one_run_and_a_refusal() -> None:
    words = [sys.executable, "-m", "week2kit", "train", "--name", "one", "--", "python", "-c", "print('m: 1')"]
    both = [subprocess.Popen(words, env=SURROUNDINGS, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=60)[1].decode() for process in both]
    assert sorted(process.returncode for process in both) == [0, 2]
    assert sum("this name is taken" in text for text in said) == 1
    assert completed().outcome.metrics == {"m": 1.0}


def test_a_record_that_is_removed_meanwhile_is_told() -> None:
    said = python("import shutil; shutil.rmtree('runs'); print('m: 1')")
    assert said.code in (1, 2)
    assert said.err.startswith("error: ") or "\nerror: " in said.err
    assert "Traceback" not in said.err


def test_a_folder_that_is_removed_meanwhile_is_told(folder: Path) -> None:
    (folder / "work").mkdir()
    said = python("import os, shutil; shutil.rmtree(os.getcwd()); print('m: 1')", "--runs-dir", "../runs", cwd="work")
    assert said.code in (0, 1, 2)
    assert "Traceback" not in said.err
