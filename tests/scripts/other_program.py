import json
import subprocess

text = subprocess.run(["sh", "-c", "cat data.csv | tail -n 5"], capture_output=True, text=True, check=True).stdout
values = [int(line.split(",")[0]) for line in text.split()]
with open("metrics.json", "w") as file:
    json.dump({"mean": sum(values) / len(values)}, file)
