"""Gradient boosting with LightGBM on the penguins: a training script that knows nothing of week2kit."""

import argparse
from pathlib import Path

import lightgbm
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", default="examples/penguins/penguins.csv")
parser.add_argument("--seed", type=int, default=42)
parser.add_argument("--trees", type=int, default=60)
parser.add_argument("--out", type=Path, default=Path("out/boosting"))
asked = parser.parse_args()

# load
table = pd.read_csv(asked.data)
X = table[["bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex"]].astype({"sex": "category"})
y = table["species"]

# split
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=asked.seed)

# train
model = lightgbm.LGBMClassifier(
    n_estimators=asked.trees, subsample=0.8, subsample_freq=1, random_state=asked.seed, deterministic=True,
    force_row_wise=True, verbosity=-1,
)  # fmt: skip
model.fit(X_train, y_train)

# evaluate
y_pred = model.predict(X_val)
metrics = {"accuracy": accuracy_score(y_val, y_pred), "f1_macro": f1_score(y_val, y_pred, average="macro")}
print(f"accuracy: {metrics['accuracy']:.4f} on {len(y_val)} validation rows")

# save
asked.out.mkdir(parents=True, exist_ok=True)
pd.Series(metrics).to_json(asked.out / "metrics.json", double_precision=15)
pd.DataFrame({"row": X_val.index, "y_true": y_val, "y_pred": y_pred}).to_csv(asked.out / "predictions.csv", index=False)
(asked.out / "model.txt").write_text(model.booster_.model_to_string(), encoding="utf-8")
