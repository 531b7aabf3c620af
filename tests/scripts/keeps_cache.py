import csv
import json
from pathlib import Path

cache = Path("cache.json")
if not cache.exists():
    with open("data.csv") as file:
        cache.write_text(json.dumps([int(row["a"]) for row in csv.DictReader(file)]))
values = json.loads(cache.read_text())
with open("history.csv", "a") as file:
    file.write(f"{sum(values)}\n")
runs = len(Path("history.csv").read_text().split())
Path("metrics.json").write_text(json.dumps({"mean": sum(values) / len(values), "runs": runs}))
