"""The forms of what findings hold: cells, rows, keys, repeats, warnings, limits, races of threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from week2kit.canonical import clean
from week2kit.record.verdict import Finding
from week2kit.sentences.factors import factor_name, factor_names, needs
from week2kit.sentences.statement import MOST_VALUES, Form, first_of, part, plain, short, shown

#: Files of a run that a verdict does not need: the rerun makes them again.
NOT_NEEDED: Final = ("model.joblib", "curves.json")


def _shown_part(values: object, key: str) -> str:
    return shown(part(values, key))


def _made_again(where: object) -> str:
    return " (It is not needed: the rerun makes it again.)" if where in NOT_NEEDED else ""


def _other_pointer(finding: Finding) -> str:
    other = part(finding.now, "sha256")
    return (
        f", to another file (sha256 {short(other)}) than the recorded one ({short(finding.recorded)})" if other else ""
    )


def _last_line(text: object) -> str:
    return clean(str(text).rpartition("\n")[2])


def _place(where: object) -> str:
    return f"{plain(where)}: " if where else ""


def _keys(finding: Finding) -> str:
    """Places in two JSON values that differ, with both values; one that is not there is "not given"."""
    left, right = (side if isinstance(side, Mapping) else {} for side in (finding.recorded, finding.now))
    told = [
        f"{clean(str(key)) or 'the whole'} is {shown(left[key]) if key in left else 'not given'} there, "
        f"and {shown(right[key]) if key in right else 'not given'} here"
        for key in dict.fromkeys([*left, *right])
    ]
    return first_of(told)


def _repeats(finding: Finding) -> str:
    """The repeats that differ, each a list of seed (or null), value and folds; both sides have the same seeds."""
    sides = [side if isinstance(side, list) else [] for side in (finding.recorded, finding.now)]
    told = [
        f"{'' if old[0] is None else f'seed {shown(old[0])}: '}recorded {shown(old[1])}, here {shown(new[1])}"
        + (" (another value in a fold)" if old[1] == new[1] else "")
        for old, new in zip(*sides, strict=False)
        if old != new
    ]
    return first_of(told)


def _warned(finding: Finding) -> str:
    """The warnings that only a record has, and those that only the training gives, each with its values."""
    sides = [
        [w for w in side if isinstance(w, Mapping)] if isinstance(side, list) else []
        for side in (finding.recorded, finding.now)
    ]
    told = []
    for what, side in (("The record alone has", sides[0]), ("The training alone has", sides[1])):
        each = [f"{shown(warned.get('code'))} ({shown(warned.get('values'))})" for warned in side[:MOST_VALUES]]
        more = [f"{len(side) - MOST_VALUES} more"] if side[MOST_VALUES:] else []
        told += [f"{what} {', '.join([*each, *more])}."] if side else []
    return " ".join(told)


def _counted(values: object) -> str:
    """How many cells of which columns: ``3 cells (mass 2, island 1)``."""
    columns = values.get("columns") if isinstance(values, Mapping) else None
    counts = {k: v for k, v in columns.items() if isinstance(v, int)} if isinstance(columns, Mapping) else {}
    told = [f"{clean(str(name), 40)} {count}" for name, count in list(counts.items())[:MOST_VALUES]]
    more = [f"{len(counts) - MOST_VALUES} more columns"] if len(counts) > MOST_VALUES else []
    total = sum(counts.values())
    return f"{total} cell{'s' if total != 1 else ''} ({', '.join([*told, *more])})"


def _cells(values: object) -> str:
    """The first cells, each with its row (from 0), line, column and both values."""
    cells = values.get("cells") if isinstance(values, Mapping) else None
    told = [
        f"{_row(cell)}, {_shown_part(cell, 'column')}: recorded {_shown_part(cell, 'recorded')}, "
        f"here {_shown_part(cell, 'now')}"
        for cell in (cells if isinstance(cells, list) else [])[:MOST_VALUES]
    ]
    return "; ".join(told) or "unknown"


def _rows(side: object) -> str:
    """How many rows only one side has, and the first of them."""
    rows = side.get("first") if isinstance(side, Mapping) else None
    first = [_row(row) for row in (rows if isinstance(rows, list) else [])[:MOST_VALUES]]
    return f"{_shown_part(side, 'alone')} ({', '.join(first)})" if first else "nothing"


def _row(place: object) -> str:
    line = place.get("line") if isinstance(place, Mapping) else None
    return f"row {_shown_part(place, 'row')}" + (f" (line {shown(line)})" if line is not None else "")


_RULES: Final[Mapping[object, str]] = {
    "undefined": "(where rows do not define it, what scikit-learn puts in its place, such as 0; now it has no value)",
    "probabilities": "(from probabilities; now from the decision function where the model has one)",
}


def _rules(changed: object) -> str:
    """Which metrics follow which earlier rule."""
    rules = changed if isinstance(changed, Mapping) else {}
    named = {rule: [name for name in sorted(rules) if rules[name] == rule] for rule in sorted({*rules.values()})}
    return "; ".join(f"{shown(names)} {_RULES.get(rule, '')}" for rule, names in named.items())


def _races(races: object) -> str:
    """What is known of the threads of a pipeline, and what to do."""
    known = [race for race in races if isinstance(race, Mapping)] if isinstance(races, list) else []
    forests = [race.get("estimator") for race in known if race.get("kept_out") is False]
    if forests:
        return (
            f"It may be {shown(forests)}: where another estimator predicts with it while it is fitted, it adds up its "
            "trees as they come. Set its n_jobs to 1,"
        )
    kept_out = [race.get("estimator") for race in known]
    told = f"It is not {shown(kept_out)}, which week2kit lets run in one thread. " if kept_out else ""
    return (
        f"{told}Threads finish in another order each time, or something draws that no seed reaches. Set n_jobs to 1, "
        "or OMP_NUM_THREADS=1,"
    )


def _limit(finding: Finding) -> str:
    limit, value = finding.where, finding.now
    if limit == "time":
        return f"the {shown(value)} seconds for all runs together were over. Allow more: --limit time=SECONDS."
    if limit == "processes":
        return (
            "the training needed more threads than may be started here. Allow more (ulimit -u, --limit processes=N), "
            "or verify where they are allowed."
        )
    may = f": it may hold {value / (1 << 30):.3g} GiB here" if isinstance(value, int | float) else ""
    allow = "ulimit -v and -d" if limit == "inherited" else "--limit memory=GIB"
    return (
        f"the training needed more memory than it gets{may}. Allow more ({allow}), or verify on a machine that has it."
    )


def _edits(places: object) -> str:
    """The first places in which a text differs, with both sides."""
    told = [
        f"{clean(str(part(place, 'where')), 80)}: recorded {_side(part(place, 'recorded'))}, here "
        f"{_side(part(place, 'now'))}"
        for place in (places if isinstance(places, list) else [])
    ]
    return first_of(told) or "in its comments or its layout only"


def _edit(places: object) -> str:
    """The first place in which a text differs, and how many more are listed."""
    listed = places if isinstance(places, list) else []
    more = f" and {len(listed) - 1} more" if len(listed) > 1 else ""
    return _edits(listed[:1]) + more


def _side(text: object) -> str:
    return "nothing" if text is None else f'"{clean(str(text).strip(), 60)}"'


_NOT_CONFINED: Final[Mapping[object, str]] = {
    "system": "Linux alone can do that",
    "kernel": "this kernel has no Landlock, or refuses it",
    None: "the kernel refused it",
}


def _inputs(count: object) -> str:
    if count in (0, 1):
        return "its 1 recorded input" if count else "no input at all"
    return f"its {shown(count)} recorded inputs"


def _why_not_confined(code: object) -> str:
    return _NOT_CONFINED.get(code if code is None else str(code), plain(code))


DETAILS: Final[Mapping[str, Form]] = {
    "cells": _cells,
    "edit": _edit,
    "edits": _edits,
    "inputs": _inputs,
    "why_not_confined": _why_not_confined,
    "counted": _counted,
    "factor": factor_name,
    "factors": factor_names,
    "keys": _keys,
    "last_line": _last_line,
    "limit": _limit,
    "made_again": _made_again,
    "needs": needs,
    "other_pointer": _other_pointer,
    "place": _place,
    "races": _races,
    "repeats": _repeats,
    "rows": _rows,
    "rules": _rules,
    "warned": _warned,
}
