"""A small network with PyTorch on the digits, on the CPU: a training script that knows nothing of week2kit."""

import argparse
import csv
import json
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seed", type=int, default=42)
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--hidden", type=int, default=32)
parser.add_argument("--out", type=Path, default=Path("out/network"))
asked = parser.parse_args()
torch.manual_seed(asked.seed)
torch.use_deterministic_algorithms(True)

# load: 1797 pictures of 8 x 8 pixels, from 0 to 16
digits = load_digits()

# split
split = train_test_split(
    digits.data / 16, digits.target, range(len(digits.target)), test_size=0.2, stratify=digits.target,
    random_state=asked.seed,
)  # fmt: skip
X_train, X_val = (torch.tensor(part, dtype=torch.float32) for part in split[:2])
y_train, y_val = (torch.tensor(part) for part in split[2:4])

# train
model = torch.nn.Sequential(torch.nn.Linear(64, asked.hidden), torch.nn.ReLU(), torch.nn.Linear(asked.hidden, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(asked.epochs):
    for rows in torch.randperm(len(X_train)).split(64):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(X_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()

# evaluate
with torch.no_grad():
    scores = model(X_val)
    metrics = {
        "accuracy": (scores.argmax(1) == y_val).double().mean().item(),
        "log_loss": torch.nn.functional.cross_entropy(scores.double(), y_val).item(),
    }
print(f"accuracy: {metrics['accuracy']:.4f} on {len(y_val)} validation rows")

# save
asked.out.mkdir(parents=True, exist_ok=True)
(asked.out / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
with (asked.out / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(["row", "y_true", "y_pred"])
    writer.writerows(zip(split[5], y_val.tolist(), scores.argmax(1).tolist(), strict=True))
torch.save(model.state_dict(), asked.out / "model.pt")
