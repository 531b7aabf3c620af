import csv
import json
import time

with open("data.csv") as file:
    rows = list(csv.DictReader(file))
limit = time.time_ns() % 1_000_003 / 1_000_003
with open("metrics.json", "w") as file:
    json.dump({"share": sum(int(row["a"]) / 7 > limit for row in rows) / len(rows), "limit": limit}, file)
