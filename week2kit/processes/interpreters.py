"""Python environments that hold the library versions of a record, so that a run can be trained again under them.

uv builds them, from wheels only: to build a source distribution is to run its setup code. What a record names comes
from a stranger, so its text is checked before uv sees any of it, and only the libraries of `RESTORED`, and those that
the caller asks for, are installed at all: a wheel, too, can bring code that runs whenever its Python starts (a
``.pth`` file), and anybody may publish one under a name that nobody knows. For a command, whose author's code is run
anyway, all that it imported is installed.

An environment is built once per set of versions and kept below the user's cache directory. It does not see the
packages of the Python that runs this; of those it gets week2kit's own package, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from week2kit.canonical import combined_digest, json_digest, sha256
from week2kit.errors import CannotRestore
from week2kit.record.requirements import check_count, is_name, is_version, normal_name, show_foreign
from week2kit.resources import cache_directory
from week2kit.thresholds import ABANDONED_BUILD

#: What is installed in the recorded version: the libraries that compute or read numbers.
RESTORED: Final = ("numpy", "scipy", "scikit-learn", "pandas", "joblib", "threadpoolctl", "pyarrow")

#: What week2kit's own code needs there besides. It computes nothing, so any version will do that this Python can have.
_NEEDED: Final = ("pydantic>=2.9",)

#: The oldest Python that week2kit's own code runs on, and that the hook runs in.
_OLDEST_PYTHON: Final = (3, 11)
_OLDEST_OBSERVED: Final = (3, 8)

#: Goes up when an environment of an earlier week2kit must not be used any more.
_LAYOUT: Final = 1


T = TypeVar("T")


@dataclass(frozen=True)
class Interpreter:
    """A Python that holds recorded versions: what to start, and the folder from which it imports week2kit."""

    executable: Path
    import_path: Path

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that it needs."""
        return {"PYTHONPATH": str(self.import_path)}


# --- what a record names ----------------------------------------------------------------------------------------

_PYTHON: Final = re.compile(r"(?P<minor>3\.[0-9]{1,3})\.[0-9]{1,3}(?:(?:a|b|rc)[0-9]{1,3})?")


def _to_install(libraries: Mapping[str, str], wanted: Collection[str]) -> list[str]:
    """The requirements that uv gets, sorted; everything in `libraries` is checked, also what is not installed."""
    check_count(len(libraries), "The record")
    for name, version in libraries.items():
        if not is_name(name):
            raise CannotRestore(
                f'The record names a library "{show_foreign(name, 80)}", which no package can be called. '
                "Verify without restoring versions."
            )
        if not is_version(version):
            raise CannotRestore(
                f'The record names version "{show_foreign(version, 80)}" of {name}: expected an exact version such as '
                "1.5.2. Verify without restoring versions."
            )
    names = {normal_name(name) for name in wanted}
    return sorted({f"{normal_name(n)}=={version}" for n, version in libraries.items() if normal_name(n) in names})


def nearest_python(recorded: str) -> str:
    """The Python that can be asked for in place of a recorded one: the oldest on which week2kit runs, for an older one.

    A record may leave out the patch release: any will do then. What is no version comes back as it is, to be refused.
    """
    match = re.match(r"(3)[.]([0-9]{1,3})(?![0-9])", recorded)
    if match is None:
        return recorded
    if (int(match[1]), int(match[2])) < _OLDEST_PYTHON:
        return ".".join(map(str, (*_OLDEST_PYTHON, 0)))
    return f"{recorded}.0" if match[0] == recorded else recorded


def _python_requests(python: str, oldest: tuple[int, int], who: str) -> tuple[str, str]:
    """The recorded version, and its minor version, which is taken where that patch release is not installed.

    Older ones than `oldest` are refused, on which `who` does not run.
    """
    python = python.removesuffix("+")  # a build from a checkout calls itself 3.13.0+
    match = _PYTHON.fullmatch(python)
    if match is None:
        raise CannotRestore(
            f'The record names Python "{show_foreign(python, 80)}": expected a version such as 3.11.7. '
            "Verify without restoring versions."
        )
    if tuple(map(int, match["minor"].split("."))) < oldest:
        raise CannotRestore(
            f"The record names Python {python}, and {who} runs on {oldest[0]}.{oldest[1]} and later only. "
            "Verify without restoring versions."
        )
    return python, match["minor"]


#: Asks a Python for the versions of distributions; those that it lacks are left out.
_ASK: Final = """import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))"""


def installed_versions(executable: str, names: Iterable[str]) -> dict[str, str]:
    """The versions that a Python has of these distributions; those that it lacks, or does not tell, are left out."""
    command = [executable, "-I", "-c", _ASK, *filter(is_name, names)]
    try:
        told = subprocess.run(command, capture_output=True, check=True, timeout=30, stdin=subprocess.DEVNULL).stdout
        return {str(name): str(version) for name, version in json.loads(told).items()}
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}


# --- building ---------------------------------------------------------------------------------------------------


def build(
    python: str,
    libraries: Mapping[str, str],
    *,
    also: Collection[str] = (),
    cache: Path | None = None,
    timeout: float,
) -> Interpreter:
    """A Python with the given versions, from the cache or built now; several processes may ask at once.

    Of `libraries` those in `RESTORED` and in `also` are installed, in exactly these versions, and what they depend on
    in the newest versions that fit. Where this patch release of Python is not installed, another of the same minor
    version is taken: read back in the child what is in force. It is always CPython.

    Args:
        python: version of Python, such as ``3.11.7``.
        libraries: distribution to version; what week2kit imports must be among them or be a dependency of one.
        also: distributions that may be installed besides; only those whose code the user trusts to run here.
        cache: folder that holds the environments; by default one in the user's cache directory.
        timeout: seconds that the build may take.

    Raises:
        CannotRestore: a name or version is malformed; uv, this Python or a package is not to be had; it took too long.
    """
    requests = _python_requests(python, _OLDEST_PYTHON, "week2kit")
    requirements = sorted([*_to_install(libraries, {*RESTORED, *also}), *_NEEDED])
    return _built(requests, requirements, cache, timeout, lambda at: Interpreter(_executable(at), _import_path(at)))


def build_for_command(python: str, libraries: Mapping[str, str], *, timeout: float) -> Path:
    """The program of a Python with exactly these versions of these distributions, for a command whose code is trusted.

    As `build`, without anything of week2kit's own.

    Raises:
        CannotRestore: as of `build`.
    """
    requests = _python_requests(python, _OLDEST_OBSERVED, "the observer of a command")
    return _built(requests, _to_install(libraries, libraries), None, timeout, _executable)


def _built(
    requests: Sequence[str], requirements: list[str], cache: Path | None, timeout: float, found: Callable[[Path], T]
) -> T:
    """What is found at the place of an environment with these requirements, built now where it is not there."""
    deadline = time.monotonic() + timeout
    try:
        environments = _environments(cache)
        for request in requests:
            place = environments / json_digest([_LAYOUT, request, requirements])
            if _is_usable(place) or _build_at(place, request, requirements, deadline):
                return found(place)
    except OSError as error:
        raise CannotRestore(
            "The environment with the recorded versions cannot be written to the cache directory: "
            f"{error.strerror or type(error).__name__}. Make room there, or set XDG_CACHE_HOME to another folder."
        ) from None
    raise CannotRestore(
        f"Python {requests[1]} is not installed here, and the versions to restore were used with {requests[0]}. "
        f"Install it, for example with: uv python install {requests[1]}"
    )


def _build_at(place: Path, request: str, requirements: list[str], deadline: float) -> bool:
    """Build an environment and move it to its place when it is whole; False where there is no such Python."""
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=place.parent, ignore_cleanup_errors=True) as temporary:
        # a folder inside, for the temporary one is removed and this one is moved away
        building = Path(temporary, "environment")
        building.mkdir(mode=0o700)
        # uv looks for settings in its working directory and above until it finds some; the user's own still apply
        (building / "uv.toml").touch()
        python = _installed_python(request, building, deadline)
        if python is None:
            return False
        _run_uv(["venv", "--no-project", "--relocatable", "--python", python, "venv"], building, deadline)
        install = ["pip", "install", "--only-binary", ":all:", "--python", str(_executable(building)), "--"]
        if requirements:  # a command may import nothing that is installed
            _run_uv([*install, *requirements], building, deadline)
        try:
            building.rename(place)
        except OSError:
            if _is_usable(place):  # another process was faster
                return True
            place.rename(Path(temporary, "broken"))  # such as one whose Python was removed
            building.rename(place)
    return True


def _installed_python(request: str, folder: Path, deadline: float) -> str | None:
    """What to name to uv: this Python where it is the one asked for, else one that uv finds; it downloads none."""
    running = platform.python_version()
    if sys.implementation.name == "cpython" and sys.executable and request in (running, running.rpartition(".")[0]):
        return sys.executable
    found = _ask_uv(["python", "find", "--system", "--no-project", f"cpython@{request}"], folder, deadline)
    return found.stdout.strip() if found.returncode == 0 else None


def _executable(place: Path) -> Path:
    return place / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _is_usable(place: Path) -> bool:
    """Whether an environment is there and its Python, to which it may be only a link, still is."""
    return os.access(_executable(place), os.X_OK)


# --- the cache --------------------------------------------------------------------------------------------------

_UNFINISHED: Final = ".building-"


def _environments(cache: Path | None) -> Path:
    """The folder of all environments, made where it is missing, and safe from other users."""
    folder = _cache_directory() / "week2kit" / "environments" if cache is None else cache.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        status = folder.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise CannotRestore(
                "The cache directory for environments belongs to another user or can be written by others, who could "
                "place programs there. Correct its owner and permissions, or set XDG_CACHE_HOME to another folder."
            )
    for left in folder.glob(f"{_UNFINISHED}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED_BUILD:
                shutil.rmtree(left, ignore_errors=True)
    return folder


def _cache_directory() -> Path:
    try:
        return cache_directory()
    except RuntimeError:
        raise CannotRestore(
            "There is no home directory to keep the environment in. Set XDG_CACHE_HOME to a folder of yours."
        ) from None


def _import_path(place: Path) -> Path:
    """A folder that holds week2kit's package and nothing else: a link to it, or a copy where links are not allowed.

    One environment serves every week2kit of this user, so there is one such folder per package.
    """
    package = Path(__file__).resolve().parents[1]
    folder = place / "week2kit-path" / sha256(os.fsencode(package))[:16]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        (folder / "week2kit").symlink_to(package, target_is_directory=True)
    except FileExistsError:
        pass
    except OSError:
        return _copy(package, place)
    return folder


def _copy(package: Path, place: Path) -> Path:
    """A copy that is named by what it holds, so that it is never an old one."""
    files = sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    name = combined_digest(f"{sha256(path.read_bytes())}  {path.relative_to(package).as_posix()}" for path in files)
    folder = place / "week2kit-path" / name[:16]
    if not folder.exists():
        with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=place, ignore_cleanup_errors=True) as temporary:
            copied = Path(temporary, "path")
            shutil.copytree(package, copied / "week2kit", ignore=shutil.ignore_patterns("__pycache__"))
            try:
                copied.rename(folder)
            except OSError:
                if not folder.exists():  # else another process was faster
                    raise
    return folder


# --- uv ---------------------------------------------------------------------------------------------------------

#: Settings of uv that say where packages come from and how they are fetched. The others could change what is built:
#: constraints, overrides, source distributions, another Python.
_UV_SETTINGS: Final = re.compile(
    r"UV_(?:.*INDEX.*|FIND_LINKS|KEYRING_PROVIDER|CREDENTIALS_DIR|CACHE_DIR|NO_CACHE|LINK_MODE|OFFLINE|INSECURE_HOST"
    r"|SYSTEM_CERTS|NATIVE_TLS|HTTP_.*|REQUEST_TIMEOUT|CONCURRENT_.*|PYTHON_INSTALL_DIR|CONFIG_FILE|NO_CONFIG)"
)

_CAUSE: Final = re.compile(r"^[ \t]*(?:cause|Caused by):", re.MULTILINE)
_DECORATION: Final = re.compile(
    r"^[ \t]*(?:error:|No solution found when resolving dependencies:?|[×│├╰─▶ ])*", re.MULTILINE
)


def _run_uv(arguments: Iterable[str], folder: Path, deadline: float) -> None:
    done = _ask_uv(["--quiet", *arguments], folder, deadline)
    if done.returncode != 0:
        raise CannotRestore(
            f"The recorded versions cannot be installed here. uv says: {_reason(done.stderr)} "
            "Verify where they can be installed, or without restoring versions."
        )


def _ask_uv(arguments: Iterable[str], folder: Path, deadline: float) -> subprocess.CompletedProcess[str]:
    settings = {
        name: value for name, value in os.environ.items() if not name.startswith("UV_") or _UV_SETTINGS.fullmatch(name)
    }
    program = _uv_program()
    try:
        return subprocess.run(
            [program, "--no-progress", "--color", "never", *arguments],
            cwd=folder,
            env={**settings, "UV_PYTHON_DOWNLOADS": "never"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=max(0.0, deadline - time.monotonic()),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotRestore(
            "The environment with the recorded versions was not ready in time, and its build was stopped. "
            "Allow more time; what was downloaded is kept."
        ) from None
    except OSError as error:
        raise CannotRestore(
            f"uv, which installs the recorded versions, cannot be started: {error.strerror or type(error).__name__}. "
            'Install it again: pip install --force-reinstall "week2kit[restore]"'
        ) from None


def _uv_program() -> str:
    with contextlib.suppress(ImportError, FileNotFoundError):
        from uv import find_uv_bin

        return find_uv_bin()
    found = shutil.which("uv")
    if found is None or not Path(found).is_absolute():  # relative: from the working directory, which may be anybody's
        raise CannotRestore(
            "uv, which installs the recorded versions, is not installed here. "
            'Install it: pip install "week2kit[restore]"'
        )
    return found


def _reason(text: str) -> str:
    """What uv wrote, on one line, without the address of an index and without paths of this machine."""
    causes = (_DECORATION.sub("", part).strip() for part in _CAUSE.split(text))
    told = show_foreign("; ".join(filter(None, causes)), 400) or "nothing."
    return told if told.endswith((".", "…")) else f"{told}."
