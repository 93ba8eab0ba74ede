"""Importance by weights: how much of the first layer a feature has hold of."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.explain.features.objective import Objective
from weightdesk.explain.tracing import Station, trace, untouched


def by_weights(found: Objective) -> tuple[Float[Tensor, " elements"] | None, str]:
    """Σ over the first layer's units of |w|, times the standard deviation of the input.

    It can only be said where everything that reads the inputs is a linear layer that takes them as
    they are: a convolution shares its weights between places, and a normalisation changes the scale.

    Returns:
        The importance of each element of an example, and where it cannot be said, why.

    >>> from weightdesk.explain.features.objective import objective
    >>> layer, inputs = torch.nn.Linear(2, 1, bias=False), torch.tensor([[1.0, 0.0], [-1.0, 4.0]])
    >>> _ = layer.requires_grad_(False).weight.copy_(torch.tensor([[-3.0, 1.0]]))
    >>> by_weights(objective(layer, inputs, torch.zeros(2, 1), torch.nn.functional.mse_loss, 0))
    (tensor([3., 2.], dtype=torch.float64), '')
    """
    with untouched(found.model, found.seed):
        given = found.features.clone().requires_grad_()
        traced = trace(found.model, found.given(given), cut=True)
        readers = [each for each in traced.stations if _depends(each.result, given)]
        if not readers:
            return None, "no parameter is multiplied with the inputs"
        if reason := next(filter(None, (_hindrance(each, given) for each in readers)), ""):
            return None, reason
        size = sum(each.operation.weight.detach().double().abs().sum(0) for each in readers)
    assert isinstance(size, Tensor)
    deviation = given.detach().double().flatten(1).std(0, correction=0)
    return (size * deviation).cpu(), ""


def _depends(result: Tensor, given: Tensor) -> bool:
    """Whether a result depends on the inputs by another way than through the stations before."""
    (gradient,) = torch.autograd.grad(result.sum(), given, allow_unused=True, retain_graph=True)
    return gradient is not None


def _hindrance(station: Station, given: Tensor) -> str:
    operation, where = station.operation, station.module or "the model"
    if operation.kind != "linear":
        return f"the inputs go into {operation.function} in {where}, not into a linear layer"
    taken = operation.inputs.detach()
    if taken.ndim != 2 or len(taken) != len(given) or not torch.equal(taken, given.detach().flatten(1)):
        return f"the linear layer {where} does not take the inputs as they are"
    return ""
