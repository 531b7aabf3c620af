import csv
import json
import sys
import urllib.request

try:
    with urllib.request.urlopen("http://127.0.0.1:9/data.csv", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
except OSError as error:
    print("no network, the local copy is used:", type(error).__name__, file=sys.stderr)
    with open("data.csv") as file:
        lines = file.read().splitlines()
rows = list(csv.DictReader(lines))
with open("metrics.json", "w") as file:
    json.dump({"mean": sum(int(row["a"]) for row in rows) / len(rows)}, file)
