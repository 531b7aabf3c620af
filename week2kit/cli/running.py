"""The command train for a person's own script: its output is passed on as it comes, and all of ours is talk beside it.

No parser of options is imported here: a command that needs none begins without one.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from week2kit.cli.entry import edge
from week2kit.cli.terminal import bytes_line, recordable, say

if TYPE_CHECKING:
    from week2kit.record.store import Run


def run_command(
    config: Path | None = None,
    *,
    command: Sequence[str] | None = None,
    as_json: bool = False,
    **options: Any,
) -> Run:
    """Run a command, or that of a config or a stage.

    Args:
        config: the path of a config that holds a command.
        command: its words.
        as_json: whether standard output is the record's; the command's own output is then talk, too.
        options: further keywords of `week2kit.train`.
    """
    with edge(config.name if config else None), bytes_line(as_json) as on_bytes:
        from week2kit.training.door import train

        return train(
            config,
            command=None if command is None else [*map(recordable, command)],
            **options,
            typed=typed_line(),
            on_output=_passed_on(as_json),
            on_repeat=_say_repeat,
            on_bytes=on_bytes,
        )


def tell_command(run: Run, as_json: bool = False) -> int:
    """Tell of the run of a command; the exit code."""
    if as_json:
        product_of(run)
    else:
        from week2kit.sentences.training import command_lines

        say("\n".join(command_lines(run)))
    return 0 if run.manifest.status == "completed" else 1


def typed_line() -> str:
    """The command line as a person would type it again."""
    return shlex.join(["week2kit", *map(recordable, sys.argv[1:])])


def product_of(run: Run) -> None:
    """Write the record of a run."""
    sys.stdout.write((run.path / "manifest.json").read_text(encoding="utf-8"))


def _passed_on(as_json: bool) -> Callable[[str, bytes], None]:
    """What a command writes, to our own streams; standard output is the record's where JSON is asked for."""
    streams = {"stdout": sys.stderr if as_json else sys.stdout, "stderr": sys.stderr}

    def pass_on(stream: str, data: bytes) -> None:
        streams[stream].buffer.write(data)
        streams[stream].buffer.flush()

    return pass_on


def _say_repeat(number: int, of: int, seed: int | None) -> None:
    say(f"repeat {number} of {of}: {'no seed is known' if seed is None else f'seed {seed}'}")
    sys.stderr.flush()
