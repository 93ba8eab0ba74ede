"""What a built-in training did at one step: the batch it saw and the loss that it minimised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from weightdesk.errors import OptionError
from weightdesk.training.preparation import prepare
from weightdesk.training.randomness import seeded
from weightdesk.training.recipe import Recipe
from weightdesk.types import Step


@dataclass(frozen=True, eq=False)
class Moment:
    """One step of a built-in training.

    Attributes:
        step: optimizer steps done before.
        model: the network with its initial weights, in training mode; load those of the step.
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
    """Find the batch that a training took at a step.

    Arguments:
        stored: the recipe of a built-in training, as its run stored it: `run.recipe`.
        step: optimizer steps done before.

    Raises:
        OptionError: the training had no such step.
        DataError: its data are gone, or no longer what they were.

    >>> from weightdesk.training.preparation import prepare
    from weightdesk.training.randomness import seeded
    >>> moment = replay(prepare(Recipe.create("xor", batch=16)).stored, 3)
    >>> moment.inputs.shape, round(float(moment.loss(moment.model(moment.inputs), moment.targets)), 1)
    (torch.Size([16, 2]), 0.7)
    """
    recipe = Recipe.from_dict(stored)
    prepared = prepare(recipe)
    if not 0 <= step < prepared.steps():
        raise OptionError(f"the training had no step {step}: its steps are 0 to {prepared.steps() - 1}")
    train, dataset = prepared.parts["train"], prepared.dataset
    batches = prepared.batches()
    with seeded(recipe.seed), torch.no_grad():
        for earlier in islice(batches, step):
            if recipe.dropout:  # what it draws depends on shapes alone, so any weights will do
                prepared.model(train.inputs[earlier])
        random_state = torch.get_rng_state()
    batch = next(batches)
    return Moment(
        step=step,
        model=prepared.model,
        inputs=train.inputs[batch],
        targets=train.targets[batch],
        loss=prepared.objective.loss,
        examples=batch,
        input_names=dataset.feature_names,
        class_names=dataset.class_names,
        penalty=recipe.l2,
        random_state=random_state,
    )
