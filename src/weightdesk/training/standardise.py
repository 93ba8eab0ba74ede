"""Standardisation of inputs and targets, measured on the training part alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Standardisation:
    """Mean and scale of each feature, or of each channel of pictures: what JSON can hold.

    >>> Standardisation(mean=(1.0,), scale=(2.0,)).apply(torch.tensor([[5.0]])).item()
    2.0
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def apply(self, values: Float[Tensor, "examples features ..."]) -> Tensor:
        """Return (values − mean) / scale, each feature by its own."""
        mean, scale = self._shaped(values)
        return (values - mean) / scale

    def revert(self, values: Float[Tensor, "examples features ..."]) -> Tensor:
        """Return values × scale + mean: what `apply` undid."""
        mean, scale = self._shaped(values)
        return values * scale + mean

    def _shaped(self, values: Tensor) -> tuple[Tensor, Tensor]:
        shape = (1, -1, *[1] * (values.ndim - 2))
        return tuple(
            torch.tensor(each, dtype=values.dtype).reshape(shape) for each in (self.mean, self.scale)
        )  # type: ignore[return-value]

    def to_dict(self) -> dict[str, list[float]]:
        """Return plain JSON values."""
        return {"mean": list(self.mean), "scale": list(self.scale)}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Standardisation:
        """Return what `to_dict` stored."""
        return cls(tuple(stored["mean"]), tuple(stored["scale"]))


def fit(values: Float[Tensor, "examples features ..."]) -> Standardisation:
    """Measure mean and standard deviation (of the population) of each feature, in float64.

    A constant feature gets scale 1, so that it becomes 0 rather than noise blown up.

    >>> fit(torch.tensor([[0.0, 7.0], [2.0, 7.0]]))
    Standardisation(mean=(1.0, 7.0), scale=(1.0, 1.0))
    """
    columns = values.double().transpose(0, 1).flatten(1)
    mean = columns.mean(dim=1)
    scale = columns.std(dim=1, correction=0)
    # float32 rounding of a constant leaves a spread of about 1e-7 of its size
    varies = scale > (1e-6 * mean.abs()).clamp(min=torch.finfo(values.dtype).tiny)
    return Standardisation(tuple(mean.tolist()), tuple(torch.where(varies, scale, 1.0).tolist()))
