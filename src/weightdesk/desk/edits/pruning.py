"""Pruning: the smallest weights become zero."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weightdesk.desk.edits.edit import Edit, number, settle
from weightdesk.desk.parts import Part
from weightdesk.errors import OptionError
from weightdesk.runs import Parameters
from weightdesk.types import ParameterName


@dataclass(frozen=True)
class Pruning(Edit):
    """The weights of the place that are smallest in size become zero.

    All weights meant are ranked together. Of a layer, a block or the whole network these are the
    parameters with two or more axes, as biases and the factors of a normalisation are small or large
    for other reasons; a layer that has no other parameters, or one that is named, is pruned itself.

    Attributes:
        threshold: weights of a smaller size become zero, or
        fraction: this share of the weights does, those that are zero already counted in; of equal
            sizes the first. A weight that is no number counts as larger than any.

    >>> from weightdesk.desk.places import Place
    >>> from weightdesk.desk.state import State
    >>> state = State((), {"w": torch.tensor([0.3, -0.1, 0.2, -0.4])})
    >>> state.with_edit(Pruning(Place.parse("w"), fraction=0.5)).values["w"]
    tensor([ 0.3000,  0.0000,  0.0000, -0.4000])
    """

    threshold: float | None = None
    fraction: float | None = None

    kind: ClassVar[str] = "prune"

    def __post_init__(self) -> None:
        if (self.threshold is None) == (self.fraction is None):
            raise OptionError("prune takes either a threshold or a fraction, such as fraction=0.3")
        if self.threshold is not None:
            settle(self, threshold=_within(self.threshold, "the threshold", math.inf))
        if self.fraction is not None:
            settle(self, fraction=_within(self.fraction, "the fraction to prune", 1.0))

    def meant(self, parameters: Parameters) -> tuple[Part, ...]:
        parts = self.place.parts(parameters)
        if self.place.name in parameters:
            return parts
        return tuple(each for each in parts if len(parameters[each.parameter].shape) > 1) or parts

    def write(self, values: Mapping[ParameterName, Tensor]) -> None:
        views = [part.of(values[part.parameter]) for part in self.parts]
        if self.threshold is not None:
            for view in views:
                view.masked_fill_(view.double().abs() < self.threshold, 0)
            return
        sizes = torch.cat([view.abs().double().flatten() for view in views])
        smallest = _smallest(sizes, round((self.fraction or 0.0) * sizes.numel()))
        for view, chosen in zip(views, torch.split(smallest, [view.numel() for view in views]), strict=True):
            view.masked_fill_(chosen.view(view.shape), 0)

    def describe(self) -> str:
        if self.threshold is not None:
            return f"{self.place} pruned below {self.threshold:.4g}"
        return f"{self.place} pruned by {self.fraction:.4g}"


def _smallest(sizes: Float[Tensor, " weights"], count: int) -> Bool[Tensor, " weights"]:
    """Which are the smallest, of equal ones the first; found without sorting them all."""
    if not count:
        return torch.zeros_like(sizes, dtype=torch.bool)
    sizes = sizes.nan_to_num(nan=math.inf, posinf=math.inf)
    limit = sizes.kthvalue(count).values
    smallest = sizes < limit
    smallest[(sizes == limit).nonzero().flatten()[: count - int(smallest.sum())]] = True
    return smallest


def _within(value: float, what: str, most: float) -> float:
    found = number(value, what)
    if not 0 <= found <= most:
        raise OptionError(
            f"{what} must be " + (f"0…{most:g}" if most == 1 else "0 or more") + f", got {found:g}"
        )
    return found
