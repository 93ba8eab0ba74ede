"""The summands of one gradient as columns: δ × x, one for each use, example and place of the weight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from weightdesk.explain.gradients.pushes import factors, unit_axes
from weightdesk.explain.layout import Layout
from weightdesk.explain.tracing import Station
from weightdesk.explain.weight import Weight


@dataclass(frozen=True, eq=False)
class Use:
    """An operation of the forward pass that uses a weight.

    Attributes:
        number: its number in the forward pass.
        station: the operation.
        layout: where the examples lie in its result z.
        delta: ∂L/∂z, in the shape of z.
        by_example: what each example adds to it, where all share z; None where that is not known.
    """

    number: int
    station: Station
    layout: Layout
    delta: Tensor
    by_example: Float[Tensor, "examples entries"] | None = None


@dataclass(frozen=True, eq=False)
class Contributions:
    """The summands of a gradient, the largest first.

    Attributes:
        station: number of the operation that uses the weight; -1 where it has no factors.
        position: row-major place in that operation's result z; -1 where it has no factors.
        sample: the example; -1 where all share the summand.
        place: the token, or row and column; -1 on axes that the use does not have.
        delta: ∂L/∂z there; NaN where there are no factors.
        x: what the weight is multiplied with; NaN where there are no factors.
        product: delta × x.
    """

    station: Int64[Tensor, " summands"]
    position: Int64[Tensor, " summands"]
    sample: Int64[Tensor, " summands"]
    place: Int64[Tensor, "summands axes"]
    delta: Float64[Tensor, " summands"]
    x: Float64[Tensor, " summands"]
    product: Float64[Tensor, " summands"]

    def __len__(self) -> int:
        return len(self.product)

    def by_sample(self, examples: int) -> Float64[Tensor, " examples"]:
        """The sum of each example; what all share is left out."""
        own = self.sample >= 0
        sums = torch.zeros(examples, dtype=torch.float64)
        return sums.index_add_(0, self.sample[own], self.product[own])

    def shared_out(self, uses: Iterable[Use], examples: int) -> Float64[Tensor, " examples"] | None:
        """The sum of each example, its part of what all share included; None where that is not known."""
        sums = self.by_sample(examples)
        for use in uses:
            rows = (self.station == use.number) & (self.sample < 0)
            if bool(rows.any()):
                if use.by_example is None:
                    return None
                delta = use.by_example[:, self.position[rows].to(use.by_example.device)]
                sums += delta.double().cpu() @ self.x[rows]
        return sums

    def table(self) -> pa.Table:
        """The summands as a table: sample, place, delta, x, product."""
        kept = self.place >= 0
        ends = torch.cat((torch.zeros(1, dtype=torch.int64), kept.sum(1).cumsum(0)))
        places = pa.ListArray.from_arrays(pa.array(ends.int().numpy()), pa.array(self.place[kept].numpy()))
        return pa.table(
            {
                "sample": pa.array(self.sample.numpy(), mask=(self.sample < 0).numpy()),
                "place": places,
                "delta": pa.array(self.delta.numpy(), from_pandas=True),
                "x": pa.array(self.x.numpy(), from_pandas=True),
                "product": pa.array(self.product.numpy()),
            }
        )


def contributions(uses: Iterable[Use], weight: Weight) -> Contributions:
    """The summands of a weight's gradient from all operations that use it.

    >>> from weightdesk.explain.layout import Layout
    >>> from weightdesk.explain.tracing import trace, untouched
    >>> from weightdesk.explain.weight import find_weight
    >>> layer, inputs = torch.nn.Linear(2, 1), torch.tensor([[1.0, 5.0], [3.0, 6.0]])
    >>> with untouched(layer):
    ...     [station] = trace(layer, inputs).stations
    >>> use = Use(0, station, Layout((2, 1), examples=2, axis=0), torch.tensor([[0.5], [2.0]]))
    >>> contributions([use], find_weight(layer, "weight", (0, 0))).product
    tensor([6.0000, 0.5000], dtype=torch.float64)
    """
    blocks = [block for use in uses if (block := _of_use(use, weight)) is not None]
    if not blocks:
        return without_factors(torch.zeros(0, dtype=torch.float64))
    axes = max(block[3].shape[1] for block in blocks)
    columns = [
        torch.cat(each)
        for each in zip(
            *((*block[:3], _widened(block[3], axes), *block[4:]) for block in blocks), strict=True
        )
    ]
    return Contributions(*(column[_largest_first(columns[-1])] for column in columns))


def without_factors(products: Float64[Tensor, " summands"], *, by_sample: bool = True) -> Contributions:
    """Summands of which only the products are known, one an example or one for all."""
    order = _largest_first(products)
    nothing, unknown = torch.full_like(order, -1), torch.full_like(products, torch.nan)
    sample = order if by_sample else nothing
    return Contributions(
        nothing, nothing, sample, nothing.new_empty(len(order), 0), unknown, unknown, products[order]
    )


def _of_use(use: Use, weight: Weight) -> tuple[Tensor, ...] | None:
    found = factors(use.station, weight)
    if found is None:
        return None
    spots = found.positions
    delta = use.delta.reshape(-1)[spots.to(use.delta.device)].double().cpu()
    places = use.layout.places(spots, unit_axes(use.station))
    number = torch.full_like(spots, use.number)
    return number, spots, use.layout.samples(spots), places, delta, found.x, delta * found.x


def _widened(places: Tensor, axes: int) -> Tensor:
    return torch.nn.functional.pad(places, (0, axes - places.shape[1]), value=-1)


def _largest_first(products: Tensor) -> Tensor:
    return products.abs().argsort(descending=True, stable=True)
