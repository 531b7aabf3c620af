"""The penguins as a notebook from the field keeps them: marks for gaps, dates, tags, and a column that came later."""

import csv
import sys
from datetime import date, timedelta
from pathlib import Path

RINGS = {"Adelie": "red", "Chinstrap": "green", "Gentoo": "blue"}
FEATURES = ("island", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex")

with Path("examples/penguins/penguins.csv").open(newline="", encoding="utf-8") as published:
    birds = list(csv.DictReader(published))

rows = []
for number, bird in enumerate(birds, start=1):
    measured = date(int(bird["year"]), 11, 1) + timedelta(days=number * 7 % 30)
    row = {"tag": f"P{number:03}", "measured": measured.isoformat()} | {name: bird[name] for name in FEATURES}
    row |= {"ring": RINGS[bird["species"]], "species": bird["species"]}
    if number % 20 == 0 or not row["body_mass_g"]:
        row["body_mass_g"] = "?"  # the scale was broken
    if number % 60 == 0:
        row["species"] = row["ring"] = ""  # nobody wrote it down
    rows.append(row)

rows.sort(key=lambda row: row["measured"])
table = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
table.writeheader()
table.writerows(rows)
