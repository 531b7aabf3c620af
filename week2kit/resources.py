"""Where the files that week2kit ships are found (in a wheel, or a checkout), and where it may keep its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def templates_directory() -> Path:
    """The folder with the report templates.

    In a wheel it lies inside the package; an editable install has only the checkout's own top-level folder, so
    that there is one copy of every template.
    """
    inside = Path(__file__).parent / "templates"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "templates"


def cache_directory() -> Path:
    """The folder of this user for what can be made again, whether or not it is there.

    Raises:
        RuntimeError: there is no home directory.
    """
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA" if sys.platform == "win32" else ""):
        directory = Path(os.environ.get(variable, ""))
        if directory.is_absolute():  # a relative one does not count (XDG): it may lie in anybody's folder
            return directory
    home = Path.home()
    return home / "Library/Caches" if sys.platform == "darwin" else home / ".cache"
