"""Sentences: what --vary found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from week2kit.canonical import aligned, clean
from week2kit.record.verdict import RerunRecord, Verdict
from week2kit.sentences.factors import factor_names
from week2kit.sentences.findings import describe_finding
from week2kit.sentences.statement import joined, shown
from week2kit.sentences.verdicts import DOWN_TO
from week2kit.thresholds import SCORE_TOLERANCE

#: What --vary varies: how one variation is called with its value, and how several are called in a sentence.
_VARIED: Final[Mapping[str, tuple[str, str]]] = {
    "threads": ("threads: {}", "{} threads"),
    "cpu": ("CPU class: {}", "the x86-64 CPU class {}"),
    "hash_seed": ("hash seed: {}", "another hash seed"),
    "locale": ("locale: {}", "another locale"),
    "time_zone": ("time zone: {}", "another time zone"),
    "directory": ("working directory: {}", "another working directory"),
    "home": ("home: {}", "another home"),
    "umask": ("umask: {}", "another umask"),
    "jobs": ("n_jobs: {}", "n_jobs {}"),
    "data": ("text form: {}", "another text form of the data"),
}


def variation_lines(verdict: Verdict) -> list[str]:
    """What --vary found, for a person: a table, and what it comes to in sentences."""
    if not verdict.variations:
        return variation_summary(verdict)
    rows = [("varied", "holds to", "largest score difference", "labels moved")]
    rows += [_variation_row(record) for record in verdict.variations]
    columns = 2 if all(map(_is_of_command, verdict.variations)) else 4
    return [*aligned([row[:columns] for row in rows]), *variation_summary(verdict)]


def _variation_row(record: RerunRecord) -> tuple[str, str, str, str]:
    name = variation_name(record)
    if record.failure is not None:
        return (name, "it failed", "", "")
    if record.not_in_force:
        return (name, "not in force", "", "")
    difference = "" if record.largest_difference is None else f"{record.largest_difference:.1g}"
    moved = "" if record.labels_moved is None else str(record.labels_moved)
    return (name, _holds_to(record), difference, moved)


def _holds_to(record: RerunRecord) -> str:
    """The deepest layer that agrees; labels have none of their own, and stand below the metrics of scores."""
    return "labels" if record.agrees_to == "split" and record.labels_moved == 0 else record.agrees_to


def variation_name(record: RerunRecord) -> str:
    """What a training varied, with the values."""
    return ", ".join(called(name, record.settings.get(name)) for name in record.factors)


def called(name: str, value: object) -> str:
    """One variation with its value."""
    return _VARIED[name][0].format(clean(str(value), 80)) if name in _VARIED else clean(name, 80)


def variation_summary(verdict: Verdict) -> list[str]:
    """What the variations come to: under what the run holds and how deep, under what not, and what was not tried."""
    tried = [record for record in verdict.variations if not record.not_in_force]
    completed = [record for record in tried if record.failure is None]
    exact = [record for record in completed if _is_exact(record, verdict)]
    near = [record for record in completed if record not in exact and not _has_moved(record)]
    far = [record for record in completed if record not in exact and _has_moved(record)]
    lines = []
    if exact:
        has_labels = any(record.labels_moved is not None for record in exact)
        depth = "predictions and scores" if has_labels else "predictions"
        depth = DOWN_TO[verdict.level or "metrics"] if _is_of_command(exact[0]) else depth
        lines.append(f"Holds under {_variations(exact)}: {depth} bit for bit.")
    if near:
        lines.append(f"Holds under {_variations(near)}: {_how_near(near)}.")
    lines += [f"Does not hold under {_variations([record])}: {_how_far(record, verdict)}." for record in far]
    lines += [
        f"Under {_variations([record])} it writes something else, which does not decide: {_files(record)}."
        for record in exact
        if record.differs
    ]
    lines += [
        f"Failed under {_variations([record])}: {clean(record.failure, 200)}"
        for record in tried
        if record.failure is not None
    ]
    other_bytes = [record for record in exact if record.agrees_to == "scores" and verdict.level == "model"]
    for why, records in (
        ("n_jobs is a parameter, and stored in them", [r for r in other_bytes if "jobs" in r.factors]),
        ("a model may store more than it predicts with", [r for r in other_bytes if "jobs" not in r.factors]),
    ):
        if records:
            lines.append(f"No score differs, but the bytes of the model do, under {_variations(records)}: {why}.")
    luck = [c.finding for c in verdict.checks if c.finding is not None and c.finding.code in _LUCK]
    if len(exact) < len(completed):
        lines += [f"What differs may be chance, and not the variation: {describe_finding(finding)}" for finding in luck]
    for record in verdict.variations:
        if record.not_in_force and record.failure is None:
            idle = factor_names(record.not_in_force)
            lines.append(f"Not in force, so nothing is known of it: {variation_name(record)} ({idle} did not change).")
    return lines + _not_varied_lines(verdict)


def _is_of_command(record: RerunRecord) -> bool:
    """Whether nothing but the outcome as a whole was compared, as of a command: no score, no label by itself."""
    return record.largest_difference is None and record.labels_moved is None


def _is_exact(record: RerunRecord, verdict: Verdict) -> bool:
    """Whether the outcome came out bit for bit, as deep as scores, or as the record of a command goes."""
    return record.agrees_to in ("scores", "model") or (_is_of_command(record) and record.agrees_to == verdict.level)


def _files(record: RerunRecord) -> str:
    """The files that came out otherwise, by the codes of their checks."""
    names = [code.removeprefix("outputs.") for code in record.differs if code.startswith("outputs.")]
    return shown([clean(name, 80) for name in names])


#: Notes of an identical run that a rerun may have agreed with by luck.
_LUCK: Final = frozenset({"seed.nothing_fixes_it", "seed.race"})


def _not_varied_lines(verdict: Verdict) -> list[str]:
    if not verdict.variations:
        return [describe_finding(finding) for finding in verdict.not_varied]
    missing = len(verdict.not_varied)
    if not missing:
        return []
    whys = " ".join(describe_finding(finding) for finding in verdict.not_varied)
    return [f"{missing} of {missing + len(verdict.variations)} could not be varied here. {whys}"]


def _has_moved(record: RerunRecord) -> bool:
    """Whether a label is another one, a score moved further than is called close, or nothing can be compared."""
    if record.largest_difference is None:
        return record.labels_moved != 0
    return bool(record.labels_moved) or record.largest_difference > SCORE_TOLERANCE


def _how_near(records: Sequence[RerunRecord]) -> str:
    """How deep variations agree that move no label; where there are none, the predictions are the scores."""
    largest = max(record.largest_difference or 0.0 for record in records)
    if all(record.labels_moved is None for record in records):
        return f"predictions to {largest:.1g}"
    metrics = "" if all(record.agrees_to != "split" for record in records) else ", metrics not to the last bit"
    return f"predictions yes, scores to {largest:.1g}{metrics}"


def _how_far(record: RerunRecord, verdict: Verdict) -> str:
    """What comes out otherwise: labels, scores, and the first metric that does."""
    told = []
    if record.labels_moved:
        told.append(f"{record.labels_moved} {'label moves' if record.labels_moved == 1 else 'labels move'}")
    if record.largest_difference is not None:
        what = {None: "predictions move", 0: "no label moves, scores do"}.get(record.labels_moved, "scores move")
        told.append(f"{what} by up to {record.largest_difference:.1g}")
    for name, values in verdict.metrics.items():
        came_out = record.metrics.get(name)
        if came_out is not None and values.recorded is not None and came_out != values.recorded:
            told.append(f"{clean(name, 80)} is {_apart(came_out, values.recorded)}")
            break
    if not told and any(code.startswith("outputs.") for code in record.differs):
        told.append(f"it writes something else ({_files(record)})")
    return ", ".join(told) or f"it agrees to the layer {_holds_to(record)} only"


def _apart(now: float, recorded: float) -> str:
    """Two values of a metric, in as many digits as tell them apart."""
    digits = next((digits for digits in (4, 8) if f"{now:.{digits}g}" != f"{recorded:.{digits}g}"), 17)
    return f"{now:.{digits}g} instead of {recorded:.{digits}g}"


def _variations(records: Sequence[RerunRecord]) -> str:
    """Several variations in a sentence: those of one kind together."""
    values: dict[str, list[str]] = {}
    for record in records:
        name = record.factors[0] if record.factors else ""
        values.setdefault(name, []).append(clean(str(record.settings.get(name, "")), 80))
    told = []
    for name, of_name in values.items():
        phrase = _VARIED[name][1].format(joined(of_name)) if name in _VARIED else clean(name, 80)
        phrase = phrase.replace("class ", "classes ") if len(of_name) > 1 else phrase
        told.append(phrase.removesuffix("s") if phrase == "1 threads" else phrase)
    return joined(told)
