"""Two classes of points on a plane: with two inputs the whole learned function can be drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from weightdesk.training.data.dataset import Dataset
from weightdesk.training.randomness import stream


def load(shape: str, examples: int, noise: float, seed: int) -> Dataset:
    """Draw points of two classes, as many of each (one more of the first if the number is odd).

    Arguments:
        shape: `spirals` (two arms of one and a half turns), `circle` (a disc within a ring), `xor`
            (opposite quadrants) or `gauss` (two clouds).
        examples: number of points, all within about 6 of the origin.
        noise: standard deviation of the points' shift in each direction.
        seed: the same seed gives the same points.

    >>> load("xor", 4, 0.0, seed=0).targets.tolist()
    [0, 1, 0, 1]

    """
    generator = stream(seed, shape)
    labels = torch.arange(examples) % 2
    points = SHAPES[shape](labels, generator)
    points = points + noise * torch.randn(points.shape, generator=generator)
    return Dataset(
        inputs=points,
        targets=labels,
        task="classification",
        class_names=("a", "b"),
        feature_names=("x", "y"),
    )


def _spirals(labels: Int[Tensor, " n"], generator: Generator) -> Float[Tensor, "n 2"]:
    along = torch.rand(len(labels), generator=generator)
    return _polar(0.5 + 4.5 * along, 3 * math.pi * along + math.pi * labels)


def _circle(labels: Int[Tensor, " n"], generator: Generator) -> Float[Tensor, "n 2"]:
    along, angle = torch.rand(2, len(labels), generator=generator)
    return _polar(2.5 * along + 3.0 * labels * (1 - along / 6), 2 * math.pi * angle)


def _xor(labels: Int[Tensor, " n"], generator: Generator) -> Float[Tensor, "n 2"]:
    points = 0.5 + 4.5 * torch.rand(len(labels), 2, generator=generator)
    side = torch.randint(2, (len(labels),), generator=generator) * 2 - 1
    return torch.stack([side * points[:, 0], side * (1 - 2 * labels) * points[:, 1]], dim=1)


def _gauss(labels: Int[Tensor, " n"], generator: Generator) -> Float[Tensor, "n 2"]:
    centre = (2.0 - 4.0 * labels).unsqueeze(1)
    return centre + torch.randn(len(labels), 2, generator=generator)


def _polar(radius: Tensor, angle: Tensor) -> Float[Tensor, "n 2"]:
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


SHAPES: Mapping[str, Callable[[Tensor, Generator], Tensor]] = MappingProxyType(
    {"spirals": _spirals, "circle": _circle, "xor": _xor, "gauss": _gauss}
)
