"""What is multiplied with what, for each kind of operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.explain.operations import Operation
from weightdesk.explain.terms.places import Places

Place = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Factors:
    """The factors of a unit's terms, in float64.

    Attributes:
        x: the inputs of each example.
        weight: what they are multiplied with, the same for all examples but in a lookup.
        bias: what is added to the sum; zero where the operation adds nothing.
        shape: how the terms are numbered: one axis, or of a kernel (channels, height, width).
        first: number of the first input channel, where a group of channels begins.
        sources: of a kernel: the place in the input map of each of its elements, None in the padding.
        tokens: of a lookup: the token of each example.
    """

    x: Float[Tensor, "examples terms"]
    weight: Float[Tensor, ...]
    bias: float
    shape: tuple[int, ...]
    first: int = 0
    sources: tuple[Place | None, ...] = ()
    tokens: tuple[int, ...] = ()


def factors(operation: Operation, places: Places, samples: Tensor, place: Place, row: int) -> Factors:
    """The factors of one unit at one place.

    Arguments:
        operation: of any kind but `unknown`.
        places: of its result.
        samples: numbers of the examples.
        place: one number for each of `places.sizes`.
        row: the unit, counted from the first that the operation has.

    >>> double = Operation("linear", "linear", torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 0.5]]))
    >>> from weightdesk.explain.layout import Layout
    >>> found = factors(double, Places(Layout((1, 1), examples=1, axis=0), units=1), torch.tensor([0]), (), 0)
    >>> (found.x @ found.weight).tolist()
    [3.5]
    """
    return _FACTORS[operation.kind](operation, places, samples, place, row)


def _linear(operation: Operation, places: Places, samples: Tensor, place: Place, row: int) -> Factors:
    at = places.index(samples, place, row)
    x = _wide(operation.inputs[at[:-1]], len(samples))
    return Factors(x, _double(operation.weight[row]), _bias(operation.bias, places, at, row), (x.shape[1],))


def _convolution(operation: Operation, places: Places, samples: Tensor, place: Place, row: int) -> Factors:
    maps, kernel = operation.weight.ndim - 2, operation.weight.shape[2:]
    fan_in = operation.weight.shape[1]
    first = row // (operation.weight.shape[0] // operation.options["groups"]) * fan_in
    at = places.index(samples, place, row)
    batched = operation.inputs.ndim == maps + 2
    inputs = operation.inputs if batched else operation.inputs.unsqueeze(0)
    window = inputs[torch.as_tensor(at[0] if batched else 0).reshape(-1)][:, first : first + fan_in]
    starts = _starts(operation.options, kernel, place[len(place) - maps :])
    for axis, (start, size) in enumerate(zip(starts, kernel, strict=True)):
        window = _taken(window, axis + 2, start, size, _each(operation.options["dilation"], maps)[axis])
    x = _wide(window.flatten(1), len(samples))
    weight = _double(operation.weight[row].flatten())
    sources = _sources(operation.options, starts, kernel, tuple(inputs.shape[2:]))
    shape = (fan_in, *kernel)
    return Factors(x, weight, _bias(operation.bias, places, at, row), shape, first, sources * fan_in)


def _taken(window: Tensor, axis: int, start: int, size: int, step: int) -> Tensor:
    """The entries of an axis that a kernel meets, zero outside."""
    where = start + step * torch.arange(size, device=window.device)
    inside = (where >= 0) & (where < window.shape[axis])
    values = window.index_select(axis, where.clamp(0, window.shape[axis] - 1))
    return torch.where(inside.view(-1, *[1] * (window.ndim - 1 - axis)), values, values.new_zeros(()))


def _starts(options: Any, kernel: Sequence[int], place: Place) -> Place:
    """The place in the input of the kernel's first element; negative in the padding."""
    maps = len(kernel)
    strides, steps = _each(options["stride"], maps), _each(options["dilation"], maps)
    padding = options["padding"]
    if padding == "same":  # torch puts the odd one behind
        before: Sequence[int] = [step * (size - 1) // 2 for step, size in zip(steps, kernel, strict=True)]
    else:
        before = _each(0 if padding == "valid" else padding, maps)
    return tuple(at * stride - pad for at, stride, pad in zip(place, strides, before, strict=True))


def _sources(
    options: Any, starts: Place, kernel: Sequence[int], size: tuple[int, ...]
) -> tuple[Place | None, ...]:
    steps = _each(options["dilation"], len(kernel))
    ranges = [
        range(start, start + step * k, step) for start, step, k in zip(starts, steps, kernel, strict=True)
    ]
    everywhere = torch.cartesian_prod(*[torch.tensor(each) for each in ranges]).view(-1, len(kernel)).tolist()
    return tuple(
        tuple(at) if all(0 <= each < end for each, end in zip(at, size, strict=True)) else None
        for at in everywhere
    )


def _lookup(operation: Operation, places: Places, samples: Tensor, place: Place, row: int) -> Factors:
    at = places.index(samples, place, row)
    tokens = operation.inputs[at[:-1]].reshape(-1).expand(len(samples))
    weight = _double(operation.weight[tokens, row]).unsqueeze(1)
    return Factors(torch.ones_like(weight), weight, 0.0, (1,), tokens=tuple(tokens.tolist()))


def _elementwise(operation: Operation, places: Places, samples: Tensor, place: Place, row: int) -> Factors:
    at = places.index(samples, place, row)
    one = places.index(int(samples[0]), place, row)
    x = _wide(operation.inputs.expand(places.layout.shape)[at].reshape(-1, 1), len(samples))
    weight, bias = (_aligned(each, operation, places, one) for each in (operation.weight, operation.bias))
    if operation.kind == "shift":
        return Factors(x, torch.ones(1, dtype=torch.float64), weight, (1,))
    return Factors(x, torch.tensor([weight], dtype=torch.float64), bias, (1,))


def _aligned(values: Tensor | None, operation: Operation, places: Places, at: Any) -> float:
    if values is None:
        return 0.0
    behind = len(places.layout.shape) - operation.options["axes"] - values.ndim
    return float(values.detach()[(..., *[None] * behind)].expand(places.layout.shape)[at])


def _bias(bias: Tensor | None, places: Places, at: Any, row: int) -> float:
    if bias is None:
        return 0.0
    if bias.ndim == 1:
        return float(bias.detach()[row if len(bias) > 1 else 0])
    return float(bias.detach().expand(places.layout.shape)[at].reshape(-1)[0])


def _wide(values: Tensor, examples: int) -> Tensor:
    """One row an example, also where all examples share one."""
    values = _double(values)
    return values.view(-1, values.shape[-1]).expand(examples, -1)


def _double(values: Tensor) -> Tensor:
    return values.detach().cpu().double()


def _each(value: Any, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value) * (axes // len(value))


_FACTORS = {
    "linear": _linear,
    "convolution": _convolution,
    "lookup": _lookup,
    "scale": _elementwise,
    "shift": _elementwise,
}
