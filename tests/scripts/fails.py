import csv

with open("data.csv") as file:
    rows = list(csv.DictReader(file))
with open("progress.txt", "w") as file:
    file.write(f"{len(rows)} rows\n")
print("mean:", sum(float(row["weight"]) for row in rows) / len(rows))
