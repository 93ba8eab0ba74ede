"""Where the parameters of two states differ."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from weightdesk.desk.engine.graph.box import Box, Part, bounded, take
from weightdesk.desk.engine.graph.rules.rule import differing
from weightdesk.types import ParameterName

if TYPE_CHECKING:
    from weightdesk.desk.state import State

_REMEMBERED: Final = 4


class Differences:
    """Finds the changed parts of parameters, once for all lanes."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], tuple[State, State, dict[ParameterName, Part]]] = {}
        self._lock = Lock()

    def between(self, old: State, new: State) -> dict[ParameterName, Part]:
        """The parameters that differ, with what they are in the new state."""
        key = id(old), id(new)
        with self._lock:
            if key in self._found:
                return self._found[key][2]
        parts = {}
        for name, rows in new.changes_from(old).items():
            part = difference(old.values[name], new.values[name], rows)
            if part is not None:
                parts[name] = part
        with self._lock:  # the states are held, so that their identities stay theirs
            self._found[key] = old, new, parts
            while len(self._found) > _REMEMBERED:
                del self._found[next(iter(self._found))]
        return parts


def difference(old: Tensor, new: Tensor, rows: frozenset[int] | None = None) -> Part | None:
    """The smallest box in which a tensor changed; None where it did not.

    Arguments:
        old: before.
        new: after, of the same shape.
        rows: the places on the first axis at which it may have changed; None: anywhere.

    >>> difference(torch.zeros(4, 8), torch.eye(4, 8), frozenset({1})).box
    {0: tensor([1]), 1: tensor([1])}
    """
    if old is new:
        return None
    if not old.ndim or not old.numel():
        return None if old.numel() and torch.equal(old, new) else Part({}, new)
    chosen = None if rows is None else torch.tensor(sorted(rows))
    if chosen is not None:
        old, new_rows = old.index_select(0, chosen), new.index_select(0, chosen)
    places = differing(old, new if chosen is None else new_rows).nonzero(as_tuple=True)
    if not len(places[0]):
        return None
    box: Box = {axis: torch.unique(each) for axis, each in enumerate(places)}
    if chosen is not None:
        box[0] = chosen[box[0]]
    box = bounded(box, tuple(new.shape))
    return Part(box, take(new, box))
