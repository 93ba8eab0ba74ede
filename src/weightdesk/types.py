"""The shared vocabulary: one word per idea, the same in Python, on disk and on screen."""

from __future__ import annotations

from typing import Literal, TypeAlias

ParameterName: TypeAlias = str
"""Name of a parameter as `named_parameters()` gives it, such as `"conv1.weight"`."""

Step: TypeAlias = int
"""Number of optimizer steps done; step 0 is the initial weights."""

Index: TypeAlias = tuple[int, ...]
"""Place of one weight inside its parameter, one integer a dimension; `()` for a scalar."""

Kind: TypeAlias = Literal["weight", "gradient", "update", "activation"]
"""What a row of statistics describes."""
