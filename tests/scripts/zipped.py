import csv
import io
import json
import zipfile

with zipfile.ZipFile("data.zip") as archive, archive.open("inner/data.csv") as member:
    rows = list(csv.DictReader(io.TextIOWrapper(member, "utf-8")))
with open("metrics.json", "w") as file:
    json.dump({"accuracy": sum((int(row["a"]) > 3) == int(row["y"]) for row in rows) / len(rows)}, file)
