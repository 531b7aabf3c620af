"""The script that a person would write by hand: pandas, scikit-learn, json, joblib; no record of anything.

python by_hand.py DATA.csv TARGET OUT [--categories a,b] [--max-iter 100]
"""

import argparse
import json
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, classification_report, f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder


def main() -> None:
    """Load, split, fit, evaluate, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("target")
    parser.add_argument("out", type=Path)
    parser.add_argument("--categories", default="")
    parser.add_argument("--max-iter", type=int, default=100)
    args = parser.parse_args()

    frame = pd.read_csv(args.data)
    y = frame[args.target]
    X = frame.drop(columns=[args.target])
    X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=42)
    categories = [name for name in args.categories.split(",") if name]
    numbers = [name for name in X.columns if name not in categories]
    text = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    steps = [("numbers", SimpleImputer(strategy="median"), numbers)]
    if categories:
        steps.append(("categories", text, categories))
    model = Pipeline(
        [
            ("preprocess", ColumnTransformer(steps)),
            ("model", LogisticRegression(max_iter=args.max_iter, random_state=42)),
        ]
    )
    model.fit(X_train, y_train)
    predicted = model.predict(X_val)
    metrics = {"accuracy": accuracy_score(y_val, predicted), "f1_macro": f1_score(y_val, predicted, average="macro")}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "config.json").write_text(json.dumps({"max_iter": args.max_iter, "seed": 42}))
    (args.out / "metrics.json").write_text(json.dumps(metrics))
    (args.out / "val_report.txt").write_text(classification_report(y_val, predicted))
    joblib.dump(model, args.out / "model.joblib")
    print(metrics)


if __name__ == "__main__":
    main()
