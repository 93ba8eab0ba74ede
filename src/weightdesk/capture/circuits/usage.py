"""How strongly the feeders of a layer's units are in use: weight × activation, over all examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.activations import BATCH
from weightdesk.capture.circuits.origins import Wiring
from weightdesk.capture.circuits.parts import Entry, Parts, entries, parts_of
from weightdesk.capture.layers import Layer
from weightdesk.capture.progress import Progress, silent
from weightdesk.capture.specimen import Specimen

_AT_ONCE: Final = 2**23
"""Numbers that are in memory at a time, at most, for some units of a batch."""


@dataclass(frozen=True, eq=False)
class Usage:
    """What the feeders of some units add to their z, over all examples and places.

    Attributes:
        size: mean of the absolute value of what a feeder adds.
        mean: mean of what it adds, with its sign.
        covariance: of what it adds with z; over the feeders these add up to the variance of z.
        variance: of z.
        z: mean of z.
        remainder: the largest |parts + bias − z| that was met, from rounding.
    """

    size: Float64[Tensor, "units feeders"]
    mean: Float64[Tensor, "units feeders"]
    covariance: Float64[Tensor, "units feeders"]
    variance: Float64[Tensor, " units"]
    z: Float64[Tensor, " units"]
    remainder: float

    @property
    def share(self) -> Float64[Tensor, "units feeders"]:
        """Each feeder's part of the summed sizes; 0 where all are 0."""
        return self.size / self.size.sum(1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)

    @property
    def explained(self) -> Float64[Tensor, "units feeders"]:
        """Each feeder's part of the variance of z; not a number for a constant unit."""
        return self.covariance / self.variance[:, None].where(self.variance[:, None] > 0, torch.nan)


def usage(
    specimen: Specimen,
    layer: Layer,
    wirings: dict[str, Wiring],
    units: Sequence[int] | None = None,
    *,
    batch: int = BATCH,
    progress: Progress = silent,
) -> Usage:
    """Measure how strongly the feeders of units are in use.

    Takes one run of the network, and one of the layer with its channels kept apart.

    Arguments:
        specimen: the network and the examples.
        layer: the layer of the units.
        wirings: as `wiring` finds them.
        units: those to look at; None: all.
        batch: examples that are run at once.
        progress: told how far it is.

    Raises:
        OptionError: no units feed the layer.

    >>> from weightdesk.capture.circuits.origins import wiring
    >>> from weightdesk.capture.layers import layers_of
    >>> net, rows = torch.nn.Linear(2, 1), torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> _ = net.weight.data.copy_(torch.tensor([[3.0, 5.0]]))
    >>> layers = layers_of(net, rows)
    >>> usage(Specimen(net, rows), layers[0], wiring(net, rows, layers)).size.tolist()
    [[3.0, 0.0]]
    """
    parts = parts_of(specimen.model, layer, wirings)
    chosen = list(range(layer.units) if units is None else units)
    sums, done = _Sums(parts, chosen), 0
    for entry in entries(specimen.model, specimen.inputs, layer, batch):
        sums.add(entry)
        done += len(entry.z)
        progress(f"what feeds {layer.name}", done / len(specimen))
    return sums.usage()


class _Sums:
    """Adds up, over batches, what feeders add; z counts from its mean in the first batch."""

    def __init__(self, parts: Parts, units: list[int]) -> None:
        self._parts, self._units = parts, units
        shape = (len(units), len(parts.wiring.feeders))
        self._size, self._mean, self._product = torch.zeros(3, *shape, dtype=torch.float64)
        self._z, self._square = torch.zeros(2, len(units), dtype=torch.float64)
        self._around: Tensor | None = None
        self._bias = torch.tensor([parts.bias(unit) for unit in units])
        self._count, self._remainder = 0, 0.0

    def add(self, entry: Entry) -> None:
        z = entry.z[:, self._units].cpu()
        if self._around is None:
            self._around = z.mean((0, 2))
        apart = (z - self._around[:, None]).double()
        self._z += apart.sum((0, 2))
        self._square += apart.square().sum((0, 2))
        self._count += z.shape[0] * z.shape[2]
        size = max(1, _AT_ONCE // (z.shape[0] * z.shape[2] * self._size.shape[1]))
        for rows in torch.split(torch.arange(len(self._units)), size):
            found = self._parts.of([self._units[row] for row in rows.tolist()], entry.x).cpu()
            self._size[rows] += found.abs().sum((0, 3), dtype=torch.float64)
            self._mean[rows] += found.sum((0, 3), dtype=torch.float64)
            products = found * apart[:, rows, None].to(found.dtype)
            self._product[rows] += products.sum((0, 3), dtype=torch.float64)
            left = found.sum(2) + self._bias[rows, None].to(found.dtype) - z[:, rows]
            self._remainder = max(self._remainder, float(left.abs().max()))

    def usage(self) -> Usage:
        assert self._around is not None, "there are examples"
        means = self._mean / self._count
        z = self._z / self._count
        square = self._square / self._count
        noise = 64 * torch.finfo(self._around.dtype).eps ** 2 * self._around.double().square()
        variance = square - z.square()
        return Usage(
            self._size / self._count,
            means,
            self._product / self._count - means * z[:, None],
            variance.where(variance > noise, 0.0),
            z + self._around.double(),
            self._remainder,
        )
