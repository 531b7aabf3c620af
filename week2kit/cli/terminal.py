"""What is written to the two standard streams: the product to one, all talk and progress to the other."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from week2kit.canonical import clean

if TYPE_CHECKING:
    from week2kit.record.verdict import Verdict


def product(text: str) -> None:
    """Write what was asked for."""
    sys.stdout.write(text + "\n")


def collect_garbage() -> None:
    """Take up collecting garbage, leaving out the modules: they live as long as the process does.

    Looking through a hundred thousand objects of scikit-learn again and again is a fifth of a small training.
    """
    gc.freeze()
    gc.enable()


def say(text: str) -> None:
    """Write talk."""
    sys.stderr.write(text + "\n")


def say_skipped(path: Path) -> None:
    """Say that a folder is no run, and where runs lie below it."""
    from week2kit.record.store import runs_below

    deeper = runs_below(path)
    say(f"{clean(path.as_posix())}: skipped, it holds no manifest.json{f': {deeper}' if deeper else ''}.")


def table_width() -> int:
    """How wide a table may be: only a terminal has a width."""
    from shutil import get_terminal_size

    return get_terminal_size().columns if sys.stdout.isatty() else 100


def is_watched() -> bool:
    """Whether a person watches standard error on a terminal that can take a line back."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def stage_line(quiet: bool) -> Callable[[str], None]:
    """Tell the stages as they begin, where a person watches; scikit-learn is imported before the stage load."""
    watched = is_watched() and not quiet

    def tell(stage: str) -> None:
        if stage == "load":
            collect_garbage()
        if watched:
            end = "\r\x1b[K" if stage == "save" else ""
            print(f"\r\x1b[K{stage} ...", end=end, file=sys.stderr, flush=True)

    return tell


@contextlib.contextmanager
def own_stdout() -> Iterator[None]:
    """Send what libraries print (``verbose=1``, from C) to standard error: standard output is ours."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:
        yield
        return
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def begin_line(quiet: bool) -> Callable[[str], None]:
    """Name the run that is verified now, on a terminal."""
    if quiet or not is_watched():
        return lambda name: None
    return lambda name: print(f"{name} ...", end="\r", file=sys.stderr, flush=True)


def trial_line(quiet: bool) -> Callable[[str, str, Sequence[tuple[str, object]]], None]:
    """A running account of what is being tried, on a terminal."""
    if quiet or not is_watched():
        return lambda name, kind, factors: None

    def show(name: str, kind: str, factors: Sequence[tuple[str, object]]) -> None:
        from shutil import get_terminal_size

        from week2kit.sentences.reruns import describe_attempt

        line = f"{name}: {describe_attempt(kind, factors)} ..."
        print(f"\x1b[K{line[: get_terminal_size().columns - 1]}", end="\r", file=sys.stderr, flush=True)

    return show


def show_verdict(verdict: Verdict, flags: list[str], *, explain: bool, quiet: bool) -> None:
    """Write a verdict, and the command to type next; where it is quiet, only that there is none."""
    from week2kit.sentences.variations import variation_lines
    from week2kit.sentences.verdicts import describe_verdict, next_command, short_verdict

    lines = describe_verdict(verdict) if explain else short_verdict(verdict)
    if verdict.verdict is None:
        say(f"error: {lines[0]}")
        return
    if quiet:
        return
    if is_watched():
        sys.stderr.write("\x1b[K")
    if explain:
        _account_tree(verdict, lines[0])
    else:
        product("\n    ".join([f"{verdict.run}  {lines[0]}", *lines[1:], *variation_lines(verdict)]))
    if command := next_command(verdict, flags):
        say(f"next: {command}")


def _account_tree(verdict: Verdict, title: str) -> None:
    from io import StringIO
    from shutil import get_terminal_size

    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    from week2kit.sentences.reruns import account

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
