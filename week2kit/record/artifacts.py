"""The files of a run folder: their names, and how each of them is digested."""

from __future__ import annotations

from typing import Final

from week2kit.canonical import json_digest, parse_json, sha256, text_digest

MANIFEST_NAME: Final = "manifest.json"

#: Every file that a run folder may hold besides the manifest: the artifact's name to its file.
ARTIFACTS: Final = {
    "config": "config.json",
    "metrics": "metrics.json",
    "val_report": "val_report.txt",
    "predictions": "predictions.csv",
    "model": "model.joblib",
    "requirements": "requirements.txt",
    "curves": "curves.json",
    "outputs": "outputs.json",
    "sources": "sources.json",
}

#: Those that only the run of a command has.
OF_COMMANDS: Final = frozenset({"outputs", "sources"})

#: Artifacts that may be left out of a repository without the run being damaged: the rerun makes them again.
OPTIONAL_ARTIFACTS: Final = frozenset({"model", "curves"})


def artifact_digest(name: str, data: bytes) -> str:
    """The digest of an artifact's content in its canonical form: JSON by value, text with LF, the model by its bytes.

    Raises:
        JsonError: a JSON artifact holds none.
    """
    if ARTIFACTS[name].endswith(".json"):
        return json_digest(parse_json(data))
    return sha256(data) if name == "model" else text_digest(data)
