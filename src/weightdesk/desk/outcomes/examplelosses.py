"""The loss of each example, where the loss of a set is their mean or their sum: tried out, not assumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from weightdesk.desk.nesting import tensors_of, with_tensors
from weightdesk.explain.importance.examplelosses import CANDIDATES, ExampleLosses
from weightdesk.explain.loss import Loss

Take: TypeAlias = Callable[[Int64[Tensor, " chosen"]], Any]
"""Gives some examples of outputs or targets, by their numbers."""

FAILURES: Final = (TypeError, ValueError, RuntimeError, IndexError, AttributeError)
"""What a loss raises that cannot be called in some way."""

_TOLERANCE: Final = {torch.float64: 1e-9, torch.float32: 1e-4}


@dataclass(frozen=True, eq=False)
class SplitLoss:
    """A loss that is the mean or the sum of the losses of the examples.

    Attributes:
        losses: takes outputs and targets, gives (examples,).
        mean: whether the loss of a set is their mean; their sum otherwise.
    """

    losses: ExampleLosses
    mean: bool

    def __call__(self, outputs: Any, targets: Any) -> Float64[Tensor, " examples"]:
        """The loss of each example, in double precision."""
        return self.losses(outputs, targets).detach().double()

    def total(self, losses: Float64[Tensor, " examples"]) -> float:
        """The loss of a set from those of its examples."""
        return float(losses.mean() if self.mean else losses.sum())


def split(loss: Loss, outputs: Take, targets: Take, count: int) -> SplitLoss | None:
    """The losses of single examples, if they add up to those of sets of two sizes, in right and wrong order.

    Arguments:
        loss: takes outputs and targets, gives a scalar.
        outputs: of the examples that it is tried on.
        targets: of these.
        count: how many there are.

    >>> from torch.nn import functional
    >>> values, labels = torch.arange(16.0).reshape(4, 4), torch.tensor([0, 1, 1, 2])
    >>> split(functional.cross_entropy, values.__getitem__, labels.__getitem__, 4).mean
    True
    >>> split(lambda one, two: one.max(), values.__getitem__, labels.__getitem__, 4) is None
    True
    """
    if count < 2:
        return None
    for losses in _candidates(loss):
        for mean in (True, False):
            found = SplitLoss(losses, mean)
            try:
                if all(_adds_up(found, loss, *each) for each in _trials(outputs, targets, count)):
                    return found
            except FAILURES:
                break  # the loss cannot be called in this way
    return None


def _candidates(loss: Loss) -> Iterator[ExampleLosses]:
    *unreduced, mapped = CANDIDATES
    for make in unreduced:
        try:
            yield make(loss)
        except FAILURES:
            continue  # it has no reduction to leave out
    yield lambda given, targets: mapped(lambda parts, each: loss(with_tensors(given, parts), each))(
        tensors_of(given), targets
    )


def _trials(outputs: Take, targets: Take, count: int) -> Iterator[tuple[Any, Any, int]]:
    every = torch.arange(count)
    # Each output with the target of its neighbour: losses that are all 0 tell no mean from a sum.
    for chosen, asked in ((every, every), (every, every.roll(1)), (every[: count // 2],) * 2):
        yield outputs(chosen), targets(asked), len(chosen)


def _adds_up(found: SplitLoss, loss: Loss, outputs: Any, targets: Any, count: int) -> bool:
    whole = loss(outputs, targets)
    losses = found(outputs, targets)
    if losses.shape != (count,):
        return False
    size = float(losses.abs().mean() if found.mean else losses.abs().sum())
    return abs(found.total(losses) - float(whole)) <= _TOLERANCE.get(whole.dtype, 1e-2) * size
