"""Foreign text, numbers and statements as Markdown that GitHub renders: the one place that rounds and escapes.

Run names, labels, columns, messages, goals and commands can never become a table cell, a link, an image, a heading,
raw HTML, a mention, or part of a diagram.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from markupsafe import Markup

from week2kit.canonical import clean, compact_json, dump_json
from week2kit.canonical import show_value as show_number
from week2kit.inputs.changes import Statement
from week2kit.inputs.leaves import Absent
from week2kit.record.manifest import Warned
from week2kit.rendering.files.experiments import lasting_command
from week2kit.reporting.rows import Range, RunRow, Score
from week2kit.reporting.values import Experiment
from week2kit.sentences.report import SENTENCES
from week2kit.sentences.warnings import describe_warning
from week2kit.thresholds import SHOWN_CONFIG

_VALUE_LENGTH: Final = 160
_TEXT_LENGTH: Final = 2_000
_COMMAND_LENGTH: Final = 500

#: Text that is Markdown already, made here. Jinja2 marks what its macros return with this class, so that nothing is
#: escaped twice; what it would do to other text, HTML escaping, never happens, because `_printed` leaves none.
Markdown: TypeAlias = Markup


def printed(value: object) -> Markdown:
    """What a template prints without a filter: escaped, unless it was made here."""
    if isinstance(value, Markup):
        return value
    return Markdown(number(value)) if isinstance(value, float) else escape(value)


# --- numbers ----------------------------------------------------------------------------------------------------


def number(value: float | None) -> str:
    """A measured number for people, as `week2kit.canonical.show_value` writes it everywhere."""
    return "–" if value is None else show_number(value)


def signed(value: float | None) -> str:
    """A difference for people, with its sign; zero has none."""
    if value is None:
        return "–"
    return f"+{number(value)}" if value > 0 else number(value)


def describe_verdict(found: str | None) -> str:
    """The verdict on a difference in a word: a test that finds nothing has not shown that there is nothing."""
    return {"untested": "not tested", "noise": "not shown"}.get(str(found), str(found))


def show_p(value: float) -> str:
    """A p-value behind the letter p, as papers have it: two digits, and no more zeros than anyone reads."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}" if value < 0.1 else f"= {value:.2f}"


def show_score(score: Score | None) -> Markdown:
    """A validation score; of a cross-validation with the standard deviation over the folds in which it is defined."""
    if score is None:
        return Markdown("–")
    if score.value is None:
        return Markdown("not defined")
    spread = f" ± {number(score.std)}" if score.std is not None else ""
    part = f" ({score.folds - score.undefined} of {score.folds} folds)" if score.undefined else ""
    return Markdown(number(score.value) + spread + part)


def show_range(interval: Range | None) -> Markdown:
    """The interval of a metric."""
    return Markdown("–" if interval is None else f"{number(interval.low)} to {number(interval.high)}")


def show_span(interval: Range | None) -> Markdown:
    """The interval of a difference, with signs: whether it holds zero is what counts."""
    return Markdown("–" if interval is None else f"{signed(interval.low)} to {signed(interval.high)}")


def show_dummy(scores: tuple[Score | None, Score | None]) -> Markdown:
    """What guessing scores: once where it is the same in both runs, as on the same rows it mostly is."""
    values = dict.fromkeys(number(score.dummy) for score in scores if score is not None)
    return Markdown(" / ".join(values))


def count(value: int, noun: str) -> str:
    """A whole number with its noun, in the plural where it is one."""
    return f"{value:,} {noun if value == 1 else noun + 's'}"


# --- foreign text -----------------------------------------------------------------------------------------------

_INLINE: Final = re.compile(r"[\\`*_\[\]|~$&!{}]")
_AT_START: Final = re.compile(r"^(?:[#>+=:-]|\d{1,9}(?=[.)]))")
#: Where GitHub would make a link, a mention or a reference to an issue out of plain text, which no backslash stops.
_REFERENCE: Final = re.compile(r"(?<=[@#])(?=\w)")
_ADDRESS: Final = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp|www)(?=[:.])")
_WORD_JOINER: Final = "\N{WORD JOINER}"


def escape(text: object, limit: int = _TEXT_LENGTH) -> Markdown:
    """Foreign text on one line in which nothing is Markdown, HTML, a link, a mention or a table cell."""
    flat = " ".join(clean(str(text), limit).split())
    result = _INLINE.sub(r"\\\g<0>", flat)
    result = re.sub(r"(?<=\w)\\_(?=\w)", "_", result)  # an underscore inside a word means nothing, and reads better
    result = result.replace("<", "&lt;").replace(">", "&gt;")
    result = _AT_START.sub(_escaped_start, result)
    result = _ADDRESS.sub(rf"\g<1>{_WORD_JOINER}", result)
    return Markdown(_REFERENCE.sub(_WORD_JOINER, result))


def _escaped_start(match: re.Match[str]) -> str:
    return f"{match[0]}\\" if match[0].isdigit() else f"\\{match[0]}"


def quoted(text: object) -> Markdown:
    """Free text of a person, as a block quote of one line."""
    return Markdown(f"> {escape(text)}")


#: Backticks, angle brackets, and what `week2kit.canonical.clean` removes.
_UNSAFE_IN_JSON: Final = re.compile(
    "[`<>\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_PLAIN: Final = re.compile(r"[^`|<>\\&]+")


def code(text: object, limit: int = 200) -> Markdown:
    """A foreign name as a code span, in which nothing has a meaning; escaped text where a span could be broken."""
    flat = " ".join(clean(str(text), limit).split())
    if flat and re.match(" |.* $", str(text)):  # no code span shows blanks around a name
        flat = f'"{clean(str(text), limit)}"'
    return Markdown(f"`{flat}`") if _PLAIN.fullmatch(flat) else escape(flat or "(empty)", limit)


def fence(lines: Iterable[str], language: str = "sh") -> Markdown:
    """Commands, or other lines, as a fenced block; the fence is longer than any run of backticks in them."""
    body = clean_lines(lines)
    if "week2kit" in body:  # no foreign line is a place for words, or ends one
        body = body.replace("<!--", "<! --")
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", body) or [""]))
    return Markdown(f"{ticks}{language}\n{body}\n{ticks}")


def clean_lines(lines: Iterable[str]) -> str:
    """Commands, or other lines, in which nothing moves a cursor; each is cut where it is very long."""
    return "\n".join(clean(line, _TEXT_LENGTH) for line in lines)


def made_by(run: RunRow) -> Markdown:
    """The command that makes a run, and what it stands in for where it is not the recorded one."""
    command, instead_of = lasting_command(run)
    shown = code(command, _COMMAND_LENGTH)
    if not instead_of:
        return shown
    return shown + Markdown(" (recorded with ") + code(instead_of) + Markdown(", which each report replaces)")


def fence_named(commands: Sequence[str], experiments: Sequence[Experiment]) -> Markdown:
    """The commands that train files, each with the name of its experiment for the run, as a fenced block."""
    return fence(f"{command}{one.flags}" for command, one in zip(commands, experiments, strict=True))


def json_block(value: object) -> Markdown:
    """A JSON value as a fenced block that can be copied out exactly, whatever texts it holds.

    What could end the fence, begin a comment, or change how the text is read is written as a JSON escape. A long one is
    not shown.
    """
    body = _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", dump_json(value))
    if len(body) > SHOWN_CONFIG:
        return Markdown("(The config is too long to be shown: `-o report.md` writes it to a file.)")
    return Markdown(f"```json\n{body}```")


def codes(texts: Iterable[object], most: int = 12) -> Markdown:
    """Several foreign names, as code, with commas; beyond `most` only how many more there are."""
    names = list(texts)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return Markdown(", ".join(code(name) for name in names[:most]) + more)


_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
#: Texts that would be taken for another value if they were shown without quotation marks.
_LIKE_JSON: Final = re.compile(r"\s*|[-+]?[\d.][\d.eE+-]*|true|false|null|[\[{\"].*", re.DOTALL)


#: The keys that the words of a command have: a flag, a word by its place, and `key=`.
_OF_COMMAND: Final = re.compile(r"-.*|word \d+|.*=", re.DOTALL)


def show_value(value: object, key: object = "") -> Markdown:
    """A recorded value as it stands in a config or manifest; digests and long lists are cut.

    With the `key` that holds it, the empty list that the record has for no preprocessing is the config's word for that,
    and the word that a flag of a command has is shown as it was typed.
    """
    if isinstance(value, str) and not isinstance(value, Absent) and _OF_COMMAND.fullmatch(str(key)):
        return code(value, _VALUE_LENGTH)
    if key == "preprocess" and value == []:
        return code("none")
    if isinstance(value, Absent):
        return Markdown("*not given*")
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return code(value[:12])
    if isinstance(value, str) and not _LIKE_JSON.fullmatch(value):
        return code(value, _VALUE_LENGTH)
    if (steps := _steps(value)) is not None:
        return code(steps, _VALUE_LENGTH)
    return code(compact_json(value), _VALUE_LENGTH)


def _steps(value: object) -> str | None:
    """A model, a step, or a preprocessing as a person would say it; None for any other value."""
    if isinstance(value, Mapping) and isinstance(value.get("class"), str):
        params = value.get("params")
        name = value["class"].rpartition(".")[2]
        return f"{name} {compact_json(params)}" if params else name
    if isinstance(value, Mapping) and isinstance(value.get("steps"), list):
        columns = value.get("columns")
        steps = " + ".join(_steps(step) or compact_json(step) for step in value["steps"]) or "nothing"
        return f"{steps} on {count(len(columns) if isinstance(columns, list) else 1, 'column')}"
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        if (short := _automatic(value)) is not None:
            return short
        told = [_steps(item) for item in value]
        return None if None in told else "; ".join(map(str, told))
    return None


_NUMBERS: Final = [{"class": "sklearn.impute.SimpleImputer", "params": {"strategy": "median"}}]
_SCALED: Final = [*_NUMBERS, {"class": "sklearn.preprocessing.StandardScaler", "params": {}}]
_TEXTS: Final = [
    {"class": "sklearn.impute.SimpleImputer", "params": {"strategy": "most_frequent"}},
    {"class": "sklearn.preprocessing.OneHotEncoder", "params": {"handle_unknown": "ignore"}},
]


def _automatic(groups: Sequence[Any]) -> str | None:
    """The word that a config has for these groups of columns, where the record has them written out."""
    steps = [group.get("steps") for group in groups]
    columns = sum(len(named) for group in groups if isinstance(named := group.get("columns"), list))
    for word, numbers in (("auto", _NUMBERS), ("auto-scaled", _SCALED)):
        if steps in ([numbers], [_TEXTS], [numbers, _TEXTS]):
            return f"{word} on {count(columns, 'column')}"
    return None


def mermaid_label(text: object, limit: int = 60) -> Markdown:
    """Foreign text (or several) in a quoted Mermaid label: letters, digits and a few signs that mean nothing there."""
    whole = ", ".join(map(str, text)) if isinstance(text, tuple) else str(text)
    flat = " ".join(clean(whole, limit).split())
    return Markdown("".join(c if c.isalnum() or c in " .,:_-+/=%()" else "?" for c in flat))


# --- sentences --------------------------------------------------------------------------------------------------


class _Voice(string.Formatter):
    """Fills the fields of a sentence; see `week2kit.sentences.report` for the specifications."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        # plain names only: a sentence never reaches into a value
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        kind, _, noun = format_spec.partition(" ")
        match kind:
            case "name":
                return code(value)
            case "names":
                return codes(value if isinstance(value, list | tuple) else [value])
            case "text":
                return escape(value)
            case "warning":
                return escape(describe_warning(value)) if isinstance(value, Warned) else show_value(value)
            case "value":
                return show_value(value)
            case "number":
                return number(value) if _is_number(value) else show_value(value)
            case "signed":
                return signed(value) if _is_number(value) else show_value(value)
            case "p":
                return show_p(value) if _is_number(value) else show_value(value)
            case "share":
                return f"{100 * value:g} %" if _is_number(value) else show_value(value)
            case "percent":
                return f"{100 * value:.1f} %" if _is_number(value) else show_value(value)
            case "whole":
                return f"{value:,}" if _is_whole(value) else show_value(value)
            case "count":
                return count(value, noun) if _is_whole(value) else f"{show_value(value)} {noun}s"
            case _:
                return escape(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_VOICE: Final = _Voice()


def sentence(statement: Statement) -> Markdown:
    """The sentence of a statement, as Markdown with every foreign value escaped."""
    pattern = SENTENCES.get(statement.code)
    if pattern is None:
        return Markdown(f"{code(statement.code)}: {show_value(_plain(statement.values))}")
    return Markdown(_VOICE.vformat(pattern, (), _worded(statement.values)))


def _worded(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of a statement about the preprocessing with the word for none, which is recorded as an empty list."""
    if values.get("key") != "preprocess":
        return values
    return {name: "none" if value == [] else value for name, value in values.items()}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: str(value) for key, value in values.items()}


#: What templates may call, by the name that they use.
FILTERS: Final[Mapping[str, Callable[..., Markdown]]] = {
    "code": code,
    "codes": codes,
    "dummy": show_dummy,
    "exact": lambda value: Markdown(repr(value)),
    "fence": fence,
    "fence_named": fence_named,
    "json": json_block,
    "label": mermaid_label,
    "made_by": made_by,
    "number": lambda value: Markdown(number(value)),
    "plural": lambda value, noun: Markdown(count(value, noun)),
    "score": show_score,
    "quoted": quoted,
    "range": show_range,
    "sentence": sentence,
    "short": lambda digest: Markdown(f"`{clean(digest)[:12]}`"),
    "span": show_span,
    "signed": lambda value: Markdown(signed(value)),
    "text": escape,
    "value": show_value,
}
