"""What every template has: its filters, and how it is read. A person's own templates are `custom`'s."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from week2kit.canonical import clean
from week2kit.errors import ReportError
from week2kit.rendering import markdown
from week2kit.rendering.files.words import lesson, place
from week2kit.rendering.markdown import Markdown
from week2kit.resources import templates_directory

#: What a template may call on a value.
FILTERS: Final[Mapping[str, Callable[..., Markdown]]] = {**markdown.FILTERS, "place": place, "lesson": lesson}

#: How every template is read, ours and a person's.
SETTINGS: Final[Mapping[str, Any]] = {
    "undefined": StrictUndefined,
    "optimized": False,  # a template is rendered once, and folding its constants costs more than it saves
    "autoescape": True,  # in Markdown it marks the output of macros only; the escaping itself is that of `finalize`
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
}


def fill_page(name: str, **values: Any) -> str:
    """A template of a page; what it prints is escaped as HTML, unless it is `Markup`.

    Raises:
        ReportError: the template cannot be found or rendered.
    """
    environment = SandboxedEnvironment(loader=FileSystemLoader(templates_directory()), **SETTINGS)
    try:
        return environment.get_template(name).render(**values)
    except TemplateError as error:
        raise ReportError(f"{name}: the page template cannot be rendered: {clean(str(error))}.") from None
