"""What a rerun of a command can be given, by its variables and its Python: recorded facts, or variations.

What a config's child brings about in itself (`forcing`) a command is given from outside, before it starts. Whether it
took effect is read back from what its process says at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from week2kit.environment.comparing import Uses, differences
from week2kit.environment.conditions import Conditions
from week2kit.environment.restoring import Factor, Plan, plan_restoring, version_factors
from week2kit.record.manifest import Environment
from week2kit.record.verdict import Cause

#: Environment variables to be set, and with None those to be taken away.
Variables: TypeAlias = Mapping[str, str | None]

#: Variables that decide by themselves: how texts hash, what time and language it is. Those of threads and kernels act
#: through facts that are read back.
_DECIDING: Final = ("PYTHONHASHSEED", "TZ", "LC_ALL", "LANG", "MKL_CBWR", "CUBLAS_WORKSPACE_CONFIG")


def variables_of(conditions: Conditions) -> Variables:
    """The environment variables that bring conditions about in a command; of threads, where all copies have as many."""
    of_process = {"TZ": conditions.time_zone, "HOME": conditions.home}
    found: dict[str, str | None] = {name: value for name, value in of_process.items() if value is not None}
    found |= conditions.variables()
    threads = {count for _, count in conditions.blas_threads or ()}
    if len(threads) == 1:
        found |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), str(threads.pop()))
    return found | dict(conditions.variables_as or ())


def uses_of(recorded: Environment) -> Uses:
    """All libraries that the script imported count: nobody knows which of them computes."""
    return Uses(tuple(sorted(recorded.libraries)), cpus=False)


def other_facts(recorded: Environment, now: Environment) -> list[Cause]:
    """The recorded facts that were not in force in a rerun, variables that decide by themselves among them."""
    found = [
        Cause(input="environment", factor=one.factor, recorded=one.recorded, now=one.now, proof="observed")
        for one in differences(recorded, now, uses_of(recorded))
    ]
    return found + [
        Cause(input="environment", factor=one.name, recorded=one.recorded, now=one.now, proof="observed")
        for one in _variables(recorded, now)
    ]


def plan_for(recorded: Environment, now: Environment, *, versions: bool) -> Plan:
    """How to put back what was not in force, least likely cause first, and why the rest cannot be.

    Args:
        recorded: the environment of the record.
        now: that of the rerun.
        versions: whether versions of Python and of libraries may be put back.
    """
    plan = plan_restoring(recorded, now, uses_of(recorded))
    offered = version_factors(recorded, now, sorted(recorded.libraries))
    stuck = {name: ("versions", None) if name.startswith("library.") else why for name, why in plan.stuck.items()}
    if versions:
        stuck = {name: why for name, why in stuck.items() if why[0] != "versions"}
    able = [one for one in plan.factors if variables_of(one.conditions)]
    return Plan([*(offered if versions else []), *_variables(recorded, now), *able], stuck)


def _variables(recorded: Environment, now: Environment) -> list[Factor]:
    # of PyTorch the kernels themselves are read back, where the record has them
    names = _DECIDING if recorded.torch is not None else (*_DECIDING, "ATEN_CPU_CAPABILITY")
    return [
        Factor(f"variable.{name}", before, after, Conditions(variables_as=((name, before),)))
        for name in names
        if (before := recorded.variables.get(name)) != (after := now.variables.get(name))
    ]
