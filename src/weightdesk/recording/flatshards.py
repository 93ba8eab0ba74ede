"""Parameters of the first FSDP, `FullyShardedDataParallel`, which cuts one flat parameter a module.

With `use_orig_params=True` every process has each parameter as a view of the part of it that lies in its
shard of the flat one: a slice of its elements, perhaps empty. The module's `state_dict()` gathers from all
processes and would hang if one of them called it alone, so it is never called here.

What is read here is private to torch. The class is in maintenance only, and a version that changed these
names would be told from the missing attributes, before anything is recorded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

import torch.distributed as distributed
from torch import Tensor, nn

from weightdesk.errors import WatchError
from weightdesk.recording.placement import Shard
from weightdesk.types import ParameterName

_WRAPPER: Final = "_fsdp_wrapped_module."


def flat_modules(model: nn.Module) -> list[Any]:
    """The modules that the first FSDP wraps, the model itself included."""
    loaded = sys.modules.get("torch.distributed.fsdp.fully_sharded_data_parallel")
    if loaded is None:  # nobody made one, and importing it takes long
        return []
    return [module for module in model.modules() if isinstance(module, loaded.FullyShardedDataParallel)]


def original_name(name: str) -> str:
    """The name that a parameter or a module had before it was wrapped.

    >>> original_name("_fsdp_wrapped_module.0._fsdp_wrapped_module.weight")
    '0.weight'
    """
    return f"{name}.".replace(_WRAPPER, "").removesuffix(".")


def flat_shards(model: nn.Module) -> dict[int, tuple[Shard | None, frozenset[int]]]:
    """The part of each parameter that lies here, and who records one, by the parameter's identity.

    There is no shard of a parameter whose elements are not flattened in row-major order.

    Raises:
        WatchError: a module has a flat parameter in place of its own ones.
    """
    return dict(shard for module in flat_modules(model) for shard in _shards(module))


def local_state(model: nn.Module) -> dict[ParameterName, Tensor]:
    """Parameters and persistent buffers as they lie in this process, named as in the state dict."""
    state: dict[ParameterName, Tensor] = {}
    for prefix, module in model.named_modules(remove_duplicate=False):
        at = f"{prefix}." if prefix else ""
        buffers = {
            name: buffer
            for name, buffer in module._buffers.items()
            if name not in module._non_persistent_buffers_set
        }
        for name, tensor in {**module._parameters, **buffers}.items():
            if tensor is not None:
                state[original_name(at + name)] = tensor
    return state


def _shards(module: Any) -> Iterator[tuple[int, tuple[Shard | None, frozenset[int]]]]:
    handle = module._handle
    if handle is None:  # it has no parameters of its own
        return
    if not module._use_orig_params:
        raise WatchError(
            "FullyShardedDataParallel(use_orig_params=False) hides the parameters in a flat one, which "
            "is not recorded; pass use_orig_params=True, or use fully_shard"
        )
    flat = handle.flat_param
    present = {id(parameter) for parameter in module.parameters()}
    if any(id(parameter) not in present for parameter in flat._params):
        raise WatchError(
            "the parameters of FullyShardedDataParallel are gathered at the moment; call watch before the "
            "first forward pass, or after an optimizer step"
        )
    group = frozenset(distributed.get_process_group_ranks(handle.process_group))
    is_sharded = handle.uses_sharded_strategy
    is_first = 0 in group if is_sharded else distributed.get_rank() == 0
    between = getattr(module, "_inter_node_pg", None)  # replicas of the shards, under HYBRID_SHARD
    is_first = is_first and (between is None or distributed.get_rank(between) == 0)
    for position, parameter in enumerate(flat._params):
        whole = tuple(flat._shapes[position])
        info = flat._shard_param_infos[position]
        if not flat._contiguities[position] or flat._param_extensions[position] is not None:
            yield id(parameter), (None, group)
        elif not is_sharded:
            yield id(parameter), (Shard(whole, (0,) * len(whole), whole, is_first), frozenset({0}))
        elif not info.in_shard:
            yield id(parameter), (Shard(whole, (0,), (0,), is_mine=False, is_flat=True), group)
        else:
            start, length = (info.intra_param_start_idx,), (info.numel_in_shard,)
            yield id(parameter), (Shard(whole, start, length, is_first, is_flat=True), group)
