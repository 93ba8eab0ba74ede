"""What the small run of these tests holds: ten steps of one tied linear layer."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from weightdesk.runs.format import SAMPLED_SCHEMA, STATISTICS_SCHEMA

MODEL: dict[str, Any] = {
    "class": "Net",
    "parameters": [
        {"name": "fc.weight", "shape": [3, 4], "dtype": "float32", "aliases": ["tied.weight"]},
        {"name": "fc.bias", "shape": [3], "dtype": "float32"},
    ],
    "modules": [{"name": "fc", "class": "Linear"}],
}
OPTIMIZERS = [{"class": "SGD", "groups": [{"parameters": ["fc.weight"], "options": {"lr": 0.5}}]}]
SAMPLED_PLACE = 6


def weights_at(step: int) -> dict[str, Tensor]:
    weight = torch.arange(12.0).view(3, 4) + step / 7
    return {"fc.weight": weight, "fc.bias": torch.full((3,), float(step))}


def statistics_rows(steps: range, ranks: int = 1) -> pa.Table:
    rows = [
        {"step": step, "parameter": name, "kind": kind, "count": size // ranks, "nonfinite": 0, "zeros": 0}
        | {"rms": step + 0.5, "mean": 0.25, "std": 1.0, "min": -1.0, "max": 2.0, "abs_mean": 0.5}
        | {"histogram_bin": [1, 3], "histogram_count": [1, 2]}
        for step in steps
        for name, size in (("fc.weight", 12), ("fc.bias", 3))
        for kind in ("weight", "gradient", "update")
    ]
    return pa.Table.from_pylist(rows, schema=STATISTICS_SCHEMA)


def sampled_rows(steps: range) -> pa.Table:
    row = {"parameter": "fc.weight", "index": SAMPLED_PLACE}
    rows = [
        row | {"step": step, "weight": weight, "gradient": step / 16 if step else None}
        for step in steps
        for weight in [weights_at(step)["fc.weight"].flatten()[SAMPLED_PLACE].item()]
    ]
    return pa.Table.from_pylist(rows, schema=SAMPLED_SCHEMA)
