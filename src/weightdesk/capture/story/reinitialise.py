"""The re-initialisation test: what the network still tells when one layer forgets what it has learned."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float64, Int64, Num
from torch import Tensor, nn

from weightdesk.capture.activations import BATCH
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import Layer, layers_of
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.asking import labels_of
from weightdesk.capture.story.resampling import Estimate, bootstrap, share, spread
from weightdesk.capture.story.tables import bounded
from weightdesk.explain.page import Page, Section, section

DRAWS: Final = 5
"""How many fresh random weights of a layer are tried."""

_RESAMPLED: Final = 500


@dataclass(frozen=True, eq=False)
class Reinitialised:
    """What is left when one layer is put back.

    Attributes:
        layer: its name.
        step_0: accuracy after / before with the layer as at step 0; None where that is not known.
        fresh: the same with fresh random weights, the mean of several draws.
        right_step_0: whether each example is right then, as 0 or 1; None where that is not known.
        right_fresh: in which share of the draws it is.
    """

    layer: str
    step_0: Estimate | None
    fresh: Estimate
    right_step_0: Float64[Tensor, " examples"] | None
    right_fresh: Float64[Tensor, " examples"]


@dataclass(frozen=True, eq=False)
class Reinitialisation(Page):
    """What is left of a network's accuracy when each of its layers is put back.

    Attributes:
        before: the accuracy of the network as it is, with Wilson's interval.
        right_before: whether each example is right, as 0 or 1.
        layers: layer by layer.
        all: accuracy after / before with all layers put back at once: what remains when nothing is
            known; at step 0, or of fresh random weights where that is not known.
        draws: how many fresh random weights were tried.
    """

    before: Estimate
    right_before: Float64[Tensor, " examples"]
    layers: tuple[Reinitialised, ...]
    all: Estimate
    draws: int

    @property
    def title(self) -> str:
        """Which layer the network can spare least."""
        critical = min(self.layers, key=lambda each: (each.step_0 or each.fresh).value)
        left = f"{(critical.step_0 or critical.fresh).value:.1%} of the accuracy is left"
        return f"each layer put back: without what {critical.layer!r} has learned, {left}"

    def sections(self) -> list[Section]:
        """What is left, layer by layer, then with all layers put back."""
        known = self.layers[0].step_0 is not None
        left = {"step 0": [*(each.step_0 for each in self.layers), self.all]} if known else {}
        left["fresh"] = [*(each.fresh for each in self.layers), None if known else self.all]
        note = (
            f"accuracy with one layer put back / before ({self.before.value:.1%} of {len(self.right_before)} "
            f"examples), with 95 % intervals; fresh: the mean of {self.draws} draws"
        )
        names = {"layer": [*(each.layer for each in self.layers), "all layers"]}
        return [section("re-initialisation", names | bounded(left), bars=[next(iter(left))], note=note)]


def reinitialise_layers(
    specimen: Specimen,
    *,
    untrained: nn.Module | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress = silent,
) -> Reinitialisation:
    """Put one layer back, leave the others, and see what share of the accuracy is left.

    A layer without which nothing is left is critical; one that can be put back at no cost has learned
    nothing that the network needs. Fresh random weights are those of step 0 at random places, so they
    come from the same distribution whatever the initialiser; where step 0 is not known, the layer's own.

    Arguments:
        specimen: a classifier, best with examples that it has not learned from.
        untrained: the network at step 0; None where that is not known.
        draws: how many fresh random weights are tried.
        seed: of those, and of the intervals (bootstrap over the examples, before and after together).
        progress: told after each layer.

    Raises:
        OptionError: nothing is classified.

    Source: Zhang, Bengio and Singer 2019, "Are all layers created equal?".

    >>> x = torch.randn(40, 1, generator=torch.Generator().manual_seed(0))
    >>> net, untrained = nn.Linear(1, 2, bias=False), nn.Linear(1, 2, bias=False)
    >>> _ = nn.init.ones_(net.weight[1:]), nn.init.zeros_(net.weight[:1]), nn.init.zeros_(untrained.weight)
    >>> specimen = Specimen(net, x, (x[:, 0] > 0).long(), ("left", "right"))
    >>> found = reinitialise_layers(specimen, untrained=untrained)
    >>> found.before.value, found.layers[0].step_0.value
    (1.0, 0.525)
    """
    labels, model = labels_of(specimen), specimen.model
    origin = model if untrained is None else untrained
    sources = [scrambled(origin, seed + draw) for draw in range(draws)]
    before = right(model, specimen.inputs, labels)
    weights = bootstrap(len(before), _RESAMPLED, seed)

    def left(after: Float64[Tensor, " examples"]) -> Estimate:
        return spread(float(after.sum() / before.sum()), (weights @ after) / (weights @ before))

    def put(layer: Layer, source: nn.Module) -> Float64[Tensor, " examples"]:
        return right(put_back(model, layer, source), specimen.inputs, labels)

    found = []
    for layer in followed(layers_of(model, specimen.inputs), "re-initialisation", progress):
        step_0 = None if untrained is None else put(layer, untrained)
        fresh = torch.stack([put(layer, source) for source in sources]).mean(0)
        known = None if step_0 is None else left(step_0)
        found.append(Reinitialised(layer.name, known, left(fresh), step_0, fresh))
    nothing = left(right(sources[0] if untrained is None else untrained, specimen.inputs, labels))
    return Reinitialisation(share(int(before.sum()), len(before)), before, tuple(found), nothing, draws)


def put_back(model: nn.Module, layer: Layer, source: nn.Module) -> nn.Module:
    """A copy whose one layer has the weights that it has in another network.

    >>> net, other = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> found = put_back(net, Layer("", "Linear", 1), other)
    >>> torch.equal(found.weight, other.weight)
    True
    """
    copied = copy.deepcopy(model)
    copied.get_submodule(layer.name).load_state_dict(source.get_submodule(layer.name).state_dict())
    return copied


def right(
    model: nn.Module, inputs: Num[Tensor, "examples ..."], labels: Int64[Tensor, " examples"]
) -> Float64[Tensor, " examples"]:
    """Whether a network tells the class of each example, as 0 or 1.

    >>> right(nn.Identity(), torch.eye(2), torch.tensor([0, 0]))
    tensor([1., 0.], dtype=torch.float64)
    """
    with torch.no_grad():
        outputs = torch.cat([model(some) for some in torch.split(inputs, BATCH)])
    return (outputs.argmax(1) == labels).double()
