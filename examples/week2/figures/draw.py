"""Make the runs behind the two figures of the course, and draw them.

    python3 examples/week2/figures/draw.py

writes numbers.json, training_loop.svg and overfitting.svg beside this file. The runs go into a temporary folder.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from week2kit import train
from week2kit.record.manifest import CompletedRun
from week2kit.rendering.pictures.svg import INK, MUTED, ONE, SMALL, TWO, WIDTH, as_svg, own_settings

HERE = Path(__file__).parent
BASELINE = HERE.parent.parent / "penguins" / "baseline.json"
DEPTHS = range(1, 15)
#: The curves have parted where the training score is ahead by more than this.
PARTED = 0.05

Numbers: TypeAlias = dict[str, Any]


# --- the runs ----------------------------------------------------------------------------------------------------


def measure() -> Numbers:
    """The numbers of both figures, from runs that are made now."""
    with tempfile.TemporaryDirectory() as folder:
        return {"training_loop": _measure_loop(Path(folder)), "overfitting": _measure_depths(Path(folder))}


def _measure_loop(folder: Path) -> Numbers:
    run = train(BASELINE, runs_dir=folder)
    manifest = _completed(run.manifest)
    fold, accuracy = manifest.outcome.split.folds[0], manifest.outcome.metrics["accuracy"]
    return {
        "rows": manifest.inputs.data.rows,
        "features": sum(column.role == "feature" for column in manifest.inputs.data.columns),
        "target": next(column.name for column in manifest.inputs.data.columns if column.role == "target"),
        "n_train": fold.n_train,
        "n_val": fold.n_val,
        "training": accuracy.training,
        "validation": accuracy.value,
        "artifacts": sorted(path.name for path in run.path.iterdir()),
    }


def _measure_depths(folder: Path) -> list[Numbers]:
    return [{"depth": depth, **_measure_depth(depth, folder)} for depth in DEPTHS]


def _measure_depth(depth: int, folder: Path) -> dict[str, float]:
    """Accuracy of a tree of this depth on the handwritten digits, the mean over five folds."""
    config = {
        "data": {"dataset": "digits"},
        "split": {"method": "kfold", "n_splits": 5},
        "preprocess": "none",
        "model": {"class": "decision_tree", "params": {"max_depth": depth}},
        "metrics": ["accuracy"],
        "seed": 42,
    }
    accuracy = _completed(train(config, runs_dir=folder).manifest).outcome.metrics["accuracy"]
    return {"training": accuracy.training, "validation": accuracy.value}


def _completed(manifest: object) -> CompletedRun:
    if not isinstance(manifest, CompletedRun):
        raise SystemExit(f"A run of the figures failed: {manifest}")
    return manifest


def parting(depths: list[Numbers]) -> int:
    """Where the curves part: the last depth at which the training score is not yet ahead by more than `PARTED`."""
    return max(point["depth"] for point in depths if point["training"] - point["validation"] <= PARTED)


# --- the pictures ------------------------------------------------------------------------------------------------


def draw(numbers: Numbers) -> dict[str, str]:
    """File name and SVG of each figure: the same numbers and the same matplotlib give the same text."""
    return {
        "training_loop.svg": _draw_loop(numbers["training_loop"]),
        "overfitting.svg": _draw_overfitting(numbers["overfitting"]),
    }


#: The boxes of the loop, in pixels: left edge and upper edge of the first, size, and distance from one to the next.
LEFT, TOP, BOX, PITCH = 74, 26, (168, 70), 92
BESIDE = LEFT + BOX[0] + 34


def _draw_loop(n: Mapping[str, Any]) -> str:
    steps = [
        ("1. load", f"{n['rows']} rows, {n['features']} features", f"target: {n['target']}"),
        ("2. split", f"{n['n_train']} rows to train,", f"{n['n_val']} rows to validate"),
        ("3. train", "fit the model to", f"the {n['n_train']} rows"),
        ("4. evaluate", f"accuracy {n['validation']:.4f}", f"on the {n['n_val']} rows"),
        ("5. save", "all of it,", "in a folder of its own"),
    ]
    kept = [
        ("manifest.json", "fingerprint of the data"),
        ("predictions.csv", "which rows were hidden"),
        ("model.joblib", "the fitted model"),
        ("metrics.json", "val_report.txt"),
        ("config.json", "requirements.txt"),
    ]
    title = "The training loop with its artifacts"
    description = (
        f"From top to bottom: load {n['rows']} rows, split them into {n['n_train']} to train and {n['n_val']} to "
        f"validate, train on the {n['n_train']}, evaluate on the {n['n_val']} that stayed hidden, save. Beside each "
        "step stands the file that keeps what it did. From the last step an arrow leads back to the first: change one "
        "thing, and go round again."
    )
    with own_settings("training-loop"):
        height = TOP + 4 * PITCH + BOX[1] + 36
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        axes = figure.add_axes((0, 0, 1, 1))  # in pixels from the upper left corner
        axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        axes.text(LEFT, 14, "the loop", color=MUTED, size=SMALL)
        axes.text(BESIDE, 14, "what it leaves", color=MUTED, size=SMALL)
        for index, (step, beside) in enumerate(zip(steps, kept, strict=True)):
            _draw_step(axes, TOP + index * PITCH, step, beside)
            if index:
                y = TOP + index * PITCH
                _arrow(axes, [(LEFT + BOX[0] / 2, y - PITCH + BOX[1]), (LEFT + BOX[0] / 2, y)], INK)
        first, second, fourth, last = (TOP + index * PITCH + BOX[1] / 2 for index in (0, 1, 3, 4))
        _arrow(axes, [(LEFT, second), (48, second), (48, fourth), (LEFT, fourth)], TWO)
        upright = {"rotation": 90, "ha": "right", "va": "center", "size": SMALL}
        axes.text(43, (second + fourth) / 2, f"the {n['n_val']} rows stay hidden", **upright)
        _arrow(axes, [(LEFT, last), (16, last), (16, first), (LEFT, first)], MUTED, dashed=True)
        axes.text(LEFT, last + 58, "then change one thing, and go round again", color=MUTED, size=SMALL)
        return as_svg(figure, "figure-training-loop", title, description)


def _draw_step(axes: Any, y: float, step: tuple[str, str, str], beside: tuple[str, str]) -> None:
    """A box with a heading and two lines, and beside it a file and what is in it, or two files."""
    box = FancyBboxPatch((LEFT, y), *BOX, boxstyle="round,pad=0,rounding_size=6")
    box.set(facecolor="none", edgecolor=ONE, linewidth=1.5)
    axes.add_patch(box)
    axes.text(LEFT + 12, y + 22, step[0], weight="bold")
    for row, line in enumerate(step[1:]):
        axes.text(LEFT + 12, y + 41 + 17 * row, line, size=SMALL)
    right, middle = LEFT + BOX[0], y + BOX[1] / 2
    axes.plot([right, right + 26], [middle, middle], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
    for row, line in enumerate(beside):
        style = {"color": MUTED} if " " in line else {"family": "monospace"}
        axes.text(BESIDE, middle - 4 + 17 * row, line, size=SMALL, **style)


def _draw_overfitting(depths: list[Numbers]) -> str:
    xs = [point["depth"] for point in depths]
    training, validation = ([point[key] for point in depths] for key in ("training", "validation"))
    apart = parting(depths)
    title = "Overfitting: a decision tree over its depth"
    at, last = depths[xs.index(apart)], depths[-1]
    description = (
        f"Accuracy of decision trees of depth {xs[0]} to {xs[-1]} on handwritten digits. Up to depth {apart} the score "
        f"on training rows and the score on validation rows rise together, to {at['training']:.4f} and "
        f"{at['validation']:.4f}. There they part: the training score goes on to {last['training']:.4f}, and the "
        f"validation score ends at {last['validation']:.4f}."
    )
    with own_settings("overfitting"):
        figure = Figure(figsize=(WIDTH / 72, 344 / 72), layout="constrained")
        axes = figure.subplots()
        axes.grid(axis="y", linewidth=1)
        axes.axvline(apart, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(xs, training, color=ONE, linewidth=2, marker="o", markersize=5, clip_on=False)
        hollow = {"marker": "s", "markersize": 5, "markerfacecolor": "none"}
        axes.plot(xs, validation, color=TWO, linewidth=2, linestyle=(0, (5, 2)), **hollow)
        axes.set(xlim=(0.5, xs[-1] + 0.5), ylim=(0, 1), xlabel="max_depth: questions in a row", xticks=xs)
        axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        axes.tick_params(length=0)
        axes.set_title("accuracy, the mean over five folds", color=MUTED, size=SMALL, weight="normal", pad=24)
        axes.text(apart, 1.02, f"depth {apart}: here they part", ha="center", va="bottom", size=SMALL)
        for name, values in (("training", training), ("validation", validation)):
            axes.text(xs[-1] + 0.6, values[-1], f"{name}\n{values[-1]:.4f}", va="center", size=SMALL)
        axes.text(apart - 0.3, 0.06, "both rise\ntogether", ha="right", va="bottom", size=SMALL)
        axes.text(apart + 0.3, 0.06, "the training score\nruns ahead", va="bottom", size=SMALL)
        return as_svg(figure, "figure-overfitting", title, description)


def _arrow(axes: Any, points: list[tuple[float, float]], color: str, *, dashed: bool = False) -> None:
    """A line through the points, with a head at the last one."""
    style = {"color": color, "linewidth": 1.5, "linestyle": (0, (4, 3)) if dashed else "solid"}
    axes.plot(*zip(*points[:-1], strict=True), solid_capstyle="butt", **style)
    head = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 12, **style}
    axes.annotate("", points[-1], points[-2], arrowprops=head)


def main() -> None:
    """Make the runs, and write the numbers and the figures."""
    numbers = measure()
    (HERE / "numbers.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    for name, svg in draw(numbers).items():
        (HERE / name).write_text(svg, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
