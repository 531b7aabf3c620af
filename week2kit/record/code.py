"""The input *code*: a digest of what the training modules do, whatever they look like and wherever they lie.

A digest of the text would call every comment another code, and nothing recorded before could be held against a rerun
any more. What counts is the sequence of tokens of each statement, and the block that it stands in. Comments,
docstrings, blank lines, line breaks, the width of indents, trailing commas, the kind of quotes and import statements
do not. The tokens are found by one regular expression of our own: Python's `tokenize` and `ast` differ between
releases (f-strings), and take ten times as long.

A module's digest is the sum of those of its statements, and the digest of the whole that of its modules: the order of
definitions, the names of files, and where among them a definition stands do not count either.

Another digest need not mean another outcome: `KNOWN` has those of which recorded runs show that they compute alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from week2kit.canonical import combined_digest, sha256

_HERE: Final = Path(__file__).parents[1]

#: Definitions outside of `loop` that decide a number, a digest or a warning of the outcome. What else the loop imports
#: from here only words an error, sets a limit, or has no say in a run whose config is resolved.
BESIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "canonical.py": ("sha256", "combined_digest", "label_text", "label_texts", "on_one_line", "_LINE_BREAKS"),
    "scales.py": ("gap_by_chance", "gap_by_folds", "is_bounded", "is_share", "_AVERAGE", "_BELOW_0", "_SHARES"),
    "config/overriding.py": ("repeat_seeds", "reseeded", "_reseed"),
    "record/manifest.py": ("OF_POSITIVE",),
    "thresholds.py": (
        *(
            "CURVE_SHARES",
            "FEW_DIFFERENT",
            "FEW_ROWS",
            "GAP",
            "GOOD_DUMMY",
            "IMBALANCE_SHARE",
            "SAMPLE_ROWS",
            "TOO_GOOD",
        ),
        *("LEAK_DEPTH", "LEAK_FEATURES", "LEAK_ROWS", "LEAK_SCORE", "LEAK_SCREEN_ROWS", "LEAK_SCREEN_SCORE"),
        *("LEAK_ORDER", "LEAK_PARTS", "LEAK_SUM", "LEAK_VALUE_ROWS", "TELLING_CHI_SQUARED", "TELLING_GAP"),
        *("DATE_TEXTS", "MARKED_SHARE", "MARKERS", "ORDERED_DATES", "ORDERED_ROWS", "SAMPLE_TEXTS"),
        *("SNIFFED_BYTES", "SNIFFED_ROWS", "TITLE_LINES"),
    ),
}


@cache
def code_modules() -> dict[str, str]:
    """The digest of each module that trains, by file name; read once, as a process goes on with what it imported."""
    return digest_modules(_HERE)


def digest_modules(package: Path) -> dict[str, str]:
    """The digests of the training modules in the folder of a week2kit, and of what they take from beside them."""
    modules = {path.name: _digest(_text(path)) for path in sorted((package / "loop").glob("*.py"))}
    return modules | {Path(name).name: _beside(_text(package / name), names) for name, names in BESIDE.items()}


def code_digest(modules: Mapping[str, str]) -> str:
    """The digest of the whole: the sum of those of the modules, whose names do not count."""
    return _sum(modules.values())


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")


def _beside(text: str, names: Iterable[str]) -> str:
    return _digest("\n".join(_definition(text, name) for name in names))


def _definition(text: str, name: str) -> str:
    """The top-level definition of `name`: its first line, and those that are indented or close a bracket."""
    pattern = rf"^(?:def |class )?{name}\b.*\n(?:(?:[ \t)\]}}].*)?\n)*"
    found = re.search(pattern, text, re.MULTILINE)
    assert found is not None, name
    return found[0]


def digest_text(text: str) -> str:
    """The digest of what the text of a module does; of one that Python does not read, that of the text."""
    try:
        return _digest(text)
    except IndexError:  # brackets that close and were never opened
        return sha256(text.encode("utf-8", "surrogatepass"))


def _digest(text: str) -> str:
    return _sum(sha256(statement.encode("utf-8", "surrogatepass")) for statement in statements(text))


def _sum(digests: Iterable[str]) -> str:
    return f"{sum(int(digest, 16) for digest in digests) % 2**256:064x}"


# --- other digests that compute alike ---------------------------------------------------------------------------

#: Digests of training code of which recorded runs show that it computes what today's does: what it recorded is held
#: against a rerun here as if the code were the same. The first are of the modules' texts, as records before schema 4
#: have them; `week2kit.record.earlier` knows which metrics followed other rules then. The last is today's.
#:
#: Whoever changes what the training modules do adds the new digest, where every outcome recorded by the code before
#: comes out again, to the bit or by the rules of then. Where it does not, the digests before go: a run trained by that
#: code is then undecided where it comes out otherwise.
KNOWN: Final = frozenset(
    {
        "fbdfb1bc1849c02d8def9288cc364b6545fc81fea98b27ffc44c5cccf7a46611",  # 0.1.0, schema 1
        "a03b39beb315049668755444aa4ad030f5eec72218ca50e80cc528043dccaafd",  # 0.1.0, schema 2
        "bcdce14a7a1d10f1ef382f2e679b9acdedf7fac1c12c76a35b7da2abdf9c9075",  # 0.1.0, schema 3
        "f3f5f7dd12cbeeb6745519f515f42dbbe4a9818e46981c615a99d5eb7a7095e0",  # 0.1.0, schema 4
        "d33067e7d33c0cc5d2ba1d66ee0a3009e4bf40af54b066e6b621a8edafa1cfa4",  # names changed only
        "45433e02efee4cb6512efd3e6e4ac89133aea5e815a5d2a71fb15d8801e88b49",  # coded refusals, one reader, one builder
        "c19f44e06afd6d1342f3bf0c0838649c9b64737fa29ec6c4bdfeef2737eee64f",  # tables as people have them, leaks
        "cb555e2b4971062006e9d44e50492eb39ceebe40e92016572c74fd0a7174f3ca",  # class weights, kernels, two files
    }
)

#: The first 16 digits of the digests of the modules' texts in old records, and the digests of what these modules do.
_OF_TEXTS: Final[Mapping[str, str]] = {
    "b7f6542cb1191e9c": "701bbf4a26ae50b6e29c315dddcf68475d2e3a07b959ac79720dbffd44a9e293",  # __init__.py
    "ae2516350c682479": "306d8e1689c7e2b24b98db0d73a763316f6af2acf8303861f05c0d67f0f15edf",  # advice.py
    "3fe79868a1774f06": "47274843ddb55a3aa11e3d95c944b6f7a9727426b0deb5e0e1a625d7f0d644c5",  # data.py
    "fc1f4fc40a0775bd": "4742704cafb02f4e2f54c441f23be94c1263623308f1d883b7b3bac46f35c3bc",  # metrics.py
    "a40732efce9624d6": "5a77fea2d32a2278d6a01d7e5f66873120852755e3c1c90166e6a10a802e370c",  # model.py
    "fbbc10baddb51261": "06db715d69e1f1c59e250cf781b3a8d916818807c6f8d5a074c7d3d9e2f04e56",  # predictions.py
    "4b919e3bcfbf4987": "bf4834c77c1d7067626f5aec66ddaba0a1e2300287026a17b3ba9818283dc1ed",  # run.py
    "3aee8aa98c449dc2": "abdeac33eaecf50fc61515d5d7ce2a515688e192c24edb5f541a8d6db566993d",  # run.py
    "826dfee7e984b39e": "741eeb9262340d01463a34d2a44e88b51174757012d204e2f34f665ca40200f3",  # run.py
    "f1cb3ba8b2067798": "10d67a3ac89cf644e5782c4adbb1307c32c29c52cc160921f574bfbed772d903",  # split.py
}


def same_code(first: str, second: str) -> bool:
    """Whether two digests are of code that computes alike."""
    return first == second or {first, second} <= KNOWN


def follows(digest: str, modules: Mapping[str, str]) -> bool:
    """Whether a digest of the whole is that of these modules, in today's form or in that of old records."""
    of_texts = combined_digest(f"{modules[name]}  {name}" for name in sorted(modules))
    return digest in (code_digest(modules), of_texts)


def alike(recorded: Mapping[str, str], here: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The digests of recorded modules, and of those here that such a record names, in one form."""
    beside = {Path(name).name for name in BESIDE}
    if not beside & recorded.keys():  # an old record: digests of texts, and of the loop's own modules only
        here = {name: digest for name, digest in here.items() if name not in beside}
    return {name: _OF_TEXTS.get(digest[:16], digest) for name, digest in recorded.items()}, here


# --- statements -------------------------------------------------------------------------------------------------

#: A number, a word with its dots, a bracket or comma, a line's end with the next indent, an operator, a string.
#: A prefix of a string is the word before it. Blanks, comments and backslashes at a line's end are passed over.
_TOKEN: Final = re.compile(
    r"(?:[ \t\f]|#[^\n]*|\\\n)*+"
    r"([\w.]+(?:(?<=[\d.][eE])[+-]\d+[jJ]?)?|[()\[\]{},]|\n[ \t\f]*|\*\*=?|//=?|>>=?|<<=?|:=|->|[-+*/%@&|^=!<>]=?"
    r'|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"
    r"|\S)",
    re.DOTALL,
)

#: What stands before a bracket that is no call; those that are keywords in some places only, too.
_KEYWORDS: Final = frozenset(
    {"and", "as", "assert", "await", "case", "del", "elif", "else", "except", "for", "from", "if", "in", "is", "lambda"}
    | {"match", "not", "or", "raise", "return", "type", "while", "with", "yield"}
)

_CONTINUES: Final = ("elif ", "else ", "except ", "finally ")


def statements(text: str) -> Iterator[str]:
    """The top-level statements of a module as far as they count, each in one form: a line for each logical line."""
    held: list[str] = []
    for level, tokens in _logical_lines(text):
        if tokens in (["pass"], ["..."]) or (tokens[0] in ("import", "from") and ";" not in tokens):
            continue
        if tokens[-1][-1] in "\"'" and tokens[:-1] in ([], ["r"]):  # a docstring: nothing is done with it
            continue
        line = " " * level + " ".join(tokens)
        if level == 0 and held and not held[-1].startswith("@") and not line.startswith(_CONTINUES):
            yield from _whole(held)
            held = []
        held.append(line)
    yield from _whole(held)


def _whole(lines: list[str]) -> Iterator[str]:
    if lines and lines != ["if TYPE_CHECKING :"]:  # only imports stood there
        yield "\n".join(lines)


#: What a token is by its first character, where something is to be done with it.
_KINDS: Final = {"\n": "end", **dict.fromkeys("([{", "open"), **dict.fromkeys(")]}", "close"), "'": "quoted"}


def _logical_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The tokens of each line as Python reads it, and how many blocks it stands in."""
    widths, brackets, line = [0], list[int](), list[str]()
    width = 0
    for token in _TOKEN.findall(f"{text}\n"):
        kind = _KINDS.get(token[0])
        if kind == "end":
            if not brackets:
                if line:
                    yield _level(widths, width), line
                    line = []
                width = len(token.expandtabs()) - 1
            continue
        if kind == "open":
            brackets.append(len(line))
        elif kind == "close":
            start = brackets.pop()
            if line[-1] == "," and _idle_comma(line, start):
                line.pop()
        elif kind == "quoted":
            token = _double_quoted(token)
        line.append(token)


def _level(widths: list[int], width: int) -> int:
    """How many blocks a line stands in that is indented by `width`; `widths` are the indents of those open so far."""
    while width < widths[-1]:
        widths.pop()
    if width > widths[-1]:
        widths.append(width)
    return len(widths) - 1


def _idle_comma(line: list[str], start: int) -> bool:
    """Whether the comma that ends `line` may go: it makes no tuple of one out of what the bracket at `start` holds."""
    before = line[start - 1] if start else "="
    is_value = before[-1] in ")]}\"'" or ((before[-1].isalnum() or before[-1] == "_") and before not in _KEYWORDS)
    if line[start] == "{" or is_value == (line[start] == "("):
        return True  # a set or a dict, a call, or a list
    depth = 0
    for token in line[start + 1 : -1]:
        depth += (token in "([{") - (token in ")]}")
        if token == "," and depth == 0:
            return True
    return False


def _double_quoted(token: str) -> str:
    """A string in single quotes as one in double quotes, where nothing in it would have to be written otherwise."""
    plain = not token.startswith("'''") and '"' not in token and "\\" not in token
    return f'"{token[1:-1]}"' if plain else token
