"""What came out of a command: metrics, predictions, digests, and small texts as copies."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from week2kit.errors import StageError
from week2kit.observing.folder import snapshot, written_between
from week2kit.training import gathering
from week2kit.training.asked import Named
from week2kit.training.gathering import Gathered, gather

PREDICTIONS = b"y_true,y_pred\n1,0\n1,1\n"


def gathered(folder: Path, files: dict[str, bytes], output: bytes = b"", **named: str) -> Gathered:
    before = snapshot(folder)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return gather(folder, list(written_between(before, snapshot(folder))), output, Named(**named))


def codes(found: Gathered) -> list[str]:
    return [warned.code for warned in found.warnings]


def test_a_course_script_leaves_its_metrics_and_predictions(tmp_path: Path) -> None:
    metrics = b'{"accuracy": 0.5, "train_seconds": 1.5}'
    found = gathered(
        tmp_path,
        {"artifacts/20261128_130501/metrics.json": metrics, "artifacts/20261128_130501/predictions.csv": PREDICTIONS,
         "artifacts/20261128_130501/model.joblib": b"\x80\x04"},
    )  # fmt: skip
    outcome = found.outcome
    assert (outcome.metrics, outcome.times) == ({"accuracy": 0.5}, {"train_seconds": 1.5})
    assert outcome.metrics_from == "artifacts/20261128_130501/metrics.json"
    assert outcome.predictions is not None
    assert (outcome.predictions.rows, found.predictions) == (2, PREDICTIONS)
    assert [(file.role, file.kept) for file in outcome.files] == [
        ("metrics", True), ("model", False), ("predictions", True),
    ]  # fmt: skip
    assert outcome.files[0].sha256 == hashlib.sha256(metrics).hexdigest()
    assert found.texts["artifacts/20261128_130501/metrics.json"] == metrics.decode()
    assert codes(found) == []


def test_where_there_is_no_file_what_was_printed_counts(tmp_path: Path) -> None:
    found = gathered(tmp_path, {"log.txt": b"x"}, b"accuracy: 0.75\n")
    assert (found.outcome.metrics_from, found.outcome.metrics) == ("standard output", {"accuracy": 0.75})
    assert codes(found) == []


def test_without_metrics_that_is_said(tmp_path: Path) -> None:
    found = gathered(tmp_path, {"model.pt": b"x"}, b"done\n")
    assert (found.outcome.metrics_from, found.outcome.metrics) == (None, {})
    assert codes(found) == ["command.no_metrics"]


def test_of_two_files_of_metrics_none_is_chosen(tmp_path: Path) -> None:
    files = {"a/metrics.json": b'{"m": 1}', "b/metrics.json": b'{"m": 2}'}
    found = gathered(tmp_path, files, b"m: 3\n")
    assert (found.outcome.metrics_from, found.outcome.metrics) == (None, {})
    assert codes(found) == ["command.several_metrics"]
    again = gathered(tmp_path, {path: data + b" " for path, data in files.items()}, metrics="b/metrics.json")
    assert (again.outcome.metrics, codes(again)) == ({"m": 2}, [])


def test_metrics_json_goes_before_other_names(tmp_path: Path) -> None:
    found = gathered(tmp_path, {"metrics.json": b'{"m": 1}', "cv_results.json": b'{"m": 2}'})
    assert (found.outcome.metrics, codes(found)) == ({"m": 1}, [])


@pytest.mark.parametrize("data", [b"{", b"[1]", b"{}", b'{"m": "0.5"}', b"\xff"])
def test_metrics_that_cannot_be_read_are_said_to_be(data: bytes, tmp_path: Path) -> None:
    found = gathered(tmp_path, {"metrics.json": data}, b"m: 0.5\n")
    assert (found.outcome.metrics_from, codes(found)) == ("standard output", ["command.metrics_unread"])


def test_metrics_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    found = gathered(tmp_path, {"metrics.json": b'{"loss": NaN, "f1": 0.5}'})
    assert (found.outcome.metrics, found.outcome.undefined) == ({"f1": 0.5}, ["loss"])
    assert codes(found) == ["command.undefined"]


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"metrics": "none.json"}, "metrics none.json: the command left no such file"),
        ({"metrics": "."}, "metrics .: the command left no such file"),
        ({"metrics": "a.txt"}, "metrics a.txt: expected a JSON object"),
        ({"predictions": "a.txt"}, "predictions a.txt: expected a table with the columns y_true and y_pred"),
        ({"predictions": "none.csv"}, "predictions none.csv: the command left no such file"),
    ],
)
def test_a_file_that_was_named_must_be_there(named: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=words):
        gathered(tmp_path, {"a.txt": b"x"}, **named)


def test_large_texts_and_bytes_are_kept_as_digests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "KEPT_TEXT", 10)
    monkeypatch.setattr(gathering, "KEPT_TEXTS", 14)
    files = {
        "a.txt": b"12345678",
        "b.txt": b"12345678901",
        "c.txt": b"\xff",
        "d.txt": b"1\0",
        "e.txt": b"12345",
        "f.txt": b"123456",
    }
    found = gathered(tmp_path, files)
    assert sorted(found.texts) == ["a.txt", "e.txt"]
    assert [file.path for file in found.outcome.files if file.kept] == ["a.txt", "e.txt"]
    assert [file.bytes for file in found.outcome.files] == [len(data) for data in files.values()]


def test_ten_thousand_outputs_and_names_that_are_no_text(tmp_path: Path) -> None:
    files = {f"out/{number}.bin": b"\xff" for number in range(10_000)}
    found = gathered(tmp_path, files | {"bad\udcff.txt": b"x"})
    assert len(found.outcome.files) == 10_001
    json.dumps(found.outcome.model_dump(), ensure_ascii=False).encode()
    assert found.texts == {"bad\\xff.txt": "x"}


def test_a_large_file_is_read_in_blocks_and_told(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(bytes(3 << 20))
    told: list[int] = []
    digest, size, head = gathering.digest_of(tmp_path / "model.pt", told.append)
    assert (digest, size) == (hashlib.sha256(bytes(3 << 20)).hexdigest(), 3 << 20)
    assert (sum(told), len(head)) == (size, 4096)
