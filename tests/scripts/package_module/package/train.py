import csv
import json
import sys

from package.limits import LIMIT


def main():
    with open("data.csv") as file:
        rows = list(csv.DictReader(file))
    with open("metrics.json", "w") as file:
        json.dump({"accuracy": sum((int(row["a"]) > LIMIT) == int(row["y"]) for row in rows) / len(rows)}, file)


if __name__ == "__main__":
    sys.exit(main())
