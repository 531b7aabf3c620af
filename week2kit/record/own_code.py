"""The person's own code: digests of allowed modules that no installed distribution brings, as a folder's files are.

What an installed distribution computes is told by its version, in the environment. A module of one's own has none: its
files are its version.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from week2kit.canonical import combined_digest
from week2kit.record.code import digest_text
from week2kit.thresholds import MAX_CONFIG_BYTES, OWN_FILES


def own_code(modules: Sequence[str]) -> dict[str, str]:
    """The digest of what each of these top-level modules does, of those that are files of one's own.

    As of week2kit's own code, comments and layout do not count. A module that is not there has none.
    """
    found = {}
    for module in sorted(set(modules)):
        files = _files_of(module)
        if files:
            found[module] = combined_digest(f"{name}\0{digest_text(text)}" for name, text in sorted(files.items()))
    return found


def _files_of(module: str) -> dict[str, str]:
    """The Python files of a module outside of installed packages, by their path in it; nothing of it is run."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return {}
    if spec is None:
        return {}
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    single = Path(spec.origin) if not places and spec.origin and spec.has_location else None
    roots = [single] if single is not None else places
    if any({"site-packages", "dist-packages"} & set(root.parts) for root in roots):
        return {}
    paths = [single] if single is not None else [path for root in places for path in sorted(root.rglob("*.py"))]
    files = {}
    for path in paths[:OWN_FILES]:
        name = path.name if single is not None else path.relative_to(next(r for r in places if r in path.parents))
        try:
            text = path.read_bytes()[:MAX_CONFIG_BYTES].decode("utf-8-sig", errors="replace")
        except OSError:
            continue
        files[Path(name).as_posix()] = text.replace("\r\n", "\n")
    return files
