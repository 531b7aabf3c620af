"""week2kit: a reproducibility checker and report generator for scikit-learn training runs.

The same three verbs as on the command line, for Python and notebooks::

    from week2kit import train, verify, report, open_run

They return frozen values, raise the errors of `week2kit.errors`, print nothing and never exit. Importing this
package imports nothing heavy: each verb loads what it needs when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

__version__ = "0.1.0"

if TYPE_CHECKING:
    from week2kit.record.store import open_run as open_run
    from week2kit.rendering.shown import report as report
    from week2kit.training.door import train as train
    from week2kit.verification.shown import verify as verify

_HOMES: Final = {
    "open_run": "week2kit.record.store",
    "report": "week2kit.rendering.shown",
    "train": "week2kit.training.door",
    "verify": "week2kit.verification.shown",
}

__all__ = ["__version__", "open_run", "report", "train", "verify"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
