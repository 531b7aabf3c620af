"""The training loop by hand: load, split, train, evaluate, save."""

import json
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# load
table = pd.read_csv("examples/penguins/penguins.csv")
X = table[["bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex"]]
y = table["species"]

# split
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=42)

# train
numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
prepare = make_column_transformer((numbers, ["bill_depth_mm", "flipper_length_mm", "body_mass_g"]), (words, ["sex"]))
model = make_pipeline(prepare, LogisticRegression(max_iter=500))
model.fit(X_train, y_train)

# evaluate
training = accuracy_score(y_train, model.predict(X_train))
validation = accuracy_score(y_val, model.predict(X_val))
print(f"rows: {len(X_train)} to train, {len(X_val)} to validate")
print(f"accuracy: {validation:.4f} on validation rows, {training:.4f} on training rows")

# save
Path("by_hand").mkdir(exist_ok=True)
Path("by_hand/metrics.json").write_text(json.dumps({"accuracy": validation}), encoding="utf-8")
joblib.dump(model, "by_hand/model.joblib")
