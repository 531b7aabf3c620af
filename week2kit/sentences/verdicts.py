"""Sentences: what a code and its values mean, in the order what, where, expected, got, what to do.

The only place where findings, warnings and failures become text. Values arrive as they were recorded and are foreign:
every text among them is cleaned here.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from week2kit.canonical import clean, show_value
from week2kit.environment.restoring import is_version
from week2kit.record.manifest import CompletedRun, Failure, Warned
from week2kit.thresholds import DUMPS, FEW_SHARED_ROWS, MAX_MESSAGE, MAX_THREADS, SCORE_TOLERANCE

if TYPE_CHECKING:
    from week2kit.record.store import Run
    from week2kit.record.verdict import Cause, Check, Finding, RerunRecord, Verdict

# --- warnings of train ------------------------------------------------------------------------------------------


def warning_lines(warnings: Sequence[Warned]) -> list[str]:
    """A line for each warning with its code; one for all metrics whose training score is too good."""
    gaps = [warned for warned in warnings if warned.code == "metric.gap"]
    lines = []
    for warned in warnings:
        said = describe_warning(warned)
        if gaps and warned is gaps[0]:
            said += _same_gap_in(gaps[1:])
        if warned not in gaps[1:]:
            lines.append(f"warning {clean(warned.code)}: {said}")
    return lines


def _same_gap_in(gaps: Sequence[Warned]) -> str:
    others = [_Values(warned.values) for warned in gaps]
    told = [f"{v['metric']} is {v.number('training')} and {v.number('validation')}" for v in others]
    return f" ({', '.join(told)}.)" if told else ""


def describe_warning(warned: Warned) -> str:
    """What a warning of train says to a person, in one or two sentences."""
    v = _Values(warned.values)
    match warned.code:
        case "fit.not_converged":
            return (
                f"The fit stopped after {v['n_iter']} iterations before it had converged (max_iter {v['max_iter']}): "
                "on another processor it may stop elsewhere. Scale the features or raise max_iter."
            )
        case "data.imbalance":
            return (
                f"{v.percent('share')} of the rows are of class {v['label']}: always guessing it already scores that "
                "accuracy. Look at f1_macro."
            )
        case "metric.gap":
            return (
                f"{v['metric']} is {v.number('training')} on training rows and {v.number('validation')} on validation "
                "rows: such a gap is what overfitting looks like."
            )
        case "metric.no_better_than_dummy":
            return (
                f"{v['metric']} is {v.number('value')}, and a dummy that ignores the features reaches "
                f"{v.number('dummy')}: nothing was learnt that helps."
            )
        case "split.shared_rows":
            rows, of = warned.values.get("rows"), warned.values.get("looked_at")
            told = (
                f"{v['rows']} of {v['looked_at']} validation rows {'has' if rows == 1 else 'have'} the same features "
                "as a training row"
            )
            if isinstance(rows, int) and isinstance(of, int) and rows < FEW_SHARED_ROWS * of:
                return f"{told}. So few hardly move a score."
            return f"{told}: they test memory, not learning. Remove duplicates, or split by groups."
        case "split.not_stratified":
            return (
                f"The split is not stratified: class {v['label']} has only {v['rows']} row(s), too few for every side."
            )
        case "split.small_class":
            return f"Class {v['label']} has {v['rows']} row(s) for {v['folds']} folds: some folds hold none of it."
        case "seed.unset":
            return (
                f"No seed fixes {v['estimators']}: another run draws other numbers, and may give another result. "
                + _to_seed(warned.values.get("estimators"))
            )
        case "data.leak":
            return (
                f"The feature {v['feature']} alone reaches {v['metric']} {v.number('score')}: it probably holds the "
                "answer itself. Would you know it at the time of prediction? If not, drop it."
            )
        case "library.warning":
            return f"{v['category']}: {v['message']}"
        case "metric.undefined":
            return f"{v['metrics']}: {_undefined(warned.values)}"
        case "repeats.undefined":
            return (
                f"{v['metric']}: not defined on {v['folds']} of {v['of']} sets of validation rows with other seeds; "
                "these are left out."
            )
        case "library.metric":
            rows, folds = f"the {v['rows']} rows", f" in {v['folds']} of {v['of']} folds"
            several = warned.values.get("of") != 1
            # the rest of such a message speaks of parameters of scikit-learn's functions
            said = clean(str(warned.values.get("message")).partition(". Use ")[0].rstrip("."), 300)
            return f"scikit-learn warns of {v['metrics']} on {rows}{folds if several else ''}: {said}."
        case "metric.one_row" if warned.values.get("of") == 1:
            return f"{v['metrics']}: one row is validated, and nothing is concluded from it. Use more."
        case "metric.one_row":
            return (
                f"{v['metrics']}: {v['folds']} of {v['of']} folds hold one row, and the mean over such folds is not "
                "the metric over all rows. Nothing is concluded from it; use fewer folds."
            )
        case "metric.replaced":
            return (
                f"{v['metrics']}: scikit-learn puts a number in the place of a division by zero, and nothing is "
                "concluded from it. Look at recall and precision."
            )
        case "metric.zero_targets":
            return (
                f"{v['metrics']} divides by the true value, which is 0 in {v['rows']} of {v['of']} validation rows: "
                "these decide it. Nothing is concluded from it; use mean_absolute_error."
            )
        case "session.set_aside":
            return (
                f"The session had settings of its own ({v['settings']}). The training did not use them: it runs with "
                "the defaults of the libraries, so that it can be done again anywhere."
            )
        case code:
            return f"{clean(code)}: " + ", ".join(f"{clean(key)} {v[key]}" for key in sorted(warned.values))


def _to_seed(names: object) -> str:
    """How to fix what draws without a seed; one of them takes none."""
    isomap = isinstance(names, list) and "Isomap" in names
    advice = ['Isomap takes no seed: give it "eigen_solver": "dense".'] if isomap else []
    return " ".join([*(['Remove "random_state": null.'] if names != ["Isomap"] else []), *advice])


_UNDEFINED: Final[Mapping[str, str]] = {
    "one_class": "all rows there are of one class",
    "one_row": "there is one row only",
    "constant": "the target has one value only there",
    "not_a_number": "scikit-learn gives no number for what was predicted",
}


def _undefined(values: Mapping[str, Any]) -> str:
    """Where a metric has no value, why, and what becomes of its mean."""
    v = _Values(values)
    count, of, rows = values.get("folds"), values.get("of"), values.get("rows")
    labels = values.get("labels")
    if values.get("reason") == "no_row_of" and isinstance(labels, list):
        one = of == 1 or len(labels) == 1
        why = f" ({'no row there is' if one else 'each lacks rows'} of class {' or '.join(map(shown, labels))})"
    else:
        why = f" ({_UNDEFINED.get(str(values.get('reason')), 'the rows do not define it')})"
    if of == 1:
        told = f"not defined on the {v['rows']} rows{why}."
        return told if rows == "training" else f"{told} Shuffle or stratify, use more rows, or choose another metric."
    where = f"not defined in {count} of {of} folds{' on the training rows' if rows == 'training' else ''}{why}"
    return f"{where}; the mean is over the others." if count != of else f"{where}, so there is no value."


class _Values:
    """Recorded values as text that is safe to show; what is missing or of another type never raises."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> str:
        return shown(self._values.get(key))

    def number(self, key: str) -> str:
        value = self._values.get(key)
        return f"{value:.4f}" if isinstance(value, int | float) else shown(value)

    def percent(self, key: str) -> str:
        value = self._values.get(key)
        return f"{value:.1%}".replace("%", " %") if isinstance(value, int | float) else shown(value)


def shown(value: object) -> str:
    """Any recorded value as a short text that is safe to show; a text in double quotes, a list with commas."""
    if isinstance(value, str):
        return f'"{clean(value, 100)}"' if re.search(r"\s", value) else clean(value, 100)
    if isinstance(value, list | tuple):
        items = [shown(item) for item in value[:6]]
        return ", ".join(items) + (f" and {len(value) - 6} more" if len(value) > 6 else "") or "nothing"
    if isinstance(value, Mapping):
        return ", ".join(f"{clean(str(key), 40)} {shown(value[key])}" for key in sorted(value)[:6]) or "nothing"
    return "nothing" if value is None else clean(repr(value), 60)


# --- a run that was trained -------------------------------------------------------------------------------------


class Given(NamedTuple):
    """A key that the command line gave: the option, and the assignment as `override` takes it."""

    option: str
    assignment: str

    @property
    def key(self) -> str:
        """The dotted path of the key."""
        return self.assignment.partition("=")[0].strip()

    @property
    def value(self) -> str:
        """The value as it was typed."""
        return self.assignment.partition("=")[2]

    @property
    def as_typed(self) -> str:
        """The option and what follows it, as text that is safe to show."""
        return f"{self.option} {clean(self.assignment if self.option == '--set' else self.value, 100)}"


def run_lines(
    run: Run, config_name: str, given: Sequence[Given] = (), flags: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """What train says of its run: the product (a short table and the folder), and the talk (warnings, what next).

    A problem of a key that the command line gave is told of that option: the config file does not have it. `flags` are
    what train was given that verify needs, too.
    """
    manifest, folder = run.manifest, clean(run.path.as_posix())
    talk = warning_lines(manifest.warnings)
    if isinstance(manifest, CompletedRun):
        if manifest.inputs.seed.source == "drawn":
            talk.insert(0, f"No seed was given: {manifest.inputs.seed.value} was drawn and recorded.")
        talk += _rows_or_share(manifest)
        talk.append(f"next: {command_line('week2kit', 'verify', run.path.as_posix(), *flags)}")
        return [*_metric_table(manifest), "", f"run: {folder}"], talk
    failure = manifest.failure
    if failure is not None:
        prefix = f"{clean(config_name)}: " if failure.stage == "config" else ""
        if failure.error == "ConfigError":
            problems, hint = _config_problems(failure, prefix, given)
        else:
            problems, hint = [prefix + _refusal(failure)], failure.hint
        talk += [f"error at stage {failure.stage}: {clean(problem, 600)}" for problem in problems]
        talk.append(f"  try: {clean(hint, 400)}")
    return [f"run: {folder} ({manifest.status}, recorded)"], talk


def command_line(*words: str) -> str:
    """Words as a shell takes them, as text that is safe to show."""
    return clean(shlex.join(words), MAX_MESSAGE)


def _rows_or_share(manifest: CompletedRun) -> list[str]:
    """What a whole test_size means, where it could have been meant as a share in percent."""
    size = ((manifest.inputs.config.resolved or {}).get("split") or {}).get("test_size")
    if not isinstance(size, int) or not 1 < size < 100:
        return []
    return [f"note: split.test_size is {size}: {size} rows are validated (a share is written {size / 100:g})."]


_NO_PARAMETER: Final = re.compile(r"model\.params\.([^:]+): \w+ has no such parameter")


def _config_problems(failure: Failure, prefix: str, given: Sequence[Given]) -> tuple[list[str], str]:
    """The problems of a config, each with where it was written, and what to try."""
    problems: list[str] = []
    sources: list[str] = []  # what is to be corrected, each once
    orphans: list[str] = []  # parameters that the file gave to a model that --set replaced
    new_class = next((one.value for one in reversed(given) if one.key == "model.class"), None)
    for problem in failure.message.splitlines():
        source = next((one for one in reversed(given) if _is_of(problem, one.key)), None)
        orphan = _NO_PARAMETER.match(problem) if source is None and new_class is not None else None
        if orphan is not None:
            orphans.append(orphan[1])
            problems.append(prefix + orphan[0])  # a name that is near it would lead astray: it is spelt as it should be
            continue
        problems.append(f"{source.as_typed}: {_with_whole_path(problem)}" if source else prefix + problem)
        sources.append(source.option if source else "config")
    hint = failure.hint
    if set(sources) - {"config"}:
        several = len(set(sources)) > 1
        hint = f"Correct the {' and the '.join(dict.fromkeys(sources))}{',' if several else ''} and train again."
    if orphans:
        belong = "belongs" if len(orphans) == 1 else "belong"
        advice = (
            f"{' and '.join(orphans)} {belong} to the model that was replaced. Replace model and parameters together: "
            f"--set model={clean(new_class or '', 100)}"
        )
        hint = f"{hint} {advice}" if sources else advice
    return problems, hint


def _with_whole_path(problem: str) -> str:
    """The problem of an unknown key with the whole path of the key that was meant: so it is typed after --set."""
    place, _, told = problem.partition(": unknown key")
    parent = place.rpartition(".")[0]
    return problem.replace('did you mean "', f'did you mean "{parent}.') if told and parent else problem


def _is_of(problem: str, key: str) -> bool:
    """Whether a problem is one of a key that was given: of itself, of what is in it, or of a key made on its way."""
    place = problem.partition(":")[0]
    if place == key or place.startswith(f"{key}."):
        return True
    into_list = key.rpartition(".")[2].isdecimal()
    return key.startswith(f"{place}.") and (into_list or problem.startswith(f"{place}: unknown key"))


def _refusal(failure: Failure) -> str:
    """The message of a failure; of a refused warning its values were told just before, in a sentence."""
    named = re.match(r'The config\'s fail_on names "[a-z_.]+"', failure.message)
    if failure.error == "WarningRefused" and named:
        return f"{named[0]}, so its warning (see above) ends the run."
    return failure.message


def _metric_table(manifest: CompletedRun) -> list[str]:
    outcome = manifest.outcome
    names = (manifest.inputs.config.resolved or {}).get("metrics") or sorted(outcome.metrics)
    several = len(outcome.split.folds) > 1
    count = max(len(metric.repeats) for metric in outcome.metrics.values())
    seeds = [f"{count} other seeds" if count > 1 else "another seed"] if count else []
    rows = [("metric", "validation", *(["std"] if several else []), "training", "dummy", *seeds)]
    for name in names:
        metric = outcome.metrics[name]
        spread = [show_value(metric.std)] if several else []
        values = [repeat.value for repeat in metric.repeats if repeat.value is not None]
        ends = ([min(values), max(values)] if count > 1 else values) if values else [None]
        spans = [" to ".join(map(show_value, ends))] if count else []
        rows.append(
            (
                _title(manifest, name),
                show_value(metric.value),
                *spread,
                show_value(metric.training),
                show_value(metric.dummy),
                *spans,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells))
    return lines


def _title(manifest: CompletedRun, metric: str) -> str:
    """A metric, with the class that it is of."""
    label = manifest.outcome.class_of(metric)
    return metric if label is None else f"{metric} of {clean(label, 40)}"


# --- failures of train ------------------------------------------------------------------------------------------

_HINTS: Final[Mapping[str, str]] = {
    "could not convert string to float": 'The model was given a column of text. Set "preprocess": "auto", which turns '
    "categories into numbers, or drop the column.",
    "contains NaN": 'The model was given missing values, which it cannot use. Set "preprocess": "auto", which fills '
    "them in, or add a SimpleImputer to your steps.",
    "Sparse data was passed": 'The one-hot columns are sparse: give OneHotEncoder {"sparse_output": false}.',
    "fit.not_converged": "Scale the features (preprocess auto-scaled), or raise max_iter.",
    "data.leak": "Drop the feature that holds the answer; if it is known in advance, take the code off fail_on.",
    "split.shared_rows": "Remove the duplicate rows, or keep them together with split.groups.",
    "seed.unset": 'Remove "random_state": null.',
    "Negative values in data": "This model takes counts or frequencies: use another, or shift the features.",
    "must be non-negative": "This model takes non-negative numbers only: use another, or shift the features.",
}

_HINTS_BY_ERROR: Final[Mapping[str, str]] = {
    "MemoryError": "The memory was not enough: use fewer rows or features, or a smaller model.",
    "OSError": "Make room on the disk, or choose another place with --runs-dir; then train again.",
    "KeyboardInterrupt": "You interrupted it; train again when you have the time.",
    "Terminated": "The process was asked to end (SIGTERM); train again.",
    "ThreadLimit": "No more threads may be started here: lower n_jobs, or raise the limit (ulimit -u).",
    "WarningRefused": "Mend what the warning speaks of, or take it off the config's fail_on.",
}


def failure_hint(stage: str, error: str, message: str) -> str:
    """What to try after a failure, from its error and message."""
    for part, hint in _HINTS.items():
        if part in message:
            return hint
    if error == "OSError" and stage in ("fit", "evaluate"):  # of an estimator: it need not be the disk
        error = ""
    return _HINTS_BY_ERROR.get(error, f"Look at the message above: it comes from the stage {stage}.")


def _limit_met(limit: str, value: float | None) -> str:
    if limit == "time":
        return f"the {value:g} seconds for all runs together were over. Allow more: --limit time=SECONDS."
    if limit == "processes":
        return (
            "the training needed more threads than may be started here. Allow more (ulimit -u, --limit processes=N), "
            "or verify where they are allowed."
        )
    may = "" if value is None else f": it may hold {value / (1 << 30):.3g} GiB here"
    allow = "ulimit -v and -d" if limit == "inherited" else "--limit memory=GIB"
    return (
        f"the training needed more memory than it gets{may}. Allow more ({allow}), or verify on a machine that has it."
    )


# --- after verify ---


#: What stands in a shown path in place of what cannot be shown, or of its end: no shell finds the file by it.
_NOT_AS_TYPED: Final = ("\N{HORIZONTAL ELLIPSIS}", "\N{REPLACEMENT CHARACTER}")


def next_command(verdict: Verdict, flags: Sequence[str] = ()) -> str | None:
    """The command that brings what was missing for a verdict, or that tells more; None where there is none.

    Args:
        verdict: the verdict.
        flags: those of verify that were given, as words; of an option that is added the last one counts.
    """
    failing = [check.finding for check in verdict.checks if check.outcome == "failed" and check.finding]
    edited = [finding for finding in failing if finding.code == "data.edited"]
    finding = edited[0] if edited else verdict.reason
    if finding is None or any(mark in verdict.run + finding.where for mark in _NOT_AS_TYPED):
        return None
    again = ("week2kit", "verify", verdict.run, *flags)
    match finding.code, finding.recorded:
        case "undecided.missing_here", list(missing):
            return command_line(*again, *map(str, missing))
        case "undecided.missing_here" | "undecided.data_missing", str(command):
            return clean(command, MAX_MESSAGE)
        case "undecided.other_file" | "bare.not_named" | "data.edited", _:
            return command_line(*again, "--data", finding.where)
        case "artifact.unfetched", _:
            return clean(_text(finding.now, "fetch"), MAX_MESSAGE)
        case "artifact.unread", _ if finding.now == os.strerror(errno.EACCES):
            return command_line("chmod", "+r", f"{verdict.run}/{finding.where}")
    return None


# --- findings of verify -----------------------------------------------------------------------------------------


def describe_finding(finding: Finding) -> str:
    """What a finding of a check says: where, what was expected (recorded), what was found, what to do."""
    where, recorded, now = shown(finding.where), shown(finding.recorded), shown(finding.now)
    match finding.code:
        # the folder against its own record
        case "artifact.missing" if finding.where in ("model.joblib", "curves.json"):
            return f"{where}: it is not there, and is not needed: the rerun makes it again."
        case "artifact.missing":
            return f"{where}: the record lists this file, and it is not there. {_COPY_AGAIN}"
        case "artifact.unfetched":
            return _unfetched(finding)
        case "artifact.unread":
            return f"{where}: it cannot be read here: {_plain(finding.now)}. {_ALLOW_IT}{_made_again(finding)}"
        case "artifact.link":
            return (
                f"{where}: it is a symbolic link, and no link in a run folder is followed. Put the file itself there "
                f"(dvc unprotect, git annex unlock, or a copy).{_made_again(finding)}"
            )
        case "artifact.unreadable":
            return f"{where}: expected a regular file of the run folder; {_plain(finding.now)}."
        case "artifact.no_json":
            return f"{where}: no JSON that can be read: {_plain(finding.now)}. {_COPY_AGAIN}"
        case "artifact.unknown":
            return f"{where}: the record lists a file that no run has, or lists one twice."
        case "artifact.changed":
            return (
                f"{where}: its content is not the recorded one (sha256 {_short(finding.recorded)} recorded, "
                f"{_short(finding.now)} found): edited, or damaged in copying. {_COPY_AGAIN}"
            )
        case "record.artifacts":
            return f"manifest.json: expected these artifacts: {recorded}; it lists {now}."
        case "record.metrics":
            return f"metrics.json says {now}, and the manifest {recorded}."
        case "record.config":
            return (
                f"config.json is not the config in the manifest ({_keys(finding.recorded, finding.now)}). {_COPY_AGAIN}"
            )
        case "record.code":
            return "manifest.json: the digest of the training code does not follow from those of its modules."
        case "record.no_config" | "record.config_digest":
            return "manifest.json: the config does not have the digest that is recorded for it."
        case "record.config_invalid":
            return f"config.json: no completed run has a config like this: {_plain(finding.now)}"
        case "record.seed":
            return f"manifest.json: the seed is {recorded} among the inputs and {now} in the config."
        case "record.metric_names":
            return f"manifest.json: the config asks for the metrics {recorded}, and the outcome has {now}."
        case "record.outcome" | "record.data":
            return f"manifest.json: the config says {recorded}, and the record {now}."
        case "record.table":
            return "manifest.json: the digest of the table does not follow from those of its columns."
        case "record.requirements":
            return "requirements.txt does not list the libraries that the manifest records."
        case "record.model":
            return "manifest.json: the digest of the model and that of model.joblib differ."
        case "record.folds" | "record.fold_rows":
            return f"manifest.json, {where}: expected {recorded} from the split, got {now}."
        case "record.fold_mean":
            return f"manifest.json, {where}: mean and deviation of the folds are {recorded}, and the record says {now}."
        case "record.metric_rules":
            return (
                f"an earlier version computed metrics otherwise, and they are checked so: {_rules(finding.recorded)}."
            )
        case "record.repeats":
            return f"manifest.json, {where}: the config asks for {recorded} repeats, and {now} are recorded."
        case "record.repeat_seeds":
            return f"manifest.json, {where}: its repeats should have the seeds {recorded}, and have {now}."
        case "record.repeat_folds":
            return f"manifest.json, {where}: each repeat should have {recorded} folds, and one has {now}."
        case "record.repeat_mean":
            return (
                f"manifest.json, {where}: the mean of the folds of a repeat is {recorded}, and the record says {now}."
            )
        case "predictions.unreadable":
            return f"predictions.csv: {_plain(finding.now)}."
        case "follows.predictions" | "follows.scores":
            what = "labels" if finding.code == "follows.predictions" else "scores"
            return f"predictions.csv: its {what} do not have the recorded digest."
        case "follows.metric":
            return f"{where} is recorded as {recorded}, and predictions.csv gives {now}."
        case "follows.val_report":
            return "val_report.txt is not the report that follows from predictions.csv."
        # the layers of the rerun
        case "data.table":
            return f"{where}: the table is not the one that the run was trained on. Name the right file with --data."
        case "data.columns":
            return f"{where}: names, kinds, roles or missing values of its columns are not the recorded ones."
        case "data.rows":
            return f"{where}: recorded with {recorded} rows, here {now}."
        case "data.checksum":
            return f"{where}: the rows of the recorded table have the checksum {now}, and the record says {recorded}."
        case "data.cells":
            return f"{where}: other values than in the recorded file in {_counted(finding.now)}: {_cells(finding.now)}."
        case "data.target_cells":
            return (
                f"{where}: other targets than predictions.csv holds in {_counted(finding.now)} of "
                f"{_part(finding.now, 'validation_rows')} validation rows: {_cells(finding.now)}."
            )
        case "data.target_elsewhere":
            return (
                f"{where}: the target of all {_part(finding.now, 'validation_rows')} validation rows is the recorded "
                "one, so what changed is among the training rows."
            )
        case "data.row_set":
            return (
                f"{where}: recorded with {_part(finding.recorded, 'rows')} rows, here {_part(finding.now, 'rows')}; "
                f"missing here: {_rows(finding.recorded)}; new here: {_rows(finding.now)}."
            )
        case "data.row_order":
            return (
                f"{where}: the rows are the recorded ones in another order, from row {_part(finding.now, 'first')} on "
                f"({_part(finding.now, 'rows')} stand elsewhere). Sort them as they were: a split goes by position."
            )
        case "data.bytes":
            return f"{where}: recorded with {recorded} bytes, and the bytes with the recorded digest are {now}."
        case "data.edited":
            return (
                f"{where}: it was trained on here, and holds other bytes now (sha256 {_short(finding.recorded)} "
                f"recorded, {_short(finding.now)} here). Name it with --data to see what differs."
            )
        case "data.other_text":
            return f"{where}: the same table in another form (line ends, spelling of numbers, compression)."
        case "split.contents":
            return f"split ({where}): the validation rows hold other values than recorded."
        case "split.folds":
            return f"split ({where}) [splitter, training and validation rows]: recorded {recorded}, here {now}."
        case "split.positions":
            return f"split ({where}): other rows were chosen for training and validation than recorded."
        case "model.convergence":
            return f"the solver: recorded [iterations, converged] {recorded}, here {now}."
        case "model.bytes":
            return f"model.joblib: {DUMPS} fits here give the same bytes, and they are not the recorded ones."
        case "model.other_versions":
            return "the bytes of the model were not compared: Python or a library has another version than recorded."
        case "model.other_environment":
            return "the bytes of the model differ from the recorded ones, in an environment that differs as well."
        case "model.other_code":
            return (
                "the bytes of the model differ from the recorded ones, and an earlier week2kit trained it: scores and "
                "metrics are the same, and the bytes alone prove nothing."
            )
        case "model.never_repeats" if finding.now:
            return (
                f"the bytes of {now} never repeat, because it keeps a memory address, id(stop_words): they were not "
                "compared. Its predictions repeat."
            )
        case "model.unseeded":
            return "the bytes of the model differ from the recorded ones, as those of a model without a seed may."
        case "model.never_repeats":
            return (
                "the bytes of the model vary from fit to fit here, so they were not compared; its predictions do not."
            )
        case "model.races":
            return (
                f"the bytes of the model differ from the recorded ones, and those of {now} may vary from fit to fit: "
                "its threads count their work. Its predictions repeat."
            )
        case "model.jobs_written":
            return (
                "the bytes of the model were not compared: to put the number of CPUs back, n_jobs was written out, and "
                "it is stored in them."
            )
        case "model.too_few":
            return (
                f"the bytes of the model differ from the recorded ones, and only {now} fits tell whether they repeat "
                "here: allow more with --effort."
            )
        case "predictions.scores":
            return "the scores on the validation rows are not the recorded ones."
        case "predictions.rows":
            return f"{where}: it speaks of other rows, or other true values, than the data and the split give."
        case "predictions.labels":
            return "the predicted labels are not the recorded ones."
        case "predictions.form":
            return f"classes, number of rows or kind of scores: recorded {recorded}, here {now}."
        case "predictions.no_scores":
            return "this model gives labels only, so there are no scores to compare."
        case "predictions.absent":
            return "there is no predictions.csv to compute the metrics from."
        case "metrics.value":
            return f"{where}: recorded {recorded}, here {now}."
        case "metrics.folds":
            return f"{where} [value, deviation, folds, greater is better]: recorded {recorded}, here {now}."
        case "metrics.training":
            return f"{where} on training rows [value, rows]: recorded {recorded}, here {now}."
        case "metrics.dummy":
            return f"{where} of the dummy: recorded {recorded}, here {now}."
        case "metrics.repeats":
            return f"{where}, repeats with other seeds: {_repeats(finding.recorded, finding.now)}."
        case "repeats.not_trained":
            return f"the {recorded} repeats with other seeds were not trained again: --repeats does that, too."
        case "warnings.other":
            return f"{where}: its warnings are not those of the training here. {_warned(finding.recorded, finding.now)}"
        case "data.not_used":
            return f"--data {where} was not used: the run is on {now}, which comes with scikit-learn."
        case "curves":
            return "curves.json: the learning curve came out otherwise."
        case "seed.nothing_fixes_it":
            return f"three reruns agreed, but nothing fixes it: {now} draws without a seed."
        case "seed.race":
            return f"three reruns agreed, but threads of {now} may finish in another order: set its n_jobs to 1."
        case "environment.other":
            return f"it holds here although other than recorded are: {shown(sorted(finding.now or ()))}."
        case "failure.same":
            return "the run fails again in the same way, and not on the recorded data."
        case "failure.other_bytes":
            return (
                f"{where}: the file has other bytes than recorded (sha256 {_short(finding.recorded)} recorded, "
                f"{_short(finding.now)} found). The run failed before a table was recorded, so nothing tells whether "
                "the values are the same."
            )
        case "failure.other":
            return f"the run is recorded to fail ({recorded}); here: {now}."
        # why nothing, or nothing more, can be said
        case "undecided.data_missing" | "undecided.missing_here":
            return _plain(finding.now)
        case "undecided.other_file":
            return (
                f"{where}: this is not the file that the run was trained on, nor the same table in another form "
                f"(sha256 {_short(finding.recorded)} recorded, {_short(finding.now)} here). Name the right one with "
                "--data, or this one to see what differs."
            )
        case "undecided.data_found":
            return f"the run failed because {where} was missing, and now it is there: train again."
        case "undecided.timeout":
            return f"{_plain(finding.now)} Allow more with --timeout."
        case "undecided.child_died":
            return _plain(finding.now)
        case "undecided.limit":
            return _limit_met(finding.where, finding.now)
        case "undecided.system":
            return (
                f"the system refused what a verification needs: {_plain(finding.now)}. Verify again with fewer --jobs."
            )
        case "undecided.bug":
            last = str(finding.now).rpartition("\n")[2]
            return (
                f"week2kit itself failed on it ({clean(last)}): a bug, and none of the run. Please report it with the "
                "traceback, which is on standard error and in verify --json."
            )
        case "undecided.interrupted":
            return "the run never came to its end (killed, or still running), so it claims nothing. Train it again."
        case "undecided.external_failure":
            return f"the run was ended from outside ({recorded}): nothing follows from its inputs. Train it again."
        case "undecided.config_cut":
            return "the config of this failed run was not recorded as a whole, so it cannot be tried again."
        case "undecided.environment":
            return (
                "it came out otherwise here, in an environment that is not the recorded one: that may be the reason, "
                "and may not. Verify it where the facts below are as recorded."
            )
        case "undecided.code":
            return (
                "it came out otherwise here, and the code that trains here is not the recorded one: that may be the "
                "reason, and may not. Verify it with the week2kit that trained it."
            )
        case "undecided.other_code":
            return (
                f"what is recorded does not follow from {where} by the code that is here, and other code trained the "
                "run: it may compute this otherwise, or the record was edited. Verify it with the week2kit that did."
            )
        case "undecided.race":
            return (
                f"the scores differ in their last bits, and threads of {now} may finish in another order each time: "
                "that may be the reason. Set its n_jobs to 1, and train again."
            )
        case "undecided.effort":
            return f"{recorded} trainings were not enough to decide. Allow more with --effort."
        case "explained.not_minimal":
            return f"{recorded} trainings were spent before every fact was tried: fewer may be enough (--effort)."
        case "explained.not_apart":
            return (
                f"{_factors(finding.recorded)} could not be tried apart from the others: no environment holds such "
                "versions. Whether they are needed is not known."
            )
        case "different.all_put_back":
            return (
                f"the recorded facts were put back ({_factors(finding.recorded)}), and the recorded outcome did not "
                "come out: the environment is not the reason."
            )
        case "different.nothing_moves_it":
            return (
                f"{_factors(finding.recorded)} cannot be put back here, but changing {_factors(finding.now)} moves no "
                "score beyond the tolerance: that does not explain it."
            )
        case "different.other_kinds":
            return (
                f"{_factors(finding.recorded)} cannot be put back here, but no processor changes the classes, the rows "
                "or the kind of scores that a model gives: that does not explain it."
            )
        case "stuck.machine":
            return f"{_factor(finding.where)}: it belongs to the machine and cannot be put back here."
        case "stuck.versions":
            return f"{_factor(finding.where)}: it comes with the versions of libraries; --restore versions tries that."
        case "stuck.library":
            return f"{_factor(finding.where)}: verify it where the recorded version, {now}, is installed."
        case "stuck.uncounted":
            return (
                f"{_factor(finding.where)}: the record does not say how many jobs a negative n_jobs came to, so they "
                "cannot be put back."
            )
        case "stuck.failed":
            return f"{_factor(finding.where)}: it could not be put back: {_plain(finding.now)}"
        case "stuck.needs":
            return f"{_factor(finding.where)}: not revertible here: needs {_needs(finding.now)}."
        case "stuck.unknown":
            return f"{_factor(finding.where)}: not revertible here: {now} is nothing that is known here."
        case "stuck.threads":
            return f"{_factor(finding.where)}: not revertible here: {now}, and 1 to {MAX_THREADS} can be asked for."
        case "model.not_converged":
            return f"{_NOT_CONVERGED}: scale the features or raise max_iter, and it hardly depends on the CPU."
        case "fit.not_converged":
            return (
                f"trained again here, the fit stopped after {now} iterations before it had converged: elsewhere it may "
                "stop otherwise. Scale the features or raise max_iter."
            )
        case "close.scores":
            return (
                f"each score differs by at most {_number(finding.now, 'largest_difference')} {_OF_A_SCORE}, which is "
                "within the tolerance, in an environment that is not the recorded one; the metrics move only because "
                "of that."
            )
        case "close.equal_metrics":
            return (
                "every metric is equal, and each score differs by at most "
                f"{_number(finding.now, 'largest_difference')} {_OF_A_SCORE}, which is within the tolerance that was "
                "asked for, in an environment that is not the recorded one."
            )
        case "identical.other_scores":
            return (
                "every metric is equal, and each score differs by at most "
                f"{_number(finding.now, 'largest_difference')} {_OF_A_SCORE}, in an environment that is not the "
                "recorded one."
            )
        case "unstable.unseeded":
            return (
                f"reruns here differ from one another, because {now} draws without a seed. {_to_seed(finding.now)} "
                "Then train again."
            )
        case "unstable.race":
            return (
                f"reruns here differ from one another, from the layer {where} on, and no estimator is known to draw "
                f"without a seed. {_races(finding.now)} and train again."
            )
        case "rerun.failed":
            return f"recorded as completed; trained here it failed at the stage {where}: {_plain(finding.now)}"
        case "unreadable":
            return _plain(finding.now)
        case code if code.startswith("bare."):
            return _of_bare(finding)
        case code if code.startswith("vary."):
            return _why_not_varied(finding)
        case code:
            return f"{clean(code)}: recorded {recorded}, found {now}."


_ALLOW_IT: Final = "Allow it (chmod +r), or verify as a user who may read it."


def _unfetched(finding: Finding) -> str:
    """That a pointer stands in place of a file of the run, to what, and what to do."""
    where, said = shown(finding.where), f"a pointer of {_plain(_text(finding.now, 'tool'))} stands in its place"
    if isinstance(finding.now, Mapping) and (other := finding.now.get("sha256")):
        said += f", to another file (sha256 {_short(other)}) than the recorded one ({_short(finding.recorded)})"
    return f"{where}: it was not fetched; {said}. Fetch it: {_plain(_text(finding.now, 'fetch'))}{_made_again(finding)}"


def _made_again(finding: Finding) -> str:
    """That a file is not needed, where it is not."""
    return " (It is not needed: the rerun makes it again.)" if finding.where in ("model.joblib", "curves.json") else ""


def _text(values: object, key: str) -> str:
    return str(values.get(key, "")) if isinstance(values, Mapping) else ""


def _of_bare(finding: Finding) -> str:
    """What a check of a run that was made without week2kit says."""
    where, recorded, now = shown(finding.where), shown(finding.recorded), shown(finding.now)
    trained = f"{where}, sha256 {_short(finding.now)}"
    match finding.code:
        case "bare.thin":
            return (
                f"{_THIN}: {recorded} came out of a training on {where}, sha256 {_short(_of(finding.now, 'sha256'))}, "
                f"with {_recipe(finding.now)}. {_others_tried(finding.now)}Without digests of data, split, predictions "
                "and model, whether these are the recorded ones could not be checked."
            )
        case "bare.saturated" | "bare.one_class" | "bare.coarse" | "bare.other_recipe" | "bare.near_recipe":
            return (
                f"{_THIN}: {recorded} came out of a training on {where} with {_recipe(finding.now)}. "
                f"{_why_little(finding)} {_WHAT_WOULD_SHOW_IT}"
            )
        case "bare.model":
            return (
                f"{where} names a model ({recorded}), and the flat form of a config has no place for one: it always "
                "means a LogisticRegression with medians for missing numbers, one-hot texts and no scaling. So nothing "
                "was trained. Write a config in week2kit's own form that says the model, and train it with week2kit."
            )
        case "bare.no_versions":
            return (
                f"{_THIN}: it does not say in which environment it was made, with which code, nor on which data "
                f"(here {trained}), so a difference proves nothing. {_TRAIN_FULL}"
            )
        case "bare.other_versions":
            return (
                f"{_THIN}: other versions than it names are installed here. That may be the reason, or the processor, "
                f"the code or the data (here {trained}), which it does not record. {_TRAIN_FULL}"
            )
        case "bare.same_versions":
            return (
                f"{_THIN}: the versions that it names are installed here, but not the processor, nor the code, nor the "
                f"data (here {trained}) is recorded, so a difference proves nothing. {_TRAIN_FULL}"
            )
        case "bare.failed":
            return (
                f"{_THIN}: trained here it failed at the stage {where}, and nothing shows whether data, code or "
                f"versions were others. {_plain(finding.now)}"
            )
        case "bare.nothing_compared":
            return (
                f"{_THIN}: metrics.json holds no metric that can be compared. Expected are numbers under names of "
                "scikit-learn's scorers, such as accuracy and f1_macro."
            )
        case "bare.no_manifest":
            return f"{where}: it is not there. {_THIN}."
        case "bare.config":
            return f"config.json cannot be trained as it stands: {_plain(finding.now)}"
        case "bare.contradicts":
            return (
                f"metrics.json gives {where} as {recorded}, and val_report.txt as {now}: one of them was edited, or is "
                "of another run."
            )
        case "bare.report":
            return f"{where} was not compared with metrics.json: {_plain(finding.now)}."
        case "bare.report_row":
            return f"val_report.txt, {where}: recorded {recorded}, here {now}."
        case "bare.report_names":
            return (
                f"{where}: {_more(finding)} have no row of that name here; the numbers of every class that has "
                "validation rows agree, whatever it is called."
            )
        case "bare.report_rows_alone":
            return f"{where}: {_more(finding)} have no row of that name here, and were not compared."
        case "bare.not_compared":
            return (
                f"{where}: {_more(finding)} not compared: no number, or not the name of a scorer of scikit-learn that "
                "this model can give."
            )
        case "bare.beyond":
            return (
                f"{where}: {_more(finding)} not compared: no share of rows is below 0 or above 1, as a percentage is."
            )
        case "bare.undefined":
            return f"{where}: {_more(finding)} not compared: NaN, infinity, or larger than every number is."
        case "bare.times":
            return f"{where}: {_more(finding)} not compared: no training takes the same time again."
        case "bare.versions_unrecorded" if isinstance(finding.now, list) and finding.where in finding.now:
            return (
                f'run_metadata.json says "missing" of {where}, so its version is not recorded. It imports as sklearn.'
            )
        case "bare.versions_unrecorded":
            return f"versions are recorded ({recorded}), and that of {where} is not."
        case "bare.other_versions_hold":
            return f"it came out again although other versions are here: {_versions(finding.recorded, finding.now)}."
        case "bare.rounded":
            return f"{where}: compared to the {now} decimals that were written ({recorded})."
        case "bare.rows":
            return f"metrics.json counts {recorded} rows; the split has {now} here: other data, or another split."
        case "bare.own_rule":
            return (
                f"{where}: week2kit itself refuses this table, and the script that made the run may have trained on "
                f"it: {_plain(finding.now)} {_OWN_RULES.get(str(finding.recorded), '')}"
            ).rstrip()
        case "bare.not_named":
            return (
                f"{where}: the path in config.json leads to this file (sha256 {_short(finding.now)}), and the run is "
                "not of this table, or was split otherwise. What differs is told of a file that you name with --data."
            )
        case "bare.other_columns":
            return (
                f"{where}: it is not the table that the run was trained on, or config.json is not that of the run. "
                f"{_plain(finding.now)} Name the right file with --data."
            )
        case "bare.other_rows":
            return (
                f"{where}: the table has {now} rows, and the record counts {_total(finding.recorded)} ({recorded}): it "
                "is not the table that the run was trained on, unless its script left rows out or added some. Name the "
                "right file with --data."
            )
        case "bare.other_classes":
            return (
                f"{where}: the classes of the validation rows are {now}, and val_report.txt counts {recorded}: it is "
                "not the table that the run was trained on, unless its script gave the classes other names and split "
                "otherwise. Name the right file with --data."
            )
        case "bare.other_split":
            return (
                f"{where}: split as config.json says it gives {now}, and the record counts {recorded}: it is another "
                f"table than the run was trained on, or another test_size. {_IF_ANOTHER}"
            )
        case "bare.all_rows_scored":
            return (
                f"{where}: split as config.json says it gives {now}, and the record counts {recorded}, which is more "
                "than either: the run was scored on rows that it was trained on, or this is another table. If so, name "
                "the right one with --data."
            )
        case "bare.other_test_size":
            return (
                f"{where}: split as config.json says it gives {now}, and the record counts {recorded}, of as many "
                "rows: the test_size of config.json is not that of the run, or its script split otherwise."
            )
        case "bare.other_supports":
            return (
                f"{where}: the classes of the validation rows are {now}, and val_report.txt counts {recorded}: it is "
                "another table than the run was trained on, or was split otherwise (here stratified, with the "
                f"random_state of config.json). {_IF_ANOTHER}"
            )
        case "bare.report_rows_other":
            sides = [
                f"{shown(side)} only {place}"
                for side, place in ((finding.recorded, "there"), (finding.now, "here"))
                if side
            ]
            named = f" (of that name: {'; '.join(sides)})" if sides else ""
            return f"{where}: the numbers in its rows of classes are not those here{named}."
        case "bare.together":
            return f"{recorded} were put back together: whether each of them is needed was not tried."
        case "bare.python_instead":
            return (
                f"for the recorded Python {recorded}, on which week2kit does not run, Python {_minor(finding.now)} was "
                "taken: only the libraries are the recorded ones."
            )
        case "bare.python_too_old":
            return (
                f"Python {recorded} could not be put back, as week2kit does not run on it. It takes the script itself, "
                "under that Python."
            )
        case "bare.not_restored" if finding.now:
            return f"the recorded versions ({recorded}) could not be put back: {_plain(finding.now)}"
        case "bare.not_restored":
            return f"with the recorded versions ({recorded}) put back, it came out otherwise, too."
        case "bare.unnamed":
            return _unnamed(finding)
        case "bare.named":
            return (
                f"{where} leaves out {_names(finding.now, ' and ')}: whoever verified it named {now}, and nothing in "
                "the folder shows that it was made so."
            )
        case "bare.unused":
            return f"{where}: not used, as it has no part in the training: {recorded}."
        case code:
            return f"{clean(code)}: recorded {recorded}, found {now}."


_BARE_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "input_csv": ("the data file (input_csv)", "--data FILE"),
    "label_col": ("the label column (label_col)", "--target COLUMN"),
}


def _names(keys: object, joined: str) -> str:
    return joined.join(_BARE_NAMES[key][0] for key in keys if key in _BARE_NAMES) if isinstance(keys, Iterable) else ""


def _unnamed(finding: Finding) -> str:
    """Why a config without data or label cannot be trained, and what would help."""
    keys = [key for key in finding.now if key in _BARE_NAMES] if isinstance(finding.now, list) else []
    names = "names neither" if len(keys) > 1 else "does not name"
    flags = " ".join(_BARE_NAMES[key][1] for key in keys)
    return (
        f"{shown(finding.where)} {names} {_names(keys, ' nor ')}, only {shown(finding.recorded)}: the script or "
        f"notebook that made it holds the rest in its own code. Say what it was trained on: {flags}. Write it into "
        "the config of the next run, and nobody has to."
    )


def _of(values: object, key: str) -> object:
    return values.get(key) if isinstance(values, Mapping) else None


def _recipe(recipe: object) -> str:
    """The recipe of a flat config: its model, its preprocessing and its split."""
    model = f"{shown(_of(recipe, 'model'))}(max_iter={shown(_of(recipe, 'max_iter'))})"
    split = (
        f"test_size {shown(_of(_of(recipe, 'split'), 'test_size'))}, random_state {shown(_of(recipe, 'random_state'))}"
    )
    return (
        f"{model}, medians for missing numbers, one-hot texts, no scaling, and a holdout ({split}, stratified where it "
        "can be)"
    )


def _others_tried(recipe: object) -> str:
    tried = _of(recipe, "other_recipes")
    if not isinstance(tried, int) or tried < 1:
        return ""
    return (
        f"{tried} other recipe{'s' if tried > 1 else ''}, such as scaled columns or a forest, did not give these "
        "numbers; another setting of the same model might. "
    )


def _why_little(finding: Finding) -> str:
    """Why numbers that came out again do not show how they were made."""
    other, rows = clean(str(_of(finding.now, "recipe")), 80), _of(finding.now, "rows")
    match finding.code:
        case "bare.saturated":
            return "Very different recipes reach these values, so they do not show how the run was made."
        case "bare.one_class":
            return (
                "It gives every validation row the same label, as any model does that learnt nothing, so the values do "
                "not show how the run was made."
            )
        case "bare.coarse":
            return (
                "Many recipes reach the same accuracy, or numbers of so few digits, so the values do not show how the "
                "run was made."
            )
        case "bare.near_recipe":
            return (
                f"Another recipe ({other}) gives another label in only {shown(rows)} validation row"
                f"{'' if rows == 1 else 's'}: too little to tell by which of the usual recipes the run was made."
            )
    return f"Another recipe ({other}) gives all of it, too, so nothing shows by which of them the run was made."


_WHAT_WOULD_SHOW_IT: Final = (
    "A metric of probabilities with all its digits in metrics.json, such as log_loss, would show it; so does a run "
    "made with week2kit train."
)

_THIN: Final = "It was made without week2kit, so its record is thin"

_TRAIN_FULL: Final = "week2kit train with its config.json makes a full record."


_IF_ANOTHER: Final = "If it is another table, name the right one with --data."

#: What to do about a table that only week2kit refuses; what is left out or renamed here, pandas and scikit-learn's
#: imputer leave out and rename themselves.
_OWN_RULES: Final[Mapping[str, str]] = {
    "dates": "So nothing is known of this run. To have it checked, train again without that column.",
    "empty": "Leave it out of a copy of the file, as an imputer does, and name the copy with --data.",
    "twice": "Name the second one otherwise in a copy of the file, as pandas does, and name the copy with --data.",
    "no_target": "If the script left these rows out, do so in a copy of the file, and name the copy with --data.",
}

#: What shows that the record speaks of another table or split than were used here, and what was not tested then:
#: there is nothing else to tell.
_OTHER_INPUTS: Final[Mapping[str, str]] = {
    "bare.not_named": "could not be tested with this table",
    "bare.own_rule": "could not be tested with this table",
    "bare.other_columns": "could not be tested with this table",
    "bare.other_rows": "could not be tested with this table",
    "bare.other_classes": "could not be tested with this table",
    "bare.other_test_size": "could not be tested with this split",
    "bare.all_rows_scored": "could not be tested with this table and split",
    "bare.other_split": "could not be tested with this table and split",
    "bare.other_supports": "could not be tested with this table and split",
}


#: What came out, and shows too little: all the same, the run was not tested.
_SHOWS_LITTLE: Final = frozenset(
    {"bare.saturated", "bare.one_class", "bare.coarse", "bare.other_recipe", "bare.near_recipe"}
)


def _versions(recorded: object, now: object) -> str:
    """Each version that is here, and the one that is recorded."""
    sides = [side if isinstance(side, Mapping) else {} for side in (recorded, now)]
    told = [
        f"{clean(str(name), 40)} {shown(sides[1].get(name))} (recorded {shown(sides[0][name])})"
        for name in sorted(sides[0])
    ]
    return ", ".join(told)


def _minor(version: object) -> str:
    return ".".join(clean(str(version), 40).split(".")[:2])


def _total(counts: object) -> str:
    """The sum of several numbers of rows."""
    values = counts.values() if isinstance(counts, Mapping) else []
    return shown(sum(value for value in values if isinstance(value, int)))


def _more(finding: Finding) -> str:
    """The first of several names, and how many there are besides."""
    names = finding.recorded if isinstance(finding.recorded, list) else []
    left = finding.now - len(names) if isinstance(finding.now, int) else 0
    told = ", ".join(clean(str(name), 80) for name in names)
    return f"{told} and {left} more" if left > 0 else told


def _races(races: object) -> str:
    """What is known of the threads of a pipeline, and what to do."""
    known = [race for race in races if isinstance(race, Mapping)] if isinstance(races, list) else []
    forests = [race.get("estimator") for race in known if race.get("kept_out") is False]
    if forests:
        return (
            f"It may be {shown(forests)}: where another estimator predicts with it while it is fitted, it adds up its "
            "trees as they come. Set its n_jobs to 1,"
        )
    kept_out = [race.get("estimator") for race in known]
    told = f"It is not {shown(kept_out)}, which week2kit lets run in one thread. " if kept_out else ""
    return (
        f"{told}Threads finish in another order each time, or something draws that no seed reaches. Set n_jobs to 1, "
        "or OMP_NUM_THREADS=1,"
    )


def _part(values: object, key: str) -> str:
    return shown(values.get(key) if isinstance(values, Mapping) else None)


_RULES: Final[Mapping[object, str]] = {
    "undefined": "(where rows do not define it, what scikit-learn puts in its place, such as 0; now it has no value)",
    "probabilities": "(from probabilities; now from the decision function where the model has one)",
}


def _rules(changed: object) -> str:
    """Which metrics follow which earlier rule."""
    rules = changed if isinstance(changed, Mapping) else {}
    named = {rule: [name for name in sorted(rules) if rules[name] == rule] for rule in sorted({*rules.values()})}
    return "; ".join(f"{shown(names)} {_RULES.get(rule, '')}" for rule, names in named.items())


def _repeats(recorded: object, now: object) -> str:
    """The repeats that differ, each a list of seed, value and folds; both sides have the same seeds."""
    sides = [side if isinstance(side, list) else [] for side in (recorded, now)]
    told = [
        f"seed {shown(old[0])}: recorded {shown(old[1])}, here {shown(new[1])}"
        + (" (another value in a fold)" if old[1] == new[1] else "")
        for old, new in zip(*sides, strict=False)
        if old != new
    ]
    return "; ".join(told[:_MOST_VALUES]) + (f"; and {len(told) - _MOST_VALUES} more" if told[_MOST_VALUES:] else "")


def _warned(recorded: object, now: object) -> str:
    """The warnings that only a record has, and those that only the training gives, each with its values."""
    sides = [[w for w in side if isinstance(w, Mapping)] if isinstance(side, list) else [] for side in (recorded, now)]
    told = []
    for what, side in (("The record alone has", sides[0]), ("The training alone has", sides[1])):
        each = [f"{shown(warned.get('code'))} ({shown(warned.get('values'))})" for warned in side[:_MOST_VALUES]]
        more = [f"{len(side) - _MOST_VALUES} more"] if side[_MOST_VALUES:] else []
        told += [f"{what} {', '.join([*each, *more])}."] if side else []
    return " ".join(told)


def _keys(recorded: object, now: object) -> str:
    """Places in two JSON values that differ, with both values; one that is not there is "not given"."""
    left, right = (side if isinstance(side, Mapping) else {} for side in (recorded, now))
    told = [
        f"{clean(str(key)) or 'the whole'} is {shown(left[key]) if key in left else 'not given'} there, "
        f"and {shown(right[key]) if key in right else 'not given'} here"
        for key in dict.fromkeys([*left, *right])
    ]
    return "; ".join(told[:_MOST_VALUES]) + (f"; and {len(told) - _MOST_VALUES} more" if told[_MOST_VALUES:] else "")


def _counted(values: object) -> str:
    """How many cells of which columns: ``3 cells (mass 2, island 1)``."""
    columns = values.get("columns") if isinstance(values, Mapping) else None
    counts = {k: v for k, v in columns.items() if isinstance(v, int)} if isinstance(columns, Mapping) else {}
    told = [f"{clean(str(name), 40)} {count}" for name, count in list(counts.items())[:_MOST_VALUES]]
    more = [f"{len(counts) - _MOST_VALUES} more columns"] if len(counts) > _MOST_VALUES else []
    total = sum(counts.values())
    return f"{total} cell{'s' if total != 1 else ''} ({', '.join([*told, *more])})"


def _cells(values: object) -> str:
    """The first cells, each with its row (from 0), line, column and both values."""
    cells = values.get("cells") if isinstance(values, Mapping) else None
    told = [
        f"{_row(cell)}, {_part(cell, 'column')}: recorded {_part(cell, 'recorded')}, here {_part(cell, 'now')}"
        for cell in (cells if isinstance(cells, list) else [])[:_MOST_VALUES]
    ]
    return "; ".join(told) or "unknown"


def _rows(side: object) -> str:
    """How many rows only one side has, and the first of them."""
    rows = side.get("first") if isinstance(side, Mapping) else None
    first = [_row(row) for row in (rows if isinstance(rows, list) else [])[:_MOST_VALUES]]
    return f"{_part(side, 'alone')} ({', '.join(first)})" if first else "nothing"


def _row(place: object) -> str:
    line = place.get("line") if isinstance(place, Mapping) else None
    return f"row {_part(place, 'row')}" + (f" (line {shown(line)})" if line is not None else "")


#: Cells, rows and keys that a sentence names; --json has more of them.
_MOST_VALUES: Final = 3

_COPY_AGAIN: Final = "Copy the run folder again from where it was made, or train again."


def _plain(value: object) -> str:
    return clean(str(value), 400) if value is not None else ""


def _short(value: object) -> str:
    return clean(str(value), 200)[:12]


#: What a difference of scores is measured in.
_OF_A_SCORE: Final = "of itself or of the median score"


def _number(values: object, key: str) -> str:
    value = values.get(key) if isinstance(values, Mapping) else None
    return f"{value:.2g}" if isinstance(value, float) else "an unknown amount"


_VERDICTS: Final[Mapping[str, str]] = {
    "identical": "the recorded outcome came out again",
    "explained": "another outcome here, and the recorded one with the recorded facts put back",
    "close": "within the tolerance, in another environment",
    "undecided": "could not be tested here",
    "unstable": "reruns in one environment differ from one another",
    "different": "the rerun came out otherwise",
    "tampered": "the folder does not agree with its own record (edited, or damaged in copying)",
}


#: What agreed, by the level that was reached.
_DOWN_TO: Final[Mapping[str, str]] = {
    "metrics": "the metrics",
    "predictions": "metrics and predictions",
    "scores": "metrics, predictions and scores",
    "model": "metrics, predictions, scores and model",
}


def short_verdict(verdict: Verdict) -> list[str]:
    """A verdict in three lines: the verdict itself, why, and what to do or to know; weighty notes follow."""
    lines = describe_verdict(verdict)
    if verdict.reason is not None and verdict.reason.code in _OTHER_INPUTS:
        return lines[:2]
    if verdict.verdict == "explained":
        proven = [line for line in lines[1:] if _PROVEN in line]
        told = [line.removeprefix("note: ") for line in lines[1:] if line not in proven]
        told.sort(key=lambda line: _NOT_CONVERGED in line or _THIN in line)  # what a person can do something about
        first = [lines[0], "; ".join(line.removesuffix(".") for line in proven) + "."]
    else:
        first, told = lines[:2], [line for line in lines[2:] if not line.startswith("note: ")] or lines[2:3]
        if verdict.verdict in ("undecided", "close") and verdict.causes:
            told = [*told, _facts_in_short(verdict)]
    last = [f"{line} (--explain tells more)" if len(told) > 1 else line for line in told[-1:]]
    findings = [check.finding for check in verdict.checks if check.outcome != "failed" and check.finding is not None]
    weighty = [f"note: {describe_finding(finding)}" for finding in findings if finding.code in _WEIGHTY]
    notes = [note for note in dict.fromkeys(weighty) if note not in first]
    if notes and last == lines[2:3]:  # a note that happens to be the first
        last = []
    return [*first, *last, *notes]


def _facts_in_short(verdict: Verdict) -> str:
    """Which facts are not as recorded, by name, and what might put them back."""
    causes = verdict.causes
    names = [_FACTORS.get(cause.factor, clean(cause.factor, 80)) for cause in causes]
    told = ", ".join(names[:_MOST_FINDINGS]) + (
        f" and {len(names) - _MOST_FINDINGS} more" if names[_MOST_FINDINGS:] else ""
    )
    versions = any(is_version(cause.factor) for cause in causes)
    tried = any(check.code == "environment.restored" for check in verdict.checks)
    offer = " --restore versions tries the recorded versions." if versions and not tried else ""
    return f"Not as recorded: {told}.{offer}"


def describe_verdict(verdict: Verdict) -> list[str]:
    """A verdict as lines: the verdict itself, then why and what differs, then notes."""
    if verdict.verdict is None:
        return [describe_finding(verdict.reason) if verdict.reason else "unreadable"]
    said = _VERDICTS[verdict.verdict]
    if verdict.level == "failure":
        said = "the run fails again in the same way"
    elif verdict.level is not None:
        said += f", {_how_exactly(verdict)}: {_DOWN_TO[verdict.level]}"
    if verdict.verdict == "explained":
        said += _here_instead(verdict)
    elif verdict.reason is not None and verdict.reason.code in _OTHER_INPUTS:
        said = _OTHER_INPUTS[verdict.reason.code]
    elif verdict.reason is not None and verdict.reason.code in _SHOWS_LITTLE:
        said = "the recorded metrics came out again, and do not show how they were made"
    elif verdict.first_divergence is not None and verdict.verdict == "undecided":
        said = f"it came out otherwise here, first at the layer {verdict.first_divergence}, and why could not be tested"
    elif verdict.first_divergence is not None:
        said += f", first at the layer {verdict.first_divergence}"
    failing = [check for check in verdict.checks if check.outcome == "failed" and check.finding]
    if verdict.verdict == "tampered" and failing and all(map(_is_missing, failing)):
        said = "the folder is incomplete: a file that its record lists is not there"
    lines = [f"{verdict.verdict}: {said}."]
    # told last: the cells are what to look at
    cells = [check.finding for check in failing if check.code == "data.cells" and check.finding]
    failing = [check for check in failing if check.finding not in cells]
    told = [verdict.reason] if verdict.reason else []
    told += [check.finding for check in failing[:_MOST_FINDINGS] if check.finding]
    lines += [describe_finding(finding) for finding in told]
    if len(failing) > _MOST_FINDINGS:
        lines.append(f"and {len(failing) - _MOST_FINDINGS} more; see --json.")
    if verdict.causes:
        lines += [describe_cause(cause) for cause in verdict.causes[:_MOST_FINDINGS]]
        if len(verdict.causes) > _MOST_FINDINGS:
            lines.append(f"and {len(verdict.causes) - _MOST_FINDINGS} more facts; see --json.")
    lines += map(describe_finding, cells)
    if advice := _advice(verdict, lines):
        lines.append(advice)
    notes = [check.finding for check in verdict.checks if check.outcome != "failed" and check.finding]
    notes = [note for note in notes if note.code not in _UNTOLD and note != verdict.reason]
    lines += [f"note: {describe_finding(note)}" for note in notes]
    return lines


def _is_missing(check: Check) -> bool:
    return check.finding is not None and check.finding.code == "artifact.missing"


def _how_exactly(verdict: Verdict) -> str:
    rounded = any(check.finding is not None and check.finding.code == "bare.rounded" for check in verdict.checks)
    return "to the digits that were written" if rounded else "bit for bit"


def _here_instead(verdict: Verdict) -> str:
    """The metrics that came out here otherwise than recorded."""
    moved = [
        f"{clean(name)} is {shown(values.here)} here and {shown(values.recorded)} in the record"
        for name, values in verdict.metrics.items()
        if values.here != values.recorded
    ]
    if moved:
        return f" ({moved[0]})"
    differs = next((rerun.differs for rerun in verdict.reruns if rerun.kind == "native"), [])
    if not differs or any(code.startswith("predictions.") for code in differs):
        return " (every metric is equal here, too; the scores are not)"
    # a score of the training rows, or the learning curve: its sums and logarithms are others
    names = shown([clean(code.replace(".", " ", 1), 80) for code in differs])
    return f" (every metric and score is equal here, too; {names} is not)"


def _advice(verdict: Verdict, lines: list[str]) -> str | None:
    """What to do where no finding says it."""
    if verdict.verdict == "tampered" and not any(_COPY_AGAIN in line for line in lines):
        return _COPY_AGAIN
    only_warnings = {check.code for check in verdict.checks if check.outcome == "failed"} == {"warnings"}
    if only_warnings:
        return "Believe those of the training, and train again for a record that has them."
    if verdict.verdict == "different" and verdict.status == "completed" and verdict.first_divergence != "data":
        return "No recorded fact explains it: train again, and compare the two runs with week2kit report."
    return None


#: Findings told of one run on a terminal; the whole account is in --json.
_MOST_FINDINGS: Final = 4

#: Notes that are only told in --json: they say nothing that a person could act on.
_UNTOLD: Final = frozenset({"predictions.no_scores", "bare.no_manifest", "bare.times"})

#: Notes that a person should not have to ask for.
_WEIGHTY: Final = frozenset(
    {
        "bare.named",
        "bare.beyond",
        "bare.undefined",
        "bare.other_versions_hold",
        "bare.versions_unrecorded",
        "fit.not_converged",
    }
    | {"data.not_used", "failure.other_bytes", "warnings.other"}
    | {"bare.python_instead", "bare.python_too_old", "bare.not_restored"}
)


def describe_cause(cause: Cause) -> str:
    """An input that differs, its factor, both values, and how far it was tested."""
    proof = {"restored": _PROVEN, "provoked": "changing it makes the difference"}
    told = proof.get(cause.proof, "observed, not tested")
    match cause.input, cause.recorded, cause.now:
        case "seed", _, _:
            own = f"{_part(cause.recorded, 'value')} ({_part(cause.recorded, 'source')})"
            return f"seed: {shown(cause.now)} has no seed; that of the run, {own}, is not used for it ({told})."
        case "code", {"week2kit": _, "digest": _}, {"week2kit": _, "digest": _}:
            return f"code, {clean(cause.factor)}: {_code(cause.recorded, cause.now)} ({told})."
        case "data", None, None:
            return f"data, {clean(cause.factor)}: not the recorded one, and otherwise equal ({told})."
        case "data", {"kind": _} | None, {"kind": _} | None:
            return f"data, {clean(cause.factor)}: {_column(cause.recorded, cause.now)} ({told})."
    return (
        f"{cause.input}, {_factor(cause.factor)}: recorded {_value(cause.recorded)}, here {_value(cause.now)} ({told})."
    )


_NOT_CONVERGED: Final = "the fit had not converged"

_PROVEN: Final = "restored: put back, it gives the recorded bits"

_FACTORS: Final[Mapping[str, str]] = {
    "blas.kernel": "CPU kernels of the BLAS",
    "blas.threads": "threads of the BLAS",
    "blas.vendor": "vendor of the BLAS",
    "blas.version": "version of the BLAS",
    "cpu": "CPU model",
    "cpus": "number of CPUs",
    "jobs": "jobs where n_jobs is not given",
    "libm": "C mathematics library",
    "openmp.threads": "OpenMP threads",
    "simd": "CPU features used by numpy",
    "threads": "numbers of threads",
}


def _factor(factor: str) -> str:
    """A factor by the name that people give it, and by the one that the verdict has."""
    name = clean(factor, 80)
    return f"{_FACTORS[name]} ({name})" if name in _FACTORS else name


def _factors(factors: object) -> str:
    names = factors if isinstance(factors, list | tuple) else []
    return ", ".join(dict.fromkeys(_FACTORS.get(str(name), clean(str(name), 80)) for name in names)) or "nothing"


def _needs(features: object) -> str:
    """The class of processors that has a feature, where it is one of the usual names, else the features."""
    names = [str(name) for name in features] if isinstance(features, list | tuple) else []
    for cpu_class, prefixes in (("AVX-512", ("avx512", "x86_v4")), ("AVX2", ("avx2", "fma", "x86_v3"))):
        if any(name.lower().startswith(prefixes) for name in names):
            return f"{cpu_class} ({shown(names)})"
    return shown(names)


def _column(recorded: Any, now: Any) -> str:
    """What became of a column, from what is recorded of it and what it is here."""
    if now is None:
        return f"recorded as {_part(recorded, 'kind')}, and not here"
    if recorded is None:
        return f"not recorded, and here as {_part(now, 'kind')}"
    if recorded.get("name") != now.get("name"):
        return f"here it is named {_part(now, 'name')}, with the same values"
    if recorded.get("kind") != now.get("kind"):
        return f"recorded as {_part(recorded, 'kind')}, here {_part(now, 'kind')}"
    missing = [_part(side, "missing") for side in (recorded, now)]
    more = f" (missing: recorded {missing[0]}, here {missing[1]})" if missing[0] != missing[1] else ""
    return f"other {_part(now, 'kind')} values than recorded{more}"


def _code(recorded: Any, now: Any) -> str:
    """Version, digest and other modules of the training code, and where the user's own project stood."""
    sides = [f"{_part(side, 'week2kit')} ({_value(side.get('digest'))})" for side in (recorded, now)]
    text = f"recorded {sides[0]}, here {sides[1]}"
    modules = [side.get("modules") for side in (recorded, now)]
    if all(isinstance(side, Mapping) for side in modules):
        text += f"; other modules: {shown(sorted(map(str, modules[0].keys() | modules[1].keys())))}"
    git = recorded.get("git")
    if isinstance(git, Mapping):
        dirty = " with uncommitted changes" if git.get("dirty") else ""
        text += f"; trained in a project at commit {_short(git.get('commit'))}{dirty}"
    return text


def _value(value: object) -> str:
    """A recorded value in short; one text where all copies of a library have the same."""
    if isinstance(value, Mapping) and value and len({str(item) for item in value.values()}) == 1:
        value = next(iter(value.values()))
    text = shown(value)
    return f"{text[:12]}…" if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) else text


# --- the whole account ------------------------------------------------------------------------------------------


def account(verdict: Verdict) -> list[tuple[str, list[str]]]:
    """How a verdict came about: the checks, the trainings in order, the causes; each part with its lines."""
    before = [check for check in verdict.checks if check.code.partition(".")[0] not in _OF_RERUNS]
    thin = any(check.code == "record.manifest" for check in verdict.checks)
    why = [describe_finding(verdict.reason)] if thin and verdict.reason is not None else []
    parts = [("why", why), ("the folder against its own record", _check_lines(before))]
    trainings = [f"{number}. {describe_trial(trial, thin=thin)}" for number, trial in enumerate(verdict.reruns, 1)]
    parts.append((f"trainings: {len(verdict.reruns)}", trainings))
    layers = [check for check in verdict.checks if check not in before]
    where = "the record against the training with the recorded facts put back"
    parts.append((where if verdict.verdict == "explained" else "the record against the training", _check_lines(layers)))
    parts.append(("causes", [describe_cause(cause) for cause in verdict.causes]))
    varied = [f"{number}. {_trial_varied(trial)}" for number, trial in enumerate(verdict.variations, 1)]
    parts.append((f"variations: {len(verdict.variations)}", [*varied, *variation_summary(verdict)]))
    return [(title, lines) for title, lines in parts if lines]


#: The first part of the codes of checks that a rerun answers.
_OF_RERUNS: Final = frozenset(
    {"data", "split", "model", "predictions", "metrics", "report", "training", "dummy", "repeats", "curves"}
    | {"seed", "environment", "failure", "warnings"}
)


def _check_lines(checks: Sequence[Check]) -> list[str]:
    """What passed in one line, by its codes; what did not, or has a note, each in its own."""
    silent = [clean(check.code, 80) for check in checks if check.outcome == "passed" and check.finding is None]
    lines = [f"passed: {', '.join(silent)}"] if silent else []
    return lines + [
        f"{clean(check.code, 80)} {check.outcome}: {describe_finding(check.finding)}"
        for check in checks
        if check.finding is not None
    ]


def describe_trial(trial: RerunRecord, *, thin: bool = False) -> str:
    """One training of a verification: under which conditions, how far it agreed, what came out.

    Of a run that was made without week2kit, whose record is thin, nothing but metrics was compared.
    """
    settings = ", ".join(
        f"{_FACTORS.get(name, clean(name, 80))} {_value(trial.settings.get(name))}" for name in trial.factors
    )
    under = {
        "native": "as it is here",
        "restored": f"as recorded: {settings}",
        "provoked": f"changed: {settings}",
        "varied": f"varied: {_variation_name(trial)}",
    }[trial.kind]
    if trial.failure is not None:
        return f"{under} -> it failed: {clean(trial.failure, 200)} ({trial.seconds:.1f} s)"
    came_out = ", ".join(f"{clean(name, 80)} {value!r}" for name, value in sorted(trial.metrics.items())[:3])
    moved = f"; scores differ by up to {trial.largest_difference:.1e}" if trial.largest_difference else ""
    moved += f", {trial.labels_moved} labels moved" if trial.labels_moved else ""
    if trial.kind == "provoked" and not thin:  # compared with the training as it is here
        moved = (moved or "; no score differs") + " from the training as it is here"
    else:
        agreed = _AGREED[trial.agrees_to]
        if thin:
            agreed = (
                "what is recorded agrees" if trial.agrees_to == "metrics" else "what is recorded does not all agree"
            )
        if trial.differs and trial.agrees_to in ("scores", "model"):
            agreed = f"the scores agree bit for bit, {shown([clean(code, 80) for code in trial.differs])} do not"
        came_out = f"{agreed}; {came_out}"
    return f"{under} -> {came_out}{moved} ({trial.seconds:.1f} s)"


_AGREED: Final[Mapping[str, str]] = {
    "nothing": "the data differ",
    "data": "the split differs",
    "split": "data and split agree, the metrics do not",
    "metrics": "the metrics agree, the labels do not",
    "predictions": "the labels agree, the scores do not",
    "scores": "everything agrees bit for bit but the bytes of the model",
    "model": "everything agrees bit for bit",
    "failure": "it failed in the same way",
}


def describe_attempt(kind: str, factors: Sequence[tuple[str, object]]) -> str:
    """What is being tried, while it is."""
    settings = ", ".join(f"{_FACTORS.get(name, clean(name, 80))} {_value(value)}" for name, value in factors)
    if kind == "varied":
        settings = ", ".join(_called(name, value) for name, value in factors)
    words = {
        "native": "training as it is here",
        "restored": "with the recorded",
        "provoked": "changing",
        "varied": "varying",
    }
    return f"{words.get(kind, kind)} {settings}".strip()


# --- variations -------------------------------------------------------------------------------------------------

#: What --vary varies: how one variation is called with its value, and how several are called in a sentence.
_VARIED: Final[Mapping[str, tuple[str, str]]] = {
    "threads": ("threads: {}", "{} threads"),
    "cpu": ("CPU class: {}", "the x86-64 CPU class {}"),
    "hash_seed": ("hash seed: {}", "another hash seed"),
    "locale": ("locale: {}", "another locale"),
    "time_zone": ("time zone: {}", "another time zone"),
    "directory": ("working directory: {}", "another working directory"),
    "home": ("home: {}", "another home"),
    "umask": ("umask: {}", "another umask"),
    "jobs": ("n_jobs: {}", "n_jobs {}"),
    "data": ("text form: {}", "another text form of the data"),
}


def variation_lines(verdict: Verdict) -> list[str]:
    """What --vary found, for a person: a table, and what it comes to in sentences."""
    if not verdict.variations:
        return variation_summary(verdict)
    rows = [("varied", "holds to", "largest score difference", "labels moved")]
    rows += [_variation_row(record) for record in verdict.variations]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*table, *variation_summary(verdict)]


def _variation_row(record: RerunRecord) -> tuple[str, str, str, str]:
    name = _variation_name(record)
    if record.failure is not None:
        return (name, "it failed", "", "")
    if record.not_in_force:
        return (name, "not in force", "", "")
    difference = "" if record.largest_difference is None else f"{record.largest_difference:.1g}"
    moved = "" if record.labels_moved is None else str(record.labels_moved)
    return (name, _holds_to(record), difference, moved)


def _holds_to(record: RerunRecord) -> str:
    """The deepest layer that agrees; labels have none of their own, and stand below the metrics of scores."""
    return "labels" if record.agrees_to == "split" and record.labels_moved == 0 else record.agrees_to


def _variation_name(record: RerunRecord) -> str:
    return ", ".join(_called(name, record.settings.get(name)) for name in record.factors)


def _called(name: str, value: object) -> str:
    """One variation with its value."""
    return _VARIED[name][0].format(clean(str(value), 80)) if name in _VARIED else clean(name, 80)


def _trial_varied(record: RerunRecord) -> str:
    """One variation in the account: as any other training, or that it varied nothing."""
    if record.not_in_force and record.failure is None:
        idle = _factors(record.not_in_force)
        return f"varied: {_variation_name(record)} -> not in force ({idle}): it says nothing ({record.seconds:.1f} s)"
    return describe_trial(record)


def variation_summary(verdict: Verdict) -> list[str]:
    """What the variations come to: under what the run holds and how deep, under what not, and what was not tried."""
    tried = [record for record in verdict.variations if not record.not_in_force]
    completed = [record for record in tried if record.failure is None]
    exact = [record for record in completed if record.agrees_to in ("scores", "model")]
    near = [record for record in completed if record not in exact and not _has_moved(record)]
    lines = []
    if exact:
        has_labels = any(record.labels_moved is not None for record in exact)
        depth = "predictions and scores" if has_labels else "predictions"
        lines.append(f"Holds under {_variations(exact)}: {depth} bit for bit.")
    if near:
        lines.append(f"Holds under {_variations(near)}: {_how_near(near)}.")
    lines += [f"Does not hold under {_variations([r])}: {_how_far(r, verdict)}." for r in completed if _has_moved(r)]
    lines += [
        f"Failed under {_variations([record])}: {clean(record.failure, 200)}"
        for record in tried
        if record.failure is not None
    ]
    other_bytes = [record for record in exact if record.agrees_to == "scores" and verdict.level == "model"]
    for why, records in (
        ("n_jobs is a parameter, and stored in them", [r for r in other_bytes if "jobs" in r.factors]),
        ("a model may store more than it predicts with", [r for r in other_bytes if "jobs" not in r.factors]),
    ):
        if records:
            lines.append(f"No score differs, but the bytes of the model do, under {_variations(records)}: {why}.")
    luck = [c.finding for c in verdict.checks if c.finding is not None and c.finding.code in _LUCK]
    if len(exact) < len(completed):
        lines += [f"What differs may be chance, and not the variation: {describe_finding(finding)}" for finding in luck]
    for record in verdict.variations:
        if record.not_in_force and record.failure is None:
            idle = _factors(record.not_in_force)
            lines.append(f"Not in force, so nothing is known of it: {_variation_name(record)} ({idle} did not change).")
    return lines + _not_varied_lines(verdict)


#: Notes of an identical run that a rerun may have agreed with by luck.
_LUCK: Final = frozenset({"seed.nothing_fixes_it", "seed.race"})


def _not_varied_lines(verdict: Verdict) -> list[str]:
    if not verdict.variations:
        return [describe_finding(finding) for finding in verdict.not_varied]
    missing = len(verdict.not_varied)
    if not missing:
        return []
    whys = " ".join(describe_finding(finding) for finding in verdict.not_varied)
    return [f"{missing} of {missing + len(verdict.variations)} could not be varied here. {whys}"]


def _has_moved(record: RerunRecord) -> bool:
    """Whether a label is another one, a score moved further than is called close, or nothing can be compared."""
    if record.largest_difference is None:
        return record.labels_moved != 0
    return bool(record.labels_moved) or record.largest_difference > SCORE_TOLERANCE


def _how_near(records: Sequence[RerunRecord]) -> str:
    """How deep variations agree that move no label; where there are none, the predictions are the scores."""
    largest = max(record.largest_difference or 0.0 for record in records)
    if all(record.labels_moved is None for record in records):
        return f"predictions to {largest:.1g}"
    metrics = "" if all(record.agrees_to != "split" for record in records) else ", metrics not to the last bit"
    return f"predictions yes, scores to {largest:.1g}{metrics}"


def _how_far(record: RerunRecord, verdict: Verdict) -> str:
    """What comes out otherwise: labels, scores, and the first metric that does."""
    told = []
    if record.labels_moved:
        told.append(f"{record.labels_moved} {'label moves' if record.labels_moved == 1 else 'labels move'}")
    if record.largest_difference is not None:
        what = {None: "predictions move", 0: "no label moves, scores do"}.get(record.labels_moved, "scores move")
        told.append(f"{what} by up to {record.largest_difference:.1g}")
    for name, values in verdict.metrics.items():
        came_out = record.metrics.get(name)
        if came_out is not None and values.recorded is not None and came_out != values.recorded:
            told.append(f"{clean(name, 80)} is {_apart(came_out, values.recorded)}")
            break
    return ", ".join(told) or f"it agrees to the layer {_holds_to(record)} only"


def _apart(now: float, recorded: float) -> str:
    """Two values of a metric, in as many digits as tell them apart."""
    digits = next((digits for digits in (4, 8) if f"{now:.{digits}g}" != f"{recorded:.{digits}g}"), 17)
    return f"{now:.{digits}g} instead of {recorded:.{digits}g}"


def _variations(records: Sequence[RerunRecord]) -> str:
    """Several variations in a sentence: those of one kind together."""
    values: dict[str, list[str]] = {}
    for record in records:
        name = record.factors[0] if record.factors else ""
        values.setdefault(name, []).append(clean(str(record.settings.get(name, "")), 80))
    told = []
    for name, of_name in values.items():
        phrase = _VARIED[name][1].format(_and(of_name)) if name in _VARIED else clean(name, 80)
        phrase = phrase.replace("class ", "classes ") if len(of_name) > 1 else phrase
        told.append(phrase.removesuffix("s") if phrase == "1 threads" else phrase)
    return _and(told)


def _and(texts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def _why_not_varied(finding: Finding) -> str:
    """Why --vary did not do something that was asked for."""
    match finding.code:
        case "vary.not_identical":
            return (
                f"Nothing was varied: only what came out again can be seen to hold, and this run is "
                f"{clean(str(finding.now), 40)}."
            )
        case "vary.bare":
            return "Nothing was varied: a run that was made without week2kit holds no scores to compare with."
        case "vary.failure":
            return "Nothing was varied: the run failed, and left nothing to compare with."
        case "vary.no_locale":
            return "The locale: no other that writes decimals with a comma is installed."
        case "vary.no_jobs":
            return "n_jobs: no estimator of the run takes it."
        case "vary.no_text":
            return "The form of the data: they are not read from a text file."
        case "vary.no_classes":
            return "CPU classes: they can be chosen with OpenBLAS on x86-64 only."
        case "vary.needs":
            return f"{_plain(finding.where)}: it needs {_needs(finding.now)}."
        case "vary.stopped":
            return f"{_plain(finding.where)}: {_plain(finding.now)}".removeprefix(": ")
        case code:
            return f"{clean(code)}: {_plain(finding.now)}"


def verdicts_markdown(verdicts: Sequence[Verdict]) -> str:
    """Verdicts as a Markdown table, for a notebook; every foreign text stands in a code span."""
    rows = ["| run | verdict | level | why |", "|---|---|---|---|"]
    for verdict in verdicts:
        why = " ".join(describe_verdict(verdict)[0 if verdict.verdict is None else 1 :])
        cells = [verdict.run, verdict.verdict or "unreadable", verdict.level or "", why]
        rows.append("| " + " | ".join(f"`{_in_code(cell)}`" if cell else "" for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _in_code(text: str) -> str:
    return clean(text, 2000).replace("`", "'").replace("|", "\N{BROKEN BAR}")
