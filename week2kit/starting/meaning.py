"""Meaning: how the cells of a table are to be read, where they do not say it themselves; what a config says under data.

What a person means is proposed and told, with the cells that speak for it; a wrong guess is one line of the config.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from week2kit.errors import StageError
from week2kit.inputs.changes import Statement

if TYPE_CHECKING:
    import pandas as pd

    from week2kit.loop.reading import Read, Reader


def read_as(content: bytes, reader: Reader, form: Mapping[str, Any]) -> Read:
    """The table in the bytes of a file as a form (keys of `data` in a config) has it."""
    from week2kit.config.form import ColumnForm, FileData
    from week2kit.loop.reading import read_file

    columns = {name: ColumnForm(**value) for name, value in form.get("columns", {}).items()}
    keys = {**form, "columns": columns or None}
    return read_file(content, reader, data=FileData(path="-", target="-", **keys) if form else None)


def first_form(content: bytes, reader: Reader) -> tuple[Read, dict[str, Any], tuple[Statement, ...]]:
    """A table, the form in which it is read whatever is to be learnt from it, and what was seen for that.

    Raises:
        StageError: no table can be read from it.
    """
    form: dict[str, Any] = {}
    said: list[Statement] = []
    try:
        read = read_as(content, reader, form)
    except StageError as error:
        if error.code != "file.not_text":
            raise
        form["encoding"] = "cp1252"  # the commonest of all that are no UTF-8
        read = read_as(content, reader, form)
        said.append(Statement("data.encoding", {"value": "cp1252"}))
    if told := {key: value for key, value in read.told.items() if key != "encoding" or "encoding" not in form}:
        said.append(Statement("file_form", {"told": told}))
    marks, columns = dict[str, dict[str, int]](), dict[str, dict[str, Any]]()
    for name, found in _numbers(read):
        for text, rows in found.markers:
            marks.setdefault(text, {})[name] = rows
        if found.form is not None:
            columns[name] = found.form.model_dump(exclude_none=True)
            said.append(Statement("data.columns.number", {"column": name, "cell": found.example[0], **columns[name]}))
    for name, cell in _codes(read):
        columns[name] = {"type": "text"}
        said.append(Statement("data.columns.text", {"column": name, "cell": cell}))
    if marks:
        said.insert(0, Statement("data.missing", {"marks": marks}))
        form["missing"] = list(marks)
    if columns:
        form["columns"] = columns
    return (read_as(content, reader, form) if marks or columns else read), form, tuple(said)


def _numbers(read: Read) -> Iterator[tuple[str, Any]]:
    """The columns that are numbers for the most part, each with what is to be said of it."""
    from week2kit.loop.cells import numbers_as_text
    from week2kit.loop.data import typed

    separator = read.text.separator if read.text is not None else ","
    for position, name in enumerate(map(str, read.frame.columns)):
        series = read.frame.iloc[:, position]
        if series.dtype.kind in "OTU" or str(series.dtype) in ("str", "string"):
            try:
                kind, values = typed(series, name)
            except StageError:
                continue
            if kind == "text" and (found := numbers_as_text(values, separator)):
                yield name, found


def _codes(read: Read) -> Iterator[tuple[str, str]]:
    """The columns of whole numbers that the file writes with a zero before them, each with such a cell."""
    from week2kit.loop.reading import leading_zeros

    whole = [str(name) for name in read.frame.columns if read.frame[name].dtype.kind == "i"]
    yield from leading_zeros(read, whole).items()


def form_for_target(
    read: Read, form: Mapping[str, Any], target: str, features: Sequence[str], again: Callable[[dict[str, Any]], Read]
) -> tuple[dict[str, Any], tuple[Statement, ...]]:
    """The form in which a target is learnt: which texts are kept as values, and whether rows without one are left out.

    Args:
        read: the table as it was read.
        form: the form so far.
        target: the column to be predicted.
        features: the other columns that are looked at.
        again: reads the table in another form.
    """
    import numpy as np
    import pandas as pd

    from week2kit.loop.data import typed
    from week2kit.loop.misreading import looks_like_value, tells_of_target
    from week2kit.loop.reading import texts_of_gaps

    found, said, kept = dict(form), list[Statement](), set[str]()
    frame = _with_text_names(read)
    texts = texts_of_gaps(read, frame, [target, *features])
    kind, values = typed(frame[target], target)
    if kind == "text" and (why := looks_like_value(texts.get(target, {}), values)):
        words = _words(texts[target], why)
        said.append(Statement("data.keep_text.target", {"column": target, "texts": words}))
        kept |= words.keys()
        frame = _with_text_names(again({**form, "keep_text": sorted(kept)}))
        values = typed(frame[target], target)[1]
    there = ~pd.isna(values)
    truth = (pd.factorize(values)[0] if kind == "text" else values)[there]
    classes = kind in ("text", "bool") or len(pd.unique(truth)) == 2
    for name in features:
        if name not in texts:
            continue
        try:
            of, cells = typed(frame[name], name)
        except StageError:
            continue
        if of != "text":
            continue
        decides = tells_of_target(pd.isna(cells[there]), truth, classes=classes)
        if why := "decides" if decides else looks_like_value(texts[name], cells):
            words = _words(texts[name], why)
            said.append(Statement(f"data.keep_text.{why}", {"column": name, "texts": words}))
            kept |= words.keys()
    if kept:
        found["keep_text"] = sorted(kept)
    if rows := int(np.count_nonzero(~there)):
        said.append(Statement("data.drop_missing_target", {"column": target, "rows": rows, "of": len(frame)}))
        found["drop_missing_target"] = True
    return found, tuple(said)


def _with_text_names(read: Read) -> pd.DataFrame:
    return read.frame.set_axis([*map(str, read.frame.columns)], axis=1)


def _words(texts: Mapping[str, int], why: str) -> dict[str, int]:
    """The texts that are kept, with their rows."""
    wanted = {"word": ("None",), "code": ("NA",)}.get(why)
    return {text: rows for text, rows in texts.items() if wanted is None or text in wanted}
