"""A confined command reads what it was allowed, and what it was refused has a name."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from week2kit.observing import calls as observing
from week2kit.observing.calls import Calls, Seen
from week2kit.observing.confined import (
    Allowed,
    Refused,
    available,
    devices,
    interpreter_places,
    refused,
    system_places,
    version,
)

pytestmark = pytest.mark.skipif(available() is not None, reason=f"commands cannot be confined: {available()}")
observed = pytest.mark.skipif(observing.available() is not None, reason="commands cannot be observed")

#: The tests may run where week2kit is not installed in place; its own modules are no part of an interpreter.
_SYSTEM = (*system_places(), *interpreter_places())


def confine(
    command: Sequence[str], read: Sequence[Path], work: Path, network: bool = False
) -> tuple[subprocess.CompletedProcess[bytes], Seen, tuple[Refused, ...]]:
    """Run a command in a folder that it may change, with a folder for temporary files."""
    temporary = work.with_name(work.name + "-tmp")
    temporary.mkdir(exist_ok=True)
    allowed = Allowed((*_SYSTEM, *map(str, read)), (str(work), str(temporary), *devices()), network)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with Calls(confine=allowed.request()) as calls:
        process = subprocess.Popen(
            calls.argv(command),
            pass_fds=calls.pass_fds,
            cwd=work,
            stdout=-1,
            stderr=-1,
            stdin=subprocess.DEVNULL,
            env={**environment, "TMPDIR": str(temporary)},
        )
        out, err = process.communicate(timeout=100)
        seen = calls.finish(5)
    return subprocess.CompletedProcess(command, process.returncode, out, err), seen, refused(seen, allowed)


def files(found: tuple[Refused, ...], folder: Path) -> list[tuple[str, str]]:
    """What was refused beneath a folder: name and access."""
    return [(os.path.relpath(one.path, folder), one.access) for one in found if one.path.startswith(f"{folder}/")]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a.csv", "b.csv", "with space\nand line.csv"):
        (folder / name).write_text("x,y\n" + "".join(f"{row},{row % 2}\n" for row in range(40)))
    return folder


def test_a_withheld_input_is_refused_and_named(work: Path, data: Path) -> None:
    command = ["cat", str(data / "a.csv"), str(data / "b.csv")]
    done, seen, found = confine(command, [data / "a.csv", data / "b.csv"], work)
    assert (done.returncode, found) == (0, ())
    done, seen, found = confine(command, [data / "a.csv"], work)
    assert done.returncode == 1
    assert b"b.csv: Permission denied" in done.stderr
    assert done.stdout == (data / "a.csv").read_bytes()
    assert seen.confined is not None
    assert seen.confined.abi == version()
    if seen.not_observed is None:
        assert found == (Refused(str(data / "b.csv"), "read", folder=False),)


def test_a_training_completes_with_its_inputs_and_not_without(work: Path, data: Path) -> None:
    script = work / "train.py"
    script.write_text(
        textwrap.dedent("""
        import sys, json, joblib, pandas
        from pathlib import Path
        from sklearn.ensemble import RandomForestClassifier
        if __name__ == "__main__":
            table = pandas.concat([pandas.read_csv(name) for name in sys.argv[1:]])
            model = RandomForestClassifier(5, random_state=0, n_jobs=2).fit(table[["x"]], table["y"])
            scores = joblib.Parallel(2)(joblib.delayed(model.score)(table[["x"]], table["y"]) for _ in range(2))
            Path("metrics.json").write_text(json.dumps({"accuracy": scores[0]}))
            joblib.dump(model, "model.joblib")
        """)
    )
    command = [sys.executable, "train.py", str(data / "a.csv"), str(data / "b.csv")]
    done, _, found = confine(command, [data / "a.csv", data / "b.csv"], work)
    assert (done.returncode, done.stderr) == (0, b"")
    assert {"metrics.json", "model.joblib"} <= {path.name for path in work.iterdir()}
    assert files(found, data) == []
    done, seen, found = confine(command, [data / "b.csv"], work)
    assert done.returncode == 1
    if seen.not_observed is None:
        assert files(found, data) == [("a.csv", "read")]


@observed
@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_native_readers_are_refused_and_named(library: str, work: Path, data: Path) -> None:
    pytest.importorskip(library)
    text = {
        "polars": "import sys, polars; print(polars.read_csv(sys.argv[1]).height)",
        "pyarrow": "import sys; from pyarrow import csv; print(csv.read_csv(sys.argv[1]).num_rows)",
    }[library]
    path = data / "with space\nand line.csv"
    done, _, _ = confine([sys.executable, "-c", text, str(path)], [path], work)
    assert done.stdout == b"40\n", done.stderr
    done, _, found = confine([sys.executable, "-c", text, str(path)], [], work)
    assert done.returncode != 0
    assert files(found, data) == [(path.name, "read")]


@observed
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo x >../data/a.csv", [("a.csv", "write")]),
        ("echo x >>../data/a.csv", [("a.csv", "write")]),
        ("echo x >../data/new", [("new", "write")]),
        ("rm ../data/a.csv", [("a.csv", "write")]),
        ("touch x; mv x ../data/x", [("x", "write")]),
        ("sh ../data/a.csv; true", [("a.csv", "read")]),
        ("cd ../data; cat <b.csv", [("b.csv", "read")]),
        ("ln -s ../data/b.csv link; cat link", []),
        ("cat missing.csv; cat ../data/missing.csv", []),
        ("test -e ../data/a.csv; cd ../data", []),  # that it exists is not hidden
        ("echo x >out; cat out >/dev/null; mkdir -p a/b; mv out a/b; rm -r a", []),
    ],
)
def test_what_a_shell_script_is_refused(script: str, expected: list[tuple[str, str]], work: Path, data: Path) -> None:
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    _, _, found = confine(["sh", "-c", script], [], work)
    assert files(found, data) == expected
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


@observed
def test_a_link_in_the_working_directory_opens_nothing_else(work: Path, data: Path) -> None:
    (work / "link.csv").symlink_to(data / "a.csv")
    done, _, found = confine(["cat", "link.csv"], [], work)
    assert done.returncode == 1
    assert found == (Refused(str(work / "link.csv"), "read", folder=False),)
    done, _, found = confine(["cat", "link.csv"], [data / "a.csv"], work)
    assert (done.returncode, found) == (0, ())


def test_children_are_confined_too(work: Path, data: Path) -> None:
    text = f"""
        import os, subprocess, sys
        path = {str(data / "a.csv")!r}
        print(subprocess.run(["cat", path], stderr=subprocess.DEVNULL).returncode, flush=True)
        if not os.fork():
            os.setsid()
            try:
                open(path)
            except PermissionError:
                print("refused", flush=True)
            os._exit(0)
        os.wait()
        """
    done, _, _ = confine([sys.executable, "-c", textwrap.dedent(text)], [], work)
    assert done.stdout == b"1\nrefused\n", done.stderr


def test_a_project_that_is_installed_in_place_is_no_part_of_the_interpreter() -> None:
    import week2kit

    here = Path(week2kit.__file__)
    if "site-packages" in here.parts:
        pytest.skip("week2kit is installed as others are")
    assert not any(here.is_relative_to(place) for place in interpreter_places())


@pytest.mark.skipif(version() < 4, reason="this kernel cannot refuse connections")
def test_connections_are_refused_and_allowed(work: Path) -> None:
    text = "import socket, sys; print(socket.create_connection(('127.0.0.1', int(sys.argv[1]))).recv(2))"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done, seen, _ = confine([sys.executable, "-c", text, port], [], work)
        assert b"PermissionError" in done.stderr
        assert seen.confined is not None
        assert seen.confined.tcp_refused is True

        def answer() -> None:
            with server.accept()[0] as connection:
                connection.sendall(b"hi")

        thread = threading.Thread(target=answer)
        thread.start()
        done, seen, _ = confine([sys.executable, "-c", text, port], [], work, network=True)
        thread.join(20)
        assert done.stdout == b"b'hi'\n", done.stderr
        assert seen.confined is not None
        assert seen.confined.tcp_refused is False


def test_what_is_not_there_is_told(work: Path, data: Path) -> None:
    (data / "a.csv").unlink()
    _, seen, _ = confine(["true"], [data / "a.csv"], work)
    assert seen.confined is not None
    assert seen.confined.missing == (str(data / "a.csv"),)


@pytest.mark.parametrize("path", ["/", "//", "/usr/.."])
def test_the_whole_system_cannot_be_allowed(path: str) -> None:
    with pytest.raises(ValueError, match="root folder"):
        Allowed((path,), ()).request()


def test_what_cannot_be_confined_is_not_run(work: Path) -> None:
    # rules of a version that the kernel does not have: whatever it refuses, the command must not begin
    request = Allowed(_SYSTEM, (str(work),)).request()
    for change in ({"read": ["/"]}, {"write": ["/"]}):
        with Calls(confine={**request, **change}) as calls:
            process = subprocess.run(
                calls.argv(["touch", str(work / "made")]), pass_fds=calls.pass_fds, check=False, timeout=60
            )
            seen = calls.finish(5)
        assert process.returncode == 125
        assert seen.not_confined is not None
        assert seen.confined is None
        assert not (work / "made").exists()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root becomes another user")
def test_no_rights_are_needed(work: Path) -> None:
    folder = Path("/tmp") / f"week2kit-confined-{os.getpid()}"
    interpreter = "/usr/bin/python3"
    if not os.access(interpreter, os.X_OK):
        pytest.skip("there is no interpreter that every user can start")
    package = folder / "week2kit" / "observing"
    package.mkdir(parents=True)
    try:
        for name in ("__init__.py", "calls.py", "confined.py", "launching.py", "sockets.py"):
            shutil.copy(Path(observing.__file__).with_name(name), package)
        (folder / "a").write_text("a")
        (folder / "work").mkdir()
        (folder / "work").chmod(0o777)
        text = """
            import subprocess
            from week2kit.observing.calls import Calls
            from week2kit.observing.confined import Allowed, refused, system_places
            for read in ([], ["a"]):
                allowed = Allowed((*system_places(), *read), ("work",))
                with Calls(confine=allowed.request()) as calls:
                    done = subprocess.run(calls.argv(["cat", "a"]), pass_fds=calls.pass_fds, stderr=-3)
                    seen = calls.finish()
                print(done.returncode, [one.path[-2:] for one in refused(seen, allowed)], flush=True)
            """
        become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
        command = [*become, "env", f"PYTHONPATH={folder}", interpreter, "-B", "-c", textwrap.dedent(text)]
        done = subprocess.run(command, cwd=folder, stdout=-1, stderr=-1, timeout=60, check=False)
        assert done.stdout == b"1 ['/a']\na0 []\n", done.stderr
    finally:
        shutil.rmtree(folder)


def test_thousands_of_inputs_can_be_allowed(work: Path, data: Path) -> None:
    many = data / ("long" * 40)
    many.mkdir()
    inputs = [many / f"{number}.csv" for number in range(5_000)]
    for path in inputs:
        path.touch()
    done, _, found = confine(
        ["sh", "-c", f"for number in 0 2500 4998; do cat '{many}/'$number.csv; done"], inputs, work
    )
    assert (done.returncode, found) == (0, ())
    done, seen, found = confine(["cat", str(inputs[-1]), str(inputs[0])], inputs[:-1], work)
    assert done.returncode == 1
    if seen.not_observed is None:
        assert files(found, many) == [("4999.csv", "read")]
