"""Where in a result the values of a unit lie: by example, and by token, or row and column.

A sequence may come first or second, a picture's channels before or after its places, and examples
and tokens may share one axis. Which axis counts the examples is not guessed but tried: it is the
one that changes its size when the model is given another number of examples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.batch import Batch
from weightdesk.explain.layout import Layout, layout_along
from weightdesk.explain.tracing import Trace, trace, untouched

Coordinates: TypeAlias = tuple[Any, ...]
"""An integer, a slice or a tensor of integers for each axis of a tensor."""


@dataclass(frozen=True)
class Places:
    """The places of a result.

    Attributes:
        layout: where the examples lie in it.
        units: the axis of the units; None where all of it is one unit.

    >>> tokens = Places(Layout((4, 8, 16), examples=8, axis=1), units=2)
    >>> tokens.sizes, tokens.index(3, (2,), 5)
    ((4,), (2, 3, 5))
    """

    layout: Layout
    units: int | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many places there are along each axis that counts neither examples nor units."""
        layout = self.layout
        merged = (layout.block,) if layout.block > 1 else ()
        rest = (size for axis, size in enumerate(layout.shape) if axis not in (self.units, layout.axis))
        return (*merged, *rest)

    def index(self, sample: int | Tensor, place: tuple[int, ...] | None, row: int) -> Coordinates:
        """Where a unit's value for one or several examples lies; for all places if none is given."""
        rest: list[Any] = [slice(None)] * len(self.sizes) if place is None else list(place)
        first = rest.pop(0) if self.layout.block > 1 else 0
        lead = self.layout.along(sample, None if isinstance(first, slice) else first)
        named = {self.layout.axis: lead, self.units: row}
        return tuple(named[axis] if axis in named else rest.pop(0) for axis in range(len(self.layout.shape)))

    def choose(self, result: Tensor, sample: int, row: int) -> tuple[int, ...]:
        """The place where the unit's value is largest in size for an example."""
        if not math.prod(self.sizes):
            raise OptionError(
                f"the result of shape {self.layout.shape} has no place to explain; "
                "give inputs that are not empty"
            )
        values = result[self.index(sample, None, row)].abs().nan_to_num()
        return tuple(int(each) for each in torch.unravel_index(values.argmax(), self.sizes))

    def check(self, place: Any) -> tuple[int, ...]:
        """A place as a tuple without negative entries.

        Raises:
            IndexRangeError: there is no such place.
        """
        given = tuple(place) if isinstance(place, (tuple, list)) else (int(place),)
        fits = all(-size <= each < size for each, size in zip(given, self.sizes, strict=False))
        if len(given) != len(self.sizes) or not fits:
            ends = ", ".join(f"0…{size - 1}" for size in self.sizes)
            raise IndexRangeError(f"place {given} does not exist: expected ({ends})")
        return tuple(each % size for each, size in zip(given, self.sizes, strict=True))


def places_of(
    model: nn.Module, batch: Batch, traced: Trace, station: int, units: int | None, seed: int | Tensor
) -> Places:
    """The places of a station's result.

    Arguments:
        model: what was traced.
        batch: its inputs.
        traced: its trace on them.
        station: number of the station.
        units: the axis of its units.
        seed: of the random numbers that the model draws.

    >>> from weightdesk.explain.batch import batch_of
    >>> model, tokens = nn.Embedding(5, 2), torch.zeros(3, 3, dtype=torch.long)
    >>> with untouched(model):
    ...     places_of(model, batch_of(tokens, 1), trace(model, tokens), 0, 2, 0).layout.axis
    1
    """
    full = traced.stations[station].result
    if batch.axis is None:
        return Places(Layout(tuple(full.shape), batch.size, None), units)
    few = 3 if batch.size == 2 else 2
    try:
        with untouched(model, seed):
            chosen = torch.arange(few).clamp(max=batch.size - 1)  # the last one again where there are fewer
            probe = trace(model, batch.take(batch.inputs, chosen)).stations[station].result
        counting = [
            axis
            for axis, (size, other) in enumerate(zip(full.shape, probe.shape, strict=True))
            if size * few == other * batch.size and not size % batch.size
        ]
    except Exception:  # the model takes only this number of examples: the sizes must tell
        probe, counting = full, [axis for axis, size in enumerate(full.shape) if size == batch.size]
    axis = next((axis for axis in counting if axis != units), None)
    if axis is None:
        return Places(Layout(tuple(full.shape), batch.size, None), units)
    return Places(layout_along(axis, full, probe, batch.size, few), units)
