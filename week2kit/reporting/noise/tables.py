"""Is a difference between two runs more than noise, where one of them is a script: from the tables that both left.

A script may report a number that its table does not hold: of training rows, of other rows, rounded to a percentage.
What is tested is the table; so a metric that does not follow from it is not tested.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from week2kit.inputs.changes import Statement
from week2kit.record.store import Run
from week2kit.record.written_metrics import decimals, meant_scorer, rounds_to
from week2kit.reporting.noise.judging import Pair, decide, discordant, rows_right
from week2kit.reporting.noise.uncertainty import Estimate, estimate_of, floats
from week2kit.reporting.predicted import Predicted
from week2kit.reporting.rows import Judgement, Method
from week2kit.reporting.runs import Runs
from week2kit.statistics.exact import mcnemar
from week2kit.thresholds import FEW_ROWS, MIN_ROUNDED_DIGITS, RANKED_ROWS, RESAMPLING_SEED

if TYPE_CHECKING:
    from week2kit.statistics.weighted import Rows

#: Of a script it is not known that its rows are validation rows.
_OF_ROWS: Final = {
    "note.bootstrap": "note.bootstrap_of_rows",
    "note.intervals": "note.intervals_of_rows",
}


class Tables(NamedTuple):
    """Two tables line by line, from which a metric of both follows."""

    scorer: str
    tables: tuple[Predicted, Predicted]
    rows: tuple[Rows, Rows]


def judge_tables(
    first: Run, variant: Run, metric: str, runs: Runs, margin: float | None
) -> tuple[Judgement, Estimate | None]:
    """The difference of a metric between two comparable runs, and its uncertainty where it could be told."""
    names = {"baseline": runs.name(first), "variant": runs.name(variant), "metric": metric}
    upward, found = runs.is_upward(metric, [first, variant]), tables_of(first, variant, metric, runs)
    method: Method | Statement
    estimate: Estimate | None = None
    pair: tuple[Predicted | None, Predicted | None] = (None, None)
    if upward is None:
        method = Statement("command.no_direction", {"metric": metric})
    elif isinstance(found, Statement):
        method = found
    else:
        from week2kit.statistics.resampling import resample

        method = "mcnemar" if found.scorer == "accuracy" else "bootstrap"
        drawn = resample([found.scorer], found.rows, seed=RESAMPLING_SEED)
        estimate, pair = estimate_of(found.scorer, drawn, found.rows[0]), found.tables
    rows = 0 if isinstance(found, Statement) else len(found.tables[0].true)
    few = estimate is not None and rows < FEW_ROWS
    weak = (Statement("command.few_rows", {"rows": rows, "threshold": FEW_ROWS}),) if few else ()
    difference = runs.difference(first, variant, metric)
    judged = decide(
        Pair(names, method, difference, upward is not False, pair, weak), estimate or Estimate(rows), margin
    )
    notes = tuple(note._replace(code=_OF_ROWS.get(note.code, note.code)) for note in judged.notes)
    return judged._replace(notes=notes), estimate


def p_of_tables(first: Run, variant: Run, metric: str, runs: Runs) -> float | None:
    """The p-value of the same test, for a ranking; None where there is none."""
    if runs.is_upward(metric, [first, variant]) is None:
        return None
    found = tables_of(first, variant, metric, runs)
    if isinstance(found, Statement):
        return None
    if found.scorer == "accuracy":
        return mcnemar(*discordant(*map(rows_right, found.tables)))
    if 2 * len(found.tables[0].true) > RANKED_ROWS:
        return None
    from week2kit.statistics.resampling import resample

    return estimate_of(found.scorer, resample([found.scorer], found.rows, seed=RESAMPLING_SEED), found.rows[0]).p_value


def tables_of(first: Run, variant: Run, metric: str, runs: Runs) -> Tables | Statement:
    """The tables of two runs, or why they do not show how a metric came about."""
    found = runs.aligned(first, variant)
    if isinstance(found, Statement):
        return found
    import numpy as np

    from week2kit.statistics.weighted import weighted_metrics

    scorer = meant_scorer(metric)
    rows = rows_for(scorer, found)
    if rows is None:
        return Statement("untested.metric", {"metric": metric})
    for run, table in zip((first, variant), rows, strict=True):
        value = float(weighted_metrics([scorer], table)(np.ones((1, len(table.true))))[0, 0])
        reported = runs.scores(run)[metric].value
        if reported is None or not _may_be(value, reported):
            told = {"run": runs.name(run), "metric": metric, "value": reported}
            if math.isnan(value):
                return Statement("command.not_in_table", told)
            return Statement("command.not_of_table", told | {"table": value})
    return Tables(scorer, found, (rows[0], rows[1]))


def _may_be(value: float, reported: float) -> bool:
    """Whether a reported number, perhaps rounded, is this one."""
    digits = decimals(reported)
    return abs(value - reported) <= 1e-9 * max(1.0, abs(reported)) or (
        digits >= MIN_ROUNDED_DIGITS and rounds_to(value, reported, digits)
    )


def rows_for(scorer: str, tables: Sequence[Predicted]) -> list[Rows] | None:
    """The tables as the arrays that a metric is computed from; None where it does not follow from labels or values.

    Which of two classes is the positive one, a script does not say: 1, else the second in order. Where that is wrong,
    the metric does not come out.
    """
    import numpy as np

    from week2kit.statistics.weighted import Rows, kind_of

    match kind_of(scorer):
        case "losses":
            try:
                return [Rows(floats(one.true), floats(one.predicted), None, "predict", 0, 0) for one in tables]
            except ValueError:
                return None
        case "counts":
            labels = sorted({label for one in tables for label in (*one.true, *one.predicted)})
            codes = {label: code for code, label in enumerate(labels)}
            columns = [
                [np.array([codes[label] for label in column], dtype=np.int64) for column in (one.true, one.predicted)]
                for one in tables
            ]
            return [Rows(true, predicted, None, None, len(labels), codes.get("1", 1)) for true, predicted in columns]
    return None
