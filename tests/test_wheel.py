"""What is installed is what is in the checkout: the exact files of the wheel, built from the sdist as pip does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from week2kit import __version__

ROOT = Path(__file__).parent.parent
INFO = f"week2kit-{__version__}.dist-info"
NOT_SHIPPED = ("tests/", "runs/", "examples/", ".ci/", ".git/", "build/", "dist/", "__pycache__", ".hypothesis")


def sources(folder: str, suffixes: tuple[str, ...]) -> set[str]:
    """The files of a folder of the checkout, by POSIX path."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that was built from it, of a copy of the checkout with everything that may lie in it."""
    copy = tmp_path_factory.mktemp("build") / "checkout"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", ".mypy_cache", ".ruff_cache"))
    (copy / "runs/run_20260101_000000_abcde").mkdir(parents=True)
    (copy / "runs/run_20260101_000000_abcde/manifest.json").write_text("{}")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "out"], cwd=copy, capture_output=True, check=True
    )
    (sdist,) = (copy / "out").glob("*.tar.gz")
    (wheel,) = (copy / "out").glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def unpacked(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it lies in site-packages, far from any checkout."""
    target = tmp_path_factory.mktemp("installed") / "site-packages"
    with zipfile.ZipFile(built[1]) as wheel:
        wheel.extractall(target)
    return target


def python(unpacked: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the unpacked wheel first on its path, in an empty folder."""
    empty = unpacked.parent / "elsewhere"
    empty.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=empty, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_the_package_its_templates_and_nothing_else(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as wheel:
        names = set(wheel.namelist())
    templates = sources("templates", (".j2",))
    assert templates
    metadata = {f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "entry_points.txt", "RECORD")}
    assert names == {
        *sources("week2kit", (".py", ".typed")),
        *(f"week2kit/{name}" for name in templates),
        *metadata,
        f"{INFO}/licenses/LICENSE",
    }
    assert "week2kit/py.typed" in names
    assert "week2kit/templates/report.md.j2" in names


def test_the_templates_of_the_wheel_are_those_of_the_checkout(unpacked: Path) -> None:
    for name in sources("templates", (".j2",)):
        assert (unpacked / "week2kit" / name).read_bytes() == (ROOT / name).read_bytes()


def test_the_sdist_holds_what_the_wheel_needs_and_no_tests_runs_or_examples(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"} <= names
    assert not [name for name in names if name.startswith(NOT_SHIPPED) or "__pycache__" in name]


def test_the_metadata_names_licence_versions_extras_and_entry_points(unpacked: Path) -> None:
    folder = unpacked / INFO
    metadata = HeaderParser().parsestr((folder / "METADATA").read_text(encoding="utf-8"))
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert {"test", "parquet"} <= set(metadata.get_all("Provides-Extra", []))
    required = {line.partition(">=")[0] for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert {"scikit-learn", "pandas", "pydantic", "typer", "jinja2"} <= required
    assert "pytest" not in required
    points = (folder / "entry_points.txt").read_text()
    assert "[console_scripts]\nweek2kit = week2kit.cli:main" in points
    assert "[pytest11]\nweek2kit = week2kit.pytest_plugin" in points


def test_the_installed_package_finds_its_own_templates(unpacked: Path) -> None:
    script = (
        "import week2kit, week2kit.resources as r\n"
        "print(week2kit.__file__); print(r.templates_directory()); print(week2kit.__version__)\n"
    )
    done = python(unpacked, "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        str(unpacked / "week2kit/__init__.py"),
        str(unpacked / "week2kit/templates"),
        __version__,
    ]


def test_every_module_of_the_wheel_can_be_imported(unpacked: Path) -> None:
    script = (
        "import importlib, pkgutil, week2kit\n"
        "for found in pkgutil.walk_packages(week2kit.__path__, 'week2kit.'):\n"
        "    if not found.name.endswith('__main__'):\n"
        "        importlib.import_module(found.name)\n"
    )
    done = python(unpacked, "-W", "error", "-c", script)
    assert done.returncode == 0, done.stderr


def test_the_installed_command_trains_and_reports_without_a_checkout(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"data": {"dataset": "iris"}, "model": "naive_bayes", "seed": 1}')
    runs = str(tmp_path / "runs")
    for name, seed in (("a", "1"), ("b", "2")):
        done = python(
            unpacked, "-m", "week2kit", "train", str(tmp_path / "a.json"),
            "--name", name, "--seed", seed, "--runs-dir", runs,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    done = python(unpacked, "-m", "week2kit", "report", f"{runs}/a", f"{runs}/b")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<!--") or done.stdout.startswith("#")
    assert "accuracy" in done.stdout
    shutil.rmtree(unpacked / "week2kit/templates")
    try:
        broken = python(unpacked, "-m", "week2kit", "report", f"{runs}/a", f"{runs}/b", "--format", "html")
    finally:
        shutil.copytree(ROOT / "templates", unpacked / "week2kit/templates")
    assert broken.returncode != 0, "the page came from somewhere else"


def test_no_public_function_shares_the_name_of_its_module() -> None:
    """Where it is imported into its package, it would take the module's place there."""
    clashes = [
        name
        for name in sources("week2kit", (".py",))
        if re.search(rf"^def {Path(name).stem}\(", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    ]
    assert clashes == []
