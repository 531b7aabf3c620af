"""Which pictures a report has, what each says in words, and the lines that stand for it where none is drawn.

The words are a picture's caption and its text for those who do not see it. Nothing is computed while drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from week2kit.canonical import aligned, clean, sha256
from week2kit.rendering.markdown import describe_verdict, number, signed
from week2kit.reporting.rows import MovedClasses, Score
from week2kit.reporting.values import Calibration, Curve, CurvePoint, Fit, Report, Residuals

Kind: TypeAlias = Literal["metric", "difference", "fit", "confusion", "calibration", "residuals"]

#: Beyond this size a difference of two numbers may overflow, and no picture says anything.
_LARGEST: Final = 1e100
#: A dummy so far away that the scores would share less than this part of the axis is not on it.
_LEAST_SPREAD: Final = 0.03


class Lane(NamedTuple):
    """One run on a scale that it shares with others: its name, its numbers in words, and its marks."""

    run: str
    told: str
    value: float
    """The filled mark: what was measured on validation rows, or a difference."""
    interval: tuple[float, float] | None = None
    line: float | None = None
    """The dummy, or no difference; None: not on the scale."""
    repeats: tuple[float, ...] = ()
    training: float | None = None
    comparable: bool = True


class Picture(NamedTuple):
    """A picture: what kind it is, of which variant (None: of all runs), and what it says."""

    kind: Kind
    run: str | None
    name: str
    """Its file is called so, with a suffix."""
    heading: str
    title: str
    description: str
    """What it says, for those who do not see it."""
    axis: str
    """What its axis says; nothing for confusion matrices."""
    rows: tuple[Any, ...]
    """Of one type: `Lane`, `Curve`, `Calibration`, `Residuals` or `ConfusionRow`."""
    lines: tuple[str, ...] = ()
    """What it says as text; empty where a table of the report says it."""

    @property
    def first_line(self) -> str:
        """The first line of its file: a comment with the digest of everything that is drawn."""
        return f"<!-- week2kit picture of {sha256(repr(self).encode('utf-8', 'surrogatepass'))} -->"


def plan_pictures(report: Report) -> tuple[Picture, ...]:
    """The pictures of a report, in the order in which it shows them; what has no numbers has no picture.

    Those of the second data set are called ``metric-data2`` and so on.
    """
    others = (
        picture._replace(name=f"{picture.name}-data{number}")
        for number, other in enumerate(report.others, start=2)
        for picture in _of_one_data_set(other)
    )
    return (*_of_one_data_set(report), *others)


def pictures_of(report: Report, number: int = 1) -> tuple[Picture, ...]:
    """Those of them that show one data set, by its number from 1."""
    if number == 1:
        return _of_one_data_set(report)
    return tuple(picture for picture in plan_pictures(report) if picture.name.endswith(f"-data{number}"))


def _of_one_data_set(report: Report) -> tuple[Picture, ...]:
    if (figures := report.figures) is None:
        return tuple(_confusions(report))
    return (
        *_metric(report, figures.metric, figures.greater_is_better),
        *_differences(report, figures.metric),
        *_fit(figures.metric, figures.curves, figures.fits),
        *_calibration(figures.calibration),
        *_residuals(figures.residuals),
        *_confusions(report),
    )


def _drawable(values: Iterable[float | None]) -> bool:
    return all(value is not None and abs(value) < _LARGEST for value in values)  # also false for a NaN


def _metric(report: Report, metric: str, greater_is_better: bool) -> Iterator[Picture]:
    """The primary metric of the baseline and of each detailed variant."""
    found = list(_primary_scores(report))
    if not found:
        return
    scores = [value for _, score, _ in found for value in _shown(score)]
    dummies = [score.dummy for _, score, _ in found if score.dummy is not None]
    words = " or ".join(dict.fromkeys(map(number, dummies)))
    spread, whole = max(scores) - min(scores), max(*scores, *dummies) - min(*scores, *dummies)
    near = spread == 0 or spread >= _LEAST_SPREAD * whole
    interval = next((score.interval for _, score, _ in found if score.interval is not None), None)
    level = f" with its {100 * interval.level:g} % interval" if interval else ""
    better = "" if greater_is_better else ", lower is better"
    far = "" if near else f"; the dummy scores {words}, which lies outside"
    lanes = tuple(
        Lane(
            run=run,
            told=_told_score(score) + ("" if comparable else ", not comparable"),
            value=score.value or 0.0,
            interval=score.interval and score.interval[:2],
            line=score.dummy if near else None,
            repeats=score.repeats,
            comparable=comparable,
        )
        for run, score, comparable in found
    )
    yield Picture(
        kind="metric",
        run=None,
        name="metric",
        heading="Score",
        title=f"{metric} on the validation rows{level}{better}{far}",
        description=f"{_told(lanes)}. The dummy scores {words}.",
        axis=metric,
        rows=lanes,
        lines=(*(f"{lane.run}: {lane.told}" for lane in lanes), f"dummy: {words}") if report.comparisons else (),
    )


def _told(lanes: Iterable[Lane]) -> str:
    return "; ".join(f"{lane.run} {lane.told}" for lane in lanes)


def _primary_scores(report: Report) -> Iterator[tuple[str, Score, bool]]:
    """Run, score, and whether it is comparable with the baseline's, where all numbers can be drawn."""
    if report.baseline is None:
        return
    for comparison, metrics in [(None, report.metrics), *((item, item.metrics) for item in report.comparisons)]:
        row = next((row for row in metrics if row.primary), None)
        score = row and (row.baseline if comparison is None else row.variant)
        if score is not None and _drawable([score.value, score.dummy, *_shown(score)]):
            run = report.baseline if comparison is None else comparison.variant
            yield run.name, score, comparison is None or not comparison.obstacles


def _shown(score: Score) -> list[float]:
    value = [] if score.value is None else [score.value]
    return [*value, *(score.interval or ())[:2], *score.repeats]


def _told_score(score: Score) -> str:
    if score.interval is None:
        return f"{number(score.value)} (no interval)"
    return f"{number(score.value)} ({number(score.interval.low)} to {number(score.interval.high)})"


def _differences(report: Report, metric: str) -> Iterator[Picture]:
    """The differences from the baseline that have an interval, by variant."""
    lanes, levels = list[Lane](), list[float]()
    for comparison in report.comparisons:
        row = next((row for row in comparison.metrics if row.primary), None)
        if row is None or row.difference is None or row.interval is None:
            continue
        low, high, level = row.interval
        if _drawable((row.difference, low, high)):
            told = describe_verdict(comparison.judgement.verdict) if comparison.judgement else ""
            verdict = f", {told}" if told else ""
            told = f"{signed(row.difference)} ({signed(low)} to {signed(high)}){verdict}"
            lanes.append(Lane(comparison.variant.name, told, row.difference, (low, high), line=0.0))
            levels.append(level)
    if lanes and report.baseline is not None:
        yield Picture(
            kind="difference",
            run=None,
            name="difference",
            heading="Difference",
            title=(
                f"{metric} minus that of {report.baseline.name}, with its {100 * levels[0]:g} % interval: "
                "where it holds zero, the difference may be noise"
            ),
            description=f"{_told(lanes)}.",
            axis=f"difference of {metric}",
            rows=tuple(lanes),
        )


def _fit(metric: str, curves: Iterable[Curve], fits: Iterable[Fit]) -> Iterator[Picture]:
    """The learning curves, or, where none was recorded, training against validation score."""
    if rows := tuple(curve for curve in curves if _has_curve(curve, metric)):
        told = "; ".join(f"{curve.run} from {_at(curve.points[0])} to {_at(curve.points[-1])}" for curve in rows)
        title = f"Learning curve: training and validation score ({metric}) by the number of training rows"
        said = f"Training and validation score: {told}."
        yield Picture("fit", None, "fit", "Figure B", title, said, metric, rows)
    elif lanes := tuple(_gap(fit) for fit in fits if _drawable((fit.training, fit.validation))):
        told = _told(lanes).replace(" → ", " and ")
        title = f"Training against validation score ({metric}): the gap between the two"
        said = f"Training and validation score: {told}."
        yield Picture("fit", None, "fit", "Figure B", title, said, metric, lanes)


def _gap(fit: Fit) -> Lane:
    told = f"{number(fit.training)} → {number(fit.validation)}"
    return Lane(fit.run, told, fit.validation, training=fit.training)


def _has_curve(curve: Curve, metric: str) -> bool:
    return curve.metric == metric and _drawable(value for point in curve.points for value in point)


def _at(point: CurvePoint) -> str:
    return f"{number(point.training)} and {number(point.validation)} at {point.n_train} rows"


def _confusions(report: Report) -> Iterator[Picture]:
    for index, comparison in enumerate(report.comparisons, start=1):
        moved, variant = comparison.moved, comparison.variant.name
        if report.baseline is None or not isinstance(moved, MovedClasses) or not moved.confusion:
            continue
        baseline = report.baseline.name
        right = moved.right_both + moved.broken, moved.right_both + moved.fixed
        of = "rows" if "command" in (report.baseline.kind, comparison.variant.kind) else "validation rows"
        yield Picture(
            kind="confusion",
            run=variant,
            name=f"confusion-{index}" if len(report.comparisons) > 1 else "confusion",
            heading="Confusion",
            title=f"Confusion matrices of {baseline} and {variant}, and what moved between them",
            description=(
                f"Of {moved.rows} {of}, {baseline} gets {right[0]} right and {variant} {right[1]}: "
                f"{moved.fixed} fixed, {moved.broken} broken. The table below has the counts."
            ),
            axis="",
            rows=moved.confusion,
        )


def _calibration(rows: tuple[Calibration, ...]) -> Iterator[Picture]:
    if not rows:
        return
    largest = [(row.run, max(row.points, key=lambda point: point.rows)) for row in rows]
    told = "; ".join(
        f"{run} predicted {point.predicted:.2f}, and {point.observed:.2f} of {point.rows} rows came true"
        for run, point in largest
    )
    labels = {row.label for row in rows}
    label = labels.pop() if len(labels) == 1 else None
    event = "the predicted class is right" if label is None else f"{clean(label, 40)} is the true class"
    yield Picture(
        kind="calibration",
        run=None,
        name="calibration",
        heading="Calibration",
        title=f"How often {event}, by the probability that the model gave",
        description=f"In the largest bin of each run: {told}.",
        axis="came true",
        rows=rows,
        lines=tuple(line for row in rows for line in (f"{row.run}:", *_bins(row))),
    )


def _bins(row: Calibration) -> list[str]:
    bins = [(f"{point.predicted:.2f}", f"{point.observed:.2f}", f"{point.rows:,}") for point in row.points]
    return aligned([("predicted", "came true", "rows"), *bins], "rrr")


def _residuals(every: Iterable[Residuals]) -> Iterator[Picture]:
    rows = tuple(row for row in every if row.points and _drawable(value for point in row.points for value in point))
    if rows:
        left_out = max(row.left_out for row in rows)
        thinned = f" ({left_out} rows evenly left out)" if left_out else ""
        yield Picture(
            kind="residuals",
            run=None,
            name="residuals",
            heading="Residuals",
            title="True against predicted values on the validation rows; on the diagonal they are equal",
            description="; ".join(f"{row.run}: {len(row.points)} rows" for row in rows) + thinned + ".",
            axis="predicted",
            rows=rows,
            lines=tuple(line for row in rows for line in _scatter(row)),
        )


# --- the one plot that is text, as no table has its numbers -------------------------------------------------------

_COLUMNS: Final = 60
_LINES: Final = 13


def _scatter(row: Residuals) -> Iterator[str]:
    """Rows on a plane of signs: true values from left to right, predicted ones from below."""
    values = [value for point in row.points for value in point]
    low, high = min(values), max(values)
    step = (high - low) or 1.0
    plane = [[" "] * _COLUMNS for _ in range(_LINES)]
    for true, predicted in row.points:
        up, across = (
            round((value - low) / step * (cells - 1)) for value, cells in ((predicted, _LINES), (true, _COLUMNS))
        )
        plane[-1 - up][across] = "○" if plane[-1 - up][across] == " " else "■"
    scale = f"both {' to '.join(f'{edge:.4g}' if abs(edge) < 1e4 else f'{edge:.0f}' for edge in (low, high))}"
    yield f"{row.run}: true values from left to right, predicted upward, {scale}; ■ several rows"
    yield from (f"│{''.join(cells)}".rstrip() for cells in plane)
    yield "└" + "─" * _COLUMNS
