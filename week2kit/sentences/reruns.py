"""Sentences: the whole account of how a verdict came about, training by training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from week2kit.canonical import clean
from week2kit.record.verdict import Check, RerunRecord, Verdict
from week2kit.sentences.causes import describe_cause
from week2kit.sentences.factors import FACTORS, factor_names, short_value
from week2kit.sentences.findings import describe_finding
from week2kit.sentences.statement import shown
from week2kit.sentences.variations import called, variation_name, variation_summary
from week2kit.sentences.verdicts import DOWN_TO


def account(verdict: Verdict) -> list[tuple[str, list[str]]]:
    """How a verdict came about: the checks, the trainings in order, the causes; each part with its lines."""
    before = [check for check in verdict.checks if check.code.partition(".")[0] not in _OF_RERUNS]
    partial = any(check.code == "record.manifest" for check in verdict.checks)
    why = [describe_finding(verdict.reason)] if partial and verdict.reason is not None else []
    parts = [("why", why), ("the folder against its own record", _check_lines(before))]
    told = [describe_trial(trial, partial=partial) for trial in verdict.reruns]
    trainings = [f"{number}. {line}" for number, line in enumerate(told, 1)]
    parts.append((f"trainings: {len(verdict.reruns)}", trainings))
    layers = [check for check in verdict.checks if check not in before]
    where = "the record against the training with the recorded facts put back"
    parts.append((where if verdict.verdict == "explained" else "the record against the training", _check_lines(layers)))
    parts.append(("causes", [describe_cause(cause) for cause in verdict.causes]))
    varied = [f"{number}. {_trial_varied(trial)}" for number, trial in enumerate(verdict.variations, 1)]
    parts.append((f"variations: {len(verdict.variations)}", [*varied, *variation_summary(verdict)]))
    return [(title, lines) for title, lines in parts if lines]


#: The first part of the codes of checks that a rerun answers.
_OF_RERUNS: Final = frozenset(
    {"data", "split", "model", "predictions", "metrics", "report", "training", "dummy", "repeats", "curves"}
    | {"seed", "environment", "failure", "warnings", "code", "outputs", "hermetic"}
)


def _check_lines(checks: Sequence[Check]) -> list[str]:
    """What passed in one line, by its codes; what did not, or has a note, each in its own."""
    silent = [clean(check.code, 80) for check in checks if check.outcome == "passed" and check.finding is None]
    holes = [check for check in checks if check.finding is not None and check.finding.code == "not_recorded"]
    lines = [f"passed: {', '.join(silent)}"] if silent else []
    lines += [f"not recorded: {', '.join(clean(check.code, 80) for check in holes)}"] if holes else []
    return lines + [
        f"{clean(check.code, 80)} {check.outcome}: {describe_finding(check.finding)}"
        for check in checks
        if check.finding is not None and check not in holes
    ]


def describe_trial(trial: RerunRecord, *, partial: bool = False) -> str:
    """One training of a verification: under which conditions, how far it agreed, what came out.

    Of a run without a manifest (`partial`) nothing but metrics was compared.
    """
    settings = ", ".join(
        f"{FACTORS.get(name, clean(name, 80))} {short_value(trial.settings.get(name))}" for name in trial.factors
    )
    under = {
        "native": "as it is here",
        "restored": f"as recorded: {settings}",
        "provoked": f"changed: {settings}",
        "varied": f"varied: {variation_name(trial)}",
    }[trial.kind]
    if trial.failure is not None:
        return f"{under} -> it failed: {clean(trial.failure, 200)} ({trial.seconds:.1f} s)"
    came_out = ", ".join(f"{clean(name, 80)} {value!r}" for name, value in sorted(trial.metrics.items())[:3])
    moved = f"; scores differ by up to {trial.largest_difference:.1e}" if trial.largest_difference else ""
    moved += f", {trial.labels_moved} labels moved" if trial.labels_moved else ""
    if trial.kind == "provoked" and not partial:  # compared with the training as it is here
        moved = (moved or "; no score differs") + " from the training as it is here"
    else:
        agreed = _AGREED[trial.agrees_to]
        of_command = trial.largest_difference is None and trial.labels_moved is None
        if of_command and trial.agrees_to in DOWN_TO and not trial.differs:
            agreed = f"it agrees bit for bit: {DOWN_TO[trial.agrees_to]}"
        if trial.agrees_to == "nothing" and not any(code.startswith("data") for code in trial.differs):
            agreed = "it came out otherwise"  # of a command, whose data are its own
        if partial:
            agreed = (
                "what is recorded agrees" if trial.agrees_to == "metrics" else "what is recorded does not all agree"
            )
        if trial.differs and trial.agrees_to in ("scores", "model"):
            agreed = f"the scores agree bit for bit, {shown([clean(code, 80) for code in trial.differs])} do not"
        came_out = f"{agreed}; {came_out}"
    return f"{under} -> {came_out}{moved} ({trial.seconds:.1f} s)"


_AGREED: Final[Mapping[str, str]] = {
    "nothing": "the data differ",
    "data": "the split differs",
    "split": "data and split agree, the metrics do not",
    "outputs": "the files that it wrote agree",
    "metrics": "the metrics agree, the labels do not",
    "predictions": "the labels agree, the scores do not",
    "scores": "everything agrees bit for bit but the bytes of the model",
    "model": "everything agrees bit for bit",
    "failure": "it failed in the same way",
}


def describe_attempt(kind: str, factors: Sequence[tuple[str, object]]) -> str:
    """What is being tried, while it is."""
    settings = ", ".join(f"{FACTORS.get(name, clean(name, 80))} {short_value(value)}" for name, value in factors)
    if kind == "varied":
        settings = ", ".join(called(name, value) for name, value in factors)
    words = {
        "native": "training as it is here",
        "restored": "with the recorded",
        "provoked": "changing",
        "varied": "varying",
    }
    return f"{words.get(kind, kind)} {settings}".strip()


def _trial_varied(record: RerunRecord) -> str:
    """One variation in the account: as any other training, or that it varied nothing."""
    if record.not_in_force and record.failure is None:
        idle = factor_names(record.not_in_force)
        return f"varied: {variation_name(record)} -> not in force ({idle}): it says nothing ({record.seconds:.1f} s)"
    return describe_trial(record)
