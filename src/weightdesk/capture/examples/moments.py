"""Correlations among the units of a layer, added up batch by batch."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64
from torch import Tensor


class Moments:
    """Sums of values and of their products, in float64 around the first batch's means.

    >>> moments = Moments()
    >>> for batch in torch.tensor([[1.0, -2.0], [2.0, -4.0], [3.0, -6.0]]).split(2):
    ...     moments.add(batch)
    >>> moments.correlation().tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """

    def __init__(self) -> None:
        self._count = 0
        self._around = self._sums = self._products = torch.zeros(())

    def add(self, values: Float[Tensor, "samples units"]) -> None:
        """Take in more samples."""
        numbers = values.double()
        if not self._count:
            self._around = numbers.mean(0)
        apart = numbers - self._around
        self._count += len(apart)
        self._sums = self._sums + apart.sum(0)
        self._products = self._products + apart.T @ apart

    def covariance(self) -> Float64[Tensor, "units units"]:
        """The mean product of what two units are apart from their means."""
        means = self._sums / self._count
        return self._products / self._count - torch.outer(means, means)

    def correlation(self) -> Float64[Tensor, "units units"]:
        """Pearson's correlation of each pair of units; not a number where a unit is constant."""
        covariance = self.covariance()
        # what rounding leaves of the variance of a constant is no variance
        noise = torch.finfo(torch.float64).eps * (self._products / self._count).diagonal()
        variance = covariance.diagonal()
        deviation = variance.where(variance > 8 * noise, torch.nan).sqrt()
        return (covariance / torch.outer(deviation, deviation)).clamp(-1, 1)
