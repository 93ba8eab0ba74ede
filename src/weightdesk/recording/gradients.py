"""The gradient as the optimizer sees it when it steps, and the loss scale that was taken out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from weightdesk.types import ParameterName

_PLAIN: Final = (Tensor, nn.Parameter)
"""Types that are asked for nothing that they lack: that takes longer than what is done with them."""


def local(tensor: Tensor) -> Tensor:
    """The part of a tensor that lies in this process: all of it, or the local shard of a DTensor.

    Asked by its method: importing the class takes longer than everything else that recording needs.
    """
    part = tensor.detach()
    if type(tensor) in _PLAIN or not hasattr(part, "to_local"):
        return part
    shard: Tensor = part.to_local()
    return shard


def seen_gradient(parameter: nn.Parameter, optimizer: Optimizer) -> Tensor | None:
    """The gradient that a step is about to use, after accumulation, clipping and unscaling.

    A fused optimizer under a gradient scaler is handed the scaled gradient together with the scale
    and divides inside its kernel; the same division is made here.

    None if there is no gradient, and if its parts in this process are not those of the parameter: with
    DTensors a gradient may be a partial sum, which the optimizer adds up among processes.
    """
    gradient = parameter.grad
    if gradient is None or not _is_placed_alike(parameter, gradient):
        return None
    gradient = gradient.detach()
    scale = getattr(optimizer, "grad_scale", None)
    return gradient if scale is None else gradient / scale.to(gradient.device)


def _is_placed_alike(parameter: nn.Parameter, gradient: Tensor) -> bool:
    """Whether the parts of a gradient in this process are those of the parameter."""
    if type(gradient) in _PLAIN and type(parameter) in _PLAIN:
        return True
    return getattr(gradient, "placements", None) == getattr(parameter, "placements", None)


class SeenGradients(Mapping[ParameterName, Tensor]):
    """Gradients that a step is about to use, of the parameters that have one, each made when asked for.

    Under a gradient scaler they are copies: all at once would take as much memory as the weights.

    >>> layer = nn.Linear(1, 1)
    >>> layer(torch.ones(1, 1)).sum().backward()
    >>> layer.bias.grad = None
    >>> dict(SeenGradients(dict(layer.named_parameters()), torch.optim.SGD(layer.parameters())))
    {'weight': tensor([[1.]])}
    """

    def __init__(self, parameters: Mapping[ParameterName, nn.Parameter], optimizer: Optimizer) -> None:
        self._parameters, self._optimizer = parameters, optimizer

    def __getitem__(self, name: ParameterName) -> Tensor:
        gradient = seen_gradient(self._parameters[name], self._optimizer)
        if gradient is None:
            raise KeyError(name)
        return gradient

    def __contains__(self, name: object) -> bool:
        parameter = self._parameters.get(str(name))
        gradient = None if parameter is None else parameter.grad
        return parameter is not None and gradient is not None and _is_placed_alike(parameter, gradient)

    def __iter__(self) -> Iterator[ParameterName]:
        return (name for name in self._parameters if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True)
class LossScale:
    """What the loss was multiplied with before backward, lest small gradients vanish.

    Attributes:
        value: the factor.
        divides: whether it is divided by, as a fused optimizer does; a gradient scaler multiplies with
            the reciprocal, rounded to float32.
    """

    value: float
    divides: bool = False

    def take_out(self, gradient: Tensor) -> Tensor:
        """Unscale a gradient in place, with the same rounding as in the training.

        >>> LossScale(4.0).take_out(torch.ones(1))
        tensor([0.2500])
        """
        if self.divides:
            return gradient.div_(self.value)
        return gradient.mul_(torch.tensor(1 / self.value, dtype=torch.float32).item())


def loss_scale(optimizer: Optimizer, scaler: GradScaler | None) -> LossScale | None:
    """The loss scale of the step that an optimizer is about to make; None where nobody tells.

    Waits for the device that the scale lies on, so ask only when its gradients are copied, too.
    """
    scale = getattr(optimizer, "grad_scale", None)
    if scale is not None:
        return LossScale(float(scale), divides=True)
    return None if scaler is None else LossScale(scaler.get_scale())
