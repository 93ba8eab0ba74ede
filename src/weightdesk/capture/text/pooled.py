"""Networks that weigh where each convolution unit answers most: their outputs are sums, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture.layers import unfused
from weightdesk.capture.text.margin import contrast
from weightdesk.capture.text.reading import Text
from weightdesk.capture.text.windows import Filters, filters_of

_LOOKED_AT: Final = 8

Activate = Callable[[Tensor], Tensor]

_STRAIGHT: Final = ("relu", "leakyrelu")
"""Activations that rise, and whose result is the input times a number that its sign decides."""


@dataclass(frozen=True, eq=False)
class Branch:
    """One convolution, and where the last layer reads it.

    Attributes:
        filters: the convolution.
        activate: what is made of its results.
        first: the place of its first unit among the inputs of the last layer.
    """

    filters: Filters
    activate: Activate
    first: int

    @property
    def columns(self) -> slice:
        """The places of its units among the inputs of the last layer."""
        return slice(self.first, self.first + self.filters.layer.units)

    def activated(self, heard: Tensor) -> Tensor:
        """The activations, from what is heard of its layer: weighted sums where nothing is seen to follow."""
        return self.activate(heard) if self.filters.layer.nonlinearity is None else heard


@dataclass(frozen=True, eq=False)
class Pooled:
    """A network whose last layer reads the largest activation of each convolution unit (Kim 2014).

    Attributes:
        head: the last layer.
        branches: the convolutions; together they make up all that it reads.
    """

    head: nn.Linear
    branches: tuple[Branch, ...]

    def weights(self, toward: int) -> Float[Tensor, " units"]:
        """How much each unit's activation adds to the margin of a class, in float64."""
        weight = self.head.weight.detach().cpu().double()
        return contrast(len(weight), toward).double() @ weight

    def bias(self, toward: int) -> float:
        """What the last layer adds to the margin whatever the text."""
        if self.head.bias is None:
            return 0.0
        bias = self.head.bias.detach().cpu().double()
        return float(contrast(len(bias), toward).double() @ bias)


def pooled(text: Text) -> Pooled | None:
    """Find out whether a network is of this build, by what it computes and not by its names.

    Returns:
        The build; None where what the last layer reads is anything else as well, or an activation is
        no straight line on either side of 0.

    >>> from weightdesk.capture.specimen import Specimen
    >>> from weightdesk.capture.text.reading import reading
    >>> net = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2))
    >>> pooled(reading(Specimen(net, torch.tensor([[1, 2]])))) is None
    True
    """
    model, filters = text.specimen.model, filters_of(text)
    results, last, outputs = _run(text, [each.layer.name for each in filters])
    if last is None or not torch.equal(last[2], outputs):
        return None
    name, read, _ = last
    head = model.get_submodule(name)
    tried = (_branch(each, model, results[each.layer.name], read) for each in filters)
    branches = [each for each in tried if each is not None]
    taken = sorted(column for each in branches for column in range(read.shape[1])[each.columns])
    whole = taken == list(range(read.shape[1]))
    return Pooled(head, tuple(branches)) if whole and isinstance(head, nn.Linear) else None


def _run(
    text: Text, convolutions: list[str]
) -> tuple[dict[str, Tensor], tuple[str, Tensor, Tensor] | None, Tensor]:
    """What convolutions gave; of the linear layer that ran last its name, inputs and results; the outputs."""
    results: dict[str, Tensor] = {}
    last: list[tuple[str, Tensor, Tensor]] = []

    def note(name: str) -> Any:
        def hook(module: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
            if isinstance(module, nn.Linear):
                last.append((name, given[0].clone(), result.clone()))
            elif name in convolutions:
                results[name] = result.clone()

        return hook

    modules = text.specimen.model.named_modules()
    handles = [
        each.register_forward_hook(note(name))
        for name, each in modules
        if isinstance(each, nn.Linear) or name in convolutions
    ]
    try:
        with torch.no_grad(), unfused():
            outputs: Tensor = text.specimen.model(text.specimen.inputs[:_LOOKED_AT])
    finally:
        for handle in handles:
            handle.remove()
    flat = last[-1] if last and last[-1][1].ndim == 2 else None
    return results, flat, outputs


def _branch(filters: Filters, model: nn.Module, sums: Tensor, read: Tensor) -> Branch | None:
    units = filters.layer.units
    for activate in _activations(filters, model):
        largest = activate(sums).amax(2)
        for first in range(read.shape[1] - units + 1):
            if torch.equal(read[:, first : first + units], largest):
                return Branch(filters, activate, first)
    return None


def _activations(filters: Filters, model: nn.Module) -> list[Activate]:
    """What may be made of its results: the activation function, or one that is written out."""
    follows = filters.layer.nonlinearity
    if follows is None:
        return [functional.relu, nn.Identity()]
    activate = follows.of(model)
    rises = follows.name in _STRAIGHT and bool(activate(torch.tensor([-1.0])) <= 0)
    return [activate] if rises else []
