"""Another value for some keys of a config: ``--set key.path=value``, and another seed wherever the old one went."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, Final

from week2kit.canonical import MAX_JSON_DEPTH, JsonError, clean, drop_keys, parse_json
from week2kit.config.form import FLAT_ALIASES, Config, FlatConfig
from week2kit.config.reading import is_flat, parse_config
from week2kit.config.slips import json_spelling
from week2kit.errors import ConfigError, UsageError


def override(value: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """A copy of a config object with ``key.path=value`` assignments applied, the value read as JSON, else as text.

    A new ``seed`` also replaces every ``random_state`` that followed the old one, so that a resolved config can be
    trained again with another seed.

    Raises:
        ConfigError: an assignment has no ``=``, or its path leads through something that is no object.
        UsageError: a value begins as a list or an object does, and is no JSON.
    """
    result: dict[str, Any] = json.loads(json.dumps(value))
    for assignment in assignments:
        path, separator, text = assignment.partition("=")
        if path.startswith("'") and text.endswith("'"):
            doubled = assignment[1:-1].replace('"', '\\"')
            raise UsageError(
                f"--set {clean(assignment, 100)}: the shell left the single quotes where they are, as cmd.exe does; "
                f'there write --set "{clean(doubled, 1000)}"'
            )
        keys = path.strip().split(".")
        if len(keys) > MAX_JSON_DEPTH:
            raise ConfigError([f"--set {clean(path, 60)}: it leads deeper than {MAX_JSON_DEPTH} levels"])
        if not separator or not all(keys):
            raise ConfigError([f'--set: expected key=value, got "{clean(assignment)}"'])
        if is_flat(result):
            result = _without_alias(result, keys[0])
            if keys[0] not in FlatConfig.model_fields and keys[0] != "input":
                result = parse_config(result).as_json()
        new = _assigned(path, text)
        if keys == ["seed"] and isinstance(result.get("seed"), int):
            _reseed(result, result["seed"], new)
        _assign(result, keys, new, path)
    return result


def repeat_seeds(seed: int, count: int) -> list[int]:
    """The seeds of a run's repeats: those that follow its own."""
    return [(seed + step) % 2**32 for step in range(1, count + 1)]


def reseeded(config: Config, seed: int) -> Config:
    """A resolved config with another seed, wherever the old one went: in the split and in every ``random_state``."""
    return parse_config(override(config.as_json(), [f"seed={seed}"]))


def _without_alias(value: dict[str, Any], key: str) -> dict[str, Any]:
    """A flat config without the other name of a key that is set: it would contradict the new value."""
    other = {**FLAT_ALIASES, **{name: alias for alias, name in FLAT_ALIASES.items()}}.get(key)
    return value if key == "seed" else drop_keys(value, (other,)) if other else value


def _assigned(path: str, text: str) -> Any:
    try:
        return parse_json(text.encode("utf-8", "surrogatepass"))
    except JsonError:
        if text.lstrip().startswith(("[", "{")):  # nobody means a text by it: a shell took the double quotes away
            raise UsageError(_unquoted(path, text)) from None
        spelt = None if _TEXTS.fullmatch(path.strip()) else json_spelling(text)
        if spelt is not None:
            raise UsageError(_misspelt(path, text, spelt)) from None
        return text


#: The keys whose values are texts, whatever they look like.
_TEXTS: Final = re.compile(
    r"goal|hypothesis|positive|input|input_csv|label_col|data\.(path|target|dataset)|data\.(features|drop)\.\d+"
    r"|metrics\.\d+|split\.groups|preprocess\.\d+\.columns(\.\d+)?"
)


def _misspelt(path: str, text: str, spelt: str) -> str:
    """What to write for a value that Python writes otherwise than JSON: nobody means the text "False" by it."""
    if spelt.startswith('"'):  # cmd.exe of Windows hands single quotes on
        spelt, why = json.loads(spelt), "the quotes are part of the value"
    else:
        why = f"JSON, and so --set, writes {clean(spelt, 100)}"
    as_text = f"{path}={json.dumps(text, ensure_ascii=False)}"
    return (
        f"--set {clean(f'{path}={text}', 100)}: {why}: --set {shlex.quote(clean(f'{path}={spelt}', 1000))}. If the "
        f"text itself is meant: --set {shlex.quote(clean(as_text, 1000))}"
    )


#: A word without quotes, or in quotes that are not JSON's: what an editor or a chat program makes of straight ones.
_WORD: Final = re.compile(r"""(?<![\w.])["'\u2018-\u201f]?([A-Za-z_][\w.-]*)["'\u2018-\u201f]?|(?<![\w.])\.\d+""")


def _mended(found: re.Match[str]) -> str:
    """A word in double quotes, or as JSON writes it: true, false, null, and a number that begins with a point."""
    if found[1] in ("true", "false", "null", "True", "False", "None", None):
        return json_spelling(found[1] or found[0]) or found[1]
    return f'"{found[1]}"'


def _unquoted(path: str, text: str) -> str:
    said = (
        f"--set {clean(f'{path}={text}', 100)}: expected JSON, and this is none: did the shell take the quotes away? "
        "Put single quotes around it"
    )
    mended = _WORD.sub(_mended, text)
    try:
        parse_json(mended.encode("utf-8", "surrogatepass"))
    except JsonError:
        return f"""{said}, and double quotes around each text in it: --set 'KEY=["a", "b"]'"""
    return f"{said}: --set {shlex.quote(clean(f'{path}={mended}', 1000))}"


def _assign(target: Any, keys: list[str], new: Any, path: str) -> None:
    for position, key in enumerate(keys):
        last = position == len(keys) - 1
        if isinstance(target, list):
            if not key.isdecimal() or int(key) >= len(target):
                raise ConfigError([f'--set {clean(path)}: "{clean(key)}" is no position in that list'])
            key = int(key)  # type: ignore[assignment]
        elif not isinstance(target, dict):
            raise ConfigError([f'--set {clean(path)}: "{clean(".".join(keys[:position]))}" is no object'])
        elif isinstance(target.get(key), str) and key == "model" and not last:
            target[key] = {"class": target[key]}
        if last:
            target[key] = new
        elif isinstance(target, dict):
            target = target.setdefault(key, {})
        else:
            target = target[key]


def _reseed(value: Any, old: int, new: Any) -> None:
    if isinstance(value, dict):
        if type(value.get("random_state")) is int and value["random_state"] == old:
            value["random_state"] = new
        for item in value.values():
            _reseed(item, old, new)
    elif isinstance(value, list):
        for item in value:
            _reseed(item, old, new)
