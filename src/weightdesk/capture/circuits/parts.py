"""What each feeder of a unit adds to its weighted sum z; the parts and the bias add up to z."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from weightdesk.capture.activations import BATCH
from weightdesk.capture.circuits.origins import Wiring
from weightdesk.capture.layers import Layer, unfused
from weightdesk.errors import OptionError


@dataclass(frozen=True, eq=False)
class Entry:
    """What entered a layer in a batch, and what it made of it.

    Attributes:
        x: as the module was given it.
        z: its weighted sums.
    """

    x: Float[Tensor, "examples ..."]
    z: Float[Tensor, "examples units places"]


def entries(
    model: nn.Module, inputs: Num[Tensor, "examples ..."], layer: Layer, batch: int = BATCH
) -> Iterator[Entry]:
    """Run a network on examples and give what enters and leaves a layer, batch by batch.

    >>> net = nn.Linear(2, 3)
    >>> [tuple(each.z.shape) for each in entries(net, torch.zeros(5, 2), Layer("", "Linear", 3), batch=4)]
    [(4, 3, 1), (1, 3, 1)]
    """
    noted: list[Entry] = []

    def note(_module: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
        units = result.movedim(layer.unit_axis, 1)
        # copies, as what follows may write into them
        noted.append(Entry(given[0].clone(), units.reshape(*units.shape[:2], -1).clone()))

    handle = model.get_submodule(layer.name).register_forward_hook(note)
    try:
        with torch.no_grad(), unfused():
            for some in torch.split(inputs, batch):
                noted.clear()
                model(some)
                yield noted[-1]
    finally:
        handle.remove()


@dataclass(frozen=True, eq=False)
class Parts:
    """Takes the weighted sums of a layer apart.

    Attributes:
        module: the layer, a convolution or linear.
        wiring: what feeds it.

    Raises:
        OptionError: the layer is an embedding, which no units feed.
    """

    module: nn.Module
    wiring: Wiring

    def of(
        self, units: Sequence[int], x: Float[Tensor, "examples ..."]
    ) -> Float[Tensor, "examples units feeders places"]:
        """What each feeder adds to z of units at each place, summed over the kernel or the features.

        >>> layer = nn.Linear(2, 1)
        >>> x, wiring = torch.tensor([[3.0, 4.0]]), Wiring(((), ()), torch.arange(2))
        >>> parts = Parts(layer, wiring).of([0], x)
        >>> bool(torch.allclose(parts.sum() + layer.bias, layer(x)))
        True
        """
        with torch.no_grad():
            if isinstance(self.module, nn.Linear):
                return self._linear(units, x)
            return torch.cat([self._convolved(some, x) for some in self._of_one_group(units)], dim=1)

    def weight(self, unit: int) -> Float[Tensor, " feeders"]:
        """The sum of |w| over the weights from each feeder to a unit."""
        weights = self._weights(unit).abs()
        sizes = weights.reshape(len(weights), -1).sum(1)
        sums = sizes.new_zeros(len(self.wiring.feeders))
        return sums.index_add_(0, self._labels(unit), sizes)

    def bias(self, unit: int) -> float:
        """What is added; 0 where the layer has none."""
        bias: Tensor | None = self.module.bias  # type: ignore[assignment]
        return 0.0 if bias is None else float(bias.detach()[unit])

    def _weights(self, unit: int) -> Tensor:
        weight: Tensor = self.module.weight.detach()[unit]  # type: ignore[operator]
        return weight

    def _heard(self, unit: int) -> slice:
        """The input channels that reach a unit: those of its group."""
        count = len(self._weights(unit))
        group = unit * int(getattr(self.module, "groups", 1)) // len(self.module.weight)  # type: ignore[arg-type]
        return slice(group * count, (group + 1) * count)

    def _labels(self, unit: int) -> Tensor:
        return self.wiring.labels.to(self._weights(unit).device)[self._heard(unit)]

    def _of_one_group(self, units: Sequence[int]) -> Iterator[list[int]]:
        for _, some in groupby(units, key=lambda unit: self._heard(unit).start):
            yield list(some)

    def _linear(self, units: Sequence[int], x: Tensor) -> Tensor:
        """A product for each feeder, of its features alone; fewer features are filled up with zeros."""
        labels = self._labels(units[0])
        order = labels.argsort(stable=True)
        sizes = torch.bincount(labels, minlength=len(self.wiring.feeders))
        place = torch.arange(len(order), device=x.device) - (sizes.cumsum(0) - sizes)[labels[order]]
        rows = x.reshape(-1, x.shape[-1])
        apart = rows.new_zeros(len(sizes), int(sizes.max()), len(rows) + len(units))
        weights = torch.stack([self._weights(unit) for unit in units])
        apart[labels[order], place] = torch.cat([rows, weights]).T[order]
        sums = apart[:, :, : len(rows)].transpose(1, 2) @ apart[:, :, len(rows) :]
        return sums.reshape(len(sizes), len(x), -1, len(units)).permute(1, 3, 0, 2)

    def _convolved(self, units: Sequence[int], x: Tensor) -> Tensor:
        """Each channel by itself, with the layer's own stride, padding and dilation."""
        weights = torch.stack([self._weights(unit) for unit in units], dim=1)
        alone = copy.copy(self.module)
        alone.groups = len(weights)  # type: ignore[assignment]
        kernels = weights.flatten(0, 1)[:, None]
        each: Tensor = alone._conv_forward(x[:, self._heard(units[0])], kernels, None)  # type: ignore[operator]
        split = each.reshape(len(x), *weights.shape[:2], -1).transpose(1, 2)
        sums = split.new_zeros(len(x), len(units), len(self.wiring.feeders), split.shape[3])
        return sums.index_add_(2, self._labels(units[0]), split)


def parts_of(model: nn.Module, layer: Layer, wirings: dict[str, Wiring]) -> Parts:
    """The parts of a layer of a network.

    Raises:
        OptionError: no units feed the layer.

    >>> net = nn.Embedding(3, 2)
    >>> parts_of(net, Layer("", "Embedding", 2), {})
    Traceback (most recent call last):
    ...
    weightdesk.errors.OptionError: the layer '' is an embedding: tokens feed it, not units
    """
    if layer.name not in wirings:
        raise OptionError(f"the layer {layer.name!r} is an embedding: tokens feed it, not units")
    return Parts(model.get_submodule(layer.name), wirings[layer.name])
