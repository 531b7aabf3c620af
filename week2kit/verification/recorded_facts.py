"""The recorded facts that are not in force here: what may be the reason that a run comes out otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from week2kit.environment.comparing import Uses, differences
from week2kit.inputs.causes import Here, code_causes
from week2kit.record.manifest import CompletedRun, Environment, FailedRun
from week2kit.record.partial import PartialRun
from week2kit.record.requirements import named_modules, same_version
from week2kit.record.verdict import Cause
from week2kit.verification.messages import Fresh


def uses_of(manifest: CompletedRun | FailedRun | PartialRun, here: Here, fresh: Fresh, before: Uses = Uses()) -> Uses:  # noqa: B008
    """What of an environment counts for this run; a training that came to no pipeline says nothing of its jobs."""
    modules = named_modules(manifest.inputs.config.resolved or {})
    environment = manifest.inputs.environment
    recorded = environment.libraries if environment is not None else {}
    libraries: set[str] = set()
    for module, (own, *required) in here.libraries.items():
        if module in modules:  # what it requires and the run did not import has computed nothing
            libraries |= {own, *(name for name in required if name in recorded)}
    cpus = before.cpus if fresh.by_cpus is None else bool(fresh.by_cpus)
    return Uses(tuple(sorted(libraries)), cpus)


def facts_of(
    manifest: CompletedRun | FailedRun | PartialRun, here: Here, uses: Uses, *, exactly: bool = False
) -> list[Cause]:
    """The recorded facts that are not in force here: of the environment, and of week2kit's own code."""
    if isinstance(manifest, PartialRun):
        return _other_versions(manifest, here.environment)
    recorded = manifest.inputs
    facts: list[Cause] = []
    if recorded.code is not None:
        facts += code_causes(recorded.code, here, exactly=exactly)
    if recorded.environment is not None:
        facts += [
            Cause(input="environment", factor=d.factor, recorded=d.recorded, now=d.now, proof="observed")
            for d in differences(recorded.environment, here.environment, uses)
        ]
    return facts


def _other_versions(record: PartialRun, here: Environment) -> list[Cause]:
    """The versions that a partial record names and that are not in force; ``3.11`` is any 3.11."""
    in_force = {"python": here.python, **here.libraries}
    return [
        Cause(
            input="environment",
            factor=name if name == "python" else f"library.{name}",
            recorded=version,
            now=in_force.get(name),
            proof="observed",
        )
        for name, version in sorted(record.versions.items())
        if not same_version(version, in_force.get(name, ""))
    ]


def may_be(facts: Sequence[Cause]) -> str:
    """What may be the reason that something came out otherwise: another environment, or other code alone."""
    return "undecided.code" if facts and all(fact.input == "code" for fact in facts) else "undecided.environment"


#: Facts that act through kernels, SIMD, the C library and threads, each of which can be provoked here.
_PROVOKABLE: Final = frozenset(
    {"cpu", "cpus", "blas.kernel", "blas.threads", "openmp.threads", "simd", "libm"}
    | {f"fingerprint.{name}" for name in ("blas", "lapack", "ufunc", "libm")}
)


def only_of_processor(facts: Iterable[Cause]) -> bool:
    """Whether facts that are not in force act through kernels, SIMD, the C library and threads only."""
    return all(fact.input == "environment" and fact.factor in _PROVOKABLE for fact in facts)
