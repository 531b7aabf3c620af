"""Verification of many copies of few runs: what a child was asked before, about the same bytes, is not asked again.

A training follows from what is asked of it, as every other test of verify shows; here the records differ, and the judge
is what is tested. The second training of the same in one verification is another one: some differ each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from week2kit import verify
from week2kit.processes.children import Children
from week2kit.record.verdict import Verdict


class Remembering(Children):
    """Children that look up what was answered before; a process is started when something is asked anew."""

    answers: dict[Any, bytes | Exception] = {}  # noqa: RUF012 - of this whole process
    project = ""  # where the copy lies that is verified: nothing that is asked depends on it

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._asked: Counter[Any] = Counter()

    def warm_up(self) -> None:
        pass

    @contextmanager
    def child(self) -> Iterator[Any]:
        with ExitStack() as stack:
            yield _Child(self, (), lambda: stack.enter_context(super(Remembering, self).child()))

    @contextmanager
    def started(self, variables: Mapping[str, str], python: str | None = None) -> Iterator[Any]:
        key = (*sorted(variables.items()), python)
        with ExitStack() as stack:
            yield _Child(self, key, lambda: stack.enter_context(super(Remembering, self).started(variables, python)))

    def answer(self, key: Any, call: Callable[[], bytes]) -> bytes:
        number, self._asked[key] = self._asked[key], self._asked[key] + 1
        if (key, number) not in self.answers:
            try:
                self.answers[key, number] = call()
            except Exception as error:
                self.answers[key, number] = error
        answer = self.answers[key, number]
        if isinstance(answer, Exception):
            raise answer
        return answer


class _Child:
    """A child that is started when it is needed; what it was asked before is part of the question."""

    def __init__(self, owner: Remembering, start: Any, enter: Callable[[], Any]) -> None:
        self._owner = owner
        self._before = start
        self._enter = enter
        self._child: Any = None

    def call(self, work: str, *arguments: Any, timeout: float) -> bytes:
        asked = repr(arguments).replace(self._owner.project, "<project>")

        def call() -> bytes:
            self._child = self._child or self._enter()
            answer: bytes = self._child.call(work, *arguments, timeout=timeout)
            return answer

        return self._owner.answer((self._before, work, asked), call)


def verdict_of(run: Path, project: Path, **more: Any) -> Verdict:
    """The verdict on a copy of a base run that lies in a project of its own, or among copies in one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("week2kit.verification.trainings.Children", Remembering)
        patch.setattr(Remembering, "project", str(project))
        (verdict,) = verify(run, **more).runs
    return verdict
