"""The report as JSON, for other programs, and the JSON Schemas of that document and others.

Each named tuple is an object with its field names, each tuple a list, each number as the record holds it. The place of
a value that a run does not have is ``{"absent": true}``: JSON's null is a value that a config can hold.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, ForwardRef, Literal, cast, get_args, get_origin, get_type_hints

from week2kit.canonical import dump_json
from week2kit.inputs.leaves import Absent
from week2kit.record.manifest import Warned
from week2kit.reporting.values import Report

if TYPE_CHECKING:
    from pydantic import BaseModel

#: What moves the cursor or turns text around on a terminal; in JSON it can only stand in a string.
_CONTROL: Final = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_NO_CHARACTER: Final = re.compile("[\ud800-\udfff]")


def to_json(report: Report) -> str:
    """The report as one JSON document with sorted keys and LF; control characters are escaped."""
    text = _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", dump_json(_plain(report)))
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _plain(value: Any) -> Any:
    if isinstance(value, Absent):
        return {"absent": True}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    if isinstance(value, Warned):
        return _plain(value.model_dump())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


# --- schema -----------------------------------------------------------------------------------------------------


def json_schema(document: Literal["config", "manifest", "report", "verdict"]) -> dict[str, Any]:
    """The JSON Schema of a document that week2kit reads or writes, as pydantic writes it."""
    from pydantic import TypeAdapter

    from week2kit.config.command import CommandConfig
    from week2kit.config.form import Config, FlatConfig
    from week2kit.record.command import MANIFEST
    from week2kit.record.verdict import VerdictDocument

    adapters: dict[str, TypeAdapter[Any]] = {
        "config": TypeAdapter(Config | FlatConfig | CommandConfig),
        "manifest": MANIFEST,
        "report": TypeAdapter(report_model()),
        "verdict": TypeAdapter(VerdictDocument),
    }
    return adapters[document].json_schema(by_alias=True)


def report_model() -> type[BaseModel]:
    """A pydantic model that `to_json`'s documents fulfil; it is made when it is asked for, as that takes time."""
    return _model(Report, {})


def _model(named: type, made: dict[type, type[BaseModel]]) -> type[BaseModel]:
    """The model of a named tuple, with every field required and no other allowed."""
    from pydantic import ConfigDict, Field, create_model

    from week2kit.record import verdict

    if named not in made:
        made[named] = cast("type[BaseModel]", ForwardRef(named.__name__))  # until it is made: a report holds reports
        hints = get_type_hints(named, localns=vars(verdict) | vars(sys.modules[named.__module__]))
        told = _told(named)
        fields: dict[str, Any] = {
            name: (_annotation(hint, made), Field(description=told.get(name))) for name, hint in hints.items()
        }
        made[named] = create_model(
            named.__name__, __doc__=named.__doc__, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields
        )
    return made[named]


def _told(named: type) -> dict[str, str]:
    """What stands below the fields of a named tuple in its source, by field."""
    import ast
    import inspect

    (definition,) = ast.parse(inspect.getsource(named)).body
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _annotation(hint: Any, made: dict[type, type[BaseModel]]) -> Any:
    """An annotation in which every named tuple is its model."""
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        return _model(hint, made)
    arguments = get_args(hint)
    if not arguments or get_origin(hint) is Mapping:
        return hint
    parts = tuple(part if part is Ellipsis else _annotation(part, made) for part in arguments)
    return _rebuilt(hint, parts)


def _rebuilt(hint: Any, parts: tuple[Any, ...]) -> Any:
    from types import UnionType
    from typing import Literal, Union

    origin = get_origin(hint)
    if origin is Literal:
        return hint
    return Union[parts] if origin in (Union, UnionType) else origin[parts]  # noqa: UP007 - made at run time
