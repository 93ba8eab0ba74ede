"""Units that say nothing, whatever the example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from weightdesk.capture.activations import passes
from weightdesk.capture.baselines import baselines
from weightdesk.capture.layers import Layer
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.explain.page import Page, Section, section

_LEVEL: Final = 0.95

# Below zero these say little, or nothing; of other activation functions both sides speak.
_ONE_SIDED: Final = (
    "relu", "relu6", "leakyrelu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish",
    "hardswish", "threshold",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Activity:
    """How much the units of one network's layer say.

    Attributes:
        smallest: activation over all examples and places.
        largest: activation over all examples and places.
        active: examples in which the activation is above 0 at some place.
        examples: how many there are.
        one_sided: whether the activation function says little or nothing below 0.
    """

    smallest: Float[Tensor, " units"]
    largest: Float[Tensor, " units"]
    active: Int64[Tensor, " units"]
    examples: int
    one_sided: bool

    @property
    def constant(self) -> Bool[Tensor, " units"]:
        """Units that give the same number everywhere."""
        return self.smallest == self.largest

    @property
    def silent(self) -> Bool[Tensor, " units"]:
        """Units whose activation function never lets a number above 0 through, where that counts."""
        return (self.active == 0) & self.one_sided

    @property
    def dead(self) -> Bool[Tensor, " units"]:
        """Units that are constant, or silent."""
        return self.constant | self.silent


@dataclass(frozen=True, eq=False)
class DeadUnits(Page):
    """The units of a layer that never exceed 0 after the activation function, or are constant.

    Attributes:
        layer: the layer.
        networks: by the words for it, what was found in each network; `this network` is the first.
    """

    layer: Layer
    networks: dict[str, Activity]

    @property
    def activity(self) -> Activity:
        """What was found in the network itself."""
        return self.networks["this network"]

    @property
    def dead(self) -> list[int]:
        """The numbers of the dead units."""
        numbers: list[int] = self.activity.dead.nonzero().flatten().tolist()
        return numbers

    @property
    def bound(self) -> float:
        """The largest share of examples in which a unit may speak that spoke in none of these."""
        return largest_rate(self.activity.examples)

    @property
    def title(self) -> str:
        """How many units are dead, and how sure that is."""
        found = f"{len(self.dead)} of {self.layer.units} units of {self.layer.name} are dead"
        if not self.dead:
            return found
        return f"{found}: such a unit speaks in at most {self.bound:.2%} of such examples (95 %)"

    def sections(self) -> list[Section]:
        """The units, the dead first, and the networks beside each other."""
        found = self.activity
        order = sorted(
            range(self.layer.units), key=lambda unit: (not found.dead[unit], int(found.active[unit]))
        )
        columns = {
            "unit": order,
            "dead": ["dead" if found.dead[unit] else "" for unit in order],
            "active in": [int(found.active[unit]) / found.examples for unit in order],
            "smallest": found.smallest[order].double().tolist(),
            "largest": found.largest[order].double().tolist(),
        }
        note = "active in: share of the examples in which the activation is above 0 at some place"
        return [section("units", columns, bars=["active in"], note=note), self._beside()]

    def _beside(self) -> Section:
        networks = self.networks.values()
        columns = {
            "network": list(self.networks),
            "dead": [int(each.dead.sum()) for each in networks],
            "mean share of examples in which a unit is active": [
                float(each.active.double().mean()) / each.examples for each in networks
            ],
        }
        return section("beside networks that know nothing", columns, bars=["dead"])


def largest_rate(examples: int) -> float:
    """The rate of an event that has not happened in so many examples is below this, with 95 % confidence.

    Exactly 1 − 0.05^(1/n), about 3/n.

    Source: Hanley and Lippman-Hand 1983, If nothing goes wrong, is everything all right?

    >>> round(largest_rate(1000), 5)
    0.00299
    """
    rate: float = 1 - (1 - _LEVEL) ** (1 / examples)
    return rate


def dead_units(
    specimen: Specimen,
    layer: Layer,
    *,
    untrained: nn.Module | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> DeadUnits:
    """Find the units of a layer that are constant, or whose activation never exceeds 0.

    The latter counts after activation functions that say little below 0; where none directly
    follows the layer, only constant units count.

    Arguments:
        specimen: the network and the examples.
        layer: as `layers_of` finds it.
        untrained: the network at step 0, to stand beside it.
        seed: of the scrambled weights.
        progress: told how far it is.

    >>> from weightdesk.capture.layers import layers_of
    >>> net, inputs = nn.Sequential(nn.Linear(1, 2), nn.ReLU()), torch.rand(10, 1)
    >>> _ = net[0].weight.data.copy_(torch.tensor([[1.0], [-1.0]])), net[0].bias.data.zero_()
    >>> dead_units(Specimen(net, inputs), layers_of(net, inputs)[0]).dead
    [1]
    """
    models = baselines(specimen.model, seed, untrained)
    networks = {
        name: _activity(specimen.with_model(models[name]), layer)
        for name in followed(models, f"dead units of {layer.name}", progress)
    }
    return DeadUnits(layer, networks)


def _activity(specimen: Specimen, layer: Layer) -> Activity:
    lows, highs, active = [], [], torch.zeros(layer.units, dtype=torch.int64)
    for heard in passes(specimen.model, specimen.inputs, [layer]):
        values = heard[layer.name]
        lows.append(values.amin((0, 2)).cpu())
        highs.append(values.amax((0, 2)).cpu())
        active += (values > 0).any(2).sum(0).cpu()
    one_sided = layer.nonlinearity is not None and layer.nonlinearity.name in _ONE_SIDED
    return Activity(torch.stack(lows).amin(0), torch.stack(highs).amax(0), active, len(specimen), one_sided)
