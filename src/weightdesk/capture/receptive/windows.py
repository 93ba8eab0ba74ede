"""The smallest label in each window that slides over a map."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

_MAX_POOL = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_ADAPTIVE = {
    1: functional.adaptive_max_pool1d,
    2: functional.adaptive_max_pool2d,
    3: functional.adaptive_max_pool3d,
}


def convolution(
    _function: Any,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,  # noqa: ARG001  # where torch has it
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Over the kernel and the channels of the unit's group; padding holds no label."""
    axes = weight.ndim - 2
    kernel, strides, dilations = weight.shape[2:], _each(stride, axes), _each(dilation, axes)
    padded = functional.pad(x, _margins(padding, kernel, dilations), value=float("inf"))
    smallest = -_MAX_POOL[axes](-padded, tuple(kernel), strides, dilation=dilations)
    of_groups = smallest.reshape(len(x), groups, -1, *smallest.shape[2:]).amin(2)
    return of_groups.repeat_interleave(len(weight) // groups, 1)


def _margins(padding: Any, kernel: Any, dilations: tuple[int, ...]) -> list[int]:
    """The padding as `pad` takes it: the last axis first, both sides."""
    if padding == "same":
        totals = [dilation * (size - 1) for dilation, size in zip(dilations, kernel, strict=True)]
        sides = [(total // 2, total - total // 2) for total in totals]
    else:
        sides = [(each, each) for each in _each(0 if padding == "valid" else padding, len(kernel))]
    return [margin for side in reversed(sides) for margin in side]


def _each(value: Any, axes: int) -> tuple[int, ...]:
    """One number an axis, as torch reads a single one."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return given * axes if len(given) == 1 else given


def max_pool(
    _function: Any,
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    **_: Any,
) -> Any:
    """Whatever is largest at the moment, each element of the window could be."""
    return -_MAX_POOL[x.ndim - 2](-x, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool(
    function: Any,
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    *_: Any,
    **__: Any,
) -> Any:
    """Like the maximum of the same windows."""
    return max_pool(function, x, kernel_size, stride, padding, 1, ceil_mode)


def adaptive_pool(_function: Any, x: Tensor, output_size: Any, **_: Any) -> Tensor:
    """Windows whose size follows from that of the result."""
    return -_ADAPTIVE[x.ndim - 2](-x, output_size)


def pad(_function: Any, x: Tensor, margins: Any, mode: str = "constant", **_: Any) -> Tensor:
    """Constants hold no label; mirrored and repeated elements hold their own."""
    if mode == "constant":
        return functional.pad(x, margins, value=float("inf"))
    return functional.pad(x, margins, mode=mode)
