"""Python environments with the versions that a run recorded, built once by uv and kept in a cache folder.

A record is untrusted input, and only versions are taken from it: the names are those of the libraries that decide an
outcome, and a version must look like one before uv sees it. Only wheels are installed, because to build a package is to
run its code.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from week2kit.canonical import clean
from week2kit.errors import CannotPutBack

#: What week2kit itself needs where a run is trained again; it does not compute anything.
_NEEDED: Final = ("pydantic>=2.9", "threadpoolctl>=3.1")

#: Raised when environments are built otherwise, so that old ones are not used any more.
_LAYOUT: Final = 1

#: A version as PEP 440 has it, without the forms that no index serves.
_VERSION: Final = re.compile(r"\d{1,6}(\.\d{1,9}){0,4}((a|b|rc)\d{1,4})?(\.post\d{1,4})?(\.dev\d{1,9})?")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?")


@dataclass(frozen=True)
class Interpreter:
    """A Python to start, and the folder in which it finds week2kit and nothing else of ours."""

    executable: Path
    package_path: Path


def build(python: str, libraries: Mapping[str, str], *, timeout: float, cache: Path | None = None) -> Interpreter:
    """The environment with this Python and exactly these versions of libraries; built where it is not there yet.

    Args:
        python: a version of Python, such as 3.11.7; where it is not installed, another patch release will do.
        libraries: distribution name to version.
        timeout: seconds that the building may take.
        cache: the folder of such environments; by default one in the user's cache folder.

    Raises:
        CannotPutBack: it cannot be built; the message says why, and what to do.
    """
    for name, version in (("python", python), *libraries.items()):
        if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
            raise CannotPutBack(f"{clean(name, 80)} {clean(version, 80)}: this is no version that could be installed.")
    wanted = {"layout": _LAYOUT, "python": python, "libraries": dict(sorted(libraries.items())), "needed": _NEEDED}
    key = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:32]
    place = (cache or _cache()) / key
    if not _works(place):
        _build(place, python, [f"{name}=={version}" for name, version in sorted(libraries.items())], timeout)
    return Interpreter(_python_of(place), place / "week2kit-path")


def _cache() -> Path:
    """The user's cache folder, by the custom of the system."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME")
    return Path(base or Path.home() / ".cache") / "week2kit" / "environments"


def _python_of(place: Path) -> Path:
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _works(place: Path) -> bool:
    """Whether an environment is there as a whole: its Python may have been removed since, or week2kit moved."""
    package = place / "week2kit-path" / "week2kit"
    return _python_of(place).exists() and package.exists() and package.resolve() == _package()


def _package() -> Path:
    return Path(__file__).resolve().parent


def _build(place: Path, python: str, requirements: Sequence[str], timeout: float) -> None:
    """Build beside the place and rename: what is there is whole, also when two build it at once or one is killed."""
    uv, deadline = _uv(), time.monotonic() + timeout
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix="building-", dir=place.parent))
    except OSError as error:
        raise CannotPutBack(f"The cache folder for environments cannot be written: {error.strerror}.") from None
    try:
        _make(uv, building / "made", python, deadline)
        executable = str(_python_of(building / "made"))
        install = ["pip", "install", "--only-binary", ":all:", "--python", executable, *requirements, *_NEEDED]
        _run([uv, *install], building, deadline, f"{', '.join(requirements)} cannot be installed together")
        paths = building / "made" / "week2kit-path"
        paths.mkdir()
        try:
            (paths / "week2kit").symlink_to(_package(), target_is_directory=True)
        except OSError as error:
            raise CannotPutBack(f"No symbolic link can be made in the cache folder: {error.strerror}.") from None
        if not _works(place):
            shutil.rmtree(place, ignore_errors=True)
            with contextlib.suppress(OSError):  # another process was faster; its environment is the same
                (building / "made").rename(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    if not _works(place):
        raise CannotPutBack("The environment was built and is not whole. Remove week2kit's cache folder and try again.")


def _make(uv: str, place: Path, python: str, deadline: float) -> None:
    """An empty environment with the Python of that version, else with another patch release of the same minor one."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    minor = ".".join(python.split(".")[:2])
    for version in dict.fromkeys((python, minor)):
        asked = sys.executable if version == here else version
        command = [uv, "venv", "--no-project", "--relocatable", "--no-python-downloads", "--python", asked, str(place)]
        with contextlib.suppress(CannotPutBack):
            _run(command, place.parent, deadline, "")
            return
    raise CannotPutBack(f"Python {python} is not installed here, nor another {minor}: install it, then verify again.")


def _uv() -> str:
    """Where uv is: beside this Python, or on the path."""
    try:
        from uv import find_uv_bin  # type: ignore[import-not-found,unused-ignore]

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None or not Path(found).is_absolute():  # relative: found in the working directory
        raise CannotPutBack('uv is needed to put versions back: pip install "week2kit[restore]".')
    return found


def _run(command: Sequence[str], directory: Path, deadline: float, told: str) -> None:
    """Run uv in a folder without any project, so that no configuration of the working directory counts."""
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    try:
        ended = subprocess.run(
            [*command, "--quiet", "--no-progress", "--color", "never"],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=max(1.0, deadline - time.monotonic()),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotPutBack("To build the environment took too long. Allow more with --timeout.") from None
    except OSError as error:
        raise CannotPutBack(f"uv cannot be started: {error.strerror}.") from None
    if ended.returncode:
        raise CannotPutBack(f"{told}: {_reason(ended.stderr.decode('utf-8', 'replace'))}")


def _reason(said: str) -> str:
    """What uv says of a failure, on one line and without the paths and addresses that it may hold."""
    text = re.sub(r"\S*[/\\]\S*", "...", " ".join(re.sub(r"[^\x20-\x7e\n]", " ", said).split()))
    return clean(text, 300)
