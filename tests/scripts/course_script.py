import argparse
import datetime
import json
import platform
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, classification_report
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--input", required=True)
parser.add_argument("--label_col", required=True)
parser.add_argument("--random_state", type=int, default=42)
parser.add_argument("--artifacts_dir", default="artifacts")
asked = parser.parse_args()
frame = pd.read_csv(asked.input)
X, y = frame.drop(columns=asked.label_col), frame[asked.label_col]
X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=asked.random_state, stratify=y)
model = LogisticRegression(max_iter=500).fit(X_train, y_train)
predicted = model.predict(X_val)
folder = Path(asked.artifacts_dir, f"run_{datetime.datetime.now():%Y%m%d_%H%M%S}")
folder.mkdir(parents=True)
(folder / "config.json").write_text(json.dumps(vars(asked)))
(folder / "metrics.json").write_text(json.dumps({"accuracy": accuracy_score(y_val, predicted)}))
(folder / "val_report.txt").write_text(classification_report(y_val, predicted, zero_division=0))
joblib.dump(model, folder / "model.joblib")
(folder / "run_metadata.json").write_text(
    json.dumps({"python": platform.python_version(), "created": datetime.datetime.now().isoformat()})
)
