"""Where data lie: what verify finds by itself, by ``--data``, by ``WEEK2KIT_DATA``, and on this machine by digest."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from week2kit import train, verify
from week2kit.privacy import tells_a_name
from week2kit.record import machine
from week2kit.record.machine import look_through, places_of, remember
from week2kit.record.verdict import Verdict
from week2kit.sentences.verdicts import describe_verdict

from .sessions import command, pytest_session


def table(seed: int) -> str:
    """A table of as many bytes as any other: only its digest tells it from them."""
    rows = (f"{i % 7}.{(i * seed) % 9},{'red' if i % 3 else 'blue'},{'ab'[i * 7 % 5 > 2]}" for i in range(40))
    return "\n".join(["size,colour,kind", *rows]) + "\n"


CONFIG = {"data": {"path": "t.csv", "target": "kind"}, "model": "decision_tree", "seed": 3}


def config_for(path: str | Path) -> dict[str, Any]:
    return CONFIG | {"data": {"path": str(path), "target": "kind"}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory beside other folders, on a machine on which nothing was trained."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def archived(project: Path) -> Path:
    """A run whose data and whose project are gone, on a machine that knows of none: beside it lie the data, moved."""
    (project / "t.csv").write_text(table(3))
    train(CONFIG, name="r")
    archive = project.parent / "archive"
    (archive / "store" / "deep").mkdir(parents=True)
    shutil.move(project / "runs", archive / "runs")
    shutil.move(project / "t.csv", archive / "store" / "deep" / "renamed.csv")
    return archive


def week2kit(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    done = command(*arguments, **more)
    assert "Traceback" not in done.stderr
    return done


def next_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("next: week2kit ")]
    return shlex.split(line)[2:]


def verdict_on(run: str | Path, **asked: Any) -> Verdict:
    (verdict,) = verify(run, **asked).runs
    return verdict


def told(verdict: Verdict) -> str:
    return "\n".join(describe_verdict(verdict))


# --- what train prints ------------------------------------------------------------------------------------------


def _absolute(far: Path) -> list[str]:
    Path("c.json").write_text(json.dumps(config_for(far / "t.csv")))
    return ["c.json"]


def _outside(far: Path) -> list[str]:
    Path("c.json").write_text(json.dumps(config_for("../far/t.csv")))
    return ["c.json"]


def _beside_its_config(far: Path) -> list[str]:
    (far / "c.json").write_text(json.dumps(CONFIG))
    return ["../far/c.json"]


def _config_in_a_folder(far: Path) -> list[str]:
    Path("configs").mkdir()
    shutil.move(far / "t.csv", "configs/t.csv")
    Path("configs/c.json").write_text(json.dumps(CONFIG))
    return ["configs/c.json"]


def _runs_elsewhere(far: Path) -> list[str]:
    shutil.move(far / "t.csv", "t.csv")
    Path("c.json").write_text(json.dumps(CONFIG))
    return ["c.json", "--runs-dir", str(far.parent / "else where" / "runs")]


def _all_elsewhere(far: Path) -> list[str]:
    return [*_absolute(far), "--runs-dir", "../else/runs"]


def _a_link(far: Path) -> list[str]:
    Path("t.csv").symlink_to(far / "t.csv")
    Path("c.json").write_text(json.dumps(CONFIG))
    return ["c.json"]


def _set_on_the_command_line(far: Path) -> list[str]:
    Path("c.json").write_text(json.dumps(CONFIG))
    return ["c.json", "--set", f'data.path="{far / "t.csv"}"']


@pytest.mark.parametrize("home", [True, False], ids=["", "no-home-to-write-in"])
@pytest.mark.parametrize(
    "prepare",
    [
        *(_absolute, _outside, _beside_its_config, _config_in_a_folder, _runs_elsewhere, _all_elsewhere, _a_link),
        _set_on_the_command_line,
    ],
)
def test_the_command_that_train_prints_works_as_printed(
    prepare: Callable[[Path], list[str]], home: bool, project: Path
) -> None:
    far = project.parent / "far"
    far.mkdir()
    (far / "t.csv").write_text(table(4))
    variables = {} if home else {"XDG_CACHE_HOME": "/dev/null", "HOME": "/dev/null"}
    trained = week2kit("train", *prepare(far), "--name", "r", **variables)
    assert trained.returncode == 0, trained.stderr
    assert "cache" not in trained.stderr, "what cannot be noted is no matter of the run"
    words = next_of(trained)
    assert ("--data" in words) == (not home and prepare in (_absolute, _all_elsewhere, _set_on_the_command_line))
    done = week2kit(*words, **variables)
    assert done.returncode == 0, done.stdout
    assert "identical" in done.stdout
    record = next(project.parent.rglob("manifest.json")).read_text()
    assert str(project.parent) not in record
    assert project.parent.name not in record


# --- this machine -----------------------------------------------------------------------------------------------


def test_an_archived_run_is_verified_with_data_that_train_read_here(project: Path) -> None:
    (project / "t.csv").write_text(table(3))
    train(CONFIG, name="r")
    shutil.move(project / "runs", project.parent / "archive")
    os.chdir(project.parent)
    assert verdict_on("archive/r").verdict == "identical"
    shutil.rmtree(project.parent / "cache")
    verdict = verdict_on("archive/r")
    assert verdict.verdict == "undecided"
    assert f"(sha256 {sha256(table(3).encode()).hexdigest()[:12]})" in told(verdict)


def test_a_file_that_changed_since_train_read_it_is_passed_over(project: Path) -> None:
    places = [project.parent / name / "t.csv" for name in ("one", "two")]
    for place in places:
        place.parent.mkdir()
        place.write_text(table(3))
        train(config_for(place), name=place.parent.name)
    for place in reversed(places):  # the one that was read last is looked at first
        place.write_text(table(5))
        verdicts = [verdict_on(f"runs/{name}").verdict for name in ("one", "two")]
        assert verdicts == (["identical"] * 2 if place == places[1] else ["undecided"] * 2)
    places[0].unlink()
    assert verdict_on("runs/one").verdict == "undecided"


def test_a_copy_of_old_bytes_does_not_stand_in_for_what_lies_where_the_data_lay(project: Path) -> None:
    (project / "t.csv").write_text(table(3))
    train(CONFIG, name="r")
    (project.parent / "copy").mkdir()
    (project.parent / "copy" / "t.csv").write_text(table(3))
    train(config_for(project.parent / "copy" / "t.csv"), name="of_copy")
    (project / "t.csv").write_text(table(5))
    verdict = verdict_on("runs/r")
    assert (verdict.verdict, verdict.first_divergence) == ("different", "data")
    shutil.copytree(project, project.parent / "clone")  # where nobody trained
    assert verdict_on("../clone/runs/r").verdict == "undecided"
    (project / "t.csv").unlink()
    assert verdict_on("runs/r").verdict == "identical", "nothing lies there: the copy has the recorded bytes"


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\x00{", b'{"a": 1}', b'[1, null, "t.csv", "../t.csv", "/nowhere\\u0000", "/no/such"]', b"[" * 100_000],
    ids=["empty", "bytes", "no-list", "no-places", "deep"],
)
def test_an_index_that_is_damaged_leads_nowhere_and_is_written_anew(content: bytes, project: Path) -> None:
    far = project.parent / "far.csv"
    far.write_text(table(3))
    train(config_for(far), name="r")
    (index,) = (project.parent / "cache").rglob("*.json")
    assert index.name == f"{sha256(table(3).encode()).hexdigest()}.json"
    index.write_bytes(content)
    assert verdict_on("runs/r").verdict == "undecided"
    train(config_for(far), name="again")
    assert [verdict_on(f"runs/{name}").verdict for name in ("r", "again")] == ["identical"] * 2


def test_the_index_is_bounded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(machine.REMEMBERED_PLACES + 3):
        remember("a" * 64, project / str(number))
    assert places_of("a" * 64) == [project / str(number) for number in range(22, 2, -1)]
    monkeypatch.setattr(machine, "REMEMBERED_FILES", 2)
    folder = project.parent / "cache" / "week2kit" / "data"
    for age, letter in enumerate("abc"):
        remember(letter * 64, project / "t.csv")
        os.utime(folder / f"{letter * 64}.json", (age, age))
    remember("d" * 64, project / "t.csv")
    assert [len(places_of(letter * 64)) for letter in "abcd"] == [0, 0, 1, 1]


def test_two_trainings_at_once_leave_an_index_that_can_be_read(project: Path) -> None:
    for name in ("one", "two"):
        (project / f"{name}.csv").write_text(table(3))
    note = "import sys; from week2kit.record.machine import remember; from pathlib import Path\n"
    note += "for i in range(60): remember('a' * 64, Path(f'{sys.argv[1]}{i % 3}.csv'))"
    words = [sys.executable, "-c", note]
    root = str(Path(__file__).parent.parent)
    running = [subprocess.Popen([*words, name], env=os.environ | {"PYTHONPATH": root}) for name in ("one", "two")]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    assert {place.name for place in places_of("a" * 64)} <= {f"{name}{i}.csv" for name in ("one", "two") for i in "012"}
    assert places_of("a" * 64)
    assert [path.name for path in (project.parent / "cache" / "week2kit" / "data").iterdir()] == [f"{'a' * 64}.json"]


# --- the way from the run ---------------------------------------------------------------------------------------


def test_a_project_that_is_moved_with_its_data_is_verified_from_anywhere(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = project.parent / "whole"
    (whole / "work").mkdir(parents=True)
    (whole / "data").mkdir()
    (whole / "data" / "t.csv").write_text(table(3))
    monkeypatch.chdir(whole / "work")
    run = train(config_for("../data/t.csv"), name="r")
    assert run.manifest.inputs.data is not None
    assert run.manifest.inputs.data.from_run == "../../../data/t.csv"
    monkeypatch.chdir(project)
    whole.rename(project.parent / "moved")
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "another machine"))
    assert verdict_on("../moved/work/runs/r").verdict == "identical"


@pytest.mark.parametrize(
    ("above", "way", "tells"),
    [
        ("/srv/course", "data/t.csv", False),
        ("/", "data/t.csv", True),
        ("/home", "bob/t.csv", True),
        ("/home/ann", "data/t.csv", False),
        ("/srv", "Ann's data/t.csv", True),
        ("/srv", "of_user1/t.csv", True),
        ("/srv", "box7-data/t.csv", True),
    ],
)
def test_a_way_to_the_data_tells_no_name_of_user_or_machine(
    above: str, way: str, tells: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setattr(getpass, "getuser", lambda: "user1")
    monkeypatch.setattr("platform.node", lambda: "box7.example.org")
    assert tells_a_name(Path(above), Path(way)) == tells


# --- what is named ----------------------------------------------------------------------------------------------


def test_a_folder_is_looked_through_for_the_recorded_bytes(archived: Path) -> None:
    run, store = archived / "runs" / "r", archived / "store"
    assert week2kit("verify", run).returncode == 125
    for number in (1, 2, 4, 5):  # as long, and others; the name of the config leads astray
        (store / f"{number}.csv").write_text(table(number))
    (store / "t.csv").write_text(table(6))
    done = week2kit("verify", run, "--data", store)
    assert done.returncode == 0, done.stdout
    assert "identical" in done.stdout
    assert verdict_on(run, data=str(store)).verdict == "identical"
    assert verdict_on(run, data=[store / "1.csv", store / "deep" / "renamed.csv"]).verdict == "identical"


def test_each_run_gets_the_file_that_it_was_trained_on(project: Path) -> None:
    for number in (1, 2, 3):
        (project / f"{number}.csv").write_text(table(number))
        train(config_for(f"{number}.csv"), name=f"of{number}")
    (project.parent / "data").mkdir()
    for number, name in ((1, "b.csv"), (2, "a.csv"), (3, "c.csv")):
        shutil.move(project / f"{number}.csv", project.parent / "data" / name)
    done = week2kit("verify", "runs", "--data", "../data/a.csv", "--data", "../data/b.csv")
    assert done.returncode == 125
    lines = [line.split(":")[0] for line in done.stdout.splitlines() if line.startswith("runs/")]
    assert lines == ["runs/of1  identical", "runs/of2  identical", "runs/of3  undecided"]
    digest = sha256(table(3).encode()).hexdigest()
    assert f'the run was trained on ("3.csv", sha256 {digest[:12]}). Looked at: 2 files of ../data/a.csv' in done.stdout
    document = json.loads(week2kit("verify", "runs", "--data", "../data", "--data", "x", "--json").stdout)
    assert document["summary"] == {"identical": 3}
    assert document["options"] == {"data": ["../data", "x"]}


def test_where_nothing_has_the_recorded_bytes_it_is_told_what_was_looked_at(archived: Path) -> None:
    (archived / "store" / "deep" / "renamed.csv").write_text(table(5))
    done = week2kit("verify", archived / "runs" / "r", "--data", archived / "store", "--data", "absent.csv")
    assert done.returncode == 125
    digest = sha256(table(3).encode()).hexdigest()
    assert f'("t.csv", sha256 {digest[:12]}). Looked at: 1 file of' in done.stdout
    assert "There is no absent.csv." in done.stdout


def test_one_file_alone_is_judged_whatever_it_holds(archived: Path) -> None:
    other = archived / "store" / "other.csv"
    other.write_text(table(5))
    for data in (other, [other]):
        verdict = verdict_on(archived / "runs" / "r", data=data)
        assert (verdict.verdict, verdict.first_divergence) == ("different", "data")
    assert verdict_on(archived / "runs" / "r", data=[]).verdict == "undecided"


def test_the_shell_can_name_files_and_folders(archived: Path, project: Path) -> None:
    run, found = archived / "runs" / "r", archived / "store" / "deep" / "renamed.csv"
    (project / "other.csv").write_text(table(5))
    for names, code in (
        (["other.csv", str(found)], 0),
        (["absent", "", str(archived)], 0),
        (["other.csv", "."], 125),
        ([""], 125),
    ):
        done = week2kit("verify", run, WEEK2KIT_DATA=os.pathsep.join(names))
        assert done.returncode == code, done.stdout
    (project / "t.csv").write_text(table(5))  # the path as the config wrote it: another file, and no reason to stop
    assert week2kit("verify", run, WEEK2KIT_DATA=str(found)).returncode == 0
    assert week2kit("verify", run, "--data", "other.csv", WEEK2KIT_DATA=str(found)).returncode == 1


def test_a_folder_with_loops_pipes_and_pointers_is_looked_through(archived: Path) -> None:
    run, store = archived / "runs" / "r", archived / "store"
    (store / "a").mkdir()
    (store / "a" / "up").symlink_to(store)
    (store / "a" / "self").symlink_to("self")
    (store / "a" / "gone.csv").symlink_to("nowhere")
    os.mkfifo(store / "a" / "pipe.csv")
    assert week2kit("verify", run, "--data", store).returncode == 0
    (archived / "links").mkdir()
    (archived / "links" / "t.csv").symlink_to(store / "deep" / "renamed.csv")
    (archived / "also").symlink_to(archived / "links")
    assert week2kit("verify", run, "--data", archived / "also").returncode == 0
    digest = sha256(table(3).encode()).hexdigest()
    (archived / "pointers").mkdir()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(table(3))}\n"
    (archived / "pointers" / "t.csv").write_text(pointer)
    done = week2kit("verify", run, "--data", archived / "pointers")
    assert done.returncode == 125
    assert "It stands for the file that the run was trained on." in done.stdout
    assert "next: git lfs pull" in done.stderr


def test_a_search_has_an_end_and_says_so(archived: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, store = archived / "runs" / "r", archived / "store"
    monkeypatch.setattr(machine, "SEARCHED_DEPTH", 1)
    looked = look_through([store])
    assert (looked.files, looked.whole) == ([], False)
    assert "are read" in told(verdict_on(run, data=store))
    monkeypatch.setattr(machine, "SEARCHED_DEPTH", 10)
    for number in range(5):
        (store / f"{number}.txt").touch()
    monkeypatch.setattr(machine, "SEARCHED_ENTRIES", 4)
    looked = look_through([store])
    assert len(looked.files) <= 4
    assert not looked.whole
    monkeypatch.setattr(machine, "SEARCHED_ENTRIES", 8)
    assert look_through([store]).whole
    assert verdict_on(run, data=store).verdict == "identical"


def test_pytest_takes_several_and_folders(archived: Path) -> None:
    (archived / "other.csv").write_text(table(5))
    for flags, code in (
        (["--week2kit-data", "store"], 0),
        (["--week2kit-data", "other.csv", "--week2kit-data=store/deep/renamed.csv"], 0),
        (["--week2kit-data", "store", "-n2"], 0),
        (["--week2kit-data", "other.csv", "--week2kit-data", "absent"], 4),
    ):
        assert pytest_session(archived, "--week2kit", "runs", *flags).returncode == code
    (archived / "pytest.ini").write_text("[pytest]\nweek2kit = true\nweek2kit_data =\n    other.csv\n    store\n")
    assert pytest_session(archived / "runs", ".").returncode == 0


# --- runs without a digest --------------------------------------------------------------------------------------


@pytest.fixture
def written(project: Path) -> Path:
    """A run without a manifest, made from a table that is beside it no more."""
    (project / "store" / "a").mkdir(parents=True)
    (project / "store" / "a" / "t.csv").write_text(table(3))
    run = project / "written"
    run.mkdir()
    config = {"input_csv": "t.csv", "label_col": "kind", "test_size": 0.2, "random_state": 42, "max_iter": 500}
    (run / "config.json").write_text(json.dumps(config))
    (run / "metrics.json").write_text(json.dumps({"accuracy": 0.5}))
    return run


def test_without_a_digest_it_is_the_file_of_the_name(written: Path, project: Path) -> None:
    missing = "is not there. Looked for in the run folder"
    assert missing in told(verdict_on(written))
    named = told(verdict_on(written, data="store/a/t.csv"))
    assert "accuracy" in named
    (project / "store" / "other.csv").write_text(table(5))
    for data in (["store/other.csv", "store/a/t.csv"], ["store/a/t.csv", "store"]):
        assert told(verdict_on(written, data=data)) == named, data
    assert "accuracy: recorded 0.5, here" in told(verdict_on(written, data="store"))
    assert 'no file has the name "t.csv"' in told(verdict_on(written, data=["store/other.csv", "written"]))
    (project / "store" / "t.csv").write_text(table(4))
    for data in ("store", ["store/t.csv", "store/a/t.csv"]):
        assert 'Several files are named "t.csv", and hold different bytes' in told(verdict_on(written, data=data))


def test_without_a_digest_no_link_in_a_folder_is_followed(written: Path, project: Path) -> None:
    (project / "links").mkdir()
    (project / "links" / "t.csv").symlink_to(project / "store" / "a" / "t.csv")
    assert 'no file has the name "t.csv"' in told(verdict_on(written, data="links"))


def test_without_a_digest_the_shell_can_name_the_file(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEEK2KIT_DATA", "store")
    assert "accuracy: recorded 0.5, here" in told(verdict_on(written))
