"""Reports with every kind of picture, made from runs that `build_runs` writes and from figures that stand here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from week2kit.reporting.composing import report
from week2kit.reporting.rows import Judgement, Range, Score
from week2kit.reporting.values import Calibration, CalibrationPoint, Curve, CurvePoint, Figures, Fit, Report, Residuals

from . import build_runs as build

NOISE = Judgement(
    metric="accuracy", verdict="noise", method="mcnemar", difference=0.0, interval=Range(-0.02, 0.05, 0.95),
    equivalence=None, p_value=1.0, adjusted=None, units=69, reliable=True, statements=(), notes=(),
)  # fmt: skip


def every_picture(folder: Path, name: str = "other", label: str = "Adelie") -> Report:
    """Two runs in which a class and the variant are called `label` and `name`, with every picture that there is."""
    labels = build.labels({(label, label): 28, (label, "C"): 2, ("C", "C"): 12, ("C", label): 2, ("G", "G"): 25})
    moved = build.labels({(label, label): 29, (label, "C"): 1, ("C", "C"): 11, ("C", label): 3, ("G", "G"): 25})
    config = build.with_keys(build.LOGISTIC, model__params__C=10.0)
    build.completed(folder, "base", build.Recipe(predictions=labels))
    build.completed(folder, "other", build.Recipe(predictions=moved, config=config))
    made = report([str(folder / "base"), str(folder / "other")])
    (comparison,) = made.comparisons
    comparison = comparison._replace(
        variant=comparison.variant._replace(name=name),
        metrics=tuple(
            row._replace(variant=with_interval(row.variant), interval=Range(-0.02, 0.05, 0.95))
            for row in comparison.metrics
        ),
        judgement=NOISE,
    )
    return made._replace(
        metrics=tuple(row._replace(baseline=with_interval(row.baseline)) for row in made.metrics),
        comparisons=(comparison,),
        runs=tuple(run._replace(name=name) if run.name == "other" else run for run in made.runs),
        figures=figures("base", name, label),
    )


def with_interval(score: Score | None) -> Score | None:
    """A score with an interval, and with two other seeds."""
    if score is None:
        return None
    interval = Range(score.value - 0.05, min(1.0, score.value + 0.03), 0.95)
    return score._replace(repeats=(0.93, 0.95), interval=interval)


def figures(base: str, other: str, label: str, **changes: Any) -> Figures:
    """Numbers for the pictures of two runs."""
    points = (CurvePoint(30, 1.0, 0.8), CurvePoint(120, 0.97, 0.9), CurvePoint(275, 0.96, 0.94))
    bins = (CalibrationPoint(0.1, 0.0, 12), CalibrationPoint(0.55, 0.4, 5), CalibrationPoint(0.95, 1.0, 52))
    scatter = tuple((float(index), index * 1.1 - 2) for index in range(20))
    made = Figures(
        metric="accuracy",
        greater_is_better=True,
        fits=(Fit(base, "accuracy", 0.952, 0.942), Fit(other, "accuracy", 0.981, 0.971)),
        curves=(Curve(base, "accuracy", points), Curve(other, "accuracy", points)),
        calibration=(Calibration(base, label, bins), Calibration(other, label, bins)),
        residuals=(Residuals(base, scatter, 0), Residuals(other, scatter, 3)),
    )
    return made._replace(**changes)
