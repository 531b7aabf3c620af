"""Standard output and standard error: what is written arrives whole, or it is known that it did not."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any, TextIO

#: What is told of a stream that could not be written.
_NAMES = {"stdout": "standard output", "stderr": "standard error"}


class Sink(io.RawIOBase):
    """A standard stream that takes everything, and remembers the first error; nothing that prints has to expect one.

    Where the reader has gone (``| head -1``), the work goes on and it counts as no error. A pipe that is full and does
    not wait (O_NONBLOCK) is waited for.

    Args:
        stream: what it stands in for.
        raw: where the bytes go; None where the caller closed it: then everything is lost.
    """

    def __init__(self, stream: TextIO, raw: Any) -> None:
        super().__init__()
        self.lost: OSError | None = None
        self._stream = stream
        self._raw = raw

    def writable(self) -> bool:
        """It is written to."""
        return True

    def fileno(self) -> int:
        """The descriptor of the stream."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    def write(self, data: Any) -> int:
        """Write all bytes, or remember why not."""
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while left:
                left = left[self._write_some(left) :]
        except BrokenPipeError:
            pass
        except OSError as error:
            self.lost = self.lost or error
        return size

    def _write_some(self, data: memoryview) -> int:
        if self._raw is None:
            raise OSError(errno.EBADF, "it is closed")
        try:
            written: int | None = self._raw.write(data)
        except BlockingIOError:
            written = None
        if written is None:
            select.select([], [self.fileno()], [])
        return written or 0


def take_over() -> None:
    """Put a `Sink` under the standard streams of this process: UTF-8 with LF on every system."""
    # a stream that the caller closed (``>&-``) goes to nowhere: the next file that is opened would take its place
    closed = [name for name in ("stdin", "stdout", "stderr") if getattr(sys, name) is None]
    for name in closed:
        setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
        os.set_inheritable(getattr(sys, name).fileno(), True)
    for name in _NAMES:
        stream: TextIO = getattr(sys, name)
        if not hasattr(stream, "buffer"):
            continue  # somebody put a stream without bytes there
        stream.flush()
        raw = getattr(stream.buffer, "raw", stream.buffer)
        # whoever closes standard error wants no talk; a product that goes nowhere is missed
        sink: Any = Sink(stream, None if name == "stdout" and name in closed else raw)
        text = io.TextIOWrapper(sink, encoding="utf-8", errors="replace", newline="\n", write_through=True)
        setattr(sys, name, text)


def lost() -> str:
    """Which of the standard streams could not be written, and why; empty where both were."""
    told = []
    for name, shown in _NAMES.items():
        error = getattr(getattr(getattr(sys, name), "buffer", None), "lost", None)
        if error is not None:
            told.append(f"{shown} could not be written: {error.strerror}.")
    return " ".join(told)
