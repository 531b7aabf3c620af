import argparse
import csv
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--input", type=Path, default=Path("../data/x.csv"))
asked = parser.parse_args()
rows = list(csv.DictReader(asked.input.read_text().splitlines()))
Path("metrics.json").write_text(json.dumps({"mean": sum(int(row["a"]) for row in rows) / len(rows)}))
