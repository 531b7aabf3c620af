"""Every code has its sentence, every sentence its code, and every form of a value its maker."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import week2kit
from week2kit.record.manifest import Warned
from week2kit.record.verdict import Finding
from week2kit.refusals import SENTENCES
from week2kit.sentences.findings import FINDINGS, describe_finding
from week2kit.sentences.statement import Either, Statement
from week2kit.sentences.warnings import WARNINGS, describe_warning

PACKAGE = Path(week2kit.__file__).parent

#: Where the code of a finding stands among the arguments of what makes one.
PLACES = {"Finding": "code", "failed": 1, "skipped": 1, "undecided": 0, "_shows_little": 0}

CODE = re.compile(r"[a-z]+\.[a-z_]+|unreadable|curves")


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call outside of the sentences, with the name of what is called."""
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "sentences":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield ast.unparse(node.func).rpartition(".")[2], node


def codes_in(node: ast.AST | None) -> set[str]:
    """The codes that an expression may come to."""
    if node is None:
        return set()
    texts = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return {text for text in texts if CODE.fullmatch(text)}


def made_directly() -> set[str]:
    """The codes that stand where a finding is made; of a comparison the finding is named as the check."""
    found: set[str] = set()
    for name, call in calls():
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        place = PLACES.get(name)
        if isinstance(place, str):
            found |= codes_in(keywords.get(place))
        elif place is not None and len(call.args) > place:
            found |= codes_in(call.args[place])
        elif name in ("compare", "compare_json"):
            found |= codes_in(keywords.get("finding"))
    return found


def mentioned() -> set[str]:
    """Every text of the package that could be a code, and what ends the two kinds that are put together."""
    texts: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "sentences":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            texts |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return texts | {f"{kind}.{text}" for kind in ("stuck", "vary") for text in texts}


def test_every_finding_that_is_made_has_a_sentence() -> None:
    assert made_directly() - FINDINGS.texts.keys() == set()
    assert len(made_directly()) > 80


def test_every_refusal_that_is_raised_has_its_sentences_and_none_is_left_over() -> None:
    given = {
        code: {key.arg for key in call.keywords}
        for name, call in calls()
        if name == "refusal"
        for code in codes_in(call.args[0])
    }
    assert given.keys() == SENTENCES.keys()
    for code, texts in SENTENCES.items():
        assert {*re.findall(r"{(\w+)}", "".join(texts))} <= given[code], code


def test_every_sentence_is_of_a_finding_or_warning_that_is_made() -> None:
    assert (FINDINGS.texts.keys() | WARNINGS.texts.keys()) - mentioned() == set()


@pytest.mark.parametrize("statement", [FINDINGS, WARNINGS], ids=["findings", "warnings"])
def test_every_sentence_stands_whatever_was_recorded(statement: Statement) -> None:
    anything = [None, "a text", 3, 0.5, ["a", "b"], {"rows": 3}, [{"code": "c"}], "{now}"]
    for code, text in statement.texts.items():
        for value in anything:
            if ":sorted}" in str(text) and isinstance(value, int | float):  # whoever reads it refuses the document
                with pytest.raises(TypeError):
                    describe_finding(Finding(code=code, where="a file", recorded=value, now=value))
                continue
            if statement is FINDINGS:
                told = describe_finding(Finding(code=code, where="a file", recorded=value, now=value))
            else:
                names = re.findall(r"\{(\w+)", " ".join(text[1:]) if isinstance(text, Either) else text)
                told = describe_warning(Warned(code=code, values=dict.fromkeys([*names, "labels"], value)))
            assert told.strip() or value is None, code
            assert "{now}" not in told or value == "{now}", code
