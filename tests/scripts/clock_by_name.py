import csv
import json
import os
import time

started = time.time()
with open("data.csv") as file:
    rows = list(csv.DictReader(file))
folder = time.strftime("artifacts/%Y%m%d_%H%M%S")
os.makedirs(folder, exist_ok=True)
values = {"mean": sum(int(row["a"]) for row in rows) / len(rows), "train_seconds": time.time() - started}
with open(f"{folder}/metrics.json", "w") as file:
    json.dump({**values, "finished_at": time.time()}, file)
with open(f"{folder}/run_metadata.json", "w") as file:
    json.dump({"created": time.strftime("%Y-%m-%dT%H:%M:%S"), "rows": len(rows)}, file)
