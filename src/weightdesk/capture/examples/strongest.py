"""The examples, and the parts of them, that excite each unit most and least."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from weightdesk.capture.activations import passes
from weightdesk.capture.baselines import baselines
from weightdesk.capture.examples.distribution import QUANTILES, Distribution, distribution
from weightdesk.capture.examples.extremes import Extremes, peaks
from weightdesk.capture.examples.regions import patch, region
from weightdesk.capture.layers import Layer
from weightdesk.capture.progress import Progress, part, silent
from weightdesk.capture.receptive import Fields, receptive_fields
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class StrongestExamples(Page):
    """For each unit of a layer the examples with the largest and the smallest weighted sum z.

    Attributes:
        specimen: the network and its examples.
        layer: the layer.
        most: the examples with the largest z, the largest first.
        least: those with the smallest, the smallest first.
        fields: the part of an example that each unit sees from each place.
        distribution: of the largest z in each example, over all examples.
        purity: by network, for each unit the share of its strongest examples that are of one class; empty
            where nothing is classified. A random draw of as many examples is there as `random examples`.
    """

    specimen: Specimen
    layer: Layer
    most: Extremes
    least: Extremes
    fields: Fields
    distribution: Distribution
    purity: dict[str, Float64[Tensor, " units"]]

    @property
    def title(self) -> str:
        """Which layer, and on how many examples."""
        examples = len(self.specimen)
        return f"what excites the {self.layer.units} units of {self.layer.name}, of {examples} examples"

    def patch(self, unit: int, rank: int = 0, *, least: bool = False) -> Tensor:
        """The part of an example that excites a unit so: the elements inside its receptive field."""
        found = self.least if least else self.most
        return patch(self.specimen, int(found.examples[unit, rank]), self.box(unit, rank, least=least))

    def box(self, unit: int, rank: int = 0, *, least: bool = False) -> tuple[slice, ...]:
        """Where in the example that part lies, as an index into it."""
        found = self.least if least else self.most
        return self.fields.box(unit, int(found.places[unit, rank]))

    def sections(self) -> list[Section]:
        """The strongest, the weakest, the distribution, and how pure the strongest are."""
        how = "by the structure of the network" if self.fields.propagated else "found by changing the inputs"
        seen = f"'sees' is what can reach the unit, {how}; equal ones in the order of the examples"
        return [
            section("strongest", self._rows(self.most, least=False), bars=["z"], note=seen),
            section("weakest", self._rows(self.least, least=True), bars=["z"]),
            self._distribution(),
            *([self._purity()] if self.purity else []),
        ]

    def _rows(self, found: Extremes, *, least: bool) -> dict[str, list[object]]:
        places = [(unit, rank) for rank in range(found.values.shape[1]) for unit in range(self.layer.units)]
        examples = [int(found.examples[place]) for place in places]
        columns: dict[str, list[object]] = {
            "unit": [unit for unit, _ in places],
            "rank": [rank + 1 for _, rank in places],
            "example": list(examples),
            "z": [float(found.values[place]) for place in places],
            "sees": [
                region(self.specimen, example, self.box(*place, least=least))
                for example, place in zip(examples, places, strict=True)
            ],
        }
        labels, names = self.specimen.labels, self.specimen.class_names
        if labels is not None:
            classes = [int(labels[example]) for example in examples]
            columns["class"] = [names[each] if names else each for each in classes]
        return columns

    def _distribution(self) -> Section:
        table = self.distribution.quantiles.double()
        named = {f"{share:.0%}".replace("%", " %"): table[:, i].tolist() for i, share in enumerate(QUANTILES)}
        return section("largest z in an example, quantiles", {"unit": list(range(len(table))), **named})

    def _purity(self) -> Section:
        values = list(self.purity.values())
        columns = {
            "network": list(self.purity),
            "mean purity": [float(each.mean()) for each in values],
            "5 %": [float(each.quantile(0.05)) for each in values],
            "95 %": [float(each.quantile(0.95)) for each in values],
        }
        note = f"share of a unit's {self.most.values.shape[1]} strongest examples that are of one class"
        return section("purity over the units", columns, bars=["mean purity"], note=note)


def strongest_examples(
    specimen: Specimen,
    layer: Layer,
    count: int = 9,
    *,
    untrained: nn.Module | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> StrongestExamples:
    """Find the examples that excite each unit of a layer most and least, and where in them.

    An example counts by the place of the map at which the weighted sum z is largest, or smallest. The
    results of one batch are in memory at a time, and one number for each example and unit.

    Arguments:
        specimen: the network and the examples.
        layer: as `layers_of` finds it.
        count: examples a unit.
        untrained: the network at step 0, to stand beside it.
        seed: of the scrambled weights and of random examples, for the purity.
        progress: told how far it is.

    Raises:
        OptionError: count is not positive.

    Source: Zeiler and Fergus 2014, Visualizing and understanding convolutional networks.

    >>> from weightdesk.capture.layers import layers_of
    >>> net, rows = nn.Linear(2, 1, bias=False), torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 1.0]])
    >>> _ = net.weight.data.copy_(torch.tensor([[1.0, -1.0]]))
    >>> found = strongest_examples(Specimen(net, rows), layers_of(net, rows)[0], count=2)
    >>> found.most.examples.tolist(), found.least.values.tolist()
    ([[1, 2]], [[-1.0, 0.0]])
    """
    if count < 1:
        raise OptionError(f"count must be 1 or more, got {count}")
    beside = baselines(specimen.model, seed, untrained) if specimen.labels is not None else {}
    parts = max(len(beside), 1)
    most, least, largest = extremes(specimen, layer, count, part(progress, 0.0, 1 / parts))
    purity = {"this network": _purity(specimen, most.examples)} if beside else {}
    for number, (name, model) in enumerate(list(beside.items())[1:], start=1):
        along = part(progress, number / parts, (number + 1) / parts)
        other = extremes(specimen.with_model(model), layer, count, along)[0]
        purity[name] = _purity(specimen, other.examples)
    if beside:
        purity["random examples"] = _purity(specimen, _random(len(specimen), most, seed))
    fields = receptive_fields(specimen.model, specimen.inputs, layer)
    return StrongestExamples(specimen, layer, most, least, fields, distribution(largest), purity)


def extremes(
    specimen: Specimen, layer: Layer, count: int, progress: Progress = silent
) -> tuple[Extremes, Extremes, Float[Tensor, "units examples"]]:
    """The strongest and the weakest examples of each unit, and its largest z in each example.

    >>> layer, rows = Layer("", "Linear", 1), torch.tensor([[1.0], [3.0], [2.0]])
    >>> net = nn.Linear(1, 1, bias=False)
    >>> _ = net.weight.data.fill_(1.0)
    >>> [each.examples.tolist() for each in extremes(Specimen(net, rows), layer, 2)[:2]]
    [[[1, 2]], [[0, 2]]]
    """
    first, largest = 0, []
    nothing = torch.zeros(layer.units, 0)
    most = least = Extremes(nothing.to(specimen.inputs.device), nothing.long(), nothing.long())
    for heard in passes(specimen.model, specimen.inputs, [layer], before=True):
        values = heard[layer.name]
        found = peaks(values, first)
        most = most.with_more(found).largest(count)
        least = least.with_more(peaks(-values, first)).largest(count)
        largest.append(found.values)
        first += len(values)
        progress(f"examples that excite {layer.name}", first / len(specimen))
    return most, least.turned(), torch.cat(largest, dim=1)


def _purity(specimen: Specimen, examples: Tensor) -> Float64[Tensor, " units"]:
    """Of each row of examples the share that is of its commonest class."""
    assert specimen.labels is not None
    classes = specimen.labels[examples]
    alike = (classes[:, :, None] == classes[:, None, :]).sum(2).amax(1)
    return alike.double() / examples.shape[1]


def _random(examples: int, like: Extremes, seed: int) -> Tensor:
    """As many draws without putting back as there are units, at least a thousand."""
    generator = torch.Generator().manual_seed(seed)
    units, count = like.examples.shape
    return torch.stack(
        [torch.randperm(examples, generator=generator)[:count] for _ in range(max(units, 1000))]
    )
