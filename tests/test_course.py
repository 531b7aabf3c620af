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


@pytest.mark.newest  # the accuracy hangs on the versions of the libraries, too
def test_the_session_of_a_processor_with_avx512_prints_what_the_page_shows(tmp_path: Path) -> None:
    if (kernels := kernels_in_force()) != {"SkylakeX"}:
        pytest.skip(f"OpenBLAS has the kernels {sorted(map(str, kernels))} in force here, and not those for AVX-512")
    check_sessions(COURSE / "02_reproducibility_package.md", "console avx512", copy_checkout(tmp_path))
