"""The JSON Schemas of the documents that week2kit reads and writes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import TypeAdapter

from week2kit.config.form import Config, FlatConfig
from week2kit.record.manifest import MANIFEST
from week2kit.record.verdict import VerdictDocument


def json_schema(document: Literal["config", "manifest", "verdict"]) -> dict[str, Any]:
    """The JSON Schema of a document, as pydantic writes it."""
    adapters: dict[str, TypeAdapter[Any]] = {
        "config": TypeAdapter(Config | FlatConfig),
        "manifest": MANIFEST,
        "verdict": TypeAdapter(VerdictDocument),
    }
    return adapters[document].json_schema(by_alias=True)
