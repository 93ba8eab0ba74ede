"""All weights of a linear layer at once, by a table of each example's loss against each unit.

All weights into a unit act on an example's loss through one number, the unit's pre-activation z. Its
loss is tabulated at the Chebyshev-Lobatto points of the stretch of z that zeroing single weights can
reach, which takes as many downstream runs as there are points rather than weights. Every weight's
effect is then read off the interpolating Chebyshev series (Trefethen 2019, *Approximation Theory and
Approximation Practice*, chapters 3 to 5).

Before a ReLU the stretch is cut at 0, below which nothing changes, so its kink costs nothing. Kinks
further downstream make a series converge slowly. What a unit's weights get is therefore compared with
what every second point of its tables gives; where that differs by more than the tolerance, the unit's
tables are made finer, until running again for each weight costs no more.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from weightdesk.explain.importance.downstream import Downstream
from weightdesk.explain.importance.engine import Engine
from weightdesk.explain.importance.layer import Layer
from weightdesk.explain.importance.probe import Probe

_POINTS: Final = (5, 9, 17, 33, 65)
_FEW_RUNS: Final = 1_000_000  # of one example: done in less time than Numba takes to load

_PARTS: Final = 8  # of the examples: fixed, so that sums do not depend on the number of threads


class Tabulation:
    """Single weights of a linear layer whose result has one row an example.

    Attributes:
        error: the largest difference so far between an accepted table and every second of its points.
    """

    def __init__(
        self, probe: Probe, layer: Layer, downstream: Downstream, again: Engine, tolerance: float
    ) -> None:
        self._probe, self._layer, self._downstream = probe, layer, downstream
        self._again, self._tolerance = again, tolerance
        self._inputs = layer.inputs.contiguous()
        self._fan_in = layer.parameter.shape[1]
        self._used: Counter[int] = Counter()
        self.error = 0.0
        self.blocks = list(torch.split(torch.arange(layer.parameter.numel()), self._fan_in))

    @staticmethod
    def pays(layer: Layer) -> bool:
        """Whether a unit has more weights than its tables have points, and there is much to do."""
        if layer.kind != "linear" or layer.z.ndim != 2:
            return False
        return layer.parameter.shape[1] > _POINTS[0] and layer.parameter.numel() * len(layer.z) > _FEW_RUNS

    @property
    def name(self) -> str:
        """What was done for how many units."""
        done = [
            f"{points} points for {count} units" for points, count in sorted(self._used.items()) if points
        ]
        done += [f"each weight for {self._used[0]} units"] if self._used[0] else []
        return f"tabulation ({', '.join(done)}), {self._downstream.name}"

    def changes(self, block: Tensor) -> Tensor:
        """See `Engine`; a block is a unit."""
        unit = int(block[0]) // self._fan_in
        weights, z = self._layer.row(unit).double(), self._layer.at(unit).double()
        low, high = self._stretch(weights, z)
        live = (high > low).nonzero()[:, 0]
        rows = _Rows(live, z[live], low[live], high[live])
        coarse = None
        for points in (each for each in _POINTS if each < self._fan_in):
            table = self._table(unit, rows, points)
            coarse = self._read_off(weights, rows, table[:, ::2]) if coarse is None else coarse
            fine = self._read_off(weights, rows, table)
            error = float((fine - coarse).abs().max())
            if error <= self._tolerance:
                self.error = max(self.error, error)
                self._used[points] += 1
                return fine
            coarse = fine  # the points of one table are every second one of the next
        self._used[0] += 1
        return self._again.changes(block)

    def _stretch(self, weights: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Least and largest value of the unit that zeroing one weight can give, for each example."""
        from weightdesk.explain.importance.kernels import reach  # Numba takes a second to import

        low, high = torch.empty_like(z), torch.empty_like(z)
        _in_parts(
            len(z),
            lambda part: reach(
                self._inputs[part].numpy(), weights.numpy(), low[part].numpy(), high[part].numpy()
            ),
        )
        floor = self._downstream.floor
        return (z + low).clamp(min=floor), (z + high).clamp(min=floor)

    def _table(self, unit: int, rows: _Rows, points: int) -> Tensor:
        """Change of the loss of each live example at each point of its stretch: (live, points)."""
        places = torch.cos(torch.arange(points, dtype=torch.float64) * math.pi / (points - 1))
        values = (rows.high + rows.low)[:, None] / 2 + (rows.high - rows.low)[:, None] / 2 * places
        examples = rows.examples.repeat_interleave(points)
        changes = self._downstream.changes(unit, values.flatten().to(self._layer.z.dtype), examples)
        return changes.view_as(values)

    def _read_off(self, weights: Tensor, rows: _Rows, table: Tensor) -> Tensor:
        """Change of the loss of the set for each weight of a unit."""
        from weightdesk.explain.importance.kernels import read_off

        series = (table @ chebyshev_coefficients(table.shape[1]).t()).contiguous()

        def read(part: slice) -> Tensor:
            total = torch.zeros_like(weights)
            low, high = rows.low[part].numpy(), rows.high[part].numpy()
            read_off(
                self._inputs.numpy(), weights.numpy(), rows.examples[part].numpy(), rows.z[part].numpy(),
                self._downstream.floor, low, high, series[part].numpy(), total.numpy(),
            )  # fmt: skip
            return total

        parts = _in_parts(len(rows.z), read)
        total = torch.stack(parts).sum(0) if parts else torch.zeros_like(weights)
        return total.where(weights != 0, torch.zeros_like(total)) * self._probe.share


@dataclass(frozen=True, eq=False)
class _Rows:
    """The examples in which a unit's stretch has a length: their numbers, the unit's values, both ends."""

    examples: Tensor
    z: Tensor
    low: Tensor
    high: Tensor


def _in_parts(count: int, work: Callable[[slice], Any]) -> list[Any]:
    """Do work on parts of a range, side by side."""
    size = max(1, -(-count // _PARTS))
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        return list(threads.map(work, [slice(start, start + size) for start in range(0, count, size)]))


def chebyshev_coefficients(points: int) -> Tensor:
    """The matrix from values at Chebyshev-Lobatto points to the coefficients of the interpolating series.

    Arguments:
        points: how many, at cos(kπ / (points − 1)).

    Returns:
        (points, points): coefficients = matrix @ values.

    Source: Trefethen 2019, chapter 3; a discrete cosine transform of the first kind.

    >>> places = torch.cos(torch.arange(3, dtype=torch.float64) * torch.pi / 2)
    >>> (chebyshev_coefficients(3) @ (2 * places**2 - 1)).round(decimals=9).abs().tolist()
    [0.0, 0.0, 1.0]
    """
    k = torch.arange(points, dtype=torch.float64)
    matrix = 2 / (points - 1) * torch.cos(k[:, None] * k * math.pi / (points - 1))
    matrix[:, [0, -1]] /= 2
    matrix[[0, -1]] /= 2
    return matrix
