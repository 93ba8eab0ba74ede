"""What a parameterisation of pictures is: numbers to optimise, and the pictures that they stand for."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.capture.pictures.likeness import Likeness


class Parameterisation(ABC):
    """Pictures as a function of numbers that an optimizer finds easier to move than pixels.

    Attributes:
        rate: how far Adam may move a number in a step.
    """

    rate: float

    @abstractmethod
    def start(self, count: int, like: Likeness, generator: torch.Generator) -> Float[Tensor, "count ..."]:
        """Numbers to begin with, at random."""

    @abstractmethod
    def pictures(
        self, numbers: Float[Tensor, "count ..."], like: Likeness
    ) -> Float[Tensor, "count channels height width"]:
        """The pictures for which numbers stand, within the values that real ones have."""
