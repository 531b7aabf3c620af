import json

import numpy as np

table = np.load("table.npy")
np.save("table.npy", table * 2)
with open("metrics.json", "w") as file:
    json.dump({"mean": float(table.mean())}, file)
