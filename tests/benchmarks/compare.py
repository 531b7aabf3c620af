"""week2kit against the script that a person would write by hand, as ratios of whole processes.

    python tests/benchmarks/compare.py [--pairs 7] [--without-large] [--only report]

Each pair runs the one, then the other; the median of the pairs' ratios is printed, with the least and the greatest.
Machines are shared and noisy: only ratios of alternated runs mean anything.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# where it is set, week2kit alone would be compiled at every start: installed libraries come with their bytecode
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

BY_HAND = [sys.executable, str(HERE / "by_hand.py")]
FOLDS = ["--set", 'split={"method": "kfold", "n_splits": 5}']
WEEK2KIT = [sys.executable, "-m", "week2kit"]


@dataclass(frozen=True)
class Cost:
    """One finished process: seconds of wall-clock and of processor time, and its peak memory in MiB."""

    wall: float
    cpu: float
    peak: float


def run(command: list[str], folder: Path) -> Cost:
    """Run a command to its end and tell what it cost; children that it waited for are counted in."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def pairs(ours: list[str], theirs: list[str], folder: Path, count: int) -> list[tuple[Cost, Cost]]:
    """`count` alternated pairs, after one of each that warms up."""
    run(ours, folder)
    run(theirs, folder)
    return [(run(ours, folder), run(theirs, folder)) for _ in range(count)]


def row(name: str, limit: float | None, measured: list[tuple[Cost, Cost]]) -> str:
    """One line of the table."""

    def ratio(part: str) -> str:
        ratios = [getattr(a, part) / getattr(b, part) for a, b in measured]
        return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"

    bound = f"{limit:.2f}" if limit is not None else "-"
    return f"| {name} | {ratio('wall')} | {ratio('cpu')} | {ratio('peak')} | {bound} |"


def main() -> None:
    """Make the data, measure every row, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--without-large", action="store_true")
    parser.add_argument("--only", default="", help="measure only the rows with this word in their name")
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = Path(tempfile.mkdtemp())
    try:
        measure(folder, args.pairs, args.only, large=not args.without_large and not args.only)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, count: int, only: str, *, large: bool) -> None:
    """Measure in `folder` and print row by row."""
    subprocess.run([sys.executable, str(HERE / "make_data.py"), str(folder)], check=True)
    for name, target in (("iris", "species"), ("medium", "label"), ("large", "label")):
        data = {"path": f"{name}.csv", "target": target}
        model = {"class": "logistic_regression", "params": {"max_iter": 100}}
        (folder / f"{name}.json").write_text(json.dumps({"data": data, "model": model, "seed": 42}))
    iris = [*BY_HAND, "iris.csv", "species", "out"]
    medium = [*BY_HAND, "medium.csv", "label", "out", "--categories", "c0,c1,c2,c3"]
    print("| whole process, against the script by hand | wall | CPU | peak memory | aim (wall) |")
    print("|---|---:|---:|---:|---:|")

    def show(name: str, limit: float | None, ours: list[str], theirs: list[str], times: int = count) -> None:
        if only in name:
            print(row(name, limit, pairs([*WEEK2KIT, *ours], theirs, folder, times)), flush=True)

    show("`train`, iris (150 x 5)", 1.10, ["train", "iris.json"], iris)
    show("`train`, 50,000 x 20 mixed columns", 1.05, ["train", "medium.json"], medium)
    show("`train -- python train.py`, a script of 2 s", 1.10, ["train", "--", *medium], medium)
    if large:
        by_hand = [*BY_HAND, "large.csv", "label", "out"]
        show("`train`, 1,000,000 x 20", 1.10, ["train", "large.json"], by_hand, max(3, count // 2))
    shutil.rmtree(folder / "runs", ignore_errors=True)
    for number in range(20):
        subprocess.run(
            [*WEEK2KIT, "train", "iris.json", "--name", f"run{number}", "--seed", str(number)],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    show("`verify` of one run, iris", 1.15, ["verify", "runs/run0"], iris)
    show("`verify` of 20 runs, iris, against one script", 2.50, ["verify", "runs"], iris)
    show("`report` of two runs, without a test", 0.15, ["report", "--only-named", "runs/run0", "runs/run1"], iris)
    for name, more in (("c", []), ("folds", FOLDS), ("folds-c", FOLDS)):
        changed = ["--set", "model.params.C=0.1"] if name.endswith("c") else []
        subprocess.run(
            [*WEEK2KIT, "train", "iris.json", "--name", name, "--seed", "0", *more, *changed, "--runs-dir", "pairs"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    show("`report` of two runs, with tests", 0.25, ["report", "--only-named", "runs/run0", "pairs/c"], iris)
    show("`report` of two runs in folds", None, ["report", "--only-named", "pairs/folds", "pairs/folds-c"], iris)
    for number in range(20, 1000):
        shutil.copytree(folder / "runs" / f"run{number % 20}", folder / "runs" / f"run{number}")
    show("`report` of 1,000 runs", 1.00, ["report", "runs"], iris, max(3, count // 2))
    show(
        "`--help`, against `import sklearn, pandas`", 0.12, ["--help"], [sys.executable, "-c", "import sklearn, pandas"]
    )


if __name__ == "__main__":
    main()
