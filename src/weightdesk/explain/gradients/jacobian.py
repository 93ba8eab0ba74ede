"""One column of a Jacobian: how the numbers of one station answer to a single number of an earlier one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.autograd import grad
from torch.nn import functional

from weightdesk.explain.tracing import Station


@dataclass(frozen=True, eq=False)
class Column:
    """∂z/∂u for one number u; what is not listed is zero.

    Attributes:
        positions: row-major places in z.
        values: the derivatives there.
        slope: φ'(u), where u reaches z through a single input φ(u) of it; the values are then slope × weight.
        activation: that input.
    """

    positions: Int64[Tensor, " entries"]
    values: Float64[Tensor, " entries"]
    slope: float | None = None
    activation: float | None = None


def column(station: Station, leaf: Tensor, position: int) -> Column:
    """How a station's result answers to one entry of an earlier station's leaf.

    Raises:
        RuntimeError: torch cannot differentiate what lies between twice.

    >>> from weightdesk.explain.tracing import trace, untouched
    >>> model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Tanh(), torch.nn.Linear(1, 3))
    >>> with untouched(model):
    ...     first, last = trace(model, torch.ones(1, 1), cut=True).stations
    >>> found = column(last, first.leaf, 0)
    >>> torch.allclose(found.values, (model[2].weight[:, 0] * found.slope).double())
    True
    """
    if not _is_plain(station):
        return _listed(derivative(station.result, leaf, position))
    inputs = station.operation.inputs
    change = derivative(inputs, leaf, position)
    found = _listed(_linear(station, change))
    touched = change.reshape(-1).nonzero().flatten()
    if len(touched) > 1:
        return found
    # A derivative of zero everywhere, such as that of a ReLU below zero, is a slope as well.
    slope = float(change.reshape(-1)[touched].sum())
    activation = float(inputs.detach().reshape(-1)[touched]) if len(touched) else None
    return Column(found.positions, found.values, slope, activation)


def derivative(result: Tensor, leaf: Tensor, position: int) -> Tensor:
    """∂result/∂leaf[position], in the shape of the result.

    Reverse mode is linear in what is sent back: its derivative by that is forward mode. A function of
    the user's own may hide that it depends on it, and then gives zeros.

    Source: Townsend 2017, A new trick for calculating Jacobian vector products.

    >>> x = torch.tensor([2.0, 3.0], requires_grad=True)
    >>> derivative(x * x, x, 1)
    tensor([0., 6.])
    """
    with torch.enable_grad():
        sent = torch.zeros_like(result, requires_grad=True)
        (back,) = grad(result, leaf, sent, create_graph=True, allow_unused=True)
        if back is None or not back.requires_grad:
            return torch.zeros_like(result)
        (found,) = grad(back.reshape(-1)[position], sent, allow_unused=True)
    return torch.zeros_like(result) if found is None else found


def _is_plain(station: Station) -> bool:
    """Whether only the inputs of a linear map can depend on what came before, not its weights."""
    operation = station.operation
    if operation.kind not in ("linear", "convolution") or not operation.inputs.requires_grad:
        return False
    places = {role.place for role in station.roles}
    return "weight" in places and (operation.bias is None or "bias" in places)


def _linear(station: Station, change: Tensor) -> Tensor:
    """What a linear map makes of a change of its inputs, most of which is zero."""
    operation = station.operation
    weight = operation.weight.detach()
    answer = torch.zeros_like(station.result)
    axes = 1 if operation.kind == "linear" else weight.ndim - 1
    changed, answers = (each.reshape(-1, *each.shape[-axes:]) for each in (change, answer))
    rows = changed.flatten(1).any(dim=1).nonzero().flatten()
    if operation.kind == "linear":
        answers[rows] = changed[rows] @ weight.t()
    elif len(rows):
        convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[weight.ndim - 3]
        answers[rows] = convolve(changed[rows], weight, None, **operation.options)
    return answers.view(station.result.shape)


def _listed(answer: Tensor) -> Column:
    flat = answer.detach().reshape(-1)
    positions = flat.nonzero().flatten()
    return Column(positions.cpu(), flat[positions].double().cpu())
