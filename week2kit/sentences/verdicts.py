"""Sentences: a verdict, and what to do about it."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from week2kit.canonical import clean
from week2kit.environment.restoring import is_version
from week2kit.record.verdict import Finding, Verdict
from week2kit.sentences.causes import describe_cause
from week2kit.sentences.factors import FACTORS
from week2kit.sentences.findings import describe_finding
from week2kit.sentences.partial import SHOWS_LITTLE
from week2kit.sentences.statement import MOST_VALUES, PHRASES, command_line, joined, part, shown
from week2kit.thresholds import MAX_MESSAGE

#: What stands in a shown path in place of what cannot be shown, or of its end: no shell finds the file by it.
_NOT_AS_TYPED: Final = ("\N{HORIZONTAL ELLIPSIS}", "\N{REPLACEMENT CHARACTER}")


def next_command(verdict: Verdict, flags: Sequence[str] = ()) -> str | None:
    """The command that brings what was missing for a verdict, or that tells more; None where there is none.

    Args:
        verdict: the verdict.
        flags: those of verify that were given, as words; of an option that is added the last one counts, and a file
            that is to be named takes the place of those that were.
    """
    failing = [check.finding for check in verdict.checks if check.outcome == "failed" and check.finding]
    edited = [finding for finding in failing if finding.code == "data.edited"]
    finding = edited[0] if edited else verdict.reason
    if finding is None or any(mark in verdict.run + finding.where for mark in _NOT_AS_TYPED):
        return None
    again = ("week2kit", "verify", verdict.run, *flags)
    match finding.code, finding.recorded:
        case "undecided.missing_here", list(missing):
            return command_line(*again, *map(str, missing))
        case "undecided.missing_here" | "undecided.data_missing", str(command):
            return clean(command, MAX_MESSAGE)
        case "undecided.other_file" | "data.edited", _:
            other = [word for at, word in enumerate(flags) if "--data" not in (word, flags[at - 1] if at else "")]
            return command_line("week2kit", "verify", verdict.run, *other, "--data", finding.where)
        case "artifact.unfetched", _:
            return clean(str(part(finding.now, "fetch") or ""), MAX_MESSAGE)
        case "artifact.unread", _ if finding.now == os.strerror(errno.EACCES):
            return command_line("chmod", "+r", f"{verdict.run}/{finding.where}")
    return None


#: What shows that the record speaks of another table or split than were used here: there is nothing else to tell.
_OTHER_INPUTS: Final[Mapping[str, str]] = {
    "partial.refused": "could not be tested with this table",
    "partial.other_table": "could not be tested with this table",
    "partial.other_split": "could not be tested with this table and split",
}


_VERDICTS: Final[Mapping[str, str]] = {
    "identical": "the recorded outcome came out again",
    "close": "within the tolerance, in another environment",
    "undecided": "could not be tested here",
    "unstable": "reruns in one environment differ from one another",
    "different": "the rerun came out otherwise",
    "tampered": "the folder does not agree with its own record (edited, or damaged in copying)",
}

#: What agreed, by the level that was reached.
DOWN_TO: Final[Mapping[str, str]] = {
    "outputs": "the files that it wrote",
    "metrics": "the metrics",
    "predictions": "metrics and predictions",
    "scores": "metrics, predictions and scores",
    "model": "metrics, predictions, scores and model",
}


class Line(NamedTuple):
    """A line about a verdict, and its weight: by it the short form chooses.

    A weighty note is one that a person should not have to ask for. `code` is that of the finding which it tells.
    """

    text: str
    weight: Literal["verdict", "proof", "why", "note", "weighty note"]
    code: str = ""

    def __str__(self) -> str:
        return f"note: {self.text}" if "note" in self.weight else self.text


def describe_verdict(verdict: Verdict) -> list[str]:
    """A verdict as lines: the verdict itself, then why and what differs, then notes."""
    return [str(line) for line in _lines(verdict)]


def short_verdict(verdict: Verdict) -> list[str]:
    """A verdict in three lines: the verdict itself, why, and what to do or to know; weighty notes follow."""
    lines = _lines(verdict)
    if verdict.reason is not None and verdict.reason.code in _OTHER_INPUTS:
        return [str(line) for line in lines[:2]]
    weighty = [str(line) for line in lines if line.weight == "weighty note"]
    if verdict.verdict == "explained":
        proofs = [line.text.removesuffix(".") for line in lines if line.weight == "proof"]
        first = [str(lines[0]), "; ".join(proofs) + "."]
        rest = [line for line in lines[1:] if line.weight in ("why", "note")]
        told = [line.text for line in sorted(rest, key=lambda line: line.code in _TO_ACT_ON)]
    else:
        first = [str(line) for line in lines[:2]]
        told = [line.text for line in lines[2:] if "note" not in line.weight]
        told = told or [str(line) for line in lines[2:3] if not weighty]
        if verdict.verdict in ("undecided", "close") and verdict.causes:
            told.append(_facts_in_short(verdict))
    last = [f"{line} (--explain tells more)" if len(told) > 1 else line for line in told[-1:]]
    return list(dict.fromkeys([*first, *last, *weighty]))


#: What is told last of an explained run, as something can be done about it.
_TO_ACT_ON: Final = frozenset({"model.not_converged", "identical.partial"})


def _facts_in_short(verdict: Verdict) -> str:
    """Which facts are not as recorded, by name, and what might put them back."""
    names = [FACTORS.get(cause.factor, clean(cause.factor, 80)) for cause in verdict.causes]
    left = len(names) - _MOST_FINDINGS
    noted = {check.finding.code for check in verdict.checks if check.finding is not None}
    versions = "stuck.versions" in noted or any(is_version(cause.factor) for cause in verdict.causes)
    put_back = [factor for rerun in verdict.reruns for factor in rerun.factors]
    tried = "stuck.python_too_old" in noted or any(is_version(f) or f.startswith("library.") for f in put_back)
    offer = " --restore versions tries the recorded versions." if versions and not tried else ""
    return f"Not as recorded: {', '.join(names[:_MOST_FINDINGS])}{f' and {left} more' if left > 0 else ''}.{offer}"


def _lines(verdict: Verdict) -> list[Line]:
    """Everything that is told of a verdict, in order."""
    if verdict.verdict is None:
        return [Line(describe_finding(verdict.reason) if verdict.reason else "unreadable", "verdict")]
    failing = [check for check in verdict.checks if check.outcome == "failed" and check.finding]
    # told last: the cells are what to look at
    cells = [check.finding for check in failing if check.code == "data.cells" and check.finding]
    others = [check.finding for check in failing if check.code != "data.cells" and check.finding]
    why = [*([verdict.reason] if verdict.reason else []), *others[:_MOST_FINDINGS]]
    lines = [Line(f"{verdict.verdict}: {_headline(verdict, others)}.", "verdict")]
    lines += [Line(describe_finding(finding), "why", finding.code) for finding in why]
    if len(others) > _MOST_FINDINGS:
        lines.append(Line(f"and {len(others) - _MOST_FINDINGS} more; see --json.", "why"))
    for cause in verdict.causes[:_MOST_FINDINGS]:
        lines.append(Line(describe_cause(cause), "proof" if cause.proof == "restored" else "why"))
    if len(verdict.causes) > _MOST_FINDINGS:
        lines.append(Line(f"and {len(verdict.causes) - _MOST_FINDINGS} more facts; see --json.", "why"))
    lines += [Line(describe_finding(finding), "why") for finding in cells]
    if advice := _advice(verdict, lines):
        lines.append(Line(advice, "why"))
    notes = [check.finding for check in verdict.checks if check.outcome != "failed" and check.finding]
    return lines + [
        Line(describe_finding(note), "weighty note" if note.code in _WEIGHTY else "note", note.code)
        for note in notes
        if note.code not in _UNTOLD and note != verdict.reason
    ]


def _headline(verdict: Verdict, failing: Sequence[Finding]) -> str:
    """What came out, in one line."""
    reason, first = verdict.reason.code if verdict.reason else "", verdict.first_divergence
    if verdict.level == "failure":
        return "the run fails again in the same way"
    if verdict.verdict == "explained":
        return _explanation(verdict)
    if reason in _OTHER_INPUTS:
        return _OTHER_INPUTS[reason]
    if reason in SHOWS_LITTLE:
        return "the recorded metrics came out again, and do not show how they were made"
    if verdict.verdict == "tampered" and failing and {finding.code for finding in failing} == {"artifact.missing"}:
        return "the folder is incomplete: a file that its record lists is not there"
    if first is not None and verdict.verdict == "undecided":
        return f"it came out otherwise here, first at the layer {first}, and why could not be tested"
    if any(finding.code == "data.changed" for finding in failing):
        return "the data that it read hold something else now"
    said = _VERDICTS[str(verdict.verdict)]
    if verdict.level is not None:
        said += f", {_how_exactly(verdict)}: {DOWN_TO[verdict.level]}"
    return said if first is None else f"{said}, first at the layer {first}"


def _explanation(verdict: Verdict) -> str:
    """What had to be put back for the recorded outcome, and what comes out without it."""
    restored = [cause for cause in verdict.causes if cause.proof == "restored"]
    names = [
        f"{cause.factor.removeprefix('library.')} {shown(cause.recorded)}"
        if is_version(cause.factor) or cause.factor.startswith("library.")
        else FACTORS.get(cause.factor, clean(cause.factor, 80))
        for cause in restored
    ]
    named = joined(names) if len(names) <= MOST_VALUES else f"{len(names)} facts"
    down_to = DOWN_TO[verdict.level or "metrics"]
    return (
        f"{_how_exactly(verdict)} with the recorded {named} put back: {down_to}. Without that, {_here_instead(verdict)}"
    )


def _how_exactly(verdict: Verdict) -> str:
    rounded = any(check.finding is not None and check.finding.code == "partial.rounded" for check in verdict.checks)
    return "to the digits that were written" if rounded else "bit for bit"


def _here_instead(verdict: Verdict) -> str:
    """What comes out here as it is, beside what is recorded."""
    for name, values in verdict.metrics.items():
        if values.here is not None and values.here != values.recorded:
            return f"{clean(name)} is {shown(values.here)} (recorded: {shown(values.recorded)})"
    native = next((rerun for rerun in verdict.reruns if rerun.kind == "native"), None)
    if native is not None and native.failure is not None:
        return "the training fails here"
    differs = native.differs if native is not None else []
    if not differs or any(code.startswith("predictions.") for code in differs):
        return "every metric is equal, and only the scores differ"
    # a score of the training rows, or the learning curve: its sums and logarithms are others
    return f"every metric and score is equal, but not {shown([clean(c.replace('.', ' ', 1), 80) for c in differs])}"


def _advice(verdict: Verdict, lines: Sequence[Line]) -> str | None:
    """What to do where no finding says it."""
    if verdict.verdict == "tampered" and not any(PHRASES["copy_again"] in line.text for line in lines):
        return PHRASES["copy_again"]
    if {check.code for check in verdict.checks if check.outcome == "failed"} == {"warnings"}:
        return "Believe those of the training, and train again for a record that has them."
    if verdict.verdict == "different" and verdict.status == "completed" and verdict.first_divergence != "data":
        return "No recorded fact explains it: train again, and compare the two runs with week2kit report."
    return None


#: Findings told of one run on a terminal; the whole account is in --json.
_MOST_FINDINGS: Final = 4


#: Notes that are only told in --json: they say nothing that a person could act on.
_UNTOLD: Final = frozenset({"predictions.no_scores", "not_recorded", "partial.no_manifest", "partial.times"})


#: Notes that a person should not have to ask for.
_WEIGHTY: Final = frozenset(
    {f"partial.{what}" for what in ("named", "beyond", "undefined", "versions_unrecorded", "python_instead")}
    | {"partial.not_restored", "stuck.python_too_old", "stuck.failed", "stuck.not_taken", "environment.versions"}
    | {"hermetic.missing", "hermetic.proven", "code.other", "output.missing"}
    | {"fit.not_converged", "data.not_used", "failure.other_bytes", "warnings.other"}
)


def verdicts_markdown(verdicts: Sequence[Verdict]) -> str:
    """Verdicts as a Markdown table, for a notebook; every foreign text stands in a code span."""
    rows = ["| run | verdict | level | why |", "|---|---|---|---|"]
    for verdict in verdicts:
        why = " ".join(describe_verdict(verdict)[0 if verdict.verdict is None else 1 :])
        cells = [verdict.run, verdict.verdict or "unreadable", verdict.level or "", why]
        rows.append("| " + " | ".join(f"`{_in_code(cell)}`" if cell else "" for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _in_code(text: str) -> str:
    return clean(text, 2000).replace("`", "'").replace("|", "\N{BROKEN BAR}")
