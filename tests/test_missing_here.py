"""What is missing here (a package, a flag, a file that was not fetched) is undecided, with the command that helps."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from week2kit import train, verify
from week2kit.record.files import pointer_in
from week2kit.record.verdict import Finding, Verdict
from week2kit.sentences.verdicts import next_command

from .sessions import command, here

ROWS = [f"{i}.5,{'red' if i % 3 else 'blue'},{'ab'[i * 7 % 5 > 2]}" for i in range(40)]
DATA = {"path": "t.csv", "target": "kind"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "t.csv").write_text("\n".join(["size,colour,kind", *ROWS]) + "\n")
    (folder / "c.json").write_text(json.dumps({"data": DATA, "model": "decision_tree", "seed": 3}))
    return folder


def week2kit(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command line, in a process of its own where that has variables of its own."""
    done = command(*arguments, PYTHONSAFEPATH="1", **variables) if variables else here(*arguments)
    assert "Traceback" not in done.stderr
    return done


def next_of(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("next: ")]
    return line.removeprefix("next: ")


def without(module: str, folder: Path) -> str:
    """A path on which a module is not there, for whoever looks for it."""
    (folder / "hidden" / module).mkdir(parents=True)
    said = f"raise ModuleNotFoundError(\"No module named '{module}'\", name='{module}')\n"
    (folder / "hidden" / module / "__init__.py").write_text(said)
    return str(folder / "hidden")


def test_parquet_without_pyarrow_is_undecided(project: Path, tmp_path: Path) -> None:
    pd.read_csv("t.csv").to_parquet("t.parquet")
    train({"data": {**DATA, "path": "t.parquet"}, "model": "decision_tree", "seed": 3}, name="parquet")
    train({"data": DATA, "model": "decision_tree", "seed": 3}, name="csv")
    hidden = without("pyarrow", tmp_path)
    for more in (["runs/parquet"], ["runs/csv", "--data", "t.parquet"]):
        assert verify(more[0], data="t.parquet").runs[0].verdict == "identical"
        done = week2kit("verify", *more, path=hidden)
        assert done.returncode == 125, done.stdout
        assert "Reading Parquet needs pyarrow, which is not installed here." in done.stdout
        assert next_of(done) == "pip install 'week2kit[parquet]'"


MODULE = "from sklearn.linear_model import LogisticRegression\nclass Mine(LogisticRegression):\n    pass\n"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of an estimator of one's own, and its module in lib."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "lib").mkdir()
    (folder / "lib" / "mymod.py").write_text(MODULE)
    config = {"data": {"dataset": "iris"}, "model": {"class": "mymod.Mine", "params": {"max_iter": 300}}, "seed": 1}
    (folder / "own.json").write_text(json.dumps(config))
    words = ("train", str(folder / "own.json"), "--runs-dir", str(folder), "--name", "r", "--allow-module", "mymod")
    trained = week2kit(*words, first=str(folder / "lib"))
    assert next_of(trained) == shlex.join(["week2kit", "verify", f"{folder}/r", "--allow-module", "mymod"])
    return folder


@pytest.mark.parametrize(
    ("change", "flags", "says"),
    [
        (lambda module: None, [], "It was trained with estimators of mymod, whose code is only imported where you"),
        (Path.unlink, ["--allow-module", "mymod"], 'cannot be imported here: there is no module "mymod"'),
        (lambda m: m.write_text("import nowhere\n" + MODULE), ["--allow-module", "mymod"], "No module named 'nowhere'"),
        (lambda m: m.write_text("raise OSError('x')\n"), ["--allow-module", "mymod"], "cannot be imported: OSError: x"),
        (lambda m: m.write_text("Other = 1\n"), ["--allow-module", "mymod"], '"mymod" has no "Mine"'),
    ],
    ids=["flag-forgotten", "not-installed", "imports-what-is-not-here", "its-import-fails", "of-another-version"],
)
def test_a_module_of_ones_own_that_is_not_here_is_undecided(
    change: Callable[[Path], Any], flags: list[str], says: str, own: Path, tmp_path: Path
) -> None:
    lib, run = str(tmp_path), str(own / "r")
    shutil.copy(own / "lib" / "mymod.py", tmp_path)
    change(tmp_path / "mymod.py")
    done = week2kit("verify", run, "--effort", "5", *flags, first=lib)
    assert done.returncode == 125, done.stdout
    assert says in done.stdout
    if not flags:
        assert next_of(done) == f"week2kit verify {shlex.quote(run)} --effort 5 --allow-module mymod"
        assert week2kit(*shlex.split(next_of(done))[1:], first=lib).returncode == 0


def test_a_run_that_failed_without_the_flag_fails_again_without_it(project: Path) -> None:
    train({"data": {"dataset": "iris"}, "model": "mymod.Mine", "seed": 1}, name="r")
    (verdict,) = verify("runs/r").runs
    assert (verdict.verdict, verdict.level) == ("identical", "failure")


def test_what_a_shell_makes_of_warnings_changes_no_run(project: Path) -> None:
    config = {"data": {"dataset": "breast_cancer"}, "preprocess": "none", "metrics": ["accuracy"], "seed": 1}
    config["model"] = {"class": "logistic_regression", "params": {"max_iter": 7}}
    (project / "warns.json").write_text(json.dumps(config))
    for name, value in (("plain", "default"), ("strict", "error")):
        assert week2kit("train", "warns.json", "--name", name, PYTHONWARNINGS=value).returncode == 0
        other = {"default": "error", "error": "default"}[value]
        assert week2kit("verify", f"runs/{name}", PYTHONWARNINGS=other).returncode == 0


def test_data_that_unpack_to_more_than_is_allowed_are_undecided_and_the_flag_allows_more(project: Path) -> None:
    Path("t.csv.gz").write_bytes(gzip.compress(Path("t.csv").read_bytes()))
    packed, whole = (Path(name).stat().st_size for name in ("t.csv.gz", "t.csv"))
    assert packed < whole
    (project / "z.json").write_text(json.dumps({"data": {**DATA, "path": "t.csv.gz"}, "model": "svc", "seed": 3}))
    assert week2kit("train", "z.json", "--name", "cut", "--max-data-bytes", str(whole - 1)).returncode == 1
    trained = week2kit("train", "z.json", "--name", "z", "--max-data-bytes", str(whole))
    assert next_of(trained) == f"week2kit verify runs/z --max-data-bytes {whole}"
    done = week2kit("verify", "runs/z", "--max-data-bytes", str(whole - 1))
    assert done.returncode == 125, done.stdout
    assert f"unpacks to more than the {whole - 1} bytes that are read" in done.stdout
    assert week2kit(*shlex.split(next_of(done))[1:]).returncode == 0
    done = week2kit("verify", "runs/z", "--max-data-bytes", str(packed - 1))
    assert "cannot be read: it is larger than" in done.stdout
    assert done.returncode == 125


def test_the_next_command_names_the_file_that_was_found_and_is_quoted(project: Path) -> None:
    assert week2kit("train", "c.json", "--name", "r").returncode == 0
    Path("runs").rename("my runs")
    with Path("t.csv").open("a") as table:
        table.write("1.5,red,a\n")
    done = week2kit("verify", "my runs/r", "--accept", "close")
    assert done.returncode == 1
    assert next_of(done) == "week2kit verify 'my runs/r' --accept close --data t.csv"
    named = week2kit(*shlex.split(next_of(done))[1:])
    assert "recorded with 40 rows, here 41" in named.stdout


def test_no_command_is_printed_that_a_shell_could_not_carry_out() -> None:
    reason = Finding(code="undecided.other_file", where="t.csv", recorded="a" * 64, now="b" * 64)
    for run, said in (
        ("runs/a b", "week2kit verify 'runs/a b' --repeats --data t.csv"),
        ("runs/" + "x" * 190 + "\N{HORIZONTAL ELLIPSIS}", None),
        ("runs/\N{REPLACEMENT CHARACTER}", None),
    ):
        verdict = Verdict(run=run, manifest_sha256=None, verdict="undecided", reason=reason)
        assert next_command(verdict, ["--repeats"]) == said


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize(("name", "code"), [("predictions.csv", 125), ("model.joblib", 0), ("../../t.csv", 125)])
def test_a_file_that_may_not_be_read_condemns_nobody(name: str, code: int, project: Path) -> None:
    week2kit("train", "c.json", "--name", "r")
    Path("runs/r", name).chmod(0)
    done = week2kit("verify", "runs/r")
    assert done.returncode == code
    assert "chmod +r" in done.stdout
    assert "tampered" not in done.stdout
    if name == "predictions.csv":
        assert next_of(done) == "chmod +r runs/r/predictions.csv"
        assert "does not agree with its own record" not in week2kit("report", "runs/r", "--only-named").stdout


@pytest.mark.parametrize(
    ("content", "tool", "digest"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 7\n", "Git LFS", "a" * 64),
        (b"version https://git-lfs.github.com/spec/v1\r\noid sha256:" + b"a" * 64 + b"\r\n", "Git LFS", "a" * 64),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "Git LFS", None),
        (b"/annex/objects/SHA256E-s7--" + b"b" * 64 + b".csv\n", "git-annex", "b" * 64),
        (b"/annex/objects/MD5E-s7--0123.csv\n", "git-annex", None),
        (b"outs:\n- md5: 0123456789abcdef0123456789abcdef\n  path: t.csv\n", "DVC", None),
        (b"a,b\n1,2\n", None, None),
        (b"version https://git-lfs.github.com/spec/v1\n" + b"x" * 5000, None, None),
        (b"/annex/objects/x and more text\n", None, None),
        (b"outs\n1\n", None, None),
        (b"", None, None),
    ],
)
def test_pointers_are_known_by_their_first_lines(content: bytes, tool: str | None, digest: str | None) -> None:
    found = pointer_in(content)
    assert (found and found.tool, found and found.sha256) == (tool, digest)
