"""Which operations of a forward pass multiply a parameter with an input, in one common form.

Torch has many ways to say the same: `F.linear`, `x @ w`, `torch.addmm`. Each becomes an
`Operation` of one of six kinds. What is in no table here is of the kind `unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

OperationKind: TypeAlias = Literal["linear", "convolution", "lookup", "scale", "shift", "unknown"]


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation with a parameter in it.

    Attributes:
        kind: `linear` z[…, o] = Σ w[o, i] x[…, i]; `convolution`, the same at every place of a map;
            `lookup` z = w[token]; `scale` z = w · x, element by element; `shift` z = x + w.
        function: torch's name of it.
        inputs: what the weight is multiplied with: of a normalisation the normalised values, of a
            lookup the tokens, of a shift what it is added to.
        weight: the tensor in the place of the weight; for `linear` (out, in) whatever torch was given.
        bias: what is added, where the operation adds something.
        options: of a convolution: stride, padding, dilation, groups; of a scale and a shift `axes`:
            the axis of the output on which the parameter's first axis lies; of a lookup padding_idx and
            scale_grad_by_freq.
    """

    kind: OperationKind
    function: str
    inputs: Tensor
    weight: Tensor
    bias: Tensor | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


Reader: TypeAlias = Callable[..., Operation | None]
"""Takes the arguments of a torch function; None where the call multiplies nothing."""


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Operation | None:
    return Operation("linear", "linear", input, weight, bias) if weight.ndim == 2 else None


def _matmul(left: Tensor, right: Tensor) -> Operation | None:
    return (
        Operation("linear", "matmul", left, right.t()) if right.ndim == 2 and _is_parameter(right) else None
    )


def _addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Operation | None:
    return Operation("linear", "addmm", mat1, mat2.t(), input) if beta == alpha == 1 else None


def _convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Operation:
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Operation("convolution", f"conv{weight.ndim - 2}d", input, weight, bias, options)


def _embedding(
    input: Tensor,
    weight: Tensor,
    *,
    padding_idx: int | None = None,
    scale_grad_by_freq: bool = False,
    **_: Any,
) -> Operation:
    padding = padding_idx if padding_idx is None else padding_idx % len(weight)
    options = {"padding_idx": padding, "scale_grad_by_freq": scale_grad_by_freq}
    return Operation("lookup", "embedding", input, weight, None, options)


def _layer_norm(
    input: Tensor,
    normalized_shape: list[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Operation | None:
    normal = functional.layer_norm(input, normalized_shape, None, None, eps)
    return _affine("layer_norm", normal, weight, bias, normal.ndim - len(normalized_shape))


def _rms_norm(
    input: Tensor, normalized_shape: list[int], weight: Tensor | None = None, eps: float | None = None
) -> Operation | None:
    normal = functional.rms_norm(input, normalized_shape, None, eps)
    return _affine("rms_norm", normal, weight, None, normal.ndim - len(normalized_shape))


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Operation | None:
    by_batch = training or running_mean is None  # without the running values, which must not move
    mean, variance = (None, None) if by_batch else (running_mean, running_var)
    normal = functional.batch_norm(input, mean, variance, None, None, by_batch, momentum, eps)
    return _affine("batch_norm", normal, weight, bias, 1)


def _group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Operation | None:
    return _affine("group_norm", functional.group_norm(input, num_groups, None, None, eps), weight, bias, 1)


def _affine(
    function: str, normal: Tensor, weight: Tensor | None, bias: Tensor | None, axis: int
) -> Operation | None:
    if weight is None:
        return None
    return Operation("scale", function, normal, weight, bias, {"axes": axis})


def _multiply(left: Tensor, right: Tensor | float) -> Operation | None:
    return _elementwise("scale", "mul", left, right)


def _add(left: Tensor, right: Tensor | float, *, alpha: float = 1) -> Operation | None:
    return _elementwise("shift", "add", left, right) if alpha == 1 else None


def _elementwise(kind: OperationKind, function: str, left: Any, right: Any) -> Operation | None:
    """The parameter is the operand that is one, or a view of one; it may be broadcast."""
    if not isinstance(left, Tensor) or not isinstance(right, Tensor):
        return None
    weight, other = (left, right) if _is_parameter(left) else (right, left)
    axis = max(left.ndim, right.ndim) - weight.ndim
    return Operation(kind, function, other, weight, options={"axes": axis})


def _is_parameter(tensor: Tensor) -> bool:
    return isinstance(tensor, torch.nn.Parameter) or isinstance(tensor._base, torch.nn.Parameter)


READERS: Final[dict[Any, Reader]] = {
    functional.linear: _linear,
    torch.matmul: _matmul,
    torch.mm: _matmul,
    Tensor.matmul: _matmul,
    Tensor.mm: _matmul,
    Tensor.__matmul__: _matmul,
    torch.addmm: _addmm,
    torch.conv1d: _convolution,
    torch.conv2d: _convolution,
    torch.conv3d: _convolution,
    functional.embedding: _embedding,
    functional.layer_norm: _layer_norm,
    functional.rms_norm: _rms_norm,
    functional.batch_norm: _batch_norm,
    functional.group_norm: _group_norm,
    torch.mul: _multiply,
    Tensor.mul: _multiply,
    Tensor.__mul__: _multiply,
    Tensor.__rmul__: _multiply,
    torch.add: _add,
    Tensor.add: _add,
    Tensor.__add__: _add,
    Tensor.__radd__: _add,
}
