"""Child processes: an answer, a bug, a death or a time limit each cost their own call only, with and without fork."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import week2kit.processes.forking
from week2kit.errors import ChildDied, ServerDied, TimeLimitReached, UsageError
from week2kit.processes.children import Child, ChildBug, Children
from week2kit.processes.limits import Limits, read_limits
from week2kit.processes.scratch import removed_scratch

ROOT = Path(__file__).parent.parent
HERE = os.fsencode(Path.cwd())
METHODS = [name for name in ("forkserver", "spawn") if name in multiprocessing.get_all_start_methods()]


@pytest.fixture(params=METHODS)
def children(request: pytest.FixtureRequest) -> Iterator[Children]:
    with Children([], method=request.param) as started:
        yield started


def test_a_child_answers_and_lives_in_another_process(children: Children) -> None:
    answers = [children.call("os:getcwdb", timeout=60) for _ in range(3)]
    assert answers == [HERE] * 3


def test_a_later_verification_finds_its_modules_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asked.py").write_text("import sys\ndef has(name): return str(name in sys.modules).encode()\n")
    monkeypatch.syspath_prepend(tmp_path)
    week2kit.processes.forking.end_server()
    for preload, imported in (([], b"False"), (["no_such_module", "this"], b"True"), ([], b"True")):
        with Children(preload) as children:
            assert children.call("asked:has", "this", timeout=60) == imported


def test_a_child_works_where_the_session_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server that forks it was started in the folder in which the session was then."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        with Children([]) as children:
            assert children.call("os:getcwdb", timeout=60) == os.fsencode(tmp_path / name)


def test_a_child_that_is_killed_costs_its_own_call_only(children: Children) -> None:
    with pytest.raises(ChildDied, match="SIGKILL") as raised:
        children.call("signal:raise_signal", 9, timeout=60)
    assert raised.value.exitcode == -9
    assert children.call("os:getcwdb", timeout=60) == HERE


def test_a_child_that_hangs_is_stopped_at_its_time_limit(children: Children) -> None:
    children.call("os:getcwdb", timeout=60)
    start = time.monotonic()
    with pytest.raises(TimeLimitReached, match="stopped after 1 seconds"):
        children.call("time:sleep", 60, timeout=1)
    assert time.monotonic() - start < 10
    assert children.call("os:getcwdb", timeout=60) == HERE


def test_a_bug_comes_back_with_its_traceback(children: Children) -> None:
    with pytest.raises(ChildBug, match="FileNotFoundError"):
        children.call("os:listdir", "/no/such/folder", timeout=60)


def test_an_exit_without_an_answer_is_a_death(children: Children) -> None:
    with pytest.raises(ChildDied, match="exit code 7"):
        children.call("os:_exit", 7, timeout=60)


def test_what_is_asked_once_is_remembered(children: Children) -> None:
    first, second = (children.call_once("os:urandom", 16, timeout=60) for _ in range(2))
    assert first == second
    assert first != children.call("os:urandom", 16, timeout=60)


def test_killing_the_children_frees_who_waits_for_one(children: Children) -> None:
    told: list[Exception] = []

    def wait() -> None:
        try:
            children.call("time:sleep", 60, timeout=120)
        except (ChildDied, OSError, ValueError) as error:
            told.append(error)

    children.call("os:getcwdb", timeout=60)
    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(1)
    start = time.monotonic()
    children.kill()
    waiting.join(30)
    assert not waiting.is_alive()
    assert time.monotonic() - start < 20


def test_children_may_be_killed_by_several_threads_while_they_end(children: Children) -> None:
    for _ in range(10):
        failures: list[BaseException] = []

        def kill(child: Child, failures: list[BaseException] = failures) -> None:
            try:
                child.interrupt()
            except BaseException as error:
                failures.append(error)

        def call_and_be_killed() -> None:
            with children.child() as child:
                threads = [threading.Thread(target=kill, args=(child,)) for _ in range(4)]
                for thread in threads:
                    thread.start()
                child.call("time:sleep", 60, timeout=60)

        with pytest.raises(ChildDied):
            call_and_be_killed()
        assert not failures


def test_after_the_kill_no_child_is_started(children: Children) -> None:
    children.kill()
    with pytest.raises(ChildDied):
        children.call("os:getcwdb", timeout=60)


def test_a_script_without_a_main_guard_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            from week2kit import train, verify

            print("once", flush=True)
            run = train({"data": {"dataset": "iris"}, "model": "naive_bayes", "seed": 1}, runs_dir="runs")
            print(verify(run).runs[0].verdict, flush=True)
            """
        )
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "once\nidentical\n"


def test_a_process_of_its_own_has_its_variables_and_ends_with_its_work(children: Children) -> None:
    with children.started({"OPENBLAS_CORETYPE": "Haswell", "HOME": ""}) as child:
        assert child.call("os:getenvb", b"OPENBLAS_CORETYPE", timeout=60) == b"Haswell"
        assert child.call("os:getenvb", b"HOME", b"gone", timeout=60) == b"gone"


@pytest.mark.parametrize("number", [4, 9])
def test_a_process_of_its_own_that_dies_is_told(children: Children, number: int) -> None:
    with pytest.raises(ChildDied) as raised, children.started({}) as child:
        child.call("signal:raise_signal", number, timeout=60)
    assert raised.value.exitcode == -number


def test_a_process_of_its_own_that_hangs_is_stopped(children: Children) -> None:
    start = time.monotonic()
    with pytest.raises(TimeLimitReached), children.started({}) as child:
        child.call("time:sleep", 60, timeout=1)
    assert time.monotonic() - start < 20


# --- what a child is given, and what becomes of it ---------------------------------------------------------------


@pytest.mark.parametrize("place", ["long", "missing", "read-only", "a-file"])
def test_an_odd_temporary_folder_is_not_needed(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path in it would be too long for a socket, or could not be made."""
    folder = tmp_path / ("l" * 120 if place == "long" else place)
    if place in ("long", "read-only"):
        folder.mkdir(mode=0o500)
    elif place == "a-file":
        folder.touch()
    monkeypatch.setenv("TMPDIR", os.fspath(folder))
    week2kit.processes.forking.end_server()
    with Children([]) as children:
        assert children.call("os:getcwdb", timeout=60)
    assert not folder.is_dir() or not list(folder.iterdir())


def test_a_server_that_is_killed_is_started_again() -> None:
    with Children([]) as children:
        children.call("os:getcwdb", timeout=60)
        server = week2kit.processes.forking._server
        assert server is not None
        os.kill(server._process.pid, signal.SIGKILL)
        assert children.call("os:getcwdb", timeout=60) == HERE


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child outlives its server")
def test_a_child_that_goes_with_its_server_is_told_apart() -> None:
    with Children([]) as children:
        children.call("os:getcwdb", timeout=60)
        server = week2kit.processes.forking._server
        assert server is not None
        threading.Timer(1, os.kill, (server._process.pid, signal.SIGKILL)).start()
        with pytest.raises(ServerDied):
            children.call("time:sleep", 60, timeout=60)
        assert children.call("os:getcwdb", timeout=60) == HERE


def test_only_variables_that_computing_needs_reach_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "AWS_SECRET_ACCESS_KEY": "s1",
        "GITHUB_TOKEN": "s2",
        "DATABASE_URL": "s3",
        "WANTED": "given",
        "TZ": "UTC",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    week2kit.processes.forking.end_server()
    for method in METHODS:
        with Children([], method=method, limits=Limits(variables=("WANTED",))) as children:
            asked = [children.call("os:getenvb", name.encode(), b"", timeout=60) for name in secrets]
            assert asked == [b"", b"", b"", b"given", b"UTC"]
            with children.started({}) as child:
                asked = [child.call("os:getenvb", name.encode(), b"", timeout=60) for name in secrets]
            assert asked == [b"", b"", b"", b"given", b"UTC"]


def test_memory_and_file_size_are_limited(children: Children, tmp_path: Path) -> None:
    limits = Limits(memory=1 << 30, file_size=1 << 16)
    with Children([], method=children._method, limits=limits) as limited:
        with pytest.raises(MemoryError):
            limited.call("builtins:bytearray", 1 << 31, timeout=60)
        with pytest.raises(ChildBug, match="File too large"):
            limited.call("week2kit.record.files:replace_file", tmp_path / "file", bytes(1 << 17), timeout=60)
    assert len(children.call("builtins:bytes", 1 << 20, timeout=60)) == 1 << 20


HOLDS_THE_LOCK = """
import sys, time
from week2kit.processes.children import Children
children = Children([])
children.call("os:getcwdb", timeout=60)
print("begun", flush=True)
# one multiplication of C, which looks for no signal and lets no other thread run
started = children.started({})
child = started.__enter__() if sys.argv[1] == "started" else children._start()
print(child._process._started.pid if sys.argv[1] == "started" else child._process._pid, flush=True)
child.call("builtins:pow", 3, 10**9, timeout=600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such a child ends when it comes back to Python")
@pytest.mark.parametrize("kind", ["forked", "started"])
def test_a_child_that_holds_the_interpreters_lock_ends_with_its_parent(kind: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", HOLDS_THE_LOCK, kind],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "begun\n"
    child = int(parent.stdout.readline())
    time.sleep(0.5)
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 10
    while _lives(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_limits_are_read_as_they_are_typed() -> None:
    limits = read_limits(["memory=1.5", "file=none", "processes=9", "time=60"], ["HF_HOME"])
    assert limits == Limits(memory=3 << 29, file_size=None, processes=9, time=60, variables=("HF_HOME",))
    assert read_limits([]) == Limits()


@pytest.mark.parametrize("text", ["memory", "memory=", "memory=0", "memory=-1", "memory=nan", "memory=1e99", "cpu=1"])
def test_a_limit_that_is_none_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="--limit"):
        read_limits([text])


def test_no_more_privileges_no_core_and_the_limits_are_in_force() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells")
    with Children([], limits=Limits(memory=3 << 30)) as children:
        status, limits = (
            children.call("subprocess:check_output", ["cat", f"/proc/self/{name}"], timeout=60)
            for name in ("status", "limits")
        )
    assert b"NoNewPrivs:\t1" in status
    told = {line[:25].strip(): line[25:].split()[0] for line in limits.decode().splitlines()}
    assert (told["Max core file size"], told["Max data size"]) == ("0", str(3 << 30))
    assert told["Max file size"] == str(1 << 30)


def test_temporary_folders_of_killed_children_go_with_their_verification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", os.fspath(tmp_path))
    kept = ["week2kit-1-young", "week2kit-x-1", "week2kit", "tmpabc", "my-week2kit-1-a"]
    for name in [*kept, "week2kit-1-old"]:
        (tmp_path / name).mkdir()
    os.utime(tmp_path / "week2kit-1-old", (0, 0))
    (tmp_path / f"week2kit-{os.getpid()}-link").symlink_to("tmpabc")
    with removed_scratch(), Children([]) as children:
        with pytest.raises(ChildBug, match="TypeError"):  # what it returns is no bytes
            children.call("tempfile:mkdtemp", "", f"week2kit-{os.getpid()}-", os.fspath(tmp_path), timeout=60)
        assert list(tmp_path.glob(f"week2kit-{os.getpid()}-*[!k]"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, f"week2kit-{os.getpid()}-link"])
