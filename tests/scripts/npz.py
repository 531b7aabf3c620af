import json

import numpy as np

arrays = np.load("data.npz")
weights = np.load("weights.npy", mmap_mode="r")
scores = arrays["X"] @ weights
np.save("scores.npy", scores)
with open("metrics.json", "w") as file:
    json.dump({"accuracy": float(((scores > 3) == arrays["y"]).mean())}, file)
