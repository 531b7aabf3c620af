"""What differs between two recorded tables, as far as digests tell: the one answer for `verify` and for `report`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from week2kit.record.manifest import Column, Data


class TableDifference(NamedTuple):
    """One thing in which two tables differ.

    Attributes:
        what: the number of rows, a column (other values, or on one side only), the form of a column (the same values as
            another kind), or an order.
        left, right: the numbers, the columns (None where there is none), the names in their order, or the two digests.
    """

    what: Literal["rows", "column", "form", "order of columns", "order of rows"]
    left: Any
    right: Any

    @property
    def factor(self) -> str:
        """What a cause or a change is called."""
        return self.what if self.what not in ("column", "form") else f"column {(self.left or self.right).name}"


def same_values(left: Column, right: Column) -> bool:
    """Whether two columns hold the same values; whole numbers may be written as floats on one side."""
    if left.kind == right.kind:
        return left.digest == right.digest
    return left.digest == right.as_float or left.as_float == right.digest


def table_differences(old: Data, new: Data) -> list[TableDifference]:
    """What differs between two tables: their rows, then columns in the order of the old table, then orders."""
    if old.table_digest == new.table_digest:
        return []
    same_rows = old.rows == new.rows
    if same_rows and len(old.columns) == len(new.columns) and old.unordered_digest == new.unordered_digest is not None:
        return list(_in_another_order(old, new))
    before, after = _by_role(old.columns), _by_role(new.columns)
    alone = {name: (role, name) for role, name in sorted(after.keys() - before.keys())}
    for role, name in sorted(before.keys() - after.keys()):  # a config may give a column another role
        if name in alone:
            after[role, name] = after.pop(alone.pop(name))
    found = [] if same_rows else [TableDifference("rows", old.rows, new.rows)]
    for key in dict.fromkeys([*before, *after]):
        left, right = before.get(key), after.get(key)
        # with other rows every column has another digest, which says nothing of it
        if left is None or right is None or left.kind != right.kind or (same_rows and left.digest != right.digest):
            found.append(_of_column(left, right))
    common = before.keys() & after.keys()
    orders = [[column.name for key, column in side.items() if key in common] for side in (before, after)]
    if orders[0] != orders[1] or not found:
        found.append(TableDifference("order of columns", *orders))
    return found


def _in_another_order(old: Data, new: Data) -> Iterator[TableDifference]:
    """Of tables with the same rows in some order: columns of another name or kind, and whether the order differs."""
    pairs = list(zip(old.columns, new.columns, strict=True))
    same_form = [(left.role, left.name, left.kind) == (right.role, right.name, right.kind) for left, right in pairs]
    yield from (_of_column(*pair) for pair, same in zip(pairs, same_form, strict=True) if not same)
    if any(left.digest != right.digest for (left, right), same in zip(pairs, same_form, strict=True) if same):
        yield TableDifference("order of rows", old.table_digest, new.table_digest)


def _by_role(columns: Iterable[Column]) -> dict[tuple[str, str], Column]:
    return {(column.role, column.name): column for column in columns}


def _of_column(left: Column | None, right: Column | None) -> TableDifference:
    same = left is not None and right is not None and left.name == right.name and same_values(left, right)
    return TableDifference("form" if same else "column", left, right)
