"""What the command verify shows while verdicts are reached, and what it keeps of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size
from types import TracebackType

from week2kit.canonical import clean, dump_json
from week2kit.cli.terminal import is_watched, product, say, say_skipped
from week2kit.importing import held
from week2kit.record.verdict import Verdict, VerdictDocument
from week2kit.sentences.reruns import account, describe_attempt
from week2kit.sentences.variations import variation_lines
from week2kit.sentences.verdicts import describe_verdict, next_command, short_verdict
from week2kit.verification.options import bugs
from week2kit.verification.trials import Kind
from week2kit.verification.verdict_file import Reached
from week2kit.verification.verifying import Events


class Shown(Events):
    """Shows each verdict, on a terminal also what is being tried; as a context, gives out what was reached at its end.

    Args:
        output: the file that keeps the verdicts, or None.
        flags: the options that another verification of one run needs as well.
        explain: whether to tell all.
        as_json: print one JSON document (unless a file is named), and no verdict as text.
    """

    def __init__(self, output: Path | None, flags: list[str], *, explain: bool, as_json: bool) -> None:
        self._reached, self._flags, self._explain, self._as_json = Reached(output), flags, explain, as_json
        self._is_live = is_watched() and not as_json

    def found(self, begun: VerdictDocument) -> None:
        """Take what will be verified."""
        self._reached.found(begun)

    def skipped(self, path: Path) -> None:
        """Say that a folder is no run."""
        say_skipped(path)

    def begins(self, run: str) -> None:
        """Name the run that is verified now, on a terminal."""
        if self._is_live:
            print(f"{run} ...", end="\r", file=sys.stderr, flush=True)

    def tries(self, run: str, kind: Kind, factors: Sequence[tuple[str, object]]) -> None:
        """A running account of what is being tried, on a terminal."""
        if self._is_live:
            line = f"{run}: {describe_attempt(kind, factors)} ..."
            print(f"\x1b[K{line[: get_terminal_size().columns - 1]}", end="\r", file=sys.stderr, flush=True)

    def reached(self, verdict: Verdict) -> None:
        """Keep a verdict; where the product is a document, say that it was reached."""
        line = self._reached.add(verdict)
        if self._as_json:
            say(line)

    def verdict(self, verdict: Verdict) -> None:
        """Write a verdict, and the command to type next; beside a document, only that there is none."""
        lines = describe_verdict(verdict) if self._explain else short_verdict(verdict)
        if verdict.verdict is None:
            say(f"error: {lines[0]}")
            return
        if self._as_json:
            return
        if is_watched():
            sys.stderr.write("\x1b[K")
        if self._explain:
            _account_tree(verdict, lines[0])
        else:
            product("\n    ".join([f"{verdict.run}  {lines[0]}", *lines[1:], *variation_lines(verdict)]))
        if command := next_command(verdict, self._flags):
            say(f"next: {command}")

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Give out the verdicts that were reached, also where an interrupt ends it before the last one."""
        reached = self._reached
        if reached.begun is None:
            return
        with held():
            if self._as_json and reached.output is None:
                product(dump_json(reached.document().model_dump(mode="json")).rstrip("\n"))
            reached.save()
        if reached.output is not None:
            say(f"written: {clean(str(reached.output))}")

    def end(self, result: VerdictDocument) -> None:
        """Count the verdicts, and ask for a report where week2kit itself failed."""
        if not self._as_json and len(result.runs) > 1:
            product(", ".join(f"{count} {name}" for name, count in result.summary.items()))
        for run, traceback in bugs(result):
            say(f"{run}: {traceback}\nThis is a bug in week2kit: please report it with the lines above.")


def _account_tree(verdict: Verdict, title: str) -> None:
    from io import StringIO

    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(f"{verdict.run}  {title}"))
    for part, entries in account(verdict):
        branch = tree.add(Text(part))
        for entry in entries:
            branch.add(Text(entry))
    # only a terminal has a width; elsewhere a line is a line
    width, height = get_terminal_size() if sys.stdout.isatty() else (10_000, 100)
    console = Console(
        file=StringIO(), force_terminal=False, width=width, height=height, color_system=None, highlight=False
    )
    with console.capture() as told:
        console.print(tree)
    sys.stdout.write(told.get())
