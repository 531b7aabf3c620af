"""The record of a command: read as untrusted input, held against its own files, and no run of a config."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from week2kit.canonical import dump_json
from week2kit.errors import UnreadableRun
from week2kit.record.artifacts import artifact_digest
from week2kit.record.code import digest_text
from week2kit.record.command import CompletedCommand, Coverage
from week2kit.record.store import open_run
from week2kit.sentences.verdicts import describe_verdict
from week2kit.training.outputs import from_json, predictions_in
from week2kit.verification.shown import verify

METRICS = b'{"accuracy": 0.5, "f1": NaN, "train_seconds": 2.5}\n'
PREDICTIONS = b"row,y_true,y_pred,score:a\n0,a,a,0.75\n1,b,a,0.5\n"


OUTPUTS = {"out/metrics.json": METRICS.decode(), "log.txt": "line\r\n\ufeffé"}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def output(path: str, data: bytes, role: str) -> dict[str, Any]:
    kept = path in OUTPUTS
    return {"path": path, "bytes": len(data), "sha256": sha(data), "change": "created", "role": role, "kept": kept}


CODE, DATA = "x = 1\n", "a,b\n1,2\n"
SOURCES = {"modules": {"train.py": CODE}, "files": {"data.csv": DATA}}

FILES = {
    "metrics": ("metrics.json", b'{"accuracy": 0.5}'),
    "outputs": ("outputs.json", json.dumps(OUTPUTS).encode()),
    "predictions": ("predictions.csv", PREDICTIONS),
    "sources": ("sources.json", json.dumps(SOURCES).encode()),
}


def record() -> dict[str, Any]:
    reported, predictions = from_json(METRICS), predictions_in("out/predictions.csv", PREDICTIONS)
    assert reported is not None
    assert predictions is not None
    return {
        "schema_version": 5, "kind": "command", "status": "completed", "run_id": "one", "nonce": "0" * 32,
        "created_at": "2026-11-28T10:00:00.000000Z", "command": "week2kit train -- python train.py --seed 1",
        "artifacts": [
            {"name": name, "path": path, "sha256": artifact_digest(name, data), "bytes": len(data)}
            for name, (path, data) in FILES.items()
        ],
        "stages": [], "warnings": [], "failure": None,
        "inputs": {
            "code": None, "data": None, "config": {"resolved": None, "raw": None, "digest": None},
            "seed": {"value": 1, "source": "given"}, "environment": None,
            "program": {
                "argv": ["python", "train.py", "--seed", "1"], "script": "train.py",
                "modules": {"train.py": digest_text(CODE), "features.py": "b" * 64}, "git": None, "seed_flag": "--seed",
                "variables": {"OMP_NUM_THREADS": "1", "API_KEY": None}, "stdin": None,
            },
            "files": [
                {"path": "data.csv", "bytes": 8, "sha256": sha(DATA.encode()), "after": None, "how": "observed"}
            ],
            "folders": [],
            "coverage": {
                "observers": ["audit_hook"], "refused": {"system_calls": "not Linux"}, "processes": 1, "hooked": 1,
                "programs": [], "native_readers": [], "network": False, "within": False, "unreadable": 0,
                "never_seen": ["clock"],
            },
        },
        "outcome": {
            "metrics": reported.metrics, "metrics_from": "out/metrics.json", "times": reported.times,
            "undefined": list(reported.undefined), "predictions": predictions.model_dump(),
            "files": [
                output("out/metrics.json", METRICS, "metrics"),
                output("log.txt", OUTPUTS["log.txt"].encode(), "other"),
                output("out/predictions.csv", PREDICTIONS, "predictions"),
                output("out/model.pt", b"0", "model"),
            ],
            "repeats": [{"seed": 2, "metrics": {"accuracy": 0.25}}],
        },
    }  # fmt: skip


def written(folder: Path, value: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(value or record()))
    for path, data in FILES.values():
        (folder / path).write_bytes(data)
    return folder


def test_a_record_is_read_and_written_alike(tmp_path: Path) -> None:
    run = open_run(written(tmp_path / "one"))
    assert isinstance(run.manifest, CompletedCommand)
    assert run.partial is None
    assert json.loads(dump_json(run.manifest.model_dump(mode="json", by_alias=True))) == record()


def test_what_was_not_seen_stands_in_the_record() -> None:
    seen = record()["inputs"]["coverage"]
    assert Coverage(**seen).is_whole
    for key, value in {"native_readers": ["polars"], "programs": ["sh"], "unreadable": 1, "observers": []}.items():
        assert not Coverage(**seen | {key: value}).is_whole, key
    assert Coverage(**seen | {"native_readers": ["polars"], "observers": ["audit_hook", "system_calls"]}).is_whole


def test_an_untouched_record_is_not_called_tampered_nor_identical(tmp_path: Path) -> None:
    (verdict,) = verify(written(tmp_path / "one")).runs
    assert (verdict.verdict, verdict.status) == ("undecided", "completed")
    assert [check.outcome for check in verdict.checks] == ["passed"] * 10
    assert any("--trust" in line for line in describe_verdict(verdict))


@pytest.mark.parametrize("changes", [{"variables": {"A": "\0"}}, {"variables": {"A=B": "1"}}, {"argv": ["a", "\0"]}])
def test_what_no_program_can_be_given_is_no_record(changes: dict[str, Any], tmp_path: Path) -> None:
    value = record()
    value["inputs"]["program"].update(changes)
    with pytest.raises(UnreadableRun, match="String should match pattern"):
        open_run(written(tmp_path / "one", value))


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / name
        text = file.read_bytes().decode()
        assert old in text
        file.write_bytes(text.replace(old, new, 1).encode())

    return change


def in_both(name: str, key: str, data: bytes) -> Callable[[Path], None]:
    """Another file, with the digest of the artifact put right: an edit by somebody who knows the form."""

    def change(folder: Path) -> None:
        value = record()
        (folder / name).write_bytes(data)
        listed = next(one for one in value["artifacts"] if one["name"] == key)
        listed |= {"sha256": artifact_digest(key, data), "bytes": len(data)}
        (folder / "manifest.json").write_text(json.dumps(value))

    return change


def without(name: str, key: str) -> Callable[[Path], None]:
    """The folder without a file, which its list no longer names: what it would contradict is not asked any more."""

    def change(folder: Path) -> None:
        value = record()
        value["artifacts"] = [one for one in value["artifacts"] if one["name"] != key]
        (folder / name).unlink()
        (folder / "manifest.json").write_text(json.dumps(value))

    return change


def kept(sources: object) -> Callable[[Path], None]:
    return in_both("sources.json", "sources", json.dumps(sources).encode())


LOG = {**OUTPUTS, "log.txt": "other"}
BETTER = {**OUTPUTS, "out/metrics.json": METRICS.decode().replace("0.5", "0.9")}
TAMPERED: dict[str, tuple[Callable[[Path], None], str]] = {
    "metrics.json": (edit("metrics.json", "0.5", "0.9"), "artifacts.metrics"),
    "metrics.json with its digest": (in_both("metrics.json", "metrics", b'{"accuracy": 0.9}'), "record.metrics"),
    "a metric of the manifest": (edit("manifest.json", '"accuracy": 0.5', '"accuracy": 0.9'), "record.metrics"),
    "a metric more": (edit("manifest.json", '{"accuracy": 0.5', '{"a": 1, "accuracy": 0.5'), "record.metrics"),
    "an undefined metric": (edit("manifest.json", '"undefined": ["f1"]', '"undefined": []'), "follows.source"),
    "outputs.json": (edit("outputs.json", "0.5", "0.9"), "artifacts.outputs"),
    "outputs.json with its digest": (in_both("outputs.json", "outputs", json.dumps(BETTER).encode()), "record.outputs"),
    "a text of an output": (in_both("outputs.json", "outputs", json.dumps(LOG).encode()), "record.outputs"),
    "outputs.json gone from the list": (without("outputs.json", "outputs"), "record.artifacts"),
    "metrics.json gone from the list": (without("metrics.json", "metrics"), "record.artifacts"),
    "predictions.csv gone from the list": (without("predictions.csv", "predictions"), "record.artifacts"),
    "an output more": (in_both("outputs.json", "outputs", json.dumps(OUTPUTS | {"x": ""}).encode()), "record.outputs"),
    "outputs.json a list": (in_both("outputs.json", "outputs", b"[1]"), "record.outputs"),
    "an output no text": (in_both("outputs.json", "outputs", b'{"log.txt": 1}'), "record.outputs"),
    "sources.json": (edit("sources.json", "x = 1", "x = 2"), "artifacts.sources"),
    "another text of a module": (kept({"modules": {"train.py": "x = 2\n"}, "files": {}}), "record.sources"),
    "another text of an input": (kept({"modules": {}, "files": {"data.csv": "a,b\n1,3\n"}}), "record.sources"),
    "a module more": (kept({"modules": {"evil.py": ""}, "files": {}}), "record.sources"),
    "sources.json a list": (kept([1]), "record.sources"),
    "predictions.csv": (edit("predictions.csv", "1,b,a", "1,b,b"), "artifacts.predictions"),
    "predictions.csv with its digest": (
        in_both("predictions.csv", "predictions", PREDICTIONS.replace(b"1,b,a", b"1,b,b")), "follows.predictions",
    ),
    "predictions.csv no table": (in_both("predictions.csv", "predictions", b"x"), "follows.predictions"),
    "a score": (
        in_both("predictions.csv", "predictions", PREDICTIONS.replace(b"0.75", b"0.76")), "follows.predictions",
    ),
    "metrics.json gone": (lambda folder: (folder / "metrics.json").unlink(), "artifacts.metrics"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_what_does_not_agree_with_itself_is_tampered(name: str, tmp_path: Path) -> None:
    change, code = TAMPERED[name]
    change(written(tmp_path / "one"))
    (verdict,) = verify(tmp_path / "one").runs
    assert verdict.verdict == "tampered"
    assert next(check.code for check in verdict.checks if check.outcome == "failed") == code
    assert all(describe_verdict(verdict))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("kind",), "folder"), (("kind",), None), (("inputs", "data"), {}), (("inputs", "program", "argv"), []),
        (("inputs", "program"), None), (("outcome", "metrics", "accuracy"), "0.5"),
        (("outcome", "files", 0, "role"), "best"),
        (("outcome", "metrics_from"), None), (("inputs", "coverage", "observers"), ["nobody"]), (("outcome",), None),
        (("inputs", "files", 0, "sha256"), "x"), (("failure",), {}), (("outcome", "predictions", "rows"), -1),
    ],
)  # fmt: skip
def test_what_no_command_leaves_is_not_read(place: tuple[Any, ...], value: object, tmp_path: Path) -> None:
    changed = record()
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(UnreadableRun, match="not a manifest that can be read"):
        open_run(written(tmp_path / "one", changed))
