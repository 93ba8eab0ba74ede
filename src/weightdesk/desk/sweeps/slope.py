"""The slope of each example's loss as weights move along a direction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from weightdesk.desk.engine.stack import Stack
from weightdesk.desk.outcomes.examplelosses import SplitLoss
from weightdesk.explain.loss import Loss, evaluate
from weightdesk.types import ParameterName


def slopes(
    stack: Stack, directions: Mapping[ParameterName, Tensor], losses: SplitLoss, targets: Any
) -> Float64[Tensor, " examples"]:
    """The slope of each example's loss where the weights are now.

    By reverse derivatives: that of the examples' weighted slopes by these weights; or by forward ones where
    an operation has no second derivative. To prepare these takes torch a quarter of a second.

    Arguments:
        stack: the examples.
        directions: for each parameter that is moved.
        losses: of single examples.
        targets: of these examples.
    """

    def moved(shift: Tensor) -> Tensor:
        return losses.losses(stack.moved(directions, shift), targets)

    dtype = next(iter(directions.values())).dtype
    with sdpa_kernel(SDPBackend.MATH):  # the fused ones have no such derivatives
        try:
            found = _twice(moved, torch.zeros((), dtype=dtype))
        except (RuntimeError, NotImplementedError):
            found = _forwards(moved, torch.zeros((), dtype=dtype))
    return found.detach().double()


def slope_of(stack: Stack, directions: Mapping[ParameterName, Tensor], loss: Loss, targets: Any) -> float:
    """The slope of a loss that joins the examples."""
    shift = torch.zeros((), dtype=next(iter(directions.values())).dtype, requires_grad=True)
    with torch.enable_grad():
        found = evaluate(loss, stack.moved(directions, shift), targets)
        (slope,) = torch.autograd.grad(found, shift, allow_unused=True) if found.requires_grad else (None,)
    return 0.0 if slope is None else float(slope)


def _forwards(moved: Callable[[Tensor], Tensor], shift: Tensor) -> Tensor:
    with torch.no_grad(), forward_ad.dual_level():
        dual = forward_ad.make_dual(shift, torch.ones_like(shift))  # type: ignore[no-untyped-call]
        losses, found = forward_ad.unpack_dual(moved(dual))  # type: ignore[no-untyped-call]
        return torch.zeros_like(losses) if found is None else found


def _twice(moved: Callable[[Tensor], Tensor], shift: Tensor) -> Tensor:
    with torch.enable_grad():
        shift.requires_grad_()
        found = moved(shift)
        if not found.requires_grad:
            return torch.zeros_like(found)
        amounts = torch.ones_like(found, requires_grad=True)
        (together,) = torch.autograd.grad(found, shift, amounts, create_graph=True, allow_unused=True)
        if together is None or not together.requires_grad:
            return torch.zeros_like(found)
        (each,) = torch.autograd.grad(together, amounts, allow_unused=True)
    return torch.zeros_like(found) if each is None else each
