"""Sentences: an input that differs, and how far it was tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from week2kit.canonical import clean
from week2kit.record.verdict import Cause
from week2kit.sentences.factors import factor_name, short_value
from week2kit.sentences.statement import part, short, shown


def describe_cause(cause: Cause) -> str:
    """An input that differs, its factor, both values, and how far it was tested."""
    proof = {"restored": PROVEN, "provoked": "changing it makes the difference"}
    told = proof.get(cause.proof, "observed, not tested")
    match cause.input, cause.recorded, cause.now:
        case "seed", _, _:
            own = f"{_shown_part(cause.recorded, 'value')} ({_shown_part(cause.recorded, 'source')})"
            return f"seed: {shown(cause.now)} has no seed; that of the run, {own}, is not used for it ({told})."
        case "code", {"week2kit": _, "digest": _}, {"week2kit": _, "digest": _}:
            return f"code, {clean(cause.factor)}: {_code(cause.recorded, cause.now)} ({told})."
        case "code", str(before), str(now):
            return f"code, your module {clean(cause.factor)}: recorded {short(before)}, here {short(now)} ({told})."
        case "data", None, None:
            return f"data, {clean(cause.factor)}: not the recorded one, and otherwise equal ({told})."
        case "data", {"kind": _} | None, {"kind": _} | None:
            return f"data, {clean(cause.factor)}: {_column(cause.recorded, cause.now)} ({told})."
    sides = f"recorded {short_value(cause.recorded)}, here {short_value(cause.now)}"
    return f"{cause.input}, {factor_name(cause.factor)}: {sides} ({told})."


PROVEN: Final = "restored: put back, it gives the recorded bits"


def _column(recorded: Any, now: Any) -> str:
    """What became of a column, from what is recorded of it and what it is here."""
    if now is None:
        return f"recorded as {_shown_part(recorded, 'kind')}, and not here"
    if recorded is None:
        return f"not recorded, and here as {_shown_part(now, 'kind')}"
    if recorded.get("name") != now.get("name"):
        return f"here it is named {_shown_part(now, 'name')}, with the same values"
    if recorded.get("kind") != now.get("kind"):
        return f"recorded as {_shown_part(recorded, 'kind')}, here {_shown_part(now, 'kind')}"
    missing = [_shown_part(side, "missing") for side in (recorded, now)]
    more = f" (missing: recorded {missing[0]}, here {missing[1]})" if missing[0] != missing[1] else ""
    return f"other {_shown_part(now, 'kind')} values than recorded{more}"


def _code(recorded: Any, now: Any) -> str:
    """Version, digest and other modules of the training code, and where the user's own project stood."""
    sides = [f"{_shown_part(side, 'week2kit')} ({short_value(side.get('digest'))})" for side in (recorded, now)]
    text = f"recorded {sides[0]}, here {sides[1]}"
    modules = [side.get("modules") for side in (recorded, now)]
    if all(isinstance(side, Mapping) for side in modules):
        text += f"; other modules: {shown(sorted(map(str, modules[0].keys() | modules[1].keys())))}"
    git = recorded.get("git")
    if isinstance(git, Mapping):
        dirty = " with uncommitted changes" if git.get("dirty") else ""
        text += f"; trained in a project at commit {short(git.get('commit'))}{dirty}"
    return text


def _shown_part(values: object, key: str) -> str:
    return shown(part(values, key))
