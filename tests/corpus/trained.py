"""The honest runs of the corpus: small configs of many kinds, trained under the environments of other machines.

An environment is brought about from outside, by variables of the process that trains, or by threadpoolctl in it; so
the runs owe nothing to the code of week2kit that puts facts back.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def _config(dataset: str, model: Any, *, preprocess: Any = "auto-scaled", metrics: Any = None, **more: Any) -> Any:
    data = {"path": "penguins.csv", "target": "species", "drop": ["year"]} if dataset == "penguins" else None
    config = {"data": data or {"dataset": dataset}, "preprocess": preprocess, "model": model, "seed": 0, **more}
    return config if metrics is None else {**config, "metrics": metrics}


def _model(name: str, **params: Any) -> dict[str, Any]:
    return {"class": name, "params": params}


LOGISTIC = "sklearn.linear_model.LogisticRegression"
FOREST = "sklearn.ensemble.RandomForestRegressor"
BAGGING = "sklearn.ensemble.BaggingRegressor"
SHALLOW = _model("sklearn.tree.DecisionTreeRegressor", max_depth=4)
SCORES = ["accuracy", "log_loss"]
QUARTER = {"split": {"test_size": 0.25, "stratify": True}}

CONFIGS: Mapping[str, dict[str, Any]] = {
    # it stops before it converged: what it gives hangs on the processor
    "unfinished": _config(
        "breast_cancer", _model(LOGISTIC, max_iter=100), preprocess="none", metrics=SCORES, **QUARTER
    ),
    "logistic": _config("iris", _model(LOGISTIC), metrics=SCORES),
    "penguins": _config("penguins", _model(LOGISTIC, max_iter=500), metrics=SCORES),
    "pca": _config(
        "digits",
        _model(LOGISTIC, max_iter=40),
        preprocess=[
            _model("sklearn.preprocessing.StandardScaler"),
            _model("sklearn.decomposition.PCA", n_components=12),
        ],
        metrics=SCORES,
    ),
    "svc": _config("wine", _model("sklearn.svm.SVC", probability=False), metrics=["accuracy"]),
    "gp": _config("diabetes", _model("sklearn.gaussian_process.GaussianProcessRegressor", alpha=0.1)),
    "bayes": _config("wine", "naive_bayes", metrics=SCORES),
    "forest": _config("diabetes", _model(FOREST, n_estimators=20, n_jobs=2)),
    "boosting": _config(
        "breast_cancer", _model("sklearn.ensemble.HistGradientBoostingClassifier", max_iter=20), metrics=SCORES
    ),
    "neighbours": _config("iris", _model("sklearn.neighbors.KNeighborsClassifier"), metrics=SCORES),
    "calibrated": _config(
        "breast_cancer",
        _model("sklearn.calibration.CalibratedClassifierCV", estimator=_model("sklearn.svm.LinearSVC", dual=False)),
        metrics=SCORES,
    ),
    "tree": _config("iris", "decision_tree", preprocess="none", metrics=["accuracy"]),
    "lda": _config("digits", _model("sklearn.discriminant_analysis.LinearDiscriminantAnalysis"), metrics=SCORES),
    "spread": _config(
        "digits",
        _model(LOGISTIC, max_iter=40),
        preprocess=[_model("sklearn.kernel_approximation.Nystroem", n_components=40, gamma=0.0005)],
        metrics=SCORES,
    ),
    "kmeans": _config(
        "digits",
        _model(LOGISTIC, max_iter=40),
        preprocess=[_model("sklearn.cluster.KMeans", n_clusters=12, n_init=1)],
        metrics=SCORES,
    ),
    "stacked": _config(
        "diabetes",
        _model("sklearn.ensemble.StackingRegressor", estimators=[["f", _model(FOREST, n_estimators=15, n_jobs=2)]]),
    ),
    "bagged": _config(
        "diabetes",
        _model("sklearn.ensemble.BaggingRegressor", n_estimators=3, estimator=_model(FOREST, n_estimators=7, n_jobs=2)),
    ),
    # it draws job by job: as many as there are CPUs, or as the session says
    "by_cpus": _config("diabetes", _model(BAGGING, n_estimators=31, estimator=SHALLOW, n_jobs=-1), metrics=["r2"]),
    "by_session": _config("diabetes", _model(BAGGING, n_estimators=31, estimator=SHALLOW), metrics=["r2"]),
    "tree_search": _config("wine", _model("sklearn.neighbors.KNeighborsClassifier", algorithm="kd_tree", n_jobs=2)),
    "race": _config("diabetes", _model("racing.Racing"), metrics=["r2"]),
    "wide_race": _config("diabetes", _model("racing.RacingWide"), metrics=["r2"]),
    "curve": _config("wine", "naive_bayes", metrics=SCORES, learning_curve=True),
    # they draw without a seed
    "lucky_tree": _config("iris", _model("decision_tree", random_state=None), preprocess="none", metrics=["accuracy"]),
    "lucky_boosting": _config(
        "iris", _model("sklearn.ensemble.AdaBoostClassifier", n_estimators=5, random_state=None), metrics=SCORES
    ),
    # a draw that gets every row right would leave nothing to forge: three trees never do on these digits
    "drawn_forest": _config("digits", _model("random_forest", n_estimators=3, random_state=None), metrics=["accuracy"]),
    "drawn_by_a_grid": _config(
        "digits",
        _model(
            "sklearn.model_selection.GridSearchCV",
            cv=2,
            estimator=_model("sklearn.ensemble.RandomForestClassifier", n_estimators=3),
            param_grid={"random_state": [None]},
        ),
        metrics=["accuracy"],
    ),
    "drawn_by_isomap": _config(
        "breast_cancer",
        _model(LOGISTIC),
        preprocess=[_model("sklearn.preprocessing.StandardScaler"), _model("sklearn.manifold.Isomap", n_components=3)],
        metrics=SCORES,
    ),
    "drawn_mlp": _config(
        "iris", _model("sklearn.neural_network.MLPClassifier", max_iter=30, random_state=None), metrics=["accuracy"]
    ),
}


@dataclass(frozen=True)
class Machine:
    """An environment to train in: variables of the process, and threads that only threadpoolctl can ask for.

    `simd` names the best of numpy's features that stay (by their generation), and None leaves all of them. `cpus` is
    what joblib counts, `session` whether a notebook has settings of its own: two jobs, and tables of pandas.
    """

    kernel: str | None = None
    simd: int | None = None
    libm: bool = True
    threads: int = 1
    openmp: int = 1
    pooled: int | None = None
    processors: int | None = None
    cpus: int | None = None
    session: bool = False

    def variables(self) -> dict[str, str]:
        found = {
            "OMP_NUM_THREADS": str(self.openmp),
            "OPENBLAS_NUM_THREADS": str(self.threads),
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        if self.kernel is not None:
            found["OPENBLAS_CORETYPE"] = self.kernel
        if self.simd is not None:
            found["NPY_DISABLE_CPU_FEATURES"] = " ".join(_beyond(self.simd))
        if self.cpus is not None:
            found["LOKY_MAX_CPU_COUNT"] = str(self.cpus)
        if not self.libm:
            found["GLIBC_TUNABLES"] = "glibc.cpu.hwcaps=-FMA,-FMA4"
        return found


def _beyond(generation: int) -> list[str]:
    """The features that numpy would use here, of later generations of x86-64 than `generation`."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return [
        name
        for name in __cpu_dispatch__
        if __cpu_features__[name] and (generation < 3 or name not in ("X86_V3", "AVX2", "FMA3", "AVX", "F16C"))
    ]


MACHINES: Mapping[str, Machine] = {
    "here": Machine(),
    "haswell": Machine(kernel="Haswell"),
    "nehalem": Machine(kernel="Nehalem"),
    "prescott": Machine(kernel="Prescott"),
    "simd": Machine(simd=2),
    "libm": Machine(libm=False),
    "avx2": Machine(kernel="Haswell", simd=3),
    "sse": Machine(kernel="Nehalem", simd=2, libm=False),
    "two": Machine(kernel="Haswell", threads=2, openmp=2),
    "eight": Machine(pooled=8),
    "wide": Machine(openmp=4),
    "one processor": Machine(processors=1),
    "one counted": Machine(cpus=1),
    "notebook": Machine(session=True),
}


def train_on(machine: str, names: Sequence[str], directory: Path) -> None:
    """Train configs on a machine, all in one process: into ``directory/NAME/runs/run``, the data beside ``runs``."""
    for name in names:
        (directory / name).mkdir(parents=True)
        shutil.copy(ROOT / "examples" / "penguins" / "penguins.csv", directory / name)
    arguments = json.dumps([list(names), MACHINES[machine].pooled, MACHINES[machine].session])
    done = subprocess.run(
        [sys.executable, "-P", __file__, arguments],
        cwd=directory,
        env=environment(machine),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def environment(machine: str) -> dict[str, str]:
    """The variables of a process on a machine; it finds this checkout's week2kit."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}", **MACHINES[machine].variables()}


def _main() -> None:
    import threadpoolctl

    from week2kit import train

    names, pooled, session = json.loads(sys.argv[1])
    import joblib
    import sklearn.ensemble  # only the libraries that are loaded can be limited

    with threadpoolctl.threadpool_limits(pooled, user_api="blas"), ExitStack() as stack:
        if session:
            stack.enter_context(joblib.parallel_config(n_jobs=2))
            sklearn.set_config(transform_output="pandas")
        for name in names:
            os.chdir(name)
            run = train(CONFIGS[name], name="run", allow_modules=["racing"])
            os.chdir("..")
            assert run.manifest.status == "completed", (name, run.manifest.failure)


if __name__ == "__main__":
    _main()
