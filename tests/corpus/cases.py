"""The corpus, row by row: what was made, and the verdict and the proven causes that it must get.

A run is trained on one of the machines of `trained.py`, perhaps edited afterwards with everything that follows from
the edit, so that its folder agrees with itself, and verified.
"""

from __future__ import annotations

# ruff: noqa: E501, TID252  a row is a line; the copies of the tampering table are in the folder beside
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..tampering.copies import Copy, one_label, scores_scaled, scores_shifted

Kind = Literal["honest", "defect", "forgery", "race or draw", "lucky agreement"]


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        machine, config: what was trained, and where.
        change: what was done to it afterwards.
        verdict: what must be said; None for a run that must not be readable.
        causes: the factors that must be proven to be the cause, and no others.
        verifier: the machine that verifies.
    """

    id: str
    kind: Kind
    machine: str
    config: str
    verdict: str | None
    causes: frozenset[str] = frozenset()
    change: Callable[[Copy], object] = lambda copy: None
    verifier: str = "here"


CASES: list[Case] = []

KERNEL, SIMD, LIBM, THREADS = "blas.kernel", "simd", "libm", "blas.threads"

# --- honest runs, from here and from elsewhere -------------------------------------------------------------------


def honest(machine: str, config: str, *causes: str, verifier: str = "here") -> None:
    """A run as it was trained: explained by these causes, identical where there are none."""
    verdict = "explained" if causes else "identical"
    row = f"{config}-from-{machine}" + (f"-verified-on-{verifier}" if verifier != "here" else "")
    CASES.append(Case(row, "honest", machine, config, verdict, frozenset(causes), verifier=verifier))


for name in ("unfinished", "penguins", "forest", "boosting", "tree", "stacked"):
    honest("here", name)

honest("haswell", "unfinished", KERNEL)
honest("haswell", "penguins", KERNEL)
honest("haswell", "calibrated", KERNEL)
honest("haswell", "bayes")
honest("haswell", "neighbours")
honest("nehalem", "unfinished", KERNEL)
honest("prescott", "unfinished", KERNEL)
honest("simd", "logistic", SIMD)
honest("simd", "neighbours", SIMD)  # only a metric moves: its logarithms are others
honest("libm", "unfinished", LIBM)
# C1: kernels and threads
honest("two", "gp", KERNEL, THREADS)
honest("two", "unfinished", KERNEL)
honest("two", "boosting")
# C2: the class of processors with AVX2, and no AVX-512
honest("avx2", "logistic", KERNEL, SIMD)
# C2b: the class before AVX
honest("sse", "unfinished", KERNEL, LIBM)
honest("sse", "pca", KERNEL, LIBM, SIMD)
honest("sse", "bayes", SIMD)
honest("sse", "tree")
# C3: eight threads where fewer processors are
honest("eight", "gp", THREADS)
honest("eight", "gp", THREADS, verifier="one processor")
honest("eight", "svc", verifier="one processor")
# C6: forests whose trees are added up by two threads
honest("two", "forest")
honest("two", "bagged")
# jobs: as many as there are CPUs, or as a session says
honest("one counted", "by_cpus", "cpus")
honest("here", "by_cpus", "cpus", verifier="one processor")
honest("notebook", "by_session", "jobs")
honest("notebook", "penguins")
honest("notebook", "tree_search")
honest("here", "tree_search")
# where k-means would race
honest("wide", "kmeans")
# upward, where this processor can
honest("here", "unfinished", KERNEL, LIBM, verifier="sse")

# --- draws and races ---------------------------------------------------------------------------------------------

for machine, name in (
    ("here", "drawn_forest"),
    ("here", "drawn_mlp"),
    ("here", "drawn_by_a_grid"),
    ("here", "drawn_by_isomap"),
    ("haswell", "drawn_forest"),
    ("here", "race"),
    ("haswell", "race"),
    ("wide", "wide_race"),  # it races with the recorded number of threads only
):
    CASES.append(Case(f"{name}-from-{machine}", "race or draw", machine, name, "unstable"))


# --- edits --------------------------------------------------------------------------------------------------------


def changed(
    kind: Kind, row: str, source: str, change: Callable[[Copy], object], verdict: str | None, *causes: str
) -> None:
    """A row made from the run ``machine/config`` by an edit."""
    machine, config = source.split("/")
    CASES.append(Case(f"{kind.split()[0]}-{row}", kind, machine, config, verdict, frozenset(causes), change))


def _forged(copy: Copy) -> None:
    """One wrong label becomes right, with scores, metrics, report and digests."""
    copy.forge_predictions(one_label)


def _claims(place: str, new: Any) -> Callable[[Copy], None]:
    """The forgery, and a fact of the environment to excuse it."""
    return lambda copy: (_forged(copy), copy.set(f"inputs.environment.{place}", new))[1]


def _claims_all_of(machine: str, config: str) -> Callable[[Copy], None]:
    """The forgery, and the whole environment of an honest run of another machine."""

    def change(copy: Copy) -> None:
        _forged(copy)
        other = Copy(copy.bases / machine / config, copy.bases)
        copy.set("inputs.environment", other.get("inputs.environment"))

    return change


def _blas(**facts: Any) -> Callable[[Any], Any]:
    return lambda copies: [{**copy, **facts} for copy in copies]


def _table(change: Callable[[list[str]], list[str]]) -> Callable[[Copy], None]:
    """Put a table with other lines into the run folder: what lies there is the run's own, and condemns it."""

    def apply(copy: Copy) -> None:
        before = (copy.project / "penguins.csv").read_bytes().decode().splitlines()
        after = change(before)
        assert after != before
        (copy.project / "penguins.csv").unlink()
        (copy.run / "penguins.csv").write_bytes("".join(f"{line}\n" for line in after).encode())

    return apply


def _one_cell(lines: list[str]) -> list[str]:
    return [lines[0], lines[1].replace("39.1", "39.10001"), *lines[2:]]


def _model_of(config: str) -> Callable[[Copy], None]:
    def change(copy: Copy) -> None:
        other = copy.bases / "here" / config / "runs" / "run" / "model.joblib"
        (copy.run / "model.joblib").write_bytes(other.read_bytes())
        copy.seal()

    return change


def _other_code(copy: Copy) -> None:
    """Trained by another week2kit, which knew the digest of the whole only."""
    copy.set("inputs.code.digest", "0" * 64)
    copy.set("inputs.code.modules", None)


def _seed(copy: Copy) -> None:
    for place in ("seed", "split.random_state", "model.params.random_state"):
        copy.forge_config(place, 1)
    copy.set("inputs.seed.value", 1)


def _also(first: Callable[[Copy], object], second: Callable[[Copy], object]) -> Callable[[Copy], None]:
    return lambda copy: (first(copy), second(copy))[0] and None


def _other_curve(copy: Copy) -> None:
    """The file of the learning curve is gone, and its digest is another one."""
    (copy.run / "curves.json").unlink()
    curve = next(i for i, artifact in enumerate(copy.get("artifacts")) if artifact["name"] == "curves")
    copy.set(f"artifacts.{curve}.sha256", "0" * 64)


LEAK = {"code": "data.leak", "values": {"feature": "island", "score": 1.0, "metric": "balanced_accuracy"}}

# each of the inputs
for row, source, change, verdict in (
    ("data-one-cell", "here/penguins", _table(_one_cell), "different"),
    ("data-last-row-missing", "here/penguins", _table(lambda lines: lines[:-1]), "different"),
    ("data-two-rows-swapped", "here/penguins", _table(lambda lines: [lines[0], lines[2], lines[1], *lines[3:]]), "different"),
    ("data-of-an-unused-column", "here/penguins", _table(lambda lines: [lines[0], *(f"{line[:-4]}1999" for line in lines[1:])]), "identical"),
    ("data-one-cell-from-haswell", "haswell/penguins", _table(_one_cell), "different"),
    ("config-strength", "here/penguins", lambda c: c.forge_config("model.params.C", 0.9), "different"),
    ("config-depth", "here/tree", lambda c: c.forge_config("model.params", {"max_depth": 1, "random_state": 0}), "different"),
    ("config-strength-from-haswell", "haswell/unfinished", lambda c: c.forge_config("model.params.C", 0.9), "different"),
    ("config-preprocessing", "here/penguins", lambda c: c.forge_config("preprocess", "auto"), "different"),
    ("config-test-size", "here/penguins", lambda c: c.forge_config("split.test_size", 0.3), "different"),
    ("seed", "here/penguins", _seed, "different"),
    ("code-digest", "here/penguins", _other_code, "identical"),
    ("environment-processor", "here/penguins", lambda c: c.set("inputs.environment.cpu.model", "Z80"), "identical"),
    ("environment-python", "here/penguins", lambda c: c.set("inputs.environment.python", "3.11.99"), "identical"),
    ("split-positions", "here/penguins", lambda c: c.set("outcome.split.positions", "0" * 64), "different"),
    ("training-metric", "here/penguins", lambda c: c.set("outcome.metrics.accuracy.training", 1.0), "different"),
    ("model-of-another-run", "here/penguins", _model_of("tree"), "different"),
    ("warning-left-out", "here/by_session", lambda c: c.set("warnings", lambda told: told[1:]), "different"),
    ("warning-added", "here/penguins", lambda c: c.set("warnings", lambda told: [*told, LEAK]), "different"),
    ("curve-without-its-file", "here/curve", _other_curve, "different"),
    ("metric-alone", "here/penguins", lambda c: c.set("outcome.metrics.accuracy.value", 0.999), "tampered"),
    ("metric-alone-from-haswell", "haswell/unfinished", lambda c: c.set("outcome.metrics.accuracy.value", 0.999), "tampered"),
):  # fmt: skip
    changed("defect", row, source, change, verdict)

# what agrees by luck
for row, source, change, verdict in (
    ("tree-without-seed", "here/lucky_tree", lambda c: None, "identical"),  # every draw gives these scores
    ("tree-without-seed-from-haswell", "haswell/lucky_tree", lambda c: None, "identical"),
    ("boosting-without-seed", "here/lucky_boosting", lambda c: None, "identical"),
    ("other-seed-and-same-metrics", "here/tree", lambda c: c.forge_config("model.params.random_state", 1), "different"),
    ("other-solver-and-same-scores", "here/neighbours", lambda c: c.forge_config("model.params", {"algorithm": "brute"}), "different"),
    ("last-digit-of-a-score", "here/logistic", lambda c: c.forge_predictions(scores_shifted), "different"),
    ("strength-and-same-accuracy", "here/svc", lambda c: c.forge_config("model.params.C", 1.0001), "different"),
):  # fmt: skip
    changed("lucky agreement", row, source, change, verdict)

# a forged metric, and an environment that shall excuse it
ODD = 'Haswell\n$(touch x); `x` "%s" \x1b[31m\u202e' + "Q" * 9_000
for row, source, change, verdict in (
    ("alone", "here/penguins", _forged, "different"),
    ("of-a-run-from-haswell", "haswell/unfinished", _forged, "different"),
    ("of-a-run-from-sse", "sse/pca", _forged, "different"),
    ("claims-haswell", "here/unfinished", _claims_all_of("haswell", "unfinished"), "different"),
    ("claims-sse", "here/logistic", _claims_all_of("sse", "tree"), "different"),
    ("claims-two-threads", "here/logistic", _claims_all_of("two", "forest"), "different"),
    ("claims-haswell-by-name", "here/logistic", _claims("blas", _blas(architecture="Haswell")), "different"),
    ("claims-another-processor", "here/logistic", _claims("cpu.model", "Z80"), "different"),
    ("claims-simd-of-the-future", "here/logistic", _claims("simd", lambda names: [*names, "AVX1024"]), "different"),
    ("claims-no-simd", "here/tree", _claims("simd", []), "different"),
    ("claims-glibc-9.99", "here/logistic", _claims("libm.version", "9.99"), "different"),
    ("claims-quantum-kernels", "here/logistic", _claims("blas", _blas(architecture="Quantum")), "different"),
    ("claims-kernels-of-an-odd-name", "here/tree", _claims("blas", _blas(architecture=ODD)), "different"),
    ("claims-10000-threads", "here/logistic", _claims("blas", _blas(threads=10_000)), "different"),
    ("claims-0-threads-and-10000-of-openmp", "here/tree", _also(_claims("blas", _blas(threads=0)), lambda c: c.set("inputs.environment.openmp_threads", 10_000)), "different"),
    ("claims-200-openmp-threads", "here/tree", _claims("openmp_threads", 200), "different"),
    ("claims-another-fingerprint", "here/tree", _claims("fingerprint.blas", "0" * 64), "different"),
    ("claims-negative-threads", "here/tree", _claims("blas", _blas(threads=-1)), None),
    ("claims-negative-openmp-threads", "here/tree", _claims("openmp_threads", -4), None),
    # what cannot be put back here: undecided, and never explained
    ("claims-another-processor-unfinished", "here/unfinished", _claims("cpu.model", "Z80"), "undecided"),
    ("claims-no-blas", "here/logistic", _claims("blas", []), "undecided"),
    ("claims-windows", "here/logistic", _claims("platform", "Windows-AMD64"), "undecided"),
    ("claims-python-3.99", "here/logistic", _claims("python", "3.99.0"), "undecided"),
    ("claims-scikit-learn-9.9", "here/logistic", _also(_forged, lambda copy: copy.forge_library("scikit-learn", "9.9")), "undecided"),
    ("claims-another-code", "here/logistic", _also(_forged, _other_code), "undecided"),
    # scores within the tolerance, which another processor may well give
    ("in-the-last-digits-claims-another-processor", "here/svc", _also(lambda c: c.forge_predictions(scores_scaled(1 + 1e-13)), lambda c: c.set("inputs.environment.cpu.model", "Z80")), "identical"),
    ("of-a-run-that-draws", "here/drawn_forest", _forged, "unstable"),
):  # fmt: skip
    changed("forgery", row, source, change, verdict)

del name, machine, row, source, change, verdict


def trained_where(cases: list[Case]) -> dict[str, list[str]]:
    """The configs that have to be trained, by machine."""
    found: dict[str, dict[str, None]] = {}
    for case in cases:
        found.setdefault(case.machine, {})[case.config] = None
    return {machine: list(configs) for machine, configs in found.items()}


def named(case: Case) -> Case:
    """The row with an id that can be a folder's name."""
    return replace(case, id=case.id.replace(" ", "-"))


CASES[:] = map(named, CASES)
