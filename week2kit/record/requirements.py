"""The libraries of a record: which of them decide, and ``requirements.txt`` as it is written and as it is read.

What is read comes from a stranger.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from week2kit.canonical import clean
from week2kit.errors import CannotRestore
from week2kit.privacy import scrub
from week2kit.thresholds import MAX_NAME_LENGTH, MAX_REQUIREMENTS

if TYPE_CHECKING:
    from week2kit.record.manifest import Environment

#: Libraries whose version can change an outcome. pandas is one of them: it parses the numbers of the file.
DECIDING_LIBRARIES: Final = ("numpy", "scipy", "scikit-learn", "pandas", "joblib")

#: Import names of distributions that are called otherwise.
_DISTRIBUTIONS: Final = {
    "attr": "attrs",
    "dateutil": "python-dateutil",
    "imblearn": "imbalanced-learn",
    "markdown_it": "markdown-it-py",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "umap": "umap-learn",
    "xdist": "pytest-xdist",
    "yaml": "pyyaml",
}

#: A distribution's name as of PEP 508, and a version in the spelling of PEP 440: no option, path or address looks so.
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION: Final = re.compile(
    r"(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc)[0-9]+)?(?:\.post[0-9]+)?(?:\.dev[0-9]+)?"
    r"(?:\+[A-Za-z0-9]+(?:[._][A-Za-z0-9]+)*)?"
)
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}:/[^\s`'\")]*")
_COMMENT: Final = re.compile(r"(?:^|[ \t])#.*")


def class_names(config: Any) -> Iterator[str]:
    """The import paths of the classes that a config names, wherever it does."""
    if isinstance(config, dict):
        if isinstance(name := config.get("class"), str):
            yield name
        config = list(config.values())
    for item in config if isinstance(config, list) else ():
        yield from class_names(item)


def named_modules(config: Any) -> set[str]:
    """The top-level modules of the classes that a config names."""
    return {name.partition(".")[0] for name in class_names(config)}


def distribution_of(module: str) -> str:
    """The distribution that a top-level module comes from, by its name alone."""
    return _DISTRIBUTIONS.get(module) or normal_name(module)


def requirements_text(environment: Environment) -> str:
    """The imported distributions as ``requirements.txt``: ``name==version``, sorted, LF."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(environment.libraries.items()))


def parse_requirements(text: str) -> dict[str, str]:
    """The pins of a run's ``requirements.txt``, distribution to version; the names in lower case with ``-``.

    Lines are ``name==version``, empty, or comments. All else that pip would accept (options, URLs, paths, markers,
    hashes) is refused: a stranger wrote it, and a run never records it.

    Raises:
        CannotRestore: a line is anything else, names a distribution again, or there are too many.
    """
    pins: dict[str, str] = {}
    for number, whole in enumerate(text.split("\n"), 1):
        line = _COMMENT.sub("", whole).strip(" \t\r")
        if not line:
            continue
        name, equal, version = line.partition("==")
        if not (equal and is_name(name) and is_version(version)):
            raise CannotRestore(
                f'requirements.txt, line {number}: expected name==version, got "{show_foreign(line, 80)}". '
                "Only exact versions from a package index can be restored; verify without restoring versions."
            )
        if normal_name(name) in pins:
            raise CannotRestore(
                f'requirements.txt, line {number}: "{name}" is named again. '
                "A run records each library once; verify without restoring versions."
            )
        pins[normal_name(name)] = version
        check_count(len(pins), "requirements.txt")
    return pins


def check_count(count: int, where: str) -> None:
    """Refuse more libraries than a run imports.

    Raises:
        CannotRestore: there are more; `where` begins its sentence.
    """
    if count > MAX_REQUIREMENTS:
        raise CannotRestore(
            f"{where} names more than {MAX_REQUIREMENTS} libraries, which no run imports. "
            "Verify without restoring versions."
        )


def is_name(text: str) -> bool:
    """Whether a distribution can be called so (PEP 508)."""
    return len(text) <= MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Whether it is an exact version (PEP 440)."""
    return len(text) <= MAX_NAME_LENGTH and _VERSION.fullmatch(text) is not None


def normal_name(name: str) -> str:
    """A name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def show_foreign(text: str, limit: int) -> str:
    """A foreign text as it may stand in a message."""
    return clean(scrub(_ADDRESS.sub("<address>", text[: 10 * limit])), limit)


def same_version(recorded: str, here: str) -> bool:
    """Whether a version is the recorded one, which may leave out its last numbers: ``3.11`` is any 3.11."""
    return here == recorded or here.startswith(f"{recorded}.")
