"""Does a file of a run agree with its record? The one answer to it, for `verify` and for `report`."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from week2kit.canonical import JsonError
from week2kit.record.artifacts import ARTIFACTS, OF_COMMANDS, OPTIONAL_ARTIFACTS, artifact_digest
from week2kit.record.command import CompletedCommand
from week2kit.record.files import POINTER_BYTES, Pointer, digest_regular, is_no_file, pointer_beside, pointer_in
from week2kit.record.manifest import Artifact
from week2kit.record.store import Manifest, Run
from week2kit.thresholds import MAX_DATA_BYTES

if TYPE_CHECKING:
    from week2kit.record.verdict import Finding

#: What is found of a file that its run answers for; anything else is missing here, and condemns nobody.
_OF_THE_RUN: Final = frozenset(
    {"artifact.changed", "artifact.missing", "artifact.no_json", "artifact.unknown", "artifact.unreadable"}
)


class Examined(NamedTuple):
    """How one listed file stands to its record.

    Attributes:
        artifact: the entry of the list.
        content: the bytes, but of a large model, of which only the digest is needed; None where it was not read.
        finding: in what it differs, or why it could not be looked at; None where it has its recorded content.
    """

    artifact: Artifact
    content: bytes | None = None
    finding: Finding | None = None

    @property
    def may_lack(self) -> bool:
        """Whether nothing follows from the finding: a model or a learning curve is often not committed."""
        code = self.finding.code if self.finding is not None else ""
        return self.artifact.name in OPTIONAL_ARTIFACTS and (code == "artifact.missing" or code not in _OF_THE_RUN)

    @property
    def disagrees(self) -> bool:
        """Whether the folder contradicts its record."""
        return self.finding is not None and self.finding.code in _OF_THE_RUN and not self.may_lack


def examine(run: Run) -> list[Examined]:
    """Every file that the manifest lists, in its order, held against its recorded digest."""
    known = known_artifacts(run.manifest.artifacts)
    return [_examine(run, artifact) if artifact in known else _unknown(artifact) for artifact in run.manifest.artifacts]


def required_artifacts(manifest: Manifest) -> list[str]:
    """The files that a completed run must list, by name; a command may list `sources` besides."""
    if isinstance(manifest, CompletedCommand):
        outcome = manifest.outcome
        has = {"outputs": any(f.kept for f in outcome.files), "predictions": outcome.predictions is not None}
        return sorted(["metrics", *(name for name, is_there in has.items() if is_there)])
    curves = (manifest.inputs.config.resolved or {}).get("learning_curve")
    return sorted(name for name in ARTIFACTS if name not in OF_COMMANDS and (name != "curves" or curves))


def known_artifacts(listed: Sequence[Artifact]) -> list[Artifact]:
    """The entries of the list that name a file that runs have, and are the only ones that name it."""
    names = [artifact.name for artifact in listed]
    return [a for a in listed if ARTIFACTS.get(a.name) == a.path and names.count(a.name) == 1]


def _unknown(artifact: Artifact) -> Examined:
    """A name of no file of ours: it is not opened, wherever it points."""
    return Examined(artifact, None, _finding(artifact, "artifact.unknown", recorded=artifact.name))


def _examine(run: Run, artifact: Artifact) -> Examined:
    path, content = run.path / artifact.path, None
    try:
        if artifact.name == "model" and not path.is_symlink() and path.stat().st_size > POINTER_BYTES:
            digest = digest_regular(path, MAX_DATA_BYTES, follow=False)[1]
        else:
            content = run.read(artifact.name)
            if pointer := pointer_in(content):
                return Examined(artifact, None, _unfetched(artifact, pointer))
            digest = artifact_digest(artifact.name, content)
    except OSError as error:
        return Examined(artifact, None, _unread(artifact, error, pointer_beside(path)))
    except JsonError as error:
        return Examined(artifact, None, _finding(artifact, "artifact.no_json", now=str(error)))
    if digest == artifact.sha256:
        return Examined(artifact, content)
    return Examined(artifact, content, _finding(artifact, "artifact.changed", recorded=artifact.sha256, now=digest))


def _unread(artifact: Artifact, error: OSError, pointer: Pointer | None) -> Finding:
    if pointer is not None:
        return _unfetched(artifact, pointer)
    if isinstance(error, FileNotFoundError):
        return _finding(artifact, "artifact.missing")
    here = "artifact.link" if error.errno == errno.ELOOP else "artifact.unread"
    code = "artifact.unreadable" if is_no_file(error) else here
    return _finding(artifact, code, now=error.strerror)


def _unfetched(artifact: Artifact, pointer: Pointer) -> Finding:
    """That a pointer stands in place of an artifact, and whether it is one to the recorded content.

    The recorded digest of JSON is that of its values, and that of a text follows from other line ends, too.
    """
    told = {"tool": pointer.tool, "fetch": pointer.fetch}
    if artifact.name == "model" and pointer.sha256 not in (None, artifact.sha256):
        told["sha256"] = str(pointer.sha256)
    return _finding(artifact, "artifact.unfetched", recorded=artifact.sha256, now=told)


def _finding(artifact: Artifact, code: str, recorded: Any = None, now: Any = None) -> Finding:
    from week2kit.record.verdict import Finding  # its models cost milliseconds, and a report of intact runs needs none

    return Finding(code=code, where=artifact.path, recorded=recorded, now=now)
