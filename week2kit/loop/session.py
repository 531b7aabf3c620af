"""The caller's session, kept out of the loop: what a notebook or a variable has set for a library changes no result.

Settings of pandas do not reach the loop, which says of every column how it is held.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import sklearn

#: scikit-learn's own defaults; a version takes those that it knows, and its SKLEARN_* variables set others. How it
#: shows estimators in a notebook is left alone.
_SKLEARN: Final[dict[str, Any]] = {
    "array_api_dispatch": False,
    "assume_finite": False,
    "enable_cython_pairwise_dist": True,
    "enable_metadata_routing": False,
    "pairwise_dist_chunk_size": 256,
    "print_changed_only": True,
    "skip_parameter_validation": False,
    "sparse_interface": "spmatrix",
    "transform_output": "default",
    "working_memory": 1024,
}


#: How numpy writes numbers: they stand in messages of errors, by which a failure is known again.
_PRINTED: Final[dict[str, Any]] = {
    "edgeitems": 3,
    "floatmode": "maxprec",
    "formatter": None,
    "infstr": "inf",
    "legacy": False,
    "linewidth": 75,
    "nanstr": "nan",
    "precision": 8,
    "sign": "-",
    "suppress": False,
    "threshold": 1000,
}


@contextmanager
def set_aside() -> Iterator[dict[str, str]]:
    """Train with the defaults of scikit-learn and numpy, and give the session its own settings back at the end.

    A warning is never an error meanwhile: no run may depend on what a shell or a notebook makes of warnings.

    Yields:
        The settings that could have changed a result: ``library name`` to value.
    """
    session = sklearn.get_config()
    defaults = {name: value for name, value in _SKLEARN.items() if name in session}
    others = {f"scikit-learn {name}": str(session[name]) for name in defaults if session[name] != defaults[name]}
    # to ignore or print what others warn of changes no number
    others |= {f"numpy {name}": how for name, how in np.geterr().items() if how in ("raise", "call")}
    with (
        sklearn.config_context(**defaults),
        np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
        np.printoptions(**_PRINTED),
        warnings.catch_warnings(),
    ):
        if any(action == "error" for action, *_ in warnings.filters):  # PYTHONWARNINGS, or python -W error
            warnings.simplefilter("default")
        yield others
