"""From the JSON of a manifest of any version to today's models: one deterministic step at a time, in memory only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from week2kit.canonical import clean
from week2kit.record.command import MANIFEST, RecordedCommand
from week2kit.record.manifest import SCHEMA_VERSION, Recorded


def _from_1(value: dict[str, Any]) -> dict[str, Any]:
    """Version 2 added the digest of each training module, and a checksum of the rows in any order."""
    inputs = value.get("inputs")
    if not isinstance(inputs, dict):  # validation says what is wrong with it
        return {**value, "schema_version": 2}
    code, data = inputs.get("code"), inputs.get("data")
    if isinstance(code, dict):
        inputs = {**inputs, "code": {"modules": None, **code}}
    if isinstance(data, dict) and "table_digest" in data:  # a failed run may have found its data, and read no table
        inputs = {**inputs, "data": {"unordered_digest": None, **data}}
    return {**value, "schema_version": 2, "inputs": inputs}


def _from_2(value: dict[str, Any]) -> dict[str, Any]:
    """Version 3 added the folds of repeats, of which version 2 had a place and no run had one."""
    outcome = value.get("outcome")
    metrics = outcome.get("metrics") if isinstance(outcome, dict) else None
    if not isinstance(outcome, dict) or not isinstance(metrics, dict):
        return {**value, "schema_version": 3}
    with_folds = {name: _with_folds(metric) for name, metric in metrics.items()}
    return {**value, "schema_version": 3, "outcome": {**outcome, "metrics": with_folds}}


def _with_folds(metric: Any) -> Any:
    if not isinstance(metric, dict) or not isinstance(metric.get("repeats"), list):
        return metric
    repeats = [{"folds": [], **item} if isinstance(item, dict) else item for item in metric["repeats"]]
    return {**metric, "repeats": repeats}


def _from_3(value: dict[str, Any]) -> dict[str, Any]:
    """Version 4 added what joblib counts, the decision function beside probabilities, and values not defined."""
    inputs, outcome = value.get("inputs"), value.get("outcome")
    environment = inputs.get("environment") if isinstance(inputs, dict) else None
    if isinstance(inputs, dict) and isinstance(environment, dict):
        value = {**value, "inputs": {**inputs, "environment": {"cpus": None, "jobs": None, **environment}}}
    predictions = outcome.get("predictions") if isinstance(outcome, dict) else None
    if isinstance(outcome, dict) and isinstance(predictions, dict):
        value = {**value, "outcome": {**outcome, "predictions": {"decision": None, **predictions}}}
    return {**value, "schema_version": 4}


def _from_4(value: dict[str, Any]) -> dict[str, Any]:
    """Version 5 added runs of a command; before, every run had a config."""
    return {"kind": "config", **value, "schema_version": 5}


#: From each older version to the next. A step takes and returns the whole JSON object and must not look at anything
#: else: the same old run must give the same new manifest everywhere and always.
STEPS: Final[Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    1: _from_1,
    2: _from_2,
    3: _from_3,
    4: _from_4,
}


class ManifestError(ValueError):
    """A JSON value is no manifest that this version reads; the message says why, in one sentence."""


def read_manifest(
    value: object, steps: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = STEPS
) -> Recorded | RecordedCommand:
    """The manifest in a parsed JSON value, brought up to today's version.

    Raises:
        ManifestError: it is none, it is of a newer version, or it breaks the schema.
    """
    if not isinstance(value, dict):
        raise ManifestError("expected a JSON object")
    version = value.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ManifestError("it has no whole number under schema_version")
    if version > SCHEMA_VERSION:
        raise ManifestError(
            f"it is of schema version {clean(str(version), 12)}, and this week2kit reads versions up to "
            f"{SCHEMA_VERSION}: install a newer week2kit"
        )
    while version < SCHEMA_VERSION:
        if version not in steps:
            raise ManifestError(f"schema version {clean(str(version), 12)} was never used")
        value = steps[version](value)
        version += 1
    try:
        return MANIFEST.validate_python(value)
    except ValidationError as error:
        first, count = error.errors(include_url=False, include_input=False)[0], error.error_count()
        places = (*first["loc"][1:], *first.get("ctx", {}).get("places", ()))
        where = ".".join(map(str, places)) or "the top level"
        more = f" (and {count - 1} more)" if count > 1 else ""
        raise ManifestError(f"{clean(where)}: {clean(first['msg'])}{more}") from None
