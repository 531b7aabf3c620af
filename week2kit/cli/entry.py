"""The app and its edge: where a process begins, where errors become a sentence and an exit code."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from week2kit.cli.terminal import say
from week2kit.errors import ConfigError, Terminated, Week2kitError, refused_by_machine
from week2kit.processes.streams import lost, take_over
from week2kit.thresholds import REPEATED_SIGNAL

# pydantic would read the metadata of every installed distribution to look for plugins
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def main() -> NoReturn:
    """The entry point: run the command line and exit; a bug of ours ends in a traceback and exit code 70."""
    gc.disable()  # until the imports are done: see collect_garbage
    take_over()
    os.umask(os.umask(0o077) & 0o077)  # whoever makes a file must be able to read it, whatever the umask
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, _once(lambda: Terminated("the process was asked to end")))
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # whoever ignores it goes on doing so
            signal.signal(signal.SIGINT, _once(KeyboardInterrupt))
    code = run()
    if problem := lost():
        say(f"error: {problem}")
        code = code if code in (70, 130, 143) else 2
    if code == 130 or _is_plain():
        # at once. Where an interrupt came while an extension module was imported, Python would end itself by SIGINT in
        # spite of the exit code; and taking apart what was imported takes longer than to record a small command
        os._exit(code)
    sys.exit(code)


def _is_plain() -> bool:
    """Whether the line is ``week2kit train -- COMMAND...``, of which there is nothing to parse."""
    return sys.argv[1:3] == ["train", "--"]


def run() -> int:
    """Carry out what the command line says, in this process as it is; the exit code."""
    try:
        if _is_plain():  # the command begins before a parser would be loaded
            from week2kit.cli.running import run_command, tell_command

            return tell_command(run_command(command=sys.argv[3:]))
        from week2kit.cli.commands import run_app

        return run_app()
    except SystemExit as ended:
        if isinstance(ended.code, int):
            return ended.code
        raise  # not one of ours
    except KeyboardInterrupt:
        return 130
    except Terminated:
        return 143
    except Exception as error:
        return _exit_code_of(error)


def _exit_code_of(error: Exception) -> int:
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # a wrong flag, as the parser says it
        error.show()
        return int(error.exit_code)
    if told := refused_by_machine(error):
        say(f"error: {told}")
        return 2
    import traceback

    traceback.print_exc()
    say("This is a bug in week2kit: please report it with the lines above.")
    return 70


def _once(error: Callable[[], BaseException]) -> Callable[[int, object], None]:
    """A handler that raises an error, and none again within a moment: the first is still being recorded."""
    last = -REPEATED_SIGNAL

    def handle(signum: int, frame: object) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before >= REPEATED_SIGNAL:
            raise error()

    return handle


@contextlib.contextmanager
def edge(name: str | None = None) -> Iterator[None]:
    """Turn our own errors into a sentence and an exit code, once, where they leave."""
    try:
        yield
    except ConfigError as error:
        own = [
            problem if problem.startswith("--set") or not name else f"{name}: {problem}" for problem in error.problems
        ]
        _fail("\n".join(own))
    except Week2kitError as error:
        _fail(str(error), getattr(error, "hint", ""))
    except KeyboardInterrupt:
        say("Interrupted.")
        raise SystemExit(130) from None
    except Terminated:
        say("Terminated.")
        raise SystemExit(143) from None


def _fail(message: str, hint: str = "") -> NoReturn:
    say(f"error: {message}")
    if hint:
        say(f"  try: {hint}")
    raise SystemExit(2)
