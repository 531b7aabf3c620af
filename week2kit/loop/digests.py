"""Digests of values, whatever library or file they came from: of a column, a row, an array."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from week2kit.canonical import sha256
from week2kit.record.manifest import Kind


def column_digest(name: str, kind: Kind, values: np.ndarray[Any, Any]) -> str:
    """The digest of one column: its name, its kind and its values, whatever library or file they came from.

    Numbers are int64 or float64, little-endian, -0.0 as 0.0 and one pattern for missing; a text is its length in
    bytes and its UTF-8, missing an impossible length.
    """
    head = f"{name}\0{kind}\0{len(values)}\0".encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(head)
    digest.update(text_bytes(values) if values.dtype.kind == "O" else number_bytes(values))
    return digest.hexdigest()


def number_bytes(values: np.ndarray[Any, Any]) -> memoryview:
    """int64 or float64 values as little-endian bytes; -0.0 as 0.0, every NaN as the same one."""
    if values.dtype.kind == "f":
        plain = values.astype("<f8") + 0.0  # -0.0 + 0.0 is 0.0
        plain[np.isnan(plain)] = np.nan
        return np.ascontiguousarray(plain).data.cast("B")
    return np.ascontiguousarray(values, dtype="<i8").data.cast("B")


def text_bytes(values: Iterable[Any]) -> bytes:
    """Texts (or missing) as length and UTF-8, one after the other."""
    codes, distinct = pd.factorize(np.asarray(values, dtype=object))
    encoded = np.empty(len(distinct) + 1, dtype=object)
    for position, value in enumerate(distinct):
        text = value.encode("utf-8", "surrogatepass")
        encoded[position] = len(text).to_bytes(8, "little") + text
    encoded[-1] = b"\xff" * 8  # what code -1, missing, looks up
    return b"".join(encoded[codes])


#: Rows that are hashed at a time: all that is needed for them stays in a processor's cache.
_HASHED_ROWS: Final = 1 << 14


def row_hashes(columns: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """A 64-bit number for each row of a table, the same for equal rows; to explain differences, not against forgers.

    Only values and the order of the columns count; no name is looked at. Every step maps 64 bits one to one (as
    SplitMix64 does), so that a single other number always gives its row another hash.
    """
    first, last, half = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(32)
    hashes = np.full(len(columns[0]), 0x9E3779B97F4A7C15, dtype=np.uint64)
    blocks = [slice(start, start + _HASHED_ROWS) for start in range(0, len(hashes), _HASHED_ROWS)]
    for column in columns:
        bits = _value_bits(column)
        for block in blocks:
            part = hashes[block]
            part ^= bits[block]
            part *= first
            part ^= part >> half
    for block in blocks:
        part = hashes[block]
        part ^= part >> np.uint64(29)
        part *= last
        part ^= part >> half
    return hashes


def unordered_digest(columns: Sequence[np.ndarray[Any, Any]]) -> str:
    """The sum of the hashes of all rows, as 16 hexadecimal digits: another order of rows gives the same."""
    return f"{int(row_hashes(columns).sum(dtype=np.uint64)):016x}"


def _value_bits(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """64 bits for each value: of a number its own, of a text the first of its SHA-256."""
    if values.dtype.kind == "O":
        codes, distinct = pd.factorize(values)
        heads = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8] for text in distinct]
        missing = b"\xff" * 8  # what code -1 looks up
        bits: np.ndarray[Any, Any] = np.frombuffer(b"".join([*heads, missing]), dtype="<u8")[codes]
        return bits
    return np.frombuffer(number_bytes(values), dtype="<u8")


def values_digest(values: np.ndarray[Any, Any]) -> str:
    """The digest of bare values: labels, positions or scores, with their shape."""
    shape = "x".join(map(str, values.shape)).encode()
    body = text_bytes(values.ravel()) if values.dtype.kind in "OU" else number_bytes(values)
    return sha256(shape + b"\0" + body)
