"""The verdicts of a verification while they are reached: as a document at any time, and in a file."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from week2kit.canonical import JsonError, as_utf8, clean, dump_json, parse_json
from week2kit.errors import UsageError
from week2kit.record.files import read_regular, refuse_place, replace_file
from week2kit.record.verdict import Verdict, VerdictDocument
from week2kit.thresholds import MAX_VERDICTS_BYTES, SAVED_EVERY
from week2kit.verification.verifying import document

#: Names that no JSON document but this one has side by side.
_KEYS: Final = frozenset({"schema_version", "runs", "summary"})


class Reached:
    """The verdicts that were reached so far, kept in a file where one is named.

    Args:
        output: the file; None: they are only remembered.

    Raises:
        UsageError: the file is there and holds no verdicts, or its folder is not there.
    """

    def __init__(self, output: Path | None) -> None:
        self.begun: VerdictDocument | None = None
        self._verdicts: list[Verdict] = []
        self.output = output
        self._saved = 0.0
        if output is not None and (reason := refuse_place(output, _is_ours, "a list of verdicts")):
            raise UsageError(f"-o {clean(os.fspath(output))}: {reason}")

    def found(self, begun: VerdictDocument) -> None:
        """Take what will be verified."""
        self.begun = begun

    def add(self, verdict: Verdict) -> str:
        """Take a verdict that was reached, and save it, if the last time is long enough ago; a line that tells it."""
        assert self.begun is not None
        self._verdicts.append(verdict)
        if time.monotonic() - self._saved > SAVED_EVERY:
            with contextlib.suppress(UsageError):  # the last time tells
                self.save()
        return f"{len(self._verdicts)}/{len(self.begun.not_reached)} {verdict.run}: {verdict.verdict}"

    def document(self) -> VerdictDocument:
        """What there is so far, in the order of the runs."""
        assert self.begun is not None
        places = {run: place for place, run in enumerate(self.begun.not_reached)}
        in_order = sorted(self._verdicts, key=lambda verdict: places[verdict.run])
        return document([*in_order, *self.begun.runs], self.begun)

    def save(self) -> None:
        """Write what there is so far to the file, in one step.

        Raises:
            UsageError: it cannot be written.
        """
        if self.output is None or self.begun is None:
            return
        try:
            replace_file(self.output, dump_json(self.document().model_dump(mode="json")).encode())
        except OSError as error:
            raise UsageError(f"-o {clean(os.fspath(self.output))}: it cannot be written: {error.strerror}.") from None
        self._saved = time.monotonic()


def _is_ours(path: Path) -> bool:
    try:
        value = parse_json(as_utf8(read_regular(path, MAX_VERDICTS_BYTES, follow=True)))
    except (JsonError, OSError):
        return False
    return isinstance(value, dict) and value.keys() >= _KEYS


def read_known(path: Path) -> VerdictDocument | None:
    """The verdicts in the file of an earlier call; None where there is no file.

    Raises:
        UsageError: it cannot be read.
    """
    if not os.path.lexists(path):
        return None
    try:
        return VerdictDocument.model_validate(parse_json(as_utf8(read_regular(path, MAX_VERDICTS_BYTES, follow=True))))
    except (JsonError, OSError, ValidationError):
        raise UsageError(f"--resume: {clean(os.fspath(path))} holds no verdicts that this week2kit can read.") from None
