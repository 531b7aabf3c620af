"""Pitfall 1, as a learner would write it: evaluated on the rows that the model was trained on."""

import json
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import accuracy_score, classification_report, f1_score
from sklearn.tree import DecisionTreeClassifier

config = {
    "input_csv": "examples/penguins/penguins.csv",
    "label_col": "species",
    "test_size": 0.2,
    "random_state": 42,
    "max_iter": 500,
}
table = pd.read_csv(config["input_csv"]).dropna()
X = table[["bill_depth_mm", "flipper_length_mm", "body_mass_g"]]
y = table[config["label_col"]]

model = DecisionTreeClassifier(random_state=config["random_state"])
model.fit(X, y)
said = model.predict(X)  # the same rows as in the line above

folder = Path("pitfalls/on-training-rows")
folder.mkdir(parents=True, exist_ok=True)
metrics = {"val_accuracy": accuracy_score(y, said), "val_macro_f1": f1_score(y, said, average="macro")}
(folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
(folder / "metrics.json").write_text(json.dumps(metrics, indent=2), encoding="utf-8")
(folder / "val_report.txt").write_text(classification_report(y, said), encoding="utf-8")
joblib.dump(model, folder / "model.joblib")
print(f"accuracy {metrics['val_accuracy']:.4f}")
