"""What each example adds to δ of a result that all examples share, such as an embedding of places.

Such a result is repeated over the batch by the addition that uses it. The backward pass brings δ of
every example there, and only then adds them up: it is read before, in the same pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from torch import Tensor
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge

from weightdesk.explain.gradients.shares import tensors_of
from weightdesk.explain.tracing import Trace

Users: TypeAlias = dict[tuple[Node, int], list[Node]]

RESHAPING: Final = {"UnsqueezeBackward0", "ViewBackward0"}


@dataclass(frozen=True, eq=False)
class Repeat:
    """An addition that repeats a result for every example.

    Attributes:
        edge: where the backward pass brings δ of all examples.
        axis: the axis of that δ on which they lie.
        shape: what is repeated, in the shape in which it is added.
    """

    edge: GradientEdge
    axis: int
    shape: tuple[int, ...]

    def by_example(self, delta: Tensor) -> Tensor:
        """δ of what is repeated, for each example: its entries in row-major order.

        >>> import torch
        >>> node = get_gradient_edge(torch.ones(1, requires_grad=True))
        >>> Repeat(node, axis=1, shape=(2,)).by_example(torch.tensor([[[1.0, 2], [3, 4]], [[5, 6], [7, 8]]]))
        tensor([[ 6.,  8.],
                [10., 12.]])
        """
        apart = delta.unsqueeze(0).transpose(0, self.axis + 1)
        ones = [1] * (delta.ndim - len(self.shape))
        return apart.sum_to_size(len(apart), *ones, *self.shape).flatten(1)


def repeats(passed: Trace, alone: Trace | None, number: int, size: int) -> tuple[Repeat, ...]:
    """The additions that repeat a station's result; none if it is used in any other way.

    Arguments:
        passed: a forward pass of the batch, not cut.
        alone: that of the first example alone, by which the axis of the examples is known.
        number: the station.
        size: number of examples.

    >>> import torch
    >>> from weightdesk.explain.tracing import trace, untouched
    >>> class Placed(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.places = torch.nn.Embedding(3, 2)
    ...     def forward(self, x):
    ...         return x + self.places(torch.arange(3))
    >>> model, x = Placed(), torch.zeros(4, 3, 2)
    >>> with untouched(model):
    ...     found = repeats(trace(model, x), trace(model, x[:1]), 0, 4)
    >>> [(each.axis, each.shape) for each in found]
    [(0, (3, 2))]
    """
    if alone is None:
        return ()
    many, single = _additions(passed, number), _additions(alone, number)
    axes = [_grown(now, before, size) for (now, _), (before, _) in zip(many, single, strict=False)]
    if len(many) != len(single) or [each for _, each in many] != [each for _, each in single]:
        return ()
    return tuple(
        Repeat(GradientEdge(node, 0), axis, shape)
        for axis, (node, shape) in zip(axes, many, strict=True)
        if axis is not None
    )


def _additions(passed: Trace, number: int) -> list[tuple[Node, tuple[int, ...]]]:
    """What adds a station's result, or another shape of it, to something; with that shape."""
    station = passed.stations[number]
    assert station.edge is not None
    users = _users(passed.outputs)
    found, waiting = [], [(station.edge.node, station.edge.output_nr, tuple(station.result.shape))]
    while waiting:
        node, output, shape = waiting.pop()
        for user in users[node, output]:
            if user.name() in RESHAPING:
                waiting.append((user, 0, _shape(user)))
            elif user.name() == "AddBackward0" and getattr(user, "_saved_alpha", None) == 1:
                found.append((user, shape))
            else:
                return []
    return found


def _users(outputs: Any) -> Users:
    """Which nodes of the graph use each result of a node."""
    users: Users = defaultdict(list)
    waiting = [get_gradient_edge(each).node for each in tensors_of(outputs)]
    known = set(waiting)
    while waiting:
        node = waiting.pop()
        used: Iterable[tuple[Node | None, int]] = node.next_functions
        for before, output in used:
            if before is not None:
                users[before, output].append(node)
                if before not in known:
                    known.add(before)
                    waiting.append(before)
    return users


def _grown(node: Node, alone: Node, size: int) -> int | None:
    """The axis that one example has once, and the batch once for each."""
    pairs = list(zip(_shape(node), _shape(alone), strict=True))
    grown = [axis for axis, (now, before) in enumerate(pairs) if now != before]
    return grown[0] if len(grown) == 1 and pairs[grown[0]] == (size, 1) else None


def _shape(node: Node) -> tuple[int, ...]:
    """The shape of a node's result."""
    return tuple(node._input_metadata[0].shape)
