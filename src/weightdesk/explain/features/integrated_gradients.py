"""Importance by integrated gradients: the change of the loss on the way from a baseline, divided up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.explain.features.objective import Objective


@dataclass(frozen=True, eq=False)
class Attribution:
    """The loss at the inputs minus the loss at the baseline, divided among the features.

    Attributes:
        values: the part of each element of each example, in float64.
        baseline_loss: the loss at the baseline.
        error: the sum of all parts minus the difference that they should add up to.
    """

    values: Float[Tensor, "examples elements"]
    baseline_loss: float
    error: float


def integrated_gradients(found: Objective, baseline: Any = None, steps: int = 64) -> Attribution:
    """(x − b) ∫ ∂L/∂x (b + α (x − b)) dα over α from 0 to 1, element by element.

    The integral is taken by Gauss-Legendre quadrature: exact for a polynomial of degree 2 × steps − 1;
    where a network has kinks the completeness error says how far off it is. One step is one forward
    and backward pass, done after one another: the memory is that of a single one and of two copies of
    the inputs in float64.

    Arguments:
        found: the loss as a function of the features.
        baseline: where the way begins; a number, one example or a batch; zero if not given.
        steps: nodes of the quadrature.

    Raises:
        OptionError: the baseline does not fit the inputs, or there is no step.

    Source: Sundararajan, Taly and Yan 2017, Axiomatic attribution for deep networks.

    >>> from weightdesk.explain.features.objective import objective
    >>> total = objective(torch.nn.Identity(), torch.tensor([[3.0, 1.0]]), None, lambda y, _: (y**2).sum(), 0)
    >>> integrated_gradients(total, steps=2).values.round(decimals=5).tolist()
    [[9.0, 1.0]]
    """
    if steps < 1:
        raise OptionError(f"steps must be 1 or more, got {steps}")
    inputs = found.features
    start = _baseline(baseline, inputs)
    way = inputs.double() - start.double()
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    total = torch.zeros_like(way)
    for node, weight in zip(nodes, weights, strict=True):
        total += weight / 2 * found.slope((start.double() + (node + 1) / 2 * way).to(inputs.dtype)).double()
    values = (way * total).flatten(1).cpu()
    baseline_loss = found.value(start)
    return Attribution(values, baseline_loss, float(values.sum()) - (found.value(inputs) - baseline_loss))


def _baseline(baseline: Any, inputs: Tensor) -> Tensor:
    start = torch.as_tensor(0.0 if baseline is None else baseline).to(inputs)
    try:
        return start.expand_as(inputs)
    except RuntimeError:
        raise OptionError(
            f"baseline of shape {tuple(start.shape)} does not fit inputs of shape {tuple(inputs.shape)}; "
            f"give a number or one example of shape {tuple(inputs.shape[1:])}"
        ) from None
