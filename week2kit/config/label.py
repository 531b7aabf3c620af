"""A class label as configs and records hold it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from week2kit.thresholds import MAX_RECORDED_TEXT

#: A class label with its type: ``1``, ``1.0``, ``"1"`` and ``true`` are four different labels.
Label: TypeAlias = (
    StrictBool
    | Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
    | StrictFloat
    | Annotated[StrictStr, Field(max_length=MAX_RECORDED_TEXT)]
)
