"""Console sessions in Markdown: run in a copy of what a clone holds, and held word for word against the page.

With WEEK2KIT_REFRESH set, the page gets what the commands print today. No output is written by hand.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from week2kit.cli.entry import run

from .forked import MODULES, at_start, server_for

ROOT = Path(__file__).parent.parent
REFRESH = "WEEK2KIT_REFRESH"


def here(*arguments: object, cwd: Path | str = ".", width: int = 100) -> subprocess.CompletedProcess[str]:
    """The command line in this process: without the second that a new one imports, and with one server of children.

    Not for what is of a process: its variables, signals, streams and modules.
    """
    words = ["week2kit", *map(str, arguments)]
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True) for _ in range(2)]
    with (
        contextlib.chdir(cwd),
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(streams[0]),
        contextlib.redirect_stderr(streams[1]),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")  # pytest makes errors of them, and train honours that
        patch.setattr(sys, "argv", words)
        patch.setenv("COLUMNS", str(width))
        code = run()
    out, err = (stream.buffer.getvalue().decode() for stream in streams)
    assert code != 70, err
    assert "Traceback" not in err
    return subprocess.CompletedProcess(words, code, out, err)


def command(
    *arguments: object, cwd: Path | str | None = None, path: Path | str = "", first: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own: forked, or a new one where a variable or a `path` acts at its start.

    In the folder `first` it looks for modules that week2kit itself does not import.
    """
    if path or at_start(variables):
        return python("-m", "week2kit", *arguments, cwd=cwd, path=path, **variables)
    words = ["week2kit", *map(str, arguments)]
    everything = _variables(**variables)
    folder = str(cwd or Path.cwd())
    return server_for(everything).run("week2kit.cli:main", words, folder, everything, timeout=300, first=first)


def _variables(path: Path | str = "", **variables: str) -> dict[str, str]:
    """What a process is given, so that it finds our package, and first what lies in `path`."""
    paths = filter(None, [str(path), str(ROOT), os.environ.get("PYTHONPATH")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "100"} | variables


def python(
    *arguments: object, cwd: Path | str | None = None, path: Path | str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """A Python that finds our package; `path` is where it looks for modules before, `variables` are of its shell."""
    return _run([sys.executable, *map(str, arguments)], cwd, _variables(path, **variables))


def pytest_session(folder: Path, *arguments: str, new: bool = False) -> subprocess.CompletedProcess[str]:
    """Pytest in `folder` with our plugin and xdist, and no other that the machine may have; as if nobody had set CI.

    It is forked where it is not to be `new`, which is for what a session imports.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "CI", "BUILD_NUMBER"))}
    kept |= {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    words = ["-m", "pytest", "-p", "xdist", "-p", "week2kit.pytest_plugin", *arguments]
    if new:
        return _run([sys.executable, *words], folder, kept)
    return server_for(kept, (*MODULES, "pytest")).run(":pytest_main", words[1:], str(folder), kept, timeout=120)


def _run(words: list[str], cwd: Path | str | None, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def blocks(page: Path, kind: str) -> list[str]:
    """What stands in the page's fenced blocks of a kind, such as ``console`` or ``json``."""
    return _fences(kind).findall(page.read_text(encoding="utf-8"))


def _fences(kind: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=^```{kind}\n)(.*?)(?=^```)", flags=re.MULTILINE | re.DOTALL)


def _parts(kind: str) -> re.Pattern[str]:
    return re.compile(
        rf"^```{kind}\n(?P<session>.*?)^```$"
        r"|^~~~markdown (?P<command>[^\n]+)\n(?P<seen>.*?)^~~~$"
        r"|^<!-- typed: (?P<typed>[^\n]+) -->$",
        flags=re.MULTILINE | re.DOTALL,
    )


def copy_checkout(folder: Path) -> Path:
    """What a clone holds that a page's commands use, with `week2kit` and `python3` of this environment in bin/."""
    for name in ("examples", "runs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("run_*", "__pycache__"))
    (folder / "bin").mkdir()
    forked = server_for(os.environ | {"PYTHONPATH": str(ROOT)}).words
    path = f'PYTHONPATH={shlex.quote(str(ROOT))}"${{PYTHONPATH:+:$PYTHONPATH}}"'
    for name, words in {"week2kit": forked, "python3": [sys.executable]}.items():
        before = f"{path} " if name == "python3" else ""
        (folder / "bin" / name).write_text(f'#!/bin/sh\n{before}exec {shlex.join(words)} "$@"\n')
        (folder / "bin" / name).chmod(0o755)
    return folder


def session(text: str, checkout: Path) -> str:
    """The same console session with what its commands print today, in the order in which a terminal shows it."""
    environment = {**os.environ, "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}"}
    shown = []
    for command in re.findall(r"^\$ (.*)$", text, flags=re.MULTILINE):
        done = subprocess.run(
            command,
            shell=True,
            cwd=checkout,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        shown.append(f"$ {command}\n{done.stdout}")
    return "".join(shown)


def check_sessions(page: Path, kind: str, checkout: Path) -> None:
    """Run every session of a kind, in the page's order and in one folder, and compare what it prints.

    What a reader looks at in an editor or a browser is a block ``~~~markdown COMMAND``: a rendered page does not show
    that line, and the block holds what COMMAND prints. What a reader does there is ``<!-- typed: COMMAND -->``.
    """
    text = page.read_text(encoding="utf-8")
    written, printed = [], []

    def run_part(found: re.Match[str]) -> str:
        body = "session" if found["session"] is not None else "seen"
        if body == "session":
            now = session(found[body], checkout)
        else:
            now = session(f"$ {found['command'] or found['typed']}\n", checkout).partition("\n")[2]
        written.append(found[body] or "")
        printed.append(now)
        if found["typed"]:
            return found[0]
        before, after = found.start(body) - found.start(), found.end(body) - found.start()
        return found[0][:before] + now + found[0][after:]

    refreshed = _parts(kind).sub(run_part, text)
    assert written
    if os.environ.get(REFRESH):
        page.write_text(refreshed, encoding="utf-8")
    sides = ["".join(side) for side in (written, printed)]
    if not _as_recorded():  # a report tells a run made here beside a committed one, and has more numbers then
        sides = [re.sub(r"\b\d+ numbers hold", "all numbers hold", side) for side in sides]
    if sides[0] != sides[1]:
        told = difflib.unified_diff(*map(str.splitlines, sides), "the page", "printed today", lineterm="", n=1)
        pytest.fail("\n".join(told), pytrace=False)


def _as_recorded() -> bool:
    """Whether the committed runs were made in an environment that differs in nothing from this one."""
    import sklearn.ensemble  # noqa: F401 - loads OpenMP

    from week2kit.environment.comparing import differences
    from week2kit.environment.facts import record_environment
    from week2kit.record.store import open_run

    recorded = open_run(ROOT / "runs" / "penguins-baseline").manifest.inputs.environment
    return recorded is not None and not differences(recorded, record_environment())


def kernels_in_force() -> set[str | None]:
    """For which processors the BLAS of numpy and scipy has its kernels here."""
    import numpy  # noqa: F401 - brings a BLAS
    from threadpoolctl import threadpool_info

    return {library.get("architecture") for library in threadpool_info() if library["user_api"] == "blas"}


def working_in(folder: Path) -> list[int]:
    """The processes that are still there of what was started in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == folder and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def end_all_in(folder: Path) -> None:
    """Kill what a test left behind in its folder."""
    for pid in working_in(folder):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """What `condition` returns as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"it did not happen within {seconds} seconds")


def computed(pid: int) -> float:
    """Seconds that a process has computed; the imports of a training take half of three."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")
