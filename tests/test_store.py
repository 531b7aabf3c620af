"""Run folders: never overwritten, each file whole or not at all, read as what a stranger may have put there."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from week2kit import train
from week2kit.canonical import JsonError, dump_json, parse_json, sha256
from week2kit.errors import UnreadableRun, UsageError
from week2kit.record.artifacts import ARTIFACTS, artifact_digest
from week2kit.record.files import digest_regular, held_lock, read_regular, replace_file, replace_files
from week2kit.record.manifest import SCHEMA_VERSION, CompletedRun, FailedRun, RunningRun
from week2kit.record.migrations import STEPS, ManifestError, read_manifest
from week2kit.record.store import began_after, find_runs, open_run
from week2kit.record.writing import RunFolder, json_form, leftovers

CONFIG = {"data": {"dataset": "iris"}, "model": "naive_bayes", "seed": 1}


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A completed run, not to be changed."""
    return train(CONFIG, runs_dir=tmp_path_factory.mktemp("runs"), name="run").path


@pytest.fixture
def manifest(run_folder: Path) -> Any:
    """The JSON object of its manifest, to be changed at will."""
    return parse_json((run_folder / "manifest.json").read_bytes())


def write_run(folder: Path, manifest: Any, **changes: Any) -> Path:
    """A run folder with that manifest alone."""
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(dump_json({**manifest, **changes}), encoding="utf-8")
    return folder


# --- versions ---------------------------------------------------------------------------------------------------


def from_zero(value: dict[str, Any]) -> dict[str, Any]:
    """A made-up version 0 called the command "argv", and knew no nonce."""
    rest = {key: item for key, item in value.items() if key != "argv"}
    return {**rest, "schema_version": 1, "command": " ".join(value["argv"]), "nonce": "0" * 32}


def from_minus_one(value: dict[str, Any]) -> dict[str, Any]:
    """A made-up version -1 called the run_id "id"."""
    rest = {key: item for key, item in value.items() if key != "id"}
    return {**rest, "schema_version": 0, "run_id": value["id"]}


def test_an_older_manifest_is_brought_up_to_date_step_by_step(manifest: Any) -> None:
    older = {key: item for key, item in manifest.items() if key not in ("command", "nonce", "run_id")}
    older |= {"schema_version": -1, "argv": ["week2kit", "train", "a.json"], "id": "old"}
    before = dump_json(older)
    found = read_manifest(older, {**STEPS, 0: from_zero, -1: from_minus_one})
    assert isinstance(found, CompletedRun)
    assert (found.schema_version, found.run_id, found.command) == (SCHEMA_VERSION, "old", "week2kit train a.json")
    assert found.outcome == read_manifest(manifest).outcome
    assert dump_json(older) == before


def test_an_older_version_without_a_step_was_never_used(manifest: Any) -> None:
    with pytest.raises(ManifestError, match="schema version 0 was never used"):
        read_manifest({**manifest, "schema_version": 0}, {-1: from_minus_one})


def test_every_version_up_to_todays_can_be_read() -> None:
    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 999])
def test_a_newer_manifest_is_refused_with_both_versions(version: int, manifest: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", manifest, schema_version=version, something="new")
    with pytest.raises(UnreadableRun, match=f"schema version {version}.* up to {SCHEMA_VERSION}.*newer week2kit"):
        open_run(folder)


NO_MANIFEST = [
    pytest.param({"schema_version": None}, "no whole number under schema_version", id="no version"),
    pytest.param({"schema_version": "1"}, "no whole number under schema_version", id="version as text"),
    pytest.param({"schema_version": True}, "no whole number under schema_version", id="version true"),
    pytest.param({"schema_version": 1.0}, "no whole number under schema_version", id="version 1.0"),
    pytest.param({"status": "done"}, "status|tag", id="an unknown status"),
    pytest.param({"status": "failed", "outcome": None}, "failure", id="failed without a failure"),
    pytest.param({"extra": 1}, "extra", id="an unknown key"),
    pytest.param({"nonce": "x"}, "nonce", id="a short nonce"),
    pytest.param({"run_id": "../../x"}, "run_id", id="a run_id that leads out"),
    pytest.param({"created_at": "yesterday"}, "created_at", id="a time in words"),
    pytest.param({"warnings": {}}, "warnings", id="an object for a list"),
]


@pytest.mark.parametrize(("changes", "said"), NO_MANIFEST)
def test_a_manifest_that_breaks_the_schema_is_unreadable_and_says_where(
    changes: dict[str, Any], said: str, manifest: Any, tmp_path: Path
) -> None:
    folder = write_run(tmp_path / "run", manifest, **changes)
    with pytest.raises(UnreadableRun, match=said):
        open_run(folder)


def test_a_manifest_that_is_read_and_written_again_is_the_same_file(run_folder: Path) -> None:
    written = (run_folder / "manifest.json").read_bytes()
    run = open_run(run_folder)
    assert dump_json(run.manifest.model_dump(mode="json", by_alias=True)).encode() == written
    assert run.manifest_sha256 == sha256(written)


# --- writing ----------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")
    replace_file(tmp_path / "f", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f", b"new")]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """With a real limit on the size of files, in a process of its own: what a full disk does."""
    (tmp_path / "f").write_bytes(b"old")
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from week2kit.record.files import replace_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    replace_file(Path(sys.argv[1]), bytes(5000))\n"
        "except OSError as error:\n"
        "    print(error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "f")], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{errno.EFBIG}\n"
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f", b"old")]


def test_a_target_that_cannot_be_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with pytest.raises(OSError, match=r".*"):
        replace_file(tmp_path / "f", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "nowhere" / "f", b"new")


def test_several_files_are_replaced_together_or_not_at_all(tmp_path: Path) -> None:
    old, new, folder = tmp_path / "old", tmp_path / "new", tmp_path / "folder"
    old.write_text("old")
    folder.mkdir()
    with pytest.raises(OSError, match="folder") as caught:
        replace_files({old: b"1", new: b"2", folder: b"3"})
    assert caught.value.filename == str(folder)
    with pytest.raises(ZeroDivisionError):
        replace_files({old: b"1", new: b"2"}, lambda: 1 // 0 and None)
    late = tmp_path / "late"
    with pytest.raises(OSError, match="late"):  # when the first two are in their places
        replace_files({old: b"1", new: b"2", late: b"3"}, late.mkdir)
    late.rmdir()
    assert (old.read_text(), sorted(tmp_path.iterdir())) == ("old", [folder, old])
    replace_files({old: b"1", new: b"2"})
    assert (old.read_text(), new.read_text(), sorted(tmp_path.iterdir())) == ("1", "2", [folder, new, old])


def test_a_reader_sees_the_old_file_or_the_new_one_and_never_a_part(tmp_path: Path) -> None:
    path, seen, stop = tmp_path / "f", set(), threading.Event()
    versions = [bytes([letter]) * 200_000 for letter in b"ab"]
    replace_file(path, versions[0])

    def read() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for number in range(40):
            replace_file(path, versions[number % 2])
        stop.set()
        reading.result()
    assert seen <= set(versions)


def begin(runs: Path, name: str | None) -> RunFolder:
    return RunFolder.create(runs, name, first_record)


def first_record(folder: RunFolder) -> dict[str, Any]:
    running = RunningRun.model_validate(
        {
            "run_id": folder.run_id,
            "nonce": folder.nonce,
            "created_at": folder.created_at,
            "command": "week2kit train",
            "inputs": {
                "code": None,
                "data": None,
                "config": {"resolved": None, "raw": "{}", "digest": None},
                "seed": None,
                "environment": None,
            },
            "outcome": None,
            "artifacts": [],
            "stages": [],
            "warnings": [],
            "failure": None,
        }
    )
    return json_form(running)


def test_a_name_is_never_taken_twice_however_many_ask_for_it(tmp_path: Path) -> None:
    def create(_: int) -> str:
        try:
            return begin(tmp_path, "same").run_id
        except UsageError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(16)))
    assert answers.count("same") == 1
    assert all("this name is taken" in answer for answer in answers if answer != "same")


def test_runs_without_a_name_get_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: begin(tmp_path, None), range(100)))
    assert len({folder.path for folder in folders}) == len({folder.nonce for folder in folders}) == 100
    assert all(len(folder.nonce) == 32 for folder in folders)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ü", "x" * 65, "a\n", "../a", "a\\b", "-\x1b[31m"])
def test_a_name_that_could_lead_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--name: expected up to 64 letters"):
        begin(tmp_path / "runs", name)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["a", "x" * 64, "run-1.b_c", "...a", "-a"])
def test_a_plain_name_is_taken(name: str, tmp_path: Path) -> None:
    assert begin(tmp_path, name).path == tmp_path / name


def test_a_folder_has_a_record_from_its_first_moment(tmp_path: Path) -> None:
    def look(folder: RunFolder) -> dict[str, Any]:
        assert not (tmp_path / "a").exists()
        return first_record(folder)

    RunFolder.create(tmp_path, "a", look)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["manifest.json"]


def test_a_folder_that_cannot_be_recorded_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(folder: RunFolder) -> dict[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunFolder.create(tmp_path, "a", interrupted)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_an_empty_folder_of_a_person_is_a_name_that_is_taken(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "a"
    {"folder": place.mkdir, "file": place.touch, "link": lambda: place.symlink_to("nowhere")}[kind]()
    with pytest.raises(UsageError, match="this name is taken"):
        begin(tmp_path, "a")
    assert names(tmp_path) == ["a"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def left_by_killed_trainings(runs: Path) -> None:
    """Temporary files and folders as a kill at any moment leaves them, an hour ago."""
    begin(runs, "killed")
    (runs / "killed" / ".manifest.json.0123abcd.tmp").write_text("{")
    (runs / "killed" / ".model.joblib.0123abcd.tmp").write_text("")
    (runs / ".run_20261123_115701_k3x9y.89abcdef.tmp").mkdir()
    (runs / ".run_20261123_115701_k3x9y.89abcdef.tmp" / "manifest.json").write_text("{}")
    for path in [*runs.rglob("*"), *runs.rglob(".*")]:
        os.utime(path, (0, 0))


def test_what_killed_trainings_left_is_told_and_removed_by_the_next_one(tmp_path: Path) -> None:
    left_by_killed_trainings(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in leftovers(tmp_path)] == [
        ".run_20261123_115701_k3x9y.89abcdef.tmp",
        "killed/.manifest.json.0123abcd.tmp",
        "killed/.model.joblib.0123abcd.tmp",
    ]
    begin(tmp_path, "next")
    assert leftovers(tmp_path) == []
    assert names(tmp_path) == ["killed", "next"]
    assert names(tmp_path / "killed") == ["manifest.json"]


def test_runs_tells_what_killed_trainings_left(tmp_path: Path) -> None:
    left_by_killed_trainings(tmp_path / "runs")
    told = subprocess.run(
        [sys.executable, "-m", "week2kit", "runs"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    says = "left by a training that was killed; the next training there removes it."
    assert told.stderr.count(says) == 3
    assert f"runs/killed/.model.joblib.0123abcd.tmp: {says}" in told.stderr
    assert told.stdout.count("killed") == 1


def test_what_is_a_persons_or_is_being_written_is_not_removed(tmp_path: Path) -> None:
    kept = [
        "empty/",
        "notes/.notes.txt.0123abcd.tmp",
        "notes/.config.json.0123abc.tmp",
        "notes/config.json.0123abcd.tmp",
        ".run_a.0123abcd.tmp/model.joblib",
        ".cache/.manifest.json",
    ]
    for name in kept:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text("")
    for path in [*tmp_path.rglob("*"), *tmp_path.rglob(".*")]:
        os.utime(path, (0, 0))
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".manifest.json.0123abcd.tmp").write_text("")  # younger than a second
    begin(tmp_path, "next")
    assert all((tmp_path / name).exists() for name in [*kept, "new/.manifest.json.0123abcd.tmp"])


def test_whoever_looks_for_leftovers_never_holds_what_is_just_begun(tmp_path: Path) -> None:
    """Else the training that comes to lock it a moment later would end with "Resource temporarily unavailable"."""
    fresh = [tmp_path / ".run_a.0123abcd.tmp", tmp_path / "run" / ".manifest.json.0123abcd.tmp"]
    fresh[0].mkdir()
    fresh[1].parent.mkdir()
    fresh[1].touch()
    for path in fresh:
        os.utime(path, (2**32, 2**32))  # young for as long as this takes
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            assert leftovers(tmp_path) == []

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            for _ in range(1000):
                for path in fresh:
                    with held_lock(path):
                        pass
        finally:
            stop.set()
        looking.result()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_what_another_process_is_writing_is_not_removed(tmp_path: Path) -> None:
    writing = "import sys, time, os; from pathlib import Path; from week2kit.record import files\n"
    writing += "os.fsync = lambda fd: (os.utime(fd, (0, 0)), print('writing', flush=True), sys.stdin.read())\n"
    writing += f"files.replace_file(Path({os.fspath(tmp_path / 'run' / 'model.joblib')!r}), b'model')"
    (tmp_path / "run").mkdir()
    with subprocess.Popen([sys.executable, "-c", writing], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == b"writing\n"
        begin(tmp_path, "next")
        assert leftovers(tmp_path) == []
        writer.stdin.close()
    assert names(tmp_path / "run") == ["model.joblib"]


def test_a_folder_that_cannot_be_made_is_said_with_what_to_try(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"no run folder can be made there.*--runs-dir"):
        begin(tmp_path / "file" / "runs", None)


def test_artifacts_are_recorded_with_the_digest_of_their_content(run_folder: Path, manifest: Any) -> None:
    assert [artifact["name"] for artifact in manifest["artifacts"]] == sorted(
        {"config", "metrics", "model", "predictions", "requirements", "val_report"}
    )
    for artifact in manifest["artifacts"]:
        content = (run_folder / artifact["path"]).read_bytes()
        assert artifact["path"] == ARTIFACTS[artifact["name"]]
        assert artifact["bytes"] == len(content)
        assert artifact["sha256"] == artifact_digest(artifact["name"], content)
    assert {path.name for path in run_folder.iterdir()} == {a["path"] for a in manifest["artifacts"]} | {
        "manifest.json"
    }


def test_json_is_hashed_by_content_text_with_lf_and_the_model_by_its_bytes() -> None:
    assert artifact_digest("metrics", b'{"b":1, "a":2}\r\n') == artifact_digest("metrics", b'{"a": 2, "b": 1}')
    assert artifact_digest("metrics", b'{"a":1}') != artifact_digest("metrics", b'{"a":1.0}')
    assert artifact_digest("predictions", b"a\r\nb\n") == artifact_digest("predictions", b"a\nb\n")
    assert artifact_digest("model", b"a\r\nb\n") != artifact_digest("model", b"a\nb\n")
    with pytest.raises(JsonError):
        artifact_digest("config", b'{"a": 1, "a": 1}')


# --- reading one file -------------------------------------------------------------------------------------------


def test_a_regular_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    assert read_regular(tmp_path / "f", 5, follow=False) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_regular(tmp_path / "f", 4, follow=False)


def test_reading_reserves_what_the_file_holds_and_not_its_limit(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    tracemalloc.start()
    try:
        assert read_regular(tmp_path / "f", 8 << 30, follow=False) == b"12345"
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_file_that_grows_or_tells_no_size_is_read_up_to_its_limit() -> None:
    status = read_regular(Path("/proc/self/status"), 1 << 20, follow=False)  # its size is told as 0
    assert b"VmPeak" in status
    with pytest.raises(OSError, match="larger than 10 bytes"):
        read_regular(Path("/proc/self/status"), 10, follow=False)


def test_a_digest_is_that_of_the_bytes_and_has_the_same_limits(tmp_path: Path) -> None:
    content = os.urandom(3 << 20) + b"x"
    (tmp_path / "f").write_bytes(content)
    assert digest_regular(tmp_path / "f", len(content), follow=False) == (len(content), sha256(content))
    with pytest.raises(OSError, match="larger"):
        digest_regular(tmp_path / "f", len(content) - 1, follow=False)


def test_a_link_is_followed_only_where_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    (tmp_path / "link").symlink_to("f")
    assert read_regular(tmp_path / "link", 9, follow=True) == b"1"
    with pytest.raises(OSError, match="symbolic link"):
        read_regular(tmp_path / "link", 9, follow=False)


def test_pipes_devices_and_folders_are_refused_without_waiting_for_them(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        assert not stat.S_ISREG(path.stat().st_mode)
        with pytest.raises(OSError, match="not a regular file"):
            read_regular(path, 9, follow=True)
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path, 9, follow=True)


# --- finding runs -----------------------------------------------------------------------------------------------


def test_named_runs_keep_their_order_and_runs_of_a_folder_follow_by_time_then_by_id(
    manifest: Any, tmp_path: Path
) -> None:
    for folder, run_id, created in (
        ("runs/a", "z", "2026-01-02T00:00:00Z"),
        ("runs/b", "y", "2026-01-01T00:00:00Z"),
        ("runs/c", "x", "2026-01-02T00:00:00Z"),
        ("named", "n", "2026-05-01T00:00:00Z"),
    ):
        write_run(tmp_path / folder, manifest, run_id=run_id, created_at=created)
    (tmp_path / "runs/notes").mkdir()
    (tmp_path / "runs/.hidden").mkdir()
    (tmp_path / "runs/file.txt").write_text("")
    found = find_runs([tmp_path / "named", tmp_path / "runs"])
    assert [run.manifest.run_id for run in found.runs] == ["n", "y", "x", "z"]
    assert [path.name for path in found.skipped] == ["notes"]
    assert found.unreadable == ()
    again = find_runs([tmp_path / "runs/c", tmp_path / "runs", tmp_path / "runs/a"])
    assert [run.manifest.run_id for run in again.runs] == ["x", "y", "z"], "each run once, where it was named first"


def test_runs_of_one_second_follow_by_its_parts_and_old_records_of_whole_seconds_come_first(
    manifest: Any, tmp_path: Path
) -> None:
    for run_id, created in (
        ("a_last", "2026-01-02T00:00:01.200000Z"),
        ("b_next_second", "2026-01-02T00:00:02Z"),
        ("c_second", "2026-01-02T00:00:01.100000Z"),
        ("d_old", "2026-01-02T00:00:01Z"),
        ("e_before", "2026-01-02T00:00:00.999999Z"),
    ):
        write_run(tmp_path / run_id, manifest, run_id=run_id, created_at=created)
    runs = {run.manifest.run_id: run for run in find_runs([tmp_path]).runs}
    assert list(runs) == ["e_before", "d_old", "c_second", "a_last", "b_next_second"]
    assert began_after(runs["a_last"], runs["c_second"])
    assert began_after(runs["b_next_second"], runs["a_last"])
    assert not began_after(runs["c_second"], runs["d_old"]), "which of them was first is not recorded"
    assert not began_after(runs["d_old"], runs["c_second"])


def test_what_cannot_be_read_is_told_and_does_not_hide_the_others(manifest: Any, tmp_path: Path) -> None:
    write_run(tmp_path / "runs/good", manifest)
    write_run(tmp_path / "runs/newer", manifest, schema_version=9)
    (tmp_path / "runs/broken").mkdir()
    (tmp_path / "runs/broken/manifest.json").write_text("{")
    (tmp_path / "runs/linked").mkdir()
    (tmp_path / "runs/linked/manifest.json").symlink_to("../good/manifest.json")
    (tmp_path / "empty").mkdir()
    (tmp_path / "remains").mkdir()
    (tmp_path / "remains/metrics.json").write_text("{}")
    found = find_runs(tmp_path / name for name in ("runs", "empty", "remains", "nowhere", "runs/broken/manifest.json"))
    assert [run.path.name for run in found.runs] == ["good"]
    said = {path.name: reason for path, reason in found.unreadable}
    assert set(said) == {"newer", "broken", "linked", "empty", "remains", "nowhere", "manifest.json"}
    assert "schema version 9" in said["newer"]
    assert "line 1, column 2" in said["broken"]
    assert "symbolic link" in said["linked"]
    assert "holds no run, and no folder in it does" in said["empty"]
    assert "not a run folder, it holds no manifest.json" in said["remains"]
    assert "not there" in said["nowhere"]
    assert "name the run folder" in said["manifest.json"]


@pytest.mark.parametrize("name", ["a\x1b[31m", "x" * 300, "\u202eb"], ids=["escape", "too long", "turned around"])
def test_a_path_that_is_no_run_is_shown_clean(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableRun) as caught:
        open_run(tmp_path / name)
    assert not {"\x1b", "\u202e"} & set(str(caught.value))


def test_artifacts_are_only_ever_read_from_the_folder_itself(manifest: Any, tmp_path: Path) -> None:
    """Whatever a manifest says of their place."""
    (tmp_path / "secret.json").write_text('{"accuracy": 1}')
    for artifact in manifest["artifacts"]:
        artifact["path"] = "../secret.json"
    run = open_run(write_run(tmp_path / "run", manifest))
    for name in ("metrics", "config", "predictions"):
        with pytest.raises(FileNotFoundError):
            run.read(name)
    (tmp_path / "run/metrics.json").symlink_to("../secret.json")
    with pytest.raises(OSError, match="symbolic link"):
        run.read("metrics")


def test_reading_a_run_never_changes_its_folder(run_folder: Path) -> None:
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in run_folder.iterdir()}
    run = open_run(run_folder)
    find_runs([run_folder, run_folder.parent])
    for name in ARTIFACTS:
        if run.artifact(name) is not None:
            run.read(name)
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in run_folder.iterdir()} == before


# --- nothing is lost --------------------------------------------------------------------------------------------


def start(tmp_path: Path, *lines: str) -> subprocess.Popen[str]:
    """A training that takes long: ten thousand trees, in a process of its own."""
    script = "\n".join(
        [
            *lines,
            "from week2kit import train",
            "config = {'data': {'dataset': 'digits'}, 'seed': 1,",
            "          'model': {'class': 'random_forest', 'params': {'n_estimators': 10000}}}",
            "print('ready', flush=True)",
            "train(config, name='run', on_stage=lambda stage: print(stage, flush=True))",
        ]
    )
    return subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    for said in process.stdout:
        if said.strip() == line:
            return
    pytest.fail(f"the training never said {line}")


def test_a_training_that_is_killed_leaves_a_record_that_says_running(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        wait_for(process, "fit")
        process.kill()
    found = open_run(tmp_path / "runs/run").manifest
    assert found.status == "running"
    assert found.inputs.config.resolved is not None
    assert found.inputs.config.resolved["model"]["params"]["n_estimators"] == 10000
    assert [path.name for path in (tmp_path / "runs/run").iterdir()] == ["manifest.json"]


def test_a_training_that_is_interrupted_leaves_a_record_of_the_stage(tmp_path: Path) -> None:
    with start(tmp_path, "import signal", "signal.signal(signal.SIGINT, signal.default_int_handler)") as process:
        wait_for(process, "fit")
        process.send_signal(signal.SIGINT)
    found = open_run(tmp_path / "runs/run").manifest
    assert isinstance(found, FailedRun)
    assert (found.failure.stage, found.failure.error) == ("fit", "KeyboardInterrupt")
    assert found.failure.hint


def test_a_full_disk_at_the_end_leaves_the_run_as_running_and_says_so(tmp_path: Path) -> None:
    script = (
        "import resource, signal\n"
        "from week2kit import train\n"
        "from week2kit.errors import UsageError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "def full(stage):\n"
        "    if stage == 'save':\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n"
        "    train({'data': {'dataset': 'iris'}, 'model': 'dummy'}, name='run', on_stage=full)\n"
        "except UsageError as error:\n"
        "    print(error)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert 'left as "running"' in done.stdout
    assert "Make room" in done.stdout
    assert open_run(tmp_path / "runs/run").manifest.status == "running"


def test_no_more_large_manifests_are_read_at_once_than_the_memory_holds(
    manifest: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small ones are always read: whoever sends a large one costs no other run."""
    for number in range(6):
        path = write_run(tmp_path / f"r{number}", manifest, created_at=f"2026-01-0{number + 1}T00:00:00Z")
        with (path / "manifest.json").open("a") as file:
            file.write(" " * (300_000 * (number % 2)))
    monkeypatch.setattr("week2kit.record.store.LARGE_MANIFESTS_BYTES", 700_000)
    found = find_runs([tmp_path])
    assert [run.name for run in found.runs] == ["r0", "r1", "r2", "r3", "r4"]
    assert [path.name for path, _ in found.unreadable] == ["r5"]
    assert "name fewer at a time" in found.unreadable[0][1]


@pytest.mark.parametrize("place", ["inputs.environment.simd", "outcome.model.n_iter", "outcome.split.folds"])
def test_thousands_of_errors_in_a_manifest_are_not_collected(place: str, manifest: Any, tmp_path: Path) -> None:
    *above, last = place.split(".")
    part = manifest
    for key in above:
        part = part[key]
    part[last] = [-1] * 300_000
    begin = time.monotonic()
    with pytest.raises(UnreadableRun, match=rf"{place}\.0: [^(]*$"):
        open_run(write_run(tmp_path / "run", manifest))
    assert time.monotonic() - begin < 10


def test_a_run_with_all_columns_that_are_read_leaves_a_record_that_is_read(manifest: Any, tmp_path: Path) -> None:
    names = [f"a_feature_of_a_wide_table_{number:05}" for number in range(20_000)]
    column = manifest["inputs"]["data"]["columns"][0]
    manifest["inputs"]["data"]["columns"] = [{**column, "name": name} for name in names]
    manifest["inputs"]["config"]["resolved"]["preprocess"][0]["columns"] = names
    run = open_run(write_run(tmp_path / "run", manifest))
    assert isinstance(run.manifest, CompletedRun)
    assert len(run.manifest.inputs.data.columns) == 20_000
