"""The config that a run was given, as far as it can be compared, and how far it is from another's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from week2kit.canonical import JsonError, parse_json, without_seed
from week2kit.inputs.changes import is_settled
from week2kit.inputs.leaves import config_leaves
from week2kit.record.command import RecordedCommand
from week2kit.record.store import Run


class Given(NamedTuple):
    """The config that a run was given. A ``random_state`` that follows its seed is none of its leaves."""

    config: Mapping[str, Any]
    leaves: frozenset[tuple[str, str]]
    """The counted keys, each with the text of its value."""
    as_written: bool
    """It was never filled in, and is known only as it was written."""
    refused: bool
    """It was not even found valid: what it leaves out, and what its keys mean, is not known."""
    question: str | None
    """What is asked of the data: the target, or the bundled data set; None: not known."""
    script: str | None = None
    """Of a person's own command the script, or the program where none was found; its flags are the config."""

    @property
    def keys(self) -> frozenset[str]:
        """The counted keys, dotted."""
        return frozenset(key for key, _ in self.leaves)


def given_config(run: Run) -> Given | None:
    """The config of a run; None where it cannot be compared with a resolved one."""
    if isinstance(run.manifest, RecordedCommand):
        return _given_words(run.manifest)
    config = run.manifest.inputs.config
    known: Mapping[str, Any] | None = config.resolved
    as_written = known is None or not is_settled(run.manifest)
    if as_written:
        try:
            known = _as_written(parse_json((config.raw or "").encode()) if known is None else known)
        except (JsonError, UnicodeEncodeError):
            known = None
    if known is None:
        return None
    counted = config_leaves(without_seed(known, known.get("seed"))).items()
    leaves = frozenset((key, repr(value)) for key, value in counted)  # far faster than canonical JSON
    data = known.get("data")
    asked = data.get("dataset", data.get("target")) if isinstance(data, dict) else None
    question = asked if isinstance(asked, str) else None
    return Given(known, leaves, as_written, config.resolved is None, question)


def _given_words(run: RecordedCommand) -> Given:
    from week2kit.inputs.commands import flags, seed_flags

    set_ = {key: value for key, value in flags(run).items() if key not in seed_flags(run)}
    leaves = frozenset((key, repr(value)) for key, value in set_.items())
    return Given(set_, leaves, False, False, None, run.inputs.program.script or run.inputs.program.argv[0])


def _as_written(written: object) -> Mapping[str, Any] | None:
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
    return config if model is None else config | {"model": model}


def alike(one: Given | None, other: Given | None) -> bool:
    """Whether two runs can be tries at the same question: the same target, or bundled data set; the same script."""
    if (one and one.script) != (other and other.script):
        return False
    asked = one and one.question, other and other.question
    return None in asked or asked[0] == asked[1]


def distance(one: Given, other: Given) -> int:
    """In how many keys two configs differ; where one is known as written only, of those it holds."""
    differ = {key for key, _ in one.leaves ^ other.leaves}
    if one.as_written != other.as_written:
        differ &= (one if one.as_written else other).keys
    return len(differ)


class Near(NamedTuple):
    """A run, and the one of several others whose config differs from its in the fewest keys."""

    run: Run
    other: Run
    distance: int


def nearest(run: Run, others: Iterable[Run], given: Mapping[Any, Given | None]) -> Near | None:
    """The nearest of the others, of equals the first; None where there is none to compare."""
    own = given[run.path]
    known = ((other, config) for other in others if (config := given[other.path]) is not None)
    near = (Near(run, other, distance(own, config)) for other, config in known if own is not None)
    return min(near, key=lambda one: one.distance, default=None)


def only_in(runs: Sequence[Given], others: Sequence[Given]) -> list[str]:
    """The keys in which all `runs` hold one value that none of the `others` holds."""
    shared = frozenset.intersection(*(one.leaves for one in runs)).difference(*(one.leaves for one in others))
    return sorted(key for key, _ in shared)
