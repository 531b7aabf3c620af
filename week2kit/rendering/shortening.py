"""A long report made short enough for the comment of a pull request: whole parts go, the least important first.

What stays in any case: the head with its warnings, what changed, the results, the judgement of the difference, which
runs failed, and the words of a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple, TypeAlias

from week2kit.rendering.blocks import (
    Block,
    Document,
    Items,
    Kind,
    Notice,
    Quotes,
    Section,
    Table,
    document_as_markdown,
    section_as_markdown,
)
from week2kit.rendering.pictures.contents import Picture

#: What stays of a block that is left out; None: all of it.
_Cut: TypeAlias = Callable[[Block], tuple[Block, ...] | None]


class _Rule(NamedTuple):
    """One step: what is left out, of which sections, and what of each block. It begins with the last section."""

    what: str
    kinds: tuple[Kind, ...]
    cut: _Cut


_SHOWS_ALL: Final = "`--full` shows all."
#: Rows of the ranked table, and goals and hypotheses, that stay.
_OVERVIEW_ROWS: Final = 10
_GOALS: Final = 2


def shorten(document: Document, links: Mapping[str, str], limit: int) -> Document:
    """A report that is too long, at most `limit` bytes of Markdown where that can be had, and what it leaves out."""
    sections, left_out = list(document), list[str]()
    size = len(document_as_markdown(document, links).encode())
    for rule in _RULES:
        for index in reversed(range(len(sections))):
            if (before := sections[index]).kind not in rule.kinds:
                continue
            after = _shortened(before, rule)
            if (saved := _size(before, links) - _size(after, links)) <= 0:
                continue
            sections[index], size = after, size - saved
            left_out = list(dict.fromkeys([*left_out, rule.what]))
            told = _with_note(sections, left_out, _SHOWS_ALL)
            if size + _size(told[0], links) - _size(sections[0], links) <= limit:
                return told
    return _with_note(sections, left_out, f"Even so, it is longer. {_SHOWS_ALL}")


def _shortened(part: Section, rule: _Rule) -> Section:
    """A section with a line in each place where something is left out."""
    note = f"*Left out, as this report would be too long: {rule.what}. {_SHOWS_ALL}*"
    cut = ((block, rule.cut(block)) for block in part.blocks)
    blocks = [one for block, stays in cut for one in ((block,) if stays is None else (*stays, note))]
    return part._replace(blocks=tuple(block for block, _ in groupby(blocks)))


def _size(part: Section, links: Mapping[str, str]) -> int:
    return len(section_as_markdown(part, links).encode())


def _with_note(sections: Sequence[Section], left_out: Sequence[str], shows_all: str) -> Document:
    head, *others = sections
    told = f"Cut to 64 KB, for the comment of a pull request. Left out: {'; '.join(left_out)}. {shows_all}"
    return head._replace(blocks=(Notice("NOTE", (told,)), *head.blocks)), *others


# --- what is left out -------------------------------------------------------------------------------------------


def _listed(block: Block) -> tuple[Block, ...] | None:
    return () if isinstance(block, Table | Items | Picture) else None


def _tables(*captions: str) -> _Cut:
    return lambda block: () if isinstance(block, Table) and block.caption.endswith(captions or "") else None


def _figures(block: Block) -> tuple[Block, ...] | None:
    return () if isinstance(block, Picture) else _tables("The learning curve in numbers:")(block)


def _items(*names: str) -> _Cut:
    """Of the items that have a name, only these."""

    def cut(block: Block) -> tuple[Block, ...] | None:
        if not isinstance(block, Items) or all(item.name in ("", *names) for item in block.items):
            return None
        kept = tuple(item for item in block.items if item.name in names)
        return (Items(kept),) if kept else ()

    return cut


def _overview(block: Block) -> tuple[Block, ...] | None:
    """Only the first rows of the ranked table."""
    if not isinstance(block, Table) or block.head[0] != "rank" or len(block.rows) <= _OVERVIEW_ROWS:
        return None
    return (block._replace(rows=block.rows[:_OVERVIEW_ROWS]),)


def _goals(block: Block) -> tuple[Block, ...] | None:
    """Only the first two quotes: a goal and a hypothesis, or two of either."""
    return (Quotes(block.texts[:_GOALS]),) if isinstance(block, Quotes) and len(block.texts) > _GOALS else None


#: The least important first: what can be read in the run folders themselves, then the detail below each statement.
_RULES: Final = (
    _Rule("the digests of all files", ("files",), _listed),
    _Rule("the environments", ("environments",), _listed),
    _Rule("the commands", ("commands",), _listed),
    _Rule("rows that moved", ("moved",), _listed),
    _Rule("the columns one by one", ("goal",), _listed),
    _Rule("scores in each fold", ("results",), _tables(" in each fold:")),
    _Rule("figures", ("results", "interpretation"), _figures),
    _Rule("statements besides that about the difference", ("interpretation",), _items("The difference.")),
    _Rule("what the runs that did not work tried", ("setback",), _items("Learned:")),
    _Rule("the table of evidence", ("evidence",), _listed),
    _Rule("the lower lines of the ranked table", ("results",), _overview),
    _Rule("the values that changed", ("changes",), _tables()),
    _Rule("the goals of further runs", ("goal",), _goals),
    _Rule("what the runs that did not work teach", ("setback",), _items()),
)
