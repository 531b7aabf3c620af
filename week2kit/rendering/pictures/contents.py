"""Which pictures a report has, and what each says in words: `drawing` makes them SVG, `sketches` text.

The words are a picture's caption and its text for those who do not see it. Both kinds of picture take them from here,
as they take the numbers: nothing is computed while drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from week2kit.canonical import clean, sha256
from week2kit.rendering.markdown import number, signed
from week2kit.reporting.rows import ConfusionRow, MovedClasses, Range, Score
from week2kit.reporting.values import Calibration, Comparison, Curve, CurvePoint, Figures, Fit, Report, Residuals

Kind: TypeAlias = Literal["metric", "difference", "fit", "confusion", "calibration", "residuals"]

#: Beyond this size a difference of two numbers may overflow, and no picture says anything.
_LARGEST: Final = 1e100


class Measured(NamedTuple):
    """A run's score of the primary metric; not comparable: on other rows than the baseline's."""

    run: str
    score: Score
    comparable: bool

    @property
    def value(self) -> float:
        """The validation score."""
        assert self.score.value is not None  # what is not defined is not drawn
        return self.score.value

    @property
    def dummy(self) -> float:
        """What the dummy scores."""
        assert self.score.dummy is not None
        return self.score.dummy


class Metric(NamedTuple):
    """The primary metric of each run."""

    metric: str
    rows: tuple[Measured, ...]


class Difference(NamedTuple):
    """How far a variant's primary metric is from the baseline's, and what that is worth (None: not tested)."""

    run: str
    difference: float
    interval: Range
    verdict: str | None


class Differences(NamedTuple):
    """The differences from the baseline that have an interval, by variant."""

    metric: str
    rows: tuple[Difference, ...]


class Fits(NamedTuple):
    """Training against validation score, by run."""

    metric: str
    rows: tuple[Fit, ...]


class Curves(NamedTuple):
    """Learning curves, by run."""

    metric: str
    rows: tuple[Curve, ...]


class Confusion(NamedTuple):
    """Two confusion matrices, and what moved between them."""

    baseline: str
    variant: str
    rows: tuple[ConfusionRow, ...]


class Calibrations(NamedTuple):
    """Reliability curves, by run."""

    rows: tuple[Calibration, ...]


class Scatter(NamedTuple):
    """True and predicted values, by run."""

    rows: tuple[Residuals, ...]


Content: TypeAlias = Metric | Differences | Fits | Curves | Confusion | Calibrations | Scatter


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
    content: Content

    @property
    def digest(self) -> str:
        """The digest of everything that is drawn."""
        return sha256(repr(self).encode("utf-8", "surrogatepass"))


def plan_pictures(report: Report) -> tuple[Picture, ...]:
    """The pictures of a report, in the order in which it shows them; what has no numbers has no picture."""
    return (
        *_metric(report),
        *_differences(report),
        *_fit(report.figures),
        *_calibration(report),
        *_residuals(report),
        *_confusions(report),
    )


def _metric(report: Report) -> Iterator[Picture]:
    rows = tuple(_measured(report))
    if not rows or report.figures is None:
        return
    metric = report.figures.metric
    better = "" if report.figures.greater_is_better else ", lower is better"
    interval = next((row.score.interval for row in rows if row.score.interval is not None), None)
    level = f" with its {100 * interval.level:g} % interval" if interval else ""
    told = "; ".join(f"{row.run} {_told(row)}" for row in rows)
    dummies = " or ".join(dict.fromkeys(number(row.dummy) for row in rows))
    yield Picture(
        kind="metric",
        run=None,
        name="metric",
        heading="Score",
        title=f"{metric} on the validation rows{level}{better}",
        description=f"{told}. The dummy scores {dummies}.",
        content=Metric(metric, rows),
    )


def _told(row: Measured) -> str:
    return f"{told_score(row.score)}{'' if row.comparable else ', not comparable'}"


def told_score(score: Score) -> str:
    """A score with its interval, or with the word that there is none."""
    if score.interval is None:
        return f"{number(score.value)} (no interval)"
    return f"{number(score.value)} ({number(score.interval.low)} to {number(score.interval.high)})"


def _measured(report: Report) -> Iterator[Measured]:
    """The baseline and each detailed variant that has the primary metric."""
    if report.baseline is None:
        return
    for comparison, metrics in [(None, report.metrics), *((item, item.metrics) for item in report.comparisons)]:
        row = next((row for row in metrics if row.primary), None)
        score = row and (row.baseline if comparison is None else row.variant)
        if score is not None and _drawable(_numbers(score)):
            run = report.baseline if comparison is None else comparison.variant
            yield Measured(run.name, score, comparison is None or not comparison.obstacles)


def _numbers(score: Score) -> list[float | None]:
    return [score.value, score.dummy, *(score.interval[:2] if score.interval else ()), *score.repeats]


def _drawable(values: Iterable[float | None]) -> bool:
    return all(value is not None and abs(value) < _LARGEST for value in values)  # also false for a NaN


def _differences(report: Report) -> Iterator[Picture]:
    rows = tuple(_with_interval(report.comparisons))
    if not rows or report.baseline is None or report.figures is None:
        return
    metric = report.figures.metric
    yield Picture(
        kind="difference",
        run=None,
        name="difference",
        heading="Difference",
        title=(
            f"{metric} minus that of {report.baseline.name}, with its {100 * rows[0].interval.level:g} % interval: "
            "where it holds zero, the difference may be noise"
        ),
        description="; ".join(f"{row.run} {told_difference(row)}" for row in rows) + ".",
        content=Differences(metric, rows),
    )


def _with_interval(comparisons: Iterable[Comparison]) -> Iterator[Difference]:
    for comparison in comparisons:
        row = next((row for row in comparison.metrics if row.primary), None)
        if row is None or row.difference is None or row.interval is None:
            continue
        if _drawable((row.difference, *row.interval[:2])):
            verdict = comparison.judgement.verdict if comparison.judgement else None
            yield Difference(comparison.variant.name, row.difference, row.interval, verdict)


def told_difference(row: Difference) -> str:
    """A difference with its interval, and the verdict where there is one."""
    verdict = f", {row.verdict}" if row.verdict else ""
    return f"{signed(row.difference)} ({signed(row.interval.low)} to {signed(row.interval.high)}){verdict}"


def _fit(figures: Figures | None) -> Iterator[Picture]:
    if figures is None:
        return
    if curves := tuple(curve for curve in figures.curves if _has_curve(curve, figures.metric)):
        yield _picture_of_curves(figures.metric, curves)
    elif fits := tuple(fit for fit in figures.fits if _drawable((fit.training, fit.validation))):
        told = "; ".join(f"{fit.run} {number(fit.training)} and {number(fit.validation)}" for fit in fits)
        title = f"Training against validation score ({figures.metric}): the gap between the two"
        said = f"Training and validation score: {told}."
        yield Picture("fit", None, "fit", "Figure B", title, said, Fits(figures.metric, fits))


def _has_curve(curve: Curve, metric: str) -> bool:
    return curve.metric == metric and _drawable(value for point in curve.points for value in point)


def _picture_of_curves(metric: str, curves: tuple[Curve, ...]) -> Picture:
    told = "; ".join(f"{curve.run} from {_at(curve.points[0])} to {_at(curve.points[-1])}" for curve in curves)
    return Picture(
        kind="fit",
        run=None,
        name="fit",
        heading="Figure B",
        title=f"Learning curve: training and validation score ({metric}) by the number of training rows",
        description=f"Training and validation score: {told}.",
        content=Curves(metric, curves),
    )


def _at(point: CurvePoint) -> str:
    return f"{number(point.training)} and {number(point.validation)} at {point.n_train} rows"


def _confusions(report: Report) -> Iterator[Picture]:
    for index, comparison in enumerate(report.comparisons, start=1):
        if report.baseline is not None and isinstance(comparison.moved, MovedClasses) and comparison.moved.confusion:
            suffix = f"-{index}" if len(report.comparisons) > 1 else ""
            yield _confusion(report.baseline.name, comparison, comparison.moved, suffix)


def _confusion(baseline: str, comparison: Comparison, moved: MovedClasses, suffix: str) -> Picture:
    variant = comparison.variant.name
    right = moved.right_both + moved.broken, moved.right_both + moved.fixed
    return Picture(
        kind="confusion",
        run=variant,
        name=f"confusion{suffix}",
        heading="Confusion",
        title=f"Confusion matrices of {baseline} and {variant}, and what moved between them",
        description=(
            f"Of {moved.rows} validation rows, {baseline} gets {right[0]} right and {variant} {right[1]}: "
            f"{moved.fixed} fixed, {moved.broken} broken. The table below has the counts."
        ),
        content=Confusion(baseline, variant, moved.confusion),
    )


def _calibration(report: Report) -> Iterator[Picture]:
    rows = report.figures.calibration if report.figures else ()
    if rows:
        yield Picture(
            kind="calibration",
            run=None,
            name="calibration",
            heading="Calibration",
            title=f"How often {_event(rows)}, by the probability that the model gave",
            description="In the largest bin of each run: " + "; ".join(map(_told_bin, rows)) + ".",
            content=Calibrations(rows),
        )


def _event(rows: tuple[Calibration, ...]) -> str:
    """What the probabilities are of: one class, or the predicted one."""
    labels = {row.label for row in rows}
    label = labels.pop() if len(labels) == 1 else None
    return "the predicted class is right" if label is None else f"{clean(label, 40)} is the true class"


def _told_bin(row: Calibration) -> str:
    point = max(row.points, key=lambda point: point.rows)
    return f"{row.run} predicted {point.predicted:.2f}, and {point.observed:.2f} of {point.rows} rows came true"


def _residuals(report: Report) -> Iterator[Picture]:
    every = report.figures.residuals if report.figures else ()
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
            content=Scatter(rows),
        )


# --- what both ways of drawing need ------------------------------------------------------------------------------


def shorten(text: str, limit: int) -> str:
    """Foreign text on one line, cut in its middle: names of runs mostly differ at their ends."""
    flat = " ".join(clean(text, 10_000).split()) or "(empty)"
    if len(flat) <= limit:
        return flat
    tail = limit // 2
    return f"{flat[: limit - tail - 1]}…{flat[-tail:]}" if tail else "…"


def extent(values: Iterable[float], margin: float = 0.0) -> tuple[float, float]:
    """From the smallest to the largest value, with a share of that as margin; a little where they are equal."""
    every = list(values)
    low, high = min(every), max(every)
    room = margin * (high - low) if low < high else abs(high) * 0.05 or 0.5
    return low - room, high + room


def metric_extent(content: Metric, margin: float = 0.0) -> tuple[tuple[float, float], bool]:
    """The part of the axis that shows the scores, and whether the dummy is on it.

    A dummy so far away that the scores could not be told apart stays outside.
    """
    scores = [value for row in content.rows for value in _shown_values(row)]
    dummies = [row.dummy for row in content.rows]
    spread, whole = max(scores) - min(scores), max(*scores, *dummies) - min(*scores, *dummies)
    shown = spread == 0 or spread >= 0.03 * whole
    return extent([*scores, *dummies] if shown else scores, margin), shown


def _shown_values(row: Measured) -> list[float]:
    return [row.value, *(row.score.interval or ())[:2], *row.score.repeats]


def difference_extent(content: Differences, margin: float = 0.0) -> tuple[float, float]:
    """The part of the axis that shows the differences and zero."""
    return extent([0.0, *(value for row in content.rows for value in (row.difference, *row.interval[:2]))], margin)
