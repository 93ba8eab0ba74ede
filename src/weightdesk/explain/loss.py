"""The loss that reasons are given for: a function of outputs and targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from torch import Tensor

from weightdesk.errors import OptionError

Loss: TypeAlias = Callable[[Any, Any], Tensor]
"""Takes outputs and targets, gives a scalar, such as `functional.cross_entropy`."""


def evaluate(loss: Loss, outputs: Any, targets: Any) -> Tensor:
    """The loss of outputs, checked to be a scalar.

    Raises:
        OptionError: it is none, or the targets that it needs are missing.

    >>> import torch
    >>> evaluate(torch.nn.functional.mse_loss, torch.ones(2), torch.zeros(2))
    tensor(1.)
    """
    try:
        value = loss(outputs, targets)
    except (TypeError, AttributeError) as error:
        if targets is None:
            raise OptionError(
                f"the loss needs targets, got None ({error}); pass those of the inputs"
            ) from error
        raise
    if not isinstance(value, Tensor) or value.ndim:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise OptionError(f"the loss must be a tensor without axes, got {got}; reduce it, as by .mean()")
    return value
