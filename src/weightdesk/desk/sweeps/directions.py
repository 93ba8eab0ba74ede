"""Directions in which all weights move at once: drawn at random, or given."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, Self, TypeAlias

import torch
from torch import Tensor

from weightdesk.desk.edits.edit import Edit
from weightdesk.desk.parts import Part
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.errors import OptionError, UnknownParameterError, closest
from weightdesk.runs import Parameters
from weightdesk.types import ParameterName

Normalise: TypeAlias = Literal["filter", "layer"] | None
Direction: TypeAlias = Mapping[ParameterName, Tensor]
"""By how much each weight moves at 1; parameters that it leaves out stay."""

NORMALISATIONS: Final = ("filter", "layer", None)
_numbers = itertools.count()


def drawn(state: State, seed: int, normalise: Normalise) -> Direction:
    """A direction of normally distributed numbers for each weight.

    Filter by filter it is made as long as the filter's weights are, so that the same step means the same to
    networks of other scale; biases and the parameters of normalisations stay, as in the paper (Li et al.
    2018, "Visualizing the loss landscape of neural nets", section 4). A filter is what one unit reads: a
    row of the first axis.

    Arguments:
        state: the present weights.
        seed: of the numbers.
        normalise: by filter, by whole parameters, or not at all.

    >>> state = State((), {"w": torch.tensor([[3.0, 4.0]]), "b": torch.ones(1)})
    >>> found = drawn(state, 0, "filter")
    >>> list(found), round(float(found["w"].norm()), 3)
    (['w'], 5.0)
    """
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, weights in state.values.items():
        if weights.ndim > 1 and weights.is_floating_point():
            numbers = torch.randn(weights.shape, generator=generator, dtype=torch.float64).to(weights.device)
            found[name] = _as_long(numbers, weights.double(), normalise).to(weights.dtype)
    if not found:
        raise OptionError(
            "no parameter has two axes or more, so that a random direction moves none; give one"
        )
    return found


def given(direction: object, state: State) -> Direction:
    """A direction that somebody made, such as other weights minus these, checked.

    Raises:
        OptionError: it is no mapping of tensors, or one has another shape than its parameter.
        UnknownParameterError: there is no such parameter.
    """
    if not isinstance(direction, Mapping) or not direction:
        raise OptionError(
            f"a direction names parameters and gives a tensor each, got {type(direction).__name__}"
        )
    found = {}
    for name, each in direction.items():
        if name not in state.parameters:
            raise UnknownParameterError(f"no parameter {name!r}; {closest(str(name), state.parameters)}")
        known = state.parameters[name].name
        weights = state.values[known]
        moved = torch.as_tensor(each).detach()
        if moved.shape != weights.shape:
            raise OptionError(
                f"the direction of {name} has shape {tuple(moved.shape)}, expected {tuple(weights.shape)}"
            )
        found[known] = moved.to(weights)
    return found


@dataclass(frozen=True)
class Moving(Edit):
    """All weights moved along directions; an edit for the engine only, never part of a mix.

    Attributes:
        number: of the landscape that it belongs to: two landscapes have other directions.
        amounts: how far along each.
        directions: theirs.
    """

    number: int
    amounts: tuple[float, ...]
    directions: tuple[Direction, ...] = field(compare=False, repr=False)

    kind: ClassVar[str] = "move"

    def bound(self, parameters: Parameters, values: Mapping[ParameterName, Tensor]) -> Self:  # noqa: ARG002
        """See `Edit`: it was made for these very weights."""
        return self

    def write(self, values: Mapping[ParameterName, Tensor]) -> None:
        """See `Edit`."""
        for amount, direction in zip(self.amounts, self.directions, strict=True):
            for name, each in direction.items():
                values[name].add_(each, alpha=amount)

    def describe(self) -> str:
        """See `Edit`."""
        return f"moved by {', '.join(f'{each:.4g}' for each in self.amounts)}"


class Walk:
    """Goes from a state along directions.

    >>> state = State((), {"w": torch.zeros(2)})
    >>> Walk(state, [{"w": torch.tensor([1.0, 2.0])}]).to(0.5).values["w"]
    tensor([0.5000, 1.0000])
    """

    def __init__(self, state: State, directions: list[Direction]) -> None:
        self._state, self._directions, self._number = state, tuple(directions), next(_numbers)
        names = dict.fromkeys(name for each in directions for name in each)
        self._parts = tuple(map(Part, names))

    def to(self, *amounts: float) -> State:
        """The state so far along each direction."""
        if not any(amounts):
            return self._state
        edit = Moving(Place(""), self._number, amounts, self._directions, parts=self._parts)
        return self._state.with_edit(edit)


def _as_long(numbers: Tensor, weights: Tensor, normalise: Normalise) -> Tensor:
    if normalise is None:
        return numbers
    axes = tuple(range(1 if normalise == "filter" else 0, weights.ndim))
    one, other = (torch.linalg.vector_norm(each, dim=axes, keepdim=True) for each in (weights, numbers))
    scaled: Tensor = numbers * (one / (other + 1e-10))
    return scaled
