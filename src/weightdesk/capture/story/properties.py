"""What is true of pictures and texts by themselves, measured where nobody says it."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float, Int64, Num
from torch import Tensor

from weightdesk.capture.specimen import Specimen
from weightdesk.capture.text.reading import reading
from weightdesk.properties import Property

ORIENTATIONS: Final = ("horizontal", "falling", "vertical", "rising")
POSITIONS: Final = ("top left", "top right", "bottom left", "bottom right")
STROKES: Final = ("light", "medium", "heavy")
COLOURS: Final = ("red", "yellow", "green", "cyan", "blue", "magenta")
LENGTHS: Final = ("short", "medium", "long")
NEGATIONS: Final = frozenset(
    {
        "not", "no", "never", "none", "nobody", "nothing", "nowhere", "neither", "nor", "cannot", "without",
        "hardly", "scarcely", "barely",
    }
)  # fmt: skip
"""English words that negate; so does whatever ends in n't."""

_COHERENT: Final = 0.1  # below this share of the gradients' energy no orientation stands out
_COLOURFUL: Final = 0.2  # below this spread between channels, relative to their size, a hue is noise


def properties_of(specimen: Specimen) -> tuple[Property, ...]:
    """What is known of the examples, and what can be measured of them besides.

    Pictures of 1 or 3 channels: `orientation`, `position`, `stroke`, and of 3 channels `colour`. Rows of
    token numbers: `length`, and `negation`, which goes by English words. Of other inputs nothing.

    >>> pictures = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    >>> [each.name for each in properties_of(Specimen(torch.nn.Identity(), pictures))]
    ['orientation', 'position', 'stroke']
    """
    known = {each.name for each in specimen.properties}
    return (*specimen.properties, *(each for each in _measured(specimen) if each.name not in known))


def _measured(specimen: Specimen) -> tuple[Property, ...]:
    inputs = specimen.inputs
    if inputs.is_floating_point() and inputs.ndim == 4 and min(inputs.shape[2:]) > 2:
        grey = (orientation, position, stroke)
        return tuple(each(inputs) for each in {1: grey, 3: (*grey, colour)}.get(inputs.shape[1], ()))
    if specimen.tokens and inputs.ndim == 2 and not inputs.is_floating_point():
        return length(specimen), negation(specimen)
    return ()


def orientation(pictures: Float[Tensor, "examples channels height width"]) -> Property:
    """The direction in which most strokes run, by the structure tensor summed over the picture.

    Source: Bigün and Granlund 1987, Optimal orientation detection of linear symmetry.

    >>> orientation(torch.tensor([[0.0], [1.0], [0.0], [1.0], [1.0]]).expand(1, 1, 5, 4)).values
    tensor([0])
    """
    whole = pictures.double()
    down, right = torch.gradient(whole, dim=(2, 3))
    across, along = (right**2 - down**2).sum((1, 2, 3)), (2 * right * down).sum((1, 2, 3))
    energy = (right**2 + down**2).sum((1, 2, 3))
    steepest = torch.atan2(along, across) / 2  # strokes run at a right angle to it
    bins = ((steepest / torch.pi + 0.5) * len(ORIENTATIONS)).round().long() % len(ORIENTATIONS)
    told = torch.hypot(across, along) > _COHERENT * energy
    return Property("orientation", torch.where(told, bins, -1), ORIENTATIONS)


def position(pictures: Float[Tensor, "examples channels height width"]) -> Property:
    """In which quarter the middle of what is drawn lies, as seen from the middle of all pictures.

    >>> corners = torch.zeros(2, 1, 4, 4)
    >>> corners[0, 0, 0, 0] = corners[1, 0, 3, 3] = 1
    >>> [POSITIONS[each] for each in position(corners).values]
    ['top left', 'bottom right']
    """
    drawn = _drawn(pictures).abs().sum(1)
    total = drawn.sum((1, 2))
    down = (drawn.sum(2) * torch.arange(drawn.shape[1])).sum(1) / total
    right = (drawn.sum(1) * torch.arange(drawn.shape[2])).sum(1) / total
    quarter = 2 * _above_median(down, total > 0) + _above_median(right, total > 0)
    return Property("position", torch.where(total > 0, quarter, -1), POSITIONS)


def stroke(pictures: Float[Tensor, "examples channels height width"]) -> Property:
    """How much is drawn compared with the other pictures, in thirds.

    >>> stroke(torch.tensor([0.1, 0.9, 0.5]).view(3, 1, 1, 1) * torch.eye(4).view(1, 1, 4, 4)).values
    tensor([0, 2, 1])
    """
    return Property("stroke", _thirds(_drawn(pictures).abs().sum((1, 2, 3))), STROKES)


def colour(pictures: Float[Tensor, "examples 3 height width"]) -> Property:
    """The hue of what is drawn, in sixths of the circle; −1 where it is grey.

    >>> red = torch.zeros(1, 3, 4, 4)
    >>> red[0, 0, 1, 1] = 1
    >>> colour(red).values
    tensor([0])
    """
    mean = _drawn(pictures).sum((2, 3))
    red, green, blue = mean.unbind(1)
    angle = torch.atan2(3**0.5 * (green - blue), 2 * red - green - blue)
    bins = (angle / (2 * torch.pi) * len(COLOURS)).round().long() % len(COLOURS)
    told = mean.amax(1) - mean.amin(1) > _COLOURFUL * mean.abs().amax(1)
    return Property("colour", torch.where(told, bins, -1), COLOURS)


def length(specimen: Specimen) -> Property:
    """How many words a text has compared with the others, in thirds."""
    return Property("length", _thirds(reading(specimen).real.sum(1).double()), LENGTHS)


def negation(specimen: Specimen) -> Property:
    """Whether an English word that negates is in a text."""
    negates = torch.tensor([each in NEGATIONS or each.endswith(("n't", "n’t")) for each in specimen.tokens])
    return Property("negation", negates[specimen.inputs].any(1).long(), ("without", "with"))


def _drawn(
    pictures: Float[Tensor, "examples channels height width"],
) -> Float[Tensor, "examples channels h w"]:
    """How far each pixel is from the ground, which is what most of a picture's channel has."""
    whole = pictures.double()
    return whole - whole.flatten(2).median(2).values[:, :, None, None]


def _above_median(values: Float[Tensor, " examples"], told: Tensor) -> Int64[Tensor, " examples"]:
    return (values > values[told].double().quantile(0.5) if told.any() else told).long()


def _thirds(values: Num[Tensor, " examples"]) -> Int64[Tensor, " examples"]:
    bounds = values.double().quantile(torch.tensor([1 / 3, 2 / 3]).double())
    return torch.bucketize(values.double(), bounds)
