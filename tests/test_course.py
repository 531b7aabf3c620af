"""The course in examples/week2: its sessions print what it shows, its links lead somewhere, its figures are drawn anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from .sessions import ROOT, blocks, check_sessions, copy_checkout, kernels_in_force

COURSE = ROOT / "examples" / "week2"
PAGES = sorted(COURSE.rglob("*.md"))


def _name(page: Path) -> str:
    return page.relative_to(COURSE).as_posix()


@pytest.mark.newest  # trees and losses come out otherwise with other versions of scikit-learn
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=_name)
def test_the_console_sessions_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    check_sessions(page, "console", copy_checkout(tmp_path))
