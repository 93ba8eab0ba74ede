"""What `feature_pictures` gives: pictures, and how strong they are beside the strongest real example."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from weightdesk.explain.images import Picture
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Pictures(Page):
    """Pictures that make units of a layer strong, judged as they are, beside real examples.

    A unit's activation in a picture or example is that at the place of its map where it is largest.

    Attributes:
        layer: its name.
        names: what the pictures are of, such as `unit 3`.
        pictures: in the units in which the network is given its inputs.
        reached: the activation in each picture.
        strongest: the activation in the strongest real example.
        example: the number of that example, or of the window of the examples.
        others: mean activation in the pictures of the other units: what a picture reaches that is
            not of the unit.
        scrambled: mean activation in pictures that were made for the same network with scrambled weights;
            not a number for units for which none was made.
        contrast: root mean square distance from the mean colour of each strongest example, which no picture
            exceeds.
        examples: how many real examples there were.
        method: how the pictures were made.
    """

    layer: str
    names: tuple[str, ...]
    pictures: Float[Tensor, "units each channels height width"]
    reached: Float[Tensor, "units each"]
    strongest: Float[Tensor, " units"]
    example: Int64[Tensor, " units"]
    others: Float[Tensor, " units"]
    scrambled: Float[Tensor, " units"]
    contrast: Float[Tensor, " units"]
    examples: int
    method: str

    @property
    def living(self) -> Bool[Tensor, " units"]:
        """Whether any real example excites the unit."""
        return self.strongest > 0

    @property
    def ratio(self) -> Float[Tensor, "units each"]:
        """The activation reached over that of the strongest example; not a number for units not living."""
        return torch.where(self.living[:, None], self.reached / self.strongest[:, None], torch.nan)

    @property
    def share(self) -> float:
        """The share of living units of which a picture reaches at least what the strongest example does."""
        return (self.ratio[self.living].amax(1) >= 1.0).double().mean().item()

    @property
    def title(self) -> str:
        """How many pictures reach what real examples do."""
        return (
            f"{len(self.names)} units of {self.layer}: pictures of {self.share:.0%} of "
            f"{int(self.living.sum())} living ones reach at least their strongest real example"
        )

    def images(self) -> list[Picture]:
        """Each picture with the unit, and its activation over that of the strongest example."""
        return [
            Picture(f"{name}: {ratio:.2f}×" if ratio == ratio else name, values)
            for name, row, ratios in zip(self.names, self.pictures, self.ratio.tolist(), strict=True)
            for values, ratio in zip(row, ratios, strict=True)
        ]

    def sections(self) -> list[Section]:
        """One row a unit."""
        columns = {
            "picture of": list(self.names),
            "activation reached": self.reached.amax(1).tolist(),
            "strongest example": self.strongest.tolist(),
            "ratio": self.ratio.amax(1).tolist(),
            "example": self.example.tolist(),
            "other units' pictures": self.others.tolist(),
            "scrambled weights' pictures": [
                each if each == each else None for each in self.scrambled.tolist()
            ],
        }
        note = (
            f"largest activation over the places of a map, in plain pictures ({self.method}) and in "
            f"{self.examples} real examples alike; pictures have the range of real pixels and no more "
            "contrast than the strongest example"
        )
        return [section("units", columns, bars=["ratio"], note=note)]
