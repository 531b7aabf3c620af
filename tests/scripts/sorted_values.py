import json

with open("data.csv") as file:
    values = sorted(int(line.split(",")[0]) for line in file.readlines()[1:])
with open("metrics.json", "w") as file:
    json.dump({"median": values[len(values) // 2]}, file)
