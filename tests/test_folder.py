"""What a command left in its folder, seen from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from week2kit.observing import folder as module
from week2kit.observing.folder import Written, snapshot, written_between


def changed_by(code: str, tmp_path: Path, *but: Path) -> list[Written]:
    before = snapshot(tmp_path, but)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    return list(written_between(before, snapshot(tmp_path, but)))


def test_files_that_a_program_writes_are_seen(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("a\n")
    (tmp_path / "data.csv").write_text("1\n")
    (tmp_path / "same.csv").write_text("1\n")
    code = (
        "import os, pathlib, shutil\n"
        "os.makedirs('out/deep')\n"
        "pathlib.Path('out/deep/m.json').write_text('{}')\n"
        "open('log.txt', 'a').write('b')\n"
        "shutil.copy('same.csv', 'copy.csv')\n"
        "pathlib.Path('new.csv').write_text('2'); os.replace('new.csv', 'data.csv')\n"  # as careful programs write
        "pathlib.Path('gone.txt').write_text('x'); os.remove('gone.txt')\n"
        "open('same.csv').read()\n"
    )
    assert changed_by(code, tmp_path) == [
        Written("copy.csv", "created"),
        Written("data.csv", "modified"),
        Written("log.txt", "modified"),
        Written("out/deep/m.json", "created"),
    ]


def test_a_file_of_the_same_size_written_again_is_another_one(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text("1")
    assert changed_by("open('m.json', 'w').write('2')", tmp_path) == [Written("m.json", "modified")]


def test_tools_links_and_the_runs_themselves_are_passed_over(tmp_path: Path) -> None:
    for name in ("__pycache__", ".git", "env", "runs/one"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "env/pyvenv.cfg").write_text("")
    code = (
        "import os\n"
        "for place in ('__pycache__', '.git', 'env', 'runs/one', '.'): open(os.path.join(place, 'f'), 'w').close()\n"
        "os.symlink('f', 'link'); os.symlink('.', 'loop'); os.mkfifo('pipe')\n"
    )
    assert changed_by(code, tmp_path, tmp_path / "runs") == [Written("f", "created")]


def test_names_of_any_kind_are_seen(tmp_path: Path) -> None:
    code = r"open('a b\nc.txt', 'w').close(); open('é', 'w').close(); open(b'\xff', 'w').close()"
    paths = [found.path for found in changed_by(code, tmp_path)]
    assert [os.fsencode(path) for path in paths] == [b"a b\nc.txt", "é".encode(), b"\xff"]


def test_too_many_files_are_said_not_to_be_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 3)
    for name in "abcd":
        (tmp_path / name).touch()
    found = snapshot(tmp_path)
    assert (len(found.files), found.is_whole) == (3, False)
    assert snapshot(tmp_path / "a").is_whole is False  # no folder at all
    (tmp_path / "d").unlink()
    (tmp_path / "c").unlink()
    assert snapshot(tmp_path).is_whole
