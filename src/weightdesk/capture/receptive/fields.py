"""The receptive fields of all places of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Int64, Num
from torch import Tensor, nn

from weightdesk.capture.activations import listening
from weightdesk.capture.layers import Layer
from weightdesk.capture.receptive.bounds import NoRuleError, precise
from weightdesk.capture.receptive.probing import probed
from weightdesk.capture.receptive.rules import Extents
from weightdesk.errors import OptionError

_PROBED: Final = 4


@dataclass(frozen=True, eq=False)
class Fields:
    """For each unit at each place of a layer, the box of the input that can reach it.

    Attributes:
        start: the first coordinate on each axis of an example.
        stop: one past the last; equal to the first where nothing reaches the unit.
        propagated: whether the boxes follow from the structure alone; otherwise inputs were changed
            element by element, and the boxes hold what reaches the units in these examples.
    """

    start: Int64[Tensor, "units places axes"]
    stop: Int64[Tensor, "units places axes"]
    propagated: bool

    def box(self, unit: int, place: int = 0) -> tuple[slice, ...]:
        """The part of an example that a unit sees from a place, as an index into the example.

        >>> Fields(torch.tensor([[[0, 3]]]), torch.tensor([[[1, 6]]]), True).box(0)
        (slice(0, 1, None), slice(3, 6, None))
        """
        first, last = self.start[unit, place].tolist(), self.stop[unit, place].tolist()
        return tuple(slice(*ends) for ends in zip(first, last, strict=True))


def receptive_fields(model: nn.Module, inputs: Num[Tensor, "examples ..."], layer: Layer) -> Fields:
    """Which part of an example can reach each unit of a layer at each of its places.

    Coordinates run through the network in the place of numbers, and of all that enters a sum the first
    and the last are kept: exact for convolutions with any stride, padding, dilation and groups,
    pooling, branches that are joined or added, and attention without a mask. One run for all places.
    Where the network uses a function that has no rule, the elements of the first examples are changed one
    after another instead, and what changes is noted: one run for each element.

    Arguments:
        model: in evaluation mode.
        inputs: examples on axis 0; only the shape of one counts where there is a rule for everything.
        layer: as `layers_of` finds it.

    Raises:
        OptionError: what the layer gives does not depend on the inputs, such as positions in a text.

    Source: Araujo, Norris and Sim 2019, Computing receptive fields of convolutional neural networks.

    >>> from weightdesk.capture.layers import layers_of
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 1, 3))
    >>> inputs = torch.zeros(1, 1, 6, 6)
    >>> receptive_fields(net, inputs, layers_of(net, inputs)[1]).box(unit=0, place=0)
    (slice(0, 1, None), slice(0, 4, None), slice(0, 4, None))
    """
    try:
        with torch.no_grad(), listening(model, [layer], before=True) as heard:
            model(_coordinates(inputs).as_subclass(Extents))
    except NoRuleError:
        return Fields(*probed(model, inputs[:_PROBED], layer), propagated=False)
    if not isinstance(heard[layer.name], Extents):
        raise OptionError(f"what the layer {layer.name!r} gives does not depend on the inputs")
    both = heard[layer.name].as_subclass(Tensor)
    start, last = both[0::2], -both[1::2]
    empty = start.isinf()
    ends = [each.masked_fill(empty, 0).long().permute(1, 2, 0) for each in (start, last + 1)]
    return Fields(ends[0], ends[1], propagated=True)


def _coordinates(inputs: Tensor) -> Tensor:
    """For each axis one example that holds the coordinate along it, and one with the signs turned."""
    grids = torch.meshgrid(*[torch.arange(size) for size in inputs.shape[1:]], indexing="ij")
    return torch.stack([side for grid in grids for side in (grid, -grid)]).to(precise(inputs))
