"""Options of an optimizer as a run recorded them, and its state, checked before a rule computes with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

_NUMBERS: Final = (
    *("lr", "weight_decay", "eps", "momentum", "dampening"),
    *("alpha", "rho", "lr_decay", "momentum_decay"),
)

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "Adadelta": ("lr", "rho", "eps"),
    "Adagrad": ("lr", "lr_decay", "eps"),
    "Adam": ("lr", "betas", "eps"),
    "AdamW": ("lr", "betas", "eps"),
    "Adamax": ("lr", "betas", "eps"),
    "NAdam": ("lr", "betas", "eps", "momentum_decay"),
    "RAdam": ("lr", "betas", "eps"),
    "RMSprop": ("lr", "alpha", "eps", "momentum", "centered"),
    "SGD": ("lr", "momentum", "dampening", "nesterov"),
    "SparseAdam": ("lr", "betas", "eps"),
}
"""Options that the rule of an optimizer reads, by the optimizer's class."""


_COMPUTED: Final = frozenset({torch.float64, torch.float32, torch.float16, torch.bfloat16})


def check_options(optimizer: str, options: Mapping[str, Any]) -> None:
    """Check the options of an optimizer whose rule is known; of others nothing is computed.

    Raises:
        ValueError: one is missing, or has a value that torch would refuse.

    >>> check_options("SGD", {"lr": "fast", "momentum": 0.0, "dampening": 0.0, "nesterov": False})
    Traceback (most recent call last):
    ...
    ValueError: the option lr of SGD is 'fast', expected a number
    """
    if optimizer not in _NEEDED:
        return
    if missing := [name for name in _NEEDED[optimizer] if name not in options]:
        raise ValueError(f"the option {missing[0]} of {optimizer} is missing")
    for name in _NUMBERS:
        if name in options and not _is_number(options[name]):
            raise ValueError(f"the option {name} of {optimizer} is {options[name]!r:.40}, expected a number")
    betas = options.get("betas", (0.9, 0.999))
    is_pair = isinstance(betas, (list, tuple)) and len(betas) == 2
    if not is_pair or not all(_is_number(beta) and 0 <= beta < 1 for beta in betas):
        raise ValueError(
            f"the option betas of {optimizer} is {betas!r:.40}, expected two numbers from 0 to below 1"
        )


def check_state(optimizer: str, state: Mapping[str, Tensor], weight: Float[Tensor, " weights"]) -> None:
    """Check what an optimizer whose rule is known remembered, and the weights that it moved.

    Raises:
        ValueError: a tensor is not of real numbers, or has neither one for each weight nor one for all.
    """
    if optimizer not in _NEEDED:
        return
    if weight.dtype not in _COMPUTED:
        raise ValueError(f"{optimizer} moves no weights of {weight.dtype}")
    for key, tensor in state.items():
        if tensor.numel() != 1 and tensor.shape != weight.shape:
            raise ValueError(f"the state {key!r:.40} of {optimizer} has not the parameter's shape")
        if tensor.is_complex() or tensor.dtype == torch.bool:
            raise ValueError(f"the state {key!r:.40} of {optimizer} is {tensor.dtype}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
