"""Units by the weights themselves: what the layers before them make of an input, without nonlinearities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import Layer
from weightdesk.capture.pictures.linearised import Linearised
from weightdesk.capture.pictures.target import central, result_of
from weightdesk.capture.progress import Progress, followed, part, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import OptionError
from weightdesk.explain.images import Picture
from weightdesk.explain.page import Page, Section, section

_BATCH, _EXACT = 64, 1e-3
_TINY: Final = 1e-12


@dataclass(frozen=True, eq=False)
class ExpandedWeights(Page):
    """For each unit its weights on the inputs, through all layers between them.

    Attributes:
        layer: its name.
        weights: of the unit at the centre of its map on each input; 0 where an input does not reach it.
        correlation: over the real examples, of what these weights make of an example and of the unit's
            own weighted sum there: how much of the unit they tell. Not a number where either does not vary.
        scrambled: the same of the expanded weights of the network with scrambled weights.
        examples: how many there were.
    """

    layer: str
    weights: Float[Tensor, "units ..."]
    correlation: Float[Tensor, " units"]
    scrambled: Float[Tensor, " units"]
    examples: int

    @property
    def title(self) -> str:
        """How much of the units their expanded weights tell."""
        return (
            f"expanded weights of {len(self.weights)} units of {self.layer}: correlation with the unit "
            f"{self.correlation.nanmedian().item():.2f} in the median, with scrambled weights "
            f"{self.scrambled.nanmedian().item():.2f}"
        )

    def images(self) -> list[Picture]:
        """The weights of each unit as a picture, where the inputs are pictures."""
        if self.weights.ndim != 4:
            return []
        return [Picture(f"unit {unit}", each, signed=True) for unit, each in enumerate(self.weights)]

    def sections(self) -> list[Section]:
        """One row a unit, the best told first."""
        order = self.correlation.nan_to_num(-2).argsort(descending=True, stable=True)
        columns = {
            "unit": order.tolist(),
            "correlation": self.correlation[order].tolist(),
            "scrambled weights": self.scrambled[order].tolist(),
            "length": self.weights.flatten(1).norm(dim=1)[order].tolist(),
        }
        note = (
            f"over {self.examples} examples, of what the expanded weights make of an example and of the "
            "unit's weighted sum at the centre of its map; activation functions are left out, and pools take "
            "the mean"
        )
        return [section("units", columns, bars=["correlation"], note=note)]


def expanded_weights(
    specimen: Specimen, layer: Layer, *, seed: int = 0, progress: Progress = silent
) -> ExpandedWeights:
    """The weights of units on the inputs, multiplied through the layers, with the nonlinearities left out.

    The gradient, at zero, of the unit at the centre of its map in the network whose activation functions
    return what they are given and whose pools take the mean in place of the largest: exact for a linear
    network, and for others the first guess that Voss et al. give. How good a guess it is the
    correlation says.

    Arguments:
        specimen: the network; its inputs are real numbers.
        layer: as `layers_of` finds it.
        seed: of the scrambled weights.
        progress: told how far it is.

    Raises:
        OptionError: the inputs are no real numbers, or the network is not linear without its activation
            functions, as with attention or normalisation over the units of an example.

    Source: Voss et al. 2021, "Visualizing Weights", Distill.

    >>> from weightdesk.capture.layers import layers_of
    >>> first, second = nn.Linear(4, 3, bias=False), nn.Linear(3, 2, bias=False)
    >>> specimen = Specimen(nn.Sequential(first, nn.Tanh(), second), torch.randn(30, 4))
    >>> found = expanded_weights(specimen, layers_of(specimen.model, specimen.inputs)[1])
    >>> torch.allclose(found.weights, second.weight @ first.weight)
    True
    """
    if not specimen.inputs.is_floating_point():
        raise OptionError(f"inputs must be real numbers to have weights on them, got {specimen.inputs.dtype}")
    weights = _expanded(specimen.model, layer, specimen.inputs, part(progress, 0.0, 0.4))
    chance = _expanded(scrambled(specimen.model, seed), layer, specimen.inputs, part(progress, 0.4, 0.8))
    with torch.no_grad():
        batches = torch.split(specimen.inputs, _BATCH)
        told = part(progress, 0.8, 1.0)
        actual = torch.cat(
            [central(result_of(specimen.model, layer, some)) for some in followed(batches, "examples", told)]
        )
    told_by, by_chance = (_correlation(specimen.inputs, each, actual) for each in (weights, chance))
    return ExpandedWeights(layer.name, weights, told_by, by_chance, len(specimen))


def _expanded(
    model: nn.Module, layer: Layer, inputs: Tensor, progress: Progress
) -> Float[Tensor, "units ..."]:
    found = []
    with Linearised():
        for units in followed(torch.split(torch.arange(layer.units), _BATCH), "expanded weights", progress):
            zeros = inputs.new_zeros(len(units), *inputs.shape[1:]).requires_grad_()
            results = central(result_of(model, layer, zeros))
            (slopes,) = torch.autograd.grad(results[torch.arange(len(units)), units].sum(), [zeros])
            found.append(slopes)
        weights = torch.cat(found)
        _check_linear(model, layer, inputs, weights)
    return weights


def _check_linear(model: nn.Module, layer: Layer, inputs: Tensor, weights: Tensor) -> None:
    """Raise an error where the expanded weights do not give what the network without nonlinearities does."""
    with torch.no_grad():
        some = inputs[:2]
        given = central(result_of(model, layer, some)) - central(
            result_of(model, layer, torch.zeros_like(some))
        )
    expected = some.flatten(1) @ weights.flatten(1).T
    if (given - expected).abs().max() > _EXACT * (given.abs().max() + _TINY):
        raise OptionError(
            f"{layer.name} cannot be expanded: without activation functions the network before it is still "
            "not linear; attention and normalisation over an example's own values are products of inputs"
        )


def _correlation(inputs: Tensor, weights: Tensor, actual: Tensor) -> Float[Tensor, " units"]:
    guess = inputs.flatten(1) @ weights.flatten(1).T
    one, other = (each - each.mean(0) for each in (guess, actual))
    correlation: Tensor = (one * other).sum(0) / (one.norm(dim=0) * other.norm(dim=0))
    return correlation
