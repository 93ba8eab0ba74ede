"""Units of a layer that say nearly the same."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture.activations import passes
from weightdesk.capture.baselines import baselines
from weightdesk.capture.examples.moments import Moments
from weightdesk.capture.layers import Layer
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Likeness:
    """How alike the units of one network's layer are.

    Attributes:
        correlation: of the activations over all examples and places; not a number for a constant unit.
        cosine: of the weights that lead to the units.
    """

    correlation: Float64[Tensor, "units units"]
    cosine: Float64[Tensor, "units units"]

    def pairs(self, threshold: float) -> list[tuple[int, int]]:
        """The pairs whose correlation reaches the threshold, the most alike first."""
        above = self.correlation.triu(1).nan_to_num(-2.0)
        found = (above >= threshold).nonzero().tolist()
        return sorted((tuple(each) for each in found), key=lambda pair: (-float(above[pair]), pair))

    def closest(self) -> Float64[Tensor, " units"]:
        """For each unit that varies its largest correlation with another one."""
        others = self.correlation.clone().fill_diagonal_(torch.nan).nan_to_num(-2.0).amax(1)
        return others[others >= -1]


@dataclass(frozen=True, eq=False)
class Duplicates(Page):
    """Pairs of units of a layer that say nearly the same, beside networks that know nothing.

    Attributes:
        layer: the layer.
        threshold: the correlation from which on a pair counts.
        networks: by the words for it, what was found in each network; `this network` is the first.
    """

    layer: Layer
    threshold: float
    networks: dict[str, Likeness]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of the network itself, the most alike first."""
        return self.networks["this network"].pairs(self.threshold)

    @property
    def title(self) -> str:
        """How many pairs there are, beside the scrambled network."""
        scrambled = len(self.networks["scrambled weights"].pairs(self.threshold))
        return (
            f"{len(self.pairs)} pairs of units of {self.layer.name} with a correlation of "
            f"{self.threshold:g} or more, {scrambled} when scrambled"
        )

    def sections(self) -> list[Section]:
        """The pairs, and the networks beside each other."""
        found = self.networks["this network"]
        columns = {
            "unit": [first for first, _ in self.pairs],
            "other unit": [second for _, second in self.pairs],
            "correlation": [float(found.correlation[pair]) for pair in self.pairs],
            "cosine of the weights": [float(found.cosine[pair]) for pair in self.pairs],
        }
        note = "correlation of the activations over all examples and places"
        return [section("near-duplicates", columns, bars=["correlation"], note=note), self._beside()]

    def _beside(self) -> Section:
        closest = [each.closest() for each in self.networks.values()]
        columns = {
            "network": list(self.networks),
            "pairs": [len(each.pairs(self.threshold)) for each in self.networks.values()],
            "median of each unit's closest": [
                float(each.median()) if len(each) else None for each in closest
            ],
            "largest": [float(each.max()) if len(each) else None for each in closest],
        }
        return section("beside networks that know nothing", columns, bars=["pairs"])


def duplicates(
    specimen: Specimen,
    layer: Layer,
    threshold: float = 0.95,
    *,
    untrained: nn.Module | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Duplicates:
    """Find units whose activations go up and down together, and say how alike their weights are.

    What is in memory is one batch, and one number for each pair of units.

    Arguments:
        specimen: the network and the examples.
        layer: as `layers_of` finds it.
        threshold: the correlation from which on a pair counts, from −1 to 1.
        untrained: the network at step 0, to stand beside it.
        seed: of the scrambled weights.
        progress: told how far it is.

    Raises:
        OptionError: the threshold is no correlation.

    >>> from weightdesk.capture.layers import layers_of
    >>> net, inputs = nn.Linear(2, 3), torch.randn(50, 2)
    >>> _ = net.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 0.1]]))
    >>> duplicates(Specimen(net, inputs), layers_of(net, inputs)[0]).pairs
    [(0, 2)]
    """
    if not -1 <= threshold <= 1:
        raise OptionError(f"threshold must be a correlation from -1 to 1, got {threshold}")
    models = baselines(specimen.model, seed, untrained)
    networks = {
        name: _likeness(specimen.with_model(models[name]), layer)
        for name in followed(models, f"units of {layer.name} that say the same", progress)
    }
    return Duplicates(layer, threshold, networks)


def _likeness(specimen: Specimen, layer: Layer) -> Likeness:
    moments = Moments()
    for heard in passes(specimen.model, specimen.inputs, [layer]):
        moments.add(heard[layer.name].transpose(1, 2).flatten(0, 1))
    weight = specimen.model.get_parameter(f"{layer.name}.weight".lstrip(".")).detach().double()
    rows = functional.normalize((weight.T if layer.kind == "Embedding" else weight).flatten(1), dim=1)
    return Likeness(moments.correlation().cpu(), (rows @ rows.T).clamp(-1, 1).cpu())
