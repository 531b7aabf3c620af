"""From a `Report` to a document: what is computed and ordered is worded, rounded, escaped and laid out here."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, assert_never

from week2kit.canonical import clean
from week2kit.errors import PicturesUnavailable, ReportError
from week2kit.record.files import refuse_place
from week2kit.rendering.blocks import document_as_markdown
from week2kit.rendering.files.beside import next_configs, next_paths, picture_links
from week2kit.rendering.files.reports import MARKER, ChangedMeanwhile, content_of, write_report
from week2kit.rendering.files.words import (
    NO_WORDS,
    TEXT_LINE_BYTES,
    Kept,
    Words,
    insert,
    kept,
    read_words,
    room,
    why_keep,
    with_text_line,
    words_beside,
)
from week2kit.rendering.sections.whole import compose
from week2kit.reporting.values import Report
from week2kit.thresholds import SAVE_ATTEMPTS

#: What a report is written as: Markdown, a page, or its value.
Kind: TypeAlias = Literal["md", "html", "json"]


def render(
    report: Report,
    words: Words = NO_WORDS,
    *,
    full: bool = False,
    pictures: Mapping[str, str] | None = None,
    next_files: Sequence[str] = (),
) -> str:
    """The report as GitHub-flavoured Markdown with LF line ends; the same report and words give the same text.

    A text that would be longer than `thresholds.REPORT_BYTES` leaves out parts, and says which, unless it shall be
    `full`.


    Args:
        report: what is told.
        words: what a person wrote, by the key of its place (`read_words`); it is put in as it is.
        full: leave out nothing, however long it becomes.
        pictures: where each drawn picture is found, by its file name, as `drawing.draw` names them; without, and for
            those that are not drawn, pictures are text.
        next_files: where the proposed experiments are written (`next_paths`); without, the report shows the first.

    Raises:
        ReportError: the template cannot be found or rendered.
    """
    commands = [shlex.join(["week2kit", "train", path]) for path in next_files]
    blocks, links = compose(report, words, commands), pictures or {}
    text = f"{MARKER}\n{document_as_markdown(blocks, links)}"
    if not full and len(text.encode()) > (limit := room(words) - TEXT_LINE_BYTES):
        from week2kit.rendering.shortening import shorten

        text = f"{MARKER}\n{document_as_markdown(shorten(blocks, links, limit - len(MARKER) - 1), links)}"
    return with_text_line(insert(text, words))


def document(
    report: Report,
    kind: Kind = "md",
    *,
    template: Path | None = None,
    full: bool = False,
    output: Path | None = None,
    pictures: Mapping[str, str] | None = None,
) -> str:
    """The report as what somebody asked for; words that the file `output`, or the Markdown beside it, holds are kept.

    Args:
        report: what is told.
        kind: Markdown, one page of HTML, or the value as JSON.
        template: a template of the person's own, in place of ours.
        full: leave out nothing, however long it becomes.
        output: the file that it is for; None: standard output.
        pictures: drawn pictures as SVG by file name: Markdown refers to them in the folder beside `output`, a page
            holds them. Without, pictures are text.

    Raises:
        ReportError: the template cannot be found or filled, or the words cannot be read.
    """
    if template is not None:
        from week2kit.rendering.custom import fill_custom, is_html

        if is_html(template):
            return fill_custom(template, report, _words_for_other(output, "a page"))
        return fill_custom(template, report, read_words(output) if output else NO_WORDS)
    match kind:
        case "md":
            links = picture_links(output, pictures) if output is not None and pictures else None
            words = read_words(output) if output is not None else NO_WORDS
            next_files = next_paths(output, report.proposal) if output is not None else ()
            return render(report, words, full=full, pictures=links, next_files=next_files)
        case "html":
            from week2kit.rendering.page import make_page

            words = _words_for_other(output, "a page")
            return make_page(compose(report, words), words, pictures)
        case "json":
            from week2kit.rendering.structured import to_json

            _words_for_other(output, "JSON")
            return to_json(report)
        case _:
            assert_never(kind)


def kind_of(path: Path) -> Kind:
    """What a file is to hold, by its name: a page in ``.html``, the value in ``.json``, else Markdown."""
    match path.suffix.lower():
        case ".html":
            return "html"
        case ".json":
            return "json"
        case _:
            return "md"


def save(
    report: Report,
    path: Path,
    kind: Kind = "md",
    *,
    template: Path | None = None,
    full: bool = False,
    pictures: Mapping[str, str] | None = None,
) -> Kept | None:
    """Write the `document` to a file; pictures and the next configs of a report in Markdown go beside it.

    Returns:
        Where the replaced report was kept, as text outside of its places for words would be lost; None: nothing would.

    Raises:
        ReportError: it cannot be made, the file is there and is no report of week2kit, or it cannot be written.
    """
    if reason := refuse_place(path, lambda _: True, "a report"):
        raise ReportError(f"{clean(os.fspath(path))}: {reason}")
    for attempt in range(SAVE_ATTEMPTS):
        with contextlib.suppress(*[ChangedMeanwhile] if attempt < SAVE_ATTEMPTS - 1 else []):
            return _save(report, path, kind, template, full=full, pictures=pictures)
    raise AssertionError("the last attempt returns or raises")


def _save(
    report: Report, path: Path, kind: Kind, template: Path | None, *, full: bool, pictures: Mapping[str, str] | None
) -> Kept | None:
    """As `save`, unless somebody else writes the file meanwhile: words and what is kept are those that it held."""
    has_folder, before = kind == "md" and template is None, content_of(path)
    text = document(report, kind, template=template, full=full, output=path, pictures=pictures)
    why = why_keep(path, any_report=has_folder)
    old = write_report(
        path,
        text,
        {**(pictures or {}), **next_configs(report.proposal)} if has_folder else None,
        keep=before if why else None,
        unchanged=lambda: content_of(path) == before,
    )
    return kept(path, old, why) if old is not None else None


def draw_if_possible(report: Report) -> tuple[dict[str, str], str]:
    """The pictures of a report as SVG by file name, or none, and why they cannot be drawn."""
    from week2kit.rendering.pictures.drawing import draw

    try:
        return draw(report), ""
    except PicturesUnavailable as error:
        return {}, str(error)


def _words_for_other(output: Path | None, what: str) -> Words:
    """The words for a document that is not Markdown, and so keeps none itself."""
    return NO_WORDS if output is None else words_beside(output, what)
