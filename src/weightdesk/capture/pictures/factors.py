"""Units that go together, by non-negative factors of a layer's activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weightdesk.capture.activations import activations
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import Layer
from weightdesk.capture.pictures.making import direction_pictures
from weightdesk.capture.pictures.result import Pictures
from weightdesk.capture.progress import Progress, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section

ROWS: Final = 20_000
"""So many places of examples are factored at most, a seeded choice of all."""

_ROUNDS: Final = 400


@dataclass(frozen=True, eq=False)
class UnitFactors(Page):
    """Factors of a layer: directions without negative numbers whose sums nearly give the activations.

    Attributes:
        layer: its name.
        directions: how strong each unit is in each factor; each row has length 1.
        shares: of the sum of all factors' strengths, what each factor has; the largest first.
        error: Σ (activation − sum of factors)² / Σ activation².
        scrambled: the same error, with as many factors, for the network with scrambled weights; it may well
            be lower, as units that know nothing say much the same.
        permuted: the same for these activations with each unit's values dealt out anew over the places, so
            that units no longer go together.
        rows: how many places of examples were factored.
    """

    layer: str
    directions: Float[Tensor, "factors units"]
    shares: Float[Tensor, " factors"]
    error: float
    scrambled: float
    permuted: float
    rows: int

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """For each factor the units that are stronger in it than in any other, the strongest first."""
        strongest = self.directions.argmax(0).where(self.directions.amax(0) > 0, -1)
        return tuple(
            tuple(
                unit
                for unit in row.argsort(descending=True, stable=True).tolist()
                if strongest[unit] == factor
            )
            for factor, row in enumerate(self.directions)
        )

    @property
    def title(self) -> str:
        """How well the factors give the activations."""
        return (
            f"{len(self.directions)} factors of {self.directions.shape[1]} units of {self.layer}: error "
            f"{self.error:.1%}; scrambled weights {self.scrambled:.1%}, "
            f"units dealt out anew {self.permuted:.1%}"
        )

    def sections(self) -> list[Section]:
        """One row a factor."""
        columns = {
            "factor": list(range(len(self.directions))),
            "share": self.shares.tolist(),
            "units": [len(each) for each in self.groups],
            "strongest units": [list(each[:6]) for each in self.groups],
        }
        note = f"non-negative factors of the activations at {self.rows} places of examples"
        return [section("factors", columns, bars=["share"], note=note)]

    def pictures(self, specimen: Specimen, layer: Layer, **options: Any) -> Pictures:
        """A picture of each factor: of the sum of its units' activations.

        Arguments:
            specimen: the network.
            layer: whose factors these are.
            options: as of `feature_pictures`.

        Raises:
            OptionError: as `feature_pictures` does.
        """
        names = tuple(f"factor {number}" for number in range(len(self.directions)))
        return direction_pictures(specimen, layer, self.directions, names, **options)


def unit_factors(
    specimen: Specimen, layer: Layer, factors: int, *, seed: int = 0, progress: Progress = silent
) -> UnitFactors:
    """Group the units of a layer by non-negative matrix factorisation of their activations.

    Activations below zero, as some activation functions give, are taken as zero.

    Arguments:
        specimen: the network and the examples.
        layer: as `layers_of` finds it.
        factors: how many, from 1 to the number of units.
        seed: of the places chosen, of the start and of the baselines.
        progress: told how far it is.

    Raises:
        OptionError: there cannot be so many factors, or no unit is ever above zero.

    Source: Lee and Seung 1999; on units: Olah et al. 2018, "The Building Blocks of Interpretability";
    Voss et al. 2021.

    >>> from weightdesk.capture.layers import layers_of
    >>> specimen = Specimen(nn.Sequential(nn.Linear(2, 4), nn.ReLU()), torch.randn(50, 2))
    >>> unit_factors(specimen, layers_of(specimen.model, specimen.inputs)[0], 2).directions.shape
    torch.Size([2, 4])
    """
    if not 1 <= factors <= layer.units:
        raise OptionError(f"factors must be from 1 to the {layer.units} units of {layer.name}, got {factors}")
    progress("factors", 0.0)
    rows = _rows(specimen.model, specimen, layer, seed)
    if not rows.any():
        raise OptionError(f"no unit of {layer.name} is ever above zero: there is nothing to factor")
    strengths, directions, error = _factored(rows, factors, seed)
    progress("factors", 0.4)
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(rows.shape, generator=generator).argsort(0)
    permuted = _factored(rows.gather(0, order), factors, seed)[2]
    progress("factors", 0.7)
    other = _rows(scrambled(specimen.model, seed), specimen, layer, seed)
    chance = _factored(other, factors, seed)[2] if other.any() else 0.0
    progress("factors", 1.0)
    length = directions.norm(dim=1, keepdim=True).clamp_min(1e-12)
    sizes = strengths.sum(0) * length.squeeze(1)
    ranks = sizes.argsort(descending=True, stable=True)
    shares = (sizes / sizes.sum().clamp_min(1e-12))[ranks]
    return UnitFactors(layer.name, (directions / length)[ranks], shares, error, chance, permuted, len(rows))


def _rows(model: nn.Module, specimen: Specimen, layer: Layer, seed: int) -> Float[Tensor, "rows units"]:
    """What the units give at places of examples, a seeded choice."""
    generator = torch.Generator().manual_seed(seed)
    each = max(1, ROWS // len(specimen))

    def some(values: Float[Tensor, "examples units places"]) -> Tensor:
        order = torch.rand(len(values), values.shape[2], generator=generator).argsort(1)[:, :each]
        return values.mT.gather(1, order[:, :, None].expand(-1, -1, values.shape[1]))

    found = activations(model, specimen.inputs, [layer], some)[layer.name]
    return found.flatten(0, 1)[:ROWS].clamp_min(0)


def _factored(rows: Float[Tensor, "rows units"], factors: int, seed: int) -> tuple[Tensor, Tensor, float]:
    """Strengths at the rows, directions and the share of the squares that is left."""
    import warnings

    from sklearn.decomposition import NMF  # takes long to load
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(factors, init="nndsvda", random_state=seed, max_iter=_ROUNDS, tol=1e-4)
    with warnings.catch_warnings():
        # the error is reported, whether or not another round would have made it a little smaller
        warnings.simplefilter("ignore", ConvergenceWarning)
        strengths = torch.from_numpy(model.fit_transform(rows.double().numpy()))
    directions = torch.from_numpy(model.components_)
    left = (rows.double() - strengths @ directions).square().sum() / rows.double().square().sum()
    return strengths.to(rows), directions.to(rows), left.item()
