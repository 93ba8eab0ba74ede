"""Can I read a run where weightdesk is not installed? It is JSON, Parquet and safetensors."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
from safetensors.torch import load_file

run = Path("runs/foreign")
make_one = "from weightdesk.training import *; train(Recipe.create('radio'), 'runs/foreign')"
subprocess.run([sys.executable, "-c", make_one], check=True)

print("recorded with weightdesk", json.loads((run / "run.json").read_text())["versions"]["weightdesk"])

metrics = pd.concat(map(pd.read_parquet, sorted(run.glob("metrics/*.parquet"))))
print(f"pandas: the loss fell from {metrics['loss'].iloc[0]:.4f} to {metrics['loss'].dropna().iloc[-1]:.4f}")

question = f"select count(*), count(distinct step) from read_parquet('{run}/sampled/*.parquet')"
rows, steps = duckdb.sql(question).fetchall()[0]
print(f"DuckDB: {rows} values of sampled weights at {steps} steps")

snapshots = sorted(path for path in run.glob("snapshots/*.safetensors") if path.stem.isdigit())
print("safetensors: the three knobs at the end", load_file(snapshots[-1])["output.weight"].tolist())
