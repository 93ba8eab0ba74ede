"""The transfer test: what the first layers are worth to a network that is to tell something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jaxtyping import Float64, Int64
from torch import Tensor, nn

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import layers_of
from weightdesk.capture.progress import Progress, part, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.asking import Question, question
from weightdesk.capture.story.resampling import accuracy
from weightdesk.capture.story.retraining import Retraining
from weightdesk.capture.story.tables import bounded
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section
from weightdesk.properties import Property

STEPS: Final = 300

Right = Mapping[str, Float64[Tensor, " judged"]]
"""By property, whether each judged example is right, as 0 or 1; not a number where it cannot be told."""


@dataclass(frozen=True, eq=False)
class Transferred:
    """What is reached on other tasks when all layers up to one are frozen.

    Attributes:
        layer: the last frozen one.
        trained: with the layers of the network.
        untrained: with layers that know nothing.
    """

    layer: str
    trained: Right
    untrained: Right


@dataclass(frozen=True, eq=False)
class Transfer(Page):
    """What a network's first layers are worth to others that tell something else of the examples.

    Attributes:
        scratch: what is reached where nothing is frozen.
        layers: layer by layer, all up to this one frozen.
        asked: the tasks, and the examples.
        steps: how many each network was trained.
    """

    scratch: Right
    layers: tuple[Transferred, ...]
    asked: Question
    steps: int

    @property
    def title(self) -> str:
        """After which layer the other tasks suffer most."""
        means = {each.layer: _mean(each.trained) for each in self.layers}
        worst = min(means, key=means.__getitem__)
        change = means[worst] - _mean(self.scratch)
        return f"other tasks on frozen layers: {change:+.1%} right when all up to {worst!r} are frozen"

    def sections(self) -> list[Section]:
        """Each task on each number of frozen layers, beside all trained from scratch."""
        rows = [(each, one.name) for each in self.layers for one in self.asked.others]
        chances = {one.name: chance(one, self.asked.learned) for one in self.asked.others}
        left = {
            "frozen up to": [each.layer for each, _ in rows],
            "task": [name for _, name in rows],
        }
        numbers = {
            "accuracy": [accuracy(each.trained[name]) for each, name in rows],
            "frozen untrained": [accuracy(each.untrained[name]) for each, name in rows],
            "from scratch": [accuracy(self.scratch[name]) for _, name in rows],
        }
        note = (
            f"accuracy on {len(self.asked.judged)} examples after {self.steps} steps on "
            f"{len(self.asked.learned)} others, with 95 % intervals; most frequent class: "
            + ", ".join(f"{name} {value:.1%}" for name, value in chances.items())
        )
        return [section("transfer", left | bounded(numbers), bars=["accuracy"], note=note)]


def transfer_layers(
    specimen: Specimen,
    *,
    untrained: nn.Module | None = None,
    steps: int = STEPS,
    seed: int = 0,
    progress: Progress = silent,
) -> Transfer:
    """Freeze the first layers, retrain the rest on other tasks, and compare with training all of it.

    The other tasks are the properties of the examples, all told at once from one new output layer.
    The retrained layers begin with the weights of step 0 at random places.

    Arguments:
        specimen: a classifier; its properties, or those that can be measured, are the other tasks.
        untrained: the network at step 0, the baseline of frozen layers that know nothing, and the scale
            of fresh weights; None: scrambled weights.
        steps: of Adam with 64 examples each, for each number of frozen layers.
        seed: of the dealing, the fresh weights and the batches.
        progress: told after each step.

    Raises:
        OptionError: nothing is classified, nothing else is known of the examples, or they are too few.

    Source: Yosinski, Clune, Bengio and Lipson 2014, "How transferable are features in deep neural
    networks?".

    >>> import torch
    >>> x = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    >>> above = Property("above", (x[:, 1] > 0).long(), ("no", "yes"))
    >>> net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> found = transfer_layers(Specimen(net, x, (x[:, 0] > 0).long(), ("left", "right"), (above,)))
    >>> [each.layer for each in found.layers], list(found.scratch)
    (['0', '2'], ['above'])
    """
    asked, layers = question(specimen, seed), layers_of(specimen.model, specimen.inputs)
    if not asked.others:
        raise OptionError("nothing but the task is known of the examples; give the specimen properties")
    origin = specimen.model if untrained is None else untrained
    ignorant = scrambled(specimen.model, seed) if untrained is None else untrained
    retraining = Retraining(specimen.inputs, layers, asked, steps, seed)
    trials = [(specimen.model, 0)]
    trials += [(model, 1 + place) for place in range(len(layers)) for model in (specimen.model, ignorant)]
    scratch, *found = (
        retraining.learn(
            model, origin, frozen, part(progress, place / len(trials), (place + 1) / len(trials))
        )
        for place, (model, frozen) in enumerate(trials)
    )
    pairs = zip(layers, found[::2], found[1::2], strict=True)
    return Transfer(scratch, tuple(Transferred(each.name, *both) for each, *both in pairs), asked, steps)


def chance(one: Property, learned: Int64[Tensor, " learned"]) -> float:
    """What always saying the class that is most frequent in what is learned from would reach there.

    >>> import torch
    >>> chance(Property("stroke", torch.tensor([0, 1, 1, 1, -1]), ("thin", "bold")), torch.arange(5))
    0.75
    """
    values = one.values[learned]
    counts = values[values >= 0].bincount()
    return int(counts.max()) / int(counts.sum())


def _mean(found: Right) -> float:
    return sum(accuracy(each).value for each in found.values()) / len(found)
