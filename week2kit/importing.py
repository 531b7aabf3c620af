"""Deferring ``scipy.stats`` while scikit-learn is imported.

Importing scikit-learn imports ``scipy.stats``, a quarter of its import time, for a handful of functions that an
ordinary training never calls. `defer_scipy_stats` puts a stand-in where the import finds it. The first real use
imports the real module, which then takes the stand-in's place everywhere; results are the same bits either way.
"""

from __future__ import annotations

import contextlib
import importlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

_NAME: Final = "scipy.stats"

#: What scikit-learn 1.5 to 1.9 takes by ``from scipy.stats import ...`` while it is being imported.
_FROM_IMPORTED: Final = frozenset({"chi2", "gmean", "rankdata", "spearmanr"})

_lock: Final = threading.Lock()


def defer_scipy_stats() -> bool:
    """Let the coming import of scikit-learn do without ``scipy.stats``, which is then imported at its first real use.

    To be called before scikit-learn is imported.

    Returns:
        Whether it is deferred now; False where ``scipy.stats`` is already imported, or is not where scipy keeps it:
        then nothing was changed.
    """
    if _NAME in sys.modules:
        return False
    try:
        spec = find_spec(_NAME)
        # the lazy attribute of the package is what leads ``scipy.stats`` to the stand-in, and later to the real one
        lazy = hasattr(sys.modules["scipy"], "__getattr__")
    except Exception:  # whatever is wrong with this scipy, scikit-learn's own import tells it better
        return False
    if spec is None or spec.loader is None or not spec.submodule_search_locations or not lazy:
        return False
    with _lock:
        if _NAME in sys.modules:
            return False
        stand_in = _StandIn(spec)
        sys.meta_path.insert(0, _PackageFirst(stand_in))
        sys.modules[_NAME] = stand_in
    return True


class _StandIn(ModuleType):
    """``scipy.stats`` until it is needed: it looks like the module, and any use of it imports the real one."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(_NAME)
        # the import machinery reads these, and must not set off the import by that
        self.__spec__ = spec
        self.__loader__ = spec.loader
        self.__package__ = _NAME
        self.__path__ = list(spec.submodule_search_locations or ())
        self.__file__ = spec.origin

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            # asked of every module by those who walk over sys.modules; the real one has no others either
            raise AttributeError(f"module {_NAME!r} has no attribute {name!r}")
        if name in _FROM_IMPORTED and sys.modules.get(_NAME) is self and _asked_by_sklearn(sys._getframe(1)):
            return _Deferred(self, name)
        return getattr(_real(self), name)

    def __dir__(self) -> list[str]:
        return dir(_real(self))


def _asked_by_sklearn(frame: FrameType | None) -> bool:
    """Whether scikit-learn's own code asks: anybody else gets the real object, which can be pickled and compared."""
    while frame is not None and frame.f_globals.get("__name__") == "importlib._bootstrap":
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__")).startswith("sklearn.")


class _Deferred:
    """A function or distribution of ``scipy.stats`` that scikit-learn holds under its own name."""

    def __init__(self, stand_in: _StandIn, name: str) -> None:
        self._stand_in = stand_in
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(_real(self._stand_in), self._name)(*args, **kwargs)

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # copying and pickling look for these, and must not find those of another object
            raise AttributeError(attribute)
        return getattr(getattr(_real(self._stand_in), self._name), attribute)

    def __reduce__(self) -> str:
        # only scikit-learn's modules hold it, under a global name; nothing that is saved may come to depend on it
        raise TypeError(f"cannot pickle the deferred {_NAME}.{self._name}")


def _real(stand_in: _StandIn) -> ModuleType:
    """The real module, imported in the ordinary way the first time: under the import system's own locks."""
    with _lock:
        if sys.modules.get(_NAME) is stand_in:
            del sys.modules[_NAME]
    with held():
        return importlib.import_module(_NAME)


class _PackageFirst:
    """Imports the real package before any module of it: the stand-in counts as an imported parent, but has run nothing.

    It finds and loads as those of importlib.abc do, which imports more than all the rest of this module.

    Without this ``import scipy.stats.distributions`` would run half-way, meet the package and leave it incomplete.
    """

    def __init__(self, stand_in: _StandIn) -> None:
        self._stand_in = stand_in

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(f"{_NAME}.") or sys.modules.get(_NAME) is not self._stand_in:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            spec.loader = cast("Loader", self)
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        _real(self._stand_in)
        module = importlib.import_module(spec.name)
        spec.loader_state = module.__spec__  # the import system is about to replace it by `spec`
        return module

    def exec_module(self, module: ModuleType) -> None:
        # it has run already, when it was created
        if module.__spec__ is not None:
            module.__spec__ = module.__spec__.loader_state


# --- signals that wait ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block is done, where they are handled in Python at all.

    An interrupt while an extension module is imported comes out as an ImportError, or leaves modules that are half
    there; the import of scikit-learn takes less than a second.
    """
    came: list[int] = []
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}
    if threading.current_thread() is threading.main_thread():
        for waiting in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(waiting)
            if callable(handler):
                before[waiting] = handler
                signal.signal(waiting, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
    for number in came[:1]:
        signal.raise_signal(number)
