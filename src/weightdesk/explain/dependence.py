"""What depends on one weight: the loss and the answers with it and without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn

from weightdesk.explain.compiled import uncompiled
from weightdesk.explain.loss import Loss
from weightdesk.explain.page import Page, Section, section
from weightdesk.explain.tracing import call, untouched
from weightdesk.explain.weight import address, find_weight
from weightdesk.types import Index, ParameterName


@dataclass(frozen=True, eq=False)
class Dependence(Page):
    """The loss of a batch with a weight and without it, which is exact.

    Attributes:
        parameter: the parameter's name.
        index: the weight's place in it.
        weight: its value.
        loss: of the batch with it.
        without: of the batch with zero in its place.
        tangent: what the gradient alone would have said of the change: −w ∂L/∂w.
        flipped: examples whose largest output is another one without it; None without such outputs.
    """

    parameter: ParameterName
    index: Index
    weight: float
    loss: float
    without: float
    tangent: float
    flipped: int | None

    @property
    def change(self) -> float:
        """How much the loss grows without the weight."""
        return self.without - self.loss

    @property
    def title(self) -> str:
        """Which weight, and how much depends on it."""
        where = address(self.parameter, self.index)
        return f"{where} set to zero: the loss changes by {self.change:+.4g}"

    def sections(self) -> list[Section]:
        """The losses, and what the gradient foretold."""
        rows: dict[str, float | None] = {
            "loss with the weight": self.loss,
            "loss without it": self.without,
            "change, exact": self.change,
            "change as the gradient foretells it, an estimate": self.tangent,
        }
        if self.flipped is not None:
            rows["examples that are answered otherwise"] = float(self.flipped)
        return [section("what depends on it", {"what": list(rows), "value": list(rows.values())})]


def explain_dependence(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    loss: Loss,
    name: ParameterName,
    index: SupportsIndex | Iterable[SupportsIndex],
    *,
    seed: int | Tensor = 0,
) -> Dependence:
    """Run a model with a weight and with zero in its place.

    The model runs in the mode in which it is, dropout with the same mask both times; nothing in it
    changes.

    Arguments:
        model: any module.
        inputs: a tensor, or a tuple of positional or a mapping of keyword arguments.
        targets: passed on to the loss.
        loss: a function of outputs and targets that gives a scalar.
        name: name of the parameter.
        index: place of the weight in it.
        seed: of dropout, or a state of torch's random numbers.

    Raises:
        UnknownParameterError: the model has no such parameter.
        IndexRangeError: the index lies outside of it.

    >>> layer = nn.Linear(1, 1, bias=False)
    >>> _ = layer.weight.data.fill_(3.0)
    >>> inputs, targets = torch.ones(2, 1), torch.full((2, 1), 3.0)
    >>> explain_dependence(layer, inputs, targets, nn.functional.mse_loss, "weight", (0, 0)).change
    9.0
    """
    model = uncompiled(model)
    weight = find_weight(model, name, index)
    value = weight.parameter.detach()[weight.index].clone()
    with untouched(model, seed):
        outputs = call(model, inputs)
        present = loss(outputs, targets)
        (gradient,) = torch.autograd.grad(present, weight.parameter, allow_unused=True)
    try:
        with untouched(model, seed), torch.no_grad():
            weight.parameter[weight.index] = 0.0
            muted = call(model, inputs)
            without = loss(muted, targets)
    finally:
        with torch.no_grad():
            weight.parameter[weight.index] = value
    return Dependence(
        parameter=weight.name,
        index=weight.index,
        weight=value.item(),
        loss=present.item(),
        without=without.item(),
        tangent=-value.item() * weight.element(gradient),
        flipped=_flipped(outputs, muted, targets),
    )


def _flipped(before: Any, after: Any, targets: Any) -> int | None:
    is_classification = isinstance(targets, Tensor) and not targets.is_floating_point()
    if not is_classification or not isinstance(before, Tensor) or before.shape[:-1] != targets.shape:
        return None
    return int((before.argmax(dim=-1) != after.argmax(dim=-1)).sum())
