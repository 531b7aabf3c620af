"""What came out of a command: each file that it wrote, by digest; metrics and predictions; copies of small texts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from week2kit.errors import StageError
from week2kit.observing.folder import Written
from week2kit.record.command import STANDARD_OUTPUT, CommandOutcome, OutputFile, RecordedPredictions
from week2kit.record.manifest import Warned
from week2kit.training.asked import Named
from week2kit.training.outputs import MAX_REPORTED, Reported, from_json, from_output, predictions_in, role_of

#: A text is copied up to this many bytes, and all of them up to that many: the rest is kept as digests.
KEPT_TEXT: Final = 64 << 10
KEPT_TEXTS: Final = 1 << 20

#: Metrics and predictions are read up to this many bytes.
MAX_METRICS: Final = 16 << 20
MAX_PREDICTIONS: Final = 1 << 30

_HEAD: Final = 4096
_BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class Gathered:
    """The outcome as it is recorded, and what the run folder gets besides.

    Attributes:
        texts: the small texts by path, for outputs.json.
        predictions: the bytes of the table of predictions, where there is one.
    """

    outcome: CommandOutcome
    texts: Mapping[str, str]
    predictions: bytes | None
    warnings: tuple[Warned, ...]


def gather(
    directory: Path,
    written: Sequence[Written],
    output: bytes,
    named: Named,
    on_bytes: Callable[[int], None] = lambda count: None,
    places: Mapping[str, Path] | None = None,
) -> Gathered:
    """The outcome of a command that ended with exit code 0.

    Args:
        directory: its working directory.
        written: the files that it wrote there.
        output: the end of its standard output.
        named: the files that the person named.
        on_bytes: told of the bytes that were read, as they are: digests of large models take their time.
        places: where files lie whose path in `written` is not seen from `directory`.

    Raises:
        StageError: a named file was not written, or is none of its kind.
    """
    files, texts, room = dict[Path, OutputFile](), dict[str, str](), KEPT_TEXTS
    for one in written:
        place = (places or {}).get(one.path, directory / one.path)
        if (recorded := _recorded(place, one, on_bytes)) is None:
            continue
        if recorded.bytes <= min(room, KEPT_TEXT) and (text := _text(place, recorded)) is not None:
            texts[recorded.path] = text
            room -= recorded.bytes
            recorded = recorded.model_copy(update={"kept": True})
        files[place] = recorded
    warnings = list[Warned]()
    source, reported = _metrics(directory, files, output, named, warnings)
    predictions, content = _predictions(directory, files, named, warnings)
    if sum(map(len, reported)) >= MAX_REPORTED:
        warnings.append(Warned(code="command.many_metrics", values={"where": source, "count": MAX_REPORTED}))
    if reported.undefined:
        warnings.append(Warned(code="command.undefined", values={"names": list(reported.undefined), "where": source}))
    outcome = CommandOutcome(
        metrics=reported.metrics,
        metrics_from=source,
        times=reported.times,
        undefined=list(reported.undefined),
        predictions=predictions,
        files=[*files.values()],
        repeats=[],
    )
    return Gathered(outcome, texts, content, tuple(warnings))


def digest_of(path: Path, on_bytes: Callable[[int], None] = lambda count: None) -> tuple[str, int, bytes]:
    """The SHA-256 of a regular file, its bytes and how it begins, read in blocks.

    Raises:
        OSError: it cannot be read.
    """
    digest, size, head = hashlib.sha256(), 0, b""
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            head = head or block[:_HEAD]
            digest.update(block)
            size += len(block)
            on_bytes(len(block))
    return digest.hexdigest(), size, head


def _recorded(place: Path, one: Written, on_bytes: Callable[[int], None]) -> OutputFile | None:
    try:
        sha256, size, head = digest_of(place, on_bytes)
    except OSError:  # it went meanwhile, or may not be read by its owner: there is nothing to compare later
        return None
    path = os.fsencode(one.path).decode("utf-8", "backslashreplace")  # a name may be no text, and a record is one
    return OutputFile(path=path, bytes=size, sha256=sha256, change=one.change, role=role_of(one.path, head), kept=False)


def _text(path: Path, recorded: OutputFile) -> str | None:
    """The text of a file that is one and that still has its digest."""
    if recorded.role == "model":
        return None
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text if hashlib.sha256(data).hexdigest() == recorded.sha256 and "\0" not in text else None


def _metrics(
    directory: Path, files: Mapping[Path, OutputFile], output: bytes, named: Named, warnings: list[Warned]
) -> tuple[str | None, Reported]:
    """Where the metrics come from, and what they are: a named file, the one that is called so, or what was printed."""
    if named.metrics is not None:
        found = from_json(_named(directory, named.metrics, "metrics", MAX_METRICS))
        if found is None or not any(found):
            raise StageError(f"metrics {named.metrics}: expected a JSON object of names and numbers.", _ANOTHER)
        return _recorded_as(directory, named.metrics, files), found
    places = [place for place, file in files.items() if file.role == "metrics" and file.bytes <= MAX_METRICS]
    places = [place for place in places if place.name == "metrics.json"] or places
    if len(places) > 1:
        warnings.append(_several("command.several_metrics", [files[place].path for place in places]))
        return None, Reported({}, {}, ())
    for place in places:
        found = from_json(place.read_bytes())
        if found is not None and any(found):
            return files[place].path, found
        warnings.append(Warned(code="command.metrics_unread", values={"file": files[place].path}))
    printed = from_output(output)
    if any(printed):
        return STANDARD_OUTPUT, printed
    warnings.append(Warned(code="command.no_metrics", values={}))
    return None, printed


def _predictions(
    directory: Path, files: Mapping[Path, OutputFile], named: Named, warnings: list[Warned]
) -> tuple[RecordedPredictions | None, bytes | None]:
    if named.predictions is not None:
        content = _named(directory, named.predictions, "predictions", MAX_PREDICTIONS)
        found = predictions_in(_recorded_as(directory, named.predictions, files), content)
        if found is None:
            said = f"predictions {named.predictions}: expected a table with the columns y_true and y_pred."
            raise StageError(said, _ANOTHER)
        return found, content
    places = [place for place, file in files.items() if file.role == "predictions" and file.bytes <= MAX_PREDICTIONS]
    if len(places) > 1:
        warnings.append(_several("command.several_predictions", [files[place].path for place in places]))
        return None, None
    for place in places:
        content = place.read_bytes()
        if (found := predictions_in(files[place].path, content)) is not None:
            return found, content
    return None, None


_ANOTHER: Final = "Name another file."


def _recorded_as(directory: Path, typed: str, files: Mapping[Path, OutputFile]) -> str:
    """The path under which a named file is recorded; as it was typed where it is not among those that were written."""
    place = (directory / typed).resolve()
    return next((file.path for other, file in files.items() if other.resolve() == place), typed)


def _several(code: str, paths: Sequence[str]) -> Warned:
    return Warned(code=code, values={"files": [*paths[:5]], "count": len(paths)})


def _named(directory: Path, path: str, what: str, limit: int) -> bytes:
    file = directory / path
    try:
        if file.stat().st_size > limit:
            raise StageError(f"{what} {path}: it is larger than {limit >> 20} MiB.", _ANOTHER)
        return file.read_bytes()
    except OSError as error:
        hint = "Name the file that the command writes, as seen from the folder in which it runs."
        raise StageError(f"{what} {path}: the command left no such file: {error.strerror}.", hint) from None
