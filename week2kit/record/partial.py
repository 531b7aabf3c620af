"""What a folder says that was made without week2kit: config, metrics, report, versions. Foreign text to plain values.

Nothing is guessed: a metric counts under the name of a scorer of scikit-learn or one of a few other spellings, a
version where a file names it. What cannot be read is left out here, and told of as not compared in the verdict.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from week2kit.canonical import JsonError, clean, json_digest, parse_foreign_json, text_digest
from week2kit.config.form import Config
from week2kit.config.reading import parse_flat
from week2kit.errors import CannotRestore, ConfigError
from week2kit.record.files import read_regular
from week2kit.record.manifest import Artifact, Inputs, Seed, StageTime, Warned
from week2kit.record.manifest import Config as Resolved
from week2kit.record.requirements import DECIDING_LIBRARIES, parse_requirements
from week2kit.record.written_metrics import ReportRow, held_against, report_rows
from week2kit.thresholds import MAX_CONFIG_BYTES

#: Keys of metrics.json that are durations, such as ``train_seconds``.
_DURATION: Final = re.compile(r"(?:.*[_ .-])?(?:seconds|secs?|milliseconds|ms|minutes)", re.IGNORECASE | re.DOTALL)

#: Keys of metrics.json that count rows: they tell of the split.
COUNTS: Final = ("n_train", "n_val")

#: Keys of metrics.json that say how long the training took.
SECONDS: Final = ("train_seconds", "train_time_seconds")

#: Characters of a time stamp or a commit in run_metadata.json that are shown; both fit, and a longer text is neither.
_METADATA_LENGTH: Final = 64

#: What a config has to name, with the other names for it; a notebook may hold both in its code.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {"input_csv": ("input_csv", "input"), "label_col": ("label_col",)}

#: Keys with which scripts of the course write down what has no part in the training: told, and passed over.
NOT_USED: Final = ("artifacts_dir", "create_sample")


@dataclass(frozen=True)
class PartialRun:
    """The record of a run that has no manifest, as a course's own script leaves it: what its files say, in memory only.

    Everything else of a record is not recorded: `inputs` holds the config and the seed where the config can be read.

    Attributes:
        run_id: the folder's name.
        as_written: the object of config.json; it may name neither data nor label: a notebook holds them in its code.
        numbers: the object of metrics.json.
        inputs: the resolved config, also of one that does not name its data or its label, and the seed.
        config: the config; None where it is none that can be trained, and then `problem` says why.
        unnamed: which of data and label the config does not name, by the keys of `NAMES`; empty where it has other
            problems, too.
        model: the file, the key and the value that name a model, where that is not what the flat form trains, or where
            config.json has such a key at all; else None.
        unused: keys of config.json that have no part in the training.
        metrics: numbers by their name as written; which of them are metrics, scikit-learn has to tell.
        counts: how many rows were trained on and validated on.
        times: keys of metrics.json that are named as durations; no training repeats them.
        other: keys of metrics.json that are no numbers, or null.
        undefined: those of them that are NaN, infinity, or larger than every float.
        report: the rows of val_report.txt by name, None where there is none; `report_problem` says why not.
        versions: Python (as "python") and libraries, as requirements.txt or else run_metadata.json names them.
        missing: the libraries of which run_metadata.json says "missing", where nothing else names a version: a script
            may have asked for them by a name that cannot be imported.
        seconds: how long the training took, as metrics.json has it; None where it does not.
        timestamp: when the run was made, as run_metadata.json has it, cleaned; empty where it does not.
        git: the commit, likewise.
        sources: the files besides config and metrics that gave something, with their digests.
    """

    status: ClassVar[Literal["completed"]] = "completed"  # it has metrics
    created_at: ClassVar[str] = ""
    command: ClassVar[str] = ""
    artifacts: ClassVar[list[Artifact]] = []
    stages: ClassVar[list[StageTime]] = []
    warnings: ClassVar[list[Warned]] = []
    failure: ClassVar[None] = None

    run_id: str
    as_written: Mapping[str, Any]
    numbers: Mapping[str, Any]
    inputs: Inputs
    config: Config | None
    problem: str
    unnamed: tuple[str, ...]
    model: tuple[str, str, str] | None
    unused: tuple[str, ...]
    metrics: dict[str, float]
    counts: dict[str, int]
    times: list[str]
    other: list[str]
    undefined: list[str]
    report: dict[str, ReportRow] | None
    report_problem: str
    versions: dict[str, str]
    missing: list[str]
    seconds: float | None
    timestamp: str
    git: str
    sources: dict[str, str]


def read_partial(folder: Path, written: Mapping[str, Any], metrics: Mapping[str, Any]) -> PartialRun:
    """What a folder with this config and these metrics says, read as untrusted input; nothing raises."""
    config, problem = _config(written)
    unnamed, resolved = _as_written(written) if config is None else ((), config.as_json())
    known = Resolved(resolved=resolved, raw=None, digest=None)
    seed = None if resolved is None else Seed(value=resolved["seed"], source="given")
    numbers = {name: number for name, value in metrics.items() if (number := _number(value)) is not None}
    counts = {name: value for name in COUNTS if type(value := metrics.get(name)) is int and value >= 0}
    times = sorted(name for name in numbers if _DURATION.fullmatch(name))
    requirements, metadata = _bytes(folder, "requirements.txt"), _metadata(folder)
    listed = _from_requirements(requirements)
    told, timestamp, git = _from_metadata(metadata), _text_of(metadata, "timestamp"), _text_of(metadata, "git_hash")
    scores = {name: number for name, number in numbers.items() if name not in (*COUNTS, *times)}
    report, report_problem = _report(folder, scores)
    sources = {}
    if listed:
        sources["requirements.txt"] = text_digest(requirements)
    if told or timestamp or git:
        sources["run_metadata.json"] = json_digest(metadata)
    return PartialRun(
        run_id=folder.name,
        as_written=written,
        numbers=metrics,
        inputs=Inputs(code=None, data=None, config=known, seed=seed, environment=None),
        config=config,
        problem=problem,
        unnamed=unnamed,
        model=_other_model(written, metrics, metadata),
        unused=tuple(name for name in NOT_USED if name in written),
        metrics=scores,
        counts=counts,
        times=times,
        other=sorted(name for name in metrics if name not in numbers or (name in COUNTS and name not in counts)),
        undefined=sorted(name for name, value in metrics.items() if _is_undefined(value)),
        report=report,
        report_problem=report_problem,
        missing=sorted(_named_missing(metadata) - {*told, *listed}),
        versions={**told, **listed},  # requirements.txt is the list that pip itself can write, and goes first
        seconds=next((numbers[name] for name in SECONDS if numbers.get(name, -1) >= 0), None),
        timestamp=timestamp,
        git=git,
        sources=sources,
    )


def with_names(
    record: PartialRun, folder: Path, data: str | None, target: str | None
) -> tuple[PartialRun, dict[str, str]]:
    """The record with the data and the label that the caller names, where its config names none; and what was added."""
    given = {"input_csv": data, "label_col": target}
    added = {name: value for name, value in given.items() if value is not None and name in _missing(record.as_written)}
    config = {**_used(record.as_written), **added}
    return read_partial(folder, config, record.numbers) if added else record, added


def _missing(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of data and label a config does not name; null is no name."""
    return tuple(name for name, keys in NAMES.items() if all(config.get(key) is None for key in keys))


def _used(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config without what is not used, and without names that are null."""
    names = {key for keys in NAMES.values() for key in keys}
    return {key: value for key, value in config.items() if key not in NOT_USED and not (value is None and key in names)}


def _config(value: Mapping[str, Any]) -> tuple[Config | None, str]:
    try:
        return parse_flat(_used(value)), ""
    except ConfigError as error:
        return None, "; ".join(error.problems)


#: Keys under which a script writes down its model: the flat form has none of them.
_MODEL_KEYS: Final = frozenset(
    {"model", "model_type", "model_name", "model_class", "estimator", "classifier", "clf", "algorithm"}
)

#: A logistic regression by its usual names, perhaps with what a flat config says, too.
_LOGISTIC: Final = re.compile(
    r"(?:sklearn\.[a-z_.]+\.)?(?:logistic[_ -]?regression|logreg|logit|lr)"
    r"(?:\((?:(?:max_iter|random_state)=(?:\d+|none)(?:, *)?)*\))?",
    re.IGNORECASE,
)

#: Where a model lies, which says nothing of what it is.
_A_PLACE: Final = re.compile(r"[/\\]|\.(?:joblib|pkl|pickle|sav|skops|onnx)$", re.IGNORECASE)


def _other_model(
    config: Mapping[str, Any], metrics: Mapping[str, Any], metadata: object
) -> tuple[str, str, str] | None:
    """The file, the key and the value that name a model which the flat form does not train; None where none does.

    In config.json any such key counts, as the flat form would leave it out. Elsewhere the name of a logistic
    regression agrees with the flat form.
    """
    for key, value in config.items():
        if key.lower() in _MODEL_KEYS and value is not None:
            return "config.json", clean(key, 80), _model_name(value) or clean(json.dumps(value), _METADATA_LENGTH)
    inside = metadata if isinstance(metadata, dict) else {}
    parts = [inside, *(part for key in _PARTS if isinstance(part := inside.get(key), dict))]
    for file, part in (("metrics.json", metrics), *(("run_metadata.json", part) for part in parts)):
        for key, value in part.items():
            name = _model_name(value) if key.lower() in _MODEL_KEYS else ""
            if name and not _LOGISTIC.fullmatch(name) and not _A_PLACE.search(name):
                return file, clean(key, 80), name
    return None


#: Keys of run_metadata.json below which it may repeat the config, or describe the model.
_PARTS: Final = ("config", "params", "parameters", "args", "training")


def _model_name(value: object) -> str:
    """The name of a model that a script wrote down, as a text or as an object with its class; empty where none."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("class", "type", "name", "class_name") if key in value), None)
    return clean(value, _METADATA_LENGTH).strip() if isinstance(value, str) else ""


def _as_written(value: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, Any] | None]:
    """What a config lacks that cannot be trained, where data and label are all, and what else it says."""
    missing = _missing(value)
    filled = _used(value) | dict.fromkeys(missing, "-")
    try:
        config = parse_flat(filled).as_json() if missing else None
    except ConfigError:
        config = None
    if config is None:
        return (), None
    unknown = {{"input_csv": "path", "label_col": "target"}[name] for name in missing}
    return missing, {**config, "data": {key: item for key, item in config["data"].items() if key not in unknown}}


def _is_undefined(value: object) -> bool:
    """Whether a value is a number that no float holds, which `parse_foreign_json` reads as a text."""
    try:
        return isinstance(value, str) and not math.isfinite(float(value))
    except ValueError:
        return False


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number of four hundred digits
        return None


#: The line above the rows of a classification report.
_HEAD: Final = re.compile(r"^\s*precision\s+recall\s+f1-score\s+support\s*$", re.MULTILINE)


def _report(folder: Path, metrics: Mapping[str, float]) -> tuple[dict[str, ReportRow] | None, str]:
    """The report, or why there is none; of several in one file the first that can be that of the metrics."""
    try:
        text = _read(folder, "val_report.txt").decode("utf-8", "replace")
    except FileNotFoundError:
        return None, "it is not there"
    except OSError as error:
        return None, str(error.strerror)
    reports = [rows for part in _HEAD.split(text) if (rows := report_rows(part))]
    if not reports:
        return None, "it holds no row of a classification report"
    held = (held_against(rows, metrics) for rows in reports)
    fitting = (rows for rows, found in zip(reports, held, strict=True) if all(agrees for _, agrees in found.values()))
    return next(fitting, reports[-1]), ""


# --- versions ---------------------------------------------------------------------------------------------------

_LIBRARIES: Final[Mapping[str, str]] = {
    **{name: name for name in DECIDING_LIBRARIES},
    "python": "python",
    "sklearn": "scikit-learn",
    "scikit_learn": "scikit-learn",
}
_VERSION: Final = re.compile(r"\d{1,5}(?:\.\d{1,5}){1,3}(?:(?:a|b|rc)\d{1,3})?(?:\.(?:post|dev)\d{1,5})?")


def _from_requirements(content: bytes) -> dict[str, str]:
    """The ``name==version`` lines; a whole ``pip freeze`` has others (addresses, paths), which say nothing here."""
    found: dict[str, str] = {}
    for line in content.decode("utf-8-sig", "replace").splitlines():
        try:
            found |= parse_requirements(line)
        except CannotRestore:
            continue
    return {name: version for name, version in found.items() if name in DECIDING_LIBRARIES}


def _metadata(folder: Path) -> object:
    """The value in run_metadata.json, or None."""
    try:
        return parse_foreign_json(_bytes(folder, "run_metadata.json").decode("utf-8-sig", "replace").encode())
    except JsonError:
        return None


def _text_of(metadata: object, key: str) -> str:
    """A text that stands under a key of run_metadata.json, on one line and short."""
    value = metadata.get(key) if isinstance(metadata, dict) else None
    return clean(value, _METADATA_LENGTH).strip() if isinstance(value, str) else ""


def _from_metadata(metadata: object) -> dict[str, str]:
    """The versions in run_metadata.json, whose keys are free: a library's name, perhaps with ``version``, anywhere."""
    found: dict[str, str] = {}
    for name, item in _of_libraries(metadata):
        text = item.get("version") if isinstance(item, dict) else item
        if isinstance(text, str) and (match := _VERSION.match(text.strip())):
            found.setdefault(name, match[0])
    return found


def _named_missing(metadata: object) -> set[str]:
    """The libraries of which run_metadata.json says that they are missing."""
    return {
        name
        for name, item in _of_libraries(metadata)
        if "missing" in (item.values() if isinstance(item, dict) else [item])
    }


def _of_libraries(metadata: object) -> Iterator[tuple[str, Any]]:
    """Each value below a key that names Python or a library, with the usual name of it."""
    for key, item in _pairs(metadata):
        name = _LIBRARIES.get(re.sub(r"[_ -]*version$", "", key.strip().lower()[:80]))
        if name is not None:
            yield name, item


def _pairs(value: object) -> Iterator[tuple[str, Any]]:
    """Each key with its value, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from _pairs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _pairs(item)


def _read(folder: Path, file: str) -> bytes:
    return read_regular(folder / file, MAX_CONFIG_BYTES, follow=False)


def _bytes(folder: Path, file: str) -> bytes:
    try:
        return _read(folder, file)
    except OSError:
        return b""
