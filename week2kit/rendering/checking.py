"""A report that people edited, held against the runs: does each number in it still say what the record says?

The report is made again from the runs, with the words that the file holds, and compared line by line. A line of the
file that is not of the record makes a claim, or is a text of a person's own; a line of the record that is not in the
file is a warning that must stand, or was left out. The sentences come last, in `describe`.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import unquote

from week2kit.canonical import clean
from week2kit.rendering.files.beside import files_folder, is_intact, next_paths, picture_links
from week2kit.rendering.files.reports import read_report
from week2kit.rendering.files.words import Line, Words, find_words, is_place, is_text_line, read_lines, text_line
from week2kit.rendering.markdown import code, sentence
from week2kit.rendering.output import render
from week2kit.rendering.pictures.contents import plan_pictures
from week2kit.rendering.spoken import known_numbers, spoken_numbers
from week2kit.reporting.rows import RunRow
from week2kit.reporting.values import Report
from week2kit.sentences.check import SENTENCES

Code: TypeAlias = Literal[
    "claim.differs", "claim.unknown", "warning.missing", "words.unknown", "file.disagrees", "runs.differ",
    "picture.missing", "picture.differs",
]  # fmt: skip
NoteCode: TypeAlias = Literal["text.own", "text.removed", "words.few_decimals"]


class Finding(NamedTuple):
    """Something in a report that does not hold, or that is only worth a note."""

    code: Code | NoteCode
    line: int
    """Of the file, from 1; 1 also where no line of it speaks of the matter."""
    says: str
    recorded: str
    """What the record says instead; empty where it says nothing of the kind."""


class Checked(NamedTuple):
    """A report as held against its runs."""

    failures: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    numbers: int
    """How many numbers of the file were held against the record, and hold."""
    files: int
    """Files of the runs whose digest was found as recorded, the manifests included."""
    runs: int


def check_report(report: Report, path: Path) -> Checked:
    """Hold the report in a file against `report`, made from the same runs.

    Raises:
        ReportError: the file cannot be read, is no report of ours, or its places for words are broken.
    """
    shown = clean(os.fspath(path))
    text = read_report(path)
    lines, words = read_lines(text, shown), find_words(text, shown)
    runs = [run for one in (report, *report.others) for run in one.runs]
    made = list(dict.fromkeys(_made(report, path, words)))
    stated = [line for line in lines if line.key is None and is_text_line(line.text)]
    # a report that nobody changed may have been made from another folder, and moved or renamed since
    untouched = bool(stated) and stated[0].text.strip() == text_line(text)
    compared = [_compare(_outside(lines), candidate, _placeless if untouched else str) for candidate in made]
    failures, notes, numbers = min(compared, key=lambda found: (len(found[0]), len(found[1])))
    if failures and (other := _other_runs(lines, made)):
        # every number is another one then, which nobody needs to hear line by line
        return Checked(failures=(other,), notes=(), numbers=0, files=0, runs=len(runs))
    if not failures:  # else it follows from the others
        known = [text_line(candidate) for candidate in [made[compared.index((failures, notes, numbers))], *made, text]]
        wrong = [line for line in stated if line.text.strip() not in known]
        failures = [Finding("claim.differs", line.number, line.text, known[0]) for line in wrong]
    wrong_words, few, right = _check_words(lines, report)
    damaged = [*_check_files(lines, runs), *_check_pictures(lines, report, path)]
    told = {finding.line for finding in damaged}
    failures = [finding for finding in failures if finding.line not in told]
    return Checked(
        failures=tuple(sorted([*failures, *wrong_words, *damaged], key=lambda finding: finding.line)),
        notes=tuple(sorted([*notes, *few], key=lambda finding: finding.line)),
        numbers=numbers + right,
        files=sum(1 + sum(file.state == "agrees" for file in run.files) for run in runs),
        runs=len(runs),
    )


def _made(report: Report, path: Path, words: Words) -> Iterator[str]:
    """The report as it may have been made: what it left out hangs on the words that there were then."""
    beside = {"next_files": next_paths(path, report.proposal)}
    links = {"pictures": picture_links(path, [f"{picture.name}.svg" for picture in plan_pictures(report)])}
    # on standard output, and as a file with others beside it: without and with drawn pictures
    ways: list[dict[str, Any]] = [{}, beside, {**beside, **links}]
    for way in ways:
        yield render(report, words, **way)
        yield render(report, words, full=True, **way)
        yield render(report, dict.fromkeys(words, ""), **way)


# --- lines ------------------------------------------------------------------------------------------------------

#: A number that stands by itself, not in a name such as `f1_macro`; and a digest.
_NUMBER: Final = re.compile(r"(?<![A-Za-z_\d.,])[.,]?\d[\d.,]*|\b(?=[a-f]*\d)[\da-f]{12,64}\b")
#: What makes the lines below it invisible, or another kind of text.
_HIDES: Final = re.compile(r"<[!?/A-Za-z]|^ {0,3}(?:`{3}|~{3})")
#: Statements that a report must not lose, as they say what its numbers cannot show.
_MUST_STAND: Final = ("not comparable", "no winner", "no cause can be named")
#: From this likeness on, a line is another one that was edited; below, it is a text of its own.
_ALIKE: Final = 0.6
#: Characters of a line, and lines around the place, that are looked at for the line that one was made from.
_COMPARED: Final = 300
_AROUND: Final = 20
#: Characters of a line that are shown.
_SHOWN: Final = 400


def _outside(lines: Iterable[Line]) -> list[Line]:
    """What is compared: lines outside of the words, but for empty ones and the one with the digest of all others."""
    texts = (line._replace(text=line.text.rstrip()) for line in lines if line.key is None)
    return [line for line in texts if line.text and not is_text_line(line.text)]


#: A command, as a line of its own or as code within one.
_COMMAND: Final = re.compile(r"(?:^|(?<=`))week2kit [^`]*")
_PATH: Final = re.compile(r"[^\s`'\"(),|\[\]]*/(?=[^\s`'\"(),|\[\]])")


def _placeless(text: str) -> str:
    """A line with its paths cut to what does not hang on where a report is made, and under which name it is kept."""
    return _PATH.sub("", _COMMAND.sub(lambda match: _plain_command(match[0]), text))


def _plain_command(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:  # a long one was cut
        return command
    # the folder of the new run is told where it is not the usual one, as seen from where the report was made
    placed = [word for before, word in zip(["", *words], words, strict=False) if "--runs-dir" not in (before, word)]
    return "\0".join(PurePosixPath(word).name or word for word in placed)


def _compare(file: Sequence[Line], made: str, key: Callable[[str], str]) -> tuple[list[Finding], list[Finding], int]:
    """What of the file does not stand in the report that was made again: failures, notes, and numbers that hold.

    Args:
        file: the lines of the file.
        made: the report that was made again.
        key: what of a line is compared.
    """
    texts = [line.text for line in file]
    record = [line.text for line in _outside(read_lines(made, "report"))]
    warnings = _warnings(record)
    failures: list[Finding] = []
    notes: list[Finding] = []
    unheld: set[int] = set()
    for here, there in _differences(list(map(key, texts)), list(map(key, record))):
        unheld.update(here)
        lost = list(there)
        for index in here:
            number, text, _ = file[index]
            place = there[0] + index - here[0] if there else 0
            origin = _origin(text, sorted(lost, key=lambda other: abs(other - place)), record)
            recorded = ""
            if origin is not None:
                lost.remove(origin)
                recorded = record[origin]
            if _claims(text, recorded, must_stand=origin in warnings):
                failures.append(Finding("claim.differs" if recorded else "claim.unknown", number, text, recorded))
            else:
                notes.append(Finding("text.own", number, text, ""))
        line = file[min(here[0] if here else _below(there[0], texts, record), len(file) - 1)].number
        failures += [Finding("warning.missing", line, "", record[index]) for index in lost if index in warnings]
        if others := [record[index] for index in lost if index not in warnings]:
            notes.append(Finding("text.removed", line, "", others[0]))
    held = [text for index, text in enumerate(texts) if index not in unheld and not is_place(text)]
    return failures, notes, sum(len(_NUMBER.findall(text)) for text in held)


def _origin(text: str, lost: Sequence[int], record: Sequence[str]) -> int | None:
    """Which of the lost lines of the record, the nearest first, a line was made from."""
    near = {record[index][:_COMPARED]: index for index in reversed(lost[:_AROUND])}
    found = get_close_matches(text[:_COMPARED], near, n=1, cutoff=_ALIKE)
    return near[found[0]] if found else None


def _claims(text: str, recorded: str, *, must_stand: bool) -> bool:
    """Whether a line that is not of the record says something that only a record can say, or hides what it says."""
    if must_stand or _NUMBER.search(text) or (_HIDES.search(text) and not is_place(text) and not recorded):
        return True
    return bool(recorded) and re.findall(r"\d", text) != re.findall(r"\d", recorded)


def _below(index: int, file: Sequence[str], record: Sequence[str]) -> int:
    """Where in the file the lines went missing that stand at `index` of the record: at the first that followed them."""
    below = (file.index(text) for text in record[index:] if text in file)
    return next(below, len(file) - 1)


def _warnings(record: Sequence[str]) -> set[int]:
    """The lines of a report that must stand: its banners, and what says that its numbers cannot be compared."""
    found: set[int] = set()
    for index, text in enumerate(record):
        goes_on = index - 1 in found and record[index - 1].startswith(">") and text.startswith(">")
        must = any(words in text.lower() for words in _MUST_STAND)
        if must or text == "> [!WARNING]" or (goes_on and not text.startswith("> [!")):
            found.add(index)
    return found


def _differences(file: Sequence[str], record: Sequence[str]) -> list[tuple[list[int], list[int]]]:
    """Where two lists of lines differ: the indexes of the lines here and there, place by place.

    Equal lines at both ends are paired first, so that one line that was changed into another line of the report is
    never taken for that one.
    """
    head = _common(zip(file, record, strict=False))
    tail = _common(zip(reversed(file[head:]), reversed(record[head:]), strict=False))
    left, right = file[head : len(file) - tail], record[head : len(record) - tail]
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    changed = [
        (list(range(head + a, head + b)), list(range(head + c, head + d)))
        for tag, a, b, c, d in blocks
        if tag != "equal"
    ]
    _take_out_moved(changed, file, record)
    return [(here, there) for here, there in changed if here or there]


def _common(pairs: Iterable[tuple[str, str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _take_out_moved(changed: Sequence[tuple[list[int], list[int]]], file: Sequence[str], record: Sequence[str]) -> None:
    """Take out what stands elsewhere together with its heading: a person may put sections in another order."""
    lost = {record[index]: (index, there) for _, there in changed for index in there if record[index].startswith("#")}
    for here, _ in changed:
        for index in [index for index in here if file[index] in lost]:
            other, there = lost.pop(file[index], (0, []))
            while index in here and other in there and file[index] == record[other]:
                here.remove(index)
                there.remove(other)
                index, other = index + 1, other + 1


# --- runs -------------------------------------------------------------------------------------------------------

#: How a row of the evidence, and one of the table of files, names a run.
_LISTED: Final = (
    re.compile(r"\|.*\| (`[^|]+`) \| `[\w.]+` \| `[\da-f]{12}` \|"),
    re.compile(r"\| (`[^|]+`) \| `[\w.]+` \| [\w ]+ \| .*\|"),
)


def _other_runs(lines: Iterable[Line], made: Iterable[str]) -> Finding | None:
    """That the file was made from other runs, or in another order, if every list of runs in it says so.

    One list alone may have been edited, or tell of a run that was damaged since.
    """
    told = _runs_in(lines)
    today = [_runs_in(read_lines(text, "report")) for text in made]
    listed = [index for index, names in enumerate(told) if names]
    if not listed or any(list(told[index]) == list(one[index]) for index in listed for one in today):
        return None
    names, now = told[listed[-1]], today[0][listed[-1]]
    return Finding("runs.differ", next(iter(names.values())), _names(names), _names(now))


def _runs_in(lines: Iterable[Line]) -> list[dict[str, int]]:
    """The runs that a report lists in either table, in order, with the line that first names each."""
    found: list[dict[str, int]] = [{} for _ in _LISTED]
    for line in lines:
        for names, pattern in zip(found, _LISTED, strict=True):
            if line.key is None and (match := pattern.fullmatch(line.text.rstrip())):
                names.setdefault(match[1], line.number)
                break
    return found


def _names(runs: Iterable[str]) -> str:
    return ", ".join(run.strip("`") for run in runs) or "none"


# --- words ------------------------------------------------------------------------------------------------------

#: From so many decimals on, a number is quoted and not spoken roughly.
_EXACT_DECIMALS: Final = 3


def _check_words(lines: Iterable[Line], report: Report) -> tuple[list[Finding], list[Finding], int]:
    """The decimal numbers in a person's words: those that no number of the report rounds to, and how many hold."""
    known = known_numbers(report)
    said = [(line, one) for line in lines if line.key is not None for one in spoken_numbers(line.text, known)]
    wrong = [
        Finding("words.unknown" if one.decimals >= _EXACT_DECIMALS else "words.few_decimals", line.number, one.text, "")
        for line, one in said
        if not one.holds
    ]
    failures = [finding for finding in wrong if finding.code == "words.unknown"]
    return failures, [finding for finding in wrong if finding not in failures], len(said) - len(wrong)


# --- files ------------------------------------------------------------------------------------------------------


def _check_files(lines: Sequence[Line], runs: Iterable[RunRow]) -> list[Finding]:
    """What does not agree with the record of a run, with the line that lists the file, or the first that names it."""
    return [
        Finding("file.disagrees", _line_of(run.name, disagreement.values.get("file"), lines), run.name, told)
        for run in runs
        for disagreement in run.disagreements
        for told in [sentence(disagreement)]
    ]


def _line_of(run: str, file: object, lines: Sequence[Line]) -> int:
    """The line of the table of files, or of evidence, that speaks of a file of a run; 1 where none does."""
    row = f"| {code(run)} | {code(file or 'metrics.json')} |"
    found = [line.number for line in lines if line.key is None and row in line.text]
    return found[-1] if found else 1


def _check_pictures(lines: Iterable[Line], report: Report, path: Path) -> Iterator[Finding]:
    """The pictures that the report shows are in the folder beside it, as they were drawn, and of these runs."""
    drawn_from = {f"{picture.name}.svg": picture.first_line for picture in plan_pictures(report)}
    for line in lines:
        if line.key is None and (match := _PICTURE.match(line.text.rstrip())):
            # a report that was renamed shows the folder of its old name, and may have one of its new one
            folders = [path.parent / PurePosixPath(unquote(match["folder"])).name, files_folder(path)]
            picture = next((found for one in folders if (found := one / match["name"]).is_file()), None)
            if picture is None:
                yield Finding("picture.missing", line.number, match["address"], "")
            elif not is_intact(picture) or _first_line(picture) != drawn_from.get(picture.name):
                yield Finding("picture.differs", line.number, match["address"], "")


def _first_line(picture: Path) -> str:
    return picture.read_text(encoding="utf-8").partition("\n")[0]


_PICTURE: Final = re.compile(r"!\[.*\]\((?P<address>(?P<folder>[^/()\s]+_files)/(?P<name>[\w.-]+))\)$")


# --- sentences --------------------------------------------------------------------------------------------------


def describe(finding: Finding, shown: str) -> str:
    """A finding as one line: the place, what the report says, what the record says, and what to do."""
    says, recorded = (clean(text.strip(), _SHOWN) for text in (finding.says, finding.recorded))
    told = SENTENCES[finding.code].format(says=says, recorded=recorded)
    return f"{shown} {told}" if finding.code == "runs.differ" else f"{shown}:{finding.line}: {told}"


def success(checked: Checked, shown: str) -> str:
    """What a check that found nothing has shown, and what it has not."""
    return (
        f"{shown}: {checked.numbers:,} numbers hold against {checked.files:,} files of "
        f"{checked.runs:,} run{'s' if checked.runs != 1 else ''}, whose digests are as recorded. Nothing was trained "
        "again: that is what week2kit verify does."
    )
