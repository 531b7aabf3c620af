import csv
import json
import os

limit = 5 if os.path.exists("strict.flag") else 3
with open("data.csv") as file:
    rows = list(csv.DictReader(file))
with open("metrics.json", "w") as file:
    json.dump({"accuracy": sum((int(row["a"]) > limit) == int(row["y"]) for row in rows) / len(rows)}, file)
