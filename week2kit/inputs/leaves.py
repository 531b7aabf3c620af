"""How two JSON values differ, leaf by leaf: the one answer that `verify`, `report` and the list of runs build on."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any, Final

from week2kit.canonical import UNCOUNTED, compact_json


class Absent(enum.StrEnum):
    """The place of a value where one of the two sides has none; JSON's null is a value, this is not."""

    ABSENT = "(not given)"


ABSENT: Final = Absent.ABSENT


def same_value(left: object, right: object) -> bool:
    """Whether two JSON values are the same, types included: ``1``, ``1.0`` and ``true`` are three values."""
    if type(left) is not type(right) or left != right:
        return False
    return not isinstance(left, dict | list | float) or compact_json(left) == compact_json(right)  # 0.0 is not -0.0


def differences(left: Any, right: Any, place: str = "", *, into_lists: bool = False) -> Iterator[tuple[str, Any, Any]]:
    """Each leaf in which two JSON values differ: its dotted place and both values, `ABSENT` where a side has none.

    The keys of `left` come first, then new ones. What is not there at all counts leaf by leaf; an object that is
    something else on the other side is a leaf, and so is a list unless `into_lists`.
    """
    old, new = _items(left, into_lists), _items(right, into_lists)
    if (not old and not new) or old is None or new is None or isinstance(left, list) is not isinstance(right, list):
        if not same_value(left, right):
            yield place, left, right
        return
    for key in dict.fromkeys([*old, *new]):
        inner = f"{place}.{key}" if place else key
        yield from differences(old.get(key, ABSENT), new.get(key, ABSENT), inner, into_lists=into_lists)


def _items(value: Any, into_lists: bool) -> Mapping[str, Any] | None:
    if into_lists and isinstance(value, list):
        return {str(position): item for position, item in enumerate(value)}
    return value if isinstance(value, Mapping) else {} if value is ABSENT else None


def config_leaves(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a config that count, dotted, with their values; lists are leaves."""
    return {key: value for key, value, _ in config_differences(config, {})}


def config_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """As `differences`, sorted, of what counts in two configs: for what else they hold, `UNCOUNTED` says why not."""
    left, right = ({key: config[key] for key in config.keys() - UNCOUNTED.keys()} for config in (before, after))
    return sorted((found for found in differences(left, right) if found[0] not in UNCOUNTED), key=itemgetter(0))
