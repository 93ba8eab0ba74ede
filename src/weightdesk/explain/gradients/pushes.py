"""Where in a station's result one weight acts, and what it is multiplied with there.

∂L/∂w = Σ δ × x over the entries of z in which w occurs. Everything is exact; nothing is kept beyond
one number for each of these entries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.nn import functional

from weightdesk.explain.operations import Operation
from weightdesk.explain.tracing import Station
from weightdesk.explain.weight import Weight
from weightdesk.types import Index


@dataclass(frozen=True, eq=False)
class Factors:
    """Where one weight acts in a station's result, and on what.

    Attributes:
        positions: row-major places of the entries of z that the weight is part of.
        x: what it is multiplied with in each.
    """

    positions: Int64[Tensor, " entries"]
    x: Float64[Tensor, " entries"]


def is_opaque(station: Station, weight: Weight) -> bool:
    """Whether a station uses the weight's parameter in a way that has no factors."""
    operation = station.operation
    used = weight.shares_storage(operation.weight) or weight.shares_storage(operation.bias)
    return operation.kind == "unknown" or not used


def factors(station: Station, weight: Weight) -> Factors | None:
    """The factors of a weight in a station's result; None where the station uses others of its parameter.

    Arguments:
        station: one that uses the weight's parameter and is not opaque.
        weight: the weight.

    >>> from weightdesk.explain.tracing import trace, untouched
    >>> from weightdesk.explain.weight import find_weight
    >>> layer = torch.nn.Linear(2, 3)
    >>> with untouched(layer):
    ...     [station] = trace(layer, torch.tensor([[5.0, 6.0], [7.0, 8.0]])).stations
    >>> found = factors(station, find_weight(layer, "weight", (2, 0)))
    >>> found.positions, found.x
    (tensor([2, 5]), tensor([5., 7.], dtype=torch.float64))
    """
    operation, shape = station.operation, tuple(station.result.shape)
    found = [_of_weight(operation, shape, weight), _of_bias(operation, shape, weight)]
    kept = [each for each in found if each is not None]
    if len(kept) < 2:
        return kept[0] if kept else None
    return Factors(*(torch.cat(each) for each in zip(*((one.positions, one.x) for one in kept), strict=True)))


def unit_axes(station: Station) -> tuple[int, ...]:
    """The axes of a station's result that number its units; the last one where nothing is known.

    >>> from weightdesk.explain.tracing import trace, untouched
    >>> layer = torch.nn.Conv2d(1, 2, 3)
    >>> with untouched(layer):
    ...     [station] = trace(layer, torch.zeros(4, 1, 5, 5)).stations
    >>> unit_axes(station)
    (1,)
    """
    operation, axes = station.operation, station.result.ndim
    if operation.kind == "convolution":
        return (axes - operation.weight.ndim + 1,)
    if operation.kind in ("scale", "shift"):
        first = operation.options["axes"]
        return tuple(first + axis for axis, size in enumerate(operation.weight.shape) if size > 1)
    return (axes - 1,) if axes else ()


def _of_weight(operation: Operation, shape: tuple[int, ...], weight: Weight) -> Factors | None:
    index = weight.within(operation.weight) if weight.shares_storage(operation.weight) else None
    if index is None:
        return None
    match operation.kind:
        case "linear":
            x = operation.inputs[..., index[1]]
            return Factors(_entries(shape, {len(shape) - 1: index[0]}), _flat(x))
        case "convolution":
            channel = len(shape) - operation.weight.ndim + 1
            return Factors(_entries(shape, {channel: index[0]}), _flat(_window(operation, shape, index)))
        case "lookup":
            return _of_token(operation, index)
        case _:
            where = _chosen(operation.weight, index, operation.options["axes"])
            if operation.kind == "shift":
                return _constant(_entries(shape, where))
            positions = _entries(shape, where)
            return Factors(positions, _flat(operation.inputs.expand(shape))[positions])


def _of_bias(operation: Operation, shape: tuple[int, ...], weight: Weight) -> Factors | None:
    bias = operation.bias
    index = weight.within(bias) if bias is not None and weight.shares_storage(bias) else None
    if bias is None or index is None:
        return None
    axis = len(shape) - bias.ndim
    if operation.kind == "convolution":
        axis = len(shape) - operation.weight.ndim + 1
    return _constant(_entries(shape, _chosen(bias, index, operation.options.get("axes", axis))))


def _of_token(operation: Operation, index: Index) -> Factors:
    rows = (operation.inputs == index[0]).flatten().nonzero().flatten()
    if index[0] == operation.options["padding_idx"]:  # such a token is never learned
        rows = rows[:0]
    width = math.prod(operation.weight.shape[1:])
    found = _constant(rows * width + index[1])
    return Factors(found.positions, found.x / len(rows)) if operation.options["scale_grad_by_freq"] else found


def _window(operation: Operation, shape: tuple[int, ...], index: Index) -> Tensor:
    """What one element of a kernel sees: the padded input at its distance from each place of the map."""
    options, weight = operation.options, operation.weight
    axes = weight.ndim - 2
    group = index[0] // (weight.shape[0] // options["groups"])
    picture = operation.inputs.select(-axes - 1, group * weight.shape[1] + index[1])
    stride, dilation = _each_axis(options["stride"], axes), _each_axis(options["dilation"], axes)
    padding = _padding(options["padding"], dilation, weight)
    # functional.pad counts axes from the last one
    padded = functional.pad(picture, [side for pair in reversed(padding) for side in pair])
    for axis in range(axes):
        first, size = index[2 + axis] * dilation[axis], shape[axis - axes]
        seen = slice(first, first + (size - 1) * stride[axis] + 1, stride[axis])
        padded = padded.movedim(axis - axes, -1)[..., seen].movedim(-1, axis - axes)
    return padded


def _padding(padding: Any, dilation: tuple[int, ...], weight: Tensor) -> list[tuple[int, int]]:
    axes = weight.ndim - 2
    if padding != "same":
        return [(each, each) for each in _each_axis(0 if padding == "valid" else padding, axes)]
    widths = [step * (size - 1) for step, size in zip(dilation, weight.shape[2:], strict=True)]
    return [(width // 2, width - width // 2) for width in widths]


def _each_axis(value: Any, axes: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * axes if len(values) == 1 else values


def _chosen(parameter: Tensor, index: Index, first: int) -> dict[int, int]:
    """The coordinates of z that the index fixes; an axis along which the parameter is repeated stays open."""
    return {first + axis: i for axis, i in enumerate(index) if parameter.shape[axis] > 1}


def _entries(shape: tuple[int, ...], fixed: Mapping[int, int]) -> Tensor:
    """Row-major positions of all entries with these coordinates."""
    positions, step = torch.zeros(1, dtype=torch.int64), 1
    for axis in range(len(shape) - 1, -1, -1):
        along = torch.tensor([fixed[axis]]) if axis in fixed else torch.arange(shape[axis])
        positions = (along[:, None] * step + positions).flatten()
        step *= shape[axis]
    return positions


def _flat(x: Tensor) -> Tensor:
    return x.detach().double().reshape(-1).cpu()


def _constant(positions: Tensor) -> Factors:
    return Factors(positions.cpu(), torch.ones(len(positions), dtype=torch.float64))
