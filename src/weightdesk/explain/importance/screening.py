"""Quick estimates of what depends on a weight, for all weights of a parameter at once."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.func import grad, vmap

from weightdesk.errors import DataError, OptionError
from weightdesk.explain.importance.probe import Probe

_PROBES: Final = 32
_GRADIENTS_BYTES: Final = 64 << 20


def magnitude(probe: Probe, name: str) -> Tensor:
    """|w|."""
    return probe.weights[name].abs().double()


def gradient(probe: Probe, name: str) -> Tensor:
    """|∂L/∂w|."""
    return _gradient(probe, name).abs().double()


def taylor(probe: Probe, name: str, order: int = 1) -> Tensor:
    """The change of the loss when a weight is zeroed, from its derivatives.

    First order −g w (Molchanov et al. 2017, "Pruning convolutional neural networks for resource efficient
    inference"); second order adds ½ h w² (LeCun, Denker & Solla 1989, "Optimal brain damage") with the
    diagonal h of the Hessian estimated by Hutchinson's method from 32 seeded sign vectors.

    Raises:
        OptionError: another order than 1 and 2.
    """
    if order not in (1, 2):
        raise OptionError(f"order must be 1 or 2, got {order}")
    weight = probe.weights[name].double()
    first = -_gradient(probe, name).double() * weight
    return first if order == 1 else first + hessian_diagonal(probe, name) * weight**2 / 2


def fisher(probe: Probe, name: str) -> Tensor:
    """½ w² Σ g², with g each example's own share of the gradient, times the number of examples.

    That is ½ w² times the empirical Fisher information where the loss is a mean (Theis et al. 2018,
    "Faster gaze prediction with dense networks and Fisher pruning").

    Raises:
        DataError: the loss is not the mean or the sum of the examples' losses.
    """
    if probe.example_losses is None:
        raise DataError(
            "fisher needs each example's own loss, but the loss or the model joins them; "
            "call model.eval(), or use method='taylor'"
        )
    return probe.weights[name].double() ** 2 / 2 * _squared_gradients(probe, name)


def movement(probe: Probe, name: str, start: Tensor | None) -> Tensor:
    """(w² − w₀²) / 2: positive for weights that training moved away from zero.

    Movement pruning (Sanh, Wolf & Rush 2020) adds up −w ∂L/∂w over training. Times the learning rate
    that is Σ w Δw, which for small steps of gradient descent comes to (w² − w₀²) / 2.

    Raises:
        OptionError: the weights at the start are missing or of another shape.
    """
    weight = probe.weights[name]
    if start is None or start.shape != weight.shape:
        got = None if start is None else tuple(start.shape)
        raise OptionError(
            f"movement needs start=, the weights of {name} at the start {tuple(weight.shape)}, got {got}"
        )
    return (weight.double() ** 2 - start.double() ** 2) / 2


def hessian_diagonal(probe: Probe, name: str, count: int = _PROBES) -> Tensor:
    """The diagonal of the loss's Hessian in one parameter, estimated: the mean of v · Hv over sign vectors v.

    Source: Bekas, Kokiopoulou & Saad 2007, "An estimator for the diagonal of a matrix".
    """
    leaf = probe.weights[name].clone().requires_grad_()
    generator = torch.Generator().manual_seed(probe.seed)
    total = torch.zeros(leaf.shape, dtype=torch.float64)
    with torch.enable_grad():
        loss = probe.loss(probe.outputs({name: leaf}), probe.targets)
        (slope,) = torch.autograd.grad(loss, leaf, create_graph=True)
        if not slope.requires_grad:
            return total  # the loss is linear in the parameter
        for _ in range(count):
            signs = torch.randint(0, 2, leaf.shape, generator=generator).mul_(2).sub_(1).to(leaf.dtype)
            (product,) = torch.autograd.grad(slope, leaf, signs, retain_graph=True, allow_unused=True)
            total += 0 if product is None else signs * product
    return total / count


def _gradient(probe: Probe, name: str) -> Tensor:
    leaf = probe.weights[name].clone().requires_grad_()
    with torch.enable_grad():
        loss = probe.loss(probe.outputs({name: leaf}), probe.targets)
        (slope,) = torch.autograd.grad(loss, leaf)
    return slope


def _squared_gradients(probe: Probe, name: str) -> Tensor:
    """Number of examples times the sum of the examples' squared shares of the gradient."""
    weights = dict(probe.weights)
    leaf = weights.pop(name)

    def loss(own: Tensor, example: Tensor) -> Tensor:
        examples = example[None]
        outputs = probe.outputs({name: own}, examples)
        return probe.example_losses(outputs, probe.batch.take(probe.targets, examples)).sum()  # type: ignore[misc]

    size = max(1, _GRADIENTS_BYTES // max(1, leaf.nbytes))
    total = torch.zeros(leaf.shape, dtype=torch.float64)
    each = vmap(grad(loss), in_dims=(None, 0))
    for examples in torch.split(torch.arange(probe.count), size):
        total += each(leaf, examples).double().square_().sum(0)
    return total * probe.share**2 * probe.count
