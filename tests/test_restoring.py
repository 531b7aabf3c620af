"""Which recorded facts can be put back, and how: from two environments to conditions, without any training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from week2kit.environment.comparing import Uses
from week2kit.environment.conditions import Conditions
from week2kit.environment.restoring import KERNELS, plan_restoring, provocations, version_factors
from week2kit.record.manifest import Environment

AVX512 = ["avx", "avx2", "avx512bw", "avx512dq", "avx512f", "avx512vl", "fma", "sse4_2"]
AVX2 = ["avx", "avx2", "fma", "sse4_2"]
DIGESTS = dict.fromkeys(("blas", "lapack", "ufunc", "libm"), "0" * 64)


def environment(**changed: Any) -> Environment:
    """A machine with AVX-512 and two processors, with these parts changed."""
    kernel, threads = changed.pop("kernel", "SkylakeX"), changed.pop("threads", 2)
    features = changed.pop("features", AVX512)
    blas = [
        {"user": user, "vendor": "openblas", "version": "0.3.30", "architecture": kernel, "threads": threads}
        for user in ("numpy", "scipy")
    ]
    return Environment.model_validate(
        {
            "python": "3.11.7",
            "implementation": "CPython",
            "platform": "Linux-x86_64",
            "cpu": {"model": "a processor", "features": features},
            "cpus_allowed": 2,
            "cpus": 2,
            "jobs": 1,
            "libraries": {"numpy": "2.4.6", "scipy": "1.17.1", "scikit-learn": "1.9.1", "pandas": "3.1.1"},
            "blas": blas,
            "openmp_threads": 2,
            "simd": ["X86_V2", "X86_V3", "X86_V4"],
            "libm": {"name": "glibc", "version": "2.36"},
            "variables": {},
            "fingerprint": DIGESTS,
            **changed,
        }
    )


HERE = environment()


@pytest.mark.parametrize(
    ("recorded", "factors"),
    [
        ({}, {}),
        ({"kernel": "Haswell"}, {"blas.kernel": Conditions(kernel="Haswell")}),
        ({"kernel": "Katmai"}, {"blas.kernel": Conditions(kernel="Prescott")}),
        ({"threads": 8}, {"blas.threads": Conditions(blas_threads=(("numpy", 8), ("scipy", 8)))}),
        (
            {"openmp_threads": 8},
            {"openmp.threads": Conditions(openmp_threads=8, blas_threads=(("numpy", 2), ("scipy", 2)))},
        ),
        ({"simd": ["X86_V2", "X86_V3"]}, {"simd": Conditions(simd_off=("X86_V4",))}),
        ({"fingerprint": {**DIGESTS, "libm": "1" * 64}}, {"libm": Conditions(libm="glibc.cpu.hwcaps=-FMA,-FMA4")}),
        # what follows from other facts is nothing to put back
        ({"fingerprint": {**DIGESTS, "blas": "1" * 64}}, {}),
        # provenance: it acts through other facts
        ({"cpus_allowed": 64, "variables": {"OMP_NUM_THREADS": "7"}}, {}),
    ],
)
def test_what_can_be_put_back(recorded: dict[str, Any], factors: dict[str, Conditions]) -> None:
    plan = plan_restoring(environment(**recorded), HERE)
    assert {factor.name: factor.conditions for factor in plan.factors} == factors
    assert plan.stuck == {}


@pytest.mark.parametrize(
    ("recorded", "factors", "stuck"),
    [
        ({"cpus": 8}, {"cpus": Conditions(cpus=8)}, {}),
        ({"jobs": 4}, {"jobs": Conditions(default_jobs=4)}, {}),
        ({"jobs": 0}, {}, {"jobs": ("threads", 0)}),
        ({"jobs": 10_000, "cpus": 10_000}, {}, {"jobs": ("threads", 10_000), "cpus": ("threads", 10_000)}),
        ({"jobs": None, "cpus": None}, {}, {}),
        ({"cpus": None, "cpus_allowed": 8}, {}, {"cpus": ("uncounted", None)}),
    ],
)
def test_the_number_of_jobs_can_be_put_back_where_it_counts(
    recorded: dict[str, Any], factors: dict[str, Conditions], stuck: dict[str, Any]
) -> None:
    plan = plan_restoring(environment(**recorded), HERE, Uses(cpus=True))
    assert {factor.name: factor.conditions for factor in plan.factors} == factors
    assert plan.stuck == stuck
    assert "cpus" not in {factor.name for factor in plan_restoring(environment(**recorded), HERE).factors}


def test_a_library_that_a_run_uses_is_named_with_the_version_to_install() -> None:
    plan = plan_restoring(environment(libraries={**HERE.libraries, "xgboost": "3.0"}), HERE, Uses(("xgboost",)))
    assert plan.stuck == {"library.xgboost": ("library", "3.0")}


@pytest.mark.parametrize(
    ("recorded", "stuck"),
    [
        ({"kernel": "Quantum"}, {"blas.kernel": ("unknown", "Quantum")}),
        ({"kernel": "Haswell\nPATH=x"}, {"blas.kernel": ("unknown", "Haswell\nPATH=x")}),
        ({"kernel": "x" * 10_000}, {"blas.kernel": ("unknown", "x" * 10_000)}),
        ({"kernel": None}, {"blas.kernel": ("unknown", None)}),
        ({"kernel": "Cooperlake"}, {"blas.kernel": ("needs", ["avx512_bf16"])}),
        ({"threads": 10_000}, {"blas.threads": ("threads", 10_000)}),
        ({"threads": 0}, {"blas.threads": ("threads", 0)}),
        ({"openmp_threads": 10_000}, {"openmp.threads": ("threads", 10_000)}),
        ({"openmp_threads": None}, {"openmp.threads": ("unknown", None)}),
        ({"simd": ["X86_V2", "X86_V9"]}, {"simd": ("needs", ["X86_V9"])}),
        ({"libm": {"name": "musl", "version": None}}, {"libm": ("machine", None)}),
        ({"libm": {"name": "glibc", "version": "9.99"}}, {"libm": ("machine", None)}),
        ({"python": "3.12.1"}, {"python": ("versions", None)}),
        ({"platform": "Windows-AMD64"}, {"platform": ("machine", None)}),
        ({"cpu": {"model": "another", "features": AVX512}}, {"cpu": ("machine", None)}),
    ],
)
def test_what_cannot_be_put_back_and_why(recorded: dict[str, Any], stuck: dict[str, Any]) -> None:
    plan = plan_restoring(environment(**recorded), HERE)
    assert (plan.factors, plan.stuck) == ([], stuck)


def test_no_blas_at_all_is_no_kernel_to_ask_for() -> None:
    plan = plan_restoring(environment(blas=[]), HERE)
    assert plan.factors == []
    assert {"blas.kernel", "blas.threads"} <= plan.stuck.keys()


def test_the_features_of_another_numpy_have_other_names() -> None:
    older = environment(libraries={"numpy": "1.26.0"}, simd=["AVX2", "FMA3"])
    assert plan_restoring(older, HERE).stuck["simd"] == ("versions", None)


def test_upwards_nothing_is_put_back() -> None:
    old = environment(kernel="Haswell", features=AVX2, simd=["X86_V2", "X86_V3"])
    plan = plan_restoring(HERE, old)
    assert plan.factors == []
    assert plan.stuck["blas.kernel"] == ("needs", ["avx512bw", "avx512dq", "avx512f", "avx512vl"])
    assert plan.stuck["simd"] == ("needs", ["X86_V4"])


def test_what_the_caller_has_switched_off_can_be_switched_on() -> None:
    here = environment(
        kernel="Haswell",
        simd=["X86_V2"],
        fingerprint={**DIGESTS, "libm": "1" * 64},
        variables={
            "NPY_DISABLE_CPU_FEATURES": "X86_V3,X86_V4",
            "OPENBLAS_CORETYPE": "Haswell",
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA",
        },
    )
    conditions = {factor.name: factor.conditions for factor in plan_restoring(HERE, here).factors}
    assert conditions == {
        "libm": Conditions(libm=""),
        "simd": Conditions(simd_off=()),
        "blas.kernel": Conditions(kernel="SkylakeX"),
    }
    assert conditions["simd"].variables() == {"NPY_DISABLE_CPU_FEATURES": ""}


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_kernel_is_asked_for_that_the_processor_cannot_run(kernel: str) -> None:
    plan = plan_restoring(environment(kernel=kernel), environment(kernel="Generic", features=[]))
    assert {factor.conditions.kernel for factor in plan.factors} <= {"Prescott"}


def test_versions_are_factors_of_their_own() -> None:
    older = environment(python="3.12.1", libraries={"numpy": "2.3.5", "scipy": "1.17.1", "rich": "1.0"})
    assert [(f.name, f.recorded, f.conditions.versions) for f in version_factors(older, HERE)] == [
        ("python", "3.12.1", (("python", "3.12.1"),)),
        ("library.numpy", "2.3.5", (("numpy", "2.3.5"),)),
    ]


def test_conditions_add_up() -> None:
    one = Conditions(versions=(("numpy", "2.3.5"),), kernel="Haswell")
    two = Conditions(versions=(("pandas", "2.3.3"),), kernel="Nehalem", umask=0)
    both = one | two
    assert both == Conditions(versions=(("numpy", "2.3.5"), ("pandas", "2.3.3")), kernel="Nehalem", umask=0)
    assert both.need_a_process
    assert not Conditions(umask=0).need_a_process


@pytest.mark.parametrize(
    ("change", "absent"),
    [
        (lambda e: e, set()),
        (lambda e: environment(features=AVX2, kernel="Haswell", simd=["X86_V2", "X86_V3"]), set()),
        (lambda e: environment(blas=[]), {"blas.kernel"}),
        (lambda e: environment(simd=["X86_V2"]), {"simd"}),
        (lambda e: environment(libm={"name": "musl", "version": None}), {"libm"}),
    ],
)
def test_every_factor_that_can_be_changed_is_provoked(
    change: Callable[[Environment], Environment], absent: set[str]
) -> None:
    here = change(HERE)
    found = provocations(here)
    assert {factor.name for factor in found} == {"blas.kernel", "simd", "libm", "threads"} - absent
    in_force = {blas.architecture for blas in here.blas}
    assert all(factor.conditions.kernel not in in_force for factor in found if factor.name == "blas.kernel")
