"""One answer to one question: `verify` and `report` say the same of a file that does not agree with its record."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from week2kit.canonical import dump_json, json_digest, parse_json
from week2kit.record.artifacts import ARTIFACTS
from week2kit.record.store import open_run
from week2kit.reporting.files import file_rows
from week2kit.verification.integrity import check_files, check_record

RUN = Path(__file__).parent.parent / "runs/iris-baseline"


def metrics_told(value: object) -> Callable[[Path], None]:
    """Another accuracy in metrics.json, with the digest that follows from it."""

    def edit(run: Path) -> None:
        metrics = {**parse_json((run / "metrics.json").read_bytes()), "accuracy": value}
        (run / "metrics.json").write_text(dump_json(metrics), encoding="utf-8")
        manifest = parse_json((run / "manifest.json").read_bytes())
        listed = next(artifact for artifact in manifest["artifacts"] if artifact["name"] == "metrics")
        listed["sha256"] = json_digest(metrics)
        (run / "manifest.json").write_text(dump_json(manifest), encoding="utf-8")

    return edit


def unlisted(name: str) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        manifest = parse_json((run / "manifest.json").read_bytes())
        manifest["artifacts"] = [artifact for artifact in manifest["artifacts"] if artifact["name"] != name]
        (run / "manifest.json").write_text(dump_json(manifest), encoding="utf-8")

    return edit


def pointer(run: Path) -> None:
    (run / "predictions.csv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


def link(run: Path) -> None:
    shutil.move(run / "predictions.csv", run / "elsewhere.csv")
    (run / "predictions.csv").symlink_to("elsewhere.csv")


def folder(run: Path) -> None:
    (run / "predictions.csv").unlink()
    (run / "predictions.csv").mkdir()


CASES = [
    pytest.param(lambda run: None, False, id="intact"),
    pytest.param(lambda run: (run / "model.joblib").unlink(), False, id="no model"),
    pytest.param(lambda run: (run / "model.joblib").write_bytes(bytes(9999)), True, id="another model"),
    pytest.param(lambda run: (run / "predictions.csv").unlink(), True, id="no predictions"),
    pytest.param(lambda run: (run / "predictions.csv").write_text("x"), True, id="other predictions"),
    pytest.param(lambda run: (run / "metrics.json").write_text("x"), True, id="no JSON"),
    pytest.param(pointer, False, id="not fetched"),
    pytest.param(link, False, id="a link"),
    pytest.param(folder, True, id="a folder in its place"),
    pytest.param(unlisted("predictions"), True, id="predictions not listed"),
    pytest.param(unlisted("model"), True, id="model not listed"),
    pytest.param(metrics_told(0.125), True, id="another metric"),
    pytest.param(metrics_told(1), True, id="a whole number for a metric"),
    pytest.param(metrics_told(None), True, id="null for a metric"),
]


@pytest.mark.parametrize(("edit", "disagrees"), CASES)
def test_verify_and_report_agree_about_the_files_of_a_run(
    edit: Callable[[Path], object], disagrees: bool, tmp_path: Path
) -> None:
    edit(Path(shutil.copytree(RUN, tmp_path / "run")))
    run = open_run(tmp_path / "run")
    contents = check_files(run)
    verified = [check.code for check in [*contents.checks, *check_record(run, contents)] if check.outcome == "failed"]
    rows, told = file_rows(run)
    assert (bool(verified), bool(told)) == (disagrees, disagrees), (verified, told)
    intact = {check.code.partition(".")[2] for check in contents.checks if check.outcome == "passed"}
    assert {row.name for row in rows if row.state == "agrees"} == {ARTIFACTS[name] for name in intact & {*ARTIFACTS}}
