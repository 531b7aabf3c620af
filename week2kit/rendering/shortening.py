"""A long report made short enough for the comment of a pull request: whole parts go, the least important first.

It works on the finished text, by its headings. What stays in any case: the head with its warnings, what changed, the
results, the judgement of the difference, which runs failed, and the words of a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple


class _Section(NamedTuple):
    heading: str
    body: str


class _Rule(NamedTuple):
    """One step: what is left out, of which sections, and how. It begins with the last section that it fits."""

    what: str
    heading: re.Pattern[str]
    cut: Callable[[str, str], str]


_SHOWS_ALL: Final = "`--full` shows all."
_NOTE: Final = f"*Left out, as this report would be too long: {{}}. {_SHOWS_ALL}*\n"
_TABLE: Final = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
_OVERVIEW_HEAD: Final = re.compile(r"\| .*run \| what changed \|")
#: Rows of the ranked table that stay, its two head lines included.
_OVERVIEW_LINES: Final = 12


def shorten(text: str, limit: int) -> str:
    """A report that is too long, at most `limit` bytes of UTF-8 where that can be had, and what was left out of it."""
    sections = _sections(text)
    left_out: list[str] = []
    for rule in _RULES:
        for index in reversed(range(len(sections))):
            heading, body = sections[index]
            if not rule.heading.fullmatch(heading) or len(cut := rule.cut(body, rule.what)) >= len(body):
                continue
            sections[index] = _Section(heading, cut)
            left_out = list(dict.fromkeys([*left_out, rule.what]))
            text = _joined(sections, left_out)
            if len(text.encode()) <= limit:
                return text
    return text.replace(_SHOWS_ALL, f"Even so, it is longer. {_SHOWS_ALL}", 1)


def _sections(text: str) -> list[_Section]:
    """The text at its headings of the second and third level; the first section is the head."""
    heading, fenced = "", False
    body: list[str] = []
    sections: list[_Section] = []
    for line in text.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        if not fenced and re.match(r"#{2,3} ", line):
            sections.append(_Section(heading, "".join(body)))
            heading, body = line.rstrip("\n"), []
        else:
            body.append(line)
    return [*sections, _Section(heading, "".join(body))]


def _joined(sections: list[_Section], left_out: list[str]) -> str:
    head, *rest = sections
    title, _, below = head.body.partition("\n\n")
    note = f"> [!NOTE]\n> Cut to 64 KB, for the comment of a pull request. Left out: {'; '.join(left_out)}."
    parts = [f"{title}\n\n{note} {_SHOWS_ALL}\n\n{below}", *(f"{heading}\n{body}" for heading, body in rest)]
    return "".join(parts)


# --- what is left out -------------------------------------------------------------------------------------------


def _all(body: str, what: str) -> str:
    """Nothing but a line that says so; a body without a table or list is a statement, and stays."""
    return f"\n{_NOTE.format(what)}\n" if re.search(r"^[|-]", body, re.MULTILINE) else body


def _block(begin: str) -> Callable[[str, str], str]:
    """Without each paragraph that `begin` matches and the table or picture that follows it."""
    block = re.compile(rf"^{begin}.*\n\n(?:(?:^\|.*\n)+|```\w*\n(?:.*\n)*?```\n|!\[.*\n)", re.MULTILINE)
    return lambda body, what: block.sub(_NOTE.format(what), body)


def _tables(body: str, what: str) -> str:
    return _TABLE.sub(lambda match: _NOTE.format(what), body)


def _setback(items: str) -> Callable[[str, str], str]:
    """Without those of the `items` of a run that did not work; the place for words stays."""
    lines = re.compile(rf"(?:^- \*\*{items}.*\n)+", re.MULTILINE)
    return lambda body, what: f"\n{_NOTE.format(what)}\n{lines.sub('', body).lstrip()}"


def _goals(body: str, what: str) -> str:
    """Only the first two quotes: a goal and a hypothesis, or two of either."""
    quotes = list(re.finditer(r"(?:^Hypothesis of .*:\n\n)?^> .*\n", body, re.MULTILINE))
    if len(quotes) <= 2:
        return body
    return f"{body[: quotes[1].end()]}\n{_NOTE.format(what)}\n{body[quotes[-1].end() :].lstrip()}"


def _findings(body: str, what: str) -> str:
    """Only the judgement of the difference."""
    items = re.split(r"^(?=- \*\*)", body, flags=re.MULTILINE)
    kept = [item for item in items if item.startswith("- **The difference.**")]
    last = items[-1].partition("\n\n")[2]  # what follows the list, such as the place for words
    return "\n" + "".join(kept).rstrip("\n") + f"\n\n{_NOTE.format(what)}\n{last}" if kept or len(items) > 1 else body


def _overview(body: str, what: str) -> str:
    """Only the first lines of the ranked table."""

    def cut(match: re.Match[str]) -> str:
        lines = match[0].splitlines(keepends=True)
        if not _OVERVIEW_HEAD.match(match[0]) or len(lines) <= _OVERVIEW_LINES:
            return match[0]
        return "".join([*lines[:_OVERVIEW_LINES], "\n", _NOTE.format(what)])

    return _TABLE.sub(cut, body)


def _rule(what: str, heading: str, cut: Callable[[str, str], str]) -> _Rule:
    return _Rule(what, re.compile(heading), cut)


_SETBACK: Final = r"### .*: (?:failed|interrupted|worse).*"

#: The least important first: what can be read in the run folders themselves, then the detail below each statement.
_RULES: Final = (
    _rule("the digests of all files", r"### Files", _all),
    _rule("the environments", r"### Environments", _all),
    _rule("the commands", r"### Commands", _all),
    _rule("rows that moved", r"##+ Rows that moved.*", _all),
    _rule("scores in each fold", r"##+ Results.*", _block(r".* in each fold:")),
    _rule("figures", r"##+ Results.*|## Interpretation", _block(r"(?:\*\*[A-Z][\w ]*\.\*\* |The learning curve )")),
    _rule("statements besides that about the difference", r"## Interpretation|### About .*", _findings),
    _rule("what the runs that did not work tried", _SETBACK, _setback("(?!Learned)")),
    _rule("the table of evidence", r"## Evidence", _all),
    _rule("the lower lines of the ranked table", r"## Results", _overview),
    _rule("the values that changed", r"##+ What changed.*", _tables),
    _rule("the goals of further runs", r"## Goal", _goals),
    _rule("what the runs that did not work teach", _SETBACK, _setback("")),
)
