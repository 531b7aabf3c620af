"""Whatever ends a training or a verification, its record stays: real processes, real signals, a real full disk."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

import week2kit.training.recording
from week2kit import open_run, train
from week2kit.record.manifest import CompletedRun, FailedRun, RunningRun
from week2kit.record.verdict import VerdictDocument
from week2kit.verification.integrity import check_files, check_record

from .forked import Started, server_for
from .sessions import computed, end_all_in, wait_for, working_in
from .tampering.copies import Copy

PYTHONPATH = os.pathsep.join(filter(None, [str(Path(week2kit.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
ENVIRONMENT = os.environ | {"PYTHONPATH": PYTHONPATH, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

#: A fit of many minutes that comes back to Python between its trees.
LONG = {
    "data": {"dataset": "digits"},
    "model": {"class": "random_forest", "params": {"n_estimators": 1_000_000}},
    "seed": 1,
}
SHORT = {"data": {"dataset": "iris"}, "model": "decision_tree", "seed": 1}


def start(*arguments: object, cwd: Path) -> Started:
    """Start the command line as its own process group, as a terminal does; it has imported what it needs."""
    server = server_for(ENVIRONMENT)
    return server.start("week2kit.cli:main", ["week2kit", *map(str, arguments)], str(cwd), ENVIRONMENT)


def start_anew(*arguments: object, cwd: Path, **more: Any) -> subprocess.Popen[str]:
    """The same in a new process: for limits, for what happens while it imports, for variables of its start.

    And where it ends while children run: the server of those is a started program then, as it is for everybody.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "week2kit", *map(str, arguments)],
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        **more,
    )


def finish(process: subprocess.Popen[str] | Started, timeout: float = 60) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=timeout)
    assert "Traceback" not in err, err
    return process.returncode, out, err


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "long.json").write_text(json.dumps(LONG))
    (tmp_path / "short.json").write_text(json.dumps(SHORT))
    yield tmp_path
    end_all_in(tmp_path)


# --- train ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "code", "error"), [("SIGINT", 130, "KeyboardInterrupt"), ("SIGTERM", 143, "Terminated")]
)
@pytest.mark.parametrize("after", [0.0, 0.4, None], ids=["at-once", "while-importing", "in-the-fit"])
def test_an_interrupted_training_is_recorded(
    project: Path, sent: str, code: int, error: str, after: float | None
) -> None:
    process = (start if after is None else start_anew)("train", "long.json", "--name", "a", cwd=project)
    wait_for(lambda: (project / "runs" / "a" / "manifest.json").exists())
    if after is None:
        wait_for(lambda: computed(process.pid) > 1, 60)
    else:
        time.sleep(after)
    os.killpg(process.pid, getattr(signal, sent))
    assert finish(process)[0] == code
    manifest = open_run(project / "runs" / "a").manifest
    assert isinstance(manifest, FailedRun)
    assert manifest.failure.error == error
    assert manifest.failure.hint
    if after is None:
        assert manifest.failure.stage == "fit"
        assert manifest.inputs.data is not None
        assert manifest.inputs.environment is not None
    verified_text(project, "ended from outside")


def test_an_interrupt_while_the_config_is_read_waits_until_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pydantic makes an interrupt in the middle of it an error of its own."""
    finished: list[bool] = []
    parse = week2kit.training.recording.parse_config

    def interrupted(value: dict[str, Any]) -> Any:
        signal.raise_signal(signal.SIGINT)
        finished.append(True)
        return parse(value)

    monkeypatch.setattr("week2kit.training.recording.parse_config", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(SHORT, name="a", runs_dir=tmp_path)
    assert finished == [True]
    manifest = open_run(tmp_path / "a").manifest
    assert isinstance(manifest, FailedRun)
    assert manifest.failure.error == "KeyboardInterrupt"


SIGNALLED = """
import os, signal, sys
from pathlib import Path
from week2kit import cli
from week2kit.record import writing

def main():
    at, repeated = sys.argv.pop(1), int(sys.argv.pop(1))

    def send():
        for _ in range(repeated):
            os.kill(os.getpid(), signal.SIGINT)

    def before(function, here):
        def wrapped(*arguments, **more):
            if here(*arguments):
                send()
            return function(*arguments, **more)
        return wrapped

    written = []
    if at == "mkdir":
        Path.mkdir = before(Path.mkdir, lambda path, *a: path.name.startswith(".a."))
    if at == "rename":
        Path.rename = before(Path.rename, lambda path, *a: path.name.startswith(".a."))
    if at == "last-fsync":
        write = writing.RunFolder.write_manifest
        def noted(self, manifest):
            written.append(manifest.status)
            write(self, manifest)
        writing.RunFolder.write_manifest = noted
        os.fsync = before(os.fsync, lambda *a: written[-1:] == ["completed"])
    if at == "record":  # of the interrupt itself: the second comes while the first is recorded
        os.fsync = before(os.fsync, lambda *a: True)
    cli.main()
"""


@pytest.mark.parametrize("repeated", [1, 2])
@pytest.mark.parametrize("at", ["mkdir", "rename", "last-fsync", "record"])
def test_an_interrupt_at_the_first_and_the_last_moment_is_recorded(at: str, repeated: int, project: Path) -> None:
    (project / "lib").mkdir()
    (project / "lib" / "signalled.py").write_text(SIGNALLED)
    words = ["week2kit", at, str(repeated), "train", "short.json", "--name", "a"]
    first = str(project / "lib")
    code, _, err = finish(server_for(ENVIRONMENT).start("signalled:main", words, str(project), ENVIRONMENT, first))
    assert (code, err.count("Interrupted.")) == (130, 1)
    assert [path.name for path in (project / "runs").iterdir()] == ["a"]
    manifest = open_run(project / "runs" / "a").manifest
    assert isinstance(manifest, FailedRun)
    assert manifest.failure.error == "KeyboardInterrupt"
    assert not list((project / "runs").rglob("*.tmp"))


#: Fits that want more than two or four GiB, at once or piece by piece.
TOO_LARGE = {
    "kernel": {"model": "sklearn.kernel_ridge.KernelRidge", "metrics": ["r2"]},
    "layers": {
        "model": {
            "class": "sklearn.neural_network.MLPClassifier",
            "params": {"hidden_layer_sizes": [20_000, 20_000, 20_000]},
        }
    },
    "trees": {
        "model": {
            "class": "sklearn.ensemble.ExtraTreesClassifier",
            "params": {"n_estimators": 20_000, "max_features": 1},
        }
    },
}


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_a_fit_that_is_too_large_is_recorded(kind: str, project: Path) -> None:
    random = Random(1)
    rows = "".join(f"{random.random()},{random.random()},{i % 13},{random.randrange(2)}\n" for i in range(30_000))
    (project / "big.csv").write_text("a,b,c,y\n" + rows)
    config = {"data": {"path": "big.csv", "target": "y"}, "preprocess": "none", "seed": 1} | TOO_LARGE[kind]
    (project / "large.json").write_text(json.dumps(config))
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))}
    code, _, err = finish(start_anew("train", "large.json", "--name", "a", cwd=project, **limit), 120)
    assert (code, "The memory was not enough" in err) == (1, True), err
    manifest = open_run(project / "runs" / "a").manifest
    assert isinstance(manifest, FailedRun)
    assert (manifest.failure.stage, manifest.failure.error) == ("fit", "MemoryError")
    assert manifest.inputs.environment is not None


@pytest.mark.parametrize("mebibytes", [400, 560])
def test_too_little_memory_for_the_libraries_themselves_is_told_at_once(mebibytes: int, project: Path) -> None:
    """OpenBLAS asks again for ever where it is refused: while it is loaded, and at its first large product."""
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (mebibytes << 20, mebibytes << 20))}
    train(SHORT, name="a", runs_dir=project / "runs")
    code, _, err = finish(start_anew("train", "long.json", "--name", "b", cwd=project, **limit), 60)
    assert (code, "the memory was not enough" in err) == (1, True), err
    code, text, _ = finish(start_anew("verify", "runs/a", cwd=project, **limit), 60)
    assert (code, "needed more memory than it gets" in text) == (125, True), text


def verified_text(project: Path, says: str) -> str:
    """What verify prints of ``runs/a``, which it cannot judge; it must hold `says`."""
    code, text, _ = finish(start("verify", "runs/a", cwd=project))
    assert code == 125
    assert text.startswith("runs/a  undecided")
    assert says in text
    return text


def test_a_killed_training_is_told_as_interrupted_by_every_command(project: Path) -> None:
    process = start("train", "long.json", "--name", "a", cwd=project)
    wait_for(lambda: (project / "runs" / "a" / "manifest.json").exists() and computed(process.pid) > 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert isinstance(open_run(project / "runs" / "a").manifest, RunningRun)
    verified_text(project, "never came to its end")
    train(SHORT, name="b", runs_dir=project / "runs")
    code, out, _ = finish(start("runs", cwd=project))
    assert (code, "interrupted" in out) == (0, True)
    code, out, _ = finish(start("report", "runs", cwd=project))
    assert (code, "interrupted" in out) == (0, True)


def test_at_every_stage_the_record_can_be_read(tmp_path: Path) -> None:
    seen = []

    def look(stage: str) -> None:
        seen.append((stage, open_run(tmp_path / "runs" / "a").manifest.status))

    run = train(SHORT, name="a", runs_dir=tmp_path / "runs", on_stage=look)
    assert seen == [(stage, "running") for stage in ("config", "load", "split", "fit", "evaluate", "save")]
    assert run.manifest.status == "completed"


BIG = {
    "data": {"dataset": "digits"},
    "model": {"class": "random_forest", "params": {"n_estimators": 20}},  # a model of more than a megabyte
    "seed": 1,
}


@contextlib.contextmanager
def _full_disk(directory: Path, size: int) -> Iterator[dict[str, Any]]:
    """A folder that takes `size` bytes; where no disk can be mounted, files that take no more than that."""
    directory.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], capture_output=True)
    if mounted.returncode != 0:
        yield {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}
        return
    try:
        yield {}
    finally:
        subprocess.run(["umount", directory], check=True)


@pytest.mark.parametrize("size", [4096, 16_384, 65_536, 400_000])
def test_a_full_disk_ends_in_a_sentence_and_a_readable_folder(project: Path, size: int) -> None:
    (project / "big.json").write_text(json.dumps(BIG))
    with _full_disk(project / "runs", size) as limits:
        code, _, err = finish(start_anew("train", "big.json", "--name", "a", cwd=project, **limits))
        assert code in (1, 2)
        assert "space" in err or "too large" in err.lower()
        assert not list((project / "runs").rglob("*.tmp"))
        if (project / "runs" / "a" / "manifest.json").exists():
            manifest = open_run(project / "runs" / "a").manifest
            assert manifest.status in ("failed", "running")
            if isinstance(manifest, FailedRun):
                assert (manifest.failure.stage, manifest.failure.error) == ("save", "OSError")
            assert finish(start("verify", "runs/a", cwd=project))[0] == 125


def test_out_of_memory_is_recorded_as_what_it_is(project: Path) -> None:
    config = SHORT | {
        "data": {"dataset": "digits"},
        "preprocess": [{"class": "sklearn.kernel_approximation.RBFSampler", "params": {"n_components": 10**11}}],
    }
    (project / "huge.json").write_text(json.dumps(config))
    code, _, err = finish(start("train", "huge.json", "--name", "a", cwd=project))
    assert code == 1
    assert "fewer rows or features" in err
    manifest = open_run(project / "runs" / "a").manifest
    assert isinstance(manifest, FailedRun)
    assert (manifest.failure.stage, manifest.failure.error) == ("fit", "MemoryError")
    verified_text(project, "ended from outside")


@pytest.mark.parametrize("place", ["/proc/none", "/dev/null/x", "short.json"])
def test_a_place_that_cannot_be_written_is_said_before_anything_is_trained(project: Path, place: str) -> None:
    began = time.monotonic()
    code, out, err = finish(start("train", "long.json", "--runs-dir", place, cwd=project))
    assert (code, out) == (2, "")
    assert "no run folder can be made there" in err
    assert "--runs-dir" in err
    assert time.monotonic() - began < 10


MANY = """
import json, multiprocessing, sys
from pathlib import Path
import week2kit.loop.run, week2kit.environment.facts, sklearn.tree, sklearn.pipeline
from week2kit import train
from week2kit.errors import UsageError

CONFIG = {"data": {"dataset": "iris", "features": ["petal width (cm)"]}, "preprocess": "none", "model": "dummy"}

def one(seed):
    return train(CONFIG | {"seed": seed}, runs_dir="runs").path.name

def same(seed):
    try:
        return train(CONFIG | {"seed": seed}, runs_dir="same", name="taken").path.name
    except UsageError as error:
        return str(error)

with multiprocessing.get_context("fork").Pool(16) as pool:
    names = pool.map(one, range(200), chunksize=1)
    told = pool.map(same, range(16), chunksize=1)
Path("told.json").write_text(json.dumps([names, told]))
"""


def test_two_hundred_trainings_at_once_are_two_hundred_runs(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", MANY], cwd=tmp_path, env=ENVIRONMENT, check=True, timeout=300)
    names, told = json.loads((tmp_path / "told.json").read_text())
    runs = [open_run(path) for path in (tmp_path / "runs").iterdir()]
    assert sorted(run.path.name for run in runs) == sorted(names)
    assert len({run.manifest.nonce for run in runs}) == len({run.manifest.run_id for run in runs}) == 200
    seeds = []
    for run in runs:
        assert isinstance(run.manifest, CompletedRun)
        assert run.manifest.run_id == run.path.name
        assert not list(run.path.glob(".*"))
        contents = check_files(run)
        assert all(check.outcome == "passed" for check in [*contents.checks, *check_record(run, contents)])
        seeds.append(run.manifest.inputs.seed.value)
    assert sorted(seeds) == list(range(200))
    assert sorted(told)[-1] == "taken"
    assert sum("this name is taken" in text for text in told) == 15


# --- verify -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs a, b (a fit that never ends) and c."""
    directory = tmp_path_factory.mktemp("verify")
    endless = {
        "data": {"dataset": "digits"},
        "model": {"class": "sklearn.linear_model.SGDClassifier", "params": {"max_iter": 5, "tol": None}},
        "seed": 1,
    }
    configs = {"a": SHORT, "b": endless, "c": SHORT | {"seed": 2}}
    for name, config in configs.items():
        (directory / f"{name}.json").write_text(json.dumps(config))
        assert finish(start("train", f"{name}.json", "--name", name, cwd=directory))[0] == 0
    (directory / "work" / "runs").mkdir(parents=True)
    (directory / "runs" / "b").rename(directory / "work" / "runs" / "run")
    Copy(directory / "work", directory).forge_config("model.params.max_iter", 10**7)
    (directory / "work" / "runs" / "run").rename(directory / "runs" / "b")
    return directory


def verdicts(text: str) -> list[tuple[str | None, str | None]]:
    document = VerdictDocument.model_validate_json(text)
    return [(verdict.verdict, verdict.reason.code if verdict.reason else None) for verdict in document.runs]


def test_a_fit_that_hangs_is_stopped_and_costs_only_its_own_run(trained: Path) -> None:
    began = time.monotonic()
    code, out, _ = finish(start("verify", "--json", "--timeout", "5", "runs/a", "runs/b", "runs/c", cwd=trained))
    took = time.monotonic() - began
    assert verdicts(out) == [("identical", None), ("undecided", "undecided.timeout"), ("identical", None)]
    assert code == 125
    assert took < 14
    stopped = VerdictDocument.model_validate_json(out).runs[1]
    assert 5 <= stopped.seconds < 7
    assert stopped.reason is not None
    assert stopped.reason.now == "It was stopped after 5 seconds."
    assert wait_for(lambda: not working_in(trained), 5)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_child_that_is_killed_costs_only_its_own_run(trained: Path, jobs: int) -> None:
    process = start("verify", "--json", "--jobs", jobs, "--timeout", "60", "runs/a", "runs/b", "runs/c", cwd=trained)
    os.kill(wait_for(lambda: _busy_child(trained, process.pid)), signal.SIGKILL)
    code, out, _ = finish(process)
    assert verdicts(out) == [("identical", None), ("undecided", "undecided.child_died"), ("identical", None)]
    assert "memory may have run out" in out
    assert code == 125


def _busy_child(directory: Path, verifier: int) -> int | None:
    """The process that has computed for two seconds on behalf of a verification, and is not the verifier itself."""
    for pid in working_in(directory):
        with contextlib.suppress(OSError):
            if pid != verifier and computed(pid) > 2:
                return pid
    return None


@pytest.mark.parametrize(("sent", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_interrupted_verification_ends_at_once_and_leaves_no_process(trained: Path, sent: str, code: int) -> None:
    before = {path: path.stat().st_mtime_ns for path in (trained / "runs").rglob("*")}
    process = start_anew("verify", "runs", cwd=trained)
    wait_for(lambda: _busy_child(trained, process.pid))
    os.killpg(process.pid, getattr(signal, sent))
    assert finish(process, timeout=10)[0] == code
    assert wait_for(lambda: not working_in(trained), 5)
    assert {path: path.stat().st_mtime_ns for path in (trained / "runs").rglob("*")} == before


@pytest.mark.parametrize(("sent", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_ended_verification_keeps_the_verdicts_that_it_reached(
    trained: Path, tmp_path: Path, sent: str, code: int
) -> None:
    """Also that of c, which waits behind b, and goes on from there: only b is verified again."""
    kept = tmp_path / "verdicts.json"
    more = ["-o", kept] if sent == "SIGINT" else []
    process = start("verify", "--json", "--jobs", 2, *more, "runs/a", "runs/b", "runs/c", cwd=trained)
    assert process.stderr is not None
    lines = {process.stderr.readline().partition(" ")[2] for _ in "ac"}
    assert lines == {"runs/a: identical\n", "runs/c: identical\n"}
    os.killpg(process.pid, getattr(signal, sent))
    ended, out, err = finish(process, timeout=10)
    assert ended == code
    assert ("written: " in err, bool(out)) == ((True, False) if more else (False, True))
    document = VerdictDocument.model_validate_json(kept.read_text() if more else out)
    assert [(verdict.run, verdict.verdict) for verdict in document.runs] == [
        ("runs/a", "identical"),
        ("runs/c", "identical"),
    ]
    assert (document.summary, document.not_reached) == ({"identical": 2}, ["runs/b"])
    if more:
        with (trained / "runs" / "c" / "metrics.json").open("a") as file:
            file.write("\n ")  # other bytes, the same content
        arguments = ["verify", "--json", *more, "--timeout", "3", "runs/a", "runs/b", "runs/c"]
        assert finish(start(*arguments, "--resume", cwd=trained))[0] == 125
        again = VerdictDocument.model_validate_json(kept.read_text())
        assert [again.runs[0], again.runs[2]] == document.runs
        assert (again.runs[1].verdict, again.not_reached) == ("undecided", [])
        code, _, err = finish(start(*arguments, "--resume", "--tolerance", "1e-3", cwd=trained))
        assert (code, "reached with other options (none)" in err) == (2, True)


def test_a_verdict_is_not_kept_for_a_run_that_was_edited_since(trained: Path, tmp_path: Path) -> None:
    kept = tmp_path / "verdicts.json"
    shutil.copytree(trained / "runs" / "a", tmp_path / "a")
    assert finish(start("verify", "a", "-o", kept, cwd=tmp_path))[0] == 0
    (tmp_path / "a" / "metrics.json").write_text('{"accuracy": 0.1}')
    code, out, _ = finish(start("verify", "a", "-o", kept, "--resume", cwd=tmp_path))
    assert (code, out.startswith("a  tampered")) == (3, True)


def test_a_killed_verifier_leaves_no_process(trained: Path) -> None:
    process = start_anew("verify", "runs", cwd=trained)
    wait_for(lambda: _busy_child(trained, process.pid))
    process.kill()
    process.communicate()
    assert wait_for(lambda: not working_in(trained), 10)


HOSTILE = """
import os, signal, sys, time
from sklearn.tree import DecisionTreeClassifier

class Tree(DecisionTreeClassifier):
    def __init__(self, does="nothing", random_state=None):
        super().__init__(random_state=random_state)
        self.does = does

    def fit(self, X, y):
        rerun = sys.modules.get("week2kit.verification.child")
        if rerun is not None and "PYTEST_CURRENT_TEST" not in os.environ:  # not the test that makes the runs
            globals()[self.does](rerun)
        return super().fit(X, y)

def nothing(rerun): pass
def exits(rerun): os._exit(3)
def killed(rerun): os.kill(os.getpid(), signal.SIGKILL)
def server(rerun): os.kill(os.getppid(), signal.SIGKILL), time.sleep(3)  # the end of the server takes a moment
def memory(rerun): bytearray(1 << 60)
def threads(rerun): raise RuntimeError("can't start new thread")
def hangs(rerun): signal.pause()
def answer(rerun): rerun.Fresh.model_dump_json = lambda *a, **k: "no answer"
def late_memory(rerun): rerun.static_notes = lambda pipeline: bytearray(1 << 60)
def bug(rerun): rerun.static_notes = None
"""

#: What becomes of a run whose training does so; the others of its folder keep their verdicts.
HOSTILE_VERDICTS = {
    "exits": "undecided.child_died",
    "killed": "undecided.child_died",
    "server": "undecided.child_died",
    "memory": "undecided.limit",
    "threads": "undecided.limit",
    "hangs": "undecided.timeout",
    "answer": "undecided.bug",
    "late_memory": "undecided.limit",
    "bug": "undecided.bug",
}


def test_a_hostile_run_costs_its_own_row_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hostile.py").write_text(HOSTILE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", os.pathsep.join([str(tmp_path), PYTHONPATH]))
    expected = {}
    for number, does in enumerate(sorted({"nothing": ""} | HOSTILE_VERDICTS)):
        for name, kind in ((f"{number}a", does), (f"{number}b", "nothing")):
            config = SHORT | {"model": {"class": "hostile.Tree", "params": {"does": kind}}}
            train(config, name=name, runs_dir=tmp_path / "runs", allow_modules=["hostile"])
            expected[f"runs/{name}"] = HOSTILE_VERDICTS.get(kind, "identical")
    arguments = ("verify", "runs", "--allow-module", "hostile", "--timeout", 12, "--jobs", 2)
    process = start_anew(*arguments, "--json", cwd=tmp_path)
    out, err = process.communicate(timeout=120)
    rows = VerdictDocument.model_validate_json(out).runs
    assert {row.run: row.reason.code if row.reason else row.verdict for row in rows} == expected
    assert process.returncode == 70
    assert "This is a bug in week2kit" in err
    assert err.count("Traceback") == 2
    assert not list(tmp_path.rglob("pymp-*"))


# --- report -----------------------------------------------------------------------------------------------------


def test_a_report_that_cannot_be_written_leaves_the_old_one_and_its_pictures(trained: Path) -> None:
    target = trained / "r.md"
    assert finish(start("report", "runs/a", "-o", target, "--only-named", cwd=trained))[0] == 0
    text = target.read_text()
    place = text.index("*What do you conclude")
    target.write_text(text[:place] + "word " * 40_000 + text[text.index("\n", place) :] + "Outside.\n")
    before = _contents(trained)
    for size, told in {100_000: "r.md: it cannot be written", 3_000: "r_files"}.items():
        limits = {"preexec_fn": lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}
        process = start_anew("report", "runs/a", "runs/c", "-o", target, "--only-named", cwd=trained, **limits)
        code, out, err = finish(process)
        assert (code, out) == (2, "")
        assert told in err
        assert err.endswith("File too large.\n")
        assert _contents(trained) == before


def _contents(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_a_limit_that_was_met_is_undecided_and_named(tmp_path: Path) -> None:
    data = {"data": {"path": "t.csv", "target": "y"}, "preprocess": "none", "seed": 1, "metrics": ["r2"]}
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{i * 7919 % 1009},{i % 31}\n" for i in range(6_000)))
    (tmp_path / "k.json").write_text(json.dumps(data | {"model": "sklearn.kernel_ridge.KernelRidge"}))
    assert finish(start("train", "k.json", "--name", "a", cwd=tmp_path))[0] == 0
    code, out, _ = finish(start("verify", "runs/a", "--limit", "memory=0.4", cwd=tmp_path))
    assert (code, "it may hold 0.4 GiB here. Allow more (--limit memory=GIB)" in out) == (125, True), out
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_DATA, (2 << 28, 2 << 28))}
    code, out, _ = finish(start_anew("verify", "runs/a", cwd=tmp_path, **limit))
    assert (code, "it may hold 0.5 GiB here. Allow more (ulimit -v and -d)" in out) == (125, True), out
    code, out, _ = finish(start("verify", "runs/a", "--limit", "time=0.01", cwd=tmp_path))
    assert (code, "the 0.01 seconds for all runs together were over" in out) == (125, True), out
    assert finish(start("verify", "runs/a", "--limit", "memory=none", cwd=tmp_path))[0] == 0


@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("in_a_fit", [False, True], ids=["while-it-starts", "in-a-fit"])
def test_a_verification_that_is_ended_leaves_nothing_in_the_temporary_folder(
    sent: str, in_a_fit: bool, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "TMPDIR", str(tmp_path))
    process = start_anew("verify", "runs", "--jobs", 2, cwd=trained)
    if in_a_fit:
        wait_for(lambda: _busy_child(trained, process.pid))
    else:
        wait_for(lambda: len(working_in(trained)) > 1)
        time.sleep(0.3)
    process.send_signal(getattr(signal, sent))
    process.send_signal(getattr(signal, sent))  # a key that is hit twice
    code, _, err = finish(process, timeout=10)
    assert code == {"SIGINT": 130, "SIGTERM": 143, "SIGKILL": -9}[sent]
    assert err == {"SIGINT": "Interrupted.\n", "SIGTERM": "Terminated.\n", "SIGKILL": ""}[sent]
    assert wait_for(lambda: not working_in(trained), 5)
    assert not list(tmp_path.iterdir())
