"""Count what runs say of the class "yes": found, missed, false alarms; with precision, recall and F1."""

import csv
import sys

print("run            found  missed  false alarms  precision  recall      F1")
for run in sys.argv[1:]:
    with open(f"{run}/predictions.csv", newline="", encoding="utf-8") as file:
        rows = [(row["y_true"] == "yes", row["y_pred"] == "yes") for row in csv.DictReader(file)]
    found = rows.count((True, True))
    missed = rows.count((True, False))
    false_alarms = rows.count((False, True))
    precision = found / (found + false_alarms)
    recall = found / (found + missed)
    f1 = 2 * precision * recall / (precision + recall)
    print(f"{run:13}  {found:5}  {missed:6}  {false_alarms:12}  {precision:9.4f}  {recall:.4f}  {f1:.4f}")
