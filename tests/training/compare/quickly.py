"""Options of trainings that take no time."""

from __future__ import annotations

from typing import Any

QUICK: dict[str, Any] = {"network": "mlp", "layers": (8,), "steps": 20, "dropout": 0}
TWO = {"init": ["zeros", "he_normal"]}
