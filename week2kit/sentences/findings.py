"""Sentences: what a check saw, in the order what, where, expected (recorded), got, what to do."""

from __future__ import annotations

from typing import Final

from week2kit.canonical import clean
from week2kit.record.verdict import Finding
from week2kit.sentences.details import DETAILS, NOT_NEEDED
from week2kit.sentences.partial import PARTIAL, PARTIAL_FORMS
from week2kit.sentences.statement import Either, Statement, Texts, part, shown


def describe_finding(finding: Finding) -> str:
    """What a finding of a check says: where, what was expected (recorded), what was found, what to do."""
    if finding.code not in FINDINGS.texts:  # of a later version
        return f"{clean(finding.code)}: recorded {shown(finding.recorded)}, found {shown(finding.now)}."
    values = {"where": finding.where, "recorded": finding.recorded, "now": finding.now}
    return FINDINGS.tell(finding.code, finding, values)


def _has_no_seed(finding: Finding) -> bool:
    """Whether the first repeat of a finding is one of a command as it stands."""
    repeats = finding.recorded if isinstance(finding.recorded, list) else []
    return any(isinstance(one, list) and one[:1] == [None] for one in repeats[:1])


#: The folder against its own record.
_OF_THE_FOLDER: Final[Texts] = {
    "artifact.missing": Either(
        lambda finding: finding.where in NOT_NEEDED,
        "{where}: it is not there, and is not needed: the rerun makes it again.",
        "{where}: the record lists this file, and it is not there. {copy_again}",
    ),
    "artifact.unreadable": "{where}: expected a regular file of the run folder; {now:plain}.",
    "artifact.no_json": "{where}: no JSON that can be read: {now:plain}. {copy_again}",
    "artifact.unknown": "{where}: the record lists a file that no run has, or lists one twice.",
    "artifact.changed": "{where}: its content is not the recorded one (sha256 {recorded:short} recorded, "
    "{now:short} found): edited, or damaged in copying. {copy_again}",
    "record.artifacts": "manifest.json: expected these artifacts: {recorded}; it lists {now}.",
    "record.metrics": "metrics.json says {now}, and the manifest {recorded}.",
    "record.code": "manifest.json: the digest of the training code does not follow from those of its modules.",
    "record.no_config": "manifest.json: the config does not have the digest that is recorded for it.",
    "record.config_digest": "manifest.json: the config does not have the digest that is recorded for it.",
    "record.config_invalid": "config.json: no completed run has a config like this: {now:plain}",
    "record.seed": "manifest.json: the seed is {recorded} among the inputs and {now} in the config.",
    "record.metric_names": "manifest.json: the config asks for the metrics {recorded}, and the outcome has {now}.",
    "record.outcome": "manifest.json: the config says {recorded}, and the record {now}.",
    "record.data": "manifest.json: the config says {recorded}, and the record {now}.",
    "record.table": "manifest.json: the digest of the table does not follow from those of its columns.",
    "record.requirements": "requirements.txt does not list the libraries that the manifest records.",
    "record.model": "manifest.json: the digest of the model and that of model.joblib differ.",
    "record.folds": "manifest.json, {where}: expected {recorded} from the split, got {now}.",
    "record.fold_rows": "manifest.json, {where}: expected {recorded} from the split, got {now}.",
    "record.fold_mean": "manifest.json, {where}: mean and deviation of the folds are {recorded}, and the record "
    "says {now}.",
    "record.metric_rules": "an earlier version computed metrics otherwise, and they are checked so: {recorded:rules}.",
    "record.repeats": "manifest.json, {where}: the config asks for {recorded} repeats, and {now} are recorded.",
    "record.repeat_seeds": "manifest.json, {where}: its repeats should have the seeds {recorded}, and have {now}.",
    "record.repeat_folds": "manifest.json, {where}: each repeat should have {recorded} folds, and one has {now}.",
    "record.repeat_mean": "manifest.json, {where}: the mean of the folds of a repeat is {recorded}, and the "
    "record says {now}.",
    "predictions.unreadable": "predictions.csv: {now:plain}.",
    "follows.metric": "{where} is recorded as {recorded}, and predictions.csv gives {now}.",
    "record.outputs": "outputs.json: the texts in it do not have the digests that are recorded for these files.",
    "record.sources": "sources.json: its texts do not have the digests that are recorded for what went in.",
    "follows.source": "outputs.json, {where}: it says {now}, and the manifest {recorded}.",
    "follows.val_report": "val_report.txt is not the report that follows from predictions.csv.",
    "follows.predictions": "predictions.csv: its labels do not have the recorded digest.",
    "follows.scores": "predictions.csv: its scores do not have the recorded digest.",
    "artifact.unfetched": "{where}: it was not fetched; a pointer of {now[tool]:plain} stands in its "
    "place{it:other_pointer}. Fetch it: {now[fetch]:plain}{where:made_again}",
    "artifact.unread": "{where}: it cannot be read here: {now:plain}. {allow_it}{where:made_again}",
    "artifact.link": "{where}: it is a symbolic link, and no link in a run folder is followed. Put the file "
    "itself there (dvc unprotect, git annex unlock, or a copy).{where:made_again}",
    "record.config": "config.json is not the config in the manifest ({it:keys}). {copy_again}",
}

#: The layers of the rerun, and the runs that failed.
_OF_THE_RERUN: Final[Texts] = {
    "data.table": "{where}: the table is not the one that the run was trained on. Name the right file with --data.",
    "data.columns": "{where}: names, kinds, roles or missing values of its columns are not the recorded ones.",
    "data.rows": "{where}: recorded with {recorded} rows, here {now}.",
    "data.checksum": "{where}: the rows of the recorded table have the checksum {now}, and the record says {recorded}.",
    "data.cells": "{where}: other values than in the recorded file in {now:counted}: {now:cells}.",
    "data.target_cells": "{where}: other targets than predictions.csv holds in {now:counted} of "
    "{now[validation_rows]} validation rows: {now:cells}.",
    "data.target_elsewhere": "{where}: the target of all {now[validation_rows]} validation rows is the recorded "
    "one, so what changed is among the training rows.",
    "data.row_set": "{where}: recorded with {recorded[rows]} rows, here {now[rows]}; missing here: "
    "{recorded:rows}; new here: {now:rows}.",
    "data.row_order": "{where}: the rows are the recorded ones in another order, from row {now[first]} on "
    "({now[rows]} stand elsewhere). Sort them as they were: a split goes by position.",
    "data.bytes": "{where}: recorded with {recorded} bytes, and the bytes with the recorded digest are {now}.",
    "data.edited": "{where}: the run was trained on this file, which holds other bytes now (sha256 "
    "{recorded:short} recorded, {now:short} here). Name it with --data to see what differs.",
    "data.other_text": "{where}: the same table in another form (line ends, spelling of numbers, compression).",
    "split.contents": "split ({where}): the validation rows hold other values than recorded.",
    "split.folds": "split ({where}) [splitter, training and validation rows]: recorded {recorded}, here {now}.",
    "split.positions": "split ({where}): other rows were chosen for training and validation than recorded.",
    "model.convergence": "the solver: recorded [iterations, converged] {recorded}, here {now}.",
    "model.bytes": "model.joblib: {DUMPS} fits here give the same bytes, and they are not the recorded ones.",
    "model.other_versions": "the bytes of the model were not compared: Python or a library has another version "
    "than recorded.",
    "model.other_environment": "the bytes of the model differ from the recorded ones, in an environment that "
    "differs as well.",
    "model.other_code": "the bytes of the model differ from the recorded ones, and other code trained "
    "it: scores and metrics are the same, and the bytes alone prove nothing.",
    "model.unseeded": "the bytes of the model differ from the recorded ones, as those of a model without a seed may.",
    "model.never_repeats": Either(
        lambda finding: bool(finding.now),
        "the bytes of {now} never repeat, because it keeps a memory address, id(stop_words): they were not "
        "compared. Its predictions repeat.",
        "the bytes of the model vary from fit to fit here, so they were not compared; its predictions do not.",
    ),
    "model.races": "the bytes of the model differ from the recorded ones, and those of {now} may vary from fit to "
    "fit: its threads count their work. Its predictions repeat.",
    "model.jobs_written": "the bytes of the model were not compared: to put the number of CPUs back, n_jobs was "
    "written out, and it is stored in them.",
    "model.too_few": "the bytes of the model differ from the recorded ones, and only {now} fits tell whether they "
    "repeat here: allow more with --effort.",
    "predictions.scores": "the scores on the validation rows are not the recorded ones.",
    "predictions.rows": "{where}: it speaks of other rows, or other true values, than the data and the split give.",
    "predictions.labels": "the predicted labels are not the recorded ones.",
    "predictions.form": "classes, number of rows or kind of scores: recorded {recorded}, here {now}.",
    "predictions.no_scores": "this model gives labels only, so there are no scores to compare.",
    "predictions.absent": "there is no predictions.csv to compute the metrics from.",
    "metrics.value": "{where}: recorded {recorded}, here {now}.",
    "metrics.folds": "{where} [value, deviation, folds, greater is better]: recorded {recorded}, here {now}.",
    "metrics.training": "{where} on training rows [value, rows]: recorded {recorded}, here {now}.",
    "metrics.dummy": "{where} of the dummy: recorded {recorded}, here {now}.",
    "repeats.not_trained": "the {recorded} repeats with other seeds were not trained again: --repeats does that, too.",
    "repeats.not_run": "its {recorded} repeats were not run again: --repeats does that, too.",
    "repeats.no_flag": "its {recorded} repeats were not run again: the record does not say where the command takes "
    "another seed.",
    "repeats.failed": "{where}: a repeat that is recorded to have completed did not: {now:plain}",
    "data.not_used": "--data {where} was not used: the run is on {now}, which comes with scikit-learn.",
    "curves": "curves.json: the learning curve came out otherwise.",
    "code.edited": "{where}: it was edited since ({now[places]:edits}). The recorded text was run.",
    "code.other": "{where}: it is another text now than the recorded one, which the record does not keep: the one that "
    "is here was run.",
    "data.changed": Either(
        lambda finding: bool(part(finding.now, "places")),
        "{where}: the command read this file, which holds something else now: {now[places]:edits}.",
        "{where}: the command read this file, which holds other bytes now (sha256 {recorded[sha256]:short} recorded, "
        "{now[sha256]:short} here).",
    ),
    "hermetic.proven": "proven: with nothing within reach but its code and {now:inputs} it came out again.",
    "hermetic.unavailable": "nothing shows that the recorded files are all that it needs: here nothing can be kept "
    "from a command ({now:why_not_confined}).",
    "hermetic.network": "it came out again with nothing within reach but the recorded files and the network, which its "
    "processes need among one another: nothing shows that nobody else answered.",
    "hermetic.otherwise": "with nothing within reach but the recorded files it came out otherwise, and no file is "
    "known that it lacked.",
    "hermetic.missing": "the record lacks files that the command needs: {now}. Without them it does not come out "
    "again. Name them with --input, and train again.",
    "output.missing": "{where}: the command wrote this file when it was recorded, and did not here.",
    "output.other": Either(
        lambda finding: bool(part(finding.now, "places")),
        "{where}: it came out otherwise ({now[places]:edit}).",
        "{where}: it came out with other bytes.",
    ),
    "seed.nothing_fixes_it": "three reruns agreed, but nothing fixes it: {now} draws without a seed.",
    "seed.race": "three reruns agreed, but threads of {now} may finish in another order: set its n_jobs to 1.",
    "failure.same": "the run fails again in the same way, and not on the recorded data.",
    "failure.other_bytes": "{where}: the file has other bytes than recorded (sha256 {recorded:short} recorded, "
    "{now:short} found). The run failed before a table was recorded, so nothing tells whether the values are the "
    "same.",
    "failure.other": "the run is recorded to fail ({recorded}); here: {now}.",
    "model.not_converged": "the fit had not converged: scale the features or raise max_iter, and it hardly depends "
    "on the CPU.",
    "fit.not_converged": "trained again here, the fit stopped after {now} iterations before it had converged: "
    "elsewhere it may stop otherwise. Scale the features or raise max_iter.",
    "metrics.repeats": Either(
        _has_no_seed,
        "{where}, repeats of the same command: {it:repeats}.",
        "{where}, repeats with other seeds: {it:repeats}.",
    ),
    "warnings.other": "{where}: its warnings are not those of the training here. {it:warned}",
    "environment.other": "it holds here although other than recorded are: {now:sorted}.",
}

#: Why a verdict is what it is, and why nothing, or nothing more, can be said.
_OF_THE_VERDICT: Final[Texts] = {
    "undecided.data_missing": "{now:plain}",
    "undecided.missing_here": "{now:plain}",
    "undecided.other_file": Either(
        lambda finding: finding.recorded is not None,
        "{where}: this is not the file that the run was trained on, nor the same table in another form (sha256 "
        "{recorded:short} recorded, {now:short} here). {if_another}",
        "{where}: the path in config.json leads to this file (sha256 {now:short}), and the run is not of this table, "
        "or was split otherwise. {if_another}",
    ),
    "undecided.data_found": "the run failed because {where} was missing, and now it is there: train again.",
    "undecided.timeout": "{now:plain} Allow more with --timeout.",
    "undecided.child_died": "{now:plain}",
    "undecided.system": "the system refused what a verification needs: {now:plain}. Verify again with fewer --jobs.",
    "undecided.trust": "it records a command that was not run on this machine, or was edited since: to run it again "
    "is to run its author's code. If you trust it: --trust.",
    "undecided.no_code": "{where}: the record does not keep the text of this module, and it is not here. Verify it "
    "from the folder of its project.",
    "undecided.no_input": "{where}: the command read this file, and no file with its bytes (sha256 {recorded:short}) "
    "is here. Name it with --data.",
    "undecided.overwritten": "it came out otherwise here, without {where}: the command read this file before it wrote "
    "it, and what it held then is nowhere any more (sha256 {recorded:short}). Let it write to another place.",
    "undecided.no_program": "the command cannot be started here: {now:plain}",
    "undecided.nothing_came_out": "the command left neither a metric nor a file, so there is nothing to compare.",
    "undecided.unseeded_repeats": "it came out again, and its repeats did not: the command has no seed, so nothing "
    "fixes what they give.",
    "undecided.repeats_changed_input": "it came out again, and its repeats did not: they read {where}, which was "
    "another file in each of them. Let it write to another place.",
    "undecided.ended": "it did not come to its end here: {now:plain}",
    "undecided.standard_input": "it came out otherwise here, and the command had a stream as its standard input, which "
    "no record keeps. Let it read a file.",
    "undecided.other_script": "it came out otherwise here, with another text of {where} than the recorded one, which "
    "the record does not keep. Verify it with the code that made it.",
    "undecided.asked_for": "it came out otherwise here, and it asks for what its record does not have: {where}, "
    "{now} in all. That may have changed since. Name such files with --input, and train again.",
    "undecided.writes_elsewhere": "it came out otherwise here: it writes to {where} by an absolute path, which a rerun "
    "may not, as the recorded results may lie there. Let it write to paths below its working directory.",
    "undecided.edited_there": "{where} was edited since, and the command reads it by an absolute path: what can be run "
    "here is not what is recorded. Verify it with the file as it was, or let it use relative paths.",
    "undecided.variables": "it came out otherwise here, and its code reads environment variables that no record keeps "
    "({now}). Set them as they were, and verify again.",
    "undecided.network": "it came out otherwise here, and the command used the network: what came from there is not in "
    "the record.",
    "undecided.unseen": Either(
        lambda finding: bool(finding.now),
        "it came out otherwise here, and files that {now} may have read were not seen when it was recorded. Name them "
        "with --input, and train again.",
        "it came out otherwise here, and what the command read was not all seen when it was recorded. Name its files "
        "with --input, and train again.",
    ),
    "undecided.no_facts": "it came out otherwise here, and the environment of the command is not known: no Python of "
    "it told of its own.",
    "undecided.interrupted": "the run never came to its end (killed, or still running), so it claims nothing. "
    "Train it again.",
    "undecided.external_failure": "the run was ended from outside ({recorded}): nothing follows from its inputs. "
    "Train it again.",
    "undecided.config_cut": "the config of this failed run was not recorded as a whole, so it cannot be tried again.",
    "undecided.environment": "it came out otherwise here, in an environment that is not the recorded one: that "
    "may be the reason, and may not. Verify it where the facts below are as recorded.",
    "undecided.code": "it came out otherwise here, and the code that trains here is not the recorded one: that "
    "may be the reason, and may not. Verify it with the code that trained it.",
    "undecided.other_code": "what is recorded does not follow from {where} by the code that is here, and other "
    "code trained the run: it may compute this otherwise, or the record was edited. Verify it with the week2kit "
    "that did.",
    "undecided.race": "the scores differ in their last bits, and threads of {now} may finish in another order "
    "each time: that may be the reason. Set its n_jobs to 1, and train again.",
    "undecided.effort": "{recorded} trainings were not enough to decide. Allow more with --effort.",
    "explained.not_minimal": "{recorded} trainings were spent before every fact was tried: fewer may be enough "
    "(--effort).",
    "explained.not_apart": "{recorded:factors} could not be tried apart from the others: no environment holds "
    "such versions. Whether they are needed is not known.",
    "different.all_put_back": "the recorded facts were put back ({recorded:factors}), and the recorded outcome "
    "did not come out: the environment is not the reason.",
    "different.nothing_moves_it": "{recorded:factors} cannot be put back here, but changing {now:factors} moves "
    "no score beyond the tolerance: that does not explain it.",
    "different.other_kinds": "{recorded:factors} cannot be put back here, but no processor changes the classes, "
    "the rows or the kind of scores that a model gives: that does not explain it.",
    "stuck.machine": "{where:factor}: it belongs to the machine and cannot be put back here.",
    "stuck.versions": "{where:factor}: it comes with the versions of libraries; --restore versions tries that.",
    "stuck.library": "{where:factor}: verify it where the recorded version, {now}, is installed.",
    "stuck.uncounted": "{where:factor}: the record does not say how many jobs a negative n_jobs came to, so they "
    "cannot be put back.",
    "stuck.not_taken": "{where:factor}: an environment with {now} was built, and the command did not take it from "
    "there.",
    "stuck.failed": "{where:factor}: it could not be put back: {now:plain}",
    "stuck.needs": "{where:factor}: not revertible here: needs {now:needs}.",
    "stuck.unknown": "{where:factor}: not revertible here: {now} is nothing that is known here.",
    "stuck.threads": "{where:factor}: not revertible here: {now}, and 1 to {MAX_THREADS} can be asked for.",
    "close.scores": "each score differs by at most {now[largest_difference]:amount} {of_a_score}, which is within "
    "the tolerance, in an environment that is not the recorded one; the metrics move only because of that.",
    "close.equal_metrics": "every metric is equal, and each score differs by at most "
    "{now[largest_difference]:amount} {of_a_score}, which is within the tolerance that was asked for, in an "
    "environment that is not the recorded one.",
    "identical.other_scores": "every metric is equal, and each score differs by at most "
    "{now[largest_difference]:amount} {of_a_score}, in an environment that is not the recorded one.",
    "unstable.unseeded": "reruns here differ from one another, because {now} draws without a seed. {now:to_seed} "
    "Then train again.",
    "unstable.command": "reruns here differ from one another, from the layer {where} on, and the command has no seed: "
    "give it one, pass it to all that draws, and train again.",
    "unstable.seeded_command": "reruns here differ from one another, from the layer {where} on, although the command "
    "has the seed {recorded}: something draws without it, or takes the time or the order of files. Train again then.",
    "unstable.hash_seed": "reruns here differ from one another, from the layer {where} on, and agree where "
    "PYTHONHASHSEED is 0: something follows the order of a set of texts, or their hashes, which are others in each "
    "process. Sort it, and train again.",
    "unstable.race": "reruns here differ from one another, from the layer {where} on, and no estimator is known "
    "to draw without a seed. {now:races} and train again.",
    "rerun.failed": "recorded as completed; trained here it failed at the stage {where}: {now:plain}",
    "unreadable": "{now:plain}",
    "undecided.limit": "{it:limit}",
    "undecided.bug": "week2kit itself failed on it ({now:last_line}): a bug, and none of the run. Please report "
    "it with the traceback, which is on standard error and in verify --json.",
}

#: Why --vary did not do something that was asked for.
_NOT_VARIED: Final[Texts] = {
    "vary.partial": "Nothing was varied: a run without a manifest holds no scores to compare with.",
    "vary.no_facts": "Nothing was varied: no Python of the command told of its environment, so nothing would show "
    "whether a variation took effect.",
    "vary.of_configs": "{where:plain}: of a command, that is its own.",
    "vary.own_directory": "directory: every rerun of a command has a working directory of its own already.",
    "vary.no_threads": "threads: the command loads no library of which they are known.",
    "vary.failure": "Nothing was varied: the run failed, and left nothing to compare with.",
    "vary.no_locale": "The locale: no other that writes decimals with a comma is installed.",
    "vary.no_jobs": "n_jobs: no estimator of the run takes it.",
    "vary.no_text": "The form of the data: they are not read from a text file.",
    "vary.not_plain": "The form of the data: their text is no plain table, and is not written anew.",
    "vary.no_classes": "CPU classes: they can be chosen with OpenBLAS or PyTorch on x86-64 only.",
    "vary.needs": "{where:plain}: it needs {now:needs}.",
    "vary.not_identical": "Nothing was varied: only what came out again can be seen to hold, and this run is "
    "{now:plain}.",
    "vary.stopped": "{where:place}{now:plain}",
}

FINDINGS: Final = Statement(
    {**_OF_THE_FOLDER, **_OF_THE_RERUN, **_OF_THE_VERDICT, **_NOT_VARIED, **PARTIAL}, {**DETAILS, **PARTIAL_FORMS}
)
