"""Networks whose first layers stay as they are, while the rest learns something else."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

import torch
from jaxtyping import Float, Float64, Int64, Num
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture.activations import BATCH
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import Layer
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.story.asking import Question
from weightdesk.properties import Property

LEARNING_RATE: Final = 3e-3
_SMALL_BATCH: Final = 64


@dataclass(frozen=True, eq=False)
class Retraining:
    """How the rest of a network learns all properties of the examples but the task, all of them at once.

    Attributes:
        inputs: all examples.
        layers: those of the network.
        asked: what is to be learned, from which examples, and which ones judge it.
        steps: of Adam.
        seed: of the fresh weights and the batches.
    """

    inputs: Num[Tensor, "examples ..."]
    layers: tuple[Layer, ...]
    asked: Question
    steps: int
    seed: int

    def learn(
        self, first: nn.Module, fresh: nn.Module, frozen: int, progress: Progress = silent
    ) -> dict[str, Float64[Tensor, " judged"]]:
        """Freeze the first layers, train the others from fresh weights, and judge.

        Arguments:
            first: has the layers that are frozen.
            fresh: has the weights from which the others begin, at random places.
            frozen: how many layers are frozen; where it is all of them, one more comes after the last.
            progress: told after each step.

        Returns:
            By property, whether each judged example is right, as 0 or 1; not a number where it cannot
            be told.
        """
        wanted = self.asked.others
        network = self._network(first, fresh, frozen, sum(each.classes for each in wanted))
        head, tail = split(network)
        features = _in_batches(head, self.inputs)
        self._train(tail, features[self.asked.learned], wanted, progress)
        outputs = torch.split(
            _in_batches(tail, features[self.asked.judged]), [each.classes for each in wanted], 1
        )
        return {
            each.name: _right(scores, each.values[self.asked.judged])
            for each, scores in zip(wanted, outputs, strict=True)
        }

    def _network(self, first: nn.Module, fresh: nn.Module, frozen: int, outputs: int) -> nn.Module:
        """Nothing but weights that are trained requires a gradient."""
        network = scrambled(fresh, self.seed).requires_grad_(True)
        for layer in self.layers[:frozen]:
            kept = copy.deepcopy(first.get_submodule(layer.name)).requires_grad_(False)
            network = _replaced(network, layer.name, kept)
        last = network.get_submodule(self.layers[-1].name)
        if isinstance(last, nn.Linear) and frozen < len(self.layers):
            return _replaced(network, self.layers[-1].name, self._linear(last.in_features, outputs))
        inner = network if isinstance(network, nn.Sequential) else [network]
        return nn.Sequential(*inner, self._linear(self.layers[-1].units, outputs))

    def _linear(self, inputs: int, outputs: int) -> nn.Linear:
        """A new last layer, small enough that at first no class is preferred."""
        made = nn.Linear(inputs, outputs)
        generator = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            made.weight.normal_(0, (1 / inputs) ** 0.5, generator=generator)
            made.bias.zero_()
        return made

    def _train(
        self, tail: nn.Module, features: Tensor, wanted: Sequence[Property], progress: Progress
    ) -> None:
        generator = torch.Generator().manual_seed(self.seed)
        trained = [each for each in tail.parameters() if each.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=LEARNING_RATE)
        targets = torch.stack([each.values[self.asked.learned] for each in wanted])
        sizes = [each.classes for each in wanted]
        for _ in followed(range(self.steps), "transfer", progress):
            some = torch.randint(len(features), (_SMALL_BATCH,), generator=generator)
            optimizer.zero_grad()
            losses = map(_loss, torch.split(tail(features[some]), sizes, 1), targets[:, some])
            torch.autograd.backward(sum(losses, torch.zeros(())))
            optimizer.step()


def split(network: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The part that stays as it is and can be run once for all steps, and the part that is trained.

    Only a row of modules can be cut; of other networks the whole counts as trained.

    >>> frozen = nn.Linear(2, 2).requires_grad_(False)
    >>> [len(each) for each in split(nn.Sequential(frozen, nn.ReLU(), nn.Linear(2, 1)))]
    [2, 1]
    """
    if not isinstance(network, nn.Sequential):
        return nn.Identity(), network
    fixed = takewhile(lambda each: not any(one.requires_grad for one in each.parameters()), network)
    count = len(list(fixed))
    return network[:count], network[count:]


def _replaced(network: nn.Module, name: str, module: nn.Module) -> nn.Module:
    """The network with another module in the place of that name; the network itself has the name ''."""
    if not name:
        return module
    network.set_submodule(name, module)
    return network


def _in_batches(module: nn.Module, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([module(some) for some in torch.split(inputs, BATCH)])


def _loss(scores: Float[Tensor, "batch classes"], targets: Int64[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Mean cross-entropy, where examples of which it cannot be told count as nothing."""
    return functional.cross_entropy(scores, targets, ignore_index=-1, reduction="sum") / len(targets)


def _right(
    scores: Float[Tensor, "judged classes"], truth: Int64[Tensor, " judged"]
) -> Float64[Tensor, " judged"]:
    return (scores.argmax(1) == truth).double().masked_fill(truth < 0, torch.nan)
