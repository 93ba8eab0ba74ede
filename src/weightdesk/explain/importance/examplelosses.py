"""The loss of each example, from a loss that reduces them to one number."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, nn

ExampleLosses: TypeAlias = Callable[[Any, Any], Tensor]
"""Takes outputs and targets, gives (examples,)."""


def unreduced_mean(loss: Any) -> ExampleLosses:
    """By the loss's own `reduction="none"`, with the mean over what an example has of them.

    >>> losses = unreduced_mean(torch.nn.functional.mse_loss)
    >>> losses(torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.zeros(2, 2))
    tensor([5., 0.])
    """
    raw = _unreduced(loss)
    return lambda outputs, targets: _by_example(raw(outputs, targets)).mean(1)


def unreduced_sum(loss: Any) -> ExampleLosses:
    """The same with the sum over what an example has of them."""
    raw = _unreduced(loss)
    return lambda outputs, targets: _by_example(raw(outputs, targets)).sum(1)


def mapped(loss: Any) -> ExampleLosses:
    """By calling the loss on batches of one example, all at once.

    >>> losses = mapped(lambda outputs, targets: (outputs - targets).abs().mean())
    >>> losses(torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.zeros(2, 2))
    tensor([2., 0.])
    """
    one = torch.utils._pytree.tree_map

    def alone(outputs: Any, targets: Any) -> Any:
        return loss(one(lambda leaf: leaf[None], outputs), one(lambda leaf: leaf[None], targets)).reshape(())

    return torch.vmap(alone)


CANDIDATES: Final[tuple[Callable[[Any], ExampleLosses], ...]] = (unreduced_mean, unreduced_sum, mapped)
"""In the order in which they are tried; the first that agrees with the loss of the set is taken."""


def _unreduced(loss: Any) -> Callable[[Any, Any], Tensor]:
    if isinstance(loss, nn.Module):
        if not hasattr(loss, "reduction"):
            raise TypeError("no reduction to leave out")
        loss = copy.copy(loss)
        loss.reduction = "none"
        return functools.partial(loss)
    if "reduction" not in inspect.signature(loss).parameters:
        raise TypeError("no reduction to leave out")
    return functools.partial(loss, reduction="none")


def _by_example(losses: Tensor) -> Tensor:
    return losses.reshape(losses.shape[0], -1)
