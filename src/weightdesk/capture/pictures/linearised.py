"""A network without its nonlinearities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_ACTIVATIONS: Final = (
    "relu", "relu6", "hardtanh", "leaky_relu", "prelu", "rrelu", "elu", "celu", "selu", "gelu", "silu",
    "mish", "softplus", "softsign", "hardswish", "hardsigmoid", "sigmoid", "tanh", "tanhshrink", "logsigmoid",
    "hardshrink", "softshrink", "threshold", "softmax", "log_softmax", "clamp", "clamp_min", "clamp_max",
)  # fmt: skip
_IDENTITIES: Final = frozenset(name + place for name in _ACTIVATIONS for place in ("", "_"))


class Linearised(TorchFunctionMode):
    """While it lasts, activation functions return what they are given, and pools the mean, not the largest.

    Functions and modules alike, as it is torch's functions that are replaced. The mean stands for the
    largest of a pool, since which one that is depends on the input.

    >>> with Linearised():
    ...     functional.relu(torch.tensor([-1.0])), functional.max_pool1d(torch.tensor([[1.0, 3.0]]), 2)
    (tensor([-1.]), tensor([[2.]]))
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Torch calls this in place of each function."""
        given, name = kwargs or {}, getattr(func, "__name__", "")
        if name in _IDENTITIES:
            return args[0] if args else given["input"]
        if name in _MEANS:
            return _MEANS[name](*args, **given)
        return func(*args, **given)


def _mean_of(pool: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def pooled(
        input: Tensor,  # noqa: A002
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        _dilation: Any = 1,
        ceil_mode: bool = False,
        *_: Any,
        **given: Any,
    ) -> Tensor:
        ceil = given.get("ceil_mode", ceil_mode)
        # like the largest value, the mean knows nothing of padding
        return pool(input, kernel_size, stride, padding, ceil_mode=ceil, count_include_pad=False)

    return pooled


def _adaptive(pool: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda input, output_size, *_, **__: pool(input, output_size)  # noqa: A006


_MEANS: Final[dict[str, Callable[..., Tensor]]] = {
    "max_pool1d": _mean_of(functional.avg_pool1d),
    "max_pool2d": _mean_of(functional.avg_pool2d),
    "adaptive_max_pool1d": _adaptive(functional.adaptive_avg_pool1d),
    "adaptive_max_pool2d": _adaptive(functional.adaptive_avg_pool2d),
}
