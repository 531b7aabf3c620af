import json

import h5py

with h5py.File("data.h5", "r") as data:
    a, y = data["a"][:], data["y"][:]
with h5py.File("scores.h5", "w", track_order=False) as out:
    out["scores"] = a / 7
with open("metrics.json", "w") as file:
    json.dump({"accuracy": float(((a > 3) == y).mean())}, file)
