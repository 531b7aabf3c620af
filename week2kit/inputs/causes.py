"""Which inputs differ, and in what: from what was recorded and what a rerun found to causes. Values in, values out.

Everything here is only observed: that an input differs does not prove that the outcome differs because of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from week2kit.inputs.leaves import ABSENT, differences
from week2kit.record.code import alike, same_code
from week2kit.record.manifest import Code, Column, Data, Environment, Seed
from week2kit.record.verdict import Cause
from week2kit.thresholds import LISTED_KEYS

# --- data -------------------------------------------------------------------------------------------------------


def data_causes(old: Data, new: Data) -> list[Cause]:
    """What differs between the recorded table and another one, as far as digests tell.

    The factors are ``rows`` (their number), ``order of rows``, ``order of columns``, and ``column NAME`` with what is
    recorded of it on both sides; null where it is not there.
    """
    if old.table_digest == new.table_digest:
        return []
    if old.unordered_digest is not None and old.unordered_digest == new.unordered_digest and _alike(old, new):
        return _same_values(old, new)
    before, after = _by_role(old.columns), _by_role(new.columns)
    same_rows = old.rows == new.rows  # with others every column has another digest, which says nothing of it
    causes = [] if same_rows else [_cause("rows", old.rows, new.rows)]
    for key in dict.fromkeys([*before, *after]):
        left, right = before.get(key), after.get(key)
        if left is None or right is None or left.kind != right.kind or (same_rows and left.digest != right.digest):
            causes.append(_column_cause(left, right))
    common = before.keys() & after.keys()
    shared = [[column.name for key, column in side.items() if key in common] for side in (before, after)]
    if shared[0] != shared[1] or not causes:
        causes.append(_cause("order of columns", *shared))
    return causes


def _alike(old: Data, new: Data) -> bool:
    return old.rows == new.rows and len(old.columns) == len(new.columns)


def _same_values(old: Data, new: Data) -> list[Cause]:
    """Of tables with the same rows in some order: columns of another name or kind, and whether the order differs."""
    pairs = list(zip(old.columns, new.columns, strict=True))
    causes = [_column_cause(left, right) for left, right in pairs if _form(left) != _form(right)]
    if any(left.digest != right.digest for left, right in pairs if _form(left) == _form(right)):
        causes.append(_cause("order of rows", None, None))
    return causes


def _form(column: Column) -> tuple[str, str, str]:
    return column.role, column.name, column.kind


def _key(column: Column) -> tuple[str, str]:
    return column.role, column.name


def _by_role(columns: Iterable[Column]) -> dict[tuple[str, str], Column]:
    return {_key(column): column for column in columns}


def _column_cause(left: Column | None, right: Column | None) -> Cause:
    named = left or right
    assert named is not None
    return _cause(f"column {named.name}", *(side and side.model_dump() for side in (left, right)))


def _cause(factor: str, recorded: Any, now: Any) -> Cause:
    return Cause(input="data", factor=factor, recorded=recorded, now=now, proof="observed")


# --- code -------------------------------------------------------------------------------------------------------


class Here(BaseModel):
    """What is in force in the processes that train again: the environment, and the code that trains.

    `code` is the digest of the training modules, `modules` that of each, and `week2kit` the version. `libraries` are
    the distributions behind each module that the caller allows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    environment: Environment
    code: str
    modules: dict[str, str] = {}
    week2kit: str = ""
    libraries: dict[str, list[str]] = {}


def code_causes(recorded: Code, here: Here, *, exactly: bool = False) -> list[Cause]:
    """That code trains here which computes otherwise, and which modules differ; a version alone changes nothing.

    Both values hold ``week2kit`` (the version), ``digest``, and ``modules``: the digests of those that differ, null
    where a record does not name them. The recorded one also has the state of the user's own project.

    Args:
        recorded: the code that trained.
        here: the code that trains again.
        exactly: whether code that computes alike counts, too: it may say, refuse and store things otherwise.
    """
    if recorded.digest == here.code or (not exactly and same_code(recorded.digest, here.code)):
        return []
    modules: tuple[Any, Any] = (None, None)
    if recorded.modules is not None:
        sides = alike(recorded.modules, here.modules)
        modules = differing_leaves(*sides, limit=sum(map(len, sides)))
    git = recorded.git and recorded.git.model_dump()
    before = {"week2kit": recorded.week2kit, "digest": recorded.digest, "modules": modules[0], "git": git}
    now = {"week2kit": here.week2kit, "digest": here.code, "modules": modules[1]}
    return [Cause(input="code", factor="week2kit", recorded=before, now=now, proof="observed")]


# --- config -----------------------------------------------------------------------------------------------------


def differing_leaves(recorded: Any, now: Any, limit: int = LISTED_KEYS) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first leaves of two JSON values that differ, by their dotted place; one that is not there has no key."""
    found = list(itertools.islice(differences(recorded, now, into_lists=True), limit))
    left, right = ({place: sides[side] for place, *sides in found if sides[side] is not ABSENT} for side in (0, 1))
    return left, right


# --- seed -------------------------------------------------------------------------------------------------------


def seed_causes(seed: Seed, unseeded: Sequence[str]) -> list[Cause]:
    """The estimators (or the split) that draw without a seed, beside the seed that the run has."""
    recorded = seed.model_dump()
    return [Cause(input="seed", factor="unset", recorded=recorded, now=name, proof="observed") for name in unseeded]
