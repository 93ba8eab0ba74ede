"""The tensors in whatever a model returns, and the same nesting with others in their place.

Beside tuples, lists, dicts and what is registered with torch's pytrees, models return objects with
tensors as attributes, as those of Hugging Face do. These are looked into as well, a few levels deep.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

_DEPTH: Final = 4  # objects within objects: a returned cache is looked into, a cycle ends
_MAIN: Final = "logits"
_PLAIN: Final = (bool, int, float, complex, str, bytes, torch.dtype, torch.device)


def tensors_of(value: Any) -> list[Tensor]:
    """The tensors of nested values, in order.

    >>> import torch
    >>> [each.item() for each in tensors_of({"a": torch.tensor(1), "b": (torch.tensor(2), "text")})]
    [1, 2]
    """
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    mapped(value, note)
    return found


def with_tensors(value: Any, tensors: Iterable[Any]) -> Any:
    """The same nesting with other tensors, in the order of `tensors_of`; the value itself stays as it is.

    >>> import torch
    >>> with_tensors((torch.tensor(1), "text"), [torch.tensor(5)])
    (tensor(5), 'text')
    """
    others = iter(tensors)
    return mapped(value, lambda _: next(others))


def mapped(value: Any, change: Callable[[Tensor], Any], depth: int = _DEPTH) -> Any:
    """The same nesting with each tensor changed."""

    def leaf(each: Any) -> Any:
        if isinstance(each, Tensor):
            return change(each)
        return _rebuilt(each, change, depth - 1) if depth and _is_record(each) else each

    return tree_map(leaf, value)


def leaves_of(value: Any) -> list[Any]:
    """The tensors, then numbers, texts and the like; what else objects unknown to torch hold is left out.

    >>> import torch
    >>> leaves_of({"a": torch.tensor(1), "b": (2.5, "text"), "c": None})
    [tensor(1), 2.5, 'text', None]
    """
    return [
        *tensors_of(value),
        *(each for each in tree_leaves(value) if each is None or isinstance(each, _PLAIN)),
    ]


def main_pair(outputs: Any, targets: Any) -> tuple[Tensor | None, Tensor | None]:
    """What of several outputs is judged, and the target that belongs to it.

    Of outputs and targets with names it is the first name in both, of sequences the first of both;
    otherwise the `logits` where there are some, or the first real tensor, and the first target.

    >>> import torch
    >>> main_pair({"features": torch.zeros(2, 3), "logits": torch.ones(2)}, torch.tensor([1, 0]))
    (tensor([1., 1.]), tensor([1, 0]))
    """
    if isinstance(outputs, Mapping) and isinstance(targets, Mapping):
        for name in outputs:
            if name in targets and isinstance(outputs[name], Tensor):
                return outputs[name], main_of(targets[name], real=False)
    if isinstance(outputs, Sequence) and isinstance(targets, Sequence) and outputs and targets:
        return main_of(outputs[0]), main_of(targets[0], real=False)
    return main_of(outputs), main_of(targets, real=False)


def main_of(value: Any, *, real: bool = True) -> Tensor | None:
    """The `logits` of nested values, or the first tensor; None where there is none.

    Arguments:
        value: what the model returns.
        real: whether only tensors of real numbers are meant.
    """
    named = value.get(_MAIN) if isinstance(value, Mapping) else getattr(value, _MAIN, None)
    if isinstance(named, Tensor):
        return named
    return next((each for each in tensors_of(value) if each.is_floating_point() or not real), None)


def _is_record(value: Any) -> bool:
    """Whether it is an object that holds values, and neither a class, a function nor a module."""
    if isinstance(value, (type, nn.Module)) or callable(value):
        return False
    return hasattr(value, "__dict__") or dataclasses.is_dataclass(value)


def _rebuilt(record: Any, change: Callable[[Tensor], Any], depth: int) -> Any:
    again, items = copy.copy(record), {}
    if isinstance(record, dict):
        for name, each in record.items():
            again[name] = items[id(each)] = mapped(each, change, depth)
    fields = dataclasses.fields(record) if dataclasses.is_dataclass(record) else ()
    names = {*getattr(record, "__dict__", {}), *(field.name for field in fields)}
    for name in sorted(names):
        each = getattr(record, name)
        # An item that is an attribute, too, stays one thing.
        new = items[id(each)] if id(each) in items else mapped(each, change, depth)
        object.__setattr__(again, name, new)
    return again
