"""`week2kit.report`: a report that shows itself in a notebook, and writes itself to a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from week2kit.rendering.output import draw_if_possible, kind_of, render, save
from week2kit.reporting import composing
from week2kit.reporting.values import Report

_Given = ParamSpec("_Given")


class ShownReport(Report):
    """A `Report` with what `week2kit report` makes of it."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return render(self)

    def save(self, path: str | Path) -> Path | None:
        """Write it to a file, as ``week2kit report -o`` does: words that were written into that file are kept.

        Args:
            path: ``.html`` becomes one page, ``.json`` the value; any other name becomes Markdown, with its pictures
                (where the extra ``pictures`` is installed) and the next config in a folder beside it.

        Returns:
            Where the replaced report was kept, because somebody wrote outside of its places for words, such as
            ``report.md.old``; None where nothing would be lost.

        Raises:
            ReportError: the file is there and is no report of week2kit, or it cannot be written.
        """
        path = Path(path)
        kind = kind_of(path)
        kept = save(self, path, kind, pictures=None if kind == "json" else draw_if_possible(self)[0])
        return kept.path if kept is not None else None


def _shown(make: Callable[_Given, Report]) -> Callable[_Given, ShownReport]:
    @wraps(make)
    def made(*args: _Given.args, **kwargs: _Given.kwargs) -> ShownReport:
        return ShownReport(*make(*args, **kwargs))

    return made


report = _shown(composing.report)
