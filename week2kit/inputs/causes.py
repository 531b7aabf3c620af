"""Which inputs differ, and in what: from what was recorded and what a rerun found to causes. Values in, values out.

Everything here is only observed: that an input differs does not prove that the outcome differs because of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from week2kit.inputs.leaves import ABSENT, differences
from week2kit.inputs.tables import table_differences
from week2kit.record.code import alike, same_code
from week2kit.record.manifest import Code, Column, Data, Environment, FoundData, FoundFile, Seed
from week2kit.record.verdict import Cause
from week2kit.thresholds import LISTED_KEYS

# --- data -------------------------------------------------------------------------------------------------------


def data_causes(old: Data, new: Data) -> list[Cause]:
    """What differs between the recorded table and another one, as far as digests tell.

    The factors are ``rows`` (their number), ``order of rows``, ``order of columns``, and ``column NAME`` with what is
    recorded of it on both sides; null where it is not there.
    """
    return [
        Cause(input="data", factor=one.factor, recorded=recorded, now=now, proof="observed")
        for one in table_differences(old, new)
        for recorded, now in [(None, None) if one.what == "order of rows" else map(_recorded, (one.left, one.right))]
    ]


def other_file(old: FoundData, new: FoundData) -> tuple[FoundFile, FoundFile]:
    """The recorded file and the one here, of the first whose bytes are others; of the data file where all are equal."""
    pairs = zip(old.files, new.files, strict=False)
    return next((pair for pair in pairs if pair[0].sha256 != pair[1].sha256), (old, new))


def other_bytes(old: FoundData, new: FoundData) -> Cause:
    """That a file holds other bytes, where no more can be told of them."""
    recorded, now = (file.sha256 for file in other_file(old, new))
    return Cause(input="data", factor="bytes", recorded=recorded, now=now, proof="observed")


def _recorded(side: Any) -> Any:
    return side.model_dump() if isinstance(side, Column) else side


# --- code -------------------------------------------------------------------------------------------------------


class Here(BaseModel):
    """What is in force in the processes that train again: the environment, and the code that trains.

    `code` is the digest of the training modules, `modules` that of each, and `week2kit` the version. `libraries` are
    the distributions behind each module that the caller allows; `own` the digests of those that are the person's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    environment: Environment
    code: str
    modules: dict[str, str] = {}
    week2kit: str = ""
    libraries: dict[str, list[str]] = {}
    own: dict[str, str] = {}


def code_causes(recorded: Code, here: Here, *, exactly: bool = False) -> list[Cause]:
    """That code trains here which computes otherwise, and which modules differ; a version alone changes nothing.

    Both values hold ``week2kit`` (the version), ``digest``, and ``modules``: the digests of those that differ, null
    where a record does not name them. The recorded one also has the state of the user's own project.

    Args:
        recorded: the code that trained.
        here: the code that trains again.
        exactly: whether code that computes alike counts, too: it may say, refuse and store things otherwise.
    """
    own = _own_causes(recorded, here)
    if recorded.digest == here.code or (not exactly and same_code(recorded.digest, here.code)):
        return own
    modules: tuple[Any, Any] = (None, None)
    if recorded.modules is not None:
        sides = alike(recorded.modules, here.modules)
        modules = differing_leaves(*sides, limit=sum(map(len, sides)))
    git = recorded.git and recorded.git.model_dump()
    before = {"week2kit": recorded.week2kit, "digest": recorded.digest, "modules": modules[0], "git": git}
    now = {"week2kit": here.week2kit, "digest": here.code, "modules": modules[1]}
    return [Cause(input="code", factor="week2kit", recorded=before, now=now, proof="observed"), *own]


def _own_causes(recorded: Code, here: Here) -> list[Cause]:
    """The person's own modules that are other ones here; one that is not allowed here has been told before."""
    return [
        Cause(input="code", factor=name, recorded=digest, now=here.own[name], proof="observed")
        for name, digest in sorted((recorded.own or {}).items())
        if here.own.get(name, digest) != digest
    ]


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
