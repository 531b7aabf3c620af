"""The README is word for word what the commands print: every console block is run in a copy of the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .sessions import ROOT, blocks, check_sessions, copy_checkout, kernels_in_force

README = ROOT / "README.md"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_checkout(tmp_path_factory.mktemp("clone"))
    (folder / "summary.md.j2").write_text(blocks(README, "jinja")[0])
    return folder


@pytest.mark.newest  # runs made here differ from the committed ones in their environment otherwise, and reports say so
def test_the_console_sessions_print_what_the_readme_shows(checkout: Path) -> None:
    check_sessions(README, "console", checkout)


@pytest.mark.newest  # the accuracy hangs on the versions of the libraries, too
def test_the_sessions_of_a_processor_with_avx512_print_what_the_readme_shows(checkout: Path) -> None:
    kernels = kernels_in_force()
    if kernels != {"SkylakeX"}:
        pytest.skip(f"OpenBLAS has the kernels {sorted(map(str, kernels))} in force here, and not those for AVX-512")
    check_sessions(README, "console avx512", checkout)


def test_the_first_two_sh_blocks_are_the_set_up() -> None:
    install, test = blocks(README, "sh")[:2]
    assert install.startswith("python3 -m pip install")
    assert "week2kit train examples/penguins/baseline.json" in install
    assert test.endswith("python3 -m pytest\n")


def test_the_example_config_is_a_config() -> None:
    import json

    from week2kit.config.reading import parse_config

    assert [parse_config(json.loads(block)).seed for block in blocks(README, "json")] == [42]


def test_the_python_examples_run(checkout: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for block in blocks(README, "python"):
        code = block + "\n".join(f"\n{name}()" for name in re.findall(r"^def (test_\w+)", block, flags=re.MULTILINE))
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=checkout, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_every_exit_code_and_verdict_of_the_readme_exists() -> None:
    from typing import get_args

    from week2kit.record.verdict import VerdictName

    named = set(re.findall(r"^\| `(\w+)` \|", README.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(get_args(VerdictName)) - {"explained"} <= named
