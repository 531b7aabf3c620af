"""What the hook sees of real scripts, and how a command is run and ended under it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from week2kit.observing.calls import available
from week2kit.observing.observed import VERSIONS, Observed, read_log
from week2kit.observing.watching import Watch
from week2kit.processes.script import Ended, run_script

posix = pytest.mark.skipif(os.name != "posix", reason="processes are forked and signalled on POSIX only")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "data.csv").write_text("a,b\n1,2\n3,4\n")
    return folder


def run(place: Path, script: str, *arguments: str, argv: list[str] | None = None, **options) -> tuple[Ended, Observed]:
    """Run a script under the hook alone."""
    (place / "train.py").write_text(textwrap.dedent(script))
    scratch = place.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    (scratch / "log").unlink(missing_ok=True)
    argv = argv or [sys.executable, str(place / "train.py"), *arguments]
    with Watch(scratch, observe=False) as watch:
        env = watch.environment({**os.environ, **options.pop("env", {})})
        options = {"directory": options.pop("cwd", place), "timeout": 60, **options}
        ended = run_script(argv, environment=env, started_by=watch.argv(argv), pass_fds=watch.pass_fds, **options)
    return ended, read_log(scratch / "log")


def names(place: Path, found) -> list[str]:
    return [os.path.relpath(getattr(one, "path", one), place) for one in found]


def ok(ended: Ended) -> None:
    assert (ended.code, ended.errors) == (0, b"")


READERS = {
    "csv": ("pandas.DataFrame({'a': [1]}).to_csv('in', index=False)", "pandas.read_csv('in')"),
    "npz": ("numpy.savez('in.npz', a=[1])", "numpy.load('in.npz')['a']"),
    "sqlite": (
        "c = sqlite3.connect('in.db'); c.execute('create table t (a)'); c.commit(); c.close()",
        "sqlite3.connect('in.db').execute('select * from t').fetchall()",
    ),
    "joblib": ("joblib.dump([1], 'in.joblib')", "joblib.load('in.joblib')"),
    "zip": ("zipfile.ZipFile('in.zip', 'w').writestr('a', 'b')", "zipfile.ZipFile('in.zip').read('a')"),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_that_the_hook_sees(place: Path, reader: str) -> None:
    make, read = READERS[reader]
    modules = "import joblib, numpy, pandas, sqlite3, zipfile\n"
    subprocess.run([sys.executable, "-c", modules + make], cwd=place, check=True)
    file = next(path.name for path in place.iterdir() if path.name.startswith("in"))
    ended, seen = run(place, f"{modules}{read}\nopen('metrics.json', 'w').write('{{}}')\n")
    ok(ended)
    assert names(place, seen.inputs) == [file]
    assert [(*names(place, [one]), one.created) for one in seen.outputs] == [("metrics.json", True)]
    assert {"numpy", "pandas", "joblib"} <= set(seen.distributions)
    assert not seen.coverage.failures
    assert not seen.coverage.unreadable


@pytest.mark.parametrize("library", ["pyarrow", "polars", "h5py", "duckdb"])
def test_a_native_reader_is_told(place: Path, library: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    ended, seen = run(place, f"import {library}\n")
    ok(ended)
    assert library in seen.coverage.native_readers


def test_what_pandas_loads_for_itself_is_no_reader_until_it_reads(place: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    ended, seen = run(place, "import pandas\nframe = pandas.read_csv('data.csv')\n")
    ok(ended)
    assert "pyarrow" not in seen.coverage.native_readers
    ended, seen = run(place, "import pandas\npandas.read_csv('data.csv').to_parquet('x')\npandas.read_parquet('x')\n")
    ok(ended)
    assert "pyarrow" in seen.coverage.native_readers


def test_no_native_reader_no_network_no_program_is_told_of_a_plain_script(place: Path) -> None:
    ended, seen = run(place, "print(open('data.csv').read())\n")
    ok(ended)
    cover = seen.coverage
    assert (cover.native_readers, cover.other_programs, cover.pythons_not_seen, seen.network) == ((), (), 0, ())
    assert (cover.processes, [*seen.facts]) == (1, [seen.processes[0].pid])
    assert names(place, seen.inputs) == ["data.csv"]
    assert names(place, seen.modules.values()) == ["train.py"]


@pytest.mark.parametrize("move", ["cwd", "chdir"])
def test_a_relative_path_is_of_its_own_moment(place: Path, move: str) -> None:
    (place / "sub").mkdir()
    (place / "sub" / "data.csv").write_text("other")
    if move == "cwd":
        ended, seen = run(place, "open('data.csv').read()", cwd=place / "sub")
        wanted = ["sub/data.csv"]
    else:
        ended, seen = run(place, "import os\nopen('data.csv')\nos.chdir('sub')\nopen('data.csv')\n")
        wanted = ["data.csv", "sub/data.csv"]
    ok(ended)
    assert names(place, seen.inputs) == wanted


def test_a_path_from_the_environment(place: Path) -> None:
    ended, seen = run(place, "import os\nopen(os.environ['DATA']).read()", env={"DATA": "data.csv"})
    ok(ended)
    assert names(place, seen.inputs) == ["data.csv"]


def test_the_script_sees_its_own_argv_path_and_folder(place: Path) -> None:
    script = "import sys, os\nprint(sys.argv, sys.path, os.getcwd(), 'sitecustomize' in sys.modules)\n"
    ended, _ = run(place, script, "--seed", "1")
    plain = subprocess.run([sys.executable, place / "train.py", "--seed", "1"], cwd=place, capture_output=True)
    assert ended.output == plain.stdout


CHILDREN = {
    "fork": "pid = os.fork()\nif pid == 0:\n    read('data.csv')\n    os._exit(0)\nos.waitpid(pid, 0)",
    "mp fork": "p = mp.get_context('fork').Process(target=read, args=['data.csv'])\np.start(); p.join()",
    "spawn": "p = mp.get_context('spawn').Process(target=read, args=['data.csv'])\np.start(); p.join()",
    "forkserver": "p = mp.get_context('forkserver').Process(target=read, args=['data.csv'])\np.start(); p.join()",
    "loky": "import joblib\njoblib.Parallel(2)(joblib.delayed(read)(n) for n in ['data.csv', 'data.csv'])",
    "subprocess": "subprocess.run([sys.executable, '-c', 'open(\"data.csv\").read()'], check=True)",
    "killed": "pid = os.fork()\nif pid == 0:\n    read('data.csv')\n    os.kill(os.getpid(), 9)\nos.waitpid(pid, 0)",
}


@posix
@pytest.mark.parametrize("kind", CHILDREN)
def test_what_a_child_reads_is_seen(place: Path, kind: str) -> None:
    body = textwrap.indent(CHILDREN[kind], "    ")
    ended, seen = run(
        place,
        "import multiprocessing as mp, os, subprocess, sys\n"
        "def read(name):\n    with open(name) as file:\n        return file.read()\n"
        f"if __name__ == '__main__':\n{body}\n",
    )
    assert ended.code == 0, ended.errors
    assert names(place, seen.inputs) == ["data.csv"]
    assert seen.coverage.processes >= 2
    assert seen.coverage.pythons_not_seen == 0


@posix
@pytest.mark.parametrize("option", ["-I", "-S", "-E"])
def test_a_python_that_cannot_be_hooked_is_told(place: Path, option: str) -> None:
    ended, seen = run(
        place, f"import subprocess, sys\nsubprocess.run([sys.executable, '{option}', '-c', 'open(\"data.csv\")'])"
    )
    ok(ended)
    assert seen.coverage.pythons_not_seen == 1
    assert names(place, seen.inputs) == []


def test_an_input_that_is_written_is_both(place: Path) -> None:
    ended, seen = run(place, "text = open('data.csv').read()\nopen('data.csv', 'w').write(text + '5,6')\n")
    ok(ended)
    assert [(*names(place, [one]), one.written) for one in seen.inputs] == [("data.csv", True)]
    assert [(*names(place, [one]), one.created) for one in seen.outputs] == [("data.csv", False)]


def test_what_the_script_wrote_itself_is_no_input(place: Path) -> None:
    ended, seen = run(
        place,
        "import os\nopen('a.tmp', 'w').write('1')\nos.replace('a.tmp', 'a')\nopen('a').read()\n"
        "open('b', 'w').close()\nos.remove('b')\n",
    )
    ok(ended)
    assert names(place, seen.inputs) == []
    assert names(place, seen.outputs) == ["a"]


def test_ten_thousand_outputs_after_all_descriptors_were_closed(place: Path) -> None:
    ended, seen = run(
        place,
        "import os\nos.closerange(3, 256)\nmine = open('mine', 'w')\n"
        "for i in range(10_000):\n    open(f'o{i}', 'w').close()\nmine.write('1')\n",
    )
    ok(ended)
    assert len(seen.outputs) == 10_001
    assert (place / "mine").read_text() == "1"


def test_the_sitecustomize_of_a_person_runs(place: Path) -> None:
    own = place.parent / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import os\nos.MINE = __file__\n")
    ended, _ = run(
        place,
        "import os, sitecustomize\nprint(os.MINE, sitecustomize.__file__)",
        env={"PYTHONPATH": str(own)},
    )
    assert ended.output.decode().split() == [str(own / "sitecustomize.py")] * 2


def test_a_module_of_a_package_and_its_project_modules(place: Path) -> None:
    package = place / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "helper.py").write_text("x = 1\n")
    (package / "train.py").write_text("from package.helper import x\n")
    argv = [sys.executable, "-m", "package.train"]
    for _ in range(2):  # the second time from what was compiled
        ended, seen = run(place, "", argv=argv)
        ok(ended)
        assert {"package/helper.py", "package/train.py"} <= set(names(place, seen.modules.values()))
        assert names(place, seen.inputs) == []


@posix
def test_a_shell_script_announces_nothing(place: Path) -> None:
    ended, seen = run(place, "", argv=["sh", "-c", "cat data.csv > out"])
    ok(ended)
    assert seen.coverage.processes == 0
    assert seen.coverage.other_programs == ("sh",)
    ended, seen = run(place, "", argv=[sys.executable, "-I", "-c", "open('data.csv')"])
    ok(ended)
    assert seen.coverage.pythons_not_seen == 1


@posix
def test_a_console_script_is_a_python_that_was_seen(place: Path) -> None:
    tool = place / "tool"
    tool.write_text(f"#!{sys.executable}\nopen('data.csv').read()\n")
    tool.chmod(0o755)
    ended, seen = run(place, "", argv=[str(tool)])
    ok(ended)
    assert (seen.coverage.processes, seen.coverage.other_programs) == (1, ())


@posix
def test_a_console_script_that_puts_another_in_its_place_is_a_python_that_was_seen(place: Path) -> None:
    for name, code in {
        "tool": "import os; os.execv('./tool-run', ['./tool-run'])",
        "tool-run": "open('data.csv')",
    }.items():
        (place / name).write_text(f"#!{sys.executable}\n{code}\n")
        (place / name).chmod(0o755)
    ended, seen = run(place, "", argv=[str(place / "tool")])
    assert ended.code == 0
    assert (seen.coverage.processes, seen.coverage.other_programs) == (2, ())


def test_the_environment_is_that_of_the_python_that_computes(tmp_path: Path) -> None:
    """Of a notebook the first Python is that of Jupyter, and the kernel is its child."""
    pytest.importorskip("numpy")
    (tmp_path / "log").mkdir()
    for number, code in enumerate(("import numpy", "pass")):
        words = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"]
        scratch = tmp_path / str(number)
        scratch.mkdir()
        with Watch(scratch, observe=False) as watch:
            env = watch.environment({**os.environ})
            ok(run_script(words, directory=tmp_path, environment=env, started_by=watch.argv(words), timeout=60))
            facts = watch.finish().facts
        assert facts is not None
        assert bool(facts.get("pools")) == (number == 0)


@pytest.mark.parametrize(
    ("path", "tool"),
    [
        ("/home/a/.cache/uv/archive-v0/x/METADATA", True),
        ("/home/a/.cache/huggingface/x/data.csv", False),
        ("/tmp/uv-ab2546c7af25eb99.lock", True),
        ("/tmp/uv.lock", False),
        ("/home/a/.jupyter/migrated", True),
        ("/home/a/.jupyter/jupyter_config.json", False),
    ],
)
def test_what_tools_keep_for_themselves_is_no_input(path: str, tool: bool) -> None:
    assert bool(VERSIONS.search(path)) == tool


def test_hostile_lines_are_counted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    lines = [
        b"\xff\n", b"[]\n", b"{}\n", b"null\n", b"[" * 100_000 + b"\n", b'{"event": "open", "pid": 1}\n',
        b'{"event": "open", "pid": 1, "path": 1, "access": "reads", "before": null}\n',
        b'{"event": "rename", "pid": 1, "paths": ["a"], "before": []}\n', b'{"event": "_init_", "pid": 1}\n',
        b'{"event": "end", "pid": 1, "facts": [' + b"1," * 2_000_000 + b"1]}\n", b'{"event": "proc',
    ]  # fmt: skip
    log.write_bytes(b"".join(lines))
    assert read_log(log).coverage.unreadable == len(lines)
    assert read_log(tmp_path / "none").coverage.unreadable == 0


@posix
def test_an_error_of_a_signal_handler_reaches_the_script(place: Path) -> None:
    ended, seen = run(
        place,
        """
        import signal
        def late(*_):
            raise RuntimeError
        signal.signal(signal.SIGALRM, late)
        raised = 0
        for trial in range(50):
            signal.setitimer(signal.ITIMER_REAL, 0.005 + trial / 1e5)
            try:
                for i in range(1_000_000):
                    try:
                        open(f"none{trial}/{i}")
                    except OSError:
                        pass
            except RuntimeError:
                raised += 1
            if i == 999_999:
                break
        print(raised)
        """,
    )
    ok(ended)
    assert ended.output.strip() == b"50"
    assert not seen.coverage.failures


@posix
@pytest.mark.skipif(available() is not None, reason=f"commands cannot be observed: {available()}")
def test_a_wrapper_with_the_name_of_a_python_hides_nothing_of_its_project(place: Path) -> None:
    for name in ("bin", "lib"):
        (place / name).mkdir()
    (place / "lib/data.csv").write_text("1\n")
    (place / "bin/python3").write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec {sys.executable} "$@"\n')
    (place / "bin/python3").chmod(0o755)
    (place / "train.py").write_text("open('lib/data.csv').read()\n")
    scratch = place.parent / "scratch"
    scratch.mkdir()
    argv = [str(place / "bin/python3"), "train.py"]
    with Watch(scratch, here=place) as watch:
        env = watch.environment(os.environ)
        run_script(argv, directory=place, environment=env, started_by=watch.argv(argv), pass_fds=watch.pass_fds)
        seen = watch.finish()
    assert names(place, seen.reads) == ["lib/data.csv"]
    assert set(names(place, seen.modules)) == {"bin/python3", "train.py"}
    assert seen.coverage.hooked == 0
