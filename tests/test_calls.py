"""The observer of system calls sees what any program of the tree opens, and is in nobody's way."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from week2kit.observing.calls import Call, Calls, Seen, available
from week2kit.observing.sockets import answered_by
from week2kit.observing.watching import Watch
from week2kit.processes.script import run_script

pytestmark = pytest.mark.skipif(available() is not None, reason=f"commands cannot be observed: {available()}")


def observe(
    command: Sequence[str], cwd: Path, options: dict[str, Any] | None = None, **more: Any
) -> tuple[subprocess.CompletedProcess[bytes], Seen]:
    with Calls(**options or {}) as calls:
        process = subprocess.Popen(calls.argv(command), pass_fds=calls.pass_fds, cwd=cwd, stdout=-1, stderr=-1, **more)
        out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(command, process.returncode, out, err), calls.finish(5)


def python(text: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(text), *arguments]


def of(seen: Seen, folder: Path) -> list[Call]:
    return [call for call in seen.calls if call.path.startswith(f"{folder}/") and call.kind != "run"]


def read(seen: Seen, folder: Path) -> set[str]:
    """The files of a folder that were there and that were opened."""
    found = {call.path for call in of(seen, folder) if call.kind == "open" and call.existed}
    return {os.path.relpath(path, folder) for path in found if not os.path.isdir(path)}  # noqa: PTH112


def test_a_c_program_is_seen_with_its_exit_code_and_its_streams(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n")
    done, seen = observe(["cat", "a.csv", "missing.csv"], tmp_path)
    assert (done.returncode, done.stdout) == (1, b"a,b\n")
    assert b"missing.csv" in done.stderr
    assert [(call.path, call.existed, call.changes) for call in of(seen, tmp_path)] == [
        (f"{tmp_path}/a.csv", True, False),
        (f"{tmp_path}/missing.csv", False, False),
    ]
    assert (seen.not_observed, seen.not_started, seen.running, seen.unread, len(seen.processes)) == (
        *(None, None, False, 0),
        1,
    )
    assert [Path(call.path).name for call in seen.calls if call.kind == "run"] == ["cat"]


READERS = {
    "pyarrow": "import pyarrow.parquet as p; print(p.read_table('a.parquet').num_rows)",
    "polars": "import polars; print(polars.read_parquet('a.parquet').height)",
    "duckdb": "import duckdb; print(duckdb.sql(\"select * from 'a.parquet'\").fetchall())",
    "pandas": "import pandas; print(len(pandas.read_parquet('a.parquet')))",
    "h5py": "import h5py; print(h5py.File('a.h5')['x'][:])",
    "sqlite3": "import sqlite3; print(sqlite3.connect('a.db').execute('select * from t').fetchall())",
}


@pytest.mark.parametrize("reader", READERS)
def test_native_readers_are_seen(reader: str, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    if reader == "h5py":
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["x"] = [1, 2]
    elif reader == "sqlite3":
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as base:
            base.execute("create table t as select 1 as x")
            base.commit()
    else:
        pytest.importorskip("pyarrow")
        if reader != "pandas":
            import importlib.util

            if importlib.util.find_spec(reader) is None:
                pytest.skip(f"{reader} is not installed")
        pandas.DataFrame({"x": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    (expected,) = (path.name for path in tmp_path.iterdir())
    done, seen = observe(python(READERS[reader]), tmp_path)
    assert done.returncode == 0, done.stderr
    assert read(seen, tmp_path) == {expected}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver", "loky"])
def test_children_are_seen(method: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import sys, joblib, multiprocessing
        from pathlib import Path
        def work(name):
            return Path(name).read_text()
        if __name__ == "__main__":
            if sys.argv[1] == "loky":
                print(joblib.Parallel(2)(joblib.delayed(work)(name) for name in ["a.txt"] * 2))
            else:
                with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                    print(pool.map(work, ["a.txt"] * 2))
        """)
    )
    done, seen = observe([sys.executable, str(script), method], tmp_path)
    assert done.stdout == b"['a', 'a']\n", done.stderr
    assert "a.txt" in read(seen, tmp_path)
    assert len(seen.processes) > 1
    assert {call.pid for call in of(seen, tmp_path) if call.path.endswith("a.txt")} != {seen.processes[0]}


def test_a_shell_script_is_seen_with_what_it_moves_and_removes(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("a")
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\ncd folder\ncat a >b.part\nmv b.part b\ncp ../run.sh ./copy\nrm copy\n")
    script.chmod(0o755)
    done, seen = observe(["./run.sh"], tmp_path)
    assert done.returncode == 0
    calls = [
        (call.kind, os.path.relpath(call.path, tmp_path), call.existed, call.changes) for call in of(seen, tmp_path)
    ]
    for expected in [
        ("open", "folder/a", True, False),
        ("open", "folder/b.part", False, True),
        ("removed", "folder/b.part", True, True),
        ("named", "folder/b", False, True),
        ("open", "run.sh", True, False),
        ("removed", "folder/copy", True, True),
    ]:
        assert expected in calls
    assert {"cat", "mv", "cp", "rm"} <= {Path(call.path).name for call in seen.calls if call.kind == "run"}


@pytest.mark.parametrize(
    "name", ["a b", "a\nb", b"caf\xe9", "ü", "x" * 255, "a'\"b", "/".join(["y" * 200] * 15)], ids=range(7)
)
def test_any_name_is_seen_as_it_is(name: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a")
    done, seen = observe(["cat", str(path)], tmp_path)
    assert done.stdout == b"a"
    assert [call.path for call in of(seen, tmp_path)] == [str(path)]
    done, seen = observe(["cat", os.fsdecode(name)], tmp_path)
    assert [call.path for call in of(seen, tmp_path)] == [str(path)]


def test_relative_paths_follow_the_process(tmp_path: Path) -> None:
    for name in ("a", "sub/b", "sub/c", "d"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("sub")
    (tmp_path / "sub" / "deep").mkdir()
    (tmp_path / "deeper").symlink_to("sub/deep")
    done, seen = observe(
        python("""
        import os
        open("a")
        folder = os.open("sub", os.O_RDONLY)
        os.open("c", os.O_RDONLY, dir_fd=folder)
        os.chdir("link")
        open("b"); open("../d"); open("./b")
        os.chdir("..")
        open("deeper/../c")  # where .. goes up from a link, and not from its name
        open("link/c")
        """),
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert read(seen, tmp_path) == {"a", "sub/b", "sub/c", "d", "link/c"}


def test_ten_thousand_files_and_repeated_ones(tmp_path: Path) -> None:
    done, seen = observe(
        python("""
        for number in range(5_000):
            open(f"{number}.txt", "w").close()
            open(f"{number}.txt").close()
            open("0.txt").close()
        """),
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    calls = of(seen, tmp_path)
    assert len(calls) == 10_000
    assert len({call.path for call in calls}) == 5_000
    assert seen.left_out == seen.unread == 0


def test_threads_are_one_process(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    _, seen = observe(
        python("""
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(8) as pool:
            print(list(pool.map(lambda _: open("a").read(), range(100))))
        """),
        tmp_path,
    )
    assert len(seen.processes) == 1
    assert len(of(seen, tmp_path)) == 1


def test_what_will_be_overwritten_can_be_read_before(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("before")
    (tmp_path / "moved").write_text("other")
    found = {}

    def look(call: Call) -> None:
        if call.path.startswith(str(tmp_path)) and call.existed:
            found[Path(call.path).name] = Path(call.path).read_text()
        raise RuntimeError("an error of the observer is none of the script")

    command = python("import os; open('data', 'w').write('after'); os.replace('data', 'moved')")
    done, seen = observe(command, tmp_path, {"before_change": look})
    assert done.returncode == 0, done.stderr
    assert found["moved"] == "other"
    assert (tmp_path / "moved").read_text() == "after"
    assert [call.kind for call in of(seen, tmp_path)] == ["open", "removed", "named"]


def test_the_first_change_is_told_before_it_happens(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("before")
    found: list[str] = []
    options = {"before_change": lambda call: found.append(Path(call.path).read_text())}
    observe(python("open('data', 'r+').write('after')"), tmp_path, options)
    assert "before" in found


def test_connections_are_told(tmp_path: Path) -> None:
    _, seen = observe(
        python("""
        import contextlib, socket
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9))
        """),
        tmp_path,
    )
    assert [call.path for call in seen.calls if call.kind == "connect"] == ["127.0.0.1:9"]


@pytest.mark.parametrize(("name", "code"), [("no-such-program", 127), ("./text", 126), ("./folder", 126)])
def test_a_command_that_cannot_be_started(name: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    (tmp_path / "folder").mkdir()
    done, seen = observe([name], tmp_path)
    assert done.returncode == code
    assert isinstance(seen.not_started, FileNotFoundError if code == 127 else PermissionError)
    assert not seen.running


def test_the_environment_and_signals_are_those_of_the_caller(tmp_path: Path) -> None:
    command = python("import os, signal; print(dict(os.environ), signal.getsignal(signal.SIGINT))")
    for environment in ({"PATH": os.environ["PATH"], "LC_ALL": "C", "A": "ü"}, {}):
        plain = subprocess.run(command, env=environment, stdout=-1, check=True, cwd=tmp_path).stdout
        done, _ = observe(command, tmp_path, env=environment)
        assert done.stdout == plain
    # a program whose reader has gone is ended by SIGPIPE, as in a shell
    done, _ = observe(["sh", "-c", "grep SigIgn /proc/self/status"], tmp_path)
    assert int(done.stdout.split()[1], 16) == 0


def test_a_command_that_kills_itself(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    done, seen = observe(python("import os; open('a'); os.kill(os.getpid(), 9)"), tmp_path)
    assert done.returncode == -signal.SIGKILL
    assert read(seen, tmp_path) == {"a"}
    assert not seen.running


def test_a_killed_child_and_interrupted_calls(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    done, seen = observe(
        python("""
        import os, signal, time
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        children = []
        for _ in range(4):
            child = os.fork()
            if not child:
                while True:
                    open("a").close()
            children.append(child)
        for _ in range(2000):
            open("a").close()
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        print("done")
        """),
        tmp_path,
    )
    assert done.stdout == b"done\n", done.stderr
    assert len({call.pid for call in of(seen, tmp_path)}) == 5
    assert not seen.running


def test_one_that_goes_on_after_the_command_is_let_go_on(tmp_path: Path) -> None:
    command = ["sh", "-c", "(sleep 1; echo late >late) >/dev/null 2>&1 & echo done"]
    with Calls() as calls:
        process = subprocess.Popen(calls.argv(command), pass_fds=calls.pass_fds, cwd=tmp_path, stdout=-1)
        assert process.communicate(timeout=60)[0] == b"done\n"
        seen = calls.finish(0.1)
    assert seen.running
    deadline = time.monotonic() + 20
    while not (tmp_path / "late").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_command_does_not_wait_for_an_observer_that_was_killed(tmp_path: Path) -> None:
    text = """
        import os, subprocess, sys
        from week2kit.observing.calls import Calls
        with Calls() as calls:
            slow = "import os, time; print(1, flush=True); time.sleep(2)\\ntry: open('/dev/null')\\n" \\
                "except OSError as error: os.write(2, error.strerror.encode())"
            subprocess.Popen(calls.argv([sys.executable, "-c", slow]), pass_fds=calls.pass_fds)
            if os.fork():
                import time; time.sleep(100)
            time.sleep(5)  # a fork holds no listener
        """
    started = time.monotonic()
    process = subprocess.Popen(python(text), cwd=tmp_path, stdout=-1, stderr=-1)
    assert process.stdout is not None
    assert process.stdout.readline() == b"1\n"
    process.kill()
    _, err = process.communicate(timeout=60)
    assert b"not implemented" in err
    assert time.monotonic() - started < 50


def test_an_observed_command_can_observe_no_other_and_says_so(tmp_path: Path) -> None:
    done, seen = observe(
        python("""
        import subprocess
        from week2kit.observing.calls import Calls
        with Calls() as calls:
            process = subprocess.run(calls.argv(["echo", "run"]), pass_fds=calls.pass_fds)
            print(process.returncode, calls.finish().not_observed)
        """),
        tmp_path,
    )
    assert done.stdout == b"run\n0 refused\n", done.stderr
    assert seen.not_observed is None


def test_a_launcher_that_never_started_leaves_nothing_behind(tmp_path: Path) -> None:
    with Calls() as calls:
        seen = calls.finish(0)
    assert seen.calls == ()
    assert seen.not_observed == "ended"
    calls._thread.join(10)
    assert not calls._thread.is_alive()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root becomes another user")
def test_no_rights_are_needed(tmp_path: Path) -> None:
    folder = Path("/tmp") / f"week2kit-calls-{os.getpid()}"
    folder.mkdir(mode=0o777)
    try:
        folder.chmod(0o777)
        room = folder / "week2kit" / "observing"
        room.mkdir(parents=True)  # the package itself may lie where that user cannot go
        for name in ("calls.py", "launching.py", "sockets.py"):
            shutil.copy(Path(sys.modules[Calls.__module__].__file__ or "").with_name(name), room)
        (folder / "a").write_text("a")
        text = """
            import subprocess, sys
            sys.path.insert(0, ".")
            from week2kit.observing.calls import Calls
            with Calls() as calls:
                subprocess.run(calls.argv(["cat", "a"]), pass_fds=calls.pass_fds)
                seen = calls.finish()
            print(any(call.path.endswith("/a") for call in seen.calls), seen.not_observed, seen.unread)
            """
        interpreter = "/usr/bin/python3"
        if not os.access(interpreter, os.X_OK):
            pytest.skip("there is no interpreter that every user can start")
        become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
        done = subprocess.run(
            [*become, interpreter, *python(text)[1:]], cwd=folder, stdout=-1, stderr=-1, timeout=60, check=False
        )
        assert done.stdout == b"aTrue None 0\n", done.stderr
    finally:
        shutil.rmtree(folder)


def test_calls_with_paths_that_mean_nothing_harm_nobody(tmp_path: Path) -> None:
    done, seen = observe(
        python(r"""
        import sys
        sys.path.remove("")  # the working directory, which an import lists
        import ctypes, contextlib
        for path in ("", "a" * 5000):
            with contextlib.suppress(OSError):
                open(path)
        libc = ctypes.CDLL(None)
        assert libc.open(None, 0) == libc.open(ctypes.c_void_p(1), 0) == -1
        assert libc.openat(99, b"a", 0) == -1
        print("done")
        """),
        tmp_path,
    )
    assert done.stdout == b"done\n", done.stderr
    assert seen.unread == 3
    assert not [call for call in seen.calls if call.path == str(tmp_path) or call.path.startswith(f"{tmp_path}/a")]


def test_open_files_of_the_process_are_told_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with (tmp_path / "a").open() as file:
        _, seen = observe(["cat", "/dev/stdin", "/proc/self/fd/0", "/dev/fd/0"], tmp_path, stdin=file)
    assert read(seen, tmp_path) == {"a"}


def test_what_is_read_of_python_and_of_distributions_is_left_out_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x = 1\n")
    (tmp_path / "data.pyc").write_text("data")
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "data.csv").write_text("1")
    command = python(
        "import module, json, sys; sys.path.append('.'); open('data.pyc'); open(json.__file__)\n"
        "import os; open(os.path.abspath('site-packages/data.csv')).read(); open('site-packages/written', 'w').close()"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for _ in range(2):
        _, seen = observe(command, tmp_path, env=environment)
        found = [call.path for call in seen.calls]
        assert f"{tmp_path}/data.pyc" in found
        assert any(path.startswith(f"{tmp_path}/") and "module" in path for path in found)
        assert f"{tmp_path}/site-packages/written" in found
        assert f"{tmp_path}/site-packages/data.csv" not in found
        assert not any("/json/" in path for path in found)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_who_answers_at_a_port_of_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert answered_by(address, [os.getpid()]) is True
        assert answered_by(address, []) is False
        assert answered_by(address.replace("127.0.0.1", "10.0.0.1"), [os.getpid()]) is None
    assert answered_by(address, [os.getpid()]) is None
    with socket.socket(type=socket.SOCK_DGRAM) as resolver:  # of names, on this machine
        resolver.bind(("127.0.0.1", 0))
        assert answered_by(f"127.0.0.1:{resolver.getsockname()[1]}", []) is False


# --- beside the hook --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("isolated", [False, True])
def test_modules_that_the_hook_tells_of_do_not_wait_and_are_recorded_all_the_same(
    tmp_path: Path, isolated: bool
) -> None:
    """A Python without the hook (-I) waits at each: then the observer alone knows of them."""
    (tmp_path / "scratch").mkdir()
    (tmp_path / "packed").mkdir()
    (tmp_path / "helper.py").write_text("value = 1\n")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("inside.py", "value = 2\n" + "# filled\n" * 50_000)
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(tmp_path / 'packed.zip')!r}]; import helper, inside"
    argv = [sys.executable, *(["-I"] if isolated else []), "-B", "-c", f"{code}; print(helper.value + inside.value)"]
    with Watch(tmp_path / "scratch", here=tmp_path) as watch:
        ended = run_script(
            argv,
            directory=tmp_path,
            environment=watch.environment(os.environ),
            started_by=watch.argv(argv),
            pass_fds=watch.pass_fds,
        )
        watched = watch.finish()
    assert ended.output == b"3\n", ended.errors
    opened = {call.path for call in watched.seen.calls if call.kind == "open"}
    assert (str(tmp_path / "helper.py") in opened) == isolated
    assert str(tmp_path / "helper.py") in watched.modules
    assert str(tmp_path / "packed.zip") in watched.reads


def test_threads_have_their_turns_as_before_whichever_observer_ends_first() -> None:
    before = sys.getswitchinterval()
    first, second = Calls(), Calls()
    first.__enter__()
    second.__enter__()
    assert sys.getswitchinterval() < before
    first.__exit__()
    second.__exit__()
    assert sys.getswitchinterval() == pytest.approx(before)
