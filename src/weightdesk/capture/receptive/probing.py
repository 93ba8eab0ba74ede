"""Receptive fields by experiment: change one element of an input and see which results change."""

from __future__ import annotations

import torch
from jaxtyping import Int64, Num
from torch import Tensor, nn

from weightdesk.capture.activations import BATCH, listening
from weightdesk.capture.layers import Layer

Box = tuple[Int64[Tensor, "units places axes"], Int64[Tensor, "units places axes"]]


def probed(model: nn.Module, inputs: Num[Tensor, "examples ..."], layer: Layer, batch: int = BATCH) -> Box:
    """The first and one past the last coordinate of each axis whose change changes a unit's z.

    A change that an activation function swallows is not seen, so this is what reaches the unit in these
    examples, exactly, and no more than what can. It takes one run for each element of each example.

    Arguments:
        model: any network, in evaluation mode.
        inputs: the examples to change; a few suffice.
        layer: whose results are compared.
        batch: changes that are tried at once.

    >>> start, stop = probed(net := nn.Conv1d(1, 1, 2), torch.zeros(1, 1, 4), Layer("", "Conv1d", 1))
    >>> start[0, :, 1].tolist(), stop[0, :, 1].tolist()
    ([0, 1, 2], [2, 3, 4])
    """
    shape = inputs.shape[1:]
    coordinates = torch.cartesian_prod(*[torch.arange(size) for size in shape]).view(-1, len(shape))
    start, stop = torch.tensor([]), torch.tensor([])
    with torch.no_grad(), listening(model, [layer], before=True) as heard:
        for example in inputs:
            for some in torch.split(torch.arange(len(coordinates)), batch):
                same = example.expand(len(some), *shape).clone()
                changed = _reached(model, same, some, heard, layer)
                where = coordinates[some][:, None, None]
                first = where.masked_fill(~changed[..., None], _FAR).amin(0)
                last = (where + 1).masked_fill(~changed[..., None], 0).amax(0)
                start = torch.minimum(start, first) if start.numel() else first
                stop = torch.maximum(stop, last) if stop.numel() else last
    return start.where(stop > 0, 0), stop


_FAR = torch.iinfo(torch.int64).max


def _reached(
    model: nn.Module, same: Tensor, elements: Tensor, heard: dict[str, Tensor], layer: Layer
) -> Tensor:
    """Whether each unit's z at each place changes when an element does; both runs have the same shape."""
    model(same)
    before = heard[layer.name]
    rows, other = torch.arange(len(same)), same.clone()
    flat = other.view(len(same), -1)
    flat[rows, elements] = _another(flat[rows, elements])
    model(other)
    return heard[layer.name] != before


def _another(values: Tensor) -> Tensor:
    """Another value for each: of token numbers one that surely exists, for amounts one that is apart."""
    if values.is_floating_point():
        return values + 1 + values.abs()
    return torch.where(values > 0, 0, 1)
