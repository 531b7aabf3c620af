"""What `verify --json` printed, matched to the runs of a report by the digest of their manifests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from week2kit.canonical import JsonError, as_utf8, clean, parse_json, sha256
from week2kit.errors import UsageError
from week2kit.record.files import read_regular
from week2kit.record.verdict import VERDICT_SCHEMA_VERSION, Verdict, VerdictDocument, VerdictName
from week2kit.reporting.rows import CauseRow, Verification
from week2kit.reporting.values import Verdicts
from week2kit.sentences.verdicts import describe_verdict
from week2kit.thresholds import MAX_VERDICTS_BYTES

#: Of two verdicts on one record the first of these counts: copies of a run can be in different surroundings.
_WORST_FIRST: Final[tuple[VerdictName, ...]] = (
    "tampered",
    "different",
    "unstable",
    "undecided",
    "close",
    "explained",
    "identical",
)


class Given(NamedTuple):
    """A list of verdicts: what it says of each record, by the digest of the manifest, and all that it names."""

    file: str
    sha256: str
    by_manifest: Mapping[str, Verification]
    named: tuple[tuple[str, str | None], ...]
    """Each run of the list, as it is called there, with the digest of its manifest; None for one not judged."""

    def seen_from(self, manifests: Iterable[str]) -> Verdicts:
        """The list as it stands to the runs with these manifests."""
        known = set(manifests)
        return Verdicts(self.file, self.sha256, tuple(name for name, digest in self.named if digest not in known))


def take_verdicts(verdicts: str | Path | VerdictDocument) -> Given:
    """The verdicts in a file, see `read_verdicts`, or those that `verify` returned in Python.

    Raises:
        UsageError: they cannot be read.
    """
    if not isinstance(verdicts, VerdictDocument):
        return read_verdicts(Path(verdicts))
    return Given("verify()", sha256(verdicts.model_dump_json().encode()), _by_manifest(verdicts), _named(verdicts))


def read_verdicts(path: Path) -> Given:
    """The verdicts in a file that holds what ``verify --json`` printed.

    Raises:
        UsageError: it cannot be read, or is no such document.
    """
    shown = clean(os.fspath(path))
    try:
        data = read_regular(path, MAX_VERDICTS_BYTES, follow=True)
        document = _document(parse_json(as_utf8(data)))
        by_manifest = _by_manifest(document)
    except OSError as error:
        raise UsageError(f"--verdicts {shown}: it cannot be read: {error.strerror}.") from None
    except JsonError as error:
        raise UsageError(f"--verdicts {shown}: expected what week2kit verify --json prints: {error}.") from None
    return Given(clean(path.name), sha256(data), by_manifest, _named(document))


def _named(document: VerdictDocument) -> tuple[tuple[str, str | None], ...]:
    return tuple((_shown(verdict.run), verdict.verdict and verdict.manifest_sha256) for verdict in document.runs)


def _shown(run: str) -> str:
    """A run as `verify` was given it; of an absolute path only the last part, as everywhere in a report."""
    path = PureWindowsPath(run) if "\\" in run else PurePosixPath(run)
    return path.name if path.is_absolute() else run


def _by_manifest(document: VerdictDocument) -> dict[str, Verification]:
    judged = [verdict for verdict in document.runs if verdict.verdict is not None and verdict.manifest_sha256]
    judged.sort(key=lambda verdict: _WORST_FIRST.index(verdict.verdict or "identical"), reverse=True)
    return {verdict.manifest_sha256 or "": _verification(verdict) for verdict in judged}


def _document(value: Any) -> VerdictDocument:
    """The document in a JSON value.

    Raises:
        JsonError: it is none, with the reason.
    """
    version = value.get("schema_version") if isinstance(value, dict) else None
    if isinstance(version, int) and version > VERDICT_SCHEMA_VERSION:
        raise JsonError(
            f"its schema_version is {version}, and this week2kit reads {VERDICT_SCHEMA_VERSION}: install a newer one"
        )
    try:
        return VerdictDocument.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = clean(".".join(map(str, first["loc"])), 80)
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise JsonError(f"{f'{where}: ' if where else ''}{clean(first['msg'])}{more}") from None


def _verification(verdict: Verdict) -> Verification:
    assert verdict.verdict is not None  # only verdicts on runs that could be read are matched
    return Verification(
        verdict=verdict.verdict,
        level=verdict.level,
        first_divergence=verdict.first_divergence,
        causes=tuple(CauseRow(cause.input, cause.factor, cause.proof) for cause in verdict.causes),
        told=_told(verdict),
    )


def _told(verdict: Verdict) -> str:
    """What `verify` says of a run: the verdict, and why, where it is not accepted.

    Raises:
        JsonError: a finding holds values that none of its kind has.
    """
    try:
        first, *others = describe_verdict(verdict)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise JsonError(f"a finding about {clean(verdict.run)} holds values that verify never gives it") from None
    accepted = verdict.verdict in ("identical", "explained")
    return " ".join([first.partition(": ")[2], *(others[:1] if not accepted else [])])
