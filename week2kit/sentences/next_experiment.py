"""The sentences about the next experiment, by code; filled in as those of `week2kit.sentences.report`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NEXT: Final[Mapping[str, str]] = {
    # --- next experiment ---
    "next.no_run": "No run was found.",
    "next.train": "Train a first run.",
    "next.not_recorded": "A run without a manifest holds no predictions, so no difference can be tested.",
    "next.full_record": "Train the config of {run:name} with a record that holds all that is missing: {command:name}.",
    "next.name_data": (
        "Write a config that names the data and the label, and train it with a record that holds all that is missing: "
        "`train` does not take that of {run:name} as it stands."
    ),
    "next.none_completed": "No run completed, so there is no baseline yet.",
    "next.repair": "Repair the config of {run:name} as its error says, and train it again.",
    "next.repair_command": "Mend what the error of {run:name} names, and run the command again.",
    "next.run_again": "Run {run:name} again.",
    # of a person's own script
    "next.no_metric": "{run:name} reports no metric, so there is nothing to compare.",
    "next.report_metric": "Let the script print a line such as `accuracy: 0.93`, or write a metrics.json.",
    "next.one_at_a_time": "Run it again with one of these changes at a time.",
    "next.no_seed": (
        "No seed stands in the command of {run:name}, so how far its numbers move with another is not known."
    ),
    "next.give_seed": (
        "Let the script take its seed from a flag, such as `--seed`, use it for the split and for the model, and "
        "record a run with it."
    ),
    "next.script_one_seed": "The command of {run:name} was seen with one seed only ({seed:value}).",
    "next.another_seed": "Run it again with another seed, and see how far its numbers move: {command:name}",
    "next.no_table": "{run:name} left no table of predictions, so no difference to it can be tested.",
    "next.write_table": (
        "Let the script write its predictions on the rows that it is judged by, with the columns y_true and y_pred, as "
        "predictions.csv."
    ),
    "next.nothing_known": (
        "Nothing found here speaks against {run:name}. What is inside of a script, a record does not say."
    ),
    "next.change_one_thing": "Change one thing, and only one, and record that run beside these.",
    "next.other_rows": "{variant:name} was validated on other rows than {baseline:name}: they cannot be compared.",
    "next.other_metric": "{variant:name} did not record the primary metric of {baseline:name}.",
    "next.other_data": "The data of {variant:name} has other values than that of {baseline:name}.",
    "next.other_question": "{variant:name} and {baseline:name} answer different questions, as the reasons above say.",
    "next.several": "Several things changed ({things:names}), so no cause can be named.",
    "next.separate": "Change one thing at a time against {baseline:name}, on its rows and with its metrics.",
    "next.same_here": (
        "Train {baseline:name} again here and now, so that {others:names} are those of today, and compare "
        "{variant:name} with that."
    ),
    "next.one_question": "Decide which of the two questions is the goal, and train both runs on that data and target.",
    "next.single": (
        "Nothing found here speaks against {run:name}, and no comparable run stands beside it. Change one thing, and "
        "only one."
    ),
    "next.go_on": (
        "Nothing found here speaks against {run:name}, and none of these runs has a better score. Go on from it with "
        "one more change."
    ),
    "next.undefined": "{metric:name} of {run:name} is not defined, or says little, on the rows it was measured on.",
    "next.define": (
        "Measure it on rows that define it: shuffle and stratify the split, use fewer folds or more rows, or choose "
        "another metric."
    ),
    "next.leak": (
        "{run:name} has the answer among its features ({features:names}, see the warning), so its scores say nothing "
        "of rows whose target is not known yet."
    ),
    "next.drop_leak": "Leave {features:names} out, and train again; or say why this is known in advance.",
    "next.too_good": "{run:name} reaches {metric:name} {value:number} on the validation rows, which is rare.",
    "next.look_for_leak": (
        "Look for the reason first: leave out one feature at a time, and ask of the one whose loss costs most whether "
        "it is known at the time of prediction."
    ),
    "next.look_at_feature": (
        "Look for the reason first: ask of {feature:name}, the only feature, whether it is known at the time of "
        "prediction, and look for copies of rows."
    ),
    "next.judge_later": (
        "The rows stand in the order of {column:name}, and the split is random, so each row has its neighbours in "
        "time to copy from. Judge it on later rows first: split by `time_series`, ordered by {column:name}."
    ),
    "next.perfect": (
        "{run:name} has the best {metric:name} that there is, on {rows:count validation row}: on these, no change can "
        "show that it helps."
    ),
    "next.other_class": "Try a model of another kind on the same rows.",
    "next.not_converged": "{run:name} did not converge, so its score is not yet the score of its model.",
    "next.scale": (
        "Scale the numeric features: the solver then reaches its solution in far fewer iterations. (More iterations, "
        "`model.params.max_iter`, are the other way.)"
    ),
    "next.iterate": "Allow more iterations: {after:whole} in place of {before:whole}.",
    "next.iterate_somehow": "Raise the limit on the iterations of its solver, and train it again.",
    "next.no_better_than_dummy": "{run:name} is no better than guessing, and hardly better on its own training rows.",
    "next.all_guess": "None of these {runs:whole} runs is better than guessing, not even {run:name}.",
    "next.look_at_features": "Look at the features: find a column that tells more of the target, and would be known in "
    "time. With these, a model of another kind does not beat guessing either.",
    "next.other_model": "Try a model of another kind on the same rows; if it guesses too, look at the features.",
    "next.underfitting": "{run:name} hardly beats the dummy even on its training rows.",
    "next.overfitting": "{run:name} does better on its training rows than on the validation rows by {gap:number}.",
    "next.simpler": "Tie the model down: {key:name} = {after:value} in place of {before:value}.",
    "next.more_flexible": "Give the model more freedom: {key:name} = {after:value} in place of {before:value}.",
    "next.learning_curve": "Record its learning curve: is the validation score still rising with more rows?",
    "next.imbalance": (
        "In {run:name}, accuracy is {accuracy:number} but f1_macro {f1_macro:number}: the small classes are missed."
    ),
    "next.weight_classes": "Let every class count the same in the fit.",
    "next.still_rising": (
        "The learning curve of {run:name} still rises at its end: {metric:name} gains {gain:number} from "
        "{before:whole} to {after:whole} training rows."
    ),
    "next.smaller_test": (
        "Train on more of the rows: a test_size of {after:value} in place of {before:value}. (More data is the other "
        "way, and the better one: it costs no validation rows.)"
    ),
    "next.more_folds": (
        "Train on more of the rows: {after:value} folds in place of {before:value}. (More data is the other way.)"
    ),
    "next.noise_unknown": (
        "The difference between {variant:name} and {baseline:name} is not shown to be more than noise, and how far "
        "{metric:name} moves with other seeds was not measured."
    ),
    "next.one_split": (
        "The difference rests on one split with {rows:count validation row}, and how much it moves with other rows "
        "is not known."
    ),
    "next.one_seed": "All of this was seen with one seed ({seed:value}).",
    "next.repeat": "Train {repeats:whole} times again, each with the next seed.",
    "next.noise": (
        "The difference of {difference:number} between {variant:name} and {baseline:name} is not shown to be more than "
        "noise."
    ),
    "next.noise_known": (
        "The difference of {difference:number} between {variant:name} and {baseline:name} is not shown to be more than "
        "noise, and {metric:name} moves by {spread:number} (standard deviation) with other seeds alone."
    ),
    "next.less_noise_n_repeats": "Repeat the folds with other rows in each: {after:value} times.",
    "next.less_noise_repeats": "Train it {after:whole} times again, each on other rows.",
    "next.less_noise_test_size": "Validate on more of the rows: a test_size of {after:value}.",
    # --- what the next experiment would show ---
    "reading.separate": (
        "A change that moves {metric:name} by more than noise on these rows is a cause; if none does, none of them "
        "alone is shown to be one."
    ),
    "reading.separate_some": (
        "A change that moves {metric:name} by more than noise on these rows is a cause; if none does, none of them "
        "alone is shown to be one. What cannot be tried alone on these rows: {left:names}."
    ),
    "reading.one_cause": (
        "If {metric:name} moves as in {variant:name}, the cause is this change; if it stays as in {baseline:name}, the "
        "cause is something else that is different there."
    ),
    "reading.same_here": (
        "If it scores as {baseline:name} did, {others:names} did not make the difference; if it scores as "
        "{variant:name}, they did."
    ),
    "reading.converge": (
        "If it converges, its score counts, higher or lower; if it still stops at the limit, this was not what held "
        "the solver up."
    ),
    "reading.other_model": (
        "If {metric:name} is better than the {dummy:number} of the dummy by more than noise, the features tell "
        "something of the target; if not, it lies with the features, not with the model."
    ),
    "reading.simpler": (
        "If the gap shrinks and the validation score of {metric:name} stays or improves, it was overfitting; if both "
        "scores get worse, the model was not too free."
    ),
    "reading.more_flexible": (
        "If {metric:name} improves on the validation rows by more than noise, the model was too stiff; if only the "
        "training score does, it learns by heart."
    ),
    "reading.learning_curve": (
        "If the validation score still rises at its end, more rows are the cure; if it is flat, a simpler model is."
    ),
    "reading.imbalance": (
        "If f1_macro rises and accuracy hardly falls, the weights help; if accuracy falls by more than f1_macro rises, "
        "they do not."
    ),
    "reading.more_rows": (
        "If {metric:name} improves again, more data is worth its price; if not, the curve has levelled off. The "
        "validation rows are not the same, so look at the size of the gain, not at single rows."
    ),
    "reading.repeat": (
        "If {variant:name} stays on the same side of {baseline:name} for nearly every seed, the difference is worth "
        "a closer look; if the spread is larger than the difference, these seeds do not show one."
    ),
    "reading.drop_leak": (
        "The score will fall. What is left is what the model can do with features that are known in time."
    ),
    "reading.perfect": (
        "If it is as good with the other seeds, the question is answered; if it is not, these rows were easy ones."
    ),
    "reading.less_noise": (
        "If the 95 % interval of the difference then holds no zero, {variant:name} and {baseline:name} do differ; if "
        "it still does, keep the simpler one."
    ),
}
