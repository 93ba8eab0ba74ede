"""Whether a model still has the modules and parameters, and its optimizers the groups, that they had.

A head is replaced for another task, a layer is unfrozen, appended or pruned: all of that happens in the
middle of trainings, and nobody tells the recorder. So it compares, in few calls that loop inside the
interpreter, since this runs at every step that is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Any

from torch import nn
from torch.optim import Optimizer

from weightdesk.recording.optimizers import parameters_of


class Structure:
    """What a model and its optimizers consist of, to be compared with what they consist of later.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    >>> structure = Structure(model, [])
    >>> model[1] = nn.Linear(3, 2)
    >>> structure.has_changed(), Structure(model, []).has_changed()
    (True, False)
    """

    def __init__(self, model: nn.Module, optimizers: Iterable[Optimizer]) -> None:
        self._tables: list[dict[str, Any]] = [
            table for module in model.modules() for table in (module._parameters, module._modules)
        ]
        slots = [(table, name, value) for table in self._tables for name, value in table.items()]
        self._lengths = list(map(len, self._tables))
        self._owners = [table for table, _, _ in slots]
        self._names = [name for _, name, _ in slots]
        self._values = [value for _, _, value in slots]
        self._groups = [(optimizer, parameters_of(optimizer)) for optimizer in optimizers]

    def has_changed(self) -> bool:
        """Whether a module or parameter was added, removed, renamed or replaced, in the model or a group."""
        return not (
            self._lengths == list(map(len, self._tables))
            and all(map(is_, map(dict.get, self._owners, self._names), self._values))
            and all(_are_same(parameters_of(optimizer), before) for optimizer, before in self._groups)
        )


def _are_same(present: list[Any], before: list[Any]) -> bool:
    return len(present) == len(before) and all(map(is_, present, before))  # == would compare their elements
