"""The sentences about runs without a manifest, by code; filled in as those of `week2kit.sentences.report`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WITHOUT_MANIFEST: Final[Mapping[str, str]] = {
    "thin.comparable": (
        "Comparable as far as two runs without a manifest show: the same target, test size and random state, and the "
        "same data file as it is found today."
    ),
    "thin.config": "The config of {run:name} cannot be used: {problem:text}",
    "thin.unnamed": (
        "The config of {run:name} leaves out {keys:names}, so nothing shows that both were validated on the same rows."
    ),
    "thin.data_missing": "No data file is found for {run:name}, so nothing shows that their rows are the same.",
    "thin.data_differs": "The data files that are found today for the two differ.",
    "thin.other_name": "{baseline:name} and {variant:name} hold the same bytes.",
    "thin.alone": "{run:name} writes {metric:name} {value:number}. There is no second run to compare it with.",
    "thin.alone_no_metric": (
        "{run:name} writes no metric that is known by its name. There is no second run to compare it with."
    ),
    "thin.moved": (
        "{metric:name} is {difference:number} {direction} in {variant:name} ({after:number}) than in {baseline:name} "
        "({before:number})."
    ),
    "thin.equal": "{metric:name} is equal in {variant:name} and {baseline:name} ({after:number}).",
    "thin.values": (
        "{metric:name} is {before:number} in {baseline:name} and {after:number} in {variant:name}, as written."
    ),
    "thin.no_shared_metric": "{variant:name} and {baseline:name} have no metric in common that is known by its name.",
    "thin.time_longer": (
        "Training took longer in {variant:name}: {before:number} s → {after:number} s, as written. Such a time "
        "varies from run to run."
    ),
    "thin.time_shorter": (
        "Training took less time in {variant:name}: {before:number} s → {after:number} s, as written. Such a time "
        "varies from run to run."
    ),
    "thin.time_equal": "Training took as long in {variant:name}: {after:number} s, as written.",
    "thin.all_comparable": (
        "{comparable:names} can be compared with {baseline:name}, as far as such records tell: the same target, test "
        "size and random state, and the same data file as it is found today."
    ),
    "thin.some_comparable": (
        "{comparable:names} can be compared with {baseline:name}, as far as such records tell; {others:names} cannot."
    ),
    "thin.none_comparable": "Not one of {others:names} can be compared with {baseline:name}.",
    "thin.best": "The highest {metric:name} among those that can be compared is {value:number}: {runs:names}.",
    "thin.all_equal": "All that can be compared have {metric:name} {value:number}.",
    "thin.unknown": (
        "Not known: whether a difference is more than noise, as these runs hold no predictions, and whether the code "
        "was the same."
    ),
    "thin.unknown_equal": (
        "Not known: whether they predict the same, as these runs hold no predictions, and whether the code was the "
        "same."
    ),
    "thin.unknown_rows": "Not known: how the two compare on the same rows, and whether the code was the same.",
    "thin.unknown_alone": (
        "Not known: which rows, which code and which processor gave it, and what a dummy would score."
    ),
}
