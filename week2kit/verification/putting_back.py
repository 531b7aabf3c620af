"""What of a command's recorded environment can be put back for a rerun of it: by environment variables alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from week2kit.environment.comparing import Uses, differences
from week2kit.environment.restoring import plan_restoring
from week2kit.record.manifest import Environment
from week2kit.record.verdict import Cause

#: Variables that decide by themselves: how texts hash, what time and language it is. Those of threads and kernels act
#: through facts that are read back.
_DECIDING: Final = (
    "PYTHONHASHSEED",
    "TZ",
    "LC_ALL",
    "LANG",
    "MKL_CBWR",
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
)


@dataclass(frozen=True)
class Setting:
    """A recorded fact that is not in force here, and the variables that put it back."""

    name: str
    recorded: Any
    now: Any
    variables: Mapping[str, str | None]

    def cause(self, proof: Any) -> Cause:
        """The fact as a cause."""
        return Cause(input="environment", factor=self.name, recorded=self.recorded, now=self.now, proof=proof)


def uses_of(recorded: Environment) -> Uses:
    """All libraries that the script imported count: nobody knows which of them computes."""
    return Uses(tuple(sorted(recorded.libraries)), cpus=False)


def other_facts(recorded: Environment, now: Environment) -> list[Cause]:
    """The recorded facts that were not in force in a rerun, variables that decide by themselves among them."""
    found = [
        Cause(input="environment", factor=one.factor, recorded=one.recorded, now=one.now, proof="observed")
        for one in differences(recorded, now, uses_of(recorded))
    ]
    return found + [one.cause("observed") for one in _variables(recorded, now)]


def settings_for(recorded: Environment, now: Environment) -> list[Setting]:
    """How to put back what was not in force, least likely cause first."""
    settings = _variables(recorded, now)
    for factor in plan_restoring(recorded, now, uses_of(recorded)).factors:
        variables = dict(factor.conditions.variables())
        threads = {count for _, count in factor.conditions.blas_threads or ()}
        if factor.name == "blas.threads" and len(threads) == 1:
            count = str(threads.pop())
            variables |= {"OPENBLAS_NUM_THREADS": count, "MKL_NUM_THREADS": count, "BLIS_NUM_THREADS": count}
        if variables:
            settings.append(Setting(factor.name, factor.recorded, factor.now, variables))
    return settings


def _variables(recorded: Environment, now: Environment) -> list[Setting]:
    return [
        Setting(f"variable.{name}", before, after, {name: before})
        for name in _DECIDING
        if (before := recorded.variables.get(name)) != (after := now.variables.get(name))
    ]
