import csv
import json
import random

with open("data.csv") as file:
    rows = list(csv.DictReader(file))
random.shuffle(rows)
weights = [random.random() for _ in rows]
with open("metrics.json", "w") as file:
    json.dump({"score": sum(w * int(row["a"]) for w, row in zip(weights, rows)) / sum(weights)}, file)
