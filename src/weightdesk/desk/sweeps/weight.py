"""The one weight that a sweep turns, and the values that it is given."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from weightdesk.desk.edits import Setting
from weightdesk.desk.edits.edit import number, whole
from weightdesk.desk.places import Place, Unit, place_in
from weightdesk.desk.state import State
from weightdesk.errors import OptionError
from weightdesk.types import Index, ParameterName

USUAL: Final = 41
_REACH: Final = 3.0


@dataclass(frozen=True)
class Weight:
    """One weight of a network.

    Attributes:
        place: as the edits know it.
        parameter: its canonical name.
        index: in it, one number an axis.

    >>> state = State.of(nn.Linear(3, 2))
    >>> str(one_weight(nn.Linear(3, 2), state, "weight", (-1, 0)))
    'weight[1,0]'
    """

    place: Place
    parameter: ParameterName
    index: Index

    def __str__(self) -> str:
        return str(self.place)

    def value(self, state: State) -> float:
        """What it is in a state."""
        return float(state.values[self.parameter][self.index])

    def direction(self, state: State) -> Tensor:
        """The parameter's tensor with 1 in its place and 0 elsewhere."""
        found = torch.zeros_like(state.values[self.parameter])
        found[self.index] = 1
        return found

    def turned(self, state: State, value: float) -> State:
        """The state with it at a value."""
        return state.with_edit(Setting(self.place, value))


def one_weight(model: nn.Module, state: State, name: str, index: Unit) -> Weight:
    """The weight that a name and an index mean.

    Raises:
        OptionError: they mean several, or weights that cannot be turned.
        UnknownParameterError: there is no parameter of this name.
        IndexRangeError: the index lies outside.
    """
    place = place_in(model, name, () if index is None else index).within(state.parameters)
    edit = Setting(place, 0.0).bound(state.parameters, state.values)
    sizes = [part.of(state.values[part.parameter]).numel() for part in edit.parts]
    if sizes != [1]:
        raise OptionError(
            f"{place} is {sum(sizes)} weights, and a sweep turns one: name a parameter and one number for "
            "each of its axes, or move several along a direction with desk.landscape"
        )
    (part,) = edit.parts
    shape = state.values[part.parameter].shape
    given = [each for each in part.index if isinstance(each, int)]
    return Weight(place, part.parameter, tuple(given) + (0,) * (len(shape) - len(given)))


def values_of(given: Any, weights: Tensor, present: float) -> tuple[Float64[Tensor, " values"], str]:
    """The values to try, and how they were chosen; nothing to say about those that were given.

    Arguments:
        given: values; how many; or None for the usual number.
        weights: the whole parameter.
        present: the weight's present value.

    Raises:
        OptionError: there are none, or one is no number.

    >>> values, said = values_of(3, torch.tensor([-1.0, 1.0]), 0.5)
    >>> print(values.tolist(), said)
    [-2.5, 0.5, 3.5] 3 values within 3 standard deviations of the parameter (1) around the present one
    """
    if given is None or _is_whole(given):
        return _around(
            USUAL if given is None else whole(given, "the number of values", least=1), weights, present
        )
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise OptionError(f"values are numbers, or how many there are to be, got {given!r}")
    found = [number(each, "each value of a sweep") for each in given]
    if not found:
        raise OptionError("a sweep needs at least one value, got none")
    return torch.tensor(found, dtype=torch.float64), ""


def _around(count: int, weights: Tensor, present: float) -> tuple[Tensor, str]:
    spread = _spread(weights.detach())
    middle = present if torch.tensor(present).isfinite() else 0.0
    about = f"3 standard deviations of the parameter ({spread:.4g})"
    if not spread:
        spread = abs(middle) / _REACH or 1 / _REACH
        about = f"{_REACH * spread:.4g} (the parameter's weights are all the same)"
    steps = torch.linspace(-_REACH, _REACH, count, dtype=torch.float64) if count > 1 else torch.zeros(1)
    return middle + spread * steps.double(), f"{count} values within {about} around the present one"


def _spread(weights: Tensor) -> float:
    """The standard deviation of those that are finite; in one pass where all of them are."""
    spread = float(
        weights.float().std(correction=0) if weights.element_size() < 4 else weights.std(correction=0)
    )
    if math.isfinite(spread):
        return spread
    finite = weights[weights.isfinite()].double()
    return float(finite.std(correction=0)) if finite.numel() else 0.0


def _is_whole(given: Any) -> bool:
    if isinstance(given, (bool, Tensor)):
        return False
    try:
        operator.index(given)
    except TypeError:
        return False
    return True
