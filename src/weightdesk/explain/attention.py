"""Multi-head attention by its parts.

Torch computes it in one function, in which no single projection can be seen. These are its steps
with the same arguments: three projections, attention, one more projection.
"""

from __future__ import annotations

import inspect
import math
from types import SimpleNamespace
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

_SIGNATURE: Final = inspect.signature(functional.multi_head_attention_forward)
_BESIDE: Final = ("bias_k", "bias_v", "static_k", "static_v")


def multi_head_attention(*arguments: Any, **options: Any) -> tuple[Tensor, Tensor | None]:
    """Do what `torch.nn.functional.multi_head_attention_forward` does; the arguments are the same.

    Raises:
        NotImplementedError: for additional keys and values, which no projection makes.
    """
    bound = _SIGNATURE.bind(*arguments, **options)
    bound.apply_defaults()
    given = SimpleNamespace(**bound.arguments)
    if any(bound.arguments[name] is not None for name in _BESIDE) or given.add_zero_attn:
        raise NotImplementedError("attention with keys and values beside the projected ones")
    sources, padding = (given.query, given.key, given.value), given.key_padding_mask
    unbatched = given.query.ndim == 2
    if unbatched:
        sources = tuple(each.unsqueeze(1) for each in sources)
        padding = None if padding is None else padding.unsqueeze(0)
    separate = (given.q_proj_weight, given.k_proj_weight, given.v_proj_weight)
    weights = separate if given.use_separate_proj_weight else given.in_proj_weight.chunk(3)
    biases = (None,) * 3 if given.in_proj_bias is None else given.in_proj_bias.chunk(3)
    projected = [functional.linear(*each) for each in zip(sources, weights, biases, strict=True)]
    dropout = given.dropout_p if given.training else 0.0
    mixed, attention = _attend(projected, given.num_heads, given.attn_mask, padding, dropout)
    outputs = functional.linear(mixed, given.out_proj_weight, given.out_proj_bias)
    shown = attention.mean(dim=1) if given.average_attn_weights else attention
    if unbatched:
        outputs, shown = outputs.squeeze(1), shown.squeeze(0)
    return outputs, shown if given.need_weights else None


def _attend(
    projected: list[Tensor], heads: int, mask: Tensor | None, padding: Tensor | None, dropout: float
) -> tuple[Tensor, Tensor]:
    length, batch, width = projected[0].shape
    query, key, value = (
        each.reshape(each.shape[0], batch, heads, -1).permute(1, 2, 0, 3) for each in projected
    )
    scores = query @ key.transpose(-2, -1) / math.sqrt(width // heads)
    scores = _masked(scores, mask, padding, heads)
    attention = functional.dropout(scores.softmax(dim=-1), dropout, training=dropout > 0)
    return (attention @ value).permute(2, 0, 1, 3).reshape(length, batch, -1), attention


def _masked(scores: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, heads: int) -> Tensor:
    batch, _, queries, keys = scores.shape
    if attn_mask is not None:
        mask = attn_mask.view(batch, heads, queries, keys) if attn_mask.ndim == 3 else attn_mask
        scores = scores + _additive(mask, scores)
    if key_padding_mask is not None:
        scores = scores + _additive(key_padding_mask.view(batch, 1, 1, keys), scores)
    return scores


def _additive(mask: Tensor, scores: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.to(scores.dtype)
    return torch.zeros_like(mask, dtype=scores.dtype).masked_fill(mask, -math.inf)
