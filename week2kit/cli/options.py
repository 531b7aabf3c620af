"""Options that several commands have, and what was given of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from week2kit.canonical import clean

AllowModule = Annotated[
    list[str] | None,
    typer.Option(help="Also allow estimators of this top-level module; its code is imported.", metavar="MODULE"),
]
MaxDataBytes = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Bytes that the data may have, and unpack to.",
        metavar="BYTES",
        show_default="8 GiB, and 1 GiB unpacked",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def output_option(help_text: str) -> Any:
    """The option -o, which names a file."""
    return typer.Option("-o", "--output", parser=_file_name, metavar="FILE", help=help_text)


def _file_name(text: str) -> Path:
    """The file that -o names; a path would forget that its name ended as one of a folder."""
    if not text or text.endswith(("/", os.sep)):
        raise typer.BadParameter(f'expected the name of a file, got "{clean(text)}".')
    return Path(text)


def given_options(context: typer.Context, *names: str) -> list[str]:
    """The options that were given, of those with these names, as words."""
    words: list[str] = []
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            value = context.params[parameter.name]
            option = max(parameter.opts, key=len)
            for one in value if isinstance(value, list | tuple) else [value]:
                words += [option] if one is True else [option, str(one)]
    return words
