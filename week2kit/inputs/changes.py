"""What differs between two runs, and whether they can be compared at all: values only, no sentence, no file.

A result is a function of five inputs: code, data, config, seed, environment. A comparison is fair when exactly one
thing changed among them; it is meaningful when both runs answered the same question on the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from week2kit.canonical import UNCOUNTED, drop_keys, follows_seed, without_seed
from week2kit.inputs.leaves import ABSENT, Absent, config_differences, same_value
from week2kit.inputs.tables import same_values, table_differences
from week2kit.record.code import same_code
from week2kit.record.command import RecordedCommand
from week2kit.record.earlier import changed_since, is_earlier
from week2kit.record.manifest import (
    AnyRun,
    Column,
    CompletedInputs,
    CompletedRun,
    Data,
    FoundData,
    Inputs,
    Metric,
    metric_names,
)
from week2kit.record.requirements import distribution_of, named_modules
from week2kit.record.store import Manifest

if TYPE_CHECKING:
    from week2kit.record.verdict import InputName


class Change(NamedTuple):
    """One key of one input that differs. `baseline` and `variant` hold the recorded values, or `ABSENT`."""

    input: InputName
    key: str
    baseline: Any
    variant: Any


class Statement(NamedTuple):
    """Something that the evidence shows: a stable dotted code and the values it speaks of. Its sentence comes last."""

    code: str
    values: Mapping[str, Any] = {}


# --- what changed -----------------------------------------------------------------------------------------------


def compare_inputs(baseline: Manifest, variant: Manifest) -> list[Change]:
    """The differences of the five inputs that may change a result, in the order code, data, config, seed, environment.

    What a failed or running run had not reached is not compared. Where the config selects other columns, that is a
    change of the config, not of the data.
    """
    if isinstance(baseline, RecordedCommand) or isinstance(variant, RecordedCommand):
        return _changes_of_commands(baseline, variant)
    before, after = baseline.inputs, variant.inputs
    config = _config_changes(baseline, variant)
    changes: list[Change] = []
    if before.code and after.code and not same_code(before.code.digest, after.code.digest):
        changes.append(Change("code", "digest", before.code.digest, after.code.digest))
    if before.code and after.code:
        own = [code.own or {} for code in (before.code, after.code)]
        names = [name for name in sorted(own[0].keys() & own[1].keys()) if own[0][name] != own[1][name]]
        changes += [Change("code", name, own[0][name], own[1][name]) for name in names]
    if isinstance(before.data, Data) and isinstance(after.data, Data):
        changes += _data_changes(before.data, after.data, selected_anew=any(c.key in SELECTION for c in config))
    changes += config
    if before.seed and after.seed and before.seed.value != after.seed.value:
        changes.append(Change("seed", "seed", before.seed.value, after.seed.value))
    return [*changes, *_environment_changes(before, after)]


def _changes_of_commands(baseline: Manifest, variant: Manifest) -> list[Change]:
    from week2kit.inputs.commands import compare_commands  # a report of configs does without

    if isinstance(baseline, RecordedCommand) and isinstance(variant, RecordedCommand):
        return compare_commands(baseline, variant)
    # of two kinds nothing else that went in can be compared
    return [
        Change("config", "kind", *(one.kind if isinstance(one, AnyRun) else "folder" for one in (baseline, variant)))
    ]


def changed_things(changes: Iterable[Change]) -> list[str]:
    """What changed, as the rule of one change counts it: every config key is one thing, every other input one."""
    things = [change.key if change.input == "config" else change.input for change in changes]
    return list(dict.fromkeys(things))


def uncounted_differences(baseline: Manifest, variant: Manifest) -> list[Change]:
    """Differences that cannot change the result of a metric, and are told apart: metrics, paths, texts, git."""
    changes: list[Change] = []
    if isinstance(baseline, RecordedCommand) and isinstance(variant, RecordedCommand):
        from week2kit.inputs.commands import uncounted_of_commands

        return uncounted_of_commands(baseline, variant)
    before, after = baseline.inputs, variant.inputs
    if before.code and after.code:
        if same_code(before.code.digest, after.code.digest) and before.code.week2kit != after.code.week2kit:
            changes.append(Change("code", "week2kit", before.code.week2kit, after.code.week2kit))
        if before.code.git != after.code.git:
            changes.append(Change("code", "git", shown_git(before.code.git), shown_git(after.code.git)))
    for key, path, other in _paths(before.data, after.data):
        if path != other:
            changes.append(Change("data", key, path, other))
    if isinstance(before.data, Data) and isinstance(after.data, Data):
        forms = (one for one in table_differences(before.data, after.data) if one.what == "form")
        changes += [Change("data", f"form of {one.factor}", one.left.kind, one.right.kind) for one in forms]
    if before.config.resolved is not None and after.config.resolved is not None:
        for key in sorted(key for key, why in UNCOUNTED.items() if why == "reported" or key == "fail_on"):
            old, new = (config.resolved.get(key, ABSENT) for config in (before.config, after.config))  # type: ignore[union-attr]
            if old != new:
                changes.append(Change("config", key, old, new))
    return changes


def _paths(before: FoundData | None, after: FoundData | None) -> Iterator[tuple[str, str, str]]:
    """The places of the files that both have, each with what it is called."""
    if before and after:
        yield "path", before.path, after.path
    if before and after and before.validation and after.validation:
        yield "validation path", before.validation.path, after.validation.path


def shown_git(git: object) -> str | Absent:
    """A commit in short, and whether more had changed; `ABSENT` outside of a repository."""
    commit, dirty = getattr(git, "commit", None), getattr(git, "dirty", False)
    return ABSENT if commit is None else f"{commit[:12]}{' with uncommitted changes' if dirty else ''}"


# --- config -----------------------------------------------------------------------------------------------------

#: Which columns are used; a change here explains columns that come or go.
SELECTION: Final = frozenset(
    {"data.features", "data.drop", "data.target", "data.weights", "data.groups"}
    | {"split.column", "split.groups", "split.order_by"}
)


def _config_changes(baseline: Manifest, variant: Manifest) -> list[Change]:
    before, after = baseline.inputs.config.resolved, variant.inputs.config.resolved
    if before is None or after is None:
        return []
    seed, other = before.get("seed"), after.get("seed")
    # a random_state that only follows its run's seed is part of the seed
    changes = [
        change
        for change in compare_configs(before, after)
        if not same_value(_fixed(change.key, change.baseline, seed), _fixed(change.key, change.variant, other))
    ]
    if any(change.key in SELECTION for change in changes):
        changes = [change for change in changes if not _only_other_columns(change, baseline, variant)]
    return changes


def _only_other_columns(change: Change, baseline: Manifest, variant: Manifest) -> bool:
    """Whether two preprocessings differ only in columns that one of the runs does not use: "auto" lists them all."""
    left, right = baseline.inputs.data, variant.inputs.data
    if change.key != "preprocess" or not isinstance(left, Data) or not isinstance(right, Data):
        return False
    shared = {column.name for column in left.columns} & {column.name for column in right.columns}
    seeds = (run.inputs.config.resolved or {} for run in (baseline, variant))
    before, after = (
        _fixed("", _on_columns(value, shared), config.get("seed"))
        for value, config in zip((change.baseline, change.variant), seeds, strict=True)
    )
    return same_value(before, after)


def _on_columns(preprocess: Any, names: set[str]) -> Any:
    """The groups of a preprocessing as far as they concern the columns `names`."""
    if not isinstance(preprocess, list):
        return preprocess
    groups = []
    for group in preprocess:
        columns = group.get("columns") if isinstance(group, Mapping) else None
        if isinstance(columns, list):
            kept = [name for name in columns if isinstance(name, str) and name in names]
            groups += [{**group, "columns": kept}] if kept else []
        elif columns is None or (isinstance(columns, str) and columns in names):
            groups.append(group)
    return groups


def is_settled(run: Manifest) -> bool:
    """Whether the data was read, so that the config was filled in with all that it decides."""
    config = run.inputs.config.resolved or {}
    return isinstance(run.inputs.data, Data) and not is_word("preprocess", config.get("preprocess"))


def is_word(key: str, value: object) -> bool:
    """Whether a key holds a preprocessing by its name, which the data decides."""
    return key == "preprocess" and isinstance(value, str)


def compare_configs(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The leaf keys in which two resolved configs differ; another model class together with its params is one."""
    changes = [
        Change("config", *found) for found in sorted(config_differences(before, after), key=lambda found: found[0])
    ]
    if any(change.key == "model.class" for change in changes):
        model = Change("config", "model", before.get("model", ABSENT), after.get("model", ABSENT))
        changes = [model, *(change for change in changes if not change.key.startswith("model."))]
    return changes


def _fixed(key: str, value: Any, seed: object) -> Any:
    """The value of a key without every random_state, at any depth, that equals the run's own seed."""
    return ABSENT if follows_seed(key.rpartition(".")[2], value, seed) else without_seed(value, seed)


# --- repeats ----------------------------------------------------------------------------------------------------

#: Classes that draw with some values of a parameter only, none of them its default, in spite of their random_state.
DRAWS_ONLY_WITH: Final[Mapping[str, tuple[str, tuple[object, ...]]]] = {
    "sklearn.dummy.DummyClassifier": ("strategy", ("stratified", "uniform")),
    "sklearn.linear_model.ElasticNet": ("selection", ("random",)),
    "sklearn.linear_model.Lasso": ("selection", ("random",)),
    "sklearn.linear_model.LogisticRegression": ("solver", ("liblinear", "sag", "saga")),
    "sklearn.linear_model.Ridge": ("solver", ("sag", "saga")),
    "sklearn.linear_model.RidgeClassifier": ("solver", ("sag", "saga")),
    "sklearn.svm.SVC": ("probability", (True,)),
}


def repeats_vary(config: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the repeats of a resolved config vary in their split, and in what the pipeline may draw.

    A ``random_state`` other than the run's own seed stays as it is in every repeat. True for the pipeline means that
    another seed reaches an estimator which may draw from it; False is certain.
    """
    seed, split = config.get("seed"), config.get("split")
    shuffled = isinstance(split, Mapping) and split.get("shuffle") is True
    return shuffled and _draws_anew(split, seed), any(_draws(step, seed) for step in _steps(config))


def _steps(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The model and the steps before it, those in groups of columns, too."""
    preprocess = config.get("preprocess")
    for item in [config.get("model"), *(preprocess if isinstance(preprocess, list) else [])]:
        steps = item.get("steps") if isinstance(item, Mapping) else None
        yield from (step for step in (steps if isinstance(steps, list) else [item]) if isinstance(step, Mapping))


def _draws(step: Mapping[str, Any], seed: object) -> bool:
    params = step.get("params")
    name, values = DRAWS_ONLY_WITH.get(str(step.get("class")), ("", (None,)))
    if isinstance(params, Mapping) and params.get(name) not in values:
        params = drop_keys(params, ("random_state",))
    return _draws_anew(params, seed)


def _draws_anew(value: Any, seed: object) -> bool:
    """Whether some ``random_state`` is the run's own seed, or is null: each training then draws other numbers."""
    if isinstance(value, Mapping):
        anew = (item is None or follows_seed(key, item, seed) for key, item in value.items() if key == "random_state")
        return any(anew) or any(_draws_anew(item, seed) for item in value.values())
    return isinstance(value, list) and any(_draws_anew(item, seed) for item in value)


# --- data and environment ---------------------------------------------------------------------------------------


def _data_changes(before: Data, after: Data, *, selected_anew: bool) -> list[Change]:
    """What differs in the table; with another selection in the config only the rows and what both tables hold."""
    return [
        Change("data", one.factor, *(side.digest if isinstance(side, Column) else side for side in sides))
        for one in table_differences(before, after)
        for sides in [[ABSENT if side is None else side for side in (one.left, one.right)]]
        if one.what != "form" and not (selected_anew and (ABSENT in sides or one.what == "order of columns"))
    ]


def _by_name(data: Data) -> dict[str, Column]:
    return {column.name: column for column in data.columns}


def _environment_changes(before: Inputs | CompletedInputs, after: Inputs | CompletedInputs) -> list[Change]:
    """What differs in the facts that count, and in the libraries besides scikit-learn whose classes both runs use.

    A record does not say which library brings a class: where none is called as its module is, any may be the one.
    """
    old, new = before.environment, after.environment
    if old is None or new is None or old == new:
        return []
    from week2kit.environment.comparing import Uses, differences

    modules = named_modules(before.config.resolved) & named_modules(after.config.resolved)
    named, recorded = set(map(distribution_of, modules)), old.libraries.keys() & new.libraries.keys()
    uses = Uses(libraries=tuple(sorted(named if named <= recorded else named | recorded)))
    return [Change("environment", item.factor, item.recorded, item.now) for item in differences(old, new, uses)]


# --- comparability ----------------------------------------------------------------------------------------------

#: Metrics that speak of one class; with another positive class they answer another question.
_OF_ONE_CLASS: Final = frozenset({"f1", "precision", "recall", "roc_auc", "average_precision", "jaccard"})


def primary_metric(run: CompletedRun) -> str:
    """The metric that decides."""
    return metric_names(run)[0]


def obstacles(baseline: CompletedRun, variant: CompletedRun) -> list[Statement]:
    """Why the two runs cannot be compared; empty where they can.

    Comparable are runs with the same target in the same rows, the same validation rows, and the baseline's primary
    metric in both. Features may be added or left out: then the columns that both use must agree.
    """
    return [*_other_target(baseline, variant), *_other_rows(baseline, variant), *_other_metric(baseline, variant)]


def _target(run: CompletedRun) -> Column | None:
    return next((column for column in run.inputs.data.columns if column.role == "target"), None)


def _other_target(baseline: CompletedRun, variant: CompletedRun) -> list[Statement]:
    if baseline.outcome.task != variant.outcome.task:
        return [Statement("task.differs", {"baseline": baseline.outcome.task, "variant": variant.outcome.task})]
    left, right = _target(baseline), _target(variant)
    if left and right and left.name != right.name:
        return [Statement("target.differs", {"baseline": left.name, "variant": right.name})]
    return []


def _other_rows(baseline: CompletedRun, variant: CompletedRun) -> list[Statement]:
    before, after = baseline.inputs.data, variant.inputs.data
    if before.rows != after.rows:
        return [Statement("data.rows_differ", {"baseline": before.rows, "variant": after.rows})]
    if before.table_digest != after.table_digest:
        old, new = _by_name(before), _by_name(after)
        shared = [name for name in old if name in new]
        changed = [name for name in shared if not same_values(old[name], new[name])]
        if changed:
            return [Statement("data.columns_differ", {"columns": changed})]
        # the same file is the same rows; otherwise a feature must vouch for it, because targets repeat
        same_file = None not in before.digests and before.digests == after.digests
        if not same_file and not any(old[name].role == "feature" for name in shared):
            return [Statement("data.nothing_shared")]
    split, other = baseline.outcome.split, variant.outcome.split
    same_table = before.table_digest == after.table_digest
    if split.positions == other.positions and (split.contents == other.contents or not same_table):
        return []
    return [_why_other_split(baseline, variant)]


def _why_other_split(baseline: CompletedRun, variant: CompletedRun) -> Statement:
    changes = _config_changes(baseline, variant)
    keys = [change.key for change in changes if change.key.startswith("split.")]
    if keys:
        return Statement("split.config_differs", {"keys": keys})
    before, after = baseline.inputs.seed.value, variant.inputs.seed.value
    if before != after:
        return Statement("split.follows_seed", {"baseline": before, "variant": after})
    return Statement("split.differs")


def _other_metric(baseline: CompletedRun, variant: CompletedRun) -> list[Statement]:
    name = primary_metric(baseline)
    metric: Metric = baseline.outcome.metrics[name]
    other = variant.outcome.metrics.get(name)
    if other is None:
        return [Statement("metric.missing", {"metric": name})]
    if other.greater_is_better != metric.greater_is_better:
        return [Statement("metric.direction_differs", {"metric": name})]
    if name in _OF_ONE_CLASS and baseline.outcome.positive != variant.outcome.positive:
        values = {"metric": name, "baseline": baseline.outcome.positive, "variant": variant.outcome.positive}
        return [Statement("metric.positive_differs", values)]
    return []


def difference(metric: Metric, other: Metric) -> float | None:
    """`other` minus `metric`; None where one has no value, or they are means over different folds."""
    if metric.value is None or other.value is None or _undefined_folds(metric) != _undefined_folds(other):
        return None
    return other.value - metric.value


def _undefined_folds(metric: Metric) -> list[int]:
    return [index for index, value in enumerate(metric.folds) if value is None]


def advantage(metric: Metric, other: Metric) -> float | None:
    """By how much `other` is better than `metric` (negative: worse); None as in `difference`."""
    found = difference(metric, other)
    return found if found is None or metric.greater_is_better else -found


#: Warnings of a metric whose value says little, though it is one: nothing is concluded from it.
_SAYS_LITTLE: Final = frozenset({"metric.one_row", "metric.replaced", "metric.zero_targets"})


def is_interpretable(run: CompletedRun, metric: str) -> bool:
    """Whether the value of a metric can be held against that on training rows, of a dummy, or of another run."""
    warned = [one.values.get("metrics") for one in run.warnings if one.code in _SAYS_LITTLE]
    said = any(isinstance(names, list) and metric in names for names in warned)
    return run.outcome.metrics[metric].value is not None and not said and changed_since(run).get(metric) != "undefined"


def comparable_difference(run: CompletedRun, other: CompletedRun, metric: str) -> float | None:
    """The metric of `other` minus that of `run`; None where nothing can be concluded from it."""
    if not is_interpretable(run, metric) or not is_interpretable(other, metric):
        return None
    one_is_earlier = is_earlier(run.inputs.environment) != is_earlier(other.inputs.environment)
    if one_is_earlier and metric in {**changed_since(run), **changed_since(other)}:
        return None  # computed by two rules
    if run.outcome.class_of(metric) != other.outcome.class_of(metric):
        return None  # of two classes
    return difference(run.outcome.metrics[metric], other.outcome.metrics[metric])
