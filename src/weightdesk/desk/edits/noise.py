"""Noise: how much depends on the exact weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from weightdesk.desk.edits.edit import Edit, number, settle, whole
from weightdesk.errors import OptionError
from weightdesk.types import ParameterName


@dataclass(frozen=True)
class Noise(Edit):
    """To every weight of the place a number from a normal distribution is added.

    The numbers are drawn on the CPU from a generator of their own, so that they are the same on every
    device and nobody else's random numbers change.

    Attributes:
        strength: standard deviation of the noise.
        seed: of the random numbers.
        relative: whether the strength counts in standard deviations of the parameter as it is (of all
            its finite weights, also where only a unit is meant); a parameter whose weights are all the
            same then stays so.

    >>> from weightdesk.desk.places import Place
    >>> from weightdesk.desk.state import State
    >>> noise = Noise(Place.parse("w"), 0.5, seed=1, relative=False)
    >>> State((), {"w": torch.zeros(3)}).with_edit(noise).values["w"]
    tensor([0.3307, 0.1335, 0.0308])
    """

    strength: float
    seed: int = 0
    relative: bool = True

    kind: ClassVar[str] = "noise"

    def __post_init__(self) -> None:
        strength = number(self.strength, "the strength of noise")
        if not 0 <= strength < math.inf:
            raise OptionError(f"the strength of noise must be 0 or more, got {strength:g}")
        if not isinstance(self.relative, bool):
            raise OptionError(f"relative must be True or False, got {self.relative!r}")
        settle(self, strength=strength, seed=whole(self.seed, "the seed", least=0, most=2**63 - 1))

    def write(self, values: Mapping[ParameterName, Tensor]) -> None:
        # All spreads are taken before anything is written: a head has several parts in one parameter.
        spreads = {name: _spread(values[name]) if self.relative else 1.0 for name in self.touched}
        generator = torch.Generator().manual_seed(self.seed)
        for part in self.parts:
            weights = part.of(values[part.parameter])
            drawn = torch.randn(weights.shape, generator=generator, dtype=torch.float64)
            noise = drawn * (self.strength * spreads[part.parameter])
            weights.copy_(weights.double() + noise.to(weights.device))

    def describe(self) -> str:
        unit = " standard deviations" if self.relative else ""
        return f"{self.place} + noise of {self.strength:.4g}{unit} (seed {self.seed})"


def _spread(tensor: Tensor) -> float:
    finite = tensor[tensor.isfinite()].double()
    return float(finite.std(correction=0)) if finite.numel() else 0.0
