"""Where in a result the examples, the units and the places lie.

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
from torch.utils._pytree import tree_map

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.batch import Batch
from weightdesk.explain.tracing import Trace, trace, untouched

Coordinates: TypeAlias = tuple[Any, ...]
"""An integer, a slice or a tensor of integers for each axis of a tensor."""


@dataclass(frozen=True)
class Layout:
    """The axes of a result.

    Attributes:
        shape: of the result.
        units: the axis of the units; None where all of it is one unit.
        batch: the axis of the examples; None where the result is the same for all examples.
        rows: how many entries of that axis belong to one example.
        apart: how far apart these lie on it.

    >>> tokens = Layout((4, 8, 16), units=2, batch=1, rows=1)
    >>> tokens.places, tokens.index(3, (2,), 5)
    ((4,), (2, 3, 5))
    """

    shape: tuple[int, ...]
    units: int | None
    batch: int | None
    rows: int = 1
    apart: int = 1

    @property
    def places(self) -> tuple[int, ...]:
        """How many places there are along each axis that counts neither examples nor units."""
        merged = (self.rows,) if self.rows > 1 else ()
        rest = (size for axis, size in enumerate(self.shape) if axis not in (self.units, self.batch))
        return (*merged, *rest)

    def index(self, sample: int | Tensor, place: tuple[int, ...] | None, row: int) -> Coordinates:
        """Where a unit's value for one or several examples lies; for all places if none is given."""
        rest: list[Any] = [slice(None)] * len(self.places) if place is None else list(place)
        lead: Any = sample
        if self.rows > 1:
            start = sample if self.apart > 1 else sample * self.rows
            end = start + self.rows * self.apart
            lead = slice(start, end, self.apart) if place is None else start + rest[0] * self.apart
            rest = rest[1:]
        named = {self.batch: lead, self.units: row}
        return tuple(named[axis] if axis in named else rest.pop(0) for axis in range(len(self.shape)))

    def choose(self, result: Tensor, sample: int, row: int) -> tuple[int, ...]:
        """The place where the unit's value is largest in size for an example."""
        if not math.prod(self.places):
            raise OptionError(
                f"the result of shape {self.shape} has no place to explain; give inputs that are not empty"
            )
        values = result[self.index(sample, None, row)].abs().nan_to_num()
        return tuple(int(each) for each in torch.unravel_index(values.argmax(), self.places))

    def check(self, place: Any) -> tuple[int, ...]:
        """A place as a tuple without negative entries.

        Raises:
            IndexRangeError: there is no such place.
        """
        given = tuple(place) if isinstance(place, (tuple, list)) else (int(place),)
        fits = all(-size <= each < size for each, size in zip(given, self.places, strict=False))
        if len(given) != len(self.places) or not fits:
            ends = ", ".join(f"0…{size - 1}" for size in self.places)
            raise IndexRangeError(f"place {given} does not exist: expected ({ends})")
        return tuple(each % size for each, size in zip(given, self.places, strict=True))


def layout_of(
    model: nn.Module, batch: Batch, traced: Trace, station: int, units: int | None, seed: int | Tensor
) -> Layout:
    """The axes of a station's result.

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
    ...     layout_of(model, batch_of(tokens, 1), trace(model, tokens), 0, 2, 0).batch
    1
    """
    full = traced.stations[station].result
    if batch.axis is None:
        return Layout(tuple(full.shape), units, None)
    few = 3 if batch.size == 2 else 2
    try:
        with untouched(model, seed):
            probe = trace(model, _first(batch, few)).stations[station].result
        counting = [
            axis for axis, size in enumerate(full.shape) if size * few == probe.shape[axis] * batch.size
        ]
    except Exception:  # the model takes only this number of examples: the sizes must tell
        probe, counting = full, [axis for axis, size in enumerate(full.shape) if size == batch.size]
    axis = next((axis for axis in counting if axis != units), None)
    rows = 1 if axis is None else full.shape[axis] // batch.size
    apart = (
        batch.size if rows > 1 and axis is not None and _alternates(full, probe, axis, batch.size, few) else 1
    )
    return Layout(tuple(full.shape), units, axis, rows, apart)


def _alternates(full: Tensor, probe: Tensor, axis: int, count: int, few: int) -> bool:
    """Whether the entries of one example lie `count` apart, rather than side by side."""
    every, other = full.detach().movedim(axis, 0), probe.detach().movedim(axis, 0)
    rows = len(every) // count
    apart, beside = (every[::count] - other[::few]), (every[:rows] - other[:rows])
    return bool(apart.abs().sum() < beside.abs().sum())


def _first(batch: Batch, few: int) -> Any:
    """The first few examples; the last one several times where there are fewer."""
    chosen = torch.arange(few).clamp(max=batch.size - 1)
    return tree_map(
        lambda each: (
            each.index_select(batch.axis, chosen.to(each.device)) if batch.has_examples(each) else each
        ),
        batch.inputs,
    )
