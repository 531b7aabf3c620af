"""The recorded code: a digest of what trains, and git asked without running anything that a repository brings."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import week2kit
from week2kit.record import provenance
from week2kit.record.provenance import record_code

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(directory: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", "-C", str(directory), *identity, *arguments],
        env={**environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, and the working directory in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "train.py").write_text("print(1)\n")
    git(folder, "add", "train.py")
    git(folder, "commit", "--quiet", "-m", "one")
    monkeypatch.chdir(folder)
    return folder


# --- code -------------------------------------------------------------------------------------------------------


def test_it_names_the_version() -> None:
    code = record_code()
    assert code.week2kit == week2kit.__version__
    assert code.digest != hashlib.sha256(b"").hexdigest()


# --- git --------------------------------------------------------------------------------------------------------


@needs_git
def test_commit_and_dirtiness(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = record_code().git
    assert state is not None
    assert state.commit == git(project, "rev-parse", "HEAD")
    assert state.dirty is False
    (project / "untracked.csv").write_text("1\n")
    below = project / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert record_code().git == state
    (project / "train.py").write_text("print(2)\n")
    assert record_code().git == state.model_copy(update={"dirty": True})
    git(project, "add", "train.py")
    assert record_code().git == state.model_copy(update={"dirty": True})


@needs_git
def test_a_touched_file_is_not_dirty(project: Path) -> None:
    os.utime(project / "train.py", (1, 1))
    state = record_code().git
    assert state is not None
    assert not state.dirty


@needs_git
def test_a_worktree_has_its_own_commit(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(project, "worktree", "add", "--quiet", str(tmp_path / "other"))
    (tmp_path / "other" / "train.py").write_text("print(3)\n")
    git(tmp_path / "other", "commit", "--quiet", "-am", "two")
    monkeypatch.chdir(tmp_path / "other")
    state = record_code().git
    assert state is not None
    assert state.commit == git(tmp_path / "other", "rev-parse", "HEAD") != git(project, "rev-parse", "HEAD")


@needs_git
def test_variables_of_git_do_not_lead_to_another_repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(project / "nowhere"))
    assert record_code().git is not None


@needs_git
def test_nothing_that_a_repository_configures_is_run(project: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    command = f"touch {canary}; cat"
    (project / ".gitattributes").write_text("*.py filter=a.b=c\n*.csv filter=long\n")
    (project / "data.csv").write_text("1\n")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "two")
    git(project, "config", "filter.a.b=c.clean", command)
    git(project, "config", "filter.long.process", command)
    git(project, "config", "filter.long.required", "true")
    git(project, "config", "core.fsmonitor", command)
    git(project, "config", "diff.external", command)
    git(project, "config", "core.pager", command)
    hook = project / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {canary}\n")
    hook.chmod(0o755)
    for name in ("train.py", "data.csv"):
        os.utime(project / name, (1, 1))
    state = record_code().git
    assert state is not None
    assert state.commit == git(project, "-c", "core.fsmonitor=false", "rev-parse", "HEAD")
    assert not canary.exists()
    # the traps do work where nothing guards
    for guard in (["-c", "core.fsmonitor=false"], ["-c", "core.hooksPath=/dev/null"]):
        canary.unlink(missing_ok=True)
        with contextlib.suppress(subprocess.CalledProcessError):  # the filter does not speak git's protocol
            git(project, *guard, "status")
        assert canary.exists()


@needs_git
def test_the_repository_is_not_written_to(project: Path) -> None:
    os.utime(project / "train.py", (1, 1))
    before = (project / ".git" / "index").read_bytes()
    record_code()
    assert (project / ".git" / "index").read_bytes() == before


@needs_git
def test_no_commit_is_no_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "--quiet")
    monkeypatch.chdir(tmp_path)
    assert record_code().git is None


def test_no_repository_is_no_state_and_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: pytest.fail("a process was started"))
    start = time.perf_counter()
    assert record_code().git is None
    assert time.perf_counter() - start < 0.1


@pytest.mark.parametrize("content", [None, "gitdir: /nowhere\n", "no git file"], ids=["empty", "dangling", "nonsense"])
def test_a_damaged_repository_is_no_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None) -> None:
    dot_git = tmp_path / ".git"
    dot_git.mkdir() if content is None else dot_git.write_text(content)
    monkeypatch.chdir(tmp_path)
    assert record_code().git is None


def test_git_in_the_working_directory_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    trap = tmp_path / "git"
    trap.write_text("#!/bin/sh\ntouch canary\n")
    trap.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".")
    assert record_code().git is None
    assert not (tmp_path / "canary").exists()


@pytest.mark.skipif(os.name != "posix", reason="a script stands in for git")
def test_a_git_that_hangs_does_not_hold_up_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(provenance, "_GIT_TIMEOUT", 0.2)
    start = time.perf_counter()
    assert record_code().git is None
    assert time.perf_counter() - start < 5
