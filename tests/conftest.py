"""The order of the test files, and what their processes share."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.started import started_child

#: The files that take longest, the longest first. A file is run by one worker, so one that begins last ends last, and
#: the others wait for it.
LONG = (
    "test_corpus.py",
    "test_tampering.py",
    "test_pytest_plugin.py",
    "test_nothing_lost.py",
    "test_course.py",
    "test_cli.py",
    "test_proposal.py",
    "test_documents.py",
    "test_deferral.py",
    "test_init.py",
    "test_bare_runs.py",
    "test_repeats.py",
    "test_readme.py",
    "test_variation.py",
    "test_loop.py",
    "test_pictures.py",
    "test_page.py",
)


#: Variables of a person's shell that change what Python itself does. A test that is about one of them sets it; those of
#: kernels and threads stay, as a machine may be so by itself.
FOR_PYTHON = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONWARNINGS")


def pytest_configure(config: pytest.Config) -> None:
    # before the workers start; the tests start hundreds of processes, and each would compile our source again
    for name in FOR_PYTHON:
        os.environ.pop(name, None)
    # train remembers where data lie, and those of tests are nobody's; matplotlib's list of fonts takes minutes
    fonts = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "matplotlib")  # noqa: PTH111
    if fonts.is_dir():
        os.environ.setdefault("MPLCONFIGDIR", str(fonts))
    os.environ.pop("WEEK2KIT_DATA", None)
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="week2kit-tests-")
    config.add_cleanup(lambda: shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True))


#: What is about the processes themselves.
NEW_PROCESSES = ("test_isolation.py", "test_environment.py", "test_interpreters.py", "test_restoring.py")


@pytest.fixture(autouse=True)
def _started(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes with variables of their own are forked from one that has them."""
    if request.path.name not in NEW_PROCESSES and "week2kit.processes.children" in sys.modules:
        monkeypatch.setattr("week2kit.processes.children._started_child", started_child)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(Path(item.path).name, len(LONG)))
