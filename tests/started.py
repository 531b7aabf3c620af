"""Children with variables of their own that are forked: the same process would import scikit-learn a second time."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from typing import Any

from week2kit.processes import children, forking
from week2kit.processes.limits import Limits, needed_variables
from week2kit.verification.trainings import WORK


class _Server(forking._Server):
    """As the server of children, with variables that act when a process starts: for more than one such child."""

    def __init__(self, variables: Mapping[str, str], limits: Limits) -> None:
        self.owner = os.getpid()
        self._process, self._connection = forking.start_program("serve_forks", variables, None, limits.variables)
        self._connection.send(["week2kit.loop", WORK, "sklearn.compose", "sklearn.ensemble", "sklearn.linear_model"])
        atexit.register(self.end)


_servers: dict[Any, _Server] = {}
_started_child = children._started_child


def started_child(variables: Mapping[str, str], python: str | None, limits: Limits) -> children.Child:
    """As that of `week2kit.processes.children`: forked, where the process would import the same another time."""
    if python is not None:
        return _started_child(variables, python, limits)
    key = (*sorted({**needed_variables(limits.variables), **variables}.items()), limits)
    try:
        server = _servers.get(key) or _servers.setdefault(key, _Server(variables, limits))
        process, connection = server.fork()
    except (EOFError, ConnectionError):  # it died of its variables
        return _started_child(variables, python, limits)
    return children.Child(process, connection, children._settings(limits, None))
