"""What came out: the ranked table, the metrics of each variant beside those of the baseline, folds, learning curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from week2kit.rendering.blocks import Block, Table, folded
from week2kit.rendering.markdown import (
    code,
    codes,
    count,
    describe_verdict,
    number,
    show_dummy,
    show_range,
    show_score,
    show_span,
    signed,
)
from week2kit.rendering.sections.wording import (
    Pictures,
    is_single,
    kind_of,
    only_commands,
    only_partial,
    shown,
    statements,
)
from week2kit.reporting.rows import MetricRow
from week2kit.reporting.values import Comparison, OverviewRow, Report

_TRAINING: Final = ("training: baseline", "training: variant")


def beginning(report: Report, pictures: Pictures) -> Iterator[Block]:
    """All runs in one table; the metrics of the only one stand in the head."""
    if report.overview:
        yield from _overview(report)
    yield from folded("Scores with their intervals", shown(pictures, "metric", "difference"))
    if report.baseline is None:
        yield "No run completed, so there are no results."
    elif not report.comparisons and not report.metrics:
        yield f"{code(report.baseline.name)} has {_primary(report)}."


def _overview(report: Report) -> Iterator[Block]:
    head = ("rank", "run", "what changed", _primary(report), "against the baseline")
    yield Table(head, "rllrl", tuple(map(_overview_row, report.overview)))
    if any(row.verdict not in (None, "untested") for row in report.overview):
        yield (
            "Runs of one rank (=) are not told apart: the noise could have put them in another order. Each is tested "
            "against the best and against the baseline, with Holm's correction for so many tests."
        )
    more = report.overview_left_out
    left_out = f"The table leaves out {count(more, 'run')}, which are no better than these.\n" if more else ""
    variants = len(report.overview) + more - 1
    detailed = variants > len(report.comparisons)
    yield left_out + ("The best variant is compared with the baseline in detail." if detailed else "")


def _primary(report: Report) -> str:
    return code(report.metrics[0].metric) if report.metrics else "no metric that is known by its name"


def _overview_row(row: OverviewRow) -> tuple[str, ...]:
    if row.baseline:
        things, against = "", ""
    else:
        things = codes(row.things, 4) if row.things else "nothing"
        against = f"{signed(row.difference)} ({describe_verdict(row.verdict)})" if row.comparable else "not comparable"
    rank = "–" if row.rank is None else f"{row.rank}{' =' if row.tied else ''}"
    return rank, f"{code(row.run)}{' (baseline)' if row.baseline else ''}", things, number(row.value), against


def metrics_alone(report: Report) -> Table:
    """The metrics of a run beside which no other stands."""
    if only_commands(report):
        told = [(_name(row), show_score(row.baseline)) for row in report.metrics]
        return Table(("metric", "as reported"), "lr", tuple(told))
    rows: list[tuple[str, ...]] = [
        (_name(row), show_score(one), show_range(one.interval), number(one.training), number(one.dummy))
        for row in report.metrics
        if (one := row.baseline) is not None
    ]
    if report.fit_seconds is not None:
        rows.append(("time of fit (s)", number(report.fit_seconds), "", "", ""))
    return Table(("metric", "validation", "95 % interval", "training", "dummy"), "lrrrr", tuple(rows))


def of_one(report: Report, comparison: Comparison) -> Iterator[Block]:
    """The metrics of one variant beside those of the baseline, and how the difference was judged.

    Where there is one variant, its metrics stand at the head.
    """
    if not is_single(report):
        yield metrics_of(report, comparison)
    if comparison.judgement and comparison.judgement.notes:
        yield from folded("How this was judged", [statements(comparison.judgement.notes)])
    if comparison.folds:
        yield from folded("The folds one by one", _each_fold(report, comparison))


def metrics_of(report: Report, comparison: Comparison) -> Table:
    """The metrics of one variant beside those of the baseline."""
    assert report.baseline is not None
    if kind_of(report, report.baseline.name) == comparison.variant.kind == "command":
        cells = tuple(_metric_row(row, comparison)[:5] for row in comparison.metrics)
        return Table(("metric, as reported", "baseline", "variant", "difference", "95 % interval"), "lrrrr", cells)
    head = ("metric", "baseline", "variant", "difference", "95 % interval", *_TRAINING, "dummy")
    rows = [_metric_row(row, comparison) for row in comparison.metrics]
    times = map(number, comparison.fit_seconds)
    return Table(head, "lrrrrrrr", (*rows, ("time of fit (s)", *times, *5 * ("",))))


def _each_fold(report: Report, comparison: Comparison) -> Iterator[Block]:
    yield _folds(comparison, f"{_primary(report)} in each fold:")
    if comparison.folds_left_out:
        yield f"{count(comparison.folds_left_out, 'more fold')} in `manifest.json`."


def _metric_row(row: MetricRow, comparison: Comparison) -> tuple[str, ...]:
    judged = f" ({describe_verdict(comparison.judgement.verdict)})" if row.primary and comparison.judgement else ""
    return (
        _name(row),
        show_score(row.baseline),
        show_score(row.variant),
        signed(row.difference) + judged,
        show_span(row.interval),
        number(row.baseline.training if row.baseline else None),
        number(row.variant.training if row.variant else None),
        show_dummy((row.baseline, row.variant)),
    )


def _name(row: MetricRow) -> str:
    of = f" of {code(row.of)}" if row.of is not None else ""
    primary = " (primary)" if row.primary else ""
    return f"{code(row.metric)}{of}{primary}{' (lower is better)' if row.greater_is_better is False else ''}"


def _folds(comparison: Comparison, caption: str) -> Table:
    head = ("fold", "rows to train", "rows to validate", "baseline", "variant", "difference")
    rows = (
        (*map(str, fold[:3]), number(fold.baseline), number(fold.variant), signed(fold.difference))
        for fold in comparison.folds
    )
    return Table(head, "rrrrrr", tuple(rows), caption)


def end(report: Report, pictures: Pictures) -> Iterator[Block]:
    """What the columns mean, and training against validation score."""
    if only_commands(report):
        yield "Each number is what its script reports. A dash: not known."
    elif only_partial(report):
        yield "A dash: not recorded. The time of a training varies from run to run."
    elif report.baseline is not None:
        yield (
            "Training scores are measured on rows that the model was fitted on. The dummy ignores the features and "
            "only guesses. The time of a fit varies from run to run."
        )
        if names := [run.name for run in report.runs if run.kind == "command"]:
            yield f"The numbers of {codes(names)} are what the script reports: nothing more is known of it."
    yield from shown(pictures, "fit")
    if report.figures and report.figures.curves:
        rows = (
            (code(curve.run), code(curve.metric), str(point.n_train), number(point.training), number(point.validation))
            for curve in report.figures.curves
            for point in curve.points
        )
        head = ("run", "metric", "training rows", "training", "validation")
        table = Table(head, "llrrr", tuple(rows), "The learning curve in numbers:")
        yield from folded("The learning curve in numbers", [table])
