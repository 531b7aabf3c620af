"""The README is word for word what the commands print: every console block is run in a copy of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFRESH = "WEEK2KIT_REFRESH"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone holds that the README's commands use, and `week2kit` on the path."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("examples", "runs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("run_*", "__pycache__"))
    (folder / "summary.md.j2").write_text(blocks("jinja")[0])
    command = folder / "bin" / "week2kit"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m week2kit "$@"\n')
    command.chmod(0o755)
    return folder


def session(text: str, folder: Path) -> str:
    """The same console session with what its commands print today, standard output first."""
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    shown = []
    for command in re.findall(r"^\$ (.*)$", text, flags=re.MULTILINE):
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        shown.append(f"$ {command}\n{done.stdout}{done.stderr}")
    return "".join(shown)


def test_the_console_sessions_print_what_the_readme_shows(checkout: Path) -> None:
    _check_sessions("console", checkout)


@pytest.mark.newest  # the accuracy hangs on the versions of the libraries, too
def test_the_sessions_of_a_processor_with_avx512_print_what_the_readme_shows(checkout: Path) -> None:
    import numpy  # noqa: F401 - brings a BLAS
    from threadpoolctl import threadpool_info

    kernels = {library.get("architecture") for library in threadpool_info() if library["user_api"] == "blas"}
    if kernels != {"SkylakeX"}:
        pytest.skip(f"OpenBLAS has the kernels {sorted(map(str, kernels))} in force here, and not those for AVX-512")
    _check_sessions("console avx512", checkout)


def _check_sessions(kind: str, checkout: Path) -> None:
    shown = [(block, session(block, checkout)) for block in blocks(kind)]
    assert shown
    if os.environ.get(REFRESH):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        for block, now in shown:
            text = text.replace(f"```{kind}\n{block}```", f"```{kind}\n{now}```")
        (ROOT / "README.md").write_text(text, encoding="utf-8")
    assert [now for _, now in shown] == [block for block, _ in shown]


def test_the_first_two_sh_blocks_are_the_set_up() -> None:
    install, test = blocks("sh")[:2]
    assert install.startswith("python3 -m pip install")
    assert "week2kit train examples/penguins/baseline.json" in install
    assert test.endswith("python3 -m pytest\n")


def test_the_example_config_is_a_config() -> None:
    import json

    from week2kit.schema.config import parse_config

    assert [parse_config(json.loads(block)).seed for block in blocks("json")] == [42]


def test_the_python_examples_run(checkout: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for block in blocks("python"):
        code = block + "\n".join(f"\n{name}()" for name in re.findall(r"^def (test_\w+)", block, flags=re.MULTILINE))
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=checkout, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_every_exit_code_and_verdict_of_the_readme_exists() -> None:
    from typing import get_args

    from week2kit.verdict import VerdictName

    named = set(re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE))
    assert set(get_args(VerdictName)) - {"explained"} <= named
