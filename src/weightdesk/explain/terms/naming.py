"""What the inputs of a unit are called: pixels, channels, or units of the layer before.

A name is only given where it is sure: a unit of the layer before where each input depends on that
unit alone, a pixel where the inputs are the picture's very values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from weightdesk.errors import OptionError
from weightdesk.explain.layout import Layout
from weightdesk.explain.terms.factors import Factors
from weightdesk.explain.terms.places import Places
from weightdesk.explain.terms.uses import Use
from weightdesk.explain.tracing import Station, Trace


def names_of_terms(
    found: Factors, kind: str, given: Sequence[str] | None, known: Sequence[str] | None
) -> tuple[str, ...]:
    """The name of every term.

    Arguments:
        found: the terms' factors.
        kind: the operation's kind.
        given: names that the user gave, one a term; of a kernel one a channel, of a lookup one a token.
        known: names found in the network, one a term.

    Raises:
        OptionError: the user gave another number of names.

    >>> kernel = Factors(torch.zeros(1, 2), torch.zeros(2), 0.0, (1, 1, 2), first=3)
    >>> names_of_terms(kernel, "convolution", None, None)
    ('channel 3 (0, 0)', 'channel 3 (0, 1)')
    """
    if found.tokens:
        names = [f"token {token}" if given is None else _token(given, token) for token in found.tokens[:1]]
        return tuple(names)
    if kind == "convolution":
        return _kernel(found, given)
    count = math.prod(found.shape)
    if given is not None and len(given) != count:
        raise OptionError(f"names must have one entry a term: expected {count}, got {len(given)}")
    if given is not None:
        return tuple(map(str, given))
    if known is not None:
        return tuple(known)
    if kind == "unknown":
        return tuple(f"factor of weight {coordinates(at)}" for at in _every(found.shape))
    return tuple(f"input {i}" for i in range(count)) if kind == "linear" else (_ALONE[kind],)


_ALONE = {"scale": "normalised input", "shift": "input"}


def _every(sizes: Sequence[int]) -> list[list[int]]:
    """Every place of a map, the last axis running fastest."""
    return torch.cartesian_prod(*[torch.arange(size) for size in sizes]).view(-1, len(sizes)).tolist()


def _token(given: Sequence[str], token: int) -> str:
    if token >= len(given):
        raise OptionError(
            f"names must have one entry a token: token {token} is beyond the {len(given)} given"
        )
    return str(given[token])


def _kernel(found: Factors, given: Sequence[str] | None) -> tuple[str, ...]:
    channels, *kernel = found.shape
    count = channels * math.prod(kernel)
    if given is not None and len(given) == count:
        return tuple(map(str, given))
    if given is not None and len(given) < found.first + channels:
        raise OptionError(
            f"names must have one entry a term or a channel: expected {count} or {channels}, got {len(given)}"
        )
    return tuple(
        f"{f'channel {channel}' if given is None else given[channel]} {coordinates(element)}"
        for channel in range(found.first, found.first + channels)
        for element in _every(kernel)
    )


def coordinates(place: Sequence[int]) -> str:
    """A place as it is written.

    >>> coordinates((3, 4)), coordinates((7,))
    ('(3, 4)', '(7)')
    """
    return f"({', '.join(map(str, place))})"


def units_before(
    model: nn.Module, inputs: Any, traced: Trace, use: Use, places: Places, sample: int
) -> list[str] | None:
    """What each input of a linear operation is, where that is sure.

    Arguments:
        traced: a trace with cuts.
        use: the operation.
        places: of its result.
        sample: number of the example.
    """
    station, values = use.station, use.station.operation.inputs
    if station.operation.kind != "linear" or use.general:
        return None
    attention = _attention(model, station)
    if attention is not None and ".out_proj." in f".{use.name}":
        width = attention.head_dim
        return [f"dimension {i % width} of head {i // width}" for i in range(attention.embed_dim)]
    before = traced.stations[: use.number]
    if not values.requires_grad or not before:
        return _pixels(inputs, values, places.layout, sample)
    return _named(values, before)


def part_of_attention(model: nn.Module, use: Use, unit: int) -> str:
    """Which part of a multi-head attention's fused projection a unit is; empty where it is none."""
    attention, last = _attention(model, use.station), use.name.rpartition(".")[2]
    if attention is None or not last.startswith(("in_proj", "q_proj", "k_proj", "v_proj")):
        return ""
    part, row = divmod(unit, attention.embed_dim)
    kind = {"q": 0, "k": 1, "v": 2}.get(last[0], part)
    return f"{('query', 'key', 'value')[kind]} of head {row // attention.head_dim}"


def padded_note(model: nn.Module, use: Use) -> str:
    """What must be known of the places that a kernel meets, where the map is padded beforehand."""
    mode = getattr(_module(model, use.station), "padding_mode", "zeros")
    if mode == "zeros" or use.station.operation.kind != "convolution":
        return ""
    return f"places are counted in the padded map (padding_mode={mode!r})"


def _attention(model: nn.Module, station: Station) -> nn.MultiheadAttention | None:
    module = _module(model, station)
    return module if isinstance(module, nn.MultiheadAttention) else None


def _module(model: nn.Module, station: Station) -> nn.Module:
    return model.get_submodule(station.module)


def _pixels(inputs: Any, values: Tensor, layout: Layout, sample: int) -> list[str] | None:
    pictures = [each for each in tree_leaves(inputs) if isinstance(each, Tensor) and each.ndim > 2]
    for picture in pictures:
        one = picture[sample] if layout.axis == 0 and layout.block == 1 and sample < len(picture) else picture
        if values.ndim == 2 and one.ndim > 1 and torch.equal(one.reshape(-1), values[sample].detach()):
            return _places("pixel", tuple(one.shape), "")
    return None


def _named(values: Tensor, before: Sequence[Station]) -> list[str] | None:
    """The units of the one station that the values are made of, one for one; None where they mix."""
    leaves = [each.leaf for each in before if each.leaf is not None]
    generator = torch.Generator().manual_seed(0)
    backward, scales = (
        torch.rand(shape, generator=generator).to(values) + 0.5 for shape in (values.shape, values.shape[-1:])
    )
    first = torch.autograd.grad(values, leaves, backward, retain_graph=True, allow_unused=True)
    found = [(each, gradient) for each, gradient in zip(before, first, strict=True) if gradient is not None]
    if len(found) != 1:
        return None
    (source, gradient), count = found[0], values.shape[-1]
    units = source.result.shape[_unit_axis(source) :]
    if math.prod(units) != count and units[0] != count:
        return None
    # Scaling the inputs one by one must scale the gradients one by one: it does so where, and only
    # where, input i depends on unit i alone.
    (second,) = torch.autograd.grad(
        values, leaves[before.index(source)], backward * scales, retain_graph=True
    )
    flat = math.prod(units) == count
    scaled = gradient * (scales.view(units) if flat else scales.view(-1, *[1] * (len(units) - 1)))
    if not torch.allclose(second, scaled, rtol=1e-4):
        return None
    what = "channel" if len(units) > 1 else "dimension" if source.operation.kind == "lookup" else "unit"
    of = f" of {source.module or source.roles[0].name}"
    return (
        _places(what, tuple(units), of)
        if flat and len(units) > 1
        else [f"{what} {i}{of}" for i in range(count)]
    )


def _unit_axis(station: Station) -> int:
    operation = station.operation
    if operation.kind == "convolution":
        return station.result.ndim + 1 - operation.weight.ndim
    if operation.kind == "scale" and operation.function.endswith("norm"):
        return int(operation.options["axes"])
    return station.result.ndim - 1


def _places(what: str, shape: tuple[int, ...], of: str) -> list[str]:
    """Names of the values of a map of (channels, places …), or of a picture's places alone."""
    channels, *places = shape if len(shape) > 2 or what == "channel" else (1, *shape)
    lead = [f"channel {channel}" for channel in range(channels)]
    if what == "pixel":
        lead = ["pixel"] if channels == 1 else [f"{each} pixel" for each in lead]
    return [f"{each} {coordinates(at)}{of}" for each in lead for at in _every(places)]
