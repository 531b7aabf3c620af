"""Which run's config is nearest to another's: to compare two of a thousand runs is to count bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from week2kit.canonical import JsonError, compact_json, parse_json, without_seed
from week2kit.inputs.changes import is_settled
from week2kit.inputs.leaves import config_leaves
from week2kit.record.store import Run


class Given(NamedTuple):
    """The config that a run was given, as far as it can be compared."""

    config: Mapping[str, Any]
    as_written: bool
    """It was never filled in, and is known only as it was written."""
    refused: bool = False
    """It was not even found valid: what it leaves out, and what its keys mean, is not known."""


class Leaves(NamedTuple):
    """The counted keys of a config and their values, each as one bit."""

    keys: int
    items: int
    as_written: bool


_NO_LEAVES: Final = Leaves(0, 0, as_written=True)


class Configs:
    """The configs of all runs of a report. A ``random_state`` that follows its run's seed is no part of them."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._bits: dict[object, int] = {}
        self._items: list[tuple[str, Any]] = []
        self._texts: dict[str, str] = {}
        self.given = {run.path: given_config(run) for run in runs}
        self._leaves = {path: self._of(given) for path, given in self.given.items()}
        self._questions = {path: _question(given) for path, given in self.given.items()}

    def _of(self, given: Given | None) -> Leaves:
        if given is None:
            return _NO_LEAVES
        keys = items = 0
        for key, value in config_leaves(without_seed(given.config, given.config.get("seed"))).items():
            keys |= self._bit(key, key, None)
            items |= self._bit((key, type(value), self._hashable(value)), key, value)
        return Leaves(keys, items, given.as_written)

    def _hashable(self, value: object) -> object:
        if not isinstance(value, list | dict):
            return value
        shown = repr(value)  # far faster than canonical JSON, and most runs of a folder hold the same lists
        if shown not in self._texts:
            self._texts[shown] = compact_json(value)
        return self._texts[shown]

    def _bit(self, name: object, key: str, value: Any) -> int:
        if name not in self._bits:
            self._bits[name] = 1 << len(self._bits)
            self._items.append((key, value))
        return self._bits[name]

    def alike(self, run: Run, other: Run) -> bool:
        """Whether two runs can be tries at the same question: the same target, or the same bundled data set."""
        left, right = self._questions[run.path], self._questions[other.path]
        return left is None or right is None or left == right

    def distance(self, run: Run, other: Run) -> int:
        """In how many keys the configs of two runs differ; where one is known as written only, of those it holds."""
        left, right = self._leaves[run.path], self._leaves[other.path]
        keys = left.keys | right.keys
        if left.as_written != right.as_written:
            keys = left.keys if left.as_written else right.keys
        return keys.bit_count() - (left.items & right.items).bit_count()

    def nearest(self, run: Run, others: Iterable[Run]) -> Run | None:
        """The run whose config differs in the fewest keys; of equals the first. None: there is none to compare."""
        if self.given[run.path] is None:
            return None
        known = [other for other in others if self.given[other.path] is not None]
        return min(known, key=lambda other: self.distance(run, other), default=None)

    def only_in(self, runs: Sequence[Run], others: Sequence[Run]) -> list[tuple[str, Any]]:
        """The keys in which all `runs` hold one value that none of the `others` holds, with that value."""
        shared = self._leaves[runs[0].path].items
        for run in runs:
            shared &= self._leaves[run.path].items
        for other in others:
            shared &= ~self._leaves[other.path].items
        return [self._items[bit] for bit in range(shared.bit_length()) if shared >> bit & 1]


def _question(given: Given | None) -> str | None:
    data = given.config.get("data") if given is not None else None
    asked = data.get("dataset", data.get("target")) if isinstance(data, dict) else None
    return asked if isinstance(asked, str) else None


def given_config(run: Run) -> Given | None:
    """The config that a run was given; None where it cannot be compared with a resolved one."""
    config = run.manifest.inputs.config
    if config.resolved is not None:
        return Given(config.resolved, False) if is_settled(run.manifest) else _as_written(config.resolved)
    try:
        written = _as_written(parse_json((config.raw or "").encode()))
    except (JsonError, UnicodeEncodeError):
        return None
    return None if written is None else written._replace(refused=True)


def _as_written(written: object) -> Given | None:
    """A config as it was written, as far as it can be compared with a resolved one.

    Short names are written out; the course's flat form and the names of whole preprocessings are not comparable.
    """
    if not isinstance(written, dict) or not {"data", "model"} & set(written):
        return None
    config = dict(written)
    if config.get("preprocess") == "none":
        config["preprocess"] = []
    elif isinstance(config.get("preprocess"), str):
        del config["preprocess"]
    model = config.get("model")
    model = {"class": model} if isinstance(model, str) else model
    if isinstance(model, dict) and isinstance(model.get("class"), str) and "." not in model["class"]:
        from week2kit.config.form import ALIASES

        model = model | {"class": ALIASES.get(model["class"], model["class"])}
    return Given(config if model is None else config | {"model": model}, True)
