"""Every sentence of a report, by the code of its `Statement`; nothing else words a finding.

The fields are filled in by the renderer, which rounds numbers and escapes foreign text by the specification after the
colon: ``name`` (a run, metric, key, label or column), ``names`` (several), ``text`` (free text), ``value`` (a config
value), ``warning`` (what a run recorded, worded by `week2kit.sentences.warnings`), ``number``, ``signed``, ``percent``
and ``share`` (with and without a decimal), ``p`` (a p-value with its sign of equality), ``whole``, and ``count NOUN``
(a whole number with its noun).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from week2kit.sentences.next_experiment import NEXT

#: What a tested difference is worth, by the end of the code.
_WORTH: Final = {"noise": "not shown to be more than noise", "real": "more than noise"}

SENTENCES: Final[Mapping[str, str]] = {
    # --- files ---
    "file.differs": "{file:name} is not the file that the run recorded.",
    "file.missing": "{file:name} is missing.",
    "file.unreadable": "{file:name} cannot be read as a regular file.",
    "file.not_recorded": "The manifest lists {file:name}, which is no file of a run.",
    "file.not_listed": "The manifest does not list {file:name}, which every completed run has.",
    "metric.contradicted": ("The manifest gives {metric:name} as {manifest:value}, `metrics.json` gives {file:value}."),
    # --- comparable or not ---
    "comparable": "Comparable: same target and same validation rows.",
    "task.differs": "The baseline is a {baseline:text}, the variant a {variant:text}.",
    "target.differs": "They predict different columns: {baseline:name} and {variant:name}.",
    "data.rows_differ": "They used other data: {baseline:count row} against {variant:count row}.",
    "data.columns_differ": "They used other data: the values in {columns:names} differ.",
    "data.nothing_shared": "They share no feature and no file, so nothing shows that their rows are the same.",
    "split.follows_seed": (
        "They were validated on different rows: the split follows the seed ({baseline:value} and {variant:value}) "
        "as long as `split.random_state` is not fixed."
    ),
    "split.config_differs": "They were validated on different rows, because the config differs in {keys:names}.",
    "split.differs": "They were validated on different rows, or on the same rows in another order.",
    "metric.missing": "The variant did not record the baseline's primary metric, {metric:name}.",
    "metric.direction_differs": "They disagree on whether a high {metric:name} is good.",
    "metric.positive_differs": (
        "{metric:name} speaks of one class, and that is {baseline:value} in the baseline and {variant:value} in the "
        "variant."
    ),
    # --- a run without a manifest ---
    "written.comparable": (
        "Comparable as far as a run without a manifest shows: the same target, test size and random state, and the "
        "same data file as it is found today."
    ),
    "written.other_name": "{baseline:name} and {variant:name} hold the same bytes.",
    "written.config": "The config of {run:name} cannot be used: {problem:text}",
    "written.unnamed": (
        "The config of {run:name} leaves out {keys:names}, so nothing shows that both were validated on the same rows."
    ),
    "written.data_missing": "No data file is found for {run:name}, so nothing shows that their rows are the same.",
    "written.data_differs": "The data files that are found today for the two differ.",
    "written.no_shared_metric": (
        "{variant:name} and {baseline:name} have no metric in common that is known by its name."
    ),
    "written.time": (
        "Training took {before:number} s in {baseline:name} and {after:number} s in {variant:name}, as written; such "
        "a time varies from run to run."
    ),
    "written.unknown": (
        "Not recorded: predictions and code. So nothing shows whether a difference is more than noise, whether both "
        "predict the same, or whether the code was the same."
    ),
    # --- a person's own script ---
    "command.same_truth": (
        "Comparable: both tables of predictions hold the same true values in the same order ({rows:count row})."
    ),
    "command.other_truth": (
        "Their tables of predictions do not hold the same true values in the same order, so nothing shows that both "
        "were measured on the same rows."
    ),
    "command.one_truth": (
        "Every true value in the tables of predictions is the same, so they do not show that the rows are."
    ),
    "command.no_table": "{runs:names} left no table of predictions with the columns y_true and y_pred.",
    "command.several_folds": "A table of predictions holds several folds, and the other run is a script's.",
    "command.rows_unknown": "So nothing shows that both were measured on the same rows.",
    "command.seed_may_split": "Their seeds differ, and a seed may decide which rows these are.",
    "command.no_metric": "{run:name} reports no metric.",
    "command.no_direction": "The name {metric:name} does not say whether a high value is good.",
    "command.not_of_table": (
        "{metric:name} of {run:name} is reported as {value:number}, and from its table of predictions follows "
        "{table:number}: the report speaks of other rows, or counts otherwise."
    ),
    "command.not_in_table": (
        "{metric:name} of {run:name} does not follow from its table of predictions, so the table does not test it."
    ),
    "command.no_task": (
        "{metric:name} does not say whether the tables of predictions hold classes or amounts, so no rows are put side "
        "by side."
    ),
    "command.same_labels": "Both tables of predictions hold the same class on each of their {rows:count row}.",
    "command.few_rows": "Unreliable: with fewer than {threshold:whole} rows ({rows:whole}), single rows decide.",
    "difference.moved_only": (
        "{metric:name} is {difference:number} {direction} in {variant:name} than in {baseline:name}. Whether that is "
        "better, its name does not say."
    ),
    "ranked.no_direction": (
        "The runs are not ranked: the name {metric:name} does not say whether a high value is good."
    ),
    "note.bootstrap_of_rows": (
        "Paired bootstrap: the rows of the tables are drawn again with replacement, the same for both runs; what other "
        "training rows would do is not in it (Efron and Tibshirani 1993)."
    ),
    "note.intervals_of_rows": (
        "Intervals: paired bootstrap. The rows of the tables are drawn again with replacement, the same for both runs; "
        "what other training rows would do is not in it (Efron and Tibshirani 1993)."
    ),
    "failed.command": "The command failed: {command:name}",
    "tried.completed_alone": "it completed, and reported no metric.",
    "tried.elsewhere_command": "it failed otherwise: {message:text}",
    "interrupted.learned_of_command": "Nothing about the command: its end was not recorded. Run it again.",
    "learned.ended": "Nothing about the command: it was ended from outside. It may well complete.",
    "learned.alone_command": "No run of the same script that completed is there to compare it with.",
    "learned.one_input_command": (
        "As far as is recorded, only the {input:name} differs from {other:name}, which completed."
    ),
    "learned.one_key_command": (
        "As far as is recorded, only {key:name} differs from {other:name}: with {failed:name} it fails, and with "
        "{worked:name} it completed."
    ),
    "learned.one_key_new_command": (
        "As far as is recorded, only {key:name} differs from {other:name}: with {failed:name} it fails, and without "
        "it, it completed."
    ),
    "worse.reported": (
        "{metric:name} is {value:number} against {baseline:number} in the baseline ({difference:signed}), as reported."
    ),
    "caveat.as_reported": (
        "The numbers of {runs:names} are what the script reports; on which rows it measured them, only the script says."
    ),
    "noise.over_seeds": (
        "With {count:whole} seeds and all else as in {run:name}, as far as is recorded, {metric:name} has a standard "
        "deviation of {spread:number}, from {least:number} to {most:number}."
    ),
    "noise.over_runs": (
        "{run:name} was run {count:whole} times as it stands: {metric:name} has a standard deviation of "
        "{spread:number}, from {least:number} to {most:number}. No seed of it is known."
    ),
    # --- what was not observed of it ---
    "unseen.not_reached": "What it read was not recorded.",
    "unseen.unwatched": (
        "Nothing watched the command while it ran, so no file that it read is known. Name them with `--input`."
    ),
    "unseen.unwatched_named": (
        "Nothing watched the command while it ran: of what it read, only the files that were named with `--input` are "
        "known."
    ),
    "unseen.by_hook": (
        "Python told which files it opened itself. What other programs and native libraries opened was not seen."
    ),
    "unseen.programs": "Other programs ran, which did not report: {names:names}.",
    "unseen.native": (
        "Libraries were loaded that open files unseen: {names:names}. A file that they read may be missing."
    ),
    "unseen.unreadable": "{lines:count line} of what was observed cannot be read, so a file may be missing.",
    "unseen.network": "It used the network, and what came from there is not recorded.",
    "unseen.clock": "The clock and the random numbers of the system are not seen.",
    "unseen.refused": "The observer {observer:name} could not be used here: {why:text}",
    "unseen.stdin": "Its standard input was a stream, which is not kept.",
    "unseen.environment": "The versions of its libraries and the facts of the processor are not recorded.",
    # --- records of earlier versions ---
    "earlier.undefined": (
        "An earlier week2kit made {run:name}. Where rows do not define {metrics:names}, it recorded what scikit-learn "
        "puts in the place of a value, such as 0, so nothing is concluded from it. Train it again."
    ),
    "earlier.probabilities": (
        "An earlier week2kit made {run:name} and took {metrics:names} from the probabilities of the model; "
        "scikit-learn's scorer takes its decision function where it has one. Train it again to compare it with runs "
        "of today."
    ),
    # --- the difference ---
    "difference.not_comparable": "The two runs are not comparable, so no difference is drawn and there is no winner.",
    "difference.moved": (
        "{metric:name} is {difference:number} {direction} in {variant:name} than in {baseline:name} ({good} is better)."
    ),
    "difference.equal": "{metric:name} is exactly equal in {variant:name} and {baseline:name}.",
    "difference.rows_more": (
        "Counted in predictions, {variant:name} gets {net:whole} more of {rows:whole} right: "
        "{fixed:whole} fixed, {broken:whole} broken."
    ),
    "difference.rows_fewer": (
        "Counted in predictions, {variant:name} gets {net:whole} fewer of {rows:whole} right: "
        "{fixed:whole} fixed, {broken:whole} broken."
    ),
    "difference.rows_equal": (
        "Counted in predictions, both get equally many of {rows:whole} right, but not the same ones: "
        "{fixed:whole} fixed, {broken:whole} broken."
    ),
    "difference.same_labels": "Both runs predict the same class on each of the {rows:count validation row}.",
    "difference.errors": (
        "{variant:name} is closer to the true value on {closer:count row} and farther from it on {farther:count row}."
    ),
    "difference.validation_rows": "It rests on {rows:count validation prediction}.",
    "difference.metrics_disagree": "{against:names} moved the other way than {metric:name}: look at both.",
    "difference.others_worse": "But the 95 % interval of {against:names} lies on the worse side of 0: look at both.",
    "difference.others_better": "But the 95 % interval of {against:names} lies on the better side of 0: look at both.",
    # --- what was asked, and what the runs answer ---
    "goal.reached": "{run:name} reaches it: {metric:name} is {value:number} on the validation rows.",
    "goal.missed": (
        "{run:name} does not reach it: {metric:name} is {value:number} on the validation rows, {gap:number} away."
    ),
    "answer.baseline": (
        "{metric:name} of {run:name} is {value:number}, and that of a dummy that ignores the features {dummy:number}."
    ),
    "answer.better": (
        "{metric:name} of {variant:name} is better than that of {baseline:name}, by more than noise "
        "({difference:signed})."
    ),
    "answer.worse": (
        "{metric:name} of {variant:name} is worse than that of {baseline:name}, by more than noise "
        "({difference:signed})."
    ),
    "answer.noise": (
        "{metric:name} of {variant:name} minus that of {baseline:name} is {difference:signed}, which is not shown to "
        "be more than noise."
    ),
    "answer.equal": "{metric:name} is equal in {variant:name} and {baseline:name}.",
    "answer.equivalent": (
        "{metric:name} of {variant:name} and that of {baseline:name} are equivalent within your margin."
    ),
    "answer.untested": (
        "{metric:name} of {variant:name} differs from that of {baseline:name} by {difference:signed}; whether that is "
        "more than noise was not tested."
    ),
    "answer.not_comparable": "{variant:name} and {baseline:name} cannot be compared, so nothing is shown.",
    "answer.several": "Several things changed ({things:names}), so the difference has no single cause.",
    # --- columns ---
    "columns.features": "Features: {names:names}.",
    "columns.groups": "{name:name} is no feature: it says which rows belong together in the split.",
    "columns.order": "{name:name} is no feature: the split puts the rows in its order.",
    "columns.split": "{name:name} is no feature: it says which rows are for training and which for validation.",
    "columns.weights": "{name:name} is no feature: it weights the rows.",
    "columns.dropped": "Not used, as `data.drop` in the config says: {names:names}.",
    "columns.dropped_for": "Not used: {names:names} ({reason:text}).",
    "columns.listed": (
        "The config lists them in `data.features`, so any other column of the table is left out, and the record does "
        "not name it."
    ),
    "columns.all": "The config leaves out no column.",
    "columns.more": "{run:name} has features that {first:name} does not have: {names:names}.",
    "columns.fewer": "{run:name} does without features of {first:name}: {names:names}.",
    # --- many runs ---
    "ranked.alone": (
        "{best:name} has the best {metric:name} ({value:number}), and is ahead of each other run by more than noise."
    ),
    "ranked.alone_of_compared": (
        "Of the runs that can be compared, {best:name} has the best {metric:name} ({value:number}), and is ahead of "
        "each other by more than noise."
    ),
    "ranked.only": "No other run can be compared with {run:name}, so none is the best.",
    "ranked.tied": (
        "{best:name} has the best {metric:name} ({value:number}), but the noise does not tell {tied:names} from it."
    ),
    "ranked.untested": (
        "The best {metric:name} is {value:number} ({best:names}); whether by more than noise is not tested."
    ),
    "ranked.leaking": (
        "The best {metric:name} ({value:number}) is that of {best:name}, whose features hold the answer, as it seems. "
        "Of the runs of which that is not said, {honest:name} has the best: {score:number}."
    ),
    "ranked.better": "Better than {baseline:name}, the baseline, by more than noise: {runs:names}.",
    "ranked.none_better_tested": (
        "None of the variants that were tested is better than {baseline:name}, the baseline, by more than noise."
    ),
    "ranked.none_better": "No variant is better than {baseline:name}, the baseline, by more than noise.",
    # --- more than noise? ---
    **{
        f"mcnemar.{code}": (
            "{variant:name} is right on {fixed:count row} where {baseline:name} is wrong, and wrong on {broken:whole} "
            f"where it is right. With {{units:count row}} that is {worth} (exact McNemar, p {{p:p}})."
        )
        for code, worth in _WORTH.items()
    },
    "mcnemar.same": "Both are right on the same rows and wrong on the same rows: there is nothing to test.",
    "mcnemar.few": (
        "(The 95 % interval leaves out zero, but only {changed:count row} changed: drawing so few again shows less "
        "spread than there is, so the exact test decides.)"
    ),
    "bootstrap.noise": (
        "With other rows in place of these {units:whole}, the difference in {metric:name} would lie between "
        "{low:signed} and {high:signed} (95 % interval), so there may be none. That is not shown to be more than noise "
        "(paired bootstrap, p {p:p})."
    ),
    "bootstrap.real": (
        "With other rows in place of these {units:whole}, the difference in {metric:name} would lie between "
        "{low:signed} and {high:signed} (95 % interval), on one side of zero. That is more than noise "
        "(paired bootstrap, p {p:p})."
    ),
    "bootstrap.equal": "{metric:name} of the two is equal on whatever rows are drawn.",
    **{
        f"corrected_t.{code}": (
            "Over {units:count training} on other rows each, the difference in {metric:name} is {mean:signed} on "
            "average, with a 95 % interval from {low:signed} to {high:signed}. That is "
            f"{worth} (corrected t test, p {{p:p}})."
        )
        for code, worth in _WORTH.items()
    },
    "corrected_t.equal": "{metric:name} is equal in each of {units:count training}.",
    "needed": (
        "If the true rates were those seen here, about {rows:count row} would be needed to find such a "
        "difference in {tries:whole} of 10 tries ({power:share} power, {level:share} level)."
    ),
    "equivalent.yes": (
        "With your margin of {margin:value} the two are equivalent: the 90 % interval of the difference, {low:signed} "
        "to {high:signed}, lies inside it."
    ),
    "equivalent.real_but_small": (
        "It is smaller than your margin of {margin:value}, all the same: the 90 % interval of the difference, "
        "{low:signed} to {high:signed}, lies inside it."
    ),
    "equivalent.no": (
        "Within your margin of {margin:value} the two are not shown to be equivalent: the 90 % interval of the "
        "difference reaches from {low:signed} to {high:signed}."
    ),
    "holm": "Counted among {tests:count variant} that were compared with the baseline, p {p:p} (Holm).",
    "holm.lost": (
        "But {tests:whole} variants were compared with the baseline, and among so many, one such difference comes by "
        "chance: counted together, p {p:p} (Holm), so it is not shown to be more than noise."
    ),
    "unreliable.rows": (
        "Unreliable: with fewer than {threshold:whole} validation rows ({rows:whole}), single rows decide."
    ),
    "unreliable.classes": (
        "Unreliable: fewer than {threshold:whole} validation rows of {labels:names}, so single rows decide."
    ),
    "untested": "So this report does not say whether the difference is more than noise.",
    "untested.time_series": (
        "The {folds:whole} folds follow one another in time: later ones train on the rows of earlier ones, and no test "
        "is known that allows for that."
    ),
    "untested.metric": (
        "There is no interval and no test here for {metric:name}: it follows neither from counts, nor from losses of "
        "rows, nor from ranks."
    ),
    "untested.says_little": (
        "{metric:name} is not defined in one of the two runs, or not over the same folds, or its value says little "
        "(the warnings say why), so its difference is not tested."
    ),
    "untested.no_rows": "The predictions of the two runs cannot be put side by side.",
    "untested.no_spread": (
        "The difference in {metric:name} came out the same in every training, or too few could be used: there is no "
        "spread to test it against."
    ),
    "note.mcnemar": (
        "Exact McNemar test: of the rows that exactly one of the two gets right, is the share of each about one half? "
        "Two-sided binomial; rows are taken to be independent, and it speaks of these two fitted models (McNemar 1947)."
    ),
    "note.bootstrap": (
        "Paired bootstrap: validation rows are drawn again with replacement, the same for both runs, with the two "
        "fitted models held fixed; what other training rows would do is not in it (Efron and Tibshirani 1993)."
    ),
    "note.intervals": (
        "Intervals: paired bootstrap. Validation rows are drawn again with replacement, the same for both runs, with "
        "the fitted models held fixed; what other training rows would do is not in it (Efron and Tibshirani 1993)."
    ),
    "note.resamples": "{resamples:whole} resamples, seed {seed:whole}.",
    "note.corrected_t": (
        "Corrected resampled t test over {units:count training}: because the trainings share rows, the variance is "
        "taken times 1/J + n_val/n_train (Nadeau and Bengio 2003). It takes the differences to be about normal, and is "
        "cautious: with one pass of few folds it misses many that are real."
    ),
    "note.holm": "Several variants against one baseline: Holm's step-down p-values (Holm 1979).",
    # --- the noise floor ---
    "noise.both": (
        "{run:name}: with {count:count other seed} for split and model, {metric:name} has a standard deviation of "
        "{spread:number}, from {least:number} to {most:number}."
    ),
    "noise.split": (
        "{run:name}: with {count:count other seed}, {metric:name} has a standard deviation of {spread:number}, from "
        "{least:number} to {most:number}. Nothing in the model draws, so this is the spread over splits alone."
    ),
    "noise.model": (
        "{run:name}: with {count:count other seed}, {metric:name} has a standard deviation of {spread:number}, from "
        "{least:number} to {most:number}. The split stayed as it was, so this is the spread over model seeds alone: "
        "what other rows would do is not in it."
    ),
    "noise.neither": (
        "{run:name}: with {count:count other seed}, {metric:name} came out the same, because neither the split nor the "
        "model follows the seed."
    ),
    "noise.pairs": (
        "Seed by seed, {variant:name} is ahead of {baseline:name} in {ahead:whole} of {pairs:whole} pairs, behind in "
        "{behind:whole}; the mean difference is {difference:signed}."
    ),
    "noise.other_seeds": "The two runs were repeated with different seeds, so they are not compared seed by seed.",
    "noise.elsewhere": (
        "{other:name} has the inputs of {run:name}, and was trained with other seeds, too. To judge with them, name it "
        "in place of {run:name}."
    ),
    "noise.missing": (
        "How far {metric:name} of {run:name} moves with another seed was not measured. This would: {command:name}"
    ),
    # --- fit ---
    "gap.few_rows": (
        "{run:name} scores {training:number} on its training rows and {validation:number} on the validation rows "
        "({metric:name}). With {rows:count validation row} the gap of {gap:number} may come by chance, so this report "
        "does not judge it."
    ),
    "gap.folds_differ": (
        "{run:name} scores {training:number} on its training rows and {validation:number} on the validation rows "
        "({metric:name}). The {folds:count fold} differ by so much ({least:number} to {most:number}) that the gap of "
        "{gap:number} may come by chance, so this report does not judge it."
    ),
    "gap.too_good": (
        "{run:name} scores {validation:number} on the validation rows ({metric:name}). So good a score is rare: look "
        "for a feature that holds the answer, and for copies of rows, before you believe it."
    ),
    "gap.large": (
        "{run:name} scores {training:number} on its training rows and {validation:number} on the validation rows "
        "({metric:name}). The gap of {gap:number} is at least {threshold:value}: a sign of overfitting."
    ),
    "gap.small": (
        "{run:name} scores {training:number} on its training rows and {validation:number} on the validation rows "
        "({metric:name}). The gap of {gap:number} is below {threshold:value}: no sign of overfitting."
    ),
    "gap.negative": (
        "{run:name} scores {training:number} on its training rows and {validation:number} on the validation rows "
        "({metric:name}): {gap:number} better where it was not trained, so no sign of overfitting."
    ),
    "gap.no_scale": (
        "{run:name} has {metric:name} {training:number} on its training rows and {validation:number} on the "
        "validation rows. This metric has no fixed scale, so this report does not judge the gap."
    ),
    "underfitting.likely": (
        "{run:name} scores {training:number} even on its training rows, and a dummy that ignores the features "
        "{dummy:number} ({metric:name}): it has learnt little."
    ),
    "underfitting.no_sign": (
        "{run:name} scores {training:number} on its training rows, and a dummy that ignores the features "
        "{dummy:number} ({metric:name}): it has learnt from the features."
    ),
    "dummy.not_beaten": (
        "{run:name} is no better than guessing: {validation:number} on the validation rows, and a dummy that ignores "
        "the features {dummy:number} ({metric:name})."
    ),
    "converged.yes": "{run:name} converged after {n_iter:count iteration}.",
    "converged.yes_uncounted": "{run:name} converged.",
    "converged.no": (
        "{run:name} did not converge: it stopped after {n_iter:count iteration}, before its solution was reached. Such "
        "scores can come out differently on another machine."
    ),
    "converged.no_uncounted": (
        "{run:name} did not converge: it stopped before its solution was reached. Such scores can come out "
        "differently on another machine."
    ),
    # --- classes ---
    "classes.largest": (
        "The largest class, {label:name}, has {rows:whole} of {of:whole} validation rows ({share:percent})."
    ),
    "balance.accuracy_flatters": (
        "In {run:name}, accuracy is {accuracy:number} but {metric:name} {value:number}, which is {distance:number} "
        "lower: accuracy hides how the small classes fare."
    ),
    "balance.agrees": (
        "In {run:name}, accuracy is {accuracy:number} and {metric:name} {value:number}: no more than {threshold:value} "
        "apart in favour of the large classes."
    ),
    # --- warnings of the runs ---
    "warning": "{run:name} recorded: {warned:warning}",
    # --- rows ---
    "rows.not_comparable": "The two runs were not validated on the same rows, so no rows are put side by side.",
    "rows.not_recorded": "The predictions of {runs:names} are not recorded, so no row can be seen to have moved.",
    "rows.not_intact": (
        "A file of {runs:names} cannot be read here, or does not agree with its record, so its rows are not compared."
    ),
    "rows.too_many": "{file:name} of {run:name} is too large to be compared row by row in a report.",
    "rows.unreadable": "{file:name} of {run:name} is missing, or is not the table that week2kit writes.",
    "rows.not_the_same": (
        "The rows in the two `predictions.csv` are not the same, although the records say so: verify both runs."
    ),
    "rows.no_numbers": "A value in `predictions.csv` is not a number: verify both runs.",
    # --- setbacks ---
    "failed.at": "It stopped at stage {stage:name} with {error:name}.",
    "failed.why": "{message:text}",
    "interrupted": "It was interrupted: its record was begun and never finished.",
    "interrupted.after": "It was interrupted after stage {stage:name}: its record was begun and never finished.",
    "interrupted.why": (
        "The record does not say. The process was killed, or the machine stopped, or the run is still going on."
    ),
    "interrupted.learned": "Nothing about the config: the run did not get far enough. Run it again.",
    "worse.by": (
        "{metric:name} is {value:number} against {baseline:number} in the baseline ({difference:signed}, on "
        "{rows:count validation prediction})."
    ),
    "worse.why_nothing": "No recorded input differs from the baseline's, so the record does not say.",
    "worse.why_one": "Only {thing:name} changed, so the difference comes with it.",
    "worse.why_several": "Several things changed ({things:names}), so no cause can be named.",
    "worse.learned_nothing": "The same inputs gave another result: something that nothing fixes takes part in it.",
    "worse.learned_one": "This change of {thing:name} made {metric:name} worse, by more than noise.",
    "worse.learned_several": (
        "These changes together made {metric:name} worse, by more than noise; which of them hurt is not shown."
    ),
    "tried.completed": "it completed, with {metric:name} {value:number}.",
    "tried.same": "it failed in the same way.",
    "tried.elsewhere": "it failed otherwise, at stage {stage:name} with {error:name}.",
    "tried.interrupted": "it was interrupted.",
    "learned.repaired": (
        "With {key:name} = {worked:value} in place of {failed:value} it completes, as {run:name} shows."
    ),
    "learned.repaired_with": (
        "With {key:name} = {worked:value}, which was not given, it completes, as {run:name} shows."
    ),
    "learned.repaired_without": "Without {key:name} = {failed:value} it completes, as {run:name} shows.",
    "learned.repaired_input": "With the other {input:name} it completes, as {run:name} shows.",
    "learned.came_back": (
        "{run:name} completed with the same inputs: the cause lies in something that this record does not hold."
    ),
    "learned.shared": (
        "All {count:count run} that failed in this way have {key:name} = {value:value}, and none of the "
        "{completed:count completed run} has."
    ),
    "learned.from_outside": (
        "Nothing about the config: {error:name} comes from outside the run. The same command may well complete."
    ),
    "learned.refused_one": (
        "Of the keys that its config holds, only {key:name} differs from {other:name}, which completed: "
        "{failed:value} is refused at stage {stage:name}."
    ),
    "learned.refused": (
        "Of the keys that its config holds, {things:names} differ from {other:name}, which completed; which of them is "
        "refused, the message says."
    ),
    "learned.refused_alike": (
        "Every key that its config holds is as in {other:name}, which completed: the cause lies elsewhere."
    ),
    "learned.not_valid": (
        "The config was refused before anything was trained: nothing about the data or the model follows."
    ),
    "learned.alone": "This config fails at stage {stage:name}. No completed run is there to compare it with.",
    "learned.no_difference": (
        "No recorded input differs from {other:name}, which completed: the cause lies in something that this record "
        "does not hold."
    ),
    "learned.one_key": (
        "With all else as in {other:name}, {key:name} = {failed:value} fails at stage {stage:name}, and "
        "{worked:value} works."
    ),
    "learned.one_key_new": (
        "With all else as in {other:name}, {key:name} = {failed:value} fails at stage {stage:name}; without that key "
        "it works."
    ),
    "learned.one_input": (
        "With all else as in {other:name}, the other {input:name} makes it fail at stage {stage:name}."
    ),
    "learned.several": (
        "It differs from {other:name}, which completed, in several things ({things:names}), so which of them made it "
        "fail is not shown."
    ),
    # --- caveats ---
    "caveat.one_holdout": (
        "The scores come from one split with {rows:count validation row}; other rows would give other scores."
    ),
    "caveat.one_holdout_accuracy": (
        "The scores come from one split. One of its {rows:count validation row} is worth {share:number} of accuracy, "
        "and other rows would give other scores."
    ),
    "caveat.several_splits": (
        "Each score is that of the rows that this run was validated on; other rows would give other scores."
    ),
    "caveat.folds": (
        "The scores are means of {folds:count fold}. The folds share training rows, so their standard deviation "
        "understates how far the mean would move. `model.joblib` was fitted on all rows, and its own score was not "
        "measured."
    ),
    "caveat.few_rows": "With fewer than {threshold:whole} validation rows ({rows:whole}), single rows decide.",
    "caveat.few_of_a_class": (
        "Fewer than {threshold:whole} validation rows of {labels:names}: what is said of such a class rests on "
        "single rows."
    ),
    "caveat.chosen": (
        "The best of {runs:whole} runs was chosen on the same validation rows that score it, so its score is "
        "optimistic. Keep rows aside that none of them has seen."
    ),
    "caveat.environment": (
        "{variant:name} ran in another environment ({factors:names}), which can change results on its own."
    ),
    "caveat.seed_drawn": "The seed of {runs:names} was drawn, not chosen; it is recorded, and `verify` uses it.",
    "caveat.one_data_set": (
        "All of this holds for these {rows:count row} of data. Whether they stand for the rows to come, the record "
        "cannot say."
    ),
    **NEXT,
}
