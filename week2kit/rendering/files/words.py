"""What a person wrote into a report: kept, byte for byte, while everything around it is made again.

A report leaves places between two comments, each under a key: ``goal``, ``hypothesis``, ``interpretation``, and
``lesson NAME`` for each run that did not work. A place that nobody used holds one line in italics, an invitation.
Words whose place is no longer in the report are kept in a section of their own, from where they return.

What a person wrote elsewhere is lost when the report is made again. A digest tells that somebody did, so that the old
file is kept.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote, unquote

from week2kit.canonical import clean, sha256
from week2kit.errors import ReportError
from week2kit.rendering.files.reports import read_report
from week2kit.rendering.markdown import Markdown, code
from week2kit.thresholds import REPORT_BYTES, WORDS_BYTES

#: What a person wrote, by the key of its place, with its own line ends.
Words: TypeAlias = Mapping[str, str]

NO_WORDS: Final[Words] = {}

#: What stands above words that have no place.
KEPT: Final = "Words whose place is not in this report (any more). They return to it when it does."

_END: Final = "<!-- week2kit end of words -->"
_KEEPS: Final = "Write between these two comments: `report -o` keeps it."
#: What stands in a place that nobody used, by the kind of its key.
INVITATIONS: Final[Mapping[str, str]] = {
    "goal": f"*What shall these runs find out? {_KEEPS}*",
    "hypothesis": f"*What did you expect, and why? {_KEEPS}*",
    "interpretation": f"*What do you conclude, in your own words? {_KEEPS}*",
    "lesson": f"*What do you learn from this run? {_KEEPS}*",
}

# compiled when a report is read: making one needs only `_PLACE`
_BEGIN_LINE: Final = r"[ \t]*<!-- week2kit words: (?P<key>[!-=?-~]+(?: [!-=?-~]+)*) -->[ \t\r]*"
_END_LINE: Final = rf"[ \t]*{_END}[ \t\r]*"
#: A comment that was one of ours, and that somebody broke.
_BROKEN_LINE: Final = r"<!--.*week2kit +(?:words|end of words)"
_PLACE: Final = re.compile(rf"^<!-- week2kit words: (?P<key>.+) -->\n(?P<inside>(?:.*\n)*?){_END}$", re.MULTILINE)


# --- places -----------------------------------------------------------------------------------------------------


def place(key: str) -> Markdown:
    """An empty place for words: two comments, and between them a line that invites to write."""
    kind = key.split(" ")[0]
    return Markdown(f"{_begin(key)}\n{INVITATIONS.get(kind, INVITATIONS['interpretation'])}\n{_END}")


def lesson(name: str) -> Markdown:
    """The place for what is learnt from the run `name`, which may hold anything."""
    return place(lesson_key(name))


def lesson_key(name: str) -> str:
    """The key of that place."""
    return f"lesson {_encoded(name)}"


def key_of(empty: str) -> str:
    """The key of a place, as `place` and `lesson` make it."""
    match = _PLACE.match(empty)
    return match["key"] if match else ""


def _begin(key: str) -> str:
    return f"<!-- week2kit words: {key} -->"


def _encoded(name: str) -> str:
    """A name of ASCII letters, digits and ``_.-~/%`` only: it ends no comment, and no two names become one."""
    return quote(name, safe="/", errors="surrogateescape")


def insert(text: str, words: Words) -> str:
    """A generated report with what a person wrote in its places; what has no place any more stands at the end."""
    places = iter(keys := _single([match["key"] for match in _PLACE.finditer(text)]))

    def filled(match: re.Match[str]) -> str:
        key = next(places)
        return f"{_begin(key)}\n{_ended(words[key]) if key in words else match['inside']}{_END}"

    result = _PLACE.sub(filled, text)
    left = {key: value for key, value in words.items() if key not in keys}
    return result + _kept(left) if left else result


def share_out(keys: Iterable[str], words: Words) -> tuple[list[str | None], Words]:
    """The words of each place, by the keys of the places in their order; and those that have none."""
    single = _single(keys)
    return [words.get(key) for key in single], {key: text for key, text in words.items() if key not in single}


def _single(keys: Iterable[str]) -> list[str]:
    """The keys of places, each once: two runs can have one name, where they were given as absolute paths."""
    seen: Counter[str] = Counter()
    single = []
    for key in keys:
        seen[key] += 1
        single.append(key if seen[key] == 1 else f"{key} #{seen[key]}")  # `#` stands in no encoded name
    return single


def _ended(words: str) -> str:
    return words if words.endswith("\n") else words + "\n"


def _kept(words: Words) -> str:
    parts = [f"{title_of(key)}:\n\n{_begin(key)}\n{_ended(value)}{_END}\n" for key, value in words.items()]
    return "\n".join(["\n## Kept words\n", f"{KEPT}\n", *parts])


def title_of(key: str) -> str:
    """What the words of a place are about."""
    kind, _, name = key.partition(" ")
    return f"{clean(kind).capitalize()} of {code(unquote(name, errors='replace'))}" if name else f"About {code(kind)}"


def room(words: Words) -> int:
    """The bytes that a report may have besides the words of a person; it changes in large steps only."""
    size = sum(len(text.encode()) for text in words.values())
    steps = max(1, -(-size // WORDS_BYTES))
    return max(WORDS_BYTES, REPORT_BYTES - steps * WORDS_BYTES)


# --- reading them back ------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """One line of a report: its number from 1, its text, and the key of the place in whose words it stands."""

    number: int
    text: str
    key: str | None


def read_lines(text: str, shown: str) -> list[Line]:
    """The lines of a report; the two comments of a place stand outside of its words.

    Raises:
        ReportError: a comment is broken, missing or doubled: nothing tells whose words a line is. It names the line.
    """
    lines: list[Line] = []
    opened: dict[str, int] = {}
    key: str | None = None
    for number, line in enumerate(text.split("\n"), 1):
        begin = re.fullmatch(_BEGIN_LINE, line)
        if begin:
            if key is not None:
                raise _never_closed(shown, opened[key])
            if begin["key"] in opened:
                raise _broken(
                    f"{shown}:{number}",
                    f"this place for words stands at line {opened[begin['key']]}, too",
                    "keep one of the two, with all your text in it",
                )
            opened[begin["key"]] = number
            lines.append(Line(number, line, None))
            key = begin["key"]
        elif re.fullmatch(_END_LINE, line):
            if key is None:
                raise _broken(
                    f"{shown}:{number}",
                    "a place for words ends here, and none began",
                    f"put back the line {_begin('KEY')} before your text, with the KEY (such as interpretation) that a "
                    "report in another file has there",
                )
            key = None
            lines.append(Line(number, line, None))
        elif key is None and re.search(_BROKEN_LINE, line):
            right = _END if "end of words" in line else _begin("KEY")
            what = "the comment of a place for words is not as it was"
            raise _broken(f"{shown}:{number}", what, f"it must be the line {right} and nothing else")
        else:
            lines.append(Line(number, line, key))
    if key is not None:
        raise _never_closed(shown, opened[key])
    return lines


def _broken(where: str, what: str, try_this: str) -> ReportError:
    return ReportError(
        f"{where}: {what}: {try_this}. Until then nothing tells which words are yours, and nothing is written."
    )


def _never_closed(shown: str, opened: int) -> ReportError:
    what = "a place for words begins here and is never closed"
    return _broken(f"{shown}:{opened}", what, f"put back the line {_END} after your text")


def find_words(text: str, shown: str) -> Words:
    """What a person wrote into the places of a report; a place that was left as it was, or emptied, has no words.

    Raises:
        ReportError: see `read_lines`.
    """
    inside: dict[str, list[str]] = {}
    for line in read_lines(text, shown):
        if line.key is not None:
            inside.setdefault(line.key, []).append(line.text)
    words = {key: "\n".join(lines) + "\n" for key, lines in inside.items()}
    return {key: value for key, value in words.items() if value.strip() not in ("", *INVITATIONS.values())}


def is_place(line: str) -> bool:
    """Whether a line is one of the two comments of a place."""
    return bool(re.fullmatch(_BEGIN_LINE, line) or re.fullmatch(_END_LINE, line))


def outside(text: str) -> Iterator[str]:
    """The lines of a report that stand outside of its words, the comments of the places included.

    It takes broken places, too, as generated text must have its lines whatever a person wrote.
    """
    inside = False
    for line in text.split("\n"):
        ends = bool(re.fullmatch(_END_LINE, line))
        if ends or not inside:
            yield line.strip() if is_place(line) else line
        inside = not ends and (inside or bool(re.fullmatch(_BEGIN_LINE, line)))


def read_words(path: Path) -> Words:
    """What a person wrote into the report in a file; nothing where there is no file.

    Raises:
        ReportError: the file is no report of ours or cannot be read, or its places are broken.
    """
    if not os.path.lexists(path):
        return NO_WORDS
    text, shown = read_report(path), clean(os.fspath(path))
    words = find_words(text, shown)
    begins = rf"^[ \t]*{_begin('interpretation')}"
    if "\n## Interpretation" in text and not re.search(begins, text, re.MULTILINE):
        raise ReportError(
            f"{shown}: it has no place for your interpretation (any more), so nothing tells which words in it are "
            f"yours, and none shall be lost. Put them between a line `{_begin('interpretation')}` and a line "
            f"`{_END}`, or make the report into another file."
        )
    return words


def words_beside(output: Path, instead: str) -> Words:
    """The words for a document that has no places itself, from the Markdown report of the same name beside it.

    ``report.html`` takes those of ``report.md``. A file beside it that is no report of ours, or unreadable, has none.

    Args:
        output: the file of the document.
        instead: what it is, as "a page".

    Raises:
        ReportError: the file `output` holds words of a person, which would be lost, or places are broken.
    """
    if _words_of(output):
        shown = clean(os.fspath(output))
        raise ReportError(f"{shown}: it holds words of yours, for which {instead} has no place: choose another -o.")
    return _words_of(output.with_suffix(".md"))


def _words_of(path: Path) -> Words:
    try:
        text = read_report(path) if path.is_file() else ""
    except ReportError:
        return NO_WORDS  # no Markdown of ours: whether it may be replaced is not a question of words
    return find_words(text, clean(os.fspath(path)))


# --- the text outside of the places: its digest is the last line of every report in Markdown ----------------------


class Kept(NamedTuple):
    """A replaced report that was kept, because its text outside of the places for words is not in the new one."""

    path: Path
    sentence: str
    """What happened, for the person who wrote there."""


_LINE: Final = re.compile(r"[ \t]*<!-- week2kit text: (?P<digest>[\da-f]{64}) -->[ \t\r]*")


def text_line(text: str) -> str:
    """The line that holds the digest of a report; one that `text` already has does not count.

    Neither do line ends, the blanks in front of them and empty lines: editors change them without being asked.
    """
    return f"<!-- week2kit text: {_digest(outside(text))} -->"


def with_text_line(text: str) -> str:
    """A report in Markdown, and the line with its digest below."""
    return f"{text}\n{text_line(text)}\n"


def is_text_line(line: str) -> bool:
    """Whether a line is such a line, of whatever report."""
    return bool(_LINE.fullmatch(line))


def _digest(lines: Iterable[str]) -> str:
    counted = (line.rstrip() for line in lines if not is_text_line(line))
    return sha256("\n".join(line for line in counted if line).encode("utf-8", "surrogatepass"))


def why_keep(path: Path, *, any_report: bool) -> str:
    """Why a report must be kept when it is replaced; empty where nothing outside of its places would be lost.

    Args:
        path: the file that is replaced; it need not be there.
        any_report: keep a report without a digest, too: nothing tells what was written into it.
    """
    try:
        text = read_report(path) if os.path.lexists(path) else ""
    except ReportError:
        return ""  # no report in Markdown: whether it may be replaced is not a question of its text
    stated = [line.strip() for line in outside(text) if is_text_line(line)]
    if not text or stated == [text_line(text)]:
        return ""
    if stated:
        return "text outside the comments was changed, and is not kept in the new report"
    if any_report:
        return "nothing in it tells whether text outside the comments was changed, and none is kept in the new report"
    return ""


def kept(path: Path, old: Path, why: str) -> Kept:
    """What is told about the report `path`, which was kept as `old`."""
    return Kept(old, f"{clean(os.fspath(path))}: {why}: the old one is {clean(os.fspath(old))}.")


#: Bytes that `with_text_line` adds.
TEXT_LINE_BYTES: Final = len(with_text_line("").encode())
