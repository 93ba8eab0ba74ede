"""What `fit_filters` gives: a word for each filter, with its R² and how often chance does as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.filters.model import Fit
from weightdesk.explain.images import Picture
from weightdesk.explain.page import Page, Section, section

GOOD: Final = 0.8
"""From this R² on a filter counts as fitted."""

CHANCE: Final = 0.05
"""At most this share of random filters may be fitted as well as one that gets a word."""

NO_WORD: Final = "none"


@dataclass(frozen=True, eq=False)
class FilterFits(Page):
    """Every filter of a layer fitted with every model.

    Attributes:
        weights: the filters.
        fits: by the model's word, the nearest members.
        free: by the model's word, how many free parameters it has for this shape.
        r2: about 0, one column a model in the order of `models`.
        random_r2: the same of filters with the layer's weights at random places.
    """

    weights: Float64[Tensor, "units channels height width"]
    fits: Mapping[str, Fit]
    free: Mapping[str, int]
    r2: Float64[Tensor, "units models"]
    random_r2: Float64[Tensor, "random models"]

    @property
    def models(self) -> tuple[str, ...]:
        """The words, in the order of the columns of `r2`."""
        return tuple(self.fits)

    @cached_property
    def adjusted(self) -> Float64[Tensor, "units models"]:
        """Adjusted R²; −∞ where a model has as many parameters as the filter has weights."""
        return self._adjusted(self.r2)

    @cached_property
    def best(self) -> Float64[Tensor, " units"]:
        """For each filter, R² of the model with the highest adjusted R²."""
        return _of_best(self.r2, self.adjusted)

    @cached_property
    def random_best(self) -> Float64[Tensor, " random"]:
        """The same of the random filters."""
        return _of_best(self.random_r2, self._adjusted(self.random_r2))

    @cached_property
    def chance(self) -> Float64[Tensor, " units"]:
        """The share of random filters whose highest adjusted R² is as high: a p-value."""
        random = self._adjusted(self.random_r2).amax(1)
        as_good = (random >= self.adjusted.amax(1, keepdim=True)).sum(1)
        return (as_good + 1.0).double() / (len(random) + 1)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The word of the best model; `none` where chance does as well more often than 1 in 20."""
        best = self.adjusted.argmax(1).tolist()
        return tuple(
            self.models[model] if chance <= CHANCE else NO_WORD
            for model, chance in zip(best, self.chance.tolist(), strict=True)
        )

    @property
    def share(self) -> float:
        """The share of filters that the best model fits with R² ≥ 0.8."""
        return _share(self.best)

    @property
    def random_share(self) -> float:
        """The same share of the random filters."""
        return _share(self.random_best)

    @property
    def title(self) -> str:
        """The shares of the filters and of the random ones, and the words."""
        units, channels, height, width = self.weights.shape
        return (
            f"{units} filters of {height} × {width} × {channels}: {self.share:.0%} fitted with R² ≥ {GOOD}, "
            f"{self.random_share:.0%} of random ones"
        )

    def images(self) -> list[Picture]:
        """Each filter with its word."""
        named = zip(self.words, self.weights, strict=True)
        return [Picture(f"{unit} {word}", each, signed=True) for unit, (word, each) in enumerate(named)]

    def sections(self) -> list[Section]:
        """The filters, the best fitted first, and the models beside chance."""
        return [self._filters(), self._models()]

    def _filters(self) -> Section:
        order = self.adjusted.amax(1).argsort(descending=True, stable=True)
        angle, frequency = (
            torch.rad2deg(self.fits["gabor"].parameters["orientation"]),
            self.fits["gabor"].parameters["frequency"],
        )
        edge = torch.rad2deg(self.fits["edge"].parameters["orientation"])
        words = [self.words[unit] for unit in order.tolist()]
        angles = {"gabor": angle, "edge": edge}
        columns: dict[str, object] = {
            "unit": order.tolist(),
            "word": words,
            "R²": self.best[order].tolist(),
            "chance": self.chance[order].tolist(),
            "orientation (°)": [
                angles[word][unit].item() if word in angles else None
                for unit, word in zip(order.tolist(), words, strict=True)
            ],
            "cycles a pixel": [
                frequency[unit].item() if word == "gabor" else None
                for unit, word in zip(order.tolist(), words, strict=True)
            ],
        }
        columns |= {f"R² {name}": self.r2[order, at].tolist() for at, name in enumerate(self.models)}
        note = (
            "R² about 0; the word is that of the highest adjusted R²; chance is the share of "
            f"{len(self.random_r2)} filters with these weights at random places that are fitted as well; "
            f"a word needs at most {CHANCE}"
        )
        return section("filters", columns, bars=["R²"], note=note)

    def _models(self) -> Section:
        size = self.weights[0].numel()
        columns = {
            "word": list(self.models),
            "filters": [self.words.count(name) for name in self.models],
            f"share with R² ≥ {GOOD}": [_share(each) for each in self.r2.T],
            "share of random ones": [_share(each) for each in self.random_r2.T],
            "median R²": self.r2.median(0).values.tolist(),
            "median of random ones": self.random_r2.median(0).values.tolist(),
            "free parameters": [self.free[name] for name in self.models],
        }
        return section("models beside chance", columns, note=f"a filter has {size} weights")

    def _adjusted(self, r2: Tensor) -> Tensor:
        size = self.weights[0].numel()
        left = torch.tensor([size - self.free[name] for name in self.models])
        return torch.where(left > 0, 1 - (1 - r2) * size / left, -torch.inf)


def _of_best(r2: Tensor, adjusted: Tensor) -> Tensor:
    return r2.gather(1, adjusted.argmax(1, keepdim=True)).squeeze(1)


def _share(r2: Tensor) -> float:
    return (r2 >= GOOD).double().mean().item()
