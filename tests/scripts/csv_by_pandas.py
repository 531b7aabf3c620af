import argparse
import json

import pandas as pd

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
asked = parser.parse_args()
frame = pd.read_csv("data.csv").sample(frac=1, random_state=asked.seed)
half = len(frame) // 2
limit = frame["a"].iloc[:half].mean()
held_out = frame.iloc[half:]
predicted = (held_out["a"] > limit).astype(int)
pd.DataFrame({"y_true": held_out["y"], "y_pred": predicted}).to_csv("predictions.csv", index=False)
with open("metrics.json", "w") as file:
    json.dump({"accuracy": float((predicted == held_out["y"]).mean()), "limit": limit}, file)
