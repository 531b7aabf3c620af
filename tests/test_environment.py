"""The recorded environment: what took effect, what a fingerprint tells, and which differences count."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy
import sklearn
import sklearn.ensemble
import threadpoolctl

from week2kit.environment import facts as environment
from week2kit.environment.comparing import Difference, Uses, differences, same_versions
from week2kit.environment.facts import record_environment
from week2kit.environment.probes import fingerprint
from week2kit.record.manifest import Blas, Environment, Libm
from week2kit.record.requirements import DECIDING_LIBRARIES, requirements_text

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def here() -> Environment:
    return record_environment()


def child(code: str, **variables: str) -> str:
    """What `code` prints in a fresh process, from which this one's switches are kept away."""
    switches = ("OMP_", "OPENBLAS_", "NPY_", "GLIBC_TUNABLES", "MKL_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(switches)}
    return subprocess.run(
        [sys.executable, "-c", f"import sklearn.ensemble, pandas\n{code}"],
        env={**inherited, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def child_environment(**variables: str) -> Environment:
    code = "from week2kit.environment.facts import record_environment; print(record_environment().model_dump_json())"
    return Environment.model_validate_json(child(code, **variables))


@pytest.fixture(scope="module")
def native() -> Environment:
    return child_environment()


# --- facts ------------------------------------------------------------------------------------------------------


def test_it_records_the_versions_of_what_is_imported(here: Environment) -> None:
    assert here.python == platform.python_version()
    assert here.platform.startswith(platform.system())
    for name, module in {"numpy": np, "scipy": scipy, "scikit-learn": sklearn, "pandas": pd}.items():
        assert here.libraries[name] == module.__version__
    assert {"joblib", "threadpoolctl", "pydantic", "pytest", "python-dateutil"} <= set(here.libraries)
    assert not {"week2kit", "mypy", "pip", "ruff"} & set(here.libraries)
    assert list(here.libraries) == sorted(here.libraries)


def test_versions_from_folder_names_are_those_of_the_metadata(here: Environment) -> None:
    from importlib.metadata import version

    assert here.libraries == {name: version(name) for name in here.libraries}


def test_further_modules_are_recorded_by_their_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site-packages" / "my_models-1.2.post1.dist-info").mkdir(parents=True)
    (tmp_path / "site-packages" / "idle-3.0-py3.11.egg-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    libraries = record_environment(["my_models.forest", "no_such_module"]).libraries
    assert libraries["my-models"] == "1.2.post1"
    assert not {"idle", "no-such-module"} & set(libraries)
    assert record_environment(["idle"]).libraries["idle"] == "3.0"


def test_what_a_further_module_requires_is_recorded_where_nothing_imported_it() -> None:
    """A process that only describes itself imports none of them, and the version is in force all the same."""
    code = (
        "import json, sys; import pandas, sklearn; from week2kit.environment.facts import record_environment\n"
        "print(json.dumps([*record_environment(['hypothesis']).libraries]))\n"
        "assert 'sortedcontainers' not in sys.modules"
    )
    assert {"hypothesis", "sortedcontainers"} <= set(json.loads(child(code)))


def test_libraries_kept_outside_site_packages_are_found(monkeypatch: pytest.MonkeyPatch, here: Environment) -> None:
    monkeypatch.setattr(environment, "_installed", dict)
    libraries = record_environment().libraries
    assert libraries == {name: here.libraries[name] for name in libraries}
    assert set(DECIDING_LIBRARIES) < set(libraries)


def test_it_reads_back_threads_instead_of_variables() -> None:
    with threadpoolctl.threadpool_limits(1):
        recorded = record_environment()
    assert {blas.threads for blas in recorded.blas} == {1}


def test_every_copy_of_the_blas_has_its_owner(here: Environment) -> None:
    files = [Path(each["filepath"]).name for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"]
    assert len(here.blas) == len(files)
    assert all(blas.user in ("numpy", "scipy", *files) for blas in here.blas)


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("/v/lib/python3.11/site-packages/numpy.libs/libscipy_openblas64_-32a4b2a6.so", "numpy"),
        ("/v/lib/python3.11/site-packages/scipy/.dylibs/libopenblas.0.dylib", "scipy"),
        (r"C:\v\Lib\site-packages\numpy.libs\libscipy_openblas64_-13e2df515630b4a41f92893938845698.dll", "numpy"),
        ("/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblasp-r0.3.21.so", "libopenblasp-r0.3.21.so"),
        ("/home/ada/numpy-work/conda/lib/libmkl_rt.so.2", "libmkl_rt.so.2"),
    ],
)
def test_a_blas_belongs_to_the_package_that_ships_it(path: str, user: str) -> None:
    assert environment.shipped_by(path) == user


def test_only_listed_variables_are_recorded_and_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("LD_PRELOAD", os.pathsep.join(["/opt/secret/libfaketime.so.1", "/opt/secret/libjemalloc.so"]))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("LC_PAPER", "de_DE")
    variables = record_environment().variables
    assert variables["OMP_NUM_THREADS"] == "3"
    assert variables["LD_PRELOAD"] == os.pathsep.join(["libfaketime.so.1", "libjemalloc.so"])
    assert not {"AWS_SECRET_ACCESS_KEY", "LC_PAPER", "PATH", "HOME"} & set(variables)


def test_nothing_of_this_machine_is_in_the_record(here: Environment) -> None:
    text = here.model_dump_json()
    for secret in (sys.prefix, str(Path.cwd()), str(Path("~").expanduser()), platform.node()):
        assert len(secret) < 4 or secret not in text


def test_facts_without_a_source_are_left_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_first_processor", dict)
    monkeypatch.setattr(environment, "_numpy_core", object)
    monkeypatch.setitem(sys.modules, "sklearn.utils._openmp_helpers", None)
    monkeypatch.setattr(threadpoolctl, "threadpool_info", list)
    recorded = record_environment()
    assert (recorded.cpu.features, recorded.simd, recorded.openmp_threads, recorded.blas) == ([], [], None, [])
    assert recorded.cpu.model


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux")
def test_the_c_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "confstr", lambda name: "glibc 2.36")
    assert environment._libm() == Libm(name="glibc", version="2.36")
    monkeypatch.setattr(os, "confstr", unknown)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("musl", "1.2.5"))
    assert environment._libm() == Libm(name="musl", version="1.2.5")


def test_recording_takes_no_time_to_speak_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def best(function: object) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            function()  # type: ignore[operator]
            times.append(time.perf_counter() - start)
        return min(times)

    assert best(fingerprint) < 0.05
    monkeypatch.setattr("week2kit.environment.probes.fingerprint", dict)
    assert best(record_environment) < 0.03


# --- fingerprint ------------------------------------------------------------------------------------------------


def test_a_fingerprint_does_not_depend_on_process_threads_or_memory(native: Environment) -> None:
    prints = "from week2kit.environment.probes import fingerprint; import json; print(json.dumps(fingerprint()))"
    scattered = "import numpy; kept = [numpy.ones(n * 37 % 1001) for n in range(400)][::3]\n"
    for code, variables in (
        (prints, {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7"}),
        (scattered + prints, {"OPENBLAS_NUM_THREADS": "2"}),
    ):
        assert json.loads(child(code, **variables)) == native.fingerprint
    assert set(native.fingerprint) == {"blas", "lapack", "ufunc", "libm"}


def test_a_fingerprint_leaves_thread_counts_as_they_were() -> None:
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threadpoolctl.threadpool_info()
        fingerprint()
        assert sorted(map(str, threadpoolctl.threadpool_info())) == sorted(map(str, before))


def changed(before: Environment, after: Environment) -> set[str]:
    return {difference.factor for difference in differences(before, after)}


@pytest.mark.parametrize("kernel", ["Haswell", "Nehalem"])
def test_another_blas_kernel_is_seen(native: Environment, kernel: str) -> None:
    other = child_environment(OPENBLAS_CORETYPE=kernel)
    if [blas.architecture for blas in other.blas] == [blas.architecture for blas in native.blas]:
        pytest.skip("this BLAS has no kernels to choose from, or runs this one already")
    assert changed(native, other) == {"blas.kernel", "fingerprint.blas", "fingerprint.lapack"}


@pytest.mark.newest  # the features have other names, in another module, before numpy 2
def test_other_simd_features_are_seen(native: Environment) -> None:
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    dispatched = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    if not dispatched:
        pytest.skip("numpy has no SIMD features to switch off here")
    other = child_environment(NPY_DISABLE_CPU_FEATURES=" ".join(dispatched))
    assert changed(native, other) == {"simd", "fingerprint.ufunc"}


@pytest.mark.skipif("fma" not in environment._cpu().features, reason="the C library has no other variant here")
def test_another_variant_of_the_c_library_is_seen(native: Environment) -> None:
    other = child_environment(GLIBC_TUNABLES="glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2_Usable,-AVX2")
    assert changed(native, other) == {"fingerprint.libm", "fingerprint.ufunc"}


# --- differences ------------------------------------------------------------------------------------------------


def test_an_environment_does_not_differ_from_itself(here: Environment) -> None:
    assert differences(here, Environment.model_validate_json(here.model_dump_json())) == []


def library(name: str, version: str) -> dict[str, dict[str, str]]:
    return {"libraries": {**record_libraries(), name: version}}


def record_libraries() -> dict[str, str]:
    return {"numpy": "2.4.6", "scipy": "1.17.1", "scikit-learn": "1.9.1", "pandas": "3.1.1", "joblib": "1.6.0"}


def blas(**changes: object) -> dict[str, list[Blas]]:
    one = Blas(user="numpy", vendor="openblas", version="0.3.30", architecture="SkylakeX", threads=1)
    return {"blas": [one.model_copy(update=changes), one.model_copy(update={"user": "scipy"})]}


@pytest.fixture
def recorded(here: Environment) -> Environment:
    fixed = {"libm": Libm(name="glibc", version="2.36"), "simd": ["X86_V3"], "openmp_threads": 1, **blas()}
    fixed |= {"cpus": 2, "cpus_allowed": 2, "jobs": 1}
    return here.model_copy(update={**fixed, "python": "3.11.7", "libraries": record_libraries()})


@pytest.mark.parametrize(
    ("change", "factor", "before", "after"),
    [
        ({"python": "3.12.1"}, "python", "3.11.7", "3.12.1"),
        ({"implementation": "PyPy"}, "implementation", platform.python_implementation(), "PyPy"),
        (library("numpy", "2.3.5"), "library.numpy", "2.4.6", "2.3.5"),
        (library("scipy", "1.16.3"), "library.scipy", "1.17.1", "1.16.3"),
        (library("scikit-learn", "1.9.0"), "library.scikit-learn", "1.9.1", "1.9.0"),
        (library("pandas", "2.3.3"), "library.pandas", "3.1.1", "2.3.3"),
        (library("joblib", "1.5.2"), "library.joblib", "1.6.0", "1.5.2"),
        (library("xgboost", "3.0.0"), "library.xgboost", None, "3.0.0"),
        (
            blas(architecture="Haswell"),
            "blas.kernel",
            {"numpy": "SkylakeX", "scipy": "SkylakeX"},
            {"numpy": "Haswell", "scipy": "SkylakeX"},
        ),
        (
            blas(version="0.3.21"),
            "blas.version",
            {"numpy": "0.3.30", "scipy": "0.3.30"},
            {"numpy": "0.3.21", "scipy": "0.3.30"},
        ),
        (
            blas(vendor="mkl"),
            "blas.vendor",
            {"numpy": "openblas", "scipy": "openblas"},
            {"numpy": "mkl", "scipy": "openblas"},
        ),
        (blas(threads=8), "blas.threads", {"numpy": 1, "scipy": 1}, {"numpy": 8, "scipy": 1}),
        ({"openmp_threads": 4}, "openmp.threads", 1, 4),
        ({"openmp_threads": None}, "openmp.threads", 1, None),
        ({"jobs": 4}, "jobs", 1, 4),
        ({"cpus": 4}, "cpus", 2, 4),
        ({"cpus": None, "cpus_allowed": 4}, "cpus", 2, 4),  # of a record that does not have it, what was allowed
        ({"simd": []}, "simd", ["X86_V3"], []),
        ({"libm": Libm(name="musl", version=None)}, "libm", "glibc 2.36", "musl"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else None,
)
def test_a_fact_that_can_change_bits_is_a_difference(
    recorded: Environment, change: Mapping[str, object], factor: str, before: object, after: object
) -> None:
    found = differences(recorded, recorded.model_copy(update=change), Uses(("xgboost",), cpus=True))
    assert found == [Difference(factor, before, after)]


@pytest.mark.parametrize(
    "change",
    [
        {"cpus_allowed": 64, "cpus": 64},
        {"jobs": None},
        {"variables": {"OMP_NUM_THREADS": "8", "LANG": "tr_TR.UTF-8"}},
        library("rich", "1.0"),
        library("threadpoolctl", "3.1.0"),
    ],
    ids=[
        "cpus of a run without jobs",
        "jobs of an old record",
        "variables",
        "a library that computes nothing",
        "threadpoolctl",
    ],
)
def test_a_fact_that_acts_through_others_is_no_difference(recorded: Environment, change: Mapping[str, object]) -> None:
    assert differences(recorded, recorded.model_copy(update=change)) == []


def test_differences_come_in_a_fixed_order(recorded: Environment) -> None:
    change = {"simd": [], "python": "3.13.0", "fingerprint": {}, **library("scipy", "1.0"), **blas(threads=2)}
    factors = [difference.factor for difference in differences(recorded, recorded.model_copy(update=change))]
    prints = ["fingerprint.blas", "fingerprint.lapack", "fingerprint.ufunc", "fingerprint.libm"]
    assert factors == ["python", "library.scipy", "blas.threads", "simd", *prints]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        (library("pandas", "2.3.3"), True),
        ({"openmp_threads": 4}, True),
        ({"python": "3.11.8"}, False),
        (library("numpy", "2.3.5"), False),
        (library("scipy", "1.16.3"), False),
        (library("scikit-learn", "1.9.0"), False),
        (library("joblib", "1.5.2"), False),
    ],
)
def test_model_bytes_count_between_the_same_versions_only(
    recorded: Environment, change: Mapping[str, object], same: bool
) -> None:
    assert same_versions(recorded, recorded.model_copy(update=change)) is same


def test_requirements_are_sorted_lines(recorded: Environment) -> None:
    text = requirements_text(recorded)
    assert text == "joblib==1.6.0\nnumpy==2.4.6\npandas==3.1.1\nscikit-learn==1.9.1\nscipy==1.17.1\n"
