"""What a built-in training did at one step: the batch it saw and the loss that it minimised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from weightdesk.errors import OptionError
from weightdesk.training.preparation import Preparation, prepare
from weightdesk.training.randomness import seeded
from weightdesk.training.recipe import Recipe
from weightdesk.types import Step


@dataclass(frozen=True, eq=False)
class Moment:
    """One step of a built-in training.

    Attributes:
        step: optimizer steps done before.
        model: the network, in training mode; load the weights of the step into it.
        inputs: the batch, standardised as it was.
        targets: of the batch.
        loss: mean over the batch, without penalties; takes outputs and targets.
        examples: the batch's places in the training part.
        input_names: a name for each input; empty for pictures.
        class_names: a name for each class; empty for a regression.
        penalty: what `--l2` added to the gradient of each weight: two times this, times the weight.
        random_state: torch's random numbers as the forward pass found them; dropout's mask follows.
    """

    step: Step
    model: nn.Module
    inputs: Float[Tensor, "batch ..."]
    targets: Tensor
    loss: Callable[[Tensor, Tensor], Float[Tensor, ""]]
    examples: Int64[Tensor, " batch"]
    input_names: tuple[str, ...]
    class_names: tuple[str, ...]
    penalty: float
    random_state: Tensor


def replay(stored: Mapping[str, Any], step: Step) -> Moment:
    """Find the batch that a training took at a step; see `replays`.

    >>> from weightdesk.training.preparation import prepare
    >>> moment = replay(prepare(Recipe.create("xor", batch=16)).stored, 3)
    >>> moment.inputs.shape, round(moment.loss(moment.model(moment.inputs), moment.targets).item(), 1)
    (torch.Size([16, 2]), 0.7)
    """
    return next(replays(stored, [step]))


def replays(stored: Mapping[str, Any], steps: Iterable[Step]) -> Iterator[Moment]:
    """Find the batches that a training took at some steps, in ascending order.

    Arguments:
        stored: the recipe of a built-in training, as its run stored it: `run.recipe`.
        steps: optimizer steps done before.

    Raises:
        OptionError: the training had no such step.
        DataError: its data are gone, or no longer what they were.

    >>> from weightdesk.training.preparation import prepare
    >>> [moment.step for moment in replays(prepare(Recipe.create("xor")).stored, [4, 0])]
    [0, 4]
    """
    wanted = sorted(set(steps))
    recipe = Recipe.from_dict(stored)
    prepared = prepare(recipe)
    for step in wanted:
        if not 0 <= step < prepared.steps():
            raise OptionError(f"the training had no step {step}: its steps are 0 to {prepared.steps() - 1}")
    with seeded(recipe.seed):
        random_state = torch.get_rng_state()
    dropouts = _Dropouts(prepared)
    for step, batch in enumerate(islice(prepared.batches(), max(wanted, default=-1) + 1)):
        if step in wanted:
            yield _moment(prepared, step, batch, random_state)
        if recipe.dropout:
            random_state = dropouts.after(batch, random_state)


def _moment(prepared: Preparation, step: Step, batch: Tensor, random_state: Tensor) -> Moment:
    train, dataset = prepared.parts["train"], prepared.dataset
    return Moment(
        step=step,
        model=prepared.model,
        inputs=train.inputs[batch],
        targets=train.targets[batch],
        loss=prepared.objective.loss,
        examples=batch,
        input_names=dataset.feature_names,
        class_names=dataset.class_names,
        penalty=prepared.recipe.l2,
        random_state=random_state,
    )


class _Dropouts:
    """What the network's dropout draws of torch's random numbers: it depends on shapes, not on weights."""

    def __init__(self, prepared: Preparation) -> None:
        self._prepared = prepared
        self._inputs: dict[int, list[tuple[nn.Module, Tensor]]] = {}

    def after(self, batch: Tensor, random_state: Tensor) -> Tensor:
        """The random numbers' state after a batch; only the dropout itself is run."""
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            if len(batch) not in self._inputs:
                self._inputs[len(batch)] = self._found(batch)
            torch.set_rng_state(random_state)
            for module, given in self._inputs[len(batch)]:
                module.forward(given)
            return torch.get_rng_state()

    def _found(self, batch: Tensor) -> list[tuple[nn.Module, Tensor]]:
        """The dropout modules in the order in which they run, with inputs of the shapes that they get."""
        found: list[tuple[nn.Module, Tensor]] = []
        handles = [
            each.register_forward_pre_hook(lambda module, given: found.append((module, given[0].clone())))
            for each in self._prepared.model.modules()
            if isinstance(each, nn.Dropout)
        ]
        self._prepared.model(self._prepared.parts["train"].inputs[batch])
        for handle in handles:
            handle.remove()
        return found
