"""What every measure of similarity can do."""

from __future__ import annotations

from typing import Protocol

from jaxtyping import Float64
from torch import Tensor


class Similarity(Protocol):
    """Compares what two layers, of one network or of two, make of the same examples.

    It is in two parts, so that a layer that is compared with many others is prepared once, and so that
    permuting the rows of what was prepared tells what is reached by chance.
    """

    def prepared(self, features: Float64[Tensor, "examples features"]) -> Float64[Tensor, "examples parts"]:
        """What is compared of a layer; examples stay on axis 0."""
        ...

    def between(
        self, first: Float64[Tensor, "examples parts"], second: Float64[Tensor, "examples others"]
    ) -> float:
        """The similarity of two prepared layers, 1 for equal ones; not a number where one never varies."""
        ...
