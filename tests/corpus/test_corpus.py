"""The corpus: honest runs from other machines, defects, forgeries, races, and what each must be called.

All runs are trained once, on the machines of `trained.py`, and verified together.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from scipy.stats import beta

from week2kit.record.verdict import Verdict, VerdictDocument
from week2kit.sentences.verdicts import describe_verdict
from week2kit.thresholds import EFFORT

from ..tampering.cases import CASES as TAMPERED  # noqa: TID252 - it stands in the folder beside
from ..tampering.copies import Copy  # noqa: TID252
from .cases import CASES, Case, trained_where
from .trained import MACHINES, ROOT, environment, train_on

README = ROOT / "README.md"
BEGIN, END = "<!-- corpus: begin -->\n", "<!-- corpus: end -->\n"


def _missing() -> str | None:
    """Why the corpus cannot be made here: its machines are older classes of one with AVX-512 and OpenBLAS' kernels."""
    from week2kit.environment.facts import record_environment

    here = record_environment()
    if here.platform != "Linux-x86_64" or here.libm.name != "glibc":
        return "needs Linux with glibc on x86-64"
    if not {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= set(here.cpu.features):
        return "needs a processor with AVX-512"
    if {blas.vendor for blas in here.blas} != {"openblas"} or "X86_V4" not in here.simd:
        return "needs numpy from 2.4 on and scipy with OpenBLAS, as their wheels have it"
    return None


MISSING = _missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.newest,  # which model moves by how much hangs on the versions of the libraries
    pytest.mark.skipif(MISSING is not None, reason=f"{MISSING}; the table in the README is not compared"),
]


class Corpus:
    """The verdict of every row that was chosen."""

    def __init__(self, directory: Path, cases: list[Case]) -> None:
        self.verdicts: dict[str, Verdict] = {}
        bases, rows = directory / "bases", directory / "rows"
        needed = trained_where(cases)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda machine: train_on(machine, needed[machine], bases / machine), needed))
        for case in cases:
            shutil.copytree(bases / case.machine / case.config, rows / case.id)
            case.change(Copy(rows / case.id, bases))
        for verifier in dict.fromkeys(case.verifier for case in cases):
            self._add([case for case in cases if case.verifier == verifier], verifier, rows)

    def _add(self, cases: list[Case], verifier: str, rows: Path) -> None:
        folders = {(rows / case.id / "runs" / "run").as_posix(): case.id for case in cases}
        command = [sys.executable, "-P", "-m", "week2kit", "verify", "--json", "--jobs=2", "--allow-module=racing"]
        processors = MACHINES[verifier].processors
        done = subprocess.run(
            [*command, *folders],
            env=environment(verifier),
            preexec_fn=partial(_keep_to, processors) if processors else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode != 70, done.stderr
        self.verdicts |= {folders[v.run]: v for v in VerdictDocument.model_validate_json(done.stdout).runs}


def _keep_to(processors: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:processors])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Corpus:
    """Rows that -k leaves out are not made, unless the table of all of them is asked for."""
    items = [item for item in request.session.items if item.path == request.path]
    chosen = [item.callspec.params["case"] for item in items if item.name.startswith("test_every_row_gets")]
    whole = any(item.name == "test_the_readme_shows_the_confusion_table" for item in items)
    return Corpus(tmp_path_factory.mktemp("corpus"), CASES if whole else chosen)


def proven(verdict: Verdict) -> frozenset[str]:
    """The factors that are said to be the cause; one that was only observed is none."""
    return frozenset(cause.factor for cause in verdict.causes if cause.proof != "observed")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_row_gets_its_verdict_and_its_causes(case: Case, corpus: Corpus) -> None:
    verdict = corpus.verdicts[case.id]
    shown = "\n".join(describe_verdict(verdict))
    assert (verdict.verdict, proven(verdict)) == (case.verdict, case.causes), shown
    assert len(verdict.reruns) <= EFFORT, shown
    if case.verdict == "explained":
        assert all(values.restored == values.recorded for values in verdict.metrics.values()), shown


def test_there_are_enough_rows_of_every_kind() -> None:
    kinds = Counter(case.kind for case in CASES)
    assert sum(kinds.values()) >= 40
    assert min(kinds.values()) >= 5
    assert len({case.id for case in CASES}) == len(CASES)


# --- the table in the README --------------------------------------------------------------------------------------


GIVEN = [
    "identical",
    "explained, these causes",
    "explained, other causes",
    "close",
    "undecided",
    "unstable",
    "different",
    "tampered",
    "unreadable",
]


def table(corpus: Corpus) -> str:
    """Expected verdict and causes against what was given, counted."""
    counts: dict[str, Counter[str]] = {}
    for case in CASES:
        verdict = corpus.verdicts[case.id]
        given = verdict.verdict or "unreadable"
        if proven(verdict) or given == "explained":
            right = given == case.verdict and proven(verdict) == case.causes
            given = "explained, these causes" if right else "explained, other causes"
        counts.setdefault(_expected(case), Counter())[given] += 1
    order = [name.partition(",")[0] for name in GIVEN]
    rows = sorted(counts, key=lambda told: (order.index(told.partition(":")[0]), len(told), told))
    lines = [f"| expected | runs | {' | '.join(GIVEN)} |", "|---" * (len(GIVEN) + 2) + "|"]
    for row in rows:
        cells = (str(counts[row][told] or "") for told in GIVEN)
        lines.append(f"| {row} | {sum(counts[row].values())} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_bounds(counts), ""])


def _bounds(counts: dict[str, Counter[str]]) -> list[str]:
    """What the numbers of rows allow to say of the two worst errors; the tampering table is held row by row."""
    honest = [found for row, found in counts.items() if row.partition(":")[0] in ("identical", "explained")]
    others = [found for row, found in counts.items() if row in ("unstable", "different", "tampered", "unreadable")]
    passed = sum(found[given] for found in others for given in GIVEN[:3])
    condemned = sum(found[given] for found in honest for given in GIVEN[5:])
    bad = sum(map(Counter.total, others)) + sum(c.verdict not in ("identical", "close", "undecided") for c in TAMPERED)
    good = sum(map(Counter.total, honest)) + sum(c.verdict == "identical" for c in TAMPERED)
    return [
        f"With the {len(TAMPERED)} rows of `tests/tampering`, {passed} of {bad} edited, forged, damaged or unstable",
        f"runs passed, and {condemned} of {good} that agree with their record were condemned. Were these drawn at",
        f"random, the true shares would be at most {_at_most(passed, bad)} and {_at_most(condemned, good)} (95 %).",
    ]


def _at_most(seen: int, rows: int) -> str:
    """The one-sided 95 % bound of a share of which `seen` of `rows` were seen (Clopper and Pearson, 1934)."""
    return f"{100 * float(beta.ppf(0.95, seen + 1, rows - seen)):.1f} %"


def _expected(case: Case) -> str:
    name = case.verdict or "unreadable"
    return f"{name}: {', '.join(sorted(case.causes))}" if case.causes else name


def test_the_readme_shows_the_confusion_table(corpus: Corpus) -> None:
    text, now = README.read_text(encoding="utf-8"), table(corpus)
    shown = re.search(f"{re.escape(BEGIN)}(.*?){re.escape(END)}", text, flags=re.DOTALL)
    assert shown is not None
    if os.environ.get("WEEK2KIT_REFRESH"):
        README.write_text(f"{text[: shown.start(1)]}{now}{text[shown.end(1) :]}", encoding="utf-8")
    assert shown[1] == now
