"""What differs between two runs of a person's own scripts: the words that were typed, the code, the files, the seed.

A command is read as most command lines are meant: `--flag value`, `--flag=value`, `key=value`, a flag alone, and words
by their place. Which flag takes a value only the script knows; a word behind a flag is taken for its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from week2kit.inputs.changes import Change, shown_git
from week2kit.inputs.leaves import ABSENT
from week2kit.record.command import InputFile, RecordedCommand
from week2kit.record.written_paths import PARAMETER_FLAGS

_FLAG: Final = re.compile(r"--?[A-Za-z][^=\s]*")
_KEY: Final = re.compile(r"(?P<key>[A-Za-z_][A-Za-z0-9_.+-]*)=(?P<value>.*)", re.DOTALL)

#: What stands for the value of a flag that has none.
GIVEN: Final = "given"


def flags(run: RecordedCommand) -> dict[str, Any]:
    """What the words of a command set, by flag, by `key=` or by place; of a flag that is given twice a list.

    The interpreter and the script are left out: that is code. Words in front of the script are Python's own flags.
    """
    program = run.inputs.program
    words, found = list(program.argv[1:]), dict[str, Any]()
    has_parameters = "papermill" in {PurePosixPath(word).name for word in program.argv[:3]}
    if program.script in words:
        place = words.index(program.script)
        found = dict.fromkeys(words[:place], GIVEN)
        words = words[place + 1 :]
    places = 0
    while words:
        word = words.pop(0)
        if (match := _KEY.fullmatch(word)) or (match := _KEY.fullmatch(word.lstrip("-"))):
            name = word[: len(word) - len(match["value"])]
            _add(found, name.removesuffix("=") if name.startswith("-") else name, match["value"])
        elif has_parameters and word in PARAMETER_FLAGS and len(words) > 1:
            _add(found, words.pop(0), words.pop(0))
        elif _FLAG.fullmatch(word):
            _add(found, word, words.pop(0) if words and not _FLAG.fullmatch(words[0]) else GIVEN)
        else:
            places += 1
            found[f"word {places}"] = word
    return found


def _add(found: dict[str, Any], flag: str, value: str) -> None:
    if flag not in found:
        found[flag] = value
    else:
        found[flag] = [*(found[flag] if isinstance(found[flag], list) else [found[flag]]), value]


def compare_commands(before: RecordedCommand, after: RecordedCommand) -> list[Change]:
    """What may change what comes out, in the order code, data, words, seed, environment.

    A flag that names a file that was read is a change of the data where the files differ, and none where they do not;
    one that names where to write is no change (see `uncounted_of_commands`).
    """
    words, by_flag = _words(before, after)
    changes = [*_code(before, after), *_data(before, after, by_flag)]
    changes += [change for change in words if change.key not in by_flag and not _is_place(change, before, after)]
    old, new = before.inputs.seed, after.inputs.seed
    if old is not None and new is not None and old.value != new.value:
        changes.append(Change("seed", "seed", old.value, new.value))
    return [*changes, *_environment(before, after)]


def uncounted_of_commands(before: RecordedCommand, after: RecordedCommand) -> list[Change]:
    """What differs, and is told apart: where the outputs go, the names of equal files, and the commit."""
    words, by_flag = _words(before, after)
    places = [change for change in words if _is_place(change, before, after)]
    renamed = [change for change in words if change.key in by_flag and _same_file(*by_flag[change.key])]
    old, new = before.inputs.program, after.inputs.program
    if old.script != new.script and _script_digest(before) == _script_digest(after) is not None:
        renamed.append(Change("code", "script", _or_absent(old.script), _or_absent(new.script)))
    if old.git != new.git:
        renamed.append(Change("code", "git", shown_git(old.git), shown_git(new.git)))
    return [*places, *renamed]


def _or_absent(value: object) -> object:
    return ABSENT if value is None else value


# --- the words --------------------------------------------------------------------------------------------------


def _words(
    before: RecordedCommand, after: RecordedCommand
) -> tuple[list[Change], Mapping[str, tuple[InputFile, InputFile]]]:
    """The flags that differ, but for the seed, and of those that name a file that was read on both sides, the files."""
    old, new = flags(before), flags(after)
    seeds = seed_flags(before) | seed_flags(after)
    changes = [
        Change("config", key, old.get(key, ABSENT), new.get(key, ABSENT))
        for key in dict.fromkeys([*old, *new])
        if old.get(key, ABSENT) != new.get(key, ABSENT)
    ]
    if before.inputs.seed is not None and after.inputs.seed is not None:
        changes = [change for change in changes if change.key not in seeds]
    left, right = ({file.path: file for file in run.inputs.files or []} for run in (before, after))
    by_flag = {
        change.key: (left[_path(change.baseline)], right[_path(change.variant)])
        for change in changes
        if _path(change.baseline) in left and _path(change.variant) in right
    }
    return changes, by_flag


def seed_flags(run: RecordedCommand) -> set[str]:
    """The keys of `flags` under which a command has its seed; none where it has none."""
    flag = run.inputs.program.seed_flag
    return set() if flag is None else {flag, f"{flag}="}


def _path(value: object) -> str:
    return PurePosixPath(value).as_posix() if isinstance(value, str) and value else ""


#: What a flag is called that says where to write. Another one may name what is trained, as may the folder for it.
_PLACES: Final = frozenset(
    {"artifact", "artifacts", "dest", "dir", "directory", "file", "folder", "log", "logdir", "logs", "o", "out"}
    | {"outdir", "outfile", "output", "outputs", "path", "result", "results", "save", "savedir", "to"}
)


def _is_place(change: Change, before: RecordedCommand, after: RecordedCommand) -> bool:
    """Whether a flag says where to write: by its name, and by what was written, as far as either side shows it."""
    if _PLACES.isdisjoint(re.split(r"[^a-z]+", change.key.lower())):
        return False
    sides = [(run, value) for run, value in ((before, change.baseline), (after, change.variant)) if value is not ABSENT]
    shown = [_wrote(run, _path(value)) for run, value in sides if run.outcome is not None]
    return any(shown) and all(shown)


def _wrote(run: RecordedCommand, path: str) -> bool:
    written = [PurePosixPath(file.path) for file in (run.outcome.files if run.outcome is not None else [])]
    place = PurePosixPath(path)
    return path not in ("", ".") and any(place == file or place in file.parents for file in written)


# --- code, data, environment ------------------------------------------------------------------------------------


def _script_digest(run: RecordedCommand) -> str | None:
    program = run.inputs.program
    return program.modules.get(program.script or "")


def _code(before: RecordedCommand, after: RecordedCommand) -> Iterator[Change]:
    """Another script or program, and by name each module whose digest differs, or that only one side used."""
    old, new = before.inputs.program, after.inputs.program
    left, right = dict(old.modules), dict(new.modules)
    if old.script != new.script:
        digests = [modules.pop(script or "", None) for modules, script in ((left, old.script), (right, new.script))]
        if None in digests or digests[0] != digests[1]:
            yield Change("code", "script", _or_absent(old.script), _or_absent(new.script))
    elif old.script is None and _program(old.argv[0]) != _program(new.argv[0]):
        yield Change("code", "program", old.argv[0], new.argv[0])
    for name in sorted({*left, *right}):
        if left.get(name) != right.get(name):
            yield Change("code", name, left.get(name, ABSENT), right.get(name, ABSENT))


def _program(word: str) -> str:
    """A program by its name; one Python is as good as another: which version ran, the environment says."""
    name = PurePosixPath(word.replace("\\", "/")).name.removesuffix(".exe")
    return "python" if re.fullmatch(r"python[0-9.]*", name) else name


def _data(
    before: RecordedCommand, after: RecordedCommand, by_flag: Mapping[str, tuple[InputFile, InputFile]]
) -> Iterator[Change]:
    """The files that were read, by digest; nothing where one side does not know what it read."""
    for flag, (one, other) in by_flag.items():
        if not _same_file(one, other):
            yield Change("data", flag, one.path, other.path)
    typed = before.inputs.program.stdin, after.inputs.program.stdin
    if typed[0] != typed[1]:
        yield Change("data", "standard input", *map(_or_absent, typed))
    if before.inputs.files is None or after.inputs.files is None:
        return
    left = _by_path(before.inputs.files, (one for one, _ in by_flag.values()))
    right = _by_path(after.inputs.files, (other for _, other in by_flag.values()))
    shown = before.inputs.coverage, after.inputs.coverage
    watched = [coverage is not None and bool(coverage.observers) for coverage in shown]
    for path in sorted({*left, *right}):
        if path not in left or path not in right:
            # nobody watched, so what was not named may have been read, too
            if not all(watched):
                continue
            yield Change("data", path, left.get(path, ABSENT), right.get(path, ABSENT))
        elif None not in (left[path], right[path]) and left[path] != right[path]:
            yield Change("data", path, left[path], right[path])


def _by_path(files: Sequence[InputFile], but: Iterable[InputFile]) -> dict[str, str | None]:
    left_out = {file.path for file in but}
    return {file.path: file.sha256 for file in files if file.path not in left_out}


def _same_file(one: InputFile, other: InputFile) -> bool:
    return one.sha256 is not None and one.sha256 == other.sha256


def _environment(before: RecordedCommand, after: RecordedCommand) -> Iterator[Change]:
    """The facts that both processes told; what one of them did not import, it could not tell."""
    old, new = before.inputs.environment, after.inputs.environment
    if old is None or new is None or old == new:
        return
    from week2kit.environment.comparing import Uses, differences

    shared = sorted(old.libraries.keys() & new.libraries.keys())
    for item in differences(old, new, Uses(libraries=tuple(shared))):
        if item.recorded not in (None, [], {}, "") and item.now not in (None, [], {}, ""):
            yield Change("environment", item.factor, item.recorded, item.now)
