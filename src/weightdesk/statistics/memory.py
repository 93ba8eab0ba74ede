"""Which tensors may be read by their address."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

_OWN_TYPES: Final = (Tensor, nn.Parameter)
_NO_DISPATCH: Final = torch._C._disabled_torch_dispatch_impl  # what a class without a dispatch of its own has

_keys: Final = torch._C._dispatch_keys
_PLAIN_KEYS: Final = _keys(torch.empty(0, device="cpu")).raw_repr()
"""By which PyTorch finds the code for an ordinary tensor of the CPU, as most are: asked for in one call."""


def has_plain_values(tensor: Tensor) -> bool:
    """Whether a tensor holds its numbers itself, one after another, on whatever device.

    It does not if it is nested, sparse, quantised or on the meta device, if a transformation of
    `torch.func` or a tracer wraps it, or if a subclass decides what every operation does: a fake, masked,
    quantised or distributed tensor, or the result of a collective that is still under way.

    >>> has_plain_values(torch.ones(2)), has_plain_values(torch.eye(2).to_sparse())
    (True, False)
    >>> inside = []
    >>> _ = torch.func.vmap(lambda row: inside.append(has_plain_values(row)) or row)(torch.ones(2, 3))
    >>> inside
    [False]
    """
    if _keys(tensor).raw_repr() == _PLAIN_KEYS:  # each of the things below has a key of its own
        return not is_tracing()
    if type(tensor) not in _OWN_TYPES and type(tensor).__torch_dispatch__ is not _NO_DISPATCH:
        return False
    if tensor.layout is not torch.strided or tensor.is_nested or tensor.is_meta or tensor.is_quantized:
        return False
    wrapped: bool = torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    return not (wrapped or torch._is_functional_tensor(tensor) or is_tracing())


def is_tracing() -> bool:
    """Whether `torch.jit.trace` is at work: what sizes are then is for the graph, not for us."""
    return bool(torch._C._is_tracing())


def has_plain_memory(tensor: Tensor) -> bool:
    """Whether the numbers of a tensor lie in this process's memory where its address and strides say.

    Beyond `has_plain_values`: it is on the CPU, no negation is put off, and its memory has not been freed,
    as sharded training frees that of whole parameters.

    >>> has_plain_memory(torch.ones(2)), has_plain_memory(torch.ones(2, device="meta"))
    (True, False)
    >>> freed = torch.ones(2)
    >>> _ = freed.untyped_storage().resize_(0)
    >>> has_plain_memory(freed)
    False
    """
    if _keys(tensor).raw_repr() == _PLAIN_KEYS:
        if is_tracing():
            return False
    elif not tensor.is_cpu or not has_plain_values(tensor) or tensor.is_neg() or tensor._is_zerotensor():
        return False
    if tensor.is_contiguous():  # the usual case, quicker than the next line
        span = tensor.numel()
    else:
        span = (
            sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)) + 1
        )
    return tensor.untyped_storage().nbytes() >= (tensor.storage_offset() + span) * tensor.element_size()
