"""The loss as a function of the features alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from weightdesk.errors import OptionError
from weightdesk.explain.compiled import uncompiled
from weightdesk.explain.loss import Loss, evaluate
from weightdesk.explain.tracing import call, untouched

Examples: TypeAlias = Float[Tensor, "examples ..."]


@dataclass(frozen=True, eq=False)
class Objective:
    """The loss of a model on a batch, as a function of the batch's features.

    Attributes:
        model: the model, not compiled.
        inputs: all that it is given.
        targets: what the loss compares with.
        loss: takes outputs and targets, gives a scalar.
        seed: of the random numbers that the model draws, the same at each evaluation.
        leaf: which of the inputs holds the features.
        axis: its axis of the examples.
    """

    model: nn.Module
    inputs: Any
    targets: Any
    loss: Loss
    seed: int
    leaf: int
    axis: int

    @property
    def features(self) -> Examples:
        """The features as they are, examples first."""
        features: Tensor = tree_flatten(self.inputs)[0][self.leaf]
        return features.detach().movedim(self.axis, 0)

    def given(self, features: Examples) -> Any:
        """The model's inputs with other features."""
        leaves, tree = tree_flatten(self.inputs)
        leaves[self.leaf] = features.movedim(0, self.axis)
        return tree_unflatten(leaves, tree)

    def value(self, features: Examples) -> float:
        """The loss with other features."""
        with untouched(self.model, self.seed), torch.no_grad():
            return evaluate(self.loss, call(self.model, self.given(features)), self.targets).item()

    def slope(self, features: Examples) -> Examples:
        """The gradient of the loss with respect to the features."""
        with untouched(self.model, self.seed):
            given = features.detach().clone().requires_grad_()
            loss = evaluate(self.loss, call(self.model, self.given(given)), self.targets)
            slopes = torch.autograd.grad(loss, given, allow_unused=True)[0] if loss.requires_grad else None
        return torch.zeros_like(features) if slopes is None else slopes


def objective(model: nn.Module, inputs: Any, targets: Any, loss: Loss, seed: int, axis: int = 0) -> Objective:
    """The loss as a function of the first of the inputs that holds real numbers.

    Raises:
        OptionError: none of the inputs does, or it has no such axis of examples.

    >>> found = objective(nn.Identity(), torch.tensor([2.0, 4.0]), torch.zeros(2), nn.functional.mse_loss, 0)
    >>> found.value(found.features), found.slope(found.features).tolist()
    (10.0, [2.0, 4.0])
    """
    leaves = tree_flatten(inputs)[0]
    for number, each in enumerate(leaves):
        if isinstance(each, Tensor) and each.is_floating_point():
            if not 0 <= axis < each.ndim or not each.numel():
                raise OptionError(
                    f"batch_dim {axis} must count the examples of inputs of shape {tuple(each.shape)}"
                )
            return Objective(uncompiled(model), inputs, targets, loss, seed, number, axis)
    got = ", ".join(str(each.dtype) for each in leaves if isinstance(each, Tensor)) or type(inputs).__name__
    raise OptionError(
        f"inputs must hold a tensor of real numbers, got {got}; tokens have no features to attribute to"
    )
