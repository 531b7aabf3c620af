"""A person's own template: Jinja2 over the `Report`, in a sandbox that reads two folders and changes nothing.

It has the filters of our own template and a few of Jinja2's that pick and order. Those that round, draw lots or turn
off escaping are left out, so that `number` alone rounds, and foreign text stays text.
"""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast, get_args

from jinja2 import ChoiceLoader, FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from week2kit.canonical import clean
from week2kit.errors import ReportError
from week2kit.record.files import read_regular
from week2kit.rendering import markdown
from week2kit.rendering.blocks import Kind, as_markdown, document_as_markdown, within
from week2kit.rendering.files.reports import MARKER
from week2kit.rendering.files.words import Words, insert, key_of, lesson, place
from week2kit.rendering.inline import as_html
from week2kit.rendering.markdown import Markdown, printed
from week2kit.rendering.pictures.contents import pictures_of
from week2kit.rendering.sections.whole import compose
from week2kit.reporting.values import Report
from week2kit.resources import templates_directory
from week2kit.thresholds import MAX_TEMPLATE_BYTES

#: What a template may call on a value.
FILTERS: Final[Mapping[str, Callable[..., Markdown]]] = {**markdown.FILTERS, "place": place, "lesson": lesson}

#: How a template is read.
SETTINGS: Final[Mapping[str, Any]] = {
    "undefined": StrictUndefined,
    "optimized": False,  # a template is rendered once, and folding its constants costs more than it saves
    "autoescape": True,  # in Markdown it marks the output of macros only; the escaping itself is that of `finalize`
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
}

#: Filters of Jinja2 that only pick, order and put together.
_PICKING: Final = (
    "batch", "capitalize", "count", "d", "default", "dictsort", "first", "groupby", "items", "last", "length", "list",
    "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "slice", "sort", "string",
    "title", "trim", "unique", "upper",
)  # fmt: skip
_GLOBALS: Final = ("cycler", "dict", "joiner", "namespace", "range")


def is_html(template: Path) -> bool:
    """Whether a template makes HTML, by its name: ``*.html``, ``*.htm``, or either with ``.j2`` or ``.jinja``."""
    name = template.name.lower()
    for ending in (".j2", ".jinja", ".jinja2"):
        name = name.removesuffix(ending)
    return name.endswith((".html", ".htm"))


def fill_custom(template: Path, report: Report, words: Words) -> str:
    """A person's template, filled with ``report``, ``words``, ``marker`` (our first line) and ``picture(kind, run)``.

    In Markdown ``section(kind)`` is a section of our own report, as in our ``report.md.j2``, and the places for words
    are those of our own report, and filled as there; in HTML what was written in a place is printed as paragraphs of
    text.

    Raises:
        ReportError: the template cannot be read or filled, with its line.
    """
    shown = clean(os.fspath(template))
    environment = _environment(template, words)
    try:
        text = environment.get_template(template.name).render(
            report=report,
            words=words,
            written=frozenset(words),
            marker=Markdown(MARKER),
            next_commands=[],
            picture=_pictures(report, in_html=is_html(template)),
            **({} if is_html(template) else {"section": _sections(report, words)}),
        )
    except ReportError:
        raise
    except TemplateSyntaxError as error:
        where = shown if error.name in (None, template.name) else clean(str(error.name))
        raise ReportError(f"{where}:{error.lineno}: the template is not valid: {_reason(error)}") from None
    except Exception as error:  # a template can raise anything that an expression can
        raise ReportError(
            f"{_place(error, template, shown)}: the template cannot be filled: {_reason(error)}"
        ) from None
    return text if is_html(template) else insert(text, words)


def _pictures(report: Report, *, in_html: bool) -> Callable[..., Markup]:
    """What a template calls to show a picture of a kind, and of a variant, as text: its heading, and its lines."""
    every: Mapping[tuple[str, str | None], str]
    every = {(picture.kind, picture.run): as_markdown(picture, {}) for picture in pictures_of(report)}

    def shown(kind: str, run: str | None = None) -> Markup:
        text = every.get((kind, run), "")
        return Markup("\n").join(map(as_html, text.split("\n\n", 1))) if in_html else Markdown(text)

    return shown


def _sections(report: Report, words: Words) -> Callable[[str], Markdown]:
    """What a template calls to have a section of our own report, by its kind."""
    document = compose(report, words)

    def shown(kind: str) -> Markdown:
        if kind not in get_args(Kind):
            raise ValueError(f"no section is called {clean(kind)}; there are {', '.join(get_args(Kind))}")
        return Markdown(document_as_markdown(within(document, cast("Kind", kind)), {}))

    return shown


def _reason(error: Exception) -> str:
    message = clean(str(getattr(error, "message", None) or error)) or "no reason given"
    told = message if isinstance(error, TemplateError) else f"{type(error).__name__}: {message}"
    return told.rstrip(".") + "."


def _place(error: Exception, template: Path, shown: str) -> str:
    """The innermost line of a template that an error went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(_SHOWN_AS)]
    if not frames:
        return shown
    name = frames[-1].filename.removeprefix(_SHOWN_AS)
    return f"{shown if name == template.name else clean(name)}:{frames[-1].lineno}"


# --- the sandbox ------------------------------------------------------------------------------------------------

#: What Jinja2 calls a template in a traceback, before its name.
_SHOWN_AS: Final = "<week2kit template> "


class _Generator(CodeGenerator):
    """Makes ``a ~ b`` print both sides first: Jinja2 itself would escape foreign text as HTML only."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja2 looks for this name
        self.write("environment.put_together((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox in which values have only their fields, and text has no methods."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "%", "*", "**"})

    def put_together(self, parts: Iterable[object]) -> Markup:
        assert self.finalize is not None
        return Markup("").join(map(self.finalize, parts))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        fields = getattr(obj, "_fields", None) or getattr(type(obj), "model_fields", None)
        if fields is not None:
            return attr in fields
        return not isinstance(obj, str) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """``format`` is a method of text as any other, so there is none."""

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, str) or isinstance(right, str):
            if operator == "+":
                return self.put_together((left, right))
            raise TypeError(f"text has no operator {operator} in a template")
        if operator in ("*", "**") and not all(
            isinstance(side, int) and abs(side) < 1_000_000 for side in (left, right)
        ):
            raise TypeError(f"{operator} is only for small whole numbers in a template")
        return super().call_binop(context, operator, left, right)


def _environment(template: Path, words: Words) -> _Environment:
    html = is_html(template)
    environment = _Environment(
        loader=ChoiceLoader(
            [
                FunctionLoader(partial(_load, template.parent, template)),
                FunctionLoader(partial(_load, templates_directory(), None)),
            ]
        ),
        finalize=_printed_as_html if html else printed,
        **SETTINGS,
    )
    environment.globals = {name: environment.globals[name] for name in _GLOBALS}
    ours = _filters_in_html(words) if html else dict(FILTERS)
    picking = {name: environment.filters[name] for name in _PICKING}
    assert environment.finalize is not None
    environment.filters = {**picking, "join": partial(_join, environment.finalize), **ours}
    return environment


def _join(show: Callable[[object], Markup], values: Iterable[object], separator: object = "") -> Markup:
    return show(separator).join(map(show, values))


def _printed_as_html(value: object) -> Markup:
    return value if isinstance(value, Markup) else as_html(printed(value))


def _filters_in_html(words: Words) -> dict[str, Callable[..., Markup]]:
    filters = {name: _in_html(function) for name, function in FILTERS.items()}
    places = {name: partial(_paragraphs, words, FILTERS[name]) for name in ("place", "lesson")}
    return {**filters, **places}


def _in_html(function: Callable[..., Markdown]) -> Callable[..., Markup]:
    return lambda *arguments: as_html(function(*arguments))


def _paragraphs(words: Words, place: Callable[[str], Markdown], name: str) -> Markup:
    """What was written in a place; a paragraph ends at an empty line, and a line end is a space."""
    written = words.get(key_of(place(name)), "")
    parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", written))
    return Markup("\n").join(Markup("<p>{}</p>").format(clean(part, len(part))) for part in parts if part)


def _load(folder: Path, template: Path | None, name: str) -> tuple[str, str, Callable[[], bool]] | None:
    """The source of a template that lies in `folder` itself or below; nothing that a link leads to is read."""
    named = template is not None and name == template.name
    path = folder / name
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
        return None
    try:
        if not named and path.resolve() != folder.resolve() / name:
            return None
        data = read_regular(path, MAX_TEMPLATE_BYTES, follow=named)
        return data.decode("utf-8-sig"), _SHOWN_AS + name, lambda: True
    except FileNotFoundError:
        if named:
            raise ReportError(f"{clean(os.fspath(path))}: the template cannot be read: no such file.") from None
        return None
    except OSError as error:
        raise ReportError(f"{clean(os.fspath(path))}: the template cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ReportError(f"{clean(os.fspath(path))}: the template is not UTF-8 text.") from None
