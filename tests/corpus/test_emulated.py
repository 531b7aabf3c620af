"""Another machine for little money: a run trained under an emulated older processor, verified natively."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from week2kit.record.verdict import VerdictDocument

from .test_corpus import MISSING, proven
from .trained import CONFIGS, ROOT, environment

QEMU = shutil.which("qemu-x86_64")


@pytest.mark.slow
@pytest.mark.skipif(QEMU is None, reason="qemu-x86_64 is not installed (Debian: qemu-user)")
@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_a_run_from_an_emulated_nehalem_is_explained(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS["unfinished"]), encoding="utf-8")
    # the emulated interpreter is the one behind the virtual environment, and has to be told where its packages are
    variables = {**environment("here"), "PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])}
    interpreter = os.path.realpath(sys.executable)
    train = [interpreter, "-m", "week2kit", "train", "config.json", "--name", "run"]
    emulated = [str(QEMU), "-cpu", "Nehalem", *train]
    done = subprocess.run(
        emulated, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    verify = [sys.executable, "-P", "-m", "week2kit", "verify", "--json", "runs/run"]
    done = subprocess.run(
        verify, cwd=tmp_path, env=environment("here"), capture_output=True, text=True, check=False, timeout=500
    )
    (verdict,) = VerdictDocument.model_validate_json(done.stdout).runs
    assert verdict.verdict == "explained", done.stdout
    assert "blas.kernel" in proven(verdict) <= {"blas.kernel", "simd", "libm"}
    assert done.returncode == 0
