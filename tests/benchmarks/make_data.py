"""Data for the benchmarks: iris, 50,000 x 20 mixed columns, 1,000,000 x 20 numbers; the same bytes every time.

python make_data.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_iris


def main() -> None:
    """Write iris.csv, medium.csv and large.csv."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    iris = load_iris(as_frame=True)
    frame = iris.frame.assign(species=[iris.target_names[code] for code in iris.target]).drop(columns="target")
    frame.to_csv(folder / "iris.csv", index=False)
    table(50_000, 16, 4).to_csv(folder / "medium.csv", index=False)
    table(1_000_000, 20, 0).to_csv(folder / "large.csv", index=False)


def table(rows: int, numbers: int, categories: int) -> pd.DataFrame:
    """Numbers (some missing), categories, and a text target of three classes, 81 / 13 / 6 %."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(rows, numbers))
    signal = values[:, 0] + 0.5 * values[:, 1] + rng.normal(size=rows)
    frame = pd.DataFrame(values, columns=[f"x{i:02d}" for i in range(numbers)])
    if categories:
        frame.iloc[rng.integers(0, rows, rows // 50), 2] = np.nan
    for i in range(categories):
        frame[f"c{i}"] = rng.choice(["red", "green", "blue", "white"], size=rows)
    frame["label"] = np.select([signal > 2.2, signal > 1.3], ["high", "middle"], "low")
    return frame


if __name__ == "__main__":
    main()
