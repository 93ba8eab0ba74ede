"""What each function of torch does to labels: of all that enters a result the smallest is kept.

A rule takes the function and its arguments. Arguments that hold no labels, such as parameters, are
plain tensors; they reach every result and say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from weightdesk.capture.receptive.bounds import Bounds, NoRuleError
from weightdesk.capture.receptive.windows import adaptive_pool, avg_pool, convolution, max_pool, pad


def _labels(values: Iterable[Any]) -> list[Tensor]:
    """Those of the arguments that hold labels."""
    return [each.as_subclass(Tensor) for each in values if isinstance(each, Bounds)]


def _known(dim: Any) -> Any:
    """The axis over which is summed; over all of them examples would be mixed."""
    if dim is None:
        raise NoRuleError("a sum over all axes mixes the examples")
    return dim


def _moved(function: Any, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _taken(_function: Any, x: Tensor, index: Any) -> Any:
    if _labels(index if isinstance(index, tuple) else (index,)):
        raise NoRuleError("what is picked depends on the inputs")
    return x[index]


def _kept(_function: Any, x: Tensor, *_: Any, **__: Any) -> Any:
    return x


def _combined(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Element by element; labels take the shape that all the arguments together have."""
    given = [each for each in (*args, *kwargs.values()) if isinstance(each, Tensor)]
    if any(_may_hide(function, each) for each in given):
        raise NoRuleError("a mask may keep labels out")
    return reduce(torch.minimum, _labels(given)).expand(_together(given))


def _may_hide(function: Any, value: Tensor) -> bool:
    """Whether a constant decides what is let through: a condition, infinity, or a factor of zero."""
    if isinstance(value, (Bounds, nn.Parameter)):
        return False
    zero = "mul" in function.__name__ and bool((value == 0).any())
    return zero or value.dtype == torch.bool or bool(value.isinf().any())


def _together(tensors: Iterable[Tensor]) -> tuple[int, ...]:
    return np.broadcast_shapes(*(tuple(each.shape) for each in tensors))


def _combined_in_place(function: Any, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    return x.copy_(_combined(function, x, *args, **kwargs))


def _reduced(_function: Any, x: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    return x.amin(_known(dim), keepdim)


def _extreme(function: Any, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """`max` and `min`: of two tensors, or along an axis with the places at which they are found."""
    if args and isinstance(args[0], Tensor):
        return _combined(function, x, *args)
    return torch.min(x, *(args or [_known(kwargs.pop("dim", None))]), **kwargs)


def _spread(_function: Any, x: Tensor, dim: int | None = None, *_: Any, **__: Any) -> Any:
    """Each element along the axis depends on all of them."""
    return x.amin(_known(dim), keepdim=True).expand_as(x)


def _linear(_function: Any, x: Tensor, weight: Tensor, *_: Any, **__: Any) -> Tensor:
    return x.amin(-1, keepdim=True).expand(*x.shape[:-1], len(weight))


def _embedding(_function: Any, tokens: Tensor, weight: Tensor, *_: Any, **__: Any) -> Any:
    return tokens.unsqueeze(-1).expand(*tokens.shape, weight.shape[1])


def _matmul(_function: Any, left: Tensor, right: Tensor) -> Any:
    """Rows of the left with columns of the right."""
    if min(left.ndim, right.ndim) < 2:
        raise NoRuleError("a product with a vector")
    rows, columns = left.amin(-1, keepdim=True), right.amin(-2, keepdim=True)
    sides = [side for side, given in ((rows, left), (columns, right)) if _labels([given])]
    return reduce(torch.minimum, sides).expand(_together([rows, columns]))


def _layer_norm(_function: Any, x: Tensor, shape: Any, *_: Any, **__: Any) -> Tensor:
    return x.amin(tuple(range(-len(shape), 0)), keepdim=True).expand_as(x)


def _batch_norm(_function: Any, x: Tensor, *_: Any, training: bool = False, **__: Any) -> Tensor:
    if training:
        raise NoRuleError("batch normalisation in training mode mixes the examples")
    return x


def _group_norm(_function: Any, x: Tensor, groups: int, *_: Any, **__: Any) -> Tensor:
    apart = x.reshape(len(x), groups, -1)
    return apart.amin(2, keepdim=True).expand_as(apart).reshape(x.shape)


def _attention(
    _function: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Any = None,
    dropout_p: float = 0.0,  # noqa: ARG001  # where torch has it
    is_causal: bool = False,
    **_: Any,
) -> Any:
    """Each place on itself and on the places it attends to: all, or those before it."""
    if attn_mask is not None:
        raise NoRuleError("attention with a mask")
    known = torch.minimum(key.amin(-1, keepdim=True), value.amin(-1, keepdim=True))
    seen = known.cummin(-2).values if is_causal else known.amin(-2, keepdim=True)
    return torch.minimum(query.amin(-1, keepdim=True), seen).expand_as(query)


def _multi_head(
    _function: Any, query: Tensor, key: Tensor, value: Tensor, *_: Any, **options: Any
) -> Any:  # positions on axis 0, examples on axis 1
    if query.ndim != 3 or options.get("attn_mask") is not None:
        raise NoRuleError("attention with a mask, or of a single example")
    known = [query.amin(2, keepdim=True), *(each.amin((0, 2), keepdim=True) for each in (key, value))]
    padding = _labels([options.get("key_padding_mask")])
    known += [each.amin(1).view(1, -1, 1) for each in padding]
    return reduce(torch.minimum, known).expand_as(query), None


def _table(rule: Callable[..., Any], names: str) -> dict[str, Callable[..., Any]]:
    return dict.fromkeys(names.split(), rule)


_NORMALISATIONS: Final = ("layer_norm", "rms_norm", "group_norm", "softmax", "log_softmax")

RULES: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    _table(
        _moved,
        "__get__ __len__ amin broadcast_to cat chunk clone concat contiguous detach dim expand expand_as "
        "flatten flip is_contiguous is_floating_point movedim narrow numel permute repeat repeat_interleave "
        "reshape reshape_as roll select size split squeeze stack stride swapaxes t transpose unbind "
        "unflatten unsqueeze view view_as",
    )
    | _table(
        _kept,
        "abs alpha_dropout celu clamp clamp_ clamp_max clamp_min cos double dropout dropout1d dropout2d "
        "dropout3d elu elu_ erf exp feature_alpha_dropout float gelu half hardshrink hardsigmoid hardswish "
        "hardtanh hardtanh_ leaky_relu leaky_relu_ log log1p log_sigmoid logical_not logsigmoid long mish "
        "neg reciprocal relu relu6 relu_ rsqrt selu selu_ sigmoid sigmoid_ sign silu sin softplus softshrink "
        "softsign sqrt square tanh tanh_ tanhshrink threshold to type_as",
    )
    | _table(
        _combined,
        "__radd__ __rmul__ __rpow__ __rsub__ __rtruediv__ add addcmul div eq ge gt le lerp logical_and "
        "logical_or lt masked_fill maximum minimum mul ne pow prelu rsub sub true_divide where",
    )
    | _table(_combined_in_place, "add_ div_ masked_fill_ mul_ sub_")
    | _table(_reduced, "all amax any logsumexp mean norm nansum prod std sum var")
    | _table(_extreme, "max min")
    | _table(_spread, "cumsum log_softmax softmax softmin")
    | _table(convolution, "conv1d conv2d conv3d")
    | _table(max_pool, "max_pool1d max_pool2d max_pool3d")
    | _table(avg_pool, "avg_pool1d avg_pool2d avg_pool3d")
    | _table(
        adaptive_pool,
        "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d "
        "adaptive_max_pool3d",
    )
    | _table(_layer_norm, "layer_norm rms_norm")
    | _table(_matmul, "bmm matmul mm __matmul__")
    | {
        "__getitem__": _taken,
        "linear": _linear,
        "embedding": _embedding,
        "pad": pad,
        "batch_norm": _batch_norm,
        "group_norm": _group_norm,
        "scaled_dot_product_attention": _attention,
        "multi_head_attention_forward": _multi_head,
    }
)


class Extents(Bounds):
    """Labels that are coordinates.

    >>> layer = torch.nn.Linear(3, 1)
    >>> layer(torch.tensor([[5.0, 4.0, 6.0]]).as_subclass(Extents)).as_subclass(Tensor)
    tensor([[4.]])
    """

    rules = RULES


class Origins(Bounds):
    """Labels that are units: a normalisation changes a unit's number, and not which unit it is."""

    rules = MappingProxyType({**RULES, **dict.fromkeys(_NORMALISATIONS, _kept)})
