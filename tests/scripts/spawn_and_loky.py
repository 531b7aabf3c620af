"""Two kinds of children that start as Pythons of their own."""

import json
import multiprocessing

from joblib import Parallel, delayed


def count(part):
    with open("data.csv") as file:
        return sum(line.rstrip().endswith("1") for line in file.readlines()[1 + part :: 2])


if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one = sum(pool.map(count, range(2)))
    two = sum(Parallel(n_jobs=2, backend="loky")(delayed(count)(part) for part in range(2)))
    with open("metrics.json", "w") as file:
        json.dump({"spawn": one, "loky": two}, file)
