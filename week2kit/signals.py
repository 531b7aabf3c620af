"""Signals that wait: an import must not be interrupted half way."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block is done, where they are handled in Python at all.

    An interrupt while an extension module is imported comes out as an ImportError, or leaves modules that are half
    there; the import of scikit-learn takes less than a second.
    """
    came: list[int] = []
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}
    if threading.current_thread() is threading.main_thread():
        for waiting in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(waiting)
            if callable(handler):
                before[waiting] = handler
                signal.signal(waiting, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
    for number in came[:1]:
        signal.raise_signal(number)
