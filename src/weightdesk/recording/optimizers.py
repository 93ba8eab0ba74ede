"""From what a training calls its optimizer to the optimizers of torch that move the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from torch.optim import Optimizer

from weightdesk.errors import WatchError

_INNER: Final = ("optimizer", "_optimizer", "base_optimizer", "inner_optimizer", "optim", "inner")
"""Attributes under which wrappers keep the optimizer that they call: those of Accelerate, Lightning,
DeepSpeed, apex, fairscale and ZeRO, and of published Lookahead and SAM."""

_DEEPEST: Final = 8
"""Wrappers around one another at most: a frame of Lightning around one of Accelerate around two is four."""


def optimizers_of(optimizer: Any) -> tuple[Optimizer, ...]:
    """The optimizers of torch in what was given to `watch`: one, several, or wrappers around them.

    A wrapper that torch hooks is taken as it is: its step is the step. One that has no hooks, since it is no
    optimizer of torch or never called the constructor of its base class, is looked through.

    Raises:
        WatchError: there is none, or something is no optimizer.

    >>> import torch
    >>> class Wrapper:
    ...     def __init__(self, optimizer): self.optimizer = optimizer
    >>> sgd = torch.optim.SGD(torch.nn.Linear(1, 1).parameters())
    >>> optimizers_of(Wrapper(sgd)) == (sgd,)
    True
    """
    given = tuple(optimizer) if _is_sequence(optimizer) else (optimizer,)
    if not given:
        raise WatchError("watch needs an optimizer, got an empty sequence")
    unwrapped = [_hooked(wrapper) for wrapper in given]
    return tuple({id(optimizer): optimizer for optimizer in unwrapped}.values())


def parameters_of(optimizer: Optimizer) -> list[Any]:
    """The parameters of all groups of an optimizer, in order."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _is_sequence(optimizer: Any) -> bool:
    return not isinstance(optimizer, Optimizer) and (
        isinstance(optimizer, Sequence) or (hasattr(optimizer, "__iter__") and not hasattr(optimizer, "step"))
    )


def _hooked(wrapper: Any) -> Optimizer:
    inner = wrapper
    for _ in range(_DEEPEST):
        if isinstance(inner, Optimizer) and hasattr(inner, "_optimizer_step_pre_hooks"):
            return inner
        inner = next((each for name in _INNER if _has_step(each := getattr(inner, name, None))), None)
        if inner is None:
            break
    raise WatchError(
        f"watch needs a torch.optim.Optimizer, got {type(wrapper).__name__}; give the optimizer that it calls"
    )


def _has_step(value: Any) -> bool:
    return callable(getattr(value, "step", None)) and hasattr(value, "param_groups")
