"""What is written to the two standard streams: the product to one, all talk and progress to the other."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from week2kit.canonical import clean


def product(text: str) -> None:
    """Write what was asked for."""
    sys.stdout.write(text + "\n")


def recordable(argument: str) -> str:
    """An argument as text that can be written: bytes that are no UTF-8 arrive as halves of surrogate pairs."""
    return os.fsencode(argument).decode("utf-8", "replace")


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
def bytes_line(quiet: bool) -> Iterator[Callable[[int], None]]:
    """Tell how much was digested, where a person watches and it takes longer than a second."""
    begun = last = time.monotonic()
    total, watched, told = 0, is_watched() and not quiet, False

    def tell(count: int) -> None:
        nonlocal begun, last, total, told
        now = time.monotonic()
        if now - last > _PAUSE:  # the command ran in between
            begun, total = now, 0
        last, total = now, total + count
        if watched and now - begun > 1 and total % _STEP < count:
            told = True
            print(f"\r\x1b[K{total / (1 << 30):.1f} GiB digested ...", end="", file=sys.stderr, flush=True)

    yield tell
    if told:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


#: Seconds without a block after which another digest begins; and bytes after which the line is written anew.
_PAUSE: Final = 1.0
_STEP: Final = 1 << 27


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
