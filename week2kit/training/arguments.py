"""What the words of a command say: its seed, and the places that it is to be filled in at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from week2kit.errors import UsageError
from week2kit.record.written_paths import PARAMETER_FLAGS

#: Flags by which scripts take a seed, in the order in which they are looked for.
SEED_FLAGS: Final = ("--seed", "--random-state", "--random_state", "--random-seed", "--random_seed")
#: The same as `key=value` words: Hydra, OmegaConf, make.
_KEYS: Final = frozenset({"seed", "random_state", "random_seed", "SEED", "RANDOM_STATE"})
_SEED: Final = re.compile(r"[0-9]{1,20}")


class SeedAt(NamedTuple):
    """Where a command has its seed: the flag, the position of the word, what it has before the number, the number."""

    flag: str
    position: int
    before: str
    value: int


def find_seed(argv: Sequence[str], flag: str | None = None) -> SeedAt | None:
    """The seed in a command: by `flag`, else by the usual flags. The last one counts, as in argparse.

    Raises:
        UsageError: `flag` is given, and no whole number stands behind it.
    """
    flags = (flag,) if flag is not None else SEED_FLAGS
    found: SeedAt | None = None
    for position, word in enumerate(argv):
        name, equals, value = word.partition("=")
        is_key = name in _KEYS if flag is None else name == flag
        if equals and (name in flags or is_key) and _SEED.fullmatch(value):
            found = SeedAt(name, position, f"{name}=", int(value))
        is_named = word in flags or (is_key and position > 0 and argv[position - 1] in PARAMETER_FLAGS)
        if is_named and position + 1 < len(argv) and _SEED.fullmatch(argv[position + 1]):
            found = SeedAt(word, position + 1, "", int(argv[position + 1]))
    if found is None and flag is not None:
        raise UsageError(f"--seed-flag: the command has no {flag} with a whole number behind it.")
    return found


def with_seed(argv: Sequence[str], at: SeedAt, value: int) -> list[str]:
    """The command with another seed in the same place."""
    return [*argv[: at.position], f"{at.before}{value}", *argv[at.position + 1 :]]


def filled(argv: Sequence[str], *, seed: int | None, out: str) -> list[str]:
    """The words of a config's command with ``{seed}`` and ``{out}`` filled in; every other brace stays.

    Raises:
        UsageError: a word asks for the seed, and the config gives none.
    """
    if seed is None and any("{seed}" in word for word in argv):
        raise UsageError('command: it has {seed}, and the config gives no "seed".')
    return [word.replace("{seed}", str(seed)).replace("{out}", out) for word in argv]
