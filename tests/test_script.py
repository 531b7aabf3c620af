"""A command of a person's own: run as it stands, its output passed on as it comes, ended as a whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from week2kit.errors import UsageError
from week2kit.processes.script import KEPT_OUTPUT, Ended, find_program, run_script

PYTHON = sys.executable


def run(folder: Path, *argv: str, **more: Any) -> Ended:
    return run_script(argv, directory=folder, environment=os.environ, **more)


def python(folder: Path, code: str, **more: Any) -> Ended:
    return run(folder, PYTHON, "-c", textwrap.dedent(code), **more)


def is_there(pid: int) -> bool:
    """Whether a process still runs; one that waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_output_is_passed_on_as_it_comes_and_its_end_is_kept(tmp_path: Path) -> None:
    seen: list[tuple[float, str, bytes]] = []
    code = """
        import sys, time
        for n in range(3):
            sys.stderr.write(f"\\r{n} %")
            sys.stderr.flush()
            time.sleep(0.3)
        print("accuracy: 0.5")
    """
    ended = python(tmp_path, code, on_output=lambda stream, data: seen.append((time.monotonic(), stream, data)))
    assert ended.is_complete
    assert (ended.output, ended.errors) == (b"accuracy: 0.5\n", b"\r0 %\r1 %\r2 %")
    assert [(stream, data) for _, stream, data in seen] == [
        ("stderr", b"\r0 %"), ("stderr", b"\r1 %"), ("stderr", b"\r2 %"), ("stdout", b"accuracy: 0.5\n"),
    ]  # fmt: skip
    assert seen[2][0] - seen[0][0] > 0.4


def test_a_command_gets_its_words_its_folder_and_its_input_as_they_stand(tmp_path: Path) -> None:
    inner = "import sys, os; print(sys.argv[1:], os.getcwd(), sys.stdin.read())"
    argv = [PYTHON, "-c", inner, "a b", "$HOME", "*", ""]
    code = (
        "import os, pathlib\nfrom week2kit.processes.script import run_script\n"
        f"print(run_script({argv!r}, directory=pathlib.Path('.'), environment=os.environ).output.decode())"
    )
    done = subprocess.run([PYTHON, "-c", code], cwd=tmp_path, input="in", text=True, capture_output=True, check=True)
    assert done.stdout.strip() == f"['a b', '$HOME', '*', ''] {tmp_path} in"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import sys; sys.exit(3)", (3, None)),
        ("raise ValueError('no')", (1, None)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", (None, signal.SIGKILL)),
        ("import os; os.abort()", (None, signal.SIGABRT)),
    ],
)
def test_how_it_ended_is_told(code: str, expected: tuple[int | None, int | None], tmp_path: Path) -> None:
    ended = python(tmp_path, code)
    assert (ended.code, ended.signal) == expected
    assert not ended.is_complete
    assert not ended.timed_out


def test_binary_rubbish_and_megabytes_pass(tmp_path: Path) -> None:
    count = 0

    def listen(stream: str, data: bytes) -> None:
        nonlocal count
        count += len(data)

    code = (
        "import sys; sys.stdout.buffer.write(bytes(range(256)) * 40_000); sys.stderr.buffer.write(b'\\xff' * 100_000)"
    )
    ended = python(tmp_path, code, on_output=listen)
    assert count == 256 * 40_000 + 100_000
    assert ended.output == (bytes(range(256)) * 40_000)[-KEPT_OUTPUT:]
    assert ended.errors == b"\xff" * (64 << 10)


def test_a_listener_that_fails_ends_nothing(tmp_path: Path) -> None:
    def listen(stream: str, data: bytes) -> None:
        raise BrokenPipeError

    assert python(tmp_path, "print(1)", on_output=listen).output == b"1\n"


def test_one_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    code = """
        import os, signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        print(child.pid, flush=True)
        time.sleep(60)
    """
    ended = python(tmp_path, code, timeout=1.0)
    assert (ended.timed_out, ended.code, ended.signal) == (True, None, None)
    assert not is_there(int(ended.output))
    assert ended.seconds < 20


@pytest.mark.parametrize("session", [False, True])
def test_what_a_command_leaves_behind_is_ended_and_told(session: bool, tmp_path: Path) -> None:
    code = f"""
        import subprocess, sys
        code = "import os, sys, time; os.close(1); os.close(2); time.sleep(60)"
        child = subprocess.Popen([sys.executable, "-c", code], start_new_session={session})
        print(child.pid)
    """
    ended = python(tmp_path, code)
    assert (ended.code, ended.left_running) == (0, True)
    assert not is_there(int(ended.output))


def test_what_ends_a_moment_after_the_command_was_not_left_behind(tmp_path: Path) -> None:
    code = """
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import os, time; os.close(1); os.close(2); time.sleep(0.1)"])
    """
    ended = python(tmp_path, code)
    assert (ended.code, ended.left_running) == (0, False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_the_process_that_began_it(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "open('new', 'w').write(f'{os.getpid()} {child.pid}')\nos.rename('new', 'pids')\ntime.sleep(60)"
    )
    code = (
        "import os, pathlib\nfrom week2kit.processes.script import run_script\n"
        f"run_script([{PYTHON!r}, 'train.py'], directory=pathlib.Path('.'), environment=os.environ)"
    )
    parent = subprocess.Popen([PYTHON, "-c", code], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 30
        while not (tmp_path / "pids").exists():
            assert time.monotonic() < ends
            time.sleep(0.05)
        parent.send_signal(number)
        parent.wait(20)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        while any(is_there(pid) for pid in pids):
            assert time.monotonic() < ends
            time.sleep(0.05)
    finally:
        parent.kill()


@pytest.mark.skipif(os.name != "posix", reason="signals are blocked on POSIX only")
def test_ctrl_c_waits_for_an_observer_and_not_for_the_command(tmp_path: Path) -> None:
    from week2kit.observing.watching import Watch

    code = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    command = [PYTHON, "-c", code]
    theirs, ours = os.pipe()
    try:
        assert run(tmp_path, *command, pass_fds=[theirs]).output == b"True\n"
    finally:
        os.close(theirs)
        os.close(ours)
    assert run(tmp_path, *command).output == b"False\n"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Watch(scratch) as watch:
        ended = run(tmp_path, *command, started_by=watch.argv(command), pass_fds=watch.pass_fds)
    assert ended.output == b"False\n"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "no command was given. Write it after --"),
        (["no-such-program"], "no-such-program: no program of this name was found on the PATH."),
        (["train.py"], "To run the file in this folder: python train.py"),
        (["./train.py"], "./train.py: it may not be run. Run it by its interpreter: python ./train.py"),
        (["./run"], "./run: it may not be run. chmod \\+x ./run"),
        (["./none"], "./none: there is no such program."),
        (["./folder"], "./folder: expected a program, and it is a folder."),
        (["./rubbish"], "./rubbish: its first line names no interpreter"),
    ],
)
def test_what_cannot_be_run_is_refused_with_what_helps(argv: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name, mode in (("train.py", 0o644), ("run", 0o644), ("rubbish", 0o755)):
        (tmp_path / name).write_text("print(1)")
        (tmp_path / name).chmod(mode)
    with pytest.raises(UsageError, match=words):
        run(tmp_path, *argv)


def test_a_program_is_found_as_a_shell_finds_it(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("#!/bin/sh\necho mine\n")
    (tmp_path / "mine").chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert find_program(["mine"], tmp_path, path) == str(tmp_path / "mine")
    assert run_script(["mine"], directory=tmp_path, environment=path).output == b"mine\n"
    assert run(tmp_path, "./mine").output == b"mine\n"
