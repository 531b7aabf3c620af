import json
import sys

import features

rows = features.read(sys.argv[1])
with open("metrics.json", "w") as file:
    json.dump({"mean": features.mean(rows)}, file)
