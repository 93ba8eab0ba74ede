"""What the autograd graph of a pass tells: which functions bend the sums, and where none does.

Functions that the network calls, such as `torch.relu`, are no modules; the graph has them all, and
holds the results of those that bend. A layer is named by the parameter that its node leads to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from torch import Tensor

_MOST: Final = 4000  # nodes: an unrolled recurrence has many
_NEAR: Final = 0.01  # of the range: so near a bound an output is saturated
_LINEAR: Final = ("AddmmBackward", "MmBackward", "ConvolutionBackward", "MkldnnLinear")
_BOUNDED: Final = {"TanhBackward": (-1.0, 1.0), "SigmoidBackward": (0.0, 1.0)}
_STRAIGHT: Final = (
    "View", "UnsafeView", "Reshape", "ReshapeAlias", "Transpose", "Permute", "Squeeze", "Unsqueeze", "Clone",
    "NativeDropout", "NativeBatchNorm", "AvgPool2D", "AdaptiveAvgPool", "Mean", "Slice", "Select",
    "TBackward", "ToCopy", "Contiguous", "Alias", "Expand", "FusedDropout", "Unfold", "CudnnBatchNorm",
)  # fmt: skip

Node = Any


def read_graph(
    root: Node, names: Mapping[int, str], follow: Callable[[Node, dict[str, Any]], None] = lambda *_: None
) -> list[dict[str, Any]]:
    """Activations and linear layers in a row, as JSON can hold them.

    Arguments:
        root: `grad_fn` of the outputs.
        names: of the parameters, by their `id`.
        follow: told each node that bends, with what is said about it.

    What bends comes in the order of the backward pass, the nearest to the outputs first.

    >>> first, last = torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)
    >>> names = {id(first.weight): "first.weight", id(last.weight): "last.weight"}
    >>> read_graph(last(first(torch.ones(4, 2))).grad_fn, names)
    [{'straight': ['first.weight', 'last.weight']}]
    >>> [each["function"] for each in read_graph(last(torch.tanh(first(torch.ones(4, 2)))).grad_fn, names)]
    ['tanh']
    """
    found: list[dict[str, Any]] = []
    bends: list[tuple[int, dict[str, Any]]] = []
    waiting, seen = deque([(root, True)]), {root}
    while waiting and len(seen) < _MOST:
        node, is_last = waiting.popleft()
        name = type(node).__name__
        if name.startswith(_LINEAR):
            found += _straight(node, names)
            is_last = False
        elif name.startswith(("Relu", "HardtanhBackward", *_BOUNDED)):
            bends.append((node._sequence_nr(), _bend(node, name, names) | {"last": is_last}))
            follow(node, bends[-1][1])
        for after, _ in node.next_functions:
            if after is not None and after not in seen:
                seen.add(after)
                waiting.append((after, is_last))
    return [*found, *(told for _, told in sorted(bends, key=lambda pair: -pair[0]))]


def _bend(node: Node, name: str, names: Mapping[int, str]) -> dict[str, Any]:
    result = _result(node, name)
    function = "relu6" if name.startswith("Hardtanh") else name.split("Backward")[0].lower()
    before = _linear_before(node, names)
    told: dict[str, Any] = {
        "function": function,
        "after": before[0] if before else None,
        "of": result.numel(),
    }
    if function in ("relu", "relu6"):
        units = (
            result.transpose(0, 1).flatten(1)
            if result.ndim in (2, 4)
            else result.reshape(-1, result.shape[-1]).T
        )
        told |= {
            "units": len(units),
            "silent": int((units <= 0).all(1).sum()),
            "zero": float((result <= 0).float().mean()),
        }
    else:
        low, high = _BOUNDED[name.rstrip("0123456789")]
        margin = _NEAR * (high - low)
        told["saturated"] = float(((result <= low + margin) | (result >= high - margin)).float().mean())
    return told


def _result(node: Node, name: str) -> Tensor:
    if name.startswith("Hardtanh"):  # it keeps what it was given
        given: Tensor = node._saved_self.detach()
        return given.sub(node._saved_min_val)  # silent where it is not above the lower bound
    result: Tensor = node._saved_result
    return result.detach()


def _straight(node: Node, names: Mapping[int, str]) -> list[dict[str, Any]]:
    """The linear layer right before this one, where nothing between them bends."""
    own = _weight(node, names)
    if own is None:
        return []
    return [{"straight": [each, own]} for each in _linear_before(node, names) if each != own]


def _linear_before(node: Node, names: Mapping[int, str]) -> list[str]:
    """Names of the linear layers from which a node's input comes, with only straight operations between."""
    waiting, found, steps = [each for each, _ in node.next_functions if each is not None], [], 0
    while waiting and steps < 64:
        steps += 1
        each = waiting.pop()
        name = type(each).__name__
        if name.startswith(_LINEAR):
            if (weight := _weight(each, names)) is not None:
                found.append(weight)
        elif name.startswith("TBackward"):
            continue  # the weights of the layer itself
        elif name.startswith(_STRAIGHT) or _is_dropout(each, name):
            waiting += [after for after, _ in each.next_functions if after is not None][:1]
        elif name != "AccumulateGrad":
            return []
    return found


def _is_dropout(node: Node, name: str) -> bool:
    """A product with numbers that need no gradient: a mask, or a scale."""
    return (
        name.startswith(("MulBackward", "DivBackward"))
        and sum(each is not None for each, _ in node.next_functions) == 1
    )


def _weight(node: Node, names: Mapping[int, str]) -> str | None:
    """The name of the matrix or kernel that a linear node multiplies with."""
    for each, _ in node.next_functions:
        for leaf in (each, *(after for after, _ in each.next_functions)) if each is not None else ():
            variable = getattr(leaf, "variable", None)
            if isinstance(variable, Tensor) and variable.ndim > 1 and id(variable) in names:
                return names[id(variable)]
    return None
