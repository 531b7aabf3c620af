"""Estimators: from a class's import path and parameters to an unfitted estimator, checked before it is fitted."""

from __future__ import annotations

import contextlib
import difflib
import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from inspect import signature
from pathlib import PurePath
from types import ModuleType
from typing import Any, Final

from sklearn.base import BaseEstimator

from week2kit.canonical import clean
from week2kit.config.form import ALIASES, Estimator
from week2kit.errors import ConfigError, LibraryError
from week2kit.importing import held
from week2kit.loop.class_weights import Given, is_class_weight, of_grid
from week2kit.loop.names import class_called
from week2kit.privacy import scrub
from week2kit.thresholds import MAX_JOBS

#: Parameters that read or write files, or are evaluated as code, and the values of them that are harmless.
_DENIED: Final[Mapping[str, tuple[Any, ...]]] = {"input": ("content",), "memory": (None,), "pre_dispatch": ()}

#: Parts of scikit-learn that hold no estimators for users; importing some of them runs test code.
_CLOSED_MODULES: Final = frozenset({"conftest", "experimental", "externals", "tests"})


def find_class(path: str, allowed_modules: Sequence[str] = (), *, values: bool = False) -> type[BaseEstimator]:
    """The estimator class at an import path into a public module of scikit-learn, or of a module the caller allows.

    Args:
        path: such as ``sklearn.linear_model.LogisticRegression``.
        allowed_modules: further top-level modules; only the caller may name them, never a config.
        values: whether it may be what is only a parameter's value, too: what a search splits by (StratifiedKFold), or
            a kernel of a Gaussian process.

    Raises:
        ValueError: nothing else is imported; the message says what was expected.
        LibraryError: the module of the caller raised an error of its own when it was imported.
    """
    module_name, _, name = path.rpartition(".")
    parts = module_name.split(".")
    top = parts[0]
    if top not in ("sklearn", *allowed_modules) or not name:
        close = difflib.get_close_matches(path, ALIASES, n=1)
        raise ValueError(
            f'expected an import path into scikit-learn, such as "sklearn.linear_model.LogisticRegression", '
            f'got "{clean(path)}"' + (class_called(path) or (f'; did you mean "{close[0]}"?' if close else ""))
        )
    if any(part.startswith("_") or not part.isidentifier() or part in _CLOSED_MODULES for part in (*parts, name)):
        raise ValueError(f'expected a public class of scikit-learn, got "{clean(path)}"{class_called(path)}')
    with held():
        module = _imported(module_name, path)
        found = _attribute(module, name)
    if found is None:
        close = difflib.get_close_matches(name, [n for n in dir(module) if n[:1].isupper()], n=1)
        hint = class_called(path) if top == "sklearn" else ""
        if close and not hint.startswith("; write"):
            hint = f'; did you mean "{close[0]}"?'
        raise ValueError(f'"{clean(module_name)}" has no "{clean(name)}"{hint}')
    if isinstance(found, type) and top == "sklearn" and found.__module__.partition(".")[0] != "sklearn":
        raise ValueError(
            f'in this process "{clean(path)}" is a class of "{clean(found.__module__)}": name that class, or train '
            "where scikit-learn is not patched"
        )
    # scikit-learn's clone asks for get_params, not for a base class: other libraries follow its guide without one
    if not (isinstance(found, type) and (_has_all(found, "fit", "get_params") or (values and _is_value(found)))):
        raise ValueError(f'"{clean(path)}" is no estimator: expected a class with fit and get_params')
    return found


def _has_all(kind: type, *methods: str) -> bool:
    return all(callable(getattr(kind, method, None)) for method in methods)


def _splits(kind: type) -> bool:
    return _has_all(kind, "split", "get_n_splits") and not hasattr(kind, "fit")


def _is_value(kind: type) -> bool:
    """Whether a class is no estimator, but what an estimator takes: a splitter, or a kernel of a Gaussian process."""
    is_kernel = any(base.__module__ == "sklearn.gaussian_process.kernels" for base in kind.__mro__)
    return _splits(kind) or (is_kernel and _has_all(kind, "get_params", "diag"))


def _imported(name: str, path: str) -> ModuleType:
    """The module `name` of the class at `path`; a failure of its own is told apart from a module that is not there."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _broken_module(name, error) from error  # it is there, and imports one that is not
        hint = class_called(path) if name.startswith("sklearn.") else ""
        raise ValueError(f'there is no module "{clean(name)}" in this environment{hint}') from None
    except BaseException as error:  # a module may raise anything, SystemExit too; signals are held meanwhile
        raise _broken_module(name, error) from error


def _attribute(module: ModuleType, name: str) -> Any:
    """What a module calls `name`; scikit-learn's experimental classes are enabled as their users do it."""
    try:
        return getattr(module, name, None)
    except ImportError as error:
        switch = re.search(r"\benable_[a-z_]+", str(error)) if module.__name__.startswith("sklearn.") else None
        if switch is None:
            raise _broken_module(module.__name__, error) from error
        import_module(f"sklearn.experimental.{switch[0]}")
        return getattr(module, name, None)
    except BaseException as error:  # a module's own __getattr__
        raise _broken_module(module.__name__, error) from error


def _broken_module(name: str, error: BaseException) -> LibraryError:
    kind, message = type(error).__name__, message_of(error)
    said = f"{kind}: {message}" if message else kind
    last = traceback.extract_tb(error.__traceback__)[-1]
    if ", line " not in said:  # a SyntaxError says it itself
        said = f"{said} ({PurePath(last.filename).name}, line {last.lineno})"
    return LibraryError(
        kind,
        f'The module "{clean(name)}" cannot be imported: {clean(said)}.',
        f'Correct it until python -c "import {clean(name)}" works, and train again.',
    )


@dataclass(frozen=True)
class Builder:
    """Makes unfitted estimators out of a config's, and keeps what is wrong with them.

    ``random_state`` is set to `seed` wherever a class takes one and the config does not say otherwise. Parameters may
    be estimators themselves, each as ``{"class": ..., "params": {...}}``, alone, in lists or in grids. Once
    the data are there, `given` is what a classifier is fitted on: the keys of ``class_weight`` are taken for classes.
    """

    seed: int
    allowed_modules: Sequence[str] = ()
    problems: list[str] = field(default_factory=list)
    given: Given | None = None

    def check(self) -> None:
        """Raise a ConfigError where anything is wrong."""
        if self.problems:
            raise ConfigError(self.problems)

    def build(self, spec: Estimator, where: str, *, values: bool = False) -> tuple[BaseEstimator | None, Estimator]:
        """The unfitted estimator of a spec, and the spec with its seeds written out; `where` is its dotted path."""
        try:
            kind = find_class(spec.class_, self.allowed_modules, values=values)
        except ValueError as error:
            self.problems.append(f"{where}.class: {error}")
            return None, spec
        known, takes_any = parameters_of(kind)
        params = dict(spec.params)
        draws = not _splits(kind) or "shuffle" not in known or params.get("shuffle", False)  # else a seed is an error
        if "random_state" in known and draws and not SEEDS & params.keys():
            params["random_state"] = self.seed
        before = len(self.problems)
        inside = self._inside(kind)
        made: dict[str, Any] = {}
        for name, value in params.items():
            place = f"{where}.params.{clean(name)}"
            if name not in known and not takes_any:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f'; did you mean "{close[0]}"?' if close else f"; it takes {', '.join(sorted(known)) or 'none'}"
                self.problems.append(f"{place}: {kind.__name__} has no such parameter{hint}")
                continue
            self._check_denied(name, value, place)
            built, params[name] = inside._value(value, place)
            made[name] = _as_declared(kind, name, built)
        if self.given is not None:
            self._weigh(made, self.given, where)
        written = spec.model_copy(update={"params": params})
        return None if len(self.problems) > before else self._made(kind, made, where), written

    def _inside(self, kind: type[BaseEstimator]) -> Builder:
        """What builds the estimators among the parameters of a class, which may be fitted on other labels."""
        return self if self.given is None else replace(self, given=self.given.inside(kind))

    def _weigh(self, values: dict[str, Any], given: Given, where: str) -> None:
        """Give the class weights among the parameters of an estimator, and those that it tries, classes for keys."""
        for name, value in values.items():
            place = f"{where}.params.{clean(name)}"
            if is_class_weight(name):
                values[name] = given.translated(value, place, self.problems)
            elif "estimator" in values:
                values[name] = of_grid(value, values["estimator"], given, place, self.problems)

    def _check_denied(self, name: str, value: Any, place: str) -> None:
        if name in _DENIED and not any(value is allowed or value == allowed for allowed in _DENIED[name]):
            self.problems.append(
                f"{place}: week2kit does not pass it on, because it reads or writes files or runs code"
            )
        if name == "n_jobs" and isinstance(value, int) and abs(value) > MAX_JOBS:
            self.problems.append(f"{place}: expected at most {MAX_JOBS} jobs, got {value}")

    def _value(self, value: Any, place: str) -> tuple[Any, Any]:
        """A parameter's value as scikit-learn takes it, and as the resolved config writes it."""
        if isinstance(value, dict) and "class" in value and set(value) <= {"class", "params"}:
            params = value.get("params", {})
            if not isinstance(value["class"], str) or not isinstance(params, dict):
                self.problems.append(f'{place}: expected {{"class": "...", "params": {{...}}}}')
                return None, value
            spec = Estimator(class_=ALIASES.get(value["class"], value["class"]), params=params)
            estimator, told = self.build(spec, place, values=True)
            return estimator, told.model_dump(by_alias=True)
        if isinstance(value, list):
            pairs = [self._value(item, f"{place}.{i}") for i, item in enumerate(value)]
            built, written = [one for one, _ in pairs], [one for _, one in pairs]
            # VotingClassifier and the like want (name, estimator) pairs
            pair = len(built) == 2 and isinstance(built[0], str) and hasattr(built[1], "fit")
            return tuple(built) if pair else built, written
        if isinstance(value, dict):
            self._check_grid(value, place)
            tried = {key: self._value(item, f"{place}.{clean(key)}") for key, item in value.items()}
            return {key: one for key, (one, _) in tried.items()}, {key: one for key, (_, one) in tried.items()}
        return value, value

    def _check_grid(self, value: Mapping[str, Any], place: str) -> None:
        """A search's grid (``{"vectorizer__input": [...]}``) sets parameters of other estimators, denied ones too."""
        for key, item in value.items():
            name, where = key.rpartition("__")[2], f"{place}.{clean(key)}"
            for one in item if isinstance(item, list) else [item]:
                if isinstance(one, dict):
                    self._check_grid(one, where)
                self._check_denied(name, one, where)

    def _made(self, kind: type[BaseEstimator], values: dict[str, Any], where: str) -> BaseEstimator | None:
        """The estimator, its parameters checked by scikit-learn's own validation, without a fit.

        Only classes that declare constraints can be asked: scikit-learn's base class has the method, not the table.
        """
        try:
            estimator = kind(**values)
            if hasattr(kind, "_parameter_constraints"):
                estimator._validate_params()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # of a class of the caller; SystemExit, too
            message = clean(message_of(error)) or type(error).__name__
            name = next((n for n in values if f"'{n}'" in message), None)
            self.problems.append(f"{where}.params{f'.{name}' if name else ''}: {message}")
            return None
        return estimator


#: Names under which libraries take one seed: where the config gives one, another would contradict it.
SEEDS: Final = frozenset({"random_state", "random_seed", "seed"})


def parameters_of(kind: type[BaseEstimator]) -> tuple[frozenset[str], bool]:
    """What a class takes as parameters, and whether it takes any name, and checks by itself what it reads.

    scikit-learn's classes say it by their constructor; where that passes on what it does not name (XGBoost), an object
    says it by get_params.
    """
    try:
        found = list(signature(kind).parameters.values())
    except Exception:  # a signature that cannot be read
        found = None
    takes_any = found is None or any(p.kind is p.VAR_KEYWORD for p in found)
    names = {p.name for p in found or () if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    if takes_any:
        with contextlib.suppress(Exception):
            names |= set(kind().get_params(deep=False))
    return frozenset(map(str, names)), takes_any


def _as_declared(kind: type[BaseEstimator], name: str, value: Any) -> Any:
    """A JSON list as a tuple where the class declares that it takes tuples and no lists (ngram_range)."""
    if not isinstance(value, list):
        return value
    declared = getattr(kind, "_parameter_constraints", None)
    constraints = declared.get(name) if isinstance(declared, dict) else None
    if not isinstance(constraints, list) or tuple not in constraints:  # some declare nothing ("no_validation")
        return value
    takes_list = any(constraint is list or constraint in ("array-like", "no_validation") for constraint in constraints)
    return value if takes_list else tuple(value)


_SET: Final = re.compile(r"\{[^{}]*\}")
#: A list that scikit-learn makes of a set of texts.
_LISTED: Final = re.compile(r"(?<=Found unknown categories \[)[^\]]*(?=\])")
_ADDRESS: Final = re.compile(r"\b0x[0-9a-f]{6,16}\b")


def message_of(error: BaseException) -> str:
    """What a library's error says, word for word the same in every process.

    scikit-learn prints the allowed values as a set, whose order is another in each process, unknown categories as a
    list of one, and some objects with their address; a failure must be known again by its message.
    """
    try:
        said = str(error)
    except Exception:  # it shows an object whose repr raises
        said = ""
    text = _ADDRESS.sub("0x…", scrub(said))
    text = _LISTED.sub(lambda match: ", ".join(sorted(match[0].split(", "))), text)
    return _SET.sub(lambda match: "{" + ", ".join(sorted(match[0][1:-1].split(", "))) + "}", text)
