"""Pictures made level upon level, so that it is known what each layer of a network could capture.

Strokes make shapes and shapes make objects. A shape is a patch of stripes of one colour on an empty
ground. Two shapes, one above the other, make an object, and which one follows from a Latin square:
neither the upper nor the lower shape alone says anything about it. How the stripes run, how wide and
of what colour they are and where the object stands is drawn independently of all that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from weightdesk.properties import Property
from weightdesk.training.data.dataset import Dataset
from weightdesk.training.randomness import stream

SIDE: Final = 32  # pixels
ORIENTATIONS: Final = ("horizontal", "falling", "vertical", "rising")
STROKES: Final = ("fine", "bold")
PERIODS: Final = (3.0, 4.5)  # pixels from one stripe to the next, for each stroke
COLOURS: Final = ("red", "green", "blue")
POSITIONS: Final = ("top left", "top right", "bottom left", "bottom right")
OBJECTS: Final = ("house", "lamp", "tree")
_RADIUS: Final = 5.0  # pixels; half the side of a square of a shape's area
_APART: Final = 12.0  # pixels between the centres of the two shapes
_ROAM: Final = (3.0, 6.0)  # pixels that an object may be off the middle: down and to the side
_PALE: Final = 0.25  # what a stripe of one colour has of the two others

Draw = Callable[[Tensor, Tensor], Bool[Tensor, "examples side side"]]


def _square(down: Tensor, right: Tensor) -> Tensor:
    return torch.maximum(down.abs(), right.abs()) < 1


def _triangle(down: Tensor, right: Tensor) -> Tensor:
    """Point up, as high as wide, of the square's area."""
    half = math.sqrt(2)
    return (down.abs() < half) & (right.abs() < (down + half) / 2)


def _cross(down: Tensor, right: Tensor) -> Tensor:
    """Two bars, each a third as thick as long, of the square's area together."""
    long, thick = 3 / math.sqrt(5), 1 / math.sqrt(5)
    low, high = torch.minimum(down.abs(), right.abs()), torch.maximum(down.abs(), right.abs())
    return (low < thick) & (high < long)


SHAPES: Mapping[str, Draw] = MappingProxyType({"square": _square, "triangle": _triangle, "cross": _cross})
"""By name, what lies within a shape of radius 1 around the origin; all have the area 4."""


def load(examples: int, noise: float, seed: int) -> Dataset:
    """Return pictures of objects, with the label of every level.

    Levels: 0 is decided by strokes (`orientation`, `stroke`, `colour`), 1 by shapes (`upper shape`,
    `lower shape`), 2 by their combination (`object`, the target). `position` is that of the object.

    Arguments:
        examples: how many.
        noise: standard deviation of each pixel's own noise; stripes go from 0.2 to 1, the ground is 0.
        seed: of all that is drawn.

    >>> made = load(20, noise=0.1, seed=0)
    >>> made.input_shape, [each.name for each in made.properties if each.level == 1]
    ((3, 32, 32), ['upper shape', 'lower shape'])
    """
    random = stream(seed, "shapes")
    classes = {
        "orientation": (ORIENTATIONS, 0),
        "stroke": (STROKES, 0),
        "colour": (COLOURS, 0),
        "upper shape": (tuple(SHAPES), 1),
        "lower shape": (tuple(SHAPES), 1),
    }
    drawn = {name: torch.randint(len(of), (examples,), generator=random) for name, (of, _) in classes.items()}
    target = (drawn["upper shape"] + drawn["lower shape"]) % len(OBJECTS)
    off = (2 * torch.rand(examples, 2, generator=random) - 1) * torch.tensor(_ROAM)
    position = 2 * (off[:, 0] > 0).long() + (off[:, 1] > 0).long()
    return Dataset(
        inputs=_paint(drawn, off, noise, random),
        targets=target,
        task="classification",
        class_names=OBJECTS,
        properties=(
            *(Property(name, drawn[name], of, level) for name, (of, level) in classes.items()),
            Property("object", target, OBJECTS, 2),
            Property("position", position, POSITIONS),
        ),
    )


def _paint(
    drawn: Mapping[str, Int64[Tensor, " examples"]],
    off: Float[Tensor, "examples 2"],
    noise: float,
    random: torch.Generator,
) -> Float[Tensor, "examples 3 side side"]:
    """Stripes of one colour where a shape is, nothing elsewhere, and noise on all."""
    covered = _covered(drawn["upper shape"], off, -1, random) | _covered(drawn["lower shape"], off, 1, random)
    stripes = covered * (0.6 + 0.4 * _stripes(drawn["orientation"], drawn["stroke"], random))
    tint = torch.where(torch.eye(3, dtype=torch.bool), 1.0, _PALE)[drawn["colour"]]
    pictures = tint[:, :, None, None] * stripes.unsqueeze(1)
    return pictures + noise * torch.randn(pictures.shape, generator=random)


def _covered(
    shapes: Int64[Tensor, " examples"], off: Float[Tensor, "examples 2"], side: int, random: torch.Generator
) -> Bool[Tensor, "examples side side"]:
    """Where the shape above (side −1) or below (side 1) an object's middle is, its size a little random."""
    radius = _RADIUS * (0.9 + 0.2 * torch.rand(len(shapes), 1, generator=random))
    down, right = (_axis() - off[:, :1] - side * _APART / 2) / radius, (_axis() - off[:, 1:]) / radius
    each = torch.stack([draw(down[:, :, None], right[:, None, :]) for draw in SHAPES.values()])
    return each[shapes, torch.arange(len(shapes))]


def _stripes(
    orientations: Int64[Tensor, " examples"], strokes: Int64[Tensor, " examples"], random: torch.Generator
) -> Float[Tensor, "examples side side"]:
    """Waves from −1 to 1 over the whole picture, their phase random."""
    angle = (math.pi / len(ORIENTATIONS)) * orientations[:, None, None]
    across = _axis()[:, None] * angle.cos() - _axis()[None, :] * angle.sin()
    phase = 2 * math.pi * torch.rand(len(angle), 1, 1, generator=random)
    return (2 * math.pi * across / torch.tensor(PERIODS)[strokes][:, None, None] + phase).sin()


def _axis() -> Float[Tensor, " side"]:
    """The pixels of a side, counted from the middle."""
    return torch.arange(SIDE) - (SIDE - 1) / 2
