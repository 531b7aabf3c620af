"""The config of a command: a person's own script and what belongs to it, written down once instead of typed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field

from week2kit.canonical import clean
from week2kit.config.form import Part, Seed
from week2kit.config.reading import read_part
from week2kit.errors import ConfigError
from week2kit.privacy import is_secret

#: A word of a command or a value of a variable: what no system can hand to a program is refused.
Word: TypeAlias = Annotated[str, Field(max_length=100_000, pattern=r"^[^\x00]*$")]
#: A file or a folder as seen from the working directory.
Place: TypeAlias = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


class CommandConfig(Part):
    """A command that trains, run in the working directory. ``{seed}`` and ``{out}`` are filled in wherever they stand.

    Attributes:
        command: its words, the program first; no shell reads them.
        inputs: files that it reads, and folders of such.
        outputs: files and folders that it writes where they would not be looked for.
        env: environment variables that it gets besides those that are there.
        metrics: the JSON file that it writes its metrics to.
        predictions: its table with the columns y_true and y_pred.
        timeout: seconds after which it is ended.
        name: the name of the run folder.
    """

    command: Annotated[list[Word], Field(min_length=1, max_length=10_000)]
    inputs: list[Place] = Field(default_factory=list)
    outputs: list[Place] = Field(default_factory=list)
    seed: Seed | None = None
    env: dict[str, Word] = Field(default_factory=dict)
    metrics: Place | None = None
    predictions: Place | None = None
    timeout: Annotated[float, Field(gt=0)] | None = None
    repeats: Annotated[int, Field(ge=0, le=1000)] | None = None
    name: Annotated[str, Field(min_length=1, max_length=1000)] | None = None

    @property
    def texts(self) -> Sequence[str]:
        """All texts in which the seed can stand."""
        places = [*self.inputs, *self.outputs, self.metrics or "", self.predictions or ""]
        return [*self.command, *self.env.values(), *places]


#: Keys of a config that names a model and data, and that no command has.
_OF_A_MODEL: Final = ("data", "model", "split", "preprocess", "input_csv", "label_col", "input")


def is_command(value: Mapping[str, Any]) -> bool:
    """Whether a config object is one of a command."""
    return "command" in value


def parse_command(value: Mapping[str, Any]) -> CommandConfig:
    """The command in a config object.

    Raises:
        ConfigError: with every problem of it, each as ``key.path: what is wrong``.
    """
    problems: list[str] = []
    rest = dict(value)
    if both := [key for key in _OF_A_MODEL if rest.pop(key, None) is not None]:
        problems.append(f'command: expected a command, or a model and data, and this has both ("{both[0]}"); keep one')
    if isinstance(rest["command"], str):
        words = json.dumps(_words(rest.pop("command")), ensure_ascii=False)
        problems.append(f"command: expected a list of words, got a text; write {clean(words, 300)}")
        rest["command"] = ["-"]
    if isinstance(env := rest.get("env"), Mapping):
        wrong = {name: said for name, item in env.items() if (said := _problem_of(name, item))}
        problems += [f"env.{clean(name)}: {said}" for name, said in wrong.items()]
        rest["env"] = {name: item for name, item in env.items() if name not in wrong}
    config = read_part(CommandConfig, rest, "", problems)
    if config is not None and not problems:
        wants = any("{seed}" in text for text in config.texts)
        if wants and config.seed is None:
            problems.append('seed: it is missing, and {seed} stands in the config; for example "seed": 1')
        if not wants and config.seed is not None:
            problems.append("seed: nothing takes it; write {seed} where the command has its seed, or leave the key out")
    if config is None or problems:
        raise ConfigError(problems)
    return config


def _problem_of(variable: str, value: Any) -> str:
    """What is wrong with a variable of the environment; its value may be a secret, and is not told then."""
    if not _VARIABLE.fullmatch(variable):
        return "expected a name of letters, digits and _"
    if isinstance(value, str):
        return ""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and not is_secret(variable)
    return f'expected a text, got a number; write "{value}"' if is_number else "expected a text in double quotes"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is not closed
        return text.split()


def without_secrets(value: Mapping[str, Any]) -> dict[str, Any]:
    """A config object of a command as it may be recorded."""
    env = value.get("env")
    if not isinstance(env, Mapping):
        return dict(value)
    return {**value, "env": {name: None if is_secret(str(name)) else item for name, item in env.items()}}
