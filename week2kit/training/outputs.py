"""What the files of a training script are for, and which numbers it reports: by their names and their content."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from week2kit.canonical import json_digest
from week2kit.record.command import RecordedPredictions, Role

# --- names ------------------------------------------------------------------------------------------------------

#: A date, a time or both in a name, and what only counts up: the seconds since 1970, a random identifier.
_TIME: Final = re.compile(
    r"(?<![0-9])(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])"
    r"(?:[-_T. /]?(?:[01]\d|2[0-3])[-_:.h]?[0-5]\d(?:[-_:.m]?[0-5]\d(?:[.,_]\d{1,9})?)?)?(?:Z|[-+]\d\d:?\d\d)?(?![0-9])"
    r"|(?<![0-9A-Za-z])1[5-9]\d{8}(?:\d{3}|\.\d{1,9})?(?![0-9A-Za-z])"
    r"|(?<![0-9a-fA-F])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-fA-F])"
)


def stable_name(path: str) -> str:
    """A path in which each time and random identifier is a star: what the next run will call the same file."""
    return _TIME.sub("*", path)


_MODELS: Final = frozenset(
    {".joblib", ".pkl", ".pickle", ".skops", ".pt", ".pth", ".ckpt", ".safetensors", ".keras", ".h5", ".onnx", ".pmml"}
    | {".cbm", ".ubj", ".bst", ".rds"}
)
_REPORTS: Final = frozenset({".md", ".html", ".htm", ".pdf", ".png", ".svg", ".jpg", ".jpeg", ".ipynb"})


def role_of(path: str, head: bytes = b"") -> Role:
    """What a file is for: `head` is how it begins, which tells a table of predictions by its first line."""
    file = PurePosixPath(path.lower())
    words = set(re.split(r"[^a-z]+", file.name.removesuffix(file.suffix)))
    if file.suffix in (".csv", ".tsv") and {"y_true", "y_pred"} <= _first_line(head):
        return "predictions"
    if file.suffix == ".json":
        if words & {"metrics", "metric", "scores", "score", "results", "result", "eval", "evaluation"}:
            return "metrics"
        return "config" if words & {"config", "params", "hyperparameters", "settings", "args"} else "other"
    if file.suffix in _MODELS:
        return "model"
    return "report" if file.suffix in _REPORTS or (file.suffix == ".txt" and words & {"report"}) else "other"


def _first_line(head: bytes) -> set[str]:
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", "replace")
    return {cell.strip().strip('"') for cell in re.split(r"[,;\t]", line)}


# --- numbers ----------------------------------------------------------------------------------------------------


class Reported(NamedTuple):
    """The numbers of a script by name: metrics, durations, and the names of those that are no finite number."""

    metrics: dict[str, float]
    times: dict[str, float]
    undefined: tuple[str, ...]


#: Names of what says how long something took, or when: no run repeats it. A time of one's own (`survival_time`) is not
#: among them, nor an error that is counted in seconds, nor a minimum.
_DURATION: Final = re.compile(
    r"(?:.*[_ ./-])?(?:seconds|secs?|milliseconds|minutes|hours|duration|elapsed|runtime|timestamp|datetime)"
    r"|.*[_ ./-](?:s|ms)"
    r"|(?:time|date)(?:[_ -](?:taken|elapsed))?|(?:created|started|finished|ended)(?:[_ -]at)?"
    r"|(?:.*[_ ./-])?(?:train|training|fit|run|wall|cpu|elapsed|execution|inference|prediction|predict|total|start|end"
    r"|eval|evaluation|processing|score|load|loading|epoch)[_ .-]time",
    re.IGNORECASE,
)
_MEASURE: Final = re.compile(
    r"(?<![a-z])(?:mae|mse|rmse|mape|msle|rmsle|r2|errors?|loss|accuracy|f1|auc|deviation|bias|mad)(?![a-z])",
    re.IGNORECASE,
)


def is_duration(name: str) -> bool:
    """Whether a name says that its value is how long something took, or when it was; in doubt it does not."""
    return _DURATION.fullmatch(name) is not None and not is_measure(name)


def is_measure(text: str) -> bool:
    """Whether a name or a line speaks of an error or a score, which may be counted in seconds."""
    return _MEASURE.search(text) is not None


#: Numbers that a file or an output may report; and parts of a name deeper than any script nests them.
MAX_REPORTED: Final = 10_000
_DEPTH: Final = 32


def reported(values: Iterable[tuple[str, object]]) -> Reported:
    """Values by name, sorted into what they are; of a name that stands several times, the last."""
    metrics, times, undefined = dict[str, float](), dict[str, float](), dict[str, None]()
    for name, value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        for kind in (metrics, times, undefined):
            kind.pop(name, None)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            undefined[name] = None
        else:
            (times if is_duration(name) else metrics)[name] = number
    return Reported(metrics, times, tuple(undefined))


def from_json(data: bytes) -> Reported | None:
    """The numbers of a metrics.json, nested keys joined by dots; None where it holds no JSON object.

    NaN and Infinity, which Python writes and JSON does not know, are undefined; texts and truth values are no metrics.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return reported(_leaves(value, "")) if isinstance(value, dict) else None


def _leaves(value: Any, prefix: str, depth: int = 0) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and depth < _DEPTH:
        for key, item in value.items():
            yield from _leaves(item, f"{prefix}.{key}" if prefix else str(key), depth + 1)
    elif isinstance(value, list) and depth < _DEPTH:
        for number, item in enumerate(value):
            yield from _leaves(item, f"{prefix}.{number}", depth + 1)
    else:
        yield prefix, value


_NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)"
_LINE: Final = re.compile(
    rf"\s*(?P<name>[A-Za-z][A-Za-z0-9 _@./()%-]{{0,60}}?)\s*[:=]\s*(?P<value>{_NUMBER})\s*(?:%)?\s*", re.IGNORECASE
)


def from_output(output: bytes) -> Reported:
    """The numbers that a script printed, each alone on its line as ``accuracy: 0.93`` or ``accuracy = 0.93``.

    A line that a progress bar overwrote counts as far as it is seen at the end: after its last carriage return.
    """
    found: list[tuple[str, object]] = []
    for line in output.decode("utf-8", "replace").split("\n"):
        seen = line.rstrip("\r").rpartition("\r")[2]
        if len(seen) <= 200 and (match := _LINE.fullmatch(seen)) is not None:
            found.append((match["name"].strip(), float(match["value"])))
    return reported(found[-MAX_REPORTED:])


# --- predictions ------------------------------------------------------------------------------------------------


def predictions_in(path: str, data: bytes) -> RecordedPredictions | None:
    """What a table of predictions holds: its true and predicted values in the order of its rows, and its scores.

    Digests are of the texts of the cells, each with its length, so that no two tables have the same one. None where it
    is no table with `y_true` and `y_pred`, or its lines are of unequal length.
    """
    columns = columns_in(data)
    if columns is None:
        return None
    scores = [name for name in columns if name.startswith("score:") or name == "score"]
    return RecordedPredictions(
        path=path,
        rows=len(columns["y_true"]),
        digest=_cells_digest(columns[name] for name in ("y_true", "y_pred")),
        scores=_cells_digest(columns[name] for name in scores) if scores else None,
    )


def columns_in(data: bytes) -> dict[str, tuple[str, ...]] | None:
    """The cells of a table of predictions by column; None as in `predictions_in`."""
    try:
        text = data.decode("utf-8-sig")
        lines = [line for line in csv.reader(StringIO(text, newline=""), dialect_of(text)) if line]
    except (UnicodeDecodeError, csv.Error):
        return None
    names = [name.strip() for name in lines[0]] if lines else []
    if not {"y_true", "y_pred"} <= {*names} or len({*names}) < len(names):
        return None
    if len(lines) < 2 or any(len(line) != len(names) for line in lines):
        return None
    return dict(zip(names, zip(*lines[1:], strict=True), strict=True))


def _cells_digest(columns: Iterable[Iterable[str]]) -> str:
    return json_digest([[*column] for column in columns])


def dialect_of(text: str) -> type[csv.Dialect]:
    """How the cells of a table are separated, by its first line."""

    class Separated(csv.excel):
        delimiter = max(",;\t|", key=text.partition("\n")[0].count)

    return Separated
