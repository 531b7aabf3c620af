import csv
import json

with open("data.csv") as file:
    rows = list(csv.DictReader(file))
with open("data.csv", "w") as file:
    file.write("a,b,y\n")
    file.writelines(f"{2 * int(row['a'])},{row['b']},{row['y']}\n" for row in rows)
with open("metrics.json", "w") as file:
    json.dump({"mean": sum(int(row["a"]) for row in rows) / len(rows)}, file)
