"""Temporary folders of children, which are removed also where a child was killed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from week2kit.thresholds import ABANDONED_BUILD

#: Where a child reads for which process it works: the name of its temporary folder tells it, should it be killed.
OWNER: Final = "WEEK2KIT_OWNER"
_SCRATCH: Final = re.compile(r"week2kit-(?P<owner>[0-9]{1,10})-[a-z0-9_]+")


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder of a child; where it is killed, its verification removes it, or the next one that varies."""
    prefix = f"week2kit-{os.environ.get(OWNER, os.getpid())}-"
    return tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)


@contextlib.contextmanager
def removed_scratch() -> Iterator[None]:
    """At the end remove the temporary folders of killed children of this process, and those that are a day old."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for folder in Path(tempfile.gettempdir()).iterdir():
                match = _SCRATCH.fullmatch(folder.name)
                if match is None or folder.is_symlink():
                    continue
                if int(match["owner"]) == os.getpid() or time.time() - folder.stat().st_mtime > ABANDONED_BUILD:
                    shutil.rmtree(folder, ignore_errors=True)
