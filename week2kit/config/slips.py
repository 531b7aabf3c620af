"""Slips: what a person wrote for JSON or TOML that is none, told by what to write instead."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from typing import Final

#: Longer texts are no slip of one value.
_LONGEST: Final = 200

#: What to do about a backslash, of paths and of regular expressions.
TWICE: Final = "a backslash is written twice (\\\\ for \\); in a path write /, which works on Windows, too"

_WORDS: Final = {"true": "true", "false": "false", "none": "null", "null": "null"}


def json_spelling(text: str) -> str | None:
    """How JSON writes what stands there as Python, R or YAML write it: ``False``, ``None``, ``.5``, ``(1, 2)``.

    None where it is JSON already, or no value that is written so.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return None
    if text.lower() in _WORDS:
        word = _WORDS[text.lower()]
        return None if text in (word, "none") else word  # "none" is a text: of preprocess, of weights
    if re.fullmatch(r"[+-]?0\d+", text):
        return str(int(text))
    try:
        value = ast.literal_eval(text)
        spelt = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except Exception:  # it is no literal, or one that JSON has not: 1j, 1e999, {1, 2}
        return None
    try:
        return None if json.dumps(json.loads(text)) == json.dumps(value) else spelt
    except (ValueError, RecursionError):
        return spelt


def json_slip(text: bytes) -> str:
    """A common slip in a text that is no JSON, with its line and what to do; empty where it is none of these.

    Only for what a person wrote: the parser's own words name a place after the slip, which is often another line.
    """
    try:
        written = text.decode("utf-8-sig")
        json.loads(written)
    except json.JSONDecodeError as error:
        place, missing = error.pos, error.msg.startswith("Expecting ',' delimiter")
        if error.msg.startswith("Invalid \\"):
            return f"line {error.lineno} has a backslash in a text: {TWICE}"
    except (ValueError, RecursionError):
        return ""
    else:
        return ""
    if written[place : place + 1] == ",":  # where newer versions of Python see a comma that is too much
        place += 1
    before, after = written[:place].rstrip(), written[place:].lstrip()
    line = before.count("\n") + 1
    next_line = written.count("\n", 0, len(written) - len(after)) + 1
    if before.endswith(",") and after.startswith(("}", "]")):
        if line == next_line:
            return f"line {line} has a comma before the closing {after[0]}, and nothing between them: remove the comma"
        return f"line {line} ends with a comma, and nothing follows it: remove the comma"
    if after.startswith(("#", "//", "/*")):
        return f"line {next_line} holds a comment, and JSON has none: remove it, or write the config as TOML"
    if after.startswith(tuple("'\u2018\u2019\u201c\u201d")):
        return f'line {next_line} has the quotes {after[0]}, and JSON takes straight double quotes only: write "'
    if missing and line < next_line and after.startswith('"'):
        return f"line {line} has no comma at its end, and line {next_line} goes on with the next entry: add the comma"
    found = _value_at(written, len(written) - len(after))
    if spelt := json_spelling(found):
        word = ", which is Python's word" if found in ("True", "False", "None") else ""
        return f"line {next_line} has {found}{word}: JSON writes {spelt}"
    return ""


def _value_at(written: str, place: int) -> str:
    """The value without quotes that stands at a place in a text, or around it."""
    start = max(written.rfind(mark, 0, place) for mark in ":=,[{ \t\n") + 1
    found = re.match(r"\([^()\n]*\)|[^\s,\[\]{}\"']+", written[start:])
    return found[0] if found else ""


def toml_slip(text: bytes) -> str:
    """A common slip in a text that is no TOML, with its line and what to do; empty where it is none of these."""
    try:
        written = text.decode("utf-8-sig").replace("\r\n", "\n")
        tomllib.loads(written)
    except (ValueError, RecursionError) as error:
        said = str(error)
    else:
        return ""
    found = re.search(r"at line (\d+), column (\d+)", said)
    if found is None:
        return ""
    line, column = int(found[1]), int(found[2])
    if "Unescaped" in said or "hex value" in said:
        return f"line {line} has a backslash in a text: write the text in single quotes, or / for the backslash"
    row = written.splitlines()[line - 1 : line]
    value = _value_at(row[0], column - 1) if row else ""
    spelt = json_spelling(value)
    if spelt is None and value.lower() not in _WORDS:
        return ""
    if value.lower() in ("none", "null"):
        return f"line {line} has {value}, and TOML has no such value: leave the key out, or write the config as JSON"
    return f"line {line} has {value}: TOML writes {spelt}"
