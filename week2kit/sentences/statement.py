"""How a code and its values become a sentence: a table from code to text, and the forms of the values in it.

Values arrive as they were recorded and are foreign: every text among them is cleaned here, and nothing that is missing
or of another type ever raises.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from week2kit.canonical import clean, show_value
from week2kit.thresholds import DUMPS, MAX_MESSAGE, MAX_THREADS

#: The text of a value, or of several, in one of the forms that a sentence may ask for.
Form: TypeAlias = Callable[[Any], str]


class Either(NamedTuple):
    """Two texts of one code: the first where the test holds of what is told."""

    test: Callable[[Any], bool]
    yes: str
    no: str


Texts: TypeAlias = Mapping[str, str | Either]

#: Phrases that several sentences share, and bounds that they name.
PHRASES: Final[Mapping[str, str]] = {
    "copy_again": "Copy the run folder again from where it was made, or train again.",
    "allow_it": "Allow it (chmod +r), or verify as a user who may read it.",
    "if_another": "Name the right one with --data, or this one to see what differs.",
    "of_a_score": "of itself or of the median score",
    "partial": "No manifest: only config and metrics are recorded",
    "DUMPS": str(DUMPS),
    "MAX_THREADS": str(MAX_THREADS),
}

#: Values that a sentence names of many; --json has more of them.
MOST_VALUES: Final = 3


class Statement:
    """One table of texts, with the forms that its texts use.

    In a text, ``{now}`` is a value as it is shown everywhere, ``{now[rows]}`` one in it, ``{now:short}`` the value in
    the form of that name, and ``{it:keys}`` the form of the whole thing that is told.

    Args:
        texts: from code to text.
        forms: from the name of a form to what makes it, besides those that every table has.
    """

    def __init__(self, texts: Texts, forms: Mapping[str, Form]) -> None:
        self.texts = texts
        self._forms = {**_FORMS, **forms}

    def tell(self, code: str, it: object, values: Mapping[str, object]) -> str:
        """The sentences of a code; of one that a later version wrote, the code and all values."""
        text = self.texts.get(code)
        if isinstance(text, Either):
            text = text.yes if text.test(it) else text.no
        if text is None:
            return f"{clean(code)}: " + ", ".join(f"{clean(key)} {shown(values[key])}" for key in sorted(values))
        told = {name: _Told(value, self._forms) for name, value in {**values, "it": it}.items()}
        return text.format_map(defaultdict(lambda: _Told(None, self._forms), {**PHRASES, **told}))


class _Told:
    """A value in a text."""

    def __init__(self, value: object, forms: Mapping[str, Form]) -> None:
        self._value, self._forms = value, forms

    def __getitem__(self, key: str) -> _Told:
        return _Told(part(self._value, key), self._forms)

    def __format__(self, form: str) -> str:
        return self._forms[form](self._value)


def shown(value: object) -> str:
    """Any recorded value as a short text that is safe to show; a text in double quotes, a list with commas."""
    if isinstance(value, str):
        return f'"{clean(value, 100)}"' if re.search(r"\s", value) else clean(value, 100)
    if isinstance(value, list | tuple):
        items = [shown(item) for item in value[:6]]
        return ", ".join(items) + (f" and {len(value) - 6} more" if len(value) > 6 else "") or "nothing"
    if isinstance(value, Mapping):
        return ", ".join(f"{clean(str(key), 40)} {shown(value[key])}" for key in sorted(value)[:6]) or "nothing"
    return "nothing" if value is None else clean(repr(value), 60)


def part(values: object, key: str) -> Any:
    """A value in another, where that is an object and has it."""
    return values.get(key) if isinstance(values, Mapping) else None


def plain(value: object) -> str:
    """A text as it stands."""
    return clean(str(value), 400) if value is not None else ""


def short(value: object) -> str:
    """The beginning of a digest."""
    return clean(str(value), 200)[:12]


def joined(texts: Sequence[str]) -> str:
    """Texts as a list in a sentence."""
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def first_of(told: Sequence[str], more: str = "; and {} more") -> str:
    """The first of many parts of a sentence, and how many there are besides."""
    left = len(told) - MOST_VALUES
    return "; ".join(told[:MOST_VALUES]) + (more.format(left) if left > 0 else "")


def command_line(*words: str) -> str:
    """Words as a shell takes them, as text that is safe to show."""
    return clean(shlex.join(words), MAX_MESSAGE)


def to_seed(names: object) -> str:
    """How to fix what draws without a seed; one of them takes none."""
    isomap = isinstance(names, list) and "Isomap" in names
    advice = ['Isomap takes no seed: give it "eigen_solver": "dense".'] if isomap else []
    return " ".join([*(['Remove "random_state": null.'] if names != ["Isomap"] else []), *advice])


def _amount(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, float) else "an unknown amount"


def _number(value: object) -> str:
    return show_value(value) if isinstance(value, int | float) else shown(value)


def _percent(value: object) -> str:
    return f"{value:.1%}".replace("%", " %") if isinstance(value, int | float) else shown(value)


def _names_in_order(names: Any) -> str:
    return shown(sorted(map(str, names or ())))  # a TypeError where a document of others holds no names


_FORMS: Final[Mapping[str, Form]] = {
    "": shown,
    "plain": plain,
    "short": short,
    "amount": _amount,
    "number": _number,
    "percent": _percent,
    "sorted": _names_in_order,
    "to_seed": to_seed,
}
