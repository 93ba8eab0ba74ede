"""Labels that run through a network in the place of numbers: of all that enters a sum the smallest is kept.

Where the inputs hold their own coordinates, what comes out is the first coordinate that can reach a
result; with the signs turned, it is the last. Weights do not matter, nor does what an activation
function or a maximum lets through at the moment: what is told is what can reach, by structure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map


class NoRuleError(Exception):
    """The network uses a function, or arguments of one, whose effect on labels is not known."""


def precise(inputs: Tensor) -> torch.dtype:
    """A type of number for labels: that of the inputs where it holds large whole numbers.

    >>> precise(torch.zeros(1).double()), precise(torch.zeros(1).long()), precise(torch.zeros(1).half())
    (torch.float64, torch.float32, torch.float32)
    """
    return torch.float64 if inputs.dtype == torch.float64 else torch.float32


class Bounds(Tensor):
    """A tensor of labels, examples on axis 0, infinite where nothing reaches.

    Attributes:
        rules: by the name of a function of torch, what it does to labels.
    """

    rules: ClassVar[Mapping[str, Callable[..., Any]]] = {}

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Follow the rule of a function.

        Raises:
            NoRuleError: there is none.
        """
        name = getattr(function, "__name__", str(function))
        if name not in cls.rules:
            raise NoRuleError(f"no rule says which inputs {name} depends on")
        with torch._C.DisableTorchFunctionSubclass():
            return tree_map(cls._labelled, cls.rules[name](function, *args, **(kwargs or {})))

    @classmethod
    def _labelled(cls, value: Any) -> Any:
        return value.as_subclass(cls) if isinstance(value, Tensor) else value
