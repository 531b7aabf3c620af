"""A report that people edited, held against the runs: does each number in it still say what the record says?

The report is made again from the runs, with the words that the file holds, and compared line by line. What does not
hold is a `Finding`; the sentences come last, in `describe`.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import partial
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias
from urllib.parse import unquote

from week2kit.canonical import clean
from week2kit.rendering.files.beside import files_folder, is_intact, next_paths, picture_links
from week2kit.rendering.files.outside import is_text_line, text_line
from week2kit.rendering.files.reports import read_report
from week2kit.rendering.files.words import Line, Words, find_words, is_place, outside, read_lines
from week2kit.rendering.markdown import code, sentence
from week2kit.rendering.output import render
from week2kit.rendering.pictures.contents import plan_pictures
from week2kit.rendering.spoken import known_numbers, spoken_numbers
from week2kit.reporting.values import Report
from week2kit.sentences.check import SENTENCES

Failure: TypeAlias = Literal["claim.differs", "claim.unknown", "claim.elsewhere", "claim.hidden"]
Code: TypeAlias = (
    Failure
    | Literal["warning.removed", "words.unknown", "file.disagrees", "runs.differ"]
    | Literal["picture.missing", "picture.differs"]
)
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


class Make(Protocol):
    """How a report is made: `week2kit.rendering.output.render`, or something like it."""

    def __call__(self, report: Report, words: Words, *, full: bool) -> str:
        """The text of a report with these words."""
        ...


def check_report(report: Report, path: Path, ways: Iterable[Make] = ()) -> Checked:
    """Hold the report in a file against `report`, made from the same runs.

    Args:
        report: what the runs say today.
        path: the file with the edited report.
        ways: how the report may have been made, by default as we make it; the one that agrees best counts.

    Raises:
        ReportError: the file cannot be read, is no report of ours, or its places for words are broken.
    """
    shown = clean(os.fspath(path))
    text = read_report(path)
    lines, words = read_lines(text, shown), find_words(text, shown)
    made = list(dict.fromkeys(text for make in ways or _ways(report, path) for text in _made(make, report, words)))
    # a report that nobody changed may have been made from another folder, and moved or renamed since
    key = _placeless if _stated(text) == text_line(text) else str
    compared = [_compare(_outside(lines), candidate, key) for candidate in made]
    best = min(range(len(made)), key=lambda index: (len(compared[index][0]), len(compared[index][1])))
    failures, notes, numbers = compared[best]
    if failures and (other := _other_runs(lines, report)):
        # every number is another one then, which nobody needs to hear line by line
        return Checked(failures=(other,), notes=(), numbers=0, files=0, runs=len(report.runs))
    failures = failures or _check_text_lines(lines, text, [made[best], *made])  # else it follows from the others
    wrong, few, right = _check_words(lines, report)
    damaged = [*_check_files(lines, report), *_check_pictures(lines, report, path)]
    told = {finding.line for finding in damaged}
    failures = [finding for finding in failures if finding.line not in told]
    return Checked(
        failures=tuple(sorted([*failures, *wrong, *damaged], key=lambda finding: finding.line)),
        notes=tuple(sorted([*notes, *few], key=lambda finding: finding.line)),
        numbers=numbers + right,
        files=sum(1 + sum(file.state == "agrees" for file in run.files) for run in report.runs),
        runs=len(report.runs),
    )


def _ways(report: Report, path: Path) -> Iterator[Make]:
    """On standard output, and as a file with others beside it: with drawn pictures, or with text where none are."""
    links = picture_links(path, [f"{picture.name}.svg" for picture in plan_pictures(report)])
    beside = next_paths(path, report.proposal)
    yield from (render, partial(render, next_files=beside), partial(render, pictures=links, next_files=beside))


def _made(make: Make, report: Report, words: Words) -> Iterator[str]:
    """The report as it may have been made: what it left out hangs on the words that there were then."""
    yield make(report, words, full=False)
    yield make(report, words, full=True)
    yield make(report, dict.fromkeys(words, ""), full=False)


# --- lines ------------------------------------------------------------------------------------------------------


class _Text(NamedTuple):
    """A line outside of the words; those without anything in them are not compared."""

    number: int
    text: str


#: A number that stands by itself, not in a name such as `f1_macro`; and a digest.
_NUMBER: Final = re.compile(r"(?<![A-Za-z_\d.,])[.,]?\d[\d.,]*|\b(?=[a-f]*\d)[\da-f]{12,64}\b")
#: What makes the lines below it invisible, or another kind of text.
_HIDES: Final = re.compile(r"<[!?/A-Za-z]|^ {0,3}(?:`{3}|~{3})")
#: Statements that a report must not lose, as they say what its numbers cannot show.
_MUST_STAND: Final = ("not comparable", "no winner", "no cause can be named")
#: From this likeness on, a line is another one that was edited; below, it is a text of its own.
_ALIKE: Final = 0.6
#: Words of a line, and lines around the place, that are looked at for the line that one was made from.
_COMPARED: Final = 100
_AROUND: Final = 20
#: Characters of a line that are shown.
_SHOWN: Final = 400


def _outside(lines: Iterable[Line]) -> list[_Text]:
    """What is compared: not the line with the digest of all others, which `_check_text_lines` makes again."""
    texts = (_Text(line.number, line.text.rstrip()) for line in lines if line.key is None)
    return [line for line in texts if line.text and not is_text_line(line.text)]


def _check_text_lines(lines: Iterable[Line], text: str, made: Sequence[str]) -> list[Finding]:
    """The line with the digest of the text is that of the report as made, or of the file: else somebody edited it."""
    known = [text_line(candidate) for candidate in [*made, text]]
    return [
        Finding("claim.differs", line.number, line.text, known[0])
        for line in lines
        if line.key is None and is_text_line(line.text) and line.text.strip() not in known
    ]


def _stated(text: str) -> str:
    """The line with the digest of a report, as it stands there."""
    return next((line.strip() for line in outside(text) if is_text_line(line)), "")


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
    return "\0".join(PurePosixPath(word).name or word for word in words)


def _compare(file: Sequence[_Text], made: str, key: Callable[[str], str]) -> tuple[list[Finding], list[Finding], int]:
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
            finding = _claim(file[index], lost, record, there[0] + index - here[0] if there else 0)
            (notes if finding.code == "text.own" else failures).append(finding)
        line = file[min(here[0] if here else _below(there[0], texts, record), len(file) - 1)].number
        failures += [Finding("warning.removed", line, "", record[index]) for index in lost if index in warnings]
        if others := [record[index] for index in lost if index not in warnings]:
            notes.append(Finding("text.removed", line, "", others[0]))
    held = [text for index, text in enumerate(texts) if index not in unheld and not is_place(text)]
    return failures, notes, sum(len(_NUMBER.findall(text)) for text in held)


def _below(index: int, file: Sequence[str], record: Sequence[str]) -> int:
    """Where in the file the lines went missing that stand at `index` of the record: at the first that followed them."""
    below = (file.index(text) for text in record[index:] if text in file)
    return next(below, len(file) - 1)


def _warnings(record: Sequence[str]) -> set[int]:
    """The lines of a report that must stand: its banners, and what says that its numbers cannot be compared."""
    found: set[int] = set()
    for index, text in enumerate(record):
        goes_on = index - 1 in found and record[index - 1].startswith(">") and text.startswith(">")
        if text == "> [!WARNING]" or (goes_on and not text.startswith("> [!")) or _must_stand(text):
            found.add(index)
    return found


def _must_stand(text: str) -> bool:
    return any(words in text.lower() for words in _MUST_STAND)


def _claim(line: _Text, lost: list[int], record: Sequence[str], place: int) -> Finding:
    """What a line is that does not stand in the record; the lost line that it was made from is taken out of `lost`.

    Args:
        line: the line of the file.
        lost: the lines of the record that are missing there, by their index.
        record: the report as it is made today.
        place: where in the record the line would stand, so that the lines around are looked at.
    """
    around = sorted(lost, key=lambda index: abs(index - place))[:_AROUND]
    nearest = max(around, key=lambda index: _likeness(record[index], line.text), default=None)
    numbers = bool(_NUMBER.search(line.text))
    if nearest is not None and _likeness(text := record[nearest], line.text) >= _ALIKE:
        lost.remove(nearest)
        if numbers or re.findall(r"\d", line.text) != re.findall(r"\d", text):
            return Finding("claim.differs", line.number, line.text, text)
        if _must_stand(text) or text == "> [!WARNING]":
            return Finding("warning.removed", line.number, line.text, text)
    if numbers:
        return Finding("claim.elsewhere" if line.text in record else "claim.unknown", line.number, line.text, "")
    hides = _HIDES.search(line.text) and not is_place(line.text)
    return Finding("claim.hidden" if hides else "text.own", line.number, line.text, "")


def _likeness(left: str, right: str) -> float:
    """How much of two lines is the same, word by word, from 0 to 1."""
    here, there = (re.findall(r"\w+|[^\w\s]", text)[:_COMPARED] for text in (left, right))
    matcher = SequenceMatcher(None, here, there, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE else 0.0


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

#: Where a report lists its runs: the heading, and how a line below it names one.
_LISTED: Final[Mapping[str, str]] = {
    "## Evidence": r"\|.*\| (.+?) \| `[\w.]+` \| `[\da-f]{12}` \|",
    "### Commands": r"- (.+?): .*",
    "### Files": r"\| (.+?) \| `[\w.]+` \| .* \|",
}


def _other_runs(lines: Iterable[Line], report: Report) -> Finding | None:
    """That the file was made from other runs, or in another order, if every list of runs in it says so.

    One list alone may have been edited, or tell of a run that was damaged since.
    """
    told = _runs_in(lines)
    shown = dict.fromkeys(str(code(run.name)) for run in report.runs)
    proved = dict.fromkeys(str(code(row.run)) for row in report.evidence)
    today = {"## Evidence": proved, "### Commands": shown, "### Files": shown}
    if not told or any(list(told[heading]) == list(today[heading]) for heading in told):
        return None
    heading = list(told)[-1]
    line = next(iter(told[heading].values()))
    return Finding("runs.differ", line, _names(told[heading]), _names(today[heading]))


def _runs_in(lines: Iterable[Line]) -> dict[str, dict[str, int]]:
    """The runs that a report lists under each heading, in order, with the line that first names each."""
    found: dict[str, dict[str, int]] = {}
    heading = ""
    for line in lines:
        text = line.text.rstrip()
        if line.key is None and text.startswith("#"):
            heading = text
        elif line.key is None and heading in _LISTED and (match := re.fullmatch(_LISTED[heading], text)):
            found.setdefault(heading, {}).setdefault(match[1], line.number)
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


def _check_files(lines: Sequence[Line], report: Report) -> list[Finding]:
    """What does not agree with the record of a run, with the line that lists the file, or the first that names it."""
    return [
        Finding("file.disagrees", _line_of(run.name, disagreement.values.get("file"), lines), run.name, told)
        for run in report.runs
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
    if finding.code == "runs.differ":
        return f"{shown} {_sentence(finding)}"  # it is about the whole file
    return f"{shown}:{finding.line}: {_sentence(finding)}"


def _sentence(finding: Finding) -> str:
    says, recorded = (clean(text.strip(), _SHOWN) for text in (finding.says, finding.recorded))
    key = "warning.missing" if finding.code == "warning.removed" and not says else finding.code
    return SENTENCES[key].format(says=says, recorded=recorded)


def success(checked: Checked, shown: str) -> str:
    """What a check that found nothing has shown, and what it has not."""
    return (
        f"{shown}: {checked.numbers:,} numbers hold against {checked.files:,} files of "
        f"{checked.runs:,} run{'s' if checked.runs != 1 else ''}, whose digests are as recorded. Nothing was trained "
        "again: that is what week2kit verify does."
    )
