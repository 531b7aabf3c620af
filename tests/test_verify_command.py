"""A recorded command is run again: the verdict on it, the evidence for it, and what is said."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import socket
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from week2kit.observing.calls import available as calls_available
from week2kit.observing.confined import available as confined_available
from week2kit.record.artifacts import artifact_digest
from week2kit.record.store import Run
from week2kit.record.verdict import Verdict
from week2kit.sentences.verdicts import describe_verdict
from week2kit.training.asked import Asked, Named
from week2kit.training.command import train_command
from week2kit.training.repeating import repeated
from week2kit.verification.shown import verify

watched = pytest.mark.skipif(
    calls_available() is not None or confined_available() is not None,
    reason="this kernel lets nobody watch system calls or confine a command",
)

MEAN = """
    import json, pathlib, sys
    rows = [float(line) for line in pathlib.Path("data.csv").read_text().split()]
    pathlib.Path("metrics.json").write_text(json.dumps({"mean": sum(rows) / len(rows)}))
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "data.csv").write_text("1\n2\n4\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(folder)
    return folder


def script(code: str, name: str = "train.py") -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(textwrap.dedent(code))


def train(*words: str, name: str = "one", program: str = sys.executable, **asked: Any) -> Run:
    return train_command(Asked([program, *words], **asked), name=name)


def judged(run: Run | Path | str = "runs/one", **options: Any) -> Verdict:
    return verify(run, **options).runs[0]


def text(verdict: Verdict) -> str:
    return "\n".join(describe_verdict(verdict))


def outcome_of(verdict: Verdict, code: str) -> str | None:
    return next((check.outcome for check in verdict.checks if check.code == code), None)


def forge(path: str, **values: Any) -> None:
    """Change the manifest of a run as somebody would who keeps it agreeing with itself."""
    place = Path(path) / "manifest.json"
    manifest = json.loads(place.read_text())
    for dotted, value in values.items():
        *keys, last = dotted.split("__")
        target = manifest
        for key in keys:
            target = target[key]
        target[last] = value(target[last]) if callable(value) else value
    place.write_text(json.dumps(manifest))


# --- the same again ---------------------------------------------------------------------------------------------


@watched
def test_the_same_comes_out_again_with_nothing_else_within_reach() -> None:
    script(MEAN)
    train("train.py", "--seed", "1")
    verdict = judged()
    assert (verdict.verdict, verdict.level) == ("identical", "metrics")
    assert outcome_of(verdict, "hermetic") == "passed"
    assert "proven: with nothing within reach but its code and its 1 recorded input" in text(verdict)
    assert len(verdict.reruns) == 1
    assert sorted(path.name for path in Path().iterdir()) == ["data.csv", "metrics.json", "runs", "train.py"]


def test_predictions_scores_and_model_deepen_the_level() -> None:
    code = """
        import csv, json
        rows = [(1, 1, .1, .9), (0, 1, .4, .6)]
        with open("predictions.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["y_true", "y_pred"%s])
            writer.writerows([row[:%d] for row in rows])
        open("metrics.json", "w").write('{"accuracy": 0.5}')
        open("model.pkl", "wb").write(b"\\x80weights")
    """
    for name, columns, count, level in (
        ("labels", "", 2, "predictions"),
        ("scores", ', "score:0", "score:1"', 4, "model"),
    ):
        script(code % (columns, count))
        train("train.py", name=name)
        verdict = judged(f"runs/{name}")
        assert (verdict.verdict, verdict.level) == ("identical", level)


def test_what_leaves_files_alone_is_held_against_them() -> None:
    script('open("table.csv", "w").write("a,b\\n1,2\\n")')
    train("train.py")
    verdict = judged()
    assert (verdict.verdict, verdict.level) == ("identical", "outputs")
    assert "the files that it wrote" in text(verdict)
    script("pass")
    train("train.py", name="nothing")
    nothing = judged("runs/nothing")
    assert nothing.verdict == "undecided"
    assert "left neither a metric nor a file" in text(nothing)


def test_times_and_places_do_not_decide() -> None:
    script("""
        import json, os, time
        folder = time.strftime("out/%Y%m%d_%H%M%S")
        os.makedirs(folder)
        open(f"{folder}/metrics.json", "w").write(json.dumps({"f1": 0.25, "fit_time": time.perf_counter()}))
        said = f"{time.strftime('%H:%M:%S')} wrote {os.getcwd()}/x in {time.perf_counter():.3f} s, at {time.time()}\\n"
        open(f"{folder}/log.txt", "w").write(said)
    """)
    train("train.py")
    verdict = judged()
    assert (verdict.verdict, verdict.level) == ("identical", "metrics")
    assert "came out otherwise" not in text(verdict)


def test_another_output_that_differs_is_noted_and_does_not_decide() -> None:
    script("""
        import json, os
        open("metrics.json", "w").write('{"f1": 0.25}')
        open("notes.txt", "w").write(f"token {os.urandom(4).hex()}\\n")
        open("model.pkl", "wb").write(b"weights")
    """)
    train("train.py")
    verdict = judged()
    assert verdict.verdict == "identical"
    assert 'notes.txt: it came out otherwise (line 1: recorded "token ' in text(verdict)
    assert "model.pkl" not in text(verdict)


def test_a_command_in_a_package_with_data_above_runs_again() -> None:
    Path("app/lab").mkdir(parents=True)
    script("FACTOR = 2\n", "app/lab/factors.py")
    script("", "app/lab/__init__.py")
    script("""
        from lab.factors import FACTOR
        rows = [float(line) for line in open("../data.csv")]
        print("mean:", FACTOR * sum(rows) / len(rows))
    """, "app/lab/train.py")  # fmt: skip
    os.chdir("app")
    run = train("-m", "lab.train")
    assert run.manifest.inputs.program.script == "lab/train.py"
    assert set(run.manifest.inputs.program.modules) == {"lab/__init__.py", "lab/factors.py", "lab/train.py"}
    verdict = judged()
    assert (verdict.verdict, outcome_of(verdict, "hermetic")) in {("identical", "passed"), ("identical", "skipped")}


@watched
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_python_that_another_program_starts_is_within_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    script(MEAN)
    Path("Makefile").write_text("train: data.csv\n\tpython train.py\n")
    train("train", program="make")
    verdict = judged()
    assert (verdict.verdict, outcome_of(verdict, "hermetic")) == ("identical", "passed")


def test_a_file_as_standard_input_is_an_input() -> None:
    script("import sys\nprint('sum:', sum(map(float, sys.stdin)))")
    code = (
        "import sys\nfrom week2kit.training.asked import Asked\nfrom week2kit.training.command import train_command\n"
        "train_command(Asked([sys.executable, 'train.py']), name='one')"
    )
    import subprocess

    with open("data.csv") as file:
        subprocess.run([sys.executable, "-c", code], stdin=file, check=True)
    assert judged().verdict == "identical"
    subprocess.run([sys.executable, "-c", code.replace("one", "piped")], input=b"1\n2\n", check=True)
    piped = judged("runs/piped")
    assert piped.verdict == "undecided"
    assert "had a stream as its standard input, which no record keeps" in text(piped)


# --- edited since -----------------------------------------------------------------------------------------------


def test_a_script_that_was_edited_since_is_told_with_its_lines_and_the_recorded_one_is_run() -> None:
    script(MEAN)
    train("train.py")
    script(MEAN.replace("sum(rows) / len(rows)", "max(rows)"))
    verdict = judged()
    assert verdict.verdict == "identical"
    assert 'train.py: it was edited since (line 4: recorded "pathlib' in text(verdict)
    script(MEAN.replace("import", "# better\n    import", 1))
    assert "edited" not in text(judged())  # a comment is no other code


def test_a_script_too_long_to_keep_decides_nothing_when_it_was_edited() -> None:
    long = MEAN + "    " + "x = 1\n    " * 12_000
    script(long)
    train("train.py")
    assert judged().verdict == "identical"
    script(long + "y = 2\n")
    same = judged()
    assert same.verdict == "identical"
    assert "train.py: it is another text now than the recorded one" in text(same)
    script(long.replace("sum(rows) / len(rows)", "max(rows)"))
    other = judged()
    assert other.verdict == "undecided"
    assert "with another text of train.py than the recorded one" in text(other)
    Path("train.py").unlink()
    gone = judged()
    assert (gone.verdict, gone.reason and gone.reason.code) == ("undecided", "undecided.no_code")


def test_data_that_were_edited_are_told_with_the_cell() -> None:
    Path("data.csv").write_text("a,y\n1,0\n2,1\n")
    script("print('rows:', len(open('data.csv').readlines()))")
    train("train.py")
    Path("data.csv").write_text("a,y\n1,0\n2,7\n")
    verdict = judged()
    assert (verdict.verdict, verdict.first_divergence) == ("different", "data")
    assert 'data.csv: the command read this file, which holds something else now: line 3, column y: recorded "1", ' in (
        text(verdict)
    )
    assert [(cause.input, cause.factor) for cause in verdict.causes] == [("data", "data.csv")]


def test_large_data_are_found_by_their_bytes_or_asked_for(tmp_path: Path) -> None:
    Path("data.csv").write_text("1\n" * 50_000)
    script(MEAN)
    train("train.py")
    assert judged().verdict == "identical"
    shutil.move("data.csv", tmp_path / "elsewhere.csv")
    gone = judged()
    assert (gone.verdict, gone.reason and gone.reason.code) == ("undecided", "undecided.no_input")
    assert "data.csv: the command read this file, and no file with its bytes" in text(gone)
    assert judged(data=tmp_path / "elsewhere.csv").verdict == "identical"
    Path("data.csv").write_text("2\n" * 50_000)
    other = judged()
    assert (other.verdict, other.first_divergence) == ("different", "data")
    assert "which holds other bytes now" in text(other)


@watched
def test_an_input_that_the_command_changes_is_kept_as_it_was() -> None:
    script("""
        rows = open("data.csv").read()
        open("data.csv", "a").write("8\\n")
        print("rows:", rows.count("\\n"))
    """)
    run = train("train.py")
    file = run.manifest.inputs.files[0]
    assert (file.path, file.is_changed) == ("data.csv", True)
    assert judged().verdict == "identical"
    Path("data.csv").write_text("5\n")  # as the next run of it would
    assert judged().verdict == "identical"


# --- what the record lacks --------------------------------------------------------------------------------------


@watched
@pytest.mark.parametrize("place", ["data.csv", "{above}/data.csv"])
def test_an_input_that_the_record_withholds_is_named(place: str, tmp_path: Path) -> None:
    path = place.format(above=tmp_path)
    if path != place:
        shutil.move("data.csv", path)
    script(MEAN.replace("data.csv", path))
    train("train.py")
    assert judged().verdict == "identical"
    forge("runs/one", inputs__files=[])
    sources = json.loads(Path("runs/one/sources.json").read_text())
    Path("runs/one/sources.json").write_text(json.dumps(sources | {"files": {}}))
    content = Path("runs/one/sources.json").read_bytes()
    forge(
        "runs/one",
        artifacts=lambda listed: [
            one | ({"sha256": artifact_digest("sources", content)} if one["name"] == "sources" else {})
            for one in listed
        ],
    )  # fmt: skip
    verdict = judged(trust=True)
    assert (verdict.verdict, outcome_of(verdict, "hermetic")) == ("identical", "failed")
    assert "the record lacks files that the command needs: data.csv." in text(verdict)
    assert "proven" not in text(verdict)


@watched
def test_the_runs_are_none_of_the_files_that_a_listing_command_needs() -> None:
    script("""
        import os
        print("tables:", sum(name.endswith(".csv") for name in os.listdir(".")))
    """)
    train_command(Asked([sys.executable, "train.py"]), name="one", runs_dir=Path("kept"))
    verdict = judged("kept/one")
    assert (verdict.verdict, outcome_of(verdict, "hermetic")) == ("identical", "failed")
    assert "the record lacks files that the command needs: data.csv." in text(verdict)


@watched
def test_files_that_are_only_counted_are_named() -> None:
    Path("parts").mkdir()
    for number in range(3):
        Path(f"parts/{number}.csv").write_text("1\n")
    script("""
        import glob
        files = sorted(glob.glob("parts/*.csv"))
        print("files:", len(files), "\\nfirst:", float(open(files[0]).read()))
    """)
    train("train.py", "--seed", "1")
    verdict = judged()
    assert (verdict.verdict, outcome_of(verdict, "hermetic")) == ("identical", "failed")
    assert "the record lacks files that the command needs: parts/1.csv, parts/2.csv." in text(verdict)


def test_what_came_over_the_network_is_no_fault_of_the_run() -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    said = [b"0.5"]

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said[0])

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        script(f"""
            from urllib.request import ProxyHandler, build_opener
            answer = build_opener(ProxyHandler({{}})).open("http://127.0.0.1:{server.server_port}/").read().decode()
            print("f1:", answer)
        """)
        train("train.py", "--seed", "1")
        assert judged().verdict == "identical"
        said[0] = b"0.75"
        verdict = judged()
        server.shutdown()
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.network")
    assert "the command used the network" in text(verdict)


WITHIN = """
    import os, socket, threading
    def serve(server):
        client = server.accept()[0]
        client.sendall(b"0.5")
        client.close()
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(server,), daemon=True).start()
    print("f1:", socket.create_connection(server.getsockname()).recv(9).decode())
    if os.environ.get("OUT"):
        socket.create_connection(("127.0.0.1", int(os.environ["OUT"]))).close()
"""


@watched
def test_what_the_processes_of_a_command_say_to_one_another_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    script(WITHIN)
    coverage = train("train.py", "--seed", "1").manifest.inputs.coverage
    assert (coverage.network, coverage.within, coverage.is_whole) == (False, True, True)
    verdict = judged()
    assert (verdict.verdict, outcome_of(verdict, "hermetic")) == ("identical", "passed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("OUT", str(server.getsockname()[1]))
        assert train("train.py", "--seed", "1", name="out").manifest.inputs.coverage.network
        verdict = judged()
    assert (verdict.verdict, outcome_of(verdict, "hermetic")) == ("identical", "skipped")
    assert "nothing shows that nobody else answered" in text(verdict)
    assert "proven" not in text(verdict)


@watched
def test_a_forged_metric_is_told_of_what_speaks_to_itself() -> None:
    script(WITHIN.partition("    if os.environ")[0])
    train("train.py", "--seed", "1")
    forge("runs/one", outcome__metrics={"f1": 0.75})
    Path("runs/one/metrics.json").write_text('{"f1": 0.75}')
    digest = artifact_digest("metrics", b'{"f1": 0.75}')
    forge(
        "runs/one",
        artifacts=lambda listed: [o | ({"sha256": digest} if o["name"] == "metrics" else {}) for o in listed],
    )
    assert judged(trust=True).verdict == "different"


def test_what_nobody_saw_is_no_fault_of_the_run() -> None:
    script("print('accuracy: 0.5')")
    train("train.py", "--seed", "1")
    forge("runs/one", outcome__metrics={"accuracy": 0.75})
    Path("runs/one/metrics.json").write_text('{"accuracy": 0.75}')
    digest = artifact_digest("metrics", Path("runs/one/metrics.json").read_bytes())
    listed = json.loads(Path("runs/one/manifest.json").read_text())["artifacts"]
    forge("runs/one", artifacts=[one | ({"sha256": digest} if one["name"] == "metrics" else {}) for one in listed])
    assert judged(trust=True).verdict == "different"
    forge(
        "runs/one",
        inputs__coverage__observers=["audit_hook"],
        inputs__coverage__refused={"system_calls": "kernel"},
        inputs__coverage__programs=["cat"],
    )
    verdict = judged(trust=True)
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.unseen")
    assert "files that cat may have read were not seen" in text(verdict)


def test_a_command_of_somebody_else_is_not_run_without_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(MEAN + "    open('/proc/self/cmdline').read()\n")
    train("train.py")
    assert judged().verdict == "identical"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    verdict = judged()
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.trust")
    assert not verdict.reruns
    assert "If you trust it: --trust." in text(verdict)
    assert judged(trust=True).verdict == "identical"


def test_an_edited_command_is_nobody_that_this_machine_knows() -> None:
    script(MEAN)
    train("train.py")
    forge("runs/one", inputs__program__argv=["sh", "-c", "touch pwned"])
    verdict = judged()
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.trust")
    assert not Path("pwned").exists()


def test_a_forged_metric_is_told() -> None:
    script("print('accuracy: 0.5')")
    train("train.py")
    forge("runs/one", outcome__metrics={"accuracy": 0.75})
    Path("runs/one/metrics.json").write_text('{"accuracy": 0.75}')
    assert judged(trust=True).verdict == "tampered"
    digest = artifact_digest("metrics", Path("runs/one/metrics.json").read_bytes())
    forge(
        "runs/one",
        artifacts=lambda listed: [o | ({"sha256": digest} if o["name"] == "metrics" else {}) for o in listed],
    )
    verdict = judged(trust=True)
    assert (verdict.verdict, verdict.first_divergence) == ("different", "metrics")
    assert "accuracy: recorded 0.75, here 0.5." in text(verdict)


# --- no seed, and the environment -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        ("import random\nprint('score:', random.random())", (), "the command has no seed: give it one"),
        ("import random\nprint('score:', random.randint(0, 1))\nprint('other:', random.random())", (), "no seed"),
        ("import random\nprint('score:', random.random())", ("--seed", "3"), "although the command has the seed 3"),
        ("import random, sys\nprint('score:', 1)\nsys.exit(random.random() < 0.5)", (), "no seed"),
    ],
)
def test_what_draws_without_a_seed_is_unstable(code: str, words: tuple[str, ...], said: str) -> None:
    script(code)
    for attempt in range(40):
        if train("train.py", *words, name=f"run{attempt}").manifest.status == "completed":
            break
    verdict = judged(f"runs/run{attempt}")
    for _ in range(6):
        if verdict.verdict == "unstable":
            break
        verdict = judged(f"runs/run{attempt}")
    assert verdict.verdict == "unstable"
    assert said in text(verdict)


def test_a_few_numbers_without_a_seed_are_compared_three_times() -> None:
    script("print('accuracy: 0.5')")
    train("train.py")
    assert len(judged().reruns) == 3
    train("train.py", "--seed", "1", name="seeded")
    assert len(judged("runs/seeded").reruns) == 1


def test_a_recorded_variable_is_put_back_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    script("print('hash:', hash('text') % 1000)")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    train("train.py", "--seed", "1")
    assert judged().verdict == "identical"
    monkeypatch.setenv("PYTHONHASHSEED", "8")
    verdict = judged()
    assert (verdict.verdict, verdict.level) == ("explained", "metrics")
    assert [(cause.factor, cause.recorded, cause.now, cause.proof) for cause in verdict.causes] == [
        ("variable.PYTHONHASHSEED", "7", "8", "restored")
    ]


def test_threads_and_kernels_are_put_back_and_only_those_that_are_needed_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script("""
        import numpy as np
        a = np.random.default_rng(0).normal(size=(300, 300))
        print("norm:", repr(float((a @ a.T @ a)[0].sum())))
    """)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    run = train("train.py", "--seed", "1")
    if {blas.architecture for blas in run.manifest.inputs.environment.blas} != {"Nehalem"}:
        pytest.skip("the BLAS of this numpy has no such kernels")
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    monkeypatch.delenv("TZ")
    verdict = judged()
    assert verdict.verdict == "explained"
    assert [cause.factor for cause in verdict.causes] == ["blas.kernel"]


# --- failures ---------------------------------------------------------------------------------------------------


def test_a_failure_that_comes_again_is_identical_and_others_are_not() -> None:
    script("import sys\nprint('no such column: y', file=sys.stderr)\nsys.exit(3)")
    train("train.py")
    verdict = judged()
    assert (verdict.verdict, verdict.level) == ("identical", "failure")
    script("raise ValueError('x')")
    train("train.py", name="raised")
    assert judged("runs/raised").verdict == "identical"
    script("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    train("train.py", name="killed")
    assert judged("runs/killed").verdict == "undecided"
    script("import time\ntime.sleep(60)")
    train("train.py", name="hangs", timeout=0.5)
    assert judged("runs/hangs").verdict == "undecided"


def test_reruns_that_all_fail_are_not_unstable_because_their_words_vary(monkeypatch: pytest.MonkeyPatch) -> None:
    script("""
        import os, sys
        print("f1:", 0.5)
        sys.exit(f"no /tmp/{os.urandom(4).hex()}" if os.environ.get("FULL") else 0)
    """)
    train("train.py")
    monkeypatch.setenv("FULL", "1")
    verdict = judged()
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.variables")


@watched
def test_tools_that_keep_state_in_the_home_directory_get_a_folder_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    script("""
        import os, pathlib
        folder = pathlib.Path(os.environ.get("IPYTHONDIR", pathlib.Path.home() / ".ipython"))
        folder.mkdir(exist_ok=True)
        (folder / "history").touch()
        print("f1:", 0.5)
    """)
    train("train.py")
    (tmp_path / "home" / ".ipython" / "history").unlink()
    (tmp_path / "home" / ".ipython").rmdir()
    verdict = judged()
    assert (verdict.verdict, outcome_of(verdict, "hermetic")) == ("identical", "passed")
    assert not (tmp_path / "home" / ".ipython").exists()


def test_an_interpreter_elsewhere_among_the_words_is_found_by_its_name() -> None:
    script(MEAN)
    run = train(sys.executable, "train.py", "--seed", "1", program="env")
    assert run.manifest.inputs.program.argv[1] == f".../{Path(sys.executable).name}"
    assert judged().verdict == "identical"


def test_an_interpreter_beside_the_project_is_no_file_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to it leads elsewhere from the folder of a rerun."""
    Path("project").mkdir()
    Path("python3").symlink_to(sys.executable)
    beside = str(Path("python3").absolute())
    monkeypatch.chdir("project")
    script(MEAN)
    run = train(beside, "train.py", "--seed", "1", program="env")
    assert run.manifest.inputs.program.argv[1] == ".../python3"
    assert judged().verdict == "identical"


def test_a_rerun_that_hangs_is_ended() -> None:
    script("import os, time\nprint('f1: 0.5')\ntime.sleep(0 if os.path.exists('marker') else 60)")
    Path("marker").touch()
    train("train.py")
    Path("marker").unlink()
    verdict = judged(timeout=3)
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.timeout")


def test_a_program_that_is_not_here_is_no_fault_of_the_run() -> None:
    Path("tool").write_text("#!/bin/sh\necho f1: 0.5\n")
    Path("tool").chmod(0o755)
    train(program="./tool")
    assert judged().verdict == "identical"
    forge("runs/one", inputs__program__argv=["no-such-program"])
    verdict = judged(trust=True)
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.no_program")


def test_named_metrics_are_found_under_another_time() -> None:
    script("""
        import os, time
        folder = time.strftime("out/%Y%m%d_%H%M%S")
        os.makedirs(folder)
        open(f"{folder}/numbers.json", "w").write('{"f1": 0.5}')
        open("numbers.txt", "w").write(folder)
    """)
    first = train("train.py")
    folder = Path("numbers.txt").read_text()
    del first
    shutil.rmtree("runs")
    script(
        Path("train.py")
        .read_text()
        .replace('time.strftime("out/%Y%m%d_%H%M%S")', f'"{folder}" + os.environ.get("X", "")')
    )
    shutil.rmtree(folder)
    run = train("train.py", named=Named(metrics=f"{folder}/numbers.json"))
    assert run.manifest.outcome.metrics == {"f1": 0.5}
    assert judged().verdict == "identical"


# --- repeats ----------------------------------------------------------------------------------------------------

DRAWS = """
    import json, random, sys
    seed = int(sys.argv[sys.argv.index("--seed") + 1])
    rows = open("data.csv").read().split()
    random.seed(seed)
    json.dump({"score": random.random(), "rows": len(rows)}, open("metrics.json", "w"))
"""


def repeated_run(*words: str, count: int = 2, name: str = "one", **asked: Any) -> Run:
    return train_command(repeated(Asked([sys.executable, *words], **asked), count), name=name)


def of_repeats(verdict: Verdict) -> dict[str, str]:
    return {check.code: check.outcome for check in verdict.checks if check.code.startswith("repeats")}


def test_repeats_are_run_again_with_their_seeds_where_that_is_asked_for() -> None:
    script(DRAWS)
    repeated_run("train.py", "--seed", "7")
    verdict = judged()
    assert (verdict.verdict, of_repeats(verdict)) == ("identical", {"repeats": "skipped"})
    assert "its 2 repeats were not run again: --repeats does that, too." in text(verdict)
    verdict = judged(repeats=True)
    assert (verdict.verdict, of_repeats(verdict)) == (
        "identical",
        {"repeats.rows": "passed", "repeats.score": "passed"},
    )
    assert "repeats" not in text(verdict)
    assert len(verdict.reruns) == 1
    assert sorted(path.name for path in Path().iterdir()) == ["data.csv", "metrics.json", "runs", "train.py"]
    train("train.py", "--seed", "7", name="alone")
    assert not of_repeats(judged("runs/alone", repeats=True))


def test_an_edited_repeat_is_told_with_its_seed_and_both_values() -> None:
    script(DRAWS)
    repeated_run("train.py", "--seed", "7")
    forge("runs/one", outcome__repeats=lambda old: [old[0], old[1] | {"metrics": old[1]["metrics"] | {"score": 0.125}}])
    verdict = judged(trust=True, repeats=True)
    assert (verdict.verdict, verdict.first_divergence) == ("different", "metrics")
    assert of_repeats(verdict) == {"repeats.rows": "passed", "repeats.score": "failed"}
    here = random.Random(9).random()
    assert f"score, repeats with other seeds: seed 9: recorded 0.125, here {here!r}." in text(verdict)
    assert "seed 8" not in text(verdict)
    assert judged(trust=True).verdict == "identical"  # nobody asked for them


def test_repeats_of_a_command_without_a_seed_are_run_as_it_stands_and_condemn_nobody() -> None:
    script(MEAN)
    repeated_run("train.py")
    verdict = judged(repeats=True)
    assert (verdict.verdict, of_repeats(verdict)) == ("identical", {"repeats.mean": "passed"})
    forge("runs/one", outcome__repeats=lambda old: [old[0], {"seed": None, "metrics": {"mean": 5.0}}])
    verdict = judged(trust=True, repeats=True)
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.unseeded_repeats")
    assert "mean, repeats of the same command: recorded 5.0, here 2.3333333333333335." in text(verdict)


def test_a_repeat_that_fails_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    script(DRAWS + "    import os\n    sys.exit('no disk' if seed == 9 and os.environ.get('FULL') else 0)\n")
    repeated_run("train.py", "--seed", "7")
    assert judged(repeats=True).verdict == "identical"
    monkeypatch.setenv("FULL", "1")
    verdict = judged(repeats=True)
    assert (verdict.verdict, of_repeats(verdict)["repeats.score"]) == ("undecided", "failed")
    assert "score: a repeat that is recorded to have completed did not: " in text(verdict)
    assert "no disk" in text(verdict)


def test_a_record_that_names_a_flag_without_a_number_has_no_seed_to_change() -> None:
    script(DRAWS)
    repeated_run("train.py", "--seed", "7")
    forge("runs/one", inputs__program__seed_flag="--other")
    assert of_repeats(judged(trust=True, repeats=True)) == {"repeats": "skipped"}


def test_where_another_seed_stands_elsewhere_too_its_repeats_are_not_guessed() -> None:
    script(DRAWS)
    seeds = (7, 8, 9)
    first, *others = [
        Asked([sys.executable, "train.py", "--seed", str(seed), "--fold-seed", str(seed)], seed=seed) for seed in seeds
    ]
    train_command(dataclasses.replace(first, repeats=others), name="one")
    verdict = judged(repeats=True)
    assert (verdict.verdict, of_repeats(verdict)) == ("identical", {"repeats": "skipped"})
    assert "the record does not say where the command takes another seed" in text(verdict)


def test_repeats_that_read_what_others_of_them_left_condemn_nobody() -> None:
    script(
        DRAWS
        + """
    import os
    if not os.path.exists("cache.txt"):
        open("cache.txt", "w").write(str(seed))
    start = int(open("cache.txt").read())
    json.dump({"score": seed + start}, open("metrics.json", "w"))
    """
    )
    run = repeated_run("train.py", "--seed", "7")
    assert [warned.code for warned in run.manifest.warnings] == ["command.repeats_changed_input"]
    assert judged(repeats=True).verdict == "identical"
    script(
        DRAWS
        + """
    open("history.txt", "a").write(f"{seed}\\n")
    lines = open("history.txt").read().split()
    json.dump({"score": len(lines)}, open("metrics.json", "w"))
    """
    )
    repeated_run("train.py", "--seed", "7", name="two")
    verdict = judged("runs/two", repeats=True)
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.repeats_changed_input")
    assert "they read history.txt, which was another file in each of them" in text(verdict)


@watched
def test_an_input_that_only_a_repeat_reads_is_named() -> None:
    Path("folds").mkdir()
    for seed in (7, 8, 9):
        Path(f"folds/{seed}.txt").write_text(str(seed * 2))
    script(
        DRAWS
        + """
    json.dump({"score": int(open(f"folds/{seed}.txt").read())}, open("metrics.json", "w"))
    """
    )
    repeated_run("train.py", "--seed", "7")
    verdict = judged(repeats=True)
    assert (verdict.verdict, outcome_of(verdict, "hermetic")) == ("identical", "failed")
    assert "folds/8.txt" in text(verdict)
    assert outcome_of(judged(), "hermetic") == "passed"
