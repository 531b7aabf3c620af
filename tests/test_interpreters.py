"""Environments with recorded versions: what a stranger's record cannot get installed, and what is built and kept."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from week2kit.errors import CannotRestore
from week2kit.processes import interpreters
from week2kit.processes.interpreters import RESTORED, Interpreter, build
from week2kit.record.code import code_digest, code_modules
from week2kit.record.requirements import DECIDING_LIBRARIES, parse_requirements
from week2kit.thresholds import ABANDONED_BUILD, MAX_REQUIREMENTS

ROOT = Path(__file__).parent.parent
PYTHON = platform.python_version()
SMALL = {"threadpoolctl": "3.5.0"}


# --- requirements.txt -------------------------------------------------------------------------------------------


def test_plain_pins_comments_and_blank_lines_are_read() -> None:
    text = "# made by hand\n\nnumpy==2.3.5\r\nScikit_Learn==1.7.2  # the old one\n  \ntorch==2.1.0+cpu\npytz==2026.6"
    assert parse_requirements(text) == {
        "numpy": "2.3.5",
        "scikit-learn": "1.7.2",
        "torch": "2.1.0+cpu",
        "pytz": "2026.6",
    }


def test_what_train_writes_is_read_as_it_was_recorded() -> None:
    for run in sorted((ROOT / "runs").glob("*/requirements.txt")):
        recorded = json.loads((run.parent / "manifest.json").read_bytes())["inputs"]["environment"]["libraries"]
        assert parse_requirements(run.read_text()) == recorded


HOSTILE_LINES = (
    *("numpy", "numpy>=1.26", "numpy===1.26", "numpy==1.*", "numpy==", "==1.26", "numpy == 1.26", "numpy~=1.26"),
    *("-r other.txt", "-e .", "-c limits.txt", "--index-url https://evil.example/simple", "-i=https://evil.example/s"),
    *(
        "--extra-index-url=https://evil.example/s",
        "--find-links /tmp",
        "--pre",
        "--no-binary=:all:",
        "--trusted-host x",
    ),
    *(
        "https://evil.example/numpy-1.26-py3-none-any.whl",
        "numpy @ https://evil.example/n.whl",
        "numpy @ file:///x.whl",
    ),
    *("git+https://evil.example/numpy", "./numpy-1.26.whl", "../numpy", "/tmp/numpy", r"C:\numpy", "file:numpy", "."),
    *("numpy[extra]==1.26", "numpy==1.26; python_version > '3'", "numpy==1.26 --hash=sha256:00", "numpy==1.26,<2"),
    *("numpy==1.26 scipy==1.11", "numpy==1.26 \\", "numpy==1.26\x00", "numpy==1.26\x0b-r x", "numpy==1.26\u2028-r x"),
    *("num\u2044py==1.26", "numpy==\u0661.26", "-numpy==1.26", "numpy-==1.26", "num/py==1.26", "../numpy==1.26"),
    *("numpy==1.26/../../x", "numpy==-1", "numpy==--pre", "numpy==file:x", "numpy==latest", "numpy==${HOME}"),
    *("numpy==1.26==1.27", "\ufeffnumpy==1.26", "n" * 65 + "==1", "numpy==" + "1" * 65, "#\rnumpy==1.26;x\n-e ."),
)


@pytest.mark.parametrize("line", HOSTILE_LINES)
def test_a_line_that_is_no_plain_pin_is_refused_by_its_number(line: str) -> None:
    with pytest.raises(CannotRestore, match=r"^requirements\.txt, line [34]: expected name==version, got ") as refused:
        parse_requirements(f"# libraries\nscipy==1.16.3\n{line}\n")
    message = str(refused.value)
    assert message.isprintable()
    assert "://" not in message
    assert "/tmp" not in message
    assert len(message) < 300


def test_a_library_that_is_named_twice_is_refused() -> None:
    with pytest.raises(CannotRestore, match='line 2: "Scikit_Learn" is named again'):
        parse_requirements("scikit-learn==1.7.2\nScikit_Learn==1.7.1\n")


def test_more_lines_than_a_run_can_have_are_refused() -> None:
    with pytest.raises(CannotRestore, match=f"more than {MAX_REQUIREMENTS} libraries"):
        parse_requirements("".join(f"a{number}==1\n" for number in range(MAX_REQUIREMENTS + 1)))


def test_a_long_hostile_text_takes_no_time() -> None:
    start = time.perf_counter()
    for line in ("a" + "-" * 1_000_000, "numpy==" + "1." * 500_000, " " * 1_000_000 + "x", "#" * 1_000_000 + "\n-e"):
        with pytest.raises(CannotRestore):
            parse_requirements(line)
    assert time.perf_counter() - start < 2


# --- what never reaches uv --------------------------------------------------------------------------------------


@pytest.fixture
def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uv must not be started, whatever it would be asked."""

    def started(*_: object) -> None:
        raise AssertionError("uv was started")

    monkeypatch.setattr(interpreters, "_ask_uv", started)


HOSTILE_PINS = (
    *(("--index-url=https://evil.example", "1"), ("-e", "1"), ("numpy @ file:///x", "1"), ("numpy[x]", "1"), ("", "1")),
    *(("numpy\n-e .", "1"), ("/tmp/x", "1"), ("..", "1"), ("numpy==1;", "1"), ("n" * 65, "1"), ("num py", "1")),
    *(
        ("numpy", ""),
        ("numpy", "1.26 --pre"),
        ("numpy", "*"),
        ("numpy", "1.26; x"),
        ("numpy", "1\n-r x"),
        ("numpy", ">1"),
    ),
    *(("numpy", "1.26,<2"), ("numpy", "1 @ https://evil.example"), ("numpy", "\u0661"), ("numpy", "9" * 65)),
    *(("unheard-of", "--pre"), ("unheard of", "1")),  # refused although it would not be installed
)


@pytest.mark.usefixtures("no_uv")
@pytest.mark.parametrize(("name", "version"), HOSTILE_PINS)
def test_a_name_or_version_of_another_form_is_refused(name: str, version: str, tmp_path: Path) -> None:
    with pytest.raises(CannotRestore, match="Verify without restoring versions") as refused:
        build(PYTHON, {"scipy": "1.16.3", name: version}, cache=tmp_path, timeout=60)
    assert "://" not in str(refused.value)
    assert str(refused.value).isprintable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_uv")
@pytest.mark.parametrize(
    "python", ["", "3", "3.12", "2.7.18", "3.10.1", "3.11.x", "/usr/bin/python3", "--help", "3.11.7 x"]
)
def test_a_python_that_is_no_version_or_too_old_is_refused(python: str, tmp_path: Path) -> None:
    with pytest.raises(CannotRestore, match="The record names Python"):
        build(python, SMALL, cache=tmp_path, timeout=60)


@pytest.mark.usefixtures("no_uv")
def test_a_record_of_too_many_libraries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotRestore, match=f"more than {MAX_REQUIREMENTS} libraries"):
        build(PYTHON, {f"a{n}": "1" for n in range(MAX_REQUIREMENTS + 1)}, cache=tmp_path, timeout=60)


def test_every_library_that_decides_is_restored_and_what_our_code_needs_is_what_we_promise() -> None:
    assert set(DECIDING_LIBRARIES) <= set(RESTORED)
    promised = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert set(interpreters._NEEDED) <= set(promised)


# --- with a uv that only pretends -------------------------------------------------------------------------------

FAKE_UV = """\
#!{python}
import json, os, pathlib, sys, time
words = [word for word in sys.argv[1:] if not word.startswith("-") and word != "never"]
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd(), os.listdir()]) + "\\n")
behaviour = json.loads(pathlib.Path({behaviour!r}).read_text())
if words[0] == "venv":
    os.makedirs("venv/bin")
    os.symlink(sys.executable, "venv/bin/python")
elif words[0] == "python":
    print({python!r})
    sys.exit(0 if words[-1].removeprefix("cpython@") in behaviour.get("pythons", []) else 2)
time.sleep(behaviour.get("sleep", 0))
if words[0] == "pip" and "says" in behaviour:
    sys.stderr.write(behaviour["says"])
    sys.exit(1)
"""


class FakeUv:
    """A program in the place of uv: makes a folder like an environment, and writes down how it was called."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.behaviour = folder / "behaviour"
        self.behave()
        self.program = folder / "uv"
        text = FAKE_UV.format(python=sys.executable, log=str(self.log), behaviour=str(self.behaviour))
        self.program.write_text(text)
        self.program.chmod(0o755)

    def behave(self, **behaviour: Any) -> None:
        self.behaviour.write_text(json.dumps(behaviour))

    @property
    def calls(self) -> list[tuple[list[str], dict[str, str], str, list[str]]]:
        return [tuple(json.loads(line)) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeUv:
    if sys.platform == "win32":
        pytest.skip("the program that stands in for uv is a script with a #! line")
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(folder))
    return FakeUv(folder)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "environments"


def test_uv_gets_exact_versions_of_what_is_restored_and_nothing_else(uv: FakeUv, cache: Path) -> None:
    recorded = {"NumPy": "2.3.5", "unheard-of": "1.0", "pydantic": "2.9.0", "pyarrow": "20.0.0", "lightgbm": "4.6.0"}
    build(PYTHON, recorded, also=("LightGBM",), cache=cache, timeout=60)
    (venv, *_), (install, environment, folder, content) = uv.calls
    assert venv[venv.index("--python") + 1] == sys.executable
    dashes = install.index("--")
    assert install[dashes + 1 :] == ["lightgbm==4.6.0", "numpy==2.3.5", "pyarrow==20.0.0", "pydantic>=2.9"]
    assert "--only-binary :all:" in " ".join(install[:dashes])
    assert environment["UV_PYTHON_DOWNLOADS"] == "never"
    assert Path(folder).is_relative_to(cache)
    assert "uv.toml" in content  # an empty one, which ends uv's search for settings


def test_settings_that_say_where_packages_are_reach_uv_and_those_that_change_them_do_not(
    uv: FakeUv, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_OURS_PASSWORD", "UV_FIND_LINKS", "UV_CACHE_DIR", "UV_OFFLINE")
    dropped = ("UV_CONSTRAINT", "UV_OVERRIDE", "UV_NO_BINARY", "UV_PYTHON", "UV_RESOLUTION", "UV_WORKING_DIR")
    for name in (*kept, *dropped):
        monkeypatch.setenv(name, "x")
    build(PYTHON, SMALL, cache=cache, timeout=60)
    for _, environment, *_ in uv.calls:
        assert set(kept) <= set(environment)
        assert not set(dropped) & set(environment)


def test_an_environment_is_built_once_per_set_of_versions(uv: FakeUv, cache: Path) -> None:
    first = build(PYTHON, {"numpy": "2.3.5", "scipy": "1.16.3"}, cache=cache, timeout=60)
    again = build(PYTHON, {"SciPy": "1.16.3", "numpy": "2.3.5", "left-out": "1"}, cache=cache, timeout=60)
    assert first == again
    assert len(uv.calls) == 2
    assert build(PYTHON, {"numpy": "2.3.5", "scipy": "1.16.2"}, cache=cache, timeout=60) != first
    assert len(list(cache.iterdir())) == 2
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert {stat.S_IMODE(place.stat().st_mode) for place in cache.iterdir()} == {0o700}


def test_an_environment_that_is_there_needs_no_uv(uv: FakeUv, cache: Path) -> None:
    first = build(PYTHON, SMALL, cache=cache, timeout=60)
    uv.program.unlink()
    assert build(PYTHON, SMALL, cache=cache, timeout=60) == first


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: shutil.rmtree(path.parent)], ids=["python", "folder"])
def test_a_broken_environment_is_built_again(uv: FakeUv, cache: Path, damage: Callable[[Path], None]) -> None:
    first = build(PYTHON, SMALL, cache=cache, timeout=60)
    damage(first.executable)
    assert build(PYTHON, SMALL, cache=cache, timeout=60) == first
    assert first.executable.exists()
    assert len(uv.calls) == 4
    assert len(list(cache.iterdir())) == 1


def test_of_two_builds_at_once_the_slower_takes_what_the_faster_built(uv: FakeUv, cache: Path) -> None:
    uv.behave(sleep=0.5)
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(build, PYTHON, SMALL, cache=cache, timeout=60) for _ in range(4)]
        built = {future.result() for future in futures}
    assert len(built) == 1
    assert len(uv.calls) == 8  # all were built: nobody waited for another
    assert [place.name for place in cache.iterdir()] == [built.pop().executable.parts[-4]]


def test_a_build_that_fails_leaves_nothing(uv: FakeUv, cache: Path) -> None:
    uv.behave(says="error: No solution found when resolving dependencies\n  cause: Because there is no numpy==99.\n")
    with pytest.raises(CannotRestore, match=r"uv says: Because there is no numpy==99\. Verify where"):
        build(PYTHON, {"numpy": "99"}, cache=cache, timeout=60)
    assert list(cache.iterdir()) == []


def test_what_uv_says_is_told_without_addresses_paths_and_escapes(uv: FakeUv, cache: Path) -> None:
    address = "https://user:secret@packages.example/simple/numpy/"
    uv.behave(
        says=f"\x1b[31merror\x1b[39m: Failed to fetch: `{address}`\n  Caused by: no {cache}/file for ({address})\n"
    )
    with pytest.raises(CannotRestore) as told:
        build(PYTHON, {"numpy": "2.3.5"}, cache=cache, timeout=60)
    message = str(told.value)
    assert "Failed to fetch: `<address>`; no file for (<address>)" in message
    assert str(cache) not in message
    assert message.isprintable()


def test_a_build_that_takes_too_long_is_stopped_and_leaves_nothing(uv: FakeUv, cache: Path) -> None:
    uv.behave(sleep=30)
    start = time.perf_counter()
    with pytest.raises(CannotRestore, match="not ready in time"):
        build(PYTHON, SMALL, cache=cache, timeout=0.5)
    assert time.perf_counter() - start < 10
    assert list(cache.iterdir()) == []


def test_what_a_killed_build_left_is_removed_after_a_day(uv: FakeUv, cache: Path) -> None:
    build(PYTHON, SMALL, cache=cache, timeout=60)
    old, new = cache / ".building-old", cache / ".building-new"
    for folder in (old, new):
        (folder / "environment").mkdir(parents=True)
    long_ago = time.time() - ABANDONED_BUILD - 60
    os.utime(old, (long_ago, long_ago))
    build(PYTHON, SMALL, cache=cache, timeout=60)
    assert not old.exists()
    assert new.exists()


def test_another_patch_release_is_taken_where_the_recorded_one_is_missing(uv: FakeUv, cache: Path) -> None:
    major, minor, _ = map(int, re.findall(r"\d+", PYTHON)[:3])
    other = build(f"{major}.{minor}.99", SMALL, cache=cache, timeout=60)
    assert "cpython@" + f"{major}.{minor}.99" in uv.calls[0][0]
    uv.behave(pythons=[f"{major}.{minor}.99"])  # as soon as it is installed, it is the one that is used
    assert build(f"{major}.{minor}.99", SMALL, cache=cache, timeout=60) != other


def test_a_python_that_is_not_here_is_named_with_the_way_to_get_it(uv: FakeUv, cache: Path) -> None:
    with pytest.raises(
        CannotRestore, match=r"Python 3\.99 is not installed here.*with 3\.99\.1\. .*uv python install 3\.99"
    ):
        build("3.99.1", SMALL, cache=cache, timeout=60)
    assert [call[0][-1] for call in uv.calls] == ["cpython@3.99.1", "cpython@3.99"]
    uv.behave(pythons=["3.99"])
    build("3.99.1", SMALL, cache=cache, timeout=60)


@pytest.mark.parametrize("path", ["", "."])
def test_without_uv_the_extra_is_named(path: str, uv: FakeUv, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path)
    monkeypatch.chdir(uv.program.parent)  # a program of that name in the working directory does not count
    with pytest.raises(CannotRestore, match=r'Install it: pip install "week2kit\[restore\]"'):
        build(PYTHON, SMALL, cache=cache, timeout=60)
    assert uv.calls == []


def test_a_cache_that_others_can_write_is_refused(uv: FakeUv, cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    with pytest.raises(CannotRestore, match="can be written by others"):
        build(PYTHON, SMALL, cache=cache, timeout=60)
    assert uv.calls == []


def test_a_cache_that_cannot_be_made_is_told_without_its_path(uv: FakeUv, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotRestore, match="cannot be written to the cache directory: Not a directory") as told:
        build(PYTHON, SMALL, cache=tmp_path / "file" / "below", timeout=60)
    assert str(tmp_path) not in str(told.value)
    assert uv.calls == []


@pytest.mark.usefixtures("uv")
def test_the_environments_lie_below_the_cache_directory_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    built = build(PYTHON, SMALL, timeout=60)
    assert built.executable.is_relative_to(tmp_path / "xdg" / "week2kit" / "environments")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert build(PYTHON, SMALL, timeout=60).executable.is_relative_to(tmp_path / "home")


@pytest.mark.usefixtures("uv")
def test_week2kit_alone_is_seen_through_a_link_or_a_copy(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linked = build(PYTHON, SMALL, cache=cache, timeout=60)
    assert [path.name for path in linked.import_path.iterdir()] == ["week2kit"]
    assert (linked.import_path / "week2kit").resolve() == Path(interpreters.__file__).parents[1].resolve()
    assert linked.variables == {"PYTHONPATH": str(linked.import_path)}

    def refuse(*_: object, **__: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    copied = build(PYTHON, SMALL, cache=cache, timeout=60)
    assert copied == build(PYTHON, SMALL, cache=cache, timeout=60)
    assert [path.name for path in copied.import_path.iterdir()] == ["week2kit"]
    assert (copied.import_path / "week2kit" / "processes" / "interpreters.py").is_file()
    assert not (copied.import_path / "week2kit").is_symlink()


# --- with uv and a package index --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _index() -> None:
    """Skips where no package can be had; asks uv itself, so that a fault of ours is no reason to skip."""
    uv = pytest.importorskip("uv", reason="uv is not installed")
    asked = subprocess.run(
        [uv.find_uv_bin(), "pip", "compile", "--no-progress", "--quiet", "--python", sys.executable, "-"],
        input="threadpoolctl==3.5.0",
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode != 0:
        pytest.skip("no package index can be reached with uv")


def ask(interpreter: Interpreter, code: str, *arguments: str) -> Any:
    """What a child of that Python prints as JSON, in an empty folder."""
    folder = interpreter.executable.parents[3] / "elsewhere"
    folder.mkdir(exist_ok=True)
    answer = subprocess.run(
        [interpreter.executable, "-W", "error", "-c", code, *arguments],
        env={**os.environ, **interpreter.variables, "PYTHONSAFEPATH": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.mark.usefixtures("_index")
def test_a_small_environment_is_built_beside_hostile_settings_by_two_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = '[[index]]\nurl = "http://127.0.0.1:9/simple"\ndefault = true\n'
    for folder in (tmp_path, tmp_path / "run"):
        folder.mkdir(exist_ok=True)
        (folder / "uv.toml").write_text(stranger)
    monkeypatch.chdir(tmp_path / "run")
    cache = tmp_path / "environments"
    with ThreadPoolExecutor(2) as threads:
        futures = [threads.submit(build, PYTHON, SMALL, cache=cache, timeout=60) for _ in range(2)]
        built = {future.result() for future in futures}
    assert len(built) == 1
    interpreter = built.pop()
    assert len(list(cache.iterdir())) == 1
    found = ask(
        interpreter,
        "import json, sys, threadpoolctl, pydantic, week2kit.record.manifest, importlib.util as u\n"
        "print(json.dumps([threadpoolctl.__version__, u.find_spec('pytest') is None, sys.prefix != sys.base_prefix]))",
    )
    assert found == ["3.5.0", True, True]


@pytest.mark.usefixtures("_index")
def test_a_version_that_does_not_exist_is_told_in_the_words_of_uv(tmp_path: Path) -> None:
    with pytest.raises(CannotRestore, match=r"uv says: Because there is no version of threadpoolctl==99\.0"):
        build(PYTHON, {"threadpoolctl": "99.0"}, cache=tmp_path / "environments", timeout=60)


#: Versions that were released together, and work with every Python that week2kit runs on up to 3.13.
OLDER = {
    "numpy": "2.3.5",
    "scipy": "1.16.3",
    "scikit-learn": "1.7.2",
    "pandas": "2.3.3",
    "joblib": "1.5.2",
    "threadpoolctl": "3.6.0",
}

TRAIN_AGAIN = """\
import json, sys
from week2kit.verification.child import describe_here, train_again
from week2kit.verification.messages import RerunRequest
request = RerunRequest(json.loads(sys.argv[1]), 42, "", "sklearn", None)
heavy = sorted({"typer", "jinja2", "rich", "pytest"} & set(sys.modules))
print(json.dumps([json.loads(describe_here(())), json.loads(train_again(request, None)), heavy]))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("_index")
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="these versions have no wheels for this Python")
def test_a_run_is_trained_again_under_older_versions(tmp_path: Path) -> None:
    interpreter = build(PYTHON, OLDER, cache=tmp_path / "environments", timeout=300)
    config = (ROOT / "runs" / "iris-baseline" / "config.json").read_text()
    here, fresh, heavy = ask(interpreter, TRAIN_AGAIN, config)
    assert here["environment"]["python"] == PYTHON
    assert {name: here["environment"]["libraries"].get(name) for name in OLDER} == OLDER
    assert here["code"] == code_digest(code_modules())
    assert fresh["failure"] is None
    assert fresh["outcome"]["metrics"]
    assert heavy == []
