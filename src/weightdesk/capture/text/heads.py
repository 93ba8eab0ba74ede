"""Finds attention heads by what a network computes, hears them and puts other results in their place.

A head is a row of weights that add up to one, and what they make of the values. Where these are computed
does not matter: in `nn.MultiheadAttention`, in `scaled_dot_product_attention`, or by hand with a softmax and
a product; the first two are computed by their parts. Functions are intercepted, as weights are no
module's result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from weightdesk.capture.layers import unfused
from weightdesk.explain.attention import multi_head_attention

_SOFTMAX: Final = (functional.softmax, torch.softmax, Tensor.softmax)
_PRODUCT: Final = (torch.matmul, Tensor.matmul, Tensor.__matmul__)

Outputs: TypeAlias = Float[Tensor, "examples heads places size"]

Change: TypeAlias = Callable[[str, Outputs], Outputs]
"""Takes the module and what its heads give, returns what the network is to go on with."""


@dataclass(frozen=True, eq=False)
class Heads:
    """What the heads of a module did in one run.

    Attributes:
        weights: what each place attends to; each row adds up to one.
        outputs: what the heads make of the values.
    """

    weights: Float[Tensor, "examples heads places places"]
    outputs: Outputs


def unchanged(_module: str, outputs: Outputs) -> Outputs:
    """Let the network go on with what the heads give."""
    return outputs


@contextmanager
def attending(model: nn.Module, length: int, change: Change = unchanged) -> Iterator[dict[str, Heads]]:
    """Hear the heads while the network runs.

    Arguments:
        model: the network.
        length: places of its texts; attention among other places is not heard.
        change: what to make of the heads' results.

    Yields:
        By the innermost module with parameters, its heads; clear it before each run.

    >>> attention = nn.MultiheadAttention(4, 2, batch_first=True)
    >>> with torch.no_grad(), attending(attention, length=3) as heard:
    ...     _ = attention(*[torch.ones(1, 3, 4)] * 3)
    >>> heard[""].weights[0, 1, 2]
    tensor([0.3333, 0.3333, 0.3333])
    """
    heard: dict[str, Heads] = {}
    running = [""]
    with ExitStack() as stack:
        for name, module in model.named_modules():
            if name and next(module.parameters(), None) is not None:
                before = module.register_forward_pre_hook(lambda *_, name=name: running.append(name))
                after = module.register_forward_hook(lambda *_: (running.pop(), None)[1], always_call=True)
                stack.callback(before.remove)
                stack.callback(after.remove)
        stack.enter_context(unfused())
        stack.enter_context(_Ear(heard, running, length, change))
        yield heard


class _Ear(TorchFunctionMode):
    def __init__(self, heard: dict[str, Heads], running: list[str], length: int, change: Change) -> None:
        super().__init__()
        self._heard, self._running, self._change = heard, running, change
        self._square = (length, length)
        self._weights: Tensor | None = None

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is functional.multi_head_attention_forward:
            with self:
                return multi_head_attention(*args, **kwargs)
        if function is functional.scaled_dot_product_attention:
            with self:
                return _attention(*args, **kwargs)
        result = function(*args, **kwargs)
        if function in _SOFTMAX and result.ndim == 4 and result.shape[2:] == self._square:
            self._weights = result
        elif function in _PRODUCT and self._weights is not None and _same(args[0], self._weights):
            return self._note(self._weights, result)
        return result

    def _note(self, weights: Tensor, outputs: Tensor) -> Tensor:
        self._weights = None
        module = self._running[-1]
        again = sum(name == module or name.startswith(f"{module} (") for name in self._heard)
        name = f"{module} ({again + 1})" if again else module
        changed = self._change(name, outputs)
        self._heard[name] = Heads(weights.detach(), outputs.detach())
        return changed


def _same(first: Any, second: Tensor) -> bool:
    """Whether both are the same numbers in memory; dropout that drops nothing returns what it is given."""
    return isinstance(first, Tensor) and first.data_ptr() == second.data_ptr()


def _attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """Do what `scaled_dot_product_attention` does, by its parts; the arguments are the same."""
    if enable_gqa:
        key, value = (each.repeat_interleave(query.shape[-3] // each.shape[-3], -3) for each in (key, value))
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    mask = scores.new_ones(scores.shape[-2:], dtype=torch.bool).tril() if is_causal else attn_mask
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    return functional.dropout(scores.softmax(dim=-1), dropout_p, training=dropout_p > 0) @ value
