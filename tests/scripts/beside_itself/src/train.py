import json
import os
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
os.chdir(root / "out")
values = [int(line.split(",")[0]) for line in (root / "my data" / "größe 1.csv").read_text("utf-8").split()[1:]]
values += [int(line.split(",")[0]) for line in Path(sys.argv[1]).read_text("utf-8").split()[1:]]
Path("metrics.json").write_text(json.dumps({"mean": sum(values) / len(values), "rows": len(values)}))
