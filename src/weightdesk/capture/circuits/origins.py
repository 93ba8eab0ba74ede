"""Which earlier units stand behind the inputs of each layer, through whatever lies in between."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64, Num
from torch import Tensor, nn

from weightdesk.capture.layers import Layer, unfused
from weightdesk.capture.receptive.bounds import NoRuleError, precise
from weightdesk.capture.receptive.rules import Origins


@dataclass(frozen=True)
class Origin:
    """A unit of an earlier layer.

    Attributes:
        layer: its name; None for the inputs of the network.
        unit: number of the unit; None where several are mixed, and for the inputs.
    """

    layer: str | None
    unit: int | None = None


@dataclass(frozen=True, eq=False)
class Wiring:
    """What feeds a layer: its input channels, or features, put together by the units that they come from.

    Attributes:
        feeders: for each feeder the earlier units behind it: several where they are added up, as in a
            residual network; none where that cannot be told.
        labels: for each input channel or feature the number of its feeder.
    """

    feeders: tuple[tuple[Origin, ...], ...]
    labels: Int64[Tensor, " channels"]

    def name(self, feeder: int) -> str:
        """The feeder in words.

        >>> wiring = Wiring(((Origin("conv1", 2),), (Origin(None),)), torch.tensor([0, 0, 1]))
        >>> wiring.name(0), wiring.name(1)
        ('conv1 2', 'input 2')
        """
        behind = self.feeders[feeder]
        if behind and all(each.unit is not None for each in behind):
            return " + ".join(f"{each.layer} {each.unit}" for each in behind)
        number = int((self.labels == feeder).nonzero()[0])
        mixed = " and ".join(each.layer for each in behind if each.layer is not None)
        return f"input {number}" + (f", of {mixed}" if mixed else "")


def wiring(
    model: nn.Module, inputs: Num[Tensor, "examples ..."], layers: Sequence[Layer]
) -> dict[str, Wiring]:
    """Find for each layer that has input channels or features which earlier units they come from.

    Labels of the units run through the network in the place of numbers: through activation functions,
    pooling, flattening, normalisation, dropout and branches, up to the next layers.

    Arguments:
        model: in evaluation mode.
        inputs: examples on axis 0; only the shape of one counts.
        layers: all layers, as `layers_of` finds them.

    >>> from weightdesk.capture.layers import layers_of
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 1))
    >>> inputs = torch.zeros(1, 1, 4, 4)
    >>> found = wiring(net, inputs, layers_of(net, inputs))["2"]
    >>> [found.name(each) for each in range(2)], found.labels.tolist()
    (['0 0', '0 1'], [0, 0, 0, 0, 1, 1, 1, 1])
    """
    modules = dict(model.named_modules())
    fed = [each for each in layers if each.kind != "Embedding"]
    start = torch.full((2 * len(layers) + 2, *inputs.shape[1:]), math.inf, dtype=precise(inputs))
    start[:2] = 0.0
    try:
        with torch.no_grad(), unfused(), _labelling(modules, layers) as entered:
            model(start.as_subclass(Origins))
    except NoRuleError:
        return {each.name: _unknown(modules[each.name]) for each in fed}
    names = (None, *(each.name for each in layers))
    return {each.name: _grouped(entered[each.name], each, names) for each in fed}


@contextmanager
def _labelling(modules: dict[str, nn.Module], layers: Sequence[Layer]) -> Iterator[dict[str, Tensor]]:
    """While the network runs, note what enters each layer, and let each give the labels of its units."""
    entered: dict[str, Tensor] = {}

    def label(number: int, layer: Layer) -> Any:
        def hook(_module: nn.Module, given: tuple[Any, ...], result: Tensor) -> Tensor:
            entered[layer.name] = given[0].as_subclass(Tensor)
            own = torch.full(result.shape, math.inf, dtype=result.dtype).movedim(layer.unit_axis, -1)
            units = torch.arange(float(layer.units))
            own[2 * number], own[2 * number + 1] = units, -units
            return own.movedim(-1, layer.unit_axis).as_subclass(Origins)

        return hook

    with ExitStack() as stack:
        for number, layer in enumerate(layers, start=1):
            stack.callback(modules[layer.name].register_forward_hook(label(number, layer)).remove)
        yield entered


def _grouped(entered: Tensor, layer: Layer, names: Sequence[str | None]) -> Wiring:
    """Read labels: example 2i holds those of the i-th name, 2i + 1 the same with turned signs."""
    channels = entered.movedim(layer.unit_axis, 1).flatten(2) if entered.ndim > 2 else entered[..., None]
    first, last = channels[0::2].amin(2), -channels[1::2].amin(2)
    known: dict[Any, int] = {}
    feeders: list[tuple[Origin, ...]] = []
    labels: list[int] = []
    for channel in range(first.shape[1]):
        behind = tuple(
            Origin(name, int(low) if name is not None and low == high else None)
            for name, low, high in zip(
                names, first[:, channel].tolist(), last[:, channel].tolist(), strict=True
            )
            if math.isfinite(low)
        )
        plain = behind and all(each.unit is not None for each in behind)
        key = behind if plain else channel
        if key not in known:
            known[key] = len(feeders)
            feeders.append(behind)
        labels.append(known[key])
    return Wiring(tuple(feeders), torch.tensor(labels))


def _unknown(module: nn.Module) -> Wiring:
    """Each channel or feature by itself, where from nobody knows."""
    count = int(getattr(module, "in_channels", None) or module.in_features)  # type: ignore[arg-type]
    return Wiring(((),) * count, torch.arange(count))
