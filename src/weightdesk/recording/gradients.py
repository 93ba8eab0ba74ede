"""The gradient as the optimizer sees it when it steps."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim import Optimizer


def local(tensor: Tensor) -> Tensor:
    """The part of a tensor that lies in this process: all of it, or the local shard of a DTensor.

    Asked by its method: importing the class takes longer than everything else that recording needs.
    """
    tensor = tensor.detach()
    shard: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return shard


def seen_gradient(parameter: nn.Parameter, optimizer: Optimizer) -> Tensor | None:
    """The gradient that a step is about to use, after accumulation, clipping and unscaling.

    A fused optimizer under a gradient scaler is handed the scaled gradient together with the scale
    and divides inside its kernel; the same division is made here.
    """
    if parameter.grad is None:
        return None
    gradient = parameter.grad.detach()
    scale = getattr(optimizer, "grad_scale", None)
    return gradient if scale is None else gradient / scale.to(gradient.device)
