"""Where the files that week2kit ships are found: in an installed wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path


def templates_directory() -> Path:
    """The folder with the report templates.

    In a wheel it lies inside the package; an editable install has only the checkout's own top-level folder, so
    that there is one copy of every template.
    """
    inside = Path(__file__).parent / "templates"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "templates"
